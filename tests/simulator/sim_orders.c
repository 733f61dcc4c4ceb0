/* sim_orders.c - see sim_orders.h. */
#include "sim_orders.h"

#include <stdio.h>
#include <string.h>

#include "sim_num.h"
#include "sim_state.h"

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

struct entity *orders_get(const struct sim *sim, uint32_t shop, uint32_t number)
{
    return entity_get(sim, KIND_ORDER, shop, number);
}

struct entity *orders_by_id(const struct sim *sim, const char *id)
{
    int64_t shop, number;
    struct entity *order;

    if (strlen(id) != 18 || !num_i64(id + 2, 5, 0, SIM_SHOPS_MAX, &shop) ||
        !num_i64(id + 7, 7, 0, SIM_NUMBER_MAX, &number))
        return NULL;
    order = orders_get(sim, (uint32_t)shop, (uint32_t)number);
    return order && strcmp(order->id, id) == 0 ? order : NULL;
}

static struct entity *order_new(struct sim *sim, uint32_t shop, uint32_t number)
{
    struct entity *order = entity_new(sim, KIND_ORDER, shop, number);

    snprintf(order->id, sizeof order->id, "57%05u%07u%04u", shop, number,
             (unsigned)draw_below(order->draw, "check", 10000));
    return order;
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

struct entity *orders_change(struct sim *sim, uint32_t shop, uint32_t number, const struct change *change)
{
    struct entity *order = entity_ever(sim, KIND_ORDER, shop, number);
    bool fresh = !order;
    int64_t at;
    struct rev *rev;
    uint8_t before;

    if (fresh)
        order = order_new(sim, shop, number);
    at = entity_change_time(sim, order, change);
    rev = entity_append(sim, order);
    rev->update_time = at;
    before = rev->status;
    if (fresh)
        rev->status = (uint8_t)status_first(order->draw);
    else if (change->address)
        rev->address++;
    else
        rev->status = (uint8_t)status_next(order->draw, (enum order_status)before);
    if (!fresh && !change->address && rev->status == before)
        rev->note++;
    return order;
}
