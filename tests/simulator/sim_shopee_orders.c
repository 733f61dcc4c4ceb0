/* sim_shopee_orders.c - Shopee's calls about orders and their packages.
 *
 * In:     a call that has passed the gateway. Out: its answer.
 * Why so: an id that is unknown, of another shop or deleted makes a whole batch fail, or is left out with a
 * warning: nobody outside knows which, so it is a switch. */
#include <stdio.h>
#include <string.h>

#include "sim_http.h"
#include "sim_num.h"
#include "sim_shopee.h"
#include "sim_shopee_list.h"
#include "sim_shopee_render.h"
#include "sim_shopee_state.h"
#include "sim_state.h"

#define WINDOW_MAX (15 * SHOPEE_DAY)

/* --- get_order_list --------------------------------------------------------------------------------------- */

struct order_filter {
    bool created;
    int64_t from, to;
    int status;   /* -1: every one */
    bool pending; /* the caller knows the status PENDING */
};

/* What this caller sees of an order's status. */
static unsigned status_seen(const struct entity *order, bool pending)
{
    unsigned status = entity_last(order)->status;

    return status == SHOPEE_PENDING && !pending ? SHOPEE_READY_TO_SHIP : status;
}

static bool order_passes(const struct sim *sim, const void *filter, const struct entity *order, int64_t *time)
{
    const struct order_filter *f = filter;

    (void)sim;
    *time = f->created ? shopee_created(order) : entity_last(order)->update_time;
    return *time >= f->from && *time <= f->to &&
           (f->status < 0 || status_seen(order, f->pending) == (unsigned)f->status);
}

static bool order_list_filter(struct shopee_ask *ask, struct order_filter *f, struct list *list)
{
    const char *field, *status = call_param(ask->call, "order_status");
    const char *cursor = call_param(ask->call, "cursor");

    if (!shopee_text(ask, "time_range_field", &field) ||
        !shopee_int(ask, "time_from", false, 0, INT64_MAX / 4, &f->from) ||
        !shopee_int(ask, "time_to", false, 0, INT64_MAX / 4, &f->to) ||
        !shopee_int(ask, "page_size", false, 1, 100, &list->size) ||
        !shopee_flag(ask, "request_order_status_pending", &f->pending))
        return false;
    f->created = strcmp(field, "create_time") == 0;
    f->status = status ? shopee_status_parse(KIND_ORDER, status) : -1;
    if (f->from > f->to || f->to - f->from > WINDOW_MAX) {
        shopee_error(ask, "order.order_list_invalid_time",
                     "Start time must be earlier than end time and diff in 15days.");
        return false;
    }
    if ((!f->created && strcmp(field, "update_time") != 0) || !list_cursor_read(cursor ? cursor : "", list) ||
        (status && f->status < 0 && strcmp(status, "INVOICE_PENDING") != 0)) {
        shopee_error(ask, "error_param", "Invalid time_range_field, cursor or order_status.");
        return false;
    }
    if (status && f->status < 0) /* INVOICE_PENDING: a filter only, nothing is in this state here */
        f->status = SHOPEE_ORDER_STATUSES;
    return true;
}

static void order_list_write(struct shopee_ask *ask, const struct order_filter *f, const struct list *list)
{
    const char *optional = call_param(ask->call, "response_optional_fields");
    char cursor[LIST_CURSOR];
    struct json_out out;

    list_cursor_write(list, cursor);
    shopee_open_response(ask, &out, NULL);
    json_out_bool(&out, "more", list->more);
    json_out_text(&out, "next_cursor", cursor);
    json_out_open(&out, "order_list", '[');
    for (size_t i = 0; i < list->count; i++) {
        json_out_open(&out, NULL, '{');
        json_out_text(&out, "order_sn", list->hit[i].entity->id);
        if (optional)
            json_out_text(&out, "order_status",
                          shopee_status_word(KIND_ORDER, status_seen(list->hit[i].entity, f->pending)));
        json_out_close(&out, '}');
    }
    json_out_close(&out, ']');
    json_out_close(&out, '}');
    shopee_close(ask, &out);
}

void shopee_order_list(struct shopee_ask *ask)
{
    const char *optional = call_param(ask->call, "response_optional_fields");
    struct order_filter f;
    struct list list = {
        .kind = KIND_ORDER, .shop = (uint32_t)ask->shop, .passes = order_passes, .filter = &f};

    if (!order_list_filter(ask, &f, &list))
        return;
    if (optional && strcmp(optional, "order_status") != 0) {
        shopee_error(ask, "error_param", "Invalid response_optional_fields.");
        return;
    }
    count_about(ask->sim, ask->call->number, ask->shop, 0, "");
    if (shopee_faults(ask))
        return;
    list_page(ask->sim, &list);
    order_list_write(ask, &f, &list);
}

/* --- get_order_detail ------------------------------------------------------------------------------------- */

/* The bits of response_optional_fields. False: an error was answered. */
static bool fields_read(struct shopee_ask *ask, uint64_t *fields)
{
    const char *text = call_param(ask->call, "response_optional_fields");

    *fields = 0;
    for (; text && *text; text += *text == ',') {
        size_t n = strcspn(text, ",");
        uint64_t bit;

        if (!shopee_order_field(text, n, &bit)) {
            shopee_error(ask, "error_param", "Invalid response_optional_fields.");
            return false;
        }
        *fields |= bit;
        text += n;
    }
    return true;
}

/* Writes the orders asked for. False: the answer is an error already. */
static bool order_detail_write(struct shopee_ask *ask, char id[][SHOPEE_ID_TEXT], uint32_t count,
                               uint64_t fields, bool pending, struct json_out *out, bool *missing)
{
    bool all = shopee_all_shown(fields) && pending;
    uint32_t revision;

    for (uint32_t i = 0; i < count; i++) {
        struct entity *order = shopee_by_id(ask->sim, KIND_ORDER, id[i]);

        switch (shopee_serve(ask, order, &revision)) {
        case SHOPEE_POISONED:
            return false;
        case SHOPEE_MISSING:
            if (!shopee_left_out(ask, count, "error_not_found",
                                 "Wrong parameters, detail: the order is not found."))
                return false;
            *missing = true;
            continue;
        case SHOPEE_SERVED:
            break;
        }
        json_out_raw(out, NULL, "");
        if (all && revision == order->revisions)
            entity_json(ask->sim, order, out->b);
        else
            shopee_render_order(ask->sim, order, revision, fields, pending, out->b);
    }
    return true;
}

void shopee_order_detail(struct shopee_ask *ask)
{
    char id[SHOPEE_IDS_MAX][SHOPEE_ID_TEXT];
    uint32_t count;
    uint64_t fields;
    bool pending, missing = false;
    struct json_out out;

    if (!shopee_ids(ask, "order_sn_list", id, &count) || !fields_read(ask, &fields) ||
        !shopee_flag(ask, "request_order_status_pending", &pending))
        return;
    count_about(ask->sim, ask->call->number, ask->shop, count, id[0]);
    if (shopee_faults(ask))
        return;
    shopee_open(ask, &out);
    json_out_open(&out, "response", '{');
    json_out_open(&out, "order_list", '[');
    if (!order_detail_write(ask, id, count, fields, pending, &out, &missing))
        return;
    json_out_close(&out, ']');
    json_out_close(&out, '}');
    json_out_open(&out, "warning", '[');
    if (missing)
        json_out_text(&out, NULL, "Some order_sn are not found.");
    json_out_close(&out, ']');
    shopee_close(ask, &out);
}

/* --- packages --------------------------------------------------------------------------------------------- */

void shopee_package_detail(struct shopee_ask *ask)
{
    char id[SHOPEE_IDS_MAX][SHOPEE_ID_TEXT];
    uint32_t count, revision;
    unsigned package;
    struct json_out out;

    if (!shopee_ids(ask, "package_number_list", id, &count))
        return;
    count_about(ask->sim, ask->call->number, ask->shop, count, id[0]);
    if (shopee_faults(ask))
        return;
    shopee_open_response(ask, &out, NULL);
    json_out_open(&out, "package_list", '[');
    for (uint32_t i = 0; i < count; i++) {
        struct entity *order = shopee_by_package(ask->sim, id[i], &package);
        enum shopee_served served = shopee_serve(ask, order, &revision);

        if (served == SHOPEE_POISONED)
            return;
        if (served == SHOPEE_SERVED && package < shopee_packages(order, revision)) {
            json_out_raw(&out, NULL, "");
            shopee_render_package(ask->sim, order, revision, package, out.b);
        } else if (!shopee_left_out(ask, count, "logistics.package_not_exist",
                                    "The package does not exist.")) {
            return;
        }
    }
    json_out_close(&out, ']');
    json_out_close(&out, '}');
    shopee_close(ask, &out);
}

/* The order and package of order_sn and package_number. False: an error was answered. */
static bool package_take(struct shopee_ask *ask, struct entity **order, uint32_t *revision, unsigned *package)
{
    const char *sn, *number = call_param(ask->call, "package_number");
    enum shopee_served served;

    if (!shopee_text(ask, "order_sn", &sn))
        return false;
    *order = shopee_by_id(ask->sim, KIND_ORDER, sn);
    count_about(ask->sim, ask->call->number, ask->shop, 1, sn);
    if (shopee_faults(ask))
        return false;
    served = shopee_serve(ask, *order, revision);
    if (served == SHOPEE_MISSING)
        shopee_error(ask, "logistics.invalid_error", "The order is unknown.");
    if (served != SHOPEE_SERVED)
        return false;
    *package = 0;
    if (shopee_packages(*order, *revision) == 0) {
        shopee_error(ask, "logistics.error_param",
                     "The package is still being allocated, please try again later.");
    } else if (!number && shopee_packages(*order, *revision) > 1) {
        shopee_error(ask, "logistics.package_number_not_exist",
                     "The order is split: package_number is needed.");
    } else if (number && (shopee_by_package(ask->sim, number, package) != *order ||
                          *package >= shopee_packages(*order, *revision))) {
        shopee_error(ask, "logistics.package_not_exist", "The package does not exist.");
    } else {
        return true;
    }
    return false;
}

void shopee_tracking_info(struct shopee_ask *ask)
{
    struct entity *order;
    uint32_t revision;
    unsigned package;
    struct json_out out;

    if (!package_take(ask, &order, &revision, &package))
        return;
    shopee_open(ask, &out);
    json_out_text(&out, "warning", "");
    json_out_raw(&out, "response", "");
    shopee_render_tracking(ask->sim, order, revision, package, out.b);
    shopee_close(ask, &out);
}

static void tracking_number_write(struct json_out *out, const struct entity *order, uint32_t revision,
                                  unsigned package)
{
    char text[32];

    shopee_tracking_number(order, revision, package, text);
    json_out_text(out, "tracking_number", text);
    json_out_text(out, "hint", *text ? "" : "The tracking number is not assigned yet.");
    snprintf(text, sizeof text, "%04u", (unsigned)draw_below(order->draw, "pickup_code", 10000));
    json_out_text(out, "pickup_code", text);
}

void shopee_tracking_get(struct shopee_ask *ask)
{
    static const char names[] = "first_mile_tracking_number last_mile_tracking_number plp_number";
    const char *fields = call_param(ask->call, "response_optional_fields");
    struct entity *order;
    uint32_t revision;
    unsigned package;
    struct json_out out;
    char name[40], text[40];

    if (!package_take(ask, &order, &revision, &package))
        return;
    shopee_open_response(ask, &out, NULL);
    tracking_number_write(&out, order, revision, package);
    for (; fields && *fields; fields += *fields == ',') {
        size_t n = strcspn(fields, ",");

        snprintf(name, sizeof name, "%.*s", (int)n, fields);
        fields += n;
        if (!shopee_word_in(name, names)) {
            shopee_error(ask, "logistics.error_param", "Invalid response_optional_fields.");
            return;
        }
        snprintf(text, sizeof text, "%c%llu", name[0] - 32,
                 (unsigned long long)draw_below(order->draw, name, 10000000000));
        json_out_text(&out, name, text);
    }
    json_out_close(&out, '}');
    shopee_close(ask, &out);
}

/* Package numbers of {"package_list":[{"package_number":".."}]}. False: an error was answered. */
static bool mass_ids(struct shopee_ask *ask, char id[SHOPEE_IDS_MAX][SHOPEE_ID_TEXT], uint32_t *count)
{
    const json_t *list = json_object_get(ask->body, "package_list"), *element;
    size_t i;

    *count = 0;
    json_array_foreach(list, i, element)
    {
        const char *text = json_string_value(json_object_get(element, "package_number"));

        if (!text || strlen(text) >= SHOPEE_ID_TEXT || *count == SHOPEE_IDS_MAX)
            break;
        memcpy(id[(*count)++], text, strlen(text) + 1);
    }
    if (*count == 0 || *count < json_array_size(list)) {
        shopee_error(ask, "logistics.error_param", "1 to 50 packages in package_list.");
        return false;
    }
    return true;
}

void shopee_tracking_mass(struct shopee_ask *ask)
{
    char id[SHOPEE_IDS_MAX][SHOPEE_ID_TEXT];
    bool good[SHOPEE_IDS_MAX] = {false};
    uint32_t count, revision;
    unsigned package;
    struct json_out out;

    if (!mass_ids(ask, id, &count))
        return;
    count_about(ask->sim, ask->call->number, ask->shop, count, id[0]);
    if (shopee_faults(ask))
        return;
    shopee_open_response(ask, &out, NULL);
    json_out_open(&out, "success_list", '[');
    for (uint32_t i = 0; i < count; i++) {
        struct entity *order = shopee_by_package(ask->sim, id[i], &package);
        enum shopee_served served = shopee_serve(ask, order, &revision);

        if (served == SHOPEE_POISONED)
            return;
        good[i] = served == SHOPEE_SERVED && package < shopee_packages(order, revision);
        if (!good[i])
            continue;
        json_out_open(&out, NULL, '{');
        json_out_text(&out, "package_number", id[i]);
        tracking_number_write(&out, order, revision, package);
        json_out_close(&out, '}');
    }
    json_out_close(&out, ']');
    json_out_open(&out, "fail_list", '[');
    for (uint32_t i = 0; i < count; i++) {
        if (good[i])
            continue;
        json_out_open(&out, NULL, '{');
        json_out_text(&out, "package_number", id[i]);
        json_out_text(&out, "fail_reason", "The package does not exist.");
        json_out_close(&out, '}');
    }
    json_out_close(&out, ']');
    json_out_close(&out, '}');
    shopee_close(ask, &out);
}
