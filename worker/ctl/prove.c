/* prove.c - shopstreamctl prove: what became of every event that the streams still keep.
 *
 * In:      the streams with their groups, dead letters and discarded ones; MongoDB.
 * Out:     one end for each entry, and what was cut off before anybody had read it.
 * Fails:   when Redis or MongoDB cannot be asked: half a proof is none.
 * Thread:  the only one; the programs go on meanwhile.
 * Why so:  everything moves while it is counted, and only in one direction: undelivered -> pending -> written -> acked, or
 *          parked -> stream. So what may come later is read first: parked needs, then the pending lists, then the streams,
 *          then the documents. What still looks lost then is looked up again by its entity, needs included, before it
 *          is called so. "Reflected" is the worker's own rule (freshness.h), applied by the worker's own lookup. */
#include "worker/ctl/prove.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "common/arena.h"
#include "common/clock.h"
#include "common/keys.h"
#include "common/number.h"
#include "common/strbuf.h"
#include "worker/delivery.h"
#include "worker/group.h"
#include "worker/held.h"
#include "worker/lookup.h"
#include "worker/parked.h"
#include "worker/raw_event.h"
#include "worker/swept.h"
#include "worker/xinfo.h"

enum { PAGE = 1000, PENDING_PAGE = 10000, ARENA_FIRST = 1 << 20, ARENA_LIMIT = 256 << 20 };

struct entity {
    uint64_t hash;    /* 0 = empty */
    int64_t until_ms; /* its events up to that entry_ms are meant */
};

/* Entities, found by their hashes. */
struct entities {
    struct entity *slots; /* owned */
    size_t capacity;      /* a power of two */
    size_t count;
};

struct prove {
    const struct config *config;
    struct link *link;
    struct store *store;
    const struct streams *streams;
    struct proof *out;
    struct err *err;
    int64_t since_ms;
    struct redis_time time;
    struct freshness freshness;
    struct held pending;   /* delivered, not acknowledged */
    struct held dead;      /* first ids of dead letters */
    struct held discarded; /* the same of discarded ones */
    struct held origins;   /* first ids of replayed ones */
    struct entities
        open[PROVE_ENDS];         /* entities that are parked, or have something pending, dead or discarded */
    struct held_id *read_to;      /* per stream: last delivered id of the group */
    struct message_list suspects; /* acknowledged, and nothing shows them yet */
    struct arena *arena;
};

static const char *const end_names[PROVE_ENDS] = {"reflected", "gone",   "behind",    "raw",
                                                  "replayed",  "dead",   "discarded", "parked",
                                                  "pending",   "future", "lost"};

const char *prove_end_name(enum prove_end end)
{
    return end_names[end];
}

/* --- entities -------------------------------------------------------------------------------------- */

/* Of "<kind>:<_id>", never 0. */
static uint64_t entity_hash(const char *text, size_t length)
{
    uint64_t hash = XXH3_64bits(text, length);

    return hash ? hash : 1;
}

static size_t entity_slot(const struct entities *e, uint64_t hash)
{
    size_t at = (size_t)hash & (e->capacity - 1);

    while (e->slots[at].hash != 0 && e->slots[at].hash != hash)
        at = (at + 1) & (e->capacity - 1);
    return at;
}

static void entities_add(struct entities *e, uint64_t hash, int64_t until_ms)
{
    struct entity *slot;

    if (4 * (e->count + 1) > 3 * e->capacity) {
        struct entities old = *e;

        e->capacity = old.capacity ? 2 * old.capacity : 1024;
        e->slots = xcalloc(e->capacity, sizeof(*e->slots));
        for (size_t i = 0; i < old.capacity; i++)
            if (old.slots[i].hash != 0)
                e->slots[entity_slot(e, old.slots[i].hash)] = old.slots[i];
        free(old.slots);
    }
    slot = &e->slots[entity_slot(e, hash)];
    if (slot->hash == 0) {
        *slot = (struct entity){hash, until_ms};
        e->count++;
    } else if (slot->until_ms < until_ms) {
        slot->until_ms = until_ms;
    }
}

/* The entity is among them, and its event of that time is meant. */
static bool entities_have(const struct entities *e, uint64_t hash, int64_t entry_ms)
{
    const struct entity *slot = e->capacity > 0 ? &e->slots[entity_slot(e, hash)] : NULL;

    return slot && slot->hash == hash && entry_ms <= slot->until_ms;
}

static uint64_t need_entity(const struct need *n)
{
    struct strbuf text = STRBUF_INIT;
    uint64_t hash;

    strbuf_add_text(&text, entry_kind_name(n->kind));
    strbuf_add_char(&text, ':');
    strbuf_add_text(&text, n->doc_id);
    hash = entity_hash(text.data, text.length);
    strbuf_deinit(&text);
    return hash;
}

/* --- Redis ----------------------------------------------------------------------------------------- */

/* An array reply; NULL: err. */
static redisReply *ask(struct prove *p, int argc, const char **argv)
{
    redisReply *r = link_call(p->link, argc, argv, NULL, p->err);

    if (r && r->type != REDIS_REPLY_ARRAY) {
        link_refused(p->link, r, argv[0], p->err);
        freeReplyObject(r);
        r = NULL;
    }
    return r;
}

/* Calls visit for every entry of a stream from `from` on, page by page. False: err. */
typedef bool (*visit_page)(struct prove *p, int stream, const redisReply *page);

static bool walk(struct prove *p, const char *key, int stream, const char *from, visit_page visit)
{
    char next[STREAM_ID_MAX + 1], count[24];
    const char *argv[] = {"XRANGE", key, next, "+", "COUNT", count};
    bool more = true;

    number_format_i64(count, PAGE);
    snprintf(next, sizeof(next), "%s", from);
    while (more) {
        redisReply *page = ask(p, 6, argv);
        bool ok = page && visit(p, stream, page);

        more = ok && page->elements == PAGE;
        if (more)
            snprintf(next, sizeof(next), "(%s", delivery_id(page->element[PAGE - 1]));
        freeReplyObject(page);
        if (!ok)
            return false;
    }
    return true;
}

static const redisReply *value_of(const redisReply *entry, const char *name)
{
    const redisReply *fields = entry->elements == 2 ? entry->element[1] : NULL;

    for (size_t i = 0; fields && i + 1 < fields->elements; i += 2)
        if (strcmp(fields->element[i]->str, name) == 0)
            return fields->element[i + 1];
    return NULL;
}

/* Adds an id of a partition's live or bulk stream. */
static void add_id(struct held *set, const char *text, int stream)
{
    struct held_id id;

    if (text && held_id_parse(stream, text, &id))
        held_add(set, &id);
}

/* The stream a letter came from, as `_stream` tells; the live one of its partition when it does not. */
static int stream_of_letter(const struct prove *p, const redisReply *entry, int partition)
{
    const redisReply *name = value_of(entry, "_stream");
    int bulk = streams_bulk(partition);

    return name && strcmp(name->str, p->streams->items[bulk].key) == 0 ? bulk : streams_live(partition);
}

/* The entity of an entry has that end, its events up to until_ms included. */
static void entry_is_open(struct prove *p, int stream, const redisReply *entry, enum prove_end end,
                          int64_t until_ms)
{
    struct message *m = delivery_message(stream, entry, NULL);
    struct pool *pool;

    if (!m || !m->readable || !group_is_entity(&m->entry.platform, m->entry.kind)) {
        message_free(m);
        return;
    }
    pool = pool_new();
    entities_add(&p->open[end], need_entity(pool_add(pool, m, false)), until_ms);
    pool_free(pool);
}

/* A letter speaks for its entity up to its own event: what came later was judged without it. */
static bool take_letters(struct prove *p, int partition, const redisReply *page, struct held *set,
                         enum prove_end end)
{
    for (size_t i = 0; i < page->elements; i++) {
        const redisReply *entry = page->element[i], *first = value_of(entry, "_id"),
                         *origin = value_of(entry, "_origin");
        int stream = stream_of_letter(p, entry, partition);
        struct held_id id;

        add_id(set, first ? first->str : NULL, stream);
        add_id(&p->origins, origin ? origin->str : NULL, stream);
        if (first && held_id_parse(stream, first->str, &id))
            entry_is_open(p, stream, entry, end, (int64_t)id.ms);
    }
    return true;
}

static bool take_dead(struct prove *p, int partition, const redisReply *page)
{
    return take_letters(p, partition, page, &p->dead, PROVE_DEAD);
}

static bool take_discarded(struct prove *p, int partition, const redisReply *page)
{
    return take_letters(p, partition, page, &p->discarded, PROVE_DISCARDED);
}

static bool read_letters(struct prove *p, int partition)
{
    char key[KEYS_STREAM_MAX];

    keys_discarded(key, partition);
    return walk(p, p->streams->items[streams_live(partition)].dead, partition, "-", take_dead) &&
           walk(p, key, partition, "-", take_discarded);
}

/* Everything delivered and not acknowledged. */
static bool read_pending(struct prove *p, int stream)
{
    char next[STREAM_ID_MAX + 1] = "-", count[24];
    const char *argv[] = {"XPENDING", p->streams->items[stream].key, KEYS_GROUP, next, "+", count};
    size_t got;

    number_format_i64(count, PENDING_PAGE);
    do {
        redisReply *r = ask(p, 6, argv);

        if (!r)
            return false;
        got = r->elements;
        for (size_t i = 0; i < got; i++)
            add_id(&p->pending, r->element[i]->element[0]->str, stream);
        if (got > 0)
            snprintf(next, sizeof(next), "(%s", r->element[got - 1]->element[0]->str);
        freeReplyObject(r);
    } while (got == PENDING_PAGE);
    return true;
}

/* --- what a stream has come to, remembered between runs --------------------------------------------- */

/* What the last run saw of the stream; -1: nothing. False: err. */
static bool remembered(struct prove *p, const char *key, int64_t *added)
{
    bson_t filter = BSON_INITIALIZER;
    mongoc_cursor_t *cursor;
    const bson_t *doc;
    bson_error_t error;
    bson_iter_t it;
    bool failed;

    *added = -1;
    BSON_APPEND_UTF8(&filter, "_id", key);
    cursor = mongoc_collection_find_with_opts(store_collection(p->store, "proofs"), &filter, NULL, NULL);
    if (mongoc_cursor_next(cursor, &doc) && bson_iter_init_find(&it, doc, "entries_added"))
        *added = bson_iter_as_int64(&it);
    failed = mongoc_cursor_error(cursor, &error);
    if (failed)
        err_set(p->err, ERR_MONGO, (int)error.code, "MongoDB: proofs: %s", error.message);
    mongoc_cursor_destroy(cursor);
    bson_destroy(&filter);
    return !failed;
}

static bool remember(struct prove *p, const char *key, int64_t added)
{
    bson_t *filter = BCON_NEW("_id", BCON_UTF8(key));
    bson_t *update = BCON_NEW("$set", "{", "entries_added", BCON_INT64(added), "at",
                              BCON_DATE_TIME(p->freshness.now_ms), "}");
    bson_t *opts = BCON_NEW("upsert", BCON_BOOL(true));
    bson_error_t error;
    bool ok = mongoc_collection_update_one(store_collection(p->store, "proofs"), filter, update, opts, NULL,
                                           &error);

    if (!ok)
        err_set(p->err, ERR_MONGO, (int)error.code, "MongoDB: proofs: %s", error.message);
    bson_destroy(opts);
    bson_destroy(update);
    bson_destroy(filter);
    return ok;
}

static bool compare_with_last(struct prove *p, int stream, int64_t added)
{
    struct prove_stream *s = &p->out->streams[stream];
    const char *key = p->streams->items[stream].key;
    int64_t before;

    if (!remembered(p, key, &before))
        return false;
    if (added < before) {
        s->fell = true;
        s->fell_by = before - added;
    }
    return added == before || (added == 0 && before < 0) || remember(p, key, added);
}

/* What the safe trim has removed; it never removes what is unread. 0: it has counted nothing of this stream. False: err. */
static bool read_safely_trimmed(struct prove *p, int stream, int64_t added, int64_t *count)
{
    char key[KEYS_STREAM_MAX];
    redisReply *r;
    int64_t at;

    keys_trimmed(key, p->streams->items[stream].key);
    r = link_call(p->link, 2, (const char *[]){"GET", key}, NULL, p->err);
    if (!r)
        return false;
    *count = 0;
    if (r->type == REDIS_REPLY_STRING) {
        size_t n = strcspn(r->str, " ");

        if (!number_i64(r->str, n, count) || r->str[n] == '\0' ||
            !number_i64(r->str + n + 1, strlen(r->str + n + 1), &at) || at > added)
            *count = 0;
    }
    freeReplyObject(r);
    return true;
}

/* Entries cut off before the group had read them: of those that were added and are no longer there, at most as many as
 * somebody else has removed. The group's own count alone does not tell: after a restart of Redis 7.0 it may be missing, and
 * after many crashes it was seen to stay too low. */
static void note_trimmed(struct prove_stream *s, int64_t trimmed, int64_t safely, int64_t entries_read)
{
    int64_t by_others = trimmed - safely;

    if (entries_read < 0 || trimmed <= entries_read || by_others <= 0)
        return;
    s->trimmed_unread = trimmed - entries_read < by_others ? trimmed - entries_read : by_others;
}

/* The group's last delivered id, and what the counters tell. False: err. */
static bool read_group(struct prove *p, int stream, int64_t added, int64_t length)
{
    struct prove_stream *s = &p->out->streams[stream];
    const char *argv[] = {"XINFO", "GROUPS", p->streams->items[stream].key};
    redisReply *groups;
    int64_t safely;

    if (!read_safely_trimmed(p, stream, added, &safely))
        return false;
    groups = ask(p, 3, argv);
    if (!groups)
        return false;
    s->no_group = length > 0;
    for (size_t i = 0; i < groups->elements; i++) {
        const redisReply *g = groups->element[i], *name = xinfo_member(g, "name"),
                         *last = xinfo_member(g, "last-delivered-id");

        if (!name || strcmp(name->str, KEYS_GROUP) != 0)
            continue;
        s->no_group = false;
        if (last && !held_id_parse(stream, last->str, &p->read_to[stream]))
            p->read_to[stream] = (struct held_id){.stream = stream};
        note_trimmed(s, added - length, safely, xinfo_number(g, "entries-read", -1));
    }
    freeReplyObject(groups);
    return s->no_group || read_pending(p, stream);
}

static bool read_stream_state(struct prove *p, int stream)
{
    const char *argv[] = {"XINFO", "STREAM", p->streams->items[stream].key};
    redisReply *r = link_call(p->link, 3, argv, NULL, p->err);
    int64_t added = 0, length = 0;

    if (r && r->type == REDIS_REPLY_ARRAY) {
        p->out->streams[stream].exists = true;
        added = xinfo_number(r, "entries-added", 0);
        length = xinfo_number(r, "length", 0);
    } else if (r && !link_error_is(r, "ERR")) { /* "ERR no such key" is an answer */
        link_refused(p->link, r, argv[0], p->err);
        freeReplyObject(r);
        return false;
    }
    if (!r)
        return false;
    freeReplyObject(r);
    return compare_with_last(p, stream, added) &&
           (!p->out->streams[stream].exists || read_group(p, stream, added, length));
}

/* --- MongoDB --------------------------------------------------------------------------------------- */

/* Entities that the documents of a collection name in a field. False: err. */
static bool read_open(struct prove *p, const char *collection, const char *field)
{
    bson_t filter = BSON_INITIALIZER, *opts = BCON_NEW("projection", "{", field, BCON_INT32(1), "}");
    mongoc_cursor_t *cursor =
        mongoc_collection_find_with_opts(store_collection(p->store, collection), &filter, opts, NULL);
    const bson_t *doc;
    bson_error_t error;
    bson_iter_t it, found;
    bool failed;

    while (mongoc_cursor_next(cursor, &doc)) {
        uint32_t length;
        const char *id;

        if (!bson_iter_init(&it, doc) || !bson_iter_find_descendant(&it, field, &found) ||
            !BSON_ITER_HOLDS_UTF8(&found))
            continue;
        id = bson_iter_utf8(&found, &length);
        entities_add(&p->open[PROVE_PARKED], entity_hash(id, length), INT64_MAX);
    }
    failed = mongoc_cursor_error(cursor, &error);
    if (failed)
        err_set(p->err, ERR_MONGO, (int)error.code, "MongoDB: %s: %s", collection, error.message);
    mongoc_cursor_destroy(cursor);
    bson_destroy(opts);
    bson_destroy(&filter);
    return !failed;
}

/* Entities that are parked, or on their way back: Redis may lose their entries yet (swept.h). False: err. */
static bool read_needs(struct prove *p)
{
    return read_open(p, PARKED_COLLECTION, "_id") && read_open(p, SWEPT_COLLECTION, "need._id");
}

/* Which _ids of a collection are there, of `ids` (an array document); each found one is passed on. False: err. */
typedef void (*found_id)(void *context, const char *id, const bson_t *doc);

static bool find_ids(struct prove *p, const char *collection, const bson_t *ids, found_id found,
                     void *context)
{
    bson_t *filter = BCON_NEW("_id", "{", "$in", BCON_ARRAY(ids), "}");
    bson_t *opts = BCON_NEW("projection", "{", "_id", BCON_INT32(1), "behind", BCON_INT32(1), "}");
    mongoc_cursor_t *cursor =
        mongoc_collection_find_with_opts(store_collection(p->store, collection), filter, opts, NULL);
    const bson_t *doc;
    bson_error_t error;
    bson_iter_t it;
    bool failed;

    while (mongoc_cursor_next(cursor, &doc))
        if (bson_iter_init_find(&it, doc, "_id") && BSON_ITER_HOLDS_UTF8(&it))
            found(context, bson_iter_utf8(&it, NULL), doc);
    failed = mongoc_cursor_error(cursor, &error);
    if (failed)
        err_set(p->err, ERR_MONGO, (int)error.code, "MongoDB: %s: %s", collection, error.message);
    mongoc_cursor_destroy(cursor);
    bson_destroy(opts);
    bson_destroy(filter);
    return !failed;
}

/* --- the ends of acknowledged entries -------------------------------------------------------------- */

static void count(struct prove *p, enum prove_end end)
{
    p->out->ends[end]++;
}

static void lose(struct prove *p, const struct message *m)
{
    struct proof *out = p->out;
    struct prove_loss *loss = &out->losses[out->ends[PROVE_LOST]];

    if (out->ends[PROVE_LOST] < PROVE_SHOWN) {
        snprintf(loss->stream, sizeof(loss->stream), "%s", p->streams->items[m->stream].key);
        snprintf(loss->stream_id, sizeof(loss->stream_id), "%s", m->stream_id);
        snprintf(loss->entity, sizeof(loss->entity), "%s %.*s:%.*s:%.*s", entry_kind_name(m->entry.kind),
                 (int)m->entry.platform.length, m->entry.platform.data, (int)m->entry.shop.length,
                 m->entry.shop.data, (int)m->entry.id.length, m->entry.id.data);
    }
    count(p, PROVE_LOST);
}

/* Where a clock has stepped the event is no younger than its receipt. */
static bool reflected(struct prove *p, const struct need *n, struct message *m)
{
    const struct stored *s = &n->stored;
    int64_t entry_ms = m->entry_ms, received = m->entry.recv_ms + p->freshness.skew_ms;
    bool yes;

    if (!s->exists)
        return false;
    yes = freshness_reflects(&p->freshness, s->version, s->fetched_ms, s->deleted, m);
    if (yes || received >= entry_ms)
        return yes;
    m->entry_ms = received;
    yes = freshness_reflects(&p->freshness, s->version, s->fetched_ms, s->deleted, m);
    m->entry_ms = entry_ms;
    return yes;
}

/* What an event's entity says when its document does not show it. PROVE_LOST: nothing. */
static enum prove_end end_of_entity(const struct prove *p, const struct need *n, const struct message *m)
{
    static const enum prove_end ends[] = {PROVE_PENDING, PROVE_DEAD, PROVE_DISCARDED, PROVE_PARKED};
    const uint64_t hash = need_entity(n);

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        if (entities_have(&p->open[ends[i]], hash, m->entry_ms))
            return ends[i];
    return PROVE_LOST;
}

struct judging {
    struct prove *prove;
    bool last; /* what is not shown now is lost, or cared for by its entity */
};

/* Judges the messages of one looked-up need; those nothing shows become suspects, or their last end. */
static void judge_need(void *context, struct need *n)
{
    struct judging *j = context;
    struct prove *p = j->prove;
    struct message *m;
    enum prove_end end;

    while ((m = message_pop(&n->messages)) != NULL) {
        if (n->state == NEED_JUDGED || reflected(p, n, m)) {
            count(p, n->stored.deleted ? PROVE_GONE : PROVE_REFLECTED);
        } else if (!j->last) {
            message_append(&p->suspects, m);
            continue;
        } else if (n->behind) {
            count(p, PROVE_BEHIND);
        } else if ((end = end_of_entity(p, n, m)) != PROVE_LOST) {
            count(p, end);
        } else if (n->stored.exists && m->entry_ms > p->freshness.now_ms) {
            count(p, PROVE_FUTURE);
        } else {
            lose(p, m);
        }
        message_free(m);
    }
}

static void mark_behind(void *context, const char *id, const bson_t *doc)
{
    struct need **needs = context;

    for (; *needs; needs++)
        if (strcmp((*needs)->doc_id, id) == 0 && bson_has_field(doc, "behind"))
            (*needs)->behind = true;
}

/* Which of the needs' documents say that they are behind. */
static bool read_behind(struct prove *p, struct pool *pool)
{
    bool ok = true;

    for (int kind = 0; kind < ENTRY_KINDS && ok; kind++) {
        const char *collection = store_collection_of((enum entry_kind)kind);
        bson_t ids = BSON_INITIALIZER;
        struct need **waiting, **of_kind;
        size_t n, used = 0;

        waiting = pool_collect(pool, NEED_WAITING, p->arena, &n);
        of_kind = xcalloc(n + 1, sizeof(*of_kind));
        for (size_t i = 0; collection && i < n; i++) {
            char buffer[16];
            const char *key;

            if ((int)waiting[i]->kind != kind)
                continue;
            bson_uint32_to_string((uint32_t)used, &key, buffer, sizeof(buffer));
            BSON_APPEND_UTF8(&ids, key, waiting[i]->doc_id);
            of_kind[used++] = waiting[i];
        }
        ok = used == 0 || find_ids(p, collection, &ids, mark_behind, of_kind);
        free(of_kind);
        bson_destroy(&ids);
    }
    return ok;
}

/* Asks MongoDB for the entities of these messages and judges them. Takes them. */
static bool judge_entities(struct prove *p, struct message_list *messages, bool last)
{
    struct judging j = {p, last};
    struct pool *pool = pool_new();
    struct message *m;
    bool ok;

    while ((m = message_pop(messages)) != NULL)
        pool_add(pool, m, false);
    arena_reset(p->arena);
    ok = lookup_fill(pool, p->store, p->config, &p->freshness, p->arena, p->err) &&
         (!last || read_behind(p, pool));
    if (ok)
        pool_each(pool, judge_need, &j);
    pool_free(pool);
    return ok;
}

static void mark_raw(void *context, const char *id, const bson_t *doc)
{
    (void)doc;
    entities_add(context, entity_hash(id, strlen(id)), INT64_MAX);
}

/* Raw events: there, or older than they are kept. Takes them. */
static bool judge_raw(struct prove *p, struct message_list *messages)
{
    int64_t kept_from = p->freshness.now_ms - p->config->webhook_events_keep_days * 24 * 3600 * 1000;
    struct entities found = {0};
    bson_t ids = BSON_INITIALIZER;
    struct message *m;
    uint32_t n = 0;
    bool ok;

    arena_reset(p->arena);
    for (m = messages->first; m; m = m->next) {
        const char *id = raw_event_id(&m->entry, p->arena, NULL), *key;
        char buffer[16];

        bson_uint32_to_string(n, &key, buffer, sizeof(buffer));
        if (id && BSON_APPEND_UTF8(&ids, key, id))
            n++;
    }
    ok = n == 0 || find_ids(p, "webhook_events", &ids, mark_raw, &found);
    arena_reset(p->arena);
    while ((m = message_pop(messages)) != NULL) {
        const char *id = raw_event_id(&m->entry, p->arena, NULL);

        if (!ok) {
            message_free(m);
            continue;
        }
        if (m->entry.recv_ms < kept_from || (id && entities_have(&found, entity_hash(id, strlen(id)), 0)))
            count(p, PROVE_RAW);
        else
            lose(p, m);
        message_free(m);
    }
    free(found.slots);
    bson_destroy(&ids);
    return ok;
}

/* --- the walk -------------------------------------------------------------------------------------- */

static bool later(const struct held_id *a, const struct held_id *b)
{
    return a->ms != b->ms ? a->ms > b->ms : a->seq > b->seq;
}

/* The end of an entry as Redis alone knows it; PROVE_LOST: acknowledged, MongoDB must tell. */
static enum prove_end end_in_redis(struct prove *p, const struct held_id *id)
{
    if (p->out->streams[id->stream].no_group || later(id, &p->read_to[id->stream]))
        return PROVE_PENDING;
    if (held_remove(&p->pending, id)) /* what is left over at the end has no entry any more */
        return PROVE_PENDING;
    if (held_has(&p->dead, id))
        return PROVE_DEAD;
    if (held_has(&p->discarded, id))
        return PROVE_DISCARDED;
    return PROVE_LOST;
}

/* Acknowledged entries of a page, sorted by who can tell. */
struct page_lists {
    struct message_list entities;
    struct message_list raw;
};

static void take_acknowledged(struct prove *p, int stream, const redisReply *entry, struct page_lists *lists)
{
    struct message *m = delivery_message(stream, entry, NULL);

    if (!m)
        return;
    if (!m->readable)
        message_append(&p->suspects, m); /* can only be a dead letter, perhaps replayed */
    else
        message_append(group_is_entity(&m->entry.platform, m->entry.kind) ? &lists->entities : &lists->raw,
                       m);
}

static bool take_page(struct prove *p, int stream, const redisReply *page)
{
    struct prove_stream *s = &p->out->streams[stream];
    struct page_lists lists = {0};

    for (size_t i = 0; i < page->elements; i++) {
        const redisReply *entry = page->element[i], *origin = value_of(entry, "_origin");
        const char *text = delivery_id(entry);
        enum prove_end end;
        struct held_id id;

        if (!text || !held_id_parse(stream, text, &id))
            continue;
        if (s->entries++ == 0)
            snprintf(s->oldest, sizeof(s->oldest), "%s", text);
        if (origin) { /* of a letter of either stream of the partition */
            add_id(&p->origins, origin->str, streams_live(streams_partition(stream)));
            add_id(&p->origins, origin->str, streams_bulk(streams_partition(stream)));
        }
        end = end_in_redis(p, &id);
        if (end == PROVE_LOST) {
            take_acknowledged(p, stream, entry, &lists);
            continue;
        }
        if (end == PROVE_PENDING)
            entry_is_open(p, stream, entry, PROVE_PENDING, INT64_MAX);
        count(p, end);
    }
    return judge_entities(p, &lists.entities, false) && judge_raw(p, &lists.raw);
}

static bool walk_stream(struct prove *p, int stream)
{
    char from[STREAM_ID_MAX] = "-";

    if (p->since_ms > 0)
        number_format_i64(from, p->since_ms);
    return walk(p, p->streams->items[stream].key, stream, from, take_page);
}

/* Pending ids that no entry was met for: the walk has taken all others out. Only a walk from the beginning can tell. */
static void count_bodiless(struct prove *p)
{
    struct held_id *left = xcalloc(p->pending.count + 1, sizeof(*left));
    size_t n = held_list(&p->pending, left);

    for (size_t i = 0; i < n && p->since_ms == 0; i++)
        p->out->streams[left[i].stream].bodiless++;
    free(left);
}

/* A suspect that has another life, or whose letter was given up, is no loss. */
static bool has_another_life(struct prove *p, const struct message *m)
{
    struct held_id id;

    if (!held_id_parse(m->stream, m->stream_id, &id))
        return false;
    if (held_has(&p->origins, &id)) {
        count(p, PROVE_REPLAYED);
        return true;
    }
    return false;
}

/* The last look: needs again (the sweep may have parked or freed some meanwhile), then the documents. */
static bool judge_suspects(struct prove *p)
{
    struct message_list left = {0};
    struct message *m;

    if (p->suspects.count == 0)
        return true;
    while ((m = message_pop(&p->suspects)) != NULL) {
        if (has_another_life(p, m)) {
            message_free(m);
        } else if (!m->readable) {
            lose(p, m);
            message_free(m);
        } else {
            message_append(&left, m);
        }
    }
    return read_needs(p) && judge_entities(p, &left, true);
}

static bool run(struct prove *p)
{
    int partitions = streams_most(p->streams), count = (int)p->out->stream_count;
    bool ok = redis_time_sync(&p->time, p->link, p->err);

    p->freshness = (struct freshness){
        .now_ms = redis_time_now_ms(&p->time), .skew_ms = p->config->clock_skew_ms, .settled_counts = true};
    ok = ok && read_needs(p);
    for (int s = 0; ok && s < count; s++)
        ok = read_stream_state(p, s);
    for (int partition = 0; ok && partition < partitions; partition++)
        ok = read_letters(p, partition);
    for (int s = 0; ok && s < count; s++)
        ok = walk_stream(p, s);
    if (ok)
        count_bodiless(p);
    ok = ok && redis_time_sync(&p->time, p->link, p->err);
    p->freshness.now_ms = redis_time_now_ms(&p->time);
    return ok && judge_suspects(p);
}

bool prove_run(const struct config *config, struct link *l, struct store *store,
               const struct streams *streams, int64_t since_ms, struct proof *out, struct err *err)
{
    struct prove p = {.config = config,
                      .link = l,
                      .store = store,
                      .streams = streams,
                      .out = out,
                      .err = err,
                      .since_ms = since_ms};
    bool ok;

    *out = (struct proof){.stream_count = streams_count(streams)};
    out->streams = xcalloc(out->stream_count, sizeof(*out->streams));
    p.read_to = xcalloc(out->stream_count, sizeof(*p.read_to));
    p.arena = arena_new(ARENA_FIRST, ARENA_LIMIT);
    ok = run(&p);
    message_list_deinit(&p.suspects);
    arena_free(p.arena);
    free(p.read_to);
    for (size_t i = 0; i < PROVE_ENDS; i++)
        free(p.open[i].slots);
    held_deinit(&p.origins);
    held_deinit(&p.discarded);
    held_deinit(&p.dead);
    held_deinit(&p.pending);
    return ok;
}

void proof_deinit(struct proof *p)
{
    free(p->streams);
    *p = (struct proof){0};
}

bool proof_has_finding(const struct proof *p)
{
    for (size_t i = 0; i < p->stream_count; i++) {
        const struct prove_stream *s = &p->streams[i];

        if (s->no_group || s->trimmed_unread > 0 || s->bodiless > 0 || (s->fell && !s->healed))
            return true;
    }
    return p->ends[PROVE_LOST] > 0 || p->ends[PROVE_FUTURE] > 0;
}
