/* fuzz_webhook.c - arbitrary bytes as a webhook of TikTok Shop. */
#include "tests/fuzz/fuzz_webhook.h"

static char app_key[] = "abcdef", secrets[] = "123,456";
static const struct config tiktok = {.tiktok_app_key = app_key, .tiktok_app_secret = secrets};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_webhook(&tiktok, PLATFORM_TIKTOK, data, size);
    return 0;
}
