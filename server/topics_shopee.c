/* topics_shopee.c - server, stage 3 of 5: Shopee's table of push codes.
 *
 * A row says which entity a code speaks of. The order id is called ordersn in some codes and order_sn in others, so both are
 * read everywhere; `data` is an object, was seen as a JSON text, and is said to be a list where shops are named.
 *
 * Only the order's status push (3) moves a time we can compare: its update_time is the order's. Packages, prices and returns
 * bring times of their own, which are given to that entity and promise nothing; where no time is the entity's there is
 * none, and the envelope's, which tells when the push was sent, never stands in.
 *
 * Key: shop, code, entity, time and a hash of all that was said. msg_id takes no part, because nobody knows whether a repeat
 * keeps it. Where the data has no time of its own, the envelope's time tells two changes apart that say the same (a
 * tracking number that is taken away and given back): a repeat too many costs one read, a push dropped costs data.
 *
 * What has no entity of ours (bookings, consignment, chat, videos ...), and codes no row knows, are kept as they are. */
#include "server/topics_shopee.h"

#include <string.h>

#include "common/hmac.h"
#include "common/number.h"

/* Which entities a code names. */
enum shape {
    SHAPE_ORDER,  /* data.ordersn or data.order_sn */
    SHAPE_RETURN, /* data.return_sn, and the order it is of */
    SHAPE_ITEM,   /* data.item_id */
    SHAPE_SHOPS,  /* any number of shops, maybe none */
    SHAPE_LIST,   /* data.list[], each with a shop of its own; kept as it is, once a shop */
    SHAPE_OTHER,  /* kept as it is */
};

/* What data.update_time, or the largest of them in lists, is the time of. */
enum timed {
    TIMED_NOT,      /* there is none */
    TIMED_SELF,     /* of the first entity */
    TIMED_TRACKING, /* of the order's package */
    TIMED_ELSE,     /* of something that is no entity of ours: good for the key only */
};

struct row {
    int code;
    enum shape shape;
    enum timed timed;
    bool moves;    /* the change moves the entity's update time */
    bool tracking; /* SHAPE_ORDER: the order's tracking changed as well */
};

/* Sorted by code. 14, 17, 26, 32, 39-46 were never described. */
static const struct row rows[] = {
    {0, SHAPE_OTHER, TIMED_NOT, false, false},      /* test message, where those are not set aside */
    {1, SHAPE_SHOPS, TIMED_NOT, false, false},      /* shop_authorization_push */
    {2, SHAPE_SHOPS, TIMED_NOT, false, false},      /* shop_authorization_canceled_push */
    {3, SHAPE_ORDER, TIMED_SELF, true, false},      /* order_status_push */
    {4, SHAPE_ORDER, TIMED_NOT, false, true},       /* order_trackingno_push */
    {5, SHAPE_OTHER, TIMED_NOT, false, false},      /* seller inbox notice */
    {6, SHAPE_OTHER, TIMED_NOT, false, false},      /* banned_item_push, retired for 16 */
    {7, SHAPE_ITEM, TIMED_ELSE, false, false},      /* item_promotion_push: the promotion's time */
    {8, SHAPE_ITEM, TIMED_ELSE, false, false},      /* reserved_stock_change_push: same */
    {9, SHAPE_ITEM, TIMED_ELSE, false, false},      /* promotion_update_push: same */
    {10, SHAPE_OTHER, TIMED_NOT, false, false},     /* webchat_push */
    {11, SHAPE_OTHER, TIMED_NOT, false, false},     /* video upload */
    {12, SHAPE_SHOPS, TIMED_NOT, false, false},     /* open_api_authorization_expiry */
    {13, SHAPE_OTHER, TIMED_NOT, false, false},     /* brand registration result */
    {15, SHAPE_ORDER, TIMED_NOT, false, false},     /* shipping_document_status_push */
    {16, SHAPE_ITEM, TIMED_ELSE, false, false},     /* violation_item_push: the violations' times */
    {18, SHAPE_OTHER, TIMED_NOT, false, false},     /* consignment: product created */
    {19, SHAPE_OTHER, TIMED_NOT, false, false},     /* consignment: product reviewed */
    {20, SHAPE_OTHER, TIMED_NOT, false, false},     /* consignment: purchase order */
    {21, SHAPE_OTHER, TIMED_NOT, false, false},     /* consignment: inbound */
    {22, SHAPE_ITEM, TIMED_SELF, false, false},     /* item_price_update_push */
    {23, SHAPE_OTHER, TIMED_NOT, false, false},     /* booking status: no order yet */
    {24, SHAPE_OTHER, TIMED_NOT, false, false},     /* booking tracking number */
    {25, SHAPE_OTHER, TIMED_NOT, false, false},     /* booking document */
    {27, SHAPE_ITEM, TIMED_NOT, false, false},      /* item_scheduled_publish_failed_push */
    {28, SHAPE_OTHER, TIMED_NOT, false, false},     /* shop penalty */
    {29, SHAPE_RETURN, TIMED_SELF, false, false},   /* return_updates_push */
    {30, SHAPE_ORDER, TIMED_TRACKING, false, true}, /* package_fulfillment_status_push */
    {31, SHAPE_OTHER, TIMED_NOT, false, false},     /* fulfilled by Shopee: invoice issued */
    {33, SHAPE_OTHER, TIMED_NOT, false, false},     /* invoice error */
    {34, SHAPE_OTHER, TIMED_NOT, false, false},     /* shop block */
    {35, SHAPE_OTHER, TIMED_NOT, false, false},     /* SKU block */
    {36, SHAPE_LIST, TIMED_NOT, false, false},      /* sellable stock */
    {37, SHAPE_OTHER, TIMED_NOT, false, false},     /* courier_delivery_binding_status_push */
    {38, SHAPE_OTHER, TIMED_NOT, false, false},     /* video upload */
    {47, SHAPE_ORDER, TIMED_TRACKING, false, true}, /* package_info_push */
};

static const struct row unknown = {-1, SHAPE_OTHER, TIMED_NOT, false, false};

/* Lists whose elements have an update_time each. */
static const char *const timed_lists[] = {"updated_values", "item_status_details", "deboost_details",
                                          "deboosted_details"};

static const struct row *row_of(int64_t code)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].code == code)
            return &rows[i];
    return &unknown;
}

static const struct entry_text none = {"", 0};

/* A shop's id: an integer of up to 64 bits, as text. 0 names no shop. */
static bool is_shop(struct entry_text id)
{
    uint64_t number;

    return number_u64(id.data, id.length, &number) && number > 0;
}

static enum json_got get_shop(yyjson_val *object, const char *key, struct entry_text *out)
{
    struct json_text t;
    enum json_got got = json_get_id(object, key, &t);
    uint64_t number;

    if (got != JSON_GOT)
        return got;
    if (!number_u64(t.data, t.length, &number))
        return JSON_WRONG;
    if (number == 0)
        return JSON_ABSENT;
    *out = (struct entry_text){t.data, t.length};
    return JSON_GOT;
}

/* The largest plausible update_time of data and of its lists, in ms; 0: there is none. */
static int64_t latest_ms(yyjson_val *data)
{
    int64_t latest = map_seconds_as_ms(data, "update_time");
    yyjson_val *element;
    size_t i, n;

    for (size_t l = 0; l < sizeof(timed_lists) / sizeof(timed_lists[0]); l++) {
        yyjson_val *list = yyjson_obj_get(data, timed_lists[l]);

        if (!yyjson_is_arr(list))
            continue;
        yyjson_arr_foreach(list, i, n, element)
        {
            int64_t ms = map_seconds_as_ms(element, "update_time");

            if (ms > latest)
                latest = ms;
        }
    }
    return latest;
}

/* See the top. Without any time, any data, or a shop where only the envelope says whose it is: the bytes themselves. */
static struct entry_text key_of(struct map_draft *d, const struct row *row, yyjson_val *data,
                                struct entry_text shop, struct entry_text id)
{
    const int64_t own_ms = row->timed == TIMED_NOT ? 0 : latest_ms(data);
    struct entry_text when = map_scalar(d->root, "timestamp");
    char hash[HMAC_HEX_LENGTH + 1], digits[24];

    if (own_ms > 0)
        when = (struct entry_text){digits, number_format_i64(digits, own_ms / 1000)};
    if (when.length == 0 || (shop.length == 0 && row->shape == SHAPE_OTHER) || !map_hash(d, data, hash))
        return map_key_of_body(d);
    return map_key(
        d, (const struct entry_text[]){shop, d->out->entries[0].topic, id, when, {hash, HMAC_HEX_LENGTH}}, 5);
}

static bool get_order(yyjson_val *data, struct entry_text *out)
{
    return map_get_id(data, "ordersn", out) || map_get_id(data, "order_sn", out);
}

static bool map_order(struct map_draft *d, const struct row *row, yyjson_val *data)
{
    struct entry *e = &d->out->entries[0], *tracking;
    struct entry_text id;

    if (!get_order(data, &id))
        return map_dead(d, "data.ordersn and data.order_sn are missing or unusable");
    e->kind = ENTRY_ORDER;
    e->id = id;
    e->moves = row->moves;
    if (row->timed == TIMED_SELF)
        e->event_ms = latest_ms(data);
    e->key = key_of(d, row, data, e->shop, id);
    if (!row->tracking)
        return true;
    tracking = map_also(d, e->shop, ENTRY_TRACKING, id);
    if (tracking && row->timed == TIMED_TRACKING)
        tracking->event_ms = latest_ms(data);
    return tracking != NULL;
}

static bool map_return(struct map_draft *d, const struct row *row, yyjson_val *data)
{
    struct entry *e = &d->out->entries[0];
    struct entry_text order;

    if (!map_get_id(data, "return_sn", &e->id))
        return map_dead(d, "data.return_sn is missing or unusable");
    if (!get_order(data, &order))
        return map_dead(d, "data.ordersn and data.order_sn are missing or unusable");
    e->kind = ENTRY_RETURN;
    e->event_ms = latest_ms(data);
    e->key = key_of(d, row, data, e->shop, e->id);
    return map_also(d, e->shop, ENTRY_ORDER, order);
}

static bool map_item(struct map_draft *d, const struct row *row, yyjson_val *data)
{
    struct entry *e = &d->out->entries[0];

    if (!map_get_id(data, "item_id", &e->id))
        return map_dead(d, "data.item_id is missing or unusable");
    e->kind = ENTRY_PRODUCT;
    if (row->timed == TIMED_SELF)
        e->event_ms = latest_ms(data);
    e->key = key_of(d, row, data, e->shop, e->id);
    return true;
}

/* One shop more that a push about shops names: the first takes entry 0. */
static bool add_shop(struct map_draft *d, struct entry_text shop)
{
    struct entry *e = &d->out->entries[0];

    if (e->shop.length == 0)
        e->shop = e->id = shop;
    return map_also(d, shop, ENTRY_SHOP, shop);
}

static bool add_shops(struct map_draft *d, yyjson_val *list)
{
    struct entry_text id;
    yyjson_val *element;
    size_t i, n;

    if (!yyjson_is_arr(list))
        return true;
    yyjson_arr_foreach(list, i, n, element)
    {
        if (map_element_id(element, &id) && is_shop(id) && !add_shop(d, id))
            return false;
    }
    return true;
}

/* The names a shop was seen under. Merchants and users are no shops. */
static bool add_named(struct map_draft *d, yyjson_val *data)
{
    static const char *const single[] = {"shop_id", "shopid"};
    static const char *const lists[] = {"shop_id_list", "shop_expire_soon"};
    struct entry_text id;

    for (size_t i = 0; i < sizeof(single) / sizeof(single[0]); i++)
        if (get_shop(data, single[i], &id) == JSON_GOT && !add_shop(d, id))
            return false;
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        if (!add_shops(d, yyjson_obj_get(data, lists[i])))
            return false;
    return true;
}

/* A cancellation may name its shop in English words only: then one entry of no shop, and whoever acts on it asks which
 * shops are left. */
static bool map_shops(struct map_draft *d, const struct row *row, yyjson_val *data)
{
    struct entry *e = &d->out->entries[0];
    yyjson_val *element;
    size_t i, n;

    e->kind = ENTRY_SHOP;
    e->id = e->shop;
    e->key = key_of(d, row, data, none, none);
    if (!yyjson_is_arr(data))
        return add_named(d, data);
    yyjson_arr_foreach(data, i, n, element)
    {
        if (!add_named(d, element))
            return false;
    }
    return true;
}

/* An element without a shop is the envelope's. The key is each shop's own, because nothing else tells the marks apart. */
static bool map_list(struct map_draft *d, const struct row *row, yyjson_val *data)
{
    yyjson_val *list = yyjson_obj_get(data, "list"), *element;
    const struct entry_text top = d->out->entries[0].shop;
    struct entry_text shop;
    size_t i, n;

    if (yyjson_is_arr(list)) {
        yyjson_arr_foreach(list, i, n, element)
        {
            shop = top;
            if (get_shop(element, "shop_id", &shop) == JSON_WRONG)
                return map_dead(d, "data.list[].shop_id is unusable");
            if (i == 0)
                d->out->entries[0].shop = shop;
            if (!map_also(d, shop, ENTRY_OTHER, none))
                return false;
        }
    }
    map_keys(d, d->out->count);
    for (i = 0; i < d->out->count; i++)
        d->out->entries[i].key = key_of(d, row, data, d->out->entries[i].shop, none);
    return true;
}

/* data, also where it is a text that holds it. */
static yyjson_val *data_of(struct map_draft *d)
{
    yyjson_val *data = yyjson_obj_get(d->root, "data"), *inner = NULL;

    if (yyjson_is_str(data))
        inner = map_parse_inner(d, yyjson_get_str(data), yyjson_get_len(data));
    return inner ? inner : data;
}

/* The envelope: topic and shop, as far as they are there. False: dead. */
static bool map_envelope(struct map_draft *d, const struct row **row, yyjson_val *data)
{
    struct entry *e = &d->out->entries[0];
    enum json_got shop = get_shop(d->root, "shop_id", &e->shop);
    bool needed;
    int64_t code;

    if (json_get_i64(d->root, "code", &code) != JSON_GOT)
        return map_dead(d, "code is missing or no integer");
    e->topic = map_scalar(d->root, "code");
    *row = row_of(code);
    needed = (*row)->shape == SHAPE_ORDER || (*row)->shape == SHAPE_RETURN || (*row)->shape == SHAPE_ITEM;
    if (needed && shop == JSON_ABSENT)
        shop = get_shop(data, "shop_id", &e->shop);
    if (shop == JSON_WRONG || (needed && shop == JSON_ABSENT))
        return map_dead(d, "shop_id is missing or unusable");
    if (needed && !yyjson_is_obj(data))
        return map_dead(d, "data is missing or no object");
    return true;
}

bool topics_shopee_map(struct map_draft *d)
{
    struct entry *e = &d->out->entries[0];
    yyjson_val *data = data_of(d);
    const struct row *row = &unknown;

    if (!map_envelope(d, &row, data))
        return false;
    d->out->unknown = row == &unknown;
    switch (row->shape) {
    case SHAPE_ORDER:
        return map_order(d, row, data);
    case SHAPE_RETURN:
        return map_return(d, row, data);
    case SHAPE_ITEM:
        return map_item(d, row, data);
    case SHAPE_SHOPS:
        return map_shops(d, row, data);
    case SHAPE_LIST:
        return map_list(d, row, data);
    case SHAPE_OTHER:
        break;
    }
    e->key = key_of(d, row, data, e->shop, none);
    return true;
}
