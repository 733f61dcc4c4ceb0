/* ctl_dead.c - shopstreamctl dead list|show: what could not be processed, why, and where it came from.
 *
 * list prints the newest first, never a payload; show prints one letter whole (the body as JSON text when it is text).
 * Both read only. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/keys.h"
#include "common/number.h"
#include "worker/ctl/ctl.h"

enum { LIST_DEFAULT = 50, LIST_MAX = 100000, PAGE = 200 };

/* A row and what it is ordered by. */
struct ranked {
    int64_t ms; /* of its stream id */
    size_t at;  /* its place before */
};

/* Value of a field of one stream entry (reply: array of field, value, ...); NULL when it has none. */
static const redisReply *field(const redisReply *fields, const char *name)
{
    for (size_t i = 0; i + 1 < fields->elements; i += 2)
        if (fields->element[i]->len == strlen(name) &&
            memcmp(fields->element[i]->str, name, strlen(name)) == 0)
            return fields->element[i + 1];
    return NULL;
}

static json_t *text_of(const redisReply *value)
{
    json_t *text = value ? json_stringn(value->str, value->len) : NULL;

    return text ? text : json_string(value ? "(not UTF-8)" : "");
}

static const char *const listed[] = {"_class", "_err", "_tries", "platform", "shop",  "topic", "kind",
                                     "id",     "_id",  "_by",    "_at",      "trace", "key"};

/* One letter without its payload. Owned by the caller. */
static json_t *summary(const char *dead_id, const redisReply *fields)
{
    json_t *row = json_object();

    json_object_set_new(row, "dead_id", json_string(dead_id));
    for (size_t i = 0; i < sizeof(listed) / sizeof(listed[0]); i++) {
        const char *name = listed[i][0] == '_' ? listed[i] + 1 : listed[i];
        const char *as = strcmp(listed[i], "_id") == 0 ? "origin" : name;

        json_object_set_new(row, as, text_of(field(fields, listed[i])));
    }
    return row;
}

static bool well_formed(const redisReply *entry)
{
    return entry->type == REDIS_REPLY_ARRAY && entry->elements == 2 &&
           entry->element[1]->type == REDIS_REPLY_ARRAY;
}

/* Appends up to limit letters of one partition, newest first. False: err. */
static bool read_partition(struct link *l, int partition, size_t limit, json_t *rows, struct err *err)
{
    char key[KEYS_STREAM_MAX], from[64] = "+", count[24];

    keys_dead(key, partition);
    while (limit > 0) {
        size_t page = limit < PAGE ? limit : PAGE;
        const char *argv[] = {"XREVRANGE", key, from, "-", "COUNT", count};
        redisReply *r;
        size_t got;

        number_format_i64(count, (int64_t)page);
        r = link_call(l, 6, argv, NULL, err);
        if (r && r->type != REDIS_REPLY_ARRAY) {
            link_refused(l, r, argv[0], err);
            freeReplyObject(r);
            r = NULL;
        }
        if (!r)
            return false;
        got = r->elements;
        for (size_t i = 0; i < got; i++)
            if (well_formed(r->element[i]))
                json_array_append_new(rows,
                                      summary(r->element[i]->element[0]->str, r->element[i]->element[1]));
        if (got > 0)
            snprintf(from, sizeof(from), "(%s", r->element[got - 1]->element[0]->str);
        freeReplyObject(r);
        if (got < page)
            return true;
        limit -= got;
    }
    return true;
}

/* A stream id as a number that orders like it; only for ids of ours. */
static int64_t dead_ms(const json_t *row)
{
    const char *id = json_string_value(json_object_get(row, "dead_id"));
    int64_t ms = 0;

    return id && number_i64(id, strcspn(id, "-"), &ms) ? ms : 0;
}

/* Newest first; rows of one partition keep their order. */
static int by_age(const void *left, const void *right)
{
    const struct ranked *a = left, *b = right;

    if (a->ms != b->ms)
        return a->ms > b->ms ? -1 : 1;
    return (a->at > b->at) - (a->at < b->at);
}

/* The newest `limit` rows of all partitions. Takes rows; returns owned. */
static json_t *newest(json_t *rows, size_t limit)
{
    size_t count = json_array_size(rows);
    struct ranked *ranked = xcalloc(count + 1, sizeof(*ranked));
    json_t *chosen = json_array();

    for (size_t i = 0; i < count; i++)
        ranked[i] = (struct ranked){dead_ms(json_array_get(rows, i)), i};
    qsort(ranked, count, sizeof(*ranked), by_age);
    for (size_t i = 0; i < count && i < limit; i++)
        json_array_append(chosen, json_array_get(rows, ranked[i].at));
    free(ranked);
    json_decref(rows);
    return chosen;
}

static const struct {
    const char *title;
    const char *name; /* in the row */
    int width;
} columns[] = {
    {"DEAD ID", "dead_id", 20}, {"CLASS", "class", 12}, {"PLATFORM", "platform", 8}, {"SHOP", "shop", 20},
    {"KIND", "kind", 11},       {"ID", "id", 20},       {"TRIES", "tries", 5},       {"ERROR", "err", 0},
};

enum { COLUMNS = sizeof(columns) / sizeof(columns[0]) };

static void print_rows(const json_t *rows)
{
    struct strbuf plain = STRBUF_INIT;
    size_t i;
    json_t *row;

    for (size_t c = 0; c < COLUMNS; c++)
        printf("%-*s%s", columns[c].width, columns[c].title, c + 1 < COLUMNS ? " " : "\n");
    json_array_foreach(rows, i, row)
    {
        for (size_t c = 0; c < COLUMNS; c++) {
            const json_t *value = json_object_get(row, columns[c].name);
            size_t length = json_string_length(value);

            printf("%-*s%s", columns[c].width,
                   length > 0 ? ctl_plain(&plain, json_string_value(value), length) : "-",
                   c + 1 < COLUMNS ? " " : "\n");
        }
    }
    printf("%zu dead letter(s)\n", json_array_size(rows));
    strbuf_deinit(&plain);
}

static int list(struct ctl *c, struct link *l, int argc, char **argv)
{
    struct err err = {0};
    int64_t limit = LIST_DEFAULT;
    json_t *rows;
    int status;

    if (argc == 2 && strcmp(argv[0], "--limit") == 0) {
        if (!number_i64(argv[1], strlen(argv[1]), &limit) || limit < 1 || limit > LIST_MAX)
            return ctl_fail(CTL_USAGE, "dead list --limit takes 1 to 100000");
    } else if (argc > 0) {
        return ctl_fail(CTL_USAGE, "dead list takes --limit N");
    }
    rows = json_array();
    for (int p = 0; p < c->config->stream_partitions; p++) {
        if (!read_partition(l, p, (size_t)limit, rows, &err)) {
            json_decref(rows);
            return ctl_fail(err.domain == ERR_CONFIG ? CTL_USAGE : CTL_UNREACHABLE, "Redis: %s", err.text);
        }
    }
    rows = newest(rows, (size_t)limit);
    if (c->json) {
        json_dumpf(rows, stdout, JSON_INDENT(2));
        putchar('\n');
    } else {
        print_rows(rows);
    }
    status = json_array_size(rows) > 0 ? CTL_FINDING : CTL_DONE;
    json_decref(rows);
    return status;
}

static void print_letter(const struct ctl *c, const redisReply *fields)
{
    struct strbuf plain = STRBUF_INIT;

    if (c->json) {
        json_t *whole = json_object();

        for (size_t i = 0; i + 1 < fields->elements; i += 2)
            json_object_set_new(whole, fields->element[i]->str, text_of(fields->element[i + 1]));
        json_dumpf(whole, stdout, JSON_INDENT(2));
        putchar('\n');
        json_decref(whole);
        return;
    }
    for (size_t i = 0; i + 1 < fields->elements; i += 2) {
        const redisReply *name = fields->element[i], *value = fields->element[i + 1];

        printf("%-10s ", ctl_plain(&plain, name->str, name->len));
        puts(ctl_plain(&plain, value->str, value->len));
    }
    strbuf_deinit(&plain);
}

static int show(struct ctl *c, struct link *l, int argc, char **argv)
{
    struct err err = {0};

    if (argc != 1)
        return ctl_fail(CTL_USAGE, "dead show takes one DEAD ID, as dead list prints it");
    for (int p = 0; p < c->config->stream_partitions; p++) {
        char key[KEYS_STREAM_MAX];
        const char *range[] = {"XRANGE", key, argv[0], argv[0]};
        redisReply *r;
        bool found;

        keys_dead(key, p);
        r = link_call(l, 4, range, NULL, &err);
        if (!r)
            return ctl_fail(err.domain == ERR_CONFIG ? CTL_USAGE : CTL_UNREACHABLE, "Redis: %s", err.text);
        if (r->type == REDIS_REPLY_ERROR) {
            bool argument = link_error_is(r, "ERR"); /* the rest is Redis' trouble, or ours with it */
            int code = argument ? CTL_USAGE : CTL_UNREACHABLE;

            link_refused(l, r, range[0], &err);
            freeReplyObject(r);
            return argument ? ctl_fail(code, "%.60s is not a DEAD ID", argv[0])
                            : ctl_fail(code, "Redis: %s", err.text);
        }
        found = r->type == REDIS_REPLY_ARRAY && r->elements == 1 && well_formed(r->element[0]);
        if (found)
            print_letter(c, r->element[0]->element[1]);
        freeReplyObject(r);
        if (found)
            return CTL_DONE;
    }
    fprintf(stderr, "shopstreamctl: no dead letter %.60s\n", argv[0]);
    return CTL_FINDING;
}

int ctl_dead(struct ctl *c, int argc, char **argv)
{
    struct err err = {0};
    struct link *l;

    if (argc < 2 || (strcmp(argv[1], "list") != 0 && strcmp(argv[1], "show") != 0))
        return ctl_fail(CTL_USAGE, "dead takes list or show ID");
    l = ctl_link(c, &err);
    if (!l)
        return ctl_fail(err.domain == ERR_CONFIG ? CTL_USAGE : CTL_UNREACHABLE, "Redis: %s", err.text);
    return strcmp(argv[1], "list") == 0 ? list(c, l, argc - 2, argv + 2) : show(c, l, argc - 2, argv + 2);
}
