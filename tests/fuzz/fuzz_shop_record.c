/* fuzz_shop_record.c - tests: any bytes as what a person hands to `shopstreamctl shop put`.
 *
 * Checks:  no sanitizer report; a refusal has a sentence; accepted records have all that is required, of a platform we
 *          know, in texts without control characters. */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "worker/platforms/platform.h"
#include "worker/shop_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
    if (!holds)
        abort();
}

static void check_text(const char *text)
{
    demand(text && *text);
    for (const char *p = text; *p; p++)
        demand((unsigned char)*p >= ' ' && *p != 0x7f);
}

static void check_record(const struct shop_record *r)
{
    demand(platform_find(r->platform) != NULL);
    check_text(r->shop_id);
    check_text(r->channel_id);
    check_text(r->region);
    check_text(r->access_token);
    check_text(r->refresh_token);
    if (r->account)
        check_text(r->account);
    demand((strcmp(r->platform, "tiktok") == 0) == (r->shop_cipher != NULL));
    demand(clock_plausible_ms(r->access_expires_ms) && clock_plausible_ms(r->refresh_expires_ms));
    demand(r->line > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct shop_records records = {0};
    struct err err = {0};

    if (shop_records_parse((const char *)data, size, &records, &err)) {
        demand(records.count > 0);
        for (size_t i = 0; i < records.count; i++)
            check_record(&records.at[i]);
    } else {
        demand(err.text[0] && records.count == 0 && !records.at);
    }
    shop_records_deinit(&records);
    return 0;
}
