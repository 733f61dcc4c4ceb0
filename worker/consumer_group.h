/* consumer_group.h - worker, part of stage 1: the group "workers" on every stream. */
#ifndef SHOPSTREAM_WORKER_CONSUMER_GROUP_H
#define SHOPSTREAM_WORKER_CONSUMER_GROUP_H

#include <stdbool.h>

#include "common/err.h"
#include "worker/link.h"
#include "worker/streams.h"

/* Makes the group of streams first .. end - 1 where it is missing, at position 0 (never "$": what was stored before would be skipped), and the stream
 * with it, also when Redis is full. Already there is success; so is OOM from a Redis before 7.0, which hides the answer: a
 * group that is really missing shows as NOGROUP on the next read. False: Redis refused or is gone, err says. */
bool consumer_group_create(struct link *l, const struct streams *streams, size_t first, size_t end,
                           struct err *err) __attribute__((warn_unused_result));

#endif
