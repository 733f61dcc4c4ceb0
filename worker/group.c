/* group.c - worker, stage 2 of 7: events fold into needs, one need an entity.
 *
 * Folding is what turns a burst for one order into one read. It never drops an event: each stays in its need and is
 * judged by itself, because "reflected" is a question each event answers differently (see freshness.h).
 * A kind without a DTO has nothing to be fetched: its events become raw needs, which only stage 6 has work with. */
#include "worker/group.h"

#include <string.h>

#include "common/metrics.h"

bool group_is_entity(const struct entry_text *platform, enum entry_kind kind)
{
    return kind == ENTRY_ORDER && platform->length == strlen("tiktok") &&
           memcmp(platform->data, "tiktok", platform->length) == 0;
}

/* An entity without an id or a shop can be neither fetched nor addressed. */
static bool addressable(const struct entry *e)
{
    return e->id.length > 0 && e->shop.length > 0;
}

static void fold_one(struct pool *pool, struct message *m, struct message_list *settled, int64_t mono_ms)
{
    bool entity = m->readable && group_is_entity(&m->entry.platform, m->entry.kind);
    struct need *n;

    if (entity && !addressable(&m->entry))
        message_judge(m, OUTCOME_POISON, DEAD_BAD_PAYLOAD, "entry: an entity needs both shop and id");
    if (m->outcome == OUTCOME_POISON) { /* judged on arrival: unreadable, or delivered too often */
        message_append(settled, m);
        return;
    }
    n = pool_add(pool, m, !entity);
    if (n->since_mono_ms == 0)
        n->since_mono_ms = mono_ms;
    if (n->messages.count > 1)
        metric_add(METRIC_WORKER_NEEDS_FOLDED, 1);
    if (n->raw && n->state == NEED_NEW)
        need_enter(pool, n, NEED_ANSWERED);
}

void group_fold(struct pool *pool, struct message_list *incoming, struct message_list *settled,
                int64_t mono_ms)
{
    struct message *m;

    while ((m = message_pop(incoming)) != NULL)
        fold_one(pool, m, settled, mono_ms);
}
