/* test_tiktok.c - requests are signed as published, answers judged by the platform's code. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hmac.h"
#include "common/json.h"
#include "tests/harness.h"
#include "worker/platforms/platform.h"

enum { ORDERS = PLATFORM_ENDPOINT_FIRST }; /* its first endpoint */

static char app_key[] = "29a39d", app_secret[] = "e59af819cc", api_url[] = "https://api.example";

static struct config test_config(void)
{
    return (struct config){.tiktok_app_key = app_key,
                           .tiktok_app_secret = app_secret,
                           .tiktok_api_url = api_url,
                           .tiktok_order_details_batch_size = 50};
}

static const struct shop test_shop = {.platform = "tiktok",
                                      .shop_id = "749",
                                      .channel_id = "c",
                                      .cipher = "ROW_c+/=",
                                      .access_token = "ROW_token",
                                      .authorization = "tiktok:a",
                                      .problem = "",
                                      .state = SHOP_ACTIVE};

/* --- requests ------------------------------------------------------------------------------------- */

TEST(signs_the_published_example)
{
    struct config config = test_config();
    struct platform_request r;

    CHECK(platform_tiktok.probe_request(&config, &test_shop, 1623812664, &r, NULL));
    CHECK_TEXT(r.method, "GET");
    CHECK_TEXT(strbuf_text(&r.url),
               "https://api.example/authorization/202309/shops?app_key=29a39d&timestamp=1623812664"
               "&sign=b596b73e0cc6de07ac26f036364178ab16b0a907af13d43f0a0cd2345f582dc8");
    platform_request_deinit(&r);
}

static void expect_sign(const char *url, const char *base)
{
    struct hmac_key *key = hmac_key_new(app_secret, strlen(app_secret));
    struct hmac_part part = {base, strlen(base)};
    char hex[HMAC_HEX_LENGTH + 1];
    const char *sign = strstr(url, "&sign=");

    CHECK(hmac_sha256_hex(key, &part, 1, hex));
    hmac_key_free(key);
    CHECK(sign != NULL);
    CHECK_TEXT(sign + 6, hex);
}

TEST(signs_decoded_values_and_percent_encodes_them_on_the_wire)
{
    struct config config = test_config();
    const char *ids[] = {"1", "2"};
    struct platform_request r;

    CHECK(platform_tiktok.detail_request(&config, &test_shop, ORDERS, ids, 2, 1700000000, &r, NULL));
    CHECK(
        strncmp(
            strbuf_text(&r.url),
            "https://api.example/order/202507/orders?app_key=29a39d&ids=1%2C2&shop_cipher=ROW_c%2B%2F%3D"
            "&timestamp=1700000000&sign=",
            strlen(
                "https://api.example/order/202507/orders?app_key=29a39d&ids=1%2C2&shop_cipher=ROW_c%2B%2F%3D"
                "&timestamp=1700000000&sign=")) == 0);
    expect_sign(strbuf_text(&r.url), "e59af819cc/order/202507/ordersapp_key29a39dids1,2shop_cipherROW_c+/="
                                     "timestamp1700000000e59af819cc");
    CHECK_INT(r.header_count, 2);
    CHECK_TEXT(strbuf_text(&r.headers[0]), "x-tts-access-token: ROW_token");
    CHECK_TEXT(strbuf_text(&r.headers[1]), "content-type: application/json");
    CHECK_INT(r.body.length, 0);
    platform_request_deinit(&r);
}

TEST(signs_with_the_current_secret_of_a_pair)
{
    static char pair[] = "e59af819cc,older";
    struct config config = test_config();
    struct platform_request r;

    config.tiktok_app_secret = pair;
    CHECK(platform_tiktok.probe_request(&config, &test_shop, 1623812664, &r, NULL));
    CHECK(
        strstr(strbuf_text(&r.url), "sign=b596b73e0cc6de07ac26f036364178ab16b0a907af13d43f0a0cd2345f582dc8"));
    platform_request_deinit(&r);
}

TEST(cuts_the_slash_behind_the_configured_url)
{
    static char slashed[] = "http://127.0.0.1:80/";
    struct config config = test_config();
    struct platform_request r;

    config.tiktok_api_url = slashed;
    CHECK(platform_tiktok.probe_request(&config, &test_shop, 1, &r, NULL));
    CHECK(strncmp(strbuf_text(&r.url), "http://127.0.0.1:80/authorization/", 34) == 0);
    platform_request_deinit(&r);
}

TEST(refuses_a_token_that_would_add_a_header)
{
    struct config config = test_config();
    struct shop shop = test_shop;
    struct platform_request r = {0};
    struct err err = {0};

    shop.access_token = "a\r\nhost: b";
    CHECK(!platform_tiktok.probe_request(&config, &shop, 1, &r, &err));
    CHECK(strstr(err.text, "access token"));
    shop.access_token = "";
    CHECK(!platform_tiktok.probe_request(&config, &shop, 1, &r, &err));
    platform_request_deinit(&r);
}

TEST(names_the_setting_that_is_missing)
{
    static char empty[] = "";
    struct config config = test_config();
    struct platform_request r = {0};
    struct err err = {0};

    config.tiktok_app_key = empty;
    CHECK(!platform_tiktok.probe_request(&config, &test_shop, 1, &r, &err));
    CHECK_TEXT(err.text, "TIKTOK_APP_KEY is not set");
}

TEST(refuses_a_shop_without_cipher_and_kinds_it_cannot_fetch)
{
    struct config config = test_config();
    struct shop shop = test_shop;
    const char *ids[] = {"1"};
    struct platform_request r = {0};

    shop.cipher = "";
    CHECK(!platform_tiktok.detail_request(&config, &shop, ORDERS, ids, 1, 1, &r, NULL));
    platform_request_deinit(&r);
    CHECK(!platform_tiktok.next_ask(&config, ENTRY_SHOP, "", "1", NULL, &(struct platform_ask){0}));
    CHECK_INT(platform_tiktok.batch_size(&config, ORDERS), 50);
}

/* --- answers -------------------------------------------------------------------------------------- */

static yyjson_doc *last_doc;

static struct platform_result judge(long status, const char *body)
{
    struct platform_result result;

    yyjson_doc_free(last_doc);
    last_doc = body ? json_parse(body, strlen(body), NULL, NULL) : NULL;
    platform_tiktok.judge(
        ORDERS, &(struct platform_answer){status, last_doc ? yyjson_doc_get_root(last_doc) : NULL, "", "", 0},
        &result);
    return result;
}

static struct platform_result judge_code(long status, long code)
{
    char body[128];

    snprintf(body, sizeof body, "{\"code\":%ld,\"message\":\"m\",\"request_id\":\"20260106\",\"data\":null}",
             code);
    return judge(status, body);
}

TEST(judges_every_code_of_the_table_whatever_the_status)
{
    static const struct {
        long code;
        enum call_class class;
    } table[] = {
        {36009002, CALL_LIMIT},  {36009003, CALL_RETRY},  {25020008, CALL_RETRY},  {10002014, CALL_RETRY},
        {10002015, CALL_RETRY},  {10037002, CALL_RETRY},  {10037003, CALL_RETRY},  {10037004, CALL_RETRY},
        {36009007, CALL_RETRY},  {105002, CALL_TOKEN},    {105000, CALL_TOKEN},    {105001, CALL_TOKEN},
        {101000, CALL_AUTH},     {105005, CALL_SCOPE},    {10006402, CALL_SCOPE},  {36009033, CALL_AUTH},
        {36009004, CALL_PERM},   {106001, CALL_PERM},     {106013, CALL_PERM},     {36009009, CALL_PERM},
        {36009010, CALL_PERM},   {36009014, CALL_PERM},   {21008111, CALL_DENIED}, {21011028, CALL_DENIED},
        {25020005, CALL_DENIED}, {21011044, CALL_RETRY},  {25001001, CALL_PERM},   {12052910, CALL_PERM},
        {11050001, CALL_PERM},   {36009021, CALL_PERM},   {36009022, CALL_PERM},   {36009023, CALL_PERM},
        {12019027, CALL_PERM},   {12019087, CALL_PERM},   {12019108, CALL_PERM},   {12019109, CALL_PERM},
        {12019118, CALL_PERM},   {12019119, CALL_PERM},   {12019008, CALL_PERM},   {12019015, CALL_PERM},
        {12019120, CALL_PERM},   {12052180, CALL_PERM},   {12019150, CALL_GONE},   {12052032, CALL_GONE},
        {12052260, CALL_GONE},   {12052048, CALL_DENIED}, {12052700, CALL_AUTH},   {12052704, CALL_AUTH},
        {36004004, CALL_AUTH},   {99999999, CALL_PERM},
    };
    static const long statuses[] = {200, 400, 401, 403, 404};

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        for (size_t j = 0; j < sizeof statuses / sizeof statuses[0]; j++) {
            struct platform_result r = judge_code(statuses[j], table[i].code);

            CHECK_INT(r.class, table[i].class);
            CHECK_INT(r.code, table[i].code);
        }
    }
    CHECK_INT(judge_code(500, 21008111).class, CALL_DENIED);
    CHECK_INT(judge_code(429, 105002).class, CALL_TOKEN);
}

TEST(tells_code_status_and_request_in_its_sentence_but_no_message)
{
    struct platform_result r =
        judge(400, "{\"code\":36009004,\"message\":\"token ROW_x\",\"request_id\":\"2026AB\",\"data\":null}");

    CHECK(strstr(r.error, "36009004") && strstr(r.error, "HTTP 400") && strstr(r.error, "request 2026AB"));
    CHECK(!strstr(r.error, "ROW_x"));
    r = judge(400, "{\"code\":1,\"request_id\":\"a b\\n\"}");
    CHECK(!strstr(r.error, "request a"));
}

TEST(takes_the_orders_of_a_good_answer)
{
    struct platform_result r =
        judge(200, "{\"code\":0,\"data\":{\"orders\":[{\"id\":\"17\"},{\"id\":18},{\"no\":1}]}}");
    struct entry_text id;

    CHECK_INT(r.class, CALL_OK);
    CHECK_INT(r.code, 0);
    CHECK_INT(yyjson_arr_size(r.entities), 3);
    CHECK(platform_tiktok.entity(ORDERS, yyjson_arr_get(r.entities, 0), &id));
    CHECK_BYTES(id.data, id.length, "17", 2);
    CHECK(platform_tiktok.entity(ORDERS, yyjson_arr_get(r.entities, 1), &id));
    CHECK_BYTES(id.data, id.length, "18", 2);
    CHECK(!platform_tiktok.entity(ORDERS, yyjson_arr_get(r.entities, 2), &id));
}

TEST(half_an_answer_is_no_answer)
{
    CHECK_INT(judge(200, "{\"code\":0,\"data\":null}").class, CALL_RETRY);
    CHECK_INT(judge(200, "{\"code\":0}").class, CALL_RETRY);
    CHECK_INT(judge(200, "{\"code\":0,\"data\":{}}").class, CALL_RETRY);
    CHECK_INT(judge(200, "{\"code\":0,\"data\":{\"orders\":{}}}").class, CALL_RETRY);
    CHECK_INT(judge(200, "{\"code\":0,\"data\":[]}").class, CALL_RETRY);
    CHECK_INT(judge(200, "{\"data\":{\"orders\":[]}}").class, CALL_RETRY);
    CHECK_INT(judge(200, "[]").class, CALL_RETRY);
    CHECK_INT(judge(200, NULL).class, CALL_RETRY);
    CHECK_INT(judge(200, "{\"code\":0,\"data\":{\"orders\":[]}}").class, CALL_OK);
}

TEST(without_a_code_the_status_decides)
{
    CHECK_INT(judge(500, NULL).class, CALL_RETRY);
    CHECK_INT(judge(503, "{}").class, CALL_RETRY);
    CHECK_INT(judge(429, NULL).class, CALL_LIMIT);
    CHECK_INT(judge(404, NULL).class, CALL_RETRY);
    CHECK_INT(judge(500, NULL).code, -1);
    CHECK_INT(judge_code(429, 4711).class, CALL_LIMIT);
    CHECK_INT(judge_code(502, 4711).class, CALL_RETRY);
}

TEST(a_redirect_is_an_error_that_names_the_setting)
{
    struct platform_result r = judge(302, "{\"code\":0,\"data\":{\"orders\":[]}}");

    CHECK_INT(r.class, CALL_RETRY);
    CHECK(strstr(r.error, "TIKTOK_API_URL") && strstr(r.error, "302"));
}

TEST(a_transport_failure_is_to_be_tried_again)
{
    struct platform_result r;

    platform_tiktok.judge(ORDERS,
                          &(struct platform_answer){0, NULL, "api.example: Timeout was reached", "", 0}, &r);
    CHECK_INT(r.class, CALL_RETRY);
    CHECK_TEXT(r.error, "tiktok: api.example: Timeout was reached");
}

TEST(reads_retry_after)
{
    struct platform_result r;

    platform_tiktok.judge(ORDERS, &(struct platform_answer){429, NULL, "", "7", 0}, &r);
    CHECK_INT(r.class, CALL_LIMIT);
    CHECK_INT(r.retry_after_ms, 7000);
    platform_tiktok.judge(ORDERS, &(struct platform_answer){429, NULL, "", "soon", 0}, &r);
    CHECK_INT(r.retry_after_ms, 0);
}

TEST(judges_a_probe_by_its_shops)
{
    const char *body = "{\"code\":0,\"data\":{\"shops\":[]}}";
    struct platform_result r;

    last_doc = json_parse(body, strlen(body), NULL, NULL);
    platform_tiktok.judge(PLATFORM_PROBE,
                          &(struct platform_answer){200, yyjson_doc_get_root(last_doc), "", "", 0}, &r);
    CHECK_INT(r.class, CALL_OK);
}

/* --- other endpoints ------------------------------------------------------------------------------ */

static struct platform_ask ask;

static bool next(enum entry_kind kind, const char *return_kind, const struct parts *parts)
{
    struct config config = test_config();

    return platform_tiktok.next_ask(&config, kind, return_kind, "7", parts, &ask);
}

/* The request for the first ask of a kind; its URL must contain part. */
static struct platform_request first_request(enum entry_kind kind, const char *return_kind,
                                             const char *const *ids, size_t count, const char *part)
{
    struct config config = test_config();
    struct platform_request r;

    CHECK(next(kind, return_kind, NULL));
    CHECK_INT(ask.subject.length, 0);
    CHECK(
        platform_tiktok.detail_request(&config, &test_shop, ask.endpoint, ids, count, 1700000000, &r, NULL));
    CHECK(strstr(strbuf_text(&r.url), part));
    return r;
}

TEST(returns_and_cancellations_are_searched_by_their_ids_in_a_signed_body)
{
    const char *ids[] = {"41", "42"};
    struct config config = test_config();
    struct platform_request r = first_request(
        ENTRY_RETURN, "", ids, 2, "/return_refund/202602/returns/search?app_key=29a39d&page_size=50&");

    CHECK_TEXT(r.method, "POST");
    CHECK_TEXT(strbuf_text(&r.body), "{\"return_ids\":[\"41\",\"42\"]}");
    expect_sign(strbuf_text(&r.url),
                "e59af819cc/return_refund/202602/returns/searchapp_key29a39dpage_size50shop_cipherROW_c+/="
                "timestamp1700000000{\"return_ids\":[\"41\",\"42\"]}e59af819cc");
    CHECK_INT(platform_tiktok.batch_size(&config, ask.endpoint), 50);
    platform_request_deinit(&r);
    r = first_request(ENTRY_RETURN, "cancellation", ids, 1, "/return_refund/202602/cancellations/search?");
    CHECK_TEXT(strbuf_text(&r.body), "{\"cancel_ids\":[\"41\"]}");
    platform_request_deinit(&r);
}

TEST(products_and_money_are_asked_for_one_by_one)
{
    const char *ids[] = {"17"}, *odd[] = {"1/../2"};
    struct config config = test_config();
    struct platform_request r =
        first_request(ENTRY_PRODUCT, "", ids, 1, "/product/202309/products/17?app_key=");

    CHECK_TEXT(r.method, "GET");
    CHECK_INT(platform_tiktok.batch_size(&config, ask.endpoint), 1);
    platform_request_deinit(&r);
    r = first_request(ENTRY_TRANSACTION, "", ids, 1,
                      "/finance/202501/orders/17/statement_transactions?app_key=");
    platform_request_deinit(&r);
    r = first_request(ENTRY_PRODUCT, "", odd, 1, "/product/202309/products/1%2F..%2F2?app_key=");
    platform_request_deinit(&r);
}

static struct platform_result judge_at(int endpoint, const char *body)
{
    struct platform_result result;

    yyjson_doc_free(last_doc);
    last_doc = json_parse(body, strlen(body), NULL, NULL);
    platform_tiktok.judge(endpoint, &(struct platform_answer){200, yyjson_doc_get_root(last_doc), "", "", 0},
                          &result);
    return result;
}

TEST(each_endpoint_promises_something_else)
{
    CHECK(next(ENTRY_RETURN, "", NULL));
    CHECK_INT(judge_at(ask.endpoint, "{\"code\":0,\"data\":{\"return_orders\":[]}}").class, CALL_OK);
    CHECK_INT(judge_at(ask.endpoint, "{\"code\":0,\"data\":{\"returns\":[]}}").class, CALL_RETRY);
    CHECK(next(ENTRY_RETURN, "cancellation", NULL));
    CHECK_INT(judge_at(ask.endpoint, "{\"code\":0,\"data\":{\"cancellations\":[]}}").class, CALL_OK);
    CHECK(next(ENTRY_PRODUCT, "", NULL));
    CHECK_INT(judge_at(ask.endpoint, "{\"code\":0,\"data\":{\"id\":\"7\"}}").class, CALL_OK);
    CHECK_INT(judge_at(ask.endpoint, "{\"code\":0,\"data\":{}}").class, CALL_RETRY);
    CHECK(next(ENTRY_TRANSACTION, "", NULL));
    CHECK(judge_at(ask.endpoint, "{\"code\":0,\"data\":{\"sku_transactions\":[{}]}}").entities != NULL);
    CHECK_INT(judge_at(ask.endpoint, "{\"code\":0,\"data\":{\"sku_transactions\":[]}}").class, CALL_OK);
    CHECK(judge_at(ask.endpoint, "{\"code\":0,\"data\":{\"sku_transactions\":[]}}").entities == NULL);
    CHECK_INT(judge_at(ask.endpoint, "{\"code\":0,\"data\":null}").class, CALL_RETRY);
}

TEST(an_address_not_allowed_concerns_the_whole_app_and_unlisted_codes_are_told)
{
    struct platform_result r = judge_code(403, 36009033);

    CHECK(r.app && !r.unknown);
    r = judge_code(200, 99999999);
    CHECK(r.unknown);
    CHECK_TEXT(r.word, "99999999");
}

static void add(struct parts *parts, int endpoint, const char *subject, const char *json)
{
    yyjson_doc *doc = json ? json_parse(json, strlen(json), NULL, NULL) : NULL;

    parts_add(parts, endpoint, subject, doc ? yyjson_doc_get_root(doc) : NULL);
    yyjson_doc_free(doc);
}

TEST(tracking_asks_order_packages_and_events_and_composes_them)
{
    struct parts *parts = parts_new();
    struct platform_request r;
    struct config config = test_config();
    const char *subject;
    yyjson_doc *doc;
    char *got;

    CHECK(next(ENTRY_TRACKING, "", NULL));
    CHECK_INT(ask.endpoint, ORDERS);
    add(parts, ORDERS, "7",
        "{\"id\":\"7\",\"status\":\"IN_TRANSIT\",\"update_time\":5,\"create_time\":4,\"tracking_number\":"
        "\"T\","
        "\"packages\":[{\"id\":\"p1\"},{\"id\":115420030040050060123}]}");
    CHECK(next(ENTRY_TRACKING, "", parts));
    CHECK_TEXT(strbuf_text(&ask.subject), "p1");
    subject = strbuf_text(&ask.subject);
    CHECK(platform_tiktok.detail_request(&config, &test_shop, ask.endpoint, &subject, 1, 1, &r, NULL));
    CHECK(strstr(strbuf_text(&r.url), "/fulfillment/202309/packages/p1?"));
    platform_request_deinit(&r);
    add(parts, ask.endpoint, "p1", "{\"package_id\":\"p1\",\"package_status\":\"FULFILLING\"}");
    CHECK(next(ENTRY_TRACKING, "", parts));
    CHECK_TEXT(strbuf_text(&ask.subject), "115420030040050060123");
    add(parts, ask.endpoint, "115420030040050060123", NULL);
    CHECK(next(ENTRY_TRACKING, "", parts));
    CHECK_INT(ask.subject.length, 0);
    subject = "7";
    CHECK(platform_tiktok.detail_request(&config, &test_shop, ask.endpoint, &subject, 1, 1, &r, NULL));
    CHECK(strstr(strbuf_text(&r.url), "/fulfillment/202309/orders/7/tracking?"));
    platform_request_deinit(&r);
    add(parts, ask.endpoint, "7", "{\"tracking\":[{\"update_time_millis\":1}]}");
    CHECK(!next(ENTRY_TRACKING, "", parts));
    doc = platform_tiktok.compose(ENTRY_TRACKING, "", "7", parts);
    got = yyjson_write(doc, 0, NULL);
    CHECK_TEXT(
        got,
        "{\"order_id\":\"7\",\"order_status\":\"IN_TRANSIT\",\"update_time\":5,\"create_time\":4,"
        "\"tracking_number\":\"T\",\"packages\":[{\"package_id\":\"p1\",\"package_status\":\"FULFILLING\"},"
        "{\"package_id\":\"115420030040050060123\"}],\"tracking\":[{\"update_time_millis\":1}]}");
    free(got);
    yyjson_doc_free(doc);
    parts_free(parts);
    strbuf_deinit(&ask.subject);
}

TEST(an_order_without_packages_has_empty_tracking)
{
    struct parts *parts = parts_new();
    yyjson_doc *doc;
    char *got;

    add(parts, ORDERS, "7", "{\"id\":\"7\",\"status\":\"UNPAID\"}");
    CHECK(!next(ENTRY_TRACKING, "", parts));
    doc = platform_tiktok.compose(ENTRY_TRACKING, "", "7", parts);
    got = yyjson_write(doc, 0, NULL);
    CHECK_TEXT(got, "{\"order_id\":\"7\",\"order_status\":\"UNPAID\",\"packages\":[],\"tracking\":[]}");
    free(got);
    yyjson_doc_free(doc);
    parts_free(parts);
}

/* --- tokens, shops, any other call ---------------------------------------------------------------- */

TEST(token_calls_carry_the_secret_and_are_not_signed)
{
    static char pair[] = "e59af819cc,older", auth[] = "https://auth.example";
    struct config config = test_config();
    struct platform_request r;

    config.tiktok_app_secret = pair;
    config.tiktok_auth_url = auth;
    CHECK(platform_tiktok.token_request(&config, "R+1", &(struct shop_identity){0}, 1, &r, NULL));
    CHECK_TEXT(strbuf_text(&r.url),
               "https://auth.example/api/v2/token/refresh?app_key=29a39d&app_secret=e59af819cc"
               "&refresh_token=R%2B1&grant_type=refresh_token");
    CHECK_INT(r.header_count, 0);
    platform_request_deinit(&r);
    CHECK(platform_tiktok.code_request(&config, "C", &(struct shop_identity){0}, 1, &r, NULL));
    CHECK_TEXT(strbuf_text(&r.url),
               "https://auth.example/api/v2/token/get?app_key=29a39d&app_secret=e59af819cc"
               "&auth_code=C&grant_type=authorized_code");
    platform_request_deinit(&r);
}

static struct platform_grant grant(const char *body)
{
    struct platform_grant g;

    yyjson_doc_free(last_doc);
    last_doc = json_parse(body, strlen(body), NULL, NULL);
    platform_tiktok.token_answer(&(struct platform_answer){200, yyjson_doc_get_root(last_doc), "", "", 1000},
                                 &g);
    return g;
}

TEST(reads_a_grant_whose_ends_are_instants_or_durations)
{
    struct platform_grant g = grant("{\"code\":0,\"data\":{\"access_token\":\"A\",\"access_token_expire_in\":"
                                    "1768276800,\"refresh_token\":\"R\","
                                    "\"refresh_token_expire_in\":3600,\"open_id\":\"o\",\"seller_name\":"
                                    "\"s\",\"seller_base_region\":\"VN\"}}");

    CHECK_INT(g.class, CALL_OK);
    CHECK_TEXT(strbuf_text(&g.access_token), "A");
    CHECK_TEXT(strbuf_text(&g.refresh_token), "R");
    CHECK_INT(g.access_expires_ms, 1768276800000);
    CHECK_INT(g.refresh_expires_ms, 3601000);
    CHECK_TEXT(strbuf_text(&g.open_id), "o");
    CHECK_TEXT(strbuf_text(&g.account), "s");
    CHECK_TEXT(strbuf_text(&g.region), "VN");
    platform_grant_deinit(&g);
    CHECK_INT(grant("{\"code\":0,\"data\":{\"access_token\":\"A\"}}").class, CALL_RETRY);
    CHECK_INT(grant("{\"code\":36004004,\"data\":null}").class, CALL_AUTH);
    CHECK_INT(grant("{\"code\":4711,\"data\":null}").class, CALL_AUTH);
    CHECK_INT(grant("{\"code\":36009003,\"data\":null}").class, CALL_RETRY);
    CHECK_INT(grant("{\"code\":36009002,\"data\":null}").class, CALL_LIMIT);
    CHECK_INT(grant("{\"code\":36009033,\"data\":null}").class, CALL_PERM);
}

TEST(lists_the_shops_of_a_token)
{
    const char *body = "{\"code\":0,\"data\":{\"shops\":[{\"id\":\"7\",\"name\":\"n\",\"region\":\"VN\","
                       "\"cipher\":\"c\"}]}}";
    struct platform_shops shops;

    yyjson_doc_free(last_doc);
    last_doc = json_parse(body, strlen(body), NULL, NULL);
    platform_tiktok.shops_answer(&(struct platform_answer){200, yyjson_doc_get_root(last_doc), "", "", 0},
                                 &shops);
    CHECK_INT(shops.class, CALL_OK);
    CHECK_INT(shops.count, 1);
    CHECK(!shops.more);
    CHECK_TEXT(shops.at[0].shop_id, "7");
    CHECK_TEXT(shops.at[0].cipher, "c");
    platform_shops_deinit(&shops);
}

TEST(any_other_call_is_signed_with_its_body_and_names_the_shop_where_it_may)
{
    struct config config = test_config();
    const struct platform_param params[] = {{"z", "1"}};
    struct platform_request r;

    CHECK(platform_tiktok.call_request(&config, &test_shop, "PUT", "/event/202309/webhooks", params, 1,
                                       "{\"a\":1}", 5, &r, NULL));
    CHECK_TEXT(r.method, "PUT");
    CHECK_TEXT(strbuf_text(&r.body), "{\"a\":1}");
    expect_sign(strbuf_text(&r.url), "e59af819cc/event/202309/webhooksapp_key29a39dshop_cipherROW_c+/="
                                     "timestamp5z1{\"a\":1}e59af819cc");
    platform_request_deinit(&r);
    CHECK(platform_tiktok.call_request(&config, &test_shop, "GET", "/authorization/202309/shops", NULL, 0,
                                       NULL, 5, &r, NULL));
    CHECK(!strstr(strbuf_text(&r.url), "shop_cipher"));
    platform_request_deinit(&r);
}

int main(int argc, char **argv)
{
    int status = HARNESS_MAIN(
        argc, argv, CASE(signs_the_published_example),
        CASE(signs_decoded_values_and_percent_encodes_them_on_the_wire),
        CASE(signs_with_the_current_secret_of_a_pair), CASE(cuts_the_slash_behind_the_configured_url),
        CASE(refuses_a_token_that_would_add_a_header), CASE(names_the_setting_that_is_missing),
        CASE(refuses_a_shop_without_cipher_and_kinds_it_cannot_fetch),
        CASE(judges_every_code_of_the_table_whatever_the_status),
        CASE(tells_code_status_and_request_in_its_sentence_but_no_message),
        CASE(takes_the_orders_of_a_good_answer), CASE(half_an_answer_is_no_answer),
        CASE(without_a_code_the_status_decides), CASE(a_redirect_is_an_error_that_names_the_setting),
        CASE(a_transport_failure_is_to_be_tried_again), CASE(reads_retry_after),
        CASE(judges_a_probe_by_its_shops),
        CASE(returns_and_cancellations_are_searched_by_their_ids_in_a_signed_body),
        CASE(products_and_money_are_asked_for_one_by_one), CASE(each_endpoint_promises_something_else),
        CASE(an_address_not_allowed_concerns_the_whole_app_and_unlisted_codes_are_told),
        CASE(tracking_asks_order_packages_and_events_and_composes_them),
        CASE(an_order_without_packages_has_empty_tracking),
        CASE(token_calls_carry_the_secret_and_are_not_signed),
        CASE(reads_a_grant_whose_ends_are_instants_or_durations), CASE(lists_the_shops_of_a_token),
        CASE(any_other_call_is_signed_with_its_body_and_names_the_shop_where_it_may));

    yyjson_doc_free(last_doc);
    return status;
}
