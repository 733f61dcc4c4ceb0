/* reclaim.h - worker, part of stage 1: entries that come back: own pending after a start or reconnect, parked ones whose
 * delay is over (claim step with a carried cursor), entries of workers without a heartbeat (reaper), and the removal of
 * stale consumers that own nothing. Redis rules 10-12, 16-20. */
#ifndef SHOPSTREAM_WORKER_RECLAIM_H
#define SHOPSTREAM_WORKER_RECLAIM_H

#include "common/config.h"
#include "common/err.h"
#include "worker/link.h"
#include "worker/message.h"
#include "worker/streams.h"

struct reclaim; /* opaque: a cursor per stream, timers */

struct reclaim *reclaim_new(const struct config *config, const struct streams *streams, struct link *link,
                            const char *consumer);
void reclaim_free(struct reclaim *r); /* accepts NULL */

/* Start or reconnect: own pending entries have to be taken again (skipping ids the lane still holds). When Redis was away
 * for KEEPALIVE_MS or longer, others' entries are left alone for twice that long: their workers live as we do. */
void reclaim_restart(struct reclaim *r);

/* One step, at most room messages; cheap when nothing is due. held: ids this lane still works on are not handed out
 * again. Lost ids (body trimmed away) are logged, counted and acked. *alone: the one message handed out was in work more
 * than once when its worker vanished and is nearly out of attempts; nothing may be worked on together with it, or a
 * crasher would take innocent entries along. False: link lost or refused, err says; out keeps what came before. */
bool reclaim_step(struct reclaim *r, size_t room,
                  bool (*held)(void *context, int stream, const char *stream_id), void *context,
                  struct message_list *out, bool *alone, struct err *err) __attribute__((warn_unused_result));

/* How long the read that follows a step may wait for new entries, when it may wait block_ms: shortly while more is known to
 * come back, and not at all when suspects may be waiting for this turn to pass. */
int64_t reclaim_block_ms(const struct reclaim *r, int64_t block_ms);

#endif
