/* journal.h - server, stage 4 of 5: where events are stored while Redis cannot.
 *
 * In:      entries, as the XADD to be run later and the key of the dedupe mark; from any loop, through its port.
 * Out:     one completion each, on the loop that gave it: flushed to disk, or not stored. Later the records themselves,
 *          in order, to the drain (drain.c), which says when Redis has them.
 * Fails:   no space, JOURNAL_MAX_BYTES, a failed write or flush: the entry is not stored, its completion says so.
 * Thread:  one writer of its own. journal_submit and a port's functions: the port's loop. journal_read and journal_acked:
 *          the drain's thread. The atomics (busy, stuck, tick, ready): any.
 *
 * Files, all 0600 in JOURNAL_DIR, which one process has (flock on "lock"):
 *
 *   0000000000000001.journal   a segment (segment.h), deleted once Redis has acknowledged all of it, REPLAY_SECONDS later
 *   0000000000000001.damaged   the same, but a record in it could not be read: kept for a person
 *
 *   loops --mutex, condition--> writer: write + fdatasync, as many as have come meanwhile --list, eventfd--> loops
 *                                  `--condition--> drain --> Redis
 *
 * Why so:  a record counts as stored when fdatasync has returned, and only then is anybody told. What a failed flush may
 *          have left behind is never called stored: the file is closed and the next event begins a new one. How far Redis
 *          has acknowledged a segment is not written down: after a crash it is sent again from its beginning, and the
 *          marks, or else the worker, tell what is there already. */
#ifndef SHOPSTREAM_SERVER_JOURNAL_H
#define SHOPSTREAM_SERVER_JOURNAL_H

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/config.h"
#include "common/err.h"
#include "common/strbuf.h"
#include "server/segment.h"

/* The system calls that write, so that tests can let them fail. As their namesakes. */
struct journal_io {
    int (*open)(const char *path, int flags, mode_t mode);
    ssize_t (*pwrite)(int fd, const void *data, size_t n, off_t at);
    int (*fdatasync)(int fd);
    int (*ftruncate)(int fd, off_t length);
    int (*fsync_dir)(int fd);
};

struct journal; /* opaque */
struct journal_port;

/* One entry on its way into the journal; embedded in what waits for it. */
struct journal_call {
    struct journal_call *next;    /* the journal's, until done */
    struct journal_port *port;    /* where its completion goes; set by journal_submit */
    struct segment_record record; /* set by the caller; its body is borrowed until done */
    bool stored;                  /* set before done */
    /* On the port's loop; call is the caller's again. */
    void (*done)(struct journal_call *call, bool stored);
};

/* Opens JOURNAL_DIR, made when it is missing: locks it, looks at every segment there is, and cuts torn tails. c and io
 * (NULL: the real ones) are borrowed and must outlive it. NULL: err says why, naming JOURNAL_DIR. You own it
 * (journal_close). */
struct journal *journal_open(const struct config *c, const struct journal_io *io, struct err *err)
    __attribute__((warn_unused_result));

/* Starts the writer. False: err says why. */
bool journal_start(struct journal *j, struct err *err) __attribute__((warn_unused_result));

/* Ends the writer after all that was submitted; completions then wait in the ports. Accepts NULL. */
void journal_stop(struct journal *j);

/* Stops when still running. Ports must be gone. Accepts NULL. */
void journal_close(struct journal *j);

/* ---- a loop's side ---- */

/* You own it (journal_port_free, with nothing submitted and not collected). NULL: err says why. */
struct journal_port *journal_port_new(struct journal *j, struct err *err) __attribute__((warn_unused_result));
void journal_port_free(struct journal_port *p); /* accepts NULL */

/* Becomes readable when there are completions. */
int journal_port_fd(const struct journal_port *p);

/* Calls done for each completion there is. */
void journal_port_collect(struct journal_port *p);

/* Hands over a call; its one completion is owed from here on. */
void journal_submit(struct journal_port *p, struct journal_call *call);

/* Something Redis has not acknowledged yet: what comes now must go in behind it. */
bool journal_busy(const struct journal *j);

/* A write or a flush has been going on for longer than JOURNAL_BUDGET_MS: what is handed over now may never come back. */
bool journal_stuck(const struct journal *j);

/* ---- the drain's side ---- */

/* The next records in order, at most max and a bounded number of bytes, valid until journal_acked. Waits for them, at most
 * wait_ms. 0: none, not readable just now, or journal_wake. */
size_t journal_read(struct journal *j, struct segment_record *to, size_t max, int64_t wait_ms);

/* Redis has all that journal_read gave last. A segment that is done is deleted, or, with REPLAY_SECONDS, kept. */
void journal_acked(struct journal *j);

/* Deletes what is kept and was done until then (monotonic ms; INT64_MAX: all, the last one too when it is closed: nothing of it
 * is so new that Redis may lose it). */
void journal_release(struct journal *j, int64_t until_ms);

/* Deletes of it what is too much for JOURNAL_MAX_BYTES or for the disk. */
void journal_release_excess(struct journal *j);

/* Redis has lost something: all that is kept will be read again. Returns how many records those are. */
int64_t journal_rewind(struct journal *j);

int64_t journal_kept(struct journal *j); /* records that Redis has and a file too */

/* Numbers of segments, which rise: that of what journal_read gave last, all of it; and the oldest with a file, UINT64_MAX without
 * any. */
uint64_t journal_reading(struct journal *j);
uint64_t journal_oldest(struct journal *j);

void journal_wake(struct journal *j); /* from any thread: journal_read returns */

/* ---- for people ---- */

/* Appends one line to why; true when the next event would probably be stored. Any thread. */
bool journal_ready(struct journal *j, struct strbuf *why);

void journal_tick(struct journal *j); /* sets the gauge of age */

#endif
