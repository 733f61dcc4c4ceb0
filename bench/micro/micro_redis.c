/* micro_redis.c - bench: the other end of a connection to Redis. Contract: micro_redis.h. */
#include "bench/micro/micro_redis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bench/micro/micro.h"
#include "common/number.h"

void micro_redis_listen(struct micro_redis *r)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char folder[] = "/tmp/bench-micro.XXXXXX";

    *r = (struct micro_redis){.peer = -1};
    MICRO_CHECK(mkdtemp(folder) != NULL);
    snprintf(r->url.path, sizeof r->url.path, "%s/redis", folder);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", r->url.path);
    r->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    MICRO_CHECK(bind(r->listener, (struct sockaddr *)&address, sizeof address) == 0);
    MICRO_CHECK(listen(r->listener, 1) == 0);
}

void micro_redis_accept(struct micro_redis *r)
{
    char *slash = strrchr(r->url.path, '/');

    r->peer = accept(r->listener, NULL, NULL);
    MICRO_CHECK(r->peer >= 0);
    close(r->listener);
    unlink(r->url.path);
    *slash = '\0';
    rmdir(r->url.path);
    *slash = '/';
}

void micro_redis_close(struct micro_redis *r)
{
    close(r->peer);
    strbuf_deinit(&r->heard);
}

void micro_redis_hear(struct micro_redis *r)
{
    ssize_t n;

    do {
        strbuf_reserve(&r->heard, 1 << 16);
        n = recv(r->peer, r->heard.data + r->heard.length, 1 << 16, MSG_DONTWAIT);
        r->heard.length += n > 0 ? (size_t)n : 0;
    } while (n > 0);
}

void micro_redis_say(struct micro_redis *r, const char *bytes, size_t n)
{
    MICRO_CHECK(send(r->peer, bytes, n, MSG_NOSIGNAL) == (ssize_t)n);
}

/* The number behind a mark, as in "*3\r\n"; *at moves behind the line. */
static size_t take_count(const struct strbuf *from, size_t *at, char mark)
{
    const char *line = from->data + *at, *end = memchr(line, '\r', from->length - *at);
    int64_t n = 0;

    MICRO_CHECK(*line == mark && end && number_i64(line + 1, (size_t)(end - line) - 1, &n) && n >= 0);
    *at += (size_t)(end - line) + 2;
    return (size_t)n;
}

static void reply(struct micro_redis *r, const char *name, size_t n, struct strbuf *to)
{
    if (n == 3 && memcmp(name, "GET", 3) == 0)
        strbuf_add_text(to, "$-1\r\n");
    else if (n == 4 && memcmp(name, "XADD", 4) == 0)
        strbuf_add_format(to, "$15\r\n1795228%06zu-0\r\n", r->stored++ % 1000000);
    else
        strbuf_add_text(to, n == 4 && memcmp(name, "PING", 4) == 0 ? "+PONG\r\n" : "+OK\r\n");
}

size_t micro_redis_answer(struct micro_redis *r)
{
    struct strbuf replies = STRBUF_INIT;
    size_t at = 0, commands = 0;

    micro_redis_hear(r);
    for (; at < r->heard.length; commands++) {
        for (size_t i = 0, words = take_count(&r->heard, &at, '*'); i < words; i++) {
            size_t n = take_count(&r->heard, &at, '$');

            MICRO_CHECK(at + n + 2 <= r->heard.length); /* commands are written whole */
            if (i == 0)
                reply(r, r->heard.data + at, n, &replies);
            at += n + 2;
        }
    }
    strbuf_reset(&r->heard);
    if (replies.length > 0)
        micro_redis_say(r, replies.data, replies.length);
    strbuf_deinit(&replies);
    return commands;
}
