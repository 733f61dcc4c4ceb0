/* sim_webhooks.c - see sim_webhooks.h. */
#include "sim_webhooks.h"

#include <stdlib.h>
#include <string.h>

#include "sim_buf.h"
#include "sim_http.h"
#include "sim_state.h"

#define ADDRESS_MAX 255 /* bytes */

struct webhook {
    uint32_t shop;
    char *type, *address; /* owned */
    int64_t created, updated;
};

struct webhooks {
    struct webhook *row; /* owned */
    size_t count;
};

static const char *const types[] = {
    "ORDER_STATUS_CHANGE",   "REVERSE_STATUS_UPDATE",      "RECIPIENT_ADDRESS_UPDATE",
    "PACKAGE_UPDATE",        "PRODUCT_STATUS_CHANGE",      "SELLER_DEAUTHORIZATION",
    "PRODUCT_CREATION",      "CANCELLATION_STATUS_CHANGE", "UPCOMING_AUTHORIZATION_EXPIRATION",
    "RETURN_STATUS_CHANGE",  "PRODUCT_INFORMATION_CHANGE", "PRODUCT_CATEGORY_CHANGE",
    "INVOICE_STATUS_CHANGE", "PRODUCT_AUDIT_STATUS_CHANGE"};

static void row_clear(struct webhook *row)
{
    free(row->type);
    free(row->address);
}

void webhooks_free(struct webhooks *w)
{
    if (!w)
        return;
    for (size_t i = 0; i < w->count; i++)
        row_clear(&w->row[i]);
    free(w->row);
    free(w);
}

static bool type_known(const char *type)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (strcmp(types[i], type) == 0)
            return true;
    }
    return false;
}

static struct webhook *row_of(struct webhooks *w, int64_t shop, const char *type)
{
    for (size_t i = 0; w && i < w->count; i++) {
        if (w->row[i].shop == shop && strcmp(w->row[i].type, type) == 0)
            return &w->row[i];
    }
    return NULL;
}

static struct webhook *row_new(struct sim *sim, uint32_t shop, const char *type)
{
    struct webhooks *w = sim->webhooks ? sim->webhooks : buf_alloc(sizeof *w);

    sim->webhooks = w;
    w->row = buf_grow(w->row, (w->count + 1) * sizeof *w->row);
    w->row[w->count] = (struct webhook){.shop = shop, .type = buf_strdup(type), .created = sim_now_s(sim)};
    return &w->row[w->count++];
}

/* https, a domain name, no port, no query, not too long. */
static bool address_ok(const char *address)
{
    const char *host = address + 8;
    size_t len;

    if (strncmp(address, "https://", 8) != 0 || strlen(address) > ADDRESS_MAX || strchr(address, '?'))
        return false;
    len = strcspn(host, "/");
    return len > 0 && !memchr(host, ':', len) && memchr(host, '.', len) && strspn(host, "0123456789.") < len;
}

static void answer_done(struct sim *sim, struct answer *answer)
{
    struct json_out out;

    tiktok_open(answer, &out);
    json_out_raw(&out, "data", "{}");
    tiktok_close(sim, &out, "Success");
}

void webhooks_get(struct sim *sim, const struct call *call, const struct caller *who, struct answer *answer)
{
    struct json_out out;
    int64_t count = 0;

    count_about(sim, call->number, who->shop, 0, "");
    if (tiktok_faults(sim, API_EVENTS, who->shop, answer))
        return;
    tiktok_open(answer, &out);
    json_out_open(&out, "data", '{');
    for (size_t i = 0; sim->webhooks && i < sim->webhooks->count; i++)
        count += sim->webhooks->row[i].shop == who->shop;
    json_out_int(&out, "total_count", count);
    json_out_open(&out, "webhooks", '[');
    for (size_t i = 0; sim->webhooks && i < sim->webhooks->count; i++) {
        const struct webhook *row = &sim->webhooks->row[i];

        if (row->shop != who->shop)
            continue;
        json_out_open(&out, NULL, '{');
        json_out_text(&out, "address", row->address);
        json_out_int(&out, "create_time", row->created);
        json_out_text(&out, "event_type", row->type);
        json_out_int(&out, "update_time", row->updated);
        json_out_close(&out, '}');
    }
    json_out_close(&out, ']');
    json_out_close(&out, '}');
    tiktok_close(sim, &out, "Success");
}

/* The body of PUT and DELETE; owned. NULL: the answer is finished. */
static json_t *take_body(struct sim *sim, const struct call *call, const struct caller *who, bool put,
                         struct answer *answer)
{
    static const struct filter_rule members[] = {
        {"event_type", FILTER_TEXT, 0, 0}, {"address", FILTER_TEXT, 0, 0}, {0}};
    json_t *body = tiktok_filters(sim, call, members, answer);
    const char *type = json_string_value(json_object_get(body, "event_type"));
    const char *address = json_string_value(json_object_get(body, "address"));

    count_about(sim, call->number, who->shop, 0, type ? type : "");
    if (!body)
        return NULL;
    if (!type || !type_known(type) || (put ? !address || !address_ok(address) : address != NULL))
        tiktok_error(sim, answer, 400, 36009004, "Invalid event_type or address");
    else if (!tiktok_faults(sim, API_EVENTS, who->shop, answer))
        return body;
    json_decref(body);
    return NULL;
}

void webhooks_put(struct sim *sim, const struct call *call, const struct caller *who, struct answer *answer)
{
    json_t *body = take_body(sim, call, who, true, answer);
    struct webhook *row;
    const char *type;

    if (!body)
        return;
    type = json_string_value(json_object_get(body, "event_type"));
    row = row_of(sim->webhooks, who->shop, type);
    if (!row)
        row = row_new(sim, (uint32_t)who->shop, type);
    free(row->address);
    row->address = buf_strdup(json_string_value(json_object_get(body, "address")));
    row->updated = sim_now_s(sim);
    json_decref(body);
    answer_done(sim, answer);
}

void webhooks_delete(struct sim *sim, const struct call *call, const struct caller *who,
                     struct answer *answer)
{
    json_t *body = take_body(sim, call, who, false, answer);
    struct webhooks *w = sim->webhooks;
    struct webhook *row;

    if (!body)
        return;
    row = row_of(w, who->shop, json_string_value(json_object_get(body, "event_type")));
    json_decref(body);
    if (row) {
        row_clear(row);
        memmove(row, row + 1, (size_t)(w->row + w->count - row - 1) * sizeof *row);
        w->count--;
    }
    answer_done(sim, answer);
}
