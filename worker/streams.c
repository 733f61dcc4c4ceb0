/* streams.c - worker: the table of streams a lane reads.
 *
 * In:      how many partitions there are.
 * Out:     live streams first, then bulk ones, so that an index below `partitions` means live and a range of the table is
 *          what one XREADGROUP asks for.
 * Fails:   only by a partition count outside 1..KEYS_PARTITIONS_MAX.
 * Thread:  built before threads start, read-only afterwards. */
#include "worker/streams.h"

#include <stdlib.h>

#include "common/strbuf.h"

bool streams_init(struct streams *s, int partitions)
{
    if (partitions < 1 || partitions > KEYS_PARTITIONS_MAX)
        return false;
    s->partitions = partitions;
    s->count = 2 * (size_t)partitions;
    s->items = xcalloc(s->count, sizeof(*s->items));
    for (int p = 0; p < partitions; p++) {
        struct stream_ref *live = &s->items[p];
        struct stream_ref *bulk = &s->items[partitions + p];

        live->partition = p;
        keys_live(live->key, p);
        keys_dead(live->dead, p);
        bulk->partition = p;
        bulk->bulk = true;
        keys_bulk(bulk->key, p);
        keys_dead(bulk->dead, p);
    }
    return true;
}

void streams_deinit(struct streams *s)
{
    free(s->items);
    *s = (struct streams){0};
}
