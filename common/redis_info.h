/* redis_info.h - common: what Redis says about itself in the text of INFO.
 *
 * In:      the text. Out: one number of it, how full Redis is, and whether it throws keys away then.
 * Fails:   what is not there is told so; never by guess.
 * Thread:  any. Pure.
 * Why so:  both programs act on the same mark (the server journals, the workers shorten what they keep), so they must read
 *          it alike. */
#ifndef SHOPSTREAM_COMMON_REDIS_INFO_H
#define SHOPSTREAM_COMMON_REDIS_INFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The number of the line "name:number". False: there is none, *out untouched. */
bool redis_info_number(const char *info, size_t n, const char *name, int64_t *out)
    __attribute__((warn_unused_result));

/* Percent of its memory in use, from INFO memory; of max_bytes when that is not 0, else of its maxmemory. -1: no limit, or
 * not told. */
int64_t redis_info_used_percent(const char *info, size_t n, int64_t max_bytes);

/* Throws keys away instead of refusing when it is full, by INFO memory: events, or what keeps them from being done twice.
 * False also when it does not say. */
bool redis_info_evicts(const char *info, size_t n);

/* What a person is told then. */
#define REDIS_INFO_EVICTS "redis throws keys away when it is full: set maxmemory-policy noeviction"

#endif
