/* verify_shopee.h - server, stage 2 of 5: what Shopee signs, and the one push it does not. Contract: verify.h. */
#ifndef SHOPSTREAM_SERVER_VERIFY_SHOPEE_H
#define SHOPSTREAM_SERVER_VERIFY_SHOPEE_H

#include <stdbool.h>

#include "server/verify.h"

/* Header Authorization = hex(HMAC-SHA256(key, callback_url | body)), with a bar between URL and body. */
enum verdict verify_shopee(const struct push_signer *signer, const struct push *push,
                           struct push_sign_match *match) __attribute__((warn_unused_result));

/* The message the console sends when a callback URL is saved or tried: an empty body, or an object whose code is 0. */
bool verify_shopee_is_test(struct entry_text body);

#endif
