/* transaction_tiktok.c - worker, stage 5: how TikTok Shop's finance answers map onto the structs of transaction.h.
 *
 * In:      order                  data of /finance/202501/orders/{order_id}/statement_transactions
 *          statement              one element of data.statements of /finance/202309/statements
 *          settlement             data of /finance/202501/statements/{id}/statement_transactions, first page, without
 *                                 `transactions` and `next_page_token`
 *          statement_transaction  one element of its data.transactions, to which the lister adds of that page
 *                                 "statement_id" (the page's id), "currency" and "status"
 *          payment, withdrawal    one element of data.payments, data.withdrawals
 * Out:     the recipes; recipe_document makes the documents with them.
 * Fails:   never; constants and small functions.
 * Thread:  any.
 * Why so:  these ids are numbers of five spaces that may overlap, so all but the commonest kind have a prefix. */
#include "common/json.h"
#include "worker/dto/recipe.h"
#include "worker/dto/transaction.h"

static const struct mapping_row tiktok_revenue_rows[] = {
    MAP(transaction_revenue, "refund_subtotal_before_discount_amount", refund_subtotal_before_discount_amount,
        NULL),
    MAP(transaction_revenue, "seller_discount_amount", seller_discount_amount, NULL),
    MAP(transaction_revenue, "seller_discount_refund_amount", seller_discount_refund_amount, NULL),
    MAP(transaction_revenue, "subtotal_before_discount_amount", subtotal_before_discount_amount, NULL),
};

MAPPING_TABLE(tiktok_revenue, transaction_revenue);

static const struct mapping_row tiktok_shipping_rows[] = {
    MAP(transaction_shipping, "actual_shipping_fee_amount", actual_shipping_fee_amount, NULL),
    MAP(transaction_shipping, "customer_paid_shipping_fee_amount", customer_paid_shipping_fee_amount, NULL),
    MAP(transaction_shipping, "return_shipping_fee_amount", return_shipping_fee_amount, NULL),
    MAP(transaction_shipping, "shipping_fee_discount_amount", shipping_fee_discount_amount, NULL),
};

MAPPING_TABLE(tiktok_shipping, transaction_shipping);

static const struct mapping_row tiktok_fees_rows[] = {
    MAP(transaction_fees, "affiliate_commission_amount", affiliate_commission_amount, NULL),
    MAP(transaction_fees, "dynamic_commission_amount", dynamic_commission_amount, NULL),
    MAP(transaction_fees, "flash_sales_service_fee_amount", flash_sales_service_fee_amount, NULL),
    MAP(transaction_fees, "platform_commission_amount", platform_commission_amount, NULL),
    MAP(transaction_fees, "sfp_service_fee_amount", sfp_service_fee_amount, NULL),
    MAP(transaction_fees, "transaction_fee_amount", transaction_fee_amount, NULL),
    MAP(transaction_fees, "vn_fix_infrastructure_fee", vn_fix_infrastructure_fee, NULL),
    MAP(transaction_fees, "voucher_xtra_service_fee_amount", voucher_xtra_service_fee_amount, NULL),
};

MAPPING_TABLE(tiktok_fees, transaction_fees);

static const struct mapping_row tiktok_taxes_rows[] = {
    MAP(transaction_taxes, "pit_amount", pit_amount, NULL),
    MAP(transaction_taxes, "vat_amount", vat_amount, NULL),
};

MAPPING_TABLE(tiktok_taxes, transaction_taxes);

static const struct mapping_row tiktok_fee_tax_rows[] = {
    MAP(transaction_fee_tax, "fee", fee, &tiktok_fees),
    MAP(transaction_fee_tax, "tax", tax, &tiktok_taxes),
};

MAPPING_TABLE(tiktok_fee_tax, transaction_fee_tax);

static const struct mapping_row tiktok_money_rows[] = {
    MAP(transaction_money, "currency", currency, NULL),
    MAP(transaction_money, "value", value, NULL),
};

MAPPING_TABLE(tiktok_money, transaction_money);

static const struct mapping tiktok_component = {&transaction_component_entity, NULL, 0};

static const struct mapping_row tiktok_sku_rows[] = {
    MAP(transaction_sku, "fee_tax_amount", fee_tax_amount, NULL),
    MAP(transaction_sku, "fee_tax_breakdown", fee_tax_breakdown, &tiktok_fee_tax),
    MAP(transaction_sku, "product_name", product_name, NULL),
    MAP(transaction_sku, "quantity", quantity, NULL),
    MAP(transaction_sku, "revenue_amount", revenue_amount, NULL),
    MAP(transaction_sku, "revenue_breakdown", revenue_breakdown, &tiktok_revenue),
    MAP(transaction_sku, "settlement_amount", settlement_amount, NULL),
    MAP(transaction_sku, "shipping_cost_amount", shipping_cost_amount, NULL),
    MAP(transaction_sku, "shipping_cost_breakdown", shipping_cost_breakdown, &tiktok_shipping),
    MAP(transaction_sku, "sku_id", sku_id, NULL),
    MAP(transaction_sku, "sku_name", sku_name, NULL),
    MAP(transaction_sku, "statement_id", statement_id, NULL),
    MAP(transaction_sku, "supplementary_component", supplementary_component, &tiktok_component),
};

MAPPING_TABLE(tiktok_sku, transaction_sku);

static const struct mapping_row tiktok_order_rows[] = {
    MAP(transaction_order, "currency", currency, NULL),
    MAP(transaction_order, "fee_and_tax_amount", fee_and_tax_amount, NULL),
    MAP(transaction_order, "order_create_time", order_create_time, NULL),
    MAP(transaction_order, "order_id", order_id, NULL),
    MAP(transaction_order, "revenue_amount", revenue_amount, NULL),
    MAP(transaction_order, "settlement_amount", settlement_amount, NULL),
    MAP(transaction_order, "shipping_cost_amount", shipping_cost_amount, NULL),
    MAP(transaction_order, "sku_transactions", sku_transactions, &tiktok_sku),
    MAP(transaction_order, "total_count", total_count, NULL),
};

MAPPING_TABLE(tiktok_order, transaction_order);

static const struct mapping_row tiktok_row_rows[] = {
    MAP(transaction_row, "adjustment_amount", adjustment_amount, NULL),
    MAP(transaction_row, "adjustment_id", adjustment_id, NULL),
    MAP(transaction_row, "adjustment_order_id", adjustment_order_id, NULL),
    MAP(transaction_row, "associated_order_id", associated_order_id, NULL),
    MAP(transaction_row, "currency", currency, NULL),
    MAP(transaction_row, "estimated_release_time", estimated_release_time, NULL),
    MAP(transaction_row, "fee_tax_amount", fee_tax_amount, NULL),
    MAP(transaction_row, "fee_tax_breakdown", fee_tax_breakdown, &tiktok_fee_tax),
    MAP(transaction_row, "id", transaction_id, NULL),
    MAP(transaction_row, "order_create_time", order_create_time, NULL),
    MAP(transaction_row, "order_id", order_id, NULL),
    MAP(transaction_row, "reserve_amount", reserve_amount, NULL),
    MAP(transaction_row, "reserve_id", reserve_id, NULL),
    MAP(transaction_row, "reserve_status", reserve_status, NULL),
    MAP(transaction_row, "revenue_amount", revenue_amount, NULL),
    MAP(transaction_row, "revenue_breakdown", revenue_breakdown, &tiktok_revenue),
    MAP(transaction_row, "settlement_amount", settlement_amount, NULL),
    MAP(transaction_row, "shipping_cost_amount", shipping_cost_amount, NULL),
    MAP(transaction_row, "shipping_cost_breakdown", shipping_cost_breakdown, &tiktok_shipping),
    MAP(transaction_row, "statement_id", statement_id, NULL),
    MAP(transaction_row, "status", status, NULL),
    MAP(transaction_row, "supplementary_component", supplementary_component, &tiktok_component),
    MAP(transaction_row, "type", type, NULL),
};

MAPPING_TABLE(tiktok_row, transaction_row);

static const struct mapping_row tiktok_statement_rows[] = {
    MAP(transaction_statement, "adjustment_amount", adjustment_amount, NULL),
    MAP(transaction_statement, "currency", currency, NULL),
    MAP(transaction_statement, "fee_amount", fee_amount, NULL),
    MAP(transaction_statement, "id", statement_id, NULL),
    MAP(transaction_statement, "net_sales_amount", net_sales_amount, NULL),
    MAP(transaction_statement, "payment_id", payment_id, NULL),
    MAP(transaction_statement, "payment_status", status, NULL),
    MAP(transaction_statement, "payment_time", payment_time, NULL),
    MAP(transaction_statement, "revenue_amount", revenue_amount, NULL),
    MAP(transaction_statement, "settlement_amount", settlement_amount, NULL),
    MAP(transaction_statement, "shipping_cost_amount", shipping_cost_amount, NULL),
    MAP(transaction_statement, "statement_time", statement_time, NULL),
};

MAPPING_TABLE(tiktok_statement, transaction_statement);

static const struct mapping_row tiktok_settlement_total_rows[] = {
    MAP(transaction_settlement_total, "total_adjustment_amount", total_adjustment_amount, NULL),
    MAP(transaction_settlement_total, "total_fee_tax_amount", total_fee_tax_amount, NULL),
    MAP(transaction_settlement_total, "total_revenue_amount", total_revenue_amount, NULL),
    MAP(transaction_settlement_total, "total_shipping_cost_amount", total_shipping_cost_amount, NULL),
};

MAPPING_TABLE(tiktok_settlement_total, transaction_settlement_total);

static const struct mapping_row tiktok_settlement_rows[] = {
    MAP(transaction_settlement, "create_time", create_time, NULL),
    MAP(transaction_settlement, "currency", currency, NULL),
    MAP(transaction_settlement, "id", statement_id, NULL),
    MAP(transaction_settlement, "payable_amount", payable_amount, NULL),
    MAP(transaction_settlement, "status", status, NULL),
    MAP(transaction_settlement, "total_count", total_count, NULL),
    MAP(transaction_settlement, "total_reserve_amount", total_reserve_amount, NULL),
    MAP(transaction_settlement, "total_settlement_amount", total_settlement_amount, NULL),
    MAP(transaction_settlement, "total_settlement_breakdown", total_settlement_breakdown,
        &tiktok_settlement_total),
};

MAPPING_TABLE(tiktok_settlement, transaction_settlement);

static const struct mapping_row tiktok_payment_rows[] = {
    MAP(transaction_payment, "amount", amount, &tiktok_money),
    MAP(transaction_payment, "bank_account", bank_account, NULL),
    MAP(transaction_payment, "create_time", create_time, NULL),
    MAP(transaction_payment, "exchange_rate", exchange_rate, NULL),
    MAP(transaction_payment, "id", payment_id, NULL),
    MAP(transaction_payment, "paid_time", paid_time, NULL),
    MAP(transaction_payment, "payment_amount_before_exchange", payment_amount_before_exchange, &tiktok_money),
    MAP(transaction_payment, "reserve_amount", reserve_amount, &tiktok_money),
    MAP(transaction_payment, "settlement_amount", settlement_amount, &tiktok_money),
    MAP(transaction_payment, "status", status, NULL),
};

MAPPING_TABLE(tiktok_payment, transaction_payment);

static const struct mapping_row tiktok_withdrawal_rows[] = {
    MAP(transaction_withdrawal, "amount", amount, NULL),
    MAP(transaction_withdrawal, "create_time", create_time, NULL),
    MAP(transaction_withdrawal, "currency", currency, NULL),
    MAP(transaction_withdrawal, "id", withdrawal_id, NULL),
    MAP(transaction_withdrawal, "status", status, NULL),
    MAP(transaction_withdrawal, "type", type, NULL),
};

MAPPING_TABLE(tiktok_withdrawal, transaction_withdrawal);
/* --- what tables cannot say ------------------------------------------------------------------------ */

/* `name` of one kind: nothing but its head. */
#define FINISH(name, kind)                                                                                   \
    static void name(void *dto, yyjson_val *json, const struct dto_context *context, struct arena *scratch,  \
                     struct field_problems *problems)                                                        \
    {                                                                                                        \
        (void)json;                                                                                          \
        (void)scratch;                                                                                       \
        (void)problems;                                                                                      \
        transaction_finish(dto, kind, context);                                                              \
    }

FINISH(finish_statement_transaction, "statement_transaction")
FINISH(finish_statement, "statement")
FINISH(finish_settlement, "settlement")
FINISH(finish_payment, "payment")
FINISH(finish_withdrawal, "withdrawal")

static void finish_order(void *dto, yyjson_val *json, const struct dto_context *context,
                         struct arena *scratch, struct field_problems *problems)
{
    struct transaction_order *order = dto;

    (void)json;
    (void)scratch;
    (void)problems;
    transaction_finish(dto, "order", context);
    recipe_set_id(&order->order_id, context);
}

/* Nothing here has an update time. */
static int64_t no_update_ms(yyjson_val *json)
{
    (void)json;
    return 0;
}

/* An answer that counts rows and does not show them is half an answer, not an empty one. */
static bool order_is_empty(yyjson_val *json)
{
    int64_t total = 0;

    return yyjson_is_obj(json) && yyjson_arr_size(yyjson_obj_get(json, "sku_transactions")) == 0 &&
           json_get_i64(json, "total_count", &total) != JSON_WRONG && total == 0;
}

static bool record_id(yyjson_val *row, struct strbuf *to)
{
    return transaction_add_id(row, "id", to);
}

const struct recipe recipe_transaction_tiktok = {
    .platform = "tiktok",
    .kind = ENTRY_TRANSACTION,
    .collection = "transactions",
    .id_prefix = "order:",
    .mapping = &tiktok_order,
    .size = sizeof(struct transaction_order),
    .finish = finish_order,
    .update_ms = no_update_ms,
    .is_empty = order_is_empty,
};

const struct recipe recipe_statement_transaction_tiktok = {
    .platform = "tiktok",
    .kind = ENTRY_TRANSACTION,
    .topic = "statement_transaction",
    .collection = "transactions",
    .id_prefix = "",
    .mapping = &tiktok_row,
    .size = sizeof(struct transaction_row),
    .finish = finish_statement_transaction,
    .update_ms = no_update_ms,
    .record_id = record_id,
};

const struct recipe recipe_statement_tiktok = {
    .platform = "tiktok",
    .kind = ENTRY_TRANSACTION,
    .topic = "statement",
    .collection = "transactions",
    .id_prefix = "statement:",
    .mapping = &tiktok_statement,
    .size = sizeof(struct transaction_statement),
    .finish = finish_statement,
    .update_ms = no_update_ms,
    .record_id = record_id,
};

const struct recipe recipe_settlement_tiktok = {
    .platform = "tiktok",
    .kind = ENTRY_TRANSACTION,
    .topic = "settlement",
    .collection = "transactions",
    .id_prefix = "settlement:",
    .mapping = &tiktok_settlement,
    .size = sizeof(struct transaction_settlement),
    .finish = finish_settlement,
    .update_ms = no_update_ms,
    .record_id = record_id,
};

const struct recipe recipe_payment_tiktok = {
    .platform = "tiktok",
    .kind = ENTRY_TRANSACTION,
    .topic = "payment",
    .collection = "transactions",
    .id_prefix = "payment:",
    .mapping = &tiktok_payment,
    .size = sizeof(struct transaction_payment),
    .finish = finish_payment,
    .update_ms = no_update_ms,
    .record_id = record_id,
};

const struct recipe recipe_withdrawal_tiktok = {
    .platform = "tiktok",
    .kind = ENTRY_TRANSACTION,
    .topic = "withdrawal",
    .collection = "transactions",
    .id_prefix = "withdrawal:",
    .mapping = &tiktok_withdrawal,
    .size = sizeof(struct transaction_withdrawal),
    .finish = finish_withdrawal,
    .update_ms = no_update_ms,
    .record_id = record_id,
};
