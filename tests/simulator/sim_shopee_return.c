/* sim_shopee_return.c - returns: see sim_shopee_render.h.
 *
 * Why so: list and detail are two forms of one document; what they share is written once, and the flat status
 * words of the list are members of objects in the detail. */
#include <stdio.h>
#include <string.h>

#include "sim_shopee_parts.h"
#include "sim_shopee_render.h"
#include "sim_state.h"

#define DAY 86400

static const char *const reasons[] = {"NONRECEIPT",  "WRONG_ITEM",   "ITEM_DAMAGED", "ITEM_MISSING",
                                      "CHANGE_MIND", "PHYSICAL_DMG", "MUITAL_AGREE", "OTHER"};

const char *shopee_negotiation_status(const struct entity *ret, uint32_t revision)
{
    return ret->revs[revision - 1].status == SHOPEE_REQUESTED
               ? draw_chance(ret->draw, "negotiates", 50) ? "PENDING_RESPOND" : "PENDING_BUYER_RESPOND"
               : "TERMINATED";
}

const char *shopee_proof_status(const struct entity *ret, uint32_t revision)
{
    static const char *const words[] = {"NOT_NEEDED", "PENDING", "UPLOADED", "OVERDUE"};

    return words[shopee_steps(ret, revision, SHOPEE_STEP_PROOF) % 4];
}

const char *shopee_compensation_status(const struct entity *ret, uint32_t revision)
{
    static const char *const words[] = {"COMPENSATION_NOT_APPLICABLE", "COMPENSATION_REQUESTED",
                                        "COMPENSATION_APPROVED", "REJECTED"};

    return ret->revs[revision - 1].status < SHOPEE_ACCEPTED ? words[0]
                                                            : PICK(ret->draw, "compensation", words);
}

const char *shopee_reverse_status(const struct entity *ret, uint32_t revision)
{
    static const char *const words[] = {"LOGISTICS_NOT_STARTED", "LOGISTICS_PENDING_ARRANGE",
                                        "LOGISTICS_REQUEST_CREATED", "LOGISTICS_PICKUP_DONE",
                                        "LOGISTICS_DELIVERY_DONE"};

    return words[shopee_steps(ret, revision, SHOPEE_STEP_LOGISTICS) % 5];
}

const char *shopee_solution(const struct entity *ret, uint32_t revision)
{
    return shopee_steps(ret, revision, SHOPEE_STEP_SOLUTION) % 2 ? "REFUND" : "RETURN_REFUND";
}

static void write_item(struct view *v, const struct entity *order, unsigned n, bool detail)
{
    struct draw d = draw_of(v->d.base, 31, n, 0);
    struct part_line line;
    char text[64];

    part_line(v, order, n, &line);
    json_out_open(&v->out, NULL, '{');
    json_out_int(&v->out, "item_id", line.item_id);
    json_out_int(&v->out, "model_id", line.model_id);
    json_out_text(&v->out, "name", line.item);
    json_out_open(&v->out, "images", '[');
    if (draw_chance(d, "images", 60))
        json_out_text(&v->out, NULL, "https://cf.example.test/r-item");
    json_out_close(&v->out, ']');
    json_out_int(&v->out, "amount", line.quantity);
    part_money(v, "item_price", line.discounted);
    part_flag(v, d, "is_add_on_deal", strcmp(line.promotion, "add_on_deal") == 0);
    part_flag(v, d, "is_main_item", draw_chance(d, "main", 50));
    part_int(v, d, "add_on_deal_id", strcmp(line.promotion, "add_on_deal") == 0 ? line.promotion_id + 1 : 0);
    part_text(v, d, "item_sku", line.sku);
    snprintf(text, sizeof text, "%s-%u", line.sku, n);
    part_text(v, d, "variation_sku", line.model_id ? text : "");
    if (detail)
        part_money(v, "refund_amount", line.quantity * line.discounted);
    json_out_close(&v->out, '}');
}

static void write_texts(struct view *v, const char *key, const char *first, const char *second)
{
    json_out_open(&v->out, key, '[');
    if (part_shows(v->d, key)) {
        json_out_text(&v->out, NULL, first);
        json_out_text(&v->out, NULL, second);
    }
    json_out_close(&v->out, ']');
}

static void write_amounts(struct view *v, const struct entity *order, unsigned lines)
{
    int64_t refund = 0, before = 0;

    for (unsigned n = 0; n < lines; n++) {
        struct part_line line;

        part_line(v, order, n, &line);
        refund += line.quantity * line.discounted;
        before += line.quantity * line.original;
    }
    part_money(v, "refund_amount", refund);
    part_money(v, "amount_before_discount", before);
}

static void write_common(struct view *v, const struct entity *order)
{
    int64_t created = shopee_created(v->entity);
    char text[32];

    json_out_text(&v->out, "return_sn", v->entity->id);
    json_out_text(&v->out, "order_sn", order->id);
    json_out_text(&v->out, "status", shopee_status_word(KIND_RETURN, v->rev->status));
    json_out_text(&v->out, "reason", PICK(v->d, "reason", reasons));
    part_text(v, v->d, "text_reason", "nắp bị \"nứt\"");
    part_text(v, v->d, "reassessed_request_reason", "ITEM_DAMAGED");
    json_out_text(&v->out, "currency", v->currency);
    json_out_int(&v->out, "create_time", created);
    json_out_int(&v->out, "update_time", v->rev->update_time);
    json_out_int(&v->out, "due_date", created + 4 * DAY);
    part_int(v, v->d, "return_ship_due_date", created + 5 * DAY);
    part_int(v, v->d, "return_seller_due_date", created + 6 * DAY);
    snprintf(text, sizeof text, "RVN%09u", (unsigned)draw_below(v->d, "tracking", 1000000000));
    json_out_text(&v->out, "tracking_number",
                  shopee_steps(v->entity, v->revision, SHOPEE_STEP_LOGISTICS) ? text : "");
    json_out_text(&v->out, "return_refund_type", draw_chance(v->d, "type", 50) ? "RRBOC" : "RRAOC");
    part_text(v, v->d, "validation_type",
              draw_chance(v->d, "warehouse", 40) ? "warehouse_validation" : "seller_validation");
    json_out_bool(&v->out, "needs_logistics", draw_chance(v->d, "needs", 60));
    part_flag(v, v->d, "is_seller_arrange", draw_chance(v->d, "arrange", 40));
    part_flag(v, v->d, "is_shipping_proof_mandatory", draw_chance(v->d, "mandatory", 40));
    json_out_int(&v->out, "return_solution",
                 (int64_t)(shopee_steps(v->entity, v->revision, SHOPEE_STEP_SOLUTION) % 2));
    json_out_int(&v->out, "return_refund_request_type", (int64_t)draw_below(v->d, "request", 3));
    part_int(v, v->d, "is_arrived_at_warehouse", (int64_t)draw_below(v->d, "arrived", 3));
    write_texts(v, "image", "https://cf.example.test/r1", "https://cf.example.test/r2");
    write_texts(v, "dispute_reason", "SELLER_DISPUTE_1", "OTHER");
    write_texts(v, "dispute_text_reason", "không đúng", "xem ảnh");
}

static void write_user(struct view *v, const struct entity *order)
{
    char text[32];

    part_buyer(order, text);
    json_out_open(&v->out, "user", '{');
    json_out_text(&v->out, "username", text);
    part_text(v, v->d, "email", "****92@example.test");
    part_text(v, v->d, "portrait", "https://cf.example.test/p1");
    json_out_close(&v->out, '}');
}

static void write_follow_up(struct view *v, const struct entity *order)
{
    struct part_line line;

    if (!part_shows(v->d, "follow_up"))
        return;
    part_line(v, order, 0, &line);
    json_out_open(&v->out, "follow_up_action_list", '[');
    json_out_open(&v->out, NULL, '{');
    json_out_int(&v->out, "item_id", line.item_id);
    json_out_int(&v->out, "model_id", line.model_id);
    json_out_int(&v->out, "qty", line.quantity);
    json_out_text(&v->out, "current_status", "PENDING_INSPECTION");
    json_out_close(&v->out, '}');
    json_out_close(&v->out, ']');
}

static void write_negotiation(struct view *v)
{
    int64_t created = shopee_created(v->entity);

    json_out_open(&v->out, "negotiation", '{');
    json_out_text(&v->out, "negotiation_status", shopee_negotiation_status(v->entity, v->revision));
    json_out_text(&v->out, "latest_solution", shopee_solution(v->entity, v->revision));
    part_money(v, "latest_offer_amount", part_amount(v, v->d, "offer", 10, 200));
    part_text(v, v->d, "latest_offer_creator", "lan_tr92");
    part_int(v, v->d, "counter_limit", 2);
    part_int(v, v->d, "offer_due_date", created + 2 * DAY);
    json_out_close(&v->out, '}');
    json_out_open(&v->out, "seller_proof", '{');
    json_out_text(&v->out, "seller_proof_status", shopee_proof_status(v->entity, v->revision));
    part_int(v, v->d, "seller_evidence_deadline", created + 3 * DAY);
    json_out_close(&v->out, '}');
    json_out_open(&v->out, "seller_compensation", '{');
    json_out_text(&v->out, "seller_compensation_status", shopee_compensation_status(v->entity, v->revision));
    part_int(v, v->d, "seller_compensation_due_date", created + 9 * DAY);
    part_money(v, "compensation_amount", part_amount(v, v->d, "compensation_amount", 0, 50));
    json_out_close(&v->out, '}');
}

static void write_activity(struct view *v, const struct entity *order)
{
    struct part_line line;

    part_line(v, order, 0, &line);
    json_out_open(&v->out, "activity", '[');
    if (line.promotion_id) {
        json_out_open(&v->out, NULL, '{');
        json_out_int(&v->out, "activity_id", line.promotion_id);
        json_out_text(&v->out, "activity_type", line.promotion);
        json_out_text(&v->out, "original_price", "119000.00");
        json_out_text(&v->out, "discounted_price", "89000.50");
        json_out_open(&v->out, "items", '[');
        json_out_open(&v->out, NULL, '{');
        json_out_int(&v->out, "item_id", line.item_id);
        json_out_int(&v->out, "variation_id", line.model_id);
        json_out_int(&v->out, "quantity_purchased", line.quantity);
        json_out_close(&v->out, '}');
        json_out_close(&v->out, ']');
        json_out_close(&v->out, '}');
    }
    json_out_close(&v->out, ']');
}

static void write_detail(struct view *v, const struct entity *order)
{
    const char *reverse = shopee_reverse_status(v->entity, v->revision);

    write_negotiation(v);
    part_text(v, v->d, "logistics_status", reverse);
    json_out_text(&v->out, "reverse_logistics_status", reverse);
    part_text(v, v->d, "reverse_logistics_channel_name", "SPX Return");
    write_activity(v, order);
    part_address(v, "return_pickup_address", order, 0);
    json_out_open(&v->out, "return_address", '{');
    part_text(v, v->d, "whs_id", "VNWH01");
    json_out_close(&v->out, '}');
    json_out_open(&v->out, "buyer_videos", '[');
    if (draw_chance(v->d, "videos", 40)) {
        json_out_open(&v->out, NULL, '{');
        json_out_text(&v->out, "thumbnail_url", "https://cf.example.test/t1");
        json_out_text(&v->out, "video_url", "https://cf.example.test/v1");
        json_out_close(&v->out, '}');
    }
    json_out_close(&v->out, ']');
}

void shopee_render_return(const struct sim *sim, const struct entity *ret, uint32_t revision, bool detail,
                          struct buf *to)
{
    const struct entity *order = entity_ever(sim, KIND_ORDER, ret->shop, ret->number);
    unsigned lines = 1 + (unsigned)draw_below(ret->draw, "lines", part_lines(order));
    struct view v;

    view_init(&v, sim, ret, revision, to);
    json_out_open(&v.out, NULL, '{');
    write_common(&v, order);
    write_amounts(&v, order, lines);
    write_user(&v, order);
    json_out_open(&v.out, "item", '[');
    for (unsigned n = 0; n < lines; n++)
        write_item(&v, order, n, detail);
    json_out_close(&v.out, ']');
    write_follow_up(&v, order);
    if (detail) {
        write_detail(&v, order);
    } else {
        json_out_text(&v.out, "negotiation_status", shopee_negotiation_status(ret, revision));
        json_out_text(&v.out, "seller_proof_status", shopee_proof_status(ret, revision));
        json_out_text(&v.out, "seller_compensation_status", shopee_compensation_status(ret, revision));
    }
    json_out_close(&v.out, '}');
}
