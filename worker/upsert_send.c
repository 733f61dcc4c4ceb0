/* upsert_send.c - worker, stage 6: ops as one command, and what its reply says of each.
 *
 * In:      sorted ops of one collection and lane.
 * Out:     their codes; how many matched; whether ops without a code were executed at all.
 * Fails:   an unknown outcome sets failed and err: nothing of it may be judged but what no redo can change.
 * Thread:  the lane's writer; blocks up to 2 x socketTimeoutMS + server selection.
 * Why so:  one command a bulk, because the driver has one error slot for all commands of a bulk, and a later success
 *          clears it. The driver's own verdict is not believed: with upsert, and of inserts, every op is matched, inserted
 *          or has an error, so the sum must come out, or nothing is known (a reply can be cut). An insert costs a server
 *          much less than an upsert that finds nothing, and it, too, cannot overwrite anything: its guard is the `_id`. */
#include "worker/upsert_internal.h"

#include <string.h>

#include "common/metrics.h"

/* --- one op as BSON -------------------------------------------------------------------------------- */

static bool add_operator(bson_t *to, const char *name, const bson_t *fields)
{
    return !fields || bson_empty(fields) || BSON_APPEND_DOCUMENT(to, name, fields);
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

static bool add_rev(bson_t *to)
{
    bson_t inc;

    return BSON_APPEND_DOCUMENT_BEGIN(to, "$inc", &inc) && BSON_APPEND_INT64(&inc, "rev", 1) &&
           bson_append_document_end(to, &inc);
}

static bool add_update(bson_t *to, const struct upsert_op *op)
{
    const struct document *d = op->now;

    if (op->lane == LANE_TOUCH)
        return add_touch(to, d);
    return add_operator(to, "$set", d->set) && add_operator(to, "$unset", d->unset) &&
           add_operator(to, "$setOnInsert", d->on_insert) && add_operator(to, "$max", d->max) &&
           add_operator(to, "$min", d->min) && (d->op != DOCUMENT_NEED || add_rev(to));
}

static bool add_filter(bson_t *to, const struct upsert_flush *fl, const struct upsert_op *op)
{
    const struct document *d = op->now;

    if (d->op == DOCUMENT_RAW || d->op == DOCUMENT_NEED || d->op == DOCUMENT_MARK)
        return BSON_APPEND_UTF8(to, "_id", d->doc_id);
    return guard_filter(to, op->guard, d->doc_id, d->version, d->fetched_ms, fl->f->now_ms + fl->f->skew_ms,
                        d->hash);
}

/* The driver copies both documents. validate:false, because this is the one place that builds updates and it writes
 * nothing but operators. */
static bool add_update_op(mongoc_bulk_operation_t *bulk, const struct upsert_flush *fl,
                          const struct upsert_op *op, const bson_t *opts)
{
    bson_t filter = BSON_INITIALIZER, update = BSON_INITIALIZER;
    bool ok = add_filter(&filter, fl, op) && add_update(&update, op) && !bson_empty(&update) &&
              mongoc_bulk_operation_update_one_with_opts(bulk, &filter, &update, opts, NULL);

    bson_destroy(&filter);
    bson_destroy(&update);
    return ok;
}

/* Appends the elements of a document as they lie there: bson_concat would look at each. */
static bool add_elements(bson_t *to, const bson_t *from)
{
    enum { HEAD = 4, TAIL = 1 }; /* a document's length and its end */
    uint32_t at = to->len - TAIL, size = at + from->len - HEAD, length = BSON_UINT32_TO_LE(size);
    uint8_t *data = bson_reserve_buffer(to, size);

    if (!data)
        return false;
    memcpy(data + at, bson_get_data(from) + HEAD, from->len - HEAD);
    memcpy(data, &length, HEAD);
    return true;
}

/* What the upsert would make: its filter's `_id`, then $set, then $setOnInsert. There is nothing to $unset. */
static bool add_insert_op(mongoc_bulk_operation_t *bulk, const struct upsert_op *op, const bson_t *opts)
{
    const struct document *d = op->now;
    bson_t *made = bson_sized_new(op->bytes);
    bool ok = BSON_APPEND_UTF8(made, "_id", d->doc_id) && add_elements(made, d->set) &&
              (!d->on_insert || bson_concat(made, d->on_insert)) &&
              mongoc_bulk_operation_insert_with_opts(bulk, made, opts, NULL);

    bson_destroy(made);
    return ok;
}

static bool add_op(mongoc_bulk_operation_t *bulk, const struct upsert_flush *fl, const struct upsert_op *op,
                   const bson_t *opts)
{
    return op->lane == LANE_INSERT ? add_insert_op(bulk, op, opts) : add_update_op(bulk, fl, op, opts);
}

/* --- one command ----------------------------------------------------------------------------------- */

/* No rights: nothing will succeed before a person has acted. */
bool upsert_is_credentials(int64_t code)
{
    return code == 13 || code == 18 || code == 8000;
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
static void take_error(struct upsert_op **ops, size_t n, const bson_iter_t *row, struct upsert_sent *sent)
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
    ops[index]->foreign = code == UPSERT_DUPLICATE && is_foreign_index(&start);
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
    bool halt = upsert_is_credentials(error->code) ||
                (error->domain == MONGOC_ERROR_CLIENT && error->code == MONGOC_ERROR_CLIENT_AUTHENTICATE);

    if (error->message[0] == '\0')
        err_set(err, ERR_MONGO, 0, "MongoDB: the reply does not account for every op");
    else
        err_set(err, ERR_MONGO, (int)error->code, "%sMongoDB: %s", halt ? "halt: " : "", error->message);
}

/* Fills the ops' codes. Of an op that creates nothing, a refusal is in no count: then the command's own success must say
 * enough. */
static struct upsert_sent read_reply(struct upsert_flush *fl, struct upsert_op **ops, size_t n, bool creates,
                                     bool succeeded, const bson_t *reply, const bson_error_t *error)
{
    struct upsert_sent sent = {.matched = reply_int(reply, "nMatched")};
    int64_t sum;
    bson_iter_t rows;
    bool concern;

    if (reply_array(reply, "writeErrors", &rows)) {
        while (bson_iter_next(&rows))
            take_error(ops, n, &rows, &sent);
    }
    concern = take_concern_error(reply, fl->err);
    sum = sent.matched + reply_int(reply, "nUpserted") + reply_int(reply, "nInserted") + (int64_t)sent.errors;
    sent.known = !concern && (creates ? sum == (int64_t)n : succeeded || sent.errors > 0);
    if (!sent.known) {
        metric_add(METRIC_WORKER_UNKNOWN_OUTCOMES, (int64_t)(n - sent.errors));
        if (!concern)
            set_command_error(fl->err, error);
        fl->failed = true;
    }
    return sent;
}

/* Closes what the driver refuses to take and closes up the array behind it. NULL: no op was left. */
static mongoc_bulk_operation_t *build(struct upsert_flush *fl, struct upsert_op **ops, size_t *n,
                                      const bson_t *opts)
{
    static const char refused[] = "the driver refuses the document";
    bson_t unordered = BSON_INITIALIZER;
    mongoc_bulk_operation_t *bulk = NULL;

    BSON_APPEND_BOOL(&unordered, "ordered", false);
    for (size_t i = 0; i < *n;) {
        if (!bulk) /* also after a refusal: a bulk that refused an op is good for nothing */
            bulk = mongoc_collection_create_bulk_operation_with_opts(
                store_collection(fl->store, ops[0]->now->collection), &unordered);
        if (add_op(bulk, fl, ops[i], opts)) {
            i++;
            continue;
        }
        upsert_poison(fl, ops[i], refused);
        memmove(&ops[i], &ops[i + 1], (*n - i - 1) * sizeof(ops[0]));
        *n -= 1;
        mongoc_bulk_operation_destroy(bulk);
        bulk = NULL;
        i = 0;
    }
    bson_destroy(&unordered);
    return bulk;
}

struct upsert_sent upsert_send(struct upsert_flush *fl, struct upsert_op **ops, size_t *n, bool creates)
{
    bson_t opts = BSON_INITIALIZER, reply;
    bson_error_t error = {0};
    mongoc_bulk_operation_t *bulk;
    struct upsert_sent sent = {.known = true};
    uint32_t server;

    for (size_t i = 0; i < *n; i++) {
        ops[i]->code = 0;
        ops[i]->foreign = false;
    }
    if (ops[0]->lane != LANE_INSERT)
        BSON_APPEND_BOOL(&opts, "upsert", creates);
    BSON_APPEND_BOOL(&opts, "validate", false);
    bulk = build(fl, ops, n, &opts);
    bson_destroy(&opts);
    if (!bulk)
        return sent;
    server = mongoc_bulk_operation_execute(bulk, &reply, &error);
    sent = read_reply(fl, ops, *n, creates, server != 0, &reply, &error);
    bson_destroy(&reply);
    mongoc_bulk_operation_destroy(bulk);
    return sent;
}
