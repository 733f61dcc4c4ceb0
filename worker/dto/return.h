/* return.h - worker, stage 5: returns, refunds and cancellations of every platform as one kind of document.
 *
 * The structs are the document's layout, as in order.h. A return, a refund without goods and a cancellation differ in
 * return_kind only: what an operator wants to know of them (which order, how much, what next, until when) is the same.
 * Money stands in the currency named next to it, or else in that of refund_amount. All members may be absent. */
#ifndef SHOPSTREAM_WORKER_DTO_RETURN_H
#define SHOPSTREAM_WORKER_DTO_RETURN_H

#include "worker/dto/field.h"

/* Amounts of a case, of one of its lines, or of a part of a line. */
struct return_amount {
    struct field_text currency;                /* ISO 4217 code of all amounts below */
    struct field_money refund_total;           /* what the buyer gets back */
    struct field_money refund_subtotal;        /* of it for products */
    struct field_money refund_shipping_fee;    /* of it for shipping */
    struct field_money refund_tax;             /* of it for taxes */
    struct field_money retail_delivery_fee;    /* of it for this fee */
    struct field_money buyer_service_fee;      /* of it for this fee */
    struct field_money amount_before_discount; /* what the goods would cost without discounts */
    struct field_extra extra;                  /* members no mapping knows */
};

/* A picture with its size. */
struct return_image {
    struct field_text url;     /* URL */
    struct field_count width;  /* pixels */
    struct field_count height; /* pixels */
    struct field_extra extra;  /* members no mapping knows */
};

/* One line of the order, or as much of it, as goes back; also one part of a bundle inside such a line. */
struct return_line {
    struct field_text return_line_item_id;     /* id of this line of the case */
    struct field_text return_sub_line_item_id; /* id of this part of the line; parts of a bundle only */
    struct field_text order_line_item_id;      /* id of the order's line */
    struct field_text sub_order_line_item_id; /* id of the part of the order's line; parts of a bundle only */
    struct field_text product_id;             /* id */
    struct field_text sku_id;                 /* id */
    struct field_text product_name;           /* text */
    struct field_text sku_name;               /* text */
    struct field_text seller_sku;             /* text: the seller's own code */
    struct field_text item_sku;               /* text: the seller's own code of the whole product */
    struct field_text add_on_deal_id;         /* id of the deal it was sold in */
    struct field_object product_image;        /* of struct return_image */
    struct field_list images;                 /* URLs */
    struct field_count quantity;              /* pieces */
    struct field_text currency;               /* ISO 4217 code of item_price */
    struct field_money item_price;            /* of one piece */
    struct field_object refund_amount;        /* struct return_amount */
    struct field_flag is_add_on_deal;
    struct field_flag is_main_item;   /* of an add-on deal */
    struct field_list sub_line_items; /* of struct return_line: parts of a bundle */
    struct field_extra extra;         /* members no mapping knows */
};

/* What the seller is expected to do next. */
struct return_action {
    struct field_text action;   /* word */
    struct field_time deadline; /* latest moment to do it */
    struct field_extra extra;   /* members no mapping knows */
};

/* A refund of less than was asked for. */
struct return_partial_refund {
    struct field_text currency; /* ISO 4217 code */
    struct field_money amount;  /* what the buyer gets */
    struct field_extra extra;   /* members no mapping knows */
};

struct return_discount {
    struct field_text currency;                        /* ISO 4217 code of all amounts below */
    struct field_money product_seller_discount;        /* on products, paid by the seller */
    struct field_money product_platform_discount;      /* on products, paid by the platform */
    struct field_money shipping_fee_seller_discount;   /* on shipping, paid by the seller */
    struct field_money shipping_fee_platform_discount; /* on shipping, paid by the platform */
    struct field_extra extra;                          /* members no mapping knows */
};

/* Who pays the way back. */
struct return_shipping_fee {
    struct field_text currency; /* ISO 4217 code of all amounts below */
    struct field_money seller_paid_return_shipping_fee;
    struct field_money platform_paid_return_shipping_fee;
    struct field_money buyer_paid_return_shipping_fee;
    struct field_extra extra; /* members no mapping knows */
};

/* Where the goods go. */
struct return_warehouse {
    struct field_text warehouse_id; /* id */
    struct field_text full_address; /* text */
    struct field_extra extra;       /* members no mapping knows */
};

/* The buyer; texts may be masked. */
struct return_user {
    struct field_text username; /* text */
    struct field_text email;    /* text */
    struct field_text portrait; /* URL */
    struct field_extra extra;   /* members no mapping knows */
};

/* What became of a line after the case was decided. */
struct return_follow_up {
    struct field_text product_id;     /* id */
    struct field_text sku_id;         /* id */
    struct field_count quantity;      /* pieces */
    struct field_text current_status; /* word */
    struct field_extra extra;         /* members no mapping knows */
};

/* Offers of buyer and seller to each other. */
struct return_negotiation {
    struct field_text negotiation_status;   /* word */
    struct field_text latest_solution;      /* word: what was offered last */
    struct field_money latest_offer_amount; /* in the currency of the case */
    struct field_text latest_offer_creator; /* text */
    struct field_count counter_limit;       /* offers still allowed */
    struct field_time offer_due_date;       /* latest moment to answer the offer */
    struct field_extra extra;               /* members no mapping knows */
};

struct return_seller_proof {
    struct field_text seller_proof_status;      /* word */
    struct field_time seller_evidence_deadline; /* latest moment to hand in evidence */
    struct field_extra extra;                   /* members no mapping knows */
};

struct return_seller_compensation {
    struct field_text seller_compensation_status;   /* word */
    struct field_time seller_compensation_due_date; /* latest moment to ask for it */
    struct field_money compensation_amount;         /* in the currency of the case */
    struct field_extra extra;                       /* members no mapping knows */
};

/* A promotion the goods were bought in. */
struct return_activity {
    struct field_text activity_id;       /* id */
    struct field_money original_price;   /* before it, in the currency of the case */
    struct field_money discounted_price; /* with it */
    struct field_any items;              /* as the platform sends it */
    struct field_extra extra;            /* members no mapping knows */
};

/* Named so because return is a word of the language. */
struct return_case {
    struct field_text return_id; /* id of the return, refund or cancellation */
    struct field_text order_id;  /* id */
    struct field_text
        return_kind;          /* common word: return, refund or cancellation; never absent in a document */
    struct field_text status; /* the platform's word */
    struct field_text state;  /* the common word, made from status; never absent in a document */

    struct field_text return_type;                   /* word: what the buyer wants */
    struct field_text cancel_type;                   /* word: who can cancel without being asked */
    struct field_text return_solution;               /* numbered word: what the buyer wants */
    struct field_text return_refund_type;            /* word: before or after the order's completion */
    struct field_text return_refund_request_type;    /* numbered word */
    struct field_text seller_proposed_return_type;   /* word: what the seller offers instead */
    struct field_text validation_type;               /* word: who looks at the goods */
    struct field_text arbitration_status;            /* word: whether the platform decides, and how it did */
    struct field_text role;                          /* word: who began */
    struct field_text reason;                        /* word */
    struct field_text reason_text;                   /* the reason in somebody's own words */
    struct field_text reassessed_request_reason;     /* word: what the platform made of the reason */
    struct field_list dispute_reason;                /* words */
    struct field_list dispute_text_reason;           /* texts */
    struct field_list image;                         /* URLs of the buyer's pictures */
    struct field_any buyer_videos;                   /* as the platform sends it */
    struct field_text shipment_type;                 /* word: who ships it back */
    struct field_text handover_method;               /* word */
    struct field_text return_method;                 /* word */
    struct field_text return_shipping_document_type; /* word */
    struct field_text tracking_number;               /* id given by the carrier, of the way back */
    struct field_text shipping_provider_name;        /* text */
    struct field_text shipping_provider_id;          /* id */
    struct field_text logistics_status;              /* word; the platform replaced it by the next */
    struct field_text reverse_logistics_status;      /* word: where the goods are */
    struct field_text is_arrived_at_warehouse;       /* numbered word */
    struct field_text pre_return_id;                 /* id of the case that this one replaces */
    struct field_text next_return_id;                /* id of the case that replaces this one */
    struct field_text combined_return_id;            /* id of the cases sent back in one parcel */

    struct field_time create_time;            /* when it was asked for */
    struct field_time update_time;            /* when it last changed: the document's version */
    struct field_time due_date;               /* latest moment for the seller to answer */
    struct field_time return_ship_due_date;   /* latest moment for the buyer to send the goods */
    struct field_time return_seller_due_date; /* latest moment for the seller to look at the goods */

    struct field_flag can_buyer_keep_item;
    struct field_flag is_combined_return;
    struct field_flag buyer_rejected_partial_refund;
    struct field_flag is_quick_refund;
    struct field_flag should_replenish_stock;
    struct field_flag needs_logistics;   /* whether goods travel */
    struct field_flag is_seller_arrange; /* whether the seller fetches them */
    struct field_flag is_shipping_proof_mandatory;

    struct field_object refund_amount;             /* struct return_amount */
    struct field_object partial_refund;            /* struct return_partial_refund */
    struct field_list discount_amount;             /* of struct return_discount */
    struct field_list shipping_fee_amount;         /* of struct return_shipping_fee */
    struct field_list seller_next_action_response; /* of struct return_action */
    struct field_object return_warehouse_address;  /* struct return_warehouse */
    struct field_any return_pickup_address;        /* as the platform sends it */
    struct field_object user;                      /* struct return_user */
    struct field_object negotiation;               /* struct return_negotiation */
    struct field_object seller_proof;              /* struct return_seller_proof */
    struct field_object seller_compensation;       /* struct return_seller_compensation */
    struct field_list activity;                    /* of struct return_activity */
    struct field_list follow_up_action_list;       /* of struct return_follow_up */
    struct field_list line_items;                  /* of struct return_line */
    struct field_extra extra;                      /* members no mapping knows */
};

extern const struct entity return_amount_entity;
extern const struct entity return_image_entity;
extern const struct entity return_line_entity;
extern const struct entity return_action_entity;
extern const struct entity return_partial_refund_entity;
extern const struct entity return_discount_entity;
extern const struct entity return_shipping_fee_entity;
extern const struct entity return_warehouse_entity;
extern const struct entity return_user_entity;
extern const struct entity return_follow_up_entity;
extern const struct entity return_negotiation_entity;
extern const struct entity return_seller_proof_entity;
extern const struct entity return_seller_compensation_entity;
extern const struct entity return_activity_entity;
extern const struct entity return_case_entity;

#endif
