/* store.c - worker: the MongoDB side of one process.
 *
 * In:      MONGO_URI and MONGO_DBNAME.
 * Out:     a pool, a client a thread, collections; indexes made; a server proven to do what the guards rely on.
 * Fails:   with a sentence; never with the URI in it, because that holds a password.
 * Thread:  the pool: made before and freed after all threads. A store belongs to one thread.
 * Why so:  nothing is left to the driver's defaults: without wtimeout a majority write waits for the socket, the socket
 *          waits five minutes, and a pool waits for ever. What the URI sets stands, except reading from a secondary:
 *          the lookup would then call events unreflected that are stored, and every read-back would be a guess.
 *          mongoc_init and mongoc_cleanup are main's. */
#include "worker/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/metrics.h"
#include "common/strbuf.h"
#include "worker/guard.h"

enum {
    STORE_COLLECTIONS_MAX = 16,
    POOL_SPARE = 8, /* threads beside the lanes and their writers */
    WTIMEOUT_MS = 10000,
};

struct store_pool {
    mongoc_client_pool_t *clients; /* owned */
    char *database;                /* owned */
};

/* A collection handle, made at first use. */
struct store_slot {
    char *name;                      /* owned */
    mongoc_collection_t *collection; /* owned */
};

struct store {
    struct store_pool *pool;      /* borrowed */
    mongoc_client_t *client;      /* popped from it, pushed back by store_close */
    mongoc_read_prefs_t *primary; /* owned */
    struct store_slot slots[STORE_COLLECTIONS_MAX];
    size_t used; /* slots in use */
};

/* --- the driver's hooks ---------------------------------------------------------------------------- */

static void on_driver_log(mongoc_log_level_t level, const char *domain, const char *message, void *context)
{
    (void)context;
    if (level <= MONGOC_LOG_LEVEL_WARNING)
        log_warn("mongo driver", LOG_S("domain", domain), LOG_S("text", message));
    else if (level <= MONGOC_LOG_LEVEL_INFO)
        log_info("mongo driver", LOG_S("domain", domain), LOG_S("text", message));
    else
        log_debug("mongo driver", LOG_S("domain", domain), LOG_S("text", message));
}

static void count_bulk(const char *command)
{
    if (strcmp(command, "update") == 0 || strcmp(command, "insert") == 0)
        metric_add(METRIC_WORKER_BULKS, 1);
}

static void on_succeeded(const mongoc_apm_command_succeeded_t *event)
{
    count_bulk(mongoc_apm_command_succeeded_get_command_name(event));
}

static void on_failed(const mongoc_apm_command_failed_t *event)
{
    count_bulk(mongoc_apm_command_failed_get_command_name(event));
}

/* No `started` callback: it would copy every payload. */
static void set_callbacks(mongoc_client_pool_t *clients)
{
    mongoc_apm_callbacks_t *callbacks = mongoc_apm_callbacks_new();

    mongoc_apm_set_command_succeeded_cb(callbacks, on_succeeded);
    mongoc_apm_set_command_failed_cb(callbacks, on_failed);
    mongoc_client_pool_set_apm_callbacks(clients, callbacks, NULL);
    mongoc_apm_callbacks_destroy(callbacks);
}

/* --- the URI --------------------------------------------------------------------------------------- */

/* What the URI leaves open. A bulk's worst case is two socket time-outs and one server selection. */
static const struct {
    const char *option;
    int32_t value;
} uri_defaults[] = {
    {MONGOC_URI_CONNECTTIMEOUTMS, 5000},         {MONGOC_URI_SOCKETTIMEOUTMS, 30000},
    {MONGOC_URI_SERVERSELECTIONTIMEOUTMS, 5000}, {MONGOC_URI_HEARTBEATFREQUENCYMS, 10000},
    {MONGOC_URI_WAITQUEUETIMEOUTMS, 5000},
};

/* The driver quotes what it refuses, which may be a piece of a password with a character it took for a separator. */
static void set_uri_error(struct err *err, const char *message)
{
    char masked[200];
    size_t n = 0;
    bool quoted = false;

    for (const char *p = message; *p && n < sizeof(masked) - 4; p++) {
        if (*p == '"' || *p == '\'') {
            quoted = !quoted;
            if (quoted) {
                memcpy(masked + n, "...", 3);
                n += 3;
            }
        } else if (!quoted) {
            masked[n++] = *p;
        }
    }
    masked[n] = '\0';
    err_set(err, ERR_CONFIG, 0, "MONGO_URI: %s", masked);
}

/* Majority, journalled, with an end: an unconfirmed write must not look confirmed. */
static bool set_write_concern(mongoc_uri_t *uri, struct err *err)
{
    mongoc_write_concern_t *concern = mongoc_write_concern_copy(mongoc_uri_get_write_concern(uri));
    int32_t w = mongoc_write_concern_get_w(concern);
    bool ok = w != MONGOC_WRITE_CONCERN_W_UNACKNOWLEDGED && w != MONGOC_WRITE_CONCERN_W_ERRORS_IGNORED;

    if (!ok)
        err_set(err, ERR_CONFIG, 0, "MONGO_URI: w=0 cannot be used: no write would be confirmed");
    if (w == MONGOC_WRITE_CONCERN_W_DEFAULT)
        mongoc_write_concern_set_w(concern, MONGOC_WRITE_CONCERN_W_MAJORITY);
    if (!mongoc_write_concern_journal_is_set(concern))
        mongoc_write_concern_set_journal(concern, true);
    if (mongoc_write_concern_get_wtimeout_int64(concern) == 0)
        mongoc_write_concern_set_wtimeout_int64(concern, WTIMEOUT_MS);
    if (ok)
        mongoc_uri_set_write_concern(uri, concern);
    mongoc_write_concern_destroy(concern);
    return ok;
}

static void set_numbers(mongoc_uri_t *uri, int64_t threads)
{
    for (size_t i = 0; i < sizeof(uri_defaults) / sizeof(uri_defaults[0]); i++) {
        if (!mongoc_uri_has_option(uri, uri_defaults[i].option))
            mongoc_uri_set_option_as_int32(uri, uri_defaults[i].option, uri_defaults[i].value);
    }
    if (!mongoc_uri_has_option(uri, MONGOC_URI_MAXPOOLSIZE))
        mongoc_uri_set_option_as_int32(uri, MONGOC_URI_MAXPOOLSIZE, 2 * (int32_t)threads + POOL_SPARE);
    if (!mongoc_uri_has_option(uri, MONGOC_URI_RETRYWRITES))
        mongoc_uri_set_option_as_bool(uri, MONGOC_URI_RETRYWRITES, true);
    if (!mongoc_uri_has_option(uri, MONGOC_URI_RETRYREADS))
        mongoc_uri_set_option_as_bool(uri, MONGOC_URI_RETRYREADS, true);
}

/* Owned; NULL: err. */
static mongoc_uri_t *uri_new(const struct config *config, const char *app_name, struct err *err)
{
    bson_error_t error = {0};
    mongoc_uri_t *uri = mongoc_uri_new_with_error(config->mongo_uri, &error);

    if (!uri) {
        set_uri_error(err, error.message);
        return NULL;
    }
    set_numbers(uri, config->worker_threads);
    if (!mongoc_uri_get_appname(uri))
        mongoc_uri_set_appname(uri, app_name);
    if (set_write_concern(uri, err))
        return uri;
    mongoc_uri_destroy(uri);
    return NULL;
}

/* --- pool and store -------------------------------------------------------------------------------- */

struct store_pool *store_pool_new(const struct config *config, const char *app_name, struct err *err)
{
    struct store_pool *p = NULL;
    mongoc_client_pool_t *clients;
    mongoc_uri_t *uri;
    bson_error_t error = {0};

    mongoc_log_set_handler(on_driver_log, NULL);
    uri = uri_new(config, app_name, err);
    if (!uri)
        return NULL;
    clients = mongoc_client_pool_new_with_error(uri, &error);
    if (!clients) {
        set_uri_error(err, error.message);
        goto out;
    }
    mongoc_client_pool_set_error_api(clients, MONGOC_ERROR_API_VERSION_2);
    set_callbacks(clients);
    p = xcalloc(1, sizeof(*p));
    p->clients = clients;
    p->database = xstrndup(config->mongo_dbname, strlen(config->mongo_dbname));
out:
    mongoc_uri_destroy(uri);
    return p;
}

void store_pool_free(struct store_pool *p)
{
    if (!p)
        return;
    mongoc_client_pool_destroy(p->clients);
    free(p->database);
    free(p);
}

struct store *store_open(struct store_pool *p, struct err *err)
{
    mongoc_client_t *client = mongoc_client_pool_pop(p->clients);
    struct store *s;

    if (!client) {
        err_set(err, ERR_MONGO, 0, "MongoDB: every client of the pool is in use (maxPoolSize of MONGO_URI)");
        return NULL;
    }
    s = xcalloc(1, sizeof(*s));
    s->pool = p;
    s->client = client;
    s->primary = mongoc_read_prefs_new(MONGOC_READ_PRIMARY);
    return s;
}

void store_close(struct store *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->used; i++) {
        mongoc_collection_destroy(s->slots[i].collection);
        free(s->slots[i].name);
    }
    mongoc_read_prefs_destroy(s->primary);
    mongoc_client_pool_push(s->pool->clients, s->client);
    free(s);
}

static mongoc_collection_t *collection_new(struct store *s, const char *name)
{
    mongoc_collection_t *c = mongoc_client_get_collection(s->client, s->pool->database, name);

    mongoc_collection_set_read_prefs(c, s->primary);
    return c;
}

mongoc_collection_t *store_collection(struct store *s, const char *name)
{
    struct store_slot *slot;

    for (size_t i = 0; i < s->used; i++) {
        if (strcmp(s->slots[i].name, name) == 0)
            return s->slots[i].collection;
    }
    if (s->used == STORE_COLLECTIONS_MAX)
        fatalx("store: more collections than a lane may have", LOG_S("name", name));
    slot = &s->slots[s->used++];
    slot->name = xstrndup(name, strlen(name));
    slot->collection = collection_new(s, name);
    return slot->collection;
}

const char *store_collection_of(enum entry_kind kind)
{
    static const char *const names[ENTRY_KINDS] = {
        [ENTRY_ORDER] = "orders",
        [ENTRY_RETURN] = "returns",
        [ENTRY_PRODUCT] = "products",
        [ENTRY_TRANSACTION] = "transactions",
        [ENTRY_TRACKING] = "order_tracking_status",
    };

    return (unsigned)kind < ENTRY_KINDS ? names[kind] : NULL;
}

static bool fail(struct err *err, const char *doing, const bson_error_t *error)
{
    err_set(err, ERR_MONGO, (int)error->code, "MongoDB: %s: %s", doing, error->message);
    return false;
}

bool store_ping(struct store *s, struct err *err)
{
    bson_t *ping = BCON_NEW("ping", BCON_INT32(1));
    bson_error_t error = {0};
    bool ok = mongoc_client_command_simple(s->client, "admin", ping, s->primary, NULL, &error);

    bson_destroy(ping);
    return ok || fail(err, "ping", &error);
}

/* --- indexes --------------------------------------------------------------------------------------- */

enum { NO_EXPIRY = -1 };

struct store_index {
    const char *collection; /* literal */
    const char *name;       /* literal; what an existing one is told by */
    const char *keys[3];    /* ascending, in order; NULL after the last */
    int expire_seconds;     /* after the date in the key; NO_EXPIRY */
};

static const struct store_index store_indexes[] = {
    {"orders", "shop_version", {"shop_id", "version"}, NO_EXPIRY},
    {"orders", "shop_state_created", {"shop_id", "state", "create_time"}, NO_EXPIRY},
    {"orders", "synced_at", {"synced_at"}, NO_EXPIRY},
    {"webhook_events", "expires", {"expires_at"}, 0},
    {"webhook_events", "shop_received", {"shop_id", "recv_ms"}, NO_EXPIRY},
    {"returns", "shop_version", {"shop_id", "version"}, NO_EXPIRY},
    {"returns", "shop_state_created", {"shop_id", "state", "create_time"}, NO_EXPIRY},
    {"returns", "order", {"order_id"}, NO_EXPIRY},
    {"returns", "synced_at", {"synced_at"}, NO_EXPIRY},
    {"products", "shop_version", {"shop_id", "version"}, NO_EXPIRY},
    {"products", "shop_state_created", {"shop_id", "state", "create_time"}, NO_EXPIRY},
    {"products", "synced_at", {"synced_at"}, NO_EXPIRY},
    {"transactions", "shop_version", {"shop_id", "version"}, NO_EXPIRY},
    {"transactions", "order", {"order_id"}, NO_EXPIRY},
    {"transactions", "synced_at", {"synced_at"}, NO_EXPIRY},
    {"order_tracking_status", "shop_version", {"shop_id", "version"}, NO_EXPIRY},
    {"order_tracking_status", "order", {"order_id"}, NO_EXPIRY},
    {"order_tracking_status", "synced_at", {"synced_at"}, NO_EXPIRY},
    {"needs", "shop_since", {"platform", "shop_id", "since"}, NO_EXPIRY}, /* the sweep's way through */
    {"swept", "swept_ms", {"swept_ms"}, NO_EXPIRY},
    {"shops", "authorization", {"authorization"}, NO_EXPIRY},
    {"shops", "hint", {"hint_ms"}, NO_EXPIRY},
    {"authorizations", "refresh_hash", {"refresh_hash"}, NO_EXPIRY},
    {"authorizations", "refresh_at", {"refresh_at"}, NO_EXPIRY},
    {"authorizations", "access_expires", {"access_expires_at"}, NO_EXPIRY},
    {"authorizations", "alarm", {"alarm.since"}, NO_EXPIRY},
    {"authorizations", "state", {"state"}, NO_EXPIRY},
};

enum { INDEX_COUNT = sizeof(store_indexes) / sizeof(store_indexes[0]), INDEX_KEYS_MAX = 3 };

static void append_keys(bson_t *to, const struct store_index *index)
{
    for (size_t i = 0; i < INDEX_KEYS_MAX && index->keys[i]; i++)
        BSON_APPEND_INT32(to, index->keys[i], 1);
}

/* Servers give the direction as int32, int64 or double. */
static bool same_keys(const bson_t *existing, const struct store_index *index)
{
    bson_iter_t it;
    size_t i = 0;

    if (!bson_iter_init_find(&it, existing, "key") || !BSON_ITER_HOLDS_DOCUMENT(&it) ||
        !bson_iter_recurse(&it, &it))
        return false;
    for (; bson_iter_next(&it); i++) {
        if (i == INDEX_KEYS_MAX || !index->keys[i] || strcmp(bson_iter_key(&it), index->keys[i]) != 0 ||
            bson_iter_as_int64(&it) != 1)
            return false;
    }
    return i == INDEX_KEYS_MAX || !index->keys[i];
}

static const char *index_name(const bson_t *existing)
{
    bson_iter_t it;

    return bson_iter_init_find(&it, existing, "name") && BSON_ITER_HOLDS_UTF8(&it) ? bson_iter_utf8(&it, NULL)
                                                                                   : "";
}

/* Marks in there[] the indexes of a collection that exist. False: err; also when one of our names has other keys. */
static bool list_indexes(struct store *s, const char *collection, bool there[INDEX_COUNT], struct err *err)
{
    mongoc_cursor_t *cursor = mongoc_collection_find_indexes_with_opts(store_collection(s, collection), NULL);
    const bson_t *row;
    bson_error_t error = {0};
    bool ok = true;

    while (ok && mongoc_cursor_next(cursor, &row)) {
        for (size_t i = 0; ok && i < INDEX_COUNT; i++) {
            if (strcmp(store_indexes[i].collection, collection) != 0 ||
                strcmp(store_indexes[i].name, index_name(row)) != 0)
                continue;
            there[i] = true;
            ok = same_keys(row, &store_indexes[i]);
            if (!ok)
                err_set(err, ERR_MONGO, 0, "MongoDB: index %s of %s has other keys: drop it first",
                        store_indexes[i].name, collection);
        }
    }
    if (ok && mongoc_cursor_error(cursor, &error))
        ok = fail(err, "listIndexes", &error);
    mongoc_cursor_destroy(cursor);
    return ok;
}

static bool create_index(struct store *s, const struct store_index *index, struct err *err)
{
    mongoc_database_t *database = mongoc_client_get_database(s->client, s->pool->database);
    bson_t keys = BSON_INITIALIZER, spec = BSON_INITIALIZER, list = BSON_INITIALIZER,
           command = BSON_INITIALIZER;
    bson_error_t error = {0};
    bool ok;

    append_keys(&keys, index);
    BSON_APPEND_DOCUMENT(&spec, "key", &keys);
    BSON_APPEND_UTF8(&spec, "name", index->name);
    if (index->expire_seconds != NO_EXPIRY)
        BSON_APPEND_INT32(&spec, "expireAfterSeconds", index->expire_seconds);
    BSON_APPEND_DOCUMENT(&list, "0", &spec);
    BSON_APPEND_UTF8(&command, "createIndexes", index->collection);
    BSON_APPEND_ARRAY(&command, "indexes", &list);
    ok = mongoc_database_write_command_with_opts(database, &command, NULL, NULL, &error);
    if (!ok)
        fail(err, index->name, &error);
    bson_destroy(&command);
    bson_destroy(&list);
    bson_destroy(&spec);
    bson_destroy(&keys);
    mongoc_database_destroy(database);
    return ok;
}

bool store_prepare(struct store *s, const struct config *config, struct err *err)
{
    bool there[INDEX_COUNT] = {false};
    const char *listed = NULL;

    (void)config;
    for (size_t i = 0; i < INDEX_COUNT; i++) { /* one listing a collection: its rows stand together */
        if (listed && strcmp(listed, store_indexes[i].collection) == 0)
            continue;
        listed = store_indexes[i].collection;
        if (!list_indexes(s, listed, there, err))
            return false;
    }
    for (size_t i = 0; i < INDEX_COUNT; i++) {
        if (there[i])
            continue;
        if (!create_index(s, &store_indexes[i], err))
            return false;
        log_info("index created", LOG_S("collection", store_indexes[i].collection),
                 LOG_S("index", store_indexes[i].name));
    }
    return true;
}

/* --- self-check ------------------------------------------------------------------------------------ */

enum {
    CHECK_VERSION = 10, /* state first written */
    CHECK_FETCHED = 5,
    CHECK_HORIZON = 1000,
    CODE_DUPLICATE = 11000,
};

/* One guarded upsert of (version, fetched_ms); *code 0 or the error's. False: MongoDB is away. */
static bool check_write(mongoc_collection_t *c, const char *id, int64_t version, int64_t fetched_ms,
                        const bson_decimal128_t *amount, uint32_t *code, struct err *err)
{
    bson_t filter = BSON_INITIALIZER, set = BSON_INITIALIZER, update = BSON_INITIALIZER;
    bson_t *opts = BCON_NEW("upsert", BCON_BOOL(true));
    bson_error_t error = {0};
    bool ok;

    BSON_APPEND_INT64(&set, "version", version);
    BSON_APPEND_INT64(&set, "fetched_ms", fetched_ms);
    BSON_APPEND_DECIMAL128(&set, "amount", amount);
    BSON_APPEND_DOCUMENT(&update, "$set", &set);
    ok = guard_filter(&filter, GUARD_ORDINARY, id, version, fetched_ms, CHECK_HORIZON, NULL) &&
         mongoc_collection_update_one(c, &filter, &update, opts, NULL, &error);
    *code = ok ? 0 : error.code;
    if (!ok && error.code != CODE_DUPLICATE)
        fail(err, "self-check", &error);
    else
        ok = true;
    bson_destroy(opts);
    bson_destroy(&update);
    bson_destroy(&set);
    bson_destroy(&filter);
    return ok;
}

static bool differs(struct err *err, const char *what)
{
    err_set(err, ERR_MONGO, 0, "MongoDB: self-check: this server differs: %s", what);
    return false;
}

/* The guards, as a table of writes and what must become of each. */
static bool check_guards(mongoc_collection_t *c, const bson_decimal128_t *amount, struct err *err)
{
    static const struct {
        const char *id;
        int64_t version, fetched_ms;
        bool refused;
        const char *what;
    } steps[] = {
        {"a", CHECK_VERSION, CHECK_FETCHED, false, "an upsert of a missing document is refused"},
        {"a", CHECK_VERSION - 1, CHECK_FETCHED + 1, true, "an older version is not refused with 11000"},
        {"a", CHECK_VERSION, CHECK_FETCHED, true, "the same state is not refused with 11000"},
        {"a", CHECK_VERSION, CHECK_FETCHED + 1, false, "a later read of one version is refused"},
        {"bare", 1, 1, false, "a document without a version does not match the guard"},
    };
    uint32_t code;

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        if (!check_write(c, steps[i].id, steps[i].version, steps[i].fetched_ms, amount, &code, err))
            return false;
        if ((code == CODE_DUPLICATE) != steps[i].refused)
            return differs(err, steps[i].what);
    }
    return true;
}

/* A document without a version, as somebody else may have left it. */
static bool insert_bare(mongoc_collection_t *c, struct err *err)
{
    bson_t *bare = BCON_NEW("_id", BCON_UTF8("bare"));
    bson_error_t error = {0};
    bool ok = mongoc_collection_insert_one(c, bare, NULL, NULL, &error);

    bson_destroy(bare);
    return ok || fail(err, "self-check", &error);
}

static bool is_as_written(const bson_t *row, const bson_decimal128_t *amount)
{
    bson_decimal128_t got;
    bson_iter_t it;

    if (!bson_iter_init_find(&it, row, "version") || !BSON_ITER_HOLDS_INT64(&it) ||
        bson_iter_int64(&it) != CHECK_VERSION)
        return false;
    return bson_iter_init_find(&it, row, "amount") && bson_iter_decimal128(&it, &got) &&
           got.high == amount->high && got.low == amount->low;
}

static bool check_values(mongoc_collection_t *c, const bson_decimal128_t *amount, struct err *err)
{
    bson_t *filter = BCON_NEW("_id", BCON_UTF8("a"));
    mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(c, filter, NULL, NULL);
    const bson_t *row;
    bson_error_t error = {0};
    bool ok = true;

    if (!mongoc_cursor_next(cursor, &row))
        ok = mongoc_cursor_error(cursor, &error) ? fail(err, "self-check", &error)
                                                 : differs(err, "a document just written is not found");
    else if (!is_as_written(row, amount))
        ok = differs(err, "int64 or Decimal128 come back changed");
    mongoc_cursor_destroy(cursor);
    bson_destroy(filter);
    return ok;
}

bool store_self_check(struct store *s, struct err *err)
{
    bson_decimal128_t amount;
    mongoc_collection_t *c;
    bson_oid_t oid;
    char name[48] = "self_check_", unique[25];
    bool ok;

    if (!bson_decimal128_from_string("-12345678901234567890.1234567890", &amount))
        fatalx("store: decimal refused");
    bson_oid_init(&oid, NULL);
    bson_oid_to_string(&oid, unique);
    memcpy(name + strlen(name), unique, sizeof(unique));
    c = collection_new(s, name);
    ok = insert_bare(c, err) && check_guards(c, &amount, err) && check_values(c, &amount, err);
    if (!mongoc_collection_drop(c, NULL))
        log_warn("self-check collection not dropped", LOG_S("collection", name));
    mongoc_collection_destroy(c);
    return ok;
}
