/* fetch.c - worker, stage 4 of 7: ask the marketplace for what the database does not know yet.
 *
 * In:      needs in state WAITING; calls still under way from earlier turns.
 * Out:     needs ANSWERED (also: to be parked), judged, still WAITING, or CALLING (carried to the next turn).
 * Fails:   false only when shops cannot be read from MongoDB; everything the marketplace does is an answer.
 * Thread:  the lane's. Blocks up to FETCH_BUDGET_MS, and only for calls this turn started for shops that are not slow.
 *
 * A turn: take what has ended meanwhile; sort the waiting needs by shop; ask of each shop whether it may be called (gate,
 * fetch_shop.c); send calls, take answers, send what follows from them (fetch_call.c), until nothing of this turn is under
 * way or the budget is over; what still runs is carried.
 *
 * Why so:  a slow shop is not waited for again until it has been quick once, so it costs the others one budget in all.
 *          Live needs come before those of bulk streams. While the limit of a whole app binds, its shops take turns instead
 *          of the fullest coming first, because then what one takes another lacks. */
#include "worker/fetch.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <xxhash.h>

#include "common/clock.h"
#include "common/strbuf.h"
#include "worker/fetch_internal.h"
#include "worker/streams.h"

uint32_t fetch_random(struct fetcher *f)
{
    f->random ^= f->random << 13;
    f->random ^= f->random >> 7;
    f->random ^= f->random << 17;
    return (uint32_t)(f->random >> 32);
}

uint64_t fetch_token_print(const char *token)
{
    return XXH3_64bits(token, strlen(token));
}

/* --- planning ------------------------------------------------------------------------------------------------- */

static void shop_reset_turn(struct fetch_shop *s)
{
    s->waiting = NULL;
    s->waiting_count = 0;
    s->next = 0;
    s->oldest_mono_ms = INT64_MAX;
    s->mixed = false;
    s->live = false;
}

bool fetch_is_background(const struct fetcher *f, const struct need *n)
{
    for (const struct message *m = n->messages.first; m; m = m->next)
        if (!f->streams || !f->streams->items[m->stream].bulk)
            return false;
    return true;
}

/* The shop of a need, and what is asked for it first; NULL: nobody can fetch it, it was judged. */
static struct fetch_shop *shop_of(struct fetcher *f, struct need *n, struct waiting *w)
{
    const struct platform *p = platform_find(n->platform);
    struct platform_ask ask = {0};
    bool known = p && p->next_ask(f->config, n->kind, n->return_kind, n->id, NULL, &ask);

    strbuf_deinit(&ask.subject);
    if (!known) {
        need_judge(f->pool, n, OUTCOME_POISON, DEAD_REJECTED, "no platform of ours can fetch this kind");
        return NULL;
    }
    *w = (struct waiting){n, ask.endpoint, fetch_is_background(f, n)};
    return fetch_shop_find(f, p, n->shop);
}

/* Live before background, together before alone, then by endpoint. */
static unsigned group_of(const struct waiting *w)
{
    return ((unsigned)w->background * 2 + (unsigned)w->need->alone) * PLATFORM_ENDPOINTS_MAX +
           (unsigned)w->endpoint;
}

static void note_waiting(struct fetch_shop *s, const struct waiting *w)
{
    if (s->waiting_count++ == 0)
        s->group = group_of(w);
    if (w->need->since_mono_ms < s->oldest_mono_ms)
        s->oldest_mono_ms = w->need->since_mono_ms;
    s->mixed = s->mixed || group_of(w) != s->group;
    s->live = s->live || !w->background;
}

/* Orders a shop's needs by group, each in order of arrival. False: the arena is full, order kept. */
static bool sort_mixed(struct fetcher *f, struct fetch_shop *s)
{
    struct waiting *sorted = arena_take_array(f->arena, s->waiting_count, sizeof *sorted);
    size_t at[4 * PLATFORM_ENDPOINTS_MAX + 1] = {0};

    if (!sorted)
        return false;
    for (size_t i = 0; i < s->waiting_count; i++)
        at[group_of(&s->waiting[i]) + 1]++;
    for (size_t g = 1; g < sizeof at / sizeof at[0]; g++)
        at[g] += at[g - 1];
    for (size_t i = 0; i < s->waiting_count; i++)
        sorted[at[group_of(&s->waiting[i])]++] = s->waiting[i];
    s->waiting = sorted;
    return true;
}

/* Gives every shop its slice of one array. False: the arena is full. */
static bool group_by_shop(struct fetcher *f, struct need **needs, size_t count)
{
    struct fetch_shop **shops = arena_take_array(f->arena, count, sizeof(struct fetch_shop *));
    struct waiting *all = arena_take_array(f->arena, count, sizeof *all);
    struct waiting *slices = arena_take_array(f->arena, count, sizeof *slices);
    size_t used = 0;

    if (!shops || !all || !slices)
        return false;
    for (size_t i = 0; i < count; i++) {
        shops[i] = shop_of(f, needs[i], &all[i]);
        if (shops[i])
            note_waiting(shops[i], &all[i]);
    }
    for (size_t i = 0; i < count; i++) {
        struct fetch_shop *s = shops[i];

        if (!s)
            continue;
        if (!s->waiting) {
            s->waiting = slices + used;
            used += s->waiting_count;
        }
        s->waiting[s->next++] = all[i];
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
        if (s->waiting_count == 0 && !fetch_shop_is_busy(s))
            continue;
        s->used_mono_ms = now;
        f->plan[f->plan_count++] = s;
        if (s->mixed && !sort_mixed(f, s))
            s->mixed = false;
    }
    return true;
}

/* When the newest of the shop's waiting needs came back from MongoDB; 0 = none has. Money that moved, and what is asked for
 * again, come back without a probe. */
static int64_t came_back_ms(const struct fetch_shop *s)
{
    int64_t newest = 0;

    for (size_t i = 0; i < s->waiting_count; i++)
        for (const struct message *m = s->waiting[i].need->messages.first; m; m = m->next)
            if (m->entry.kind != ENTRY_TRANSACTION && message_was_parked(m) && !message_is_again(m) &&
                m->entry_ms > newest)
                newest = m->entry_ms;
    return newest;
}

/* The sweep gives needs back only when a shop can be used and its probe was good: what is remembered against it is older. */
static void forgive(struct fetcher *f, struct fetch_shop *s)
{
    int64_t came_ms = came_back_ms(s);

    if (came_ms < s->forgiven_ms + FETCH_FORGIVE_MS)
        return;
    s->forgiven_ms = came_ms;
    if (s->told != GRANT_FINE) {
        shop_cache_forget(f->shops, s->platform->name, s->shop_id);
        s->refused_mono_ms = 0;
    }
    if (s->circuit.open && circuit_probe_good(&s->circuit, clock_mono_ms()))
        fetch_shop_closed(s);
}

/* One find a collection for all shops of the turn. False: MongoDB is away. */
static bool load_shops(struct fetcher *f, struct err *err)
{
    const char **ids = xcalloc(f->plan_count + 1, sizeof *ids);
    bool ok = true;

    for (size_t i = 0; i < f->plan_count; i++)
        forgive(f, f->plan[i]);
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

struct urgency {
    bool paced; /* its app's limit binds: such shops take turns. They come first, for they can send little */
    bool live;  /* paced: not background work alone */
    int64_t served; /* paced: when it was served last */
    bool old;       /* something waits longer than the budget */
    int64_t score;  /* waiting ids, and one batch more for each budget waited: nobody starves */
};

static struct urgency urgency_of(const struct fetcher *f, const struct fetch_shop *s, int64_t now)
{
    int64_t budget = f->config->fetch_budget_ms > 0 ? f->config->fetch_budget_ms : 1;
    int64_t age = s->waiting_count > 0 ? now - s->oldest_mono_ms : 0;

    return (struct urgency){fetch_pace_binds(s->pace, now), s->live, s->served_mono_ms, age > budget,
                            (int64_t)s->waiting_count + age / budget * 50};
}

/* A shop and what it is sorted by. */
struct ranked {
    struct urgency urgency;
    struct fetch_shop *shop;
};

static int rank_compare(const void *a, const void *b)
{
    const struct urgency *x = &((const struct ranked *)a)->urgency, *y = &((const struct ranked *)b)->urgency;

    if (x->paced != y->paced)
        return x->paced ? -1 : 1;
    if (x->paced && x->live != y->live)
        return x->live ? -1 : 1;
    if (x->paced && x->served != y->served)
        return x->served < y->served ? -1 : 1;
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
    for (size_t i = 0; i < FETCH_PLATFORMS; i++)
        f->paces[i].kept = 0;
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
        fetch_shop_gate(f, f->plan[i]);
    return true;
}

/* --- the turn ------------------------------------------------------------------------------------------------- */

/* When even the call that may take longest is late: a shop that hangs costs the others this much and not a whole budget. */
static int64_t patience_end(const struct fetcher *f)
{
    int64_t end = 0;

    for (const struct call *c = f->running; c; c = c->next) {
        int64_t usual = FETCH_PATIENCE_FACTOR * c->shop->pace->usual_ms;
        int64_t late = c->sent_mono_ms + (usual > FETCH_PATIENCE_MS ? usual : FETCH_PATIENCE_MS);

        if (!c->carried && late > end)
            end = late;
    }
    return end;
}

/* Waits for this turn's calls alone and not for late ones, but looks up when a limit may allow what it refused. */
static void run(struct fetcher *f, int64_t end_mono_ms)
{
    int64_t patience =
        FETCH_CARRIED_POLL_MS; /* spent on carried calls only when there is nothing else to wait for */

    for (;;) {
        int64_t now, late, wait;

        call_send_all(f);
        now = clock_mono_ms();
        if (f->waited > 0)
            patience = 0;
        late = f->waited > 0 ? patience_end(f) : end_mono_ms;
        if (now >= end_mono_ms || now >= late)
            break;
        wait = f->waited > 0 ? (late < end_mono_ms ? late : end_mono_ms) - now : patience;
        if (f->waited > 0 && f->pace_next_mono_ms < now + wait)
            wait = f->pace_next_mono_ms > now ? f->pace_next_mono_ms - now : 1;
        if (!call_take_answer(f, wait) && f->waited == 0)
            break;
    }
    call_carry(f);
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
    f->limiter_away = false;
    for (struct fetch_shop *s = f->all; s; s = s->all)
        shop_reset_turn(s);
    f->plan_count = 0;
    while (call_take_answer(f, 0)) /* what ended between the turns */
        ;
    fetch_shops_expire(f, clock_mono_ms());
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

    if ((n->state != NEED_ANSWERED && n->state != NEED_BUILT) || n->answer.kind != ANSWER_FOUND ||
        n->parts) /* composed: points into its own parts */
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
    while ((c = call_list_pop(&f->answered)) != NULL) {
        if (c->kept)
            call_list_push(&kept, c);
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
        call_running_remove(f, c);
        call_undo(pool, c);
    }
    for (struct fetch_shop *s = f->all; s; s = s->all) {
        while ((c = call_list_pop(&s->queue)) != NULL)
            call_undo(pool, c);
        while ((c = call_list_pop(&s->suspects)) != NULL)
            call_undo(pool, c);
        s->probing = false;
        s->probe_due = false;
    }
}

bool fetch_clocks_agree(const struct fetcher *f)
{
    return !f->clock.apart;
}

struct fetcher *fetcher_new(const struct config *config, struct shop_cache *shops, struct limiter *limiter,
                            struct refresher *refresher, const struct streams *streams, struct err *err)
{
    struct fetcher *f = xcalloc(1, sizeof *f);

    f->config = config;
    f->shops = shops;
    f->limiter = limiter;
    f->refresher = refresher;
    f->streams = streams;
    if (getrandom(&f->random, sizeof f->random, 0) != (ssize_t)sizeof f->random || f->random == 0)
        f->random = (uint64_t)clock_mono_us() | 1;
    f->http = http_client_new(config, err);
    if (f->http)
        return f;
    fetcher_free(f);
    return NULL;
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
        fetch_shop_free(f, s);
    }
    free(f);
}
