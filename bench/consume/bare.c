/* bare.c - benchmark: the two loops that show what Redis and the MongoDB server allow, with nothing of a worker around them.
 *
 *   bench-bare inserts MONGO_URI DATABASE FILE CONNECTIONS     the bulks of a worker, ready before the clock starts
 *   bench-bare reads HOST PORT MONGO_URI DATABASE              XREADGROUP, find, XACK in the batch sizes of a worker
 *
 * In:      inserts: FILE, one document after the other, sorted by _id; a line on standard input is the start.
 *          reads: entries of the live stream; runs until SIGTERM.
 * Out:     "started" when it is ready. inserts: then its figures as JSON.
 * Fails:   with a sentence and exit status 1; also when a document was refused.
 * Thread:  inserts: one a connection, a contiguous part of the documents each, so that none waits for another's locks.
 * Why so:  it leaves out everything that a worker must do and that is not these calls: JSON, documents, folding, judging,
 *          outcomes of single operations, retries. What a worker costs beyond it is what it has to answer for. */
#include <bson/bson.h>
#include <hiredis/hiredis.h>
#include <mongoc/mongoc.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/number.h"

enum {
    BULK = 300,        /* documents a bulk */
    READ_FIRST = 300,  /* entries of a read ... */
    READ_SLICE = 1000, /* ... of each further one, and ids of a find ... */
    READ_HELD = 10000, /* ... and held at most */
    CONNECTIONS_MAX = 16,
    KEY_MAX = 128, /* bytes of an _id, with its NUL */
};

#define STREAM "webhooks:{0}"
#define GROUP  "workers"

static volatile sig_atomic_t stopping;

static void on_term(int number)
{
    (void)number;
    stopping = 1;
}

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fputs("bench-bare: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

static double seconds_of(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int64_t number_of(const char *text)
{
    int64_t v = 0;

    if (!number_i64(text, strlen(text), &v) || v < 1 || v > 65535)
        die("not a number from 1 to 65535: %s", text);
    return v;
}

static mongoc_client_t *connect_mongo(const char *uri)
{
    mongoc_client_t *client = mongoc_client_new(uri);
    bson_t ping = BSON_INITIALIZER;
    bson_error_t error;

    if (!client)
        die("cannot read the URI of the MongoDB server");
    BSON_APPEND_INT32(&ping, "ping", 1);
    if (!mongoc_client_command_simple(client, "admin", &ping, NULL, NULL, &error))
        die("ping: %s", error.message);
    bson_destroy(&ping);
    return client;
}

/* --- inserts ---------------------------------------------------------------------------------------- */

/* One connection's part of the work. */
struct part {
    pthread_t thread;
    const char *uri, *database;
    bson_t *const *documents; /* borrowed */
    size_t count;
    pthread_barrier_t *ready; /* met twice: connected, and off */
    int64_t bulks, stored;    /* commands; documents inserted */
};

static bson_t **read_documents(const char *path, size_t *count)
{
    bson_error_t error;
    bson_reader_t *reader = bson_reader_new_from_file(path, &error);
    bson_t **list = NULL;
    size_t n = 0, room = 0;
    const bson_t *row;
    bool end = false;

    if (!reader)
        die("%s: %s", path, error.message);
    while ((row = bson_reader_read(reader, &end)) != NULL) {
        if (n == room) {
            room = room > 0 ? 2 * room : 1024;
            list = bson_realloc(list, room * sizeof *list);
        }
        list[n++] = bson_copy(row);
    }
    if (!end || n == 0)
        die("%s does not hold documents to its end", path);
    bson_reader_destroy(reader);
    *count = n;
    return list;
}

static int64_t count_in(const bson_t *reply, const char *key)
{
    bson_iter_t it;

    return bson_iter_init_find(&it, reply, key) ? bson_iter_as_int64(&it) : 0;
}

static void send_bulk(struct part *p, mongoc_collection_t *orders, const bson_t *unordered,
                      const bson_t *unchecked, size_t from, size_t to)
{
    mongoc_bulk_operation_t *bulk = mongoc_collection_create_bulk_operation_with_opts(orders, unordered);
    bson_error_t error;
    bson_t reply;

    for (size_t i = from; i < to; i++) {
        if (!mongoc_bulk_operation_insert_with_opts(bulk, p->documents[i], unchecked, &error))
            die("document %zu: %s", i, error.message);
    }
    if (mongoc_bulk_operation_execute(bulk, &reply, &error) == 0)
        die("bulk: %s", error.message);
    p->stored += count_in(&reply, "nInserted");
    p->bulks++;
    bson_destroy(&reply);
    mongoc_bulk_operation_destroy(bulk);
}

static void *run_part(void *arg)
{
    struct part *p = arg;
    mongoc_client_t *client = connect_mongo(p->uri);
    mongoc_collection_t *orders = mongoc_client_get_collection(client, p->database, "orders");
    bson_t unordered = BSON_INITIALIZER, unchecked = BSON_INITIALIZER;

    BSON_APPEND_BOOL(&unordered, "ordered", false);
    BSON_APPEND_BOOL(&unchecked, "validate", false);
    pthread_barrier_wait(p->ready);
    pthread_barrier_wait(p->ready);
    for (size_t at = 0; at < p->count; at += BULK)
        send_bulk(p, orders, &unordered, &unchecked, at, p->count - at < BULK ? p->count : at + BULK);
    bson_destroy(&unchecked);
    bson_destroy(&unordered);
    mongoc_collection_destroy(orders);
    mongoc_client_destroy(client);
    return NULL;
}

static void start_parts(struct part *parts, size_t n, bson_t *const *list, size_t count, char **argv,
                        pthread_barrier_t *ready)
{
    for (size_t i = 0; i < n; i++) {
        size_t from = count * i / n, to = count * (i + 1) / n;

        parts[i] = (struct part){.uri = argv[2],
                                 .database = argv[3],
                                 .documents = list + from,
                                 .count = to - from,
                                 .ready = ready};
        if (pthread_create(&parts[i].thread, NULL, run_part, &parts[i]) != 0)
            die("no thread");
    }
}

static void inserts(char **argv)
{
    size_t n = (size_t)number_of(argv[5]), count;
    bson_t **list = read_documents(argv[4], &count);
    struct part parts[CONNECTIONS_MAX];
    pthread_barrier_t ready;
    int64_t bulks = 0, stored = 0;
    double began, cpu, took;

    if (n > CONNECTIONS_MAX)
        die("at most %d connections", CONNECTIONS_MAX);
    pthread_barrier_init(&ready, NULL, (unsigned)n + 1);
    start_parts(parts, n, list, count, argv, &ready);
    pthread_barrier_wait(&ready);
    puts("started");
    fflush(stdout);
    if (getchar() == EOF)
        die("nobody said when to start");
    began = seconds_of(CLOCK_MONOTONIC);
    cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    pthread_barrier_wait(&ready);
    for (size_t i = 0; i < n; i++) {
        pthread_join(parts[i].thread, NULL);
        bulks += parts[i].bulks;
        stored += parts[i].stored;
    }
    took = seconds_of(CLOCK_MONOTONIC) - began;
    cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    if (stored != (int64_t)count)
        die("%lld of %zu documents were inserted", (long long)stored, count);
    printf("{\"seconds\": %.6f, \"cpu\": %.6f, \"bulks\": %lld}\n", took, cpu, (long long)bulks);
    pthread_barrier_destroy(&ready);
    for (size_t i = 0; i < count; i++)
        bson_destroy(list[i]);
    bson_free(list);
}

/* --- reads ------------------------------------------------------------------------------------------ */

/* What is held of one batch. */
struct held {
    redisReply *replies[READ_HELD / READ_SLICE + 2]; /* owned */
    size_t reply_count;
    const redisReply *entries[READ_HELD]; /* of the replies */
    size_t count;
};

static redisReply *command(redisContext *redis, int argc, const char **argv)
{
    redisReply *reply = redisCommandArgv(redis, argc, argv, NULL);

    if (!reply)
        die("Redis: %s", redis->errstr);
    if (reply->type == REDIS_REPLY_ERROR)
        die("%s: %s", argv[0], reply->str);
    return reply;
}

static void make_group(redisContext *redis)
{
    redisReply *reply = redisCommand(redis, "XGROUP CREATE " STREAM " " GROUP " 0 MKSTREAM");

    if (!reply || (reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "BUSYGROUP", 9) != 0))
        die("XGROUP: %s", reply ? reply->str : redis->errstr);
    freeReplyObject(reply);
}

/* One read; how many entries it brought. block: as text, NULL = not at all. */
static size_t read_some(redisContext *redis, struct held *h, size_t most, const char *block)
{
    char count[24];
    const char *argv[11] = {"XREADGROUP", "GROUP", GROUP, "bare", "COUNT", count};
    int n = 6;
    redisReply *reply;
    const redisReply *entries;

    snprintf(count, sizeof count, "%zu", most);
    if (block) {
        argv[n++] = "BLOCK";
        argv[n++] = block;
    }
    argv[n++] = "STREAMS";
    argv[n++] = STREAM;
    argv[n++] = ">";
    reply = command(redis, n, argv);
    if (reply->type != REDIS_REPLY_ARRAY) {
        freeReplyObject(reply);
        return 0;
    }
    entries = reply->element[0]->element[1];
    h->replies[h->reply_count++] = reply;
    for (size_t i = 0; i < entries->elements; i++)
        h->entries[h->count++] = entries->element[i];
    return entries->elements;
}

static void read_batch(redisContext *redis, struct held *h)
{
    size_t got = read_some(redis, h, READ_FIRST, "200");

    while (got > 0 && h->count >= READ_FIRST && h->count < READ_HELD)
        got =
            read_some(redis, h, READ_HELD - h->count < READ_SLICE ? READ_HELD - h->count : READ_SLICE, NULL);
}

static const redisReply *field_of(const redisReply *entry, const char *name)
{
    const redisReply *fields = entry->element[1];

    for (size_t i = 0; i + 1 < fields->elements; i += 2) {
        if (strcmp(fields->element[i]->str, name) == 0)
            return fields->element[i + 1];
    }
    die("entry %s has no %s", entry->element[0]->str, name);
}

static void find_slice(mongoc_collection_t *orders, const bson_t *opts, const redisReply *const *entries,
                       size_t n)
{
    bson_t filter = BSON_INITIALIZER, term, list = BSON_INITIALIZER;
    mongoc_cursor_t *cursor;
    bson_error_t error;
    const bson_t *row;
    size_t found = 0;

    for (size_t i = 0; i < n; i++) {
        char buffer[16], id[KEY_MAX];
        const char *key;
        size_t length = bson_uint32_to_string((uint32_t)i, &key, buffer, sizeof buffer);
        int id_length = snprintf(id, sizeof id, "tiktok:%s:%s", field_of(entries[i], "shop")->str,
                                 field_of(entries[i], "id")->str);

        bson_append_utf8(&list, key, (int)length, id, id_length);
    }
    BSON_APPEND_DOCUMENT_BEGIN(&filter, "_id", &term);
    BSON_APPEND_ARRAY(&term, "$in", &list);
    bson_append_document_end(&filter, &term);
    cursor = mongoc_collection_find_with_opts(orders, &filter, opts, NULL);
    while (mongoc_cursor_next(cursor, &row))
        found += count_in(row, "version") > 0;
    if (mongoc_cursor_error(cursor, &error))
        die("find: %s", error.message);
    if (found == 0)
        die("none of %zu orders is stored", n);
    mongoc_cursor_destroy(cursor);
    bson_destroy(&list);
    bson_destroy(&filter);
}

static void ack(redisContext *redis, const struct held *h)
{
    static const char *argv[3 + READ_HELD] = {"XACK", STREAM, GROUP};

    for (size_t i = 0; i < h->count; i++)
        argv[3 + i] = h->entries[i]->element[0]->str;
    freeReplyObject(command(redis, 3 + (int)h->count, argv));
}

static void let_go(struct held *h)
{
    for (size_t i = 0; i < h->reply_count; i++)
        freeReplyObject(h->replies[i]);
    h->reply_count = h->count = 0;
}

/* The projection of the worker's lookup, and a batch size that needs no getMore. */
static void append_opts(bson_t *to)
{
    static const char *const fields[] = {"_id",          "version",    "fetched_ms",
                                         "content_hash", "deleted_at", "missing_at_ms"};
    bson_t projection;

    BSON_APPEND_DOCUMENT_BEGIN(to, "projection", &projection);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        BSON_APPEND_INT32(&projection, fields[i], 1);
    bson_append_document_end(to, &projection);
    BSON_APPEND_INT32(to, "batchSize", READ_SLICE + 1);
}

static void reads(char **argv)
{
    static struct held held;
    redisContext *redis = redisConnect(argv[2], (int)number_of(argv[3]));
    mongoc_client_t *client = connect_mongo(argv[4]);
    mongoc_collection_t *orders = mongoc_client_get_collection(client, argv[5], "orders");
    bson_t opts = BSON_INITIALIZER;

    if (!redis || redis->err)
        die("Redis: %s", redis ? redis->errstr : "no memory");
    append_opts(&opts);
    make_group(redis);
    puts("started");
    fflush(stdout);
    while (!stopping) {
        read_batch(redis, &held);
        for (size_t at = 0; at < held.count; at += READ_SLICE)
            find_slice(orders, &opts, held.entries + at,
                       held.count - at < READ_SLICE ? held.count - at : READ_SLICE);
        if (held.count > 0)
            ack(redis, &held);
        let_go(&held);
    }
    bson_destroy(&opts);
    mongoc_collection_destroy(orders);
    mongoc_client_destroy(client);
    redisFree(redis);
}

int main(int argc, char **argv)
{
    bool writes = argc == 6 && strcmp(argv[1], "inserts") == 0;

    if (!writes && (argc != 6 || strcmp(argv[1], "reads") != 0)) {
        fputs("usage: bench-bare inserts MONGO_URI DATABASE FILE CONNECTIONS\n"
              "       bench-bare reads HOST PORT MONGO_URI DATABASE\n",
              stderr);
        return 2;
    }
    sigaction(SIGTERM, &(struct sigaction){.sa_handler = on_term, .sa_flags = SA_RESTART}, NULL);
    mongoc_init();
    if (writes)
        inserts(argv);
    else
        reads(argv);
    mongoc_cleanup();
    return 0;
}
