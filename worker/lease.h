/* lease.h - worker: a lock in Redis that ends by itself: work that one of all pods shall do. It saves work and spares the
 * platforms; correctness never rests on it, because a holder may be frozen past its end. Works when Redis is full. */
#ifndef SHOPSTREAM_WORKER_LEASE_H
#define SHOPSTREAM_WORKER_LEASE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "worker/link.h"

enum { LEASE_KEY_MAX = 400, LEASE_TOKEN_DIGITS = 32 };

struct lease {
    char key[LEASE_KEY_MAX];            /* lock:{...}:<what> */
    char token[LEASE_TOKEN_DIGITS + 1]; /* random, hex: whose it is */
    int64_t ttl_ms;                     /* its whole life */
    int64_t until_mono_ms;              /* when it ends at the latest, on our clock; 0 = not held */
};

/* "lock:{<owner>}:<what>" with a fresh token; does not ask Redis. owner: "<platform>:<authorization or shop>". False: the key
 * would be too long. */
bool lease_init(struct lease *l, const char *owner, const char *what, int64_t ttl_ms)
    __attribute__((warn_unused_result));

enum lease_got { LEASE_TAKEN, LEASE_ELSEWHERE, LEASE_UNKNOWN };

/* TAKEN: ours for ttl_ms from before the call (also when it was ours already). ELSEWHERE: somebody else's. UNKNOWN: Redis
 * did not answer, err. */
enum lease_got lease_take(struct lease *l, struct link *link, struct err *err)
    __attribute__((warn_unused_result));

/* Gives it another ttl_ms. ELSEWHERE: it has ended, whether somebody holds it now or not. */
enum lease_got lease_renew(struct lease *l, struct link *link, struct err *err)
    __attribute__((warn_unused_result));

/* Ends it when it is still ours; what cannot be reached ends by itself. */
void lease_release(struct lease *l, struct link *link);

/* How long it is ours yet, ms; 0 = not (any more). */
int64_t lease_left_ms(const struct lease *l);

#endif
