/* link.h - worker: one blocking connection to Redis (hiredis), with the facts of 0.14.1 handled in one place: a context
 * is dead after any NULL reply, timeouts must exceed BLOCK, AUTH and SELECT at each connect, numeric or named hosts.
 * One thread. A lane has two (reads that block, acks), the keeper one. */
#ifndef SHOPSTREAM_WORKER_LINK_H
#define SHOPSTREAM_WORKER_LINK_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/redis_url.h"

struct arena;
struct link; /* opaque */

/* name: for logs ("lane 0 read"). timeout_ms: longest wait for a reply; must exceed BLOCK. Does not connect. Owned. */
struct link *link_new(const struct redis_url *url, const char *name, int64_t timeout_ms);
void link_free(struct link *l); /* accepts NULL */

/* Connects when there is no connection, at once, no back-off here (the lane paces itself). False: err. */
bool link_open(struct link *l, struct err *err) __attribute__((warn_unused_result));
bool link_is_open(const struct link *l);
void link_close(struct link *l); /* drops the connection; link_open makes a new one */

/* How often a connection was made: a change means "reconnected", so take the own pending entries again. */
uint64_t link_generation(const struct link *l);

/* One command. Returns owned (freeReplyObject), also error replies (type REDIS_REPLY_ERROR). NULL: the connection is
 * gone (closed here), outcome unknown, err says why. Lengths may be NULL (then strlen). Connects when needed. */
redisReply *link_call(struct link *l, int argc, const char **argv, const size_t *lengths, struct err *err)
    __attribute__((warn_unused_result));

/* The same, but the reply lies in the arena and ends with it, not with the connection. Const, so that the compiler refuses
 * to give it to freeReplyObject. Not while replies are owed (link_send). */
const redisReply *link_call_in(struct link *l, struct arena *arena, int argc, const char **argv,
                               struct err *err) __attribute__((warn_unused_result));

/* Pipelining: send any number, then fetch as many replies, in order. False / NULL: as above. */
bool link_send(struct link *l, int argc, const char **argv, const size_t *lengths, struct err *err)
    __attribute__((warn_unused_result));
bool link_send_resp(struct link *l, const char *command, size_t n, struct err *err)
    __attribute__((warn_unused_result)); /* one command that is RESP already (entry_add_xadd) */
redisReply *link_receive(struct link *l, struct err *err) __attribute__((warn_unused_result));

/* First word of an error reply equals word ("NOGROUP", "OOM", "NOSCRIPT")? Texts differ between servers. */
bool link_error_is(const redisReply *r, const char *word);

/* Records an error reply as the reason of a failure ("redis host:port: <doing>: <reply>"). Replies that say "wrong
 * server" or "wrong user" (READONLY, MASTERDOWN, NOAUTH, NOPERM) also close the connection: the next one finds out anew. */
void link_refused(struct link *l, const redisReply *r, const char *doing, struct err *err);

/* The Redis clock of the lane: TIME once per turn plus monotonic time since. */
struct redis_time {
    int64_t at_ms;   /* Redis' clock at the last TIME, UTC epoch ms; 0 = never asked */
    int64_t mono_ms; /* our monotonic clock at that moment */
};
/* Asks again where the answer was long on its way. False: err. */
bool redis_time_sync(struct redis_time *t, struct link *l, struct err *err)
    __attribute__((warn_unused_result));
int64_t redis_time_now_ms(const struct redis_time *t);

#endif
