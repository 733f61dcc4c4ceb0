/* sim_state.c - see sim_state.h. */
#include "sim_state.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim_buf.h"
#include "sim_limit.h"
#include "sim_num.h"
#include "sim_platform.h"
#include "sim_webhooks.h"

int64_t sim_now_ms(const struct sim *sim)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000 + sim->sw.clock_skew_ms;
}

int64_t sim_now_s(const struct sim *sim)
{
    return sim_now_ms(sim) / 1000;
}

void sim_init(struct sim *sim, const struct options *opt)
{
    *sim = (struct sim){.opt = *opt, .platform = opt->platform};
    sim->sw.page_token_strict = true;
    sim->sw.access_token_seconds = 7 * 86400;
    sim->sw.refresh_token_seconds = 365 * 86400;
    sim->sw.timestamp_past_s = 300;
    sim->sw.timestamp_future_s = 30;
    sim->sw.limit_retry_after = -1;
    sim->sw.token_error_status = 401;
    sim->sw.business_error_status = 200;
    sim->started_ms = sim_now_ms(sim);
    sim->sw.update_time_base = sim->started_ms / 1000 - 86400;
    sim->dice = opt->seed ^ 0x5eed;
    sim->auth_count = (opt->shops + opt->shops_per_authorization - 1) / opt->shops_per_authorization;
    sim->limits = limit_new(opt->shops);
    sim->shops = buf_alloc(opt->shops * sizeof *sim->shops);
    sim->auths = buf_alloc(sim->auth_count * sizeof *sim->auths);
    for (uint32_t i = 0; i < opt->shops; i++)
        sim->platform->shop_init(opt->seed, i, &sim->shops[i]);
    for (uint32_t i = 0; i < sim->auth_count; i++) {
        struct authorization *auth = &sim->auths[i];

        auth->generation = auth->cap = 1;
        auth->expires = buf_alloc(sizeof *auth->expires);
        auth->expires[0] = sim_now_s(sim) + sim->sw.access_token_seconds;
    }
}

void sim_deinit(struct sim *sim)
{
    for (uint32_t i = 0; sim->shops && i < sim->opt.shops; i++)
        entity_stores_free(sim->shops[i].of);
    for (uint32_t i = 0; sim->auths && i < sim->auth_count; i++)
        free(sim->auths[i].expires);
    limit_free(sim->limits);
    webhooks_free(sim->webhooks);
    free(sim->shops);
    free(sim->auths);
    *sim = (struct sim){0};
}

/* Both texts carry the index in five digits at a fixed place; the rest must match to the byte. */
static struct shop *shop_at(struct sim *sim, const char *text, size_t digits_at)
{
    int64_t index;

    if (strlen(text) < digits_at + 5 || !num_i64(text + digits_at, 5, 0, (int64_t)sim->opt.shops - 1, &index))
        return NULL;
    return &sim->shops[index];
}

struct shop *sim_shop_by_cipher(struct sim *sim, const char *cipher)
{
    struct shop *shop = shop_at(sim, cipher, sim->platform->cipher_digits);

    return shop && strcmp(shop->cipher, cipher) == 0 ? shop : NULL;
}

struct shop *sim_shop_by_id(struct sim *sim, const char *id)
{
    struct shop *shop = shop_at(sim, id, sim->platform->shop_digits);

    return shop && strcmp(shop->id, id) == 0 ? shop : NULL;
}

uint32_t sim_shop_index(const struct sim *sim, const struct shop *shop)
{
    return (uint32_t)(shop - sim->shops);
}

uint32_t sim_auth_index(const struct sim *sim, uint32_t shop)
{
    return shop / sim->opt.shops_per_authorization;
}
