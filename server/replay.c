/* replay.c - server, stage 4 of 5: stores again what Redis has lost. Contract: replay.h.
 *
 *   new connection --INFO server--> run_id as before ----> SURE: each second one question a stream (watch.h)
 *                                `-- another: all of the ring      |-- fine: what is older than REPLAY_SECONDS leaves
 *                                                                  `-- gone, or fell: that stream's part of the ring
 *
 * A record's way: STORED -> DUE (may be lost) -> SENT (script, resend.h) -> STORED again, with its new id and time
 *                                                  |-- refused: SENT (to the journal) -> DONE
 *                                                  `-- connection lost, or nobody takes it -> DUE
 *
 * A gap is open from the first DUE record of a stream until no loop has any left, and stands twice in the ledger, or once more
 * for each loss meanwhile that makes more of it due, and for each answer that tells of entries lost that the ring had let go
 * of. */
#include "server/replay.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "server/older.h"
#include "server/resend.h"
#include "server/ring.h"
#include "server/watch.h"

enum {
    CHECK_MS = 1000,               /* between questions */
    AGAIN_MS = 1000,               /* before what nobody took is tried again */
    WINDOW = 64,                   /* entries sent again and not settled: live traffic goes on beside them */
    SHORT_MS = 3000,               /* a ring that holds less is an alarm */
    SHORT_FOR_MS = 60000,          /* how long after the last such record the alarm ends */
    CLOSE_MS = 2 * CHECK_MS + 500, /* a gap is open so long at least */
};

enum replay_state {
    REPLAY_UNSURE, /* not connected, or not asked yet who it is connected to */
    REPLAY_ASKED,  /* INFO is out */
    REPLAY_SURE,   /* connected to the Redis that has what the ring has, or a gap is open */
};

struct replay_slot {
    struct stream_call question; /* first: a reply's way back */
    struct replay *replay;
    uint16_t number;
    struct watch_slot watch;
    struct older past; /* what the ring has let go of */
    size_t count;      /* records in the ring */
    bool asking;       /* a question is out */
    bool gap;          /* a gap is open; then the rest counts */
    bool told;         /* it stands in the ledger */
    int judging;       /* so many answers still tell what is lost of the past */
    size_t left;       /* records DUE or SENT */
    int64_t gap_ms;    /* monotonic: when it was opened */
    struct ledger_gap line;
};

/* A record on its way, to Redis or to the journal. */
struct resend {
    struct stream_call call; /* first */
    struct journal_call journal;
    struct replay *replay;
    struct replay_slot *slot;
    struct ring_record *record; /* valid while the ring has serial */
    uint64_t serial;
    struct mark_id id; /* that Redis gave it */
    bool whole;        /* with the script's text */
    char *copy;        /* for the journal; NULL before */
};

struct replay {
    const struct config *config;
    struct stream *stream;
    struct journal_port *port;
    struct ledger *ledger;
    struct replay_counts *counts;
    int number;
    struct ring *ring;                      /* NULL: REPLAY_SECONDS is 0 */
    struct replay_slot *slots[WATCH_SLOTS]; /* NULL: never used */
    uint16_t used[WATCH_SLOTS];
    size_t used_count;
    int64_t mark_ms; /* life of a mark; 0: none */
    struct strbuf scratch;

    enum replay_state state;
    struct stream_call info;
    uint64_t generation; /* of the connection asked */
    char run[WATCH_RUN_MAX];
    int64_t check_ms; /* monotonic: next round of questions */
    int64_t round_ms; /* when the last one began */
    size_t asked;     /* of it not answered */
    bool round_fine;

    struct ring_record *scan;           /* where to look for the next DUE record; NULL: none behind */
    int64_t again_ms;                   /* monotonic: look from the front again; 0: no need */
    size_t sent;                        /* struct resend with Redis */
    bool busy;                          /* counts knows us as busy */
    size_t open;                        /* all struct resend */
    int64_t short_ms;                   /* monotonic: last early drop that was an alarm; 0: none lately */
    int64_t shown_records, shown_bytes; /* what the gauges have of us */
};

/* ---- what all loops share ---- */

void replay_busy(struct replay_counts *counts, int by)
{
    atomic_fetch_add(&counts->busy, by);
}

/* ---- life ---- */

struct replay *replay_new(const struct config *c, int number, struct stream *s, struct journal_port *port,
                          struct ledger *ledger, struct replay_counts *counts)
{
    struct replay *r = xcalloc(1, sizeof(*r));

    r->config = c;
    r->number = number;
    r->stream = s;
    r->port = port;
    r->ledger = ledger;
    r->counts = counts;
    r->mark_ms = c->dedupe_window_minutes * 60 * 1000;
    if (c->replay_ms > 0)
        r->ring = ring_new((size_t)(c->replay_max_bytes / c->server_threads));
    return r;
}

static void gap_close(struct replay_slot *slot);

void replay_free(struct replay *r)
{
    if (!r)
        return;
    if (r->open > 0)
        fatalx("replay: freed with records open", LOG_I("count", r->open));
    for (size_t i = 0; i < r->used_count; i++) {
        struct replay_slot *slot = r->slots[r->used[i]];

        slot->line.dropped += (int64_t)slot->left;
        if (slot->gap)
            gap_close(slot);
        free(slot);
    }
    ring_free(r->ring);
    strbuf_deinit(&r->scratch);
    free(r);
}

size_t replay_open(const struct replay *r)
{
    return r->open;
}

static struct replay_slot *slot_of(struct replay *r, uint16_t number)
{
    struct replay_slot *slot = r->slots[number];

    if (slot)
        return slot;
    slot = xcalloc(1, sizeof(*slot));
    slot->replay = r;
    slot->number = number;
    r->slots[number] = slot;
    r->used[r->used_count++] = number;
    return slot;
}

/* ---- gaps ---- */

static void gap_close(struct replay_slot *slot)
{
    struct ledger_gap *line = &slot->line;

    slot->gap = false;
    line->closed = true;
    if (slot->told || line->older > 0 || line->after < line->before)
        ledger_write(slot->replay->ledger, line);
}

/* An answer after a loss: it tells what of the past is left. */
static void gap_judge(struct replay_slot *slot)
{
    struct ledger_gap *line = &slot->line;
    const int64_t lost =
        older_lost(&slot->past, slot->watch.survivor, watch_safe(&slot->watch, slot->number));

    slot->judging--;
    if (line->after < 0)
        line->after = slot->watch.known ? slot->watch.added : 0;
    line->older += lost;
    if (lost == 0)
        return;
    slot->told = true; /* now: we may not live until it is closed */
    ledger_write(slot->replay->ledger, line);
}

/* A gap is closed when all loops have had the time to notice it, and nobody has anything left to send. */
static void close_gaps(struct replay *r, int64_t mono_ms)
{
    bool busy = r->state != REPLAY_SURE && ring_count(r->ring) > 0;

    for (size_t i = 0; i < r->used_count; i++)
        busy = busy || r->slots[r->used[i]]->left > 0 ||
               (r->slots[r->used[i]]->gap && r->slots[r->used[i]]->judging > 0);
    if (busy != r->busy)
        replay_busy(r->counts, busy ? 1 : -1);
    r->busy = busy;
    if (atomic_load(&r->counts->busy) > 0)
        return;
    for (size_t i = 0; i < r->used_count; i++)
        if (r->slots[r->used[i]]->gap && mono_ms - r->slots[r->used[i]]->gap_ms >= CLOSE_MS)
            gap_close(r->slots[r->used[i]]);
}

static void count_gap(const char *reason)
{
    metric_add(strcmp(reason, "gone") == 0   ? METRIC_SERVER_GAPS_GONE
               : strcmp(reason, "fell") == 0 ? METRIC_SERVER_GAPS_FELL
                                             : METRIC_SERVER_GAPS_RUN,
               1);
}

/* All records of the slot have to be sent again. was: what was known before. judging: answers, from the next one on, that tell
 * what is lost of the past. */
static void gap_open(struct replay_slot *slot, const char *reason, const struct watch_slot *was, int judging)
{
    struct replay *r = slot->replay;

    count_gap(reason);
    if (!slot->gap)
        slot->line = (struct ledger_gap){.at_ms = clock_now_ms(),
                                         .teller = r->number,
                                         .slot = slot->number,
                                         .reason = reason,
                                         .last = mark_later(was->newest, was->last) ? was->newest : was->last,
                                         .before = was->known ? was->added : -1,
                                         .after = -1};
    if (!slot->gap) {
        slot->gap_ms = clock_mono_ms();
        slot->told = false;
    }
    slot->gap = true;
    slot->judging = judging;
    for (struct ring_record *f = ring_front(r->ring); f; f = ring_next(r->ring, f)) {
        if (f->slot != slot->number || f->state != RING_STORED)
            continue;
        f->state = RING_DUE;
        slot->left++;
        metric_add(METRIC_SERVER_REPLAY_DUE, 1);
    }
    watch_forget(&slot->watch);
    r->scan = ring_front(r->ring);
    if ((int64_t)slot->left >
        (slot->told ? slot->line.due : 0)) { /* would die with us, and is not told yet */
        slot->told = true;
        slot->line.due = (int64_t)slot->left;
        ledger_write(r->ledger, &slot->line);
    }
}

/* ---- the ring's front ---- */

static void pop_front(struct replay *r)
{
    struct ring_record *f = ring_front(r->ring);
    struct replay_slot *slot = r->slots[f->slot];

    if (r->scan == f)
        r->scan = ring_next(r->ring, f);
    if (f->state == RING_STORED)
        older_left(&slot->past, f->id, 1);
    if (--slot->count == 0 && !slot->gap)
        watch_forget(&slot->watch);
    ring_pop(r->ring);
}

/* What Redis has shown to have kept long enough. */
static void age(struct replay *r, int64_t until_ms)
{
    struct ring_record *f;

    while ((f = ring_front(r->ring)) != NULL &&
           (f->state == RING_DONE || (f->state == RING_STORED && f->stored_ms <= until_ms)))
        pop_front(r);
}

static void settle(struct replay_slot *slot)
{
    slot->left--;
    metric_add(METRIC_SERVER_REPLAY_DUE, -1);
}

static void dropped(struct replay_slot *slot)
{
    slot->line.dropped++;
    settle(slot);
}

static void too_short(struct replay *r, int64_t held_ms)
{
    if (r->short_ms == 0) {
        metric_add(METRIC_SERVER_RING_SHORT, 1);
        log_error("REPLAY_MAX_BYTES holds too little: what a crash of Redis loses may be gone",
                  LOG_I("held_ms", held_ms), LOG_I("bytes", ring_bytes(r->ring)));
    }
    r->short_ms = clock_mono_ms();
}

static void journal_copy(struct replay *r, struct ring_record *record);

/* There is no room for a new record. */
static void drop_front(struct replay *r, int64_t now_ms)
{
    struct ring_record *f = ring_front(r->ring);

    if (f->state == RING_DUE && r->port)
        journal_copy(r, f);
    else if (f->state == RING_DUE)
        dropped(r->slots[f->slot]);
    if (f->state == RING_STORED) {
        metric_add(METRIC_SERVER_RING_EARLY, 1);
        if (now_ms - f->stored_ms < SHORT_MS && r->config->replay_ms >= SHORT_MS)
            too_short(r, now_ms - f->stored_ms);
    }
    pop_front(r);
}

void replay_stored(struct replay *r, uint16_t number, struct mark_id id, const char *body, size_t length,
                   size_t mark_length)
{
    struct replay_slot *slot;
    struct ring_record *record;
    int64_t now_ms;

    if (!r->ring)
        return;
    slot = slot_of(r, number);
    now_ms = clock_mono_ms();
    while (!(record = ring_add(r->ring, body, length))) {
        if (ring_count(r->ring) == 0) {
            metric_add(METRIC_SERVER_RING_EARLY, 1);
            older_left(&slot->past, id, 1);
            return;
        }
        drop_front(r, now_ms);
    }
    record->stored_ms = now_ms;
    record->id = id;
    record->mark_length = (uint32_t)mark_length;
    record->slot = number;
    slot->count++;
    watch_note(&slot->watch, id);
}

/* ---- sending again ---- */

static struct resend *resend_new(struct replay *r, struct ring_record *record)
{
    struct resend *s = xcalloc(1, sizeof(*s));

    s->replay = r;
    s->slot = r->slots[record->slot];
    s->record = record;
    s->serial = record->serial;
    s->id = record->id;
    record->state = RING_SENT;
    r->open++;
    return s;
}

static void resend_free(struct resend *s)
{
    s->replay->open--;
    free(s->copy);
    free(s);
}

/* Nobody has taken it: later again, as long as the ring has it. Frees s. */
static void resend_failed(struct resend *s)
{
    struct replay *r = s->replay;

    if (ring_has(r->ring, s->serial)) {
        s->record->state = RING_DUE;
        r->again_ms = clock_mono_ms() + AGAIN_MS;
    } else {
        dropped(s->slot);
    }
    resend_free(s);
}

static void on_journaled(struct journal_call *call, bool stored)
{
    struct resend *s = (struct resend *)((char *)call - offsetof(struct resend, journal));

    if (!stored) {
        resend_failed(s);
        return;
    }
    metric_add(METRIC_SERVER_REPLAY_JOURNALED, 1);
    if (ring_has(s->replay->ring, s->serial))
        s->record->state = RING_DONE;
    s->slot->line.resent++;
    s->slot->line.journaled++;
    settle(s->slot);
    resend_free(s);
}

/* Takes s, whose record the ring has. */
static void resend_journal(struct resend *s)
{
    const struct ring_record *record = s->record;

    s->copy = xmalloc(record->length);
    memcpy(s->copy, record->body, record->length);
    s->journal.record = (struct segment_record){s->copy, record->length, record->mark_length, clock_now_ms()};
    s->journal.done = on_journaled;
    journal_submit(s->replay->port, &s->journal);
}

static void journal_copy(struct replay *r, struct ring_record *record)
{
    resend_journal(resend_new(r, record));
}

static bool is_text(const char *text, size_t n, const char *wanted)
{
    return n == strlen(wanted) && memcmp(text, wanted, n) == 0;
}

/* Another copy is there, by that id. */
static bool is_other(const char *text, size_t n, struct mark_id *id)
{
    static const char there[] = RESEND_THERE " ";
    const size_t t = sizeof(there) - 1;

    return n > t && memcmp(text, there, t) == 0 && mark_read_id(text + t, n - t, id);
}

/* It is there by that id; anew: since just now. Frees s. */
static void resend_stored(struct resend *s, struct mark_id id, bool anew)
{
    struct replay_slot *slot = s->slot;

    metric_add(anew ? METRIC_SERVER_REPLAY_STORED : METRIC_SERVER_REPLAY_THERE, 1);
    slot->line.resent++;
    slot->line.missing += anew;
    if (ring_has(s->replay->ring, s->serial)) {
        s->record->state = RING_STORED;
        s->record->stored_ms = clock_mono_ms();
        s->record->id = id;
        watch_note(&slot->watch, id);
    } else {
        older_left(&slot->past, id, 1);
    }
    settle(slot);
    resend_free(s);
}

static bool resend_send(struct resend *s);
static void pump(struct replay *r);

static void on_resent(struct stream_call *call, enum stream_reply reply, const char *text, size_t n)
{
    struct resend *s = (struct resend *)call;
    struct replay *r = s->replay;
    struct mark_id id;

    r->sent--;
    if (reply == STREAM_REPLY_TEXT && is_text(text, n, RESEND_THERE))
        resend_stored(s, s->id, false);
    else if (reply == STREAM_REPLY_TEXT && is_other(text, n, &id))
        resend_stored(s, id, false);
    else if (reply == STREAM_REPLY_TEXT && mark_read_id(text, n, &id))
        resend_stored(s, id, true);
    else if (reply == STREAM_REPLY_LOST || !ring_has(r->ring, s->serial))
        resend_failed(s);
    else if (reply == STREAM_REPLY_ERROR && n >= 8 && memcmp(text, "NOSCRIPT", 8) == 0 && !s->whole) {
        s->whole = true;
        if (!resend_send(s))
            resend_failed(s);
    } else if (r->port) {
        resend_journal(s);
    } else {
        resend_failed(s);
    }
    if (reply != STREAM_REPLY_LOST)
        pump(r);
}

/* False: not connected. */
static bool resend_send(struct resend *s)
{
    struct replay *r = s->replay;
    const struct ring_record *record = s->record;

    strbuf_reset(&r->scratch);
    if (!resend_add(&r->scratch, record->body, record->mark_length, record->body + record->mark_length,
                    record->length - record->mark_length, record->id, r->mark_ms, s->whole))
        fatalx("replay: a record is no XADD");
    s->call.done = on_resent;
    if (!stream_send(r->stream, r->scratch.data, r->scratch.length, &s->call))
        return false;
    r->sent++;
    return true;
}

/* Sends what is due, as far as the window allows. */
static void pump(struct replay *r)
{
    while (r->state == REPLAY_SURE && r->scan && r->sent < WINDOW) {
        struct ring_record *record = r->scan;
        struct resend *s;

        r->scan = ring_next(r->ring, record);
        if (record->state != RING_DUE)
            continue;
        s = resend_new(r, record);
        if (!resend_send(s)) {
            resend_failed(s);
            return;
        }
    }
}

/* ---- questions ---- */

static void round_end(struct replay *r)
{
    if (r->asked > 0 || !r->round_fine)
        return;
    ring_trim(r->ring);
    age(r, r->round_ms - r->config->replay_ms);
}

static void on_answer(struct stream_call *call, enum stream_reply reply, const char *text, size_t n)
{
    struct replay_slot *slot = (struct replay_slot *)call;
    struct replay *r = slot->replay;
    const struct watch_slot was = slot->watch;
    enum watch_verdict verdict = WATCH_FINE;

    r->asked--;
    slot->asking = false;
    if (reply != STREAM_REPLY_TEXT) {
        r->round_fine = false;
        return;
    }
    verdict = watch_judge(&slot->watch, slot->number, text, n);
    if (verdict != WATCH_FINE) {
        r->round_fine = false;
        /* Two: what has left since this question was asked may be lost too. */
        gap_open(slot, verdict == WATCH_GONE ? "gone" : "fell", &was, 2);
    }
    if (slot->judging > 0)
        gap_judge(slot);
    else
        older_seen(&slot->past, slot->watch.floor, slot->watch.last, slot->watch.added);
    round_end(r);
    pump(r);
}

static bool ask(struct replay_slot *slot)
{
    struct replay *r = slot->replay;

    if (slot->asking || (slot->count == 0 && slot->past.count == 0 && !slot->gap))
        return true;
    strbuf_reset(&r->scratch);
    watch_add_question(&slot->watch, slot->number, older_ask(&slot->past), &r->scratch);
    slot->question.done = on_answer;
    if (!stream_send(r->stream, r->scratch.data, r->scratch.length, &slot->question))
        return false;
    slot->asking = true;
    r->asked++;
    return true;
}

static void round_begin(struct replay *r, int64_t now_ms)
{
    r->check_ms = now_ms + CHECK_MS;
    r->round_ms = now_ms;
    r->round_fine = true;
    for (size_t i = 0; i < r->used_count; i++)
        if (!ask(r->slots[r->used[i]]))
            r->round_fine = false;
}

/* Redis was started anew, or is another one. */
static void run_changed(struct replay *r)
{
    for (size_t i = 0; i < r->used_count; i++) {
        struct replay_slot *slot = r->slots[r->used[i]];

        if (slot->count > 0 || slot->past.count > 0 || slot->watch.known)
            gap_open(slot, "run_id", &slot->watch, 1);
    }
}

static void on_info(struct stream_call *call, enum stream_reply reply, const char *text, size_t n)
{
    struct replay *r = (struct replay *)((char *)call - offsetof(struct replay, info));
    char run[WATCH_RUN_MAX] = "";

    if (reply == STREAM_REPLY_LOST) {
        r->state = REPLAY_UNSURE;
        return;
    }
    if (reply == STREAM_REPLY_TEXT)
        watch_read_run(text, n, run);
    /* One that does not tell may be any. */
    if (strcmp(run, r->run) != 0 || !run[0])
        if (r->run[0] || !run[0])
            run_changed(r);
    memcpy(r->run, run, sizeof(run));
    ledger_run(r->ledger, (size_t)r->number, run, r->config->journal_always);
    r->state = REPLAY_SURE;
    round_begin(r, clock_mono_ms());
    pump(r);
}

static void ask_run(struct replay *r)
{
    static const char info[] = "*2\r\n$4\r\nINFO\r\n$6\r\nserver\r\n";
    const uint64_t generation = stream_generation(r->stream);

    if (generation != r->generation)
        r->state = REPLAY_UNSURE;
    if (r->state != REPLAY_UNSURE)
        return;
    r->info.done = on_info;
    if (!stream_send(r->stream, info, sizeof(info) - 1, &r->info))
        return;
    r->generation = generation;
    r->state = REPLAY_ASKED;
}

/* ---- the timer ---- */

static void show(struct replay *r)
{
    const int64_t records = (int64_t)ring_count(r->ring), bytes = (int64_t)ring_bytes(r->ring);

    metric_add(METRIC_SERVER_RING_RECORDS, records - r->shown_records);
    metric_add(METRIC_SERVER_RING_BYTES, bytes - r->shown_bytes);
    r->shown_records = records;
    r->shown_bytes = bytes;
}

void replay_tick(struct replay *r, int64_t mono_ms)
{
    if (!r->ring)
        return;
    ask_run(r);
    if (r->short_ms != 0 && mono_ms - r->short_ms >= SHORT_FOR_MS) {
        r->short_ms = 0;
        metric_add(METRIC_SERVER_RING_SHORT, -1);
    }
    close_gaps(r, mono_ms);
    if (r->state != REPLAY_SURE)
        return;
    if (r->again_ms != 0 && mono_ms >= r->again_ms) {
        r->again_ms = 0;
        r->scan = ring_front(r->ring);
    }
    if (mono_ms >= r->check_ms) {
        show(r);
        if (r->asked == 0)
            round_begin(r, mono_ms);
    }
    pump(r);
}

void replay_stop(struct replay *r)
{
    const bool sure = r->state == REPLAY_SURE && stream_ready(r->stream);
    size_t left = 0;

    stream_stop(r->stream); /* what was sent again and not answered is DUE now */
    for (struct ring_record *f = r->ring ? ring_front(r->ring) : NULL; f; f = ring_next(r->ring, f)) {
        if (f->state != RING_DUE && (sure || f->state != RING_STORED))
            continue;
        left++;
        if (!r->port)
            continue;
        if (f->state == RING_STORED) {
            r->slots[f->slot]->left++;
            metric_add(METRIC_SERVER_REPLAY_DUE, 1);
        }
        journal_copy(r, f);
    }
    if (left > 0)
        log_warn(r->port ? "redis may have lost entries, they go to the journal"
                         : "redis may have lost entries, which are forgotten now",
                 LOG_I("entries", left));
}
