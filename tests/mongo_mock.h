/* mongo_mock.h - tests: a MongoDB at the level of the wire, with a script.
 *
 * It keeps small collections in memory and really applies find, update (with the operators the guards use), insert,
 * drop, listIndexes and createIndexes. A script of rules makes it misbehave: refuse, stall, hang up before or after
 * applying, answer what it is told, let somebody else write first. As a replica set it gives the driver what it needs
 * to retry writes, and answers a retried statement with the first result, as a real one does.
 * Threads: any; every call takes the mock's lock. Memory: start returns owned, stop frees. */
#ifndef SHOPSTREAM_TESTS_MONGO_MOCK_H
#define SHOPSTREAM_TESTS_MONGO_MOCK_H

#include <bson/bson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mongo_mock; /* opaque */

enum mock_kind {
    MOCK_STANDALONE,  /* no setName: the driver never retries */
    MOCK_REPLICA_SET, /* one primary: the driver retries a statement once */
};

/* max_write_batch: most ops of one command, 0 = 100,000. Listens on a free loopback port. Aborts when it cannot. */
struct mongo_mock *mongo_mock_start(enum mock_kind kind, int max_write_batch);
void mongo_mock_stop(struct mongo_mock *m); /* hangs up on everybody; accepts NULL */

/* "mongodb://127.0.0.1:port/?..." with short time-outs; more options may be appended with '&'. Borrowed. */
const char *mongo_mock_uri(const struct mongo_mock *m);

enum mock_close {
    MOCK_OPEN,         /* answer */
    MOCK_CLOSE_BEFORE, /* hang up, nothing applied */
    MOCK_CLOSE_AFTER,  /* apply, then hang up: the reply is lost */
};

enum { MOCK_OP_ERRORS_MAX = 8 };

struct mock_op_error {
    int index;               /* of the op in the command */
    int code;                /* e.g. 121 */
    const char *key_pattern; /* JSON, e.g. {"sku":1}; NULL: none in the reply */
};

/* One line of the script. The first rule that fits a command and is not used up acts on it. All texts are borrowed
 * until mongo_mock_stop (literals). */
struct mock_rule {
    const char *command;      /* "update", "find" ...; required */
    int skip;                 /* leave that many fitting commands alone first */
    int times;                /* then act on that many; 0 = on one, -1 = on all */
    int stall_ms;             /* wait before anything else */
    enum mock_close close;    /* hang up? */
    const char *reply;        /* JSON of a whole reply; nothing is applied */
    int refuse_code;          /* ok:0 with this code; nothing is applied; 0 = no */
    const char *refuse_label; /* error label with it; NULL = none */
    int concern_code;         /* applied, with a writeConcernError of this code; 0 = no */
    struct mock_op_error op_errors[MOCK_OP_ERRORS_MAX]; /* these ops are refused, the others applied */
    size_t op_error_count;
    const char *put_collection; /* somebody else is faster: first this document is stored ... */
    const char *put;            /* ... (JSON, replaces one of the same _id) */
    const char *remove_id;      /* ... or the one with this _id is removed from put_collection */
};

void mongo_mock_rule(struct mongo_mock *m, const struct mock_rule *rule); /* copies the struct */
void mongo_mock_rules_clear(struct mongo_mock *m);

/* --- its collections ------------------------------------------------------------------------------- */

void mongo_mock_put(struct mongo_mock *m, const char *collection, const char *json);  /* replaces by _id */
bson_t *mongo_mock_get(struct mongo_mock *m, const char *collection, const char *id); /* owned; NULL: none */
int64_t mongo_mock_int(struct mongo_mock *m, const char *collection, const char *id, const char *field,
                       int64_t otherwise); /* also when there is no such document */
size_t mongo_mock_size(struct mongo_mock *m, const char *collection); /* documents */

/* --- what it received ------------------------------------------------------------------------------ */

/* Commands of that name so far, retries by the driver included. */
size_t mongo_mock_count(struct mongo_mock *m, const char *command);

/* The i-th of them, document sequences put back as arrays. Borrowed until mongo_mock_stop; NULL: not that many. */
const bson_t *mongo_mock_sent(struct mongo_mock *m, const char *command, size_t i);

void mongo_mock_forget(struct mongo_mock *m); /* forgets what it received so far */

#endif
