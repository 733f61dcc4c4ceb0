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
        CASE(judges_a_probe_by_its_shops));

    yyjson_doc_free(last_doc);
    return status;
}
