/* mongo_fixture.h - tests: messages made by hand, and a lane's MongoDB side on the mock. */
#ifndef SHOPSTREAM_TESTS_MONGO_FIXTURE_H
#define SHOPSTREAM_TESTS_MONGO_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/config.h"
#include "tests/harness.h"
#include "tests/mongo_mock.h"
#include "worker/dto.h"
#include "worker/freshness.h"
#include "worker/lookup.h"
#include "worker/need.h"
#include "worker/store.h"
#include "worker/upsert.h"

enum {
    NOW = 1700000000, /* ms; small numbers read better than epochs */
    SKEW = 2000,
};

static inline bool keep_all(const struct entry *e)
{
    (void)e;
    return true;
}

/* An event of order `id`: stored at entry_ms, announcing event_ms (0 = none); moves: its topic moves the update time. */
static inline struct message *event(const char *id, int64_t entry_ms, int64_t event_ms, bool moves)
{
    char stream_id[STREAM_ID_MAX];
    const char *texts[] = {"v",    "1",       "platform", "tiktok", "shop", "749", "topic",   "1",
                           "kind", "order",   "id",       id,       "key",  "k",   "recv_ms", "1700000000000",
                           "src",  "webhook", "trace",    "t"};
    struct entry_text fields[sizeof(texts) / sizeof(texts[0])];
    size_t count = sizeof(texts) / sizeof(texts[0]);
    struct message *m;

    snprintf(stream_id, sizeof(stream_id), "%lld-0", (long long)entry_ms);
    for (size_t i = 0; i < count; i++)
        fields[i] = (struct entry_text){texts[i], strlen(texts[i])};
    m = message_new(0, stream_id, fields, count, keep_all);
    m->entry.event_ms = event_ms; /* not through the text: times of these tests are small numbers */
    m->entry.moves = moves;
    if (!m->readable) {
        printf("the fixture's message is unreadable: %s\n", m->error);
        abort();
    }
    return m;
}

/* --- a lane on the mock ---------------------------------------------------------------------------- */

struct world {
    struct config config;
    struct mongo_mock *mock; /* NULL: a real server */
    struct store_pool *stores;
    struct store *store;
    struct pool *pool;
    struct arena *arena;
    struct freshness f;
    struct message_list settled;
    struct err err;
};

static inline void world_open(struct world *w, const char *uri)
{
    w->config.mongo_uri = strdup(uri);
    w->config.mongo_dbname = strdup("test");
    w->config.worker_threads = 2;
    w->config.sync_batch_size_orders = 300;
    w->config.sync_batch_size_returns = 300;
    w->config.sync_batch_size_products = 300;
    w->config.sync_batch_size_transactions = 300;
    w->config.sync_batch_size_tracking = 300;
    w->config.max_stale_reads = 5;
    w->config.retry_delay_count = 5;
    w->config.reclaim_idle_ms = 1200000;
    w->config.clock_skew_ms = SKEW;
    w->stores = store_pool_new(&w->config, "tests", &w->err);
    w->store = w->stores ? store_open(w->stores, &w->err) : NULL;
    if (!w->store) {
        printf("%s\n", w->err.text);
        abort();
    }
    w->pool = pool_new();
    w->arena = arena_new(1 << 16, 64 << 20);
    w->f = (struct freshness){.now_ms = NOW, .skew_ms = SKEW, .settled_counts = true};
}

/* Once a process: after its clean-up the driver cannot be started again. */
static inline void driver_init(void)
{
    static bool done;

    mongoc_init();
    if (!done)
        atexit(mongoc_cleanup);
    done = true;
}

static inline void world_start_with(struct world *w, enum mock_kind kind, const char *options)
{
    char uri[512];

    *w = (struct world){0};
    driver_init();
    w->mock = mongo_mock_start(kind, 0);
    snprintf(uri, sizeof(uri), "%s%s", mongo_mock_uri(w->mock), options);
    world_open(w, uri);
}

static inline void world_start(struct world *w)
{
    world_start_with(w, MOCK_REPLICA_SET, "");
}

static inline void world_stop(struct world *w)
{
    message_list_deinit(&w->settled);
    pool_free(w->pool);
    arena_free(w->arena);
    store_close(w->store);
    store_pool_free(w->stores);
    mongo_mock_stop(w->mock);
    free(w->config.mongo_uri);
    free(w->config.mongo_dbname);
}

static inline struct need *add(struct world *w, struct message *m)
{
    return pool_add(w->pool, m, false);
}

static inline bool look_up(struct world *w)
{
    return lookup_fill(w->pool, w->store, &w->config, &w->f, w->arena, &w->err);
}

static inline bool flush(struct world *w)
{
    return upsert_flush(w->pool, w->store, &w->config, &w->f, &w->settled, &w->err);
}

static inline void to_built(struct world *w, struct need *n, struct document *d)
{
    if (n->state == NEED_WAITING)
        need_enter(w->pool, n, NEED_CALLING);
    if (n->state == NEED_CALLING)
        need_enter(w->pool, n, NEED_ANSWERED);
    n->document = d;
    need_enter(w->pool, n, NEED_BUILT);
}

/* The hash of a content in these tests is the content itself. */
static inline struct document *document(struct world *w, struct need *n, enum document_op op, int64_t version,
                                        int64_t fetched_ms, const char *content)
{
    struct document *d = arena_take(w->arena, sizeof(*d));

    d->op = op;
    d->collection = "orders";
    d->doc_id = n->doc_id;
    d->version = version;
    d->fetched_ms = fetched_ms;
    d->valid = true;
    d->set = bson_new();
    snprintf(d->hash, sizeof(d->hash), "%s", content);
    return d;
}

/* The marketplace served (version, content); the request had been sent at fetched_ms. */
static inline struct document *serve(struct world *w, struct need *n, int64_t version, int64_t fetched_ms,
                                     const char *content)
{
    struct document *d = document(w, n, DOCUMENT_FULL, version, fetched_ms, content);

    BSON_APPEND_UTF8(d->set, "order_id", n->id);
    BSON_APPEND_UTF8(d->set, "content", content);
    BSON_APPEND_INT64(d->set, "version", version);
    BSON_APPEND_INT64(d->set, "fetched_ms", fetched_ms);
    BSON_APPEND_UTF8(d->set, "content_hash", d->hash);
    if (n->behind)
        BSON_APPEND_BOOL(d->set, "behind", true);
    d->unset = BCON_NEW("deleted_at", BCON_INT32(1), "missing_at_ms", BCON_INT32(1));
    if (!n->behind)
        BSON_APPEND_INT32(d->unset, "behind", 1);
    d->on_insert = BCON_NEW("first_seen", BCON_INT64(fetched_ms));
    to_built(w, n, d);
    return d;
}

static inline void serve_gone(struct world *w, struct need *n, int64_t fetched_ms)
{
    struct document *d = document(w, n, DOCUMENT_TOMBSTONE, n->stored.version, fetched_ms, "deleted");

    BSON_APPEND_UTF8(d->set, "deleted_at", "now");
    BSON_APPEND_INT64(d->set, "fetched_ms", fetched_ms);
    BSON_APPEND_UTF8(d->set, "content_hash", "deleted");
    to_built(w, n, d);
}

static inline void serve_missing(struct world *w, struct need *n, int64_t fetched_ms)
{
    struct document *d = document(w, n, DOCUMENT_MISSING, n->stored.version, fetched_ms, "");

    BSON_APPEND_INT64(d->set, "missing_at_ms", fetched_ms);
    to_built(w, n, d);
}

static inline void collect_judged(void *context, struct need *n)
{
    struct world *w = context;

    if (n->state != NEED_JUDGED)
        return;
    message_splice(&w->settled, &n->messages);
    pool_remove(w->pool, n);
}

/* End of a turn: judged needs end, their messages stand in settled. */
static inline void collect(struct world *w)
{
    pool_each(w->pool, collect_judged, w);
    arena_reset(w->arena);
}

static inline void forget_settled(struct world *w)
{
    message_list_deinit(&w->settled);
}

/* One order through a whole turn: an event, a lookup, an answer, a write. True: no pause was asked for. */
static inline bool whole_turn(struct world *w, const char *id, int64_t version, int64_t fetched_ms,
                              const char *content)
{
    struct need *n = add(w, event(id, fetched_ms - 1, 0, false));
    bool ok = look_up(w);

    if (ok && n->state == NEED_WAITING) {
        serve(w, n, version, fetched_ms, content);
        ok = flush(w);
    }
    collect(w);
    return ok;
}

/* "orders" document of order id in shop 749. */
static inline const char *doc_id(const char *id)
{
    static char text[128];

    snprintf(text, sizeof(text), "tiktok:749:%s", id);
    return text;
}

static inline int64_t stored_int(struct world *w, const char *id, const char *field)
{
    return mongo_mock_int(w->mock, "orders", doc_id(id), field, -1);
}

static inline bool stored_has(struct world *w, const char *id, const char *field)
{
    bson_t *d = mongo_mock_get(w->mock, "orders", doc_id(id));
    bool has = d && bson_has_field(d, field);

    if (d)
        bson_destroy(d);
    return has;
}

/* Content of the stored document, "" when there is none. */
static inline const char *stored_content(struct world *w, const char *id)
{
    static char text[64];
    bson_t *d = mongo_mock_get(w->mock, "orders", doc_id(id));
    bson_iter_t it;

    text[0] = '\0';
    if (d && bson_iter_init_find(&it, d, "content"))
        snprintf(text, sizeof(text), "%s", bson_iter_utf8(&it, NULL));
    if (d)
        bson_destroy(d);
    return text;
}

#endif
