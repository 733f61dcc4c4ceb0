/* market_clock.h - worker: does a marketplace's clock agree with Redis'? Measured from the Date headers of its answers,
 * which have a resolution of 1 s: they agree while the difference is at most CLOCK_SKEW_MS + 1 s + half the round trip.
 * Pure. Zeroed = not measured, which counts as agreeing. */
#ifndef SHOPSTREAM_WORKER_MARKET_CLOCK_H
#define SHOPSTREAM_WORKER_MARKET_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

enum {
    MARKET_CLOCK_SLOWEST_MS = 5000, /* answers that took longer measure nothing */
    MARKET_CLOCK_AGAIN = 3,         /* agreeing measures in a row until the clocks agree again */
};

struct market_clock {
    bool apart;        /* the last measures say they differ */
    int agreeing;      /* agreeing measures since they differed */
    int64_t offset_ms; /* marketplace minus Redis, last measure */
};

/* One answer. date_ms: its Date header; redis_ms: Redis' clock half-way between request and answer; trip_ms: round
 * trip. True: the verdict changed. */
bool market_clock_measure(struct market_clock *m, int64_t date_ms, int64_t redis_ms, int64_t trip_ms,
                          int64_t skew_ms);

#endif
