/* streams.c - worker: the table of streams a lane reads.
 *
 * In:      how many partitions there are, at the start and whenever that changes.
 * Out:     the names of all streams there can be; how many of them are read.
 * Fails:   only by a partition count outside 1..KEYS_PARTITIONS_MAX.
 * Thread:  the names are written before threads start and constant afterwards; the two counts are atomics.
 * Why so:  all 512 names (70 KB) are made at once, so that growing moves nothing a lane is looking at. */
#include "worker/streams.h"

#include <stdlib.h>

#include "common/strbuf.h"

bool streams_init(struct streams *s, int partitions)
{
    if (partitions < 1 || partitions > KEYS_PARTITIONS_MAX)
        return false;
    s->items = xcalloc(STREAMS_MAX, sizeof(*s->items));
    for (int p = 0; p < KEYS_PARTITIONS_MAX; p++) {
        struct stream_ref *live = &s->items[streams_live(p)];
        struct stream_ref *bulk = &s->items[streams_bulk(p)];

        live->partition = p;
        keys_live(live->key, p);
        keys_dead(live->dead, p);
        bulk->partition = p;
        bulk->bulk = true;
        keys_bulk(bulk->key, p);
        keys_dead(bulk->dead, p);
    }
    streams_follow(s, &(struct layout){partitions, partitions});
    return true;
}

void streams_follow(struct streams *s, const struct layout *layout)
{
    atomic_store(&s->most, layout->most);
    atomic_store(&s->in_use, layout->in_use);
}

void streams_deinit(struct streams *s)
{
    free(s->items);
    s->items = NULL;
    streams_follow(s, &(struct layout){0, 0});
}
