/* tracking_shopee.c - worker, stage 5: how Shopee's packages and tracking map onto struct tracking.
 *
 * In:      an object composed by stage 4; members the platform lacks are absent:
 *            {"order_sn", "order_status", "update_time", "create_time", "shipping_carrier",       of the order
 *             "package_list": [{package detail, and of get_tracking_info: "logistics_status", "tracking_info": [...],
 *                               "reversed_tracking_number", "reversed_tracking_info": [...]}]}
 *          A package whose detail the platform left out is the order's own member of package_list.
 * Out:     the recipe; recipe_document makes the document with it.
 * Fails:   never; constants and small functions.
 * Thread:  any.
 * Why so:  here events belong to packages and not to the order: an order may be split, and each part travels alone. */
#include "worker/dto/order_shopee.h"
#include "worker/dto/recipe.h"
#include "worker/dto/tracking.h"

static const struct mapping_row shopee_item_rows[] = {
    MAP(tracking_item, "item_id", product_id, NULL),
    MAP(tracking_item, "model_id", sku_id, NULL),
    MAP(tracking_item, "model_quantity", quantity, NULL),
    MAP(tracking_item, "order_item_id", order_item_id, NULL),
    MAP(tracking_item, "product_location_id", product_location_id, NULL),
    MAP(tracking_item, "promotion_group_id", promotion_group_id, NULL),
};

MAPPING_TABLE(shopee_item, tracking_item);

static const struct mapping_row shopee_address_rows[] = {
    MAP(tracking_address, "city", city, NULL),
    MAP(tracking_address, "district", district, NULL),
    MAP(tracking_address, "full_address", full_address, NULL),
    MAP(tracking_address, "name", name, NULL),
    MAP(tracking_address, "phone", phone_number, NULL),
    MAP(tracking_address, "region", region_code, NULL),
    MAP(tracking_address, "state", state, NULL),
    MAP(tracking_address, "town", town, NULL),
    MAP(tracking_address, "zipcode", postal_code, NULL),
};

MAPPING_TABLE(shopee_address, tracking_address);

static const struct mapping_row shopee_event_rows[] = {
    MAP(tracking_event, "description", description, NULL),
    MAP(tracking_event, "logistics_status", status, NULL),
    MAP(tracking_event, "return_code", return_code, NULL),
    MAP(tracking_event, "update_time", time, NULL),
};

MAPPING_TABLE(shopee_event, tracking_event);

static const struct mapping_row shopee_package_rows[] = {
    MAP(tracking_package, "allow_self_design_awb", allow_self_design_awb, NULL),
    MAP(tracking_package, "fulfillment_status", package_status, NULL),
    MAP(tracking_package, "group_shipment_id", group_shipment_id, NULL),
    MAP(tracking_package, "is_split_up", is_split_up, NULL),
    MAP(tracking_package, "item_list", line_items, &shopee_item),
    MAP(tracking_package, "logistics_channel_id", logistics_channel_id, NULL),
    MAP(tracking_package, "logistics_status", logistics_status, NULL),
    MAP(tracking_package, "order_sn", order_id, NULL),
    MAP(tracking_package, "package_number", package_id, NULL),
    MAP(tracking_package, "parcel_chargeable_weight", parcel_chargeable_weight_gram, NULL),
    MAP(tracking_package, "parcel_chargeable_weight_gram", parcel_chargeable_weight_gram, NULL),
    MAP(tracking_package, "pickup_done_time", collection_time, NULL),
    MAP(tracking_package, "recipient_address", recipient_address, &shopee_address),
    MAP(tracking_package, "reversed_tracking_info", reversed_events, &shopee_event),
    MAP(tracking_package, "reversed_tracking_number", reversed_tracking_number, NULL),
    MAP(tracking_package, "ship_by_date", rts_sla_time, NULL),
    MAP(tracking_package, "shipping_carrier", shipping_provider_name, NULL),
    MAP(tracking_package, "tracking_info", events, &shopee_event),
    MAP(tracking_package, "tracking_number", tracking_number, NULL),
    MAP(tracking_package, "update_time", update_time, NULL),
};

MAPPING_TABLE(shopee_package, tracking_package);

static const struct mapping_row shopee_tracking_rows[] = {
    MAP(tracking, "create_time", create_time, NULL),
    MAP(tracking, "order_sn", order_id, NULL),
    MAP(tracking, "order_status", status, NULL),
    MAP(tracking, "package_list", packages, &shopee_package),
    MAP(tracking, "shipping_carrier", shipping_provider, NULL),
    MAP(tracking, "update_time", update_time, NULL),
};

MAPPING_TABLE(shopee_tracking, tracking);

/* --- what tables cannot say ------------------------------------------------------------------------ */

/* The order's own member of package_list knows one status only, and there it is the package's (order_shopee.c). */
static void finish_package(struct tracking_package *package)
{
    if (package->package_status.state == FIELD_ABSENT)
        package->package_status = package->logistics_status;
    tracking_sort_events(&package->events);
    tracking_sort_events(&package->reversed_events);
}

static void finish(void *dto, yyjson_val *json, const struct dto_context *context, struct arena *scratch,
                   struct field_problems *problems)
{
    struct tracking *tracking = dto;
    struct tracking_package *packages = tracking->packages.items;

    (void)json;
    (void)scratch;
    (void)problems;
    order_shopee_set_state(&tracking->state, &tracking->status);
    recipe_set_id(&tracking->order_id, context);
    for (size_t i = 0; tracking->packages.state == FIELD_HELD && i < tracking->packages.count; i++)
        finish_package(&packages[i]);
}

static int64_t update_ms(yyjson_val *json)
{
    return tracking_update_ms(json, "package_list");
}

const struct recipe recipe_tracking_shopee = {
    .platform = "shopee",
    .kind = ENTRY_TRACKING,
    .collection = "order_tracking_status",
    .id_prefix = "",
    .mapping = &shopee_tracking,
    .size = sizeof(struct tracking),
    .finish = finish,
    .update_ms = update_ms,
};
