/* evhttp_redis.c - contender "evhttp + hiredis": what the two libraries cost alone on the way the product goes.
 *
 * In:     an HTTP request with any body; arguments: Redis' port, "xadd" or "marks". Out: 200, empty, once Redis has an entry of
 *         twelve fields with that body. Prints "port=N" once it listens.
 * Does:   xadd: XADD. marks: GET of a key of its own, XADD, SET with an expiry, not waited for.
 * Fails:  at start; later with 503.
 * Why so: the floor of every server built on evhttp and hiredis. It verifies, parses, counts and limits nothing, has no deadline
 *         and no ring, and both libraries are used as their manuals have it. What the product adds is measured against this. */
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <hiredis/adapters/libevent.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define ENTRY                                                                                                \
    "v", "1", "platform", "tiktok", "shop", "7496000011234567890", "topic", "1", "kind", "order", "id",      \
        "570000000000000001", "event_ms", "1767704400000", "recv_ms", "1767704407000", "key",                \
        "7380066284010030890", "src", "webhook", "trace", "4f1d8c02b7e94a664f1d8c02b7e94a66", "body"

struct rival {
    redisAsyncContext *redis;
    bool marks;
    unsigned long number; /* of requests: what makes a mark's key new */
};

struct call {
    struct rival *rival;
    struct evhttp_request *request;
    char mark[96];
};

static void answer(struct call *call, bool stored)
{
    evhttp_send_reply(call->request, stored ? HTTP_OK : HTTP_SERVUNAVAIL, stored ? "OK" : "No", NULL);
    free(call);
}

static void on_xadd(redisAsyncContext *redis, void *answered, void *context)
{
    const redisReply *reply = answered;
    struct call *call = context;
    const bool stored = reply && reply->type == REDIS_REPLY_STRING;

    if (stored && call->rival->marks) {
        const char *words[] = {"SET", call->mark, reply->str, "PX", "600000"};

        redisAsyncCommandArgv(redis, NULL, NULL, 5, words, NULL);
    }
    answer(call, stored);
}

static bool xadd(struct call *call)
{
    const char *words[] = {"XADD", "s", "*", ENTRY, NULL};
    size_t lengths[sizeof(words) / sizeof(words[0])];
    const size_t count = sizeof(words) / sizeof(words[0]);
    struct evbuffer *body = evhttp_request_get_input_buffer(call->request);

    lengths[count - 1] = evbuffer_get_length(body);
    words[count - 1] = (const char *)evbuffer_pullup(body, -1);
    for (size_t i = 0; i + 1 < count; i++)
        lengths[i] = strlen(words[i]);
    return words[count - 1] &&
           redisAsyncCommandArgv(call->rival->redis, on_xadd, call, (int)count, words, lengths) == REDIS_OK;
}

static void on_mark(redisAsyncContext *redis, void *answered, void *context)
{
    const redisReply *reply = answered;

    (void)redis;
    if (!reply || reply->type != REDIS_REPLY_NIL || !xadd(context))
        answer(context, false);
}

static bool get(struct call *call)
{
    const char *words[] = {"GET", call->mark};

    snprintf(call->mark, sizeof(call->mark), "webhooks:{0}:seen:738%016lu:order:57%016lu",
             call->rival->number, call->rival->number);
    call->rival->number++;
    return redisAsyncCommandArgv(call->rival->redis, on_mark, call, 2, words, NULL) == REDIS_OK;
}

static void on_request(struct evhttp_request *request, void *context)
{
    struct call *call = malloc(sizeof(*call));

    if (!call)
        abort();
    call->rival = context;
    call->request = request;
    if (!(call->rival->marks ? get(call) : xadd(call)))
        answer(call, false);
}

static bool tell_port(struct evhttp_bound_socket *bound)
{
    struct sockaddr_in address;
    socklen_t len = sizeof address;

    if (getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&address, &len) != 0)
        return false;
    printf("port=%d\n", ntohs(address.sin_port));
    return fflush(stdout) == 0;
}

int main(int argc, char **argv)
{
    struct event_base *base = event_base_new();
    struct evhttp *http = base ? evhttp_new(base) : NULL;
    struct evhttp_bound_socket *bound = http ? evhttp_bind_socket_with_handle(http, "127.0.0.1", 0) : NULL;
    struct rival rival = {.marks = argc == 3 && strcmp(argv[2], "marks") == 0};
    char *end = NULL;
    const unsigned long port = argc == 3 ? strtoul(argv[1], &end, 10) : 0;

    signal(SIGPIPE, SIG_IGN);
    if (!end || *end || (!rival.marks && strcmp(argv[2], "xadd") != 0)) {
        fputs("usage: bench-evhttp-redis REDIS_PORT xadd|marks\n", stderr);
        return 2;
    }
    rival.redis = redisAsyncConnect("127.0.0.1", (int)port);
    if (!bound || !rival.redis || rival.redis->err || redisLibeventAttach(rival.redis, base) != REDIS_OK) {
        fputs("evhttp_redis: cannot listen or connect\n", stderr);
        return 1;
    }
    evhttp_set_gencb(http, on_request, &rival);
    if (!tell_port(bound))
        return 1;
    event_base_dispatch(base);
    return 0;
}
