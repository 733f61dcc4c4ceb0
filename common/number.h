/* number.h - common: strict decimal integers, one function per type; the only place that parses them.
 * No spaces, no plus sign, no leading garbage, no trailing bytes, no overflow. Pure; any thread. */
#ifndef SHOPSTREAM_COMMON_NUMBER_H
#define SHOPSTREAM_COMMON_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decimal int64: an optional minus, then digits, nothing else. *out is untouched on false. */
bool number_i64(const char *s, size_t n, int64_t *out) __attribute__((warn_unused_result));

/* Decimal uint64: digits, nothing else. *out is untouched on false. */
bool number_u64(const char *s, size_t n, uint64_t *out) __attribute__((warn_unused_result));

/* Writes v in decimal into to (at least 21 bytes), NUL-terminated; returns the length. */
size_t number_format_i64(char *to, int64_t v);

#endif
