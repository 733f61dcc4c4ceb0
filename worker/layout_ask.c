/* layout_ask.c - worker and tool: asks Redis for webhooks:layout. Contract: layout_ask.h. */
#include "worker/layout_ask.h"

#include "common/keys.h"

static bool unreadable(const char *why, struct err *err)
{
    err_set(err, ERR_CONFIG, 0,
            KEYS_LAYOUT
            " is not readable: %.120s; delete it, and running programs make it anew from what they know",
            why);
    return false;
}

/* One EVAL of the shared script. */
static bool ask(struct link *l, const struct layout *known, int change, struct layout *now,
                struct layout *before, struct err *err)
{
    struct layout_question q;
    redisReply *r;
    bool ok = false;

    layout_ask(&q, known, change);
    r = link_call(l, LAYOUT_ARGC, q.argv, NULL, err);
    if (r && r->type == REDIS_REPLY_STRING)
        ok = layout_read(r->str, (size_t)r->len, now, before) || unreadable(layout_why(r->str), err);
    else if (r)
        link_refused(l, r, KEYS_LAYOUT, err);
    freeReplyObject(r);
    return ok;
}

bool layout_ask_shared(struct link *l, const struct layout *known, struct layout *out, struct err *err)
{
    return ask(l, known, 0, out, NULL, err);
}

bool layout_ask_change(struct link *l, int in_use, const struct layout *known, struct layout *before,
                       struct layout *now, struct err *err)
{
    return ask(l, known, in_use, now, before, err);
}

bool layout_ask_look(struct link *l, const struct layout *known, struct layout *out, bool *there,
                     struct err *err)
{
    redisReply *r = link_call(l, 2, (const char *[]){"GET", KEYS_LAYOUT}, NULL, err);
    bool ok = r && r->type == REDIS_REPLY_NIL;

    if (ok)
        *out = *known;
    else if (r && r->type == REDIS_REPLY_STRING)
        ok = layout_read_record(r->str, (size_t)r->len, out) || unreadable(LAYOUT_SHAPE, err);
    else if (r && link_error_is(r, "WRONGTYPE"))
        ok = unreadable("it is no text", err);
    else if (r)
        link_refused(l, r, KEYS_LAYOUT, err);
    if (ok && there)
        *there = r->type == REDIS_REPLY_STRING;
    freeReplyObject(r);
    return ok;
}

/* Three questions for each partition; they leave in one piece. */
static bool send_exists(struct link *l, int from, struct err *err)
{
    char key[KEYS_STREAM_MAX];

    for (int p = from; p < KEYS_PARTITIONS_MAX; p++) {
        keys_live(key, p);
        if (!link_send(l, 2, (const char *[]){"EXISTS", key}, NULL, err))
            return false;
        keys_bulk(key, p);
        if (!link_send(l, 2, (const char *[]){"EXISTS", key}, NULL, err))
            return false;
        keys_dead(key, p);
        if (!link_send(l, 2, (const char *[]){"EXISTS", key}, NULL, err))
            return false;
    }
    return true;
}

bool layout_ask_streams(struct link *l, int from, int *most, struct err *err)
{
    if (!send_exists(l, from, err))
        return false;
    for (int i = 3 * from; i < 3 * KEYS_PARTITIONS_MAX; i++) {
        redisReply *r = link_receive(l, err);

        if (!r)
            return false;
        if (r->type == REDIS_REPLY_INTEGER && r->integer == 1)
            *most = i / 3 + 1;
        freeReplyObject(r);
    }
    return true;
}
