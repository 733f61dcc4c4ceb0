/* prove_deep.c - shopstreamctl prove --deep: a random sample of what is stored against the marketplaces.
 *
 * In:      N; a seed, so that a sample can be drawn again; how long a difference may last.
 * Out:     how many are equal; each that differs, with its fields.
 * Fails:   1 when a document differs; 3 when some could not be read: of those nothing is proven.
 * Thread:  the tool's; blocks, for N calls and more at the rate the limits leave to background work.
 *
 *   equal      the document says what the marketplace says, or is the tombstone of what is gone
 *   changing   differs, but an event of it, or a need, is still open: the workers will see to it
 *   different  differs for longer than --patience, and nothing is on its way
 *   unread     the shop or the marketplace could not be asked
 *   listed     rows that only listings show; they cannot be asked for by their id
 *
 * Why so:  a change shows at the marketplace before its push arrives, so a difference says nothing for a while: it is looked
 *          at again, and only one that lasts counts. Sampling walks each collection's _id index once, on the server: every
 *          document has the same chance, a seed gives the same sample, and nothing but `find` and `count` is needed. */
#include "worker/ctl/prove_deep.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/keys.h"
#include "common/number.h"
#include "common/strbuf.h"
#include "worker/ctl/entity_check.h"
#include "worker/delivery.h"
#include "worker/dto/recipe.h"
#include "worker/streams.h"

enum {
    SAMPLE_MAX = 1000000,
    PATIENCE_S = 60, /* of a difference: pushes take seconds, sometimes a minute */
    PATIENCE_MAX_S = 86400,
    LOOKS_MAX = 3,   /* at a document that was written between two looks */
    SHOWN_MAX = 100, /* differing documents told by name */
    PAGE = 1000,
};

enum deep_end { DEEP_EQUAL, DEEP_CHANGING, DEEP_DIFFERENT, DEEP_UNREAD, DEEP_LISTED, DEEP_ENDS };

static const char *const end_names[DEEP_ENDS] = {"equal", "changing", "different", "unread", "listed"};

/* One document of the sample. Texts owned. */
struct pick {
    char *doc_id;
    char *return_kind; /* "" where it has none */
    enum entry_kind kind;
    const struct platform *platform;
    char *shop;
    const char *id;     /* the entity's; in doc_id */
    bool open;          /* an event or a need of it is open */
    int64_t looked_ms;  /* first look, monotonic */
    struct check check; /* last look */
    struct err err;     /* of the last look */
};

struct deep {
    struct ctl *ctl;
    struct entity_checker *checker;
    struct err *err;
    uint64_t random;    /* state of the generator */
    uint64_t left;      /* documents not yet decided on */
    uint64_t wanted;    /* still to be picked of them */
    struct pick *picks; /* owned; those still to be judged are the first `count` */
    size_t count;
    size_t sample;     /* picked in all */
    int64_t documents; /* stored in all */
    int64_t patience_ms;
    size_t ends[DEEP_ENDS];
    json_t *findings; /* owned */
    json_t *unread;   /* owned */
};

/* --- the sample ------------------------------------------------------------------------------------------------ */

/* splitmix64 */
static uint64_t draw(struct deep *d)
{
    uint64_t z = d->random += UINT64_C(0x9E3779B97F4A7C15);

    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

/* So many documents to pass over before the next of the sample; all `left_here` when none is left in this collection. Selection
 * sampling: each document is taken with the chance wanted / left. */
static uint64_t pass_over(struct deep *d, uint64_t left_here)
{
    for (uint64_t passed = 0; passed < left_here; passed++) {
        bool take = d->wanted > 0 && draw(d) % d->left < d->wanted;

        d->left--;
        if (take) {
            d->wanted--;
            return passed;
        }
    }
    return left_here;
}

/* With a condition, because without one some servers answer from statistics. */
static bool count_documents(struct deep *d, const char *collection, int64_t *out)
{
    bson_t *command = BCON_NEW("count", BCON_UTF8(collection), "query", "{", "_id", "{", "$gt", BCON_UTF8(""),
                               "}", "}"),
           reply;
    bson_error_t error;
    bson_iter_t it;
    bool ok = mongoc_collection_read_command_with_opts(store_collection(d->ctl->store, collection), command,
                                                       NULL, NULL, &reply, &error);

    if (ok)
        *out = bson_iter_init_find(&it, &reply, "n") ? bson_iter_as_int64(&it) : 0;
    else
        err_set(d->err, ERR_MONGO, (int)error.code, "MongoDB: %s: %s", collection, error.message);
    bson_destroy(&reply);
    bson_destroy(command);
    return ok;
}

static char *text_field(const bson_t *doc, const char *key)
{
    bson_iter_t it;
    uint32_t n = 0;
    const char *s =
        bson_iter_init_find(&it, doc, key) && BSON_ITER_HOLDS_UTF8(&it) ? bson_iter_utf8(&it, &n) : "";

    return xstrndup(s, n);
}

/* Splits "<platform>:<shop>:<prefix><id>". False: nothing that can be asked for by its id. */
static bool pick_name(struct pick *p)
{
    const char *shop = strchr(p->doc_id, ':'), *rest = shop ? strchr(shop + 1, ':') : NULL;
    char *platform = rest ? xstrndup(p->doc_id, (size_t)(shop - p->doc_id)) : NULL;
    const struct recipe *r =
        platform ? recipe_find(platform, strlen(platform), p->kind, p->return_kind) : NULL;
    size_t prefix = r ? strlen(r->id_prefix) : 0;
    bool ok = r && strncmp(rest + 1, r->id_prefix, prefix) == 0 && rest[1 + prefix] != '\0';

    if (ok) {
        p->platform = platform_find(platform);
        p->shop = xstrndup(shop + 1, (size_t)(rest - shop - 1));
        p->id = rest + 1 + prefix;
    }
    free(platform);
    return ok && p->platform;
}

static void pick_deinit(struct pick *p)
{
    check_deinit(&p->check);
    free(p->doc_id);
    free(p->return_kind);
    free(p->shop);
}

static void take_pick(struct deep *d, enum entry_kind kind, const bson_t *doc)
{
    struct pick p = {
        .doc_id = text_field(doc, "_id"), .return_kind = text_field(doc, "return_kind"), .kind = kind};

    d->sample++;
    if (strcmp(p.return_kind, "cancellation") != 0)
        p.return_kind[0] =
            '\0'; /* an empty text has its NUL, too; refunds are returns when they are asked for */
    if (!pick_name(&p)) {
        d->ends[DEEP_LISTED]++;
        pick_deinit(&p);
        return;
    }
    d->picks = xrealloc(d->picks, (d->count + 1) * sizeof(*d->picks));
    d->picks[d->count++] = p;
}

/* The document `skip` places behind the one named after; owned, NULL when there is none or on error. */
static bson_t *document_behind(struct deep *d, const char *collection, const char *after, uint64_t skip,
                               bool *failed)
{
    bson_t *filter = BCON_NEW("_id", "{", "$gt", BCON_UTF8(after ? after : ""), "}");
    bson_t *opts = BCON_NEW("sort", "{", "_id", BCON_INT32(1), "}", "skip", BCON_INT64((int64_t)skip),
                            "limit", BCON_INT64(1), "projection", "{", "return_kind", BCON_INT32(1), "}");
    mongoc_cursor_t *cursor =
        mongoc_collection_find_with_opts(store_collection(d->ctl->store, collection), filter, opts, NULL);
    const bson_t *doc;
    bson_t *found = mongoc_cursor_next(cursor, &doc) ? bson_copy(doc) : NULL;
    bson_error_t error;

    *failed = mongoc_cursor_error(cursor, &error);
    if (*failed)
        err_set(d->err, ERR_MONGO, (int)error.code, "MongoDB: %s: %s", collection, error.message);
    mongoc_cursor_destroy(cursor);
    bson_destroy(opts);
    bson_destroy(filter);
    return found;
}

/* Its share of the sample, in the order of _id. */
static bool sample_collection(struct deep *d, enum entry_kind kind, uint64_t documents)
{
    const char *collection = store_collection_of(kind);
    char *after = NULL;
    bool failed = false;

    while (documents > 0 && !failed) {
        uint64_t passed = pass_over(d, documents);
        bson_t *doc;

        if (passed == documents)
            break;
        documents -= passed + 1;
        doc = document_behind(d, collection, after, passed, &failed);
        if (!doc)
            continue; /* the collection has shrunk */
        free(after);
        after = text_field(doc, "_id");
        take_pick(d, kind, doc);
        bson_destroy(doc);
    }
    free(after);
    return !failed;
}

static bool take_sample(struct deep *d)
{
    int64_t counts[ENTRY_TRACKING + 1];
    bool ok = true;

    for (int kind = 0; kind <= ENTRY_TRACKING && ok; kind++) {
        ok = count_documents(d, store_collection_of((enum entry_kind)kind), &counts[kind]);
        d->documents += ok ? counts[kind] : 0;
    }
    d->left = (uint64_t)d->documents;
    if (d->wanted > d->left)
        d->wanted = d->left;
    for (int kind = 0; kind <= ENTRY_TRACKING && ok; kind++)
        ok = sample_collection(d, (enum entry_kind)kind, (uint64_t)counts[kind]);
    return ok;
}

/* --- looking --------------------------------------------------------------------------------------------------- */

static enum check_end look_once(struct deep *d, struct pick *p)
{
    const struct entity_name name = {p->platform, p->shop, p->kind, p->return_kind, p->id};

    check_deinit(&p->check);
    p->err = (struct err){0};
    return entity_check(d->checker, &name, false, &p->check, &p->err);
}

static bool is_equal(enum check_end end)
{
    return end == CHECK_EQUAL || end == CHECK_NOWHERE;
}

static bool is_unread(enum check_end end)
{
    return end == CHECK_REFUSED || end == CHECK_AWAY;
}

/* Was it written since it was asked for, or since the look before? The two sides are not read in one moment. */
static bool was_written(const struct check *k, int64_t fetched_before)
{
    return k->stored_fetched_ms >= k->read.fetched_ms ||
           (fetched_before >= 0 && k->stored_fetched_ms != fetched_before);
}

/* Looks, and again at what was written meanwhile. True: equal. */
static bool look(struct deep *d, struct pick *p)
{
    int64_t before = -1;

    for (int looks = 0; looks < LOOKS_MAX; looks++) {
        enum check_end end = look_once(d, p);

        if (p->looked_ms == 0)
            p->looked_ms = clock_mono_ms();
        if (is_equal(end))
            return true;
        if (is_unread(end) || !was_written(&p->check, before))
            return false;
        before = p->check.stored_fetched_ms;
    }
    return false;
}

static void show_progress(const struct deep *d, size_t done)
{
    if (!d->ctl->json && isatty(STDERR_FILENO))
        fprintf(stderr, "\r%zu of %zu", done, d->sample);
}

/* Every pick once; what is equal leaves. */
static void first_pass(struct deep *d)
{
    size_t kept = 0;

    for (size_t i = 0; i < d->count; i++) {
        show_progress(d, i + 1);
        if (look(d, &d->picks[i])) {
            d->ends[DEEP_EQUAL]++;
            pick_deinit(&d->picks[i]);
        } else {
            d->picks[kept++] = d->picks[i];
        }
    }
    d->count = kept;
    if (!d->ctl->json && isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
}

/* What still differs once its patience is over. */
static void second_pass(struct deep *d)
{
    size_t kept = 0;

    for (size_t i = 0; i < d->count; i++) {
        struct pick *p = &d->picks[i];
        int64_t wait = p->looked_ms + d->patience_ms - clock_mono_ms();
        struct timespec t = {.tv_sec = wait / 1000, .tv_nsec = wait % 1000 * 1000000};

        if (wait > 0)
            nanosleep(&t, NULL);
        if (look(d, p)) {
            d->ends[DEEP_EQUAL]++;
            pick_deinit(p);
        } else {
            d->picks[kept++] = *p;
        }
    }
    d->count = kept;
}

/* --- what is on its way ---------------------------------------------------------------------------------------- */

static bool text_is(const struct entry_text *text, const char *s)
{
    return text->length == strlen(s) && memcmp(text->data, s, text->length) == 0;
}

/* Does this event make a worker read p? Money is read after its order, or a return of it, which names no order here. */
static bool concerns(const struct entry *e, const struct pick *p)
{
    bool money = p->kind == ENTRY_TRANSACTION;

    if (!text_is(&e->platform, p->platform->name) || !text_is(&e->shop, p->shop))
        return false;
    if (money && e->kind == ENTRY_RETURN)
        return true;
    return (e->kind == p->kind || (money && e->kind == ENTRY_ORDER)) && text_is(&e->id, p->id);
}

/* Error replies are errors here: the group and its streams are read after it was seen that they exist. */
static redisReply *ask(struct deep *d, int argc, const char **argv)
{
    redisReply *r = link_call(d->ctl->link, argc, argv, NULL, d->err);

    if (r && r->type == REDIS_REPLY_ERROR) {
        link_refused(d->ctl->link, r, argv[0], d->err);
        freeReplyObject(r);
        return NULL;
    }
    return r;
}

/* "<ms>-<seq>" a is later than b, both as Redis writes them. */
static bool id_is_later(const char *a, const char *b)
{
    int64_t ms[2] = {0, 0}, seq[2] = {0, 0};
    const char *const ids[2] = {a, b};

    for (int i = 0; i < 2; i++) {
        size_t n = strcspn(ids[i], "-");

        if (!number_i64(ids[i], n, &ms[i]) || ids[i][n] == '\0' ||
            !number_i64(ids[i] + n + 1, strlen(ids[i] + n + 1), &seq[i]))
            return false;
    }
    return ms[0] != ms[1] ? ms[0] > ms[1] : seq[0] > seq[1];
}

/* last-delivered-id of the group; "" when the stream or the group is not there. False: err. */
static bool read_to(struct deep *d, const char *key, char last[STREAM_ID_MAX])
{
    redisReply *r = link_call(d->ctl->link, 3, (const char *[]){"XINFO", "GROUPS", key}, NULL, d->err);

    last[0] = '\0';
    for (size_t i = 0; r && r->type == REDIS_REPLY_ARRAY && i < r->elements; i++) {
        const redisReply *g = r->element[i];
        bool ours = false;

        for (size_t at = 0; at + 1 < g->elements; at += 2) {
            const redisReply *value = g->element[at + 1];

            if (strcmp(g->element[at]->str, "name") == 0)
                ours = strcmp(value->str, KEYS_GROUP) == 0;
            else if (ours && strcmp(g->element[at]->str, "last-delivered-id") == 0)
                snprintf(last, STREAM_ID_MAX, "%s", value->str);
        }
    }
    freeReplyObject(r);
    return r != NULL;
}

/* Not acknowledged: not delivered yet, or pending. */
static bool is_open(struct deep *d, const char *key, const char *last, const char *id, bool *open)
{
    redisReply *r;

    *open = id_is_later(id, last);
    if (*open)
        return true;
    r = ask(d, 6, (const char *[]){"XPENDING", key, KEYS_GROUP, id, id, "1"});
    if (!r)
        return false;
    *open = r->elements > 0;
    freeReplyObject(r);
    return true;
}

static bool mark_entry(struct deep *d, const char *key, const char *last, const redisReply *entry)
{
    struct message *m = delivery_message(0, entry, NULL);
    bool ok = true, open = false, asked = false;

    for (size_t i = 0; m && m->readable && ok && i < d->count; i++) {
        if (d->picks[i].open || !concerns(&m->entry, &d->picks[i]))
            continue;
        if (!asked)
            ok = is_open(d, key, last, m->stream_id, &open);
        asked = true;
        d->picks[i].open = ok && open;
    }
    message_free(m);
    return ok;
}

/* Entries older than every stored state are reflected by it, or nobody's any more. */
static bool mark_stream(struct deep *d, const char *key, int64_t from_ms)
{
    char next[STREAM_ID_MAX + 1], last[STREAM_ID_MAX], count[24];
    bool more = true, ok = read_to(d, key, last);

    if (!ok || !*last)
        return ok;
    number_format_i64(next, from_ms);
    number_format_i64(count, PAGE);
    while (more && ok) {
        redisReply *page = ask(d, 6, (const char *[]){"XRANGE", key, next, "+", "COUNT", count});

        ok = page != NULL;
        for (size_t i = 0; ok && i < page->elements; i++)
            ok = mark_entry(d, key, last, page->element[i]);
        more = ok && page->elements == PAGE;
        if (more)
            snprintf(next, sizeof(next), "(%s", delivery_id(page->element[PAGE - 1]));
        freeReplyObject(page);
    }
    return ok;
}

/* Its need, or that of its money, waits in MongoDB. */
static bool mark_need(struct deep *d, struct pick *p)
{
    struct strbuf id = STRBUF_INIT;
    mongoc_cursor_t *cursor;
    const bson_t *doc;
    bson_error_t error;
    bson_t *filter;
    bool failed;

    strbuf_add_format(&id, "%s:%s", entry_kind_name(p->kind), p->doc_id);
    filter = BCON_NEW("_id", BCON_UTF8(strbuf_text(&id)));
    cursor = mongoc_collection_find_with_opts(store_collection(d->ctl->store, "needs"), filter, NULL, NULL);
    p->open = mongoc_cursor_next(cursor, &doc) || p->open;
    failed = mongoc_cursor_error(cursor, &error);
    if (failed)
        err_set(d->err, ERR_MONGO, (int)error.code, "MongoDB: needs: %s", error.message);
    mongoc_cursor_destroy(cursor);
    bson_destroy(filter);
    strbuf_deinit(&id);
    return !failed;
}

static bool mark_open(struct deep *d)
{
    struct streams streams = {0};
    int64_t from_ms = INT64_MAX;
    bool ok = d->count == 0 || ctl_streams(d->ctl, d->ctl->link, &streams, d->err);

    for (size_t i = 0; i < d->count; i++)
        if (d->picks[i].check.stored_fetched_ms < from_ms)
            from_ms = d->picks[i].check.stored_fetched_ms;
    from_ms -= d->ctl->config->clock_skew_ms;
    for (size_t i = 0; ok && i < streams_count(&streams); i++)
        ok = mark_stream(d, streams.items[i].key, from_ms > 0 ? from_ms : 0);
    for (size_t i = 0; ok && i < d->count; i++)
        ok = mark_need(d, &d->picks[i]);
    streams_deinit(&streams);
    return ok;
}

/* --- the verdict ----------------------------------------------------------------------------------------------- */

static void add_unread(struct deep *d, const struct pick *p)
{
    d->ends[DEEP_UNREAD]++;
    if (json_array_size(d->unread) < SHOWN_MAX)
        json_array_append_new(d->unread,
                              json_pack("{s:s, s:s, s:s}", "collection", store_collection_of(p->kind),
                                        "document", p->doc_id, "error", p->err.text));
}

static void add_finding(struct deep *d, const struct pick *p)
{
    d->ends[DEEP_DIFFERENT]++;
    if (json_array_size(d->findings) < SHOWN_MAX)
        json_array_append_new(d->findings,
                              json_pack("{s:s, s:s, s:s, s:O}", "collection", store_collection_of(p->kind),
                                        "document", p->doc_id, "result", check_end_name(p->check.end),
                                        "changes", p->check.changes));
}

/* The last look is for events that came and were done with between the look before and the search for them. */
static void judge(struct deep *d, struct pick *p)
{
    int64_t before = p->check.stored_fetched_ms;

    if (is_unread(p->check.end))
        add_unread(d, p);
    else if (p->open)
        d->ends[DEEP_CHANGING]++;
    else if (is_equal(look_once(d, p)))
        d->ends[DEEP_EQUAL]++;
    else if (is_unread(p->check.end))
        add_unread(d, p);
    else if (p->check.stored_fetched_ms != before)
        d->ends[DEEP_CHANGING]++;
    else
        add_finding(d, p);
}

static bool run(struct deep *d)
{
    bool ok = take_sample(d);

    if (ok) {
        first_pass(d);
        second_pass(d);
        ok = mark_open(d);
    }
    for (size_t i = 0; i < d->count; i++) {
        if (ok)
            judge(d, &d->picks[i]);
        pick_deinit(&d->picks[i]);
    }
    return ok;
}

/* --- printing -------------------------------------------------------------------------------------------------- */

static void print_json(const struct deep *d, int64_t seed)
{
    json_t *ends = json_object(),
           *out = json_pack("{s:b, s:I, s:I, s:I, s:o, s:O, s:O}", "equal", d->ends[DEEP_DIFFERENT] == 0,
                            "sample", (json_int_t)d->sample, "documents", (json_int_t)d->documents, "seed",
                            (json_int_t)seed, "ends", ends, "different", d->findings, "unread", d->unread);

    for (int end = 0; end < DEEP_ENDS; end++)
        json_object_set_new(ends, end_names[end], json_integer((json_int_t)d->ends[end]));
    json_dumpf(out, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(out);
}

static void print_named(const char *word, const json_t *row, const char *why)
{
    struct strbuf plain = STRBUF_INIT;
    const char *text = json_string_value(json_object_get(row, why));

    printf("%-9s %s %s: ", word, json_string_value(json_object_get(row, "collection")),
           json_string_value(json_object_get(row, "document")));
    puts(ctl_plain(&plain, text, strlen(text)));
    strbuf_deinit(&plain);
}

static void print_text(const struct deep *d, int64_t seed)
{
    printf("sample of %zu of %lld documents, seed %lld\n", d->sample, (long long)d->documents,
           (long long)seed);
    for (int end = 0; end < DEEP_ENDS; end++)
        if (d->ends[end] > 0 || end == DEEP_EQUAL || end == DEEP_DIFFERENT)
            printf("%-10s %zu\n", end_names[end], d->ends[end]);
    for (size_t i = 0; i < json_array_size(d->findings); i++) {
        const json_t *row = json_array_get(d->findings, i);

        print_named("DIFFERENT", row, "result");
        check_print_changes(json_object_get(row, "changes"));
    }
    for (size_t i = 0; i < json_array_size(d->unread); i++)
        print_named("UNREAD", json_array_get(d->unread, i), "error");
    puts(d->ends[DEEP_DIFFERENT] > 0 ? "not equal"
         : d->ends[DEEP_UNREAD] > 0  ? "not proven: some could not be read"
                                     : "equal, as far as the sample tells");
}

/* --- the command ----------------------------------------------------------------------------------------------- */

static int prove_sample(struct ctl *c, struct deep *d, int64_t seed)
{
    int code;

    d->checker = entity_checker_new(c, true, d->err);
    if (!d->checker)
        return ctl_fail(d->err->domain == ERR_CONFIG ? CTL_USAGE : CTL_UNREACHABLE, "nothing is proven: %s",
                        d->err->text);
    d->findings = json_array();
    d->unread = json_array();
    if (!run(d)) {
        code = ctl_fail(CTL_UNREACHABLE, "nothing is proven: %s", d->err->text);
    } else {
        if (c->json)
            print_json(d, seed);
        else
            print_text(d, seed);
        code = d->ends[DEEP_DIFFERENT] > 0 ? CTL_FINDING
               : d->ends[DEEP_UNREAD] > 0  ? CTL_UNREACHABLE
                                           : CTL_DONE;
    }
    json_decref(d->findings);
    json_decref(d->unread);
    entity_checker_free(d->checker);
    free(d->picks);
    return code;
}

static bool take_number(const char *text, int64_t low, int64_t high, int64_t *out)
{
    return number_i64(text, strlen(text), out) && *out >= low && *out <= high;
}

static bool take_options(struct deep *d, int argc, char **argv, int64_t *seed)
{
    int64_t wanted = 0, patience_s = PATIENCE_S;
    bool ok = argc % 2 == 1 && argc >= 3 && take_number(argv[2], 1, SAMPLE_MAX, &wanted);

    for (int i = 3; ok && i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--seed") == 0)
            ok = take_number(argv[i + 1], 0, INT64_MAX, seed);
        else
            ok = strcmp(argv[i], "--patience") == 0 &&
                 take_number(argv[i + 1], 0, PATIENCE_MAX_S, &patience_s);
    }
    d->wanted = (uint64_t)wanted;
    d->patience_ms = patience_s * 1000;
    return ok;
}

int prove_deep(struct ctl *c, int argc, char **argv)
{
    struct err err = {0};
    struct deep d = {.ctl = c, .err = &err};
    int64_t seed = 0;

    if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
        return ctl_fail(CTL_UNREACHABLE, "no randomness");
    seed &= 0x7fffffff; /* short enough to be typed */
    if (!take_options(&d, argc, argv, &seed))
        return ctl_fail(CTL_USAGE, "prove takes --deep N [--seed S] [--patience SECONDS]");
    d.random = (uint64_t)seed;
    return prove_sample(c, &d, seed);
}
