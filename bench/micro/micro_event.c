/* micro_event.c - bench: an entry on its way into the worker: what Redis sends becomes a message, messages become needs. */
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

#include "bench/micro/micro.h"
#include "bench/micro/micro_event.h"
#include "bench/micro/micro_push.h"
#include "server/map.h"
#include "server/mark.h"
#include "worker/delivery.h"
#include "worker/group.h"
#include "worker/reply.h"

enum {
    DECODED = 100, /* entries of one reply */
    GROUPED = 300, /* messages of a turn ... */
    ORDERS = 200,  /* ... about as many orders */
};

/* --- entries as Redis holds them ------------------------------------------------------------------------ */

/* Appends one entry as XREADGROUP gives it. The fields of an XADD are the fields of the entry. */
static void add_entry(struct strbuf *to, const struct mark_xadd *x, size_t i)
{
    char id[STREAM_ID_MAX];
    struct strbuf text = STRBUF_INIT;

    strbuf_add_format(&text, "1795228311%03zu-0", i % 1000);
    memcpy(id, strbuf_text(&text), text.length + 1);
    resp_add_array(to, 2);
    resp_add_bulk(to, id, text.length);
    resp_add_array(to, x->field_count);
    strbuf_add(to, x->fields, x->fields_length);
    strbuf_deinit(&text);
}

/* The reply's head is written by hand: one stream, its name, its entries. */
static void add_reply(struct strbuf *to, const struct mark_xadd *x, size_t count)
{
    resp_add_array(to, 1);
    resp_add_array(to, 2);
    resp_add_bulk(to, "webhooks:{0}", 12);
    resp_add_array(to, count);
    for (size_t i = 0; i < count; i++)
        add_entry(to, x, i);
}

/* --- decode --------------------------------------------------------------------------------------------- */

struct decode {
    struct strbuf reply; /* bytes of Redis */
    struct message_list out;
    size_t body; /* bytes of an entry's body */
    struct arena *replies;
};

static void *open_decode(const struct micro_stage *stage, size_t *bytes)
{
    struct decode *d = xcalloc(1, sizeof *d);
    struct push push = micro_push(MICRO_TIKTOK);
    struct mapper *mapper = mapper_new(micro_config(CONFIG_SERVER));
    struct mapped mapped;
    struct strbuf xadd = STRBUF_INIT;
    struct mark_xadd parts;

    map_push(mapper, &push, &mapped);
    entry_add_xadd(&xadd, "webhooks:{0}", 12, &mapped.entries[0]);
    MICRO_CHECK(mark_read_xadd(xadd.data, xadd.length, &parts));
    add_reply(&d->reply, &parts, stage->events);
    d->body = push.body.length;
    d->replies = arena_new(64 << 10, 1 << 30);
    *bytes = d->reply.length;
    strbuf_deinit(&xadd);
    map_release(mapper);
    mapper_free(mapper);
    return d;
}

/* As link.c reads and batch.c takes it: hiredis' reader with an arena, a message an entry. */
static void run_decode(void *context)
{
    struct decode *d = context;
    redisReader *reader = redisReaderCreate();
    redisReplyObjectFunctions *before = reply_in_arena(reader, d->replies);
    void *reply = NULL;
    const redisReply *entries;

    MICRO_CHECK(redisReaderFeed(reader, d->reply.data, d->reply.length) == REDIS_OK);
    MICRO_CHECK(redisReaderGetReply(reader, &reply) == REDIS_OK && reply);
    entries = ((const redisReply *)reply)->element[0]->element[1];
    for (size_t i = 0; i < entries->elements; i++)
        message_append(&d->out, delivery_message(0, entries->element[i], NULL));
    reply_as_before(reader, before);
    arena_reset(d->replies);
    redisReaderFree(reader);
}

static void check_decode(void *context)
{
    struct decode *d = context;
    size_t readable = 0;

    for (const struct message *m = d->out.first; m; m = m->next)
        readable += m->readable && m->entry.kind == ENTRY_ORDER && m->entry.id.length == 18;
    MICRO_CHECK(readable == DECODED && d->out.count == DECODED);
    message_list_deinit(&d->out);
}

static void close_decode(void *context)
{
    struct decode *d = context;

    strbuf_deinit(&d->reply);
    arena_free(d->replies);
    free(d);
}

/* --- group ---------------------------------------------------------------------------------------------- */

static bool keep_no_body(const struct entry *e)
{
    (void)e;
    return false;
}

struct message *micro_message(enum micro_market market, size_t i, size_t order)
{
    struct strbuf id = STRBUF_INIT, stream_id = STRBUF_INIT;
    const char *shop = micro_shop(market), *name = micro_platform(market);
    struct message *m;

    micro_order_id(&id, market, order);
    strbuf_add_format(&stream_id, "1795228%06zu-0", i);
    {
        const char *texts[] = {"v",        "1",
                               "platform", name,
                               "shop",     shop,
                               "topic",    "1",
                               "kind",     "order",
                               "id",       strbuf_text(&id),
                               "event_ms", "1795217000000",
                               "recv_ms",  "1795228311123",
                               "key",      "bench-key:7327112393057371910",
                               "src",      "webhook",
                               "trace",    "0123456789abcdef0123456789abcdef",
                               "moves",    "1"};
        struct entry_text fields[sizeof texts / sizeof *texts];

        for (size_t k = 0; k < sizeof texts / sizeof *texts; k++)
            fields[k] = (struct entry_text){texts[k], strlen(texts[k])};
        m = message_new(0, strbuf_text(&stream_id), fields, sizeof texts / sizeof *texts, keep_no_body);
    }
    MICRO_CHECK(m->readable);
    m->deliveries = 1;
    strbuf_deinit(&stream_id);
    strbuf_deinit(&id);
    return m;
}

struct group {
    struct pool *pool;
    struct message_list incoming, settled;
};

static void *open_group(const struct micro_stage *stage, size_t *bytes)
{
    (void)stage;
    (void)bytes;
    return xcalloc(1, sizeof(struct group));
}

static void prepare_group(void *context)
{
    struct group *g = context;

    g->pool = pool_new();
    for (size_t i = 0; i < GROUPED; i++)
        message_append(&g->incoming, micro_message(MICRO_TIKTOK, i, i * 7 % ORDERS));
}

static void run_group(void *context)
{
    struct group *g = context;

    group_fold(g->pool, &g->incoming, &g->settled, 1);
}

static void check_group(void *context)
{
    struct group *g = context;

    MICRO_CHECK(g->incoming.count == 0 && g->settled.count == 0);
    MICRO_CHECK(pool_needs(g->pool) == ORDERS && pool_messages(g->pool) == GROUPED);
    pool_free(g->pool);
}

const struct micro_stage micro_event_stages[] = {
    {"decode", DECODED, open_decode, NULL, run_decode, check_decode, close_decode, NULL, 1},
    {"group", GROUPED, open_group, prepare_group, run_group, check_group, free, NULL, 1},
    {0},
};
