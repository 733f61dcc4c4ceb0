/* sim_selftest.c - see sim_selftest.h. */
#include "sim_selftest.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_buf.h"
#include "sim_limit.h"
#include "sim_orders.h"
#include "sim_platform.h"
#include "sim_render.h"
#include "sim_sign.h"
#include "sim_state.h"

#define ORDERS 150

struct test {
    unsigned failures;
    json_t *seen; /* path → true, for every field met with a non-empty value */
};

static void expect(struct test *t, bool ok, const char *what, const char *about)
{
    if (ok)
        return;
    t->failures++;
    fprintf(stderr, "self-test: %s: %s\n", what, about);
}

/* The two examples the platform publishes. */
static void test_signatures(struct test *t)
{
    static const char push[] =
        "{\"type\":1,\"tts_notification_id\":\"7380066284010030890\",\"shop_id\":\"7495540735365777507\","
        "\"timestamp\":1718305585,\"data\":{\"is_on_hold_order\":true,\"order_id\":\"576653688135258178\","
        "\"order_status\":\"UNPAID\",\"update_time\":1718305585}}";
    struct sign_param params[] = {{"timestamp", "1623812664"}, {"sign", "x"}, {"app_key", "29a39d"}};
    char out[SIGN_HEX];

    expect(t, sizeof push - 1 == 223, "length of the push example", "223 bytes");
    sign_push("abcdef", "123", push, sizeof push - 1, out);
    expect(t, sign_equal("5dec0f11ec2f6783b8deee53c9ffbf8d024302f7c7e7fa55a35d17629031ac05", out),
           "push signature", out);
    sign_request("e59af819cc", "/authorization/202309/shops", params, 3, NULL, 0, out);
    expect(t, sign_equal("b596b73e0cc6de07ac26f036364178ab16b0a907af13d43f0a0cd2345f582dc8", out),
           "request signature", out);
}

/* Keys of every object ascend; non-empty values are noted under their path ("line_items[].id"). */
static void walk(struct test *t, const json_t *value, const char *path)
{
    const char *key, *before = "";
    char below[160];
    size_t i;
    json_t *each, *object = (json_t *)(uintptr_t)value;

    json_array_foreach(value, i, each)
    {
        snprintf(below, sizeof below, "%s[]", path);
        walk(t, each, below);
    }
    json_object_foreach(object, key, each)
    {
        expect(t, strcmp(before, key) < 0, "keys not in order", key);
        before = key;
        snprintf(below, sizeof below, "%s%s%s", path, *path ? "." : "", key);
        walk(t, each, below);
    }
    if ((json_is_string(value) && json_string_length(value) && strcmp(json_string_value(value), "0") != 0) ||
        json_is_true(value) || json_integer_value(value) != 0)
        json_object_set_new(t->seen, path, json_true());
}

/* Decimal text to thousandths; absent counts as 0. */
static int64_t amount(const json_t *payment, const char *key)
{
    const char *s = json_string_value(json_object_get(payment, key));
    bool minus = s && *s == '-';
    int64_t v = 0;
    int digits = -1;

    for (; s && *s; s++) {
        if (*s == '.')
            digits = 0;
        if (*s < '0' || *s > '9')
            continue;
        v = v * 10 + (*s - '0');
        digits += digits >= 0;
    }
    for (digits = digits < 0 ? 0 : digits; digits < 3; digits++)
        v *= 10;
    return minus ? -v : v;
}

static void test_payment(struct test *t, const json_t *order)
{
    const json_t *p = json_object_get(order, "payment"), *line;
    const char *id = json_string_value(json_object_get(order, "id"));
    int64_t prices = 0, sales = 0;
    size_t i;

    json_array_foreach(json_object_get(order, "line_items"), i, line)
    {
        prices += amount(line, "original_price");
        sales += amount(line, "sale_price");
    }
    expect(t, prices == amount(p, "original_total_product_price"), "sum of the prices", id);
    expect(t, sales == amount(p, "sub_total"), "sum of the sale prices", id);
    expect(t,
           amount(p, "sub_total") == amount(p, "original_total_product_price") -
                                         amount(p, "seller_discount") - amount(p, "platform_discount"),
           "sub_total", id);
    expect(t,
           amount(p, "shipping_fee") == amount(p, "original_shipping_fee") -
                                            amount(p, "shipping_fee_seller_discount") -
                                            amount(p, "shipping_fee_platform_discount"),
           "shipping_fee", id);
    expect(t,
           amount(p, "total_amount") == amount(p, "sub_total") + amount(p, "shipping_fee") +
                                            amount(p, "tax") + amount(p, "retail_delivery_fee"),
           "total_amount", id);
}

static void test_render(struct test *t, struct sim *sim, const struct entity *order, size_t *bytes)
{
    for (uint32_t r = 1; r <= order->revisions; r++) {
        struct buf b = {0};
        json_t *doc;

        render_order(sim, order, r, &b);
        doc = json_loadb(b.p, b.n, JSON_REJECT_DUPLICATES, NULL);
        expect(t, doc != NULL, "not JSON", order->id);
        walk(t, doc, "");
        test_payment(t, doc);
        *bytes += b.n;
        json_decref(doc);
        buf_deinit(&b);
    }
}

/* Every field of the platform's order documentation. */
static const char fields[] =
    "id user_id status buyer_email buyer_message seller_note cancel_reason cancellation_initiator order_type "
    "commerce_platform shipping_type shipping_provider shipping_provider_id tracking_number delivery_type "
    "delivery_option_id delivery_option_name fulfillment_type warehouse_id split_or_combine_tag "
    "payment_method_name "
    "replaced_order_id exchange_source_order_id create_time update_time paid_time rts_time collection_time "
    "delivery_time "
    "cancel_time request_cancel_time release_date rts_sla_time tts_sla_time cancel_order_sla_time "
    "delivery_sla_time "
    "shipping_due_time collection_due_time delivery_due_time delivery_option_required_delivery_time "
    "pick_up_cut_off_time "
    "fast_dispatch_sla_time is_cod is_sample_order is_on_hold_order is_buyer_request_cancel "
    "is_replacement_order "
    "is_exchange_order has_updated_recipient_address is_subscription_order fulfillment_priority_level "
    "recommended_shipping_time handling_duration.days handling_duration.type packages[].id "
    "payment.currency payment.total_amount payment.sub_total payment.original_total_product_price "
    "payment.seller_discount "
    "payment.platform_discount payment.shipping_fee payment.original_shipping_fee "
    "payment.shipping_fee_seller_discount "
    "payment.shipping_fee_platform_discount payment.shipping_fee_cofunded_discount payment.tax "
    "payment.product_tax "
    "payment.shipping_fee_tax payment.handling_fee payment.buyer_service_fee payment.shipping_insurance_fee "
    "payment.item_insurance_fee payment.item_insurance_tax payment.payment_platform_discount "
    "recipient_address.full_address recipient_address.name recipient_address.first_name "
    "recipient_address.last_name "
    "recipient_address.phone_number recipient_address.region_code recipient_address.postal_code "
    "recipient_address.address_detail recipient_address.address_line1 recipient_address.address_line2 "
    "recipient_address.address_line3 recipient_address.address_line4 "
    "recipient_address.district_info[].address_level "
    "recipient_address.district_info[].address_level_name recipient_address.district_info[].address_name "
    "recipient_address.delivery_preferences.drop_off_location "
    "line_items[].id line_items[].sku_id line_items[].product_id line_items[].product_name "
    "line_items[].sku_name "
    "line_items[].sku_image line_items[].seller_sku line_items[].sku_type line_items[].display_status "
    "line_items[].cancel_user line_items[].cancel_reason line_items[].currency line_items[].original_price "
    "line_items[].sale_price line_items[].seller_discount line_items[].platform_discount "
    "line_items[].gift_retail_price "
    "line_items[].buyer_service_fee line_items[].package_id line_items[].package_status "
    "line_items[].shipping_provider_id line_items[].shipping_provider_name line_items[].tracking_number "
    "line_items[].rts_time line_items[].handling_duration_days line_items[].is_gift "
    "line_items[].is_dangerous_good "
    "line_items[].needs_prescription line_items[].item_tax[].tax_type line_items[].item_tax[].tax_amount "
    "line_items[].item_tax[].tax_rate line_items[].combined_listing_skus[].sku_id "
    "line_items[].combined_listing_skus[].product_id line_items[].combined_listing_skus[].seller_sku "
    "line_items[].combined_listing_skus[].sku_count line_items[].sub_item_info[].warehouse_id "
    "line_items[].sub_item_info[].sku_id line_items[].sub_item_info[].product_id";

static void test_fields(struct test *t, const char *names)
{
    char *list = buf_strdup(names), *rest = list, *name;

    while ((name = strsep(&rest, " ")))
        expect(t, !*name || json_object_get(t->seen, name), "field never seen with a value", name);
    free(list);
}

static void test_orders(struct test *t)
{
    struct options opt = {.platform = &platform_tiktok,
                          .app_key = "k",
                          .app_secret = "s",
                          .shops = 2,
                          .shops_per_authorization = 1,
                          .seed = 1};
    struct change change = {.at = -1};
    struct sim sim;
    size_t bytes = 0, count = 0;

    sim_init(&sim, &opt);
    for (uint32_t n = 0; n < ORDERS; n++) {
        const struct entity *order = NULL;

        for (uint32_t r = 0; r < 9; r++) {
            change.address = r == 4;
            order = orders_change(&sim, n % 2, n, &change);
        }
        expect(t, orders_by_id(&sim, order->id) == order, "order not found by id", order->id);
        test_render(t, &sim, order, &bytes);
        count += order->revisions;
    }
    test_fields(t, fields);
    printf("self-test: %zu renderings of %d orders, %zu bytes on average\n", count, ORDERS, bytes / count);
    sim_deinit(&sim);
}

/* --- the other kinds ------------------------------------------------------------------------------------- */

#define REFUND(at)                                                                                           \
    at "refund_amount.currency " at "refund_amount.refund_total " at "refund_amount.refund_subtotal " at     \
       "refund_amount.refund_shipping_fee " at "refund_amount.refund_tax " at                                \
       "refund_amount.retail_delivery_fee " at "refund_amount.buyer_service_fee "
#define RETURN_LINE(at)                                                                                      \
    at "order_line_item_id " at "sku_id " at "sku_name " at "product_name " at "seller_sku " at              \
       "product_image.url " at "product_image.width " at "product_image.height " REFUND(at)
#define PICTURE(at) at "uri " at "width " at "height " at "urls[] " at "thumb_urls[] "
#define ADDRESS(at)                                                                                          \
    at "full_address " at "name " at "phone_number " at "postal_code " at "region_code " at                  \
       "address_detail " at "address_line1 " at "address_line2 " at "address_line3 " at "address_line4 "

/* Every documented field of each kind, as paths into GET truth's body. */
static const char *const kind_fields[KINDS] = {
    [KIND_PRODUCT] =
        "id title description status product_status create_time update_time external_product_id "
        "product_types[] category_chains[].id category_chains[].parent_id category_chains[].local_name "
        "category_chains[].is_leaf brand.id brand.name video.id video.url video.cover_url "
        "package_dimensions.length package_dimensions.width package_dimensions.height "
        "package_dimensions.unit package_weight.value package_weight.unit is_cod_allowed is_not_for_sale "
        "is_pre_owned is_replicated has_draft minimum_order_quantity product_attributes[].id "
        "product_attributes[].name product_attributes[].values[].id product_attributes[].values[].name "
        "delivery_options[].id delivery_options[].name delivery_options[].is_available audit.status "
        "audit.pre_approved_reasons[] audit_failed_reasons[].position audit_failed_reasons[].reasons[] "
        "audit_failed_reasons[].suggestions[] audit_failed_reasons[].listing_platform skus[].id "
        "skus[].seller_sku skus[].price.currency skus[].price.tax_exclusive_price skus[].price.sale_price "
        "skus[].price.unit_price skus[].inventory[].warehouse_id skus[].inventory[].quantity "
        "skus[].inventory[].backorder_quantity skus[].inventory[].handling_time skus[].list_price.amount "
        "skus[].list_price.currency skus[].pre_sale.type skus[].status_info.status "
        "skus[].status_info.deactivation_source skus[].fees[].type skus[].fees[].amount "
        "skus[].fees[].additional_attribute skus[].identifier_code.code skus[].identifier_code.type "
        "skus[].external_sku_id skus[].sku_unit_count skus[].sales_attributes[].id "
        "skus[].sales_attributes[].name skus[].sales_attributes[].value_id "
        "skus[].sales_attributes[].value_name skus[].combined_skus[].product_id "
        "skus[].combined_skus[].sku_id skus[].combined_skus[].sku_count skus[].combined_skus[].seller_sku "
        "skus[].combined_skus[].title " PICTURE("main_images[].")
            PICTURE("skus[].sales_attributes[].sku_img."),
    [KIND_RETURN] =
        "return_id order_id return_type return_status arbitration_status role return_reason "
        "return_reason_text shipment_type handover_method return_method return_shipping_document_type "
        "return_tracking_number return_provider_name return_provider_id pre_return_id next_return_id "
        "combined_return_id seller_proposed_return_type create_time update_time can_buyer_keep_item "
        "is_combined_return buyer_rejected_partial_refund is_quick_refund partial_refund.currency "
        "partial_refund.amount return_warehouse_address.full_address seller_next_action_response[].action "
        "seller_next_action_response[].deadline discount_amount[].currency "
        "discount_amount[].product_seller_discount discount_amount[].product_platform_discount "
        "discount_amount[].shipping_fee_seller_discount discount_amount[].shipping_fee_platform_discount "
        "shipping_fee_amount[].currency shipping_fee_amount[].seller_paid_return_shipping_fee "
        "shipping_fee_amount[].platform_paid_return_shipping_fee "
        "shipping_fee_amount[].buyer_paid_return_shipping_fee return_line_items[].return_line_item_id "
        "return_line_items[].return_sub_line_items[].return_line_item_id "
        "return_line_items[].return_sub_line_items[].return_sub_line_item_id "
        "return_line_items[].return_sub_line_items[].sub_order_line_item_id " REFUND("")
            RETURN_LINE("return_line_items[].") RETURN_LINE("return_line_items[].return_sub_line_items[]."),
    [KIND_CANCELLATION] =
        "cancel_id order_id cancel_type cancel_status role cancel_reason cancel_reason_text create_time "
        "update_time should_replenish_stock seller_next_action_response[].action "
        "seller_next_action_response[].deadline cancel_line_items[].cancel_line_item_id "
        "cancel_line_items[].cancel_sub_line_items[].cancel_line_item_id "
        "cancel_line_items[].cancel_sub_line_items[].cancel_sub_line_item_id "
        "cancel_line_items[].cancel_sub_line_items[].sub_order_line_item_id " REFUND("")
            RETURN_LINE("cancel_line_items[].") RETURN_LINE("cancel_line_items[].cancel_sub_line_items[]."),
    [KIND_TRACKING] =
        "packages[].package_id packages[].package_status packages[].package_sub_status "
        "packages[].ship_exception_reason packages[].split_and_combine_tag packages[].note_tag "
        "packages[].has_multi_skus packages[].shipping_type packages[].shipping_provider_name "
        "packages[].shipping_provider_id packages[].delivery_option_name packages[].delivery_option_id "
        "packages[].handover_method packages[].tracking_number packages[].last_mile_tracking_number "
        "packages[].create_time packages[].update_time packages[].pickup_slot.start_time "
        "packages[].pickup_slot.end_time packages[].order_line_item_ids[] packages[].orders[].id "
        "packages[].orders[].skus[].id packages[].orders[].skus[].name packages[].orders[].skus[].image_url "
        "packages[].orders[].skus[].quantity packages[].weight.value packages[].weight.unit "
        "packages[].dimension.length packages[].dimension.width packages[].dimension.height "
        "packages[].dimension.unit packages[].insurance.amount tracking[].description "
        "tracking[].update_time_millis tracking[].action_code " ADDRESS("packages[].recipient_address.")
            ADDRESS("packages[].sender_address."),
    [KIND_TRANSACTION] =
        "order_id order_create_time currency revenue_amount fee_and_tax_amount shipping_cost_amount "
        "settlement_amount total_count sku_transactions[].sku_id sku_transactions[].sku_name "
        "sku_transactions[].product_name sku_transactions[].statement_id sku_transactions[].quantity "
        "sku_transactions[].settlement_amount sku_transactions[].revenue_amount "
        "sku_transactions[].shipping_cost_amount sku_transactions[].fee_tax_amount "
        "sku_transactions[].revenue_breakdown.subtotal_before_discount_amount "
        "sku_transactions[].revenue_breakdown.refund_subtotal_before_discount_amount "
        "sku_transactions[].revenue_breakdown.seller_discount_amount "
        "sku_transactions[].revenue_breakdown.seller_discount_refund_amount "
        "sku_transactions[].shipping_cost_breakdown.actual_shipping_fee_amount "
        "sku_transactions[].shipping_cost_breakdown.shipping_fee_discount_amount "
        "sku_transactions[].shipping_cost_breakdown.customer_paid_shipping_fee_amount "
        "sku_transactions[].shipping_cost_breakdown.return_shipping_fee_amount "
        "sku_transactions[].fee_tax_breakdown.fee.platform_commission_amount "
        "sku_transactions[].fee_tax_breakdown.fee.transaction_fee_amount "
        "sku_transactions[].fee_tax_breakdown.fee.affiliate_commission_amount "
        "sku_transactions[].fee_tax_breakdown.fee.sfp_service_fee_amount "
        "sku_transactions[].fee_tax_breakdown.fee.voucher_xtra_service_fee_amount "
        "sku_transactions[].fee_tax_breakdown.fee.flash_sales_service_fee_amount "
        "sku_transactions[].fee_tax_breakdown.fee.dynamic_commission_amount "
        "sku_transactions[].fee_tax_breakdown.fee.vn_fix_infrastructure_fee "
        "sku_transactions[].fee_tax_breakdown.tax.vat_amount "
        "sku_transactions[].fee_tax_breakdown.tax.pit_amount "
        "sku_transactions[].supplementary_component.customer_payment_amount"};

/* The same bytes twice, JSON, keys in order (bar the envelope of tracking, which is the test's own). */
static void test_truth(struct test *t, struct sim *sim, enum kind kind, uint32_t number)
{
    struct buf body = {0}, again = {0};
    struct truth truth = {.body = &body}, second = {.body = &again};
    json_t *doc;

    if (!sim->platform->truth(sim, kind, number % 2, number, &truth))
        return;
    sim->epoch++; /* no cached rendering */
    expect(t,
           sim->platform->truth(sim, kind, number % 2, number, &second) && body.n == again.n &&
               memcmp(body.p, again.p, body.n) == 0,
           "two renderings differ", truth.id);
    doc = json_loadb(body.p, body.n, JSON_REJECT_DUPLICATES, NULL);
    expect(t, doc != NULL, "not JSON", truth.id);
    walk(t, doc, "");
    json_decref(doc);
    buf_deinit(&body);
    buf_deinit(&again);
}

/* The packages of an order are those its detail names. */
static void test_packages(struct test *t, struct sim *sim, uint32_t number)
{
    struct buf body = {0};
    struct truth truth = {.body = &body};
    const json_t *named, *served;
    json_t *doc = NULL;
    size_t i;

    if (sim->platform->truth(sim, KIND_TRACKING, number % 2, number, &truth))
        doc = json_loadb(body.p, body.n, 0, NULL);
    named = json_object_get(json_object_get(doc, "order"), "packages");
    expect(t, json_array_size(named) == json_array_size(json_object_get(doc, "packages")),
           "number of packages", truth.id);
    json_array_foreach(json_object_get(doc, "packages"), i, served) expect(
        t, json_equal(json_object_get(json_array_get(named, i), "id"), json_object_get(served, "package_id")),
        "package id", truth.id);
    json_decref(doc);
    buf_deinit(&body);
}

static void test_kind(struct test *t, struct sim *sim, enum kind kind)
{
    struct change change = {.at = -1};
    struct entity *entity;
    unsigned refused = 0;

    json_object_clear(t->seen);
    for (uint32_t n = 0; n < ORDERS; n++) {
        for (uint32_t r = 0; r < 7; r++) {
            refused += sim->platform->change(sim, kind, n % 2, n, &change, &entity) != NULL;
            test_truth(t, sim, kind, n);
        }
        if (kind == KIND_TRACKING)
            test_packages(t, sim, n);
    }
    expect(t, refused < ORDERS * 3, "changes refused", kind_name(kind));
    test_fields(t, kind_fields[kind]);
}

/* After the orders have reached their ends. */
static void test_kinds(struct test *t)
{
    struct options opt = {.platform = &platform_tiktok,
                          .app_key = "k",
                          .app_secret = "s",
                          .shops = 2,
                          .shops_per_authorization = 1,
                          .seed = 1};
    struct change change = {.at = -1};
    struct sim sim;

    sim_init(&sim, &opt);
    for (uint32_t n = 0; n < ORDERS; n++) {
        for (uint32_t r = 0; r < 8; r++)
            orders_change(&sim, n % 2, n, &change);
    }
    for (int kind = KIND_PRODUCT; kind < KINDS; kind++)
        test_kind(t, &sim, (enum kind)kind);
    sim_deinit(&sim);
}

/* A limit of 100 lets 102 through; refused calls are counted and do not use it up. */
static void test_limits(struct test *t)
{
    struct options opt = {.platform = &platform_tiktok,
                          .app_key = "k",
                          .app_secret = "s",
                          .shops = 2,
                          .shops_per_authorization = 1,
                          .seed = 1};
    struct buf text = {0};
    struct sim sim;
    unsigned passed = 0;

    sim_init(&sim, &opt);
    sim.sw.shop_limit_per_minute = 100;
    for (unsigned i = 0; i < 300; i++)
        passed += limit_call(&sim, 0);
    expect(t, passed == 102, "calls within a limit of 100", "one shop");
    expect(t, limit_call(&sim, 1), "calls of another shop", "one shop");
    limit_write(&sim, &text);
    buf_putc(&text, '\0');
    expect(t, strstr(text.p, "\"app_max_60s\":301,\"app_calls\":301,\"app_refused\":198") != NULL,
           "counted calls", text.p);
    buf_deinit(&text);
    sim_deinit(&sim);
}

bool selftest_run(void)
{
    struct test t = {.seen = json_object()};

    test_signatures(&t);
    test_orders(&t);
    test_kinds(&t);
    test_limits(&t);
    json_decref(t.seen);
    if (!t.failures)
        puts("self-test: ok");
    return t.failures == 0;
}
