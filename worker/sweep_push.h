/* sweep_push.h - worker: one shop's parked needs go back to the stream, page by page. */
#ifndef SHOPSTREAM_WORKER_SWEEP_PUSH_H
#define SHOPSTREAM_WORKER_SWEEP_PUSH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/config.h"
#include "common/err.h"
#include "worker/high_water.h"
#include "worker/link.h"
#include "worker/store.h"

struct sweep_push; /* opaque: a cursor over the shop's needs, oldest first */

/* Whom to give back, and with what; all borrowed. */
struct sweep_push_setup {
    const struct config *config;
    struct store *store;
    struct link *link;
    struct high_water *high; /* nothing is pushed while Redis is above it */
    const char *platform;
    const char *shop;
    bool turn_only; /* only needs that wait for no shop: money that moved, the rest of half an answer */
    int64_t now_ms; /* Redis' clock: needs that wait from later on are left alone */
    int partition;
};

struct sweep_push *sweep_push_new(const struct sweep_push_setup *setup);
void sweep_push_free(struct sweep_push *p); /* accepts NULL */

enum sweep_pushed {
    PUSHED_MORE, /* a page went; there may be others */
    PUSHED_DONE, /* none is left */
    PUSHED_FULL, /* the bulk stream has SYNC_BULK_MAX entries to work off, or Redis is nearly full: later */
    PUSHED_AWAY, /* Redis (away, or full) or MongoDB: err */
};

/* One page: entries first, then the documents of those that Redis has confirmed. now_ms: Redis' clock. */
enum sweep_pushed sweep_push_page(struct sweep_push *p, int64_t now_ms, struct err *err)
    __attribute__((warn_unused_result));

#endif
