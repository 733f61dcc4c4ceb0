/* limit.h - worker: rate limits shared by all pods, as token buckets in Redis.
 *
 * limit:{<platform>}:app and limit:{<platform>}:shop:<id>: one hash a bucket, both taken from by one script, so that a
 * call refused by one of them costs the other nothing. Sliding 60 s never hold more than 102 % of a limit, or one call more
 * where that is less than one. Redis' own clock counts; works when Redis is full.
 * Live work goes first: background calls may use SYNC_RATE_SHARE of a limit, and none of it while live work waits. */
#ifndef SHOPSTREAM_WORKER_LIMIT_H
#define SHOPSTREAM_WORKER_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/config.h"
#include "common/err.h"
#include "worker/link.h"

struct limiter; /* opaque; one lane's or thread's */

struct limiter *limiter_new(const struct config *config, struct link *link); /* borrows both */
void limiter_free(struct limiter *l);                                        /* accepts NULL */

/* Takes the right to send one call now. 0: taken, send at once. > 0: not taken, ask again in so many ms. < 0: Redis
 * did not answer, err; nothing may be sent. Both limits 0 in the configuration: 0 without asking Redis. */
int64_t limit_take(struct limiter *l, const char *platform, const char *shop, bool background,
                   struct err *err) __attribute__((warn_unused_result));

/* The platform said "too many requests": nobody calls this shop (shop NULL: anything of the app) for pause_ms, and its
 * pace is halved, recovering over the minute after the pause. False: Redis did not answer, or nothing limits this
 * platform (err); the caller pauses for itself. */
bool limit_pause(struct limiter *l, const char *platform, const char *shop, int64_t pause_ms, struct err *err)
    __attribute__((warn_unused_result));

#endif
