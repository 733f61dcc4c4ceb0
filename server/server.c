/* server.c - server: the loops. Contract and threads: server.h.
 *
 * A loop's timer drives everything that is not an arrival: deadlines, PINGs, reconnects, slow clients, and the steps of
 * leaving. Leaving is a mode, in the order that was found clean with Redis frozen:
 *
 *   LOOP_RUNNING   -> stop listening; answers close their connections ->
 *   LOOP_LEAVING   -> until nothing is pending and nobody is in the middle of a request, or DRAIN_MS has passed:
 *                     let go of Redis (open commands call back at once, their requests go to the journal, or get 503) ->
 *   LOOP_FLUSHING  -> until the journal has said all it owes and every answer is with the kernel, or FLUSH_MS has passed:
 *                     end the loop ->
 *   (thread)       -> evhttp, connections, events, event_base, in this order.
 *
 * The drain goes on meanwhile, and after the last loop as long as it gets on and DRAIN_MS is not over; what is left then
 * is for the next start. The journal's writer ends last, with nothing left to write.
 *
 * Connections that are idle when leaving begins get GRACE_MS: a request already on its way finds somebody at home, and a
 * client under load is told by its next answer to close. */
#include "server/server.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/number.h"
#include "common/redis_url.h"
#include "common/thread.h"
#include "server/connections.h"
#include "server/drain.h"
#include "server/http.h"
#include "server/journal.h"
#include "server/ledger.h"
#include "server/pending.h"
#include "server/placement.h"
#include "server/presence.h"
#include "server/pressure.h"
#include "server/replay.h"
#include "server/resolve.h"
#include "server/stream.h"

enum {
    TICK_MS = 50,     /* the loops' timer: how late a deadline may be noticed */
    GRACE_MS = 300,   /* idle connections stay open so long after leaving began */
    FLUSH_MS = 2000,  /* longest wait for answers to leave */
    BACKLOG = 4096,   /* connections the kernel may queue per loop */
    DESCRIPTORS = 64, /* kept back for everything that is no client */
};

enum loop_mode { LOOP_RUNNING, LOOP_LEAVING, LOOP_FLUSHING };

struct loop {
    struct server *server;
    struct event_base *base;
    struct stream *stream;
    struct journal_port *port; /* NULL: no journal */
    struct event *port_event;  /* reads its descriptor; same */
    struct replay *replay;
    struct http *http;
    struct event *timer;
    struct event *wake; /* reads wake_fd */
    int wake_fd;        /* eventfd: look at server->draining */
    enum loop_mode mode;
    int64_t since_ms; /* monotonic: when mode began */
    pthread_t thread;
    bool running; /* the thread was made and not joined */
};

struct server {
    const struct config *config; /* borrowed */
    struct redis_url url;
    struct resolver *resolver; /* NULL: nothing to resolve */
    struct journal *journal;   /* NULL: no journal */
    struct drain *drain;       /* same; NULL before the start */
    struct ledger *ledger;
    struct replay_counts *counts;
    struct presence *presence;   /* told by the first loop; NULL: no admin port */
    struct pressure *pressure;   /* asked for by the first loop */
    struct placement *placement; /* same */
    struct connections_limit limit;
    int port;
    int ended_fd; /* eventfd, counts ended loops */
    int ended;    /* loops known to have ended; the main thread's */
    atomic_bool draining;
    int64_t draining_ms; /* monotonic: since when; the main thread's */
    size_t count;
    struct loop loops[];
};

/* ---- a loop ---- */

static void loop_enter(struct loop *l, enum loop_mode mode)
{
    l->mode = mode;
    l->since_ms = clock_mono_ms();
}

static void loop_leave(struct loop *l)
{
    http_stop_listening(l->http);
    http_set_mode(l->http, HTTP_LEAVING);
    loop_enter(l, LOOP_LEAVING);
}

/* What leaving waits for, after a sweep. */
static bool loop_quiet(const struct loop *l, int64_t waited_ms)
{
    const struct connections *open = http_connections(l->http);

    if (pendings_count(http_pendings(l->http)) > 0 || connections_receiving(open) > 0)
        return false;
    return waited_ms >= GRACE_MS || connections_open(open) == 0;
}

static void loop_let_go(struct loop *l)
{
    size_t unanswered = pendings_unanswered(http_pendings(l->http));

    if (unanswered > 0)
        log_warn(l->port ? "draining took too long, what is left goes to the journal"
                         : "draining took too long, refusing what is left",
                 LOG_I("requests", unanswered));
    http_set_mode(l->http, HTTP_REFUSING);
    replay_stop(l->replay); /* their callbacks come now */
    loop_enter(l, LOOP_FLUSHING);
}

static void loop_step(struct loop *l, int64_t mono_ms)
{
    const int64_t waited_ms = mono_ms - l->since_ms;

    if (l->mode == LOOP_RUNNING && atomic_load(&l->server->draining))
        loop_leave(l);
    else if (l->mode == LOOP_LEAVING &&
             (loop_quiet(l, waited_ms) || waited_ms >= l->server->config->drain_ms))
        loop_let_go(l);
    else if (l->mode == LOOP_FLUSHING &&
             ((pendings_count(http_pendings(l->http)) == 0 && replay_open(l->replay) == 0 &&
               connections_flushed(http_connections(l->http))) ||
              waited_ms >= FLUSH_MS))
        event_base_loopexit(l->base, NULL);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct loop *l = arg;
    int64_t mono_ms = clock_mono_ms();

    (void)fd;
    (void)what;
    stream_tick(l->stream, mono_ms);
    replay_tick(l->replay, mono_ms);
    http_tick(l->http, mono_ms);
    if (l == l->server->loops)
        pressure_tick(l->server->pressure, l->stream, mono_ms);
    if (l == l->server->loops)
        placement_tick(l->server->placement, l->stream, mono_ms);
    if (l == l->server->loops && l->server->presence)
        presence_tick(l->server->presence, l->stream, mono_ms);
    if (l->port && l == l->server->loops)
        journal_tick(l->server->journal);
    loop_step(l, mono_ms);
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    uint64_t value;

    (void)what;
    (void)!read(fd, &value, sizeof(value));
    loop_step(arg, clock_mono_ms());
}

static void on_journaled(evutil_socket_t fd, short what, void *arg)
{
    struct loop *l = arg;

    (void)fd;
    (void)what;
    journal_port_collect(l->port);
}

/* The reverse of loop_init; accepts a half-built one. Order: see the top. */
static void loop_deinit(struct loop *l)
{
    if (l->stream)
        stream_stop(l->stream);
    if (l->port)
        journal_port_collect(l->port); /* what came after the loop had ended */
    http_free(l->http);
    replay_free(l->replay);
    stream_free(l->stream);
    if (l->timer)
        event_free(l->timer);
    if (l->wake)
        event_free(l->wake);
    if (l->port_event)
        event_free(l->port_event);
    journal_port_free(l->port);
    if (l->base)
        event_base_free(l->base);
    if (l->wake_fd >= 0)
        close(l->wake_fd);
}

static void *loop_run(void *arg)
{
    struct loop *l = arg;
    const uint64_t one = 1;

    if (event_base_dispatch(l->base) < 0)
        fatalx("server: a loop cannot run");
    while (write(l->server->ended_fd, &one, sizeof(one)) < 0 && errno == EINTR)
        ;
    return NULL;
}

static bool loop_init(struct loop *l, struct server *s, const struct sockaddr *address, socklen_t length,
                      struct err *err)
{
    const unsigned flags =
        LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE | LEV_OPT_REUSEABLE_PORT;
    const struct timeval tick = {.tv_usec = TICK_MS * 1000};
    struct event_config *settings = event_config_new();
    struct evconnlistener *listener;

    l->server = s;
    l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    /* Changes of interest in a descriptor go to the kernel once per turn, and the many that cancel out never do. */
    if (settings && event_config_set_flag(settings, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST) == 0)
        l->base = event_base_new_with_config(settings);
    if (settings)
        event_config_free(settings);
    if (!l->base || l->wake_fd < 0) {
        err_errno(err, "event loop", NULL);
        return false;
    }
    listener = evconnlistener_new_bind(l->base, NULL, NULL, flags, BACKLOG, address, (int)length);
    if (!listener) {
        err_errno(err, "listen on", s->config->listen.host);
        return false;
    }
    l->stream = stream_new(l->base, &s->url, s->resolver);
    if (s->journal) {
        l->port = journal_port_new(s->journal, err);
        if (!l->port) {
            evconnlistener_free(listener);
            return false;
        }
        l->port_event = event_new(l->base, journal_port_fd(l->port), EV_READ | EV_PERSIST, on_journaled, l);
        if (!l->port_event || event_add(l->port_event, NULL))
            fatalx("server: no memory for an event");
    }
    l->replay = replay_new(s->config, (int)(l - s->loops), l->stream, l->port, s->ledger, s->counts);
    l->http = http_new(
        l->base, s->config, listener,
        &(struct pending_stores){l->stream, l->replay, s->journal, l->port, s->pressure, s->placement},
        &s->limit);
    l->timer = event_new(l->base, -1, EV_PERSIST, on_timer, l);
    l->wake = event_new(l->base, l->wake_fd, EV_READ | EV_PERSIST, on_wake, l);
    if (!l->timer || !l->wake || event_add(l->timer, &tick) || event_add(l->wake, NULL))
        fatalx("server: no memory for an event");
    return true;
}

/* ---- all loops ---- */

/* The port of a bound address; 0 when it has none. */
static int port_of(const struct sockaddr_storage *a)
{
    if (a->ss_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)a)->sin_port);
    if (a->ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)a)->sin6_port);
    return 0;
}

/* Loops share the address by SO_REUSEPORT, which would also let us share it with another process of this user, unseen.
 * So it is bound once without that option: to see that it is free, and to choose the port when 0 was asked for. */
static bool claim(struct server *s, struct sockaddr_storage *address, socklen_t *length, struct err *err)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char port[24];
    int on = 1, fd = -1, rc;
    bool ok = false;

    number_format_i64(port, s->config->listen.port);
    rc = getaddrinfo(s->config->listen.host, port, &hints, &found);
    if (rc) {
        err_set(err, ERR_CONFIG, rc, "LISTEN: %s: %s", s->config->listen.host, gai_strerror(rc));
        return false;
    }
    fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
        bind(fd, found->ai_addr, found->ai_addrlen) || listen(fd, 1)) {
        err_errno(err, "LISTEN: bind", s->config->listen.host);
        goto out;
    }
    *length = sizeof(*address);
    if (getsockname(fd, (struct sockaddr *)address, length)) {
        err_errno(err, "getsockname", NULL);
        goto out;
    }
    s->port = port_of(address);
    ok = true;
out:
    if (fd >= 0)
        close(fd);
    freeaddrinfo(found);
    return ok;
}

/* MAX_CONNECTIONS, less when the process may not have as many descriptors. */
static long connection_limit(const struct config *c)
{
    const long open = sysconf(_SC_OPEN_MAX),
               kept = DESCRIPTORS + CONNECTIONS_SPARE + 8 * (long)c->server_threads;
    const long room = open - kept > 1 ? open - kept : 1;

    if (open < 0 || room >= c->max_connections)
        return (long)c->max_connections;
    log_warn("MAX_CONNECTIONS is more than the limit of open files allows",
             LOG_I("wanted", c->max_connections), LOG_I("allowed", room));
    return room;
}

static bool open_journal(struct server *s, struct err *err)
{
    const struct config *c = s->config;

    if (!c->journal_dir[0]) {
        if (c->journal_always)
            err_set(err, ERR_CONFIG, 0, "JOURNAL_ALWAYS: needs JOURNAL_DIR");
        return !c->journal_always;
    }
    s->journal = journal_open(c, NULL, err);
    return s->journal != NULL;
}

struct server *server_new(const struct config *c, struct err *err)
{
    const size_t count = (size_t)c->server_threads;
    struct server *s = xcalloc(1, sizeof(*s) + count * sizeof(s->loops[0]));
    struct sockaddr_storage address = {0};
    socklen_t length = 0;

    s->config = c;
    s->limit.most = connection_limit(c);
    for (size_t i = 0; i < count; i++)
        s->loops[i].wake_fd = -1;
    s->ended_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->ended_fd < 0) {
        err_errno(err, "eventfd", NULL);
        goto failed;
    }
    if (!redis_url_parse(c->redis_url, &s->url, err) || !claim(s, &address, &length, err))
        goto failed;
    if (!open_journal(s, err))
        goto failed;
    s->pressure = pressure_new(c);
    s->placement = placement_new(c);
    s->counts = xcalloc(1, sizeof(*s->counts));
    s->ledger = ledger_open(c->journal_dir, count, err);
    if (!s->ledger)
        goto failed;
    if (!s->url.path[0] && !resolve_is_numeric(s->url.host)) {
        s->resolver = resolver_start(s->url.host, err);
        if (!s->resolver)
            goto failed;
    }
    while (s->count < count)
        if (!loop_init(&s->loops[s->count++], s, (struct sockaddr *)&address, length, err))
            goto failed;
    return s;
failed:
    server_free(s);
    return NULL;
}

int server_port(const struct server *s)
{
    return s->port;
}

void server_announce(struct server *s, int admin_port)
{
    s->presence = presence_new(s->config, admin_port);
}

bool server_start(struct server *s, struct err *err)
{
    const char *host = s->resolver ? resolver_address(s->resolver) : NULL;

    placement_start(s->placement, &s->url, host);
    if (s->presence && (!s->resolver || host))
        presence_start(s->presence, &s->url, host);
    if (s->journal) {
        if (!journal_start(s->journal, err))
            return false;
        s->drain = drain_start(&(struct drain_tools){s->journal, s->config, &s->url, s->resolver, s->ledger,
                                                     s->counts, s->pressure, s->placement},
                               err);
        if (!s->drain)
            return false;
    }
    for (size_t i = 0; i < s->count; i++) {
        if (!thread_start(&s->loops[i].thread, loop_run, &s->loops[i], err))
            return false;
        s->loops[i].running = true;
    }
    return true;
}

void server_ledger(struct server *s, struct strbuf *to)
{
    ledger_render(s->ledger, to);
}

bool server_ready(struct server *s, struct strbuf *why)
{
    size_t up = 0;
    bool draining = atomic_load(&s->draining), able = false;

    for (size_t i = 0; i < s->count; i++)
        up += stream_ready(s->loops[i].stream);
    strbuf_add_format(why, "redis: %zu of %zu loops connected and accepted\n", up, s->count);
    if (s->journal)
        able = journal_ready(s->journal, why);
    if (draining)
        strbuf_add_text(why, "draining\n");
    /* JOURNAL_ALWAYS answers 200 for what the journal has and for nothing else. */
    return (able || (up == s->count && !s->config->journal_always)) && !draining;
}

void server_drain(struct server *s)
{
    const uint64_t one = 1;

    s->draining_ms = clock_mono_ms();
    atomic_store(&s->draining, true);
    for (size_t i = 0; i < s->count; i++)
        (void)!write(s->loops[i].wake_fd, &one, sizeof(one));
}

int server_ended_fd(const struct server *s)
{
    return s->ended_fd;
}

bool server_ended(struct server *s)
{
    uint64_t more;

    if (read(s->ended_fd, &more, sizeof(more)) == (ssize_t)sizeof(more))
        s->ended += (int)more;
    return (size_t)s->ended >= s->count;
}

/* Of DRAIN_MS. */
static int64_t drain_left_ms(const struct server *s)
{
    const int64_t left_ms = s->draining_ms + s->config->drain_ms - clock_mono_ms();

    return left_ms > 0 ? left_ms : 0;
}

/* With everything in Redis nobody needs to ask this server any more. */
static void leave_no_trace(struct server *s)
{
    const char *host = s->resolver ? resolver_address(s->resolver) : NULL;

    if (s->presence && atomic_load(&s->draining) && (!s->journal || !journal_busy(s->journal)) &&
        (!s->resolver || host))
        presence_remove(s->presence, &s->url, host);
}

void server_free(struct server *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->count; i++)
        if (s->loops[i].running)
            pthread_join(s->loops[i].thread, NULL);
    drain_stop(s->drain, drain_left_ms(s));
    if (s->drain)
        placement_finish(s->placement, &s->url, s->resolver ? resolver_address(s->resolver) : NULL);
    journal_stop(s->journal);
    for (size_t i = 0; i < s->count; i++)
        loop_deinit(&s->loops[i]);
    leave_no_trace(s);
    journal_close(s->journal);
    presence_free(s->presence);
    ledger_close(s->ledger);
    free(s->counts);
    placement_free(s->placement);
    pressure_free(s->pressure);
    resolver_stop(s->resolver);
    if (s->ended_fd >= 0)
        close(s->ended_fd);
    free(s);
}
