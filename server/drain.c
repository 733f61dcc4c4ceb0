/* drain.c - server, stage 4 of 5: brings what the journal holds to Redis. Contract and reasons: drain.h.
 *
 *   records --GET of their marks--> those without --XADD--> those with an id: SET of the mark; the others again, later
 *
 * Three round trips a group. A group is done when Redis has each of its records; only then does the journal hear of it. */
#include "server/drain.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "common/clock.h"
#include "common/entry.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/number.h"
#include "common/thread.h"
#include "server/mark.h"
#include "server/resolve.h"

enum {
    GROUP = 256,       /* records in flight */
    WAIT_MS = 1000,    /* longest sleep over an empty journal */
    CONNECT_MS = 2000, /* longest wait for a connection */
    REPLY_MS = 5000,   /* longest wait for one reply */
    BACKOFF_FIRST_MS = 50,
    BACKOFF_LAST_MS = 2000,
    ID_MAX = 48, /* bytes of an entry's id kept for its mark */
};

struct item {
    bool done;       /* Redis has it */
    bool wants_mark; /* stored just now; id is set */
    char id[ID_MAX];
    size_t id_length;
};

struct drain {
    struct journal *journal;
    const struct redis_url *url;
    struct resolver *resolver;
    int64_t mark_ms;     /* life of a mark; 0: no dedupe */
    redisContext *redis; /* NULL: not connected */
    struct strbuf out;   /* commands of one round trip */
    size_t count;        /* of the group */
    struct segment_record records[GROUP];
    struct item items[GROUP];
    int64_t backoff_ms;
    bool refusing; /* told a person, and not yet that it is over */
    char why[200]; /* of the failure of this attempt; "" */

    pthread_t thread;
    pthread_mutex_t mutex; /* of what follows */
    pthread_cond_t changed;
    int fd;        /* of redis, to be shut down from outside; -1 */
    bool stopping; /* end when the journal is empty or nothing gets on */
    bool cut;      /* end now */
    bool ended;
};

/* ---- the connection ---- */

static void publish_fd(struct drain *d, int fd)
{
    pthread_mutex_lock(&d->mutex);
    d->fd = fd;
    if (d->cut && fd >= 0)
        shutdown(fd, SHUT_RDWR); /* told to end while connecting */
    pthread_mutex_unlock(&d->mutex);
}

static void disconnect(struct drain *d)
{
    publish_fd(d, -1);
    if (d->redis)
        redisFree(d->redis);
    d->redis = NULL;
}

/* False, for callers to return; the first reason of an attempt is the one worth telling. */
static bool because(struct drain *d, const char *text, size_t n)
{
    /* A refused command may be quoted with its arguments, which are nobody's business. */
    const char *quoted = memmem(text, n, ", with args", 11);

    if (quoted)
        n = (size_t)(quoted - text);
    if (n >= sizeof(d->why))
        n = sizeof(d->why) - 1;
    if (!d->why[0]) {
        memcpy(d->why, text, n);
        d->why[n] = '\0';
    }
    return false;
}

static bool lost(struct drain *d)
{
    const char *text = d->redis->errstr[0] ? d->redis->errstr : "connection lost";

    because(d, text, strlen(text));
    disconnect(d);
    return false;
}

/* The next reply; NULL: connection lost. Owned. */
static redisReply *reply(struct drain *d)
{
    void *r = NULL;

    if (redisGetReply(d->redis, &r) == REDIS_OK && r)
        return r;
    lost(d);
    return NULL;
}

/* Sends what stands in out. Replies are read one by one afterwards. */
static bool send_out(struct drain *d)
{
    int done = 0;

    if (redisAppendFormattedCommand(d->redis, d->out.data, d->out.length) != REDIS_OK)
        return lost(d);
    while (!done)
        if (redisBufferWrite(d->redis, &done) != REDIS_OK)
            return lost(d);
    return true;
}

static bool greet(struct drain *d, const char *word, const char *first, const char *second)
{
    const char *words[3] = {word, first, second};
    const int count = !first ? 1 : !second ? 2 : 3;
    redisReply *r = redisCommandArgv(d->redis, count, words, NULL);
    bool ok = r && r->type != REDIS_REPLY_ERROR;

    if (!r)
        return lost(d);
    if (!ok) {
        because(d, r->str, r->len);
        disconnect(d);
    }
    freeReplyObject(r);
    return ok;
}

static bool connect_now(struct drain *d)
{
    const struct timeval connecting = {.tv_sec = CONNECT_MS / 1000}, replying = {.tv_sec = REPLY_MS / 1000};
    const struct redis_url *url = d->url;
    const char *host = d->resolver ? resolver_address(d->resolver) : url->host;
    char db[24];

    if (!url->path[0] && !host)
        return because(d, "the host's address is not known", 31);
    d->redis = url->path[0] ? redisConnectUnixWithTimeout(url->path, connecting)
                            : redisConnectWithTimeout(host, url->port, connecting);
    if (!d->redis)
        fatalx("drain: no memory for a connection");
    if (d->redis->err || redisSetTimeout(d->redis, replying) != REDIS_OK)
        return lost(d);
    publish_fd(d, d->redis->fd);
    db[number_format_i64(db, url->db)] = '\0';
    if (url->user[0] && !greet(d, "AUTH", url->user, url->password))
        return false;
    if (!url->user[0] && url->password[0] && !greet(d, "AUTH", url->password, NULL))
        return false;
    if (url->db && !greet(d, "SELECT", db, NULL))
        return false;
    return greet(d, "PING", NULL, NULL);
}

/* ---- a group ---- */

static bool has_mark(const struct drain *d, size_t i)
{
    return d->mark_ms > 0 && d->records[i].mark_length > 0;
}

static bool is_id(const redisReply *r)
{
    return (r->type == REDIS_REPLY_STRING || r->type == REDIS_REPLY_STATUS) &&
           mark_is_id(r->str, (size_t)r->len);
}

/* Which are there already? A mark that cannot be read is none. */
static bool ask_marks(struct drain *d)
{
    size_t asked = 0;

    strbuf_reset(&d->out);
    for (size_t i = 0; i < d->count; i++)
        if (!d->items[i].done && has_mark(d, i)) {
            mark_add_get(&d->out, d->records[i].body, d->records[i].mark_length);
            asked++;
        }
    if (asked > 0 && !send_out(d))
        return false;
    for (size_t i = 0; i < d->count; i++) {
        redisReply *r;

        if (d->items[i].done || !has_mark(d, i))
            continue;
        r = reply(d);
        if (!r)
            return false;
        d->items[i].done = is_id(r);
        metric_add(METRIC_SERVER_JOURNAL_KNOWN, d->items[i].done);
        freeReplyObject(r);
    }
    return true;
}

static void stored(struct drain *d, size_t i, const redisReply *r)
{
    struct item *item = &d->items[i];

    item->done = true;
    metric_add(METRIC_SERVER_ENTRIES_STORED, 1);
    if (!has_mark(d, i) || (size_t)r->len > sizeof(item->id))
        return;
    item->wants_mark = true;
    item->id_length = (size_t)r->len;
    memcpy(item->id, r->str, item->id_length);
}

/* False: connection lost, or to be dropped. A refusal of one says nothing about the next; all are asked for. */
static bool add_entries(struct drain *d)
{
    bool readonly = false;
    size_t asked = 0;

    strbuf_reset(&d->out);
    for (size_t i = 0; i < d->count; i++) {
        const struct segment_record *record = &d->records[i];

        if (!d->items[i].done) {
            strbuf_add(&d->out, record->body + record->mark_length, record->length - record->mark_length);
            asked++;
        }
    }
    if (asked > 0 && !send_out(d))
        return false;
    for (size_t i = 0; i < d->count; i++) {
        redisReply *r;

        if (d->items[i].done)
            continue;
        r = reply(d);
        if (!r)
            return false;
        if (is_id(r))
            stored(d, i, r);
        else if (r->type == REDIS_REPLY_ERROR) {
            readonly = readonly || strncmp(r->str, "READONLY", 8) == 0;
            because(d, r->str, (size_t)r->len);
        } else {
            because(d, "not an entry's id", 17);
        }
        freeReplyObject(r);
    }
    /* A demoted master keeps its connections: only a new one can find the new master. The loops do not look for it, since
     * they ask Redis for nothing while there is a journal. */
    if (readonly)
        disconnect(d);
    if (readonly && d->resolver)
        resolver_again(d->resolver, NULL);
    return !readonly;
}

/* Best effort, but in step: their replies are read, because the connection goes on. */
static void set_marks(struct drain *d)
{
    size_t asked = 0;

    strbuf_reset(&d->out);
    for (size_t i = 0; i < d->count; i++)
        if (d->items[i].wants_mark) {
            mark_add_set(&d->out, d->records[i].body, d->records[i].mark_length, d->items[i].id,
                         d->items[i].id_length, d->mark_ms);
            d->items[i].wants_mark = false;
            asked++;
        }
    if (asked > 0 && !send_out(d))
        return;
    for (; asked > 0; asked--) {
        redisReply *r = reply(d);

        if (!r)
            return;
        freeReplyObject(r);
    }
}

/* True: Redis has the whole group. */
static bool attempt(struct drain *d)
{
    size_t missing = 0;

    d->why[0] = '\0';
    if (!d->redis && !connect_now(d))
        return false;
    if (!ask_marks(d) || !add_entries(d))
        return false;
    set_marks(d);
    for (size_t i = 0; i < d->count; i++)
        missing += !d->items[i].done;
    return missing == 0;
}

/* ---- the thread ---- */

/* Sleeps ms, less when told to stop. */
static void rest(struct drain *d, int64_t ms)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    ms += until.tv_nsec / 1000000;
    until.tv_sec += (time_t)(ms / 1000);
    until.tv_nsec = (long)(ms % 1000 * 1000000);
    pthread_mutex_lock(&d->mutex);
    while (!d->stopping && pthread_cond_timedwait(&d->changed, &d->mutex, &until) == 0)
        ;
    pthread_mutex_unlock(&d->mutex);
}

static bool stopping(struct drain *d, bool *cut)
{
    bool value;

    pthread_mutex_lock(&d->mutex);
    value = d->stopping;
    *cut = d->cut;
    pthread_mutex_unlock(&d->mutex);
    return value;
}

static void told(struct drain *d, bool refused)
{
    if (refused && !d->refusing)
        log_warn("journal waits for redis", LOG_S("err", d->why[0] ? d->why : "refused"));
    if (!refused && d->refusing)
        log_info("journal drains again");
    d->refusing = refused;
}

/* Until Redis has the group. False: told to stop before. */
static bool drain_group(struct drain *d)
{
    bool cut = false;

    memset(d->items, 0, d->count * sizeof(d->items[0]));
    while (!attempt(d)) {
        told(d, true);
        if (stopping(d, &cut))
            return false;
        rest(d, d->backoff_ms);
        if (stopping(d, &cut))
            return false;
        d->backoff_ms = d->backoff_ms * 2 > BACKOFF_LAST_MS ? BACKOFF_LAST_MS : d->backoff_ms * 2;
    }
    told(d, false);
    d->backoff_ms = BACKOFF_FIRST_MS;
    journal_acked(d->journal);
    return !stopping(d, &cut) || !cut;
}

static void *drain_run(void *arg)
{
    struct drain *d = arg;
    bool on = true, cut = false;

    while (on) {
        const bool last = stopping(d, &cut);

        d->count = journal_read(d->journal, d->records, GROUP, last ? 0 : WAIT_MS);
        if (d->count > 0)
            on = !cut && drain_group(d);
        else
            on = !last;
    }
    disconnect(d);
    pthread_mutex_lock(&d->mutex);
    d->ended = true;
    pthread_cond_broadcast(&d->changed);
    pthread_mutex_unlock(&d->mutex);
    return NULL;
}

static void drain_free(struct drain *d)
{
    strbuf_deinit(&d->out);
    pthread_cond_destroy(&d->changed);
    pthread_mutex_destroy(&d->mutex);
    free(d);
}

struct drain *drain_start(struct journal *j, const struct config *c, const struct redis_url *url,
                          struct resolver *resolver, struct err *err)
{
    struct drain *d = xcalloc(1, sizeof(*d));
    pthread_condattr_t monotonic;

    d->journal = j;
    d->url = url;
    d->resolver = resolver;
    d->mark_ms = c->dedupe_window_minutes * 60 * 1000;
    d->fd = -1;
    d->backoff_ms = BACKOFF_FIRST_MS;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&d->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&d->mutex, NULL);
    if (thread_start(&d->thread, drain_run, d, err))
        return d;
    drain_free(d);
    return NULL;
}

void drain_stop(struct drain *d, int64_t wait_ms)
{
    struct timespec until;
    int rc = 0;

    if (!d)
        return;
    clock_gettime(CLOCK_MONOTONIC, &until);
    wait_ms += until.tv_nsec / 1000000;
    until.tv_sec += (time_t)(wait_ms / 1000);
    until.tv_nsec = (long)(wait_ms % 1000 * 1000000);
    pthread_mutex_lock(&d->mutex);
    d->stopping = true;
    pthread_cond_broadcast(&d->changed);
    pthread_mutex_unlock(&d->mutex);
    journal_wake(d->journal);
    pthread_mutex_lock(&d->mutex);
    while (!d->ended && rc == 0)
        rc = pthread_cond_timedwait(&d->changed, &d->mutex, &until);
    d->cut = true;
    if (d->fd >= 0)
        shutdown(d->fd, SHUT_RDWR); /* a reply that does not come must not hold us */
    pthread_mutex_unlock(&d->mutex);
    pthread_join(d->thread, NULL);
    drain_free(d);
}
