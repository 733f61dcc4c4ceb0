/* sim_selftest.c - see sim_selftest.h. */
#include "sim_selftest.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_buf.h"
#include "sim_fault.h"
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

static void test_fields(struct test *t)
{
    char *list = buf_strdup(fields), *rest = list, *name;

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
    test_fields(t);
    printf("self-test: %zu renderings of %d orders, %zu bytes on average\n", count, ORDERS, bytes / count);
    sim_deinit(&sim);
}

bool selftest_run(void)
{
    struct test t = {.seen = json_object()};

    test_signatures(&t);
    test_orders(&t);
    json_decref(t.seen);
    if (!t.failures)
        puts("self-test: ok");
    return t.failures == 0;
}
