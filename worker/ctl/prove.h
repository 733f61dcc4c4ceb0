/* prove.h - shopstreamctl prove: what became of every event that the streams still keep.
 *
 * Each entry has exactly one end. Reads only, besides one small document (collection proofs) that remembers how far the
 * streams had come, so that the next run notices when they have fallen back. */
#ifndef SHOPSTREAM_WORKER_CTL_PROVE_H
#define SHOPSTREAM_WORKER_CTL_PROVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/config.h"
#include "common/err.h"
#include "worker/link.h"
#include "worker/message.h"
#include "worker/store.h"
#include "worker/streams.h"

enum prove_end {
    PROVE_REFLECTED, /* the stored document shows it */
    PROVE_GONE,      /* the entity is a tombstone read later */
    PROVE_BEHIND,    /* the marketplace announced more than it serves, and the document says so */
    PROVE_RAW,       /* kept as it was in webhook_events, or older than those are kept */
    PROVE_REPLAYED,  /* a dead letter that has another life; that one is judged by itself */
    PROVE_DEAD,      /* a dead letter */
    PROVE_DISCARDED, /* given up by a person, on the record */
    PROVE_PARKED,    /* its need waits in MongoDB */
    PROVE_PENDING,   /* not delivered yet, or not acknowledged yet */
    PROVE_FUTURE, /* acknowledged, but stored at a time that has not come: a clock has stepped back, nothing compares */
    PROVE_LOST, /* acknowledged, and nothing shows it */
    PROVE_ENDS
};

const char *prove_end_name(enum prove_end end); /* "reflected"; literal */

enum { PROVE_SHOWN = 100 }; /* losses kept by name */

/* One event nothing shows. */
struct prove_loss {
    char stream[KEYS_STREAM_MAX];
    char stream_id[STREAM_ID_MAX];
    char entity[256]; /* "<kind> <platform>:<shop>:<id>", cut */
};

/* What one stream showed. */
struct prove_stream {
    size_t entries;             /* walked */
    char oldest[STREAM_ID_MAX]; /* first entry kept: the oldest it can speak for; "" when empty */
    bool exists;
    bool no_group;          /* entries, but nobody reads them */
    int64_t trimmed_unread; /* entries cut off before the group had read them */
    size_t bodiless;        /* pending, but no longer in the stream */
    bool fell;              /* it had come further before: flushed, deleted or restored */
    int64_t fell_by;        /* entries added then, and not known now */
    bool healed;            /* a server has seen it, and has sent again all that was lost */
};

struct proof {
    size_t ends[PROVE_ENDS];
    struct prove_loss losses[PROVE_SHOWN]; /* the first of them */
    struct prove_stream *streams;          /* one a stream of the table; owned */
    size_t stream_count;
};

/* Walks all streams of the table from since_ms (Redis' clock; 0 = all that is kept). False: a dependency is away, err. */
bool prove_run(const struct config *config, struct link *l, struct store *store,
               const struct streams *streams, int64_t since_ms, struct proof *out, struct err *err)
    __attribute__((warn_unused_result));

void proof_deinit(struct proof *p); /* accepts a zeroed one */

/* Something is lost, or was cut off, or nobody reads it. */
bool proof_has_finding(const struct proof *p);

#endif
