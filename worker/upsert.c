/* upsert.c - worker, stage 6 of 7: unordered bulks per collection, ops sorted by _id, guarded, one outcome a document.
 *
 * In:      needs in state BUILT.
 * Out:     no need stays BUILT: judged, or NEW again with the messages the answer does not cover.
 * Fails:   false when MongoDB is away or an outcome is unknown: whatever has not been judged by then goes back to NEW,
 *          because the write may have landed and only a lookup can tell.
 * Thread:  the lane's; blocks.
 *
 * Each round plans every open op from what is known to be stored, sorts, and sends bulks of one command each:
 *
 *   WRITE   ordinary guard, upsert: true      every op is matched, inserted or has an error: matched + upserted + errors
 *                                             must equal the number of ops, or nothing is known (a reply can be cut)
 *   TOUCH   same content, newer read: version and fetched_ms only, upsert: false
 *   UPDATE  revive, tombstone, missing-mark, upsert: false
 *
 * Without upsert a refused op leaves no trace in the reply; unless all matched, the documents are read back and each op
 * is judged by what stands there. The same settles E11000, which does not mean "stale": the loser of an insert race
 * gets it even with the newer state. What the read-back leaves open is planned again in the next round; counters in the
 * op bound the rounds.
 *
 * Why one command a bulk: the driver has one error slot for all commands of a bulk, and a later success clears it. */
#include "worker/upsert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/metrics.h"
#include "common/strbuf.h"
#include "worker/guard.h"
#include "worker/lookup.h"

enum {
    BULK_MAX_BYTES = 8 * 1024 * 1024, /* of one command; a larger op travels alone */
    OP_MAX_BYTES = 15 * 1024 * 1024,  /* one op over the server's limit would silently drop its whole bulk */
    OP_MAX_DEPTH = 90,                /* the server stops at 100 */
    OP_OVERHEAD = 1024,               /* filter, operators, bookkeeping: more than they take */
    REDOS_MAX = 5,                    /* transient refusals and lost races of one op in one turn */
    CONFLICTS_MAX = 2,                /* duplicate key and no document, so often: another index */
    REDO_DELAY_MS = 1000,             /* then it waits */
    MISSING_DELAY_MS = 61000,         /* two reads that both leave it out must be a minute apart */
    FUTURE_DELAY_MS = 60000,          /* longest wait for a clock that has stepped back */
    CODE_DUPLICATE = 11000,
};

enum lane { LANE_TOUCH, LANE_UPDATE, LANE_WRITE };

/* One write under way. */
struct op {
    struct need *need;
    struct document *doc; /* need->document */
    enum lane lane;       /* this round's */
    enum guard guard;     /* this round's; not for RAW */
    size_t copy;          /* this round: ops on the same document that stand before it */
    size_t bytes;         /* at most what it takes in a command */
    bool closed;          /* its need is judged or NEW again */
    bool full;            /* a version-only op found other content: send it whole */
    int redos;            /* transient refusals and lost races so far */
    int conflicts;        /* duplicate key, but no document to be seen */
    int64_t code;         /* error of the last command for this op; 0 = none */
    bool foreign;         /* code is 11000, of an index that is not ours */
};

struct flush {
    struct pool *pool;
    struct store *store;
    const struct config *config;
    const struct freshness *f;
    struct message_list *settled;
    struct err *err;
    bool failed; /* MongoDB cannot be used now; err says why */
};

/* What a command did. */
struct sent {
    bool known;      /* ops without a code were executed */
    int64_t matched; /* nMatched */
    size_t errors;   /* ops with a code */
};

/* --- settling: from what stands in the database to outcomes ---------------------------------------- */

/* A state that stands in the database, or was served. */
struct state {
    int64_t version;
    int64_t fetched_ms;
    bool deleted;
};

struct verdict {
    const struct flush *flush;
    const struct need *need;
    const struct state *states; /* each reflects for itself */
    size_t count;               /* of states */
    int64_t served;             /* newest version among them */
    bool deleted;               /* one of them is a tombstone: nothing more can be served */
    size_t behind;              /* messages announced, but not served */
};

/* A need leaves stage 6; its document dies here. */
static void leave(struct flush *fl, struct op *op, enum need_state next)
{
    struct need *n = op->need;

    document_free(n->document);
    n->document = NULL;
    op->doc = NULL;
    op->closed = true;
    if (n->state != NEED_JUDGED)
        need_enter(fl->pool, n, next);
}

static void judge(struct flush *fl, struct op *op, enum outcome outcome, enum dead_class dead,
                  const char *error)
{
    need_judge(fl->pool, op->need, outcome, dead, error);
    leave(fl, op, NEED_JUDGED);
}

static void defer(struct flush *fl, struct op *op, int64_t delay_ms, const char *why)
{
    int64_t longest = fl->config->reclaim_idle_ms / 5 * 4; /* delays are encoded below the claim threshold */

    need_defer(fl->pool, op->need, delay_ms < longest ? delay_ms : longest, why);
    leave(fl, op, NEED_JUDGED);
}

static void poison(struct flush *fl, struct op *op, const char *why)
{
    log_warn("document cannot be stored", LOG_S("id", op->doc->doc_id), LOG_S("why", why));
    judge(fl, op, OUTCOME_POISON, DEAD_MONGO_WRITE, why);
}

static void judge_behind(const struct verdict *v, struct message *m)
{
    char text[sizeof(m->error)];

    if (v->need->behind && m->deliveries >= freshness_stale_limit(v->flush->config)) {
        message_judge(m, OUTCOME_DONE, DEAD_UNKNOWN, NULL);
        return;
    }
    snprintf(text, sizeof(text), "the marketplace serves %lld, announced %lld", (long long)v->served,
             (long long)m->entry.event_ms);
    message_judge(m, OUTCOME_RETRY, DEAD_NOT_FOUND, text);
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

    for (size_t i = 0; i < v->count; i++) {
        const struct state *s = &v->states[i];

        if (freshness_reflects(v->flush->f, s->version, s->fetched_ms, s->deleted, m)) {
            message_judge(m, OUTCOME_DONE, DEAD_UNKNOWN, NULL);
            return true;
        }
    }
    if (!v->deleted && freshness_behind(m, v->served)) {
        v->behind++;
        judge_behind(v, m);
    } else if (m->entry_ms > v->flush->f->now_ms) {
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
}

static void settle(struct flush *fl, struct op *op, const struct state *states, size_t count)
{
    struct verdict v = {.flush = fl, .need = op->need, .states = states, .count = count};
    bool all;

    for (size_t i = 0; i < count; i++) {
        if (states[i].version > v.served)
            v.served = states[i].version;
        v.deleted = v.deleted || states[i].deleted;
    }
    need_take(fl->pool, op->need, judge_message, &v, fl->settled);
    if (v.behind > 0)
        metric_add(METRIC_WORKER_FETCH_STALE, 1);
    all = op->need->messages.count == 0;
    if (!all)
        start_over(op->need);
    leave(fl, op, all ? NEED_JUDGED : NEED_NEW);
}

static enum metric written_metric(const struct op *op)
{
    if (op->doc->op == DOCUMENT_TOMBSTONE)
        return METRIC_WORKER_DOCUMENTS_TOMBSTONE;
    return op->lane == LANE_TOUCH ? METRIC_WORKER_DOCUMENTS_TOUCHED : METRIC_WORKER_DOCUMENTS_WRITTEN;
}

static void close_written(struct flush *fl, struct op *op)
{
    const struct document *d = op->doc;
    const struct state full = {d->version, d->fetched_ms, false};
    const struct state tombstone = {op->need->stored.version, d->fetched_ms, true};

    if (d->op == DOCUMENT_MISSING) {
        defer(fl, op, MISSING_DELAY_MS, "left out of an answer; to be asked for alone");
        return;
    }
    metric_add(written_metric(op), 1);
    if (d->op == DOCUMENT_RAW)
        judge(fl, op, OUTCOME_DONE, DEAD_UNKNOWN, NULL);
    else
        settle(fl, op, d->op == DOCUMENT_TOMBSTONE ? &tombstone : &full, 1);
}

/* Nothing to write: what is stored is as new. A tombstone or a missing-mark is no state that could reflect anything. */
static void close_stale(struct flush *fl, struct op *op)
{
    const struct stored *s = &op->need->stored;
    const struct state states[] = {{s->version, s->fetched_ms, s->deleted},
                                   {op->doc->version, op->doc->fetched_ms, false}};

    metric_add(METRIC_WORKER_DOCUMENTS_STALE, 1);
    settle(fl, op, states, op->doc->op == DOCUMENT_FULL ? 2 : 1);
}

/* --- planning -------------------------------------------------------------------------------------- */

/* The stored state as seen from the op's. */
enum order { ORDER_ABSENT, ORDER_OLDER, ORDER_EQUAL, ORDER_NEWER };

static enum order order_full(const struct document *d, const struct stored *s)
{
    if (s->deleted) /* fetched_ms alone: a slow read must not revive */
        return s->fetched_ms >= d->fetched_ms ? ORDER_NEWER : ORDER_OLDER;
    if (s->version != d->version)
        return s->version > d->version ? ORDER_NEWER : ORDER_OLDER;
    if (s->fetched_ms != d->fetched_ms)
        return s->fetched_ms > d->fetched_ms ? ORDER_NEWER : ORDER_OLDER;
    return ORDER_EQUAL;
}

static enum order order_of(const struct document *d, const struct stored *s)
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

static bool same_content(const struct op *op)
{
    const struct stored *s = &op->need->stored;

    return !op->full && op->doc->hash[0] != '\0' && strcmp(s->hash, op->doc->hash) == 0;
}

static void plan_full(struct flush *fl, struct op *op)
{
    switch (order_of(op->doc, &op->need->stored)) {
    case ORDER_EQUAL:
    case ORDER_NEWER:
        close_stale(fl, op);
        return;
    case ORDER_ABSENT:
        op->lane = LANE_WRITE;
        op->guard = GUARD_ORDINARY;
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
static void plan_update(struct flush *fl, struct op *op)
{
    switch (order_of(op->doc, &op->need->stored)) {
    case ORDER_EQUAL:
        close_written(fl, op);
        return;
    case ORDER_NEWER:
        close_stale(fl, op);
        return;
    case ORDER_ABSENT:
    case ORDER_OLDER:
        op->lane = LANE_UPDATE;
        op->guard = GUARD_TOMBSTONE;
        return;
    }
}

static void plan(struct flush *fl, struct op *op)
{
    op->code = 0;
    op->foreign = false;
    if (op->doc->op == DOCUMENT_RAW)
        op->lane = LANE_WRITE;
    else if (op->doc->op == DOCUMENT_FULL)
        plan_full(fl, op);
    else
        plan_update(fl, op);
}

/* Recurses at most `left` levels, whatever the document. */
static bool deeper_than(bson_iter_t *it, int left)
{
    while (bson_iter_next(it)) {
        bson_iter_t child;

        if (!BSON_ITER_HOLDS_DOCUMENT(it) && !BSON_ITER_HOLDS_ARRAY(it))
            continue;
        if (left == 0 || (bson_iter_recurse(it, &child) && deeper_than(&child, left - 1)))
            return true;
    }
    return false;
}

/* Refuses what the server would refuse, before it takes its whole bulk along. */
static void check(struct flush *fl, struct op *op)
{
    const bson_t *parts[] = {op->doc->set, op->doc->unset, op->doc->on_insert};
    char why[80];

    op->bytes = OP_OVERHEAD;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        bson_iter_t it;

        if (!parts[i])
            continue;
        op->bytes += parts[i]->len;
        /* one level is the operator's, one the document itself */
        if (bson_iter_init(&it, parts[i]) && deeper_than(&it, OP_MAX_DEPTH - 2)) {
            poison(fl, op, "document is nested too deep");
            return;
        }
    }
    if (op->bytes > OP_MAX_BYTES) {
        snprintf(why, sizeof(why), "document of %zu bytes is too large", op->bytes);
        poison(fl, op, why);
    }
}

/* --- one op as BSON -------------------------------------------------------------------------------- */

static bool add_operator(bson_t *to, const char *name, const bson_t *fields)
{
    return !fields || bson_empty(fields) || BSON_APPEND_DOCUMENT(to, name, fields);
}

/* Bookkeeping that a complete state takes away unless it sets it itself. */
static bool add_unset(bson_t *to, const struct document *d)
{
    static const char *const names[] = {"missing_at_ms", "deleted_at", "behind", "raw", "validation_errors"};
    bson_t fields = BSON_INITIALIZER;
    bool ok = !d->unset || bson_concat(&fields, d->unset);

    for (size_t i = 0; ok && i < sizeof(names) / sizeof(names[0]); i++) {
        if (!bson_has_field(&fields, names[i]) && !bson_has_field(d->set, names[i]))
            ok = BSON_APPEND_INT32(&fields, names[i], 1);
    }
    ok = ok && add_operator(to, "$unset", &fields);
    bson_destroy(&fields);
    return ok;
}

/* The content stays as it is. `behind` and the missing-mark are no content, so they must follow this read too. */
static bool add_touch(bson_t *to, const struct document *d)
{
    bool behind = bson_has_field(d->set, "behind");
    bson_t set, unset;

    return BSON_APPEND_DOCUMENT_BEGIN(to, "$set", &set) && BSON_APPEND_INT64(&set, "version", d->version) &&
           BSON_APPEND_INT64(&set, "fetched_ms", d->fetched_ms) &&
           (!behind || BSON_APPEND_BOOL(&set, "behind", true)) && bson_append_document_end(to, &set) &&
           BSON_APPEND_DOCUMENT_BEGIN(to, "$unset", &unset) &&
           BSON_APPEND_INT32(&unset, "missing_at_ms", 1) &&
           (behind || BSON_APPEND_INT32(&unset, "behind", 1)) && bson_append_document_end(to, &unset);
}

static bool add_update(bson_t *to, const struct op *op)
{
    const struct document *d = op->doc;

    if (op->lane == LANE_TOUCH)
        return add_touch(to, d);
    if (!add_operator(to, "$set", d->set))
        return false;
    if (d->op != DOCUMENT_FULL)
        return add_operator(to, "$unset", d->unset) && add_operator(to, "$setOnInsert", d->on_insert);
    return add_unset(to, d) && add_operator(to, "$setOnInsert", d->on_insert);
}

static bool add_filter(bson_t *to, const struct flush *fl, const struct op *op)
{
    const struct document *d = op->doc;

    if (d->op == DOCUMENT_RAW)
        return BSON_APPEND_UTF8(to, "_id", d->doc_id);
    return guard_filter(to, op->guard, d->doc_id, d->version, d->fetched_ms, fl->f->now_ms + fl->f->skew_ms,
                        d->hash);
}

/* The driver copies both documents. validate:false, because this is the one place that builds updates and it writes
 * nothing but operators. */
static bool add_op(mongoc_bulk_operation_t *bulk, const struct flush *fl, const struct op *op,
                   const bson_t *opts)
{
    bson_t filter = BSON_INITIALIZER, update = BSON_INITIALIZER;
    bool ok = add_filter(&filter, fl, op) && add_update(&update, op) && !bson_empty(&update) &&
              mongoc_bulk_operation_update_one_with_opts(bulk, &filter, &update, opts, NULL);

    bson_destroy(&filter);
    bson_destroy(&update);
    return ok;
}

/* --- one command ----------------------------------------------------------------------------------- */

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

static bool is_credentials(int64_t code)
{
    return CODE_IN(code, 13, 18, 8000);
}

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

/* `_id`, or a shard key we made unique (shop_id and an id). Compatible servers name no keys: ours, and the second pass
 * sorts it out. */
static bool is_foreign_index(const bson_iter_t *row)
{
    bson_iter_t it = *row, keys;

    if (!bson_iter_find(&it, "keyPattern") || !BSON_ITER_HOLDS_DOCUMENT(&it) ||
        !bson_iter_recurse(&it, &keys))
        return false;
    while (bson_iter_next(&keys)) {
        const char *key = bson_iter_key(&keys);

        if (strcmp(key, "_id") != 0 && strcmp(key, "shop_id") != 0 && strcmp(key, "entity_id") != 0)
            return true;
    }
    return false;
}

static int64_t reply_int(const bson_t *reply, const char *key)
{
    bson_iter_t it;

    return bson_iter_init_find(&it, reply, key) ? bson_iter_as_int64(&it) : 0;
}

static bool reply_array(const bson_t *reply, const char *key, bson_iter_t *rows)
{
    bson_iter_t it;

    return bson_iter_init_find(&it, reply, key) && BSON_ITER_HOLDS_ARRAY(&it) && bson_iter_recurse(&it, rows);
}

/* One element of writeErrors. */
static void take_error(struct op **ops, size_t n, const bson_iter_t *row, struct sent *sent)
{
    bson_iter_t start, it;
    int64_t index, code;

    if (!bson_iter_recurse(row, &start))
        return;
    it = start;
    index = bson_iter_find(&it, "index") ? bson_iter_as_int64(&it) : -1;
    it = start;
    code = bson_iter_find(&it, "code") ? bson_iter_as_int64(&it) : -1;
    if (index < 0 || (uint64_t)index >= n || ops[index]->code != 0)
        return;
    ops[index]->code = code != 0 ? code : -1;
    ops[index]->foreign = code == CODE_DUPLICATE && is_foreign_index(&start);
    sent->errors++;
}

/* First element of writeConcernErrors: applied, but may roll back. */
static bool take_concern_error(const bson_t *reply, struct err *err)
{
    bson_iter_t rows, it;
    int64_t code = 0;

    if (!reply_array(reply, "writeConcernErrors", &rows) || !bson_iter_next(&rows))
        return false;
    if (bson_iter_recurse(&rows, &it) && bson_iter_find(&it, "code"))
        code = bson_iter_as_int64(&it);
    err_set(err, ERR_MONGO, (int)code, "MongoDB: write concern not met, code %lld", (long long)code);
    return true;
}

static void set_command_error(struct err *err, const bson_error_t *error)
{
    bool halt = is_credentials(error->code) ||
                (error->domain == MONGOC_ERROR_CLIENT && error->code == MONGOC_ERROR_CLIENT_AUTHENTICATE);

    if (error->message[0] == '\0')
        err_set(err, ERR_MONGO, 0, "MongoDB: the reply does not account for every op");
    else
        err_set(err, ERR_MONGO, (int)error->code, "%sMongoDB: %s", halt ? "halt: " : "", error->message);
}

/* Fills the ops' codes. Without upsert, a refused op is in no count: then the command's own success must say enough. */
static struct sent read_reply(struct flush *fl, struct op **ops, size_t n, bool upsert, bool succeeded,
                              const bson_t *reply, const bson_error_t *error)
{
    struct sent sent = {.matched = reply_int(reply, "nMatched")};
    int64_t sum;
    bson_iter_t rows;
    bool concern;

    if (reply_array(reply, "writeErrors", &rows)) {
        while (bson_iter_next(&rows))
            take_error(ops, n, &rows, &sent);
    }
    concern = take_concern_error(reply, fl->err);
    sum = sent.matched + reply_int(reply, "nUpserted") + (int64_t)sent.errors;
    sent.known = !concern && (upsert ? sum == (int64_t)n : succeeded || sent.errors > 0);
    if (!sent.known) {
        metric_add(METRIC_WORKER_UNKNOWN_OUTCOMES, (int64_t)(n - sent.errors));
        if (!concern)
            set_command_error(fl->err, error);
        fl->failed = true;
    }
    return sent;
}

/* Closes what the driver refuses to take and closes up the array behind it. NULL: no op was left. */
static mongoc_bulk_operation_t *build(struct flush *fl, struct op **ops, size_t *n, const bson_t *opts)
{
    static const char refused[] = "the driver refuses the document";
    bson_t unordered = BSON_INITIALIZER;
    mongoc_bulk_operation_t *bulk = NULL;

    BSON_APPEND_BOOL(&unordered, "ordered", false);
    for (size_t i = 0; i < *n;) {
        if (!bulk) /* also after a refusal: a bulk that refused an op is good for nothing */
            bulk = mongoc_collection_create_bulk_operation_with_opts(
                store_collection(fl->store, ops[0]->doc->collection), &unordered);
        if (add_op(bulk, fl, ops[i], opts)) {
            i++;
            continue;
        }
        poison(fl, ops[i], refused);
        memmove(&ops[i], &ops[i + 1], (*n - i - 1) * sizeof(ops[0]));
        *n -= 1;
        mongoc_bulk_operation_destroy(bulk);
        bulk = NULL;
        i = 0;
    }
    bson_destroy(&unordered);
    return bulk;
}

/* Sends ops as one command. *n shrinks by what the driver refused (closed). */
static struct sent send_ops(struct flush *fl, struct op **ops, size_t *n, bool upsert)
{
    bson_t opts = BSON_INITIALIZER, reply;
    bson_error_t error = {0};
    mongoc_bulk_operation_t *bulk;
    struct sent sent = {.known = true};
    uint32_t server;

    for (size_t i = 0; i < *n; i++) {
        ops[i]->code = 0;
        ops[i]->foreign = false;
    }
    BSON_APPEND_BOOL(&opts, "upsert", upsert);
    BSON_APPEND_BOOL(&opts, "validate", false);
    bulk = build(fl, ops, n, &opts);
    bson_destroy(&opts);
    if (!bulk)
        return sent;
    server = mongoc_bulk_operation_execute(bulk, &reply, &error);
    sent = read_reply(fl, ops, *n, upsert, server != 0, &reply, &error);
    bson_destroy(&reply);
    mongoc_bulk_operation_destroy(bulk);
    return sent;
}

/* --- what became of each op ------------------------------------------------------------------------- */

static void close_code(struct flush *fl, struct op *op, const char *what)
{
    char why[120];

    snprintf(why, sizeof(why), "%s, code %lld", what, (long long)op->code);
    if (is_poison(op->code) || op->code == CODE_DUPLICATE)
        poison(fl, op, why);
    else
        judge(fl, op, OUTCOME_RETRY, DEAD_MONGO_WRITE, why);
}

/* An op with a code, 11000 of our own index apart. What stays open is sent again next round, or, when MongoDB cannot be
 * used at all, goes back to NEW at the end. */
static void act_on_code(struct flush *fl, struct op *op)
{
    if (is_credentials(op->code) || is_unavailable(op->code)) {
        err_set(fl->err, ERR_MONGO, (int)op->code, "%sMongoDB refuses writes, code %lld",
                is_credentials(op->code) ? "halt: " : "", (long long)op->code);
        fl->failed = true;
    } else if (is_transient(op->code)) {
        if (++op->redos > REDOS_MAX)
            defer(fl, op, REDO_DELAY_MS, "MongoDB: write conflicts again and again");
    } else if (op->code == CODE_DUPLICATE) {
        close_code(fl, op, "MongoDB: another unique index holds a document against it");
    } else {
        close_code(fl, op, "MongoDB refuses the document");
    }
}

/* After an unknown outcome only refusals that no redo can change are certain. */
static void act_on_unknown(struct flush *fl, struct op **ops, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (ops[i]->code != 0 && (is_poison(ops[i]->code) || ops[i]->foreign))
            act_on_code(fl, ops[i]);
    }
}

/* Somebody else was faster, which is nobody's fault: planned anew from what was read, or, when that never ends, later. */
static void plan_again(struct flush *fl, struct op *op)
{
    if (++op->redos > REDOS_MAX)
        defer(fl, op, REDO_DELAY_MS, "the document changes whenever it is to be written");
}

static void close_open_conflict(struct flush *fl, struct op *op)
{
    if (++op->conflicts < CONFLICTS_MAX)
        return; /* deleted in between, perhaps: once more with upsert */
    if (op->doc->op == DOCUMENT_RAW)
        judge(fl, op, OUTCOME_RETRY, DEAD_MONGO_WRITE, "MongoDB: duplicate key, but no such document");
    else
        poison(fl, op, "MongoDB: another unique index holds a document against it");
}

/* No document where one was to be changed. */
static void close_absent(struct flush *fl, struct op *op)
{
    if (op->lane == LANE_WRITE)
        close_open_conflict(fl, op);
    else if (op->lane == LANE_TOUCH)
        op->full = true;
    else if (op->doc->op == DOCUMENT_TOMBSTONE)
        close_written(fl, op); /* gone either way */
    else
        plan_again(fl, op);
}

/* Judges one op by what was read back into its need. */
static void close_read(struct flush *fl, struct op *op)
{
    switch (order_of(op->doc, &op->need->stored)) {
    case ORDER_EQUAL:
        close_written(fl, op); /* an earlier try of ours landed, or this one did */
        return;
    case ORDER_NEWER:
        close_stale(fl, op);
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

static void read_back(struct flush *fl, struct op **ops, size_t n)
{
    struct need **needs;

    if (ops[0]->doc->op == DOCUMENT_RAW) { /* unguarded: what did not match is not there */
        for (size_t i = 0; i < n; i++)
            close_open_conflict(fl, ops[i]);
        return;
    }
    needs = xcalloc(n, sizeof(*needs));
    for (size_t i = 0; i < n; i++)
        needs[i] = ops[i]->need;
    if (!lookup_read(fl->store, ops[0]->doc->collection, needs, n, fl->f, fl->err))
        fl->failed = true;
    for (size_t i = 0; i < n && !fl->failed; i++)
        close_read(fl, ops[i]);
    free(needs);
}

/* Moves the ops that have (not) a code to the front, order kept otherwise; returns how many. */
static size_t partition(struct op **ops, size_t n, bool (*first)(const struct op *))
{
    struct op **rest = xcalloc(n + 1, sizeof(*rest));
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

static bool without_code(const struct op *op)
{
    return op->code == 0;
}

static bool duplicate_of_ours(const struct op *op)
{
    return op->code == CODE_DUPLICATE && !op->foreign;
}

/* Without upsert: revives, tombstones, missing-marks, version-only ops, and the second pass of E11000. */
static void send_updates(struct flush *fl, struct op **ops, size_t n)
{
    struct sent sent = send_ops(fl, ops, &n, false);
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
        close_written(fl, ops[i]);
}

/* With upsert; a duplicate key of our own index means race, stale or done already: the second pass tells. */
static void send_writes(struct flush *fl, struct op **ops, size_t n)
{
    struct sent sent = send_ops(fl, ops, &n, true);
    size_t duplicates;

    if (!sent.known) {
        act_on_unknown(fl, ops, n);
        return;
    }
    duplicates = partition(ops, n, duplicate_of_ours);
    for (size_t i = duplicates; i < n; i++) {
        if (ops[i]->code == 0)
            close_written(fl, ops[i]);
        else
            act_on_code(fl, ops[i]);
    }
    if (duplicates == 0 || fl->failed)
        return;
    metric_add(METRIC_WORKER_SECOND_PASSES, (int64_t)duplicates);
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
    const struct op *a = *(struct op *const *)left, *b = *(struct op *const *)right;
    int c = strcmp(a->doc->collection, b->doc->collection);

    if (c == 0)
        c = (int)a->lane - (int)b->lane;
    if (c == 0)
        c = strcmp(a->doc->doc_id, b->doc->doc_id);
    if (c == 0)
        c = compare_i64(a->doc->version, b->doc->version);
    return c != 0 ? c : compare_i64(a->doc->fetched_ms, b->doc->fetched_ms);
}

/* The same with all first ops on a document before all second ones: copies of one webhook (each is a raw event of its own)
 * would else cut every bulk in two. */
static int compare_copies(const void *left, const void *right)
{
    const struct op *a = *(struct op *const *)left, *b = *(struct op *const *)right;
    int c = strcmp(a->doc->collection, b->doc->collection);

    if (c == 0)
        c = (int)a->lane - (int)b->lane;
    if (c == 0)
        c = (a->copy > b->copy) - (a->copy < b->copy);
    return c != 0 ? c : strcmp(a->doc->doc_id, b->doc->doc_id);
}

static bool same_document(const struct op *a, const struct op *b)
{
    return a->lane == b->lane && strcmp(a->doc->collection, b->doc->collection) == 0 &&
           strcmp(a->doc->doc_id, b->doc->doc_id) == 0;
}

static void sort_ops(struct op **ops, size_t n)
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

/* How many of the sorted ops make the next command. Two ops on one document never share one: their order would be
 * undefined. */
static size_t next_bulk(const struct flush *fl, struct op *const *ops, size_t n)
{
    size_t count = 1, bytes = ops[0]->bytes;

    while (count < n && count < (size_t)fl->config->sync_batch_size_orders) {
        const struct op *op = ops[count];

        bytes += op->bytes;
        if (bytes > BULK_MAX_BYTES || op->lane != ops[0]->lane || op->copy != ops[0]->copy ||
            strcmp(op->doc->collection, ops[0]->doc->collection) != 0)
            break;
        count++;
    }
    return count;
}

static size_t drop_closed(struct op **ops, size_t n)
{
    size_t open = 0;

    for (size_t i = 0; i < n; i++) {
        if (!ops[i]->closed)
            ops[open++] = ops[i];
    }
    return open;
}

static bool run_rounds(struct flush *fl, struct op **ops, size_t n)
{
    while (!fl->failed && (n = drop_closed(ops, n)) > 0) {
        size_t at = 0, count;

        for (size_t i = 0; i < n; i++)
            plan(fl, ops[i]);
        n = drop_closed(ops, n);
        sort_ops(ops, n);
        for (; at < n && !fl->failed; at += count) {
            count = next_bulk(fl, ops + at, n - at);
            if (ops[at]->lane == LANE_WRITE)
                send_writes(fl, ops + at, count);
            else
                send_updates(fl, ops + at, count);
        }
    }
    return !fl->failed;
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

/* Outcome unknown, or never sent: from the lookup again. The write may have landed, so it counts as a repeat. */
static void give_back(struct flush *fl, struct op *op)
{
    for (struct message *m = op->need->messages.first; m; m = m->next)
        m->repeat = true;
    start_over(op->need);
    leave(fl, op, NEED_NEW);
}

bool upsert_flush(struct pool *pool, struct store *store, const struct config *config,
                  const struct freshness *f, struct arena *arena, struct message_list *settled,
                  struct err *err)
{
    struct err own = {0};
    struct flush fl = {pool, store, config, f, settled, err ? err : &own, false};
    struct built built = {xcalloc(pool_needs(pool) + 1, sizeof(struct need *)), 0};
    struct op *ops, **order;

    (void)arena; /* the documents' home; what lives through one call only is on the heap */
    pool_each(pool, take_built, &built);
    ops = xcalloc(built.count + 1, sizeof(*ops));
    order = xcalloc(built.count + 1, sizeof(struct op *));
    for (size_t i = 0; i < built.count; i++) {
        ops[i] = (struct op){.need = built.needs[i], .doc = built.needs[i]->document};
        order[i] = &ops[i];
        check(&fl, &ops[i]);
    }
    run_rounds(&fl, order, built.count);
    for (size_t i = 0; i < built.count; i++) {
        if (!ops[i].closed)
            give_back(&fl, &ops[i]);
    }
    free(order);
    free(ops);
    free(built.needs);
    return !fl.failed;
}
