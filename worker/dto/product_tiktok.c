/* product_tiktok.c - worker, stage 5: how TikTok Shop's product object maps onto struct product.
 *
 * In:      data of the product detail; elements of the search's data.products are parts of the same object.
 * Out:     the recipe; recipe_document makes the document with it.
 * Fails:   never; constants and a few small functions.
 * Thread:  any.
 * Why so:  rows are sorted by key, because live answers are (field.c). */
#include "worker/dto/product_tiktok.h"

#include "worker/dto/recipe.h"

static const struct mapping_row tiktok_image_rows[] = {
    MAP(product_image, "height", height, NULL), MAP(product_image, "thumb_urls", thumb_urls, NULL),
    MAP(product_image, "uri", uri, NULL),       MAP(product_image, "urls", urls, NULL),
    MAP(product_image, "width", width, NULL),
};

MAPPING_TABLE(tiktok_image, product_image);

static const struct mapping_row tiktok_category_rows[] = {
    MAP(product_category, "id", category_id, NULL),
    MAP(product_category, "is_leaf", is_leaf, NULL),
    MAP(product_category, "local_name", local_name, NULL),
    MAP(product_category, "parent_id", parent_id, NULL),
};

MAPPING_TABLE(tiktok_category, product_category);

static const struct mapping_row tiktok_recommended_rows[] = {
    MAP(product_category, "id", category_id, NULL),
    MAP(product_category, "local_name", local_name, NULL),
};

MAPPING_TABLE(tiktok_recommended, product_category);

static const struct mapping_row tiktok_brand_rows[] = {
    MAP(product_brand, "id", brand_id, NULL),
    MAP(product_brand, "name", name, NULL),
};

MAPPING_TABLE(tiktok_brand, product_brand);

static const struct mapping_row tiktok_video_rows[] = {
    MAP(product_video, "cover_url", cover_url, NULL),
    MAP(product_video, "id", video_id, NULL),
    MAP(product_video, "url", url, NULL),
};

MAPPING_TABLE(tiktok_video, product_video);

static const struct mapping_row tiktok_dimensions_rows[] = {
    MAP(product_dimensions, "height", height, NULL),
    MAP(product_dimensions, "length", length, NULL),
    MAP(product_dimensions, "unit", unit, NULL),
    MAP(product_dimensions, "width", width, NULL),
};

MAPPING_TABLE(tiktok_dimensions, product_dimensions);

static const struct mapping_row tiktok_weight_rows[] = {
    MAP(product_weight, "unit", unit, NULL),
    MAP(product_weight, "value", value, NULL),
};

MAPPING_TABLE(tiktok_weight, product_weight);

static const struct mapping_row tiktok_value_rows[] = {
    MAP(product_attribute_value, "id", value_id, NULL),
    MAP(product_attribute_value, "name", name, NULL),
};

MAPPING_TABLE(tiktok_value, product_attribute_value);

static const struct mapping_row tiktok_attribute_rows[] = {
    MAP(product_attribute, "id", attribute_id, NULL),
    MAP(product_attribute, "name", name, NULL),
    MAP(product_attribute, "values", values, &tiktok_value),
};

MAPPING_TABLE(tiktok_attribute, product_attribute);

static const struct mapping_row tiktok_delivery_option_rows[] = {
    MAP(product_delivery_option, "id", delivery_option_id, NULL),
    MAP(product_delivery_option, "is_available", is_available, NULL),
    MAP(product_delivery_option, "name", name, NULL),
};

MAPPING_TABLE(tiktok_delivery_option, product_delivery_option);

static const struct mapping_row tiktok_audit_rows[] = {
    MAP(product_audit, "pre_approved_reasons", pre_approved_reasons, NULL),
    MAP(product_audit, "status", status, NULL),
};

MAPPING_TABLE(tiktok_audit, product_audit);

static const struct mapping_row tiktok_audit_failure_rows[] = {
    MAP(product_audit_failure, "listing_platform", listing_platform, NULL),
    MAP(product_audit_failure, "position", position, NULL),
    MAP(product_audit_failure, "reasons", reasons, NULL),
    MAP(product_audit_failure, "suggestions", suggestions, NULL),
};

MAPPING_TABLE(tiktok_audit_failure, product_audit_failure);

static const struct mapping_row tiktok_price_rows[] = {
    MAP(product_price, "currency", currency, NULL),
    MAP(product_price, "sale_price", sale_price, NULL),
    MAP(product_price, "tax_exclusive_price", tax_exclusive_price, NULL),
    MAP(product_price, "unit_price", unit_price, NULL),
};

MAPPING_TABLE(tiktok_price, product_price);

static const struct mapping_row tiktok_stock_rows[] = {
    MAP(product_stock, "backorder_quantity", backorder_quantity, NULL),
    MAP(product_stock, "handling_time", handling_time, NULL),
    MAP(product_stock, "quantity", quantity, NULL),
    MAP(product_stock, "warehouse_id", warehouse_id, NULL),
};

MAPPING_TABLE(tiktok_stock, product_stock);

static const struct mapping_row tiktok_list_price_rows[] = {
    MAP(product_list_price, "amount", amount, NULL),
    MAP(product_list_price, "currency", currency, NULL),
};

MAPPING_TABLE(tiktok_list_price, product_list_price);

static const struct mapping_row tiktok_sku_status_rows[] = {
    MAP(product_sku_status, "deactivation_source", deactivation_source, NULL),
    MAP(product_sku_status, "status", status, NULL),
};

MAPPING_TABLE(tiktok_sku_status, product_sku_status);

static const struct mapping_row tiktok_fee_rows[] = {
    MAP(product_fee, "additional_attribute", additional_attribute, NULL),
    MAP(product_fee, "amount", amount, NULL),
    MAP(product_fee, "type", type, NULL),
};

MAPPING_TABLE(tiktok_fee, product_fee);

static const struct mapping_row tiktok_identifier_rows[] = {
    MAP(product_identifier, "code", code, NULL),
    MAP(product_identifier, "type", type, NULL),
};

MAPPING_TABLE(tiktok_identifier, product_identifier);

static const struct mapping_row tiktok_sales_attribute_rows[] = {
    MAP(product_sales_attribute, "id", attribute_id, NULL),
    MAP(product_sales_attribute, "name", name, NULL),
    MAP(product_sales_attribute, "sku_img", sku_img, &tiktok_image),
    MAP(product_sales_attribute, "value_id", value_id, NULL),
    MAP(product_sales_attribute, "value_name", value_name, NULL),
};

MAPPING_TABLE(tiktok_sales_attribute, product_sales_attribute);

static const struct mapping_row tiktok_combined_sku_rows[] = {
    MAP(product_combined_sku, "product_id", product_id, NULL),
    MAP(product_combined_sku, "seller_sku", seller_sku, NULL),
    MAP(product_combined_sku, "sku_count", sku_count, NULL),
    MAP(product_combined_sku, "sku_id", sku_id, NULL),
    MAP(product_combined_sku, "title", title, NULL),
};

MAPPING_TABLE(tiktok_combined_sku, product_combined_sku);

static const struct mapping_row tiktok_sku_rows[] = {
    MAP(product_sku, "combined_skus", combined_skus, &tiktok_combined_sku),
    MAP(product_sku, "external_sku_id", external_sku_id, NULL),
    MAP(product_sku, "fees", fees, &tiktok_fee),
    MAP(product_sku, "id", sku_id, NULL),
    MAP(product_sku, "identifier_code", identifier_code, &tiktok_identifier),
    MAP(product_sku, "inventory", inventory, &tiktok_stock),
    MAP(product_sku, "list_price", list_price, &tiktok_list_price),
    MAP(product_sku, "pre_sale", pre_sale, NULL),
    MAP(product_sku, "price", price, &tiktok_price),
    MAP(product_sku, "sales_attributes", sales_attributes, &tiktok_sales_attribute),
    MAP(product_sku, "seller_sku", seller_sku, NULL),
    MAP(product_sku, "sku_unit_count", sku_unit_count, NULL),
    MAP(product_sku, "status_info", status_info, &tiktok_sku_status),
};

MAPPING_TABLE(tiktok_sku, product_sku);

static const struct mapping_row product_tiktok_rows[] = {
    MAP(product, "audit", audit, &tiktok_audit),
    MAP(product, "audit_failed_reasons", audit_failed_reasons, &tiktok_audit_failure),
    MAP(product, "brand", brand, &tiktok_brand),
    MAP(product, "category_chains", category_chains, &tiktok_category),
    MAP(product, "create_time", create_time, NULL),
    MAP(product, "delivery_options", delivery_options, &tiktok_delivery_option),
    MAP(product, "description", description, NULL),
    MAP(product, "external_product_id", external_product_id, NULL),
    MAP(product, "has_draft", has_draft, NULL),
    MAP(product, "id", product_id, NULL),
    MAP(product, "is_cod_allowed", is_cod_allowed, NULL),
    MAP(product, "is_not_for_sale", is_not_for_sale, NULL),
    MAP(product, "is_pre_owned", is_pre_owned, NULL),
    MAP(product, "is_replicated", is_replicated, NULL),
    MAP(product, "main_images", main_images, &tiktok_image),
    MAP(product, "minimum_order_quantity", minimum_order_quantity, NULL),
    MAP(product, "package_dimensions", package_dimensions, &tiktok_dimensions),
    MAP(product, "package_weight", package_weight, &tiktok_weight),
    MAP(product, "product_attributes", product_attributes, &tiktok_attribute),
    MAP(product, "product_status", product_status, NULL),
    MAP(product, "product_types", product_types, NULL),
    MAP(product, "recommended_categories", recommended_categories, &tiktok_recommended),
    MAP(product, "sales_regions", sales_regions, NULL),
    MAP(product, "skus", skus, &tiktok_sku),
    MAP(product, "status", status, NULL),
    MAP(product, "title", title, NULL),
    MAP(product, "update_time", update_time, NULL),
    MAP(product, "video", video, &tiktok_video),
};

const struct mapping product_tiktok_mapping = {&product_entity, product_tiktok_rows,
                                               sizeof product_tiktok_rows / sizeof *product_tiktok_rows};
/* --- what tables cannot say ------------------------------------------------------------------------ */

static const struct recipe_state states[] = {
    {"ACTIVATE", "active"},
    {"DELETED", "deleted"},
    {"DRAFT", "draft"},
    {"FAILED", "rejected"},
    {"FREEZE", "banned"},
    {"PENDING", "reviewing"},
    {"PLATFORM_DEACTIVATED", "banned"},
    {"SELLER_DEACTIVATED", "inactive"},
};

/* The leaf of the chain is the category the product is in. */
static void finish_category(struct product *product)
{
    const struct product_category *chain = product->category_chains.items;

    for (size_t i = 0; i < product->category_chains.count; i++) {
        if (chain[i].is_leaf.state == FIELD_HELD && chain[i].is_leaf.value)
            product->category_id = chain[i].category_id;
    }
}

static void finish(void *dto, yyjson_val *json, const struct dto_context *context, struct arena *scratch,
                   struct field_problems *problems)
{
    struct product *product = dto;

    (void)json;
    (void)scratch;
    (void)problems;
    recipe_set_state(&product->state, &product->status, states, sizeof states / sizeof *states);
    recipe_set_id(&product->product_id, context);
    finish_category(product);
}

static int64_t update_ms(yyjson_val *json)
{
    return recipe_seconds_ms(json, "update_time");
}

const struct recipe recipe_product_tiktok = {
    .platform = "tiktok",
    .kind = ENTRY_PRODUCT,
    .collection = "products",
    .id_prefix = "",
    .mapping = &product_tiktok_mapping,
    .size = sizeof(struct product),
    .finish = finish,
    .update_ms = update_ms,
};
