/* test_limit.c - rate limits: never more than allowed, hardly less, shared by everybody, live work first. */
#include "worker/limit.h"

#include <pthread.h>

#include "common/clock.h"
#include "common/number.h"
#include "tests/unit/redis_server.h"

enum { TAKERS = 8, GRANTS_MAX = 4000, RUN_MS = 12000, NOISE_MS = 60 };

static struct config limits(int64_t app_tiktok, int64_t app_shopee, int64_t shop_tiktok)
{
    return (struct config){.platform_rate_limit_tiktok = app_tiktok,
                           .platform_rate_limit_shopee = app_shopee,
                           .shop_rate_limit_tiktok = shop_tiktok,
                           .sync_rate_share = 50};
}

static int64_t take(struct limiter *l, const char *platform, const char *shop, bool background)
{
    struct err err = {0};
    int64_t wait = limit_take(l, platform, shop, background, &err);

    if (wait < 0)
        CHECK_TEXT(err.text, "an answer");
    return wait;
}

/* --- many takers ---------------------------------------------------------------------------------------------- */

/* When calls went out, monotonic ms; all takers of one limit write here. */
struct grants {
    pthread_mutex_t lock;
    int64_t at_ms[GRANTS_MAX];
    size_t count;
};

struct taker {
    pthread_t thread;
    const struct redis_url *url;
    const struct config *config;
    const char *platform, *shop;
    bool background;
    int64_t until_ms;
    struct grants *grants;
};

static void *taker_run(void *arg)
{
    struct taker *t = arg;
    struct link *link = link_new(t->url, "taker", 5000);
    struct limiter *l = limiter_new(t->config, link);

    while (clock_mono_ms() < t->until_ms) {
        int64_t wait = limit_take(l, t->platform, t->shop, t->background, NULL);

        if (wait == 0) {
            pthread_mutex_lock(&t->grants->lock);
            if (t->grants->count < GRANTS_MAX)
                t->grants->at_ms[t->grants->count++] = clock_mono_ms();
            pthread_mutex_unlock(&t->grants->lock);
        } else if (wait > 0) {
            wait_ms(wait);
        }
    }
    limiter_free(l);
    link_free(link);
    return NULL;
}

static void takers_start(struct taker *t, size_t count)
{
    for (size_t i = 0; i < count; i++)
        CHECK_INT(pthread_create(&t[i].thread, NULL, taker_run, &t[i]), 0);
}

static void takers_join(struct taker *t, size_t count)
{
    for (size_t i = 0; i < count; i++)
        pthread_join(t[i].thread, NULL);
}

static int by_time(const void *a, const void *b)
{
    return (*(const int64_t *)a > *(const int64_t *)b) - (*(const int64_t *)a < *(const int64_t *)b);
}

/* No stretch of time has more calls than the pace and the burst of 102 % a minute allow; then no minute has, either. */
static void check_never_more(struct grants *g, int64_t per_minute)
{
    qsort(g->at_ms, g->count, sizeof(g->at_ms[0]), by_time);
    for (size_t i = 0; i < g->count; i++) {
        for (size_t j = i; j < g->count; j++) {
            int64_t span = g->at_ms[j] - g->at_ms[i] + NOISE_MS;

            CHECK((int64_t)(j - i + 1) * 3000000 <= span * per_minute * 50 + per_minute * 60000 + 3000000);
        }
    }
}

static void check_used(const struct grants *g, int64_t per_minute, int64_t ms, int64_t percent)
{
    int64_t wanted = per_minute * ms / 60000 * percent / 100;

    if ((int64_t)g->count < wanted)
        CHECK_INT(g->count, wanted);
}

TEST(many_takers_never_exceed_a_limit_and_use_nearly_all_of_it)
{
    static struct grants a = {.lock = PTHREAD_MUTEX_INITIALIZER}, b = {.lock = PTHREAD_MUTEX_INITIALIZER};
    static struct taker takers[2 * TAKERS];
    struct config config = limits(100, 300, 0);
    struct redis_server s;

    redis_server_start(&s);
    for (size_t i = 0; i < 2 * (size_t)TAKERS; i++)
        takers[i] = (struct taker){.url = &s.url,
                                   .config = &config,
                                   .platform = i % 2 ? "shopee" : "tiktok",
                                   .shop = i % 4 < 2 ? "1" : "2",
                                   .until_ms = clock_mono_ms() + RUN_MS,
                                   .grants = i % 2 ? &b : &a};
    takers_start(takers, 2 * (size_t)TAKERS);
    takers_join(takers, 2 * (size_t)TAKERS);
    check_never_more(&a, 100);
    check_never_more(&b, 300);
    check_used(&a, 100, RUN_MS, 90);
    check_used(&b, 300, RUN_MS, 90);
    redis_server_stop(&s);
}

TEST(background_gets_its_share_beside_live_work_that_does_not_wait)
{
    static struct grants live = {.lock = PTHREAD_MUTEX_INITIALIZER},
                         background = {.lock = PTHREAD_MUTEX_INITIALIZER};
    static struct taker takers[2];
    struct config config = limits(1200, 0, 0);
    struct redis_server s;
    struct link *link;
    struct limiter *l;
    int64_t until = clock_mono_ms() + 4000;

    redis_server_start(&s);
    link = link_new(&s.url, "live", 5000);
    l = limiter_new(&config, link);
    for (size_t i = 0; i < 2; i++)
        takers[i] = (struct taker){.url = &s.url,
                                   .config = &config,
                                   .platform = "tiktok",
                                   .shop = "1",
                                   .background = true,
                                   .until_ms = until,
                                   .grants = &background};
    takers_start(takers, 2);
    while (clock_mono_ms() < until) { /* a call every 200 ms is a quarter of the limit */
        if (take(l, "tiktok", "2", false) == 0)
            live.count++;
        wait_ms(200);
    }
    takers_join(takers, 2);
    CHECK(live.count >= 15);
    check_never_more(&background, 1200);
    CHECK(background.count <= 1200 / 15 / 2 + 1200 / 50 + 2); /* half of 4 s, and the slack */
    check_used(&background, 600, 4000, 75);
    limiter_free(l);
    link_free(link);
    redis_server_stop(&s);
}

/* --- one taker ------------------------------------------------------------------------------------------------ */

struct one {
    struct redis_server s;
    struct config config;
    struct limiter *l;
};

static void one_start(struct one *o, struct config config)
{
    redis_server_start(&o->s);
    o->config = config;
    o->l = limiter_new(&o->config, o->s.ask);
}

static void one_stop(struct one *o)
{
    limiter_free(o->l);
    redis_server_stop(&o->s);
}

/* Calls that go out at once until the first is refused. */
static int at_once(struct one *o, const char *platform, const char *shop, bool background)
{
    int n = 0;

    while (n < 1000 && take(o->l, platform, shop, background) == 0)
        n++;
    return n;
}

static int64_t field(struct one *o, const char *key, const char *name)
{
    redisReply *r = redis_ask(&o->s, "HGET %s %s", key, name);
    int64_t n = -1;

    if (r->type == REDIS_REPLY_STRING)
        CHECK(number_i64(r->str, r->len, &n));
    freeReplyObject(r);
    return n;
}

TEST(a_shop_that_is_refused_costs_the_app_and_the_others_nothing)
{
    struct one o;
    int64_t before;

    one_start(&o, limits(600, 0, 1));
    CHECK(at_once(&o, "tiktok", "1", false) >= 1);
    before = field(&o, "limit:{tiktok}:app", "tat");
    CHECK(take(o.l, "tiktok", "1", false) > 0);
    CHECK_INT(field(&o, "limit:{tiktok}:app", "tat"), before);
    CHECK_INT(field(&o, "limit:{tiktok}:app", "waiting"),
              -1); /* nor does its waiting stop their background work */
    CHECK_INT(take(o.l, "tiktok", "2", false), 0);
    one_stop(&o);
}

TEST(two_shops_share_the_limit_of_the_app)
{
    struct one o;
    int64_t wait;

    one_start(&o, limits(100, 0, 0));
    CHECK_INT(at_once(&o, "tiktok", "1", false), 2); /* itself and 1.2 s of 2 % */
    wait = take(o.l, "tiktok", "2", false);
    CHECK(wait > 400 && wait <= 607);
    CHECK(take(o.l, "tiktok", "1", false) > 400);
    wait_ms(wait);
    CHECK_INT(take(o.l, "tiktok", "2", false), 0);
    CHECK(take(o.l, "tiktok", "1", false) > 0);
    one_stop(&o);
}

TEST(small_limits_let_one_call_go_at_once)
{
    struct one o;

    one_start(&o, limits(10, 1, 0));
    CHECK_INT(at_once(&o, "tiktok", "1", false), 1);
    CHECK_INT(at_once(&o, "shopee", "1", false), 1);
    CHECK(take(o.l, "shopee", "1", false) > 25000);
    one_stop(&o);
}

TEST(background_waits_while_live_work_waits)
{
    struct one o;
    int64_t wait, mark;

    one_start(&o, limits(600, 0, 0));
    CHECK(at_once(&o, "tiktok", "1", false) > 1);
    wait = take(o.l, "tiktok", "1", false);
    CHECK(wait > 0);
    mark = take(o.l, "tiktok", "2", true);
    CHECK(mark > wait); /* longer than the limit itself asks for */
    wait_ms(wait);
    CHECK(take(o.l, "tiktok", "2", true) > 0); /* there is room, and it is kept for the one who waits */
    CHECK_INT(take(o.l, "tiktok", "1", false), 0);
    for (int i = 0; i < 400 && take(o.l, "tiktok", "2", true) > 0; i++)
        wait_ms(10);
    CHECK_INT(field(&o, "limit:{tiktok}:app", "share") > 0,
              1); /* nobody waits any more: the mark has ended */
    one_stop(&o);
}

TEST(background_alone_may_use_all_of_a_limit)
{
    struct one o;
    int alone;

    one_start(&o, limits(6000, 0, 0));
    alone = at_once(&o, "tiktok", "1", true);
    CHECK(alone >= 119);
    CHECK_INT(field(&o, "limit:{tiktok}:app", "share"), -1);
    one_stop(&o);
}

TEST(a_pause_holds_for_everybody_and_halves_the_pace_for_a_minute)
{
    struct one o;
    struct err err = {0};
    int64_t first, second, wait;

    one_start(&o, limits(100, 0, 100));
    CHECK(limit_pause(o.l, "tiktok", NULL, 300, &err));
    wait = take(o.l, "tiktok", "1", false);
    CHECK(wait > 200 && wait <= 300);
    CHECK(take(o.l, "tiktok", "2", true) > 200);
    CHECK(limit_pause(o.l, "tiktok", NULL, 10, &err)); /* a shorter one does not end it */
    CHECK(take(o.l, "tiktok", "1", false) > 100);
    wait_ms(wait);
    CHECK_INT(take(o.l, "tiktok", "1", false), 0);
    first = field(&o, "limit:{tiktok}:app", "tat");
    while ((wait = take(o.l, "tiktok", "1", false)) > 0)
        wait_ms(wait);
    second = field(&o, "limit:{tiktok}:app", "tat");
    CHECK(second - first > 1150000 && second - first <= 1213000); /* 606 ms a call, nearly doubled */
    one_stop(&o);
}

TEST(a_pause_of_one_shop_does_not_hold_the_others)
{
    struct one o;
    struct err err = {0};

    one_start(&o, limits(6000, 0, 100));
    CHECK(limit_pause(o.l, "tiktok", "1", 60000, &err));
    CHECK(take(o.l, "tiktok", "1", false) > 50000);
    CHECK_INT(take(o.l, "tiktok", "2", false), 0);
    CHECK(REDIS_INT(&o.s, "PTTL limit:{tiktok}:shop:1") > 60000);
    one_stop(&o);
}

TEST(keys_end_by_themselves)
{
    struct one o;

    one_start(&o, limits(100, 0, 5));
    CHECK_INT(take(o.l, "tiktok", "1", false), 0);
    CHECK(REDIS_INT(&o.s, "PTTL limit:{tiktok}:app") > 60000);
    CHECK(REDIS_INT(&o.s, "PTTL limit:{tiktok}:app") <= 121000);
    CHECK(REDIS_INT(&o.s, "PTTL limit:{tiktok}:shop:1") > 60000);
    one_stop(&o);
}

TEST(a_clock_of_redis_that_jumped_back_holds_nobody_for_long)
{
    struct one o;

    one_start(&o, limits(100, 0, 0));
    CHECK_INT(take(o.l, "tiktok", "1", false), 0);
    REDIS_DO(&o.s,
             "HSET limit:{tiktok}:app tat 9000000000000000 share 9000000000000000 live 9000000000000000");
    REDIS_DO(&o.s, "HSET limit:{tiktok}:app waiting 9000000000000000 paused 9000000000000000");
    CHECK(take(o.l, "tiktok", "1", false) <= 2 * 607);
    REDIS_DO(&o.s, "HDEL limit:{tiktok}:app waiting");
    CHECK(take(o.l, "tiktok", "1", true) <= 2 * 607);
    one_stop(&o);
}

TEST(without_limits_redis_is_not_asked)
{
    struct redis_url url = {.path = "./nobody.sock"};
    struct link *link = link_new(&url, "test", 1000);
    struct config config = limits(0, 100, 0);
    struct limiter *l = limiter_new(&config, link);
    struct err err = {0};

    CHECK_INT(limit_take(l, "tiktok", "1", false, &err), 0);
    CHECK_INT(limit_take(l, "lazada", "1", false, &err), 0);
    CHECK(!limit_pause(l, "tiktok", "1", 1000, &err));
    CHECK_INT(err.domain, ERR_CONFIG);
    CHECK(limit_take(l, "shopee", "1", false, &err) < 0);
    CHECK_INT(err.domain, ERR_REDIS);
    limiter_free(l);
    link_free(link);
}

TEST(works_when_redis_is_full)
{
    struct one o;
    struct err err = {0};

    one_start(&o, limits(100, 0, 5));
    REDIS_DO(&o.s, "CONFIG SET maxmemory 1");
    CHECK_INT(take(o.l, "tiktok", "1", false), 0);
    CHECK(limit_pause(o.l, "tiktok", "1", 1000, &err));
    one_stop(&o);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(
        argc, argv, CASE(many_takers_never_exceed_a_limit_and_use_nearly_all_of_it),
        CASE(background_gets_its_share_beside_live_work_that_does_not_wait),
        CASE(a_shop_that_is_refused_costs_the_app_and_the_others_nothing),
        CASE(two_shops_share_the_limit_of_the_app), CASE(small_limits_let_one_call_go_at_once),
        CASE(background_waits_while_live_work_waits), CASE(background_alone_may_use_all_of_a_limit),
        CASE(a_pause_holds_for_everybody_and_halves_the_pace_for_a_minute),
        CASE(a_pause_of_one_shop_does_not_hold_the_others), CASE(keys_end_by_themselves),
        CASE(a_clock_of_redis_that_jumped_back_holds_nobody_for_long),
        CASE(without_limits_redis_is_not_asked), CASE(works_when_redis_is_full));
}
