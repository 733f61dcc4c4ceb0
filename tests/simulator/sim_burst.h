/* sim_burst.h - many changes at once, and the pushes that announce them: late, twice and out of order.
 *
 * In:     how many. Out: the simulator's state after all changes, and NDJSON lines for webhook-sender.
 * Fails:  false with a sentence, the state untouched, when the numbers cannot be met.
 * Why so: all changes happen before the first push is sent, so most pushes announce a state that is already
 * history - the hardest and at the same time the usual case after an outage. */
#ifndef SIM_BURST_H
#define SIM_BURST_H

#include <stdbool.h>
#include <stdint.h>

#include "sim_entity.h"

struct buf;
struct sim;

struct burst {
    int64_t shops, first_shop;
    int64_t orders, first_number; /* numbers in all, spread over the shops in turn */
    int64_t events;               /* lines, duplicates included */
    int64_t at;                   /* as change.at */
    uint64_t seed;
    double kinds[KINDS]; /* shares of the kinds among the lines that are no duplicates; any sum */
    double duplicates;   /* share of the lines that repeat another one */
    double reorder;      /* share of the lines that change places with one up to 64 away; 1: full shuffle */
    double address;      /* share of the changes that are address changes (push type 3) */
    double same_second;  /* share of the changes that share their second with the one before */
};

bool burst_make(struct sim *sim, const struct burst *b, struct buf *to, const char **problem)
    __attribute__((warn_unused_result));

#endif
