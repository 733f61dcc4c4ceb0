/* test_refresh.c - the refresher's threads: they start, are asked and woken from anywhere, and end, whatever is away. What a
 * refresh does is tested against the simulator: tests/flow/test_credentials.py, tests/fault/test_refresh.py. */
#include "worker/refresh.h"

#include <pthread.h>

#include "common/clock.h"
#include "common/strbuf.h"
#include "tests/unit/mongo_fixture.h"

#define KEY "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

struct office {
    struct world w;
    struct credentials *credentials;
    struct redis_url redis;
    struct refresher *refresher;
};

static void open_office(struct office *o, bool mongo)
{
    *o = (struct office){.redis = {.path = "./nobody.sock"}};
    world_start_with(&o->w, MOCK_REPLICA_SET, "&serverSelectionTimeoutMS=200&connectTimeoutMS=200");
    if (!mongo) {
        mongo_mock_stop(o->w.mock);
        o->w.mock = NULL;
    }
    o->credentials = credentials_new(KEY, &o->w.err);
    CHECK(o->credentials != NULL);
    o->w.config.tiktok_app_key = strdup("key");
    o->w.config.shopee_partner_id = strdup("1");
    o->w.config.worker_name = strdup("w");
    o->w.config.ca_file = strdup("");
    o->w.config.request_timeout_ms = 1000;
    o->w.config.refresh_interval_ms = 50;
    o->refresher = refresher_start(&o->w.config, &o->redis, o->w.stores, o->credentials, &o->w.err);
    if (!o->refresher)
        CHECK_TEXT(o->w.err.text, "a refresher");
}

static void close_office(struct office *o)
{
    refresher_stop(o->refresher);
    credentials_free(o->credentials);
    free(o->w.config.tiktok_app_key);
    free(o->w.config.shopee_partner_id);
    free(o->w.config.worker_name);
    free(o->w.config.ca_file);
    world_stop(&o->w);
}

/* Waits until MongoDB was asked for what is due count times. */
static void wait_rounds(struct office *o, size_t count)
{
    int64_t until = clock_mono_ms() + 20000;

    while (mongo_mock_count(o->w.mock, "find") < count && clock_mono_ms() < until) {
        const struct timespec pause = {.tv_nsec = 5000000};

        nanosleep(&pause, NULL);
    }
    CHECK(mongo_mock_count(o->w.mock, "find") >= count);
}

TEST(both_platforms_are_looked_after)
{
    struct office o;

    open_office(&o, true);
    wait_rounds(&o, 6);
    close_office(&o);
}

static void *ask_often(void *arg)
{
    struct office *o = arg;
    char name[32];

    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof(name), "%s:%d", i % 3 ? "tiktok" : "shopee", i % 40);
        refresher_ask(o->refresher, name, (uint64_t)i);
        refresher_ask(o->refresher, "nobodys:1", 1);
        refresher_wake(o->refresher);
    }
    return NULL;
}

TEST(lanes_may_ask_at_any_time_also_while_it_ends)
{
    pthread_t lanes[4];
    struct office o;

    open_office(&o, true);
    for (size_t i = 0; i < 4; i++)
        CHECK_INT(pthread_create(&lanes[i], NULL, ask_often, &o), 0);
    refresher_drain(o.refresher);
    for (size_t i = 0; i < 4; i++)
        pthread_join(lanes[i], NULL);
    close_office(&o);
}

TEST(it_ends_soon_while_redis_and_mongodb_are_away)
{
    int64_t began;
    struct office o;

    open_office(&o, false);
    refresher_ask(o.refresher, "tiktok:1", 1);
    began = clock_mono_ms();
    close_office(&o);
    CHECK(clock_mono_ms() - began < 10000);
}

TEST(a_refresher_that_never_was_is_stopped_too)
{
    refresher_drain(NULL);
    refresher_stop(NULL);
    CHECK(true);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(
        argc, argv, CASE(both_platforms_are_looked_after), CASE(lanes_may_ask_at_any_time_also_while_it_ends),
        CASE(it_ends_soon_while_redis_and_mongodb_are_away), CASE(a_refresher_that_never_was_is_stopped_too));
}
