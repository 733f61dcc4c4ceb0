/* consumer_group.c - worker, part of stage 1: the group "workers" on every stream.
 *
 * In:      a connection, and which of the streams.
 * Out:     each of them has the group.
 * Fails:   like a connection; error replies other than "already there" and OOM end the attempt.
 * Thread:  the lane's.
 * Why so:  stream and group die together (FLUSHALL, DEL, a restart without persistence) and XADD brings back only the
 *          stream, so every reader makes the group at start, after every reconnect and after NOGROUP. All commands go
 *          out before the first reply is read: 256 partitions are then one round trip. A full Redis refuses XGROUP CREATE
 *          even where the group is there, and only workers make room in it: where it said so, a script that may run all
 *          the same asks again, or a stream filled before its first worker started would stay full for ever. */
#include "worker/consumer_group.h"

#include <stdlib.h>

#include "common/keys.h"
#include "common/strbuf.h"
#include "worker/scripts.h"

static bool create_send(struct link *l, const struct streams *streams, size_t first, size_t end,
                        struct err *err)
{
    for (size_t i = first; i < end; i++) {
        const char *argv[] = {"XGROUP", "CREATE", streams->items[i].key, KEYS_GROUP, "0", "MKSTREAM"};

        if (!link_send(l, 6, argv, NULL, err))
            return false;
    }
    return true;
}

/* One reply. *full: refused for lack of memory, whether or not the group is there. */
static bool create_confirm(struct link *l, bool *full, struct err *err)
{
    redisReply *r = link_receive(l, err);
    bool ok = r && (r->type != REDIS_REPLY_ERROR || link_error_is(r, "BUSYGROUP") || link_error_is(r, "OOM"));

    *full = r && link_error_is(r, "OOM");
    if (r && !ok)
        link_refused(l, r, "XGROUP CREATE", err);
    freeReplyObject(r);
    return ok;
}

/* Whatever it answers but silence is fine: a Redis that cannot run it says ERR, and the next read tells. */
static bool create_although_full(struct link *l, const char *key, struct err *err)
{
    redisReply *r = script_run(l, SCRIPT_CREATE_GROUP, 1, 2, (const char *[]){key, KEYS_GROUP}, NULL, err);
    bool ok = r != NULL;

    freeReplyObject(r);
    return ok;
}

bool consumer_group_create(struct link *l, const struct streams *streams, size_t first, size_t end,
                           struct err *err)
{
    bool *full = xcalloc(end - first + 1, sizeof(*full));
    bool ok = create_send(l, streams, first, end, err);

    for (size_t i = first; i < end && link_is_open(l); i++)
        ok = create_confirm(l, &full[i - first], ok ? err : &(struct err){0}) && ok;
    for (size_t i = first; i < end && ok; i++)
        ok = !full[i - first] || create_although_full(l, streams->items[i].key, err);
    free(full);
    return ok;
}
