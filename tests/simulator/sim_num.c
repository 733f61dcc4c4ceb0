/* sim_num.c - see sim_num.h. */
#include "sim_num.h"

bool num_i64(const char *s, size_t n, int64_t low, int64_t high, int64_t *out)
{
    bool minus = n > 0 && s[0] == '-';
    int64_t v = 0;

    if (n == (minus ? 1u : 0u))
        return false;
    for (size_t i = minus ? 1 : 0; i < n; i++) {
        int digit = s[i] - '0';

        if (digit < 0 || digit > 9 || __builtin_mul_overflow(v, 10, &v) ||
            (minus ? __builtin_sub_overflow(v, digit, &v) : __builtin_add_overflow(v, digit, &v)))
            return false;
    }
    if (v < low || v > high)
        return false;
    *out = v;
    return true;
}
