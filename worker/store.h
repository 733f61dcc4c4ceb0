/* store.h - worker: the MongoDB side of one process: pool, a client a lane and one for its writer, collections, indexes, the self-check at
 * start. Only classic find and update are used, so that compatible servers work (storage rules). */
#ifndef SHOPSTREAM_WORKER_STORE_H
#define SHOPSTREAM_WORKER_STORE_H

#include <bson/bson.h>
#include <mongoc/mongoc.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/config.h"
#include "common/entry.h"
#include "common/err.h"

struct
    store_pool; /* opaque: mongoc_client_pool_t and the database name; made before threads, freed after them */
struct store;   /* opaque: one thread's client */

/* Installs the driver's log handler, defaults of timeouts and write concern for what the URI leaves open, Error API 2,
 * APM succeeded/failed counters. Does not connect. NULL: err names what is wrong in MONGO_URI (credentials masked). */
struct store_pool *store_pool_new(const struct config *config, const char *app_name, struct err *err)
    __attribute__((warn_unused_result));
void store_pool_free(struct store_pool *p); /* accepts NULL */

struct store *store_open(struct store_pool *p, struct err *err) __attribute__((warn_unused_result));
void store_close(struct store *s); /* accepts NULL */

mongoc_collection_t *store_collection(struct store *s, const char *name); /* cached in s; borrowed */

/* Collection an entity kind is written to: "orders"; NULL for kinds without one. */
const char *store_collection_of(enum entry_kind kind);

/* Creates collections and named indexes that are missing (by name: compared before creating). Idempotent; run by
 * `shopstreamctl init` and by every worker at start. False: err. */
bool store_prepare(struct store *s, const struct config *config, struct err *err)
    __attribute__((warn_unused_result));

/* Upsert, stale upsert -> E11000, guard on a missing field, Decimal128 round trip, in a scratch collection that is
 * dropped. False: err says what this server does differently. */
bool store_self_check(struct store *s, struct err *err) __attribute__((warn_unused_result));

/* Cheap: ping. False: err. */
bool store_ping(struct store *s, struct err *err) __attribute__((warn_unused_result));

#endif
