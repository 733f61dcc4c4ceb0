/* test_credentials.c - tokens at rest: sealed, bound to their place, readable across a rotation. */
#include <stdlib.h>
#include <string.h>

#include "common/strbuf.h"
#include "tests/harness.h"
#include "worker/credentials.h"

#define KEY_A "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define KEY_B "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"

static struct credentials *keys(const char *text)
{
    struct err err = {0};
    struct credentials *c = credentials_new(text, &err);

    CHECK_TEXT(err.text, "");
    return c;
}

static struct strbuf seal(const char *key, const char *place, const void *plain, size_t n)
{
    struct credentials *c = keys(key);
    struct strbuf sealed = STRBUF_INIT;

    CHECK(credentials_seal(c, place, plain, n, &sealed, NULL));
    credentials_free(c);
    return sealed;
}

/* The sentence of the failure, "" when it opened as plain. */
static const char *open_with(const char *key, const char *place, const char *sealed, size_t n,
                             const void *plain, size_t plain_n)
{
    static struct err err;
    struct credentials *c = keys(key);
    struct strbuf got = STRBUF_INIT;

    err = (struct err){0};
    if (credentials_unseal(c, place, sealed, n, &got, &err))
        CHECK_BYTES(got.data, got.length, plain, plain_n);
    else
        CHECK(got.length == 0 && *err.text);
    strbuf_deinit(&got);
    credentials_free(c);
    return err.text;
}

TEST(opens_what_it_sealed)
{
    char plain[3000];

    for (size_t n = 1; n <= sizeof plain; n = n * 2 + 1) {
        struct strbuf sealed;

        memset(plain, (int)n, sizeof plain);
        sealed = seal(KEY_A, "tiktok:a/access_token", plain, n);
        CHECK(strncmp(strbuf_text(&sealed), "1:", 2) == 0);
        CHECK_TEXT(open_with(KEY_A, "tiktok:a/access_token", sealed.data, sealed.length, plain, n), "");
        strbuf_deinit(&sealed);
    }
}

TEST(seals_the_same_text_differently_each_time)
{
    struct strbuf a = seal(KEY_A, "p", "token", 5), b = seal(KEY_A, "p", "token", 5);

    CHECK(strcmp(strbuf_text(&a), strbuf_text(&b)) != 0);
    CHECK(!strstr(strbuf_text(&a), "token"));
    strbuf_deinit(&a);
    strbuf_deinit(&b);
}

TEST(opens_the_previous_key_during_a_rotation_and_seals_with_the_current)
{
    struct strbuf old = seal(KEY_A, "p", "token", 5), new = seal(KEY_B "," KEY_A, "p", "token", 5);

    CHECK_TEXT(open_with(KEY_B "," KEY_A, "p", old.data, old.length, "token", 5), "");
    CHECK_TEXT(open_with(KEY_B, "p", new.data, new.length, "token", 5), "");
    CHECK(strstr(open_with(KEY_B, "p", old.data, old.length, "", 0),
                 "a key that CREDENTIALS_KEY does not hold"));
    strbuf_deinit(&old);
    strbuf_deinit(&new);
}

TEST(refuses_another_place)
{
    struct strbuf sealed = seal(KEY_A, "tiktok:a/access_token", "token", 5);

    CHECK(strstr(open_with(KEY_A, "tiktok:a/refresh_token", sealed.data, sealed.length, "", 0),
                 "belongs elsewhere"));
    strbuf_deinit(&sealed);
}

TEST(refuses_every_flipped_character)
{
    struct strbuf sealed = seal(KEY_A, "p", "token", 5);

    for (size_t i = 0; i < sealed.length; i++) {
        char kept = sealed.data[i];

        sealed.data[i] = kept == 'A' ? 'B' : 'A';
        CHECK(*open_with(KEY_A, "p", sealed.data, sealed.length, "", 0));
        sealed.data[i] = kept;
    }
    CHECK_TEXT(open_with(KEY_A, "p", sealed.data, sealed.length, "token", 5), "");
    strbuf_deinit(&sealed);
}

TEST(refuses_every_truncation_and_garbage)
{
    static const char *const garbage[] = {"",           "1",           "1:",           "2:12345678:AAAA",
                                          "1:12345678", "1:12345678:", "1:12345678:A", "1:12345678:!!!!"};
    struct strbuf sealed = seal(KEY_A, "p", "token", 5);

    for (size_t n = 0; n < sealed.length; n++)
        CHECK(*open_with(KEY_A, "p", sealed.data, n, "", 0));
    for (size_t i = 0; i < sizeof garbage / sizeof garbage[0]; i++)
        CHECK(*open_with(KEY_A, "p", garbage[i], strlen(garbage[i]), "", 0));
    strbuf_deinit(&sealed);
}

TEST(key_errors_name_the_setting_and_never_the_key)
{
    static const char *const bad[] = {NULL,
                                      "",
                                      "abc",
                                      KEY_A "0",
                                      KEY_A ",",
                                      KEY_A ",abc",
                                      KEY_A "," KEY_B "," KEY_A,
                                      "g00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct err err = {0};

        CHECK(credentials_new(bad[i], &err) == NULL);
        CHECK(strncmp(err.text, "CREDENTIALS_KEY", 15) == 0);
        CHECK(!strstr(err.text, "0405060708"));
    }
}

TEST(upper_case_digits_are_the_same_key)
{
    struct strbuf sealed = seal(KEY_B, "p", "token", 5);

    CHECK_TEXT(open_with("FFEEDDCCBBAA99887766554433221100FFEEDDCCBBAA99887766554433221100", "p", sealed.data,
                         sealed.length, "token", 5),
               "");
    strbuf_deinit(&sealed);
}

TEST(knows_what_is_sealed_under_the_current_key)
{
    struct strbuf a = seal(KEY_A, "p", "token", 5), b = seal(KEY_B, "p", "token", 5);
    struct credentials *c = keys(KEY_B "," KEY_A);

    CHECK(credentials_is_current(c, strbuf_text(&b)));
    CHECK(!credentials_is_current(c, strbuf_text(&a)));
    CHECK(!credentials_is_current(c, "") && !credentials_is_current(c, "1:") &&
          !credentials_is_current(c, "plain text"));
    credentials_free(c);
    strbuf_deinit(&a);
    strbuf_deinit(&b);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(
        argc, argv, CASE(opens_what_it_sealed), CASE(seals_the_same_text_differently_each_time),
        CASE(opens_the_previous_key_during_a_rotation_and_seals_with_the_current),
        CASE(refuses_another_place), CASE(refuses_every_flipped_character),
        CASE(refuses_every_truncation_and_garbage), CASE(key_errors_name_the_setting_and_never_the_key),
        CASE(upper_case_digits_are_the_same_key), CASE(knows_what_is_sealed_under_the_current_key));
}
