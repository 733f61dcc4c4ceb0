/* micro_mongo.c - bench: what stands in MongoDB is looked up, new documents become bulks; up to the driver's wire.
 *
 * Some calls of the driver are linked to functions of this file (-Wl,--wrap), which have no server: a client that is
 * alone, because a pool's has threads that watch the server; a find that gives documents made beforehand; a bulk that was
 * carried out and inserted every op. So the driver's copies of filters, updates and documents are counted, its sending is
 * not. */
#include <mongoc/mongoc.h>
#include <stdlib.h>
#include <string.h>

#include "bench/micro/micro.h"
#include "bench/micro/micro_event.h"
#include "common/arena.h"
#include "common/json.h"
#include "worker/dto.h"
#include "worker/group.h"
#include "worker/lookup.h"
#include "worker/platforms/platform.h"
#include "worker/store.h"
#include "worker/upsert.h"

enum {
    ORDERS = 100, /* of a turn */
    ARENA_FIRST = 1 << 20,
    ARENA_LIMIT = 256 << 20,
};

#define STORED_MS INT64_C(1795216000000) /* update time of the state that is stored already */

/* What the driver is said to do. One store is open at a time. */
struct wire {
    bson_t **rows; /* what a find gives; owned by its stage */
    size_t count;  /* of them */
    size_t at;     /* the next one */
    size_t finds;
    size_t ops;   /* updates and inserts taken since the last bulk was carried out */
    size_t bytes; /* of these */
    size_t sent;  /* ops of carried out bulks */
};

static struct wire *wire_of_process(void)
{
    static struct wire wire;

    return &wire;
}

/* --- the driver, as far as it needs a server ------------------------------------------------------------ */

mongoc_client_t *__wrap_mongoc_client_pool_pop(mongoc_client_pool_t *pool);
void __wrap_mongoc_client_pool_push(mongoc_client_pool_t *pool, mongoc_client_t *client);
mongoc_cursor_t *__wrap_mongoc_collection_find_with_opts(mongoc_collection_t *c, const bson_t *filter,
                                                         const bson_t *opts,
                                                         const mongoc_read_prefs_t *prefs);
bool __wrap_mongoc_cursor_next(mongoc_cursor_t *cursor, const bson_t **row);
bool __wrap_mongoc_cursor_error(mongoc_cursor_t *cursor, bson_error_t *error);
void __wrap_mongoc_cursor_destroy(mongoc_cursor_t *cursor);
bool __wrap_mongoc_bulk_operation_update_one_with_opts(mongoc_bulk_operation_t *bulk, const bson_t *filter,
                                                       const bson_t *update, const bson_t *opts,
                                                       bson_error_t *error);
bool __real_mongoc_bulk_operation_update_one_with_opts(mongoc_bulk_operation_t *bulk, const bson_t *filter,
                                                       const bson_t *update, const bson_t *opts,
                                                       bson_error_t *error);
bool __wrap_mongoc_bulk_operation_insert_with_opts(mongoc_bulk_operation_t *bulk, const bson_t *document,
                                                   const bson_t *opts, bson_error_t *error);
bool __real_mongoc_bulk_operation_insert_with_opts(mongoc_bulk_operation_t *bulk, const bson_t *document,
                                                   const bson_t *opts, bson_error_t *error);
uint32_t __wrap_mongoc_bulk_operation_execute(mongoc_bulk_operation_t *bulk, bson_t *reply,
                                              bson_error_t *error);

mongoc_client_t *__wrap_mongoc_client_pool_pop(mongoc_client_pool_t *pool)
{
    (void)pool;
    return mongoc_client_new("mongodb://127.0.0.1:27017/");
}

void __wrap_mongoc_client_pool_push(mongoc_client_pool_t *pool, mongoc_client_t *client)
{
    (void)pool;
    mongoc_client_destroy(client);
}

/* The cursor is never looked into by others than the functions below. */
mongoc_cursor_t *__wrap_mongoc_collection_find_with_opts(mongoc_collection_t *c, const bson_t *filter,
                                                         const bson_t *opts, const mongoc_read_prefs_t *prefs)
{
    struct wire *wire = wire_of_process();

    (void)c;
    (void)prefs;
    MICRO_CHECK(!bson_empty(filter) && !bson_empty(opts));
    wire->at = 0;
    wire->finds++;
    return (mongoc_cursor_t *)(void *)wire;
}

bool __wrap_mongoc_cursor_next(mongoc_cursor_t *cursor, const bson_t **row)
{
    struct wire *wire = (struct wire *)(void *)cursor;

    if (wire->at == wire->count)
        return false;
    *row = wire->rows[wire->at++];
    return true;
}

bool __wrap_mongoc_cursor_error(mongoc_cursor_t *cursor, bson_error_t *error)
{
    (void)cursor;
    (void)error;
    return false;
}

void __wrap_mongoc_cursor_destroy(mongoc_cursor_t *cursor)
{
    (void)cursor;
}

bool __wrap_mongoc_bulk_operation_update_one_with_opts(mongoc_bulk_operation_t *bulk, const bson_t *filter,
                                                       const bson_t *update, const bson_t *opts,
                                                       bson_error_t *error)
{
    struct wire *wire = wire_of_process();

    wire->ops++;
    wire->bytes += filter->len + update->len;
    return __real_mongoc_bulk_operation_update_one_with_opts(bulk, filter, update, opts, error);
}

bool __wrap_mongoc_bulk_operation_insert_with_opts(mongoc_bulk_operation_t *bulk, const bson_t *document,
                                                   const bson_t *opts, bson_error_t *error)
{
    struct wire *wire = wire_of_process();

    wire->ops++;
    wire->bytes += document->len;
    return __real_mongoc_bulk_operation_insert_with_opts(bulk, document, opts, error);
}

uint32_t __wrap_mongoc_bulk_operation_execute(mongoc_bulk_operation_t *bulk, bson_t *reply,
                                              bson_error_t *error)
{
    struct wire *wire = wire_of_process();

    (void)bulk;
    (void)error;
    bson_init(reply);
    BSON_APPEND_INT32(reply, "nMatched", 0);
    BSON_APPEND_INT32(reply, "nUpserted", (int32_t)wire->ops);
    wire->sent += wire->ops;
    wire->ops = 0;
    return 1;
}

/* --- a turn's needs --------------------------------------------------------------------------------------- */

struct turn {
    enum micro_market market;
    struct config *config;
    struct store_pool *stores;
    struct store *store;
    struct pool *pool;
    struct arena *arena;
    struct freshness f;
    struct message_list settled;
    yyjson_doc *answer;   /* of all orders */
    yyjson_val *entities; /* the orders in it */
    const struct platform *platform;
    int endpoint;
    bool good; /* of the run */
};

static void open_answer(struct turn *t)
{
    struct strbuf text = STRBUF_INIT;
    struct platform_ask ask = {0};
    struct platform_answer answer = {.http_status = 200, .now_ms = MICRO_NOW_MS};
    struct platform_result result;

    t->platform = platform_find(micro_platform(t->market));
    MICRO_CHECK(t->platform->next_ask(t->config, ENTRY_ORDER, "", "1", NULL, &ask));
    t->endpoint = ask.endpoint;
    strbuf_deinit(&ask.subject);
    micro_add_answer(&text, t->market, ORDERS);
    t->answer = json_parse(text.data, text.length, NULL, NULL);
    answer.root = yyjson_doc_get_root(t->answer);
    t->platform->judge(t->endpoint, &answer, &result);
    MICRO_CHECK(result.class == CALL_OK && yyjson_arr_size(result.entities) == ORDERS);
    t->entities = result.entities;
    strbuf_deinit(&text);
}

static void *open_turn(const struct micro_stage *stage, size_t *bytes)
{
    struct turn *t = xcalloc(1, sizeof *t);
    struct err err = {0};

    (void)bytes;
    t->market = *(const enum micro_market *)stage->what;
    t->config = micro_config(CONFIG_WORKER);
    open_answer(t);
    t->stores = store_pool_new(t->config, "bench", &err);
    MICRO_CHECK(t->stores != NULL);
    t->store = store_open(t->stores, &err);
    MICRO_CHECK(t->store != NULL);
    t->arena = arena_new(ARENA_FIRST, ARENA_LIMIT);
    t->f = (struct freshness){.now_ms = MICRO_NOW_MS, .skew_ms = 2000, .settled_counts = true};
    return t;
}

static void close_turn(void *context)
{
    struct turn *t = context;

    store_close(t->store);
    store_pool_free(t->stores);
    arena_free(t->arena);
    yyjson_doc_free(t->answer);
    config_deinit(t->config);
    free(t->config);
    free(t);
}

/* One new need an order. */
static void prepare_needs(struct turn *t)
{
    struct message_list incoming = {0};

    t->pool = pool_new();
    for (size_t i = 0; i < ORDERS; i++)
        message_append(&incoming, micro_message(t->market, i, i));
    group_fold(t->pool, &incoming, &t->settled, 1);
    MICRO_CHECK(pool_needs(t->pool) == ORDERS);
}

/* --- lookup ------------------------------------------------------------------------------------------------ */

/* Every order is stored, in an older state. */
static bson_t *stored_row(enum micro_market market, size_t i)
{
    struct strbuf id = STRBUF_INIT;
    bson_t *row = bson_new();

    strbuf_add_format(&id, "%s:%s:", micro_platform(market), micro_shop(market));
    micro_order_id(&id, market, i);
    BSON_APPEND_UTF8(row, "_id", strbuf_text(&id));
    BSON_APPEND_INT64(row, "version", STORED_MS);
    BSON_APPEND_INT64(row, "fetched_ms", STORED_MS + 1000);
    BSON_APPEND_UTF8(row, "content_hash", "0123456789abcdef0123456789abcdef");
    strbuf_deinit(&id);
    return row;
}

static void *open_lookup(const struct micro_stage *stage, size_t *bytes)
{
    struct turn *t = open_turn(stage, bytes);
    struct wire *wire = wire_of_process();

    wire->rows = xcalloc(ORDERS, sizeof(bson_t *));
    wire->count = ORDERS;
    for (size_t i = 0; i < ORDERS; i++)
        wire->rows[i] = stored_row(t->market, i);
    return t;
}

static void close_lookup(void *context)
{
    struct wire *wire = wire_of_process();

    for (size_t i = 0; i < wire->count; i++)
        bson_destroy(wire->rows[i]);
    free(wire->rows);
    wire->rows = NULL;
    wire->count = 0;
    close_turn(context);
}

static void prepare_lookup(void *context)
{
    struct turn *t = context;

    arena_reset(t->arena);
    wire_of_process()->finds = 0;
    prepare_needs(t);
}

static void run_lookup(void *context)
{
    struct turn *t = context;
    struct err err = {0};

    t->good = lookup_fill(t->pool, t->store, t->config, &t->f, t->arena, &err);
}

static void check_lookup(void *context)
{
    struct turn *t = context;
    size_t count;
    struct need **needs = pool_collect(t->pool, NEED_WAITING, t->arena, &count);

    MICRO_CHECK(t->good && count == ORDERS && wire_of_process()->finds == 1);
    for (size_t i = 0; i < count; i++)
        MICRO_CHECK(needs[i]->stored.exists && needs[i]->stored.version == STORED_MS);
    pool_free(t->pool);
}

/* --- bulk -------------------------------------------------------------------------------------------------- */

static const char *no_channel(void *shops, const char *platform, const char *shop)
{
    (void)shops;
    (void)platform;
    (void)shop;
    return "";
}

/* Every need gets its order of the answer: both are in the order of the ids. */
static void give_answers(struct turn *t)
{
    size_t count;
    struct need **needs;

    needs = pool_collect(t->pool, NEED_NEW, t->arena, &count);
    for (size_t i = 0; i < count; i++) {
        struct need *n = needs[i];
        struct entry_text subject;

        need_enter(t->pool, n, NEED_WAITING);
        need_enter(t->pool, n, NEED_CALLING);
        n->answer = (struct answer){.kind = ANSWER_FOUND, .fetched_ms = MICRO_NOW_MS - 333};
        n->answer.json = t->platform->entity(t->endpoint, yyjson_arr_get(t->entities, i), &subject);
        MICRO_CHECK(n->answer.json && strncmp(n->id, subject.data, subject.length) == 0);
        need_enter(t->pool, n, NEED_ANSWERED);
    }
}

static void prepare_bulk(void *context)
{
    struct turn *t = context;

    arena_reset(t->arena);
    wire_of_process()->sent = 0;
    wire_of_process()->bytes = 0;
    prepare_needs(t);
    give_answers(t);
    dto_build(t->pool, t->config, &t->f, t->arena, no_channel, NULL);
}

static void run_bulk(void *context)
{
    struct turn *t = context;
    struct err err = {0};

    t->good = upsert_flush(t->pool, t->store, t->config, &t->f, &t->settled, &err);
}

/* Its messages may have left through settled already. */
static void end_need(void *context, struct need *n)
{
    struct turn *t = context;

    MICRO_CHECK(n->state == NEED_JUDGED);
    message_splice(&t->settled, &n->messages);
    document_free(n->document);
    n->document = NULL;
    pool_remove(t->pool, n);
}

static void check_bulk(void *context)
{
    struct turn *t = context;

    MICRO_CHECK(t->good && wire_of_process()->sent >= ORDERS);
    MICRO_CHECK(wire_of_process()->bytes > (size_t)ORDERS * 4096);
    pool_each(t->pool, end_need, t);
    MICRO_CHECK(t->settled.count == ORDERS);
    for (const struct message *m = t->settled.first; m; m = m->next)
        MICRO_CHECK(m->outcome == OUTCOME_DONE);
    message_list_deinit(&t->settled);
    pool_free(t->pool);
}

static const enum micro_market tiktok = MICRO_TIKTOK, shopee = MICRO_SHOPEE;

const struct micro_stage micro_mongo_stages[] = {
    {"lookup", ORDERS, open_lookup, prepare_lookup, run_lookup, check_lookup, close_lookup, &tiktok, 1},
    {"bulk tiktok", ORDERS, open_turn, prepare_bulk, run_bulk, check_bulk, close_turn, &tiktok, 1},
    {"bulk shopee", ORDERS, open_turn, prepare_bulk, run_bulk, check_bulk, close_turn, &shopee, 1},
    {0},
};
