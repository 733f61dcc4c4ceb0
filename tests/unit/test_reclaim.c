/* test_reclaim.c - entries that come back, against a real Redis: own, due again, orphaned, lost. */
#include "worker/reclaim.h"

#include "common/number.h"
#include "tests/unit/lane_fixture.h"

TEST(takes_its_own_pending_entries_after_a_crash_and_counts_an_attempt)
{
    struct world w;
    struct lane l;
    struct message_list got = {0};

    world_start(&w, 1);
    add(&w, LIVE, 1, 3);
    add(&w, BULK, 4, 4);
    lane_start(&l, &w, "w-0");
    lane_read(&l, 100, 0, &got);
    CHECK_INT(got.count, 4);
    message_list_deinit(&got);
    lane_stop(&l);
    add(&w, LIVE, 5, 5);
    lane_start(&l, &w, "w-0");
    lane_read(&l, 100, 0, &got);
    CHECK_INT(got.count, 5);
    CHECK_TEXT(got.first->entry.id.data, "1");
    CHECK_INT(got.first->deliveries, 2);
    CHECK(got.first->repeat);
    CHECK(keeper_holds(l.keeper, 0, 0, got.first->stream_id));
    CHECK_TEXT(got.last->entry.id.data, "5");
    CHECK_INT(got.last->deliveries, 1);
    CHECK(!got.last->repeat);
    message_list_deinit(&got);
    lane_stop(&l);
    world_stop(&w);
}

TEST(own_entries_come_in_pieces_when_there_is_little_room)
{
    struct world w;
    struct lane l;
    struct message_list got = {0};

    world_start(&w, 1);
    add_many(&w, LIVE, 1000);
    lane_start(&l, &w, "w-0");
    lane_read(&l, 1000, 0, &got);
    message_list_deinit(&got);
    lane_stop(&l);
    lane_start(&l, &w, "w-0");
    for (int i = 0; i < 20 && got.count < 1000; i++) {
        size_t before = got.count;

        lane_read(&l, 70 + (size_t)i * 5, 0, &got);
        CHECK(got.count - before <= 70 + (size_t)i * 5);
    }
    CHECK_INT(got.count, 1000);
    CHECK_INT(got.last->deliveries, 2);
    lane_settle_as(&l, &got, OUTCOME_DONE, DEAD_UNKNOWN, NULL);
    CHECK_INT(pending(&w, LIVE), 0);
    lane_stop(&l);
    world_stop(&w);
}

/* A reply lost on the wire: Redis believes it delivered, we never saw it. The connection failed, not the entry. */
TEST(a_reconnect_takes_what_was_lost_on_the_wire_without_an_attempt)
{
    struct world w;
    struct lane l;
    struct message_list got = {0}, lost = {0};

    world_start(&w, 1);
    lane_start(&l, &w, "w-0");
    add(&w, LIVE, 1, 1);
    lane_read(&l, 100, 0, &got);
    CHECK_INT(got.count, 1);
    add(&w, LIVE, 2, 3);
    REDIS_DO(&w.redis, "XREADGROUP GROUP workers w-0 STREAMS %s >", LIVE);
    for (int i = 0; i < 8; i++) {
        link_close(l.reads);
        lane_read(&l, 100, 0, &lost);
        CHECK_INT(lost.count, 2); /* once taken they are held, as the first one is */
    }
    CHECK_INT(lost.first->deliveries, 1);
    CHECK(lost.first->repeat);
    message_list_deinit(&lost);
    message_list_deinit(&got);
    lane_stop(&l);
    world_stop(&w);
}

TEST(due_entries_behind_a_thousand_that_are_not_are_found)
{
    enum { FRESH = 2500, DUE = 660 };
    struct world w;
    struct lane l;
    struct message_list got = {0};
    redisReply *r;

    world_start(&w, 1);
    w.config.reclaim_idle_ms = 20000;
    add_many(&w, LIVE, FRESH + DUE);
    REDIS_DO(&w.redis, "XGROUP CREATE %s workers 0", LIVE);
    REDIS_DO(&w.redis, "SET webhooks:{0}:worker:other alive");
    REDIS_DO(&w.redis, "XREADGROUP GROUP workers other COUNT 100000 STREAMS %s >", LIVE);
    r = redis_ask(&w.redis, "XREVRANGE %s + - COUNT %d", LIVE, DUE);
    for (size_t i = 0; i < r->elements; i++)
        REDIS_DO(&w.redis, "XCLAIM %s workers parked 0 %s IDLE 20000 RETRYCOUNT 1 JUSTID", LIVE,
                 r->element[i]->element[0]->str);
    freeReplyObject(r);
    lane_start(&l, &w, "w-0");
    for (int i = 0; i < 60 && got.count < DUE; i++)
        lane_read(&l, 30, 0, &got);
    CHECK_INT(got.count, DUE);
    CHECK_INT(got.first->deliveries, 2);
    CHECK_INT(pending_of(&w, LIVE, "other"), FRESH);
    message_list_deinit(&got);
    lane_stop(&l);
    world_stop(&w);
}

/* Settles one entry as a retry and waits for it; checks that it did not come early. */
static void retry_once(struct lane *l, struct message_list *got, bool free_retry, int64_t deliveries)
{
    int64_t begin;

    message_judge_list(got, OUTCOME_RETRY, DEAD_UNKNOWN, "not yet");
    got->first->free_retry = free_retry;
    begin = clock_mono_ms();
    lane_settle(l, got);
    lane_read_until(l, 1, got);
    CHECK_INT(got->count, 1);
    CHECK(clock_mono_ms() - begin >= 235); /* 300 less a fifth, and Redis rounds to whole milliseconds */
    CHECK(clock_mono_ms() - begin < 1900);
    CHECK_INT(got->first->deliveries, deliveries);
    CHECK(got->first->repeat);
}

TEST(a_retry_comes_back_after_its_delay_and_not_before)
{
    struct world w;
    struct lane l;
    struct message_list got = {0};

    world_start(&w, 1);
    w.config.reclaim_idle_ms = 2000;
    lane_start(&l, &w, "w-0");
    add(&w, LIVE, 1, 1);
    lane_read(&l, 100, 0, &got);
    retry_once(&l, &got, false, 2);
    retry_once(&l, &got, true, 2); /* an outage uses no attempt */
    retry_once(&l, &got, true, 2);
    retry_once(&l, &got, false, 3);
    CHECK_INT(pending_of(&w, LIVE, "parked"), 0);
    message_list_deinit(&got);
    lane_stop(&l);
    world_stop(&w);
}

TEST(entries_that_come_back_get_a_quarter_of_the_room_while_new_ones_wait)
{
    struct world w;
    struct lane l;
    struct message_list got = {0};
    size_t back = 0;

    world_start(&w, 1);
    add_many(&w, LIVE, 5000);
    REDIS_DO(&w.redis, "XGROUP CREATE %s workers 0", LIVE);
    REDIS_DO(&w.redis, "XREADGROUP GROUP workers w-0 COUNT 2000 STREAMS %s >", LIVE);
    lane_start(&l, &w, "w-0");
    lane_read(&l, 400, 0, &got); /* nobody knows yet what waits */
    CHECK_INT(got.count, 400);
    message_list_deinit(&got);
    lane_read(&l, 400, 0, &got);
    CHECK_INT(got.count, 400);
    for (const struct message *m = got.first; m; m = m->next)
        back += m->repeat;
    CHECK_INT(back, 100);
    message_list_deinit(&got);
    lane_stop(&l);
    world_stop(&w);
}

TEST(takes_over_the_entries_of_a_worker_without_a_heartbeat)
{
    struct world w;
    struct lane dead, l;
    struct message_list got = {0};

    world_start(&w, 1);
    w.config.reap_idle_ms = 400;
    REDIS_DO(&w.redis, "SET webhooks:{0}:worker:busy alive");
    add(&w, LIVE, 1, 2);
    REDIS_DO(&w.redis, "XGROUP CREATE %s workers 0", LIVE);
    REDIS_DO(&w.redis, "XREADGROUP GROUP workers busy COUNT 1 STREAMS %s >", LIVE);
    REDIS_DO(&w.redis, "XREADGROUP GROUP workers gone COUNT 1 STREAMS %s >", LIVE);
    lane_start(&dead, &w, "x-0");
    lane_start(&l, &w, "w-0");
    for (int i = 0; i < 20; i++) {
        lane_read(&l, 100, 0, &got);
        wait_ms(10);
    }
    CHECK_INT(got.count, 0); /* not idle for long enough */
    lane_read_until(&l, 1, &got);
    CHECK_INT(got.count, 1);
    CHECK_TEXT(got.first->entry.id.data, "2");
    CHECK_INT(got.first->deliveries, 2);
    lane_read(&dead, 100, 0, &got);
    wait_ms(100);
    lane_read(&dead, 100, 0, &got);
    CHECK_INT(got.count, 1); /* a second reaper gets nothing */
    CHECK_INT(pending_of(&w, LIVE, "busy"), 1);
    message_list_deinit(&got);
    lane_stop(&l);
    lane_stop(&dead);
    world_stop(&w);
}

TEST(a_stale_consumer_is_removed_only_when_it_owns_nothing)
{
    struct world w;
    struct lane l;
    struct message_list got = {0};
    int64_t until = clock_mono_ms() + 8000;
    size_t consumers = 3;

    world_start(&w, 1);
    w.config.reap_idle_ms = 120;
    add(&w, LIVE, 1, 3);
    REDIS_DO(&w.redis, "XGROUP CREATE %s workers 0", LIVE);
    REDIS_DO(&w.redis, "XREADGROUP GROUP workers gone COUNT 1 STREAMS %s >", LIVE);
    REDIS_DO(&w.redis, "XREADGROUP GROUP workers parked COUNT 1 STREAMS %s >", LIVE);
    lane_start(&l, &w, "w-0");
    while (clock_mono_ms() < until && consumers > 2) {
        redisReply *r;

        lane_read(&l, 100, 0, &got);
        r = redis_ask(&w.redis, "XINFO CONSUMERS %s workers", LIVE);
        consumers = r->elements;
        freeReplyObject(r);
        wait_ms(20);
    }
    CHECK_INT(consumers, 2); /* parked and w-0 */
    CHECK_INT(got.count, 2); /* what it owned was taken first */
    CHECK_INT(pending(&w, LIVE), 3);
    CHECK_INT(pending_of(&w, LIVE, "parked"), 1);
    message_list_deinit(&got);
    lane_stop(&l);
    world_stop(&w);
}

TEST(entries_trimmed_while_pending_are_counted_as_lost_and_acked)
{
    struct world w;
    struct lane l;
    struct message_list got = {0};

    world_start(&w, 1);
    w.config.reclaim_idle_ms = 500;
    w.config.reap_idle_ms = 300;
    add(&w, LIVE, 1, 6);
    REDIS_DO(&w.redis, "XGROUP CREATE %s workers 0", LIVE);
    REDIS_DO(&w.redis, "XREADGROUP GROUP workers w-0 COUNT 2 STREAMS %s >", LIVE);    /* own */
    REDIS_DO(&w.redis, "XREADGROUP GROUP workers gone COUNT 2 STREAMS %s >", LIVE);   /* reaped */
    REDIS_DO(&w.redis, "XREADGROUP GROUP workers parked COUNT 2 STREAMS %s >", LIVE); /* claimed */
    REDIS_DO(&w.redis, "XTRIM %s MAXLEN 0", LIVE);
    add(&w, LIVE, 7, 7);
    lane_start(&l, &w, "w-0");
    for (int64_t until = clock_mono_ms() + 3000; clock_mono_ms() < until && pending(&w, LIVE) > 1;) {
        lane_read(&l, 100, 0, &got);
        wait_ms(20);
    }
    CHECK_INT(metric_get(METRIC_WORKER_ENTRIES_LOST), 6);
    CHECK_INT(got.count, 1);
    CHECK_TEXT(got.first->entry.id.data, "7");
    CHECK_INT(pending(&w, LIVE), 1);
    message_list_deinit(&got);
    lane_stop(&l);
    world_stop(&w);
}

TEST(an_entry_acked_by_a_peer_is_not_reported_as_lost)
{
    struct world w;
    struct lane l;
    struct message_list got = {0};

    world_start(&w, 1);
    add(&w, LIVE, 1, 1);
    lane_start(&l, &w, "w-0");
    lane_read(&l, 100, 0, &got);
    REDIS_DO(&w.redis, "XACK %s workers %s", LIVE, got.first->stream_id);
    message_judge_list(&got, OUTCOME_RETRY, DEAD_UNKNOWN, "later");
    lane_settle(&l, &got);
    CHECK_INT(metric_get(METRIC_WORKER_ENTRIES_LOST), 0);
    CHECK_INT(metric_get(METRIC_WORKER_RETRIED), 0);
    lane_stop(&l);
    world_stop(&w);
}

/* Delivered once more than attempts are allowed, and never an outcome: it must not be worked on again. */
TEST(beyond_the_limit_an_entry_comes_judged_as_a_crash)
{
    struct world w;
    struct lane l;
    struct message_list got = {0};

    world_start(&w, 1);
    add(&w, LIVE, 1, 1);
    REDIS_DO(&w.redis, "XGROUP CREATE %s workers 0", LIVE);
    REDIS_DO(&w.redis, "XREADGROUP GROUP workers w-0 STREAMS %s >", LIVE);
    for (int64_t n = 2; n <= 7; n++) {
        lane_start(&l, &w, "w-0");
        lane_read(&l, 100, 0, &got);
        CHECK_INT(got.count, 1);
        CHECK_INT(got.first->deliveries, n);
        CHECK_INT(got.first->outcome, n == 7 ? OUTCOME_POISON : OUTCOME_RETRY);
        CHECK(got.first->readable == (n < 7)); /* at last it is not even read: that may be what ends us */
        if (n == 7)
            lane_settle(&l, &got);
        message_list_deinit(&got);
        lane_stop(&l);
    }
    CHECK_TEXT(dead_field(&w, "_class"), "crash");
    CHECK_TEXT(dead_field(&w, "_tries"), "7");
    CHECK_TEXT(dead_field(&w, "kind"), "order");
    CHECK_TEXT(dead_field(&w, "_err"), "delivered 6 times without an outcome");
    CHECK_INT(pending(&w, LIVE), 0);
    world_stop(&w);
}

TEST(entries_suspected_of_crashing_are_worked_on_alone)
{
    struct world w;
    struct lane l;
    struct message_list got = {0};
    redisReply *r;

    world_start(&w, 1);
    add(&w, LIVE, 1, 6);
    REDIS_DO(&w.redis, "XGROUP CREATE %s workers 0", LIVE);
    REDIS_DO(&w.redis, "XREADGROUP GROUP workers w-0 COUNT 4 STREAMS %s >", LIVE);
    r = redis_ask(&w.redis, "XRANGE %s - + COUNT 3", LIVE);
    for (size_t i = 1; i < 3; i++)
        REDIS_DO(&w.redis, "XCLAIM %s workers w-0 0 %s RETRYCOUNT 4 JUSTID", LIVE,
                 r->element[i]->element[0]->str);
    freeReplyObject(r);
    lane_start(&l, &w, "w-0");
    lane_read(&l, 100, 0, &got); /* 1 comes back, the suspect behind it waits; 5 and 6 are new */
    CHECK_INT(got.count, 3);
    message_list_deinit(&got);
    for (int id = 2; id <= 3; id++) {
        lane_read(&l, 100, 0, &got);
        CHECK_INT(got.count, 1);
        CHECK_INT(got.first->entry.id.data[0] - '0', id);
        CHECK_INT(got.first->deliveries, 5);
        message_list_deinit(&got);
        add(&w, LIVE, 7, 7); /* new entries do not have to wait until the last suspect is through */
        lane_read(&l, 100, 0, &got);
        CHECK_INT(got.count, 1 + (id == 3));
        CHECK_TEXT(got.last->entry.id.data, "7");
        CHECK_TEXT(got.first->entry.id.data, id == 3 ? "4" : "7");
        message_list_deinit(&got);
    }
    lane_stop(&l);
    world_stop(&w);
}

/* Leaves n more entries of stream pending for owner, with that many deliveries and idle for an hour. */
static void leave_pending(struct world *w, const char *stream, const char *owner, int n, int deliveries)
{
    redisReply *r;

    add_many(w, stream, n);
    freeReplyObject(redis_ask(&w->redis, "XGROUP CREATE %s workers 0", stream));
    REDIS_DO(&w->redis, "XREADGROUP GROUP workers %s COUNT 100000 STREAMS %s >", owner, stream);
    r = redis_ask(&w->redis, "XREVRANGE %s + - COUNT %d", stream, n);
    for (size_t i = 0; i < r->elements; i++)
        REDIS_DO(&w->redis, "XCLAIM %s workers %s 0 %s IDLE 3600000 RETRYCOUNT %d JUSTID", stream, owner,
                 r->element[i]->element[0]->str, deliveries);
    freeReplyObject(r);
}

/* Another worker that lives: nothing of its is for the reaper. */
static void other_lives(struct world *w)
{
    REDIS_DO(&w->redis, "SET webhooks:{0}:worker:other alive");
}

static size_t from_bulk(const struct message_list *list)
{
    size_t n = 0;

    for (const struct message *m = list->first; m; m = m->next)
        n += m->stream == streams_bulk(0);
    return n;
}

/* Everything is to be tried again, without an attempt. */
static void put_off(struct lane *l, struct message_list *got)
{
    for (struct message *m = got->first; m; m = m->next)
        m->free_retry = true;
    lane_settle_as(l, got, OUTCOME_RETRY, DEAD_UNKNOWN, "not yet");
}

/* Retries of the live stream are due at every step, and suspects of it wait too. */
TEST(a_suspect_of_the_bulk_stream_does_not_wait_behind_a_busy_live_stream)
{
    struct world w;
    struct lane l;
    struct message_list got = {0};
    size_t bulk = 0;

    world_start(&w, 1);
    w.config.reclaim_idle_ms = 10; /* a pass each ms, and a delay of 9 ms for all that is put off */
    other_lives(&w);
    leave_pending(&w, LIVE, "other", 30, 4);
    leave_pending(&w, LIVE, "parked", 3, 1);
    leave_pending(&w, BULK, "other", 1, 4);
    lane_start(&l, &w, "w-0");
    for (int i = 0; i < 8 && bulk == 0; i++) {
        lane_read(&l, 100, 0, &got);
        bulk = from_bulk(&got);
        put_off(&l, &got);
        wait_ms(10);
    }
    CHECK_INT(bulk, 1);
    lane_stop(&l);
    world_stop(&w);
}

TEST(suspects_that_are_due_come_every_other_step_and_not_one_a_pass)
{
    enum { SUSPECTS = 50 };
    struct world w;
    struct lane l;
    struct message_list got = {0};

    world_start(&w, 1);
    other_lives(&w);
    leave_pending(&w, LIVE, "other", SUSPECTS, 4);
    lane_start(&l, &w, "w-0");
    for (int i = 0; i < 2 * SUSPECTS + 1; i++) {
        size_t before = got.count;

        lane_read(&l, 100, 0, &got);
        CHECK(got.count - before <= 1);
    }
    CHECK_INT(got.count, SUSPECTS);
    message_list_deinit(&got);
    lane_stop(&l);
    world_stop(&w);
}

static int64_t reads_asked(struct world *w)
{
    redisReply *r = redis_ask(&w->redis, "INFO commandstats");
    const char *line = strstr(r->str, "cmdstat_xreadgroup:calls=");
    int64_t n = 0;

    CHECK(line && number_i64(line + 25, strcspn(line + 25, ","), &n));
    freeReplyObject(r);
    return n;
}

TEST(no_read_waits_for_new_entries_while_suspects_wait_for_their_turn)
{
    struct world w;
    struct lane l;
    struct message_list got = {0};
    int64_t asked;

    world_start(&w, 1);
    leave_pending(&w, LIVE, "w-0", 2, 4);
    lane_start(&l, &w, "w-0");
    lane_read(&l, 100, 2000, &got);
    CHECK_INT(got.count, 1);
    asked = reads_asked(&w);
    lane_read(&l, 100, 2000, &got);
    CHECK_INT(got.count, 1);
    CHECK_INT(reads_asked(&w) - asked, 2); /* live and bulk, and no third one that blocks */
    lane_read(&l, 100, 2000, &got);
    CHECK_INT(got.count, 2);
    message_list_deinit(&got);
    lane_stop(&l);
    world_stop(&w);
}

/* A crasher among thousands: the nearer they come to being suspects, the fewer are in work together. */
TEST(entries_of_vanished_workers_come_in_smaller_groups_each_time)
{
    struct world w;
    struct lane l;
    struct message_list got = {0};

    world_start(&w, 1);
    leave_pending(&w, LIVE, "w-0", 20, 3);
    leave_pending(&w, LIVE, "w-0", 300, 2);
    leave_pending(&w, LIVE, "w-0", 400, 1);
    lane_start(&l, &w, "w-0");
    lane_read(&l, 10000, 0, &got);
    CHECK_INT(got.count, 16);
    lane_read(&l, 10000, 0, &got); /* four of a 16th each, and three quarters of 256 */
    CHECK_INT(got.count, 16 + 4 + 192);
    lane_read(&l, 10000, 0, &got);
    CHECK_INT(got.count, 720); /* 108 of 256ths, 400 of 4096ths */
    message_list_deinit(&got);
    lane_stop(&l);
    world_stop(&w);
}

/* Cuts the lane's connection; the read that meets it fails. */
static void cut(struct world *w, struct lane *l)
{
    struct message_list none = {0};
    struct err err = {0};

    freeReplyObject(redis_ask(&w->redis, "CLIENT KILL TYPE normal SKIPME yes"));
    CHECK(!batch_read(l->reader, 100, 1 << 20, 0, &none, &err));
    CHECK_INT(none.count, 0);
}

TEST(after_an_outage_others_are_given_the_time_to_show_that_they_live)
{
    struct world w;
    struct lane l;
    struct message_list got = {0};

    world_start(&w, 1);
    w.config.reap_idle_ms = w.config.reclaim_idle_ms = 500;
    w.config.keep_alive_ms = 150;
    lane_start(&l, &w, "w-0");
    lane_read(&l, 100, 0, &got);
    add(&w, LIVE, 1, 3);
    REDIS_DO(&w.redis, "XREADGROUP GROUP workers other-0 STREAMS webhooks:{0} >");
    wait_ms(600); /* Redis is away, for longer than a lease */
    cut(&w, &l);
    for (int64_t until = clock_mono_ms() + 200; clock_mono_ms() < until; wait_ms(10))
        lane_read(&l, 100, 0, &got);
    CHECK_INT(got.count, 0);
    lane_read_until(&l, 3, &got);
    CHECK_INT(got.count, 3);
    message_list_deinit(&got);
    lane_stop(&l);
    world_stop(&w);
}

TEST(after_a_short_cut_nothing_is_delayed)
{
    struct world w;
    struct lane l;
    struct message_list got = {0};

    world_start(&w, 1);
    w.config.reap_idle_ms = w.config.reclaim_idle_ms = 500;
    w.config.keep_alive_ms = 150;
    lane_start(&l, &w, "w-0");
    lane_read(&l, 100, 0, &got);
    add(&w, LIVE, 1, 3);
    REDIS_DO(&w.redis, "XREADGROUP GROUP workers other-0 STREAMS webhooks:{0} >");
    for (int64_t until = clock_mono_ms() + 450; clock_mono_ms() < until; wait_ms(10))
        lane_read(&l, 100, 0, &got);
    CHECK_INT(got.count, 0);
    cut(&w, &l);
    wait_ms(100);
    for (int64_t until = clock_mono_ms() + 150; got.count < 3 && clock_mono_ms() < until; wait_ms(10))
        lane_read(&l, 100, 0, &got);
    CHECK_INT(got.count, 3);
    message_list_deinit(&got);
    lane_stop(&l);
    world_stop(&w);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(takes_its_own_pending_entries_after_a_crash_and_counts_an_attempt),
                        CASE(own_entries_come_in_pieces_when_there_is_little_room),
                        CASE(a_reconnect_takes_what_was_lost_on_the_wire_without_an_attempt),
                        CASE(due_entries_behind_a_thousand_that_are_not_are_found),
                        CASE(a_retry_comes_back_after_its_delay_and_not_before),
                        CASE(entries_that_come_back_get_a_quarter_of_the_room_while_new_ones_wait),
                        CASE(takes_over_the_entries_of_a_worker_without_a_heartbeat),
                        CASE(a_stale_consumer_is_removed_only_when_it_owns_nothing),
                        CASE(entries_trimmed_while_pending_are_counted_as_lost_and_acked),
                        CASE(an_entry_acked_by_a_peer_is_not_reported_as_lost),
                        CASE(beyond_the_limit_an_entry_comes_judged_as_a_crash),
                        CASE(entries_suspected_of_crashing_are_worked_on_alone),
                        CASE(a_suspect_of_the_bulk_stream_does_not_wait_behind_a_busy_live_stream),
                        CASE(suspects_that_are_due_come_every_other_step_and_not_one_a_pass),
                        CASE(no_read_waits_for_new_entries_while_suspects_wait_for_their_turn),
                        CASE(entries_of_vanished_workers_come_in_smaller_groups_each_time),
                        CASE(after_an_outage_others_are_given_the_time_to_show_that_they_live),
                        CASE(after_a_short_cut_nothing_is_delayed));
}
