/* shop.h - worker: shops and their authorizations, read from MongoDB and kept for a few seconds.
 *
 * Collections: `shops` _id "<platform>:<shop_id>" {platform shop_id channel_id region state authorization shop_cipher
 * updated_at}, `authorizations` _id "<platform>:<name>" {platform account open_id access_token refresh_token (sealed)
 * access_expires_at refresh_expires_at refresh_hash former_refresh_hashes updated_at}. state: active expired revoked
 * disabled. One cache a lane; one thread. */
#ifndef SHOPSTREAM_WORKER_SHOP_H
#define SHOPSTREAM_WORKER_SHOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "worker/credentials.h"
#include "worker/store.h"

enum shop_state {
    SHOP_UNKNOWN, /* no such shop is registered */
    SHOP_ACTIVE,
    SHOP_EXPIRED,  /* its access token is over or was refused */
    SHOP_REVOKED,  /* the seller took the grant back */
    SHOP_DISABLED, /* switched off by a person */
};

const char *shop_state_name(enum shop_state s);     /* "active"; literal */
enum shop_state shop_state_parse(const char *name); /* SHOP_UNKNOWN for anything else */

/* One shop as calls need it. Texts are owned by the cache entry, NUL-terminated, "" when absent. */
struct shop {
    const char *platform;
    const char *shop_id;
    const char *channel_id;
    const char *cipher;        /* TikTok's shop_cipher */
    const char *access_token;  /* plain, in memory only; never logged */
    const char *authorization; /* _id of its authorization */
    int64_t access_expires_ms; /* UTC epoch ms; 0 = unknown */
    enum shop_state state;     /* SHOP_UNKNOWN when not registered */
    const char *problem;       /* why it cannot be used although active (token unreadable ...); "" = fine */
};

struct shop_cache; /* opaque */

struct shop_cache *shop_cache_new(struct store *store, const struct credentials *credentials,
                                  int64_t keep_ms);
void shop_cache_free(struct shop_cache *c); /* wipes tokens; accepts NULL */

/* The shop, read when it is not cached or older than keep_ms; borrowed until the next call for the same shop after
 * keep_ms or shop_cache_forget. Unknown shops give state SHOP_UNKNOWN. NULL: MongoDB is away, err. */
const struct shop *shop_cache_get(struct shop_cache *c, const char *platform, const char *shop_id,
                                  struct err *err) __attribute__((warn_unused_result));

/* Read many at once: fills the cache with one find per collection for ids that are not cached. False: err. */
bool shop_cache_load(struct shop_cache *c, const char *platform, const char *const *shop_ids, size_t count,
                     struct err *err) __attribute__((warn_unused_result));

/* Drop one from the cache: its token was refused, the next get reads it again. */
void shop_cache_forget(struct shop_cache *c, const char *platform, const char *shop_id);

/* Channel id of a shop for documents: from the cache however old, else read; "" when it has none, NULL when the shop is
 * unknown or MongoDB is away. Shape for dto_build. */
const char *shop_channel(void *shop_cache, const char *platform, const char *shop_id);

#endif
