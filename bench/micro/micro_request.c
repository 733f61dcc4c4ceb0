/* micro_request.c - bench: a webhook's whole way through the server, from the bytes of the request to those of the answer.
 *
 * One loop as server.c sets it up: evhttp, the stages, hiredis. Clients and Redis are other ends of Unix sockets in this
 * process, and have their say between the steps of a run, uncounted: requests come in, then each question to Redis is
 * answered one step later. As many requests share a step as there are connections. */
#include <event2/event.h>
#include <event2/listener.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bench/micro/micro.h"
#include "bench/micro/micro_push.h"
#include "bench/micro/micro_redis.h"
#include "common/clock.h"
#include "server/connections.h"
#include "server/http.h"
#include "server/pending.h"

enum {
    CLIENTS = 16,
    STEPS = 5, /* GET, XADD, SET with the answer, its reply, and one to spare */
    TURNS = 2, /* what a turn of the loop has activated runs in the next */
};

struct request {
    struct event_base *base;
    struct micro_redis redis;
    struct replay_counts counts;
    struct connections_limit limit;
    struct stream *stream;
    struct http *http;
    struct sockaddr_un address; /* of the server: an abstract name */
    socklen_t address_length;
    int clients[CLIENTS];
    struct strbuf bytes; /* of one request */
    size_t step;         /* of the run */
    size_t commands;     /* Redis was asked in the run */
};

static void turn(struct request *r)
{
    for (int i = 0; i < TURNS; i++)
        event_base_loop(r->base, EVLOOP_NONBLOCK);
}

static void make_request(struct strbuf *to, enum micro_market market)
{
    const struct push push = micro_push(market);

    strbuf_add_format(to,
                      "POST /webhooks/%s HTTP/1.1\r\nHost: hooks.example.com\r\nX-Request-Id: %.*s\r\n"
                      "Content-Type: application/json\r\nAuthorization: %.*s\r\nContent-Length: %zu\r\n\r\n",
                      micro_platform(market), (int)push.trace.length, push.trace.data,
                      (int)push.authorization.length, push.authorization.data, push.body.length);
    strbuf_add(to, push.body.data, push.body.length);
}

static struct event_base *new_base(void)
{
    struct event_config *settings = event_config_new();
    struct event_base *base;

    MICRO_CHECK(event_config_set_flag(settings, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST) == 0);
    base = event_base_new_with_config(settings);
    event_config_free(settings);
    return base;
}

static void open_server(struct request *r, const struct config *c)
{
    struct evconnlistener *listener;

    r->base = new_base();
    r->address.sun_family = AF_UNIX;
    r->address_length = (socklen_t)offsetof(struct sockaddr_un, sun_path) + 1 +
                        (socklen_t)snprintf(r->address.sun_path + 1, 64, "bench-micro-%07d", (int)getpid());
    listener = evconnlistener_new_bind(r->base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC,
                                       CLIENTS, (struct sockaddr *)&r->address, (int)r->address_length);
    MICRO_CHECK(listener != NULL);
    r->limit.most = c->max_connections;
    micro_redis_listen(&r->redis);
    r->stream = stream_new(r->base, &r->redis.url, NULL);
    r->http = http_new(r->base, c, listener,
                       &(struct pending_stores){.stream = r->stream,
                                                .replay = replay_new(c, 0, r->stream, NULL, NULL, &r->counts),
                                                .pressure = pressure_new(c),
                                                .placement = placement_new(c)},
                       &r->limit);
}

/* Connected and greeted by Redis; every client connected. */
static void open_connections(struct request *r)
{
    stream_tick(r->stream, clock_mono_ms());
    turn(r);
    micro_redis_accept(&r->redis);
    for (int i = 0; i < 10 && !stream_ready(r->stream); i++) {
        turn(r);
        micro_redis_answer(&r->redis);
    }
    MICRO_CHECK(stream_ready(r->stream));
    for (size_t i = 0; i < CLIENTS; i++) {
        r->clients[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        MICRO_CHECK(connect(r->clients[i], (struct sockaddr *)&r->address, r->address_length) == 0);
        turn(r);
    }
}

static void *open_request(const struct micro_stage *stage, size_t *bytes)
{
    const enum micro_market market = *(const enum micro_market *)stage->what;
    struct request *r = xcalloc(1, sizeof *r);

    open_server(r, micro_config(CONFIG_SERVER));
    open_connections(r);
    make_request(&r->bytes, market);
    *bytes = stage->events * r->bytes.length;
    return r;
}

static void prepare_request(void *context)
{
    struct request *r = context;

    if (r->step++ == 0) {
        r->commands = 0;
        for (size_t i = 0; i < CLIENTS; i++)
            MICRO_CHECK(send(r->clients[i], r->bytes.data, r->bytes.length, MSG_NOSIGNAL) ==
                        (ssize_t)r->bytes.length);
        return;
    }
    r->commands += micro_redis_answer(&r->redis);
}

static void run_request(void *context)
{
    turn(context);
}

static void check_request(void *context)
{
    static const char good[] = "HTTP/1.1 200 ";
    struct request *r = context;
    char answer[4096];

    MICRO_CHECK(r->commands == (size_t)3 * CLIENTS);
    for (size_t i = 0; i < CLIENTS; i++) {
        ssize_t n = recv(r->clients[i], answer, sizeof answer, MSG_DONTWAIT);

        MICRO_CHECK(n > (ssize_t)sizeof good && memcmp(answer, good, sizeof good - 1) == 0);
        MICRO_CHECK(memcmp(answer + n - 4, "\r\n\r\n", 4) == 0);
    }
    MICRO_CHECK(pendings_count(http_pendings(r->http)) == 0);
    r->step = 0;
}

static const enum micro_market tiktok = MICRO_TIKTOK;

/* Left open: their end is the process'. */
const struct micro_stage micro_request_stages[] = {
    {"request", CLIENTS, open_request, prepare_request, run_request, check_request, NULL, &tiktok, STEPS},
    {0},
};
