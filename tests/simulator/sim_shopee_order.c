/* sim_shopee_order.c - orders with their packages and tracking: see sim_shopee_render.h.
 *
 * Why so: the fields stand in the order the platform documents them. Those nobody can ask for by name come with
 * the one they belong to (reverse_shipping_fee with actual_shipping_fee, …). */
#include <stdio.h>
#include <string.h>

#include "sim_shopee_parts.h"
#include "sim_shopee_render.h"
#include "sim_state.h"

#define DAY 86400

static const char *const field_names[] = {
    "buyer_user_id",
    "buyer_username",
    "estimated_shipping_fee",
    "recipient_address",
    "actual_shipping_fee",
    "goods_to_declare",
    "note",
    "note_update_time",
    "item_list",
    "pay_time",
    "dropshipper",
    "dropshipper_phone",
    "split_up",
    "buyer_cancel_reason",
    "cancel_by",
    "cancel_reason",
    "actual_shipping_fee_confirmed",
    "buyer_cpf_id",
    "fulfillment_flag",
    "pickup_done_time",
    "package_list",
    "shipping_carrier",
    "payment_method",
    "total_amount",
    "invoice_data",
    "order_chargeable_weight_gram",
    "return_request_due_date",
    "edt",
    "payment_info",
    "international_label",
};
static const char *const carriers[] = {"SPX Express", "Giao Hàng Mẫu", "Ninja Sample", "Standard Delivery"};
static const char *const methods[] = {"ShopeePay", "Credit/Debit Card", "Bank Transfer", "SPayLater"};
static const char *const cancellers[] = {"buyer", "seller", "system", "Ops"};
static const char *const reasons[] = {"CHANGE_MIND", "OUT_OF_STOCK", "UNDELIVERABLE_AREA", "BUYER_REQUEST"};

bool shopee_order_field(const char *name, size_t length, uint64_t *bit)
{
    for (size_t i = 0; i < sizeof field_names / sizeof *field_names; i++) {
        if (strlen(field_names[i]) == length && memcmp(field_names[i], name, length) == 0) {
            *bit = UINT64_C(1) << i;
            return true;
        }
    }
    return false;
}

uint64_t shopee_all_order_fields(void)
{
    return (UINT64_C(1) << (sizeof field_names / sizeof *field_names)) - 1;
}

bool shopee_all_shown(uint64_t fields)
{
    uint64_t label = 0;

    /* This one can be asked for, but what it would show is not documented, so it shows nothing. */
    return shopee_order_field("international_label", 19, &label) &&
           (fields | label) == shopee_all_order_fields();
}

/* name must be one of the table. */
static bool asked(uint64_t fields, const char *name)
{
    uint64_t bit = 0;

    return shopee_order_field(name, strlen(name), &bit) && (fields & bit);
}

int64_t shopee_created(const struct entity *entity)
{
    return entity->revs[0].update_time;
}

/* --- packages ------------------------------------------------------------------------------------------- */

static bool is_cod(const struct entity *order)
{
    return order->revs[0].status != SHOPEE_UNPAID;
}

/* Changes of tracking so far that were about this package and of this sort (0: number, 1: status, 2: dates). */
static uint32_t track_count(const struct entity *order, uint32_t revision, unsigned package, unsigned sort)
{
    uint32_t changes = shopee_steps(order, revision, SHOPEE_STEP_TRACK), n = 0;

    for (uint32_t nth = 1; nth <= changes; nth++)
        n += (nth - 1) % 3 == sort && shopee_track_package(order, nth) == package;
    return n;
}

const char *shopee_logistics_status(const struct entity *order, uint32_t revision, unsigned package)
{
    static const char *const moved[] = {"LOGISTICS_PICKUP_DONE", "LOGISTICS_PICKUP_RETRY",
                                        "LOGISTICS_DELIVERY_FAILED", "LOGISTICS_LOST"};
    uint32_t count = track_count(order, revision, package, 1);

    switch (order->revs[revision - 1].status) {
    case SHOPEE_UNPAID:
    case SHOPEE_PENDING:
        return "LOGISTICS_NOT_START";
    case SHOPEE_READY_TO_SHIP:
        return count ? moved[count % 4] : "LOGISTICS_READY";
    case SHOPEE_PROCESSED:
    case SHOPEE_IN_CANCEL:
        return count ? moved[count % 4] : "LOGISTICS_REQUEST_CREATED";
    case SHOPEE_RETRY_SHIP:
        return count ? moved[count % 4] : "LOGISTICS_PICKUP_FAILED";
    case SHOPEE_SHIPPED:
        return count ? moved[count % 4] : "LOGISTICS_PICKUP_DONE";
    case SHOPEE_CANCELLED:
        return entity_time_of(order, revision, SHOPEE_PROCESSED) ? "LOGISTICS_REQUEST_CANCELED"
                                                                 : "LOGISTICS_INVALID";
    default:
        return "LOGISTICS_DELIVERY_DONE";
    }
}

void shopee_tracking_number(const struct entity *order, uint32_t revision, unsigned package, char out[32])
{
    uint32_t given = track_count(order, revision, package, 0);
    struct draw d = draw_of(order->draw.base, 10, package, given);

    if (given || entity_time_of(order, revision, SHOPEE_PROCESSED))
        snprintf(out, 32, "SPXVN%011lluA", (unsigned long long)draw_below(d, "tracking", 100000000000));
    else
        out[0] = '\0';
}

int64_t shopee_ship_by(const struct entity *order, uint32_t revision, unsigned package)
{
    return shopee_created(order) + 2 * DAY + (int64_t)track_count(order, revision, package, 2) * DAY;
}

int64_t shopee_channel(const struct entity *order, unsigned package)
{
    return 50020 + (int64_t)draw_below(draw_of(order->draw.base, 11, package, 0), "channel", 5);
}

static const char *carrier_of(const struct entity *order, unsigned package)
{
    return PICK(draw_of(order->draw.base, 11, package, 0), "carrier", carriers);
}

static int64_t group_of(const struct entity *order, unsigned package)
{
    struct draw d = draw_of(order->draw.base, 12, package, 0);

    return draw_chance(d, "group", 60) ? 7000000000 + (int64_t)draw_below(d, "group_id", 999999999) : 0;
}

static void write_location(const struct entity *order, struct json_out *out, const char *key)
{
    char text[16];

    snprintf(text, sizeof text, "VN%02uAX%uQK", 10 + (unsigned)draw_below(order->draw, "location", 80),
             order->shop % 10);
    json_out_text(out, key, text);
}

/* The lines of an order that lie in a package: line n in package n modulo their number. */
static void write_package_items(struct view *v, const struct entity *order, unsigned package,
                                unsigned packages)
{
    json_out_open(&v->out, "item_list", '[');
    for (unsigned n = 0; n < part_lines(order); n++) {
        struct part_line line;

        if (n % packages != package)
            continue;
        part_line(v, order, n, &line);
        json_out_open(&v->out, NULL, '{');
        json_out_int(&v->out, "item_id", line.item_id);
        json_out_int(&v->out, "model_id", line.model_id);
        json_out_int(&v->out, "model_quantity", line.quantity);
        json_out_int(&v->out, "order_item_id", line.order_item_id);
        part_int(v, draw_of(v->d.base, 13, n, 0), "promotion_group_id", 3 + n);
        write_location(order, &v->out, "product_location_id");
        json_out_close(&v->out, '}');
    }
    json_out_close(&v->out, ']');
}

static void write_package(struct view *v, unsigned package, unsigned packages)
{
    char number[SHOPEE_PACKAGE_NUMBER];
    struct draw d = draw_of(v->d.base, 14, package, 0);

    shopee_package_number(v->entity, package, number);
    json_out_open(&v->out, NULL, '{');
    json_out_text(&v->out, "package_number", number);
    json_out_text(&v->out, "logistics_status", shopee_logistics_status(v->entity, v->revision, package));
    json_out_int(&v->out, "logistics_channel_id", shopee_channel(v->entity, package));
    part_text(v, d, "shipping_carrier", carrier_of(v->entity, package));
    part_flag(v, d, "allow_self_design_awb", draw_chance(d, "awb", 50));
    part_int(v, d, "parcel_chargeable_weight_gram", 100 + (int64_t)draw_below(d, "gram", 5000));
    part_int(v, d, "group_shipment_id", group_of(v->entity, package));
    write_package_items(v, v->entity, package, packages);
    json_out_close(&v->out, '}');
}

void shopee_render_package(const struct sim *sim, const struct entity *order, uint32_t revision,
                           unsigned package, struct buf *to)
{
    struct view v;
    char text[32];
    unsigned packages = shopee_packages(order, revision);
    struct draw d = draw_of(order->draw.base, 14, package, 0);
    int64_t shipped = entity_time_of(order, revision, SHOPEE_SHIPPED);

    view_init(&v, sim, order, revision, to);
    json_out_open(&v.out, NULL, '{');
    json_out_text(&v.out, "order_sn", order->id);
    shopee_package_number(order, package, text);
    json_out_text(&v.out, "package_number", text);
    json_out_text(&v.out, "fulfillment_status", shopee_logistics_status(order, revision, package));
    json_out_int(&v.out, "update_time", shopee_package_time(sim, order, revision));
    json_out_int(&v.out, "logistics_channel_id", shopee_channel(order, package));
    part_text(&v, d, "shipping_carrier", carrier_of(order, package));
    part_int(&v, d, "group_shipment_id", group_of(order, package));
    json_out_int(&v.out, "ship_by_date", shopee_ship_by(order, revision, package));
    part_int(&v, d, "pickup_done_time", shipped);
    shopee_tracking_number(order, revision, package, text);
    json_out_text(&v.out, "tracking_number", text);
    json_out_bool(&v.out, "is_split_up", packages > 1);
    part_address(&v, "recipient_address", order, v.rev->address);
    write_package_items(&v, order, package, packages);
    json_out_close(&v.out, '}');
}

/* --- tracking events -------------------------------------------------------------------------------------- */

/* What carriers call the steps of an order; NULL: no event. */
static const char *event_of(unsigned status, const char **description)
{
    static const struct {
        const char *status, *description;
    } events[SHOPEE_ORDER_STATUSES] = {
        [SHOPEE_READY_TO_SHIP] = {"ORDER_CREATED", "Người gửi đang chuẩn bị hàng"},
        [SHOPEE_PROCESSED] = {"PICKUP_REQUESTED", "Đơn vị vận chuyển đã được báo"},
        [SHOPEE_RETRY_SHIP] = {"PICKUP_RETRY", "Lấy hàng không thành công"},
        [SHOPEE_SHIPPED] = {"PICKED_UP", "Đã lấy hàng"},
        [SHOPEE_TO_CONFIRM_RECEIVE] = {"DELIVERED", "Giao hàng thành công"},
        [SHOPEE_TO_RETURN] = {"RETURN_INITIATED", "Yêu cầu trả hàng"},
        [SHOPEE_CANCELLED] = {"CANCELED", "Đã hủy"},
    };

    *description = events[status].description;
    return events[status].status;
}

static void write_event(struct view *v, int64_t at, const char *status, const char *description, uint32_t n)
{
    struct draw d = draw_of(v->d.base, 15, n, 0);

    json_out_open(&v->out, NULL, '{');
    json_out_int(&v->out, "update_time", at);
    part_text(v, d, "description", description);
    json_out_text(&v->out, "logistics_status", status);
    part_text(v, d, "return_code", "F03");
    json_out_close(&v->out, '}');
}

/* Newest first. */
static void write_events(struct view *v, unsigned package)
{
    static const char *const moved[] = {"DELIVERY_PENDING", "FAILED_DELIVERED", "UPDATE_TIMEOUT", "LOST"};
    const struct entity *order = v->entity;
    const struct entity *tracking = entity_ever(v->sim, KIND_TRACKING, order->shop, order->number);
    uint32_t track = shopee_steps(order, v->revision, SHOPEE_STEP_TRACK);
    const char *description, *status;

    for (uint32_t i = v->revision; i-- > 0;) {
        const struct rev *rev = &order->revs[i];

        if (rev->what == SHOPEE_STEP_TRACK) {
            if (shopee_track_package(order, track) == package)
                write_event(v, tracking->revs[track - 1].update_time, moved[track % 4], "Đang vận chuyển 🚚",
                            i);
            track--;
        } else if (rev->what == SHOPEE_STEP_STATUS && (status = event_of(rev->status, &description))) {
            write_event(v, rev->update_time, status, description, i);
        }
    }
}

void shopee_render_tracking(const struct sim *sim, const struct entity *order, uint32_t revision,
                            unsigned package, struct buf *to)
{
    struct view v;
    char text[32];
    int64_t returned = entity_time_of(order, revision, SHOPEE_TO_RETURN);

    view_init(&v, sim, order, revision, to);
    json_out_open(&v.out, NULL, '{');
    json_out_text(&v.out, "order_sn", order->id);
    shopee_package_number(order, package, text);
    json_out_text(&v.out, "package_number", text);
    json_out_text(&v.out, "logistics_status", shopee_logistics_status(order, revision, package));
    json_out_open(&v.out, "tracking_info", '[');
    write_events(&v, package);
    json_out_close(&v.out, ']');
    if (returned) {
        snprintf(text, sizeof text, "RVN%09u", (unsigned)draw_below(v.d, "reversed", 1000000000));
        json_out_text(&v.out, "reversed_tracking_number", text);
        json_out_open(&v.out, "reversed_tracking_info", '[');
        write_event(&v, returned, "RETURN_STARTED", "Hàng trả đang về", 99);
        json_out_close(&v.out, ']');
    }
    json_out_close(&v.out, '}');
}

/* --- orders ------------------------------------------------------------------------------------------------ */

static void write_promotions(struct view *v, const struct part_line *line)
{
    json_out_open(&v->out, "promotion_list", '[');
    if (*line->promotion) {
        json_out_open(&v->out, NULL, '{');
        json_out_text(&v->out, "promotion_type", line->promotion);
        json_out_int(&v->out, "promotion_id", line->promotion_id);
        json_out_close(&v->out, '}');
    }
    json_out_close(&v->out, ']');
}

static void write_line_counts(struct view *v, struct draw d, const struct part_line *line)
{
    bool cancelled = v->rev->status == SHOPEE_CANCELLED;
    bool returned = entity_time_of(v->entity, v->revision, SHOPEE_TO_RETURN) != 0;

    part_int(v, d, "active_qty", cancelled ? 0 : line->quantity);
    part_int(v, d, "cancel_requested_qty", v->rev->status == SHOPEE_IN_CANCEL ? line->quantity : 0);
    part_int(v, d, "cancelled_qty", cancelled ? line->quantity : 0);
    part_int(v, d, "return_requested_qty", v->rev->status == SHOPEE_TO_RETURN ? line->quantity : 0);
    part_int(v, d, "returned_qty", returned && v->rev->status == SHOPEE_COMPLETED ? line->quantity : 0);
}

static void write_line(struct view *v, unsigned n)
{
    struct draw d = draw_of(v->d.base, 16, n, 0);
    struct part_line line;
    char text[64];

    part_line(v, v->entity, n, &line);
    json_out_open(&v->out, NULL, '{');
    json_out_int(&v->out, "item_id", line.item_id);
    json_out_text(&v->out, "item_name", line.item);
    part_text(v, d, "item_sku", line.sku);
    json_out_int(&v->out, "model_id", line.model_id);
    json_out_text(&v->out, "model_name", line.model);
    snprintf(text, sizeof text, "%s-%u", line.sku, n);
    part_text(v, d, "model_sku", line.model_id ? text : "");
    json_out_int(&v->out, "model_quantity_purchased", line.quantity);
    part_money(v, "model_original_price", line.original);
    part_money(v, "model_discounted_price", line.discounted);
    part_flag(v, d, "wholesale", draw_chance(d, "is_wholesale", 20));
    snprintf(text, sizeof text, "%lld.%03lld", (long long)(line.gram / 1000), (long long)(line.gram % 1000));
    json_out_raw(&v->out, "weight", text);
    part_flag(v, d, "add_on_deal", strcmp(line.promotion, "add_on_deal") == 0);
    part_flag(v, d, "main_item", draw_chance(d, "is_main", 50));
    part_int(v, d, "add_on_deal_id", strcmp(line.promotion, "add_on_deal") == 0 ? line.promotion_id + 1 : 0);
    json_out_text(&v->out, "promotion_type", line.promotion);
    json_out_int(&v->out, "promotion_id", line.promotion_id);
    json_out_int(&v->out, "order_item_id", line.order_item_id);
    json_out_int(&v->out, "line_item_id", line.line_item_id);
    part_int(v, d, "promotion_group_id", 3 + n);
    write_line_counts(v, d, &line);
    json_out_open(&v->out, "image_info", '{');
    snprintf(text, sizeof text, "https://cf.example.test/i%lld", (long long)line.item_id);
    part_text(v, d, "image_url", text);
    json_out_close(&v->out, '}');
    json_out_open(&v->out, "product_location_id", '[');
    write_location(v->entity, &v->out, NULL);
    json_out_close(&v->out, ']');
    write_promotions(v, &line);
    json_out_close(&v->out, '}');
}

static int64_t shipping_fee(const struct view *v)
{
    return part_amount(v, v->d, "shipping_fee", 0, 60);
}

static int64_t total_amount(const struct view *v)
{
    int64_t total = shipping_fee(v);

    for (unsigned n = 0; n < part_lines(v->entity); n++) {
        struct part_line line;

        part_line(v, v->entity, n, &line);
        total += line.quantity * line.discounted;
    }
    return total;
}

static void write_always(struct view *v, bool pending)
{
    unsigned status = v->rev->status;
    char text[32];

    json_out_text(&v->out, "order_sn", v->entity->id);
    json_out_text(&v->out, "region", v->region);
    json_out_text(&v->out, "currency", v->currency);
    json_out_bool(&v->out, "cod", is_cod(v->entity));
    json_out_text(
        &v->out, "order_status",
        shopee_status_word(KIND_ORDER, status == SHOPEE_PENDING && !pending ? SHOPEE_READY_TO_SHIP : status));
    if (status == SHOPEE_PENDING && pending) {
        json_out_open(&v->out, "pending_terms", '[');
        json_out_text(&v->out, NULL, "SYSTEM_PENDING");
        if (draw_chance(v->d, "kyc", 50))
            json_out_text(&v->out, NULL, "KYC_PENDING");
        json_out_close(&v->out, ']');
    }
    json_out_int(&v->out, "create_time", shopee_created(v->entity));
    json_out_int(&v->out, "update_time", v->rev->update_time);
    json_out_int(&v->out, "days_to_ship", 1 + (int64_t)draw_below(v->d, "days_to_ship", 4));
    json_out_int(&v->out, "ship_by_date", shopee_ship_by(v->entity, v->revision, 0));
    part_text(v, v->d, "message_to_seller", "Giao giờ hành chính, \"gọi trước\"");
    if (draw_chance(v->d, "advance", 12)) {
        snprintf(text, sizeof text, "BK%012llu",
                 (unsigned long long)draw_below(v->d, "booking", 1000000000000));
        json_out_text(&v->out, "booking_sn", text);
    }
}

static void write_buyer(struct view *v, uint64_t fields)
{
    char text[32];

    if (asked(fields, "buyer_user_id"))
        json_out_int(&v->out, "buyer_user_id",
                     900000000 + (int64_t)draw_below(v->d, "buyer_user_id", 9000000000));
    part_buyer(v->entity, text);
    if (asked(fields, "buyer_username"))
        json_out_text(&v->out, "buyer_username", text);
    if (asked(fields, "recipient_address"))
        part_address(v, "recipient_address", v->entity, v->rev->address);
    snprintf(text, sizeof text, "%011llu", (unsigned long long)draw_below(v->d, "cpf", 100000000000));
    if (asked(fields, "buyer_cpf_id"))
        part_text_or_null(v, "buyer_cpf_id", strcmp(v->region, "BR") == 0 ? text : NULL);
    if (asked(fields, "dropshipper"))
        part_text_or_null(v, "dropshipper", draw_chance(v->d, "dropshipper", 20) ? "Drop Mẫu" : NULL);
    if (asked(fields, "dropshipper_phone"))
        part_text_or_null(v, "dropshipper_phone", draw_chance(v->d, "dropshipper", 20) ? "******77" : NULL);
}

static void write_money(struct view *v, uint64_t fields)
{
    bool shipped = entity_time_of(v->entity, v->revision, SHOPEE_SHIPPED) != 0;
    bool returned = entity_time_of(v->entity, v->revision, SHOPEE_TO_RETURN) != 0;

    if (asked(fields, "total_amount"))
        part_money(v, "total_amount", total_amount(v));
    if (asked(fields, "estimated_shipping_fee"))
        part_money(v, "estimated_shipping_fee", shipping_fee(v));
    if (asked(fields, "actual_shipping_fee")) {
        part_money(v, "actual_shipping_fee", shipped ? shipping_fee(v) : 0);
        part_money(v, "reverse_shipping_fee", returned ? shipping_fee(v) / 2 : 0);
    }
    if (asked(fields, "actual_shipping_fee_confirmed"))
        json_out_bool(&v->out, "actual_shipping_fee_confirmed", shipped);
    if (asked(fields, "payment_method"))
        json_out_text(&v->out, "payment_method",
                      is_cod(v->entity) ? "Cash on Delivery" : PICK(v->d, "payment_method", methods));
    if (asked(fields, "payment_info") && strcmp(v->region, "BR") == 0) {
        json_out_open(&v->out, "payment_info", '[');
        json_out_open(&v->out, NULL, '{');
        json_out_text(&v->out, "payment_method", "Cartão de Crédito");
        json_out_text(&v->out, "payment_processor_register", "22896431000110");
        json_out_text(&v->out, "card_brand", "visa");
        json_out_text(&v->out, "transaction_id", v->entity->id);
        part_money(v, "payment_amount", total_amount(v));
        json_out_close(&v->out, '}');
        json_out_close(&v->out, ']');
    }
}

static void write_times(struct view *v, uint64_t fields)
{
    const struct entity *order = v->entity;
    int64_t delivered = entity_time_of(order, v->revision, SHOPEE_TO_CONFIRM_RECEIVE);
    int64_t paid = 0;

    for (uint32_t i = 0; i < v->revision && !paid && !is_cod(order); i++)
        paid = order->revs[i].status != SHOPEE_UNPAID && order->revs[i].status != SHOPEE_CANCELLED
                   ? order->revs[i].update_time
                   : 0;
    if (asked(fields, "pay_time") && paid)
        json_out_int(&v->out, "pay_time", paid);
    else if (asked(fields, "pay_time"))
        json_out_raw(&v->out, "pay_time", "null");
    if (asked(fields, "pickup_done_time"))
        json_out_int(&v->out, "pickup_done_time", entity_time_of(order, v->revision, SHOPEE_SHIPPED));
    if (asked(fields, "return_request_due_date"))
        part_int(v, v->d, "return_request_due_date", delivered ? delivered + 15 * DAY : 0);
    if (asked(fields, "edt")) {
        part_int(v, v->d, "edt_from", shopee_created(order) + 3 * DAY);
        part_int(v, v->d, "edt_to", shopee_created(order) + 5 * DAY);
    }
}

static void write_note(struct view *v, uint64_t fields)
{
    int64_t at = 0;
    char text[64];

    for (uint32_t i = 0; i < v->revision; i++)
        at = v->entity->revs[i].what == SHOPEE_STEP_NOTE ? v->entity->revs[i].update_time : at;
    snprintf(text, sizeof text, "Ghi chú %u ✓", v->rev->note);
    if (asked(fields, "note"))
        json_out_text(&v->out, "note", v->rev->note ? text : "");
    if (asked(fields, "note_update_time"))
        json_out_int(&v->out, "note_update_time", at);
}

static void write_cancel(struct view *v, uint64_t fields)
{
    bool asked_for = entity_time_of(v->entity, v->revision, SHOPEE_IN_CANCEL) != 0;
    bool over = asked_for || v->rev->status == SHOPEE_CANCELLED;

    if (asked(fields, "buyer_cancel_reason"))
        json_out_text(&v->out, "buyer_cancel_reason", asked_for ? PICK(v->d, "buyer_reason", reasons) : "");
    if (asked(fields, "cancel_by"))
        json_out_text(&v->out, "cancel_by",
                      !over       ? ""
                      : asked_for ? "buyer"
                                  : PICK(v->d, "cancel_by", cancellers));
    if (asked(fields, "cancel_reason"))
        json_out_text(&v->out, "cancel_reason", over ? PICK(v->d, "cancel_reason", reasons) : "");
}

static void write_invoice(struct view *v)
{
    char text[64];

    if (strcmp(v->region, "BR") != 0 || v->rev->status < SHOPEE_PROCESSED) {
        json_out_raw(&v->out, "invoice_data", "null");
        return;
    }
    json_out_open(&v->out, "invoice_data", '{');
    snprintf(text, sizeof text, "%09u", (unsigned)draw_below(v->d, "invoice", 1000000000));
    json_out_text(&v->out, "number", text);
    json_out_text(&v->out, "series_number", "1");
    json_out_text(&v->out, "access_key", "35200714200166000187550010000000046550010001");
    json_out_int(&v->out, "issue_date", shopee_created(v->entity) + 3600);
    part_money(v, "total_value", total_amount(v));
    part_money(v, "products_total_value", total_amount(v) - shipping_fee(v));
    json_out_text(&v->out, "tax_code", "5102");
    json_out_close(&v->out, '}');
}

static void write_shipping(struct view *v, uint64_t fields)
{
    static const char *const flags[] = {"fulfilled_by_local_seller", "fulfilled_by_shopee",
                                        "fulfilled_by_cb_seller"};

    if (asked(fields, "goods_to_declare"))
        part_flag(v, v->d, "goods_to_declare", draw_chance(v->d, "declare", 30));
    if (asked(fields, "split_up"))
        json_out_bool(&v->out, "split_up", shopee_packages(v->entity, v->revision) > 1);
    if (asked(fields, "fulfillment_flag"))
        json_out_text(&v->out, "fulfillment_flag", PICK(v->d, "flag", flags));
    if (asked(fields, "shipping_carrier")) {
        part_text(v, v->d, "shipping_carrier", carrier_of(v->entity, 0));
        part_text(v, v->d, "checkout_shipping_carrier", PICK(v->d, "checkout", carriers));
    }
    if (asked(fields, "order_chargeable_weight_gram"))
        part_int(v, v->d, "order_chargeable_weight_gram", 100 + (int64_t)draw_below(v->d, "gram", 9000));
    if (asked(fields, "invoice_data"))
        write_invoice(v);
}

static void write_lists(struct view *v, uint64_t fields)
{
    unsigned packages = shopee_packages(v->entity, v->revision);

    if (asked(fields, "item_list")) {
        json_out_open(&v->out, "item_list", '[');
        for (unsigned n = 0; n < part_lines(v->entity); n++)
            write_line(v, n);
        json_out_close(&v->out, ']');
        part_flag(v, v->d, "can_full_cancel_order", v->rev->status < SHOPEE_SHIPPED);
        part_flag(v, v->d, "can_partial_cancel_order", v->rev->status == SHOPEE_READY_TO_SHIP);
    }
    if (asked(fields, "package_list")) {
        part_flag(v, v->d, "advance_package", draw_chance(v->d, "advance", 12));
        json_out_open(&v->out, "package_list", '[');
        for (unsigned p = 0; p < packages; p++)
            write_package(v, p, packages);
        json_out_close(&v->out, ']');
    }
}

void shopee_render_order(const struct sim *sim, const struct entity *order, uint32_t revision,
                         uint64_t fields, bool pending, struct buf *to)
{
    struct view v;

    view_init(&v, sim, order, revision, to);
    json_out_open(&v.out, NULL, '{');
    write_always(&v, pending);
    write_money(&v, fields);
    write_times(&v, fields);
    write_buyer(&v, fields);
    write_note(&v, fields);
    write_cancel(&v, fields);
    write_shipping(&v, fields);
    write_lists(&v, fields);
    json_out_close(&v.out, '}');
}
