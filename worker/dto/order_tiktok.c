/* order_tiktok.c - worker, stage 5: how TikTok Shop's order object maps onto struct order.
 *
 * In:      one element of data.orders, of the detail call or of the search: the two are the same object.
 * Out:     struct order with its problems; dto_order_tiktok makes the document of it.
 * Fails:   dto_order_tiktok, when not even the raw text can be stored.
 * Thread:  any. Pure but for memory and one counter.
 * Why so:  rows are sorted by key, because live answers are (field.c). The memory of one order's structs is taken from
 *          an arena of its own: it is needed until the BSON stands, and used again for the next order it stays in the
 *          processor's cache, where a turn's arena would grow by 10 KB an order. */
#include "worker/dto/order_tiktok.h"

#include <errno.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/metrics.h"
#include "worker/dto.h"
#include "worker/dto/document.h"

#define MAPPING(name, dto)                                                                                   \
    static const struct mapping name = {&dto##_entity, name##_rows, sizeof name##_rows / sizeof *name##_rows}

static const struct mapping_row tiktok_package_rows[] = {
    MAP(order_package, "id", package_id, NULL),
};

MAPPING(tiktok_package, order_package);

static const struct mapping_row tiktok_handling_rows[] = {
    MAP(order_handling, "days", days, NULL),
    MAP(order_handling, "type", type, NULL),
};

MAPPING(tiktok_handling, order_handling);

static const struct mapping_row tiktok_payment_rows[] = {
    MAP(order_payment, "buyer_service_fee", buyer_service_fee, NULL),
    MAP(order_payment, "currency", currency, NULL),
    MAP(order_payment, "handling_fee", handling_fee, NULL),
    MAP(order_payment, "item_insurance_fee", item_insurance_fee, NULL),
    MAP(order_payment, "item_insurance_tax", item_insurance_tax, NULL),
    MAP(order_payment, "original_shipping_fee", original_shipping_fee, NULL),
    MAP(order_payment, "original_total_product_price", original_total_product_price, NULL),
    MAP(order_payment, "payment_platform_discount", payment_platform_discount, NULL),
    MAP(order_payment, "platform_discount", platform_discount, NULL),
    MAP(order_payment, "product_tax", product_tax, NULL),
    MAP(order_payment, "seller_discount", seller_discount, NULL),
    MAP(order_payment, "shipping_fee", shipping_fee, NULL),
    MAP(order_payment, "shipping_fee_cofunded_discount", shipping_fee_cofunded_discount, NULL),
    MAP(order_payment, "shipping_fee_platform_discount", shipping_fee_platform_discount, NULL),
    MAP(order_payment, "shipping_fee_seller_discount", shipping_fee_seller_discount, NULL),
    MAP(order_payment, "shipping_fee_tax", shipping_fee_tax, NULL),
    MAP(order_payment, "shipping_insurance_fee", shipping_insurance_fee, NULL),
    MAP(order_payment, "sub_total", sub_total, NULL),
    MAP(order_payment, "tax", tax, NULL),
    MAP(order_payment, "total_amount", total_amount, NULL),
};

MAPPING(tiktok_payment, order_payment);

static const struct mapping_row tiktok_district_rows[] = {
    MAP(order_district, "address_level", address_level, NULL),
    MAP(order_district, "address_level_name", address_level_name, NULL),
    MAP(order_district, "address_name", address_name, NULL),
};

MAPPING(tiktok_district, order_district);

static const struct mapping_row tiktok_delivery_preferences_rows[] = {
    MAP(order_delivery_preferences, "drop_off_location", drop_off_location, NULL),
};

MAPPING(tiktok_delivery_preferences, order_delivery_preferences);

static const struct mapping_row tiktok_address_rows[] = {
    MAP(order_address, "address_detail", address_detail, NULL),
    MAP(order_address, "address_line1", address_line1, NULL),
    MAP(order_address, "address_line2", address_line2, NULL),
    MAP(order_address, "address_line3", address_line3, NULL),
    MAP(order_address, "address_line4", address_line4, NULL),
    MAP(order_address, "delivery_preferences", delivery_preferences, &tiktok_delivery_preferences),
    MAP(order_address, "district_info", district_info, &tiktok_district),
    MAP(order_address, "first_name", first_name, NULL),
    MAP(order_address, "full_address", full_address, NULL),
    MAP(order_address, "last_name", last_name, NULL),
    MAP(order_address, "name", name, NULL),
    MAP(order_address, "phone_number", phone_number, NULL),
    MAP(order_address, "postal_code", postal_code, NULL),
    MAP(order_address, "region_code", region_code, NULL),
};

MAPPING(tiktok_address, order_address);

static const struct mapping_row tiktok_tax_rows[] = {
    MAP(order_tax, "tax_amount", tax_amount, NULL),
    MAP(order_tax, "tax_rate", tax_rate, NULL),
    MAP(order_tax, "tax_type", tax_type, NULL),
};

MAPPING(tiktok_tax, order_tax);

static const struct mapping_row tiktok_combined_sku_rows[] = {
    MAP(order_combined_sku, "product_id", product_id, NULL),
    MAP(order_combined_sku, "seller_sku", seller_sku, NULL),
    MAP(order_combined_sku, "sku_count", sku_count, NULL),
    MAP(order_combined_sku, "sku_id", sku_id, NULL),
};

MAPPING(tiktok_combined_sku, order_combined_sku);

/* What a line and a part of a bundle have in common, up to where sub_item_info sorts in. */
#define LINE_ROWS                                                                                            \
    MAP(order_line, "buyer_service_fee", buyer_service_fee, NULL),                                           \
        MAP(order_line, "cancel_reason", cancel_reason, NULL),                                               \
        MAP(order_line, "cancel_user", cancel_user, NULL),                                                   \
        MAP(order_line, "combined_listing_skus", combined_listing_skus, &tiktok_combined_sku),               \
        MAP(order_line, "currency", currency, NULL),                                                         \
        MAP(order_line, "display_status", display_status, NULL),                                             \
        MAP(order_line, "gift_retail_price", gift_retail_price, NULL),                                       \
        MAP(order_line, "handling_duration_days", handling_duration_days, NULL),                             \
        MAP(order_line, "id", line_item_id, NULL),                                                           \
        MAP(order_line, "is_dangerous_good", is_dangerous_good, NULL),                                       \
        MAP(order_line, "is_gift", is_gift, NULL), MAP(order_line, "item_tax", item_tax, &tiktok_tax),       \
        MAP(order_line, "needs_prescription", needs_prescription, NULL),                                     \
        MAP(order_line, "original_price", original_price, NULL),                                             \
        MAP(order_line, "package_id", package_id, NULL),                                                     \
        MAP(order_line, "package_status", package_status, NULL),                                             \
        MAP(order_line, "platform_discount", platform_discount, NULL),                                       \
        MAP(order_line, "product_id", product_id, NULL),                                                     \
        MAP(order_line, "product_name", product_name, NULL), MAP(order_line, "rts_time", rts_time, NULL),    \
        MAP(order_line, "sale_price", sale_price, NULL),                                                     \
        MAP(order_line, "seller_discount", seller_discount, NULL),                                           \
        MAP(order_line, "seller_sku", seller_sku, NULL),                                                     \
        MAP(order_line, "shipping_provider_id", shipping_provider_id, NULL),                                 \
        MAP(order_line, "shipping_provider_name", shipping_provider_name, NULL),                             \
        MAP(order_line, "sku_id", sku_id, NULL), MAP(order_line, "sku_image", sku_image, NULL),              \
        MAP(order_line, "sku_name", sku_name, NULL), MAP(order_line, "sku_type", sku_type, NULL)

static const struct mapping_row tiktok_sub_item_rows[] = {
    LINE_ROWS,
    MAP(order_line, "tracking_number", tracking_number, NULL),
    MAP(order_line, "warehouse_id", warehouse_id, NULL),
};

MAPPING(tiktok_sub_item, order_line);

static const struct mapping_row tiktok_line_rows[] = {
    LINE_ROWS,
    MAP(order_line, "sub_item_info", sub_item_info, &tiktok_sub_item),
    MAP(order_line, "tracking_number", tracking_number, NULL),
};

MAPPING(tiktok_line, order_line);

static const struct mapping_row tiktok_order_rows[] = {
    MAP(order, "buyer_email", buyer_email, NULL),
    MAP(order, "buyer_message", buyer_message, NULL),
    MAP(order, "cancel_order_sla_time", cancel_order_sla_time, NULL),
    MAP(order, "cancel_reason", cancel_reason, NULL),
    MAP(order, "cancel_time", cancel_time, NULL),
    MAP(order, "cancellation_initiator", cancellation_initiator, NULL),
    MAP(order, "collection_due_time", collection_due_time, NULL),
    MAP(order, "collection_time", collection_time, NULL),
    MAP(order, "commerce_platform", commerce_platform, NULL),
    MAP(order, "create_time", create_time, NULL),
    MAP(order, "delivery_due_time", delivery_due_time, NULL),
    MAP(order, "delivery_option_id", delivery_option_id, NULL),
    MAP(order, "delivery_option_name", delivery_option_name, NULL),
    MAP(order, "delivery_option_required_delivery_time", delivery_option_required_delivery_time, NULL),
    MAP(order, "delivery_sla_time", delivery_sla_time, NULL),
    MAP(order, "delivery_time", delivery_time, NULL),
    MAP(order, "delivery_type", delivery_type, NULL),
    MAP(order, "exchange_source_order_id", exchange_source_order_id, NULL),
    MAP(order, "fast_dispatch_sla_time", fast_dispatch_sla_time, NULL),
    MAP(order, "fulfillment_priority_level", fulfillment_priority_level, NULL),
    MAP(order, "fulfillment_type", fulfillment_type, NULL),
    MAP(order, "handling_duration", handling_duration, &tiktok_handling),
    MAP(order, "has_updated_recipient_address", has_updated_recipient_address, NULL),
    MAP(order, "id", order_id, NULL),
    MAP(order, "is_buyer_request_cancel", is_buyer_request_cancel, NULL),
    MAP(order, "is_cod", is_cod, NULL),
    MAP(order, "is_exchange_order", is_exchange_order, NULL),
    MAP(order, "is_on_hold_order", is_on_hold_order, NULL),
    MAP(order, "is_replacement_order", is_replacement_order, NULL),
    MAP(order, "is_sample_order", is_sample_order, NULL),
    MAP(order, "is_subscription_order", is_subscription_order, NULL),
    MAP(order, "line_items", line_items, &tiktok_line),
    MAP(order, "order_type", order_type, NULL),
    MAP(order, "packages", packages, &tiktok_package),
    MAP(order, "paid_time", paid_time, NULL),
    MAP(order, "payment", payment, &tiktok_payment),
    MAP(order, "payment_method_name", payment_method_name, NULL),
    MAP(order, "pick_up_cut_off_time", pick_up_cut_off_time, NULL),
    MAP(order, "recipient_address", recipient_address, &tiktok_address),
    MAP(order, "recommended_shipping_time", recommended_shipping_time, NULL),
    MAP(order, "release_date", release_date, NULL),
    MAP(order, "replaced_order_id", replaced_order_id, NULL),
    MAP(order, "request_cancel_time", request_cancel_time, NULL),
    MAP(order, "rts_sla_time", rts_sla_time, NULL),
    MAP(order, "rts_time", rts_time, NULL),
    MAP(order, "seller_note", seller_note, NULL),
    MAP(order, "shipping_due_time", shipping_due_time, NULL),
    MAP(order, "shipping_provider", shipping_provider, NULL),
    MAP(order, "shipping_provider_id", shipping_provider_id, NULL),
    MAP(order, "shipping_type", shipping_type, NULL),
    MAP(order, "split_or_combine_tag", split_or_combine_tag, NULL),
    MAP(order, "status", status, NULL),
    MAP(order, "tracking_number", tracking_number, NULL),
    MAP(order, "tts_sla_time", tts_sla_time, NULL),
    MAP(order, "update_time", update_time, NULL),
    MAP(order, "user_id", user_id, NULL),
    MAP(order, "warehouse_id", warehouse_id, NULL),
};

const struct mapping order_tiktok_mapping = {&order_entity, tiktok_order_rows,
                                             sizeof tiktok_order_rows / sizeof *tiktok_order_rows};

/* --- the common word of a status ------------------------------------------------------------------- */

struct state_row {
    const char *status; /* the platform's word */
    const char *state;  /* the common one */
};

static const struct state_row state_rows[] = {
    {"AWAITING_COLLECTION", "awaiting_collection"},
    {"AWAITING_SHIPMENT", "ready_to_ship"},
    {"CANCEL", "cancelled"},
    {"CANCELLED", "cancelled"},
    {"COMPLETED", "completed"},
    {"DELIVERED", "delivered"},
    {"IN_TRANSIT", "shipped"},
    {"ON_HOLD", "on_hold"},
    {"PARTIALLY_SHIPPING", "ready_to_ship"},
    {"UNPAID", "unpaid"},
};

static const char state_unknown[] = "unknown";

const char *order_tiktok_state(const char *status, size_t n)
{
    for (size_t i = 0; i < sizeof state_rows / sizeof *state_rows; i++) {
        if (strlen(state_rows[i].status) == n && memcmp(state_rows[i].status, status, n) == 0)
            return state_rows[i].state;
    }
    return state_unknown;
}

/* --- one order ------------------------------------------------------------------------------------- */

bool order_tiktok_read(yyjson_val *json, struct order *to, struct arena *arena,
                       struct field_problems *problems)
{
    bool ok = field_read(&order_tiktok_mapping, json, to, arena, problems);
    const char *state = state_unknown;

    if (to->status.state == FIELD_HELD)
        state = order_tiktok_state(to->status.data, to->status.length);
    to->state = (struct field_text){FIELD_HELD, strlen(state), state};
    return ok;
}

/* As field.c reads a time: seconds, plausible ones. */
int64_t order_tiktok_version(yyjson_val *json, int64_t stored_version, int64_t now_ms)
{
    int64_t seconds, ms;

    if (json_get_i64(json, "update_time", &seconds) != JSON_GOT ||
        __builtin_mul_overflow(seconds, 1000, &ms) || !clock_plausible_ms(ms))
        ms = 0;
    return document_version(ms, stored_version, now_ms);
}

/* An answer is matched to its id by the fetch; a source that hides the id does not make the document anonymous. */
static void order_name(struct order *order, const struct dto_context *context)
{
    if (order->order_id.state != FIELD_HELD)
        order->order_id = (struct field_text){FIELD_HELD, strlen(context->id), context->id};
}

static struct document *order_document(yyjson_val *json, struct order *order,
                                       const struct dto_context *context, struct arena *scratch,
                                       struct arena *arena, struct err *err)
{
    struct field_problems problems;
    struct document_draft draft = {
        .collection = "orders",
        .kind = ENTRY_ORDER,
        .entity = &order_entity,
        .dto = order,
        .problems = &problems,
        .source = json,
        .scratch = scratch,
    };

    problems.count = problems.total = 0;
    draft.complete = order_tiktok_read(json, order, scratch, &problems);
    if (order->state.data == state_unknown)
        metric_add(METRIC_WORKER_STATE_UNKNOWN, 1);
    order_name(order, context);
    draft.version = document_version(order->update_time.state == FIELD_HELD ? order->update_time.ms : 0,
                                     context->stored_version, context->now_ms);
    return document_full(&draft, context, arena, err);
}

struct document *dto_order_tiktok(yyjson_val *order, const struct dto_context *context, struct arena *arena,
                                  struct err *err)
{
    enum { SCRATCH_FIRST = 48 * 1024, SCRATCH_LIMIT = 128 * 1024 * 1024 };
    struct arena *scratch = arena_new(SCRATCH_FIRST, SCRATCH_LIMIT);
    struct order *dto = arena_take(scratch, sizeof *dto);
    struct document *d = NULL;

    if (dto)
        d = order_document(order, dto, context, scratch, arena, err);
    else
        err_set(err, ERR_SYSTEM, ENOMEM, "order: no memory");
    arena_free(scratch);
    return d;
}
