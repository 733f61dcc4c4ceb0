/* lookup.c - worker, stage 3 of 7: which of these does MongoDB already reflect?
 *
 * In:      needs in state NEW.
 * Out:     DONE, or WAITING with what is stored. One find a collection and a thousand ids, from the primary.
 * Fails:   as a whole: nothing is judged before everything has been read.
 * Thread:  the lane's; blocks.
 * Why so:  it only spares marketplace calls and write conflicts. Another worker may write between this read and our
 *          write, so no correctness rests on it: the guard in the filter decides. Raw needs come here only after a
 *          failed write and pass through, because nothing about them is looked up. */
#include "worker/lookup.h"

#include <stdlib.h>
#include <string.h>

#include "common/metrics.h"
#include "common/strbuf.h"
#include "worker/parked.h"

enum { LOOKUP_SLICE = 1000 };

/* --- one find -------------------------------------------------------------------------------------- */

static int by_id(const void *a, const void *b)
{
    return strcmp((*(struct need *const *)a)->doc_id, (*(struct need *const *)b)->doc_id);
}

static int64_t int_field(const bson_t *row, const char *key)
{
    bson_iter_t it;

    return bson_iter_init_find(&it, row, key) ? bson_iter_as_int64(&it) : 0;
}

static void take_hash(struct stored *s, const bson_t *row)
{
    bson_iter_t it;
    uint32_t length;
    const char *text;

    if (!bson_iter_init_find(&it, row, "content_hash") || !BSON_ITER_HOLDS_UTF8(&it))
        return;
    text = bson_iter_utf8(&it, &length);
    if (length <= CONTENT_HASH_LENGTH)
        memcpy(s->hash, text, length);
}

static struct stored take_stored(const bson_t *row, const struct freshness *f)
{
    struct stored s = {.exists = true};

    s.deleted = bson_has_field(row, "deleted_at");
    s.version = int_field(row, "version");
    s.fetched_ms = freshness_fetched(f, int_field(row, "fetched_ms"));
    s.missing_at_ms = int_field(row, "missing_at_ms");
    take_hash(&s, row);
    return s;
}

/* First of the sorted needs whose _id is not below id. */
static size_t lower_bound(struct need *const *needs, size_t count, const char *id)
{
    size_t low = 0, high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(needs[middle]->doc_id, id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void assign(struct need *const *needs, size_t count, const bson_t *row, const struct freshness *f)
{
    bson_iter_t it;
    const char *id;

    if (!bson_iter_init_find(&it, row, "_id") || !BSON_ITER_HOLDS_UTF8(&it))
        return;
    id = bson_iter_utf8(&it, NULL);
    for (size_t i = lower_bound(needs, count, id); i < count && strcmp(needs[i]->doc_id, id) == 0; i++)
        needs[i]->stored = take_stored(row, f);
}

/* {_id: {$in: [...]}}; an array is a document with index keys. */
static void append_filter(bson_t *to, struct need *const *needs, size_t count)
{
    bson_t term, list = BSON_INITIALIZER;
    char buffer[16];
    const char *key;

    for (size_t i = 0; i < count; i++) {
        size_t length = bson_uint32_to_string((uint32_t)i, &key, buffer, sizeof(buffer));

        bson_append_utf8(&list, key, (int)length, needs[i]->doc_id, -1);
    }
    BSON_APPEND_DOCUMENT_BEGIN(to, "_id", &term);
    BSON_APPEND_ARRAY(&term, "$in", &list);
    bson_append_document_end(to, &term);
    bson_destroy(&list);
}

static void append_opts(bson_t *to)
{
    static const char *const fields[] = {"version", "fetched_ms", "content_hash", "deleted_at",
                                         "missing_at_ms"};
    bson_t projection;

    BSON_APPEND_DOCUMENT_BEGIN(to, "projection", &projection);
    BSON_APPEND_INT32(&projection, "_id", 1);
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        BSON_APPEND_INT32(&projection, fields[i], 1);
    bson_append_document_end(to, &projection);
    BSON_APPEND_INT32(to, "batchSize", LOOKUP_SLICE + 1); /* all in the first reply: no getMore */
}

static bool read_slice(mongoc_collection_t *c, struct need **needs, size_t count, const struct freshness *f,
                       struct err *err)
{
    bson_t filter = BSON_INITIALIZER, opts = BSON_INITIALIZER;
    mongoc_cursor_t *cursor;
    const bson_t *row;
    bson_error_t error = {0};
    bool ok;

    append_filter(&filter, needs, count);
    append_opts(&opts);
    for (size_t i = 0; i < count; i++)
        needs[i]->stored = (struct stored){0};
    cursor = mongoc_collection_find_with_opts(c, &filter, &opts, NULL);
    while (mongoc_cursor_next(cursor, &row))
        assign(needs, count, row, f);
    ok = !mongoc_cursor_error(cursor, &error);
    if (!ok)
        err_set(err, ERR_MONGO, (int)error.code, "MongoDB: find: %s", error.message);
    mongoc_cursor_destroy(cursor);
    bson_destroy(&opts);
    bson_destroy(&filter);
    return ok;
}

bool lookup_read(struct store *store, const char *collection, struct need **needs, size_t count,
                 const struct freshness *f, struct err *err)
{
    qsort(needs, count, sizeof(struct need *), by_id);
    for (size_t at = 0; at < count; at += LOOKUP_SLICE) {
        size_t slice = count - at < LOOKUP_SLICE ? count - at : LOOKUP_SLICE;

        if (!read_slice(store_collection(store, collection), needs + at, slice, f, err))
            return false;
    }
    return true;
}

/* --- when an order's transactions were read ---------------------------------------------------------- */

/* A need for transactions, by the _id of its order. */
struct paid {
    char *order; /* owned */
    struct need *need;
};

static int by_order(const void *a, const void *b)
{
    return strcmp(((const struct paid *)a)->order, ((const struct paid *)b)->order);
}

static void paid_init(struct paid *p, struct need *n)
{
    struct strbuf id = STRBUF_INIT;

    strbuf_add_format(&id, "%s:%s:%s", n->platform, n->shop, n->id);
    *p = (struct paid){.order = strbuf_detach(&id), .need = n};
}

/* {_id: {$in: [...]}}, only the time, and whether money has moved at all. */
static mongoc_cursor_t *find_paid(struct store *store, const struct paid *paid, size_t count)
{
    bson_t filter = BSON_INITIALIZER, term, list = BSON_INITIALIZER;
    bson_t *opts = BCON_NEW("projection", "{", "transactions_fetched_ms", BCON_INT32(1), "state",
                            BCON_INT32(1), "}", "batchSize", BCON_INT32(LOOKUP_SLICE + 1));
    mongoc_cursor_t *cursor;
    char buffer[16];
    const char *key;

    for (size_t i = 0; i < count; i++) {
        size_t length = bson_uint32_to_string((uint32_t)i, &key, buffer, sizeof(buffer));

        bson_append_utf8(&list, key, (int)length, paid[i].order, -1);
    }
    BSON_APPEND_DOCUMENT_BEGIN(&filter, "_id", &term);
    BSON_APPEND_ARRAY(&term, "$in", &list);
    bson_append_document_end(&filter, &term);
    cursor = mongoc_collection_find_with_opts(store_collection(store, store_collection_of(ENTRY_ORDER)),
                                              &filter, opts, NULL);
    bson_destroy(opts);
    bson_destroy(&list);
    bson_destroy(&filter);
    return cursor;
}

static void assign_paid(struct paid *paid, size_t count, const bson_t *row, const struct freshness *f)
{
    struct paid like = {0};
    const struct paid *found;
    bson_iter_t it;

    if (!bson_iter_init_find(&it, row, "_id") || !BSON_ITER_HOLDS_UTF8(&it))
        return;
    like.order = bson_iter_dup_utf8(&it, NULL);
    found = bsearch(&like, paid, count, sizeof(*paid), by_order);
    if (found) {
        found->need->stored.transactions_ms = freshness_fetched(f, int_field(row, "transactions_fetched_ms"));
        found->need->stored.order_exists = true;
        found->need->stored.order_completed = parked_is_paid(row);
    }
    bson_free(like.order);
}

static bool read_paid_slice(struct store *store, struct need **needs, size_t count, const struct freshness *f,
                            struct err *err)
{
    struct paid *paid = xcalloc(count, sizeof(*paid));
    mongoc_cursor_t *cursor;
    const bson_t *row;
    bson_error_t error = {0};
    bool ok;

    for (size_t i = 0; i < count; i++)
        paid_init(&paid[i], needs[i]);
    qsort(paid, count, sizeof(*paid), by_order);
    cursor = find_paid(store, paid, count);
    while (mongoc_cursor_next(cursor, &row))
        assign_paid(paid, count, row, f);
    ok = !mongoc_cursor_error(cursor, &error);
    if (!ok)
        err_set(err, ERR_MONGO, (int)error.code, "MongoDB: find: %s", error.message);
    mongoc_cursor_destroy(cursor);
    for (size_t i = 0; i < count; i++)
        free(paid[i].order);
    free(paid);
    return ok;
}

/* After lookup_read: what is stored of the transactions themselves is needed too, for the write. */
static bool read_paid(struct store *store, struct need **needs, size_t count, const struct freshness *f,
                      struct err *err)
{
    for (size_t at = 0; at < count; at += LOOKUP_SLICE) {
        size_t slice = count - at < LOOKUP_SLICE ? count - at : LOOKUP_SLICE;

        if (!read_paid_slice(store, needs + at, slice, f, err))
            return false;
    }
    return true;
}

/* --- the stage ------------------------------------------------------------------------------------- */

/* What is stored is half an answer. */
static bool is_again(const struct need *n)
{
    for (const struct message *m = n->messages.first; m; m = m->next)
        if (message_is_again(m))
            return true;
    return false;
}

static bool reflected(const struct need *n, const struct config *config, const struct freshness *f)
{
    switch (config->fetch_policy) {
    case CONFIG_FETCH_STALE:
        return freshness_need_reflected(f, n);
    case CONFIG_FETCH_MISSING: /* nobody asks for transactions but an order whose money has just moved */
        return n->kind == ENTRY_TRANSACTION || is_again(n) ? freshness_need_reflected(f, n)
                                                           : n->stored.exists;
    case CONFIG_FETCH_ALWAYS:
        return false;
    }
    return false;
}

/* A document that was left out of a read before is asked for alone: only then may its absence mean that it is gone. And it is
 * asked for, however new it is: the mark of the first absence must not stay to be taken for half the proof much later. */
static void judge(struct pool *pool, struct need *n, const struct config *config, const struct freshness *f)
{
    if (n->stored.missing_at_ms == 0 && reflected(n, config, f)) {
        metric_add(METRIC_WORKER_REFLECTED, (int64_t)n->messages.count);
        need_judge(pool, n, OUTCOME_DONE, DEAD_UNKNOWN, NULL);
        return;
    }
    n->alone = n->alone || n->stored.missing_at_ms > 0;
    need_enter(pool, n, NEED_WAITING);
}

/* Moves the needs of one collection to the front; returns how many. */
static size_t gather(struct need **needs, size_t count, const char *collection)
{
    size_t front = 0;

    for (size_t i = 0; i < count; i++) {
        const char *own = store_collection_of(needs[i]->kind);

        if (own && strcmp(own, collection) == 0) {
            struct need *swap = needs[front];

            needs[front++] = needs[i];
            needs[i] = swap;
        }
    }
    return front;
}

/* Lets raw needs pass and sorts out what cannot be stored anywhere; returns how many needs are left to look up. */
static size_t without_lookup(struct pool *pool, struct need **needs, size_t count)
{
    size_t left = 0;

    for (size_t i = 0; i < count; i++) {
        if (needs[i]->raw)
            need_enter(pool, needs[i], NEED_ANSWERED);
        else if (!store_collection_of(needs[i]->kind))
            need_judge(pool, needs[i], OUTCOME_POISON, DEAD_UNKNOWN,
                       "no collection for entities of this kind");
        else
            needs[left++] = needs[i];
    }
    return left;
}

bool lookup_fill(struct pool *pool, struct store *store, const struct config *config,
                 const struct freshness *f, struct arena *arena, struct err *err)
{
    size_t count, left, read = 0;
    struct need **needs;

    pool_fold(pool);
    needs = pool_collect(pool, NEED_NEW, arena, &count);
    left = count = without_lookup(pool, needs, count);
    while (left > 0) {
        const char *collection = store_collection_of(needs[read]->kind);
        size_t same = gather(needs + read, left, collection);

        if (!lookup_read(store, collection, needs + read, same, f, err))
            return false;
        if (needs[read]->kind == ENTRY_TRANSACTION && !read_paid(store, needs + read, same, f, err))
            return false;
        read += same;
        left -= same;
    }
    for (size_t i = 0; i < count; i++)
        judge(pool, needs[i], config, f);
    return true;
}
