/* circuit.h - worker: may this shop be called now? Counts a shop's failures, opens and closes its circuit, keeps its
 * rate-limit pause. Pure: time and randomness are given. Zeroed = closed, never failed.
 *
 *   CLOSED ──three failures in a row, or an id that failed alone──▶ probe ──good──▶ CLOSED (the ids' own fault)
 *     ▲                                                               └──bad──▶ OPEN
 *     └─────── good ── probe ◀── back-off over ── OPEN (5 s x 2^n, at most 5 min, spread by a quarter) */
#ifndef SHOPSTREAM_WORKER_CIRCUIT_H
#define SHOPSTREAM_WORKER_CIRCUIT_H

#include <stdbool.h>
#include <stdint.h>

enum {
    CIRCUIT_FAILURES = 3,            /* failing calls in a row until the shop itself is asked */
    CIRCUIT_FIRST_MS = 5000,         /* first back-off */
    CIRCUIT_LONGEST_MS = 300000,     /* longest back-off */
    CIRCUIT_PROBE_GOOD_MS = 5000,    /* so long a good probe is believed */
    CIRCUIT_LIMIT_FIRST_MS = 1000,   /* first pause after "too many requests" without Retry-After */
    CIRCUIT_LIMIT_LONGEST_MS = 60000 /* longest such pause */
};

/* Health of one shop in one lane. All times monotonic ms. */
struct circuit {
    bool open;                 /* no call but a probe */
    int trips;                 /* times it opened in a row: exponent of the back-off */
    int failures;              /* failing calls since the last success */
    int64_t half_open_mono_ms; /* open: from then on one probe may go */
    int64_t ok_mono_ms;        /* end of the last call that brought entities; 0 = none */
    int64_t probe_ok_mono_ms;  /* end of the last good probe; 0 = none */
    int limits;                /* "too many requests" in a row: exponent of the pause */
    int64_t limit_mono_ms;     /* no call before; 0 = no pause */
};

/* A call brought entities. True: this closed an open circuit. */
bool circuit_succeeded(struct circuit *c, int64_t now);

/* A probe was good. True: this closed an open circuit. */
bool circuit_probe_good(struct circuit *c, int64_t now);

/* A call failed (not: limit, token). at_once: nothing answered at all, do not wait for more failures. True: the shop
 * must be probed before it gets another call. */
bool circuit_failed(struct circuit *c, int64_t now, bool at_once);

/* Opens it, or keeps it open after a bad probe. Returns the back-off in ms. True in *opened: it was closed before. */
int64_t circuit_trip(struct circuit *c, int64_t now, uint32_t random, bool *opened);

/* Too many requests: pause for retry_after_ms, or 1 s x 2^n and up to 500 ms more. Calls that were under way together
 * count once. Returns what is left of the pause, ms. */
int64_t circuit_limit(struct circuit *c, int64_t now, int64_t retry_after_ms, uint32_t random);

/* Ms until the pause for a rate limit ends; 0 = none. */
int64_t circuit_limit_left(const struct circuit *c, int64_t now);

/* Did any call or probe of the shop succeed since then? */
bool circuit_succeeded_since(const struct circuit *c, int64_t since_mono_ms);

#endif
