/* redis_server.h - tests: a Redis server of one's own in the test's folder, on a Unix socket, gone with the test. */
#ifndef SHOPSTREAM_TESTS_REDIS_SERVER_H
#define SHOPSTREAM_TESTS_REDIS_SERVER_H

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/redis_url.h"
#include "tests/harness.h"
#include "worker/link.h"

#define REDIS_SOCKET "./r.sock"

/* A server, and a connection to ask it things. */
struct redis_server {
    pid_t pid;            /* our child; it dies with us */
    struct redis_url url; /* where it listens */
    struct link *ask;     /* owned */
};

static inline void wait_ms(int64_t ms)
{
    const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000 * 1000000)};

    nanosleep(&pause, NULL);
}

/* Ends a failed case with the server's process: the kernel does, whatever way the case ends. */
static inline void redis_server_exec(void)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!freopen("redis.log", "a", stdout))
        _exit(1);
    execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", REDIS_SOCKET, "--save", "",
           "--appendonly", "no", (char *)NULL);
    _exit(127);
}

static inline void redis_server_fork(struct redis_server *s)
{
    struct err err = {0};

    s->pid = fork();
    CHECK(s->pid >= 0);
    if (s->pid == 0)
        redis_server_exec();
    for (int i = 0; i < 500; i++) {
        redisReply *r = link_call(s->ask, 1, (const char *[]){"PING"}, NULL, &err);
        bool up = r && r->type == REDIS_REPLY_STATUS;

        freeReplyObject(r);
        if (up)
            return;
        wait_ms(10);
    }
    CHECK_TEXT(err.text, "redis-server answers PING");
}

static inline void redis_server_start(struct redis_server *s)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN};

    sigaction(SIGPIPE, &ignore, NULL);
    *s = (struct redis_server){.url = {.path = REDIS_SOCKET}};
    s->ask = link_new(&s->url, "test", 20000);
    redis_server_fork(s);
}

static inline void redis_server_stop(struct redis_server *s)
{
    kill(s->pid, SIGKILL);
    waitpid(s->pid, NULL, 0);
    link_free(s->ask);
}

/* One command, words separated by single spaces; "" cannot be written. Owned; never NULL. */
static inline redisReply *redis_ask(struct redis_server *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static inline redisReply *redis_ask(struct redis_server *s, const char *format, ...)
{
    static char line[100000];
    const char *words[5000];
    struct err err = {0};
    int n = 0;
    va_list args;
    redisReply *r;

    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    for (char *save = NULL, *w = strtok_r(line, " ", &save); w; w = strtok_r(NULL, " ", &save))
        words[n++] = w;
    r = link_call(s->ask, n, words, NULL, &err);
    if (!r)
        CHECK_TEXT(err.text, "a reply");
    return r;
}

/* Asks and drops the reply; an error reply fails the case. */
#define REDIS_DO(server, ...)                                                                                \
    do {                                                                                                     \
        redisReply *do_reply = redis_ask((server), __VA_ARGS__);                                             \
        if (do_reply->type == REDIS_REPLY_ERROR)                                                             \
            CHECK_TEXT(do_reply->str, "no error");                                                           \
        freeReplyObject(do_reply);                                                                           \
    } while (0)

/* Integer reply of a command; -999 when it is none. */
#define REDIS_INT(server, ...) redis_int_of(redis_ask((server), __VA_ARGS__))
static inline int64_t redis_int_of(redisReply *r)
{
    int64_t n = r->type == REDIS_REPLY_INTEGER ? r->integer : -999;

    freeReplyObject(r);
    return n;
}

#endif
