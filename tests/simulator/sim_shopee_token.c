/* sim_shopee_token.c - tokens, codes and authorised shops of Shopee.
 *
 * In:     POST bodies with partner_id, shop_id and a code or refresh token. Out: flat answers, not in `response`.
 * Why so: every shop has an authorization of its own here. The old access token goes on for a while after a
 * refresh, the old refresh token does not: a second use of it is what a client must never do. */
#include <stdio.h>
#include <string.h>

#include "sim_http.h"
#include "sim_num.h"
#include "sim_shopee.h"
#include "sim_shopee_state.h"
#include "sim_state.h"
#include "sim_token.h"

#define CODE_SECONDS 600

/* The body's members: partner_id, shop_id and one text, nothing else. False: an error was answered. */
static bool body_take(struct shopee_ask *ask, const char *name, const char **text)
{
    const json_t *partner = json_object_get(ask->body, "partner_id");
    const json_t *value = json_object_get(ask->body, name), *shop = json_object_get(ask->body, "shop_id");
    int64_t ours = -1;
    char id[24];

    if (!num_i64(ask->sim->opt.app_key, strlen(ask->sim->opt.app_key), 0, INT64_MAX, &ours) ||
        !json_is_integer(partner) || json_integer_value(partner) != ours || !json_is_string(value) ||
        json_object_size(ask->body) != 3) {
        shopee_error(ask, "error_param", "The body must hold partner_id, shop_id and a token or code.");
        return false;
    }
    if (!json_is_integer(shop)) {
        shopee_error(ask, "invalid_shop_id", "Invalid shop_id.");
        return false;
    }
    snprintf(id, sizeof id, "%lld", (long long)json_integer_value(shop));
    if (!sim_shop_by_id(ask->sim, id)) {
        shopee_error(ask, "invalid_shop_id", "Invalid shop_id.");
        return false;
    }
    ask->shop = sim_shop_index(ask->sim, sim_shop_by_id(ask->sim, id));
    *text = json_string_value(value);
    return true;
}

static void tokens_write(struct shopee_ask *ask, uint32_t auth, bool code)
{
    const struct authorization *a = &ask->sim->auths[auth];
    struct json_out out;
    char text[TOKEN_TEXT];

    shopee_open(ask, &out);
    if (!code) {
        json_out_raw(&out, "partner_id", ask->sim->opt.app_key);
        json_out_raw(&out, "shop_id", ask->sim->shops[ask->shop].id);
    }
    token_access(ask->sim, auth, a->generation, text);
    json_out_text(&out, "access_token", text);
    token_refresh(ask->sim, auth, a->generation, text);
    json_out_text(&out, "refresh_token", text);
    json_out_int(&out, "expire_in", a->expires[a->generation - 1] - sim_now_s(ask->sim));
    shopee_close(ask, &out);
}

/* The next pair. The access token before it ends soon, if it has not ended already. */
static void rotate(struct shopee_ask *ask, uint32_t auth)
{
    struct sim *sim = ask->sim;
    int64_t soon = sim_now_s(sim) + sim->sw.old_access_seconds;
    int64_t *old;

    token_rotate(sim, auth);
    old = &sim->auths[auth].expires[sim->auths[auth].generation - 2];
    if (*old > soon)
        *old = soon;
}

/* Rotates and answers, unless a fault has its way (not "lost": that rotates, but the answer never arrives). */
static void pair_answer(struct shopee_ask *ask, uint32_t auth, bool code)
{
    if (shopee_faults(ask))
        return;
    rotate(ask, auth);
    ask->sim->auths[auth].refreshes += !code;
    tokens_write(ask, auth, code);
}

void shopee_token_get(struct shopee_ask *ask)
{
    const char *code;
    uint32_t auth = UINT32_MAX, shops;

    if (!body_take(ask, "code", &code))
        return;
    shops = sim_auth_index(ask->sim, (uint32_t)ask->shop);
    count_about(ask->sim, ask->call->number, ask->shop, 0, "");
    if (sim_now_s(ask->sim) > ask->sim->auths[shops].code_time + CODE_SECONDS ||
        !token_grant(ask->sim, code, false, &auth) || auth != shops)
        shopee_error(ask, "invalid_code", "Invalid code.");
    else
        pair_answer(ask, auth, true);
}

void shopee_token_refresh(struct shopee_ask *ask)
{
    struct sim *sim = ask->sim;
    const char *text;
    uint32_t auth = UINT32_MAX, shops;
    bool good;

    if (!body_take(ask, "refresh_token", &text))
        return;
    shops = sim_auth_index(sim, (uint32_t)ask->shop);
    count_about(sim, ask->call->number, ask->shop, 0, "");
    good = token_grant(sim, text, true, &auth);
    if (auth != shops) {
        shopee_error(ask, "error_auth", "Invalid refresh_token.");
    } else if (sim->auths[auth].revoked || fault_meets(sim, FAULT_REVOKED, ask->api, ask->shop)) {
        ask->answer->fault = sim->auths[auth].revoked ? NULL : fault_name(FAULT_REVOKED);
        shopee_error(ask, "shop_no_linked", "Partner and shop has no linked.");
    } else if (!good) {
        shopee_error(ask, "error_shop_refresh_token", "The refresh_token was used already.");
    } else {
        pair_answer(ask, auth, false);
        return;
    }
    if (auth < sim->auth_count)
        sim->auths[auth].refused_refreshes++;
}

/* GET /api/v2/public/get_shops_by_partner */
void shopee_shops(struct shopee_ask *ask)
{
    struct sim *sim = ask->sim;
    struct json_out out;
    int64_t size = 100, page = 1, seen = 0;

    if (!shopee_int(ask, "page_size", true, 1, 100, &size) ||
        !shopee_int(ask, "page_no", true, 1, 100000, &page) || shopee_faults(ask))
        return;
    shopee_open(ask, &out);
    json_out_open(&out, "authed_shop_list", '[');
    for (uint32_t i = 0; i < sim->opt.shops; i++) {
        if (sim->auths[sim_auth_index(sim, i)].revoked || ++seen <= (page - 1) * size || seen > page * size)
            continue;
        json_out_open(&out, NULL, '{');
        json_out_raw(&out, "shop_id", sim->shops[i].id);
        json_out_text(&out, "region", shopee_region(i));
        json_out_int(&out, "auth_time", sim->started_ms / 1000 - SHOPEE_DAY);
        json_out_int(&out, "expire_time", sim->started_ms / 1000 + 364 * SHOPEE_DAY);
        json_out_open(&out, i % 2 ? "sip_affi_shops" : "sip_affi_shop_list", '[');
        json_out_close(&out, ']');
        json_out_close(&out, '}');
    }
    json_out_close(&out, ']');
    json_out_bool(&out, "more", seen > page * size);
    shopee_close(ask, &out);
}
