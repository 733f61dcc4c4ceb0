/* sweep.c - worker: the thread that brings parked needs back.
 *
 * In:      collection `needs`.
 * Out:     probes, and for shops that answer them, pages of entries (sweep_push.c). Needs whose entries Redis has lost,
 *          again (swept.c). Gauges of what waits.
 * Fails:   a round ends early when Redis or MongoDB does not answer or Redis is full; the next one tries again.
 * Thread:  one of its own; sweep_wake, sweep_stop from any.
 * Why so:  1. A need is never the probe: an event that breaks its shop's calls would keep the shop parked for ever. What
 *          waits for no shop (money that has moved, the rest of half an answer) needs no probe, and gets none, or every
 *          order that completes would cost a call. What is to be asked for again waits from a time to come, which the index
 *          has, so the many that are not due cost nothing.
 *          2. Some shops are looked at side by side, because one that hangs must not keep the others waiting for its
 *          time-out, nor one with a million needs the others for its million.
 *          3. Shops are found by skipping from one to the next through an index, one small query each: what a distinct
 *          over all needs would cost is exactly what an outage makes large.
 *
 *   shop ──lease, usable──▶ ASKING ──limit, probe sent──▶ PROBING ──good──▶ PUSHING ──none left, no room──▶ DONE
 *     └─not ours, not usable──▶ DONE ◀──refused, no answer───┘ */
#include "worker/sweep.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <xxhash.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/keys.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/strbuf.h"
#include "common/thread.h"
#include "worker/http_client.h"
#include "worker/lease.h"
#include "worker/limit.h"
#include "worker/link.h"
#include "worker/parked.h"
#include "worker/platforms/platform.h"
#include "worker/shop.h"
#include "worker/streams.h"
#include "worker/sweep_push.h"
#include "worker/swept.h"

enum {
    SWEEP_SHOPS = 8,                /* looked at side by side */
    SWEEP_PROBE_TIMEOUT_MS = 10000, /* of a probe */
    SWEEP_LIMIT_WAIT_MS = 10000,    /* longest wait for the right to send one */
    SWEEP_LIMIT_PAUSE_MS = 1000,    /* after "too many requests" without a time */
    SWEEP_LEASE_MS =
        20000, /* a page and a probe usually end within it; longer only costs a repeat after a crash */
    SWEEP_POLL_MS = 20, /* while probes are under way */
    SWEEP_LINK_TIMEOUT_MS = 5000,
    SWEEP_COUNT_EXACT = 100000, /* more needs than that are estimated */
};

enum shop_step { STEP_ASKING, STEP_PROBING, STEP_PUSHING, STEP_DONE };

/* One shop of those looked at now. */
struct sweep_shop {
    char *platform; /* owned */
    char *shop;     /* owned */
    enum shop_step step;
    bool waiting;            /* it has needs that wait for it, not only for their turn */
    struct lease lease;      /* held unless DONE */
    int64_t ask_mono_ms;     /* ASKING: next try to send the probe */
    int64_t give_up_mono_ms; /* ASKING: until then */
    uint64_t token;          /* PROBING: print of the access token it was sent with */
    char *authorization;     /* PROBING: whose; owned */
    struct sweep_push *push; /* PUSHING; owned */
};

struct sweep {
    struct sweep_setup setup;
    struct store *store;      /* owned */
    struct shop_cache *shops; /* owned */
    struct link *link;        /* owned */
    struct limiter *limiter;  /* owned */
    struct http_client *http; /* owned */
    struct redis_time time;
    struct high_water high;
    bool away; /* the last round ended early: said once */
    pthread_t thread;
    atomic_bool stopping;
    pthread_mutex_t lock;   /* guards woken and ended */
    pthread_cond_t changed; /* on CLOCK_MONOTONIC */
    bool woken;
    bool ended;
};

/* What a round has seen. */
struct round {
    int64_t now_ms;    /* Redis' clock when it began: needs that wait from later on are left alone */
    int64_t oldest_ms; /* since of the oldest need; 0 = none */
    bool cut;          /* Redis or MongoDB is away: nothing more can be done */
    struct err err;
};

static void cut(struct round *r, const struct err *err)
{
    if (!r->cut)
        r->err = *err;
    r->cut = true;
}

static struct timespec mono_in(int64_t ms)
{
    int64_t at = clock_mono_ms() + ms;

    return (struct timespec){.tv_sec = at / 1000, .tv_nsec = at % 1000 * 1000000};
}

/* Returns after ms, or as soon as somebody stops it; or wakes it, where that may be. */
static void rest(struct sweep *s, int64_t ms, bool wakes)
{
    struct timespec until = mono_in(ms);

    pthread_mutex_lock(&s->lock);
    while (!(wakes && s->woken) && !atomic_load(&s->stopping))
        if (pthread_cond_timedwait(&s->changed, &s->lock, &until) == ETIMEDOUT)
            break;
    pthread_mutex_unlock(&s->lock);
}

static void take_wake(struct sweep *s)
{
    pthread_mutex_lock(&s->lock);
    s->woken = false;
    pthread_mutex_unlock(&s->lock);
}

/* --- finding shops --------------------------------------------------------------------------------- */

static char *copy(const char *text)
{
    return xstrndup(text, strlen(text));
}

/* Where the way through the index stands. */
struct place {
    char *platform; /* owned; NULL = at the beginning */
    char *shop;     /* owned */
};

static void place_deinit(struct place *p)
{
    free(p->platform);
    free(p->shop);
    *p = (struct place){0};
}

/* The first document of the filter in the index's order; owned. NULL: none, or MongoDB is away (round cut). */
static bson_t *first_of(struct sweep *s, struct round *r, const bson_t *filter)
{
    bson_t *opts = BCON_NEW("sort", "{", "platform", BCON_INT32(1), "shop_id", BCON_INT32(1), "since",
                            BCON_INT32(1), "}", "limit", BCON_INT64(1));
    mongoc_cursor_t *cursor =
        mongoc_collection_find_with_opts(store_collection(s->store, PARKED_COLLECTION), filter, opts, NULL);
    const bson_t *found;
    bson_error_t error = {0};
    struct err err = {0};
    bson_t *row = NULL;

    if (mongoc_cursor_next(cursor, &found)) {
        row = bson_copy(found);
    } else if (mongoc_cursor_error(cursor, &error)) {
        err_set(&err, ERR_MONGO, (int)error.code, "MongoDB: needs: %s", error.message);
        cut(r, &err);
    }
    mongoc_cursor_destroy(cursor);
    bson_destroy(opts);
    return row;
}

/* The same among those whose time has come; takes the filter. */
static bson_t *first_with(struct sweep *s, struct round *r, bson_t *filter)
{
    bson_t *row;

    parked_add_due(filter, r->now_ms);
    row = first_of(s, r, filter);

    bson_destroy(filter);
    return row;
}

/* The oldest need of the next shop behind the place: of the same platform, else the first of the next. Owned. */
static bson_t *next_shop(struct sweep *s, struct round *r, const struct place *at)
{
    bson_t *row = NULL;

    if (at->platform)
        row = first_with(
            s, r,
            BCON_NEW("platform", BCON_UTF8(at->platform), "shop_id", "{", "$gt", BCON_UTF8(at->shop), "}"));
    if (!row && !r->cut)
        row = first_with(s, r,
                         BCON_NEW("platform", "{", "$gt", BCON_UTF8(at->platform ? at->platform : ""), "}"));
    return row;
}

/* Has it needs that wait for the shop itself, and not only for their turn? */
static bool has_waiting(struct sweep *s, struct round *r, const struct sweep_shop *shop)
{
    bson_t *filter = BCON_NEW("platform", BCON_UTF8(shop->platform), "shop_id", BCON_UTF8(shop->shop));
    bson_t *row;
    bool has;

    parked_add_waiting(filter, true);
    row = first_with(s, r, filter);
    has = row != NULL;
    bson_destroy(row);
    return has;
}

/* Fills shops from the place on; the place moves. Returns how many; fewer than SWEEP_SHOPS: the last ones. */
static size_t collect(struct sweep *s, struct round *r, struct place *at,
                      struct sweep_shop shops[SWEEP_SHOPS])
{
    bson_t *row;
    size_t n = 0;

    while (n < SWEEP_SHOPS && !r->cut && (row = next_shop(s, r, at)) != NULL) {
        struct parked first;

        if (!parked_read(row, &first)) /* whatever it is: the way goes on behind it */
            log_debug("no need of ours", LOG_S("id", first.id));
        place_deinit(at);
        *at = (struct place){copy(first.platform), copy(first.shop)};
        shops[n++] = (struct sweep_shop){
            .platform = copy(first.platform), .shop = copy(first.shop), .step = STEP_DONE};
        if (first.since_ms > 0 && (r->oldest_ms == 0 || first.since_ms < r->oldest_ms))
            r->oldest_ms = first.since_ms;
        bson_destroy(row);
    }
    return n;
}

/* --- one shop -------------------------------------------------------------------------------------- */

static void shop_done(struct sweep *s, struct sweep_shop *shop)
{
    if (shop->step != STEP_DONE)
        lease_release(&shop->lease, s->link);
    shop->step = STEP_DONE;
    sweep_push_free(shop->push);
    shop->push = NULL;
}

static void shop_deinit(struct sweep *s, struct sweep_shop *shop)
{
    shop_done(s, shop);
    free(shop->platform);
    free(shop->shop);
    free(shop->authorization);
}

/* A shop that can be called as far as we know; NULL: not. */
static const struct shop *usable(struct sweep *s, struct round *r, const struct sweep_shop *shop)
{
    struct err err = {0};
    const struct shop *found;

    if (!platform_find(shop->platform))
        return NULL;
    found = shop_cache_get(s->shops, shop->platform, shop->shop, &err);
    if (!found)
        cut(r, &err);
    return found && found->state == SHOP_ACTIVE && !*found->problem ? found : NULL;
}

static bool take_lease(struct sweep *s, struct round *r, struct sweep_shop *shop)
{
    struct strbuf owner = STRBUF_INIT;
    struct err err = {0};
    enum lease_got got = LEASE_ELSEWHERE;

    strbuf_add_format(&owner, "%s:%s", shop->platform, shop->shop);
    if (lease_init(&shop->lease, strbuf_text(&owner), "needs", SWEEP_LEASE_MS))
        got = lease_take(&shop->lease, s->link, &err);
    strbuf_deinit(&owner);
    if (got == LEASE_UNKNOWN)
        cut(r, &err);
    return got == LEASE_TAKEN;
}

static void shop_push(struct sweep *s, const struct round *r, struct sweep_shop *shop)
{
    const struct sweep_push_setup setup = {
        .config = s->setup.config,
        .store = s->store,
        .link = s->link,
        .high = &s->high,
        .platform = shop->platform,
        .shop = shop->shop,
        .turn_only = !shop->waiting,
        .now_ms = r->now_ms,
        .partition = keys_partition(shop->platform, strlen(shop->platform), shop->shop, strlen(shop->shop),
                                    streams_in_use(s->setup.streams)),
    };

    shop->push = sweep_push_new(&setup);
    shop->step = STEP_PUSHING;
}

static void shop_begin(struct sweep *s, struct round *r, struct sweep_shop *shop)
{
    if (r->cut || !usable(s, r, shop) || !take_lease(s, r, shop))
        return;
    shop->step = STEP_ASKING;
    shop->ask_mono_ms = clock_mono_ms();
    shop->give_up_mono_ms = shop->ask_mono_ms + SWEEP_LIMIT_WAIT_MS;
    shop->waiting = has_waiting(s, r, shop);
    if (!shop->waiting)
        shop_push(s, r, shop);
}

/* --- probes ---------------------------------------------------------------------------------------- */

/* False: it cannot be built or sent. */
static bool probe_start(struct sweep *s, struct sweep_shop *shop, const struct shop *called, struct err *err)
{
    int64_t timeout_ms = s->setup.config->request_timeout_ms;
    struct platform_request request = {0};
    bool ok = platform_find(shop->platform)
                  ->probe_request(s->setup.config, called, clock_now_ms() / 1000, &request, err);

    if (timeout_ms > SWEEP_PROBE_TIMEOUT_MS)
        timeout_ms = SWEEP_PROBE_TIMEOUT_MS;
    shop->token = XXH3_64bits(called->access_token, strlen(called->access_token));
    free(shop->authorization);
    shop->authorization = copy(called->authorization);
    ok = ok && http_client_start(s->http, &request, timeout_ms, shop, err);
    platform_request_deinit(&request);
    return ok;
}

/* Sends the probe as soon as the limits allow it: as background work, live calls go first. */
static void shop_ask(struct sweep *s, struct round *r, struct sweep_shop *shop)
{
    struct err err = {0};
    const struct shop *called;
    int64_t wait_ms;

    if (clock_mono_ms() < shop->ask_mono_ms)
        return;
    wait_ms = limit_take(s->limiter, shop->platform, shop->shop, true, &err);
    if (wait_ms < 0)
        cut(r, &err);
    shop->ask_mono_ms = clock_mono_ms() + wait_ms;
    if (wait_ms > 0 && shop->ask_mono_ms < shop->give_up_mono_ms)
        return;
    called = wait_ms == 0 ? usable(s, r, shop) : NULL;
    if (!called) {
        shop_done(s, shop);
        return;
    }
    metric_add(METRIC_WORKER_SWEEP_PROBES, 1);
    if (probe_start(s, shop, called, &err)) {
        shop->step = STEP_PROBING;
        return;
    }
    log_warn("a probe cannot be sent", LOG_S("platform", shop->platform), LOG_S("shop", shop->shop),
             LOG_S("err", err.text));
    shop_done(s, shop);
}

static void probe_limited(struct sweep *s, const struct sweep_shop *shop,
                          const struct platform_result *result)
{
    int64_t pause_ms = result->retry_after_ms > 0 ? result->retry_after_ms : SWEEP_LIMIT_PAUSE_MS;
    struct err err = {0};

    if (!limit_pause(s->limiter, shop->platform, result->app ? NULL : shop->shop, pause_ms, &err))
        log_debug("limit not told of", LOG_S("platform", shop->platform), LOG_S("err", err.text));
}

static void probe_judged(struct sweep *s, const struct round *r, struct sweep_shop *shop,
                         const struct platform_result *result)
{
    if (result->class == CALL_OK) {
        log_info("shop answers again, its needs come back", LOG_S("platform", shop->platform),
                 LOG_S("shop", shop->shop));
        shop_push(s, r, shop);
        return;
    }
    log_info("shop does not answer yet, its needs wait", LOG_S("platform", shop->platform),
             LOG_S("shop", shop->shop), LOG_S("err", result->error));
    if (result->class == CALL_LIMIT)
        probe_limited(s, shop, result);
    if (result->class == CALL_TOKEN && s->setup.refused)
        s->setup.refused(s->setup.context, shop->authorization, shop->token);
    shop_cache_forget(s->shops, shop->platform, shop->shop);
    shop_done(s, shop);
}

static void probe_ended(struct sweep *s, const struct round *r, struct sweep_shop *shop,
                        const struct http_answer *a)
{
    yyjson_doc *doc = NULL;
    struct platform_result result;
    struct platform_answer answer = {.http_status = a->status,
                                     .transport_error = a->error,
                                     .retry_after = a->retry_after,
                                     .now_ms = clock_now_ms()};

    if (a->status != 0 && a->body.length > 0)
        doc = json_parse(a->body.data, a->body.length, NULL, NULL);
    answer.root = doc ? yyjson_doc_get_root(doc) : NULL;
    platform_find(shop->platform)->judge(PLATFORM_PROBE, &answer, &result);
    probe_judged(s, r, shop, &result);
    yyjson_doc_free(doc);
}

/* Waits at most wait_ms for answers; also when none is to come, because a limit is waited for. */
static void take_probes(struct sweep *s, const struct round *r, int64_t wait_ms)
{
    struct http_answer answer;
    void *context;

    if (http_client_running(s->http) == 0 && wait_ms > 0)
        rest(s, wait_ms, false);
    while (http_client_next(s->http, wait_ms, &context, &answer)) {
        probe_ended(s, r, context, &answer);
        http_answer_deinit(&answer);
        wait_ms = 0;
    }
}

/* --- a round --------------------------------------------------------------------------------------- */

/* A lease half over is renewed; one that is lost is somebody else's work now. */
static bool still_ours(struct sweep *s, struct round *r, struct sweep_shop *shop)
{
    struct err err = {0};
    enum lease_got got;

    if (lease_left_ms(&shop->lease) > SWEEP_LEASE_MS / 2)
        return true;
    got = lease_renew(&shop->lease, s->link, &err);
    if (got == LEASE_UNKNOWN)
        cut(r, &err);
    return got == LEASE_TAKEN;
}

static void shop_page(struct sweep *s, struct round *r, struct sweep_shop *shop)
{
    struct err err = {0};

    if (!still_ours(s, r, shop)) {
        shop_done(s, shop);
        return;
    }
    switch (sweep_push_page(shop->push, redis_time_now_ms(&s->time), &err)) {
    case PUSHED_MORE:
        return;
    case PUSHED_AWAY:
        cut(r, &err);
        break;
    case PUSHED_DONE:
    case PUSHED_FULL:
        break;
    }
    shop_done(s, shop);
}

/* One step of each shop. *pushing: one of them has pages left. Returns how many are not done. */
static size_t step_all(struct sweep *s, struct round *r, struct sweep_shop *shops, size_t count,
                       bool *pushing)
{
    size_t open = 0;

    *pushing = false;
    for (size_t i = 0; i < count && !r->cut; i++) {
        if (shops[i].step == STEP_ASKING)
            shop_ask(s, r, &shops[i]);
        if (shops[i].step == STEP_PUSHING)
            shop_page(s, r, &shops[i]);
        *pushing = *pushing || shops[i].step == STEP_PUSHING;
        open += shops[i].step != STEP_DONE;
    }
    return open;
}

/* Takes some shops from the lease to the end. */
static void sweep_some(struct sweep *s, struct round *r, struct sweep_shop *shops, size_t count)
{
    bool pushing;

    for (size_t i = 0; i < count; i++)
        shop_begin(s, r, &shops[i]);
    while (!atomic_load(&s->stopping) && !r->cut && step_all(s, r, shops, count, &pushing) > 0)
        take_probes(s, r, pushing ? 0 : SWEEP_POLL_MS);
    http_client_abort(s->http); /* of shops given up; nobody waits for the answers */
    for (size_t i = 0; i < count; i++)
        shop_deinit(s, &shops[i]);
}

/* Exact while that is cheap: the estimate of compatible servers can be minutes old. -1: not known. */
static int64_t count_needs(struct sweep *s)
{
    mongoc_collection_t *c = store_collection(s->store, PARKED_COLLECTION);
    int64_t count = mongoc_collection_estimated_document_count(c, NULL, NULL, NULL, NULL);
    bson_t all = BSON_INITIALIZER;

    if (count < SWEEP_COUNT_EXACT)
        count = mongoc_collection_count_documents(c, &all, NULL, NULL, NULL, NULL);
    bson_destroy(&all);
    return count;
}

static void publish(struct sweep *s, const struct round *r)
{
    int64_t count = count_needs(s);

    if (count >= 0)
        metric_set(METRIC_WORKER_NEEDS, count);
    metric_set(METRIC_WORKER_NEEDS_OLDEST_MS,
               r->oldest_ms > 0 ? redis_time_now_ms(&s->time) - r->oldest_ms : 0);
}

static void report(struct sweep *s, const struct round *r)
{
    if (r->cut && !s->away)
        log_warn("sweep of parked needs paused", LOG_S("err", r->err.text));
    if (!r->cut && s->away)
        log_info("sweep of parked needs goes on");
    s->away = r->cut;
}

static void sweep_round(struct sweep *s)
{
    struct sweep_shop shops[SWEEP_SHOPS];
    struct round r = {0};
    struct place at = {0};
    size_t count = SWEEP_SHOPS;

    if (!redis_time_sync(&s->time, s->link, &r.err))
        r.cut = true;
    r.now_ms = redis_time_now_ms(&s->time);
    if (!r.cut && s->setup.config->replay_ms > 0 &&
        !swept_look(s->store, s->link, r.now_ms, s->setup.config->replay_ms, &r.err))
        r.cut = true;
    while (!r.cut && count == SWEEP_SHOPS && !atomic_load(&s->stopping)) {
        count = collect(s, &r, &at, shops);
        sweep_some(s, &r, shops, count);
    }
    place_deinit(&at);
    if (!r.cut && !atomic_load(&s->stopping))
        publish(s, &r);
    report(s, &r);
    metric_add(METRIC_WORKER_SWEEP_ROUNDS, 1);
}

/* --- the thread ------------------------------------------------------------------------------------ */

static void *sweep_run(void *arg)
{
    struct sweep *s = arg;

    while (!atomic_load(&s->stopping)) {
        take_wake(s); /* a wake from here on asks for another round */
        sweep_round(s);
        rest(s, s->setup.config->sweep_interval_ms, true);
    }
    pthread_mutex_lock(&s->lock);
    s->ended = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

static void sweep_free(struct sweep *s)
{
    http_client_free(s->http);
    limiter_free(s->limiter);
    link_free(s->link);
    shop_cache_free(s->shops);
    store_close(s->store);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static void monotonic_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

struct sweep *sweep_start(const struct sweep_setup *setup, struct err *err)
{
    struct sweep *s = xcalloc(1, sizeof(*s));

    s->setup = *setup;
    s->high.config = setup->config;
    atomic_init(&s->stopping, false);
    pthread_mutex_init(&s->lock, NULL);
    monotonic_condition(&s->changed);
    s->store = store_open(setup->stores, err);
    s->http = s->store ? http_client_new(setup->config, err) : NULL;
    if (!s->http) {
        sweep_free(s);
        return NULL;
    }
    s->shops = shop_cache_new(s->store, setup->credentials, 0); /* a shop may have come back just now */
    s->link = link_new(setup->redis, "sweep", SWEEP_LINK_TIMEOUT_MS);
    s->limiter = limiter_new(setup->config, s->link);
    if (thread_start(&s->thread, sweep_run, s, err))
        return s;
    sweep_free(s);
    return NULL;
}

void sweep_wake(struct sweep *s)
{
    pthread_mutex_lock(&s->lock);
    s->woken = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

void sweep_stop(struct sweep *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    atomic_store(&s->stopping, true);
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

bool sweep_join(struct sweep *s, int64_t deadline_ms)
{
    struct timespec until = mono_in(deadline_ms);
    bool ended;

    if (!s)
        return true;
    pthread_mutex_lock(&s->lock);
    while (!s->ended)
        if (pthread_cond_timedwait(&s->changed, &s->lock, &until) == ETIMEDOUT)
            break;
    ended = s->ended;
    pthread_mutex_unlock(&s->lock);
    if (!ended)
        return false;
    pthread_join(s->thread, NULL);
    sweep_free(s);
    return true;
}
