/* sim_search.c - see sim_search.h. */
#include "sim_search.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "sim_http.h"
#include "sim_orders.h"
#include "sim_page.h"
#include "sim_render.h"
#include "sim_state.h"
#include "sim_tiktok.h"

static const struct page_rules rules = {
    .low = 1, .high = 100, .sorts = {"create_time", "update_time"}, .descending = true};
enum { SORT_CREATE, SORT_UPDATE };

struct filter {
    int64_t create_ge, create_lt, update_ge, update_lt; /* seconds; [ge, lt) */
    int status;                                         /* -1: any */
    int cancel_requested;                               /* -1: any */
    const char *shipping_type;                          /* NULL: any; borrowed from the body */
    const char *user;
    const json_t *warehouses;
    struct page page;
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

/* --- one page ------------------------------------------------------------------------------------------------ */

static struct page_hit *search_hits(struct sim *sim, const struct filter *f, uint32_t index, size_t *count)
{
    const struct store *store = &sim->shops[index].of[KIND_ORDER];
    struct page_hit *hits = buf_alloc((store->count + 1) * sizeof *hits);

    *count = 0;
    for (uint32_t n = 0; n < store->slots; n++) {
        struct entity *order = entity_get(sim, KIND_ORDER, index, n);

        if (order && filter_passes(f, order))
            hits[(*count)++] = (struct page_hit){f->page.sort == SORT_UPDATE ? order_update_time(order)
                                                                             : order->revs[0].update_time,
                                                 n, order};
    }
    return hits;
}

static void search_page(struct sim *sim, const struct filter *f, uint32_t shop, struct answer *answer)
{
    size_t total, at, to;
    struct page_hit *hits = search_hits(sim, f, shop, &total);
    struct json_out out;

    page_cut(&f->page, hits, total, &at, &to);
    tiktok_open(answer, &out);
    json_out_open(&out, "data", '{');
    page_token(sim, &f->page, hits, total, to, &out);
    json_out_open(&out, "orders", '[');
    for (; at < to; at++) {
        if (!tiktok_write_entity(sim, API_SEARCH, hits[at].item, NULL, &out, answer)) {
            free(hits);
            return;
        }
    }
    json_out_close(&out, ']');
    json_out_int(&out, "total_count", (int64_t)total);
    json_out_close(&out, '}');
    tiktok_close(sim, &out, "Success");
    free(hits);
}

void search_answer(struct sim *sim, const struct call *call, uint32_t shop, struct answer *answer)
{
    struct filter f = {.create_lt = INT64_MAX, .update_lt = INT64_MAX, .status = -1, .cancel_requested = -1};
    json_t *body =
        call->body_len ? json_loadb(call->body, call->body_len, JSON_REJECT_DUPLICATES, NULL) : json_object();
    const char *bad;

    count_about(sim, call->number, shop, 0, "");
    bad = page_query(sim, call, &rules, &f.page);
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
