/* message.h - worker: one stream entry this lane holds, from its delivery to its settlement.
 *
 * Heap-owned in one block with its texts, because a message may outlive the turn (its shop is slow, MongoDB is away).
 * Bodies are kept only for kinds that carry data (shop, record, other and kinds kept raw): the caller says so. */
#ifndef SHOPSTREAM_WORKER_MESSAGE_H
#define SHOPSTREAM_WORKER_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/config.h"
#include "common/entry.h"
#include "worker/outcome.h"

enum { STREAM_ID_MAX = 48 }; /* "<ms>-<seq>" and a NUL */

struct message {
    struct message *next;          /* list it stands in; owned by whoever holds the list */
    int stream;                    /* index into the lane's stream table (streams.h) */
    char stream_id[STREAM_ID_MAX]; /* "1718305585123-0" */
    int64_t entry_ms;              /* ms part of the stream id: when it was stored (Redis' clock) */
    struct entry entry;            /* decoded; texts point into this block. Zeroed when !readable */
    bool readable;                 /* the entry could be decoded */
    bool repeat;                   /* not a first pass straight from '>': redelivered, reclaimed or redone */
    int64_t deliveries; /* Redis' counter it came with, 1..; the only number written back to Redis */
    size_t bytes;       /* size of this block: counts against READ_MAX_BYTES */

    /* verdict, written by stages, read by ack.c only */
    enum outcome outcome;
    bool free_retry; /* RETRY: no attempt is counted (RETRYCOUNT deliveries - 1) */
    int64_t
        retry_in_ms; /* RETRY: 0 = by the schedule RETRY_DELAYS and deliveries, < 0 = due at once, else exactly
                                    that, but always less than RECLAIM_IDLE_MS */
    enum dead_class dead_class; /* POISON, or RETRY that runs out of attempts */
    char error[200];            /* one sentence for the dead letter; no secrets, no payload; "" = none */
};

/* Singly linked list with its tail; owns the messages in it. Zeroed = empty. */
struct message_list {
    struct message *first;
    struct message *last;
    size_t count;
    size_t bytes; /* sum of message.bytes */
};

/* Builds a message from count strings (field, value, ...) as delivered. keep_body decides whether the body is
 * copied. An entry that cannot be decoded gives a message with readable false, outcome POISON, class bad_payload and the
 * reason in error. You own it (message_free). */
struct message *message_new(int stream, const char *stream_id, const struct entry_text *fields, size_t count,
                            bool (*keep_body)(const struct entry *e));
void message_free(struct message *m); /* accepts NULL */

/* Number of this attempt, 1.., those of earlier lives counted: what limits and delays go by. Only a deliberate failure is
 * judged by it; a crash (reclaim.c) is known by the deliveries of this life. */
int64_t message_attempt(const struct message *m);

/* RETRY_DELAYS: the wait after an attempt that failed; the last one repeats. */
int64_t message_retry_ms(const struct config *config, int64_t attempt);

/* It was parked and has come back (src parked, again): it stands for all events of its need. */
bool message_was_parked(const struct message *m);

/* It has come back because half an answer is to be asked for again (src again): that says nothing about its shop. */
bool message_is_again(const struct message *m);

void message_append(struct message_list *list, struct message *m);       /* takes m */
struct message *message_pop(struct message_list *list);                  /* returns owned, NULL when empty */
void message_splice(struct message_list *to, struct message_list *from); /* from is empty afterwards */
void message_list_deinit(struct message_list *list);                     /* frees what is in it */

/* Sets the verdict of one message / of all in a list. A RETRY judged so is counted and follows the schedule. error: a
 * sentence, may be NULL. */
void message_judge(struct message *m, enum outcome outcome, enum dead_class dead, const char *error);
void message_judge_list(struct message_list *list, enum outcome outcome, enum dead_class dead,
                        const char *error);

/* RETRY without an attempt, in delay_ms. */
void message_defer_list(struct message_list *list, int64_t delay_ms, const char *why);

#endif
