/* test_freshness.c - every clause of the freshness rule, and the interleavings that broke simpler ones. */
#include "worker/freshness.h"

#include "tests/unit/mongo_fixture.h"
#include "worker/streams.h"

enum { T = 1600000000 }; /* an update time, a whole second */

static const struct freshness now = {.now_ms = NOW, .skew_ms = SKEW, .settled_counts = true};

/* First sort: event_ms given, topic moves the update time. */
static bool first(int64_t version, int64_t fetched_ms, int64_t event_ms, int64_t entry_ms)
{
    struct message *m = event("1", entry_ms, event_ms, true);
    bool reflected = freshness_reflects(&now, version, fetched_ms, false, m);

    message_free(m);
    return reflected;
}

static bool second(int64_t version, int64_t fetched_ms, int64_t event_ms, int64_t entry_ms)
{
    struct message *m = event("1", entry_ms, event_ms, false);
    bool reflected = freshness_reflects(&now, version, fetched_ms, false, m);

    message_free(m);
    return reflected;
}

static bool tombstone(int64_t version, int64_t fetched_ms, int64_t event_ms, int64_t entry_ms, bool moves)
{
    struct message *m = event("1", entry_ms, event_ms, moves);
    bool reflected = freshness_reflects(&now, version, fetched_ms, true, m);

    message_free(m);
    return reflected;
}

TEST(a_strictly_later_version_reflects_the_first_sort_whatever_the_clocks_say)
{
    CHECK(first(T + 1000, 0, T, T + 500));
    CHECK(first(T + 1, T - 100000, T, T + 500));
    CHECK(!first(T - 1000, T - 100000, T, T + 500));
}

TEST(the_same_version_reflects_only_when_its_second_was_over_at_the_read)
{
    CHECK(!first(T, T + 500, T, T + 1000));
    CHECK(!first(T, T + 1000 + SKEW - 1, T, T + 5000));
    CHECK(first(T, T + 1000 + SKEW, T, T + 5000));
}

TEST(the_same_version_read_after_the_entry_was_stored_reflects)
{
    CHECK(first(T, T + 501, T, T + 500));
    CHECK(!first(T, T + 500, T, T + 500)); /* one millisecond has no order */
    CHECK(!first(T, T + 499, T, T + 500));
}

TEST(a_second_change_in_the_same_second_is_read_although_the_version_is_there)
{
    /* first change of second T, read at T + 300; the second change is announced with the same T at T + 700 */
    CHECK(!first(T, T + 300, T, T + 700));
}

TEST(settled_is_off_while_the_marketplace_clock_differs)
{
    struct freshness off = now;
    struct message *m = event("1", T + 9000, T, true);

    CHECK(freshness_reflects(&off, T, T + 8000, false, m));
    off.settled_counts = false;
    CHECK(!freshness_reflects(&off, T, T + 8000, false, m));
    CHECK(freshness_reflects(&off, T, T + 9001, false, m));
    message_free(m);
}

TEST(an_older_version_never_reflects_the_first_sort_however_late_it_was_read)
{
    CHECK(!first(T - 1000, T + 100000, T, T));
}

TEST(the_second_sort_knows_only_the_time_of_the_read)
{
    CHECK(second(0, T + 501, 0, T + 500));
    CHECK(!second(T + 100000, T + 500, 0, T + 500));
    CHECK(!second(T + 100000, T + 499, 0, T + 500));
}

TEST(an_address_change_that_does_not_move_the_update_time_is_read)
{
    /* its push carries a time, but its topic does not promise to move the version */
    CHECK(!second(T + 1000, T + 200, T, T + 500));
    CHECK(second(T - 1000, T + 501, T, T + 500));
}

TEST(an_entry_without_a_time_is_of_the_second_sort_even_when_its_topic_moves)
{
    CHECK(!first(T + 1000, T, 0, T));
    CHECK(first(0, T + 1, 0, T));
}

static bool parked(int64_t version, int64_t fetched_ms, int64_t event_ms, int64_t entry_ms)
{
    static const char src[] = "parked";
    struct message *m = event("1", entry_ms, event_ms, event_ms > 0);
    bool reflected;

    m->entry.src = (struct entry_text){src, sizeof(src) - 1};
    reflected = freshness_reflects(&now, version, fetched_ms, false, m);
    message_free(m);
    return reflected;
}

TEST(an_entry_that_comes_back_from_mongodb_must_satisfy_both_sorts)
{
    CHECK(parked(T, T + 501, T, T + 500));
    CHECK(parked(T + 9000, T + 501, T, T + 500));
    CHECK(!parked(T - 1, T + 501, T, T + 500));        /* announced, not served */
    CHECK(!parked(T + 9000, T + 500, T, T + 500));     /* later version, but read before it came back */
    CHECK(!parked(T, T + 1000 + SKEW, T, T + 999999)); /* settled proves only the first sort */
    CHECK(parked(0, T + 501, 0, T + 500));             /* no time announced: the second sort alone */
    CHECK(!parked(T, T + 500, 0, T + 500));
}

TEST(the_update_time_of_an_order_says_nothing_about_its_money)
{
    struct message *m = event("1", T + 500, T, true);

    m->entry.kind = ENTRY_TRANSACTION;
    CHECK(!freshness_first_sort(m));
    CHECK(!freshness_behind(m, 0));
    CHECK(!freshness_reflects(&now, T + 9000, T + 500, false, m));
    CHECK(freshness_reflects(&now, 0, T + 501, false, m));
    message_free(m);
}

TEST(the_update_time_of_a_package_says_nothing_about_its_order)
{
    struct message *m = event("1", T + 500, T, true);

    m->entry.kind = ENTRY_TRACKING;
    CHECK(!freshness_reflects(&now, T + 9000, T + 500, false,
                              m)); /* a package's time, from before the order changed */
    CHECK(freshness_reflects(&now, T + 9000, T + 501, false, m));
    CHECK(!freshness_reflects(&now, T - 1, T + 501, false, m)); /* announced, not served */
    CHECK(freshness_behind(m, T - 1));
    CHECK(!freshness_behind(m, T));
    message_free(m);
}

TEST(an_entry_from_the_future_is_always_read)
{
    CHECK(!first(T + 1000, NOW, T, NOW + 1));
    CHECK(!second(T, NOW + 1, 0, NOW + 1));
    CHECK(!tombstone(T, NOW + 1, T, NOW + 1, true));
    CHECK(first(T + 1000, NOW, T, NOW));
}

TEST(a_read_from_the_future_counts_as_never)
{
    CHECK_INT(freshness_fetched(&now, NOW + SKEW), NOW + SKEW);
    CHECK_INT(freshness_fetched(&now, NOW + SKEW + 1), 0);
    CHECK(second(T, NOW + SKEW, 0, NOW));
    CHECK(!second(T, NOW + SKEW + 1, 0, T));
    CHECK(!first(T, NOW + SKEW + 1, T, T)); /* neither settled nor later */
    CHECK(first(T + 1, NOW + SKEW + 1, T, T));
}

TEST(a_tombstone_read_later_reflects_both_sorts)
{
    CHECK(tombstone(T - 5000, T + 501, T, T + 500, true));
    CHECK(tombstone(T - 5000, T + 501, 0, T + 500, false));
    CHECK(!tombstone(T - 5000, T + 500, T, T + 500, true));
    CHECK(!tombstone(T - 5000, T + 500, 0, T + 500, false));
    CHECK(tombstone(T + 1, T - 100, T, T + 500, true)); /* the state before it was newer already */
}

TEST(absurd_versions_do_not_overflow)
{
    CHECK(!first(INT64_MAX, 5, INT64_MAX, 6));
    CHECK(first(INT64_MAX, 7, INT64_MAX, 6));
}

TEST(a_need_is_reflected_when_every_message_is)
{
    struct pool *p = pool_new();
    struct need *n = pool_add(p, event("1", T + 500, T, true), false);

    CHECK(!freshness_need_reflected(&now, n)); /* nothing stored */
    n->stored = (struct stored){.exists = true, .version = T, .fetched_ms = T + 501};
    CHECK(freshness_need_reflected(&now, n));
    pool_add(p, event("1", T + 501, 0, false), false); /* the second sort, stored in that very millisecond */
    CHECK(!freshness_need_reflected(&now, n));
    n->stored.fetched_ms = T + 502;
    CHECK(freshness_need_reflected(&now, n));
    n->stored.version = T - 1000;
    CHECK(!freshness_need_reflected(&now, n));
    n->stored.deleted = true;
    CHECK(freshness_need_reflected(&now, n));
    pool_free(p);
}

TEST(behind_is_said_only_of_the_first_sort)
{
    struct message *m = event("1", T, T, true);

    CHECK(freshness_behind(m, T - 1));
    CHECK(!freshness_behind(m, T));
    m->entry.moves = false;
    CHECK(!freshness_behind(m, T - 1));
    m->entry.moves = true;
    m->entry.event_ms = 0;
    CHECK(!freshness_behind(m, -1));
    message_free(m);
}

TEST(stale_reads_end_before_the_attempts_do)
{
    struct config c = {.max_stale_reads = 5, .retry_delay_count = 5};

    CHECK_INT(freshness_stale_limit(&c), 5);
    c.retry_delay_count = 2;
    CHECK_INT(freshness_stale_limit(&c), 3); /* the third attempt would be buried */
    c.max_stale_reads = 1;
    CHECK_INT(freshness_stale_limit(&c), 1);
}

/* event() has shop 1 of tiktok; which of the partitions is hers decides the hash. */
TEST(an_entry_of_another_partition_than_the_shops_is_reflected_by_nothing_stored)
{
    struct freshness spread = now;
    struct message *m = event("1", T + 500, T, true);
    const struct entry *e = &m->entry;
    int own;

    spread.partitions = 16;
    own = keys_partition(e->platform.data, e->platform.length, e->shop.data, e->shop.length, 16);
    m->stream = streams_live(own);
    CHECK(!freshness_is_foreign(&spread, m));
    CHECK(freshness_reflects(&spread, T + 1000, T + 501, false, m));
    m->stream = streams_bulk(own);
    CHECK(freshness_reflects(&spread, T + 1000, T + 501, false, m));
    m->stream = streams_live((own + 1) % 16);
    CHECK(freshness_is_foreign(&spread, m));
    CHECK(!freshness_reflects(&spread, T + 1000, T + 501, false, m));
    CHECK(!freshness_reflects(&spread, T + 1000, T + 501, true, m)); /* nor by a tombstone */
    spread.partitions = 0; /* not looked at: prove, which has one clock */
    CHECK(!freshness_is_foreign(&spread, m));
    CHECK(freshness_reflects(&spread, T + 1000, T + 501, false, m));
    message_free(m);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(
        argc, argv, CASE(a_strictly_later_version_reflects_the_first_sort_whatever_the_clocks_say),
        CASE(the_same_version_reflects_only_when_its_second_was_over_at_the_read),
        CASE(the_same_version_read_after_the_entry_was_stored_reflects),
        CASE(a_second_change_in_the_same_second_is_read_although_the_version_is_there),
        CASE(settled_is_off_while_the_marketplace_clock_differs),
        CASE(an_older_version_never_reflects_the_first_sort_however_late_it_was_read),
        CASE(the_second_sort_knows_only_the_time_of_the_read),
        CASE(an_address_change_that_does_not_move_the_update_time_is_read),
        CASE(an_entry_without_a_time_is_of_the_second_sort_even_when_its_topic_moves),
        CASE(an_entry_that_comes_back_from_mongodb_must_satisfy_both_sorts),
        CASE(the_update_time_of_an_order_says_nothing_about_its_money),
        CASE(the_update_time_of_a_package_says_nothing_about_its_order),
        CASE(an_entry_from_the_future_is_always_read), CASE(a_read_from_the_future_counts_as_never),
        CASE(a_tombstone_read_later_reflects_both_sorts), CASE(absurd_versions_do_not_overflow),
        CASE(a_need_is_reflected_when_every_message_is), CASE(behind_is_said_only_of_the_first_sort),
        CASE(stale_reads_end_before_the_attempts_do),
        CASE(an_entry_of_another_partition_than_the_shops_is_reflected_by_nothing_stored));
}
