/* micro_ack.c - bench: outcomes become one XACK for all.
 *
 * Redis is micro_redis.c. The keeper is a thread; of it only the list of held ids is there (keeper_drop is linked to the
 * function below, without its lock). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/micro/micro.h"
#include "bench/micro/micro_event.h"
#include "bench/micro/micro_redis.h"
#include "worker/ack.h"
#include "worker/held.h"
#include "worker/link.h"

enum { ACKED = 300 };

struct acks {
    struct micro_redis redis;
    struct config *config;
    struct streams streams;
    struct link *link;
    struct held held;
    struct acker *acker;
    struct message_list settled;
    bool good; /* of the run */
};

void __wrap_keeper_drop(struct keeper *k, size_t lane, const struct message *m);

void __wrap_keeper_drop(struct keeper *k, size_t lane, const struct message *m)
{
    struct held_id id;

    (void)lane;
    if (held_id_parse(m->stream, m->stream_id, &id))
        held_remove((struct held *)(void *)k, &id);
}

static void *open_ack(const struct micro_stage *stage, size_t *bytes)
{
    struct acks *a = xcalloc(1, sizeof *a);
    struct err err = {0};

    (void)stage;
    (void)bytes;
    a->config = micro_config(CONFIG_WORKER);
    micro_redis_listen(&a->redis);
    a->link = link_new(&a->redis.url, "bench", 5000);
    MICRO_CHECK(link_open(a->link, &err));
    micro_redis_accept(&a->redis);
    MICRO_CHECK(streams_init(&a->streams, 1));
    a->acker = acker_new(a->config, &a->streams, a->link, (struct keeper *)(void *)&a->held, 0, "bench-0");
    return a;
}

static void prepare_ack(void *context)
{
    struct acks *a = context;
    char reply[24];
    int n = snprintf(reply, sizeof reply, ":%d\r\n", ACKED);

    for (size_t i = 0; i < ACKED; i++) {
        struct message *m = micro_message(MICRO_TIKTOK, i, i);
        struct held_id id;

        message_judge(m, OUTCOME_DONE, DEAD_UNKNOWN, NULL);
        MICRO_CHECK(held_id_parse(0, m->stream_id, &id) && held_add(&a->held, &id));
        message_append(&a->settled, m);
    }
    micro_redis_say(&a->redis, reply, (size_t)n);
}

static void run_ack(void *context)
{
    struct acks *a = context;
    struct err err = {0};

    a->good = ack_settle(a->acker, &a->settled, &err);
}

static void check_ack(void *context)
{
    static const char head[] = "*303\r\n$4\r\nXACK\r\n$12\r\nwebhooks:{0}\r\n$7\r\nworkers\r\n";
    struct acks *a = context;
    const struct strbuf *sent = &a->redis.heard;

    MICRO_CHECK(a->good && a->settled.count == 0 && ack_unconfirmed(a->acker) == 0 && a->held.count == 0);
    micro_redis_hear(&a->redis);
    MICRO_CHECK(sent->length > (size_t)ACKED * 20 && memcmp(sent->data, head, sizeof head - 1) == 0);
    MICRO_CHECK(memmem(sent->data + 1, sent->length - 1, "\r\n*", 3) == NULL);
    strbuf_reset(&a->redis.heard);
}

static void close_ack(void *context)
{
    struct acks *a = context;

    acker_free(a->acker);
    link_free(a->link);
    micro_redis_close(&a->redis);
    held_deinit(&a->held);
    streams_deinit(&a->streams);
    config_deinit(a->config);
    free(a->config);
    free(a);
}

const struct micro_stage micro_ack_stages[] = {
    {"ack", ACKED, open_ack, prepare_ack, run_ack, check_ack, close_ack, NULL, 1},
    {0},
};
