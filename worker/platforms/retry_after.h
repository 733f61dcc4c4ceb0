/* retry_after.h - worker: the Retry-After header of an answer, seconds or an HTTP date. Pure. */
#ifndef SHOPSTREAM_WORKER_PLATFORMS_RETRY_AFTER_H
#define SHOPSTREAM_WORKER_PLATFORMS_RETRY_AFTER_H

#include <stdint.h>

enum { RETRY_AFTER_MAX_MS = 3600000 }; /* nobody may stop a shop for longer than an hour by one header */

/* Milliseconds to wait from now_ms (UTC epoch ms); 0 for absent, malformed or past. At most RETRY_AFTER_MAX_MS. */
int64_t retry_after_ms(const char *text, int64_t now_ms);

#endif
