/* ctl_repartition.c - shopstreamctl repartition: over how many partitions the shops are spread.
 *
 * Without N it shows the layout. With N it changes the count in use, atomically, whoever else asks at the same moment; every
 * program reads it within a second. The most ever used never falls: entries keep the partition they were given, and workers
 * go on reading all of them. Exit 1: nothing is recorded yet (shown without N). */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "common/keys.h"
#include "common/number.h"
#include "worker/ctl/ctl.h"
#include "worker/layout_ask.h"

static json_t *json_of(const struct layout *l)
{
    return l->in_use > 0 ? json_pack("{s:i,s:i}", "in_use", l->in_use, "most", l->most) : json_null();
}

static void print_json(const struct layout *before, const struct layout *now)
{
    json_t *whole = json_pack("{s:o,s:o}", "before", json_of(before), "now", json_of(now));

    json_dumpf(whole, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(whole);
}

static void print_line(const char *when, const struct layout *l)
{
    if (l->in_use == 0)
        printf("%s no layout was recorded\n", when);
    else
        printf("%s %d in use, %d the most ever used\n", when, l->in_use, l->most);
}

static void explain(const struct ctl *c, const struct layout *before, const struct layout *now)
{
    if (before->in_use == now->in_use) {
        puts("nothing has changed");
        return;
    }
    puts("Servers put new events into the new partitions within a second; workers make and read them by "
         "themselves.");
    puts("What is stored keeps its partition. While it is being read the order of a shop's events is not "
         "kept, which\n"
         "costs reads of the marketplace and nothing else.");
    if (now->in_use < now->most)
        printf("Partitions %d to %d get no new events and are read on, for ever: status shows when they are "
               "empty.\n",
               now->in_use, now->most - 1);
    if (now->in_use != c->config->stream_partitions)
        printf("STREAM_PARTITIONS is %lld here: it does not count any more; set it to %d where it is set, or "
               "every "
               "start warns.\n",
               (long long)c->config->stream_partitions, now->in_use);
}

static int show(struct ctl *c, struct link *l)
{
    struct layout layout;
    struct err err = {0};
    bool there;

    if (!ctl_layout(c, l, &layout, &there, &err))
        return ctl_fail(err.domain == ERR_CONFIG ? CTL_USAGE : CTL_UNREACHABLE, "%s", err.text);
    if (!there)
        layout = (struct layout){0, 0};
    if (c->json)
        print_json(&layout, &layout);
    else
        print_line("partitions:", &layout);
    return there ? CTL_DONE : CTL_FINDING;
}

/* Where nothing is recorded, what an older version has used is known by the setting alone. */
static int change(struct ctl *c, struct link *l, int in_use)
{
    struct layout known, before, now;
    struct err err = {0};
    bool there;

    if (!ctl_layout(c, l, &known, &there, &err) ||
        !layout_ask_change(l, in_use, &(struct layout){in_use, there ? 0 : known.most}, &before, &now, &err))
        return ctl_fail(err.domain == ERR_CONFIG ? CTL_USAGE : CTL_UNREACHABLE, "nothing was changed: %s",
                        err.text);
    if (c->json) {
        print_json(&before, &now);
        return CTL_DONE;
    }
    print_line("before:", &before);
    print_line("now:   ", &now);
    explain(c, &before, &now);
    return CTL_DONE;
}

int ctl_repartition(struct ctl *c, int argc, char **argv)
{
    struct err err = {0};
    int64_t in_use = 0;
    struct link *l;

    if (argc > 2)
        return ctl_fail(CTL_USAGE, "repartition takes one number of partitions, or nothing to show them");
    if (argc == 2 &&
        (!number_i64(argv[1], strlen(argv[1]), &in_use) || in_use < 1 || in_use > KEYS_PARTITIONS_MAX))
        return ctl_fail(CTL_USAGE, "repartition takes a number of partitions from 1 to %d, not \"%.40s\"",
                        KEYS_PARTITIONS_MAX, argv[1]);
    l = ctl_link(c, &err);
    if (!l)
        return ctl_fail(err.domain == ERR_CONFIG ? CTL_USAGE : CTL_UNREACHABLE, "Redis: %s", err.text);
    return argc == 1 ? show(c, l) : change(c, l, (int)in_use);
}
