/* product.c - worker, stage 5: the entity tables of a product.
 *
 * In:      nothing; constants only.
 * Out:     name and type of each field, for the generic reader and writer (field.c).
 * Fails:   never. A member without a row does not compile; rows in another order than the members fail test_recipe.
 * Thread:  any.
 * Why so:  lengths and weights are of type money: decimals kept exactly as sent, which is what money is to the code. */
#include "worker/dto/product.h"

static const struct field product_category_fields[] = {
    FIELD(product_category, category_id, ID, 0, NULL),
    FIELD(product_category, parent_id, ID_OR_ZERO, 0, NULL),
    FIELD(product_category, local_name, TEXT, 0, NULL),
    FIELD(product_category, is_leaf, FLAG, 0, NULL),
    FIELD(product_category, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(product_category);

static const struct field product_brand_fields[] = {
    FIELD(product_brand, brand_id, ID_OR_ZERO, 0, NULL),
    FIELD(product_brand, name, TEXT, 0, NULL),
    FIELD(product_brand, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(product_brand);

static const struct field product_image_fields[] = {
    FIELD(product_image, uri, ID, 0, NULL),           FIELD(product_image, width, COUNT, 0, NULL),
    FIELD(product_image, height, COUNT, 0, NULL),     FIELD(product_image, urls, TEXTS, 0, NULL),
    FIELD(product_image, thumb_urls, TEXTS, 0, NULL), FIELD(product_image, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(product_image);

static const struct field product_video_fields[] = {
    FIELD(product_video, video_id, ID, 0, NULL),
    FIELD(product_video, url, TEXT, 0, NULL),
    FIELD(product_video, cover_url, TEXT, 0, NULL),
    FIELD(product_video, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(product_video);

static const struct field product_image_lists_fields[] = {
    FIELD(product_image_lists, image_url_list, TEXTS, 0, NULL),
    FIELD(product_image_lists, image_id_list, TEXTS, 0, NULL),
    FIELD(product_image_lists, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(product_image_lists);

static const struct field product_dimensions_fields[] = {
    FIELD(product_dimensions, length, MONEY, 0, NULL), FIELD(product_dimensions, width, MONEY, 0, NULL),
    FIELD(product_dimensions, height, MONEY, 0, NULL), FIELD(product_dimensions, unit, TEXT, 0, NULL),
    FIELD(product_dimensions, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(product_dimensions);

static const struct field product_weight_fields[] = {
    FIELD(product_weight, value, MONEY, 0, NULL),
    FIELD(product_weight, unit, TEXT, 0, NULL),
    FIELD(product_weight, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(product_weight);

static const struct field product_attribute_value_fields[] = {
    FIELD(product_attribute_value, value_id, ID, 0, NULL),
    FIELD(product_attribute_value, name, TEXT, 0, NULL),
    FIELD(product_attribute_value, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(product_attribute_value);

static const struct field product_attribute_fields[] = {
    FIELD(product_attribute, attribute_id, ID, 0, NULL),
    FIELD(product_attribute, name, TEXT, 0, NULL),
    FIELD(product_attribute, values, LIST, 0, &product_attribute_value_entity),
    FIELD(product_attribute, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(product_attribute);

static const struct field product_delivery_option_fields[] = {
    FIELD(product_delivery_option, delivery_option_id, ID, 0, NULL),
    FIELD(product_delivery_option, name, TEXT, 0, NULL),
    FIELD(product_delivery_option, is_available, FLAG, 0, NULL),
    FIELD(product_delivery_option, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(product_delivery_option);

static const struct field product_audit_fields[] = {
    FIELD(product_audit, status, TEXT, 0, NULL),
    FIELD(product_audit, pre_approved_reasons, TEXTS, 0, NULL),
    FIELD(product_audit, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(product_audit);

static const struct field product_audit_failure_fields[] = {
    FIELD(product_audit_failure, position, TEXT, 0, NULL),
    FIELD(product_audit_failure, reasons, TEXTS, 0, NULL),
    FIELD(product_audit_failure, suggestions, TEXTS, 0, NULL),
    FIELD(product_audit_failure, listing_platform, TEXT, 0, NULL),
    FIELD(product_audit_failure, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(product_audit_failure);

static const struct field product_price_fields[] = {
    FIELD(product_price, currency, TEXT, 0, NULL),
    FIELD(product_price, sale_price, MONEY, 0, NULL),
    FIELD(product_price, original_price, MONEY, 0, NULL),
    FIELD(product_price, tax_exclusive_price, MONEY, 0, NULL),
    FIELD(product_price, unit_price, MONEY, 0, NULL),
    FIELD(product_price, local_price, MONEY, 0, NULL),
    FIELD(product_price, local_promotion_price, MONEY, 0, NULL),
    FIELD(product_price, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(product_price);

static const struct field product_list_price_fields[] = {
    FIELD(product_list_price, currency, TEXT, 0, NULL),
    FIELD(product_list_price, amount, MONEY, 0, NULL),
    FIELD(product_list_price, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(product_list_price);

static const struct field product_stock_fields[] = {
    FIELD(product_stock, warehouse_id, ID_OR_ZERO, 0, NULL),
    FIELD(product_stock, quantity, COUNT, 0, NULL),
    FIELD(product_stock, backorder_quantity, COUNT, 0, NULL),
    FIELD(product_stock, handling_time, COUNT, 0, NULL),
    FIELD(product_stock, is_saleable, FLAG, 0, NULL),
    FIELD(product_stock, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(product_stock);

static const struct field product_sku_status_fields[] = {
    FIELD(product_sku_status, status, TEXT, 0, NULL),
    FIELD(product_sku_status, deactivation_source, TEXT, 0, NULL),
    FIELD(product_sku_status, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(product_sku_status);

static const struct field product_fee_fields[] = {
    FIELD(product_fee, type, TEXT, 0, NULL),
    FIELD(product_fee, amount, MONEY, 0, NULL),
    FIELD(product_fee, additional_attribute, TEXT, 0, NULL),
    FIELD(product_fee, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(product_fee);

static const struct field product_identifier_fields[] = {
    FIELD(product_identifier, code, ID, 0, NULL),
    FIELD(product_identifier, type, TEXT, 0, NULL),
    FIELD(product_identifier, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(product_identifier);

static const struct field product_sales_attribute_fields[] = {
    FIELD(product_sales_attribute, attribute_id, ID, 0, NULL),
    FIELD(product_sales_attribute, name, TEXT, 0, NULL),
    FIELD(product_sales_attribute, value_id, ID, 0, NULL),
    FIELD(product_sales_attribute, value_name, TEXT, 0, NULL),
    FIELD(product_sales_attribute, sku_img, OBJECT, 0, &product_image_entity),
    FIELD(product_sales_attribute, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(product_sales_attribute);

static const struct field product_combined_sku_fields[] = {
    FIELD(product_combined_sku, product_id, ID, 0, NULL),
    FIELD(product_combined_sku, sku_id, ID_OR_ZERO, 0, NULL),
    FIELD(product_combined_sku, sku_count, COUNT, 0, NULL),
    FIELD(product_combined_sku, seller_sku, TEXT, 0, NULL),
    FIELD(product_combined_sku, title, TEXT, 0, NULL),
    FIELD(product_combined_sku, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(product_combined_sku);

static const struct field product_pre_order_fields[] = {
    FIELD(product_pre_order, is_pre_order, FLAG, 0, NULL),
    FIELD(product_pre_order, days_to_ship, COUNT, 0, NULL),
    FIELD(product_pre_order, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(product_pre_order);

static const struct field product_sku_fields[] = {
    FIELD(product_sku, sku_id, ID_OR_ZERO, 0, NULL),
    FIELD(product_sku, seller_sku, TEXT, 0, NULL),
    FIELD(product_sku, external_sku_id, ID, 0, NULL),
    FIELD(product_sku, sku_unit_count, MONEY, 0, NULL),
    FIELD(product_sku, promotion_id, ID_OR_ZERO, 0, NULL),
    FIELD(product_sku, has_promotion, FLAG, 0, NULL),
    FIELD(product_sku, status_info, OBJECT, 0, &product_sku_status_entity),
    FIELD(product_sku, price, OBJECT, 0, &product_price_entity),
    FIELD(product_sku, price_info, LIST, 0, &product_price_entity),
    FIELD(product_sku, list_price, OBJECT, 0, &product_list_price_entity),
    FIELD(product_sku, fees, LIST, 0, &product_fee_entity),
    FIELD(product_sku, inventory, LIST, 0, &product_stock_entity),
    FIELD(product_sku, shopee_stock, LIST, 0, &product_stock_entity),
    FIELD(product_sku, total_available_stock, COUNT, 0, NULL),
    FIELD(product_sku, total_reserved_stock, COUNT, 0, NULL),
    FIELD(product_sku, identifier_code, OBJECT, 0, &product_identifier_entity),
    FIELD(product_sku, sales_attributes, LIST, 0, &product_sales_attribute_entity),
    FIELD(product_sku, tier_index, COUNTS, 0, NULL),
    FIELD(product_sku, combined_skus, LIST, 0, &product_combined_sku_entity),
    FIELD(product_sku, pre_sale, ANY, 0, NULL),
    FIELD(product_sku, pre_order, OBJECT, 0, &product_pre_order_entity),
    FIELD(product_sku, package_weight, OBJECT, 0, &product_weight_entity),
    FIELD(product_sku, package_dimensions, OBJECT, 0, &product_dimensions_entity),
    FIELD(product_sku, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(product_sku);

static const struct field product_tier_option_fields[] = {
    FIELD(product_tier_option, option, TEXT, 0, NULL),
    FIELD(product_tier_option, image, ANY, 0, NULL),
    FIELD(product_tier_option, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(product_tier_option);

static const struct field product_tier_fields[] = {
    FIELD(product_tier, name, TEXT, 0, NULL),
    FIELD(product_tier, option_list, LIST, 0, &product_tier_option_entity),
    FIELD(product_tier, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(product_tier);

static const struct field product_fields[] = {
    FIELD(product, product_id, ID, FIELD_REQUIRED | FIELD_KEY, NULL),
    FIELD(product, status, TEXT, FIELD_REQUIRED | FIELD_KEY, NULL),
    FIELD(product, state, TEXT, FIELD_KEY | FIELD_MADE, NULL),
    FIELD(product, title, TEXT, 0, NULL),
    FIELD(product, description, TEXT, 0, NULL),
    FIELD(product, description_type, TEXT, 0, NULL),
    FIELD(product, product_status, TEXT, 0, NULL),
    FIELD(product, external_product_id, ID, 0, NULL),
    FIELD(product, item_sku, TEXT, 0, NULL),
    FIELD(product, condition, TEXT, 0, NULL),
    FIELD(product, category_id, ID_OR_ZERO, FIELD_MADE, NULL),
    FIELD(product, product_types, TEXTS, 0, NULL),
    FIELD(product, sales_regions, TEXTS, 0, NULL),
    FIELD(product, item_dangerous, ID, 0, NULL),
    FIELD(product, create_time, TIME, 0, NULL),
    FIELD(product, update_time, TIME, FIELD_REQUIRED, NULL),
    FIELD(product, scheduled_publish_time, TIME, 0, NULL),
    FIELD(product, is_cod_allowed, FLAG, 0, NULL),
    FIELD(product, is_not_for_sale, FLAG, 0, NULL),
    FIELD(product, is_pre_owned, FLAG, 0, NULL),
    FIELD(product, is_replicated, FLAG, 0, NULL),
    FIELD(product, has_draft, FLAG, 0, NULL),
    FIELD(product, has_model, FLAG, 0, NULL),
    FIELD(product, has_promotion, FLAG, 0, NULL),
    FIELD(product, is_fulfillment_by_shopee, FLAG, 0, NULL),
    FIELD(product, deboost, FLAG_WORD, 0, NULL),
    FIELD(product, minimum_order_quantity, COUNT, 0, NULL),
    FIELD(product, category_chains, LIST, 0, &product_category_entity),
    FIELD(product, recommended_categories, LIST, 0, &product_category_entity),
    FIELD(product, brand, OBJECT, 0, &product_brand_entity),
    FIELD(product, main_images, LIST, FIELD_MADE, &product_image_entity),
    FIELD(product, image, OBJECT, 0, &product_image_lists_entity),
    FIELD(product, video, OBJECT, 0, &product_video_entity),
    FIELD(product, package_dimensions, OBJECT, 0, &product_dimensions_entity),
    FIELD(product, package_weight, OBJECT, 0, &product_weight_entity),
    FIELD(product, product_attributes, LIST, 0, &product_attribute_entity),
    FIELD(product, delivery_options, LIST, 0, &product_delivery_option_entity),
    FIELD(product, audit, OBJECT, 0, &product_audit_entity),
    FIELD(product, audit_failed_reasons, LIST, 0, &product_audit_failure_entity),
    FIELD(product, pre_order, OBJECT, 0, &product_pre_order_entity),
    FIELD(product, price, OBJECT, FIELD_MADE, &product_price_entity),
    FIELD(product, price_info, LIST, 0, &product_price_entity),
    FIELD(product, inventory, LIST, 0, &product_stock_entity),
    FIELD(product, shopee_stock, LIST, 0, &product_stock_entity),
    FIELD(product, total_available_stock, COUNT, 0, NULL),
    FIELD(product, total_reserved_stock, COUNT, 0, NULL),
    FIELD(product, identifier_code, OBJECT, 0, &product_identifier_entity),
    FIELD(product, attribute_list, ANY, 0, NULL),
    FIELD(product, logistic_info, ANY, 0, NULL),
    FIELD(product, wholesales, ANY, 0, NULL),
    FIELD(product, video_info, ANY, 0, NULL),
    FIELD(product, tag, ANY, 0, NULL),
    FIELD(product, tax_info, ANY, 0, NULL),
    FIELD(product, description_info, ANY, 0, NULL),
    FIELD(product, purchase_limit_info, ANY, 0, NULL),
    FIELD(product, certification_info, ANY, 0, NULL),
    FIELD(product, standardise_tier_variation, ANY, 0, NULL),
    FIELD(product, tier_variation, LIST, 0, &product_tier_entity),
    FIELD(product, skus, LIST, 0, &product_sku_entity),
    FIELD(product, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(product);
