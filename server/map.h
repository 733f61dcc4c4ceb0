/* map.h - server, stage 3 of 5: what does this push mean?
 *
 * In:      a push whose signature was good.
 * Out:     the entries to store, each with kind, entity id, event time and key; or a dead letter with the reason. Some
 *          pushes speak of several entities: several entries, one answer.
 * Fails:   never: what cannot be understood is a dead letter, so that nothing signed is ever lost.
 * Thread:  a mapper belongs to one loop (it owns the scratch memory). Pure otherwise: no clock, no I/O, no logging.
 * Why so:  the sender cannot mend a push of his that we do not understand, and a 4xx could end the subscription. */
#ifndef SHOPSTREAM_SERVER_MAP_H
#define SHOPSTREAM_SERVER_MAP_H

#include <stdbool.h>
#include <stddef.h>

#include "common/config.h"
#include "common/json.h"
#include "server/push.h"

enum {
    MAP_ENTRIES_MAX = 2000,   /* entities of one push; more is a dead letter, kept whole */
    MAP_BYTES_MAX = 32 << 20, /* body times entities, as each carries it; more is a dead letter too */
    MAP_ID_MAX = 128,         /* bytes of an id; a longer one is no id */
};

struct mapped {
    bool dead;             /* a dead letter: entries[0] has what is known of it, why says the rest */
    const char *why;       /* dead: the reason, without any of the payload; literal */
    bool unknown;          /* no row of the topic table knows this topic */
    size_t count;          /* entries in use, at least 1 */
    struct entry *entries; /* borrowed from the mapper until map_release */
    int *partitions;       /* of each entry, by its shop; borrowed like them */
};

struct mapper; /* opaque */

/* c is borrowed and must outlive the mapper. You own the result (mapper_free). */
struct mapper *mapper_new(const struct config *c);
void mapper_free(struct mapper *m); /* accepts NULL */

/* Fills *out; texts in it borrow from push and from the mapper, until map_release. One push at a time. */
void map_push(struct mapper *m, const struct push *push, struct mapped *out);
void map_release(struct mapper *m);

/* ---- for the platforms' topic tables ---- */

/* What a platform's table fills in. It starts with one entry that has platform, recv_ms, src, trace and body. */
struct map_draft {
    struct mapper *mapper; /* scratch memory */
    struct mapped *out;    /* being filled */
    yyjson_val *root;      /* of the parsed body, an object */
    const struct push *push;
    const char
        *scope; /* first part of every idempotency key: the app's name there; borrowed, NUL-terminated */
};

/* Ends with a dead letter; why is a literal. Always false, so that a caller can return it. */
bool map_dead(struct map_draft *d, const char *why);

/* One more entity of the same push, or the entry that has it already. What every push has, topic and key are entry 0's, so
 * set them before; time, moves and return_kind are nobody's: they belong to one entity, and the caller knows of which.
 * Entries may move: pointers to others are no longer good. NULL: too many, the draft is dead. */
struct entry *map_also(struct map_draft *d, struct entry_text shop, enum entry_kind kind,
                       struct entry_text id) __attribute__((warn_unused_result));

/* Writes a key, made of count parts joined by colons after the scope; parts too long to be a Redis key are replaced by
 * their hash. Borrowed until map_release, or until the next one without map_keys. */
struct entry_text map_key(struct map_draft *d, const struct entry_text *parts, size_t count);

/* The next count keys do not take the place of each other. */
void map_keys(struct map_draft *d, size_t count);

/* Parses text that stands in the document as another document. One a push; borrowed until map_release. NULL: no JSON. */
yyjson_val *map_parse_inner(struct map_draft *d, const char *json, size_t n);

/* SHA-256 of a value of the document, as 64 hex digits and a NUL. False: there is none, or no memory. */
bool map_hash(struct map_draft *d, yyjson_val *value, char *hex) __attribute__((warn_unused_result));

/* The key of a push nothing in which tells it from others: scope and SHA-256 of the body. */
struct entry_text map_key_of_body(struct map_draft *d);

/* ---- reading ids and times ---- */

/* A member that may be an id: a non-empty string or an integer, of at most MAP_ID_MAX bytes. False: anything else. */
bool map_get_id(yyjson_val *object, const char *key, struct entry_text *out);

/* The same of a value that stands in an array. */
bool map_element_id(yyjson_val *value, struct entry_text *out);

/* Number or string member as its text; empty when there is none. */
struct entry_text map_scalar(yyjson_val *object, const char *key);

/* Seconds at key -> ms; 0 when there is nothing plausible. */
int64_t map_seconds_as_ms(yyjson_val *object, const char *key);

#endif
