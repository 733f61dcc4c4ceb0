/* return_shopee.c - worker, stage 5: how Shopee's returns map onto struct return_case.
 *
 * In:      the response of get_return_detail.
 * Out:     the recipe; recipe_document makes the document with it.
 * Fails:   never; constants and a few small functions.
 * Thread:  any.
 * Why so:  the platform names the currency once and the amounts everywhere; here amounts stand beside their currency.
 *          reverse_logistics_status is documented in two spellings. Rows are sorted by key (field.c). */
#include "worker/dto/return_shopee.h"

#include <string.h>

#include "worker/dto/recipe.h"

static const struct mapping_row shopee_user_rows[] = {
    MAP(return_user, "email", email, NULL),
    MAP(return_user, "portrait", portrait, NULL),
    MAP(return_user, "username", username, NULL),
};

MAPPING_TABLE(shopee_user, return_user);

static const struct mapping_row shopee_item_rows[] = {
    MAP(return_line, "add_on_deal_id", add_on_deal_id, NULL),
    MAP(return_line, "amount", quantity, NULL),
    MAP(return_line, "images", images, NULL),
    MAP(return_line, "is_add_on_deal", is_add_on_deal, NULL),
    MAP(return_line, "is_main_item", is_main_item, NULL),
    MAP(return_line, "item_id", product_id, NULL),
    MAP(return_line, "item_price", item_price, NULL),
    MAP(return_line, "item_sku", item_sku, NULL),
    MAP(return_line, "model_id", sku_id, NULL),
    MAP(return_line, "name", product_name, NULL),
    MAP_INTO(return_line, "refund_amount", refund_amount, return_amount, refund_total),
    MAP(return_line, "variation_sku", seller_sku, NULL),
};

MAPPING_TABLE(shopee_item, return_line);

static const struct mapping_row shopee_follow_up_rows[] = {
    MAP(return_follow_up, "current_status", current_status, NULL),
    MAP(return_follow_up, "item_id", product_id, NULL),
    MAP(return_follow_up, "model_id", sku_id, NULL),
    MAP(return_follow_up, "qty", quantity, NULL),
};

MAPPING_TABLE(shopee_follow_up, return_follow_up);

static const struct mapping_row shopee_negotiation_rows[] = {
    MAP(return_negotiation, "counter_limit", counter_limit, NULL),
    MAP(return_negotiation, "latest_offer_amount", latest_offer_amount, NULL),
    MAP(return_negotiation, "latest_offer_creator", latest_offer_creator, NULL),
    MAP(return_negotiation, "latest_solution", latest_solution, NULL),
    MAP(return_negotiation, "negotiation_status", negotiation_status, NULL),
    MAP(return_negotiation, "offer_due_date", offer_due_date, NULL),
};

MAPPING_TABLE(shopee_negotiation, return_negotiation);

static const struct mapping_row shopee_seller_proof_rows[] = {
    MAP(return_seller_proof, "seller_evidence_deadline", seller_evidence_deadline, NULL),
    MAP(return_seller_proof, "seller_proof_status", seller_proof_status, NULL),
};

MAPPING_TABLE(shopee_seller_proof, return_seller_proof);

static const struct mapping_row shopee_seller_compensation_rows[] = {
    MAP(return_seller_compensation, "compensation_amount", compensation_amount, NULL),
    MAP(return_seller_compensation, "seller_compensation_due_date", seller_compensation_due_date, NULL),
    MAP(return_seller_compensation, "seller_compensation_status", seller_compensation_status, NULL),
};

MAPPING_TABLE(shopee_seller_compensation, return_seller_compensation);

static const struct mapping_row shopee_activity_rows[] = {
    MAP(return_activity, "activity_id", activity_id, NULL),
    MAP(return_activity, "discounted_price", discounted_price, NULL),
    MAP(return_activity, "items", items, NULL),
    MAP(return_activity, "original_price", original_price, NULL),
};

MAPPING_TABLE(shopee_activity, return_activity);

static const struct mapping_row shopee_warehouse_rows[] = {
    MAP(return_warehouse, "whs_id", warehouse_id, NULL),
};

MAPPING_TABLE(shopee_warehouse, return_warehouse);

static const struct mapping_row return_shopee_rows[] = {
    MAP(return_case, "activity", activity, &shopee_activity),
    MAP_INTO(return_case, "amount_before_discount", refund_amount, return_amount, amount_before_discount),
    MAP(return_case, "buyer_videos", buyer_videos, NULL),
    MAP(return_case, "create_time", create_time, NULL),
    MAP_INTO(return_case, "currency", refund_amount, return_amount, currency),
    MAP(return_case, "dispute_reason", dispute_reason, NULL),
    MAP(return_case, "dispute_text_reason", dispute_text_reason, NULL),
    MAP(return_case, "due_date", due_date, NULL),
    MAP(return_case, "follow_up_action_list", follow_up_action_list, &shopee_follow_up),
    MAP(return_case, "image", image, NULL),
    MAP(return_case, "is_arrived_at_warehouse", is_arrived_at_warehouse, NULL),
    MAP(return_case, "is_seller_arrange", is_seller_arrange, NULL),
    MAP(return_case, "is_shipping_proof_mandatory", is_shipping_proof_mandatory, NULL),
    MAP(return_case, "item", line_items, &shopee_item),
    MAP(return_case, "logistics_status", logistics_status, NULL),
    MAP(return_case, "needs_logistics", needs_logistics, NULL),
    MAP(return_case, "negotiation", negotiation, &shopee_negotiation),
    MAP(return_case, "order_sn", order_id, NULL),
    MAP(return_case, "reason", reason, NULL),
    MAP(return_case, "reassessed_request_reason", reassessed_request_reason, NULL),
    MAP_INTO(return_case, "refund_amount", refund_amount, return_amount, refund_total),
    MAP(return_case, "return_address", return_warehouse_address, &shopee_warehouse),
    MAP(return_case, "return_pickup_address", return_pickup_address, NULL),
    MAP(return_case, "return_refund_request_type", return_refund_request_type, NULL),
    MAP(return_case, "return_refund_type", return_refund_type, NULL),
    MAP(return_case, "return_seller_due_date", return_seller_due_date, NULL),
    MAP(return_case, "return_ship_due_date", return_ship_due_date, NULL),
    MAP(return_case, "return_sn", return_id, NULL),
    MAP(return_case, "return_solution", return_solution, NULL),
    MAP(return_case, "reverse_logistic_status", reverse_logistics_status, NULL),
    MAP(return_case, "reverse_logistics_channel_name", shipping_provider_name, NULL),
    MAP(return_case, "reverse_logistics_status", reverse_logistics_status, NULL),
    MAP(return_case, "seller_compensation", seller_compensation, &shopee_seller_compensation),
    MAP(return_case, "seller_proof", seller_proof, &shopee_seller_proof),
    MAP(return_case, "status", status, NULL),
    MAP(return_case, "text_reason", reason_text, NULL),
    MAP(return_case, "tracking_number", tracking_number, NULL),
    MAP(return_case, "update_time", update_time, NULL),
    MAP(return_case, "user", user, &shopee_user),
    MAP(return_case, "validation_type", validation_type, NULL),
};

const struct mapping return_shopee_mapping = {&return_case_entity, return_shopee_rows,
                                              sizeof return_shopee_rows / sizeof *return_shopee_rows};
/* --- what tables cannot say ------------------------------------------------------------------------ */

static const struct recipe_state states[] = {
    {"ACCEPTED", "approved"},       {"CANCELLED", "cancelled"}, {"CLOSED", "completed"},
    {"JUDGING", "disputed"},        {"PROCESSING", "approved"}, {"REQUESTED", "requested"},
    {"SELLER_DISPUTE", "disputed"},
};

static void finish_line(struct return_line *line, const struct field_text *currency)
{
    struct return_amount *amount = line->refund_amount.part;

    line->currency = *currency;
    if (line->refund_amount.state == FIELD_HELD)
        amount->currency = *currency;
    if (line->sku_id.state == FIELD_ABSENT && line->seller_sku.state == FIELD_ABSENT)
        line->seller_sku = line->item_sku; /* without models the item's code is the only one */
}

static void finish_lines(struct return_case *c)
{
    const struct return_amount *amount = c->refund_amount.part;
    struct return_line *lines = c->line_items.items;
    struct field_text none = {FIELD_ABSENT, 0, NULL};

    for (size_t i = 0; i < c->line_items.count; i++)
        finish_line(&lines[i], amount && amount->currency.state == FIELD_HELD ? &amount->currency : &none);
}

/* 0 is return and refund, 1 is refund only; the word is said to occur too. */
static bool is_refund_only(const struct return_case *c)
{
    return recipe_is_word(&c->return_solution, "1") || recipe_is_word(&c->return_solution, "REFUND");
}

static void finish(void *dto, yyjson_val *json, const struct dto_context *context, struct arena *scratch,
                   struct field_problems *problems)
{
    struct return_case *c = dto;

    (void)json;
    (void)scratch;
    (void)problems;
    recipe_set_state(&c->state, &c->status, states, sizeof states / sizeof *states);
    recipe_set_word(&c->return_kind, is_refund_only(c) ? "refund" : "return");
    recipe_set_id(&c->return_id, context);
    finish_lines(c);
}

static int64_t update_ms(yyjson_val *json)
{
    return recipe_seconds_ms(json, "update_time");
}

const struct recipe recipe_return_shopee = {
    .platform = "shopee",
    .kind = ENTRY_RETURN,
    .collection = "returns",
    .id_prefix = "",
    .mapping = &return_shopee_mapping,
    .size = sizeof(struct return_case),
    .finish = finish,
    .update_ms = update_ms,
};
