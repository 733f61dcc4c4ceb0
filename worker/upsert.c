/* upsert.c - worker, stage 6 of 7: unordered bulks per collection, ops sorted by _id, guarded, one outcome a document.
 *
 * In:      needs in state BUILT.
 * Out:     no need stays BUILT: judged, or NEW again with the messages the answer does not cover.
 * Fails:   false when MongoDB is away or an outcome is unknown: whatever has not been judged by then goes back to NEW,
 *          because the write may have landed and only a lookup can tell.
 * Thread:  the lane's writer (writer.c); blocks.
 *
 * Each round plans every open op from what is known to be stored, sorts, and sends bulks of one command each:
 *
 *   INSERT  nothing is known to be stored     every op is inserted or has an error: inserted + errors must equal the
 *                                             number of ops, or nothing is known (a reply can be cut)
 *   WRITE   ordinary guard, upsert: true      the same with matched + upserted + errors
 *   TOUCH   same content, newer read: version and fetched_ms only, upsert: false
 *   UPDATE  revive, tombstone, missing-mark, upsert: false
 *
 * Without upsert a refused op leaves no trace in the reply; unless all matched, the documents are read back and each op
 * is judged by what stands there. The same settles E11000, which does not mean "stale": the loser of an insert race
 * gets it even with the newer state. What the read-back leaves open is planned again in the next round; counters in the
 * op bound the rounds.
 *
 *   MARK    unguarded, upsert: false          a time noted where there is a document to note it on
 *
 * (upsert_plan.c decides, upsert_send.c sends, upsert_settle.c judges.) An op with a companion takes a round for each: what
 * goes before it, itself, what goes after it. */
#include "worker/upsert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/metrics.h"
#include "common/strbuf.h"
#include "worker/lookup.h"
#include "worker/upsert_internal.h"

enum {
    BULK_MAX_BYTES = 8 * 1024 * 1024, /* of one command; a larger op travels alone */
    OP_MAX_BYTES = 15 * 1024 * 1024,  /* one op over the server's limit would silently drop its whole bulk */
    OP_OVERHEAD = 1024,               /* filter, operators, bookkeeping: more than they take */
    REDOS_MAX = 5,                    /* transient refusals and lost races of one op in one turn */
    CONFLICTS_MAX = 2,                /* duplicate key and no document, so often: another index */
    REDO_DELAY_MS = 1000,             /* then it waits */
};

/* --- codes ------------------------------------------------------------------------------------------ */

static bool code_in(int64_t code, const int64_t *codes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (codes[i] == code)
            return true;
    }
    return false;
}

#define CODE_IN(code, ...)                                                                                   \
    code_in((code), (const int64_t[]){__VA_ARGS__}, sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

/* A conflict of two commands: the op itself is fine. 16908292 is DocumentDB's deadlock. */
static bool is_transient(int64_t code)
{
    return CODE_IN(code, 112, 24, 50, 262, 16908292);
}

/* The server is on its way down or is no primary: nothing else will succeed either. 462 sheds load. */
static bool is_unavailable(int64_t code)
{
    return CODE_IN(code, 189, 91, 10107, 11600, 11601, 11602, 13435, 13436, 462);
}

/* Will be refused however often it is sent. 302776349 is DocumentDB's "too large". */
static bool is_poison(int64_t code)
{
    return CODE_IN(code, 121, 2, 9, 14, 40, 52, 66, 17419, 17420, 10334, 302776349);
}

/* --- what became of each op ------------------------------------------------------------------------- */

static void close_code(struct upsert_flush *fl, struct upsert_op *op, const char *what)
{
    char why[120];

    snprintf(why, sizeof(why), "%s, code %lld", what, (long long)op->code);
    if (is_poison(op->code) || op->code == UPSERT_DUPLICATE)
        upsert_poison(fl, op, why);
    else
        upsert_judge(fl, op, OUTCOME_RETRY, DEAD_MONGO_WRITE, why);
}

/* An op with a code, 11000 of our own index apart. What stays open is sent again next round, or, when MongoDB cannot be
 * used at all, goes back to NEW at the end. */
static void act_on_code(struct upsert_flush *fl, struct upsert_op *op)
{
    if (upsert_is_credentials(op->code) || is_unavailable(op->code)) {
        err_set(fl->err, ERR_MONGO, (int)op->code, "%sMongoDB refuses writes, code %lld",
                upsert_is_credentials(op->code) ? "halt: " : "", (long long)op->code);
        fl->failed = true;
    } else if (is_transient(op->code)) {
        if (++op->redos > REDOS_MAX)
            upsert_defer(fl, op, REDO_DELAY_MS, "MongoDB: write conflicts again and again");
    } else if (op->code == UPSERT_DUPLICATE) {
        close_code(fl, op, "MongoDB: another unique index holds a document against it");
    } else {
        close_code(fl, op, "MongoDB refuses the document");
    }
}

/* After an unknown outcome only refusals that no redo can change are certain. */
static void act_on_unknown(struct upsert_flush *fl, struct upsert_op **ops, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (ops[i]->code != 0 && (is_poison(ops[i]->code) || ops[i]->foreign))
            act_on_code(fl, ops[i]);
    }
}

/* Somebody else was faster, which is nobody's fault: planned anew from what was read, or, when that never ends, later. */
static void plan_again(struct upsert_flush *fl, struct upsert_op *op)
{
    if (++op->redos > REDOS_MAX)
        upsert_defer(fl, op, REDO_DELAY_MS, "the document changes whenever it is to be written");
}

static void close_open_conflict(struct upsert_flush *fl, struct upsert_op *op)
{
    if (++op->conflicts < CONFLICTS_MAX)
        return; /* deleted in between, perhaps: once more with upsert */
    if (op->now->op == DOCUMENT_RAW || op->now->op == DOCUMENT_NEED)
        upsert_judge(fl, op, OUTCOME_RETRY, DEAD_MONGO_WRITE, "MongoDB: duplicate key, but no such document");
    else
        upsert_poison(fl, op, "MongoDB: another unique index holds a document against it");
}

/* No document where one was to be changed. */
static void close_absent(struct upsert_flush *fl, struct upsert_op *op)
{
    if (op->lane == LANE_WRITE)
        close_open_conflict(fl, op);
    else if (op->lane == LANE_TOUCH)
        op->full = true;
    else if (op->now->op == DOCUMENT_TOMBSTONE)
        upsert_close_written(fl, op); /* gone either way */
    else
        plan_again(fl, op);
}

/* Judges one op by what was read back into its need. */
static void close_read(struct upsert_flush *fl, struct upsert_op *op)
{
    switch (upsert_order_of(op->now, &op->need->stored)) {
    case ORDER_EQUAL:
        upsert_close_written(fl, op); /* an earlier try of ours landed, or this one did */
        return;
    case ORDER_NEWER:
        upsert_close_stale(fl, op);
        return;
    case ORDER_ABSENT:
        close_absent(fl, op);
        return;
    case ORDER_OLDER:
        break;
    }
    if (op->lane == LANE_TOUCH)
        op->full = true; /* other content, or a tombstone: planned anew from what was read */
    else
        plan_again(fl, op);
}

static void read_back(struct upsert_flush *fl, struct upsert_op **ops, size_t n)
{
    struct need **needs;

    if (ops[0]->lane == LANE_MARK) { /* unguarded: what did not match is not there, and needs no mark */
        for (size_t i = 0; i < n; i++)
            upsert_close_written(fl, ops[i]);
        return;
    }
    if (ops[0]->now->op == DOCUMENT_RAW || ops[0]->now->op == DOCUMENT_NEED) {
        for (size_t i = 0; i < n; i++)
            close_open_conflict(fl, ops[i]);
        return;
    }
    needs = xcalloc(n, sizeof(*needs));
    for (size_t i = 0; i < n; i++)
        needs[i] = ops[i]->need;
    if (!lookup_read(fl->store, ops[0]->now->collection, needs, n, fl->f, fl->err))
        fl->failed = true;
    for (size_t i = 0; i < n && !fl->failed; i++)
        close_read(fl, ops[i]);
    free(needs);
}

/* Moves the ops that have (not) a code to the front, order kept otherwise; returns how many. */
static size_t partition(struct upsert_op **ops, size_t n, bool (*first)(const struct upsert_op *))
{
    struct upsert_op **rest = xcalloc(n + 1, sizeof(*rest));
    size_t front = 0, others = 0;

    for (size_t i = 0; i < n; i++) {
        if (first(ops[i]))
            ops[front++] = ops[i];
        else
            rest[others++] = ops[i];
    }
    memcpy(ops + front, rest, others * sizeof(*rest));
    free(rest);
    return front;
}

static bool without_code(const struct upsert_op *op)
{
    return op->code == 0;
}

static bool duplicate_of_ours(const struct upsert_op *op)
{
    return op->code == UPSERT_DUPLICATE && !op->foreign;
}

/* Without upsert: revives, tombstones, missing-marks, version-only ops, and the second pass of E11000. */
static void send_updates(struct upsert_flush *fl, struct upsert_op **ops, size_t n)
{
    struct upsert_sent sent = upsert_send(fl, ops, &n, false);
    size_t clean;

    if (n == 0)
        return;
    if (!sent.known) {
        act_on_unknown(fl, ops, n);
        return;
    }
    clean = partition(ops, n, without_code);
    for (size_t i = clean; i < n; i++)
        act_on_code(fl, ops[i]);
    if (clean == 0)
        return;
    if (sent.matched != (int64_t)clean) {
        read_back(fl, ops, clean);
        return;
    }
    for (size_t i = 0; i < clean; i++)
        upsert_close_written(fl, ops[i]);
}

/* With upsert, or inserts; a duplicate key of our own index means race, stale or done already: the second pass tells. It
 * is guarded whatever the first one was. */
static void send_writes(struct upsert_flush *fl, struct upsert_op **ops, size_t n)
{
    struct upsert_sent sent = upsert_send(fl, ops, &n, true);
    size_t duplicates;

    if (!sent.known) {
        act_on_unknown(fl, ops, n);
        return;
    }
    duplicates = partition(ops, n, duplicate_of_ours);
    for (size_t i = duplicates; i < n; i++) {
        if (ops[i]->code == 0)
            upsert_close_written(fl, ops[i]);
        else
            act_on_code(fl, ops[i]);
    }
    if (duplicates == 0 || fl->failed)
        return;
    metric_add(METRIC_WORKER_SECOND_PASSES, (int64_t)duplicates);
    for (size_t i = 0; i < duplicates; i++)
        ops[i]->lane = LANE_WRITE;
    send_updates(fl, ops, duplicates);
}

/* --- rounds ---------------------------------------------------------------------------------------- */

static int compare_i64(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

/* By collection, lane and _id: servers that run a bulk as one transaction deadlock on any other order. */
static int compare_ops(const void *left, const void *right)
{
    const struct upsert_op *a = *(struct upsert_op *const *)left, *b = *(struct upsert_op *const *)right;
    int c = strcmp(a->now->collection, b->now->collection);

    if (c == 0)
        c = (int)a->lane - (int)b->lane;
    if (c == 0)
        c = strcmp(a->now->doc_id, b->now->doc_id);
    if (c == 0)
        c = compare_i64(a->now->version, b->now->version);
    return c != 0 ? c : compare_i64(a->now->fetched_ms, b->now->fetched_ms);
}

/* The same with all first ops on a document before all second ones: copies of one webhook (each is a raw event of its own)
 * would else cut every bulk in two. */
static int compare_copies(const void *left, const void *right)
{
    const struct upsert_op *a = *(struct upsert_op *const *)left, *b = *(struct upsert_op *const *)right;
    int c = strcmp(a->now->collection, b->now->collection);

    if (c == 0)
        c = (int)a->lane - (int)b->lane;
    if (c == 0)
        c = (a->copy > b->copy) - (a->copy < b->copy);
    return c != 0 ? c : strcmp(a->now->doc_id, b->now->doc_id);
}

static bool same_document(const struct upsert_op *a, const struct upsert_op *b)
{
    return a->lane == b->lane && strcmp(a->now->collection, b->now->collection) == 0 &&
           strcmp(a->now->doc_id, b->now->doc_id) == 0;
}

static void sort_ops(struct upsert_op **ops, size_t n)
{
    bool copies = false;

    qsort(ops, n, sizeof(*ops), compare_ops);
    for (size_t i = 0; i < n; i++) {
        ops[i]->copy = i > 0 && same_document(ops[i - 1], ops[i]) ? ops[i - 1]->copy + 1 : 0;
        copies = copies || ops[i]->copy > 0;
    }
    if (copies)
        qsort(ops, n, sizeof(*ops), compare_copies);
}

/* SYNC_BATCH_SIZE_* of a collection. */
static size_t bulk_ops(const struct config *c, const char *collection)
{
    const struct {
        const char *collection;
        int64_t ops;
    } limits[] = {{"returns", c->sync_batch_size_returns},
                  {"products", c->sync_batch_size_products},
                  {"transactions", c->sync_batch_size_transactions},
                  {"order_tracking_status", c->sync_batch_size_tracking}};

    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        if (strcmp(limits[i].collection, collection) == 0)
            return (size_t)limits[i].ops;
    }
    return (size_t)c->sync_batch_size_orders; /* and everything that has no size of its own */
}

/* How many of the sorted ops make the next command. Two ops on one document never share one: their order would be
 * undefined. */
static size_t next_bulk(const struct upsert_flush *fl, struct upsert_op *const *ops, size_t n)
{
    size_t count = 1, bytes = ops[0]->bytes, limit = bulk_ops(fl->config, ops[0]->now->collection);

    while (count < n && count < limit) {
        const struct upsert_op *op = ops[count];

        bytes += op->bytes;
        if (bytes > BULK_MAX_BYTES || op->lane != ops[0]->lane || op->copy != ops[0]->copy ||
            strcmp(op->now->collection, ops[0]->now->collection) != 0)
            break;
        count++;
    }
    return count;
}

/* Refuses what the server would refuse, before it takes its whole bulk along. Depth is no question any more: whoever made
 * the document has seen to it. */
static void weigh(struct upsert_flush *fl, struct upsert_op *op)
{
    const bson_t *parts[] = {op->now->set, op->now->unset, op->now->on_insert, op->now->max, op->now->min};
    char why[80];

    op->bytes = OP_OVERHEAD;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        op->bytes += parts[i] ? parts[i]->len : 0;
    if (op->bytes <= OP_MAX_BYTES)
        return;
    snprintf(why, sizeof(why), "document of %zu bytes is too large", op->bytes);
    upsert_poison(fl, op, why);
}

static size_t drop_closed(struct upsert_op **ops, size_t n)
{
    size_t open = 0;

    for (size_t i = 0; i < n; i++) {
        if (!ops[i]->closed)
            ops[open++] = ops[i];
    }
    return open;
}

static void run_rounds(struct upsert_flush *fl, struct upsert_op **ops, size_t n)
{
    while (!fl->failed && (n = drop_closed(ops, n)) > 0) {
        size_t at = 0, count;

        for (size_t i = 0; i < n; i++) {
            upsert_plan(fl, ops[i]);
            if (!ops[i]->closed)
                weigh(fl, ops[i]);
        }
        n = drop_closed(ops, n);
        sort_ops(ops, n);
        for (; at < n && !fl->failed; at += count) {
            count = next_bulk(fl, ops + at, n - at);
            if (ops[at]->lane == LANE_WRITE || ops[at]->lane == LANE_INSERT)
                send_writes(fl, ops + at, count);
            else
                send_updates(fl, ops + at, count);
        }
    }
}

/* --- the stage ------------------------------------------------------------------------------------- */

struct built {
    struct need **needs;
    size_t count;
};

static void take_built(void *context, struct need *n)
{
    struct built *b = context;

    if (n->state == NEED_BUILT)
        b->needs[b->count++] = n;
}

/* What is open in the end starts again: all of it when fl has failed before. */
static void flush(struct upsert_flush *fl)
{
    struct built built = {xcalloc(pool_needs(fl->pool) + 1, sizeof(struct need *)), 0};
    struct upsert_op *ops, **order;

    pool_each(fl->pool, take_built, &built);
    ops = xcalloc(built.count + 1, sizeof(*ops));
    order = xcalloc(built.count + 1, sizeof(struct upsert_op *));
    for (size_t i = 0; i < built.count; i++) {
        ops[i] = (struct upsert_op){
            .need = built.needs[i], .doc = built.needs[i]->document, .now = built.needs[i]->document};
        order[i] = &ops[i];
    }
    run_rounds(fl, order, built.count);
    for (size_t i = 0; i < built.count; i++) {
        if (!ops[i].closed)
            upsert_give_back(fl, &ops[i]);
    }
    free(order);
    free(ops);
    free(built.needs);
}

bool upsert_flush(struct pool *pool, struct store *store, const struct config *config,
                  const struct freshness *f, struct message_list *settled, struct err *err)
{
    struct err own = {0};
    struct upsert_flush fl = {pool, store, config, f, settled, err ? err : &own, false};

    flush(&fl);
    return !fl.failed;
}

void upsert_put_back(struct pool *pool)
{
    struct upsert_flush fl = {.pool = pool, .failed = true};

    flush(&fl);
}
