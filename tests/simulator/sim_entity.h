/* sim_entity.h - what every kind of thing has in common: a place (shop, kind, number), an id, and revisions.
 *
 * In:     places. Out: entities with all their revisions, kept for ever.
 * Why so: every revision is kept, because "the answer was computed before the change" and "a replica that lags
 * behind" are two of the faults to simulate. What a revision means, and the text of it, is the platform's. */
#ifndef SIM_ENTITY_H
#define SIM_ENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim_draw.h"

struct buf;
struct sim;

#define ENTITY_ID 32 /* bytes of an id with its NUL */

/* Returns, cancellations, tracking and transactions have the number of their order; products their own. */
enum kind {
    KIND_ORDER,
    KIND_PRODUCT,
    KIND_RETURN,
    KIND_CANCELLATION,
    KIND_TRACKING,
    KIND_TRANSACTION,
    KINDS
};

/* One state of an entity; revision r is revs[r - 1]. */
struct rev {
    int64_t update_time; /* seconds; may equal the previous one */
    uint8_t status;      /* an enum of the kind */
    uint8_t what;        /* what this revision changed, in words of the platform */
    uint16_t address;    /* how often the address (product: its texts) was changed so far */
    uint16_t note;       /* how often only the note (product: the stock) was changed so far */
};

struct entity {
    uint32_t shop;      /* index */
    uint32_t number;    /* within the shop */
    uint32_t revisions; /* used entries of revs; at least 1 */
    uint32_t cap;       /* allocated entries of revs */
    struct rev *revs;   /* owned */
    char *json;         /* owned rendering of the newest revision, NULL when not cached */
    size_t json_len;
    uint32_t json_epoch; /* value of sim.epoch it was rendered under */
    uint8_t kind;        /* enum kind */
    bool deleted;        /* POST delete: gone for every call from then on */
    uint64_t reads;      /* times served by detail or search */
    struct draw draw;    /* digest of seed, kind, shop and number */
    char id[ENTITY_ID];
};

/* All entities of one kind and shop. */
struct store {
    struct entity **item; /* owned, by number; NULL where none exists yet */
    uint32_t slots;       /* allocated entries of item */
    uint32_t count;       /* existing entities */
};

/* How POST change wants an entity to move. */
struct change {
    int64_t at;            /* second of the change; -1: the entity's own pace; -2: now */
    bool same_second;      /* update_time equals the previous one */
    bool keep_update_time; /* the same, said of changes that do not move it */
    bool address;          /* orders: the address changes instead of the status */
};

const char *kind_name(enum kind kind);
/* -1 when there is no such kind. */
int kind_parse(const char *name);

/* Borrowed; NULL while it does not exist, was deleted, or the numbers are out of range. */
struct entity *entity_get(const struct sim *sim, enum kind kind, uint32_t shop, uint32_t number);
/* The same, but deleted ones are found, too. */
struct entity *entity_ever(const struct sim *sim, enum kind kind, uint32_t shop, uint32_t number);
/* A new one without revisions; its place must be free. The caller fills id and appends the first revision. */
struct entity *entity_new(struct sim *sim, enum kind kind, uint32_t shop, uint32_t number);
/* Appends a revision that begins as a copy of the one before, or zeroed. Drops the cached rendering. */
struct rev *entity_append(struct sim *sim, struct entity *entity);
/* The newest revision. */
static inline const struct rev *entity_last(const struct entity *entity)
{
    return &entity->revs[entity->revisions - 1];
}
/* When the next revision happens: a first second around the base, then steps of 1 to 30 minutes, never in the
 * future. */
int64_t entity_change_time(const struct sim *sim, const struct entity *entity, const struct change *change);
/* Appends the newest revision as JSON; kept while it is the newest, as far as the cache allows. */
void entity_json(struct sim *sim, struct entity *entity, struct buf *to);
/* Seconds of the revision at which it first had the status; 0 when it had not up to revision. */
int64_t entity_time_of(const struct entity *entity, uint32_t revision, uint8_t status);
/* Longest store of this shop: numbers below it may exist. */
uint32_t entity_slots(const struct sim *sim, uint32_t shop);
void entity_stores_free(struct store stores[KINDS]);

#endif
