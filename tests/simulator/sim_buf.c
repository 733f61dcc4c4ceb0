/* sim_buf.c - see sim_buf.h. */
#include "sim_buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *checked(void *p)
{
    if (!p) {
        fputs("out of memory\n", stderr);
        abort();
    }
    return p;
}

void *buf_alloc(size_t n)
{
    return checked(calloc(1, n ? n : 1));
}

void *buf_grow(void *old, size_t n)
{
    return checked(realloc(old, n ? n : 1));
}

char *buf_strdup(const char *s)
{
    return checked(strdup(s));
}

void buf_deinit(struct buf *b)
{
    free(b->p);
    *b = (struct buf){0};
}

void buf_reserve(struct buf *b, size_t more)
{
    size_t cap = b->cap ? b->cap : 256;

    if (b->cap - b->n >= more)
        return;
    while (cap - b->n < more)
        cap *= 2;
    b->p = buf_grow(b->p, cap);
    b->cap = cap;
}

void buf_add(struct buf *b, const void *bytes, size_t n)
{
    if (n == 0)
        return;
    buf_reserve(b, n);
    memcpy(b->p + b->n, bytes, n);
    b->n += n;
}

void buf_puts(struct buf *b, const char *s)
{
    buf_add(b, s, strlen(s));
}

void buf_putc(struct buf *b, char c)
{
    buf_add(b, &c, 1);
}

void buf_int(struct buf *b, int64_t v)
{
    char text[24];
    size_t at = sizeof text;
    uint64_t rest = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

    do {
        text[--at] = (char)('0' + (int)(rest % 10));
        rest /= 10;
    } while (rest);
    if (v < 0)
        text[--at] = '-';
    buf_add(b, text + at, sizeof text - at);
}

void buf_printf(struct buf *b, const char *format, ...)
{
    va_list args, again;
    int need;

    va_start(args, format);
    va_copy(again, args);
    need = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (need >= 0) {
        buf_reserve(b, (size_t)need + 1);
        vsnprintf(b->p + b->n, (size_t)need + 1, format, again);
        b->n += (size_t)need;
    }
    va_end(again);
}

/* Decodes one UTF-8 sequence at s[0..n); *used is its length. Malformed bytes stand for themselves. */
static uint32_t utf8_next(const unsigned char *s, size_t n, size_t *used)
{
    size_t len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : s[0] >= 0xc0 ? 2 : 1;
    uint32_t v = s[0];

    *used = 1;
    if (len == 1 || len > n)
        return v;
    v = s[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++)
        v = v << 6 | (s[i] & 0x3fu);
    *used = len;
    return v;
}

static void json_escape(struct buf *b, uint32_t v)
{
    if (v > 0xffff) {
        v -= 0x10000;
        buf_printf(b, "\\u%04x\\u%04x", 0xd800u + (v >> 10), 0xdc00u + (v & 0x3ffu));
    } else {
        buf_printf(b, "\\u%04x", v);
    }
}

static bool json_short_escape(struct buf *b, char c)
{
    static const char from[] = "\"\\\n\r\t\b\f";
    static const char to[] = "\"\\nrtbf";
    const char *at = c ? strchr(from, c) : NULL;

    if (!at)
        return false;
    buf_putc(b, '\\');
    buf_putc(b, to[at - from]);
    return true;
}

void buf_json_string(struct buf *b, const char *s, size_t n, bool ascii)
{
    buf_reserve(b, n + 2);
    buf_putc(b, '"');
    for (size_t i = 0; i < n;) {
        unsigned char c = (unsigned char)s[i];
        size_t used = 1;

        if (c < 0x20 || c == '"' || c == '\\') {
            if (!json_short_escape(b, s[i]))
                json_escape(b, c);
        } else if (ascii && c > 0x7e) {
            json_escape(b, utf8_next((const unsigned char *)s + i, n - i, &used));
        } else {
            while (i + used < n && (unsigned char)s[i + used] >= 0x20 && s[i + used] != '"' &&
                   s[i + used] != '\\' && !(ascii && (unsigned char)s[i + used] > 0x7e))
                used++;
            buf_add(b, s + i, used);
        }
        i += used;
    }
    buf_putc(b, '"');
}

/* Keys are ours: plain ASCII without anything to escape. */
static void json_out_key(struct json_out *j, const char *key)
{
    if (j->comma)
        buf_putc(j->b, ',');
    j->comma = true;
    if (!key)
        return;
    buf_putc(j->b, '"');
    buf_puts(j->b, key);
    buf_add(j->b, "\":", 2);
}

void json_out_open(struct json_out *j, const char *key, char bracket)
{
    json_out_key(j, key);
    buf_putc(j->b, bracket);
    j->comma = false;
}

void json_out_close(struct json_out *j, char bracket)
{
    buf_putc(j->b, bracket);
    j->comma = true;
}

void json_out_text(struct json_out *j, const char *key, const char *value)
{
    json_out_key(j, key);
    buf_json_string(j->b, value, strlen(value), j->ascii);
}

void json_out_int(struct json_out *j, const char *key, int64_t value)
{
    json_out_key(j, key);
    buf_int(j->b, value);
}

void json_out_bool(struct json_out *j, const char *key, bool value)
{
    json_out_key(j, key);
    buf_puts(j->b, value ? "true" : "false");
}

void json_out_raw(struct json_out *j, const char *key, const char *value)
{
    json_out_key(j, key);
    buf_puts(j->b, value);
}
