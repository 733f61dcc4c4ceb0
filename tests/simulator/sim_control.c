/* sim_control.c - see sim_control.h. */
#include "sim_control.h"

#include <event2/event.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "sim_burst.h"
#include "sim_count.h"
#include "sim_fault.h"
#include "sim_http.h"
#include "sim_limit.h"
#include "sim_num.h"
#include "sim_platform.h"
#include "sim_push.h"
#include "sim_state.h"
#include "sim_token.h"

/* One request while it is answered. Getters note the first problem; the rest of the request is then moot. */
struct ask {
    struct sim *sim;
    const struct call *call;
    struct answer *answer;
    json_t *body;        /* owned object */
    size_t known;        /* members asked for and found */
    const char *problem; /* NULL: none so far */
};

typedef void (*control_fn)(struct ask *ask);

/* --- members of the request ------------------------------------------------------------------------------ */

static const json_t *ask_member(struct ask *ask, const char *key)
{
    const json_t *value = json_object_get(ask->body, key);

    ask->known += value != NULL;
    return value;
}

static int64_t ask_int(struct ask *ask, const char *key, int64_t fallback, int64_t low, int64_t high)
{
    const json_t *value = ask_member(ask, key);

    if (!value)
        return fallback;
    if (!json_is_integer(value) || json_integer_value(value) < low || json_integer_value(value) > high) {
        ask->problem = key;
        return fallback;
    }
    return json_integer_value(value);
}

static double ask_share(struct ask *ask, const char *key, double fallback)
{
    const json_t *value = ask_member(ask, key);

    if (!value)
        return fallback;
    if (!json_is_number(value) || json_number_value(value) < 0 || json_number_value(value) > 1) {
        ask->problem = key;
        return fallback;
    }
    return json_number_value(value);
}

static bool ask_flag(struct ask *ask, const char *key, bool fallback)
{
    const json_t *value = ask_member(ask, key);

    if (!value)
        return fallback;
    if (!json_is_boolean(value))
        ask->problem = key;
    return json_is_true(value);
}

static const char *ask_text(struct ask *ask, const char *key, const char *fallback)
{
    const json_t *value = ask_member(ask, key);

    if (!value)
        return fallback;
    if (!json_is_string(value)) {
        ask->problem = key;
        return fallback;
    }
    return json_string_value(value);
}

/* One of two words; true for the second. */
static bool ask_choice(struct ask *ask, const char *key, bool fallback, const char *no, const char *yes)
{
    const char *text = ask_text(ask, key, fallback ? yes : no);

    if (strcmp(text, yes) != 0 && strcmp(text, no) != 0)
        ask->problem = key;
    return strcmp(text, yes) == 0;
}

/* A shop by its number or its shop_id; -1 when absent. */
static int64_t ask_shop(struct ask *ask)
{
    const json_t *value = json_object_get(ask->body, "shop");
    struct shop *shop;

    if (!json_is_string(value))
        return ask_int(ask, "shop", -1, -1, (int64_t)ask->sim->opt.shops - 1);
    ask->known++;
    shop = sim_shop_by_id(ask->sim, json_string_value(value));
    if (!shop)
        ask->problem = "shop";
    return shop ? (int64_t)sim_shop_index(ask->sim, shop) : -1;
}

/* "at": a second, or "now"; absent: the order's own pace. */
static int64_t ask_at(struct ask *ask)
{
    const json_t *value = json_object_get(ask->body, "at");

    if (!json_is_string(value))
        return ask_int(ask, "at", -1, 0, INT64_MAX / 4);
    ask->known++;
    if (strcmp(json_string_value(value), "now") != 0)
        ask->problem = "at";
    return -2;
}

/* Call after the last getter: a member nobody asked for is a misspelling. */
static bool ask_ready(struct ask *ask)
{
    if (!ask->problem && ask->known < json_object_size(ask->body))
        ask->problem = "an unknown member";
    return !ask->problem;
}

static int64_t ask_query_int(struct ask *ask, const char *key, int64_t fallback)
{
    const char *text = call_param(ask->call, key);
    int64_t value = fallback;

    if (text && !num_i64(text, strlen(text), 0, INT64_MAX, &value))
        ask->problem = key;
    return value;
}

/* Query parameter shop: number or shop_id; -1 when absent. */
static int64_t ask_query_shop(struct ask *ask)
{
    const char *text = call_param(ask->call, "shop");
    struct shop *shop = text ? sim_shop_by_id(ask->sim, text) : NULL;
    int64_t value;

    if (!text)
        return -1;
    if (shop)
        return (int64_t)sim_shop_index(ask->sim, shop);
    if (num_i64(text, strlen(text), 0, (int64_t)ask->sim->opt.shops - 1, &value))
        return value;
    ask->problem = "shop";
    return -1;
}

/* --- calls ------------------------------------------------------------------------------------------------- */

static void on_shops(struct ask *ask)
{
    for (uint32_t i = 0; i < ask->sim->opt.shops; i++) {
        ask->sim->platform->shop_line(ask->sim, i, &ask->answer->body);
        buf_putc(&ask->answer->body, '\n');
    }
}

/* A kind this platform has. */
static enum kind kind_take(struct ask *ask, const char *name)
{
    int kind = kind_parse(name);

    if (kind >= 0 && ask->sim->platform->kinds[kind])
        return (enum kind)kind;
    ask->problem = "kind";
    return KIND_ORDER;
}

static void write_change(struct ask *ask, const struct entity *entity, const struct change *change)
{
    struct sim *sim = ask->sim;
    struct json_out out = {.b = &ask->answer->body};
    const struct entity *order = entity_ever(sim, KIND_ORDER, entity->shop, entity->number);
    struct buf body = {0};

    json_out_open(&out, NULL, '{');
    json_out_text(&out, "kind", kind_name((enum kind)entity->kind));
    json_out_text(&out, "id", entity->id);
    if (order && entity->kind != KIND_PRODUCT)
        json_out_text(&out, "order_id", order->id);
    json_out_text(&out, "shop_id", sim->shops[entity->shop].id);
    json_out_text(&out, "status", sim->platform->status(entity));
    json_out_int(&out, "update_time", entity_last(entity)->update_time);
    json_out_int(&out, "revision", entity->revisions);
    if (sim->platform->push(sim, entity, change, &body))
        push_write(sim, &out, "push", body.p, body.n);
    else
        json_out_raw(&out, "push", "null");
    json_out_close(&out, '}');
    buf_putc(out.b, '\n');
    buf_deinit(&body);
}

static void on_change(struct ask *ask)
{
    struct change change = {.at = ask_at(ask)};
    int64_t shop = ask_shop(ask);
    int64_t number = ask_int(ask, "number", -1, 0, SIM_NUMBER_MAX);
    int64_t revisions = ask_int(ask, "revisions", 1, 1, 1000);
    enum kind kind = kind_take(ask, ask_text(ask, "kind", kind_name(KIND_ORDER)));
    struct entity *entity = NULL;

    change.same_second = ask_flag(ask, "same_second", false);
    change.keep_update_time = ask_flag(ask, "keep_update_time", false);
    change.address = ask_flag(ask, "address", false);
    if (shop < 0 || number < 0)
        ask->problem = "shop and number are needed";
    if (change.address && kind != KIND_ORDER)
        ask->problem = "address: of orders only";
    if (!ask_ready(ask))
        return;
    for (; revisions > 0 && !ask->problem; revisions--)
        ask->problem =
            ask->sim->platform->change(ask->sim, kind, (uint32_t)shop, (uint32_t)number, &change, &entity);
    if (!ask->problem)
        write_change(ask, entity, &change);
}

/* {"order": 0.6, …}; without it all are orders. */
static void ask_kinds(struct ask *ask, double shares[KINDS])
{
    const json_t *value = ask_member(ask, "kinds");
    size_t known = 0;

    for (int kind = 0; kind < KINDS; kind++) {
        const json_t *share = json_object_get(value, kind_name((enum kind)kind));

        known += share != NULL;
        shares[kind] = json_number_value(share);
        if (share && (!json_is_number(share) || shares[kind] < 0))
            ask->problem = "kinds";
    }
    if (!value)
        shares[KIND_ORDER] = 1;
    else if (known < json_object_size(value) || !json_is_object(value))
        ask->problem = "kinds";
}

static void on_burst(struct ask *ask)
{
    const int64_t many = INT64_MAX / 4;
    struct burst b = {.at = ask_at(ask)};

    b.shops = ask_int(ask, "shops", 1, 1, many);
    b.first_shop = ask_int(ask, "first_shop", 0, 0, many);
    b.orders = ask_int(ask, "orders", 1, 1, many);
    b.first_number = ask_int(ask, "first_number", 0, 0, many);
    b.events = ask_int(ask, "events", b.orders, 1, many);
    b.seed = (uint64_t)ask_int(ask, "seed", 1, 0, many);
    b.duplicates = ask_share(ask, "duplicates", 0);
    b.reorder = ask_share(ask, "reorder", 0);
    b.address = ask_share(ask, "address", 0);
    b.same_second = ask_share(ask, "same_second", 0);
    ask_kinds(ask, b.kinds);
    if (ask_ready(ask) && burst_make(ask->sim, &b, &ask->answer->body, &ask->problem))
        ask->answer->media = "application/x-ndjson";
}

/* {"type","shop","data"} for any topic, {"body"} for any bytes; "no_shop": an envelope without shop_id. */
static void on_push(struct ask *ask)
{
    struct json_out out = {.b = &ask->answer->body};
    int64_t type = ask_int(ask, "type", -1, 0, INT64_MAX);
    int64_t shop = ask_shop(ask);
    const json_t *raw = ask_member(ask, "body");
    const json_t *data = ask_member(ask, "data");
    struct buf body = {0};
    char *compact = data ? json_dumps(data, JSON_COMPACT) : NULL;

    if (!raw && (type < 0 || !data))
        ask->problem = "type and data, or body, are needed";
    if (raw && !json_is_string(raw))
        ask->problem = "body";
    if (ask_ready(ask)) {
        if (raw)
            buf_add(&body, json_string_value(raw), json_string_length(raw));
        else
            ask->sim->platform->topic(ask->sim, type, shop, compact, &body);
        push_write(ask->sim, &out, NULL, body.p ? body.p : "", body.n);
        buf_putc(out.b, '\n');
    }
    free(compact);
    buf_deinit(&body);
}

/* One line of GET orders. */
static void write_order(struct sim *sim, struct entity *order, struct truth *truth, struct buf *to)
{
    struct json_out out = {.b = to};

    json_out_open(&out, NULL, '{');
    json_out_text(&out, "shop_id", sim->shops[order->shop].id);
    json_out_text(&out, "order_id", truth->id);
    json_out_int(&out, "number", order->number);
    json_out_int(&out, "revision", truth->revision);
    json_out_raw(&out, "order", "");
    buf_add(to, truth->body->p, truth->body->n);
    json_out_close(&out, '}');
    buf_putc(to, '\n');
}

static void on_orders(struct ask *ask)
{
    struct sim *sim = ask->sim;
    int64_t shop = ask_query_shop(ask);
    int64_t number = ask_query_int(ask, "number", -1);
    struct buf body = {0};
    struct truth truth = {.body = &body};

    for (uint32_t i = 0; !ask->problem && i < sim->opt.shops; i++) {
        for (uint32_t n = 0; (shop < 0 || shop == i) && n < sim->shops[i].of[KIND_ORDER].slots; n++) {
            body.n = 0;
            if ((number < 0 || number == n) && sim->platform->truth(sim, KIND_ORDER, i, n, &truth))
                write_order(sim, entity_ever(sim, KIND_ORDER, i, n), &truth, &ask->answer->body);
        }
    }
    buf_deinit(&body);
    ask->answer->media = "application/x-ndjson";
}

/* One line of GET truth, if there is such an entity. */
static void write_truth(struct sim *sim, enum kind kind, uint32_t shop, uint32_t number, struct truth *truth,
                        struct buf *to)
{
    struct json_out out = {.b = to};

    truth->body->n = 0;
    if (!sim->platform->truth(sim, kind, shop, number, truth))
        return;
    json_out_open(&out, NULL, '{');
    json_out_text(&out, "platform", sim->platform->name);
    json_out_text(&out, "kind", kind_name(kind));
    json_out_text(&out, "shop_id", sim->shops[shop].id);
    json_out_text(&out, "id", truth->id);
    json_out_int(&out, "number", number);
    json_out_int(&out, "revision", truth->revision);
    json_out_raw(&out, "body", "");
    buf_add(to, truth->body->p, truth->body->n);
    json_out_close(&out, '}');
    buf_putc(to, '\n');
}

static void on_truth(struct ask *ask)
{
    struct sim *sim = ask->sim;
    int64_t shop = ask_query_shop(ask);
    int64_t number = ask_query_int(ask, "number", -1);
    const char *name = call_param(ask->call, "kind");
    int only = name ? (int)kind_take(ask, name) : -1;
    struct buf body = {0};
    struct truth truth = {.body = &body};

    for (uint32_t i = 0; !ask->problem && i < sim->opt.shops; i++) {
        for (int kind = 0; (shop < 0 || shop == i) && kind < KINDS; kind++) {
            uint32_t slots = entity_slots(sim, i);

            for (uint32_t n = 0; sim->platform->kinds[kind] && (only < 0 || only == kind) && n < slots; n++) {
                if (number < 0 || number == n)
                    write_truth(sim, (enum kind)kind, i, n, &truth, &ask->answer->body);
            }
        }
    }
    buf_deinit(&body);
    ask->answer->media = "application/x-ndjson";
}

static void on_delete(struct ask *ask)
{
    int64_t shop = ask_shop(ask);
    int64_t number = ask_int(ask, "number", -1, 0, SIM_NUMBER_MAX);
    enum kind kind = kind_take(ask, ask_text(ask, "kind", kind_name(KIND_ORDER)));
    struct entity *entity = NULL;

    if (!ask_ready(ask))
        return;
    if (shop >= 0 && number >= 0)
        entity = entity_get(ask->sim, kind, (uint32_t)shop, (uint32_t)number);
    if (!entity) {
        ask->problem = "there is no such entity";
        return;
    }
    entity->deleted = true;
    buf_puts(&ask->answer->body, "{}\n");
}

static enum api ask_api(struct ask *ask)
{
    const char *text = ask_text(ask, "path", "all");

    if (strcmp(text, "all") == 0)
        return API_NONE;
    for (int i = 0; i < API_KINDS; i++) {
        if (strcmp(text, count_api_name((enum api)i)) == 0)
            return (enum api)i;
    }
    ask->problem = "path";
    return API_NONE;
}

static int64_t default_ms(int kind)
{
    return kind == FAULT_HANG ? 30000 : kind == FAULT_SLOW ? 1000 : 0;
}

static void on_fault(struct ask *ask)
{
    const char *name = ask_text(ask, "kind", "");
    int kind = fault_parse(name);
    struct json_out out = {.b = &ask->answer->body};
    struct fault f = {.kind = (enum fault_kind)kind};
    const char *location, *body, *error, *message;

    f.shop = ask_shop(ask);
    f.number = ask_int(ask, "number", -1, 0, SIM_NUMBER_MAX);
    f.left = ask_int(ask, "count", kind == FAULT_HOLD ? 1 : -1, -1, INT64_MAX);
    f.probability = ask_share(ask, "probability", 1);
    f.ms = ask_int(ask, "ms", default_ms(kind), 0, 3600000);
    f.api = ask_api(ask);
    f.retry_after = ask_int(ask, "retry_after", -1, 0, 86400);
    f.status = ask_int(ask, "status", 200, 100, 599);
    f.code = ask_int(ask, "code", 0, 0, INT32_MAX);
    f.back = ask_int(ask, "back", 1, 1, 1000);
    location = ask_text(ask, "location", NULL);
    body = ask_text(ask, "body", "");
    error = ask_text(ask, "error", "error_inner");
    message = ask_text(ask, "message", "Error on request of the test");
    if (kind < 0)
        ask->problem = "kind";
    else if ((kind == FAULT_POISON || kind == FAULT_MISSING || kind == FAULT_STALE) &&
             (f.number < 0 || f.shop < 0))
        ask->problem = "this kind needs shop and number";
    else if (f.number >= 0 && kind != FAULT_POISON && kind != FAULT_MISSING && kind != FAULT_STALE &&
             kind != FAULT_HOLD)
        ask->problem = "this kind takes no number";
    if (strcmp(body, "") != 0 && strcmp(body, "html") != 0 && strcmp(body, "json") != 0)
        ask->problem = "body";
    if (strlen(error) >= sizeof f.error || strlen(message) >= sizeof f.message)
        ask->problem = "error or message is too long";
    if (!ask_ready(ask))
        return;
    memcpy(f.error, error, strlen(error) + 1);
    memcpy(f.message, message, strlen(message) + 1);
    memcpy(f.body, body, strlen(body) + 1);
    f.location = location ? buf_strdup(location) : NULL;
    json_out_open(&out, NULL, '{');
    json_out_int(&out, "id", (int64_t)fault_add(ask->sim, &f));
    json_out_close(&out, '}');
}

static void answer_number(struct ask *ask, const char *key, uint64_t value)
{
    struct json_out out = {.b = &ask->answer->body};

    json_out_open(&out, NULL, '{');
    json_out_int(&out, key, (int64_t)value);
    json_out_close(&out, '}');
    buf_putc(out.b, '\n');
}

static void on_fault_remove(struct ask *ask)
{
    int64_t id = ask_query_int(ask, "id", 0);

    if (id == 0)
        ask->problem = "id";
    if (!ask->problem)
        answer_number(ask, "removed", fault_remove(ask->sim, (uint64_t)id));
}

static void on_faults_remove(struct ask *ask)
{
    answer_number(ask, "removed", fault_remove(ask->sim, 0));
}

static void on_release(struct ask *ask)
{
    int64_t shop = ask_shop(ask);
    int64_t number = ask_int(ask, "number", -1, 0, SIM_NUMBER_MAX);

    if (ask_ready(ask))
        answer_number(ask, "released", http_release(ask->sim, shop, number));
}

static void on_counters(struct ask *ask)
{
    bool reads = ask_query_int(ask, "reads", 0) == 1;

    if (!ask->problem)
        count_write(ask->sim, reads, &ask->answer->body);
}

static void on_counters_reset(struct ask *ask)
{
    count_reset(ask->sim);
    limit_reset(ask->sim);
    for (uint32_t i = 0; i < ask->sim->auth_count; i++)
        ask->sim->auths[i].refreshes = ask->sim->auths[i].refused_refreshes = 0;
    buf_puts(&ask->answer->body, "{}\n");
}

static void on_calls(struct ask *ask)
{
    int64_t last = ask_query_int(ask, "last", 100);

    if (!ask->problem)
        count_write_calls(ask->sim, (uint64_t)last, &ask->answer->body);
    ask->answer->media = "application/x-ndjson";
}

static void on_code(struct ask *ask)
{
    struct json_out out = {.b = &ask->answer->body};
    int64_t shop = ask_shop(ask);
    char code[TOKEN_TEXT];

    if (shop < 0)
        ask->problem = "shop";
    if (!ask_ready(ask))
        return;
    token_code(ask->sim, sim_auth_index(ask->sim, (uint32_t)shop), code);
    json_out_open(&out, NULL, '{');
    json_out_text(&out, "auth_code", code);
    json_out_close(&out, '}');
}

static void on_limits(struct ask *ask)
{
    limit_write(ask->sim, &ask->answer->body);
}

static void write_authorization(struct sim *sim, uint32_t index, struct buf *to)
{
    const struct authorization *auth = &sim->auths[index];
    struct json_out out = {.b = to};
    char account[ENTITY_ID];

    sim->platform->account(sim, index, account);
    json_out_open(&out, NULL, '{');
    json_out_int(&out, "authorization", index);
    json_out_text(&out, "open_id", account);
    json_out_open(&out, "shops", '[');
    for (uint32_t i = index * sim->opt.shops_per_authorization;
         i < sim->opt.shops && sim_auth_index(sim, i) == index; i++)
        json_out_text(&out, NULL, sim->shops[i].id);
    json_out_close(&out, ']');
    json_out_int(&out, "generation", auth->generation);
    json_out_int(&out, "refreshes", (int64_t)auth->refreshes);
    json_out_int(&out, "refused_refreshes", (int64_t)auth->refused_refreshes);
    json_out_int(&out, "access_expires_at", auth->expires[auth->generation - 1]);
    json_out_bool(&out, "revoked", auth->revoked);
    json_out_close(&out, '}');
    buf_putc(to, '\n');
}

static void on_authorizations(struct ask *ask)
{
    for (uint32_t i = 0; i < ask->sim->auth_count; i++)
        write_authorization(ask->sim, i, &ask->answer->body);
    ask->answer->media = "application/x-ndjson";
}

/* The authorization of a shop that must be named; NULL: there is a problem. */
static struct authorization *ask_authorization(struct ask *ask, int64_t *shop)
{
    *shop = ask_shop(ask);
    if (*shop < 0)
        ask->problem = "shop";
    return ask->problem ? NULL : &ask->sim->auths[sim_auth_index(ask->sim, (uint32_t)*shop)];
}

static void on_revoke(struct ask *ask)
{
    int64_t shop;
    struct authorization *auth = ask_authorization(ask, &shop);
    int code = (int)ask_int(ask, "code", 0, 0, INT32_MAX);

    if (!ask_ready(ask))
        return;
    auth->revoked = true;
    auth->revoked_code = code;
    buf_puts(&ask->answer->body, "{}\n");
}

/* The seller consents again: new tokens for all shops of the authorization, the old ones stay dead. */
static void on_grant(struct ask *ask)
{
    int64_t shop;
    struct authorization *auth = ask_authorization(ask, &shop);

    if (!ask_ready(ask))
        return;
    auth->revoked = false;
    auth->dead_generation = auth->generation;
    token_rotate(ask->sim, sim_auth_index(ask->sim, (uint32_t)shop));
    ask->sim->platform->shop_line(ask->sim, (uint32_t)shop, &ask->answer->body);
    buf_putc(&ask->answer->body, '\n');
}

static void on_switch(struct ask *ask)
{
    const int64_t year = 366 * 86400;
    struct switches s = ask->sim->sw;

    s.foreign_ids_refused = ask_choice(ask, "foreign_ids", s.foreign_ids_refused, "left_out", "21008111");
    s.old_refresh_token_valid =
        ask_choice(ask, "old_refresh_token", s.old_refresh_token_valid, "dead", "valid");
    s.last_page_token_missing =
        ask_choice(ask, "last_page_token", s.last_page_token_missing, "empty", "missing");
    s.page_token_strict = ask_flag(ask, "page_token_strict", s.page_token_strict);
    s.odd_numbers = ask_flag(ask, "odd_numbers", s.odd_numbers);
    s.access_token_seconds = ask_int(ask, "access_token_seconds", s.access_token_seconds, 0, 10 * year);
    s.refresh_token_seconds = ask_int(ask, "refresh_token_seconds", s.refresh_token_seconds, 0, 10 * year);
    s.clock_skew_ms = ask_int(ask, "clock_skew_ms", s.clock_skew_ms, -1000 * year, 1000 * year);
    s.timestamp_past_s = ask_int(ask, "timestamp_past_s", s.timestamp_past_s, 0, 10 * year);
    s.timestamp_future_s = ask_int(ask, "timestamp_future_s", s.timestamp_future_s, 0, 10 * year);
    s.update_time_base = ask_int(ask, "update_time_base", s.update_time_base, 0, INT64_MAX / 4);
    s.tracking_alone = ask_flag(ask, "tracking_alone", s.tracking_alone);
    s.app_limit_per_minute = ask_int(ask, "app_limit_per_minute", s.app_limit_per_minute, 0, 10000000);
    s.shop_limit_per_minute = ask_int(ask, "shop_limit_per_minute", s.shop_limit_per_minute, 0, 10000000);
    s.limit_retry_after = ask_int(ask, "limit_retry_after", s.limit_retry_after, -1, 86400);
    s.old_access_seconds = ask_int(ask, "old_access_seconds", s.old_access_seconds, 0, year);
    s.escrow_batch_post = ask_choice(ask, "escrow_batch", s.escrow_batch_post, "get", "post");
    s.success_dash = ask_choice(ask, "success_word", s.success_dash, "empty", "dash");
    s.lost_push_post = ask_choice(ask, "lost_push", s.lost_push_post, "get", "post");
    s.push_probe_skipped = ask_choice(ask, "push_probe", s.push_probe_skipped, "sent", "skipped");
    s.token_error_status = ask_int(ask, "token_error_status", s.token_error_status, 200, 599);
    s.business_error_status = ask_int(ask, "business_error_status", s.business_error_status, 200, 599);
    if (!ask_ready(ask))
        return;
    ask->sim->sw = s;
    ask->sim->epoch++;
    buf_puts(&ask->answer->body, "{}\n");
}

static void on_quit(struct ask *ask)
{
    const struct timeval soon = {.tv_usec = 50000}; /* after this answer has left */

    buf_puts(&ask->answer->body, "{}\n");
    event_base_loopexit(ask->sim->base, &soon);
}

static const struct {
    const char *method, *path;
    control_fn answer;
} controls[] = {
    {"GET", "/_sim/shops", on_shops},
    {"GET", "/_sim/orders", on_orders},
    {"GET", "/_sim/truth", on_truth},
    {"GET", "/_sim/counters", on_counters},
    {"GET", "/_sim/limits", on_limits},
    {"GET", "/_sim/authorizations", on_authorizations},
    {"POST", "/_sim/revoke", on_revoke},
    {"POST", "/_sim/grant", on_grant},
    {"GET", "/_sim/calls", on_calls},
    {"POST", "/_sim/change", on_change},
    {"POST", "/_sim/delete", on_delete},
    {"POST", "/_sim/burst", on_burst},
    {"POST", "/_sim/push", on_push},
    {"POST", "/_sim/fault", on_fault},
    {"DELETE", "/_sim/fault", on_fault_remove},
    {"DELETE", "/_sim/faults", on_faults_remove},
    {"POST", "/_sim/release", on_release},
    {"POST", "/_sim/counters/reset", on_counters_reset},
    {"POST", "/_sim/auth_code", on_code},
    {"POST", "/_sim/switch", on_switch},
    {"POST", "/_sim/quit", on_quit},
};

static control_fn control_of(const struct call *call)
{
    for (size_t i = 0; i < sizeof controls / sizeof *controls; i++) {
        if (strcmp(controls[i].method, call->method) == 0 && strcmp(controls[i].path, call->path) == 0)
            return controls[i].answer;
    }
    return NULL;
}

static void control_refuse(struct answer *answer, int status, const char *why)
{
    struct json_out out = {.b = &answer->body};

    answer->body.n = 0;
    answer->status = status;
    json_out_open(&out, NULL, '{');
    json_out_text(&out, "error", why);
    json_out_close(&out, '}');
    buf_putc(out.b, '\n');
}

void control_answer(struct sim *sim, const struct call *call, struct answer *answer)
{
    struct ask ask = {.sim = sim, .call = call, .answer = answer};
    control_fn fn = control_of(call);

    if (call->local && !fn && sim->platform->control && sim->platform->control(sim, call, answer))
        return;
    if (!call->local || !fn) {
        control_refuse(answer, call->local ? 404 : 403,
                       call->local ? "no such control call" : "this machine only");
        return;
    }
    ask.body =
        call->body_len ? json_loadb(call->body, call->body_len, JSON_REJECT_DUPLICATES, NULL) : json_object();
    if (!json_is_object(ask.body))
        ask.problem = "the body is not a JSON object";
    else
        fn(&ask);
    if (ask.problem)
        control_refuse(answer, 400, ask.problem);
    json_decref(ask.body);
}
