/* tiktok.c - worker: TikTok Shop's API, generation 202309 and later: what is asked for each kind, how requests are signed
 * and what answers mean. Tokens: tiktok_token.c.
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
 * secret; HMAC-SHA256 with the same secret, lower-case hex. On the wire values are percent-encoded.
 *
 * Tracking of an order is composed of order detail (in fifties), the detail of each of its packages, and its tracking:
 *   {"order_id","order_status","update_time","create_time","shipping_provider","shipping_provider_id","tracking_number",
 *    "packages":[package detail; one that was left out: {"package_id"}],"tracking":[...]}  absent where the order has none */
#include "worker/platforms/tiktok.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hmac.h"
#include "common/json.h"
#include "common/number.h"
#include "worker/platforms/query.h"
#include "worker/platforms/retry_after.h"

enum {
    TIKTOK_IDS_MAX = 50, /* the platform's own limit of ids a call; of filters not documented */
};

enum tiktok_endpoint {
    TIKTOK_ORDERS = PLATFORM_ENDPOINT_FIRST,
    TIKTOK_RETURNS,
    TIKTOK_CANCELLATIONS,
    TIKTOK_PRODUCT,
    TIKTOK_TRANSACTIONS,
    TIKTOK_PACKAGE,
    TIKTOK_TRACKING,
    TIKTOK_ENDPOINTS
};

/* How one endpoint is asked and answered. */
struct endpoint_row {
    const char *path; /* with "%s" where the one subject stands */
    const char *ids;  /* parameter (GET) or body member (POST) that carries the subjects; NULL: in the path */
    bool post;        /* POST with a body, paged */
    const char *list; /* member of data that must be an array */
    const char *id;   /* member of an element, or of data, that is the subject; NULL: it is not told */
    bool one;         /* data itself is the entity; else its list's elements are */
};

static const struct endpoint_row endpoints[TIKTOK_ENDPOINTS] = {
    [PLATFORM_PROBE] = {.path = TIKTOK_SHOPS_PATH, .list = "shops"},
    [TIKTOK_ORDERS] = {.path = "/order/202507/orders", .ids = "ids", .list = "orders", .id = "id"},
    [TIKTOK_RETURNS] = {.path = "/return_refund/202602/returns/search",
                        .ids = "return_ids",
                        .post = true,
                        .list = "return_orders",
                        .id = "return_id"},
    [TIKTOK_CANCELLATIONS] = {.path = "/return_refund/202602/cancellations/search",
                              .ids = "cancel_ids",
                              .post = true,
                              .list = "cancellations",
                              .id = "cancel_id"},
    [TIKTOK_PRODUCT] = {.path = "/product/202309/products/%s", .id = "id", .one = true},
    [TIKTOK_TRANSACTIONS] = {.path = "/finance/202501/orders/%s/statement_transactions", .one = true},
    [TIKTOK_PACKAGE] = {.path = "/fulfillment/202309/packages/%s", .id = "package_id", .one = true},
    [TIKTOK_TRACKING] = {.path = "/fulfillment/202309/orders/%s/tracking", .list = "tracking", .one = true},
};

/* One row of the platform's error table. */
struct code_row {
    int64_t code;
    enum call_class class;
    const char *meaning; /* our words; literal */
    bool app;            /* concerns the whole app */
};

/* Unlisted codes are CALL_PERM: tried again a few times alone, then a dead letter somebody looks at. */
static const struct code_row tiktok_codes[] = {
    {36009002, CALL_LIMIT, "too many requests", false},
    {36009003, CALL_RETRY, "internal error", false},
    {25020008, CALL_RETRY, "internal error of aftersales", false},
    {10002014, CALL_RETRY, "internal error of orders", false},
    {10002015, CALL_RETRY, "internal error of orders", false},
    {10037002, CALL_RETRY, "internal error of orders", false},
    {10037003, CALL_RETRY, "internal error of orders", false},
    {10037004, CALL_RETRY, "internal error of orders", false},
    {36009007, CALL_RETRY, "time-out on their side", false},
    {105002, CALL_TOKEN, "access token expired", false},
    {105000, CALL_TOKEN, "access token invalid", false},
    {105001, CALL_TOKEN, "access token invalid", false},
    {101000, CALL_AUTH, "token does not fit shop or user type", false},
    {105005, CALL_SCOPE, "scope not granted", false},
    {10006402, CALL_SCOPE, "permission denied", false},
    {36009033, CALL_AUTH, "our address is not on the app's allow list", true},
    {36009004, CALL_PERM, "request refused (sign, key, token header, timestamp or parameter)", false},
    {106001, CALL_PERM, "signature wrong", false},
    {106013, CALL_PERM, "shop_cipher missing", false},
    {36009009, CALL_PERM, "unknown path", false},
    {36009010, CALL_PERM, "wrong method", false},
    {36009014, CALL_PERM, "version retired or unknown", false},
    {21008111, CALL_DENIED, "object not of this seller or shop", false},
    {21011028, CALL_DENIED, "object not of this seller or shop", false},
    {25020005, CALL_DENIED, "object not of this seller or shop", false},
    {21011044, CALL_RETRY, "order on hold, later", false},
    {25001001, CALL_PERM, "invalid parameter", false},
    {12052910, CALL_PERM, "invalid parameter", false},
    {11050001, CALL_PERM, "invalid parameter", false},
    {36009021, CALL_PERM, "body format", false},
    {36009022, CALL_PERM, "body format", false},
    {36009023, CALL_PERM, "body format", false},
    {12019027, CALL_PERM, "more than 10 seller_skus", false},
    {12019087, CALL_PERM, "more than 10 sku_ids", false},
    {12019108, CALL_PERM, "bad page", false},
    {12019109, CALL_PERM, "bad page size", false},
    {12019118, CALL_PERM, "bad create_time", false},
    {12019119, CALL_PERM, "bad update_time", false},
    {12019008, CALL_PERM, "inventory: bad id", false},
    {12019015, CALL_PERM, "inventory: too many SKUs", false},
    {12019120, CALL_PERM, "inventory: too many products", false},
    {12052180, CALL_PERM, "more than 10 000 matches, split the window", false},
    {12019150, CALL_GONE, "product does not exist", false},
    {12052032, CALL_GONE, "product does not exist", false},
    {12052260, CALL_GONE, "product does not exist", false},
    {12052048, CALL_DENIED, "product not in this shop", false},
    {12052700, CALL_AUTH, "seller inactive", false},
    {12052704, CALL_AUTH, "seller unknown", false},
    {36004004, CALL_AUTH, "authorisation code bad, used or expired", false},
};

/* --- what to ask ---------------------------------------------------------------------------------------------- */

static bool tiktok_compound(enum entry_kind kind)
{
    return kind == ENTRY_TRACKING;
}

static yyjson_val *part_json(const struct part *p)
{
    return p && p->doc ? yyjson_doc_get_root(p->doc) : NULL;
}

/* Id of one element of an order's packages, as text. False: it has none. */
static bool package_id(yyjson_val *package, struct strbuf *to)
{
    struct json_text id;

    if (json_get_id(package, "id", &id) != JSON_GOT || memchr(id.data, '\0', id.length))
        return false;
    strbuf_reset(to);
    strbuf_add(to, id.data, id.length);
    return true;
}

/* The order has come: its packages one by one, then its tracking. */
static bool next_of_tracking(const struct parts *parts, struct platform_ask *ask)
{
    yyjson_val *order = part_json(parts_find(parts, TIKTOK_ORDERS, NULL));
    yyjson_val *packages = yyjson_obj_get(order, "packages");
    yyjson_arr_iter it = yyjson_arr_iter_with(packages);
    yyjson_val *package;

    if (!order)
        return false;
    ask->endpoint = TIKTOK_PACKAGE;
    while ((package = yyjson_arr_iter_next(&it)) != NULL)
        if (package_id(package, &ask->subject) &&
            !parts_find(parts, TIKTOK_PACKAGE, strbuf_text(&ask->subject)))
            return true;
    strbuf_reset(&ask->subject);
    ask->endpoint = TIKTOK_TRACKING;
    return yyjson_arr_size(packages) > 0 && !parts_find(parts, TIKTOK_TRACKING, NULL);
}

static bool tiktok_next_ask(const struct config *config, enum entry_kind kind, const char *return_kind,
                            const char *id, const struct parts *parts, struct platform_ask *ask)
{
    (void)config;
    (void)id;
    strbuf_reset(&ask->subject);
    if (kind == ENTRY_TRACKING && parts)
        return next_of_tracking(parts, ask);
    if (kind == ENTRY_ORDER || kind == ENTRY_TRACKING)
        ask->endpoint = TIKTOK_ORDERS;
    else if (kind == ENTRY_RETURN)
        ask->endpoint = strcmp(return_kind, "cancellation") == 0 ? TIKTOK_CANCELLATIONS : TIKTOK_RETURNS;
    else if (kind == ENTRY_PRODUCT)
        ask->endpoint = TIKTOK_PRODUCT;
    else if (kind == ENTRY_TRANSACTION)
        ask->endpoint = TIKTOK_TRANSACTIONS;
    else
        return false;
    return !parts;
}

static size_t tiktok_batch_size(const struct config *config, int endpoint)
{
    int64_t n = config->tiktok_order_details_batch_size;

    if (!endpoints[endpoint].ids)
        return 1;
    return endpoint != TIKTOK_ORDERS || n < 1 || n > TIKTOK_IDS_MAX ? TIKTOK_IDS_MAX : (size_t)n;
}

/* --- composing ------------------------------------------------------------------------------------------------ */

static void copy_member(yyjson_mut_doc *doc, yyjson_mut_val *to, const char *name, yyjson_val *from,
                        const char *member)
{
    yyjson_val *value = yyjson_obj_get(from, member);

    if (value)
        yyjson_mut_obj_add_val(doc, to, name, yyjson_val_mut_copy(doc, value));
}

static yyjson_mut_val *compose_packages(yyjson_mut_doc *doc, yyjson_val *order, const struct parts *parts)
{
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    yyjson_arr_iter it = yyjson_arr_iter_with(yyjson_obj_get(order, "packages"));
    struct strbuf id = STRBUF_INIT;
    yyjson_val *package;

    while ((package = yyjson_arr_iter_next(&it)) != NULL) {
        yyjson_val *detail;

        if (!package_id(package, &id))
            continue;
        detail = part_json(parts_find(parts, TIKTOK_PACKAGE, strbuf_text(&id)));
        if (detail) {
            yyjson_mut_arr_append(list, yyjson_val_mut_copy(doc, detail));
        } else {
            yyjson_mut_val *left_out = yyjson_mut_arr_add_obj(doc, list);

            yyjson_mut_obj_add_strncpy(doc, left_out, "package_id", strbuf_text(&id), id.length);
        }
    }
    strbuf_deinit(&id);
    return list;
}

static yyjson_doc *tiktok_compose(enum entry_kind kind, const char *return_kind, const char *id,
                                  const struct parts *parts)
{
    static const char *const same[] = {"update_time", "create_time", "shipping_provider",
                                       "shipping_provider_id", "tracking_number"};
    yyjson_val *order = part_json(parts_find(parts, TIKTOK_ORDERS, NULL));
    yyjson_val *events = yyjson_obj_get(part_json(parts_find(parts, TIKTOK_TRACKING, NULL)), "tracking");
    yyjson_mut_doc *doc;
    yyjson_mut_val *root;
    yyjson_doc *made;

    (void)kind;
    (void)return_kind;
    if (!order)
        return NULL;
    doc = yyjson_mut_doc_new(NULL);
    root = yyjson_mut_obj(doc);
    yyjson_mut_doc_set_root(doc, root);
    yyjson_mut_obj_add_str(doc, root, "order_id", id);
    copy_member(doc, root, "order_status", order, "status");
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
        copy_member(doc, root, same[i], order, same[i]);
    yyjson_mut_obj_add_val(doc, root, "packages", compose_packages(doc, order, parts));
    yyjson_mut_obj_add_val(doc, root, "tracking",
                           events ? yyjson_val_mut_copy(doc, events) : yyjson_mut_arr(doc));
    made = yyjson_mut_doc_imut_copy(doc, NULL);
    yyjson_mut_doc_free(doc);
    return made;
}

/* --- requests ------------------------------------------------------------------------------------------------- */

static int param_compare(const void *a, const void *b)
{
    return strcmp(((const struct platform_param *)a)->key, ((const struct platform_param *)b)->key);
}

static bool query_sign(struct query *q, const char *secret, const struct strbuf *body,
                       char hex[HMAC_HEX_LENGTH + 1])
{
    struct hmac_part parts[4 + 2 * QUERY_PARAMS_MAX];
    size_t n = 0, length = platform_secret_length(secret);
    struct hmac_key *key = hmac_key_new(secret, length);
    bool ok;

    qsort(q->params, q->count, sizeof q->params[0], param_compare);
    parts[n++] = (struct hmac_part){secret, length};
    parts[n++] = (struct hmac_part){q->path, strlen(q->path)};
    for (size_t i = 0; i < q->count; i++) {
        parts[n++] = (struct hmac_part){q->params[i].key, strlen(q->params[i].key)};
        parts[n++] = (struct hmac_part){q->params[i].value, strlen(q->params[i].value)};
    }
    parts[n++] = (struct hmac_part){body->data, body->length};
    parts[n++] = (struct hmac_part){secret, length};
    ok = hmac_sha256_hex(key, parts, n, hex);
    hmac_key_free(key);
    return ok;
}

static bool config_check(const struct config *config, struct err *err)
{
    const char *missing = NULL;

    if (!config->tiktok_app_key || !*config->tiktok_app_key)
        missing = "TIKTOK_APP_KEY";
    else if (!config->tiktok_app_secret || platform_secret_length(config->tiktok_app_secret) == 0)
        missing = "TIKTOK_APP_SECRET";
    else if (!config->tiktok_api_url || !*config->tiktok_api_url)
        missing = "TIKTOK_API_URL";
    if (missing)
        err_set(err, ERR_CONFIG, 0, "%s is not set", missing);
    return !missing;
}

/* Adds app_key and timestamp, signs, and fills the request; out->body is set already. access_token NULL: none is sent. */
static bool request_build(const struct config *config, const char *access_token, const char *method,
                          struct query *q, int64_t at_s, struct platform_request *out, struct err *err)
{
    char timestamp[24], sign[HMAC_HEX_LENGTH + 1];

    if (access_token && !platform_text_is_clean(access_token)) {
        err_set(err, ERR_DATA, 0, "the shop's access token is empty or malformed");
        return false;
    }
    number_format_i64(timestamp, at_s);
    query_add(q, "app_key", config->tiktok_app_key);
    query_add(q, "timestamp", timestamp);
    if (!query_sign(q, config->tiktok_app_secret, &out->body, sign)) {
        err_set(err, ERR_SYSTEM, 0, "cannot sign a request: OpenSSL failed");
        return false;
    }
    q->sign = sign;
    out->method = method;
    query_url(q, config->tiktok_api_url, &out->url);
    if (access_token) {
        struct strbuf *header = &out->headers[out->header_count++];

        strbuf_add_text(header, "x-tts-access-token: ");
        strbuf_add_text(header, access_token);
    }
    strbuf_add_text(&out->headers[out->header_count++], "content-type: application/json");
    q->sign = NULL;
    return true;
}

/* {"<name>":["1","2"]} */
static bool body_of_ids(const char *name, const char *const *ids, size_t count, struct strbuf *body)
{
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, root, name);
    char *text;
    size_t n;

    yyjson_mut_doc_set_root(doc, root);
    for (size_t i = 0; i < count; i++)
        yyjson_mut_arr_add_str(doc, list, ids[i]);
    text = yyjson_mut_write(doc, 0, &n);
    yyjson_mut_doc_free(doc);
    if (text)
        strbuf_add(body, text, n);
    free(text);
    return text != NULL;
}

/* The path with the one subject in its place. */
static void path_of(const char *pattern, const char *subject, struct strbuf *to)
{
    const char *hole = strstr(pattern, "%s");

    strbuf_add(to, pattern, hole ? (size_t)(hole - pattern) : strlen(pattern));
    if (!hole)
        return;
    strbuf_add_urlencoded(to, subject, strlen(subject));
    strbuf_add_text(to, hole + 2);
}

static bool tiktok_detail_request(const struct config *config, const struct shop *shop, int endpoint,
                                  const char *const *subjects, size_t count, int64_t at_s,
                                  struct platform_request *out, struct err *err)
{
    const struct endpoint_row *row = &endpoints[endpoint];
    struct strbuf path = STRBUF_INIT, joined = STRBUF_INIT;
    struct query q = {0};
    bool ok;

    memset(out, 0, sizeof *out);
    if (!config_check(config, err))
        return false;
    if (!*shop->cipher) {
        err_set(err, ERR_DATA, 0, "the shop has no shop_cipher");
        return false;
    }
    path_of(row->path, subjects[0], &path);
    query_join(&joined, subjects, count);
    q.path = strbuf_text(&path);
    query_add(&q, "shop_cipher", shop->cipher);
    if (row->ids && !row->post)
        query_add(&q, row->ids, strbuf_text(&joined));
    if (row->post)
        query_add(&q, "page_size", "50");
    ok = !row->post || body_of_ids(row->ids, subjects, count, &out->body);
    ok = ok && request_build(config, shop->access_token, row->post ? "POST" : "GET", &q, at_s, out, err);
    strbuf_deinit(&joined);
    strbuf_deinit(&path);
    return ok;
}

/* Get Authorized Shops: needs the token only, and refuses shop_cipher. */
bool tiktok_shops_request(const struct config *config, const char *access_token, int page, int64_t at_s,
                          struct platform_request *out, struct err *err)
{
    struct query q = {.path = TIKTOK_SHOPS_PATH};

    (void)page; /* it has no pages */
    memset(out, 0, sizeof *out);
    return config_check(config, err) && request_build(config, access_token, "GET", &q, at_s, out, err);
}

static bool tiktok_probe_request(const struct config *config, const struct shop *shop, int64_t at_s,
                                 struct platform_request *out, struct err *err)
{
    return tiktok_shops_request(config, shop->access_token, 0, at_s, out, err);
}

/* These belong to the authorization and refuse shop_cipher. */
static bool path_takes_cipher(const char *path)
{
    return strncmp(path, "/authorization/", 15) != 0 && strncmp(path, "/seller/", 8) != 0;
}

static bool tiktok_call_request(const struct config *config, const struct shop *shop, const char *method,
                                const char *path, const struct platform_param *params, size_t count,
                                const char *body, int64_t at_s, struct platform_request *out, struct err *err)
{
    struct query q = {.path = path};

    memset(out, 0, sizeof *out);
    if (!config_check(config, err) || !query_add_all(&q, params, count, err))
        return false;
    if (shop && *shop->cipher && path_takes_cipher(path))
        query_add(&q, "shop_cipher", shop->cipher);
    if (body)
        strbuf_add_text(&out->body, body);
    return request_build(config, shop ? shop->access_token : NULL, method, &q, at_s, out, err);
}

/* --- answers -------------------------------------------------------------------------------------------------- */

static const struct code_row *code_find(int64_t code)
{
    for (size_t i = 0; i < sizeof tiktok_codes / sizeof tiktok_codes[0]; i++)
        if (tiktok_codes[i].code == code)
            return &tiktok_codes[i];
    return NULL;
}

/* ", request <id>" when the answer has a request id of the known form, else "". */
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
    out->app = row && row->app;
    out->unknown = !row;
    snprintf(out->word, sizeof out->word, "%lld", (long long)out->code);
    snprintf(out->error, sizeof out->error, "tiktok code %lld: %s (HTTP %ld%s)", (long long)out->code,
             row ? row->meaning : "a code we do not know", status, label);
}

bool tiktok_judge_envelope(const struct platform_answer *a, struct platform_result *out)
{
    memset(out, 0, sizeof *out);
    out->code = -1;
    out->retry_after_ms = retry_after_ms(a->retry_after, a->now_ms);
    if (a->http_status == 0 || (a->transport_error && *a->transport_error)) {
        out->class = CALL_RETRY;
        snprintf(out->error, sizeof out->error, "tiktok: %s",
                 a->transport_error && *a->transport_error ? a->transport_error : "no answer");
    } else if (a->http_status >= 300 && a->http_status < 400) {
        judge_status(a->http_status, "", out);
    } else if (!yyjson_is_obj(a->root)) {
        judge_status(a->http_status, "the body is not a JSON object", out);
    } else if (json_get_i64(a->root, "code", &out->code) != JSON_GOT) {
        judge_status(a->http_status, "the body has no code", out);
    } else if (out->code != 0) {
        judge_code(a->http_status, a->root, out);
    } else {
        return true;
    }
    return false;
}

/* Success, but without what the endpoint promises: half an answer must not pass for "all ids missing". */
static void judge_half(yyjson_val *root, const char *name, struct platform_result *out)
{
    char label[80];

    request_label(root, label, sizeof label);
    out->class = CALL_RETRY;
    snprintf(out->error, sizeof out->error, "tiktok: success without data%s%s%s", *name ? "." : "", name,
             label);
}

static void judge_data(int endpoint, yyjson_val *root, struct platform_result *out)
{
    const struct endpoint_row *row = &endpoints[endpoint];
    yyjson_val *data = yyjson_obj_get(root, "data");
    yyjson_val *list = row->list ? yyjson_obj_get(data, row->list) : NULL;
    struct json_text id;

    out->class = CALL_OK;
    if (endpoint == PLATFORM_CALL)
        out->entities = data;
    else if (!yyjson_is_obj(data))
        judge_half(root, "", out);
    else if (row->list && !yyjson_is_arr(list))
        judge_half(root, row->list, out);
    else if (row->one && row->id && json_get_id(data, row->id, &id) != JSON_GOT)
        judge_half(root, row->id, out);
    else if (endpoint == TIKTOK_TRANSACTIONS &&
             yyjson_arr_size(yyjson_obj_get(data, "sku_transactions")) == 0)
        out->entities = NULL; /* nothing has been settled yet */
    else
        out->entities = row->one ? data : list;
}

static void tiktok_judge(int endpoint, const struct platform_answer *answer, struct platform_result *out)
{
    if (tiktok_judge_envelope(answer, out))
        judge_data(endpoint, answer->root, out);
}

static yyjson_val *tiktok_entity(int endpoint, yyjson_val *element, struct entry_text *subject)
{
    const char *name = endpoints[endpoint].id;
    struct json_text text;

    if (!name || json_get_id(element, name, &text) != JSON_GOT)
        return NULL;
    *subject = (struct entry_text){text.data, text.length};
    return element;
}

const struct platform platform_tiktok = {
    .name = "tiktok",
    .compound = tiktok_compound,
    .next_ask = tiktok_next_ask,
    .batch_size = tiktok_batch_size,
    .detail_request = tiktok_detail_request,
    .probe_request = tiktok_probe_request,
    .call_request = tiktok_call_request,
    .judge = tiktok_judge,
    .entity = tiktok_entity,
    .compose = tiktok_compose,
    .token_request = tiktok_token_request,
    .code_request = tiktok_code_request,
    .token_answer = tiktok_token_answer,
    .shops_request = tiktok_shops_request,
    .shops_answer = tiktok_shops_answer,
};
