/* arena.c - common: memory of one batch.
 *
 * In:      sizes.
 * Out:     zeroed memory that lives until arena_reset.
 * Fails:   arena_take gives NULL at the limit; the caller then does less. A machine without memory ends the process.
 * Thread:  one; each lane has its own.
 * Why so:  chunks double and are kept over resets, so the steady state neither allocates nor walks a list. A chunk too
 *          full for a request is left behind for the rest of the turn. That can waste the limit on chunks that are
 *          too small, so a turn that ran dry gives its chunks back at the reset and the next one starts afresh.
 *
 *   arena -> [first chunk: used...|free] -> [second: used|free......] -> [kept from earlier turns] -> NULL
 *                                            ^ current */
#include "common/arena.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if __has_include(<sanitizer/asan_interface.h>)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size)   ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

#include "common/strbuf.h"

struct chunk {
    struct chunk *next; /* owned; NULL for the last */
    size_t size;        /* bytes at bytes */
    size_t used;        /* of them taken in this turn, always a multiple of the alignment */
    alignas(max_align_t) unsigned char bytes[];
};

struct arena {
    struct chunk *chunks;  /* owned list, oldest first; never empty */
    struct chunk *current; /* where the next request is tried first */
    size_t limit;          /* most bytes in all chunks together */
    size_t total;          /* bytes in all chunks */
    size_t taken;          /* bytes handed out in this turn */
    bool dry;              /* a request of this turn was refused */
};

static struct chunk *chunk_new(size_t size) /* within the limit */
{
    struct chunk *c = xmalloc(sizeof *c + size);

    c->next = NULL;
    c->size = size;
    c->used = 0;
    ASAN_POISON_MEMORY_REGION(c->bytes, size);
    return c;
}

static void chunk_free_list(struct chunk *c)
{
    while (c) {
        struct chunk *next = c->next;

        ASAN_UNPOISON_MEMORY_REGION(c->bytes, c->size);
        free(c);
        c = next;
    }
}

struct arena *arena_new(size_t first, size_t limit)
{
    struct arena *a = xcalloc(1, sizeof *a);

    a->limit = limit;
    a->total = first < limit ? first : limit;
    a->chunks = a->current = chunk_new(a->total);
    return a;
}

void arena_free(struct arena *a)
{
    if (!a)
        return;
    chunk_free_list(a->chunks);
    free(a);
}

/* Adds a chunk for at least n bytes behind the last one: as large as all chunks so far, within the limit. */
static bool arena_grow(struct arena *a, size_t n)
{
    size_t room = a->limit - a->total, size = a->total > n ? a->total : n;
    struct chunk *c = a->current;

    if (n > room)
        return false;
    c->next = chunk_new(size < room ? size : room);
    a->current = c->next;
    a->total += a->current->size;
    return true;
}

void *arena_take(struct arena *a, size_t n)
{
    const size_t mask = alignof(max_align_t) - 1;
    unsigned char *p;
    size_t padded;

    /* At least one byte, so that two requests never get the same address. */
    if (__builtin_add_overflow(n ? n : 1, mask, &padded))
        return NULL;
    padded &= ~mask;
    while (padded > a->current->size - a->current->used && a->current->next)
        a->current = a->current->next;
    if (padded > a->current->size - a->current->used && !arena_grow(a, padded)) {
        a->dry = true;
        return NULL;
    }
    p = a->current->bytes + a->current->used;
    a->current->used += padded;
    a->taken += padded;
    ASAN_UNPOISON_MEMORY_REGION(p, n);
    return memset(p, 0, n);
}

void *arena_take_array(struct arena *a, size_t n, size_t size)
{
    size_t bytes;

    return __builtin_mul_overflow(n, size, &bytes) ? NULL : arena_take(a, bytes);
}

char *arena_copy(struct arena *a, const void *bytes, size_t n)
{
    size_t with_nul;
    char *copy;

    if (__builtin_add_overflow(n, 1, &with_nul))
        return NULL;
    copy = arena_take(a, with_nul);
    if (copy && n > 0)
        memcpy(copy, bytes, n);
    return copy;
}

void arena_reset(struct arena *a)
{
    if (a->dry) {
        chunk_free_list(a->chunks->next);
        a->chunks->next = NULL;
        a->total = a->chunks->size;
        a->dry = false;
    }
    for (struct chunk *c = a->chunks; c; c = c->next) {
        c->used = 0;
        ASAN_POISON_MEMORY_REGION(c->bytes, c->size);
    }
    a->current = a->chunks;
    a->taken = 0;
}

size_t arena_used(const struct arena *a)
{
    return a->taken;
}
