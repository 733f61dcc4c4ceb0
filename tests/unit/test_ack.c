/* test_ack.c - stage 7 against a real Redis: what a verdict does, and that nothing unconfirmed is forgotten. */
#include "worker/ack.h"

#include "tests/unit/lane_fixture.h"

/* Idle time and counter of the only pending entry of a consumer. */
static void parked_entry(struct world *w, const char *consumer, int64_t *idle, int64_t *count)
{
    redisReply *r = redis_ask(&w->redis, "XPENDING %s workers - + 10 %s", LIVE, consumer);

    CHECK_INT(r->elements, 1);
    *idle = r->element[0]->element[2]->integer;
    *count = r->element[0]->element[3]->integer;
    freeReplyObject(r);
}

TEST(one_call_acks_done_and_parked_of_every_stream)
{
    struct world w;
    struct lane l;
    struct message_list got = {0};

    world_start(&w, 2);
    add_many(&w, LIVE, 2300);
    add(&w, "webhooks:{1}:bulk", 1, 5);
    lane_start(&l, &w, "w-0");
    lane_read(&l, 10000, 0, &got);
    CHECK_INT(got.count, 2305);
    message_judge_list(&got, OUTCOME_DONE, DEAD_UNKNOWN, NULL);
    got.last->outcome = OUTCOME_PARKED;
    lane_settle(&l, &got);
    CHECK_INT(pending(&w, LIVE), 0);
    CHECK_INT(pending(&w, "webhooks:{1}:bulk"), 0);
    CHECK_INT(metric_get(METRIC_WORKER_ACKED), 2305);
    CHECK_INT(metric_get(METRIC_WORKER_ACKED_LESS), 0);
    CHECK_INT(ack_unconfirmed(l.acker), 0);
    lane_stop(&l);
    world_stop(&w);
}

TEST(an_entry_nobody_judged_is_a_retry)
{
    struct world w;
    struct lane l;
    struct message_list got = {0};
    int64_t idle, count;

    world_start(&w, 1);
    w.config.retry_delays_ms[0] = 10000;
    add(&w, LIVE, 1, 1);
    lane_start(&l, &w, "w-0");
    lane_read(&l, 10, 0, &got);
    lane_settle(&l, &got);
    parked_entry(&w, "parked", &idle, &count);
    CHECK_INT(count, 1);
    CHECK(idle >= 60000 - 12001 && idle <= 60000 - 8000 + 500);
    CHECK_INT(metric_get(METRIC_WORKER_RETRIED), 1);
    lane_stop(&l);
    world_stop(&w);
}

TEST(the_delay_asked_for_is_kept_and_stays_below_the_threshold)
{
    static const int64_t asked[] = {5000, 90000, -1}, want[] = {55000, 1, 60000};
    struct world w;
    struct lane l;
    int64_t idle, count;

    world_start(&w, 1);
    lane_start(&l, &w, "w-0");
    for (int i = 0; i < 3; i++) {
        struct message_list got = {0};
        char id[STREAM_ID_MAX];

        add(&w, LIVE, i, i);
        lane_read(&l, 10, 0, &got);
        CHECK_INT(got.count, 1);
        memcpy(id, got.first->stream_id, sizeof(id));
        message_defer_list(&got, asked[i], "rate limit");
        lane_settle(&l, &got);
        parked_entry(&w, "parked", &idle, &count);
        CHECK(idle >= want[i] && idle < want[i] + 500);
        CHECK_INT(count, 0);
        REDIS_DO(&w.redis, "XACK %s workers %s", LIVE, id);
    }
    CHECK_INT(metric_get(METRIC_WORKER_DEFERRED), 3);
    lane_stop(&l);
    world_stop(&w);
}

TEST(jitter_spreads_a_mass_of_retries)
{
    struct world w;
    struct lane l;
    struct message_list got = {0};
    redisReply *r;
    int64_t low = INT64_MAX, high = 0;

    world_start(&w, 1);
    w.config.retry_delays_ms[0] = 20000;
    add_many(&w, LIVE, 3000);
    lane_start(&l, &w, "w-0");
    lane_read(&l, 10000, 0, &got);
    lane_settle_as(&l, &got, OUTCOME_RETRY, DEAD_UNKNOWN, "no");
    r = redis_ask(&w.redis, "XPENDING %s workers - + 3000 parked", LIVE);
    CHECK_INT(r->elements, 3000);
    for (size_t i = 0; i < r->elements; i++) {
        int64_t idle = r->element[i]->element[2]->integer;

        low = idle < low ? idle : low;
        high = idle > high ? idle : high;
    }
    freeReplyObject(r);
    CHECK(high - low > 2000);
    CHECK(low >= 60000 - 24001 && high <= 60000 - 16000 + 1000);
    lane_stop(&l);
    world_stop(&w);
}

TEST(gives_up_after_the_limit_and_buries_the_entry)
{
    struct world w;
    struct lane l;
    struct message_list got = {0};
    char id[STREAM_ID_MAX];

    world_start(&w, 1);
    w.config.reclaim_idle_ms = 400;
    w.config.retry_delay_count = 2;
    w.config.retry_delays_ms[0] = w.config.retry_delays_ms[1] = 50;
    add(&w, LIVE, 1, 1);
    lane_start(&l, &w, "w-0");
    for (int n = 1; n <= 3; n++) {
        lane_read_until(&l, 1, &got);
        CHECK_INT(got.count, 1);
        CHECK_INT(got.first->deliveries, n);
        memcpy(id, got.first->stream_id, sizeof(id));
        CHECK_INT(REDIS_INT(&w.redis, "XLEN " DEAD), 0);
        lane_settle_as(&l, &got, OUTCOME_RETRY, DEAD_NOT_FOUND, "order 1 never appeared");
    }
    CHECK_INT(pending(&w, LIVE), 0);
    CHECK_INT(REDIS_INT(&w.redis, "XLEN " DEAD), 1);
    CHECK_TEXT(dead_field(&w, "id"), "1");
    CHECK_TEXT(dead_field(&w, "body"), "{\"n\":1}"); /* complete, although the lane had dropped it */
    CHECK_TEXT(dead_field(&w, "_id"), id);
    CHECK_TEXT(dead_field(&w, "_stream"), LIVE);
    CHECK_TEXT(dead_field(&w, "_group"), "workers");
    CHECK_TEXT(dead_field(&w, "_by"), "w-0");
    CHECK_TEXT(dead_field(&w, "_tries"), "3");
    CHECK_TEXT(dead_field(&w, "_body"), "1");
    CHECK_TEXT(dead_field(&w, "_class"), "not_found");
    CHECK_TEXT(dead_field(&w, "_err"), "order 1 never appeared");
    CHECK_TEXT(dead_field(&w, "_ver"), SHOPSTREAM_VERSION);
    CHECK(strncmp(dead_field(&w, "_first"), id, 13) == 0);
    CHECK(dead_field(&w, "_at")[0] != '\0');
    CHECK_INT(metric_get(METRIC_WORKER_DEAD), 1);
    CHECK_INT(metric_get(METRIC_WORKER_RETRIED), 2);
    lane_stop(&l);
    world_stop(&w);
}

/* Redis counts the deliveries of this life only, and that number alone is written back: added to it, the earlier attempts
 * would count again at every redelivery. */
TEST(attempts_of_an_earlier_life_count_towards_the_limit_once)
{
    struct world w;
    struct lane l;
    struct message_list got = {0};

    world_start(&w, 1);
    w.config.reclaim_idle_ms = 400;
    w.config.retry_delay_count = 5;
    for (int i = 0; i < 5; i++)
        w.config.retry_delays_ms[i] = 50;
    REDIS_DO(&w.redis,
             "XADD %s * v 1 platform tiktok shop 749 topic 1 kind order id 1 recv_ms 1718305585123 key k src "
             "parked "
             "trace t attempts 3",
             BULK);
    lane_start(&l, &w, "w-0");
    for (int n = 1; n <= 3; n++) { /* attempts 4, 5 and 6 of six */
        lane_read_until(&l, 1, &got);
        CHECK_INT(got.count, 1);
        CHECK_INT(got.first->deliveries, n);
        CHECK_INT(message_attempt(got.first), 3 + n);
        CHECK_INT(REDIS_INT(&w.redis, "XLEN " DEAD), 0);
        if (n == 2) { /* a retry for somebody else's fault in between costs nothing */
            message_defer_list(&got, 50, "shop away");
            lane_settle(&l, &got);
            lane_read_until(&l, 1, &got);
            CHECK_INT(got.first->deliveries, n);
        }
        lane_settle_as(&l, &got, OUTCOME_RETRY, DEAD_REJECTED, "refused alone");
    }
    CHECK_INT(pending(&w, BULK), 0);
    CHECK_INT(REDIS_INT(&w.redis, "XLEN " DEAD), 1);
    CHECK_TEXT(dead_field(&w, "attempts"), "3");
    CHECK_TEXT(dead_field(&w, "_tries"), "3");
    CHECK_TEXT(dead_field(&w, "_class"), "rejected");
    lane_stop(&l);
    world_stop(&w);
}

TEST(an_entry_out_of_attempts_has_one_more_and_a_crash_is_no_failure_of_its_own)
{
    struct world w;
    struct lane l, after;
    struct message_list got = {0};

    world_start(&w, 1);
    w.config.retry_delay_count = 2;
    w.config.reap_idle_ms = 50;
    REDIS_DO(&w.redis,
             "XADD %s * v 1 platform tiktok shop 749 topic 1 kind order id 1 recv_ms 1718305585123 key k src "
             "parked "
             "trace t attempts 7",
             BULK);
    lane_start(&l, &w, "w-0");
    lane_read_until(&l, 1, &got);
    CHECK_INT(got.first->outcome, OUTCOME_RETRY); /* nobody judged it on arrival */
    message_list_deinit(&got);
    lane_stop(&l); /* with the entry in hand */
    lane_start(&after, &w, "w-0");
    lane_read_until(&after, 1, &got);
    CHECK_INT(got.first->deliveries, 2);
    CHECK_INT(got.first->outcome, OUTCOME_RETRY); /* two deliveries of three: not yet a crasher */
    lane_settle_as(&after, &got, OUTCOME_RETRY, DEAD_REJECTED, "refused alone");
    CHECK_TEXT(dead_field(&w, "_class"), "rejected");
    CHECK_INT(pending(&w, BULK), 0);
    lane_stop(&after);
    world_stop(&w);
}

TEST(parked_entries_are_acked_and_counted)
{
    struct world w;
    struct lane l;
    struct message_list got = {0};
    int64_t acked = metric_get(METRIC_WORKER_ACKED), parked = metric_get(METRIC_WORKER_PARKED);

    world_start(&w, 1);
    add(&w, LIVE, 1, 3);
    lane_start(&l, &w, "w-0");
    lane_read_until(&l, 3, &got);
    message_judge_list(&got, OUTCOME_PARKED, DEAD_UNKNOWN, NULL);
    got.first->outcome = OUTCOME_DONE;
    lane_settle(&l, &got);
    CHECK_INT(pending(&w, LIVE), 0);
    CHECK_INT(metric_get(METRIC_WORKER_ACKED), acked + 3);
    CHECK_INT(metric_get(METRIC_WORKER_PARKED), parked + 2);
    lane_stop(&l);
    world_stop(&w);
}

TEST(a_free_retry_never_runs_out_of_attempts)
{
    struct world w;
    struct lane l;
    struct message_list got = {0};

    world_start(&w, 1);
    w.config.reclaim_idle_ms = 200;
    w.config.retry_delay_count = 0;
    add(&w, LIVE, 1, 1);
    lane_start(&l, &w, "w-0");
    for (int n = 0; n < 5; n++) {
        lane_read_until(&l, 1, &got);
        CHECK_INT(got.count, 1);
        CHECK_INT(got.first->deliveries, 1);
        message_defer_list(&got, 20, "the shop is away");
        lane_settle(&l, &got);
    }
    CHECK_INT(REDIS_INT(&w.redis, "XLEN " DEAD), 0);
    lane_stop(&l);
    world_stop(&w);
}

TEST(a_dead_letter_refused_for_memory_stays_pending_and_follows_later)
{
    struct world w;
    struct lane l;
    struct message_list got = {0};
    int64_t idle, count;

    world_start(&w, 1);
    w.config.reclaim_idle_ms = 1000;
    add(&w, LIVE, 1, 1);
    lane_start(&l, &w, "w-0");
    lane_read(&l, 10, 0, &got);
    REDIS_DO(&w.redis, "CONFIG SET maxmemory 1");
    lane_settle_as(&l, &got, OUTCOME_POISON, DEAD_REJECTED, "no");
    CHECK_INT(ack_unconfirmed(l.acker), 0);
    CHECK_INT(REDIS_INT(&w.redis, "XLEN " DEAD), 0);
    parked_entry(&w, "parked", &idle, &count);
    CHECK_INT(count, 0);
    REDIS_DO(&w.redis, "CONFIG SET maxmemory 0");
    lane_read_until(&l, 1, &got);
    CHECK_INT(got.count, 1);
    CHECK_INT(got.first->deliveries, 1);
    lane_settle_as(&l, &got, OUTCOME_POISON, DEAD_REJECTED, "no");
    CHECK_INT(REDIS_INT(&w.redis, "XLEN " DEAD), 1);
    CHECK_INT(pending(&w, LIVE), 0);
    lane_stop(&l);
    world_stop(&w);
}

TEST(a_dead_letter_that_cannot_be_written_stops_neither_acks_nor_is_it_lost)
{
    struct world w;
    struct lane l;
    struct message_list got = {0};
    struct err err = {0};

    world_start(&w, 1);
    add(&w, LIVE, 1, 3);
    REDIS_DO(&w.redis, "SET " DEAD " oops");
    lane_start(&l, &w, "w-0");
    lane_read(&l, 10, 0, &got);
    message_judge_list(&got, OUTCOME_DONE, DEAD_UNKNOWN, NULL);
    message_judge(got.first->next, OUTCOME_POISON, DEAD_REJECTED, "no");
    CHECK(!ack_settle(l.acker, &got, &err));
    CHECK(strstr(err.text, "WRONGTYPE") != NULL);
    CHECK_INT(ack_unconfirmed(l.acker), 1);
    CHECK_INT(pending(&w, LIVE), 1);
    REDIS_DO(&w.redis, "DEL " DEAD);
    lane_settle(&l, &got);
    CHECK_INT(ack_unconfirmed(l.acker), 0);
    CHECK_INT(REDIS_INT(&w.redis, "XLEN " DEAD), 1);
    lane_stop(&l);
    world_stop(&w);
}

TEST(buries_also_after_the_script_cache_was_flushed)
{
    struct world w;
    struct lane l;
    struct message_list got = {0};

    world_start(&w, 1);
    lane_start(&l, &w, "w-0");
    for (int i = 1; i <= 3; i++) {
        add(&w, LIVE, i, i);
        lane_read(&l, 10, 0, &got);
        REDIS_DO(&w.redis, "SCRIPT FLUSH");
        lane_settle_as(&l, &got, OUTCOME_POISON, DEAD_REJECTED, "no");
        CHECK_INT(REDIS_INT(&w.redis, "XLEN " DEAD), i);
    }
    lane_stop(&l);
    world_stop(&w);
}

TEST(an_entry_a_peer_took_over_is_the_peers_to_bury)
{
    struct world w;
    struct lane l;
    struct message_list got = {0};

    world_start(&w, 1);
    w.config.keep_alive_ms = 60000;
    add(&w, LIVE, 1, 1);
    lane_start(&l, &w, "w-0");
    lane_read(&l, 10, 0, &got);
    REDIS_DO(&w.redis, "XCLAIM %s workers peer 0 %s", LIVE, got.first->stream_id);
    lane_settle_as(&l, &got, OUTCOME_POISON, DEAD_REJECTED, "no");
    CHECK_INT(REDIS_INT(&w.redis, "XLEN " DEAD), 0);
    CHECK_INT(pending_of(&w, LIVE, "peer"), 1);
    CHECK_INT(ack_unconfirmed(l.acker), 0);
    lane_stop(&l);
    world_stop(&w);
}

TEST(what_was_sent_into_a_frozen_redis_is_sent_again)
{
    struct world w;
    struct lane l;
    struct message_list got = {0};
    struct err err = {0};

    world_start(&w, 1);
    w.config.keep_alive_ms = 60000;
    add(&w, LIVE, 1, 4);
    lane_start(&l, &w, "w-0");
    lane_read(&l, 10, 0, &got);
    message_judge_list(&got, OUTCOME_DONE, DEAD_UNKNOWN, NULL);
    message_judge(got.first, OUTCOME_RETRY, DEAD_UNKNOWN, "later");
    message_judge(got.first->next, OUTCOME_POISON, DEAD_REJECTED, "no");
    CHECK_INT(ack_unconfirmed(l.acker), 0);
    kill(w.redis.pid, SIGSTOP);
    CHECK(!ack_settle(l.acker, &got, &err));
    CHECK_INT(got.count, 0);
    CHECK_INT(ack_unconfirmed(l.acker), 4);
    kill(w.redis.pid, SIGCONT);
    lane_settle(&l, &got);
    CHECK_INT(ack_unconfirmed(l.acker), 0);
    CHECK_INT(pending(&w, LIVE), 1);
    CHECK_INT(pending_of(&w, LIVE, "parked"), 1);
    CHECK_INT(REDIS_INT(&w.redis, "XLEN " DEAD), 1);
    lane_stop(&l);
    world_stop(&w);
}

TEST(what_is_handed_back_is_due_at_once_for_any_peer)
{
    struct world w;
    struct lane l, peer;
    struct message_list got = {0};
    struct err err = {0};
    int64_t begin;

    world_start(&w, 1);
    w.config.reclaim_idle_ms = 3000;
    add(&w, LIVE, 1, 3);
    lane_start(&l, &w, "w-0");
    lane_start(&peer, &w, "x-0");
    lane_read(&l, 10, 0, &got);
    CHECK(ack_hand_back(l.acker, &got, &err));
    CHECK_INT(got.count, 0);
    CHECK(!keeper_holds(l.keeper, 0, 0, "1-1"));
    CHECK_INT(pending_of(&w, LIVE, "parked"), 3);
    begin = clock_mono_ms();
    lane_read_until(&peer, 3, &got);
    CHECK_INT(got.count, 3);
    CHECK(clock_mono_ms() - begin < 1000);
    CHECK_INT(got.first->deliveries, 1); /* nothing was tried */
    lane_settle_as(&peer, &got, OUTCOME_DONE, DEAD_UNKNOWN, NULL);
    lane_stop(&peer);
    lane_stop(&l);
    world_stop(&w);
}

TEST(entries_trimmed_while_in_work_are_reported_when_parked)
{
    struct world w;
    struct lane l;
    struct message_list got = {0};

    world_start(&w, 1);
    w.config.keep_alive_ms = 60000;
    add(&w, LIVE, 1, 3);
    lane_start(&l, &w, "w-0");
    lane_read(&l, 10, 0, &got);
    REDIS_DO(&w.redis, "XDEL %s %s", LIVE, got.first->next->stream_id);
    lane_settle_as(&l, &got, OUTCOME_RETRY, DEAD_UNKNOWN, "later");
    CHECK_INT(metric_get(METRIC_WORKER_ENTRIES_LOST), 1);
    CHECK_INT(metric_get(METRIC_WORKER_RETRIED), 2);
    CHECK_INT(pending(&w, LIVE), 2);
    lane_stop(&l);
    world_stop(&w);
}

TEST(a_disconnected_message_is_put_back_without_an_attempt)
{
    struct world w;
    struct lane l;
    struct message_list got = {0};
    int64_t idle, count;

    world_start(&w, 1);
    add(&w, LIVE, 1, 1);
    lane_start(&l, &w, "w-0");
    lane_read(&l, 10, 0, &got);
    lane_settle_as(&l, &got, OUTCOME_DISCONNECTED, DEAD_UNKNOWN, NULL);
    parked_entry(&w, "parked", &idle, &count);
    CHECK_INT(count, 0);
    lane_stop(&l);
    world_stop(&w);
}

/* A whole life of entries under the documented permissions of a worker: read, hold, retry, bury, reap, trim. */
TEST(needs_no_more_than_a_workers_permissions)
{
    struct world w;
    struct lane l;
    struct trim *t;
    struct message_list got = {0};
    struct err err = {0};
    redisReply *r;

    world_start(&w, 1);
    w.config.reclaim_idle_ms = 400;
    w.config.reap_idle_ms = 250;
    REDIS_DO(&w.redis,
             "ACL SETUSER worker on >secret ~webhooks:* +ping +role +info +command|info +eval +evalsha "
             "+script|load +xreadgroup +xack +xclaim +xautoclaim +xpending +xinfo|groups +xinfo|stream "
             "+xinfo|consumers +xrange +xrevrange +xlen +xadd +xdel +xtrim +xgroup|create "
             "+xgroup|delconsumer +exists +get +set +pexpire +time +del");
    add(&w, LIVE, 1, 4);
    REDIS_DO(&w.redis, "XGROUP CREATE %s workers 0", LIVE);
    REDIS_DO(&w.redis, "XREADGROUP GROUP workers gone COUNT 1 STREAMS %s >", LIVE);
    snprintf(w.redis.url.user, sizeof(w.redis.url.user), "worker");
    snprintf(w.redis.url.password, sizeof(w.redis.url.password), "secret");
    lane_start(&l, &w, "w-0");
    t = trim_new(&w.config, &w.streams, l.acks);
    lane_read(&l, 10, 0, &got);
    CHECK_INT(got.count, 3);
    message_defer_list(&got, 10, "later");
    message_judge(got.first, OUTCOME_POISON, DEAD_REJECTED, "no");
    lane_settle(&l, &got);
    lane_read_until(&l, 3, &got); /* two that were parked, one that was taken over */
    CHECK_INT(got.count, 3);
    wait_ms(400); /* a heartbeat and refreshes */
    CHECK(keeper_silence_ms(l.keeper) < 2000);
    lane_settle_as(&l, &got, OUTCOME_DONE, DEAD_UNKNOWN, NULL);
    for (int i = 0; i < 60; i++) { /* until the stale consumer is removed */
        lane_read(&l, 10, 20, &got);
        wait_ms(30);
    }
    CHECK(trim_step(t, clock_now_ms(), &err));
    trim_free(t);
    lane_stop(&l);
    r = redis_ask(&w.redis, "ACL LOG");
    for (size_t i = 0; i < r->elements; i++)
        CHECK_TEXT(r->element[i]->element[5]->str, "nothing refused");
    CHECK_INT(r->elements, 0);
    freeReplyObject(r);
    CHECK_INT(pending(&w, LIVE), 0);
    r = redis_ask(&w.redis, "XINFO CONSUMERS %s workers", LIVE);
    CHECK_INT(r->elements, 2); /* w-0 and parked */
    freeReplyObject(r);
    world_stop(&w);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(
        argc, argv, CASE(one_call_acks_done_and_parked_of_every_stream),
        CASE(an_entry_nobody_judged_is_a_retry),
        CASE(the_delay_asked_for_is_kept_and_stays_below_the_threshold),
        CASE(jitter_spreads_a_mass_of_retries), CASE(gives_up_after_the_limit_and_buries_the_entry),
        CASE(attempts_of_an_earlier_life_count_towards_the_limit_once),
        CASE(an_entry_out_of_attempts_has_one_more_and_a_crash_is_no_failure_of_its_own),
        CASE(parked_entries_are_acked_and_counted), CASE(a_free_retry_never_runs_out_of_attempts),
        CASE(a_dead_letter_refused_for_memory_stays_pending_and_follows_later),
        CASE(a_dead_letter_that_cannot_be_written_stops_neither_acks_nor_is_it_lost),
        CASE(buries_also_after_the_script_cache_was_flushed),
        CASE(an_entry_a_peer_took_over_is_the_peers_to_bury),
        CASE(what_was_sent_into_a_frozen_redis_is_sent_again),
        CASE(what_is_handed_back_is_due_at_once_for_any_peer),
        CASE(entries_trimmed_while_in_work_are_reported_when_parked),
        CASE(a_disconnected_message_is_put_back_without_an_attempt),
        CASE(needs_no_more_than_a_workers_permissions));
}
