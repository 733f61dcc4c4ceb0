/* limit.c - worker: rate limits shared by all pods.
 *
 * In:      platform, shop, live or background.
 * Out:     0 = send now, else how many ms to wait.
 * Fails:   < 0 with a sentence when Redis does not answer: then nobody knows what the others send.
 * Thread:  one lane's or thread's; the buckets belong to all.
 * Why so:  a bucket is one instant (when it would be empty: GCRA), which one script moves by a step per call. Callers poll, so
 *          they come late; up to `slack` of lateness is made up by the next calls, beyond it the time is lost. Slack is
 *          what 2 % of a minute's calls leave beside the call itself, at least half a step, at most a fifth of a second
 *          for a limit that is told per second. The step is 1 % longer than the limit's own: so many calls may reach the
 *          platform late and closer together without passing 102 % in its sliding minute. */
#include "worker/limit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/number.h"
#include "common/strbuf.h"
#include "worker/scripts.h"

enum {
    MINUTE_US = 60000000,
    PACE_PERCENT = 99, /* of the limit: the rest is for calls that arrive closer together than they left */
    BURST_PERCENT = 2, /* of a minute's calls may come at once */
    SHOP_SLACK_US =
        200000, /* most lateness a shop's bucket makes up: more would be a burst inside one second */
    LIMIT_KEY_MAX = 320,
    PAUSE_LONGEST_MS = 86400000,
};

/* What the script is told about one limit, microseconds; step 0 = no limit. */
struct pace {
    int64_t step;  /* between two calls */
    int64_t slack; /* so much lateness is made up */
};

/* One platform's limits. */
struct platform_limit {
    const char *name; /* literal */
    struct pace app;
    struct pace shop;
};

enum { PLATFORMS = 2 };

struct limiter {
    struct link *link;                          /* borrowed */
    struct platform_limit platforms[PLATFORMS]; /* as configured */
    int64_t share;                              /* SYNC_RATE_SHARE, percent */
};

static struct pace pace_of(int64_t per_minute, int64_t slack_most)
{
    struct pace p = {0};
    int64_t burst;

    if (per_minute <= 0)
        return p;
    p.step = MINUTE_US * (int64_t)100 / PACE_PERCENT / per_minute;
    p.step = p.step > 0 ? p.step : 1;
    burst = p.step * per_minute * BURST_PERCENT / 100 - p.step;
    p.slack = burst > slack_most ? slack_most : burst;
    p.slack = p.slack < p.step / 2 ? p.step / 2 : p.slack;
    return p;
}

struct limiter *limiter_new(const struct config *config, struct link *link)
{
    struct limiter *l = xcalloc(1, sizeof(*l));

    l->link = link;
    l->share = config->sync_rate_share > 0 ? config->sync_rate_share : 100;
    l->platforms[0] =
        (struct platform_limit){"tiktok", pace_of(config->platform_rate_limit_tiktok, MINUTE_US),
                                pace_of(config->shop_rate_limit_tiktok * 60, SHOP_SLACK_US)};
    l->platforms[1] =
        (struct platform_limit){"shopee", pace_of(config->platform_rate_limit_shopee, MINUTE_US),
                                pace_of(config->shop_rate_limit_shopee * 60, SHOP_SLACK_US)};
    return l;
}

void limiter_free(struct limiter *l)
{
    free(l);
}

/* NULL: nothing limits this platform. */
static const struct platform_limit *limits_of(const struct limiter *l, const char *platform)
{
    for (size_t i = 0; i < PLATFORMS; i++) {
        const struct platform_limit *p = &l->platforms[i];

        if (strcmp(p->name, platform) == 0)
            return p->app.step > 0 || p->shop.step > 0 ? p : NULL;
    }
    return NULL;
}

/* The script's reply as a wait; -1: err. */
static int64_t wait_of(struct limiter *l, const redisReply *r, struct err *err)
{
    if (r && r->type == REDIS_REPLY_INTEGER && r->integer >= 0)
        return r->integer;
    if (r)
        link_refused(l->link, r, "rate limit", err);
    return -1;
}

int64_t limit_take(struct limiter *l, const char *platform, const char *shop, bool background,
                   struct err *err)
{
    const struct platform_limit *p = limits_of(l, platform);
    char app_key[LIMIT_KEY_MAX], shop_key[LIMIT_KEY_MAX], numbers[5][24];
    redisReply *r;
    int64_t wait;

    if (!p)
        return 0;
    snprintf(app_key, sizeof(app_key), "limit:{%s}:app", platform);
    snprintf(shop_key, sizeof(shop_key), "limit:{%s}:shop:%s", platform, shop);
    number_format_i64(numbers[0], p->app.step);
    number_format_i64(numbers[1], p->app.slack);
    number_format_i64(numbers[2], p->shop.step);
    number_format_i64(numbers[3], p->shop.slack);
    number_format_i64(numbers[4], l->share);
    r = script_run(l->link, SCRIPT_LIMIT_TAKE, 2, 8,
                   (const char *[]){app_key, shop_key, numbers[0], numbers[1], numbers[2], numbers[3],
                                    background ? "1" : "0", numbers[4]},
                   NULL, err);
    wait = wait_of(l, r, err);
    freeReplyObject(r);
    return wait;
}

bool limit_pause(struct limiter *l, const char *platform, const char *shop, int64_t pause_ms, struct err *err)
{
    char key[LIMIT_KEY_MAX], pause[24];
    redisReply *r;
    bool ok;

    if (!limits_of(l, platform)) {
        err_set(err, ERR_CONFIG, 0, "no rate limit of %s is set: nothing is shared", platform);
        return false;
    }
    if (shop)
        snprintf(key, sizeof(key), "limit:{%s}:shop:%s", platform, shop);
    else
        snprintf(key, sizeof(key), "limit:{%s}:app", platform);
    pause_ms = pause_ms < 0 ? 0 : pause_ms > PAUSE_LONGEST_MS ? PAUSE_LONGEST_MS : pause_ms;
    number_format_i64(pause, pause_ms * 1000);
    r = script_run(l->link, SCRIPT_LIMIT_PAUSE, 1, 2, (const char *[]){key, pause}, NULL, err);
    ok = wait_of(l, r, err) >= 0;
    freeReplyObject(r);
    return ok;
}
