/* sim_shopee_config.c - see sim_shopee_config.h. */
#include "sim_shopee_config.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_buf.h"
#include "sim_http.h"
#include "sim_shopee.h"
#include "sim_shopee_push.h"
#include "sim_state.h"

#define BLOCKED_MAX 500
#define LOST_PAGE   100
#define LOST_KEPT_S (3 * SHOPEE_DAY)
#define PROBE_S     3
#define CODES_SET   13 /* set_app_push_config knows the codes 1 to 13 */

/* A push that was given up. */
struct lost {
    int64_t id;
    int64_t at;  /* second it was lost */
    char *body;  /* owned: the whole envelope */
    bool object; /* data is an object instead of a text */
};

struct shopee {
    char *callback_url;     /* owned */
    const char *status;     /* live_push_status */
    int64_t suspended_time; /* seconds; 0: not suspended */
    uint64_t on;            /* bits of the codes that are switched on */
    int64_t blocked[BLOCKED_MAX];
    size_t blocked_count;
    struct lost *lost; /* owned, oldest first */
    size_t lost_count, lost_cap;
    int64_t lost_last;               /* id of the newest ever */
    struct sim *sim;                 /* borrowed */
    struct evhttp_connection *probe; /* owned; NULL: none under way */
    uint64_t probe_call;             /* number of the call that waits for it */
};

/* Every code the platform documents. */
static const int codes[] = {1,  2,  3,  4,  5,  7,  8,  9,  10, 11, 12, 13, 15, 16, 18, 19, 20,
                            21, 22, 23, 24, 25, 27, 28, 29, 30, 31, 33, 34, 35, 36, 37, 38, 47};

struct shopee *shopee_config_new(struct sim *sim)
{
    struct shopee *s = buf_alloc(sizeof *s);

    s->sim = sim;
    s->callback_url = buf_strdup(sim->opt.push_url ? sim->opt.push_url : SHOPEE_CALLBACK);
    s->status = "Normal";
    s->on = UINT64_MAX & ~(UINT64_C(1) << 10); /* all but chat */
    s->lost_last = sim->started_ms / 1000;     /* ids go on over restarts */
    return s;
}

static void lost_drop(struct shopee *s, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(s->lost[i].body);
    if (count)
        memmove(s->lost, s->lost + count, (s->lost_count - count) * sizeof *s->lost);
    s->lost_count -= count;
}

void shopee_config_free(struct shopee *s)
{
    if (!s)
        return;
    if (s->probe)
        evhttp_connection_free(s->probe);
    lost_drop(s, s->lost_count);
    free(s->lost);
    free(s->callback_url);
    free(s);
}

const char *shopee_callback_url(const struct sim *sim)
{
    return sim->shopee ? sim->shopee->callback_url : sim->opt.push_url ? sim->opt.push_url : SHOPEE_CALLBACK;
}

/* --- get_app_push_config ------------------------------------------------------------------------------------ */

static void write_codes(const struct shopee *s, struct json_out *out, const char *key, bool on)
{
    json_out_open(out, key, '[');
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        if ((s->on >> codes[i] & 1) == on)
            json_out_int(out, NULL, codes[i]);
    }
    json_out_close(out, ']');
}

void shopee_config_get(struct shopee_ask *ask)
{
    const struct shopee *s = ask->sim->shopee;
    struct json_out out;

    if (shopee_faults(ask))
        return;
    shopee_open_response(ask, &out, NULL);
    json_out_text(&out, "callback_url", s->callback_url);
    json_out_text(&out, "live_push_status", s->status);
    if (s->suspended_time)
        json_out_int(&out, "suspended_time", s->suspended_time);
    json_out_open(&out, "blocked_shop_id", '[');
    for (size_t i = 0; i < s->blocked_count; i++)
        json_out_int(&out, NULL, s->blocked[i]);
    json_out_close(&out, ']');
    write_codes(s, &out, "push_config_on_list", true);
    write_codes(s, &out, "push_config_off_list", false);
    json_out_close(&out, '}');
    shopee_close(ask, &out);
}

/* --- set_app_push_config ------------------------------------------------------------------------------------ */

/* What a call wants to change. */
struct wish {
    const char *url; /* NULL: as it is */
    uint64_t on, off;
    const json_t *blocked; /* NULL: as they are */
};

static bool wish_codes(const json_t *list, uint64_t *bits)
{
    const json_t *code;
    size_t i;

    *bits = 0;
    json_array_foreach(list, i, code)
    {
        if (json_integer_value(code) < 1 || json_integer_value(code) > CODES_SET)
            return false;
        *bits |= UINT64_C(1) << json_integer_value(code);
    }
    return !list || json_is_array(list);
}

/* NULL, or what is wrong with the body. */
static const char *wish_read(const json_t *body, struct wish *w)
{
    const json_t *url = json_object_get(body, "callback_url"), *shop;
    const char *key;
    json_t *value;
    size_t i;

    json_object_foreach((json_t *)body, key, value)
    {
        if (!shopee_word_in(key, "callback_url set_push_config_on set_push_config_off blocked_shop_id_list"))
            return "Unknown parameter.";
    }
    w->url = json_string_value(url);
    w->blocked = json_object_get(body, "blocked_shop_id_list");
    if (url && (!w->url || !*w->url))
        return "callback_url is empty.";
    if (url && strncmp(w->url, "http://", 7) != 0 && strncmp(w->url, "https://", 8) != 0)
        return "callback_url is invalid.";
    if (!wish_codes(json_object_get(body, "set_push_config_on"), &w->on) ||
        !wish_codes(json_object_get(body, "set_push_config_off"), &w->off) || (w->on & w->off))
        return "Invalid push codes.";
    if (w->blocked && (!json_is_array(w->blocked) || json_array_size(w->blocked) > BLOCKED_MAX))
        return "At most 500 shops can be blocked.";
    json_array_foreach(w->blocked, i, shop)
    {
        if (!json_is_integer(shop))
            return "Invalid blocked_shop_id_list.";
    }
    return NULL;
}

static void wish_apply(struct shopee *s, const struct wish *w)
{
    if (w->url) {
        free(s->callback_url);
        s->callback_url = buf_strdup(w->url);
    }
    s->on = (s->on | w->on) & ~w->off;
    if (w->blocked) {
        const json_t *shop;
        size_t i;

        json_array_foreach(w->blocked, i, shop) s->blocked[i] = json_integer_value(shop);
        s->blocked_count = json_array_size(w->blocked);
    }
}

static void result_write(struct shopee_ask *ask)
{
    struct json_out out;

    shopee_open_response(ask, &out, NULL);
    json_out_text(&out, "result", "success");
    json_out_close(&out, '}');
    shopee_close(ask, &out);
}

/* The callback has answered, or has not. */
static void on_probe(struct evhttp_request *req, void *arg)
{
    struct shopee *s = arg;
    int status = req ? evhttp_request_get_response_code(req) : 0;
    struct answer answer = {.status = (int)s->sim->sw.business_error_status};
    struct shopee_ask ask = {.sim = s->sim, .answer = &answer};

    s->probe = NULL; /* it frees itself */
    if (status < 200 || status > 299)
        shopee_error(&ask, "error_param",
                     status ? "The callback URL did not answer with a 2xx code."
                            : "The callback URL did not answer with 2xx within 3 seconds.");
    http_finish(s->sim, s->probe_call, *answer.error ? &answer : NULL);
    buf_deinit(&answer.body);
}

/* Sends the verification message; the answer to the call is held until on_probe. False: the URL cannot be tried. */
static bool probe_start(struct shopee_ask *ask)
{
    static const char body[] = "{\"code\":0,\"data\":{\"verify_info\":\"This is a Verification message\"}}";
    struct shopee *s = ask->sim->shopee;
    struct evhttp_uri *uri = evhttp_uri_parse(s->callback_url);
    const char *host = uri ? evhttp_uri_get_host(uri) : NULL, *path = host ? evhttp_uri_get_path(uri) : NULL;
    struct evhttp_request *req;
    struct evkeyvalq *head;
    char signature[SIGN_HEX];

    if (!host || !path) {
        if (uri)
            evhttp_uri_free(uri);
        return false;
    }
    s->probe = evhttp_connection_base_new(
        ask->sim->base, NULL, host, (uint16_t)(evhttp_uri_get_port(uri) < 0 ? 80 : evhttp_uri_get_port(uri)));
    evhttp_connection_set_timeout(s->probe, PROBE_S);
    evhttp_connection_free_on_completion(s->probe);
    s->probe_call = ask->call->number;
    req = evhttp_request_new(on_probe, s);
    head = evhttp_request_get_output_headers(req);
    sign_push("", "another key", body, sizeof body - 1, signature); /* as reported: it does not verify */
    evhttp_add_header(head, "Host", host);
    evhttp_add_header(head, "Authorization", signature);
    evhttp_add_header(head, "Content-Type", "application/json");
    evhttp_add_header(head, "Connection", "close");
    evbuffer_add(evhttp_request_get_output_buffer(req), body, sizeof body - 1);
    evhttp_make_request(s->probe, req, EVHTTP_REQ_POST, *path ? path : "/");
    evhttp_uri_free(uri);
    return true;
}

void shopee_config_set(struct shopee_ask *ask)
{
    struct shopee *s = ask->sim->shopee;
    struct wish wish;
    const char *problem = wish_read(ask->body, &wish);

    if (s->probe && !problem) {
        shopee_error(ask, "error_busy", "Another callback URL is being tried.");
        return;
    }
    if (problem) {
        shopee_error(ask, "error_param", problem);
        return;
    }
    if (shopee_faults(ask))
        return;
    wish_apply(s, &wish);
    result_write(ask);
    /* Only plain HTTP can be tried here. */
    if (wish.url && !ask->sim->sw.push_probe_skipped && strncmp(wish.url, "http://", 7) == 0 &&
        probe_start(ask))
        ask->answer->how = DELIVER_HELD;
}

/* --- lost pushes -------------------------------------------------------------------------------------------- */

static void lost_expire(struct shopee *s)
{
    size_t old = 0;

    while (old < s->lost_count && s->lost[old].at < sim_now_s(s->sim) - LOST_KEPT_S)
        old++;
    lost_drop(s, old);
}

static void write_lost(struct json_out *out, const struct lost *lost)
{
    json_t *envelope = json_loads(lost->body, 0, NULL);
    const json_t *shop = json_object_get(envelope, "shop_id");

    json_out_open(out, NULL, '{');
    if (json_is_integer(shop))
        json_out_int(out, "shop_id", json_integer_value(shop));
    json_out_int(out, "code", json_integer_value(json_object_get(envelope, "code")));
    json_out_int(out, "timestamp", lost->at);
    if (lost->object)
        json_out_raw(out, "data", lost->body);
    else
        json_out_text(out, "data", lost->body);
    json_out_close(out, '}');
    json_decref(envelope);
}

void shopee_lost_get(struct shopee_ask *ask)
{
    struct shopee *s = ask->sim->shopee;
    size_t count;
    struct json_out out;

    if (strcmp(ask->call->method, ask->sim->sw.lost_push_post ? "POST" : "GET") != 0) {
        shopee_error(ask, "error_param", "Wrong method.");
        return;
    }
    if (shopee_faults(ask))
        return;
    lost_expire(s);
    count = s->lost_count < LOST_PAGE ? s->lost_count : LOST_PAGE;
    shopee_open_response(ask, &out, NULL);
    json_out_open(&out, "push_message_list", '[');
    for (size_t i = 0; i < count; i++)
        write_lost(&out, &s->lost[i]);
    json_out_close(&out, ']');
    json_out_bool(&out, "has_next_page", s->lost_count > count);
    json_out_int(&out, "last_message_id", count ? s->lost[count - 1].id : 0);
    json_out_close(&out, '}');
    shopee_close(ask, &out);
}

void shopee_lost_confirm(struct shopee_ask *ask)
{
    struct shopee *s = ask->sim->shopee;
    const json_t *id = json_object_get(ask->body, "last_message_id");
    size_t count = 0;
    struct json_out out;

    if (!json_is_integer(id) || json_object_size(ask->body) != 1 || json_integer_value(id) < 1 ||
        json_integer_value(id) > s->lost_last) {
        shopee_error(ask, "error_param", "Invalid last_message_id.");
        return;
    }
    if (shopee_faults(ask))
        return;
    while (count < s->lost_count && s->lost[count].id <= json_integer_value(id))
        count++;
    lost_drop(s, count);
    shopee_open(ask, &out);
    shopee_close(ask, &out);
}

/* --- control ------------------------------------------------------------------------------------------------ */

static void lost_add(struct shopee *s, const char *body, bool object, int64_t age)
{
    if (s->lost_count == s->lost_cap) {
        s->lost_cap = s->lost_cap ? s->lost_cap * 2 : 64;
        s->lost = buf_grow(s->lost, s->lost_cap * sizeof *s->lost);
    }
    s->lost[s->lost_count++] = (struct lost){
        .id = ++s->lost_last, .at = sim_now_s(s->sim) - age, .body = buf_strdup(body), .object = object};
}

static bool is_envelope(const json_t *text)
{
    json_t *envelope = json_is_string(text) ? json_loads(json_string_value(text), 0, NULL) : NULL;
    bool is = json_is_object(envelope);

    json_decref(envelope);
    return is;
}

/* {"bodies":[text, …]}, optional "form" text or object, "age" seconds since the loss. NULL, or what is wrong. */
static const char *control_lost(struct shopee *s, const json_t *body)
{
    const json_t *bodies = json_object_get(body, "bodies"), *form = json_object_get(body, "form"), *text;
    const json_t *age = json_object_get(body, "age");
    bool object = form && strcmp(json_string_value(form) ? json_string_value(form) : "", "object") == 0;
    size_t i;

    if (!json_is_array(bodies) ||
        (form && !object && strcmp(json_string_value(form) ? json_string_value(form) : "", "text") != 0) ||
        (age && !json_is_integer(age)) || json_object_size(body) != 1u + (form != NULL) + (age != NULL))
        return "bodies is needed; form is text or object, age is in seconds";
    json_array_foreach(bodies, i, text)
    {
        if (!is_envelope(text))
            return "bodies: the texts of pushes, JSON objects";
    }
    json_array_foreach(bodies, i, text) lost_add(s, json_string_value(text), object, json_integer_value(age));
    return NULL;
}

/* {"status"} */
static const char *control_status(struct shopee *s, const json_t *body)
{
    static const char *const words[] = {"Normal", "Warning", "Suspended"};
    const char *status = json_string_value(json_object_get(body, "status"));

    for (size_t i = 0; status && json_object_size(body) == 1 && i < sizeof words / sizeof *words; i++) {
        if (strcmp(words[i], status) != 0)
            continue;
        s->status = words[i];
        s->suspended_time = i == 2 ? sim_now_s(s->sim) : 0;
        return NULL;
    }
    return "status: Normal, Warning or Suspended";
}

bool shopee_control(struct sim *sim, const struct call *call, struct answer *answer)
{
    bool lost = strcmp(call->path, "/_sim/lost") == 0, status = strcmp(call->path, "/_sim/push_status") == 0;
    bool post = strcmp(call->method, "POST") == 0, get = strcmp(call->method, "GET") == 0;
    json_t *body =
        post ? json_loadb(call->body ? call->body : "", call->body_len, JSON_REJECT_DUPLICATES, NULL) : NULL;
    const char *problem = NULL;
    struct json_out out = {.b = &answer->body};

    if ((!lost && !status) || (!post && !(get && lost))) {
        json_decref(body);
        return false;
    }
    if (post)
        problem = lost ? control_lost(sim->shopee, body) : control_status(sim->shopee, body);
    json_decref(body);
    if (problem)
        answer->status = 400;
    lost_expire(sim->shopee);
    json_out_open(&out, NULL, '{');
    if (problem)
        json_out_text(&out, "error", problem);
    else if (lost)
        json_out_int(&out, "queued", (int64_t)sim->shopee->lost_count);
    json_out_close(&out, '}');
    buf_putc(out.b, '\n');
    return true;
}
