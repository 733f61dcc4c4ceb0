/* metrics.c - common: the counters and gauges of this process.
 *
 * In:      metric_add and metric_set from anywhere.
 * Out:     Prometheus text format 0.0.4, one program's metrics only.
 * Fails:   never.
 * Thread:  any. Relaxed atomics: each value is right by itself, and no reader concludes anything from two of them.
 * Why so:  the names carry their labels literally. The label values are few and known when this is compiled, so a label
 *          map would buy nothing and cost a lookup per event. Lines of one family stand together in the table, which is
 *          all that HELP and TYPE once per family needs. */
#include "common/metrics.h"

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
}
