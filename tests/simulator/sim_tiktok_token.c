/* sim_tiktok_token.c - TikTok's token host: GET /api/v2/token/refresh and /api/v2/token/get.
 *
 * In:     calls that are not signed but carry the app's secret. Out: fresh tokens, or 36004004.
 * Why so: a refused refresh is counted with its authorization, because "refreshed once per expiry" is one of
 * the things tests ask. */
#include <stdio.h>
#include <string.h>

#include "sim_fault.h"
#include "sim_http.h"
#include "sim_state.h"
#include "sim_tiktok.h"
#include "sim_token.h"

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
                 "[\"seller.order.info\",\"seller.return_refund.basic\",\"seller.fulfillment.basic\","
                 "\"seller.logistics\",\"seller.product.basic\",\"seller.finance.info\","
                 "\"seller.authorization.info\"]");
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

void tiktok_token_answer(struct sim *sim, const struct call *call, struct answer *answer)
{
    bool refresh = strcmp(call->path, "/api/v2/token/refresh") == 0;
    const char *key = call_param(call, "app_key");
    const char *secret = call_param(call, "app_secret");
    const char *grant = call_param(call, "grant_type");
    uint32_t auth = UINT32_MAX; /* of a text that was never ours */
    int status = (int)sim->sw.business_error_status;

    if (!key || !secret || strcmp(key, sim->opt.app_key) != 0 || strcmp(secret, sim->opt.app_secret) != 0) {
        tiktok_error(sim, answer, status, 36009004, "Invalid app_key or app_secret");
    } else if (!grant || strcmp(grant, refresh ? "refresh_token" : "authorized_code") != 0) {
        tiktok_error(sim, answer, status, 36009004, "Invalid grant_type");
    } else if (!token_grant(sim, call_param(call, refresh ? "refresh_token" : "auth_code"), refresh, &auth)) {
        if (auth < sim->auth_count)
            sim->auths[auth].refused_refreshes += refresh;
        tiktok_error(sim, answer, status, 36004004, "The code or token is invalid, used or expired");
    } else {
        int64_t shop = (int64_t)auth * sim->opt.shops_per_authorization;

        count_about(sim, call->number, shop, 0, "");
        if (fault_meets(sim, FAULT_REVOKED, API_TOKEN, shop)) {
            sim->auths[auth].refused_refreshes += refresh;
            tiktok_error(sim, answer, status, 36004004, "The authorization was withdrawn");
            answer->fault = fault_name(FAULT_REVOKED);
        } else if (!tiktok_faults(sim, API_TOKEN, shop, answer)) {
            sim->auths[auth].refreshes += refresh;
            token_rotate(sim, auth);
            token_write(sim, auth, answer);
        }
    }
}
