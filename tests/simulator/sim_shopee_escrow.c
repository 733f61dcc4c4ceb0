/* sim_shopee_escrow.c - settlements and wallet rows: see sim_shopee_render.h.
 *
 * Why so: a settlement has no update time and no history of its own; only its adjustments grow. Wallet rows are
 * never changed, so they follow from the order alone. */
#include <stdio.h>
#include <string.h>

#include "sim_shopee_parts.h"
#include "sim_shopee_render.h"
#include "sim_state.h"

/* Amounts of a settlement that are simply drawn: name, thousands from … to. */
static const struct {
    const char *name;
    int64_t low, high;
} drawn[] = {
    {"seller_discount", 0, 20},
    {"shopee_discount", 0, 20},
    {"original_shopee_discount", 0, 20},
    {"voucher_from_seller", 0, 15},
    {"voucher_from_shopee", 0, 15},
    {"coins", 0, 5},
    {"buyer_paid_shipping_fee", 0, 40},
    {"buyer_transaction_fee", 0, 4},
    {"cross_border_tax", 0, 3},
    {"payment_promotion", 0, 3},
    {"actual_shipping_fee", 0, 50},
    {"estimated_shipping_fee", 0, 50},
    {"shopee_shipping_rebate", 0, 30},
    {"shipping_fee_discount_from_3pl", 0, 9},
    {"seller_shipping_discount", 0, 9},
    {"reverse_shipping_fee", 0, 20},
    {"commission_fee", 1, 30},
    {"service_fee", 1, 20},
    {"seller_transaction_fee", 1, 9},
    {"credit_card_transaction_fee", 0, 9},
    {"withholding_tax", 0, 9},
    {"seller_coin_cash_back", 0, 5},
    {"seller_lost_compensation", 0, 9},
    {"drc_adjustable_refund", 0, 9},
    {"campaign_fee", 0, 9},
    {"escrow_tax", 0, 5},
};

static int64_t sum_of(const struct view *v, bool original)
{
    int64_t sum = 0;

    for (unsigned n = 0; n < part_lines(v->entity); n++) {
        struct part_line line;

        part_line(v, v->entity, n, &line);
        sum += line.quantity * (original ? line.original : line.discounted);
    }
    return sum;
}

static int64_t drawn_amount(const struct view *v, const char *name)
{
    for (size_t i = 0; i < sizeof drawn / sizeof *drawn; i++) {
        if (strcmp(drawn[i].name, name) == 0)
            return part_amount(v, draw_of(v->d.base, 36, 0, 0), name, drawn[i].low, drawn[i].high);
    }
    return 0;
}

/* Before adjustments. */
static int64_t escrow_base(const struct view *v)
{
    return sum_of(v, false) - drawn_amount(v, "commission_fee") - drawn_amount(v, "service_fee") -
           drawn_amount(v, "seller_transaction_fee");
}

/* The nth adjustment, from 1: now for the seller, now against. */
static int64_t adjustment(const struct view *v, uint32_t n)
{
    int64_t amount = part_amount(v, draw_of(v->d.base, 37, n, 0), "adjustment", 1, 20);

    return n % 2 ? amount : -amount;
}

static int64_t after_adjustment(const struct view *v, uint32_t changes)
{
    int64_t amount = escrow_base(v);

    for (uint32_t n = 1; n <= changes; n++)
        amount += adjustment(v, n);
    return amount;
}

static void write_adjustments(struct view *v, uint32_t changes)
{
    const struct entity *settled = entity_ever(v->sim, KIND_TRANSACTION, v->entity->shop, v->entity->number);

    json_out_open(&v->out, "order_adjustment", '[');
    for (uint32_t n = 1; n <= changes; n++) {
        json_out_open(&v->out, NULL, '{');
        part_money(v, "amount", adjustment(v, n));
        json_out_int(&v->out, "date", settled->revs[n - 1].update_time);
        json_out_text(&v->out, "currency", v->currency);
        json_out_text(&v->out, "adjustment_reason", n % 2 ? "Bồi thường" : "Shipping fee adjustment");
        json_out_close(&v->out, '}');
    }
    json_out_close(&v->out, ']');
}

static void write_item(struct view *v, unsigned n)
{
    struct draw d = draw_of(v->d.base, 38, n, 0);
    struct part_line line;
    char text[64];

    part_line(v, v->entity, n, &line);
    json_out_open(&v->out, NULL, '{');
    json_out_int(&v->out, "item_id", line.item_id);
    json_out_text(&v->out, "item_name", line.item);
    part_text(v, d, "item_sku", line.sku);
    json_out_int(&v->out, "model_id", line.model_id);
    json_out_text(&v->out, "model_name", line.model);
    snprintf(text, sizeof text, "%s-%u", line.sku, n);
    part_text(v, d, "model_sku", text);
    json_out_int(&v->out, "line_item_id", line.line_item_id);
    json_out_int(&v->out, "quantity_purchased", line.quantity);
    part_money(v, "original_price", line.original * line.quantity);
    part_money(v, "selling_price", line.discounted * line.quantity);
    part_money(v, "discounted_price", line.discounted * line.quantity);
    json_out_int(&v->out, "activity_id", line.promotion_id);
    json_out_text(&v->out, "activity_type", line.promotion);
    part_flag(v, d, "is_main_item", draw_chance(d, "main", 50));
    json_out_close(&v->out, '}');
}

/* Cross-border shops (of these, the Singapore ones) are paid in another currency as well. */
static void write_cross_border(struct view *v, uint32_t changes)
{
    if (strcmp(v->region, "SG") != 0)
        return;
    json_out_raw(&v->out, "exchange_rate", "1.3465");
    json_out_text(&v->out, "pri_currency", "USD");
    part_money(v, "escrow_amount_pri", after_adjustment(v, changes) * 3 / 4);
    part_money(v, "buyer_total_amount_pri", sum_of(v, false) * 3 / 4);
    part_money(v, "original_price_pri", sum_of(v, true) * 3 / 4);
}

static void write_income(struct view *v, uint32_t changes)
{
    bool returned = entity_time_of(v->entity, v->revision, SHOPEE_TO_RETURN) != 0;

    json_out_open(&v->out, "order_income", '{');
    part_money(v, "escrow_amount", escrow_base(v));
    part_money(v, "escrow_amount_after_adjustment", after_adjustment(v, changes));
    part_money(v, "total_adjustment_amount", after_adjustment(v, changes) - escrow_base(v));
    part_money(v, "buyer_total_amount", sum_of(v, false) + drawn_amount(v, "buyer_paid_shipping_fee"));
    part_money(v, "original_price", sum_of(v, true));
    part_money(v, "cost_of_goods_sold", sum_of(v, false));
    part_money(v, "final_shipping_fee",
               drawn_amount(v, "shopee_shipping_rebate") - drawn_amount(v, "actual_shipping_fee"));
    part_money(v, "seller_return_refund", returned ? -sum_of(v, false) / 2 : 0);
    for (size_t i = 0; i < sizeof drawn / sizeof *drawn; i++)
        part_money(v, drawn[i].name, drawn_amount(v, drawn[i].name));
    part_text(v, v->d, "buyer_payment_method", "ShopeePay");
    part_int(v, v->d, "instalment_plan", 3);
    write_cross_border(v, changes);
    write_adjustments(v, changes);
    json_out_open(&v->out, "items", '[');
    for (unsigned n = 0; n < part_lines(v->entity); n++)
        write_item(v, n);
    json_out_close(&v->out, ']');
    json_out_close(&v->out, '}');
}

void shopee_render_escrow(const struct sim *sim, const struct entity *order, uint32_t changes, struct buf *to)
{
    const struct entity *ret = entity_get(sim, KIND_RETURN, order->shop, order->number);
    struct view v;
    char text[32];

    view_init(&v, sim, order, order->revisions, to);
    json_out_open(&v.out, NULL, '{');
    json_out_text(&v.out, "order_sn", order->id);
    part_buyer(order, text);
    json_out_text(&v.out, "buyer_user_name", text);
    json_out_open(&v.out, "return_order_sn_list", '[');
    if (ret)
        json_out_text(&v.out, NULL, ret->id);
    json_out_close(&v.out, ']');
    write_income(&v, changes);
    json_out_open(&v.out, "buyer_payment_info", '{');
    json_out_text(&v.out, "buyer_payment_method", "ShopeePay");
    part_money(&v, "merchant_subtotal", sum_of(&v, false));
    part_money(&v, "buyer_total_amount", sum_of(&v, false) + drawn_amount(&v, "buyer_paid_shipping_fee"));
    part_money(&v, "shipping_fee", drawn_amount(&v, "buyer_paid_shipping_fee"));
    part_money(&v, "shopee_voucher", -drawn_amount(&v, "voucher_from_shopee"));
    json_out_close(&v.out, '}');
    json_out_close(&v.out, '}');
}

int64_t shopee_escrow_amount(const struct sim *sim, const struct entity *order, uint32_t changes)
{
    struct view v;

    view_init(&v, sim, order, order->revisions, NULL);
    return after_adjustment(&v, changes);
}

/* --- wallet ----------------------------------------------------------------------------------------------- */

/* Row 0: the settlement; then the adjustments; last, for every fifth order, a withdrawal. */
unsigned shopee_wallet_rows(const struct entity *order, uint32_t changes)
{
    return 1 + changes + draw_chance(order->draw, "withdrawal", 20);
}

static bool is_withdrawal(const struct sim *sim, const struct entity *order, unsigned row)
{
    const struct entity *settled = entity_ever(sim, KIND_TRANSACTION, order->shop, order->number);

    return row > (settled ? settled->revisions : 0);
}

int64_t shopee_wallet_time(const struct sim *sim, const struct entity *order, unsigned row)
{
    const struct entity *settled = entity_ever(sim, KIND_TRANSACTION, order->shop, order->number);

    if (row == 0 || is_withdrawal(sim, order, row))
        return shopee_release_time(order, order->revisions) + (row ? 30 : 0);
    return settled->revs[row - 1].update_time;
}

const char *shopee_wallet_type(const struct sim *sim, const struct entity *order, unsigned row)
{
    return row == 0                         ? "ESCROW_VERIFIED_ADD"
           : is_withdrawal(sim, order, row) ? "WITHDRAWAL_CREATED"
           : row % 2                        ? "ADJUSTMENT_ADD"
                                            : "ADJUSTMENT_MINUS";
}

const char *shopee_wallet_flow(const struct sim *sim, const struct entity *order, unsigned row)
{
    return row == 0 || (row % 2 && !is_withdrawal(sim, order, row)) ? "MONEY_IN" : "MONEY_OUT";
}

void shopee_render_wallet(const struct sim *sim, const struct entity *order, unsigned row, struct buf *to)
{
    bool withdrawal = is_withdrawal(sim, order, row);
    const struct entity *ret = entity_get(sim, KIND_RETURN, order->shop, order->number);
    struct draw d = draw_of(order->draw.base, 39, withdrawal ? 9999 : row, 0);
    /* Of returns that were there already: a row never changes. */
    bool about_return =
        ret && !withdrawal && row && ret->revs[0].update_time < shopee_wallet_time(sim, order, row);
    struct view v;
    char text[32];

    view_init(&v, sim, order, order->revisions, to);
    json_out_open(&v.out, NULL, '{');
    json_out_text(&v.out, "status", "COMPLETED");
    json_out_text(&v.out, "transaction_type", shopee_wallet_type(sim, order, row));
    part_money(&v, "amount",
               row == 0     ? escrow_base(&v)
               : withdrawal ? -part_amount(&v, d, "withdrawn", 50, 900)
                            : adjustment(&v, row));
    part_money(&v, "current_balance", part_amount(&v, d, "balance", 1000, 90000));
    json_out_int(&v.out, "create_time", shopee_wallet_time(sim, order, row));
    json_out_text(&v.out, "order_sn", withdrawal ? "" : order->id);
    json_out_text(&v.out, "refund_sn", about_return ? ret->id : "");
    json_out_text(&v.out, "withdrawal_type", withdrawal ? "MANUAL" : "");
    part_money(&v, "transaction_fee", withdrawal ? part_amount(&v, d, "fee", 1, 9) : 0);
    part_text(&v, d, "description", "Thu nhập từ đơn hàng");
    part_buyer(order, text);
    json_out_text(&v.out, "buyer_name", withdrawal ? "" : text);
    if (draw_chance(d, "pays_orders", 30)) {
        json_out_open(&v.out, "pay_order_list", '[');
        json_out_open(&v.out, NULL, '{');
        json_out_text(&v.out, "order_sn", order->id);
        json_out_text(&v.out, "shop_name", "Cửa hàng Mẫu");
        json_out_close(&v.out, '}');
        json_out_close(&v.out, ']');
    }
    json_out_int(&v.out, "withdrawal_id",
                 withdrawal ? 9000000000 + (int64_t)draw_below(d, "withdrawal_id", 1000000000) : 0);
    part_text(&v, d, "reason", "");
    json_out_int(&v.out, "root_withdrawal_id",
                 withdrawal ? 9000000000 + (int64_t)draw_below(d, "root_id", 1000000000) : 0);
    json_out_text(&v.out, "money_flow", shopee_wallet_flow(sim, order, row));
    json_out_close(&v.out, '}');
}
