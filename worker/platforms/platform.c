/* platform.c - worker: the list of marketplaces, and what their files share.
 *
 * In:      a platform's name; a request to wipe; a Retry-After header.
 * Out:     the platform's table.
 * Fails:   NULL for a name nobody implements.
 * Thread:  any; no state.
 * Why so:  a new marketplace is one line here and one file beside this one. */
#include "worker/platforms/platform.h"

#include <curl/curl.h>
#include <string.h>

#include "common/clock.h"
#include "common/number.h"
#include "worker/platforms/retry_after.h"

static const struct platform *const platforms[] = {&platform_tiktok};

const struct platform *platform_find(const char *name)
{
    for (size_t i = 0; i < sizeof platforms / sizeof platforms[0]; i++)
        if (strcmp(platforms[i]->name, name) == 0)
            return platforms[i];
    return NULL;
}

static void strbuf_wipe(struct strbuf *b)
{
    if (b->data)
        explicit_bzero(b->data, b->capacity);
    strbuf_deinit(b);
}

void platform_request_deinit(struct platform_request *r)
{
    strbuf_wipe(&r->url);
    strbuf_wipe(&r->body);
    for (size_t i = 0; i < PLATFORM_HEADERS_MAX; i++)
        strbuf_wipe(&r->headers[i]);
    r->header_count = 0;
}

int64_t retry_after_ms(const char *text, int64_t now_ms)
{
    int64_t value;
    time_t date;

    if (!text || !*text)
        return 0;
    if (number_i64(text, strlen(text), &value))
        value = value < 0 ? 0 : value > RETRY_AFTER_MAX_MS / 1000 ? RETRY_AFTER_MAX_MS : value * 1000;
    else if ((date = curl_getdate(text, NULL)) != (time_t)-1)
        value = (int64_t)date * 1000 - now_ms;
    else
        return 0;
    return value < 0 ? 0 : value > RETRY_AFTER_MAX_MS ? RETRY_AFTER_MAX_MS : value;
}
