/* sim_product.c - see sim_product.h. */
#include "sim_product.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_buf.h"
#include "sim_fault.h"
#include "sim_field.h"
#include "sim_http.h"
#include "sim_num.h"
#include "sim_page.h"
#include "sim_platform.h"
#include "sim_push.h"
#include "sim_state.h"

#define SKUS_MAX 60

enum product_status {
    PRODUCT_DRAFT,
    PRODUCT_PENDING,
    PRODUCT_FAILED,
    PRODUCT_ACTIVATE,
    PRODUCT_SELLER_DEACTIVATED,
    PRODUCT_PLATFORM_DEACTIVATED,
    PRODUCT_FREEZE,
    PRODUCT_DELETED,
    PRODUCT_STATUSES
};

/* What a revision changed: the push that tells of it. */
enum product_topic {
    TOPIC_STATUS = 5,
    TOPIC_TEXTS = 15,
    TOPIC_CREATION = 16,
    TOPIC_STOCK = 27,
    TOPIC_AUDIT = 37
};

static const char *const status_names[PRODUCT_STATUSES] = {
    "DRAFT",  "PENDING", "FAILED", "ACTIVATE", "SELLER_DEACTIVATED", "PLATFORM_DEACTIVATED",
    "FREEZE", "DELETED"};

static const char *const titles[] = {"Áo thun cotton cổ tròn",        "Bình giữ nhiệt inox 500 ml",
                                     "Cà phê rang xay \"đậm\" 500 g", "Giày thể thao nữ đế êm",
                                     "Kem chống nắng SPF50+ 🌞",       "Nồi chiên không dầu 6 lít",
                                     "Ốp lưng điện thoại \\ bao da",  "Đèn bàn học chống cận thị cho bé"};
static const char *const colours[] = {"Trắng", "Đen", "Xanh rêu", "Hồng phấn", "Vàng \"ánh kim\""};
static const char *const sizes[] = {"S", "M", "L", "XL", "37", "38"};
static const char *const codes[] = {"AT", "BGN", "CF/R", "GTT", "KCN\\50", "NC Đ"};

/* Everything the parts of one document share while it is written. */
struct view {
    const struct sim *sim;
    const struct entity *product;
    const struct rev *rev;
    struct draw d; /* of the product */
    struct draw t; /* of its texts in this revision */
    struct json_out out;
    unsigned decimals;
    const char *currency;
    unsigned skus;
    bool detail; /* the search leaves much out */
};

/* --- life ------------------------------------------------------------------------------------------------ */

static enum product_status status_next(struct draw d, uint32_t revision, enum product_status now)
{
    uint64_t dice = draw_below(draw_of(d.base, revision, 0, 30), "next", 100);

    switch (now) {
    case PRODUCT_DRAFT:
    case PRODUCT_FAILED:
        return PRODUCT_PENDING;
    case PRODUCT_PENDING:
        return dice < 85 ? PRODUCT_ACTIVATE : PRODUCT_FAILED;
    case PRODUCT_ACTIVATE:
        return dice < 50   ? PRODUCT_SELLER_DEACTIVATED
               : dice < 80 ? PRODUCT_PLATFORM_DEACTIVATED
                           : PRODUCT_FREEZE;
    case PRODUCT_SELLER_DEACTIVATED:
        return dice < 25 ? PRODUCT_DELETED : PRODUCT_ACTIVATE;
    case PRODUCT_DELETED:
        return PRODUCT_DELETED;
    default:
        return PRODUCT_ACTIVATE;
    }
}

static struct entity *product_new(struct sim *sim, uint32_t shop, uint32_t number)
{
    struct entity *product = entity_new(sim, KIND_PRODUCT, shop, number);

    snprintf(product->id, sizeof product->id, "1729%05u%07u%03u", shop, number,
             (unsigned)draw_below(product->draw, "check", 1000));
    return product;
}

struct entity *product_change(struct sim *sim, uint32_t shop, uint32_t number, const struct change *change)
{
    static const enum product_topic turns[] = {TOPIC_AUDIT, TOPIC_TEXTS, TOPIC_STOCK, TOPIC_STATUS};
    struct entity *product = entity_ever(sim, KIND_PRODUCT, shop, number);
    struct rev *rev;
    int64_t at;

    if (!product)
        product = product_new(sim, shop, number);
    at = entity_change_time(sim, product, change);
    rev = entity_append(sim, product);
    rev->update_time = at;
    if (product->revisions == 1) {
        rev->what = TOPIC_CREATION;
        rev->status = draw_chance(product->draw, "draft", 15) ? PRODUCT_DRAFT : PRODUCT_PENDING;
        return product;
    }
    rev->what = (uint8_t)turns[(product->revisions + (uint32_t)draw_below(product->draw, "turn", 4)) % 4];
    if (rev->what == TOPIC_TEXTS)
        rev->address++;
    if (rev->what == TOPIC_STOCK)
        rev->note++;
    if (rev->what == TOPIC_AUDIT && rev->status > PRODUCT_PENDING && rev->status != PRODUCT_FAILED)
        return product; /* a second audit of something already on sale */
    if (rev->what == TOPIC_AUDIT || rev->what == TOPIC_STATUS)
        rev->status =
            (uint8_t)status_next(product->draw, product->revisions, (enum product_status)rev->status);
    return product;
}

const char *product_status_name(const struct entity *product)
{
    return status_names[entity_last(product)->status];
}

/* --- facts ------------------------------------------------------------------------------------------------ */

static void sku_id(const struct entity *product, unsigned place, char out[24])
{
    snprintf(out, 24, "1730%05u%07u%03u", product->shop % 100000, product->number % 10000000,
             (place + 1) % 1000);
}

static void seller_sku(const struct entity *product, unsigned place, char out[48])
{
    snprintf(out, 48, "%s-%u-%u", FIELD_PICK(product->draw, "code", codes), product->number, place);
}

static unsigned sku_count(const struct entity *product)
{
    uint64_t dice = draw_below(product->draw, "skus", 100);

    return dice < 40 ? 1 : dice < 97 ? 2 + (unsigned)dice % 5 : SKUS_MAX;
}

static void warehouse_id(const struct entity *product, unsigned place, char out[24])
{
    field_digits(draw_of(product->shop, 6, place, 0), "warehouse_id", "7377100", out);
}

/* Pieces of a SKU in a warehouse; another number after each change of the stock. */
static int64_t stock_of(const struct entity *product, const struct rev *rev, unsigned place, unsigned house)
{
    struct draw d = draw_of(product->draw.base, 31, place * 4 + house, rev->note);

    return draw_chance(d, "sold_out", 12) ? 0 : (int64_t)draw_below(d, "stock", 900);
}

static unsigned warehouses_of(const struct entity *product)
{
    return draw_chance(product->draw, "two_houses", 30) ? 2 : 1;
}

static int64_t price_of(const struct view *v, unsigned place)
{
    struct draw d = draw_of(v->t.base, 32, place, 0);

    return v->decimals ? 199 + (int64_t)draw_below(d, "price", 9000)
                       : 1000 * (19 + (int64_t)draw_below(d, "price", 980));
}

static const char *audit_name(const struct rev *rev, struct draw d)
{
    switch ((enum product_status)rev->status) {
    case PRODUCT_DRAFT:
        return "NONE";
    case PRODUCT_PENDING:
        return "AUDITING";
    case PRODUCT_FAILED:
        return "FAILED";
    default:
        return draw_chance(d, "pre_approved", 15) ? "PRE_APPROVED" : "APPROVED";
    }
}

static void view_init(struct view *v, const struct sim *sim, const struct entity *product, uint32_t revision,
                      bool detail, struct buf *to)
{
    bool foreign = draw_chance(product->draw, "foreign", 12);

    *v = (struct view){.sim = sim, .product = product, .d = product->draw, .detail = detail};
    v->rev = &product->revs[revision - 1];
    v->t = draw_of(product->draw.base, 33, v->rev->address, 0);
    v->out = (struct json_out){.b = to, .ascii = draw_chance(v->d, "ascii", 7)};
    v->decimals = foreign ? 2 : 0;
    v->currency = foreign ? "USD" : "VND";
    v->skus = sku_count(product);
}

/* --- parts, keys in alphabetical order ---------------------------------------------------------------------- */

static void write_picture(struct view *v, const char *key, struct draw d)
{
    char url[96];

    snprintf(url, sizeof url, "https://img.example.test/p/%llu.jpeg?w=800&h=800",
             (unsigned long long)draw_below(d, "picture", 1000000));
    json_out_open(&v->out, key, '{');
    field_int(&v->out, d, "height", 800);
    json_out_open(&v->out, "thumb_urls", '[');
    if (draw_chance(d, "thumbs", 70))
        json_out_text(&v->out, NULL, url);
    json_out_close(&v->out, ']');
    field_text(&v->out, d, "uri", url + sizeof "https://img.example.test/" - 1);
    json_out_open(&v->out, "urls", '[');
    json_out_text(&v->out, NULL, url);
    json_out_close(&v->out, ']');
    field_int(&v->out, d, "width", 800);
    json_out_close(&v->out, '}');
}

static void write_named(struct view *v, const char *key, const char *id, const char *name)
{
    json_out_open(&v->out, key, '{');
    json_out_text(&v->out, "id", id);
    json_out_text(&v->out, "name", name);
    json_out_close(&v->out, '}');
}

static void write_audit(struct view *v)
{
    const char *name = audit_name(v->rev, v->d);

    json_out_open(&v->out, "audit", '{');
    json_out_open(&v->out, "pre_approved_reasons", '[');
    if (strcmp(name, "PRE_APPROVED") == 0)
        json_out_text(&v->out, NULL, "Người bán uy tín");
    json_out_close(&v->out, ']');
    json_out_text(&v->out, "status", name);
    json_out_close(&v->out, '}');
}

static void write_audit_failed(struct view *v)
{
    if (v->rev->status != PRODUCT_FAILED)
        return;
    json_out_open(&v->out, "audit_failed_reasons", '[');
    json_out_open(&v->out, NULL, '{');
    json_out_text(&v->out, "listing_platform", "TIKTOK_SHOP");
    json_out_text(&v->out, "position", "Main image");
    json_out_raw(&v->out, "reasons", "[\"Ảnh sản phẩm không đạt\",\"Chữ trên ảnh\"]");
    json_out_raw(&v->out, "suggestions", "[\"Dùng ảnh nền trắng\"]");
    json_out_close(&v->out, '}');
    json_out_close(&v->out, ']');
}

static void write_categories(struct view *v)
{
    static const char *const names[] = {"Thời trang", "Áo & váy", "Áo thun"};
    char id[16], parent[16];

    json_out_open(&v->out, "category_chains", '[');
    for (unsigned i = 0; i < 3; i++) {
        snprintf(id, sizeof id, "%u", 601225 + i);
        snprintf(parent, sizeof parent, "%u", i ? 601224 + i : 0);
        json_out_open(&v->out, NULL, '{');
        json_out_text(&v->out, "id", id);
        json_out_bool(&v->out, "is_leaf", i == 2);
        json_out_text(&v->out, "local_name", names[i]);
        json_out_text(&v->out, "parent_id", parent);
        json_out_close(&v->out, '}');
    }
    json_out_close(&v->out, ']');
}

static void write_delivery(struct view *v)
{
    json_out_open(&v->out, "delivery_options", '[');
    for (unsigned i = 0; i < draw_below(v->d, "options", 3); i++) {
        char id[24];

        field_digits(draw_of(i, 14, 0, 0), "delivery_option", "7091146", id);
        json_out_open(&v->out, NULL, '{');
        json_out_text(&v->out, "id", id);
        json_out_bool(&v->out, "is_available", draw_chance(v->d, "available", 70));
        json_out_text(&v->out, "name", i ? "Giao hàng hỏa tốc" : "Vận chuyển tiêu chuẩn");
        json_out_close(&v->out, '}');
    }
    json_out_close(&v->out, ']');
}

static void write_dimensions(struct view *v)
{
    if (draw_chance(v->d, "dimensions", 70)) {
        json_out_open(&v->out, "package_dimensions", '{');
        json_out_text(&v->out, "height", "12");
        json_out_text(&v->out, "length", "30.5");
        json_out_text(&v->out, "unit", "CENTIMETER");
        json_out_text(&v->out, "width", "20");
        json_out_close(&v->out, '}');
    }
    json_out_open(&v->out, "package_weight", '{');
    json_out_text(&v->out, "unit", v->decimals ? "POUND" : "KILOGRAM");
    json_out_text(&v->out, "value", "0.25");
    json_out_close(&v->out, '}');
}

static void write_attributes(struct view *v)
{
    json_out_open(&v->out, "product_attributes", '[');
    for (unsigned i = 0; i < draw_below(v->d, "attributes", 4); i++) {
        char id[16];

        snprintf(id, sizeof id, "%u", 100392 + i);
        json_out_open(&v->out, NULL, '{');
        json_out_text(&v->out, "id", id);
        json_out_text(&v->out, "name", i ? "Chất liệu" : "Xuất xứ");
        json_out_open(&v->out, "values", '[');
        write_named(v, NULL, "1001533", i ? "Cotton" : "Việt Nam");
        json_out_close(&v->out, ']');
        json_out_close(&v->out, '}');
    }
    json_out_close(&v->out, ']');
}

static void write_video(struct view *v)
{
    if (!draw_chance(v->d, "video", 30))
        return;
    json_out_open(&v->out, "video", '{');
    json_out_text(&v->out, "cover_url", "https://img.example.test/v/cover.jpeg");
    json_out_text(&v->out, "format", "MP4");
    json_out_int(&v->out, "height", 1280);
    json_out_text(&v->out, "id", "v09e40f40000cfu0ovhc77ub7fl97k4w");
    json_out_int(&v->out, "size", 1048576);
    json_out_text(&v->out, "url", "https://img.example.test/v/video.mp4?a=1&b=2");
    json_out_int(&v->out, "width", 720);
    json_out_close(&v->out, '}');
}

/* --- SKUs --------------------------------------------------------------------------------------------------- */

static void write_inventory(struct view *v, unsigned place)
{
    json_out_open(&v->out, "inventory", '[');
    for (unsigned i = 0; i < warehouses_of(v->product); i++) {
        char id[24];

        warehouse_id(v->product, i, id);
        json_out_open(&v->out, NULL, '{');
        if (draw_chance(v->d, "backorder", 15))
            json_out_int(&v->out, "backorder_quantity", 5 + i);
        if (draw_chance(v->d, "handling", 25))
            json_out_int(&v->out, "handling_time", 2 + i);
        json_out_int(&v->out, "quantity", stock_of(v->product, v->rev, place, i));
        json_out_text(&v->out, "warehouse_id", id);
        json_out_close(&v->out, '}');
    }
    json_out_close(&v->out, ']');
}

static void write_price(struct view *v, unsigned place)
{
    int64_t price = price_of(v, place);

    json_out_open(&v->out, "price", '{');
    json_out_text(&v->out, "currency", v->currency);
    field_money(&v->out, "sale_price", price, v->decimals);
    field_money(&v->out, "tax_exclusive_price", price - price / 11, v->decimals);
    if (v->detail && draw_chance(v->d, "unit_price", 25))
        field_money(&v->out, "unit_price", price / 2, v->decimals);
    json_out_close(&v->out, '}');
}

static void write_combined(struct view *v, unsigned place)
{
    struct draw d = draw_of(v->d.base, 34, place, 0);
    char id[24];

    if (!draw_chance(d, "combined", 10))
        return;
    json_out_open(&v->out, "combined_skus", '[');
    for (unsigned i = 0; i < 2; i++) {
        json_out_open(&v->out, NULL, '{');
        field_digits(draw_of(d.base, i, 0, 0), "product", "1731400", id);
        json_out_text(&v->out, "product_id", id);
        json_out_text(&v->out, "seller_sku", "COMBO-1");
        json_out_int(&v->out, "sku_count", 1 + i);
        field_digits(draw_of(d.base, i, 0, 0), "sku", "1731401", id);
        json_out_text(&v->out, "sku_id", id);
        json_out_text(&v->out, "title", FIELD_PICK(d, "title", titles));
        json_out_close(&v->out, '}');
    }
    json_out_close(&v->out, ']');
}

static void write_attribute(struct view *v, struct draw d, const char *id, const char *name,
                            const char *value, bool picture)
{
    json_out_open(&v->out, NULL, '{');
    json_out_text(&v->out, "id", id);
    json_out_text(&v->out, "name", name);
    if (picture)
        write_picture(v, "sku_img", d);
    json_out_text(&v->out, "value_id", "7001");
    json_out_text(&v->out, "value_name", value);
    json_out_close(&v->out, '}');
}

/* Members of a SKU that only the detail has: before "id", and from "sales_attributes" on. */
static void write_sku_head(struct view *v, unsigned place)
{
    char text[48];

    if (!v->detail)
        return;
    write_combined(v, place);
    snprintf(text, sizeof text, "EXT-%u-%u", v->product->number, place);
    field_text(&v->out, draw_of(v->d.base, 35, place, 0), "external_sku_id", text);
}

static void write_sku_tail(struct view *v, unsigned place)
{
    struct draw d = draw_of(v->d.base, 36, place, 0);

    if (!v->detail)
        return;
    json_out_open(&v->out, "sales_attributes", '[');
    write_attribute(v, d, "100000", "Màu sắc", FIELD_PICK(d, "colour", colours),
                    draw_chance(d, "picture", 60));
    if (draw_chance(v->d, "sized", 60))
        write_attribute(v, d, "100007", "Kích cỡ", FIELD_PICK(d, "size", sizes), false);
    json_out_close(&v->out, ']');
}

static void write_fees(struct view *v)
{
    if (!draw_chance(v->d, "fees", 20))
        return;
    json_out_open(&v->out, "fees", '[');
    json_out_open(&v->out, NULL, '{');
    json_out_text(&v->out, "additional_attribute", "EVERY_ORDER");
    json_out_text(&v->out, "amount", v->decimals ? "0.18" : "1800");
    json_out_text(&v->out, "type", "PFAND");
    json_out_close(&v->out, '}');
    json_out_close(&v->out, ']');
}

static void write_sku(struct view *v, unsigned place)
{
    struct draw d = draw_of(v->d.base, 37, place, 0);
    char text[48];

    json_out_open(&v->out, NULL, '{');
    write_sku_head(v, place);
    write_fees(v);
    sku_id(v->product, place, text);
    json_out_text(&v->out, "id", text);
    if (v->detail && draw_chance(d, "identifier", 40)) {
        json_out_open(&v->out, "identifier_code", '{');
        json_out_text(&v->out, "code", "8936012345678");
        json_out_text(&v->out, "type", "EAN");
        json_out_close(&v->out, '}');
    }
    write_inventory(v, place);
    if (draw_chance(d, "list_price", 40)) {
        json_out_open(&v->out, "list_price", '{');
        field_money(&v->out, "amount", price_of(v, place) * 2, v->decimals);
        json_out_text(&v->out, "currency", v->currency);
        json_out_close(&v->out, '}');
    }
    if (draw_chance(d, "pre_sale", 15)) {
        json_out_open(&v->out, "pre_sale", '{');
        json_out_raw(&v->out, "fulfillment_type", "{\"handling_duration_days\":7}");
        json_out_text(&v->out, "type", "PRE_ORDER");
        json_out_close(&v->out, '}');
    }
    write_price(v, place);
    write_sku_tail(v, place);
    seller_sku(v->product, place, text);
    field_text(&v->out, d, "seller_sku", text);
    if (v->detail)
        field_text(&v->out, d, "sku_unit_count", "3.00");
    json_out_open(&v->out, "status_info", '{');
    if (draw_chance(d, "deactivated", 15)) {
        json_out_text(&v->out, "deactivation_source", draw_chance(d, "source", 50) ? "SELLER" : "PLATFORM");
        json_out_text(&v->out, "status", "DEACTIVATED");
    } else {
        json_out_text(&v->out, "status", "NORMAL");
    }
    json_out_close(&v->out, '}');
    json_out_close(&v->out, '}');
}

static void write_skus(struct view *v)
{
    json_out_open(&v->out, "skus", '[');
    for (unsigned i = 0; i < v->skus; i++)
        write_sku(v, i);
    json_out_close(&v->out, ']');
}

/* --- documents -------------------------------------------------------------------------------------------- */

static void title_of(const struct view *v, char out[128])
{
    const char *title = FIELD_PICK(v->d, "title", titles);

    if (v->rev->address)
        snprintf(out, 128, "%s – mẫu mới %u", title, v->rev->address);
    else
        snprintf(out, 128, "%s", title);
}

/* product_status speaks of the shelf only: no PENDING, no FAILED, but INITIAL. */
static const char *shelf_status(const struct rev *rev)
{
    return rev->status == PRODUCT_PENDING || rev->status == PRODUCT_FAILED ? "INITIAL"
                                                                           : status_names[rev->status];
}

static void write_detail_head(struct view *v)
{
    char text[96];

    write_audit(v);
    write_audit_failed(v);
    if (draw_chance(v->d, "branded", 70))
        write_named(v, "brand", "7082427311584347905", "Nhãn Mẫu™");
    else if (field_shape(v->d, "brand") == SHAPE_NULL)
        json_out_raw(&v->out, "brand", "null");
    write_categories(v);
    json_out_int(&v->out, "create_time", v->product->revs[0].update_time);
    write_delivery(v);
    snprintf(text, sizeof text, "<p>Hàng <b>chính hãng</b> &amp; mới 100%%. Bản mô tả số %u.</p>",
             v->rev->address + 1);
    field_text(&v->out, v->d, "description", text);
    snprintf(text, sizeof text, "ERP-%u", v->product->number);
    field_text(&v->out, v->d, "external_product_id", text);
    field_flag(&v->out, v->d, "has_draft", draw_chance(v->d, "has_draft", 15));
    json_out_text(&v->out, "id", v->product->id);
}

static void write_detail_tail(struct view *v)
{
    char text[128];

    field_flag(&v->out, v->d, "is_cod_allowed", draw_chance(v->d, "cod", 70));
    field_flag(&v->out, v->d, "is_not_for_sale", draw_chance(v->d, "not_for_sale", 8));
    field_flag(&v->out, v->d, "is_pre_owned", draw_chance(v->d, "pre_owned", 8));
    field_flag(&v->out, v->d, "is_replicated", draw_chance(v->d, "replicated", 8));
    json_out_open(&v->out, "main_images", '[');
    for (unsigned i = 0; i <= draw_below(v->d, "pictures", 5); i++)
        write_picture(v, NULL, draw_of(v->t.base, 38, i, 0));
    json_out_close(&v->out, ']');
    field_int(&v->out, v->d, "minimum_order_quantity", 1 + (int64_t)draw_below(v->d, "minimum", 3));
    write_dimensions(v);
    write_attributes(v);
    json_out_text(&v->out, "product_status", shelf_status(v->rev));
    json_out_raw(&v->out, "product_types",
                 draw_chance(v->d, "combined_product", 10) ? "[\"COMBINED_PRODUCT\"]" : "[]");
    write_skus(v);
    json_out_text(&v->out, "status", status_names[v->rev->status]);
    title_of(v, text);
    json_out_text(&v->out, "title", text);
    json_out_int(&v->out, "update_time", v->rev->update_time);
    write_video(v);
}

void product_render(const struct sim *sim, const struct entity *product, uint32_t revision, struct buf *to)
{
    struct view v;

    view_init(&v, sim, product, revision, true, to);
    json_out_open(&v.out, NULL, '{');
    write_detail_head(&v);
    write_detail_tail(&v);
    json_out_close(&v.out, '}');
}

/* As the search lists it: no images, attributes, category or brand. */
static void render_listed(const struct sim *sim, const struct entity *product, uint32_t revision,
                          struct buf *to)
{
    struct view v;
    char title[128];

    view_init(&v, sim, product, revision, false, to);
    json_out_open(&v.out, NULL, '{');
    write_audit(&v);
    json_out_int(&v.out, "create_time", product->revs[0].update_time);
    field_flag(&v.out, v.d, "has_draft", draw_chance(v.d, "has_draft", 15));
    json_out_text(&v.out, "id", product->id);
    field_flag(&v.out, v.d, "is_not_for_sale", draw_chance(v.d, "not_for_sale", 8));
    json_out_raw(&v.out, "recommended_categories",
                 draw_chance(v.d, "recommended", 20) ? "[{\"id\":\"601227\",\"local_name\":\"Áo thun\"}]"
                                                     : "[]");
    json_out_raw(&v.out, "sales_regions", "[\"VN\"]");
    write_skus(&v);
    json_out_text(&v.out, "status", status_names[v.rev->status]);
    title_of(&v, title);
    json_out_text(&v.out, "title", title);
    json_out_int(&v.out, "update_time", v.rev->update_time);
    json_out_close(&v.out, '}');
}

/* --- pushes ------------------------------------------------------------------------------------------------ */

static void write_stock_push(struct json_out *out, const struct entity *product, const struct rev *rev)
{
    int64_t stock = stock_of(product, rev, 0, 0);
    char id[24];

    json_out_text(out, "current_inventory_status",
                  stock == 0   ? "OUT_OF_STOCK"
                  : stock < 50 ? "LOW_STOCK"
                               : "SUFFICIENT_STOCK");
    json_out_open(out, "inventory_distribution", '{');
    json_out_int(out, "available_quantity", stock);
    json_out_int(out, "committed_quantity", stock / 10);
    json_out_int(out, "total_quantity", stock + stock / 10);
    json_out_close(out, '}');
    json_out_text(out, "product_id", product->id);
    sku_id(product, 0, id);
    json_out_text(out, "sku_id", id);
    json_out_raw(out, "trigger_reason", "{\"type\":\"SELLER_UPDATE\"}");
}

static void write_audit_push(struct json_out *out, const struct entity *product, const struct rev *rev)
{
    const char *name = audit_name(rev, product->draw);

    json_out_open(out, "audit", '{');
    if (draw_chance(product->draw, "one_reason", 50)) /* the documentation's example has the other shape */
        json_out_text(out, "pre_approved_reason", "Người bán uy tín");
    else
        json_out_raw(out, "pre_approved_reasons", "[\"Người bán uy tín\"]");
    json_out_text(out, "status", name);
    json_out_close(out, '}');
    json_out_raw(out, "product_id", product->id);
}

static void write_push_data(struct json_out *out, const struct entity *product, const struct rev *rev)
{
    switch ((enum product_topic)rev->what) {
    case TOPIC_TEXTS:
        json_out_raw(out, "changed_fields", "[\"title\",\"description\",\"price\"]");
        json_out_text(out, "change_source", "SELLER_CENTER");
        json_out_text(out, "product_id", product->id);
        break;
    case TOPIC_CREATION:
        json_out_raw(out, "product_id", product->id);
        json_out_raw(out, "product_types", "[]");
        break;
    case TOPIC_STOCK:
        write_stock_push(out, product, rev);
        break;
    case TOPIC_AUDIT:
        write_audit_push(out, product, rev);
        break;
    case TOPIC_STATUS:
        json_out_raw(out, "product_id", product->id);
        json_out_text(out, "status",
                      rev->status == PRODUCT_FAILED     ? "PRODUCT_AUDIT_FAILURE"
                      : rev->status == PRODUCT_ACTIVATE ? "PRODUCT_FIRST_PASS_REVIEW"
                                                        : "PRODUCT_STATUS_CHANGED");
        json_out_text(out, "suspended_reason", rev->status == PRODUCT_FAILED ? "Ảnh sản phẩm không đạt" : "");
        break;
    }
}

void product_push(struct sim *sim, const struct entity *product, struct buf *to)
{
    const struct rev *rev = entity_last(product);
    struct json_out out = {.b = to};

    push_open(sim, &out, rev->what, product);
    write_push_data(&out, product, rev);
    json_out_int(&out, "update_time", rev->update_time);
    push_close(&out);
}

/* --- calls --------------------------------------------------------------------------------------------------- */

/* By the digits of a product id or SKU id, of any shop. */
static struct entity *product_at(const struct sim *sim, const char *id)
{
    int64_t shop, number;

    if (strlen(id) != 19 || !num_i64(id + 4, 5, 0, SIM_SHOPS_MAX, &shop) ||
        !num_i64(id + 9, 7, 0, SIM_NUMBER_MAX, &number))
        return NULL;
    return entity_get(sim, KIND_PRODUCT, (uint32_t)shop, (uint32_t)number);
}

static struct entity *product_by_id(const struct sim *sim, const char *id)
{
    struct entity *product = product_at(sim, id);

    return product && strcmp(product->id, id) == 0 ? product : NULL;
}

void product_detail(struct sim *sim, const struct call *call, const struct caller *who, struct answer *answer)
{
    struct entity *product = product_by_id(sim, who->id);
    int status = (int)sim->sw.business_error_status;
    struct json_out out;
    size_t empty;

    count_about(sim, call->number, who->shop, 1, who->id);
    if (tiktok_faults(sim, API_PRODUCT, who->shop, answer))
        return;
    if (product && product->shop != who->shop) {
        tiktok_error(sim, answer, status, 12052048, "The product is not in this shop");
        return;
    }
    tiktok_open(answer, &out);
    empty = out.b->n;
    if (product && !tiktok_write_entity(sim, API_PRODUCT, product, "data", &out, answer))
        return;
    if (answer->body.n == empty) {
        tiktok_error(sim, answer, status, 12052032, "The product does not exist");
        return;
    }
    tiktok_close(sim, &out, "Success");
}

static bool sku_passes(const struct entity *product, const json_t *body)
{
    bool listed_id = false, listed_code = false;
    char text[48];

    for (unsigned i = 0; i < sku_count(product); i++) {
        sku_id(product, i, text);
        listed_id = listed_id || filter_lists(body, "sku_ids", text);
        seller_sku(product, i, text);
        listed_code = listed_code || filter_lists(body, "seller_skus", text);
    }
    return listed_id && listed_code;
}

static bool product_passes(const struct entity *product, const json_t *body)
{
    const struct rev *rev = entity_last(product);
    const char *status = json_string_value(json_object_get(body, "status"));
    const char *audit = audit_name(rev, product->draw);

    if (strcmp(audit, "PRE_APPROVED") == 0)
        audit = "APPROVED";
    return (!status || strcmp(status, "ALL") == 0 || strcmp(status, status_names[rev->status]) == 0) &&
           filter_lists(body, "audit_status", audit) &&
           filter_spans(body, "create_time", product->revs[0].update_time) &&
           filter_spans(body, "update_time", rev->update_time) && sku_passes(product, body);
}

static bool status_known(const json_t *body)
{
    const char *status = json_string_value(json_object_get(body, "status"));

    for (int i = 0; status && i < PRODUCT_STATUSES; i++) {
        if (strcmp(status_names[i], status) == 0)
            return true;
    }
    return !status || strcmp(status, "ALL") == 0;
}

static void list_page(struct sim *sim, const struct page *page, struct page_hit *hits, size_t count,
                      struct answer *answer)
{
    struct json_out out;
    size_t at, to;

    page_cut(page, hits, count, &at, &to);
    tiktok_open(answer, &out);
    json_out_open(&out, "data", '{');
    page_token(sim, page, hits, count, to, &out);
    json_out_open(&out, "products", '[');
    for (; at < to; at++) {
        struct entity *product = hits[at].item;
        uint32_t revision;
        enum serve serve = tiktok_entity_faults(sim, API_PRODUCT, product, answer, &revision);

        if (serve == SERVE_ERROR)
            return;
        if (serve == SERVE_LEAVE_OUT)
            continue;
        json_out_raw(&out, NULL, "");
        render_listed(sim, product, revision, out.b);
        product->reads++;
    }
    json_out_close(&out, ']');
    json_out_int(&out, "total_count", (int64_t)count);
    json_out_close(&out, '}');
    tiktok_close(sim, &out, "Success");
}

void product_search(struct sim *sim, const struct call *call, const struct caller *who, struct answer *answer)
{
    static const struct page_rules rules = {.low = 1, .high = 100};
    static const struct filter_rule filters[] = {{"status", FILTER_TEXT, 0, 0},
                                                 {"seller_skus", FILTER_TEXTS, 10, 12019027},
                                                 {"sku_ids", FILTER_TEXTS, 10, 12019087},
                                                 {"audit_status", FILTER_TEXTS, 3, 0},
                                                 {"create_time_ge", FILTER_INT, 0, 12019118},
                                                 {"create_time_le", FILTER_INT, 0, 12019118},
                                                 {"update_time_ge", FILTER_INT, 0, 12019119},
                                                 {"update_time_le", FILTER_INT, 0, 12019119},
                                                 {"return_draft_version", FILTER_FLAG, 0, 0},
                                                 {0}};
    const struct store *store = &sim->shops[who->shop].of[KIND_PRODUCT];
    struct page page;
    const char *bad = page_query(sim, call, &rules, &page);
    struct page_hit *hits = NULL;
    size_t count = 0;
    json_t *body;

    count_about(sim, call->number, who->shop, 0, "");
    if (bad) {
        tiktok_error(sim, answer, 400, strstr(bad, "page_size") ? 12019109 : 12019108, bad);
        return;
    }
    body = tiktok_filters(sim, call, filters, answer);
    if (!body)
        return;
    if (!status_known(body)) {
        tiktok_error(sim, answer, 400, 36009004, "Invalid parameter: status");
    } else if (!tiktok_faults(sim, API_PRODUCT, who->shop, answer)) {
        hits = buf_alloc((store->count + 1) * sizeof *hits);
        for (uint32_t n = 0; n < store->slots; n++) {
            struct entity *product = entity_get(sim, KIND_PRODUCT, (uint32_t)who->shop, n);

            if (product && product_passes(product, body))
                hits[count++] = (struct page_hit){product->revs[0].update_time, n, product};
        }
        if (count > 10000)
            tiktok_error(sim, answer, (int)sim->sw.business_error_status, 12052180, "Too many products");
        else
            list_page(sim, &page, hits, count, answer);
        free(hits);
    }
    json_decref(body);
}

/* --- inventory ------------------------------------------------------------------------------------------------ */

/* only: place of the one SKU asked for, -1: all of them. */
static void write_stock(const struct entity *product, int only, struct json_out *out)
{
    const struct rev *rev = entity_last(product);
    char text[48];

    json_out_open(out, NULL, '{');
    json_out_text(out, "product_id", product->id);
    json_out_open(out, "skus", '[');
    for (unsigned i = only < 0 ? 0 : (unsigned)only; i < (only < 0 ? sku_count(product) : (unsigned)only + 1);
         i++) {
        int64_t available = 0;

        json_out_open(out, NULL, '{');
        sku_id(product, i, text);
        json_out_text(out, "id", text);
        seller_sku(product, i, text);
        json_out_text(out, "seller_sku", text);
        for (unsigned h = 0; h < warehouses_of(product); h++)
            available += stock_of(product, rev, i, h);
        json_out_int(out, "total_available_quantity", available);
        json_out_int(out, "total_committed_quantity", available / 10);
        json_out_open(out, "warehouse_inventory", '[');
        for (unsigned h = 0; h < warehouses_of(product); h++) {
            json_out_open(out, NULL, '{');
            json_out_int(out, "available_quantity", stock_of(product, rev, i, h));
            json_out_int(out, "committed_quantity", stock_of(product, rev, i, h) / 10);
            warehouse_id(product, h, text);
            json_out_text(out, "warehouse_id", text);
            json_out_close(out, '}');
        }
        json_out_close(out, ']');
        json_out_close(out, '}');
    }
    json_out_close(out, ']');
    json_out_close(out, '}');
}

/* One id that was asked for. False: it is malformed. */
static bool stock_one(struct sim *sim, const char *id, bool sku, uint32_t shop, struct json_out *out)
{
    struct entity *product = sku ? product_at(sim, id) : product_by_id(sim, id);
    int64_t place = 0;

    if (strlen(id) != 19 || strspn(id, "0123456789") != 19)
        return false;
    if (!product || product->shop != shop)
        return true;
    if (sku && (memcmp(id, "1730", 4) != 0 || !num_i64(id + 16, 3, 1, sku_count(product), &place)))
        return true;
    write_stock(product, (int)place - 1, out);
    product->reads++;
    return true;
}

void product_inventory(struct sim *sim, const struct call *call, const struct caller *who,
                       struct answer *answer)
{
    static const struct filter_rule filters[] = {
        {"product_ids", FILTER_TEXTS, 100, 12019120}, {"sku_ids", FILTER_TEXTS, 600, 12019015}, {0}};
    json_t *body = tiktok_filters(sim, call, filters, answer);
    const json_t *list, *each;
    struct json_out out;
    size_t i;
    bool sku, ok = true;

    if (!body)
        return;
    sku = json_array_size(json_object_get(body, "sku_ids")) > 0; /* with both, SKUs win */
    list = json_object_get(body, sku ? "sku_ids" : "product_ids");
    count_about(sim, call->number, who->shop, (uint32_t)json_array_size(list), "");
    if (json_array_size(list) == 0) {
        tiktok_error(sim, answer, 400, 36009004, "Missing product_ids or sku_ids");
    } else if (!tiktok_faults(sim, API_PRODUCT, who->shop, answer)) {
        tiktok_open(answer, &out);
        json_out_open(&out, "data", '{');
        json_out_open(&out, "inventory", '[');
        json_array_foreach(list, i, each) ok =
            ok && stock_one(sim, json_string_value(each), sku, (uint32_t)who->shop, &out);
        json_out_close(&out, ']');
        json_out_close(&out, '}');
        tiktok_close(sim, &out, "Success");
        if (!ok)
            tiktok_error(sim, answer, (int)sim->sw.business_error_status, 12019008, "Invalid id");
    }
    json_decref(body);
}
