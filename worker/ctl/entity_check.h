/* entity_check.h - shopstreamctl: one entity at the marketplace against its document, and writing it.
 *
 * In:      which entity.
 * Out:     what a worker that read it now would do; or, told to, what it did.
 * Fails:   by CHECK_REFUSED or CHECK_AWAY.
 * Thread:  the tool's; blocks.
 * Why so:  judged by stages 5 and 6 themselves, on a pool of one need: the same recipe, guard and bulk as every event. */
#ifndef SHOPSTREAM_WORKER_CTL_ENTITY_CHECK_H
#define SHOPSTREAM_WORKER_CTL_ENTITY_CHECK_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <yyjson.h>

#include "worker/ctl/ctl.h"
#include "worker/ctl/read_entity.h"

enum check_end {
    CHECK_EQUAL,   /* nothing differs; a tombstone of something gone is equal, too */
    CHECK_DIFFERS, /* changes tell what */
    CHECK_ABSENT,  /* not stored; changes tell what would be */
    CHECK_GONE,    /* stored, and gone at the marketplace: a tombstone */
    CHECK_MISSING, /* stored, and left out of an answer: noted; gone only when that happens again a minute later */
    CHECK_NEWER, /* what is stored is newer than what is served: nothing is written; changes tell what differs */
    CHECK_NOWHERE,  /* neither there nor stored */
    CHECK_UNSTORED, /* the document cannot be stored: err */
    CHECK_REFUSED,  /* not read, a person must act: err */
    CHECK_AWAY,     /* not read or not written, a dependency or the marketplace does not answer: err */
};

const char *check_end_name(enum check_end end); /* "differs"; literal */

struct check {
    enum check_end end;
    bool applied;           /* what end says has been written */
    json_t *changes;        /* entity_diff; owned; never NULL after entity_check */
    char *doc_id;           /* owned */
    const char *collection; /* literal; NULL = not read */
    int64_t stored_version; /* 0 = not stored */
    int64_t stored_fetched_ms;
    int64_t served_version;  /* 0 = not found */
    struct entity_read read; /* owned */
};

void check_deinit(struct check *c); /* accepts a zeroed one */

struct entity_checker; /* opaque */

/* Borrows ctl, whose connections it opens. background: as entity_reader_new. NULL: err (ERR_CONFIG: settings). */
struct entity_checker *entity_checker_new(struct ctl *ctl, bool background, struct err *err)
    __attribute__((warn_unused_result));
void entity_checker_free(struct entity_checker *k); /* accepts NULL */

/* Reads, compares and, with apply, writes. err: for CHECK_UNSTORED, CHECK_REFUSED and CHECK_AWAY. Fills *out, which you
 * own, always. */
enum check_end entity_check(struct entity_checker *k, const struct entity_name *name, bool apply,
                            struct check *out, struct err *err);

/* Each change of entity_diff on a line of standard output: path, old -> new. */
void check_print_changes(const json_t *changes);

#endif
