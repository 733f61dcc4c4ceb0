/* sim_buf.h - a growable byte buffer, and a writer of compact JSON into it.
 *
 * In:   bytes, numbers, texts (UTF-8, NUL-terminated).
 * Out:  buf.p[0..n); JSON without spaces, in exactly the order it was written in.
 * Fails: never; memory exhaustion ends the process (a test tool has nothing better to do).
 * Why so: orders are rendered by the thousand per second and their bytes are the truth the tests compare
 * with, so the writer decides every byte itself: key order, escapes, numbers as text or not. */
#ifndef SIM_BUF_H
#define SIM_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
    char *p;    /* owned; NULL while nothing was written */
    size_t n;   /* bytes used */
    size_t cap; /* bytes allocated */
};

void *buf_alloc(size_t n);           /* zeroed, owned by the caller: free() */
void *buf_grow(void *old, size_t n); /* realloc that never fails; n > 0 */
char *buf_strdup(const char *s);     /* owned copy */
void buf_deinit(struct buf *b);      /* frees; b may be used again afterwards */
void buf_reserve(struct buf *b, size_t more);
void buf_add(struct buf *b, const void *bytes, size_t n);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_int(struct buf *b, int64_t v);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* s[0..n) as a JSON string with its quotes; ascii: everything above 0x7e as \uXXXX. */
void buf_json_string(struct buf *b, const char *s, size_t n, bool ascii);

/* Writer of one JSON text. The caller opens, closes and orders; the writer sets commas. */
struct json_out {
    struct buf *b; /* borrowed */
    bool comma;    /* a value stands before the next one */
    bool ascii;    /* escape everything that is not ASCII */
};

/* In all of these, key NULL means: an element of an array. */
void json_out_open(struct json_out *j, const char *key, char bracket);
void json_out_close(struct json_out *j, char bracket);
void json_out_text(struct json_out *j, const char *key, const char *value);
void json_out_int(struct json_out *j, const char *key, int64_t value);
void json_out_bool(struct json_out *j, const char *key, bool value);
void json_out_raw(struct json_out *j, const char *key, const char *value); /* value: JSON already */

#endif
