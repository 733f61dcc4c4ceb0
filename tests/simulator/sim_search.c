/* sim_search.c - see sim_search.h. */
#include "sim_search.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_fault.h"
#include "sim_http.h"
#include "sim_num.h"
#include "sim_orders.h"
#include "sim_render.h"
#include "sim_state.h"
#include "sim_tiktok.h"

#define TOKEN_BYTES 256

struct filter {
    int64_t create_ge, create_lt, update_ge, update_lt; /* seconds; [ge, lt) */
    int status;                                         /* -1: any */
    int cancel_requested;                               /* -1: any */
    const char *shipping_type;                          /* NULL: any; borrowed from the body */
    const char *user;
    const json_t *warehouses;
    bool by_update; /* sort field */
    bool descending;
    int64_t page_size;
    bool after;         /* a page token came */
    int64_t after_time; /* place of the last order of the page before */
    int64_t after_number;
    uint64_t digest; /* of everything that must not change while paging */
};

/* An order with the key it is sorted by. */
struct hit {
    int64_t time;
    struct entity *order;
};

static int64_t order_update_time(const struct entity *order)
{
    return order->revs[order->revisions - 1].update_time;
}

/* --- filters ----------------------------------------------------------------------------------------------- */

static bool take_int(const json_t *value, int64_t *out)
{
    if (!json_is_integer(value))
        return false;
    *out = json_integer_value(value);
    return true;
}

static bool take_text(const json_t *value, const char **out)
{
    *out = json_string_value(value);
    return *out != NULL;
}

static bool take_texts(const json_t *value)
{
    size_t i;
    const json_t *each;

    json_array_foreach(value, i, each)
    {
        if (!json_is_string(each))
            return false;
    }
    return json_is_array(value) && json_array_size(value) <= 100;
}

static bool filter_take(struct filter *f, const char *key, const json_t *value)
{
    if (strcmp(key, "create_time_ge") == 0)
        return take_int(value, &f->create_ge);
    if (strcmp(key, "create_time_lt") == 0)
        return take_int(value, &f->create_lt);
    if (strcmp(key, "update_time_ge") == 0)
        return take_int(value, &f->update_ge);
    if (strcmp(key, "update_time_lt") == 0)
        return take_int(value, &f->update_lt);
    if (strcmp(key, "shipping_type") == 0)
        return take_text(value, &f->shipping_type);
    if (strcmp(key, "buyer_user_id") == 0)
        return take_text(value, &f->user);
    if (strcmp(key, "order_status") == 0)
        return json_is_string(value) && ((f->status = orders_status_parse(json_string_value(value))) >= 0 ||
                                         strcmp(json_string_value(value), "PARTIALLY_SHIPPING") == 0);
    if (strcmp(key, "is_buyer_request_cancel") == 0) {
        f->cancel_requested = json_is_true(value);
        return json_is_boolean(value);
    }
    if (strcmp(key, "warehouse_ids") == 0) {
        f->warehouses = value;
        return take_texts(value);
    }
    return false;
}

/* PARTIALLY_SHIPPING is a legal filter that no order of this simulator matches. */
static bool filter_body(struct filter *f, const json_t *body)
{
    const char *key;
    const json_t *value;
    void *at = json_object_iter((json_t *)(uintptr_t)body);

    for (; at; at = json_object_iter_next((json_t *)(uintptr_t)body, at)) {
        key = json_object_iter_key(at);
        value = json_object_iter_value(at);
        if (!filter_take(f, key, value))
            return false;
        if (strcmp(key, "order_status") == 0 && f->status < 0)
            f->status = ORDER_STATUSES;
    }
    return true;
}

static bool warehouse_listed(const struct entity *order, const json_t *list)
{
    char id[24];
    size_t i;
    const json_t *each;

    render_warehouse_id(order, id);
    json_array_foreach(list, i, each)
    {
        if (strcmp(json_string_value(each), id) == 0)
            return true;
    }
    return false;
}

static bool filter_passes(const struct filter *f, const struct entity *order)
{
    int64_t created = order->revs[0].update_time, updated = order_update_time(order);
    char user[24];

    render_user_id(order, user);
    return created >= f->create_ge && created < f->create_lt && updated >= f->update_ge &&
           updated < f->update_lt &&
           (f->status < 0 || f->status == order->revs[order->revisions - 1].status) &&
           (f->cancel_requested < 0 ||
            (f->cancel_requested == 1) == render_cancel_requested(order, order->revisions)) &&
           (!f->shipping_type || strcmp(f->shipping_type, render_shipping_type(order)) == 0) &&
           (!f->user || strcmp(f->user, user) == 0) &&
           (!f->warehouses || warehouse_listed(order, f->warehouses));
}

/* --- page tokens ------------------------------------------------------------------------------------------- */

/* Base64 of fb ff bf ("+/+/"), the place in text, and spaces up to a length that ends in "==". */
static void token_make(const struct filter *f, const struct hit *last, char out[TOKEN_BYTES * 2])
{
    unsigned char raw[TOKEN_BYTES] = {0xfb, 0xff, 0xbf};
    size_t n;

    n = 3 + (size_t)snprintf((char *)raw + 3, sizeof raw - 3, "%016llx %lld %u",
                             (unsigned long long)f->digest, (long long)last->time, last->order->number);
    while (n % 3 != 1)
        raw[n++] = ' ';
    EVP_EncodeBlock((unsigned char *)out, raw, (int)n);
}

/* False: not a token of ours, or one of another search. */
static bool token_read(const struct sim *sim, struct filter *f, const char *text)
{
    unsigned char raw[TOKEN_BYTES + 8] = {0};
    size_t len = strlen(text);
    unsigned long long digest;
    long long time;
    unsigned number;

    if (len == 0)
        return true; /* an empty token means the first page */
    if (len > TOKEN_BYTES || len % 4 || EVP_DecodeBlock(raw, (const unsigned char *)text, (int)len) < 8 ||
        memcmp(raw, "\xfb\xff\xbf", 3) != 0 ||
        sscanf((const char *)raw + 3, "%16llx %lld %u", &digest, &time, &number) != 3)
        return false;
    f->after = true;
    f->after_time = time;
    f->after_number = number;
    return digest == f->digest || !sim->sw.page_token_strict;
}

/* --- one page ------------------------------------------------------------------------------------------------ */

static int by_key(const void *a, const void *b)
{
    const struct hit *x = a, *y = b;

    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    return x->order->number < y->order->number ? -1 : x->order->number > y->order->number;
}

/* Is this order beyond the place the page token names, in the direction of the search? */
static bool hit_follows(const struct filter *f, const struct hit *hit)
{
    int64_t time = hit->time - f->after_time, number = (int64_t)hit->order->number - f->after_number;

    if (!f->after)
        return true;
    if (f->descending)
        return time < 0 || (time == 0 && number < 0);
    return time > 0 || (time == 0 && number > 0);
}

static struct hit *search_hits(struct sim *sim, const struct filter *f, uint32_t index, size_t *count)
{
    const struct shop *shop = &sim->shops[index];
    struct hit *hits = buf_alloc((shop->of[KIND_ORDER].count + 1) * sizeof *hits);

    *count = 0;
    for (uint32_t n = 0; n < shop->of[KIND_ORDER].slots; n++) {
        struct entity *order = shop->of[KIND_ORDER].item[n];

        if (order && filter_passes(f, order))
            hits[(*count)++] =
                (struct hit){f->by_update ? order_update_time(order) : order->revs[0].update_time, order};
    }
    qsort(hits, *count, sizeof *hits, by_key);
    for (size_t i = 0; f->descending && i < *count / 2; i++) {
        struct hit swap = hits[i];
        hits[i] = hits[*count - 1 - i];
        hits[*count - 1 - i] = swap;
    }
    return hits;
}

static void write_hit(struct sim *sim, struct entity *order, struct json_out *out, struct answer *answer)
{
    const struct fault *f;

    if (fault_meets_order(sim, FAULT_MISSING, API_SEARCH, order->shop, order->number)) {
        answer->fault = fault_name(FAULT_MISSING);
        return;
    }
    f = fault_meets_order(sim, FAULT_STALE, API_SEARCH, order->shop, order->number);
    json_out_raw(out, NULL, "");
    if (f && f->back < (int64_t)order->revisions) {
        answer->fault = fault_name(FAULT_STALE);
        render_order(sim, order, order->revisions - (uint32_t)f->back, out->b);
    } else {
        entity_json(sim, order, out->b);
    }
    order->reads++;
}

static void search_page(struct sim *sim, const struct filter *f, uint32_t shop, struct answer *answer)
{
    size_t total, at = 0, last = 0;
    int64_t room = f->page_size;
    struct hit *hits = search_hits(sim, f, shop, &total);
    struct json_out out;
    char token[TOKEN_BYTES * 2] = "";

    while (at < total && !hit_follows(f, &hits[at]))
        at++;
    tiktok_open(answer, &out);
    json_out_open(&out, "data", '{');
    last = at;
    for (; last < total && room > 0; room--)
        last++;
    if (last < total)
        token_make(f, &hits[last - 1], token);
    if (token[0] || !sim->sw.last_page_token_missing)
        json_out_text(&out, "next_page_token", token);
    json_out_open(&out, "orders", '[');
    for (; at < last; at++)
        write_hit(sim, hits[at].order, &out, answer);
    json_out_close(&out, ']');
    json_out_int(&out, "total_count", (int64_t)total);
    json_out_close(&out, '}');
    tiktok_close(sim, &out, "Success");
    free(hits);
}

/* The query part; the name of the first bad parameter, NULL when all is well. */
static const char *filter_query(struct sim *sim, struct filter *f, const struct call *call)
{
    const char *size = call_param(call, "page_size");
    const char *field = call_param(call, "sort_field");
    const char *order = call_param(call, "sort_order");
    const char *token = call_param(call, "page_token");
    struct buf same = {0};

    f->descending = !order || strcmp(order, "DESC") == 0;
    f->by_update = field && strcmp(field, "update_time") == 0;
    if (!size || !num_i64(size, strlen(size), 1, 100, &f->page_size))
        return "Invalid parameter: page_size";
    if (field && !f->by_update && strcmp(field, "create_time") != 0)
        return "Invalid parameter: sort_field";
    if (order && !f->descending && strcmp(order, "ASC") != 0)
        return "Invalid parameter: sort_order";
    buf_add(&same, call->body, call->body_len);
    buf_printf(&same, "|%s|%d|%d", size, f->descending, f->by_update);
    f->digest = draw_bits((struct draw){0}, same.p);
    buf_deinit(&same);
    return token && !token_read(sim, f, token) ? "Invalid parameter: page_token" : NULL;
}

void search_answer(struct sim *sim, const struct call *call, uint32_t shop, struct answer *answer)
{
    struct filter f = {.create_lt = INT64_MAX, .update_lt = INT64_MAX, .status = -1, .cancel_requested = -1};
    json_t *body =
        call->body_len ? json_loadb(call->body, call->body_len, JSON_REJECT_DUPLICATES, NULL) : json_object();
    const char *bad;

    count_about(sim, call->number, shop, 0, "");
    bad = filter_query(sim, &f, call);
    if (!json_is_object(body))
        tiktok_error(sim, answer, 400, 36009004, "Invalid body");
    else if (bad)
        tiktok_error(sim, answer, 400, 36009004, bad);
    else if (!filter_body(&f, body))
        tiktok_error(sim, answer, 400, 36009004, "Invalid parameter in the body");
    else if (!tiktok_faults(sim, API_SEARCH, shop, answer))
        search_page(sim, &f, shop, answer);
    json_decref(body);
}
