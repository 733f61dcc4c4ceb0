/* trim.h - worker: the safe trim. Never an unread or pending entry; finished ones only after STREAM_KEEP_MINUTES.
 * Exports length, lag, oldest pending age and the trim floor (its age and the group that holds
 * it); STREAM_MAXLEN is an alarm (log and metric), and a limit with
 * STREAM_TRIM=hard only. */
#ifndef SHOPSTREAM_WORKER_TRIM_H
#define SHOPSTREAM_WORKER_TRIM_H

#include "common/config.h"
#include "common/err.h"
#include "worker/link.h"
#include "worker/streams.h"

struct trim; /* opaque: timers, the mark */

struct trim *trim_new(const struct config *config, const struct streams *streams, struct link *link);
void trim_free(struct trim *t);

/* Trims and measures when TRIM_INTERVAL_MS have passed, else returns at once. False: link lost, err says. */
bool trim_step(struct trim *t, int64_t now_ms, struct err *err) __attribute__((warn_unused_result));

#endif
