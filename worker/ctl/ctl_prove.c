/* ctl_prove.c - shopstreamctl prove: the proof as a screen or as JSON.
 *
 * Exit 0: every event the streams still keep has an end, and nothing was cut off unread. 1: something is lost, was trimmed or
 * flushed, or nobody reads a stream, or a server tells of a loss it could not make good. 3: Redis, MongoDB or a registered
 * server could not be asked, so nothing is proven. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "worker/ctl/ctl.h"
#include "worker/ctl/prove.h"
#include "worker/ctl/prove_deep.h"
#include "worker/ctl/prove_servers.h"

static json_t *json_of_streams(const struct proof *p, const struct streams *streams)
{
    json_t *all = json_array();

    for (size_t i = 0; i < p->stream_count; i++) {
        const struct prove_stream *s = &p->streams[i];

        json_array_append_new(all, json_pack("{s:s, s:b, s:I, s:s, s:b, s:I, s:I, s:b, s:I}", "stream",
                                             streams->items[i].key, "exists", s->exists, "entries",
                                             (json_int_t)s->entries, "oldest", s->oldest, "no_group",
                                             s->no_group, "trimmed_unread", (json_int_t)s->trimmed_unread,
                                             "pending_without_body", (json_int_t)s->bodiless, "fell", s->fell,
                                             "fell_by", (json_int_t)s->fell_by));
    }
    return all;
}

static json_t *json_of_gap(const struct prove_gap *g)
{
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:I, s:b, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "gap", g->id, "stream",
        g->stream, "reason", g->reason, "last_id", g->last_id, "at_ms", (json_int_t)g->at_ms, "open", g->open,
        "healed", prove_gap_healed(g), "added_before", (json_int_t)g->before, "added_after",
        (json_int_t)g->after, "resent", (json_int_t)g->resent, "missing", (json_int_t)g->missing, "journaled",
        (json_int_t)g->journaled, "dropped", (json_int_t)g->dropped, "older", (json_int_t)g->older);
}

static json_t *json_of_servers(const struct prove_servers *servers)
{
    json_t *all = json_array();

    for (size_t i = 0; i < servers->count; i++) {
        const struct prove_server *s = &servers->items[i];
        json_t *gaps = json_array();

        for (size_t g = 0; g < s->gap_count; g++)
            json_array_append_new(gaps, json_of_gap(&s->gaps[g]));
        json_array_append_new(all, json_pack("{s:s, s:s, s:b, s:s, s:I, s:o}", "server", s->name, "address",
                                             s->address, "asked", s->asked, "why", s->why, "in_journal",
                                             (json_int_t)s->waiting, "gaps", gaps));
    }
    return all;
}

static bool is_proven(const struct proof *p, const struct prove_servers *servers)
{
    return !proof_has_finding(p) && !prove_servers_have_finding(servers) && prove_servers_all_asked(servers);
}

static void print_json(const struct proof *p, const struct streams *streams,
                       const struct prove_servers *servers)
{
    json_t *ends = json_object(), *losses = json_array();
    json_t *out =
        json_pack("{s:b, s:o, s:o, s:o, s:o}", "proven", is_proven(p, servers), "ends", ends, "losses",
                  losses, "streams", json_of_streams(p, streams), "servers", json_of_servers(servers));

    for (int end = 0; end < PROVE_ENDS; end++)
        json_object_set_new(ends, prove_end_name((enum prove_end)end),
                            json_integer((json_int_t)p->ends[end]));
    for (size_t i = 0; i < p->ends[PROVE_LOST] && i < PROVE_SHOWN; i++) {
        json_t *entity = json_string(p->losses[i].entity);

        json_array_append_new(losses, json_pack("{s:s, s:s, s:o}", "stream", p->losses[i].stream, "id",
                                                p->losses[i].stream_id, "entity",
                                                entity ? entity : json_string("(not UTF-8)")));
    }
    json_dumpf(out, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(out);
}

static void print_stream_findings(const struct proof *p, const struct streams *streams)
{
    for (size_t i = 0; i < p->stream_count; i++) {
        const struct prove_stream *s = &p->streams[i];
        const char *key = streams->items[i].key;

        if (s->no_group)
            printf("FINDING  %s: has entries and no consumer group: nobody reads it\n", key);
        if (s->trimmed_unread > 0)
            printf("FINDING  %s: %lld entries were cut off before they were read\n", key,
                   (long long)s->trimmed_unread);
        if (s->bodiless > 0)
            printf("FINDING  %s: %zu pending entries are no longer in the stream\n", key, s->bodiless);
        if (s->fell && s->healed)
            printf("HEALED   %s: had %lld entries more at the last proof; the servers have sent them again\n",
                   key, (long long)s->fell_by);
        else if (s->fell)
            printf("FINDING  %s: had %lld entries more at the last proof: flushed, deleted or restored\n",
                   key, (long long)s->fell_by);
    }
}

static void print_oldest(const struct proof *p, const struct streams *streams)
{
    for (size_t i = 0; i < p->stream_count; i++)
        if (p->streams[i].entries > 0)
            printf("%-24s %zu entries, speaks for everything from %s on\n", streams->items[i].key,
                   p->streams[i].entries, p->streams[i].oldest);
}

static void print_future(const struct proof *p)
{
    if (p->ends[PROVE_FUTURE] > 0)
        printf(
            "FINDING  %zu entries were stored at a time that has not come: Redis' clock has stepped back. "
            "They can be proven\n"
            "         when it has passed that time; until then prove --deep compares with the marketplace\n",
            p->ends[PROVE_FUTURE]);
}

static void print_gap(const struct prove_server *s, const struct prove_gap *g)
{
    if (strcmp(g->reason, "died") == 0) {
        printf("FINDING  %s: a server died before it had asked a Redis that was started anew what it still "
               "has: what Redis "
               "lost then\n"
               "         of its last events is not known\n",
               s->name);
        return;
    }
    if (g->older < 0) {
        printf(
            "FINDING  %s: a line of its ledger was cut off by a crash: which entries Redis lost then is not "
            "known\n",
            s->name);
        return;
    }
    printf(
        "%s  %s: %s: Redis lost entries (%s): %lld sent again, %lld of them were missing, %lld wait in the "
        "journal",
        prove_gap_healed(g) ? "HEALED " : "FINDING", s->name, g->stream, g->reason, (long long)g->resent,
        (long long)g->missing, (long long)g->journaled);
    if (g->dropped > 0)
        printf(", %lld could not be sent", (long long)g->dropped);
    if (g->older > 0)
        printf(
            ", at most %lld more are lost: older than what it keeps, and not acknowledged when it last asked",
            (long long)g->older);
    puts(g->open ? ", and it has not ended" : "");
}

static void print_servers(const struct prove_servers *servers)
{
    struct strbuf plain = STRBUF_INIT;

    for (size_t i = 0; i < servers->count; i++) {
        const struct prove_server *s = &servers->items[i];

        for (size_t g = 0; g < s->gap_count; g++)
            print_gap(s, &s->gaps[g]);
        if (s->waiting > 0)
            printf("journal    %lld entries wait in that of %s\n", (long long)s->waiting, s->name);
        if (!s->asked)
            printf("UNKNOWN  server %s at %s cannot be asked: %s\n", s->name, s->address,
                   ctl_plain(&plain, s->why, strlen(s->why)));
    }
    strbuf_deinit(&plain);
}

static void print_text(const struct proof *p, const struct streams *streams,
                       const struct prove_servers *servers)
{
    struct strbuf plain = STRBUF_INIT;

    print_oldest(p, streams);
    for (int end = 0; end < PROVE_ENDS; end++)
        if (p->ends[end] > 0 || end == PROVE_LOST)
            printf("%-10s %zu\n", prove_end_name((enum prove_end)end), p->ends[end]);
    for (size_t i = 0; i < p->ends[PROVE_LOST] && i < PROVE_SHOWN; i++)
        printf("LOST     %s %s %s\n", p->losses[i].stream, p->losses[i].stream_id,
               ctl_plain(&plain, p->losses[i].entity, strlen(p->losses[i].entity)));
    if (p->ends[PROVE_LOST] > PROVE_SHOWN)
        printf("LOST     and %zu more\n", p->ends[PROVE_LOST] - PROVE_SHOWN);
    print_stream_findings(p, streams);
    print_future(p);
    print_servers(servers);
    puts(is_proven(p, servers) ? "proven: every event has an end" : "not proven");
    strbuf_deinit(&plain);
}

static int status_of(const struct proof *p, const struct prove_servers *servers)
{
    if (proof_has_finding(p) || prove_servers_have_finding(servers))
        return CTL_FINDING;
    return prove_servers_all_asked(servers) ? CTL_DONE : CTL_UNREACHABLE;
}

/* The servers are asked first: what they send again meanwhile is in the streams that are walked afterwards. streams: zeroed;
 * made here, the caller's to end. */
static int prove(struct ctl *c, struct streams *streams, int64_t since_ms)
{
    struct proof *proof = xcalloc(1, sizeof(*proof));
    struct prove_servers servers = {0};
    struct err err = {0};
    struct link *l = ctl_link(c, &err);
    struct store *store = l ? ctl_store(c, &err) : NULL;
    int status;

    if (!store || !prove_servers_ask(c->config, l, store, since_ms, &servers, &err) ||
        !ctl_streams(c, l, streams, &err) ||
        !prove_run(c->config, l, store, streams, since_ms, proof, &err)) {
        status = ctl_fail(err.domain == ERR_CONFIG ? CTL_USAGE : CTL_UNREACHABLE, "nothing is proven: %s",
                          err.text);
    } else {
        prove_servers_explain(&servers, streams, proof);
        if (c->json)
            print_json(proof, streams, &servers);
        else
            print_text(proof, streams, &servers);
        status = status_of(proof, &servers);
    }
    prove_servers_deinit(&servers);
    proof_deinit(proof);
    free(proof);
    return status;
}

/* After a pod is gone for good, its journal brought to another one or given up. */
static int forget_server(struct ctl *c, const char *name)
{
    struct err err = {0};
    struct link *l = ctl_link(c, &err);
    struct strbuf key = STRBUF_INIT;
    redisReply *r;
    int status = CTL_DONE;

    strbuf_add_format(&key, KEYS_SERVER "%s", name);
    r = l ? link_call(l, 2, (const char *[]){"DEL", strbuf_text(&key)}, NULL, &err) : NULL;
    if (r && r->type != REDIS_REPLY_INTEGER)
        link_refused(l, r, "DEL", &err);
    if (!r || r->type != REDIS_REPLY_INTEGER)
        status = ctl_fail(CTL_UNREACHABLE, "%s", err.text);
    else if (r->integer == 0)
        status = ctl_fail(CTL_FINDING, "no server is registered as %s", name);
    freeReplyObject(r);
    strbuf_deinit(&key);
    return status;
}

int ctl_prove(struct ctl *c, int argc, char **argv)
{
    struct streams streams = {0};
    int64_t since_ms = 0;
    int status;

    if (argc > 1 && strcmp(argv[1], "--deep") == 0)
        return prove_deep(c, argc, argv);
    if (argc == 3 && strcmp(argv[1], "--forget-server") == 0)
        return forget_server(c, argv[2]);
    if (argc != 1 &&
        !(argc == 3 && strcmp(argv[1], "--since") == 0 && ctl_parse_time(argv[2], clock_now_ms(), &since_ms)))
        return ctl_fail(CTL_USAGE, "prove takes --since 2024-11-29T10:30:00Z, or an age: 90m, 6h, 2d");
    status = prove(c, &streams, since_ms);
    streams_deinit(&streams);
    return status;
}
