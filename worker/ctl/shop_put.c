/* shop_put.c - shopstreamctl shop put: which authorization a grant belongs to, and storing it.
 *
 * In:      one record of standard input.
 * Out:     `authorizations` and `shops`, and what changed in them.
 * Fails:   MongoDB away, a token that cannot be sealed, or too many others writing the same authorization.
 * Thread:  the tool's.
 * Why so:  TikTok grants a seller's shops together, and refreshing one copy of a shared grant would strand the others:
 *          so shops share an authorization. It is found by the account, or by the hash of its current or a former refresh
 *          token (a former one says who, but its tokens are old news and change nothing), or it is the one the shop has
 *          already. Tokens are written by compare-and-set on the hash of the refresh token that was read, because a
 *          refresher may write at the same time; the loser reads again. Shopee refreshes each shop's copy of a shared pair
 *          by itself, so there a shop has an authorization of its own and joins none. */
#include "worker/ctl/shop_put.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/hmac.h"
#include "worker/grant_store.h"
#include "worker/shop.h"

enum { PUT_TRIES = 5, FORMER_HASHES = 20 };

/* One put under way. */
struct put {
    struct store *store;
    const struct credentials *credentials;
    const struct shop_record *record;
    char hash[HMAC_HEX_LENGTH + 1]; /* of the record's refresh token */
    char shop_id[256];              /* _id in shops */
    bool lives;                     /* the authorization is not known to be refused */
    struct shop_put_result *out;
};

/* --- reading -------------------------------------------------------------------------------------------------- */

static const char *text_of(const bson_t *doc, const char *name)
{
    bson_iter_t it;

    return bson_iter_init_find(&it, doc, name) && BSON_ITER_HOLDS_UTF8(&it) ? bson_iter_utf8(&it, NULL) : "";
}

static int64_t instant_of(const bson_t *doc, const char *name)
{
    bson_iter_t it;

    return bson_iter_init_find(&it, doc, name) && BSON_ITER_HOLDS_DATE_TIME(&it) ? bson_iter_date_time(&it)
                                                                                 : 0;
}

/* First document that matches; takes filter. *doc: owned copy, NULL when there is none. False: err. */
static bool find_one(struct put *p, const char *collection, bson_t *filter, bson_t **doc, struct err *err)
{
    bson_t *opts = BCON_NEW("limit", BCON_INT64(1), "sort", "{", "_id", BCON_INT32(1), "}");
    mongoc_cursor_t *cursor =
        mongoc_collection_find_with_opts(store_collection(p->store, collection), filter, opts, NULL);
    const bson_t *found;
    bson_error_t error;
    bool failed;

    *doc = mongoc_cursor_next(cursor, &found) ? bson_copy(found) : NULL;
    failed = mongoc_cursor_error(cursor, &error);
    if (failed)
        err_set(err, ERR_MONGO, (int)error.code, "cannot read %s: %s", collection, error.message);
    mongoc_cursor_destroy(cursor);
    bson_destroy(opts);
    bson_destroy(filter);
    return !failed;
}

/* Ways to find the authorization a grant belongs to, in this order. */
enum lookup { BY_ACCOUNT, BY_TOKEN, BY_FORMER_TOKEN, BY_SHOP, LOOKUPS };

static const char *const lookup_names[LOOKUPS] = {"account", "refresh token", "former refresh token", "shop"};

/* Does each shop have its own pair, also when a grant gave several the same one? */
static bool is_by_shop(const struct put *p)
{
    return strcmp(p->record->platform, "shopee") == 0;
}

/* NULL: this way says nothing here. */
static bson_t *lookup_filter(const struct put *p, enum lookup by, const char *present)
{
    const char *platform = p->record->platform, *account = p->record->account;

    if (is_by_shop(p) && by != BY_SHOP)
        return NULL;
    switch (by) {
    case BY_ACCOUNT:
        return account ? BCON_NEW("platform", BCON_UTF8(platform), "$or", "[", "{", "account",
                                  BCON_UTF8(account), "}", "{", "open_id", BCON_UTF8(account), "}", "]")
                       : NULL;
    case BY_TOKEN:
        return BCON_NEW("platform", BCON_UTF8(platform), "refresh_hash", BCON_UTF8(p->hash));
    case BY_FORMER_TOKEN:
        return BCON_NEW("platform", BCON_UTF8(platform), "former_refresh_hashes", BCON_UTF8(p->hash));
    case BY_SHOP:
        return *present ? BCON_NEW("_id", BCON_UTF8(present)) : NULL;
    case LOOKUPS:
        break;
    }
    return NULL;
}

/* The shop's present authorization is another seller's than the record's? */
static bool is_another_account(const struct put *p, const bson_t *doc)
{
    const char *account = p->record->account, *stored = text_of(doc, "account");

    return !is_by_shop(p) && account && *stored && strcmp(account, stored) != 0;
}

/* The authorization this grant belongs to, NULL when it is a new one. How it was found: out->joined. */
static bool find_authorization(struct put *p, const bson_t *shop, bson_t **doc, struct err *err)
{
    *doc = NULL;
    for (int by = BY_ACCOUNT; by < LOOKUPS; by++) {
        bson_t *filter = lookup_filter(p, (enum lookup)by, shop ? text_of(shop, "authorization") : "");

        if (filter && !find_one(p, "authorizations", filter, doc, err))
            return false;
        if (*doc && by == BY_SHOP && is_another_account(p, *doc)) {
            bson_destroy(*doc);
            *doc = NULL;
        }
        if (*doc) {
            p->out->joined = lookup_names[by];
            return true;
        }
    }
    p->out->joined = "new";
    return true;
}

static bool is_former(const bson_t *doc, const char *hash)
{
    bson_iter_t it, element;

    if (!bson_iter_init_find(&it, doc, "former_refresh_hashes") || !BSON_ITER_HOLDS_ARRAY(&it) ||
        !bson_iter_recurse(&it, &element))
        return false;
    while (bson_iter_next(&element))
        if (BSON_ITER_HOLDS_UTF8(&element) && strcmp(bson_iter_utf8(&element, NULL), hash) == 0)
            return true;
    return false;
}

/* --- writing -------------------------------------------------------------------------------------------------- */

/* One update; takes filter and update. *matched, *changed: as the server counts; upserts count as both. */
static bool update_one(struct put *p, const char *collection, bson_t *filter, bson_t *update, bool upsert,
                       bool *matched, bool *created, bool *changed, struct err *err)
{
    bson_t *opts = BCON_NEW("upsert", BCON_BOOL(upsert)), reply;
    bson_error_t error;
    bool ok = mongoc_collection_update_one(store_collection(p->store, collection), filter, update, opts,
                                           &reply, &error);
    bson_iter_t it;

    *created = ok && bson_iter_init_find(&it, &reply, "upsertedId");
    *matched =
        *created || (ok && bson_iter_init_find(&it, &reply, "matchedCount") && bson_iter_as_int64(&it) > 0);
    *changed =
        *created || (ok && bson_iter_init_find(&it, &reply, "modifiedCount") && bson_iter_as_int64(&it) > 0);
    if (!ok)
        err_set(err, ERR_MONGO, (int)error.code, "cannot write %s: %s", collection, error.message);
    bson_destroy(&reply);
    bson_destroy(opts);
    bson_destroy(update);
    bson_destroy(filter);
    return ok;
}

static bool seal_into(struct put *p, bson_t *set, const char *authorization, const char *field,
                      const char *token, struct err *err)
{
    struct strbuf place = STRBUF_INIT, sealed = STRBUF_INIT;
    bool ok;

    credentials_place(&place, authorization, field);
    ok = credentials_seal(p->credentials, strbuf_text(&place), token, strlen(token), &sealed, err) &&
         bson_append_utf8(set, field, -1, strbuf_text(&sealed), (int)sealed.length);
    strbuf_deinit(&sealed);
    strbuf_deinit(&place);
    return ok;
}

/* The fields a grant sets. False: err. */
static bool grant_fields(struct put *p, const char *authorization, bson_t *set, struct err *err)
{
    const struct shop_record *r = p->record;
    int64_t now_ms = clock_now_ms();

    BSON_APPEND_UTF8(set, "platform", r->platform);
    if (r->account)
        BSON_APPEND_UTF8(set, "account", r->account);
    BSON_APPEND_DATE_TIME(set, "access_expires_at", r->access_expires_ms);
    BSON_APPEND_DATE_TIME(set, "refresh_expires_at", r->refresh_expires_ms);
    BSON_APPEND_UTF8(set, "refresh_hash", p->hash);
    BSON_APPEND_DATE_TIME(set, "access_issued_at", now_ms);
    BSON_APPEND_DATE_TIME(set, "refresh_at", grant_half_life_ms(now_ms, r->access_expires_ms));
    BSON_APPEND_DATE_TIME(set, "updated_at", now_ms);
    if (is_by_shop(p))
        BSON_APPEND_UTF8(set, "shop_id", r->shop_id);
    return seal_into(p, set, authorization, "access_token", r->access_token, err) &&
           seal_into(p, set, authorization, "refresh_token", r->refresh_token, err);
}

/* {$set: grant, $unset: what was wrong with the one before, $push: the hash it replaces}; NULL: err. */
static bson_t *grant_update(struct put *p, const char *authorization, const char *old_hash, struct err *err)
{
    bson_t *update = bson_new(), set;
    bool ok;

    BSON_APPEND_DOCUMENT_BEGIN(update, "$set", &set);
    ok = grant_fields(p, authorization, &set, err);
    bson_append_document_end(update, &set);
    BCON_APPEND(update, "$unset", "{", "intent", BCON_UTF8(""), "alarm", BCON_UTF8(""), "state",
                BCON_UTF8(""), "refresh_failures", BCON_UTF8(""), "}");
    if (ok && *old_hash && strcmp(old_hash, p->hash) != 0)
        BCON_APPEND(update, "$push", "{", "former_refresh_hashes", "{", "$each", "[", BCON_UTF8(old_hash),
                    "]", "$slice", BCON_INT32(-FORMER_HASHES), "}", "}");
    if (ok)
        return update;
    bson_destroy(update);
    return NULL;
}

/* A new authorization "<platform>:<account or shop>". False with *again: that name was taken meanwhile, or belongs to
 * another grant: the next try finds it or takes a name that no other grant has. */
static bool authorization_create(struct put *p, int attempt, bool *again, struct err *err)
{
    struct strbuf *id = &p->out->authorization;
    const char *name = p->record->account && !is_by_shop(p) ? p->record->account : p->record->shop_id;
    bool matched, created, changed;
    bson_t *update;

    strbuf_reset(id);
    strbuf_add_format(id, "%s:%s", p->record->platform, name);
    if (attempt > 0)
        strbuf_add_format(id, "~%.8s", p->hash);
    update = grant_update(p, strbuf_text(id), "", err);
    if (!update)
        return false;
    /* refresh_hash in the filter: an existing document of that name does not match, and the upsert fails on its _id */
    if (!update_one(p, "authorizations",
                    BCON_NEW("_id", BCON_UTF8(strbuf_text(id)), "refresh_hash", BCON_UTF8("")), update, true,
                    &matched, &created, &changed, err)) {
        *again = err->code == 11000;
        return false;
    }
    p->out->tokens = "stored";
    p->lives = true;
    return true;
}

static bool same_access_token(struct put *p, const bson_t *doc)
{
    const char *sealed = text_of(doc, "access_token");
    struct strbuf place = STRBUF_INIT, plain = STRBUF_INIT;
    bool same;

    credentials_place(&place, text_of(doc, "_id"), "access_token");
    same = credentials_unseal(p->credentials, strbuf_text(&place), sealed, strlen(sealed), &plain, NULL) &&
           strcmp(strbuf_text(&plain), p->record->access_token) == 0;
    if (plain.data)
        explicit_bzero(plain.data, plain.capacity);
    strbuf_deinit(&plain);
    strbuf_deinit(&place);
    return same;
}

/* What the record means for the tokens stored; NULL: they are to be replaced. */
static const char *tokens_verdict(struct put *p, const bson_t *doc)
{
    int64_t stored = instant_of(doc, "access_expires_at");

    if (is_former(doc, p->hash) && strcmp(text_of(doc, "refresh_hash"), p->hash) != 0)
        return "kept (newer ones are stored)";
    if (strcmp(text_of(doc, "refresh_hash"), p->hash) != 0)
        return NULL;
    if (same_access_token(p, doc) && stored == p->record->access_expires_ms &&
        instant_of(doc, "refresh_expires_at") == p->record->refresh_expires_ms)
        return "unchanged";
    return stored > p->record->access_expires_ms ? "kept (newer ones are stored)" : NULL;
}

static bool authorization_update(struct put *p, const bson_t *doc, bool *again, struct err *err)
{
    const char *id = text_of(doc, "_id"), *hash = text_of(doc, "refresh_hash");
    bool matched, created, changed;
    bson_t *update;

    strbuf_reset(&p->out->authorization);
    strbuf_add_text(&p->out->authorization, id);
    p->out->tokens = tokens_verdict(p, doc);
    p->lives = !p->out->tokens || strcmp(text_of(doc, "state"), "refused") != 0;
    if (p->out->tokens)
        return true;
    update = grant_update(p, id, hash, err);
    if (!update ||
        !update_one(p, "authorizations", BCON_NEW("_id", BCON_UTF8(id), "refresh_hash", BCON_UTF8(hash)),
                    update, false, &matched, &created, &changed, err))
        return false;
    p->out->tokens = "replaced";
    *again = !matched; /* somebody stored other tokens since we read */
    return matched;
}

static bool put_authorization(struct put *p, const bson_t *shop, struct err *err)
{
    for (int attempt = 0; attempt < PUT_TRIES; attempt++) {
        bool again = false, ok;
        bson_t *doc;

        if (!find_authorization(p, shop, &doc, err))
            return false;
        ok = doc ? authorization_update(p, doc, &again, err) : authorization_create(p, attempt, &again, err);
        if (doc)
            bson_destroy(doc);
        if (ok || !again)
            return ok;
    }
    err_set(err, ERR_DATA, 0, "its authorization keeps changing: try again");
    return false;
}

static bool has_new_tokens(const struct put *p)
{
    return strcmp(p->out->tokens, "stored") == 0 || strcmp(p->out->tokens, "replaced") == 0;
}

/* The state a shop has after the put: what a person switched off stays off, and old tokens bring no grant back. But a shop
 * that only its grant's refusal has revoked works when the grant lives: an earlier put may have ended half way. */
static enum shop_state state_after(const struct put *p, const bson_t *shop)
{
    enum shop_state now = shop ? shop_state_parse(text_of(shop, "state")) : SHOP_UNKNOWN;

    if (now == SHOP_REVOKED && p->lives && instant_of(shop, "revoked_at") > 0)
        return SHOP_ACTIVE;
    if (now == SHOP_DISABLED || (!has_new_tokens(p) && now != SHOP_UNKNOWN))
        return now;
    return SHOP_ACTIVE;
}

static bool shop_is_as_recorded(const struct put *p, const bson_t *shop)
{
    const struct shop_record *r = p->record;

    return shop && strcmp(text_of(shop, "channel_id"), r->channel_id) == 0 &&
           strcmp(text_of(shop, "region"), r->region) == 0 &&
           strcmp(text_of(shop, "state"), p->out->state) == 0 &&
           strcmp(text_of(shop, "authorization"), strbuf_text(&p->out->authorization)) == 0 &&
           strcmp(text_of(shop, "shop_cipher"), r->shop_cipher ? r->shop_cipher : "") == 0;
}

static bool put_shop(struct put *p, const bson_t *shop, struct err *err)
{
    const struct shop_record *r = p->record;
    bool matched, created, changed, ok;
    bson_t *set, *update;

    p->out->state = shop_state_name(state_after(p, shop));
    p->out->shop = shop_is_as_recorded(p, shop) ? "unchanged" : shop ? "changed" : "created";
    if (strcmp(p->out->shop, "unchanged") == 0)
        return true;
    set = BCON_NEW("platform", BCON_UTF8(r->platform), "shop_id", BCON_UTF8(r->shop_id), "channel_id",
                   BCON_UTF8(r->channel_id), "region", BCON_UTF8(r->region), "state",
                   BCON_UTF8(p->out->state), "authorization", BCON_UTF8(strbuf_text(&p->out->authorization)),
                   "updated_at", BCON_DATE_TIME(clock_now_ms()));
    if (r->shop_cipher)
        BSON_APPEND_UTF8(set, "shop_cipher", r->shop_cipher);
    update = BCON_NEW("$set", BCON_DOCUMENT(set));
    if (state_after(p, shop) == SHOP_ACTIVE) /* else it comes back with its grant */
        BCON_APPEND(update, "$unset", "{", "revoked_at", BCON_UTF8(""), "}");
    ok = update_one(p, "shops", BCON_NEW("_id", BCON_UTF8(p->shop_id)), update, true, &matched, &created,
                    &changed, err);
    bson_destroy(set);
    return ok;
}

/* The document's _id in shops, and the hash its authorization is known by. */
static bool put_prepare(struct put *p, struct err *err)
{
    const struct shop_record *r = p->record;
    int n = snprintf(p->shop_id, sizeof p->shop_id, "%s:%s", r->platform, r->shop_id);

    if (n < 0 || (size_t)n >= sizeof p->shop_id) {
        err_set(err, ERR_CONFIG, 0, "shop_id is too long");
        return false;
    }
    if (sha256_hex(r->refresh_token, strlen(r->refresh_token), p->hash))
        return true;
    err_set(err, ERR_SYSTEM, 0, "OpenSSL failed");
    return false;
}

bool shop_put(struct store *store, const struct credentials *credentials, const struct shop_record *record,
              struct shop_put_result *out, struct err *err)
{
    struct put p = {.store = store, .credentials = credentials, .record = record, .out = out};
    bson_t *shop;
    bool ok;

    if (!put_prepare(&p, err) || !find_one(&p, "shops", BCON_NEW("_id", BCON_UTF8(p.shop_id)), &shop, err))
        return false;
    ok = put_authorization(&p, shop, err) && put_shop(&p, shop, err) &&
         (!p.lives || grant_shops_back(store, strbuf_text(&out->authorization), err));
    if (shop)
        bson_destroy(shop);
    return ok;
}
