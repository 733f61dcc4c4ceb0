/* sim_push.c - see sim_push.h. */
#include "sim_push.h"

#include <stdio.h>

#include "sim_orders.h"
#include "sim_platform.h"
#include "sim_sign.h"
#include "sim_state.h"

/* 19 digits; unique also over restarts, because receivers remember ids for a while. */
static void notification_id(struct sim *sim, char out[24])
{
    int64_t base = 7000000000000000000 + sim->started_ms % 100000000000 * 10000000;

    snprintf(out, 24, "%lld", (long long)(base + (int64_t)sim->notifications++));
}

static void envelope_open(struct sim *sim, struct json_out *out, int64_t type, const char *shop_id,
                          int64_t at)
{
    char id[24];

    notification_id(sim, id);
    json_out_open(out, NULL, '{');
    json_out_int(out, "type", type);
    json_out_text(out, "tts_notification_id", id);
    if (shop_id)
        json_out_text(out, "shop_id", shop_id);
    json_out_int(out, "timestamp", at);
}

/* The platform pushes some seconds after the change, never before now. */
static int64_t push_time(const struct sim *sim, const struct entity *order, int64_t changed)
{
    int64_t at =
        changed + (int64_t)draw_below(draw_of(order->draw.base, order->revisions, 0, 16), "push", 125);
    int64_t now = sim_now_s(sim);

    return at > now && changed <= now ? now : at;
}

void push_open(struct sim *sim, struct json_out *out, int type, const struct entity *entity)
{
    envelope_open(sim, out, type, sim->shops[entity->shop].id,
                  push_time(sim, entity, entity_last(entity)->update_time));
    json_out_open(out, "data", '{');
}

void push_close(struct json_out *out)
{
    json_out_close(out, '}');
    json_out_close(out, '}');
}

void push_order_body(struct sim *sim, const struct entity *order, int type, struct buf *to)
{
    const struct rev *rev = entity_last(order);
    struct json_out out = {.b = to};

    push_open(sim, &out, type, order);
    if (type == 1)
        json_out_bool(&out, "is_on_hold_order", rev->status == ORDER_ON_HOLD);
    json_out_text(&out, "order_id", order->id);
    if (type == 1)
        json_out_text(&out, "order_status",
                      rev->status == ORDER_CANCELLED ? "CANCEL"
                                                     : orders_status_name((enum order_status)rev->status));
    json_out_int(&out, "update_time", rev->update_time);
    push_close(&out);
}

void push_topic_body(struct sim *sim, int64_t type, int64_t shop, const char *data, struct buf *to)
{
    struct json_out out = {.b = to};

    envelope_open(sim, &out, type, shop < 0 ? NULL : sim->shops[shop].id, sim_now_s(sim));
    json_out_raw(&out, "data", data);
    json_out_close(&out, '}');
}

void push_write(struct sim *sim, struct json_out *out, const char *key, const char *body, size_t len)
{
    char signature[SIGN_HEX];

    sim->platform->sign(sim, body, len, signature);
    json_out_open(out, key, '{');
    json_out_text(out, "signature", signature);
    json_out_text(out, "path", sim->platform->push_path);
    json_out_raw(out, "body", "");
    buf_json_string(out->b, body, len, false);
    json_out_close(out, '}');
}
