/* fetch.h - worker, stage 4 of 7: ask the marketplace, at most a budget long.
 *
 * In:      needs in state WAITING; calls still under way from earlier turns.
 * Out:     needs ANSWERED (found, missing, gone; or to be parked: park_reason), judged (deferred without an attempt:
 *          circuit open, long limit; RETRY counted: refused for itself), CALLING (carried) or still WAITING (left over,
 *          rate limit, access token awaited).
 * Rules:   up to *_DETAILS_BATCH_SIZE ids a call; FETCH_SHOP_CALLS concurrent calls a shop, FETCH_MAX_CALLS a lane; at
 *          most FETCH_MAX_IDS ids a turn, the fullest shops and anything older than the budget first, live before bulk;
 *          each call only with leave of the shared rate limits; ends after FETCH_BUDGET_MS; a shop with a call carried
 *          from an earlier turn gets no new one; a turn waits only for calls it started, and for none much longer than
 *          its marketplace usually takes. A failing call (RETRY, PERM class) is bisected down to single ids; an id that
 *          fails alone while others of its shop (or the probe) succeed is the event's own fault; when all fail it is
 *          the shop's: its circuit opens with back-off and jitter; when all of one endpoint fail, that endpoint rests.
 *          Needs of a shop that is known to be unavailable are parked at once, those that wait for a circuit, an
 *          endpoint or a token after PARK_AFTER_SECONDS.
 * Fails:   false: MongoDB is away (shops could not be read); the lane pauses.
 * Thread:  the lane's; blocks up to the budget. */
#ifndef SHOPSTREAM_WORKER_FETCH_H
#define SHOPSTREAM_WORKER_FETCH_H

#include <stdbool.h>

#include "common/arena.h"
#include "common/config.h"
#include "common/err.h"
#include "worker/link.h"
#include "worker/need.h"
#include "worker/shop.h"

struct fetcher; /* opaque: http client, calls under way, circuits, the marketplace's clock */

struct limiter;
struct refresher;
struct streams;

/* Borrows all. limiter NULL: no limits; refresher NULL: a refused token parks its shop's needs; streams NULL: every need
 * is live. */
struct fetcher *fetcher_new(const struct config *config, struct shop_cache *shops, struct limiter *limiter,
                            struct refresher *refresher, const struct streams *streams, struct err *err)
    __attribute__((warn_unused_result));
void fetcher_free(struct fetcher *f); /* accepts NULL */

/* redis_time: the lane's clock (fetched_ms = its value when the first request of an id is sent). */
bool fetch_missing(struct fetcher *f, struct pool *pool, const struct redis_time *redis_time,
                   struct arena *arena, struct err *err) __attribute__((warn_unused_result));

/* End of the turn: frees the answers of calls whose needs have all left ANSWERED. */
void fetch_release(struct fetcher *f);

/* Calls carried into the next turn (the lane then blocks 50 ms at most). */
size_t fetch_carried(const struct fetcher *f);

/* Shutdown: aborts what is under way; their needs go back to WAITING. */
void fetch_abort(struct fetcher *f, struct pool *pool);

/* The marketplace's and Redis' clocks agree within CLOCK_SKEW_MS, as far as measured (true until measured). */
bool fetch_clocks_agree(const struct fetcher *f);

#endif
