/* shop_internal.h - worker: filling a shop cache by hand, so that stages can be tested without MongoDB. */
#ifndef SHOPSTREAM_WORKER_SHOP_INTERNAL_H
#define SHOPSTREAM_WORKER_SHOP_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "worker/shop.h"

/* Reads shops: calls shop_cache_put for each that exists; those it leaves out are unknown. False: err. */
typedef bool (*shop_load)(void *context, struct shop_cache *c, const char *platform,
                          const char *const *shop_ids, size_t count, struct err *err);

/* Replaces reading from MongoDB. */
void shop_cache_set_load(struct shop_cache *c, shop_load load, void *context);

/* Puts a copy of shop (texts may be NULL: "") into the cache, as read now. */
void shop_cache_put(struct shop_cache *c, const struct shop *shop);

#endif
