/* layout_ask.h - worker and tool: asks Redis for webhooks:layout (common/layout.h) over a connection that may wait.
 *
 * In:      what the asker knows. Out: the layout that holds.
 * Fails:   Redis is away or refuses (ERR_REDIS); the record is not readable (ERR_CONFIG): then the asker keeps what it knew. */
#ifndef SHOPSTREAM_WORKER_LAYOUT_ASK_H
#define SHOPSTREAM_WORKER_LAYOUT_ASK_H

#include "common/err.h"
#include "common/layout.h"
#include "worker/link.h"

/* As a program that runs: makes the record where there is none, raises it to known->most. */
bool layout_ask_shared(struct link *l, const struct layout *known, struct layout *out, struct err *err)
    __attribute__((warn_unused_result));

/* As one who only looks: *out is *known where there is no record. *there: there is one; may be NULL. */
bool layout_ask_look(struct link *l, const struct layout *known, struct layout *out, bool *there,
                     struct err *err) __attribute__((warn_unused_result));

/* Looks for streams of partitions from..KEYS_PARTITIONS_MAX - 1, dead letters too. *most: what the record must say at least, for
 * the highest one found to be read; untouched when there is none. */
bool layout_ask_streams(struct link *l, int from, int *most, struct err *err)
    __attribute__((warn_unused_result));

/* As a person who wants in_use partitions from now on. *before: zeroed when there was no record. */
bool layout_ask_change(struct link *l, int in_use, const struct layout *known, struct layout *before,
                       struct layout *now, struct err *err) __attribute__((warn_unused_result));

#endif
