/* ledger.h - server: what Redis has lost and what was done about it, kept for people and for shopstreamctl prove.
 *
 * In:      gaps, from any loop or the drain, when they are noticed and again when all has been sent again.
 * Out:     JOURNAL_DIR/ledger, one JSON object a line, flushed; the same text for the admin port. JOURNAL_DIR/redis-run.
 * Fails:   when the file cannot be written: told, counted, and still in memory. Without JOURNAL_DIR: log and memory only.
 * Thread:  a writer of its own; ledger_write and ledger_render any, neither waits for the disk.
 * Why so:  written twice, because a server that dies in between takes its ring along: the line "open" says how much that
 *          would be ("due"), and the next server to open the file ends the gap with it as "dropped". A loss within an open
 *          gap that makes it more is another line "open", and so is what turns out to be "older": each loss adds to it. Readers
 *          take the last line of each gap. A line that a crash of the machine has cut off may have been any: it becomes a gap of its own,
 *          "torn", at the time of the opening and with "older" -1, so that it is told once and then past.
 *          A server that dies between a loss and its "open" can tell nobody. So the run of Redis that has what its rings have is
 *          noted (redis-run) as soon as every loop has asked that one, after the lines about what it lacked, and taken away by a
 *          clean end. Who finds the note of another run than it meets itself writes a gap "died", with "older" -1.
 *
 *   {"gap":"1767704400123-0-0","state":"open|closed","at":"2026-01-06T12:59:60Z","at_ms":1767704400123,
 *    "stream":"webhooks:{0}","reason":"run_id|gone|fell|torn|died","last_id":"1767704400001-0","added_before":100,"added_after":97,
 *    "resent":20,"missing":3,"journaled":0,"dropped":0,"older":0,"due":0} */
#ifndef SHOPSTREAM_SERVER_LEDGER_H
#define SHOPSTREAM_SERVER_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/strbuf.h"
#include "server/mark.h"

struct ledger_gap {
    int64_t at_ms;         /* when it was noticed, UTC epoch ms */
    int teller;            /* who noticed: number of a loop; -1: the drain */
    uint16_t slot;         /* which stream (watch.h) */
    const char *reason;    /* "run_id", "gone", "fell"; literal */
    struct mark_id last;   /* last id known before */
    int64_t before, after; /* entries-added; -1: not known */
    int64_t resent;        /* entries sent again */
    int64_t missing;       /* of them those that were not there, and are again */
    int64_t journaled;     /* of them those Redis did not take: they are in the journal */
    int64_t dropped;       /* entries that had to leave the ring before they could be sent */
    int64_t older; /* at most so many more were lost, of the teller's, which it kept no longer (older.h) */
    int64_t due;   /* entries that nobody else has and that are still to be sent again; 0 once it is closed */
    bool closed;   /* all has been sent again */
};

struct ledger; /* opaque */

/* dir: JOURNAL_DIR, locked by the journal; "": none. Borrowed. loops: how many tell of the run they are connected to. Gaps left
 * open there by a server that has ended are closed. NULL: err says why. You own it (ledger_close). */
struct ledger *ledger_open(const char *dir, size_t loops, struct err *err)
    __attribute__((warn_unused_result));

/* Writes what is left, takes our note away and ends. Accepts NULL. */
void ledger_close(struct ledger *l);

void ledger_write(struct ledger *l, const struct ledger_gap *gap);

/* This loop is connected to this run of Redis ("": one that does not tell), and what it lacks of the loop's ring has been
 * written. kept: no event is in the ring alone (JOURNAL_ALWAYS), so there is nothing to note. Waits for nothing. */
void ledger_run(struct ledger *l, size_t loop, const char *run, bool kept);

/* Appends all lines, oldest first. */
void ledger_render(struct ledger *l, struct strbuf *to);

#endif
