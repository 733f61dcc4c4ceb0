/* test_sweep_push.c - needs go back to the stream: entry first, document second, and only what is confirmed; Redis is real,
 * MongoDB the mock. */
#include "worker/sweep_push.h"

#include "common/metrics.h"
#include "tests/unit/mongo_fixture.h"
#include "tests/unit/redis_server.h"

#define BULK "webhooks:{0}:bulk"

struct scene {
    struct world w;
    struct redis_server redis;
    struct link *link;
    struct high_water high;
};

static void scene_start(struct scene *s)
{
    world_start_with(&s->w, MOCK_STANDALONE, "");
    s->w.config.sync_bulk_max = 1000;
    s->w.config.sweep_interval_ms = 30000;
    s->w.config.redis_high_water = 85;
    s->w.config.redis_low_water = 80;
    s->high = (struct high_water){.config = &s->w.config};
    redis_server_start(&s->redis);
    s->link = link_new(&s->redis.url, "sweep", 2000);
}

static void scene_stop(struct scene *s)
{
    link_free(s->link);
    redis_server_stop(&s->redis);
    world_stop(&s->w);
}

/* A need of order `id` of shop 749, as parking leaves it; parked at updated_ms. */
static void put(struct scene *s, const char *id, int rev, const char *reason, int64_t updated_ms)
{
    char json[600];

    snprintf(
        json, sizeof(json),
        "{\"_id\":\"order:tiktok:749:%s\",\"platform\":\"tiktok\",\"shop_id\":\"749\",\"kind\":\"order\","
        "\"entity_id\":\"%s\",\"reason\":\"%s\",\"rev\":{\"$numberLong\":\"%d\"},\"entry_ms\":5,\"attempts\":"
        "2,"
        "\"updated_at\":{\"$date\":{\"$numberLong\":\"%lld\"}}}",
        id, id, reason, rev, (long long)updated_ms);
    mongo_mock_put(s->w.mock, "needs", json);
}

static struct sweep_push *begin(struct scene *s, bool turn_only)
{
    return sweep_push_new(&(struct sweep_push_setup){.config = &s->w.config,
                                                     .store = s->w.store,
                                                     .link = s->link,
                                                     .high = &s->high,
                                                     .platform = "tiktok",
                                                     .shop = "749",
                                                     .turn_only = turn_only,
                                                     .now_ms = NOW});
}

/* One page of a fresh cursor. */
static enum sweep_pushed push(struct scene *s, bool turn_only)
{
    struct sweep_push *p = begin(s, turn_only);
    enum sweep_pushed pushed = sweep_push_page(p, NOW, &s->w.err);

    sweep_push_free(p);
    return pushed;
}

static int64_t entries(struct scene *s)
{
    return REDIS_INT(&s->redis, "XLEN " BULK);
}

TEST(every_need_becomes_an_entry_and_its_document_goes)
{
    struct scene s;
    redisReply *r;
    struct entry_text fields[40];
    struct entry e;
    struct err err = {0};
    int64_t swept = metric_get(METRIC_WORKER_NEEDS_SWEPT);

    scene_start(&s);
    put(&s, "1", 1, "revoked", 0);
    put(&s, "2", 7, "circuit", 0);
    mongo_mock_put(
        s.w.mock, "needs",
        "{\"_id\":\"x\",\"platform\":\"tiktok\",\"shop_id\":\"750\",\"kind\":\"order\",\"entity_id\":\"3\"}");
    CHECK_INT(push(&s, false), PUSHED_DONE);
    CHECK_INT(entries(&s), 2);
    CHECK_INT(mongo_mock_size(s.w.mock, "needs"), 1); /* another shop's */
    CHECK_INT(metric_get(METRIC_WORKER_NEEDS_SWEPT), swept + 2);
    r = redis_ask(&s.redis, "XRANGE " BULK " - + COUNT 1");
    for (size_t i = 0; i < r->element[0]->element[1]->elements; i++)
        fields[i] = (struct entry_text){r->element[0]->element[1]->element[i]->str,
                                        r->element[0]->element[1]->element[i]->len};
    CHECK(entry_decode(fields, r->element[0]->element[1]->elements, &e, &err)); /* a worker can read it */
    CHECK_INT(e.attempts, 2);
    CHECK_INT(e.recv_ms, NOW);
    freeReplyObject(r);
    scene_stop(&s);
}

TEST(above_the_mark_needs_wait_until_redis_has_room)
{
    struct scene s;

    scene_start(&s);
    put(&s, "1", 1, "circuit", 0);
    s.w.config.redis_max_bytes = 1; /* full */
    CHECK_INT(push(&s, false), PUSHED_FULL);
    CHECK_INT(entries(&s), 0);
    CHECK_INT(mongo_mock_size(s.w.mock, "needs"), 1);
    s.w.config.redis_max_bytes = 1LL << 40;
    CHECK_INT(push(&s, false), PUSHED_DONE);
    CHECK_INT(entries(&s), 1);
    scene_stop(&s);
}

TEST(a_need_that_got_another_event_meanwhile_stays)
{
    struct scene s;

    scene_start(&s);
    put(&s, "1", 1, "revoked", 0);
    mongo_mock_rule(s.w.mock,
                    &(struct mock_rule){.command = "delete",
                                        .put_collection = "needs",
                                        .put = "{\"_id\":\"order:tiktok:749:1\",\"platform\":\"tiktok\","
                                               "\"shop_id\":\"749\",\"kind\":\"order\",\"entity_id\":\"1\","
                                               "\"rev\":2}"});
    CHECK_INT(push(&s, false), PUSHED_DONE);
    CHECK_INT(mongo_mock_size(s.w.mock, "needs"), 1);
    CHECK_INT(push(&s, false), PUSHED_DONE);
    CHECK_INT(mongo_mock_size(s.w.mock, "needs"), 0);
    CHECK_INT(entries(&s), 2);
    scene_stop(&s);
}

#define NEED_SINCE(ms)                                                                                       \
    "{\"_id\":\"order:tiktok:749:1\",\"platform\":\"tiktok\",\"shop_id\":\"749\",\"kind\":\"order\","        \
    "\"entity_id\":\"1\",\"rev\":{\"$numberLong\":\"1\"},\"since\":{\"$date\":{\"$numberLong\":\"" ms        \
    "\"}}}"

/* Its revisions begin anew, so a deletion that is carried out late must not take it for the one before. */
TEST(a_need_that_was_made_anew_meanwhile_stays)
{
    struct scene s;

    scene_start(&s);
    mongo_mock_put(s.w.mock, "needs", NEED_SINCE("1"));
    mongo_mock_rule(s.w.mock, &(struct mock_rule){
                                  .command = "delete", .put_collection = "needs", .put = NEED_SINCE("2")});
    CHECK_INT(push(&s, false), PUSHED_DONE);
    CHECK_INT(mongo_mock_size(s.w.mock, "needs"), 1);
    CHECK_INT(push(&s, false), PUSHED_DONE);
    CHECK_INT(mongo_mock_size(s.w.mock, "needs"), 0);
    CHECK_INT(entries(&s), 2);
    scene_stop(&s);
}

TEST(what_redis_refuses_for_memory_keeps_its_document)
{
    struct scene s;

    scene_start(&s);
    put(&s, "1", 1, "revoked", 0);
    s.w.config.redis_high_water = INT64_MAX; /* full before anybody saw it come */
    REDIS_DO(&s.redis, "CONFIG SET maxmemory 1");
    CHECK_INT(push(&s, false), PUSHED_AWAY);
    CHECK(strstr(s.w.err.text, "OOM") != NULL);
    CHECK_INT(mongo_mock_size(s.w.mock, "needs"), 1);
    CHECK_INT(mongo_mock_count(s.w.mock, "delete"), 0);
    REDIS_DO(&s.redis, "CONFIG SET maxmemory 0");
    CHECK_INT(push(&s, false), PUSHED_DONE);
    CHECK_INT(entries(&s), 1);
    scene_stop(&s);
}

TEST(a_deletion_that_fails_repeats_the_entry_and_loses_nothing)
{
    struct scene s;

    scene_start(&s);
    put(&s, "1", 1, "revoked", 0);
    mongo_mock_rule(s.w.mock,
                    &(struct mock_rule){.command = "delete", .times = -1, .close = MOCK_CLOSE_BEFORE});
    CHECK_INT(push(&s, false), PUSHED_AWAY);
    CHECK_INT(entries(&s), 1);
    CHECK_INT(mongo_mock_size(s.w.mock, "needs"), 1);
    mongo_mock_rules_clear(s.w.mock);
    CHECK_INT(push(&s, false), PUSHED_DONE);
    CHECK_INT(entries(&s), 2);
    CHECK_INT(mongo_mock_size(s.w.mock, "needs"), 0);
    scene_stop(&s);
}

TEST(a_write_conflict_of_a_deletion_is_tried_again_at_once)
{
    struct scene s;

    scene_start(&s);
    put(&s, "1", 1, "revoked", 0);
    mongo_mock_rule(s.w.mock, &(struct mock_rule){.command = "delete", .refuse_code = 112});
    CHECK_INT(push(&s, false), PUSHED_DONE);
    CHECK_INT(mongo_mock_size(s.w.mock, "needs"), 0);
    CHECK_INT(entries(&s), 1);
    scene_stop(&s);
}

TEST(a_stream_with_enough_to_do_gets_nothing_and_a_little_room_takes_a_little)
{
    struct scene s;
    struct sweep_push *p;
    char id[16];

    scene_start(&s);
    s.w.config.sync_bulk_max = 10;
    for (int i = 0; i < 25; i++) {
        snprintf(id, sizeof(id), "%d", i);
        put(&s, id, 1, "revoked", 0);
    }
    p = begin(&s, false);
    CHECK_INT(sweep_push_page(p, NOW, &s.w.err), PUSHED_MORE);
    CHECK_INT(entries(&s), 10);
    CHECK_INT(sweep_push_page(p, NOW, &s.w.err), PUSHED_FULL); /* no group yet: all of it is backlog */
    REDIS_DO(&s.redis, "XGROUP CREATE " BULK " workers 0");
    REDIS_DO(&s.redis, "XREADGROUP GROUP workers w COUNT 4 STREAMS " BULK " >");
    CHECK_INT(sweep_push_page(p, NOW, &s.w.err), PUSHED_FULL); /* pending counts */
    REDIS_DO(&s.redis, "XREADGROUP GROUP workers w NOACK COUNT 4 STREAMS " BULK " >");
    CHECK_INT(sweep_push_page(p, NOW, &s.w.err), PUSHED_MORE);
    CHECK_INT(entries(&s), 14);
    CHECK_INT(mongo_mock_size(s.w.mock, "needs"), 11);
    sweep_push_free(p);
    scene_stop(&s);
}

/* As after a restart: what the group has read was not written down. */
TEST(a_lag_that_is_wrong_holds_nothing_up_where_nothing_is_unread)
{
    struct scene s;

    scene_start(&s);
    s.w.config.sync_bulk_max = 3;
    for (int i = 0; i < 5; i++)
        REDIS_DO(&s.redis, "XADD " BULK " * n 1");
    REDIS_DO(&s.redis, "XGROUP CREATE " BULK " workers 0");
    REDIS_DO(&s.redis, "XREADGROUP GROUP workers w NOACK COUNT 5 STREAMS " BULK " >");
    REDIS_DO(&s.redis, "XGROUP SETID " BULK " workers $ ENTRIESREAD 0");
    put(&s, "1", 1, "revoked", 0);
    CHECK_INT(push(&s, false), PUSHED_DONE);
    CHECK_INT(entries(&s), 6);
    CHECK_INT(mongo_mock_size(s.w.mock, "needs"), 0);
    scene_stop(&s);
}

TEST(money_that_moved_waits_for_no_probe)
{
    struct scene s;

    scene_start(&s);
    put(&s, "1", 1, "revoked", 0);
    put(&s, "2", 1, "transaction", 0);
    CHECK_INT(push(&s, true), PUSHED_DONE);
    CHECK_INT(entries(&s), 1);
    CHECK_INT(mongo_mock_size(s.w.mock, "needs"), 1);
    scene_stop(&s);
}

TEST(half_an_answer_waits_for_its_time_and_for_no_probe)
{
    struct scene s;

    scene_start(&s);
    put(&s, "1", 1, "incomplete", 0);
    put(&s, "2", 1, "unsettled", 0);
    mongo_mock_put(
        s.w.mock, "needs",
        "{\"_id\":\"order:tiktok:749:3\",\"platform\":\"tiktok\",\"shop_id\":\"749\",\"kind\":\"order\","
        "\"entity_id\":\"3\",\"reason\":\"incomplete\",\"rev\":{\"$numberLong\":\"1\"},"
        "\"since\":{\"$date\":{\"$numberLong\":\"9767704400000\"}}}");
    CHECK_INT(push(&s, true), PUSHED_DONE);
    CHECK_INT(entries(&s), 2);
    CHECK_INT(push(&s, false), PUSHED_DONE);
    CHECK_INT(entries(&s), 2);
    CHECK_INT(mongo_mock_size(s.w.mock, "needs"), 1);
    scene_stop(&s);
}

TEST(what_the_grant_does_not_reach_is_asked_for_more_rarely)
{
    struct scene s;

    scene_start(&s);
    put(&s, "1", 1, "scope", NOW - 20 * 30000 + 1);
    put(&s, "2", 1, "scope", NOW - 20 * 30000);
    CHECK_INT(push(&s, false), PUSHED_DONE);
    CHECK_INT(entries(&s), 1);
    CHECK_INT(mongo_mock_size(s.w.mock, "needs"), 1);
    scene_stop(&s);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(
        argc, argv, CASE(every_need_becomes_an_entry_and_its_document_goes),
        CASE(above_the_mark_needs_wait_until_redis_has_room),
        CASE(a_need_that_got_another_event_meanwhile_stays), CASE(a_need_that_was_made_anew_meanwhile_stays),
        CASE(what_redis_refuses_for_memory_keeps_its_document),
        CASE(a_deletion_that_fails_repeats_the_entry_and_loses_nothing),
        CASE(a_write_conflict_of_a_deletion_is_tried_again_at_once),
        CASE(a_stream_with_enough_to_do_gets_nothing_and_a_little_room_takes_a_little),
        CASE(a_lag_that_is_wrong_holds_nothing_up_where_nothing_is_unread),
        CASE(money_that_moved_waits_for_no_probe), CASE(half_an_answer_waits_for_its_time_and_for_no_probe),
        CASE(what_the_grant_does_not_reach_is_asked_for_more_rarely));
}
