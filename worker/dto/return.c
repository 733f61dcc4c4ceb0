/* return.c - worker, stage 5: the entity tables of returns, refunds and cancellations.
 *
 * In:      nothing; constants only.
 * Out:     name and type of each field, for the generic reader and writer (field.c).
 * Fails:   never. A member without a row does not compile; rows in another order than the members fail test_recipe.
 * Thread:  any.
 * Why so:  words that a platform numbers (return_solution 0) are ids here: a number or a text, kept as text. They are
 *          names and not amounts, and one platform sends both forms of the same word. */
#include "worker/dto/return.h"

static const struct field return_amount_fields[] = {
    FIELD(return_amount, currency, TEXT, 0, NULL),
    FIELD(return_amount, refund_total, MONEY, 0, NULL),
    FIELD(return_amount, refund_subtotal, MONEY, 0, NULL),
    FIELD(return_amount, refund_shipping_fee, MONEY, 0, NULL),
    FIELD(return_amount, refund_tax, MONEY, 0, NULL),
    FIELD(return_amount, retail_delivery_fee, MONEY, 0, NULL),
    FIELD(return_amount, buyer_service_fee, MONEY, 0, NULL),
    FIELD(return_amount, amount_before_discount, MONEY, 0, NULL),
    FIELD(return_amount, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(return_amount);

static const struct field return_image_fields[] = {
    FIELD(return_image, url, TEXT, 0, NULL),
    FIELD(return_image, width, COUNT, 0, NULL),
    FIELD(return_image, height, COUNT, 0, NULL),
    FIELD(return_image, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(return_image);

static const struct field return_line_fields[] = {
    FIELD(return_line, return_line_item_id, ID, 0, NULL),
    FIELD(return_line, return_sub_line_item_id, ID, 0, NULL),
    FIELD(return_line, order_line_item_id, ID, 0, NULL),
    FIELD(return_line, sub_order_line_item_id, ID, 0, NULL),
    FIELD(return_line, product_id, ID, 0, NULL),
    FIELD(return_line, sku_id, ID_OR_ZERO, 0, NULL),
    FIELD(return_line, product_name, TEXT, 0, NULL),
    FIELD(return_line, sku_name, TEXT, 0, NULL),
    FIELD(return_line, seller_sku, TEXT, 0, NULL),
    FIELD(return_line, item_sku, TEXT, 0, NULL),
    FIELD(return_line, add_on_deal_id, ID_OR_ZERO, 0, NULL),
    FIELD(return_line, product_image, OBJECT, 0, &return_image_entity),
    FIELD(return_line, images, TEXTS, 0, NULL),
    FIELD(return_line, quantity, COUNT, 0, NULL),
    FIELD(return_line, currency, TEXT, 0, NULL),
    FIELD(return_line, item_price, MONEY, 0, NULL),
    FIELD(return_line, refund_amount, OBJECT, 0, &return_amount_entity),
    FIELD(return_line, is_add_on_deal, FLAG, 0, NULL),
    FIELD(return_line, is_main_item, FLAG, 0, NULL),
    FIELD(return_line, sub_line_items, LIST, 0, &return_line_entity),
    FIELD(return_line, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(return_line);

static const struct field return_action_fields[] = {
    FIELD(return_action, action, TEXT, 0, NULL),
    FIELD(return_action, deadline, TIME, 0, NULL),
    FIELD(return_action, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(return_action);

static const struct field return_partial_refund_fields[] = {
    FIELD(return_partial_refund, currency, TEXT, 0, NULL),
    FIELD(return_partial_refund, amount, MONEY, 0, NULL),
    FIELD(return_partial_refund, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(return_partial_refund);

static const struct field return_discount_fields[] = {
    FIELD(return_discount, currency, TEXT, 0, NULL),
    FIELD(return_discount, product_seller_discount, MONEY, 0, NULL),
    FIELD(return_discount, product_platform_discount, MONEY, 0, NULL),
    FIELD(return_discount, shipping_fee_seller_discount, MONEY, 0, NULL),
    FIELD(return_discount, shipping_fee_platform_discount, MONEY, 0, NULL),
    FIELD(return_discount, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(return_discount);

static const struct field return_shipping_fee_fields[] = {
    FIELD(return_shipping_fee, currency, TEXT, 0, NULL),
    FIELD(return_shipping_fee, seller_paid_return_shipping_fee, MONEY, 0, NULL),
    FIELD(return_shipping_fee, platform_paid_return_shipping_fee, MONEY, 0, NULL),
    FIELD(return_shipping_fee, buyer_paid_return_shipping_fee, MONEY, 0, NULL),
    FIELD(return_shipping_fee, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(return_shipping_fee);

static const struct field return_warehouse_fields[] = {
    FIELD(return_warehouse, warehouse_id, ID_OR_ZERO, 0, NULL),
    FIELD(return_warehouse, full_address, TEXT, 0, NULL),
    FIELD(return_warehouse, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(return_warehouse);

static const struct field return_user_fields[] = {
    FIELD(return_user, username, TEXT, 0, NULL),
    FIELD(return_user, email, TEXT, 0, NULL),
    FIELD(return_user, portrait, TEXT, 0, NULL),
    FIELD(return_user, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(return_user);

static const struct field return_follow_up_fields[] = {
    FIELD(return_follow_up, product_id, ID, 0, NULL),  FIELD(return_follow_up, sku_id, ID_OR_ZERO, 0, NULL),
    FIELD(return_follow_up, quantity, COUNT, 0, NULL), FIELD(return_follow_up, current_status, TEXT, 0, NULL),
    FIELD(return_follow_up, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(return_follow_up);

static const struct field return_negotiation_fields[] = {
    FIELD(return_negotiation, negotiation_status, TEXT, 0, NULL),
    FIELD(return_negotiation, latest_solution, TEXT, 0, NULL),
    FIELD(return_negotiation, latest_offer_amount, MONEY, 0, NULL),
    FIELD(return_negotiation, latest_offer_creator, TEXT, 0, NULL),
    FIELD(return_negotiation, counter_limit, COUNT, 0, NULL),
    FIELD(return_negotiation, offer_due_date, TIME, 0, NULL),
    FIELD(return_negotiation, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(return_negotiation);

static const struct field return_seller_proof_fields[] = {
    FIELD(return_seller_proof, seller_proof_status, TEXT, 0, NULL),
    FIELD(return_seller_proof, seller_evidence_deadline, TIME, 0, NULL),
    FIELD(return_seller_proof, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(return_seller_proof);

static const struct field return_seller_compensation_fields[] = {
    FIELD(return_seller_compensation, seller_compensation_status, TEXT, 0, NULL),
    FIELD(return_seller_compensation, seller_compensation_due_date, TIME, 0, NULL),
    FIELD(return_seller_compensation, compensation_amount, MONEY, 0, NULL),
    FIELD(return_seller_compensation, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(return_seller_compensation);

static const struct field return_activity_fields[] = {
    FIELD(return_activity, activity_id, ID_OR_ZERO, 0, NULL),
    FIELD(return_activity, original_price, MONEY, 0, NULL),
    FIELD(return_activity, discounted_price, MONEY, 0, NULL),
    FIELD(return_activity, items, ANY, 0, NULL),
    FIELD(return_activity, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(return_activity);

static const struct field return_case_fields[] = {
    FIELD(return_case, return_id, ID, FIELD_REQUIRED | FIELD_KEY, NULL),
    FIELD(return_case, order_id, ID, FIELD_KEY, NULL),
    FIELD(return_case, return_kind, TEXT, FIELD_KEY | FIELD_MADE, NULL),
    FIELD(return_case, status, TEXT, FIELD_REQUIRED | FIELD_KEY, NULL),
    FIELD(return_case, state, TEXT, FIELD_KEY | FIELD_MADE, NULL),
    FIELD(return_case, return_type, TEXT, 0, NULL),
    FIELD(return_case, cancel_type, TEXT, 0, NULL),
    FIELD(return_case, return_solution, ID, 0, NULL),
    FIELD(return_case, return_refund_type, TEXT, 0, NULL),
    FIELD(return_case, return_refund_request_type, ID, 0, NULL),
    FIELD(return_case, seller_proposed_return_type, TEXT, 0, NULL),
    FIELD(return_case, validation_type, TEXT, 0, NULL),
    FIELD(return_case, arbitration_status, TEXT, 0, NULL),
    FIELD(return_case, role, TEXT, 0, NULL),
    FIELD(return_case, reason, TEXT, 0, NULL),
    FIELD(return_case, reason_text, TEXT, 0, NULL),
    FIELD(return_case, reassessed_request_reason, TEXT, 0, NULL),
    FIELD(return_case, dispute_reason, TEXTS, 0, NULL),
    FIELD(return_case, dispute_text_reason, TEXTS, 0, NULL),
    FIELD(return_case, image, TEXTS, 0, NULL),
    FIELD(return_case, buyer_videos, ANY, 0, NULL),
    FIELD(return_case, shipment_type, TEXT, 0, NULL),
    FIELD(return_case, handover_method, TEXT, 0, NULL),
    FIELD(return_case, return_method, TEXT, 0, NULL),
    FIELD(return_case, return_shipping_document_type, TEXT, 0, NULL),
    FIELD(return_case, tracking_number, ID, 0, NULL),
    FIELD(return_case, shipping_provider_name, TEXT, 0, NULL),
    FIELD(return_case, shipping_provider_id, ID_OR_ZERO, 0, NULL),
    FIELD(return_case, logistics_status, TEXT, 0, NULL),
    FIELD(return_case, reverse_logistics_status, TEXT, 0, NULL),
    FIELD(return_case, is_arrived_at_warehouse, ID, 0, NULL),
    FIELD(return_case, pre_return_id, ID_OR_ZERO, 0, NULL),
    FIELD(return_case, next_return_id, ID_OR_ZERO, 0, NULL),
    FIELD(return_case, combined_return_id, ID_OR_ZERO, 0, NULL),
    FIELD(return_case, create_time, TIME, 0, NULL),
    FIELD(return_case, update_time, TIME, FIELD_REQUIRED, NULL),
    FIELD(return_case, due_date, TIME, 0, NULL),
    FIELD(return_case, return_ship_due_date, TIME, 0, NULL),
    FIELD(return_case, return_seller_due_date, TIME, 0, NULL),
    FIELD(return_case, can_buyer_keep_item, FLAG, 0, NULL),
    FIELD(return_case, is_combined_return, FLAG, 0, NULL),
    FIELD(return_case, buyer_rejected_partial_refund, FLAG, 0, NULL),
    FIELD(return_case, is_quick_refund, FLAG, 0, NULL),
    FIELD(return_case, should_replenish_stock, FLAG, 0, NULL),
    FIELD(return_case, needs_logistics, FLAG, 0, NULL),
    FIELD(return_case, is_seller_arrange, FLAG, 0, NULL),
    FIELD(return_case, is_shipping_proof_mandatory, FLAG, 0, NULL),
    FIELD(return_case, refund_amount, OBJECT, 0, &return_amount_entity),
    FIELD(return_case, partial_refund, OBJECT, 0, &return_partial_refund_entity),
    FIELD(return_case, discount_amount, LIST, 0, &return_discount_entity),
    FIELD(return_case, shipping_fee_amount, LIST, 0, &return_shipping_fee_entity),
    FIELD(return_case, seller_next_action_response, LIST, 0, &return_action_entity),
    FIELD(return_case, return_warehouse_address, OBJECT, 0, &return_warehouse_entity),
    FIELD(return_case, return_pickup_address, ANY, 0, NULL),
    FIELD(return_case, user, OBJECT, 0, &return_user_entity),
    FIELD(return_case, negotiation, OBJECT, 0, &return_negotiation_entity),
    FIELD(return_case, seller_proof, OBJECT, 0, &return_seller_proof_entity),
    FIELD(return_case, seller_compensation, OBJECT, 0, &return_seller_compensation_entity),
    FIELD(return_case, activity, LIST, 0, &return_activity_entity),
    FIELD(return_case, follow_up_action_list, LIST, 0, &return_follow_up_entity),
    FIELD(return_case, line_items, LIST, 0, &return_line_entity),
    FIELD(return_case, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(return_case);
