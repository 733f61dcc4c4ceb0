/* reply.h - worker: replies of Redis in an arena instead of an allocation for each of their values.
 *
 * An entry of ten fields is a reply of 24 values, for which hiredis allocates and frees about 50 times. A reader set to an
 * arena builds the same redisReply out of the arena's memory; nothing of it is freed, it ends with arena_reset. */
#ifndef SHOPSTREAM_WORKER_REPLY_H
#define SHOPSTREAM_WORKER_REPLY_H

#include <hiredis/hiredis.h>

#include "common/arena.h"

/* From now on the reader's replies lie in arena (borrowed until the reader ends or is set back): never freeReplyObject
 * one. Between replies only. Returns how the reader made them before, for reply_as_before. When the arena is full, and at
 * what no Redis of ours sends, the reader fails as when there is no memory. */
redisReplyObjectFunctions *reply_in_arena(redisReader *reader, struct arena *arena);

void reply_as_before(redisReader *reader, redisReplyObjectFunctions *before);

#endif
