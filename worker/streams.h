/* streams.h - worker: the table of streams a lane reads: live and bulk of every partition. Built once at start. */
#ifndef SHOPSTREAM_WORKER_STREAMS_H
#define SHOPSTREAM_WORKER_STREAMS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/keys.h"

struct stream_ref {
    char key[KEYS_STREAM_MAX];  /* "webhooks:{0}" or "webhooks:{0}:bulk" */
    char dead[KEYS_STREAM_MAX]; /* "webhooks:{0}:dead" */
    int partition;              /* 0.. */
    bool bulk;                  /* served only from capacity live does not need */
};

/* All live streams first (index = partition), then all bulk ones (index = partitions + partition). */
struct streams {
    struct stream_ref *items; /* owned by whoever built it */
    size_t count;             /* 2 x partitions */
    int partitions;
};

bool streams_init(struct streams *s, int partitions);
void streams_deinit(struct streams *s); /* accepts a zeroed one */

#endif
