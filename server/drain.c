/* drain.c - server, stage 4 of 5: brings what the journal holds to Redis. Contract and reasons: drain.h.
 *
 *   records --GET of their marks--> those without --XADD--> those with an id: SET of the mark; the others again, later
 *
 * Three round trips a group, and one more where marks stand: a mark counts only when the entry it names is there. A group is
 * done when Redis has each of its records; only then does the journal hear of it. */
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
#include "server/ledger.h"
#include "server/mark.h"
#include "server/older.h"
#include "server/placement.h"
#include "server/pressure.h"
#include "server/replay.h"
#include "server/resolve.h"
#include "server/watch.h"

enum {
    GROUP = 256,       /* records in flight */
    WAIT_MS = 1000,    /* longest sleep over an empty journal */
    CONNECT_MS = 2000, /* longest wait for a connection */
    REPLY_MS = 5000,   /* longest wait for one reply */
    BACKOFF_FIRST_MS = 50,
    BACKOFF_LAST_MS = 2000,
    CHECK_MS = 1000, /* between questions about what is kept */
    NO_SLOT = WATCH_SLOTS,
};

struct item {
    bool done;       /* Redis has it */
    bool marked;     /* its mark stands; id is set */
    bool wants_mark; /* stored just now; id is set */
    char id[MARK_ID_MAX];
    size_t id_length;
    uint16_t slot; /* NO_SLOT: a stream we do not know */
};

/* What one segment has of one stream, and Redis too. */
struct drain_part {
    uint64_t segment;    /* its number */
    struct mark_id last; /* the newest entry */
    int64_t count;       /* entries */
};

/* What was stored in one stream, and is kept in files or was. */
struct drain_slot {
    struct watch_slot watch;
    int64_t held_ms;          /* monotonic: when the last entry was stored that a file still has; 0: none */
    struct drain_part *parts; /* oldest first; owned */
    size_t part_count, part_room; /* of them; room for so many */
    struct older past;            /* what no file has any more */
    bool judging;                 /* the next answer tells what of it is lost */
    bool gap;                     /* being gone over again */
    struct ledger_gap line;
};

struct drain {
    struct drain_tools tools;
    struct journal *journal; /* of tools, as the next two */
    const struct redis_url *url;
    struct resolver *resolver;
    int64_t mark_ms;     /* life of a mark; 0: no dedupe */
    redisContext *redis; /* NULL: not connected */
    struct strbuf out;   /* commands of one round trip */
    size_t count;        /* of the group */
    uint64_t segment;    /* it is in */
    struct segment_record records[GROUP];
    struct item items[GROUP];
    int64_t backoff_ms;
    bool refusing; /* told a person, and not yet that it is over */
    char why[200]; /* of the failure of this attempt; "" */

    struct drain_slot *slots[WATCH_SLOTS]; /* NULL: never used */
    uint16_t used[WATCH_SLOTS];
    size_t used_count;
    char run[WATCH_RUN_MAX]; /* of the Redis that has what is kept; "": none yet */
    int64_t check_ms;        /* monotonic: next questions */
    int64_t again;           /* records still to be gone over again */
    int gaps;                /* slots with a gap open */
    bool owing;              /* a loss was seen, and what is kept is not being gone over again yet */
    bool rewound;            /* the group in hand will be read again */
    bool unsure;             /* Redis may have lost something and could not be asked */

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

static bool same_run(struct drain *d);

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
    return greet(d, "PING", NULL, NULL) && same_run(d);
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

/* Reads the ids that marks stand for. A mark that cannot be read is none. */
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
        struct item *item = &d->items[i];
        redisReply *r;

        item->marked = false;
        if (item->done || !has_mark(d, i))
            continue;
        r = reply(d);
        if (!r)
            return false;
        if (is_id(r) && (size_t)r->len < sizeof(item->id)) {
            item->marked = true;
            item->id_length = (size_t)r->len;
            memcpy(item->id, r->str, item->id_length);
        }
        freeReplyObject(r);
    }
    return true;
}

static bool read_xadd(const struct drain *d, size_t i, struct mark_xadd *x)
{
    const struct segment_record *record = &d->records[i];

    return mark_read_xadd(record->body + record->mark_length, record->length - record->mark_length, x);
}

static void add_range(struct drain *d, size_t i)
{
    const struct item *item = &d->items[i];
    struct mark_xadd x;

    if (!read_xadd(d, i, &x)) /* then there is no such stream either */
        x.stream = "", x.stream_length = 0;
    resp_add_array(&d->out, 4);
    resp_add_bulk(&d->out, "XRANGE", 6);
    resp_add_bulk(&d->out, x.stream, x.stream_length);
    resp_add_bulk(&d->out, item->id, item->id_length);
    resp_add_bulk(&d->out, item->id, item->id_length);
}

static void settled(struct drain *d, size_t i, bool anew);

/* Which are there already? Those whose mark names an entry that is there. */
static bool ask_entries(struct drain *d)
{
    size_t asked = 0;

    strbuf_reset(&d->out);
    for (size_t i = 0; i < d->count; i++)
        if (d->items[i].marked) {
            add_range(d, i);
            asked++;
        }
    if (asked > 0 && !send_out(d))
        return false;
    for (size_t i = 0; i < d->count; i++) {
        redisReply *r;

        if (!d->items[i].marked)
            continue;
        r = reply(d);
        if (!r)
            return false;
        if (r->type == REDIS_REPLY_ARRAY && r->elements > 0) {
            metric_add(METRIC_SERVER_JOURNAL_KNOWN, 1);
            settled(d, i, false);
        }
        freeReplyObject(r);
    }
    return true;
}

/* ---- what was stored, in case Redis loses it ---- */

static struct drain_slot *slot_of(struct drain *d, uint16_t number)
{
    if (number == NO_SLOT)
        return NULL;
    if (!d->slots[number]) {
        d->slots[number] = xcalloc(1, sizeof(*d->slots[number]));
        d->used[d->used_count++] = number;
    }
    return d->slots[number];
}

static void part_add(struct drain_slot *slot, uint64_t segment)
{
    if (slot->part_count == slot->part_room) {
        slot->part_room = 2 * slot->part_room + 4;
        slot->parts = xrealloc(slot->parts, slot->part_room * sizeof(*slot->parts));
    }
    slot->parts[slot->part_count++] = (struct drain_part){.segment = segment};
}

/* An entry of that id is with Redis and in that segment. */
static void hold(struct drain_slot *slot, uint64_t segment, struct mark_id id)
{
    struct drain_part *part;

    if (slot->part_count == 0 || slot->parts[slot->part_count - 1].segment != segment)
        part_add(slot, segment);
    part = &slot->parts[slot->part_count - 1];
    part->count++;
    if (mark_later(id, part->last))
        part->last = id;
}

/* Files that are gone have nothing any more. */
static void let_go(struct drain *d)
{
    const uint64_t oldest = journal_oldest(d->journal);

    for (size_t n = 0; n < d->used_count; n++) {
        struct drain_slot *slot = d->slots[d->used[n]];
        size_t gone = 0;

        for (; gone < slot->part_count && slot->parts[gone].segment < oldest; gone++)
            older_left(&slot->past, slot->parts[gone].last, slot->parts[gone].count);
        slot->part_count -= gone;
        if (gone > 0 && slot->part_count > 0)
            memmove(slot->parts, &slot->parts[gone], slot->part_count * sizeof(*slot->parts));
    }
}

/* Redis has a record; its id stands in the item. anew: since just now. */
static void settled(struct drain *d, size_t i, bool anew)
{
    struct item *item = &d->items[i];
    struct drain_slot *slot = slot_of(d, item->slot);
    struct mark_id id;

    item->done = true;
    if (!slot || d->tools.config->replay_ms == 0)
        return;
    if (slot->gap) {
        slot->line.resent++;
        slot->line.missing += anew;
    }
    if (!mark_read_id(item->id, item->id_length, &id))
        return;
    watch_note(&slot->watch, id);
    hold(slot, d->segment, id);
}

/* The group is with Redis: from now on its streams are watched. */
static void hold_group(struct drain *d)
{
    for (size_t i = 0; i < d->count; i++)
        if (d->items[i].slot != NO_SLOT)
            d->slots[d->items[i].slot]->held_ms = clock_mono_ms();
}

/* Streams whose entries no file has any more are nobody's concern. */
static void release(struct drain *d, int64_t until_ms)
{
    for (size_t n = 0; n < d->used_count; n++) {
        struct drain_slot *slot = d->slots[d->used[n]];

        if (slot->held_ms == 0 || slot->held_ms > until_ms)
            continue;
        slot->held_ms = 0;
        watch_forget(&slot->watch);
    }
}

static void gap_close(struct drain *d, struct drain_slot *slot)
{
    slot->gap = false;
    slot->line.closed = true;
    if (--d->gaps == 0)
        replay_busy(d->tools.counts, -1);
    ledger_write(d->tools.ledger, &slot->line);
}

/* All has been gone over again, and what no file had is known. */
static void close_gaps(struct drain *d)
{
    for (size_t n = 0; n < d->used_count && d->again == 0 && !d->owing; n++) {
        struct drain_slot *slot = d->slots[d->used[n]];

        if (slot->gap && !slot->judging)
            gap_close(d, slot);
    }
}

/* Nothing of it is due: what files have outlives us. */
static void gap_open(struct drain *d, uint16_t number, const char *reason, const struct watch_slot *was)
{
    struct drain_slot *slot = d->slots[number];
    struct ledger_gap *line = &slot->line;

    slot->judging = true;
    watch_forget(&slot->watch);
    metric_add(strcmp(reason, "run_id") == 0 ? METRIC_SERVER_GAPS_RUN
               : strcmp(reason, "gone") == 0 ? METRIC_SERVER_GAPS_GONE
                                             : METRIC_SERVER_GAPS_FELL,
               1);
    if (slot->gap)
        return;
    *line = (struct ledger_gap){.at_ms = clock_now_ms(),
                                .teller = -1,
                                .slot = number,
                                .reason = reason,
                                .last = mark_later(was->newest, was->last) ? was->newest : was->last,
                                .before = was->known ? was->added : -1,
                                .after = slot->watch.known ? slot->watch.added : -1};
    slot->gap = true;
    if (d->gaps++ == 0)
        replay_busy(d->tools.counts, 1);
    ledger_write(d->tools.ledger, line);
}

/* The answer after a loss: it tells what of the past is left. */
static void gap_judge(struct drain *d, struct drain_slot *slot)
{
    struct ledger_gap *line = &slot->line;
    const int64_t lost = older_lost(&slot->past, slot->watch.survivor, watch_safe(&slot->watch, line->slot));

    slot->judging = false;
    line->older += lost;
    if (lost > 0)
        ledger_write(d->tools.ledger, line); /* now: we may not live until it is closed */
}

/* All that is kept is gone over again. */
static void rewind_journal(struct drain *d)
{
    d->rewound = true;
    d->owing = false;
    d->again = journal_rewind(d->journal);
    for (size_t n = 0; n < d->used_count; n++)
        d->slots[d->used[n]]->part_count = 0; /* until it is */
}

/* What an answer means. again: a loss, whatever the answer. True: a loss. */
static bool judge(struct drain *d, uint16_t number, const redisReply *r, const char *again)
{
    struct drain_slot *slot = d->slots[number];
    const struct watch_slot was = slot->watch;
    enum watch_verdict verdict = WATCH_FINE;
    const bool read = r->type == REDIS_REPLY_STRING;

    if (read)
        verdict = watch_judge(&slot->watch, number, r->str, (size_t)r->len);
    else
        d->unsure = true;
    if (again || verdict != WATCH_FINE)
        gap_open(d, number, again ? again : verdict == WATCH_GONE ? "gone" : "fell", &was);
    if (read && slot->judging)
        gap_judge(d, slot);
    else if (read)
        older_seen(&slot->past, slot->watch.floor, slot->watch.last, slot->watch.added);
    return verdict != WATCH_FINE;
}

/* Asks about all slots something is kept of, or was. again: whatever the answers, all of it goes again. False: connection
 * lost. */
static bool check(struct drain *d, const char *again)
{
    const int64_t began_ms = clock_mono_ms();

    d->check_ms = began_ms + CHECK_MS;
    d->unsure = false;
    d->owing = d->owing || again;
    let_go(d);
    for (size_t n = 0; n < d->used_count; n++) {
        struct drain_slot *slot = d->slots[d->used[n]];
        redisReply *r;

        if (slot->held_ms == 0 && slot->past.count == 0 && !slot->gap)
            continue;
        strbuf_reset(&d->out);
        watch_add_question(&slot->watch, d->used[n], older_ask(&slot->past), &d->out);
        if (!send_out(d) || !(r = reply(d))) {
            d->unsure = true;
            return false;
        }
        d->owing = judge(d, d->used[n], r, again) || d->owing;
        freeReplyObject(r);
    }
    if (d->owing) {
        rewind_journal(d);
    } else if (!d->unsure) {
        release(d, began_ms - d->tools.config->replay_ms);
        journal_release(d->journal, began_ms - d->tools.config->replay_ms);
        journal_release_excess(d->journal);
    }
    close_gaps(d);
    return true;
}

/* There is something whose loss would be ours to tell. */
static bool at_stake(struct drain *d)
{
    bool some = journal_kept(d->journal) > 0;

    for (size_t n = 0; n < d->used_count && !some; n++) {
        const struct drain_slot *slot = d->slots[d->used[n]];

        some = slot->gap || slot->part_count > 0 || slot->past.count > 0;
    }
    return some;
}

/* On a new connection: is it the Redis that has what is kept? One that does not tell may be any. */
static bool same_run(struct drain *d)
{
    static const char *const info[] = {"INFO", "server"};
    char run[WATCH_RUN_MAX] = "";
    bool other;
    redisReply *r;

    if (d->tools.config->replay_ms == 0)
        return true;
    r = redisCommandArgv(d->redis, 2, (const char **)(uintptr_t)info, NULL);
    if (!r)
        return lost(d);
    if (r->type == REDIS_REPLY_STRING)
        watch_read_run(r->str, (size_t)r->len, run);
    freeReplyObject(r);
    other = d->run[0] && strcmp(d->run, run) != 0;
    if (other && at_stake(d) && !check(d, "run_id"))
        return false; /* and not known yet: it is asked again */
    memcpy(d->run, run, sizeof(run));
    return true;
}

static void stored(struct drain *d, size_t i, const redisReply *r)
{
    struct item *item = &d->items[i];

    metric_add(METRIC_SERVER_ENTRIES_STORED, 1);
    item->id_length = (size_t)r->len < sizeof(item->id) ? (size_t)r->len : 0;
    memcpy(item->id, r->str, item->id_length);
    item->wants_mark = has_mark(d, i) && item->id_length > 0;
    settled(d, i, true);
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
    if (!d->redis && (!connect_now(d) || d->rewound))
        return false;
    if (!ask_marks(d) || !ask_entries(d) || !add_entries(d))
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

static void begin_group(struct drain *d)
{
    memset(d->items, 0, d->count * sizeof(d->items[0]));
    d->segment = journal_reading(d->journal);
    for (size_t i = 0; i < d->count; i++) {
        struct mark_xadd x;

        if (!read_xadd(d, i, &x) || !watch_find(x.stream, x.stream_length, &d->items[i].slot))
            d->items[i].slot = NO_SLOT;
        else if (d->tools.placement)
            placement_used(d->tools.placement, watch_partition_of(d->items[i].slot));
        (void)slot_of(d, d->items[i].slot);
    }
}

/* Redis has the group, and the files will have it for a while. */
static void end_group(struct drain *d)
{
    hold_group(d);
    journal_acked(d->journal);
    journal_release_excess(d->journal); /* new events go before what Redis has just taken */
    d->again = d->again > (int64_t)d->count ? d->again - (int64_t)d->count : 0;
    close_gaps(d);
}

/* Above the mark Redis belongs to the workers. */
static bool too_full(struct drain *d)
{
    return d->tools.pressure && pressure_high(d->tools.pressure);
}

/* Waits until Redis has room. False: told to stop before. */
static bool has_room(struct drain *d)
{
    bool cut = false;

    while (too_full(d)) {
        if (stopping(d, &cut))
            return false;
        rest(d, WAIT_MS / 4);
    }
    return true;
}

/* Until Redis has the group. False: told to stop before. */
static bool drain_group(struct drain *d)
{
    bool cut = false;

    begin_group(d);
    d->rewound = false;
    while (!has_room(d) || !attempt(d)) {
        if (d->rewound)
            return true;
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
    end_group(d);
    return !stopping(d, &cut) || !cut;
}

/* Looks after what is kept. */
static void look_after(struct drain *d)
{
    if (d->tools.config->replay_ms == 0 || clock_mono_ms() < d->check_ms || !at_stake(d))
        return;
    if (d->redis || connect_now(d))
        (void)!check(d, NULL);
    d->check_ms = clock_mono_ms() + CHECK_MS;
}

/* Something was stored less than REPLAY_SECONDS ago: Redis may lose it yet, and then only the next life has it. */
static bool holds_new(const struct drain *d)
{
    for (size_t n = 0; n < d->used_count; n++)
        if (d->slots[d->used[n]]->held_ms != 0)
            return true;
    return false;
}

static void *drain_run(void *arg)
{
    struct drain *d = arg;
    bool on = true, cut = false;

    while (on) {
        const bool last = stopping(d, &cut);

        look_after(d);
        if (too_full(d)) {
            on = !last;
            rest(d, WAIT_MS / 4);
            continue;
        }
        d->count = journal_read(d->journal, d->records, GROUP, last ? 0 : WAIT_MS);
        if (d->count > 0)
            on = !cut && drain_group(d);
        else
            on = !last;
    }
    d->check_ms = 0;
    look_after(d);
    if (d->redis && !d->unsure && d->again == 0 && !holds_new(d))
        journal_release(d->journal, INT64_MAX);
    disconnect(d);
    pthread_mutex_lock(&d->mutex);
    d->ended = true;
    pthread_cond_broadcast(&d->changed);
    pthread_mutex_unlock(&d->mutex);
    return NULL;
}

static void drain_free(struct drain *d)
{
    for (size_t n = 0; n < d->used_count; n++) {
        free(d->slots[d->used[n]]->parts);
        free(d->slots[d->used[n]]);
    }
    strbuf_deinit(&d->out);
    pthread_cond_destroy(&d->changed);
    pthread_mutex_destroy(&d->mutex);
    free(d);
}

struct drain *drain_start(const struct drain_tools *tools, struct err *err)
{
    struct drain *d = xcalloc(1, sizeof(*d));
    pthread_condattr_t monotonic;

    d->tools = *tools;
    d->journal = tools->journal;
    d->url = tools->url;
    d->resolver = tools->resolver;
    d->mark_ms = tools->config->dedupe_window_minutes * 60 * 1000;
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
