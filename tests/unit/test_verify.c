/* test_verify.c - the comparison all platforms share: shapes, several secrets, and what is not configured. */
#include <stdlib.h>
#include <string.h>

#include "common/strbuf.h"
#include "server/verify.h"
#include "tests/harness.h"

static char empty[] = "";

/* The configuration of a platform, and one push of it. */
static enum verdict verdict_of(const char *secrets, const char *authorization, const char *body)
{
    struct config c = {.tiktok_app_key = xstrndup("abcdef", 6),
                       .tiktok_app_secret = xstrndup(secrets, strlen(secrets))};
    struct verifier *v = verify_new(&c);
    struct push push = {.platform = PLATFORM_TIKTOK,
                        .authorization = {authorization, authorization ? strlen(authorization) : 0},
                        .body = {body, strlen(body)}};
    struct push_sign_match match;
    enum verdict got = verify_push(v, &push, &match);

    verify_free(v);
    free(c.tiktok_app_key);
    free(c.tiktok_app_secret);
    return got;
}

/* The signature of body under secret, as text; free() it. */
static char *signature(const char *secret, const char *body)
{
    struct hmac_key *key = hmac_key_new(secret, strlen(secret));
    struct hmac_part parts[] = {{"abcdef", 6}, {body, strlen(body)}};
    char *hex = xmalloc(HMAC_HEX_LENGTH + 1);

    CHECK(hmac_sha256_hex(key, parts, 2, hex));
    hmac_key_free(key);
    return hex;
}

TEST(tells_missing_malformed_and_mismatch_apart)
{
    char *good = signature("123", "{}");
    char bad[HMAC_HEX_LENGTH + 2];

    CHECK_INT(verdict_of("123", good, "{}"), VERDICT_GENUINE);
    CHECK_INT(verdict_of("123", NULL, "{}"), VERDICT_MISSING);
    CHECK_INT(verdict_of("123", "", "{}"), VERDICT_MALFORMED);
    CHECK_INT(verdict_of("123", good + 1, "{}"), VERDICT_MALFORMED);
    memcpy(bad, good, HMAC_HEX_LENGTH);
    memcpy(bad + HMAC_HEX_LENGTH, "0", 2);
    CHECK_INT(verdict_of("123", bad, "{}"), VERDICT_MALFORMED);
    memcpy(bad, good, HMAC_HEX_LENGTH + 1);
    bad[10] = 'g';
    CHECK_INT(verdict_of("123", bad, "{}"), VERDICT_MALFORMED);
    CHECK_INT(verdict_of("123", good, "{} "), VERDICT_MISMATCH);
    CHECK_INT(verdict_of("124", good, "{}"), VERDICT_MISMATCH);
    free(good);
}

TEST(a_changed_digit_anywhere_is_a_mismatch)
{
    char *good = signature("123", "{}");

    for (size_t i = 0; i < HMAC_HEX_LENGTH; i++) {
        char was = good[i];

        good[i] = was == '0' ? '1' : '0';
        CHECK_INT(verdict_of("123", good, "{}"), VERDICT_MISMATCH);
        good[i] = was;
    }
    free(good);
}

TEST(accepts_every_secret_of_the_list)
{
    char *old = signature("old", "{}"), *new = signature("new", "{}"), *comma = signature("new,old", "{}");

    CHECK_INT(verdict_of("new,old", new, "{}"), VERDICT_GENUINE);
    CHECK_INT(verdict_of("new,old", old, "{}"), VERDICT_GENUINE);
    CHECK_INT(verdict_of("new,,old,", old, "{}"), VERDICT_GENUINE);
    CHECK_INT(verdict_of("new", old, "{}"), VERDICT_MISMATCH);
    CHECK_INT(verdict_of("new,old", comma, "{}"), VERDICT_MISMATCH);
    free(old);
    free(new);
    free(comma);
}

TEST(an_empty_secret_signs_nothing)
{
    char *by_empty = signature("", "{}");

    CHECK_INT(verdict_of("", by_empty, "{}"), VERDICT_UNABLE);
    CHECK_INT(verdict_of(",", by_empty, "{}"), VERDICT_UNABLE);
    CHECK_INT(verdict_of("123,", by_empty, "{}"), VERDICT_MISMATCH);
    free(by_empty);
}

TEST(blanks_and_upper_case_around_a_signature_are_harmless)
{
    char *good = signature("123", "{}"), text[80] = "\t ";

    for (size_t i = 0; i < HMAC_HEX_LENGTH; i++)
        text[2 + i] = (char)(good[i] >= 'a' ? good[i] - 'a' + 'A' : good[i]);
    memcpy(text + 2 + HMAC_HEX_LENGTH, "  ", 3);
    CHECK_INT(verdict_of("123", text, "{}"), VERDICT_GENUINE);
    CHECK_INT(verdict_of("123", "    ", "{}"), VERDICT_MALFORMED);
    free(good);
}

TEST(a_platform_without_a_secret_cannot_be_verified)
{
    struct config c = {.tiktok_app_key = empty, .tiktok_app_secret = empty};
    struct verifier *v = verify_new(&c);
    struct push push = {.platform = PLATFORM_TIKTOK, .body = {"{}", 2}};
    struct push_sign_match match;

    CHECK_INT(verify_push(v, &push, &match), VERDICT_UNABLE);
    verify_free(v);
    verify_free(NULL);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(tells_missing_malformed_and_mismatch_apart),
                        CASE(a_changed_digit_anywhere_is_a_mismatch), CASE(accepts_every_secret_of_the_list),
                        CASE(an_empty_secret_signs_nothing),
                        CASE(blanks_and_upper_case_around_a_signature_are_harmless),
                        CASE(a_platform_without_a_secret_cannot_be_verified));
}
