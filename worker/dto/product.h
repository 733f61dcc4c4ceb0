/* product.h - worker, stage 5: a product with its SKUs as every platform's products become one.
 *
 * The structs are the document's layout, as in order.h. What can be bought is always in skus: a product without variants
 * has one SKU, made of the product itself (product_shopee.c). Money stands in the currency named next to it. All members
 * may be absent. */
#ifndef SHOPSTREAM_WORKER_DTO_PRODUCT_H
#define SHOPSTREAM_WORKER_DTO_PRODUCT_H

#include "worker/dto/field.h"

struct product_category {
    struct field_text category_id; /* id */
    struct field_text parent_id;   /* id of the category above */
    struct field_text local_name;  /* text */
    struct field_flag is_leaf;     /* whether products can be in it */
    struct field_extra extra;      /* members no mapping knows */
};

struct product_brand {
    struct field_text brand_id; /* id */
    struct field_text name;     /* text */
    struct field_extra extra;   /* members no mapping knows */
};

struct product_image {
    struct field_text uri;        /* the platform's name of the picture */
    struct field_count width;     /* pixels */
    struct field_count height;    /* pixels */
    struct field_list urls;       /* URLs, all of the same picture */
    struct field_list thumb_urls; /* URLs */
    struct field_extra extra;     /* members no mapping knows */
};

struct product_video {
    struct field_text video_id;  /* id */
    struct field_text url;       /* URL */
    struct field_text cover_url; /* URL of a picture */
    struct field_extra extra;    /* members no mapping knows */
};

/* The picture list of a platform that sends addresses and names apart; never in a document unless it has members no mapping knows. */
struct product_image_lists {
    struct field_list image_url_list; /* URLs */
    struct field_list image_id_list;  /* names of the same pictures */
    struct field_extra extra;         /* members no mapping knows */
};

/* Of the parcel. */
struct product_dimensions {
    struct field_money length; /* in unit */
    struct field_money width;  /* in unit */
    struct field_money height; /* in unit */
    struct field_text unit;    /* word */
    struct field_extra extra;  /* members no mapping knows */
};

struct product_weight {
    struct field_money value; /* in unit */
    struct field_text unit;   /* word */
    struct field_extra extra; /* members no mapping knows */
};

struct product_attribute_value {
    struct field_text value_id; /* id */
    struct field_text name;     /* text */
    struct field_extra extra;   /* members no mapping knows */
};

struct product_attribute {
    struct field_text attribute_id; /* id */
    struct field_text name;         /* text */
    struct field_list values;       /* of struct product_attribute_value */
    struct field_extra extra;       /* members no mapping knows */
};

struct product_delivery_option {
    struct field_text delivery_option_id; /* id */
    struct field_text name;               /* text */
    struct field_flag is_available;
    struct field_extra extra; /* members no mapping knows */
};

struct product_audit {
    struct field_text status;               /* word */
    struct field_list pre_approved_reasons; /* words */
    struct field_extra extra;               /* members no mapping knows */
};

struct product_audit_failure {
    struct field_text position;         /* text: what was found wrong */
    struct field_list reasons;          /* texts */
    struct field_list suggestions;      /* texts */
    struct field_text listing_platform; /* word */
    struct field_extra extra;           /* members no mapping knows */
};

struct product_price {
    struct field_text currency;               /* ISO 4217 code of all amounts below */
    struct field_money sale_price;            /* what a buyer pays now */
    struct field_money original_price;        /* before promotions */
    struct field_money tax_exclusive_price;   /* without taxes */
    struct field_money unit_price;            /* of one unit of measure */
    struct field_money local_price;           /* original_price in the shop's own currency */
    struct field_money local_promotion_price; /* sale_price in the shop's own currency */
    struct field_extra extra;                 /* members no mapping knows */
};

struct product_list_price {
    struct field_text currency; /* ISO 4217 code */
    struct field_money amount;  /* the price the manufacturer recommends */
    struct field_extra extra;   /* members no mapping knows */
};

/* Stock in one place. */
struct product_stock {
    struct field_text warehouse_id;        /* id */
    struct field_count quantity;           /* pieces */
    struct field_count backorder_quantity; /* pieces that may be sold without being there */
    struct field_count handling_time;      /* days until a piece can be shipped */
    struct field_flag is_saleable;
    struct field_extra extra; /* members no mapping knows */
};

struct product_sku_status {
    struct field_text status;              /* word */
    struct field_text deactivation_source; /* word */
    struct field_extra extra;              /* members no mapping knows */
};

struct product_fee {
    struct field_text type;                 /* word */
    struct field_money amount;              /* in the currency of the price */
    struct field_text additional_attribute; /* text */
    struct field_extra extra;               /* members no mapping knows */
};

struct product_identifier {
    struct field_text code;   /* the number on the bar code */
    struct field_text type;   /* word: of which system */
    struct field_extra extra; /* members no mapping knows */
};

/* What tells this SKU from the others. */
struct product_sales_attribute {
    struct field_text attribute_id; /* id */
    struct field_text name;         /* text: "colour" */
    struct field_text value_id;     /* id */
    struct field_text value_name;   /* text: "red" */
    struct field_object sku_img;    /* struct product_image */
    struct field_extra extra;       /* members no mapping knows */
};

/* One SKU that a combined one consists of. */
struct product_combined_sku {
    struct field_text product_id; /* id */
    struct field_text sku_id;     /* id */
    struct field_count sku_count; /* pieces */
    struct field_text seller_sku; /* text: the seller's own code */
    struct field_text title;      /* text */
    struct field_extra extra;     /* members no mapping knows */
};

struct product_pre_order {
    struct field_flag is_pre_order;
    struct field_count days_to_ship; /* days */
    struct field_extra extra;        /* members no mapping knows */
};

struct product_sku {
    struct field_text sku_id;          /* id; absent in the SKU made of a product without SKUs */
    struct field_text seller_sku;      /* text: the seller's own code */
    struct field_text external_sku_id; /* id in somebody else's system */
    struct field_money sku_unit_count; /* units of measure in a piece */
    struct field_text promotion_id;    /* id */
    struct field_flag has_promotion;
    struct field_object status_info; /* struct product_sku_status */
    struct field_object price;       /* struct product_price */
    struct field_list price_info;    /* of struct product_price: all of them, where there are several */
    struct field_object list_price;  /* struct product_list_price */
    struct field_list fees;          /* of struct product_fee */
    struct field_list inventory;     /* of struct product_stock */
    struct field_list shopee_stock;  /* of struct product_stock: in the platform's own warehouses */
    struct field_count total_available_stock; /* pieces */
    struct field_count total_reserved_stock;  /* pieces */
    struct field_object identifier_code;      /* struct product_identifier */
    struct field_list sales_attributes;       /* of struct product_sales_attribute */
    struct field_list tier_index;             /* which option of each tier_variation of the product */
    struct field_list combined_skus;          /* of struct product_combined_sku */
    struct field_any pre_sale;                /* as the platform sends it */
    struct field_object pre_order;            /* struct product_pre_order */
    struct field_object package_weight;       /* struct product_weight */
    struct field_object package_dimensions;   /* struct product_dimensions */
    struct field_extra extra;                 /* members no mapping knows */
};

struct product_tier_option {
    struct field_text option; /* text: "red" */
    struct field_any image;   /* as the platform sends it */
    struct field_extra extra; /* members no mapping knows */
};

struct product_tier {
    struct field_text name;        /* text: "colour" */
    struct field_list option_list; /* of struct product_tier_option */
    struct field_extra extra;      /* members no mapping knows */
};

struct product {
    struct field_text product_id; /* id */
    struct field_text status;     /* the platform's word */
    struct field_text state;      /* the common word, made from status; never absent in a document */

    struct field_text title;               /* text */
    struct field_text description;         /* text, may be HTML */
    struct field_text description_type;    /* word */
    struct field_text product_status;      /* word: the status without reviews */
    struct field_text external_product_id; /* id in somebody else's system */
    struct field_text item_sku;            /* text: the seller's own code */
    struct field_text condition;           /* word: new or used */
    struct field_text category_id;         /* id of the category it is in */
    struct field_list product_types;       /* words */
    struct field_list sales_regions;       /* ISO 3166 codes */
    struct field_text item_dangerous;      /* numbered word */

    struct field_time create_time;            /* when it was created */
    struct field_time update_time;            /* when it last changed: the document's version */
    struct field_time scheduled_publish_time; /* when it will be published */

    struct field_flag is_cod_allowed;
    struct field_flag is_not_for_sale;
    struct field_flag is_pre_owned;
    struct field_flag is_replicated;
    struct field_flag has_draft;
    struct field_flag has_model; /* whether it has SKUs of its own */
    struct field_flag has_promotion;
    struct field_flag is_fulfillment_by_shopee;
    struct field_flag deboost; /* whether the platform shows it less */

    struct field_count minimum_order_quantity; /* pieces */
    struct field_list category_chains;         /* of struct product_category, topmost first */
    struct field_list recommended_categories;  /* of struct product_category */
    struct field_object brand;                 /* struct product_brand */
    struct field_list main_images;             /* of struct product_image */
    struct field_object image; /* struct product_image_lists: only what main_images cannot hold */
    struct field_object video; /* struct product_video */
    struct field_object package_dimensions; /* struct product_dimensions */
    struct field_object package_weight;     /* struct product_weight */
    struct field_list product_attributes;   /* of struct product_attribute */
    struct field_list delivery_options;     /* of struct product_delivery_option */
    struct field_object audit;              /* struct product_audit */
    struct field_list audit_failed_reasons; /* of struct product_audit_failure */
    struct field_object pre_order;          /* struct product_pre_order */

    struct field_object price;      /* struct product_price; a product with SKUs has none */
    struct field_list price_info;   /* of struct product_price: all of them, where there are several */
    struct field_list inventory;    /* of struct product_stock: sums over the SKUs */
    struct field_list shopee_stock; /* of struct product_stock: in the platform's own warehouses */
    struct field_count total_available_stock; /* pieces */
    struct field_count total_reserved_stock;  /* pieces */
    struct field_object identifier_code;      /* struct product_identifier */

    struct field_any attribute_list; /* this and the following as the platform sends them */
    struct field_any logistic_info;
    struct field_any wholesales;
    struct field_any video_info;
    struct field_any tag;
    struct field_any tax_info;
    struct field_any description_info;
    struct field_any purchase_limit_info;
    struct field_any certification_info;
    struct field_any standardise_tier_variation;

    struct field_list tier_variation; /* of struct product_tier: what tier_index counts in */
    struct field_list skus;           /* of struct product_sku */
    struct field_extra extra;         /* members no mapping knows */
};

extern const struct entity product_category_entity;
extern const struct entity product_brand_entity;
extern const struct entity product_image_entity;
extern const struct entity product_video_entity;
extern const struct entity product_image_lists_entity;
extern const struct entity product_dimensions_entity;
extern const struct entity product_weight_entity;
extern const struct entity product_attribute_value_entity;
extern const struct entity product_attribute_entity;
extern const struct entity product_delivery_option_entity;
extern const struct entity product_audit_entity;
extern const struct entity product_audit_failure_entity;
extern const struct entity product_price_entity;
extern const struct entity product_list_price_entity;
extern const struct entity product_stock_entity;
extern const struct entity product_sku_status_entity;
extern const struct entity product_fee_entity;
extern const struct entity product_identifier_entity;
extern const struct entity product_sales_attribute_entity;
extern const struct entity product_combined_sku_entity;
extern const struct entity product_pre_order_entity;
extern const struct entity product_sku_entity;
extern const struct entity product_tier_option_entity;
extern const struct entity product_tier_entity;
extern const struct entity product_entity;

#endif
