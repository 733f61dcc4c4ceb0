/* hints.c - worker: shop events are hints, confirmed here.
 *
 * In:      shops with hint_ms.
 * Out:     the hint removed; the end of the authorisation stored; a shop whose grant is gone is revoked.
 * Fails:   a platform that does not answer leaves the hint; false only when MongoDB or Redis is away.
 * Thread:  the refresher's.
 * Why so:  the list of authorised shops is the gentlest question: it spends no token. Only when it does not name the shop,
 *          or the access token is refused, a refresh tells whether the grant lives: then renew marks and tells it. */
#include "worker/hints.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "worker/grant_store.h"
#include "worker/market_call.h"
#include "worker/shop.h"

enum {
    HINTS_MAX = 200,
    PAGES_MAX = 200,
    CALL_LONGEST_MS = 30000,
    PACE_LONGEST_MS = 10000,
    UNTOLD_MOST = 3,
    WARN_BEFORE_MS = 30 * 24 * 3600 * 1000LL
};

/* One shop with a hint. Texts owned. */
struct hint {
    char *doc_id; /* _id in shops */
    char *shop_id;
    char *authorization;
    char topic[40];
    int64_t ms;         /* of the event */
    int64_t expires_ms; /* as the push told; 0 = not */
};

struct hints {
    struct hint *at;
    size_t count;
};

/* What the platform says of a shop. */
enum listed {
    LISTED,      /* the app may act for it */
    UNLISTED,    /* the list does not name it */
    LIST_BARRED, /* the token that was to ask is refused */
    LIST_UNTOLD  /* no answer to go by */
};

/* --- reading -------------------------------------------------------------------------------------------------- */

static char *copy_of(const bson_t *doc, const char *name)
{
    bson_iter_t it;

    if (bson_iter_init_find(&it, doc, name) && BSON_ITER_HOLDS_UTF8(&it))
        return xstrndup(bson_iter_utf8(&it, NULL), strlen(bson_iter_utf8(&it, NULL)));
    return xstrndup("", 0);
}

static int64_t number_of(const bson_t *doc, const char *name)
{
    bson_iter_t it;

    return bson_iter_init_find(&it, doc, name) && BSON_ITER_HOLDS_NUMBER(&it) ? bson_iter_as_int64(&it) : 0;
}

static void add(struct hints *hints, const bson_t *doc)
{
    struct hint h = {.doc_id = copy_of(doc, "_id"),
                     .shop_id = copy_of(doc, "shop_id"),
                     .authorization = copy_of(doc, "authorization"),
                     .ms = number_of(doc, "hint_ms"),
                     .expires_ms = number_of(doc, "hint_expires_ms")};
    char *topic = copy_of(doc, "hint_topic");

    snprintf(h.topic, sizeof(h.topic), "%s", topic);
    free(topic);
    hints->at = xrealloc(hints->at, (hints->count + 1) * sizeof(*hints->at));
    hints->at[hints->count++] = h;
}

static void hints_free(struct hints *hints)
{
    for (size_t i = 0; i < hints->count; i++) {
        free(hints->at[i].doc_id);
        free(hints->at[i].shop_id);
        free(hints->at[i].authorization);
    }
    free(hints->at);
}

static bool hints_read(const struct renewer *r, struct hints *hints, struct err *err)
{
    bson_t *filter =
        BCON_NEW("hint_ms", "{", "$gt", BCON_INT64(0), "}", "platform", BCON_UTF8(r->platform->name));
    bson_t *opts = BCON_NEW("limit", BCON_INT64(HINTS_MAX));
    mongoc_cursor_t *cursor =
        mongoc_collection_find_with_opts(store_collection(r->store, "shops"), filter, opts, NULL);
    const bson_t *doc;
    bson_error_t error = {0};
    bool ok;

    while (mongoc_cursor_next(cursor, &doc))
        add(hints, doc);
    ok = !mongoc_cursor_error(cursor, &error);
    if (!ok)
        err_set(err, ERR_MONGO, (int)error.code, "MongoDB: reading hints: %s", error.message);
    mongoc_cursor_destroy(cursor);
    bson_destroy(opts);
    bson_destroy(filter);
    return ok;
}

/* --- writing -------------------------------------------------------------------------------------------------- */

/* Ends a hint unless a newer one has come; expires_ms: what is known of the authorisation's end, 0 = nothing. */
static bool hint_end(const struct renewer *r, const struct hint *h, int64_t expires_ms, struct err *err)
{
    bson_t *filter = BCON_NEW("_id", BCON_UTF8(h->doc_id), "hint_ms", BCON_INT64(h->ms));
    bson_t *update = BCON_NEW("$unset", "{", "hint_topic", BCON_UTF8(""), "hint_ms", BCON_UTF8(""),
                              "hint_expires_ms", BCON_UTF8(""), "}");
    bson_error_t error = {0};
    bool ok;

    if (expires_ms > 0)
        BCON_APPEND(update, "$set", "{", "authorization_expires_at", BCON_DATE_TIME(expires_ms), "}");
    ok =
        mongoc_collection_update_one(store_collection(r->store, "shops"), filter, update, NULL, NULL, &error);
    if (!ok)
        err_set(err, ERR_MONGO, (int)error.code, "MongoDB: ending a hint: %s", error.message);
    bson_destroy(update);
    bson_destroy(filter);
    return ok;
}

/* --- asking --------------------------------------------------------------------------------------------------- */

/* Waits for the right to call, as live work does: somebody stands still for the answer. False: not within PACE_LONGEST_MS. */
static bool pace(const struct renewer *r, const char *shop_id)
{
    int64_t until = clock_mono_ms() + PACE_LONGEST_MS;
    int64_t wait;

    while ((wait = limit_take(r->limiter, r->platform->name, shop_id, false, NULL)) > 0)
        if (clock_mono_ms() + wait > until || !r->wait(r->context, wait))
            return false;
    return wait == 0;
}

/* One page of the list. False: no usable answer; *listed says which. */
static bool page_get(const struct renewer *r, const char *access_token, int page,
                     struct platform_shops *shops, enum listed *listed)
{
    int64_t longest = r->config->request_timeout_ms;
    struct platform_request request = {0};
    struct market_call call = {0};
    struct err err = {0};
    bool ok =
        r->platform->shops_request(r->config, access_token, page, clock_now_ms() / 1000, &request, &err) &&
        market_call(r->http, &request, longest < CALL_LONGEST_MS ? longest : CALL_LONGEST_MS, &call, &err);

    *listed = LIST_UNTOLD;
    if (ok) {
        r->platform->shops_answer(&call.answer, shops);
        ok = shops->class == CALL_OK;
        if (shops->class == CALL_TOKEN || shops->class == CALL_AUTH)
            *listed = LIST_BARRED;
    }
    if (!ok)
        log_warn("cannot list the authorised shops", LOG_S("platform", r->platform->name),
                 LOG_S("why", shops->error[0] ? shops->error : err.text));
    market_call_deinit(&call);
    platform_request_deinit(&request);
    return ok;
}

/* Is the shop on this page? *expires_ms when it is told. */
static bool on_page(const struct platform_shops *shops, const char *shop_id, int64_t *expires_ms)
{
    for (size_t i = 0; i < shops->count; i++) {
        if (strcmp(shops->at[i].shop_id, shop_id) != 0)
            continue;
        if (shops->at[i].expires_ms > 0)
            *expires_ms = shops->at[i].expires_ms;
        return true;
    }
    return false;
}

static enum listed list(const struct renewer *r, const struct grant *g, const char *shop_id,
                        int64_t *expires_ms)
{
    for (int page = 0; page < PAGES_MAX && (page == 0 || r->wait(r->context, 0)); page++) {
        struct platform_shops shops = {0};
        enum listed listed = LIST_UNTOLD;
        bool told = pace(r, shop_id) && page_get(r, strbuf_text(&g->access_token), page, &shops, &listed);
        bool there = told && on_page(&shops, shop_id, expires_ms), more = told && shops.more;

        platform_shops_deinit(&shops);
        if (!told)
            return listed;
        if (there)
            return LISTED;
        if (!more)
            return UNLISTED;
    }
    return LIST_UNTOLD;
}

/* With the access token stored now. False: err. */
static bool ask(const struct renewer *r, const struct hint *h, enum listed *listed, int64_t *expires_ms,
                struct err *err)
{
    struct grant g = {0};
    bool found;

    if (!grant_read(r->store, r->credentials, h->authorization, &g, &found, err))
        return false;
    *listed = !found || g.refused || g.unreadable.domain != ERR_NONE ? LIST_BARRED
                                                                     : list(r, &g, h->shop_id, expires_ms);
    grant_deinit(&g);
    return true;
}

/* --- judging -------------------------------------------------------------------------------------------------- */

static void warn_of_end(const struct hint *h, int64_t expires_ms)
{
    int64_t left = expires_ms - clock_now_ms();

    if (expires_ms > 0 && left < WARN_BEFORE_MS)
        log_warn("an authorisation ends: the seller has to authorise again", LOG_S("shop", h->doc_id),
                 LOG_I("days_left", left > 0 ? left / 86400000 : 0));
}

static bool revoke_unlisted(const struct renewer *r, const struct hint *h, struct err *err)
{
    log_error("the platform no longer lists this shop: a person must authorise again",
              LOG_S("shop", h->doc_id), LOG_S("topic", h->topic));
    return grant_revoke_shop(r->store, h->doc_id, clock_now_ms(), err) && hint_end(r, h, 0, err);
}

/* No token call was made: it is put off, or another pair came in between. False: MongoDB is away, err. */
static bool not_doubted(const struct renewer *r, const struct hint *h, struct err *err)
{
    struct grant g = {0};
    bool found, refused;

    if (!grant_read(r->store, r->credentials, h->authorization, &g, &found, err))
        return false;
    refused = found && g.refused;
    grant_deinit(&g);
    if (!found)
        return revoke_unlisted(r, h, err);
    return !refused ||
           hint_end(r, h, 0, err); /* refused: marked and told before, its shops follow; else it stays */
}

/* The list does not vouch for the shop: does its grant live? False: MongoDB or Redis is away, err. */
static bool doubt(const struct renewer *r, const struct hint *h, struct err *err)
{
    int64_t expires_ms = h->expires_ms;
    enum listed listed;

    switch (renew(r, h->authorization, RENEW_DOUBTED, 0, err)) {
    case RENEW_AWAY:
        return false;
    case RENEW_REFUSED: /* marked and told; its shops follow */
        return hint_end(r, h, 0, err);
    case RENEW_ELSEWHERE:
    case RENEW_LATER:
        return true; /* the hint stays */
    case RENEW_NEEDLESS:
        return not_doubted(r, h, err);
    case RENEW_DONE:
        break;
    }
    if (!ask(r, h, &listed, &expires_ms, err))
        return false;
    if (listed == LIST_UNTOLD)
        return true;
    return listed == LISTED ? hint_end(r, h, expires_ms, err) : revoke_unlisted(r, h, err);
}

/* *untold: the platform did not answer, so the hint stays. False: as above. */
static bool confirm(const struct renewer *r, const struct hint *h, bool *untold, struct err *err)
{
    int64_t expires_ms = h->expires_ms;
    enum listed listed;

    if (!ask(r, h, &listed, &expires_ms, err))
        return false;
    *untold = listed == LIST_UNTOLD;
    if (*untold)
        return true;
    if (listed != LISTED)
        return doubt(r, h, err);
    log_info("a shop event looked into: its grant lives", LOG_S("shop", h->doc_id), LOG_S("topic", h->topic));
    warn_of_end(h, expires_ms);
    return hint_end(r, h, expires_ms, err);
}

bool hints_confirm(const struct renewer *r, struct err *err)
{
    struct hints hints = {0};
    bool ok = hints_read(r, &hints, err);
    unsigned seed = (unsigned)clock_mono_us();
    size_t first = hints.count > 0 ? (size_t)rand_r(&seed) % hints.count : 0;
    int untold = 0;

    /* from another one each time: shops that the platform does not tell of must not hold up those behind them */
    for (size_t i = 0; i < hints.count && ok && untold < UNTOLD_MOST && r->wait(r->context, 0); i++) {
        bool not_told = false;

        ok = confirm(r, &hints.at[(first + i) % hints.count], &not_told, err);
        untold += not_told;
    }
    hints_free(&hints);
    return ok;
}
