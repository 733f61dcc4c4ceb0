/* renew.h - worker: the refresh of one authorization, step by step, so that no end of a process at any step loses it. The
 * thread and its schedule: refresh.h. Needs a link, a store and an HTTP client of its own; one thread. */
#ifndef SHOPSTREAM_WORKER_RENEW_H
#define SHOPSTREAM_WORKER_RENEW_H

#include <stdbool.h>
#include <stdint.h>

#include "common/config.h"
#include "common/err.h"
#include "worker/credentials.h"
#include "worker/http_client.h"
#include "worker/limit.h"
#include "worker/link.h"
#include "worker/platforms/platform.h"
#include "worker/store.h"

/* What a refresh needs; all borrowed. */
struct renewer {
    const struct config *config;
    const struct platform *platform;
    const struct credentials *credentials;
    struct link *link;
    struct store *store;
    struct http_client *http;
    struct limiter *limiter; /* for calls that count against a limit; those of the token hosts do not */
    const char *by;          /* names this process in intents; no other ever has the same */
    bool (*wait)(void *context, int64_t ms); /* false: the process is to end */
    void *context;                           /* of wait */
};

/* Why one is to be refreshed. */
enum renew_why {
    RENEW_DUE,    /* when it is past half of its access token's life */
    RENEW_ASKED,  /* when its access token still is the one with this print: the platform refuses that one */
    RENEW_DOUBTED /* whatever its age: the call shall tell whether the grant lives */
};

enum renew_result {
    RENEW_DONE,      /* a new pair is stored */
    RENEW_NEEDLESS,  /* not due (any more), or there is nothing to refresh */
    RENEW_ELSEWHERE, /* another worker is at it, or was and may still store its answer */
    RENEW_LATER,     /* tried, or not to be tried, in vain: put off with back-off */
    RENEW_REFUSED,   /* the platform takes the refresh token no more: marked, alarm raised */
    RENEW_AWAY,      /* Redis or MongoDB does not answer: err */
};

/* One authorization by its _id. print: XXH3 of the access token that was refused (RENEW_ASKED). */
enum renew_result renew(const struct renewer *r, const char *id, enum renew_why why, uint64_t print,
                        struct err *err) __attribute__((warn_unused_result));

#endif
