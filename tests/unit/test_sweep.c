/* test_sweep.c - which shops the sweep asks, what their answers lead to, and that it can be woken and stopped. Redis is real,
 * MongoDB the mock, the marketplace a fake. */
#include "worker/sweep.h"

#include <stdatomic.h>

#include "common/clock.h"
#include "common/metrics.h"
#include "common/strbuf.h"
#include "tests/unit/fake_market.h"
#include "tests/unit/mongo_fixture.h"
#include "tests/unit/redis_server.h"
#include "worker/streams.h"

#define KEY  "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define BULK "webhooks:{0}:bulk"

struct scene {
    struct world w;
    struct redis_server redis;
    struct fake_market market;
    struct credentials *credentials;
    struct streams streams;
    struct sweep *sweep;
    atomic_int refused; /* times a refused token was told */
    char url[64];
};

static void count_refused(void *context, const char *authorization, uint64_t token_print)
{
    struct scene *s = context;

    CHECK_TEXT(authorization, "tiktok:a");
    CHECK(token_print != 0);
    atomic_fetch_add(&s->refused, 1);
}

static void put_authorization(struct scene *s)
{
    struct strbuf place = STRBUF_INIT, sealed = STRBUF_INIT, json = STRBUF_INIT;
    struct err err = {0};

    credentials_place(&place, "tiktok:a", "access_token");
    CHECK(credentials_seal(s->credentials, strbuf_text(&place), "token", 5, &sealed, &err));
    strbuf_add_format(&json, "{\"_id\":\"tiktok:a\",\"access_token\":\"%s\"}", strbuf_text(&sealed));
    mongo_mock_put(s->w.mock, "authorizations", strbuf_text(&json));
    strbuf_deinit(&place);
    strbuf_deinit(&sealed);
    strbuf_deinit(&json);
}

static void put_shop(struct scene *s, const char *id, const char *state)
{
    char json[300];

    snprintf(json, sizeof(json),
             "{\"_id\":\"tiktok:%s\",\"platform\":\"tiktok\",\"shop_id\":\"%s\",\"state\":\"%s\","
             "\"authorization\":\"tiktok:a\",\"shop_cipher\":\"c%s\"}",
             id, id, state, id);
    mongo_mock_put(s->w.mock, "shops", json);
}

/* The mock does not sort, it finds the newest first: so the last shop is put first. */
static void put_need_from(struct scene *s, const char *shop, const char *reason, int64_t since_ms)
{
    char json[400];

    snprintf(json, sizeof(json),
             "{\"_id\":\"order:tiktok:%s:1\",\"platform\":\"tiktok\",\"shop_id\":\"%s\",\"kind\":\"order\","
             "\"entity_id\":\"1\",\"reason\":\"%s\",\"rev\":{\"$numberLong\":\"1\"},"
             "\"since\":{\"$date\":{\"$numberLong\":\"%lld\"}}}",
             shop, shop, reason, (long long)since_ms);
    mongo_mock_put(s->w.mock, "needs", json);
}

static void put_need(struct scene *s, const char *shop, const char *reason)
{
    put_need_from(s, shop, reason, INT64_C(1700000000000));
}

static void scene_start(struct scene *s, int64_t interval_ms)
{
    static char app_key[] = "k", app_secret[] = "s", empty[] = "";
    struct err err = {0};

    *s = (struct scene){0};
    world_start_with(&s->w, MOCK_STANDALONE, "");
    redis_server_start(&s->redis);
    CHECK(streams_init(&s->streams, 1));
    fake_start(&s->market);
    snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%d", s->market.port);
    s->w.config.tiktok_app_key = app_key;
    s->w.config.tiktok_app_secret = app_secret;
    s->w.config.tiktok_api_url = s->url;
    s->w.config.ca_file = empty;
    s->w.config.request_timeout_ms = 30000;
    s->w.config.sync_bulk_max = 1000;
    s->w.config.sweep_interval_ms = interval_ms;
    s->credentials = credentials_new(KEY, &err);
    CHECK(s->credentials != NULL);
    put_authorization(s);
}

static void scene_run(struct scene *s)
{
    const struct sweep_setup setup = {.config = &s->w.config,
                                      .redis = &s->redis.url,
                                      .stores = s->w.stores,
                                      .credentials = s->credentials,
                                      .streams = &s->streams,
                                      .refused = count_refused,
                                      .context = s};
    struct err err = {0};

    s->sweep = sweep_start(&setup, &err);
    if (!s->sweep)
        CHECK_TEXT(err.text, "a sweep");
}

static void scene_stop(struct scene *s)
{
    int64_t began = clock_mono_ms();

    sweep_stop(s->sweep);
    CHECK(sweep_join(s->sweep, 5000));
    CHECK(clock_mono_ms() - began < 2000); /* whatever it waits for */
    fake_stop(&s->market);
    redis_server_stop(&s->redis);
    streams_deinit(&s->streams);
    credentials_free(s->credentials);
    world_stop(&s->w);
}

static int64_t entries(struct scene *s)
{
    return REDIS_INT(&s->redis, "XLEN " BULK);
}

static size_t needs(struct scene *s)
{
    return mongo_mock_size(s->w.mock, "needs");
}

/* Polls for three seconds. */
#define UNTIL(condition)                                                                                     \
    do {                                                                                                     \
        for (int i_ = 0; i_ < 600 && !(condition); i_++)                                                     \
            wait_ms(5);                                                                                      \
        CHECK(condition);                                                                                    \
    } while (0)

TEST(needs_of_a_shop_that_answers_its_probe_come_back)
{
    struct scene s;

    scene_start(&s, 60000);
    put_shop(&s, "749", "active");
    put_need(&s, "749", "revoked");
    scene_run(&s);
    UNTIL(needs(&s) == 0);
    CHECK_INT(entries(&s), 1);
    CHECK_INT(fake_probes(&s.market), 1);
    UNTIL(REDIS_INT(&s.redis, "EXISTS lock:{tiktok:749}:needs") ==
          0); /* the next round may be another process' */
    scene_stop(&s);
}

TEST(money_that_moved_comes_back_without_a_probe)
{
    struct scene s;

    scene_start(&s, 60000);
    put_shop(&s, "749", "active");
    put_need(&s, "749", "transaction");
    scene_run(&s);
    UNTIL(needs(&s) == 0);
    CHECK_INT(entries(&s), 1);
    CHECK_INT(fake_probes(&s.market), 0);
    scene_stop(&s);
}

TEST(half_an_answer_comes_back_without_a_probe_when_its_time_has_come)
{
    struct scene s;
    const int64_t soon_ms = clock_now_ms() + 300;

    scene_start(&s, 50);
    put_shop(&s, "750", "active");
    put_shop(&s, "749", "active");
    put_need_from(&s, "750", "unsettled", soon_ms + 3600000);
    put_need_from(&s, "749", "incomplete", soon_ms);
    scene_run(&s);
    UNTIL(needs(&s) == 1);
    CHECK(clock_now_ms() >= soon_ms);
    CHECK_INT(entries(&s), 1);
    CHECK_INT(fake_probes(&s.market), 0);
    scene_stop(&s);
}

TEST(shops_that_cannot_be_used_are_not_asked_and_keep_their_needs)
{
    struct scene s;

    scene_start(&s, 50);
    put_shop(&s, "1", "revoked");
    put_shop(&s, "3", "active");
    put_need(&s, "3", "circuit");
    put_need(&s, "2", "unregistered");
    put_need(&s, "1", "revoked");
    scene_run(&s);
    UNTIL(needs(&s) == 2);
    CHECK_INT(fake_probes(&s.market), 1);
    CHECK_INT(entries(&s), 1);
    UNTIL(metric_get(METRIC_WORKER_NEEDS_OLDEST_MS) > 0);
    put_shop(&s, "1", "active");
    UNTIL(needs(&s) == 1);
    scene_stop(&s);
}

TEST(a_shop_that_fails_its_probe_keeps_its_needs_until_it_answers)
{
    struct scene s;

    scene_start(&s, 50);
    put_shop(&s, "749", "active");
    put_need(&s, "749", "circuit");
    s.market.probe = FAKE_500;
    scene_run(&s);
    UNTIL(fake_probes(&s.market) >= 3);
    CHECK_INT(entries(&s), 0);
    pthread_mutex_lock(&s.market.lock);
    s.market.probe = FAKE_GOOD;
    pthread_mutex_unlock(&s.market.lock);
    UNTIL(needs(&s) == 0);
    scene_stop(&s);
}

TEST(a_refused_token_is_told_because_no_lane_will_meet_it)
{
    struct scene s;

    scene_start(&s, 60000);
    put_shop(&s, "749", "active");
    put_need(&s, "749", "expired");
    s.market.probe = FAKE_TOKEN;
    scene_run(&s);
    UNTIL(atomic_load(&s.refused) == 1);
    CHECK_INT(needs(&s), 1);
    scene_stop(&s);
}

TEST(a_shop_another_process_looks_at_is_left_to_it)
{
    struct scene s;

    scene_start(&s, 50);
    put_shop(&s, "1", "active");
    put_shop(&s, "2", "active");
    put_need(&s, "2", "circuit");
    put_need(&s, "1", "circuit");
    REDIS_DO(&s.redis, "SET lock:{tiktok:1}:needs somebody PX 60000");
    scene_run(&s);
    UNTIL(needs(&s) == 1);
    CHECK_INT(fake_probes(&s.market), 1);
    REDIS_DO(&s.redis, "DEL lock:{tiktok:1}:needs");
    UNTIL(needs(&s) == 0);
    scene_stop(&s);
}

TEST(a_shop_that_hangs_holds_up_neither_the_others_nor_the_end)
{
    struct scene s;

    scene_start(&s, 60000);
    put_shop(&s, "1", "active");
    put_shop(&s, "2", "active");
    put_need(&s, "2", "transaction");
    put_need(&s, "1", "circuit");
    s.market.probe = FAKE_HANG;
    scene_run(&s);
    UNTIL(needs(&s) == 1);
    UNTIL(fake_probes(&s.market) == 1);
    scene_stop(&s); /* within its two seconds, although the probe hangs */
}

TEST(is_woken_and_survives_redis_being_away)
{
    struct scene s;

    scene_start(&s, 60000);
    put_shop(&s, "749", "active");
    REDIS_DO(&s.redis, "CONFIG SET maxmemory 1"); /* full */
    put_need(&s, "749", "transaction");
    scene_run(&s);
    UNTIL(mongo_mock_count(s.w.mock, "find") >= 3);
    REDIS_DO(&s.redis, "CONFIG SET maxmemory 0");
    wait_ms(50); /* its round is over, or takes the need itself: either way it goes */
    sweep_wake(s.sweep);
    UNTIL(needs(&s) == 0);
    scene_stop(&s);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(needs_of_a_shop_that_answers_its_probe_come_back),
                        CASE(money_that_moved_comes_back_without_a_probe),
                        CASE(half_an_answer_comes_back_without_a_probe_when_its_time_has_come),
                        CASE(shops_that_cannot_be_used_are_not_asked_and_keep_their_needs),
                        CASE(a_shop_that_fails_its_probe_keeps_its_needs_until_it_answers),
                        CASE(a_refused_token_is_told_because_no_lane_will_meet_it),
                        CASE(a_shop_another_process_looks_at_is_left_to_it),
                        CASE(a_shop_that_hangs_holds_up_neither_the_others_nor_the_end),
                        CASE(is_woken_and_survives_redis_being_away));
}
