/* platform.c - worker: the list of marketplaces, and what their files share.
 *
 * In:      a platform's name; a request to wipe; a Retry-After header.
 * Out:     the platform's table.
 * Fails:   NULL for a name nobody implements.
 * Thread:  any; no state.
 * Why so:  a new marketplace is one line here and one file beside this one. */
#include "worker/platforms/platform.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/number.h"
#include "worker/platforms/retry_after.h"

static const struct platform *const platforms[] = {&platform_tiktok, &platform_shopee};

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

void platform_grant_deinit(struct platform_grant *g)
{
    strbuf_wipe(&g->access_token);
    strbuf_wipe(&g->refresh_token);
    strbuf_deinit(&g->open_id);
    strbuf_deinit(&g->account);
    strbuf_deinit(&g->region);
    strbuf_deinit(&g->shop_ids);
    strbuf_deinit(&g->merchant_ids);
}

void platform_shops_deinit(struct platform_shops *s)
{
    for (size_t i = 0; i < s->count; i++) {
        free(s->at[i].shop_id);
        free(s->at[i].name);
        free(s->at[i].region);
        free(s->at[i].cipher);
    }
    free(s->at);
    s->at = NULL;
    s->count = 0;
}

size_t platform_secret_length(const char *secret)
{
    return strcspn(secret, ",");
}

bool platform_text_is_clean(const char *text)
{
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p <= ' ' || *p == 0x7f)
            return false;
    return *text != '\0';
}

int64_t retry_after_ms(const char *text, int64_t now_ms)
{
    const int64_t now_s = now_ms / 1000, most_s = RETRY_AFTER_MAX_MS / 1000;
    int64_t value;
    time_t date;

    if (!text || !*text)
        return 0;
    if (number_i64(text, strlen(text), &value))
        value = value < 0 ? 0 : value > most_s ? RETRY_AFTER_MAX_MS : value * 1000;
    else if ((date = curl_getdate(text, NULL)) != (time_t)-1)
        value = date < now_s            ? 0 /* compared in seconds: years may have any number of digits */
                : date > now_s + most_s ? RETRY_AFTER_MAX_MS
                                        : (int64_t)date * 1000 - now_ms;
    else
        return 0;
    return value < 0 ? 0 : value > RETRY_AFTER_MAX_MS ? RETRY_AFTER_MAX_MS : value;
}
