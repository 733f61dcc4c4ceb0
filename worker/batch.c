/* batch.c - worker, stage 1 of 7: what is there to do?
 *
 * In:      how many entries and bytes the lane may still hold.
 * Out:     messages: first those that come back (reclaim.c), then new ones, live before bulk.
 * Fails:   false when Redis is gone or refuses: the lane pauses. NOGROUP heals itself (group made again at 0, alarm); seen
 *          twice within a second it is a failure too, or a stream that keeps vanishing would be a hot loop.
 * Thread:  the lane's.
 * Why so:  1. live is read without BLOCK, then bulk with what room is left, and only when both had nothing one blocking
 *          read waits on all of them: bulk can so never delay live, and live never waits behind a blocked read of bulk.
 *          2. Entries that come back get at most a quarter of the room while new ones also wait: a mass of retries must
 *          not starve new work. Whether new ones wait is known from the turn before.
 *          3. COUNT is per stream, so it is divided; how many bytes an entry has is estimated from those seen. */
#include "worker/batch.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/arena.h"
#include "common/clock.h"
#include "common/keys.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/number.h"
#include "common/strbuf.h"
#include "worker/consumer_group.h"
#include "worker/delivery.h"
#include "worker/reclaim.h"

enum {
    SLICE = 1000,             /* COUNT of further reads: a read of that size holds Redis for 4 ms */
    HEAL_MIN_MS = 1000,       /* NOGROUP again within that time is a failure */
    MEAN_FIRST = 1024,        /* assumed bytes of an entry before any was seen */
    HEAD_WORDS = 9,           /* XREADGROUP GROUP g c COUNT n BLOCK ms STREAMS */
    REPLIES_FIRST = 64 << 10, /* bytes kept for replies ... */
    REPLIES_KEPT = 8 << 20,   /* ... and at most, from one read to the next */
    REPLIES_LIMIT = 1 << 30,  /* more than Redis may send: a string has 512 MB at most */
};

struct batch_reader {
    const struct config *config;   /* borrowed */
    const struct streams *streams; /* borrowed */
    struct link *reads;            /* borrowed; the only connection that blocks */
    struct keeper *keeper;         /* borrowed */
    size_t lane;                   /* our number at the keeper */
    const char *consumer;          /* borrowed */
    struct reclaim *reclaim;       /* owned */
    const char **argv;             /* owned: words of one XREADGROUP over all streams */
    struct arena *replies;         /* owned: the reply of one XREADGROUP */
    uint64_t generation;           /* connection whose own pending entries were asked for; 0 = none */
    size_t count;                  /* streams read: all there were at the beginning of the turn */
    size_t grouped;                /* of them those that have the group, as far as we know: the first ones */
    int64_t healed_ms;             /* monotonic: last NOGROUP; 0 = never */
    size_t mean;                   /* moving average of an entry's bytes as delivered */
    size_t rotation;               /* first stream of a read that cannot take all, moves on */
    bool new_waits;                /* the last turn left new entries unread for lack of room */
};

/* What the lane may still take in this turn. */
struct budget {
    size_t entries;
    size_t bytes;
};

struct batch_reader *batch_reader_new(const struct config *config, const struct streams *streams,
                                      struct link *reads, struct keeper *keeper, size_t lane,
                                      const char *consumer)
{
    struct batch_reader *r = xcalloc(1, sizeof(*r));

    r->config = config;
    r->streams = streams;
    r->reads = reads;
    r->keeper = keeper;
    r->lane = lane;
    r->consumer = consumer;
    r->reclaim = reclaim_new(config, streams, reads, consumer);
    r->argv = xcalloc(HEAD_WORDS + 2 * STREAMS_MAX, sizeof(*r->argv));
    r->replies = arena_new(REPLIES_FIRST, REPLIES_LIMIT);
    r->mean = MEAN_FIRST;
    return r;
}

void batch_reader_free(struct batch_reader *r)
{
    if (!r)
        return;
    reclaim_free(r->reclaim);
    free(r->argv);
    arena_free(r->replies);
    free(r);
}

/* --- connection and group -------------------------------------------------------------------------- */

static bool connect_and_group(struct batch_reader *r, struct err *err)
{
    if (!link_open(r->reads, err))
        return false;
    if (link_generation(r->reads) != r->generation)
        r->grouped = 0;
    if (r->grouped == r->count)
        return true;
    if (!consumer_group_create(r->reads, r->streams, r->grouped, r->count, err))
        return false;
    r->grouped = r->count;
    if (link_generation(r->reads) != r->generation)
        reclaim_restart(r->reclaim);
    r->generation = link_generation(r->reads);
    return true;
}

/* Stream or group vanished under us (FLUSHALL, DEL): somebody should know. The next read finds the group made again. */
static bool heal(struct batch_reader *r, const redisReply *reply, struct err *err)
{
    int64_t now = clock_mono_ms(), last = r->healed_ms;

    log_error("consumer group was gone, made again from the first entry",
              LOG_B("reply", reply->str, reply->len));
    r->healed_ms = now;
    r->grouped = 0;
    if (last == 0 || now - last >= HEAL_MIN_MS)
        return connect_and_group(r, err);
    link_refused(r->reads, reply, "XREADGROUP", err);
    return false;
}

/* --- one read -------------------------------------------------------------------------------------- */

/* A run of the stream table, asked for in one command. */
struct window {
    size_t base;   /* first stream of the class (live, bulk or all) */
    size_t stride; /* from one of the class to the next: 2, or 1 for all */
    size_t size;   /* streams in the class */
    size_t first;  /* where in the class the run begins; it wraps around */
    size_t length; /* streams asked for */
    size_t count;  /* COUNT for each */
};

/* Spreads `want` entries a stream over what the budget allows. */
static struct window window_make(struct batch_reader *r, size_t base, size_t stride, size_t want,
                                 const struct budget *b)
{
    size_t size = r->count / stride;
    struct window w = {.base = base, .stride = stride, .size = size, .length = size};
    size_t allowed = b->bytes / r->mean < b->entries ? b->bytes / r->mean : b->entries;

    if (allowed == 0)
        allowed = 1;
    if (allowed < size) {
        w.length = allowed;
        w.first = r->rotation++ % size;
    }
    w.count = allowed / w.length < want ? allowed / w.length : want;
    return w;
}

static size_t window_stream(const struct window *w, size_t i)
{
    return w->base + (w->first + i) % w->size * w->stride;
}

static const redisReply *read_call(struct batch_reader *r, const struct window *w, int64_t block_ms,
                                   struct err *err)
{
    char count[24], block[24];
    const char **argv = r->argv;
    size_t n = 0;

    number_format_i64(count, (int64_t)w->count);
    number_format_i64(block, block_ms);
    argv[n++] = "XREADGROUP";
    argv[n++] = "GROUP";
    argv[n++] = KEYS_GROUP;
    argv[n++] = r->consumer;
    argv[n++] = "COUNT";
    argv[n++] = count;
    if (block_ms > 0) {
        argv[n++] = "BLOCK";
        argv[n++] = block;
    }
    argv[n++] = "STREAMS";
    for (size_t i = 0; i < w->length; i++)
        argv[n++] = r->streams->items[window_stream(w, i)].key;
    for (size_t i = 0; i < w->length; i++)
        argv[n++] = ">";
    return link_call_in(r->reads, r->replies, (int)n, argv, err);
}

/* The reply ends. What one of large bodies took is given back. */
static void read_end(struct batch_reader *r)
{
    if (arena_used(r->replies) <= REPLIES_KEPT) {
        arena_reset(r->replies);
        return;
    }
    arena_free(r->replies);
    r->replies = arena_new(REPLIES_FIRST, REPLIES_LIMIT);
}

static void spend(struct budget *b, size_t bytes)
{
    b->entries -= b->entries > 0;
    b->bytes -= bytes < b->bytes ? bytes : b->bytes;
}

/* Entries of one stream become messages, held before anybody sees them. */
static void take_entries(struct batch_reader *r, int stream, const redisReply *entries, struct budget *b,
                         struct message_list *out)
{
    for (size_t i = 0; i < entries->elements; i++) {
        size_t bytes = 0;
        struct message *m = delivery_message(stream, entries->element[i], &bytes);

        if (!m)
            continue; /* '>' never delivers a nil body; were it to, the claim pass reports it */
        r->mean = (15 * r->mean + bytes) / 16 + 1;
        keeper_hold(r->keeper, r->lane, m);
        spend(b, m->bytes);
        message_append(out, m);
    }
    metric_add(METRIC_WORKER_ENTRIES_READ, (int64_t)entries->elements);
}

/* [[key, [entry ...]] ...] in the order asked for, streams without news left out. *full: one had more than COUNT. */
static size_t take_reply(struct batch_reader *r, const struct window *w, const redisReply *reply,
                         struct budget *b, struct message_list *out, bool *full)
{
    size_t at = 0, got = 0;

    for (size_t i = 0; i < reply->elements; i++) {
        const redisReply *pair = reply->element[i];

        if (pair->type != REDIS_REPLY_ARRAY || pair->elements < 2)
            continue;
        while (at < w->length &&
               strcmp(r->streams->items[window_stream(w, at)].key, pair->element[0]->str) != 0)
            at++;
        if (at == w->length)
            break;
        take_entries(r, (int)window_stream(w, at), pair->element[1], b, out);
        got += pair->element[1]->elements;
        *full = *full || pair->element[1]->elements >= w->count;
    }
    return got;
}

/* UNBLOCKED: the key was deleted (7.0) or the server demoted; making the group again finds out which. */
static bool read_refused(struct batch_reader *r, const redisReply *reply, struct err *err)
{
    if (link_error_is(reply, "NOGROUP") || link_error_is(reply, "UNBLOCKED"))
        return heal(r, reply, err);
    link_refused(r->reads, reply, "XREADGROUP", err);
    return false;
}

/* One XREADGROUP. *got and *full tell how much came; nothing (nil) is success. */
static bool read_once(struct batch_reader *r, const struct window *w, int64_t block_ms, struct budget *b,
                      struct message_list *out, size_t *got, bool *full, struct err *err)
{
    const redisReply *reply = read_call(r, w, block_ms, err);
    bool ok = true;

    *got = 0;
    *full = false;
    if (!reply) {
        read_end(r); /* it may have begun to come */
        return false;
    }
    if (reply->type == REDIS_REPLY_ARRAY)
        *got = take_reply(r, w, reply, b, out, full);
    else if (reply->type == REDIS_REPLY_ERROR)
        ok = read_refused(r, reply, err);
    read_end(r);
    return ok;
}

/* --- new entries ----------------------------------------------------------------------------------- */

/* Reads a class without waiting: READ_COUNT first; when that came back full, slices until the room is used up. */
static bool read_class(struct batch_reader *r, size_t base, struct budget *b, struct message_list *out,
                       size_t *total, struct err *err)
{
    size_t want = (size_t)r->config->read_count, got;
    bool full = true;

    while (full && b->entries > 0 && b->bytes > 0) {
        struct window w = window_make(r, base, 2, want, b);

        if (!read_once(r, &w, 0, b, out, &got, &full, err))
            return false;
        *total += got;
        want = SLICE;
    }
    r->new_waits = r->new_waits || full;
    return true;
}

static bool read_ready(struct batch_reader *r, struct budget *b, struct message_list *out, size_t *total,
                       struct err *err)
{
    r->new_waits = false;
    return read_class(r, (size_t)streams_live(0), b, out, total, err) &&
           read_class(r, (size_t)streams_bulk(0), b, out, total, err);
}

/* Nothing is there: wait for the first entry of any stream. *full: a burst came, and more of it waits. */
static bool read_blocking(struct batch_reader *r, int64_t block_ms, struct budget *b,
                          struct message_list *out, size_t *total, bool *full, struct err *err)
{
    struct window w = window_make(r, 0, 1, (size_t)r->config->read_count, b);

    return read_once(r, &w, block_ms, b, out, total, full, err);
}

/* A few entries rarely come alone; a call for one id costs as much as one for fifty. */
static bool linger(struct batch_reader *r, struct budget *b, struct message_list *out, size_t *total,
                   struct err *err)
{
    int64_t ms = r->config->batch_linger_ms;
    const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000 * 1000000)};

    if (ms == 0 || b->entries == 0 || b->bytes == 0)
        return true;
    nanosleep(&pause, NULL);
    return read_ready(r, b, out, total, err);
}

static bool read_new(struct batch_reader *r, int64_t block_ms, struct budget *b, struct message_list *out,
                     struct err *err)
{
    size_t total = 0;
    bool full = false;

    if (!read_ready(r, b, out, &total, err))
        return false;
    block_ms = reclaim_block_ms(r->reclaim, block_ms);
    if (total == 0 && block_ms > 0 && !read_blocking(r, block_ms, b, out, &total, &full, err))
        return false;
    if (full)
        return read_ready(r, b, out, &total, err);
    if (total > 0 && total < (size_t)r->config->read_count && block_ms > 0)
        return linger(r, b, out, &total, err);
    return true;
}

/* --- entries that come back ------------------------------------------------------------------------ */

static bool lane_holds(void *context, int stream, const char *stream_id)
{
    struct batch_reader *r = context;

    return keeper_holds(r->keeper, r->lane, stream, stream_id);
}

/* Their share of the room; *alone: this turn is for the one message handed out. */
static bool read_back(struct batch_reader *r, struct budget *b, struct message_list *out, bool *alone,
                      struct err *err)
{
    size_t share = r->new_waits ? (b->entries + 3) / 4 : b->entries;
    struct message_list back = {0};
    bool ok = reclaim_step(r->reclaim, share, lane_holds, r, &back, alone, err);

    for (const struct message *m = back.first; m; m = m->next) {
        keeper_hold(r->keeper, r->lane, m);
        spend(b, m->bytes);
    }
    message_splice(out, &back);
    return ok;
}

bool batch_read(struct batch_reader *r, size_t room, size_t room_bytes, int64_t block_ms,
                struct message_list *out, struct err *err)
{
    struct budget b = {room, room_bytes};
    size_t before = out->count;
    bool alone = false;

    r->count = streams_count(r->streams);
    if (!connect_and_group(r, err))
        return false;
    if (room == 0 || room_bytes == 0)
        return true;
    if (!read_back(r, &b, out, &alone, err))
        return false;
    if (b.entries == 0 || b.bytes == 0)
        r->new_waits = true; /* nobody looked; to assume less would let what comes back starve them */
    if (alone || b.entries == 0 || b.bytes == 0)
        return true;
    return read_new(r, out->count > before ? 0 : block_ms, &b, out, err); /* what came back does not wait */
}
