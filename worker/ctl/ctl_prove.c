/* ctl_prove.c - shopstreamctl prove: the proof as a screen or as JSON.
 *
 * Exit 0: every event the streams still keep has an end, and nothing was cut off unread. 1: something is lost, was trimmed or
 * flushed, or nobody reads a stream. 3: Redis or MongoDB could not be asked, so nothing is proven. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "worker/ctl/ctl.h"
#include "worker/ctl/prove.h"
#include "worker/ctl/prove_deep.h"

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

static void print_json(const struct proof *p, const struct streams *streams)
{
    json_t *ends = json_object(), *losses = json_array();
    json_t *out = json_pack("{s:b, s:o, s:o, s:o}", "proven", !proof_has_finding(p), "ends", ends, "losses",
                            losses, "streams", json_of_streams(p, streams));

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
        if (s->fell)
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

static void print_text(const struct proof *p, const struct streams *streams)
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
    puts(proof_has_finding(p) ? "not proven" : "proven: every event has an end");
    strbuf_deinit(&plain);
}

static int prove(struct ctl *c, const struct streams *streams, int64_t since_ms)
{
    struct proof *proof = xcalloc(1, sizeof(*proof));
    struct err err = {0};
    struct link *l = ctl_link(c, &err);
    struct store *store = l ? ctl_store(c, &err) : NULL;
    int status;

    if (!store || !prove_run(c->config, l, store, streams, since_ms, proof, &err)) {
        status = ctl_fail(err.domain == ERR_CONFIG ? CTL_USAGE : CTL_UNREACHABLE, "nothing is proven: %s",
                          err.text);
    } else {
        if (c->json)
            print_json(proof, streams);
        else
            print_text(proof, streams);
        status = proof_has_finding(proof) ? CTL_FINDING : CTL_DONE;
    }
    proof_deinit(proof);
    free(proof);
    return status;
}

int ctl_prove(struct ctl *c, int argc, char **argv)
{
    struct streams streams = {0};
    int64_t since_ms = 0;
    int status;

    if (argc > 1 && strcmp(argv[1], "--deep") == 0)
        return prove_deep(c, argc, argv);
    if (argc != 1 &&
        !(argc == 3 && strcmp(argv[1], "--since") == 0 && ctl_parse_time(argv[2], clock_now_ms(), &since_ms)))
        return ctl_fail(CTL_USAGE, "prove takes --since 2024-11-29T10:30:00Z, or an age: 90m, 6h, 2d");
    if (!streams_init(&streams, (int)c->config->stream_partitions))
        return ctl_fail(CTL_USAGE, "STREAM_PARTITIONS is out of range");
    status = prove(c, &streams, since_ms);
    streams_deinit(&streams);
    return status;
}
