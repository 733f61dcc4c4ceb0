/* order.c - worker, stage 5: the entity tables of an order.
 *
 * In:      nothing; constants only.
 * Out:     name and type of each field, for the generic reader and writer (field.c).
 * Fails:   never. A member without a row does not compile; rows in another order than the members fail test_recipe.
 * Thread:  any.
 * Why so:  "id or zero" belongs here and not into a platform's mapping: that the number 0 can be no warehouse is true
 *          of the field, whoever fills it. */
#include "worker/dto/order.h"

static const struct field order_package_line_fields[] = {
    FIELD(order_package_line, product_id, ID, 0, NULL),
    FIELD(order_package_line, sku_id, ID_OR_ZERO, 0, NULL),
    FIELD(order_package_line, order_item_id, ID, 0, NULL),
    FIELD(order_package_line, promotion_group_id, ID_OR_ZERO, 0, NULL),
    FIELD(order_package_line, quantity, COUNT, 0, NULL),
    FIELD(order_package_line, product_location_id, TEXTS, 0, NULL),
    FIELD(order_package_line, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(order_package_line);

static const struct field order_package_fields[] = {
    FIELD(order_package, package_id, ID, 0, NULL),
    FIELD(order_package, package_status, TEXT, 0, NULL),
    FIELD(order_package, shipping_provider_name, TEXT, 0, NULL),
    FIELD(order_package, logistics_channel_id, ID_OR_ZERO, 0, NULL),
    FIELD(order_package, group_shipment_id, ID_OR_ZERO, 0, NULL),
    FIELD(order_package, parcel_chargeable_weight_gram, COUNT, 0, NULL),
    FIELD(order_package, allow_self_design_awb, FLAG, 0, NULL),
    FIELD(order_package, line_items, LIST, 0, &order_package_line_entity),
    FIELD(order_package, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(order_package);

static const struct field order_handling_fields[] = {
    FIELD(order_handling, days, COUNT, 0, NULL),
    FIELD(order_handling, type, TEXT, 0, NULL),
    FIELD(order_handling, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(order_handling);

static const struct field order_payment_fields[] = {
    FIELD(order_payment, currency, TEXT, 0, NULL),
    FIELD(order_payment, total_amount, MONEY, 0, NULL),
    FIELD(order_payment, sub_total, MONEY, 0, NULL),
    FIELD(order_payment, original_total_product_price, MONEY, 0, NULL),
    FIELD(order_payment, seller_discount, MONEY, 0, NULL),
    FIELD(order_payment, platform_discount, MONEY, 0, NULL),
    FIELD(order_payment, shipping_fee, MONEY, 0, NULL),
    FIELD(order_payment, original_shipping_fee, MONEY, 0, NULL),
    FIELD(order_payment, shipping_fee_seller_discount, MONEY, 0, NULL),
    FIELD(order_payment, shipping_fee_platform_discount, MONEY, 0, NULL),
    FIELD(order_payment, shipping_fee_cofunded_discount, MONEY, 0, NULL),
    FIELD(order_payment, tax, MONEY, 0, NULL),
    FIELD(order_payment, product_tax, MONEY, 0, NULL),
    FIELD(order_payment, shipping_fee_tax, MONEY, 0, NULL),
    FIELD(order_payment, handling_fee, MONEY, 0, NULL),
    FIELD(order_payment, buyer_service_fee, MONEY, 0, NULL),
    FIELD(order_payment, shipping_insurance_fee, MONEY, 0, NULL),
    FIELD(order_payment, item_insurance_fee, MONEY, 0, NULL),
    FIELD(order_payment, item_insurance_tax, MONEY, 0, NULL),
    FIELD(order_payment, payment_platform_discount, MONEY, 0, NULL),
    FIELD(order_payment, estimated_shipping_fee, MONEY, 0, NULL),
    FIELD(order_payment, actual_shipping_fee, MONEY, 0, NULL),
    FIELD(order_payment, reverse_shipping_fee, MONEY, 0, NULL),
    FIELD(order_payment, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(order_payment);

static const struct field order_district_fields[] = {
    FIELD(order_district, address_level, TEXT, 0, NULL),
    FIELD(order_district, address_level_name, TEXT, 0, NULL),
    FIELD(order_district, address_name, TEXT, 0, NULL),
    FIELD(order_district, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(order_district);

static const struct field order_delivery_preferences_fields[] = {
    FIELD(order_delivery_preferences, drop_off_location, TEXT, 0, NULL),
    FIELD(order_delivery_preferences, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(order_delivery_preferences);

static const struct field order_address_fields[] = {
    FIELD(order_address, full_address, TEXT, 0, NULL),
    FIELD(order_address, name, TEXT, 0, NULL),
    FIELD(order_address, first_name, TEXT, 0, NULL),
    FIELD(order_address, last_name, TEXT, 0, NULL),
    FIELD(order_address, phone_number, TEXT, 0, NULL),
    FIELD(order_address, region_code, TEXT, 0, NULL),
    FIELD(order_address, postal_code, TEXT, 0, NULL),
    FIELD(order_address, address_detail, TEXT, 0, NULL),
    FIELD(order_address, address_line1, TEXT, 0, NULL),
    FIELD(order_address, address_line2, TEXT, 0, NULL),
    FIELD(order_address, address_line3, TEXT, 0, NULL),
    FIELD(order_address, address_line4, TEXT, 0, NULL),
    FIELD(order_address, state, TEXT, 0, NULL),
    FIELD(order_address, city, TEXT, 0, NULL),
    FIELD(order_address, district, TEXT, 0, NULL),
    FIELD(order_address, town, TEXT, 0, NULL),
    FIELD(order_address, district_info, LIST, 0, &order_district_entity),
    FIELD(order_address, delivery_preferences, OBJECT, 0, &order_delivery_preferences_entity),
    FIELD(order_address, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(order_address);

static const struct field order_tax_fields[] = {
    FIELD(order_tax, tax_type, TEXT, 0, NULL),
    FIELD(order_tax, tax_amount, MONEY, 0, NULL),
    FIELD(order_tax, tax_rate, MONEY, 0, NULL),
    FIELD(order_tax, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(order_tax);

static const struct field order_combined_sku_fields[] = {
    FIELD(order_combined_sku, sku_id, ID_OR_ZERO, 0, NULL),
    FIELD(order_combined_sku, product_id, ID, 0, NULL),
    FIELD(order_combined_sku, seller_sku, TEXT, 0, NULL),
    FIELD(order_combined_sku, sku_count, COUNT, 0, NULL),
    FIELD(order_combined_sku, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(order_combined_sku);

static const struct field order_promotion_fields[] = {
    FIELD(order_promotion, promotion_type, TEXT, 0, NULL),
    FIELD(order_promotion, promotion_id, ID_OR_ZERO, 0, NULL),
    FIELD(order_promotion, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(order_promotion);

static const struct field order_line_fields[] = {
    FIELD(order_line, line_item_id, ID, 0, NULL),
    FIELD(order_line, sku_id, ID_OR_ZERO, 0, NULL),
    FIELD(order_line, product_id, ID, 0, NULL),
    FIELD(order_line, product_name, TEXT, 0, NULL),
    FIELD(order_line, sku_name, TEXT, 0, NULL),
    FIELD(order_line, sku_image, TEXT, 0, NULL),
    FIELD(order_line, seller_sku, TEXT, 0, NULL),
    FIELD(order_line, sku_type, TEXT, 0, NULL),
    FIELD(order_line, display_status, TEXT, 0, NULL),
    FIELD(order_line, cancel_user, TEXT, 0, NULL),
    FIELD(order_line, cancel_reason, TEXT, 0, NULL),
    FIELD(order_line, currency, TEXT, 0, NULL),
    FIELD(order_line, original_price, MONEY, 0, NULL),
    FIELD(order_line, sale_price, MONEY, 0, NULL),
    FIELD(order_line, seller_discount, MONEY, 0, NULL),
    FIELD(order_line, platform_discount, MONEY, 0, NULL),
    FIELD(order_line, gift_retail_price, MONEY, 0, NULL),
    FIELD(order_line, buyer_service_fee, MONEY, 0, NULL),
    FIELD(order_line, package_id, ID_OR_ZERO, 0, NULL),
    FIELD(order_line, package_status, TEXT, 0, NULL),
    FIELD(order_line, shipping_provider_id, ID_OR_ZERO, 0, NULL),
    FIELD(order_line, shipping_provider_name, TEXT, 0, NULL),
    FIELD(order_line, tracking_number, ID, 0, NULL),
    FIELD(order_line, warehouse_id, ID_OR_ZERO, 0, NULL),
    FIELD(order_line, rts_time, TIME, 0, NULL),
    FIELD(order_line, handling_duration_days, COUNT, 0, NULL),
    FIELD(order_line, is_gift, FLAG, 0, NULL),
    FIELD(order_line, is_dangerous_good, FLAG, 0, NULL),
    FIELD(order_line, needs_prescription, FLAG, 0, NULL),
    FIELD(order_line, item_sku, TEXT, 0, NULL),
    FIELD(order_line, order_item_id, ID, 0, NULL),
    FIELD(order_line, add_on_deal_id, ID_OR_ZERO, 0, NULL),
    FIELD(order_line, promotion_id, ID_OR_ZERO, 0, NULL),
    FIELD(order_line, promotion_group_id, ID_OR_ZERO, 0, NULL),
    FIELD(order_line, promotion_type, TEXT, 0, NULL),
    FIELD(order_line, quantity, COUNT, 0, NULL),
    FIELD(order_line, active_qty, COUNT, 0, NULL),
    FIELD(order_line, cancel_requested_qty, COUNT, 0, NULL),
    FIELD(order_line, cancelled_qty, COUNT, 0, NULL),
    FIELD(order_line, return_requested_qty, COUNT, 0, NULL),
    FIELD(order_line, returned_qty, COUNT, 0, NULL),
    FIELD(order_line, weight, MONEY, 0, NULL),
    FIELD(order_line, wholesale, FLAG, 0, NULL),
    FIELD(order_line, add_on_deal, FLAG, 0, NULL),
    FIELD(order_line, main_item, FLAG, 0, NULL),
    FIELD(order_line, promotion_list, LIST, 0, &order_promotion_entity),
    FIELD(order_line, product_location_id, TEXTS, 0, NULL),
    FIELD(order_line, item_tax, LIST, 0, &order_tax_entity),
    FIELD(order_line, combined_listing_skus, LIST, 0, &order_combined_sku_entity),
    FIELD(order_line, sub_item_info, LIST, 0, &order_line_entity),
    FIELD(order_line, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(order_line);

static const struct field order_fields[] = {
    FIELD(order, order_id, ID, FIELD_REQUIRED | FIELD_KEY, NULL),
    FIELD(order, status, TEXT, FIELD_REQUIRED | FIELD_KEY, NULL),
    FIELD(order, state, TEXT, FIELD_KEY | FIELD_MADE, NULL),
    FIELD(order, user_id, ID, 0, NULL),
    FIELD(order, buyer_email, TEXT, 0, NULL),
    FIELD(order, buyer_message, TEXT, 0, NULL),
    FIELD(order, seller_note, TEXT, 0, NULL),
    FIELD(order, cancel_reason, TEXT, 0, NULL),
    FIELD(order, cancellation_initiator, TEXT, 0, NULL),
    FIELD(order, order_type, TEXT, 0, NULL),
    FIELD(order, commerce_platform, TEXT, 0, NULL),
    FIELD(order, shipping_type, TEXT, 0, NULL),
    FIELD(order, shipping_provider, TEXT, 0, NULL),
    FIELD(order, shipping_provider_id, ID_OR_ZERO, 0, NULL),
    FIELD(order, tracking_number, ID, 0, NULL),
    FIELD(order, delivery_type, TEXT, 0, NULL),
    FIELD(order, delivery_option_id, ID_OR_ZERO, 0, NULL),
    FIELD(order, delivery_option_name, TEXT, 0, NULL),
    FIELD(order, fulfillment_type, TEXT, 0, NULL),
    FIELD(order, warehouse_id, ID_OR_ZERO, 0, NULL),
    FIELD(order, split_or_combine_tag, TEXT, 0, NULL),
    FIELD(order, payment_method_name, TEXT, 0, NULL),
    FIELD(order, replaced_order_id, ID_OR_ZERO, 0, NULL),
    FIELD(order, exchange_source_order_id, ID_OR_ZERO, 0, NULL),
    FIELD(order, region, TEXT, 0, NULL),
    FIELD(order, booking_sn, ID, 0, NULL),
    FIELD(order, buyer_username, TEXT, 0, NULL),
    FIELD(order, buyer_cancel_reason, TEXT, 0, NULL),
    FIELD(order, checkout_shipping_carrier, TEXT, 0, NULL),
    FIELD(order, buyer_cpf_id, TEXT, 0, NULL),
    FIELD(order, dropshipper, TEXT, 0, NULL),
    FIELD(order, dropshipper_phone, TEXT, 0, NULL),
    FIELD(order, pending_terms, TEXTS, 0, NULL),
    FIELD(order, create_time, TIME, 0, NULL),
    FIELD(order, update_time, TIME, FIELD_REQUIRED, NULL),
    FIELD(order, paid_time, TIME, 0, NULL),
    FIELD(order, rts_time, TIME, 0, NULL),
    FIELD(order, collection_time, TIME, 0, NULL),
    FIELD(order, delivery_time, TIME, 0, NULL),
    FIELD(order, cancel_time, TIME, 0, NULL),
    FIELD(order, request_cancel_time, TIME, 0, NULL),
    FIELD(order, release_date, TIME, 0, NULL),
    FIELD(order, rts_sla_time, TIME, 0, NULL),
    FIELD(order, tts_sla_time, TIME, 0, NULL),
    FIELD(order, cancel_order_sla_time, TIME, 0, NULL),
    FIELD(order, delivery_sla_time, TIME, 0, NULL),
    FIELD(order, shipping_due_time, TIME, 0, NULL),
    FIELD(order, collection_due_time, TIME, 0, NULL),
    FIELD(order, delivery_due_time, TIME, 0, NULL),
    FIELD(order, delivery_option_required_delivery_time, TIME, 0, NULL),
    FIELD(order, pick_up_cut_off_time, TIME, 0, NULL),
    FIELD(order, fast_dispatch_sla_time, TIME, 0, NULL),
    FIELD(order, recommended_shipping_time, TIME, 0, NULL),
    FIELD(order, note_update_time, TIME, 0, NULL),
    FIELD(order, return_request_due_date, TIME, 0, NULL),
    FIELD(order, edt_from, TIME, 0, NULL),
    FIELD(order, edt_to, TIME, 0, NULL),
    FIELD(order, is_cod, FLAG, 0, NULL),
    FIELD(order, is_sample_order, FLAG, 0, NULL),
    FIELD(order, is_on_hold_order, FLAG, 0, NULL),
    FIELD(order, is_buyer_request_cancel, FLAG, 0, NULL),
    FIELD(order, is_replacement_order, FLAG, 0, NULL),
    FIELD(order, is_exchange_order, FLAG, 0, NULL),
    FIELD(order, has_updated_recipient_address, FLAG, 0, NULL),
    FIELD(order, is_subscription_order, FLAG, 0, NULL),
    FIELD(order, actual_shipping_fee_confirmed, FLAG, 0, NULL),
    FIELD(order, goods_to_declare, FLAG, 0, NULL),
    FIELD(order, split_up, FLAG, 0, NULL),
    FIELD(order, advance_package, FLAG, 0, NULL),
    FIELD(order, can_full_cancel_order, FLAG, 0, NULL),
    FIELD(order, can_partial_cancel_order, FLAG, 0, NULL),
    FIELD(order, fulfillment_priority_level, COUNT, 0, NULL),
    FIELD(order, order_chargeable_weight_gram, COUNT, 0, NULL),
    FIELD(order, handling_duration, OBJECT, 0, &order_handling_entity),
    FIELD(order, packages, LIST, 0, &order_package_entity),
    FIELD(order, payment, OBJECT, 0, &order_payment_entity),
    FIELD(order, recipient_address, OBJECT, 0, &order_address_entity),
    FIELD(order, invoice_data, ANY, 0, NULL),
    FIELD(order, payment_info, ANY, 0, NULL),
    FIELD(order, line_items, LIST, 0, &order_line_entity),
    FIELD(order, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(order);
