/* upsert_settle.c - worker, stage 6: what has been written, or stands there already, becomes outcomes.
 *
 * In:      an op whose write of this round has landed, or turned out not to be needed.
 * Out:     its need judged, or NEW again with the messages that no state covers; or the op's next write.
 * Fails:   never.
 * Thread:  the lane's writer. No I/O.
 * Why so:  an op may have companions. The need for an order's transactions is stored before the order: a crash between
 *          the two repeats the order and its need, the other way round the need would be lost. That transactions were read
 *          is noted on the order after they are stored, for the same reason. */
#include "worker/upsert_internal.h"

#include <stdio.h>

#include "common/log.h"
#include "common/metrics.h"

enum {
    MISSING_DELAY_MS = 61000, /* two reads that both leave it out must be a minute apart */
    FUTURE_DELAY_MS = 60000,  /* longest wait for a clock that has stepped back */
};

/* --- leaving --------------------------------------------------------------------------------------- */

struct verdict {
    const struct upsert_flush *flush;
    const struct need *need;
    const struct upsert_state *states; /* each reflects for itself */
    size_t count;                      /* of states */
    int64_t served;                    /* newest version among them */
    bool deleted;                      /* one of them is a tombstone: nothing more can be served */
    bool refused;                      /* the answer was not stored: something else stands there */
    size_t behind;                     /* messages announced, but not served */
};

/* A need leaves stage 6; its document dies here. */
static void leave(struct upsert_flush *fl, struct upsert_op *op, enum need_state next)
{
    struct need *n = op->need;

    document_free(n->document);
    n->document = NULL;
    op->doc = op->now = NULL;
    op->closed = true;
    if (n->state != NEED_JUDGED)
        need_enter(fl->pool, n, next);
}

void upsert_judge(struct upsert_flush *fl, struct upsert_op *op, enum outcome outcome, enum dead_class dead,
                  const char *error)
{
    need_judge(fl->pool, op->need, outcome, dead, error);
    leave(fl, op, NEED_JUDGED);
}

void upsert_defer(struct upsert_flush *fl, struct upsert_op *op, int64_t delay_ms, const char *why)
{
    int64_t longest = fl->config->reclaim_idle_ms / 5 * 4; /* delays are encoded below the claim threshold */

    need_defer(fl->pool, op->need, delay_ms < longest ? delay_ms : longest, why);
    leave(fl, op, NEED_JUDGED);
}

void upsert_poison(struct upsert_flush *fl, struct upsert_op *op, const char *why)
{
    log_warn("document cannot be stored", LOG_S("id", op->now->doc_id), LOG_S("why", why));
    upsert_judge(fl, op, OUTCOME_POISON, DEAD_MONGO_WRITE, why);
}

static void judge_behind(const struct verdict *v, struct message *m)
{
    char text[sizeof(m->error)];

    if (v->need->behind && message_attempt(m) >= freshness_stale_limit(v->flush->config)) {
        message_judge(m, OUTCOME_DONE, DEAD_UNKNOWN, NULL);
        return;
    }
    snprintf(text, sizeof(text), "the marketplace serves %lld, announced %lld", (long long)v->served,
             (long long)m->entry.event_ms);
    message_judge(m, OUTCOME_RETRY, DEAD_NOT_FOUND, text);
}

/* The need's own answer says so, and its request was sent after all of the need's entries had been delivered, because none
 * joins a need whose call is out: it shows what they announce, whatever any clock says. But it must stand in the database: a
 * clock that has stepped back by less than the skew makes an older read look newer, and that one stands there instead. */
static bool was_read_for(const struct verdict *v)
{
    const struct need *n = v->need;

    if (v->refused)
        return false;
    if (n->kind == ENTRY_TRANSACTION && n->answer.kind == ANSWER_MISSING)
        return true; /* money that is not there yet: stored is that it was looked for */
    return n->answer.kind == ANSWER_FOUND || n->answer.kind == ANSWER_GONE;
}

/* The time of an entry of another partition proves nothing, a read after its delivery does; a tombstone of ours is one, too. */
static bool was_read_for_foreign(const struct verdict *v, const struct message *m)
{
    return freshness_is_foreign(v->flush->f, m) && (was_read_for(v) || (v->deleted && !v->refused));
}

/* An entry of the future: the clock has stepped back. It is read again, but not without pause. */
static void judge_future(const struct verdict *v, struct message *m)
{
    int64_t wait = m->entry_ms - v->flush->f->now_ms;
    int64_t longest = v->flush->config->reclaim_idle_ms / 5 * 4;

    if (wait > FUTURE_DELAY_MS)
        wait = FUTURE_DELAY_MS;
    message_judge(m, OUTCOME_RETRY, DEAD_UNKNOWN,
                  "stored at a time that has not come yet: a clock has stepped");
    m->free_retry = true;
    m->retry_in_ms = wait < longest ? wait : longest;
}

/* True: m has its outcome. False: it goes round again. */
static bool judge_message(void *context, struct message *m)
{
    struct verdict *v = context;
    bool future = m->entry_ms > v->flush->f->now_ms;

    for (size_t i = 0; i < v->count; i++) {
        const struct upsert_state *s = &v->states[i];

        if (freshness_reflects(v->flush->f, s->version, s->fetched_ms, s->deleted, m)) {
            message_judge(m, OUTCOME_DONE, DEAD_UNKNOWN, NULL);
            return true;
        }
    }
    if (!v->deleted && freshness_behind(m, v->served)) {
        v->behind++;
        judge_behind(v, m);
    } else if ((future && was_read_for(v)) || was_read_for_foreign(v, m)) {
        message_judge(m, OUTCOME_DONE, DEAD_UNKNOWN, NULL);
    } else if (future) {
        judge_future(v, m);
    } else {
        m->repeat = true;
        return false;
    }
    return true;
}

/* What goes round starts again at the lookup, as if just folded. */
static void start_over(struct need *n)
{
    n->answer = (struct answer){0};
    n->behind = false;
    n->alone = false;
    n->park_reason = NULL;
}

static void settle(struct upsert_flush *fl, struct upsert_op *op)
{
    struct verdict v = {.flush = fl,
                        .need = op->need,
                        .states = op->states,
                        .count = op->state_count,
                        .refused = op->refused};
    bool all;

    for (size_t i = 0; i < v.count; i++) {
        if (v.states[i].version > v.served)
            v.served = v.states[i].version;
        v.deleted = v.deleted || v.states[i].deleted;
    }
    need_take(fl->pool, op->need, judge_message, &v, fl->settled);
    if (v.behind > 0)
        metric_add(METRIC_WORKER_FETCH_STALE, 1);
    all = op->need->messages.count == 0;
    if (!all)
        start_over(op->need);
    leave(fl, op, all ? NEED_JUDGED : NEED_NEW);
}

/* --- what has been written, or need not be ---------------------------------------------------------- */

/* Everything of the op is stored. */
static void finish(struct upsert_flush *fl, struct upsert_op *op)
{
    switch (op->doc->op) {
    case DOCUMENT_RAW:
        upsert_judge(fl, op, OUTCOME_DONE, DEAD_UNKNOWN, NULL);
        return;
    case DOCUMENT_NEED:
        upsert_judge(fl, op, OUTCOME_PARKED, DEAD_UNKNOWN, NULL);
        return;
    case DOCUMENT_MISSING:
        upsert_defer(fl, op, MISSING_DELAY_MS, "left out of an answer; to be asked for alone");
        return;
    case DOCUMENT_FULL:
    case DOCUMENT_TOMBSTONE:
    case DOCUMENT_MARK:
        settle(fl, op);
        return;
    }
}

/* The document itself is done: what goes after it is written in the next round. */
static void finish_document(struct upsert_flush *fl, struct upsert_op *op)
{
    if (op->doc->after)
        op->now = op->doc->after;
    else
        finish(fl, op);
}

static void count_written(const struct upsert_op *op)
{
    if (op->doc->op == DOCUMENT_TOMBSTONE)
        metric_add(METRIC_WORKER_DOCUMENTS_TOMBSTONE, 1);
    else if (op->lane == LANE_TOUCH)
        metric_add(METRIC_WORKER_DOCUMENTS_TOUCHED, 1);
    else if (op->doc->op == DOCUMENT_FULL || op->doc->op == DOCUMENT_RAW)
        metric_add(METRIC_WORKER_DOCUMENTS_WRITTEN, 1);
}

static void add_state(struct upsert_op *op, int64_t version, int64_t fetched_ms, bool deleted)
{
    op->states[op->state_count++] = (struct upsert_state){version, fetched_ms, deleted};
}

void upsert_close_written(struct upsert_flush *fl, struct upsert_op *op)
{
    const struct document *d = op->doc;

    if (op->now == d->before) {
        metric_add(d->before->raises, 1);
        op->raised = true;
        op->now = op->doc;
    } else if (op->now == d->after) {
        finish(fl, op);
    } else {
        bool gone = d->op == DOCUMENT_TOMBSTONE;

        count_written(op);
        add_state(op, gone ? op->need->stored.version : d->version, d->fetched_ms, gone);
        finish_document(fl, op);
    }
}

void upsert_close_stale(struct upsert_flush *fl, struct upsert_op *op)
{
    const struct stored *s = &op->need->stored;

    metric_add(METRIC_WORKER_DOCUMENTS_STALE, 1);
    op->refused = true;
    add_state(op, s->version, s->fetched_ms, s->deleted);
    if (op->doc->op == DOCUMENT_FULL)
        add_state(op, op->doc->version, op->doc->fetched_ms, false);
    if (op->doc->op == DOCUMENT_MISSING)
        settle(fl, op);
    else
        finish_document(fl, op);
}

/* The write may have landed, so it counts as a repeat. */
void upsert_give_back(struct upsert_flush *fl, struct upsert_op *op)
{
    for (struct message *m = op->need->messages.first; m; m = m->next)
        m->repeat = true;
    start_over(op->need);
    leave(fl, op, NEED_NEW);
}
