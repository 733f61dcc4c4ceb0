/* swept.h - worker: needs that went back to the stream, until Redis has shown to keep their entries.
 *
 *   collection `swept`: _id    "<_id of the need> <id of the entry>"
 *                       stream entry   where it stands: key and id
 *                       swept_ms       when it was added, Redis' clock
 *                       need           the document of `needs` as it was
 *
 * In:      what a page of the sweep has added to the stream. A look in every round of every worker.
 * Out:     entries that Redis has lost (a crash with AOF everysec, a failover) are needs again; those that stand there
 *          REPLAY_SECONDS later leave.
 * Fails:   when Redis or MongoDB does not answer; the next round looks again.
 * Thread:  the sweep's; blocks.
 * Why so:  the server keeps what it has stored, and stores it again when Redis forgets; but the events of a need were acknowledged
 *          long ago, and nobody keeps them but us. In a collection of its own, because what is on its way is no need that
 *          waits. A need that comes back without cause costs one more read. */
#ifndef SHOPSTREAM_WORKER_SWEPT_H
#define SHOPSTREAM_WORKER_SWEPT_H

#include <bson/bson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "worker/link.h"
#include "worker/store.h"

#define SWEPT_COLLECTION "swept"

/* The document of a need (a document of `needs`) whose entry stands in stream under that id since now_ms. Owned
 * (bson_destroy). */
bson_t *swept_document(const bson_t *need, const char *stream, const char *entry, int64_t now_ms);

/* Looks whether Redis still has the entries: the newest one, those that are old enough to leave, and all of them when
 * that one is gone. now_ms: Redis' clock. False: err. */
bool swept_look(struct store *store, struct link *link, int64_t now_ms, int64_t replay_ms, struct err *err)
    __attribute__((warn_unused_result));

#endif
