/* fetch_call.c - worker, stage 4 of 7: one call from its needs to its answer.
 *
 * In:      this turn's waiting needs of a shop; answers.
 * Out:     requests on the wire; needs ANSWERED or judged.
 * Fails:   never by itself; everything the marketplace does is an answer.
 * Thread:  the lane's.
 *
 *   call fails ──more than one id──▶ two halves, at the head of the shop's queue
 *        └──────one id──▶ suspect ──another call of the shop or its probe succeeded since──▶ RETRY, counted: its own fault
 *                            └──probe fails too──▶ circuit open: everything of the shop held up, nothing counted
 *   id refused by a definite word (gone, denied, not to be seen) ──more than one id──▶ two halves; one──▶ judged at once
 *
 * A compound entity stays CALLING from its first call until it is composed. Each answer is copied into its parts; then the
 * needs that want the same endpoint next form one call, at the head of the shop's queue, so that no step waits a turn.
 * One ask of a need is under way at any time. A part that is left out, denied or gone is recorded as left out.
 *
 * Why so:  halves and later steps keep the time their first request was sent: a read shows at least what was there before
 *          it was sent, so the earlier time claims less. A good probe clears only a few ids of a shop (FETCH_SUSPECTS): when
 *          more of them fail and none is ever answered, the detail calls are down while the probe's endpoint is up, and
 *          blaming each id would bury an outage's events. */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/strbuf.h"
#include "worker/fetch_internal.h"
#include "worker/streams.h"

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

static struct call *call_new(struct fetch_shop *shop, int endpoint, size_t room)
{
    struct call *c = xcalloc(1, sizeof *c + room * sizeof c->items[0]);

    c->shop = shop;
    c->endpoint = endpoint;
    c->background = true;
    c->room = room;
    return c;
}

void call_free(struct call *c)
{
    for (size_t i = 0; i < c->count; i++)
        free(c->items[i].subject);
    yyjson_doc_free(c->doc);
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

static const char *subject_of(const struct item *item)
{
    return item->subject ? item->subject : item->need->id;
}

/* Needs of one kind never share an id; those of two kinds may (an order and its tracking). */
static bool has_subject(const struct call *c, const struct need *n, const char *subject)
{
    if (c->count == 0 || (!c->step && !c->mixed && c->items[0].need->kind == n->kind))
        return false;
    for (size_t i = 0; i < c->count; i++)
        if (strcmp(subject_of(&c->items[i]), subject) == 0)
            return true;
    return false;
}

/* Takes subject (NULL: the need's id). */
static void call_add(struct call *c, struct need *n, char *subject, bool background)
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
        const char *subject = subject_of(&c->items[i]);
        bool there = false;

        for (size_t j = 0; j < n && c->distinct < c->count && !there; j++)
            there = strcmp(subjects[j], subject) == 0;
        if (!there)
            subjects[n++] = subject;
    }
    return n;
}

static bool call_request(struct fetcher *f, const struct call *c, const struct shop *shop,
                         struct platform_request *request, struct err *err)
{
    const struct platform *p = c->shop->platform;
    int64_t at_s = clock_now_ms() / 1000;
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

/* The next need that can be asked for; those that cannot for want of scope are parked. NULL: none is left. */
static struct waiting *waiting_peek(struct fetcher *f, struct fetch_shop *s)
{
    for (; s->next < s->waiting_count; s->next++) {
        struct waiting *w = &s->waiting[s->next];

        if (w->need->state != NEED_WAITING || pool_is_calling(f->pool, w->need))
            continue; /* judged meanwhile, or an older need of the same entity is being asked for */
        if (clock_mono_ms() >= s->scope_mono_ms[w->endpoint])
            return w;
        fetch_need_park(f, w->need, "scope");
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

        if (item->found || !same_id(id, subject_of(item)))
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

static bool need_is_background(const struct fetcher *f, const struct need *n)
{
    for (const struct message *m = n->messages.first; m; m = m->next)
        if (!f->streams || !f->streams->items[m->stream].bulk)
            return false;
    return true;
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
             need_is_background(f, n));
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

/* One more part of a compound need; json NULL: left out. */
static void need_part(struct fetcher *f, struct call *c, struct item *item, yyjson_val *json)
{
    const struct platform *p = c->shop->platform;
    struct platform_ask ask = {0};
    struct need *n = item->need;

    parts_add(n->parts, c->endpoint, subject_of(item), json);
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
        need_part(f, c, item, item->found);
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
        need_part(f, c, item, item->found);
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

/* May the probe's word alone condemn this id, or have too many of the shop's ids failed without one success? */
static bool may_condemn(struct fetch_shop *s, const struct call *c)
{
    uint64_t hash = c->items[0].need->hash;

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
            need_part(f, c, &c->items[i], NULL);
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
    s->condemned_count = 0;
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
    if (result->class != CALL_OK) {
        yyjson_doc_free(c->doc);
        c->doc = NULL; /* c may be sent again */
    }
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
    slow = a->ended_mono_ms - a->started_mono_ms > f->config->fetch_budget_ms / 2;
    s->slow = c->probe ? s->slow || slow : slow; /* a quick probe does not make detail calls quick */
    s->probing = s->probing && !c->probe;
    if (a->status != 0 && a->body.length > 0)
        c->doc = json_parse(a->body.data, a->body.length, NULL, NULL);
    answer.root = c->doc ? yyjson_doc_get_root(c->doc) : NULL;
    s->platform->judge(c->endpoint, &answer, &result);
    count_result(f, s, &result);
    if (result.class == CALL_OK)
        measure_clock(f, a);
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
