/* sim_shopee_parts.c - see sim_shopee_parts.h. */
#include "sim_shopee_parts.h"

#include <stdio.h>
#include <string.h>

/* How an optional field shows. */
enum shape { SHAPE_FULL, SHAPE_EMPTY, SHAPE_NULL, SHAPE_MISSING };

struct product {
    const char *name, *model, *sku;
};

static const struct product products[] = {
    {"Áo thun cotton", "Đen,M", "TEE"},
    {"Bình giữ nhiệt 500 ml", "Xanh rêu", "BGN-500"},
    {"Cà phê \"Đắk Lắk\" 500 g", "Vị đậm", "CF/500"},
    {"Giày chạy bộ nữ", "Hồng,37", "GCB\\N"},
    {"Kem chống nắng SPF50+ 🌞", "50 ml", "KCN50"},
    {"Kitchen scale 5 kg", "White", "SCALE-5"},
    {"Ốp lưng điện thoại", "Trong suốt,15 Pro", "OL-15P"},
    {"Reusable straw set 🎋", "6 pcs,Bamboo", "STRAW-6"},
};
static const char *const districts[] = {"Quận 3", "Quận Bình Thạnh", "Bedok", "Huyện Củ Chi"};
static const char *const cities[] = {"TP. Hồ Chí Minh", "Hà Nội", "Singapore", "Đà Nẵng"};
static const char *const names[] = {"L***n", "N****h", "T*n", "H***g"};
static const char *const promotions[] = {"flash_sale", "product_promotion", "bundle_deal", "add_on_deal", ""};

static unsigned decimals_of(uint32_t shop)
{
    return strcmp(shopee_currency(shop), "VND") == 0 ? 0 : 2;
}

void view_init(struct view *v, const struct sim *sim, const struct entity *entity, uint32_t revision,
               struct buf *to)
{
    *v = (struct view){.sim = sim,
                       .entity = entity,
                       .rev = &entity->revs[revision - 1],
                       .revision = revision,
                       .d = entity->draw,
                       .currency = shopee_currency(entity->shop),
                       .region = shopee_region(entity->shop)};
    v->out.b = to;
    v->decimals = decimals_of(entity->shop);
}

/* --- optional fields ------------------------------------------------------------------------------------ */

static enum shape shape_of(struct draw d, const char *key)
{
    uint64_t dice = (draw_bits(d, key) >> 32) % 100;

    return dice < 78 ? SHAPE_FULL : dice < 87 ? SHAPE_EMPTY : dice < 92 ? SHAPE_NULL : SHAPE_MISSING;
}

bool part_shows(struct draw d, const char *key)
{
    return shape_of(d, key) <= SHAPE_EMPTY;
}

void part_text(struct view *v, struct draw d, const char *key, const char *value)
{
    enum shape shape = shape_of(d, key);

    if (shape == SHAPE_NULL)
        json_out_raw(&v->out, key, "null");
    else if (shape != SHAPE_MISSING)
        json_out_text(&v->out, key, shape == SHAPE_EMPTY ? "" : value);
}

void part_int(struct view *v, struct draw d, const char *key, int64_t value)
{
    enum shape shape = shape_of(d, key);

    if (shape == SHAPE_NULL)
        json_out_raw(&v->out, key, "null");
    else if (shape != SHAPE_MISSING)
        json_out_int(&v->out, key, shape == SHAPE_EMPTY ? 0 : value);
}

void part_flag(struct view *v, struct draw d, const char *key, bool value)
{
    if (shape_of(d, key) != SHAPE_MISSING)
        json_out_bool(&v->out, key, value);
}

void part_text_or_null(struct view *v, const char *key, const char *value)
{
    if (value)
        json_out_text(&v->out, key, value);
    else
        json_out_raw(&v->out, key, "null");
}

/* --- amounts -------------------------------------------------------------------------------------------- */

void part_shop_money(struct json_out *out, uint32_t shop, const char *key, int64_t amount)
{
    int64_t size = amount < 0 ? -amount : amount, cents = size % 100;
    const char *minus = amount < 0 ? "-" : "";
    char text[32];

    if (decimals_of(shop) == 0)
        snprintf(text, sizeof text, "%lld", (long long)amount);
    else if (cents == 0)
        snprintf(text, sizeof text, "%s%lld", minus, (long long)(size / 100));
    else if (cents % 10 == 0)
        snprintf(text, sizeof text, "%s%lld.%lld", minus, (long long)(size / 100), (long long)(cents / 10));
    else
        snprintf(text, sizeof text, "%s%lld.%02lld", minus, (long long)(size / 100), (long long)cents);
    json_out_raw(out, key, text);
}

void part_money(struct view *v, const char *key, int64_t amount)
{
    part_shop_money(&v->out, v->entity->shop, key, amount);
}

int64_t part_amount(const struct view *v, struct draw d, const char *what, int64_t low, int64_t high)
{
    int64_t thousands = low + (int64_t)draw_below(d, what, (uint64_t)(high - low + 1));

    return v->decimals ? thousands * 6 + (int64_t)(draw_bits(d, what) >> 40 & 7) : thousands * 1000;
}

/* --- lines ---------------------------------------------------------------------------------------------- */

unsigned part_lines(const struct entity *order)
{
    return 1 + (unsigned)draw_below(order->draw, "lines", PART_LINES_MAX);
}

void part_line(const struct view *v, const struct entity *order, unsigned nth, struct part_line *out)
{
    struct draw d = draw_of(order->draw.base, 8, nth, 0);
    const struct product *product = &PICK(d, "product", products);
    bool bundle = nth == 1 && draw_chance(order->draw, "bundle", 30); /* line 1 shares the deal of line 0 */
    struct draw first = draw_of(order->draw.base, 8, bundle ? 0 : nth, 0);

    out->item_id = shopee_item_id(v->sim, order->shop, (uint32_t)draw_below(d, "item", 500));
    out->model_id =
        draw_chance(d, "has_model", 70) ? out->item_id * 10 + (int64_t)draw_below(d, "model", 4) : 0;
    out->item = product->name;
    out->model = out->model_id ? product->model : "";
    out->sku = product->sku;
    out->quantity = 1 + (int64_t)draw_below(d, "quantity", 3);
    out->original = part_amount(v, d, "original", 20, 400);
    out->discounted = out->original - (draw_chance(d, "reduced", 60) ? out->original / 4 : 0);
    out->gram = 50 + (int64_t)draw_below(d, "gram", 2000);
    out->order_item_id = 500000000000 + (int64_t)draw_below(first, "order_item_id", 400000000000);
    out->line_item_id = 100000000000000 + (int64_t)draw_below(d, "line_item_id", 800000000000000);
    out->promotion = bundle ? "bundle_deal" : PICK(d, "promotion", promotions);
    out->promotion_id =
        *out->promotion ? 800000000000000 + (int64_t)draw_below(first, "promotion_id", 99999999999999) : 0;
}

/* --- people --------------------------------------------------------------------------------------------- */

void part_address(struct view *v, const char *key, const struct entity *order, unsigned changed)
{
    struct draw d = draw_of(order->draw.base, 9, changed, 0);
    size_t place = draw_below(d, "place", sizeof cities / sizeof *cities);
    char text[64];

    json_out_open(&v->out, key, '{');
    json_out_text(&v->out, "name", PICK(d, "name", names));
    snprintf(text, sizeof text, "******%02u", (unsigned)draw_below(d, "phone", 100));
    json_out_text(&v->out, "phone", text);
    part_text(v, d, "town", "P. Bến Nghé");
    json_out_text(&v->out, "district", districts[place]);
    json_out_text(&v->out, "city", cities[place]);
    part_text(v, d, "state", cities[place]);
    json_out_text(&v->out, "region", v->region);
    snprintf(text, sizeof text, "%06u", (unsigned)draw_below(d, "zipcode", 1000000));
    part_text(v, d, "zipcode", text);
    snprintf(text, sizeof text, "%u******", changed + 1);
    json_out_text(&v->out, "full_address", text);
    json_out_close(&v->out, '}');
}

void part_buyer(const struct entity *order, char out[32])
{
    if (draw_chance(order->draw, "buyer_hidden", 10))
        memcpy(out, "****", 5);
    else
        snprintf(out, 32, "lan_tr%02u", (unsigned)draw_below(order->draw, "buyer", 100));
}
