/* ring.c - server, stage 4 of 5: what one loop has stored lately. Contract and layout: ring.h. */
#include "server/ring.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/strbuf.h"

enum {
    CHUNK_MOST = 256 * 1024, /* bytes of a chunk; a larger record has one to itself */
    CHUNK_LEAST = 4 * 1024,
    CHUNKS = 16, /* a small ring is not one chunk */
    ALIGN = 8,
};

struct ring_chunk {
    struct ring_chunk *next;
    size_t size;  /* bytes of data */
    size_t front; /* offset of the first record not popped */
    size_t end;   /* where the next one goes */
    char data[];
};

struct ring {
    struct ring_chunk *first, *last; /* NULL: empty */
    struct ring_chunk *spare;        /* emptied ones of chunk_size, the latest first */
    size_t spares;
    size_t unused; /* fewest spares since the last trim: so many were not needed */
    size_t chunk_size;
    size_t max;
    size_t bytes;    /* of all chunks, the spare one included */
    uint64_t serial; /* of the next record */
    size_t count;
};

struct ring *ring_new(size_t max)
{
    struct ring *r = xcalloc(1, sizeof(*r));
    const size_t part = max / CHUNKS;

    r->max = max;
    r->chunk_size = part > CHUNK_MOST ? CHUNK_MOST : part < CHUNK_LEAST ? CHUNK_LEAST : part & ~(size_t)4095;
    return r;
}

static void drop_spare(struct ring *r)
{
    struct ring_chunk *c = r->spare;

    r->spare = c->next;
    r->spares--;
    r->bytes -= c->size;
    free(c);
}

void ring_free(struct ring *r)
{
    if (!r)
        return;
    while (r->count > 0)
        ring_pop(r);
    while (r->spare)
        drop_spare(r);
    free(r);
}

static size_t room(const struct ring_chunk *c)
{
    return c ? c->size - c->end : 0;
}

/* A chunk for a record of that size, at the end. False: no room. */
static bool extend(struct ring *r, size_t size)
{
    const size_t wanted = size > r->chunk_size ? size : r->chunk_size;
    struct ring_chunk *c = NULL;

    if (r->spare && wanted == r->chunk_size) {
        c = r->spare;
        r->spare = c->next;
        if (--r->spares < r->unused)
            r->unused = r->spares;
    } else {
        if (wanted > r->max)
            return false;
        while (r->spare && r->bytes > r->max - wanted)
            drop_spare(r);
        if (r->bytes > r->max - wanted)
            return false;
        c = xmalloc(sizeof(*c) + wanted);
        c->size = wanted;
        r->bytes += wanted;
    }
    c->next = NULL;
    c->front = c->end = 0;
    *(r->last ? &r->last->next : &r->first) = c;
    r->last = c;
    return true;
}

struct ring_record *ring_add(struct ring *r, const void *body, size_t length)
{
    const size_t size = (sizeof(struct ring_record) + length + ALIGN - 1) / ALIGN * ALIGN;
    struct ring_record *record;

    if (length > r->max || size > UINT32_MAX || (room(r->last) < size && !extend(r, size)))
        return NULL;
    record = (struct ring_record *)(void *)(r->last->data + r->last->end);
    r->last->end += size;
    *record = (struct ring_record){.chunk = r->last,
                                   .serial = r->serial++,
                                   .size = (uint32_t)size,
                                   .length = (uint32_t)length,
                                   .state = RING_STORED};
    memcpy(record->body, body, length);
    r->count++;
    return record;
}

/* The first chunk has no record left. */
static void drop_chunk(struct ring *r)
{
    struct ring_chunk *c = r->first;

    r->first = c->next;
    if (!r->first)
        r->last = NULL;
    if (c->size == r->chunk_size) {
        c->next = r->spare;
        r->spare = c;
        r->spares++;
        return;
    }
    r->bytes -= c->size;
    free(c);
}

void ring_pop(struct ring *r)
{
    const struct ring_record *front = ring_front(r);

    if (!front)
        fatalx("ring: nothing to pop");
    r->first->front += front->size;
    r->count--;
    if (r->first->front == r->first->end)
        drop_chunk(r);
}

void ring_trim(struct ring *r)
{
    while (r->spare && r->unused > 0) {
        drop_spare(r);
        r->unused--;
    }
    r->unused = r->spares;
}

struct ring_record *ring_front(const struct ring *r)
{
    return r->first ? (struct ring_record *)(void *)(r->first->data + r->first->front) : NULL;
}

struct ring_record *ring_next(const struct ring *r, const struct ring_record *record)
{
    struct ring_chunk *c = record->chunk;
    const size_t at = (size_t)((const char *)record - c->data) + record->size;

    (void)r;
    if (at < c->end)
        return (struct ring_record *)(void *)(c->data + at);
    return c->next ? (struct ring_record *)(void *)c->next->data : NULL;
}

bool ring_has(const struct ring *r, uint64_t serial)
{
    return serial < r->serial && serial >= r->serial - r->count;
}

size_t ring_count(const struct ring *r)
{
    return r->count;
}

size_t ring_bytes(const struct ring *r)
{
    return r->bytes;
}
