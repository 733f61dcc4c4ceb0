/* sim_return.c - see sim_return.h. */
#include "sim_return.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_fault.h"
#include "sim_field.h"
#include "sim_http.h"
#include "sim_num.h"
#include "sim_page.h"
#include "sim_platform.h"
#include "sim_push.h"
#include "sim_render.h"
#include "sim_state.h"

enum return_status {
    RETURN_PENDING,
    RETURN_AWAITING_RESPONSE,
    RETURN_AWAITING_SHIP,
    RETURN_SHIPPED,
    RETURN_REJECT_PACKAGE,
    RETURN_SUCCESS,
    RETURN_COMPLETE,
    RETURN_REJECTED,
    RETURN_CANCEL,
    RETURN_CANCELLED, /* the other spelling of the same */
    RETURN_REPLACEMENT_PENDING,
    RETURN_REPLACEMENT_REJECT,
    RETURN_REPLACEMENT_REFUND,
    RETURN_REPLACEMENT_CANCEL,
    RETURN_REPLACEMENT_COMPLETE,
    RETURN_STATUSES
};

enum cancel_status { CANCEL_PENDING, CANCEL_SUCCESS, CANCEL_COMPLETE, CANCEL_CANCELLED, CANCEL_STATUSES };

static const char *const return_names[RETURN_STATUSES] = {"RETURN_OR_REFUND_REQUEST_PENDING",
                                                          "AWAITING_BUYER_RESPONSE",
                                                          "AWAITING_BUYER_SHIP",
                                                          "BUYER_SHIPPED_ITEM",
                                                          "REJECT_RECEIVE_PACKAGE",
                                                          "RETURN_OR_REFUND_REQUEST_SUCCESS",
                                                          "RETURN_OR_REFUND_REQUEST_COMPLETE",
                                                          "REFUND_OR_RETURN_REQUEST_REJECT",
                                                          "RETURN_OR_REFUND_REQUEST_CANCEL",
                                                          "RETURN_OR_REFUND__REQUEST_CANCELLED",
                                                          "REPLACEMENT_REQUEST_PENDING",
                                                          "REPLACEMENT_REQUEST_REJECT",
                                                          "REPLACEMENT_REQUEST_REFUND_SUCCESS",
                                                          "REPLACEMENT_REQUEST_CANCEL",
                                                          "REPLACEMENT_REQUEST_COMPLETE"};
static const char *const cancel_names[CANCEL_STATUSES] = {
    "CANCELLATION_REQUEST_PENDING", "CANCELLATION_REQUEST_SUCCESS", "CANCELLATION_REQUEST_COMPLETE",
    "CANCELLATION_REQUEST_CANCELLED"};
static const char *const return_types[] = {"REFUND", "RETURN_AND_REFUND", "REPLACEMENT"};
static const char *const cancel_types[] = {"CANCEL", "BUYER_CANCEL"};
static const char *const roles[] = {"BUYER", "SELLER", "OPERATOR", "SYSTEM"};

/* Everything the parts of one document share while it is written. */
struct view {
    const struct sim *sim;
    const struct entity *entity;
    const struct entity *order;
    const struct rev *rev;
    struct draw d;
    struct json_out out;
    struct order_facts facts;
    unsigned lines; /* of the order that are asked back: the first so many */
};

/* --- life ----------------------------------------------------------------------------------------------------- */

/* 0 REFUND, 1 RETURN_AND_REFUND, 2 REPLACEMENT */
static unsigned type_of(const struct entity *entity)
{
    uint64_t dice = draw_below(entity->draw, "type", 100);

    return entity->kind == KIND_CANCELLATION ? dice < 60 : dice < 40 ? 0 : dice < 85 ? 1 : 2;
}

/* A cancellation's role: a BUYER_CANCEL is a buyer's, a CANCEL somebody else's. */
static const char *role_of(const struct entity *entity)
{
    uint64_t dice = draw_below(entity->draw, "role", 100);

    if (entity->kind == KIND_CANCELLATION)
        return type_of(entity) ? "BUYER" : dice < 50 ? "SELLER" : dice < 80 ? "SYSTEM" : "OPERATOR";
    return roles[dice < 80 ? 0 : dice % 4];
}

static enum return_status refused_status(struct draw d, enum return_status now)
{
    uint64_t dice = draw_below(d, "refused", 300);

    if (now == RETURN_REPLACEMENT_PENDING)
        return dice < 20   ? RETURN_REPLACEMENT_REJECT
               : dice < 40 ? RETURN_REPLACEMENT_REFUND
               : dice < 60 ? RETURN_REPLACEMENT_CANCEL
                           : RETURN_REPLACEMENT_COMPLETE;
    return dice < 20 ? RETURN_REJECTED : dice < 35 ? RETURN_CANCEL : dice < 50 ? RETURN_CANCELLED : now;
}

static enum return_status return_next(const struct entity *entity, enum return_status now)
{
    struct draw d = entity->draw;

    switch (now) {
    case RETURN_PENDING:
        now = refused_status(d, now);
        if (now != RETURN_PENDING)
            return now;
        if (draw_chance(d, "proposal", 20))
            return RETURN_AWAITING_RESPONSE;
        return type_of(entity) == 1 ? RETURN_AWAITING_SHIP : RETURN_SUCCESS;
    case RETURN_AWAITING_RESPONSE:
        return type_of(entity) == 1 ? RETURN_AWAITING_SHIP : RETURN_SUCCESS;
    case RETURN_AWAITING_SHIP:
        return RETURN_SHIPPED;
    case RETURN_SHIPPED:
        return draw_chance(d, "refused_package", 20) ? RETURN_REJECT_PACKAGE : RETURN_SUCCESS;
    case RETURN_REJECT_PACKAGE:
        return RETURN_SUCCESS;
    case RETURN_SUCCESS:
        return RETURN_COMPLETE;
    case RETURN_REPLACEMENT_PENDING:
        return refused_status(d, now);
    default:
        return now;
    }
}

static enum cancel_status cancel_next(const struct entity *entity, enum cancel_status now)
{
    if (now == CANCEL_PENDING)
        return draw_chance(entity->draw, "withdrawn", 25) ? CANCEL_CANCELLED : CANCEL_SUCCESS;
    return now == CANCEL_SUCCESS ? CANCEL_COMPLETE : now;
}

static struct entity *return_new(struct sim *sim, enum kind kind, uint32_t shop, uint32_t number)
{
    struct entity *entity = entity_new(sim, kind, shop, number);

    snprintf(entity->id, sizeof entity->id, "%d%05u%07u%03u", kind == KIND_RETURN ? 4035 : 4036, shop, number,
             (unsigned)draw_below(entity->draw, "check", 1000));
    return entity;
}

struct entity *return_change(struct sim *sim, enum kind kind, uint32_t shop, uint32_t number,
                             const struct change *change)
{
    struct entity *entity = entity_ever(sim, kind, shop, number);
    struct rev *rev;
    uint8_t before;
    int64_t at;

    if (!entity)
        entity = return_new(sim, kind, shop, number);
    at = entity_change_time(sim, entity, change);
    rev = entity_append(sim, entity);
    rev->update_time = at;
    before = rev->status;
    if (entity->revisions == 1)
        rev->status = kind == KIND_RETURN && type_of(entity) == 2 ? RETURN_REPLACEMENT_PENDING : 0;
    else if (kind == KIND_RETURN)
        rev->status = (uint8_t)return_next(entity, (enum return_status)before);
    else
        rev->status = (uint8_t)cancel_next(entity, (enum cancel_status)before);
    if (entity->revisions > 1 && rev->status == before)
        rev->note++;
    return entity;
}

const char *return_status_name(const struct entity *entity)
{
    uint8_t status = entity_last(entity)->status;

    return entity->kind == KIND_RETURN ? return_names[status] : cancel_names[status];
}

/* --- parts, keys in alphabetical order ------------------------------------------------------------------------ */

static void view_init(struct view *v, const struct sim *sim, const struct entity *entity, uint32_t revision,
                      struct buf *to)
{
    *v = (struct view){.sim = sim, .entity = entity, .d = entity->draw};
    v->rev = &entity->revs[revision - 1];
    v->order = entity_ever(sim, KIND_ORDER, entity->shop, entity->number);
    v->out = (struct json_out){.b = to, .ascii = draw_chance(v->d, "ascii", 7)};
    render_facts(sim, v->order, &v->facts);
    v->lines = 1 + (unsigned)draw_below(v->d, "lines", v->facts.lines);
}

static void write_refund(struct view *v, int64_t sum)
{
    int64_t shipping = draw_chance(v->d, "refund_shipping", 30) ? sum / 20 : 0;
    int64_t tax = draw_chance(v->d, "refund_tax", 25) ? sum / 12 : 0;
    int64_t service = draw_chance(v->d, "refund_service", 20) ? sum / 50 : 0;
    int64_t retail = draw_chance(v->d, "refund_retail", 15) ? 28 : 0;

    json_out_open(&v->out, "refund_amount", '{');
    if (service || draw_chance(v->d, "zero_service", 50))
        field_money(&v->out, "buyer_service_fee", service, v->facts.decimals);
    json_out_text(&v->out, "currency", v->facts.currency);
    field_money(&v->out, "refund_shipping_fee", shipping, v->facts.decimals);
    field_money(&v->out, "refund_subtotal", sum, v->facts.decimals);
    field_money(&v->out, "refund_tax", tax, v->facts.decimals);
    field_money(&v->out, "refund_total", sum + shipping + tax + service + retail, v->facts.decimals);
    if (retail)
        field_money(&v->out, "retail_delivery_fee", retail, v->facts.decimals);
    json_out_close(&v->out, '}');
}

static int64_t lines_sum(const struct view *v)
{
    int64_t sum = 0;

    for (unsigned i = 0; i < v->lines; i++)
        sum += v->facts.line[i].sale;
    return sum;
}

static void write_image(struct view *v)
{
    json_out_open(&v->out, "product_image", '{');
    json_out_int(&v->out, "height", 300);
    json_out_text(&v->out, "url", "https://img.example.test/r.jpeg?x=1&y=2");
    json_out_int(&v->out, "width", 300);
    json_out_close(&v->out, '}');
}

static void write_line(struct view *v, const char *what, unsigned index, bool sub);

/* Where the alphabet puts them. inner, parts: NULL when this line has none. */
static void write_line_ids(struct view *v, const char *key, const char *id, const char *inner,
                           const char *parts, unsigned index)
{
    json_out_text(&v->out, key, id);
    if (inner)
        json_out_text(&v->out, inner, id);
    if (!parts)
        return;
    json_out_open(&v->out, parts, '[');
    write_line(v, *parts == 'c' ? "cancel" : "return", index, true);
    json_out_close(&v->out, ']');
}

/* what: "return" or "cancel"; sub: a part of a bundle, with the same members under other names. */
static void write_line(struct view *v, const char *what, unsigned index, bool sub)
{
    const struct order_line *line = &v->facts.line[index];
    struct draw d = draw_of(v->d.base, 40, index, sub);
    bool cancel = *what == 'c', bundle = !sub && draw_chance(d, "bundle", 12);
    char key[48], inner[48], parts[48], id[24];

    snprintf(id, sizeof id, "%d%05u%07u%02u%d", cancel ? 4039 : 4038, v->entity->shop, v->entity->number,
             (index + 1) % 100, sub);
    snprintf(key, sizeof key, "%s_line_item_id", what);
    snprintf(inner, sizeof inner, "%s_sub_line_item_id", what);
    snprintf(parts, sizeof parts, "%s_sub_line_items", what);
    json_out_open(&v->out, NULL, '{');
    if (cancel)
        write_line_ids(v, key, id, sub ? inner : NULL, bundle ? parts : NULL, index);
    json_out_text(&v->out, "order_line_item_id", line->id);
    if (draw_chance(d, "image", 70))
        write_image(v);
    field_text(&v->out, d, "product_name", line->product_name);
    write_refund(v, sub ? line->sale / 2 : line->sale);
    if (!cancel)
        write_line_ids(v, key, id, sub ? inner : NULL, bundle ? parts : NULL, index);
    field_text(&v->out, d, "seller_sku", line->seller_sku);
    json_out_text(&v->out, "sku_id", line->sku_id);
    field_text(&v->out, d, "sku_name", line->sku_name);
    if (sub)
        json_out_text(&v->out, "sub_order_line_item_id", line->id);
    json_out_close(&v->out, '}');
}

static void write_lines(struct view *v, const char *key, const char *what)
{
    json_out_open(&v->out, key, '[');
    for (unsigned i = 0; i < v->lines; i++)
        write_line(v, what, i, false);
    json_out_close(&v->out, ']');
}

/* What the seller has to do next; nothing once it is over. */
static void write_action(struct view *v, const char *action)
{
    json_out_open(&v->out, "seller_next_action_response", '[');
    if (action) {
        json_out_open(&v->out, NULL, '{');
        json_out_text(&v->out, "action", action);
        json_out_int(&v->out, "deadline", v->rev->update_time + 2 * 86400);
        json_out_close(&v->out, '}');
    }
    json_out_close(&v->out, ']');
}

/* --- cancellations ---------------------------------------------------------------------------------------------- */

static void render_cancellation(struct view *v)
{
    json_out_open(&v->out, NULL, '{');
    json_out_text(&v->out, "cancel_id", v->entity->id);
    write_lines(v, "cancel_line_items", "cancel");
    json_out_text(&v->out, "cancel_reason", "ecom_order_to_ship_canceled_reason_no_need");
    field_text(&v->out, v->d, "cancel_reason_text", "Không còn nhu cầu \"mua\" nữa");
    json_out_text(&v->out, "cancel_status", cancel_names[v->rev->status]);
    json_out_text(&v->out, "cancel_type", cancel_types[type_of(v->entity)]);
    json_out_int(&v->out, "create_time", v->entity->revs[0].update_time);
    json_out_text(&v->out, "order_id", v->order->id);
    write_refund(v, lines_sum(v));
    json_out_text(&v->out, "role", role_of(v->entity));
    write_action(v, v->rev->status == CANCEL_PENDING && type_of(v->entity) ? "SELLER_RESPOND_CANCEL" : NULL);
    field_flag(&v->out, v->d, "should_replenish_stock", draw_chance(v->d, "replenish", 60));
    json_out_int(&v->out, "update_time", v->rev->update_time);
    json_out_close(&v->out, '}');
}

/* --- returns ------------------------------------------------------------------------------------------------------ */

static const char *return_action(const struct view *v)
{
    switch ((enum return_status)v->rev->status) {
    case RETURN_PENDING:
        return type_of(v->entity) ? "SELLER_RESPOND_RETURN" : "SELLER_RESPOND_REFUND";
    case RETURN_SHIPPED:
        return "SELLER_RESPOND_RECEIVE_PACKAGE";
    case RETURN_REPLACEMENT_PENDING:
        return "SELLER_RESPOND_REPLACEMENT";
    default:
        return NULL;
    }
}

static const char *arbitration_of(const struct entity *entity, const struct rev *rev)
{
    static const char *const states[] = {"IN_PROGRESS", "SUPPORT_BUYER", "SUPPORT_SELLER", "CLOSED"};

    if (!draw_chance(entity->draw, "arbitration", 30))
        return "";
    if (rev->note)
        return states[1 + rev->note % 3];
    return FIELD_PICK(entity->draw, "arbitration_state", states);
}

static void write_discounts(struct view *v)
{
    if (!draw_chance(v->d, "discounts", 40))
        return;
    json_out_open(&v->out, "discount_amount", '[');
    json_out_open(&v->out, NULL, '{');
    json_out_text(&v->out, "currency", v->facts.currency);
    field_money(&v->out, "product_platform_discount", 1100, v->facts.decimals);
    field_money(&v->out, "product_seller_discount", 2200, v->facts.decimals);
    field_money(&v->out, "shipping_fee_platform_discount", 300, v->facts.decimals);
    field_money(&v->out, "shipping_fee_seller_discount", 400, v->facts.decimals);
    json_out_close(&v->out, '}');
    json_out_close(&v->out, ']');
}

static void write_shipping_fees(struct view *v)
{
    if (!draw_chance(v->d, "shipping_fees", 40))
        return;
    json_out_open(&v->out, "shipping_fee_amount", '[');
    json_out_open(&v->out, NULL, '{');
    field_money(&v->out, "buyer_paid_return_shipping_fee", 100, v->facts.decimals);
    json_out_text(&v->out, "currency", v->facts.currency);
    field_money(&v->out, "platform_paid_return_shipping_fee", 200, v->facts.decimals);
    field_money(&v->out, "seller_paid_return_shipping_fee", 15000, v->facts.decimals);
    json_out_close(&v->out, '}');
    json_out_close(&v->out, ']');
}

/* Keys a to o. */
static void write_return_head(struct view *v)
{
    char id[24];
    bool combined = draw_chance(v->d, "combined", 10);

    field_text(&v->out, v->d, "arbitration_status", arbitration_of(v->entity, v->rev));
    field_flag(&v->out, v->d, "buyer_rejected_partial_refund", draw_chance(v->d, "partial_no", 12));
    field_flag(&v->out, v->d, "can_buyer_keep_item", draw_chance(v->d, "keep", 12));
    field_digits(v->d, "combined_id", "4037", id);
    json_out_text(&v->out, "combined_return_id", combined ? id : "0");
    json_out_int(&v->out, "create_time", v->entity->revs[0].update_time);
    write_discounts(v);
    field_text(&v->out, v->d, "handover_method", draw_chance(v->d, "handover", 50) ? "DROP_OFF" : "PICKUP");
    json_out_bool(&v->out, "is_combined_return", combined);
    field_flag(&v->out, v->d, "is_quick_refund", draw_chance(v->d, "quick", 15));
    field_digits(v->d, "next_id", "4035", id);
    if (v->rev->status == RETURN_CANCEL && draw_chance(v->d, "edited", 40))
        json_out_text(&v->out, "next_return_id", id);
    json_out_text(&v->out, "order_id", v->order->id);
}

/* Keys p to z. */
static void write_return_tail(struct view *v)
{
    static const char *const methods[] = {"SELLER_SHIPPED", "BUYER_SHIPPED", "PLATFORM_SHIPPED"};
    bool shipped =
        type_of(v->entity) == 1 && v->rev->status >= RETURN_SHIPPED && v->rev->status <= RETURN_COMPLETE;
    bool partial = v->rev->status == RETURN_AWAITING_RESPONSE || draw_chance(v->d, "partial", 10);
    char text[48];

    if (partial) {
        json_out_open(&v->out, "partial_refund", '{');
        field_money(&v->out, "amount", lines_sum(v) / 2 + 1, v->facts.decimals);
        json_out_text(&v->out, "currency", v->facts.currency);
        json_out_close(&v->out, '}');
    }
    field_digits(v->d, "pre_id", "4035", text);
    field_id(&v->out, v->d, "pre_return_id", draw_chance(v->d, "edit_of", 20) ? text : "0");
    write_refund(v, lines_sum(v));
    json_out_text(&v->out, "return_id", v->entity->id);
    write_lines(v, "return_line_items", "return");
    field_text(&v->out, v->d, "return_method", FIELD_PICK(v->d, "method", methods));
    field_id(&v->out, v->d, "return_provider_id", v->facts.carrier_id);
    field_text(&v->out, v->d, "return_provider_name", v->facts.carrier);
    json_out_text(&v->out, "return_reason", "ecom_order_delivered_refund_and_return_reason_damaged");
    field_text(&v->out, v->d, "return_reason_text", "Hàng bị lỗi\n(vỡ góc)");
    field_text(&v->out, v->d, "return_shipping_document_type", "SHIPPING_LABEL");
    json_out_text(&v->out, "return_status", return_names[v->rev->status]);
    snprintf(text, sizeof text, "VNRET%05u%07u", v->entity->shop, v->entity->number);
    json_out_text(&v->out, "return_tracking_number", shipped ? text : "");
    json_out_text(&v->out, "return_type", return_types[type_of(v->entity)]);
    if (draw_chance(v->d, "warehouse", 60)) {
        json_out_open(&v->out, "return_warehouse_address", '{');
        json_out_text(&v->out, "full_address", "Kho trả hàng, 12 Đường Mẫu, Quận 1, Thành phố Hồ Chí Minh");
        json_out_close(&v->out, '}');
    }
    json_out_text(&v->out, "role", role_of(v->entity));
    write_action(v, return_action(v));
    field_text(&v->out, v->d, "seller_proposed_return_type", partial ? "PARTIAL_REFUND" : "");
    field_text(&v->out, v->d, "shipment_type",
               draw_chance(v->d, "arranged", 30) ? "BUYER_ARRANGE" : "PLATFORM");
    write_shipping_fees(v);
    json_out_int(&v->out, "update_time", v->rev->update_time);
}

void return_render(const struct sim *sim, const struct entity *entity, uint32_t revision, struct buf *to)
{
    struct view v;

    view_init(&v, sim, entity, revision, to);
    if (entity->kind == KIND_CANCELLATION) {
        render_cancellation(&v);
        return;
    }
    json_out_open(&v.out, NULL, '{');
    write_return_head(&v);
    write_return_tail(&v);
    json_out_close(&v.out, '}');
}

/* --- pushes -------------------------------------------------------------------------------------------------------- */

void return_push(struct sim *sim, const struct entity *entity, struct buf *to)
{
    const struct entity *order = entity_ever(sim, KIND_ORDER, entity->shop, entity->number);
    const struct rev *rev = entity_last(entity);
    struct json_out out = {.b = to};

    push_open(sim, &out, entity->kind == KIND_RETURN ? 12 : 11, entity);
    if (entity->kind == KIND_CANCELLATION) {
        json_out_text(&out, "cancel_id", entity->id);
        json_out_text(&out, "cancel_status", cancel_names[rev->status]);
        json_out_text(&out, "cancellations_role", role_of(entity));
    }
    json_out_int(&out, "create_time", entity->revs[0].update_time);
    json_out_text(&out, "order_id", order->id);
    if (entity->kind == KIND_RETURN) {
        json_out_text(&out, "return_id", entity->id);
        json_out_text(&out, "return_role", role_of(entity));
        /* A proposal of the seller shows in the API only. */
        json_out_text(&out, "return_status",
                      return_names[rev->status == RETURN_AWAITING_RESPONSE ? RETURN_PENDING : rev->status]);
        json_out_text(&out, "return_type", return_types[type_of(entity)]);
    }
    if (entity->kind == KIND_RETURN || draw_chance(entity->draw, "push_update_time", 10))
        json_out_int(&out, "update_time", rev->update_time);
    push_close(&out);
}

/* --- searches ------------------------------------------------------------------------------------------------------ */

/* Both spellings of a withdrawn cancellation mean the same status. */
static bool status_listed(const struct entity *entity, const json_t *body)
{
    bool cancel = entity->kind == KIND_CANCELLATION;
    const char *key = cancel ? "cancel_status" : "return_status";

    if (filter_lists(body, key, return_status_name(entity)))
        return true;
    return cancel && entity_last(entity)->status == CANCEL_CANCELLED &&
           filter_lists(body, key, "CANCELLATION_REQUEST_CANCEL");
}

static bool entity_passes(const struct sim *sim, const struct entity *entity, const json_t *body)
{
    const struct entity *order = entity_ever(sim, KIND_ORDER, entity->shop, entity->number);
    bool cancel = entity->kind == KIND_CANCELLATION;
    const struct rev *rev = entity_last(entity);
    char user[24];

    render_user_id(order, user);
    return filter_lists(body, cancel ? "cancel_ids" : "return_ids", entity->id) &&
           filter_lists(body, "order_ids", order->id) && filter_lists(body, "buyer_user_ids", user) &&
           filter_lists(body, cancel ? "cancel_types" : "return_types",
                        (cancel ? cancel_types : return_types)[type_of(entity)]) &&
           status_listed(entity, body) &&
           (cancel || filter_lists(body, "arbitration_status", arbitration_of(entity, rev))) &&
           (cancel || filter_lists(body, "seller_proposed_return_type",
                                   rev->status == RETURN_AWAITING_RESPONSE ? "PARTIAL_REFUND" : "")) &&
           filter_spans(body, "create_time", entity->revs[0].update_time) &&
           filter_spans(body, "update_time", rev->update_time);
}

/* By return, cancellation or order id: its digits name shop and number. */
static struct entity *entity_named(struct sim *sim, enum kind kind, uint32_t shop, const char *id, bool order)
{
    int64_t index, number;

    if (strlen(id) != (order ? 18u : 19u) || !num_i64(id + (order ? 2 : 4), 5, 0, SIM_SHOPS_MAX, &index) ||
        !num_i64(id + (order ? 7 : 9), 7, 0, SIM_NUMBER_MAX, &number) || index != shop)
        return NULL;
    return entity_get(sim, kind, shop, (uint32_t)number);
}

static bool hit_new(const struct page_hit *hits, size_t count, const struct entity *entity)
{
    for (size_t i = 0; i < count; i++) {
        if (hits[i].item == entity)
            return false;
    }
    return true;
}

static void hit_add(struct sim *sim, const struct page *page, struct page_hit *hits, size_t *count,
                    struct entity *entity, const json_t *body)
{
    if (entity && entity_passes(sim, entity, body))
        hits[(*count)++] =
            (struct page_hit){page->sort ? entity_last(entity)->update_time : entity->revs[0].update_time,
                              entity->number, entity};
}

/* Searches by id look at those only: clients ask that way for every push, and a shop may have many. */
static struct page_hit *find_hits(struct sim *sim, enum kind kind, uint32_t shop, const struct page *page,
                                  const json_t *body, size_t *count)
{
    const struct store *store = &sim->shops[shop].of[kind];
    const json_t *ids = json_object_get(body, kind == KIND_RETURN ? "return_ids" : "cancel_ids"), *each;
    bool order = json_array_size(ids) == 0;
    struct page_hit *hits;
    size_t i;

    *count = 0;
    if (order)
        ids = json_object_get(body, "order_ids");
    if (json_array_size(ids) == 0) {
        hits = buf_alloc((store->count + 1) * sizeof *hits);
        for (uint32_t n = 0; n < store->slots; n++)
            hit_add(sim, page, hits, count, entity_get(sim, kind, shop, n), body);
        return hits;
    }
    hits = buf_alloc(json_array_size(ids) * sizeof *hits);
    json_array_foreach(ids, i, each)
    {
        struct entity *entity = entity_named(sim, kind, shop, json_string_value(each), order);

        if (hit_new(hits, *count, entity))
            hit_add(sim, page, hits, count, entity, body);
    }
    return hits;
}

static void search_page(struct sim *sim, enum kind kind, enum api api, uint32_t shop, const struct page *page,
                        const json_t *body, struct answer *answer)
{
    size_t count, at, to;
    struct page_hit *hits = find_hits(sim, kind, shop, page, body, &count);
    struct json_out out;
    bool ok = true;

    page_cut(page, hits, count, &at, &to);
    tiktok_open(answer, &out);
    json_out_open(&out, "data", '{');
    if (kind == KIND_RETURN)
        page_token(sim, page, hits, count, to, &out);
    json_out_open(&out, kind == KIND_RETURN ? "return_orders" : "cancellations", '[');
    for (; ok && at < to; at++)
        ok = tiktok_write_entity(sim, api, hits[at].item, NULL, &out, answer);
    if (ok) {
        json_out_close(&out, ']');
        if (kind == KIND_CANCELLATION)
            page_token(sim, page, hits, count, to, &out);
        json_out_int(&out, "total_count", (int64_t)count);
        json_out_close(&out, '}');
        tiktok_close(sim, &out, "Success");
    }
    free(hits);
}

/* Is one of these ids not of this shop (or of nothing)? */
static bool ids_foreign(struct sim *sim, enum kind kind, uint32_t shop, const json_t *ids)
{
    const json_t *each;
    size_t i;

    json_array_foreach(ids, i, each)
    {
        if (!entity_named(sim, kind, shop, json_string_value(each), false))
            return true;
    }
    return false;
}

static void search_any(struct sim *sim, const struct call *call, const struct caller *who, enum kind kind,
                       const struct page_rules *rules, const struct filter_rule *filters,
                       struct answer *answer)
{
    enum api api = kind == KIND_RETURN ? API_RETURN : API_CANCELLATION;
    struct page page;
    const char *bad = page_query(sim, call, rules, &page);
    const json_t *ids;
    json_t *body;
    bool order;

    if (bad) {
        tiktok_error(sim, answer, 400, 36009004, bad);
        return;
    }
    body = tiktok_filters(sim, call, filters, answer);
    if (!body)
        return;
    ids = json_object_get(body, kind == KIND_RETURN ? "return_ids" : "cancel_ids");
    order = json_array_size(ids) == 0;
    if (order)
        ids = json_object_get(body, "order_ids");
    count_about(sim, call->number, who->shop, (uint32_t)json_array_size(ids),
                json_array_size(ids) ? json_string_value(json_array_get(ids, 0)) : "");
    if (!order && sim->sw.foreign_ids_refused && ids_foreign(sim, kind, (uint32_t)who->shop, ids))
        tiktok_error(sim, answer, (int)sim->sw.business_error_status, 25020005, "Not of this shop");
    else if (!tiktok_faults(sim, api, who->shop, answer))
        search_page(sim, kind, api, (uint32_t)who->shop, &page, body, answer);
    json_decref(body);
}

#define FILTER_SPAN(name)                                                                                    \
    {name "_ge", FILTER_INT, 0, 0},                                                                          \
    {                                                                                                        \
        name "_lt", FILTER_INT, 0, 0                                                                         \
    }
#define FILTER_LIST(name)                                                                                    \
    {                                                                                                        \
        name, FILTER_TEXTS, 50, 0                                                                            \
    }

void return_search(struct sim *sim, const struct call *call, const struct caller *who, struct answer *answer)
{
    static const struct page_rules rules = {
        .low = 10, .high = 50, .fallback = 10, .sorts = {"create_time", "update_time"}};
    static const struct filter_rule filters[] = {FILTER_LIST("return_ids"),
                                                 FILTER_LIST("order_ids"),
                                                 FILTER_LIST("buyer_user_ids"),
                                                 FILTER_LIST("return_types"),
                                                 FILTER_LIST("return_status"),
                                                 FILTER_LIST("seller_proposed_return_type"),
                                                 FILTER_LIST("arbitration_status"),
                                                 FILTER_SPAN("create_time"),
                                                 FILTER_SPAN("update_time"),
                                                 {"locale", FILTER_TEXT, 0, 0},
                                                 {0}};

    search_any(sim, call, who, KIND_RETURN, &rules, filters, answer);
}

void cancellation_search(struct sim *sim, const struct call *call, const struct caller *who,
                         struct answer *answer)
{
    static const struct page_rules rules = {
        .low = 1, .high = 50, .fallback = 10, .sorts = {"create_time", "update_time"}};
    static const struct filter_rule filters[] = {
        FILTER_LIST("cancel_ids"),   FILTER_LIST("order_ids"),      FILTER_LIST("buyer_user_ids"),
        FILTER_LIST("cancel_types"), FILTER_LIST("cancel_status"),  FILTER_SPAN("create_time"),
        FILTER_SPAN("update_time"),  {"locale", FILTER_TEXT, 0, 0}, {0}};

    search_any(sim, call, who, KIND_CANCELLATION, &rules, filters, answer);
}
