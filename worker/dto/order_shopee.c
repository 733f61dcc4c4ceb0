/* order_shopee.c - worker, stage 5: how Shopee's order object maps onto struct order.
 *
 * In:      one element of response.order_list of get_order_detail.
 * Out:     the recipe; recipe_document makes the document with it.
 * Fails:   never; constants and a few small functions.
 * Thread:  any.
 * Why so:  the platform has amounts of the order beside its times and ids; in the document they stand in payment, where
 *          an order's amounts are whatever the platform. The currency, which it names once, goes to every line, so that
 *          a line can be read alone. Rows are sorted by key (field.c). */
#include "worker/dto/order_shopee.h"

#include "worker/dto/recipe.h"

static const struct mapping_row shopee_address_rows[] = {
    MAP(order_address, "city", city, NULL),
    MAP(order_address, "district", district, NULL),
    MAP(order_address, "full_address", full_address, NULL),
    MAP(order_address, "name", name, NULL),
    MAP(order_address, "phone", phone_number, NULL),
    MAP(order_address, "region", region_code, NULL),
    MAP(order_address, "state", state, NULL),
    MAP(order_address, "town", town, NULL),
    MAP(order_address, "zipcode", postal_code, NULL),
};

MAPPING_TABLE(shopee_address, order_address);

static const struct mapping_row shopee_image_rows[] = {
    MAP(order_line, "image_url", sku_image, NULL),
};

MAPPING_TABLE(shopee_image, order_line);

static const struct mapping_row shopee_promotion_rows[] = {
    MAP(order_promotion, "promotion_id", promotion_id, NULL),
    MAP(order_promotion, "promotion_type", promotion_type, NULL),
};

MAPPING_TABLE(shopee_promotion, order_promotion);

static const struct mapping_row shopee_line_rows[] = {
    MAP(order_line, "active_qty", active_qty, NULL),
    MAP(order_line, "add_on_deal", add_on_deal, NULL),
    MAP(order_line, "add_on_deal_id", add_on_deal_id, NULL),
    MAP(order_line, "cancel_requested_qty", cancel_requested_qty, NULL),
    MAP(order_line, "cancelled_qty", cancelled_qty, NULL),
    MAP_FLAT("image_info", &shopee_image),
    MAP(order_line, "item_id", product_id, NULL),
    MAP(order_line, "item_name", product_name, NULL),
    MAP(order_line, "item_sku", item_sku, NULL),
    MAP(order_line, "line_item_id", line_item_id, NULL),
    MAP(order_line, "main_item", main_item, NULL),
    MAP(order_line, "model_discounted_price", sale_price, NULL),
    MAP(order_line, "model_id", sku_id, NULL),
    MAP(order_line, "model_name", sku_name, NULL),
    MAP(order_line, "model_original_price", original_price, NULL),
    MAP(order_line, "model_quantity_purchased", quantity, NULL),
    MAP(order_line, "model_sku", seller_sku, NULL),
    MAP(order_line, "order_item_id", order_item_id, NULL),
    MAP(order_line, "product_location_id", product_location_id, NULL),
    MAP(order_line, "promotion_group_id", promotion_group_id, NULL),
    MAP(order_line, "promotion_id", promotion_id, NULL),
    MAP(order_line, "promotion_list", promotion_list, &shopee_promotion),
    MAP(order_line, "promotion_type", promotion_type, NULL),
    MAP(order_line, "return_requested_qty", return_requested_qty, NULL),
    MAP(order_line, "returned_qty", returned_qty, NULL),
    MAP(order_line, "weight", weight, NULL),
    MAP(order_line, "wholesale", wholesale, NULL),
};

MAPPING_TABLE(shopee_line, order_line);

static const struct mapping_row shopee_package_line_rows[] = {
    MAP(order_package_line, "item_id", product_id, NULL),
    MAP(order_package_line, "model_id", sku_id, NULL),
    MAP(order_package_line, "model_quantity", quantity, NULL),
    MAP(order_package_line, "order_item_id", order_item_id, NULL),
    MAP(order_package_line, "product_location_id", product_location_id, NULL),
    MAP(order_package_line, "promotion_group_id", promotion_group_id, NULL),
};

MAPPING_TABLE(shopee_package_line, order_package_line);

static const struct mapping_row shopee_package_rows[] = {
    MAP(order_package, "allow_self_design_awb", allow_self_design_awb, NULL),
    MAP(order_package, "group_shipment_id", group_shipment_id, NULL),
    MAP(order_package, "item_list", line_items, &shopee_package_line),
    MAP(order_package, "logistics_channel_id", logistics_channel_id, NULL),
    MAP(order_package, "logistics_status", package_status, NULL),
    MAP(order_package, "package_number", package_id, NULL),
    MAP(order_package, "parcel_chargeable_weight", parcel_chargeable_weight_gram, NULL),
    MAP(order_package, "parcel_chargeable_weight_gram", parcel_chargeable_weight_gram, NULL),
    MAP(order_package, "shipping_carrier", shipping_provider_name, NULL),
};

MAPPING_TABLE(shopee_package, order_package);

static const struct mapping_row order_shopee_rows[] = {
    MAP_INTO(order, "actual_shipping_fee", payment, order_payment, actual_shipping_fee),
    MAP(order, "actual_shipping_fee_confirmed", actual_shipping_fee_confirmed, NULL),
    MAP(order, "advance_package", advance_package, NULL),
    MAP(order, "booking_sn", booking_sn, NULL),
    MAP(order, "buyer_cancel_reason", buyer_cancel_reason, NULL),
    MAP(order, "buyer_cpf_id", buyer_cpf_id, NULL),
    MAP(order, "buyer_user_id", user_id, NULL),
    MAP(order, "buyer_username", buyer_username, NULL),
    MAP(order, "can_full_cancel_order", can_full_cancel_order, NULL),
    MAP(order, "can_partial_cancel_order", can_partial_cancel_order, NULL),
    MAP(order, "cancel_by", cancellation_initiator, NULL),
    MAP(order, "cancel_reason", cancel_reason, NULL),
    MAP(order, "checkout_shipping_carrier", checkout_shipping_carrier, NULL),
    MAP(order, "cod", is_cod, NULL),
    MAP(order, "create_time", create_time, NULL),
    MAP_INTO(order, "currency", payment, order_payment, currency),
    MAP_INTO(order, "days_to_ship", handling_duration, order_handling, days),
    MAP(order, "dropshipper", dropshipper, NULL),
    MAP(order, "dropshipper_phone", dropshipper_phone, NULL),
    MAP(order, "edt_from", edt_from, NULL),
    MAP(order, "edt_to", edt_to, NULL),
    MAP_INTO(order, "estimated_shipping_fee", payment, order_payment, estimated_shipping_fee),
    MAP(order, "fulfillment_flag", fulfillment_type, NULL),
    MAP(order, "goods_to_declare", goods_to_declare, NULL),
    MAP(order, "invoice_data", invoice_data, NULL),
    MAP(order, "item_list", line_items, &shopee_line),
    MAP(order, "message_to_seller", buyer_message, NULL),
    MAP(order, "note", seller_note, NULL),
    MAP(order, "note_update_time", note_update_time, NULL),
    MAP(order, "order_chargeable_weight_gram", order_chargeable_weight_gram, NULL),
    MAP(order, "order_sn", order_id, NULL),
    MAP(order, "order_status", status, NULL),
    MAP(order, "package_list", packages, &shopee_package),
    MAP(order, "pay_time", paid_time, NULL),
    MAP(order, "payment_info", payment_info, NULL),
    MAP(order, "payment_method", payment_method_name, NULL),
    MAP(order, "pending_terms", pending_terms, NULL),
    MAP(order, "pickup_done_time", collection_time, NULL),
    MAP(order, "recipient_address", recipient_address, &shopee_address),
    MAP(order, "region", region, NULL),
    MAP(order, "return_request_due_date", return_request_due_date, NULL),
    MAP_INTO(order, "reverse_shipping_fee", payment, order_payment, reverse_shipping_fee),
    MAP(order, "ship_by_date", rts_sla_time, NULL),
    MAP(order, "shipping_carrier", shipping_provider, NULL),
    MAP(order, "split_up", split_up, NULL),
    MAP_INTO(order, "total_amount", payment, order_payment, total_amount),
    MAP(order, "update_time", update_time, NULL),
};

const struct mapping order_shopee_mapping = {&order_entity, order_shopee_rows,
                                             sizeof order_shopee_rows / sizeof *order_shopee_rows};
/* --- what tables cannot say ------------------------------------------------------------------------ */

static const struct recipe_state states[] = {
    {"CANCELLED", "cancelled"},
    {"COMPLETED", "completed"},
    {"INVOICE_PENDING", "on_hold"},
    {"IN_CANCEL", "cancelling"},
    {"PENDING", "on_hold"},
    {"PROCESSED", "awaiting_collection"},
    {"READY_TO_SHIP", "ready_to_ship"},
    {"RETRY_SHIP", "ready_to_ship"},
    {"SHIPPED", "shipped"},
    {"TO_CONFIRM_RECEIVE", "delivered"},
    {"TO_RETURN", "returning"},
    {"UNPAID", "unpaid"},
};

void order_shopee_set_state(struct field_text *state, const struct field_text *status)
{
    recipe_set_state(state, status, states, sizeof states / sizeof *states);
}

/* Of an item without models the item's code is the only one. */
static void finish_lines(struct order *order)
{
    const struct order_payment *payment = order->payment.part;
    struct order_line *lines = order->line_items.items;

    for (size_t i = 0; i < order->line_items.count; i++) {
        if (payment && payment->currency.state == FIELD_HELD)
            lines[i].currency = payment->currency;
        if (lines[i].sku_id.state == FIELD_ABSENT && lines[i].seller_sku.state == FIELD_ABSENT)
            lines[i].seller_sku = lines[i].item_sku;
    }
}

static void finish(void *dto, yyjson_val *json, const struct dto_context *context, struct arena *scratch,
                   struct field_problems *problems)
{
    struct order *order = dto;

    (void)json;
    (void)scratch;
    (void)problems;
    order_shopee_set_state(&order->state, &order->status);
    recipe_set_id(&order->order_id, context);
    finish_lines(order);
}

static int64_t update_ms(yyjson_val *json)
{
    return recipe_seconds_ms(json, "update_time");
}

const struct recipe recipe_order_shopee = {
    .platform = "shopee",
    .kind = ENTRY_ORDER,
    .collection = "orders",
    .id_prefix = "",
    .mapping = &order_shopee_mapping,
    .size = sizeof(struct order),
    .finish = finish,
    .update_ms = update_ms,
};
