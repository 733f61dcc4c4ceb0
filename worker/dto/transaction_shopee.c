/* transaction_shopee.c - worker, stage 5: how Shopee's finance answers map onto the structs of transaction.h.
 *
 * In:      escrow  response of get_escrow_detail
 *          payout  one element of response.escrow_list of get_escrow_list
 *          wallet  one element of response.transaction_list of get_wallet_transaction_list
 *          income  one element of list of get_income_detail
 * Out:     the recipes; recipe_document makes the documents with them.
 * Fails:   never; constants and small functions.
 * Thread:  any.
 * Why so:  a wallet row has no id. What it says is its id, in the row's own texts: a number is not rewritten on its way,
 *          or two writers of it would make two documents. */
#include "common/json.h"
#include "worker/dto/recipe.h"
#include "worker/dto/transaction.h"

static const struct mapping_row shopee_adjustment_rows[] = {
    MAP(transaction_adjustment, "adjustment_reason", adjustment_reason, NULL),
    MAP(transaction_adjustment, "amount", amount, NULL),
    MAP(transaction_adjustment, "currency", currency, NULL),
    MAP(transaction_adjustment, "date", date, NULL),
};

MAPPING_TABLE(shopee_adjustment, transaction_adjustment);

static const struct mapping_row shopee_item_rows[] = {
    MAP(transaction_item, "activity_id", activity_id, NULL),
    MAP(transaction_item, "activity_type", activity_type, NULL),
    MAP(transaction_item, "discounted_price", discounted_price, NULL),
    MAP(transaction_item, "item_id", product_id, NULL),
    MAP(transaction_item, "item_sku", item_sku, NULL),
    MAP(transaction_item, "line_item_id", line_item_id, NULL),
    MAP(transaction_item, "model_id", sku_id, NULL),
    MAP(transaction_item, "model_sku", seller_sku, NULL),
    MAP(transaction_item, "original_price", original_price, NULL),
    MAP(transaction_item, "quantity_purchased", quantity, NULL),
    MAP(transaction_item, "selling_price", selling_price, NULL),
};

MAPPING_TABLE(shopee_item, transaction_item);

static const struct mapping_row shopee_income_rows[] = {
    MAP(transaction_income, "actual_shipping_fee", actual_shipping_fee, NULL),
    MAP(transaction_income, "buyer_paid_shipping_fee", buyer_paid_shipping_fee, NULL),
    MAP(transaction_income, "buyer_total_amount", buyer_total_amount, NULL),
    MAP(transaction_income, "coins", coins, NULL),
    MAP(transaction_income, "commission_fee", commission_fee, NULL),
    MAP(transaction_income, "escrow_amount", escrow_amount, NULL),
    MAP(transaction_income, "escrow_amount_after_adjustment", escrow_amount_after_adjustment, NULL),
    MAP(transaction_income, "exchange_rate", exchange_rate, NULL),
    MAP(transaction_income, "final_shipping_fee", final_shipping_fee, NULL),
    MAP(transaction_income, "items", items, &shopee_item),
    MAP(transaction_income, "order_adjustment", order_adjustment, &shopee_adjustment),
    MAP(transaction_income, "original_price", original_price, NULL),
    MAP(transaction_income, "pri_currency", pri_currency, NULL),
    MAP(transaction_income, "reverse_shipping_fee", reverse_shipping_fee, NULL),
    MAP(transaction_income, "seller_discount", seller_discount, NULL),
    MAP(transaction_income, "seller_return_refund", seller_return_refund, NULL),
    MAP(transaction_income, "seller_transaction_fee", seller_transaction_fee, NULL),
    MAP(transaction_income, "service_fee", service_fee, NULL),
    MAP(transaction_income, "shopee_discount", shopee_discount, NULL),
    MAP(transaction_income, "shopee_shipping_rebate", shopee_shipping_rebate, NULL),
    MAP(transaction_income, "voucher_from_seller", voucher_from_seller, NULL),
    MAP(transaction_income, "voucher_from_shopee", voucher_from_shopee, NULL),
    MAP(transaction_income, "withholding_tax", withholding_tax, NULL),
};

MAPPING_TABLE(shopee_income, transaction_income);

static const struct mapping shopee_payment_info = {&transaction_component_entity, NULL, 0};

static const struct mapping_row shopee_escrow_rows[] = {
    MAP(transaction_escrow, "buyer_payment_info", buyer_payment_info, &shopee_payment_info),
    MAP(transaction_escrow, "buyer_user_name", buyer_username, NULL),
    MAP(transaction_escrow, "escrow_release_time", escrow_release_time, NULL),
    MAP(transaction_escrow, "order_income", order_income, &shopee_income),
    MAP(transaction_escrow, "order_sn", order_id, NULL),
    MAP(transaction_escrow, "return_order_sn_list", return_order_sn_list, NULL),
};

MAPPING_TABLE(shopee_escrow, transaction_escrow);

static const struct mapping_row shopee_payout_rows[] = {
    MAP(transaction_payout, "escrow_release_time", escrow_release_time, NULL),
    MAP(transaction_payout, "order_sn", order_id, NULL),
    MAP(transaction_payout, "payout_amount", payout_amount, NULL),
};

MAPPING_TABLE(shopee_payout, transaction_payout);

static const struct mapping_row shopee_pay_order_rows[] = {
    MAP(transaction_pay_order, "order_sn", order_id, NULL),
    MAP(transaction_pay_order, "shop_name", shop_name, NULL),
};

MAPPING_TABLE(shopee_pay_order, transaction_pay_order);

static const struct mapping_row shopee_wallet_rows[] = {
    MAP(transaction_wallet, "amount", amount, NULL),
    MAP(transaction_wallet, "buyer_name", buyer_name, NULL),
    MAP(transaction_wallet, "create_time", create_time, NULL),
    MAP(transaction_wallet, "current_balance", current_balance, NULL),
    MAP(transaction_wallet, "description", description, NULL),
    MAP(transaction_wallet, "money_flow", money_flow, NULL),
    MAP(transaction_wallet, "order_sn", order_id, NULL),
    MAP(transaction_wallet, "pay_order_list", pay_order_list, &shopee_pay_order),
    MAP(transaction_wallet, "reason", reason, NULL),
    MAP(transaction_wallet, "refund_sn", return_id, NULL),
    MAP(transaction_wallet, "root_withdrawal_id", root_withdrawal_id, NULL),
    MAP(transaction_wallet, "status", status, NULL),
    MAP(transaction_wallet, "transaction_fee", transaction_fee, NULL),
    MAP(transaction_wallet, "transaction_type", transaction_type, NULL),
    MAP(transaction_wallet, "withdrawal_id", withdrawal_id, NULL),
    MAP(transaction_wallet, "withdrawal_type", withdrawal_type, NULL),
};

MAPPING_TABLE(shopee_wallet, transaction_wallet);

static const struct mapping_row shopee_release_rows[] = {
    MAP(transaction_release, "actual_payout_time", actual_payout_time, NULL),
    MAP(transaction_release, "currency", currency, NULL),
    MAP(transaction_release, "estimated_escrow_amount", estimated_escrow_amount, NULL),
    MAP(transaction_release, "estimated_payout_time", estimated_payout_time, NULL),
    MAP(transaction_release, "order_sn", order_id, NULL),
    MAP(transaction_release, "payment_method", payment_method_name, NULL),
    MAP(transaction_release, "released_amount", released_amount, NULL),
    MAP(transaction_release, "status", status, NULL),
};

MAPPING_TABLE(shopee_release, transaction_release);
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

FINISH(finish_payout, "payout")
FINISH(finish_wallet, "wallet")
FINISH(finish_income, "income")

static void finish_escrow(void *dto, yyjson_val *json, const struct dto_context *context,
                          struct arena *scratch, struct field_problems *problems)
{
    struct transaction_escrow *escrow = dto;

    (void)json;
    (void)scratch;
    (void)problems;
    transaction_finish(dto, "escrow", context);
    recipe_set_id(&escrow->order_id, context);
}

static int64_t release_ms(yyjson_val *json)
{
    return recipe_seconds_ms(json, "escrow_release_time");
}

static int64_t no_update_ms(yyjson_val *json)
{
    (void)json;
    return 0;
}

/* --- ids of rows ----------------------------------------------------------------------------------- */

static bool order_id(yyjson_val *row, struct strbuf *to)
{
    return transaction_add_id(row, "order_sn", to);
}

/* "0" is no withdrawal. */
static bool withdrawal_id(yyjson_val *row, struct strbuf *to)
{
    struct json_text id;

    return json_get_id(row, "withdrawal_id", &id) == JSON_GOT && !(id.length == 1 && *id.data == '0') &&
           transaction_add_id(row, "withdrawal_id", to);
}

/* Whose money moved. False: the row names nobody. */
static bool wallet_subject(yyjson_val *row, struct strbuf *to)
{
    return transaction_add_id(row, "order_sn", to) || transaction_add_id(row, "refund_sn", to) ||
           withdrawal_id(row, to);
}

/* create_time:transaction_type:subject:amount:current_balance; a part the row lacks is empty. */
static bool wallet_id(yyjson_val *row, struct strbuf *to)
{
    struct strbuf id = STRBUF_INIT;
    bool any;

    any = transaction_add_part(row, "create_time", &id);
    strbuf_add_char(&id, ':');
    any |= transaction_add_part(row, "transaction_type", &id);
    strbuf_add_char(&id, ':');
    any |= wallet_subject(row, &id);
    strbuf_add_char(&id, ':');
    any |= transaction_add_part(row, "amount", &id);
    strbuf_add_char(&id, ':');
    any |= transaction_add_part(row, "current_balance", &id);
    if (any)
        strbuf_add(to, id.data, id.length);
    strbuf_deinit(&id);
    return any;
}

const struct recipe recipe_transaction_shopee = {
    .platform = "shopee",
    .kind = ENTRY_TRANSACTION,
    .collection = "transactions",
    .id_prefix = "escrow:",
    .mapping = &shopee_escrow,
    .size = sizeof(struct transaction_escrow),
    .finish = finish_escrow,
    .update_ms = release_ms,
};

const struct recipe recipe_payout_shopee = {
    .platform = "shopee",
    .kind = ENTRY_TRANSACTION,
    .topic = "payout",
    .collection = "transactions",
    .id_prefix = "payout:",
    .mapping = &shopee_payout,
    .size = sizeof(struct transaction_payout),
    .finish = finish_payout,
    .update_ms = release_ms,
    .record_id = order_id,
};

const struct recipe recipe_wallet_shopee = {
    .platform = "shopee",
    .kind = ENTRY_TRANSACTION,
    .topic = "wallet",
    .collection = "transactions",
    .id_prefix = "wallet:",
    .mapping = &shopee_wallet,
    .size = sizeof(struct transaction_wallet),
    .finish = finish_wallet,
    .update_ms = no_update_ms,
    .record_id = wallet_id,
};

const struct recipe recipe_income_shopee = {
    .platform = "shopee",
    .kind = ENTRY_TRANSACTION,
    .topic = "income",
    .collection = "transactions",
    .id_prefix = "income:",
    .mapping = &shopee_release,
    .size = sizeof(struct transaction_release),
    .finish = finish_income,
    .update_ms = no_update_ms,
    .record_id = order_id,
};
