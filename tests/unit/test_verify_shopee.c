/* test_verify_shopee.c - Shopee's signature: the documented vector, what must be refused, rotation, several URLs; and the test
 * message. */
#include <stdlib.h>
#include <string.h>

#include "common/strbuf.h"
#include "server/verify.h"
#include "server/verify_shopee.h"
#include "tests/harness.h"

#define URL "https://hooks.example.test/shopee"

static char push_key[] = "test_push_key_0123456789abcdef", url[] = URL, empty[] = "";

static const char example[] =
    "{\"data\":{\"items\":[],\"ordersn\":\"220810QSK8S7BX\",\"status\":\"PROCESSED\",\"completed_scenario\":"
    "\"\","
    "\"update_time\":1660123127},\"shop_id\":727720655,\"code\":3,\"timestamp\":1660123127}";

static const char example_signature[] = "463c1a1a2d83a9e0a3f56c8ac6f0ae930438368e412a5dfa4d33ec33502d1184";

static struct push push_of(const char *signature, const char *body)
{
    return (struct push){.platform = PLATFORM_SHOPEE,
                         .authorization = {signature, signature ? strlen(signature) : 0},
                         .body = {body, strlen(body)}};
}

static enum verdict verdict_of(const struct config *c, const char *signature, const char *body,
                               struct push_sign_match *match)
{
    struct verifier *v = verify_new(c);
    struct push push = push_of(signature, body);
    enum verdict got = verify_push(v, &push, match);

    verify_free(v);
    return got;
}

/* The signature of head and body under key; free() it. */
static char *signature(const char *key, const char *head, const char *body)
{
    struct hmac_key *hmac = hmac_key_new(key, strlen(key));
    struct hmac_part parts[] = {{head, strlen(head)}, {body, strlen(body)}};
    char *hex = xmalloc(HMAC_HEX_LENGTH + 1);

    CHECK(hmac_sha256_hex(hmac, parts, 2, hex));
    hmac_key_free(hmac);
    return hex;
}

TEST(accepts_the_documented_vector)
{
    const struct config c = {.shopee_push_key = push_key, .shopee_callback_url = url};
    struct push_sign_match match = {9, 9};

    CHECK_INT(verdict_of(&c, example_signature, example, &match), VERDICT_GENUINE);
    CHECK_INT(match.key, 0);
    CHECK_INT(match.head, 0);
}

TEST(refuses_every_wrong_way_to_sign)
{
    const struct config c = {.shopee_push_key = push_key, .shopee_callback_url = url};
    static const char *const heads[] = {"http://hooks.example.test/shopee|",
                                        URL "/|",
                                        URL "?x=1|",
                                        "HTTPS://hooks.example.test/shopee|",
                                        URL,
                                        "|",
                                        "",
                                        " " URL "|"};
    static const char spaced[] =
        "{\"data\": {\"items\": [], \"ordersn\": \"220810QSK8S7BX\", \"status\": \"PROCESSED\", "
        "\"completed_scenario\": \"\", \"update_time\": 1660123127}, \"shop_id\": 727720655, \"code\": 3, "
        "\"timestamp\": 1660123127}";
    struct push_sign_match match;
    char *hex;

    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        hex = signature(push_key, heads[i], example);
        CHECK_INT(verdict_of(&c, hex, example, &match), VERDICT_MISMATCH);
        free(hex);
    }
    CHECK_INT(verdict_of(&c, example_signature, spaced, &match), VERDICT_MISMATCH);
    hex = signature("st_push_key_0123456789abcdef", URL "|", example);
    CHECK_INT(verdict_of(&c, hex, example, &match), VERDICT_MISMATCH);
    free(hex);
    CHECK_INT(verdict_of(&c, NULL, example, &match), VERDICT_MISSING);
    CHECK_INT(verdict_of(&c, "", example, &match), VERDICT_MALFORMED);
    CHECK_INT(verdict_of(&c, example_signature + 1, example, &match), VERDICT_MALFORMED);
}

TEST(every_byte_of_the_body_is_signed)
{
    const struct config c = {.shopee_push_key = push_key, .shopee_callback_url = url};
    struct push_sign_match match;
    char body[sizeof(example)];

    for (size_t i = 0; i < sizeof(example) - 1; i++) {
        memcpy(body, example, sizeof(example));
        body[i] = (char)(body[i] ^ 1);
        CHECK_INT(verdict_of(&c, example_signature, body, &match), VERDICT_MISMATCH);
    }
}

TEST(tells_which_key_and_url_of_all_pairs_fits)
{
    char pushes[] = "new,old", partners[] = "pnew,pold", urls[] = "https://a/x,https://b/y/,http://c?d=1";
    const struct config c = {
        .shopee_push_key = pushes, .shopee_partner_key = partners, .shopee_callback_url = urls};
    static const char *const keys[] = {"new", "old", "pnew", "pold"};
    static const char *const heads[] = {"https://a/x|", "https://b/y/|", "http://c?d=1|"};

    for (size_t k = 0; k < 4; k++) {
        for (size_t h = 0; h < 3; h++) {
            struct push_sign_match match = {9, 9};
            char *hex = signature(keys[k], heads[h], "{}");

            CHECK_INT(verdict_of(&c, hex, "{}", &match), VERDICT_GENUINE);
            CHECK_INT(match.key, k);
            CHECK_INT(match.head, h);
            CHECK_INT(verdict_of(&c, hex, "{ }", &match), VERDICT_MISMATCH);
            free(hex);
        }
    }
}

TEST(a_partner_key_alone_is_enough_and_an_empty_key_signs_nothing)
{
    const struct config partner = {
        .shopee_push_key = empty, .shopee_partner_key = push_key, .shopee_callback_url = url};
    const struct config no_key = {.shopee_push_key = empty, .shopee_callback_url = url};
    const struct config no_url = {.shopee_push_key = push_key, .shopee_callback_url = empty};
    char *by_empty = signature("", URL "|", "{}");
    struct push_sign_match match;

    CHECK_INT(verdict_of(&partner, example_signature, example, &match), VERDICT_GENUINE);
    CHECK_INT(verdict_of(&partner, by_empty, "{}", &match), VERDICT_MISMATCH);
    CHECK_INT(verdict_of(&no_key, by_empty, "{}", &match), VERDICT_UNABLE);
    CHECK_INT(verdict_of(&no_url, example_signature, example, &match), VERDICT_UNABLE);
    free(by_empty);
}

TEST(only_an_empty_body_or_code_0_is_a_test_message)
{
    static const struct {
        const char *body;
        bool test;
    } bodies[] = {
        {"", true},
        {"{\"code\":0,\"data\":{\"verify_info\":\"x\"}}", true},
        {" {\"code\" : \"0\"} ", true},
        {"{\"code\":3}", false},
        {"{\"code\":0.0}", false},
        {"{\"code\":null}", false},
        {"{\"code\":{}}", false},
        {"{\"data\":{\"code\":0}}", false},
        {"{}", false},
        {"[0]", false},
        {"0", false},
        {" ", false},
        {"x", false},
    };
    struct strbuf large = STRBUF_INIT;

    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
        CHECK_INT(verify_shopee_is_test((struct entry_text){bodies[i].body, strlen(bodies[i].body)}),
                  bodies[i].test);
    strbuf_add_text(&large, "{\"code\":0,\"x\":\"");
    while (large.length < 4096)
        strbuf_add_char(&large, 'x');
    strbuf_add_text(&large, "\"}");
    CHECK(!verify_shopee_is_test((struct entry_text){large.data, large.length}));
    strbuf_deinit(&large);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(accepts_the_documented_vector),
                        CASE(refuses_every_wrong_way_to_sign), CASE(every_byte_of_the_body_is_signed),
                        CASE(tells_which_key_and_url_of_all_pairs_fits),
                        CASE(a_partner_key_alone_is_enough_and_an_empty_key_signs_nothing),
                        CASE(only_an_empty_body_or_code_0_is_a_test_message));
}
