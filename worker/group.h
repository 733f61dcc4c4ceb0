/* group.h - worker, stage 2 of 7: which entities do these events speak of?
 *
 * In:      messages of stage 1.
 * Out:     needs in the pool, one an entity (platform, shop, kind, id), every message kept in one; messages that are
 *          judged already (unreadable) go to settled. Kinds without a DTO yet become raw needs, state ANSWERED.
 * Fails:   never. Pure: no I/O, no clock besides the argument. */
#ifndef SHOPSTREAM_WORKER_GROUP_H
#define SHOPSTREAM_WORKER_GROUP_H

#include "worker/message.h"
#include "worker/need.h"

/* Empties incoming. mono_ms: now, monotonic. */
void group_fold(struct pool *pool, struct message_list *incoming, struct message_list *settled,
                int64_t mono_ms);

/* True for kinds that are fetched and written as entities by this version. Also decides which bodies are kept. */
bool group_is_entity(const struct entry_text *platform, enum entry_kind kind);

#endif
