/* layout.h - common: webhooks:layout, the record of how many partitions the shops are spread over.
 *
 *   GET webhooks:layout  ->  "in_use=16 most=32"   new entries go to hash(shop) % in_use; most is what was ever used: so
 *                                                  many partitions are read, walked and trimmed
 *
 * In:      what a program knows; Redis' answer to its question.
 * Out:     the question, one EVAL for everybody: it creates the record where there is none, from what the asker knows, raises
 *          `most` to what he knows, and changes in_use when he says so. Afterwards, and for everybody, the record wins.
 * Fails:   by verdict: a record that is none of ours is never overwritten; the asker keeps what he knew and tells a person.
 * Thread:  any. Pure: asking is the caller's business, since a server's loop must not wait and a worker may.
 * Why so:  entries keep the partition they were given, so `most` must never fall: a partition nobody walks is lost. Redis may
 *          forget the record (FLUSHALL, a failover), the programs remember; whoever asks first brings it back. One script,
 *          because two programs, or two people, may do so at once. A text and no hash, so that no program needs a right in
 *          Redis that it did not have. */
#ifndef SHOPSTREAM_COMMON_LAYOUT_H
#define SHOPSTREAM_COMMON_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>

enum {
    LAYOUT_POLL_MS = 1000, /* how often a running program asks */
    LAYOUT_ARGC = 7,       /* words of the question */
};

#define LAYOUT_SHAPE "it must be like in_use=4 most=16"

struct layout {
    int in_use; /* partitions new entries are spread over, 1..KEYS_PARTITIONS_MAX */
    int most;   /* the most ever used, in_use..KEYS_PARTITIONS_MAX; 0 = nothing is known yet */
};

/* The words of one question; argv points into the struct and borrows nothing else. */
struct layout_question {
    const char *argv[LAYOUT_ARGC];
    char numbers[3][24];
};

/* known: in_use is what a new record gets; most, what it is raised to. change: the new in_use; 0: none is wanted. */
void layout_ask(struct layout_question *q, const struct layout *known, int change);

/* Reads the answer, a text. *before: as it was, zeroed when there was none; may be NULL. False: the record is not readable, and
 * the text says why; both are untouched. */
bool layout_read(const char *answer, size_t n, struct layout *now, struct layout *before)
    __attribute__((warn_unused_result));

/* What an answer that cannot be read says of the record, one clause; borrowed from it. */
const char *layout_why(const char *answer);

/* Reads the record itself, for those who only look. False: it is not readable; *out is untouched. */
bool layout_read_record(const char *record, size_t n, struct layout *out) __attribute__((warn_unused_result));

/* Adopts what was read; most does not fall. True: something has changed. */
bool layout_follow(struct layout *known, const struct layout *read);

#endif
