/* shopee_judge.c - worker: what Shopee's answers mean.
 *
 * In:      HTTP status, parsed body.
 * Out:     the fate of a call, and where its entities are.
 * Fails:   never: an answer always gets a class.
 * Thread:  any; no state, no I/O.
 * Why so:  errors are words, some with a module in front ("common.error_auth"): the whole word is looked up, then what stands
 *          behind its last dot. A few words mean several things, told apart only by their text; texts are looked at in those
 *          rows alone, and never quoted. The body counts before the HTTP status, which is not documented. */
#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "worker/platforms/retry_after.h"
#include "worker/platforms/shopee.h"

enum {
    ANY = -1,                    /* of an endpoint */
    DAY_MS = 86400000,           /* a day */
    DAILY_CAP_ZONE_MS = 28800000 /* caps end at midnight of UTC+8 */
};

/* One row of the platform's error table; the first that fits counts. */
struct word_row {
    const char *word;
    const char *text; /* must stand in the message, letter case aside; NULL: whatever it says */
    int endpoint;     /* this one only; ANY */
    enum call_class class;
    bool app;            /* concerns the whole app */
    const char *meaning; /* our words; literal */
};

static const struct word_row shopee_words[] = {
    {"invalid_acceess_token", NULL, ANY, CALL_TOKEN, false, "access token invalid"}, /* their spelling */
    {"invalid_access_token", NULL, ANY, CALL_TOKEN, false, "access token invalid"},
    {"error_auth", "access_token", ANY, CALL_TOKEN, false, "access token invalid"},
    {"error_auth", "try again later", ANY, CALL_RETRY, false, "internal error"},
    {"error_auth", "partner_id or shopid", ANY, CALL_AUTH, false, "shop not linked to the app"},
    {"error_auth", "partner_id is invalid", ANY, CALL_AUTH, true, "partner id invalid"},
    {"error_auth", "app is deleted", ANY, CALL_AUTH, true, "the app is deleted"},
    {"error_auth", "restricted", ANY, CALL_AUTH, true, "the developer is restricted"},
    {"error_auth", "no permission to current api", ANY, CALL_SCOPE, false, "no permission for this API"},
    {"error_auth", NULL, ANY, CALL_AUTH, false, "authorisation refused"},
    {"error_api_permission", NULL, ANY, CALL_SCOPE, false, "no permission for this API"},
    {"error_api_call_restricted", NULL, ANY, CALL_SCOPE, false, "this API is restricted"},
    {"api_suspended", NULL, ANY, CALL_SCOPE, false, "this API is suspended"},

    {"error_server", NULL, ANY, CALL_RETRY, false, "internal error"},
    {"error_network", NULL, ANY, CALL_RETRY, false, "internal error"},
    {"error_inner", NULL, ANY, CALL_RETRY, false, "internal error"},
    {"error_system_busy", NULL, ANY, CALL_RETRY, false, "busy"},
    {"internal_error_server", NULL, ANY, CALL_RETRY, false, "internal error"},
    {"error_busy", NULL, ANY, CALL_RETRY, false, "busy"},
    {"error_rate_limit", NULL, ANY, CALL_LIMIT, false, "too many requests"},
    {"error_limit", "core server error", ANY, CALL_RETRY, false, "internal error"},
    {"error_limit", "daily", ANY, CALL_LIMIT, true, "daily cap of the app"},
    {"error_limit", "day", ANY, CALL_LIMIT, true, "daily cap of the app"},
    {"error_limit", NULL, ANY, CALL_LIMIT, false, "too many requests"},

    {"shop_no_linked", NULL, ANY, CALL_AUTH, false, "shop not linked to the app"},
    {"merchant_no_linked", NULL, ANY, CALL_AUTH, false, "merchant not linked to the app"},
    {"partner_shop_no_link", NULL, ANY, CALL_AUTH, false, "shop not linked to the app"},
    {"partner_merchant_no_link", NULL, ANY, CALL_AUTH, false, "merchant not linked to the app"},
    {"shop_banned", NULL, ANY, CALL_AUTH, false, "shop banned"},
    {"merchant_banned", NULL, ANY, CALL_AUTH, false, "merchant banned"},
    {"shop_access_expired", NULL, ANY, CALL_AUTH, false, "the authorisation has ended"},
    {"merchant_access_expired", NULL, ANY, CALL_AUTH, false, "the authorisation has ended"},
    {"refresh_token_expired", NULL, ANY, CALL_AUTH, false, "refresh token expired"},
    {"error_shop_refresh_token", NULL, ANY, CALL_AUTH, false, "refresh token spent or unknown"},
    {"error_merchant_refresh_token", NULL, ANY, CALL_AUTH, false, "refresh token spent or unknown"},
    {"error_kyc_auth", NULL, ANY, CALL_AUTH, false, "the seller must be verified"},
    {"error_ashop_api_permission", NULL, ANY, CALL_AUTH, false, "affiliated shop without permission"},
    {"error_shop", NULL, ANY, CALL_AUTH, false, "shop refused"},
    {"invalid_code", NULL, ANY, CALL_AUTH, false, "authorisation code bad, used or expired"},
    {"invalid_main_acount_id", NULL, ANY, CALL_AUTH, false, "main account unknown"}, /* their spelling */
    {"invalid_shop_id", NULL, ANY, CALL_AUTH, false, "shop id unknown"},
    {"invalid_partner_id", NULL, ANY, CALL_AUTH, true, "partner id invalid"},
    {"error_partner_key_expired", NULL, ANY, CALL_AUTH, true, "partner key expired"},
    {"source_ip_undeclared", NULL, ANY, CALL_AUTH, true, "our address is not on the app's allow list"},

    {"logistics.error_param", NULL, SHOPEE_TRACKING, CALL_EMPTY, false, "still being allocated"},
    {"logistics.invalid_error", NULL, ANY, CALL_ABSENT, false, "order unknown"},
    {"package_not_exist", NULL, ANY, CALL_ABSENT, false, "package unknown"},
    {"package_number_not_exist", NULL, ANY, CALL_ABSENT, false, "package unknown"},
    {"error_status_limit", NULL, SHOPEE_TRACKING, CALL_EMPTY, false, "not to be tracked in this state"},
    {"error_not_found", NULL, ANY, CALL_ABSENT, false, "not found"},
    {"order_not_found", NULL, ANY, CALL_ABSENT, false, "order unknown"},
    {"error_data", "try later", ANY, CALL_RETRY, false, "internal error"},
    {"error_data", "try again later", ANY, CALL_RETRY, false, "internal error"},
    {"error_data", "doesn't exist", SHOPEE_RETURN, CALL_ABSENT, false, "return unknown"},
    {"error_data", NULL, ANY, CALL_PERM, false, "request refused (data)"},
    {"error_item_not_found", NULL, ANY, CALL_GONE, false, "item does not exist"},
    {"error_permission", NULL, ANY, CALL_DENIED, false, "object not of this shop"},

    {"error_sign", NULL, ANY, CALL_PERM, false, "signature wrong"},
    {"error_param", "timestamp", ANY, CALL_PERM, false, "timestamp refused: is our clock right?"},
    {"error_param", NULL, ANY, CALL_PERM, false, "request refused (parameter or path)"},
    {"error_param_item_status", NULL, ANY, CALL_PERM, false, "bad item status"},
    {"order_list_invalid_time", NULL, ANY, CALL_PERM, false, "bad window"},
    {"error_update_time_range", NULL, ANY, CALL_PERM, false, "bad window"},
    {"time_invalid", NULL, ANY, CALL_PERM, false, "bad window"},
    {"time_period_too_large", NULL, ANY, CALL_PERM, false, "window too wide"},
    {"exceed_max_limit", NULL, ANY, CALL_PERM, false, "too many ids"},
};

/* --- error words ---------------------------------------------------------------------------------------------- */

static bool same_text(const struct json_text *a, const char *b)
{
    return strlen(b) == a->length && memcmp(a->data, b, a->length) == 0;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* Does needle (lower case) stand in the text? */
static bool says(const struct json_text *text, const char *needle)
{
    size_t n = strlen(needle);

    for (size_t at = 0; at + n <= text->length; at++) {
        size_t i = 0;

        while (i < n && lower(text->data[at + i]) == needle[i])
            i++;
        if (i == n)
            return true;
    }
    return false;
}

static const struct word_row *row_find(const struct json_text *word, const struct json_text *message,
                                       int endpoint)
{
    for (size_t i = 0; i < sizeof shopee_words / sizeof shopee_words[0]; i++) {
        const struct word_row *row = &shopee_words[i];

        if (same_text(word, row->word) && (row->endpoint == ANY || row->endpoint == endpoint) &&
            (!row->text || says(message, row->text)))
            return row;
    }
    return NULL;
}

/* The whole word, then what stands behind its last dot. */
static const struct word_row *word_find(const struct json_text *word, const struct json_text *message,
                                        int endpoint)
{
    const struct word_row *row = row_find(word, message, endpoint);
    const char *dot = memrchr(word->data, '.', word->length);
    struct json_text tail;

    if (row || !dot)
        return row;
    tail.data = dot + 1;
    tail.length = word->length - (size_t)(dot + 1 - word->data);
    return row_find(&tail, message, endpoint);
}

static bool word_is_plain(const struct json_text *word)
{
    for (size_t i = 0; i < word->length; i++) {
        char c = lower(word->data[i]);

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.'))
            return false;
    }
    return word->length <= 60;
}

/* ", request <id>" when the answer has a request id of the known form, else "". */
static void request_label(yyjson_val *root, char *to, size_t size)
{
    struct json_text id;

    to[0] = '\0';
    if (json_get_text(root, "request_id", &id) != JSON_GOT || id.length == 0 || id.length > 64)
        return;
    for (size_t i = 0; i < id.length; i++) {
        char c = lower(id.data[i]);

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == ':' || c == '-'))
            return;
    }
    snprintf(to, size, ", request %.*s", (int)id.length, id.data);
}

/* The return APIs give some thirty words one text; it says that a later try may succeed. */
static bool is_core_error(int endpoint, const struct json_text *message)
{
    return endpoint == SHOPEE_RETURN && says(message, "core server error");
}

static int64_t until_midnight_ms(int64_t now_ms)
{
    return DAY_MS - (now_ms + DAILY_CAP_ZONE_MS) % DAY_MS;
}

static void judge_word(int endpoint, const struct platform_answer *a, const struct json_text *word,
                       struct platform_result *out)
{
    struct json_text message = {"", 0};
    const struct word_row *row;
    char label[96];

    (void)json_get_text(a->root, "message", &message);
    row = word_find(word, &message, endpoint);
    request_label(a->root, label, sizeof label);
    if (row)
        out->class = row->class;
    else if (a->http_status == 429)
        out->class = CALL_LIMIT;
    else
        out->class = a->http_status >= 500 || is_core_error(endpoint, &message) ? CALL_RETRY : CALL_PERM;
    out->app = row && row->app;
    out->unknown = !row;
    if (out->class == CALL_LIMIT && out->app)
        out->retry_after_ms = until_midnight_ms(a->now_ms);
    snprintf(out->word, sizeof out->word, "%.*s", word_is_plain(word) ? (int)word->length : 1,
             word_is_plain(word) ? word->data : "?");
    snprintf(out->error, sizeof out->error, "shopee %s: %s (HTTP %ld%s)", out->word,
             row ? row->meaning : "a code we do not know", a->http_status, label);
}

/* --- the envelope --------------------------------------------------------------------------------------------- */

static void judge_status(long status, const char *what, struct platform_result *out)
{
    out->code = -1;
    out->class = status == 429 ? CALL_LIMIT : CALL_RETRY;
    if (status >= 300 && status < 400)
        snprintf(out->error, sizeof out->error,
                 "shopee: HTTP %ld, a redirect, is not followed: check SHOPEE_API_URL", status);
    else
        snprintf(out->error, sizeof out->error, "shopee: HTTP %ld, %s", status, what);
}

/* "", "-", blanks and null are success. */
static bool word_is_success(const struct json_text *word)
{
    for (size_t i = 0; i < word->length; i++)
        if (word->data[i] != ' ' && word->data[i] != '-')
            return false;
    return word->length <= 1 || word->data[0] == ' ';
}

bool shopee_judge_envelope(int endpoint, const struct platform_answer *a, struct platform_result *out)
{
    struct json_text word = {"", 0};

    memset(out, 0, sizeof *out);
    out->retry_after_ms = retry_after_ms(a->retry_after, a->now_ms);
    if (a->http_status == 0 || (a->transport_error && *a->transport_error)) {
        out->class = CALL_RETRY;
        out->code = -1;
        snprintf(out->error, sizeof out->error, "shopee: %s",
                 a->transport_error && *a->transport_error ? a->transport_error : "no answer");
    } else if (a->http_status >= 300 && a->http_status < 400) {
        judge_status(a->http_status, "", out);
    } else if (!yyjson_is_obj(a->root)) {
        judge_status(a->http_status, "the body is not a JSON object", out);
    } else if (!yyjson_obj_get(a->root, "error") || json_get_text(a->root, "error", &word) == JSON_WRONG) {
        judge_status(a->http_status, "the body has no error member", out);
    } else if (!word_is_success(&word)) {
        judge_word(endpoint, a, &word, out);
    } else if (a->http_status >= 400) {
        judge_status(a->http_status, "without an error code", out);
    } else {
        return true;
    }
    return false;
}

/* --- payloads ------------------------------------------------------------------------------------------------- */

/* Success, but without what the endpoint promises: half an answer must not pass for "all ids missing". */
static void judge_half(yyjson_val *root, const char *name, struct platform_result *out)
{
    char label[96];

    request_label(root, label, sizeof label);
    out->class = CALL_RETRY;
    out->entities = NULL;
    snprintf(out->error, sizeof out->error, "shopee: success without %s%s", name, label);
}

static void judge_list(yyjson_val *root, const char *name, struct platform_result *out)
{
    out->entities = yyjson_obj_get(yyjson_obj_get(root, "response"), name);
    if (!yyjson_is_arr(out->entities))
        judge_half(root, name, out);
}

static void judge_object(yyjson_val *root, const char *member, struct platform_result *out)
{
    out->entities = yyjson_obj_get(root, "response");
    if (!yyjson_is_obj(out->entities) || !yyjson_obj_get(out->entities, member))
        judge_half(root, member, out);
}

/* One order: the object; several: an array of {"escrow_detail":{}}. Without an income there is no escrow yet. */
static void judge_escrow(yyjson_val *root, struct platform_result *out)
{
    yyjson_val *response = yyjson_obj_get(root, "response");

    if (!yyjson_is_obj(response) && !yyjson_is_arr(response))
        judge_half(root, "response", out);
    else if (yyjson_is_arr(response) || yyjson_is_obj(yyjson_obj_get(response, "order_income")))
        out->entities = response;
}

void shopee_judge(int endpoint, const struct platform_answer *answer, struct platform_result *out)
{
    if (!shopee_judge_envelope(endpoint, answer, out))
        return;
    out->class = CALL_OK;
    switch (endpoint) {
    case PLATFORM_PROBE:
    case SHOPEE_ORDERS:
        judge_list(answer->root, "order_list", out);
        break;
    case SHOPEE_PACKAGES:
        judge_list(answer->root, "package_list", out);
        break;
    case SHOPEE_ITEMS:
        judge_list(answer->root, "item_list", out);
        break;
    case SHOPEE_MODELS:
        judge_object(answer->root, "model", out);
        break;
    case SHOPEE_TRACKING:
        judge_object(answer->root, "tracking_info", out);
        break;
    case SHOPEE_RETURN:
        judge_object(answer->root, "return_sn", out);
        break;
    case SHOPEE_ESCROW:
        judge_escrow(answer->root, out);
        break;
    default:
        out->entities = yyjson_obj_get(answer->root, "response");
        break;
    }
}

yyjson_val *shopee_entity(int endpoint, yyjson_val *element, struct entry_text *subject)
{
    static const char *const names[SHOPEE_ENDPOINTS] = {[SHOPEE_ORDERS] = "order_sn",
                                                        [SHOPEE_PACKAGES] = "package_number",
                                                        [SHOPEE_RETURN] = "return_sn",
                                                        [SHOPEE_ITEMS] = "item_id",
                                                        [SHOPEE_ESCROW] = "order_sn"};
    struct json_text text;

    if (endpoint == SHOPEE_ESCROW && yyjson_obj_get(element, "escrow_detail"))
        element = yyjson_obj_get(element, "escrow_detail");
    if (!names[endpoint] || json_get_id(element, names[endpoint], &text) != JSON_GOT)
        return NULL;
    if (endpoint == SHOPEE_ESCROW && !yyjson_is_obj(yyjson_obj_get(element, "order_income")))
        return NULL; /* no escrow yet */
    *subject = (struct entry_text){text.data, text.length};
    return element;
}
