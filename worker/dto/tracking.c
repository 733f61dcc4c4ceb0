/* tracking.c - worker, stage 5: the entity tables of an order's tracking, and what all platforms' trackings share.
 *
 * In:      filled lists of events; the composed source.
 * Out:     the lists sorted; the version.
 * Fails:   never. A member missing here does not compile; one standing in another order than in its struct fails
 *          test_recipe.
 * Thread:  any. Pure.
 * Why so:  the order's update time need not move when a package does, so the newest of all is the version. Platforms send
 *          events in an order they do not promise, and one platform's is no reason for another's content hash. */
#include "worker/dto/tracking.h"

#include <stdlib.h>

#include "worker/dto/recipe.h"

static const struct field tracking_item_fields[] = {
    FIELD(tracking_item, product_id, ID, 0, NULL),
    FIELD(tracking_item, sku_id, ID_OR_ZERO, 0, NULL),
    FIELD(tracking_item, order_item_id, ID, 0, NULL),
    FIELD(tracking_item, sku_name, TEXT, 0, NULL),
    FIELD(tracking_item, sku_image, TEXT, 0, NULL),
    FIELD(tracking_item, quantity, COUNT, 0, NULL),
    FIELD(tracking_item, promotion_group_id, ID_OR_ZERO, 0, NULL),
    FIELD(tracking_item, product_location_id, TEXTS, 0, NULL),
    FIELD(tracking_item, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(tracking_item);

static const struct field tracking_order_fields[] = {
    FIELD(tracking_order, order_id, ID, 0, NULL),
    FIELD(tracking_order, line_items, LIST, 0, &tracking_item_entity),
    FIELD(tracking_order, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(tracking_order);

static const struct field tracking_address_fields[] = {
    FIELD(tracking_address, full_address, TEXT, 0, NULL),
    FIELD(tracking_address, name, TEXT, 0, NULL),
    FIELD(tracking_address, phone_number, TEXT, 0, NULL),
    FIELD(tracking_address, region_code, TEXT, 0, NULL),
    FIELD(tracking_address, postal_code, TEXT, 0, NULL),
    FIELD(tracking_address, state, TEXT, 0, NULL),
    FIELD(tracking_address, city, TEXT, 0, NULL),
    FIELD(tracking_address, district, TEXT, 0, NULL),
    FIELD(tracking_address, town, TEXT, 0, NULL),
    FIELD(tracking_address, address_detail, TEXT, 0, NULL),
    FIELD(tracking_address, address_line1, TEXT, 0, NULL),
    FIELD(tracking_address, address_line2, TEXT, 0, NULL),
    FIELD(tracking_address, address_line3, TEXT, 0, NULL),
    FIELD(tracking_address, address_line4, TEXT, 0, NULL),
    FIELD(tracking_address, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(tracking_address);

static const struct field tracking_slot_fields[] = {
    FIELD(tracking_slot, start_time, TIME, 0, NULL),
    FIELD(tracking_slot, end_time, TIME, 0, NULL),
    FIELD(tracking_slot, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(tracking_slot);

static const struct field tracking_weight_fields[] = {
    FIELD(tracking_weight, value, MONEY, 0, NULL),
    FIELD(tracking_weight, unit, TEXT, 0, NULL),
    FIELD(tracking_weight, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(tracking_weight);

static const struct field tracking_dimension_fields[] = {
    FIELD(tracking_dimension, length, MONEY, 0, NULL), FIELD(tracking_dimension, width, MONEY, 0, NULL),
    FIELD(tracking_dimension, height, MONEY, 0, NULL), FIELD(tracking_dimension, unit, TEXT, 0, NULL),
    FIELD(tracking_dimension, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(tracking_dimension);

static const struct field tracking_insurance_fields[] = {
    FIELD(tracking_insurance, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(tracking_insurance);

static const struct field tracking_event_fields[] = {
    FIELD(tracking_event, time, TIME, 0, NULL),        FIELD(tracking_event, status, TEXT, 0, NULL),
    FIELD(tracking_event, code, COUNT, 0, NULL),       FIELD(tracking_event, return_code, ID, 0, NULL),
    FIELD(tracking_event, description, TEXT, 0, NULL), FIELD(tracking_event, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(tracking_event);

static const struct field tracking_package_fields[] = {
    FIELD(tracking_package, package_id, ID, 0, NULL),
    FIELD(tracking_package, package_status, TEXT, 0, NULL),
    FIELD(tracking_package, shipping_provider_name, TEXT, 0, NULL),
    FIELD(tracking_package, shipping_provider_id, ID_OR_ZERO, 0, NULL),
    FIELD(tracking_package, tracking_number, ID, 0, NULL),
    FIELD(tracking_package, create_time, TIME, 0, NULL),
    FIELD(tracking_package, update_time, TIME, 0, NULL),
    FIELD(tracking_package, order_id, ID, 0, NULL),
    FIELD(tracking_package, package_sub_status, TEXT, 0, NULL),
    FIELD(tracking_package, logistics_status, TEXT, 0, NULL),
    FIELD(tracking_package, ship_exception_reason, TEXT, 0, NULL),
    FIELD(tracking_package, split_and_combine_tag, TEXT, 0, NULL),
    FIELD(tracking_package, note_tag, TEXT, 0, NULL),
    FIELD(tracking_package, shipping_type, TEXT, 0, NULL),
    FIELD(tracking_package, delivery_option_id, ID_OR_ZERO, 0, NULL),
    FIELD(tracking_package, delivery_option_name, TEXT, 0, NULL),
    FIELD(tracking_package, handover_method, TEXT, 0, NULL),
    FIELD(tracking_package, last_mile_tracking_number, ID, 0, NULL),
    FIELD(tracking_package, reversed_tracking_number, ID, 0, NULL),
    FIELD(tracking_package, logistics_channel_id, ID_OR_ZERO, 0, NULL),
    FIELD(tracking_package, group_shipment_id, ID_OR_ZERO, 0, NULL),
    FIELD(tracking_package, has_multi_skus, FLAG, 0, NULL),
    FIELD(tracking_package, parcel_chargeable_weight_gram, COUNT, 0, NULL),
    FIELD(tracking_package, allow_self_design_awb, FLAG, 0, NULL),
    FIELD(tracking_package, is_split_up, FLAG, 0, NULL),
    FIELD(tracking_package, rts_sla_time, TIME, 0, NULL),
    FIELD(tracking_package, collection_time, TIME, 0, NULL),
    FIELD(tracking_package, pickup_slot, OBJECT, 0, &tracking_slot_entity),
    FIELD(tracking_package, order_line_item_ids, TEXTS, 0, NULL),
    FIELD(tracking_package, orders, LIST, 0, &tracking_order_entity),
    FIELD(tracking_package, line_items, LIST, 0, &tracking_item_entity),
    FIELD(tracking_package, recipient_address, OBJECT, 0, &tracking_address_entity),
    FIELD(tracking_package, sender_address, OBJECT, 0, &tracking_address_entity),
    FIELD(tracking_package, weight, OBJECT, 0, &tracking_weight_entity),
    FIELD(tracking_package, dimension, OBJECT, 0, &tracking_dimension_entity),
    FIELD(tracking_package, insurance, OBJECT, 0, &tracking_insurance_entity),
    FIELD(tracking_package, events, LIST, 0, &tracking_event_entity),
    FIELD(tracking_package, reversed_events, LIST, 0, &tracking_event_entity),
    FIELD(tracking_package, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(tracking_package);

static const struct field tracking_fields[] = {
    FIELD(tracking, order_id, ID, FIELD_REQUIRED | FIELD_KEY, NULL),
    FIELD(tracking, status, TEXT, FIELD_REQUIRED | FIELD_KEY, NULL),
    FIELD(tracking, state, TEXT, FIELD_KEY | FIELD_MADE, NULL),
    FIELD(tracking, shipping_provider, TEXT, 0, NULL),
    FIELD(tracking, shipping_provider_id, ID_OR_ZERO, 0, NULL),
    FIELD(tracking, tracking_number, ID, 0, NULL),
    FIELD(tracking, create_time, TIME, 0, NULL),
    FIELD(tracking, update_time, TIME, FIELD_REQUIRED, NULL),
    FIELD(tracking, packages, LIST, 0, &tracking_package_entity),
    FIELD(tracking, events, LIST, 0, &tracking_event_entity),
    FIELD(tracking, extra, EXTRA, 0, NULL),
};

ENTITY_TABLE(tracking);
/* --- what tables cannot say ------------------------------------------------------------------------ */

/* A time that is not held is 0, and so the oldest. */
static int by_time(const void *left, const void *right)
{
    const struct tracking_event *a = left, *b = right;

    if (a->time.ms != b->time.ms)
        return a->time.ms > b->time.ms ? -1 : 1;
    return a->time.spare < b->time.spare ? -1 : a->time.spare > b->time.spare;
}

/* qsort need not be stable: the place in the source decides between equal times. */
void tracking_sort_events(struct field_list *events)
{
    struct tracking_event *items = events->items;

    if (events->state != FIELD_HELD)
        return;
    for (size_t i = 0; i < events->count; i++)
        items[i].time.spare = (int64_t)i;
    qsort(items, events->count, sizeof *items, by_time);
}

int64_t tracking_update_ms(yyjson_val *json, const char *packages_key)
{
    int64_t newest = recipe_seconds_ms(json, "update_time");
    yyjson_arr_iter packages;
    yyjson_val *package;

    yyjson_arr_iter_init(yyjson_obj_get(json, packages_key), &packages);
    while ((package = yyjson_arr_iter_next(&packages))) {
        int64_t ms = recipe_seconds_ms(package, "update_time");

        if (ms > newest)
            newest = ms;
    }
    return newest;
}
