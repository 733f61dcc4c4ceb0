/* group.c - worker, stage 2 of 7: events fold into needs, one need an entity.
 *
 * Folding is what turns a burst for one order into one read. It never drops an event: each stays in its need and is
 * judged by itself, because "reflected" is a question each event answers differently (see freshness.h).
 * A kind without a DTO has nothing to be fetched: its events become raw needs, which only stage 6 has work with. */
#include "worker/group.h"

#include <string.h>

#include "common/metrics.h"
#include "worker/dto/recipe.h"

enum { GROUP_ID_MAX = 128 }; /* bytes of a shop or entity id */

bool group_is_entity(const struct entry_text *platform, enum entry_kind kind)
{
    return recipe_find(platform->data, platform->length, kind, NULL) != NULL;
}

/* A marketplace's ids are short words. Anything else goes into no request and into no filter: a NUL would make two entities
 * one, and a request that cannot be built holds up its whole shop. */
static bool is_word(const struct entry_text *t)
{
    for (size_t i = 0; i < t->length; i++) {
        if (t->data[i] <= ' ' || t->data[i] > '~')
            return false;
    }
    return t->length > 0 && t->length <= GROUP_ID_MAX;
}

/* Without an id and a shop an entity can be neither fetched nor addressed. */
static bool addressable(const struct entry *e)
{
    return is_word(&e->id) && is_word(&e->shop);
}

static void fold_one(struct pool *pool, struct message *m, struct message_list *settled, int64_t mono_ms)
{
    bool entity = m->readable && group_is_entity(&m->entry.platform, m->entry.kind);
    struct need *n;

    if (entity && !addressable(&m->entry))
        message_judge(m, OUTCOME_POISON, DEAD_BAD_PAYLOAD,
                      "entry: shop and id of an entity must be short words");
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
