/* sweep_push.c - worker: one shop's parked needs go back to the stream, page by page.
 *
 * In:      the needs of one shop, oldest first.
 * Out:     entries of its bulk stream; their documents are deleted.
 * Fails:   with a sentence when Redis or MongoDB does not answer, or Redis is full. A page is then half done at worst:
 *          entries whose document stands yet come back once more.
 * Thread:  the sweep's; blocks.
 * Why so:  entry first, document second: the other way round a crash between the two would lose the need. In between it goes
 *          to those that are looked after until Redis has shown to keep their entries (swept.h). A deletion names
 *          the revision that was read, so a need that got another event meanwhile stays and comes back again; and when the
 *          need was made, because a deletion whose answer was lost may be carried out long afterwards, when the same
 *          need is there anew. The room is
 *          measured anew before every page, because several shops share a stream and reconcile fills it too. Deletions stand
 *          in the order of _id, as parking's writes do: servers that run a bulk as one transaction deadlock otherwise. */
#include "worker/sweep_push.h"

#include <stdlib.h>
#include <string.h>

#include "common/entry.h"
#include "common/keys.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/strbuf.h"
#include "worker/parked.h"
#include "worker/swept.h"
#include "worker/xinfo.h"

enum {
    DELETE_TRIES = 3,
    PAGE_NEEDS = 500, /* of one page: about 150 KB of commands, 2 ms of Redis */
    SCOPE_ROUNDS =
        20 /* what the grant does not reach is asked for that much more rarely: the probe proves nothing about it */
};

static const char reason_scope[] = "scope";

struct sweep_push {
    struct sweep_push_setup setup;
    char key[KEYS_STREAM_MAX]; /* the bulk stream */
    size_t key_length;
    mongoc_cursor_t *cursor; /* owned */
    struct strbuf command;   /* one XADD */
};

/* A need whose entry is under way. */
struct sent {
    char *id; /* owned */
    int64_t rev;
    int64_t since_ms; /* 0 = not there */
    bson_t *row;      /* its document; owned */
    char *entry;      /* the id that Redis gave the entry; owned; NULL: none */
};

struct page {
    struct sent needs[PAGE_NEEDS];
    size_t count;
};

struct sweep_push *sweep_push_new(const struct sweep_push_setup *setup)
{
    struct sweep_push *p = xcalloc(1, sizeof(*p));
    bson_t *filter = BCON_NEW("platform", BCON_UTF8(setup->platform), "shop_id", BCON_UTF8(setup->shop));
    bson_t *opts = BCON_NEW("sort", "{", "since", BCON_INT32(1), "}", "batchSize", BCON_INT32(PAGE_NEEDS));

    p->setup = *setup;
    p->key_length = keys_bulk(p->key, setup->partition);
    parked_add_due(filter, setup->now_ms);
    if (setup->turn_only)
        parked_add_waiting(filter, false);
    p->cursor = mongoc_collection_find_with_opts(store_collection(setup->store, PARKED_COLLECTION), filter,
                                                 opts, NULL);
    bson_destroy(opts);
    bson_destroy(filter);
    return p;
}

void sweep_push_free(struct sweep_push *p)
{
    if (!p)
        return;
    mongoc_cursor_destroy(p->cursor);
    strbuf_deinit(&p->command);
    free(p);
}

/* --- room ------------------------------------------------------------------------------------------ */

/* All there are: what is finished and not trimmed counts too, so it errs towards waiting. */
static bool length_of(struct sweep_push *p, int64_t *backlog, struct err *err)
{
    redisReply *r = link_call(p->setup.link, 2, (const char *[]){"XLEN", p->key}, NULL, err);
    bool ok = r && r->type == REDIS_REPLY_INTEGER;

    if (ok)
        *backlog = r->integer;
    else if (r)
        link_refused(p->setup.link, r, "XLEN", err);
    freeReplyObject(r);
    return ok;
}

/* Entries the group has not finished. False: Redis did not answer. */
static bool read_backlog(struct sweep_push *p, int64_t *backlog, struct err *err)
{
    struct xinfo_group g;

    if (!xinfo_group(p->setup.link, p->key, &g, err))
        return false;
    *backlog = g.unread + g.pending;
    return (g.there && g.unread >= 0) || length_of(p, backlog, err);
}

/* --- a page ---------------------------------------------------------------------------------------- */

static bool is_due(const struct sweep_push *p, const struct parked *need, int64_t now_ms)
{
    return strcmp(need->reason, reason_scope) != 0 ||
           now_ms - need->updated_ms >= SCOPE_ROUNDS * p->setup.config->sweep_interval_ms;
}

/* False: the link was lost. */
static bool send_need(struct sweep_push *p, struct page *page, const struct parked *need, const bson_t *row,
                      int64_t now_ms, struct err *err)
{
    struct entry e = parked_entry(need, now_ms);

    strbuf_reset(&p->command);
    entry_add_xadd(&p->command, p->key, p->key_length, &e);
    if (!link_send_resp(p->setup.link, p->command.data, p->command.length, err))
        return false;
    page->needs[page->count++] = (struct sent){.id = xstrndup(need->id, strlen(need->id)),
                                               .rev = need->rev,
                                               .since_ms = need->since_ms,
                                               .row = bson_copy(row)};
    return true;
}

/* Reads up to room needs and sends their entries. *done: none is left. */
static bool send_page(struct sweep_push *p, struct page *page, size_t room, int64_t now_ms, bool *done,
                      struct err *err)
{
    const bson_t *row;
    bson_error_t error = {0};
    struct parked need;

    while (page->count < room && page->count < PAGE_NEEDS) {
        if (!mongoc_cursor_next(p->cursor, &row)) {
            *done = true;
            break;
        }
        if (parked_read(row, &need) && is_due(p, &need, now_ms) &&
            !send_need(p, page, &need, row, now_ms, err))
            return false;
    }
    if (!*done || !mongoc_cursor_error(p->cursor, &error))
        return true;
    err_set(err, ERR_MONGO, (int)error.code, "MongoDB: needs: %s", error.message);
    return false;
}

/* Takes the reply to every entry sent. False: lost, or one was refused (Redis is full). */
static bool receive_page(struct sweep_push *p, struct page *page, struct err *err)
{
    bool ok = true;

    for (size_t i = 0; i < page->count; i++) {
        redisReply *r = link_is_open(p->setup.link) ? link_receive(p->setup.link, err) : NULL;

        if (!r)
            return false;
        if (r->type == REDIS_REPLY_STRING)
            page->needs[i].entry = xstrndup(r->str, r->len);
        if (!page->needs[i].entry && ok) {
            link_refused(p->setup.link, r, "XADD", err);
            ok = false;
        }
        freeReplyObject(r);
    }
    return ok;
}

static void append_deletion(mongoc_bulk_operation_t *bulk, const struct sent *need)
{
    bson_t filter = BSON_INITIALIZER;

    BSON_APPEND_UTF8(&filter, "_id", need->id);
    BSON_APPEND_INT64(&filter, "rev", need->rev);
    if (need->since_ms > 0) /* revs begin anew with each document of this _id */
        BSON_APPEND_DATE_TIME(&filter, "since", need->since_ms);
    (void)mongoc_bulk_operation_remove_one_with_opts(bulk, &filter, NULL, NULL);
    bson_destroy(&filter);
}

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct sent *)a)->id, ((const struct sent *)b)->id);
}

/* One unordered bulk. False: err. */
static bool delete_once(struct sweep_push *p, const struct page *page, struct err *err)
{
    bson_t opts = BSON_INITIALIZER, reply;
    mongoc_bulk_operation_t *bulk;
    bson_error_t error = {0};
    bool ok;

    BSON_APPEND_BOOL(&opts, "ordered", false);
    bulk = mongoc_collection_create_bulk_operation_with_opts(
        store_collection(p->setup.store, PARKED_COLLECTION), &opts);
    for (size_t i = 0; i < page->count; i++) {
        if (page->needs[i].entry)
            append_deletion(bulk, &page->needs[i]);
    }
    ok = mongoc_bulk_operation_execute(bulk, &reply, &error) != 0;
    if (!ok)
        err_set(err, ERR_MONGO, (int)error.code, "MongoDB: needs: %s", error.message);
    bson_destroy(&reply);
    mongoc_bulk_operation_destroy(bulk);
    bson_destroy(&opts);
    return ok;
}

/* From here on somebody looks whether Redis keeps the entries (swept.h). False: err. */
static bool keep_stored(struct sweep_push *p, const struct page *page, int64_t now_ms, struct err *err)
{
    mongoc_bulk_operation_t *bulk = mongoc_collection_create_bulk_operation_with_opts(
        store_collection(p->setup.store, SWEPT_COLLECTION), NULL);
    bson_t reply = BSON_INITIALIZER;
    bson_error_t error = {0};
    size_t count = 0;
    bool ok = true;

    for (size_t i = 0; i < page->count && p->setup.config->replay_ms > 0; i++) {
        bson_t *doc = page->needs[i].entry
                          ? swept_document(page->needs[i].row, p->key, page->needs[i].entry, now_ms)
                          : NULL;

        if (!doc)
            continue;
        mongoc_bulk_operation_insert(bulk, doc);
        bson_destroy(doc);
        count++;
    }
    if (count > 0) {
        bson_destroy(&reply);
        ok = mongoc_bulk_operation_execute(bulk, &reply, &error) != 0;
    }
    if (!ok)
        err_set(err, ERR_MONGO, (int)error.code, "MongoDB: swept: %s", error.message);
    bson_destroy(&reply);
    mongoc_bulk_operation_destroy(bulk);
    return ok;
}

/* What is not deleted comes back: so whether each was is nobody's question. A write conflict is worth another try, because
 * every need of the page that stays costs a read. */
static bool delete_stored(struct sweep_push *p, struct page *page, struct err *err)
{
    size_t count = 0;
    bool ok;

    for (size_t i = 0; i < page->count; i++)
        count += page->needs[i].entry != NULL;
    if (count == 0)
        return true;
    metric_add(METRIC_WORKER_NEEDS_SWEPT, (int64_t)count);
    qsort(page->needs, page->count, sizeof(page->needs[0]), by_id);
    ok = delete_once(p, page, err);
    for (int i = 1; i < DELETE_TRIES && !ok; i++)
        ok = delete_once(p, page, err);
    return ok;
}

/* False: Redis did not answer. A pause is told when it begins and when it ends. */
static bool look_at_memory(struct sweep_push *p, struct err *err)
{
    struct high_water *high = p->setup.high;
    const bool was = high->above;

    if (!high_water_look(high, p->setup.link, err))
        return false;
    if (high->above && !was)
        log_warn("redis is nearly full, parked needs wait",
                 LOG_I("high_water_percent", p->setup.config->redis_high_water));
    if (was && !high->above)
        log_info("redis has room again, parked needs come back");
    return true;
}

static void sent_deinit(struct sent *need)
{
    free(need->id);
    free(need->entry);
    bson_destroy(need->row);
}

enum sweep_pushed sweep_push_page(struct sweep_push *p, int64_t now_ms, struct err *err)
{
    struct page *page;
    int64_t backlog;
    bool done = false, ok;

    if (!look_at_memory(p, err) || !read_backlog(p, &backlog, err))
        return PUSHED_AWAY;
    if (p->setup.high->above || backlog >= p->setup.config->sync_bulk_max)
        return PUSHED_FULL;
    page = xcalloc(1, sizeof(*page));
    ok = send_page(p, page, (size_t)(p->setup.config->sync_bulk_max - backlog), now_ms, &done, err);
    ok = receive_page(p, page, err) && ok;
    ok = keep_stored(p, page, now_ms, err) && delete_stored(p, page, err) && ok;
    if (!ok)
        link_close(p->setup.link); /* replies may still be owed */
    for (size_t i = 0; i < page->count; i++)
        sent_deinit(&page->needs[i]);
    free(page);
    if (!ok)
        return PUSHED_AWAY;
    return done ? PUSHED_DONE : PUSHED_MORE;
}
