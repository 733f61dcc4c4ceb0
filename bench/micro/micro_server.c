/* micro_server.c - bench: what the server does for one webhook, stage by stage; without HTTP, sockets and Redis. */
#include <stdlib.h>
#include <string.h>

#include "bench/micro/micro.h"
#include "bench/micro/micro_push.h"
#include "common/entry.h"
#include "common/keys.h"
#include "server/map.h"
#include "server/mark.h"
#include "server/resend.h"
#include "server/segment.h"
#include "server/verify.h"

enum { EVENTS = 100 };

static const char entry_id[] = "1795228311123-0";
static const char mark_key[] = "webhooks:{0}:seen:bench-key:7327112393057371910:order:570000000000015562";

/* One push on its way, and what the stages before the counted one have made of it. */
struct on_the_way {
    struct push push;
    struct verifier *verifier;
    struct mapper *mapper;
    struct mapped mapped;
    struct strbuf out;  /* a run's output */
    struct strbuf xadd; /* the entry as a command */
    struct segment_record record;
    size_t good; /* events of the run that went well */
};

static void *open_push(const struct micro_stage *stage, size_t *bytes)
{
    const enum micro_market market = *(const enum micro_market *)stage->what;
    struct config *c = micro_config(CONFIG_SERVER); /* outlives us */
    struct on_the_way *w = xcalloc(1, sizeof *w);

    w->push = micro_push(market);
    w->verifier = verify_new(c);
    w->mapper = mapper_new(c);
    *bytes = stage->events * w->push.body.length;
    return w;
}

static void close_push(void *context)
{
    struct on_the_way *w = context;

    verify_free(w->verifier);
    mapper_free(w->mapper);
    strbuf_deinit(&w->out);
    strbuf_deinit(&w->xadd);
    free(w);
}

/* --- verify ------------------------------------------------------------------------------------------- */

static void run_verify(void *context)
{
    struct on_the_way *w = context;
    struct push_sign_match match;

    w->good = 0;
    for (size_t i = 0; i < EVENTS; i++)
        w->good += verify_push(w->verifier, &w->push, &match) == VERDICT_GENUINE;
}

static void check_verify(void *context)
{
    struct on_the_way *w = context;
    struct push changed = w->push;
    struct push_sign_match match;
    char *body = xstrndup(changed.body.data, changed.body.length);

    body[changed.body.length / 2] ^= 1;
    changed.body.data = body;
    MICRO_CHECK(w->good == EVENTS);
    MICRO_CHECK(verify_push(w->verifier, &changed, &match) == VERDICT_MISMATCH);
    free(body);
}

/* --- map ---------------------------------------------------------------------------------------------- */

static void run_map(void *context)
{
    struct on_the_way *w = context;

    w->good = 0;
    for (size_t i = 0; i < EVENTS; i++) {
        map_push(w->mapper, &w->push, &w->mapped);
        w->good += !w->mapped.dead && !w->mapped.unknown;
        map_release(w->mapper);
    }
}

static void check_map(void *context)
{
    struct on_the_way *w = context;
    const struct entry *e;

    MICRO_CHECK(w->good == EVENTS);
    map_push(w->mapper, &w->push, &w->mapped);
    e = &w->mapped.entries[0];
    MICRO_CHECK(w->mapped.count == 1 && e->kind == ENTRY_ORDER);
    MICRO_CHECK(e->event_ms == INT64_C(1795228223000) && e->key.length > 0);
    MICRO_CHECK(memmem(w->push.body.data, w->push.body.length, e->id.data, e->id.length) != NULL);
    map_release(w->mapper);
}

/* --- the entry as commands ------------------------------------------------------------------------------ */

static void *open_entry(const struct micro_stage *stage, size_t *bytes)
{
    char stream[KEYS_STREAM_MAX];
    struct on_the_way *w = open_push(stage, bytes);

    map_push(w->mapper, &w->push, &w->mapped); /* its texts are needed to the end */
    entry_add_xadd(&w->xadd, stream, keys_live(stream, 0), &w->mapped.entries[0]);
    w->record = (struct segment_record){w->xadd.data, w->xadd.length, 0, MICRO_NOW_MS};
    return w;
}

static void prepare_out(void *context)
{
    struct on_the_way *w = context;

    strbuf_reset(&w->out);
}

static void run_encode(void *context)
{
    struct on_the_way *w = context;

    for (size_t i = 0; i < EVENTS; i++) {
        strbuf_reset(&w->out);
        entry_add_xadd(&w->out, "webhooks:{0}", 12, &w->mapped.entries[0]);
    }
}

static void check_encode(void *context)
{
    static const char head[] = "\r\n$4\r\nXADD\r\n$12\r\nwebhooks:{0}\r\n$1\r\n*\r\n$1\r\nv\r\n$1\r\n1\r\n";
    struct on_the_way *w = context;
    struct mark_xadd parts;

    MICRO_CHECK(memmem(w->out.data, w->out.length, head, sizeof head - 1) != NULL);
    MICRO_CHECK(memmem(w->out.data, w->out.length, w->push.body.data, w->push.body.length) != NULL);
    MICRO_CHECK(mark_read_xadd(w->out.data, w->out.length, &parts) && parts.field_count >= 20);
}

static void run_marks(void *context)
{
    struct on_the_way *w = context;

    w->good = 0;
    for (size_t i = 0; i < EVENTS; i++) {
        strbuf_reset(&w->out);
        mark_add_get(&w->out, mark_key, sizeof mark_key - 1);
        if (mark_is_id(entry_id, sizeof entry_id - 1)) {
            mark_add_set(&w->out, mark_key, sizeof mark_key - 1, entry_id, sizeof entry_id - 1, 600000);
            w->good++;
        }
    }
}

static void check_marks(void *context)
{
    static const char set[] = "$15\r\n1795228311123-0\r\n$2\r\nPX\r\n$6\r\n600000\r\n";
    struct on_the_way *w = context;

    MICRO_CHECK(w->good == EVENTS && strncmp(strbuf_text(&w->out), "*2\r\n$3\r\nGET\r\n", 13) == 0);
    MICRO_CHECK(w->out.length > sizeof set &&
                memcmp(w->out.data + w->out.length - (sizeof set - 1), set, sizeof set - 1) == 0);
}

static void run_resend(void *context)
{
    struct on_the_way *w = context;

    w->good = 0;
    for (size_t i = 0; i < EVENTS; i++) {
        strbuf_reset(&w->out);
        w->good += resend_add(&w->out, mark_key, sizeof mark_key - 1, w->xadd.data, w->xadd.length,
                              (struct mark_id){1795228311123, 0}, 600000, false);
    }
}

static void check_resend(void *context)
{
    struct on_the_way *w = context;

    MICRO_CHECK(w->good == EVENTS && strstr(strbuf_text(&w->out), "$7\r\nEVALSHA\r\n$40\r\n") != NULL);
    MICRO_CHECK(memmem(w->out.data, w->out.length, w->push.body.data, w->push.body.length) != NULL);
}

static void run_segment(void *context)
{
    struct on_the_way *w = context;

    for (size_t i = 0; i < EVENTS; i++)
        segment_add(&w->out, 42, (int64_t)(SEGMENT_HEAD + w->out.length), &w->record);
}

static void check_segment(void *context)
{
    struct on_the_way *w = context;
    struct segment_record r;
    size_t at = 0, records = 0;

    while (at < w->out.length && segment_next(42, (int64_t)(SEGMENT_HEAD + at), w->out.data + at,
                                              w->out.length - at, &r) == SEGMENT_RECORD) {
        at += SEGMENT_RECORD_HEAD + r.length;
        records++;
    }
    MICRO_CHECK(records == EVENTS && at == w->out.length);
}

static const enum micro_market tiktok = MICRO_TIKTOK, shopee = MICRO_SHOPEE;

const struct micro_stage micro_server_stages[] = {
    {"verify tiktok", EVENTS, open_push, NULL, run_verify, check_verify, close_push, &tiktok, 1},
    {"verify shopee", EVENTS, open_push, NULL, run_verify, check_verify, close_push, &shopee, 1},
    {"map tiktok", EVENTS, open_push, NULL, run_map, check_map, close_push, &tiktok, 1},
    {"map shopee", EVENTS, open_push, NULL, run_map, check_map, close_push, &shopee, 1},
    {"encode", EVENTS, open_entry, prepare_out, run_encode, check_encode, close_push, &tiktok, 1},
    {"marks", EVENTS, open_entry, prepare_out, run_marks, check_marks, close_push, &tiktok, 1},
    {"resend", EVENTS, open_entry, prepare_out, run_resend, check_resend, close_push, &tiktok, 1},
    {"journal", EVENTS, open_entry, prepare_out, run_segment, check_segment, close_push, &tiktok, 1},
    {0},
};
