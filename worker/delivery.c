/* delivery.c - worker, part of stage 1: what Redis handed out, as messages.
 *
 * In:      entry replies: [id, [field, value ...]] of XREADGROUP and XCLAIM, with a delivery count behind it from the
 *          claim script, with two more numbers from servers that claim while they read.
 * Out:     messages.
 * Fails:   NULL for a nil body, which is reported data loss; the caller names the id. Code that goes straight to the
 *          fields crashes on exactly that reply.
 * Thread:  any. Pure. */
#include "worker/delivery.h"

#include <stdlib.h>

#include "common/strbuf.h"
#include "worker/group.h"

enum { FIELDS_FEW = 64 }; /* strings of an entry that is ours: at most 30 */

const char *delivery_id(const redisReply *entry)
{
    if (!entry || entry->type != REDIS_REPLY_ARRAY || entry->elements < 2)
        return NULL;
    return entry->element[0]->type == REDIS_REPLY_STRING ? entry->element[0]->str : NULL;
}

/* An entity's push only announces it; what is kept raw is kept for its body. */
static bool keep_body(const struct entry *e)
{
    return !group_is_entity(&e->platform, e->kind);
}

struct message *delivery_message(int stream, const redisReply *entry, size_t *body_bytes)
{
    const char *id = delivery_id(entry);
    const redisReply *body = id ? entry->element[1] : NULL;
    struct entry_text few[FIELDS_FEW], *many = NULL, *fields = few;
    struct message *m;
    size_t bytes = 0;

    if (!body || body->type != REDIS_REPLY_ARRAY)
        return NULL;
    if (body->elements > FIELDS_FEW)
        fields = many = xcalloc(body->elements, sizeof(*many));
    for (size_t i = 0; i < body->elements; i++) {
        fields[i] = (struct entry_text){body->element[i]->str, body->element[i]->len};
        bytes += body->element[i]->len;
    }
    m = message_new(stream, id, fields, body->elements, keep_body);
    free(many);
    if (body_bytes)
        *body_bytes = bytes;
    return m;
}
