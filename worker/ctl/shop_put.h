/* shop_put.h - shopstreamctl shop put: stores one shop and its grant. */
#ifndef SHOPSTREAM_WORKER_CTL_SHOP_PUT_H
#define SHOPSTREAM_WORKER_CTL_SHOP_PUT_H

#include <stdbool.h>

#include "common/err.h"
#include "common/strbuf.h"
#include "worker/credentials.h"
#include "worker/shop_record.h"
#include "worker/store.h"

/* What a put did; texts are literals but for authorization. */
struct shop_put_result {
    const char *shop;            /* "created" "changed" "unchanged" */
    const char *joined;          /* "new" "account" "refresh token" "former refresh token" "shop" */
    const char *tokens;          /* "stored" "replaced" "unchanged" "kept (newer ones are stored)" */
    const char *state;           /* the shop's state now */
    struct strbuf authorization; /* its _id; owned by the caller */
};

/* Joins or makes the authorization, then points the shop to it. Safe beside other puts and a token refresh. False: err
 * (ERR_MONGO: unreachable; else the record or the key). */
bool shop_put(struct store *store, const struct credentials *credentials, const struct shop_record *record,
              struct shop_put_result *out, struct err *err) __attribute__((warn_unused_result));

#endif
