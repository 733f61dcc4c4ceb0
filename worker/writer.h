/* writer.h - worker, stage 6: sends one batch's bulks while the lane prepares the next batch.
 *
 * A lane waits for its bulks most of the time; meanwhile it could read, fetch and build. So stage 6 runs on a thread beside
 * the lane's, one batch at a time: writer_send hands over what is BUILT, writer_collect waits for the end and takes everything
 * back, judged or to be looked up again. What is handed over belongs to the writer whole, in a pool of its own, until it is
 * collected; the lane acks, as before, only what came back judged. */
#ifndef SHOPSTREAM_WORKER_WRITER_H
#define SHOPSTREAM_WORKER_WRITER_H

#include "common/config.h"
#include "common/err.h"
#include "worker/freshness.h"
#include "worker/need.h"
#include "worker/store.h"

struct writer; /* opaque: a thread, a client, the needs under way */

/* Borrows all arguments for its life. NULL: err. Owned. */
struct writer *writer_start(const struct config *config, struct store_pool *stores, struct err *err)
    __attribute__((warn_unused_result));
void writer_stop(struct writer *w); /* waits for what is under way, and frees it uncollected; accepts NULL */

/* Hands over every need in state BUILT. Nothing may be under way. Their documents must stay until they are collected. */
void writer_send(struct writer *w, struct pool *pool, const struct freshness *f);

/* Waits until nothing is under way, and brings its needs back to pool: JUDGED, or NEW. Messages judged while others of
 * their need go round again are appended to settled. False: as upsert_flush, err. True when nothing was under way. */
bool writer_collect(struct writer *w, struct pool *pool, struct message_list *settled, struct err *err)
    __attribute__((warn_unused_result));

/* Something was handed over and not collected yet; how many messages it had, and their bytes. */
bool writer_busy(const struct writer *w);
size_t writer_messages(const struct writer *w);
size_t writer_bytes(const struct writer *w);

#endif
