/* ledger.c - server: what Redis has lost. Contract, file and reasons: ledger.h. */
#include "server/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/number.h"
#include "common/thread.h"
#include "server/watch.h"

enum { TEXT_MOST = 4 << 20 }; /* bytes of the file, and of the text in memory: some ten thousand gaps */

static const char NOTE[] = "redis-run";
static const char GAP[] = "{\"gap\":\"";
static const char STATE_OPEN[] = "\"state\":\"open\"", STATE_CLOSED[] = "\"state\":\"closed\"";

struct ledger {
    const char *dir;
    int fd;       /* of the file; -1: there is none */
    size_t loops; /* of runs */
    pthread_t thread;
    bool running;

    pthread_mutex_t mutex; /* of what follows */
    pthread_cond_t changed;
    struct strbuf text;  /* all lines */
    struct strbuf fresh; /* those not written yet */
    bool stopping;
    char left[WATCH_RUN_MAX];   /* noted by a server that died; "": none, or known to be ours */
    char noted[WATCH_RUN_MAX];  /* by us: all loops are connected to it; "": none yet */
    bool note;                  /* it is to be written */
    bool known;                 /* all loops have been connected to one run */
    char runs[][WATCH_RUN_MAX]; /* what each loop is connected to; "": not known */
};

/* ---- the file ---- */

static void path_of(const struct ledger *l, const char *name, char to[PATH_MAX])
{
    snprintf(to, PATH_MAX, "%s/%s", l->dir, name);
}

static bool write_all(int fd, const char *data, size_t n)
{
    while (n > 0) {
        const ssize_t written = write(fd, data, n);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        data += written;
        n -= (size_t)written;
    }
    return fdatasync(fd) == 0;
}

static bool starts_gap(const char *line, size_t n)
{
    return n >= sizeof(GAP) - 1 && memcmp(line, GAP, sizeof(GAP) - 1) == 0;
}

/* ---- what a crash has cut off ---- */

/* A power failure leaves half a line, or zeros; a full disk the halves of two in one. */
static bool is_whole(const char *line, size_t n)
{
    return starts_gap(line, n) && line[n - 1] == '}' && !memchr(line, '\0', n) &&
           !memmem(line + 1, n - 1, GAP, sizeof(GAP) - 1);
}

/* Appends the whole lines. False: there was something else. */
static bool add_whole(struct strbuf *to, const struct strbuf *text)
{
    const char *end = text->data + text->length, *stop;
    bool all = true;

    for (const char *line = text->data; line < end; line = stop + 1) {
        stop = memchr(line, '\n', (size_t)(end - line));
        stop = stop ? stop : end;
        if (is_whole(line, (size_t)(stop - line))) {
            strbuf_add(to, line, (size_t)(stop - line));
            strbuf_add_char(to, '\n');
        } else if (stop > line) {
            all = false;
        }
    }
    return all;
}

/* Nobody knows which stream, nor how much: older is -1. */
static void add_unknown(struct strbuf *to, const char *reason)
{
    const int64_t now_ms = clock_now_ms();
    char at[CLOCK_TEXT_MAX];

    clock_format_utc(at, now_ms);
    strbuf_add_format(to,
                      "%s%lld-%s\",%s,\"at\":\"%s\",\"at_ms\":%lld,\"stream\":\"\",\"reason\":\"%s\","
                      "\"last_id\":\"0-0\",\"added_before\":-1,\"added_after\":-1,\"resent\":0,\"missing\":0,"
                      "\"journaled\":0,\"dropped\":0,\"older\":-1,\"due\":0}\n",
                      GAP, (long long)now_ms, reason, STATE_CLOSED, at, (long long)now_ms, reason);
}

static bool dir_sync(const char *dir)
{
    const int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool ok = fd >= 0 && fsync(fd) == 0;

    if (fd >= 0)
        close(fd);
    return ok;
}

/* The file gets this text in one step: after a crash it is the old one or the new one. */
static bool file_replace(struct ledger *l, const struct strbuf *text, const char *path)
{
    char fresh[PATH_MAX];
    int fd;

    path_of(l, "ledger.new", fresh);
    fd = open(fresh, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return false;
    if (!write_all(fd, strbuf_text(text), text->length) || rename(fresh, path) || !dir_sync(l->dir)) {
        close(fd);
        return false;
    }
    close(l->fd);
    l->fd = fd;
    return true;
}

/* What no reader can make sense of becomes one gap that is over; left there, it would stand before every proof for ever. */
static bool mend(struct ledger *l, const char *path)
{
    struct strbuf whole = STRBUF_INIT, swap;
    bool ok = true;

    if (!add_whole(&whole, &l->text)) {
        log_error("a line of the ledger was cut off: what Redis lost then is not known", LOG_S("path", path));
        add_unknown(&whole, "torn");
    }
    if (whole.length != l->text.length || memcmp(whole.data, l->text.data, whole.length) != 0)
        ok = file_replace(l, &whole, path);
    swap = l->text;
    l->text = whole;
    strbuf_deinit(&swap);
    return ok;
}

/* ---- what an ended server left ---- */

/* The part of a line that names its gap: up to its state. NULL: none of ours. */
static const char *name_end(const char *line, size_t n)
{
    return starts_gap(line, n) ? memmem(line, n, STATE_OPEN, sizeof(STATE_OPEN) - 1) : NULL;
}

/* There is a later line of the gap: it ends it, or tells of more that is due. name: length of what names it. */
static bool has_later(const struct strbuf *text, const char *line, size_t name)
{
    const char *from = line + name, *end = text->data + text->length;

    return memmem(from, (size_t)(end - from), line, name) != NULL;
}

/* The number behind name in a line of ours; 0 when it is not there. */
static int64_t number_in(const char *line, size_t n, const char *name)
{
    const char *at = memmem(line, n, name, strlen(name));
    int64_t value = 0;

    at = at ? at + strlen(name) : NULL;
    if (!at || !number_i64(at, strspn(at, "-0123456789"), &value))
        return 0;
    return value;
}

/* Appends the line that ends the gap of a complete open line: what was due has died with its server. */
static void add_end(struct strbuf *to, const char *line, size_t n, size_t name)
{
    static const char dropped[] = "\"dropped\":";
    const char *from = line + name + sizeof(STATE_OPEN) - 1;
    const char *at = memmem(from, (size_t)(line + n - from), dropped, sizeof(dropped) - 1);

    if (!at || line[n - 1] != '}')
        return;
    strbuf_add(to, line, name);
    strbuf_add_text(to, STATE_CLOSED);
    strbuf_add(to, from, (size_t)(at - from));
    strbuf_add_format(to, "%s%lld,\"older\":%lld,\"due\":0}\n", dropped,
                      (long long)number_in(line, n, dropped) + (long long)number_in(line, n, "\"due\":"),
                      (long long)number_in(line, n, "\"older\":"));
}

/* Nobody else will: who opened them has ended, and what its journal still has is drained like any other entry. */
static bool end_open_gaps(struct ledger *l)
{
    struct strbuf ends = STRBUF_INIT;
    const char *first = strbuf_text(&l->text), *end = first + l->text.length, *stop;
    bool ok = true;

    for (const char *line = first; line < end; line = stop + 1) {
        const char *name;

        stop = memchr(line, '\n', (size_t)(end - line));
        stop = stop ? stop : end;
        name = name_end(line, (size_t)(stop - line));
        if (!name || has_later(&l->text, line, (size_t)(name - line)))
            continue;
        add_end(&ends, line, (size_t)(stop - line), (size_t)(name - line));
    }
    if (ends.length > 0) {
        log_warn("gaps that an ended server had left open are closed", LOG_S("dir", l->dir));
        strbuf_add(&l->text, ends.data, ends.length);
        ok = write_all(l->fd, ends.data, ends.length);
    }
    strbuf_deinit(&ends);
    return ok;
}

/* A file that has grown too large makes room for a new one. */
static bool file_open(struct ledger *l, struct err *err)
{
    char path[PATH_MAX], old[PATH_MAX];
    struct stat st;

    path_of(l, "ledger", path);
    path_of(l, "ledger.old", old);
    if (stat(path, &st) == 0 && st.st_size > TEXT_MOST && rename(path, old)) {
        err_errno(err, "rename", path);
        return false;
    }
    l->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (l->fd < 0) {
        err_errno(err, "open", path);
        return false;
    }
    if (!strbuf_read_file(&l->text, path, (size_t)2 * TEXT_MOST, err))
        return false;
    if (l->text.length == 0 || (mend(l, path) && end_open_gaps(l)))
        return true;
    err_errno(err, "write", path);
    return false;
}

/* ---- the note ---- */

/* Reads what a server that died has left. One that a crash of the machine has emptied is of no run there is. */
static bool note_read(struct ledger *l, struct err *err)
{
    struct strbuf text = STRBUF_INIT;
    char path[PATH_MAX];
    bool ok = true;

    path_of(l, NOTE, path);
    if (access(path, F_OK) == 0) {
        ok = strbuf_read_file(&text, path, 4096, err);
        snprintf(l->left, sizeof(l->left), "%.*s", (int)strcspn(strbuf_text(&text), "\n"),
                 strbuf_text(&text));
        if (!l->left[0])
            l->left[0] = '?';
    }
    strbuf_deinit(&text);
    return ok;
}

/* In place: what a crash of the machine makes of it is no run of Redis, and so is told. */
static bool note_write(const struct ledger *l, const char *run)
{
    char path[PATH_MAX], line[WATCH_RUN_MAX + 1];
    int fd, n = snprintf(line, sizeof(line), "%s\n", run);
    bool ok;

    path_of(l, NOTE, path);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    ok = fd >= 0 && write_all(fd, line, (size_t)n) && dir_sync(l->dir);
    if (fd >= 0)
        close(fd);
    return ok;
}

static void note_remove(const struct ledger *l)
{
    char path[PATH_MAX];

    path_of(l, NOTE, path);
    if (unlink(path) && errno != ENOENT)
        log_warn_errno("note not removed", LOG_S("path", path));
}

/* All loops are connected to that run. */
static bool all_run(const struct ledger *l, const char *run)
{
    for (size_t i = 0; i < l->loops; i++)
        if (strcmp(l->runs[i], run) != 0)
            return false;
    return true;
}

/* The first loop that meets a Redis compares; the text has a line more when what was left is another's. */
static void compare_left(struct ledger *l, const char *run)
{
    if (!l->left[0])
        return;
    if (strcmp(l->left, run) != 0) {
        const size_t from = l->text.length;

        log_error("a server died before it had asked a redis that was started anew what it still has",
                  LOG_S("dir", l->dir));
        add_unknown(&l->text, "died");
        strbuf_add(&l->fresh, l->text.data + from, l->text.length - from);
    }
    l->left[0] = '\0';
}

void ledger_run(struct ledger *l, size_t loop, const char *run, bool kept)
{
    if (l->fd < 0)
        return;
    pthread_mutex_lock(&l->mutex);
    snprintf(l->runs[loop], sizeof(l->runs[loop]), "%s", run);
    if (run[0])
        compare_left(l, run);
    if (run[0] && all_run(l, run)) {
        l->known = true;
        snprintf(l->noted, sizeof(l->noted), "%s", kept ? "" : run);
        l->note = true;
        pthread_cond_signal(&l->changed);
    }
    pthread_mutex_unlock(&l->mutex);
}

/* ---- the writer ---- */

/* Lines before the note: it says that they stand there. */
static void write_out(struct ledger *l, const struct strbuf *lines, const char *run)
{
    bool ok = lines->length == 0 || write_all(l->fd, lines->data, lines->length);

    if (ok && run && run[0])
        ok = note_write(l, run);
    else if (ok && run)
        note_remove(l);
    if (ok)
        return;
    metric_add(METRIC_SERVER_LEDGER_ERRORS, 1);
    log_warn_errno("ledger not written", LOG_S("dir", l->dir));
}

static void *writer_run(void *arg)
{
    struct ledger *l = arg;
    struct strbuf lines = STRBUF_INIT, swap;
    bool stop = false;

    while (!stop) {
        char run[WATCH_RUN_MAX];
        bool note;

        pthread_mutex_lock(&l->mutex);
        while (l->fresh.length == 0 && !l->note && !l->stopping)
            pthread_cond_wait(&l->changed, &l->mutex);
        swap = lines;
        lines = l->fresh;
        l->fresh = swap;
        memcpy(run, l->noted, sizeof(run));
        note = l->note;
        l->note = false;
        stop = l->stopping && lines.length == 0 && !note;
        pthread_mutex_unlock(&l->mutex);
        write_out(l, &lines, note ? run : NULL);
        strbuf_reset(&lines);
    }
    strbuf_deinit(&lines);
    return NULL;
}

/* ---- lines ---- */

static void add_line(struct strbuf *to, const struct ledger_gap *g)
{
    char key[KEYS_STREAM_MAX], last[MARK_ID_MAX], at[CLOCK_TEXT_MAX];

    watch_key(key, g->slot);
    mark_write_id(last, g->last);
    clock_format_utc(at, g->at_ms);
    strbuf_add_format(
        to,
        "{\"gap\":\"%lld-%d-%d\",\"state\":\"%s\",\"at\":\"%s\",\"at_ms\":%lld,\"stream\":\"%s\","
        "\"reason\":\"%s\",\"last_id\":\"%s\",\"added_before\":%lld,\"added_after\":%lld,",
        (long long)g->at_ms, g->teller, (int)g->slot, g->closed ? "closed" : "open", at, (long long)g->at_ms,
        key, g->reason, last, (long long)g->before, (long long)g->after);
    strbuf_add_format(
        to,
        "\"resent\":%lld,\"missing\":%lld,\"journaled\":%lld,\"dropped\":%lld,\"older\":%lld,\"due\":%lld}\n",
        (long long)g->resent, (long long)g->missing, (long long)g->journaled, (long long)g->dropped,
        (long long)g->older, g->closed ? 0LL : (long long)g->due);
}

/* Half of the lines go when there are too many. */
static void bound_text(struct strbuf *text)
{
    const char *cut;
    size_t n;

    if (text->length <= (size_t)2 * TEXT_MOST)
        return;
    cut = memchr(text->data + text->length / 2, '\n', text->length - text->length / 2);
    n = cut ? (size_t)(text->data + text->length - cut - 1) : 0;
    if (n > 0)
        memmove(text->data, cut + 1, n);
    text->length = n;
    text->data[n] = '\0';
}

void ledger_write(struct ledger *l, const struct ledger_gap *gap)
{
    char key[KEYS_STREAM_MAX];
    size_t from;

    watch_key(key, gap->slot);
    if (!gap->closed)
        log_error("redis may have lost entries, sending again", LOG_S("stream", key),
                  LOG_S("reason", gap->reason), LOG_I("added_before", gap->before));
    else if (gap->missing > 0 || gap->older > 0 || gap->dropped > 0 || gap->journaled > 0)
        log_error("redis has lost entries", LOG_S("stream", key), LOG_S("reason", gap->reason),
                  LOG_I("resent", gap->resent), LOG_I("missing", gap->missing),
                  LOG_I("journaled", gap->journaled), LOG_I("dropped", gap->dropped),
                  LOG_I("older", gap->older));
    else
        log_info("redis has lost nothing we know of", LOG_S("stream", key), LOG_I("resent", gap->resent));
    pthread_mutex_lock(&l->mutex);
    from = l->text.length;
    add_line(&l->text, gap);
    if (l->fd >= 0)
        strbuf_add(&l->fresh, l->text.data + from, l->text.length - from);
    bound_text(&l->text);
    pthread_cond_signal(&l->changed);
    pthread_mutex_unlock(&l->mutex);
}

void ledger_render(struct ledger *l, struct strbuf *to)
{
    pthread_mutex_lock(&l->mutex);
    strbuf_add(to, strbuf_text(&l->text), l->text.length);
    pthread_mutex_unlock(&l->mutex);
}

/* ---- life ---- */

struct ledger *ledger_open(const char *dir, size_t loops, struct err *err)
{
    struct ledger *l = xcalloc(1, sizeof(*l) + loops * sizeof(l->runs[0]));

    l->dir = dir;
    l->loops = loops;
    l->fd = -1;
    pthread_mutex_init(&l->mutex, NULL);
    pthread_cond_init(&l->changed, NULL);
    if (!dir[0])
        return l;
    if (file_open(l, err) && note_read(l, err) && thread_start(&l->thread, writer_run, l, err)) {
        l->running = true;
        return l;
    }
    err_prefix(err, "JOURNAL_DIR");
    ledger_close(l);
    return NULL;
}

void ledger_close(struct ledger *l)
{
    if (!l)
        return;
    pthread_mutex_lock(&l->mutex);
    l->stopping = true;
    pthread_cond_signal(&l->changed);
    pthread_mutex_unlock(&l->mutex);
    if (l->running)
        pthread_join(l->thread, NULL);
    if (l->known)
        note_remove(l); /* ours; before, it is of a server that died, and still to be told */
    if (l->fd >= 0)
        close(l->fd);
    strbuf_deinit(&l->text);
    strbuf_deinit(&l->fresh);
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->mutex);
    free(l);
}
