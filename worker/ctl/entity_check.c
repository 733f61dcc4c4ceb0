/* entity_check.c - shopstreamctl: one entity at the marketplace against its document, and writing it.
 *
 * In:      which entity.
 * Out:     what would change, and whether it was written.
 * Fails:   by its end and a sentence.
 * Thread:  the tool's.
 *
 *   read ──▶ need of one made-up event ──lookup──▶ dto_build ──▶ compare with the whole document ──apply──▶ upsert_flush
 *
 * Why so:  the event is stamped a moment before the request, so the answer reflects it and the write settles it. A document
 *          that somebody changed by hand still has the hash of what a worker wrote, and stage 6 would only move its version on:
 *          where something differs, the stored hash is forgotten, so that the whole state is sent. The guard stays. */
#include "worker/ctl/entity_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/log.h"
#include "common/number.h"
#include "common/strbuf.h"
#include "worker/credentials.h"
#include "worker/ctl/entity_diff.h"
#include "worker/dto.h"
#include "worker/freshness.h"
#include "worker/lookup.h"
#include "worker/upsert.h"

enum {
    ARENA_FIRST = 1 << 20,
    ARENA_LIMIT = 64 << 20,
    SHOP_KEEP_MS = 5000, /* tokens change while a long check runs */
};

struct entity_checker {
    struct config config; /* the tool's, but everything is read whatever is stored; texts borrowed */
    struct store *store;  /* borrowed */
    struct link *link;    /* borrowed */
    struct credentials *credentials; /* owned */
    struct shop_cache *shops;        /* owned */
    struct entity_reader *reader;    /* owned */
    struct arena *arena;             /* owned */
};

const char *check_end_name(enum check_end end)
{
    static const char *const names[] = {
        [CHECK_EQUAL] = "equal",     [CHECK_DIFFERS] = "differs",   [CHECK_ABSENT] = "absent",
        [CHECK_GONE] = "gone",       [CHECK_MISSING] = "missing",   [CHECK_NEWER] = "newer",
        [CHECK_NOWHERE] = "nowhere", [CHECK_UNSTORED] = "unstored", [CHECK_REFUSED] = "refused",
        [CHECK_AWAY] = "away",
    };

    return names[end];
}

void check_deinit(struct check *c)
{
    json_decref(c->changes);
    free(c->doc_id);
    yyjson_doc_free(c->read.json);
    *c = (struct check){0};
}

struct entity_checker *entity_checker_new(struct ctl *ctl, bool background, struct err *err)
{
    struct entity_checker *k = xcalloc(1, sizeof(*k));

    k->config = *ctl->config;
    k->config.fetch_policy = CONFIG_FETCH_ALWAYS;
    k->credentials = credentials_new(ctl->config->credentials_key, err);
    k->link = k->credentials ? ctl_link(ctl, err) : NULL;
    k->store = k->link ? ctl_store(ctl, err) : NULL;
    if (k->store)
        k->shops = shop_cache_new(k->store, k->credentials, SHOP_KEEP_MS);
    if (k->shops)
        k->reader = entity_reader_new(&k->config, k->link, k->shops, background, err);
    if (k->reader) {
        k->arena = arena_new(ARENA_FIRST, ARENA_LIMIT);
        return k;
    }
    entity_checker_free(k);
    return NULL;
}

void entity_checker_free(struct entity_checker *k)
{
    if (!k)
        return;
    arena_free(k->arena);
    entity_reader_free(k->reader);
    shop_cache_free(k->shops);
    credentials_free(k->credentials);
    free(k);
}

/* --- a need of one event --------------------------------------------------------------------------------------- */

static struct entry_text text_of(const char *s)
{
    return (struct entry_text){s, strlen(s)};
}

static bool no_body(const struct entry *e)
{
    (void)e;
    return false;
}

static struct message *event_of(const struct entity_name *name, int64_t fetched_ms)
{
    char stored[24], id[STREAM_ID_MAX], trace[40];
    struct entry_text fields[24];
    size_t n = 0;

    number_format_i64(stored, fetched_ms - 1);
    snprintf(id, sizeof(id), "%s-0", stored);
    snprintf(trace, sizeof(trace), "fetch-%s", stored);
    const char *pairs[][2] = {{"v", "1"},
                              {"platform", name->platform->name},
                              {"shop", name->shop},
                              {"topic", "fetch"},
                              {"kind", entry_kind_name(name->kind)},
                              {"id", name->id},
                              {"recv_ms", stored},
                              {"key", trace},
                              {"src", "fetch"},
                              {"trace", trace},
                              {"return_kind", name->return_kind}};

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]) && *pairs[i][1]; i++) {
        fields[n++] = text_of(pairs[i][0]);
        fields[n++] = text_of(pairs[i][1]);
    }
    return message_new(0, id, fields, n, no_body);
}

/* What one check works with; ends with it. */
struct work {
    struct entity_checker *k;
    const struct entity_name *name;
    struct check *out;
    struct err *err;
    struct pool *pool; /* owned */
    struct need *need; /* in the pool */
    struct freshness f;
    bson_t *stored;              /* owned; NULL = no document */
    struct message_list settled; /* owned */
};

static bool sync_time(struct work *w)
{
    struct redis_time time = {0};

    if (!redis_time_sync(&time, w->k->link, w->err))
        return false;
    w->f = (struct freshness){
        .now_ms = redis_time_now_ms(&time), .skew_ms = w->k->config.clock_skew_ms, .settled_counts = true};
    return true;
}

static int64_t int_field(const bson_t *doc, const char *key)
{
    bson_iter_t it;

    return doc && bson_iter_init_find(&it, doc, key) ? bson_iter_as_int64(&it) : 0;
}

/* The whole document, as it stands now. False: MongoDB is away. */
static bool read_stored(struct work *w)
{
    bson_t *filter = BCON_NEW("_id", BCON_UTF8(w->need->doc_id));
    mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(
        store_collection(w->k->store, w->out->collection), filter, NULL, NULL);
    const bson_t *doc;
    bson_error_t error;
    bool ok;

    bson_destroy(w->stored);
    w->stored = mongoc_cursor_next(cursor, &doc) ? bson_copy(doc) : NULL;
    ok = !mongoc_cursor_error(cursor, &error);
    if (!ok)
        err_set(w->err, ERR_MONGO, (int)error.code, "MongoDB: %s", error.message);
    mongoc_cursor_destroy(cursor);
    bson_destroy(filter);
    w->out->stored_version = int_field(w->stored, "version");
    w->out->stored_fetched_ms = int_field(w->stored, "fetched_ms");
    return ok;
}

/* --- stage 5 --------------------------------------------------------------------------------------------------- */

static const char *first_error(const struct work *w)
{
    const struct message *m = w->need->messages.first;

    return m && *m->error ? m->error : "no document came of it";
}

/* Nothing was built: said in the event's verdict. */
static enum check_end judged_end(struct work *w, enum read_end read)
{
    const struct message *m = w->need->messages.first;

    if (read != READ_FOUND)
        return w->need->stored.exists ? CHECK_MISSING : CHECK_NOWHERE;
    err_set(w->err, ERR_DATA, 0, "%s: %s", w->need->doc_id, first_error(w));
    return m && m->outcome == OUTCOME_POISON ? CHECK_UNSTORED : CHECK_AWAY;
}

static enum check_end compare(struct work *w, const struct document *d)
{
    const struct stored *s = &w->need->stored;
    bool newer = s->deleted
                     ? s->fetched_ms >= d->fetched_ms
                     : s->version > d->version || (s->version == d->version && s->fetched_ms > d->fetched_ms);

    json_decref(w->out->changes);
    w->out->changes = entity_diff(w->stored, d->set, d->unset);
    w->out->served_version = d->version;
    if (!w->stored)
        return CHECK_ABSENT;
    if (json_array_size(w->out->changes) == 0)
        return CHECK_EQUAL;
    return newer ? CHECK_NEWER : CHECK_DIFFERS;
}

static enum check_end built_end(struct work *w)
{
    const struct document *d = w->need->document;
    bool stored = w->need->stored.exists;

    switch (d->op) {
    case DOCUMENT_FULL:
        return compare(w, d);
    case DOCUMENT_TOMBSTONE:
        return w->need->stored.deleted ? CHECK_EQUAL : CHECK_GONE;
    case DOCUMENT_MISSING:
        return w->need->stored.deleted ? CHECK_EQUAL : CHECK_MISSING;
    case DOCUMENT_MARK: /* an order without transactions; it may have had some */
        return stored ? CHECK_MISSING : CHECK_NOWHERE;
    case DOCUMENT_RAW:
    case DOCUMENT_NEED:
        break;
    }
    fatalx("check: a read became something else", LOG_I("op", d->op));
}

static enum check_end build(struct work *w, enum read_end read)
{
    static const enum answer_kind answers[] = {
        [READ_FOUND] = ANSWER_FOUND, [READ_MISSING] = ANSWER_MISSING, [READ_GONE] = ANSWER_GONE};
    struct need *n = w->need;

    need_enter(w->pool, n, NEED_CALLING);
    n->answer = (struct answer){.kind = answers[read],
                                .json = yyjson_doc_get_root(w->out->read.json),
                                .fetched_ms = w->out->read.fetched_ms,
                                .alone = true};
    need_enter(w->pool, n, NEED_ANSWERED);
    dto_build(w->pool, &w->k->config, &w->f, w->k->arena, shop_channel, w->k->shops);
    return n->state == NEED_BUILT ? built_end(w) : judged_end(w, read);
}

/* --- stage 6 --------------------------------------------------------------------------------------------------- */

/* Did the state we sent, or one that says the same, get there? */
static bool landed(const struct work *w, enum document_op op)
{
    switch (op) {
    case DOCUMENT_FULL:
        return w->out->stored_version == w->out->served_version &&
               w->out->stored_fetched_ms >= w->out->read.fetched_ms;
    case DOCUMENT_TOMBSTONE:
        return !w->stored || bson_has_field(w->stored, "deleted_at");
    default:
        return true;
    }
}

/* The document is freed by the flush, also when it fails. */
static enum check_end apply_it(struct work *w, enum check_end end)
{
    enum document_op op = w->need->document->op;
    const struct message *m;

    if (end == CHECK_DIFFERS)
        w->need->stored.hash[0] = '\0';
    if (!upsert_flush(w->pool, w->k->store, &w->k->config, &w->f, &w->settled, w->err))
        return CHECK_AWAY;
    m = w->need->messages.first;
    if (m && m->outcome == OUTCOME_POISON) {
        err_set(w->err, ERR_DATA, 0, "%s: %s", w->need->doc_id, first_error(w));
        return CHECK_UNSTORED;
    }
    if (!read_stored(w))
        return CHECK_AWAY;
    w->out->applied = landed(w, op);
    return w->out->applied ? end : CHECK_NEWER;
}

/* --- one check ------------------------------------------------------------------------------------------------- */

static enum check_end judge(struct work *w, enum read_end read, bool apply)
{
    struct message *m = event_of(w->name, w->out->read.fetched_ms);
    enum check_end end;

    if (!m->readable) { /* our own arguments: checked before */
        err_set(w->err, ERR_CONFIG, 0, "%s", m->error);
        message_free(m);
        return CHECK_REFUSED;
    }
    w->need = pool_add(w->pool, m, false);
    w->out->doc_id = xstrndup(w->need->doc_id, strlen(w->need->doc_id));
    w->out->collection = store_collection_of(w->name->kind);
    if (!sync_time(w) || !lookup_fill(w->pool, w->k->store, &w->k->config, &w->f, w->k->arena, w->err) ||
        !read_stored(w))
        return CHECK_AWAY;
    end = build(w, read);
    if (apply && w->need->state == NEED_BUILT && end != CHECK_NEWER)
        end = apply_it(w, end);
    if (w->need->document)
        document_free(w->need->document);
    return end;
}

enum check_end entity_check(struct entity_checker *k, const struct entity_name *name, bool apply,
                            struct check *out, struct err *err)
{
    struct work w = {.k = k, .name = name, .out = out, .err = err};
    enum read_end read;

    *out = (struct check){.changes = json_array()};
    read = entity_read(k->reader, name, &out->read, err);
    if (read == READ_REFUSED || read == READ_AWAY) {
        out->end = read == READ_AWAY ? CHECK_AWAY : CHECK_REFUSED;
        return out->end;
    }
    w.pool = pool_new();
    out->end = judge(&w, read, apply);
    message_list_deinit(&w.settled);
    bson_destroy(w.stored);
    pool_free(w.pool);
    arena_reset(k->arena);
    return out->end;
}

/* --- for a person ---------------------------------------------------------------------------------------------- */

static void print_side(struct strbuf *line, const json_t *change, const char *value, const char *type)
{
    const char *name = json_string_value(json_object_get(change, type));

    entity_diff_text(line, json_object_get(change, value));
    if (name)
        strbuf_add_format(line, " (%s)", name);
}

void check_print_changes(const json_t *changes)
{
    struct strbuf line = STRBUF_INIT, plain = STRBUF_INIT;

    for (size_t i = 0; i < json_array_size(changes); i++) {
        const json_t *change = json_array_get(changes, i);

        strbuf_reset(&line);
        strbuf_add_format(&line, "  %-36s ", json_string_value(json_object_get(change, "path")));
        print_side(&line, change, "old", "old_type");
        strbuf_add_text(&line, " -> ");
        print_side(&line, change, "new", "new_type");
        puts(ctl_plain(&plain, strbuf_text(&line), line.length));
    }
    strbuf_deinit(&plain);
    strbuf_deinit(&line);
}
