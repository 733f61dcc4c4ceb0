/* answer.h - server, stage 5 of 5: what a sender is told, and where it is counted.
 *
 * In:      one of the answers below, decided by an earlier stage.
 * Out:     status, reason and counters: the answer table of the design, one row an answer.
 * Fails:   never.
 * Thread:  any.
 * Why so:  a table, because "never a 4xx for an outage of ours" must be readable in one look. */
#ifndef SHOPSTREAM_SERVER_ANSWER_H
#define SHOPSTREAM_SERVER_ANSWER_H

#include <stdbool.h>

#include "common/metrics.h"

enum answer {
    ANSWER_STORED,         /* every entry has an id */
    ANSWER_JOURNALED,      /* every entry is stored, at least one in the journal alone */
    ANSWER_DUPLICATE,      /* every entry has a mark: stored before */
    ANSWER_DEAD,           /* kept as a dead letter: signed, but of no use */
    ANSWER_PUSH_CHECK,     /* a marketplace's test message: not stored */
    ANSWER_MISSING,        /* no signature */
    ANSWER_MALFORMED,      /* a signature that cannot be one */
    ANSWER_MISMATCH,       /* a signature of something or somebody else */
    ANSWER_UNCONFIGURED,   /* we have no secret to verify with: ours, so never a 401 */
    ANSWER_NO_PATH,        /* nobody lives there */
    ANSWER_NO_METHOD,      /* webhooks are POSTs */
    ANSWER_NO_BODY,        /* nothing to store */
    ANSWER_TOO_LARGE,      /* over MAX_BODY_BYTES, told by evhttp itself (connections.c counts it) */
    ANSWER_MALFORMED_HTTP, /* not HTTP, told by evhttp itself (connections.c counts it) */
    ANSWER_AMBIGUOUS,      /* where it ends can be read in two ways: the connection ends too */
    ANSWER_INFLIGHT,       /* too many requests wait for Redis */
    ANSWER_REDIS_DOWN,     /* no connection, or lost before the reply came */
    ANSWER_REDIS_ERROR,    /* Redis refused to store */
    ANSWER_DEADLINE,       /* Redis did not reply in time */
    ANSWER_JOURNAL,        /* the journal cannot store either */
    ANSWER_CROWDED,        /* the connection is over the limit */
    ANSWER_DRAINING,       /* we are on our way out */
    ANSWERS
};

struct answer_row {
    int status;          /* HTTP status */
    const char *phrase;  /* its reason phrase */
    const char *reason;  /* body of the answer, ends in a newline; NULL: empty body */
    bool retry_after;    /* tells the sender to come back */
    enum metric counted; /* the request counter */
    enum metric why;     /* the counter of the reason; METRIC_COUNT: none, or kept elsewhere (401: http.c) */
};

/* Never NULL. */
const struct answer_row *answer_row(enum answer answer);

/* Adds the answer to its counters. */
void answer_count(enum answer answer);

#endif
