/* trim.c - worker: the safe trim, and what an operator wants to know about the streams.
 *
 * In:      the clock of Redis.
 * Does:    every TRIM_INTERVAL_MS and for every stream: trims below everything unread, pending or younger than
 *          STREAM_KEEP_MINUTES (one script: looking and trimming must not be torn apart), then measures.
 * Fails:   false when Redis is gone or refuses.
 * Thread:  that of one lane of the process.
 * Why so:  MAXLEN and MINID look at no group: they drop unread entries as readily as finished ones. So STREAM_MAXLEN is
 *          an alarm here and no limit: what is too long is work not done, and dropping it would be losing it. Whoever wants
 *          that says STREAM_TRIM=hard. Finished entries stay three times as long as the server may ask for them
 *          (REPLAY_SECONDS), whatever is set, and above REDIS_HIGH_WATER no longer. */
#include "worker/trim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/keys.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/number.h"
#include "common/strbuf.h"
#include "worker/high_water.h"
#include "worker/message.h"
#include "worker/scripts.h"
#include "worker/xinfo.h"

enum {
    TRIM_LIMIT = 10000,     /* entries one call removes: about 5 ms of Redis at most */
    TRIM_ROUNDS = 20,       /* calls a stream and step */
    ALARM_EVERY_MS = 60000, /* a stream that is too long is reported that often */
};

struct trim {
    const struct config *config;   /* borrowed */
    const struct streams *streams; /* borrowed */
    struct link *link;             /* borrowed */
    int64_t due_ms;                /* monotonic: next step */
    int64_t alarm_ms;              /* monotonic: no alarm before */
    struct high_water high;
};

/* Sums of one step over all streams. */
struct measured {
    int64_t now_ms;                       /* clock of Redis */
    int64_t length;                       /* entries */
    int64_t lag;                          /* not yet delivered; -1 = unknown somewhere */
    int64_t oldest_pending_ms;            /* age */
    int64_t longest;                      /* entries of the longest live stream */
    const char *longest_key;              /* borrowed */
    int64_t floor_age_ms;                 /* of the oldest entry a group has not finished; 0 = none */
    char floor_group[METRIC_GROUP_BYTES]; /* whose; "" = none */
};

struct trim *trim_new(const struct config *config, const struct streams *streams, struct link *link)
{
    struct trim *t = xcalloc(1, sizeof(*t));

    t->config = config;
    t->high.config = config;
    t->streams = streams;
    t->link = link;
    return t;
}

void trim_free(struct trim *t)
{
    free(t);
}

/* Finished entries younger than the keep window stay: the server's replay looks for them, and so do people. */
static void keep_from(const struct trim *t, int64_t now_ms, char to[STREAM_ID_MAX])
{
    const int64_t least_ms = 3 * t->config->replay_ms;
    int64_t keep_ms = t->config->stream_keep_minutes * 60000;

    if (keep_ms < least_ms || t->high.above)
        keep_ms = least_ms;
    to[0] = '\0';
    if (keep_ms > 0 && keep_ms < now_ms)
        snprintf(to, STREAM_ID_MAX, "%lld-0", (long long)(now_ms - keep_ms));
}

/* No trim goes beyond what a group has not finished. Its age comes from the id; a group that has read nothing stands at 0-0,
 * and its age is not known. */
static void note_floor(struct measured *sum, const redisReply *floor, const redisReply *group)
{
    int64_t ms;

    if (floor->type != REDIS_REPLY_STRING || group->type != REDIS_REPLY_STRING ||
        !number_i64(floor->str, strcspn(floor->str, "-"), &ms) || ms == 0 ||
        sum->now_ms - ms <= sum->floor_age_ms)
        return;
    sum->floor_age_ms = sum->now_ms - ms;
    snprintf(sum->floor_group, sizeof(sum->floor_group), "%s", group->str);
}

/* One call of the script. *more: it stopped at its limit. */
static bool trim_call(struct trim *t, const char *key, const char *from, struct measured *sum, bool *more,
                      struct err *err)
{
    char limit[24], counter[KEYS_STREAM_MAX];
    const char *argv[] = {key, counter, limit, from};
    redisReply *r;
    bool ok;

    keys_trimmed(counter, key);
    number_format_i64(limit, TRIM_LIMIT);
    r = script_run(t->link, SCRIPT_SAFE_TRIM, 2, 4, argv, NULL, err);
    if (!r)
        return false;
    ok = r->type == REDIS_REPLY_ARRAY && r->elements >= 3;
    *more = false;
    if (!ok) {
        link_refused(t->link, r, "trim", err);
    } else if (r->element[0]->integer >= 0) {
        *more = r->element[0]->integer > TRIM_LIMIT / 2;
        if (!*more)
            note_floor(sum, r->element[1], r->element[2]);
    }
    if (ok && r->element[0]->integer > 0) {
        metric_add(METRIC_WORKER_TRIMMED, r->element[0]->integer);
        log_debug("stream trimmed", LOG_S("stream", key), LOG_I("entries", r->element[0]->integer),
                  LOG_S("held_from", r->element[1]->str), LOG_S("held_by", r->element[2]->str));
    }
    freeReplyObject(r);
    return ok;
}

/* STREAM_TRIM=hard: what is too much goes, read or not. */
static bool trim_hard(struct trim *t, const struct stream_ref *s, int64_t length, struct err *err)
{
    char most[24];
    redisReply *r;
    bool ok;

    if (!t->config->stream_trim_hard || length <= t->config->stream_maxlen)
        return true;
    number_format_i64(most, t->config->stream_maxlen);
    r = link_call(t->link, 5, (const char *[]){"XTRIM", s->key, "MAXLEN", "~", most}, NULL, err);
    if (!r)
        return false;
    ok = r->type == REDIS_REPLY_INTEGER;
    if (!ok) {
        link_refused(t->link, r, "XTRIM", err);
    } else if (r->integer > 0) {
        metric_add(METRIC_WORKER_TRIMMED_HARD, r->integer);
        log_error("stream was longer than STREAM_MAXLEN, entries dropped unread or unfinished",
                  LOG_S("stream", s->key), LOG_I("entries", r->integer), LOG_I("length", length));
    }
    freeReplyObject(r);
    return ok;
}

static bool trim_stream(struct trim *t, const char *key, const char *from, struct measured *sum,
                        struct err *err)
{
    bool more = true;

    for (int i = 0; i < TRIM_ROUNDS && more; i++) {
        if (!trim_call(t, key, from, sum, &more, err))
            return false;
    }
    return true;
}

/* --- measuring ------------------------------------------------------------------------------------- */

static bool measure_length(struct trim *t, const struct stream_ref *s, struct measured *sum, struct err *err)
{
    redisReply *r = link_call(t->link, 2, (const char *[]){"XLEN", s->key}, NULL, err);
    bool ok = r && r->type == REDIS_REPLY_INTEGER;

    if (ok) {
        ok = trim_hard(t, s, r->integer, err);
        sum->length += r->integer;
        if (!s->bulk && r->integer > sum->longest) {
            sum->longest = r->integer;
            sum->longest_key = s->key;
        }
    } else if (r) {
        link_refused(t->link, r, "XLEN", err);
    }
    freeReplyObject(r);
    return ok;
}

/* No stream or no group is nothing to measure; the reader makes both. Unknown is not zero. */
static bool measure_lag(struct trim *t, const struct stream_ref *s, struct measured *sum, struct err *err)
{
    struct xinfo_group g;

    if (!xinfo_group(t->link, s->key, &g, err))
        return false;
    sum->lag = g.unread < 0 || sum->lag < 0 ? -1 : sum->lag + g.unread;
    return true;
}

/* Age from the id, not from the idle time: that is encoded for parked entries. */
static bool measure_pending(struct trim *t, const struct stream_ref *s, struct measured *sum, struct err *err)
{
    redisReply *r = link_call(t->link, 3, (const char *[]){"XPENDING", s->key, KEYS_GROUP}, NULL, err);
    int64_t ms;

    if (!r)
        return false;
    if (r->type == REDIS_REPLY_ARRAY && r->elements >= 2 && r->element[1]->type == REDIS_REPLY_STRING &&
        number_i64(r->element[1]->str, strcspn(r->element[1]->str, "-"), &ms) &&
        sum->now_ms - ms > sum->oldest_pending_ms)
        sum->oldest_pending_ms = sum->now_ms - ms;
    freeReplyObject(r);
    return true;
}

static void publish(struct trim *t, const struct measured *sum)
{
    int64_t now = clock_mono_ms();

    metric_set(METRIC_WORKER_STREAM_LENGTH, sum->length);
    metric_set(METRIC_WORKER_LAG, sum->lag);
    metric_set(METRIC_WORKER_OLDEST_PENDING_MS, sum->oldest_pending_ms);
    metric_set_trim_floor(sum->floor_age_ms, sum->floor_group);
    if (sum->longest <= t->config->stream_maxlen || now < t->alarm_ms || t->config->stream_trim_hard)
        return;
    t->alarm_ms = now + ALARM_EVERY_MS;
    log_error("stream is longer than STREAM_MAXLEN; nothing is dropped", LOG_S("stream", sum->longest_key),
              LOG_I("entries", sum->longest), LOG_I("maxlen", t->config->stream_maxlen),
              LOG_I("lag", sum->lag), LOG_I("floor_age_ms", sum->floor_age_ms),
              LOG_S("floor_held_by", sum->floor_group));
}

bool trim_step(struct trim *t, int64_t now_ms, struct err *err)
{
    struct measured sum = {.now_ms = now_ms};
    char from[STREAM_ID_MAX];

    if (clock_mono_ms() < t->due_ms)
        return true;
    t->due_ms = clock_mono_ms() + t->config->trim_interval_ms;
    if (!high_water_look(&t->high, t->link, err))
        return false;
    keep_from(t, now_ms, from);
    for (size_t i = 0; i < streams_count(t->streams); i++) {
        const struct stream_ref *s = &t->streams->items[i];

        if (!trim_stream(t, s->key, from, &sum, err) || !measure_length(t, s, &sum, err) ||
            !measure_lag(t, s, &sum, err) || !measure_pending(t, s, &sum, err))
            return false;
    }
    publish(t, &sum);
    return true;
}
