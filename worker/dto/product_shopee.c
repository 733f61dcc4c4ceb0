/* product_shopee.c - worker, stage 5: how Shopee's items and models map onto struct product.
 *
 * In:      one item of get_item_base_info with the members of get_model_list's response added by the fetch stage.
 * Out:     the recipe; recipe_document makes the document with it.
 * Fails:   never. For want of memory a problem is noted, so that the raw text is kept.
 * Thread:  any.
 * Why so:  whoever looks for a price or a stock shall look in one place. So an item without models gets one SKU, to
 *          which its price, stock and bar code move; with models they stay, as the platform's sums over them. Lists
 *          that are always one price long become that price. Rows are sorted by key (field.c). */
#include "worker/dto/product_shopee.h"

#include <string.h>

#include "worker/dto/recipe.h"

static const struct mapping_row shopee_price_rows[] = {
    MAP(product_price, "currency", currency, NULL),
    MAP(product_price, "current_price", sale_price, NULL),
    MAP(product_price, "local_price", local_price, NULL),
    MAP(product_price, "local_promotion_price", local_promotion_price, NULL),
    MAP(product_price, "original_price", original_price, NULL),
};

MAPPING_TABLE(shopee_price, product_price);

static const struct mapping_row shopee_stock_rows[] = {
    MAP(product_stock, "if_saleable", is_saleable, NULL),
    MAP(product_stock, "location_id", warehouse_id, NULL),
    MAP(product_stock, "stock", quantity, NULL),
};

MAPPING_TABLE(shopee_stock, product_stock);

static const struct mapping_row shopee_platform_stock_rows[] = {
    MAP(product_stock, "location_id", warehouse_id, NULL),
    MAP(product_stock, "stock", quantity, NULL),
};

MAPPING_TABLE(shopee_platform_stock, product_stock);

static const struct mapping_row shopee_dimension_rows[] = {
    MAP(product_dimensions, "package_height", height, NULL),
    MAP(product_dimensions, "package_length", length, NULL),
    MAP(product_dimensions, "package_width", width, NULL),
};

MAPPING_TABLE(shopee_dimension, product_dimensions);

static const struct mapping_row shopee_image_rows[] = {
    MAP(product_image_lists, "image_id_list", image_id_list, NULL),
    MAP(product_image_lists, "image_url_list", image_url_list, NULL),
};

MAPPING_TABLE(shopee_image, product_image_lists);

static const struct mapping_row shopee_brand_rows[] = {
    MAP(product_brand, "brand_id", brand_id, NULL),
    MAP(product_brand, "original_brand_name", name, NULL),
};

MAPPING_TABLE(shopee_brand, product_brand);

static const struct mapping_row shopee_pre_order_rows[] = {
    MAP(product_pre_order, "days_to_ship", days_to_ship, NULL),
    MAP(product_pre_order, "is_pre_order", is_pre_order, NULL),
};

MAPPING_TABLE(shopee_pre_order, product_pre_order);

static const struct mapping_row shopee_option_rows[] = {
    MAP(product_tier_option, "image", image, NULL),
    MAP(product_tier_option, "option", option, NULL),
};

MAPPING_TABLE(shopee_option, product_tier_option);

static const struct mapping_row shopee_tier_rows[] = {
    MAP(product_tier, "name", name, NULL),
    MAP(product_tier, "option_list", option_list, &shopee_option),
};

MAPPING_TABLE(shopee_tier, product_tier);

static const struct mapping_row shopee_model_summary_rows[] = {
    MAP(product_sku, "total_available_stock", total_available_stock, NULL),
    MAP(product_sku, "total_reserved_stock", total_reserved_stock, NULL),
};

MAPPING_TABLE(shopee_model_summary, product_sku);

static const struct mapping_row shopee_model_stock_rows[] = {
    MAP(product_sku, "seller_stock", inventory, &shopee_stock),
    MAP(product_sku, "shopee_stock", shopee_stock, &shopee_platform_stock),
    MAP_FLAT("summary_info", &shopee_model_summary),
};

MAPPING_TABLE(shopee_model_stock, product_sku);

static const struct mapping_row shopee_model_rows[] = {
    MAP(product_sku, "dimension", package_dimensions, &shopee_dimension),
    MAP_INTO(product_sku, "gtin_code", identifier_code, product_identifier, code),
    MAP(product_sku, "has_promotion", has_promotion, NULL),
    MAP(product_sku, "model_id", sku_id, NULL),
    MAP(product_sku, "model_sku", seller_sku, NULL),
    MAP_INTO(product_sku, "model_status", status_info, product_sku_status, status),
    MAP(product_sku, "pre_order", pre_order, &shopee_pre_order),
    MAP(product_sku, "price_info", price_info, &shopee_price),
    MAP(product_sku, "promotion_id", promotion_id, NULL),
    MAP_FLAT("stock_info_v2", &shopee_model_stock),
    MAP(product_sku, "tier_index", tier_index, NULL),
    MAP_INTO(product_sku, "weight", package_weight, product_weight, value),
};

MAPPING_TABLE(shopee_model, product_sku);

static const struct mapping_row shopee_summary_rows[] = {
    MAP(product, "total_available_stock", total_available_stock, NULL),
    MAP(product, "total_reserved_stock", total_reserved_stock, NULL),
};

MAPPING_TABLE(shopee_summary, product);

static const struct mapping_row shopee_item_stock_rows[] = {
    MAP(product, "seller_stock", inventory, &shopee_stock),
    MAP(product, "shopee_stock", shopee_stock, &shopee_platform_stock),
    MAP_FLAT("summary_info", &shopee_summary),
};

MAPPING_TABLE(shopee_item_stock, product);

static const struct mapping_row product_shopee_rows[] = {
    MAP(product, "attribute_list", attribute_list, NULL),
    MAP(product, "brand", brand, &shopee_brand),
    MAP(product, "category_id", category_id, NULL),
    MAP(product, "certification_info", certification_info, NULL),
    MAP(product, "condition", condition, NULL),
    MAP(product, "create_time", create_time, NULL),
    MAP(product, "deboost", deboost, NULL),
    MAP(product, "description", description, NULL),
    MAP(product, "description_info", description_info, NULL),
    MAP(product, "description_type", description_type, NULL),
    MAP(product, "dimension", package_dimensions, &shopee_dimension),
    MAP_INTO(product, "gtin_code", identifier_code, product_identifier, code),
    MAP(product, "has_model", has_model, NULL),
    MAP(product, "has_promotion", has_promotion, NULL),
    MAP(product, "image", image, &shopee_image),
    MAP(product, "is_fulfillment_by_shopee", is_fulfillment_by_shopee, NULL),
    MAP(product, "item_dangerous", item_dangerous, NULL),
    MAP(product, "item_id", product_id, NULL),
    MAP(product, "item_name", title, NULL),
    MAP(product, "item_sku", item_sku, NULL),
    MAP(product, "item_status", status, NULL),
    MAP(product, "logistic_info", logistic_info, NULL),
    MAP(product, "model", skus, &shopee_model),
    MAP(product, "pre_order", pre_order, &shopee_pre_order),
    MAP(product, "price_info", price_info, &shopee_price),
    MAP(product, "purchase_limit_info", purchase_limit_info, NULL),
    MAP(product, "scheduled_publish_time", scheduled_publish_time, NULL),
    MAP(product, "standardise_tier_variation", standardise_tier_variation, NULL),
    MAP_FLAT("stock_info_v2", &shopee_item_stock),
    MAP(product, "tag", tag, NULL),
    MAP(product, "tax_info", tax_info, NULL),
    MAP(product, "tier_variation", tier_variation, &shopee_tier),
    MAP(product, "update_time", update_time, NULL),
    MAP(product, "video_info", video_info, NULL),
    MAP_INTO(product, "weight", package_weight, product_weight, value),
    MAP(product, "wholesales", wholesales, NULL),
};

const struct mapping product_shopee_mapping = {&product_entity, product_shopee_rows,
                                               sizeof product_shopee_rows / sizeof *product_shopee_rows};
/* --- what tables cannot say ------------------------------------------------------------------------ */

static const struct recipe_state states[] = {
    {"BANNED", "banned"},         {"NORMAL", "active"},         {"REVIEWING", "reviewing"},
    {"SELLER_DELETE", "deleted"}, {"SHOPEE_DELETE", "deleted"}, {"UNLIST", "inactive"},
};

/* What finishing one item needs. */
struct finisher {
    struct product *product;
    struct arena *scratch;
    struct field_problems *problems;
};

/* n elements for a list that the source does not have. NULL: no memory, which is noted. */
static void *finish_take(struct finisher *f, size_t n, size_t size, const char *path)
{
    void *p = arena_take_array(f->scratch, n, size);

    if (!p)
        field_problem_add(f->problems, f->scratch, FIELD_OUT_OF_RANGE, path, strlen(path), NULL, 0);
    return p;
}

static bool is_empty(const struct entity *entity, const void *part)
{
    const char *members = part;

    for (size_t i = 0; i < entity->count; i++) {
        if (*(const enum field_state *)(const void *)(members + i * FIELD_SIZE) == FIELD_HELD)
            return false;
    }
    return true;
}

/* --- images ---------------------------------------------------------------------------------------- */

/* Addresses and names of the same pictures, by position. */
static bool finish_zip(struct finisher *f, const struct product_image_lists *from, struct field_list *to)
{
    const struct field_text *urls = from->image_url_list.items, *uris = from->image_id_list.items;
    size_t url_count = from->image_url_list.count, uri_count = from->image_id_list.count;
    size_t count = url_count > uri_count ? url_count : uri_count;
    struct product_image *images = count > 0 ? finish_take(f, count, sizeof *images, "image") : NULL;
    struct field_text *copies = url_count > 0 ? finish_take(f, url_count, sizeof *copies, "image") : NULL;

    if (!images || (url_count > 0 && !copies))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (i < uri_count)
            images[i].uri = uris[i];
        if (i < url_count) {
            copies[i] = urls[i];
            images[i].urls = (struct field_list){FIELD_HELD, 1, &copies[i]};
        }
    }
    *to = (struct field_list){FIELD_HELD, count, images};
    return true;
}

static void finish_images(struct finisher *f)
{
    struct product_image_lists *lists = f->product->image.part;

    if (f->product->image.state != FIELD_HELD || !finish_zip(f, lists, &f->product->main_images))
        return;
    lists->image_url_list.state = lists->image_id_list.state = FIELD_ABSENT;
    f->product->image.state = lists->extra.state;
}

/* --- prices, units, codes -------------------------------------------------------------------------- */

/* The first price is the price; the list stays only where it says more. */
static void finish_price(struct field_object *price, struct field_list *list)
{
    if (list->state != FIELD_HELD)
        return;
    if (!is_empty(&product_price_entity, list->items))
        *price = (struct field_object){FIELD_HELD, list->items, 0};
    if (list->count == 1)
        list->state = FIELD_ABSENT;
}

static void finish_weight(struct field_object *weight)
{
    struct product_weight *part = weight->part;

    if (weight->state == FIELD_HELD)
        recipe_set_word(&part->unit, "KILOGRAM");
}

static void finish_dimensions(struct field_object *dimensions)
{
    struct product_dimensions *part = dimensions->part;

    if (dimensions->state == FIELD_HELD)
        recipe_set_word(&part->unit, "CENTIMETER");
}

static void finish_identifier(struct field_object *identifier)
{
    struct product_identifier *part = identifier->part;

    if (identifier->state == FIELD_HELD)
        recipe_set_word(&part->type, "GTIN");
}

static void finish_item(struct product *product)
{
    finish_price(&product->price, &product->price_info);
    finish_weight(&product->package_weight);
    finish_dimensions(&product->package_dimensions);
    finish_identifier(&product->identifier_code);
}

/* --- SKUs ------------------------------------------------------------------------------------------ */

static struct field_text option_name(const struct product_tier *tier, int64_t index)
{
    const struct product_tier_option *options = tier->option_list.items;

    if (index < 0 || (uint64_t)index >= tier->option_list.count)
        return (struct field_text){FIELD_ABSENT, 0, NULL};
    return options[index].option;
}

/* tier_index says which option of each tier of the product: here in words. */
static void finish_attributes(struct finisher *f, struct product_sku *sku)
{
    const struct product_tier *tiers = f->product->tier_variation.items;
    const struct field_count *indexes = sku->tier_index.items;
    size_t tier_count = f->product->tier_variation.count, index_count = sku->tier_index.count;
    size_t count = tier_count < index_count ? tier_count : index_count;
    struct product_sales_attribute *attributes;

    if (count == 0 || !(attributes = finish_take(f, count, sizeof *attributes, "model")))
        return;
    for (size_t i = 0; i < count; i++) {
        attributes[i].name = tiers[i].name;
        attributes[i].value_name = option_name(&tiers[i], indexes[i].value);
    }
    sku->sales_attributes = (struct field_list){FIELD_HELD, count, attributes};
}

static void finish_sku(struct finisher *f, struct product_sku *sku)
{
    finish_price(&sku->price, &sku->price_info);
    finish_weight(&sku->package_weight);
    finish_dimensions(&sku->package_dimensions);
    finish_identifier(&sku->identifier_code);
    finish_attributes(f, sku);
}

static void sku_of_item(struct product_sku *sku, const struct product *product)
{
    sku->seller_sku = product->item_sku;
    sku->price = product->price;
    sku->price_info = product->price_info;
    sku->inventory = product->inventory;
    sku->shopee_stock = product->shopee_stock;
    sku->total_available_stock = product->total_available_stock;
    sku->total_reserved_stock = product->total_reserved_stock;
    sku->identifier_code = product->identifier_code;
}

/* What the SKU has got, the item has no more. */
static void forget_moved(struct product *product)
{
    product->price.state = FIELD_ABSENT;
    product->price_info.state = FIELD_ABSENT;
    product->inventory.state = FIELD_ABSENT;
    product->shopee_stock.state = FIELD_ABSENT;
    product->total_available_stock.state = FIELD_ABSENT;
    product->total_reserved_stock.state = FIELD_ABSENT;
    product->identifier_code.state = FIELD_ABSENT;
}

static void finish_without_models(struct finisher *f)
{
    struct product *product = f->product;
    struct product_sku *sku;

    if (product->has_model.state == FIELD_HELD && product->has_model.value)
        return; /* its models are missing from this answer */
    sku = finish_take(f, 1, sizeof *sku, "model");
    if (!sku)
        return;
    sku_of_item(sku, product);
    if (is_empty(&product_sku_entity, sku))
        return;
    forget_moved(product);
    product->skus = (struct field_list){FIELD_HELD, 1, sku};
}

static void finish_skus(struct finisher *f)
{
    struct product_sku *skus = f->product->skus.items;

    for (size_t i = 0; i < f->product->skus.count; i++)
        finish_sku(f, &skus[i]);
    if (f->product->skus.count == 0)
        finish_without_models(f);
}

static void finish(void *dto, yyjson_val *json, const struct dto_context *context, struct arena *scratch,
                   struct field_problems *problems)
{
    struct product *product = dto;
    struct finisher f = {product, scratch, problems};

    (void)json;
    recipe_set_state(&product->state, &product->status, states, sizeof states / sizeof *states);
    recipe_set_id(&product->product_id, context);
    finish_item(product);
    finish_images(&f);
    finish_skus(&f);
}

static int64_t update_ms(yyjson_val *json)
{
    return recipe_seconds_ms(json, "update_time");
}

const struct recipe recipe_product_shopee = {
    .platform = "shopee",
    .kind = ENTRY_PRODUCT,
    .collection = "products",
    .id_prefix = "",
    .mapping = &product_shopee_mapping,
    .size = sizeof(struct product),
    .finish = finish,
    .update_ms = update_ms,
};
