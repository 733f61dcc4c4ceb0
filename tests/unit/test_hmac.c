/* test_hmac.c - published vectors: RFC 4231, SHA-256, and a marketplace's own example of a signed push. */
#include "common/hmac.h"

#include <string.h>

#include "tests/harness.h"

static void check_hmac(const void *key, size_t key_length, const void *message, size_t n,
                       const char *expected)
{
    struct hmac_key *k = hmac_key_new(key, key_length);
    struct hmac_part part = {message, n};
    char hex[HMAC_HEX_LENGTH + 1];

    CHECK(hmac_sha256_hex(k, &part, 1, hex));
    CHECK_TEXT(hex, expected);
    hmac_key_free(k);
}

TEST(agrees_with_rfc_4231)
{
    unsigned char key[131], data[50];

    memset(key, 0x0b, 20);
    check_hmac(key, 20, "Hi There", 8, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    check_hmac("Jefe", 4, "what do ya want for nothing?", 28,
               "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, 20);
    memset(data, 0xdd, 50);
    check_hmac(key, 20, data, 50, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
    for (size_t i = 0; i < 25; i++)
        key[i] = (unsigned char)(i + 1);
    memset(data, 0xcd, 50);
    check_hmac(key, 25, data, 50, "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
    memset(key, 0xaa, 131);
    check_hmac(key, 131, "Test Using Larger Than Block-Size Key - Hash Key First", 54,
               "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    check_hmac(key, 131,
               "This is a test using a larger than block-size key and a larger than block-size data. The key "
               "needs to "
               "be hashed before being used by the HMAC algorithm.",
               152, "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
}

TEST(agrees_with_the_marketplace_s_example)
{
    static const char body[] =
        "{\"type\":1,\"tts_notification_id\":\"7380066284010030890\",\"shop_id\":\"7495540735365777507\","
        "\"timestamp\":1718305585,\"data\":{\"is_on_hold_order\":true,\"order_id\":\"576653688135258178\","
        "\"order_status\":\"UNPAID\",\"update_time\":1718305585}}";
    struct hmac_key *k = hmac_key_new("123", 3);
    struct hmac_part parts[] = {{"abcdef", 6}, {body, sizeof body - 1}};
    char hex[HMAC_HEX_LENGTH + 1];

    CHECK(hmac_sha256_hex(k, parts, 2, hex));
    CHECK_TEXT(hex, "5dec0f11ec2f6783b8deee53c9ffbf8d024302f7c7e7fa55a35d17629031ac05");
    hmac_key_free(k);
}

TEST(a_prepared_key_serves_many_messages)
{
    struct hmac_key *k = hmac_key_new("Jefe", 4);
    struct hmac_part whole = {"what do ya want for nothing?", 28};
    struct hmac_part pieces[] = {{"what do ya ", 11}, {NULL, 0}, {"want for nothing?", 17}};
    char a[HMAC_HEX_LENGTH + 1], b[HMAC_HEX_LENGTH + 1], empty[HMAC_HEX_LENGTH + 1];

    for (int i = 0; i < 3; i++) {
        CHECK(hmac_sha256_hex(k, NULL, 0, empty));
        CHECK_TEXT(empty, "923598ca6d64af2a5dba79dcd021a8a0fe5c5f557519adaaf0ad532d4506dd30");
        CHECK(hmac_sha256_hex(k, &whole, 1, a));
        CHECK(hmac_sha256_hex(k, pieces, 3, b));
        CHECK_TEXT(a, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        CHECK_TEXT(b, a);
    }
    hmac_key_free(k);
}

TEST(accepts_an_empty_key)
{
    check_hmac("", 0, "", 0, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
    hmac_key_free(NULL);
}

TEST(compares_lengths_first)
{
    CHECK(hmac_equal("abc", 3, "abc", 3));
    CHECK(hmac_equal("", 0, "", 0));
    CHECK(!hmac_equal("abc", 3, "abd", 3));
    CHECK(!hmac_equal("abc", 3, "ab", 2));
    CHECK(!hmac_equal("ab", 2, "abc", 3));
    CHECK(!hmac_equal("abc", 3, "ABC", 3));
    CHECK(!hmac_equal("a\0b", 3, "a\0c", 3));
}

TEST(hashes_plain_bytes)
{
    char hex[HMAC_HEX_LENGTH + 1];

    CHECK(sha256_hex("abc", 3, hex));
    CHECK_TEXT(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(sha256_hex(NULL, 0, hex));
    CHECK_TEXT(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(a_kept_context_hashes_one_message_after_the_other)
{
    struct sha256 *s = sha256_new();
    char kept[HMAC_HEX_LENGTH + 1], once[HMAC_HEX_LENGTH + 1];
    static const char longer[] =
        "a longer one that does not fit into a single block of the hash function, so that a "
        "state left over would show";
    const char *const messages[] = {"abc", "", "abc", longer};

    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        CHECK(sha256_run(s, messages[i], strlen(messages[i]), kept));
        CHECK(sha256_hex(messages[i], strlen(messages[i]), once));
        CHECK_TEXT(kept, once);
    }
    CHECK(sha256_run(s, NULL, 0, kept));
    CHECK_TEXT(kept, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    sha256_free(s);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(agrees_with_rfc_4231), CASE(agrees_with_the_marketplace_s_example),
                        CASE(a_prepared_key_serves_many_messages), CASE(accepts_an_empty_key),
                        CASE(compares_lengths_first), CASE(hashes_plain_bytes),
                        CASE(a_kept_context_hashes_one_message_after_the_other));
}
