/* test_drain.c - what the journal holds comes to a real Redis, in order, each once, and waits while Redis does not take it. */
#include "server/drain.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "common/entry.h"
#include "common/metrics.h"
#include "tests/harness.h"
#include "tests/unit/redis_server.h"

enum { RECORDS = 600 };

struct bench {
    struct config config;
    struct redis_server redis;
    struct journal *journal;
    struct journal_port *port;
    struct strbuf bodies[RECORDS];
    struct journal_call calls[RECORDS];
};

static size_t stored;

static void on_done(struct journal_call *call, bool ok)
{
    (void)call;
    stored += ok;
}

/* XADD s * n <i>, with the mark m<i>. */
static void submit(struct bench *b, size_t i)
{
    struct strbuf *body = &b->bodies[i];
    char number[24];
    size_t mark;

    strbuf_reset(body);
    strbuf_add_format(body, "m%zu", i);
    mark = body->length;
    resp_add_array(body, 5);
    resp_add_bulk(body, "XADD", 4);
    resp_add_bulk(body, "s", 1);
    resp_add_bulk(body, "*", 1);
    resp_add_bulk(body, "n", 1);
    resp_add_bulk(body, number, (size_t)snprintf(number, sizeof(number), "%zu", i));
    b->calls[i].record = (struct segment_record){body->data, body->length, mark, 1767704400000};
    b->calls[i].done = on_done;
    journal_submit(b->port, &b->calls[i]);
}

/* A Redis, and a journal with RECORDS records that nothing drains yet. */
static struct bench *bench_new(int64_t dedupe_minutes)
{
    struct bench *b = xcalloc(1, sizeof(*b));
    struct pollfd p = {.events = POLLIN};
    struct err err = {0};

    b->config.journal_dir = (char *)(uintptr_t) "j";
    b->config.journal_max_bytes = 1 << 30;
    b->config.journal_segment_bytes = 16384;
    b->config.dedupe_window_minutes = dedupe_minutes;
    redis_server_start(&b->redis);
    b->journal = journal_open(&b->config, NULL, &err);
    CHECK(b->journal != NULL);
    b->port = journal_port_new(b->journal, &err);
    CHECK(b->port && journal_start(b->journal, &err));
    for (size_t i = 0; i < RECORDS; i++)
        submit(b, i);
    p.fd = journal_port_fd(b->port);
    while (stored < RECORDS) {
        CHECK(poll(&p, 1, 20000) == 1);
        journal_port_collect(b->port);
    }
    return b;
}

static void bench_free(struct bench *b)
{
    journal_stop(b->journal);
    journal_port_free(b->port);
    journal_close(b->journal);
    for (size_t i = 0; i < RECORDS; i++)
        strbuf_deinit(&b->bodies[i]);
    redis_server_stop(&b->redis);
    free(b);
}

static struct drain *begin(struct bench *b)
{
    struct err err = {0};
    struct drain *d = drain_start(
        &(struct drain_tools){.journal = b->journal, .config = &b->config, .url = &b->redis.url}, &err);

    CHECK(d != NULL);
    return d;
}

static void wait_empty(struct bench *b)
{
    for (int i = 0; i < 2000 && journal_busy(b->journal); i++)
        wait_ms(10);
    CHECK(!journal_busy(b->journal));
}

static void check_order(struct bench *b)
{
    redisReply *r = redis_ask(&b->redis, "XRANGE s - +");

    CHECK_INT(r->elements, RECORDS);
    for (size_t i = 0; i < r->elements; i++) {
        char number[24];

        snprintf(number, sizeof(number), "%zu", i);
        CHECK_TEXT(r->element[i]->element[1]->element[1]->str, number);
    }
    freeReplyObject(r);
}

TEST(all_records_come_in_order_each_with_its_mark)
{
    struct bench *b = bench_new(10);
    struct drain *d = begin(b);

    wait_empty(b);
    drain_stop(d, 0);
    check_order(b);
    CHECK_INT(REDIS_INT(&b->redis, "EXISTS m0 m%d", RECORDS - 1), 2);
    CHECK(REDIS_INT(&b->redis, "PTTL m0") > 590000);
    bench_free(b);
}

TEST(without_a_dedupe_window_marks_are_neither_asked_for_nor_set)
{
    struct bench *b = bench_new(0);
    struct drain *d;

    REDIS_DO(&b->redis, "SET m5 1-0");
    d = begin(b);
    wait_empty(b);
    drain_stop(d, 0);
    check_order(b);
    CHECK_INT(REDIS_INT(&b->redis, "EXISTS m0 m1"), 0);
    bench_free(b);
}

TEST(what_redis_has_already_is_not_stored_again_and_a_mark_that_is_none_does_not_count)
{
    struct bench *b = bench_new(10);
    struct drain *d;

    REDIS_DO(&b->redis, "XADD s 1-0 n there");
    REDIS_DO(&b->redis, "SET m7 1-0");
    REDIS_DO(&b->redis, "SET m10 1-1"); /* its entry is lost */
    REDIS_DO(&b->redis, "SET m8 whatever");
    REDIS_DO(&b->redis, "LPUSH m9 x");
    d = begin(b);
    wait_empty(b);
    drain_stop(d, 0);
    CHECK_INT(REDIS_INT(&b->redis, "XLEN s"), 1 + RECORDS - 1);
    CHECK_INT(metric_get(METRIC_SERVER_JOURNAL_KNOWN), 1);
    CHECK_INT(metric_get(METRIC_SERVER_JOURNAL_DRAINED), RECORDS);
    bench_free(b);
}

TEST(refused_records_wait_and_go_in_order_when_redis_takes_them)
{
    struct bench *b = bench_new(10);
    struct drain *d;

    REDIS_DO(&b->redis, "SET s no-stream");
    d = begin(b);
    wait_ms(300);
    CHECK(journal_busy(b->journal));
    REDIS_DO(&b->redis, "DEL s");
    wait_empty(b);
    drain_stop(d, 0);
    check_order(b);
    bench_free(b);
}

TEST(told_to_stop_while_redis_refuses_it_ends_and_what_is_left_stays)
{
    struct bench *b = bench_new(10);
    struct drain *d;

    REDIS_DO(&b->redis, "SET s no-stream");
    d = begin(b);
    wait_ms(100);
    drain_stop(d, 30000);
    CHECK(journal_busy(b->journal));
    REDIS_DO(&b->redis, "DEL s");
    journal_stop(b->journal);
    journal_port_free(b->port);
    journal_close(b->journal);
    b->journal = journal_open(&b->config, NULL, NULL);
    b->port = journal_port_new(b->journal, NULL);
    d = begin(b);
    wait_empty(b);
    drain_stop(d, 0);
    check_order(b);
    bench_free(b);
}

TEST(told_to_stop_while_redis_takes_them_it_finishes_first)
{
    struct bench *b = bench_new(10);
    struct drain *d = begin(b);

    drain_stop(d, 30000);
    CHECK(!journal_busy(b->journal));
    check_order(b);
    bench_free(b);
}

TEST(told_to_stop_while_redis_is_frozen_it_ends_when_the_wait_is_over)
{
    struct bench *b = bench_new(10);
    struct drain *d;

    kill(b->redis.pid, SIGSTOP);
    d = begin(b);
    wait_ms(100);
    drain_stop(d, 200); /* a reply is waited for much longer */
    CHECK(journal_busy(b->journal));
    kill(b->redis.pid, SIGCONT);
    bench_free(b);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(
        argc, argv, CASE(all_records_come_in_order_each_with_its_mark),
        CASE(without_a_dedupe_window_marks_are_neither_asked_for_nor_set),
        CASE(what_redis_has_already_is_not_stored_again_and_a_mark_that_is_none_does_not_count),
        CASE(refused_records_wait_and_go_in_order_when_redis_takes_them),
        CASE(told_to_stop_while_redis_refuses_it_ends_and_what_is_left_stays),
        CASE(told_to_stop_while_redis_takes_them_it_finishes_first),
        CASE(told_to_stop_while_redis_is_frozen_it_ends_when_the_wait_is_over));
}
