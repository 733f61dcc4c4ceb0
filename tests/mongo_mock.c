/* mongo_mock.c - tests: a MongoDB at the level of the wire, with a script.
 *
 * One thread accepts, one a connection reads messages: the old OP_QUERY of a driver's first hello, and OP_MSG. A command
 * passes the script, then the small store. Everything happens under one lock except waiting: a stalled command must not
 * hold up the monitoring connection.
 * Only what the product sends is understood; an operator the evaluator does not know aborts the test, so that it cannot
 * pass by accident. */
#include "tests/mongo_mock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    OP_REPLY = 1,
    OP_QUERY = 2004,
    OP_MSG = 2013,
    HEADER = 16, /* bytes of a message header */
    MESSAGE_MAX = 49 * 1024 * 1024,
    CONNECTIONS_MAX = 256,
    RULES_MAX = 64,
    NAME_MAX_LENGTH = 64,
    DEFAULT_BATCH = 100000,
    FLAG_CHECKSUM = 1,
    FLAG_MORE_TO_COME = 2,
};

struct stored_document {
    struct stored_document *next;
    char collection[NAME_MAX_LENGTH];
    bson_t *document; /* owned */
};

struct received {
    struct received *next;
    char command[NAME_MAX_LENGTH];
    bson_t *document; /* owned */
};

/* The reply to a statement that may be retried. */
struct remembered {
    struct remembered *next;
    uint8_t session[64]; /* lsid, as bytes */
    uint32_t session_length;
    int64_t number; /* txnNumber */
    bson_t *reply;  /* owned */
};

struct scripted {
    struct mock_rule rule;
    int seen; /* fitting commands so far */
};

struct connection {
    struct mongo_mock *mock;
    int fd;
    pthread_t thread;
};

struct mongo_mock {
    pthread_mutex_t lock;
    pthread_cond_t stopped; /* wakes stalled commands */
    bool stopping;
    enum mock_kind kind;
    int max_write_batch;
    int listener;
    int port;
    pthread_t acceptor;
    struct connection connections[CONNECTIONS_MAX];
    size_t connection_count;
    struct scripted rules[RULES_MAX];
    size_t rule_count;
    struct stored_document *documents;
    struct received *received, **received_end;
    struct remembered *remembered;
    char uri[256];
};

static void die(const char *what, const char *detail)
{
    fprintf(stderr, "mongo_mock: %s: %s\n", what, detail ? detail : "");
    abort();
}

static void *take(size_t n)
{
    void *p = calloc(1, n);

    if (!p)
        die("out of memory", NULL);
    return p;
}

static bson_t *from_json(const char *json)
{
    bson_error_t error;
    bson_t *b = bson_new_from_json((const uint8_t *)json, -1, &error);

    if (!b)
        die("bad JSON in the script", error.message);
    return b;
}

static void copy_name(char *to, const char *name)
{
    snprintf(to, NAME_MAX_LENGTH, "%s", name);
}

/* --- values ---------------------------------------------------------------------------------------- */

static bool is_number(const bson_iter_t *it)
{
    return BSON_ITER_HOLDS_INT32(it) || BSON_ITER_HOLDS_INT64(it) || BSON_ITER_HOLDS_DOUBLE(it);
}

static bool same_bytes(const bson_iter_t *a, const bson_iter_t *b)
{
    bson_t x = BSON_INITIALIZER, y = BSON_INITIALIZER;
    bool same;

    bson_append_iter(&x, "v", 1, a);
    bson_append_iter(&y, "v", 1, b);
    same = bson_equal(&x, &y);
    bson_destroy(&x);
    bson_destroy(&y);
    return same;
}

/* False: of different types, so no order. */
static bool compare(const bson_iter_t *a, const bson_iter_t *b, int *order)
{
    if (is_number(a) && is_number(b)) {
        int64_t x = bson_iter_as_int64(a), y = bson_iter_as_int64(b);

        *order = (x > y) - (x < y);
        return true;
    }
    if (BSON_ITER_HOLDS_UTF8(a) && BSON_ITER_HOLDS_UTF8(b)) {
        *order = strcmp(bson_iter_utf8(a, NULL), bson_iter_utf8(b, NULL));
        return true;
    }
    if (BSON_ITER_HOLDS_DATE_TIME(a) && BSON_ITER_HOLDS_DATE_TIME(b)) {
        int64_t x = bson_iter_date_time(a), y = bson_iter_date_time(b);

        *order = (x > y) - (x < y);
        return true;
    }
    *order = 1;
    if (bson_iter_type(a) != bson_iter_type(b))
        return false;
    *order = same_bytes(a, b) ? 0 : 1;
    return true;
}

/* --- filters --------------------------------------------------------------------------------------- */

static bool matches(const bson_t *document, const bson_t *filter);
static bool matches_operators(const bson_iter_t *value, bson_iter_t *operators);

static bool in_list(const bson_iter_t *value, const bson_iter_t *list)
{
    bson_iter_t it;
    int order;

    if (!bson_iter_recurse(list, &it))
        die("$in", "no array");
    while (bson_iter_next(&it)) {
        if (compare(value, &it, &order) && order == 0)
            return true;
    }
    return false;
}

/* value NULL: the field is absent. */
static bool matches_operator(const bson_iter_t *value, const char *name, const bson_iter_t *operand)
{
    bson_iter_t inner;
    int order = 0;
    bool ordered = value && compare(value, operand, &order);

    if (strcmp(name, "$exists") == 0)
        return bson_iter_as_bool(operand) == (value != NULL);
    if (strcmp(name, "$not") == 0)
        return bson_iter_recurse(operand, &inner) && !matches_operators(value, &inner);
    if (strcmp(name, "$in") == 0)
        return value && in_list(value, operand);
    if (strcmp(name, "$nin") == 0)
        return !value || !in_list(value, operand);
    if (strcmp(name, "$ne") == 0)
        return !ordered || order != 0;
    if (strcmp(name, "$eq") == 0)
        return ordered && order == 0;
    if (strcmp(name, "$gt") == 0)
        return ordered && order > 0;
    if (strcmp(name, "$gte") == 0)
        return ordered && order >= 0;
    if (strcmp(name, "$lt") == 0)
        return ordered && order < 0;
    if (strcmp(name, "$lte") == 0)
        return ordered && order <= 0;
    die("operator of a filter not understood", name);
    return false;
}

static bool matches_operators(const bson_iter_t *value, bson_iter_t *operators)
{
    while (bson_iter_next(operators)) {
        if (!matches_operator(value, bson_iter_key(operators), operators))
            return false;
    }
    return true;
}

static bool is_operators(const bson_iter_t *condition)
{
    bson_iter_t it;

    return BSON_ITER_HOLDS_DOCUMENT(condition) && bson_iter_recurse(condition, &it) && bson_iter_next(&it) &&
           bson_iter_key(&it)[0] == '$';
}

static bool any_matches(const bson_t *document, const bson_iter_t *list)
{
    bson_iter_t it;
    bson_t filter;
    const uint8_t *data;
    uint32_t length;

    if (!bson_iter_recurse(list, &it))
        die("$nor or $or", "no array");
    while (bson_iter_next(&it)) {
        bson_iter_document(&it, &length, &data);
        if (!bson_init_static(&filter, data, length))
            die("$nor or $or", "no document inside");
        if (matches(document, &filter))
            return true;
    }
    return false;
}

static bool matches_term(const bson_t *document, const bson_iter_t *condition)
{
    const char *key = bson_iter_key(condition);
    bson_iter_t root, value, operators;
    const bson_iter_t *found = NULL;
    int order;

    if (strcmp(key, "$nor") == 0)
        return !any_matches(document, condition);
    if (strcmp(key, "$or") == 0)
        return any_matches(document, condition);
    if (bson_iter_init(&root, document) && bson_iter_find_descendant(&root, key, &value))
        found = &value;
    if (is_operators(condition))
        return bson_iter_recurse(condition, &operators) && matches_operators(found, &operators);
    return found && compare(found, condition, &order) && order == 0;
}

static bool matches(const bson_t *document, const bson_t *filter)
{
    bson_iter_t it;

    if (!bson_iter_init(&it, filter))
        die("filter", "unreadable");
    while (bson_iter_next(&it)) {
        if (!matches_term(document, &it))
            return false;
    }
    return true;
}

/* --- the store (the lock is held) ------------------------------------------------------------------ */

static struct stored_document **find_first(struct mongo_mock *m, const char *collection, const bson_t *filter)
{
    struct stored_document **at = &m->documents;

    while (*at && (strcmp((*at)->collection, collection) != 0 || !matches((*at)->document, filter)))
        at = &(*at)->next;
    return at;
}

/* The document of the same _id as `like`. */
static struct stored_document **find_twin(struct mongo_mock *m, const char *collection, const bson_t *like)
{
    struct stored_document **at;
    bson_t filter = BSON_INITIALIZER;
    bson_iter_t it;

    if (!bson_iter_init_find(&it, like, "_id"))
        die("a document without _id in", collection);
    bson_append_iter(&filter, "_id", 3, &it);
    at = find_first(m, collection, &filter);
    bson_destroy(&filter);
    return at;
}

static void store_new(struct mongo_mock *m, const char *collection, bson_t *document)
{
    struct stored_document *d = take(sizeof(*d));

    copy_name(d->collection, collection);
    d->document = document;
    d->next = m->documents;
    m->documents = d;
}

static void store_put(struct mongo_mock *m, const char *collection, bson_t *document)
{
    struct stored_document **twin = find_twin(m, collection, document);

    if (*twin) {
        bson_destroy((*twin)->document);
        (*twin)->document = document;
    } else {
        store_new(m, collection, document);
    }
}

static void store_remove(struct stored_document **at)
{
    struct stored_document *d = *at;

    *at = d->next;
    bson_destroy(d->document);
    free(d);
}

static size_t store_drop(struct mongo_mock *m, const char *collection)
{
    size_t dropped = 0;

    for (struct stored_document **at = &m->documents; *at;) {
        if (strcmp((*at)->collection, collection) == 0) {
            store_remove(at);
            dropped++;
        } else {
            at = &(*at)->next;
        }
    }
    return dropped;
}

/* --- updates --------------------------------------------------------------------------------------- */

static bool part_of(const bson_t *update, const char *name, bson_t *part)
{
    bson_iter_t it;
    const uint8_t *data;
    uint32_t length;

    if (!bson_iter_init_find(&it, update, name))
        return false;
    bson_iter_document(&it, &length, &data);
    if (!bson_init_static(part, data, length))
        die("operator of an update", name);
    if (bson_empty(part))
        die("an empty operator is an error before MongoDB 5.0", name);
    return true;
}

static void append_all(bson_t *to, const bson_t *fields)
{
    bson_iter_t it;

    bson_iter_init(&it, fields);
    while (bson_iter_next(&it)) {
        if (bson_has_field(to, bson_iter_key(&it)))
            die("one path in two operators", bson_iter_key(&it));
        if (strchr(bson_iter_key(&it), '.') || bson_iter_key(&it)[0] == '$')
            die("a path the mock does not know", bson_iter_key(&it));
        bson_append_iter(to, bson_iter_key(&it), -1, &it);
    }
}

static void check_operators(const bson_t *update)
{
    bson_iter_t it;

    bson_iter_init(&it, update);
    while (bson_iter_next(&it)) {
        const char *key = bson_iter_key(&it);

        if (strcmp(key, "$set") != 0 && strcmp(key, "$unset") != 0 && strcmp(key, "$setOnInsert") != 0 &&
            strcmp(key, "$max") != 0 && strcmp(key, "$min") != 0 && strcmp(key, "$inc") != 0)
            die("operator of an update not understood", key);
    }
}

/* Integers only: nothing else is counted or compared. */
static int64_t number_in(const bson_t *document, const char *key, int64_t absent)
{
    bson_iter_t it;

    if (!bson_iter_init_find(&it, document, key))
        return absent;
    if (!BSON_ITER_HOLDS_INT64(&it) && !BSON_ITER_HOLDS_INT32(&it))
        die("$max or $inc of something that is no integer", key);
    return bson_iter_as_int64(&it);
}

static void append_max(bson_t *to, const bson_t *base, const bson_t *max)
{
    bson_iter_t it;

    bson_iter_init(&it, max);
    while (bson_iter_next(&it)) {
        int64_t there = number_in(base, bson_iter_key(&it), INT64_MIN), asked = bson_iter_as_int64(&it);

        bson_append_int64(to, bson_iter_key(&it), -1, asked > there ? asked : there);
    }
}

/* Dates only. */
static void append_min(bson_t *to, const bson_t *base, const bson_t *min)
{
    bson_iter_t it, there;

    bson_iter_init(&it, min);
    while (bson_iter_next(&it)) {
        int64_t least = bson_iter_date_time(&it);

        if (!BSON_ITER_HOLDS_DATE_TIME(&it))
            die("$min of something that is no date", bson_iter_key(&it));
        if (bson_iter_init_find(&there, base, bson_iter_key(&it)) && bson_iter_date_time(&there) < least)
            least = bson_iter_date_time(&there);
        bson_append_date_time(to, bson_iter_key(&it), -1, least);
    }
}

static void append_inc(bson_t *to, const bson_t *base, const bson_t *inc)
{
    bson_iter_t it;

    bson_iter_init(&it, inc);
    while (bson_iter_next(&it))
        bson_append_int64(to, bson_iter_key(&it), -1,
                          number_in(base, bson_iter_key(&it), 0) + bson_iter_as_int64(&it));
}

/* base: the document, or the filter's equalities for an insert. Owned. */
static bson_t *updated(const bson_t *base, const bson_t *update, bool insert)
{
    bson_t *to = bson_new();
    bson_t set = BSON_INITIALIZER, unset = BSON_INITIALIZER, on_insert = BSON_INITIALIZER;
    bson_t max = BSON_INITIALIZER, min = BSON_INITIALIZER, inc = BSON_INITIALIZER;
    bson_iter_t it;

    check_operators(update);
    (void)part_of(update, "$set", &set);
    (void)part_of(update, "$unset", &unset);
    (void)part_of(update, "$max", &max);
    (void)part_of(update, "$min", &min);
    (void)part_of(update, "$inc", &inc);
    if (insert)
        (void)part_of(update, "$setOnInsert", &on_insert);
    bson_iter_init(&it, base);
    while (bson_iter_next(&it)) {
        const char *key = bson_iter_key(&it);

        if (!bson_has_field(&set, key) && !bson_has_field(&unset, key) && !bson_has_field(&max, key) &&
            !bson_has_field(&min, key) && !bson_has_field(&inc, key))
            bson_append_iter(to, bson_iter_key(&it), -1, &it);
    }
    append_all(to, &set);
    append_all(to, &on_insert);
    append_max(to, base, &max);
    append_min(to, base, &min);
    append_inc(to, base, &inc);
    bson_iter_init(&it, &unset);
    while (bson_iter_next(&it)) {
        if (bson_has_field(&set, bson_iter_key(&it)))
            die("one path in $set and $unset", bson_iter_key(&it));
    }
    return to;
}

/* Only equality terms of a filter are copied into an insert. */
static bson_t *equalities(const bson_t *filter)
{
    bson_t *to = bson_new();
    bson_iter_t it;

    bson_iter_init(&it, filter);
    while (bson_iter_next(&it)) {
        if (bson_iter_key(&it)[0] != '$' && !is_operators(&it))
            bson_append_iter(to, bson_iter_key(&it), -1, &it);
    }
    return to;
}

/* A reply to `update` being made. */
struct tally {
    bson_t upserted; /* array elements */
    bson_t errors;
    int64_t n;
    uint32_t upserted_count;
    uint32_t error_count;
};

static void append_element(bson_t *list, uint32_t *count, const bson_t *element)
{
    char buffer[16];
    const char *key;
    size_t length = bson_uint32_to_string(*count, &key, buffer, sizeof(buffer));

    bson_append_document(list, key, (int)length, element);
    *count += 1;
}

static void tally_error(struct tally *t, int index, int code, const char *key_pattern)
{
    bson_t row = BSON_INITIALIZER;

    BSON_APPEND_INT32(&row, "index", index);
    BSON_APPEND_INT32(&row, "code", code);
    BSON_APPEND_UTF8(&row, "errmsg", "as scripted");
    if (key_pattern) {
        bson_t *keys = from_json(key_pattern);

        BSON_APPEND_DOCUMENT(&row, "keyPattern", keys);
        bson_destroy(keys);
    }
    append_element(&t->errors, &t->error_count, &row);
    bson_destroy(&row);
}

static void tally_upserted(struct tally *t, int index, const bson_t *document)
{
    bson_t row = BSON_INITIALIZER;
    bson_iter_t id;

    BSON_APPEND_INT32(&row, "index", index);
    if (bson_iter_init_find(&id, document, "_id"))
        bson_append_iter(&row, "_id", 3, &id);
    append_element(&t->upserted, &t->upserted_count, &row);
    bson_destroy(&row);
}

static void apply_upsert(struct mongo_mock *m, const char *collection, int index, const bson_t *filter,
                         const bson_t *update, struct tally *t)
{
    bson_t *base = equalities(filter);
    bson_t *fresh = updated(base, update, true);

    bson_destroy(base);
    if (*find_twin(m, collection, fresh)) {
        tally_error(t, index, 11000, "{\"_id\":1}");
        bson_destroy(fresh);
        return;
    }
    tally_upserted(t, index, fresh);
    store_new(m, collection, fresh);
    t->n++;
}

static void apply_op(struct mongo_mock *m, const char *collection, int index, const bson_t *op,
                     struct tally *t)
{
    bson_t filter, update;
    bson_iter_t it;
    struct stored_document **at;
    bool upsert = bson_iter_init_find(&it, op, "upsert") && bson_iter_as_bool(&it);

    if (!part_of(op, "q", &filter) || !part_of(op, "u", &update))
        die("update", "no q or no u");
    at = find_first(m, collection, &filter);
    if (*at) {
        bson_t *changed = updated((*at)->document, &update, false);

        bson_destroy((*at)->document);
        (*at)->document = changed;
        t->n++;
    } else if (upsert) {
        apply_upsert(m, collection, index, &filter, &update, t);
    }
}

static const struct mock_op_error *scripted_error(const struct mock_rule *rule, int index)
{
    for (size_t i = 0; rule && i < rule->op_error_count; i++) {
        if (rule->op_errors[i].index == index)
            return &rule->op_errors[i];
    }
    return NULL;
}

static void apply_ops(struct mongo_mock *m, const char *collection, const bson_t *command,
                      const struct mock_rule *rule, struct tally *t)
{
    bson_iter_t it, ops;

    if (!bson_iter_init_find(&it, command, "updates") || !bson_iter_recurse(&it, &ops))
        die("update", "no updates");
    for (int index = 0; bson_iter_next(&ops); index++) {
        const struct mock_op_error *e = scripted_error(rule, index);
        const uint8_t *data;
        uint32_t length;
        bson_t op;

        bson_iter_document(&ops, &length, &data);
        if (!bson_init_static(&op, data, length))
            die("update", "op unreadable");
        if (e)
            tally_error(t, index, e->code, e->key_pattern);
        else
            apply_op(m, collection, index, &op, t);
    }
}

/* --- commands (the lock is held); each appends its reply ------------------------------------------- */

static void reply_ok(bson_t *reply)
{
    BSON_APPEND_DOUBLE(reply, "ok", 1.0);
}

static void reply_refused(bson_t *reply, int code, const char *label)
{
    BSON_APPEND_DOUBLE(reply, "ok", 0.0);
    BSON_APPEND_INT32(reply, "code", code);
    BSON_APPEND_UTF8(reply, "codeName", "Scripted");
    BSON_APPEND_UTF8(reply, "errmsg", "refused as scripted");
    if (label) {
        bson_t labels = BSON_INITIALIZER;

        BSON_APPEND_UTF8(&labels, "0", label);
        BSON_APPEND_ARRAY(reply, "errorLabels", &labels);
        bson_destroy(&labels);
    }
}

static void command_update(struct mongo_mock *m, const char *collection, const bson_t *command,
                           const struct mock_rule *rule, bson_t *reply)
{
    struct tally t = {BSON_INITIALIZER, BSON_INITIALIZER, 0, 0, 0};

    apply_ops(m, collection, command, rule, &t);
    BSON_APPEND_INT32(reply, "n", (int32_t)t.n);
    BSON_APPEND_INT32(reply, "nModified", (int32_t)(t.n - t.upserted_count));
    if (t.upserted_count > 0)
        BSON_APPEND_ARRAY(reply, "upserted", &t.upserted);
    if (t.error_count > 0)
        BSON_APPEND_ARRAY(reply, "writeErrors", &t.errors);
    bson_destroy(&t.upserted);
    bson_destroy(&t.errors);
    reply_ok(reply);
}

static void insert_row(struct mongo_mock *m, const char *collection, int index, bson_t *row, struct tally *t)
{
    if (*find_twin(m, collection, row)) {
        tally_error(t, index, 11000, "{\"_id\":1}");
        bson_destroy(row);
        return;
    }
    store_new(m, collection, row);
    t->n++;
}

static void command_insert(struct mongo_mock *m, const char *collection, const bson_t *command,
                           const struct mock_rule *rule, bson_t *reply)
{
    struct tally t = {BSON_INITIALIZER, BSON_INITIALIZER, 0, 0, 0};
    bson_iter_t it, rows;

    if (!bson_iter_init_find(&it, command, "documents") || !bson_iter_recurse(&it, &rows))
        die("insert", "no documents");
    for (int index = 0; bson_iter_next(&rows); index++) {
        const struct mock_op_error *e = scripted_error(rule, index);
        const uint8_t *data;
        uint32_t length;

        bson_iter_document(&rows, &length, &data);
        if (e)
            tally_error(&t, index, e->code, e->key_pattern);
        else
            insert_row(m, collection, index, bson_new_from_data(data, length), &t);
    }
    BSON_APPEND_INT32(reply, "n", (int32_t)t.n);
    if (t.error_count > 0)
        BSON_APPEND_ARRAY(reply, "writeErrors", &t.errors);
    bson_destroy(&t.upserted);
    bson_destroy(&t.errors);
    reply_ok(reply);
}

static void append_cursor(bson_t *reply, const char *collection, const bson_t *rows)
{
    bson_t cursor;
    char ns[NAME_MAX_LENGTH + 8];

    snprintf(ns, sizeof(ns), "test.%s", collection);
    BSON_APPEND_DOCUMENT_BEGIN(reply, "cursor", &cursor);
    BSON_APPEND_INT64(&cursor, "id", 0);
    BSON_APPEND_UTF8(&cursor, "ns", ns);
    BSON_APPEND_ARRAY(&cursor, "firstBatch", rows);
    bson_append_document_end(reply, &cursor);
    reply_ok(reply);
}

static void command_find(struct mongo_mock *m, const char *collection, const bson_t *command, bson_t *reply)
{
    bson_t rows = BSON_INITIALIZER, filter = BSON_INITIALIZER;
    const uint8_t *data;
    uint32_t length, count = 0;
    bson_iter_t it;

    if (bson_iter_init_find(&it, command, "filter")) {
        bson_iter_document(&it, &length, &data);
        if (!bson_init_static(&filter, data, length))
            die("find", "filter unreadable");
    }
    for (struct stored_document *d = m->documents; d; d = d->next) {
        if (strcmp(d->collection, collection) == 0 && matches(d->document, &filter))
            append_element(&rows, &count, d->document);
    }
    append_cursor(reply, collection, &rows);
    bson_destroy(&rows);
}

/* Removes the first document of each filter. */
static void command_delete(struct mongo_mock *m, const char *collection, const bson_t *command, bson_t *reply)
{
    bson_iter_t it, ops;
    int64_t n = 0;

    if (!bson_iter_init_find(&it, command, "deletes") || !bson_iter_recurse(&it, &ops))
        die("delete", "no deletes");
    while (bson_iter_next(&ops)) {
        struct stored_document **at;
        const uint8_t *data;
        uint32_t length;
        bson_t op, filter;

        bson_iter_document(&ops, &length, &data);
        if (!bson_init_static(&op, data, length) || !part_of(&op, "q", &filter))
            die("delete", "op unreadable");
        at = find_first(m, collection, &filter);
        if (*at) {
            store_remove(at);
            n++;
        }
    }
    BSON_APPEND_INT64(reply, "n", n);
    reply_ok(reply);
}

/* Indexes are kept as documents of a collection of their own, `_id` = "<collection>/<name>". */
static void command_create_indexes(struct mongo_mock *m, const char *collection, const bson_t *command,
                                   bson_t *reply)
{
    bson_iter_t it, rows, name;

    if (!bson_iter_init_find(&it, command, "indexes") || !bson_iter_recurse(&it, &rows))
        die("createIndexes", "no indexes");
    while (bson_iter_next(&rows)) {
        char id[2 * NAME_MAX_LENGTH];
        const uint8_t *data;
        uint32_t length;
        bson_t spec, *index = bson_new();

        bson_iter_document(&rows, &length, &data);
        if (!bson_init_static(&spec, data, length) || !bson_iter_init_find(&name, &spec, "name"))
            die("createIndexes", "no name");
        snprintf(id, sizeof(id), "%s/%s", collection, bson_iter_utf8(&name, NULL));
        BSON_APPEND_UTF8(index, "_id", id);
        BSON_APPEND_UTF8(index, "of", collection);
        bson_concat(index, &spec);
        store_put(m, "indexes", index);
    }
    reply_ok(reply);
}

static void command_list_indexes(struct mongo_mock *m, const char *collection, bson_t *reply)
{
    bson_t rows = BSON_INITIALIZER;
    bson_iter_t of;
    uint32_t count = 0;

    for (struct stored_document *d = m->documents; d; d = d->next) {
        if (strcmp(d->collection, "indexes") == 0 && bson_iter_init_find(&of, d->document, "of") &&
            strcmp(bson_iter_utf8(&of, NULL), collection) == 0)
            append_element(&rows, &count, d->document);
    }
    if (count == 0)
        reply_refused(reply, 26, NULL); /* NamespaceNotFound */
    else
        append_cursor(reply, collection, &rows);
    bson_destroy(&rows);
}

static void command_hello(const struct mongo_mock *m, bson_t *reply)
{
    char self[64];

    BSON_APPEND_BOOL(reply, "helloOk", true);
    BSON_APPEND_BOOL(reply, "ismaster", true);
    BSON_APPEND_BOOL(reply, "isWritablePrimary", true);
    BSON_APPEND_INT32(reply, "maxBsonObjectSize", 16777216);
    BSON_APPEND_INT32(reply, "maxMessageSizeBytes", 48000000);
    BSON_APPEND_INT32(reply, "maxWriteBatchSize", m->max_write_batch);
    BSON_APPEND_INT32(reply, "logicalSessionTimeoutMinutes", 30);
    BSON_APPEND_INT32(reply, "minWireVersion", 0);
    BSON_APPEND_INT32(reply, "maxWireVersion", 17);
    if (m->kind == MOCK_REPLICA_SET) {
        bson_t hosts = BSON_INITIALIZER;

        snprintf(self, sizeof(self), "127.0.0.1:%d", m->port);
        BSON_APPEND_UTF8(&hosts, "0", self);
        BSON_APPEND_UTF8(reply, "setName", "rs0");
        BSON_APPEND_INT32(reply, "setVersion", 1);
        BSON_APPEND_BOOL(reply, "secondary", false);
        BSON_APPEND_ARRAY(reply, "hosts", &hosts);
        BSON_APPEND_UTF8(reply, "me", self);
        BSON_APPEND_UTF8(reply, "primary", self);
        bson_destroy(&hosts);
    }
    reply_ok(reply);
}

static bool is_hello(const char *name)
{
    return strcmp(name, "hello") == 0 || strcmp(name, "isMaster") == 0 || strcmp(name, "ismaster") == 0;
}

static void run_command(struct mongo_mock *m, const char *name, const bson_t *command,
                        const struct mock_rule *rule, bson_t *reply)
{
    bson_iter_t it;
    const char *collection = "";

    if (bson_iter_init(&it, command) && bson_iter_next(&it) && BSON_ITER_HOLDS_UTF8(&it))
        collection = bson_iter_utf8(&it, NULL);
    if (is_hello(name))
        command_hello(m, reply);
    else if (strcmp(name, "update") == 0)
        command_update(m, collection, command, rule, reply);
    else if (strcmp(name, "insert") == 0)
        command_insert(m, collection, command, rule, reply);
    else if (strcmp(name, "delete") == 0)
        command_delete(m, collection, command, reply);
    else if (strcmp(name, "find") == 0)
        command_find(m, collection, command, reply);
    else if (strcmp(name, "createIndexes") == 0)
        command_create_indexes(m, collection, command, reply);
    else if (strcmp(name, "listIndexes") == 0)
        command_list_indexes(m, collection, reply);
    else if (strcmp(name, "drop") == 0 && store_drop(m, collection) == 0)
        reply_refused(reply, 26, NULL);
    else if (strcmp(name, "ping") == 0 || strcmp(name, "endSessions") == 0 || strcmp(name, "drop") == 0)
        reply_ok(reply);
    else
        reply_refused(reply, 59, NULL); /* CommandNotFound */
}

/* --- the script ------------------------------------------------------------------------------------ */

/* The rule that acts on this command, NULL when none does. Counts. */
static const struct mock_rule *next_rule(struct mongo_mock *m, const char *name)
{
    for (size_t i = 0; i < m->rule_count; i++) {
        struct scripted *s = &m->rules[i];
        int times = s->rule.times == 0 ? 1 : s->rule.times;

        if (strcmp(s->rule.command, name) != 0 || (times > 0 && s->seen >= s->rule.skip + times))
            continue;
        if (s->seen++ < s->rule.skip)
            continue;
        return &s->rule;
    }
    return NULL;
}

static void let_others_write(struct mongo_mock *m, const struct mock_rule *rule)
{
    if (rule->put)
        store_put(m, rule->put_collection, from_json(rule->put));
    if (rule->remove_id) {
        bson_t *filter = BCON_NEW("_id", BCON_UTF8(rule->remove_id));
        struct stored_document **at = find_first(m, rule->put_collection, filter);

        if (*at)
            store_remove(at);
        bson_destroy(filter);
    }
}

static void stall(struct mongo_mock *m, int ms)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    while (!m->stopping && pthread_cond_timedwait(&m->stopped, &m->lock, &until) != ETIMEDOUT)
        ;
}

/* The first result of a statement that is sent again. */
static struct remembered *recall(struct mongo_mock *m, const bson_t *command, bool add)
{
    struct remembered *r;
    bson_iter_t number, session;
    const uint8_t *data;
    uint32_t length;

    if (!bson_iter_init_find(&number, command, "txnNumber") ||
        !bson_iter_init_find(&session, command, "lsid"))
        return NULL;
    bson_iter_document(&session, &length, &data);
    if (length > sizeof(r->session))
        die("lsid", "too long");
    for (r = m->remembered; r; r = r->next) {
        if (r->number == bson_iter_as_int64(&number) && r->session_length == length &&
            memcmp(r->session, data, length) == 0)
            return r;
    }
    if (!add)
        return NULL;
    r = take(sizeof(*r));
    memcpy(r->session, data, length);
    r->session_length = length;
    r->number = bson_iter_as_int64(&number);
    r->next = m->remembered;
    m->remembered = r;
    return r;
}

/* Applies and remembers. */
static void apply(struct mongo_mock *m, const char *name, const bson_t *command, const struct mock_rule *rule,
                  bson_t *reply)
{
    struct remembered *before = recall(m, command, false);

    if (before) {
        bson_concat(reply, before->reply);
        return;
    }
    run_command(m, name, command, rule, reply);
    before = recall(m, command, true);
    if (before)
        before->reply = bson_copy(reply);
}

/* False: hang up. */
static bool answer(struct mongo_mock *m, const char *name, const bson_t *command, bson_t *reply)
{
    const struct mock_rule *rule = next_rule(m, name);

    if (!rule) {
        apply(m, name, command, NULL, reply);
        return true;
    }
    if (rule->stall_ms > 0)
        stall(m, rule->stall_ms);
    let_others_write(m, rule);
    if (rule->close == MOCK_CLOSE_BEFORE)
        return false;
    if (rule->reply) {
        bson_t *whole = from_json(rule->reply);

        bson_concat(reply, whole);
        bson_destroy(whole);
    } else if (rule->refuse_code != 0) {
        reply_refused(reply, rule->refuse_code, rule->refuse_label);
    } else {
        apply(m, name, command, rule, reply);
    }
    if (rule->concern_code != 0) {
        bson_t *error = BCON_NEW("code", BCON_INT32(rule->concern_code), "errmsg", BCON_UTF8("as scripted"));

        BSON_APPEND_DOCUMENT(reply, "writeConcernError", error);
        bson_destroy(error);
    }
    return rule->close != MOCK_CLOSE_AFTER;
}

static void record(struct mongo_mock *m, const char *name, const bson_t *command)
{
    struct received *r = take(sizeof(*r));

    copy_name(r->command, name);
    r->document = bson_copy(command);
    *m->received_end = r;
    m->received_end = &r->next;
}

static bool handle(struct mongo_mock *m, const bson_t *command, bson_t *reply)
{
    bson_iter_t it;
    char name[NAME_MAX_LENGTH];
    bool go_on;

    if (!bson_iter_init(&it, command) || !bson_iter_next(&it))
        return false;
    copy_name(name, bson_iter_key(&it));
    pthread_mutex_lock(&m->lock);
    if (!is_hello(name))
        record(m, name, command);
    go_on = answer(m, name, command, reply) && !m->stopping;
    pthread_mutex_unlock(&m->lock);
    return go_on;
}

/* --- the wire -------------------------------------------------------------------------------------- */

static bool read_all(int fd, void *to, size_t n)
{
    for (size_t at = 0; at < n;) {
        ssize_t got = recv(fd, (char *)to + at, n - at, 0);

        if (got <= 0)
            return false;
        at += (size_t)got;
    }
    return true;
}

static bool write_all(int fd, const void *from, size_t n)
{
    for (size_t at = 0; at < n;) {
        ssize_t put = send(fd, (const char *)from + at, n - at, MSG_NOSIGNAL);

        if (put <= 0)
            return false;
        at += (size_t)put;
    }
    return true;
}

static int32_t get_i32(const uint8_t *at)
{
    int32_t v;

    memcpy(&v, at, sizeof(v));
    return v; /* the wire is little-endian, and so are the machines the tests run on */
}

/* One document at *at, which moves behind it. */
static bool next_document(const uint8_t **at, const uint8_t *end, bson_t *out)
{
    int32_t length;

    if (end - *at < 5)
        return false;
    length = get_i32(*at);
    if (length < 5 || length > end - *at || !bson_init_static(out, *at, (size_t)length))
        return false;
    *at += length;
    return true;
}

/* Section of kind 1: size, name, documents. Appended to command as an array. */
static bool take_sequence(bson_t *command, const uint8_t **at, const uint8_t *end)
{
    const uint8_t *stop;
    const char *name;
    bson_t list = BSON_INITIALIZER, one;
    uint32_t count = 0;
    int32_t size;

    if (end - *at < 4 || (size = get_i32(*at)) < 5 || size > end - *at)
        return false;
    stop = *at + size;
    name = (const char *)*at + 4;
    *at += 4 + strnlen(name, (size_t)size - 4) + 1;
    while (*at < stop && next_document(at, stop, &one))
        append_element(&list, &count, &one);
    BSON_APPEND_ARRAY(command, name, &list);
    bson_destroy(&list);
    return *at == stop;
}

/* OP_MSG's sections into one document. */
static bool read_msg(const uint8_t *body, size_t n, bson_t *command, uint32_t *flags)
{
    const uint8_t *at = body + 4, *end = body + n;
    bson_t part;

    if (n < 9)
        return false;
    *flags = (uint32_t)get_i32(body);
    if (*flags & FLAG_CHECKSUM)
        end -= 4;
    while (at < end) {
        uint8_t kind = *at++;

        if (kind == 0 && next_document(&at, end, &part))
            bson_concat(command, &part);
        else if (kind != 1 || !take_sequence(command, &at, end))
            return false;
    }
    return true;
}

static bool read_query(const uint8_t *body, size_t n, bson_t *command)
{
    const uint8_t *at, *end = body + n;
    bson_t part;

    if (n < 13)
        return false;
    at = body + 4 + strnlen((const char *)body + 4, n - 4) + 1 + 8;
    if (at >= end || !next_document(&at, end, &part))
        return false;
    bson_concat(command, &part);
    return true;
}

/* In one piece: two would wait for the peer's delayed acknowledgement. */
static bool write_reply(int fd, int32_t to, bool query, const bson_t *reply)
{
    size_t head = HEADER + (query ? 20 : 5), length = head + reply->len;
    int32_t fields[4] = {(int32_t)length, 1, to, query ? OP_REPLY : OP_MSG};
    int32_t one = 1;
    uint8_t *message = take(length);
    bool ok;

    memcpy(message, fields, sizeof(fields));
    if (query)
        memcpy(message + HEADER + 16, &one, sizeof(one)); /* one document */
    memcpy(message + head, bson_get_data(reply), reply->len);
    ok = write_all(fd, message, length);
    free(message);
    return ok;
}

/* True: go on reading. */
static bool serve_message(struct connection *c, const uint8_t *header, const uint8_t *body, size_t n)
{
    bson_t command = BSON_INITIALIZER, reply = BSON_INITIALIZER;
    bool query = get_i32(header + 12) == OP_QUERY;
    uint32_t flags = 0;
    bool ok = query ? read_query(body, n, &command) : read_msg(body, n, &command, &flags);

    ok = ok && handle(c->mock, &command, &reply);
    if (ok && !(flags & FLAG_MORE_TO_COME))
        ok = write_reply(c->fd, get_i32(header + 4), query, &reply);
    bson_destroy(&command);
    bson_destroy(&reply);
    return ok;
}

static void *serve(void *arg)
{
    struct connection *c = arg;
    uint8_t header[HEADER];
    bool ok = true;

    while (ok && read_all(c->fd, header, sizeof(header))) {
        int32_t length = get_i32(header), code = get_i32(header + 12);
        uint8_t *body;

        if (length < HEADER || length > MESSAGE_MAX || (code != OP_QUERY && code != OP_MSG))
            break;
        body = take((size_t)length - HEADER + 1);
        ok = read_all(c->fd, body, (size_t)length - HEADER) &&
             serve_message(c, header, body, (size_t)length - HEADER);
        free(body);
    }
    shutdown(c->fd, SHUT_RDWR); /* closed by stop: its number must not be used anew before */
    return NULL;
}

/* --- life ------------------------------------------------------------------------------------------ */

static void *accept_all(void *arg)
{
    struct mongo_mock *m = arg;

    for (;;) {
        int fd = accept(m->listener, NULL, NULL);
        struct connection *c;

        if (fd < 0)
            return NULL;
        pthread_mutex_lock(&m->lock);
        if (m->stopping || m->connection_count == CONNECTIONS_MAX) {
            close(fd);
        } else {
            c = &m->connections[m->connection_count++];
            c->mock = m;
            c->fd = fd;
            if (pthread_create(&c->thread, NULL, serve, c) != 0)
                die("pthread_create", strerror(errno));
        }
        pthread_mutex_unlock(&m->lock);
    }
}

static void listen_somewhere(struct mongo_mock *m)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(at);

    m->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (m->listener < 0 || bind(m->listener, (struct sockaddr *)&at, sizeof(at)) != 0 ||
        listen(m->listener, 64) != 0 || getsockname(m->listener, (struct sockaddr *)&at, &length) != 0)
        die("listen", strerror(errno));
    m->port = ntohs(at.sin_port);
}

struct mongo_mock *mongo_mock_start(enum mock_kind kind, int max_write_batch)
{
    struct mongo_mock *m = take(sizeof(*m));

    pthread_mutex_init(&m->lock, NULL);
    pthread_cond_init(&m->stopped, NULL);
    m->kind = kind;
    m->max_write_batch = max_write_batch > 0 ? max_write_batch : DEFAULT_BATCH;
    m->received_end = &m->received;
    listen_somewhere(m);
    snprintf(
        m->uri, sizeof(m->uri),
        "mongodb://127.0.0.1:%d/?%sserverSelectionTimeoutMS=2000&socketTimeoutMS=1000&connectTimeoutMS=1000",
        m->port, kind == MOCK_REPLICA_SET ? "replicaSet=rs0&" : "");
    if (pthread_create(&m->acceptor, NULL, accept_all, m) != 0)
        die("pthread_create", strerror(errno));
    return m;
}

static void free_state(struct mongo_mock *m)
{
    while (m->documents)
        store_remove(&m->documents);
    while (m->remembered) {
        struct remembered *r = m->remembered;

        m->remembered = r->next;
        bson_destroy(r->reply);
        free(r);
    }
    mongo_mock_forget(m);
}

void mongo_mock_stop(struct mongo_mock *m)
{
    if (!m)
        return;
    pthread_mutex_lock(&m->lock);
    m->stopping = true;
    pthread_cond_broadcast(&m->stopped);
    pthread_mutex_unlock(&m->lock);
    shutdown(m->listener, SHUT_RDWR);
    pthread_join(m->acceptor, NULL);
    close(m->listener);
    for (size_t i = 0; i < m->connection_count; i++)
        shutdown(m->connections[i].fd, SHUT_RDWR);
    for (size_t i = 0; i < m->connection_count; i++) {
        pthread_join(m->connections[i].thread, NULL);
        close(m->connections[i].fd);
    }
    free_state(m);
    pthread_cond_destroy(&m->stopped);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

const char *mongo_mock_uri(const struct mongo_mock *m)
{
    return m->uri;
}

void mongo_mock_rule(struct mongo_mock *m, const struct mock_rule *rule)
{
    pthread_mutex_lock(&m->lock);
    if (m->rule_count == RULES_MAX)
        die("too many rules", rule->command);
    m->rules[m->rule_count++] = (struct scripted){*rule, 0};
    pthread_mutex_unlock(&m->lock);
}

void mongo_mock_rules_clear(struct mongo_mock *m)
{
    pthread_mutex_lock(&m->lock);
    m->rule_count = 0;
    pthread_mutex_unlock(&m->lock);
}

/* --- questions ------------------------------------------------------------------------------------- */

void mongo_mock_put(struct mongo_mock *m, const char *collection, const char *json)
{
    pthread_mutex_lock(&m->lock);
    store_put(m, collection, from_json(json));
    pthread_mutex_unlock(&m->lock);
}

bson_t *mongo_mock_get(struct mongo_mock *m, const char *collection, const char *id)
{
    bson_t *filter = BCON_NEW("_id", BCON_UTF8(id)), *copy = NULL;
    struct stored_document **at;

    pthread_mutex_lock(&m->lock);
    at = find_first(m, collection, filter);
    if (*at)
        copy = bson_copy((*at)->document);
    pthread_mutex_unlock(&m->lock);
    bson_destroy(filter);
    return copy;
}

int64_t mongo_mock_int(struct mongo_mock *m, const char *collection, const char *id, const char *field,
                       int64_t otherwise)
{
    bson_t *d = mongo_mock_get(m, collection, id);
    bson_iter_t it;

    if (!d)
        return otherwise;
    if (bson_iter_init_find(&it, d, field) && is_number(&it))
        otherwise = bson_iter_as_int64(&it);
    bson_destroy(d);
    return otherwise;
}

size_t mongo_mock_size(struct mongo_mock *m, const char *collection)
{
    size_t count = 0;

    pthread_mutex_lock(&m->lock);
    for (struct stored_document *d = m->documents; d; d = d->next)
        count += strcmp(d->collection, collection) == 0;
    pthread_mutex_unlock(&m->lock);
    return count;
}

const bson_t *mongo_mock_sent(struct mongo_mock *m, const char *command, size_t i)
{
    const bson_t *found = NULL;

    pthread_mutex_lock(&m->lock);
    for (struct received *r = m->received; r && !found; r = r->next) {
        if (strcmp(r->command, command) == 0 && i-- == 0)
            found = r->document;
    }
    pthread_mutex_unlock(&m->lock);
    return found;
}

size_t mongo_mock_count(struct mongo_mock *m, const char *command)
{
    size_t count = 0;

    pthread_mutex_lock(&m->lock);
    for (struct received *r = m->received; r; r = r->next)
        count += strcmp(r->command, command) == 0;
    pthread_mutex_unlock(&m->lock);
    return count;
}

void mongo_mock_forget(struct mongo_mock *m)
{
    pthread_mutex_lock(&m->lock);
    while (m->received) {
        struct received *r = m->received;

        m->received = r->next;
        bson_destroy(r->document);
        free(r);
    }
    m->received_end = &m->received;
    pthread_mutex_unlock(&m->lock);
}
