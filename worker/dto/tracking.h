/* tracking.h - worker, stage 5: where an order's packages are, as every platform's answers become it.
 *
 * One document an order, its packages inside. The source is not one answer but an object that stage 4 composes of the
 * order's own members and of what the platform tells about its packages (tracking_<platform>.c draws it).
 * The structs are the document's layout, as in order.h: member names are the document's, their order is the document's.
 * Times are UTC epoch ms here and text in the document. Ids are text. All members may be absent. */
#ifndef SHOPSTREAM_WORKER_DTO_TRACKING_H
#define SHOPSTREAM_WORKER_DTO_TRACKING_H

#include "worker/dto/field.h"

/* One product in a package. */
struct tracking_item {
    struct field_text product_id;          /* id */
    struct field_text sku_id;              /* id */
    struct field_text order_item_id;       /* id of the order's line */
    struct field_text sku_name;            /* text */
    struct field_text sku_image;           /* URL */
    struct field_count quantity;           /* pieces */
    struct field_text promotion_group_id;  /* id */
    struct field_list product_location_id; /* of texts: ids of warehouses */
    struct field_extra extra;              /* members no mapping knows */
};

/* One of the orders a package was combined of. */
struct tracking_order {
    struct field_text order_id;   /* id */
    struct field_list line_items; /* of struct tracking_item */
    struct field_extra extra;     /* members no mapping knows */
};

/* Texts may be masked by the platform. */
struct tracking_address {
    struct field_text full_address;   /* text */
    struct field_text name;           /* text */
    struct field_text phone_number;   /* text */
    struct field_text region_code;    /* ISO 3166 code of the country */
    struct field_text postal_code;    /* text */
    struct field_text state;          /* text: of the country */
    struct field_text city;           /* text */
    struct field_text district;       /* text */
    struct field_text town;           /* text */
    struct field_text address_detail; /* text: street and number */
    struct field_text address_line1;  /* text */
    struct field_text address_line2;  /* text */
    struct field_text address_line3;  /* text */
    struct field_text address_line4;  /* text */
    struct field_extra extra;         /* members no mapping knows */
};

struct tracking_slot {
    struct field_time start_time; /* from then on */
    struct field_time end_time;   /* until then */
    struct field_extra extra;     /* members no mapping knows */
};

struct tracking_weight {
    struct field_money value; /* exact number, in unit */
    struct field_text unit;   /* word: GRAM, POUND */
    struct field_extra extra; /* members no mapping knows */
};

struct tracking_dimension {
    struct field_money length; /* exact number, in unit */
    struct field_money width;  /* exact number, in unit */
    struct field_money height; /* exact number, in unit */
    struct field_text unit;    /* word: CM, INCH */
    struct field_extra extra;  /* members no mapping knows */
};

/* Its members are not documented. */
struct tracking_insurance {
    struct field_extra extra; /* members no mapping knows */
};

/* One thing that happened on the way. */
struct tracking_event {
    struct field_time time;        /* when; spare is the place in the source, for sorting */
    struct field_text status;      /* word */
    struct field_count code;       /* the platform's number of what happened */
    struct field_text return_code; /* the platform's code of why it goes back */
    struct field_text description; /* text, in the buyer's language */
    struct field_extra extra;      /* members no mapping knows */
};

struct tracking_package {
    struct field_text package_id;             /* id */
    struct field_text package_status;         /* the platform's word */
    struct field_text shipping_provider_name; /* text */
    struct field_text shipping_provider_id;   /* id */
    struct field_text tracking_number;        /* id given by the carrier */
    struct field_time create_time;            /* when it was made up */
    struct field_time update_time;            /* when it last changed */

    struct field_text order_id;                  /* id */
    struct field_text package_sub_status;        /* word */
    struct field_text logistics_status;          /* word: where the carrier is with it */
    struct field_text ship_exception_reason;     /* word */
    struct field_text split_and_combine_tag;     /* word */
    struct field_text note_tag;                  /* word */
    struct field_text shipping_type;             /* word: who ships */
    struct field_text delivery_option_id;        /* id */
    struct field_text delivery_option_name;      /* text */
    struct field_text handover_method;           /* word */
    struct field_text last_mile_tracking_number; /* id given by the last carrier */
    struct field_text reversed_tracking_number;  /* id given by the carrier for the way back */
    struct field_text logistics_channel_id;      /* id */
    struct field_text group_shipment_id;         /* id of a shipment of several packages */
    struct field_flag has_multi_skus;
    struct field_count parcel_chargeable_weight_gram; /* grams */
    struct field_flag allow_self_design_awb;          /* the seller may print a label of his own */
    struct field_flag is_split_up;
    struct field_time rts_sla_time;        /* latest moment to have it ready to ship */
    struct field_time collection_time;     /* when the carrier took it */
    struct field_object pickup_slot;       /* struct tracking_slot: when the carrier comes */
    struct field_list order_line_item_ids; /* of ids: lines of its orders */
    struct field_list orders;              /* of struct tracking_order */
    struct field_list line_items;          /* of struct tracking_item */
    struct field_object recipient_address; /* struct tracking_address */
    struct field_object sender_address;    /* struct tracking_address */
    struct field_object weight;            /* struct tracking_weight */
    struct field_object dimension;         /* struct tracking_dimension */
    struct field_object insurance;         /* struct tracking_insurance */
    struct field_list events;              /* of struct tracking_event, newest first */
    struct field_list reversed_events;     /* of struct tracking_event on the way back, newest first */
    struct field_extra extra;              /* members no mapping knows */
};

struct tracking {
    struct field_text order_id; /* id */
    struct field_text status;   /* the platform's word for the order */
    struct field_text state;    /* the common word, made from status; never absent in a document */

    struct field_text shipping_provider;    /* text */
    struct field_text shipping_provider_id; /* id */
    struct field_text tracking_number;      /* id given by the carrier */
    struct field_time create_time;          /* when the order was placed */
    struct field_time update_time;          /* when the order last changed */
    struct field_list packages;             /* of struct tracking_package, in the order of the source */
    struct field_list events;               /* of struct tracking_event: of the whole order, newest first */
    struct field_extra extra;               /* members no mapping knows */
};

extern const struct entity tracking_item_entity;
extern const struct entity tracking_order_entity;
extern const struct entity tracking_address_entity;
extern const struct entity tracking_slot_entity;
extern const struct entity tracking_weight_entity;
extern const struct entity tracking_dimension_entity;
extern const struct entity tracking_insurance_entity;
extern const struct entity tracking_event_entity;
extern const struct entity tracking_package_entity;
extern const struct entity tracking_entity;

/* Newest first; what shares a time keeps its order, what has none comes last. of struct tracking_event. */
void tracking_sort_events(struct field_list *events);

/* The later of the order's update time and the newest update_time in the array under packages_key, UTC epoch ms; 0: none
 * is plausible. */
int64_t tracking_update_ms(yyjson_val *json, const char *packages_key);

#endif
