/* ring.h - server, stage 4 of 5: what one loop has stored lately, in case Redis loses it.
 *
 * In:      stored entries: their id, the key of their mark, the complete XADD, and when Redis' reply came.
 * Out:     the same, oldest first, for as long as its owner (replay.c) wants them.
 * Fails:   ring_add, when its bytes are used up: the owner decides what has to go.
 * Thread:  its loop's only. Pure: no I/O, no clock.
 * Why so:  one copy of bytes an event and nothing else, since every event passes here and hardly one is ever needed again.
 *          Records stand end to end in chunks that are never moved or resized:
 *
 *            chunk [ gone | record | record | ... | room ] -> chunk [ record ... ] -> ...
 *                          ^ front                                             ^ here is added
 *
 *          Emptied chunks are kept for the next records: fresh memory costs the kernel more than a record costs us. */
#ifndef SHOPSTREAM_SERVER_RING_H
#define SHOPSTREAM_SERVER_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/mark.h"

enum ring_state {
    RING_STORED, /* Redis has it, as far as we know */
    RING_DUE,    /* Redis may have lost it: to be sent again */
    RING_SENT,   /* sent again, or on its way to the journal; the outcome is not known */
    RING_DONE,   /* somebody else's by now: the journal has it */
};

struct ring_chunk;

struct ring_record {
    struct ring_chunk *chunk; /* where it stands; the ring's */
    uint64_t serial;          /* rises by one from record to record */
    int64_t stored_ms;        /* monotonic: when Redis' reply came */
    struct mark_id id;        /* zero: not known */
    uint32_t size;            /* of all of it; the ring's */
    uint32_t mark_length;     /* of the mark's key; 0: none */
    uint32_t length;          /* of mark and command */
    uint16_t slot;            /* which stream (watch.h) */
    uint8_t state;            /* enum ring_state */
    char body[];              /* mark, then the XADD */
};

struct ring; /* opaque */

/* max: bytes of all chunks. You own it (ring_free). */
struct ring *ring_new(size_t max);
void ring_free(struct ring *r); /* accepts NULL */

/* Appends a record of body (copied: mark, then command) as RING_STORED; the caller fills in the rest. NULL: no room, or larger
 * than the whole ring; nothing has changed. */
struct ring_record *ring_add(struct ring *r, const void *body, size_t length);

void ring_pop(struct ring *r); /* drops the front, which there must be */

/* Frees the emptied chunks that were not needed since the last call; to be called at regular intervals. */
void ring_trim(struct ring *r);

/* Borrowed until the record is popped; NULL: none (any more). */
struct ring_record *ring_front(const struct ring *r);
struct ring_record *ring_next(const struct ring *r, const struct ring_record *record);

/* Whether the record of that number has not been popped. */
bool ring_has(const struct ring *r, uint64_t serial);

size_t ring_count(const struct ring *r);
size_t ring_bytes(const struct ring *r); /* of all chunks */

#endif
