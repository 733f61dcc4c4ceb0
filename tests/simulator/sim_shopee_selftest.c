/* sim_shopee_selftest.c - what the Shopee side can prove about itself without a network.
 *
 * Out:    true when the signature examples hold, every id leads back to its entity, every revision is JSON, and
 *         every documented field occurs with a value that is not empty; each failure is a line on standard error. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "sim_buf.h"
#include "sim_platform.h"
#include "sim_shopee.h"
#include "sim_shopee_push.h"
#include "sim_shopee_render.h"
#include "sim_shopee_state.h"
#include "sim_state.h"

#define SHOPS   4u /* BR is among them */
#define NUMBERS 90u

struct test {
    struct sim *sim;
    json_t *seen; /* owned: path → true */
    unsigned failures;
};

static void expect(struct test *t, bool good, const char *what, const char *detail)
{
    if (good)
        return;
    t->failures++;
    fprintf(stderr, "self-test: shopee: %s: %s\n", what, detail);
}

static void test_signatures(struct test *t)
{
    static const char body[] =
        "{\"data\":{\"items\":[],\"ordersn\":\"220810QSK8S7BX\",\"status\":\"PROCESSED\",\"completed_"
        "scenario\":\"\","
        "\"update_time\":1660123127},\"shop_id\":727720655,\"code\":3,\"timestamp\":1660123127}";
    static const char base[] = "2001887/api/v2/public/get_shops_by_partner1655714431";
    struct sim sim = {.opt = {.push_key = "test_push_key_0123456789abcdef",
                              .push_url = "https://hooks.example.test/shopee"}};
    char hex[SIGN_HEX];

    shopee_sign(&sim, body, strlen(body), hex);
    expect(t, sign_equal(hex, "463c1a1a2d83a9e0a3f56c8ac6f0ae930438368e412a5dfa4d33ec33502d1184"), "push",
           hex);
    sign_push("", "test_partner_key_0123456789abcdef", base, strlen(base), hex);
    expect(t, sign_equal(hex, "8d0b8105220f3a6129ce1147cf82f1a00c6fe57966b2f04e7426734fb219e01a"), "call",
           hex);
}

/* Notes every path below value that holds something. */
static void walk(struct test *t, json_t *value, const char *path)
{
    char below[256];
    const char *key;
    json_t *each;
    size_t i;

    json_array_foreach(value, i, each)
    {
        snprintf(below, sizeof below, "%s[]", path);
        walk(t, each, below);
    }
    json_object_foreach(value, key, each)
    {
        snprintf(below, sizeof below, "%s%s%s", path, *path ? "." : "", key);
        walk(t, each, below);
    }
    if (json_string_length(value) || json_is_true(value) || json_number_value(value) != 0)
        json_object_set_new(t->seen, path, json_true());
}

static void take(struct test *t, struct buf *b, const char *root)
{
    json_error_t error;
    json_t *value = json_loadb(b->p, b->n, JSON_REJECT_DUPLICATES, &error);

    expect(t, value != NULL, root, error.text);
    walk(t, value, root);
    json_decref(value);
    b->n = 0;
}

static void test_order(struct test *t, const struct entity *order, struct buf *b)
{
    for (uint32_t r = 1; r <= order->revisions; r++) {
        shopee_render_order(t->sim, order, r, shopee_all_order_fields(), true, b);
        take(t, b, "order");
        for (unsigned p = 0; p < shopee_packages(order, r); p++) {
            shopee_render_package(t->sim, order, r, p, b);
            take(t, b, "package");
            shopee_render_tracking(t->sim, order, r, p, b);
            take(t, b, "tracking");
        }
    }
}

static void test_settlement(struct test *t, const struct entity *order, struct buf *b)
{
    const struct entity *settled = entity_get(t->sim, KIND_TRANSACTION, order->shop, order->number);
    uint32_t changes = settled ? settled->revisions : 0;

    if (entity_last(order)->status != SHOPEE_COMPLETED)
        return;
    shopee_render_escrow(t->sim, order, changes, b);
    take(t, b, "escrow");
    for (unsigned row = 0; row < shopee_wallet_rows(order, changes); row++) {
        shopee_render_wallet(t->sim, order, row, b);
        take(t, b, "wallet");
    }
}

static void test_others(struct test *t, const struct entity *ret, const struct entity *item, struct buf *b)
{
    for (uint32_t r = 1; r <= ret->revisions; r++) {
        shopee_render_return(t->sim, ret, r, true, b);
        take(t, b, "return");
        shopee_render_return(t->sim, ret, r, false, b);
        take(t, b, "row");
    }
    for (uint32_t r = 1; r <= item->revisions; r++) {
        shopee_render_item(t->sim, item, r, true, true, b);
        take(t, b, "item");
        if (!shopee_has_models(item))
            continue;
        shopee_render_models(t->sim, item, r, b);
        take(t, b, "models");
    }
}

static void test_ids(struct test *t, struct entity *e, enum kind kind)
{
    char number[SHOPEE_PACKAGE_NUMBER];
    unsigned package;

    expect(t, shopee_by_id(t->sim, kind, e->id) == e, "id does not lead back", e->id);
    for (unsigned p = 0; kind == KIND_ORDER && p < shopee_packages(e, e->revisions); p++) {
        shopee_package_number(e, p, number);
        expect(t, shopee_by_package(t->sim, number, &package) == e && package == p, "package", number);
    }
}

/* Every documented field, by the root its document is taken under. */
static const struct {
    const char *root;  /* as given to take, with the path below it */
    const char *names; /* separated by spaces */
} fields[] = {
    {"order.",
     "order_sn region currency cod order_status create_time update_time days_to_ship ship_by_date "
     "message_to_seller "
     "booking_sn buyer_user_id buyer_username estimated_shipping_fee actual_shipping_fee "
     "reverse_shipping_fee "
     "goods_to_declare note note_update_time pay_time dropshipper dropshipper_phone split_up "
     "buyer_cancel_reason "
     "cancel_by cancel_reason actual_shipping_fee_confirmed buyer_cpf_id fulfillment_flag pickup_done_time "
     "shipping_carrier checkout_shipping_carrier payment_method total_amount order_chargeable_weight_gram "
     "return_request_due_date edt_from edt_to advance_package can_full_cancel_order can_partial_cancel_order "
     "pending_terms[] invoice_data.number payment_info[].payment_method recipient_address.name "
     "recipient_address.phone recipient_address.town recipient_address.district recipient_address.city "
     "recipient_address.state recipient_address.region recipient_address.zipcode "
     "recipient_address.full_address"},
    {"order.item_list[].",
     "item_id model_id order_item_id line_item_id add_on_deal_id promotion_id item_name item_sku model_name "
     "model_sku "
     "promotion_type model_quantity_purchased promotion_group_id active_qty cancel_requested_qty "
     "cancelled_qty "
     "return_requested_qty returned_qty model_original_price model_discounted_price weight wholesale "
     "add_on_deal "
     "main_item image_info.image_url promotion_list[].promotion_type promotion_list[].promotion_id "
     "product_location_id[]"},
    {"order.package_list[].",
     "package_number logistics_status shipping_carrier logistics_channel_id group_shipment_id "
     "parcel_chargeable_weight_gram allow_self_design_awb item_list[].item_id item_list[].model_id "
     "item_list[].model_quantity item_list[].order_item_id item_list[].promotion_group_id "
     "item_list[].product_location_id"},
    {"package.",
     "order_sn package_number fulfillment_status shipping_carrier tracking_number update_time ship_by_date "
     "pickup_done_time logistics_channel_id group_shipment_id is_split_up recipient_address.name "
     "item_list[].item_id"},
    {"tracking.",
     "order_sn package_number logistics_status tracking_info[].update_time tracking_info[].description "
     "tracking_info[].logistics_status tracking_info[].return_code reversed_tracking_number "
     "reversed_tracking_info[].update_time"},
    {"return.",
     "return_sn order_sn status reason text_reason reassessed_request_reason currency tracking_number "
     "return_refund_type validation_type refund_amount amount_before_discount create_time update_time "
     "due_date "
     "return_ship_due_date return_seller_due_date needs_logistics is_seller_arrange "
     "is_shipping_proof_mandatory "
     "return_solution return_refund_request_type is_arrived_at_warehouse image[] dispute_reason[] "
     "dispute_text_reason[] user.username user.email user.portrait item[].item_id item[].model_id "
     "item[].add_on_deal_id item[].name item[].item_sku item[].variation_sku item[].images[] item[].amount "
     "item[].item_price item[].is_add_on_deal item[].is_main_item item[].refund_amount "
     "follow_up_action_list[].item_id follow_up_action_list[].model_id follow_up_action_list[].qty "
     "follow_up_action_list[].current_status negotiation.negotiation_status negotiation.latest_solution "
     "negotiation.latest_offer_creator negotiation.latest_offer_amount negotiation.counter_limit "
     "negotiation.offer_due_date seller_proof.seller_proof_status seller_proof.seller_evidence_deadline "
     "seller_compensation.seller_compensation_status seller_compensation.seller_compensation_due_date "
     "seller_compensation.compensation_amount logistics_status reverse_logistics_status "
     "reverse_logistics_channel_name activity[].activity_id activity[].original_price "
     "activity[].discounted_price "
     "activity[].items[].item_id return_pickup_address.name return_address.whs_id buyer_videos[].video_url"},
    {"row.", "return_sn negotiation_status seller_proof_status seller_compensation_status"},
    {"item.",
     "item_id category_id item_dangerous item_name description item_sku item_status condition "
     "description_type "
     "gtin_code weight create_time update_time scheduled_publish_time has_model has_promotion "
     "is_fulfillment_by_shopee deboost price_info[].currency price_info[].original_price "
     "price_info[].current_price "
     "price_info[].local_price price_info[].local_promotion_price "
     "stock_info_v2.summary_info.total_reserved_stock "
     "stock_info_v2.summary_info.total_available_stock stock_info_v2.seller_stock[].location_id "
     "stock_info_v2.seller_stock[].stock stock_info_v2.seller_stock[].if_saleable "
     "stock_info_v2.shopee_stock[].location_id stock_info_v2.shopee_stock[].stock dimension.package_length "
     "dimension.package_width dimension.package_height image.image_url_list[] image.image_id_list[] "
     "brand.brand_id "
     "brand.original_brand_name pre_order.is_pre_order pre_order.days_to_ship attribute_list[].attribute_id "
     "logistic_info[].logistic_id wholesales[].min_count video_info[].video_url tag.kit tax_info.ncm "
     "complaint_policy.warranty_time purchase_limit_info.min_purchase_limit"},
    {"models.",
     "tier_variation[].name tier_variation[].option_list[].option "
     "tier_variation[].option_list[].image.image_url "
     "model[].model_id model[].model_sku model[].model_status model[].tier_index[] model[].promotion_id "
     "model[].has_promotion model[].price_info[].original_price model[].stock_info_v2.seller_stock[].stock "
     "model[].stock_info_v2.shopee_stock[].stock model[].weight model[].dimension.package_length "
     "model[].pre_order.is_pre_order model[].gtin_code standardise_tier_variation[].variation_id"},
    {"escrow.", "order_sn buyer_user_name return_order_sn_list[] buyer_payment_info.buyer_payment_method"},
    {"escrow.order_income.",
     "escrow_amount escrow_amount_after_adjustment buyer_total_amount original_price seller_discount "
     "shopee_discount voucher_from_seller voucher_from_shopee coins buyer_paid_shipping_fee "
     "actual_shipping_fee "
     "final_shipping_fee shopee_shipping_rebate reverse_shipping_fee commission_fee service_fee "
     "seller_transaction_fee withholding_tax seller_return_refund order_adjustment[].amount "
     "order_adjustment[].date "
     "order_adjustment[].currency order_adjustment[].adjustment_reason items[].item_id items[].model_id "
     "items[].line_item_id items[].quantity_purchased items[].item_sku items[].model_sku "
     "items[].original_price "
     "items[].selling_price items[].discounted_price items[].activity_id items[].activity_type exchange_rate "
     "pri_currency escrow_amount_pri"},
    {"wallet.",
     "status transaction_type order_sn refund_sn withdrawal_type description buyer_name money_flow amount "
     "current_balance transaction_fee create_time withdrawal_id root_withdrawal_id "
     "pay_order_list[].order_sn"},
};

static void test_fields(struct test *t)
{
    char path[160];

    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        for (const char *word = fields[i].names; *word; word += strspn(word, " ")) {
            size_t n = strcspn(word, " ");

            snprintf(path, sizeof path, "%s%.*s", fields[i].root, (int)n, word);
            expect(t, json_object_get(t->seen, path) != NULL, "never filled", path);
            word += n;
        }
    }
}

static struct entity *moved(struct test *t, enum kind kind, uint32_t shop, uint32_t n, unsigned times)
{
    struct entity *e = NULL;

    for (; times; times--) {
        struct change change = {.at = -1, .address = kind == KIND_ORDER && e && times == 3};
        const char *problem = shopee_change(t->sim, kind, shop, n, &change, &e);

        expect(t, !problem || kind == KIND_TRANSACTION, "change", problem ? problem : "");
    }
    return e;
}

static void test_place(struct test *t, uint32_t shop, uint32_t n, struct buf *b)
{
    struct entity *order = moved(t, KIND_ORDER, shop, n, 2 + n % 11);
    struct entity *ret = moved(t, KIND_RETURN, shop, n, 1 + n % 9);
    struct entity *item = moved(t, KIND_PRODUCT, shop, n, 1 + n % 7);

    moved(t, KIND_TRACKING, shop, n, n % 8);
    if (n % 3 == 0)
        moved(t, KIND_TRANSACTION, shop, n, 2);
    test_ids(t, order, KIND_ORDER);
    test_ids(t, ret, KIND_RETURN);
    test_ids(t, item, KIND_PRODUCT);
    test_order(t, order, b);
    test_settlement(t, order, b);
    test_others(t, ret, item, b);
}

bool shopee_selftest(void)
{
    struct options opt = {.platform = &platform_shopee,
                          .app_key = "2001887",
                          .app_secret = "k",
                          .shops = SHOPS,
                          .shops_per_authorization = 1,
                          .seed = 1};
    struct sim sim;
    struct test t = {.sim = &sim, .seen = json_object()};
    struct buf b = {0};

    sim_init(&sim, &opt);
    test_signatures(&t);
    for (uint32_t i = 0; i < SHOPS * NUMBERS; i++)
        test_place(&t, i % SHOPS, i / SHOPS, &b);
    test_fields(&t);
    buf_deinit(&b);
    json_decref(t.seen);
    sim_deinit(&sim);
    return t.failures == 0;
}
