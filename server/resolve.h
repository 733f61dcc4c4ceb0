/* resolve.h - server: the address of Redis, looked up without blocking a loop.
 *
 * hiredis resolves names in the calling thread, which would stop a whole loop for as long as a name server is away. So
 * names are looked up once at start (a failure there is no failure: Redis may simply not be known yet) and, on a thread
 * of its own, whenever a loop has lost its connection: after a failover the name may point elsewhere. A numeric address
 * needs none of this, and gets none.
 * Thread boundary: loops only bump a counter and read a pointer, both atomic; addresses are never changed or freed
 * before the end, and only a new address makes a new one. */
#ifndef SHOPSTREAM_SERVER_RESOLVE_H
#define SHOPSTREAM_SERVER_RESOLVE_H

#include <stdbool.h>

#include "common/err.h"

struct resolver; /* opaque */

bool resolve_is_numeric(const char *host);

/* Looks host up now and starts the thread. NULL: err says why the thread could not be made. You own it. */
struct resolver *resolver_start(const char *host, struct err *err) __attribute__((warn_unused_result));

/* The latest numeric address as text; NULL when there is none yet. Good until resolver_stop. Any thread. */
const char *resolver_address(const struct resolver *r);

/* Asks for another look-up; returns at once. Any thread. */
void resolver_again(struct resolver *r);

/* Ends the thread, waiting for a look-up under way. Accepts NULL. */
void resolver_stop(struct resolver *r);

#endif
