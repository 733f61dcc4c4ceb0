/* sim_fault.h - the table of faults that are switched on, and who meets one.
 *
 * In:     rows added through /_sim/fault. Out: whether this call, shop or order meets a row of a kind.
 * Why so: a row is used up (count) and diced for (probability) at the moment it is met and nowhere else; what a
 * fault then does to the answer is the business of sim_tiktok.c. */
#ifndef SIM_FAULT_H
#define SIM_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#include "sim_count.h"

struct sim;

enum fault_kind {
    FAULT_500,
    FAULT_503,
    FAULT_429,
    FAULT_SLOW,
    FAULT_HANG,
    FAULT_CLOSE,
    FAULT_GARBAGE,
    FAULT_TRUNCATED,
    FAULT_NULL_DATA,
    FAULT_MISSING,
    FAULT_POISON,
    FAULT_STALE,
    FAULT_EXPIRED_TOKEN,
    FAULT_REVOKED,
    FAULT_SCOPE,
    FAULT_FOREIGN, /* "21008111" */
    FAULT_REDIRECT,
    FAULT_HOLD,
    FAULT_LOST, /* done, but the answer never arrives */
    FAULT_CODE, /* any envelope code with any HTTP status */
    FAULT_KINDS
};

struct fault {
    uint64_t id;
    enum fault_kind kind;
    int64_t shop;   /* index, -1: every shop */
    int64_t number; /* order number, -1: not about one order */
    int64_t left;   /* calls it still meets, -1: no end */
    double probability;
    int64_t ms;
    enum api api;        /* API_NONE: every one */
    int64_t retry_after; /* seconds, -1: no header */
    int64_t status;
    int64_t code;
    int64_t back;   /* revisions a stale answer lags behind */
    char *location; /* owned */
    char body[8];   /* of a 503: "", "html" or "json" */
    char error[48]; /* of a "code" where the platform has words; message with it */
    char message[96];
};

struct faults *fault_table_new(void);
void fault_table_free(struct faults *f);

const char *fault_name(enum fault_kind kind);
/* -1 when there is no such kind. */
int fault_parse(const char *name);
/* Takes f->location. Returns the id, 0 when the table is full. */
uint64_t fault_add(struct sim *sim, const struct fault *f);
/* id 0: all of them. Returns how many went. */
uint64_t fault_remove(struct sim *sim, uint64_t id);

/* Does a call of this kind and shop (index, -1 unknown) meet a row that is not about one order? Borrowed until
 * the next fault_ call; NULL: no. */
const struct fault *fault_meets(struct sim *sim, enum fault_kind kind, enum api api, int64_t shop);
/* The same for rows about this order. */
const struct fault *fault_meets_order(struct sim *sim, enum fault_kind kind, enum api api, int64_t shop,
                                      int64_t number);

#endif
