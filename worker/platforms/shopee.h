/* shopee.h - worker: what the files of Shopee's API share. Pure. */
#ifndef SHOPSTREAM_WORKER_PLATFORMS_SHOPEE_H
#define SHOPSTREAM_WORKER_PLATFORMS_SHOPEE_H

#include "worker/platforms/platform.h"

enum shopee_endpoint {
    SHOPEE_ORDERS = PLATFORM_ENDPOINT_FIRST,
    SHOPEE_PACKAGES,
    SHOPEE_TRACKING, /* subject: "<order_sn>/<package_number>" */
    SHOPEE_RETURN,
    SHOPEE_ITEMS,
    SHOPEE_MODELS,
    SHOPEE_ESCROW,
    SHOPEE_ENDPOINTS
};

/* shopee.c: adds partner_id, timestamp and sign (shop NULL: public level), fills out. body NULL: GET, else POST. */
bool shopee_request(const struct config *config, const struct shop *shop, const char *method,
                    const char *path, const struct platform_param *params, size_t count, const char *body,
                    int64_t at_s, struct platform_request *out, struct err *err)
    __attribute__((warn_unused_result));

/* shopee_entity.c: what is asked for each kind, and how parts become one object. */
bool shopee_compound(enum entry_kind kind);
bool shopee_next_ask(const struct config *config, enum entry_kind kind, const char *return_kind,
                     const char *id, const struct parts *parts, struct platform_ask *ask);
yyjson_doc *shopee_compose(enum entry_kind kind, const char *return_kind, const char *id,
                           const struct parts *parts);

/* shopee_judge.c: transport, status and error word. True: success, the payload is to be looked at. */
bool shopee_judge_envelope(int endpoint, const struct platform_answer *a, struct platform_result *out)
    __attribute__((warn_unused_result));
void shopee_judge(int endpoint, const struct platform_answer *answer, struct platform_result *out);
yyjson_val *shopee_entity(int endpoint, yyjson_val *element, struct entry_text *subject);

/* shopee_token.c */
bool shopee_token_request(const struct config *config, const char *refresh_token,
                          const struct shop_identity *who, int64_t at_s, struct platform_request *out,
                          struct err *err);
bool shopee_code_request(const struct config *config, const char *code, const struct shop_identity *who,
                         int64_t at_s, struct platform_request *out, struct err *err);
void shopee_token_answer(const struct platform_answer *answer, struct platform_grant *out);
bool shopee_shops_request(const struct config *config, const char *access_token, int page, int64_t at_s,
                          struct platform_request *out, struct err *err);
void shopee_shops_answer(const struct platform_answer *answer, struct platform_shops *out);

#endif
