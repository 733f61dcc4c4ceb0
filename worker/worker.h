/* worker.h - worker: the lanes of one process, started together and stopped together.
 *
 * A lane is one thread with its own connections: it reads a batch, takes it through the seven stages and acks it
 * (worker.c shows the turn top to bottom). One keeper thread serves all lanes. Threads share only the configuration,
 * metrics and the atomics behind worker_ready. */
#ifndef SHOPSTREAM_WORKER_WORKER_H
#define SHOPSTREAM_WORKER_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/config.h"
#include "common/err.h"
#include "common/strbuf.h"

struct worker; /* opaque */

/* Prepares everything that cannot fail later (settings, keys, names). Connects to nothing. config is borrowed for life.
 * NULL: err names the setting. Owned. */
struct worker *worker_new(const struct config *config, struct err *err) __attribute__((warn_unused_result));

/* Waits until MongoDB has its collections and passes the self-check and Redis takes the names, then starts keeper and
 * lanes. Dependencies that are away are waited for with back-off until worker_stop; one that answers but cannot be used
 * (self-check, name taken, rights) is an error. False: err, or stopped while waiting (err untouched). */
bool worker_start(struct worker *w, struct err *err) __attribute__((warn_unused_result));

/* Asks every lane to end after its turn; returns at once. Any thread. */
void worker_stop(struct worker *w);

/* Joins lanes and keeper. False when a lane had not ended within deadline_ms: the process should exit at once, nothing
 * may be freed. */
bool worker_join(struct worker *w, int64_t deadline_ms);

void worker_free(struct worker *w); /* after a true worker_join, or when never started; accepts NULL */

/* /readyz: Redis and MongoDB answer. Shape of admin_callbacks.ready. */
bool worker_ready(void *w, struct strbuf *why);

#endif
