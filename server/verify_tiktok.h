/* verify_tiktok.h - server, stage 2 of 5: what TikTok Shop signs. Contract: verify.h. */
#ifndef SHOPSTREAM_SERVER_VERIFY_TIKTOK_H
#define SHOPSTREAM_SERVER_VERIFY_TIKTOK_H

#include "server/verify.h"

/* Header Authorization = hex(HMAC-SHA256(app_secret, app_key || body)), no prefix before the digits. */
enum verdict verify_tiktok(const struct push_signer *signer, const struct push *push,
                           struct push_sign_match *match) __attribute__((warn_unused_result));

#endif
