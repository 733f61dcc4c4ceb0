/* json.c - common: outside JSON, read once and judged strictly.
 *
 * In:      bytes somebody sent, at most as many as the caller's body limit.
 * Out:     a yyjson document; typed values that borrow from it.
 * Fails:   malformed JSON, a byte order mark, trailing data, nesting beyond JSON_MAX_DEPTH. The reason gives the place,
 *          never the input: bodies are not logged, not even in part. Out of memory ends the process.
 * Thread:  any. Pure.
 * Why so:  every number stays the text it was sent as, so an id of 20 digits and a price of 0.10 survive; converting
 *          is the getter's job, and only to int64. Depth is checked after reading: the reader is not recursive, so deep
 *          input costs it memory (16 bytes a level) and no stack, but a later reader of our documents may recurse. */
#include "common/json.h"

#include <string.h>

#include "common/log.h"
#include "common/number.h"

/* flags: besides that numbers stay text. */
static yyjson_doc *json_read(char *text, size_t n, yyjson_read_flag flags, const yyjson_alc *alc,
                             struct err *err)
{
    yyjson_read_err reason = {0};
    yyjson_doc *doc;

    if (n == 0) {
        err_set(err, ERR_DATA, 0, "json: empty");
        return NULL;
    }
    doc = yyjson_read_opts(text, n, YYJSON_READ_NUMBER_AS_RAW | flags, alc, &reason);
    if (!doc && !alc && reason.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION)
        fatalx("out of memory",
               LOG_I("bytes", n)); /* nothing is wrong with the text: it must not be judged by this */
    if (!doc) {
        err_set(err, ERR_DATA, (int)reason.code, "json: %s at byte %zu", reason.msg, reason.pos);
        return NULL;
    }
    if (json_depth(yyjson_doc_get_root(doc), JSON_MAX_DEPTH) > JSON_MAX_DEPTH) {
        err_set(err, ERR_DATA, 0, "json: nested deeper than %d levels", JSON_MAX_DEPTH);
        yyjson_doc_free(doc);
        return NULL;
    }
    return doc;
}

yyjson_doc *json_parse(const void *bytes, size_t n, const yyjson_alc *alc, struct err *err)
{
    /* Without the in-situ flag yyjson only reads its input, though the parameter is not const. */
    return json_read((char *)(uintptr_t)bytes, n, YYJSON_READ_NOFLAG, alc, err);
}

yyjson_doc *json_parse_in_place(struct strbuf *text, struct err *err)
{
    strbuf_reserve(text, JSON_ROOM);
    memset(text->data + text->length, 0, JSON_ROOM); /* where the reader stops without counting */
    return json_read(text->data, text->length, YYJSON_READ_INSITU, NULL, err);
}

/* yyjson keeps a value's whole subtree behind it in one array, in document order. So one walk over that array, with
 * the ends of the containers still open on a small stack, visits every level without recursion. */
size_t json_depth(yyjson_val *value, size_t limit)
{
    yyjson_val *open[JSON_MAX_DEPTH]; /* open[i]: first value behind the container at level i + 1 */
    size_t level = 0, deepest = 0;
    yyjson_val *end;

    if (!value || !yyjson_is_ctn(value))
        return 0;
    if (limit > JSON_MAX_DEPTH)
        limit = JSON_MAX_DEPTH;
    end = unsafe_yyjson_get_next(value);
    for (yyjson_val *v = value; v < end; v++) {
        if (!unsafe_yyjson_is_ctn(v))
            continue;
        while (level > 0 && v >= open[level - 1])
            level--;
        if (level == limit)
            return limit + 1;
        open[level++] = unsafe_yyjson_get_next(v);
        if (level > deepest)
            deepest = level;
    }
    return deepest;
}

static yyjson_val *json_member(yyjson_val *object, const char *key)
{
    yyjson_val *value = yyjson_obj_get(object, key);

    return yyjson_is_null(value) ? NULL : value;
}

enum json_got json_get_text(yyjson_val *object, const char *key, struct json_text *out)
{
    yyjson_val *value = json_member(object, key);

    if (!value)
        return JSON_ABSENT;
    if (!yyjson_is_str(value))
        return JSON_WRONG;
    *out = (struct json_text){yyjson_get_str(value), yyjson_get_len(value)};
    return JSON_GOT;
}

/* JSON's own grammar has been checked by the reader, so digits and a minus are all an integer can be made of. */
static bool json_integer_text(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if ((s[i] < '0' || s[i] > '9') && s[i] != '-')
            return false;
    }
    return n > 0;
}

enum json_got json_get_id(yyjson_val *object, const char *key, struct json_text *out)
{
    yyjson_val *value = json_member(object, key);
    struct json_text text;

    if (!value)
        return JSON_ABSENT;
    if (!json_scalar_text(value, &text))
        return JSON_WRONG;
    if (text.length == 0)
        return JSON_ABSENT;
    if (yyjson_is_raw(value) && !json_integer_text(text.data, text.length))
        return JSON_WRONG;
    *out = text;
    return JSON_GOT;
}

enum json_got json_get_i64(yyjson_val *object, const char *key, int64_t *out)
{
    yyjson_val *value = json_member(object, key);
    struct json_text text;

    if (!value)
        return JSON_ABSENT;
    if (!json_scalar_text(value, &text) || !number_i64(text.data, text.length, out))
        return JSON_WRONG;
    return JSON_GOT;
}

enum json_got json_get_bool(yyjson_val *object, const char *key, bool *out)
{
    yyjson_val *value = json_member(object, key);

    if (!value)
        return JSON_ABSENT;
    if (!yyjson_is_bool(value))
        return JSON_WRONG;
    *out = yyjson_get_bool(value);
    return JSON_GOT;
}

bool json_scalar_text(yyjson_val *value, struct json_text *out)
{
    if (yyjson_is_str(value))
        *out = (struct json_text){yyjson_get_str(value), yyjson_get_len(value)};
    else if (yyjson_is_raw(value))
        *out = (struct json_text){yyjson_get_raw(value), yyjson_get_len(value)};
    else
        return false;
    return true;
}
