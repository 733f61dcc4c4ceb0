/* fetch.c - worker, stage 4 of 7: ask the marketplace for what the database does not know yet.
 *
 * In:      needs in state WAITING; calls still under way from earlier turns.
 * Out:     needs ANSWERED, judged, still WAITING, or CALLING (carried to the next turn).
 * Fails:   false only when shops cannot be read from MongoDB; everything the marketplace does is an answer.
 * Thread:  the lane's. Blocks up to FETCH_BUDGET_MS, and only for calls this turn started for shops that are not slow.
 *
 * A turn: take what has ended meanwhile; sort the waiting needs by shop; ask of each shop whether it may be called (gate);
 * send calls, take answers, send what follows from them, until nothing of this turn is under way or the budget is over;
 * what still runs is carried.
 *
 *   call fails ──more than one id──▶ two halves, at the head of the shop's queue
 *        └──────one id──▶ suspect ──another call of the shop or its probe succeeded since──▶ RETRY, counted: its own fault
 *                            └──probe fails too──▶ circuit open: everything of the shop deferred, nothing counted
 *
 * Why so:  a slow shop is not waited for again until it has been quick once, so it costs the others one budget in all.
 *          Halves keep the time their first request was sent: a read shows at least what was there before it was sent, so
 *          the earlier time claims less. A good probe clears only a few ids of a shop (FETCH_SUSPECTS): when more of them
 *          fail and none is ever answered, the detail calls are down while the probe's endpoint is up, and blaming each
 *          id would bury an outage's events. */
#include "worker/fetch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <xxhash.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/strbuf.h"
#include "worker/circuit.h"
#include "worker/http_client.h"
#include "worker/market_clock.h"
#include "worker/platforms/platform.h"

enum {
    FETCH_BUCKETS = 4096,           /* of the shop table */
    FETCH_SUSPECTS = 3,             /* ids of a shop that its probe alone may condemn */
    FETCH_UNAVAILABLE_MS = 30000,   /* until needs of a shop without a usable grant are looked at again */
    FETCH_DEFER_LONGEST_MS = 60000, /* longest deferral of a need */
    FETCH_SHORT_WAIT_MS = 5000,     /* pauses up to this are sat out in the pool */
    FETCH_CROWD_MS = 5000,          /* deferral of what a held-up shop may not keep in the pool */
    FETCH_PROBE_TIMEOUT_MS = 10000, /* of a probe */
    FETCH_SHOP_IDLE_MS = 900000,    /* a shop nobody asked about is forgotten after it */
    FETCH_CARRIED_FACTOR = 4,  /* all calls under way, carried ones included: so many times FETCH_MAX_CALLS */
    FETCH_CARRIED_POLL_MS = 5, /* look at carried calls that long when there is nothing else to wait for */
    FETCH_LOG_EVERY_MS = 1000, /* the same trouble of many shops: one line a second */
};

/* Why a shop cannot be called at all; logged when it changes. */
enum grant {
    GRANT_FINE,
    GRANT_UNKNOWN,  /* not registered */
    GRANT_STATE,    /* expired, revoked, disabled */
    GRANT_UNUSABLE, /* token unreadable, request cannot be built */
    GRANT_REFUSED,  /* the platform refuses it */
};

/* One request to the marketplace and what hangs on it. Owned by the list it stands in. */
struct call {
    struct call *next;       /* running, a shop's queue or suspects, answered */
    struct call *before;     /* running list only */
    struct fetch_shop *shop; /* borrowed; a shop with calls is never freed */
    int endpoint;            /* the platform's number of what it asks */
    bool probe;              /* asks for nothing, has no needs */
    bool carried;            /* not waited for */
    bool kept;               /* answered: a need still points into the document */
    uint64_t token;          /* fingerprint of the access token it was sent with */
    int64_t first_mono_ms;   /* when the first request for these ids was sent; 0 = not yet */
    int64_t sent_mono_ms;    /* when it was sent last */
    int64_t since_mono_ms;   /* suspect: another success since then is evidence against it */
    int64_t fetched_ms;      /* the same on Redis' clock */
    char error[200];         /* suspect: what the platform said */
    yyjson_doc *doc;         /* answered: owned */
    size_t count;            /* ids */
    struct need *needs[];    /* borrowed, CALLING until answered, so nobody frees them; dead once answered */
};

struct call_list {
    struct call *first;
};

/* What a lane knows of one shop. */
struct fetch_shop {
    struct fetch_shop *chain; /* of the bucket */
    struct fetch_shop *all;   /* next of all shops */
    const struct platform *platform;
    char *shop_id; /* owned */
    struct circuit circuit;
    enum grant told;                    /* last logged */
    uint64_t refused_token;             /* fingerprint of the token the platform refused */
    int64_t refused_mono_ms;            /* not tried with that token before; 0 = none refused */
    bool slow;                          /* its last call took long: not waited for */
    bool probing;                       /* a probe is under way */
    bool probe_due;                     /* must be probed before anything else */
    size_t running;                     /* calls under way, probe included */
    size_t carried;                     /* those of them nobody waits for */
    struct call_list queue;             /* calls to be sent: halves, and what has to be repeated */
    struct call_list suspects;          /* single ids that failed, until somebody else succeeds */
    uint64_t condemned[FETCH_SUSPECTS]; /* ids (hash) its probe alone has condemned since a call succeeded */
    size_t condemned_count;
    int64_t used_mono_ms; /* last turn it had something to do */

    /* this turn */
    struct need **waiting; /* in the turn's arena: batches are taken from here; NULL = nothing */
    size_t waiting_count;
    size_t next;            /* first that has not been taken */
    int64_t oldest_mono_ms; /* arrival of the oldest */
    enum entry_kind kind;   /* of the first */
    bool mixed;             /* more than one kind, or single ones among them */
};

struct fetcher {
    const struct config *config; /* borrowed */
    struct shop_cache *shops;    /* borrowed */
    struct http_client *http;
    struct fetch_shop *buckets[FETCH_BUCKETS];
    struct fetch_shop *all;    /* every shop, newest first */
    struct call *running;      /* calls under way */
    struct call_list answered; /* calls whose documents needs point into */
    size_t waited;             /* calls under way that this turn waits for */
    struct market_clock clock;
    uint64_t random;     /* state of the jitter's generator, never 0 */
    int64_t log_mono_ms; /* last line about an open circuit */
    int64_t log_skipped; /* lines not written since */

    /* this turn */
    struct pool *pool;             /* borrowed */
    const struct redis_time *time; /* borrowed */
    struct arena *arena;           /* borrowed */
    struct fetch_shop **plan;      /* shops with something to do, most urgent first; in the arena */
    size_t plan_count;
    size_t ids; /* asked for in new calls */
    bool away;  /* MongoDB did not answer */
    struct err away_err;
};

/* --- small things --------------------------------------------------------------------------------------------- */

static uint32_t next_random(struct fetcher *f)
{
    f->random ^= f->random << 13;
    f->random ^= f->random >> 7;
    f->random ^= f->random << 17;
    return (uint32_t)(f->random >> 32);
}

static uint64_t token_print(const char *token)
{
    return XXH3_64bits(token, strlen(token));
}

static void list_push(struct call_list *list, struct call *c)
{
    c->next = list->first;
    list->first = c;
}

static struct call *list_pop(struct call_list *list)
{
    struct call *c = list->first;

    if (c) {
        list->first = c->next;
        c->next = NULL;
    }
    return c;
}

static struct call *call_new(struct fetch_shop *shop, int endpoint, size_t room)
{
    struct call *c = xcalloc(1, sizeof *c + room * sizeof c->needs[0]);

    c->shop = shop;
    c->endpoint = endpoint;
    return c;
}

static void call_free(struct call *c)
{
    yyjson_doc_free(c->doc);
    free(c);
}

/* Its needs wait again, as if never asked for. Takes c. */
static void call_undo(struct pool *pool, struct call *c)
{
    for (size_t i = 0; i < c->count; i++)
        need_enter(pool, c->needs[i], NEED_WAITING);
    call_free(c);
}

/* Its needs go back to the stream without an attempt. Takes c. */
static void call_defer(struct pool *pool, struct call *c, int64_t delay_ms, const char *why)
{
    for (size_t i = 0; i < c->count; i++)
        need_defer(pool, c->needs[i], delay_ms, why);
    call_free(c);
}

/* --- shops ---------------------------------------------------------------------------------------------------- */

static struct fetch_shop **bucket_of(struct fetcher *f, const struct platform *platform, const char *shop_id)
{
    uint64_t h = XXH3_64bits_withSeed(shop_id, strlen(shop_id), (XXH64_hash_t)(uintptr_t)platform);

    return &f->buckets[h % FETCH_BUCKETS];
}

static struct fetch_shop *shop_find(struct fetcher *f, const struct platform *platform, const char *shop_id)
{
    struct fetch_shop **bucket = bucket_of(f, platform, shop_id);
    struct fetch_shop *s = *bucket;

    while (s && (s->platform != platform || strcmp(s->shop_id, shop_id) != 0))
        s = s->chain;
    if (s)
        return s;
    s = xcalloc(1, sizeof *s);
    s->platform = platform;
    s->shop_id = xstrndup(shop_id, strlen(shop_id));
    s->chain = *bucket;
    *bucket = s;
    s->all = f->all;
    f->all = s;
    return s;
}

static bool shop_is_busy(const struct fetch_shop *s)
{
    return s->running > 0 || s->queue.first || s->suspects.first;
}

static void shop_free(struct fetcher *f, struct fetch_shop *s)
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

/* Forgets shops nobody asked about for long: a deauthorised one must not stand in the metrics for ever. */
static void shops_expire(struct fetcher *f, int64_t now)
{
    struct fetch_shop **at = &f->all;

    while (*at) {
        struct fetch_shop *s = *at;

        if (shop_is_busy(s) || now - s->used_mono_ms < FETCH_SHOP_IDLE_MS) {
            at = &s->all;
            continue;
        }
        *at = s->all;
        shop_free(f, s);
    }
}

/* Defers what of this turn's waiting needs is left from `from` on. */
static void waiting_defer(struct fetcher *f, struct fetch_shop *s, size_t from, int64_t delay_ms,
                          const char *why)
{
    for (size_t i = from; i < s->waiting_count; i++)
        if (s->waiting[i]->state == NEED_WAITING)
            need_defer(f->pool, s->waiting[i], delay_ms, why);
    s->waiting_count = from;
}

/* Everything of the shop that is not on the wire goes back to the stream, without an attempt. */
static void shop_defer(struct fetcher *f, struct fetch_shop *s, int64_t delay_ms, const char *why)
{
    struct call *c;

    if (delay_ms > FETCH_DEFER_LONGEST_MS)
        delay_ms = FETCH_DEFER_LONGEST_MS;
    delay_ms += next_random(f) % 1000; /* so that they do not all come back in one moment */
    while ((c = list_pop(&s->queue)) != NULL)
        call_defer(f->pool, c, delay_ms, why);
    while ((c = list_pop(&s->suspects)) != NULL)
        call_defer(f->pool, c, delay_ms, why);
    waiting_defer(f, s, s->next, delay_ms, why);
    s->probe_due = false;
}

/* --- whether a shop can be called ----------------------------------------------------------------------------- */

/* The shop cannot be called: tells it when that is news, and defers. */
static void shop_unavailable(struct fetcher *f, struct fetch_shop *s, enum grant grant, const char *why)
{
    if (s->told != grant)
        log_warn("shop unavailable", LOG_S("platform", s->platform->name), LOG_S("shop", s->shop_id),
                 LOG_S("why", why));
    s->told = grant;
    shop_defer(f, s, FETCH_UNAVAILABLE_MS, why);
}

static void shop_available(struct fetch_shop *s)
{
    if (s->told != GRANT_FINE)
        log_info("shop available again", LOG_S("platform", s->platform->name), LOG_S("shop", s->shop_id));
    s->told = GRANT_FINE;
    s->refused_mono_ms = 0;
}

/* What the registry says against calling it; GRANT_FINE otherwise. why has size bytes. */
static enum grant grant_of(const struct fetch_shop *s, const struct shop *shop, char *why, size_t size)
{
    enum grant grant = GRANT_FINE;

    why[0] = '\0';
    if (shop->state == SHOP_UNKNOWN && !*shop->problem) {
        snprintf(why, size, "shop is not registered");
        grant = GRANT_UNKNOWN;
    } else if (shop->state != SHOP_ACTIVE && shop->state != SHOP_UNKNOWN) {
        snprintf(why, size, "shop is %s", shop_state_name(shop->state));
        grant = GRANT_STATE;
    } else if (*shop->problem) {
        snprintf(why, size, "shop: %s", shop->problem);
        grant = GRANT_UNUSABLE;
    } else if (s->refused_mono_ms > clock_mono_ms() && token_print(shop->access_token) == s->refused_token) {
        snprintf(why, size, "shop: its token was refused");
        grant = GRANT_REFUSED;
    }
    return grant;
}

/* The shop when it may be called now; NULL: it was deferred, or MongoDB is away (f->away). */
static const struct shop *shop_usable(struct fetcher *f, struct fetch_shop *s)
{
    const struct shop *shop = shop_cache_get(f->shops, s->platform->name, s->shop_id, &f->away_err);
    enum grant grant;
    char why[180];

    if (!shop) {
        f->away = true;
        return NULL;
    }
    grant = grant_of(s, shop, why, sizeof why);
    if (grant == GRANT_FINE)
        return shop;
    shop_unavailable(f, s, grant, why);
    return NULL;
}

/* The platform refuses the token: perhaps a newer one is stored. Takes c: it is sent again, once, with that one. */
static void shop_refused(struct fetcher *f, struct fetch_shop *s, struct call *c, const char *error)
{
    const struct shop *shop;

    shop_cache_forget(f->shops, s->platform->name, s->shop_id);
    s->refused_token = c->token;
    s->refused_mono_ms = clock_mono_ms() + FETCH_UNAVAILABLE_MS;
    shop = shop_cache_get(f->shops, s->platform->name, s->shop_id, &f->away_err);
    f->away = f->away || !shop;
    if (shop &&
        (shop->state != SHOP_ACTIVE || *shop->problem || token_print(shop->access_token) == c->token)) {
        list_push(&s->queue, c); /* deferred with the rest */
        shop_unavailable(f, s, GRANT_REFUSED, error);
    } else if (c->probe) {
        s->probe_due = true;
        call_free(c);
    } else {
        list_push(&s->queue, c);
    }
}

/* Too many requests: short pauses are sat out in the pool, longer ones in the stream. Takes c, the call refused. */
static void shop_limited(struct fetcher *f, struct fetch_shop *s, struct call *c, int64_t retry_after_ms)
{
    bool first = s->circuit.limits == 0, probe = c->probe;
    int64_t left = circuit_limit(&s->circuit, clock_mono_ms(), retry_after_ms, next_random(f));

    if (first)
        log_warn("rate limit of a shop reached", LOG_S("platform", s->platform->name),
                 LOG_S("shop", s->shop_id), LOG_I("pause_ms", left));
    if (left > FETCH_SHORT_WAIT_MS) {
        list_push(&s->queue, c);
        shop_defer(f, s, left, "rate limit");
        return;
    }
    call_undo(f->pool, c);
    s->probe_due = s->probe_due || probe;
}

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

static void shop_trip(struct fetcher *f, struct fetch_shop *s, const char *error)
{
    bool opened;
    int64_t ms = circuit_trip(&s->circuit, clock_mono_ms(), next_random(f), &opened);

    if (opened) {
        metric_add(METRIC_WORKER_CIRCUITS_OPEN, 1);
        log_trip(f, s, ms, error);
    }
    shop_defer(f, s, ms, error);
}

static void shop_closed(const struct fetch_shop *s)
{
    metric_add(METRIC_WORKER_CIRCUITS_OPEN, -1);
    log_info("circuit closed", LOG_S("platform", s->platform->name), LOG_S("shop", s->shop_id));
}

/* --- sending -------------------------------------------------------------------------------------------------- */

static void running_add(struct fetcher *f, struct call *c)
{
    c->before = NULL;
    c->next = f->running;
    if (f->running)
        f->running->before = c;
    f->running = c;
    c->shop->running++;
    c->carried = c->shop->slow;
    if (c->carried)
        c->shop->carried++;
    else
        f->waited++;
}

static void running_remove(struct fetcher *f, struct call *c)
{
    *(c->before ? &c->before->next : &f->running) = c->next;
    if (c->next)
        c->next->before = c->before;
    c->next = c->before = NULL;
    c->shop->running--;
    if (c->carried)
        c->shop->carried--;
    else
        f->waited--;
}

static bool call_request(struct fetcher *f, const struct call *c, const struct shop *shop,
                         struct platform_request *request, struct err *err)
{
    const struct platform *p = c->shop->platform;
    int64_t at_s = clock_now_ms() / 1000;
    const char **ids;
    bool ok;

    if (c->probe)
        return p->probe_request(f->config, shop, at_s, request, err);
    ids = xcalloc(c->count, sizeof *ids);
    for (size_t i = 0; i < c->count; i++)
        ids[i] = c->needs[i]->id;
    ok = p->detail_request(f->config, shop, c->endpoint, ids, c->count, at_s, request, err);
    free(ids);
    return ok;
}

static int64_t call_timeout_ms(const struct fetcher *f, const struct call *c)
{
    int64_t ms = f->config->request_timeout_ms;

    return c->probe && ms > FETCH_PROBE_TIMEOUT_MS ? FETCH_PROBE_TIMEOUT_MS : ms;
}

/* Sends c. Takes it. False: not sent, its needs wait or were deferred with all of the shop. */
static bool call_send(struct fetcher *f, struct call *c)
{
    struct platform_request request = {0};
    struct fetch_shop *s = c->shop;
    struct err err = {0};
    const struct shop *shop = shop_usable(f, s);
    bool ok = shop && call_request(f, c, shop, &request, &err);

    if (ok) {
        c->sent_mono_ms = clock_mono_ms();
        if (c->since_mono_ms == 0)
            c->since_mono_ms = c->sent_mono_ms;
        if (c->first_mono_ms == 0) {
            c->first_mono_ms = c->sent_mono_ms;
            c->fetched_ms = redis_time_now_ms(f->time);
        }
        c->token = token_print(shop->access_token);
        ok = http_client_start(f->http, &request, call_timeout_ms(f, c), c, &err);
    }
    platform_request_deinit(&request);
    if (ok) {
        running_add(f, c);
        metric_add(METRIC_WORKER_FETCH_CALLS, 1);
        metric_add(METRIC_WORKER_FETCH_IDS, (int64_t)c->count);
        return true;
    }
    if (f->away)
        call_undo(f->pool, c);
    else
        call_defer(f->pool, c, FETCH_UNAVAILABLE_MS, shop ? err.text : "shop unavailable");
    if (shop)
        shop_unavailable(f, s, GRANT_UNUSABLE, err.text);
    return false;
}

static void probe_send(struct fetcher *f, struct fetch_shop *s)
{
    struct call *c = call_new(s, PLATFORM_PROBE, 0);

    c->probe = true;
    s->probe_due = false;
    s->probing = call_send(f, c);
}

/* The endpoint that is asked for the need; < 0: none is. */
static int endpoint_of(const struct fetcher *f, const struct platform *p, const struct need *n)
{
    struct platform_ask ask = {0};
    bool known = !p->compound(n->kind) && p->next_ask(f->config, n->kind, n->return_kind, n->id, NULL, &ask);

    strbuf_deinit(&ask.subject);
    return known ? ask.endpoint : -1;
}

/* The next batch of this turn's waiting needs; NULL: nothing is left, or the turn has asked for enough. */
static struct call *batch_take(struct fetcher *f, struct fetch_shop *s)
{
    size_t most = 0, room = (size_t)f->config->fetch_max_ids - f->ids;
    struct call *c = NULL;
    int endpoint;

    for (; s->next < s->waiting_count; s->next++) {
        struct need *n = s->waiting[s->next];

        if (n->state != NEED_WAITING || pool_is_calling(f->pool, n))
            continue; /* judged meanwhile, or an older need of the same entity is being asked for */
        endpoint = endpoint_of(f, s->platform, n);
        if (!c) {
            most = n->alone ? 1 : s->platform->batch_size(f->config, endpoint);
            if (most > room) {
                if (f->ids > 0)
                    return NULL; /* a full batch next turn instead of two halves */
                most = room;
            }
            c = call_new(s, endpoint, most);
        } else if (c->count == most || c->endpoint != endpoint || n->alone) {
            break;
        }
        need_enter(f->pool, n, NEED_CALLING);
        c->needs[c->count++] = n;
    }
    if (c)
        f->ids += c->count;
    return c;
}

static bool may_call(const struct fetcher *f, const struct fetch_shop *s)
{
    const struct config *config = f->config;

    return s->running < (size_t)config->fetch_shop_calls &&
           (s->slow || f->waited < (size_t)config->fetch_max_calls) &&
           http_client_running(f->http) < FETCH_CARRIED_FACTOR * (size_t)config->fetch_max_calls;
}

/* Sends the shop's most urgent call. False: nothing to send now. */
static bool shop_send_one(struct fetcher *f, struct fetch_shop *s)
{
    struct call *c;

    if (f->away || s->probing || !may_call(f, s) || circuit_limit_left(&s->circuit, clock_mono_ms()) > 0)
        return false;
    if (s->probe_due) {
        probe_send(f, s);
        return false; /* its answer comes first */
    }
    if (s->circuit.open)
        return false;
    c = list_pop(&s->queue);
    if (!c && s->carried == 0)
        c = batch_take(f, s);
    return c && call_send(f, c);
}

static void send_all(struct fetcher *f)
{
    for (size_t i = 0; i < f->plan_count; i++) {
        while (shop_send_one(f, f->plan[i]))
            ;
    }
}

/* --- answers -------------------------------------------------------------------------------------------------- */

static void count_result(enum call_class class)
{
    static const enum metric metrics[] = {
        [CALL_OK] = METRIC_WORKER_FETCH_OK,       [CALL_RETRY] = METRIC_WORKER_FETCH_RETRY,
        [CALL_LIMIT] = METRIC_WORKER_FETCH_LIMIT, [CALL_TOKEN] = METRIC_WORKER_FETCH_TOKEN,
        [CALL_AUTH] = METRIC_WORKER_FETCH_AUTH,   [CALL_PERM] = METRIC_WORKER_FETCH_PERM,
        [CALL_SCOPE] = METRIC_WORKER_FETCH_AUTH,  [CALL_DENIED] = METRIC_WORKER_FETCH_PERM,
        [CALL_GONE] = METRIC_WORKER_FETCH_PERM,   [CALL_ABSENT] = METRIC_WORKER_FETCH_PERM,
    };

    metric_add(metrics[class], 1);
}

/* Redis' clock half-way between request and answer, against the answer's Date. */
static void measure_clock(struct fetcher *f, const struct http_answer *a)
{
    int64_t trip = a->ended_mono_ms - a->started_mono_ms;
    int64_t redis_ms = redis_time_now_ms(f->time) - (clock_mono_ms() - a->ended_mono_ms) - trip / 2;

    if (a->date_ms == 0 || f->time->at_ms == 0 ||
        !market_clock_measure(&f->clock, a->date_ms, redis_ms, trip, f->config->clock_skew_ms))
        return;
    if (f->clock.apart)
        log_error("marketplace's clock and Redis' differ: events are read again instead of called settled",
                  LOG_I("marketplace_ahead_ms", f->clock.offset_ms),
                  LOG_I("allowed_ms", f->config->clock_skew_ms));
    else
        log_info("marketplace's clock and Redis' agree again",
                 LOG_I("marketplace_ahead_ms", f->clock.offset_ms));
}

static bool same_id(const struct entry_text *id, const char *text)
{
    return strlen(text) == id->length && memcmp(text, id->data, id->length) == 0;
}

/* The call's need of that id that has no entity yet; NULL: we did not ask for it. */
static struct need *need_by_id(const struct call *c, const struct entry_text *id)
{
    for (size_t i = 0; i < c->count; i++)
        if (c->needs[i]->answer.kind != ANSWER_FOUND && same_id(id, c->needs[i]->id))
            return c->needs[i];
    return NULL;
}

/* A good answer: every need gets its entity, or the news that it was left out. Takes c. */
static void take_entities(struct fetcher *f, struct call *c, yyjson_val *entities)
{
    yyjson_arr_iter it = yyjson_arr_iter_with(entities);
    yyjson_val *entity;

    for (size_t i = 0; i < c->count; i++)
        c->needs[i]->answer =
            (struct answer){.kind = ANSWER_MISSING, .fetched_ms = c->fetched_ms, .alone = c->count == 1};
    while ((entity = yyjson_arr_iter_next(&it)) != NULL) {
        struct entry_text id;
        struct need *n;
        yyjson_val *found = c->shop->platform->entity(c->endpoint, entity, &id);

        n = found ? need_by_id(c, &id) : NULL;
        if (!n)
            continue;
        n->answer.kind = ANSWER_FOUND;
        n->answer.json = found;
    }
    for (size_t i = 0; i < c->count; i++) {
        if (c->needs[i]->answer.kind == ANSWER_MISSING)
            metric_add(METRIC_WORKER_FETCH_MISSING, 1);
        need_enter(f->pool, c->needs[i], NEED_ANSWERED);
    }
    list_push(&f->answered, c);
}

static void split(struct call *c, struct call_list *queue)
{
    size_t half = (c->count + 1) / 2;
    struct call *parts[2] = {call_new(c->shop, c->endpoint, half),
                             call_new(c->shop, c->endpoint, c->count - half)};

    for (size_t i = 0; i < c->count; i++) {
        struct call *part = parts[i >= half];

        part->needs[part->count++] = c->needs[i];
    }
    for (size_t i = 2; i-- > 0;) {
        parts[i]->first_mono_ms = c->first_mono_ms;
        parts[i]->since_mono_ms = c->sent_mono_ms; /* the other half counts */
        parts[i]->fetched_ms = c->fetched_ms;
        list_push(queue, parts[i]);
    }
    call_free(c);
}

/* May the probe's word alone condemn this id, or have too many of the shop's ids failed without one success? */
static bool may_condemn(struct fetch_shop *s, const struct call *c)
{
    uint64_t hash = c->needs[0]->hash;

    if (s->circuit.ok_mono_ms >= c->since_mono_ms)
        return true;
    for (size_t i = 0; i < s->condemned_count; i++)
        if (s->condemned[i] == hash)
            return true;
    if (s->condemned_count == FETCH_SUSPECTS)
        return false;
    s->condemned[s->condemned_count++] = hash;
    return true;
}

/* Ids that failed alone: their own fault once anything else of the shop has succeeded since. */
static void judge_suspects(struct fetcher *f, struct fetch_shop *s)
{
    struct call_list later = {0};
    struct call *c;

    while ((c = list_pop(&s->suspects)) != NULL) {
        if (!circuit_succeeded_since(&s->circuit, c->since_mono_ms)) {
            s->probe_due = !s->probing;
            list_push(&later, c);
        } else if (may_condemn(s, c)) {
            need_judge(f->pool, c->needs[0], OUTCOME_RETRY, DEAD_REJECTED, c->error);
            call_free(c);
        } else {
            char error[sizeof c->error];

            memcpy(error, c->error, sizeof error); /* the trip frees c */
            list_push(&s->suspects, c);
            while ((c = list_pop(&later)) != NULL)
                list_push(&s->suspects, c);
            shop_trip(f, s, error);
        }
    }
    while ((c = list_pop(&later)) != NULL)
        list_push(&s->suspects, c);
}

/* The request could not be answered as it was: narrow it down, or suspect its only id. Takes c. */
static void call_failed(struct fetcher *f, struct call *c, const struct platform_result *result,
                        bool no_answer)
{
    struct fetch_shop *s = c->shop;
    int64_t now = clock_mono_ms();

    if (s->circuit.open) {
        int64_t left = s->circuit.half_open_mono_ms - now;

        call_defer(f->pool, c,
                   left < 1000                     ? 1000
                   : left > FETCH_DEFER_LONGEST_MS ? FETCH_DEFER_LONGEST_MS
                                                   : left,
                   result->error);
        return;
    }
    if (circuit_failed(&s->circuit, now, no_answer) && !s->probing)
        s->probe_due = true;
    if (c->count > 1) {
        split(c, &s->queue);
        return;
    }
    memcpy(c->error, result->error, sizeof c->error);
    list_push(&s->suspects, c);
    judge_suspects(f, s);
}

static void call_good(struct fetcher *f, struct call *c, yyjson_val *entities)
{
    struct fetch_shop *s = c->shop;

    shop_available(s);
    s->condemned_count = 0;
    if (circuit_succeeded(&s->circuit, clock_mono_ms()))
        shop_closed(s);
    if (!s->suspects.first)
        s->probe_due = false;
    take_entities(f, c, entities);
    judge_suspects(f, s);
}

static void probe_good(struct fetcher *f, struct call *c)
{
    struct fetch_shop *s = c->shop;

    shop_available(s);
    if (circuit_probe_good(&s->circuit, clock_mono_ms()))
        shop_closed(s);
    call_free(c);
    judge_suspects(f, s);
}

/* Takes c, whose document it keeps when needs point into it. */
static void call_judged(struct fetcher *f, struct call *c, const struct platform_result *result,
                        bool no_answer)
{
    struct fetch_shop *s = c->shop;

    if (result->class != CALL_OK) {
        yyjson_doc_free(c->doc);
        c->doc = NULL; /* c may be sent again */
    }
    switch (result->class) {
    case CALL_OK:
        if (c->probe)
            probe_good(f, c);
        else
            call_good(f, c, result->entities);
        return;
    case CALL_LIMIT:
        shop_limited(f, s, c, result->retry_after_ms);
        return;
    case CALL_TOKEN:
    case CALL_AUTH:
    case CALL_SCOPE:
        shop_refused(f, s, c, result->error);
        return;
    case CALL_RETRY:
    case CALL_PERM:
    case CALL_DENIED:
    case CALL_GONE:
    case CALL_ABSENT:
        if (!c->probe) {
            call_failed(f, c, result, no_answer);
            return;
        }
        call_free(c);
        shop_trip(f, s, result->error);
        return;
    }
    fatalx("fetch: call class", LOG_I("class", result->class));
}

/* Takes the answer of c. */
static void call_ended(struct fetcher *f, struct call *c, struct http_answer *a)
{
    struct fetch_shop *s = c->shop;
    struct platform_result result;
    yyjson_val *root;
    bool slow;

    running_remove(f, c);
    slow = a->ended_mono_ms - a->started_mono_ms > f->config->fetch_budget_ms / 2;
    s->slow = c->probe ? s->slow || slow : slow; /* a quick probe does not make detail calls quick */
    s->probing = s->probing && !c->probe;
    if (a->status != 0 && a->body.length > 0)
        c->doc = json_parse(a->body.data, a->body.length, NULL, NULL);
    root = c->doc ? yyjson_doc_get_root(c->doc) : NULL;
    s->platform->judge(c->endpoint,
                       &(struct platform_answer){a->status, root, a->error, a->retry_after, clock_now_ms()},
                       &result);
    count_result(result.class);
    if (result.class == CALL_OK)
        measure_clock(f, a);
    call_judged(f, c, &result, a->status == 0);
}

/* Takes one answer, waiting up to wait_ms. False: none came. */
static bool take_one(struct fetcher *f, int64_t wait_ms)
{
    struct http_answer answer;
    void *context;

    if (!http_client_next(f->http, wait_ms, &context, &answer))
        return false;
    call_ended(f, context, &answer);
    http_answer_deinit(&answer);
    return true;
}

/* --- planning ------------------------------------------------------------------------------------------------- */

static void shop_reset_turn(struct fetch_shop *s)
{
    s->waiting = NULL;
    s->waiting_count = 0;
    s->next = 0;
    s->oldest_mono_ms = INT64_MAX;
    s->mixed = false;
}

/* The shop of a need; NULL: nobody can fetch it, it was judged. */
static struct fetch_shop *shop_of(struct fetcher *f, struct need *n)
{
    const struct platform *p = platform_find(n->platform);

    if (p && endpoint_of(f, p, n) >= 0)
        return shop_find(f, p, n->shop);
    need_judge(f->pool, n, OUTCOME_POISON, DEAD_REJECTED, "no platform of ours can fetch this kind");
    return NULL;
}

static void note_waiting(struct fetch_shop *s, const struct need *n)
{
    if (s->waiting_count++ == 0)
        s->kind = n->kind;
    if (n->since_mono_ms < s->oldest_mono_ms)
        s->oldest_mono_ms = n->since_mono_ms;
    if (n->alone || n->kind != s->kind)
        s->mixed = true;
}

/* Orders a shop's needs by kind, single ones last, each in order of arrival. False: the arena is full, order kept. */
static bool sort_mixed(struct fetcher *f, struct fetch_shop *s)
{
    struct need **sorted = arena_take_array(f->arena, s->waiting_count, sizeof(struct need *));
    size_t n = 0;

    if (!sorted)
        return false;
    for (int group = 0; group < 2 * ENTRY_KINDS; group++)
        for (size_t i = 0; i < s->waiting_count; i++)
            if ((int)s->waiting[i]->kind * 2 + (int)s->waiting[i]->alone == group)
                sorted[n++] = s->waiting[i];
    s->waiting = sorted;
    return true;
}

/* Gives every shop its slice of one array. needs is overwritten by shops' slices. False: the arena is full. */
static bool group_by_shop(struct fetcher *f, struct need **needs, size_t count)
{
    struct fetch_shop **shops = arena_take_array(f->arena, count, sizeof(struct fetch_shop *));
    struct need **slices = arena_take_array(f->arena, count, sizeof(struct need *));
    size_t used = 0;

    if (!shops || !slices)
        return false;
    for (size_t i = 0; i < count; i++) {
        shops[i] = shop_of(f, needs[i]);
        if (shops[i])
            note_waiting(shops[i], needs[i]);
    }
    for (size_t i = 0; i < count; i++) {
        struct fetch_shop *s = shops[i];

        if (!s)
            continue;
        if (!s->waiting) {
            s->waiting = slices + used;
            used += s->waiting_count;
        }
        s->waiting[s->next++] = needs[i];
    }
    return true;
}

/* Shops that have something to do this turn. False: the arena is full. */
static bool plan_shops(struct fetcher *f, int64_t now)
{
    size_t n = 0;

    for (struct fetch_shop *s = f->all; s; s = s->all)
        n++;
    f->plan = arena_take_array(f->arena, n, sizeof(struct fetch_shop *));
    f->plan_count = 0;
    if (!f->plan)
        return n == 0;
    for (struct fetch_shop *s = f->all; s; s = s->all) {
        s->next = 0; /* was the fill mark of its slice */
        if (s->waiting_count == 0 && !shop_is_busy(s))
            continue;
        s->used_mono_ms = now;
        f->plan[f->plan_count++] = s;
        if (s->mixed && !sort_mixed(f, s))
            s->mixed = false;
    }
    return true;
}

/* One find a collection for all shops of the turn. False: MongoDB is away. */
static bool load_shops(struct fetcher *f, struct err *err)
{
    const char **ids = xcalloc(f->plan_count + 1, sizeof *ids);
    bool ok = true;

    for (size_t i = 0; i < f->plan_count && ok; i++) {
        const struct platform *p = f->plan[i]->platform;
        size_t n = 0;

        if (i > 0 && f->plan[i - 1]->platform == p)
            continue;
        for (size_t j = i; j < f->plan_count; j++)
            if (f->plan[j]->platform == p)
                ids[n++] = f->plan[j]->shop_id;
        ok = shop_cache_load(f->shops, p->name, ids, n, err);
    }
    free(ids);
    return ok;
}

/* A shop that is held up keeps at most its share of the pool; the newest of the rest go back. */
static void shop_trim(struct fetcher *f, struct fetch_shop *s)
{
    size_t share = (size_t)f->config->read_max_entries / 5, messages = 0;

    for (size_t i = 0; i < s->waiting_count; i++) {
        messages += s->waiting[i]->messages.count;
        if (messages > share) {
            waiting_defer(f, s, i, FETCH_CROWD_MS, "its shop is held up");
            return;
        }
    }
}

/* May the shop be called? Defers what cannot wait in the pool. */
static void shop_gate(struct fetcher *f, struct fetch_shop *s)
{
    int64_t now = clock_mono_ms(), left = circuit_limit_left(&s->circuit, now);

    if (!shop_usable(f, s))
        return;
    if (left > FETCH_SHORT_WAIT_MS) {
        shop_defer(f, s, left, "rate limit");
        return;
    }
    if (s->circuit.open && now < s->circuit.half_open_mono_ms) {
        shop_defer(f, s, s->circuit.half_open_mono_ms - now, "circuit open");
        return;
    }
    if (s->circuit.open && !s->probing)
        s->probe_due = true;
    if (left > 0 || s->carried > 0 || s->circuit.open)
        shop_trim(f, s);
}

struct urgency {
    bool old;      /* something waits longer than the budget */
    int64_t score; /* waiting ids, and one batch more for each budget waited: nobody starves */
};

static struct urgency urgency_of(const struct fetcher *f, const struct fetch_shop *s, int64_t now)
{
    int64_t budget = f->config->fetch_budget_ms > 0 ? f->config->fetch_budget_ms : 1;
    int64_t age = s->waiting_count > 0 ? now - s->oldest_mono_ms : 0;

    return (struct urgency){age > budget, (int64_t)s->waiting_count + age / budget * 50};
}

/* A shop and what it is sorted by. */
struct ranked {
    struct urgency urgency;
    struct fetch_shop *shop;
};

static int rank_compare(const void *a, const void *b)
{
    const struct urgency *x = &((const struct ranked *)a)->urgency, *y = &((const struct ranked *)b)->urgency;

    if (x->old != y->old)
        return x->old ? -1 : 1;
    return x->score == y->score ? 0 : x->score > y->score ? -1 : 1;
}

/* Full arena: they stay in the order they have. */
static void plan_sort(struct fetcher *f, int64_t now)
{
    struct ranked *ranked = arena_take_array(f->arena, f->plan_count, sizeof *ranked);

    if (!ranked)
        return;
    for (size_t i = 0; i < f->plan_count; i++)
        ranked[i] = (struct ranked){urgency_of(f, f->plan[i], now), f->plan[i]};
    qsort(ranked, f->plan_count, sizeof *ranked, rank_compare);
    for (size_t i = 0; i < f->plan_count; i++)
        f->plan[i] = ranked[i].shop;
}

static bool plan(struct fetcher *f, struct err *err)
{
    int64_t now = clock_mono_ms();
    size_t count;
    struct need **needs;

    for (struct fetch_shop *s = f->all; s; s = s->all)
        shop_reset_turn(s);
    f->plan_count = 0;
    needs = pool_collect(f->pool, NEED_WAITING, f->arena, &count);
    if ((count > 0 && !group_by_shop(f, needs, count)) || !plan_shops(f, now)) {
        for (struct fetch_shop *s = f->all; s; s = s->all)
            shop_reset_turn(s);
        f->plan_count = 0;
        return true;
    }
    if (!load_shops(f, err))
        return false;
    plan_sort(f, now);
    for (size_t i = 0; i < f->plan_count && !f->away; i++)
        shop_gate(f, f->plan[i]);
    return true;
}

/* --- the turn ------------------------------------------------------------------------------------------------- */

/* Calls still under way are nobody's to wait for any more. */
static void carry(struct fetcher *f)
{
    int64_t now = clock_mono_ms();

    for (struct call *c = f->running; c; c = c->next) {
        if (c->carried)
            continue;
        c->carried = true;
        c->shop->carried++;
        f->waited--;
        if (now - c->sent_mono_ms > f->config->fetch_budget_ms / 2)
            c->shop->slow = true;
        metric_add(METRIC_WORKER_FETCH_CARRIED, 1);
    }
}

static void run(struct fetcher *f, int64_t end_mono_ms)
{
    int64_t patience =
        FETCH_CARRIED_POLL_MS; /* spent on carried calls only when there is nothing else to wait for */

    for (;;) {
        int64_t left = end_mono_ms - clock_mono_ms();

        send_all(f);
        if (f->waited > 0)
            patience = 0;
        if (left <= 0 || !take_one(f, f->waited > 0 ? left : patience))
            break;
    }
    carry(f);
}

bool fetch_missing(struct fetcher *f, struct pool *pool, const struct redis_time *redis_time,
                   struct arena *arena, struct err *err)
{
    int64_t end = clock_mono_ms() + f->config->fetch_budget_ms;

    f->pool = pool;
    f->time = redis_time;
    f->arena = arena;
    f->ids = 0;
    f->away = false;
    for (struct fetch_shop *s = f->all; s; s = s->all)
        shop_reset_turn(s);
    f->plan_count = 0;
    while (take_one(f, 0)) /* what ended between the turns */
        ;
    shops_expire(f, clock_mono_ms());
    if (!f->away) {
        if (!plan(f, err))
            return false;
        if (!f->away)
            run(f, end);
    }
    for (struct fetch_shop *s = f->all; s; s = s->all)
        shop_reset_turn(s); /* the arena ends before the next turn */
    if (f->away && err)
        *err = f->away_err;
    return !f->away;
}

/* --- between turns -------------------------------------------------------------------------------------------- */

static bool points_into(const struct call *c, const yyjson_val *json)
{
    yyjson_val *end = c->doc->root + c->doc->val_read;

    return json >= c->doc->root && json < end;
}

static void keep_if_used(void *context, struct need *n)
{
    struct fetcher *f = context;

    if ((n->state != NEED_ANSWERED && n->state != NEED_BUILT) || n->answer.kind != ANSWER_FOUND)
        return;
    for (struct call *c = f->answered.first; c; c = c->next)
        if (points_into(c, n->answer.json))
            c->kept = true;
}

void fetch_release(struct fetcher *f)
{
    struct call_list kept = {0};
    struct call *c;

    if (!f->answered.first)
        return;
    for (c = f->answered.first; c; c = c->next)
        c->kept = false;
    pool_each(f->pool, keep_if_used, f);
    while ((c = list_pop(&f->answered)) != NULL) {
        if (c->kept)
            list_push(&kept, c);
        else
            call_free(c);
    }
    f->answered = kept;
}

size_t fetch_carried(const struct fetcher *f)
{
    size_t n = http_client_running(f->http);

    for (const struct fetch_shop *s = f->all; s; s = s->all)
        for (const struct call *c = s->queue.first; c; c = c->next)
            n++;
    return n;
}

void fetch_abort(struct fetcher *f, struct pool *pool)
{
    struct call *c;

    http_client_abort(f->http);
    while ((c = f->running) != NULL) {
        running_remove(f, c);
        call_undo(pool, c);
    }
    for (struct fetch_shop *s = f->all; s; s = s->all) {
        while ((c = list_pop(&s->queue)) != NULL)
            call_undo(pool, c);
        while ((c = list_pop(&s->suspects)) != NULL)
            call_undo(pool, c);
        s->probing = false;
        s->probe_due = false;
    }
}

bool fetch_clocks_agree(const struct fetcher *f)
{
    return !f->clock.apart;
}

struct fetcher *fetcher_new(const struct config *config, struct shop_cache *shops, struct err *err)
{
    struct fetcher *f = xcalloc(1, sizeof *f);

    f->config = config;
    f->shops = shops;
    if (getrandom(&f->random, sizeof f->random, 0) != (ssize_t)sizeof f->random || f->random == 0)
        f->random = (uint64_t)clock_mono_us() | 1;
    f->http = http_client_new(config, err);
    if (f->http)
        return f;
    fetcher_free(f);
    return NULL;
}

static void calls_free(struct call *c)
{
    while (c) {
        struct call *next = c->next;

        call_free(c);
        c = next;
    }
}

void fetcher_free(struct fetcher *f)
{
    if (!f)
        return;
    http_client_free(f->http);
    calls_free(f->running);
    calls_free(f->answered.first);
    while (f->all) {
        struct fetch_shop *s = f->all;

        f->all = s->all;
        calls_free(s->queue.first);
        calls_free(s->suspects.first);
        shop_free(f, s);
    }
    free(f);
}
