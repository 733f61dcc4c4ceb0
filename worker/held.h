/* held.h - worker: a set of stream ids, kept as numbers (24 bytes each). Pure; guarded by whoever owns it. */
#ifndef SHOPSTREAM_WORKER_HELD_H
#define SHOPSTREAM_WORKER_HELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct held_id {
    uint64_t ms;  /* in front of the dash */
    uint64_t seq; /* behind it */
    int stream;   /* index into the stream table, 0.. */
};

/* Open addressing, at most three quarters full; a slot with stream -1 is empty. Zeroed = empty. */
struct held {
    struct held_id *slots; /* owned; NULL while empty for ever */
    size_t capacity;       /* slots, 0 or a power of two */
    size_t count;          /* ids in it */
};

/* "1718305585123-0" -> numbers. False: no stream id, *out untouched. */
bool held_id_parse(int stream, const char *text, struct held_id *out) __attribute__((warn_unused_result));

/* Back to text; to has STREAM_ID_MAX bytes. */
void held_id_format(const struct held_id *id, char *to);

bool held_add(struct held *set, const struct held_id *id);    /* false: it was there already */
bool held_remove(struct held *set, const struct held_id *id); /* false: it was not there */
bool held_has(const struct held *set, const struct held_id *id);
size_t held_list(const struct held *set, struct held_id *to); /* all ids, no order; to has room for count */
void held_deinit(struct held *set);                           /* accepts a zeroed one */

#endif
