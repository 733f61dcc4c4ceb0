/* high_water.h - worker: is Redis nearly full?
 *
 * In:      INFO memory, whenever somebody who could wait is about to write or to keep something.
 * Out:     one flag: set from REDIS_HIGH_WATER on, until it is below REDIS_LOW_WATER.
 * Fails:   false when Redis is gone. What it does not tell leaves the flag as it was.
 * Thread:  whoever owns the link.
 * Why so:  above the mark the server journals, so that workers can finish what there is and trimming can free it. What
 *          adds entries of its own accord (the sweep) has to wait then, and what keeps finished ones (the trim) to let go. */
#ifndef SHOPSTREAM_WORKER_HIGH_WATER_H
#define SHOPSTREAM_WORKER_HIGH_WATER_H

#include <stdbool.h>

#include "common/config.h"
#include "common/err.h"
#include "worker/link.h"

struct high_water {
    const struct config *config; /* borrowed */
    bool above;
};

/* Asks Redis and sets h->above. */
bool high_water_look(struct high_water *h, struct link *link, struct err *err)
    __attribute__((warn_unused_result));

#endif
