/* shopee_entity.c - worker: which calls an entity of Shopee takes, and how their answers become one object.
 *
 * In:      a kind, an id, the parts answered so far.
 * Out:     the next ask; or the object composed of all parts.
 * Fails:   a kind that cannot be fetched, or an entity whose first part was left out, gives nothing.
 * Thread:  any; no state, no I/O.
 * Why so:  a part that the platform left out takes nothing from the rest: the object is composed without it.
 *
 * Product:  the base item (in fifties), and when it has models the members of get_model_list's response beside its own.
 * Tracking: order detail (in fifties), its packages' detail (in fifties), then tracking events package by package:
 *   {"order_sn","order_status","update_time","create_time","shipping_carrier","package_list":[package detail, plus
 *    "logistics_status","tracking_info","reversed_tracking_number","reversed_tracking_info" of the events; a package whose
 *    detail was left out: the order's own row]}  absent where the order has none */
#include <string.h>

#include "common/json.h"
#include "worker/platforms/shopee.h"

static const char *const order_members[] = {"order_sn", "order_status", "update_time", "create_time",
                                            "shipping_carrier"};
static const char *const event_members[] = {"logistics_status", "tracking_info", "reversed_tracking_number",
                                            "reversed_tracking_info"};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static yyjson_val *part_json(const struct part *p)
{
    return p && p->doc ? yyjson_doc_get_root(p->doc) : NULL;
}

bool shopee_compound(enum entry_kind kind)
{
    return kind == ENTRY_TRACKING || kind == ENTRY_PRODUCT;
}

/* --- what to ask ---------------------------------------------------------------------------------------------- */

static bool next_of_product(const struct parts *parts, struct platform_ask *ask)
{
    yyjson_val *base = part_json(parts_find(parts, SHOPEE_ITEMS, NULL));
    bool models = false;

    ask->endpoint = SHOPEE_MODELS;
    return base && json_get_bool(base, "has_model", &models) == JSON_GOT && models &&
           !parts_find(parts, SHOPEE_MODELS, NULL);
}

static bool package_number(yyjson_val *row, struct strbuf *to)
{
    struct json_text text;

    if (json_get_id(row, "package_number", &text) != JSON_GOT || memchr(text.data, '\0', text.length))
        return false;
    strbuf_reset(to);
    strbuf_add(to, text.data, text.length);
    return true;
}

/* subject: a package number; becomes "<order_sn>/<package_number>". */
static void prefix_order(struct strbuf *subject, const char *order_sn)
{
    struct strbuf number = *subject;

    *subject = STRBUF_INIT;
    strbuf_add_text(subject, order_sn);
    strbuf_add_char(subject, '/');
    strbuf_add(subject, number.data, number.length);
    strbuf_deinit(&number);
}

/* All packages first, because they travel in fifties; then the events of each. */
static bool next_of_tracking(const char *id, const struct parts *parts, struct platform_ask *ask)
{
    yyjson_val *packages = yyjson_obj_get(part_json(parts_find(parts, SHOPEE_ORDERS, NULL)), "package_list");
    yyjson_arr_iter it = yyjson_arr_iter_with(packages);
    yyjson_val *row;

    ask->endpoint = SHOPEE_PACKAGES;
    while ((row = yyjson_arr_iter_next(&it)) != NULL)
        if (package_number(row, &ask->subject) &&
            !parts_find(parts, SHOPEE_PACKAGES, strbuf_text(&ask->subject)))
            return true;
    ask->endpoint = SHOPEE_TRACKING;
    it = yyjson_arr_iter_with(packages);
    while ((row = yyjson_arr_iter_next(&it)) != NULL) {
        if (!package_number(row, &ask->subject) ||
            !part_json(parts_find(parts, SHOPEE_PACKAGES, strbuf_text(&ask->subject))))
            continue;
        prefix_order(&ask->subject, id);
        if (!parts_find(parts, SHOPEE_TRACKING, strbuf_text(&ask->subject)))
            return true;
    }
    return false;
}

bool shopee_next_ask(const struct config *config, enum entry_kind kind, const char *return_kind,
                     const char *id, const struct parts *parts, struct platform_ask *ask)
{
    (void)config;
    (void)return_kind;
    strbuf_reset(&ask->subject);
    if (kind == ENTRY_PRODUCT && parts)
        return next_of_product(parts, ask);
    if (kind == ENTRY_TRACKING && parts)
        return next_of_tracking(id, parts, ask);
    if (kind == ENTRY_ORDER || kind == ENTRY_TRACKING)
        ask->endpoint = SHOPEE_ORDERS;
    else if (kind == ENTRY_RETURN)
        ask->endpoint = SHOPEE_RETURN;
    else if (kind == ENTRY_PRODUCT)
        ask->endpoint = SHOPEE_ITEMS;
    else if (kind == ENTRY_TRANSACTION)
        ask->endpoint = SHOPEE_ESCROW;
    else
        return false;
    return !parts;
}

/* --- composing ------------------------------------------------------------------------------------------------ */

static void copy_member(yyjson_mut_doc *doc, yyjson_mut_val *to, yyjson_val *from, const char *name)
{
    yyjson_val *value = yyjson_obj_get(from, name);

    if (value)
        yyjson_mut_obj_put(to, yyjson_mut_str(doc, name), yyjson_val_mut_copy(doc, value));
}

/* The item with its models' members beside its own; its own win. */
static yyjson_mut_val *compose_product(yyjson_mut_doc *doc, const struct parts *parts)
{
    yyjson_val *base = part_json(parts_find(parts, SHOPEE_ITEMS, NULL));
    yyjson_val *models = part_json(parts_find(parts, SHOPEE_MODELS, NULL)), *key;
    yyjson_mut_val *root = base ? yyjson_val_mut_copy(doc, base) : NULL;
    yyjson_obj_iter it = yyjson_obj_iter_with(models);

    while (root && (key = yyjson_obj_iter_next(&it)) != NULL)
        if (!yyjson_obj_getn(base, yyjson_get_str(key), yyjson_get_len(key)))
            yyjson_mut_obj_add(root, yyjson_val_mut_copy(doc, key),
                               yyjson_val_mut_copy(doc, yyjson_obj_iter_get_val(key)));
    return root;
}

static yyjson_mut_val *compose_package(yyjson_mut_doc *doc, const char *id, yyjson_val *row,
                                       const struct parts *parts)
{
    struct strbuf subject = STRBUF_INIT;
    yyjson_val *detail = NULL;
    yyjson_mut_val *made;

    if (package_number(row, &subject))
        detail = part_json(parts_find(parts, SHOPEE_PACKAGES, strbuf_text(&subject)));
    made = yyjson_val_mut_copy(doc, detail ? detail : row);
    if (detail) {
        yyjson_val *events;

        prefix_order(&subject, id);
        events = part_json(parts_find(parts, SHOPEE_TRACKING, strbuf_text(&subject)));
        for (size_t i = 0; i < COUNT(event_members); i++)
            copy_member(doc, made, events, event_members[i]);
    }
    strbuf_deinit(&subject);
    return made;
}

static yyjson_mut_val *compose_tracking(yyjson_mut_doc *doc, const char *id, const struct parts *parts)
{
    yyjson_val *order = part_json(parts_find(parts, SHOPEE_ORDERS, NULL)), *row;
    yyjson_arr_iter it = yyjson_arr_iter_with(yyjson_obj_get(order, "package_list"));
    yyjson_mut_val *root, *list;

    if (!order)
        return NULL;
    root = yyjson_mut_obj(doc);
    for (size_t i = 0; i < COUNT(order_members); i++)
        copy_member(doc, root, order, order_members[i]);
    list = yyjson_mut_obj_add_arr(doc, root, "package_list");
    while ((row = yyjson_arr_iter_next(&it)) != NULL)
        yyjson_mut_arr_append(list, compose_package(doc, id, row, parts));
    return root;
}

yyjson_doc *shopee_compose(enum entry_kind kind, const char *return_kind, const char *id,
                           const struct parts *parts)
{
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root =
        kind == ENTRY_PRODUCT ? compose_product(doc, parts) : compose_tracking(doc, id, parts);
    yyjson_doc *made = NULL;

    (void)return_kind;
    if (root) {
        yyjson_mut_doc_set_root(doc, root);
        made = yyjson_mut_doc_imut_copy(doc, NULL);
    }
    yyjson_mut_doc_free(doc);
    return made;
}
