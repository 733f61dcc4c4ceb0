/* sim_shopee_finance.c - Shopee's calls about settlements, wallet and income.
 *
 * In:     a call that has passed the gateway. Out: its answer.
 * Why so: everything here is about COMPLETED orders; for any other order there is no settlement yet. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim_http.h"
#include "sim_num.h"
#include "sim_shopee.h"
#include "sim_shopee_list.h"
#include "sim_shopee_parts.h"
#include "sim_shopee_render.h"
#include "sim_shopee_state.h"
#include "sim_state.h"

#define WINDOW_MAX (15 * SHOPEE_DAY)
#define INCOME_MAX (14 * SHOPEE_DAY)

static uint32_t changes_of(const struct sim *sim, const struct entity *order)
{
    const struct entity *settled = entity_get(sim, KIND_TRANSACTION, order->shop, order->number);

    return settled ? settled->revisions : 0;
}

struct time_filter {
    int64_t from, to; /* seconds, both included */
};

static bool release_passes(const struct sim *sim, const void *filter, const struct entity *order,
                           int64_t *time)
{
    const struct time_filter *f = filter;

    (void)sim;
    *time = shopee_release_time(order, order->revisions);
    return *time && *time >= f->from && *time <= f->to;
}

/* --- escrow ----------------------------------------------------------------------------------------------- */

void shopee_escrow_list(struct shopee_ask *ask)
{
    struct time_filter f = {0};
    struct list list = {.kind = KIND_ORDER,
                        .shop = (uint32_t)ask->shop,
                        .passes = release_passes,
                        .filter = &f,
                        .size = 40,
                        .after_time = -1};
    int64_t page = 1;
    struct json_out out;

    if (!shopee_int(ask, "release_time_from", false, 0, INT64_MAX / 4, &f.from) ||
        !shopee_int(ask, "release_time_to", false, 0, INT64_MAX / 4, &f.to) ||
        !shopee_int(ask, "page_no", true, 1, 100000, &page) ||
        !shopee_int(ask, "page_size", true, 1, 100, &list.size))
        return;
    if (f.from > f.to) {
        shopee_error(ask, "error_param", "release_time_from is after release_time_to.");
        return;
    }
    list.skip = (page - 1) * list.size;
    count_about(ask->sim, ask->call->number, ask->shop, 0, "");
    if (shopee_faults(ask))
        return;
    list_page(ask->sim, &list);
    shopee_open_response(ask, &out, NULL);
    json_out_open(&out, "escrow_list", '[');
    for (size_t i = 0; i < list.count; i++) {
        const struct entity *order = list.hit[i].entity;

        json_out_open(&out, NULL, '{');
        json_out_text(&out, "order_sn", order->id);
        part_shop_money(&out, order->shop, "payout_amount",
                        shopee_escrow_amount(ask->sim, order, changes_of(ask->sim, order)));
        json_out_int(&out, "escrow_release_time", list.hit[i].time);
        json_out_close(&out, '}');
    }
    json_out_close(&out, ']');
    json_out_bool(&out, "more", list.more);
    json_out_close(&out, '}');
    shopee_close(ask, &out);
}

/* The order of an id whose settlement this call may show; NULL: none. False: the whole call has failed. */
static bool settled_order(struct shopee_ask *ask, const char *sn, struct entity **order)
{
    uint32_t revision;
    enum shopee_served served = shopee_serve(ask, *order = shopee_by_id(ask->sim, KIND_ORDER, sn), &revision);

    if (served == SHOPEE_POISONED)
        return false;
    if (served == SHOPEE_MISSING || (*order)->revs[revision - 1].status != SHOPEE_COMPLETED)
        *order = NULL;
    return true;
}

void shopee_escrow_detail(struct shopee_ask *ask)
{
    const char *sn;
    struct entity *order;
    struct json_out out;

    if (!shopee_text(ask, "order_sn", &sn))
        return;
    count_about(ask->sim, ask->call->number, ask->shop, 0, sn);
    if (shopee_faults(ask) || !settled_order(ask, sn, &order))
        return;
    if (!order) {
        shopee_error(ask, "order_not_found", "The order is not found or not settled.");
        return;
    }
    shopee_open(ask, &out);
    json_out_raw(&out, "response", "");
    shopee_render_escrow(ask->sim, order, changes_of(ask->sim, order), out.b);
    shopee_close(ask, &out);
}

/* How many ids a comma-joined parameter has. */
static size_t ids_joined(const char *text)
{
    size_t n = text != NULL;

    for (; text && *text; text++)
        n += *text == ',';
    return n;
}

/* Ids of the query (GET) or of the body (POST). False: an error was answered. */
static bool batch_ids(struct shopee_ask *ask, char id[SHOPEE_IDS_MAX][SHOPEE_ID_TEXT], uint32_t *count)
{
    const json_t *list = json_object_get(ask->body, "order_sn_list"), *element;
    size_t i;

    if (json_array_size(list) > SHOPEE_IDS_MAX ||
        ids_joined(call_param(ask->call, "order_sn_list")) > SHOPEE_IDS_MAX) {
        shopee_error(ask, "exceed_max_limit", "At most 50 orders.");
        return false;
    }
    if (strcmp(ask->call->method, "GET") == 0)
        return shopee_ids(ask, "order_sn_list", id, count);
    *count = 0;
    json_array_foreach(list, i, element)
    {
        const char *text = json_string_value(element);

        if (!text || strlen(text) >= SHOPEE_ID_TEXT)
            break;
        memcpy(id[(*count)++], text, strlen(text) + 1);
    }
    if (*count == 0 || *count < json_array_size(list) || json_object_size(ask->body) != 1) {
        shopee_error(ask, "error_param", "order_sn_list must hold 1 to 50 texts.");
        return false;
    }
    return true;
}

static void batch_failures(struct json_out *out, char id[][SHOPEE_ID_TEXT], const bool *bad, uint32_t count)
{
    json_out_open(out, "escrow_detail_list", '[');
    for (uint32_t i = 0; i < count; i++) {
        if (!bad[i])
            continue;
        json_out_open(out, NULL, '{');
        json_out_open(out, "escrow_detail", '{');
        json_out_text(out, "order_sn", id[i]);
        json_out_close(out, '}');
        json_out_text(out, "fail_error", "order_not_found");
        json_out_text(out, "fail_message", "The order is not found or not settled.");
        json_out_close(out, '}');
    }
    json_out_close(out, ']');
}

void shopee_escrow_batch(struct shopee_ask *ask)
{
    char id[SHOPEE_IDS_MAX][SHOPEE_ID_TEXT];
    bool bad[SHOPEE_IDS_MAX] = {false}, any = false;
    uint32_t count;
    struct entity *order;
    struct json_out out;

    if (strcmp(ask->call->method, ask->sim->sw.escrow_batch_post ? "POST" : "GET") != 0) {
        shopee_error(ask, "error_param", "Wrong method.");
        return;
    }
    if (!batch_ids(ask, id, &count))
        return;
    count_about(ask->sim, ask->call->number, ask->shop, 0, id[0]);
    if (shopee_faults(ask))
        return;
    shopee_open(ask, &out);
    json_out_open(&out, "response", '[');
    for (uint32_t i = 0; i < count; i++) {
        if (!settled_order(ask, id[i], &order))
            return;
        bad[i] = !order;
        any = any || bad[i];
        if (!order)
            continue;
        json_out_open(&out, NULL, '{');
        json_out_raw(&out, "escrow_detail", "");
        shopee_render_escrow(ask->sim, order, changes_of(ask->sim, order), out.b);
        json_out_close(&out, '}');
    }
    json_out_close(&out, ']');
    if (any)
        batch_failures(&out, id, bad, count);
    shopee_close(ask, &out);
}

/* --- wallet ----------------------------------------------------------------------------------------------- */

struct wallet_row {
    int64_t time;
    const struct entity *order;
    unsigned row;
};

struct wallet_filter {
    int64_t from, to; /* -1: not asked for */
    const char *type, *flow;
};

static int by_time(const void *a, const void *b)
{
    const struct wallet_row *x = a, *y = b;

    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    if (x->order->number != y->order->number)
        return x->order->number < y->order->number ? -1 : 1;
    return (int)x->row - (int)y->row;
}

/* All rows that pass, sorted; owned by the caller. */
static struct wallet_row *wallet_rows(const struct sim *sim, uint32_t shop, const struct wallet_filter *f,
                                      size_t *count)
{
    const struct store *store = &sim->shops[shop].of[KIND_ORDER];
    struct wallet_row *rows = NULL;
    size_t cap = 0;

    *count = 0;
    for (uint32_t n = 0; n < store->slots; n++) {
        const struct entity *order = entity_get(sim, KIND_ORDER, shop, n);
        unsigned of_order = order && entity_last(order)->status == SHOPEE_COMPLETED
                                ? shopee_wallet_rows(order, changes_of(sim, order))
                                : 0;

        for (unsigned row = 0; row < of_order; row++) {
            int64_t time = shopee_wallet_time(sim, order, row);

            if ((f->from >= 0 && (time < f->from || time > f->to)) ||
                (f->type && strcmp(f->type, shopee_wallet_type(sim, order, row)) != 0) ||
                (f->flow && strcmp(f->flow, shopee_wallet_flow(sim, order, row)) != 0))
                continue;
            if (*count == cap) {
                cap = cap ? cap * 2 : 64;
                rows = buf_grow(rows, cap * sizeof *rows);
            }
            rows[(*count)++] = (struct wallet_row){time, order, row};
        }
    }
    if (*count)
        qsort(rows, *count, sizeof *rows, by_time);
    return rows;
}

void shopee_wallet_list(struct shopee_ask *ask)
{
    struct wallet_filter f = {.type = call_param(ask->call, "transaction_type"),
                              .flow = call_param(ask->call, "money_flow")};
    struct wallet_row *rows;
    size_t count, at;
    int64_t page, size;
    struct json_out out;

    if (!shopee_int(ask, "page_no", false, 0, 100000, &page) ||
        !shopee_int(ask, "page_size", false, 1, 100, &size) ||
        !shopee_window(ask, "create_time_from", "create_time_to", 0, &f.from, &f.to, "time_invalid"))
        return;
    if (f.to - f.from > WINDOW_MAX) {
        shopee_error(ask, "time_period_too_large", "The time period is larger than 15 days.");
        return;
    }
    count_about(ask->sim, ask->call->number, ask->shop, 0, "");
    if (shopee_faults(ask))
        return;
    rows = wallet_rows(ask->sim, (uint32_t)ask->shop, &f, &count);
    shopee_open_response(ask, &out, NULL);
    json_out_open(&out, "transaction_list", '[');
    for (at = (size_t)(page * size); at < count && at < (size_t)((page + 1) * size); at++) {
        json_out_raw(&out, NULL, "");
        shopee_render_wallet(ask->sim, rows[at].order, rows[at].row, out.b);
    }
    json_out_close(&out, ']');
    json_out_bool(&out, "more", count > (size_t)((page + 1) * size));
    json_out_close(&out, '}');
    shopee_close(ask, &out);
    free(rows);
}

/* --- income ----------------------------------------------------------------------------------------------- */

/* YYYY-MM-DD to the second it begins, UTC. */
static bool day_read(const char *text, int64_t *second)
{
    int64_t year, month, day;
    struct tm tm = {0};

    if (!text || strlen(text) != 10 || text[4] != '-' || text[7] != '-' ||
        !num_i64(text, 4, 2000, 2100, &year) || !num_i64(text + 5, 2, 1, 12, &month) ||
        !num_i64(text + 8, 2, 1, 31, &day))
        return false;
    tm.tm_year = (int)year - 1900;
    tm.tm_mon = (int)month - 1;
    tm.tm_mday = (int)day;
    *second = timegm(&tm);
    return true;
}

/* Still to be released: on their way, not yet completed. */
static bool pending_passes(const struct sim *sim, const void *filter, const struct entity *order,
                           int64_t *time)
{
    (void)sim;
    (void)filter;
    *time = shopee_created(order);
    return entity_last(order)->status >= SHOPEE_SHIPPED && entity_last(order)->status < SHOPEE_COMPLETED;
}

static void income_row(struct json_out *out, const struct sim *sim, const struct entity *order, bool released)
{
    json_out_open(out, NULL, '{');
    json_out_text(out, "order_sn", order->id);
    json_out_text(out, "payment_method", "ShopeePay");
    json_out_text(out, "currency", shopee_currency(order->shop));
    json_out_text(out, "status", released ? "RELEASED" : "PENDING");
    if (released) {
        part_shop_money(out, order->shop, "released_amount",
                        shopee_escrow_amount(sim, order, changes_of(sim, order)));
        json_out_int(out, "actual_payout_time", shopee_release_time(order, order->revisions));
    } else {
        part_shop_money(out, order->shop, "estimated_escrow_amount", shopee_escrow_amount(sim, order, 0));
        json_out_int(out, "estimated_payout_time", shopee_created(order) + 20 * SHOPEE_DAY);
    }
    json_out_close(out, '}');
}

static void income_write(struct shopee_ask *ask, const struct list *list, bool released)
{
    char cursor[LIST_CURSOR];
    struct json_out out;

    list_cursor_write(list, cursor);
    shopee_open(ask, &out);
    json_out_open(&out, "income_detail_list", '{');
    json_out_open(&out, "list", '[');
    for (size_t i = 0; i < list->count; i++)
        income_row(&out, ask->sim, list->hit[i].entity, released);
    json_out_close(&out, ']');
    json_out_open(&out, "next_page", '{');
    json_out_text(&out, "cursor", cursor);
    json_out_int(&out, "page_size", list->size);
    json_out_close(&out, '}');
    json_out_close(&out, '}');
    shopee_close(ask, &out);
}

void shopee_income_detail(struct shopee_ask *ask)
{
    struct time_filter f = {0};
    const char *cursor = call_param(ask->call, "cursor");
    int64_t status = 1;
    struct list list = {.kind = KIND_ORDER, .shop = (uint32_t)ask->shop, .filter = &f};
    bool released;

    if (!shopee_int(ask, "income_status", true, 0, 2, &status) ||
        !shopee_int(ask, "page_size", false, 1, 100, &list.size))
        return;
    released = status == 1;
    if ((released && (!day_read(call_param(ask->call, "date_from"), &f.from) ||
                      !day_read(call_param(ask->call, "date_to"), &f.to) || f.from > f.to ||
                      f.to - f.from > INCOME_MAX)) ||
        !list_cursor_read(cursor ? cursor : "", &list)) {
        shopee_error(ask, "error_param", "Invalid date_from, date_to or cursor.");
        return;
    }
    f.to += SHOPEE_DAY - 1;
    list.passes = released ? release_passes : pending_passes;
    count_about(ask->sim, ask->call->number, ask->shop, 0, "");
    if (shopee_faults(ask))
        return;
    list_page(ask->sim, &list);
    income_write(ask, &list, released);
}
