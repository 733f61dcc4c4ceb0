/* upsert.h - worker, stage 6 of 7: unordered bulks per collection, ops sorted by _id, guarded, one outcome a document.
 *
 * In:      needs in state BUILT.
 * Out:     judged needs. After a write the freshness rule is applied to every message with the answer's (version,
 *          fetched_ms): covered ones are DONE; one that was announced but not served yet is RETRY (counted) until
 *          MAX_STALE_READS, then DONE and the document marked `behind`; others go round again (state NEW) without an
 *          attempt. A document that cannot be stored is POISON (mongo_write); a transient error of its own RETRY.
 * Fails:   false: MongoDB is away or the outcome of the command is unknown; the affected needs go back to NEW (start
 *          again at the lookup), nothing is judged for them; the lane pauses.
 * Thread:  the lane's writer (writer.h); blocks up to 2 x socketTimeoutMS + server selection. */
#ifndef SHOPSTREAM_WORKER_UPSERT_H
#define SHOPSTREAM_WORKER_UPSERT_H

#include "common/config.h"
#include "common/err.h"
#include "worker/dto.h"
#include "worker/freshness.h"
#include "worker/need.h"
#include "worker/store.h"

/* Messages judged while others of their need go round leave through settled (appended); all judged ones may. */
bool upsert_flush(struct pool *pool, struct store *store, const struct config *config,
                  const struct freshness *f, struct message_list *settled, struct err *err)
    __attribute__((warn_unused_result));

/* MongoDB is known to be away: needs in state BUILT go back to NEW unsent. */
void upsert_put_back(struct pool *pool);

#endif
