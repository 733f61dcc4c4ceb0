/* number.c - common: decimal integers, strictly.
 *
 * In:      bytes with a length (no terminator needed).
 * Out:     an integer, or false with *out untouched.
 * Fails:   on anything that is not exactly one number: spaces, plus signs, trailing bytes, overflow.
 * Thread:  any. Pure.
 * Why so:  the C library's parsers skip spaces, stop at garbage and depend on errno; ids and money come through here,
 *          so "almost a number" must be an error. Everything else that looks like parsing numbers is a mistake. */
#include "common/number.h"

#include <string.h>

bool number_i64(const char *s, size_t n, int64_t *out)
{
    bool minus = n > 0 && s[0] == '-';
    int64_t v = 0;

    if (n == (size_t)minus)
        return false;
    for (size_t i = minus; i < n; i++) {
        int digit = s[i] - '0';

        /* Negative numbers are summed downwards: the smallest int64 has no positive counterpart. */
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(v, 10, &v) ||
            (minus ? __builtin_sub_overflow(v, digit, &v) : __builtin_add_overflow(v, digit, &v)))
            return false;
    }
    *out = v;
    return true;
}

bool number_u64(const char *s, size_t n, uint64_t *out)
{
    uint64_t v = 0;

    if (n == 0)
        return false;
    for (size_t i = 0; i < n; i++) {
        int digit = s[i] - '0';

        if (digit < 0 || digit > 9 || __builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, digit, &v))
            return false;
    }
    *out = v;
    return true;
}

size_t number_format_i64(char *to, int64_t v)
{
    char digits[20];
    uint64_t rest = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    size_t at = sizeof digits, n = 0;

    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (v < 0)
        to[n++] = '-';
    memcpy(to + n, digits + at, sizeof digits - at);
    n += sizeof digits - at;
    to[n] = '\0';
    return n;
}
