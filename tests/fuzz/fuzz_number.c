/* fuzz_number.c - tests: any bytes as a number, an offset of a time zone, a Retry-After, a signature.
 *
 * Checks:  no sanitizer report; an accepted integer, written again, is the text without leading zeros; offsets and waits
 *          stay in their ranges; a normal signature is 64 lower-case hex digits. Any integer has a text of a time. */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/number.h"
#include "common/push_sign.h"
#include "common/strbuf.h"
#include "worker/platforms/retry_after.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
    if (!holds)
        abort();
}

static void check_number(const char *s, size_t n)
{
    int64_t value = 77;
    uint64_t same = 77;
    char text[32];

    if (!number_i64(s, n, &value)) {
        demand(value == 77);
        return;
    }
    demand(n > 0 && (value < 0 || *s == '-' || (number_u64(s, n, &same) && same == (uint64_t)value)));
    if (*s == '-') {
        demand(value <= 0);
        s++, n--;
    }
    while (n > 1 && *s == '0')
        s++, n--;
    demand(number_format_i64(text, value) == strlen(text));
    demand(strlen(text + (value < 0)) == n && memcmp(text + (value < 0), s, n) == 0);
}

static void check_times(const char *text, int64_t ms)
{
    char to[CLOCK_TEXT_MAX];
    int offset = 9999;
    int64_t wait;

    if (clock_parse_offset(text, &offset))
        demand(offset >= -14 * 60 && offset <= 14 * 60);
    else
        demand(offset == 9999);
    wait = retry_after_ms(text, INT64_C(1767705000000));
    demand(wait >= 0 && wait <= RETRY_AFTER_MAX_MS);
    if (clock_plausible_ms(ms)) {
        demand(clock_format_utc(to, ms) == strlen(to));
        demand(clock_format_offset(to, ms, offset == 9999 ? 0 : offset) == strlen(to));
    }
}

static void check_signature(const char *s, size_t n)
{
    char normal[HMAC_HEX_LENGTH];

    if (!push_sign_normal(s, n, normal))
        return;
    demand(n >= HMAC_HEX_LENGTH);
    for (size_t i = 0; i < HMAC_HEX_LENGTH; i++)
        demand((normal[i] >= '0' && normal[i] <= '9') || (normal[i] >= 'a' && normal[i] <= 'f'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *exact = malloc(size ? size : 1), *text = xstrndup((const char *)data, size);
    int64_t ms = 0;

    demand(exact != NULL);
    memcpy(exact, data, size); /* no NUL behind it: a byte read too far is seen */
    memcpy(&ms, data, size < sizeof ms ? size : sizeof ms);
    check_number(exact, size);
    check_signature(exact, size);
    check_times(text, ms);
    free(exact);
    free(text);
    return 0;
}
