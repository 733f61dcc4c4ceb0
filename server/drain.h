/* drain.h - server, stage 4 of 5: brings what the journal holds to Redis, as soon as Redis takes it.
 *
 * In:      the journal's records, in order.
 * Out:     entries in the stream, each with its mark, as a loop would have stored them.
 * Fails:   never for good: what Redis does not take, or not provably, is tried again with back-off. A copy stored by an
 *          attempt whose reply was lost is found by its mark, or absorbed by the worker.
 *          What it has stored it watches as the loops watch theirs (watch.h): the journal keeps its files for
 *          REPLAY_SECONDS, and when Redis loses something, they are gone over once more.
 * Thread:  one of its own, with a connection of its own; drain_stop from the thread that started it.
 * Why so:  reading files blocks, so it is no work for a loop, and a thread that may block can be straight code. Pipelined in
 *          groups over one connection: the order of the journal is the order in the stream. While it runs, new events
 *          go through the journal too, so a group's size is all that live traffic has to wait for in Redis. */
#ifndef SHOPSTREAM_SERVER_DRAIN_H
#define SHOPSTREAM_SERVER_DRAIN_H

#include <stdint.h>

#include "common/config.h"
#include "common/redis_url.h"
#include "server/journal.h"

struct drain; /* opaque */
struct ledger;
struct placement;
struct pressure;
struct replay_counts;
struct resolver;

/* What it works with. All borrowed, to outlive it. */
struct drain_tools {
    struct journal *journal;
    const struct config *config;
    const struct redis_url *url;
    struct resolver *resolver; /* NULL: the host is numeric or a socket */
    struct ledger *ledger;     /* the next two may be NULL when REPLAY_SECONDS is 0 */
    struct replay_counts *counts;
    const struct pressure *pressure; /* NULL: never too full */
    struct placement *placement;     /* NULL: nobody has to know what partitions are used */
};

/* tools is copied. NULL: err says why. You own it (drain_stop). */
struct drain *drain_start(const struct drain_tools *tools, struct err *err)
    __attribute__((warn_unused_result));

/* Lets it go on while it gets on, at most wait_ms; then ends and frees it. What is left stays in the journal. Accepts
 * NULL. */
void drain_stop(struct drain *d, int64_t wait_ms);

#endif
