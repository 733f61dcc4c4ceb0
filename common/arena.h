/* arena.h - common: memory of one batch, given back all at once at the end of the turn.
 *
 * Chunks are added as needed up to a limit given at arena_new; reset keeps the chunks (so the steady state allocates
 * nothing) and poisons them under ASan: a pointer kept past the turn traps in tests. One thread. */
#ifndef SHOPSTREAM_COMMON_ARENA_H
#define SHOPSTREAM_COMMON_ARENA_H

#include <stddef.h>

struct arena; /* opaque */

/* first: bytes of the first chunk; limit: most bytes in all chunks together. You own it (arena_free). */
struct arena *arena_new(size_t first, size_t limit);
void arena_free(struct arena *a); /* accepts NULL */

/* Zeroed memory, aligned for any type, good until arena_reset(). Borrowed: never free or keep it. NULL when the limit
 * is reached; the caller then does less in this turn, which is not an error. */
void *arena_take(struct arena *a, size_t n);

/* Same, for n elements of size each; NULL also when the product overflows. */
void *arena_take_array(struct arena *a, size_t n, size_t size);

/* Copies n bytes and adds a NUL. NULL as above. */
char *arena_copy(struct arena *a, const void *bytes, size_t n);

void arena_reset(struct arena *a);
size_t arena_used(const struct arena *a); /* bytes taken since the last reset */

#endif
