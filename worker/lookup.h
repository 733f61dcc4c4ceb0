/* lookup.h - worker, stage 3 of 7: which of these does MongoDB already reflect?
 *
 * In:      needs in state NEW. One `find` per collection (in slices of 1,000 ids): version, fetched_ms, content_hash,
 *          deleted_at, missing_at_ms. Transactions: one more on their orders, which say when they were read last.
 * Out:     reflected needs are judged DONE; the others WAITING with `stored` filled. FETCH_POLICY missing: a stored
 *          document reflects everything but what moves money; always: nothing is reflected.
 * Fails:   false: MongoDB is away; needs stay NEW, nothing is judged; the lane pauses.
 * Thread:  the lane's; blocks. */
#ifndef SHOPSTREAM_WORKER_LOOKUP_H
#define SHOPSTREAM_WORKER_LOOKUP_H

#include "common/arena.h"
#include "common/config.h"
#include "common/err.h"
#include "worker/freshness.h"
#include "worker/need.h"
#include "worker/store.h"

bool lookup_fill(struct pool *pool, struct store *store, const struct config *config,
                 const struct freshness *f, struct arena *arena, struct err *err)
    __attribute__((warn_unused_result));

/* Reads what is stored of these needs (sorted here by _id, all of one collection) into n->stored; an id that is not
 * there gets a zeroed one. Stage 6 reads back with it. False: MongoDB is away, some are filled, err. */
bool lookup_read(struct store *store, const char *collection, struct need **needs, size_t count,
                 const struct freshness *f, struct err *err) __attribute__((warn_unused_result));

#endif
