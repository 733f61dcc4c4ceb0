/* server.h - server: the loops that do the work, from binding the address to the last answer.
 *
 * Each loop is a thread with its own event_base, listener, evhttp and connection to Redis. Loops share the configuration
 * and a few atomics and never touch each other's objects, so libevent needs no locks: the main thread wakes a loop
 * through its eventfd, and a loop that has ended wakes the main thread through another. */
#ifndef SHOPSTREAM_SERVER_SERVER_H
#define SHOPSTREAM_SERVER_SERVER_H

#include <stdbool.h>

#include "common/config.h"
#include "common/err.h"
#include "common/strbuf.h"

struct server; /* opaque */

/* Binds LISTEN once per loop. c is borrowed and must outlive it. NULL: err says why. You own it (server_free). */
struct server *server_new(const struct config *c, struct err *err) __attribute__((warn_unused_result));

int server_port(const struct server *s); /* where it listens, also after LISTEN=...:0 */

/* The admin port, for the tools to find; before the start. */
void server_announce(struct server *s, int admin_port);

/* Runs the loops' threads. False: err says why; server_free is still yours to call. */
bool server_start(struct server *s, struct err *err) __attribute__((warn_unused_result));

/* For the admin port: we can store, in Redis by every loop or in the journal, and are not leaving. Any thread. */
bool server_ready(struct server *s, struct strbuf *why);

/* Appends the ledger's lines (ledger.h). Any thread. */
void server_ledger(struct server *s, struct strbuf *to);

/* Begins to drain and returns at once. Not ready from here on. */
void server_drain(struct server *s);

/* A descriptor that becomes readable when a loop has ended. */
int server_ended_fd(const struct server *s);

/* True once all loops have ended; reads the descriptor. */
bool server_ended(struct server *s);

/* Joins the threads, which must have been told to drain, and frees everything. Accepts NULL. */
void server_free(struct server *s);

#endif
