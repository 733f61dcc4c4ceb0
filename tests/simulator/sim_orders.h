/* sim_orders.h - which orders exist and how they move; their content is in sim_render.h.
 *
 * In:     changes. Out: orders with all their revisions, kept for ever.
 * Why so: every revision is kept, because "the answer was computed before the change" and "a replica that lags
 * behind" are two of the faults to simulate.
 *
 * Order id, 18 digits:  57 SSSSS NNNNNNN CCCC  - shop index, number, check digits that depend on the seed. */
#ifndef SIM_ORDERS_H
#define SIM_ORDERS_H

#include "sim_state.h"

struct buf;

struct change {
    int64_t at;            /* second of the change; -1: the order's own pace; -2: now */
    bool same_second;      /* update_time equals the previous one */
    bool keep_update_time; /* the same, said of changes that do not move it */
    bool address;          /* the address changes instead of the status */
};

const char *orders_status_name(enum order_status status);
/* -1 when the text is no status. */
int orders_status_parse(const char *text);

/* Borrowed; NULL while the order does not exist (or the numbers are out of range). */
struct order *orders_get(const struct sim *sim, uint32_t shop, uint32_t number);
/* By id text, of any shop; NULL when malformed, not ours or not existing yet. */
struct order *orders_by_id(const struct sim *sim, const char *id);

/* Moves an order by one revision, creating it first if need be. Never fails: shop < opt.shops and
 * number <= SIM_NUMBER_MAX are the caller's business. */
struct order *orders_change(struct sim *sim, uint32_t shop, uint32_t number, const struct change *change);

/* Appends the newest revision as JSON; kept while it is the newest, as far as the cache allows. */
void orders_json(struct sim *sim, struct order *order, struct buf *to);
/* Seconds of the revision at which the order first had the status; 0 when it had not up to revision. */
int64_t orders_time_of(const struct order *order, uint32_t revision, enum order_status status);

#endif
