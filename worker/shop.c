/* shop.c - worker: shops and their authorizations as calls need them.
 *
 * In:      platform and shop id.
 * Out:     the shop with its plain access token, believed for keep_ms.
 * Fails:   NULL or false when MongoDB does not answer; a shop that cannot be used is a state, not a failure.
 * Thread:  one cache a lane.
 * Why so:  unknown shops are remembered too, or every event of one would cost two reads. A token that cannot be unsealed
 *          is a problem of that shop alone: it is told in `problem` and the others go on. The state is judged at each
 *          get, because a token runs out while it lies in the cache. Reading stands behind one function pointer, so that
 *          stages are tested without MongoDB. */
#include "worker/shop.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/strbuf.h"
#include "worker/shop_internal.h"

enum { SHOP_BUCKETS = 1024, SHOP_TEXTS = 7 };

/* One shop as read at read_mono_ms. All texts lie in one block. */
struct cached {
    struct cached *next;  /* chain of the bucket */
    struct shop shop;     /* texts point into block; state as stored */
    struct shop given;    /* what get handed out: the same with today's state */
    char *block;          /* owned; wiped before it is freed */
    size_t block_size;    /* bytes */
    int64_t read_mono_ms; /* monotonic; -1 = forgotten */
};

struct shop_cache {
    struct cached *buckets[SHOP_BUCKETS];
    shop_load load;                        /* how shops are read */
    void *load_context;                    /* its first argument */
    struct store *store;                   /* borrowed; NULL in tests */
    const struct credentials *credentials; /* borrowed */
    int64_t keep_ms;                       /* how long a shop is believed */
};

static const char *const state_names[] = {"unknown", "active", "expired", "revoked", "disabled"};

const char *shop_state_name(enum shop_state s)
{
    return state_names[s];
}

enum shop_state shop_state_parse(const char *name)
{
    for (size_t i = SHOP_ACTIVE; i < sizeof state_names / sizeof state_names[0]; i++)
        if (strcmp(state_names[i], name) == 0)
            return (enum shop_state)i;
    return SHOP_UNKNOWN;
}

/* --- the table ------------------------------------------------------------------------------------------------ */

static size_t bucket_of(const char *platform, const char *shop_id)
{
    uint64_t h = UINT64_C(14695981039346656037); /* FNV-1a */

    for (const char *p = platform; *p; p++)
        h = (h ^ (unsigned char)*p) * UINT64_C(1099511628211);
    h *= UINT64_C(1099511628211);
    for (const char *p = shop_id; *p; p++)
        h = (h ^ (unsigned char)*p) * UINT64_C(1099511628211);
    return (size_t)(h % SHOP_BUCKETS);
}

static struct cached *cache_find(const struct shop_cache *c, const char *platform, const char *shop_id)
{
    struct cached *e = c->buckets[bucket_of(platform, shop_id)];

    while (e && (strcmp(e->shop.shop_id, shop_id) != 0 || strcmp(e->shop.platform, platform) != 0))
        e = e->next;
    return e;
}

static bool is_fresh(const struct shop_cache *c, const struct cached *e)
{
    return e && e->read_mono_ms >= 0 && clock_mono_ms() - e->read_mono_ms < c->keep_ms;
}

static void block_free(char *block, size_t size)
{
    if (block)
        explicit_bzero(block, size);
    free(block);
}

/* Copies the texts of from (NULL: "") into one new block; *to then points into it. */
static char *block_new(const struct shop *from, struct shop *to, size_t *size)
{
    const char *texts[SHOP_TEXTS] = {from->platform,     from->shop_id,       from->channel_id, from->cipher,
                                     from->access_token, from->authorization, from->problem};
    const char **fields[SHOP_TEXTS] = {&to->platform,     &to->shop_id,       &to->channel_id, &to->cipher,
                                       &to->access_token, &to->authorization, &to->problem};
    size_t need = 0;
    char *block, *at;

    for (size_t i = 0; i < SHOP_TEXTS; i++)
        need += (texts[i] ? strlen(texts[i]) : 0) + 1;
    at = block = xmalloc(need);
    *to = *from;
    for (size_t i = 0; i < SHOP_TEXTS; i++) {
        size_t n = texts[i] ? strlen(texts[i]) : 0;

        if (n > 0)
            memcpy(at, texts[i], n);
        at[n] = '\0';
        *fields[i] = at;
        at += n + 1;
    }
    *size = need;
    return block;
}

void shop_cache_put(struct shop_cache *c, const struct shop *shop)
{
    struct cached *e = cache_find(c, shop->platform, shop->shop_id);
    struct shop copy;
    size_t size;
    char *block = block_new(shop, &copy, &size);

    if (!e) {
        size_t bucket = bucket_of(shop->platform, shop->shop_id);

        e = xcalloc(1, sizeof *e);
        e->next = c->buckets[bucket];
        c->buckets[bucket] = e;
    }
    block_free(e->block, e->block_size); /* only now: shop may point into it */
    e->shop = copy;
    e->block = block;
    e->block_size = size;
    e->read_mono_ms = clock_mono_ms();
}

/* --- reading from MongoDB ------------------------------------------------------------------------------------- */

/* What one find is about: rows go to shop_cache_put, or complete what is there. */
struct reading {
    struct shop_cache *cache;
    const char *platform;
    struct cached **waiting; /* shops read just now, by authorization: they lack its token */
    size_t waiting_count;
};

static const char *bson_text(const bson_t *doc, const char *name)
{
    bson_iter_t it;

    return bson_iter_init_find(&it, doc, name) && BSON_ITER_HOLDS_UTF8(&it) ? bson_iter_utf8(&it, NULL) : "";
}

static int64_t bson_instant(const bson_t *doc, const char *name)
{
    bson_iter_t it;

    return bson_iter_init_find(&it, doc, name) && BSON_ITER_HOLDS_DATE_TIME(&it) ? bson_iter_date_time(&it)
                                                                                 : 0;
}

static void on_shop(struct reading *r, const bson_t *doc)
{
    struct shop shop = {
        .platform = r->platform,
        .shop_id = bson_text(doc, "shop_id"),
        .channel_id = bson_text(doc, "channel_id"),
        .cipher = bson_text(doc, "shop_cipher"),
        .authorization = bson_text(doc, "authorization"),
        .state = shop_state_parse(bson_text(doc, "state")),
        .problem = "its authorization is not stored",
    };

    if (shop.state == SHOP_UNKNOWN)
        shop.problem = "its state is a word we do not know";
    shop_cache_put(r->cache, &shop);
}

/* The plain token of an authorization. False: problem says why. */
static bool token_open(const struct shop_cache *c, const bson_t *doc, struct strbuf *token,
                       struct err *problem)
{
    const char *sealed = bson_text(doc, "access_token");
    struct strbuf place = STRBUF_INIT;
    bool ok;

    credentials_place(&place, bson_text(doc, "_id"), "access_token");
    ok = credentials_unseal(c->credentials, strbuf_text(&place), sealed, strlen(sealed), token, problem);
    strbuf_deinit(&place);
    if (ok && (token->length == 0 || memchr(token->data, '\0', token->length))) {
        err_set(problem, ERR_DATA, 0, "its access token is empty or malformed");
        ok = false;
    }
    return ok;
}

static int by_authorization(const void *a, const void *b)
{
    return strcmp((*(struct cached *const *)a)->shop.authorization,
                  (*(struct cached *const *)b)->shop.authorization);
}

/* First waiting shop whose authorization does not stand before id. */
static size_t waiting_from(const struct reading *r, const char *id)
{
    size_t low = 0, high = r->waiting_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(r->waiting[middle]->shop.authorization, id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Gives the token to every shop that is waiting for this authorization. */
static void on_authorization(struct reading *r, const bson_t *doc)
{
    const char *id = bson_text(doc, "_id");
    struct strbuf token = STRBUF_INIT;
    struct err problem = {0};
    bool ok = token_open(r->cache, doc, &token, &problem);

    for (size_t i = waiting_from(r, id);
         i < r->waiting_count && strcmp(r->waiting[i]->shop.authorization, id) == 0; i++) {
        struct shop shop = r->waiting[i]->shop;

        shop.access_token = ok ? strbuf_text(&token) : "";
        shop.problem = ok ? "" : problem.text;
        shop.access_expires_ms = bson_instant(doc, "access_expires_at");
        shop_cache_put(r->cache, &shop); /* in place: the pointer and its order stay good */
    }
    if (token.data)
        explicit_bzero(token.data, token.capacity);
    strbuf_deinit(&token);
}

/* One find by _id; visit for every document. False: MongoDB is away, err. */
static bool find_by_id(struct reading *r, const char *collection, const bson_t *ids,
                       void (*visit)(struct reading *, const bson_t *), struct err *err)
{
    bson_t *filter = BCON_NEW("_id", "{", "$in", BCON_ARRAY(ids), "}");
    mongoc_cursor_t *cursor =
        mongoc_collection_find_with_opts(store_collection(r->cache->store, collection), filter, NULL, NULL);
    const bson_t *doc;
    bson_error_t error;
    bool failed;

    while (mongoc_cursor_next(cursor, &doc))
        visit(r, doc);
    failed = mongoc_cursor_error(cursor, &error);
    if (failed)
        err_set(err, ERR_MONGO, (int)error.code, "cannot read %s: %s", collection, error.message);
    mongoc_cursor_destroy(cursor);
    bson_destroy(filter);
    return !failed;
}

static void ids_add(bson_t *ids, uint32_t i, const char *id)
{
    char buffer[16];
    const char *key;
    size_t length = bson_uint32_to_string(i, &key, buffer, sizeof buffer);

    bson_append_utf8(ids, key, (int)length, id, -1);
}

static void shop_ids(const char *platform, const char *const *shop_ids, size_t count, bson_t *ids)
{
    struct strbuf id = STRBUF_INIT;

    for (size_t i = 0; i < count; i++) {
        strbuf_reset(&id);
        strbuf_add_format(&id, "%s:%s", platform, shop_ids[i]);
        ids_add(ids, (uint32_t)i, strbuf_text(&id));
    }
    strbuf_deinit(&id);
}

/* Which of the shops just read wait for a token, and for whose. */
static void collect_waiting(struct reading *r, const char *const *shop_ids, size_t count, bson_t *ids)
{
    uint32_t n = 0;

    r->waiting = xcalloc(count + 1, sizeof(struct cached *));
    for (size_t i = 0; i < count; i++) {
        struct cached *e = cache_find(r->cache, r->platform, shop_ids[i]);

        if (e && e->shop.state != SHOP_UNKNOWN && *e->shop.authorization)
            r->waiting[r->waiting_count++] = e;
    }
    qsort(r->waiting, r->waiting_count, sizeof(struct cached *), by_authorization);
    for (size_t i = 0; i < r->waiting_count; i++)
        if (i == 0 || by_authorization(&r->waiting[i - 1], &r->waiting[i]) != 0)
            ids_add(ids, n++, r->waiting[i]->shop.authorization);
}

/* shop_load from MongoDB: one find a collection. */
static bool load_from_store(void *context, struct shop_cache *c, const char *platform, const char *const *ids,
                            size_t count, struct err *err)
{
    struct reading r = {.cache = c, .platform = platform};
    bson_t shops = BSON_INITIALIZER, authorizations = BSON_INITIALIZER;
    bool ok;

    (void)context;
    shop_ids(platform, ids, count, &shops);
    ok = find_by_id(&r, "shops", &shops, on_shop, err);
    if (ok)
        collect_waiting(&r, ids, count, &authorizations);
    ok = ok && (bson_empty(&authorizations) ||
                find_by_id(&r, "authorizations", &authorizations, on_authorization, err));
    free(r.waiting);
    bson_destroy(&authorizations);
    bson_destroy(&shops);
    return ok;
}

/* --- the cache ------------------------------------------------------------------------------------------------ */

struct shop_cache *shop_cache_new(struct store *store, const struct credentials *credentials, int64_t keep_ms)
{
    struct shop_cache *c = xcalloc(1, sizeof *c);

    c->store = store;
    c->credentials = credentials;
    c->keep_ms = keep_ms;
    c->load = load_from_store;
    return c;
}

void shop_cache_set_load(struct shop_cache *c, shop_load load, void *context)
{
    c->load = load;
    c->load_context = context;
}

void shop_cache_free(struct shop_cache *c)
{
    if (!c)
        return;
    for (size_t b = 0; b < SHOP_BUCKETS; b++) {
        while (c->buckets[b]) {
            struct cached *e = c->buckets[b];

            c->buckets[b] = e->next;
            block_free(e->block, e->block_size);
            free(e);
        }
    }
    free(c);
}

/* Makes ids unknown before they are read: what the reading leaves out then is. */
static void put_unknown(struct shop_cache *c, const char *platform, const char *const *ids, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct shop unknown = {.platform = platform, .shop_id = ids[i], .state = SHOP_UNKNOWN};

        shop_cache_put(c, &unknown);
    }
}

bool shop_cache_load(struct shop_cache *c, const char *platform, const char *const *shop_ids, size_t count,
                     struct err *err)
{
    const char **stale = xcalloc(count + 1, sizeof *stale);
    size_t n = 0;
    bool ok = true;

    for (size_t i = 0; i < count; i++)
        if (!is_fresh(c, cache_find(c, platform, shop_ids[i])))
            stale[n++] = shop_ids[i];
    if (n > 0) {
        put_unknown(c, platform, stale, n);
        ok = c->load(c->load_context, c, platform, stale, n, err);
    }
    for (size_t i = 0; i < n && !ok; i++)
        shop_cache_forget(c, platform, stale[i]); /* half a reading says nothing */
    free(stale);
    return ok;
}

const struct shop *shop_cache_get(struct shop_cache *c, const char *platform, const char *shop_id,
                                  struct err *err)
{
    struct cached *e;

    if (!shop_cache_load(c, platform, &shop_id, 1, err))
        return NULL;
    e = cache_find(c, platform, shop_id);
    e->given = e->shop;
    if (e->shop.state == SHOP_ACTIVE && e->shop.access_expires_ms != 0 &&
        e->shop.access_expires_ms <= clock_now_ms())
        e->given.state = SHOP_EXPIRED;
    return &e->given;
}

void shop_cache_forget(struct shop_cache *c, const char *platform, const char *shop_id)
{
    struct cached *e = cache_find(c, platform, shop_id);

    if (e)
        e->read_mono_ms = -1;
}

/* A shop whose call was answered has been read; its channel does not grow old as its token does. */
const char *shop_channel(void *shop_cache, const char *platform, const char *shop_id)
{
    const struct cached *e = cache_find(shop_cache, platform, shop_id);
    const struct shop *shop = e ? &e->shop : NULL;

    if (!shop || shop->state == SHOP_UNKNOWN)
        shop = shop_cache_get(shop_cache, platform, shop_id, NULL);
    return shop && shop->state != SHOP_UNKNOWN ? shop->channel_id : NULL;
}
