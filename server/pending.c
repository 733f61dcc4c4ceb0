/* pending.c - server, stage 4 of 5, upper half: store first, mark second, answer third.
 *
 * Per entry of a push:
 *
 *   GET mark --- there -------------------------> duplicate
 *      |
 *      `- absent --> XADD --- an id ------------> stored; SET mark id PX window, not waited for
 *                      `---- anything else -----> not stored
 *
 * What Redis does not take, or not before its part of the deadline is over, goes to the journal, once, entry by entry:
 *
 *   refused, connection lost, too slow --> journal --- flushed ---> stored
 *                                             `- not (in time) -> Redis when it was not asked yet, else 503
 *
 * While the journal holds anything (and with JOURNAL_ALWAYS) Redis is not asked first: what came earlier must stay in
 * front. The same while Redis is nearly full (pressure.h). A disk that hangs is no reason to make a Redis that works wait. Whichever of the two has an entry first settles
 * it; the other's copy is harmless.
 *
 * Without a dedupe window, and for dead letters, only the XADD. Marking after storing means that a mark never speaks of an
 * event that is not there; the price is that two copies in flight at once are both stored, which the worker absorbs. A
 * script could do the three steps in one, and would double what Redis works.
 *
 * A record is one allocation: the struct, its entries, and their commands in wire form, because the push's own memory
 * is gone when the first reply comes. All that can happen to it is in one enum (pending_on). A record that was answered
 * before its turn came (deadline), or that the journal has taken over, asks Redis for nothing new. An XADD already sent
 * may still succeed; then its mark is set all the same, and the sender's retry or the journal's drain finds it. */
#include "server/pending.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/keys.h"
#include "common/log.h"
#include "common/number.h"
#include "common/strbuf.h"
#include "server/mark.h"
#include "server/watch.h"

enum { SCRATCH_KEPT = 64 * 1024 }; /* bytes kept for the next push; what a large one needed is given back */

#ifndef SHOPSTREAM_VERSION
#define SHOPSTREAM_VERSION "unknown"
#endif

enum pending_event {
    PENDING_STORED,       /* Redis gave an id */
    PENDING_DUPLICATE,    /* Redis has a mark */
    PENDING_REFUSED,      /* Redis refused to store */
    PENDING_LINK_LOST,    /* no reply will come */
    PENDING_JOURNALED,    /* the journal has flushed it */
    PENDING_JOURNAL_FULL, /* the journal cannot take it */
};

/* A piece of a record's text. */
struct piece {
    const char *data; /* within the record */
    size_t length;
};

struct pending;

struct pending_entry {
    struct stream_call call;     /* first: a reply's way back */
    struct journal_call journal; /* second: the journal's way back */
    struct pending *owner;
    struct piece mark; /* key of the dedupe mark; empty: no dedupe */
    struct piece xadd; /* complete command, right behind the mark */
    uint16_t slot;     /* the stream it goes to (watch.h) */
    bool settled;      /* stored, or known as a duplicate */
    bool asked;        /* Redis was asked, or could not be */
    bool unjournaled;  /* the journal could not take it */
    bool both;         /* the journal takes too long: Redis was asked as well */
};

struct pending {
    struct pending *older, *newer; /* in the list of unanswered ones, oldest deadline first */
    struct pendings *all;
    struct evhttp_request *request; /* NULL once answered */
    int64_t deadline_ms; /* monotonic: when the other of Redis and journal takes over, then last_ms */
    int64_t last_ms;     /* monotonic: when it is answered whatever comes */
    int64_t start_us;    /* monotonic */
    size_t bytes;        /* counted against the cap */
    int64_t recv_ms;     /* UTC epoch ms */
    unsigned owed;       /* events of Redis and the journal that must come before this may end */
    unsigned unsettled;  /* entries neither stored nor known as duplicates */
    bool stored;         /* at least one entry got an id: not a mere duplicate */
    bool journaling;     /* handed to the journal: Redis is asked for nothing new */
    bool journaled;      /* at least one entry is in the journal alone */
    bool dead;           /* a dead letter */
    size_t count;
    struct pending_entry entries[];
};

struct pendings {
    const struct config *config;
    struct stream *stream;
    struct replay *replay;
    struct journal_port *port; /* NULL: no journal */
    struct journal *journal;   /* same */
    const struct pressure *pressure;
    pending_answer_fn *answer;
    void *context;                   /* for answer */
    struct pending *oldest, *newest; /* unanswered, by deadline */
    size_t unanswered;
    size_t count;               /* records, answered or not */
    size_t bytes;               /* of all records */
    int64_t mark_ms;            /* life of a mark; 0: no dedupe */
    int64_t redis_ms;           /* how long Redis may take */
    struct strbuf scratch;      /* commands being built */
    char live[KEYS_STREAM_MAX]; /* the stream that was written to last */
    size_t live_length;         /* of it; 0: none was */
    int live_partition;         /* same */
};

/* Of the deadline, what is left of it when the journal has its part. */
static int64_t redis_ms(const struct config *c, bool with_journal)
{
    const int64_t half = c->answer_deadline_ms / 2;

    if (!with_journal)
        return c->answer_deadline_ms;
    return c->answer_deadline_ms - (c->journal_budget_ms < half ? c->journal_budget_ms : half);
}

struct pendings *pendings_new(const struct config *c, const struct pending_stores *stores,
                              pending_answer_fn *answer, void *context)
{
    struct pendings *all = xcalloc(1, sizeof(*all));

    all->config = c;
    all->stream = stores->stream;
    all->replay = stores->replay;
    all->journal = stores->journal;
    all->port = stores->port;
    all->pressure = stores->pressure;
    all->redis_ms = redis_ms(c, stores->journal != NULL);
    all->answer = answer;
    all->context = context;
    all->mark_ms = c->dedupe_window_minutes * 60 * 1000;
    strbuf_init(&all->scratch);
    return all;
}

void pendings_free(struct pendings *all)
{
    if (!all)
        return;
    if (all->count > 0)
        fatalx("pending: freed with records open", LOG_I("count", all->count));
    strbuf_deinit(&all->scratch);
    free(all);
}

bool pendings_full(const struct pendings *all)
{
    return all->count >= (size_t)all->config->max_inflight ||
           all->bytes >= (size_t)all->config->max_inflight_bytes;
}

size_t pendings_unanswered(const struct pendings *all)
{
    return all->unanswered;
}

size_t pendings_count(const struct pendings *all)
{
    return all->count;
}

/* ---- the list of unanswered records ---- */

/* Platforms have different deadlines, so the place is looked for; from the end, because it nearly always is there. */
static void list_add(struct pendings *all, struct pending *p)
{
    struct pending *after = all->newest;

    while (after && after->deadline_ms > p->deadline_ms)
        after = after->older;
    p->older = after;
    p->newer = after ? after->newer : all->oldest;
    *(p->older ? &p->older->newer : &all->oldest) = p;
    *(p->newer ? &p->newer->older : &all->newest) = p;
    all->unanswered++;
}

static void list_remove(struct pendings *all, struct pending *p)
{
    *(p->older ? &p->older->newer : &all->oldest) = p->newer;
    *(p->newer ? &p->newer->older : &all->newest) = p->older;
    all->unanswered--;
}

static void list_move(struct pending *p, int64_t deadline_ms)
{
    list_remove(p->all, p);
    p->deadline_ms = deadline_ms;
    list_add(p->all, p);
}

/* ---- answering and ending ---- */

/* No-op once answered; afterwards the request is evhttp's. */
static void pending_answer(struct pending *p, enum answer answer)
{
    struct pendings *all = p->all;
    struct evhttp_request *request = p->request;

    if (!request)
        return;
    p->request = NULL;
    list_remove(all, p);
    if (answer == ANSWER_STORED)
        metric_add(METRIC_SERVER_STORE_US, clock_mono_us() - p->start_us);
    all->answer(all->context, request, answer);
}

static void on_journal(struct journal_call *call, bool stored);

/* Hands over what is not settled yet. */
static void pending_journal(struct pending *p)
{
    struct pendings *all = p->all;
    const struct pending_entry *last = &p->entries[p->count - 1]; /* they are asked for in order */

    p->journaling = true;
    if (last->asked || all->config->journal_always)
        list_move(p, p->last_ms);
    for (size_t i = 0; i < p->count; i++) {
        struct pending_entry *e = &p->entries[i];

        if (e->settled)
            continue;
        e->journal.record = (struct segment_record){e->mark.data, e->mark.length + e->xadd.length,
                                                    e->mark.length, p->recv_ms};
        e->journal.done = on_journal;
        p->owed++;
        journal_submit(all->port, &e->journal);
    }
}

/* It could not be stored in Redis, or not in time: now the journal decides. Without one the sender has to come back. */
static void pending_refuse(struct pending *p, enum answer reason)
{
    if (!p->request || p->journaling)
        return;
    if (p->all->journal)
        pending_journal(p);
    else
        pending_answer(p, reason);
}

static void pending_end(struct pending *p)
{
    struct pendings *all = p->all;

    all->count--;
    all->bytes -= p->bytes;
    metric_add(METRIC_SERVER_INFLIGHT, -1);
    metric_add(METRIC_SERVER_INFLIGHT_BYTES, -(int64_t)p->bytes);
    free(p);
}

static void pending_settled(struct pending_entry *e)
{
    struct pending *p = e->owner;

    if (e->settled)
        return;
    e->settled = true;
    if (--p->unsettled > 0)
        return;
    if (p->dead)
        pending_answer(p, ANSWER_DEAD);
    else if (p->journaled)
        pending_answer(p, ANSWER_JOURNALED);
    else
        pending_answer(p, p->stored ? ANSWER_STORED : ANSWER_DUPLICATE);
}

static bool entry_start(struct pending_entry *e);

/* The journal was asked before Redis and cannot: then Redis decides. JOURNAL_ALWAYS promises more than Redis can. */
static void entry_unjournaled(struct pending_entry *e)
{
    struct pending *p = e->owner;

    if (e->settled || !p->request)
        return;
    if (!e->asked && !p->all->config->journal_always) {
        p->owed++;
        if (entry_start(e))
            return;
        p->owed--;
    }
    pending_answer(p, ANSWER_JOURNAL);
}

/* Redis did not store an entry: the journal's turn, unless the journal had its turn before. */
static void entry_refused(struct pending_entry *e, enum answer reason)
{
    struct pending *p = e->owner;

    if (p->journaling && !e->settled && e->unjournaled)
        pending_answer(p, ANSWER_JOURNAL);
    else
        pending_refuse(p, reason);
}

/* Each command Redis accepted from us, and each entry the journal did, owes exactly one event; p ends with the last. */
static void pending_on(struct pending_entry *e, enum pending_event ev)
{
    struct pending *p = e->owner;

    switch (ev) {
    case PENDING_STORED:
        metric_add(METRIC_SERVER_ENTRIES_STORED, p->dead ? 0 : 1);
        p->stored = true;
        pending_settled(e);
        break;
    case PENDING_DUPLICATE:
        metric_add(METRIC_SERVER_ENTRIES_DUPLICATE, 1);
        pending_settled(e);
        break;
    case PENDING_REFUSED:
        entry_refused(e, ANSWER_REDIS_ERROR);
        break;
    case PENDING_LINK_LOST:
        entry_refused(e, ANSWER_REDIS_DOWN);
        break;
    case PENDING_JOURNALED:
        p->journaled = p->journaled || !e->settled;
        pending_settled(e);
        break;
    case PENDING_JOURNAL_FULL:
        e->unjournaled = true;
        entry_unjournaled(e);
        break;
    }
    if (--p->owed == 0)
        pending_end(p);
}

static void on_journal(struct journal_call *call, bool stored)
{
    struct pending_entry *e =
        (struct pending_entry *)((char *)call - offsetof(struct pending_entry, journal));

    pending_on(e, stored ? PENDING_JOURNALED : PENDING_JOURNAL_FULL);
}

/* The journal was asked first and takes too long: Redis as well. */
static void pending_ask(struct pending *p)
{
    list_move(p, p->last_ms);
    for (size_t i = 0; i < p->count; i++) {
        struct pending_entry *e = &p->entries[i];

        if (e->settled || e->asked)
            continue;
        e->both = true;
        p->owed++;
        if (!entry_start(e))
            p->owed--; /* not connected: the journal may still make it */
    }
}

/* Our timer; events are still owed. */
static void pending_expired(struct pending *p)
{
    if (!p->journaling)
        pending_refuse(p, ANSWER_DEADLINE);
    else if (p->deadline_ms < p->last_ms)
        pending_ask(p);
    else
        pending_answer(p, ANSWER_DEADLINE);
}

void pendings_tick(struct pendings *all, int64_t mono_ms)
{
    while (all->oldest && all->oldest->deadline_ms <= mono_ms)
        pending_expired(all->oldest);
}

/* ---- commands and replies of one entry ---- */

static void on_xadd(struct stream_call *call, enum stream_reply reply, const char *text, size_t n);

/* False: not connected. */
static bool entry_xadd(struct pending_entry *e)
{
    e->call.done = on_xadd;
    return stream_send(e->owner->all->stream, e->xadd.data, e->xadd.length, &e->call);
}

/* The mark's reply is not waited for: without a mark a repeat is stored again, and the worker drops it. */
static void entry_mark(const struct pending_entry *e, const char *id, size_t n)
{
    struct pendings *all = e->owner->all;
    struct strbuf *b = &all->scratch;

    strbuf_reset(b);
    mark_add_set(b, e->mark.data, e->mark.length, id, n, all->mark_ms);
    (void)!stream_send(all->stream, b->data, b->length, NULL);
}

static bool is_id(enum stream_reply reply, const char *text, size_t n)
{
    return reply == STREAM_REPLY_TEXT && mark_is_id(text, n);
}

/* From here on Redis has it, and we have it too in case Redis loses it. */
static void entry_keep(const struct pending_entry *e, struct mark_id id)
{
    replay_stored(e->owner->all->replay, e->slot, id, e->mark.data, e->mark.length + e->xadd.length,
                  e->mark.length);
}

static void count_late(const struct pending_entry *e, enum stream_reply reply)
{
    if (!e->owner->request && reply != STREAM_REPLY_LOST)
        metric_add(METRIC_SERVER_LATE_REPLIES, 1);
}

static void on_xadd(struct stream_call *call, enum stream_reply reply, const char *text, size_t n)
{
    struct pending_entry *e = (struct pending_entry *)call;
    struct mark_id id;

    count_late(e, reply);
    if (reply != STREAM_REPLY_TEXT || !mark_read_id(text, n, &id)) {
        pending_on(e, reply == STREAM_REPLY_LOST ? PENDING_LINK_LOST : PENDING_REFUSED);
        return;
    }
    stream_accepted(e->owner->all->stream);
    entry_keep(e, id);
    if (e->mark.length > 0)
        entry_mark(e, text, n);
    pending_on(e, PENDING_STORED);
}

/* Answered already, or the journal's: a copy more would do no good. */
static bool entry_given_up(const struct pending_entry *e)
{
    return !e->owner->request || (e->owner->journaling && !e->unjournaled && !e->both);
}

/* A mark that cannot be read is no mark: whether the entry is stored is for the XADD to say. */
static void on_mark(struct stream_call *call, enum stream_reply reply, const char *text, size_t n)
{
    struct pending_entry *e = (struct pending_entry *)call;

    count_late(e, reply);
    if (is_id(reply, text, n))
        pending_on(e, PENDING_DUPLICATE);
    else if (reply == STREAM_REPLY_LOST || entry_given_up(e) || !entry_xadd(e))
        pending_on(e, PENDING_LINK_LOST); /* given up: only what is owed counts */
}

static bool entry_start(struct pending_entry *e)
{
    struct pendings *all = e->owner->all;
    struct strbuf *b = &all->scratch;

    e->asked = true;
    if (e->mark.length == 0)
        return entry_xadd(e);
    strbuf_reset(b);
    mark_add_get(b, e->mark.data, e->mark.length);
    e->call.done = on_mark;
    return stream_send(all->stream, b->data, b->length, &e->call);
}

/* ---- building a record ---- */

static void add_text(struct strbuf *b, const char *name, struct entry_text value)
{
    resp_add_bulk(b, name, strlen(name));
    resp_add_bulk(b, value.data, value.length);
}

static void add_number(struct strbuf *b, const char *name, int64_t value)
{
    char digits[24];

    resp_add_bulk(b, name, strlen(name));
    resp_add_bulk(b, digits, number_format_i64(digits, value));
}

static struct entry_text literal(const char *s)
{
    return (struct entry_text){s, strlen(s)};
}

/* The XADD of a dead letter: the fields of an entry as far as they are known, then those that start with '_'. */
static void add_dead(struct strbuf *b, const struct mapped *mapped)
{
    const struct entry *e = &mapped->entries[0];
    const bool shop = e->shop.length > 0, topic = e->topic.length > 0;
    char stream[KEYS_STREAM_MAX];
    size_t n = keys_dead(stream, mapped->partitions[0]);

    resp_add_array(b, 3 + 2 * (11 + (size_t)shop + (size_t)topic));
    resp_add_bulk(b, "XADD", 4);
    resp_add_bulk(b, stream, n);
    resp_add_bulk(b, "*", 1);
    add_text(b, "platform", e->platform);
    if (shop)
        add_text(b, "shop", e->shop);
    if (topic)
        add_text(b, "topic", e->topic);
    add_number(b, "recv_ms", e->recv_ms);
    add_text(b, "trace", e->trace);
    add_text(b, "body", e->body);
    add_text(b, "_class", literal("bad_payload"));
    add_text(b, "_by", literal("server"));
    add_text(b, "_err", literal(mapped->why));
    add_number(b, "_at", e->recv_ms);
    add_number(b, "_first", e->recv_ms);
    add_text(b, "_body", literal("1"));
    add_text(b, "_ver", literal(SHOPSTREAM_VERSION));
}

static void add_mark(struct strbuf *b, const char *live, size_t n, const struct entry *e)
{
    strbuf_add(b, live, n);
    strbuf_add_text(b, ":seen:");
    strbuf_add(b, e->key.data, e->key.length);
    strbuf_add_char(b, ':');
    strbuf_add_text(b, entry_kind_name(e->kind));
    strbuf_add_char(b, ':');
    strbuf_add(b, e->id.data, e->id.length);
}

/* Its name, into all->live; mostly it is there, and printf would be a sixth of a record's cost. */
static void find_live(struct pendings *all, int partition)
{
    if (all->live_length > 0 && all->live_partition == partition)
        return;
    all->live_length = keys_live(all->live, partition);
    all->live_partition = partition;
}

/* Writes the texts of all entries into scratch one after the other, and their lengths into entries. Each goes to its own
 * shop's partition: one push may speak of several shops. */
static void build_texts(struct pendings *all, struct pending_entry *entries, const struct mapped *mapped)
{
    struct strbuf *b = &all->scratch;
    size_t at;

    strbuf_reset(b);
    for (size_t i = 0; i < mapped->count; i++) {
        find_live(all, mapped->partitions[i]);
        at = b->length;
        if (all->mark_ms > 0 && !mapped->dead)
            add_mark(b, all->live, all->live_length, &mapped->entries[i]);
        entries[i].mark.length = b->length - at;
        at = b->length;
        if (mapped->dead)
            add_dead(b, mapped);
        else
            entry_add_xadd(b, all->live, all->live_length, &mapped->entries[i]);
        entries[i].xadd.length = b->length - at;
    }
}

static size_t record_size(size_t count)
{
    return sizeof(struct pending) + count * sizeof(struct pending_entry);
}

static struct pending *pending_new(struct pendings *all, const struct mapped *mapped)
{
    struct pending_entry few[4], *sizes = few;
    const size_t head = record_size(mapped->count);
    struct pending *p;
    char *at;

    if (mapped->count > sizeof(few) / sizeof(few[0]))
        sizes = xcalloc(mapped->count, sizeof(*sizes));
    build_texts(all, sizes, mapped);
    p = xmalloc(head + all->scratch.length);
    memset(p, 0, sizeof(*p));
    at = memcpy((char *)p + head, all->scratch.data, all->scratch.length);
    p->count = mapped->count;
    p->bytes = head + all->scratch.length;
    if (all->scratch.capacity > SCRATCH_KEPT)
        strbuf_deinit(&all->scratch);
    for (size_t i = 0; i < p->count; i++) {
        p->entries[i].owner = p;
        p->entries[i].slot = watch_slot_of(mapped->partitions[i], mapped->dead);
        p->entries[i].settled = p->entries[i].asked = false;
        p->entries[i].unjournaled = p->entries[i].both = false;
        p->entries[i].mark = (struct piece){at, sizes[i].mark.length};
        at += sizes[i].mark.length;
        p->entries[i].xadd = (struct piece){at, sizes[i].xadd.length};
        at += sizes[i].xadd.length;
    }
    if (sizes != few)
        free(sizes);
    return p;
}

/* What comes now must not ask Redis first: because it is told so, because something else waits already, or because Redis is
 * too full. A disk that hangs is no place to wait. */
static bool journal_first(const struct pendings *all)
{
    if (!all->journal)
        return false;
    return all->config->journal_always ||
           ((journal_busy(all->journal) || pressure_high(all->pressure)) && !journal_stuck(all->journal));
}

bool pendings_start(struct pendings *all, struct evhttp_request *request, const struct mapped *mapped)
{
    struct pending *p = pending_new(all, mapped);
    bool waits;

    p->all = all;
    p->request = request;
    p->start_us = clock_mono_us();
    p->deadline_ms = p->start_us / 1000 + all->redis_ms;
    p->last_ms = p->start_us / 1000 + all->config->answer_deadline_ms;
    p->recv_ms = mapped->entries[0].recv_ms;
    p->unsettled = (unsigned)p->count;
    p->dead = mapped->dead;
    p->owed = 1; /* ours, so that p outlives the loop below */
    all->count++;
    all->bytes += p->bytes;
    metric_add(METRIC_SERVER_INFLIGHT, 1);
    metric_add(METRIC_SERVER_INFLIGHT_BYTES, (int64_t)p->bytes);
    list_add(all, p);
    if (journal_first(all))
        pending_journal(p);
    for (size_t i = 0; i < p->count && !p->journaling; i++) {
        p->owed++;
        if (!entry_start(&p->entries[i])) {
            p->owed--;
            pending_refuse(p, ANSWER_REDIS_DOWN);
            break;
        }
    }
    waits = p->request != NULL;
    if (--p->owed == 0)
        pending_end(p);
    return waits;
}
