/* delivery.h - worker, part of stage 1: what Redis handed out, as messages. Pure. */
#ifndef SHOPSTREAM_WORKER_DELIVERY_H
#define SHOPSTREAM_WORKER_DELIVERY_H

#include <hiredis/hiredis.h>

#include "worker/message.h"

/* Id of one entry reply [id, [field, value ...], ...]; borrowed from it. NULL: not the shape of an entry. */
const char *delivery_id(const redisReply *entry);

/* Message of one entry reply, or NULL when its body is nil (deleted or trimmed: lost) or the shape is wrong. You own it.
 * body_bytes: bytes of all its fields, also of those not kept; may be NULL. */
struct message *delivery_message(int stream, const redisReply *entry, size_t *body_bytes);

#endif
