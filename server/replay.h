/* replay.h - server, stage 4 of 5: stores again what Redis has lost.
 *
 * In:      every entry Redis has acknowledged to this loop, with its id.
 * Out:     nothing, as long as Redis keeps what it has acknowledged. When it does not: the entries of the last REPLAY_SECONDS
 *          once more, through a script that adds only what is not there, and a gap in the ledger with its size, and with how
 *          many of this loop's entries were lost that the ring had let go of (older.h).
 * Fails:   what Redis refuses goes to the journal; without one, or when that is full, it stays and is tried again.
 * Thread:  its loop's only, but for struct replay_counts, which all loops and the drain share.
 * Why so:  with AOF everysec a crash of Redis loses about a second, a failover what the replica had not got. Only the server
 *          still has those events, and only if it has kept them. A record leaves when Redis has shown, REPLAY_SECONDS
 *          later, that it still has what came after it; a Redis that is silent ages nothing. */
#ifndef SHOPSTREAM_SERVER_REPLAY_H
#define SHOPSTREAM_SERVER_REPLAY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/config.h"
#include "server/journal.h"
#include "server/ledger.h"
#include "server/mark.h"
#include "server/stream.h"

/* Of the process: a loss is over when all have made good what they have of it. */
struct replay_counts {
    atomic_int busy; /* loops (and the drain) that have something to send again, or cannot know */
};

void replay_busy(struct replay_counts *counts, int by);

struct replay; /* opaque: ring and state of one loop */

/* All are borrowed and must outlive it; port NULL: no journal. number: of the loop. You own it (replay_free). */
struct replay *replay_new(const struct config *c, int number, struct stream *s, struct journal_port *port,
                          struct ledger *ledger, struct replay_counts *counts);

/* With nothing open. Accepts NULL. */
void replay_free(struct replay *r);

/* Redis gave an entry this id. body: its mark and its XADD, end to end (copied). */
void replay_stored(struct replay *r, uint16_t slot, struct mark_id id, const char *body, size_t length,
                   size_t mark_length);

/* From the loop's timer, with the monotonic time. */
void replay_tick(struct replay *r, int64_t mono_ms);

/* Lets go of Redis (stream_stop); what may be lost goes to the journal. */
void replay_stop(struct replay *r);

/* Commands and journal calls not settled yet. */
size_t replay_open(const struct replay *r);

#endif
