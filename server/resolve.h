/* resolve.h - server: the address of Redis, looked up without blocking a loop.
 *
 * hiredis resolves names in the calling thread, which would stop a whole loop for as long as a name server is away. So
 * names are looked up once at start (a failure there is no failure: Redis may simply not be known yet) and, on a thread
 * of its own, whenever a loop has lost its connection, or the journal's drain found a replica at its end: after a
 * failover the name may point elsewhere. Of a name's several addresses (localhost is ::1 and 127.0.0.1) one is used
 * until it does not let us in, then the next. A numeric address needs none of this, and gets none.
 * Thread boundary: loops only bump a counter and read a pointer, both atomic; addresses are never changed or freed
 * before the end, and only a new address makes a new one. */
#ifndef SHOPSTREAM_SERVER_RESOLVE_H
#define SHOPSTREAM_SERVER_RESOLVE_H

#include <arpa/inet.h>
#include <netdb.h>
#include <stdbool.h>

#include "common/err.h"

struct resolver; /* opaque */

bool resolve_is_numeric(const char *host);

/* Which of a name's addresses (at least one) to use: latest (NULL: none yet) while it is among them, the one behind it when
 * another is wanted, else the first. Pure. False: it has no numeric form. */
bool resolve_pick(const struct addrinfo *found, const char *latest, bool another, char text[INET6_ADDRSTRLEN])
    __attribute__((warn_unused_result));

/* Looks host up now and starts the thread. NULL: err says why the thread could not be made. You own it. */
struct resolver *resolver_start(const char *host, struct err *err) __attribute__((warn_unused_result));

/* The latest numeric address as text; NULL when there is none yet. Good until resolver_stop. Any thread. */
const char *resolver_address(const struct resolver *r);

/* Asks for another look-up; returns at once. failed: the address (as given by resolver_address) that did not let us in,
 * NULL when it did. Any thread. */
void resolver_again(struct resolver *r, const char *failed);

/* Ends the thread, waiting for a look-up under way. Accepts NULL. */
void resolver_stop(struct resolver *r);

#endif
