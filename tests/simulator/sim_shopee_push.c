/* sim_shopee_push.c - see sim_shopee_push.h. */
#include "sim_shopee_push.h"

#include <stdio.h>
#include <string.h>

#include "sim_buf.h"
#include "sim_shopee_config.h"
#include "sim_shopee_parts.h"
#include "sim_shopee_render.h"
#include "sim_state.h"

/* What a push writes into. */
struct push {
    struct view v;
    struct draw d; /* of the entity and its revision */
    int64_t at;    /* second of the change */
    bool message;  /* has a msg_id */
    struct sim *sim;
};

static void push_open(struct push *p, struct sim *sim, const struct entity *entity, struct buf *body)
{
    char id[40];

    view_init(&p->v, sim, entity, entity->revisions, body);
    p->sim = sim;
    p->d = draw_of(entity->draw.base, entity->revisions, 0, 17);
    p->at = p->v.rev->update_time;
    json_out_open(&p->v.out, NULL, '{');
    if (draw_chance(p->d, "msg_id", 60)) {
        snprintf(id, sizeof id, "%016llx%016llx", (unsigned long long)draw_next(&sim->dice),
                 (unsigned long long)sim->notifications++);
        json_out_text(&p->v.out, "msg_id", id);
    }
    json_out_open(&p->v.out, "data", '{');
}

/* Sent some seconds after the change, never later than now. */
static void push_close(struct push *p, int code)
{
    int64_t sent = p->at + 1 + (int64_t)draw_below(p->d, "sent", 30), now = sim_now_s(p->sim);

    json_out_close(&p->v.out, '}');
    json_out_raw(&p->v.out, "shop_id", p->sim->shops[p->v.entity->shop].id);
    json_out_int(&p->v.out, "code", code);
    json_out_int(&p->v.out, "timestamp", sent > now && p->at <= now ? now : sent);
    json_out_close(&p->v.out, '}');
}

/* 3: the status, also when only the address or a note has changed. */
static void push_order(struct push *p)
{
    static const char *const scenarios[] = {"null", "\"\"", "\"NORMAL\"", "\"RRAOC\""};

    json_out_raw(&p->v.out, "items", "[]");
    json_out_text(&p->v.out, "ordersn", p->v.entity->id);
    json_out_text(&p->v.out, "status", shopee_status_word(KIND_ORDER, p->v.rev->status));
    json_out_raw(&p->v.out, "completed_scenario",
                 scenarios[(p->v.rev->status == SHOPEE_COMPLETED ? 2 : 0) + draw_below(p->d, "scenario", 2)]);
    json_out_int(&p->v.out, "update_time", p->at);
    push_close(p, 3);
}

/* 4: a tracking number. It has no update_time. */
static void push_tracking_number(struct push *p, const struct entity *order, unsigned package)
{
    char text[32];

    json_out_text(&p->v.out, "ordersn", order->id);
    snprintf(text, sizeof text, "53%017llu",
             (unsigned long long)draw_below(p->d, "forder", 100000000000000000));
    json_out_text(&p->v.out, "forder_id", text);
    shopee_package_number(order, package, text);
    json_out_text(&p->v.out, "package_number", text);
    shopee_tracking_number(order, order->revisions, package, text);
    json_out_text(&p->v.out, "tracking_no", text);
    push_close(p, 4);
}

/* 30 */
static void push_fulfillment(struct push *p, const struct entity *order, unsigned package)
{
    char text[32];

    json_out_text(&p->v.out, "ordersn", order->id);
    shopee_package_number(order, package, text);
    json_out_text(&p->v.out, "package_number", text);
    json_out_text(&p->v.out, "fulfillment_status", shopee_logistics_status(order, order->revisions, package));
    json_out_int(&p->v.out, "update_time", p->at);
    push_close(p, 30);
}

/* 47: the day to ship by. */
static void push_package_info(struct push *p, const struct entity *order, unsigned package)
{
    int64_t by = shopee_ship_by(order, order->revisions, package);
    struct json_out *out = &p->v.out;
    char text[32];

    json_out_text(out, "order_sn", order->id);
    shopee_package_number(order, package, text);
    json_out_text(out, "package_number", text);
    json_out_raw(out, "changed_fields", "[\"ship_by_date\"]");
    json_out_open(out, "old", '{');
    json_out_int(out, "ship_by_date", by - 86400);
    json_out_close(out, '}');
    json_out_open(out, "new", '{');
    json_out_int(out, "ship_by_date", by);
    json_out_close(out, '}');
    json_out_int(out, "update_time", p->at);
    push_close(p, 47);
}

/* By turns, as sim_shopee_order.c lets the packages move: number, status, dates. */
static void push_tracking(struct push *p)
{
    const struct entity *order = entity_ever(p->sim, KIND_ORDER, p->v.entity->shop, p->v.entity->number);
    uint32_t nth = p->v.entity->revisions;
    unsigned package = shopee_track_package(order, nth);

    if ((nth - 1) % 3 == 0)
        push_tracking_number(p, order, package);
    else if ((nth - 1) % 3 == 1)
        push_fulfillment(p, order, package);
    else
        push_package_info(p, order, package);
}

/* 29. A new return comes with an empty old value. */
static void push_return(struct push *p)
{
    const struct entity *e = p->v.entity;
    uint32_t now = e->revisions, before = now > 1 ? now - 1 : 1;
    const char *field = "return_status", *old = "", *new = shopee_status(e);
    struct json_out *out = &p->v.out;

    if (p->v.rev->what == SHOPEE_STEP_LOGISTICS) {
        field = "logistics_status";
        old = shopee_reverse_status(e, before);
        new = shopee_reverse_status(e, now);
    } else if (p->v.rev->what == SHOPEE_STEP_PROOF) {
        field = "seller_proof_status";
        old = shopee_proof_status(e, before);
        new = shopee_proof_status(e, now);
    } else if (p->v.rev->what == SHOPEE_STEP_SOLUTION) {
        field = "return_solution";
        old = shopee_solution(e, before);
        new = shopee_solution(e, now);
    } else if (now > 1) {
        old = shopee_status_word(KIND_RETURN, e->revs[before - 1].status);
    }
    json_out_text(out, "order_sn", entity_ever(p->sim, KIND_ORDER, e->shop, e->number)->id);
    json_out_text(out, "return_sn", e->id);
    json_out_open(out, "updated_values", '[');
    json_out_open(out, NULL, '{');
    json_out_text(out, "update_field", field);
    json_out_text(out, "old_value", old);
    json_out_text(out, "new_value", new);
    json_out_int(out, "update_time", p->at);
    json_out_close(out, '}');
    json_out_close(out, ']');
    push_close(p, 29);
}

/* Members a promotion push shares with the one for reserved stock. */
static void write_promotion(struct push *p, const char *action)
{
    struct json_out *out = &p->v.out;

    json_out_raw(out, "shop_id", p->sim->shops[p->v.entity->shop].id);
    json_out_raw(out, "item_id", p->v.entity->id);
    json_out_int(out, "variation_id", shopee_model_id(p->v.entity));
    json_out_text(out, "promotion_type", "flash_sale");
    json_out_int(out, "promotion_id", (int64_t)shopee_promotion_id(p->v.entity, p->v.revision));
    json_out_text(out, "action", action);
    json_out_int(out, "start_time", p->at);
    json_out_int(out, "end_time", p->at + 7 * 86400);
}

/* 7 */
static void push_promotion(struct push *p)
{
    write_promotion(p, "item_promotion_start");
    json_out_int(&p->v.out, "reserved_stock", shopee_reserved(p->v.entity, p->v.revision));
    json_out_int(&p->v.out, "update_time", p->at);
    push_close(p, 7);
}

/* 8 */
static void push_reserved(struct push *p)
{
    struct json_out *out = &p->v.out;

    write_promotion(p, draw_chance(p->d, "placed", 50) ? "place_order" : "cancel_order");
    json_out_open(out, "changed_values", '[');
    json_out_open(out, NULL, '{');
    json_out_text(out, "name", "reserved_stock");
    json_out_int(out, "old", shopee_reserved(p->v.entity, p->v.revision - 1));
    json_out_int(out, "new", shopee_reserved(p->v.entity, p->v.revision));
    json_out_close(out, '}');
    json_out_close(out, ']');
    json_out_text(out, "ordersn", "");
    json_out_int(out, "update_time", p->at);
    push_close(p, 8);
}

/* 22 */
static void push_price(struct push *p)
{
    struct json_out *out = &p->v.out;

    json_out_raw(out, "item_id", p->v.entity->id);
    json_out_int(out, "model_id", shopee_model_id(p->v.entity));
    json_out_text(out, "update_field", draw_chance(p->d, "local", 50) ? "local_price" : "original_price");
    part_money(&p->v, "old_value", shopee_item_price(p->sim, p->v.entity, p->v.revision - 1));
    part_money(&p->v, "new_value", shopee_item_price(p->sim, p->v.entity, p->v.revision));
    json_out_int(out, "update_time", p->at);
    push_close(p, 22);
}

/* 16 */
static void push_violation(struct push *p)
{
    struct json_out *out = &p->v.out;
    bool deboost = shopee_deboost(p->v.entity, p->v.revision);

    json_out_raw(out, "item_id", p->v.entity->id);
    json_out_text(out, "item_name", "Áo thun cotton");
    json_out_text(out, "item_status", shopee_status(p->v.entity));
    json_out_bool(out, "deboost", deboost);
    json_out_open(out, "item_status_details", '[');
    if (p->v.rev->status != SHOPEE_NORMAL) {
        json_out_open(out, NULL, '{');
        json_out_text(out, "violation_type", "Prohibited");
        json_out_text(out, "violation_reason", "Prohibited listing");
        json_out_text(out, "suggestion", "Xin sửa lại");
        json_out_int(out, "fix_deadline_time", p->at + 7 * 86400);
        json_out_int(out, "update_time", p->at);
        json_out_close(out, '}');
    }
    json_out_close(out, ']');
    json_out_open(out, draw_chance(p->d, "spelt", 50) ? "deboost_details" : "deboosted_details", '[');
    json_out_close(out, ']');
    push_close(p, 16);
}

static void push_product(struct push *p)
{
    if (p->v.rev->what == SHOPEE_STEP_PRICE)
        push_price(p);
    else if (p->v.rev->what == SHOPEE_STEP_PROMOTION)
        push_promotion(p);
    else if (p->v.rev->what == SHOPEE_STEP_STOCK)
        push_reserved(p);
    else
        push_violation(p);
}

bool shopee_push(struct sim *sim, const struct entity *entity, const struct change *change, struct buf *body)
{
    struct push p = {0};

    (void)change;
    if (entity->kind == KIND_TRANSACTION)
        return false;
    push_open(&p, sim, entity, body);
    if (entity->kind == KIND_ORDER)
        push_order(&p);
    else if (entity->kind == KIND_TRACKING)
        push_tracking(&p);
    else if (entity->kind == KIND_RETURN)
        push_return(&p);
    else
        push_product(&p);
    return true;
}

void shopee_topic(struct sim *sim, int64_t code, int64_t shop, const char *data, struct buf *body)
{
    struct json_out out = {.b = body};

    json_out_open(&out, NULL, '{');
    json_out_raw(&out, "data", data);
    if (shop >= 0)
        json_out_raw(&out, "shop_id", sim->shops[shop].id);
    json_out_int(&out, "code", code);
    json_out_int(&out, "timestamp", sim_now_s(sim));
    json_out_close(&out, '}');
}

void shopee_sign(const struct sim *sim, const char *body, size_t len, char out[SIGN_HEX])
{
    struct buf base = {0};

    buf_puts(&base, shopee_callback_url(sim));
    buf_putc(&base, '|');
    buf_add(&base, body, len);
    sign_push("", sim->opt.push_key ? sim->opt.push_key : sim->opt.app_secret, base.p, base.n, out);
    buf_deinit(&base);
}
