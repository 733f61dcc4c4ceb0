/* keeper.h - worker: the one extra thread of a process. Heartbeats of all lanes, and the idle time of every entry a lane
 * holds is refreshed (XCLAIM ... JUSTID every KEEPALIVE_MS), because a bulk may block longer than a lease.
 *
 * A lane registers messages before it works on them and removes them BEFORE it acks, defers or buries them: the keeper
 * must never touch what has just been settled. The list has its own lock, held during the refresh of each batch of ids
 * so that a removal that returned is final. The keeper has its own connection. */
#ifndef SHOPSTREAM_WORKER_KEEPER_H
#define SHOPSTREAM_WORKER_KEEPER_H

#include <stdbool.h>
#include <stddef.h>

#include "common/config.h"
#include "common/err.h"
#include "common/redis_url.h"
#include "worker/message.h"
#include "worker/streams.h"

struct keeper; /* opaque */

/* Reads the layout into streams, creating it where there is none, and starts the thread, which goes on doing so. lane_names: one consumer name a lane (borrowed for its life). Claims each name with its heartbeat
 * key, so that two processes under one name are refused: waits up to three heartbeats and a second for the key of a
 * crashed predecessor to expire. NULL: err; ERR_CONFIG: a name is in use, ERR_REDIS: Redis is away or refuses. */
struct keeper *keeper_start(const struct config *config, const struct redis_url *url, struct streams *streams,
                            const char *const *lane_names, size_t lanes, struct err *err)
    __attribute__((warn_unused_result));

/* Stops the thread, deletes the heartbeat keys, frees. Accepts NULL. */
void keeper_stop(struct keeper *k);

void keeper_hold(struct keeper *k, size_t lane, const struct message *m);
void keeper_drop(struct keeper *k, size_t lane, const struct message *m);
bool keeper_holds(struct keeper *k, size_t lane, int stream, const char *stream_id);

/* Milliseconds since the last successful heartbeat: for /readyz. */
long keeper_silence_ms(const struct keeper *k);

#endif
