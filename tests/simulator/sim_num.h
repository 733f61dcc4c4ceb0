/* sim_num.h - the one place where text becomes a number.
 *
 * In:    text with a length. Out: the value, untouched when false is returned.
 * Fails: on spaces, plus signs, overflow, trailing bytes, and values outside [low, high]. */
#ifndef SIM_NUM_H
#define SIM_NUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool num_i64(const char *s, size_t n, int64_t low, int64_t high, int64_t *out)
    __attribute__((warn_unused_result));

#endif
