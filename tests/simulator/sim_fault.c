/* sim_fault.c - see sim_fault.h. */
#include "sim_fault.h"

#include <stdlib.h>
#include <string.h>

#include "sim_buf.h"
#include "sim_draw.h"
#include "sim_state.h"

#define FAULTS_MAX 256

struct faults {
    uint64_t last_id;
    unsigned of_kind[FAULT_KINDS]; /* rows per kind: most calls meet an empty table */
    size_t count;
    struct fault row[FAULTS_MAX];
    struct fault met; /* copy handed out, because the row may be used up by it */
};

static const char *const names[FAULT_KINDS] = {
    [FAULT_500] = "500",
    [FAULT_503] = "503",
    [FAULT_429] = "429",
    [FAULT_SLOW] = "slow",
    [FAULT_HANG] = "hang",
    [FAULT_CLOSE] = "close",
    [FAULT_GARBAGE] = "garbage",
    [FAULT_TRUNCATED] = "truncated",
    [FAULT_NULL_DATA] = "null_data",
    [FAULT_MISSING] = "missing",
    [FAULT_POISON] = "poison",
    [FAULT_STALE] = "stale",
    [FAULT_EXPIRED_TOKEN] = "expired_token",
    [FAULT_REVOKED] = "revoked",
    [FAULT_SCOPE] = "scope",
    [FAULT_FOREIGN] = "21008111",
    [FAULT_REDIRECT] = "redirect",
    [FAULT_HOLD] = "hold",
    [FAULT_LOST] = "lost",
    [FAULT_CODE] = "code",
};

struct faults *fault_table_new(void)
{
    return buf_alloc(sizeof(struct faults));
}

static void row_remove(struct faults *f, size_t i)
{
    f->of_kind[f->row[i].kind]--;
    free(f->row[i].location);
    memmove(&f->row[i], &f->row[i + 1], (f->count - i - 1) * sizeof f->row[0]);
    f->count--;
}

void fault_table_free(struct faults *f)
{
    if (!f)
        return;
    while (f->count)
        row_remove(f, f->count - 1);
    free(f->met.location);
    free(f);
}

const char *fault_name(enum fault_kind kind)
{
    return names[kind];
}

int fault_parse(const char *name)
{
    for (int i = 0; i < FAULT_KINDS; i++) {
        if (strcmp(names[i], name) == 0)
            return i;
    }
    return -1;
}

/* A dead access token stays dead until its authorization is refreshed, whatever else is in the table. */
static void tokens_kill(struct sim *sim, int64_t shop)
{
    for (uint32_t i = 0; i < sim->auth_count; i++) {
        if (shop < 0 || sim_auth_index(sim, (uint32_t)shop) == i)
            sim->auths[i].dead_generation = sim->auths[i].generation;
    }
}

uint64_t fault_add(struct sim *sim, const struct fault *fault)
{
    struct faults *f = sim->faults;

    if (f->count == FAULTS_MAX) {
        free(fault->location);
        return 0;
    }
    if (fault->kind == FAULT_EXPIRED_TOKEN)
        tokens_kill(sim, fault->shop);
    f->row[f->count] = *fault;
    f->row[f->count].id = ++f->last_id;
    f->of_kind[fault->kind]++;
    return f->row[f->count++].id;
}

uint64_t fault_remove(struct sim *sim, uint64_t id)
{
    struct faults *f = sim->faults;
    uint64_t gone = 0;

    for (size_t i = f->count; i-- > 0;) {
        if (id && f->row[i].id != id)
            continue;
        if (f->row[i].kind == FAULT_EXPIRED_TOKEN) {
            for (uint32_t a = 0; a < sim->auth_count; a++)
                sim->auths[a].dead_generation = 0;
        }
        row_remove(f, i);
        gone++;
    }
    return gone;
}

/* Token host and shop list speak for a whole authorization, the others for one shop. */
static bool shop_matches(const struct sim *sim, const struct fault *row, enum api api, int64_t shop)
{
    if (row->shop < 0 || row->shop == shop)
        return true;
    return shop >= 0 && (api == API_TOKEN || api == API_SHOPS) &&
           sim_auth_index(sim, (uint32_t)row->shop) == sim_auth_index(sim, (uint32_t)shop);
}

static const struct fault *meets(struct sim *sim, enum fault_kind kind, enum api api, int64_t shop,
                                 int64_t number)
{
    struct faults *f = sim->faults;

    for (size_t i = 0; f->of_kind[kind] && i < f->count; i++) {
        struct fault *row = &f->row[i];

        if (row->kind != kind || row->number != number || !shop_matches(sim, row, api, shop) ||
            (row->api != API_NONE && row->api != api))
            continue;
        if (row->probability < 1.0 && (double)(draw_next(&sim->dice) >> 11) * 0x1p-53 >= row->probability)
            continue;
        free(f->met.location);
        f->met = *row;
        f->met.location = row->location ? buf_strdup(row->location) : NULL;
        if (row->left > 0 && --row->left == 0)
            row_remove(f, i);
        return &f->met;
    }
    return NULL;
}

const struct fault *fault_meets(struct sim *sim, enum fault_kind kind, enum api api, int64_t shop)
{
    return meets(sim, kind, api, shop, -1);
}

const struct fault *fault_meets_order(struct sim *sim, enum fault_kind kind, enum api api, int64_t shop,
                                      int64_t number)
{
    return meets(sim, kind, api, shop, number);
}
