/* lane_fixture.h - tests: a lane's Redis side (two links, keeper, reader, acker) on a Redis server of the test's own, with
 * delays of tenths of a second instead of minutes. */
#ifndef SHOPSTREAM_TESTS_LANE_FIXTURE_H
#define SHOPSTREAM_TESTS_LANE_FIXTURE_H

#include "common/clock.h"
#include "common/metrics.h"
#include "tests/unit/redis_server.h"
#include "worker/ack.h"
#include "worker/batch.h"
#include "worker/keeper.h"
#include "worker/trim.h"

#define LIVE "webhooks:{0}"
#define BULK "webhooks:{0}:bulk"
#define DEAD "webhooks:{0}:dead"

/* A server and the settings of its workers. */
struct world {
    struct redis_server redis;
    struct config config;
    struct streams streams;
};

/* One worker process with one lane. */
struct lane {
    struct world *world;
    const char *name[1];
    struct link *reads, *acks;
    struct keeper *keeper;
    struct batch_reader *reader;
    struct acker *acker;
};

static inline void world_start(struct world *w, int partitions)
{
    *w = (struct world){.config = {
                            .read_count = 300,
                            .read_max_entries = 10000,
                            .read_max_bytes = 16 << 20,
                            .reclaim_idle_ms = 60000,
                            .reap_idle_ms = 60000,
                            .heartbeat_ms = 300,
                            .keep_alive_ms = 100,
                            .retry_delays_ms = {300, 300, 300, 300, 300},
                            .retry_delay_count = 5,
                            .trim_interval_ms = 1,
                            .stream_maxlen = 1000000,
                        }};
    log_setup("test", LOG_ERROR, false);
    CHECK(streams_init(&w->streams, partitions));
    redis_server_start(&w->redis);
}

static inline void world_stop(struct world *w)
{
    redis_server_stop(&w->redis);
    streams_deinit(&w->streams);
}

static inline void lane_start(struct lane *l, struct world *w, const char *name)
{
    struct err err = {0};

    *l = (struct lane){.world = w, .name = {name}};
    l->reads = link_new(&w->redis.url, "reads", 5000);
    l->acks = link_new(&w->redis.url, "acks", 1000);
    l->keeper = keeper_start(&w->config, &w->redis.url, &w->streams, l->name, 1, &err);
    if (!l->keeper)
        CHECK_TEXT(err.text, "a keeper");
    l->reader = batch_reader_new(&w->config, &w->streams, l->reads, l->keeper, 0, name);
    l->acker = acker_new(&w->config, &w->streams, l->acks, l->keeper, 0, name);
}

/* Ends without handing anything back: what it holds stays pending, as after a crash. */
static inline void lane_stop(struct lane *l)
{
    acker_free(l->acker);
    batch_reader_free(l->reader);
    keeper_stop(l->keeper);
    link_free(l->reads);
    link_free(l->acks);
}

/* One read; fails the case when it fails. */
static inline void lane_read(struct lane *l, size_t room, int64_t block_ms, struct message_list *out)
{
    struct err err = {0};

    if (!batch_read(l->reader, room, 16 << 20, block_ms, out, &err))
        CHECK_TEXT(err.text, "a batch");
}

/* Reads until out has n messages or two seconds have passed. */
static inline void lane_read_until(struct lane *l, size_t n, struct message_list *out)
{
    int64_t until = clock_mono_ms() + 2000;

    while (out->count < n && clock_mono_ms() < until) {
        lane_read(l, 10000, 0, out);
        wait_ms(5);
    }
}

static inline void lane_settle(struct lane *l, struct message_list *list)
{
    struct err err = {0};

    if (!ack_settle(l->acker, list, &err))
        CHECK_TEXT(err.text, "settled");
    CHECK_INT(list->count, 0);
}

/* Judges all alike and settles them. */
static inline void lane_settle_as(struct lane *l, struct message_list *list, enum outcome outcome,
                                  enum dead_class dead, const char *error)
{
    message_judge_list(list, outcome, dead, error);
    lane_settle(l, list);
}

/* Entries from..to as the server stores them; id is the number. */
static inline void add_kind(struct world *w, const char *stream, int from, int to, const char *kind)
{
    for (int i = from; i <= to; i++)
        REDIS_DO(
            &w->redis,
            "XADD %s * v 1 platform tiktok shop 749 topic 1 kind %s id %d recv_ms 1718305585123 key k%d src "
            "webhook trace t%d body {\"n\":%d}",
            stream, kind, i, i, i, i);
}

static inline void add(struct world *w, const char *stream, int from, int to)
{
    add_kind(w, stream, from, to, "order");
}

/* Many at once. */
static inline void add_many(struct world *w, const char *stream, int n)
{
    struct err err = {0};
    char count[24];
    static const char script[] = "for i = 1, ARGV[1] do redis.call('XADD', KEYS[1], '*', 'v', '1', "
                                 "'platform', 'tiktok', 'shop', '749', 'topic',"
                                 "'1', 'kind', 'order', 'id', i, 'recv_ms', '1718305585123', 'key', i, "
                                 "'src', 'webhook', 'trace', i) end";
    redisReply *r;

    snprintf(count, sizeof(count), "%d", n);
    r = link_call(w->redis.ask, 5, (const char *[]){"EVAL", script, "1", stream, count}, NULL, &err);
    CHECK(r && r->type != REDIS_REPLY_ERROR);
    freeReplyObject(r);
}

/* How many entries of a stream are pending, all consumers together or one's. */
static inline int64_t pending(struct world *w, const char *stream)
{
    redisReply *r = redis_ask(&w->redis, "XPENDING %s workers", stream);
    int64_t n = r->type == REDIS_REPLY_ARRAY && r->elements > 0 ? r->element[0]->integer : -1;

    freeReplyObject(r);
    return n;
}

static inline int64_t pending_of(struct world *w, const char *stream, const char *consumer)
{
    redisReply *r = redis_ask(&w->redis, "XPENDING %s workers - + 10000 %s", stream, consumer);
    int64_t n = r->type == REDIS_REPLY_ARRAY ? (int64_t)r->elements : -1;

    freeReplyObject(r);
    return n;
}

/* Text of a field of the newest dead letter; "" when there is none. Static storage. */
static inline const char *dead_field(struct world *w, const char *field)
{
    static char value[400];
    redisReply *r = redis_ask(&w->redis, "XREVRANGE %s + - COUNT 1", DEAD);

    value[0] = '\0';
    for (size_t i = 0; r->elements > 0 && i + 1 < r->element[0]->element[1]->elements; i += 2) {
        redisReply *const *pair = &r->element[0]->element[1]->element[i];

        if (strcmp(pair[0]->str, field) == 0)
            snprintf(value, sizeof(value), "%s", pair[1]->str);
    }
    freeReplyObject(r);
    return value;
}

#endif
