/* encode.c - worker, stage 5: BSON written forwards into one buffer.
 *
 * In:      typed elements, in the order in which they shall stand.
 * Out:     the bytes of one BSON document.
 * Fails:   beyond the limit given, which bounds the memory one hostile order can take.
 * Thread:  one.
 * Why so:  libbson's bson_append_* take 30 to 60 ns an element, most of it for variable arguments and for keeping all
 *          parents valid after every element. An order has 250 elements. Here an element is a few copies into a buffer
 *          that is big enough; parents get their length when they are closed.
 *
 *   document | length 4 | element ... | 0 |        element | type 1 | key ... 0 | value |
 *   text     | length 4, NUL counted | bytes ... | 0 | */
#include "worker/dto/encode.h"

#include <stdlib.h>
#include <string.h>

#include "common/number.h"
#include "common/strbuf.h"

enum {
    ENCODE_FIRST = 16 * 1024, /* an order of ten lines */
    ENCODE_HEAD = 4,          /* length of a document or a text */

    ENCODE_TYPE_TEXT = 0x02,
    ENCODE_TYPE_OBJECT = 0x03,
    ENCODE_TYPE_ARRAY = 0x04,
    ENCODE_TYPE_BOOL = 0x08,
    ENCODE_TYPE_NULL = 0x0A,
    ENCODE_TYPE_I64 = 0x12,
    ENCODE_TYPE_DECIMAL = 0x13,
};

void encode_init(struct encode *e, size_t limit)
{
    *e = (struct encode){.limit = limit < INT32_MAX ? limit : INT32_MAX, .capacity = ENCODE_FIRST};
    e->data = xmalloc(e->capacity);
    encode_reset(e);
}

void encode_deinit(struct encode *e)
{
    free(e->data);
    *e = (struct encode){0};
}

void encode_reset(struct encode *e)
{
    e->length = ENCODE_HEAD;
    e->depth = 0;
    e->failed = false;
}

/* The buffer is full, or the document has failed. */
static bool encode_grow(struct encode *e, size_t n)
{
    size_t capacity = e->capacity;

    if (e->failed || n >= e->limit - e->length) {
        e->failed = true;
        return false;
    }
    while (n >= capacity - e->length)
        capacity *= 2; /* ends: length + n is below the limit of 2^31 */
    e->data = xrealloc(e->data, capacity);
    e->capacity = capacity;
    return true;
}

/* Room for n bytes and one more: the NUL behind the document. */
static inline bool encode_reserve(struct encode *e, size_t n)
{
    return (!e->failed && n < e->limit - e->length && n < e->capacity - e->length) || encode_grow(e, n);
}

static void encode_u32_at(uint8_t *at, uint32_t v)
{
    v = BSON_UINT32_TO_LE(v);
    memcpy(at, &v, sizeof v);
}

static void encode_u64_at(uint8_t *at, uint64_t v)
{
    v = BSON_UINT64_TO_LE(v);
    memcpy(at, &v, sizeof v);
}

/* Type and key, and room for a value of n bytes behind them. Returns where it goes; NULL: failed. */
static uint8_t *encode_element(struct encode *e, int type, const char *key, size_t key_length, size_t n)
{
    uint8_t *at;

    if (key_length >= e->limit || n >= e->limit || !encode_reserve(e, 1 + key_length + 1 + n))
        return NULL;
    at = e->data + e->length;
    e->length += 1 + key_length + 1 + n;
    *at++ = (uint8_t)type;
    memcpy(at, key, key_length);
    at[key_length] = '\0';
    return at + key_length + 1;
}

void encode_key(struct encode *e, const char *key, size_t key_length)
{
    if (memchr(key, '\0', key_length))
        e->failed = true;
}

void encode_text(struct encode *e, const char *key, size_t key_length, const char *s, size_t n)
{
    uint8_t *at;

    if (n >= e->limit) {
        e->failed = true;
        return;
    }
    at = encode_element(e, ENCODE_TYPE_TEXT, key, key_length, ENCODE_HEAD + n + 1);
    if (!at)
        return;
    encode_u32_at(at, (uint32_t)(n + 1));
    memcpy(at + ENCODE_HEAD, s, n);
    at[ENCODE_HEAD + n] = '\0';
}

void encode_i64(struct encode *e, const char *key, size_t key_length, int64_t v)
{
    uint8_t *at = encode_element(e, ENCODE_TYPE_I64, key, key_length, 8);

    if (at)
        encode_u64_at(at, (uint64_t)v);
}

void encode_bool(struct encode *e, const char *key, size_t key_length, bool v)
{
    uint8_t *at = encode_element(e, ENCODE_TYPE_BOOL, key, key_length, 1);

    if (at)
        *at = v;
}

void encode_null(struct encode *e, const char *key, size_t key_length)
{
    (void)encode_element(e, ENCODE_TYPE_NULL, key, key_length, 0);
}

void encode_decimal(struct encode *e, const char *key, size_t key_length, const bson_decimal128_t *v)
{
    uint8_t *at = encode_element(e, ENCODE_TYPE_DECIMAL, key, key_length, 16);

    if (!at)
        return;
    encode_u64_at(at, v->low);
    encode_u64_at(at + 8, v->high);
}

static size_t encode_open(struct encode *e, int type, const char *key, size_t key_length)
{
    uint8_t *at;

    if (e->depth == ENCODE_DEPTH_MAX)
        e->failed = true;
    e->depth++;
    at = encode_element(e, type, key, key_length, ENCODE_HEAD);
    return at ? (size_t)(at - e->data) : 0;
}

size_t encode_open_object(struct encode *e, const char *key, size_t key_length)
{
    return encode_open(e, ENCODE_TYPE_OBJECT, key, key_length);
}

size_t encode_open_array(struct encode *e, const char *key, size_t key_length)
{
    return encode_open(e, ENCODE_TYPE_ARRAY, key, key_length);
}

void encode_close(struct encode *e, size_t opened)
{
    e->depth--;
    if (!encode_reserve(e, 1))
        return;
    e->data[e->length++] = '\0';
    encode_u32_at(e->data + opened, (uint32_t)(e->length - opened));
}

size_t encode_index(char *to, size_t index)
{
    return number_format_i64(to, (int64_t)index);
}

size_t encode_seal(struct encode *e)
{
    if (!encode_reserve(e, 0)) /* which leaves room for the NUL */
        return 0;
    e->data[e->length] = '\0';
    encode_u32_at(e->data, (uint32_t)(e->length + 1));
    return e->length + 1;
}

bson_t *encode_document(struct encode *e)
{
    size_t n = encode_seal(e);

    return n > 0 ? bson_new_from_data(e->data, n) : NULL;
}
