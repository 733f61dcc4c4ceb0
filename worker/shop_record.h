/* shop_record.h - worker: one shop with its grant as a person hands it over: a JSON object. Strict, because a misspelt key
 * would silently lose a setting. Pure. */
#ifndef SHOPSTREAM_WORKER_SHOP_RECORD_H
#define SHOPSTREAM_WORKER_SHOP_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

/* All texts are owned, NUL-terminated, without control characters; NULL = not given. */
struct shop_record {
    char *platform;
    char *shop_id;
    char *channel_id;
    char *region;
    char *account;     /* optional */
    char *shop_cipher; /* TikTok: required; others: not allowed */
    char *access_token;
    char *refresh_token;
    int64_t access_expires_ms;  /* UTC epoch ms; given in seconds */
    int64_t refresh_expires_ms; /* same */
    size_t line;                /* it began on, from 1; for messages */
};

struct shop_records {
    struct shop_record *at; /* owned */
    size_t count;
};

/* Reads one object, or one object a line (empty lines are skipped). False: err names the line and the key; nothing is
 * kept, so that a mistake in the last line changes nothing. */
bool shop_records_parse(const char *text, size_t n, struct shop_records *out, struct err *err)
    __attribute__((warn_unused_result));

void shop_records_deinit(struct shop_records *r); /* wipes tokens; accepts a zeroed one */

#endif
