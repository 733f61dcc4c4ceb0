/* upsert_plan.c - worker, stage 6: what to send for an op, given what is stored.
 *
 * In:      an open op; its need's `stored`, as the lookup or the last read-back saw it.
 * Out:     document, lane and guard of this round; or the op closed, because nothing is left to write.
 * Fails:   never.
 * Thread:  the lane's writer. No I/O.
 * Why so:  states are ordered by (version, fetched_ms); against a tombstone fetched_ms counts alone, because a slow read
 *          with a higher version, sent before the deletion, must not revive. An unchanged document still moves to the newer
 *          version, or a late older event with other content would pass the guard. */
#include "worker/upsert_internal.h"

#include <string.h>

static enum upsert_order order_full(const struct document *d, const struct stored *s)
{
    if (s->deleted) /* fetched_ms alone: a slow read must not revive */
        return s->fetched_ms >= d->fetched_ms ? ORDER_NEWER : ORDER_OLDER;
    if (s->version != d->version)
        return s->version > d->version ? ORDER_NEWER : ORDER_OLDER;
    if (s->fetched_ms != d->fetched_ms)
        return s->fetched_ms > d->fetched_ms ? ORDER_NEWER : ORDER_OLDER;
    return ORDER_EQUAL;
}

enum upsert_order upsert_order_of(const struct document *d, const struct stored *s)
{
    if (!s->exists)
        return ORDER_ABSENT;
    if (d->op == DOCUMENT_FULL)
        return order_full(d, s);
    if (d->op == DOCUMENT_MISSING && s->missing_at_ms > 0 && s->missing_at_ms <= d->fetched_ms)
        return ORDER_EQUAL; /* the first mark counts; a later one would push the minute on */
    if (s->fetched_ms < d->fetched_ms)
        return ORDER_OLDER;
    return d->op == DOCUMENT_TOMBSTONE && s->deleted && s->fetched_ms == d->fetched_ms ? ORDER_EQUAL
                                                                                       : ORDER_NEWER;
}

static bool same_content(const struct upsert_op *op)
{
    const struct stored *s = &op->need->stored;

    return !op->full && op->doc->hash[0] != '\0' && strcmp(s->hash, op->doc->hash) == 0;
}

static void plan_full(struct upsert_flush *fl, struct upsert_op *op)
{
    switch (upsert_order_of(op->doc, &op->need->stored)) {
    case ORDER_EQUAL:
    case ORDER_NEWER:
        upsert_close_stale(fl, op);
        return;
    case ORDER_ABSENT:
        op->lane = LANE_INSERT;
        op->guard = GUARD_ORDINARY; /* of the second pass, when somebody else was faster */
        return;
    case ORDER_OLDER:
        break;
    }
    if (op->need->stored.deleted) {
        op->lane = LANE_UPDATE;
        op->guard = GUARD_REVIVE;
    } else if (same_content(op)) {
        op->lane = LANE_TOUCH;
        op->guard = GUARD_VERSION_ONLY;
    } else {
        op->lane = LANE_WRITE;
        op->guard = GUARD_ORDINARY;
    }
}

/* Tombstones and missing-marks change only what is there. */
static void plan_update(struct upsert_flush *fl, struct upsert_op *op)
{
    switch (upsert_order_of(op->doc, &op->need->stored)) {
    case ORDER_EQUAL:
        upsert_close_written(fl, op);
        return;
    case ORDER_NEWER:
        upsert_close_stale(fl, op);
        return;
    case ORDER_ABSENT:
    case ORDER_OLDER:
        op->lane = LANE_UPDATE;
        op->guard = GUARD_TOMBSTONE;
        return;
    }
}

/* A complete state is about to be sent whole, or something is about to be noted: what must be stored before it goes first. */
static void plan_before(struct upsert_op *op)
{
    if (op->closed || op->now != op->doc || op->raised || !op->doc->before ||
        (op->lane == LANE_TOUCH && !op->doc->before_touch))
        return;
    op->now = op->doc->before;
    op->lane = LANE_WRITE;
}

static void plan_document(struct upsert_flush *fl, struct upsert_op *op)
{
    switch (op->doc->op) {
    case DOCUMENT_RAW:
    case DOCUMENT_NEED:
        op->lane = LANE_WRITE;
        return;
    case DOCUMENT_MARK:
        op->lane = LANE_MARK;
        plan_before(op);
        return;
    case DOCUMENT_FULL:
        plan_full(fl, op);
        plan_before(op);
        return;
    case DOCUMENT_MISSING:
    case DOCUMENT_TOMBSTONE:
        plan_update(fl, op);
        return;
    }
}

void upsert_plan(struct upsert_flush *fl, struct upsert_op *op)
{
    op->code = 0;
    op->foreign = false;
    if (op->now == op->doc->before)
        op->now = op->doc; /* refused for the moment: planned anew with it */
    if (op->now == op->doc)
        plan_document(fl, op);
    if (!op->closed && op->now == op->doc->after)
        op->lane = LANE_MARK;
}
