/* tiktok.c - worker: TikTok Shop's API, generation 202309 and later: how its requests are signed and what its answers
 * mean.
 *
 * In:      ids and a shop; or the HTTP status and parsed body of an answer.
 * Out:     a signed request; or the fate of a call.
 * Fails:   a request that cannot be built gives false and a sentence; an answer always gets a class.
 * Thread:  any; no state, no I/O.
 * Why so:  the platform's code decides, never the HTTP status or the message: gateways put any status in front of a
 *          code, and messages are localised. Only without a readable code does the status count. The message is not even
 *          quoted, because what it echoes is not known; the request id is, because their support asks for it.
 *
 * Signature: secret, path, key and value of every query parameter in byte order of the keys (values decoded), body,
 * secret; HMAC-SHA256 with the same secret, lower-case hex. On the wire values are percent-encoded. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/hmac.h"
#include "common/json.h"
#include "common/number.h"
#include "worker/platforms/platform.h"
#include "worker/platforms/retry_after.h"

#define TIKTOK_ORDER_PATH "/order/202507/orders"
#define TIKTOK_SHOPS_PATH "/authorization/202309/shops"

enum {
    TIKTOK_ORDER_IDS_MAX = 50, /* the platform's own limit of ids a call */
    TIKTOK_PARAMS_MAX = 8,     /* query parameters of a request, sign not counted */
};

/* One query parameter, value decoded; all borrowed. */
struct param {
    const char *key;   /* literal */
    const char *value; /* bytes */
    size_t length;     /* of value */
};

/* A request being built: path and parameters, sorted before they are signed. */
struct query {
    const char *path;                       /* leading '/', no trailing one; literal */
    struct param params[TIKTOK_PARAMS_MAX]; /* in use: count */
    size_t count;                           /* parameters */
};

/* One row of the platform's error table. */
struct code_row {
    int64_t code;
    enum call_class class;
    const char *meaning; /* our words; literal */
};

/* Unlisted codes are CALL_PERM: tried again a few times alone, then a dead letter somebody looks at. */
static const struct code_row tiktok_codes[] = {
    {36009002, CALL_LIMIT, "too many requests"},
    {36009003, CALL_RETRY, "internal error"},
    {25020008, CALL_RETRY, "internal error of aftersales"},
    {10002014, CALL_RETRY, "internal error of orders"},
    {10002015, CALL_RETRY, "internal error of orders"},
    {10037002, CALL_RETRY, "internal error of orders"},
    {10037003, CALL_RETRY, "internal error of orders"},
    {10037004, CALL_RETRY, "internal error of orders"},
    {36009007, CALL_RETRY, "time-out on their side"},
    {105002, CALL_TOKEN, "access token expired"},
    {105000, CALL_TOKEN, "access token invalid"},
    {105001, CALL_TOKEN, "access token invalid"},
    {101000, CALL_AUTH, "token does not fit shop or user type"},
    {105005, CALL_AUTH, "scope not granted"},
    {10006402, CALL_AUTH, "permission denied"},
    {36009033, CALL_AUTH, "our address is not on the app's allow list"},
    {36009004, CALL_PERM, "request refused (sign, key, token header, timestamp or parameter)"},
    {106001, CALL_PERM, "signature wrong"},
    {106013, CALL_PERM, "shop_cipher missing"},
    {36009009, CALL_PERM, "unknown path"},
    {36009010, CALL_PERM, "wrong method"},
    {36009014, CALL_PERM, "version retired or unknown"},
    {21008111, CALL_PERM, "object not of this seller or shop"},
    {21011028, CALL_PERM, "object not of this seller or shop"},
    {25020005, CALL_PERM, "object not of this seller or shop"},
    {21011044, CALL_RETRY, "order on hold, later"},
    {25001001, CALL_PERM, "invalid parameter"},
    {12052910, CALL_PERM, "invalid parameter"},
    {11050001, CALL_PERM, "invalid parameter"},
    {36009021, CALL_PERM, "body format"},
    {36009022, CALL_PERM, "body format"},
    {36009023, CALL_PERM, "body format"},
    {12019027, CALL_PERM, "more than 10 seller_skus"},
    {12019087, CALL_PERM, "more than 10 sku_ids"},
    {12019108, CALL_PERM, "bad page"},
    {12019109, CALL_PERM, "bad page size"},
    {12019118, CALL_PERM, "bad create_time"},
    {12019119, CALL_PERM, "bad update_time"},
    {12019008, CALL_PERM, "inventory: bad id"},
    {12019015, CALL_PERM, "inventory: too many SKUs"},
    {12019120, CALL_PERM, "inventory: too many products"},
    {12052180, CALL_PERM, "more than 10 000 matches, split the window"},
    {12019150, CALL_PERM, "product does not exist"},
    {12052032, CALL_PERM, "product does not exist"},
    {12052260, CALL_PERM, "product does not exist"},
    {12052048, CALL_PERM, "product not in this shop"},
    {12052700, CALL_AUTH, "seller inactive"},
    {12052704, CALL_AUTH, "seller unknown"},
    {36004004, CALL_AUTH, "authorisation code bad, used or expired"},
};

/* --- requests ------------------------------------------------------------------------------------------------- */

static void query_add(struct query *q, const char *key, const char *value, size_t length)
{
    if (q->count < TIKTOK_PARAMS_MAX)
        q->params[q->count++] = (struct param){key, value, length};
}

static int param_compare(const void *a, const void *b)
{
    return strcmp(((const struct param *)a)->key, ((const struct param *)b)->key);
}

/* The secret to sign with: what stands before the comma of "current,previous". */
static size_t secret_length(const char *secret)
{
    return strcspn(secret, ",");
}

static bool query_sign(struct query *q, const char *secret, const struct strbuf *body,
                       char hex[HMAC_HEX_LENGTH + 1])
{
    struct hmac_part parts[4 + 2 * TIKTOK_PARAMS_MAX];
    size_t n = 0, length = secret_length(secret);
    struct hmac_key *key = hmac_key_new(secret, length);
    bool ok;

    qsort(q->params, q->count, sizeof q->params[0], param_compare);
    parts[n++] = (struct hmac_part){secret, length};
    parts[n++] = (struct hmac_part){q->path, strlen(q->path)};
    for (size_t i = 0; i < q->count; i++) {
        parts[n++] = (struct hmac_part){q->params[i].key, strlen(q->params[i].key)};
        parts[n++] = (struct hmac_part){q->params[i].value, q->params[i].length};
    }
    parts[n++] = (struct hmac_part){body->data, body->length};
    parts[n++] = (struct hmac_part){secret, length};
    ok = hmac_sha256_hex(key, parts, n, hex);
    hmac_key_free(key);
    return ok;
}

static void url_build(struct strbuf *url, const char *base, const struct query *q, const char *sign)
{
    size_t n = strlen(base);

    while (n > 0 && base[n - 1] == '/')
        n--;
    strbuf_add(url, base, n);
    strbuf_add_text(url, q->path);
    for (size_t i = 0; i < q->count; i++) {
        strbuf_add_char(url, i == 0 ? '?' : '&');
        strbuf_add_text(url, q->params[i].key);
        strbuf_add_char(url, '=');
        strbuf_add_urlencoded(url, q->params[i].value, q->params[i].length);
    }
    strbuf_add_text(url, "&sign=");
    strbuf_add_text(url, sign);
}

/* A token with a line break would smuggle a header of its own into the request. */
static bool token_is_clean(const char *token)
{
    for (const char *p = token; *p; p++)
        if ((unsigned char)*p <= ' ' || *p == 0x7f)
            return false;
    return *token != '\0';
}

static bool request_check(const struct config *config, const struct shop *shop, struct err *err)
{
    const char *missing = NULL;

    if (!config->tiktok_app_key || !*config->tiktok_app_key)
        missing = "TIKTOK_APP_KEY";
    else if (!config->tiktok_app_secret || secret_length(config->tiktok_app_secret) == 0)
        missing = "TIKTOK_APP_SECRET";
    else if (!config->tiktok_api_url || !*config->tiktok_api_url)
        missing = "TIKTOK_API_URL";
    if (missing) {
        err_set(err, ERR_CONFIG, 0, "%s is not set", missing);
        return false;
    }
    if (!token_is_clean(shop->access_token)) {
        err_set(err, ERR_DATA, 0, "the shop's access token is empty or malformed");
        return false;
    }
    return true;
}

/* Adds app_key and timestamp, signs, and fills a GET request. */
static bool request_build(const struct config *config, const struct shop *shop, struct query *q, int64_t at_s,
                          struct platform_request *out, struct err *err)
{
    char timestamp[24], sign[HMAC_HEX_LENGTH + 1];

    query_add(q, "app_key", config->tiktok_app_key, strlen(config->tiktok_app_key));
    query_add(q, "timestamp", timestamp, number_format_i64(timestamp, at_s));
    memset(out, 0, sizeof *out);
    if (!query_sign(q, config->tiktok_app_secret, &out->body, sign)) {
        err_set(err, ERR_SYSTEM, 0, "cannot sign a request: OpenSSL failed");
        return false;
    }
    out->method = "GET";
    url_build(&out->url, config->tiktok_api_url, q, sign);
    strbuf_add_text(&out->headers[0], "x-tts-access-token: ");
    strbuf_add_text(&out->headers[0], shop->access_token);
    strbuf_add_text(&out->headers[1], "content-type: application/json");
    out->header_count = 2;
    return true;
}

static size_t tiktok_batch_size(const struct config *config, enum entry_kind kind)
{
    int64_t n = config->tiktok_order_details_batch_size;

    if (kind != ENTRY_ORDER)
        return 0;
    return n < 1 || n > TIKTOK_ORDER_IDS_MAX ? TIKTOK_ORDER_IDS_MAX : (size_t)n;
}

static bool tiktok_detail_request(const struct config *config, const struct shop *shop, enum entry_kind kind,
                                  const char *const *ids, size_t count, int64_t at_s,
                                  struct platform_request *out, struct err *err)
{
    struct query q = {.path = TIKTOK_ORDER_PATH};
    struct strbuf joined = STRBUF_INIT;
    bool ok;

    if (kind != ENTRY_ORDER || count == 0) {
        err_set(err, ERR_DATA, 0, "tiktok: nothing to ask for kind %s", entry_kind_name(kind));
        return false;
    }
    if (!request_check(config, shop, err))
        return false;
    if (!*shop->cipher) {
        err_set(err, ERR_DATA, 0, "the shop has no shop_cipher");
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            strbuf_add_char(&joined, ',');
        strbuf_add_text(&joined, ids[i]);
    }
    query_add(&q, "ids", strbuf_text(&joined), joined.length);
    query_add(&q, "shop_cipher", shop->cipher, strlen(shop->cipher));
    ok = request_build(config, shop, &q, at_s, out, err);
    strbuf_deinit(&joined);
    return ok;
}

/* Get Authorized Shops: needs the token only, and refuses shop_cipher. */
static bool tiktok_probe_request(const struct config *config, const struct shop *shop, int64_t at_s,
                                 struct platform_request *out, struct err *err)
{
    struct query q = {.path = TIKTOK_SHOPS_PATH};

    return request_check(config, shop, err) && request_build(config, shop, &q, at_s, out, err);
}

/* --- answers -------------------------------------------------------------------------------------------------- */

static const struct code_row *code_find(int64_t code)
{
    for (size_t i = 0; i < sizeof tiktok_codes / sizeof tiktok_codes[0]; i++)
        if (tiktok_codes[i].code == code)
            return &tiktok_codes[i];
    return NULL;
}

/* " request <id>" when the answer has a request id of the known form, else "". */
static void request_label(yyjson_val *root, char *to, size_t size)
{
    struct json_text id;

    to[0] = '\0';
    if (json_get_text(root, "request_id", &id) != JSON_GOT || id.length > 48)
        return;
    for (size_t i = 0; i < id.length; i++)
        if (!((id.data[i] >= '0' && id.data[i] <= '9') || (id.data[i] >= 'A' && id.data[i] <= 'Z') ||
              (id.data[i] >= 'a' && id.data[i] <= 'z')))
            return;
    if (id.length > 0)
        snprintf(to, size, ", request %.*s", (int)id.length, id.data);
}

/* No readable code: the status decides. */
static void judge_status(long status, const char *what, struct platform_result *out)
{
    out->code = -1;
    out->class = status == 429 ? CALL_LIMIT : CALL_RETRY;
    if (status >= 300 && status < 400)
        snprintf(out->error, sizeof out->error,
                 "tiktok: HTTP %ld, a redirect, is not followed: check TIKTOK_API_URL", status);
    else
        snprintf(out->error, sizeof out->error, "tiktok: HTTP %ld, %s", status, what);
}

static void judge_code(long status, yyjson_val *root, struct platform_result *out)
{
    const struct code_row *row = code_find(out->code);
    char label[80];

    request_label(root, label, sizeof label);
    if (row)
        out->class = row->class;
    else
        out->class = status == 429 ? CALL_LIMIT : status >= 500 ? CALL_RETRY : CALL_PERM;
    snprintf(out->error, sizeof out->error, "tiktok code %lld: %s (HTTP %ld%s)", (long long)out->code,
             row ? row->meaning : "a code we do not know", status, label);
}

/* Code 0: good only with the list the endpoint promises. Half an answer must not pass for "all ids missing". */
static void judge_data(enum entry_kind kind, yyjson_val *root, struct platform_result *out)
{
    const char *name = kind == ENTRY_ORDER ? "orders" : "shops";
    yyjson_val *data = yyjson_obj_get(root, "data");
    yyjson_val *list = yyjson_obj_get(data, name);
    char label[80];

    if (yyjson_is_arr(list)) {
        out->class = CALL_OK;
        out->entities = list;
        return;
    }
    request_label(root, label, sizeof label);
    out->class = CALL_RETRY;
    snprintf(out->error, sizeof out->error, "tiktok: success without data.%s%s", name, label);
}

static void tiktok_judge(enum entry_kind kind, long http_status, yyjson_val *root,
                         const char *transport_error, const char *retry_after, struct platform_result *out)
{
    memset(out, 0, sizeof *out);
    out->code = -1;
    out->retry_after_ms = retry_after_ms(retry_after, clock_now_ms());
    if (http_status == 0 || (transport_error && *transport_error)) {
        out->class = CALL_RETRY;
        snprintf(out->error, sizeof out->error, "tiktok: %s",
                 transport_error && *transport_error ? transport_error : "no answer");
        return;
    }
    if (http_status >= 300 && http_status < 400) {
        judge_status(http_status, "", out);
        return;
    }
    if (!yyjson_is_obj(root)) {
        judge_status(http_status, "the body is not a JSON object", out);
        return;
    }
    if (json_get_i64(root, "code", &out->code) != JSON_GOT) {
        judge_status(http_status, "the body has no code", out);
        return;
    }
    if (out->code == 0)
        judge_data(kind, root, out);
    else
        judge_code(http_status, root, out);
}

static bool tiktok_entity_id(enum entry_kind kind, yyjson_val *entity, struct entry_text *id)
{
    struct json_text text;

    if (kind != ENTRY_ORDER || json_get_id(entity, "id", &text) != JSON_GOT)
        return false;
    *id = (struct entry_text){text.data, text.length};
    return true;
}

const struct platform platform_tiktok = {
    .name = "tiktok",
    .batch_size = tiktok_batch_size,
    .detail_request = tiktok_detail_request,
    .probe_request = tiktok_probe_request,
    .judge = tiktok_judge,
    .entity_id = tiktok_entity_id,
};
