/* ctl_dead.c - shopstreamctl dead list|show: what could not be processed, why, and where it came from.
 *
 * list prints the newest first, never a payload, or how many there are of each sort (--group); show prints one letter
 * whole (the body as text when it is text). Both read only; replay and discard are ctl_dead_act.c. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/keys.h"
#include "common/number.h"
#include "worker/ctl/ctl_dead.h"
#include "worker/ctl/dead_letter.h"

enum { LIST_DEFAULT = 50, LIST_MAX = 100000 };

/* A row and what it is ordered by. */
struct ranked {
    int64_t ms; /* of its stream id */
    size_t at;  /* its place before */
};

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

        json_object_set_new(row, as, text_of(dead_field(fields, listed[i])));
    }
    return row;
}

/* What a listing collects. */
struct listing {
    json_t *rows;  /* array of summaries, or with group: object by sort */
    bool group;    /* count sorts instead of listing letters */
    int partition; /* of the letters being taken */
    int64_t limit; /* letters of one partition: the newest of all are among them */
    int64_t taken; /* of this partition */
};

static bool list_letter(void *context, const struct dead_letter *letter)
{
    struct listing *l = context;

    if (letter->partition != l->partition) {
        l->partition = letter->partition;
        l->taken = 0;
    }
    json_array_append_new(l->rows, summary(letter->dead_id, letter->fields));
    return ++l->taken < l->limit;
}

static const char *const group_fields[] = {"_class", "platform", "shop"};

/* The hour a letter was buried in: "2024-11-29T10Z". */
static void hour_of(int64_t ms, char *to)
{
    size_t n = clock_format_utc(to, ms - ms % (3600 * 1000));

    if (n > 13)
        memcpy(to + 13, "Z", 2);
}

/* Counts the letter under its class, platform, shop and hour. */
static bool count_letter(void *context, const struct dead_letter *letter)
{
    struct listing *l = context;
    struct strbuf key = STRBUF_INIT;
    char hour[CLOCK_TEXT_MAX];
    json_t *row;

    hour_of(letter->dead_ms, hour);
    strbuf_add_text(&key, hour);
    for (size_t i = 0; i < sizeof(group_fields) / sizeof(group_fields[0]); i++) {
        const redisReply *value = dead_field(letter->fields, group_fields[i]);

        strbuf_add_char(&key, '\n');
        if (value)
            strbuf_add(&key, value->str, value->len);
    }
    row = json_object_getn(l->rows, key.data, key.length);
    if (!row) {
        row = json_pack("{s:s, s:i}", "hour", hour, "count", 0);
        for (size_t i = 0; i < sizeof(group_fields) / sizeof(group_fields[0]); i++)
            json_object_set_new(row, group_fields[i] + (group_fields[i][0] == '_'),
                                text_of(dead_field(letter->fields, group_fields[i])));
        json_object_setn_new_nocheck(l->rows, key.data, key.length, row);
    }
    json_object_set_new(row, "count", json_integer(json_integer_value(json_object_get(row, "count")) + 1));
    strbuf_deinit(&key);
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

static int group_order(const void *left, const void *right)
{
    const json_t *a = *(json_t *const *)left, *b = *(json_t *const *)right;
    int by_hour =
        strcmp(json_string_value(json_object_get(b, "hour")), json_string_value(json_object_get(a, "hour")));
    json_int_t more =
        json_integer_value(json_object_get(b, "count")) - json_integer_value(json_object_get(a, "count"));

    return by_hour != 0 ? by_hour : more > 0 ? 1 : more < 0 ? -1 : 0;
}

/* The sorts as an array, newest hour and largest count first. Takes groups; returns owned. */
static json_t *sorted_groups(json_t *groups)
{
    size_t n = 0;
    json_t **rows = xcalloc(json_object_size(groups) + 1, sizeof(json_t *)), *sorted = json_array(), *row;
    const char *key;

    json_object_foreach(groups, key, row) rows[n++] = row;
    qsort(rows, n, sizeof(json_t *), group_order);
    for (size_t i = 0; i < n; i++)
        json_array_append(sorted, rows[i]);
    free(rows);
    json_decref(groups);
    return sorted;
}

static void print_groups(const json_t *rows)
{
    struct strbuf shop = STRBUF_INIT, class = STRBUF_INIT, platform = STRBUF_INIT;
    json_int_t total = 0;
    size_t i;
    json_t *row;

    printf("%-14s %-12s %-8s %-20s %s\n", "HOUR (UTC)", "CLASS", "PLATFORM", "SHOP", "COUNT");
    json_array_foreach(rows, i, row)
    {
        const json_t *s = json_object_get(row, "shop"), *k = json_object_get(row, "class"),
                     *p = json_object_get(row, "platform");
        json_int_t count = json_integer_value(json_object_get(row, "count"));

        printf("%-14s %-12s %-8s %-20s %lld\n", json_string_value(json_object_get(row, "hour")),
               ctl_plain(&class, json_string_value(k), json_string_length(k)),
               ctl_plain(&platform, json_string_value(p), json_string_length(p)),
               ctl_plain(&shop, json_string_value(s), json_string_length(s)), (long long)count);
        total += count;
    }
    printf("%lld dead letter(s)\n", (long long)total);
    strbuf_deinit(&platform);
    strbuf_deinit(&class);
    strbuf_deinit(&shop);
}

/* Reads the options of list. False: err. */
static bool list_options(int argc, char **argv, struct dead_filter *f, struct listing *l, struct err *err)
{
    for (int at = 0; at < argc;) {
        int taken = dead_filter_option(f, argc, argv, &at, clock_now_ms(), err);

        if (taken < 0)
            return false;
        if (taken > 0)
            continue;
        if (strcmp(argv[at], "--group") == 0) {
            l->group = true;
            at++;
        } else if (strcmp(argv[at], "--limit") == 0 && at + 1 < argc &&
                   number_i64(argv[at + 1], strlen(argv[at + 1]), &l->limit) && l->limit >= 1 &&
                   l->limit <= LIST_MAX) {
            at += 2;
        } else {
            err_set(err, ERR_CONFIG, 0, "dead list does not take \"%.40s\" (--limit takes 1 to %d)", argv[at],
                    LIST_MAX);
            return false;
        }
    }
    return true;
}

static void print_listing(const struct ctl *c, const struct listing *l)
{
    if (c->json) {
        json_dumpf(l->rows, stdout, JSON_INDENT(2));
        putchar('\n');
    } else if (l->group) {
        print_groups(l->rows);
    } else {
        print_rows(l->rows);
    }
}

static int list(struct ctl *c, struct link *link, int argc, char **argv)
{
    struct listing l = {.partition = -1, .limit = LIST_DEFAULT};
    struct dead_filter filter = {0};
    struct layout layout;
    struct err err = {0};
    int status;

    if (!list_options(argc, argv, &filter, &l, &err))
        return ctl_fail(CTL_USAGE, "%s", err.text);
    if (!ctl_layout(c, link, &layout, NULL, &err))
        return ctl_dead_redis_fail(&err);
    l.rows = l.group ? json_object() : json_array();
    if (!dead_walk(link, layout.most, &filter, true, l.group ? count_letter : list_letter, &l, &err)) {
        json_decref(l.rows);
        return ctl_dead_redis_fail(&err);
    }
    l.rows = l.group ? sorted_groups(l.rows) : newest(l.rows, (size_t)l.limit);
    print_listing(c, &l);
    status = json_array_size(l.rows) > 0 ? CTL_FINDING : CTL_DONE;
    json_decref(l.rows);
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

struct shown {
    struct ctl *ctl;
    size_t count;
};

static bool show_and_count(void *context, const struct dead_letter *letter)
{
    struct shown *s = context;

    s->count++;
    print_letter(s->ctl, letter->fields);
    return true;
}

static int show(struct ctl *c, struct link *l, int argc, char **argv)
{
    struct dead_filter filter = {0};
    struct shown shown = {.ctl = c};
    struct layout layout;
    struct err err = {0};
    int at = 0;

    if (argc != 1 || dead_filter_option(&filter, argc, argv, &at, 0, &err) != 1 || !filter.dead_id)
        return ctl_fail(CTL_USAGE, "dead show takes one DEAD ID, as dead list prints it");
    if (!ctl_layout(c, l, &layout, NULL, &err) ||
        !dead_walk(l, layout.most, &filter, false, show_and_count, &shown, &err))
        return ctl_dead_redis_fail(&err);
    if (shown.count > 0)
        return CTL_DONE;
    fprintf(stderr, "shopstreamctl: no dead letter %.60s\n", argv[0]);
    return CTL_FINDING;
}

int ctl_dead_redis_fail(const struct err *err)
{
    return ctl_fail(err->domain == ERR_CONFIG ? CTL_USAGE : CTL_UNREACHABLE, "Redis: %s", err->text);
}

int ctl_dead(struct ctl *c, int argc, char **argv)
{
    static const struct {
        const char *word;
        int (*run)(struct ctl *c, struct link *l, int argc, char **argv);
    } verbs[] = {{"list", list}, {"show", show}, {"replay", ctl_dead_replay}, {"discard", ctl_dead_discard}};
    struct err err = {0};
    struct link *l;

    for (size_t i = 0; argc >= 2 && i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (strcmp(argv[1], verbs[i].word) != 0)
            continue;
        l = ctl_link(c, &err);
        return l ? verbs[i].run(c, l, argc - 2, argv + 2) : ctl_dead_redis_fail(&err);
    }
    return ctl_fail(CTL_USAGE, "dead takes list, show ID, replay or discard");
}
