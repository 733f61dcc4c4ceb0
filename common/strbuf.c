/* strbuf.c - common: a growing byte string, and the allocator calls that may not fail.
 *
 * In:      bytes with a length.
 * Out:     bytes with a length, always followed by a NUL that is not counted.
 * Fails:   only strbuf_read_file. Running out of memory ends the process: a half-built command or document must never
 *          be seen, and every buffer is bounded by its caller, so this is a broken machine and not a big request.
 * Thread:  any; one owner at a time.
 * Why so:  capacity doubles, so adding byte by byte stays linear; reset keeps the storage, so a loop that reuses its
 *          buffer allocates nothing once it is warm. */
#include "common/strbuf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/number.h"

void *xmalloc(size_t n)
{
    return xrealloc(NULL, n);
}

void *xcalloc(size_t count, size_t n)
{
    void *p = calloc(count ? count : 1, n ? n : 1);

    if (!p)
        fatalx("out of memory", LOG_I("elements", count), LOG_I("size", n));
    return p;
}

void *xrealloc(void *p, size_t n)
{
    void *grown = realloc(p, n ? n : 1); /* size 0 would free p */

    if (!grown)
        fatalx("out of memory", LOG_I("bytes", n));
    return grown;
}

char *xstrndup(const char *s, size_t n)
{
    char *copy = xmalloc(n + 1);

    if (n > 0)
        memcpy(copy, s, n);
    copy[n] = '\0';
    return copy;
}

void strbuf_init(struct strbuf *b)
{
    *b = STRBUF_INIT;
}

void strbuf_deinit(struct strbuf *b)
{
    free(b->data);
    *b = STRBUF_INIT;
}

void strbuf_reset(struct strbuf *b)
{
    b->length = 0;
    if (b->data)
        b->data[0] = '\0';
}

void strbuf_reserve(struct strbuf *b, size_t more)
{
    size_t need, capacity;

    if (__builtin_add_overflow(b->length, more, &need) || __builtin_add_overflow(need, 1, &need))
        fatalx("string too long", LOG_I("more", more));
    if (need <= b->capacity)
        return;
    if (__builtin_mul_overflow(b->capacity, 2, &capacity) || capacity < need)
        capacity = need;
    if (capacity < 64)
        capacity = 64;
    b->data = xrealloc(b->data, capacity);
    b->capacity = capacity;
    b->data[b->length] = '\0';
}

void strbuf_add(struct strbuf *b, const void *bytes, size_t n)
{
    if (n == 0)
        return;
    strbuf_reserve(b, n);
    memcpy(b->data + b->length, bytes, n);
    b->length += n;
    b->data[b->length] = '\0';
}

void strbuf_add_text(struct strbuf *b, const char *text)
{
    strbuf_add(b, text, strlen(text));
}

void strbuf_add_char(struct strbuf *b, char c)
{
    strbuf_add(b, &c, 1);
}

void strbuf_add_i64(struct strbuf *b, int64_t v)
{
    char text[24];

    strbuf_add(b, text, number_format_i64(text, v));
}

void strbuf_add_format(struct strbuf *b, const char *format, ...)
{
    va_list args, again;
    int n;

    va_start(args, format);
    va_copy(again, args);
    n = vsnprintf(NULL, 0, format, args);
    if (n < 0)
        fatalx("format failed", LOG_S("format", format));
    if (n > 0) {
        strbuf_reserve(b, (size_t)n);
        vsnprintf(b->data + b->length, (size_t)n + 1, format, again);
        b->length += (size_t)n;
    }
    va_end(again);
    va_end(args);
}

static bool strbuf_url_plain(unsigned char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void strbuf_add_urlencoded(struct strbuf *b, const char *s, size_t n)
{
    static const char hex[] = "0123456789ABCDEF";

    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        char escaped[3] = {'%', hex[c >> 4], hex[c & 15]};

        if (strbuf_url_plain(c))
            strbuf_add_char(b, s[i]);
        else
            strbuf_add(b, escaped, sizeof escaped);
    }
}

const char *strbuf_text(const struct strbuf *b)
{
    return b->data ? b->data : "";
}

char *strbuf_detach(struct strbuf *b)
{
    char *data = b->data ? b->data : xcalloc(1, 1);

    *b = STRBUF_INIT;
    return data;
}

/* Appends what fd still holds, reading one byte past limit to notice a larger file. */
static bool strbuf_read_fd(struct strbuf *b, int fd, size_t limit, const char *path, struct err *err)
{
    size_t before = b->length;

    for (;;) {
        size_t got = b->length - before, room = limit - got;
        ssize_t n;

        strbuf_reserve(b, room < 65536 ? room + 1 : 65536);
        n = read(fd, b->data + b->length, room < 65536 ? room + 1 : 65536);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            err_errno(err, "read", path);
            return false;
        }
        if (n == 0)
            return true;
        if ((size_t)n > room) {
            err_set(err, ERR_DATA, 0, "read %s: larger than %zu bytes", path, limit);
            return false;
        }
        b->length += (size_t)n;
        b->data[b->length] = '\0';
    }
}

bool strbuf_read_file(struct strbuf *b, const char *path, size_t limit, struct err *err)
{
    size_t before = b->length;
    bool ok = false;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        err_errno(err, "open", path);
        goto out;
    }
    ok = strbuf_read_fd(b, fd, limit, path, err);
    if (!ok && b->data) {
        b->length = before;
        b->data[before] = '\0';
    }
out:
    if (fd >= 0)
        close(fd);
    return ok;
}
