/* fuzz_webhook_shopee.c - arbitrary bytes as a webhook of Shopee, and as its test message. */
#include "tests/fuzz/fuzz_webhook.h"

#include "server/verify_shopee.h"

static char partner_id[] = "2001887", keys[] = "test_push_key_0123456789abcdef,old",
            urls[] = "https://hooks.example.test/shopee,https://b/";
static const struct config shopee = {
    .shopee_partner_id = partner_id, .shopee_push_key = keys, .shopee_callback_url = urls};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (verify_shopee_is_test((struct entry_text){(const char *)data, size}))
        expect(size <= 2048);
    fuzz_webhook(&shopee, PLATFORM_SHOPEE, data, size);
    return 0;
}
