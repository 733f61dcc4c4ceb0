/* journal.c - server, stage 4 of 5: where events are stored while Redis cannot. Contract, files and threads: journal.h.
 *
 * The writer takes all that waits, lays it into one buffer, and commits: pwrite at the segment's end, fdatasync, then the
 * completions. What came meanwhile is the next group; nothing is delayed to make groups larger. A segment's end moves only
 * after a flush, and nobody reads beyond it:
 *
 *   | head | records, flushed | what a failed write left: cut off before the next, or the segment is closed |
 *                             ^ end
 *
 * A segment is the writer's while it is the last and open. Closing it (full, failed, or idle with nothing left to drain)
 * gives it to the drain for good, which deletes it. So no file is written by one thread and deleted by another. */
#include "server/journal.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/thread.h"

enum {
    GROUP_BYTES = 4 << 20, /* a commit's size, give or take one record */
    READ_BYTES = 1 << 20,  /* the drain's read */
    NAME_MAX_BYTES = 32,   /* of a file's name */
    IDLE_MS = 1000,        /* a segment with nothing left to drain is given up after it */
    READ_AGAIN_MS = 100,   /* between attempts to read while the system has no descriptor or memory for it */
    FAILED_MS = 10000,     /* a failure makes us not able for so long: then traffic may try again */
};

struct segment {
    struct segment *next;
    uint64_t number; /* its name */
    uint64_t seed;   /* of its sums */
    int64_t end;     /* bytes flushed; under the mutex while open */
    int64_t records; /* in them; same */
    int64_t given;   /* of them given to the drain; the drain's */
    int64_t done_ms; /* monotonic: when Redis had all of it; same, of kept ones */
    bool closed;     /* the writer is done with it */
    bool damaged;    /* kept when done; the drain's */
};

struct journal_port {
    struct journal *journal;
    int wake;              /* eventfd: a hint that done is not empty */
    pthread_mutex_t mutex; /* of the list */
    struct journal_call *first, **last;
};

struct journal {
    const struct config *config;
    const struct journal_io *io;
    int dir;  /* JOURNAL_DIR */
    int lock; /* the file whose lock says that it is ours */

    pthread_mutex_t mutex;   /* of the next three lines */
    pthread_cond_t work;     /* for the writer: calls, stopping */
    pthread_cond_t readable; /* for the drain: records, a closed segment, woken */
    struct journal_call *first, **last;
    struct segment *head, *tail; /* oldest and newest */
    bool stopping, woken;

    pthread_t thread;
    bool running;

    /* the writer's */
    uint64_t number;        /* of the segment made last */
    struct segment *active; /* being written: the tail; NULL: none */
    int fd;                 /* of it */
    struct strbuf out;      /* the group being gathered */
    struct journal_call *group, **group_last;
    int64_t group_records;
    bool failing;            /* told a person, and not yet that it is over */
    int64_t failing_told_ms; /* monotonic: when; 0: never */
    int64_t full_told_ms;    /* monotonic: when a person was told that it is full; 0: never */

    /* the drain's */
    int in_fd;                         /* the head, being read; -1: not open */
    int64_t in_at;                     /* how far it was read */
    struct strbuf in;                  /* what the last records point into */
    int64_t in_count;                  /* records given and not acked */
    struct segment *kept, **kept_last; /* done, in case Redis loses what it has; oldest first */
    int64_t kept_records;              /* in them */
    bool trusted;                      /* Redis was seen to have all of them: the last one may go too */
    bool in_short;                     /* the system had no descriptor or memory to read with */
    int64_t in_told_ms;                /* monotonic: when a person was told so; 0: never */

    _Atomic int64_t open;       /* records not yet acknowledged by Redis, with those on their way to disk */
    _Atomic int64_t bytes;      /* of all segments */
    _Atomic int64_t oldest_ms;  /* when the oldest of them came, UTC epoch ms; about */
    _Atomic int64_t failed_ms;  /* monotonic: until when the disk is taken for unable; 0: it is not */
    _Atomic int64_t disk_ms;    /* monotonic: since when the writer waits for the disk; 0: it does not */
    _Atomic int64_t full_bytes; /* of all segments when an event found no room; 0: one was stored since */
    atomic_bool cramped;        /* the disk had no space, and no write has succeeded since */
    atomic_bool spoiled;        /* the drain has met damage: what it counts for goes with its segment only */
};

/* ---- system calls ---- */

static int real_open(const char *path, int flags, mode_t mode)
{
    return open(path, flags, mode);
}

static const struct journal_io real_io = {real_open, pwrite, fdatasync, ftruncate, fsync};

static bool write_all(const struct journal *j, int fd, const char *data, size_t n, int64_t at)
{
    while (n > 0) {
        const ssize_t written = j->io->pwrite(fd, data, n, (off_t)at);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            errno = written == 0 ? ENOSPC : errno;
            return false;
        }
        data += written;
        n -= (size_t)written;
        at += written;
    }
    return true;
}

/* Appends up to n bytes from offset at. False: errno. */
static bool read_some(int fd, struct strbuf *to, size_t n, int64_t at)
{
    strbuf_reserve(to, n);
    while (n > 0) {
        const ssize_t got = pread(fd, to->data + to->length, n, (off_t)at);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return false;
        if (got == 0)
            break;
        to->length += (size_t)got;
        n -= (size_t)got;
        at += got;
    }
    to->data[to->length] = '\0';
    return true;
}

/* Keep a number and its gauge in step. */
static void count_open(struct journal *j, int64_t by)
{
    atomic_fetch_add(&j->open, by);
    metric_add(METRIC_SERVER_JOURNAL_RECORDS, by);
}

static void count_bytes(struct journal *j, int64_t by)
{
    atomic_fetch_add(&j->bytes, by);
    metric_add(METRIC_SERVER_JOURNAL_BYTES, by);
}

/* By its whole path and not by openat, which the thread sanitizer does not know: it would take a descriptor's number that
 * two threads had one after the other for a race. */
static int open_file(const struct journal *j, const char *name, int flags, mode_t mode)
{
    char path[PATH_MAX + NAME_MAX_BYTES + 1];

    snprintf(path, sizeof(path), "%s/%s", j->config->journal_dir, name);
    return j->io->open(path, flags, mode);
}

static void name_of(char name[NAME_MAX_BYTES], uint64_t number, const char *tail)
{
    snprintf(name, NAME_MAX_BYTES, "%016" PRIx64 ".%s", number, tail);
}

/* ---- ports: back to the loops ---- */

struct journal_port *journal_port_new(struct journal *j, struct err *err)
{
    struct journal_port *p = xcalloc(1, sizeof(*p));

    p->journal = j;
    p->last = &p->first;
    pthread_mutex_init(&p->mutex, NULL);
    p->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (p->wake >= 0)
        return p;
    err_errno(err, "eventfd", NULL);
    journal_port_free(p);
    return NULL;
}

void journal_port_free(struct journal_port *p)
{
    if (!p)
        return;
    if (p->wake >= 0)
        close(p->wake);
    pthread_mutex_destroy(&p->mutex);
    free(p);
}

int journal_port_fd(const struct journal_port *p)
{
    return p->wake;
}

void journal_port_collect(struct journal_port *p)
{
    struct journal_call *call, *next;
    uint64_t hint;

    (void)!read(p->wake, &hint, sizeof(hint));
    pthread_mutex_lock(&p->mutex);
    call = p->first;
    p->first = NULL;
    p->last = &p->first;
    pthread_mutex_unlock(&p->mutex);
    for (; call; call = next) {
        next = call->next;
        call->done(call, call->stored);
    }
}

static void complete(struct journal *j, struct journal_call *call, bool stored)
{
    struct journal_port *p = call->port;
    const uint64_t one = 1;
    bool first;

    if (!stored) {
        count_open(j, -1);
        metric_add(METRIC_SERVER_JOURNAL_REFUSED, 1);
    }
    call->stored = stored;
    call->next = NULL;
    pthread_mutex_lock(&p->mutex);
    first = !p->first;
    *p->last = call;
    p->last = &call->next;
    if (first)
        (void)!write(p->wake, &one, sizeof(one));
    pthread_mutex_unlock(&p->mutex);
}

void journal_submit(struct journal_port *p, struct journal_call *call)
{
    struct journal *j = p->journal;

    call->next = NULL;
    call->port = p;
    pthread_mutex_lock(&j->mutex);
    if (!journal_busy(j))
        atomic_store(&j->oldest_ms, call->record.recv_ms);
    count_open(j, 1);
    *j->last = call;
    j->last = &call->next;
    pthread_cond_signal(&j->work);
    pthread_mutex_unlock(&j->mutex);
}

bool journal_busy(const struct journal *j)
{
    return atomic_load(&j->open) > 0;
}

bool journal_stuck(const struct journal *j)
{
    const int64_t since_ms = atomic_load(&j->disk_ms);

    return since_ms != 0 && clock_mono_ms() - since_ms > j->config->journal_budget_ms;
}

/* ---- the writer: segments ---- */

/* Whether a trouble that comes and goes is worth a line again. */
static bool worth_telling(int64_t *told_ms)
{
    const int64_t now_ms = clock_mono_ms();

    if (*told_ms != 0 && now_ms - *told_ms < FAILED_MS)
        return false;
    *told_ms = now_ms;
    return true;
}

/* Logs once while it lasts; errno says what. */
static void failed(struct journal *j, const char *what)
{
    const int number = errno;

    if (number == ENOSPC || number == EDQUOT)
        atomic_store(&j->cramped, true);
    atomic_store(&j->failed_ms, clock_mono_ms() + FAILED_MS);
    if (j->failing || !worth_telling(&j->failing_told_ms))
        return;
    log_error("journal cannot store", LOG_S("dir", j->config->journal_dir), LOG_S("call", what),
              LOG_S("err", strerrordesc_np(number)));
    j->failing = true;
}

static void recovered(struct journal *j)
{
    atomic_store(&j->failed_ms, 0);
    atomic_store(&j->full_bytes, 0);
    atomic_store(&j->cramped, false);
    if (j->failing)
        log_info("journal stores again", LOG_S("dir", j->config->journal_dir));
    j->failing = false;
}

/* Gives the active segment to the drain. */
static void segment_close(struct journal *j)
{
    if (!j->active)
        return;
    close(j->fd);
    pthread_mutex_lock(&j->mutex);
    j->active->closed = true;
    j->active = NULL;
    pthread_cond_signal(&j->readable);
    pthread_mutex_unlock(&j->mutex);
}

static void segment_append(struct journal *j, struct segment *s)
{
    pthread_mutex_lock(&j->mutex);
    if (j->tail)
        j->tail->next = s;
    else
        j->head = s;
    j->tail = s;
    pthread_mutex_unlock(&j->mutex);
}

/* A file with its header, flushed, and its name with it. False: errno, and what was called. */
static bool segment_make(struct journal *j, const char *name, uint64_t seed, int *fd, const char **what)
{
    struct strbuf head = STRBUF_INIT;
    bool ok = false;
    int saved;

    *what = "open";
    *fd = open_file(j, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (*fd < 0)
        return false;
    segment_add_head(&head, j->number, seed);
    if (!write_all(j, *fd, head.data, head.length, 0))
        *what = "write";
    else if (j->io->fdatasync(*fd))
        *what = "fdatasync";
    else if (j->io->fsync_dir(j->dir))
        *what = "fsync of the directory";
    else
        ok = true;
    saved = errno;
    if (!ok) {
        close(*fd);
        unlinkat(j->dir, name, 0);
        if (strcmp(*what, "write") != 0)
            metric_add(METRIC_SERVER_JOURNAL_SYNC_ERRORS, 1);
    }
    strbuf_deinit(&head);
    errno = saved;
    return ok;
}

/* Makes sure that there is a segment to write to. */
static bool segment_open(struct journal *j)
{
    char name[NAME_MAX_BYTES];
    const char *what;
    struct segment *s;
    uint64_t seed;
    bool made;

    if (j->active)
        return true;
    if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
        fatalx("journal: no random number");
    name_of(name, ++j->number, "journal");
    atomic_store(&j->disk_ms, clock_mono_ms());
    made = segment_make(j, name, seed, &j->fd, &what);
    atomic_store(&j->disk_ms, 0);
    if (!made) {
        failed(j, what);
        return false;
    }
    s = xcalloc(1, sizeof(*s));
    s->number = j->number;
    s->seed = seed;
    s->end = SEGMENT_HEAD;
    count_bytes(j, s->end);
    segment_append(j, s);
    j->active = s;
    return true;
}

/* ---- the writer: groups ---- */

/* False: the segment's end has not moved. */
static bool group_flush(struct journal *j)
{
    const int64_t end = j->active->end; /* only we move it */

    if (!write_all(j, j->fd, j->out.data, j->out.length, end)) {
        failed(j, "write");
        if (j->io->ftruncate(j->fd, (off_t)end))
            segment_close(j); /* never written to again; its tail is cut at the next start */
        return false;
    }
    if (j->io->fdatasync(j->fd)) {
        failed(j, "fdatasync");
        metric_add(METRIC_SERVER_JOURNAL_SYNC_ERRORS, 1);
        (void)!j->io->ftruncate(j->fd, (off_t)end);
        segment_close(j); /* the kernel may have dropped what it could not write */
        return false;
    }
    recovered(j);
    return true;
}

static void group_commit(struct journal *j)
{
    const int64_t n = (int64_t)j->out.length;
    struct journal_call *call = j->group, *next;
    bool stored;

    if (!call)
        return;
    atomic_store(&j->disk_ms, clock_mono_ms());
    stored = group_flush(j);
    atomic_store(&j->disk_ms, 0);
    if (stored) {
        pthread_mutex_lock(&j->mutex);
        j->active->end += n;
        j->active->records += j->group_records;
        count_bytes(j, n);
        pthread_cond_signal(&j->readable);
        pthread_mutex_unlock(&j->mutex);
        metric_add(METRIC_SERVER_JOURNAL_WRITTEN, j->group_records);
        metric_add(METRIC_SERVER_JOURNAL_SYNCS, 1);
    }
    j->group = NULL;
    j->group_last = &j->group;
    j->group_records = 0;
    strbuf_reset(&j->out);
    if (j->out.capacity > 2 * (size_t)GROUP_BYTES)
        strbuf_deinit(&j->out);
    for (; call; call = next) {
        next = call->next;
        complete(j, call, stored);
    }
}

/* Whether size more bytes may be kept, those gathered included. */
static bool has_room(struct journal *j, int64_t size)
{
    const int64_t head = j->active ? 0 : SEGMENT_HEAD,
                  bytes = atomic_load(&j->bytes) + (int64_t)j->out.length;
    const bool full = bytes + head + size > j->config->journal_max_bytes;

    if (full)
        atomic_store(&j->full_bytes, atomic_load(&j->bytes));
    if (full && worth_telling(&j->full_told_ms))
        log_error("journal full", LOG_S("dir", j->config->journal_dir), LOG_I("bytes", bytes),
                  LOG_I("records", atomic_load(&j->open)));
    return !full;
}

/* There is no room. What Redis has goes with whole segments only, so the one being written must not be all there is. */
static void make_room(struct journal *j)
{
    bool alone;

    group_commit(j);
    pthread_mutex_lock(&j->mutex);
    alone = j->active && j->head == j->active && j->active->end > SEGMENT_HEAD;
    pthread_mutex_unlock(&j->mutex);
    if (alone)
        segment_close(j);
}

static void group_add(struct journal *j, struct journal_call *call)
{
    const int64_t size = SEGMENT_RECORD_HEAD + (int64_t)call->record.length;
    const int64_t end = j->active ? j->active->end + (int64_t)j->out.length : 0;

    if (j->active && end > SEGMENT_HEAD && end + size > j->config->journal_segment_bytes) {
        group_commit(j);
        segment_close(j);
    }
    if (!has_room(j, size)) {
        make_room(j);
        complete(j, call, false);
        return;
    }
    if (call->record.length > SEGMENT_BODY_MAX || !segment_open(j)) {
        complete(j, call, false);
        return;
    }
    segment_add(&j->out, j->active->seed, j->active->end + (int64_t)j->out.length, &call->record);
    *j->group_last = call;
    j->group_last = &call->next;
    call->next = NULL;
    j->group_records++;
    if (j->out.length >= GROUP_BYTES)
        group_commit(j);
}

/* All of a list that waits. */
static void writer_take(struct journal *j, struct journal_call *call)
{
    struct journal_call *next;

    for (; call; call = next) {
        next = call->next;
        group_add(j, call);
    }
    group_commit(j);
}

/* Waits for calls; false when the wait was long and nothing came. Under the mutex. */
static bool writer_wait(struct journal *j)
{
    struct timespec until;

    if (!j->active)
        return pthread_cond_wait(&j->work, &j->mutex) == 0;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += IDLE_MS / 1000;
    return pthread_cond_timedwait(&j->work, &j->mutex, &until) == 0;
}

static void *writer_run(void *arg)
{
    struct journal *j = arg;
    struct journal_call *calls;
    bool stop = false, idle;

    while (!stop) {
        pthread_mutex_lock(&j->mutex);
        idle = false;
        while (!j->first && !j->stopping && !idle)
            idle = !writer_wait(j) && (atomic_load(&j->open) == 0 || atomic_exchange(&j->spoiled, false));
        calls = j->first;
        j->first = NULL;
        j->last = &j->first;
        stop = j->stopping;
        pthread_mutex_unlock(&j->mutex);
        writer_take(j, calls);
        /* With nothing left in it, it must not stay for ever; but not at each pause either, or JOURNAL_ALWAYS would make
         * a file for every event. */
        if (stop || (idle && !calls))
            segment_close(j);
    }
    return NULL;
}

/* ---- the drain's side ---- */

/* Its file goes, or is put aside. In no list any more. */
static void segment_delete(struct journal *j, struct segment *s)
{
    char name[NAME_MAX_BYTES], aside[NAME_MAX_BYTES];

    name_of(name, s->number, "journal");
    name_of(aside, s->number, "damaged");
    if (s->damaged ? renameat(j->dir, name, j->dir, aside) : unlinkat(j->dir, name, 0))
        log_warn_errno("journal segment stays", LOG_S("name", name));
    if (j->io->fsync_dir(j->dir))
        log_warn_errno("journal directory not flushed", LOG_S("dir", j->config->journal_dir));
    count_bytes(j, -s->end);
    free(s);
}

static void reader_begin(struct journal *j)
{
    if (j->in_fd >= 0)
        close(j->in_fd);
    j->in_fd = -1;
    j->in_at = SEGMENT_HEAD;
}

static void show_kept(struct journal *j, int64_t by)
{
    j->kept_records += by;
    metric_add(METRIC_SERVER_JOURNAL_KEPT, by);
}

/* The head is done: it is kept for a while, or goes. */
static void segment_done(struct journal *j, struct segment *s)
{
    reader_begin(j);
    /* Records that turned out to be unreadable are nobody's any more. */
    count_open(j, s->given - s->records);
    s->records = s->given;
    pthread_mutex_lock(&j->mutex);
    j->head = s->next;
    if (!j->head)
        j->tail = NULL;
    pthread_mutex_unlock(&j->mutex);
    s->next = NULL;
    if (j->config->replay_ms == 0 || s->damaged || s->given == 0) {
        segment_delete(j, s);
        return;
    }
    s->done_ms = clock_mono_ms();
    *j->kept_last = s;
    j->kept_last = &s->next;
    show_kept(j, s->given);
}

static void release_oldest(struct journal *j)
{
    struct segment *s = j->kept;

    j->kept = s->next;
    if (!j->kept)
        j->kept_last = &j->kept;
    show_kept(j, -s->given);
    segment_delete(j, s);
}

void journal_release(struct journal *j, int64_t until_ms)
{
    while (j->kept && j->kept->done_ms <= until_ms)
        release_oldest(j);
    j->trusted = until_ms == INT64_MAX;
}

void journal_release_excess(struct journal *j)
{
    while (j->kept &&
           (atomic_load(&j->cramped) || atomic_load(&j->bytes) > j->config->journal_max_bytes / 8 * 7))
        release_oldest(j);
}

int64_t journal_kept(struct journal *j)
{
    int64_t kept = j->kept_records - j->in_count;

    pthread_mutex_lock(&j->mutex);
    if (j->head)
        kept += j->head->given;
    pthread_mutex_unlock(&j->mutex);
    return kept;
}

uint64_t journal_reading(struct journal *j)
{
    uint64_t number;

    pthread_mutex_lock(&j->mutex);
    number = j->head ? j->head->number : UINT64_MAX;
    pthread_mutex_unlock(&j->mutex);
    return number;
}

uint64_t journal_oldest(struct journal *j)
{
    return j->kept ? j->kept->number : journal_reading(j);
}

int64_t journal_rewind(struct journal *j)
{
    const int64_t again = journal_kept(j);

    reader_begin(j);
    count_open(j, again);
    show_kept(j, -j->kept_records);
    j->in_count = 0;
    pthread_mutex_lock(&j->mutex);
    if (j->kept) {
        *j->kept_last = j->head;
        if (!j->head)
            for (j->tail = j->kept; j->tail->next; j->tail = j->tail->next)
                ;
        j->head = j->kept;
    }
    for (struct segment *s = j->head; s; s = s->next)
        s->given = 0;
    pthread_mutex_unlock(&j->mutex);
    j->kept = NULL;
    j->kept_last = &j->kept;
    return again;
}

/* Waits until the head has something to read or to be removed; its end as known then. False: no. */
static bool reader_wait(struct journal *j, int64_t wait_ms, int64_t *end)
{
    struct timespec until;
    bool ready = false;
    int rc = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)((until.tv_nsec / 1000000 + wait_ms) / 1000);
    until.tv_nsec = (long)((until.tv_nsec / 1000000 + wait_ms) % 1000 * 1000000);
    pthread_mutex_lock(&j->mutex);
    for (;;) {
        ready = j->head && (j->head->end > j->in_at || j->head->closed);
        if (ready || j->woken || rc != 0)
            break;
        rc = pthread_cond_timedwait(&j->readable, &j->mutex, &until);
    }
    j->woken = false;
    if (ready)
        *end = j->head->end;
    pthread_mutex_unlock(&j->mutex);
    return ready;
}

static void damaged(struct journal *j, struct segment *s, const char *why, int64_t bytes)
{
    char name[NAME_MAX_BYTES];

    name_of(name, s->number, "damaged");
    s->damaged = true;
    atomic_store(&j->spoiled, true);
    metric_add(METRIC_SERVER_JOURNAL_DAMAGED, bytes);
    log_error("journal damaged, events in it are lost", LOG_S("err", why), LOG_S("kept_as", name),
              LOG_I("at", j->in_at), LOG_I("bytes", bytes));
}

/* Whether errno speaks of us and not of the file. */
static bool read_short(struct journal *j, const char *name)
{
    j->in_short = errno == EMFILE || errno == ENFILE || errno == ENOMEM;
    if (j->in_short && worth_telling(&j->in_told_ms))
        log_warn_errno("journal cannot be read just now", LOG_S("name", name));
    return j->in_short;
}

/* Reads want bytes of the head, less at its end, into the buffer. False: it cannot be read, and counts as read; or, with
 * in_short, not now. */
static bool reader_fill(struct journal *j, struct segment *s, int64_t want, int64_t end)
{
    char name[NAME_MAX_BYTES];

    name_of(name, s->number, "journal");
    if (j->in_fd < 0)
        j->in_fd = open_file(j, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0);
    if (want > end - j->in_at)
        want = end - j->in_at;
    strbuf_reset(&j->in);
    errno = j->in_fd >= 0 ? 0 : errno;
    if (j->in_fd >= 0 && read_some(j->in_fd, &j->in, (size_t)want, j->in_at) && j->in.length == (size_t)want)
        return true;
    if (read_short(j, name))
        return false;
    damaged(j, s, "it cannot be read", end - j->in_at);
    j->in_at = end;
    return false;
}

/* Takes records from the buffer. Less than all of it: *more says whether the rest may begin a record that goes on. */
static size_t reader_take(struct journal *j, struct segment *s, struct segment_record *to, size_t max,
                          bool *more)
{
    enum segment_found found = SEGMENT_RECORD;
    size_t count = 0, at = 0;

    while (count < max && at < j->in.length) {
        found = segment_next(s->seed, j->in_at + (int64_t)at, j->in.data + at, j->in.length - at, &to[count]);
        if (found != SEGMENT_RECORD)
            break;
        at += SEGMENT_RECORD_HEAD + to[count++].length;
    }
    j->in_at += (int64_t)at;
    *more = found == SEGMENT_MORE;
    return count;
}

/* What stands next is no record: goes on at the next one. The buffer holds all up to end. */
static void reader_skip(struct journal *j, struct segment *s)
{
    const size_t n = segment_resync(s->seed, j->in_at, j->in.data, j->in.length);

    damaged(j, s, "a record is damaged", (int64_t)n);
    j->in_at += (int64_t)n;
}

/* Records of the head, which has bytes up to end. */
static size_t reader_next(struct journal *j, struct segment *s, int64_t end, struct segment_record *to,
                          size_t max)
{
    int64_t want = READ_BYTES;
    size_t count;
    bool more;

    while (j->in_at < end) {
        if (!reader_fill(j, s, want, end))
            return 0;
        count = reader_take(j, s, to, max, &more);
        if (count > 0)
            return count;
        if ((int64_t)j->in.length < end - j->in_at)
            want = more && want < end - j->in_at ? want * 2 : end - j->in_at;
        else
            reader_skip(j, s);
    }
    return 0;
}

size_t journal_read(struct journal *j, struct segment_record *to, size_t max, int64_t wait_ms)
{
    const struct timespec again = {.tv_nsec = READ_AGAIN_MS * 1000000};
    int64_t end;
    size_t count = 0;

    if (j->in_short && wait_ms > 0)
        nanosleep(&again, NULL);
    j->in_short = false;
    while (count == 0 && !j->in_short && reader_wait(j, wait_ms, &end)) {
        struct segment *s = j->head;

        if (j->in_at < end)
            count = reader_next(j, s, end, to, max);
        else
            segment_done(j, s); /* closed, or reader_wait would have waited */
    }
    if (count > 0) {
        j->head->given += (int64_t)count;
        j->in_count = (int64_t)count;
        atomic_store(&j->oldest_ms, to[0].recv_ms);
    }
    return count;
}

void journal_acked(struct journal *j)
{
    metric_add(METRIC_SERVER_JOURNAL_DRAINED, j->in_count);
    count_open(j, -j->in_count);
    j->in_count = 0;
}

void journal_wake(struct journal *j)
{
    pthread_mutex_lock(&j->mutex);
    j->woken = true;
    pthread_cond_broadcast(&j->readable);
    pthread_mutex_unlock(&j->mutex);
}

/* ---- for people ---- */

static int64_t age_ms(const struct journal *j)
{
    const int64_t age = clock_now_ms() - atomic_load(&j->oldest_ms);

    return journal_busy(j) && age > 0 ? age : 0;
}

bool journal_ready(struct journal *j, struct strbuf *why)
{
    const int64_t until_ms = atomic_load(&j->failed_ms), bytes = atomic_load(&j->bytes),
                  full_bytes = atomic_load(&j->full_bytes);
    const bool broken = until_ms != 0 && clock_mono_ms() < until_ms,
               full = bytes + SEGMENT_HEAD + SEGMENT_RECORD_HEAD >= j->config->journal_max_bytes ||
                      (full_bytes != 0 && bytes >= full_bytes),
               stuck = journal_stuck(j);

    strbuf_add_format(why, "journal: %s, %lld records in %lld of %lld bytes, oldest %lld ms\n",
                      stuck    ? "the disk does not answer"
                      : broken ? "cannot write"
                      : full   ? "full"
                               : "can store",
                      (long long)atomic_load(&j->open), (long long)bytes,
                      (long long)j->config->journal_max_bytes, (long long)age_ms(j));
    return !stuck && !broken && !full;
}

void journal_tick(struct journal *j)
{
    metric_set(METRIC_SERVER_JOURNAL_OLDEST_MS, age_ms(j));
}

/* ---- opening: what an earlier life has left ---- */

/* Counts the records of a file as it will be drained, and where the last of them ends. False: errno. */
static bool scan_records(struct journal *j, struct segment *s, int fd, int64_t size)
{
    struct segment_record r;
    int64_t at = SEGMENT_HEAD, want = READ_BYTES;

    while (at < size) {
        size_t used = 0, n = (size_t)(want < size - at ? want : size - at);
        enum segment_found found = SEGMENT_MORE;

        strbuf_reset(&j->in);
        if (!read_some(fd, &j->in, n, at))
            return false;
        while (used < j->in.length) {
            found = segment_next(s->seed, at + (int64_t)used, j->in.data + used, j->in.length - used, &r);
            if (found != SEGMENT_RECORD)
                break;
            if (atomic_load(&j->oldest_ms) == 0)
                atomic_store(&j->oldest_ms, r.recv_ms);
            used += SEGMENT_RECORD_HEAD + r.length;
            s->records++;
            s->end = at + (int64_t)used;
        }
        at += (int64_t)used;
        if (used > 0)
            want = READ_BYTES;
        else if ((int64_t)j->in.length < size - at)
            want = found == SEGMENT_MORE && want < size - at ? want * 2 : size - at;
        else
            at += (int64_t)segment_resync(s->seed, at, j->in.data, j->in.length);
    }
    return true;
}

/* Cuts what was never called stored, so that it is not taken for damage later. */
static bool cut_tail(struct segment *s, int fd, int64_t size, const char *name, struct err *err)
{
    if (s->end >= size)
        return true;
    metric_add(METRIC_SERVER_JOURNAL_TORN, 1);
    log_warn("journal tail torn, cut", LOG_S("name", name), LOG_I("at", s->end),
             LOG_I("bytes", size - s->end));
    if (ftruncate(fd, (off_t)s->end) == 0 && fdatasync(fd) == 0)
        return true;
    err_errno(err, "cut the torn tail of", name);
    return false;
}

/* A file without a whole header: one being made when the machine stopped has nothing in it. Anything longer is kept. */
static bool put_aside(struct journal *j, uint64_t number, const char *name, int64_t size, struct err *err)
{
    char aside[NAME_MAX_BYTES];

    name_of(aside, number, "damaged");
    metric_add(size > SEGMENT_HEAD ? METRIC_SERVER_JOURNAL_DAMAGED : METRIC_SERVER_JOURNAL_TORN,
               size > SEGMENT_HEAD ? size : 1);
    if (size > SEGMENT_HEAD)
        log_error("journal damaged, events in it are lost", LOG_S("err", err->text), LOG_S("kept_as", aside),
                  LOG_I("bytes", size));
    if (size > SEGMENT_HEAD ? renameat(j->dir, name, j->dir, aside) : unlinkat(j->dir, name, 0)) {
        err_errno(err, "put aside", name);
        return false;
    }
    return true;
}

static bool scan_segment(struct journal *j, uint64_t number, struct err *err)
{
    struct segment *s = xcalloc(1, sizeof(*s));
    char name[NAME_MAX_BYTES];
    struct err why = {0};
    struct stat st;
    bool ok = false, keep = false;
    int fd;

    name_of(name, number, "journal");
    s->number = number;
    s->end = SEGMENT_HEAD;
    s->closed = true;
    fd = openat(j->dir, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    strbuf_reset(&j->in);
    if (fd < 0 || fstat(fd, &st) || !read_some(fd, &j->in, SEGMENT_HEAD, 0)) {
        err_errno(err, "read", name);
    } else if (!segment_read_head(j->in.data, j->in.length, number, &s->seed, &why)) {
        ok = why.domain == ERR_DATA && put_aside(j, number, name, st.st_size, &why);
        if (!ok)
            err_set(err, why.domain, why.code, "%s: %s", name, why.text);
    } else if (!scan_records(j, s, fd, st.st_size)) {
        err_errno(err, "read", name);
    } else {
        ok = keep = cut_tail(s, fd, st.st_size, name, err);
    }
    if (fd >= 0)
        close(fd);
    if (keep) {
        count_open(j, s->records);
        count_bytes(j, s->end);
        segment_append(j, s);
    } else {
        free(s);
    }
    return ok;
}

/* The number in the name of a segment; 0: it is none. */
static uint64_t number_of(const char *name)
{
    uint64_t number = 0;

    for (int i = 0; i < 16; i++) {
        const char *digit = name[i] ? strchr("0123456789abcdef", name[i]) : NULL;

        if (!digit)
            return 0;
        number = number << 4 | (uint64_t)(digit - "0123456789abcdef");
        if (i < 15 && !name[i + 1])
            return 0;
    }
    return strcmp(name + 16, ".journal") == 0 ? number : strcmp(name + 16, ".damaged") == 0 ? number : 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_ours(const struct dirent *d)
{
    return number_of(d->d_name) > 0;
}

static bool scan_directory(struct journal *j, struct err *err)
{
    struct dirent **names = NULL;
    bool ok = true;
    int n = scandirat(j->dir, ".", &names, is_ours, by_name);

    if (n < 0) {
        err_errno(err, "list", NULL);
        return false;
    }
    for (int i = 0; i < n; i++) {
        const uint64_t number = number_of(names[i]->d_name);

        if (number > j->number)
            j->number = number;
        if (ok && strcmp(names[i]->d_name + 16, ".journal") == 0)
            ok = scan_segment(j, number, err);
        free(names[i]);
    }
    free(names);
    return ok;
}

/* A new directory's own name, or all in it could be gone after a power failure. */
static bool flush_parent(const struct journal *j)
{
    const int parent = openat(j->dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool ok = parent >= 0 && j->io->fsync_dir(parent) == 0;

    if (parent >= 0)
        close(parent);
    return ok;
}

static bool lock_directory(struct journal *j, struct err *err)
{
    const char *path = j->config->journal_dir;
    const bool made = mkdir(path, 0700) == 0;

    if (!made && errno != EEXIST) {
        err_errno(err, "make", path);
        return false;
    }
    j->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (j->dir >= 0 && (!made || flush_parent(j)))
        j->lock = openat(j->dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (j->lock < 0) {
        err_errno(err, "open", path);
        return false;
    }
    if (flock(j->lock, LOCK_EX | LOCK_NB) == 0)
        return true;
    if (errno == EWOULDBLOCK)
        err_set(err, ERR_CONFIG, 0, "%s is in use by another server: each needs a directory of its own",
                path);
    else
        err_errno(err, "lock", path);
    return false;
}

static void init_waits(struct journal *j)
{
    pthread_condattr_t monotonic;

    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&j->mutex, NULL);
    pthread_cond_init(&j->work, &monotonic);
    pthread_cond_init(&j->readable, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

struct journal *journal_open(const struct config *c, const struct journal_io *io, struct err *err)
{
    struct journal *j = xcalloc(1, sizeof(*j));

    j->config = c;
    j->io = io ? io : &real_io;
    j->dir = j->lock = j->in_fd = j->fd = -1;
    j->in_at = SEGMENT_HEAD;
    j->last = &j->first;
    j->group_last = &j->group;
    j->kept_last = &j->kept;
    init_waits(j);
    if (!lock_directory(j, err) || !scan_directory(j, err)) {
        err_prefix(err, "JOURNAL_DIR");
        journal_close(j);
        return NULL;
    }
    if (journal_busy(j))
        log_info("journal has records of an earlier run", LOG_I("records", atomic_load(&j->open)),
                 LOG_I("bytes", atomic_load(&j->bytes)), LOG_I("oldest_ms", age_ms(j)));
    return j;
}

bool journal_start(struct journal *j, struct err *err)
{
    j->running = thread_start(&j->thread, writer_run, j, err);
    return j->running;
}

void journal_stop(struct journal *j)
{
    if (!j || !j->running)
        return;
    pthread_mutex_lock(&j->mutex);
    j->stopping = true;
    pthread_cond_signal(&j->work);
    pthread_mutex_unlock(&j->mutex);
    pthread_join(j->thread, NULL);
    j->running = false;
}

static void free_list(struct segment *s)
{
    for (struct segment *next; s; s = next) {
        next = s->next;
        free(s);
    }
}

void journal_close(struct journal *j)
{
    if (!j)
        return;
    journal_stop(j);
    /* What Redis has is not sent again by the next life, unless it may have lost it. */
    while (j->in_count == 0 && j->head && j->head->closed && j->in_at == j->head->end)
        segment_done(j, j->head);
    if (j->trusted)
        journal_release(j, INT64_MAX);
    free_list(j->kept);
    free_list(j->head);
    if (j->in_fd >= 0)
        close(j->in_fd);
    if (j->lock >= 0)
        close(j->lock);
    if (j->dir >= 0)
        close(j->dir);
    strbuf_deinit(&j->out);
    strbuf_deinit(&j->in);
    pthread_cond_destroy(&j->readable);
    pthread_cond_destroy(&j->work);
    pthread_mutex_destroy(&j->mutex);
    free(j);
}
