/* batch.h - worker, stage 1 of 7: what is there to do?
 *
 * In:      room (entries and bytes the lane may still hold).
 * Out:     messages: own pending ones after a start or reconnect, then reclaimed ones (a bounded share), then new ones,
 *          live before bulk; unreadable ones come judged POISON.
 * Fails:   DISCONNECTED (false): Redis is away; the lane pauses.
 * Thread:  the lane's. Blocks at most BLOCK_MS in XREADGROUP.
 * Why so:  when a first read of READ_COUNT comes back full it reads on in slices of 1,000 up to the room, because 300
 *          entries of 1,000 shops would make 300 calls of one id each; a short read waits BATCH_LINGER_MS once. */
#ifndef SHOPSTREAM_WORKER_BATCH_H
#define SHOPSTREAM_WORKER_BATCH_H

#include "common/config.h"
#include "common/err.h"
#include "worker/keeper.h"
#include "worker/link.h"
#include "worker/message.h"
#include "worker/streams.h"

struct batch_reader; /* opaque: groups made, own-pending position, reclaim cursors, reaper timer */

/* Borrows all arguments for its life. lane: its number at the keeper; consumer: its consumer name. Owned. */
struct batch_reader *batch_reader_new(const struct config *config, const struct streams *streams,
                                      struct link *reads, struct keeper *keeper, size_t lane,
                                      const char *consumer);
void batch_reader_free(struct batch_reader *r); /* accepts NULL */

/* room: entries; room_bytes: bytes; block_ms: longest wait when nothing is there (0 = do not block). Appends to out
 * and registers every message with the keeper (keeper_hold) before returning it. Also when it returns false: what was
 * appended by then is yours and held. */
bool batch_read(struct batch_reader *r, size_t room, size_t room_bytes, int64_t block_ms,
                struct message_list *out, struct err *err) __attribute__((warn_unused_result));

#endif
