/* sim_tiktok.c - see sim_tiktok.h. */
#include "sim_tiktok.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "sim_fault.h"
#include "sim_finance.h"
#include "sim_http.h"
#include "sim_limit.h"
#include "sim_num.h"
#include "sim_orders.h"
#include "sim_package.h"
#include "sim_platform.h"
#include "sim_product.h"
#include "sim_push.h"
#include "sim_render.h"
#include "sim_return.h"
#include "sim_search.h"
#include "sim_selftest.h"
#include "sim_state.h"
#include "sim_token.h"
#include "sim_webhooks.h"

#define IDS_MAX 50

struct route {
    const char *method, *path;
    enum api api;
    bool gateway;       /* signed, with a token */
    bool per_shop;      /* needs a shop_cipher; the others refuse one */
    const char *params; /* query parameters it has besides the common ones, separated by spaces */
    void (*answer)(struct sim *, const struct call *, const struct caller *, struct answer *);
};

/* --- envelopes ---------------------------------------------------------------------------------------- */

/* 14 digits of local time (UTC+8) and 20 hex digits. */
static void write_request_id(struct sim *sim, struct json_out *out)
{
    time_t now = (time_t)(sim_now_s(sim) + 8 * 3600);
    struct tm tm;
    char text[48];

    gmtime_r(&now, &tm);
    strftime(text, sizeof text, "%Y%m%d%H%M%S", &tm);
    snprintf(text + 14, sizeof text - 14, "%016llX%04X", (unsigned long long)draw_next(&sim->dice),
             (unsigned)(draw_next(&sim->dice) & 0xffff));
    json_out_text(out, "request_id", text);
}

void tiktok_open(struct answer *answer, struct json_out *out)
{
    *out = (struct json_out){.b = &answer->body};
    json_out_open(out, NULL, '{');
    json_out_int(out, "code", 0);
}

void tiktok_close(struct sim *sim, struct json_out *out, const char *message)
{
    json_out_text(out, "message", message);
    write_request_id(sim, out);
    json_out_close(out, '}');
}

/* On errors data is null or missing, by turns. */
void tiktok_error(struct sim *sim, struct answer *answer, int status, int code, const char *message)
{
    struct json_out out = {.b = &answer->body};

    answer->body.n = 0;
    answer->status = status;
    answer->code = code;
    json_out_open(&out, NULL, '{');
    json_out_int(&out, "code", code);
    if (draw_next(&sim->dice) & 1)
        json_out_raw(&out, "data", "null");
    tiktok_close(sim, &out, message);
}

/* --- faults of whole calls ------------------------------------------------------------------------------ */

static void answer_503(struct sim *sim, struct answer *answer, const struct fault *f)
{
    if (strcmp(f->body, "json") == 0) {
        tiktok_error(sim, answer, 503, 36009003, "Service unavailable");
        return;
    }
    answer->status = 503;
    answer->media = "text/html";
    if (strcmp(f->body, "html") == 0)
        buf_puts(&answer->body,
                 "<html><head><title>503</title></head><body>Service Unavailable</body></html>");
}

static void answer_shaped(struct sim *sim, struct answer *answer, const struct fault *f)
{
    struct json_out out;

    answer->retry_after = f->retry_after;
    switch (f->kind) {
    case FAULT_500:
        tiktok_error(sim, answer, 500, 36009003, "Internal error");
        break;
    case FAULT_503:
        answer_503(sim, answer, f);
        break;
    case FAULT_429:
        tiktok_error(sim, answer, 429, 36009002, "Too many requests");
        break;
    case FAULT_GARBAGE:
        answer->media = "text/html";
        buf_puts(&answer->body, "<!DOCTYPE html><html><body><h1>Xin lỗi</h1>{\"code\":0</body></html>");
        break;
    case FAULT_NULL_DATA:
        tiktok_open(answer, &out);
        json_out_raw(&out, "data", "null");
        tiktok_close(sim, &out, "Success");
        break;
    case FAULT_FOREIGN:
        tiktok_error(sim, answer, (int)sim->sw.business_error_status, 21008111,
                     "The order is not of this shop");
        break;
    case FAULT_REDIRECT:
        answer->status = 302;
        answer->location = buf_strdup(f->location ? f->location : "http://127.0.0.1:9/");
        break;
    case FAULT_CODE:
        tiktok_error(sim, answer, (int)f->status, (int)f->code, "Error on request of the test");
        break;
    default:
        answer->how = DELIVER_CLOSE;
        break;
    }
}

bool tiktok_faults(struct sim *sim, enum api api, int64_t shop, struct answer *answer)
{
    static const enum fault_kind finished[] = {FAULT_CLOSE,   FAULT_500,      FAULT_503,
                                               FAULT_429,     FAULT_GARBAGE,  FAULT_NULL_DATA,
                                               FAULT_FOREIGN, FAULT_REDIRECT, FAULT_CODE};
    static const enum fault_kind delivered[] = {FAULT_SLOW, FAULT_HANG, FAULT_HOLD, FAULT_TRUNCATED,
                                                FAULT_LOST};
    const struct fault *f;

    for (size_t i = 0; i < sizeof delivered / sizeof *delivered; i++) {
        f = fault_meets(sim, delivered[i], api, shop);
        if (!f)
            continue;
        answer->fault = fault_name(f->kind);
        answer->delay_ms += f->kind == FAULT_SLOW || f->kind == FAULT_HANG ? f->ms : 0;
        answer->held_shop = shop;
        if (f->kind == FAULT_HOLD)
            answer->how = DELIVER_HELD;
        if (f->kind == FAULT_TRUNCATED)
            answer->how = DELIVER_TRUNCATED;
        if (f->kind == FAULT_LOST)
            answer->how = DELIVER_CLOSE;
    }
    for (size_t i = 0; i < sizeof finished / sizeof *finished; i++) {
        f = fault_meets(sim, finished[i], api, shop);
        if (!f)
            continue;
        answer->fault = fault_name(f->kind);
        answer_shaped(sim, answer, f);
        return true;
    }
    return false;
}

/* --- endpoints ------------------------------------------------------------------------------------------- */

static void shops_answer(struct sim *sim, const struct call *call, const struct caller *who,
                         struct answer *answer)
{
    uint32_t first = who->auth * sim->opt.shops_per_authorization;
    struct json_out out;
    char name[64];

    count_about(sim, call->number, first, 0, "");
    if (tiktok_faults(sim, API_SHOPS, first, answer))
        return;
    tiktok_open(answer, &out);
    json_out_open(&out, "data", '{');
    json_out_open(&out, "shops", '[');
    for (uint32_t i = first; i < sim->opt.shops && sim_auth_index(sim, i) == who->auth; i++) {
        json_out_open(&out, NULL, '{');
        json_out_text(&out, "cipher", sim->shops[i].cipher);
        snprintf(name, sizeof name, "VNLC%05u", i);
        json_out_text(&out, "code", name);
        json_out_text(&out, "id", sim->shops[i].id);
        snprintf(name, sizeof name, "Cửa hàng Mẫu %u", i);
        json_out_text(&out, "name", name);
        json_out_text(&out, "region", "VN");
        json_out_text(&out, "seller_type", "LOCAL");
        json_out_close(&out, '}');
    }
    json_out_close(&out, ']');
    json_out_close(&out, '}');
    tiktok_close(sim, &out, "Success");
}

/* Splits "a,b,c" into texts; false: empty, malformed or more than IDS_MAX. */
static bool ids_split(const char *ids, char out[IDS_MAX][24], uint32_t *count)
{
    *count = 0;
    for (;;) {
        size_t n = strcspn(ids, ",");

        if (n == 0 || n > 21 || strspn(ids, "0123456789") != n || *count == IDS_MAX)
            return false;
        memcpy(out[*count], ids, n);
        out[(*count)++][n] = '\0';
        if (!ids[n])
            return true;
        ids += n + 1;
    }
}

enum serve tiktok_entity_faults(struct sim *sim, enum api api, const struct entity *entity,
                                struct answer *answer, uint32_t *revision)
{
    const struct fault *f;
    bool whole = api != API_SEARCH; /* an order search is neither poisoned nor held by one order */

    *revision = entity->revisions;
    if (whole && fault_meets_order(sim, FAULT_POISON, api, entity->shop, entity->number)) {
        answer->fault = fault_name(FAULT_POISON);
        tiktok_error(sim, answer, 500, 36009003, "Internal error");
        return SERVE_ERROR;
    }
    if (fault_meets_order(sim, FAULT_MISSING, api, entity->shop, entity->number)) {
        answer->fault = fault_name(FAULT_MISSING);
        return SERVE_LEAVE_OUT;
    }
    if (whole && fault_meets_order(sim, FAULT_HOLD, api, entity->shop, entity->number)) {
        answer->fault = fault_name(FAULT_HOLD);
        answer->how = DELIVER_HELD;
        answer->held_shop = entity->shop;
        answer->held_number = entity->number;
    }
    f = fault_meets_order(sim, FAULT_STALE, api, entity->shop, entity->number);
    if (f) {
        answer->fault = fault_name(FAULT_STALE);
        *revision = f->back < (int64_t)entity->revisions ? entity->revisions - (uint32_t)f->back : 0;
    }
    return *revision ? SERVE_IT : SERVE_LEAVE_OUT;
}

bool tiktok_write_entity(struct sim *sim, enum api api, struct entity *entity, const char *key,
                         struct json_out *out, struct answer *answer)
{
    uint32_t revision;
    enum serve serve = tiktok_entity_faults(sim, api, entity, answer, &revision);

    if (serve != SERVE_IT)
        return serve == SERVE_LEAVE_OUT;
    json_out_raw(out, key, "");
    if (revision < entity->revisions)
        sim->platform->render(sim, entity, revision, out->b);
    else
        entity_json(sim, entity, out->b);
    entity->reads++;
    return true;
}

json_t *tiktok_filters(struct sim *sim, const struct call *call, const struct filter_rule *rules,
                       struct answer *answer)
{
    json_t *body =
        call->body_len ? json_loadb(call->body, call->body_len, JSON_REJECT_DUPLICATES, NULL) : json_object();
    const struct filter_rule *broken;

    if (!json_is_object(body)) {
        tiktok_error(sim, answer, 400, 36009004, "Invalid body");
        json_decref(body);
        return NULL;
    }
    broken = filter_broken(body, rules);
    if (!broken)
        return body;
    tiktok_error(sim, answer, 400, broken->code ? broken->code : 36009004, "Invalid parameter in the body");
    json_decref(body);
    return NULL;
}

static void detail_answer(struct sim *sim, const struct call *call, const struct caller *who,
                          struct answer *answer)
{
    const char *ids = call_param(call, "ids");
    char id[IDS_MAX][24];
    uint32_t count = 0;
    struct json_out out;

    if (!ids || !ids_split(ids, id, &count)) {
        tiktok_error(sim, answer, 400, 36009004, "Invalid parameter: ids");
        return;
    }
    count_about(sim, call->number, who->shop, count, ids);
    if (tiktok_faults(sim, API_DETAIL, who->shop, answer))
        return;
    tiktok_open(answer, &out);
    json_out_open(&out, "data", '{');
    json_out_open(&out, "orders", '[');
    for (uint32_t i = 0; i < count; i++) {
        struct entity *order = orders_by_id(sim, id[i]);

        if (order && order->shop == who->shop) {
            if (tiktok_write_entity(sim, API_DETAIL, order, NULL, &out, answer))
                continue;
            return;
        }
        if (sim->sw.foreign_ids_refused) {
            tiktok_error(sim, answer, (int)sim->sw.business_error_status, 21008111,
                         "The order is not of this shop");
            return;
        }
    }
    json_out_close(&out, ']');
    json_out_close(&out, '}');
    tiktok_close(sim, &out, "Success");
}

static void search_route(struct sim *sim, const struct call *call, const struct caller *who,
                         struct answer *answer)
{
    search_answer(sim, call, (uint32_t)who->shop, answer);
}

static void token_route(struct sim *sim, const struct call *call, const struct caller *who,
                        struct answer *answer)
{
    (void)who;
    tiktok_token_answer(sim, call, answer);
}

#define PAGE "page_size page_token "
#define SORT "sort_field sort_order "

/* Orders first: their calls are most of all. {} stands for one id. */
static const struct route routes[] = {
    {"GET", "/order/202507/orders", API_DETAIL, true, true, "ids", detail_answer},
    {"GET", "/order/202309/orders", API_DETAIL, true, true, "ids", detail_answer},
    {"POST", "/order/202309/orders/search", API_SEARCH, true, true, PAGE SORT, search_route},
    {"GET", "/authorization/202309/shops", API_SHOPS, true, false, "", shops_answer},
    {"GET", "/api/v2/token/refresh", API_TOKEN, false, false, NULL, token_route},
    {"GET", "/api/v2/token/get", API_TOKEN, false, false, NULL, token_route},
    {"POST", "/return_refund/202602/returns/search", API_RETURN, true, true, PAGE SORT, return_search},
    {"POST", "/return_refund/202309/returns/search", API_RETURN, true, true, PAGE SORT, return_search},
    {"POST", "/return_refund/202602/cancellations/search", API_CANCELLATION, true, true, PAGE SORT,
     cancellation_search},
    {"POST", "/return_refund/202309/cancellations/search", API_CANCELLATION, true, true, PAGE SORT,
     cancellation_search},
    {"POST", "/fulfillment/202309/packages/search", API_PACKAGE, true, true, PAGE SORT, package_search},
    {"GET", "/fulfillment/202309/packages/{}", API_PACKAGE, true, true, "", package_detail},
    {"GET", "/fulfillment/202309/orders/{}/tracking", API_TRACKING, true, true, "", package_tracking},
    {"POST", "/product/202502/products/search", API_PRODUCT, true, true, PAGE, product_search},
    {"POST", "/product/202309/products/search", API_PRODUCT, true, true, PAGE, product_search},
    {"GET", "/product/202309/products/{}", API_PRODUCT, true, true,
     "return_under_review_version return_draft_version locale", product_detail},
    {"POST", "/product/202309/inventory/search", API_PRODUCT, true, true, "", product_inventory},
    {"GET", "/finance/202501/orders/{}/statement_transactions", API_FINANCE, true, true, "", finance_order},
    {"GET", "/finance/202501/statements/{}/statement_transactions", API_FINANCE, true, true, PAGE SORT,
     finance_statement},
    {"GET", "/finance/202309/statements", API_FINANCE, true, true,
     PAGE SORT "statement_time_ge statement_time_lt payment_status", finance_statements},
    {"GET", "/finance/202309/payments", API_FINANCE, true, true, PAGE SORT "create_time_ge create_time_lt",
     finance_payments},
    {"GET", "/event/202309/webhooks", API_EVENTS, true, true, "", webhooks_get},
    {"PUT", "/event/202309/webhooks", API_EVENTS, true, true, "", webhooks_put},
    {"DELETE", "/event/202309/webhooks", API_EVENTS, true, true, "", webhooks_delete},
};

/* --- gateway ----------------------------------------------------------------------------------------------- */

static bool check_key_and_time(struct sim *sim, const struct call *call, struct answer *answer)
{
    const char *key = call_param(call, "app_key");
    const char *text = call_param(call, "timestamp");
    int64_t stamp, age;

    if (!key || strcmp(key, sim->opt.app_key) != 0) {
        tiktok_error(sim, answer, 400, 36009004, "Invalid app_key");
        return false;
    }
    if (!text || !num_i64(text, strlen(text), 0, INT64_MAX / 4, &stamp)) {
        tiktok_error(sim, answer, 400, 36009004, "Invalid timestamp");
        return false;
    }
    age = sim_now_s(sim) - stamp;
    if (age > sim->sw.timestamp_past_s || -age > sim->sw.timestamp_future_s) {
        tiktok_error(sim, answer, 400, 36009004, "Expired timestamp");
        return false;
    }
    return true;
}

static bool check_sign(struct sim *sim, const struct call *call, struct answer *answer)
{
    const char *sent = call_param(call, "sign"); /* before sorting moves the parameters */
    bool multipart = call->media && strncasecmp(call->media, "multipart/form-data", 19) == 0;
    char expected[SIGN_HEX];

    if (!sent) {
        tiktok_error(sim, answer, 400, 36009004, "Missing sign");
        return false;
    }
    sign_request(sim->opt.app_secret, call->path, call->params, call->param_count,
                 multipart ? NULL : call->body, multipart ? 0 : call->body_len, expected);
    if (!sign_equal(expected, sent)) {
        tiktok_error(sim, answer, 401, 106001, "Invalid sign");
        return false;
    }
    return true;
}

/* The shop is needed before its own check, because token faults may concern one shop only. */
static bool check_token(struct sim *sim, const struct call *call, enum api api, int64_t shop,
                        struct caller *who, struct answer *answer)
{
    int status = (int)sim->sw.token_error_status;
    enum token_state state;
    const struct fault *f;

    if (!call->token) {
        tiktok_error(sim, answer, 400, 36009004, "Missing x-tts-access-token");
        return false;
    }
    state = token_check(sim, call->token, &who->auth);
    if (state == TOKEN_UNKNOWN) {
        tiktok_error(sim, answer, status, 105001, "Invalid access token");
        return false;
    }
    if (state == TOKEN_REVOKED) {
        int code = sim->auths[who->auth].revoked_code;

        tiktok_error(sim, answer, status, code ? code : 105001, "Access token not valid any more");
        return false;
    }
    if (state == TOKEN_EXPIRED) {
        tiktok_error(sim, answer, status, 105002, "Expired access token");
        return false;
    }
    if (shop < 0)
        shop = (int64_t)who->auth * sim->opt.shops_per_authorization;
    f = fault_meets(sim, FAULT_REVOKED, api, shop);
    if (f) {
        tiktok_error(sim, answer, status, f->code ? (int)f->code : 105001, "Access token not valid any more");
        answer->fault = fault_name(FAULT_REVOKED);
        return false;
    }
    if (fault_meets(sim, FAULT_SCOPE, api, shop)) {
        tiktok_error(sim, answer, status, 105005, "Scope not granted");
        answer->fault = fault_name(FAULT_SCOPE);
        return false;
    }
    return true;
}

/* Within the limits of app and shop? */
static bool check_limit(struct sim *sim, int64_t shop, struct answer *answer)
{
    if (limit_call(sim, shop))
        return true;
    tiktok_error(sim, answer, 429, 36009002, "Too many requests");
    answer->retry_after = sim->sw.limit_retry_after;
    answer->fault = "limit";
    return false;
}

/* Is the name one of the words? */
static bool word_listed(const char *name, const char *words)
{
    size_t len = strlen(name);

    for (const char *at = words; (at = strstr(at, name)); at += len) {
        if ((at == words || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0') && len)
            return true;
    }
    return false;
}

/* Every parameter documented and there once, the media type as documented. */
static bool check_params(struct sim *sim, const struct call *call, const struct route *route,
                         struct answer *answer)
{
    if (!call->media || strncasecmp(call->media, "application/json", 16) != 0) {
        tiktok_error(sim, answer, 400, 36009004, "Invalid content-type");
        return false;
    }
    for (size_t i = 0; i < call->param_count; i++) { /* sorted by now */
        const char *name = call->params[i].name;

        if ((word_listed(name, "app_key sign timestamp shop_cipher") || word_listed(name, route->params)) &&
            (i == 0 || strcmp(name, call->params[i - 1].name) != 0))
            continue;
        tiktok_error(sim, answer, 400, 36009004, "Unexpected parameter");
        return false;
    }
    return true;
}

static bool gateway(struct sim *sim, const struct call *call, const struct route *route, struct caller *who,
                    struct answer *answer)
{
    const char *cipher = call_param(call, "shop_cipher");
    struct shop *shop = cipher ? sim_shop_by_cipher(sim, cipher) : NULL;

    who->shop = shop ? (int64_t)sim_shop_index(sim, shop) : -1;
    if (!check_key_and_time(sim, call, answer) || !check_sign(sim, call, answer) ||
        !check_limit(sim, who->shop, answer) || !check_token(sim, call, route->api, who->shop, who, answer))
        return false;
    if (!route->per_shop) {
        if (cipher)
            tiktok_error(sim, answer, 400, 36009004, "Unexpected shop_cipher");
        return !cipher && check_params(sim, call, route, answer);
    }
    if (!cipher) {
        tiktok_error(sim, answer, 400, 106013, "Missing shop_cipher");
        return false;
    }
    if (!shop) {
        tiktok_error(sim, answer, 400, 36009004, "Invalid shop_cipher");
        return false;
    }
    if (sim_auth_index(sim, (uint32_t)who->shop) != who->auth) {
        tiktok_error(sim, answer, (int)sim->sw.token_error_status, 101000, "The token is not of this shop");
        return false;
    }
    return check_params(sim, call, route, answer);
}

/* Does the path have this shape? What stands for {} is copied to id, as far as it fits. */
static bool path_fits(const char *shape, const char *path, char id[ENTITY_ID])
{
    const char *hole = strstr(shape, "{}");
    size_t head, len;

    if (!hole)
        return strcmp(shape, path) == 0;
    head = (size_t)(hole - shape);
    if (strncmp(shape, path, head) != 0)
        return false;
    len = strcspn(path + head, "/");
    if (len == 0 || strcmp(hole + 2, path + head + len) != 0)
        return false;
    snprintf(id, ENTITY_ID, "%.*s", (int)len, path + head);
    return true;
}

/* The first route with this path; of those with the right method, if there is one. */
static const struct route *route_of(const struct call *call, char id[ENTITY_ID], bool *path_known)
{
    *path_known = false;
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        if (!path_fits(routes[i].path, call->path, id))
            continue;
        *path_known = true;
        if (strcmp(routes[i].method, call->method) == 0)
            return &routes[i];
    }
    return NULL;
}

static void tiktok_answer(struct sim *sim, const struct call *call_in, struct answer *answer)
{
    struct call call = *call_in;
    bool path_known;
    struct caller who = {.shop = -1};
    const struct route *route = route_of(&call, who.id, &path_known);

    call.number = count_begin(sim, route ? route->api : API_NONE);
    if (!path_known)
        tiktok_error(sim, answer, 404, 36009009, "Invalid path");
    else if (!route)
        tiktok_error(sim, answer, 404, 36009010, "Invalid method");
    else if (!route->gateway || gateway(sim, &call, route, &who, answer))
        route->answer(sim, &call, &who, answer);
    answer->number = call.number;
}

/* --- the platform's table --------------------------------------------------------------------------------- */

/* shop_id: 7496, five digits of the index, ten digits of the seed. cipher: ROW_, the index, letters. */
static void tiktok_shop_init(uint64_t seed, uint32_t index, struct shop *shop)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    struct draw d = draw_of(seed, 1, index, 0);
    uint64_t state = d.base;
    size_t at;

    snprintf(shop->id, sizeof shop->id, "7496%05u%010u", index,
             (unsigned)draw_below(d, "shop_id", 4000000000u));
    at = (size_t)snprintf(shop->cipher, sizeof shop->cipher, "ROW_%05u", index);
    while (at < 36)
        shop->cipher[at++] = letters[draw_next(&state) % (sizeof letters - 1)];
    shop->cipher[at] = '\0';
}

/* What belongs to an order creates it, but money, which asks for a completed one. */
static const char *tiktok_change(struct sim *sim, enum kind kind, uint32_t shop, uint32_t number,
                                 const struct change *change, struct entity **out)
{
    bool creates = kind == KIND_RETURN || kind == KIND_CANCELLATION || kind == KIND_TRACKING;

    if (creates && !entity_ever(sim, KIND_ORDER, shop, number))
        orders_change(sim, shop, number, change);
    switch (kind) {
    case KIND_PRODUCT:
        *out = product_change(sim, shop, number, change);
        return NULL;
    case KIND_RETURN:
    case KIND_CANCELLATION:
        *out = return_change(sim, kind, shop, number, change);
        return NULL;
    case KIND_TRACKING:
        return package_change(sim, shop, number, change, out);
    case KIND_TRANSACTION:
        return finance_change(sim, shop, number, change, out);
    default:
        if (change->address && !entity_ever(sim, KIND_ORDER, shop, number))
            return "address: the order does not exist yet";
        *out = orders_change(sim, shop, number, change);
        return NULL;
    }
}

static bool tiktok_push(struct sim *sim, const struct entity *entity, const struct change *change,
                        struct buf *body)
{
    switch ((enum kind)entity->kind) {
    case KIND_PRODUCT:
        product_push(sim, entity, body);
        return true;
    case KIND_RETURN:
    case KIND_CANCELLATION:
        return_push(sim, entity, body);
        return true;
    case KIND_TRACKING:
        package_push(sim, entity, body);
        return true;
    case KIND_TRANSACTION:
        return false;
    default:
        push_order_body(sim, entity, change->address ? 3 : 1, body);
        return true;
    }
}

static void tiktok_sign(const struct sim *sim, const char *body, size_t len, char out[SIGN_HEX])
{
    sign_push(sim->opt.app_key, sim->opt.app_secret, body, len, out);
}

static const char *tiktok_status(const struct entity *entity)
{
    switch ((enum kind)entity->kind) {
    case KIND_PRODUCT:
        return product_status_name(entity);
    case KIND_RETURN:
    case KIND_CANCELLATION:
        return return_status_name(entity);
    case KIND_TRACKING:
        return package_status_name(entity);
    case KIND_TRANSACTION:
        return "SETTLED";
    default:
        return orders_status_name((enum order_status)entity_last(entity)->status);
    }
}

static void tiktok_render(const struct sim *sim, const struct entity *entity, uint32_t revision,
                          struct buf *to)
{
    if (entity->kind == KIND_ORDER)
        render_order(sim, entity, revision, to);
    else if (entity->kind == KIND_PRODUCT)
        product_render(sim, entity, revision, to);
    else
        return_render(sim, entity, revision, to);
}

static bool tiktok_truth(struct sim *sim, enum kind kind, uint32_t shop, uint32_t number, struct truth *out)
{
    struct entity *entity;

    if (kind == KIND_TRACKING)
        return package_truth(sim, shop, number, out);
    if (kind == KIND_TRANSACTION)
        return finance_truth(sim, shop, number, out);
    entity = entity_get(sim, kind, shop, number);
    if (!entity)
        return false;
    memcpy(out->id, entity->id, sizeof out->id);
    out->revision = entity->revisions;
    entity_json(sim, entity, out->body);
    return true;
}

static void tiktok_account(const struct sim *sim, uint32_t auth, char out[ENTITY_ID])
{
    (void)sim;
    snprintf(out, ENTITY_ID, "70100000000000%05u", auth);
}

static void tiktok_shop_line(struct sim *sim, uint32_t shop, struct buf *to)
{
    uint32_t index = sim_auth_index(sim, shop);
    const struct authorization *auth = &sim->auths[index];
    struct json_out out = {.b = to};
    char text[TOKEN_TEXT];

    json_out_open(&out, NULL, '{');
    json_out_text(&out, "platform", "tiktok");
    json_out_text(&out, "shop_id", sim->shops[shop].id);
    snprintf(text, sizeof text, "channel-%u", shop);
    json_out_text(&out, "channel_id", text);
    json_out_text(&out, "region", "VN");
    tiktok_account(sim, index, text);
    json_out_text(&out, "account", text);
    json_out_text(&out, "shop_cipher", sim->shops[shop].cipher);
    token_access(sim, index, auth->generation, text);
    json_out_text(&out, "access_token", text);
    token_refresh(sim, index, auth->generation, text);
    json_out_text(&out, "refresh_token", text);
    json_out_int(&out, "access_expires_at", auth->expires[auth->generation - 1]);
    json_out_int(&out, "refresh_expires_at", sim_now_s(sim) + sim->sw.refresh_token_seconds);
    json_out_close(&out, '}');
}

const struct sim_platform platform_tiktok = {
    .name = "tiktok",
    .kinds = {[KIND_ORDER] = true,
              [KIND_PRODUCT] = true,
              [KIND_RETURN] = true,
              [KIND_CANCELLATION] = true,
              [KIND_TRACKING] = true,
              [KIND_TRANSACTION] = true},
    .shop_digits = 4,
    .cipher_digits = 4,
    .shop_init = tiktok_shop_init,
    .answer = tiktok_answer,
    .change = tiktok_change,
    .push = tiktok_push,
    .topic = push_topic_body,
    .sign = tiktok_sign,
    .push_path = "/webhooks/tiktok",
    .status = tiktok_status,
    .render = tiktok_render,
    .truth = tiktok_truth,
    .shop_line = tiktok_shop_line,
    .account = tiktok_account,
    .selftest = selftest_run,
};
