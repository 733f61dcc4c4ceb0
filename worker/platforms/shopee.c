/* shopee.c - worker: Shopee's API v2: how its requests are built and signed. What is asked for each kind: shopee_entity.c;
 * what answers mean: shopee_judge.c; tokens: shopee_token.c.
 *
 * In:      subjects and a shop.
 * Out:     a signed request.
 * Fails:   a request that cannot be built gives false and a sentence.
 * Thread:  any; no state, no I/O.
 * Why so:  only the level, the path and the time are signed, neither parameters nor body.
 *
 * Signature: partner_id path timestamp, at shop level then access_token shop_id; HMAC-SHA256 with the partner key exactly as
 * printed, lower-case hex. partner_id, timestamp and sign stand in the query always, also of a POST. */
#include "worker/platforms/shopee.h"

#include <stdlib.h>
#include <string.h>

#include "common/hmac.h"
#include "common/number.h"
#include "worker/platforms/query.h"

#define SHOPEE_ORDER_FIELDS                                                                                  \
    "buyer_user_id,buyer_username,estimated_shipping_fee,recipient_address,actual_shipping_fee,"             \
    "goods_to_declare,note,note_update_time,item_list,pay_time,dropshipper,dropshipper_phone,split_up,"      \
    "buyer_cancel_reason,cancel_by,cancel_reason,actual_shipping_fee_confirmed,buyer_cpf_id,"                \
    "fulfillment_flag,pickup_done_time,package_list,shipping_carrier,payment_method,total_amount,"           \
    "invoice_data,order_chargeable_weight_gram,return_request_due_date,edt,payment_info,international_label"

enum {
    SHOPEE_IDS_MAX = 50,    /* the platform's own limit of ids a call */
    SHOPEE_ESCROW_MAX = 20, /* the platform's advice for escrow batches */
    SHOPEE_NUMBER_MAX = 24, /* bytes of a number as text */
};

static const struct {
    const char *path;
    const char *ids; /* parameter that carries the subjects */
    bool batch;      /* several subjects, joined with commas */
} endpoints[SHOPEE_ENDPOINTS] = {
    [SHOPEE_ORDERS] = {"/api/v2/order/get_order_detail", "order_sn_list", true},
    [SHOPEE_PACKAGES] = {"/api/v2/order/get_package_detail", "package_number_list", true},
    [SHOPEE_TRACKING] = {"/api/v2/logistics/get_tracking_info", NULL, false},
    [SHOPEE_RETURN] = {"/api/v2/returns/get_return_detail", "return_sn", false},
    [SHOPEE_ITEMS] = {"/api/v2/product/get_item_base_info", "item_id_list", true},
    [SHOPEE_MODELS] = {"/api/v2/product/get_model_list", "item_id", false},
    [SHOPEE_ESCROW] = {"/api/v2/payment/get_escrow_detail", "order_sn", false},
};

#define SHOPEE_ESCROW_BATCH_PATH "/api/v2/payment/get_escrow_detail_batch"
#define SHOPEE_PROBE_PATH        "/api/v2/order/get_order_list"

/* --- signing -------------------------------------------------------------------------------------------------- */

static bool config_check(const struct config *config, struct err *err)
{
    const char *missing = NULL;
    int64_t id;

    if (!config->shopee_partner_id || !*config->shopee_partner_id)
        missing = "SHOPEE_PARTNER_ID";
    else if (!config->shopee_partner_key || platform_secret_length(config->shopee_partner_key) == 0)
        missing = "SHOPEE_PARTNER_KEY";
    else if (!config->shopee_api_url || !*config->shopee_api_url)
        missing = "SHOPEE_API_URL";
    if (missing) {
        err_set(err, ERR_CONFIG, 0, "%s is not set", missing);
        return false;
    }
    if (!number_i64(config->shopee_partner_id, strlen(config->shopee_partner_id), &id)) {
        err_set(err, ERR_CONFIG, 0, "SHOPEE_PARTNER_ID is not a number");
        return false;
    }
    return true;
}

static bool shop_check(const struct shop *shop, struct err *err)
{
    int64_t id;

    if (!platform_text_is_clean(shop->access_token)) {
        err_set(err, ERR_DATA, 0, "the shop's access token is empty or malformed");
        return false;
    }
    if (!number_i64(shop->shop_id, strlen(shop->shop_id), &id)) {
        err_set(err, ERR_DATA, 0, "the shop's id is not a number");
        return false;
    }
    return true;
}

static bool sign(const struct config *config, const struct shop *shop, const char *path,
                 const char *timestamp, char hex[HMAC_HEX_LENGTH + 1])
{
    const struct hmac_part parts[] = {
        {config->shopee_partner_id, strlen(config->shopee_partner_id)},
        {path, strlen(path)},
        {timestamp, strlen(timestamp)},
        {shop ? shop->access_token : "", shop ? strlen(shop->access_token) : 0},
        {shop ? shop->shop_id : "", shop ? strlen(shop->shop_id) : 0},
    };
    struct hmac_key *key =
        hmac_key_new(config->shopee_partner_key, platform_secret_length(config->shopee_partner_key));
    bool ok = hmac_sha256_hex(key, parts, sizeof parts / sizeof parts[0], hex);

    hmac_key_free(key);
    return ok;
}

bool shopee_request(const struct config *config, const struct shop *shop, const char *method,
                    const char *path, const struct platform_param *params, size_t count, const char *body,
                    int64_t at_s, struct platform_request *out, struct err *err)
{
    char timestamp[SHOPEE_NUMBER_MAX], hex[HMAC_HEX_LENGTH + 1];
    struct query q = {.path = path};

    memset(out, 0, sizeof *out);
    if (!config_check(config, err) || (shop && !shop_check(shop, err)))
        return false;
    number_format_i64(timestamp, at_s);
    if (!sign(config, shop, path, timestamp, hex)) {
        err_set(err, ERR_SYSTEM, 0, "cannot sign a request: OpenSSL failed");
        return false;
    }
    query_add(&q, "partner_id", config->shopee_partner_id);
    query_add(&q, "timestamp", timestamp);
    if (shop) {
        query_add(&q, "access_token", shop->access_token);
        query_add(&q, "shop_id", shop->shop_id);
    }
    if (!query_add_all(&q, params, count, err))
        return false;
    q.sign = hex;
    out->method = method;
    query_url(&q, config->shopee_api_url, &out->url);
    if (body) {
        strbuf_add_text(&out->body, body);
        strbuf_add_text(&out->headers[out->header_count++], "content-type: application/json");
    }
    return true;
}

/* --- requests ------------------------------------------------------------------------------------------------- */

static size_t shopee_batch_size(const struct config *config, int endpoint)
{
    int64_t n = config->shopee_order_details_batch_size;

    if (endpoint == SHOPEE_ESCROW)
        return config->shopee_escrow_batch == CONFIG_BATCH_OFF ? 1 : SHOPEE_ESCROW_MAX;
    if (!endpoints[endpoint].batch)
        return 1;
    return endpoint != SHOPEE_ORDERS || n < 1 || n > SHOPEE_IDS_MAX ? SHOPEE_IDS_MAX : (size_t)n;
}

/* {"order_sn_list":["1","2"]}; owned, NULL: no memory. */
static char *escrow_body(const char *const *ids, size_t count)
{
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, root, "order_sn_list");
    char *text;

    yyjson_mut_doc_set_root(doc, root);
    for (size_t i = 0; i < count; i++)
        yyjson_mut_arr_add_str(doc, list, ids[i]);
    text = yyjson_mut_write(doc, 0, NULL);
    yyjson_mut_doc_free(doc);
    return text;
}

/* More than one order; a single one is asked for by the single call, the safe fallback. */
static bool escrow_batch_request(const struct config *config, const struct shop *shop, const char *const *ids,
                                 size_t count, int64_t at_s, struct platform_request *out, struct err *err)
{
    struct strbuf joined = STRBUF_INIT;
    char *body;
    bool ok;

    if (config->shopee_escrow_batch == CONFIG_BATCH_POST) {
        body = escrow_body(ids, count);
        ok = shopee_request(config, shop, "POST", SHOPEE_ESCROW_BATCH_PATH, NULL, 0, body ? body : "{}", at_s,
                            out, err);
        free(body);
        return ok;
    }
    query_join(&joined, ids, count);
    ok = shopee_request(config, shop, "GET", SHOPEE_ESCROW_BATCH_PATH,
                        &(struct platform_param){"order_sn_list", strbuf_text(&joined)}, 1, NULL, at_s, out,
                        err);
    strbuf_deinit(&joined);
    return ok;
}

/* subject: "<order_sn>/<package_number>". */
static bool tracking_request(const struct config *config, const struct shop *shop, const char *subject,
                             int64_t at_s, struct platform_request *out, struct err *err)
{
    size_t n = strcspn(subject, "/");
    char *order_sn = xstrndup(subject, n);
    const struct platform_param params[] = {{"order_sn", order_sn},
                                            {"package_number", subject[n] ? subject + n + 1 : ""}};
    bool ok =
        shopee_request(config, shop, "GET", endpoints[SHOPEE_TRACKING].path, params, 2, NULL, at_s, out, err);

    free(order_sn);
    return ok;
}

static bool shopee_detail_request(const struct config *config, const struct shop *shop, int endpoint,
                                  const char *const *subjects, size_t count, int64_t at_s,
                                  struct platform_request *out, struct err *err)
{
    struct strbuf joined = STRBUF_INIT;
    struct platform_param params[3];
    size_t n = 0;
    bool ok;

    if (endpoint == SHOPEE_TRACKING)
        return tracking_request(config, shop, subjects[0], at_s, out, err);
    if (endpoint == SHOPEE_ESCROW && count > 1)
        return escrow_batch_request(config, shop, subjects, count, at_s, out, err);
    query_join(&joined, subjects, count);
    params[n++] = (struct platform_param){endpoints[endpoint].ids, strbuf_text(&joined)};
    if (endpoint == SHOPEE_ORDERS) {
        params[n++] = (struct platform_param){"request_order_status_pending", "true"};
        params[n++] = (struct platform_param){"response_optional_fields", SHOPEE_ORDER_FIELDS};
    }
    ok = shopee_request(config, shop, "GET", endpoints[endpoint].path, params, n, NULL, at_s, out, err);
    strbuf_deinit(&joined);
    return ok;
}

/* The orders of the last minute: no other call of a shop is cheaper and certain to be there. */
static bool shopee_probe_request(const struct config *config, const struct shop *shop, int64_t at_s,
                                 struct platform_request *out, struct err *err)
{
    char from[SHOPEE_NUMBER_MAX], to[SHOPEE_NUMBER_MAX];
    const struct platform_param params[] = {
        {"time_range_field", "update_time"}, {"time_from", from}, {"time_to", to}, {"page_size", "1"}};

    number_format_i64(from, at_s - 60);
    number_format_i64(to, at_s);
    return shopee_request(config, shop, "GET", SHOPEE_PROBE_PATH, params, sizeof params / sizeof params[0],
                          NULL, at_s, out, err);
}

const struct platform platform_shopee = {
    .name = "shopee",
    .compound = shopee_compound,
    .next_ask = shopee_next_ask,
    .batch_size = shopee_batch_size,
    .detail_request = shopee_detail_request,
    .probe_request = shopee_probe_request,
    .call_request = shopee_request,
    .judge = shopee_judge,
    .entity = shopee_entity,
    .compose = shopee_compose,
    .token_request = shopee_token_request,
    .code_request = shopee_code_request,
    .token_answer = shopee_token_answer,
    .shops_request = shopee_shops_request,
    .shops_answer = shopee_shops_answer,
};
