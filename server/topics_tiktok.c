/* topics_tiktok.c - server, stage 3 of 5: TikTok Shop's topic table.
 *
 * A topic is a number (`type`). A row says which entity it speaks of, where its id stands in `data`, whether the time in
 * the push is that entity's own, and whether the change it announces moves the entity's update time: only then may the
 * worker call the event reflected because the stored version is as new. When in doubt a row says no, which costs one read
 * and never an update.
 *
 * The event's time is data.update_time, and it belongs to one entity: the order in a status change, the return in a return's,
 * the package in a package's; the others of the same push have none. The envelope's timestamp tells when the push was
 * sent, which was seen more than an hour after the change, so it never stands in.
 *
 * There is no tracking topic. So the order states in which a parcel moves or comes to rest refresh the order's tracking as
 * well, and so does every change of a package. The order's time is not given to the tracking: a tracking's version may be a
 * package's, read later than the order, and would prove too much.
 *
 * A number no row knows, and the topics kept only as they are, become kind `other`: new topics appear without notice,
 * and losing them would be worse than storing them unread. What a row needs and does not find makes a dead letter: the
 * numbers are no stable contract, so a row is believed only when the keys are the ones it names. A product id that
 * arrives as a real number has lost digits and is no id. */
#include "server/topics_tiktok.h"

#include <string.h>

#include "common/hmac.h"

/* Which entities a topic names. */
enum shape {
    SHAPE_ENTITY,   /* data.<id> */
    SHAPE_PACKAGES, /* data.package_list[].order_id_list[]: several orders, each with its tracking */
    SHAPE_REFUND,   /* data.line_items[].main_order_id: several orders; kept as it is when it names none */
    SHAPE_SHOP,     /* the shop itself */
    SHAPE_OTHER,    /* kept as it is */
};

struct row {
    int type; /* topic number */
    enum shape shape;
    enum entry_kind kind;    /* of the first entry */
    bool own;                /* data.update_time is that entity's own */
    bool moves;              /* and the change moves it */
    const char *id;          /* SHAPE_ENTITY: key in data; NULL otherwise */
    const char *also;        /* key in data of a return that changed as well; NULL: none */
    const char *return_kind; /* of that return */
};

#define ORDER(type, own, moves)                                                                              \
    {                                                                                                        \
        type, SHAPE_ENTITY, ENTRY_ORDER, own, moves, "order_id", NULL, NULL                                  \
    }
#define RETURN(type, also, kind)                                                                             \
    {                                                                                                        \
        type, SHAPE_ENTITY, ENTRY_ORDER, false, false, "order_id", also, kind                                \
    }
#define PRODUCT(type)                                                                                        \
    {                                                                                                        \
        type, SHAPE_ENTITY, ENTRY_PRODUCT, true, false, "product_id", NULL, NULL                             \
    }
#define WITHOUT_ID(type, shape, kind)                                                                        \
    {                                                                                                        \
        type, shape, kind, false, false, NULL, NULL, NULL                                                    \
    }
#define OTHER(type) WITHOUT_ID(type, SHAPE_OTHER, ENTRY_OTHER)

/* Sorted by type. */
static const struct row rows[] = {
    ORDER(1, true, true), /* ORDER_STATUS_CHANGE */
    ORDER(2, false,
          false), /* REVERSE_STATUS_UPDATE: its reverse_order_id is no id of the present API's returns */
    ORDER(3, true, false),                      /* RECIPIENT_ADDRESS_UPDATE */
    WITHOUT_ID(4, SHAPE_PACKAGES, ENTRY_ORDER), /* PACKAGE_UPDATE */
    PRODUCT(5),                                 /* PRODUCT_STATUS_CHANGE */
    WITHOUT_ID(6, SHAPE_SHOP, ENTRY_SHOP),      /* SELLER_DEAUTHORIZATION */
    WITHOUT_ID(7, SHAPE_SHOP, ENTRY_SHOP),      /* UPCOMING_AUTHORIZATION_EXPIRATION */
    RETURN(11, "cancel_id", "cancellation"),    /* CANCELLATION_STATUS_CHANGE */
    RETURN(12, "return_id", "return"),          /* RETURN_STATUS_CHANGE */
    OTHER(13),                                  /* messages */
    OTHER(14),                                  /* messages */
    PRODUCT(15),                                /* PRODUCT_INFORMATION_CHANGE */
    PRODUCT(16),                                /* PRODUCT_CREATION */
    OTHER(17),                                  /* creator */
    PRODUCT(18),                                /* PRODUCT_CATEGORY_CHANGE */
    OTHER(19),                                  /* size chart */
    OTHER(20),                                  /* creator */
    OTHER(21),                                  /* fulfilled by TikTok */
    OTHER(22),                                  /* fulfilled by TikTok */
    OTHER(23),                                  /* fulfilled by TikTok */
    OTHER(24),                                  /* fulfilled by TikTok */
    OTHER(25),                                  /* listing tools */
    PRODUCT(27),                                /* inventory */
    OTHER(33),                                  /* messages */
    OTHER(35),                                  /* listing tools */
    OTHER(36),                                  /* INVOICE_STATUS_CHANGE (Brazil) */
    PRODUCT(37),                                /* PRODUCT_AUDIT_STATUS_CHANGE */
    OTHER(39),                                  /* listing and promotion tools */
    OTHER(42),
    OTHER(46),
    OTHER(51),
    OTHER(52),
    OTHER(55), /* creator */
    OTHER(56),
    OTHER(63),
    OTHER(64),                                 /* aftersales: names no order */
    OTHER(65),                                 /* return merchandise: names no order */
    OTHER(66),                                 /* size chart */
    WITHOUT_ID(67, SHAPE_REFUND, ENTRY_OTHER), /* refund done */
};

static const struct row unknown = OTHER(0);

/* Order states (pushes say CANCEL where the API says CANCELLED) in which a parcel is handed over, moves, arrives or comes to
 * rest: the tracking changed as well. */
static const char *const tracked[] = {"PARTIALLY_SHIPPING", "AWAITING_COLLECTION", "IN_TRANSIT",
                                      "DELIVERED",          "COMPLETED",           "CANCEL",
                                      "CANCELLED"};

static const struct row *row_of(int64_t type)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].type == type)
            return &rows[i];
    return &unknown;
}

static bool text_is(struct entry_text t, const char *word)
{
    return t.length == strlen(word) && memcmp(t.data, word, t.length) == 0;
}

/* The platform's own id of the notification; else topic, shop, entity, time of the change and a hash of all that was said
 * of it: of two changes in one second no shorter list tells all apart. The envelope is left out, because a repeat may
 * have a new time of sending. Without a time or a shop: the bytes themselves. */
static struct entry_text key_of(struct map_draft *d, yyjson_val *data)
{
    const struct entry *e = &d->out->entries[0];
    struct entry_text id, when = map_scalar(data, "update_time");
    char hash[HMAC_HEX_LENGTH + 1];

    if (map_get_id(d->root, "tts_notification_id", &id))
        return map_key(d, &id, 1);
    if (when.length == 0)
        when = map_scalar(data, "create_time");
    if (when.length == 0 || e->shop.length == 0 || !map_hash(d, data, hash))
        return map_key_of_body(d);
    return map_key(d, (const struct entry_text[]){e->topic, e->shop, e->id, when, {hash, HMAC_HEX_LENGTH}},
                   5);
}

/* Entry 0's shop, of which all entries are. */
static struct entry *also(struct map_draft *d, enum entry_kind kind, struct entry_text id)
{
    return map_also(d, d->out->entries[0].shop, kind, id);
}

/* One order of a package, and its tracking, to which the package's time belongs. */
static bool map_packed_order(struct map_draft *d, yyjson_val *order, int64_t event_ms)
{
    struct entry *tracking;
    struct entry_text id;

    if (!map_element_id(order, &id))
        return map_dead(d, "an id in data.package_list[].order_id_list is unusable");
    if (d->out->entries[0].id.length == 0)
        d->out->entries[0].id = id;
    if (!also(d, ENTRY_ORDER, id))
        return false;
    tracking = also(d, ENTRY_TRACKING, id);
    if (tracking)
        tracking->event_ms = event_ms;
    return tracking != NULL;
}

/* Every order of every package, each once. */
static bool map_packages(struct map_draft *d, yyjson_val *data)
{
    yyjson_val *list = yyjson_obj_get(data, "package_list"), *package, *orders, *order;
    const int64_t event_ms = map_seconds_as_ms(data, "update_time");
    size_t i, n, j, m;

    if (!yyjson_is_arr(list))
        return map_dead(d, "data.package_list is missing");
    yyjson_arr_foreach(list, i, n, package)
    {
        orders = yyjson_obj_get(package, "order_id_list");
        if (!yyjson_is_arr(orders))
            return map_dead(d, "data.package_list[].order_id_list is missing");
        yyjson_arr_foreach(orders, j, m, order)
        {
            if (!map_packed_order(d, order, event_ms))
                return false;
        }
    }
    return d->out->entries[0].id.length > 0 || map_dead(d, "data.package_list names no order");
}

/* A refund is done: the orders it names, each once. Without a name it is kept as it is. */
static bool map_refund(struct map_draft *d, yyjson_val *data)
{
    yyjson_val *list = yyjson_obj_get(data, "line_items"), *item;
    struct entry *first = &d->out->entries[0];
    struct entry_text id;
    size_t i, n;

    if (!yyjson_is_arr(list) || first->shop.length == 0)
        return true;
    yyjson_arr_foreach(list, i, n, item)
    {
        if (!map_get_id(item, "main_order_id", &id))
            continue;
        first = &d->out->entries[0];
        if (first->kind == ENTRY_OTHER) {
            first->kind = ENTRY_ORDER;
            first->id = id;
        } else if (!also(d, ENTRY_ORDER, id)) {
            return false;
        }
    }
    return true;
}

static bool map_return(struct map_draft *d, const struct row *row, yyjson_val *data)
{
    struct entry_text id;
    struct entry *e;

    if (!map_get_id(data, row->also, &id))
        return map_dead(d, row->type == 11 ? "data.cancel_id is missing or unusable"
                                           : "data.return_id is missing or unusable");
    e = also(d, ENTRY_RETURN, id);
    if (!e)
        return false;
    e->event_ms = map_seconds_as_ms(data, "update_time");
    e->return_kind = (struct entry_text){row->return_kind, strlen(row->return_kind)};
    return true;
}

static bool concerns_tracking(const struct row *row, yyjson_val *data)
{
    const struct entry_text status = map_scalar(data, "order_status");

    for (size_t i = 0; row->type == 1 && i < sizeof(tracked) / sizeof(tracked[0]); i++)
        if (text_is(status, tracked[i]))
            return true;
    return false;
}

static bool map_entity(struct map_draft *d, const struct row *row, yyjson_val *data)
{
    struct entry *e = &d->out->entries[0];

    if (!map_get_id(data, row->id, &e->id))
        return map_dead(d, row->kind == ENTRY_PRODUCT ? "data.product_id is missing or unusable"
                                                      : "data.order_id is missing or unusable");
    e->moves = row->moves;
    if (row->own)
        e->event_ms = map_seconds_as_ms(data, "update_time");
    e->key = key_of(d, data);
    if (row->also)
        return map_return(d, row, data);
    return !concerns_tracking(row, data) || also(d, ENTRY_TRACKING, e->id);
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
        e->shop = (struct entry_text){t.data, t.length};
    if (json_get_i64(d->root, "type", &type) != JSON_GOT)
        return map_dead(d, "type is missing or no integer");
    e->topic = map_scalar(d->root, "type");
    *row = row_of(type);
    if (e->shop.length == 0 &&
        (shop != JSON_ABSENT || ((*row)->shape != SHAPE_OTHER && (*row)->shape != SHAPE_REFUND)))
        return map_dead(d, "shop_id is missing or unusable");
    return true;
}

bool topics_tiktok_map(struct map_draft *d)
{
    struct entry *e = &d->out->entries[0];
    const struct row *row = &unknown;
    yyjson_val *data;

    if (!map_envelope(d, &row))
        return false;
    data = yyjson_obj_get(d->root, "data");
    if (!yyjson_is_obj(data) && (row->shape == SHAPE_ENTITY || row->shape == SHAPE_PACKAGES))
        return map_dead(d, "data is missing or no object");
    d->out->unknown = row == &unknown;
    e->kind = row->kind;
    if (row->shape == SHAPE_ENTITY)
        return map_entity(d, row, data);
    if (row->shape == SHAPE_SHOP)
        e->id = e->shop;
    e->key = key_of(d, data);
    if (row->shape == SHAPE_PACKAGES)
        return map_packages(d, data);
    return row->shape != SHAPE_REFUND || map_refund(d, data);
}
