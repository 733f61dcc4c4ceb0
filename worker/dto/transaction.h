/* transaction.h - worker, stage 5: what is known about money, as every platform's finance answers become it.
 *
 * Two sorts of source, one collection, told apart by transaction_kind:
 *
 *   fetched by order  order (TikTok Shop), escrow (Shopee)
 *   listed            statement_transaction statement settlement payment withdrawal (TikTok Shop), wallet payout income
 *                     (Shopee): rows that exist only in a listing and travel in their entry, topic = kind
 *
 * The structs are the documents' layout, as in order.h. All of them begin with the four members of a head. Amounts keep
 * the sign and the scale they came with, in the currency's own unit (not cents); nothing is recomputed. Open lists of
 * amounts (breakdowns) have their main names as members, all others in their extra.
 * Times are UTC epoch ms here and text in the document. Ids are text. All members may be absent. */
#ifndef SHOPSTREAM_WORKER_DTO_TRANSACTION_H
#define SHOPSTREAM_WORKER_DTO_TRANSACTION_H

#include "common/strbuf.h"
#include "worker/dto.h"
#include "worker/dto/field.h"

/* What revenue consists of. */
struct transaction_revenue {
    struct field_money subtotal_before_discount_amount;
    struct field_money refund_subtotal_before_discount_amount;
    struct field_money seller_discount_amount;
    struct field_money seller_discount_refund_amount;
    struct field_extra extra; /* members no mapping knows; amounts among them are money */
};

/* What the cost of shipping consists of. */
struct transaction_shipping {
    struct field_money actual_shipping_fee_amount;
    struct field_money shipping_fee_discount_amount;
    struct field_money customer_paid_shipping_fee_amount;
    struct field_money return_shipping_fee_amount;
    struct field_extra extra; /* members no mapping knows; amounts among them are money */
};

struct transaction_fees {
    struct field_money platform_commission_amount;
    struct field_money transaction_fee_amount;
    struct field_money affiliate_commission_amount;
    struct field_money sfp_service_fee_amount;
    struct field_money voucher_xtra_service_fee_amount;
    struct field_money flash_sales_service_fee_amount;
    struct field_money dynamic_commission_amount;
    struct field_money vn_fix_infrastructure_fee;
    struct field_extra extra; /* members no mapping knows; amounts among them are money */
};

struct transaction_taxes {
    struct field_money vat_amount;
    struct field_money pit_amount;
    struct field_extra extra; /* members no mapping knows; amounts among them are money */
};

/* What fees and taxes consist of. */
struct transaction_fee_tax {
    struct field_object fee;  /* struct transaction_fees */
    struct field_object tax;  /* struct transaction_taxes */
    struct field_extra extra; /* members no mapping knows; amounts among them are money */
};

/* An open list of which no name is documented. */
struct transaction_component {
    struct field_extra extra; /* members no mapping knows; amounts among them are money */
};

/* An amount that names its own currency. */
struct transaction_money {
    struct field_money value;   /* in currency */
    struct field_text currency; /* ISO 4217 code */
    struct field_extra extra;   /* members no mapping knows */
};

/* What one SKU of an order brought, per statement. */
struct transaction_sku {
    struct field_text sku_id;       /* id */
    struct field_text sku_name;     /* text */
    struct field_text product_name; /* text */
    struct field_text statement_id; /* id */
    struct field_count quantity;    /* pieces */
    struct field_money settlement_amount;
    struct field_money revenue_amount;
    struct field_money shipping_cost_amount;
    struct field_money fee_tax_amount;
    struct field_object revenue_breakdown;       /* struct transaction_revenue */
    struct field_object shipping_cost_breakdown; /* struct transaction_shipping */
    struct field_object fee_tax_breakdown;       /* struct transaction_fee_tax */
    struct field_object
        supplementary_component; /* struct transaction_component: for information, part of no sum */
    struct field_extra extra;    /* members no mapping knows */
};

/* Kind `order`: what an order brought so far, by SKU. */
struct transaction_order {
    struct field_text transaction_id;   /* the part of its _id behind the shop */
    struct field_text transaction_kind; /* which of these structs it is */
    struct field_text status;           /* the platform's word; absent in kinds that have none */
    struct field_text state;            /* the common word, made from status; absent without it */

    struct field_text order_id;          /* id */
    struct field_time order_create_time; /* when it was placed */
    struct field_text currency;          /* ISO 4217 code of all amounts */
    struct field_money settlement_amount;
    struct field_money revenue_amount;
    struct field_money fee_and_tax_amount;
    struct field_money shipping_cost_amount;
    struct field_count total_count;     /* of rows */
    struct field_list sku_transactions; /* of struct transaction_sku */
    struct field_extra extra;           /* members no mapping knows */
};

/* Kind `statement_transaction`: one row of a statement, about an order or an adjustment. */
struct transaction_row {
    struct field_text transaction_id;   /* the part of its _id behind the shop */
    struct field_text transaction_kind; /* which of these structs it is */
    struct field_text status;           /* the platform's word; absent in kinds that have none */
    struct field_text state;            /* the common word, made from status; absent without it */

    struct field_text statement_id;           /* id */
    struct field_text order_id;               /* id */
    struct field_text currency;               /* ISO 4217 code of all amounts */
    struct field_text type;                   /* word: ORDER, RESERVE or the code of an adjustment */
    struct field_time order_create_time;      /* when the order was placed */
    struct field_text adjustment_id;          /* id */
    struct field_text adjustment_order_id;    /* id of the order it adjusts */
    struct field_text associated_order_id;    /* id of the order a reserve is kept for */
    struct field_text reserve_id;             /* id */
    struct field_text reserve_status;         /* word: COLLECTED, RELEASED */
    struct field_time estimated_release_time; /* of a reserve */
    struct field_money settlement_amount;
    struct field_money revenue_amount;
    struct field_money shipping_cost_amount;
    struct field_money fee_tax_amount;
    struct field_money adjustment_amount;
    struct field_money reserve_amount;
    struct field_object revenue_breakdown;       /* struct transaction_revenue */
    struct field_object shipping_cost_breakdown; /* struct transaction_shipping */
    struct field_object fee_tax_breakdown;       /* struct transaction_fee_tax */
    struct field_object
        supplementary_component; /* struct transaction_component: for information, part of no sum */
    struct field_extra extra;    /* members no mapping knows */
};

/* Kind `statement`: one day's statement. */
struct transaction_statement {
    struct field_text transaction_id;   /* the part of its _id behind the shop */
    struct field_text transaction_kind; /* which of these structs it is */
    struct field_text status;           /* the platform's word; absent in kinds that have none */
    struct field_text state;            /* the common word, made from status; absent without it */

    struct field_text statement_id;   /* id */
    struct field_time statement_time; /* when it was cut */
    struct field_text payment_id;     /* id of the payment that settles it */
    struct field_time payment_time;   /* when that was made */
    struct field_text currency;       /* ISO 4217 code of all amounts */
    struct field_money settlement_amount;
    struct field_money revenue_amount;
    struct field_money fee_amount;
    struct field_money adjustment_amount;
    struct field_money net_sales_amount;
    struct field_money shipping_cost_amount;
    struct field_extra extra; /* members no mapping knows */
};

struct transaction_settlement_total {
    struct field_money total_revenue_amount;
    struct field_money total_shipping_cost_amount;
    struct field_money total_fee_tax_amount;
    struct field_money total_adjustment_amount;
    struct field_extra extra; /* members no mapping knows; amounts among them are money */
};

/* Kind `settlement`: sums of a statement, told with its rows. */
struct transaction_settlement {
    struct field_text transaction_id;   /* the part of its _id behind the shop */
    struct field_text transaction_kind; /* which of these structs it is */
    struct field_text status;           /* the platform's word; absent in kinds that have none */
    struct field_text state;            /* the common word, made from status; absent without it */

    struct field_text statement_id; /* id */
    struct field_time create_time;  /* when it was cut */
    struct field_text currency;     /* ISO 4217 code of all amounts */
    struct field_money payable_amount;
    struct field_money total_reserve_amount;
    struct field_money total_settlement_amount;
    struct field_object total_settlement_breakdown; /* struct transaction_settlement_total */
    struct field_count total_count;                 /* of rows */
    struct field_extra extra;                       /* members no mapping knows */
};

/* Kind `payment`: money sent to the seller's bank. */
struct transaction_payment {
    struct field_text transaction_id;   /* the part of its _id behind the shop */
    struct field_text transaction_kind; /* which of these structs it is */
    struct field_text status;           /* the platform's word; absent in kinds that have none */
    struct field_text state;            /* the common word, made from status; absent without it */

    struct field_text payment_id;          /* id */
    struct field_time create_time;         /* when it was started */
    struct field_time paid_time;           /* when it was paid */
    struct field_money exchange_rate;      /* a rate, no unit */
    struct field_text bank_account;        /* text: masked number */
    struct field_object amount;            /* struct transaction_money: paid out */
    struct field_object settlement_amount; /* struct transaction_money: of the statements behind it */
    struct field_object reserve_amount;    /* struct transaction_money: kept back */
    struct field_object payment_amount_before_exchange; /* struct transaction_money: before the exchange */
    struct field_extra extra;                           /* members no mapping knows */
};

/* Kind `withdrawal`: a movement of the seller's balance. */
struct transaction_withdrawal {
    struct field_text transaction_id;   /* the part of its _id behind the shop */
    struct field_text transaction_kind; /* which of these structs it is */
    struct field_text status;           /* the platform's word; absent in kinds that have none */
    struct field_text state;            /* the common word, made from status; absent without it */

    struct field_text withdrawal_id; /* id */
    struct field_text type;          /* word: WITHDRAW, SETTLE, TRANSFER, REVERSE */
    struct field_time create_time;   /* when it was asked for */
    struct field_money amount;       /* in currency */
    struct field_text currency;      /* ISO 4217 code of all amounts */
    struct field_extra extra;        /* members no mapping knows */
};

struct transaction_adjustment {
    struct field_money amount;           /* in currency */
    struct field_text currency;          /* ISO 4217 code */
    struct field_time date;              /* when it was made */
    struct field_text adjustment_reason; /* text */
    struct field_extra extra;            /* members no mapping knows; amounts among them are money */
};

/* One line of an order; its prices may be in another currency than the totals. */
struct transaction_item {
    struct field_text product_id;        /* id */
    struct field_text sku_id;            /* id */
    struct field_text line_item_id;      /* id */
    struct field_count quantity;         /* pieces */
    struct field_text item_sku;          /* text: the seller's own code of the whole product */
    struct field_text seller_sku;        /* text: the seller's own code */
    struct field_money original_price;   /* before discounts */
    struct field_money selling_price;    /* of all pieces */
    struct field_money discounted_price; /* after discounts */
    struct field_text activity_id;       /* id of a promotion */
    struct field_text activity_type;     /* word */
    struct field_extra extra;            /* members no mapping knows; amounts among them are money */
};

/* What the seller gets for an order, and why. Main names are typed, some eighty more stand in extra. */
struct transaction_income {
    struct field_money escrow_amount;                  /* what the seller gets; changes until completion */
    struct field_money escrow_amount_after_adjustment; /* the same with order_adjustment */
    struct field_money buyer_total_amount;
    struct field_money original_price;
    struct field_money seller_discount;
    struct field_money shopee_discount;
    struct field_money voucher_from_seller;
    struct field_money voucher_from_shopee;
    struct field_money coins;
    struct field_money buyer_paid_shipping_fee;
    struct field_money actual_shipping_fee;
    struct field_money final_shipping_fee; /* may be negative */
    struct field_money shopee_shipping_rebate;
    struct field_money reverse_shipping_fee;
    struct field_money commission_fee;
    struct field_money service_fee;
    struct field_money seller_transaction_fee;
    struct field_money withholding_tax;
    struct field_money seller_return_refund; /* negative */
    struct field_money exchange_rate;        /* cross-border shops: a rate, no unit */
    struct field_text pri_currency;     /* cross-border shops: ISO 4217 code of the amounts ending in _pri */
    struct field_list order_adjustment; /* of struct transaction_adjustment */
    struct field_list items;            /* of struct transaction_item */
    struct field_extra extra;           /* members no mapping knows; amounts among them are money */
};

/* Kind `escrow`: what an order brings, by the platform's own reckoning. */
struct transaction_escrow {
    struct field_text transaction_id;   /* the part of its _id behind the shop */
    struct field_text transaction_kind; /* which of these structs it is */
    struct field_text status;           /* the platform's word; absent in kinds that have none */
    struct field_text state;            /* the common word, made from status; absent without it */

    struct field_text order_id;             /* id */
    struct field_text buyer_username;       /* text */
    struct field_list return_order_sn_list; /* of ids: returns of this order */
    struct field_time
        escrow_release_time; /* when the money was released: the document's version where it is told */
    struct field_object order_income;       /* struct transaction_income */
    struct field_object buyer_payment_info; /* struct transaction_component */
    struct field_extra extra;               /* members no mapping knows */
};

/* Kind `payout`: that an order's money was released. */
struct transaction_payout {
    struct field_text transaction_id;   /* the part of its _id behind the shop */
    struct field_text transaction_kind; /* which of these structs it is */
    struct field_text status;           /* the platform's word; absent in kinds that have none */
    struct field_text state;            /* the common word, made from status; absent without it */

    struct field_text order_id;            /* id */
    struct field_money payout_amount;      /* in the shop's currency */
    struct field_time escrow_release_time; /* when: the document's version */
    struct field_extra extra;              /* members no mapping knows */
};

/* An order paid for by a movement. */
struct transaction_pay_order {
    struct field_text order_id;  /* id */
    struct field_text shop_name; /* text */
    struct field_extra extra;    /* members no mapping knows */
};

/* Kind `wallet`: a movement of the seller's wallet. Amounts are in the shop's currency. */
struct transaction_wallet {
    struct field_text transaction_id;   /* the part of its _id behind the shop */
    struct field_text transaction_kind; /* which of these structs it is */
    struct field_text status;           /* the platform's word; absent in kinds that have none */
    struct field_text state;            /* the common word, made from status; absent without it */

    struct field_text transaction_type;   /* word: ESCROW_VERIFIED_ADD ... */
    struct field_time create_time;        /* when it was booked */
    struct field_text order_id;           /* id */
    struct field_text return_id;          /* id */
    struct field_text withdrawal_id;      /* id */
    struct field_text root_withdrawal_id; /* id of the withdrawal this one belongs to */
    struct field_text withdrawal_type;    /* word */
    struct field_text money_flow;         /* word: MONEY_IN, MONEY_OUT */
    struct field_money amount;            /* moved */
    struct field_money current_balance;   /* afterwards */
    struct field_money transaction_fee;   /* taken for it */
    struct field_text buyer_name;         /* text */
    struct field_text reason;             /* text */
    struct field_text description;        /* text */
    struct field_list pay_order_list;     /* of struct transaction_pay_order */
    struct field_extra extra;             /* members no mapping knows */
};

/* Kind `income`: when an order's money is, or will be, released. */
struct transaction_release {
    struct field_text transaction_id;   /* the part of its _id behind the shop */
    struct field_text transaction_kind; /* which of these structs it is */
    struct field_text status;           /* the platform's word; absent in kinds that have none */
    struct field_text state;            /* the common word, made from status; absent without it */

    struct field_text order_id;                 /* id */
    struct field_text currency;                 /* ISO 4217 code of all amounts */
    struct field_text payment_method_name;      /* text */
    struct field_money released_amount;         /* in currency */
    struct field_money estimated_escrow_amount; /* in currency */
    struct field_time actual_payout_time;       /* when it was released */
    struct field_time estimated_payout_time;    /* when it will be */
    struct field_extra extra;                   /* members no mapping knows */
};

extern const struct entity transaction_revenue_entity;
extern const struct entity transaction_shipping_entity;
extern const struct entity transaction_fees_entity;
extern const struct entity transaction_taxes_entity;
extern const struct entity transaction_fee_tax_entity;
extern const struct entity transaction_component_entity;
extern const struct entity transaction_money_entity;
extern const struct entity transaction_sku_entity;
extern const struct entity transaction_order_entity;
extern const struct entity transaction_row_entity;
extern const struct entity transaction_statement_entity;
extern const struct entity transaction_settlement_total_entity;
extern const struct entity transaction_settlement_entity;
extern const struct entity transaction_payment_entity;
extern const struct entity transaction_withdrawal_entity;
extern const struct entity transaction_adjustment_entity;
extern const struct entity transaction_item_entity;
extern const struct entity transaction_income_entity;
extern const struct entity transaction_escrow_entity;
extern const struct entity transaction_payout_entity;
extern const struct entity transaction_pay_order_entity;
extern const struct entity transaction_wallet_entity;
extern const struct entity transaction_release_entity;

/* The head of any of the kinds: its id, its kind, and the state its status stands for, when it has one. */
void transaction_finish(void *dto, const char *kind, const struct dto_context *context);

/* Appends the id under key. False: absent, empty, no id (a number with a fraction or an exponent has lost digits), or with
 * a NUL byte; `to` is unchanged. */
bool transaction_add_id(yyjson_val *row, const char *key, struct strbuf *to)
    __attribute__((warn_unused_result));

/* Appends the text under key as it stands in the row: string bytes or digits. False: absent, empty, no scalar, or with a
 * NUL byte; `to` is unchanged. */
bool transaction_add_part(yyjson_val *row, const char *key, struct strbuf *to)
    __attribute__((warn_unused_result));

#endif
