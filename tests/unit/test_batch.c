/* test_batch.c - stage 1 against a real Redis: new entries, their order and bounds, and what heals itself. */
#include "worker/batch.h"

#include <pthread.h>

#include "tests/unit/lane_fixture.h"

TEST(live_entries_come_before_bulk_ones)
{
    struct world w;
    struct lane l;
    struct message_list got = {0};

    world_start(&w, 1);
    add(&w, BULK, 1, 2);
    add(&w, LIVE, 3, 3);
    add_kind(&w, LIVE, 4, 4, "other");
    lane_start(&l, &w, "w-0");
    lane_read(&l, 100, 0, &got);
    CHECK_INT(got.count, 4);
    CHECK_TEXT(got.first->entry.id.data, "3");
    CHECK_INT(got.first->stream, 0);
    CHECK_INT(got.first->deliveries, 1);
    CHECK(!got.first->repeat);
    CHECK(got.first->entry.body.data == NULL);
    CHECK_TEXT(got.first->next->entry.body.data, "{\"n\":4}");
    CHECK_INT(got.last->stream, 1);
    CHECK(keeper_holds(l.keeper, 0, 1, got.last->stream_id));
    lane_settle_as(&l, &got, OUTCOME_DONE, DEAD_UNKNOWN, NULL);
    CHECK_INT(pending(&w, LIVE), 0);
    CHECK_INT(pending(&w, BULK), 0);
    lane_stop(&l);
    world_stop(&w);
}

TEST(reads_on_when_it_is_behind_and_stops_at_the_room)
{
    struct world w;
    struct lane l;
    struct message_list got = {0};

    world_start(&w, 1);
    lane_start(&l, &w, "w-0");
    add_many(&w, LIVE, 2500);
    add_many(&w, BULK, 50);
    lane_read(&l, 700, 0, &got);
    CHECK_INT(got.count, 700);
    lane_read(&l, 10000, 0, &got);
    CHECK_INT(got.count, 2550);
    CHECK_TEXT(got.first->entry.id.data, "1");
    CHECK_INT(got.last->stream, 1);
    message_list_deinit(&got);
    add_many(&w, LIVE, 100);
    lane_read(&l, 0, 0, &got);
    CHECK_INT(got.count, 0);
    lane_stop(&l);
    world_stop(&w);
}

TEST(large_entries_fill_the_bytes_before_the_count)
{
    struct world w;
    struct lane l;
    struct message_list got = {0};
    struct err err = {0};
    char body[20001];

    world_start(&w, 1);
    memset(body, 'b', sizeof(body) - 1);
    body[sizeof(body) - 1] = '\0';
    for (int i = 0; i < 300; i++)
        REDIS_DO(&w.redis,
                 "XADD %s * v 1 platform tiktok shop 7 topic 1 kind other id %d recv_ms 1718305585123 key k "
                 "src webhook "
                 "trace t body %s",
                 LIVE, i, body);
    lane_start(&l, &w, "w-0");
    for (int i = 0; i < 30; i++) {
        size_t before = got.bytes;

        CHECK(batch_read(l.reader, 10000, 400000, 0, &got, &err));
        /* the first reads learn how large entries are here */
        CHECK(i < 1 || got.bytes - before <= 800000);
    }
    CHECK_INT(got.count, 300);
    message_list_deinit(&got);
    lane_stop(&l);
    world_stop(&w);
}

TEST(bodies_are_kept_of_everything_that_is_not_fetched)
{
    static const struct {
        const char *platform, *kind;
        bool kept;
    } rows[] = {{"tiktok", "order", false}, {"tiktok", "other", true}, {"lazada", "order", true}};
    struct world w;
    struct lane l;
    struct message_list got = {0};
    size_t i = 0;

    world_start(&w, 1);
    lane_start(&l, &w, "w-0");
    for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++)
        REDIS_DO(
            &w.redis,
            "XADD %s * v 1 platform %s shop 7 topic 1 kind %s id 1 recv_ms 1718305585123 key k src webhook "
            "trace t body b",
            LIVE, rows[r].platform, rows[r].kind);
    lane_read(&l, 10, 0, &got);
    CHECK_INT(got.count, 3);
    for (const struct message *m = got.first; m; m = m->next)
        CHECK_INT(m->entry.body.data != NULL, rows[i++].kept);
    message_list_deinit(&got);
    lane_stop(&l);
    world_stop(&w);
}

TEST(more_partitions_than_room_are_served_in_turn)
{
    struct world w;
    struct lane l;
    struct message_list got = {0};

    world_start(&w, 16);
    lane_start(&l, &w, "w-0");
    for (int p = 0; p < 16; p++) {
        char key[KEYS_STREAM_MAX];

        keys_live(key, p);
        add_many(&w, key, 3);
    }
    for (int i = 0; i < 40 && got.count < 48; i++) {
        size_t before = got.count;

        lane_read(&l, 5, 0, &got);
        CHECK(got.count - before <= 5);
    }
    CHECK_INT(got.count, 48);
    message_list_deinit(&got);
    lane_read(&l, 5, 20, &got);
    CHECK_INT(got.count, 0);
    lane_stop(&l);
    world_stop(&w);
}

static void *add_later(void *arg)
{
    struct world *w = arg;
    struct link *l = link_new(&w->redis.url, "later", 1000);
    struct err err = {0};

    for (int i = 0; i < 2; i++) {
        wait_ms(100);
        freeReplyObject(link_call(l, 25, (const char *[]){"XADD",    i == 0 ? BULK : LIVE,
                                                          "*",       "v",
                                                          "1",       "platform",
                                                          "tiktok",  "shop",
                                                          "7",       "topic",
                                                          "1",       "kind",
                                                          "order",   "id",
                                                          "9",       "recv_ms",
                                                          "5",       "key",
                                                          "k",       "src",
                                                          "webhook", "trace",
                                                          "t",       "x",
                                                          "y"},
                                  NULL, &err));
    }
    link_free(l);
    return NULL;
}

TEST(waits_for_the_first_entry_and_lingers_once_for_company)
{
    struct world w;
    struct lane l;
    struct message_list got = {0};
    pthread_t thread;
    int64_t begin;

    world_start(&w, 1);
    w.config.batch_linger_ms = 300;
    lane_start(&l, &w, "w-0");
    lane_read(&l, 100, 0, &got);
    CHECK_INT(got.count, 0);
    begin = clock_mono_ms();
    CHECK(pthread_create(&thread, NULL, add_later, &w) == 0);
    lane_read(&l, 100, 5000, &got);
    CHECK_INT(got.count, 2);
    CHECK(clock_mono_ms() - begin >= 380 && clock_mono_ms() - begin < 3000);
    CHECK(pthread_join(thread, NULL) == 0);
    begin = clock_mono_ms();
    lane_read(&l, 100, 150, &got);
    CHECK(clock_mono_ms() - begin >= 140);
    message_list_deinit(&got);
    lane_stop(&l);
    world_stop(&w);
}

static void *add_burst_later(void *arg)
{
    wait_ms(100);
    add_many(arg, LIVE, 2500);
    return NULL;
}

/* Or 300 entries of a thousand shops would make 300 calls of one id each. */
TEST(reads_on_when_a_burst_ends_the_wait)
{
    struct world w;
    struct lane l;
    struct message_list got = {0};
    pthread_t thread;

    world_start(&w, 1);
    w.config.read_count = 300;
    lane_start(&l, &w, "w-0");
    CHECK(pthread_create(&thread, NULL, add_burst_later, &w) == 0);
    lane_read(&l, 10000, 5000, &got);
    CHECK_INT(got.count, 2500);
    CHECK(pthread_join(thread, NULL) == 0);
    message_list_deinit(&got);
    lane_stop(&l);
    world_stop(&w);
}

/* One entry in a hundred shapes of wrong reaches the dead letters alone; its neighbours go through. */
TEST(a_malformed_entry_comes_judged_and_alone)
{
    static const char *const binary[] = {"XADD", LIVE, "*", "\0\xFF\r\n", "\0", "v", "1"};
    const size_t lengths[] = {4, 12, 1, 4, 1, 1, 1};
    struct world w;
    struct lane l;
    struct message_list got = {0}, bad = {0}, good = {0};
    struct message *m;
    struct err err = {0};

    world_start(&w, 1);
    add(&w, LIVE, 1, 2);
    REDIS_DO(&w.redis, "XADD %s * v 1", LIVE);
    REDIS_DO(&w.redis, "XADD %s * v 2 platform tiktok", LIVE);
    REDIS_DO(&w.redis, "XADD %s * a b", LIVE);
    freeReplyObject(link_call(w.redis.ask, 7, (const char **)(uintptr_t)binary, lengths, &err));
    add(&w, LIVE, 3, 4);
    lane_start(&l, &w, "w-0");
    lane_read(&l, 100, 0, &got);
    CHECK_INT(got.count, 8);
    while ((m = message_pop(&got)) != NULL)
        message_append(m->readable ? &good : &bad, m);
    CHECK_INT(bad.count, 4);
    CHECK_INT(bad.first->outcome, OUTCOME_POISON);
    message_judge_list(&good, OUTCOME_DONE, DEAD_UNKNOWN, NULL);
    message_splice(&good, &bad);
    lane_settle(&l, &good);
    CHECK_INT(pending(&w, LIVE), 0);
    CHECK_INT(REDIS_INT(&w.redis, "XLEN " DEAD), 4);
    CHECK_TEXT(dead_field(&w, "_class"), "bad_payload");
    CHECK_TEXT(dead_field(&w, "_body"), "1");
    CHECK(strstr(dead_field(&w, "_err"), "missing") != NULL);
    lane_stop(&l);
    world_stop(&w);
}

TEST(an_entry_of_a_newer_writer_with_a_hundred_fields_is_read)
{
    struct world w;
    struct lane l;
    struct message_list got = {0};
    struct strbuf more = STRBUF_INIT;

    world_start(&w, 1);
    for (int i = 0; i < 100; i++)
        strbuf_add_format(&more, " new%d x", i);
    REDIS_DO(&w.redis,
             "XADD %s * v 1 platform tiktok shop 7 topic 1 kind order id 5 recv_ms 1718305585123 key k src "
             "webhook "
             "trace t%s",
             LIVE, strbuf_text(&more));
    strbuf_deinit(&more);
    lane_start(&l, &w, "w-0");
    lane_read(&l, 100, 0, &got);
    CHECK_INT(got.count, 1);
    CHECK(got.first->readable);
    CHECK_TEXT(got.first->entry.id.data, "5");
    message_list_deinit(&got);
    lane_stop(&l);
    world_stop(&w);
}

TEST(makes_the_group_again_after_flushall_and_skips_nothing)
{
    struct world w;
    struct lane l;
    struct message_list got = {0}, again = {0};

    world_start(&w, 2);
    lane_start(&l, &w, "w-0");
    add(&w, LIVE, 1, 1);
    lane_read(&l, 100, 0, &got);
    CHECK_INT(got.count, 1);
    REDIS_DO(&w.redis, "FLUSHALL");
    add(&w, LIVE, 2, 3);
    lane_read_until(&l, 2, &again);
    CHECK_INT(again.count, 2);
    CHECK_TEXT(again.first->entry.id.data, "2");
    /* what was held before is settled without a word: nobody has it any more */
    lane_settle_as(&l, &got, OUTCOME_DONE, DEAD_UNKNOWN, NULL);
    lane_settle_as(&l, &again, OUTCOME_DONE, DEAD_UNKNOWN, NULL);
    CHECK_INT(pending(&w, LIVE), 0);
    lane_stop(&l);
    world_stop(&w);
}

static void *flush_later(void *arg)
{
    struct world *w = arg;
    struct link *l = link_new(&w->redis.url, "later", 1000);
    struct err err = {0};

    wait_ms(100);
    freeReplyObject(link_call(l, 3, (const char *[]){"DEL", LIVE, BULK}, NULL, &err));
    link_free(l);
    return NULL;
}

TEST(a_stream_deleted_under_a_blocked_read_comes_back)
{
    struct world w;
    struct lane l;
    struct message_list got = {0};
    pthread_t thread;
    int64_t begin;

    world_start(&w, 1);
    lane_start(&l, &w, "w-0");
    lane_read(&l, 100, 0, &got);
    CHECK(pthread_create(&thread, NULL, flush_later, &w) == 0);
    begin = clock_mono_ms();
    lane_read(&l, 100, 4000, &got);
    CHECK(clock_mono_ms() - begin < 3000);
    CHECK(pthread_join(thread, NULL) == 0);
    add(&w, LIVE, 1, 1);
    lane_read(&l, 100, 100, &got);
    CHECK_INT(got.count, 1);
    message_list_deinit(&got);
    lane_stop(&l);
    world_stop(&w);
}

TEST(a_group_that_keeps_vanishing_is_a_failure_not_a_hot_loop)
{
    struct world w;
    struct lane l;
    struct message_list got = {0};
    struct err err = {0};
    int failed = 0;

    world_start(&w, 1);
    lane_start(&l, &w, "w-0");
    for (int i = 0; i < 6; i++) {
        REDIS_DO(&w.redis, "DEL %s %s", LIVE, BULK);
        failed += !batch_read(l.reader, 100, 1 << 20, 0, &got, &err);
    }
    CHECK_INT(failed, 2); /* every second call finds the group gone; the first of them heals it at once */
    CHECK(strstr(err.text, "NOGROUP") != NULL);
    lane_stop(&l);
    world_stop(&w);
}

TEST(goes_on_reading_and_acking_when_redis_is_full)
{
    struct world w;
    struct lane l;
    struct message_list got = {0};

    world_start(&w, 1);
    add(&w, LIVE, 1, 3);
    REDIS_DO(&w.redis, "XGROUP CREATE %s workers 0", LIVE);
    REDIS_DO(&w.redis, "XGROUP CREATE %s workers 0 MKSTREAM", BULK);
    REDIS_DO(&w.redis, "CONFIG SET maxmemory 1");
    lane_start(&l, &w, "w-0"); /* also the keeper, which cannot set its key */
    lane_read(&l, 100, 0, &got);
    CHECK_INT(got.count, 3);
    lane_settle_as(&l, &got, OUTCOME_DONE, DEAD_UNKNOWN, NULL);
    CHECK_INT(pending(&w, LIVE), 0);
    CHECK_INT(REDIS_INT(&w.redis, "EXISTS webhooks:{0}:worker:w-0"), 0);
    REDIS_DO(&w.redis, "CONFIG SET maxmemory 0");
    wait_ms(700);
    CHECK_INT(REDIS_INT(&w.redis, "EXISTS webhooks:{0}:worker:w-0"), 1);
    lane_stop(&l);
    world_stop(&w);
}

TEST(a_demoted_server_is_a_failure_until_it_leads_again)
{
    struct world w;
    struct lane l;
    struct message_list got = {0};
    struct err err = {0};

    world_start(&w, 1);
    lane_start(&l, &w, "w-0");
    add(&w, LIVE, 1, 2);
    lane_read(&l, 1, 0, &got);
    CHECK_INT(got.count, 1);
    REDIS_DO(&w.redis, "REPLICAOF 127.0.0.1 1");
    CHECK(!batch_read(l.reader, 100, 1 << 20, 0, &got, &err));
    CHECK(strstr(err.text, "READONLY") != NULL);
    message_judge_list(&got, OUTCOME_DONE, DEAD_UNKNOWN, NULL);
    CHECK(!ack_settle(l.acker, &got, &err));
    CHECK_INT(ack_unconfirmed(l.acker), 1);
    REDIS_DO(&w.redis, "REPLICAOF NO ONE");
    lane_settle(&l, &got);
    lane_read_until(&l, 1, &got);
    CHECK_INT(got.count, 1);
    CHECK_INT(pending(&w, LIVE), 1);
    message_list_deinit(&got);
    lane_stop(&l);
    world_stop(&w);
}

/* No program is started anew: the streams there were keep their places, the new ones get their group and are read. */
TEST(partitions_that_come_at_run_time_are_read_too)
{
    struct world w;
    struct lane l;
    struct message_list got = {0};

    world_start(&w, 1);
    lane_start(&l, &w, "w-0");
    add(&w, LIVE, 1, 1);
    lane_read_until(&l, 1, &got);
    CHECK_INT(got.first->stream, streams_live(0));
    add(&w, "webhooks:{2}", 2, 2);
    add(&w, "webhooks:{1}:bulk", 3, 3);
    streams_follow(&w.streams, &(struct layout){3, 3});
    lane_read_until(&l, 3, &got);
    CHECK_INT(got.count, 3);
    CHECK_INT(got.first->next->stream, streams_live(2));
    CHECK_INT(got.last->stream, streams_bulk(1));
    CHECK_INT(pending(&w, "webhooks:{2}"), 1);
    lane_settle_as(&l, &got, OUTCOME_DONE, DEAD_UNKNOWN, NULL);
    CHECK_INT(pending(&w, "webhooks:{2}") + pending(&w, "webhooks:{1}:bulk") + pending(&w, LIVE), 0);
    lane_stop(&l);
    world_stop(&w);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(live_entries_come_before_bulk_ones),
                        CASE(reads_on_when_it_is_behind_and_stops_at_the_room),
                        CASE(large_entries_fill_the_bytes_before_the_count),
                        CASE(bodies_are_kept_of_everything_that_is_not_fetched),
                        CASE(more_partitions_than_room_are_served_in_turn),
                        CASE(waits_for_the_first_entry_and_lingers_once_for_company),
                        CASE(reads_on_when_a_burst_ends_the_wait),
                        CASE(a_malformed_entry_comes_judged_and_alone),
                        CASE(an_entry_of_a_newer_writer_with_a_hundred_fields_is_read),
                        CASE(makes_the_group_again_after_flushall_and_skips_nothing),
                        CASE(a_stream_deleted_under_a_blocked_read_comes_back),
                        CASE(a_group_that_keeps_vanishing_is_a_failure_not_a_hot_loop),
                        CASE(goes_on_reading_and_acking_when_redis_is_full),
                        CASE(a_demoted_server_is_a_failure_until_it_leads_again),
                        CASE(partitions_that_come_at_run_time_are_read_too));
}
