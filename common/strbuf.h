/* strbuf.h - common: a growing byte string with a length.
 *
 * Invariants: `data` is NULL or NUL-terminated at data[length]; length excludes that NUL; bytes may include NUL.
 * Growing aborts on out-of-memory (fatalx): a half-built string is never seen. One owner, one thread at a time.
 * It must not learn about JSON, Redis or files beyond strbuf_read_file. */
#ifndef SHOPSTREAM_COMMON_STRBUF_H
#define SHOPSTREAM_COMMON_STRBUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

struct strbuf {
    char *data;      /* owned; NULL until the first byte */
    size_t length;   /* bytes in use, without the NUL */
    size_t capacity; /* bytes allocated */
};

#define STRBUF_INIT ((struct strbuf){NULL, 0, 0})

void strbuf_init(struct strbuf *b);
void strbuf_deinit(struct strbuf *b);               /* accepts a zeroed one; leaves it initialised */
void strbuf_reset(struct strbuf *b);                /* empty, storage kept */
void strbuf_reserve(struct strbuf *b, size_t more); /* room for that many more bytes */
void strbuf_add(struct strbuf *b, const void *bytes, size_t n);
void strbuf_add_text(struct strbuf *b, const char *text);
void strbuf_add_char(struct strbuf *b, char c);
void strbuf_add_i64(struct strbuf *b, int64_t v);
void strbuf_add_format(struct strbuf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Percent-encodes all but A-Z a-z 0-9 - . _ ~ */
void strbuf_add_urlencoded(struct strbuf *b, const char *s, size_t n);

/* "" when empty, else data. Borrowed until the next change. */
const char *strbuf_text(const struct strbuf *b);

/* You now own the storage (free()); b is empty. Never NULL. */
char *strbuf_detach(struct strbuf *b);

/* Appends the file at path, at most limit bytes. False: err says why (also when it is larger), b unchanged. */
bool strbuf_read_file(struct strbuf *b, const char *path, size_t limit, struct err *err)
    __attribute__((warn_unused_result));

/* Constant-format helpers for memory that must exist: abort on out-of-memory. You own the result (free()). */
void *xmalloc(size_t n);
void *xcalloc(size_t count, size_t n);
void *xrealloc(void *p, size_t n);
char *xstrndup(const char *s, size_t n);

#endif
