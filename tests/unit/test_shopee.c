/* test_shopee.c - requests are signed as documented, answers judged by their error word, parts composed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hmac.h"
#include "common/json.h"
#include "tests/harness.h"
#include "worker/platforms/shopee.h"

static char partner[] = "2001887", key[] = "test_partner_key_0123456789abcdef",
            url[] = "https://api.example/";

static struct config test_config(void)
{
    return (struct config){.shopee_partner_id = partner,
                           .shopee_partner_key = key,
                           .shopee_api_url = url,
                           .shopee_order_details_batch_size = 50};
}

static const struct shop test_shop = {.platform = "shopee",
                                      .shop_id = "412887301",
                                      .channel_id = "c",
                                      .cipher = "",
                                      .access_token = "4a6d52796c4e7a50",
                                      .authorization = "shopee:a",
                                      .problem = "",
                                      .state = SHOP_ACTIVE};

/* --- requests ------------------------------------------------------------------------------------- */

TEST(signs_the_documented_example_at_public_level)
{
    struct config config = test_config();
    struct platform_request r;

    CHECK(platform_shopee.call_request(&config, NULL, "GET", "/api/v2/public/get_shops_by_partner", NULL, 0,
                                       NULL, 1655714431, &r, NULL));
    CHECK_TEXT(r.method, "GET");
    CHECK_TEXT(
        strbuf_text(&r.url),
        "https://api.example/api/v2/public/get_shops_by_partner?partner_id=2001887&timestamp=1655714431"
        "&sign=8d0b8105220f3a6129ce1147cf82f1a00c6fe57966b2f04e7426734fb219e01a");
    CHECK_INT(r.header_count, 0);
    platform_request_deinit(&r);
}

static void expect_sign(const char *at, const char *base)
{
    struct hmac_key *mac = hmac_key_new(key, strlen(key));
    struct hmac_part part = {base, strlen(base)};
    char hex[HMAC_HEX_LENGTH + 1];
    const char *sign = strstr(at, "&sign=");

    CHECK(hmac_sha256_hex(mac, &part, 1, hex));
    hmac_key_free(mac);
    CHECK(sign != NULL);
    CHECK_TEXT(sign + 6, hex);
}

TEST(signs_token_and_shop_but_no_parameter_at_shop_level)
{
    struct config config = test_config();
    const char *ids[] = {"A1", "B2"};
    struct platform_request r;
    const char *text;

    CHECK(platform_shopee.detail_request(&config, &test_shop, SHOPEE_ORDERS, ids, 2, 1700000000, &r, NULL));
    text = strbuf_text(&r.url);
    CHECK(strstr(text, "/api/v2/order/get_order_detail?partner_id=2001887&timestamp=1700000000"
                       "&access_token=4a6d52796c4e7a50&shop_id=412887301&order_sn_list=A1%2CB2"
                       "&request_order_status_pending=true&response_optional_fields=buyer_user_id%2C"));
    CHECK(strstr(text, "%2Cinternational_label&sign="));
    expect_sign(text, "2001887/api/v2/order/get_order_detail17000000004a6d52796c4e7a50412887301");
    platform_request_deinit(&r);
}

TEST(asks_each_endpoint_as_documented)
{
    static const struct {
        int endpoint;
        const char *subject, *part;
    } asks[] = {
        {SHOPEE_PACKAGES, "P1", "/api/v2/order/get_package_detail?partner"},
        {SHOPEE_PACKAGES, "P1", "&package_number_list=P1&"},
        {SHOPEE_TRACKING, "A1/P1", "/api/v2/logistics/get_tracking_info?"},
        {SHOPEE_TRACKING, "A1/P1", "&order_sn=A1&package_number=P1&"},
        {SHOPEE_RETURN, "R1", "/api/v2/returns/get_return_detail?"},
        {SHOPEE_RETURN, "R1", "&return_sn=R1&"},
        {SHOPEE_ITEMS, "7", "/api/v2/product/get_item_base_info?"},
        {SHOPEE_ITEMS, "7", "&item_id_list=7&"},
        {SHOPEE_MODELS, "7", "/api/v2/product/get_model_list?"},
        {SHOPEE_MODELS, "7", "&item_id=7&"},
        {SHOPEE_ESCROW, "A1", "/api/v2/payment/get_escrow_detail?"},
        {SHOPEE_ESCROW, "A1", "&order_sn=A1&"},
    };
    struct config config = test_config();

    for (size_t i = 0; i < sizeof asks / sizeof asks[0]; i++) {
        struct platform_request r;

        CHECK(platform_shopee.detail_request(&config, &test_shop, asks[i].endpoint, &asks[i].subject, 1, 1,
                                             &r, NULL));
        CHECK_TEXT(r.method, "GET");
        CHECK(strstr(strbuf_text(&r.url), asks[i].part));
        platform_request_deinit(&r);
    }
}

TEST(asks_for_several_escrows_as_configured)
{
    struct config config = test_config();
    const char *ids[] = {"A1", "B2"};
    struct platform_request r;

    CHECK_INT(platform_shopee.batch_size(&config, SHOPEE_ESCROW), 1);
    config.shopee_escrow_batch = CONFIG_BATCH_GET;
    CHECK_INT(platform_shopee.batch_size(&config, SHOPEE_ESCROW), 20);
    CHECK(platform_shopee.detail_request(&config, &test_shop, SHOPEE_ESCROW, ids, 2, 1, &r, NULL));
    CHECK_TEXT(r.method, "GET");
    CHECK(strstr(strbuf_text(&r.url), "get_escrow_detail_batch?") &&
          strstr(strbuf_text(&r.url), "&order_sn_list=A1%2CB2&"));
    platform_request_deinit(&r);
    config.shopee_escrow_batch = CONFIG_BATCH_POST;
    CHECK(platform_shopee.detail_request(&config, &test_shop, SHOPEE_ESCROW, ids, 2, 1, &r, NULL));
    CHECK_TEXT(r.method, "POST");
    CHECK_TEXT(strbuf_text(&r.body), "{\"order_sn_list\":[\"A1\",\"B2\"]}");
    CHECK_TEXT(strbuf_text(&r.headers[0]), "content-type: application/json");
    platform_request_deinit(&r);
}

TEST(batches_are_as_large_as_the_platform_and_the_configuration_allow)
{
    struct config config = test_config();

    config.shopee_order_details_batch_size = 10;
    CHECK_INT(platform_shopee.batch_size(&config, SHOPEE_ORDERS), 10);
    CHECK_INT(platform_shopee.batch_size(&config, SHOPEE_PACKAGES), 50);
    CHECK_INT(platform_shopee.batch_size(&config, SHOPEE_ITEMS), 50);
    CHECK_INT(platform_shopee.batch_size(&config, SHOPEE_MODELS), 1);
    CHECK_INT(platform_shopee.batch_size(&config, SHOPEE_TRACKING), 1);
    CHECK_INT(platform_shopee.batch_size(&config, SHOPEE_RETURN), 1);
}

TEST(refuses_what_cannot_be_signed)
{
    static char empty[] = "", words[] = "abc";
    struct config config = test_config();
    struct shop shop = test_shop;
    struct platform_request r;
    struct err err = {0};

    shop.access_token = "a\r\nhost: b";
    CHECK(!platform_shopee.probe_request(&config, &shop, 1, &r, &err));
    shop = test_shop;
    shop.shop_id = "12&x=1";
    CHECK(!platform_shopee.probe_request(&config, &shop, 1, &r, &err));
    CHECK_TEXT(err.text, "the shop's id is not a number");
    config.shopee_partner_id = words;
    CHECK(!platform_shopee.probe_request(&config, &test_shop, 1, &r, &err));
    config = test_config();
    config.shopee_partner_key = empty;
    CHECK(!platform_shopee.probe_request(&config, &test_shop, 1, &r, &err));
    CHECK_TEXT(err.text, "SHOPEE_PARTNER_KEY is not set");
}

/* --- tokens --------------------------------------------------------------------------------------- */

TEST(a_token_call_names_exactly_one_owner)
{
    struct config config = test_config();
    struct platform_request r;
    struct err err = {0};

    CHECK(platform_shopee.token_request(&config, "refresh", &(struct shop_identity){.shop_id = "412887301"},
                                        1655714431, &r, NULL));
    CHECK_TEXT(r.method, "POST");
    CHECK(strstr(strbuf_text(&r.url), "/api/v2/auth/access_token/get?partner_id=2001887&timestamp="));
    CHECK_TEXT(strbuf_text(&r.body),
               "{\"refresh_token\":\"refresh\",\"partner_id\":2001887,\"shop_id\":412887301}");
    expect_sign(strbuf_text(&r.url), "2001887/api/v2/auth/access_token/get1655714431");
    platform_request_deinit(&r);
    CHECK(platform_shopee.code_request(&config, "c", &(struct shop_identity){.main_account_id = "9"}, 1, &r,
                                       NULL));
    CHECK_TEXT(strbuf_text(&r.body), "{\"code\":\"c\",\"partner_id\":2001887,\"main_account_id\":9}");
    platform_request_deinit(&r);
    CHECK(!platform_shopee.token_request(&config, "t", &(struct shop_identity){0}, 1, &r, &err));
    CHECK(!platform_shopee.token_request(
        &config, "t", &(struct shop_identity){.shop_id = "1", .merchant_id = "2"}, 1, &r, &err));
}

static yyjson_doc *last_doc;

static struct platform_answer answer(long status, const char *body)
{
    yyjson_doc_free(last_doc);
    last_doc = body ? json_parse(body, strlen(body), NULL, NULL) : NULL;
    return (struct platform_answer){.http_status = status,
                                    .root = last_doc ? yyjson_doc_get_root(last_doc) : NULL,
                                    .now_ms = 1700000000000};
}

static enum call_class grant_class(const char *body)
{
    struct platform_answer a = answer(200, body);
    struct platform_grant g;
    enum call_class class;

    platform_shopee.token_answer(&a, &g);
    class = g.class;
    platform_grant_deinit(&g);
    return class;
}

TEST(a_grant_tells_its_tokens_and_their_ends)
{
    struct platform_answer a = answer(
        200, "{\"error\":\"\",\"message\":\"\",\"partner_id\":1,\"shop_id\":2,\"access_token\":\"A\","
             "\"refresh_token\":\"R\",\"expire_in\":14400,\"shop_id_list\":[1,2],\"merchant_id_list\":[3]}");
    struct platform_grant g;

    platform_shopee.token_answer(&a, &g);
    CHECK_INT(g.class, CALL_OK);
    CHECK_TEXT(strbuf_text(&g.access_token), "A");
    CHECK_TEXT(strbuf_text(&g.refresh_token), "R");
    CHECK_INT(g.access_expires_ms, 1700000000000 + 14400000);
    CHECK_INT(g.refresh_expires_ms, 1700000000000 + 30 * INT64_C(86400000));
    CHECK_TEXT(strbuf_text(&g.shop_ids), "1\n2");
    CHECK_TEXT(strbuf_text(&g.merchant_ids), "3");
    platform_grant_deinit(&g);
    a = answer(200,
               "{\"error\":\"\",\"access_token\":\"A\",\"refresh_token\":\"R\",\"expire_in\":1700014400}");
    platform_shopee.token_answer(&a, &g);
    CHECK_INT(g.access_expires_ms, 1700014400000); /* an instant in spite of its name */
    platform_grant_deinit(&g);
}

TEST(a_refused_grant_is_told_from_a_lost_one_and_from_our_own_mistakes)
{
    CHECK_INT(grant_class("{\"error\":\"error_shop_refresh_token\",\"message\":\"\"}"), CALL_AUTH);
    CHECK_INT(grant_class("{\"error\":\"error_auth\",\"message\":\"Invalid refresh_token.\"}"), CALL_AUTH);
    CHECK_INT(grant_class("{\"error\":\"invalid_code\",\"message\":\"\"}"), CALL_AUTH);
    CHECK_INT(grant_class("{\"error\":\"error_server\",\"message\":\"\"}"), CALL_RETRY);
    CHECK_INT(grant_class("{\"error\":\"\",\"access_token\":\"A\"}"), CALL_RETRY);
    CHECK_INT(grant_class(NULL), CALL_RETRY);
    CHECK_INT(grant_class("{\"error\":\"error_sign\",\"message\":\"Wrong sign.\"}"), CALL_PERM);
    CHECK_INT(grant_class("{\"error\":\"source_ip_undeclared\",\"message\":\"\"}"), CALL_PERM);
    CHECK_INT(grant_class("{\"error\":\"error_rate_limit\",\"message\":\"\"}"), CALL_LIMIT);
}

TEST(lists_the_shops_of_the_app_page_by_page)
{
    struct config config = test_config();
    struct platform_answer a =
        answer(200, "{\"error\":\"\",\"authed_shop_list\":[{\"shop_id\":7,\"region\":\"VN\","
                    "\"expire_time\":1700000001}],\"more\":true}");
    struct platform_shops shops;
    struct platform_request r;

    CHECK(platform_shopee.shops_request(&config, NULL, 1, 1, &r, NULL));
    CHECK(strstr(strbuf_text(&r.url), "&page_size=100&page_no=2&sign="));
    platform_request_deinit(&r);
    platform_shopee.shops_answer(&a, &shops);
    CHECK_INT(shops.class, CALL_OK);
    CHECK_INT(shops.count, 1);
    CHECK(shops.more);
    CHECK_TEXT(shops.at[0].shop_id, "7");
    CHECK_TEXT(shops.at[0].region, "VN");
    CHECK_INT(shops.at[0].expires_ms, 1700000001000);
    platform_shops_deinit(&shops);
    a = answer(200, "{\"error\":\"\"}"); /* half an answer: no shop is gone by it */
    platform_shopee.shops_answer(&a, &shops);
    CHECK_INT(shops.class, CALL_RETRY);
    CHECK_TEXT(shops.error, "shopee: success without a list of shops");
    platform_shops_deinit(&shops);
}

/* --- answers -------------------------------------------------------------------------------------- */

static struct platform_result judge(int endpoint, long status, const char *body)
{
    struct platform_answer a = answer(status, body);
    struct platform_result r;

    platform_shopee.judge(endpoint, &a, &r);
    return r;
}

static struct platform_result judge_word(int endpoint, const char *word, const char *message)
{
    char body[200];

    snprintf(body, sizeof body, "{\"error\":\"%s\",\"message\":\"%s\",\"request_id\":\"a1:b2\"}", word,
             message);
    return judge(endpoint, 200, body);
}

TEST(judges_every_word_of_the_table)
{
    static const struct {
        const char *word, *message;
        enum call_class class;
        bool app;
    } table[] = {
        {"invalid_acceess_token", "", CALL_TOKEN, false},
        {"invalid_access_token", "", CALL_TOKEN, false},
        {"error_auth", "Invalid access_token.", CALL_TOKEN, false},
        {"common.error_auth", "Invalid access_token.", CALL_TOKEN, false},
        {"error_auth", "System error, please try again later.", CALL_RETRY, false},
        {"error_auth", "Invalid partner_id or shopid.", CALL_AUTH, false},
        {"error_auth", "partner_id is invalid", CALL_AUTH, true},
        {"error_auth", "The App is deleted", CALL_AUTH, true},
        {"error_auth", "No permission to current api.", CALL_SCOPE, false},
        {"error_server", "", CALL_RETRY, false},
        {"error_network", "", CALL_RETRY, false},
        {"product.error_inner", "", CALL_RETRY, false},
        {"error_system_busy", "", CALL_RETRY, false},
        {"internal_error_server", "", CALL_RETRY, false},
        {"error_busy", "", CALL_RETRY, false},
        {"error_data", "Please try later", CALL_RETRY, false},
        {"error_rate_limit", "", CALL_LIMIT, false},
        {"error_limit", "You have reached the daily limit", CALL_LIMIT, true},
        {"error_limit", "Core server error.", CALL_RETRY, false},
        {"error_param", "Timestamp is expired.", CALL_PERM, false},
        {"error_sign", "Wrong sign.", CALL_PERM, false},
        {"shop_no_linked", "", CALL_AUTH, false},
        {"partner_shop_no_link", "", CALL_AUTH, false},
        {"shop_banned", "", CALL_AUTH, false},
        {"shop_access_expired", "", CALL_AUTH, false},
        {"merchant_access_expired", "", CALL_AUTH, false},
        {"refresh_token_expired", "", CALL_AUTH, false},
        {"error_shop_refresh_token", "", CALL_AUTH, false},
        {"error_kyc_auth", "", CALL_AUTH, false},
        {"error_ashop_api_permission", "", CALL_AUTH, false},
        {"error_shop", "", CALL_AUTH, false},
        {"invalid_partner_id", "", CALL_AUTH, true},
        {"error_partner_key_expired", "", CALL_AUTH, true},
        {"source_ip_undeclared", "", CALL_AUTH, true},
        {"error_api_permission", "", CALL_SCOPE, false},
        {"error_api_call_restricted", "", CALL_SCOPE, false},
        {"api_suspended", "", CALL_SCOPE, false},
        {"error_param", "order_sn_list missing", CALL_PERM, false},
        {"error_not_found", "", CALL_ABSENT, false},
        {"order_not_found", "", CALL_ABSENT, false},
        {"logistics.invalid_error", "", CALL_ABSENT, false},
        {"logistics.package_not_exist", "", CALL_ABSENT, false},
        {"error_permission", "", CALL_DENIED, false},
        {"error_data", "bad", CALL_PERM, false},
        {"product.error_item_not_found", "", CALL_GONE, false},
        {"order.order_list_invalid_time", "", CALL_PERM, false},
        {"error_update_time_range", "", CALL_PERM, false},
        {"time_invalid", "", CALL_PERM, false},
        {"time_period_too_large", "", CALL_PERM, false},
        {"exceed_max_limit", "", CALL_PERM, false},
    };

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct platform_result r = judge_word(SHOPEE_ORDERS, table[i].word, table[i].message);

        CHECK_INT(r.class, table[i].class);
        CHECK_INT(r.app, table[i].app);
        CHECK(!r.unknown);
        CHECK(strstr(r.error, "request a1:b2"));
    }
}

TEST(some_words_mean_something_else_for_one_endpoint)
{
    CHECK_INT(judge_word(SHOPEE_TRACKING, "logistics.error_param", "").class, CALL_EMPTY);
    CHECK_INT(judge_word(SHOPEE_TRACKING, "error_status_limit", "").class, CALL_EMPTY);
    CHECK_INT(judge_word(SHOPEE_ORDERS, "logistics.error_param", "").class, CALL_PERM);
    CHECK_INT(judge_word(SHOPEE_RETURN, "error_data", "The return you queried doesn't exist.").class,
              CALL_ABSENT);
    CHECK_INT(judge_word(SHOPEE_RETURN, "error_something", "Core server error.").class, CALL_RETRY);
}

TEST(a_daily_cap_ends_at_midnight_of_utc_plus_8)
{
    struct platform_result r = judge_word(SHOPEE_ORDERS, "error_limit", "daily limit"); /* 22:13:20 UTC */

    CHECK_INT(r.retry_after_ms, (INT64_C(86400) - (22 * 3600 + 13 * 60 + 20 + 8 * 3600) % 86400) * 1000);
}

TEST(an_unknown_word_is_told_and_an_ugly_one_is_not_quoted)
{
    struct platform_result r = judge_word(SHOPEE_ORDERS, "error_from_the_future", "secret words");

    CHECK_INT(r.class, CALL_PERM);
    CHECK(r.unknown);
    CHECK_TEXT(r.word, "error_from_the_future");
    CHECK(!strstr(r.error, "secret"));
    CHECK_TEXT(judge_word(SHOPEE_ORDERS, "a b\\nc", "").word, "?");
    CHECK_INT(judge(SHOPEE_ORDERS, 503, "{\"error\":\"new_one\"}").class, CALL_RETRY);
    CHECK_INT(judge(SHOPEE_ORDERS, 429, "{\"error\":\"new_one\"}").class, CALL_LIMIT);
}

TEST(success_has_several_spellings)
{
    CHECK_INT(judge(SHOPEE_ORDERS, 200, "{\"error\":\"\",\"response\":{\"order_list\":[]}}").class, CALL_OK);
    CHECK_INT(judge(SHOPEE_ORDERS, 200, "{\"error\":\"-\",\"response\":{\"order_list\":[]}}").class, CALL_OK);
    CHECK_INT(judge(SHOPEE_ORDERS, 200, "{\"error\":\" \",\"response\":{\"order_list\":[]}}").class, CALL_OK);
    CHECK_INT(judge(SHOPEE_ORDERS, 200, "{\"error\":null,\"response\":{\"order_list\":[]}}").class, CALL_OK);
}

TEST(half_an_answer_is_no_answer)
{
    CHECK_INT(judge(SHOPEE_ORDERS, 200, "{\"error\":\"\"}").class, CALL_RETRY);
    CHECK_INT(judge(SHOPEE_ORDERS, 200, "{\"error\":\"\",\"response\":{}}").class, CALL_RETRY);
    CHECK_INT(judge(SHOPEE_ORDERS, 200, "{\"response\":{\"order_list\":[]}}").class, CALL_RETRY);
    CHECK_INT(judge(SHOPEE_ORDERS, 500, "{\"error\":\"\",\"response\":{\"order_list\":[]}}").class,
              CALL_RETRY);
    CHECK_INT(judge(SHOPEE_ORDERS, 200, "[]").class, CALL_RETRY);
    CHECK_INT(judge(SHOPEE_ORDERS, 200, NULL).class, CALL_RETRY);
    CHECK_INT(judge(SHOPEE_RETURN, 200, "{\"error\":\"\",\"response\":{}}").class, CALL_RETRY);
    CHECK_INT(judge(SHOPEE_MODELS, 200, "{\"error\":\"\",\"response\":{}}").class, CALL_RETRY);
    CHECK_INT(judge(SHOPEE_ORDERS, 0, NULL).class, CALL_RETRY);
    CHECK_INT(judge(SHOPEE_ORDERS, 302, "{\"error\":\"\"}").class, CALL_RETRY);
}

TEST(an_order_without_escrow_has_nothing_yet)
{
    struct platform_result r =
        judge(SHOPEE_ESCROW, 200, "{\"error\":\"\",\"response\":{\"order_sn\":\"A\",\"order_income\":{}}}");

    CHECK_INT(r.class, CALL_OK);
    CHECK(yyjson_is_obj(r.entities));
    r = judge(SHOPEE_ESCROW, 200, "{\"error\":\"\",\"response\":{}}");
    CHECK_INT(r.class, CALL_OK);
    CHECK(!r.entities);
    CHECK_INT(judge_word(SHOPEE_ESCROW, "error_not_found", "").class, CALL_ABSENT);
}

TEST(reads_the_escrows_of_a_batch_out_of_their_wrappers)
{
    struct platform_result r =
        judge(SHOPEE_ESCROW, 200,
              "{\"error\":\"\",\"response\":[{\"escrow_detail\":{\"order_sn\":\"A\",\"order_income\":{}}},"
              "{\"escrow_detail\":{\"order_sn\":\"B\"}}]}");
    struct entry_text id;

    CHECK_INT(r.class, CALL_OK);
    CHECK(platform_shopee.entity(SHOPEE_ESCROW, yyjson_arr_get(r.entities, 0), &id) != NULL);
    CHECK_BYTES(id.data, id.length, "A", 1);
    CHECK(!platform_shopee.entity(SHOPEE_ESCROW, yyjson_arr_get(r.entities, 1), &id)); /* no escrow yet */
}

/* --- compound entities ---------------------------------------------------------------------------- */

static struct platform_ask ask;

static bool next(enum entry_kind kind, const struct parts *parts)
{
    struct config config = test_config();

    return platform_shopee.next_ask(&config, kind, "", "A1", parts, &ask);
}

static void add(struct parts *parts, int endpoint, const char *subject, const char *json)
{
    yyjson_doc *doc = json ? json_parse(json, strlen(json), NULL, NULL) : NULL;

    parts_add(parts, endpoint, subject, doc ? yyjson_doc_get_root(doc) : NULL);
    yyjson_doc_free(doc);
}

static void expect_composed(enum entry_kind kind, const struct parts *parts, const char *want)
{
    yyjson_doc *doc = platform_shopee.compose(kind, "", "A1", parts);
    char *got = yyjson_write(doc, 0, NULL);

    CHECK_TEXT(got, want);
    free(got);
    yyjson_doc_free(doc);
}

TEST(every_kind_has_its_first_endpoint)
{
    CHECK(next(ENTRY_ORDER, NULL));
    CHECK_INT(ask.endpoint, SHOPEE_ORDERS);
    CHECK(next(ENTRY_RETURN, NULL));
    CHECK_INT(ask.endpoint, SHOPEE_RETURN);
    CHECK(next(ENTRY_PRODUCT, NULL));
    CHECK_INT(ask.endpoint, SHOPEE_ITEMS);
    CHECK(next(ENTRY_TRANSACTION, NULL));
    CHECK_INT(ask.endpoint, SHOPEE_ESCROW);
    CHECK(next(ENTRY_TRACKING, NULL));
    CHECK_INT(ask.endpoint, SHOPEE_ORDERS);
    CHECK(!next(ENTRY_SHOP, NULL));
    CHECK_INT(ask.subject.length, 0);
}

TEST(an_item_with_models_gets_their_members_beside_its_own)
{
    struct parts *parts = parts_new();

    add(parts, SHOPEE_ITEMS, "A1", "{\"item_id\":7,\"has_model\":true,\"tag\":1.50}");
    CHECK(next(ENTRY_PRODUCT, parts));
    CHECK_INT(ask.endpoint, SHOPEE_MODELS);
    add(parts, SHOPEE_MODELS, "A1", "{\"model\":[{\"model_id\":9007199254740993}],\"tag\":2}");
    CHECK(!next(ENTRY_PRODUCT, parts));
    expect_composed(
        ENTRY_PRODUCT, parts,
        "{\"item_id\":7,\"has_model\":true,\"tag\":1.50,\"model\":[{\"model_id\":9007199254740993}]}");
    parts_free(parts);
}

TEST(an_item_without_models_or_whose_models_were_left_out_stands_alone)
{
    struct parts *parts = parts_new();

    add(parts, SHOPEE_ITEMS, "A1", "{\"item_id\":7,\"has_model\":false}");
    CHECK(!next(ENTRY_PRODUCT, parts));
    expect_composed(ENTRY_PRODUCT, parts, "{\"item_id\":7,\"has_model\":false}");
    parts_free(parts);
    parts = parts_new();
    add(parts, SHOPEE_ITEMS, "A1", "{\"item_id\":7,\"has_model\":true}");
    add(parts, SHOPEE_MODELS, "A1", NULL);
    CHECK(!next(ENTRY_PRODUCT, parts));
    expect_composed(ENTRY_PRODUCT, parts, "{\"item_id\":7,\"has_model\":true}");
    parts_free(parts);
}

TEST(tracking_asks_all_packages_then_the_events_of_each)
{
    struct parts *parts = parts_new();

    add(parts, SHOPEE_ORDERS, "A1",
        "{\"order_sn\":\"A1\",\"order_status\":\"SHIPPED\",\"update_time\":5,\"create_time\":4,\"note\":"
        "\"n\","
        "\"package_list\":[{\"package_number\":\"P1\"},{\"package_number\":\"P2\",\"logistics_status\":\"L\"}"
        "]}");
    CHECK(next(ENTRY_TRACKING, parts));
    CHECK_INT(ask.endpoint, SHOPEE_PACKAGES);
    CHECK_TEXT(strbuf_text(&ask.subject), "P1");
    add(parts, SHOPEE_PACKAGES, "P1", "{\"package_number\":\"P1\",\"tracking_number\":\"T\"}");
    CHECK(next(ENTRY_TRACKING, parts));
    CHECK_TEXT(strbuf_text(&ask.subject), "P2");
    add(parts, SHOPEE_PACKAGES, "P2", NULL);
    CHECK(next(ENTRY_TRACKING, parts));
    CHECK_INT(ask.endpoint, SHOPEE_TRACKING);
    CHECK_TEXT(strbuf_text(&ask.subject), "A1/P1");
    add(parts, SHOPEE_TRACKING, "A1/P1",
        "{\"order_sn\":\"A1\",\"logistics_status\":\"D\",\"tracking_info\":[{\"update_time\":3}]}");
    CHECK(!next(ENTRY_TRACKING, parts));
    expect_composed(
        ENTRY_TRACKING, parts,
        "{\"order_sn\":\"A1\",\"order_status\":\"SHIPPED\",\"update_time\":5,\"create_time\":4,"
        "\"package_list\":[{\"package_number\":\"P1\",\"tracking_number\":\"T\",\"logistics_status\":\"D\","
        "\"tracking_info\":[{\"update_time\":3}]},{\"package_number\":\"P2\",\"logistics_status\":\"L\"}]}");
    parts_free(parts);
    strbuf_deinit(&ask.subject);
}

int main(int argc, char **argv)
{
    int status = HARNESS_MAIN(
        argc, argv, CASE(signs_the_documented_example_at_public_level),
        CASE(signs_token_and_shop_but_no_parameter_at_shop_level), CASE(asks_each_endpoint_as_documented),
        CASE(asks_for_several_escrows_as_configured),
        CASE(batches_are_as_large_as_the_platform_and_the_configuration_allow),
        CASE(refuses_what_cannot_be_signed), CASE(a_token_call_names_exactly_one_owner),
        CASE(a_grant_tells_its_tokens_and_their_ends),
        CASE(a_refused_grant_is_told_from_a_lost_one_and_from_our_own_mistakes),
        CASE(lists_the_shops_of_the_app_page_by_page), CASE(judges_every_word_of_the_table),
        CASE(some_words_mean_something_else_for_one_endpoint),
        CASE(a_daily_cap_ends_at_midnight_of_utc_plus_8),
        CASE(an_unknown_word_is_told_and_an_ugly_one_is_not_quoted), CASE(success_has_several_spellings),
        CASE(half_an_answer_is_no_answer), CASE(an_order_without_escrow_has_nothing_yet),
        CASE(reads_the_escrows_of_a_batch_out_of_their_wrappers), CASE(every_kind_has_its_first_endpoint),
        CASE(an_item_with_models_gets_their_members_beside_its_own),
        CASE(an_item_without_models_or_whose_models_were_left_out_stands_alone),
        CASE(tracking_asks_all_packages_then_the_events_of_each));

    yyjson_doc_free(last_doc);
    return status;
}
