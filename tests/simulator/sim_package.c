/* sim_package.c - see sim_package.h. */
#include "sim_package.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_buf.h"
#include "sim_fault.h"
#include "sim_field.h"
#include "sim_http.h"
#include "sim_num.h"
#include "sim_orders.h"
#include "sim_page.h"
#include "sim_platform.h"
#include "sim_push.h"
#include "sim_render.h"
#include "sim_state.h"

/* One package of an order while it is written. */
struct view {
    const struct sim *sim;
    const struct entity *order;
    const struct entity *tracking; /* NULL: it never changed by itself */
    struct order_facts facts;
    enum order_status stage; /* of the packages, in words of the order */
    int64_t packed;          /* second of AWAITING_COLLECTION */
    int64_t updated;
    unsigned index;
    struct draw d; /* of the package */
    struct json_out out;
};

/* --- life ----------------------------------------------------------------------------------------------------- */

static int64_t packed_time(const struct entity *order)
{
    return entity_time_of(order, order->revisions, ORDER_AWAITING_COLLECTION);
}

/* Packages that go their own way: collected with their second change, delivered with the sixth. */
static enum order_status own_stage(const struct entity *tracking)
{
    return !tracking || tracking->revisions < 2 ? ORDER_AWAITING_COLLECTION
           : tracking->revisions < 6            ? ORDER_IN_TRANSIT
                                                : ORDER_DELIVERED;
}

const char *package_change(struct sim *sim, uint32_t shop, uint32_t number, const struct change *change,
                           struct entity **out)
{
    struct entity *order = entity_ever(sim, KIND_ORDER, shop, number);
    struct entity *tracking = entity_ever(sim, KIND_TRACKING, shop, number);
    struct change pack = {.at = change->at};
    int64_t at;

    while (!packed_time(order)) {
        if (entity_last(order)->status == ORDER_CANCELLED)
            return "tracking: the order was cancelled before it was packed";
        orders_change(sim, shop, number, &pack);
    }
    if (!tracking) {
        tracking = entity_new(sim, KIND_TRACKING, shop, number);
        memcpy(tracking->id, order->id, sizeof tracking->id);
    }
    at = entity_change_time(sim, tracking, change);
    if (at < packed_time(order) && change->at < 0)
        at = packed_time(order);
    entity_append(sim, tracking)->update_time = at;
    *out = tracking;
    return NULL;
}

const char *package_status_name(const struct entity *tracking)
{
    return render_package_status(own_stage(tracking));
}

static bool view_init(struct view *v, const struct sim *sim, const struct entity *order, struct buf *to)
{
    int64_t changed;

    *v = (struct view){.sim = sim, .order = order, .packed = packed_time(order)};
    v->tracking = entity_get(sim, KIND_TRACKING, order->shop, order->number);
    if (!v->packed || (sim->sw.tracking_alone && !v->tracking))
        return false;
    v->stage =
        sim->sw.tracking_alone ? own_stage(v->tracking) : (enum order_status)entity_last(order)->status;
    changed = v->tracking ? entity_last(v->tracking)->update_time : 0;
    v->updated = sim->sw.tracking_alone ? v->packed : entity_last(order)->update_time;
    if (changed > v->updated)
        v->updated = changed;
    render_facts(sim, order, &v->facts);
    v->out = (struct json_out){.b = to, .ascii = draw_chance(order->draw, "ascii_packages", 7)};
    return true;
}

static void view_take(struct view *v, unsigned index)
{
    v->index = index;
    v->d = draw_of(v->order->draw.base, 50, index, 0);
}

/* --- parts, keys in alphabetical order -------------------------------------------------------------------------- */

static void write_address(struct view *v, const char *key, bool sender)
{
    struct draw d = draw_of(v->d.base, sender, 0, 51);
    const char *city = sender ? "Hà Nội" : "Thành phố Hồ Chí Minh";

    if (!draw_chance(d, "known", 80))
        return;
    json_out_open(&v->out, key, '{');
    json_out_text(&v->out, "address_detail", sender ? "Kho Mẫu, lô 7" : "12* Đường M***");
    field_text(&v->out, d, "address_line1", sender ? "Kho Mẫu, lô 7" : "12* Đường M***");
    field_text(&v->out, d, "address_line2", "Phường Mẫu");
    field_text(&v->out, d, "address_line3", "Quận Thử");
    field_text(&v->out, d, "address_line4", city);
    json_out_text(&v->out, "full_address", sender ? "Kho Mẫu, lô 7, Hà Nội" : "12* Đường M***, Hồ Chí Minh");
    json_out_text(&v->out, "name", sender ? "Kho Mẫu" : "N*** A***");
    json_out_text(&v->out, "phone_number", sender ? "(+84)241234567" : "(+84)90*****12");
    field_text(&v->out, d, "postal_code", "100000");
    json_out_text(&v->out, "region_code", "VN");
    json_out_close(&v->out, '}');
}

static void write_line_ids(struct view *v)
{
    json_out_open(&v->out, "order_line_item_ids", '[');
    for (unsigned i = 0; i < v->facts.lines; i++) {
        if (v->facts.line[i].package == v->index)
            json_out_text(&v->out, NULL, v->facts.line[i].id);
    }
    json_out_close(&v->out, ']');
}

static void write_orders(struct view *v)
{
    json_out_open(&v->out, "orders", '[');
    json_out_open(&v->out, NULL, '{');
    json_out_text(&v->out, "id", v->order->id);
    json_out_open(&v->out, "skus", '[');
    for (unsigned i = 0; i < v->facts.lines; i++) {
        const struct order_line *line = &v->facts.line[i];

        if (line->package != v->index)
            continue;
        json_out_open(&v->out, NULL, '{');
        json_out_text(&v->out, "id", line->sku_id);
        field_text(&v->out, v->d, "image_url", "https://img.example.test/s.jpeg?x=1");
        json_out_text(&v->out, "name", line->sku_name);
        json_out_int(&v->out, "quantity", 1);
        json_out_close(&v->out, '}');
    }
    json_out_close(&v->out, ']');
    json_out_close(&v->out, '}');
    json_out_close(&v->out, ']');
}

static void write_measures(struct view *v)
{
    bool imperial = draw_chance(v->d, "imperial", 15);

    if (!draw_chance(v->d, "measured", 75))
        return;
    json_out_open(&v->out, "dimension", '{');
    json_out_text(&v->out, "height", "10.5");
    json_out_text(&v->out, "length", "30");
    json_out_text(&v->out, "unit", imperial ? "INCH" : "CM");
    json_out_text(&v->out, "width", "20");
    json_out_close(&v->out, '}');
}

static void write_weight(struct view *v)
{
    if (!draw_chance(v->d, "weighed", 75))
        return;
    json_out_open(&v->out, "weight", '{');
    json_out_text(&v->out, "unit", draw_chance(v->d, "imperial", 15) ? "POUND" : "GRAM");
    json_out_text(&v->out, "value", "450.5");
    json_out_close(&v->out, '}');
}

static void write_insurance(struct view *v)
{
    if (!draw_chance(v->d, "insured", 25))
        return;
    json_out_open(&v->out, "insurance", '{');
    json_out_text(&v->out, "amount", "5000");
    json_out_text(&v->out, "currency", v->facts.currency);
    json_out_text(&v->out, "status", "INSURED");
    json_out_close(&v->out, '}');
}

static void write_pickup(struct view *v)
{
    if (!draw_chance(v->d, "pickup", 50))
        return;
    json_out_open(&v->out, "pickup_slot", '{');
    json_out_int(&v->out, "end_time", v->packed + 7200);
    json_out_int(&v->out, "start_time", v->packed + 3600);
    json_out_close(&v->out, '}');
}

static void write_carrier(struct view *v)
{
    field_id(&v->out, v->d, "shipping_provider_id", v->facts.carrier_id);
    field_text(&v->out, v->d, "shipping_provider_name", v->facts.carrier);
}

static const char *sub_status(const struct view *v)
{
    static const char *const early[] = {"CREATED", "STOCKING", "RTSING"};
    static const char *const middle[] = {"RTS_success", "HBW", "HBWING", "TTS"};

    if (draw_chance(v->d, "issue", 8))
        return "ISSUE";
    if (draw_chance(v->d, "exception", 12))
        return "Ship_exception";
    if (v->stage == ORDER_AWAITING_COLLECTION)
        return FIELD_PICK(v->d, "early", early);
    return v->stage == ORDER_IN_TRANSIT ? FIELD_PICK(v->d, "middle", middle) : "Delivery";
}

static void write_detail_head(struct view *v)
{
    char id[24];

    json_out_int(&v->out, "create_time", v->packed);
    field_digits(draw_of(v->index, 14, 0, 0), "delivery_option", "7091146", id);
    field_id(&v->out, v->d, "delivery_option_id", id);
    field_text(&v->out, v->d, "delivery_option_name", "Vận chuyển tiêu chuẩn");
    write_measures(v);
    field_text(&v->out, v->d, "handover_method", draw_chance(v->d, "drop_off", 40) ? "DROP_OFF" : "PICKUP");
    field_flag(&v->out, v->d, "has_multi_skus", v->facts.lines > v->facts.packages);
    write_insurance(v);
    field_text(&v->out, v->d, "last_mile_tracking_number", "LM0042\\7");
    field_text(&v->out, v->d, "note_tag", "NOTE");
    write_line_ids(v);
    write_orders(v);
    json_out_text(&v->out, "package_id", v->facts.package[v->index].id);
    json_out_text(&v->out, "package_status", render_package_status(v->stage));
    field_text(&v->out, v->d, "package_sub_status", sub_status(v));
}

static void write_detail(struct view *v)
{
    static const char *const exceptions[] = {"PACKAGE_DAMAGAED", "PACKAGE_LOST", "RETURNED_TO_SHIPPER",
                                             "PACKAGE_SCRAP"};

    json_out_open(&v->out, NULL, '{');
    write_detail_head(v);
    write_pickup(v);
    write_address(v, "recipient_address", false);
    write_address(v, "sender_address", true);
    if (draw_chance(v->d, "exception", 12))
        json_out_text(&v->out, "ship_exception_reason", FIELD_PICK(v->d, "reason", exceptions));
    write_carrier(v);
    json_out_text(&v->out, "shipping_type", render_shipping_type(v->order));
    json_out_text(&v->out, "split_and_combine_tag",
                  v->facts.packages > 1                    ? "SPLIT"
                  : draw_chance(v->d, "combined_with", 10) ? "COMBINE"
                                                           : "DEFAULT");
    json_out_text(&v->out, "tracking_number", v->facts.package[v->index].tracking);
    json_out_int(&v->out, "update_time", v->updated);
    write_weight(v);
    json_out_close(&v->out, '}');
}

static void write_listed(struct view *v)
{
    json_out_open(&v->out, NULL, '{');
    json_out_int(&v->out, "create_time", v->packed);
    json_out_text(&v->out, "id", v->facts.package[v->index].id);
    write_line_ids(v);
    write_orders(v);
    write_carrier(v);
    json_out_text(&v->out, "status", render_package_status(v->stage));
    json_out_text(&v->out, "tracking_number", v->facts.package[v->index].tracking);
    json_out_int(&v->out, "update_time", v->updated);
    json_out_close(&v->out, '}');
}

/* --- tracking ------------------------------------------------------------------------------------------------------ */

static void write_event(struct view *v, int64_t second, unsigned number, const char *text)
{
    struct draw d = draw_of(v->order->draw.base, 52, number, 0);

    json_out_open(&v->out, NULL, '{');
    if (draw_chance(d, "coded", 60))
        json_out_int(&v->out, "action_code", 100 + number);
    json_out_text(&v->out, "description", text);
    json_out_int(&v->out, "update_time_millis", second * 1000 + (int64_t)draw_below(d, "millis", 1000));
    json_out_close(&v->out, '}');
}

static void write_own_events(struct view *v)
{
    char text[96];

    for (uint32_t r = v->tracking ? v->tracking->revisions : 0; r > 0; r--) {
        snprintf(text, sizeof text, "Kiện hàng đến kho trung chuyển số %u 🚚", r);
        write_event(v, v->tracking->revs[r - 1].update_time, 10 + r, text);
    }
}

/* Newest first, roughly: the carrier's own events, then those that come with the order's status. */
static void write_events(struct view *v)
{
    static const struct {
        enum order_status status;
        const char *text;
    } steps[] = {{ORDER_DELIVERED, "Giao hàng thành công"},
                 {ORDER_IN_TRANSIT, "Đơn vị vận chuyển đã lấy hàng"},
                 {ORDER_AWAITING_COLLECTION, "Người bán đang chuẩn bị \"kiện hàng\""}};

    json_out_open(&v->out, "tracking", '[');
    write_own_events(v);
    for (unsigned i = 0; i < 3; i++) {
        int64_t at = entity_time_of(v->order, v->order->revisions, (uint8_t)steps[i].status);

        if (at && (i == 2 || !v->sim->sw.tracking_alone))
            write_event(v, at, i, steps[i].text);
    }
    json_out_close(&v->out, ']');
}

bool package_truth(struct sim *sim, uint32_t shop, uint32_t number, struct truth *out)
{
    struct entity *order = entity_get(sim, KIND_ORDER, shop, number);
    struct view v;

    if (!order || !view_init(&v, sim, order, out->body))
        return false;
    memcpy(out->id, order->id, sizeof out->id);
    out->revision = order->revisions + (v.tracking ? v.tracking->revisions : 0);
    json_out_open(&v.out, NULL, '{');
    json_out_raw(&v.out, "order", "");
    entity_json(sim, order, out->body);
    json_out_open(&v.out, "packages", '[');
    for (unsigned i = 0; i < v.facts.packages; i++) {
        view_take(&v, i);
        write_detail(&v);
    }
    json_out_close(&v.out, ']');
    write_events(&v);
    json_out_close(&v.out, '}');
    return true;
}

/* --- pushes ---------------------------------------------------------------------------------------------------------- */

void package_push(struct sim *sim, const struct entity *tracking, struct buf *to)
{
    static const char *const kinds[] = {"COMBINE",           "CANCEL_COMBINE",       "SPLIT",
                                        "CANCEL_SPLIT",      "ADDRESS_UPDATE_SPLIT", "CANCEL_FULFILL_SPLIT",
                                        "FULFILL_UNCOMBINE", "PARTLY_CANCEL_SPLIT",  "SPLIT_BY_SKU_CANCEL"};
    static const char *const roles[] = {"ROLE_USER", "ROLE_SELLER", "ROLE_OPERATOR", "ROLE_SYSTEM"};
    const struct entity *order = entity_ever(sim, KIND_ORDER, tracking->shop, tracking->number);
    struct draw d = draw_of(tracking->draw.base, tracking->revisions, 0, 53);
    struct json_out out = {.b = to};
    struct order_facts facts;

    render_facts(sim, order, &facts);
    push_open(sim, &out, 4, tracking);
    json_out_open(&out, "package_list", '[');
    for (unsigned i = 0; i < facts.packages; i++) {
        json_out_open(&out, NULL, '{');
        json_out_open(&out, "order_id_list", '[');
        json_out_text(&out, NULL, order->id);
        json_out_close(&out, ']');
        json_out_text(&out, "package_id", facts.package[i].id);
        json_out_close(&out, '}');
    }
    json_out_close(&out, ']');
    json_out_text(&out, "role_type", FIELD_PICK(d, "role", roles));
    json_out_text(&out, "sc_type", FIELD_PICK(d, "kind", kinds));
    json_out_int(&out, "update_time", entity_last(tracking)->update_time);
    push_close(&out);
}

/* --- calls ------------------------------------------------------------------------------------------------------------- */

/* The order a package id names, and which of its packages; NULL: no such package. */
static struct entity *order_of_package(struct sim *sim, uint32_t shop, const char *id, unsigned *index)
{
    int64_t owner, number, place;
    struct entity *order;
    struct order_facts facts;

    if (strlen(id) < 19 || !num_i64(id + 4, 5, 0, SIM_SHOPS_MAX, &owner) || owner != shop ||
        !num_i64(id + 9, 7, 0, SIM_NUMBER_MAX, &number) || !num_i64(id + 16, 1, 0, PACKAGES_MAX - 1, &place))
        return NULL;
    order = entity_get(sim, KIND_ORDER, shop, (uint32_t)number);
    if (!order)
        return NULL;
    render_facts(sim, order, &facts);
    *index = (unsigned)place;
    return *index < facts.packages && strcmp(facts.package[place].id, id) == 0 ? order : NULL;
}

/* Faults about the order a package or its tracking belongs to. True: go on and show it. */
static bool order_served(struct sim *sim, enum api api, const struct entity *order, struct answer *answer)
{
    uint32_t revision;
    enum serve serve = tiktok_entity_faults(sim, api, order, answer, &revision);

    if (serve == SERVE_LEAVE_OUT)
        tiktok_error(sim, answer, (int)sim->sw.business_error_status, 21011028, "Not of this shop");
    return serve == SERVE_IT;
}

void package_detail(struct sim *sim, const struct call *call, const struct caller *who, struct answer *answer)
{
    unsigned index;
    struct entity *order = order_of_package(sim, (uint32_t)who->shop, who->id, &index);
    struct view v;

    count_about(sim, call->number, who->shop, 1, who->id);
    if (tiktok_faults(sim, API_PACKAGE, who->shop, answer))
        return;
    if (!order || !view_init(&v, sim, order, &answer->body)) {
        tiktok_error(sim, answer, (int)sim->sw.business_error_status, 21011028, "The package is unknown");
        return;
    }
    if (!order_served(sim, API_PACKAGE, order, answer))
        return;
    view_take(&v, index);
    tiktok_open(answer, &v.out);
    json_out_raw(&v.out, "data", "");
    v.out.comma = false;
    write_detail(&v);
    tiktok_close(sim, &v.out, "Success");
}

void package_tracking(struct sim *sim, const struct call *call, const struct caller *who,
                      struct answer *answer)
{
    struct entity *order = orders_by_id(sim, who->id);
    struct json_out out;
    struct view v;

    count_about(sim, call->number, who->shop, 1, who->id);
    if (tiktok_faults(sim, API_TRACKING, who->shop, answer))
        return;
    if (!order || order->shop != who->shop) {
        tiktok_error(sim, answer, (int)sim->sw.business_error_status, 21011028, "The order is unknown");
        return;
    }
    if (!order_served(sim, API_TRACKING, order, answer))
        return;
    tiktok_open(answer, &out);
    json_out_open(&out, "data", '{');
    if (view_init(&v, sim, order, &answer->body)) {
        write_events(&v);
        out.comma = true;
    } else {
        json_out_raw(&out, "tracking", "[]");
    }
    json_out_close(&out, '}');
    tiktok_close(sim, &out, "Success");
}

enum { SORT_CREATE, SORT_UPDATE, SORT_PAY };

/* Adds the packages of one order that pass. */
static void list_order(struct sim *sim, struct entity *order, const struct page *page, const json_t *body,
                       struct page_hit *hits, size_t *count)
{
    struct view v;

    if (!order || !view_init(&v, sim, order, NULL) || !filter_spans(body, "create_time", v.packed) ||
        !filter_spans(body, "update_time", v.updated) ||
        !filter_equals(body, "package_status", render_package_status(v.stage)))
        return;
    for (unsigned i = 0; i < v.facts.packages; i++)
        hits[(*count)++] = (struct page_hit){page->sort == SORT_UPDATE ? v.updated
                                             : page->sort == SORT_PAY  ? v.facts.paid
                                                                       : v.packed,
                                             (int64_t)order->number * PACKAGES_MAX + i, order};
}

static void list_page(struct sim *sim, const struct page *page, struct page_hit *hits, size_t count,
                      struct answer *answer)
{
    struct json_out out;
    size_t at, to;
    struct view v;

    page_cut(page, hits, count, &at, &to);
    tiktok_open(answer, &out);
    json_out_open(&out, "data", '{');
    page_token(sim, page, hits, count, to, &out);
    json_out_open(&out, "packages", '[');
    for (; at < to; at++) {
        if (!view_init(&v, sim, hits[at].item, out.b))
            continue;
        view_take(&v, (unsigned)(hits[at].key % PACKAGES_MAX));
        v.out.comma = out.comma;
        write_listed(&v);
        out.comma = true;
    }
    json_out_close(&out, ']');
    json_out_int(&out, "total_count", (int64_t)count);
    json_out_close(&out, '}');
    tiktok_close(sim, &out, "Success");
}

void package_search(struct sim *sim, const struct call *call, const struct caller *who, struct answer *answer)
{
    static const struct page_rules rules = {
        .low = 1, .high = 50, .sorts = {"create_time", "update_time", "order_pay_time"}, .descending = true};
    static const struct filter_rule filters[] = {
        {"create_time_ge", FILTER_INT, 0, 0},  {"create_time_lt", FILTER_INT, 0, 0},
        {"update_time_ge", FILTER_INT, 0, 0},  {"update_time_lt", FILTER_INT, 0, 0},
        {"package_status", FILTER_TEXT, 0, 0}, {0}};
    const struct store *store = &sim->shops[who->shop].of[KIND_ORDER];
    struct page page;
    const char *bad = page_query(sim, call, &rules, &page);
    struct page_hit *hits;
    size_t count = 0;
    json_t *body;

    count_about(sim, call->number, who->shop, 0, "");
    if (bad) {
        tiktok_error(sim, answer, 400, 36009004, bad);
        return;
    }
    body = tiktok_filters(sim, call, filters, answer);
    if (!body)
        return;
    if (!tiktok_faults(sim, API_PACKAGE, who->shop, answer)) {
        hits = buf_alloc(((size_t)store->count * PACKAGES_MAX + 1) * sizeof *hits);
        for (uint32_t n = 0; n < store->slots; n++)
            list_order(sim, entity_get(sim, KIND_ORDER, (uint32_t)who->shop, n), &page, body, hits, &count);
        list_page(sim, &page, hits, count, answer);
        free(hits);
    }
    json_decref(body);
}
