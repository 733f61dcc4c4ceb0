/* sim_shopee_list.c - see sim_shopee_list.h. */
#include "sim_shopee_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_buf.h"
#include "sim_num.h"
#include "sim_state.h"

/* A cursor is time/number= so that it must be percent-encoded. */
bool list_cursor_read(const char *text, struct list *list)
{
    size_t slash = strcspn(text, "/"), length = strlen(text);

    list->after_time = list->after_number = -1;
    if (!*text)
        return true;
    return text[slash] == '/' && text[length - 1] == '=' &&
           num_i64(text, slash, 0, INT64_MAX, &list->after_time) &&
           num_i64(text + slash + 1, length - slash - 2, 0, SIM_NUMBER_MAX, &list->after_number);
}

void list_cursor_write(const struct list *list, char out[LIST_CURSOR])
{
    const struct list_hit *last = list->count ? &list->hit[list->count - 1] : NULL;

    out[0] = '\0';
    if (list->more && last)
        snprintf(out, LIST_CURSOR, "%lld/%u=", (long long)last->time, last->entity->number);
}

static bool precedes(int64_t time, int64_t number, const struct list_hit *hit)
{
    return time < hit->time || (time == hit->time && number < hit->entity->number);
}

/* Keeps the best `room` hits sorted; most entities of a long list come too late to get in. */
static void keep(struct list_hit *best, size_t room, size_t *count, int64_t time, struct entity *entity)
{
    size_t low = 0, high = *count;

    if (*count == room && !precedes(time, entity->number, &best[room - 1]))
        return;
    while (low < high) {
        size_t middle = (low + high) / 2;

        if (precedes(time, entity->number, &best[middle]))
            high = middle;
        else
            low = middle + 1;
    }
    *count -= *count == room;
    memmove(&best[low + 1], &best[low], (*count - low) * sizeof *best);
    best[low] = (struct list_hit){time, entity};
    (*count)++;
}

void list_page(const struct sim *sim, struct list *list)
{
    const struct store *store = &sim->shops[list->shop].of[list->kind];
    size_t room = (size_t)(list->skip + list->size), count = 0;
    struct list_hit *best;
    struct list_hit after = {.time = list->after_time};
    int64_t time;

    if (room > store->count)
        room = store->count;
    best = buf_alloc((room + 1) * sizeof *best);
    list->total = list->count = 0;
    for (uint32_t n = 0; n < store->slots; n++) {
        struct entity *e = store->item[n];

        if (!e || e->deleted || !list->passes(sim, list->filter, e, &time) || time < after.time ||
            (time == after.time && n <= list->after_number))
            continue;
        list->total++;
        keep(best, room, &count, time, e);
    }
    for (size_t i = (size_t)list->skip; i < count; i++)
        list->hit[list->count++] = best[i];
    list->more = list->total > (uint64_t)(list->skip + list->size);
    free(best);
}
