/* connections.c - server: limit, slow clients, and what evhttp answers by itself. Reasons: connections.h.
 *
 * Closing is in two steps: evhttp shuts its side down and lets go of the bufferevent, and the sweep, at most SWEEP_MS
 * later, drops ours, which closes the descriptor. So the count is the number of descriptors. A client that is still
 * sending when it is refused (413) gets LINGER_MS to read why before the kernel resets the connection, which would take
 * the answer back: nginx tells its client 502 then. At the limit it does not get them.
 *
 * A connection is closed from here by shutting its socket down, never by freeing anything: evhttp then meets the end of
 * the stream and cleans up on its own path. That is done only while no request of the connection is being handled
 * (evhttp does not read then, and would not notice).
 *
 *   since_ms = 0        between requests; evhttp's own time-out ends it when it idles too long
 *   since_ms > 0        the first byte of a request came then and the request is not complete
 *
 * A request that is longer than any could be, headers, body and the heads of its chunks, is cut off.
 *
 * Bodies on their way are memory too: a loop holds RECEIVING_MAX of them. Beyond it, connections in the middle of a large
 * request are closed as they send more; evhttp offers no way to answer half a request.
 *
 * A connection over the limit may send one request, which is answered with 503, and is shut down when it has not done so
 * within UNWANTED_MS. Closing it at once would be simpler, but the sender would see a broken connection instead of an
 * answer. Further over the limit than CONNECTIONS_SPARE, and when descriptors run out, the listener rests until the next sweep that
 * finds room; the kernel's queue holds the newcomers meanwhile.
 *
 * evhttp stops reading when it has a request and starts again with the answer: two system calls, because the loop turns in
 * between. So while a request waits, the connection is held: the bufferevent reads on, and stops itself with the first byte
 * or at the end of the stream, which hardly ever come. And while a request is read, a second event of the same descriptor,
 * the anchor, keeps libevent from noticing that evhttp stops for a moment. Nothing else changes: what comes early (at most
 * one read) waits in the bufferevent for its turn, and evhttp meets the end of the stream when it reads again. */
#include "server/connections.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/strbuf.h"
#include "server/answer.h"

enum {
    RECEIVING_MAX = 64 << 20,   /* bytes of unfinished requests a loop holds */
    RECEIVING_SMALL = 64 << 10, /* a connection with less of them is never the one to go */
    UNWANTED_MS = 1000,         /* life of a connection over the limit */
    LINGER_MS = 1000,           /* of one that was refused in the middle of its request */
    REAP_MS = 50,               /* at the limit: not more often than this is looked for closed ones */
};

struct connection {
    struct connection *previous, *next; /* all of the loop */
    struct connections *all;
    struct bufferevent *bev; /* our reference */
    struct event anchor;     /* one-shot, does nothing; assigned with the first byte */
    int64_t since_ms;        /* monotonic: first byte of the unfinished request; 0: none */
    size_t received;         /* bytes of the unfinished request */
    int64_t refused_ms;      /* monotonic: a sweep found it closed in the middle of a request; 0: none has */
    bool unwanted;           /* over the limit */
    bool shut;               /* we have shut it down */
};

struct connections {
    struct evconnlistener *listener; /* borrowed; NULL once we stopped listening */
    struct connections_limit *limit; /* borrowed */
    struct connection *first;
    struct connection *current; /* whose bytes were looked at last: the one a request belongs to */
    size_t count;
    size_t received;              /* bytes of all unfinished requests */
    size_t receiving;             /* with since_ms, as of the last sweep */
    int64_t timeout_ms;           /* for a whole request */
    size_t request_max;           /* bytes of a whole request */
    int64_t reaped_ms;            /* monotonic: last sweep */
    bufferevent_data_cb write_cb; /* evhttp's, the same for all connections; NULL before the first was held */
    bufferevent_event_cb event_cb; /* same */
    bool ours;                     /* between connections_answering(true) and (false) */
    bool resting;                  /* the listener is disabled */
};

/* evhttp unsets the callbacks when it frees its reference, and only then. */
static bool closed(const struct connection *c)
{
    bufferevent_data_cb read_cb, write_cb;
    bufferevent_event_cb event_cb;
    void *arg;

    bufferevent_getcb(c->bev, &read_cb, &write_cb, &event_cb, &arg);
    return !read_cb && !write_cb && !event_cb;
}

static void forget(struct connection *c)
{
    struct connections *all = c->all;

    *(c->previous ? &c->previous->next : &all->first) = c->next;
    if (c->next)
        c->next->previous = c->previous;
    if (all->current == c)
        all->current = NULL;
    if (event_initialized(&c->anchor))
        event_del(&c->anchor);
    all->count--;
    all->received -= c->received;
    atomic_fetch_sub(&all->limit->open, 1);
    metric_add(METRIC_SERVER_CONNECTIONS, -1);
    bufferevent_decref(c->bev);
    free(c);
}

static void rest(struct connections *all)
{
    if (!all->listener || all->resting)
        return;
    all->resting = true;
    evconnlistener_disable(all->listener);
}

/* What it has sent is handled, or lost. */
static void settle(struct connection *c)
{
    c->since_ms = 0;
    c->all->received -= c->received;
    c->received = 0;
}

static void shut(struct connection *c)
{
    c->shut = true;
    shutdown(bufferevent_getfd(c->bev), SHUT_RDWR);
}

/* ---- while a request waits for its answer ---- */

static void on_early(struct bufferevent *bev, void *evcon)
{
    (void)evcon;
    bufferevent_disable(bev, EV_READ);
}

/* The bufferevent has stopped by itself. */
static void on_early_end(struct bufferevent *bev, short what, void *evcon)
{
    (void)bev;
    (void)what;
    (void)evcon;
}

/* And evhttp's callback, if evhttp may read. *evcon is what it wants. */
static bool held(struct bufferevent *bev, void **evcon)
{
    bufferevent_data_cb read_cb, write_cb;
    bufferevent_event_cb event_cb;

    bufferevent_getcb(bev, &read_cb, &write_cb, &event_cb, evcon);
    return read_cb == on_early;
}

static void on_anchor(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)arg;
}

/* Before evhttp gets to see what was read. */
static void anchor(struct connection *c)
{
    if (!event_initialized(&c->anchor))
        event_assign(&c->anchor, bufferevent_get_base(c->bev), bufferevent_getfd(c->bev), EV_READ, on_anchor,
                     c);
    event_add(&c->anchor, NULL);
}

void connections_hold(struct connections *all)
{
    struct connection *c = all->current;
    bufferevent_data_cb read_cb;
    void *evcon;

    if (evbuffer_get_length(bufferevent_get_input(c->bev)) > 0)
        return; /* the next request is there already, and would not be the last to be read ahead */
    bufferevent_getcb(c->bev, &read_cb, &all->write_cb, &all->event_cb, &evcon);
    bufferevent_setcb(c->bev, on_early, all->write_cb, on_early_end, evcon);
    bufferevent_enable(c->bev, EV_READ);
    event_del(&c->anchor);
}

bool connections_let_go(struct connections *all, struct bufferevent *bev)
{
    void *evcon;

    if (!held(bev, &evcon))
        return false;
    bufferevent_setcb(bev, NULL, all->write_cb, all->event_cb, evcon);
    return true;
}

/* ---- what happens on a connection ---- */

/* evhttp keeps a line of unknown length (a chunk's size, with its extensions) until it ends, without a limit, and searches
 * all of it for the end again with every read: 33 MB of zeros cost 5 s of the loop. A sender that was refused already and
 * sends on is not cut off, it has yet to read why; it is only not read any more. */
static void check_length(struct connection *c)
{
    if (c->received <= c->all->request_max || c->shut)
        return;
    if (closed(c)) {
        bufferevent_disable(c->bev, EV_READ);
        return;
    }
    metric_add(METRIC_SERVER_DROPPED_CONNECTIONS, 1);
    shut(c);
}

static void on_input(struct evbuffer *b, const struct evbuffer_cb_info *info, void *arg)
{
    struct connection *c = arg;
    struct connections *all = c->all;
    void *evcon;

    (void)b;
    all->current = c;
    if (info->n_added == 0 || held(c->bev, &evcon))
        return;
    anchor(c);
    if (c->since_ms == 0)
        c->since_ms = clock_mono_ms();
    c->received += info->n_added;
    all->received += info->n_added;
    check_length(c);
    if (all->received > RECEIVING_MAX && c->received > RECEIVING_SMALL && !c->shut) {
        metric_add(METRIC_SERVER_DROPPED_CONNECTIONS, 1);
        shut(c);
    }
}

static void on_output(struct evbuffer *b, const struct evbuffer_cb_info *info, void *arg)
{
    const struct connection *c = arg;
    struct evbuffer_ptr added;
    char line[12]; /* "HTTP/1.1 413" */

    if (c->all->ours || info->n_added < sizeof(line) ||
        evbuffer_ptr_set(b, &added, info->orig_size, EVBUFFER_PTR_SET) ||
        evbuffer_copyout_from(b, &added, line, sizeof(line)) != (ev_ssize_t)sizeof(line))
        return;
    if (memcmp(line, "HTTP/1.", 7) != 0 || line[9] == '1') /* a header, or 100 Continue */
        return;
    answer_count(memcmp(line + 9, "413", 3) == 0 ? ANSWER_TOO_LARGE : ANSWER_MALFORMED_HTTP);
}

static struct bufferevent *on_connection(struct event_base *base, void *arg)
{
    struct connections *all = arg;
    struct connection *c;
    struct bufferevent *bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
    long open;

    if (!bev)
        fatalx("connections: no memory for a bufferevent");
    open = atomic_fetch_add(&all->limit->open, 1) + 1;
    if (open > all->limit->most && clock_mono_ms() - all->reaped_ms >= REAP_MS) {
        connections_sweep(all, clock_mono_ms());
        open = atomic_load(&all->limit->open);
    }
    c = xcalloc(1, sizeof(*c));
    c->all = all;
    c->bev = bev;
    bufferevent_incref(bev);
    if (!evbuffer_add_cb(bufferevent_get_input(bev), on_input, c) ||
        !evbuffer_add_cb(bufferevent_get_output(bev), on_output, c))
        fatalx("connections: no memory for a callback");
    c->next = all->first;
    if (c->next)
        c->next->previous = c;
    all->first = c;
    all->count++;
    metric_add(METRIC_SERVER_CONNECTIONS, 1);
    if (open > all->limit->most) {
        c->unwanted = true;
        c->since_ms = clock_mono_ms();
    }
    if (open > all->limit->most + CONNECTIONS_SPARE)
        rest(all);
    return bev;
}

static void on_accept_error(struct evconnlistener *listener, void *arg)
{
    int error = errno;

    (void)listener;
    log_warn("accept failed", LOG_S("err", strerror(error)));
    rest(arg);
}

/* ---- interface ---- */

struct connections *connections_new(struct evhttp *http, struct evconnlistener *listener,
                                    struct connections_limit *limit, int64_t timeout_ms, size_t request_max)
{
    struct connections *all = xcalloc(1, sizeof(*all));

    all->listener = listener;
    all->limit = limit;
    all->timeout_ms = timeout_ms;
    all->request_max = request_max;
    evhttp_set_bevcb(http, on_connection, all);
    evconnlistener_set_error_cb(listener, on_accept_error);
    return all;
}

void connections_free(struct connections *all)
{
    if (!all)
        return;
    while (all->first)
        forget(all->first);
    free(all);
}

void connections_forget_listener(struct connections *all)
{
    all->listener = NULL;
}

bool connections_request(struct connections *all, struct evhttp_connection *evcon)
{
    struct bufferevent *bev = evhttp_connection_get_bufferevent(evcon);
    struct connection *c = all->current;

    /* evhttp calls the handler while it takes the request's last bytes out of the buffer, so this is the one. */
    if (!c || c->bev != bev)
        for (c = all->first; c && c->bev != bev;)
            c = c->next;
    if (!c)
        fatalx("connections: a request of a connection that was never made");
    all->current = c;
    settle(c);
    return !c->unwanted;
}

void connections_answering(struct connections *all, bool ours)
{
    all->ours = ours;
}

/* evhttp has closed it, and its client may still be sending. */
static bool lingers(struct connection *c, int64_t mono_ms)
{
    if (c->since_ms == 0 || c->shut || atomic_load(&c->all->limit->open) >= c->all->limit->most)
        return false;
    if (c->refused_ms == 0)
        c->refused_ms = mono_ms;
    return mono_ms - c->refused_ms < LINGER_MS;
}

void connections_sweep(struct connections *all, int64_t mono_ms)
{
    struct connection *c, *next;

    all->reaped_ms = mono_ms;
    all->receiving = 0;
    for (c = all->first; c; c = next) {
        next = c->next;
        if (closed(c)) {
            if (!lingers(c, mono_ms))
                forget(c);
            continue;
        }
        if (c->since_ms == 0)
            continue;
        all->receiving++;
        if (c->shut || mono_ms - c->since_ms <= (c->unwanted ? UNWANTED_MS : all->timeout_ms))
            continue;
        metric_add(c->unwanted ? METRIC_SERVER_DROPPED_CONNECTIONS : METRIC_SERVER_SLOW_CLIENTS, 1);
        shut(c);
    }
    if (all->listener && all->resting && atomic_load(&all->limit->open) <= all->limit->most) {
        all->resting = false;
        evconnlistener_enable(all->listener);
    }
}

size_t connections_open(const struct connections *all)
{
    return all->count;
}

size_t connections_receiving(const struct connections *all)
{
    return all->receiving;
}

bool connections_flushed(const struct connections *all)
{
    for (const struct connection *c = all->first; c; c = c->next)
        if (!closed(c) && evbuffer_get_length(bufferevent_get_output(c->bev)) > 0)
            return false;
    return true;
}
