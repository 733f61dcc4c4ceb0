/* test_consumer_group.c - making the group, on a real server. */
#include "worker/consumer_group.h"

#include "tests/unit/redis_server.h"

/* Makes the groups of one partition; fails the case with the reason. */
static void create(struct redis_server *s)
{
    struct streams streams = {0};
    struct err err = {0};

    CHECK(streams_init(&streams, 1));
    if (!consumer_group_create(s->ask, &streams, 0, streams_count(&streams), &err))
        CHECK_TEXT(err.text, "no error");
    streams_deinit(&streams);
}

TEST(makes_the_group_at_the_first_entry_and_leaves_one_that_is_there)
{
    struct redis_server s;

    redis_server_start(&s);
    REDIS_DO(&s, "XADD webhooks:{0} 1-1 v 1");
    create(&s);
    REDIS_DO(&s, "XREADGROUP GROUP workers me STREAMS webhooks:{0} >");
    create(&s);
    CHECK_INT(REDIS_INT(&s, "XACK webhooks:{0} workers 1-1"), 1);
    CHECK_INT(REDIS_INT(&s, "XLEN webhooks:{0}:bulk"), 0);
    redis_server_stop(&s);
}

TEST(makes_the_group_also_when_redis_is_full)
{
    struct redis_server s;
    redisReply *r;

    redis_server_start(&s);
    REDIS_DO(&s, "XADD webhooks:{0} 1-1 v 1");
    REDIS_DO(&s, "CONFIG SET maxmemory 1");
    r = redis_ask(&s, "XADD webhooks:{0} 2-1 v 1");
    CHECK(link_error_is(r, "OOM"));
    freeReplyObject(r);
    create(&s);
    create(&s);
    REDIS_DO(&s, "XREADGROUP GROUP workers me STREAMS webhooks:{0} >");
    CHECK_INT(REDIS_INT(&s, "XACK webhooks:{0} workers 1-1"), 1);
    redis_server_stop(&s);
}

TEST(a_refusal_is_told)
{
    struct redis_server s;
    struct streams streams = {0};
    struct err err = {0};

    redis_server_start(&s);
    CHECK(streams_init(&streams, 1));
    REDIS_DO(&s, "SET webhooks:{0} x");
    CHECK(!consumer_group_create(s.ask, &streams, 0, streams_count(&streams), &err));
    CHECK(strstr(err.text, "WRONGTYPE") != NULL);
    streams_deinit(&streams);
    redis_server_stop(&s);
}

TEST(only_the_streams_asked_for_get_it)
{
    struct redis_server s;
    struct streams streams = {0};
    struct err err = {0};

    redis_server_start(&s);
    CHECK(streams_init(&streams, 3));
    CHECK(consumer_group_create(s.ask, &streams, 2, 4, &err));
    CHECK_INT(REDIS_INT(&s, "EXISTS webhooks:{0} webhooks:{0}:bulk webhooks:{2} webhooks:{2}:bulk"), 0);
    CHECK_INT(REDIS_INT(&s, "EXISTS webhooks:{1} webhooks:{1}:bulk"), 2);
    streams_deinit(&streams);
    redis_server_stop(&s);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(makes_the_group_at_the_first_entry_and_leaves_one_that_is_there),
                        CASE(makes_the_group_also_when_redis_is_full), CASE(a_refusal_is_told),
                        CASE(only_the_streams_asked_for_get_it));
}
