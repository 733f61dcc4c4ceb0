/* upsert_internal.h - worker: what the files of stage 6 share: one write under way, and its ways on.
 *
 *   upsert.c         rounds: plan, sort, cut into bulks, act on what each command did
 *   upsert_plan.c    what to send for an op, given what is stored
 *   upsert_send.c    ops as one command; its reply
 *   upsert_settle.c  what has been written, or stands there already, becomes outcomes */
#ifndef SHOPSTREAM_WORKER_UPSERT_INTERNAL_H
#define SHOPSTREAM_WORKER_UPSERT_INTERNAL_H

#include "worker/guard.h"
#include "worker/upsert.h"

enum {
    UPSERT_DUPLICATE = 11000, /* code of a duplicate key */
};

/* Ops of one command have one lane. */
enum upsert_lane {
    LANE_TOUCH,  /* same content, newer read */
    LANE_UPDATE, /* guarded, changes only what is there */
    LANE_MARK,   /* unguarded, changes only what is there; nothing there is fine */
    LANE_WRITE,  /* with upsert */
    LANE_INSERT, /* a complete state, where nothing is known to be stored */
};

/* A state that stands in the database, or was served. */
struct upsert_state {
    int64_t version;
    int64_t fetched_ms;
    bool deleted;
};

/* The writes of one need under way: its document, with companions before and after it. */
struct upsert_op {
    struct need *need;
    struct document *doc;          /* need->document */
    struct document *now;          /* what is written this round: doc, doc->before or doc->after */
    enum upsert_lane lane;         /* this round's */
    enum guard guard;              /* this round's; for guarded ops */
    size_t copy;                   /* this round: ops on the same document that stand before it */
    size_t bytes;                  /* at most what it takes in a command */
    bool closed;                   /* its need is judged or NEW again */
    bool full;                     /* a version-only op found other content: send it whole */
    bool raised;                   /* doc->before is stored */
    bool refused;                  /* doc is not stored: what stands there is as new by version and time */
    int redos;                     /* transient refusals and lost races so far */
    int conflicts;                 /* duplicate key, but no document to be seen */
    int64_t code;                  /* error of the last command for this op; 0 = none */
    bool foreign;                  /* code is 11000, of an index that is not ours */
    struct upsert_state states[2]; /* while doc->after is written: what its messages are judged by */
    size_t state_count;
};

struct upsert_flush {
    struct pool *pool;
    struct store *store;
    const struct config *config;
    const struct freshness *f;
    struct message_list *settled;
    struct err *err;
    bool failed; /* MongoDB cannot be used now; err says why */
};

/* What a command did. */
struct upsert_sent {
    bool known;      /* ops without a code were executed */
    int64_t matched; /* nMatched */
    size_t errors;   /* ops with a code */
};

/* The stored state as seen from the op's. */
enum upsert_order { ORDER_ABSENT, ORDER_OLDER, ORDER_EQUAL, ORDER_NEWER };

/* --- upsert_plan.c --- */

/* Decides what this round sends for op, from what is known to be stored; may close it. */
void upsert_plan(struct upsert_flush *fl, struct upsert_op *op);

enum upsert_order upsert_order_of(const struct document *d, const struct stored *s);

/* --- upsert_send.c --- */

/* Sends ops as one command. creates: an op that finds no document makes one, by upsert or insert. *n shrinks by what the
 * driver refused (closed). An unknown outcome sets fl->failed. */
struct upsert_sent upsert_send(struct upsert_flush *fl, struct upsert_op **ops, size_t *n, bool creates);

bool upsert_is_credentials(int64_t code); /* no rights: a person must act */

/* --- upsert_settle.c --- */

/* The op's write of this round has landed, now or earlier. */
void upsert_close_written(struct upsert_flush *fl, struct upsert_op *op);

/* Nothing to write: what is stored is as new. A tombstone or a missing-mark is no state that could reflect anything. */
void upsert_close_stale(struct upsert_flush *fl, struct upsert_op *op);

void upsert_judge(struct upsert_flush *fl, struct upsert_op *op, enum outcome outcome, enum dead_class dead,
                  const char *error);
void upsert_defer(struct upsert_flush *fl, struct upsert_op *op, int64_t delay_ms, const char *why);
void upsert_poison(struct upsert_flush *fl, struct upsert_op *op, const char *why);

/* Outcome unknown, or never sent: from the lookup again. */
void upsert_give_back(struct upsert_flush *fl, struct upsert_op *op);

#endif
