/* pressure.h - server: how full is Redis?
 *
 * In:      INFO memory, asked for each second by one loop for the whole process.
 * Out:     one flag: from REDIS_HIGH_WATER on, until it is below REDIS_LOW_WATER, events go to the journal and the journal is
 *          not drained.
 * Fails:   never. What cannot be asked leaves the flag as it was; what has no limit sets none, and a person is told.
 * Thread:  pressure_tick its loop's; pressure_high any.
 * Why so:  a Redis that is full refuses the workers' own writes too. What the server keeps back leaves them the room in which
 *          they finish entries, and finished entries are what trimming frees. */
#ifndef SHOPSTREAM_SERVER_PRESSURE_H
#define SHOPSTREAM_SERVER_PRESSURE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/config.h"
#include "server/stream.h"

struct pressure; /* opaque */

/* c is borrowed. You own it (pressure_free), until the stream it asks has been stopped. */
struct pressure *pressure_new(const struct config *c);
void pressure_free(struct pressure *p); /* accepts NULL */

/* Asks when it is time to. */
void pressure_tick(struct pressure *p, struct stream *s, int64_t mono_ms);

bool pressure_high(const struct pressure *p);

#endif
