/* decimal.c - worker, stage 5: the one place where text becomes Decimal128.
 *
 * In:      number text as the payload has it, out of a JSON string or a JSON number.
 * Out:     the Decimal128 of exactly that value and scale.
 * Fails:   text that is not a number; numbers of more than 34 digits or with an exponent out of range. Nothing is ever
 *          rounded: whoever asked keeps the text instead.
 * Thread:  any. Pure.
 * Why so:  nearly every amount has at most 18 digits and no exponent. Its digits fit a uint64, which is the low half of
 *          the result, and the high half is exponent and sign: a few shifts instead of 250 ns in the library, with the
 *          same bytes (a test compares). The rest goes to the library, behind our own grammar check, because the library
 *          takes "NaN", "Infinity", "+1", ".5" and "5.", and needs a NUL behind the text.
 *
 *   high  | sign 1 | exponent + 6176: 14 | coefficient, bits 112..64: 49 |
 *   low   | coefficient, bits 63..0                                     | */
#include "worker/dto/decimal.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
    DECIMAL_FAST_DIGITS = 18,     /* always below 2^63, so the coefficient never reaches the high half */
    DECIMAL_EXPONENT_BIAS = 6176, /* of Decimal128 */
    DECIMAL_EXPONENT_DIGITS = 5,  /* longer exponents are out of range whatever they say */
    DECIMAL_TEXT_MAX = 128,       /* longest text the library gets to see */
};

/* Text taken apart. */
struct decimal_parts {
    bool negative;          /* a minus stands in front */
    uint64_t coefficient;   /* digits as a number; meaningless beyond DECIMAL_FAST_DIGITS digits */
    size_t digits;          /* of the coefficient, leading zeros counted */
    size_t scale;           /* of them behind the point */
    size_t exponent_digits; /* 0 = no exponent */
};

/* Reads digits from *at on; returns how many. */
static size_t decimal_digits(const char *s, size_t n, size_t *at, uint64_t *value)
{
    size_t start = *at;
    uint64_t v = *value;

    for (; *at < n && s[*at] >= '0' && s[*at] <= '9'; (*at)++)
        v = v * 10 + (uint64_t)(s[*at] - '0'); /* may wrap: unsigned, and then not used */
    *value = v;
    return *at - start;
}

static bool decimal_exponent(const char *s, size_t n, size_t *at, size_t *digits)
{
    uint64_t ignored = 0;

    if (*at >= n || (s[*at] != 'e' && s[*at] != 'E'))
        return true;
    (*at)++;
    if (*at < n && (s[*at] == '-' || s[*at] == '+'))
        (*at)++;
    *digits = decimal_digits(s, n, at, &ignored);
    return *digits > 0;
}

static bool decimal_split(const char *s, size_t n, struct decimal_parts *p)
{
    size_t at = 0;

    *p = (struct decimal_parts){0};
    p->negative = n > 0 && s[0] == '-';
    at += p->negative;
    p->digits = decimal_digits(s, n, &at, &p->coefficient);
    if (p->digits == 0)
        return false;
    if (at < n && s[at] == '.') {
        at++;
        p->scale = decimal_digits(s, n, &at, &p->coefficient);
        if (p->scale == 0)
            return false;
        p->digits += p->scale;
    }
    return decimal_exponent(s, n, &at, &p->exponent_digits) && at == n;
}

static enum decimal_got decimal_by_library(const char *s, size_t n, bson_decimal128_t *out)
{
    char text[DECIMAL_TEXT_MAX];
    bson_decimal128_t value;

    if (n >= sizeof text)
        return DECIMAL_OUT_OF_RANGE;
    memcpy(text, s, n);
    text[n] = '\0';
    if (!bson_decimal128_from_string(text, &value))
        return DECIMAL_OUT_OF_RANGE;
    *out = value;
    return DECIMAL_GOT;
}

enum decimal_got decimal_parse(const char *s, size_t n, bson_decimal128_t *out)
{
    struct decimal_parts p;

    if (!decimal_split(s, n, &p))
        return DECIMAL_NOT_A_NUMBER;
    if (p.exponent_digits > DECIMAL_EXPONENT_DIGITS)
        return DECIMAL_OUT_OF_RANGE;
    if (p.exponent_digits > 0 || p.digits > DECIMAL_FAST_DIGITS)
        return decimal_by_library(s, n, out);
    out->low = p.coefficient;
    out->high = ((uint64_t)(DECIMAL_EXPONENT_BIAS - p.scale) << 49) | ((uint64_t)p.negative << 63);
    return DECIMAL_GOT;
}
