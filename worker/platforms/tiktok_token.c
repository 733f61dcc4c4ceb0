/* tiktok_token.c - worker: TikTok's token host, and the shops a token opens.
 *
 * In:      an authorisation code or a refresh token; or the answer to one.
 * Out:     a request; or a grant, or the list of shops.
 * Fails:   a request without app key, secret or host gives false and a sentence; an answer always gets a class.
 * Thread:  any; no state, no I/O.
 * Why so:  these calls are not signed: the secret itself stands in the URL, so the URL is never logged. "expire_in" is an
 *          instant in spite of its name; a small value can only be a duration. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "worker/platforms/query.h"
#include "worker/platforms/tiktok.h"

enum { EXPIRY_IS_INSTANT_S = 1000000000 }; /* smaller values are durations */

static bool auth_request(const struct config *config, const char *path, const char *key, const char *value,
                         const char *grant_type, struct platform_request *out, struct err *err)
{
    struct query q = {.path = path};
    char *secret;

    memset(out, 0, sizeof *out);
    if (!config->tiktok_app_key || !*config->tiktok_app_key || !config->tiktok_app_secret ||
        platform_secret_length(config->tiktok_app_secret) == 0 || !config->tiktok_auth_url ||
        !*config->tiktok_auth_url) {
        err_set(err, ERR_CONFIG, 0, "TIKTOK_APP_KEY, TIKTOK_APP_SECRET or TIKTOK_AUTH_URL is not set");
        return false;
    }
    secret = xstrndup(config->tiktok_app_secret, platform_secret_length(config->tiktok_app_secret));
    query_add(&q, "app_key", config->tiktok_app_key);
    query_add(&q, "app_secret", secret);
    query_add(&q, key, value);
    query_add(&q, "grant_type", grant_type);
    out->method = "GET";
    query_url(&q, config->tiktok_auth_url, &out->url);
    explicit_bzero(secret, strlen(secret));
    free(secret);
    return true;
}

bool tiktok_token_request(const struct config *config, const char *refresh_token,
                          const struct shop_identity *who, int64_t at_s, struct platform_request *out,
                          struct err *err)
{
    (void)who;
    (void)at_s;
    return auth_request(config, "/api/v2/token/refresh", "refresh_token", refresh_token, "refresh_token", out,
                        err);
}

bool tiktok_code_request(const struct config *config, const char *code, const struct shop_identity *who,
                         int64_t at_s, struct platform_request *out, struct err *err)
{
    (void)who;
    (void)at_s;
    return auth_request(config, "/api/v2/token/get", "auth_code", code, "authorized_code", out, err);
}

static bool member_to(yyjson_val *from, const char *name, struct strbuf *to)
{
    struct json_text text;

    if (json_get_text(from, name, &text) != JSON_GOT || memchr(text.data, '\0', text.length))
        return false;
    strbuf_add(to, text.data, text.length);
    return text.length > 0;
}

static int64_t expiry_ms(yyjson_val *data, const char *name, int64_t now_ms)
{
    int64_t s;

    if (json_get_i64(data, name, &s) != JSON_GOT || s <= 0 || s > INT64_MAX / 2000)
        return 0;
    return s < EXPIRY_IS_INSTANT_S ? now_ms + s * 1000 : s * 1000;
}

/* Any refusal that is neither "later" nor "too often" ends the grant; only an address that is not allowed is ours. */
static enum call_class grant_class(const struct platform_result *r)
{
    if (r->class == CALL_RETRY || r->class == CALL_LIMIT)
        return r->class;
    return r->app ? CALL_PERM : CALL_AUTH;
}

void tiktok_token_answer(const struct platform_answer *answer, struct platform_grant *out)
{
    yyjson_val *data = yyjson_obj_get(answer->root, "data");
    struct platform_result r;

    memset(out, 0, sizeof *out);
    if (!tiktok_judge_envelope(answer, &r)) {
        out->class = grant_class(&r);
        out->retry_after_ms = r.retry_after_ms;
        memcpy(out->error, r.error, sizeof out->error);
        return;
    }
    out->class = CALL_OK;
    if (!member_to(data, "access_token", &out->access_token) ||
        !member_to(data, "refresh_token", &out->refresh_token)) {
        platform_grant_deinit(out);
        out->class = CALL_RETRY;
        snprintf(out->error, sizeof out->error, "tiktok: success without a pair of tokens");
        return;
    }
    out->access_expires_ms = expiry_ms(data, "access_token_expire_in", answer->now_ms);
    out->refresh_expires_ms = expiry_ms(data, "refresh_token_expire_in", answer->now_ms);
    (void)member_to(data, "open_id", &out->open_id);
    (void)member_to(data, "seller_name", &out->account);
    (void)member_to(data, "seller_base_region", &out->region);
}

static char *member_text(yyjson_val *from, const char *name)
{
    struct json_text text = {"", 0};

    if (json_get_id(from, name, &text) != JSON_GOT)
        text.length = 0;
    return xstrndup(text.data, text.length);
}

void tiktok_shops_answer(const struct platform_answer *answer, struct platform_shops *out)
{
    struct platform_result r;
    yyjson_arr_iter it;
    yyjson_val *shop;

    platform_tiktok.judge(PLATFORM_PROBE, answer, &r);
    memset(out, 0, sizeof *out);
    out->class = r.class;
    memcpy(out->error, r.error, sizeof out->error);
    if (r.class != CALL_OK)
        return;
    out->at = xcalloc(yyjson_arr_size(r.entities) + 1, sizeof out->at[0]);
    it = yyjson_arr_iter_with(r.entities);
    while ((shop = yyjson_arr_iter_next(&it)) != NULL)
        out->at[out->count++] = (struct platform_shop){.shop_id = member_text(shop, "id"),
                                                       .name = member_text(shop, "name"),
                                                       .region = member_text(shop, "region"),
                                                       .cipher = member_text(shop, "cipher")};
}
