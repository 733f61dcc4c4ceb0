/* prove_servers.c - shopstreamctl prove: what the servers know about losses in Redis.
 *
 * In:      the registrations in Redis, each server's admin port.
 * Out:     gaps not told before, what waits in journals, who does not answer.
 * Fails:   when Redis or MongoDB cannot be asked. A silent server is a result, not a failure.
 * Thread:  the only one.
 * Why so:  the mark "told up to here" stands in MongoDB, a document a server, and never passes a gap that is still open:
 *          its size is not known yet. */
#include "worker/ctl/prove_servers.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/number.h"
#include "common/redis_info.h"
#include "common/strbuf.h"
#include "worker/http_client.h"

enum { ASK_MS = 5000 };

/* --- one page ---------------------------------------------------------------------------------------- */

/* False: why says so. */
static bool get(struct http_client *http, const char *address, const char *path, struct strbuf *body,
                char why[160])
{
    struct platform_request request = {.method = "GET"};
    struct http_answer answer = {0};
    struct err err = {0};
    void *context;
    bool ok = false;

    strbuf_add_format(&request.url, "http://%s%s", address, path);
    if (!http_client_start(http, &request, ASK_MS, NULL, &err)) {
        snprintf(why, 160, "%.150s", err.text);
    } else if (!http_client_next(http, 2 * ASK_MS, &context, &answer)) {
        http_client_abort(http);
        snprintf(why, 160, "no answer");
    } else if (answer.status != 200) {
        snprintf(why, 160, "%.100s (status %ld)", answer.error[0] ? answer.error : "not a server of ours",
                 answer.status);
    } else {
        strbuf_add(body, strbuf_text(&answer.body), answer.body.length);
        ok = true;
    }
    http_answer_deinit(&answer);
    platform_request_deinit(&request);
    return ok;
}

/* --- the ledger --------------------------------------------------------------------------------------- */

static int64_t number_of(const json_t *line, const char *name)
{
    return json_integer_value(json_object_get(line, name));
}

static void text_of(const json_t *line, const char *name, char *to, size_t size)
{
    const char *text = json_string_value(json_object_get(line, name));

    snprintf(to, size, "%s", text ? text : "");
}

/* The gap of that id; a new one when there is none. */
static struct prove_gap *gap_of(struct prove_server *s, const char *id)
{
    for (size_t i = s->gap_count; i > 0; i--)
        if (strcmp(s->gaps[i - 1].id, id) == 0)
            return &s->gaps[i - 1];
    s->gaps = xrealloc(s->gaps, (s->gap_count + 1) * sizeof(*s->gaps));
    return &s->gaps[s->gap_count++];
}

/* Later lines of a gap replace earlier ones. */
static void take_line(struct prove_server *s, const json_t *line, int64_t after_ms)
{
    struct prove_gap g = {.at_ms = number_of(line, "at_ms"),
                          .before = number_of(line, "added_before"),
                          .after = number_of(line, "added_after"),
                          .resent = number_of(line, "resent"),
                          .missing = number_of(line, "missing"),
                          .journaled = number_of(line, "journaled"),
                          .dropped = number_of(line, "dropped"),
                          .older = number_of(line, "older")};
    char state[16];

    text_of(line, "gap", g.id, sizeof(g.id));
    text_of(line, "stream", g.stream, sizeof(g.stream));
    text_of(line, "reason", g.reason, sizeof(g.reason));
    text_of(line, "last_id", g.last_id, sizeof(g.last_id));
    text_of(line, "state", state, sizeof(state));
    g.open = strcmp(state, "closed") != 0;
    if (g.at_ms > after_ms)
        *gap_of(s, g.id) = g;
}

/* A line that is none is counted as a gap of unknown size that has not ended: the ledger is not what we think. What a crash
 * has cut off is not here: a server that starts takes it out of its ledger. */
static void take_ledger(struct prove_server *s, const struct strbuf *text, int64_t after_ms)
{
    const char *at = strbuf_text(text), *end = at + text->length, *stop;

    for (; at < end; at = stop + 1) {
        json_t *line;

        stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop ? stop : end;
        if (stop == at)
            continue;
        line = json_loadb(at, (size_t)(stop - at), 0, NULL);
        if (line)
            take_line(s, line, after_ms);
        else
            *gap_of(s, "(unreadable)") =
                (struct prove_gap){.id = "(unreadable)", .reason = "unreadable", .open = true};
        json_decref(line);
    }
}

static int64_t metric_of(const struct strbuf *page, const char *name)
{
    const char *at = memmem(strbuf_text(page), page->length, name, strlen(name));
    int64_t value = 0;

    at = at ? at + strlen(name) : NULL;
    if (!at || *at != ' ' || !number_i64(at + 1, strcspn(at + 1, "\r\n"), &value))
        return -1;
    return value;
}

/* --- told up to here ---------------------------------------------------------------------------------- */

static bson_t *filter_of(const struct prove_server *s)
{
    char id[160];

    snprintf(id, sizeof(id), "server:%s", s->name);
    return BCON_NEW("_id", BCON_UTF8(id));
}

static bool remembered(struct store *store, const struct prove_server *s, int64_t *to_ms, struct err *err)
{
    bson_t *filter = filter_of(s);
    mongoc_cursor_t *cursor =
        mongoc_collection_find_with_opts(store_collection(store, "proofs"), filter, NULL, NULL);
    const bson_t *doc;
    bson_error_t error;
    bson_iter_t it;
    bool failed;

    *to_ms = 0;
    if (mongoc_cursor_next(cursor, &doc) && bson_iter_init_find(&it, doc, "gaps_to"))
        *to_ms = bson_iter_as_int64(&it);
    failed = mongoc_cursor_error(cursor, &error);
    if (failed)
        err_set(err, ERR_MONGO, (int)error.code, "MongoDB: proofs: %s", error.message);
    mongoc_cursor_destroy(cursor);
    bson_destroy(filter);
    return !failed;
}

static bool remember(struct store *store, const struct prove_server *s, int64_t to_ms, struct err *err)
{
    bson_t *filter = filter_of(s);
    bson_t *update = BCON_NEW("$max", "{", "gaps_to", BCON_INT64(to_ms), "}");
    bson_t *opts = BCON_NEW("upsert", BCON_BOOL(true));
    bson_error_t error;
    bool ok =
        mongoc_collection_update_one(store_collection(store, "proofs"), filter, update, opts, NULL, &error);

    if (!ok)
        err_set(err, ERR_MONGO, (int)error.code, "MongoDB: proofs: %s", error.message);
    bson_destroy(opts);
    bson_destroy(update);
    bson_destroy(filter);
    return ok;
}

/* The last gap before the first open one. */
static int64_t told_to(const struct prove_server *s)
{
    int64_t first_open = INT64_MAX, to = 0;

    for (size_t i = 0; i < s->gap_count; i++)
        if (s->gaps[i].open && s->gaps[i].at_ms < first_open)
            first_open = s->gaps[i].at_ms;
    for (size_t i = 0; i < s->gap_count; i++)
        if (s->gaps[i].at_ms < first_open && s->gaps[i].at_ms > to)
            to = s->gaps[i].at_ms;
    return to;
}

/* --- the servers --------------------------------------------------------------------------------------- */

static bool ask_server(struct http_client *http, struct store *store, int64_t since_ms,
                       struct prove_server *s, struct err *err)
{
    struct strbuf ledger = STRBUF_INIT, metrics = STRBUF_INIT;
    int64_t after_ms = since_ms - 1, to_ms;
    bool ok = since_ms > 0 || remembered(store, s, &after_ms, err);

    if (ok && get(http, s->address, "/ledger", &ledger, s->why) &&
        get(http, s->address, "/metrics", &metrics, s->why)) {
        s->waiting = metric_of(&metrics, "\nshopstream_server_journal_records");
        s->asked = s->waiting >= 0;
        if (!s->asked)
            snprintf(s->why, sizeof(s->why), "its metrics are not a server's");
        take_ledger(s, &ledger, after_ms);
        to_ms = told_to(s);
        ok = to_ms == 0 || remember(store, s, to_ms, err);
    }
    strbuf_deinit(&metrics);
    strbuf_deinit(&ledger);
    return ok;
}

static bool add_server(struct link *l, const char *key, struct prove_servers *out, struct err *err)
{
    redisReply *r = link_call(l, 2, (const char *[]){"GET", key}, NULL, err);
    const char *name = key + strlen(KEYS_SERVER);
    struct prove_server *s;

    if (!r)
        return false;
    for (size_t i = 0; i < out->count; i++) /* a scan may tell a key twice */
        if (strcmp(out->items[i].name, name) == 0)
            r->type = REDIS_REPLY_NIL;
    if (r->type == REDIS_REPLY_STRING) {
        out->items = xrealloc(out->items, (out->count + 1) * sizeof(*out->items));
        s = &out->items[out->count++];
        *s = (struct prove_server){0};
        snprintf(s->name, sizeof(s->name), "%s", name);
        snprintf(s->address, sizeof(s->address), "%s", r->str);
    }
    freeReplyObject(r);
    return true;
}

static bool find_servers(struct link *l, struct prove_servers *out, struct err *err)
{
    static const char pattern[] = KEYS_SERVER "*";
    char cursor[32] = "0";
    bool ok = true;

    do {
        const char *argv[] = {"SCAN", cursor, "MATCH", pattern, "COUNT", "10000"};
        redisReply *r = link_call(l, 6, argv, NULL, err);

        ok = r && r->type == REDIS_REPLY_ARRAY && r->elements == 2;
        if (r && !ok)
            link_refused(l, r, "SCAN", err);
        for (size_t i = 0; ok && i < r->element[1]->elements; i++)
            ok = add_server(l, r->element[1]->element[i]->str, out, err);
        if (ok)
            snprintf(cursor, sizeof(cursor), "%s", r->element[0]->str);
        freeReplyObject(r);
    } while (ok && strcmp(cursor, "0") != 0);
    return ok;
}

bool prove_servers_ask(const struct config *config, struct link *l, struct store *store, int64_t since_ms,
                       struct prove_servers *out, struct err *err)
{
    struct http_client *http;
    bool ok;

    *out = (struct prove_servers){0};
    if (!find_servers(l, out, err))
        return false;
    http = http_client_new(config, err);
    ok = http != NULL;
    for (size_t i = 0; i < out->count && ok; i++)
        ok = ask_server(http, store, since_ms, &out->items[i], err);
    http_client_free(http);
    return ok;
}

void prove_servers_deinit(struct prove_servers *s)
{
    for (size_t i = 0; i < s->count; i++)
        free(s->items[i].gaps);
    free(s->items);
    *s = (struct prove_servers){0};
}

/* --- what it means ------------------------------------------------------------------------------------- */

bool prove_gap_healed(const struct prove_gap *g)
{
    return !g->open && g->dropped == 0 && g->older == 0;
}

bool prove_servers_have_finding(const struct prove_servers *s)
{
    for (size_t i = 0; i < s->count; i++)
        for (size_t g = 0; g < s->items[i].gap_count; g++)
            if (!prove_gap_healed(&s->items[i].gaps[g]))
                return true;
    return false;
}

bool prove_servers_all_asked(const struct prove_servers *s)
{
    for (size_t i = 0; i < s->count; i++)
        if (!s->items[i].asked)
            return false;
    return true;
}

/* Some server speaks of the stream, and none of something left over. */
static bool explained(const struct prove_servers *s, const char *stream)
{
    bool spoken = false;

    for (size_t i = 0; i < s->count; i++)
        for (size_t g = 0; g < s->items[i].gap_count; g++) {
            const struct prove_gap *gap = &s->items[i].gaps[g];

            if (gap->stream[0] && strcmp(gap->stream, stream) != 0)
                continue; /* one without a name may be any */
            if (!prove_gap_healed(gap))
                return false;
            spoken = true;
        }
    return spoken;
}

void prove_servers_explain(const struct prove_servers *s, const struct streams *streams, struct proof *proof)
{
    for (size_t i = 0; i < proof->stream_count; i++)
        if (proof->streams[i].fell)
            proof->streams[i].healed = explained(s, streams->items[i].key);
}
