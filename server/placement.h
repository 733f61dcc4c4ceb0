/* placement.h - server: which partition do new events go to?
 *
 * In:      webhooks:layout, asked for once before the loops run and each second by one loop for the whole process; until it
 *          has been read, STREAM_PARTITIONS.
 * Out:     the number of partitions in use.
 * Fails:   never. What cannot be asked, or is not readable, leaves things as they were; a person is told.
 * Thread:  placement_start before the loops run, placement_finish after they have ended, placement_tick its loop's, the
 *          others any.
 * Why so:  a partition that an entry was put into must be on record before it is forgotten here, or no worker would read it.
 *          So this also remembers the highest one used, be it by a guess while Redis was away or by what an old journal
 *          holds, and each question raises the record to it. */
#ifndef SHOPSTREAM_SERVER_PLACEMENT_H
#define SHOPSTREAM_SERVER_PLACEMENT_H

#include <stdint.h>

#include "common/config.h"
#include "common/redis_url.h"
#include "server/stream.h"

struct placement; /* opaque */

/* c is borrowed. You own it (placement_free), until the stream it asks has been stopped. */
struct placement *placement_new(const struct config *c);
void placement_free(struct placement *p); /* accepts NULL */

/* Asks once, waiting a little; a Redis that is away is asked later, by the tick. host: as for ask_redis. */
void placement_start(struct placement *p, const struct redis_url *url, const char *host);

/* After the loops have ended: what was drained since may not be on record yet. Asks once, and only then. */
void placement_finish(struct placement *p, const struct redis_url *url, const char *host);

/* Asks when it is time to, and at each new connection at once. */
void placement_tick(struct placement *p, struct stream *s, int64_t mono_ms);

/* Over how many partitions to spread an event that has just come, 1..KEYS_PARTITIONS_MAX. */
int placement_partitions(struct placement *p);

/* An entry with that partition is about to be stored: it was given it in an earlier life of this server. */
void placement_used(struct placement *p, int partition);

#endif
