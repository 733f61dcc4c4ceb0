/* reclaim.c - worker, part of stage 1: entries that come back.
 *
 * In:      the group's pending list, three ways:
 *            own    what stands under our own name after a start or a reconnect (a reply lost on the wire is a delivered
 *                   entry), read page by page from XPENDING;
 *            claim  entries idle for T or longer: retries whose delay is over (their idle time was set to T - delay), and
 *                   whatever everybody forgot. One pass a second, its cursor kept: a call looks at ten times COUNT
 *                   entries and no further, so starting over would hide all behind the first window;
 *            reap   entries of consumers without a heartbeat, after REAP_IDLE_MS. Min-idle makes two reapers safe.
 * Out:     messages with the number of this attempt; those beyond the limit come judged POISON (crash).
 * Fails:   false when Redis is gone or refuses. NOGROUP is nothing: the reader makes the group again.
 * Thread:  the lane's.
 * Why so:  a claim counts an attempt, because its worker vanished with the entry in hand and the entry may be why. But
 *          taking one's own entries again in the same process does not: it was the connection that broke, not us, and
 *          five reconnects must not bury an innocent entry.
 *          Entries that vanished workers leave come in groups that shrink with every delivery, and as suspects at last one by
 *          one: of ten thousand that one crasher takes down, only those of its last group come so far. Suspects and all
 *          others have every second step each, so neither waits for ever behind the other. */
#include "worker/reclaim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/keys.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/number.h"
#include "common/strbuf.h"
#include "worker/delivery.h"
#include "worker/scripts.h"

enum {
    CLAIM_COUNT = 100,     /* entries a claim call takes; it looks at ten times as many */
    CLAIM_EVERY_MS = 1000, /* from one pass to the next */
    CLAIM_REST_MS = 30,    /* rest for a full window looked through (half a ms of Redis): lanes are many */
    BUSY_BLOCK_MS = 50,    /* longest a read may wait while a pass is under way */
    CLAIM_BUDGET_MS = 20,  /* longest one step goes on looking */
    DANGER_ALL =
        65536, /* danger one step may take: that of one suspect, or of 16 one delivery short of it ... */
    DANGER_BITS = 4,   /* ... or of 256 two short: each crash leaves a sixteenth to be tried together */
    PAGE_COUNT = 300,  /* entries of one XPENDING page */
    STALE_FACTOR = 10, /* a consumer is removed after that many times REAP_IDLE_MS without work */
    HEARTBEAT_KEY_MAX = 400,
};

/* Where the passes over one stream stand. */
struct reclaim_stream {
    char cursor[STREAM_ID_MAX];   /* of the claim pass; "0-0" = at its beginning */
    bool claiming;                /* the pass has not reached the end */
    char suspects[STREAM_ID_MAX]; /* where the suspects begin that the pass went by; "" = none known */
    char own_from[STREAM_ID_MAX]; /* next page of own pending entries: "-" or "(" and the last id seen */
    bool own_left;                /* there may be more of them */
};

struct reclaim {
    const struct config *config;   /* borrowed */
    const struct streams *streams; /* borrowed */
    struct link *link;             /* borrowed */
    const char *consumer;          /* borrowed: our own name */
    struct reclaim_stream *at;     /* owned, STREAMS_MAX of them */
    size_t count;                  /* streams walked: all there were at the beginning of the step */
    int64_t limit;                 /* attempts allowed */
    bool own_free;                 /* own entries are taken without an attempt: not the first time any more */
    bool was_alone;                /* the last step handed out a suspect: not two in a row, others wait too */
    bool let_pass;                 /* the last step was for those others */
    int64_t claim_due_ms;          /* monotonic: next pass */
    int64_t claim_windows;         /* full windows this pass has looked through in vain */
    int64_t reap_due_ms;           /* monotonic: next round of the reaper */
    size_t suspects_at;            /* which stream's suspects come next, live ones first */
    size_t reap_at;         /* which stream the reaper stands at, live ones first; count = between rounds */
    int64_t answered_ms;    /* monotonic: end of the last step that Redis answered; 0 = none */
    int64_t quiet_until_ms; /* monotonic: nothing is taken from others before */
};

/* What one step may take, and has taken. */
struct taking {
    size_t room; /* messages still wanted */
    size_t taken;
    bool alone;    /* nothing may join what was taken */
    int danger;    /* more of it may be taken */
    bool enough;   /* what the claim pass met was more of it: for another step */
    bool suspects; /* one may be taken in this step */
    bool (*held)(void *context, int stream, const char *stream_id);
    void *context;
    struct message_list *out;
};

/* Nothing of it has been looked at: also a process that has just heard of it may have had entries there once. */
static void stream_begin(struct reclaim_stream *at)
{
    snprintf(at->cursor, sizeof(at->cursor), "0-0");
    snprintf(at->own_from, sizeof(at->own_from), "-");
    at->own_left = true;
}

/* There may be more streams than at the last step. */
static void take_count(struct reclaim *r)
{
    size_t count = streams_count(r->streams);

    if (r->reap_at == r->count)
        r->reap_at = count; /* between two rounds, as before */
    r->count = count;
}

struct reclaim *reclaim_new(const struct config *config, const struct streams *streams, struct link *link,
                            const char *consumer)
{
    struct reclaim *r = xcalloc(1, sizeof(*r));

    r->config = config;
    r->streams = streams;
    r->link = link;
    r->consumer = consumer;
    r->limit = (int64_t)config->retry_delay_count + 1;
    r->at = xcalloc(STREAMS_MAX, sizeof(*r->at));
    for (size_t i = 0; i < STREAMS_MAX; i++)
        stream_begin(&r->at[i]);
    return r;
}

void reclaim_free(struct reclaim *r)
{
    if (!r)
        return;
    free(r->at);
    free(r);
}

/* After an outage everybody's heartbeat may have expired and everybody's entries be idle for longer than a lease, although
 * all live: keepers get the time to say so before anything is taken. A shorter cut leaves every lease intact. */
static void keep_quiet(struct reclaim *r)
{
    int64_t now = clock_mono_ms(), keep_alive_ms = r->config->keep_alive_ms;

    if (r->answered_ms == 0 || now - r->answered_ms < keep_alive_ms)
        return;
    r->quiet_until_ms = now + 2 * keep_alive_ms;
    r->reap_at = r->count;
    for (size_t i = 0; i < r->count; i++) {
        r->at[i].claiming = false;
        r->at[i].suspects[0] = '\0';
    }
}

void reclaim_restart(struct reclaim *r)
{
    take_count(r);
    keep_quiet(r);
    for (size_t i = 0; i < r->count; i++) {
        r->at[i].own_left = true;
        snprintf(r->at[i].own_from, sizeof(r->at[i].own_from), "-");
    }
}

static bool own_unfinished(const struct reclaim *r)
{
    for (size_t i = 0; i < r->count; i++) {
        if (r->at[i].own_left)
            return true;
    }
    return false;
}

static bool claim_unfinished(const struct reclaim *r)
{
    for (size_t i = 0; i < r->count; i++) {
        if (r->at[i].claiming || r->at[i].suspects[0])
            return true;
    }
    return false;
}

int64_t reclaim_block_ms(const struct reclaim *r, int64_t block_ms)
{
    bool unfinished = own_unfinished(r) || claim_unfinished(r) || r->reap_at < r->count;
    int64_t longest = r->let_pass ? 0 : unfinished ? BUSY_BLOCK_MS : block_ms;

    return block_ms < longest ? block_ms : longest;
}

/* --- handing out ----------------------------------------------------------------------------------- */

/* Body gone from the stream while it was pending: lost data. XACK takes it off the list for good. */
static bool report_lost(struct reclaim *r, int stream, const char *id, struct err *err)
{
    const char *key = r->streams->items[stream].key;
    redisReply *reply;

    log_error("entry lost: its body is gone from the stream", LOG_S("stream", key), LOG_S("id", id));
    metric_add(METRIC_WORKER_ENTRIES_LOST, 1);
    reply = link_call(r->link, 4, (const char *[]){"XACK", key, KEYS_GROUP, id}, NULL, err);
    freeReplyObject(reply);
    return reply != NULL;
}

/* Beyond the limit nobody ever reported an outcome: not even its failure could be written down. One that could be read and
 * not be decoded has been judged by that already. */
static void judge_crash(struct message *m, int64_t limit, bool unread)
{
    char text[96];

    if (m->deliveries <= limit || (!m->readable && !unread))
        return;
    snprintf(text, sizeof(text), "delivered %lld times without an outcome", (long long)(m->deliveries - 1));
    message_judge(m, OUTCOME_POISON, DEAD_CRASH, text);
}

/* Of one entry that was claimed: with its fields, or its id alone. */
static const char *claimed_id(const redisReply *entry)
{
    return entry->type == REDIS_REPLY_STRING ? entry->str : delivery_id(entry);
}

static bool is_unread(const redisReply *entry)
{
    return entry->type == REDIS_REPLY_STRING || entry->element[1]->type == REDIS_REPLY_STRING;
}

/* Hands out one entry reply with its counter, or reports it lost. */
static bool hand_out(struct reclaim *r, struct taking *t, int stream, const redisReply *entry,
                     int64_t deliveries, struct err *err)
{
    const char *id = claimed_id(entry);
    bool unread = id && is_unread(entry);
    struct message *m;

    if (!id || t->held(t->context, stream, id))
        return true;
    m = unread ? message_new(stream, id, NULL, 0, NULL) : delivery_message(stream, entry, NULL);
    if (!m)
        return report_lost(r, stream, id, err);
    m->repeat = true;
    m->deliveries = deliveries;
    judge_crash(m, r->limit, unread);
    message_append(t->out, m);
    t->taken++;
    if (t->room > 0)
        t->room--;
    metric_add(METRIC_WORKER_ENTRIES_RECLAIMED, 1);
    return true;
}

/* An error reply in a pass: NOGROUP (or no such key) means nothing is pending here, the rest is a refusal. */
static bool pass_refused(struct reclaim *r, const redisReply *reply, const char *doing, struct err *err)
{
    if (link_error_is(reply, "NOGROUP") || (link_error_is(reply, "ERR") && strstr(reply->str, "no such key")))
        return false;
    link_refused(r->link, reply, doing, err);
    return true;
}

/* --- pages of somebody's pending list -------------------------------------------------------------- */

/* One line of XPENDING. */
struct pending {
    const char *id;     /* borrowed from the reply */
    int64_t deliveries; /* its counter */
};

static bool pending_read(const redisReply *line, struct pending *out)
{
    if (line->type != REDIS_REPLY_ARRAY || line->elements < 4 || line->element[0]->type != REDIS_REPLY_STRING)
        return false;
    out->id = line->element[0]->str;
    out->deliveries = line->element[3]->integer;
    return true;
}

/* Entries of consumer from `from` on, idle for min_idle or longer ("0" = any). Owned; NULL: lost or refused. */
static redisReply *pending_page(struct reclaim *r, int stream, const char *consumer, size_t consumer_length,
                                const char *min_idle, const char *from, struct err *err)
{
    const char *argv[] = {
        "XPENDING", r->streams->items[stream].key, KEYS_GROUP, "IDLE", min_idle, from, "+", "300", consumer};
    const size_t lengths[] = {8, strlen(argv[1]), strlen(argv[2]), 4, strlen(min_idle), strlen(from), 1,
                              3, consumer_length};

    _Static_assert(PAGE_COUNT == 300, "the COUNT above");
    return link_call(r->link, 9, argv, lengths, err);
}

/* An id that XCLAIM left out was acked, taken by a peer, or trimmed: only the stream can tell. */
static bool look_for(struct reclaim *r, int stream, const char *id, struct err *err)
{
    const char *key = r->streams->items[stream].key;
    redisReply *reply = link_call(r->link, 4, (const char *[]){"XRANGE", key, id, id}, NULL, err);
    bool gone = reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 0;

    freeReplyObject(reply);
    return reply && (!gone || report_lost(r, stream, id, err));
}

/* XCLAIM answers in the order asked, leaving out what it could not claim. */
static bool claimed(struct reclaim *r, struct taking *t, int stream, const redisReply *reply,
                    const struct pending *run, size_t n, int64_t attempt, struct err *err)
{
    size_t at = 0;

    for (size_t i = 0; i < n; i++) {
        const char *id = at < reply->elements ? claimed_id(reply->element[at]) : NULL;
        bool ok;

        if (id && strcmp(id, run[i].id) == 0)
            ok = hand_out(r, t, stream, reply->element[at++], attempt, err);
        else
            ok = look_for(r, stream, run[i].id, err);
        if (!ok)
            return false;
    }
    return true;
}

/* Claims n entries with one counter. count: this is an attempt of theirs. Beyond the limit only their ids come: what has
 * ended every worker that had it may do so by its size alone, and a dead letter is made of it without us. */
static bool claim_run(struct reclaim *r, struct taking *t, int stream, const char *min_idle,
                      const struct pending *run, size_t n, bool count, struct err *err)
{
    enum { HEAD = 5, TAIL = 3 };
    const char *argv[HEAD + PAGE_COUNT + TAIL];
    int64_t attempt = run[0].deliveries + (count ? 1 : 0);
    int argc = (int)(HEAD + n) + (attempt > r->limit ? 3 : 2);
    char retrycount[24];
    redisReply *reply;
    bool ok;

    argv[0] = "XCLAIM";
    argv[1] = r->streams->items[stream].key;
    argv[2] = KEYS_GROUP;
    argv[3] = r->consumer;
    argv[4] = min_idle;
    for (size_t i = 0; i < n; i++)
        argv[HEAD + i] = run[i].id;
    number_format_i64(retrycount, attempt);
    argv[HEAD + n] = "RETRYCOUNT";
    argv[HEAD + n + 1] = retrycount;
    argv[HEAD + n + 2] = "JUSTID";
    reply = link_call(r->link, argc, argv, NULL, err);
    if (!reply)
        return false;
    ok = reply->type == REDIS_REPLY_ARRAY ? claimed(r, t, stream, reply, run, n, attempt, err)
                                          : !pass_refused(r, reply, "XCLAIM", err);
    freeReplyObject(reply);
    return ok;
}

/* How a page is to be taken. */
struct page_rule {
    const char *min_idle; /* protects against a peer that was faster */
    bool count;           /* an attempt each */
};

/* One that was in work twice or more when its worker vanished and has one attempt left, or none: by its deliveries. */
static int64_t suspect_from(const struct reclaim *r)
{
    return r->limit > 2 ? r->limit - 2 : INT32_MAX;
}

static bool suspect(const struct reclaim *r, const struct pending *p, const struct page_rule *rule)
{
    return rule->count && p->deliveries >= suspect_from(r);
}

/* Who vanished with an entry in hand may have done so because of it, or of any other that it had then. So each time fewer
 * are tried together, and those that end well are cleared; at last one alone. */
static int danger(const struct reclaim *r, const struct pending *p, const struct page_rule *rule)
{
    int64_t short_of = suspect_from(r) - p->deliveries;

    if (!rule->count || short_of * DANGER_BITS > 30)
        return 0;
    return short_of <= 0 ? DANGER_ALL : DANGER_ALL >> (short_of * DANGER_BITS);
}

/* Picks from the page, in runs of one counter. *last: the last line dealt with, NULL when none was. */
static bool take_page(struct reclaim *r, struct taking *t, int stream, const redisReply *page,
                      const struct page_rule *rule, const char **last, struct err *err)
{
    struct pending run[PAGE_COUNT];
    size_t n = 0;
    bool ok = true;

    *last = NULL;
    for (size_t i = 0; i < page->elements && ok && !t->alone; i++) {
        struct pending p;
        bool odd;

        if (!pending_read(page->element[i], &p))
            continue;
        if (t->held(t->context, stream, p.id)) {
            *last = p.id;
            continue;
        }
        odd = suspect(r, &p, rule);
        if (t->room <= n || danger(r, &p, rule) > t->danger || (odd && (!t->suspects || t->taken + n > 0)))
            break;
        if (n > 0 && (n == PAGE_COUNT || run[0].deliveries != p.deliveries)) {
            ok = claim_run(r, t, stream, rule->min_idle, run, n, rule->count, err);
            n = 0;
        }
        run[n++] = p;
        *last = p.id;
        t->danger -= danger(r, &p, rule);
        t->alone = odd;
    }
    return ok && (n == 0 || claim_run(r, t, stream, rule->min_idle, run, n, rule->count, err));
}

/* --- own ------------------------------------------------------------------------------------------- */

/* One page. The list is at its end when a page is short and was dealt with to its last line. */
static bool own_page(struct reclaim *r, struct taking *t, int stream, struct err *err)
{
    struct reclaim_stream *at = &r->at[stream];
    struct page_rule rule = {.min_idle = "0", .count = !r->own_free};
    redisReply *page = pending_page(r, stream, r->consumer, strlen(r->consumer), "0", at->own_from, err);
    const char *last = NULL;
    bool ok;

    if (!page)
        return false;
    if (page->type != REDIS_REPLY_ARRAY) {
        ok = !pass_refused(r, page, "XPENDING", err);
        at->own_left = !ok;
    } else {
        size_t n = page->elements;

        ok = take_page(r, t, stream, page, &rule, &last, err);
        if (ok &&
            (n == 0 || (n < PAGE_COUNT && last && strcmp(last, page->element[n - 1]->element[0]->str) == 0)))
            at->own_left = false;
        if (ok && last)
            snprintf(at->own_from, sizeof(at->own_from), "(%.46s", last);
    }
    freeReplyObject(page);
    return ok;
}

static bool own_step(struct reclaim *r, struct taking *t, struct err *err)
{
    for (size_t i = 0; i < r->count; i++) {
        int stream = streams_live_first(r->count, i);
        struct reclaim_stream *at = &r->at[stream];

        while (at->own_left && t->room > 0 && !t->alone) {
            size_t before = t->taken;
            char from[STREAM_ID_MAX];

            memcpy(from, at->own_from, sizeof(from));
            if (!own_page(r, t, stream, err))
                return false;
            if (t->taken == before && strcmp(from, at->own_from) == 0)
                break; /* a suspect waits for a turn of its own */
        }
    }
    if (!own_unfinished(r))
        r->own_free = true;
    return true;
}

/* --- claim ----------------------------------------------------------------------------------------- */

static bool claim_hand_out(struct reclaim *r, struct taking *t, int stream, const redisReply *entries,
                           struct err *err)
{
    for (size_t i = 0; i < entries->elements; i++) {
        const redisReply *e = entries->element[i];
        int64_t deliveries = e->type == REDIS_REPLY_ARRAY && e->elements > 2 ? e->element[2]->integer : 1;

        if (!hand_out(r, t, stream, e, deliveries, err))
            return false;
    }
    return true;
}

/* {cursor, {{id, fields, deliveries} ...}, {lost ids}, first id passed over, danger left, 1 = too little} */
static bool claim_reply(struct reclaim *r, struct taking *t, int stream, const redisReply *reply, bool alone,
                        struct err *err)
{
    struct reclaim_stream *at = &r->at[stream];
    const char *next = reply->elements < 6 ? NULL : reply->element[0]->str;

    if (!next || reply->element[3]->type != REDIS_REPLY_STRING) {
        err_set(err, ERR_REDIS, 0, "redis: the claim script answered in an unknown shape");
        return false;
    }
    if (alone) {
        snprintf(at->suspects, sizeof(at->suspects), "%s", strcmp(next, "0-0") == 0 ? "" : next);
        t->alone = reply->element[1]->elements > 0;
    } else {
        snprintf(at->cursor, sizeof(at->cursor), "%s", next);
        at->claiming = strcmp(at->cursor, "0-0") != 0;
        if (at->suspects[0] == '\0')
            snprintf(at->suspects, sizeof(at->suspects), "%s", reply->element[3]->str);
        t->danger = (int)reply->element[4]->integer;
        t->enough = reply->element[5]->integer == 1;
    }
    if (!claim_hand_out(r, t, stream, reply->element[1], err))
        return false;
    for (size_t i = 0; i < reply->element[2]->elements; i++) {
        if (!report_lost(r, stream, reply->element[2]->element[i]->str, err))
            return false;
    }
    return true;
}

/* One call over a window of the pending list. alone: for the next suspect, else for all that are none. */
static bool claim_once(struct reclaim *r, struct taking *t, int stream, bool alone, struct err *err)
{
    struct reclaim_stream *at = &r->at[stream];
    char idle[24], count[24], suspected[24], limit[24], danger_left[24];
    const char *argv[] = {r->streams->items[stream].key,
                          KEYS_GROUP,
                          r->consumer,
                          idle,
                          alone ? at->suspects : at->cursor,
                          count,
                          suspected,
                          limit,
                          alone ? "1" : "0",
                          danger_left};
    redisReply *reply;
    bool ok;

    number_format_i64(idle, r->config->reclaim_idle_ms);
    number_format_i64(count, alone || t->room >= CLAIM_COUNT ? CLAIM_COUNT : (int64_t)t->room);
    number_format_i64(suspected, suspect_from(r));
    number_format_i64(limit, r->limit);
    number_format_i64(danger_left, t->danger);
    reply = script_run(r->link, SCRIPT_CLAIM, 1, 10, argv, NULL, err);
    if (!reply)
        return false;
    if (reply->type == REDIS_REPLY_ARRAY) {
        ok = claim_reply(r, t, stream, reply, alone, err);
    } else {
        ok = !pass_refused(r, reply, "claim", err);
        at->claiming = false;
        at->suspects[0] = '\0';
    }
    freeReplyObject(reply);
    return ok;
}

/* A short T (tests) wants passes that fit into it. */
static int64_t claim_every_ms(const struct reclaim *r)
{
    int64_t tenth = r->config->reclaim_idle_ms / 10;

    return tenth < CLAIM_EVERY_MS ? tenth : CLAIM_EVERY_MS;
}

/* A pass ends with the last stream before any begins again, or the first ones would have all the room for ever. */
static void claim_begin(struct reclaim *r)
{
    int64_t now = clock_mono_ms();

    for (size_t i = 0; i < r->count; i++) {
        if (r->at[i].claiming)
            return;
    }
    if (now < r->claim_due_ms)
        return;
    r->claim_due_ms = now + claim_every_ms(r) + r->claim_windows * CLAIM_REST_MS;
    r->claim_windows = 0;
    for (size_t i = 0; i < r->count; i++)
        r->at[i].claiming = true;
}

/* Goes on with open passes until they end, the room is full or the budget is used up; the cursors stay. */
static bool claim_step(struct reclaim *r, struct taking *t, struct err *err)
{
    int64_t until = clock_mono_ms() + CLAIM_BUDGET_MS;

    claim_begin(r);
    for (size_t i = 0; i < r->count; i++) {
        int stream = streams_live_first(r->count, i);

        while (r->at[stream].claiming && t->room > 0 && !t->enough && clock_mono_ms() < until) {
            size_t before = t->taken;

            if (!claim_once(r, t, stream, false, err))
                return false;
            r->claim_windows += r->at[stream].claiming && t->taken == before;
        }
    }
    return true;
}

/* One suspect that a pass went by, the streams by turns. It comes before all others: these have every second step. */
static bool suspect_step(struct reclaim *r, struct taking *t, struct err *err)
{
    int64_t until = clock_mono_ms() + CLAIM_BUDGET_MS;

    for (size_t i = 0; i < r->count && !t->alone; i++) {
        int stream = streams_live_first(r->count, r->suspects_at++ % r->count);

        while (r->at[stream].suspects[0] && !t->alone && clock_mono_ms() < until) {
            if (!claim_once(r, t, stream, true, err))
                return false;
        }
    }
    return true;
}

/* --- reap ------------------------------------------------------------------------------------------ */

/* One line of XINFO CONSUMERS. */
struct consumer {
    const char *name; /* borrowed from the reply */
    size_t length;
    int64_t pending;
    int64_t idle_ms; /* 7.0: since its last entry; later: since its last poll */
    bool alive;      /* has a heartbeat, is ourselves, or is the parking place */
};

static bool consumer_read(const redisReply *line, struct consumer *out)
{
    *out = (struct consumer){0};
    for (size_t i = 0; line->type == REDIS_REPLY_ARRAY && i + 1 < line->elements; i += 2) {
        const redisReply *value = line->element[i + 1];

        if (strcmp(line->element[i]->str, "name") == 0) {
            out->name = value->str;
            out->length = value->len;
        } else if (strcmp(line->element[i]->str, "pending") == 0) {
            out->pending = value->integer;
        } else if (strcmp(line->element[i]->str, "idle") == 0) {
            out->idle_ms = value->integer;
        }
    }
    return out->name != NULL;
}

static bool reap_spares(const struct reclaim *r, const struct consumer *c)
{
    return strcmp(c->name, r->consumer) == 0 || strcmp(c->name, KEYS_PARKED) == 0;
}

/* EXISTS of every heartbeat in one round trip; ours and the parking place are alive by definition. */
static bool reap_ask(struct reclaim *r, int partition, struct consumer *consumers, size_t n, struct err *err)
{
    char key[HEARTBEAT_KEY_MAX];

    for (size_t i = 0; i < n; i++) {
        consumers[i].alive = reap_spares(r, &consumers[i]) ||
                             keys_worker(key, sizeof(key), partition, consumers[i].name) >= sizeof(key);
        if (!consumers[i].alive && !link_send(r->link, 2, (const char *[]){"EXISTS", key}, NULL, err))
            return false;
    }
    for (size_t i = 0; i < n; i++) {
        redisReply *reply = consumers[i].alive ? NULL : link_receive(r->link, err);

        if (!consumers[i].alive && !reply)
            return false;
        /* an error says nothing about the worker: spare it */
        consumers[i].alive = !reply || reply->type != REDIS_REPLY_INTEGER || reply->integer != 0;
        freeReplyObject(reply);
    }
    return true;
}

/* Takes what the consumer has left. *left: more is there than room was. */
static bool reap_take(struct reclaim *r, struct taking *t, int stream, const struct consumer *c, bool *left,
                      struct err *err)
{
    char idle[24];
    struct page_rule rule = {.min_idle = idle, .count = true};
    redisReply *page;
    const char *last = NULL;
    bool ok;

    number_format_i64(idle, r->config->reap_idle_ms);
    page = pending_page(r, stream, c->name, c->length, idle, "-", err);
    if (!page)
        return false;
    if (page->type == REDIS_REPLY_ARRAY) {
        size_t before = t->taken;

        ok = take_page(r, t, stream, page, &rule, &last, err);
        *left = page->elements > 0 && (page->elements == PAGE_COUNT || t->taken - before < page->elements);
        if (t->taken > before)
            log_info("entries taken over from a worker without a heartbeat",
                     LOG_S("stream", r->streams->items[stream].key), LOG_B("worker", c->name, c->length),
                     LOG_I("entries", t->taken - before));
    } else {
        ok = !pass_refused(r, page, "XPENDING", err);
    }
    freeReplyObject(page);
    return ok;
}

/* Removes a consumer that owns nothing; the script looks again, because DELCONSUMER drops what it still owns. */
static bool reap_remove(struct reclaim *r, int stream, const struct consumer *c, struct err *err)
{
    const char *key = r->streams->items[stream].key;
    const char *argv[] = {key, KEYS_GROUP, c->name};
    const size_t lengths[] = {strlen(key), strlen(KEYS_GROUP), c->length};
    redisReply *reply = script_run(r->link, SCRIPT_DELETE_CONSUMER, 1, 3, argv, lengths, err);

    if (reply && reply->type == REDIS_REPLY_INTEGER && reply->integer == 0)
        log_info("stale consumer removed", LOG_S("stream", key), LOG_B("worker", c->name, c->length));
    freeReplyObject(reply);
    return reply != NULL;
}

static bool reap_consumers(struct reclaim *r, struct taking *t, int stream, const struct consumer *consumers,
                           size_t n, bool *left, struct err *err)
{
    for (size_t i = 0; i < n && !t->alone; i++) {
        const struct consumer *c = &consumers[i];

        if (c->alive)
            continue;
        if (c->pending > 0 && t->room == 0)
            *left = true;
        else if (c->pending > 0 && !reap_take(r, t, stream, c, left, err))
            return false;
        if (c->pending == 0 && c->idle_ms > STALE_FACTOR * r->config->reap_idle_ms &&
            !reap_remove(r, stream, c, err))
            return false;
    }
    return true;
}

static bool reap_listed(struct reclaim *r, struct taking *t, int stream, const redisReply *reply, bool *left,
                        struct err *err)
{
    struct consumer *consumers = xcalloc(reply->elements + 1, sizeof(*consumers));
    size_t n = 0;
    bool ok;

    for (size_t i = 0; i < reply->elements; i++) {
        if (consumer_read(reply->element[i], &consumers[n]))
            n++;
    }
    ok = reap_ask(r, r->streams->items[stream].partition, consumers, n, err) &&
         reap_consumers(r, t, stream, consumers, n, left, err);
    free(consumers);
    return ok;
}

static bool reap_stream(struct reclaim *r, struct taking *t, int stream, bool *left, struct err *err)
{
    const char *argv[] = {"XINFO", "CONSUMERS", r->streams->items[stream].key, KEYS_GROUP};
    redisReply *reply = link_call(r->link, 4, argv, NULL, err);
    bool ok;

    if (!reply)
        return false;
    ok = reply->type == REDIS_REPLY_ARRAY ? reap_listed(r, t, stream, reply, left, err)
                                          : !pass_refused(r, reply, "XINFO CONSUMERS", err);
    freeReplyObject(reply);
    return ok;
}

/* One round over all streams every sixth of REAP_IDLE_MS, spread over steps by the budget. A stream that had more than
 * there was room for is looked at again by the next step. */
static bool reap_step(struct reclaim *r, struct taking *t, struct err *err)
{
    int64_t now = clock_mono_ms(), until = now + CLAIM_BUDGET_MS;

    if (r->reap_at >= r->count && now >= r->reap_due_ms) {
        r->reap_at = 0;
        r->reap_due_ms = now + r->config->reap_idle_ms / 6;
    }
    while (r->reap_at < r->count && t->room > 0 && !t->alone && clock_mono_ms() < until) {
        size_t before = t->taken;
        bool left = false;

        if (!reap_stream(r, t, streams_live_first(r->count, r->reap_at), &left, err))
            return false;
        if (left && t->taken == before)
            break; /* a suspect waits for a turn of its own */
        if (!left)
            r->reap_at++;
    }
    return true;
}

static bool is_quiet(const struct reclaim *r)
{
    return clock_mono_ms() < r->quiet_until_ms;
}

bool reclaim_step(struct reclaim *r, size_t room,
                  bool (*held)(void *context, int stream, const char *stream_id), void *context,
                  struct message_list *out, bool *alone, struct err *err)
{
    struct taking t = {.room = room,
                       .suspects = !r->was_alone,
                       .danger = DANGER_ALL,
                       .held = held,
                       .context = context,
                       .out = out};
    bool ok;

    take_count(r);
    ok = own_step(r, &t, err);
    if (ok && t.suspects && t.taken == 0 && !is_quiet(r))
        ok = suspect_step(r, &t, err);
    if (ok && !t.alone && !is_quiet(r))
        ok = claim_step(r, &t, err) && reap_step(r, &t, err);
    if (ok)
        r->answered_ms = clock_mono_ms();
    *alone = t.alone && t.taken > 0;
    r->was_alone = *alone;
    r->let_pass = !t.suspects;
    return ok;
}
