/* connections.h - server: the client connections of one loop: how many, and how slow.
 *
 * evhttp knows neither a limit of connections nor an age of requests: its time-out starts anew with every byte, so a
 * client that sends one byte a second holds its connection for ever. Both are kept here.
 * Thread:  its loop's only; the count of the process is an atomic that all loops share.
 * Why so:  evhttp tells nobody when it closes a connection that has not sent a request yet. But it lets us make the
 *          bufferevent, so we keep a second reference to it; once evhttp has freed its own, the callbacks are unset,
 *          which a sweep sees. All of it is documented interface; a patched evhttp would be simpler and nobody's. */
#ifndef SHOPSTREAM_SERVER_CONNECTIONS_H
#define SHOPSTREAM_SERVER_CONNECTIONS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bufferevent;
struct connections; /* opaque */
struct evconnlistener;
struct evhttp;
struct evhttp_connection;

enum { CONNECTIONS_SPARE = 64 }; /* connections over the limit before no more are accepted */

/* Of the process. */
struct connections_limit {
    atomic_long open; /* connections of all loops, closed ones until the next sweep */
    long most;        /* above it a connection gets one 503 and is closed */
};

/* Hooks itself into http. limit and listener are borrowed and must outlive it, until connections_forget_listener for the
 * latter. request_max: bytes after which a request that is still not complete ends its connection. You own the result. */
struct connections *connections_new(struct evhttp *http, struct evconnlistener *listener,
                                    struct connections_limit *limit, int64_t timeout_ms, size_t request_max);

/* After evhttp_free, before event_base_free. Accepts NULL. */
void connections_free(struct connections *all);

void connections_forget_listener(struct connections *all); /* it is about to be freed */

/* The request being handled is complete: its connection is no slow client. False: it is over the limit. */
bool connections_request(struct connections *all, struct evhttp_connection *evcon);

/* The request being handled waits for its answer: what its client sends meanwhile is left for later, at the price of no
 * system call. The answer lets go of it: connections_let_go, or evhttp's own functions. */
void connections_hold(struct connections *all);

/* The answer is about to be written, and not by evhttp. False: it is not held, so only evhttp can answer. */
bool connections_let_go(struct connections *all, struct bufferevent *bev);

/* Around every answer of ours; what is written outside is an answer of evhttp's own (413, 400, 501) and counted. */
void connections_answering(struct connections *all, bool ours);

/* Closes clients that are too slow, forgets closed ones, listens again when there is room. */
void connections_sweep(struct connections *all, int64_t mono_ms);

/* After a sweep: */
size_t connections_open(const struct connections *all);
size_t connections_receiving(const struct connections *all); /* in the middle of a request */
bool connections_flushed(const struct connections *all);     /* every answer has been given to the kernel */

#endif
