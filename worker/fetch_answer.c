/* fetch_answer.c - worker, stage 4 of 7: what the marketplace's answers make of needs.
 *
 * In:      answers of calls.
 * Out:     needs ANSWERED, judged, or with a further call in their shop's queue.
 * Fails:   never; everything the marketplace does is an answer.
 * Thread:  the lane's.
 *
 *   call fails ──more than one id──▶ two halves, at the head of the shop's queue
 *        └──────one id──▶ suspect ──another call of the shop or its probe succeeded since──▶ RETRY, counted: its own fault
 *                            ├──probe fails too──▶ circuit open: everything of the shop held up, nothing counted
 *                            └──several ids of one endpoint, and only others succeed──▶ that endpoint rests, nothing counted
 *   id refused by a definite word (gone, denied, not to be seen) ──more than one id──▶ two halves; one──▶ judged at once
 *
 * A compound entity stays CALLING from its first call until it is composed. Each answer is copied into its parts; then the
 * needs that want the same endpoint next form one call, at the head of the shop's queue, so that no step waits a turn.
 * One ask of a need is under way at any time. A part that is left out, denied or gone is recorded as left out: the whole is
 * stored without it, marked incomplete, and asked for again later (dto.c), for the marketplace has just named it itself. Not
 * so where it says that there is nothing of it yet.
 *
 * Why so:  halves and later steps keep the time their first request was sent: a read shows at least what was there before
 *          it was sent, so the earlier time claims less. A good probe clears only a few ids of a shop (FETCH_SUSPECTS): when
 *          more of them fail and none is ever answered, the detail calls are down while the probe's endpoint is up, and
 *          blaming each id would bury an outage's events. So each endpoint answers for itself. */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/strbuf.h"
#include "worker/fetch_internal.h"

/* --- entities of an answer ------------------------------------------------------------------------------------ */

static bool same_id(const struct entry_text *id, const char *text)
{
    return strlen(text) == id->length && memcmp(text, id->data, id->length) == 0;
}

/* Gives the items of that id their entity. at: where the search begins; answers mostly come in the order of the request. */
static size_t found_by_id(struct call *c, const struct entry_text *id, yyjson_val *entity, size_t at)
{
    size_t last = at;

    for (size_t k = 0; k < c->count; k++) {
        size_t i = (at + k) % c->count;
        struct item *item = &c->items[i];

        if (item->found || !same_id(id, call_subject(item)))
            continue;
        item->found = entity;
        last = i + 1;
        if (c->distinct == c->count)
            break;
    }
    return last;
}

/* One object: the entity of the only id, unless it says that it is another's. */
static void found_alone(struct call *c, yyjson_val *object)
{
    struct entry_text id;
    yyjson_val *entity = c->shop->platform->entity(c->endpoint, object, &id);

    if (entity) {
        found_by_id(c, &id, entity, 0);
        return;
    }
    for (size_t i = 0; i < c->count && c->distinct == 1; i++)
        c->items[i].found = object;
}

static void find_entities(struct call *c, yyjson_val *entities)
{
    yyjson_arr_iter it = yyjson_arr_iter_with(entities);
    yyjson_val *element;
    size_t at = 0;

    if (yyjson_is_obj(entities))
        found_alone(c, entities);
    while ((element = yyjson_arr_iter_next(&it)) != NULL) {
        struct entry_text id;
        yyjson_val *entity = c->shop->platform->entity(c->endpoint, element, &id);

        if (entity)
            at = found_by_id(c, &id, entity, at);
    }
}

/* --- steps of compound entities ------------------------------------------------------------------------------- */

/* A call of the queue that this step may join; NULL: none. */
static struct call *step_room(const struct fetch_shop *s, int endpoint, size_t most)
{
    for (struct call *c = s->queue.first; c && most > 1; c = c->next)
        if (c->step && c->endpoint == endpoint && c->first_mono_ms == 0 && c->count < c->room)
            return c;
    return NULL;
}

/* Puts the next ask of a compound need into the shop's queue. */
static void step_queue(struct fetcher *f, struct fetch_shop *s, struct need *n, struct platform_ask *ask)
{
    size_t most = s->platform->batch_size(f->config, ask->endpoint);
    struct call *c = step_room(s, ask->endpoint, most);

    if (!c) {
        c = call_new(s, ask->endpoint, most);
        c->step = true;
        call_list_push(&s->queue, c);
    }
    call_add(c, n, ask->subject.length > 0 ? xstrndup(ask->subject.data, ask->subject.length) : NULL,
             fetch_is_background(f, n));
}

static void need_missing(struct fetcher *f, struct need *n)
{
    n->answer.kind = ANSWER_MISSING;
    metric_add(METRIC_WORKER_FETCH_MISSING, 1);
    need_enter(f->pool, n, NEED_ANSWERED);
}

/* Everything has been asked: the parts become the answer. */
static void need_compose(struct fetcher *f, const struct platform *p, struct need *n)
{
    n->parts->whole = p->compose(n->kind, n->return_kind, n->id, n->parts);
    if (!n->parts->whole) {
        need_missing(f, n);
        return;
    }
    n->answer.kind = ANSWER_FOUND;
    n->answer.json = yyjson_doc_get_root(n->parts->whole);
    need_enter(f->pool, n, NEED_ANSWERED);
}

/* One more part of a compound need; json NULL: left out, or rightly empty. */
static void need_part(struct fetcher *f, struct call *c, struct item *item, yyjson_val *json, bool empty)
{
    const struct platform *p = c->shop->platform;
    struct platform_ask ask = {0};
    struct need *n = item->need;

    n->answer.incomplete = n->answer.incomplete || (!json && !empty);
    parts_add(n->parts, c->endpoint, call_subject(item), json);
    if (p->next_ask(f->config, n->kind, n->return_kind, n->id, n->parts, &ask))
        step_queue(f, c->shop, n, &ask);
    else
        need_compose(f, p, n);
    strbuf_deinit(&ask.subject);
}

/* One item of a good answer. True: the need's answer points into the call's document. */
static bool item_answered(struct fetcher *f, struct call *c, struct item *item)
{
    struct need *n = item->need;

    if (c->step) {
        need_part(f, c, item, item->found, false);
        return false;
    }
    n->answer = (struct answer){.fetched_ms = c->fetched_ms, .alone = c->distinct == 1};
    parts_free(n->parts);
    n->parts = NULL;
    if (!item->found) {
        need_missing(f, n);
        return false;
    }
    if (c->shop->platform->compound(n->kind)) {
        n->parts = parts_new();
        need_part(f, c, item, item->found, false);
        return false;
    }
    n->answer.kind = ANSWER_FOUND;
    n->answer.json = item->found;
    need_enter(f->pool, n, NEED_ANSWERED);
    return true;
}

/* A good answer: every need gets its entity, or the news that it was left out. Takes c. */
static void take_entities(struct fetcher *f, struct call *c, yyjson_val *entities)
{
    bool pointed = false;

    find_entities(c, entities);
    for (size_t i = 0; i < c->count; i++)
        pointed = item_answered(f, c, &c->items[i]) || pointed;
    if (pointed)
        call_list_push(&f->answered, c);
    else
        call_free(c);
}

/* --- failures ------------------------------------------------------------------------------------------------- */

static void split(struct call *c, struct call_list *queue)
{
    size_t half = (c->count + 1) / 2;
    struct call *parts[2] = {call_new(c->shop, c->endpoint, half),
                             call_new(c->shop, c->endpoint, c->count - half)};

    for (size_t i = 0; i < c->count; i++) {
        struct call *part = parts[i >= half];

        part->step = c->step;
        call_add(part, c->items[i].need, c->items[i].subject, c->background);
        c->items[i].subject = NULL;
    }
    for (size_t i = 2; i-- > 0;) {
        parts[i]->first_mono_ms = c->first_mono_ms;
        parts[i]->since_mono_ms = c->sent_mono_ms; /* the other half counts */
        parts[i]->fetched_ms = c->fetched_ms;
        call_list_push(queue, parts[i]);
    }
    call_free(c);
}

/* The event's own fault: an attempt is counted. Takes c. */
static void call_reject(struct fetcher *f, struct call *c, const char *error)
{
    for (size_t i = 0; i < c->count; i++) {
        struct need *n = c->items[i].need;

        parts_free(n->parts);
        n->parts = NULL;
        need_judge(f->pool, n, OUTCOME_RETRY, DEAD_REJECTED, error);
    }
    call_free(c);
}

/* May this id be condemned, or have too many ids of its endpoint failed without one success? Where the request itself was
 * refused, the success of another endpoint speaks against the id too. */
static bool may_condemn(struct fetch_shop *s, const struct call *c)
{
    struct endpoint_health *h = &s->health[c->endpoint];
    uint64_t hash = c->items[0].need->hash;

    if ((c->outage ? h->ok_mono_ms : s->circuit.ok_mono_ms) >= c->since_mono_ms)
        return true;
    for (size_t i = 0; i < h->condemned_count; i++)
        if (h->condemned[i] == hash)
            return true;
    if (h->condemned_count == FETCH_SUSPECTS)
        return false;
    h->condemned[h->condemned_count++] = hash;
    return true;
}

/* Has another endpoint of the shop succeeded lately? */
static bool others_work(const struct fetch_shop *s, const struct call *c)
{
    for (int i = 0; i < PLATFORM_ENDPOINTS_MAX; i++) {
        int64_t ok_mono_ms = s->health[i].ok_mono_ms;

        if (i != c->endpoint && ok_mono_ms != 0 && ok_mono_ms + FETCH_UNAVAILABLE_MS >= c->since_mono_ms)
            return true;
    }
    return false;
}

/* The endpoint is down, the shop is not: its needs wait, and nobody else's. Takes c. */
static void endpoint_rest(struct fetcher *f, struct call *c)
{
    struct endpoint_health *h = &c->shop->health[c->endpoint];
    char error[sizeof c->error];

    memcpy(error, c->error, sizeof error); /* c ends before it is told */
    h->rest_mono_ms = clock_mono_ms() + FETCH_UNAVAILABLE_MS;
    call_rest(f, c, error);
}

/* Ids that failed alone: their own fault once anything else of the shop has succeeded since. */
static void judge_suspects(struct fetcher *f, struct fetch_shop *s)
{
    struct call_list still = {0};
    struct call *c;

    while ((c = call_list_pop(&s->suspects)) != NULL) {
        char error[sizeof c->error];

        memcpy(error, c->error, sizeof error); /* c ends before it is told */
        if (!circuit_succeeded_since(&s->circuit, c->since_mono_ms)) {
            s->probe_due = !s->probing;
            call_list_push(&still, c);
        } else if (may_condemn(s, c)) {
            call_reject(f, c, error);
        } else if (others_work(s, c)) {
            endpoint_rest(f, c);
        } else {
            call_list_push(&s->suspects, c);
            while ((c = call_list_pop(&still)) != NULL)
                call_list_push(&s->suspects, c);
            fetch_shop_trip(f, s, error);
        }
    }
    while ((c = call_list_pop(&still)) != NULL)
        call_list_push(&s->suspects, c);
}

static int64_t bounded(int64_t ms, int64_t low, int64_t high)
{
    return ms < low ? low : ms > high ? high : ms;
}

/* The request could not be answered as it was: narrow it down, or suspect its only id. Takes c. */
static void call_failed(struct fetcher *f, struct call *c, const struct platform_result *result,
                        bool no_answer)
{
    struct fetch_shop *s = c->shop;
    int64_t now = clock_mono_ms();

    if (s->circuit.open) {
        call_hold_up(f, c, bounded(s->circuit.half_open_mono_ms - now, 1000, FETCH_DEFER_LONGEST_MS),
                     result->error, "circuit");
        return;
    }
    if (circuit_failed(&s->circuit, now, no_answer) && !s->probing)
        s->probe_due = true;
    if (c->distinct > 1) {
        split(c, &s->queue);
        return;
    }
    memcpy(c->error, result->error, sizeof c->error);
    c->outage = result->class == CALL_RETRY;
    call_list_push(&s->suspects, c);
    judge_suspects(f, s);
}

/* A definite word about one of its ids; the marketplace is well. Takes c. */
static void call_refused(struct fetcher *f, struct call *c, const struct platform_result *result)
{
    fetch_shop_available(c->shop);
    if (c->distinct > 1) {
        split(c, &c->shop->queue);
        return;
    }
    if (result->class == CALL_DENIED && !c->step) {
        call_reject(f, c, result->error);
        return;
    }
    for (size_t i = 0; i < c->count; i++) {
        struct need *n = c->items[i].need;

        c->items[i].found = NULL;
        if (c->step) {
            need_part(f, c, &c->items[i], NULL, result->class == CALL_EMPTY);
            continue;
        }
        n->answer = (struct answer){.fetched_ms = c->fetched_ms, .alone = true};
        if (result->class == CALL_GONE) {
            n->answer.kind = ANSWER_GONE;
            need_enter(f->pool, n, NEED_ANSWERED);
        } else {
            need_missing(f, n);
        }
    }
    call_free(c);
}

/* The grant does not reach this endpoint; the shop's others go on. Takes c. */
static void call_out_of_scope(struct fetcher *f, struct call *c, const char *error)
{
    struct fetch_shop *s = c->shop;
    int64_t now = clock_mono_ms();

    if (s->scope_mono_ms[c->endpoint] == 0)
        log_warn("scope missing: needs of this endpoint are parked", LOG_S("platform", s->platform->name),
                 LOG_S("shop", s->shop_id), LOG_I("endpoint", c->endpoint), LOG_S("err", error));
    s->scope_mono_ms[c->endpoint] = now + FETCH_UNAVAILABLE_MS;
    call_park(f, c, "scope");
}

/* --- answers -------------------------------------------------------------------------------------------------- */

static void count_result(struct fetcher *f, const struct fetch_shop *s, const struct platform_result *r)
{
    static const enum metric metrics[CALL_CLASSES] = {
        [CALL_OK] = METRIC_WORKER_FETCH_OK,       [CALL_RETRY] = METRIC_WORKER_FETCH_RETRY,
        [CALL_LIMIT] = METRIC_WORKER_FETCH_LIMIT, [CALL_TOKEN] = METRIC_WORKER_FETCH_TOKEN,
        [CALL_AUTH] = METRIC_WORKER_FETCH_AUTH,   [CALL_SCOPE] = METRIC_WORKER_FETCH_SCOPE,
        [CALL_PERM] = METRIC_WORKER_FETCH_PERM,   [CALL_DENIED] = METRIC_WORKER_FETCH_DENIED,
        [CALL_GONE] = METRIC_WORKER_FETCH_GONE,   [CALL_ABSENT] = METRIC_WORKER_FETCH_ABSENT,
        [CALL_EMPTY] = METRIC_WORKER_FETCH_EMPTY,
    };
    uint64_t hash;

    metric_add(metrics[r->class], 1);
    if (!r->unknown)
        return;
    metric_add(METRIC_WORKER_FETCH_UNKNOWN_CODES, 1);
    hash = XXH3_64bits_withSeed(r->word, strlen(r->word), (XXH64_hash_t)(uintptr_t)s->platform);
    for (size_t i = 0; i < FETCH_TOLD_CODES; i++)
        if (f->told_codes[i] == hash)
            return;
    f->told_codes[f->told_count++ % FETCH_TOLD_CODES] = hash;
    log_warn("marketplace answered with a code of no table", LOG_S("platform", s->platform->name),
             LOG_S("code", r->word), LOG_S("shop", s->shop_id), LOG_S("err", r->error));
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

static void call_good(struct fetcher *f, struct call *c, yyjson_val *entities)
{
    struct fetch_shop *s = c->shop;

    fetch_shop_available(s);
    s->scope_mono_ms[c->endpoint] = 0;
    s->health[c->endpoint] = (struct endpoint_health){.ok_mono_ms = clock_mono_ms()};
    if (circuit_succeeded(&s->circuit, clock_mono_ms()))
        fetch_shop_closed(s);
    if (!s->suspects.first)
        s->probe_due = false;
    take_entities(f, c, entities);
    judge_suspects(f, s);
}

static void probe_good(struct fetcher *f, struct call *c)
{
    struct fetch_shop *s = c->shop;

    fetch_shop_available(s);
    if (circuit_probe_good(&s->circuit, clock_mono_ms()))
        fetch_shop_closed(s);
    call_free(c);
    judge_suspects(f, s);
}

/* A probe without scope shows that the grant itself works. Takes c. */
static void probe_judged(struct fetcher *f, struct call *c, const struct platform_result *result)
{
    struct fetch_shop *s = c->shop;

    if (result->class == CALL_OK || result->class == CALL_SCOPE) {
        probe_good(f, c);
        return;
    }
    call_free(c);
    fetch_shop_trip(f, s, result->error);
}

/* Takes c, whose document it keeps when needs point into it. */
static void call_judged(struct fetcher *f, struct call *c, const struct platform_result *result,
                        bool no_answer)
{
    if (result->class != CALL_OK)
        call_drop_answer(c); /* c may be sent again */
    switch (result->class) {
    case CALL_LIMIT:
        fetch_shop_limited(f, c->shop, c, result);
        return;
    case CALL_TOKEN:
    case CALL_AUTH:
        fetch_shop_refused(f, c->shop, c, result->error, result->app, result->class == CALL_TOKEN);
        return;
    default:
        break;
    }
    if (c->probe)
        probe_judged(f, c, result);
    else if (result->class == CALL_OK)
        call_good(f, c, result->entities);
    else if (result->class == CALL_SCOPE)
        call_out_of_scope(f, c, result->error);
    else if (result->class == CALL_RETRY || result->class == CALL_PERM)
        call_failed(f, c, result, no_answer);
    else
        call_refused(f, c, result);
}

/* Moves what a marketplace usually takes by an eighth of the difference, upwards by a quarter of itself at most: one shop that
 * hangs says nothing about the others. */
static void note_usual(struct pace *p, int64_t ms)
{
    int64_t most = p->usual_ms / 4 + 8, by = (ms - p->usual_ms) / 8;

    p->usual_ms += by < most ? by : most;
}

/* Takes the answer of c. */
static void call_ended(struct fetcher *f, struct call *c, struct http_answer *a)
{
    struct fetch_shop *s = c->shop;
    struct platform_answer answer = {.http_status = a->status,
                                     .transport_error = a->error,
                                     .retry_after = a->retry_after,
                                     .now_ms = clock_now_ms()};
    struct platform_result result;
    bool slow;

    call_running_remove(f, c);
    if (a->status != 0)
        note_usual(s->pace, a->ended_mono_ms - a->started_mono_ms);
    slow = a->ended_mono_ms - a->started_mono_ms > f->config->fetch_budget_ms / 2;
    s->slow = c->probe ? s->slow || slow : slow; /* a quick probe does not make detail calls quick */
    s->probing = s->probing && !c->probe;
    if (a->status != 0 && a->body.length > 0) {
        c->text = a->body;
        a->body = STRBUF_INIT; /* it goes with the call */
        c->doc = json_parse_in_place(&c->text, NULL);
    }
    answer.root = c->doc ? yyjson_doc_get_root(c->doc) : NULL;
    s->platform->judge(c->endpoint, &answer, &result);
    count_result(f, s, &result);
    if (result.class == CALL_OK)
        measure_clock(f, a);
    if (result.class != CALL_RETRY &&
        a->date_ms != 0) { /* the marketplace itself, perhaps refusing our time */
        s->pace->date_ms = a->date_ms;
        s->pace->date_mono_ms = a->ended_mono_ms;
    }
    call_judged(f, c, &result, a->status == 0);
}

bool call_take_answer(struct fetcher *f, int64_t wait_ms)
{
    struct http_answer answer;
    void *context;

    if (!http_client_next(f->http, wait_ms, &context, &answer))
        return false;
    call_ended(f, context, &answer);
    http_answer_deinit(&answer);
    return true;
}
