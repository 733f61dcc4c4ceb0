/* test_verify_tiktok.c - TikTok Shop's signature: the published example, and that only app key and body are signed. */
#include <stdlib.h>
#include <string.h>

#include "server/verify.h"
#include "tests/harness.h"

static const char example[] =
    "{\"type\":1,\"tts_notification_id\":\"7380066284010030890\",\"shop_id\":\"7495540735365777507\","
    "\"timestamp\":1718305585,\"data\":{\"is_on_hold_order\":true,\"order_id\":\"576653688135258178\","
    "\"order_status\":\"UNPAID\",\"update_time\":1718305585}}";

static const char example_signature[] = "5dec0f11ec2f6783b8deee53c9ffbf8d024302f7c7e7fa55a35d17629031ac05";

static enum verdict verdict_of(char *app_key, const char *body, size_t length)
{
    char secret[] = "123";
    struct config c = {.tiktok_app_key = app_key, .tiktok_app_secret = secret};
    struct verifier *v = verify_new(&c);
    struct push push = {.platform = PLATFORM_TIKTOK,
                        .authorization = {example_signature, strlen(example_signature)},
                        .body = {body, length}};
    struct push_sign_match match;
    enum verdict got = verify_push(v, &push, &match);

    verify_free(v);
    return got;
}

TEST(accepts_the_published_example)
{
    char app_key[] = "abcdef";

    CHECK_INT(sizeof(example) - 1, 223);
    CHECK_INT(verdict_of(app_key, example, sizeof(example) - 1), VERDICT_GENUINE);
}

TEST(every_byte_of_the_body_is_signed)
{
    char app_key[] = "abcdef", body[sizeof(example) + 1];

    for (size_t i = 0; i < sizeof(example) - 1; i++) {
        memcpy(body, example, sizeof(example));
        body[i] = (char)(body[i] ^ 1);
        CHECK_INT(verdict_of(app_key, body, sizeof(example) - 1), VERDICT_MISMATCH);
    }
    memcpy(body, example, sizeof(example));
    body[sizeof(example) - 1] = '\n';
    CHECK_INT(verdict_of(app_key, body, sizeof(example)), VERDICT_MISMATCH);
    CHECK_INT(verdict_of(app_key, body, sizeof(example) - 2), VERDICT_MISMATCH);
}

TEST(the_app_key_is_signed)
{
    char other[] = "abcdeg", none[] = "";

    CHECK_INT(verdict_of(other, example, sizeof(example) - 1), VERDICT_MISMATCH);
    CHECK_INT(verdict_of(none, example, sizeof(example) - 1), VERDICT_UNABLE);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(accepts_the_published_example),
                        CASE(every_byte_of_the_body_is_signed), CASE(the_app_key_is_signed));
}
