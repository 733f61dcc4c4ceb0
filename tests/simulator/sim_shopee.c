/* sim_shopee.c - see sim_shopee.h. */
#include "sim_shopee.h"

#include <stdio.h>
#include <string.h>

#include "sim_http.h"
#include "sim_limit.h"
#include "sim_num.h"
#include "sim_platform.h"
#include "sim_shopee_config.h"
#include "sim_shopee_push.h"
#include "sim_shopee_render.h"
#include "sim_shopee_state.h"
#include "sim_state.h"
#include "sim_token.h"

#define NUMBER_MAX 4294967295 /* of partner_id, shop_id and timestamp */

enum level { LEVEL_PUBLIC, LEVEL_SHOP };

struct route {
    const char *method, *path;
    enum api api;
    enum level level;
    const char *params; /* names beside the common ones, separated by spaces */
    void (*answer)(struct shopee_ask *ask);
};

/* --- envelopes ---------------------------------------------------------------------------------------- */

static void write_request_id(struct shopee_ask *ask, struct json_out *out)
{
    char text[48];

    snprintf(text, sizeof text, "%016llx:%015llx", (unsigned long long)draw_next(&ask->sim->dice),
             (unsigned long long)draw_next(&ask->sim->dice) >> 4);
    json_out_text(out, "request_id", text);
}

void shopee_error_status(struct shopee_ask *ask, int status, const char *error, const char *message)
{
    struct json_out out = {.b = &ask->answer->body};

    out.b->n = 0;
    ask->answer->status = status;
    snprintf(ask->answer->error, sizeof ask->answer->error, "%s", error);
    json_out_open(&out, NULL, '{');
    json_out_text(&out, "error", error);
    json_out_text(&out, "message", message);
    write_request_id(ask, &out);
    if (draw_next(&ask->sim->dice) & 1) /* some of the platform's error samples have it */
        json_out_raw(&out, "response", "{}");
    json_out_close(&out, '}');
}

void shopee_error(struct shopee_ask *ask, const char *error, const char *message)
{
    shopee_error_status(ask, (int)ask->sim->sw.business_error_status, error, message);
}

void shopee_open(struct shopee_ask *ask, struct json_out *out)
{
    *out = (struct json_out){.b = &ask->answer->body};
    json_out_open(out, NULL, '{');
    json_out_text(out, "error", ask->sim->sw.success_dash ? "-" : "");
    json_out_text(out, "message", ask->sim->sw.success_dash ? "-" : "");
    write_request_id(ask, out);
}

void shopee_open_response(struct shopee_ask *ask, struct json_out *out, const char *warning)
{
    shopee_open(ask, out);
    json_out_text(out, "warning", warning ? warning : "");
    json_out_open(out, "response", '{');
}

void shopee_close(struct shopee_ask *ask, struct json_out *out)
{
    (void)ask;
    json_out_close(out, '}');
}

/* --- faults --------------------------------------------------------------------------------------------- */

static void answer_503(struct shopee_ask *ask, const struct fault *f)
{
    if (strcmp(f->body, "json") == 0) {
        shopee_error_status(ask, 503, "error_network", "Network error, please try again later.");
        return;
    }
    ask->answer->status = 503;
    ask->answer->media = "text/html";
    if (strcmp(f->body, "html") == 0)
        buf_puts(&ask->answer->body, "<html><body>503 Service Temporarily Unavailable</body></html>");
}

static void answer_shaped(struct shopee_ask *ask, const struct fault *f)
{
    struct json_out out;

    ask->answer->retry_after = f->retry_after;
    switch (f->kind) {
    case FAULT_500:
        shopee_error_status(ask, 500, "error_server", "Something wrong. Please try later.");
        break;
    case FAULT_503:
        answer_503(ask, f);
        break;
    case FAULT_429:
        shopee_error_status(ask, 429, "error_rate_limit", "Too many requests, please try again later.");
        break;
    case FAULT_GARBAGE:
        ask->answer->media = "text/html";
        buf_puts(&ask->answer->body,
                 "<!DOCTYPE html><html><body><h1>Xin lỗi</h1>{\"error\":\"\"</body></html>");
        break;
    case FAULT_NULL_DATA:
        shopee_open(ask, &out);
        json_out_raw(&out, "response", "null");
        shopee_close(ask, &out);
        break;
    case FAULT_REDIRECT:
        ask->answer->status = 302;
        ask->answer->location = buf_strdup(f->location ? f->location : "http://127.0.0.1:9/");
        break;
    case FAULT_CODE:
        shopee_error_status(ask, (int)f->status, f->error, f->message);
        break;
    default:
        ask->answer->how = DELIVER_CLOSE;
        break;
    }
}

bool shopee_faults(struct shopee_ask *ask)
{
    static const enum fault_kind finished[] = {FAULT_CLOSE,   FAULT_500,       FAULT_503,      FAULT_429,
                                               FAULT_GARBAGE, FAULT_NULL_DATA, FAULT_REDIRECT, FAULT_CODE};
    static const enum fault_kind delivered[] = {FAULT_SLOW, FAULT_HANG, FAULT_HOLD, FAULT_TRUNCATED,
                                                FAULT_LOST};
    struct answer *answer = ask->answer;
    const struct fault *f;

    for (size_t i = 0; i < sizeof delivered / sizeof *delivered; i++) {
        f = fault_meets(ask->sim, delivered[i], ask->api, ask->shop);
        if (!f)
            continue;
        answer->fault = fault_name(f->kind);
        answer->delay_ms += f->kind == FAULT_SLOW || f->kind == FAULT_HANG ? f->ms : 0;
        answer->held_shop = ask->shop;
        if (f->kind == FAULT_HOLD)
            answer->how = DELIVER_HELD;
        if (f->kind == FAULT_TRUNCATED)
            answer->how = DELIVER_TRUNCATED;
        if (f->kind == FAULT_LOST)
            answer->how = DELIVER_CLOSE;
    }
    for (size_t i = 0; i < sizeof finished / sizeof *finished; i++) {
        f = fault_meets(ask->sim, finished[i], ask->api, ask->shop);
        if (!f)
            continue;
        answer->fault = fault_name(f->kind);
        answer_shaped(ask, f);
        return true;
    }
    return false;
}

static bool meets(struct shopee_ask *ask, enum fault_kind kind, const struct entity *entity)
{
    if (!fault_meets_order(ask->sim, kind, ask->api, entity->shop, entity->number))
        return false;
    ask->answer->fault = fault_name(kind);
    return true;
}

enum shopee_served shopee_serve(struct shopee_ask *ask, struct entity *entity, uint32_t *revision)
{
    const struct fault *f;

    if (!entity || entity->shop != ask->shop)
        return SHOPEE_MISSING;
    if (meets(ask, FAULT_POISON, entity)) {
        shopee_error_status(ask, 500, "error_server", "Something wrong. Please try later.");
        return SHOPEE_POISONED;
    }
    if (meets(ask, FAULT_MISSING, entity))
        return SHOPEE_MISSING;
    if (meets(ask, FAULT_HOLD, entity)) {
        ask->answer->how = DELIVER_HELD;
        ask->answer->held_shop = entity->shop;
        ask->answer->held_number = entity->number;
    }
    *revision = entity->revisions;
    f = fault_meets_order(ask->sim, FAULT_STALE, ask->api, entity->shop, entity->number);
    if (f) {
        ask->answer->fault = fault_name(FAULT_STALE);
        if (f->back >= (int64_t)entity->revisions)
            return SHOPEE_MISSING; /* it did not exist yet */
        *revision -= (uint32_t)f->back;
    }
    entity->reads++;
    return SHOPEE_SERVED;
}

/* --- routes ------------------------------------------------------------------------------------------------ */

static const struct route routes[] = {
    {"GET", "/api/v2/order/get_order_list", API_SEARCH, LEVEL_SHOP,
     "time_range_field time_from time_to page_size cursor order_status response_optional_fields "
     "request_order_status_pending",
     shopee_order_list},
    {"GET", "/api/v2/order/get_order_detail", API_DETAIL, LEVEL_SHOP,
     "order_sn_list response_optional_fields request_order_status_pending", shopee_order_detail},
    {"GET", "/api/v2/order/get_package_detail", API_PACKAGE, LEVEL_SHOP, "package_number_list",
     shopee_package_detail},
    {"GET", "/api/v2/logistics/get_tracking_info", API_TRACKING, LEVEL_SHOP, "order_sn package_number",
     shopee_tracking_info},
    {"GET", "/api/v2/logistics/get_tracking_number", API_TRACKING, LEVEL_SHOP,
     "order_sn package_number response_optional_fields", shopee_tracking_get},
    {"POST", "/api/v2/logistics/get_mass_tracking_number", API_TRACKING, LEVEL_SHOP, "",
     shopee_tracking_mass},
    {"GET", "/api/v2/returns/get_return_list", API_RETURN, LEVEL_SHOP,
     "page_no page_size create_time_from create_time_to update_time_from update_time_to status "
     "negotiation_status seller_proof_status seller_compensation_status",
     shopee_return_list},
    {"GET", "/api/v2/returns/get_return_detail", API_RETURN, LEVEL_SHOP, "return_sn", shopee_return_detail},
    {"GET", "/api/v2/product/get_item_list", API_PRODUCT, LEVEL_SHOP,
     "offset page_size item_status update_time_from update_time_to", shopee_item_list},
    {"GET", "/api/v2/product/get_item_base_info", API_PRODUCT, LEVEL_SHOP,
     "item_id_list need_tax_info need_complaint_policy", shopee_item_base},
    {"GET", "/api/v2/product/get_model_list", API_PRODUCT, LEVEL_SHOP, "item_id", shopee_model_list},
    {"GET", "/api/v2/payment/get_escrow_list", API_FINANCE, LEVEL_SHOP,
     "release_time_from release_time_to page_no page_size", shopee_escrow_list},
    {"GET", "/api/v2/payment/get_escrow_detail", API_FINANCE, LEVEL_SHOP, "order_sn", shopee_escrow_detail},
    {"GET", "/api/v2/payment/get_escrow_detail_batch", API_FINANCE, LEVEL_SHOP, "order_sn_list",
     shopee_escrow_batch},
    {"POST", "/api/v2/payment/get_escrow_detail_batch", API_FINANCE, LEVEL_SHOP, "", shopee_escrow_batch},
    {"GET", "/api/v2/payment/get_wallet_transaction_list", API_FINANCE, LEVEL_SHOP,
     "page_no page_size create_time_from create_time_to transaction_type money_flow", shopee_wallet_list},
    {"GET", "/api/v2/payment/get_income_detail", API_FINANCE, LEVEL_SHOP,
     "date_from date_to income_status cursor page_size", shopee_income_detail},
    {"GET", "/api/v2/push/get_app_push_config", API_EVENTS, LEVEL_PUBLIC, "", shopee_config_get},
    {"POST", "/api/v2/push/set_app_push_config", API_EVENTS, LEVEL_PUBLIC, "", shopee_config_set},
    {"GET", "/api/v2/push/get_lost_push_message", API_EVENTS, LEVEL_PUBLIC, "", shopee_lost_get},
    {"POST", "/api/v2/push/get_lost_push_message", API_EVENTS, LEVEL_PUBLIC, "", shopee_lost_get},
    {"POST", "/api/v2/push/confirm_consumed_lost_push_message", API_EVENTS, LEVEL_PUBLIC, "",
     shopee_lost_confirm},
    {"GET", "/api/v2/public/get_shops_by_partner", API_SHOPS, LEVEL_PUBLIC, "page_size page_no",
     shopee_shops},
    {"POST", "/api/v2/auth/token/get", API_TOKEN, LEVEL_PUBLIC, "", shopee_token_get},
    {"POST", "/api/v2/auth/access_token/get", API_TOKEN, LEVEL_PUBLIC, "", shopee_token_refresh},
};

static const struct route *route_of(const struct call *call, bool *path_known)
{
    *path_known = false;
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        if (strcmp(routes[i].path, call->path) != 0)
            continue;
        *path_known = true;
        if (strcmp(routes[i].method, call->method) == 0)
            return &routes[i];
    }
    return NULL;
}

/* --- gateway ----------------------------------------------------------------------------------------------- */

/* A number every gateway call carries in its query. False: an error was answered. */
static bool take_number(struct shopee_ask *ask, const char *name, const char *missing, const char *wrong,
                        int64_t *out)
{
    const char *text = call_param(ask->call, name);

    if (!text) {
        shopee_error(ask, "error_param", missing);
        return false;
    }
    if (!num_i64(text, strlen(text), 0, NUMBER_MAX, out)) {
        shopee_error(ask, "error_param", wrong);
        return false;
    }
    return true;
}

static bool check_partner(struct shopee_ask *ask)
{
    int64_t partner, ours = -1;

    if (!take_number(ask, "partner_id", "There is no partner_id in query.", "Invalid partner_id.", &partner))
        return false;
    if (!num_i64(ask->sim->opt.app_key, strlen(ask->sim->opt.app_key), 0, NUMBER_MAX, &ours) ||
        partner != ours) {
        shopee_error(ask, "error_auth", "partner_id is invalid");
        return false;
    }
    return true;
}

static bool check_time(struct shopee_ask *ask)
{
    int64_t stamp, age;

    if (!take_number(ask, "timestamp", "There is no timestamp in query.", "Invalid timestamp.", &stamp))
        return false;
    age = sim_now_s(ask->sim) - stamp;
    if (age > ask->sim->sw.timestamp_past_s || -age > ask->sim->sw.timestamp_future_s) {
        shopee_error(ask, "error_param", "Timestamp is expired.");
        return false;
    }
    return true;
}

/* partner_id, path, timestamp and at shop level access_token, shop_id: as sent, so that 01 is not 1. */
static bool check_sign(struct shopee_ask *ask, enum level level)
{
    static const char *const names[] = {"partner_id", NULL, "timestamp", "access_token", "shop_id"};
    const char *sent = call_param(ask->call, "sign");
    struct buf base = {0};
    char expected[SIGN_HEX];

    for (size_t i = 0; i < (level == LEVEL_SHOP ? 5u : 3u); i++) {
        const char *part = names[i] ? call_param(ask->call, names[i]) : ask->call->path;

        buf_puts(&base, part ? part : "");
    }
    sign_push("", ask->sim->opt.app_secret, base.p, base.n, expected);
    buf_deinit(&base);
    if (!sent)
        shopee_error(ask, "error_param", "There is no sign in query.");
    else if (!sign_equal(expected, sent))
        shopee_error(ask, "error_sign", "Wrong sign.");
    return sent && sign_equal(expected, sent);
}

/* Counted for the shop that the call names, if it is one. Calls for tokens are not counted, as on the other platform's
 * token host: a client must be able to renew a token while it is held back. */
static bool check_limit(struct shopee_ask *ask)
{
    const char *text = call_param(ask->call, "shop_id");
    struct shop *shop = text ? sim_shop_by_id(ask->sim, text) : NULL;

    if (ask->api == API_TOKEN || limit_call(ask->sim, shop ? (int64_t)sim_shop_index(ask->sim, shop) : -1))
        return true;
    shopee_error_status(ask, 429, "error_rate_limit", "Too many requests, please try again later.");
    ask->answer->retry_after = ask->sim->sw.limit_retry_after;
    ask->answer->fault = "limit";
    return false;
}

static void token_refused(struct shopee_ask *ask)
{
    shopee_error_status(ask, (int)ask->sim->sw.token_error_status, "invalid_acceess_token",
                        "Invalid access_token, please have a check.");
}

static bool check_token(struct shopee_ask *ask, uint32_t *auth, enum token_state *state)
{
    const char *text = call_param(ask->call, "access_token");

    if (!text) {
        shopee_error(ask, "error_param", "There is no access_token in query.");
        return false;
    }
    *state = token_check(ask->sim, text, auth);
    if (*state == TOKEN_UNKNOWN || *state == TOKEN_EXPIRED) {
        token_refused(ask);
        return false;
    }
    return true;
}

static bool check_link(struct shopee_ask *ask, uint32_t auth, enum token_state state)
{
    const struct fault *f;
    struct shop *shop;
    const char *text = call_param(ask->call, "shop_id");
    int64_t number;

    if (!take_number(ask, "shop_id", "There is no shop_id in query.", "Invalid shop_id.", &number))
        return false;
    shop = sim_shop_by_id(ask->sim, text);
    if (!shop || sim_auth_index(ask->sim, sim_shop_index(ask->sim, shop)) != auth) {
        shopee_error_status(ask, (int)ask->sim->sw.token_error_status, "error_auth",
                            "Invalid partner_id or shopid.");
        return false;
    }
    ask->shop = sim_shop_index(ask->sim, shop);
    f = fault_meets(ask->sim, FAULT_REVOKED, ask->api, ask->shop);
    if (f)
        ask->answer->fault = fault_name(FAULT_REVOKED);
    if (f || state == TOKEN_REVOKED) {
        shopee_error_status(ask, (int)ask->sim->sw.token_error_status, "shop_no_linked",
                            "Partner and shop has no linked.");
        return false;
    }
    if (fault_meets(ask->sim, FAULT_SCOPE, ask->api, ask->shop)) {
        ask->answer->fault = fault_name(FAULT_SCOPE);
        shopee_error_status(ask, (int)ask->sim->sw.token_error_status, "error_api_permission",
                            "No permission to current api.");
        return false;
    }
    return true;
}

static bool gateway(struct shopee_ask *ask, const struct route *route)
{
    uint32_t auth = 0;
    enum token_state state = TOKEN_UNKNOWN;

    if (!check_partner(ask) || !check_time(ask) || !check_sign(ask, route->level) || !check_limit(ask))
        return false;
    if (route->level == LEVEL_SHOP && (!check_token(ask, &auth, &state) || !check_link(ask, auth, state)))
        return false;
    return true;
}

/* Every parameter must be a common one or one of the route's; system parameters come in the query only. */
static bool check_params(struct shopee_ask *ask, const struct route *route)
{
    const char *common = route->level == LEVEL_SHOP ? "partner_id timestamp sign access_token shop_id"
                                                    : "partner_id timestamp sign";

    for (size_t i = 0; i < ask->call->param_count; i++) {
        const char *name = ask->call->params[i].name;

        if (!shopee_word_in(name, common) && !shopee_word_in(name, route->params)) {
            shopee_error(ask, "error_param", "Unknown parameter.");
            return false;
        }
    }
    return true;
}

/* A POST carries a JSON object, a GET nothing. */
static bool check_body(struct shopee_ask *ask, const struct route *route)
{
    const struct call *call = ask->call;

    if (strcmp(route->method, "POST") != 0) {
        ask->body = json_object();
        if (call->body_len)
            shopee_error(ask, "error_param", "A GET has no body.");
        return call->body_len == 0;
    }
    if (!call->media || strncmp(call->media, "application/json", 16) != 0) {
        shopee_error(ask, "error_param", "Content-Type must be application/json.");
        return false;
    }
    ask->body = json_loadb(call->body ? call->body : "", call->body_len, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(ask->body))
        shopee_error(ask, "error_param", "Invalid body.");
    return json_is_object(ask->body);
}

static void shopee_answer(struct sim *sim, const struct call *call_in, struct answer *answer)
{
    struct call call = *call_in;
    bool path_known;
    const struct route *route = route_of(&call, &path_known);
    struct shopee_ask ask = {
        .sim = sim, .call = &call, .answer = answer, .api = route ? route->api : API_NONE, .shop = -1};

    call.number = count_begin(sim, ask.api);
    if (!route)
        shopee_error(&ask, "error_param", path_known ? "Wrong method." : "Wrong path.");
    else if (gateway(&ask, route) && check_params(&ask, route) && check_body(&ask, route))
        route->answer(&ask);
    json_decref(ask.body);
    answer->number = call.number;
}

/* --- the rest of the simulator asks ------------------------------------------------------------------------ */

static void shopee_render(const struct sim *sim, const struct entity *entity, uint32_t revision,
                          struct buf *to)
{
    if (entity->kind == KIND_ORDER)
        shopee_render_order(sim, entity, revision, shopee_all_order_fields(), true, to);
    else if (entity->kind == KIND_RETURN)
        shopee_render_return(sim, entity, revision, true, to);
    else
        shopee_render_item(sim, entity, revision, false, false, to);
}

/* {"order":…,"packages":[…],"tracking":{number:…}} */
static void truth_tracking(struct sim *sim, struct entity *order, struct buf *to)
{
    struct json_out out = {.b = to};
    unsigned packages = shopee_packages(order, order->revisions);
    char number[SHOPEE_PACKAGE_NUMBER];

    json_out_open(&out, NULL, '{');
    json_out_raw(&out, "order", "");
    entity_json(sim, order, to);
    json_out_open(&out, "packages", '[');
    for (unsigned p = 0; p < packages; p++) {
        json_out_raw(&out, NULL, "");
        shopee_render_package(sim, order, order->revisions, p, to);
    }
    json_out_close(&out, ']');
    json_out_open(&out, "tracking", '{');
    for (unsigned p = 0; p < packages; p++) {
        shopee_package_number(order, p, number);
        json_out_raw(&out, number, "");
        shopee_render_tracking(sim, order, order->revisions, p, to);
    }
    json_out_close(&out, '}');
    json_out_close(&out, '}');
}

/* {"base":…,"models":… or null} */
static void truth_product(struct sim *sim, struct entity *item, struct buf *to)
{
    struct json_out out = {.b = to};

    json_out_open(&out, NULL, '{');
    json_out_raw(&out, "base", "");
    entity_json(sim, item, to);
    json_out_raw(&out, "models", "");
    if (shopee_has_models(item))
        shopee_render_models(sim, item, item->revisions, to);
    else
        buf_puts(to, "null");
    json_out_close(&out, '}');
}

static bool shopee_truth(struct sim *sim, enum kind kind, uint32_t shop, uint32_t number, struct truth *out)
{
    bool of_order = kind == KIND_TRACKING || kind == KIND_TRANSACTION;
    struct entity *e = entity_get(sim, of_order ? KIND_ORDER : kind, shop, number);
    const struct entity *settled = entity_get(sim, KIND_TRANSACTION, shop, number);

    if (!e || (kind == KIND_TRACKING && shopee_packages(e, e->revisions) == 0) ||
        (kind == KIND_TRANSACTION && entity_last(e)->status != SHOPEE_COMPLETED))
        return false;
    snprintf(out->id, sizeof out->id, "%s", e->id);
    out->revision = e->revisions;
    if (kind == KIND_TRACKING) {
        truth_tracking(sim, e, out->body);
    } else if (kind == KIND_PRODUCT) {
        truth_product(sim, e, out->body);
    } else if (kind == KIND_TRANSACTION) {
        out->revision = 1 + (settled ? settled->revisions : 0);
        shopee_render_escrow(sim, e, out->revision - 1, out->body);
    } else {
        entity_json(sim, e, out->body);
    }
    return true;
}

static void shopee_shop_line(struct sim *sim, uint32_t shop, struct buf *to)
{
    uint32_t auth = sim_auth_index(sim, shop);
    struct json_out out = {.b = to};
    char text[TOKEN_TEXT];

    json_out_open(&out, NULL, '{');
    json_out_text(&out, "platform", "shopee");
    json_out_text(&out, "shop_id", sim->shops[shop].id);
    snprintf(text, sizeof text, "channel-%u", shop);
    json_out_text(&out, "channel_id", text);
    json_out_text(&out, "region", shopee_region(shop));
    token_access(sim, auth, sim->auths[auth].generation, text);
    json_out_text(&out, "access_token", text);
    token_refresh(sim, auth, sim->auths[auth].generation, text);
    json_out_text(&out, "refresh_token", text);
    json_out_int(&out, "access_expires_at", sim->auths[auth].expires[sim->auths[auth].generation - 1]);
    json_out_int(&out, "refresh_expires_at", sim_now_s(sim) + sim->sw.refresh_token_seconds);
    json_out_close(&out, '}');
}

/* What the documentation gives as the platform's numbers. */
static void shopee_init(struct sim *sim)
{
    sim->sw.access_token_seconds = 14400;
    sim->sw.old_access_seconds = 300;
    sim->sw.refresh_token_seconds = 30 * SHOPEE_DAY;
    sim->sw.timestamp_future_s = 300;
    sim->sw.foreign_ids_refused = true;
    sim->sw.token_error_status = 200;
    sim->sw.business_error_status = 200;
    for (uint32_t i = 0; i < sim->auth_count; i++)
        sim->auths[i].expires[0] = sim_now_s(sim) + sim->sw.access_token_seconds;
    sim->shopee = shopee_config_new(sim);
}

static void shopee_deinit(struct sim *sim)
{
    shopee_config_free(sim->shopee);
    sim->shopee = NULL;
}

/* There is none beside the shop itself. */
static void shopee_account(const struct sim *sim, uint32_t auth, char out[ENTITY_ID])
{
    snprintf(out, ENTITY_ID, "%s", sim->shops[auth * sim->opt.shops_per_authorization].id);
}

const struct sim_platform platform_shopee = {
    .name = "shopee",
    .kinds = {[KIND_ORDER] = true,
              [KIND_PRODUCT] = true,
              [KIND_RETURN] = true,
              [KIND_TRACKING] = true,
              [KIND_TRANSACTION] = true},
    .shop_digits = 1,
    .shop_init = shopee_shop_init,
    .answer = shopee_answer,
    .change = shopee_change,
    .push = shopee_push,
    .topic = shopee_topic,
    .sign = shopee_sign,
    .push_path = "/webhooks/shopee",
    .status = shopee_status,
    .render = shopee_render,
    .truth = shopee_truth,
    .shop_line = shopee_shop_line,
    .account = shopee_account,
    .selftest = shopee_selftest,
    .init = shopee_init,
    .deinit = shopee_deinit,
    .control = shopee_control,
};
