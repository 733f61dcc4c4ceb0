/* dto.c - worker, stage 5 of 7: what became of each answer.
 *
 * In:      needs in state ANSWERED.
 * Out:     BUILT with a document; judged; or, for an id that must be asked for alone, NEW again.
 * Fails:   POISON (mongo_write) for what cannot be stored even raw. A turn without memory puts the need back for a
 *          moment, without an attempt.
 * Thread:  the lane's. No I/O.
 * Why so:  an id left out of an answer proves little: half an answer looks the same. A stored document is called gone
 *          only after two reads at least a minute apart left it out, the second for it alone. What was never stored
 *          cannot be gone: it is not visible yet. A tombstone is judged like any stored document: between lookup and
 *          write another lane may have revived it, and one read must not bury what lives.
 *
 *   FOUND ──────────────────────────────────────────────▶ FULL; with a NEED before it where it says that money has moved,
 *                                                         or where a part was left out
 *   GONE ────┬─ stored ─────────────────────────────────▶ TOMBSTONE
 *            └─ never stored ───────────────────────────▶ RETRY, not_found
 *   MISSING ─┬─ never stored ───────────────────────────▶ RETRY, not_found
 *            ├─ stored, left out for the first time ────▶ MISSING
 *            ├─ less than a minute after that ──────────▶ put back until then, no attempt
 *            ├─ later, but in company ──────────────────▶ NEW, to be asked for alone
 *            └─ later, alone ───────────────────────────▶ TOMBSTONE
 *   to be parked ───────────────────────────────────────▶ NEED
 *
 * Transactions are never gone: no money yet is an answer too. It is noted on the order, after what was read is stored:
 * there the lookup asks when they were read last.
 *
 * Half an answer is stored as it is and asked for again, as a need that becomes due: no event tells when the rest is there. A
 * part that was left out is soon to be seen, if ever: RETRY_DELAYS. Money is settled by the day, and only of an order that is
 * completed (an order not completed yet raises its need when it is): MONEY_RETRY_MS, doubled. Both as often as a stale read. */
#include "worker/dto.h"

#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/strbuf.h"
#include "worker/dto/document.h"
#include "worker/dto/recipe.h"
#include "worker/parked.h"
#include "worker/raw_event.h"

enum {
    DTO_GONE_AFTER_MS = 60 * 1000, /* between the two reads that leave an id out */
    DTO_PUT_BACK_MS = 1000,        /* the next turn begins with an empty arena, and reads the shop again */
    DTO_DOUBLINGS = 4,             /* of MONEY_RETRY_MS: from a day to half a month */
};

static const char no_memory[] = "no memory left in this turn";

/* What one run over the pool shares. */
struct dto_run {
    struct pool *pool;
    const struct config *config;
    const struct freshness *freshness;
    struct arena *arena;
    const struct recipe *recipe; /* of the need at hand */
    const char *(*channel_of)(void *shops, const char *platform, const char *shop);
    void *shops; /* for channel_of */
};

/* --- context --------------------------------------------------------------------------------------- */

static const struct message *dto_newest(const struct need *n)
{
    const struct message *newest = n->messages.first;

    for (const struct message *m = newest; m; m = m->next) {
        if (m->entry_ms >= newest->entry_ms)
            newest = m;
    }
    return newest;
}

/* The entry's texts have a length and no NUL behind them. "" when absent; NULL: the arena is full. */
static const char *dto_text(struct arena *arena, struct entry_text text)
{
    return text.length > 0 ? arena_copy(arena, text.data, text.length) : "";
}

static bool dto_context_init(struct dto_context *c, const struct dto_run *run, const struct need *n)
{
    const struct message *newest = dto_newest(n);
    const struct entry_text none = {NULL, 0};

    *c = (struct dto_context){
        .platform = n->platform,
        .shop = n->shop,
        .channel_id = run->channel_of(run->shops, n->platform, n->shop),
        .id = n->id,
        .doc_id = n->doc_id,
        .fetched_ms = n->answer.fetched_ms,
        .now_ms = run->freshness->now_ms,
        .stored_version = n->stored.exists ? n->stored.version : 0,
        .offset_minutes = run->config->timezone_offset_minutes,
        .source = dto_text(run->arena, newest ? newest->entry.src : none),
        .trace = dto_text(run->arena, newest ? newest->entry.trace : none),
        .behind = n->behind,
    };
    return c->source && c->trace;
}

/* --- results --------------------------------------------------------------------------------------- */

static void dto_put_back(struct dto_run *run, struct need *n, const char *why)
{
    need_defer(run->pool, n, DTO_PUT_BACK_MS, why);
}

/* d NULL: err says why. */
static void dto_finish(struct dto_run *run, struct need *n, struct document *d, const struct err *err)
{
    if (d) {
        if (!d->valid)
            metric_add(METRIC_WORKER_DOCUMENTS_INVALID, 1);
        n->document = d;
        need_enter(run->pool, n, NEED_BUILT);
    } else if (err->domain == ERR_SYSTEM) {
        dto_put_back(run, n, no_memory);
    } else {
        need_judge(run->pool, n, OUTCOME_POISON, DEAD_MONGO_WRITE, err->text);
    }
}

/* A time noted on somebody else's document; the id is copied. NULL: no memory, err. */
static struct document *dto_mark(struct dto_run *run, const char *collection, const char *id, const char *key,
                                 int64_t ms, struct err *err)
{
    const char *copy = arena_copy(run->arena, id, strlen(id));
    struct document *d = copy ? arena_take(run->arena, sizeof *d) : NULL;

    if (!d) {
        err_set(err, ERR_SYSTEM, 0, "%s", no_memory);
        return NULL;
    }
    d->op = DOCUMENT_MARK;
    d->collection = collection;
    d->doc_id = copy;
    d->fetched_ms = ms;
    d->valid = true;
    d->max = bson_new();
    bson_append_int64(d->max, key, -1, ms);
    return d;
}

/* On the order: its transactions have been read. */
static struct document *dto_mark_order(struct dto_run *run, const struct need *n, struct err *err)
{
    struct strbuf id = STRBUF_INIT;
    struct document *d;

    strbuf_add_format(&id, "%s:%s:%s", n->platform, n->shop, n->id);
    d = dto_mark(run, "orders", strbuf_text(&id), "transactions_fetched_ms", n->answer.fetched_ms, err);
    strbuf_deinit(&id);
    return d;
}

/* When an authorisation ends, as a push about the shop tells; 0 = it does not. */
static int64_t dto_end_told(const struct message *m)
{
    yyjson_doc *body =
        m->entry.body.length > 0 ? json_parse(m->entry.body.data, m->entry.body.length, NULL, NULL) : NULL;
    yyjson_val *data = yyjson_obj_get(yyjson_doc_get_root(body), "data");
    int64_t seconds = 0;

    if (json_get_i64(data, "expiration_time", &seconds) != JSON_GOT)
        (void)json_get_i64(data, "expire_before", &seconds);
    yyjson_doc_free(body);
    return seconds > 0 && seconds < INT64_MAX / 1000 && clock_plausible_ms(seconds * 1000) ? seconds * 1000
                                                                                           : 0;
}

/* On the shop: something was announced about it, which a token call has to confirm. */
static struct document *dto_mark_shop(struct dto_run *run, const struct need *n, struct err *err)
{
    const struct message *m = n->messages.first;
    struct strbuf id = STRBUF_INIT;
    struct document *d;

    strbuf_add_format(&id, "%s:%s", n->platform, n->shop);
    d = dto_mark(run, "shops", strbuf_text(&id), "hint_ms", m->entry_ms, err);
    strbuf_deinit(&id);
    if (d && bson_utf8_validate(m->entry.topic.data, m->entry.topic.length, false)) {
        d->set = bson_new();
        bson_append_utf8(d->set, "hint_topic", -1, m->entry.topic.data, (int)m->entry.topic.length);
        if (dto_end_told(m) > 0)
            bson_append_int64(d->set, "hint_expires_ms", -1, dto_end_told(m));
    }
    return d;
}

/* When it is asked for again after so many asks; 0 = not any more. */
static int64_t dto_again_ms(const struct dto_run *run, int64_t attempt, bool money)
{
    if (attempt >= freshness_stale_limit(run->config))
        return 0;
    if (!money)
        return message_retry_ms(run->config, attempt);
    return attempt <= DTO_DOUBLINGS ? run->config->money_retry_ms << (attempt - 1)
                                    : run->config->money_retry_ms << DTO_DOUBLINGS;
}

static void dto_give_up(const struct need *n, bool money)
{
    metric_add(money ? METRIC_WORKER_GIVEN_UP_UNSETTLED : METRIC_WORKER_GIVEN_UP_INCOMPLETE, 1);
    log_info(money ? "no transactions of a completed order: not asked for again before its next event"
                   : "a part was left out again: not asked for again before the next event",
             LOG_S("platform", n->platform), LOG_S("shop", n->shop), LOG_S("kind", entry_kind_name(n->kind)),
             LOG_S("id", n->id), LOG_I("asks", parked_attempt(n)));
}

/* d lacks something that the marketplace will have later. False: no memory, err. */
static bool dto_ask_again(struct dto_run *run, const struct need *n, struct document *d, bool money,
                          struct err *err)
{
    int64_t delay_ms = dto_again_ms(run, parked_attempt(n), money);

    if (delay_ms == 0) {
        dto_give_up(n, money);
        return true;
    }
    d->before = parked_again(n, money ? PARKED_UNSETTLED : PARKED_INCOMPLETE, run->freshness->now_ms,
                             delay_ms, run->arena, err);
    d->before_touch = true;
    return d->before != NULL;
}

/* What goes with a complete state. False: no memory, err. */
static bool dto_companions(struct dto_run *run, const struct need *n, struct document *d, struct err *err)
{
    const char *paid = parked_paid_order(n, d);

    if (n->kind == ENTRY_TRANSACTION) {
        d->after = dto_mark_order(run, n, err);
        return d->after != NULL;
    }
    if (n->answer.incomplete) /* trackings and products: no money is raised by those */
        return dto_ask_again(run, n, d, false, err);
    if (*paid)
        d->before = parked_transaction(n, paid, run->freshness->now_ms, run->arena, err);
    return !*paid || d->before;
}

static void dto_not_found(struct dto_run *run, struct need *n, const char *why)
{
    need_judge(run->pool, n, OUTCOME_RETRY, DEAD_NOT_FOUND, why);
}

/* --- answers --------------------------------------------------------------------------------------- */

/* The answer is older than announced, and has been so in as many tries as are worth it. */
static bool dto_is_behind(const struct dto_run *run, const struct need *n)
{
    int64_t version = -1;

    for (const struct message *m = n->messages.first; m; m = m->next) {
        if (message_attempt(m) < freshness_stale_limit(run->config) || !m->entry.moves)
            continue;
        if (version < 0)
            version = recipe_version(run->recipe, n->answer.json, n->stored.exists ? n->stored.version : 0,
                                     run->freshness->now_ms);
        if (freshness_behind(m, version))
            return true;
    }
    return false;
}

/* The order has no transactions (yet): nothing is stored, and nothing is gone. Only the order can tell that they were read, so
 * it must be there: a return that is completed may ask before its order is stored. */
static void dto_no_money(struct dto_run *run, struct need *n)
{
    struct document *d;
    struct err err = {0};

    if (!n->stored.order_exists) {
        dto_not_found(run, n, "it has no transactions, and its order is not stored yet");
        return;
    }
    d = dto_mark_order(run, n, &err);
    if (d && n->stored.order_completed && n->answer.kind != ANSWER_GONE && run->config->money_retry_ms > 0 &&
        !dto_ask_again(run, n, d, true, &err)) {
        document_free(d);
        d = NULL;
    }
    dto_finish(run, n, d, &err);
}

static void dto_found(struct dto_run *run, struct need *n, struct dto_context *c)
{
    struct document *d;
    struct err err = {0};

    if (run->recipe->is_empty && run->recipe->is_empty(n->answer.json)) {
        dto_no_money(run, n);
        return;
    }
    n->behind = dto_is_behind(run, n);
    c->behind = n->behind;
    d = recipe_document(run->recipe, n->answer.json, c, run->arena, &err);
    if (d && !dto_companions(run, n, d, &err)) {
        document_free(d);
        d = NULL;
    }
    dto_finish(run, n, d, &err);
}

static void dto_gone(struct dto_run *run, struct need *n, const struct dto_context *c)
{
    struct err err = {0};

    dto_finish(run, n, document_tombstone(run->recipe->collection, c, run->arena, &err), &err);
}

static void dto_missing_first(struct dto_run *run, struct need *n, const struct dto_context *c)
{
    struct err err = {0};

    dto_finish(run, n, document_missing(run->recipe->collection, c, run->arena, &err), &err);
}

/* Round again at once: the need itself remembers that it must travel alone. */
static void dto_ask_alone(struct dto_run *run, struct need *n)
{
    n->alone = true;
    n->answer = (struct answer){0};
    need_enter(run->pool, n, NEED_NEW);
}

static void dto_ask_later(struct dto_run *run, struct need *n, int64_t delay_ms)
{
    n->alone = true;
    need_defer(run->pool, n, delay_ms, "left out of an answer; to be asked for alone");
}

/* Time since the read that left it out first; 0 when there is none, or one that lies in the future. */
static int64_t dto_missing_since(const struct need *n)
{
    int64_t first = n->stored.missing_at_ms;

    return first > 0 && first < n->answer.fetched_ms ? n->answer.fetched_ms - first : 0;
}

static void dto_missing(struct dto_run *run, struct need *n, const struct dto_context *c)
{
    int64_t since = dto_missing_since(n);

    if (since == 0)
        dto_missing_first(run, n, c);
    else if (since < DTO_GONE_AFTER_MS)
        dto_ask_later(run, n, DTO_GONE_AFTER_MS - since);
    else if (!n->answer.alone)
        dto_ask_alone(run, n);
    else
        dto_gone(run, n, c);
}

static void dto_raw(struct dto_run *run, struct need *n)
{
    struct err err = {0};
    struct document *d = raw_event_build(n, run->config, run->freshness->now_ms, run->arena, &err);

    if (d && n->kind == ENTRY_SHOP && *n->shop && !(d->after = dto_mark_shop(run, n, &err))) {
        document_free(d);
        d = NULL;
    }
    dto_finish(run, n, d, &err);
}

static void dto_parked(struct dto_run *run, struct need *n)
{
    struct err err = {0};

    dto_finish(run, n, parked_build(n, run->freshness->now_ms, run->arena, &err), &err);
}

static void dto_entity(struct dto_run *run, struct need *n)
{
    struct dto_context c;

    if (!dto_context_init(&c, run, n) || !c.channel_id) {
        dto_put_back(run, n, c.channel_id ? no_memory : "its shop cannot be read");
        return;
    }
    switch (n->answer.kind) {
    case ANSWER_FOUND:
        dto_found(run, n, &c);
        break;
    case ANSWER_MISSING:
        if (n->kind == ENTRY_TRANSACTION)
            dto_no_money(run, n);
        else if (n->stored.exists)
            dto_missing(run, n, &c);
        else
            dto_not_found(run, n, "the marketplace left it out of its answer, and it was never stored");
        break;
    case ANSWER_GONE:
        if (n->kind == ENTRY_TRANSACTION)
            dto_no_money(run, n);
        else if (n->stored.exists)
            dto_gone(run, n, &c);
        else
            dto_not_found(run, n, "the marketplace says that it does not exist, and it was never stored");
        break;
    case ANSWER_NONE:
        need_judge(run->pool, n, OUTCOME_RETRY, DEAD_UNKNOWN, "no answer came");
        break;
    }
}

static void dto_visit(void *context, struct need *n)
{
    struct dto_run *run = context;

    if (n->state != NEED_ANSWERED)
        return;
    run->recipe = n->raw ? NULL : recipe_find(n->platform, strlen(n->platform), n->kind, n->return_kind);
    if (n->park_reason)
        dto_parked(run, n);
    else if (n->raw)
        dto_raw(run, n);
    else if (run->recipe)
        dto_entity(run, n);
    else
        need_judge(run->pool, n, OUTCOME_POISON, DEAD_UNKNOWN, "no document is known for this kind");
}

/* Walks the pool itself, not a list in the arena: an answer must not be missed because the arena is full. */
void dto_build(struct pool *pool, const struct config *config, const struct freshness *f, struct arena *arena,
               const char *(*channel_of)(void *shops, const char *platform, const char *shop), void *shops)
{
    struct dto_run run = {.pool = pool,
                          .config = config,
                          .freshness = f,
                          .arena = arena,
                          .channel_of = channel_of,
                          .shops = shops};

    pool_each(pool, dto_visit, &run);
}
