/* sim_count.h - what was asked of the simulator: totals, per shop, per code, and the last calls one by one.
 *
 * In:     one call to count_begin per API call, one to count_end when its answer leaves.
 * Out:    JSON for /_sim/counters, NDJSON for /_sim/calls.
 * Why so: tests assert on numbers of calls ("300 orders: 6 detail calls"), so every call counts that arrives,
 * whatever is answered. */
#ifndef SIM_COUNT_H
#define SIM_COUNT_H

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct sim;

enum api {
    API_NONE,
    API_DETAIL,
    API_SEARCH,
    API_SHOPS,
    API_TOKEN,
    API_RETURN,
    API_CANCELLATION,
    API_PRODUCT,
    API_PACKAGE,
    API_TRACKING,
    API_FINANCE,
    API_EVENTS,
    API_KINDS
};

struct counts *count_new(void);
void count_free(struct counts *c);
void count_reset(struct sim *sim);

/* Returns the number of the call, for the other two. shop: index, -1 = none. */
uint64_t count_begin(struct sim *sim, enum api api);
void count_about(struct sim *sim, uint64_t call, int64_t shop, uint32_t ids, const char *first_id);
/* error: the code where it is a word, else "". fault: short literal, NULL for none. status 0: no answer was sent. */
void count_end(struct sim *sim, uint64_t call, int status, int code, const char *error, const char *fault);
void count_connection(struct sim *sim);

void count_write(struct sim *sim, bool reads, struct buf *to);
void count_write_calls(struct sim *sim, uint64_t last, struct buf *to);

const char *count_api_name(enum api api);

#endif
