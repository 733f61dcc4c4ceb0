/* return_tiktok.c - worker, stage 5: how TikTok Shop's returns and cancellations map onto struct return_case.
 *
 * In:      one element of data.return_orders or data.cancellations.
 * Out:     two recipes; recipe_document makes the document with one of them.
 * Fails:   never; constants and three small functions.
 * Thread:  any.
 * Why so:  the two share their states: no word stands for different things in both, and the platform itself spells some
 *          of them in two ways. Rows are sorted by key (field.c). */
#include "worker/dto/return_tiktok.h"

#include <string.h>

#include "worker/dto/recipe.h"

static const struct mapping_row tiktok_refund_rows[] = {
    MAP(return_amount, "buyer_service_fee", buyer_service_fee, NULL),
    MAP(return_amount, "currency", currency, NULL),
    MAP(return_amount, "refund_shipping_fee", refund_shipping_fee, NULL),
    MAP(return_amount, "refund_subtotal", refund_subtotal, NULL),
    MAP(return_amount, "refund_tax", refund_tax, NULL),
    MAP(return_amount, "refund_total", refund_total, NULL),
    MAP(return_amount, "retail_delivery_fee", retail_delivery_fee, NULL),
};

MAPPING_TABLE(tiktok_refund, return_amount);

static const struct mapping_row tiktok_image_rows[] = {
    MAP(return_image, "height", height, NULL),
    MAP(return_image, "url", url, NULL),
    MAP(return_image, "width", width, NULL),
};

MAPPING_TABLE(tiktok_image, return_image);

static const struct mapping_row tiktok_action_rows[] = {
    MAP(return_action, "action", action, NULL),
    MAP(return_action, "deadline", deadline, NULL),
};

MAPPING_TABLE(tiktok_action, return_action);

static const struct mapping_row tiktok_partial_refund_rows[] = {
    MAP(return_partial_refund, "amount", amount, NULL),
    MAP(return_partial_refund, "currency", currency, NULL),
};

MAPPING_TABLE(tiktok_partial_refund, return_partial_refund);

static const struct mapping_row tiktok_discount_rows[] = {
    MAP(return_discount, "currency", currency, NULL),
    MAP(return_discount, "product_platform_discount", product_platform_discount, NULL),
    MAP(return_discount, "product_seller_discount", product_seller_discount, NULL),
    MAP(return_discount, "shipping_fee_platform_discount", shipping_fee_platform_discount, NULL),
    MAP(return_discount, "shipping_fee_seller_discount", shipping_fee_seller_discount, NULL),
};

MAPPING_TABLE(tiktok_discount, return_discount);

static const struct mapping_row tiktok_shipping_fee_rows[] = {
    MAP(return_shipping_fee, "buyer_paid_return_shipping_fee", buyer_paid_return_shipping_fee, NULL),
    MAP(return_shipping_fee, "currency", currency, NULL),
    MAP(return_shipping_fee, "platform_paid_return_shipping_fee", platform_paid_return_shipping_fee, NULL),
    MAP(return_shipping_fee, "seller_paid_return_shipping_fee", seller_paid_return_shipping_fee, NULL),
};

MAPPING_TABLE(tiktok_shipping_fee, return_shipping_fee);

static const struct mapping_row tiktok_warehouse_rows[] = {
    MAP(return_warehouse, "full_address", full_address, NULL),
};

MAPPING_TABLE(tiktok_warehouse, return_warehouse);

static const struct mapping_row tiktok_return_sub_line_rows[] = {
    MAP(return_line, "order_line_item_id", order_line_item_id, NULL),
    MAP(return_line, "product_image", product_image, &tiktok_image),
    MAP(return_line, "product_name", product_name, NULL),
    MAP(return_line, "refund_amount", refund_amount, &tiktok_refund),
    MAP(return_line, "return_line_item_id", return_line_item_id, NULL),
    MAP(return_line, "return_sub_line_item_id", return_sub_line_item_id, NULL),
    MAP(return_line, "seller_sku", seller_sku, NULL),
    MAP(return_line, "sku_id", sku_id, NULL),
    MAP(return_line, "sku_name", sku_name, NULL),
    MAP(return_line, "sub_order_line_item_id", sub_order_line_item_id, NULL),
};

MAPPING_TABLE(tiktok_return_sub_line, return_line);

static const struct mapping_row tiktok_return_line_rows[] = {
    MAP(return_line, "order_line_item_id", order_line_item_id, NULL),
    MAP(return_line, "product_image", product_image, &tiktok_image),
    MAP(return_line, "product_name", product_name, NULL),
    MAP(return_line, "refund_amount", refund_amount, &tiktok_refund),
    MAP(return_line, "return_line_item_id", return_line_item_id, NULL),
    MAP(return_line, "return_sub_line_items", sub_line_items, &tiktok_return_sub_line),
    MAP(return_line, "seller_sku", seller_sku, NULL),
    MAP(return_line, "sku_id", sku_id, NULL),
    MAP(return_line, "sku_name", sku_name, NULL),
};

MAPPING_TABLE(tiktok_return_line, return_line);

static const struct mapping_row return_tiktok_rows[] = {
    MAP(return_case, "arbitration_status", arbitration_status, NULL),
    MAP(return_case, "buyer_rejected_partial_refund", buyer_rejected_partial_refund, NULL),
    MAP(return_case, "can_buyer_keep_item", can_buyer_keep_item, NULL),
    MAP(return_case, "combined_return_id", combined_return_id, NULL),
    MAP(return_case, "create_time", create_time, NULL),
    MAP(return_case, "discount_amount", discount_amount, &tiktok_discount),
    MAP(return_case, "handover_method", handover_method, NULL),
    MAP(return_case, "is_combined_return", is_combined_return, NULL),
    MAP(return_case, "is_quick_refund", is_quick_refund, NULL),
    MAP(return_case, "next_return_id", next_return_id, NULL),
    MAP(return_case, "order_id", order_id, NULL),
    MAP(return_case, "partial_refund", partial_refund, &tiktok_partial_refund),
    MAP(return_case, "pre_return_id", pre_return_id, NULL),
    MAP(return_case, "refund_amount", refund_amount, &tiktok_refund),
    MAP(return_case, "return_id", return_id, NULL),
    MAP(return_case, "return_line_items", line_items, &tiktok_return_line),
    MAP(return_case, "return_method", return_method, NULL),
    MAP(return_case, "return_provider_id", shipping_provider_id, NULL),
    MAP(return_case, "return_provider_name", shipping_provider_name, NULL),
    MAP(return_case, "return_reason", reason, NULL),
    MAP(return_case, "return_reason_text", reason_text, NULL),
    MAP(return_case, "return_shipping_document_type", return_shipping_document_type, NULL),
    MAP(return_case, "return_status", status, NULL),
    MAP(return_case, "return_tracking_number", tracking_number, NULL),
    MAP(return_case, "return_type", return_type, NULL),
    MAP(return_case, "return_warehouse_address", return_warehouse_address, &tiktok_warehouse),
    MAP(return_case, "role", role, NULL),
    MAP(return_case, "seller_next_action_response", seller_next_action_response, &tiktok_action),
    MAP(return_case, "seller_proposed_return_type", seller_proposed_return_type, NULL),
    MAP(return_case, "shipment_type", shipment_type, NULL),
    MAP(return_case, "shipping_fee_amount", shipping_fee_amount, &tiktok_shipping_fee),
    MAP(return_case, "update_time", update_time, NULL),
};

const struct mapping return_tiktok_mapping = {&return_case_entity, return_tiktok_rows,
                                              sizeof return_tiktok_rows / sizeof *return_tiktok_rows};

static const struct mapping_row tiktok_cancel_sub_line_rows[] = {
    MAP(return_line, "cancel_line_item_id", return_line_item_id, NULL),
    MAP(return_line, "cancel_sub_line_item_id", return_sub_line_item_id, NULL),
    MAP(return_line, "order_line_item_id", order_line_item_id, NULL),
    MAP(return_line, "product_image", product_image, &tiktok_image),
    MAP(return_line, "product_name", product_name, NULL),
    MAP(return_line, "refund_amount", refund_amount, &tiktok_refund),
    MAP(return_line, "seller_sku", seller_sku, NULL),
    MAP(return_line, "sku_id", sku_id, NULL),
    MAP(return_line, "sku_name", sku_name, NULL),
    MAP(return_line, "sub_order_line_item_id", sub_order_line_item_id, NULL),
};

MAPPING_TABLE(tiktok_cancel_sub_line, return_line);

static const struct mapping_row tiktok_cancel_line_rows[] = {
    MAP(return_line, "cancel_line_item_id", return_line_item_id, NULL),
    MAP(return_line, "cancel_sub_line_items", sub_line_items, &tiktok_cancel_sub_line),
    MAP(return_line, "order_line_item_id", order_line_item_id, NULL),
    MAP(return_line, "product_image", product_image, &tiktok_image),
    MAP(return_line, "product_name", product_name, NULL),
    MAP(return_line, "refund_amount", refund_amount, &tiktok_refund),
    MAP(return_line, "seller_sku", seller_sku, NULL),
    MAP(return_line, "sku_id", sku_id, NULL),
    MAP(return_line, "sku_name", sku_name, NULL),
};

MAPPING_TABLE(tiktok_cancel_line, return_line);

static const struct mapping_row cancellation_tiktok_rows[] = {
    MAP(return_case, "cancel_id", return_id, NULL),
    MAP(return_case, "cancel_line_items", line_items, &tiktok_cancel_line),
    MAP(return_case, "cancel_reason", reason, NULL),
    MAP(return_case, "cancel_reason_text", reason_text, NULL),
    MAP(return_case, "cancel_status", status, NULL),
    MAP(return_case, "cancel_type", cancel_type, NULL),
    MAP(return_case, "create_time", create_time, NULL),
    MAP(return_case, "order_id", order_id, NULL),
    MAP(return_case, "refund_amount", refund_amount, &tiktok_refund),
    MAP(return_case, "role", role, NULL),
    MAP(return_case, "seller_next_action_response", seller_next_action_response, &tiktok_action),
    MAP(return_case, "should_replenish_stock", should_replenish_stock, NULL),
    MAP(return_case, "update_time", update_time, NULL),
};

const struct mapping cancellation_tiktok_mapping = {&return_case_entity, cancellation_tiktok_rows,
                                                    sizeof cancellation_tiktok_rows /
                                                        sizeof *cancellation_tiktok_rows};
/* --- what tables cannot say ------------------------------------------------------------------------ */

static const struct recipe_state states[] = {
    {"AWAITING_BUYER_RESPONSE", "requested"},
    {"AWAITING_BUYER_SHIP", "approved"},
    {"BUYER_SHIPPED_ITEM", "in_transit"},
    {"CANCELLATION_REQUEST_CANCEL", "cancelled"},
    {"CANCELLATION_REQUEST_CANCELLED", "cancelled"},
    {"CANCELLATION_REQUEST_COMPLETE", "completed"},
    {"CANCELLATION_REQUEST_PENDING", "requested"},
    {"CANCELLATION_REQUEST_REJECT", "rejected"},
    {"CANCELLATION_REQUEST_SUCCESS", "approved"},
    {"REFUND_OR_RETURN_REQUEST_REJECT", "rejected"},
    {"REJECT_RECEIVE_PACKAGE", "rejected"},
    {"REPLACEMENT_REQUEST_CANCEL", "cancelled"},
    {"REPLACEMENT_REQUEST_CANCELLED", "cancelled"},
    {"REPLACEMENT_REQUEST_COMPLETE", "completed"},
    {"REPLACEMENT_REQUEST_PENDING", "requested"},
    {"REPLACEMENT_REQUEST_REFUND_SUCCESS", "approved"},
    {"REPLACEMENT_REQUEST_REJECT", "rejected"},
    {"REPLACEMENT_REQUEST_SUCCESS", "approved"},
    {"RETURN_OR_REFUND_REQUEST_CANCEL", "cancelled"},
    {"RETURN_OR_REFUND_REQUEST_CANCELLED", "cancelled"},
    {"RETURN_OR_REFUND_REQUEST_COMPLETE", "completed"},
    {"RETURN_OR_REFUND_REQUEST_PENDING", "requested"},
    {"RETURN_OR_REFUND_REQUEST_REJECT", "rejected"},
    {"RETURN_OR_REFUND_REQUEST_SUCCESS", "approved"},
    {"RETURN_OR_REFUND__REQUEST_CANCELLED", "cancelled"},
};

/* A case before the platform's judges is disputed, whatever its status says; the status alone cannot say so. */
static void finish(struct return_case *c, const struct dto_context *context, const char *kind)
{
    recipe_set_state(&c->state, &c->status, states, sizeof states / sizeof *states);
    if (recipe_is_word(&c->arbitration_status, "IN_PROGRESS"))
        recipe_set_word(&c->state, "disputed");
    recipe_set_word(&c->return_kind, kind);
    recipe_set_id(&c->return_id, context);
}

static void finish_return(void *dto, yyjson_val *json, const struct dto_context *context,
                          struct arena *scratch, struct field_problems *problems)
{
    struct return_case *c = dto;

    (void)json;
    (void)scratch;
    (void)problems;
    finish(c, context, recipe_is_word(&c->return_type, "REFUND") ? "refund" : "return");
}

static void finish_cancellation(void *dto, yyjson_val *json, const struct dto_context *context,
                                struct arena *scratch, struct field_problems *problems)
{
    (void)json;
    (void)scratch;
    (void)problems;
    finish(dto, context, "cancellation");
}

static int64_t update_ms(yyjson_val *json)
{
    return recipe_seconds_ms(json, "update_time");
}

const struct recipe recipe_return_tiktok = {
    .platform = "tiktok",
    .kind = ENTRY_RETURN,
    .return_kind = "return",
    .collection = "returns",
    .id_prefix = "",
    .mapping = &return_tiktok_mapping,
    .size = sizeof(struct return_case),
    .finish = finish_return,
    .update_ms = update_ms,
};

const struct recipe recipe_cancellation_tiktok = {
    .platform = "tiktok",
    .kind = ENTRY_RETURN,
    .return_kind = "cancellation",
    .collection = "returns",
    .id_prefix = "",
    .mapping = &cancellation_tiktok_mapping,
    .size = sizeof(struct return_case),
    .finish = finish_cancellation,
    .update_ms = update_ms,
};
