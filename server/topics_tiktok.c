/* topics_tiktok.c - server, stage 3 of 5: TikTok Shop's topic table.
 *
 * A topic is a number (`type`). A row says which entity it speaks of, where its id stands in `data`, and whether the
 * change it announces moves the entity's update time: only then may the worker call the event reflected because the
 * stored version is as new. When in doubt a row says no, which costs one read and never an update.
 *
 * The event's time is data.update_time. The envelope's timestamp tells when the push was sent, which was seen more than
 * an hour after the change, so it never stands in.
 *
 * A number no row knows, and the topics kept only as they are, become kind `other`: new topics appear without notice,
 * and losing them would be worse than storing them unread. What a row needs and does not find makes a dead letter: the
 * numbers are no stable contract, so a row is believed only when the keys are the ones it names. A product id that
 * arrives as a real number has lost digits and is no id. */
#include "server/topics_tiktok.h"

#include <string.h>

#include "common/clock.h"
#include "common/hmac.h"

/* Which entities a topic names. */
enum shape {
    SHAPE_ENTITY,   /* data.<id> */
    SHAPE_PACKAGES, /* data.package_list[].order_id_list[]: several orders */
    SHAPE_SHOP,     /* the shop itself */
    SHAPE_OTHER,    /* kept as it is */
};

struct row {
    int type; /* topic number */
    enum shape shape;
    enum entry_kind kind;
    bool moves;       /* the change moves the entity's update time */
    const char *id;   /* SHAPE_ENTITY: key in data; NULL otherwise */
    const char *also; /* key in data of a return or cancellation that changed as well; NULL: none */
};

/* Sorted by type. */
static const struct row rows[] = {
    {1, SHAPE_ENTITY, ENTRY_ORDER, true, "order_id", NULL},          /* ORDER_STATUS_CHANGE */
    {2, SHAPE_ENTITY, ENTRY_ORDER, false, "order_id", NULL},         /* REVERSE_STATUS_UPDATE */
    {3, SHAPE_ENTITY, ENTRY_ORDER, false, "order_id", NULL},         /* RECIPIENT_ADDRESS_UPDATE */
    {4, SHAPE_PACKAGES, ENTRY_ORDER, false, NULL, NULL},             /* PACKAGE_UPDATE */
    {5, SHAPE_ENTITY, ENTRY_PRODUCT, false, "product_id", NULL},     /* PRODUCT_STATUS_CHANGE */
    {6, SHAPE_SHOP, ENTRY_SHOP, false, NULL, NULL},                  /* SELLER_DEAUTHORIZATION */
    {7, SHAPE_SHOP, ENTRY_SHOP, false, NULL, NULL},                  /* UPCOMING_AUTHORIZATION_EXPIRATION */
    {11, SHAPE_ENTITY, ENTRY_ORDER, false, "order_id", "cancel_id"}, /* CANCELLATION_STATUS_CHANGE */
    {12, SHAPE_ENTITY, ENTRY_ORDER, false, "order_id", "return_id"}, /* RETURN_STATUS_CHANGE */
    {13, SHAPE_OTHER, ENTRY_OTHER, false, NULL, NULL},               /* messages */
    {14, SHAPE_OTHER, ENTRY_OTHER, false, NULL, NULL},               /* messages */
    {15, SHAPE_ENTITY, ENTRY_PRODUCT, false, "product_id", NULL},    /* PRODUCT_INFORMATION_CHANGE */
    {16, SHAPE_ENTITY, ENTRY_PRODUCT, false, "product_id", NULL},    /* PRODUCT_CREATION */
    {17, SHAPE_OTHER, ENTRY_OTHER, false, NULL, NULL},               /* creator */
    {18, SHAPE_ENTITY, ENTRY_PRODUCT, false, "product_id", NULL},    /* PRODUCT_CATEGORY_CHANGE */
    {19, SHAPE_OTHER, ENTRY_OTHER, false, NULL, NULL},               /* size chart */
    {20, SHAPE_OTHER, ENTRY_OTHER, false, NULL, NULL},               /* creator */
    {21, SHAPE_OTHER, ENTRY_OTHER, false, NULL, NULL},               /* fulfilled by TikTok */
    {22, SHAPE_OTHER, ENTRY_OTHER, false, NULL, NULL},               /* fulfilled by TikTok */
    {23, SHAPE_OTHER, ENTRY_OTHER, false, NULL, NULL},               /* fulfilled by TikTok */
    {24, SHAPE_OTHER, ENTRY_OTHER, false, NULL, NULL},               /* fulfilled by TikTok */
    {25, SHAPE_OTHER, ENTRY_OTHER, false, NULL, NULL},               /* listing tools */
    {27, SHAPE_ENTITY, ENTRY_PRODUCT, false, "product_id", NULL},    /* inventory */
    {33, SHAPE_OTHER, ENTRY_OTHER, false, NULL, NULL},               /* messages */
    {35, SHAPE_OTHER, ENTRY_OTHER, false, NULL, NULL},               /* listing tools */
    {36, SHAPE_OTHER, ENTRY_OTHER, false, NULL, NULL},               /* INVOICE_STATUS_CHANGE (Brazil) */
    {37, SHAPE_ENTITY, ENTRY_PRODUCT, false, "product_id", NULL},    /* PRODUCT_AUDIT_STATUS_CHANGE */
    {39, SHAPE_OTHER, ENTRY_OTHER, false, NULL, NULL},               /* listing and promotion tools */
    {42, SHAPE_OTHER, ENTRY_OTHER, false, NULL, NULL},
    {46, SHAPE_OTHER, ENTRY_OTHER, false, NULL, NULL},
    {51, SHAPE_OTHER, ENTRY_OTHER, false, NULL, NULL},
    {52, SHAPE_OTHER, ENTRY_OTHER, false, NULL, NULL},
    {55, SHAPE_OTHER, ENTRY_OTHER, false, NULL, NULL}, /* creator */
    {56, SHAPE_OTHER, ENTRY_OTHER, false, NULL, NULL},
    {63, SHAPE_OTHER, ENTRY_OTHER, false, NULL, NULL},
    {64, SHAPE_OTHER, ENTRY_OTHER, false, NULL, NULL}, /* aftersales */
    {65, SHAPE_OTHER, ENTRY_OTHER, false, NULL, NULL}, /* return merchandise */
    {66, SHAPE_OTHER, ENTRY_OTHER, false, NULL, NULL}, /* size chart */
    {67, SHAPE_OTHER, ENTRY_OTHER, false, NULL, NULL}, /* refund done */
};

static const struct row unknown = {0, SHAPE_OTHER, ENTRY_OTHER, false, NULL, NULL};

static const struct row *row_of(int64_t type)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].type == type)
            return &rows[i];
    return &unknown;
}

static struct entry_text borrowed(struct json_text t)
{
    return (struct entry_text){t.data, t.length};
}

/* An id of at most MAP_ID_MAX bytes. False: absent, a real number, another type, or longer. */
static bool get_id(yyjson_val *object, const char *key, struct entry_text *out)
{
    struct json_text t;

    if (!key || json_get_id(object, key, &t) != JSON_GOT || t.length > MAP_ID_MAX)
        return false;
    *out = borrowed(t);
    return true;
}

/* Seconds at key -> ms; 0 when there is nothing plausible. */
static int64_t seconds_as_ms(yyjson_val *data, const char *key)
{
    int64_t s, ms;

    if (json_get_i64(data, key, &s) != JSON_GOT || __builtin_mul_overflow(s, 1000, &ms) ||
        !clock_plausible_ms(ms))
        return 0;
    return ms;
}

/* Number or string member as its text; empty when there is none. */
static struct entry_text scalar(yyjson_val *object, const char *key)
{
    struct json_text t;
    yyjson_val *v = yyjson_obj_get(object, key);

    if (!v || !json_scalar_text(v, &t))
        return (struct entry_text){"", 0};
    return borrowed(t);
}

/* The platform's own id of the notification; else topic, shop, entity, time of the change and a hash of all that was said
 * of it: of two changes in one second no shorter list tells all apart. The envelope is left out, because a repeat may
 * have a new time of sending. Without a time or a shop: the bytes themselves. */
static struct entry_text key_of(struct map_draft *d, yyjson_val *data)
{
    const struct entry *e = &d->out->entries[0];
    struct entry_text id, when = scalar(data, "update_time");
    char hash[HMAC_HEX_LENGTH + 1];

    if (get_id(d->root, "tts_notification_id", &id))
        return map_key(d, &id, 1);
    if (when.length == 0)
        when = scalar(data, "create_time");
    if (when.length == 0 || e->shop.length == 0 || !map_hash(data, hash))
        return map_key_of_body(d);
    return map_key(d, (const struct entry_text[]){e->topic, e->shop, e->id, when, {hash, HMAC_HEX_LENGTH}},
                   5);
}

/* An id that stands in an array: the same rules as get_id. */
static bool element_id(yyjson_val *v, struct entry_text *out)
{
    struct json_text t;

    if (!json_scalar_text(v, &t) || t.length == 0 || t.length > MAP_ID_MAX)
        return false;
    if (yyjson_is_raw(v) &&
        (memchr(t.data, '.', t.length) || memchr(t.data, 'e', t.length) || memchr(t.data, 'E', t.length)))
        return false;
    *out = borrowed(t);
    return true;
}

/* Every order of every package, each once. */
static bool map_packages(struct map_draft *d, yyjson_val *data)
{
    yyjson_val *list = yyjson_obj_get(data, "package_list"), *package, *orders, *order;
    size_t i, n, j, m;
    bool any = false;

    if (!yyjson_is_arr(list))
        return map_dead(d, "data.package_list is missing");
    yyjson_arr_foreach(list, i, n, package)
    {
        orders = yyjson_obj_get(package, "order_id_list");
        if (!yyjson_is_arr(orders))
            return map_dead(d, "data.package_list[].order_id_list is missing");
        yyjson_arr_foreach(orders, j, m, order)
        {
            struct entry_text id;

            if (!element_id(order, &id))
                return map_dead(d, "an id in data.package_list[].order_id_list is unusable");
            if (!any)
                d->out->entries[0].id = id;
            any = true;
            if (!map_also(d, ENTRY_ORDER, id))
                return false;
        }
    }
    return any || map_dead(d, "data.package_list names no order");
}

static bool map_entity(struct map_draft *d, const struct row *row, yyjson_val *data)
{
    if (!get_id(data, row->id, &d->out->entries[0].id))
        return map_dead(d, row->kind == ENTRY_PRODUCT ? "data.product_id is missing or unusable"
                                                      : "data.order_id is missing or unusable");
    return true;
}

static bool map_also_return(struct map_draft *d, const struct row *row, yyjson_val *data)
{
    struct entry_text id;

    if (!row->also)
        return true;
    if (!get_id(data, row->also, &id))
        return map_dead(d, row->type == 11 ? "data.cancel_id is missing or unusable"
                                           : "data.return_id is missing or unusable");
    return map_also(d, ENTRY_RETURN, id);
}

/* The envelope: topic and shop, as far as they are there. False: dead. */
static bool map_envelope(struct map_draft *d, const struct row **row)
{
    struct entry *e = &d->out->entries[0];
    enum json_got shop;
    struct json_text t;
    int64_t type;

    shop = json_get_id(d->root, "shop_id", &t);
    if (shop == JSON_GOT && t.length <= MAP_ID_MAX)
        e->shop = borrowed(t);
    if (json_get_i64(d->root, "type", &type) != JSON_GOT)
        return map_dead(d, "type is missing or no integer");
    e->topic = scalar(d->root, "type");
    *row = row_of(type);
    if (e->shop.length == 0 && (shop != JSON_ABSENT || (*row)->shape != SHAPE_OTHER))
        return map_dead(d, "shop_id is missing or unusable");
    return true;
}

bool topics_tiktok_map(struct map_draft *d)
{
    struct entry *e = &d->out->entries[0];
    const struct row *row = &unknown;
    yyjson_val *data;
    bool ok = true;

    if (!map_envelope(d, &row))
        return false;
    data = yyjson_obj_get(d->root, "data");
    if (!yyjson_is_obj(data) && (row->shape == SHAPE_ENTITY || row->shape == SHAPE_PACKAGES))
        return map_dead(d, "data is missing or no object");
    d->out->unknown = row == &unknown;
    e->kind = row->kind;
    e->moves = row->moves;
    if (row->shape != SHAPE_OTHER && row->shape != SHAPE_SHOP)
        e->event_ms = seconds_as_ms(data, "update_time");
    if (row->shape == SHAPE_SHOP)
        e->id = e->shop;
    if (row->shape == SHAPE_ENTITY)
        ok = map_entity(d, row, data);
    if (!ok)
        return false;
    e->key = key_of(d, data);
    if (row->shape == SHAPE_PACKAGES)
        return map_packages(d, data);
    return map_also_return(d, row, data);
}
