/* outcome.h - worker: what became of one message, and why. Stages judge; only ack.c acts on it. */
#ifndef SHOPSTREAM_WORKER_OUTCOME_H
#define SHOPSTREAM_WORKER_OUTCOME_H

/* Zero is RETRY on purpose: a message that no stage judged stays pending instead of vanishing. */
enum outcome {
    OUTCOME_RETRY,        /* not now: stays pending, its idle time says when it is tried again */
    OUTCOME_DONE,         /* stored, or already reflected by what is stored */
    OUTCOME_PARKED,       /* its need is kept in MongoDB until the shop answers again */
    OUTCOME_POISON,       /* can never succeed: undecodable, refused, or tried too often */
    OUTCOME_DISCONNECTED, /* a peer of ours is gone: stays held, nothing is counted against anyone */
};

/* Fixed words of a dead letter's _class. */
enum dead_class {
    DEAD_UNKNOWN,     /* "unknown" */
    DEAD_BAD_PAYLOAD, /* "bad_payload": the entry cannot be read */
    DEAD_NOT_FOUND,   /* "not_found": the marketplace never showed it */
    DEAD_REJECTED,    /* "rejected": the marketplace refuses this id while others succeed */
    DEAD_MONGO_WRITE, /* "mongo_write": cannot be stored, not even raw */
    DEAD_CRASH,       /* "crash": delivered more often than attempts are allowed, without an outcome */
    DEAD_LOST,        /* "lost": its body was gone from the stream */
};

const char *dead_class_name(enum dead_class c); /* literal */

#endif
