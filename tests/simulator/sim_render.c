/* sim_render.c - see sim_render.h. */
#include "sim_render.h"

#include <stdio.h>
#include <string.h>

#include "sim_buf.h"
#include "sim_field.h"
#include "sim_orders.h"
#include "sim_state.h"

/* Amounts of one order line, in the currency's smallest unit. */
struct line_money {
    int64_t original;
    int64_t seller_discount;
    int64_t platform_discount;
    int64_t gift; /* retail price of a gift, else 0 */
};

/* Everything the parts of one document share while it is written. */
struct view {
    const struct sim *sim;
    const struct entity *order;
    const struct rev *rev;
    struct draw d;
    struct json_out out;
    uint32_t revision;
    enum order_status status;
    const char *currency;
    unsigned decimals; /* of the currency */
    bool odd;          /* this order uses JSON numbers where text is usual */
    unsigned lines;
    struct line_money line[LINES_MAX];
    int64_t created;
    int64_t packed;    /* second of AWAITING_COLLECTION, 0 = not yet */
    int64_t collected; /* … IN_TRANSIT */
    int64_t delivered;
    int64_t cancelled;
};

struct product {
    const char *name, *sku, *code;
};

static const struct product products[] = {
    {"Áo thun cotton cổ tròn", "Trắng, L", "AT-TR-L"},
    {"Bình giữ nhiệt inox 500 ml", "Xanh rêu", "BGN-500-XR"},
    {"Cà phê rang xay Đắk Lắk gói 500 g", "Vị \"đậm\"", "CF-500"},
    {"Giày thể thao nữ đế êm", "Hồng, 37", "GTT-H-37"},
    {"Kem chống nắng SPF50+ 🌞", "50 ml", "KCN50"},
    {"Nồi chiên không dầu 6 lít", "Đen", "NCKD-6L/Đ"},
    {"Ốp lưng điện thoại trong suốt", "Dòng 15 Pro", "OL\\15P"},
    {"Sách dạy nấu ăn \"Bếp nhà mình\"", "Bìa mềm", "S-BNM"},
    {"Tai nghe không dây chống ồn", "Trắng sữa", "TN-CO-02"},
    {"Combo 3 khăn mặt sợi tre 🎋", "Nhiều màu", "KM-TRE-3"},
    {"Đèn bàn học chống cận", "Vàng ấm", "DBH-CC"},
    {"Ủng đi mưa trẻ em", "Vàng, 28", "U-28-V"},
};
static const char *const givens[] = {"An", "Bình", "Chi", "Dũng", "Hạnh", "Khánh", "Ngọc Ánh", "Thảo"};
static const char *const families[] = {"Nguyễn", "Trần", "Lê", "Phạm", "Huỳnh", "Đặng"};
static const char *const cities[] = {"Thành phố Hồ Chí Minh", "Hà Nội", "Đà Nẵng", "Cần Thơ"};
static const char *const districts[] = {"Quận 1", "Quận Bình Thạnh", "Huyện Củ Chi", "Quận Cầu Giấy"};
static const char *const wards[] = {"Phường Bến Nghé", "Phường 25", "Xã Tân Thông Hội", "Phường Dịch Vọng"};
static const char *const streets[] = {"Đường Mẫu", "Ngõ Thử Nghiệm", "Hẻm 12/3", "Lê Lợi"};
static const char *const carriers[] = {"Giao Hàng Mẫu", "Vận Chuyển Thử", "Chuyển Phát Nhanh Mẫu"};

/* --- optional fields ------------------------------------------------------------------------------- */

/* A time that has not come (0) is usually missing, sometimes 0. */
static void time_field(struct view *v, const char *key, int64_t value)
{
    if (value || field_shape(v->d, key) == SHAPE_ZERO)
        json_out_int(&v->out, key, value);
}

/* A planned time: there for most orders. */
static void plan_field(struct view *v, const char *key, int64_t after)
{
    if (field_shape(v->d, key) <= SHAPE_EMPTY)
        json_out_int(&v->out, key, v->created + after);
    else
        time_field(v, key, 0);
}

static void money_field(struct view *v, const char *key, int64_t amount)
{
    char text[32];

    field_money_text(amount, v->decimals, text);
    if (v->odd && (draw_bits(v->d, key) & 1))
        json_out_raw(&v->out, key, text);
    else
        json_out_text(&v->out, key, text);
}

/* Amounts that are mostly zero: then missing for every second order, sometimes empty. */
static void spare_money_field(struct view *v, const char *key, int64_t amount)
{
    if (amount == 0 && (draw_bits(v->d, key) & 1))
        return;
    if (amount == 0 && field_shape(v->d, key) == SHAPE_EMPTY)
        json_out_text(&v->out, key, "");
    else
        money_field(v, key, amount);
}

/* An amount between 0 and most (in VND; other currencies: the same number of cents / 100), or none. */
static int64_t amount_of(const struct view *v, const char *what, unsigned percent, int64_t most)
{
    struct draw d = draw_of(v->d.base, 4, 0, 0);

    if (!draw_chance(v->d, what, percent))
        return 0;
    return 1 + (int64_t)draw_below(d, what, (uint64_t)(v->decimals ? most / 100 : most));
}

/* --- what filters need too --------------------------------------------------------------------------- */

const char *render_shipping_type(const struct entity *order)
{
    uint64_t dice = draw_below(order->draw, "shipping_type", 100);

    return dice < 80 ? "TIKTOK" : dice < 97 ? "SELLER" : "TIKTOK_DIGITAL";
}

void render_user_id(const struct entity *order, char out[24])
{
    field_digits(draw_of(order->draw.base, 5, draw_below(order->draw, "user", 50), 0), "user_id", "7494100",
                 out);
}

void render_warehouse_id(const struct entity *order, char out[24])
{
    field_digits(draw_of(order->shop, 6, draw_below(order->draw, "warehouse", 3), 0), "warehouse_id",
                 "7377100", out);
}

static bool cancelled_by_buyer(const struct entity *order)
{
    return draw_below(order->draw, "cancellation_initiator", 3) == 0;
}

bool render_cancel_requested(const struct entity *order, uint32_t revision)
{
    return (order->revs[revision - 1].status == ORDER_CANCELLED && cancelled_by_buyer(order)) ||
           (order->revs[revision - 1].status == ORDER_AWAITING_SHIPMENT &&
            draw_chance(order->draw, "is_buyer_request_cancel", 8));
}

/* --- shared facts --------------------------------------------------------------------------------------- */

static void view_money(struct view *v)
{
    uint64_t dice = draw_below(v->d, "currency", 100);
    uint64_t size = draw_below(v->d, "lines", 100);

    v->currency = dice < 86 ? "VND" : dice < 93 ? "USD" : dice < 97 ? "SGD" : "KWD";
    v->decimals = dice < 86 ? 0 : dice < 97 ? 2 : 3;
    v->odd = v->sim->sw.odd_numbers && draw_chance(v->d, "odd", 30);
    v->lines = size < 5    ? 1
               : size < 60 ? 2
               : size < 88 ? 3
               : size < 97 ? 4
                           : 6 + (unsigned)draw_below(v->d, "many", LINES_MAX - 5);
    for (unsigned i = 0; i < v->lines; i++) {
        struct draw d = draw_of(v->d.base, 7, i, 0);
        struct line_money *line = &v->line[i];

        if (i == 1 && draw_chance(v->d, "two_of_one", 30)) {
            *line = v->line[0];
            continue;
        }
        line->original = v->decimals ? 99 + (int64_t)draw_below(d, "price", 9900)
                                     : 1000 * (19 + (int64_t)draw_below(d, "price", 980));
        if (i > 0 && draw_chance(d, "gift", 7)) {
            line->gift = line->original;
            line->original = 0;
        }
        line->seller_discount = line->original * (int64_t)draw_below(d, "seller_discount", 5) / 20;
        line->platform_discount = line->original * (int64_t)draw_below(d, "platform_discount", 4) / 23;
    }
}

static void view_init(struct view *v, const struct sim *sim, const struct entity *order, uint32_t revision,
                      struct buf *to)
{
    *v = (struct view){.sim = sim, .order = order, .revision = revision, .d = order->draw};
    v->rev = &order->revs[revision - 1];
    v->status = (enum order_status)v->rev->status;
    v->out = (struct json_out){.b = to, .ascii = draw_chance(v->d, "ascii", 7)};
    v->created = order->revs[0].update_time;
    v->packed = entity_time_of(order, revision, ORDER_AWAITING_COLLECTION);
    v->collected = entity_time_of(order, revision, ORDER_IN_TRANSIT);
    v->delivered = entity_time_of(order, revision, ORDER_DELIVERED);
    v->cancelled = entity_time_of(order, revision, ORDER_CANCELLED);
    view_money(v);
}

static void tracking_text(const struct view *v, unsigned package, char out[32])
{
    snprintf(out, 32, "VNSIM%05u%07u%u", v->order->shop, v->order->number, package);
}

static void package_id(const struct view *v, unsigned package, char out[24])
{
    struct draw d = draw_of(v->d.base, 8, package, 0);

    snprintf(out, 24, "1154%05u%07u%u%02u%s", v->order->shop, v->order->number, package % 10,
             (unsigned)draw_below(d, "check", 100), draw_below(d, "long", 16) ? "" : "73");
}

static unsigned package_count(const struct view *v)
{
    if (v->lines < 2 || !draw_chance(v->d, "split", 15))
        return 1;
    return v->lines > 2 && draw_chance(v->d, "split_in_three", 40) ? 3 : 2;
}

static void carrier_id(const struct view *v, char out[24])
{
    field_digits(draw_of(draw_below(v->d, "carrier", 3), 9, 0, 0), "shipping_provider_id", "6841743", out);
}

static const char *package_status(enum order_status status)
{
    switch (status) {
    case ORDER_AWAITING_COLLECTION:
        return "PROCESSING";
    case ORDER_IN_TRANSIT:
        return "FULFILLING";
    case ORDER_DELIVERED:
    case ORDER_COMPLETED:
        return "COMPLETED";
    case ORDER_CANCELLED:
        return "CANCELLED";
    default:
        return "TO_FULFILL";
    }
}

/* --- parts ---------------------------------------------------------------------------------------------- */

static void write_bundle_part(struct view *v, struct draw d, unsigned part)
{
    const struct product *p = &FIELD_PICK(d, "part", products);
    char id[24], code[48];

    field_digits(draw_of(d.base, 10, part, 0), "part_id", "5789123", id);
    json_out_open(&v->out, NULL, '{');
    json_out_text(&v->out, "currency", v->currency);
    json_out_text(&v->out, "display_status", orders_status_name(v->status));
    json_out_text(&v->out, "id", id);
    money_field(v, "original_price", v->decimals ? 1250 : 25000);
    package_id(v, 0, id);
    if (v->packed)
        json_out_text(&v->out, "package_id", id);
    json_out_text(&v->out, "package_status", package_status(v->status));
    money_field(v, "platform_discount", 0);
    field_long_id(d, "part_product", "1731300", id);
    json_out_text(&v->out, "product_id", id);
    json_out_text(&v->out, "product_name", p->name);
    money_field(v, "sale_price", v->decimals ? 1199 : 24000);
    money_field(v, "seller_discount", v->decimals ? 51 : 1000);
    snprintf(code, sizeof code, "%s-P%u", p->code, part);
    json_out_text(&v->out, "seller_sku", code);
    carrier_id(v, id);
    json_out_text(&v->out, "shipping_provider_id", id);
    json_out_text(&v->out, "shipping_provider_name", FIELD_PICK(v->d, "carrier", carriers));
    field_digits(d, "part_sku", "1731301", id);
    json_out_text(&v->out, "sku_id", id);
    json_out_text(&v->out, "sku_image", "https://img.example.test/part.jpeg?x=1&y=2");
    json_out_text(&v->out, "sku_name", p->sku);
    tracking_text(v, 0, code);
    json_out_text(&v->out, "tracking_number", v->packed ? code : "");
    render_warehouse_id(v->order, id);
    json_out_text(&v->out, "warehouse_id", id);
    json_out_close(&v->out, '}');
}

static void write_combined_skus(struct view *v, struct draw d)
{
    char id[24];
    unsigned count = 1 + (unsigned)draw_below(d, "combined", 2);

    if (!draw_chance(d, "combined_listing", 14)) {
        if (field_shape(d, "combined_listing_skus") == SHAPE_EMPTY)
            json_out_raw(&v->out, "combined_listing_skus", "[]");
        return;
    }
    json_out_open(&v->out, "combined_listing_skus", '[');
    for (unsigned i = 0; i < count; i++) {
        struct draw each = draw_of(d.base, 11, i, 0);

        json_out_open(&v->out, NULL, '{');
        field_digits(each, "product", "1731400", id);
        json_out_text(&v->out, "product_id", id);
        json_out_text(&v->out, "seller_sku", FIELD_PICK(each, "code", products).code);
        json_out_int(&v->out, "sku_count", 1 + (int64_t)draw_below(each, "count", 5));
        field_digits(each, "sku", "1731401", id);
        json_out_text(&v->out, "sku_id", id);
        json_out_close(&v->out, '}');
    }
    json_out_close(&v->out, ']');
}

static void write_item_tax(struct view *v, struct draw d, const struct line_money *line)
{
    if (!draw_chance(d, "item_tax", 18)) {
        if (field_shape(d, "item_tax") == SHAPE_NULL)
            json_out_raw(&v->out, "item_tax", "null");
        return;
    }
    json_out_open(&v->out, "item_tax", '[');
    json_out_open(&v->out, NULL, '{');
    money_field(v, "tax_amount", line->original * 8 / 100);
    json_out_text(&v->out, "tax_rate", "0.08");
    json_out_text(&v->out, "tax_type", draw_chance(d, "tax_type", 50) ? "VAT" : "SALES_TAX");
    json_out_close(&v->out, '}');
    json_out_close(&v->out, ']');
}

/* seed and index as in view_money: the line that repeats the first one has the same product, too. */
static struct draw line_draw(const struct view *v, unsigned index)
{
    return draw_of(v->d.base, 7, index == 1 && draw_chance(v->d, "two_of_one", 30) ? 0 : index, 0);
}

static void write_line_shipping(struct view *v, struct draw d, unsigned index)
{
    unsigned package = index % package_count(v);
    char id[24];

    if (v->packed || (v->status == ORDER_AWAITING_SHIPMENT && draw_chance(d, "early_package", 40))) {
        package_id(v, package, id);
        json_out_text(&v->out, "package_id", id);
    }
    json_out_text(&v->out, "package_status", package_status(v->status));
}

static void write_line(struct view *v, unsigned index)
{
    struct draw d = line_draw(v, index);
    const struct product *p = &FIELD_PICK(d, "product", products);
    const struct line_money *line = &v->line[index];
    char id[24], text[96];
    unsigned parts = draw_chance(d, "bundle", 9) ? 2 : 0;
    bool same_status = v->status != ORDER_ON_HOLD;

    json_out_open(&v->out, NULL, '{');
    spare_money_field(v, "buyer_service_fee", amount_of(v, "line_service_fee", 12, 3000));
    if (v->cancelled) {
        field_text(&v->out, d, "cancel_reason", "Khách đổi ý, không muốn mua nữa");
        json_out_text(&v->out, "cancel_user",
                      draw_chance(d, "operator", 10) ? "OPERATOR"
                      : cancelled_by_buyer(v->order) ? "BUYER"
                                                     : "SELLER");
    }
    write_combined_skus(v, d);
    json_out_text(&v->out, "currency", v->currency);
    json_out_text(&v->out, "display_status",
                  orders_status_name(same_status ? v->status : ORDER_AWAITING_SHIPMENT));
    spare_money_field(v, "gift_retail_price", line->gift);
    snprintf(text, sizeof text, "%u", 1 + (unsigned)draw_below(d, "days", 7));
    field_text(&v->out, d, "handling_duration_days", text);
    snprintf(id, sizeof id, "58%05u%07u%02u%02u", v->order->shop, v->order->number, (index + 1) % 100,
             (unsigned)draw_below(v->d, "line_check", 100));
    json_out_text(&v->out, "id", id);
    field_flag(&v->out, d, "is_dangerous_good", draw_chance(d, "dangerous", 6));
    field_flag(&v->out, d, "is_gift", line->gift > 0);
    write_item_tax(v, d, line);
    field_flag(&v->out, d, "needs_prescription", draw_chance(d, "prescription", 5));
    money_field(v, "original_price", line->original);
    write_line_shipping(v, d, index);
    money_field(v, "platform_discount", line->platform_discount);
    field_long_id(d, "product_id", "1731200300", id);
    if (v->odd && draw_chance(d, "odd_id", 30))
        json_out_raw(&v->out, "product_id", id);
    else
        json_out_text(&v->out, "product_id", id);
    json_out_text(&v->out, "product_name", p->name);
    time_field(v, "rts_time", v->packed);
    money_field(v, "sale_price", line->original - line->seller_discount - line->platform_discount);
    money_field(v, "seller_discount", line->seller_discount);
    field_text(&v->out, d, "seller_sku", p->code);
    carrier_id(v, id);
    field_id(&v->out, d, "shipping_provider_id", id);
    field_text(&v->out, d, "shipping_provider_name", FIELD_PICK(v->d, "carrier", carriers));
    field_long_id(d, "sku_id", "1731200301", id);
    json_out_text(&v->out, "sku_id", id);
    snprintf(text, sizeof text, "https://img.example.test/%s~tplv-300x300.jpeg?dr=%llu&t=555f072d", id,
             (unsigned long long)draw_below(d, "image", 100000));
    field_text(&v->out, d, "sku_image", text);
    field_text(&v->out, d, "sku_name", p->sku);
    field_text(&v->out, d, "sku_type", draw_chance(d, "sku_type_zero", 15) ? "ZERO_LOTTERY" : "NORMAL");
    if (parts) {
        json_out_open(&v->out, "sub_item_info", '[');
        for (unsigned i = 0; i < parts; i++)
            write_bundle_part(v, draw_of(d.base, 12, i, 0), i);
        json_out_close(&v->out, ']');
    }
    tracking_text(v, index % package_count(v), text);
    if (v->packed || field_shape(d, "tracking_number") != SHAPE_MISSING)
        json_out_text(&v->out, "tracking_number", v->packed ? text : "");
    json_out_close(&v->out, '}');
}

/* sub_total = original − seller − platform discount; shipping_fee = original − seller − platform discount;
 * tax = product_tax + shipping_fee_tax; total_amount = sub_total + shipping_fee + tax + retail_delivery_fee. */
static void write_payment(struct view *v)
{
    int64_t original = 0, seller = 0, platform = 0, product_tax, shipping_tax, retail, shipping, ship_seller,
            ship_platform;

    for (unsigned i = 0; i < v->lines; i++) {
        original += v->line[i].original;
        seller += v->line[i].seller_discount;
        platform += v->line[i].platform_discount;
    }
    shipping = v->decimals ? 199 + (int64_t)draw_below(v->d, "ship", 900)
                           : 500 * (int64_t)(30 + draw_below(v->d, "ship", 60));
    ship_seller = draw_chance(v->d, "ship_seller", 25) ? shipping / 4 : 0;
    ship_platform = draw_chance(v->d, "ship_platform", 50) ? shipping / 2 : 0;
    product_tax = v->decimals || draw_chance(v->d, "taxed", 15) ? (original - seller) * 8 / 100 : 0;
    shipping_tax = product_tax ? shipping / 20 : 0;
    retail = strcmp(v->currency, "USD") == 0 ? 28 : 0;
    json_out_open(&v->out, "payment", '{');
    spare_money_field(v, "buyer_service_fee", amount_of(v, "service_fee", 20, 5000));
    json_out_text(&v->out, "currency", v->currency);
    spare_money_field(v, "handling_fee",
                      amount_of(v, "handling", 15, 4000) * (draw_chance(v->d, "back", 30) ? -1 : 1));
    spare_money_field(v, "item_insurance_fee", amount_of(v, "insurance", 15, 9000));
    spare_money_field(v, "item_insurance_tax", amount_of(v, "insurance_tax", 10, 900));
    money_field(v, "original_shipping_fee", shipping);
    money_field(v, "original_total_product_price", original);
    spare_money_field(v, "payment_platform_discount", -amount_of(v, "pay_discount", 15, 30000));
    money_field(v, "platform_discount", platform);
    spare_money_field(v, "product_tax", product_tax);
    if (retail)
        money_field(v, "retail_delivery_fee", retail);
    money_field(v, "seller_discount", seller);
    money_field(v, "shipping_fee", shipping - ship_seller - ship_platform);
    spare_money_field(v, "shipping_fee_cofunded_discount", amount_of(v, "cofunded", 15, 5000));
    money_field(v, "shipping_fee_platform_discount", ship_platform);
    money_field(v, "shipping_fee_seller_discount", ship_seller);
    spare_money_field(v, "shipping_fee_tax", shipping_tax);
    spare_money_field(v, "shipping_insurance_fee", amount_of(v, "ship_insurance", 15, 2000));
    money_field(v, "sub_total", original - seller - platform);
    money_field(v, "tax", product_tax + shipping_tax);
    money_field(v, "total_amount",
                original - seller - platform + shipping - ship_seller - ship_platform + product_tax +
                    shipping_tax + retail);
    json_out_close(&v->out, '}');
}

static void write_district(struct view *v, const char *level, const char *level_name, const char *name)
{
    json_out_open(&v->out, NULL, '{');
    json_out_text(&v->out, "address_level", level);
    json_out_text(&v->out, "address_level_name", level_name);
    json_out_text(&v->out, "address_name", name);
    json_out_close(&v->out, '}');
}

/* House and street; masked: the first digits and at most nine bytes, never half a letter. */
static void street_text(unsigned house, const char *street, bool masked, char out[96])
{
    size_t keep = strlen(street) < 9 ? strlen(street) : 9;

    while (keep && ((unsigned char)street[keep] & 0xc0) == 0x80)
        keep--;
    if (masked)
        snprintf(out, 96, "%u* %.*s***", house / 10, (int)keep, street);
    else
        snprintf(out, 96, "%u %s", house, street);
}

/* Masked when the platform ships; wiped to empty texts for some cancelled orders. */
static void write_address(struct view *v)
{
    struct draw a = draw_of(v->d.base, 13, v->rev->address, 0);
    bool masked = strcmp(render_shipping_type(v->order), "SELLER") != 0;
    bool wiped = v->cancelled && draw_chance(v->d, "wiped", 50);
    const char *city = FIELD_PICK(a, "city", cities), *district = FIELD_PICK(a, "district", districts),
               *ward = FIELD_PICK(a, "ward", wards);
    const char *given = FIELD_PICK(v->d, "given", givens), *family = FIELD_PICK(v->d, "family", families);
    char detail[96], full[256], name[64], phone[32];

    street_text(1 + (unsigned)draw_below(a, "house", 300), FIELD_PICK(a, "street", streets), masked, detail);
    snprintf(full, sizeof full, "Việt Nam, %s, %s, %s, %s", city, district, ward, detail);
    snprintf(name, sizeof name, "%s %s", family, given);
    snprintf(phone, sizeof phone, masked ? "(+84)90*****%02u" : "(+84)9012345%02u",
             (unsigned)draw_below(v->d, "phone", 100));
    json_out_open(&v->out, "recipient_address", '{');
    json_out_text(&v->out, "address_detail", wiped ? "" : detail);
    field_text(&v->out, a, "address_line1", wiped ? "" : detail);
    field_text(&v->out, a, "address_line2", wiped ? "" : ward);
    field_text(&v->out, a, "address_line3", wiped ? "" : district);
    field_text(&v->out, a, "address_line4", wiped ? "" : city);
    if (draw_chance(v->d, "drop_off", 25)) {
        json_out_open(&v->out, "delivery_preferences", '{');
        json_out_text(&v->out, "drop_off_location", "Gửi ở quầy lễ tân");
        json_out_close(&v->out, '}');
    }
    json_out_open(&v->out, "district_info", '[');
    if (!wiped) {
        write_district(v, "L0", "Country", "Việt Nam");
        write_district(v, "L1", "Province", city);
        write_district(v, "L2", "District", district);
        if (draw_chance(v->d, "ward_known", 80))
            write_district(v, "L3", "Commune", ward);
        if (draw_chance(v->d, "hamlet_known", 10))
            write_district(v, "L4", "Hamlet", "Ấp 3");
    }
    json_out_close(&v->out, ']');
    field_text(&v->out, v->d, "first_name", wiped ? "" : masked ? "A***" : given);
    json_out_text(&v->out, "full_address", wiped ? "" : full);
    field_text(&v->out, v->d, "last_name", wiped ? "" : masked ? "N***" : family);
    json_out_text(&v->out, "name", wiped ? "" : masked ? "N*** A***" : name);
    json_out_text(&v->out, "phone_number", wiped ? "" : phone);
    field_text(&v->out, v->d, "postal_code", "700000");
    json_out_text(&v->out, "region_code", "VN");
    json_out_close(&v->out, '}');
}

static void write_packages(struct view *v)
{
    char id[24];

    json_out_open(&v->out, "packages", '[');
    for (unsigned i = 0; v->packed && i < package_count(v); i++) {
        package_id(v, i, id);
        json_out_open(&v->out, NULL, '{');
        json_out_text(&v->out, "id", id);
        json_out_close(&v->out, '}');
    }
    json_out_close(&v->out, ']');
}

static void write_handling(struct view *v)
{
    char days[12];

    if (!draw_chance(v->d, "handling_duration", 35))
        return;
    snprintf(days, sizeof days, "%u", 1 + (unsigned)draw_below(v->d, "handling_days", 6));
    json_out_open(&v->out, "handling_duration", '{');
    json_out_text(&v->out, "days", days);
    json_out_text(&v->out, "type", draw_chance(v->d, "handling_type", 50) ? "BUSINESS_DAY" : "CALENDAR_DAY");
    json_out_close(&v->out, '}');
}

static const char *order_type(const struct view *v)
{
    static const char *const types[] = {"PRE_ORDER",    "MADE_TO_ORDER", "BACK_ORDER",
                                        "ZERO_LOTTERY", "VIRTUAL_ORDER", ""};

    return draw_chance(v->d, "order_type", 80) ? "NORMAL" : FIELD_PICK(v->d, "order_type_rare", types);
}

/* --- the order: keys a to m, then o to z ------------------------------------------------------------- */

static void write_first_half(struct view *v)
{
    static const char *const messages[] = {
        "Giao giờ hành chính giúp mình", "Shop gói kỹ giúp em nhé 🙏\nCảm ơn shop!",
        "Gọi trước khi giao: \"số phụ\" ở mặt sau\t(kiện \\ hộp)", "Đừng bấm chuông ạ 👶"};
    bool cod = draw_chance(v->d, "is_cod", 40), pickup = draw_chance(v->d, "pickup_point", 12);
    char id[24];

    field_text(&v->out, v->d, "buyer_email", "v3ry-l0ng.h1dden@scs.example.test");
    field_text(&v->out, v->d, "buyer_message", FIELD_PICK(v->d, "message", messages));
    plan_field(v, "cancel_order_sla_time", 4 * 86400);
    if (v->cancelled)
        field_text(&v->out, v->d, "cancel_reason", "Khách đổi ý, không muốn mua nữa");
    time_field(v, "cancel_time", v->cancelled);
    if (v->cancelled)
        json_out_text(&v->out, "cancellation_initiator",
                      cancelled_by_buyer(v->order)         ? "BUYER"
                      : draw_chance(v->d, "by_system", 50) ? "SYSTEM"
                                                           : "SELLER");
    plan_field(v, "collection_due_time", 3 * 86400);
    time_field(v, "collection_time", v->collected);
    field_text(&v->out, v->d, "commerce_platform", "TIKTOK_SHOP");
    json_out_int(&v->out, "create_time", v->created);
    plan_field(v, "delivery_due_time", 8 * 86400);
    field_digits(draw_of(draw_below(v->d, "option", 4), 14, 0, 0), "delivery_option", "7091146", id);
    field_id(&v->out, v->d, "delivery_option_id", id);
    field_text(&v->out, v->d, "delivery_option_name",
               draw_chance(v->d, "fast", 20) ? "Giao hàng hỏa tốc" : "Vận chuyển tiêu chuẩn");
    plan_field(v, "delivery_option_required_delivery_time", 7 * 86400);
    plan_field(v, "delivery_sla_time", 9 * 86400);
    time_field(v, "delivery_time", v->delivered);
    field_text(&v->out, v->d, "delivery_type", pickup ? "COLLECTION_POINT" : "HOME_DELIVERY");
    field_digits(v->d, "exchange_source", "5771", id);
    id[18] = '\0';
    if (draw_chance(v->d, "exchange", 6))
        json_out_text(&v->out, "exchange_source_order_id", id);
    else if (field_shape(v->d, "exchange_source_order_id") == SHAPE_ZERO)
        json_out_text(&v->out, "exchange_source_order_id", "0");
    plan_field(v, "fast_dispatch_sla_time", 86400);
    if (draw_chance(v->d, "priority", 30))
        json_out_int(&v->out, "fulfillment_priority_level", 1 + (int64_t)draw_below(v->d, "level", 3));
    field_text(&v->out, v->d, "fulfillment_type",
               draw_chance(v->d, "by_platform", 10) ? "FULFILLMENT_BY_TIKTOK" : "FULFILLMENT_BY_SELLER");
    write_handling(v);
    field_flag(&v->out, v->d, "has_updated_recipient_address", v->rev->address > 0);
    json_out_text(&v->out, "id", v->order->id);
    json_out_bool(&v->out, "is_buyer_request_cancel", render_cancel_requested(v->order, v->revision));
    json_out_bool(&v->out, "is_cod", cod);
    field_flag(&v->out, v->d, "is_exchange_order", draw_chance(v->d, "exchange", 6));
    json_out_bool(&v->out, "is_on_hold_order", v->status == ORDER_ON_HOLD);
    field_flag(&v->out, v->d, "is_replacement_order", draw_chance(v->d, "replaced", 6));
    field_flag(&v->out, v->d, "is_sample_order", draw_chance(v->d, "sample", 6));
    if (draw_chance(v->d, "subscription_known", 60))
        json_out_bool(&v->out, "is_subscription_order", draw_chance(v->d, "subscription", 12));
    json_out_open(&v->out, "line_items", '[');
    for (unsigned i = 0; i < v->lines; i++)
        write_line(v, i);
    json_out_close(&v->out, ']');
}

/* The first revision after UNPAID that is not a cancellation. */
static int64_t paid_time(const struct view *v)
{
    for (uint32_t i = 1; i < v->revision && v->order->revs[0].status == ORDER_UNPAID; i++) {
        if (v->order->revs[i].status != ORDER_UNPAID && v->order->revs[i].status != ORDER_CANCELLED)
            return v->order->revs[i].update_time;
    }
    return 0;
}

static void write_second_half(struct view *v)
{
    static const char *const methods[] = {"Ví điện tử Mẫu", "Thẻ nội địa", "Credit/Debit Card", "Trả góp 0%"};
    char id[24], text[96];

    json_out_text(&v->out, "order_type", order_type(v));
    write_packages(v);
    time_field(v, "paid_time", paid_time(v));
    write_payment(v);
    field_text(&v->out, v->d, "payment_method_name",
               draw_chance(v->d, "is_cod", 40) ? "Thanh toán khi nhận hàng"
                                               : FIELD_PICK(v->d, "method", methods));
    plan_field(v, "pick_up_cut_off_time", 2 * 86400);
    if (v->status != ORDER_UNPAID && v->status != ORDER_ON_HOLD)
        write_address(v);
    if (draw_chance(v->d, "recommended", 40))
        json_out_int(&v->out, "recommended_shipping_time", v->created + 86400);
    time_field(v, "release_date", draw_chance(v->d, "release", 10) ? v->created + 20 * 86400 : 0);
    field_digits(v->d, "replaced_id", "5772", id);
    id[18] = '\0';
    if (draw_chance(v->d, "replaced", 6))
        json_out_text(&v->out, "replaced_order_id", id);
    time_field(v, "request_cancel_time",
               render_cancel_requested(v->order, v->revision) ? v->order->revs[v->revision - 1].update_time
                                                              : 0);
    plan_field(v, "rts_sla_time", 2 * 86400 + 86399);
    time_field(v, "rts_time", v->packed);
    if (v->rev->note) {
        snprintf(text, sizeof text, "Ghi chú lần %u: đã gọi khách ✅", v->rev->note);
        json_out_text(&v->out, "seller_note", text);
    } else {
        field_text(&v->out, v->d, "seller_note", "Khách quen, tặng kèm thiệp");
    }
    plan_field(v, "shipping_due_time", 2 * 86400);
    field_text(&v->out, v->d, "shipping_provider", FIELD_PICK(v->d, "carrier", carriers));
    carrier_id(v, id);
    field_id(&v->out, v->d, "shipping_provider_id", id);
    json_out_text(&v->out, "shipping_type", render_shipping_type(v->order));
    if (package_count(v) > 1 || draw_chance(v->d, "combined_order", 6))
        json_out_text(&v->out, "split_or_combine_tag", package_count(v) > 1 ? "SPLIT" : "COMBINED");
    json_out_text(&v->out, "status", orders_status_name(v->status));
    tracking_text(v, 0, text);
    json_out_text(&v->out, "tracking_number", v->packed ? text : "");
    plan_field(v, "tts_sla_time", 3 * 86400 + 86399);
    json_out_int(&v->out, "update_time", v->rev->update_time);
    render_user_id(v->order, id);
    json_out_text(&v->out, "user_id", id);
    render_warehouse_id(v->order, id);
    field_id(&v->out, v->d, "warehouse_id", id);
}

void render_order(const struct sim *sim, const struct entity *order, uint32_t revision, struct buf *to)
{
    struct view v;

    view_init(&v, sim, order, revision, to);
    json_out_open(&v.out, NULL, '{');
    write_first_half(&v);
    write_second_half(&v);
    json_out_close(&v.out, '}');
}

/* --- facts for the documents about an order ---------------------------------------------------------------- */

static void line_facts(const struct view *v, unsigned index, struct order_line *line)
{
    struct draw d = line_draw(v, index);
    const struct product *p = &FIELD_PICK(d, "product", products);
    const struct line_money *money = &v->line[index];

    snprintf(line->id, sizeof line->id, "58%05u%07u%02u%02u", v->order->shop, v->order->number,
             (index + 1) % 100, (unsigned)draw_below(v->d, "line_check", 100));
    field_long_id(d, "sku_id", "1731200301", line->sku_id);
    line->product_name = p->name;
    line->sku_name = p->sku;
    line->seller_sku = p->code;
    line->original = money->original;
    line->seller_discount = money->seller_discount;
    line->sale = money->original - money->seller_discount - money->platform_discount;
    line->package = index % package_count(v);
}

void render_facts(const struct sim *sim, const struct entity *order, struct order_facts *out)
{
    struct view v;

    view_init(&v, sim, order, order->revisions, NULL);
    *out = (struct order_facts){.lines = v.lines, .currency = v.currency, .decimals = v.decimals};
    for (unsigned i = 0; i < v.lines; i++)
        line_facts(&v, i, &out->line[i]);
    out->packages = package_count(&v);
    for (unsigned i = 0; i < out->packages; i++) {
        package_id(&v, i, out->package[i].id);
        tracking_text(&v, i, out->package[i].tracking);
    }
    carrier_id(&v, out->carrier_id);
    out->carrier = FIELD_PICK(v.d, "carrier", carriers);
    out->paid = paid_time(&v);
}

const char *render_package_status(enum order_status status)
{
    return package_status(status);
}
