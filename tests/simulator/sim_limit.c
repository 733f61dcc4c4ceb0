/* sim_limit.c - see sim_limit.h. */
#include "sim_limit.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim_buf.h"
#include "sim_state.h"

#define WINDOW_MS 60000

/* Times of the calls of the last minute, oldest first, in a ring. */
struct window {
    int64_t *at;   /* owned; monotonic ms */
    size_t cap;    /* a power of two, or 0 */
    size_t head;   /* index of the oldest */
    size_t n;      /* used entries */
    size_t most;   /* largest n ever */
    uint64_t ever; /* calls since the last reset */
};

/* What came, and what of it was let through. */
struct meter {
    struct window seen, passed;
};

struct limits {
    struct meter app;
    struct meter *shop; /* owned, by index */
    uint32_t shops;
};

struct limits *limit_new(uint32_t shops)
{
    struct limits *l = buf_alloc(sizeof *l);

    l->shop = buf_alloc(shops * sizeof *l->shop);
    l->shops = shops;
    return l;
}

static void meter_clear(struct meter *m)
{
    free(m->seen.at);
    free(m->passed.at);
    *m = (struct meter){0};
}

static void limits_clear(struct limits *l)
{
    meter_clear(&l->app);
    for (uint32_t i = 0; i < l->shops; i++)
        meter_clear(&l->shop[i]);
}

void limit_free(struct limits *l)
{
    if (!l)
        return;
    limits_clear(l);
    free(l->shop);
    free(l);
}

void limit_reset(struct sim *sim)
{
    limits_clear(sim->limits);
}

static int64_t now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void window_expire(struct window *w, int64_t now)
{
    while (w->n && w->at[w->head] <= now - WINDOW_MS) {
        w->head = (w->head + 1) & (w->cap - 1);
        w->n--;
    }
}

static void window_add(struct window *w, int64_t now)
{
    window_expire(w, now);
    if (w->n == w->cap) {
        size_t cap = w->cap ? w->cap * 2 : 64;
        int64_t *at = buf_alloc(cap * sizeof *at);

        for (size_t i = 0; i < w->n; i++)
            at[i] = w->at[(w->head + i) & (w->cap - 1)];
        free(w->at);
        w->at = at;
        w->cap = cap;
        w->head = 0;
    }
    w->at[(w->head + w->n++) & (w->cap - 1)] = now;
    w->ever++;
    if (w->n > w->most)
        w->most = w->n;
}

/* Is there room for one more? per_minute 0: no limit. */
static bool meter_room(struct meter *m, int64_t per_minute, int64_t now)
{
    window_expire(&m->passed, now);
    return per_minute == 0 || (int64_t)m->passed.n < per_minute + per_minute / 50;
}

bool limit_call(struct sim *sim, int64_t shop)
{
    struct meter *app = &sim->limits->app;
    struct meter *one = shop < 0 ? NULL : &sim->limits->shop[shop];
    int64_t now = now_ms();

    window_add(&app->seen, now);
    if (one)
        window_add(&one->seen, now);
    if (!meter_room(app, sim->sw.app_limit_per_minute, now) ||
        (one && !meter_room(one, sim->sw.shop_limit_per_minute, now)))
        return false;
    window_add(&app->passed, now);
    if (one)
        window_add(&one->passed, now);
    return true;
}

void limit_write(struct sim *sim, struct buf *to)
{
    const struct limits *l = sim->limits;
    struct json_out out = {.b = to};

    json_out_open(&out, NULL, '{');
    json_out_int(&out, "app_max_60s", (int64_t)l->app.seen.most);
    json_out_int(&out, "app_calls", (int64_t)l->app.seen.ever);
    json_out_int(&out, "app_refused", (int64_t)(l->app.seen.ever - l->app.passed.ever));
    json_out_open(&out, "shops", '{');
    for (uint32_t i = 0; i < l->shops; i++) {
        const struct meter *m = &l->shop[i];

        if (!m->seen.ever)
            continue;
        json_out_open(&out, sim->shops[i].id, '{');
        json_out_int(&out, "max_60s", (int64_t)m->seen.most);
        json_out_int(&out, "calls", (int64_t)m->seen.ever);
        json_out_int(&out, "refused", (int64_t)(m->seen.ever - m->passed.ever));
        json_out_close(&out, '}');
    }
    json_out_close(&out, '}');
    json_out_close(&out, '}');
    buf_putc(to, '\n');
}
