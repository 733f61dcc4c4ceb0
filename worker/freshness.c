/* freshness.c - worker: is this event already reflected by that state?
 *
 * In:      a state (version, fetched_ms, tombstone or not) and a message.
 * Out:     yes or no. "No" costs at most one more read; a wrong "yes" loses a change for good. Every clause leans to "no".
 * Fails:   never.
 * Thread:  any. Pure: the clock is an argument.
 * Why so:  the two sorts of events need different proofs. An event that carries the entity's own update time is proven
 *          by a version, which no clock of ours can falsify. All others are proven only by a read that was sent after the
 *          event had been stored. Both times of that comparison are Redis'; the comparison is strict, because two
 *          things of one millisecond have no order. */
#include "worker/freshness.h"

#include "worker/streams.h"

enum { VERSION_RESOLUTION_MS = 1000 }; /* marketplaces' update times are whole seconds */

/* Two changes can share one second. The state shows all changes of its second when its read was sent after that second
 * had ended on the slower of both clocks. */
static bool settled(const struct freshness *f, int64_t version, int64_t fetched_ms)
{
    int64_t end;

    if (!f->settled_counts || __builtin_add_overflow(version, VERSION_RESOLUTION_MS + f->skew_ms, &end))
        return false;
    return fetched_ms >= end;
}

/* A tracking's version is the newest update time of the order and its packages. A package's may be later than a change of
 * the order that it does not show, and the other way round: a version proves nothing, its lack does. */
static bool is_of_two_clocks(const struct message *m)
{
    return m->entry.kind == ENTRY_TRACKING;
}

/* An order's update time says nothing about its money. */
bool freshness_first_sort(const struct message *m)
{
    return m->entry.event_ms > 0 && m->entry.moves && m->entry.kind != ENTRY_TRANSACTION;
}

int64_t freshness_fetched(const struct freshness *f, int64_t fetched_ms)
{
    return fetched_ms > f->now_ms + f->skew_ms ? 0 : fetched_ms;
}

bool freshness_is_foreign(const struct freshness *f, const struct message *m)
{
    const struct entry *e = &m->entry;

    return f->partitions > 0 && keys_partition(e->platform.data, e->platform.length, e->shop.data,
                                               e->shop.length, f->partitions) != streams_partition(m->stream);
}

bool freshness_reflects(const struct freshness *f, int64_t version, int64_t fetched_ms, bool deleted,
                        const struct message *m)
{
    int64_t event_ms = m->entry.event_ms;
    int64_t fetched = freshness_fetched(f, fetched_ms);
    bool read_later = fetched > m->entry_ms;

    if (m->entry_ms > f->now_ms)
        return false; /* a clock has stepped: nothing about this entry can be proven by it */
    if (freshness_is_foreign(f, m))
        return false; /* its time is another node's */
    if (deleted && read_later)
        return true;
    if (!freshness_first_sort(m))
        return read_later;
    if (message_was_parked(m) || is_of_two_clocks(m))
        return version >= event_ms && read_later;
    return version > event_ms || (version == event_ms && settled(f, version, fetched)) ||
           (version >= event_ms && read_later);
}

bool freshness_need_reflected(const struct freshness *f, const struct need *n)
{
    const struct stored *s = &n->stored;
    bool money = n->kind == ENTRY_TRANSACTION; /* a list read empty is stored nowhere; its order knows */

    if (!money && !s->exists)
        return false;
    for (const struct message *m = n->messages.first; m; m = m->next) {
        if (!freshness_reflects(f, s->version, money ? s->transactions_ms : s->fetched_ms,
                                !money && s->deleted, m))
            return false;
    }
    return true;
}

bool freshness_behind(const struct message *m, int64_t version)
{
    return freshness_first_sort(m) && version < m->entry.event_ms;
}

int64_t freshness_stale_limit(const struct config *config)
{
    int64_t attempts = (int64_t)config->retry_delay_count + 1;

    return config->max_stale_reads < attempts ? config->max_stale_reads : attempts;
}
