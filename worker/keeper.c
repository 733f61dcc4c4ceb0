/* keeper.c - worker: heartbeats of all lanes, and the idle time of every entry a lane holds.
 *
 * In:      ids entered and removed by the lanes.
 * Does:    every HEARTBEAT_MS: PEXPIRE of the heartbeat keys, SET only where a key is gone (PEXPIRE works when Redis is
 *          full, SET does not). Every KEEPALIVE_MS: XCLAIM <lane> 0 ids JUSTID in chunks of 300.
 *          Each second: webhooks:layout. New partitions get their heartbeat keys before the lanes hear of them, or another
 *          worker would take for dead who reads there.
 * Fails:   start: a sentence (Redis away: ERR_REDIS; a name that lives elsewhere: ERR_CONFIG). Later: never, it logs once
 *          and tries again; entries not refreshed come back through reaping, which costs work and nothing else.
 * Thread:  one of its own with all signals blocked, and a connection of its own, because a lane may sit in XREADGROUP
 *          BLOCK or in a bulk of MongoDB for longer than a lease.
 * Why so:  the heartbeat key is also the lock on the name. Its value carries a token drawn at start: a key with our token
 *          is ours although the reply to SET was lost; a key with another one either ends within its TTL (a crashed
 *          predecessor) or is refreshed by somebody alive, whose work we would take under the same name. */
#include "worker/keeper.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/keys.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/number.h"
#include "common/strbuf.h"
#include "common/thread.h"
#include "worker/held.h"
#include "worker/layout_ask.h"
#include "worker/link.h"

enum {
    KEEPER_CHUNK = 300,       /* ids in one XCLAIM: about a millisecond of Redis */
    KEEPER_KEY_MAX = 400,     /* longest heartbeat key */
    KEEPER_VALUE_MAX = 200,   /* longest heartbeat value */
    KEEPER_RETRY_MS = 1000,   /* after a failure, when that is shorter than the interval */
    KEEPER_TIMEOUT_MS = 5000, /* longest wait for a reply: lanes may wait behind it */
    KEEPER_LOCK_POLL_MS = 100,
};

/* What one lane holds. The lock is held while a chunk is refreshed, so that keeper_drop returning means: never again. */
struct keeper_lane {
    const char *name;     /* consumer name, borrowed */
    pthread_mutex_t lock; /* guards held */
    struct held held;
};

/* One heartbeat key: every lane in every partition (a key lives in the slot of its partition). */
struct keeper_beat {
    char key[KEEPER_KEY_MAX];
    bool ours;     /* claimed at start, or excused because Redis was full */
    bool disputed; /* seen with another process' token: said once */
};

struct keeper {
    const struct config *config; /* borrowed */
    struct streams *streams;     /* borrowed; told of each change of the layout */
    struct layout layout;        /* as last read; most 0 = not yet */
    bool layout_unreadable;      /* a person knows that it is not readable */
    struct link *link;           /* owned; used by start and stop before and after the thread lives */
    struct keeper_lane *lanes;   /* owned, lane_count of them */
    size_t lane_count;
    struct keeper_beat
        *beats; /* owned, beat_count of them: all lanes in partition 0, then all in partition 1, ... */
    size_t beat_count;
    char value[KEEPER_VALUE_MAX]; /* "pid=7 version=0.1.0 started_ms=... token=..." */
    int64_t ttl_ms;               /* life of a heartbeat key */
    pthread_t thread;
    bool running; /* thread has been started */
    bool failing; /* the last round failed: said once */

    pthread_mutex_t lock; /* guards stopping */
    pthread_cond_t wake;  /* on CLOCK_MONOTONIC */
    bool stopping;
    _Atomic int64_t beat_ms; /* monotonic ms of the last complete heartbeat */
};

/* --- what the lanes call --------------------------------------------------------------------------- */

static struct keeper_lane *lane_of(struct keeper *k, size_t lane)
{
    if (lane >= k->lane_count)
        fatalx("keeper: no such lane", LOG_I("lane", (int64_t)lane));
    return &k->lanes[lane];
}

void keeper_hold(struct keeper *k, size_t lane, const struct message *m)
{
    struct keeper_lane *l = lane_of(k, lane);
    struct held_id id;

    if (!held_id_parse(m->stream, m->stream_id, &id))
        return;
    pthread_mutex_lock(&l->lock);
    held_add(&l->held, &id);
    pthread_mutex_unlock(&l->lock);
}

void keeper_drop(struct keeper *k, size_t lane, const struct message *m)
{
    struct keeper_lane *l = lane_of(k, lane);
    struct held_id id;

    if (!held_id_parse(m->stream, m->stream_id, &id))
        return;
    pthread_mutex_lock(&l->lock);
    held_remove(&l->held, &id);
    pthread_mutex_unlock(&l->lock);
}

bool keeper_holds(struct keeper *k, size_t lane, int stream, const char *stream_id)
{
    struct keeper_lane *l = lane_of(k, lane);
    struct held_id id;
    bool holds;

    if (!held_id_parse(stream, stream_id, &id))
        return false;
    pthread_mutex_lock(&l->lock);
    holds = held_has(&l->held, &id);
    pthread_mutex_unlock(&l->lock);
    return holds;
}

long keeper_silence_ms(const struct keeper *k)
{
    return (long)(clock_mono_ms() - atomic_load(&k->beat_ms));
}

/* --- heartbeats ------------------------------------------------------------------------------------ */

static redisReply *beat_set(struct keeper *k, const struct keeper_beat *b, struct err *err)
{
    char ttl[24];

    number_format_i64(ttl, k->ttl_ms);
    return link_call(k->link, 6, (const char *[]){"SET", b->key, k->value, "NX", "PX", ttl}, NULL, err);
}

/* Whether a GET reply is our own value; nil and foreign values are not. */
static bool beat_is_ours(const struct keeper *k, const redisReply *r)
{
    return r->type == REDIS_REPLY_STRING && r->len == strlen(k->value) &&
           memcmp(r->str, k->value, r->len) == 0;
}

/* The key expired (Redis was away, or full when it was to be set): make it anew. At OOM the lane goes without. */
static bool beat_renew(struct keeper *k, const struct keeper_beat *b, struct err *err)
{
    redisReply *r = beat_set(k, b, err);
    bool ok = r && (r->type != REDIS_REPLY_ERROR || link_error_is(r, "OOM"));

    if (r && !ok)
        link_refused(k->link, r, "heartbeat", err);
    freeReplyObject(r);
    return ok;
}

/* A key under our name with another token: two processes believe they are this worker. Both go on (their writes are
 * idempotent), a person must act. */
static void beat_dispute(struct keeper_beat *b, bool disputed)
{
    if (disputed && !b->disputed)
        log_error("another process runs under this worker's name", LOG_S("key", b->key));
    b->disputed = disputed;
}

/* Replies of PEXPIRE and GET for one key. */
static bool beat_receive(struct keeper *k, struct keeper_beat *b, bool *gone, struct err *err)
{
    redisReply *expire = link_receive(k->link, err);
    redisReply *get = expire ? link_receive(k->link, err) : NULL;
    bool ok = get != NULL;

    if (ok && (expire->type == REDIS_REPLY_ERROR || get->type == REDIS_REPLY_ERROR)) {
        link_refused(k->link, expire->type == REDIS_REPLY_ERROR ? expire : get, "heartbeat", err);
        ok = false;
    }
    if (ok) {
        *gone = expire->integer == 0;
        beat_dispute(b, get->type == REDIS_REPLY_STRING && !beat_is_ours(k, get));
    }
    freeReplyObject(expire);
    freeReplyObject(get);
    return ok;
}

static bool beat_send(struct keeper *k, const struct keeper_beat *b, struct err *err)
{
    char ttl[24];

    number_format_i64(ttl, k->ttl_ms);
    return link_send(k->link, 3, (const char *[]){"PEXPIRE", b->key, ttl}, NULL, err) &&
           link_send(k->link, 2, (const char *[]){"GET", b->key}, NULL, err);
}

/* All keys in one round trip; those that were gone one by one afterwards. */
static bool heartbeat(struct keeper *k, struct err *err)
{
    bool *gone = xcalloc(k->beat_count, sizeof(*gone));
    bool ok = true;

    for (size_t i = 0; i < k->beat_count && ok; i++)
        ok = beat_send(k, &k->beats[i], err);
    for (size_t i = 0; i < k->beat_count && ok; i++)
        ok = beat_receive(k, &k->beats[i], &gone[i], err);
    if (!ok)
        link_close(k->link); /* replies may still be owed */
    for (size_t i = 0; i < k->beat_count && ok; i++)
        ok = !gone[i] || beat_renew(k, &k->beats[i], err);
    free(gone);
    if (ok)
        atomic_store(&k->beat_ms, clock_mono_ms());
    return ok;
}

/* --- idle time of entries in work ------------------------------------------------------------------ */

static int held_id_order(const void *a, const void *b)
{
    const struct held_id *x = a, *y = b;

    return (x->stream > y->stream) - (x->stream < y->stream);
}

/* One XCLAIM for ids of one stream. The caller holds the lane's lock. */
static bool refresh_claim(struct keeper *k, const struct keeper_lane *l, const struct held_id *ids, size_t n,
                          struct err *err)
{
    enum { HEAD = 5 };
    char text[KEEPER_CHUNK][STREAM_ID_MAX];
    const char *argv[HEAD + KEEPER_CHUNK + 1];
    redisReply *r;
    bool ok;

    argv[0] = "XCLAIM";
    argv[1] = k->streams->items[ids[0].stream].key;
    argv[2] = KEYS_GROUP;
    argv[3] = l->name;
    argv[4] = "0";
    for (size_t i = 0; i < n; i++) {
        held_id_format(&ids[i], text[i]);
        argv[HEAD + i] = text[i];
    }
    argv[HEAD + n] = "JUSTID";
    r = link_call(k->link, (int)(HEAD + n + 1), argv, NULL, err);
    /* NOGROUP: stream and group are gone; the lane's next read makes them again and nothing is pending */
    ok = r && (r->type != REDIS_REPLY_ERROR || link_error_is(r, "NOGROUP"));
    if (r && !ok)
        link_refused(k->link, r, "XCLAIM of entries in work", err);
    freeReplyObject(r);
    return ok;
}

/* Refreshes those of ids (one stream, at most a chunk) that are still held when the lock has been taken. */
static bool refresh_chunk(struct keeper *k, struct keeper_lane *l, struct held_id *ids, size_t n,
                          struct err *err)
{
    size_t kept = 0;
    bool ok = true;

    pthread_mutex_lock(&l->lock);
    for (size_t i = 0; i < n; i++) {
        if (held_has(&l->held, &ids[i]))
            ids[kept++] = ids[i];
    }
    if (kept > 0)
        ok = refresh_claim(k, l, ids, kept, err);
    pthread_mutex_unlock(&l->lock);
    return ok;
}

/* The ids of one lane as they are now; returns owned. */
static struct held_id *refresh_list(struct keeper_lane *l, size_t *count)
{
    struct held_id *ids;

    pthread_mutex_lock(&l->lock);
    ids = xcalloc(l->held.count + 1, sizeof(*ids));
    *count = held_list(&l->held, ids);
    pthread_mutex_unlock(&l->lock);
    qsort(ids, *count, sizeof(*ids), held_id_order);
    return ids;
}

static bool refresh_lane(struct keeper *k, struct keeper_lane *l, struct err *err)
{
    size_t count, n;
    struct held_id *ids = refresh_list(l, &count);
    bool ok = true;

    for (size_t at = 0; at < count && ok; at += n) {
        for (n = 1; at + n < count && n < KEEPER_CHUNK && ids[at + n].stream == ids[at].stream; n++)
            ;
        ok = refresh_chunk(k, l, ids + at, n, err);
    }
    free(ids);
    return ok;
}

static bool refresh(struct keeper *k, struct err *err)
{
    for (size_t i = 0; i < k->lane_count; i++) {
        if (!refresh_lane(k, &k->lanes[i], err))
            return false;
    }
    return true;
}

/* --- the layout ------------------------------------------------------------------------------------- */

/* Keys for every partition below most that has none yet. */
static bool make_beats(struct keeper *k, int most, struct err *err)
{
    size_t count = k->lane_count * (size_t)most;

    if (count <= k->beat_count)
        return true;
    k->beats = xrealloc(k->beats, count * sizeof(*k->beats));
    for (size_t i = k->beat_count; i < count; i++) {
        const char *name = k->lanes[i % k->lane_count].name;

        k->beats[i] = (struct keeper_beat){0};
        if (keys_worker(k->beats[i].key, KEEPER_KEY_MAX, (int)(i / k->lane_count), name) >= KEEPER_KEY_MAX) {
            err_set(err, ERR_CONFIG, 0, "worker name %.40s... is too long", name);
            return false;
        }
    }
    k->beat_count = count;
    return true;
}

/* Asks, and tells a person once of a record that is none of ours: then things stay as they are. False: Redis is away. */
static bool ask_layout(struct keeper *k, struct layout *read, struct err *err)
{
    const struct layout known = {streams_in_use(k->streams), k->layout.most};
    struct err why = {0};
    bool ok = layout_ask_shared(k->link, &known, read, &why), unreadable = !ok && why.domain == ERR_CONFIG;

    metric_set(METRIC_WORKER_LAYOUT_UNREADABLE, unreadable);
    if (unreadable && !k->layout_unreadable)
        log_error("the partitions stay as they are", LOG_S("err", why.text), LOG_I("in_use", known.in_use),
                  LOG_I("most", streams_most(k->streams)));
    if (ok && k->layout_unreadable)
        log_info(KEYS_LAYOUT " is readable again");
    k->layout_unreadable = unreadable || (!ok && k->layout_unreadable);
    if (unreadable)
        *read = (struct layout){known.in_use, streams_most(k->streams)};
    else if (!ok)
        *err = why;
    return ok || unreadable;
}

/* A record that was deleted while no program ran is made anew from STREAM_PARTITIONS and knows nothing of what was used before:
 * entries of those partitions would be read by nobody. The streams themselves tell. */
static bool recall_streams(struct keeper *k, struct layout *read, struct err *err)
{
    const int recorded = read->most;

    k->layout.most = recorded;
    if (!layout_ask_streams(k->link, recorded, &k->layout.most, err))
        return false;
    if (k->layout.most == recorded)
        return true;
    log_warn(
        "there are streams of partitions that " KEYS_LAYOUT " does not know; it is raised to them, and they "
        "are read; was it deleted? shopstreamctl repartition sets how many are in use",
        LOG_I("most_recorded", recorded), LOG_I("most_found", k->layout.most), LOG_I("in_use", read->in_use));
    if (!ask_layout(k, read, err))
        return false;
    if (read->most < k->layout.most) /* not readable: then at least we know */
        read->most = k->layout.most;
    return true;
}

/* The lanes hear of it, and once a change a person. */
static void publish(struct keeper *k, const struct layout *read)
{
    bool changed = layout_follow(&k->layout, read);

    streams_follow(k->streams, &k->layout);
    metric_set(METRIC_WORKER_PARTITIONS, k->layout.in_use);
    metric_set(METRIC_WORKER_PARTITIONS_MOST, k->layout.most);
    if (!changed)
        return;
    log_info("partitions", LOG_I("in_use", k->layout.in_use), LOG_I("most", k->layout.most));
    if (k->layout.in_use != k->config->stream_partitions)
        log_warn("STREAM_PARTITIONS differs from " KEYS_LAYOUT ", which wins; shopstreamctl repartition "
                 "changes it",
                 LOG_I("setting", k->config->stream_partitions), LOG_I("in_use", k->layout.in_use));
}

/* New keys are set like those that have expired. The name itself is ours since the start, so that they only need be made, and
 * be taken away at the end; a failure leaves them to the next time. */
static bool set_new_beats(struct keeper *k, struct err *err)
{
    if (k->beats[k->beat_count - 1].ours)
        return true;
    if (!heartbeat(k, err))
        return false;
    for (size_t i = 0; i < k->beat_count; i++)
        k->beats[i].ours = true;
    return true;
}

static bool follow(struct keeper *k, struct err *err)
{
    struct layout read;

    if (!ask_layout(k, &read, err) || !make_beats(k, read.most, err) || !set_new_beats(k, err))
        return false;
    publish(k, &read);
    return true;
}

/* --- the thread ------------------------------------------------------------------------------------ */

/* Waits until due_ms (monotonic). False: the keeper is being stopped. */
static bool wait_until(struct keeper *k, int64_t due_ms)
{
    struct timespec until = {.tv_sec = due_ms / 1000, .tv_nsec = (long)(due_ms % 1000 * 1000000)};
    bool stopping;
    int rc = 0;

    pthread_mutex_lock(&k->lock);
    while (!k->stopping && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&k->wake, &k->lock, &until);
    stopping = k->stopping;
    pthread_mutex_unlock(&k->lock);
    return !stopping;
}

/* Says once that it fails and once that it works again: a line every second would hide the first. */
static void report(struct keeper *k, bool ok, const struct err *err)
{
    if (!ok && !k->failing)
        log_warn("keeper cannot reach Redis", LOG_S("err", err->text));
    if (ok && k->failing)
        log_info("keeper reaches Redis again");
    k->failing = !ok;
}

/* When a duty falls due again: its interval after success, sooner after failure. */
static int64_t next_due(bool ok, int64_t interval_ms)
{
    return clock_mono_ms() + (ok || interval_ms < KEEPER_RETRY_MS ? interval_ms : KEEPER_RETRY_MS);
}

static int64_t earliest(int64_t a, int64_t b, int64_t c)
{
    int64_t first = a < b ? a : b;

    return first < c ? first : c;
}

static void *keeper_main(void *arg)
{
    struct keeper *k = arg;
    int64_t beat_due = clock_mono_ms() + k->config->heartbeat_ms;
    int64_t refresh_due = clock_mono_ms() + k->config->keep_alive_ms;
    int64_t layout_due = clock_mono_ms() + LAYOUT_POLL_MS;

    while (wait_until(k, earliest(beat_due, refresh_due, layout_due))) {
        struct err err = {0};
        bool ok = true;

        if (clock_mono_ms() >= beat_due) {
            ok = heartbeat(k, &err);
            beat_due = next_due(ok, k->config->heartbeat_ms);
        }
        if (clock_mono_ms() >= refresh_due) {
            ok = ok && refresh(k, &err);
            refresh_due = next_due(ok, k->config->keep_alive_ms);
        }
        if (clock_mono_ms() >= layout_due) {
            ok = ok && follow(k, &err);
            layout_due = next_due(ok, LAYOUT_POLL_MS);
        }
        report(k, ok, &err);
    }
    return NULL;
}

/* --- start and stop -------------------------------------------------------------------------------- */

static void make_value(struct keeper *k)
{
    uint64_t token = 0;

    if (getrandom(&token, sizeof(token), 0) != (ssize_t)sizeof(token))
        token = (uint64_t)clock_mono_us() ^ (uint64_t)getpid() << 40;
    snprintf(k->value, sizeof(k->value), "pid=%ld version=%s started_ms=%lld token=%016llx", (long)getpid(),
             SHOPSTREAM_VERSION, (long long)clock_now_ms(), (unsigned long long)token);
}

static void make_locks(struct keeper *k)
{
    pthread_condattr_t attr;

    pthread_mutex_init(&k->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&k->wake, &attr);
    pthread_condattr_destroy(&attr);
}

enum lock_result { LOCK_OURS, LOCK_TAKEN, LOCK_FAILED };

/* Who stands in the key after SET NX did not write it. */
static enum lock_result lock_look(struct keeper *k, const struct keeper_beat *b, bool full, struct err *err)
{
    enum lock_result result = LOCK_TAKEN;
    redisReply *r = link_call(k->link, 2, (const char *[]){"GET", b->key}, NULL, err);

    if (!r)
        return LOCK_FAILED;
    if (r->type == REDIS_REPLY_ERROR) {
        link_refused(k->link, r, "name lock", err);
        result = LOCK_FAILED;
    } else if (beat_is_ours(k, r) || (full && r->type == REDIS_REPLY_NIL)) {
        /* Redis is full: a worker that refused to start now would be the one that drains it */
        result = LOCK_OURS;
    }
    freeReplyObject(r);
    return result;
}

static enum lock_result lock_try(struct keeper *k, const struct keeper_beat *b, struct err *err)
{
    enum lock_result result = LOCK_FAILED;
    redisReply *r = beat_set(k, b, err);

    if (!r)
        return LOCK_FAILED;
    if (r->type == REDIS_REPLY_STATUS)
        result = LOCK_OURS;
    else if (r->type == REDIS_REPLY_NIL || link_error_is(r, "OOM"))
        result = lock_look(k, b, r->type == REDIS_REPLY_ERROR, err);
    else
        link_refused(k->link, r, "name lock", err);
    freeReplyObject(r);
    return result;
}

/* One round over the keys not yet ours; *taken names one that somebody else has. */
static bool lock_round(struct keeper *k, const struct keeper_beat **taken, struct err *err)
{
    *taken = NULL;
    for (size_t i = 0; i < k->beat_count; i++) {
        struct keeper_beat *b = &k->beats[i];
        enum lock_result result = b->ours ? LOCK_OURS : lock_try(k, b, err);

        if (result == LOCK_FAILED)
            return false;
        b->ours = result == LOCK_OURS;
        if (!b->ours)
            *taken = b;
    }
    return true;
}

/* Claims every key; waits for the TTL of a crashed predecessor and a second before it gives up. */
static bool lock_names(struct keeper *k, struct err *err)
{
    const struct timespec pause = {.tv_nsec = KEEPER_LOCK_POLL_MS * 1000000L};
    int64_t until = clock_mono_ms() + k->ttl_ms + 1000;
    const struct keeper_beat *taken;

    for (;;) {
        if (!lock_round(k, &taken, err))
            return false;
        if (!taken)
            return true;
        if (clock_mono_ms() >= until)
            break;
        nanosleep(&pause, NULL);
    }
    err_set(err, ERR_CONFIG, 0, "worker name %s is in use",
            k->lanes[(size_t)(taken - k->beats) % k->lane_count].name);
    return false;
}

/* Deletes the keys that still carry our token: a successor then need not wait for their TTL. */
static void unlock_names(struct keeper *k)
{
    struct err err = {0};

    for (size_t i = 0; i < k->beat_count; i++) {
        const struct keeper_beat *b = &k->beats[i];
        redisReply *r = b->ours ? link_call(k->link, 2, (const char *[]){"GET", b->key}, NULL, &err) : NULL;

        if (b->ours && !r)
            return;
        if (r && beat_is_ours(k, r))
            freeReplyObject(link_call(k->link, 2, (const char *[]){"DEL", b->key}, NULL, &err));
        freeReplyObject(r);
    }
}

static struct keeper *keeper_new(const struct config *config, const struct redis_url *url,
                                 struct streams *streams, const char *const *lane_names, size_t lanes)
{
    struct keeper *k = xcalloc(1, sizeof(*k));

    k->config = config;
    k->streams = streams;
    k->ttl_ms = 3 * config->heartbeat_ms;
    k->link = link_new(url, "keeper", KEEPER_TIMEOUT_MS);
    k->lanes = xcalloc(lanes, sizeof(*k->lanes));
    k->lane_count = lanes;
    for (size_t i = 0; i < lanes; i++) {
        k->lanes[i].name = lane_names[i];
        pthread_mutex_init(&k->lanes[i].lock, NULL);
    }
    make_locks(k);
    make_value(k);
    return k;
}

struct keeper *keeper_start(const struct config *config, const struct redis_url *url, struct streams *streams,
                            const char *const *lane_names, size_t lanes, struct err *err)
{
    struct keeper *k = keeper_new(config, url, streams, lane_names, lanes);
    struct layout read;

    if (!ask_layout(k, &read, err) || !recall_streams(k, &read, err) || !make_beats(k, read.most, err) ||
        !lock_names(k, err))
        goto fail;
    k->layout = (struct layout){0}; /* as if just heard of: publish tells a person */
    publish(k, &read);
    atomic_store(&k->beat_ms, clock_mono_ms());
    k->running = thread_start(&k->thread, keeper_main, k, err);
    if (!k->running)
        goto fail;
    return k;
fail:
    keeper_stop(k);
    return NULL;
}

static void thread_stop(struct keeper *k)
{
    if (!k->running)
        return;
    pthread_mutex_lock(&k->lock);
    k->stopping = true;
    pthread_cond_signal(&k->wake);
    pthread_mutex_unlock(&k->lock);
    pthread_join(k->thread, NULL);
}

void keeper_stop(struct keeper *k)
{
    if (!k)
        return;
    thread_stop(k);
    unlock_names(k);
    for (size_t i = 0; i < k->lane_count; i++) {
        held_deinit(&k->lanes[i].held);
        pthread_mutex_destroy(&k->lanes[i].lock);
    }
    pthread_cond_destroy(&k->wake);
    pthread_mutex_destroy(&k->lock);
    link_free(k->link);
    free(k->beats);
    free(k->lanes);
    free(k);
}
