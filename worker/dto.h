/* dto.h - worker, stage 5 of 7: source JSON becomes a DTO struct, and that a validated document.
 *
 * In:      needs in state ANSWERED.
 * Out:     state BUILT with `document`, or judged: an id that is left out and was never stored is "not yet visible"
 *          (RETRY, at last dead letter not_found).
 * Fails:   POISON only when even the raw document cannot be stored.
 * Thread:  the lane's. No I/O. */
#ifndef SHOPSTREAM_WORKER_DTO_H
#define SHOPSTREAM_WORKER_DTO_H

#include <bson/bson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/config.h"
#include "common/metrics.h"
#include "worker/freshness.h"
#include "worker/need.h"

/* What the write does. */
enum document_op {
    DOCUMENT_FULL,    /* complete state: $set, $unset, $setOnInsert under the guard */
    DOCUMENT_MISSING, /* left out of an answer for the first time: note missing_at_ms on the stored document */
    DOCUMENT_TOMBSTONE, /* gone: $set deleted_at */
    DOCUMENT_RAW,       /* a webhook kept raw in webhook_events */
    DOCUMENT_NEED,      /* a need that waits for its shop, or for its turn, in needs (parked.h) */
    DOCUMENT_MARK, /* a time noted on a document of another stage; where there is none, nothing is noted */
};

/* One write, made in stage 5, sent in stage 6. Heap-owned BSON: free with document_free. Nested no deeper and no larger
 * than the server takes: dto/encode.c sees to the depth, stage 6 adds up the sizes. */
struct document {
    enum document_op op;
    const char *collection; /* literal */
    const char *doc_id;     /* borrowed from the need (RAW: from the arena) */
    bson_t *set;            /* owned or NULL; everything for $set, bookkeeping included */
    bson_t *unset;          /* owned or NULL; every field a complete state takes away, bookkeeping included */
    bson_t *on_insert;      /* owned or NULL; first_seen */
    bson_t *max;            /* owned or NULL; for $max: NEED, MARK */
    bson_t *min;            /* owned or NULL; for $min: NEED */
    struct document *before; /* NULL, or to be stored before this one, when this one is sent whole */
    bool before_touch;       /* also when this one only moves to a newer version */
    enum metric raises;      /* stored before another: counts it */
    struct document *after; /* NULL, or to be stored after it, also when it turned out to be stored already */
    int64_t version;        /* V */
    int64_t fetched_ms;     /* F */
    char hash[CONTENT_HASH_LENGTH + 1]; /* of the content; "" for RAW */
    bool valid;                         /* is_valid */
};

void document_free(
    struct document *d); /* frees its BSON and its companions'; the structs lie in the arena. Accepts NULL */

/* What a document needs to know besides the entity itself. */
struct dto_context {
    const char *platform;   /* "tiktok" */
    const char *shop;       /* shop id */
    const char *channel_id; /* of the shop; "" when it has none */
    const char *id;         /* entity id */
    const char *doc_id;     /* "<platform>:<shop>:<id>" */
    int64_t fetched_ms;     /* Redis' clock when the request was sent */
    int64_t now_ms;         /* Redis' clock now */
    int64_t
        stored_version; /* version of the stored document, 0 when none: used when the source's is unusable */
    int offset_minutes; /* TIMEZONE_OFFSET */
    const char *source; /* src of the newest event: webhook, reconcile ... */
    const char *trace;  /* its trace id */
    bool behind;        /* mark the document `behind` */
};

/* channel_of(shop_context, platform, shop) -> channel id, "" when it has none; borrowed until the next call. NULL: cannot
 * be told now; the need is put back, because the channel is part of the content and of the idempotency key. */
void dto_build(struct pool *pool, const struct config *config, const struct freshness *f, struct arena *arena,
               const char *(*channel_of)(void *shops, const char *platform, const char *shop), void *shops);

#endif
