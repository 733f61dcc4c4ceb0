/* test_fetch.c - batching, bisection, carried calls, circuits and limits, against a fake marketplace. */
#include <stdlib.h>
#include <time.h>

#include "common/clock.h"
#include "common/metrics.h"
#include "common/strbuf.h"
#include "tests/harness.h"
#include "tests/unit/fake_market.h"
#include "worker/fetch.h"
#include "worker/limit.h"
#include "worker/refresh.h"
#include "worker/shop_internal.h"
#include "worker/streams.h"

/* One lane's stage 4 with everything around it. */
struct world {
    struct fake_market market;
    struct config config;
    char url[64];
    struct shop_cache *shops;
    struct fetcher *fetcher;
    struct pool *pool;
    struct arena *arena;
    struct redis_time time;
    const char *token; /* what the registry holds */
    bool mongo_away;
    int loads;               /* readings of the registry */
    struct streams *streams; /* NULL = everything is live */

    /* what the spies below were asked, and answer */
    int takes;             /* limit_take calls */
    int grants;            /* further calls that are allowed; < 0: all are */
    int background_grants; /* the same for background calls */
    int64_t wait_ms;       /* of a refusal; < 0: Redis is away */
    int pauses;            /* limit_pause calls */
    bool app_paused;       /* the last was for the app */
    int64_t pause_ms;      /* its length */
    int asked;             /* refresher_ask calls */
    uint64_t asked_print;  /* of the last */
};

static struct world w;
static char app_key[] = "k", app_secret[] = "s", empty[] = "", partner[] = "2001887";

/* Spies in place of limit.c and refresh.c: this file is about what stage 4 makes of their answers. */
int64_t limit_take(struct limiter *l, const char *platform, const char *shop, bool background,
                   struct err *err)
{
    int *grants = background ? &w.background_grants : &w.grants;

    (void)l;
    (void)platform;
    (void)shop;
    w.takes++;
    if (w.wait_ms < 0)
        err_set(err, ERR_REDIS, 0, "away");
    if (*grants == 0 || w.wait_ms < 0)
        return w.wait_ms;
    *grants -= *grants > 0;
    return 0;
}

bool limit_pause(struct limiter *l, const char *platform, const char *shop, int64_t pause_ms, struct err *err)
{
    (void)l;
    (void)platform;
    (void)err;
    w.pauses++;
    w.app_paused = !shop;
    w.pause_ms = pause_ms;
    return true;
}

void refresher_ask(struct refresher *refresher, const char *authorization, uint64_t print)
{
    (void)refresher;
    (void)authorization;
    w.asked++;
    w.asked_print = print;
}

/* Shops are registered but for "nobody", "off" (disabled) and "sealed" (token unreadable). The cipher is the id. */
static bool load(void *context, struct shop_cache *c, const char *platform, const char *const *ids,
                 size_t count, struct err *err)
{
    (void)context;
    w.loads++;
    if (w.mongo_away) {
        err_set(err, ERR_MONGO, 0, "away");
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        struct shop shop = {.platform = platform,
                            .shop_id = ids[i],
                            .cipher = ids[i],
                            .access_token = w.token,
                            .authorization = "tiktok:a",
                            .state = SHOP_ACTIVE};

        if (strcmp(ids[i], "nobody") == 0)
            continue;
        if (strcmp(ids[i], "off") == 0)
            shop.state = SHOP_DISABLED;
        if (strcmp(ids[i], "old") == 0 && strcmp(w.token, "new") != 0)
            shop.access_expires_ms = clock_now_ms() - 1;
        if (strcmp(ids[i], "sealed") == 0)
            shop.problem = "sealed token is malformed";
        shop_cache_put(c, &shop);
    }
    return true;
}

static struct limiter *const some_limiter = (struct limiter *)&w; /* never looked into */
static struct refresher *const some_refresher = (struct refresher *)&w;

static void begin_with(struct limiter *limiter, struct refresher *refresher)
{
    struct err err = {0};

    fake_start(&w.market);
    snprintf(w.url, sizeof w.url, "http://127.0.0.1:%d", w.market.port);
    w.config = (struct config){.tiktok_app_key = app_key,
                               .tiktok_app_secret = app_secret,
                               .tiktok_api_url = w.url,
                               .shopee_partner_id = partner,
                               .shopee_partner_key = app_secret,
                               .shopee_api_url = w.url,
                               .shopee_order_details_batch_size = 50,
                               .park_after_ms = 120000,
                               .ca_file = empty,
                               .tiktok_order_details_batch_size = 50,
                               .fetch_budget_ms = 2000,
                               .fetch_max_ids = 1000,
                               .fetch_shop_calls = 4,
                               .fetch_max_calls = 32,
                               .request_timeout_ms = 30000,
                               .read_max_entries = 10000,
                               .clock_skew_ms = 2000};
    w.token = "old";
    w.grants = w.background_grants = -1;
    w.shops = shop_cache_new(NULL, NULL, 60000);
    shop_cache_set_load(w.shops, load, NULL);
    w.fetcher = fetcher_new(&w.config, w.shops, limiter, refresher, w.streams, &err);
    CHECK_TEXT(err.text, "");
    w.pool = pool_new();
    w.arena = arena_new(1 << 16, 64u << 20);
    w.time = (struct redis_time){clock_now_ms(), clock_mono_ms()};
}

static void begin(void)
{
    begin_with(NULL, NULL);
}

static void end(void)
{
    fetcher_free(w.fetcher);
    pool_free(w.pool);
    arena_free(w.arena);
    shop_cache_free(w.shops);
    fake_stop(&w.market);
    CHECK_INT(metric_get(METRIC_WORKER_CIRCUITS_OPEN), 0);
}

static struct entry_text text(const char *s)
{
    return (struct entry_text){s, strlen(s)};
}

static bool no_body(const struct entry *e)
{
    (void)e;
    return false;
}

static int stream_of_add;     /* index the next need's message comes from */
static int64_t age_of_add_ms; /* how long ago it was stored */

static struct need *add_kind(const char *platform, const char *shop, const char *kind, const char *id)
{
    const struct entry_text fields[] = {
        text("v"),  text("1"),     text("platform"), text(platform),        text("shop"),
        text(shop), text("topic"), text("1"),        text("kind"),          text(kind),
        text("id"), text(id),      text("recv_ms"),  text("1767672000000"), text("key"),
        text("k"),  text("src"),   text("webhook"),  text("trace"),         text("t")};
    char stream_id[STREAM_ID_MAX];
    struct message *m;
    struct need *n;

    snprintf(stream_id, sizeof stream_id, "%lld-0", (long long)(clock_now_ms() - age_of_add_ms));
    m = message_new(stream_of_add, stream_id, fields, sizeof fields / sizeof fields[0], no_body);
    CHECK(m->readable);
    n = pool_add(w.pool, m, false);
    if (n->since_mono_ms == 0)
        n->since_mono_ms = clock_mono_ms();
    if (n->state == NEED_NEW)
        need_enter(w.pool, n, NEED_WAITING);
    return n;
}

static struct need *add(const char *shop, const char *id)
{
    return add_kind("tiktok", shop, "order", id);
}

static void add_many(const char *shop, int from, int count)
{
    char id[32];

    for (int i = from; i < from + count; i++) {
        snprintf(id, sizeof id, "%d", i);
        add(shop, id);
    }
}

/* What the needs of the pool have come to. */
struct sums {
    int waiting, calling, found, missing, gone, alone, parked;
    int deferred, counted; /* judged: RETRY without and with an attempt */
    int64_t least_delay, most_delay;
    char error[200]; /* of the last judged */
    char reason[20]; /* of the last parked */
};

static void sum(void *context, struct need *n)
{
    struct sums *s = context;
    struct message *m = n->messages.first;

    s->waiting += n->state == NEED_WAITING;
    s->calling += n->state == NEED_CALLING;
    if (n->state == NEED_ANSWERED) {
        s->found += n->answer.kind == ANSWER_FOUND;
        s->missing += n->answer.kind == ANSWER_MISSING;
        s->gone += n->answer.kind == ANSWER_GONE;
        s->parked += n->park_reason != NULL;
        if (n->park_reason)
            snprintf(s->reason, sizeof s->reason, "%s", n->park_reason);
        s->alone += n->answer.alone;
    }
    if (n->state != NEED_JUDGED)
        return;
    CHECK_INT(m->outcome, OUTCOME_RETRY);
    s->deferred += m->free_retry;
    s->counted += !m->free_retry;
    if (m->free_retry && (s->least_delay == 0 || m->retry_in_ms < s->least_delay))
        s->least_delay = m->retry_in_ms;
    if (m->retry_in_ms > s->most_delay)
        s->most_delay = m->retry_in_ms;
    snprintf(s->error, sizeof s->error, "%s", m->error);
}

static struct sums sums(void)
{
    struct sums s = {0};

    pool_each(w.pool, sum, &s);
    return s;
}

/* Stages 5 to 7: answered and judged needs leave the pool. */
static void leave(void *context, struct need *n)
{
    (void)context;
    if (n->state == NEED_ANSWERED)
        need_judge(w.pool, n, OUTCOME_DONE, DEAD_UNKNOWN, NULL);
    if (n->state != NEED_JUDGED)
        return;
    message_list_deinit(&n->messages);
    n->messages = (struct message_list){0};
    pool_remove(w.pool, n);
}

static void rest_of_turn(void)
{
    pool_each(w.pool, leave, NULL);
    fetch_release(w.fetcher);
    arena_reset(w.arena);
}

static struct sums turn(void)
{
    struct err err = {0};

    CHECK(fetch_missing(w.fetcher, w.pool, &w.time, w.arena, &err));
    return sums();
}

static void pause_ms(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

/* Turns until no call is under way; what was answered stays in the pool. */
static struct sums turns_until_idle(void)
{
    struct sums s = turn();

    for (int i = 0; i < 400 && (fetch_carried(w.fetcher) > 0 || s.calling > 0); i++) {
        pause_ms(10);
        arena_reset(w.arena);
        s = turn();
    }
    CHECK_INT(fetch_carried(w.fetcher), 0);
    return s;
}

/* --- cases ---------------------------------------------------------------------------------------- */

TEST(three_hundred_orders_of_one_shop_are_six_calls)
{
    struct sums s;

    begin();
    add_many("a", 1000, 300);
    s = turn();
    CHECK_INT(s.found, 300);
    CHECK_INT(s.alone, 0);
    CHECK_INT(fake_calls(&w.market, "a"), 6);
    CHECK_INT(fake_probes(&w.market), 0);
    CHECK_INT(w.loads, 1);
    rest_of_turn();
    CHECK_INT(pool_needs(w.pool), 0);
    end();
}

static void check_own_json(void *context, struct need *n)
{
    (void)context;
    CHECK_INT(n->answer.kind, ANSWER_FOUND);
    CHECK_TEXT(yyjson_get_str(yyjson_obj_get(n->answer.json, "id")), n->id);
    CHECK(n->answer.fetched_ms >= w.time.at_ms && n->answer.fetched_ms <= redis_time_now_ms(&w.time));
}

TEST(every_need_gets_its_own_entity_and_the_time_its_request_was_sent)
{
    begin();
    add_many("a", 1, 70);
    add_many("b", 1, 70);
    turn();
    pool_each(w.pool, check_own_json, NULL);
    rest_of_turn();
    end();
}

TEST(a_turn_asks_for_no_more_ids_than_allowed_and_for_full_batches)
{
    struct sums s;

    begin();
    w.config.fetch_max_ids = 120;
    add_many("a", 1, 200);
    s = turn();
    CHECK_INT(s.found, 100);
    CHECK_INT(s.waiting, 100);
    CHECK_INT(fake_calls(&w.market, "a"), 2);
    rest_of_turn();
    s = turn();
    CHECK_INT(s.found, 100);
    rest_of_turn();
    end();
}

TEST(the_fullest_shop_comes_first_unless_another_has_waited_too_long)
{
    begin();
    w.config.fetch_max_ids = 50;
    add_many("a", 1, 10);
    add_many("b", 1, 50);
    CHECK_INT(turn().found, 50);
    CHECK_INT(fake_calls(&w.market, "b"), 1);
    CHECK_INT(fake_calls(&w.market, "a"), 0);
    rest_of_turn();
    add_many("b", 100, 50);
    add("c", "1")->since_mono_ms -= 3000;
    turn();
    CHECK_INT(fake_calls(&w.market, "c"), 1);
    rest_of_turn();
    end();
}

TEST(ids_left_out_are_missing)
{
    struct sums s;

    begin();
    strcpy(fake_shop(&w.market, "a")->missing, "7");
    add_many("a", 1, 20);
    s = turn();
    CHECK_INT(s.found, 19);
    CHECK_INT(s.missing, 1);
    CHECK_INT(s.alone, 0);
    CHECK_INT(metric_get(METRIC_WORKER_FETCH_MISSING), 1);
    rest_of_turn();
    add("a", "7")->alone = true;
    add_many("a", 100, 3);
    s = turn();
    CHECK_INT(s.missing, 1);
    CHECK_INT(s.alone, 1);
    CHECK_INT(fake_calls(&w.market, "a"), 3); /* the single one for itself */
    rest_of_turn();
    end();
}

TEST(one_poisonous_id_is_found_by_halving)
{
    struct sums s;

    begin();
    strcpy(fake_shop(&w.market, "a")->poison, "13");
    add_many("a", 1, 16);
    w.config.fetch_shop_calls = 1; /* in order, so that the count is exact */
    s = turn();
    CHECK_INT(s.found, 15);
    CHECK_INT(s.counted, 1);
    CHECK_INT(s.deferred, 0);
    CHECK(strstr(s.error, "36009004"));
    CHECK_INT(fake_calls(&w.market, "a"), 9); /* 16, 8 8, 4 4, 2 2, 1 1 */
    CHECK(fake_probes(&w.market) <= 1);       /* 4, 2 and 1 fail in a row */
    rest_of_turn();
    end();
}

TEST(poison_among_fifty_asks_concurrently_and_blames_nobody_else)
{
    struct sums s;

    begin();
    strcpy(fake_shop(&w.market, "a")->poison, "1");
    add_many("a", 1, 50);
    s = turns_until_idle();
    CHECK_INT(s.found, 49);
    CHECK_INT(s.counted, 1);
    CHECK(fake_calls(&w.market, "a") <= 13);
    CHECK(fake_probes(&w.market) <= 1);
    rest_of_turn();
    end();
}

TEST(an_id_that_fails_alone_is_blamed_when_the_probe_is_good)
{
    struct sums s;

    begin();
    strcpy(fake_shop(&w.market, "a")->poison, "1");
    add("a", "1");
    s = turn();
    CHECK_INT(s.counted, 1);
    CHECK_INT(fake_calls(&w.market, "a"), 1);
    CHECK_INT(fake_probes(&w.market), 1);
    rest_of_turn();
    end();
}

TEST(a_shop_that_answers_only_500_opens_its_circuit_and_nobody_is_blamed)
{
    struct sums s;

    begin();
    FAKE_SET(&w.market, "a", detail, FAKE_500);
    w.market.probe = FAKE_500;
    add_many("a", 1, 120);
    add_many("b", 1, 20);
    s = turn();
    CHECK_INT(s.found, 20);
    CHECK_INT(s.deferred, 120);
    CHECK_INT(s.counted, 0);
    CHECK(s.least_delay >= 3750 && s.most_delay <= 7250);
    CHECK(fake_calls(&w.market, "a") <= 8);
    CHECK_INT(fake_probes(&w.market), 1);
    CHECK_INT(metric_get(METRIC_WORKER_CIRCUITS_OPEN), 1);
    rest_of_turn();
    add_many("a", 1, 5); /* while it is open: no call at all */
    s = turn();
    CHECK_INT(s.deferred, 5);
    CHECK_INT(fake_probes(&w.market), 1);
    CHECK(fake_calls(&w.market, "a") <= 8);
    rest_of_turn();
    end();
}

TEST(half_open_a_good_probe_comes_first_and_closes_the_circuit)
{
    struct sums s;

    begin();
    FAKE_SET(&w.market, "a", detail, FAKE_500);
    w.market.probe = FAKE_500;
    add("a", "1");
    CHECK_INT(turn().deferred, 1);
    rest_of_turn();
    pthread_mutex_lock(&w.market.lock);
    w.market.probe = FAKE_GOOD;
    fake_shop(&w.market, "a")->detail = FAKE_GOOD;
    pthread_mutex_unlock(&w.market.lock);
    pause_ms(6300);
    add("a", "1");
    s = turn();
    CHECK_INT(s.found, 1);
    CHECK_INT(fake_probes(&w.market), 2);
    CHECK_INT(fake_calls(&w.market, "a"), 2);
    CHECK_INT(metric_get(METRIC_WORKER_CIRCUITS_OPEN), 0);
    rest_of_turn();
    end();
}

TEST(when_only_the_probe_works_no_more_than_a_few_ids_are_blamed)
{
    struct sums s;

    begin();
    FAKE_SET(&w.market, "a", detail, FAKE_500);
    add_many("a", 1, 50);
    s = turns_until_idle();
    CHECK(s.counted <= 3);
    CHECK_INT(s.counted + s.deferred, 50);
    CHECK_INT(metric_get(METRIC_WORKER_CIRCUITS_OPEN), 1);
    rest_of_turn();
    end();
}

TEST(a_hanging_shop_is_carried_long_before_the_budget_ends_and_costs_that_once)
{
    int64_t start;
    struct sums s;

    begin();
    w.config.fetch_budget_ms = 5000;
    FAKE_SET(&w.market, "slow", detail, FAKE_HANG);
    add_many("slow", 1, 60);
    add_many("b", 1, 20);
    start = clock_mono_ms();
    s = turn();
    CHECK(clock_mono_ms() - start >= 90 &&
          clock_mono_ms() - start < 2500); /* as long as answers usually take, times four */
    CHECK_INT(s.found, 20);
    CHECK_INT(s.calling, 60);
    CHECK_INT(fetch_carried(w.fetcher), 2);
    rest_of_turn();
    add_many("slow", 100, 5); /* no new call for it */
    add_many("b", 100, 20);
    start = clock_mono_ms();
    s = turn();
    CHECK(clock_mono_ms() - start < 150);
    CHECK_INT(s.found, 20);
    CHECK_INT(s.waiting, 5);
    CHECK_INT(fake_calls(&w.market, "slow"), 2);
    fetch_abort(w.fetcher, w.pool);
    CHECK_INT(sums().waiting, 65);
    CHECK_INT(fetch_carried(w.fetcher), 0);
    rest_of_turn();
    end();
}

TEST(a_carried_call_that_ends_is_taken_and_new_ones_go_out)
{
    struct sums s;

    begin();
    w.config.fetch_budget_ms = 100;
    w.config.request_timeout_ms = 400; /* ends the hanging call */
    FAKE_SET(&w.market, "a", detail, FAKE_HANG);
    add("a", "1");
    s = turn();
    CHECK_INT(s.calling, 1);
    rest_of_turn();
    FAKE_SET(&w.market, "a", detail, FAKE_GOOD);
    add("a", "2");
    pause_ms(500);
    s = turns_until_idle();
    CHECK_INT(s.counted, 1); /* it timed out alone, and the probe was good */
    CHECK(s.found == 1 || s.waiting == 1);
    s = turns_until_idle();
    CHECK_INT(s.found, 1);
    rest_of_turn();
    end();
}

TEST(an_entity_under_way_is_not_asked_for_twice)
{
    struct sums s;

    begin();
    w.config.fetch_budget_ms = 100;
    FAKE_SET(&w.market, "a", detail, FAKE_HANG);
    add("a", "1");
    turn();
    rest_of_turn();
    add("a", "1"); /* a newer event of it: another need */
    CHECK_INT(pool_needs(w.pool), 2);
    s = turn();
    CHECK_INT(s.calling, 1);
    CHECK_INT(s.waiting, 1);
    CHECK_INT(fake_calls(&w.market, "a"), 1);
    rest_of_turn();
    end();
}

TEST(a_held_up_shop_keeps_a_fifth_of_the_pool)
{
    struct sums s;

    begin();
    w.config.fetch_budget_ms = 100;
    w.config.read_max_entries = 100;
    FAKE_SET(&w.market, "a", detail, FAKE_HANG);
    add("a", "1");
    turn();
    rest_of_turn();
    add_many("a", 100, 60);
    s = turn();
    CHECK_INT(s.waiting, 20);
    CHECK_INT(s.deferred, 40);
    CHECK_INT(s.least_delay, 5000);
    rest_of_turn();
    end();
}

TEST(a_short_limit_is_sat_out_and_other_shops_go_on)
{
    struct sums s;

    begin();
    FAKE_SET(&w.market, "a", detail, FAKE_LIMIT);
    strcpy(w.market.retry_after, "1");
    add_many("a", 1, 10);
    add_many("b", 1, 10);
    s = turn();
    CHECK_INT(s.found, 10);
    CHECK_INT(s.waiting, 10);
    CHECK_INT(fake_calls(&w.market, "a"), 1);
    rest_of_turn();
    s = turn(); /* too early: no call */
    CHECK_INT(s.waiting, 10);
    CHECK_INT(fake_calls(&w.market, "a"), 1);
    FAKE_SET(&w.market, "a", detail, FAKE_GOOD);
    pause_ms(1100);
    arena_reset(w.arena);
    s = turn();
    CHECK_INT(s.found, 10);
    rest_of_turn();
    end();
}

TEST(a_long_limit_goes_back_to_the_stream_without_an_attempt)
{
    struct sums s;

    begin();
    FAKE_SET(&w.market, "a", detail, FAKE_LIMIT);
    strcpy(w.market.retry_after, "30");
    w.config.fetch_shop_calls = 1;
    add_many("a", 1, 60);
    s = turn();
    CHECK_INT(s.deferred, 60);
    CHECK_INT(s.counted, 0);
    CHECK(s.least_delay >= 29000 && s.most_delay <= 31000);
    CHECK_INT(fake_calls(&w.market, "a"), 1);
    CHECK_INT(fake_probes(&w.market), 0);
    rest_of_turn();
    end();
}

TEST(a_redirect_is_not_followed)
{
    struct sums s;

    begin();
    FAKE_SET(&w.market, "a", detail, FAKE_REDIRECT);
    w.market.probe = FAKE_REDIRECT;
    add("a", "1");
    s = turn();
    CHECK_INT(s.deferred, 1);
    CHECK(strstr(s.error, "redirect"));
    CHECK_INT(w.market.followed, 0);
    rest_of_turn();
    end();
}

TEST(garbage_null_data_and_oversized_answers_blame_nobody)
{
    static const enum fake_mode modes[] = {FAKE_GARBAGE, FAKE_NULL, FAKE_BIG};
    static const char *const shops[] = {"a", "b", "c"};

    begin();
    w.market.probe = FAKE_500;
    for (size_t i = 0; i < 3; i++) {
        struct sums s;

        FAKE_SET(&w.market, shops[i], detail, modes[i]);
        add_many(shops[i], 1, 2);
        s = turns_until_idle();
        CHECK_INT(s.deferred, 2);
        CHECK_INT(s.counted, 0);
        rest_of_turn();
    }
    end();
}

TEST(shops_that_cannot_be_called_have_their_needs_parked_without_a_call)
{
    static const char *const shops[] = {"nobody", "off", "old", "sealed"};
    static const char *const why[] = {"unregistered", "disabled", "expired", "unusable"};

    begin();
    for (size_t i = 0; i < 4; i++) {
        struct sums s;

        add_many(shops[i], 1, 3);
        s = turn();
        CHECK_INT(s.parked, 3);
        CHECK_TEXT(s.reason, why[i]);
        rest_of_turn();
    }
    CHECK_INT(metric_get(METRIC_WORKER_FETCH_CALLS), 0);
    end();
}

TEST(a_refused_token_is_read_again_once)
{
    struct sums s;

    begin();
    FAKE_SET(&w.market, "a", detail, FAKE_TOKEN);
    add_many("a", 1, 3);
    s = turn();
    CHECK_INT(s.parked, 3); /* the same token is stored, and nobody refreshes it */
    CHECK_TEXT(s.reason, "refused");
    CHECK_INT(fake_calls(&w.market, "a"), 1);
    CHECK_INT(w.loads, 2);
    rest_of_turn();
    add("a", "1");
    CHECK_INT(turn().parked, 1); /* not tried again with it */
    CHECK_INT(fake_calls(&w.market, "a"), 1);
    rest_of_turn();
    w.token = "new"; /* shop put */
    shop_cache_forget(w.shops, "tiktok", "a");
    add("a", "1");
    CHECK_INT(turn().found, 1);
    rest_of_turn();
    end();
}

TEST(a_token_renewed_meanwhile_is_used_at_once)
{
    begin();
    FAKE_SET(&w.market, "a", detail, FAKE_TOKEN);
    add("a", "1");
    CHECK(shop_cache_get(w.shops, "tiktok", "a", NULL) != NULL); /* the old one lies in the cache */
    w.token = "new";
    CHECK_INT(turn().found, 1);
    CHECK_INT(fake_calls(&w.market, "a"), 2);
    rest_of_turn();
    end();
}

TEST(mongodb_away_is_told_and_needs_stay)
{
    struct err err = {0};

    begin();
    add_many("a", 1, 3);
    w.mongo_away = true;
    CHECK(!fetch_missing(w.fetcher, w.pool, &w.time, w.arena, &err));
    CHECK_TEXT(err.text, "away");
    CHECK_INT(sums().waiting, 3);
    arena_reset(w.arena);
    w.mongo_away = false;
    CHECK_INT(turn().found, 3);
    rest_of_turn();
    end();
}

TEST(a_probe_that_could_not_be_judged_is_sent_again)
{
    struct err err = {0};
    struct sums s;

    begin();
    strcpy(fake_shop(&w.market, "a")->poison, "1");
    add("a", "5"); /* the registry has been read */
    CHECK_INT(turn().found, 1);
    rest_of_turn();
    pause_ms(2); /* what was answered in the millisecond of the next call would speak for the shop */
    w.market.probe = FAKE_TOKEN;
    w.mongo_away = true;
    add("a", "1");
    CHECK(!fetch_missing(w.fetcher, w.pool, &w.time, w.arena, &err));
    CHECK_INT(fake_probes(&w.market), 1);
    CHECK_INT(sums().calling, 1);
    w.mongo_away = false;
    pthread_mutex_lock(&w.market.lock);
    w.market.probe = FAKE_GOOD;
    pthread_mutex_unlock(&w.market.lock);
    arena_reset(w.arena);
    s = turn();
    CHECK_INT(fake_probes(&w.market), 2);
    CHECK_INT(s.calling, 0);
    CHECK_INT(s.counted, 1);
    rest_of_turn();
    end();
}

TEST(an_unreachable_marketplace_opens_every_circuit)
{
    static char nowhere[] = "http://127.0.0.1:1";
    struct sums s;

    begin();
    w.config.tiktok_api_url = nowhere;
    for (int i = 0; i < 30; i++) {
        char shop[16];

        snprintf(shop, sizeof shop, "s%d", i);
        add_many(shop, 1, 3);
    }
    s = turns_until_idle();
    CHECK_INT(s.deferred, 90);
    CHECK_INT(s.counted, 0);
    CHECK_INT(metric_get(METRIC_WORKER_CIRCUITS_OPEN), 30);
    CHECK_INT(metric_get(METRIC_WORKER_FETCH_CALLS), 60); /* one call and one probe a shop */
    CHECK(!strstr(s.error, "access_token") && !strstr(s.error, "sign="));
    rest_of_turn();
    end();
}

TEST(answers_stay_until_their_needs_have_moved_on)
{
    begin();
    add("a", "1");
    turn();
    fetch_release(w.fetcher); /* MongoDB was away: the need is still ANSWERED */
    arena_reset(w.arena);
    pool_each(w.pool, check_own_json, NULL);
    rest_of_turn();
    end();
}

TEST(clocks_apart_are_noticed)
{
    begin();
    add("a", "1");
    turn();
    rest_of_turn();
    CHECK(fetch_clocks_agree(w.fetcher));
    pthread_mutex_lock(&w.market.lock);
    w.market.date_offset_s = 10;
    pthread_mutex_unlock(&w.market.lock);
    add("a", "2");
    turn();
    rest_of_turn();
    CHECK(!fetch_clocks_agree(w.fetcher));
    end();
}

TEST(many_small_shops_share_the_calls_of_a_lane)
{
    struct sums s;

    begin();
    w.config.fetch_max_calls = 3;
    w.config.fetch_shop_calls = 2;
    for (int i = 0; i < FAKE_SHOPS; i++) {
        char shop[16];

        snprintf(shop, sizeof shop, "s%d", i);
        add_many(shop, 1, 120);
    }
    s = turn();
    CHECK_INT(s.found, 960);
    CHECK_INT(metric_get(METRIC_WORKER_FETCH_CALLS), 3 * FAKE_SHOPS);
    rest_of_turn();
    end();
}

/* --- definite words about an id ------------------------------------------------------------------- */

TEST(an_id_denied_among_others_is_its_own_fault_without_a_probe)
{
    struct sums s;

    begin();
    strcpy(fake_shop(&w.market, "a")->denied, "13");
    add_many("a", 1, 16);
    s = turns_until_idle();
    CHECK_INT(s.found, 15);
    CHECK_INT(s.counted, 1);
    CHECK(strstr(s.error, "21008111"));
    CHECK_INT(fake_probes(&w.market), 0);
    CHECK_INT(metric_get(METRIC_WORKER_FETCH_DENIED), 5); /* 16, 8, 4, 2, 1 */
    rest_of_turn();
    end();
}

static void fault(const char *path, const char *code)
{
    pthread_mutex_lock(&w.market.lock);
    snprintf(w.market.fault_path, sizeof w.market.fault_path, "%s", path);
    snprintf(w.market.fault_code, sizeof w.market.fault_code, "%s", code);
    pthread_mutex_unlock(&w.market.lock);
}

TEST(an_id_that_no_longer_exists_is_gone)
{
    struct sums s;

    begin();
    fault("/product/", "12052032");
    add_kind("tiktok", "a", "product", "7");
    s = turn();
    CHECK_INT(s.gone, 1);
    CHECK_INT(s.counted + s.deferred, 0);
    rest_of_turn();
    end();
}

TEST(an_id_that_is_not_to_be_seen_yet_is_missing)
{
    struct sums s;

    begin();
    fault("get_order_detail", "error_not_found");
    add_kind("shopee", "4128", "order", "260518A7K2M9QX");
    s = turn();
    CHECK_INT(s.missing, 1);
    CHECK_INT(s.alone, 1);
    CHECK_INT(fake_probes(&w.market), 0);
    rest_of_turn();
    end();
}

TEST(an_endpoint_out_of_scope_parks_its_own_needs_only)
{
    struct sums s;

    begin();
    fault("/product/", "105005");
    add_kind("tiktok", "a", "product", "7");
    add_kind("tiktok", "a", "product", "8");
    add("a", "1");
    s = turn();
    CHECK_INT(s.parked, 2);
    CHECK_TEXT(s.reason, "scope");
    CHECK_INT(s.found, 1);
    rest_of_turn();
    fault("", "");
    add_kind("tiktok", "a", "product", "9"); /* not tried again at once */
    add("a", "2");
    s = turn();
    CHECK_INT(s.parked, 1);
    CHECK_INT(s.found, 1);
    rest_of_turn();
    end();
}

TEST(an_endpoint_that_is_down_costs_a_few_of_its_ids_an_attempt_and_others_nothing)
{
    struct sums s = {0};
    char id[16];

    begin();
    fault("/product/", "36009003");
    for (int i = 0; i < 20; i++) {
        snprintf(id, sizeof id, "%d", i);
        add_kind("tiktok", "a", "product", id);
    }
    add_many("a", 1, 60);
    s = turns_until_idle();
    CHECK_INT(s.found, 60);
    CHECK(s.counted >= 1 && s.counted <= 3);
    CHECK_INT(s.counted + s.deferred, 20);
    CHECK(s.least_delay > 20000);
    CHECK_INT(metric_get(METRIC_WORKER_CIRCUITS_OPEN), 0);
    rest_of_turn();
    fault("", ""); /* while it rests: not asked for, and the shop's others go on */
    add_kind("tiktok", "a", "product", "30");
    add("a", "100");
    s = turns_until_idle();
    CHECK_INT(s.found, 1);
    CHECK_INT(s.deferred, 1);
    CHECK_INT(s.counted, 0);
    rest_of_turn();
    end();
}

TEST(a_code_of_no_table_is_counted_and_tried_alone)
{
    struct sums s;

    begin();
    fault("/product/", "47110815");
    add_kind("tiktok", "a", "product", "7");
    s = turn();
    CHECK_INT(s.counted, 1);
    CHECK(strstr(s.error, "47110815"));
    CHECK_INT(metric_get(METRIC_WORKER_FETCH_UNKNOWN_CODES), 1);
    rest_of_turn();
    end();
}

/* --- compound entities ---------------------------------------------------------------------------- */

static void check_composed(void *context, struct need *n)
{
    yyjson_val *packages = yyjson_obj_get(n->answer.json, "packages");

    (void)context;
    CHECK_INT(n->answer.kind, ANSWER_FOUND);
    CHECK_TEXT(yyjson_get_str(yyjson_obj_get(n->answer.json, "order_id")), n->id);
    CHECK_TEXT(yyjson_get_str(yyjson_obj_get(n->answer.json, "order_status")), "IN_TRANSIT");
    CHECK_INT(yyjson_arr_size(packages), 2);
    CHECK_INT(yyjson_arr_size(yyjson_obj_get(n->answer.json, "tracking")), 1);
    CHECK(n->answer.fetched_ms >= w.time.at_ms && n->answer.fetched_ms <= redis_time_now_ms(&w.time));
}

TEST(tracking_is_composed_step_by_step_within_the_turn)
{
    struct sums s;

    begin();
    add_kind("tiktok", "a", "tracking", "P1");
    add_kind("tiktok", "a", "tracking", "P2");
    add_kind("tiktok", "a", "tracking", "P3");
    s = turns_until_idle();
    CHECK_INT(s.found, 3);
    pool_each(w.pool, check_composed, NULL);
    CHECK_INT(fake_calls(&w.market, "a"), 1);
    CHECK_INT(fake_shop(&w.market, "a")->package_calls, 6);
    CHECK_INT(fake_shop(&w.market, "a")->tracking_calls, 3);
    fetch_release(w.fetcher); /* MongoDB was away: what was composed stays */
    pool_each(w.pool, check_composed, NULL);
    rest_of_turn();
    end();
}

TEST(an_order_and_its_tracking_share_one_detail_call)
{
    struct sums s;

    begin();
    add("a", "P1");
    add_kind("tiktok", "a", "tracking", "P1");
    s = turns_until_idle();
    CHECK_INT(s.found, 2);
    CHECK_INT(s.alone, 2);
    CHECK_INT(fake_calls(&w.market, "a"), 1);
    CHECK_INT(fake_shop(&w.market, "a")->ids, 1);
    rest_of_turn();
    end();
}

static void check_incomplete(void *context, struct need *n)
{
    const bool *incomplete = context;

    CHECK_INT(n->answer.kind, ANSWER_FOUND);
    CHECK_INT(n->answer.incomplete, *incomplete);
}

static void check_all_incomplete(bool incomplete)
{
    pool_each(w.pool, check_incomplete, &incomplete);
}

static void check_left_out(void *context, struct need *n)
{
    yyjson_val *first = yyjson_arr_get(yyjson_obj_get(n->answer.json, "packages"), 0);

    (void)context;
    CHECK_TEXT(yyjson_get_str(yyjson_obj_get(first, "package_id")), "P1-1");
    CHECK(yyjson_obj_get(first, "package_status") == NULL);
}

TEST(a_part_that_is_refused_is_left_out_of_the_whole)
{
    struct sums s;

    begin();
    fault("/packages/", "21011028");
    add_kind("tiktok", "a", "tracking", "P1");
    s = turns_until_idle();
    CHECK_INT(s.found, 1);
    pool_each(w.pool, check_composed, NULL);
    pool_each(w.pool, check_left_out, NULL);
    check_all_incomplete(true); /* the order has just named it: it cannot be another shop's */
    rest_of_turn();
    fault("", "");
    add_kind("tiktok", "a", "tracking", "P1");
    CHECK_INT(turns_until_idle().found, 1);
    check_all_incomplete(false);
    rest_of_turn();
    end();
}

TEST(an_answer_that_leaves_out_what_the_order_names_is_incomplete)
{
    begin();
    add_kind("shopee", "4128", "tracking", "S1");
    CHECK_INT(turns_until_idle().found, 1);
    check_all_incomplete(false);
    rest_of_turn();
    strcpy(fake_shop(&w.market, "4128")->missing, "S2-1"); /* of a good answer */
    add_kind("shopee", "4128", "tracking", "S2");
    CHECK_INT(turns_until_idle().found, 1);
    check_all_incomplete(true);
    rest_of_turn();
    fault("get_tracking_info", "logistics.package_not_exist"); /* though its detail has been shown */
    add_kind("shopee", "4128", "tracking", "S3");
    CHECK_INT(turns_until_idle().found, 1);
    check_all_incomplete(true);
    rest_of_turn();
    end();
}

TEST(tracking_of_a_package_without_shipment_is_rightly_empty)
{
    static const char *const words[] = {"logistics.error_param", "error_status_limit"};

    begin();
    for (size_t i = 0; i < 2; i++) {
        fault("get_tracking_info", words[i]);
        add_kind("shopee", "4128", "tracking", "S1");
        CHECK_INT(turns_until_idle().found, 1);
        check_all_incomplete(false);
        rest_of_turn();
    }
    end();
}

TEST(tracking_of_an_order_left_out_is_missing)
{
    struct sums s;

    begin();
    strcpy(fake_shop(&w.market, "a")->missing, "P1");
    add_kind("tiktok", "a", "tracking", "P1");
    s = turn();
    CHECK_INT(s.missing, 1);
    CHECK_INT(fake_shop(&w.market, "a")->package_calls, 0);
    rest_of_turn();
    end();
}

TEST(a_step_that_fails_alone_is_the_entitys_own_fault)
{
    struct sums s;

    begin();
    fault("/tracking", "36009004");
    add_kind("tiktok", "a", "tracking", "P1");
    s = turns_until_idle();
    CHECK_INT(s.counted, 1);
    CHECK(strstr(s.error, "36009004"));
    rest_of_turn();
    end();
}

TEST(steps_of_many_entities_travel_in_full_batches)
{
    char id[32];
    struct sums s;

    begin();
    for (int i = 0; i < 60; i++) {
        snprintf(id, sizeof id, "S%d", i);
        add_kind("shopee", "4128", "tracking", id);
    }
    s = turns_until_idle();
    CHECK_INT(s.found, 60);
    CHECK_INT(fake_calls(&w.market, "4128"), 2);
    CHECK_INT(fake_shop(&w.market, "4128")->package_calls, 2);
    CHECK_INT(fake_shop(&w.market, "4128")->package_ids, 60);
    CHECK_INT(fake_shop(&w.market, "4128")->tracking_calls, 60);
    rest_of_turn();
    end();
}

TEST(an_abort_between_steps_asks_again_from_the_start)
{
    begin();
    w.config.fetch_budget_ms = 100;
    FAKE_SET(&w.market, "a", detail, FAKE_HANG);
    add_kind("tiktok", "a", "tracking", "P1");
    turn();
    fetch_abort(w.fetcher, w.pool);
    CHECK_INT(sums().waiting, 1);
    FAKE_SET(&w.market, "a", detail, FAKE_GOOD);
    w.config.fetch_budget_ms = 2000;
    arena_reset(w.arena);
    CHECK_INT(turns_until_idle().found, 1);
    pool_each(w.pool, check_composed, NULL);
    rest_of_turn();
    end();
}

/* --- shared limits -------------------------------------------------------------------------------- */

TEST(without_leave_nothing_is_sent_and_needs_wait)
{
    struct sums s;

    begin_with(some_limiter, NULL);
    w.grants = 2;
    w.wait_ms = 60000;
    w.config.fetch_budget_ms = 300;
    add_many("a", 1, 200);
    s = turns_until_idle();
    CHECK_INT(s.found, 100);
    CHECK_INT(s.waiting, 100);
    CHECK_INT(fake_calls(&w.market, "a"), 2);
    rest_of_turn();
    end();
}

TEST(a_short_wait_for_leave_is_over_within_the_turn_of_others)
{
    struct sums s;
    int64_t start = clock_mono_ms();

    begin_with(some_limiter, NULL);
    w.grants = 1;
    w.wait_ms = 50;
    add("a", "1");
    turn();
    rest_of_turn();
    add("a", "2");
    s = turn();
    CHECK_INT(s.waiting, 1);
    CHECK_INT(s.deferred + s.parked, 0);
    w.grants = 1;
    while (s.waiting > 0 && clock_mono_ms() - start < 5000) {
        arena_reset(w.arena);
        s = turn();
    }
    CHECK_INT(s.found, 1);
    rest_of_turn();
    end();
}

TEST(an_app_at_its_limit_is_not_asked_for_every_shop)
{
    begin_with(some_limiter, NULL);
    w.grants = 0;
    w.wait_ms = 4000;
    for (int i = 0; i < 7; i++) {
        char shop[16];

        snprintf(shop, sizeof shop, "s%d", i);
        add_many(shop, 1, 5);
    }
    CHECK_INT(turn().waiting, 35);
    CHECK_INT(w.takes, 3);
    arena_reset(w.arena);
    CHECK_INT(turn().waiting, 35);
    CHECK_INT(w.takes, 3);
    rest_of_turn();
    end();
}

TEST(at_the_apps_limit_shops_take_turns)
{
    begin_with(some_limiter, NULL);
    w.grants = 0;
    w.wait_ms = 1;
    add_many("a", 1, 500);
    for (int i = 0; i < 3; i++) {
        char shop[16];

        snprintf(shop, sizeof shop, "s%d", i);
        add(shop, "1");
    }
    CHECK_INT(turn().waiting, 503);
    pause_ms(5);
    arena_reset(w.arena);
    w.grants = 4;
    w.config.fetch_budget_ms = 200;
    CHECK_INT(turns_until_idle().found, 53);
    CHECK_INT(fake_calls(&w.market, "a"), 1);
    rest_of_turn();
    end();
}

TEST(background_work_waits_for_leave_of_its_own)
{
    struct sums s;

    w.streams = &(struct streams){0};
    CHECK(streams_init(w.streams, 1));
    begin_with(some_limiter, NULL);
    w.background_grants = 0;
    w.wait_ms = 4000;
    stream_of_add = 1; /* the bulk stream */
    add("a", "1");
    stream_of_add = 0;
    add("b", "2");
    s = turn();
    CHECK_INT(s.found, 1);
    CHECK_INT(s.waiting, 1);
    CHECK_INT(fake_calls(&w.market, "a"), 0);
    rest_of_turn();
    streams_deinit(w.streams);
    end();
}

TEST(redis_away_stops_sending_and_needs_wait)
{
    begin_with(some_limiter, NULL);
    w.wait_ms = -1;
    add_many("a", 1, 5);
    add_many("b", 1, 5);
    CHECK_INT(turn().waiting, 10);
    CHECK_INT(w.takes, 1);
    CHECK_INT(metric_get(METRIC_WORKER_FETCH_CALLS), 0);
    rest_of_turn();
    end();
}

TEST(a_limit_the_marketplace_tells_is_passed_on_to_all_pods)
{
    begin_with(some_limiter, NULL);
    FAKE_SET(&w.market, "a", detail, FAKE_LIMIT);
    strcpy(w.market.retry_after, "3");
    add("a", "1");
    turn();
    CHECK_INT(w.pauses, 1);
    CHECK(!w.app_paused);
    CHECK(w.pause_ms > 2900 && w.pause_ms <= 3000);
    rest_of_turn();
    end();
}

/* --- access tokens -------------------------------------------------------------------------------- */

TEST(needs_wait_for_a_new_token_which_is_asked_for_once)
{
    struct sums s;
    int64_t start = clock_mono_ms();

    begin_with(NULL, some_refresher);
    FAKE_SET(&w.market, "a", detail, FAKE_TOKEN);
    add_many("a", 1, 3);
    s = turn();
    CHECK_INT(s.waiting, 3);
    CHECK_INT(w.asked, 1);
    arena_reset(w.arena);
    CHECK_INT(turn().waiting, 3);
    CHECK_INT(w.asked, 1);
    CHECK_INT(fake_calls(&w.market, "a"), 1);
    w.token = "new"; /* the refresher has stored it */
    while (s.found < 3 && clock_mono_ms() - start < 5000) {
        pause_ms(20);
        arena_reset(w.arena);
        s = turn();
    }
    CHECK_INT(s.found, 3);
    CHECK_INT(w.asked, 1);
    rest_of_turn();
    end();
}

TEST(a_token_over_by_its_own_time_is_not_tried_at_all)
{
    struct sums s;
    int64_t start = clock_mono_ms();

    begin_with(NULL, some_refresher);
    add("old", "1");
    s = turn();
    CHECK_INT(s.waiting, 1);
    CHECK_INT(w.asked, 1);
    CHECK_INT(metric_get(METRIC_WORKER_FETCH_CALLS), 0);
    w.token = "new";
    while (s.found < 1 && clock_mono_ms() - start < 5000) {
        pause_ms(20);
        arena_reset(w.arena);
        s = turn();
    }
    CHECK_INT(s.found, 1);
    rest_of_turn();
    end();
}

TEST(what_waited_too_long_for_a_token_is_parked)
{
    struct sums s;

    begin_with(NULL, some_refresher);
    age_of_add_ms = 121000;
    add("old", "1");
    age_of_add_ms = 0;
    add("old", "2");
    s = turn();
    CHECK_INT(s.parked, 1);
    CHECK_TEXT(s.reason, "expired");
    CHECK_INT(s.waiting, 1);
    rest_of_turn();
    end();
}

TEST(what_waited_too_long_for_a_circuit_is_parked)
{
    struct sums s;

    begin();
    FAKE_SET(&w.market, "a", detail, FAKE_500);
    w.market.probe = FAKE_500;
    age_of_add_ms = 121000;
    add("a", "1");
    age_of_add_ms = 0;
    add("a", "2");
    s = turns_until_idle();
    CHECK_INT(s.parked, 1);
    CHECK_TEXT(s.reason, "circuit");
    CHECK_INT(s.deferred, 1);
    rest_of_turn();
    end();
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(
        argc, argv, CASE(three_hundred_orders_of_one_shop_are_six_calls),
        CASE(every_need_gets_its_own_entity_and_the_time_its_request_was_sent),
        CASE(a_turn_asks_for_no_more_ids_than_allowed_and_for_full_batches),
        CASE(the_fullest_shop_comes_first_unless_another_has_waited_too_long), CASE(ids_left_out_are_missing),
        CASE(one_poisonous_id_is_found_by_halving),
        CASE(poison_among_fifty_asks_concurrently_and_blames_nobody_else),
        CASE(an_id_that_fails_alone_is_blamed_when_the_probe_is_good),
        CASE(a_shop_that_answers_only_500_opens_its_circuit_and_nobody_is_blamed),
        CASE(half_open_a_good_probe_comes_first_and_closes_the_circuit),
        CASE(when_only_the_probe_works_no_more_than_a_few_ids_are_blamed),
        CASE(a_hanging_shop_is_carried_long_before_the_budget_ends_and_costs_that_once),
        CASE(a_carried_call_that_ends_is_taken_and_new_ones_go_out),
        CASE(an_entity_under_way_is_not_asked_for_twice), CASE(a_held_up_shop_keeps_a_fifth_of_the_pool),
        CASE(a_short_limit_is_sat_out_and_other_shops_go_on),
        CASE(a_long_limit_goes_back_to_the_stream_without_an_attempt), CASE(a_redirect_is_not_followed),
        CASE(garbage_null_data_and_oversized_answers_blame_nobody),
        CASE(shops_that_cannot_be_called_have_their_needs_parked_without_a_call),
        CASE(a_refused_token_is_read_again_once), CASE(a_token_renewed_meanwhile_is_used_at_once),
        CASE(mongodb_away_is_told_and_needs_stay), CASE(a_probe_that_could_not_be_judged_is_sent_again),
        CASE(an_unreachable_marketplace_opens_every_circuit),
        CASE(answers_stay_until_their_needs_have_moved_on), CASE(clocks_apart_are_noticed),
        CASE(many_small_shops_share_the_calls_of_a_lane),
        CASE(an_id_denied_among_others_is_its_own_fault_without_a_probe),
        CASE(an_id_that_no_longer_exists_is_gone), CASE(an_id_that_is_not_to_be_seen_yet_is_missing),
        CASE(an_endpoint_out_of_scope_parks_its_own_needs_only),
        CASE(an_endpoint_that_is_down_costs_a_few_of_its_ids_an_attempt_and_others_nothing),
        CASE(a_code_of_no_table_is_counted_and_tried_alone),
        CASE(tracking_is_composed_step_by_step_within_the_turn),
        CASE(an_order_and_its_tracking_share_one_detail_call),
        CASE(a_part_that_is_refused_is_left_out_of_the_whole), CASE(tracking_of_an_order_left_out_is_missing),
        CASE(an_answer_that_leaves_out_what_the_order_names_is_incomplete),
        CASE(tracking_of_a_package_without_shipment_is_rightly_empty),
        CASE(a_step_that_fails_alone_is_the_entitys_own_fault),
        CASE(steps_of_many_entities_travel_in_full_batches),
        CASE(an_abort_between_steps_asks_again_from_the_start),
        CASE(without_leave_nothing_is_sent_and_needs_wait),
        CASE(a_short_wait_for_leave_is_over_within_the_turn_of_others),
        CASE(an_app_at_its_limit_is_not_asked_for_every_shop), CASE(at_the_apps_limit_shops_take_turns),
        CASE(background_work_waits_for_leave_of_its_own), CASE(redis_away_stops_sending_and_needs_wait),
        CASE(a_limit_the_marketplace_tells_is_passed_on_to_all_pods),
        CASE(needs_wait_for_a_new_token_which_is_asked_for_once),
        CASE(a_token_over_by_its_own_time_is_not_tried_at_all),
        CASE(what_waited_too_long_for_a_token_is_parked), CASE(what_waited_too_long_for_a_circuit_is_parked));
}
