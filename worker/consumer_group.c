/* consumer_group.c - worker, part of stage 1: the group "workers" on every stream.
 *
 * In:      a connection and the table of streams.
 * Out:     every stream has the group.
 * Fails:   like a connection; error replies other than "already there" and OOM end the attempt.
 * Thread:  the lane's.
 * Why so:  stream and group die together (FLUSHALL, DEL, a restart without persistence) and XADD brings back only the
 *          stream, so every reader makes the group at start, after every reconnect and after NOGROUP. All commands go
 *          out before the first reply is read: 256 partitions are then one round trip. */
#include "worker/consumer_group.h"

#include "common/keys.h"

static bool create_send(struct link *l, const struct streams *streams, struct err *err)
{
    for (size_t i = 0; i < streams->count; i++) {
        const char *argv[] = {"XGROUP", "CREATE", streams->items[i].key, KEYS_GROUP, "0", "MKSTREAM"};

        if (!link_send(l, 6, argv, NULL, err))
            return false;
    }
    return true;
}

bool consumer_group_create(struct link *l, const struct streams *streams, struct err *err)
{
    bool ok = true;

    if (!create_send(l, streams, err))
        return false;
    for (size_t i = 0; i < streams->count; i++) {
        redisReply *r = link_receive(l, err);

        if (!r)
            return false;
        if (r->type == REDIS_REPLY_ERROR && !link_error_is(r, "BUSYGROUP") && !link_error_is(r, "OOM") &&
            ok) {
            ok = false;
            link_refused(l, r, "XGROUP CREATE", err);
        }
        freeReplyObject(r);
        if (!link_is_open(l))
            return false;
    }
    return ok;
}
