/* ack.c - worker, stage 7 of 7: the only place where a verdict becomes an action.
 *
 * In:      messages with their verdicts.
 * Does:    sorts them into three lists (to ack, to park, to bury) and works the lists off: XACK per stream, XCLAIM to the
 *          consumer "parked" per stream, delay and count, the dead-letter script one by one.
 * Fails:   false when Redis is gone or refuses. A message leaves its list only when its action was confirmed; what is left
 *          goes out again with the next call, so an ack lost on the wire is never forgotten.
 * Thread:  the lane's.
 * Why so:  the next try is encoded in the idle time (T - delay) instead of a second copy or a sorted set: it works when
 *          Redis is full, costs no memory and survives a restart. Parked entries stand under a name of their own, so a
 *          worker's own list holds only what it works on or what got lost, and no restart cuts a delay short. */
#include "worker/ack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/keys.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/number.h"
#include "common/strbuf.h"
#include "worker/scripts.h"

enum {
    ACK_CHUNK = 1000, /* ids in one XACK */
    PARK_CHUNK = 100, /* ids in one XCLAIM: each draws its own jitter, so a mass of retries is spread */
    REFUSED_PARK_MS = 60000, /* a dead letter refused (Redis is full) is tried again after it */
};

struct acker {
    const struct config *config;   /* borrowed */
    const struct streams *streams; /* borrowed */
    struct link *acks;             /* borrowed */
    struct keeper *keeper;         /* borrowed */
    size_t lane;                   /* our number at the keeper */
    const char *consumer;          /* borrowed */
    int64_t limit;                 /* attempts allowed */
    uint64_t random;               /* state of the jitter's generator, never 0 */
    struct message_list to_ack;    /* sent or not: not confirmed yet */
    struct message_list to_park;
    struct message_list to_bury;
};

struct acker *acker_new(const struct config *config, const struct streams *streams, struct link *acks,
                        struct keeper *keeper, size_t lane, const char *consumer)
{
    struct acker *a = xcalloc(1, sizeof(*a));

    a->config = config;
    a->streams = streams;
    a->acks = acks;
    a->keeper = keeper;
    a->lane = lane;
    a->consumer = consumer;
    a->limit = (int64_t)config->retry_delay_count + 1;
    a->random = (uint64_t)clock_mono_us() * 0x9E3779B97F4A7C15u | 1;
    return a;
}

void acker_free(struct acker *a)
{
    if (!a)
        return;
    message_list_deinit(&a->to_ack);
    message_list_deinit(&a->to_park);
    message_list_deinit(&a->to_bury);
    free(a);
}

size_t ack_unconfirmed(const struct acker *a)
{
    return a->to_ack.count + a->to_park.count + a->to_bury.count;
}

/* --- one command for many entries ------------------------------------------------------------------ */

/* One message and what is to be done with it; equal ones share a command. */
struct item {
    struct message *m;  /* owned while it stands here */
    int64_t delay_ms;   /* parking: next try; < 0 = at once */
    int64_t retrycount; /* parking: counter to write */
    bool jitter;        /* parking: the delay is ours to spread */
    bool confirmed;     /* Redis said it is done */
    bool missing;       /* parking: Redis left it out of its answer */
};

/* A command over items [first, first + count) of one stream. */
struct run {
    size_t first;
    size_t count;
};

/* How a list is worked off. */
struct action {
    size_t chunk; /* most ids in a command */
    bool (*send)(struct acker *a, const struct item *items, size_t n, const char **argv, struct err *err);
    /* Takes one reply: sets confirmed and missing. */
    void (*confirm)(struct item *items, size_t n, const redisReply *reply);
    const char *doing; /* for the error */
};

static int item_order(const void *a, const void *b)
{
    const struct item *x = a, *y = b;

    if (x->m->stream != y->m->stream)
        return x->m->stream < y->m->stream ? -1 : 1;
    if (x->delay_ms != y->delay_ms)
        return x->delay_ms < y->delay_ms ? -1 : 1;
    if (x->retrycount != y->retrycount)
        return x->retrycount < y->retrycount ? -1 : 1;
    return (int)x->jitter - (int)y->jitter;
}

/* Cuts sorted items into runs; runs has room for n. Returns how many. */
static size_t make_runs(const struct item *items, size_t n, size_t chunk, struct run *runs)
{
    size_t count = 0;

    for (size_t i = 0; i < n; i++) {
        struct run *last = count > 0 ? &runs[count - 1] : NULL;

        if (last && last->count < chunk && item_order(&items[last->first], &items[i]) == 0) {
            last->count++;
            continue;
        }
        runs[count] = (struct run){.first = i, .count = 1};
        count++;
    }
    return count;
}

/* All commands go out, then all replies are read. False: link lost or refused; what was confirmed is marked. */
static bool run_all(struct acker *a, const struct action *action, struct item *items, const struct run *runs,
                    size_t count, struct err *err)
{
    const char **argv = xcalloc(ACK_CHUNK + 16, sizeof(*argv));
    bool ok = true;

    for (size_t i = 0; i < count && ok; i++)
        ok = action->send(a, &items[runs[i].first], runs[i].count, argv, err);
    free(argv);
    if (!ok)
        return false;
    for (size_t i = 0; i < count; i++) {
        redisReply *reply = link_is_open(a->acks) ? link_receive(a->acks, err) : NULL;

        if (!reply)
            return false;
        if (reply->type != REDIS_REPLY_ERROR || link_error_is(reply, "NOGROUP")) {
            action->confirm(&items[runs[i].first], runs[i].count, reply);
        } else if (ok) {
            ok = false;
            link_refused(a->acks, reply, action->doing, err);
        }
        freeReplyObject(reply);
    }
    return ok;
}

static bool work_off(struct acker *a, const struct action *action, struct item *items, size_t n,
                     struct err *err)
{
    struct run *runs = xcalloc(n + 1, sizeof(*runs));
    bool ok;

    qsort(items, n, sizeof(*items), item_order);
    ok = run_all(a, action, items, runs, make_runs(items, n, action->chunk, runs), err);
    if (!ok)
        link_close(a->acks); /* replies may still be owed */
    free(runs);
    return ok;
}

/* The confirmed messages end here, the others go back to the list. */
static void items_end(struct item *items, size_t n, struct message_list *list)
{
    for (size_t i = 0; i < n; i++) {
        if (items[i].confirmed)
            message_free(items[i].m);
        else
            message_append(list, items[i].m);
    }
}

/* --- ack ------------------------------------------------------------------------------------------- */

static bool ack_send(struct acker *a, const struct item *items, size_t n, const char **argv, struct err *err)
{
    enum { HEAD = 3 };

    argv[0] = "XACK";
    argv[1] = a->streams->items[items[0].m->stream].key;
    argv[2] = KEYS_GROUP;
    for (size_t i = 0; i < n; i++)
        argv[HEAD + i] = items[i].m->stream_id;
    return link_send(a->acks, (int)(HEAD + n), argv, NULL, err);
}

/* Fewer than sent: a peer finished them, or the group was lost. Nothing is left to do either way. */
static void ack_confirm(struct item *items, size_t n, const redisReply *reply)
{
    int64_t acked = reply->type == REDIS_REPLY_INTEGER ? reply->integer : 0;

    metric_add(METRIC_WORKER_ACKED, acked);
    metric_add(METRIC_WORKER_ACKED_LESS, (int64_t)n - acked);
    for (size_t i = 0; i < n; i++) {
        metric_add(METRIC_WORKER_PARKED, items[i].m->outcome == OUTCOME_PARKED);
        items[i].confirmed = true;
    }
}

static bool ack_flush(struct acker *a, struct err *err)
{
    static const struct action action = {ACK_CHUNK, ack_send, ack_confirm, "XACK"};
    size_t n = a->to_ack.count;
    struct item *items;
    bool ok;

    if (n == 0)
        return true;
    items = xcalloc(n, sizeof(*items));
    for (size_t i = 0; i < n; i++)
        items[i].m = message_pop(&a->to_ack);
    ok = work_off(a, &action, items, n, err);
    items_end(items, n, &a->to_ack);
    free(items);
    return ok;
}

/* --- park ------------------------------------------------------------------------------------------ */

static uint64_t draw(struct acker *a)
{
    a->random ^= a->random << 13;
    a->random ^= a->random >> 7;
    a->random ^= a->random << 17;
    return a->random;
}

/* Idle time that makes the entry due after the delay. Above T the delay would silently be cut to nothing. */
static int64_t park_idle_ms(struct acker *a, const struct item *item)
{
    int64_t limit = a->config->reclaim_idle_ms, delay = item->delay_ms;

    if (delay < 0)
        return limit;
    if (item->jitter)
        delay = delay - delay / 5 + (int64_t)(draw(a) % (uint64_t)(delay / 5 * 2 + 1));
    return limit - (delay < limit ? delay : limit - 1);
}

static bool park_send(struct acker *a, const struct item *items, size_t n, const char **argv, struct err *err)
{
    enum { HEAD = 5, TAIL = 5 };
    char idle[24], retrycount[24];

    number_format_i64(idle, park_idle_ms(a, &items[0]));
    number_format_i64(retrycount, items[0].retrycount);
    argv[0] = "XCLAIM";
    argv[1] = a->streams->items[items[0].m->stream].key;
    argv[2] = KEYS_GROUP;
    argv[3] = KEYS_PARKED;
    argv[4] = "0";
    for (size_t i = 0; i < n; i++)
        argv[HEAD + i] = items[i].m->stream_id;
    argv[HEAD + n] = "IDLE";
    argv[HEAD + n + 1] = idle;
    argv[HEAD + n + 2] = "RETRYCOUNT";
    argv[HEAD + n + 3] = retrycount;
    argv[HEAD + n + 4] = "JUSTID";
    return link_send(a->acks, (int)(HEAD + n + TAIL), argv, NULL, err);
}

/* The reply lists the ids parked, in the order sent. */
static void park_confirm(struct item *items, size_t n, const redisReply *reply)
{
    bool listed = reply->type == REDIS_REPLY_ARRAY;
    size_t at = 0;

    for (size_t i = 0; i < n; i++) {
        bool there = listed && at < reply->elements && reply->element[at]->type == REDIS_REPLY_STRING &&
                     strcmp(reply->element[at]->str, items[i].m->stream_id) == 0;

        at += there;
        items[i].missing = listed && !there;
        items[i].confirmed = true;
        if (there)
            metric_add(items[i].m->free_retry ? METRIC_WORKER_DEFERRED : METRIC_WORKER_RETRIED, 1);
    }
}

/* Left out: a peer acked it, or it was trimmed and XCLAIM dropped it. Then its data is lost, and nobody else will tell. */
static void park_look(struct acker *a, const struct message *m)
{
    const char *key = a->streams->items[m->stream].key;
    struct err err = {0};
    redisReply *reply =
        link_call(a->acks, 4, (const char *[]){"XRANGE", key, m->stream_id, m->stream_id}, NULL, &err);

    if (reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 0) {
        log_error("entry lost: its body is gone from the stream", LOG_S("stream", key),
                  LOG_S("id", m->stream_id));
        metric_add(METRIC_WORKER_ENTRIES_LOST, 1);
    }
    freeReplyObject(reply);
}

static struct item park_item(const struct acker *a, struct message *m)
{
    struct item item = {.m = m, .delay_ms = m->retry_in_ms, .retrycount = m->deliveries};

    if (m->retry_in_ms < 0)
        item.delay_ms = -1;
    if (m->retry_in_ms == 0) {
        item.delay_ms = message_retry_ms(a->config, message_attempt(m));
        item.jitter = true;
    }
    if (m->free_retry && item.retrycount > 0)
        item.retrycount--;
    return item;
}

static bool park_flush(struct acker *a, struct err *err)
{
    static const struct action action = {PARK_CHUNK, park_send, park_confirm, "XCLAIM"};
    size_t n = a->to_park.count;
    struct item *items;
    bool ok;

    if (n == 0)
        return true;
    items = xcalloc(n, sizeof(*items));
    for (size_t i = 0; i < n; i++)
        items[i] = park_item(a, message_pop(&a->to_park));
    ok = work_off(a, &action, items, n, err);
    for (size_t i = 0; i < n && ok; i++) {
        if (items[i].missing)
            park_look(a, items[i].m);
    }
    items_end(items, n, &a->to_park);
    free(items);
    return ok;
}

/* --- bury ------------------------------------------------------------------------------------------ */

static void bury_log(const struct acker *a, const struct message *m)
{
    log_warn("entry moved to the dead letters", LOG_S("stream", a->streams->items[m->stream].key),
             LOG_S("id", m->stream_id), LOG_S("class", dead_class_name(m->dead_class)),
             LOG_I("attempts", message_attempt(m)), LOG_S("err", m->error),
             LOG_B("trace", m->entry.trace.data, m->entry.trace.length));
}

/* The caller's fields of a dead letter; the script adds _id _stream _group _by _tries _body. */
static redisReply *bury_call(struct acker *a, const struct message *m, struct err *err)
{
    const struct stream_ref *s = &a->streams->items[m->stream];
    char first[24], at[24];
    const char *argv[] = {s->key,
                          s->dead,
                          KEYS_GROUP,
                          a->consumer,
                          m->stream_id,
                          "_first",
                          first,
                          "_at",
                          at,
                          "_class",
                          dead_class_name(m->dead_class),
                          "_err",
                          m->error,
                          "_ver",
                          SHOPSTREAM_VERSION};

    number_format_i64(first, m->entry_ms);
    number_format_i64(at, clock_now_ms());
    return script_run(a->acks, SCRIPT_DEAD_LETTER, 2, (int)(sizeof(argv) / sizeof(argv[0])), argv, NULL, err);
}

/* Refused for a reason that lies in the entry or in memory: tried again later, without an attempt, so that it neither
 * gets lost nor stops the others. */
static bool bury_waits(const redisReply *reply)
{
    return link_error_is(reply, "OOM") || link_error_is(reply, "ERR");
}

/* Takes m. False: link lost or refused; m is on its list again. */
static bool bury(struct acker *a, struct message *m, struct err *err)
{
    redisReply *reply = bury_call(a, m, err);
    bool ok = true;

    if (reply && reply->type == REDIS_REPLY_ARRAY && reply->elements > 0 && reply->element[0]->integer == 1) {
        bury_log(a, m);
        metric_add(METRIC_WORKER_DEAD, 1);
        message_free(m);
    } else if (reply && (reply->type == REDIS_REPLY_ARRAY || link_error_is(reply, "NOGROUP"))) {
        message_free(m); /* not ours any more: a peer took it over and judges for itself */
    } else if (reply && bury_waits(reply)) {
        log_error("dead letter refused, tried again in a minute", LOG_S("id", m->stream_id),
                  LOG_B("err", reply->str, reply->len));
        m->free_retry = true;
        m->retry_in_ms = REFUSED_PARK_MS;
        message_append(&a->to_park, m);
    } else {
        ok = false;
        if (reply)
            link_refused(a->acks, reply, "dead letter", err);
        message_append(&a->to_bury, m);
    }
    freeReplyObject(reply);
    return ok;
}

static bool bury_flush(struct acker *a, struct err *err)
{
    for (size_t n = a->to_bury.count; n > 0; n--) {
        if (!bury(a, message_pop(&a->to_bury), err))
            return false;
    }
    return true;
}

/* --- what stage 7 is asked ------------------------------------------------------------------------- */

/* Acks first: they are what others wait for, and they free room. Parking twice: a refused dead letter is parked. */
static bool flush(struct acker *a, struct err *err)
{
    return ack_flush(a, err) && park_flush(a, err) && bury_flush(a, err) && park_flush(a, err);
}

/* The list a verdict leads to. */
static struct message_list *judge(struct acker *a, struct message *m)
{
    switch (m->outcome) {
    case OUTCOME_DONE:
    case OUTCOME_PARKED:
        return &a->to_ack;
    case OUTCOME_POISON:
        return &a->to_bury;
    case OUTCOME_RETRY:
        return m->free_retry || message_attempt(m) < a->limit ? &a->to_park : &a->to_bury;
    case OUTCOME_DISCONNECTED:
        /* Must not come here. Put back without an attempt rather than aborting with a batch in hand. */
        log_error("cannot happen: a disconnected message was to be settled", LOG_S("id", m->stream_id));
        m->free_retry = true;
        return &a->to_park;
    }
    fatalx("ack: no such outcome", LOG_I("outcome", (int)m->outcome));
}

bool ack_settle(struct acker *a, struct message_list *settled, struct err *err)
{
    struct message *m;

    while ((m = message_pop(settled)) != NULL) {
        keeper_drop(a->keeper, a->lane, m);
        message_append(judge(a, m), m);
    }
    return flush(a, err);
}

bool ack_hand_back(struct acker *a, struct message_list *unprocessed, struct err *err)
{
    struct message *m;

    while ((m = message_pop(unprocessed)) != NULL) {
        keeper_drop(a->keeper, a->lane, m);
        m->free_retry = true;
        m->retry_in_ms = -1;
        message_append(&a->to_park, m);
    }
    return flush(a, err);
}
