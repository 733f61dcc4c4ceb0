/* sim_shopee_product.c - items and their models: see sim_shopee_render.h.
 *
 * Why so: an item with models has no price of its own; its stock is the sum over them. Models have odd corners of
 * their own (a stock as text), so both forms are written here side by side. */
#include <stdio.h>
#include <string.h>

#include "sim_shopee_parts.h"
#include "sim_shopee_render.h"
#include "sim_state.h"

static const char *const names[] = {"Áo thun cotton", "Bình giữ nhiệt \"inox\"", "Kem chống nắng 🌞",
                                    "Kitchen scale", "Ốp lưng điện thoại"};

bool shopee_has_models(const struct entity *item)
{
    return draw_chance(item->draw, "has_model", 60);
}

static unsigned models_of(const struct entity *item)
{
    return shopee_has_models(item) ? 1 + (unsigned)draw_below(item->draw, "models", 4) : 0;
}

static int64_t model_id(const struct view *v, unsigned n)
{
    return shopee_item_id(v->sim, v->entity->shop, v->entity->number) * 10 + n;
}

int64_t shopee_model_id(const struct entity *item)
{
    int64_t id = 0;

    for (const char *c = item->id; shopee_has_models(item) && *c; c++)
        id = id * 10 + (*c - '0');
    return id * 10;
}

int64_t shopee_item_price(const struct sim *sim, const struct entity *item, uint32_t revision)
{
    struct draw d = draw_of(item->draw.base, shopee_steps(item, revision, SHOPEE_STEP_PRICE), 0, 32);
    struct view v;

    view_init(&v, sim, item, revision, NULL);
    return part_amount(&v, d, "price", 20, 900);
}

uint64_t shopee_promotion_id(const struct entity *item, uint32_t revision)
{
    uint32_t n = shopee_steps(item, revision, SHOPEE_STEP_PROMOTION);

    return n ? 800000000000000 + draw_below(draw_of(item->draw.base, n, 0, 33), "id", 99999999999999) : 0;
}

int64_t shopee_reserved(const struct entity *item, uint32_t revision)
{
    return 3 * (int64_t)(shopee_steps(item, revision, SHOPEE_STEP_STOCK) +
                         shopee_steps(item, revision, SHOPEE_STEP_PROMOTION));
}

bool shopee_deboost(const struct entity *item, uint32_t revision)
{
    return item->revs[revision - 1].status != SHOPEE_NORMAL && draw_chance(item->draw, "deboost", 50);
}

static void write_price(struct view *v, unsigned model)
{
    int64_t price = shopee_item_price(v->sim, v->entity, v->revision) + 100 * (int64_t)model;
    bool promoted = shopee_promotion_id(v->entity, v->revision) != 0;

    json_out_open(&v->out, "price_info", '[');
    json_out_open(&v->out, NULL, '{');
    json_out_text(&v->out, "currency", v->currency);
    part_money(v, "original_price", price);
    part_money(v, "current_price", promoted ? price - price / 5 : price);
    if (draw_chance(v->d, "local", 40)) {
        part_money(v, "local_price", price);
        part_money(v, "local_promotion_price", price - price / 5);
    }
    json_out_close(&v->out, '}');
    json_out_close(&v->out, ']');
}

static int64_t stock_of(const struct view *v, unsigned model)
{
    struct draw d = draw_of(v->d.base, shopee_steps(v->entity, v->revision, SHOPEE_STEP_STOCK), model, 34);

    return (int64_t)draw_below(d, "stock", 300);
}

static void write_stock(struct view *v, int64_t stock, bool model)
{
    char text[24];

    json_out_open(&v->out, "stock_info_v2", '{');
    json_out_open(&v->out, "summary_info", '{');
    json_out_int(&v->out, "total_reserved_stock", shopee_reserved(v->entity, v->revision));
    json_out_int(&v->out, "total_available_stock", stock);
    json_out_close(&v->out, '}');
    json_out_open(&v->out, "seller_stock", '[');
    json_out_open(&v->out, NULL, '{');
    json_out_text(&v->out, "location_id", "VN31AX7QK");
    json_out_int(&v->out, "stock", stock);
    json_out_bool(&v->out, "if_saleable", draw_chance(v->d, "saleable", 90));
    json_out_close(&v->out, '}');
    json_out_close(&v->out, ']');
    json_out_open(&v->out, "shopee_stock", '[');
    if (draw_chance(v->d, "fulfilled", 30)) {
        json_out_open(&v->out, NULL, '{');
        json_out_text(&v->out, "location_id", "VNS");
        snprintf(text, sizeof text, "%lld", (long long)(stock / 2));
        if (model && draw_chance(v->d, "stock_text", 50))
            json_out_text(&v->out, "stock", text);
        else
            json_out_raw(&v->out, "stock", text);
        json_out_close(&v->out, '}');
    }
    json_out_close(&v->out, ']');
    json_out_close(&v->out, '}');
}

static void write_dimension(struct view *v, struct draw d)
{
    json_out_open(&v->out, "dimension", '{');
    json_out_int(&v->out, "package_length", 1 + (int64_t)draw_below(d, "length", 90));
    json_out_int(&v->out, "package_width", 1 + (int64_t)draw_below(d, "width", 60));
    json_out_int(&v->out, "package_height", 1 + (int64_t)draw_below(d, "height", 40));
    json_out_close(&v->out, '}');
}

static void write_weight(struct view *v, struct draw d)
{
    char text[24];

    snprintf(text, sizeof text, "%u.%02u", (unsigned)draw_below(d, "kg", 5),
             1 + (unsigned)draw_below(d, "g", 99));
    json_out_text(&v->out, "weight", text);
}

static void write_pre_order(struct view *v, struct draw d)
{
    bool pre = draw_chance(d, "pre_order", 30);

    json_out_open(&v->out, "pre_order", '{');
    json_out_bool(&v->out, "is_pre_order", pre);
    json_out_int(&v->out, "days_to_ship", pre ? 15 : 2);
    json_out_close(&v->out, '}');
}

static void write_images(struct view *v)
{
    json_out_open(&v->out, "image", '{');
    json_out_open(&v->out, "image_url_list", '[');
    json_out_text(&v->out, NULL, "https://cf.example.test/tee");
    json_out_text(&v->out, NULL, "https://cf.example.test/tee-2");
    json_out_close(&v->out, ']');
    json_out_open(&v->out, "image_id_list", '[');
    json_out_text(&v->out, NULL, "vn-11134207-aa01");
    json_out_text(&v->out, NULL, "vn-11134207-aa02");
    json_out_close(&v->out, ']');
    json_out_close(&v->out, '}');
}

/* What a store only keeps as it is. */
static void write_raw(struct view *v, bool tax, bool complaint)
{
    json_out_raw(&v->out, "attribute_list",
                 "[{\"attribute_id\":100037,\"original_attribute_name\":\"Xuất xứ\",\"is_mandatory\":true,"
                 "\"attribute_value_list\":[{\"value_id\":655,\"original_value_name\":\"Việt Nam\","
                 "\"value_unit\":\"\"}]}]");
    json_out_raw(
        &v->out, "logistic_info",
        "[{\"logistic_id\":50021,\"logistic_name\":\"SPX Express\",\"enabled\":true,\"shipping_fee\":0,"
        "\"is_free\":false,\"estimated_shipping_fee\":16500.5}]");
    if (draw_chance(v->d, "wholesale", 30))
        json_out_raw(&v->out, "wholesales", "[{\"min_count\":10,\"max_count\":50,\"unit_price\":79000}]");
    if (draw_chance(v->d, "video", 30))
        json_out_raw(
            &v->out, "video_info",
            "[{\"video_url\":\"https://cf.example.test/v\",\"thumbnail_url\":\"https://cf.example.test/t\","
            "\"duration\":12}]");
    json_out_raw(&v->out, "tag", draw_chance(v->d, "kit", 20) ? "{\"kit\":true}" : "{\"kit\":false}");
    if (tax)
        json_out_raw(&v->out, "tax_info", "{\"ncm\":\"12345678\",\"invoice_option\":\"NO_INVOICES\"}");
    if (complaint)
        json_out_raw(&v->out, "complaint_policy",
                     "{\"warranty_time\":\"ONE_YEAR\",\"exclude_entrepreneur_warranty\":false}");
    if (draw_chance(v->d, "extended", 30))
        json_out_raw(
            &v->out, "description_info",
            "{\"extended_description\":{\"field_list\":[{\"field_type\":\"text\",\"text\":\"mô tả\"}]}}");
    if (draw_chance(v->d, "limited", 30))
        json_out_raw(&v->out, "purchase_limit_info", "{\"min_purchase_limit\":1}");
    if (draw_chance(v->d, "certified", 30))
        json_out_raw(&v->out, "certification_info",
                     "{\"certification_list\":[{\"certification_no\":\"C1\"}]}");
}

static void write_head(struct view *v)
{
    char text[32];

    json_out_raw(&v->out, "item_id", v->entity->id);
    json_out_int(&v->out, "category_id", 100000 + (int64_t)draw_below(v->d, "category", 900));
    json_out_text(&v->out, "item_name", PICK(v->d, "name", names));
    part_text(v, v->d, "description", "100% cotton\nGiặt máy");
    part_text(v, v->d, "item_sku", "TEE");
    json_out_int(&v->out, "create_time", shopee_created(v->entity));
    json_out_int(&v->out, "update_time", v->rev->update_time);
    part_text(v, v->d, "condition", draw_chance(v->d, "used", 20) ? "USED" : "NEW");
    part_text(v, v->d, "description_type", draw_chance(v->d, "extended", 30) ? "extended" : "normal");
    snprintf(text, sizeof text, "893%010llu", (unsigned long long)draw_below(v->d, "gtin", 10000000000));
    part_text(v, v->d, "gtin_code", text);
    part_int(v, v->d, "item_dangerous", draw_chance(v->d, "dangerous", 30));
    part_int(v, v->d, "scheduled_publish_time", shopee_created(v->entity) + 3600);
    json_out_text(&v->out, "item_status", shopee_status_word(KIND_PRODUCT, v->rev->status));
}

void shopee_render_item(const struct sim *sim, const struct entity *item, uint32_t revision, bool tax,
                        bool complaint, struct buf *to)
{
    struct view v;
    int64_t stock = 0;

    view_init(&v, sim, item, revision, to);
    json_out_open(&v.out, NULL, '{');
    write_head(&v);
    if (!shopee_has_models(item))
        write_price(&v, 0);
    for (unsigned n = 0; n < models_of(item) || n == 0; n++)
        stock += stock_of(&v, n);
    write_stock(&v, stock, false);
    write_images(&v);
    write_weight(&v, v.d);
    write_dimension(&v, v.d);
    write_pre_order(&v, v.d);
    json_out_open(&v.out, "brand", '{');
    json_out_int(&v.out, "brand_id", (int64_t)draw_below(v.d, "brand", 2000000));
    part_text(&v, v.d, "original_brand_name", "Nhãn Mẫu");
    json_out_close(&v.out, '}');
    json_out_bool(&v.out, "has_model", shopee_has_models(item));
    json_out_bool(&v.out, "has_promotion", shopee_promotion_id(item, revision) != 0);
    part_flag(&v, v.d, "is_fulfillment_by_shopee", draw_chance(v.d, "fulfilled", 30));
    if (draw_chance(v.d, "deboost_text", 50))
        json_out_text(&v.out, "deboost", shopee_deboost(item, revision) ? "TRUE" : "FALSE");
    else
        json_out_bool(&v.out, "deboost", shopee_deboost(item, revision));
    write_raw(&v, tax, complaint);
    json_out_close(&v.out, '}');
}

/* --- models ----------------------------------------------------------------------------------------------- */

static void write_model(struct view *v, unsigned n)
{
    struct draw d = draw_of(v->d.base, 35, n, 0);
    uint64_t promotion = shopee_promotion_id(v->entity, v->revision);
    char text[32];

    json_out_open(&v->out, NULL, '{');
    json_out_int(&v->out, "model_id", model_id(v, n));
    snprintf(text, sizeof text, "TEE-%u", n);
    part_text(v, d, "model_sku", text);
    json_out_text(&v->out, "model_status", draw_chance(d, "gone", 15) ? "MODEL_UNAVAILABLE" : "MODEL_NORMAL");
    json_out_open(&v->out, "tier_index", '[');
    json_out_int(&v->out, NULL, n / 2);
    json_out_int(&v->out, NULL, n % 2);
    json_out_close(&v->out, ']');
    json_out_int(&v->out, "promotion_id", (int64_t)promotion);
    json_out_bool(&v->out, "has_promotion", promotion != 0);
    write_price(v, n);
    write_stock(v, stock_of(v, n), true);
    write_weight(v, d);
    write_dimension(v, d);
    write_pre_order(v, d);
    part_text(v, d, "gtin_code", "8930000000012");
    json_out_close(&v->out, '}');
}

static void write_tier(struct view *v, const char *name, const char *first, const char *second, bool image)
{
    const char *const options[] = {first, second};

    json_out_open(&v->out, NULL, '{');
    json_out_text(&v->out, "name", name);
    json_out_open(&v->out, "option_list", '[');
    for (size_t i = 0; i < 2; i++) {
        json_out_open(&v->out, NULL, '{');
        json_out_text(&v->out, "option", options[i]);
        if (image) {
            json_out_open(&v->out, "image", '{');
            json_out_text(&v->out, "image_id", "vn-11134207-aa03");
            json_out_text(&v->out, "image_url", "https://cf.example.test/o");
            json_out_close(&v->out, '}');
        }
        json_out_close(&v->out, '}');
    }
    json_out_close(&v->out, ']');
    json_out_close(&v->out, '}');
}

void shopee_render_models(const struct sim *sim, const struct entity *item, uint32_t revision, struct buf *to)
{
    struct view v;

    view_init(&v, sim, item, revision, to);
    json_out_open(&v.out, NULL, '{');
    json_out_open(&v.out, "tier_variation", '[');
    write_tier(&v, "Màu", "Đen", "Trắng", draw_chance(v.d, "tier_image", 50));
    write_tier(&v, "Cỡ", "M", "L", false);
    json_out_close(&v.out, ']');
    json_out_open(&v.out, "model", '[');
    for (unsigned n = 0; n < models_of(item); n++)
        write_model(&v, n);
    json_out_close(&v.out, ']');
    json_out_raw(
        &v.out, "standardise_tier_variation",
        "[{\"variation_id\":100001,\"variation_name\":\"Màu\",\"variation_group_id\":0,"
        "\"variation_option_list\":[{\"variation_option_id\":200001,\"variation_option_name\":\"Đen\"}]}]");
    json_out_close(&v.out, '}');
}
