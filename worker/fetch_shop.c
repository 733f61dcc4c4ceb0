/* fetch_shop.c - worker, stage 4 of 7: may this shop be called, and what becomes of its needs when not?
 *
 * In:      what the registry says, what its calls have come to, the rate limits.
 * Out:     leave to send; or needs parked, deferred, or left waiting.
 * Fails:   MongoDB away is f->away, Redis away is f->limiter_away: nothing more is sent this turn.
 * Thread:  the lane's.
 *
 *   what holds the shop up          its needs
 *   unregistered, revoked, ...      parked at once
 *   circuit open                    deferred; parked once they have waited PARK_AFTER_SECONDS
 *   access token expired            wait in the pool until the refresher has stored a new one; parked likewise
 *   rate limit                      wait in the pool (a long pause: deferred); never parked, no attempt
 *
 * Why so:  of a shop that is held up only a fifth of the pool may wait, the rest goes back; of a marketplace whose app is at
 *          its limit only half of it, or the other marketplaces' events could not be read. Redis does not say which of two
 *          limits refused a call: when several shops in a row are refused, it is taken for the app's, and nobody is asked
 *          for the shortest of their waits. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/strbuf.h"
#include "worker/fetch_internal.h"
#include "worker/limit.h"
#include "worker/refresh.h"

/* --- the table ------------------------------------------------------------------------------------------------ */

static struct fetch_shop **bucket_of(struct fetcher *f, const struct platform *platform, const char *shop_id)
{
    uint64_t h = XXH3_64bits_withSeed(shop_id, strlen(shop_id), (XXH64_hash_t)(uintptr_t)platform);

    return &f->buckets[h % FETCH_BUCKETS];
}

static struct pace *pace_of(struct fetcher *f, const struct platform *platform)
{
    for (size_t i = 0; i < FETCH_PLATFORMS; i++) {
        if (!f->paces[i].platform)
            f->paces[i].platform = platform;
        if (f->paces[i].platform == platform)
            return &f->paces[i];
    }
    fatalx("fetch: more platforms than paces");
}

struct fetch_shop *fetch_shop_find(struct fetcher *f, const struct platform *platform, const char *shop_id)
{
    struct fetch_shop **bucket = bucket_of(f, platform, shop_id);
    struct fetch_shop *s = *bucket;

    while (s && (s->platform != platform || strcmp(s->shop_id, shop_id) != 0))
        s = s->chain;
    if (s)
        return s;
    s = xcalloc(1, sizeof *s);
    s->platform = platform;
    s->pace = pace_of(f, platform);
    s->shop_id = xstrndup(shop_id, strlen(shop_id));
    s->chain = *bucket;
    *bucket = s;
    s->all = f->all;
    f->all = s;
    return s;
}

bool fetch_shop_is_busy(const struct fetch_shop *s)
{
    return s->running > 0 || s->queue.first || s->suspects.first;
}

void fetch_shop_free(struct fetcher *f, struct fetch_shop *s)
{
    struct fetch_shop **at = bucket_of(f, s->platform, s->shop_id);

    while (*at != s)
        at = &(*at)->chain;
    *at = s->chain;
    if (s->circuit.open)
        metric_add(METRIC_WORKER_CIRCUITS_OPEN, -1);
    free(s->shop_id);
    free(s);
}

void fetch_shops_expire(struct fetcher *f, int64_t now)
{
    struct fetch_shop **at = &f->all;

    while (*at) {
        struct fetch_shop *s = *at;

        if (fetch_shop_is_busy(s) || now - s->used_mono_ms < FETCH_SHOP_IDLE_MS) {
            at = &s->all;
            continue;
        }
        *at = s->all;
        fetch_shop_free(f, s);
    }
}

/* --- needs that cannot be asked for --------------------------------------------------------------------------- */

static void parts_end(struct need *n)
{
    parts_free(n->parts);
    n->parts = NULL;
    n->answer = (struct answer){0};
}

void fetch_need_park(struct fetcher *f, struct need *n, const char *reason)
{
    parts_end(n);
    need_park(f->pool, n, reason);
}

/* Has its oldest entry waited for PARK_AFTER_SECONDS? */
static bool waited_long(const struct fetcher *f, const struct need *n)
{
    int64_t since = redis_time_now_ms(f->time) - f->config->park_after_ms;

    if (f->time->at_ms == 0)
        return false;
    for (const struct message *m = n->messages.first; m; m = m->next)
        if (m->entry_ms < since)
            return true;
    return false;
}

void fetch_need_hold_up(struct fetcher *f, struct need *n, int64_t delay_ms, const char *why,
                        const char *reason)
{
    if (reason && waited_long(f, n)) {
        fetch_need_park(f, n, reason);
        return;
    }
    parts_end(n);
    need_defer(f->pool, n, delay_ms, why);
}

/* Holds up what of this turn's waiting needs is left from `from` on. */
static void waiting_hold_up(struct fetcher *f, struct fetch_shop *s, size_t from, int64_t delay_ms,
                            const char *why, const char *reason)
{
    for (size_t i = from; i < s->waiting_count; i++)
        if (s->waiting[i].need->state == NEED_WAITING)
            fetch_need_hold_up(f, s->waiting[i].need, delay_ms, why, reason);
    s->waiting_count = from;
}

/* Everything of the shop that is not on the wire goes back to the stream, without an attempt; or is parked, when reason is
 * given and it has waited long enough. */
static void shop_hold_up(struct fetcher *f, struct fetch_shop *s, int64_t delay_ms, const char *why,
                         const char *reason)
{
    struct call *c;

    if (delay_ms > FETCH_DEFER_LONGEST_MS)
        delay_ms = FETCH_DEFER_LONGEST_MS;
    delay_ms += fetch_random(f) % 1000; /* so that they do not all come back in one moment */
    while ((c = call_list_pop(&s->queue)) != NULL)
        call_hold_up(f, c, delay_ms, why, reason);
    while ((c = call_list_pop(&s->suspects)) != NULL)
        call_hold_up(f, c, delay_ms, why, reason);
    waiting_hold_up(f, s, s->next, delay_ms, why, reason);
    s->probe_due = false;
}

static void shop_park(struct fetcher *f, struct fetch_shop *s, const char *reason)
{
    struct call *c;

    while ((c = call_list_pop(&s->queue)) != NULL)
        call_park(f, c, reason);
    while ((c = call_list_pop(&s->suspects)) != NULL)
        call_park(f, c, reason);
    for (size_t i = s->next; i < s->waiting_count; i++)
        if (s->waiting[i].need->state == NEED_WAITING)
            fetch_need_park(f, s->waiting[i].need, reason);
    s->waiting_count = s->next;
    s->probe_due = false;
}

/* A shop that is held up keeps at most its share of the pool, and all shops of a marketplace at its limit half of it; the
 * newest of the rest go back. */
static void shop_trim(struct fetcher *f, struct fetch_shop *s, bool paced)
{
    size_t share = (size_t)f->config->read_max_entries / 5, messages = 0;
    size_t half = (size_t)f->config->read_max_entries / 2;

    for (size_t i = s->next; i < s->waiting_count; i++) {
        size_t n = s->waiting[i].need->messages.count;

        messages += n;
        if (messages > share || (paced && s->pace->kept + n > half)) {
            waiting_hold_up(f, s, i, FETCH_CROWD_MS, "its shop is held up", NULL);
            return;
        }
        if (paced)
            s->pace->kept += n;
    }
}

/* --- grants --------------------------------------------------------------------------------------------------- */

void fetch_shop_unavailable(struct fetcher *f, struct fetch_shop *s, enum grant grant, const char *why,
                            const char *reason)
{
    if (s->told != grant)
        log_warn("shop unavailable", LOG_S("platform", s->platform->name), LOG_S("shop", s->shop_id),
                 LOG_S("why", why));
    s->told = grant;
    s->awaiting = false;
    shop_park(f, s, reason);
}

void fetch_shop_available(struct fetch_shop *s)
{
    if (s->told != GRANT_FINE)
        log_info("shop available again", LOG_S("platform", s->platform->name), LOG_S("shop", s->shop_id));
    s->told = GRANT_FINE;
    s->refused_mono_ms = 0;
    s->pace->app_told = false;
}

/* What the registry says against calling it; GRANT_FINE otherwise. why has size bytes; *reason: the word to park with. */
static enum grant grant_of(const struct fetcher *f, const struct fetch_shop *s, const struct shop *shop,
                           char *why, size_t size, const char **reason)
{
    bool same = fetch_token_print(shop->access_token) == s->refused_token;

    why[0] = '\0';
    if (shop->state == SHOP_UNKNOWN && !*shop->problem) {
        snprintf(why, size, "shop is not registered");
        *reason = "unregistered";
        return GRANT_UNKNOWN;
    }
    if (shop->state != SHOP_ACTIVE && shop->state != SHOP_UNKNOWN) {
        snprintf(why, size, "shop is %s", shop_state_name(shop->state));
        *reason = shop_state_name(shop->state);
        return shop->state == SHOP_EXPIRED && f->refresher ? GRANT_TOKEN : GRANT_STATE;
    }
    if (*shop->problem) {
        snprintf(why, size, "shop: %s", shop->problem);
        *reason = "unusable";
        return GRANT_UNUSABLE;
    }
    if (s->awaiting && same) {
        snprintf(why, size, "shop: its access token is refused, a new one is awaited");
        *reason = "expired";
        return GRANT_TOKEN;
    }
    if (s->refused_mono_ms > clock_mono_ms() && same) {
        snprintf(why, size, "shop: its token was refused");
        *reason = "refused";
        return GRANT_REFUSED;
    }
    return GRANT_FINE;
}

/* The access token is over: the refresher is asked for another, and the shop's needs wait for it in the pool. */
static void shop_await(struct fetcher *f, struct fetch_shop *s, const struct shop *shop, const char *why)
{
    int64_t now = clock_mono_ms();
    struct call *c;

    if (s->told != GRANT_TOKEN)
        log_info("shop waits for a new access token", LOG_S("platform", s->platform->name),
                 LOG_S("shop", s->shop_id), LOG_S("why", why));
    s->told = GRANT_TOKEN;
    s->refused_token = fetch_token_print(shop->access_token);
    if (!s->awaiting || now - s->asked_mono_ms >= FETCH_TOKEN_ASK_MS) {
        refresher_ask(f->refresher, shop->authorization, s->refused_token);
        s->asked_mono_ms = now;
    }
    if (!s->awaiting || now >= s->look_mono_ms)
        s->look_mono_ms = now + FETCH_TOKEN_LOOK_MS + fetch_random(f) % (FETCH_TOKEN_LOOK_MS / 2);
    s->awaiting = true;
    while ((c = call_list_pop(&s->queue)) != NULL)
        call_undo(f->pool, c);
    while ((c = call_list_pop(&s->suspects)) != NULL)
        call_undo(f->pool, c);
    s->probe_due = false;
    for (size_t i = s->next; i < s->waiting_count; i++)
        if (s->waiting[i].need->state == NEED_WAITING && waited_long(f, s->waiting[i].need))
            fetch_need_park(f, s->waiting[i].need, "expired");
    shop_trim(f, s, false);
}

const struct shop *fetch_shop_usable(struct fetcher *f, struct fetch_shop *s)
{
    const struct shop *shop;
    const char *reason = NULL;
    enum grant grant;
    char why[180];

    if (s->awaiting && clock_mono_ms() >= s->look_mono_ms)
        shop_cache_forget(f->shops, s->platform->name, s->shop_id);
    shop = shop_cache_get(f->shops, s->platform->name, s->shop_id, &f->away_err);
    if (!shop) {
        f->away = true;
        return NULL;
    }
    grant = grant_of(f, s, shop, why, sizeof why, &reason);
    if (grant == GRANT_FINE) {
        s->awaiting = false;
        return shop;
    }
    if (grant == GRANT_TOKEN)
        shop_await(f, s, shop, why);
    else
        fetch_shop_unavailable(f, s, grant, why, reason);
    return NULL;
}

/* One line a marketplace until it answers again, not one for each of its shops. */
static void tell_app_refused(struct fetch_shop *s, const char *error)
{
    if (!s->pace->app_told)
        log_error("marketplace refuses the whole app", LOG_S("platform", s->platform->name),
                  LOG_S("err", error));
    s->pace->app_told = true;
    s->told = GRANT_REFUSED;
}

void fetch_shop_refused(struct fetcher *f, struct fetch_shop *s, struct call *c, const char *error, bool app,
                        bool token)
{
    const struct shop *shop;

    shop_cache_forget(f->shops, s->platform->name, s->shop_id);
    shop = shop_cache_get(f->shops, s->platform->name, s->shop_id, &f->away_err);
    f->away = f->away || !shop;
    if (!shop) {
        call_undo(f->pool, c);
        return;
    }
    s->refused_token = c->token;
    if (shop->state == SHOP_ACTIVE && !*shop->problem && fetch_token_print(shop->access_token) != c->token) {
        s->probe_due = s->probe_due || c->probe; /* a newer token is stored */
        if (c->probe)
            call_free(c);
        else
            call_list_push(&s->queue, c);
        return;
    }
    call_list_push(&s->queue, c); /* fares with the rest */
    if (token && f->refresher && (shop->state == SHOP_ACTIVE || shop->state == SHOP_EXPIRED)) {
        shop_await(f, s, shop, error);
        return;
    }
    s->refused_mono_ms = clock_mono_ms() + FETCH_UNAVAILABLE_MS;
    if (app)
        tell_app_refused(s, error);
    fetch_shop_unavailable(f, s, GRANT_REFUSED, error, "refused");
}

/* --- rate limits ---------------------------------------------------------------------------------------------- */

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

bool fetch_pace_binds(const struct pace *p, int64_t now)
{
    return p->bound_mono_ms != 0 && now - p->bound_mono_ms < FETCH_LIMIT_RECENT_MS;
}

/* Until when neither limit allows a call, as far as this lane knows; monotonic. */
static int64_t paced_until(const struct fetch_shop *s, bool background)
{
    return later(s->paced_mono_ms[background], s->pace->until_mono_ms[background]);
}

bool fetch_shop_in_pace(struct fetcher *f, const struct fetch_shop *s, bool background)
{
    int64_t until = paced_until(s, background);

    if (clock_mono_ms() >= until)
        return true;
    if (until < f->pace_next_mono_ms)
        f->pace_next_mono_ms = until;
    return false;
}

/* A limit refused the call for ms. */
static void note_refusal(struct fetcher *f, struct fetch_shop *s, bool background, int64_t ms)
{
    struct pace *p = s->pace;
    int64_t now = clock_mono_ms();

    s->paced_mono_ms[background] = now + ms;
    if (now + ms < f->pace_next_mono_ms)
        f->pace_next_mono_ms = now + ms;
    if (p->refused[background] == 0 || ms < p->least_ms[background])
        p->least_ms[background] = ms;
    if (++p->refused[background] < FETCH_LIMIT_SHOPS)
        return;
    p->until_mono_ms[background] = now + p->least_ms[background];
    p->refused[background] = 0;
    p->bound_mono_ms = now;
}

bool fetch_shop_take(struct fetcher *f, struct fetch_shop *s, bool background)
{
    struct err err = {0};
    int64_t ms;

    if (!f->limiter)
        return true;
    ms = limit_take(f->limiter, s->platform->name, s->shop_id, background, &err);
    if (ms < 0) {
        if (!f->limiter_away)
            log_warn("rate limits cannot be asked for, nothing is sent", LOG_S("err", err.text));
        f->limiter_away = true;
        return false;
    }
    if (ms > 0) {
        note_refusal(f, s, background, ms);
        return false;
    }
    s->pace->refused[background] = 0;
    return true;
}

/* All pods must slow down, not this lane alone; where Redis does not answer, or holds no limit, it is this lane alone. */
static void limit_tell(struct fetcher *f, const struct fetch_shop *s, bool app, int64_t ms)
{
    bool told = f->limiter && limit_pause(f->limiter, s->platform->name, app ? NULL : s->shop_id, ms, NULL);

    (void)told; /* the lane keeps a pause of its own */
}

/* The whole app has used up what it may: nobody of this marketplace calls. */
static void app_limited(struct fetch_shop *s, int64_t ms)
{
    int64_t now = clock_mono_ms();

    if (now >= s->pace->until_mono_ms[0])
        log_warn("rate limit of the app reached", LOG_S("platform", s->platform->name),
                 LOG_I("pause_ms", ms));
    s->pace->until_mono_ms[0] = later(s->pace->until_mono_ms[0], now + ms);
    s->pace->until_mono_ms[1] = s->pace->until_mono_ms[0];
    s->pace->bound_mono_ms = now;
}

/* Short pauses are sat out in the pool, longer ones in the stream. What a step has been answered already is kept. */
void fetch_shop_limited(struct fetcher *f, struct fetch_shop *s, struct call *c,
                        const struct platform_result *result)
{
    bool first = s->circuit.limits == 0, probe = c->probe;
    int64_t left = circuit_limit(&s->circuit, clock_mono_ms(), result->app ? 0 : result->retry_after_ms,
                                 fetch_random(f));

    if (result->app) {
        left = result->retry_after_ms > 0 ? result->retry_after_ms : left;
        app_limited(s, left);
    } else if (first) {
        log_warn("rate limit of a shop reached", LOG_S("platform", s->platform->name),
                 LOG_S("shop", s->shop_id), LOG_I("pause_ms", left));
    }
    limit_tell(f, s, result->app, left);
    if (left > FETCH_SHORT_WAIT_MS) {
        call_list_push(&s->queue, c);
        shop_hold_up(f, s, left, "rate limit", NULL);
        return;
    }
    if (c->step)
        call_list_push(&s->queue, c);
    else
        call_undo(f->pool, c);
    s->probe_due = s->probe_due || probe;
}

/* --- circuits ------------------------------------------------------------------------------------------------- */

/* One line a second at most, because a marketplace that is down opens every shop's circuit. */
static void log_trip(struct fetcher *f, const struct fetch_shop *s, int64_t ms, const char *error)
{
    int64_t now = clock_mono_ms();

    if (f->log_mono_ms != 0 && now - f->log_mono_ms < FETCH_LOG_EVERY_MS) {
        f->log_skipped++;
        return;
    }
    log_warn("circuit open", LOG_S("platform", s->platform->name), LOG_S("shop", s->shop_id),
             LOG_I("retry_in_ms", ms), LOG_S("err", error), LOG_I("others_not_logged", f->log_skipped));
    f->log_mono_ms = now;
    f->log_skipped = 0;
}

void fetch_shop_trip(struct fetcher *f, struct fetch_shop *s, const char *error)
{
    bool opened;
    int64_t ms = circuit_trip(&s->circuit, clock_mono_ms(), fetch_random(f), &opened);

    if (opened) {
        metric_add(METRIC_WORKER_CIRCUITS_OPEN, 1);
        log_trip(f, s, ms, error);
    }
    shop_hold_up(f, s, ms, error, "circuit");
}

void fetch_shop_closed(const struct fetch_shop *s)
{
    metric_add(METRIC_WORKER_CIRCUITS_OPEN, -1);
    log_info("circuit closed", LOG_S("platform", s->platform->name), LOG_S("shop", s->shop_id));
}

/* --- the gate ------------------------------------------------------------------------------------------------- */

void fetch_shop_gate(struct fetcher *f, struct fetch_shop *s)
{
    int64_t now = clock_mono_ms(), limit, paced;

    if (!fetch_shop_usable(f, s))
        return;
    paced = paced_until(s, !s->live) - now;
    limit = later(circuit_limit_left(&s->circuit, now), paced);
    if (limit > FETCH_SHORT_WAIT_MS) {
        shop_hold_up(f, s, limit, "rate limit", NULL);
        return;
    }
    if (s->circuit.open && now < s->circuit.half_open_mono_ms) {
        shop_hold_up(f, s, s->circuit.half_open_mono_ms - now, "circuit open", "circuit");
        return;
    }
    if ((s->circuit.open || s->suspects.first) && !s->probing)
        s->probe_due = true; /* suspects wait for an answer: that of the last probe may have been lost */
    if (limit > 0 || s->carried > 0 || s->circuit.open || fetch_pace_binds(s->pace, now))
        shop_trim(f, s, paced > 0 || fetch_pace_binds(s->pace, now));
}
