/* sweep.h - worker: the thread that brings parked needs back.
 *
 * In:      collection `needs`, every SWEEP_INTERVAL_MS or when woken; one process at a time for a shop, by lease.
 * Does:    needs of a shop that is usable and answers a probe go back to the bulk stream, oldest first, as entries of src
 *          parked, while that stream's backlog is below SYNC_BULK_MAX and Redis below REDIS_HIGH_WATER; then their documents are deleted.
 * Fails:   never; what could not be done is done by a later round. A crash between the entry and the deletion repeats the
 *          entry, which costs a read.
 * Thread:  one of its own with all signals blocked, with connections and an HTTP client of its own. */
#ifndef SHOPSTREAM_WORKER_SWEEP_H
#define SHOPSTREAM_WORKER_SWEEP_H

#include <stdbool.h>
#include <stdint.h>

#include "common/config.h"
#include "common/err.h"
#include "common/redis_url.h"
#include "worker/credentials.h"
#include "worker/store.h"

struct streams;
struct sweep; /* opaque */

/* What a sweep is made with; all borrowed for its life. */
struct sweep_setup {
    const struct config *config;
    const struct redis_url *redis;
    struct store_pool *stores;
    const struct credentials *credentials;
    const struct streams *streams; /* tell which partition a shop is in */

    /* The platform refused the access token of an authorization (XXH3 of it): no lane calls a shop whose needs are all
     * parked, so nobody else would notice. NULL: nobody to tell. */
    void (*refused)(void *context, const char *authorization, uint64_t token_print);
    void *context;
};

/* Starts the thread. NULL: err. */
struct sweep *sweep_start(const struct sweep_setup *setup, struct err *err)
    __attribute__((warn_unused_result));

/* Any thread: look again now, a shop may have become available. */
void sweep_wake(struct sweep *s);

/* Asks it to end; returns at once. Accepts NULL. */
void sweep_stop(struct sweep *s);

/* After sweep_stop: waits until it has ended, then joins and frees. False: not within deadline_ms (it sits in a call to
 * MongoDB): nothing was freed. Accepts NULL (true). */
bool sweep_join(struct sweep *s, int64_t deadline_ms);

#endif
