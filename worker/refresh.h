/* refresh.h - worker: the thread that keeps credentials alive: access tokens are refreshed from half of their life on, and
 * when a lane reports that the platform refuses one. Every pod has one, leases decide; the protocol is renew.h's.
 * Also confirms what shop events only hint at (hints.h). */
#ifndef SHOPSTREAM_WORKER_REFRESH_H
#define SHOPSTREAM_WORKER_REFRESH_H

#include <stdbool.h>
#include <stdint.h>

#include "common/config.h"
#include "common/err.h"
#include "common/redis_url.h"
#include "worker/credentials.h"
#include "worker/store.h"

struct refresher; /* opaque */

/* Starts the thread. All arguments are borrowed for its life. NULL: err. */
struct refresher *refresher_start(const struct config *config, const struct redis_url *redis,
                                  struct store_pool *stores, const struct credentials *credentials,
                                  struct err *err) __attribute__((warn_unused_result));

/* Ends the refresh under way (its answer is stored first) and the threads; others may go on asking. Accepts NULL. */
void refresher_drain(struct refresher *r);

/* The same, and frees: nobody may ask any more. Accepts NULL. */
void refresher_stop(struct refresher *r);

/* Any thread, never blocks: the platform refused this authorization's access token (XXH3 of it), or it has expired. The
 * refresh is asked for once, however many calls were refused; a token stored meanwhile makes it unnecessary. */
void refresher_ask(struct refresher *r, const char *authorization, uint64_t token_print);

/* The thread looks at hints (shops.hint_ms) now instead of at its next interval. */
void refresher_wake(struct refresher *r);

#endif
