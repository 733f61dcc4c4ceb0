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
#include <time.h>

#include "common/clock.h"
#include "common/number.h"
#include "common/redis_url.h"
#include "worker/layout_ask.h"

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

bool ctl_layout(struct ctl *c, struct link *l, struct layout *out, bool *there, struct err *err)
{
    const int setting = (int)c->config->stream_partitions;

    return layout_ask_look(l, &(struct layout){setting, setting}, out, there, err);
}

bool ctl_streams(struct ctl *c, struct link *l, struct streams *out, struct err *err)
{
    struct layout layout;

    return ctl_layout(c, l, &layout, NULL, err) && streams_init(out, layout.most);
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

/* "90m", "6h", "2d": so long before now. False: it is none. */
static bool parse_age(const char *text, int64_t now_ms, int64_t *out)
{
    static const struct {
        char unit;
        int64_t ms;
    } units[] = {{'s', 1000}, {'m', 60 * 1000}, {'h', 3600 * 1000}, {'d', INT64_C(24) * 3600 * 1000}};
    size_t n = strlen(text);
    int64_t count;

    if (n < 2 || !number_i64(text, n - 1, &count) || count < 0 || count > 100000)
        return false;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (text[n - 1] == units[i].unit) {
            *out = now_ms - count * units[i].ms;
            return true;
        }
    }
    return false;
}

/* "2024-11-29T10:30:00Z" or "2024-11-29". False: it is neither. */
static bool parse_instant(const char *text, int64_t *out)
{
    struct tm at = {0};
    const char *end = strptime(text, "%Y-%m-%d", &at);

    if (end && *end == 'T')
        end = strptime(end, "T%H:%M:%SZ", &at);
    if (!end || *end)
        return false;
    *out = (int64_t)timegm(&at) * 1000;
    return clock_plausible_ms(*out);
}

bool ctl_parse_time(const char *text, int64_t now_ms, int64_t *out)
{
    return parse_age(text, now_ms, out) || parse_instant(text, out);
}
