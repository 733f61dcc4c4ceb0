/* ctl.c - shopstreamctl: the connections its commands share.
 *
 * In:      the configuration.
 * Out:     one MongoDB client and one Redis connection, each made when first asked for.
 * Fails:   by NULL and a sentence; the command turns it into exit code 3.
 * Thread:  the only one.
 * Why so:  most commands need one of the two; a tool that looks at dead letters must not fail because MongoDB is away. */
#include "worker/ctl/ctl.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/redis_url.h"

enum {
    CTL_REDIS_TIMEOUT_MS = 10000
}; /* a person waits: long enough for a busy server, short enough to say so */

struct store *ctl_store(struct ctl *c, struct err *err)
{
    if (c->store)
        return c->store;
    if (!c->stores)
        c->stores = store_pool_new(c->config, "shopstreamctl", err);
    if (c->stores)
        c->store = store_open(c->stores, err);
    return c->store;
}

struct link *ctl_link(struct ctl *c, struct err *err)
{
    if (!c->link) {
        struct redis_url url;

        if (!redis_url_parse(c->config->redis_url, &url, err))
            return NULL;
        c->link = link_new(&url, "shopstreamctl", CTL_REDIS_TIMEOUT_MS);
        explicit_bzero(&url, sizeof(url)); /* a password */
    }
    return link_open(c->link, err) ? c->link : NULL;
}

void ctl_deinit(struct ctl *c)
{
    link_free(c->link);
    store_close(c->store);
    store_pool_free(c->stores);
    c->link = NULL;
    c->store = NULL;
    c->stores = NULL;
}

/* C1 controls drive terminals too; in UTF-8 they are 0xC2 and one byte. */
static bool is_control(const char *at, const char *end)
{
    unsigned char c = (unsigned char)*at, next = at + 1 < end ? (unsigned char)at[1] : 0;

    return c < 0x20 || c == 0x7f || (c == 0xC2 && next < 0xA0);
}

const char *ctl_plain(struct strbuf *to, const char *text, size_t length)
{
    bool utf8 = bson_utf8_validate(text, length, true);
    const char *end = text + length;

    strbuf_reset(to);
    for (const char *at = text; at < end; at++) {
        unsigned char c = (unsigned char)*at;

        if (is_control(at, end) || (c >= 0x80 && !utf8)) {
            strbuf_add_format(to, "\\x%02x", c);
            if (c == 0xC2 && utf8)
                strbuf_add_format(to, "\\x%02x", (unsigned char)*++at);
        } else {
            strbuf_add_char(to, (char)c);
        }
    }
    return strbuf_text(to);
}

int ctl_fail(int code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fputs("shopstreamctl: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return code;
}
