/* test_fetch.c - batching, bisection, carried calls, circuits and limits, against a fake marketplace. */
#include <stdlib.h>
#include <time.h>

#include "common/clock.h"
#include "common/metrics.h"
#include "common/strbuf.h"
#include "tests/harness.h"
#include "tests/unit/fake_market.h"
#include "worker/fetch.h"
#include "worker/shop_internal.h"

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
    int loads; /* readings of the registry */
};

static struct world w;
static char app_key[] = "k", app_secret[] = "s", empty[] = "";

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
                            .state = SHOP_ACTIVE};

        if (strcmp(ids[i], "nobody") == 0)
            continue;
        if (strcmp(ids[i], "off") == 0)
            shop.state = SHOP_DISABLED;
        if (strcmp(ids[i], "old") == 0)
            shop.access_expires_ms = clock_now_ms() - 1;
        if (strcmp(ids[i], "sealed") == 0)
            shop.problem = "sealed token is malformed";
        shop_cache_put(c, &shop);
    }
    return true;
}

static void begin(void)
{
    struct err err = {0};

    fake_start(&w.market);
    snprintf(w.url, sizeof w.url, "http://127.0.0.1:%d", w.market.port);
    w.config = (struct config){.tiktok_app_key = app_key,
                               .tiktok_app_secret = app_secret,
                               .tiktok_api_url = w.url,
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
    w.shops = shop_cache_new(NULL, NULL, 60000);
    shop_cache_set_load(w.shops, load, NULL);
    w.fetcher = fetcher_new(&w.config, w.shops, &err);
    CHECK_TEXT(err.text, "");
    w.pool = pool_new();
    w.arena = arena_new(1 << 16, 64u << 20);
    w.time = (struct redis_time){clock_now_ms(), clock_mono_ms()};
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

static struct need *add(const char *shop, const char *id)
{
    const struct entry_text fields[] = {
        text("v"),  text("1"),     text("platform"), text("tiktok"),        text("shop"),
        text(shop), text("topic"), text("1"),        text("kind"),          text("order"),
        text("id"), text(id),      text("recv_ms"),  text("1767672000000"), text("key"),
        text("k"),  text("src"),   text("webhook"),  text("trace"),         text("t")};
    struct message *m = message_new(0, "1767672000000-0", fields, sizeof fields / sizeof fields[0], no_body);
    struct need *n;

    CHECK(m->readable);
    n = pool_add(w.pool, m, false);
    if (n->since_mono_ms == 0)
        n->since_mono_ms = clock_mono_ms();
    if (n->state == NEED_NEW)
        need_enter(w.pool, n, NEED_WAITING);
    return n;
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
    int waiting, calling, found, missing, alone;
    int deferred, counted; /* judged: RETRY without and with an attempt */
    int64_t least_delay, most_delay;
    char error[200]; /* of the last judged */
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
    CHECK(strstr(s.error, "21008111"));
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

TEST(a_hanging_shop_is_carried_and_costs_one_budget_once)
{
    int64_t start;
    struct sums s;

    begin();
    w.config.fetch_budget_ms = 200;
    FAKE_SET(&w.market, "slow", detail, FAKE_HANG);
    add_many("slow", 1, 60);
    add_many("b", 1, 20);
    start = clock_mono_ms();
    s = turn();
    CHECK(clock_mono_ms() - start >= 190 && clock_mono_ms() - start < 1500);
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

TEST(shops_that_cannot_be_called_are_deferred_without_a_call)
{
    static const char *const shops[] = {"nobody", "off", "old", "sealed"};
    static const char *const why[] = {"not registered", "disabled", "expired", "sealed token"};

    begin();
    for (size_t i = 0; i < 4; i++) {
        struct sums s;

        add_many(shops[i], 1, 3);
        s = turn();
        CHECK_INT(s.deferred, 3);
        CHECK(s.least_delay >= 30000 && s.most_delay <= 31000);
        CHECK(strstr(s.error, why[i]));
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
    CHECK_INT(s.deferred, 3); /* the same token is stored */
    CHECK_INT(fake_calls(&w.market, "a"), 1);
    CHECK_INT(w.loads, 2);
    rest_of_turn();
    add("a", "1");
    CHECK_INT(turn().deferred, 1); /* not tried again with it */
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
    s = turn();
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
        CASE(a_hanging_shop_is_carried_and_costs_one_budget_once),
        CASE(a_carried_call_that_ends_is_taken_and_new_ones_go_out),
        CASE(an_entity_under_way_is_not_asked_for_twice), CASE(a_held_up_shop_keeps_a_fifth_of_the_pool),
        CASE(a_short_limit_is_sat_out_and_other_shops_go_on),
        CASE(a_long_limit_goes_back_to_the_stream_without_an_attempt), CASE(a_redirect_is_not_followed),
        CASE(garbage_null_data_and_oversized_answers_blame_nobody),
        CASE(shops_that_cannot_be_called_are_deferred_without_a_call),
        CASE(a_refused_token_is_read_again_once), CASE(a_token_renewed_meanwhile_is_used_at_once),
        CASE(mongodb_away_is_told_and_needs_stay), CASE(an_unreachable_marketplace_opens_every_circuit),
        CASE(answers_stay_until_their_needs_have_moved_on), CASE(clocks_apart_are_noticed),
        CASE(many_small_shops_share_the_calls_of_a_lane));
}
