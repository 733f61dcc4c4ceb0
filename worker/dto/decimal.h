/* decimal.h - worker, stage 5: text of an amount or a rate -> Decimal128, exact, never through a double. Pure. */
#ifndef SHOPSTREAM_WORKER_DTO_DECIMAL_H
#define SHOPSTREAM_WORKER_DTO_DECIMAL_H

#include <bson/bson.h>
#include <stddef.h>

enum decimal_got {
    DECIMAL_GOT,          /* *out set */
    DECIMAL_NOT_A_NUMBER, /* not of the grammar below; *out untouched */
    DECIMAL_OUT_OF_RANGE, /* a number Decimal128 cannot hold exactly; *out untouched */
};

/* Grammar: [-] digits [. digits] [(e|E) [+|-] digits]; no spaces, no plus sign in front, no NaN, no Inf. The scale is
 * kept as sent ("0.10" is not "0.1"), as is the sign of a zero. n bytes at s, which need no NUL behind them. */
enum decimal_got decimal_parse(const char *s, size_t n, bson_decimal128_t *out)
    __attribute__((warn_unused_result));

#endif
