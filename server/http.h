/* http.h - server, stage 1 of 5 (receive) and the way back of stage 5 (answer).
 *
 * In:      HTTP requests, complete, from evhttp.
 * Out:     pushes, handed from stage to stage; answers, sent now or whenever the store has decided.
 * Fails:   only by answer.
 * Thread:  its loop's only.
 * Why so:  evhttp owns connections and requests; a request is held here only between its handler and its answer. No close
 *          callbacks: evhttp does not read from a connection whose request is being handled, notices a client that
 *          left when it writes, and a callback that outlived its request would be a use after free. */
#ifndef SHOPSTREAM_SERVER_HTTP_H
#define SHOPSTREAM_SERVER_HTTP_H

#include "common/config.h"
#include "server/connections.h"

struct evconnlistener;
struct event_base;
struct http; /* opaque: receive, verify, map and store of one loop */
struct pending_stores;
struct pendings;

enum http_mode {
    HTTP_SERVING,  /* normal */
    HTTP_LEAVING,  /* requests are still stored, but each answer closes its connection */
    HTTP_REFUSING, /* 503: Redis has been let go */
};

/* Takes listener (also on failure of the process; nothing else can fail). c, limit and what stores names are borrowed and must
 * outlive it. You own the result (http_free). */
struct http *http_new(struct event_base *base, const struct config *c, struct evconnlistener *listener,
                      const struct pending_stores *stores, struct connections_limit *limit);

/* When no request is pending any more. Closes all connections. Accepts NULL. */
void http_free(struct http *h);

void http_stop_listening(struct http *h);
void http_set_mode(struct http *h, enum http_mode mode);

/* From the loop's timer. */
void http_tick(struct http *h, int64_t mono_ms);

const struct pendings *http_pendings(const struct http *h);
const struct connections *http_connections(const struct http *h);

#endif
