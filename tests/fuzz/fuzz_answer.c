/* fuzz_answer.c - tests: any bytes as a marketplace's answers: judged, searched for entities, walked step by step, composed.
 *
 * Input:   a byte for the platform, one for the kind, one for the HTTP status and the endpoint that is judged alone, then
 *          the bodies, one a line, as they would come; the last one comes again and again.
 * Checks:  no sanitizer report; every answer gets a class, errors a sentence; a subject lies inside its element's document;
 *          nothing is asked for twice and the walk ends; what is composed is an object.
 *          A grant is either complete or not OK, and makes no request with a line break in it. */
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "worker/platforms/platform.h"

enum { ASKS_MAX = 4096 }; /* more than a body of 1 MB can name packages */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char app_key[] = "abcdef", secret[] = "123,456", partner_id[] = "2001887",
            url[] = "https://api.example";
static const struct config config = {.tiktok_app_key = app_key,
                                     .tiktok_app_secret = secret,
                                     .tiktok_api_url = url,
                                     .shopee_partner_id = partner_id,
                                     .shopee_partner_key = secret,
                                     .shopee_api_url = url,
                                     .tiktok_order_details_batch_size = 50,
                                     .shopee_order_details_batch_size = 50};
static const char *const retry_afters[] = {"", "5", "-1", "99999999999999999999",
                                           "Fri, 31 Dec 1999 23:59:59 GMT"};

struct bodies {
    const char *at, *end; /* of what is left */
    yyjson_doc *last;     /* owned */
};

static void demand(bool holds)
{
    if (!holds)
        abort();
}

/* The next body; NULL: it is not JSON. Borrowed until the next call. */
static yyjson_val *next_body(struct bodies *b)
{
    const char *newline = b->at < b->end ? memchr(b->at, '\n', (size_t)(b->end - b->at)) : NULL;
    const size_t n = (size_t)((newline ? newline : b->end) - b->at);

    if (b->at == b->end)
        return yyjson_doc_get_root(b->last);
    yyjson_doc_free(b->last);
    b->last = n > 0 ? json_parse(b->at, n, NULL, NULL) : NULL;
    b->at = newline ? newline + 1 : b->end;
    return yyjson_doc_get_root(b->last);
}

static void check_sentence(const char *text, size_t size, bool wanted)
{
    demand(strnlen(text, size) < size && (!wanted || text[0]));
}

static void judge(const struct platform *p, int endpoint, const struct platform_answer *a,
                  struct platform_result *r)
{
    p->judge(endpoint, a, r);
    demand((unsigned)r->class < CALL_CLASSES);
    check_sentence(r->error, sizeof r->error, r->class != CALL_OK);
    check_sentence(r->word, sizeof r->word, false);
    demand(r->retry_after_ms >= 0);
    demand(a->root || r->class != CALL_OK);
}

/* The entity of an answer, as the fetcher would find it; its subject is looked at whole. */
static yyjson_val *entity_of(const struct platform *p, int endpoint, yyjson_val *entities)
{
    yyjson_val *found = NULL, *element;
    yyjson_arr_iter it = yyjson_arr_iter_with(entities);
    struct entry_text id = {0};

    if (yyjson_is_obj(entities)) {
        found = p->entity(endpoint, entities, &id);
        return found ? found : entities;
    }
    while ((element = yyjson_arr_iter_next(&it)) != NULL) {
        yyjson_val *entity = p->entity(endpoint, element, &id);

        if (!entity)
            continue;
        demand(id.data && id.length > 0);
        free(memcpy(malloc(id.length), id.data, id.length)); /* readable to its end */
        found = found ? found : entity;
    }
    return found;
}

static void walk(const struct platform *p, enum entry_kind kind, const char *return_kind, struct bodies *b,
                 long status)
{
    struct parts *parts = parts_new();
    struct platform_ask ask = {0};
    bool more = p->next_ask(&config, kind, return_kind, "42", NULL, &ask);

    for (size_t asks = 0; more; asks++) {
        struct platform_answer a = {
            .http_status = status, .root = next_body(b), .now_ms = INT64_C(1767705000000)};
        const char *subject = ask.subject.length > 0 ? ask.subject.data : "42";
        struct platform_result r = {0};

        demand(asks < ASKS_MAX && !parts_find(parts, ask.endpoint, subject));
        demand(p->batch_size(&config, ask.endpoint) >= 1);
        judge(p, ask.endpoint, &a, &r);
        parts_add(parts, ask.endpoint, subject,
                  r.class == CALL_OK ? entity_of(p, ask.endpoint, r.entities) : NULL);
        more = p->compound(kind) && p->next_ask(&config, kind, return_kind, "42", parts, &ask);
    }
    if (p->compound(kind) && parts->count > 0) {
        parts->whole = p->compose(kind, return_kind, "42", parts);
        demand(!parts->whole || yyjson_is_obj(yyjson_doc_get_root(parts->whole)) || !parts->at[0].doc ||
               !yyjson_is_obj(yyjson_doc_get_root(parts->at[0].doc)));
    }
    strbuf_deinit(&ask.subject);
    parts_free(parts);
}

/* A token with a line break would smuggle a header of its own into a request. */
static void use_grant(const struct platform *p, const struct platform_grant *grant, int64_t at_s)
{
    const struct shop shop = {.platform = p->name,
                              .shop_id = "7",
                              .channel_id = "c",
                              .cipher = "x",
                              .access_token = grant->access_token.data,
                              .authorization = "a",
                              .problem = ""};
    struct platform_request r = {0};
    struct err err = {0};

    if (p->probe_request(&config, &shop, at_s, &r, &err)) {
        for (size_t i = 0; i < r.header_count; i++)
            demand(!strpbrk(strbuf_text(&r.headers[i]), "\r\n"));
        demand(!strpbrk(strbuf_text(&r.url), " \r\n"));
    } else {
        demand(err.text[0] != 0);
    }
    platform_request_deinit(&r);
}

static void tokens(const struct platform *p, const struct platform_answer *a)
{
    struct platform_grant grant = {0};
    struct platform_shops shops = {0};

    p->token_answer(a, &grant);
    check_sentence(grant.error, sizeof grant.error, grant.class != CALL_OK);
    if (grant.class == CALL_OK) {
        demand(grant.access_token.length > 0 && grant.refresh_token.length > 0);
        use_grant(p, &grant, a->now_ms / 1000);
    }
    demand(grant.access_expires_ms >= 0 && grant.refresh_expires_ms >= 0);
    platform_grant_deinit(&grant);
    p->shops_answer(a, &shops);
    check_sentence(shops.error, sizeof shops.error, shops.class != CALL_OK);
    for (size_t i = 0; i < shops.count; i++)
        demand(shops.at[i].shop_id && shops.at[i].name && shops.at[i].region && shops.at[i].cipher);
    platform_shops_deinit(&shops);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const long statuses[] = {200, 0, 400, 401, 403, 404, 429, 500, 503};
    static const char *const return_kinds[] = {"return", "cancellation", ""};
    const struct platform *p = size && data[0] % 2 ? &platform_shopee : &platform_tiktok;
    const char *const bodies = (const char *)data + 3;
    struct bodies b = {0};
    struct platform_result r = {0};
    struct platform_answer a = {.now_ms = INT64_C(1767705000000)};

    if (size < 4)
        return 0;
    a.http_status = statuses[data[2] % 9];
    a.transport_error = a.http_status ? "" : "timed out";
    a.retry_after = retry_afters[data[2] / 9 % 5];
    b = (struct bodies){.at = bodies, .end = (const char *)data + size};
    a.root = next_body(&b);
    judge(p, PLATFORM_PROBE, &a, &r);
    judge(p, PLATFORM_CALL, &a, &r);
    tokens(p, &a);
    b.at = bodies;
    /* Seeds are easier to write in letters; the kinds are few. */
    walk(p, (enum entry_kind)(data[1] % 16), return_kinds[data[1] / 16 % 3], &b,
         data[2] % 2 ? a.http_status : 200);
    yyjson_doc_free(b.last);
    return 0;
}
