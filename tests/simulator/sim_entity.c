/* sim_entity.c - see sim_entity.h. */
#include "sim_entity.h"

#include <stdlib.h>
#include <string.h>

#include "sim_buf.h"
#include "sim_platform.h"
#include "sim_state.h"

#define CACHE_MAX (512u << 20) /* bytes of rendered entities kept; beyond it they are rendered each time */

static const char *const kind_names[KINDS] = {"order",        "product",  "return",
                                              "cancellation", "tracking", "transaction"};
/* Which draw a kind has; orders keep theirs, so that a seed still means the same orders. */
static const uint64_t kind_draws[KINDS] = {2, 20, 21, 22, 23, 24};

const char *kind_name(enum kind kind)
{
    return kind_names[kind];
}

int kind_parse(const char *name)
{
    for (int i = 0; i < KINDS; i++) {
        if (strcmp(kind_names[i], name) == 0)
            return i;
    }
    return -1;
}

struct entity *entity_ever(const struct sim *sim, enum kind kind, uint32_t shop, uint32_t number)
{
    if (shop >= sim->opt.shops || number >= sim->shops[shop].of[kind].slots)
        return NULL;
    return sim->shops[shop].of[kind].item[number];
}

struct entity *entity_get(const struct sim *sim, enum kind kind, uint32_t shop, uint32_t number)
{
    struct entity *entity = entity_ever(sim, kind, shop, number);

    return entity && !entity->deleted ? entity : NULL;
}

struct entity *entity_new(struct sim *sim, enum kind kind, uint32_t shop, uint32_t number)
{
    struct store *store = &sim->shops[shop].of[kind];
    struct entity *entity = buf_alloc(sizeof *entity);

    if (number >= store->slots) {
        uint32_t slots = store->slots ? store->slots : 16;

        while (slots <= number)
            slots *= 2;
        store->item = buf_grow(store->item, slots * sizeof(struct entity *));
        memset(store->item + store->slots, 0, (slots - store->slots) * sizeof(struct entity *));
        store->slots = slots;
    }
    entity->kind = (uint8_t)kind;
    entity->shop = shop;
    entity->number = number;
    entity->draw = draw_of(sim->opt.seed, kind_draws[kind], shop, number);
    store->item[number] = entity;
    store->count++;
    return entity;
}

static void cache_drop(struct sim *sim, struct entity *entity)
{
    sim->cached_bytes -= entity->json_len;
    free(entity->json);
    entity->json = NULL;
    entity->json_len = 0;
}

struct rev *entity_append(struct sim *sim, struct entity *entity)
{
    struct rev *rev;

    if (entity->revisions == entity->cap) {
        entity->cap = entity->cap ? entity->cap * 2 : 4;
        entity->revs = buf_grow(entity->revs, entity->cap * sizeof *entity->revs);
    }
    rev = &entity->revs[entity->revisions++];
    if (entity->revisions > 1)
        *rev = rev[-1];
    else
        memset(rev, 0, sizeof *rev);
    cache_drop(sim, entity);
    return rev;
}

int64_t entity_change_time(const struct sim *sim, const struct entity *entity, const struct change *change)
{
    struct draw d = draw_of(entity->draw.base, entity->revisions, 0, 3);
    const struct rev *before = entity->revisions ? entity_last(entity) : NULL;
    int64_t now = sim_now_s(sim), at;

    if (before && (change->same_second || change->keep_update_time))
        return before->update_time;
    if (change->at >= 0)
        return change->at;
    if (change->at == -2)
        at = now;
    else if (!before)
        at = sim->sw.update_time_base + (int64_t)draw_below(d, "first", 43200);
    else
        at = before->update_time + 61 + (int64_t)draw_below(d, "step", 1740);
    if (at > now)
        at = now;
    return before && at < before->update_time ? before->update_time : at;
}

void entity_json(struct sim *sim, struct entity *entity, struct buf *to)
{
    size_t from = to->n;

    if (entity->json && entity->json_epoch == sim->epoch) {
        buf_add(to, entity->json, entity->json_len);
        return;
    }
    cache_drop(sim, entity);
    sim->platform->render(sim, entity, entity->revisions, to);
    if (sim->cached_bytes + (to->n - from) > CACHE_MAX)
        return;
    entity->json_len = to->n - from;
    entity->json = buf_alloc(entity->json_len);
    memcpy(entity->json, to->p + from, entity->json_len);
    entity->json_epoch = sim->epoch;
    sim->cached_bytes += entity->json_len;
}

int64_t entity_time_of(const struct entity *entity, uint32_t revision, uint8_t status)
{
    for (uint32_t i = 0; i < revision; i++) {
        if (entity->revs[i].status == status)
            return entity->revs[i].update_time;
    }
    return 0;
}

uint32_t entity_slots(const struct sim *sim, uint32_t shop)
{
    uint32_t slots = 0;

    for (int kind = 0; kind < KINDS; kind++) {
        if (sim->shops[shop].of[kind].slots > slots)
            slots = sim->shops[shop].of[kind].slots;
    }
    return slots;
}

void entity_stores_free(struct store stores[KINDS])
{
    for (int kind = 0; kind < KINDS; kind++) {
        for (uint32_t n = 0; n < stores[kind].slots; n++) {
            struct entity *entity = stores[kind].item[n];

            if (!entity)
                continue;
            free(entity->json);
            free(entity->revs);
            free(entity);
        }
        free(stores[kind].item);
    }
}
