/* pending.h - server, stage 4 of 5, upper half: a request from "mapped" until everything owed to it has come.
 *
 * In:      a mapped push and the HTTP request that waits for the answer.
 * Out:     exactly one answer a request: 200 when every entry is stored (or was before), in Redis or in the journal, else
 *          503. Then, maybe later, the end of the pending record: when Redis and the journal have said all they owe.
 * Fails:   only by answer. An outage of Redis costs nothing while the journal has room, then the sender a retry.
 * Thread:  its loop's only.
 * Why so:  commands cannot be cancelled, a flush neither, and replies are matched by order only, so a record must outlive its answer.
 *          HTTP and the deadline only let go of it; the last reply frees it. */
#ifndef SHOPSTREAM_SERVER_PENDING_H
#define SHOPSTREAM_SERVER_PENDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/config.h"
#include "server/answer.h"
#include "server/journal.h"
#include "server/map.h"
#include "server/placement.h"
#include "server/pressure.h"
#include "server/replay.h"
#include "server/stream.h"

struct evhttp_request; /* only passed on */
struct pendings;       /* opaque: all records of one loop */

/* Tells the sender; called exactly once a request, maybe within pendings_start. */
typedef void pending_answer_fn(void *context, struct evhttp_request *request, enum answer answer);

/* What a loop's records are stored by. All borrowed, to outlive the records. */
struct pending_stores {
    struct stream *stream;
    struct replay *replay;
    struct journal *journal;   /* NULL: no journal */
    struct journal_port *port; /* same */
    const struct pressure *pressure;
    struct placement *placement; /* where http.c lets them go */
};

/* c is borrowed and must outlive it; stores is copied. You own the result (pendings_free). */
struct pendings *pendings_new(const struct config *c, const struct pending_stores *stores,
                              pending_answer_fn *answer, void *context);

/* All commands must have been settled (stream_stop does that). Accepts NULL. */
void pendings_free(struct pendings *all);

/* Stores what was mapped (copied) and answers request, now or later. True: later, request is alive. */
bool pendings_start(struct pendings *all, struct evhttp_request *request, const struct mapped *mapped);

/* True: at the cap, in records or in bytes; a further request must be refused before any work is done for it. */
bool pendings_full(const struct pendings *all);

/* Requests whose answer is outstanding / records that wait for Redis, answered or not. */
size_t pendings_unanswered(const struct pendings *all);
size_t pendings_count(const struct pendings *all);

/* From the loop's timer, with the monotonic time: answers what is past its deadline. */
void pendings_tick(struct pendings *all, int64_t mono_ms);

#endif
