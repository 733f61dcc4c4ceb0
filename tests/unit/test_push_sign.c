/* test_push_sign.c - keys and heads of the platforms' push signatures. */
#include "common/push_sign.h"

#include <stdlib.h>
#include <string.h>

#include "tests/harness.h"

TEST(keys_have_the_name_of_their_setting_and_their_place_in_it)
{
    char pushes[] = "one,two", partner[] = "three", urls[] = "https://a,https://b", none[] = "";
    const struct config c = {
        .shopee_push_key = pushes, .shopee_partner_key = partner, .shopee_callback_url = urls};
    const struct config nothing = {
        .shopee_push_key = none, .shopee_partner_key = none, .shopee_callback_url = none};
    struct push_signer s = {0};

    CHECK(push_signer_init(&s, &c, "shopee"));
    CHECK(push_signer_ready(&s));
    CHECK_INT(s.key_count, 3);
    CHECK_INT(s.head_count, 2);
    CHECK_TEXT(s.keys[1].setting, "SHOPEE_PUSH_KEY");
    CHECK_INT(s.keys[1].position, 2);
    CHECK_INT(s.keys[1].of, 2);
    CHECK_TEXT(s.keys[2].setting, "SHOPEE_PARTNER_KEY");
    CHECK_INT(s.keys[2].position, 1);
    CHECK_INT(s.keys[2].of, 1);
    CHECK_BYTES(s.keys[1].text, s.keys[1].length, "two", 3);
    CHECK_BYTES(s.heads[1].text, s.heads[1].length, "https://b", 9);
    push_signer_deinit(&s);
    CHECK(push_signer_init(&s, &nothing, "shopee"));
    CHECK(!push_signer_ready(&s));
    push_signer_deinit(&s);
    push_signer_deinit(&s);
}

TEST(a_platform_without_settings_is_not_ready_and_an_unknown_one_refused)
{
    const struct config c = {0};
    struct push_signer s = {0};

    CHECK(push_signer_init(&s, &c, "tiktok"));
    CHECK(!push_signer_ready(&s));
    push_signer_deinit(&s);
    CHECK(!push_signer_init(&s, &c, "tiktok2"));
    CHECK(!push_signer_init(&s, &c, ""));
}

TEST(a_key_given_twice_is_told_by_its_first_place)
{
    char pair[] = "same,same", app_key[] = "abcdef";
    const struct config c = {.tiktok_app_key = app_key, .tiktok_app_secret = pair};
    struct push_sign_match match = {9, 9};
    char hex[HMAC_HEX_LENGTH + 1];
    struct push_signer s = {0};

    CHECK(push_signer_init(&s, &c, "tiktok"));
    CHECK(hmac_sha256_hex(s.keys[1].hmac, (struct hmac_part[]){{"abcdef{}", 8}}, 1, hex));
    CHECK_INT(push_sign_check(&s, hex, "{}", 2, &match), PUSH_SIGN_FITS);
    CHECK_INT(match.key, 0);
    CHECK_INT(push_sign_check(&s, hex, "{", 1, &match), PUSH_SIGN_DIFFERS);
    push_signer_deinit(&s);
}

TEST(a_signature_is_trimmed_and_lowered_and_nothing_else)
{
    char digits[HMAC_HEX_LENGTH + 1], sent[80], to[HMAC_HEX_LENGTH];

    memset(digits, 'a', HMAC_HEX_LENGTH);
    digits[HMAC_HEX_LENGTH] = '\0';
    memcpy(sent, "\t ", 2);
    memset(sent + 2, 'A', HMAC_HEX_LENGTH);
    memcpy(sent + 2 + HMAC_HEX_LENGTH, " ", 2);
    CHECK(push_sign_normal(sent, strlen(sent), to));
    CHECK_BYTES(to, HMAC_HEX_LENGTH, digits, HMAC_HEX_LENGTH);
    sent[30] = 'G';
    CHECK(!push_sign_normal(sent, strlen(sent), to));
    CHECK(!push_sign_normal(digits, HMAC_HEX_LENGTH - 1, to));
    CHECK(!push_sign_normal("", 0, to));
    CHECK(!push_sign_normal("   ", 3, to));
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(keys_have_the_name_of_their_setting_and_their_place_in_it),
                        CASE(a_platform_without_settings_is_not_ready_and_an_unknown_one_refused),
                        CASE(a_key_given_twice_is_told_by_its_first_place),
                        CASE(a_signature_is_trimmed_and_lowered_and_nothing_else));
}
