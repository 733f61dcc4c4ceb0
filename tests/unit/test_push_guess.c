/* test_push_guess.c - each usual mistake in signing a push is named, and a plain match is never explained away. */
#include <stdio.h>
#include <string.h>

#include "tests/harness.h"
#include "worker/ctl/push_guess.h"

#define BODY "{\"data\":{\"ordersn\":\"A\",\"name\":\"\\u00c1o/x\"},\"shop_id\":7,\"code\":3}"

static char push_keys[] = "shpk6162636465666768,old-key", partner_keys[] = "partner",
            urls[] = "https://a.example/shopee,https://b.example/s?app=1";

static const struct config config = {
    .shopee_push_key = push_keys, .shopee_partner_key = partner_keys, .shopee_callback_url = urls};

/* The signature of what under key. */
static void sign(const char *key, const char *what, char hex[HMAC_HEX_LENGTH + 1])
{
    struct hmac_key *hmac = hmac_key_new(key, strlen(key));
    struct hmac_part part = {what, strlen(what)};

    CHECK(hmac_sha256_hex(hmac, &part, 1, hex));
    hmac_key_free(hmac);
}

struct sample {
    const char *key, *signed_text; /* how it was signed */
    const char *body;              /* as saved */
    unsigned wrong;                /* what must come out */
    const char *url;
    size_t position;
};

static void check_sample(const struct sample *sample)
{
    const struct push_guess_input in = {.body = sample->body,
                                        .length = strlen(sample->body),
                                        .given = "https://given.example/",
                                        .request = {"https://r.example/w", "http://r.example/w"},
                                        .urls = true};
    struct push_signer s = {0};
    struct push_guess guess;
    char hex[HMAC_HEX_LENGTH + 1];

    CHECK(push_signer_init(&s, &config, "shopee"));
    sign(sample->key, sample->signed_text, hex);
    push_guess(&s, &in, hex, &guess);
    CHECK(guess.found);
    CHECK_INT(guess.wrong, sample->wrong);
    CHECK_TEXT(strbuf_text(&guess.url), sample->url);
    CHECK_INT(guess.key->position, sample->position);
    CHECK_INT(push_guess_exact(&guess), (sample->wrong & ~(unsigned)PUSH_WRONG_GIVEN) == 0);
    push_guess_deinit(&guess);
    push_signer_deinit(&s);
}

#define A "https://a.example/shopee"
#define B "https://b.example/s?app=1"

TEST(what_is_signed_as_it_should_be_is_a_match)
{
    static const struct sample samples[] = {
        {"shpk6162636465666768", A "|" BODY, BODY, 0, A, 1},
        {"old-key", B "|" BODY, BODY, 0, B, 2},
        {"partner", A "|" BODY, BODY, 0, A, 1},
        {"partner", A "|{}\n", "{}\n", 0, A, 1},
        {"partner", A "|", "", 0, A, 1},
        {"partner", "https://given.example/|" BODY, BODY, PUSH_WRONG_GIVEN, "https://given.example/", 1},
    };

    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
        check_sample(&samples[i]);
}

TEST(each_usual_mistake_is_named)
{
    static const char compact[] =
        "{\"data\":{\"ordersn\":\"A\",\"name\":\"\xc3\x81o/x\"},\"shop_id\":7,\"code\":3}";
    static const char wide[] =
        "{\"data\": {\"ordersn\": \"A\", \"name\": \"\xc3\x81o/x\"}, \"shop_id\": 7, \"code\": 3}";
    static const char escaped[] =
        "{\"data\": {\"ordersn\": \"A\", \"name\": \"\\u00C1o/x\"}, \"shop_id\": 7, \"code\": 3}";
    char wide_head[300], escaped_head[300], compact_head[300];
    const struct sample samples[] = {
        {"partner", "http://a.example/shopee|" BODY, BODY, PUSH_WRONG_SCHEME, "http://a.example/shopee", 1},
        {"partner", A "/|" BODY, BODY, PUSH_WRONG_SLASH, A "/", 1},
        {"partner", "https://b.example/s|" BODY, BODY, PUSH_WRONG_QUERY, "https://b.example/s", 1},
        {"partner", "https://b.example/s/?app=1|" BODY, BODY, PUSH_WRONG_SLASH, "https://b.example/s/?app=1",
         1},
        {"partner", "http://a.example/shopee/|" BODY, BODY, PUSH_WRONG_SCHEME | PUSH_WRONG_SLASH,
         "http://a.example/shopee/", 1},
        {"partner", A BODY, BODY, PUSH_WRONG_NO_BAR, A, 1},
        {"partner", BODY, BODY, PUSH_WRONG_BODY_ONLY, "", 1},
        {"partner", "|" BODY, BODY, PUSH_WRONG_BODY_ONLY, "", 1},
        {"partner", "https://r.example/w|" BODY, BODY, PUSH_WRONG_REQUEST, "https://r.example/w", 1},
        {"partner", "http://r.example/w|" BODY, BODY, PUSH_WRONG_REQUEST, "http://r.example/w", 1},
        {"partner", A "|" BODY, BODY "\n", PUSH_WRONG_NEWLINE, A, 1},
        {"partner", A "|" BODY, BODY "\r\n", PUSH_WRONG_NEWLINE, A, 1},
        {"partner", A "|" BODY "\n", BODY, PUSH_WRONG_NEWLINE, A, 1},
        {"partner", A "|{\n}", "{\r\n}", PUSH_WRONG_CRLF, A, 1},
        {"partner", wide_head, compact, PUSH_WRONG_SPACED, A, 1},
        {"partner", compact_head, wide, PUSH_WRONG_COMPACT, A, 1},
        {"partner", escaped_head, compact, PUSH_WRONG_SPACED | PUSH_WRONG_ESCAPED, A, 1},
        {"6162636465666768", A "|" BODY, BODY, PUSH_WRONG_KEY_PREFIX, A, 1},
        {"abcdefgh", A "|" BODY, BODY, PUSH_WRONG_KEY_PREFIX | PUSH_WRONG_KEY_HEX, A, 1},
        {"old-key", "http://a.example/shopee|" BODY, BODY "\n", PUSH_WRONG_SCHEME | PUSH_WRONG_NEWLINE,
         "http://a.example/shopee", 2},
    };

    snprintf(wide_head, sizeof(wide_head), A "|%s", wide);
    snprintf(compact_head, sizeof(compact_head), A "|%s", compact);
    snprintf(escaped_head, sizeof(escaped_head), A "|%s", escaped);
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
        check_sample(&samples[i]);
}

TEST(nothing_is_found_where_nothing_fits)
{
    const struct push_guess_input in = {.body = BODY, .length = strlen(BODY), .urls = true};
    struct push_signer s = {0};
    struct push_guess guess;
    char hex[HMAC_HEX_LENGTH + 1];

    CHECK(push_signer_init(&s, &config, "shopee"));
    sign("another key", A "|" BODY, hex);
    push_guess(&s, &in, hex, &guess);
    CHECK(!guess.found && !push_guess_exact(&guess));
    push_guess_deinit(&guess);
    push_guess_deinit(&guess);
    push_signer_deinit(&s);
}

TEST(tiktok_signs_the_app_key_and_the_body)
{
    static char app_key[] = "abcdef", secrets[] = "123,456";
    const struct config tiktok = {.tiktok_app_key = app_key, .tiktok_app_secret = secrets};
    const struct push_guess_input in = {.body = "{}", .length = 2};
    struct push_signer s = {0};
    struct push_guess guess;
    char hex[HMAC_HEX_LENGTH + 1];

    CHECK(push_signer_init(&s, &tiktok, "tiktok"));
    sign("456", "abcdef{}", hex);
    push_guess(&s, &in, hex, &guess);
    CHECK(push_guess_exact(&guess));
    CHECK_INT(guess.key->position, 2);
    push_guess_deinit(&guess);
    sign("123", "{}", hex);
    push_guess(&s, &in, hex, &guess);
    CHECK_INT(guess.wrong, PUSH_WRONG_BODY_ONLY);
    push_guess_deinit(&guess);
    push_signer_deinit(&s);
}

TEST(every_mistake_has_a_sentence)
{
    for (unsigned flag = 1; flag <= PUSH_WRONG_KEY_HEX; flag <<= 1)
        CHECK(strlen(push_wrong_text(flag)) > 20);
    CHECK_TEXT(push_wrong_text(PUSH_WRONG_KEY_HEX << 1), "");
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(what_is_signed_as_it_should_be_is_a_match),
                        CASE(each_usual_mistake_is_named), CASE(nothing_is_found_where_nothing_fits),
                        CASE(tiktok_signs_the_app_key_and_the_body), CASE(every_mistake_has_a_sentence));
}
