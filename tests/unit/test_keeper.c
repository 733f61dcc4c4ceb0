/* test_keeper.c - heartbeats, name locks and the idle time of entries in work, against a real Redis. */
#include "worker/keeper.h"

#include <pthread.h>

#include "tests/unit/lane_fixture.h"
#include "worker/layout_ask.h"

#define BEAT "webhooks:{0}:worker:w-0"

static struct keeper *start(struct world *w, const char *const *names, size_t n, struct err *err)
{
    return keeper_start(&w->config, &w->redis.url, &w->streams, names, n, err);
}

TEST(a_heartbeat_lives_three_intervals_and_is_renewed)
{
    static const char *const names[] = {"w-0", "w-1"};
    struct world w;
    struct keeper *k;
    struct err err = {0};
    redisReply *r;

    world_start(&w, 2);
    w.config.heartbeat_ms = 100;
    k = start(&w, names, 2, &err);
    CHECK(k != NULL);
    wait_ms(700);
    r = redis_ask(&w.redis, "GET " BEAT);
    CHECK(r->type == REDIS_REPLY_STRING && strncmp(r->str, "pid=", 4) == 0);
    CHECK(strstr(r->str, " version=") && strstr(r->str, " started_ms=") && strstr(r->str, " token="));
    freeReplyObject(r);
    CHECK(REDIS_INT(&w.redis, "PTTL " BEAT) <= 300);
    CHECK_INT(
        REDIS_INT(&w.redis, "EXISTS webhooks:{0}:worker:w-1 webhooks:{1}:worker:w-0 webhooks:{1}:worker:w-1"),
        3);
    CHECK(keeper_silence_ms(k) < 300);
    REDIS_DO(&w.redis, "DEL " BEAT);
    wait_ms(250);
    CHECK_INT(REDIS_INT(&w.redis, "EXISTS " BEAT), 1);
    keeper_stop(k);
    CHECK_INT(REDIS_INT(&w.redis, "DBSIZE"), 1); /* the layout */
    CHECK_INT(REDIS_INT(&w.redis, "EXISTS webhooks:layout"), 1);
    keeper_stop(NULL);
    world_stop(&w);
}

TEST(a_name_in_use_is_refused)
{
    static const char *const names[] = {"w-0"};
    struct world w;
    struct keeper *k;
    struct err err = {0};

    world_start(&w, 1);
    w.config.heartbeat_ms = 100;
    k = start(&w, names, 1, &err);
    CHECK(k != NULL);
    CHECK(start(&w, names, 1, &err) == NULL);
    CHECK_INT(err.domain, ERR_CONFIG);
    CHECK_TEXT(err.text, "worker name w-0 is in use");
    CHECK_INT(REDIS_INT(&w.redis, "EXISTS " BEAT), 1); /* the loser leaves the winner's key alone */
    keeper_stop(k);
    world_stop(&w);
}

TEST(a_crashed_predecessor_is_waited_for)
{
    static const char *const names[] = {"w-0"};
    struct world w;
    struct keeper *k;
    struct err err = {0};
    int64_t begin;

    world_start(&w, 1);
    REDIS_DO(&w.redis, "SET " BEAT " pid=1 PX 600");
    begin = clock_mono_ms();
    k = start(&w, names, 1, &err);
    CHECK(k != NULL);
    CHECK(clock_mono_ms() - begin >= 500 && clock_mono_ms() - begin < 1900);
    keeper_stop(k);
    world_stop(&w);
}

TEST(redis_away_at_start_is_a_sentence)
{
    static const char *const names[] = {"w-0"};
    struct world w;
    struct err err = {0};

    world_start(&w, 1);
    snprintf(w.redis.url.path, sizeof(w.redis.url.path), "./nobody.sock");
    CHECK(start(&w, names, 1, &err) == NULL);
    CHECK_INT(err.domain, ERR_REDIS);
    world_stop(&w);
}

TEST(entries_in_work_are_kept_from_others_and_left_alone_once_dropped)
{
    struct world w;
    struct lane l;
    struct message_list got = {0};
    redisReply *r;

    world_start(&w, 1);
    lane_start(&l, &w, "w-0");
    add_many(&w, LIVE, 700);
    add_many(&w, BULK, 10);
    lane_read(&l, 10000, 0, &got);
    CHECK_INT(got.count, 710);
    wait_ms(700);
    r = redis_ask(&w.redis, "XAUTOCLAIM %s workers thief 500 0-0 COUNT 1000 JUSTID", LIVE);
    CHECK_INT(r->element[1]->elements, 0);
    freeReplyObject(r);
    r = redis_ask(&w.redis, "XPENDING %s workers - + 10 w-0", LIVE); /* refreshing counts nothing */
    CHECK_INT(r->elements, 10);
    CHECK_INT(r->element[0]->element[3]->integer, 1);
    freeReplyObject(r);
    for (const struct message *m = got.first; m; m = m->next)
        keeper_drop(l.keeper, 0, m);
    REDIS_DO(&w.redis, "XCLAIM %s workers parked 0 %s IDLE 1000 RETRYCOUNT 1 JUSTID", LIVE,
             got.first->stream_id);
    wait_ms(700);
    CHECK_INT(pending_of(&w, LIVE, "parked"), 1);
    r = redis_ask(&w.redis, "XAUTOCLAIM %s workers thief 500 0-0 COUNT 1000 JUSTID", LIVE);
    CHECK_INT(r->element[1]->elements, 700);
    freeReplyObject(r);
    message_list_deinit(&got);
    lane_stop(&l);
    world_stop(&w);
}

static void repartition(struct world *w, int in_use)
{
    struct layout before, now;
    struct err err = {0};

    if (!layout_ask_change(w->redis.ask, in_use, &(struct layout){in_use, 0}, &before, &now, &err))
        CHECK_TEXT(err.text, "a change");
}

static void wait_in_use(struct world *w, int in_use)
{
    int64_t until = clock_mono_ms() + 5000;

    while (streams_in_use(&w->streams) != in_use && clock_mono_ms() < until)
        wait_ms(2);
    CHECK_INT(streams_in_use(&w->streams), in_use);
}

TEST(lanes_hear_of_new_partitions_when_their_heartbeats_are_there)
{
    static const char *const names[] = {"w-0", "w-1"};
    struct world w;
    struct keeper *k;
    struct err err = {0};

    world_start(&w, 1);
    k = start(&w, names, 2, &err);
    CHECK(k != NULL);
    repartition(&w, 3);
    wait_in_use(&w, 3);
    CHECK_INT(REDIS_INT(&w.redis,
                        "EXISTS webhooks:{0}:worker:w-0 webhooks:{0}:worker:w-1 webhooks:{1}:worker:w-0 "
                        "webhooks:{1}:worker:w-1 webhooks:{2}:worker:w-0 webhooks:{2}:worker:w-1"),
              6);
    CHECK_INT(streams_most(&w.streams), 3);
    repartition(&w, 2);
    wait_in_use(&w, 2);
    CHECK_INT(streams_most(&w.streams), 3); /* what is there is read on */
    CHECK_INT(metric_get(METRIC_WORKER_PARTITIONS), 2);
    CHECK_INT(metric_get(METRIC_WORKER_PARTITIONS_MOST), 3);
    keeper_stop(k);
    CHECK_INT(REDIS_INT(&w.redis, "DBSIZE"), 1); /* the layout */
    world_stop(&w);
}

TEST(the_layout_that_was_recorded_wins_over_the_setting_at_start)
{
    static const char *const names[] = {"w-0"};
    struct world w;
    struct keeper *k;
    struct err err = {0};

    world_start(&w, 7);
    repartition(&w, 3);
    k = start(&w, names, 1, &err);
    CHECK(k != NULL);
    CHECK_INT(streams_in_use(&w.streams), 3);
    CHECK_INT(streams_most(&w.streams), 3);
    CHECK_INT(REDIS_INT(&w.redis, "EXISTS webhooks:{2}:worker:w-0 webhooks:{3}:worker:w-0"), 1);
    keeper_stop(k);
    world_stop(&w);
}

TEST(a_layout_that_is_not_readable_changes_nothing_until_it_is)
{
    static const char *const names[] = {"w-0"};
    struct world w;
    struct keeper *k;
    struct err err = {0};
    int64_t until = clock_mono_ms() + 5000;

    world_start(&w, 2);
    REDIS_DO(&w.redis, "RPUSH webhooks:layout 1");
    k = start(&w, names, 1, &err); /* nothing is known, so the setting is all there is */
    CHECK(k != NULL);
    CHECK_INT(streams_in_use(&w.streams), 2);
    CHECK_INT(metric_get(METRIC_WORKER_LAYOUT_UNREADABLE), 1);
    REDIS_DO(&w.redis, "DEL webhooks:layout");
    while (metric_get(METRIC_WORKER_LAYOUT_UNREADABLE) && clock_mono_ms() < until)
        wait_ms(2);
    CHECK_INT(metric_get(METRIC_WORKER_LAYOUT_UNREADABLE), 0);
    CHECK_INT(REDIS_INT(&w.redis, "EXISTS webhooks:layout"), 1);
    CHECK_INT(streams_most(&w.streams), 2);
    keeper_stop(k);
    world_stop(&w);
}

TEST(survives_an_outage_of_redis)
{
    struct world w;
    struct lane l;
    struct message_list got = {0};

    world_start(&w, 1);
    w.config.heartbeat_ms = 50;
    add(&w, LIVE, 1, 1);
    lane_start(&l, &w, "w-0");
    lane_read(&l, 10, 0, &got);
    kill(w.redis.pid, SIGKILL);
    waitpid(w.redis.pid, NULL, 0);
    wait_ms(400);
    CHECK(keeper_silence_ms(l.keeper) >= 300);
    redis_server_fork(&w.redis);
    wait_ms(400);
    CHECK(keeper_silence_ms(l.keeper) < 300);
    CHECK_INT(REDIS_INT(&w.redis, "EXISTS " BEAT), 1);
    message_list_deinit(&got);
    lane_stop(&l);
    world_stop(&w);
}

/* Two lanes enter and remove as fast as they can while the keeper refreshes: for the thread sanitizer. */
struct churner {
    struct keeper *keeper;
    size_t lane;
};

static void *churn(void *arg)
{
    struct churner *c = arg;
    struct message m = {.stream = (int)c->lane};

    for (int i = 0; i < 20000; i++) {
        snprintf(m.stream_id, sizeof(m.stream_id), "%d-%d", 1 + i % 500, (int)c->lane);
        if (i / 500 % 2)
            keeper_drop(c->keeper, c->lane, &m);
        else
            keeper_hold(c->keeper, c->lane, &m);
        (void)keeper_silence_ms(c->keeper);
    }
    return NULL;
}

TEST(lanes_and_keeper_do_not_get_in_each_others_way)
{
    static const char *const names[] = {"w-0", "w-1"};
    struct world w;
    struct err err = {0};
    struct churner c[2];
    pthread_t threads[2];

    world_start(&w, 1);
    w.config.keep_alive_ms = 10;
    w.config.heartbeat_ms = 10;
    REDIS_DO(&w.redis, "XGROUP CREATE %s workers 0 MKSTREAM", LIVE);
    c[0] = (struct churner){start(&w, names, 2, &err), 0};
    CHECK(c[0].keeper != NULL);
    c[1] = (struct churner){c[0].keeper, 1};
    for (int i = 0; i < 2; i++)
        CHECK(pthread_create(&threads[i], NULL, churn, &c[i]) == 0);
    for (int i = 0; i < 2; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(!keeper_holds(c[0].keeper, 0, 0, "1-0"));
    keeper_stop(c[0].keeper);
    world_stop(&w);
}

/* Nobody ran who could remember it. */
TEST(a_layout_deleted_while_no_program_ran_does_not_lose_partitions_that_hold_entries)
{
    static const char *const names[] = {"w-0"};
    struct world w;
    struct keeper *k;
    struct err err = {0};
    redisReply *r;

    world_start(&w, 2);
    REDIS_DO(&w.redis, "XADD webhooks:{5} * a b");
    REDIS_DO(&w.redis, "XADD webhooks:{3}:bulk * a b");
    k = start(&w, names, 1, &err);
    CHECK(k != NULL);
    CHECK_INT(streams_most(&w.streams), 6);
    CHECK_INT(streams_in_use(&w.streams), 2);
    r = redis_ask(&w.redis, "GET webhooks:layout");
    CHECK_TEXT(r->str, "in_use=2 most=6");
    freeReplyObject(r);
    CHECK_INT(REDIS_INT(&w.redis, "EXISTS webhooks:{5}:worker:w-0"), 1);
    keeper_stop(k);
    REDIS_DO(&w.redis, "XADD webhooks:{255}:dead * a b");
    k = start(&w, names, 1, &err);
    CHECK(k != NULL);
    CHECK_INT(streams_most(&w.streams), 256);
    keeper_stop(k);
    world_stop(&w);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(
        argc, argv, CASE(a_heartbeat_lives_three_intervals_and_is_renewed), CASE(a_name_in_use_is_refused),
        CASE(a_crashed_predecessor_is_waited_for), CASE(redis_away_at_start_is_a_sentence),
        CASE(entries_in_work_are_kept_from_others_and_left_alone_once_dropped),
        CASE(survives_an_outage_of_redis), CASE(lanes_and_keeper_do_not_get_in_each_others_way),
        CASE(lanes_hear_of_new_partitions_when_their_heartbeats_are_there),
        CASE(the_layout_that_was_recorded_wins_over_the_setting_at_start),
        CASE(a_layout_that_is_not_readable_changes_nothing_until_it_is),
        CASE(a_layout_deleted_while_no_program_ran_does_not_lose_partitions_that_hold_entries));
}
