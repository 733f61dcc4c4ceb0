/* test_trim.c - the safe trim against a real Redis: what must stay stays, and the figures are right. */
#include "worker/trim.h"

#include "tests/unit/lane_fixture.h"
#include "worker/xinfo.h"

/* One due step. */
static void step(struct trim *t, int64_t now_ms)
{
    struct err err = {0};

    wait_ms(3);
    if (!trim_step(t, now_ms, &err))
        CHECK_TEXT(err.text, "a trim");
}

TEST(never_trims_what_is_unread_or_pending)
{
    struct world w;
    struct lane l;
    struct message_list got = {0}, done = {0};
    struct trim *t;
    char held[STREAM_ID_MAX];

    world_start(&w, 1);
    REDIS_DO(&w.redis, "CONFIG SET stream-node-max-entries 10");
    add_many(&w, LIVE, 1000);
    t = trim_new(&w.config, &w.streams, w.redis.ask);
    step(t, clock_now_ms());
    CHECK_INT(REDIS_INT(&w.redis, "XLEN " LIVE), 1000); /* no group yet */
    lane_start(&l, &w, "w-0");
    lane_read(&l, 600, 0, &got);
    step(t, clock_now_ms());
    CHECK_INT(REDIS_INT(&w.redis, "XLEN " LIVE), 1000); /* all pending or unread */
    for (int i = 0; i < 400; i++)
        message_append(&done, message_pop(&got));
    memcpy(held, got.first->stream_id, sizeof(held));
    lane_settle_as(&l, &done, OUTCOME_DONE, DEAD_UNKNOWN, NULL);
    step(t, clock_now_ms());
    CHECK(REDIS_INT(&w.redis, "XLEN " LIVE) >= 600 && REDIS_INT(&w.redis, "XLEN " LIVE) < 620);
    {
        redisReply *r = redis_ask(&w.redis, "XRANGE %s %s %s", LIVE, held, held);

        CHECK_INT(r->elements, 1);
        freeReplyObject(r);
    }
    CHECK(metric_get(METRIC_WORKER_TRIMMED) > 380);
    CHECK_INT(metric_get(METRIC_WORKER_LAG), 400);
    CHECK_INT(metric_get(METRIC_WORKER_STREAM_LENGTH), REDIS_INT(&w.redis, "XLEN " LIVE));
    CHECK(metric_get(METRIC_WORKER_OLDEST_PENDING_MS) > 0 &&
          metric_get(METRIC_WORKER_OLDEST_PENDING_MS) < 5000);
    lane_settle_as(&l, &got, OUTCOME_DONE, DEAD_UNKNOWN, NULL);
    lane_read(&l, 10000, 0, &got);
    CHECK_INT(got.count, 400);
    lane_settle_as(&l, &got, OUTCOME_DONE, DEAD_UNKNOWN, NULL);
    step(t, clock_now_ms());
    CHECK(REDIS_INT(&w.redis, "XLEN " LIVE) <= 20);
    CHECK_INT(metric_get(METRIC_WORKER_OLDEST_PENDING_MS), 0);
    CHECK_INT(metric_get(METRIC_WORKER_LAG), 0);
    trim_free(t);
    lane_stop(&l);
    world_stop(&w);
}

/* The line of the floor in what a worker shows. */
static const char *floor_line(struct strbuf *text)
{
    const char *at;

    strbuf_reset(text);
    metrics_render(text, "worker");
    strbuf_add_char(text, '\0');
    at = strstr(text->data, "\nshopstream_worker_trim_floor_age_milliseconds{");
    return at ? at + 1 : "";
}

TEST(the_floor_is_told_with_the_group_that_holds_it)
{
    struct world w;
    struct lane l;
    struct message_list got = {0};
    struct strbuf text = {0};
    struct trim *t;
    long long age = 0;

    world_start(&w, 1);
    add_many(&w, LIVE, 10);
    lane_start(&l, &w, "w-0");
    lane_read(&l, 10, 0, &got);
    t = trim_new(&w.config, &w.streams, w.redis.ask);
    step(t, clock_now_ms() + 60000);
    CHECK(sscanf(floor_line(&text), "shopstream_worker_trim_floor_age_milliseconds{group=\"workers\"} %lld",
                 &age) == 1 &&
          age >= 60000 && age < 70000);
    lane_settle_as(&l, &got, OUTCOME_DONE, DEAD_UNKNOWN, NULL);
    step(t, clock_now_ms() + 60000);
    CHECK(strncmp(floor_line(&text), "shopstream_worker_trim_floor_age_milliseconds{group=\"\"} 0\n", 57) ==
          0);
    REDIS_DO(&w.redis, "XADD " LIVE " %lld-0 v 1",
             (long long)clock_now_ms() + 50000); /* comes after a quiet time */
    step(t, clock_now_ms() + 60000);
    CHECK(sscanf(floor_line(&text), "shopstream_worker_trim_floor_age_milliseconds{group=\"workers\"} %lld",
                 &age) == 1 &&
          age > 5000 && age < 20000);
    REDIS_DO(&w.redis, "XGROUP CREATE " LIVE " some\"body 0"); /* has read nothing */
    step(t, clock_now_ms() + 60000);
    age = 0;
    CHECK(sscanf(floor_line(&text), "shopstream_worker_trim_floor_age_milliseconds{group=\"some?body\"} %lld",
                 &age) == 1 &&
          age >= 60000 && age < 70000);
    strbuf_deinit(&text);
    trim_free(t);
    lane_stop(&l);
    world_stop(&w);
}

TEST(a_parked_entry_pins_the_floor)
{
    struct world w;
    struct lane l;
    struct message_list got = {0};
    struct trim *t;

    world_start(&w, 1);
    REDIS_DO(&w.redis, "CONFIG SET stream-node-max-entries 10");
    add_many(&w, LIVE, 100);
    lane_start(&l, &w, "w-0");
    lane_read(&l, 1000, 0, &got);
    message_judge_list(&got, OUTCOME_DONE, DEAD_UNKNOWN, NULL);
    message_judge(got.first, OUTCOME_RETRY, DEAD_UNKNOWN, "later");
    lane_settle(&l, &got);
    t = trim_new(&w.config, &w.streams, w.redis.ask);
    step(t, clock_now_ms());
    CHECK_INT(REDIS_INT(&w.redis, "XLEN " LIVE), 100);
    trim_free(t);
    lane_stop(&l);
    world_stop(&w);
}

TEST(finished_entries_stay_for_the_keep_window)
{
    struct world w;
    struct lane l;
    struct message_list got = {0};
    struct trim *t;

    world_start(&w, 1);
    w.config.stream_keep_minutes = 60;
    REDIS_DO(&w.redis, "CONFIG SET stream-node-max-entries 10");
    add_many(&w, LIVE, 100);
    lane_start(&l, &w, "w-0");
    lane_read(&l, 1000, 0, &got);
    lane_settle_as(&l, &got, OUTCOME_DONE, DEAD_UNKNOWN, NULL);
    t = trim_new(&w.config, &w.streams, w.redis.ask);
    step(t, clock_now_ms());
    CHECK_INT(REDIS_INT(&w.redis, "XLEN " LIVE), 100);
    step(t, clock_now_ms() + 61 * 60000);
    CHECK(REDIS_INT(&w.redis, "XLEN " LIVE) <= 10);
    trim_free(t);
    lane_stop(&l);
    world_stop(&w);
}

TEST(what_the_server_may_ask_for_stays_and_above_the_mark_nothing_more)
{
    struct world w;
    struct lane l;
    struct message_list got = {0};
    struct trim *t;

    world_start(&w, 1);
    w.config.replay_ms = 10000;
    w.config.stream_keep_minutes = 0;
    w.config.redis_high_water = 85;
    w.config.redis_low_water = 80;
    REDIS_DO(&w.redis, "CONFIG SET stream-node-max-entries 10");
    add_many(&w, LIVE, 100);
    lane_start(&l, &w, "w-0");
    lane_read(&l, 1000, 0, &got);
    lane_settle_as(&l, &got, OUTCOME_DONE, DEAD_UNKNOWN, NULL);
    t = trim_new(&w.config, &w.streams, w.redis.ask);
    step(t, clock_now_ms() + 25000);
    CHECK_INT(REDIS_INT(&w.redis, "XLEN " LIVE), 100);
    w.config.stream_keep_minutes = 60;
    step(t, clock_now_ms() + 45000);
    CHECK_INT(REDIS_INT(&w.redis, "XLEN " LIVE), 100);
    w.config.redis_max_bytes = 1; /* full */
    step(t, clock_now_ms() + 25000);
    CHECK_INT(REDIS_INT(&w.redis, "XLEN " LIVE), 100);
    step(t, clock_now_ms() + 45000);
    CHECK(REDIS_INT(&w.redis, "XLEN " LIVE) <= 20);
    trim_free(t);
    lane_stop(&l);
    world_stop(&w);
}

TEST(hard_drops_what_is_too_much_although_unread_and_counts_it)
{
    struct world w;
    struct trim *t;

    world_start(&w, 1);
    w.config.stream_maxlen = 100;
    REDIS_DO(&w.redis, "CONFIG SET stream-node-max-entries 10");
    add_many(&w, LIVE, 500);
    t = trim_new(&w.config, &w.streams, w.redis.ask);
    step(t, clock_now_ms());
    CHECK_INT(REDIS_INT(&w.redis, "XLEN " LIVE), 500);
    w.config.stream_trim_hard = true;
    step(t, clock_now_ms());
    CHECK(REDIS_INT(&w.redis, "XLEN " LIVE) >= 100 && REDIS_INT(&w.redis, "XLEN " LIVE) <= 110);
    CHECK_INT(metric_get(METRIC_WORKER_TRIMMED_HARD), 500 - REDIS_INT(&w.redis, "XLEN " LIVE));
    trim_free(t);
    world_stop(&w);
}

TEST(trims_a_backlog_larger_than_one_call_and_at_a_full_redis)
{
    struct world w;
    struct lane l;
    struct message_list got = {0};
    struct trim *t;

    world_start(&w, 1);
    add_many(&w, LIVE, 25000);
    lane_start(&l, &w, "w-0");
    lane_read(&l, 30000, 0, &got);
    CHECK(got.count > 10000);
    for (int i = 0; i < 5 && got.count < 25000; i++)
        lane_read(&l, 30000, 0, &got);
    CHECK_INT(got.count, 25000);
    lane_settle_as(&l, &got, OUTCOME_DONE, DEAD_UNKNOWN, NULL);
    REDIS_DO(&w.redis, "CONFIG SET maxmemory 1");
    t = trim_new(&w.config, &w.streams, w.redis.ask);
    step(t, clock_now_ms());
    CHECK(REDIS_INT(&w.redis, "XLEN " LIVE) <= 100);
    trim_free(t);
    lane_stop(&l);
    world_stop(&w);
}

TEST(an_unknown_lag_is_not_zero)
{
    struct world w;
    struct trim *t;
    redisReply *r;

    world_start(&w, 1);
    add_many(&w, LIVE, 5 + XINFO_COUNTED); /* of less it would be counted */
    r = redis_ask(&w.redis, "XRANGE %s - + COUNT 3", LIVE);
    REDIS_DO(&w.redis, "XGROUP CREATE %s workers %s", LIVE, r->element[2]->element[0]->str);
    freeReplyObject(r);
    REDIS_DO(&w.redis, "XGROUP CREATE %s workers 0 MKSTREAM", BULK);
    t = trim_new(&w.config, &w.streams, w.redis.ask);
    step(t, clock_now_ms());
    CHECK_INT(metric_get(METRIC_WORKER_LAG), -1);
    trim_free(t);
    world_stop(&w);
}

TEST(waits_for_its_interval_and_tells_when_redis_is_gone)
{
    struct world w;
    struct trim *t;
    struct link *link;
    struct err err = {0};

    world_start(&w, 1);
    w.config.trim_interval_ms = 60000;
    link = link_new(&w.redis.url, "trim", 1000);
    t = trim_new(&w.config, &w.streams, link);
    CHECK(trim_step(t, clock_now_ms(), &err));
    kill(w.redis.pid, SIGKILL);
    waitpid(w.redis.pid, NULL, 0);
    CHECK(trim_step(t, clock_now_ms(), &err));
    trim_free(t);
    t = trim_new(&w.config, &w.streams, link);
    CHECK(!trim_step(t, clock_now_ms(), &err));
    CHECK_INT(err.domain, ERR_REDIS);
    trim_free(t);
    link_free(link);
    link_free(w.redis.ask);
    streams_deinit(&w.streams);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(
        argc, argv, CASE(never_trims_what_is_unread_or_pending), CASE(a_parked_entry_pins_the_floor),
        CASE(the_floor_is_told_with_the_group_that_holds_it), CASE(finished_entries_stay_for_the_keep_window),
        CASE(what_the_server_may_ask_for_stays_and_above_the_mark_nothing_more),
        CASE(hard_drops_what_is_too_much_although_unread_and_counts_it),
        CASE(trims_a_backlog_larger_than_one_call_and_at_a_full_redis), CASE(an_unknown_lag_is_not_zero),
        CASE(waits_for_its_interval_and_tells_when_redis_is_gone));
}
