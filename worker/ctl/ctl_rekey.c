/* ctl_rekey.c - shopstreamctl shop rekey: every stored token under the current CREDENTIALS_KEY.
 *
 * In:      CREDENTIALS_KEY as "current,previous".
 * Out:     tokens sealed anew, and how many.
 * Fails:   3 when MongoDB does not answer, 1 when a token opens under neither key.
 * Thread:  the tool's.
 * Why so:  a refresh seals anew anyway, so after some hours this finds little; it is what tells that the previous key can go.
 *          A write compares with the sealed texts it read: a token refreshed meanwhile is under the current key already. */
#include <stdio.h>
#include <string.h>

#include "common/strbuf.h"
#include "worker/credentials.h"
#include "worker/ctl/ctl.h"
#include "worker/ctl/ctl_shop.h"
#include "worker/store.h"

static const char *const fields[] = {"access_token", "refresh_token"};

enum { FIELDS = sizeof(fields) / sizeof(fields[0]) };

/* What became of the authorizations. */
struct counts {
    int64_t sealed;     /* anew */
    int64_t current;    /* were under the current key */
    int64_t refreshed;  /* replaced by somebody while we looked: under the current key */
    int64_t unreadable; /* open under no key we have, or have no tokens */
};

static const char *text_of(const bson_t *doc, const char *name)
{
    bson_iter_t it;

    return bson_iter_init_find(&it, doc, name) && BSON_ITER_HOLDS_UTF8(&it) ? bson_iter_utf8(&it, NULL) : "";
}

/* Appends the field sealed anew. False: it cannot be read. */
static bool seal_field(const struct credentials *c, const bson_t *doc, const char *field, bson_t *set)
{
    const char *sealed = text_of(doc, field);
    struct strbuf place = STRBUF_INIT, plain = STRBUF_INIT, again = STRBUF_INIT;
    bool ok;

    credentials_place(&place, text_of(doc, "_id"), field);
    ok = credentials_unseal(c, strbuf_text(&place), sealed, strlen(sealed), &plain, NULL) &&
         credentials_seal(c, strbuf_text(&place), plain.data, plain.length, &again, NULL) &&
         bson_append_utf8(set, field, -1, strbuf_text(&again), (int)again.length);
    if (plain.data)
        explicit_bzero(plain.data, plain.capacity);
    strbuf_deinit(&plain);
    strbuf_deinit(&again);
    strbuf_deinit(&place);
    return ok;
}

static bool is_current(const struct credentials *c, const bson_t *doc)
{
    for (size_t i = 0; i < FIELDS; i++)
        if (!credentials_is_current(c, text_of(doc, fields[i])))
            return false;
    return true;
}

/* Writes both tokens if neither has changed. False: MongoDB does not answer, err. */
static bool replace(struct store *store, const bson_t *doc, const bson_t *set, struct counts *n,
                    struct err *err)
{
    bson_t *filter = BCON_NEW("_id", BCON_UTF8(text_of(doc, "_id")), "access_token",
                              BCON_UTF8(text_of(doc, "access_token")), "refresh_token",
                              BCON_UTF8(text_of(doc, "refresh_token")));
    bson_t *update = BCON_NEW("$set", BCON_DOCUMENT(set)), reply;
    bson_error_t error = {0};
    bson_iter_t it;
    bool ok = mongoc_collection_update_one(store_collection(store, "authorizations"), filter, update, NULL,
                                           &reply, &error);

    if (!ok)
        err_set(err, ERR_MONGO, (int)error.code, "MongoDB: %s", error.message);
    else if (bson_iter_init_find(&it, &reply, "matchedCount") && bson_iter_as_int64(&it) > 0)
        n->sealed++;
    else
        n->refreshed++;
    bson_destroy(&reply);
    bson_destroy(update);
    bson_destroy(filter);
    return ok;
}

static bool rekey_one(struct store *store, const struct credentials *c, const bson_t *doc, struct counts *n,
                      struct err *err)
{
    bson_t set = BSON_INITIALIZER;
    bool readable = true, ok = true;

    if (is_current(c, doc)) {
        n->current++;
        return true;
    }
    for (size_t i = 0; i < FIELDS && readable; i++)
        readable = seal_field(c, doc, fields[i], &set);
    if (readable)
        ok = replace(store, doc, &set, n, err);
    else {
        n->unreadable++;
        fprintf(stderr, "shopstreamctl: %s: its tokens open under no key of CREDENTIALS_KEY\n",
                text_of(doc, "_id"));
    }
    bson_destroy(&set);
    return ok;
}

static bool rekey(struct store *store, const struct credentials *c, struct counts *n, struct err *err)
{
    bson_t everything = BSON_INITIALIZER;
    mongoc_cursor_t *cursor =
        mongoc_collection_find_with_opts(store_collection(store, "authorizations"), &everything, NULL, NULL);
    const bson_t *doc;
    bson_error_t error = {0};
    bool ok = true;

    while (ok && mongoc_cursor_next(cursor, &doc))
        ok = rekey_one(store, c, doc, n, err);
    if (ok && mongoc_cursor_error(cursor, &error)) {
        err_set(err, ERR_MONGO, (int)error.code, "MongoDB: %s", error.message);
        ok = false;
    }
    mongoc_cursor_destroy(cursor);
    bson_destroy(&everything);
    return ok;
}

static int print_counts(const struct ctl *c, const struct counts *n)
{
    if (c->json)
        printf("{\"sealed\": %lld, \"current\": %lld, \"refreshed\": %lld, \"unreadable\": %lld}\n",
               (long long)n->sealed, (long long)n->current, (long long)n->refreshed,
               (long long)n->unreadable);
    else
        printf("%lld sealed anew, %lld were current, %lld refreshed meanwhile, %lld unreadable\n",
               (long long)n->sealed, (long long)n->current, (long long)n->refreshed,
               (long long)n->unreadable);
    return n->unreadable > 0 ? CTL_FINDING : CTL_DONE;
}

int ctl_shop_rekey(struct ctl *c)
{
    struct err err = {0};
    struct credentials *credentials = credentials_new(c->config->credentials_key, &err);
    struct counts n = {0};
    struct store *store;
    int code;

    if (!credentials)
        return ctl_fail(CTL_USAGE, "shop rekey: %s", err.text);
    store = ctl_store(c, &err);
    if (store && rekey(store, credentials, &n, &err))
        code = print_counts(c, &n);
    else
        code = ctl_fail(err.domain == ERR_CONFIG ? CTL_USAGE : CTL_UNREACHABLE, "%s", err.text);
    credentials_free(credentials);
    return code;
}
