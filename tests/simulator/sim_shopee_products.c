/* sim_shopee_products.c - Shopee's calls about items and their models.
 *
 * In:     a call that has passed the gateway. Out: its answer.
 * Why so: an item list can be asked for only so deep, as on the platform; who wants more cuts the time into
 * slices. How deep nobody has published, so it is a guess here, and a small one. */
#include <string.h>

#include "sim_http.h"
#include "sim_num.h"
#include "sim_shopee.h"
#include "sim_shopee_list.h"
#include "sim_shopee_render.h"
#include "sim_shopee_state.h"
#include "sim_state.h"

#define OFFSET_MAX 5000

struct item_filter {
    unsigned statuses; /* bits */
    int64_t from, to;  /* -1: not asked for */
};

static bool item_passes(const struct sim *sim, const void *filter, const struct entity *e, int64_t *time)
{
    const struct item_filter *f = filter;

    (void)sim;
    *time = entity_last(e)->update_time;
    return (f->statuses >> entity_last(e)->status & 1) &&
           (f->from < 0 || (*time >= f->from && *time <= f->to));
}

/* item_status stands there once for each status. */
static bool statuses_read(struct shopee_ask *ask, unsigned *bits)
{
    *bits = 0;
    for (size_t i = 0; i < ask->call->param_count; i++) {
        int status;

        if (strcmp(ask->call->params[i].name, "item_status") != 0)
            continue;
        status = shopee_status_parse(KIND_PRODUCT, ask->call->params[i].value);
        if (status < 0) {
            *bits = 0;
            break;
        }
        *bits |= 1u << status;
    }
    if (!*bits)
        shopee_error(ask, "error_param_item_status", "Invalid item_status.");
    return *bits != 0;
}

static void item_list_write(struct shopee_ask *ask, const struct list *list)
{
    struct json_out out;

    shopee_open_response(ask, &out, NULL);
    json_out_open(&out, "item", '[');
    for (size_t i = 0; i < list->count; i++) {
        const struct entity *e = list->hit[i].entity;

        json_out_open(&out, NULL, '{');
        json_out_raw(&out, "item_id", e->id);
        json_out_text(&out, "item_status", shopee_status(e));
        json_out_int(&out, "update_time", list->hit[i].time);
        json_out_raw(&out, "tag", draw_chance(e->draw, "kit", 20) ? "{\"kit\":true}" : "{\"kit\":false}");
        json_out_close(&out, '}');
    }
    json_out_close(&out, ']');
    json_out_int(&out, "total_count", (int64_t)list->total);
    json_out_bool(&out, "has_next_page", list->more);
    if (list->more)
        json_out_int(&out, "next_offset", list->skip + list->size);
    json_out_close(&out, '}');
    shopee_close(ask, &out);
}

void shopee_item_list(struct shopee_ask *ask)
{
    struct item_filter f;
    struct list list = {.kind = KIND_PRODUCT,
                        .shop = (uint32_t)ask->shop,
                        .passes = item_passes,
                        .filter = &f,
                        .after_time = -1};

    if (!shopee_int(ask, "offset", false, 0, INT32_MAX, &list.skip) ||
        !shopee_int(ask, "page_size", false, 1, 100, &list.size) || !statuses_read(ask, &f.statuses) ||
        !shopee_window(ask, "update_time_from", "update_time_to", 0, &f.from, &f.to,
                       "error_update_time_range"))
        return;
    if (list.skip > OFFSET_MAX) {
        shopee_error(ask, "error_param", "get items offset over limit");
        return;
    }
    count_about(ask->sim, ask->call->number, ask->shop, 0, "");
    if (shopee_faults(ask))
        return;
    list_page(ask->sim, &list);
    item_list_write(ask, &list);
}

void shopee_item_base(struct shopee_ask *ask)
{
    char id[SHOPEE_IDS_MAX][SHOPEE_ID_TEXT];
    uint32_t count, revision;
    bool tax, complaint;
    struct json_out out;

    if (!shopee_ids(ask, "item_id_list", id, &count) || !shopee_flag(ask, "need_tax_info", &tax) ||
        !shopee_flag(ask, "need_complaint_policy", &complaint))
        return;
    count_about(ask->sim, ask->call->number, ask->shop, 0, id[0]);
    if (shopee_faults(ask))
        return;
    shopee_open_response(ask, &out, NULL);
    json_out_open(&out, "item_list", '[');
    for (uint32_t i = 0; i < count; i++) {
        struct entity *e = shopee_by_id(ask->sim, KIND_PRODUCT, id[i]);
        enum shopee_served served = shopee_serve(ask, e, &revision);

        if (served == SHOPEE_POISONED)
            return;
        if (served == SHOPEE_SERVED) {
            json_out_raw(&out, NULL, "");
            shopee_render_item(ask->sim, e, revision, tax, complaint, out.b);
        } else if (!shopee_left_out(ask, count, "error_item_not_found", "Product not found.")) {
            return;
        }
    }
    json_out_close(&out, ']');
    json_out_close(&out, '}');
    shopee_close(ask, &out);
}

void shopee_model_list(struct shopee_ask *ask)
{
    const char *id;
    struct entity *e;
    enum shopee_served served;
    uint32_t revision;
    struct json_out out;

    if (!shopee_text(ask, "item_id", &id))
        return;
    e = shopee_by_id(ask->sim, KIND_PRODUCT, id);
    count_about(ask->sim, ask->call->number, ask->shop, 0, id);
    if (shopee_faults(ask))
        return;
    served = shopee_serve(ask, e, &revision);
    if (served == SHOPEE_MISSING)
        shopee_error(ask, "error_item_not_found", "Product not found.");
    if (served != SHOPEE_SERVED)
        return;
    shopee_open(ask, &out);
    json_out_text(&out, "warning", "");
    json_out_raw(&out, "response", "");
    shopee_render_models(ask->sim, e, revision, out.b);
    shopee_close(ask, &out);
}
