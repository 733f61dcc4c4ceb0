/* transaction.c - worker, stage 5: the entity tables of all kinds of transactions, and the head they share.
 *
 * In:      a filled DTO of any kind.
 * Out:     its id, its kind, its state.
 * Fails:   never. A member missing here does not compile; one standing in another order than in its struct fails
 *          test_recipe.
 * Thread:  any. Pure but for a counter.
 * Why so:  a struct a kind and not one for all: a document's $unset names every field it lacks, and a wallet row should
 *          not have to name eighty amounts of orders. */
#include "worker/dto/transaction.h"

#include <string.h>

#include "common/json.h"
#include "worker/dto/recipe.h"

static const struct field transaction_revenue_fields[] = {
    FIELD(transaction_revenue, subtotal_before_discount_amount, MONEY, 0, NULL),
    FIELD(transaction_revenue, refund_subtotal_before_discount_amount, MONEY, 0, NULL),
    FIELD(transaction_revenue, seller_discount_amount, MONEY, 0, NULL),
    FIELD(transaction_revenue, seller_discount_refund_amount, MONEY, 0, NULL),
    FIELD(transaction_revenue, extra, AMOUNTS, 0, NULL),
};

ENTITY_TABLE(transaction_revenue);

static const struct field transaction_shipping_fields[] = {
    FIELD(transaction_shipping, actual_shipping_fee_amount, MONEY, 0, NULL),
    FIELD(transaction_shipping, shipping_fee_discount_amount, MONEY, 0, NULL),
    FIELD(transaction_shipping, customer_paid_shipping_fee_amount, MONEY, 0, NULL),
    FIELD(transaction_shipping, return_shipping_fee_amount, MONEY, 0, NULL),
    FIELD(transaction_shipping, extra, AMOUNTS, 0, NULL),
};

ENTITY_TABLE(transaction_shipping);

static const struct field transaction_fees_fields[] = {
    FIELD(transaction_fees, platform_commission_amount, MONEY, 0, NULL),
    FIELD(transaction_fees, transaction_fee_amount, MONEY, 0, NULL),
    FIELD(transaction_fees, affiliate_commission_amount, MONEY, 0, NULL),
    FIELD(transaction_fees, sfp_service_fee_amount, MONEY, 0, NULL),
    FIELD(transaction_fees, voucher_xtra_service_fee_amount, MONEY, 0, NULL),
    FIELD(transaction_fees, flash_sales_service_fee_amount, MONEY, 0, NULL),
    FIELD(transaction_fees, dynamic_commission_amount, MONEY, 0, NULL),
    FIELD(transaction_fees, vn_fix_infrastructure_fee, MONEY, 0, NULL),
    FIELD(transaction_fees, extra, AMOUNTS, 0, NULL),
};

ENTITY_TABLE(transaction_fees);

static const struct field transaction_taxes_fields[] = {
    FIELD(transaction_taxes, vat_amount, MONEY, 0, NULL),
    FIELD(transaction_taxes, pit_amount, MONEY, 0, NULL),
    FIELD(transaction_taxes, extra, AMOUNTS, 0, NULL),
};

ENTITY_TABLE(transaction_taxes);

static const struct field transaction_fee_tax_fields[] = {
    FIELD(transaction_fee_tax, fee, OBJECT, 0, &transaction_fees_entity),
    FIELD(transaction_fee_tax, tax, OBJECT, 0, &transaction_taxes_entity),
    FIELD(transaction_fee_tax, extra, AMOUNTS, 0, NULL),
};

ENTITY_TABLE(transaction_fee_tax);

static const struct field transaction_component_fields[] = {
    FIELD(transaction_component, extra, AMOUNTS, 0, NULL),
};

ENTITY_TABLE(transaction_component);

static const struct field transaction_money_fields[] = {
    FIELD(transaction_money, value, MONEY, 0, NULL),
    FIELD(transaction_money, currency, TEXT, 0, NULL),
    FIELD(transaction_money, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(transaction_money);

static const struct field transaction_sku_fields[] = {
    FIELD(transaction_sku, sku_id, ID, 0, NULL),
    FIELD(transaction_sku, sku_name, TEXT, 0, NULL),
    FIELD(transaction_sku, product_name, TEXT, 0, NULL),
    FIELD(transaction_sku, statement_id, ID, 0, NULL),
    FIELD(transaction_sku, quantity, COUNT, 0, NULL),
    FIELD(transaction_sku, settlement_amount, MONEY, 0, NULL),
    FIELD(transaction_sku, revenue_amount, MONEY, 0, NULL),
    FIELD(transaction_sku, shipping_cost_amount, MONEY, 0, NULL),
    FIELD(transaction_sku, fee_tax_amount, MONEY, 0, NULL),
    FIELD(transaction_sku, revenue_breakdown, OBJECT, 0, &transaction_revenue_entity),
    FIELD(transaction_sku, shipping_cost_breakdown, OBJECT, 0, &transaction_shipping_entity),
    FIELD(transaction_sku, fee_tax_breakdown, OBJECT, 0, &transaction_fee_tax_entity),
    FIELD(transaction_sku, supplementary_component, OBJECT, 0, &transaction_component_entity),
    FIELD(transaction_sku, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(transaction_sku);

static const struct field transaction_order_fields[] = {
    FIELD(transaction_order, transaction_id, ID, FIELD_KEY | FIELD_MADE, NULL),
    FIELD(transaction_order, transaction_kind, TEXT, FIELD_KEY | FIELD_MADE, NULL),
    FIELD(transaction_order, status, TEXT, FIELD_KEY, NULL),
    FIELD(transaction_order, state, TEXT, FIELD_KEY | FIELD_MADE, NULL),
    FIELD(transaction_order, order_id, ID, FIELD_REQUIRED | FIELD_KEY, NULL),
    FIELD(transaction_order, order_create_time, TIME, 0, NULL),
    FIELD(transaction_order, currency, TEXT, 0, NULL),
    FIELD(transaction_order, settlement_amount, MONEY, 0, NULL),
    FIELD(transaction_order, revenue_amount, MONEY, 0, NULL),
    FIELD(transaction_order, fee_and_tax_amount, MONEY, 0, NULL),
    FIELD(transaction_order, shipping_cost_amount, MONEY, 0, NULL),
    FIELD(transaction_order, total_count, COUNT, 0, NULL),
    FIELD(transaction_order, sku_transactions, LIST, 0, &transaction_sku_entity),
    FIELD(transaction_order, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(transaction_order);

static const struct field transaction_row_fields[] = {
    FIELD(transaction_row, transaction_id, ID, FIELD_REQUIRED | FIELD_KEY | FIELD_MADE, NULL),
    FIELD(transaction_row, transaction_kind, TEXT, FIELD_KEY | FIELD_MADE, NULL),
    FIELD(transaction_row, status, TEXT, FIELD_KEY, NULL),
    FIELD(transaction_row, state, TEXT, FIELD_KEY | FIELD_MADE, NULL),
    FIELD(transaction_row, statement_id, ID, FIELD_KEY, NULL),
    FIELD(transaction_row, order_id, ID_OR_ZERO, FIELD_KEY, NULL),
    FIELD(transaction_row, currency, TEXT, 0, NULL),
    FIELD(transaction_row, type, TEXT, 0, NULL),
    FIELD(transaction_row, order_create_time, TIME, 0, NULL),
    FIELD(transaction_row, adjustment_id, ID_OR_ZERO, 0, NULL),
    FIELD(transaction_row, adjustment_order_id, ID_OR_ZERO, 0, NULL),
    FIELD(transaction_row, associated_order_id, ID_OR_ZERO, 0, NULL),
    FIELD(transaction_row, reserve_id, ID_OR_ZERO, 0, NULL),
    FIELD(transaction_row, reserve_status, TEXT, 0, NULL),
    FIELD(transaction_row, estimated_release_time, TIME, 0, NULL),
    FIELD(transaction_row, settlement_amount, MONEY, 0, NULL),
    FIELD(transaction_row, revenue_amount, MONEY, 0, NULL),
    FIELD(transaction_row, shipping_cost_amount, MONEY, 0, NULL),
    FIELD(transaction_row, fee_tax_amount, MONEY, 0, NULL),
    FIELD(transaction_row, adjustment_amount, MONEY, 0, NULL),
    FIELD(transaction_row, reserve_amount, MONEY, 0, NULL),
    FIELD(transaction_row, revenue_breakdown, OBJECT, 0, &transaction_revenue_entity),
    FIELD(transaction_row, shipping_cost_breakdown, OBJECT, 0, &transaction_shipping_entity),
    FIELD(transaction_row, fee_tax_breakdown, OBJECT, 0, &transaction_fee_tax_entity),
    FIELD(transaction_row, supplementary_component, OBJECT, 0, &transaction_component_entity),
    FIELD(transaction_row, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(transaction_row);

static const struct field transaction_statement_fields[] = {
    FIELD(transaction_statement, transaction_id, ID, FIELD_KEY | FIELD_MADE, NULL),
    FIELD(transaction_statement, transaction_kind, TEXT, FIELD_KEY | FIELD_MADE, NULL),
    FIELD(transaction_statement, status, TEXT, FIELD_KEY, NULL),
    FIELD(transaction_statement, state, TEXT, FIELD_KEY | FIELD_MADE, NULL),
    FIELD(transaction_statement, statement_id, ID, FIELD_REQUIRED | FIELD_KEY, NULL),
    FIELD(transaction_statement, statement_time, TIME, 0, NULL),
    FIELD(transaction_statement, payment_id, ID_OR_ZERO, 0, NULL),
    FIELD(transaction_statement, payment_time, TIME, 0, NULL),
    FIELD(transaction_statement, currency, TEXT, 0, NULL),
    FIELD(transaction_statement, settlement_amount, MONEY, 0, NULL),
    FIELD(transaction_statement, revenue_amount, MONEY, 0, NULL),
    FIELD(transaction_statement, fee_amount, MONEY, 0, NULL),
    FIELD(transaction_statement, adjustment_amount, MONEY, 0, NULL),
    FIELD(transaction_statement, net_sales_amount, MONEY, 0, NULL),
    FIELD(transaction_statement, shipping_cost_amount, MONEY, 0, NULL),
    FIELD(transaction_statement, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(transaction_statement);

static const struct field transaction_settlement_total_fields[] = {
    FIELD(transaction_settlement_total, total_revenue_amount, MONEY, 0, NULL),
    FIELD(transaction_settlement_total, total_shipping_cost_amount, MONEY, 0, NULL),
    FIELD(transaction_settlement_total, total_fee_tax_amount, MONEY, 0, NULL),
    FIELD(transaction_settlement_total, total_adjustment_amount, MONEY, 0, NULL),
    FIELD(transaction_settlement_total, extra, AMOUNTS, 0, NULL),
};

ENTITY_TABLE(transaction_settlement_total);

static const struct field transaction_settlement_fields[] = {
    FIELD(transaction_settlement, transaction_id, ID, FIELD_KEY | FIELD_MADE, NULL),
    FIELD(transaction_settlement, transaction_kind, TEXT, FIELD_KEY | FIELD_MADE, NULL),
    FIELD(transaction_settlement, status, TEXT, FIELD_KEY, NULL),
    FIELD(transaction_settlement, state, TEXT, FIELD_KEY | FIELD_MADE, NULL),
    FIELD(transaction_settlement, statement_id, ID, FIELD_REQUIRED | FIELD_KEY, NULL),
    FIELD(transaction_settlement, create_time, TIME, 0, NULL),
    FIELD(transaction_settlement, currency, TEXT, 0, NULL),
    FIELD(transaction_settlement, payable_amount, MONEY, 0, NULL),
    FIELD(transaction_settlement, total_reserve_amount, MONEY, 0, NULL),
    FIELD(transaction_settlement, total_settlement_amount, MONEY, 0, NULL),
    FIELD(transaction_settlement, total_settlement_breakdown, OBJECT, 0,
          &transaction_settlement_total_entity),
    FIELD(transaction_settlement, total_count, COUNT, 0, NULL),
    FIELD(transaction_settlement, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(transaction_settlement);

static const struct field transaction_payment_fields[] = {
    FIELD(transaction_payment, transaction_id, ID, FIELD_KEY | FIELD_MADE, NULL),
    FIELD(transaction_payment, transaction_kind, TEXT, FIELD_KEY | FIELD_MADE, NULL),
    FIELD(transaction_payment, status, TEXT, FIELD_KEY, NULL),
    FIELD(transaction_payment, state, TEXT, FIELD_KEY | FIELD_MADE, NULL),
    FIELD(transaction_payment, payment_id, ID, FIELD_REQUIRED | FIELD_KEY, NULL),
    FIELD(transaction_payment, create_time, TIME, 0, NULL),
    FIELD(transaction_payment, paid_time, TIME, 0, NULL),
    FIELD(transaction_payment, exchange_rate, MONEY, 0, NULL),
    FIELD(transaction_payment, bank_account, ID, 0, NULL),
    FIELD(transaction_payment, amount, OBJECT, 0, &transaction_money_entity),
    FIELD(transaction_payment, settlement_amount, OBJECT, 0, &transaction_money_entity),
    FIELD(transaction_payment, reserve_amount, OBJECT, 0, &transaction_money_entity),
    FIELD(transaction_payment, payment_amount_before_exchange, OBJECT, 0, &transaction_money_entity),
    FIELD(transaction_payment, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(transaction_payment);

static const struct field transaction_withdrawal_fields[] = {
    FIELD(transaction_withdrawal, transaction_id, ID, FIELD_KEY | FIELD_MADE, NULL),
    FIELD(transaction_withdrawal, transaction_kind, TEXT, FIELD_KEY | FIELD_MADE, NULL),
    FIELD(transaction_withdrawal, status, TEXT, FIELD_KEY, NULL),
    FIELD(transaction_withdrawal, state, TEXT, FIELD_KEY | FIELD_MADE, NULL),
    FIELD(transaction_withdrawal, withdrawal_id, ID, FIELD_REQUIRED | FIELD_KEY, NULL),
    FIELD(transaction_withdrawal, type, TEXT, 0, NULL),
    FIELD(transaction_withdrawal, create_time, TIME, 0, NULL),
    FIELD(transaction_withdrawal, amount, MONEY, 0, NULL),
    FIELD(transaction_withdrawal, currency, TEXT, 0, NULL),
    FIELD(transaction_withdrawal, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(transaction_withdrawal);

static const struct field transaction_adjustment_fields[] = {
    FIELD(transaction_adjustment, amount, MONEY, 0, NULL),
    FIELD(transaction_adjustment, currency, TEXT, 0, NULL),
    FIELD(transaction_adjustment, date, TIME, 0, NULL),
    FIELD(transaction_adjustment, adjustment_reason, TEXT, 0, NULL),
    FIELD(transaction_adjustment, extra, AMOUNTS, 0, NULL),
};

ENTITY_TABLE(transaction_adjustment);

static const struct field transaction_item_fields[] = {
    FIELD(transaction_item, product_id, ID, 0, NULL),
    FIELD(transaction_item, sku_id, ID_OR_ZERO, 0, NULL),
    FIELD(transaction_item, line_item_id, ID, 0, NULL),
    FIELD(transaction_item, quantity, COUNT, 0, NULL),
    FIELD(transaction_item, item_sku, TEXT, 0, NULL),
    FIELD(transaction_item, seller_sku, TEXT, 0, NULL),
    FIELD(transaction_item, original_price, MONEY, 0, NULL),
    FIELD(transaction_item, selling_price, MONEY, 0, NULL),
    FIELD(transaction_item, discounted_price, MONEY, 0, NULL),
    FIELD(transaction_item, activity_id, ID_OR_ZERO, 0, NULL),
    FIELD(transaction_item, activity_type, TEXT, 0, NULL),
    FIELD(transaction_item, extra, AMOUNTS, 0, NULL),
};

ENTITY_TABLE(transaction_item);

static const struct field transaction_income_fields[] = {
    FIELD(transaction_income, escrow_amount, MONEY, 0, NULL),
    FIELD(transaction_income, escrow_amount_after_adjustment, MONEY, 0, NULL),
    FIELD(transaction_income, buyer_total_amount, MONEY, 0, NULL),
    FIELD(transaction_income, original_price, MONEY, 0, NULL),
    FIELD(transaction_income, seller_discount, MONEY, 0, NULL),
    FIELD(transaction_income, shopee_discount, MONEY, 0, NULL),
    FIELD(transaction_income, voucher_from_seller, MONEY, 0, NULL),
    FIELD(transaction_income, voucher_from_shopee, MONEY, 0, NULL),
    FIELD(transaction_income, coins, MONEY, 0, NULL),
    FIELD(transaction_income, buyer_paid_shipping_fee, MONEY, 0, NULL),
    FIELD(transaction_income, actual_shipping_fee, MONEY, 0, NULL),
    FIELD(transaction_income, final_shipping_fee, MONEY, 0, NULL),
    FIELD(transaction_income, shopee_shipping_rebate, MONEY, 0, NULL),
    FIELD(transaction_income, reverse_shipping_fee, MONEY, 0, NULL),
    FIELD(transaction_income, commission_fee, MONEY, 0, NULL),
    FIELD(transaction_income, service_fee, MONEY, 0, NULL),
    FIELD(transaction_income, seller_transaction_fee, MONEY, 0, NULL),
    FIELD(transaction_income, withholding_tax, MONEY, 0, NULL),
    FIELD(transaction_income, seller_return_refund, MONEY, 0, NULL),
    FIELD(transaction_income, exchange_rate, MONEY, 0, NULL),
    FIELD(transaction_income, pri_currency, TEXT, 0, NULL),
    FIELD(transaction_income, order_adjustment, LIST, 0, &transaction_adjustment_entity),
    FIELD(transaction_income, items, LIST, 0, &transaction_item_entity),
    FIELD(transaction_income, extra, AMOUNTS, 0, NULL),
};

ENTITY_TABLE(transaction_income);

static const struct field transaction_escrow_fields[] = {
    FIELD(transaction_escrow, transaction_id, ID, FIELD_KEY | FIELD_MADE, NULL),
    FIELD(transaction_escrow, transaction_kind, TEXT, FIELD_KEY | FIELD_MADE, NULL),
    FIELD(transaction_escrow, status, TEXT, FIELD_KEY, NULL),
    FIELD(transaction_escrow, state, TEXT, FIELD_KEY | FIELD_MADE, NULL),
    FIELD(transaction_escrow, order_id, ID, FIELD_REQUIRED | FIELD_KEY, NULL),
    FIELD(transaction_escrow, buyer_username, TEXT, 0, NULL),
    FIELD(transaction_escrow, return_order_sn_list, TEXTS, 0, NULL),
    FIELD(transaction_escrow, escrow_release_time, TIME, 0, NULL),
    FIELD(transaction_escrow, order_income, OBJECT, 0, &transaction_income_entity),
    FIELD(transaction_escrow, buyer_payment_info, OBJECT, 0, &transaction_component_entity),
    FIELD(transaction_escrow, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(transaction_escrow);

static const struct field transaction_payout_fields[] = {
    FIELD(transaction_payout, transaction_id, ID, FIELD_KEY | FIELD_MADE, NULL),
    FIELD(transaction_payout, transaction_kind, TEXT, FIELD_KEY | FIELD_MADE, NULL),
    FIELD(transaction_payout, status, TEXT, FIELD_KEY, NULL),
    FIELD(transaction_payout, state, TEXT, FIELD_KEY | FIELD_MADE, NULL),
    FIELD(transaction_payout, order_id, ID, FIELD_REQUIRED | FIELD_KEY, NULL),
    FIELD(transaction_payout, payout_amount, MONEY, 0, NULL),
    FIELD(transaction_payout, escrow_release_time, TIME, 0, NULL),
    FIELD(transaction_payout, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(transaction_payout);

static const struct field transaction_pay_order_fields[] = {
    FIELD(transaction_pay_order, order_id, ID, 0, NULL),
    FIELD(transaction_pay_order, shop_name, TEXT, 0, NULL),
    FIELD(transaction_pay_order, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(transaction_pay_order);

static const struct field transaction_wallet_fields[] = {
    FIELD(transaction_wallet, transaction_id, ID, FIELD_KEY | FIELD_MADE, NULL),
    FIELD(transaction_wallet, transaction_kind, TEXT, FIELD_KEY | FIELD_MADE, NULL),
    FIELD(transaction_wallet, status, TEXT, FIELD_KEY, NULL),
    FIELD(transaction_wallet, state, TEXT, FIELD_KEY | FIELD_MADE, NULL),
    FIELD(transaction_wallet, transaction_type, TEXT, FIELD_REQUIRED | FIELD_KEY, NULL),
    FIELD(transaction_wallet, create_time, TIME, FIELD_REQUIRED, NULL),
    FIELD(transaction_wallet, order_id, ID, FIELD_KEY, NULL),
    FIELD(transaction_wallet, return_id, ID, 0, NULL),
    FIELD(transaction_wallet, withdrawal_id, ID_OR_ZERO, 0, NULL),
    FIELD(transaction_wallet, root_withdrawal_id, ID_OR_ZERO, 0, NULL),
    FIELD(transaction_wallet, withdrawal_type, TEXT, 0, NULL),
    FIELD(transaction_wallet, money_flow, TEXT, 0, NULL),
    FIELD(transaction_wallet, amount, MONEY, 0, NULL),
    FIELD(transaction_wallet, current_balance, MONEY, 0, NULL),
    FIELD(transaction_wallet, transaction_fee, MONEY, 0, NULL),
    FIELD(transaction_wallet, buyer_name, TEXT, 0, NULL),
    FIELD(transaction_wallet, reason, TEXT, 0, NULL),
    FIELD(transaction_wallet, description, TEXT, 0, NULL),
    FIELD(transaction_wallet, pay_order_list, LIST, 0, &transaction_pay_order_entity),
    FIELD(transaction_wallet, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(transaction_wallet);

static const struct field transaction_release_fields[] = {
    FIELD(transaction_release, transaction_id, ID, FIELD_KEY | FIELD_MADE, NULL),
    FIELD(transaction_release, transaction_kind, TEXT, FIELD_KEY | FIELD_MADE, NULL),
    FIELD(transaction_release, status, TEXT, FIELD_KEY, NULL),
    FIELD(transaction_release, state, TEXT, FIELD_KEY | FIELD_MADE, NULL),
    FIELD(transaction_release, order_id, ID, FIELD_REQUIRED | FIELD_KEY, NULL),
    FIELD(transaction_release, currency, TEXT, 0, NULL),
    FIELD(transaction_release, payment_method_name, TEXT, 0, NULL),
    FIELD(transaction_release, released_amount, MONEY, 0, NULL),
    FIELD(transaction_release, estimated_escrow_amount, MONEY, 0, NULL),
    FIELD(transaction_release, actual_payout_time, TIME, 0, NULL),
    FIELD(transaction_release, estimated_payout_time, TIME, 0, NULL),
    FIELD(transaction_release, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(transaction_release);
/* --- the head -------------------------------------------------------------------------------------- */

/* The first members of every kind, in this order. */
enum { HEAD_ID, HEAD_KIND, HEAD_STATUS, HEAD_STATE };

/* Words of all platforms: none of them means two things. */
static const struct recipe_state states[] = {
    {"COMPLETED", "settled"}, {"FAILED", "failed"},         {"INITIAL", "pending"}, {"PAID", "paid"},
    {"PENDING", "pending"},   {"PROCESSING", "processing"}, {"RELEASED", "paid"},   {"SETTLED", "settled"},
    {"SUCCESS", "paid"},      {"TO_RELEASE", "pending"},
};

void transaction_finish(void *dto, const char *kind, const struct dto_context *context)
{
    struct field_text *head = dto;

    recipe_set_entity_id(&head[HEAD_ID], context);
    head[HEAD_KIND] = (struct field_text){FIELD_HELD, strlen(kind), kind};
    if (head[HEAD_STATUS].state == FIELD_HELD)
        recipe_set_state(&head[HEAD_STATE], &head[HEAD_STATUS], states, sizeof states / sizeof *states);
}

/* --- ids of rows ----------------------------------------------------------------------------------- */

static bool add_text(struct json_text text, struct strbuf *to)
{
    if (text.length == 0 || memchr(text.data, '\0', text.length))
        return false;
    strbuf_add(to, text.data, text.length);
    return true;
}

bool transaction_add_id(yyjson_val *row, const char *key, struct strbuf *to)
{
    struct json_text text;

    return json_get_id(row, key, &text) == JSON_GOT && add_text(text, to);
}

bool transaction_add_part(yyjson_val *row, const char *key, struct strbuf *to)
{
    struct json_text text;

    return json_scalar_text(yyjson_obj_get(row, key), &text) && add_text(text, to);
}
