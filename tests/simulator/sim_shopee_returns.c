/* sim_shopee_returns.c - Shopee's calls about returns.
 *
 * In:     a call that has passed the gateway. Out: its answer. */
#include <string.h>

#include "sim_http.h"
#include "sim_shopee.h"
#include "sim_shopee_list.h"
#include "sim_shopee_render.h"
#include "sim_shopee_state.h"
#include "sim_state.h"

#define WINDOW_MAX (15 * SHOPEE_DAY)

struct return_filter {
    int64_t created_from, created_to, updated_from, updated_to; /* -1: not asked for */
    const char *status, *negotiation, *proof, *compensation;    /* NULL: not asked for */
};

static bool word_passes(const char *wanted, const char *is)
{
    return !wanted || strcmp(wanted, is) == 0;
}

static bool return_passes(const struct sim *sim, const void *filter, const struct entity *e, int64_t *time)
{
    const struct return_filter *f = filter;
    int64_t created = shopee_created(e), updated = entity_last(e)->update_time;

    (void)sim;
    *time = f->updated_from >= 0 ? updated : created;
    return (f->created_from < 0 || (created >= f->created_from && created <= f->created_to)) &&
           (f->updated_from < 0 || (updated >= f->updated_from && updated <= f->updated_to)) &&
           word_passes(f->status, shopee_status(e)) &&
           word_passes(f->negotiation, shopee_negotiation_status(e, e->revisions)) &&
           word_passes(f->proof, shopee_proof_status(e, e->revisions)) &&
           word_passes(f->compensation, shopee_compensation_status(e, e->revisions));
}

static bool return_filter_read(struct shopee_ask *ask, struct return_filter *f)
{
    if (!shopee_window(ask, "create_time_from", "create_time_to", WINDOW_MAX, &f->created_from,
                       &f->created_to, "error_param") ||
        !shopee_window(ask, "update_time_from", "update_time_to", WINDOW_MAX, &f->updated_from,
                       &f->updated_to, "error_param"))
        return false;
    if (f->created_from >= 0 && f->updated_from >= 0 && f->updated_from < f->created_from) {
        shopee_error(ask, "error_param", "update_time_from is before create_time_from.");
        return false;
    }
    f->status = call_param(ask->call, "status");
    f->negotiation = call_param(ask->call, "negotiation_status");
    f->proof = call_param(ask->call, "seller_proof_status");
    f->compensation = call_param(ask->call, "seller_compensation_status");
    if (f->status && shopee_status_parse(KIND_RETURN, f->status) < 0) {
        shopee_error(ask, "error_param", "Invalid status.");
        return false;
    }
    return true;
}

void shopee_return_list(struct shopee_ask *ask)
{
    struct return_filter f = {0};
    struct list list = {.kind = KIND_RETURN,
                        .shop = (uint32_t)ask->shop,
                        .passes = return_passes,
                        .filter = &f,
                        .after_time = -1};
    struct json_out out;
    int64_t page;

    if (!shopee_int(ask, "page_no", false, 0, 100000, &page) ||
        !shopee_int(ask, "page_size", false, 1, 100, &list.size) || !return_filter_read(ask, &f))
        return;
    list.skip = page * list.size;
    count_about(ask->sim, ask->call->number, ask->shop, 0, "");
    if (shopee_faults(ask))
        return;
    list_page(ask->sim, &list);
    shopee_open_response(ask, &out, NULL);
    json_out_bool(&out, "more", list.more);
    json_out_open(&out, "return", '[');
    for (size_t i = 0; i < list.count; i++) {
        json_out_raw(&out, NULL, "");
        shopee_render_return(ask->sim, list.hit[i].entity, list.hit[i].entity->revisions, false, out.b);
    }
    json_out_close(&out, ']');
    json_out_close(&out, '}');
    shopee_close(ask, &out);
}

void shopee_return_detail(struct shopee_ask *ask)
{
    const char *sn;
    struct entity *e;
    enum shopee_served served;
    uint32_t revision;
    struct json_out out;

    if (!shopee_text(ask, "return_sn", &sn))
        return;
    e = shopee_by_id(ask->sim, KIND_RETURN, sn);
    count_about(ask->sim, ask->call->number, ask->shop, 0, sn);
    if (shopee_faults(ask))
        return;
    if (e && e->shop != ask->shop) {
        shopee_error(ask, "error_permission", "You don't have the permission to query this return.");
        return;
    }
    served = shopee_serve(ask, e, &revision);
    if (served == SHOPEE_MISSING)
        shopee_error(ask, "error_data", "The return you queried doesn't exist.");
    if (served != SHOPEE_SERVED)
        return;
    shopee_open(ask, &out);
    json_out_raw(&out, "response", "");
    if (revision == e->revisions)
        entity_json(ask->sim, e, out.b);
    else
        shopee_render_return(ask->sim, e, revision, true, out.b);
    shopee_close(ask, &out);
}
