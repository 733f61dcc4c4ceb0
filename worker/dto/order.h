/* order.h - worker, stage 5: an order as every platform's orders become one.
 *
 * The structs are the document's layout: member names are the document's, their order is the document's, and what a
 * member is (text, money ...) its type says. order.c holds the entity tables, a file per platform the mapping.
 * Money stands in the currency named next to it, in the currency's own unit (not cents). Times are UTC epoch ms here
 * and text in the document. Ids are text. All of them may be absent. */
#ifndef SHOPSTREAM_WORKER_DTO_ORDER_H
#define SHOPSTREAM_WORKER_DTO_ORDER_H

#include "worker/dto/field.h"

/* What of a line is in a package. */
struct order_package_line {
    struct field_text product_id;          /* id */
    struct field_text sku_id;              /* id */
    struct field_text order_item_id;       /* id of the line, or of the bundle it belongs to */
    struct field_text promotion_group_id;  /* id of the promotion the line belongs to */
    struct field_count quantity;           /* pieces */
    struct field_list product_location_id; /* of texts: ids of warehouses */
    struct field_extra extra;              /* members no mapping knows */
};

struct order_package {
    struct field_text package_id;                     /* id */
    struct field_text package_status;                 /* word */
    struct field_text shipping_provider_name;         /* text */
    struct field_text logistics_channel_id;           /* id: the way of shipping */
    struct field_text group_shipment_id;              /* id of the packages that travel together */
    struct field_count parcel_chargeable_weight_gram; /* grams */
    struct field_flag allow_self_design_awb;          /* the seller may print a label of his own */
    struct field_list line_items;                     /* of struct order_package_line */
    struct field_extra extra;                         /* members no mapping knows */
};

struct order_handling {
    struct field_count days;  /* days until the order must be shipped */
    struct field_text type;   /* word: which days count */
    struct field_extra extra; /* members no mapping knows */
};

/* Amounts of the whole order. */
struct order_payment {
    struct field_text currency;                        /* ISO 4217 code of all amounts below */
    struct field_money total_amount;                   /* what the buyer pays */
    struct field_money sub_total;                      /* products after discounts */
    struct field_money original_total_product_price;   /* products before discounts */
    struct field_money seller_discount;                /* on products, paid by the seller */
    struct field_money platform_discount;              /* on products, paid by the platform */
    struct field_money shipping_fee;                   /* shipping after discounts */
    struct field_money original_shipping_fee;          /* shipping before discounts */
    struct field_money shipping_fee_seller_discount;   /* on shipping, paid by the seller */
    struct field_money shipping_fee_platform_discount; /* on shipping, paid by the platform */
    struct field_money shipping_fee_cofunded_discount; /* on shipping, paid by both */
    struct field_money tax;                            /* all taxes */
    struct field_money product_tax;                    /* of them on products */
    struct field_money shipping_fee_tax;               /* of them on shipping */
    struct field_money handling_fee;                   /* paid by the buyer */
    struct field_money buyer_service_fee;              /* paid by the buyer */
    struct field_money shipping_insurance_fee;         /* paid by the buyer */
    struct field_money item_insurance_fee;             /* paid by the buyer */
    struct field_money item_insurance_tax;             /* paid by the buyer */
    struct field_money payment_platform_discount;      /* on the payment, paid by the platform */
    struct field_money estimated_shipping_fee;         /* what the platform expects shipping to cost */
    struct field_money actual_shipping_fee;            /* what it did cost */
    struct field_money reverse_shipping_fee;           /* what the way back cost */
    struct field_extra extra;                          /* members no mapping knows */
};

/* One administrative level of an address. */
struct order_district {
    struct field_text address_level;      /* word: L0 (country) .. L4 */
    struct field_text address_level_name; /* text: what that level is called there */
    struct field_text address_name;       /* text: the place */
    struct field_extra extra;             /* members no mapping knows */
};

struct order_delivery_preferences {
    struct field_text drop_off_location; /* text */
    struct field_extra extra;            /* members no mapping knows */
};

/* Texts may be masked by the platform. */
struct order_address {
    struct field_text full_address;           /* text */
    struct field_text name;                   /* text */
    struct field_text first_name;             /* text */
    struct field_text last_name;              /* text */
    struct field_text phone_number;           /* text */
    struct field_text region_code;            /* ISO 3166 code of the country */
    struct field_text postal_code;            /* text */
    struct field_text address_detail;         /* text: street and number */
    struct field_text address_line1;          /* text */
    struct field_text address_line2;          /* text */
    struct field_text address_line3;          /* text */
    struct field_text address_line4;          /* text */
    struct field_text state;                  /* text: a place, as the next three */
    struct field_text city;                   /* text */
    struct field_text district;               /* text */
    struct field_text town;                   /* text */
    struct field_list district_info;          /* of struct order_district, country first */
    struct field_object delivery_preferences; /* struct order_delivery_preferences */
    struct field_extra extra;                 /* members no mapping knows */
};

struct order_tax {
    struct field_text tax_type;    /* word */
    struct field_money tax_amount; /* in the line's currency */
    struct field_money tax_rate;   /* as the platform states it; no unit of its own */
    struct field_extra extra;      /* members no mapping knows */
};

/* One SKU a combined listing really consists of. */
struct order_combined_sku {
    struct field_text sku_id;     /* id */
    struct field_text product_id; /* id */
    struct field_text seller_sku; /* text: the seller's own code */
    struct field_count sku_count; /* pieces */
    struct field_extra extra;     /* members no mapping knows */
};

struct order_promotion {
    struct field_text promotion_type; /* word */
    struct field_text promotion_id;   /* id */
    struct field_extra extra;         /* members no mapping knows */
};

/* One piece sold, or several where there is a quantity; also one part of a bundle inside such a line. */
struct order_line {
    struct field_text line_item_id;            /* id */
    struct field_text sku_id;                  /* id */
    struct field_text product_id;              /* id */
    struct field_text product_name;            /* text */
    struct field_text sku_name;                /* text */
    struct field_text sku_image;               /* URL */
    struct field_text seller_sku;              /* text: the seller's own code */
    struct field_text sku_type;                /* word */
    struct field_text display_status;          /* word */
    struct field_text cancel_user;             /* word: who cancelled it */
    struct field_text cancel_reason;           /* text */
    struct field_text currency;                /* ISO 4217 code of the amounts below */
    struct field_money original_price;         /* before discounts */
    struct field_money sale_price;             /* after discounts */
    struct field_money seller_discount;        /* paid by the seller */
    struct field_money platform_discount;      /* paid by the platform */
    struct field_money gift_retail_price;      /* what the gift would cost */
    struct field_money buyer_service_fee;      /* paid by the buyer */
    struct field_text package_id;              /* id */
    struct field_text package_status;          /* word */
    struct field_text shipping_provider_id;    /* id */
    struct field_text shipping_provider_name;  /* text */
    struct field_text tracking_number;         /* id given by the carrier */
    struct field_text warehouse_id;            /* id; parts of a bundle only */
    struct field_time rts_time;                /* when it was ready to ship */
    struct field_count handling_duration_days; /* days until it must be shipped */
    struct field_flag is_gift;
    struct field_flag is_dangerous_good;
    struct field_flag needs_prescription;
    struct field_text item_sku;              /* text: the seller's own code of the whole product */
    struct field_text order_item_id;         /* id of the line, or of the bundle it belongs to */
    struct field_text add_on_deal_id;        /* id of the deal it was sold in */
    struct field_text promotion_id;          /* id */
    struct field_text promotion_group_id;    /* id */
    struct field_text promotion_type;        /* word */
    struct field_count quantity;             /* pieces; absent where a line is one piece */
    struct field_count active_qty;           /* pieces neither cancelled nor returned */
    struct field_count cancel_requested_qty; /* pieces */
    struct field_count cancelled_qty;        /* pieces */
    struct field_count return_requested_qty; /* pieces */
    struct field_count returned_qty;         /* pieces */
    struct field_money weight;               /* kilograms, of one piece */
    struct field_flag wholesale;             /* sold at a wholesale price */
    struct field_flag add_on_deal;           /* sold in such a deal */
    struct field_flag main_item;             /* of that deal */
    struct field_list promotion_list;        /* of struct order_promotion */
    struct field_list product_location_id;   /* of texts: ids of warehouses */
    struct field_list item_tax;              /* of struct order_tax */
    struct field_list combined_listing_skus; /* of struct order_combined_sku */
    struct field_list sub_item_info;         /* of struct order_line: parts of a bundle */
    struct field_extra extra;                /* members no mapping knows */
};

struct order {
    struct field_text order_id; /* id */
    struct field_text status;   /* the platform's word */
    struct field_text state;    /* the common word, made from status; never absent in a document */

    struct field_text user_id;                   /* id of the buyer */
    struct field_text buyer_email;               /* text */
    struct field_text buyer_message;             /* text */
    struct field_text seller_note;               /* text */
    struct field_text cancel_reason;             /* text, in the buyer's language */
    struct field_text cancellation_initiator;    /* word */
    struct field_text order_type;                /* word */
    struct field_text commerce_platform;         /* word */
    struct field_text shipping_type;             /* word: who ships */
    struct field_text shipping_provider;         /* text */
    struct field_text shipping_provider_id;      /* id */
    struct field_text tracking_number;           /* id given by the carrier */
    struct field_text delivery_type;             /* word */
    struct field_text delivery_option_id;        /* id */
    struct field_text delivery_option_name;      /* text */
    struct field_text fulfillment_type;          /* word */
    struct field_text warehouse_id;              /* id */
    struct field_text split_or_combine_tag;      /* word */
    struct field_text payment_method_name;       /* text */
    struct field_text replaced_order_id;         /* id of the order this one replaces */
    struct field_text exchange_source_order_id;  /* id of the order this one is an exchange for */
    struct field_text region;                    /* ISO 3166 code of the country */
    struct field_text booking_sn;                /* id of the booking it was fulfilled by in advance */
    struct field_text buyer_username;            /* text, may be masked */
    struct field_text buyer_cancel_reason;       /* text: the buyer's */
    struct field_text checkout_shipping_carrier; /* text: the carrier the buyer chose */
    struct field_text buyer_cpf_id;              /* text: a tax number */
    struct field_text dropshipper;               /* text */
    struct field_text dropshipper_phone;         /* text */
    struct field_list pending_terms;             /* of words: what the order waits for */

    struct field_time create_time;           /* when it was placed */
    struct field_time update_time;           /* when it last changed: the document's version */
    struct field_time paid_time;             /* when it was paid */
    struct field_time rts_time;              /* when it was ready to ship */
    struct field_time collection_time;       /* when the carrier took it */
    struct field_time delivery_time;         /* when it arrived */
    struct field_time cancel_time;           /* when it was cancelled */
    struct field_time request_cancel_time;   /* when the buyer asked to cancel */
    struct field_time release_date;          /* pre-orders: when the product comes out */
    struct field_time rts_sla_time;          /* latest moment to have it ready to ship */
    struct field_time tts_sla_time;          /* latest moment for the carrier to take it */
    struct field_time cancel_order_sla_time; /* moment it is cancelled unless shipped */
    struct field_time delivery_sla_time;     /* latest moment to deliver */
    struct field_time shipping_due_time;     /* latest moment to ship */
    struct field_time collection_due_time;   /* latest moment to be collected */
    struct field_time delivery_due_time;     /* latest moment to be delivered */
    struct field_time delivery_option_required_delivery_time; /* what the delivery option promises */
    struct field_time pick_up_cut_off_time;                   /* latest moment for the same day's pick-up */
    struct field_time fast_dispatch_sla_time;                 /* latest moment to count as dispatched fast */
    struct field_time recommended_shipping_time;              /* when the platform would like it shipped */
    struct field_time note_update_time;                       /* when seller_note was written */
    struct field_time return_request_due_date; /* latest moment for the buyer to ask for a return */
    struct field_time edt_from;                /* expected delivery: the earliest */
    struct field_time edt_to;                  /* expected delivery: the latest */

    struct field_flag is_cod; /* paid at the door */
    struct field_flag is_sample_order;
    struct field_flag is_on_hold_order;
    struct field_flag is_buyer_request_cancel;
    struct field_flag is_replacement_order;
    struct field_flag is_exchange_order;
    struct field_flag has_updated_recipient_address;
    struct field_flag is_subscription_order;
    struct field_flag actual_shipping_fee_confirmed;
    struct field_flag goods_to_declare;
    struct field_flag split_up;        /* into several packages */
    struct field_flag advance_package; /* fulfilled in advance */
    struct field_flag can_full_cancel_order;
    struct field_flag can_partial_cancel_order;

    struct field_count fulfillment_priority_level;   /* a rank, no unit */
    struct field_count order_chargeable_weight_gram; /* grams */
    struct field_object handling_duration;           /* struct order_handling */
    struct field_list packages;                      /* of struct order_package */
    struct field_object payment;                     /* struct order_payment */
    struct field_object recipient_address;           /* struct order_address */
    struct field_any invoice_data;                   /* as the platform sends it */
    struct field_any payment_info;                   /* as the platform sends it */
    struct field_list line_items;                    /* of struct order_line */
    struct field_extra extra;                        /* members no mapping knows */
};

extern const struct entity order_entity;
extern const struct entity order_line_entity;
extern const struct entity order_tax_entity;
extern const struct entity order_combined_sku_entity;
extern const struct entity order_promotion_entity;
extern const struct entity order_package_entity;
extern const struct entity order_package_line_entity;
extern const struct entity order_handling_entity;
extern const struct entity order_payment_entity;
extern const struct entity order_address_entity;
extern const struct entity order_district_entity;
extern const struct entity order_delivery_preferences_entity;

#endif
