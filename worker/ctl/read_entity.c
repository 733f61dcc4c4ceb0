/* read_entity.c - shopstreamctl: one entity from its marketplace, now.
 *
 * In:      which entity; shops and tokens as the workers keep them.
 * Out:     the entity, or its end.
 * Fails:   by READ_REFUSED or READ_AWAY and a sentence.
 * Thread:  the tool's; blocks.
 * Why so:  what to ask, how to sign and what an answer means are the platform's table, the same as stage 4's. Only the
 *          driving is simpler here: one call at a time, and whoever waits is a person or a background check. A token is never
 *          refreshed here: that is the workers' business, and two refreshers would use up each other's tokens. */
#include "worker/ctl/read_entity.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/strbuf.h"
#include "worker/http_client.h"
#include "worker/limit.h"
#include "worker/market_call.h"
#include "worker/parts.h"

enum {
    TRIES = 3,                 /* of a call that got no good answer */
    TRY_AGAIN_MS = 500,        /* before the second; twice that before the third */
    PAUSE_MS = 1000,           /* after "too many requests" without Retry-After */
    PAUSE_LONGEST_MS = 30000,  /* a longer one is told instead of sat out */
    LIMIT_STEP_MS = 500,       /* the buckets are asked again at least so often */
    LIMIT_LONGEST_MS = 120000, /* live: no right to call for so long */
    BACKGROUND_LONGEST_MS = 900000,
};

struct entity_reader {
    const struct config *config; /* borrowed */
    struct link *link;           /* borrowed */
    struct shop_cache *shops;    /* borrowed */
    struct limiter *limiter;     /* owned */
    struct http_client *http;    /* owned */
    bool background;
};

struct entity_reader *entity_reader_new(const struct config *config, struct link *link,
                                        struct shop_cache *shops, bool background, struct err *err)
{
    struct entity_reader *r = xcalloc(1, sizeof(*r));

    *r = (struct entity_reader){.config = config, .link = link, .shops = shops, .background = background};
    r->http = http_client_new(config, err);
    r->limiter = r->http ? limiter_new(config, link) : NULL;
    if (r->limiter)
        return r;
    entity_reader_free(r);
    return NULL;
}

void entity_reader_free(struct entity_reader *r)
{
    if (!r)
        return;
    limiter_free(r->limiter);
    http_client_free(r->http);
    free(r);
}

static void wait_ms(int64_t ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    nanosleep(&t, NULL);
}

/* --- may it be asked? ------------------------------------------------------------------------------------------ */

static void tell_state(const struct entity_name *name, const struct shop *shop, struct err *err)
{
    const char *platform = name->platform->name;

    switch (shop->state) {
    case SHOP_EXPIRED:
        err_set(err, ERR_DATA, 0,
                "shop %s: its access token has expired; a running worker refreshes it, else "
                "`shopstreamctl shop authorize %s`",
                name->shop, platform);
        return;
    case SHOP_REVOKED:
        err_set(err, ERR_DATA, 0,
                "shop %s: the seller took the grant back; `shopstreamctl shop authorize %s`", name->shop,
                platform);
        return;
    case SHOP_DISABLED:
        err_set(err, ERR_DATA, 0, "shop %s is switched off; `shopstreamctl shop enable %s %s`", name->shop,
                platform, name->shop);
        return;
    default:
        err_set(err, ERR_DATA, 0, "shop %s of %s is not registered; `shopstreamctl shop put` does it",
                name->shop, platform);
        return;
    }
}

/* The shop with its token. NULL: *end and err say why not. */
static const struct shop *usable(struct entity_reader *r, const struct entity_name *name, enum read_end *end,
                                 struct err *err)
{
    const struct shop *shop = shop_cache_get(r->shops, name->platform->name, name->shop, err);

    *end = shop ? READ_REFUSED : READ_AWAY;
    if (!shop)
        return NULL;
    if (*shop->problem) {
        err_set(err, ERR_DATA, 0, "shop %s: %s", name->shop, shop->problem);
        return NULL;
    }
    if (shop->state != SHOP_ACTIVE) {
        tell_state(name, shop, err);
        return NULL;
    }
    return shop;
}

/* Takes the right to one call, waiting for it. */
static bool take_leave(struct entity_reader *r, const struct entity_name *name, struct err *err)
{
    int64_t longest = r->background ? BACKGROUND_LONGEST_MS : LIMIT_LONGEST_MS;
    int64_t until = clock_mono_ms() + longest, wait;

    while ((wait = limit_take(r->limiter, name->platform->name, name->shop, r->background, err)) > 0) {
        if (clock_mono_ms() + wait > until) {
            err_set(err, ERR_HTTP, 429, "the rate limits of %s leave no room for shop %s",
                    name->platform->name, name->shop);
            return false;
        }
        wait_ms(wait < LIMIT_STEP_MS ? wait : LIMIT_STEP_MS);
    }
    return wait == 0;
}

/* --- one call -------------------------------------------------------------------------------------------------- */

/* What one ask has come to. */
struct asked {
    enum read_end end;       /* FOUND, MISSING, GONE; REFUSED or AWAY with err */
    yyjson_val *json;        /* FOUND: borrowed from call */
    bool denied;             /* REFUSED: this id alone, for good */
    struct market_call call; /* owned */
};

/* The entity of that subject in an answer. NULL: left out. */
static yyjson_val *find_subject(const struct platform *p, int endpoint, const char *subject,
                                yyjson_val *entities)
{
    yyjson_arr_iter it = yyjson_arr_iter_with(entities);
    yyjson_val *element;

    if (yyjson_is_obj(entities))
        return entities;
    while ((element = yyjson_arr_iter_next(&it)) != NULL) {
        struct entry_text id;
        yyjson_val *entity = p->entity(endpoint, element, &id);

        if (entity && id.length == strlen(subject) && memcmp(id.data, subject, id.length) == 0)
            return entity;
    }
    return NULL;
}

/* Sends the request once. False: a->end and err are set. */
static bool send_once(struct entity_reader *r, const struct entity_name *name, const struct shop *shop,
                      const struct platform_ask *ask, struct asked *a, struct platform_result *result,
                      struct entity_read *out, struct err *err)
{
    const char *subject = ask->subject.length > 0 ? ask->subject.data : name->id;
    struct platform_request request = {0};
    struct redis_time time = {0};
    bool ok;

    a->end = READ_AWAY;
    if (out->calls == 0) {
        if (!redis_time_sync(&time, r->link, err))
            return false;
        out->fetched_ms = redis_time_now_ms(&time);
    }
    ok = name->platform->detail_request(r->config, shop, ask->endpoint, &subject, 1, clock_now_ms() / 1000,
                                        &request, err);
    if (!ok) {
        a->end = READ_REFUSED;
    } else {
        market_call_deinit(&a->call);
        ok = market_call(r->http, &request, r->config->request_timeout_ms, &a->call, err);
    }
    platform_request_deinit(&request);
    if (!ok)
        return false;
    out->calls++;
    name->platform->judge(ask->endpoint, &a->call.answer, result);
    return true;
}

/* Too many requests: everybody holds back, as after a worker's call. False: too long to sit out, err. */
static bool hold_back(struct entity_reader *r, const struct entity_name *name,
                      const struct platform_result *result, struct err *err)
{
    int64_t ms = result->retry_after_ms > 0 ? result->retry_after_ms : PAUSE_MS;
    struct err ignored; /* without limits of ours there is nothing to share */

    (void)!limit_pause(r->limiter, name->platform->name, result->app ? NULL : name->shop, ms, &ignored);
    if (ms > PAUSE_LONGEST_MS) {
        err_set(err, ERR_HTTP, 429, "%s: ask again in %lld s", result->error, (long long)(ms / 1000));
        return false;
    }
    wait_ms(ms);
    return true;
}

/* A class that trying again does not change. */
static void settle(const struct entity_name *name, const struct platform_ask *ask,
                   const struct platform_result *result, struct asked *a, struct err *err)
{
    const char *subject = ask->subject.length > 0 ? ask->subject.data : name->id;

    switch (result->class) {
    case CALL_OK:
        a->json = find_subject(name->platform, ask->endpoint, subject, result->entities);
        a->end = a->json ? READ_FOUND : READ_MISSING;
        return;
    case CALL_GONE:
        a->end = READ_GONE;
        return;
    case CALL_ABSENT:
    case CALL_EMPTY:
        a->end = READ_MISSING;
        return;
    case CALL_RETRY:
    case CALL_LIMIT:
        a->end = READ_AWAY;
        break;
    case CALL_TOKEN:
        a->end = READ_REFUSED;
        err_set(err, ERR_DATA, 0,
                "shop %s: %s; a running worker refreshes the token, else `shopstreamctl shop authorize %s`",
                name->shop, result->error, name->platform->name);
        return;
    case CALL_AUTH:
        a->end = READ_REFUSED;
        err_set(err, ERR_DATA, 0, "shop %s: %s; `shopstreamctl shop authorize %s` renews the grant",
                name->shop, result->error, name->platform->name);
        return;
    case CALL_DENIED:
    case CALL_SCOPE:
    case CALL_PERM:
        a->end = READ_REFUSED;
        a->denied = result->class == CALL_DENIED;
        break;
    }
    err_set(err, a->end == READ_AWAY ? ERR_HTTP : ERR_DATA, 0, "shop %s: %s", name->shop, result->error);
}

/* True: the registry holds another token than the one refused. */
static bool token_changed(struct entity_reader *r, const struct entity_name *name, struct strbuf *refused)
{
    struct err ignored;
    const struct shop *shop;

    shop_cache_forget(r->shops, name->platform->name, name->shop);
    shop = shop_cache_get(r->shops, name->platform->name, name->shop, &ignored);
    return shop && strcmp(shop->access_token, strbuf_text(refused)) != 0;
}

/* Asks one endpoint for one id, until there is an answer worth having. */
static void ask_one(struct entity_reader *r, const struct entity_name *name, const struct platform_ask *ask,
                    struct asked *a, struct entity_read *out, struct err *err)
{
    struct strbuf token = STRBUF_INIT;
    struct platform_result result;

    for (int tries = 1;; tries++) {
        const struct shop *shop = usable(r, name, &a->end, err);

        if (!shop)
            break;
        if (!take_leave(r, name, err)) {
            a->end = READ_AWAY;
            break;
        }
        strbuf_reset(&token);
        strbuf_add_text(&token, shop->access_token);
        if (!send_once(r, name, shop, ask, a, &result, out, err))
            break;
        settle(name, ask, &result, a, err);
        if (tries == TRIES)
            break;
        if (result.class == CALL_RETRY)
            wait_ms((int64_t)TRY_AGAIN_MS * tries);
        else if (!(result.class == CALL_LIMIT && hold_back(r, name, &result, err)) &&
                 !(result.class == CALL_TOKEN && token_changed(r, name, &token)))
            break;
    }
    if (token.data)
        explicit_bzero(token.data, token.capacity);
    strbuf_deinit(&token);
}

/* --- one entity ------------------------------------------------------------------------------------------------ */

/* The answer is the entity. */
static enum read_end take_whole(yyjson_val *json, struct entity_read *out)
{
    yyjson_mut_doc *copy = yyjson_mut_doc_new(NULL);

    yyjson_mut_doc_set_root(copy, yyjson_val_mut_copy(copy, json));
    out->json = yyjson_mut_doc_imut_copy(copy, NULL);
    yyjson_mut_doc_free(copy);
    return READ_FOUND;
}

/* A later part that is gone, denied or not to be seen is left out, as in stage 4. */
static bool part_is_settled(const struct asked *a)
{
    return a->end == READ_FOUND || a->end == READ_MISSING || a->end == READ_GONE || a->denied;
}

/* All further steps of a compound entity. */
static enum read_end take_parts(struct entity_reader *r, const struct entity_name *name,
                                struct platform_ask *ask, yyjson_val *first, struct entity_read *out,
                                struct err *err)
{
    const struct platform *p = name->platform;
    struct parts *parts = parts_new();
    enum read_end end = READ_FOUND;

    parts_add(parts, ask->endpoint, name->id, first);
    while (end == READ_FOUND && p->next_ask(r->config, name->kind, name->return_kind, name->id, parts, ask)) {
        struct asked a = {0};

        ask_one(r, name, ask, &a, out, err);
        if (part_is_settled(&a))
            parts_add(parts, ask->endpoint, ask->subject.length > 0 ? ask->subject.data : name->id, a.json);
        else
            end = a.end;
        market_call_deinit(&a.call);
    }
    if (end == READ_FOUND)
        out->json = p->compose(name->kind, name->return_kind, name->id, parts);
    parts_free(parts);
    return end != READ_FOUND ? end : out->json ? READ_FOUND : READ_MISSING;
}

enum read_end entity_read(struct entity_reader *r, const struct entity_name *name, struct entity_read *out,
                          struct err *err)
{
    const struct platform *p = name->platform;
    struct platform_ask ask = {0};
    struct asked a = {0};
    enum read_end end;

    *out = (struct entity_read){0};
    if (!p->next_ask(r->config, name->kind, name->return_kind, name->id, NULL, &ask)) {
        err_set(err, ERR_CONFIG, 0, "%s: entities of kind %s cannot be read one by one", p->name,
                entry_kind_name(name->kind));
        return READ_REFUSED;
    }
    ask_one(r, name, &ask, &a, out, err);
    end = a.end;
    if (end == READ_FOUND)
        end = p->compound(name->kind) ? take_parts(r, name, &ask, a.json, out, err) : take_whole(a.json, out);
    market_call_deinit(&a.call);
    strbuf_deinit(&ask.subject);
    return end;
}
