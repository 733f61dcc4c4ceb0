/* need.h - worker: what one entity needs, and the pool of needs a lane holds.
 *
 * Events of one entity fold into one need; every event stays in it and is judged by itself. A need is heap-owned with
 * its texts, because it may be carried over turns (slow shop, MongoDB away). Everything of one turn only (documents,
 * BSON, lookup arrays) lives in the turn's arena and hangs off the need until the turn ends.
 *
 *   NEW ──lookup──▶ WAITING ──fetch──▶ CALLING ──answer──▶ ANSWERED ──dto──▶ BUILT ──upsert──▶ JUDGED ──settle──▶ gone
 *    ▲  └─reflected──▶ JUDGED             │ (carried over turns)                │ messages the answer does not cover
 *    └──────────── MongoDB away, unknown outcome ─────────────────────────────┘ go round again as NEW
 *   raw kinds (nothing to fetch): NEW ──▶ ANSWERED directly in group. */
#ifndef SHOPSTREAM_WORKER_NEED_H
#define SHOPSTREAM_WORKER_NEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <yyjson.h>

#include "common/entry.h"
#include "worker/message.h"

enum need_state {
    NEED_NEW,      /* just folded, or to be looked up again */
    NEED_WAITING,  /* looked up and not reflected: wants a read */
    NEED_CALLING,  /* a call that carries its id has been sent; nothing joins it any more */
    NEED_ANSWERED, /* has an answer (or needs none): wants a document */
    NEED_BUILT,    /* has a document: wants a write */
    NEED_JUDGED,   /* every message has its outcome */
};

enum { CONTENT_HASH_LENGTH = 32 }; /* XXH3, 128 bits, lower-case hex */

/* What MongoDB holds of the entity, as the lookup saw it. Advisory: the guard in the write decides. */
struct stored {
    bool exists;           /* a document is there (a tombstone counts) */
    bool deleted;          /* it is a tombstone (deleted_at) */
    int64_t version;       /* its source update time, ms; 0 when absent or not a number */
    int64_t fetched_ms;    /* when the request of its answer was sent; 0 when absent, or implausibly ahead */
    int64_t missing_at_ms; /* a read left it out at this time; 0 = no */
    char hash[CONTENT_HASH_LENGTH + 1]; /* "" when absent */
    int64_t transactions_ms; /* kind transaction: the order's transactions_fetched_ms; 0 = never read */
    bool order_exists;       /* kind transaction: the order is there (a tombstone counts) */
    bool order_completed;    /* kind transaction: it says that money has moved */
};

/* What the marketplace said about one id. */
enum answer_kind {
    ANSWER_NONE,    /* no answer yet, or a raw need */
    ANSWER_FOUND,   /* json is the entity */
    ANSWER_MISSING, /* left out of an otherwise good answer */
    ANSWER_GONE,    /* the platform says by code that it no longer exists */
};

struct answer {
    enum answer_kind kind;
    yyjson_val *json;   /* FOUND: borrowed from the call's document, valid until fetch_release */
    int64_t fetched_ms; /* Redis' clock when the (first) request was sent */
    bool alone;         /* the call carried this id only */
    bool incomplete;    /* FOUND: a part that the entity itself names was left out */
};

struct document; /* dto.h; this turn's, owned by the turn's arena and freed by document_free */

struct need {
    struct need *next;       /* list it stands in */
    struct need *chain;      /* hash chain of the pool */
    uint64_t hash;           /* of doc_id and kind */
    const char *platform;    /* "tiktok"; all texts live in this block, NUL-terminated */
    const char *shop;        /* shop id */
    const char *id;          /* entity id */
    const char *doc_id;      /* "<platform>:<shop>:<id>"; some kinds have a prefix before the id (recipe.h) */
    const char *return_kind; /* kind return: "return" or "cancellation"; "" where the event said nothing */
    enum entry_kind kind;    /* of the entity; raw needs: the event's */
    bool raw;                /* kept raw in webhook_events: never looked up, never fetched */
    struct message_list messages; /* all events folded into it; owned */
    enum need_state state;
    int64_t since_mono_ms; /* when it entered the pool, monotonic: age for fetch planning */
    struct stored stored;  /* valid from WAITING on */
    bool alone; /* must be asked for in a call of its own (bisection, second read of a missing one) */
    struct answer answer; /* valid from ANSWERED on */
    struct parts
        *parts; /* CALLING: what compound kinds have been answered so far; owned (parts.h); else NULL */
    const char
        *park_reason; /* ANSWERED: to be parked instead of written, and why; one word, literal; else NULL */
    bool behind;      /* MAX_STALE_READS reached: the document is marked `behind` */
    struct document *document; /* BUILT: what to write; NULL otherwise */
};

struct need_list {
    struct need *first;
    struct need *last;
    size_t count;
};

struct pool; /* opaque: hash by (doc_id, kind) and the list of all needs */

struct pool *pool_new(void);
void pool_free(struct pool *p); /* frees needs and their messages; accepts NULL */

/* The need a message joins: same entity, state NEW or WAITING; made when there is none. Takes m. Raw messages always
 * get a need of their own. */
struct need *pool_add(struct pool *p, struct message *m, bool raw);

/* Removes and frees a need; its messages must have been taken out (spliced) before. */
void pool_remove(struct pool *p, struct need *n);

/* Moves a need with its messages to the end of another pool: whoever has that pool has the need. */
void pool_move(struct pool *from, struct need *n, struct pool *to);

/* Every need in order of arrival; visit may remove (or move) the one it is given. */
typedef void (*pool_visit)(void *context, struct need *n);
void pool_each(struct pool *p, pool_visit visit, void *context);
size_t pool_needs(const struct pool *p);
size_t pool_count(const struct pool *p, enum need_state state); /* needs in it */
size_t pool_messages(const struct pool *p);                     /* messages in all needs */
size_t pool_bytes(const struct pool *p);                        /* their bytes */

/* Needs in a given state, as an array in the arena (NULL and *count 0 when none or when the arena is full). Ordered by
 * arrival. */
struct arena;
struct need **pool_collect(struct pool *p, enum need_state state, struct arena *arena, size_t *count);

/* A call for the same entity, sent by another need, is under way: n must not be sent beside it, or two answers of one
 * entity would race. */
bool pool_is_calling(const struct pool *p, const struct need *n);

/* Brings needs of one entity together again that had to stand apart while one of them was in a call. Frees needs, so
 * only stage 3 calls it: at that moment nobody keeps a pointer to a NEW or WAITING need. */
void pool_fold(struct pool *p);

/* Changes the state and keeps the pool's join table right (a CALLING need is not joined any more). Every state change
 * goes through here. */
void need_enter(struct pool *p, struct need *n, enum need_state next);

/* Judges every message of the need and enters JUDGED. */
void need_judge(struct pool *p, struct need *n, enum outcome outcome, enum dead_class dead,
                const char *error);

/* RETRY of every message without an attempt, in delay_ms; enters JUDGED. */
void need_defer(struct pool *p, struct need *n, int64_t delay_ms, const char *why);

/* The need waits for its shop: it moves to MongoDB (collection needs) through stages 5 and 6, then its entries are acked as
 * PARKED. reason: one literal word (unregistered expired revoked disabled refused scope circuit unusable). From
 * WAITING or CALLING; enters ANSWERED. */
void need_park(struct pool *p, struct need *n, const char *reason);

/* Moves the messages that `wants` picks to taken (in order); the pool's sums follow. The need keeps the others. */
typedef bool (*need_wants)(void *context, struct message *m);
void need_take(struct pool *p, struct need *n, need_wants wants, void *context, struct message_list *taken);

#endif
