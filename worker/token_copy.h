/* token_copy.h - worker: a refreshed pair on its way to MongoDB, kept sealed in Redis under token:{<authorization>}, so that
 * it survives the process when MongoDB is away for longer than this process lives. */
#ifndef SHOPSTREAM_WORKER_TOKEN_COPY_H
#define SHOPSTREAM_WORKER_TOKEN_COPY_H

#include <stdbool.h>

#include "common/err.h"
#include "common/strbuf.h"
#include "worker/credentials.h"
#include "worker/grant_store.h"
#include "worker/link.h"

enum token_copy_kept {
    TOKEN_COPY_KEPT,
    TOKEN_COPY_OTHER,   /* another pair stands there: it must be finished first, ours was not kept */
    TOKEN_COPY_REFUSED, /* Redis is away or refuses, or the pair cannot be sealed: err */
};

/* Keeps p; sealed gets what was written, for token_copy_drop. */
enum token_copy_kept token_copy_keep(struct link *link, const struct credentials *c,
                                     const char *authorization, const struct pair *p, struct strbuf *sealed,
                                     struct err *err) __attribute__((warn_unused_result));

enum token_copy_found {
    TOKEN_COPY_NONE,
    TOKEN_COPY_FOUND,      /* p (owned) and sealed are set */
    TOKEN_COPY_UNREADABLE, /* sealed is set; p is not: err says why (another CREDENTIALS_KEY, damage) */
    TOKEN_COPY_UNKNOWN,    /* Redis did not answer: err */
};

enum token_copy_found token_copy_find(struct link *link, const struct credentials *c,
                                      const char *authorization, struct pair *p, struct strbuf *sealed,
                                      struct err *err) __attribute__((warn_unused_result));

/* Is there one? False: Redis did not answer, err. */
bool token_copy_waits(struct link *link, const char *authorization, bool *waits, struct err *err)
    __attribute__((warn_unused_result));

/* Removes the copy when it is still the one in sealed. False: Redis did not answer, err; it will be found again. */
bool token_copy_drop(struct link *link, const char *authorization, const struct strbuf *sealed,
                     struct err *err) __attribute__((warn_unused_result));

#endif
