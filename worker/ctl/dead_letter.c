/* dead_letter.c - shopstreamctl: dead letters as its commands find them.
 *
 * In:      options of a command; the dead-letter streams.
 * Out:     the letters that fit, one at a time.
 * Fails:   with a sentence that names the option, or Redis.
 * Thread:  the only one.
 * Why so:  a filter is given by a person in a hurry, so a misspelt condition must be refused and never mean "all". The
 *          walk pages by the last id seen, not by position, so deleting what was visited does not make it skip. */
#include "worker/ctl/dead_letter.h"

#include <stdio.h>
#include <string.h>

#include "common/keys.h"
#include "common/number.h"
#include "worker/ctl/ctl.h"

enum { PAGE = 200, DEAD_ID_MAX = 48 };

const redisReply *dead_field(const redisReply *fields, const char *name)
{
    for (size_t i = 0; i + 1 < fields->elements; i += 2)
        if (fields->element[i]->len == strlen(name) &&
            memcmp(fields->element[i]->str, name, strlen(name)) == 0)
            return fields->element[i + 1];
    return NULL;
}

/* --- options --------------------------------------------------------------------------------------- */

static int wrong(struct err *err, const char *option, const char *what)
{
    err_set(err, ERR_CONFIG, 0, "%.40s %s", option, what);
    return -1;
}

/* Is it "<digits>-<digits>"? */
static bool is_stream_id(const char *text)
{
    size_t ms = strspn(text, "0123456789"), seq = text[ms] == '-' ? strspn(text + ms + 1, "0123456789") : 0;

    return ms > 0 && seq > 0 && text[ms + 1 + seq] == '\0' && strlen(text) < DEAD_ID_MAX;
}

static int take_time(int64_t *to, const char *option, const char *text, int64_t now_ms, struct err *err)
{
    if (ctl_parse_time(text, now_ms, to))
        return 1;
    return wrong(err, option, "takes 2024-11-29T10:30:00Z, or an age: 90m, 6h, 2d");
}

int dead_filter_option(struct dead_filter *f, int argc, char **argv, int *at, int64_t now_ms, struct err *err)
{
    const struct {
        const char *name;
        const char **text; /* one of the two */
        int64_t *time;
    } options[] = {
        {"--class", &f->class, NULL},    {"--platform", &f->platform, NULL}, {"--shop", &f->shop, NULL},
        {"--topic", &f->topic, NULL},    {"--kind", &f->kind, NULL},         {"--id", &f->id, NULL},
        {"--since", NULL, &f->since_ms}, {"--until", NULL, &f->until_ms},
    };
    const char *word = argv[*at], *value = *at + 1 < argc ? argv[*at + 1] : NULL;

    if (is_stream_id(word) || strcmp(word, "--all") == 0) {
        f->all = f->all || word[0] == '-';
        f->dead_id = word[0] == '-' ? f->dead_id : word;
        (*at)++;
        return 1;
    }
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        if (strcmp(word, options[i].name) != 0)
            continue;
        if (!value || !*value)
            return wrong(err, word, "takes a value");
        *at += 2;
        if (options[i].time)
            return take_time(options[i].time, word, value, now_ms, err);
        *options[i].text = value;
        return 1;
    }
    return 0;
}

bool dead_filter_given(const struct dead_filter *f)
{
    return f->all || f->dead_id || f->class || f->platform || f->shop || f->topic || f->kind || f->id ||
           f->since_ms != 0 || f->until_ms != 0;
}

/* --- the walk -------------------------------------------------------------------------------------- */

static bool field_is(const redisReply *fields, const char *name, const char *wanted)
{
    const redisReply *value = wanted ? dead_field(fields, name) : NULL;

    return !wanted || (value && value->len == strlen(wanted) && memcmp(value->str, wanted, value->len) == 0);
}

static bool fits(const struct dead_filter *f, const struct dead_letter *letter)
{
    const redisReply *fields = letter->fields;

    return (f->since_ms == 0 || letter->dead_ms >= f->since_ms) &&
           (f->until_ms == 0 || letter->dead_ms < f->until_ms) && field_is(fields, "_class", f->class) &&
           field_is(fields, "platform", f->platform) && field_is(fields, "shop", f->shop) &&
           field_is(fields, "topic", f->topic) && field_is(fields, "kind", f->kind) &&
           field_is(fields, "id", f->id);
}

static bool well_formed(const redisReply *entry)
{
    return entry->type == REDIS_REPLY_ARRAY && entry->elements == 2 &&
           entry->element[0]->type == REDIS_REPLY_STRING && entry->element[1]->type == REDIS_REPLY_ARRAY;
}

/* One page; NULL: err. */
static redisReply *read_page(struct link *l, const char *key, const char *from, const char *to,
                             bool newest_first, struct err *err)
{
    char count[24];
    const char *argv[] = {newest_first ? "XREVRANGE" : "XRANGE", key, from, to, "COUNT", count};
    redisReply *r;

    number_format_i64(count, PAGE);
    r = link_call(l, 6, argv, NULL, err);
    if (r && r->type != REDIS_REPLY_ARRAY) {
        link_refused(l, r, argv[0], err);
        freeReplyObject(r);
        r = NULL;
    }
    return r;
}

/* Visits a page. False: the visitor has seen enough. */
static bool visit_page(const redisReply *page, int partition, const struct dead_filter *f, dead_visit visit,
                       void *context)
{
    for (size_t i = 0; i < page->elements; i++) {
        struct dead_letter letter = {.partition = partition};

        if (!well_formed(page->element[i]))
            continue;
        letter.dead_id = page->element[i]->element[0]->str;
        letter.fields = page->element[i]->element[1];
        if (!number_i64(letter.dead_id, strcspn(letter.dead_id, "-"), &letter.dead_ms))
            continue;
        if (fits(f, &letter) && !visit(context, &letter))
            return false;
    }
    return true;
}

static bool walk_partition(struct link *l, int partition, const struct dead_filter *f, bool newest_first,
                           dead_visit visit, void *context, struct err *err)
{
    char key[KEYS_STREAM_MAX], from[DEAD_ID_MAX + 1];
    const char *to = f->dead_id ? f->dead_id : newest_first ? "-" : "+";
    bool more = true;

    keys_dead(key, partition);
    snprintf(from, sizeof from, "%s", f->dead_id ? f->dead_id : newest_first ? "+" : "-");
    while (more) {
        redisReply *page = read_page(l, key, from, to, newest_first, err);

        if (!page)
            return false;
        more = visit_page(page, partition, f, visit, context) && page->elements == PAGE;
        if (more)
            snprintf(from, sizeof from, "(%s", page->element[page->elements - 1]->element[0]->str);
        freeReplyObject(page);
    }
    return true;
}

bool dead_walk(struct link *l, int partitions, const struct dead_filter *f, bool newest_first,
               dead_visit visit, void *context, struct err *err)
{
    for (int p = 0; p < partitions; p++)
        if (!walk_partition(l, p, f, newest_first, visit, context, err))
            return false;
    return true;
}
