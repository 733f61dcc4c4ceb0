/* older.c - server, stage 4 of 5: how much of what nobody keeps any more has Redis lost? Contract and reasons: older.h. */
#include "server/older.h"

#include <string.h>

static bool is_none(struct mark_id id)
{
    return id.ms == 0 && id.sequence == 0;
}

static void remove_runs(struct older *o, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        o->count -= o->runs[i].count;
    memmove(&o->runs[from], &o->runs[to], (o->run_count - to) * sizeof(o->runs[0]));
    o->run_count -= to - from;
    o->asked -= to - from;
}

/* The smallest two neighbours become one; but not across what is asked for: what left since must not pass for that. */
static void merge_runs(struct older *o)
{
    size_t at = 0;
    int64_t least = INT64_MAX;

    for (size_t i = 0; i + 1 < o->run_count; i++) {
        const int64_t both = o->runs[i].count + o->runs[i + 1].count;

        if (both < least && i + 1 != o->asked) {
            least = both;
            at = i;
        }
    }
    o->runs[at] = (struct older_run){o->runs[at + 1].last, least};
    memmove(&o->runs[at + 1], &o->runs[at + 2], (o->run_count - at - 2) * sizeof(o->runs[0]));
    o->run_count--;
    if (at + 1 < o->asked)
        o->asked--;
}

void older_left(struct older *o, struct mark_id id, int64_t count)
{
    struct older_run *last;

    if (is_none(id) || count == 0)
        return;
    if (mark_later(id, o->newest))
        o->newest = id;
    if (mark_later(o->floor, id))
        return;
    o->count += count;
    last = o->run_count > o->asked ? &o->runs[o->run_count - 1] : NULL;
    if (last && last->count + count <= o->count / (OLDER_RUNS / 2)) {
        *last = (struct older_run){o->newest, last->count + count};
        return;
    }
    if (o->run_count == OLDER_RUNS)
        merge_runs(o);
    o->runs[o->run_count++] = (struct older_run){o->newest, count}; /* sent again: not quite in order */
}

struct mark_id older_ask(struct older *o)
{
    o->asked = o->run_count;
    return o->asked > 0 ? o->runs[o->asked - 1].last : (struct mark_id){0};
}

/* Every second one goes: a further one counts a little more. */
static void thin_points(struct older *o)
{
    for (size_t i = 0; 2 * i < o->point_count; i++)
        o->points[i] = o->points[2 * i];
    o->point_count = (o->point_count + 1) / 2;
}

void older_seen(struct older *o, struct mark_id floor, struct mark_id last, int64_t added)
{
    size_t done = 0, passed = 0;

    while (done < o->asked && mark_later(floor, o->runs[done].last))
        done++;
    remove_runs(o, 0, done);
    o->floor = floor;
    while (passed < o->point_count && mark_later(o->newest, o->points[passed].last))
        passed++;
    memmove(o->points, &o->points[passed], (o->point_count - passed) * sizeof(o->points[0]));
    o->point_count -= passed;
    if (o->point_count == OLDER_POINTS)
        thin_points(o);
    o->points[o->point_count++] = (struct older_point){last, added};
}

/* How many had been added when that one was, at most; -1: not known. */
static int64_t position(const struct older *o, struct mark_id id)
{
    for (size_t i = 0; i < o->point_count; i++)
        if (!mark_later(id, o->points[i].last))
            return o->points[i].added;
    return -1;
}

int64_t older_lost(struct older *o, struct mark_id survivor, int64_t safe)
{
    int64_t lost = 0, added;
    size_t first = 0;

    while (first < o->asked && !mark_later(o->runs[first].last, survivor))
        first++;
    for (size_t i = first; i < o->asked; i++)
        lost += o->runs[i].count;
    added = lost > 0 ? position(o, o->runs[o->asked - 1].last) : -1;
    if (added >= 0 && lost > added - safe)
        lost = added > safe ? added - safe : 0;
    remove_runs(o, first, o->asked);
    o->point_count = 0; /* positions and floor were those of what there was before */
    o->floor = (struct mark_id){0};
    o->newest = o->run_count > 0 ? o->runs[o->run_count - 1].last : (struct mark_id){0};
    return lost;
}
