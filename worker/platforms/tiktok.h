/* tiktok.h - worker: what the two files of TikTok's API share. Pure. */
#ifndef SHOPSTREAM_WORKER_PLATFORMS_TIKTOK_H
#define SHOPSTREAM_WORKER_PLATFORMS_TIKTOK_H

#include "worker/platforms/platform.h"

#define TIKTOK_SHOPS_PATH "/authorization/202309/shops"

/* Transport, status and code. True: code 0, the data is to be looked at; else out says it all. */
bool tiktok_judge_envelope(const struct platform_answer *a, struct platform_result *out)
    __attribute__((warn_unused_result));

bool tiktok_shops_request(const struct config *config, const char *access_token, int page, int64_t at_s,
                          struct platform_request *out, struct err *err);

/* tiktok_token.c */
bool tiktok_token_request(const struct config *config, const char *refresh_token,
                          const struct shop_identity *who, int64_t at_s, struct platform_request *out,
                          struct err *err);
bool tiktok_code_request(const struct config *config, const char *code, const struct shop_identity *who,
                         int64_t at_s, struct platform_request *out, struct err *err);
void tiktok_token_answer(const struct platform_answer *answer, struct platform_grant *out);
void tiktok_shops_answer(const struct platform_answer *answer, struct platform_shops *out);

#endif
