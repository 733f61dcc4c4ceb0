/* sim_orders.h - TikTok's orders: which status follows which; their content is in sim_render.h.
 *
 * In:     changes. Out: orders, as entities of KIND_ORDER.
 *
 * Order id, 18 digits:  57 SSSSS NNNNNNN CCCC  - shop index, number, check digits that depend on the seed. */
#ifndef SIM_ORDERS_H
#define SIM_ORDERS_H

#include "sim_entity.h"

enum order_status {
    ORDER_UNPAID,
    ORDER_ON_HOLD,
    ORDER_AWAITING_SHIPMENT,
    ORDER_AWAITING_COLLECTION,
    ORDER_IN_TRANSIT,
    ORDER_DELIVERED,
    ORDER_COMPLETED,
    ORDER_CANCELLED,
    ORDER_STATUSES
};

const char *orders_status_name(enum order_status status);
/* -1 when the text is no status. */
int orders_status_parse(const char *text);

/* Borrowed; NULL while the order does not exist (or the numbers are out of range). */
struct entity *orders_get(const struct sim *sim, uint32_t shop, uint32_t number);
/* By id text, of any shop; NULL when malformed, not ours or not existing (any more). */
struct entity *orders_by_id(const struct sim *sim, const char *id);

/* Moves an order by one revision, creating it first if need be. Never fails: shop < opt.shops and
 * number <= SIM_NUMBER_MAX are the caller's business. */
struct entity *orders_change(struct sim *sim, uint32_t shop, uint32_t number, const struct change *change);

#endif
