/* presence.h - server: tells the tools where this server's admin port is.
 *
 * In:      SERVER_NAME and the address. Out: webhooks:server:<name>, set before the first event is taken and at each new
 *          connection, and every PRESENCE_MS when it is not there (an NX that finds it writes nothing to Redis' files).
 * Fails:   never for good: it is set again.
 * Thread:  presence_tick its loop's; presence_start before the loops run, presence_remove after they have ended.
 * Why so:  the key has no end of life. A server that died with a journal full of events must be missed by shopstreamctl
 *          prove, which takes a server that cannot be asked for "not known" and never for "all is well". */
#ifndef SHOPSTREAM_SERVER_PRESENCE_H
#define SHOPSTREAM_SERVER_PRESENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/config.h"
#include "common/redis_url.h"
#include "server/stream.h"

enum { PRESENCE_MS = 1000 };

struct presence; /* opaque */

/* port: of the admin listener. c is borrowed. You own it (presence_free). */
struct presence *presence_new(const struct config *c, int port);
void presence_free(struct presence *p); /* accepts NULL */

/* Once, waiting a little. A Redis that does not answer is told by the first tick that is connected. host: as for ask_redis. */
void presence_start(struct presence *p, const struct redis_url *url, const char *host);

void presence_tick(struct presence *p, struct stream *s, int64_t mono_ms);

/* A clean end with nothing left behind: takes the key away, once, waiting a little. host: as for ask_redis. */
void presence_remove(struct presence *p, const struct redis_url *url, const char *host);

#endif
