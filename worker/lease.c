/* lease.c - worker: a lock in Redis that ends by itself.
 *
 * In:      an owner ("tiktok:7495540735365777507"), what is to be done ("token"), how long it may take at most.
 * Out:     ours, somebody else's, or unknown.
 * Fails:   UNKNOWN with a sentence when Redis does not answer.
 * Thread:  one; the link is the caller's.
 * Why so:  the end is counted on our own monotonic clock from before the question was sent, so a holder that was frozen
 *          sees that it has lost the lease without asking. A token tells ours from another's, and makes a take whose reply
 *          was lost repeatable. All three steps are scripts: SET alone is refused when Redis is full. */
#include "worker/lease.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/number.h"
#include "worker/scripts.h"

bool lease_init(struct lease *l, const char *owner, const char *what, int64_t ttl_ms)
{
    unsigned char random[LEASE_TOKEN_DIGITS / 2];
    int n;

    *l = (struct lease){.ttl_ms = ttl_ms};
    n = snprintf(l->key, sizeof(l->key), "lock:{%s}:%s", owner, what);
    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        fatalx("lease: no random bytes");
    for (size_t i = 0; i < sizeof(random); i++) {
        l->token[2 * i] = "0123456789abcdef"[random[i] >> 4];
        l->token[2 * i + 1] = "0123456789abcdef"[random[i] & 15];
    }
    return n > 0 && (size_t)n < sizeof(l->key);
}

/* Runs a script that answers 1 (ours) or 0. */
static enum lease_got ask(struct lease *l, struct link *link, enum script script, const char *doing,
                          struct err *err)
{
    int64_t until = clock_mono_ms() + l->ttl_ms;
    enum lease_got got = LEASE_UNKNOWN;
    char ttl[24];
    redisReply *r;

    number_format_i64(ttl, l->ttl_ms);
    r = script_run(link, script, 1, 3, (const char *[]){l->key, l->token, ttl}, NULL, err);
    if (r && r->type == REDIS_REPLY_INTEGER)
        got = r->integer == 1 ? LEASE_TAKEN : LEASE_ELSEWHERE;
    else if (r)
        link_refused(link, r, doing, err);
    freeReplyObject(r);
    if (got == LEASE_TAKEN)
        l->until_mono_ms = until;
    else if (got == LEASE_ELSEWHERE)
        l->until_mono_ms = 0;
    return got;
}

enum lease_got lease_take(struct lease *l, struct link *link, struct err *err)
{
    return ask(l, link, SCRIPT_SET_FREE, "taking a lease", err);
}

enum lease_got lease_renew(struct lease *l, struct link *link, struct err *err)
{
    return ask(l, link, SCRIPT_RENEW_SAME, "renewing a lease", err);
}

void lease_release(struct lease *l, struct link *link)
{
    struct err err = {0};
    redisReply *r;

    if (l->until_mono_ms == 0)
        return;
    l->until_mono_ms = 0;
    r = script_run(link, SCRIPT_DELETE_SAME, 1, 2, (const char *[]){l->key, l->token}, NULL, &err);
    if (!r)
        log_debug("lease not released, it ends by itself", LOG_S("key", l->key), LOG_S("err", err.text));
    freeReplyObject(r);
}

int64_t lease_left_ms(const struct lease *l)
{
    int64_t left = l->until_mono_ms - clock_mono_ms();

    return l->until_mono_ms == 0 || left < 0 ? 0 : left;
}
