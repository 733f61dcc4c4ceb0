/* tracking_tiktok.c - worker, stage 5: how TikTok Shop's packages and tracking map onto struct tracking.
 *
 * In:      an object composed by stage 4; members the platform lacks are absent:
 *            {"order_id", "order_status", "update_time", "create_time", "shipping_provider", "shipping_provider_id",
 *             "tracking_number",                           of the order; the last three are the order's own
 *             "packages": [package detail, or {"package_id"} of one the platform left out],
 *             "tracking": [{"description", "update_time_millis", "action_code"}]}
 * Out:     the recipe; recipe_document makes the document with it.
 * Fails:   never; constants and small functions.
 * Thread:  any.
 * Why so:  the platform's own words are to be trimmed, but only here: everywhere else it sends them clean. */
#include <string.h>

#include "worker/dto/order_tiktok.h"
#include "worker/dto/recipe.h"
#include "worker/dto/tracking.h"

static const struct mapping_row tiktok_sku_rows[] = {
    MAP(tracking_item, "id", sku_id, NULL),
    MAP(tracking_item, "image_url", sku_image, NULL),
    MAP(tracking_item, "name", sku_name, NULL),
    MAP(tracking_item, "quantity", quantity, NULL),
};

MAPPING_TABLE(tiktok_sku, tracking_item);

static const struct mapping_row tiktok_order_rows[] = {
    MAP(tracking_order, "id", order_id, NULL),
    MAP(tracking_order, "skus", line_items, &tiktok_sku),
};

MAPPING_TABLE(tiktok_order, tracking_order);

static const struct mapping_row tiktok_address_rows[] = {
    MAP(tracking_address, "address_detail", address_detail, NULL),
    MAP(tracking_address, "address_line1", address_line1, NULL),
    MAP(tracking_address, "address_line2", address_line2, NULL),
    MAP(tracking_address, "address_line3", address_line3, NULL),
    MAP(tracking_address, "address_line4", address_line4, NULL),
    MAP(tracking_address, "full_address", full_address, NULL),
    MAP(tracking_address, "name", name, NULL),
    MAP(tracking_address, "phone_number", phone_number, NULL),
    MAP(tracking_address, "postal_code", postal_code, NULL),
    MAP(tracking_address, "region_code", region_code, NULL),
};

MAPPING_TABLE(tiktok_address, tracking_address);

static const struct mapping_row tiktok_slot_rows[] = {
    MAP(tracking_slot, "end_time", end_time, NULL),
    MAP(tracking_slot, "start_time", start_time, NULL),
};

MAPPING_TABLE(tiktok_slot, tracking_slot);

static const struct mapping_row tiktok_weight_rows[] = {
    MAP(tracking_weight, "unit", unit, NULL),
    MAP(tracking_weight, "value", value, NULL),
};

MAPPING_TABLE(tiktok_weight, tracking_weight);

static const struct mapping_row tiktok_dimension_rows[] = {
    MAP(tracking_dimension, "height", height, NULL),
    MAP(tracking_dimension, "length", length, NULL),
    MAP(tracking_dimension, "unit", unit, NULL),
    MAP(tracking_dimension, "width", width, NULL),
};

MAPPING_TABLE(tiktok_dimension, tracking_dimension);

static const struct mapping tiktok_insurance = {&tracking_insurance_entity, NULL, 0};

static const struct mapping_row tiktok_package_rows[] = {
    MAP(tracking_package, "create_time", create_time, NULL),
    MAP(tracking_package, "delivery_option_id", delivery_option_id, NULL),
    MAP(tracking_package, "delivery_option_name", delivery_option_name, NULL),
    MAP(tracking_package, "dimension", dimension, &tiktok_dimension),
    MAP(tracking_package, "handover_method", handover_method, NULL),
    MAP(tracking_package, "has_multi_skus", has_multi_skus, NULL),
    MAP(tracking_package, "insurance", insurance, &tiktok_insurance),
    MAP(tracking_package, "last_mile_tracking_number", last_mile_tracking_number, NULL),
    MAP(tracking_package, "note_tag", note_tag, NULL),
    MAP(tracking_package, "order_line_item_ids", order_line_item_ids, NULL),
    MAP(tracking_package, "orders", orders, &tiktok_order),
    MAP(tracking_package, "package_id", package_id, NULL),
    MAP(tracking_package, "package_status", package_status, NULL),
    MAP(tracking_package, "package_sub_status", package_sub_status, NULL),
    MAP(tracking_package, "pickup_slot", pickup_slot, &tiktok_slot),
    MAP(tracking_package, "recipient_address", recipient_address, &tiktok_address),
    MAP(tracking_package, "sender_address", sender_address, &tiktok_address),
    MAP(tracking_package, "ship_exception_reason", ship_exception_reason, NULL),
    MAP(tracking_package, "shipping_provider_id", shipping_provider_id, NULL),
    MAP(tracking_package, "shipping_provider_name", shipping_provider_name, NULL),
    MAP(tracking_package, "shipping_type", shipping_type, NULL),
    MAP(tracking_package, "split_and_combine_tag", split_and_combine_tag, NULL),
    MAP(tracking_package, "tracking_number", tracking_number, NULL),
    MAP(tracking_package, "update_time", update_time, NULL),
    MAP(tracking_package, "weight", weight, &tiktok_weight),
};

MAPPING_TABLE(tiktok_package, tracking_package);

static const struct mapping_row tiktok_event_rows[] = {
    MAP(tracking_event, "action_code", code, NULL),
    MAP(tracking_event, "description", description, NULL),
    MAP_MILLIS(tracking_event, "update_time_millis", time),
};

MAPPING_TABLE(tiktok_event, tracking_event);

static const struct mapping_row tiktok_tracking_rows[] = {
    MAP(tracking, "create_time", create_time, NULL),
    MAP(tracking, "order_id", order_id, NULL),
    MAP(tracking, "order_status", status, NULL),
    MAP(tracking, "packages", packages, &tiktok_package),
    MAP(tracking, "shipping_provider", shipping_provider, NULL),
    MAP(tracking, "shipping_provider_id", shipping_provider_id, NULL),
    MAP(tracking, "tracking", events, &tiktok_event),
    MAP(tracking, "tracking_number", tracking_number, NULL),
    MAP(tracking, "update_time", update_time, NULL),
};

MAPPING_TABLE(tiktok_tracking, tracking);

/* --- what tables cannot say ------------------------------------------------------------------------ */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void trim(struct field_text *text)
{
    if (text->state != FIELD_HELD)
        return;
    while (text->length > 0 && is_blank(text->data[text->length - 1]))
        text->length--;
    while (text->length > 0 && is_blank(*text->data)) {
        text->data++;
        text->length--;
    }
    if (text->length == 0)
        text->state = FIELD_ABSENT;
}

static void trim_package(struct tracking_package *package)
{
    struct field_text *const words[] = {&package->package_status,        &package->package_sub_status,
                                        &package->ship_exception_reason, &package->shipping_type,
                                        &package->split_and_combine_tag, &package->note_tag,
                                        &package->handover_method};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        trim(words[i]);
}

static void finish(void *dto, yyjson_val *json, const struct dto_context *context, struct arena *scratch,
                   struct field_problems *problems)
{
    struct tracking *tracking = dto;
    struct tracking_package *packages = tracking->packages.items;

    (void)json;
    (void)scratch;
    (void)problems;
    order_tiktok_set_state(&tracking->state, &tracking->status);
    recipe_set_id(&tracking->order_id, context);
    tracking_sort_events(&tracking->events);
    for (size_t i = 0; tracking->packages.state == FIELD_HELD && i < tracking->packages.count; i++)
        trim_package(&packages[i]);
}

static int64_t update_ms(yyjson_val *json)
{
    return tracking_update_ms(json, "packages");
}

const struct recipe recipe_tracking_tiktok = {
    .platform = "tiktok",
    .kind = ENTRY_TRACKING,
    .collection = "order_tracking_status",
    .id_prefix = "",
    .mapping = &tiktok_tracking,
    .size = sizeof(struct tracking),
    .finish = finish,
    .update_ms = update_ms,
};
