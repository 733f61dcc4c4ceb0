/* streams.h - worker: the table of streams a lane reads, live and bulk of every partition ever used, and over how many of
 * them the shops are spread now (common/layout.h). It grows at run time: the keeper says so, every lane follows at its next
 * read. An index, once given, means the same stream for ever. */
#ifndef SHOPSTREAM_WORKER_STREAMS_H
#define SHOPSTREAM_WORKER_STREAMS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/keys.h"
#include "common/layout.h"

struct stream_ref {
    char key[KEYS_STREAM_MAX];  /* "webhooks:{0}" or "webhooks:{0}:bulk" */
    char dead[KEYS_STREAM_MAX]; /* "webhooks:{0}:dead" */
    int partition;              /* 0.. */
    bool bulk;                  /* served only from capacity live does not need */
};

/* Live and bulk of partition 0, live and bulk of partition 1, and so on. */
enum { STREAMS_MAX = 2 * KEYS_PARTITIONS_MAX };

struct streams {
    struct stream_ref *items; /* STREAMS_MAX of them, constant; owned by whoever built it */
    _Atomic int most; /* partitions ever used: their streams are the ones read; only grows while lanes run */
    _Atomic int in_use; /* partitions the shops are spread over */
};

/* False: partitions is outside 1..KEYS_PARTITIONS_MAX. */
bool streams_init(struct streams *s, int partitions) __attribute__((warn_unused_result));
void streams_deinit(struct streams *s); /* accepts a zeroed one */

/* Any thread, while others read. */
void streams_follow(struct streams *s, const struct layout *layout);

static inline int streams_most(const struct streams *s)
{
    return atomic_load(&s->most);
}

static inline int streams_in_use(const struct streams *s)
{
    return atomic_load(&s->in_use);
}

/* Streams to be read now: items[0 .. count - 1]. Later answers are not smaller. */
static inline size_t streams_count(const struct streams *s)
{
    return 2 * (size_t)streams_most(s);
}

static inline int streams_live(int partition)
{
    return 2 * partition;
}

static inline int streams_bulk(int partition)
{
    return 2 * partition + 1;
}

static inline int streams_partition(int stream)
{
    return stream / 2;
}

/* The i-th of count streams where all live ones come before all bulk ones. */
static inline int streams_live_first(size_t count, size_t i)
{
    return i < count / 2 ? streams_live((int)i) : streams_bulk((int)(i - count / 2));
}

#endif
