/* keys.h - common: every Redis key of shopstream, in one place. The braces are cluster hash tags: all keys of one
 * partition live in one slot. Pure.
 *
 *   webhooks:{p}                       live stream of partition p, group "workers"
 *   webhooks:{p}:bulk                  reconcile/backfill stream, same group
 *   webhooks:{p}:trimmed, webhooks:{p}:bulk:trimmed  how many entries the safe trim has removed
 *   webhooks:{p}:dead                  dead letters
 *   webhooks:{p}:discarded             dead letters a person gave up, with the reason (audit)
 *   webhooks:{p}:seen:<key>:<kind>:<id>  dedupe mark (TTL), value = stream id of the first copy
 *   webhooks:{p}:worker:<name>         worker heartbeat (TTL)
 *   webhooks:layout                    how many partitions there are (layout.h)
 *   webhooks:server:<name>             admin address of a server, "host:port" */
#ifndef SHOPSTREAM_COMMON_KEYS_H
#define SHOPSTREAM_COMMON_KEYS_H

#include <stddef.h>

#define KEYS_GROUP  "workers" /* the consumer group on live and bulk */
#define KEYS_LAYOUT "webhooks:layout"
#define KEYS_SERVER "webhooks:server:" /* before a server's name */
#define KEYS_PARKED "parked"           /* fixed consumer name of entries that wait for their next try */

enum { KEYS_STREAM_MAX = 64 }; /* longest stream key incl. NUL */
enum { KEYS_PARTITIONS_MAX = 256 };

/* Partition of a shop: XXH-free FNV-1a 64 of "<platform>\0<shop>" modulo partitions (>= 1). Stable for ever. */
int keys_partition(const char *platform, size_t platform_length, const char *shop, size_t shop_length,
                   int partitions);

/* Each writes a NUL-terminated key into to (KEYS_STREAM_MAX bytes) and returns its length. */
size_t keys_live(char *to, int partition);
size_t keys_bulk(char *to, int partition);
size_t keys_dead(char *to, int partition);
size_t keys_trimmed(char *to, const char *stream); /* of a live or bulk stream's key */
size_t keys_discarded(char *to, int partition);

/* Heartbeat key of a worker's lane; to has size bytes; returns the length it has or would have. */
size_t keys_worker(char *to, size_t size, int partition, const char *name);

#endif
