/* order_tiktok.c - worker, stage 5: how TikTok Shop's order object maps onto struct order.
 *
 * In:      one element of data.orders, of the detail call or of the search: the two are the same object.
 * Out:     the recipe; recipe_document makes the document with it.
 * Fails:   never; constants and two small functions.
 * Thread:  any.
 * Why so:  rows are sorted by key, because live answers are (field.c). */
#include "worker/dto/order_tiktok.h"

#include "worker/dto/recipe.h"

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

/* --- what tables cannot say ------------------------------------------------------------------------ */

static const struct recipe_state states[] = {
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

void order_tiktok_set_state(struct field_text *state, const struct field_text *status)
{
    recipe_set_state(state, status, states, sizeof states / sizeof *states);
}

static void finish(void *dto, yyjson_val *json, const struct dto_context *context, struct arena *scratch,
                   struct field_problems *problems)
{
    struct order *order = dto;

    (void)json;
    (void)scratch;
    (void)problems;
    order_tiktok_set_state(&order->state, &order->status);
    recipe_set_id(&order->order_id, context);
}

static int64_t update_ms(yyjson_val *json)
{
    return recipe_seconds_ms(json, "update_time");
}

const struct recipe recipe_order_tiktok = {
    .platform = "tiktok",
    .kind = ENTRY_ORDER,
    .collection = "orders",
    .id_prefix = "",
    .mapping = &order_tiktok_mapping,
    .size = sizeof(struct order),
    .finish = finish,
    .update_ms = update_ms,
};
