/* entity_diff.c - shopstreamctl: what a write would change in a stored document, field by field.
 *
 * In:      a stored document; $set and $unset of a write.
 * Out:     changes, as JSON.
 * Fails:   never; a text that is no UTF-8 is shown as such.
 * Thread:  any. Pure.
 * Why so:  types count (5 as int32 is not 5 as int64), the order of keys does not. A nested part is replaced as a whole by the
 *          write, so whatever it lacks goes; at the top only what $unset names goes. */
#include "worker/ctl/entity_diff.h"

#include <stdlib.h>
#include <string.h>

enum { SHOWN_MAX = 200 }; /* bytes of one value in text */

/* Of a write, not of the entity. */
static const char *const bookkeeping[] = {"_id",    "fetched_ms",    "details_fetched_at",     "synced_at",
                                          "source", "trace",         "content_hash",           "first_seen",
                                          "behind", "missing_at_ms", "transactions_fetched_ms"};

static bool is_bookkeeping(const char *key)
{
    for (size_t i = 0; i < sizeof(bookkeeping) / sizeof(bookkeeping[0]); i++)
        if (strcmp(bookkeeping[i], key) == 0)
            return true;
    return false;
}

/* --- values ---------------------------------------------------------------------------------------------------- */

/* The value alone in a document: libbson compares and prints those. */
static void wrap(bson_t *to, const bson_iter_t *at)
{
    bson_init(to);
    bson_append_iter(to, "v", 1, at);
}

static json_t *value_of(const bson_iter_t *at)
{
    bson_t one;
    char *text;
    json_t *all, *value;

    wrap(&one, at);
    text = bson_as_relaxed_extended_json(&one, NULL);
    all = text ? json_loads(text, JSON_ALLOW_NUL, NULL) : NULL;
    value = json_incref(json_object_get(all, "v"));
    json_decref(all);
    bson_free(text);
    bson_destroy(&one);
    return value ? value : json_string("(not to be shown)");
}

static bool same_value(const bson_iter_t *a, const bson_iter_t *b)
{
    bson_t x, y;
    bool same;

    wrap(&x, a);
    wrap(&y, b);
    same = bson_equal(&x, &y);
    bson_destroy(&x);
    bson_destroy(&y);
    return same;
}

/* old or fresh may be NULL. Two types that read alike are told by name, or nobody would see what differs. */
static void add_change(json_t *to, const struct strbuf *path, const bson_iter_t *old,
                       const bson_iter_t *fresh)
{
    static const char *const names[] = {[BSON_TYPE_DOUBLE] = "double",
                                        [BSON_TYPE_UTF8] = "text",
                                        [BSON_TYPE_BOOL] = "bool",
                                        [BSON_TYPE_INT32] = "int32",
                                        [BSON_TYPE_INT64] = "int64"};
    json_t *change = json_object(), *values[2] = {old ? value_of(old) : NULL, fresh ? value_of(fresh) : NULL};
    const bson_iter_t *sides[2] = {old, fresh};

    json_object_set_new(change, "path", json_stringn(strbuf_text((struct strbuf *)path), path->length));
    for (int i = 0; i < 2 && values[0] && values[1] && json_equal(values[0], values[1]); i++) {
        size_t type = (size_t)bson_iter_type(sides[i]);
        const char *name = type < sizeof(names) / sizeof(names[0]) ? names[type] : NULL;

        json_object_set_new(change, i == 0 ? "old_type" : "new_type",
                            json_string(name ? name : "another type"));
    }
    if (values[0])
        json_object_set_new(change, "old", values[0]);
    if (values[1])
        json_object_set_new(change, "new", values[1]);
    json_array_append_new(to, change);
}

/* --- containers ------------------------------------------------------------------------------------------------ */

static void diff_value(json_t *to, struct strbuf *path, const bson_iter_t *old, const bson_iter_t *fresh);

/* path grows by one step; returns its length before. */
static size_t step_into(struct strbuf *path, const char *key, bool element)
{
    size_t before = path->length;

    if (element)
        strbuf_add_format(path, "[%s]", key);
    else
        strbuf_add_format(path, "%s%s", before > 0 ? "." : "", key);
    return before;
}

static void step_back(struct strbuf *path, size_t before)
{
    path->length = before;
    path->data[before] = '\0';
}

static void diff_object(json_t *to, struct strbuf *path, const bson_iter_t *old, const bson_iter_t *fresh)
{
    bson_iter_t a, b, other;

    if (!bson_iter_recurse(old, &a) || !bson_iter_recurse(fresh, &b))
        return;
    while (bson_iter_next(&a)) {
        size_t before = step_into(path, bson_iter_key(&a), false);

        if (bson_iter_recurse(fresh, &other) && bson_iter_find(&other, bson_iter_key(&a)))
            diff_value(to, path, &a, &other);
        else
            add_change(to, path, &a, NULL);
        step_back(path, before);
    }
    while (bson_iter_next(&b)) {
        size_t before = step_into(path, bson_iter_key(&b), false);

        if (!bson_iter_recurse(old, &other) || !bson_iter_find(&other, bson_iter_key(&b)))
            add_change(to, path, NULL, &b);
        step_back(path, before);
    }
}

static void diff_array(json_t *to, struct strbuf *path, const bson_iter_t *old, const bson_iter_t *fresh)
{
    bson_iter_t a, b;
    bool more_a, more_b;

    if (!bson_iter_recurse(old, &a) || !bson_iter_recurse(fresh, &b))
        return;
    for (;;) {
        size_t before;

        more_a = bson_iter_next(&a);
        more_b = bson_iter_next(&b);
        if (!more_a && !more_b)
            return;
        before = step_into(path, bson_iter_key(more_a ? &a : &b), true);
        if (more_a && more_b)
            diff_value(to, path, &a, &b);
        else
            add_change(to, path, more_a ? &a : NULL, more_b ? &b : NULL);
        step_back(path, before);
    }
}

static void diff_value(json_t *to, struct strbuf *path, const bson_iter_t *old, const bson_iter_t *fresh)
{
    if (BSON_ITER_HOLDS_DOCUMENT(old) && BSON_ITER_HOLDS_DOCUMENT(fresh))
        diff_object(to, path, old, fresh);
    else if (BSON_ITER_HOLDS_ARRAY(old) && BSON_ITER_HOLDS_ARRAY(fresh))
        diff_array(to, path, old, fresh);
    else if (!same_value(old, fresh))
        add_change(to, path, old, fresh);
}

json_t *entity_diff(const bson_t *stored, const bson_t *set, const bson_t *unset)
{
    struct strbuf path = STRBUF_INIT;
    json_t *changes = json_array();
    bson_iter_t at, old;

    for (bool ok = set && bson_iter_init(&at, set); ok && bson_iter_next(&at);) {
        if (is_bookkeeping(bson_iter_key(&at)))
            continue;
        strbuf_reset(&path);
        strbuf_add_text(&path, bson_iter_key(&at));
        if (stored && bson_iter_init_find(&old, stored, bson_iter_key(&at)))
            diff_value(changes, &path, &old, &at);
        else
            add_change(changes, &path, NULL, &at);
    }
    for (bool ok = stored && unset && bson_iter_init(&at, unset); ok && bson_iter_next(&at);) {
        if (is_bookkeeping(bson_iter_key(&at)) || !bson_iter_init_find(&old, stored, bson_iter_key(&at)))
            continue;
        strbuf_reset(&path);
        strbuf_add_text(&path, bson_iter_key(&at));
        add_change(changes, &path, &old, NULL);
    }
    strbuf_deinit(&path);
    return changes;
}

/* --- for a person ---------------------------------------------------------------------------------------------- */

void entity_diff_text(struct strbuf *to, const json_t *value)
{
    const char *number = json_string_value(json_object_get(value, "$numberDecimal"));
    char *text;
    size_t n;

    if (!value) {
        strbuf_add_text(to, "(absent)");
        return;
    }
    text = number ? xstrndup(number, strlen(number)) : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    n = text ? strlen(text) : 0;
    if (n > SHOWN_MAX) {
        for (n = SHOWN_MAX; n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80; n--)
            ; /* back to the first byte of a character */
        strbuf_add(to, text, n);
        strbuf_add_format(to, "... (%zu bytes)", strlen(text));
    } else {
        strbuf_add(to, text ? text : "?", text ? n : 1);
    }
    free(text);
}
