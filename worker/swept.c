/* swept.c - worker: needs that went back to the stream. Contract and reasons: swept.h. */
#include "worker/swept.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/strbuf.h"
#include "worker/parked.h"

enum { PAGE = 500 };

bson_t *swept_document(const bson_t *need, const char *stream, const char *entry, int64_t now_ms)
{
    struct strbuf id = STRBUF_INIT;
    struct parked p;
    bson_t *doc = bson_new();

    (void)!parked_read(need, &p); /* its _id is all that counts here */
    strbuf_add_format(&id, "%s %s", p.id, entry);
    BSON_APPEND_UTF8(doc, "_id", strbuf_text(&id));
    BSON_APPEND_UTF8(doc, "stream", stream);
    BSON_APPEND_UTF8(doc, "entry", entry);
    BSON_APPEND_INT64(doc, "swept_ms", now_ms);
    BSON_APPEND_DOCUMENT(doc, "need", need);
    strbuf_deinit(&id);
    return doc;
}

/* --- reading ----------------------------------------------------------------------------------------- */

static const char *text_of(const bson_t *row, const char *key)
{
    bson_iter_t it;

    return bson_iter_init_find(&it, row, key) && BSON_ITER_HOLDS_UTF8(&it) ? bson_iter_utf8(&it, NULL) : "";
}

static bool need_of(const bson_t *row, bson_t *need)
{
    bson_iter_t it;
    const uint8_t *data;
    uint32_t length;

    if (!bson_iter_init_find(&it, row, "need") || !BSON_ITER_HOLDS_DOCUMENT(&it))
        return false;
    bson_iter_document(&it, &length, &data);
    return bson_init_static(need, data, length);
}

static const char *need_id(const bson_t *row)
{
    bson_t need;

    return need_of(row, &need) ? text_of(&need, "_id") : "";
}

/* As every bulk over needs is ordered: servers that run one as a single transaction deadlock otherwise. */
static int by_need(const void *a, const void *b)
{
    const bson_t *one = *(bson_t *const *)a, *other = *(bson_t *const *)b;
    const int order = strcmp(need_id(one), need_id(other));

    return order ? order : strcmp(text_of(one, "_id"), text_of(other, "_id"));
}

/* Owned copies of the next rows, at most PAGE, in the order of their needs. */
static int next_rows(mongoc_cursor_t *cursor, bson_t *rows[PAGE])
{
    const bson_t *row;
    int n = 0;

    while (n < PAGE && mongoc_cursor_next(cursor, &row))
        rows[n++] = bson_copy(row);
    qsort(rows, (size_t)n, sizeof(rows[0]), by_need);
    return n;
}

/* --- asking Redis ------------------------------------------------------------------------------------ */

/* An id may be given again by a stream made anew: the key tells whose entry it is. */
static bool is_entry_of(const redisReply *r, const char *need_id)
{
    const redisReply *fields;

    if (r->type != REDIS_REPLY_ARRAY || r->elements != 1 || r->element[0]->type != REDIS_REPLY_ARRAY ||
        r->element[0]->elements != 2)
        return false;
    fields = r->element[0]->element[1];
    for (size_t i = 0; fields->type == REDIS_REPLY_ARRAY && i + 1 < fields->elements; i += 2)
        if (strcmp(fields->element[i]->str, "key") == 0)
            return strcmp(fields->element[i + 1]->str, need_id) == 0;
    return false;
}

/* there[i]: the stream has the entry of row i. False: err. */
static bool ask(struct link *link, bson_t *const rows[], int n, bool there[], struct err *err)
{
    bool ok = true;

    for (int i = 0; i < n && ok; i++) {
        const char *entry = text_of(rows[i], "entry");

        ok = link_send(link, 4, (const char *[]){"XRANGE", text_of(rows[i], "stream"), entry, entry}, NULL,
                       err);
    }
    for (int i = 0; i < n && ok; i++) {
        redisReply *r = link_receive(link, err);
        bson_t need;

        ok = r && r->type != REDIS_REPLY_ERROR;
        if (r && !ok)
            link_refused(link, r, "XRANGE", err);
        there[i] = ok && need_of(rows[i], &need) && is_entry_of(r, text_of(&need, "_id"));
        freeReplyObject(r);
    }
    if (!ok)
        link_close(link); /* replies may still be owed */
    return ok;
}

/* --- what becomes of them ---------------------------------------------------------------------------- */

/* One that was to be asked for only later is due as soon as one that was due joins it. */
static bool is_smallest(const char *key)
{
    return strcmp(key, "since") == 0;
}

static bool is_largest(const char *key)
{
    return strcmp(key, "event_ms") == 0 || strcmp(key, "entry_ms") == 0 || strcmp(key, "attempts") == 0;
}

/* Every need has it; what somebody else wrote may not, and an empty operator is an error. */
static void put_smallest(bson_t *update, const bson_t *need)
{
    bson_t smallest = BSON_INITIALIZER;
    bson_iter_t it;

    for (bson_iter_init(&it, need); bson_iter_next(&it);)
        if (is_smallest(bson_iter_key(&it)))
            bson_append_iter(&smallest, NULL, 0, &it);
    if (!bson_empty(&smallest))
        BSON_APPEND_DOCUMENT(update, "$min", &smallest);
    bson_destroy(&smallest);
}

/* As parking writes it. The rev is one that no deletion of the old document names. */
static void put_back(mongoc_bulk_operation_t *bulk, const bson_t *need)
{
    bson_t filter = BSON_INITIALIZER, update = BSON_INITIALIZER, largest, insert, inc;
    bson_t *opts = BCON_NEW("upsert", BCON_BOOL(true));
    bson_iter_t it;
    struct parked p;

    (void)!parked_read(need, &p);
    BSON_APPEND_UTF8(&filter, "_id", p.id);
    BSON_APPEND_DOCUMENT_BEGIN(&update, "$max", &largest);
    for (bson_iter_init(&it, need); bson_iter_next(&it);)
        if (is_largest(bson_iter_key(&it)))
            bson_append_iter(&largest, NULL, 0, &it);
    bson_append_document_end(&update, &largest);
    put_smallest(&update, need);
    BSON_APPEND_DOCUMENT_BEGIN(&update, "$setOnInsert", &insert);
    for (bson_iter_init(&it, need); bson_iter_next(&it);)
        if (!is_largest(bson_iter_key(&it)) && !is_smallest(bson_iter_key(&it)) &&
            strcmp(bson_iter_key(&it), "rev") != 0 && strcmp(bson_iter_key(&it), "_id") != 0)
            bson_append_iter(&insert, NULL, 0, &it);
    bson_append_document_end(&update, &insert);
    BSON_APPEND_DOCUMENT_BEGIN(&update, "$inc", &inc);
    BSON_APPEND_INT64(&inc, "rev", p.rev + 1);
    bson_append_document_end(&update, &inc);
    (void)mongoc_bulk_operation_update_one_with_opts(bulk, &filter, &update, opts, NULL);
    bson_destroy(opts);
    bson_destroy(&update);
    bson_destroy(&filter);
}

static void drop(mongoc_bulk_operation_t *bulk, const char *id)
{
    bson_t filter = BSON_INITIALIZER;

    BSON_APPEND_UTF8(&filter, "_id", id);
    (void)mongoc_bulk_operation_remove_one_with_opts(bulk, &filter, NULL, NULL);
    bson_destroy(&filter);
}

/* Takes the bulk; one without operations is none. False: err. */
static bool run(mongoc_bulk_operation_t *bulk, int operations, struct err *err)
{
    bson_t reply = BSON_INITIALIZER;
    bson_error_t error;
    bool ok = true;

    if (operations > 0) {
        bson_destroy(&reply);
        ok = mongoc_bulk_operation_execute(bulk, &reply, &error) != 0;
    }
    if (!ok)
        err_set(err, ERR_MONGO, (int)error.code, "MongoDB: swept: %s", error.message);
    bson_destroy(&reply);
    mongoc_bulk_operation_destroy(bulk);
    return ok;
}

/* Needs first, then what stood for them: the other way round a crash between the two would lose them. */
static bool settle(struct store *store, bson_t *const rows[], int n, const bool there[], int64_t until_ms,
                   struct err *err)
{
    mongoc_bulk_operation_t *back =
        mongoc_collection_create_bulk_operation_with_opts(store_collection(store, PARKED_COLLECTION), NULL);
    mongoc_bulk_operation_t *gone =
        mongoc_collection_create_bulk_operation_with_opts(store_collection(store, SWEPT_COLLECTION), NULL);
    int lost = 0, drops = 0;

    for (int i = 0; i < n; i++) {
        bson_iter_t it;
        bson_t need;
        bool old = bson_iter_init_find(&it, rows[i], "swept_ms") && bson_iter_as_int64(&it) <= until_ms;

        if (there[i] && !old)
            continue;
        if (!there[i] && need_of(rows[i], &need)) {
            put_back(back, &need);
            lost++;
        }
        drop(gone, text_of(rows[i], "_id"));
        drops++;
    }
    if (lost > 0)
        log_warn("redis has lost entries of needs, which wait again", LOG_I("needs", lost));
    if (!run(back, lost, err)) {
        mongoc_bulk_operation_destroy(gone);
        return false;
    }
    return run(gone, drops, err);
}

/* All rows of a query. *lost: there was one whose entry is gone. False: err. */
static bool look(struct store *store, struct link *link, const bson_t *filter, const bson_t *opts,
                 int64_t until_ms, bool *lost, struct err *err)
{
    mongoc_cursor_t *cursor =
        mongoc_collection_find_with_opts(store_collection(store, SWEPT_COLLECTION), filter, opts, NULL);
    bson_error_t error;
    bool ok = true;

    for (int n = PAGE; ok && n == PAGE;) {
        bson_t *rows[PAGE];
        bool there[PAGE];

        n = next_rows(cursor, rows);
        ok = ask(link, rows, n, there, err) && settle(store, rows, n, there, until_ms, err);
        for (int i = 0; i < n; i++) {
            *lost = *lost || (ok && !there[i]);
            bson_destroy(rows[i]);
        }
    }
    if (ok && mongoc_cursor_error(cursor, &error)) {
        err_set(err, ERR_MONGO, (int)error.code, "MongoDB: swept: %s", error.message);
        ok = false;
    }
    mongoc_cursor_destroy(cursor);
    return ok;
}

bool swept_look(struct store *store, struct link *link, int64_t now_ms, int64_t replay_ms, struct err *err)
{
    int64_t until_ms = now_ms - replay_ms;
    bson_t all = BSON_INITIALIZER, none = BSON_INITIALIZER;
    bson_t *old = BCON_NEW("swept_ms", "{", "$lte", BCON_INT64(until_ms), "}");
    bson_t *newest = BCON_NEW("sort", "{", "swept_ms", BCON_INT32(-1), "entry", BCON_INT32(-1), "}", "limit",
                              BCON_INT64(1));
    bool lost = false, ok;

    ok = look(store, link, &all, newest, until_ms, &lost, err) &&
         look(store, link, lost ? &all : old, &none, until_ms, &lost, err);
    bson_destroy(newest);
    bson_destroy(old);
    bson_destroy(&none);
    bson_destroy(&all);
    return ok;
}
