/* sim_token.c - see sim_token.h. */
#include "sim_token.h"

#include <stdio.h>
#include <string.h>

#include "sim_buf.h"
#include "sim_num.h"
#include "sim_state.h"

#define CODE_SECONDS 1800

static void token_text(const struct sim *sim, const char *what, uint32_t auth, uint32_t generation,
                       char out[TOKEN_TEXT])
{
    struct draw d = draw_of(sim->opt.seed, 15, auth, generation);

    snprintf(out, TOKEN_TEXT, "ROW_sim-%s-%05u-%05u-%010llu", what, auth, generation,
             (unsigned long long)draw_below(d, what, 10000000000u));
}

void token_access(const struct sim *sim, uint32_t auth, uint32_t generation, char out[TOKEN_TEXT])
{
    token_text(sim, "access", auth, generation, out);
}

void token_refresh(const struct sim *sim, uint32_t auth, uint32_t generation, char out[TOKEN_TEXT])
{
    token_text(sim, "refresh", auth, generation, out);
}

void token_code(struct sim *sim, uint32_t auth, char out[TOKEN_TEXT])
{
    sim->auths[auth].code_time = sim_now_s(sim);
    token_text(sim, "code", auth, ++sim->auths[auth].codes, out);
}

/* False: not a text this simulator ever made. */
static bool token_parse(const struct sim *sim, const char *what, const char *text, uint32_t *auth,
                        uint32_t *generation)
{
    size_t at = 8 + strlen(what) + 1;
    int64_t a, g;
    char expected[TOKEN_TEXT];

    if (strlen(text) < at + 11 || !num_i64(text + at, 5, 0, (int64_t)sim->auth_count - 1, &a) ||
        !num_i64(text + at + 6, 5, 1, 99999, &g))
        return false;
    token_text(sim, what, (uint32_t)a, (uint32_t)g, expected);
    if (strcmp(expected, text) != 0)
        return false;
    *auth = (uint32_t)a;
    *generation = (uint32_t)g;
    return true;
}

enum token_state token_check(const struct sim *sim, const char *text, uint32_t *auth)
{
    uint32_t generation, index;
    const struct authorization *a;

    if (!token_parse(sim, "access", text, &index, &generation) || generation > sim->auths[index].generation)
        return TOKEN_UNKNOWN;
    a = &sim->auths[index];
    *auth = index;
    if (a->revoked)
        return TOKEN_REVOKED;
    if (generation <= a->dead_generation || sim_now_s(sim) >= a->expires[generation - 1])
        return TOKEN_EXPIRED;
    return TOKEN_GOOD;
}

void token_rotate(struct sim *sim, uint32_t auth)
{
    struct authorization *a = &sim->auths[auth];

    if (a->generation == a->cap) {
        a->cap *= 2;
        a->expires = buf_grow(a->expires, a->cap * sizeof *a->expires);
    }
    a->expires[a->generation++] = sim_now_s(sim) + sim->sw.access_token_seconds;
}

bool token_grant(struct sim *sim, const char *text, bool refresh, uint32_t *auth)
{
    struct authorization *a;
    uint32_t generation;

    if (!text || !token_parse(sim, refresh ? "refresh" : "code", text, auth, &generation))
        return false;
    a = &sim->auths[*auth];
    if (refresh)
        return !a->revoked && (generation == a->generation ||
                               (sim->sw.old_refresh_token_valid && generation < a->generation));
    if (generation <= a->codes_used || generation > a->codes || sim_now_s(sim) > a->code_time + CODE_SECONDS)
        return false;
    a->codes_used = generation;
    if (a->revoked)
        a->dead_generation = a->generation;
    a->revoked = false;
    return true;
}
