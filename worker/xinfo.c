/* xinfo.c - worker and tool: what XINFO answers. Contract and reasons: xinfo.h. */
#include "worker/xinfo.h"

#include <string.h>

#include "common/keys.h"
#include "common/number.h"
#include "worker/scripts.h"

const redisReply *xinfo_member(const redisReply *flat, const char *name)
{
    for (size_t i = 0; flat->type == REDIS_REPLY_ARRAY && i + 1 < flat->elements; i += 2) {
        const redisReply *value = flat->element[i + 1];

        if (flat->element[i]->type == REDIS_REPLY_STRING && strcmp(flat->element[i]->str, name) == 0)
            return value->type == REDIS_REPLY_NIL ? NULL : value;
    }
    return NULL;
}

int64_t xinfo_number(const redisReply *flat, const char *name, int64_t absent)
{
    const redisReply *value = xinfo_member(flat, name);

    return value && value->type == REDIS_REPLY_INTEGER ? value->integer : absent;
}

const redisReply *xinfo_our_group(const redisReply *groups)
{
    for (size_t i = 0; groups->type == REDIS_REPLY_ARRAY && i < groups->elements; i++) {
        const redisReply *name = xinfo_member(groups->element[i], "name");

        if (name && name->type == REDIS_REPLY_STRING && strcmp(name->str, KEYS_GROUP) == 0)
            return groups->element[i];
    }
    return NULL;
}

/* How many entries stand behind the group's place; no more than XINFO_COUNTED are counted. False: err. */
static bool count_unread(struct link *l, const char *key, const redisReply *group, int64_t *n,
                         struct err *err)
{
    const redisReply *place = xinfo_member(group, "last-delivered-id");
    char most[24];
    redisReply *r;
    bool ok;

    number_format_i64(most, XINFO_COUNTED);
    r = script_run(l, SCRIPT_COUNT_BEHIND, 1, 3,
                   (const char *[]){key, place && place->str ? place->str : "0-0", most}, NULL, err);
    ok = r && r->type == REDIS_REPLY_INTEGER;
    if (ok)
        *n = r->integer;
    else if (r)
        link_refused(l, r, "XRANGE", err);
    freeReplyObject(r);
    return ok;
}

bool xinfo_group(struct link *l, const char *key, struct xinfo_group *out, struct err *err)
{
    redisReply *r = link_call(l, 3, (const char *[]){"XINFO", "GROUPS", key}, NULL, err);
    const redisReply *group = r ? xinfo_our_group(r) : NULL;
    bool ok = r != NULL;
    int64_t counted;

    if (r && r->type == REDIS_REPLY_ERROR && !(link_error_is(r, "ERR") && strstr(r->str, "no such key"))) {
        link_refused(l, r, "XINFO", err);
        ok = false;
    } else if (r && !group) {
        *out = (struct xinfo_group){0};
    } else if (group) {
        struct xinfo_group g = {true, xinfo_number(group, "lag", -1), xinfo_number(group, "pending", 0)};

        if (g.unread != 0 && (ok = count_unread(l, key, group, &counted, err)) && counted < XINFO_COUNTED)
            g.unread = counted;
        if (ok)
            *out = g;
    }
    freeReplyObject(r);
    return ok;
}
