/* encode.h - worker, stage 5: BSON written forwards into one buffer.
 *
 * Errors stick: a document that outgrows the limit, nests deeper than the server takes, or a key that BSON cannot hold,
 * sets `failed`, later calls do nothing, and the caller asks once at the end. Keys and texts have lengths; texts may hold
 * NUL, keys may not: whoever takes one from outside shows it to encode_key first, because most are words of ours. */
#ifndef SHOPSTREAM_WORKER_DTO_ENCODE_H
#define SHOPSTREAM_WORKER_DTO_ENCODE_H

#include <bson/bson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct encode {
    uint8_t *data;   /* owned */
    size_t length;   /* bytes written, the closing NUL of the document not counted */
    size_t capacity; /* bytes allocated, always one more than length needs */
    size_t limit;    /* most bytes, at most INT32_MAX */
    size_t depth;    /* containers open now */
    bool failed;     /* a limit was met, or a key was refused: what stands in data is cut off */
};

void encode_init(struct encode *e, size_t limit);
void encode_deinit(struct encode *e); /* accepts a zeroed one */
void encode_reset(struct encode *e);  /* an empty document again, storage kept */

/* Fails the document when this key from outside holds a NUL. */
void encode_key(struct encode *e, const char *key, size_t key_length);

void encode_text(struct encode *e, const char *key, size_t key_length, const char *s, size_t n);
void encode_i64(struct encode *e, const char *key, size_t key_length, int64_t v);
void encode_bool(struct encode *e, const char *key, size_t key_length, bool v);
void encode_null(struct encode *e, const char *key, size_t key_length);
void encode_decimal(struct encode *e, const char *key, size_t key_length, const bson_decimal128_t *v);

/* Elements from here to encode_close(returned value) go into a nested document or array; the elements of an array need
 * their keys too: encode_index. */
size_t encode_open_object(struct encode *e, const char *key, size_t key_length);
size_t encode_open_array(struct encode *e, const char *key, size_t key_length);
void encode_close(struct encode *e, size_t opened);

/* Containers in containers, at most: the server stops at 100, and a document stands in an operator in an update. Whatever
 * this writer made can be sent without another look at it. */
enum { ENCODE_DEPTH_MAX = 88 };

enum { ENCODE_INDEX_MAX = 24 };

/* Key of the element of an array; to has ENCODE_INDEX_MAX bytes. Returns its length. */
size_t encode_index(char *to, size_t index);

/* Makes what stands there a complete document, whose bytes start at e->data; returns their number. More elements may
 * follow afterwards. 0 when failed. No container may be open. */
size_t encode_seal(struct encode *e);

/* The document as libbson's; you own it (bson_destroy). NULL when failed. */
bson_t *encode_document(struct encode *e);

#endif
