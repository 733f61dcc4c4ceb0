/* sim_limit.h - how often the app and each shop call, counted over any sliding 60 seconds, and refused beyond a limit.
 *
 * In:     one limit_call per call whose signature was right. Out: whether it is within the limits of the switches;
 *         JSON for GET limits.
 * Why so: what is measured is every call that came, refused ones included: a client that keeps its limits sends none of
 * those. What is refused does not use up the limit, as on the platforms. Limits are enforced with 2 % of tolerance,
 * because clocks of two sides never agree to the millisecond. */
#ifndef SIM_LIMIT_H
#define SIM_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct sim;

struct limits *limit_new(uint32_t shops);
void limit_free(struct limits *l); /* accepts NULL */
void limit_reset(struct sim *sim);
/* Notes a call; shop: index, -1 unknown. False: beyond the app's or the shop's limit, to be answered so. */
bool limit_call(struct sim *sim, int64_t shop);
void limit_write(struct sim *sim, struct buf *to);

#endif
