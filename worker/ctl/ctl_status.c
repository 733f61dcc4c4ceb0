/* ctl_status.c - shopstreamctl status: one screen for the engineer who is woken. Everything is asked of Redis and MongoDB
 * directly, so it is true even when every program of ours is down.
 *
 * A finding (exit 1): webhooks:layout is not readable, no live worker, dead letters, entries unfinished for longer than the retry schedule, a lag Redis
 * cannot tell, a shop that is not active, an authorization with an alarm, parked needs, transactions that have waited to be
 * read for as long. An unreachable dependency: exit 3. */
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/keys.h"
#include "common/number.h"
#include "worker/ctl/ctl.h"
#include "worker/parked.h"
#include "worker/shop.h"
#include "worker/xinfo.h"

enum {
    OLD_MS = 30 * 60 * 1000, /* older than every retry of the default schedule together */
    COLUMNS = 64,
    NEEDS_ROWS = 20, /* shops and reasons shown, the fullest first */
    ALARM_ROWS = 20, /* authorizations with an alarm shown, the oldest first */
};

/* What is collected: printed as text or dumped as it is. */
struct status {
    json_t *streams;  /* one object a stream */
    json_t *layout;   /* object: partitions; null when Redis is away or the record is not readable */
    json_t *workers;  /* one object a consumer */
    json_t *findings; /* sentences */
    json_t *redis;    /* object */
    json_t *mongo;    /* object */
    json_t *needs;    /* object; empty when MongoDB is away */
    int64_t now_ms;   /* Redis' clock */
    size_t alive;     /* workers with a heartbeat */
};

static void finding(struct status *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void finding(struct status *s, const char *format, ...)
{
    char text[256];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    json_array_append_new(s->findings, json_string(text));
}

/* NULL: link lost or refused (err), or there is no such stream or group yet (err untouched). */
static redisReply *ask(struct link *l, int argc, const char **argv, struct err *err)
{
    redisReply *r = link_call(l, argc, argv, NULL, err);

    if (!r || r->type != REDIS_REPLY_ERROR)
        return r;
    if (!link_error_is(r, "NOGROUP") && !(link_error_is(r, "ERR") && strstr(r->str, "no such key")))
        link_refused(l, r, argv[0], err);
    freeReplyObject(r);
    return NULL;
}

static int64_t ask_number(struct link *l, const char *command, const char *key, struct err *err)
{
    const char *argv[] = {command, key};
    redisReply *r = ask(l, 2, argv, err);
    int64_t n = r && r->type == REDIS_REPLY_INTEGER ? r->integer : 0;

    freeReplyObject(r);
    return n;
}

static int64_t id_ms(const char *stream_id)
{
    const char *dash = strchr(stream_id, '-');
    int64_t ms = 0;

    if (!number_i64(stream_id, dash ? (size_t)(dash - stream_id) : strlen(stream_id), &ms))
        return 0;
    return ms;
}

/* Entries that our group has not read; -1 when nobody can tell, -2 when there is no group. */
static int64_t ask_lag(struct link *l, const char *key, struct err *err)
{
    struct xinfo_group g;

    return !xinfo_group(l, key, &g, err) || !g.there ? -2 : g.unread;
}

/* Pending total, the oldest one's age, and how many wait for their next try. */
static void ask_pending(struct status *s, struct link *l, const char *key, json_t *row, struct err *err)
{
    const char *argv[] = {"XPENDING", key, KEYS_GROUP};
    redisReply *r = ask(l, 3, argv, err);
    int64_t total = 0, age = 0, parked = 0;

    if (r && r->elements == 4 && r->element[0]->integer > 0) {
        const redisReply *owners = r->element[3];

        total = r->element[0]->integer;
        age = s->now_ms - id_ms(r->element[1]->str);
        for (size_t i = 0; i < owners->elements; i++) {
            const redisReply *owner = owners->element[i];

            if (strcmp(owner->element[0]->str, KEYS_PARKED) == 0 &&
                !number_i64(owner->element[1]->str, owner->element[1]->len, &parked))
                parked = -1;
        }
    }
    freeReplyObject(r);
    json_object_set_new(row, "pending", json_integer(total));
    json_object_set_new(row, "oldest_pending_ms", json_integer(total ? age : 0));
    json_object_set_new(row, "waiting_for_next_try", json_integer(parked));
    if (total && age > OLD_MS)
        finding(s, "%s: the oldest unfinished entry is %lld s old", key, (long long)(age / 1000));
}

static void collect_stream(struct status *s, struct link *l, const char *key, bool dead, struct err *err)
{
    json_t *row = json_object();
    int64_t length = ask_number(l, "XLEN", key, err);

    json_object_set_new(row, "stream", json_string(key));
    json_object_set_new(row, "length", json_integer(length));
    if (dead) {
        if (length > 0)
            finding(s, "%s: %lld dead letter(s), see shopstreamctl dead list", key, (long long)length);
    } else {
        int64_t lag = ask_lag(l, key, err);

        json_object_set_new(row, "lag", lag == -1 ? json_null() : json_integer(lag == -2 ? length : lag));
        json_object_set_new(row, "group", json_boolean(lag != -2));
        if (lag == -1)
            finding(s, "%s: lag unknown", key);
        ask_pending(s, l, key, row, err);
    }
    if (err->domain == ERR_NONE)
        json_array_append_new(s->streams, row);
    else
        json_decref(row); /* zeros that nobody measured */
}

/* Live workers are the heartbeat keys: a consumer that never got an entry does not exist in 7.0, but its heartbeat does. */
static void collect_workers(struct status *s, struct link *l, int partition, struct err *err)
{
    char pattern[KEYS_STREAM_MAX + 16], cursor[32] = "0";
    size_t prefix = keys_worker(pattern, sizeof(pattern), partition, "");

    snprintf(pattern + prefix, sizeof(pattern) - prefix, "*");
    pattern[strcspn(pattern, "*") + 1] = '\0';
    do {
        const char *argv[] = {"SCAN", cursor, "MATCH", pattern, "COUNT", "5000"};
        redisReply *r = ask(l, 6, argv, err);

        if (!r)
            return;
        snprintf(cursor, sizeof(cursor), "%s", r->element[0]->str);
        for (size_t i = 0; i < r->element[1]->elements; i++) {
            const char *key = r->element[1]->element[i]->str;
            const char *get[] = {"GET", key};
            redisReply *value = ask(l, 2, get, err);
            json_t *row = json_object();

            json_object_set_new(row, "name", json_string(key + prefix));
            json_object_set_new(row, "heartbeat", json_string(value && value->str ? value->str : ""));
            json_array_append_new(s->workers, row);
            s->alive++;
            freeReplyObject(value);
        }
        freeReplyObject(r);
    } while (strcmp(cursor, "0") != 0);
}

/* How many partitions to look at. A record that is not readable is a finding; then the setting's are shown. */
static int collect_layout(struct status *s, struct ctl *c, struct link *l, struct err *err)
{
    const int setting = (int)c->config->stream_partitions;
    struct layout layout;
    struct err why = {0};
    bool there;

    if (!ctl_layout(c, l, &layout, &there, &why)) {
        if (why.domain == ERR_CONFIG)
            finding(s, "%s", why.text);
        else
            *err = why;
        return setting;
    }
    json_decref(s->layout);
    s->layout = json_pack("{s:i,s:i,s:i,s:b}", "in_use", layout.in_use, "most", layout.most,
                          "stream_partitions", setting, "recorded", there);
    return layout.most;
}

static void collect_redis(struct status *s, struct ctl *c, struct link *l, struct err *err)
{
    char key[KEYS_STREAM_MAX];
    struct redis_time time = {0};
    int partitions;

    s->now_ms = redis_time_sync(&time, l, err) ? redis_time_now_ms(&time) : clock_now_ms();
    partitions = collect_layout(s, c, l, err);
    for (int p = 0; p < partitions && err->domain == ERR_NONE; p++) {
        keys_live(key, p);
        collect_stream(s, l, key, false, err);
        keys_bulk(key, p);
        collect_stream(s, l, key, false, err);
        keys_dead(key, p);
        collect_stream(s, l, key, true, err);
    }
    if (err->domain == ERR_NONE)
        collect_workers(s, l, 0, err); /* every lane beats in every partition */
    if (err->domain == ERR_NONE && s->alive == 0)
        finding(s, "no worker is alive");
    json_object_set_new(s->redis, "up", json_boolean(err->domain == ERR_NONE));
}

/* Documents of a collection by their state. False: err. */
static bool count_states(struct store *st, const char *collection, json_t *to, struct err *err)
{
    bson_t *pipeline = BCON_NEW("pipeline", "[", "{", "$group", "{", "_id", BCON_UTF8("$state"), "n", "{",
                                "$sum", BCON_INT64(1), "}", "}", "}", "]");
    mongoc_cursor_t *cursor = mongoc_collection_aggregate(store_collection(st, collection), MONGOC_QUERY_NONE,
                                                          pipeline, NULL, NULL);
    const bson_t *row;
    bson_error_t error;
    bool failed;

    while (mongoc_cursor_next(cursor, &row)) {
        bson_iter_t i;
        const char *state =
            bson_iter_init_find(&i, row, "_id") && BSON_ITER_HOLDS_UTF8(&i) ? bson_iter_utf8(&i, NULL) : "-";
        char name[COLUMNS];

        snprintf(name, sizeof(name), "%s", state);
        if (bson_iter_init_find(&i, row, "n"))
            json_object_set_new(to, name, json_integer((json_int_t)bson_iter_as_int64(&i)));
    }
    failed = mongoc_cursor_error(cursor, &error);
    if (failed)
        err_set(err, ERR_MONGO, (int)error.code, "cannot count %s: %s", collection, error.message);
    mongoc_cursor_destroy(cursor);
    bson_destroy(pipeline);
    return !failed;
}

/* --- parked needs ---------------------------------------------------------------------------------- */

/* Needs of one shop for one reason. */
struct needs_row {
    char platform[COLUMNS], shop[COLUMNS], reason[COLUMNS]; /* cut when longer */
    int64_t count;
    int64_t since_ms; /* of the oldest; 0 = unknown */
};

/* Sums over all rows, and the fullest of them, in order. */
struct needs_sum {
    struct needs_row rows[NEEDS_ROWS];
    size_t shown;
    size_t total; /* rows there are */
    int64_t parked, transactions;
    int64_t again; /* half answers that are asked for again, most of them later */
    int64_t parked_since_ms, transactions_since_ms, again_at_ms; /* of the oldest; 0 = none */
};

static void row_text(const bson_t *group, const char *path, char to[COLUMNS])
{
    bson_iter_t root, it;

    to[0] = '\0';
    if (bson_iter_init(&root, group) && bson_iter_find_descendant(&root, path, &it) &&
        BSON_ITER_HOLDS_UTF8(&it))
        snprintf(to, COLUMNS, "%s", bson_iter_utf8(&it, NULL));
}

static struct needs_row row_read(const bson_t *group)
{
    struct needs_row row = {0};
    bson_iter_t it;

    row_text(group, "_id.platform", row.platform);
    row_text(group, "_id.shop", row.shop);
    row_text(group, "_id.reason", row.reason);
    if (bson_iter_init_find(&it, group, "n"))
        row.count = bson_iter_as_int64(&it);
    if (bson_iter_init_find(&it, group, "since") && BSON_ITER_HOLDS_DATE_TIME(&it))
        row.since_ms = bson_iter_date_time(&it);
    return row;
}

static void sum_oldest(int64_t *oldest, int64_t since_ms)
{
    if (since_ms > 0 && (*oldest == 0 || since_ms < *oldest))
        *oldest = since_ms;
}

static void sum_add(struct needs_sum *sum, const struct needs_row *row)
{
    bool shop = parked_waits_for_shop(row->reason), money = strcmp(row->reason, PARKED_TRANSACTION) == 0;
    size_t at;

    *(shop ? &sum->parked : money ? &sum->transactions : &sum->again) += row->count;
    sum_oldest(shop    ? &sum->parked_since_ms
               : money ? &sum->transactions_since_ms
                       : &sum->again_at_ms,
               row->since_ms);
    if (!shop)
        return;
    sum->total++;
    for (at = sum->shown; at > 0 && sum->rows[at - 1].count < row->count; at--)
        if (at < NEEDS_ROWS)
            sum->rows[at] = sum->rows[at - 1];
    if (at == NEEDS_ROWS)
        return;
    sum->rows[at] = *row;
    sum->shown += sum->shown < NEEDS_ROWS;
}

/* One row a shop and reason: as many as shops, not as needs. */
static bool sum_needs(struct store *st, struct needs_sum *sum, struct err *err)
{
    bson_t *pipeline =
        BCON_NEW("pipeline", "[", "{", "$group", "{", "_id", "{", "platform", BCON_UTF8("$platform"), "shop",
                 BCON_UTF8("$shop_id"), "reason", BCON_UTF8("$reason"), "}", "n", "{", "$sum", BCON_INT64(1),
                 "}", "since", "{", "$min", BCON_UTF8("$since"), "}", "}", "}", "]");
    mongoc_cursor_t *cursor = mongoc_collection_aggregate(store_collection(st, PARKED_COLLECTION),
                                                          MONGOC_QUERY_NONE, pipeline, NULL, NULL);
    const bson_t *group;
    bson_error_t error;
    bool failed;

    while (mongoc_cursor_next(cursor, &group)) {
        struct needs_row row = row_read(group);

        sum_add(sum, &row);
    }
    failed = mongoc_cursor_error(cursor, &error);
    if (failed)
        err_set(err, ERR_MONGO, (int)error.code, "cannot count needs: %s", error.message);
    mongoc_cursor_destroy(cursor);
    bson_destroy(pipeline);
    return !failed;
}

/* Null when there is none. */
static json_t *instant(const struct ctl *c, int64_t ms)
{
    char text[CLOCK_TEXT_MAX];

    if (ms <= 0)
        return json_null();
    clock_format_offset(text, ms, c->config->timezone_offset_minutes);
    return json_string(text);
}

static json_t *needs_rows(const struct ctl *c, const struct needs_sum *sum)
{
    json_t *rows = json_array();

    for (size_t i = 0; i < sum->shown; i++) {
        const struct needs_row *r = &sum->rows[i];

        json_array_append_new(rows, json_pack("{s:s,s:s,s:s,s:I,s:o}", "platform", r->platform, "shop",
                                              r->shop, "reason", r->reason, "needs", (json_int_t)r->count,
                                              "since", instant(c, r->since_ms)));
    }
    return rows;
}

static bool collect_needs(struct status *s, struct ctl *c, struct store *st, struct err *err)
{
    struct needs_sum sum = {0};

    if (!sum_needs(st, &sum, err))
        return false;
    json_object_set_new(s->needs, "parked", json_integer(sum.parked));
    json_object_set_new(s->needs, "since", instant(c, sum.parked_since_ms));
    json_object_set_new(s->needs, "transactions", json_integer(sum.transactions));
    json_object_set_new(s->needs, "transactions_since", instant(c, sum.transactions_since_ms));
    json_object_set_new(s->needs, "asked_again", json_integer(sum.again));
    json_object_set_new(s->needs, "asked_again_next", instant(c, sum.again_at_ms));
    json_object_set_new(s->needs, "shops", needs_rows(c, &sum));
    json_object_set_new(s->needs, "not_shown", json_integer((json_int_t)(sum.total - sum.shown)));
    if (sum.parked > 0)
        finding(s, "%lld need(s) wait in MongoDB for their shops", (long long)sum.parked);
    if (sum.transactions_since_ms > 0 && clock_now_ms() - sum.transactions_since_ms > OLD_MS)
        finding(s, "transactions of an order have waited to be read for %lld s",
                (long long)((clock_now_ms() - sum.transactions_since_ms) / 1000));
    return true;
}

/* --- authorizations with an alarm ------------------------------------------------------------------ */

static int64_t row_instant(const bson_t *doc, const char *path)
{
    bson_iter_t root, it;

    return bson_iter_init(&root, doc) && bson_iter_find_descendant(&root, path, &it) &&
                   BSON_ITER_HOLDS_DATE_TIME(&it)
               ? bson_iter_date_time(&it)
               : 0;
}

/* One finding an authorization: who, why, and how long its access token lives yet. */
static void alarm_add(struct status *s, json_t *alarms, const bson_t *doc)
{
    char id[COLUMNS], reason[COLUMNS], platform[COLUMNS];
    int64_t left = row_instant(doc, "access_expires_at") - clock_now_ms();

    row_text(doc, "_id", id);
    row_text(doc, "platform", platform);
    row_text(doc, "alarm.reason", reason);
    left = left > 0 ? left / 1000 : 0;
    json_array_append_new(alarms, json_pack("{s:s,s:s,s:I}", "authorization", id, "reason", reason,
                                            "access_seconds_left", (json_int_t)left));
    if (strcmp(reason, "failing") == 0)
        finding(s, "authorization %s: its refresh keeps failing; its access token lives for %lld s", id,
                (long long)left);
    else
        finding(s, "authorization %s: %s; its access token lives for %lld s; shopstreamctl shop authorize %s",
                id, strcmp(reason, "answer_lost") == 0 ? "the answer to a refresh was lost" : "refused",
                (long long)left, platform);
}

static bool collect_alarms(struct status *s, struct store *st, struct err *err)
{
    bson_t *filter = BCON_NEW("alarm.since", "{", "$gt", BCON_DATE_TIME(0), "}");
    bson_t *opts = BCON_NEW("sort", "{", "alarm.since", BCON_INT32(1), "}", "limit", BCON_INT64(ALARM_ROWS));
    mongoc_cursor_t *cursor =
        mongoc_collection_find_with_opts(store_collection(st, "authorizations"), filter, opts, NULL);
    json_t *alarms = json_array();
    const bson_t *doc;
    bson_error_t error;
    bool failed;

    while (mongoc_cursor_next(cursor, &doc))
        alarm_add(s, alarms, doc);
    failed = mongoc_cursor_error(cursor, &error);
    if (failed)
        err_set(err, ERR_MONGO, (int)error.code, "cannot read authorizations: %s", error.message);
    json_object_set_new(s->mongo, "alarms", alarms);
    mongoc_cursor_destroy(cursor);
    bson_destroy(opts);
    bson_destroy(filter);
    return !failed;
}

static bool collect_mongo(struct status *s, struct store *st, struct err *err)
{
    json_t *shops = json_object(), *count;
    const char *state;

    if (!count_states(st, "shops", shops, err)) {
        json_decref(shops);
        return false;
    }
    json_object_foreach(shops, state, count)
    {
        if (strcmp(state, "active") != 0)
            finding(s, "shops in state %s: %lld", state, (long long)json_integer_value(count));
    }
    json_object_set_new(s->mongo, "shops", shops);
    if (!collect_alarms(s, st, err))
        return false;
    json_object_set_new(s->mongo, "up", json_true());
    return true;
}

/* --- showing --------------------------------------------------------------------------------------- */

static void print_number(const json_t *row, const char *name, int width)
{
    const json_t *value = json_object_get(row, name);

    if (json_is_integer(value))
        printf(" %*lld", width, (long long)json_integer_value(value));
    else
        printf(" %*s", width, value ? "unknown" : "-");
}

static const char *plain_member(struct strbuf *to, const json_t *row, const char *name)
{
    const json_t *value = json_object_get(row, name);

    return value ? ctl_plain(to, json_string_value(value), json_string_length(value)) : "-";
}

static void print_needs(const json_t *needs, struct strbuf *plain)
{
    const json_t *since = json_object_get(needs, "since"), *rows = json_object_get(needs, "shops");
    const json_t *next = json_object_get(needs, "asked_again_next");
    json_int_t hidden = json_integer_value(json_object_get(needs, "not_shown"));
    size_t i;
    json_t *row;

    if (json_object_size(needs) == 0)
        return;
    printf("\nparked needs: %lld", (long long)json_integer_value(json_object_get(needs, "parked")));
    if (json_is_string(since))
        printf(", oldest since %s", json_string_value(since));
    printf("\ntransactions to be read: %lld\nhalf answers to be asked for again: %lld",
           (long long)json_integer_value(json_object_get(needs, "transactions")),
           (long long)json_integer_value(json_object_get(needs, "asked_again")));
    if (json_is_string(next))
        printf(", next at %s", json_string_value(next));
    putchar('\n');
    json_array_foreach(rows, i, row)
    {
        const char *at = json_string_value(json_object_get(row, "since"));

        printf("  %-8s", plain_member(plain, row, "platform"));
        printf(" %-24s", plain_member(plain, row, "shop"));
        printf(" %-14s", plain_member(plain, row, "reason"));
        print_number(row, "needs", 10);
        printf("  since %s\n", at ? at : "-");
    }
    if (hidden > 0)
        printf("  and %lld more\n", (long long)hidden);
}

static void print_layout(const json_t *layout)
{
    long long in_use = json_integer_value(json_object_get(layout, "in_use"));
    long long setting = json_integer_value(json_object_get(layout, "stream_partitions"));

    if (!json_is_object(layout))
        return;
    printf("\npartitions in use: %lld, most ever used: %lld%s\n", in_use,
           (long long)json_integer_value(json_object_get(layout, "most")),
           json_is_true(json_object_get(layout, "recorded")) ? "" : " (not recorded yet: the setting)");
    if (in_use != setting)
        printf("  STREAM_PARTITIONS is %lld here, but counts only before the first start; shopstreamctl "
               "repartition changes them\n",
               setting);
}

static void print_status(const struct status *s)
{
    bool up = json_is_true(json_object_get(s->redis, "up"));
    struct strbuf plain = STRBUF_INIT;
    size_t i;
    json_t *row;

    printf("%-28s %10s %10s %10s %12s %14s\n", "STREAM", "LENGTH", "LAG", "PENDING", "OLDEST MS",
           "WAIT NEXT TRY");
    json_array_foreach(s->streams, i, row)
    {
        printf("%-28s", json_string_value(json_object_get(row, "stream")));
        print_number(row, "length", 10);
        print_number(row, "lag", 10);
        print_number(row, "pending", 10);
        print_number(row, "oldest_pending_ms", 12);
        print_number(row, "waiting_for_next_try", 14);
        putchar('\n');
    }
    print_layout(s->layout);
    if (up)
        printf("\nworker lanes alive: %zu\n", s->alive);
    else
        printf("\nworker lanes alive: unknown\n");
    json_array_foreach(s->workers, i, row)
    {
        printf("  %-40s", plain_member(&plain, row, "name"));
        printf(" %s\n", plain_member(&plain, row, "heartbeat"));
    }
    print_needs(s->needs, &plain);
    printf("redis: %s\n", up ? "up" : "unreachable");
    printf("mongo: %s\n", json_is_true(json_object_get(s->mongo, "up")) ? "up" : "unreachable");
    json_array_foreach(s->findings, i, row)
        printf("! %s\n", ctl_plain(&plain, json_string_value(row), json_string_length(row)));
    strbuf_deinit(&plain);
}

static void dump_status(const struct status *s)
{
    json_t *whole = json_pack("{s:O,s:O,s:O,s:O,s:O,s:O,s:O}", "streams", s->streams, "layout", s->layout,
                              "workers", s->workers, "needs", s->needs, "redis", s->redis, "mongo", s->mongo,
                              "findings", s->findings);

    json_dumpf(whole, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(whole);
}

/* A dependency that cannot be asked: noted in its object and told on standard error. */
static void unreachable(json_t *dependency, const char *name, const struct err *err)
{
    json_object_set_new(dependency, "up", json_false());
    json_object_set_new(dependency, "error", json_string(err->text));
    fprintf(stderr, "shopstreamctl: %s: %s\n", name, err->text);
}

int ctl_status(struct ctl *c, int argc, char **argv)
{
    struct status s = {0};
    struct err redis = {0}, mongo = {0};
    struct link *l;
    struct store *st;
    int status;

    (void)argv;
    if (argc > 1)
        return ctl_fail(CTL_USAGE, "status takes no arguments");
    s.streams = json_array();
    s.workers = json_array();
    s.layout = json_null();
    s.findings = json_array();
    s.redis = json_object();
    s.mongo = json_object();
    s.needs = json_object();
    l = ctl_link(c, &redis);
    if (l)
        collect_redis(&s, c, l, &redis);
    if (redis.domain != ERR_NONE)
        unreachable(s.redis, "Redis", &redis);
    st = ctl_store(c, &mongo);
    if (!st || !store_ping(st, &mongo) || !collect_mongo(&s, st, &mongo) || !collect_needs(&s, c, st, &mongo))
        unreachable(s.mongo, "MongoDB", &mongo);
    if (c->json)
        dump_status(&s);
    else
        print_status(&s);
    status = redis.domain != ERR_NONE || mongo.domain != ERR_NONE ? CTL_UNREACHABLE
             : json_array_size(s.findings) > 0                    ? CTL_FINDING
                                                                  : CTL_DONE;
    json_decref(s.streams);
    json_decref(s.workers);
    json_decref(s.layout);
    json_decref(s.findings);
    json_decref(s.redis);
    json_decref(s.mongo);
    json_decref(s.needs);
    return status;
}
