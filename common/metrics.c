/* metrics.c - common: the counters and gauges of this process.
 *
 * In:      metric_add and metric_set from anywhere.
 * Out:     Prometheus text format 0.0.4, one program's metrics only.
 * Fails:   never.
 * Thread:  any. Relaxed atomics: each value is right by itself, and no reader concludes anything from two of them.
 * Why so:  the names carry their labels literally. The label values are few and known when this is compiled, so a label
 *          map would buy nothing and cost a lookup per event. Lines of one family stand together in the table, which is
 *          all that HELP and TYPE once per family needs. The exceptions are the words that no state table knows and the
 *          group that holds the trim floor: both are rare and bounded, and a mutex is enough. */
#include "common/metrics.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

enum metric_kind { COUNTER, GAUGE };

struct metric_line {
    const char *name;      /* with its labels */
    enum metric_kind kind; /* of the family */
    const char *help;      /* of the family; "" on all but its first line */
};

#define METRICS_LINE(identifier, name, kind, help) {name, kind, help},
static const struct metric_line metric_lines[METRIC_COUNT] = {METRICS(METRICS_LINE)};

static _Atomic int64_t metric_values[METRIC_COUNT];

void metric_add(enum metric m, int64_t by)
{
    atomic_fetch_add_explicit(&metric_values[m], by, memory_order_relaxed);
}

void metric_set(enum metric m, int64_t value)
{
    atomic_store_explicit(&metric_values[m], value, memory_order_relaxed);
}

int64_t metric_get(enum metric m)
{
    return atomic_load_explicit(&metric_values[m], memory_order_relaxed);
}

/* --- words ----------------------------------------------------------------------------------------- */

enum { METRIC_WORDS_MAX = 32, METRIC_WORD_BYTES = 64 };

struct metric_word {
    char text[METRIC_WORD_BYTES]; /* fit for a label */
    int64_t count;                /* times */
};

/* The last is for what came when all others were taken. */
static struct metric_word metric_words[METRIC_WORDS_MAX + 1] = {[METRIC_WORDS_MAX] = {"(others)", 0}};
static size_t metric_word_count; /* in use, the last not counted */
static pthread_mutex_t metric_words_lock = PTHREAD_MUTEX_INITIALIZER;

static bool metric_is_plain(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("_-. ", c));
}

static void metric_label(char to[METRIC_WORD_BYTES], const char *word, size_t length)
{
    size_t n = length < METRIC_WORD_BYTES ? length : METRIC_WORD_BYTES - 1;

    for (size_t i = 0; i < n; i++)
        to[i] = metric_is_plain(word[i]) ? word[i] : '?';
    to[n] = '\0';
}

/* The lock is held. */
static struct metric_word *metric_word_find(const char *label)
{
    for (size_t i = 0; i < metric_word_count; i++) {
        if (strcmp(metric_words[i].text, label) == 0)
            return &metric_words[i];
    }
    if (metric_word_count == METRIC_WORDS_MAX)
        return &metric_words[METRIC_WORDS_MAX];
    memcpy(metric_words[metric_word_count].text, label, strlen(label) + 1);
    return &metric_words[metric_word_count++];
}

void metric_add_unknown_word(const char *word, size_t length)
{
    char label[METRIC_WORD_BYTES];

    metric_label(label, word, length);
    pthread_mutex_lock(&metric_words_lock);
    metric_word_find(label)->count++;
    pthread_mutex_unlock(&metric_words_lock);
}

static void metric_render_words(struct strbuf *to)
{
    static const char family[] = "shopstream_worker_state_unknown_words_total";

    strbuf_add_format(to, "# HELP %s status words no state table knows, by word\n# TYPE %s counter\n", family,
                      family);
    pthread_mutex_lock(&metric_words_lock);
    for (size_t i = 0; i <= METRIC_WORDS_MAX; i++) {
        const struct metric_word *w = &metric_words[i];

        if (w->count > 0)
            strbuf_add_format(to, "%s{word=\"%s\"} %lld\n", family, w->text, (long long)w->count);
    }
    pthread_mutex_unlock(&metric_words_lock);
}

/* --- trim floor ------------------------------------------------------------------------------------ */

_Static_assert((int)METRIC_GROUP_BYTES == (int)METRIC_WORD_BYTES, "both are labels");

/* Group names are anybody's: a bounded label behind the lock of the words. */
static struct metric_word metric_floor; /* count: its age */

void metric_set_trim_floor(int64_t age_ms, const char *group)
{
    pthread_mutex_lock(&metric_words_lock);
    metric_label(metric_floor.text, group, strlen(group));
    metric_floor.count = age_ms;
    pthread_mutex_unlock(&metric_words_lock);
}

static void metric_render_floor(struct strbuf *to)
{
    static const char family[] = "shopstream_worker_trim_floor_age_milliseconds";

    pthread_mutex_lock(&metric_words_lock);
    strbuf_add_format(to,
                      "# HELP %s age of the oldest entry a consumer group has not finished, and the group: "
                      "trimming stops there\n# TYPE %s gauge\n%s{group=\"%s\"} %lld\n",
                      family, family, family, metric_floor.text, (long long)metric_floor.count);
    pthread_mutex_unlock(&metric_words_lock);
}

/* --- text ------------------------------------------------------------------------------------------ */

static size_t metric_family_length(const char *name)
{
    return strcspn(name, "{");
}

static bool metric_belongs(const char *name, const char *program)
{
    static const char house[] = "shopstream_";
    size_t n = strlen(program);

    return strncmp(name, house, sizeof house - 1) == 0 && strncmp(name + sizeof house - 1, program, n) == 0 &&
           name[sizeof house - 1 + n] == '_';
}

static void metric_render_head(struct strbuf *to, const struct metric_line *line, size_t family)
{
    strbuf_add_text(to, "# HELP ");
    strbuf_add(to, line->name, family);
    strbuf_add_char(to, ' ');
    strbuf_add_text(to, line->help);
    strbuf_add_text(to, "\n# TYPE ");
    strbuf_add(to, line->name, family);
    strbuf_add_text(to, line->kind == COUNTER ? " counter\n" : " gauge\n");
}

void metrics_render(struct strbuf *to, const char *program)
{
    const char *last = "";
    size_t last_length = 0;

    for (size_t i = 0; i < METRIC_COUNT; i++) {
        const struct metric_line *line = &metric_lines[i];
        size_t family = metric_family_length(line->name);

        if (!metric_belongs(line->name, program))
            continue;
        if (family != last_length || memcmp(line->name, last, family) != 0)
            metric_render_head(to, line, family);
        last = line->name;
        last_length = family;
        strbuf_add_text(to, line->name);
        strbuf_add_char(to, ' ');
        strbuf_add_i64(to, metric_get((enum metric)i));
        strbuf_add_char(to, '\n');
    }
    if (strcmp(program, "worker") == 0) {
        metric_render_words(to);
        metric_render_floor(to);
    }
}
