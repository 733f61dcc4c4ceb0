/* sim_orders.c - see sim_orders.h. */
#include "sim_orders.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_buf.h"
#include "sim_num.h"
#include "sim_render.h"

#define CACHE_MAX (512u << 20) /* bytes of rendered orders kept; beyond it they are rendered each time */

static const char *const status_names[ORDER_STATUSES] = {
    [ORDER_UNPAID] = "UNPAID",
    [ORDER_ON_HOLD] = "ON_HOLD",
    [ORDER_AWAITING_SHIPMENT] = "AWAITING_SHIPMENT",
    [ORDER_AWAITING_COLLECTION] = "AWAITING_COLLECTION",
    [ORDER_IN_TRANSIT] = "IN_TRANSIT",
    [ORDER_DELIVERED] = "DELIVERED",
    [ORDER_COMPLETED] = "COMPLETED",
    [ORDER_CANCELLED] = "CANCELLED",
};

const char *orders_status_name(enum order_status status)
{
    return status_names[status];
}

int orders_status_parse(const char *text)
{
    for (int i = 0; i < ORDER_STATUSES; i++) {
        if (strcmp(status_names[i], text) == 0)
            return i;
    }
    return -1;
}

struct order *orders_get(const struct sim *sim, uint32_t shop, uint32_t number)
{
    if (shop >= sim->opt.shops || number >= sim->shops[shop].slots)
        return NULL;
    return sim->shops[shop].orders[number];
}

struct order *orders_by_id(const struct sim *sim, const char *id)
{
    int64_t shop, number;
    struct order *order;

    if (strlen(id) != 18 || !num_i64(id + 2, 5, 0, SIM_SHOPS_MAX, &shop) ||
        !num_i64(id + 7, 7, 0, SIM_NUMBER_MAX, &number))
        return NULL;
    order = orders_get(sim, (uint32_t)shop, (uint32_t)number);
    return order && strcmp(order->id, id) == 0 ? order : NULL;
}

static struct order *order_new(struct sim *sim, uint32_t index, uint32_t number)
{
    struct shop *shop = &sim->shops[index];
    struct order *order = buf_alloc(sizeof *order);

    if (number >= shop->slots) {
        uint32_t slots = shop->slots ? shop->slots : 16;

        while (slots <= number)
            slots *= 2;
        shop->orders = buf_grow(shop->orders, slots * sizeof(struct order *));
        memset(shop->orders + shop->slots, 0, (slots - shop->slots) * sizeof(struct order *));
        shop->slots = slots;
    }
    order->shop = index;
    order->number = number;
    order->draw = draw_of(sim->opt.seed, 2, index, number);
    snprintf(order->id, sizeof order->id, "57%05u%07u%04u", index, number,
             (unsigned)draw_below(order->draw, "check", 10000));
    shop->orders[number] = order;
    shop->count++;
    return order;
}

static struct rev *order_push(struct order *order)
{
    if (order->revisions == order->cap) {
        order->cap = order->cap ? order->cap * 2 : 4;
        order->revs = buf_grow(order->revs, order->cap * sizeof *order->revs);
    }
    return memset(&order->revs[order->revisions++], 0, sizeof *order->revs);
}

static void cache_drop(struct sim *sim, struct order *order)
{
    sim->cached_bytes -= order->json_len;
    free(order->json);
    order->json = NULL;
    order->json_len = 0;
}

/* Cash on delivery starts unpaid orders further along; one in seven is cancelled on its way. */
static enum order_status status_first(struct draw d)
{
    if (!draw_chance(d, "is_cod", 40))
        return ORDER_UNPAID;
    return draw_chance(d, "held", 40) ? ORDER_ON_HOLD : ORDER_AWAITING_SHIPMENT;
}

static enum order_status status_next(struct draw d, enum order_status now)
{
    if (draw_chance(d, "cancelled", 14) && now <= ORDER_IN_TRANSIT &&
        now >= (enum order_status)draw_below(d, "cancelled_from", 5))
        return ORDER_CANCELLED;
    if (now == ORDER_UNPAID)
        return draw_chance(d, "held", 40) ? ORDER_ON_HOLD : ORDER_AWAITING_SHIPMENT;
    if (now >= ORDER_COMPLETED)
        return now;
    return now + 1;
}

/* The order's own pace: a first second around the base, then steps of 1 to 30 minutes, never in the future. */
static int64_t change_time(const struct sim *sim, const struct order *order, const struct rev *before,
                           const struct change *change)
{
    struct draw d = draw_of(order->draw.base, order->revisions, 0, 3);
    int64_t now = sim_now_s(sim), at;

    if (before && (change->same_second || change->keep_update_time))
        return before->update_time;
    if (change->at >= 0)
        return change->at;
    if (change->at == -2)
        at = now;
    else if (!before)
        at = sim->sw.update_time_base + (int64_t)draw_below(d, "first", 43200);
    else
        at = before->update_time + 61 + (int64_t)draw_below(d, "step", 1740);
    if (at > now)
        at = now;
    return before && at < before->update_time ? before->update_time : at;
}

struct order *orders_change(struct sim *sim, uint32_t shop, uint32_t number, const struct change *change)
{
    struct order *order = orders_get(sim, shop, number);
    struct rev before, *rev;
    int64_t at;

    if (!order) {
        order = order_new(sim, shop, number);
        at = change_time(sim, order, NULL, change);
        rev = order_push(order);
        *rev = (struct rev){.update_time = at, .status = (uint8_t)status_first(order->draw)};
        return order;
    }
    before = order->revs[order->revisions - 1];
    at = change_time(sim, order, &before, change);
    rev = order_push(order);
    *rev = before;
    rev->update_time = at;
    if (change->address)
        rev->address++;
    else
        rev->status = (uint8_t)status_next(order->draw, before.status);
    if (!change->address && rev->status == before.status)
        rev->note++;
    cache_drop(sim, order);
    return order;
}

void orders_json(struct sim *sim, struct order *order, struct buf *to)
{
    size_t from = to->n;

    if (order->json && order->json_epoch == sim->epoch) {
        buf_add(to, order->json, order->json_len);
        return;
    }
    cache_drop(sim, order);
    render_order(sim, order, order->revisions, to);
    if (sim->cached_bytes + (to->n - from) > CACHE_MAX)
        return;
    order->json_len = to->n - from;
    order->json = buf_alloc(order->json_len);
    memcpy(order->json, to->p + from, order->json_len);
    order->json_epoch = sim->epoch;
    sim->cached_bytes += order->json_len;
}

int64_t orders_time_of(const struct order *order, uint32_t revision, enum order_status status)
{
    for (uint32_t i = 0; i < revision; i++) {
        if (order->revs[i].status == status)
            return order->revs[i].update_time;
    }
    return 0;
}
