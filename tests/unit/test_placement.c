/* test_placement.c - which partitions a server uses, on a real Redis. */
#include "server/placement.h"

#include <pthread.h>

#include "common/log.h"
#include "common/metrics.h"
#include "tests/unit/redis_server.h"

static const struct config config = {.stream_partitions = 7};

static struct placement *begin(struct redis_server *s, const char *record)
{
    struct err err = {0};

    log_setup("test", LOG_ERROR, false);
    redis_server_start(s);
    if (record)
        freeReplyObject(link_call(s->ask, 3, (const char *[]){"SET", "webhooks:layout", record}, NULL, &err));
    return placement_new(&config);
}

static void end(struct redis_server *s, struct placement *p)
{
    placement_free(p);
    redis_server_stop(s);
}

static void check_record(struct redis_server *s, const char *wanted)
{
    redisReply *r = redis_ask(s, "GET webhooks:layout");

    CHECK_TEXT(r->str ? r->str : "none", wanted);
    freeReplyObject(r);
}

TEST(the_record_wins_over_the_setting_and_is_left_as_it_is)
{
    struct redis_server s;
    struct placement *p = begin(&s, "in_use=3 most=5");

    placement_start(p, &s.url, NULL);
    CHECK_INT(placement_partitions(p), 3);
    placement_finish(p, &s.url, NULL);
    check_record(&s, "in_use=3 most=5");
    CHECK_INT(metric_get(METRIC_SERVER_PARTITIONS), 3);
    CHECK_INT(metric_get(METRIC_SERVER_PARTITIONS_MOST), 5);
    end(&s, p);
}

TEST(where_there_is_none_the_setting_makes_it)
{
    struct redis_server s;
    struct placement *p = begin(&s, NULL);

    placement_start(p, &s.url, NULL);
    CHECK_INT(placement_partitions(p), 7);
    check_record(&s, "in_use=7 most=7");
    end(&s, p);
}

/* Redis was away when events came: what the guess has used is read by nobody until it is on record. */
TEST(a_guess_that_was_used_is_recorded_and_one_that_was_not_is_none)
{
    struct redis_server s;
    struct placement *p = begin(&s, "in_use=2 most=3"), *idle = placement_new(&config);

    CHECK_INT(placement_partitions(p), 7);
    placement_start(idle, &s.url, NULL);
    check_record(&s, "in_use=2 most=3");
    placement_start(p, &s.url, NULL);
    check_record(&s, "in_use=2 most=7");
    CHECK_INT(placement_partitions(p), 2);
    placement_free(idle);
    end(&s, p);
}

TEST(what_was_drained_last_is_on_record_at_the_end)
{
    struct redis_server s;
    struct placement *p = begin(&s, "in_use=2 most=3");

    placement_start(p, &s.url, NULL);
    placement_used(p, 2);
    placement_finish(p, &s.url, NULL);
    check_record(&s, "in_use=2 most=3");
    placement_used(p, 9);
    placement_used(p, 4);
    placement_finish(p, &s.url, NULL);
    check_record(&s, "in_use=2 most=10");
    end(&s, p);
}

TEST(a_record_that_is_not_readable_changes_nothing)
{
    struct redis_server s;
    struct placement *p = begin(&s, "in_use=2 most=3");

    placement_start(p, &s.url, NULL);
    REDIS_DO(&s, "SET webhooks:layout 16");
    placement_start(p, &s.url, NULL);
    CHECK_INT(placement_partitions(p), 2);
    CHECK_INT(metric_get(METRIC_SERVER_LAYOUT_UNREADABLE), 1);
    check_record(&s, "16");
    REDIS_DO(&s, "DEL webhooks:layout");
    placement_start(p, &s.url, NULL);
    check_record(&s, "in_use=2 most=3");
    CHECK_INT(metric_get(METRIC_SERVER_LAYOUT_UNREADABLE), 0);
    end(&s, p);
}

/* What placement_start needs, on a thread. */
struct asking {
    struct placement *placement;
    struct redis_server *server;
};

static void *ask_on_thread(void *arg)
{
    struct asking *a = arg;

    placement_start(a->placement, &a->server->url, NULL);
    return NULL;
}

/* The question has reached Redis, which holds it back. */
static void wait_question(struct redis_server *s)
{
    bool there = false;

    for (int i = 0; i < 500 && !there; i++) {
        redisReply *r = redis_ask(s, "CLIENT LIST");

        there = strstr(r->str, "cmd=eval") != NULL;
        freeReplyObject(r);
        wait_ms(2);
    }
    CHECK(there);
}

/* Another loop looks up where an event belongs between the question and its answer, and stores it after. The answer knows
 * nothing of that partition, and the record must. */
TEST(a_partition_looked_up_while_the_layout_changes_is_on_record_afterwards)
{
    struct redis_server s;
    struct placement *p = begin(&s, "in_use=2 most=3");
    struct asking asking = {p, &s};
    pthread_t thread;

    REDIS_DO(&s, "CLIENT PAUSE 20000 WRITE");
    CHECK(pthread_create(&thread, NULL, ask_on_thread, &asking) == 0);
    wait_question(&s);
    CHECK_INT(placement_partitions(p), 7);
    REDIS_DO(&s, "CLIENT UNPAUSE");
    pthread_join(thread, NULL);
    CHECK_INT(placement_partitions(p), 2);
    check_record(&s, "in_use=2 most=3");
    placement_finish(p, &s.url, NULL); /* as the next tick does */
    check_record(&s, "in_use=2 most=7");
    end(&s, p);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(the_record_wins_over_the_setting_and_is_left_as_it_is),
                        CASE(where_there_is_none_the_setting_makes_it),
                        CASE(a_guess_that_was_used_is_recorded_and_one_that_was_not_is_none),
                        CASE(what_was_drained_last_is_on_record_at_the_end),
                        CASE(a_record_that_is_not_readable_changes_nothing),
                        CASE(a_partition_looked_up_while_the_layout_changes_is_on_record_afterwards));
}
