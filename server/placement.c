/* placement.c - server: which partition do new events go to? Contract and reasons: placement.h. */
#include "server/placement.h"

#include <hiredis/hiredis.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/entry.h"
#include "common/keys.h"
#include "common/layout.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/strbuf.h"
#include "server/ask.h"

struct placement {
    struct stream_call call; /* first */
    const struct config *config;
    struct strbuf command; /* scratch: the question in wire form */
    int64_t due_ms;        /* monotonic: next question */
    uint64_t generation;   /* of the connection asked last */
    bool asked;            /* one is out */
    bool unreadable;       /* a person knows that the record is not readable */
    bool known;            /* the record has been read */
    int recorded;          /* most as last read; 0 = never */
    _Atomic int in_use;    /* as last read; before that STREAM_PARTITIONS */
    _Atomic int most;      /* of those read, and of those used here; 0 = none yet */
};

struct placement *placement_new(const struct config *c)
{
    struct placement *p = xcalloc(1, sizeof(*p));

    p->config = c;
    strbuf_init(&p->command);
    atomic_init(&p->in_use, (int)c->stream_partitions);
    metric_set(METRIC_SERVER_PARTITIONS, c->stream_partitions);
    return p;
}

void placement_free(struct placement *p)
{
    if (!p)
        return;
    strbuf_deinit(&p->command);
    free(p);
}

static void raise_most(struct placement *p, int most)
{
    int was = atomic_load(&p->most);

    while (was < most && !atomic_compare_exchange_weak(&p->most, &was, most))
        ;
}

int placement_partitions(struct placement *p)
{
    const int in_use = atomic_load_explicit(&p->in_use, memory_order_relaxed);

    raise_most(p, in_use); /* a guess that is used becomes a fact, also while the answer is coming */
    return in_use;
}

void placement_used(struct placement *p, int partition)
{
    raise_most(p, partition + 1);
}

/* What the record says is done; once a change, a person hears of it. */
static void follow(struct placement *p, const struct layout *read)
{
    struct layout known = {atomic_load(&p->in_use), atomic_load(&p->most)};
    const bool first = !p->known, changed = layout_follow(&known, read);

    p->recorded = read->most;
    atomic_store(&p->in_use, known.in_use);
    raise_most(p, known.most);
    p->known = true;
    metric_set(METRIC_SERVER_PARTITIONS, known.in_use);
    metric_set(METRIC_SERVER_PARTITIONS_MOST, known.most);
    if (!first && !changed)
        return;
    log_info("partitions", LOG_I("in_use", known.in_use), LOG_I("most", known.most));
    if (known.in_use != p->config->stream_partitions)
        log_warn("STREAM_PARTITIONS differs from " KEYS_LAYOUT ", which wins; shopstreamctl repartition "
                 "changes it",
                 LOG_I("setting", p->config->stream_partitions), LOG_I("in_use", known.in_use));
}

static void judge(struct placement *p, const char *text, size_t n)
{
    struct layout read;
    const bool ok = layout_read(text, n, &read, NULL);

    metric_set(METRIC_SERVER_LAYOUT_UNREADABLE, !ok);
    if (ok)
        follow(p, &read);
    if (!ok && !p->unreadable)
        log_error(KEYS_LAYOUT " is not readable, the partitions stay as they are; delete it, and it is made "
                              "anew from what the programs know",
                  LOG_S("err", ok ? "" : layout_why(text)), LOG_I("in_use", atomic_load(&p->in_use)));
    if (ok && p->unreadable)
        log_info(KEYS_LAYOUT " is readable again");
    p->unreadable = !ok;
}

static void ask(const struct placement *p, struct layout_question *q)
{
    layout_ask(q, &(struct layout){atomic_load(&p->in_use), atomic_load(&p->most)}, 0);
}

static void ask_now(struct placement *p, const struct redis_url *url, const char *host)
{
    struct layout_question q;
    struct err err = {0};
    redisReply *r;

    ask(p, &q);
    r = ask_redis(url, host, LAYOUT_ARGC, q.argv, &err);
    if (r && r->type == REDIS_REPLY_STRING)
        judge(p, r->str, (size_t)r->len);
    freeReplyObject(r);
}

void placement_start(struct placement *p, const struct redis_url *url, const char *host)
{
    ask_now(p, url, host);
}

void placement_finish(struct placement *p, const struct redis_url *url, const char *host)
{
    if (atomic_load(&p->most) > p->recorded)
        ask_now(p, url, host);
}

static void on_answer(struct stream_call *call, enum stream_reply reply, const char *text, size_t n)
{
    struct placement *p = (struct placement *)call;

    p->asked = false;
    if (reply == STREAM_REPLY_TEXT)
        judge(p, text, n);
}

void placement_tick(struct placement *p, struct stream *s, int64_t mono_ms)
{
    const uint64_t generation = stream_generation(s);
    struct layout_question q;

    if (p->asked || (mono_ms < p->due_ms && generation == p->generation))
        return;
    ask(p, &q);
    strbuf_reset(&p->command);
    resp_add_array(&p->command, LAYOUT_ARGC);
    for (size_t i = 0; i < LAYOUT_ARGC; i++)
        resp_add_bulk(&p->command, q.argv[i], strlen(q.argv[i]));
    p->call.done = on_answer;
    if (!stream_send(s, p->command.data, p->command.length, &p->call))
        return;
    p->asked = true;
    p->generation = generation;
    p->due_ms = mono_ms + LAYOUT_POLL_MS;
}
