/* json.h - common: reading outside JSON with yyjson, numbers kept as their text.
 *
 * YYJSON_READ_NUMBER_AS_RAW always: ids and money never pass through a double. The depth is limited here, because
 * yyjson reads without recursion and sets none. Values borrow from the document. Pure; any thread.
 *
 * Typed getters tell "absent" (missing, null) from "wrong type", because the two have different fates. */
#ifndef SHOPSTREAM_COMMON_JSON_H
#define SHOPSTREAM_COMMON_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <yyjson.h>

#include "common/err.h"
#include "common/strbuf.h"

enum { JSON_MAX_DEPTH = 64, JSON_ROOM = YYJSON_PADDING_SIZE };

enum json_got {
    JSON_GOT,    /* *out set */
    JSON_ABSENT, /* missing or null; *out untouched */
    JSON_WRONG,  /* there, but not convertible; *out untouched */
};

/* A piece of text inside a document: length counts, NUL bytes are legal inside. */
struct json_text {
    const char *data; /* borrowed from the document */
    size_t length;    /* bytes */
};

/* Parses n bytes. You own the result (yyjson_doc_free). NULL: err says what and where (never quotes the input);
 * also for nesting beyond JSON_MAX_DEPTH. alc: NULL or a yyjson allocator (pool over arena memory). */
yyjson_doc *json_parse(const void *bytes, size_t n, const yyjson_alc *alc, struct err *err)
    __attribute__((warn_unused_result));

/* The same without a copy of the text: rewrites it, also on failure, and the document borrows it. Keep it untouched for as
 * long. Nothing moves when it has room for JSON_ROOM bytes more. */
yyjson_doc *json_parse_in_place(struct strbuf *text, struct err *err) __attribute__((warn_unused_result));

/* Levels of arrays and objects below and including value; stops counting at limit + 1. limit: at most JSON_MAX_DEPTH.
 * Not recursive. */
size_t json_depth(yyjson_val *value, size_t limit);

/* Text of a string member. */
enum json_got json_get_text(yyjson_val *object, const char *key, struct json_text *out);

/* Id: a non-empty string, or a raw number that is an integer without exponent; its text. Empty string: JSON_ABSENT. */
enum json_got json_get_id(yyjson_val *object, const char *key, struct json_text *out);

/* Integer: a raw number without fraction or exponent that fits, or (the platforms do that) its text in a string. */
enum json_got json_get_i64(yyjson_val *object, const char *key, int64_t *out);

enum json_got json_get_bool(yyjson_val *object, const char *key, bool *out);

/* Text of any scalar: string bytes or the raw number's text. False for others. */
bool json_scalar_text(yyjson_val *value, struct json_text *out);

#endif
