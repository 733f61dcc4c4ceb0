/* grant_store.c - worker: authorizations in MongoDB as the refresher sees them.
 *
 * In:      ids, pairs of tokens, what became of a refresh.
 * Out:     grants with plain tokens; conditional writes.
 * Fails:   false or UNKNOWN when MongoDB does not answer; a token that cannot be unsealed is told in the grant.
 * Thread:  one, with its own store.
 * Why so:  every write names the refresh token it was decided for (refresh_hash), so whoever is late changes nothing.
 *          revoked_at marks the shops that were revoked here: only those come back by themselves, when the grant turns out
 *          to live. Times are compared with the wall clock: they only schedule, nothing is decided by them alone. */
#include "worker/grant_store.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "worker/shop.h"

enum {
    FORMER_HASHES = 20,
    REFUSED_MAX = 1000,
    BARE_LIFE_MS =
        30000, /* until a token that ends before it begins (clocks apart) is refreshed: not in every round */
};

/* --- memory --------------------------------------------------------------------------------------------------- */

static void wipe(struct strbuf *b)
{
    if (b->data)
        explicit_bzero(b->data, b->capacity);
    strbuf_deinit(b);
}

void pair_deinit(struct pair *p)
{
    wipe(&p->access_token);
    wipe(&p->refresh_token);
    strbuf_deinit(&p->open_id);
    *p = (struct pair){0};
}

void grant_deinit(struct grant *g)
{
    wipe(&g->access_token);
    wipe(&g->refresh_token);
    free(g->shop_id);
    free(g->id);
    *g = (struct grant){0};
}

void ids_free(struct ids *ids)
{
    for (size_t i = 0; i < ids->count; i++)
        free(ids->at[i]);
    free(ids->at);
    *ids = (struct ids){0};
}

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

static bool has(const bson_t *doc, const char *name)
{
    bson_iter_t it;

    return bson_iter_init_find(&it, doc, name);
}

static bool failed(struct err *err, const char *doing, const bson_error_t *error)
{
    err_set(err, ERR_MONGO, (int)error->code, "MongoDB: %s: %s", doing, error->message);
    return false;
}

/* visit for every match; takes filter and opts. False: err. */
static bool find(struct store *s, const char *collection, bson_t *filter, bson_t *opts,
                 void (*visit)(void *context, const bson_t *doc), void *context, struct err *err)
{
    mongoc_cursor_t *cursor =
        mongoc_collection_find_with_opts(store_collection(s, collection), filter, opts, NULL);
    const bson_t *doc;
    bson_error_t error = {0};
    bool ok;

    while (mongoc_cursor_next(cursor, &doc))
        visit(context, doc);
    ok = !mongoc_cursor_error(cursor, &error) || failed(err, collection, &error);
    mongoc_cursor_destroy(cursor);
    bson_destroy(opts);
    bson_destroy(filter);
    return ok;
}

static void add_id(void *context, const bson_t *doc)
{
    struct ids *ids = context;
    const char *id = text_of(doc, "_id");

    ids->at = xrealloc(ids->at, (ids->count + 1) * sizeof(*ids->at));
    ids->at[ids->count++] = xstrndup(id, strlen(id));
}

bool grants_due(struct store *s, const char *platform, int64_t now_ms, size_t most, struct ids *ids,
                struct err *err)
{
    struct ids found = {0};
    bool ok = find(s, "authorizations",
                   BCON_NEW("$or", "[", "{", "refresh_at", "{", "$lte", BCON_DATE_TIME(now_ms), "}", "}", "{",
                            "refresh_at", BCON_NULL, "}", "]", "platform", BCON_UTF8(platform), "state", "{",
                            "$ne", BCON_UTF8("refused"), "}"),
                   BCON_NEW("sort", "{", "access_expires_at", BCON_INT32(1), "}", "limit",
                            BCON_INT64((int64_t)most), "projection", "{", "_id", BCON_INT32(1), "}"),
                   add_id, &found, err);

    if (ok)
        *ids = found;
    else
        ids_free(&found);
    return ok;
}

static void read_intent(const bson_t *doc, struct intent *intent)
{
    bson_iter_t it, inner;

    if (!bson_iter_init_find(&it, doc, "intent") || !BSON_ITER_HOLDS_DOCUMENT(&it) ||
        !bson_iter_recurse(&it, &inner))
        return;
    intent->open = true;
    while (bson_iter_next(&inner)) {
        const char *key = bson_iter_key(&inner);

        if (strcmp(key, "by") == 0 && BSON_ITER_HOLDS_UTF8(&inner))
            snprintf(intent->by, sizeof(intent->by), "%s", bson_iter_utf8(&inner, NULL));
        else if (strcmp(key, "until") == 0 && BSON_ITER_HOLDS_DATE_TIME(&inner))
            intent->until_ms = bson_iter_date_time(&inner);
        else if (strcmp(key, "lost") == 0)
            intent->lost = bson_iter_as_bool(&inner);
    }
}

static bool read_token(const struct credentials *c, const bson_t *doc, const char *field, struct strbuf *to,
                       struct err *err)
{
    const char *sealed = text_of(doc, field);
    struct strbuf place = STRBUF_INIT;
    bool ok;

    credentials_place(&place, text_of(doc, "_id"), field);
    ok = credentials_unseal(c, strbuf_text(&place), sealed, strlen(sealed), to, err);
    strbuf_deinit(&place);
    return ok;
}

static int64_t number_of(const bson_t *doc, const char *name)
{
    bson_iter_t it;

    return bson_iter_init_find(&it, doc, name) && BSON_ITER_HOLDS_NUMBER(&it) ? bson_iter_as_int64(&it) : 0;
}

/* Where one document goes. */
struct reading {
    const struct credentials *credentials;
    struct grant *grant;
    bool found;
};

static void read_grant(void *context, const bson_t *doc)
{
    struct reading *r = context;
    struct grant *g = r->grant;
    const char *id = text_of(doc, "_id"), *shop = text_of(doc, "shop_id");

    r->found = true;
    g->id = xstrndup(id, strlen(id));
    g->shop_id = xstrndup(shop, strlen(shop));
    snprintf(g->refresh_hash, sizeof(g->refresh_hash), "%s", text_of(doc, "refresh_hash"));
    g->access_expires_ms = instant_of(doc, "access_expires_at");
    g->refresh_at_ms = instant_of(doc, "refresh_at");
    g->issued_ms = instant_of(doc, "access_issued_at");
    if (g->issued_ms == 0)
        g->issued_ms = instant_of(doc, "updated_at");
    g->failures = number_of(doc, "refresh_failures");
    g->refused = strcmp(text_of(doc, "state"), "refused") == 0;
    g->alarmed = has(doc, "alarm");
    read_intent(doc, &g->intent);
    if (!read_token(r->credentials, doc, "access_token", &g->access_token, &g->unreadable) ||
        !read_token(r->credentials, doc, "refresh_token", &g->refresh_token, &g->unreadable))
        return;
}

/* Older records name the shop only where the shop points to them. */
static void read_shop_id(void *context, const bson_t *doc)
{
    struct grant *g = context;
    const char *shop = text_of(doc, "shop_id");

    free(g->shop_id);
    g->shop_id = xstrndup(shop, strlen(shop));
}

bool grant_read(struct store *s, const struct credentials *c, const char *id, struct grant *g, bool *found,
                struct err *err)
{
    struct grant read = {0};
    struct reading r = {.credentials = c, .grant = &read};

    if (!find(s, "authorizations", BCON_NEW("_id", BCON_UTF8(id)), bson_new(), read_grant, &r, err))
        return false;
    if (r.found && !*read.shop_id &&
        !find(s, "shops", BCON_NEW("authorization", BCON_UTF8(id)), BCON_NEW("limit", BCON_INT64(1)),
              read_shop_id, &read, err)) {
        grant_deinit(&read);
        return false;
    }
    *found = r.found;
    *g = read;
    return true;
}

/* --- writing -------------------------------------------------------------------------------------------------- */

/* One conditional update; takes filter and update. */
static enum grant_set update_one(struct store *s, bson_t *filter, bson_t *update, const char *doing,
                                 struct err *err)
{
    bson_t reply;
    bson_error_t error = {0};
    bson_iter_t it;
    enum grant_set set = GRANT_SUPERSEDED;

    if (!mongoc_collection_update_one(store_collection(s, "authorizations"), filter, update, NULL, &reply,
                                      &error)) {
        failed(err, doing, &error);
        set = GRANT_UNKNOWN;
    } else if (bson_iter_init_find(&it, &reply, "matchedCount") && bson_iter_as_int64(&it) > 0) {
        set = GRANT_SET;
    }
    bson_destroy(&reply);
    bson_destroy(update);
    bson_destroy(filter);
    return set;
}

/* Updates all matches; takes filter and update. *changed may be NULL. False: err. */
static bool update_many(struct store *s, const char *collection, bson_t *filter, bson_t *update,
                        int64_t *changed, struct err *err)
{
    bson_t reply;
    bson_error_t error = {0};
    bson_iter_t it;
    bool ok =
        mongoc_collection_update_many(store_collection(s, collection), filter, update, NULL, &reply, &error);

    if (!ok)
        failed(err, collection, &error);
    else if (changed && bson_iter_init_find(&it, &reply, "modifiedCount"))
        *changed += bson_iter_as_int64(&it);
    bson_destroy(&reply);
    bson_destroy(update);
    bson_destroy(filter);
    return ok;
}

static bson_t *same_token(const char *id, const char *hash)
{
    return BCON_NEW("_id", BCON_UTF8(id), "refresh_hash", BCON_UTF8(hash));
}

static bool seal_into(const struct credentials *c, bson_t *set, const char *id, const char *field,
                      const struct strbuf *token, struct err *err)
{
    struct strbuf place = STRBUF_INIT, sealed = STRBUF_INIT;
    bool ok;

    credentials_place(&place, id, field);
    ok = credentials_seal(c, strbuf_text(&place), strbuf_text(token), token->length, &sealed, err) &&
         bson_append_utf8(set, field, -1, strbuf_text(&sealed), (int)sealed.length);
    strbuf_deinit(&sealed);
    strbuf_deinit(&place);
    return ok;
}

int64_t grant_half_life_ms(int64_t issued_ms, int64_t expires_ms)
{
    return expires_ms <= issued_ms ? issued_ms + BARE_LIFE_MS : issued_ms + (expires_ms - issued_ms) / 2;
}

/* The fields of a new pair. False: err. */
static bool pair_fields(const struct credentials *c, const char *id, const struct pair *p, const char *hash,
                        bson_t *set, struct err *err)
{
    BSON_APPEND_UTF8(set, "refresh_hash", hash);
    BSON_APPEND_DATE_TIME(set, "access_issued_at", p->issued_ms);
    BSON_APPEND_DATE_TIME(set, "access_expires_at", p->access_expires_ms);
    BSON_APPEND_DATE_TIME(set, "refresh_at", grant_half_life_ms(p->issued_ms, p->access_expires_ms));
    BSON_APPEND_DATE_TIME(set, "updated_at", clock_now_ms());
    if (p->refresh_expires_ms != 0)
        BSON_APPEND_DATE_TIME(set, "refresh_expires_at", p->refresh_expires_ms);
    if (p->open_id.length > 0)
        BSON_APPEND_UTF8(set, "open_id", strbuf_text(&p->open_id));
    return seal_into(c, set, id, "access_token", &p->access_token, err) &&
           seal_into(c, set, id, "refresh_token", &p->refresh_token, err);
}

/* NULL: err. */
static bson_t *pair_update(const struct credentials *c, const char *id, const struct pair *p,
                           const char *hash, struct err *err)
{
    bson_t *update = bson_new(), set;
    bool ok;

    BSON_APPEND_DOCUMENT_BEGIN(update, "$set", &set);
    ok = pair_fields(c, id, p, hash, &set, err);
    bson_append_document_end(update, &set);
    BCON_APPEND(update, "$unset", "{", "intent", BCON_UTF8(""), "alarm", BCON_UTF8(""), "state",
                BCON_UTF8(""), "refresh_failures", BCON_UTF8(""), "}");
    if (strcmp(hash, p->from) != 0)
        BCON_APPEND(update, "$push", "{", "former_refresh_hashes", "{", "$each", "[", BCON_UTF8(p->from), "]",
                    "$slice", BCON_INT32(-FORMER_HASHES), "}", "}");
    if (ok)
        return update;
    bson_destroy(update);
    return NULL;
}

bool grant_shops_back(struct store *s, const char *id, struct err *err)
{
    return update_many(
        s, "shops",
        BCON_NEW("authorization", BCON_UTF8(id), "state", BCON_UTF8(shop_state_name(SHOP_REVOKED)),
                 "revoked_at", "{", "$exists", BCON_BOOL(true), "}"),
        BCON_NEW("$set", "{", "state", BCON_UTF8(shop_state_name(SHOP_ACTIVE)), "updated_at",
                 BCON_DATE_TIME(clock_now_ms()), "}", "$unset", "{", "revoked_at", BCON_UTF8(""), "}"),
        NULL, err);
}

/* Another pair is stored than the one this came from: perhaps this one, by a write whose reply was lost. */
static enum grant_set is_stored(struct store *s, const char *id, const char *hash, struct err *err)
{
    struct ids found = {0};
    enum grant_set set = GRANT_UNKNOWN;

    if (find(s, "authorizations", same_token(id, hash),
             BCON_NEW("projection", "{", "_id", BCON_INT32(1), "}"), add_id, &found, err))
        set = found.count > 0 ? GRANT_SET : GRANT_SUPERSEDED;
    ids_free(&found);
    return set;
}

enum grant_set grant_store_pair(struct store *s, const struct credentials *c, const char *id,
                                const struct pair *p, struct err *err)
{
    char hash[HMAC_HEX_LENGTH + 1];
    enum grant_set set;
    bson_t *update;

    if (!sha256_hex(p->refresh_token.data, p->refresh_token.length, hash)) {
        err_set(err, ERR_SYSTEM, 0, "cannot hash a token: OpenSSL failed");
        return GRANT_UNKNOWN;
    }
    update = pair_update(c, id, p, hash, err);
    if (!update)
        return GRANT_UNKNOWN;
    set = update_one(s, same_token(id, p->from), update, "storing new tokens", err);
    if (set == GRANT_SUPERSEDED)
        set = is_stored(s, id, hash, err);
    if (set == GRANT_SET && !grant_shops_back(s, id, err))
        set = GRANT_UNKNOWN;
    return set;
}

enum grant_set grant_intend(struct store *s, const struct grant *g, const char *by, int64_t now_ms,
                            int64_t until_ms, struct err *err)
{
    return update_one(s, same_token(g->id, g->refresh_hash),
                      BCON_NEW("$set", "{", "intent", "{", "by", BCON_UTF8(by), "at", BCON_DATE_TIME(now_ms),
                               "until", BCON_DATE_TIME(until_ms), "lost",
                               BCON_BOOL(g->intent.open), /* an earlier one never told its end */
                               "}", "}"),
                      "writing a refresh's intent", err);
}

static void append_alarm(bson_t *set, const struct grant *g, const char *reason, const char *why)
{
    BCON_APPEND(set, "alarm", "{", "since", BCON_DATE_TIME(clock_now_ms()), "reason", BCON_UTF8(reason),
                "error", BCON_UTF8(why), "access_until", BCON_DATE_TIME(g->access_expires_ms), "}");
}

enum grant_set grant_failed(struct store *s, const struct grant *g, int64_t retry_at_ms, bool lost,
                            const char *alarm, const char *why, struct err *err)
{
    bson_t *update = bson_new(), set;

    BSON_APPEND_DOCUMENT_BEGIN(update, "$set", &set);
    BSON_APPEND_DATE_TIME(&set, "refresh_at", retry_at_ms);
    BSON_APPEND_INT64(&set, "refresh_failures", g->failures + 1);
    if (lost) /* its caller is through with it: nobody has to wait for its end */
        BCON_APPEND(&set, "intent.lost", BCON_BOOL(true), "intent.until", BCON_DATE_TIME(clock_now_ms()));
    if (alarm)
        append_alarm(&set, g, alarm, why);
    bson_append_document_end(update, &set);
    if (!lost)
        BCON_APPEND(update, "$unset", "{", "intent", BCON_UTF8(""), "}");
    return update_one(s, same_token(g->id, g->refresh_hash), update, "putting a refresh off", err);
}

enum grant_set grant_refuse(struct store *s, const struct grant *g, const char *reason, const char *why,
                            struct err *err)
{
    bson_t *update = bson_new(), set;

    BSON_APPEND_DOCUMENT_BEGIN(update, "$set", &set);
    BSON_APPEND_UTF8(&set, "state", "refused");
    append_alarm(&set, g, reason, why);
    bson_append_document_end(update, &set);
    BCON_APPEND(update, "$unset", "{", "intent", BCON_UTF8(""), "}");
    return update_one(s, same_token(g->id, g->refresh_hash), update, "marking an authorization refused", err);
}

enum grant_set grant_schedule(struct store *s, const struct grant *g, struct err *err)
{
    return update_one(s, same_token(g->id, g->refresh_hash),
                      BCON_NEW("$set", "{", "refresh_at",
                               BCON_DATE_TIME(grant_half_life_ms(g->issued_ms, g->access_expires_ms)), "}"),
                      "scheduling a refresh", err);
}

/* --- refused authorizations and their shops ------------------------------------------------------------------- */

bool grant_revoke_shop(struct store *s, const char *shop_doc_id, int64_t now_ms, struct err *err)
{
    return update_many(
        s, "shops", BCON_NEW("_id", BCON_UTF8(shop_doc_id), "state", BCON_UTF8(shop_state_name(SHOP_ACTIVE))),
        BCON_NEW("$set", "{", "state", BCON_UTF8(shop_state_name(SHOP_REVOKED)), "updated_at",
                 BCON_DATE_TIME(now_ms), "}"),
        NULL, err);
}

static bool revoke_shops(struct store *s, const char *id, int64_t now_ms, int64_t *changed, struct err *err)
{
    struct ids still = {0};
    int64_t revoked = 0;
    bool ok;

    if (!update_many(
            s, "shops",
            BCON_NEW("authorization", BCON_UTF8(id), "state", BCON_UTF8(shop_state_name(SHOP_ACTIVE))),
            BCON_NEW("$set", "{", "state", BCON_UTF8(shop_state_name(SHOP_REVOKED)), "updated_at",
                     BCON_DATE_TIME(now_ms), "revoked_at", BCON_DATE_TIME(now_ms), "}"),
            &revoked, err))
        return false;
    if (revoked == 0)
        return true;
    *changed += revoked;
    /* a person may have put a new grant since we read that it is refused: then its shops must work */
    ok = find(s, "authorizations", BCON_NEW("_id", BCON_UTF8(id), "state", BCON_UTF8("refused")), bson_new(),
              add_id, &still, err);
    if (ok && still.count == 0) {
        *changed -= revoked;
        ok = grant_shops_back(s, id, err);
    }
    ids_free(&still);
    return ok;
}

bool grants_refused(struct store *s, const char *platform, struct ids *ids, struct err *err)
{
    struct ids found = {0};
    bool ok =
        find(s, "authorizations", BCON_NEW("state", BCON_UTF8("refused"), "platform", BCON_UTF8(platform)),
             BCON_NEW("limit", BCON_INT64(REFUSED_MAX), "projection", "{", "_id", BCON_INT32(1), "}"), add_id,
             &found, err);

    if (ok)
        *ids = found;
    else
        ids_free(&found);
    return ok;
}

bool grants_settle_refused(struct store *s, const char *platform, int64_t now_ms, int64_t *changed,
                           struct err *err)
{
    struct ids refused = {0};
    bool ok = find(s, "authorizations",
                   BCON_NEW("state", BCON_UTF8("refused"), "platform", BCON_UTF8(platform), "$or", "[", "{",
                            "alarm.reason", "{", "$ne", BCON_UTF8("answer_lost"), "}", "}", "{",
                            "access_expires_at", "{", "$lte", BCON_DATE_TIME(now_ms), "}", "}", "]"),
                   BCON_NEW("limit", BCON_INT64(REFUSED_MAX), "projection", "{", "_id", BCON_INT32(1), "}"),
                   add_id, &refused, err);

    for (size_t i = 0; i < refused.count && ok; i++)
        ok = revoke_shops(s, refused.at[i], now_ms, changed, err);
    ids_free(&refused);
    return ok;
}

/* --- measures ------------------------------------------------------------------------------------------------- */

static void first_expiry(void *context, const bson_t *doc)
{
    *(int64_t *)context = instant_of(doc, "access_expires_at");
}

bool grants_measure(struct store *s, int64_t now_ms, int64_t *alarmed, int64_t *shortest_ms, struct err *err)
{
    bson_t *filter = BCON_NEW("alarm.since", "{", "$gt", BCON_DATE_TIME(0), "}");
    bson_error_t error = {0};
    int64_t first = 0, count = mongoc_collection_count_documents(store_collection(s, "authorizations"),
                                                                 filter, NULL, NULL, NULL, &error);

    bson_destroy(filter);
    if (count < 0)
        return failed(err, "counting alarms", &error);
    if (!find(s, "authorizations",
              BCON_NEW("state", "{", "$ne", BCON_UTF8("refused"), "}", "access_expires_at", "{", "$gt",
                       BCON_DATE_TIME(0), "}"),
              BCON_NEW("sort", "{", "access_expires_at", BCON_INT32(1), "}", "limit", BCON_INT64(1)),
              first_expiry, &first, err))
        return false;
    *alarmed = count;
    *shortest_ms = first == 0 ? -1 : first < now_ms ? 0 : first - now_ms;
    return true;
}
