/* fetch_call.c - worker, stage 4 of 7: calls, from needs to the wire. What comes back: fetch_answer.c.
 *
 * In:      this turn's waiting needs of a shop; calls of its queue (halves, next steps, what has to be repeated).
 * Out:     requests on the wire; needs CALLING.
 * Fails:   a request that cannot be built makes its shop unusable.
 * Thread:  the lane's.
 * Why so:  needs of two kinds may share an id (an order and its tracking begin with the same detail): it travels once, and
 *          its entity is given to both. While a whole app is at its limit, its shops take turns call by call. */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/metrics.h"
#include "common/strbuf.h"
#include "worker/fetch_internal.h"

/* --- calls and lists ------------------------------------------------------------------------------------------ */

void call_list_push(struct call_list *list, struct call *c)
{
    c->next = list->first;
    list->first = c;
}

struct call *call_list_pop(struct call_list *list)
{
    struct call *c = list->first;

    if (c) {
        list->first = c->next;
        c->next = NULL;
    }
    return c;
}

struct call *call_new(struct fetch_shop *shop, int endpoint, size_t room)
{
    struct call *c = xcalloc(1, sizeof *c + room * sizeof c->items[0]);

    c->shop = shop;
    c->endpoint = endpoint;
    c->background = true;
    c->room = room;
    return c;
}

void call_drop_answer(struct call *c)
{
    yyjson_doc_free(c->doc);
    c->doc = NULL;
    strbuf_deinit(&c->text);
}

void call_free(struct call *c)
{
    for (size_t i = 0; i < c->count; i++)
        free(c->items[i].subject);
    call_drop_answer(c);
    free(c);
}

void calls_free(struct call *c)
{
    while (c) {
        struct call *next = c->next;

        call_free(c);
        c = next;
    }
}

const char *call_subject(const struct item *item)
{
    return item->subject ? item->subject : item->need->id;
}

/* Needs of one kind never share an id; those of two kinds may (an order and its tracking). */
static bool has_subject(const struct call *c, const struct need *n, const char *subject)
{
    if (c->count == 0 || (!c->step && !c->mixed && c->items[0].need->kind == n->kind))
        return false;
    for (size_t i = 0; i < c->count; i++)
        if (strcmp(call_subject(&c->items[i]), subject) == 0)
            return true;
    return false;
}

void call_add(struct call *c, struct need *n, char *subject, bool background)
{
    bool there = has_subject(c, n, subject ? subject : n->id);

    c->mixed = c->mixed || (c->count > 0 && c->items[0].need->kind != n->kind);
    c->items[c->count++] = (struct item){n, subject, NULL};
    c->distinct += !there;
    c->background = c->background && background;
}

void call_undo(struct pool *pool, struct call *c)
{
    for (size_t i = 0; i < c->count; i++) {
        parts_free(c->items[i].need->parts);
        c->items[i].need->parts = NULL;
        need_enter(pool, c->items[i].need, NEED_WAITING);
    }
    call_free(c);
}

void call_hold_up(struct fetcher *f, struct call *c, int64_t delay_ms, const char *why, const char *reason)
{
    for (size_t i = 0; i < c->count; i++)
        fetch_need_hold_up(f, c->items[i].need, delay_ms, why, reason);
    call_free(c);
}

void call_park(struct fetcher *f, struct call *c, const char *reason)
{
    for (size_t i = 0; i < c->count; i++)
        fetch_need_park(f, c->items[i].need, reason);
    call_free(c);
}

void call_rest(struct fetcher *f, struct call *c, const char *why)
{
    int64_t left = c->shop->health[c->endpoint].rest_mono_ms - clock_mono_ms();

    call_hold_up(f, c, (left > 0 ? left : 0) + fetch_random(f) % 1000, why, "circuit");
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

void call_running_remove(struct fetcher *f, struct call *c)
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

/* Every id once, even when two needs share it. */
static size_t subjects_of(const struct call *c, const char **subjects)
{
    size_t n = 0;

    for (size_t i = 0; i < c->count; i++) {
        const char *subject = call_subject(&c->items[i]);
        bool there = false;

        for (size_t j = 0; j < n && c->distinct < c->count && !there; j++)
            there = strcmp(subjects[j], subject) == 0;
        if (!there)
            subjects[n++] = subject;
    }
    return n;
}

/* UTC ms to sign with: the marketplace refuses requests of another time. Ours, unless its answers have told that ours is
 * wrong: a clock that steps must not make a worker useless. */
static int64_t sign_time_ms(const struct pace *p)
{
    int64_t ours = clock_now_ms(), theirs = p->date_ms + clock_mono_ms() - p->date_mono_ms;

    return p->date_ms != 0 && llabs(theirs - ours) > FETCH_CLOCK_WRONG_MS ? theirs : ours;
}

static bool call_request(struct fetcher *f, const struct call *c, const struct shop *shop,
                         struct platform_request *request, struct err *err)
{
    const struct platform *p = c->shop->platform;
    int64_t at_s = sign_time_ms(c->shop->pace) / 1000;
    const char **subjects;
    bool ok;

    if (c->probe)
        return p->probe_request(f->config, shop, at_s, request, err);
    subjects = xcalloc(c->count, sizeof *subjects);
    ok = p->detail_request(f->config, shop, c->endpoint, subjects, subjects_of(c, subjects), at_s, request,
                           err);
    free(subjects);
    return ok;
}

static int64_t call_timeout_ms(const struct fetcher *f, const struct call *c)
{
    int64_t ms = f->config->request_timeout_ms;

    return c->probe && ms > FETCH_PROBE_TIMEOUT_MS ? FETCH_PROBE_TIMEOUT_MS : ms;
}

static void note_sent(struct fetcher *f, struct call *c, const struct shop *shop)
{
    c->sent_mono_ms = clock_mono_ms();
    if (c->since_mono_ms == 0)
        c->since_mono_ms = c->sent_mono_ms;
    if (c->first_mono_ms == 0) {
        c->first_mono_ms = c->sent_mono_ms;
        c->fetched_ms = redis_time_now_ms(f->time);
    }
    c->token = fetch_token_print(shop->access_token);
    c->shop->served_mono_ms = c->sent_mono_ms;
}

/* Not sent, through no fault of the marketplace: c and the shop's other needs wait or are parked. Takes c. */
static void send_failed(struct fetcher *f, struct call *c, const struct shop *shop, const char *error,
                        bool built)
{
    struct fetch_shop *s = c->shop;

    if (f->away || !shop) {
        call_undo(f->pool, c); /* the gate judges the shop's needs next turn, or has done so already */
    } else if (built) {
        call_hold_up(f, c, FETCH_UNAVAILABLE_MS, error, NULL); /* libcurl could not */
    } else {
        call_list_push(&s->queue, c);
        fetch_shop_unavailable(f, s, GRANT_UNUSABLE, error, "unusable");
    }
}

/* Sends c. Takes it. False: not sent. */
static bool call_send(struct fetcher *f, struct call *c)
{
    struct platform_request request = {0};
    struct err err = {0};
    const struct shop *shop = fetch_shop_usable(f, c->shop);
    bool built = shop && call_request(f, c, shop, &request, &err), ok = built;

    if (ok) {
        note_sent(f, c, shop);
        ok = http_client_start(f->http, &request, call_timeout_ms(f, c), c, &err);
    }
    platform_request_deinit(&request);
    if (!ok) {
        send_failed(f, c, shop, err.text, built);
        return false;
    }
    running_add(f, c);
    metric_add(METRIC_WORKER_FETCH_CALLS, 1);
    metric_add(METRIC_WORKER_FETCH_IDS, (int64_t)c->distinct);
    return true;
}

static void probe_send(struct fetcher *f, struct fetch_shop *s)
{
    struct call *c = call_new(s, PLATFORM_PROBE, 0);

    c->probe = true;
    s->probe_due = false;
    s->probing = call_send(f, c);
}

static bool is_resting(const struct fetch_shop *s, int endpoint)
{
    return clock_mono_ms() < s->health[endpoint].rest_mono_ms;
}

/* The next need that can be asked for. Those that cannot for want of scope are parked, those of an endpoint that is down
 * held up. NULL: none is left. */
static struct waiting *waiting_peek(struct fetcher *f, struct fetch_shop *s)
{
    for (; s->next < s->waiting_count; s->next++) {
        struct waiting *w = &s->waiting[s->next];

        if (w->need->state != NEED_WAITING || pool_is_calling(f->pool, w->need))
            continue; /* judged meanwhile, or an older need of the same entity is being asked for */
        if (clock_mono_ms() < s->scope_mono_ms[w->endpoint])
            fetch_need_park(f, w->need, "scope");
        else if (is_resting(s, w->endpoint))
            fetch_need_hold_up(f, w->need,
                               s->health[w->endpoint].rest_mono_ms - clock_mono_ms() + fetch_random(f) % 1000,
                               "its endpoint fails", "circuit");
        else
            return w;
    }
    return NULL;
}

/* Ids the next batch may have; 0: not this turn, a full batch next turn instead of two halves. */
static size_t batch_room(const struct fetcher *f, const struct fetch_shop *s, const struct waiting *w)
{
    size_t most = w->need->alone ? 1 : s->platform->batch_size(f->config, w->endpoint);
    size_t room = (size_t)f->config->fetch_max_ids - f->ids;

    return most <= room ? most : f->ids > 0 ? 0 : room;
}

/* The next batch of this turn's waiting needs, of at most `most` ids; w: its first. */
static struct call *batch_take(struct fetcher *f, struct fetch_shop *s, struct waiting *w, size_t most)
{
    struct call *c = call_new(s, w->endpoint, most * 2);
    bool alone = w->need->alone;

    for (; w && c->count < c->room && w->endpoint == c->endpoint && w->need->alone == alone;
         w = waiting_peek(f, s)) {
        if (c->distinct == most && !has_subject(c, w->need, w->need->id))
            break;
        need_enter(f->pool, w->need, NEED_CALLING);
        call_add(c, w->need, NULL, w->background);
        s->next++;
    }
    f->ids += c->distinct;
    return c;
}

static bool may_call(const struct fetcher *f, const struct fetch_shop *s)
{
    const struct config *config = f->config;

    return s->running < (size_t)config->fetch_shop_calls &&
           (s->slow || f->waited < (size_t)config->fetch_max_calls) &&
           http_client_running(f->http) < FETCH_CARRIED_FACTOR * (size_t)config->fetch_max_calls;
}

/* Takes the first call of the queue that may go now. NULL: none. */
static struct call *queue_take(struct fetcher *f, struct fetch_shop *s)
{
    struct call **at = &s->queue.first;

    while (*at && !fetch_shop_in_pace(f, s, (*at)->background))
        at = &(*at)->next;
    if (!*at || !fetch_shop_take(f, s, (*at)->background))
        return NULL;
    {
        struct call *c = *at;

        *at = c->next;
        c->next = NULL;
        return c;
    }
}

/* The shop's next call, with the right to send it. NULL: nothing may be sent now. */
static struct call *next_call(struct fetcher *f, struct fetch_shop *s)
{
    struct call *c = queue_take(f, s);
    struct waiting *w;
    size_t most;

    if (c || s->carried > 0 || f->limiter_away)
        return c;
    w = waiting_peek(f, s);
    most = w ? batch_room(f, s, w) : 0;
    if (most == 0 || !fetch_shop_in_pace(f, s, w->background) || !fetch_shop_take(f, s, w->background))
        return NULL;
    return batch_take(f, s, w, most);
}

/* Sends the shop's most urgent call. False: nothing to send now. */
static bool shop_send_one(struct fetcher *f, struct fetch_shop *s)
{
    struct call *c;

    if (f->away || f->limiter_away || s->awaiting || s->probing || !may_call(f, s) ||
        circuit_limit_left(&s->circuit, clock_mono_ms()) > 0)
        return false;
    if (s->probe_due) {
        if (fetch_shop_in_pace(f, s, false) && fetch_shop_take(f, s, false))
            probe_send(f, s);
        return false; /* its answer comes first */
    }
    if (s->circuit.open)
        return false;
    c = next_call(f, s);
    if (c && !c->probe && clock_mono_ms() < s->scope_mono_ms[c->endpoint]) {
        call_park(f, c, "scope");
        return true;
    }
    if (c && is_resting(s, c->endpoint)) {
        call_rest(f, c, "its endpoint fails");
        return true;
    }
    return c && call_send(f, c);
}

/* A shop that was served goes behind all others of the turn. */
static void plan_rotate(struct fetcher *f, size_t i)
{
    struct fetch_shop *s = f->plan[i];

    memmove(f->plan + i, f->plan + i + 1, (f->plan_count - i - 1) * sizeof f->plan[0]);
    f->plan[f->plan_count - 1] = s;
}

/* While the app's limit binds, shops take turns call by call: it is theirs together. */
void call_send_all(struct fetcher *f)
{
    size_t i = 0;

    f->pace_next_mono_ms = INT64_MAX;
    while (i < f->plan_count) {
        struct fetch_shop *s = f->plan[i];

        if (!shop_send_one(f, s))
            i++;
        else if (fetch_pace_binds(s->pace, clock_mono_ms()))
            plan_rotate(f, i);
    }
}

void call_carry(struct fetcher *f)
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
