/* shopee_token.c - worker: Shopee's tokens, and the shops that have authorised the app.
 *
 * In:      an authorisation code or a refresh token, and whom it belongs to; or the answer to one.
 * Out:     a request; or a grant, or one page of shops.
 * Fails:   a request without partner id, key, host or a single owner gives false and a sentence; an answer always gets a
 *          class.
 * Thread:  any; no state, no I/O.
 * Why so:  "expire_in" is a duration, but was seen as an instant; a value above three years can only be one. The refresh
 *          token's own life is not told: thirty days are documented. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/number.h"
#include "worker/platforms/shopee.h"

enum { EXPIRY_IS_INSTANT_S = 100000000, SHOPS_PAGE = 100 };

static const int64_t refresh_life_ms = INT64_C(30) * 86400000;

/* --- tokens --------------------------------------------------------------------------------------------------- */

static bool add_number(yyjson_mut_doc *doc, yyjson_mut_val *to, const char *name, const char *text)
{
    int64_t n;

    return number_i64(text, strlen(text), &n) && yyjson_mut_obj_add_int(doc, to, name, n);
}

/* Adds the one owner that is named. False: none, several, or no number. */
static bool add_owner(yyjson_mut_doc *doc, yyjson_mut_val *to, const struct shop_identity *who)
{
    const struct {
        const char *name, *value;
    } owners[] = {{"shop_id", who->shop_id},
                  {"merchant_id", who->merchant_id},
                  {"main_account_id", who->main_account_id}};
    int given = 0;

    for (size_t i = 0; i < sizeof owners / sizeof owners[0]; i++) {
        if (!owners[i].value || !*owners[i].value)
            continue;
        given++;
        if (!add_number(doc, to, owners[i].name, owners[i].value))
            return false;
    }
    return given == 1;
}

static bool grant_request(const struct config *config, const char *path, const char *name, const char *value,
                          const struct shop_identity *who, int64_t at_s, struct platform_request *out,
                          struct err *err)
{
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    char *body = NULL;
    bool ok;

    memset(out, 0, sizeof *out);
    yyjson_mut_doc_set_root(doc, root);
    yyjson_mut_obj_add_str(doc, root, name, value);
    ok = config->shopee_partner_id && add_number(doc, root, "partner_id", config->shopee_partner_id);
    if (!ok)
        err_set(err, ERR_CONFIG, 0, "SHOPEE_PARTNER_ID is not a number");
    else if (!(ok = add_owner(doc, root, who)))
        err_set(err, ERR_DATA, 0, "a Shopee token belongs to one shop or merchant, named by its number");
    else if (!(ok = (body = yyjson_mut_write(doc, 0, NULL)) != NULL))
        err_set(err, ERR_SYSTEM, 0, "no memory for a request");
    ok = ok && shopee_request(config, NULL, "POST", path, NULL, 0, body, at_s, out, err);
    if (body)
        explicit_bzero(body, strlen(body));
    free(body);
    yyjson_mut_doc_free(doc);
    return ok;
}

bool shopee_token_request(const struct config *config, const char *refresh_token,
                          const struct shop_identity *who, int64_t at_s, struct platform_request *out,
                          struct err *err)
{
    return grant_request(config, "/api/v2/auth/access_token/get", "refresh_token", refresh_token, who, at_s,
                         out, err);
}

bool shopee_code_request(const struct config *config, const char *code, const struct shop_identity *who,
                         int64_t at_s, struct platform_request *out, struct err *err)
{
    return grant_request(config, "/api/v2/auth/token/get", "code", code, who, at_s, out, err);
}

static bool member_to(yyjson_val *from, const char *name, struct strbuf *to)
{
    struct json_text text;

    if (json_get_text(from, name, &text) != JSON_GOT || memchr(text.data, '\0', text.length))
        return false;
    strbuf_add(to, text.data, text.length);
    return text.length > 0;
}

/* Ids of a list, one a line. */
static void ids_to(yyjson_val *list, struct strbuf *to)
{
    yyjson_arr_iter it = yyjson_arr_iter_with(list);
    struct json_text text;
    yyjson_val *id;

    while ((id = yyjson_arr_iter_next(&it)) != NULL) {
        if (!json_scalar_text(id, &text) || text.length == 0)
            continue;
        if (to->length > 0)
            strbuf_add_char(to, '\n');
        strbuf_add(to, text.data, text.length);
    }
}

static int64_t expiry_ms(yyjson_val *root, int64_t now_ms)
{
    int64_t s;

    if (json_get_i64(root, "expire_in", &s) != JSON_GOT || s <= 0 || s > INT64_MAX / 2000)
        return 0;
    return s > EXPIRY_IS_INSTANT_S ? s * 1000 : now_ms + s * 1000;
}

/* Without a readable answer the refresh token may be spent; keys, clock and address are ours; the rest is a refusal. */
static enum call_class grant_class(const struct platform_result *r)
{
    if (r->class == CALL_RETRY || r->class == CALL_LIMIT || r->class == CALL_PERM)
        return r->class;
    return r->app || r->class == CALL_SCOPE ? CALL_PERM : CALL_AUTH;
}

void shopee_token_answer(const struct platform_answer *answer, struct platform_grant *out)
{
    struct platform_result r;

    memset(out, 0, sizeof *out);
    if (!shopee_judge_envelope(PLATFORM_CALL, answer, &r)) {
        out->class = grant_class(&r);
        out->retry_after_ms = r.retry_after_ms;
        memcpy(out->error, r.error, sizeof out->error);
        return;
    }
    out->class = CALL_OK;
    if (!member_to(answer->root, "access_token", &out->access_token) ||
        !member_to(answer->root, "refresh_token", &out->refresh_token)) {
        platform_grant_deinit(out);
        out->class = CALL_RETRY;
        snprintf(out->error, sizeof out->error, "shopee: success without a pair of tokens");
        return;
    }
    out->access_expires_ms = expiry_ms(answer->root, answer->now_ms);
    out->refresh_expires_ms = answer->now_ms + refresh_life_ms;
    ids_to(yyjson_obj_get(answer->root, "shop_id_list"), &out->shop_ids);
    ids_to(yyjson_obj_get(answer->root, "merchant_id_list"), &out->merchant_ids);
}

/* --- shops ---------------------------------------------------------------------------------------------------- */

bool shopee_shops_request(const struct config *config, const char *access_token, int page, int64_t at_s,
                          struct platform_request *out, struct err *err)
{
    char number[24], size[24];
    const struct platform_param params[] = {{"page_size", size}, {"page_no", number}};

    (void)access_token;
    number_format_i64(size, SHOPS_PAGE);
    number_format_i64(number, (int64_t)page + 1);
    return shopee_request(config, NULL, "GET", "/api/v2/public/get_shops_by_partner", params, 2, NULL, at_s,
                          out, err);
}

static char *member_text(yyjson_val *from, const char *name)
{
    struct json_text text = {"", 0};

    if (json_get_id(from, name, &text) != JSON_GOT)
        text.length = 0;
    return xstrndup(text.data, text.length);
}

static struct platform_shop shop_of(yyjson_val *row)
{
    int64_t expires_s = 0;

    if (json_get_i64(row, "expire_time", &expires_s) != JSON_GOT || expires_s < 0 ||
        expires_s > INT64_MAX / 1000)
        expires_s = 0;
    return (struct platform_shop){.shop_id = member_text(row, "shop_id"),
                                  .name = member_text(row, "shop_name"),
                                  .region = member_text(row, "region"),
                                  .cipher = xstrndup("", 0),
                                  .expires_ms = expires_s * 1000};
}

void shopee_shops_answer(const struct platform_answer *answer, struct platform_shops *out)
{
    yyjson_val *list = yyjson_obj_get(answer->root, "authed_shop_list"), *row;
    struct platform_result r;
    yyjson_arr_iter it;

    memset(out, 0, sizeof *out);
    if (shopee_judge_envelope(PLATFORM_CALL, answer, &r))
        out->class = yyjson_is_arr(list) ? CALL_OK : CALL_RETRY;
    else
        out->class = r.class;
    memcpy(out->error, r.error, sizeof out->error);
    if (out->class != CALL_OK && !out->error[0])
        snprintf(out->error, sizeof out->error, "shopee: success without a list of shops");
    if (out->class != CALL_OK)
        return;
    out->at = xcalloc(yyjson_arr_size(list) + 1, sizeof out->at[0]);
    it = yyjson_arr_iter_with(list);
    while ((row = yyjson_arr_iter_next(&it)) != NULL)
        out->at[out->count++] = shop_of(row);
    (void)json_get_bool(answer->root, "more", &out->more);
}
