/* sim_token.c - see sim_token.h. */
#include "sim_token.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "sim_fault.h"
#include "sim_http.h"
#include "sim_num.h"
#include "sim_state.h"
#include "sim_tiktok.h"

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
    if (generation <= a->dead_generation || sim_now_s(sim) >= a->expires[generation - 1])
        return TOKEN_EXPIRED;
    return TOKEN_GOOD;
}

static void token_rotate(struct sim *sim, struct authorization *a)
{
    if (a->generation == a->cap) {
        a->cap *= 2;
        a->expires = buf_grow(a->expires, a->cap * sizeof *a->expires);
    }
    a->expires[a->generation++] = sim_now_s(sim) + sim->sw.access_token_seconds;
}

static void token_write(struct sim *sim, uint32_t auth, struct answer *answer)
{
    const struct authorization *a = &sim->auths[auth];
    struct json_out out;
    char text[TOKEN_TEXT];

    tiktok_open(answer, &out);
    json_out_open(&out, "data", '{');
    token_access(sim, auth, a->generation, text);
    json_out_text(&out, "access_token", text);
    json_out_int(&out, "access_token_expire_in", a->expires[a->generation - 1]);
    json_out_raw(&out, "granted_scopes",
                 "[\"seller.order.info\",\"seller.authorization.info\",\"seller.fulfillment.basic\"]");
    snprintf(text, sizeof text, "70100000000000%05u", auth);
    json_out_text(&out, "open_id", text);
    token_refresh(sim, auth, a->generation, text);
    json_out_text(&out, "refresh_token", text);
    json_out_int(&out, "refresh_token_expire_in", sim_now_s(sim) + sim->sw.refresh_token_seconds);
    json_out_text(&out, "seller_base_region", "VN");
    snprintf(text, sizeof text, "Cửa hàng Mẫu %u", auth);
    json_out_text(&out, "seller_name", text);
    json_out_int(&out, "user_type", 0);
    json_out_close(&out, '}');
    tiktok_close(sim, &out, "success");
}

/* Which authorization does this token or code open? False: none, or not any more. */
static bool grant_check(struct sim *sim, const struct call *call, bool refresh, uint32_t *auth)
{
    const char *text = call_param(call, refresh ? "refresh_token" : "auth_code");
    uint32_t generation;

    if (!text || !token_parse(sim, refresh ? "refresh" : "code", text, auth, &generation))
        return false;
    if (refresh)
        return generation == sim->auths[*auth].generation ||
               (sim->sw.old_refresh_token_valid && generation < sim->auths[*auth].generation);
    if (generation <= sim->auths[*auth].codes_used || generation > sim->auths[*auth].codes ||
        sim_now_s(sim) > sim->auths[*auth].code_time + CODE_SECONDS)
        return false;
    sim->auths[*auth].codes_used = generation;
    return true;
}

void token_answer(struct sim *sim, const struct call *call, struct answer *answer)
{
    bool refresh = strcmp(call->path, "/api/v2/token/refresh") == 0;
    const char *key = call_param(call, "app_key");
    const char *secret = call_param(call, "app_secret");
    const char *grant = call_param(call, "grant_type");
    uint32_t auth = 0;
    int status = (int)sim->sw.business_error_status;

    if (!key || !secret || strcmp(key, sim->opt.app_key) != 0 || strcmp(secret, sim->opt.app_secret) != 0) {
        tiktok_error(sim, answer, status, 36009004, "Invalid app_key or app_secret");
    } else if (!grant || strcmp(grant, refresh ? "refresh_token" : "authorized_code") != 0) {
        tiktok_error(sim, answer, status, 36009004, "Invalid grant_type");
    } else if (!grant_check(sim, call, refresh, &auth)) {
        tiktok_error(sim, answer, status, 36004004, "The code or token is invalid, used or expired");
    } else {
        int64_t shop = (int64_t)auth * sim->opt.shops_per_authorization;

        count_about(sim, call->number, shop, 0, "");
        if (fault_meets(sim, FAULT_REVOKED, API_TOKEN, shop)) {
            tiktok_error(sim, answer, status, 36004004, "The authorization was withdrawn");
            answer->fault = fault_name(FAULT_REVOKED);
        } else if (!tiktok_faults(sim, API_TOKEN, shop, answer)) {
            token_rotate(sim, &sim->auths[auth]);
            token_write(sim, auth, answer);
        }
    }
}
