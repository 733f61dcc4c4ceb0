/* held.c - worker: a set of stream ids.
 *
 * In/out:  ids as text at the edge, as three numbers inside.
 * Fails:   never (out of memory ends the process like everywhere).
 * Thread:  whichever holds the owner's lock.
 * Why so:  a lane enters and removes every entry it works on, 10,000 at a time, while the keeper waits for the lock; so
 *          both must take nanoseconds. Linear probing, and removal shifts the run back instead of leaving tombstones, so
 *          that the set does not wear out over months. */
#include "worker/held.h"

#include <stdlib.h>
#include <string.h>

#include "common/number.h"
#include "common/strbuf.h"
#include "worker/message.h"

enum { HELD_FIRST = 64 };

bool held_id_parse(int stream, const char *text, struct held_id *out)
{
    size_t dash = strcspn(text, "-");
    struct held_id id = {.stream = stream};

    if (text[dash] == '\0' || !number_u64(text, dash, &id.ms) ||
        !number_u64(text + dash + 1, strlen(text + dash + 1), &id.seq))
        return false;
    *out = id;
    return true;
}

void held_id_format(const struct held_id *id, char *to)
{
    struct strbuf text = STRBUF_INIT;

    strbuf_add_format(&text, "%llu-%llu", (unsigned long long)id->ms, (unsigned long long)id->seq);
    memcpy(to, text.data, text.length + 1);
    strbuf_deinit(&text);
}

static bool same(const struct held_id *a, const struct held_id *b)
{
    return a->ms == b->ms && a->seq == b->seq && a->stream == b->stream;
}

/* Where id would stand if nobody were in the way. */
static size_t home(const struct held *set, const struct held_id *id)
{
    uint64_t h =
        id->ms * 0x9E3779B97F4A7C15u ^ id->seq * 0xC2B2AE3D27D4EB4Fu ^ (uint64_t)id->stream * 0x165667B1u;

    h ^= h >> 29;
    h *= 0xBF58476D1CE4E5B9u;
    h ^= h >> 32;
    return (size_t)h & (set->capacity - 1);
}

/* Slot of id, or the empty one where it belongs. The set has slots. */
static size_t find(const struct held *set, const struct held_id *id)
{
    size_t at = home(set, id);

    while (set->slots[at].stream >= 0 && !same(&set->slots[at], id))
        at = (at + 1) & (set->capacity - 1);
    return at;
}

static void grow(struct held *set)
{
    struct held old = *set;

    set->capacity = old.capacity ? 2 * old.capacity : HELD_FIRST;
    set->slots = xcalloc(set->capacity, sizeof(*set->slots));
    for (size_t i = 0; i < set->capacity; i++)
        set->slots[i].stream = -1;
    for (size_t i = 0; i < old.capacity; i++) {
        if (old.slots[i].stream >= 0)
            set->slots[find(set, &old.slots[i])] = old.slots[i];
    }
    free(old.slots);
}

bool held_add(struct held *set, const struct held_id *id)
{
    size_t at;

    if (4 * (set->count + 1) > 3 * set->capacity)
        grow(set);
    at = find(set, id);
    if (set->slots[at].stream >= 0)
        return false;
    set->slots[at] = *id;
    set->count++;
    return true;
}

/* Moves members of the run behind a freed slot forward, so that a search never stops short of them. */
static void close_gap(struct held *set, size_t gap)
{
    size_t mask = set->capacity - 1;

    for (size_t at = (gap + 1) & mask; set->slots[at].stream >= 0; at = (at + 1) & mask) {
        size_t wish = home(set, &set->slots[at]);

        if (((at - wish) & mask) < ((at - gap) & mask))
            continue;
        set->slots[gap] = set->slots[at];
        gap = at;
    }
    set->slots[gap].stream = -1;
}

bool held_remove(struct held *set, const struct held_id *id)
{
    size_t at;

    if (set->count == 0)
        return false;
    at = find(set, id);
    if (set->slots[at].stream < 0)
        return false;
    close_gap(set, at);
    set->count--;
    return true;
}

bool held_has(const struct held *set, const struct held_id *id)
{
    return set->count > 0 && set->slots[find(set, id)].stream >= 0;
}

size_t held_list(const struct held *set, struct held_id *to)
{
    size_t n = 0;

    for (size_t i = 0; i < set->capacity; i++) {
        if (set->slots[i].stream >= 0)
            to[n++] = set->slots[i];
    }
    return n;
}

void held_deinit(struct held *set)
{
    free(set->slots);
    *set = (struct held){0};
}
