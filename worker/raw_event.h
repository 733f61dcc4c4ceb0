/* raw_event.h - worker: a webhook that is no entity (yet), as a document of webhook_events.
 *
 * In:      a raw need with its one message, body kept.
 * Out:     a DOCUMENT_RAW: everything in on_insert, nothing in set, because a raw event never changes: the second
 *          delivery of the same event finds it and writes nothing.
 * Fails:   only when its `_id` cannot be text (bytes that are not UTF-8).
 * Thread:  any. Pure. */
#ifndef SHOPSTREAM_WORKER_RAW_EVENT_H
#define SHOPSTREAM_WORKER_RAW_EVENT_H

#include <stdint.h>

#include "common/arena.h"
#include "common/config.h"
#include "common/err.h"
#include "worker/dto.h"
#include "worker/need.h"

/* now_ms stands in for a receive time that is no plausible instant. The struct and doc_id lie in the arena; free the
 * BSON with document_free. NULL: cannot be stored, or the arena is full (err->domain ERR_DATA / ERR_SYSTEM). */
struct document *raw_event_build(const struct need *n, const struct config *config, int64_t now_ms,
                                 struct arena *arena, struct err *err) __attribute__((warn_unused_result));

/* Its _id, "<platform>:<shop>:<key>:<kind>:<id>", in the arena. NULL: not UTF-8 or with a NUL, or the arena is full. */
const char *raw_event_id(const struct entry *e, struct arena *arena, struct err *err);

#endif
