/* guard.h - worker: the filters that keep an older state from overwriting a newer one. Pure BSON building.
 *
 *   ordinary   { _id, deleted_at: {$exists: false}, version: {$not: {$gt: V}},
 *                $nor: [{version: V, fetched_ms: {$gte: F, $lte: now + skew}}] }                       upsert: true
 *   revive     { _id, deleted_at: {$exists: true}, $nor: [{fetched_ms: {$gte: F, $lte: now + skew}}] } upsert: false
 *   tombstone  { _id, $nor: [{fetched_ms: {$gte: F, $lte: now + skew}}] }                              upsert: false
 *   version-only  ordinary plus content_hash: H                                                        upsert: false */
#ifndef SHOPSTREAM_WORKER_GUARD_H
#define SHOPSTREAM_WORKER_GUARD_H

#include <bson/bson.h>
#include <stdbool.h>
#include <stdint.h>

enum guard { GUARD_ORDINARY, GUARD_REVIVE, GUARD_TOMBSTONE, GUARD_VERSION_ONLY };

/* Appends the filter to an empty document. hash: GUARD_VERSION_ONLY only. False: it does not fit into BSON. */
bool guard_filter(bson_t *to, enum guard g, const char *doc_id, int64_t version, int64_t fetched_ms,
                  int64_t horizon_ms /* now + skew */, const char *hash) __attribute__((warn_unused_result));

#endif
