/* link.c - worker: one blocking connection to Redis.
 *
 * In:      commands as argument vectors with lengths (bodies are binary).
 * Out:     owned replies; error replies are replies, not failures: what they mean is the caller's to know.
 * Fails:   NULL or false with a sentence when the connection cannot be made or was lost. hiredis keeps a context that
 *          once failed broken for good, so it is dropped at once and the next call makes a new one.
 * Thread:  one at a time.
 * Why so:  callers pace themselves. A link that slept and retried inside would hide outages from the lane, which must
 *          pause as a whole and report it. */
#include "worker/link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/number.h"
#include "common/strbuf.h"
#include "worker/reply.h"

enum {
    LINK_CONNECT_MS =
        3000, /* longest wait for a connection; a name that resolves to nobody must not stall a lane */
    LINK_LABEL_MAX = 300,
    TIME_TRUSTED_MS = 200, /* an answer to TIME that took longer is asked for again */
    TIME_TRIES = 3,
};

struct link {
    struct redis_url url;       /* copied: where, as whom, which database */
    char name[40];              /* whose connection, for messages */
    char label[LINK_LABEL_MAX]; /* the address without credentials */
    int64_t timeout_ms;         /* longest wait for a reply */
    redisContext *context;      /* owned; NULL = not connected */
    uint64_t generation;        /* connections made so far */
};

struct link *link_new(const struct redis_url *url, const char *name, int64_t timeout_ms)
{
    struct link *l = xcalloc(1, sizeof(*l));

    l->url = *url;
    snprintf(l->name, sizeof(l->name), "%s", name);
    redis_url_label(url, l->label, (int)sizeof(l->label));
    l->timeout_ms = timeout_ms;
    return l;
}

void link_free(struct link *l)
{
    if (!l)
        return;
    link_close(l);
    explicit_bzero(&l->url, sizeof(l->url));
    free(l);
}

bool link_is_open(const struct link *l)
{
    return l->context != NULL;
}

void link_close(struct link *l)
{
    if (l->context)
        redisFree(l->context);
    l->context = NULL;
}

uint64_t link_generation(const struct link *l)
{
    return l->generation;
}

static struct timeval to_timeval(int64_t ms)
{
    return (struct timeval){.tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000 * 1000)};
}

/* Says why the connection failed and drops it. A reply there was no memory for would come again and again, its entries in
 * our hands for good: that ends the process, whose successor takes them. */
static void lost(struct link *l, struct err *err)
{
    if (!l->context || l->context->err == REDIS_ERR_OOM)
        fatalx("out of memory", LOG_S("redis", l->label));
    if (l->context->err == REDIS_ERR_IO && (errno == EAGAIN || errno == EWOULDBLOCK))
        err_set(err, ERR_REDIS, 0, "redis %s (%s): no reply within %lld ms", l->label, l->name,
                (long long)l->timeout_ms);
    else
        err_set(err, ERR_REDIS, 0, "redis %s (%s): %s", l->label, l->name,
                l->context->errstr[0] ? l->context->errstr : "connection lost");
    link_close(l);
}

/* One command on an open connection. NULL: lost. */
static redisReply *call(struct link *l, int argc, const char **argv, const size_t *lengths, struct err *err)
{
    redisReply *r = redisCommandArgv(l->context, argc, argv, lengths);

    if (!r)
        lost(l, err);
    return r;
}

/* One command of the greeting; anything but success ends the connection. */
static bool greet(struct link *l, int argc, const char **argv, const char *doing, struct err *err)
{
    redisReply *r = call(l, argc, argv, NULL, err);
    bool ok = r && r->type != REDIS_REPLY_ERROR;

    if (r && !ok)
        link_refused(l, r, doing, err);
    freeReplyObject(r);
    return ok;
}

static bool authenticate(struct link *l, struct err *err)
{
    if (!l->url.password[0])
        return true;
    if (!l->url.user[0])
        return greet(l, 2, (const char *[]){"AUTH", l->url.password}, "AUTH", err);
    return greet(l, 3, (const char *[]){"AUTH", l->url.user, l->url.password}, "AUTH", err);
}

static bool select_database(struct link *l, struct err *err)
{
    char db[24];

    if (l->url.db == 0)
        return true;
    number_format_i64(db, l->url.db);
    return greet(l, 2, (const char *[]){"SELECT", db}, "SELECT", err);
}

/* Time-out and keep-alive first: the greeting must not hang either. */
static bool prepare(struct link *l, struct err *err)
{
    bool tcp = l->url.path[0] == '\0';

    if (redisSetTimeout(l->context, to_timeval(l->timeout_ms)) != REDIS_OK ||
        (tcp && redisEnableKeepAlive(l->context) != REDIS_OK)) {
        lost(l, err);
        return false;
    }
    return authenticate(l, err) && select_database(l, err);
}

bool link_open(struct link *l, struct err *err)
{
    struct timeval wait = to_timeval(l->timeout_ms < LINK_CONNECT_MS ? l->timeout_ms : LINK_CONNECT_MS);

    if (l->context)
        return true;
    l->context = l->url.path[0] ? redisConnectUnixWithTimeout(l->url.path, wait)
                                : redisConnectWithTimeout(l->url.host, l->url.port, wait);
    if (!l->context || l->context->err) {
        errno = 0;
        lost(l, err);
        return false;
    }
    if (!prepare(l, err)) {
        link_close(l);
        return false;
    }
    l->generation++;
    return true;
}

redisReply *link_call(struct link *l, int argc, const char **argv, const size_t *lengths, struct err *err)
{
    if (!link_open(l, err))
        return NULL;
    return call(l, argc, argv, lengths, err);
}

const redisReply *link_call_in(struct link *l, struct arena *arena, int argc, const char **argv,
                               struct err *err)
{
    redisReplyObjectFunctions *before;
    redisReply *r;

    if (!link_open(l, err))
        return NULL;
    before = reply_in_arena(l->context->reader, arena);
    r = call(l, argc, argv, NULL, err);
    if (l->context) /* a lost one took its reader along */
        reply_as_before(l->context->reader, before);
    return r;
}

bool link_send(struct link *l, int argc, const char **argv, const size_t *lengths, struct err *err)
{
    if (!link_open(l, err))
        return false;
    if (redisAppendCommandArgv(l->context, argc, argv, lengths) == REDIS_OK)
        return true;
    lost(l, err);
    return false;
}

bool link_send_resp(struct link *l, const char *command, size_t n, struct err *err)
{
    if (!link_open(l, err))
        return false;
    if (redisAppendFormattedCommand(l->context, command, n) == REDIS_OK)
        return true;
    lost(l, err);
    return false;
}

redisReply *link_receive(struct link *l, struct err *err)
{
    void *reply = NULL;

    if (!l->context) {
        err_set(err, ERR_REDIS, 0, "redis %s (%s): connection lost", l->label, l->name);
        return NULL;
    }
    if (redisGetReply(l->context, &reply) == REDIS_OK)
        return reply;
    lost(l, err);
    return NULL;
}

bool link_error_is(const redisReply *r, const char *word)
{
    size_t n = strlen(word);

    return r->type == REDIS_REPLY_ERROR && r->len >= n && memcmp(r->str, word, n) == 0 &&
           (r->len == n || r->str[n] == ' ');
}

void link_refused(struct link *l, const redisReply *r, const char *doing, struct err *err)
{
    static const char *const elsewhere[] = {"READONLY", "MASTERDOWN", "NOAUTH", "WRONGPASS", "NOPERM"};
    bool error = r->type == REDIS_REPLY_ERROR;

    err_set(err, ERR_REDIS, 0, "redis %s (%s): %s: %.*s", l->label, l->name, doing, error ? (int)r->len : 0,
            error ? r->str : "");
    if (!error)
        err_set(err, ERR_REDIS, 0, "redis %s (%s): %s: reply of type %d", l->label, l->name, doing, r->type);
    for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++) {
        if (link_error_is(r, elsewhere[i]))
            link_close(l);
    }
}

/* One question. *took_ms: between it and the answer. */
static bool ask_time(struct redis_time *t, struct link *l, int64_t *took_ms, struct err *err)
{
    int64_t seconds, micros, asked_ms = clock_mono_ms();
    redisReply *r = link_call(l, 1, (const char *[]){"TIME"}, NULL, err);
    bool ok;

    if (!r)
        return false;
    ok = r->type == REDIS_REPLY_ARRAY && r->elements == 2 &&
         number_i64(r->element[0]->str, r->element[0]->len, &seconds) &&
         number_i64(r->element[1]->str, r->element[1]->len, &micros);
    if (ok) {
        t->mono_ms = clock_mono_ms();
        t->at_ms = seconds * 1000 + micros / 1000;
        *took_ms = t->mono_ms - asked_ms;
    } else {
        link_refused(l, r, "TIME", err);
    }
    freeReplyObject(r);
    return ok;
}

/* An answer that was long on its way, or lay here while we were frozen, is that much behind: what is read then would seem older
 * than it is, and entries that are there already, to come. */
bool redis_time_sync(struct redis_time *t, struct link *l, struct err *err)
{
    int64_t took_ms = INT64_MAX;

    for (int i = 0; i < TIME_TRIES && took_ms > TIME_TRUSTED_MS; i++)
        if (!ask_time(t, l, &took_ms, err))
            return false;
    return true;
}

int64_t redis_time_now_ms(const struct redis_time *t)
{
    if (t->at_ms == 0)
        return clock_now_ms();
    return t->at_ms + (clock_mono_ms() - t->mono_ms);
}
