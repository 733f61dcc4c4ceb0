/* test_lookup.c - what is reflected, what is asked for, and what happens when MongoDB is away; against the mock. */
#include "worker/lookup.h"

#include "common/metrics.h"
#include "tests/unit/mongo_fixture.h"

#define TOMBSTONE                                                                                            \
    "{\"_id\":\"tiktok:749:1\",\"version\":{\"$numberLong\":\"500\"},\"fetched_ms\":{\"$numberLong\":"       \
    "\"900\"},"                                                                                              \
    "\"content_hash\":\"deleted\",\"deleted_at\":\"x\"}"
#define STORED                                                                                               \
    "{\"_id\":\"tiktok:749:1\",\"version\":{\"$numberLong\":\"500\"},\"fetched_ms\":{\"$numberLong\":"       \
    "\"900\"},"                                                                                              \
    "\"content_hash\":\"0123456789abcdef0123456789abcdef\"}"

TEST(what_is_stored_is_told_to_the_need)
{
    struct world w;
    struct need *there, *absent;

    world_start(&w);
    mongo_mock_put(w.mock, "orders", STORED);
    there = add(&w, event("1", 1000, 0, false));
    absent = add(&w, event("2", 1000, 0, false));
    CHECK(look_up(&w));
    CHECK_INT(there->state, NEED_WAITING);
    CHECK(there->stored.exists && !there->stored.deleted);
    CHECK_INT(there->stored.version, 500);
    CHECK_INT(there->stored.fetched_ms, 900);
    CHECK_TEXT(there->stored.hash, "0123456789abcdef0123456789abcdef");
    CHECK_INT(absent->state, NEED_WAITING);
    CHECK(!absent->stored.exists);
    CHECK_INT(mongo_mock_count(w.mock, "find"), 1);
    world_stop(&w);
}

TEST(a_reflected_need_is_done_without_a_read)
{
    struct world w;
    struct need *n;
    int64_t before = metric_get(METRIC_WORKER_REFLECTED);

    world_start(&w);
    mongo_mock_put(w.mock, "orders", STORED);
    n = add(&w, event("1", 899, 0, false));
    add(&w, event("1", 898, 0, false));
    CHECK(look_up(&w));
    CHECK_INT(n->state, NEED_JUDGED);
    CHECK_INT(n->messages.first->outcome, OUTCOME_DONE);
    CHECK_INT(n->messages.last->outcome, OUTCOME_DONE);
    CHECK_INT(metric_get(METRIC_WORKER_REFLECTED), before + 2);
    world_stop(&w);
}

TEST(a_document_that_was_left_out_once_is_asked_for_however_new_it_is)
{
    struct world w;
    struct need *n;

    world_start(&w);
    mongo_mock_put(
        w.mock, "orders",
        "{\"_id\":\"tiktok:749:1\",\"version\":{\"$numberLong\":\"500\"},\"fetched_ms\":{\"$numberLong\":"
        "\"900\"},\"missing_at_ms\":{\"$numberLong\":\"901\"}}");
    n = add(&w, event("1", 899, 0, false));
    CHECK(look_up(&w));
    CHECK_INT(n->state, NEED_WAITING);
    CHECK(n->alone);
    world_stop(&w);
}

TEST(a_tombstone_is_told_by_the_presence_of_its_field)
{
    struct world w;
    struct need *n;

    world_start(&w);
    mongo_mock_put(w.mock, "orders", TOMBSTONE);
    n = add(&w, event("1", 1000, 0, false));
    CHECK(look_up(&w));
    CHECK_INT(n->state, NEED_WAITING);
    CHECK(n->stored.deleted);
    world_stop(&w);
}

TEST(a_document_left_out_before_is_asked_for_alone)
{
    struct world w;
    struct need *n;

    world_start(&w);
    mongo_mock_put(w.mock, "orders", "{\"_id\":\"tiktok:749:1\",\"missing_at_ms\":{\"$numberLong\":\"77\"}}");
    n = add(&w, event("1", 1000, 0, false));
    CHECK(look_up(&w));
    CHECK(n->alone);
    CHECK_INT(n->stored.missing_at_ms, 77);
    world_stop(&w);
}

TEST(odd_types_and_impossible_times_count_as_nothing)
{
    struct world w;
    struct need *n;
    char json[256];

    world_start(&w);
    snprintf(json, sizeof(json),
             "{\"_id\":\"tiktok:749:1\",\"version\":\"9\",\"content_hash\":5,\"fetched_ms\":{\"$numberLong\":"
             "\"%lld\"}}",
             (long long)NOW + SKEW + 1);
    mongo_mock_put(w.mock, "orders", json);
    n = add(&w, event("1", 1000, 0, false));
    CHECK(look_up(&w));
    CHECK(n->stored.exists);
    CHECK_INT(n->stored.version, 0);
    CHECK_INT(n->stored.fetched_ms, 0);
    CHECK_TEXT(n->stored.hash, "");
    world_stop(&w);
}

TEST(many_ids_are_read_in_slices)
{
    struct world w;
    int exists = 0;
    size_t count;
    struct need **needs;

    world_start(&w);
    for (int i = 0; i < 2500; i++) {
        char id[16], json[64];

        snprintf(id, sizeof(id), "%d", i);
        add(&w, event(id, 1000, 0, false));
        if (i % 3 != 0)
            continue;
        snprintf(json, sizeof(json), "{\"_id\":\"tiktok:749:%d\",\"version\":1}", i);
        mongo_mock_put(w.mock, "orders", json);
    }
    CHECK(look_up(&w));
    CHECK_INT(mongo_mock_count(w.mock, "find"), 3);
    needs = pool_collect(w.pool, NEED_WAITING, w.arena, &count);
    CHECK_INT(count, 2500);
    for (size_t i = 0; i < count; i++)
        exists += needs[i]->stored.exists;
    CHECK_INT(exists, 834);
    world_stop(&w);
}

TEST(when_the_database_is_away_nothing_is_judged)
{
    struct world w;
    struct need *n;
    size_t count;

    world_start_with(&w, MOCK_STANDALONE, "");
    mongo_mock_put(w.mock, "orders", STORED);
    n = add(&w, event("1", 800, 0, false));
    for (int i = 2; i < 1500; i++) {
        char id[16];

        snprintf(id, sizeof(id), "%d", i);
        add(&w, event(id, 1000, 0, false));
    }
    /* the second of two slices fails, so the first, which was read, judges nothing either */
    mongo_mock_rule(w.mock, &(struct mock_rule){.command = "find", .skip = 1, .refuse_code = 1});
    CHECK(!look_up(&w));
    CHECK_INT(w.err.domain, ERR_MONGO);
    CHECK_INT(n->state, NEED_NEW);
    CHECK(pool_collect(w.pool, NEED_NEW, w.arena, &count) != NULL);
    CHECK_INT(count, 1499);
    CHECK(look_up(&w));
    CHECK_INT(n->state, NEED_JUDGED);
    world_stop(&w);
}

TEST(the_policy_missing_believes_whatever_is_stored_and_always_believes_nothing)
{
    struct world w;
    struct need *n, *absent;

    world_start(&w);
    mongo_mock_put(w.mock, "orders", STORED);
    w.config.fetch_policy = CONFIG_FETCH_MISSING;
    n = add(&w, event("1", 5000, 0, false));
    absent = add(&w, event("2", 5000, 0, false));
    CHECK(look_up(&w));
    CHECK_INT(n->state, NEED_JUDGED);
    CHECK_INT(absent->state, NEED_WAITING);
    collect(&w);
    w.config.fetch_policy = CONFIG_FETCH_ALWAYS;
    n = add(&w, event("1", 1, 0, false));
    CHECK(look_up(&w));
    CHECK_INT(n->state, NEED_WAITING);
    world_stop(&w);
}

static struct need *paid(struct world *w, const char *id, int64_t entry_ms)
{
    struct message *m = event(id, entry_ms, 0, false);

    m->entry.kind = ENTRY_TRANSACTION;
    return add(w, m);
}

TEST(transactions_are_reflected_by_their_order_and_told_what_is_stored_of_them)
{
    struct world w;
    struct need *read, *stale, *never, *lost;
    char id[16];

    world_start(&w);
    mongo_mock_put(w.mock, "orders",
                   "{\"_id\":\"tiktok:749:1\",\"transactions_fetched_ms\":900,\"fetched_ms\":1}");
    mongo_mock_put(w.mock, "orders",
                   "{\"_id\":\"tiktok:749:2\",\"transactions_fetched_ms\":900,\"state\":\"completed\"}");
    mongo_mock_put(w.mock, "orders",
                   "{\"_id\":\"tiktok:749:3\",\"fetched_ms\":5000,\"state\":\"cancelled\"}");
    mongo_mock_put(w.mock, "transactions",
                   "{\"_id\":\"tiktok:749:order:2\",\"fetched_ms\":5000,\"content_hash\":\"h\"}");
    read = paid(&w, "1", 899); /* an empty list: nothing is stored, and the order knows */
    stale = paid(&w, "2", 900);
    never = paid(&w, "3", 10);
    lost = paid(&w, "4", 10);
    for (int i = 0; i < 1500; i++) { /* beyond one slice */
        snprintf(id, sizeof(id), "x%d", i);
        paid(&w, id, 10);
    }
    CHECK(look_up(&w));
    CHECK_INT(read->state, NEED_JUDGED);
    CHECK_INT(read->messages.first->outcome, OUTCOME_DONE);
    CHECK_INT(stale->state, NEED_WAITING);
    CHECK(stale->stored.exists);
    CHECK_INT(stale->stored.fetched_ms, 5000);
    CHECK_TEXT(stale->stored.hash, "h");
    CHECK_INT(stale->stored.transactions_ms, 900);
    CHECK(stale->stored.order_exists && stale->stored.order_completed);
    CHECK_INT(never->state, NEED_WAITING);
    CHECK(never->stored.order_exists && !never->stored.order_completed);
    CHECK_INT(lost->state, NEED_WAITING);
    CHECK(!lost->stored.order_exists);
    CHECK_INT(mongo_mock_count(w.mock, "find"), 4);
    world_stop(&w);
}

TEST(a_time_of_the_future_on_the_order_reflects_no_transactions)
{
    struct world w;
    struct need *n;
    char json[160];

    world_start(&w);
    snprintf(json, sizeof(json),
             "{\"_id\":\"tiktok:749:1\",\"transactions_fetched_ms\":{\"$numberLong\":\"%lld\"}}",
             (long long)NOW + SKEW + 1);
    mongo_mock_put(w.mock, "orders", json);
    n = paid(&w, "1", 10);
    CHECK(look_up(&w));
    CHECK_INT(n->state, NEED_WAITING);
    CHECK_INT(n->stored.transactions_ms, 0);
    world_stop(&w);
}

TEST(the_policy_missing_still_reads_money_that_has_moved)
{
    struct world w;
    struct need *n;

    world_start(&w);
    w.config.fetch_policy = CONFIG_FETCH_MISSING;
    mongo_mock_put(w.mock, "orders", "{\"_id\":\"tiktok:749:1\",\"transactions_fetched_ms\":900}");
    mongo_mock_put(w.mock, "transactions", "{\"_id\":\"tiktok:749:order:1\",\"fetched_ms\":900}");
    n = paid(&w, "1", 1000);
    CHECK(look_up(&w));
    CHECK_INT(n->state, NEED_WAITING);
    world_stop(&w);
}

TEST(the_policy_missing_still_reads_the_rest_of_half_an_answer)
{
    struct world w;
    struct message *m = event("1", 5000, 0, false);
    struct need *n;

    world_start(&w);
    w.config.fetch_policy = CONFIG_FETCH_MISSING;
    mongo_mock_put(w.mock, "orders", STORED);
    m->entry.src = (struct entry_text){"again", 5};
    n = add(&w, m);
    CHECK(look_up(&w));
    CHECK_INT(n->state, NEED_WAITING);
    world_stop(&w);
}

TEST(raw_needs_pass_and_needs_of_one_entity_meet)
{
    struct world w;
    struct need *raw, *old;

    world_start(&w);
    raw = pool_add(w.pool, event("9", 10, 0, false), true);
    old = add(&w, event("1", 1000, 0, false));
    need_enter(w.pool, old, NEED_WAITING);
    need_enter(w.pool, old, NEED_CALLING);
    add(&w, event("1", 1001, 0, false));
    need_enter(w.pool, old, NEED_NEW); /* its call was given up */
    CHECK(look_up(&w));
    CHECK_INT(raw->state, NEED_ANSWERED);
    CHECK_INT(pool_needs(w.pool), 2);
    CHECK_INT(old->messages.count, 2);
    world_stop(&w);
}

TEST(nothing_to_look_up_asks_nobody)
{
    struct world w;

    world_start(&w);
    CHECK(look_up(&w));
    CHECK_INT(mongo_mock_count(w.mock, "find"), 0);
    world_stop(&w);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(
        argc, argv, CASE(what_is_stored_is_told_to_the_need), CASE(a_reflected_need_is_done_without_a_read),
        CASE(a_document_that_was_left_out_once_is_asked_for_however_new_it_is),
        CASE(a_tombstone_is_told_by_the_presence_of_its_field),
        CASE(a_document_left_out_before_is_asked_for_alone),
        CASE(odd_types_and_impossible_times_count_as_nothing), CASE(many_ids_are_read_in_slices),
        CASE(when_the_database_is_away_nothing_is_judged),
        CASE(the_policy_missing_believes_whatever_is_stored_and_always_believes_nothing),
        CASE(transactions_are_reflected_by_their_order_and_told_what_is_stored_of_them),
        CASE(the_policy_missing_still_reads_the_rest_of_half_an_answer),
        CASE(a_time_of_the_future_on_the_order_reflects_no_transactions),
        CASE(the_policy_missing_still_reads_money_that_has_moved),
        CASE(raw_needs_pass_and_needs_of_one_entity_meet), CASE(nothing_to_look_up_asks_nobody));
}
