/* test_writer.c - one batch is written while the next is prepared: who holds what, and what a batch that fails, waits or is
 * overtaken comes back as; against the mock. */
#include "worker/writer.h"

#include "tests/unit/mongo_fixture.h"

static struct writer *writer(struct world *w)
{
    struct writer *wr = writer_start(&w->config, w->stores, &w->err);

    if (!wr)
        CHECK_TEXT(w->err.text, "a writer");
    return wr;
}

/* An event of the order, looked up and answered: BUILT. */
static struct need *built(struct world *w, const char *id, int64_t entry_ms, int64_t version,
                          int64_t fetched_ms, const char *content)
{
    struct need *n = add(w, event(id, entry_ms, 0, false));

    CHECK(look_up(w));
    CHECK_INT(n->state, NEED_WAITING);
    serve(w, n, version, fetched_ms, content);
    return n;
}

static bool back(struct world *w, struct writer *wr)
{
    return writer_collect(wr, w->pool, &w->settled, &w->err);
}

TEST(a_batch_comes_back_written_and_judged)
{
    struct world w;
    struct writer *wr;

    world_start(&w);
    wr = writer(&w);
    built(&w, "1", 50, 10, 100, "a");
    built(&w, "2", 50, 10, 100, "a");
    writer_send(wr, w.pool, &w.f);
    CHECK(writer_busy(wr));
    CHECK_INT(pool_needs(w.pool), 0);
    CHECK_INT(writer_messages(wr), 2);
    CHECK(writer_bytes(wr) > 0);
    CHECK(back(&w, wr));
    CHECK(!writer_busy(wr));
    CHECK_INT(writer_messages(wr), 0);
    CHECK_INT(writer_bytes(wr), 0);
    CHECK_INT(pool_count(w.pool, NEED_JUDGED), 2);
    collect(&w);
    CHECK_INT(w.settled.count, 2);
    CHECK_INT(w.settled.first->outcome, OUTCOME_DONE);
    CHECK_INT(stored_int(&w, "2", "version"), 10);
    writer_stop(wr);
    world_stop(&w);
}

TEST(with_nothing_built_nothing_is_under_way)
{
    struct world w;
    struct writer *wr;

    world_start(&w);
    wr = writer(&w);
    add(&w, event("1", 50, 0, false));
    writer_send(wr, w.pool, &w.f);
    CHECK(!writer_busy(wr));
    CHECK(back(&w, wr));
    CHECK_INT(pool_count(w.pool, NEED_NEW), 1);
    CHECK_INT(mongo_mock_count(w.mock, "insert"), 0);
    writer_stop(wr);
    world_stop(&w);
}

TEST(the_lane_looks_up_and_builds_while_a_bulk_hangs)
{
    struct world w;
    struct writer *wr;

    world_start(&w);
    wr = writer(&w);
    built(&w, "1", 50, 10, 100, "a");
    mongo_mock_rule(w.mock, &(struct mock_rule){.command = "insert", .stall_ms = 500});
    writer_send(wr, w.pool, &w.f);
    built(&w, "2", 60, 20, 110, "b"); /* the lane has a client of its own */
    CHECK(!stored_has(&w, "1", "version"));
    CHECK(writer_busy(wr));
    CHECK_INT(pool_messages(w.pool), 1);
    CHECK(back(&w, wr));
    CHECK_INT(pool_count(w.pool, NEED_BUILT), 1); /* what was built meanwhile is untouched */
    writer_send(wr, w.pool, &w.f);
    CHECK(back(&w, wr));
    collect(&w);
    CHECK_INT(w.settled.count, 2);
    CHECK_TEXT(stored_content(&w, "1"), "a");
    CHECK_TEXT(stored_content(&w, "2"), "b");
    writer_stop(wr);
    world_stop(&w);
}

/* Order 1 is under way at version 10, read at 100; meanwhile another event of it is looked up, read and built. */
static void overtake(struct world *w, struct writer *wr, int64_t version, int64_t fetched_ms)
{
    struct need *first = built(w, "1", 50, 10, 100, "first"), *second;

    mongo_mock_rule(w->mock, &(struct mock_rule){.command = "insert", .stall_ms = 300});
    writer_send(wr, w->pool, &w->f);
    second = built(w, "1", fetched_ms - 1, version, fetched_ms, "second");
    CHECK(second != first);
    CHECK(!second->stored.exists); /* it was looked up before the write landed */
    CHECK(back(w, wr));
    writer_send(wr, w->pool, &w->f);
    CHECK(back(w, wr));
    collect(w);
}

TEST(the_same_order_in_the_next_batch_is_written_over_when_it_is_newer)
{
    struct world w;
    struct writer *wr;

    world_start(&w);
    wr = writer(&w);
    overtake(&w, wr, 20, 110);
    CHECK_INT(w.settled.count, 2);
    CHECK_INT(w.settled.first->outcome, OUTCOME_DONE);
    CHECK_INT(w.settled.last->outcome, OUTCOME_DONE);
    CHECK_TEXT(stored_content(&w, "1"), "second");
    CHECK_INT(stored_int(&w, "1", "version"), 20);
    writer_stop(wr);
    world_stop(&w);
}

TEST(the_same_order_in_the_next_batch_is_refused_when_it_is_older)
{
    struct world w;
    struct writer *wr;

    world_start(&w);
    wr = writer(&w);
    overtake(&w, wr, 5, 110);
    CHECK_TEXT(stored_content(&w, "1"), "first");
    CHECK_INT(stored_int(&w, "1", "version"), 10);
    CHECK_INT(w.settled.count, 2); /* its own read shows what it announced, whatever stands there */
    writer_stop(wr);
    world_stop(&w);
}

TEST(the_same_version_read_earlier_does_not_win_in_the_next_batch)
{
    struct world w;
    struct writer *wr;

    world_start(&w);
    wr = writer(&w);
    overtake(&w, wr, 10, 90);
    CHECK_TEXT(stored_content(&w, "1"), "first");
    CHECK_INT(stored_int(&w, "1", "fetched_ms"), 100);
    writer_stop(wr);
    world_stop(&w);
}

TEST(a_batch_that_fails_goes_round_again_with_what_came_meanwhile)
{
    struct world w;
    struct writer *wr;
    struct need *n;

    world_start(&w);
    wr = writer(&w);
    built(&w, "1", 50, 10, 100, "a");
    built(&w, "2", 50, 10, 100, "a");
    mongo_mock_rule(
        w.mock,
        &(struct mock_rule){.command = "insert", .times = -1, .stall_ms = 100, .close = MOCK_CLOSE_BEFORE});
    writer_send(wr, w.pool, &w.f);
    add(&w, event("1", 60, 0, false));
    CHECK(!back(&w, wr));
    CHECK(w.err.text[0] != '\0');
    CHECK_INT(w.settled.count, 0);
    CHECK_INT(pool_count(w.pool, NEED_NEW), 3);
    CHECK_INT(pool_messages(w.pool), 3);
    pool_fold(w.pool);
    CHECK_INT(pool_needs(w.pool), 2);
    CHECK_INT(pool_messages(w.pool), 3);
    mongo_mock_rules_clear(w.mock);
    n = add(&w, event("2", 70, 0, false));
    CHECK_INT(n->messages.count, 2); /* and is joined as before */
    CHECK(look_up(&w));
    serve(&w, n, 10, 100, "a");
    writer_send(wr, w.pool, &w.f);
    CHECK(back(&w, wr));
    collect(&w);
    CHECK_INT(w.settled.count, 2);
    CHECK(w.settled.first->repeat); /* the write may have landed the first time */
    CHECK_TEXT(stored_content(&w, "2"), "a");
    writer_stop(wr);
    world_stop(&w);
}

TEST(a_batch_built_behind_one_that_failed_goes_back_unsent)
{
    struct world w;
    struct writer *wr;
    size_t sent;

    world_start_with(&w, MOCK_STANDALONE, "");
    wr = writer(&w);
    built(&w, "1", 50, 10, 100, "a");
    mongo_mock_rule(w.mock, &(struct mock_rule){.command = "insert", .times = -1, .close = MOCK_CLOSE_AFTER});
    writer_send(wr, w.pool, &w.f);
    built(&w, "2", 50, 10, 100, "a");
    CHECK(!back(&w, wr));
    sent = mongo_mock_count(w.mock, "insert");
    upsert_put_back(w.pool);
    CHECK_INT(mongo_mock_count(w.mock, "insert"), sent);
    CHECK_INT(pool_count(w.pool, NEED_NEW), 2);
    CHECK_INT(pool_messages(w.pool), 2);
    CHECK_INT(stored_int(&w, "1", "version"), 10); /* the unknown outcome was a success ... */
    CHECK(look_up(&w));
    collect(&w);
    CHECK_INT(w.settled.count, 1); /* ... as the lookup finds */
    CHECK_TEXT(w.settled.first->entry.id.data, "1");
    writer_stop(wr);
    world_stop(&w);
}

TEST(messages_that_go_round_and_those_that_leave_both_come_back)
{
    struct world w;
    struct writer *wr;
    struct need *n;

    world_start(&w);
    wr = writer(&w);
    n = add(&w, event("1", 50, 0, false));
    add(&w, event("1", 150, 0, false)); /* stored after the request was sent: not covered */
    CHECK(look_up(&w));
    serve(&w, n, 10, 100, "a");
    writer_send(wr, w.pool, &w.f);
    CHECK_INT(writer_messages(wr), 2);
    CHECK(back(&w, wr));
    CHECK_INT(w.settled.count, 1);
    CHECK_INT(w.settled.first->entry_ms, 50);
    CHECK_INT(pool_count(w.pool, NEED_NEW), 1);
    CHECK_INT(pool_messages(w.pool), 1);
    writer_stop(wr);
    world_stop(&w);
}

TEST(a_writer_told_to_stop_ends_what_is_under_way_and_frees_it)
{
    struct world w;
    struct writer *wr;

    world_start(&w);
    wr = writer(&w);
    built(&w, "1", 50, 10, 100, "a");
    mongo_mock_rule(w.mock, &(struct mock_rule){.command = "insert", .stall_ms = 200});
    writer_send(wr, w.pool, &w.f);
    writer_stop(wr);
    CHECK_TEXT(stored_content(&w, "1"), "a");
    writer_stop(NULL);
    world_stop(&w);
}

/* For the thread sanitizer: two threads hand the same needs, messages and documents to each other again and again. */
TEST(batches_pass_between_two_threads_for_long)
{
    struct world w;
    struct writer *wr;
    struct arena *spare = arena_new(1 << 16, 64 << 20);

    world_start(&w);
    wr = writer(&w);
    for (int i = 0; i < 100; i++) {
        struct arena *under_way = w.arena;

        for (int k = 0; k < 3; k++) { /* of three orders, so that batches meet the one ahead of them */
            char id[16];

            snprintf(id, sizeof(id), "%d", k);
            built(&w, id, 1000 + 10 * i, i, 1001 + 10 * i, id);
        }
        CHECK(back(&w, wr));
        writer_send(wr, w.pool, &w.f);
        w.arena = spare;
        spare = under_way;
        collect(&w);
    }
    CHECK(back(&w, wr));
    collect(&w);
    CHECK_INT(w.settled.count, 300);
    CHECK_INT(stored_int(&w, "2", "version"), 99);
    arena_free(spare);
    writer_stop(wr);
    world_stop(&w);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(a_batch_comes_back_written_and_judged),
                        CASE(with_nothing_built_nothing_is_under_way),
                        CASE(the_lane_looks_up_and_builds_while_a_bulk_hangs),
                        CASE(the_same_order_in_the_next_batch_is_written_over_when_it_is_newer),
                        CASE(the_same_order_in_the_next_batch_is_refused_when_it_is_older),
                        CASE(the_same_version_read_earlier_does_not_win_in_the_next_batch),
                        CASE(a_batch_that_fails_goes_round_again_with_what_came_meanwhile),
                        CASE(a_batch_built_behind_one_that_failed_goes_back_unsent),
                        CASE(messages_that_go_round_and_those_that_leave_both_come_back),
                        CASE(a_writer_told_to_stop_ends_what_is_under_way_and_frees_it),
                        CASE(batches_pass_between_two_threads_for_long));
}
