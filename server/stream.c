/* stream.c - server, stage 4 of 5, lower half: one loop's connection to Redis.
 *
 * Four states, changed in one place (stream_enter); the table below is the diagram. AUTH, SELECT and a PING go out as
 * soon as the socket is connected, and only the answer to that PING makes the stream UP: a Redis that is loading its
 * data, or refuses our password, accepts connections too.
 *
 * hiredis connects, reads and takes replies apart; what leaves is written here. Its asynchronous side would do all of it, but
 * allocates for each command and each reply, and collects what leaves in a string that it makes anew each turn and doubles.
 * Here commands are appended to a buffer that is kept, and leave in one write a turn: the first of a turn activates an event,
 * and events activated during a turn run at its end. When OUT_SOON bytes wait they leave at once, so that a crowd does not
 * make the buffer large. Who waits for a reply stands in a queue, NULL where nobody does.
 *
 * A connection is never dropped while something of it is being used: what goes wrong within a reply's callback or a write is
 * noted (broken), and ends it when they have returned. Then each in the queue is told, in order. */
#include "server/stream.h"

#include <errno.h>
#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "common/entry.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/number.h"
#include "common/strbuf.h"
#include "server/plain_reply.h"
#include "server/resolve.h"

enum {
    BACKOFF_FIRST_MS = 100,
    BACKOFF_LAST_MS = 5000,
    REFUSED_MS =
        10000, /* how long a refusal of our credentials makes us not ready: then traffic may try again */
    OUT_SOON = 128 * 1024, /* bytes to be written that do not wait for the end of the turn */
    OUT_KEPT = 256 * 1024, /* what a stalled Redis needed beyond it is given back */
    CALLS_FIRST = 64,      /* room in the queue to begin with; a power of two, as it doubles */
};

#define REFUSES "it refuses the greeting" /* what it says may quote the password; note_refusal knows */

enum stream_state {
    STREAM_DOWN,       /* no context; waits for retry_ms */
    STREAM_CONNECTING, /* socket being connected */
    STREAM_GREETING,   /* connected; AUTH, SELECT and PING are out */
    STREAM_UP,         /* commands welcome */
    STREAM_STOPPED,    /* the end; no context */
    STREAM_STATES
};

/* Row = now, column = next. Anything not listed is a bug of ours. */
static const bool may[STREAM_STATES][STREAM_STATES] = {
    [STREAM_DOWN] = {[STREAM_CONNECTING] = true, [STREAM_STOPPED] = true},
    [STREAM_CONNECTING] = {[STREAM_GREETING] = true, [STREAM_DOWN] = true, [STREAM_STOPPED] = true},
    [STREAM_GREETING] = {[STREAM_UP] = true, [STREAM_DOWN] = true, [STREAM_STOPPED] = true},
    [STREAM_UP] = {[STREAM_DOWN] = true, [STREAM_STOPPED] = true},
};

struct stream {
    struct event_base *base;     /* borrowed */
    const struct redis_url *url; /* borrowed */
    struct resolver *resolver;   /* borrowed; NULL: nothing to resolve */
    const char *host;            /* borrowed: numeric address tried last; NULL: not known */
    char label[300];             /* where, for logs */

    redisContext *context;  /* owned; NULL when there is none */
    struct event *readable; /* persistent; NULL without a context */
    struct event *writable; /* one-shot: while connecting, and when the socket is full; same */
    struct event *flush;    /* not of a descriptor: activated, runs at the end of the loop turn */
    enum stream_state state;
    const char *broken;         /* the connection is to be dropped for this; NULL: it is not */
    char why[128];              /* text for broken */
    bool full;                  /* the socket takes no more for now */
    struct strbuf out;          /* commands on their way */
    size_t written;             /* bytes of it the kernel has */
    struct stream_call **calls; /* ring: who waits for a reply, in order; NULL: nobody */
    size_t calls_room, calls_first, calls_count;
    struct plain_reply reply;      /* the latest */
    struct stream_call step, last; /* of the greeting: AUTH and SELECT; PING */

    int64_t up_ms;       /* monotonic: when it was UP last */
    int64_t since_ms;    /* monotonic: last reply, or when the connection was begun */
    int64_t ping_ms;     /* monotonic: when the next PING is due */
    int64_t retry_ms;    /* monotonic: when to connect again (STREAM_DOWN) */
    int64_t backoff_ms;  /* the next wait, before jitter */
    uint64_t random;     /* state of the jitter's generator */
    uint64_t generation; /* connections that came up */
    char refused[16];    /* first word of the refusal logged last; "" when all is well */
    int64_t refusal_ms;  /* monotonic: the latest refusal */

    atomic_bool up;             /* state is STREAM_UP; read by other threads */
    _Atomic int64_t refused_ms; /* monotonic: our credentials count as refused until then; 0 = they do not */
};

static void stream_enter(struct stream *s, enum stream_state next)
{
    if (!may[s->state][next])
        fatalx("stream: illegal step", LOG_I("from", s->state), LOG_I("to", next));
    if (s->state == STREAM_UP)
        metric_add(METRIC_SERVER_REDIS_UP, -1);
    if (next == STREAM_UP)
        metric_add(METRIC_SERVER_REDIS_UP, 1);
    s->state = next;
    atomic_store(&s->up, next == STREAM_UP);
}

/* xorshift: jitter needs to differ between loops and processes, nothing more. */
static int64_t jittered(struct stream *s, int64_t ms)
{
    s->random ^= s->random << 13;
    s->random ^= s->random >> 7;
    s->random ^= s->random << 17;
    return ms / 2 + (int64_t)(s->random % (uint64_t)(ms / 2 + 1));
}

/* ---- who waits for a reply ---- */

static void calls_push(struct stream *s, struct stream_call *call)
{
    if (s->calls_count == s->calls_room) {
        const size_t room = s->calls_room ? 2 * s->calls_room : CALLS_FIRST;
        struct stream_call **calls = xcalloc(room, sizeof(struct stream_call *));

        for (size_t i = 0; i < s->calls_count; i++)
            calls[i] = s->calls[(s->calls_first + i) & (s->calls_room - 1)];
        free(s->calls);
        s->calls = calls;
        s->calls_room = room;
        s->calls_first = 0;
    }
    s->calls[(s->calls_first + s->calls_count++) & (s->calls_room - 1)] = call;
}

static struct stream_call *calls_pop(struct stream *s)
{
    struct stream_call *call = s->calls[s->calls_first];

    s->calls_first = (s->calls_first + 1) & (s->calls_room - 1);
    s->calls_count--;
    return call;
}

/* ---- the end of a connection ---- */

static void unwatch(struct stream *s)
{
    if (s->readable)
        event_free(s->readable);
    if (s->writable)
        event_free(s->writable);
    event_del(s->flush);
    s->readable = NULL;
    s->writable = NULL;
}

/* state is one in which nothing can be sent any more: the callbacks may try. */
static void stream_close(struct stream *s)
{
    unwatch(s);
    if (s->context)
        redisFree(s->context);
    s->context = NULL;
    s->broken = NULL;
    s->full = false;
    s->written = 0;
    strbuf_deinit(&s->out);
    plain_reply_deinit(&s->reply);
    while (s->calls_count > 0) {
        struct stream_call *call = calls_pop(s);

        if (call)
            call->done(call, STREAM_REPLY_LOST, NULL, 0);
    }
}

/* why may be the context's. */
static void stream_drop(struct stream *s, const char *why)
{
    const bool was_up = s->state == STREAM_UP;
    const int64_t now_ms = clock_mono_ms();

    metric_add(METRIC_SERVER_REDIS_LOSSES, 1);
    /* One that comes up and is lost again and again (a replica) is as much away as one that does not come up. */
    if (was_up && now_ms - s->up_ms >= BACKOFF_LAST_MS)
        s->backoff_ms = BACKOFF_FIRST_MS;
    s->retry_ms = now_ms + jittered(s, s->backoff_ms);
    /* Once while it is away: the first loss, not each failed attempt. */
    if (s->backoff_ms == BACKOFF_FIRST_MS)
        log_warn("redis away", LOG_S("redis", s->label), LOG_S("err", why));
    s->backoff_ms = s->backoff_ms * 2 > BACKOFF_LAST_MS ? BACKOFF_LAST_MS : s->backoff_ms * 2;
    stream_enter(s, STREAM_DOWN);
    if (s->resolver)
        resolver_again(s->resolver, was_up ? NULL : s->host);
    stream_close(s);
}

/* Ends the connection when whoever uses it has returned. */
static void stream_break(struct stream *s, const char *why)
{
    if (s->broken)
        return;
    snprintf(s->why, sizeof(s->why), "%s", why);
    s->broken = s->why;
    event_active(s->flush, EV_WRITE, 0);
}

/* ---- writing ---- */

/* All of it has been written. */
static void out_reset(struct stream *s)
{
    s->written = 0;
    if (s->out.capacity > OUT_KEPT)
        strbuf_deinit(&s->out);
    else
        strbuf_reset(&s->out);
}

/* Gives the kernel what it takes. */
static void write_out(struct stream *s)
{
    while (s->written < s->out.length) {
        const ssize_t n =
            send(s->context->fd, s->out.data + s->written, s->out.length - s->written, MSG_NOSIGNAL);

        if (n >= 0) {
            s->written += (size_t)n;
        } else if (errno == EAGAIN) {
            s->full = true;
            event_add(s->writable, NULL);
            return;
        } else if (errno != EINTR) {
            stream_break(s, strerror(errno));
            return;
        }
    }
    out_reset(s);
}

/* For what cannot leave yet: what has left must not take its room. */
static void out_compact(struct stream *s)
{
    if (s->written < s->out.length / 2 || s->written == 0)
        return;
    s->out.length -= s->written;
    memmove(s->out.data, s->out.data + s->written, s->out.length);
    s->written = 0;
}

static void stream_append(struct stream *s, const void *command, size_t n, struct stream_call *call)
{
    calls_push(s, call);
    if (s->full)
        out_compact(s);
    strbuf_add(&s->out, command, n);
    if (s->full || s->broken)
        return;
    if (s->out.length >= OUT_SOON)
        write_out(s);
    else
        event_active(s->flush, EV_WRITE, 0);
}

bool stream_send(struct stream *s, const void *command, size_t n, struct stream_call *call)
{
    if (s->state != STREAM_UP || s->broken)
        return false;
    stream_append(s, command, n, call);
    return true;
}

/* ---- replies ---- */

static bool first_word(const char *text, size_t n, const char *word)
{
    size_t w = strlen(word);

    return n >= w && memcmp(text, word, w) == 0 && (n == w || text[w] == ' ');
}

/* Logs a refusal when it is another one than the last, and does what concerns the connection as a whole. */
static void note_refusal(struct stream *s, const char *text, size_t n)
{
    /* An unknown command is refused with its arguments, which are nobody's business: a password, a body. */
    const char *quoted = memmem(text, n, ", with args", 11);
    size_t word = 0;

    if (first_word(text, n, "NOSCRIPT"))
        return; /* a question: the caller sends the script */
    if (quoted)
        n = (size_t)(quoted - text);
    s->refusal_ms = clock_mono_ms();
    while (word < n && word < sizeof(s->refused) - 1 && text[word] != ' ')
        word++;
    if (first_word(text, n, "NOAUTH") || first_word(text, n, "WRONGPASS") || first_word(text, n, "NOPERM"))
        atomic_store(&s->refused_ms, s->refusal_ms + REFUSED_MS);
    if (strlen(s->refused) != word || memcmp(s->refused, text, word) != 0) {
        memcpy(s->refused, text, word);
        s->refused[word] = '\0';
        log_error("redis refuses", LOG_S("redis", s->label), LOG_B("err", text, n));
    }
    /* A demoted master keeps its connections: only a new one can find the new master. */
    if (first_word(text, n, "READONLY"))
        stream_break(s, "it is no master any more");
}

static void forget_refusal(struct stream *s)
{
    log_info("redis accepts again", LOG_S("redis", s->label), LOG_S("was", s->refused));
    s->refused[0] = '\0';
}

void stream_accepted(struct stream *s)
{
    if (!s->refused[0])
        return;
    atomic_store(&s->refused_ms, 0);
    /* Not at once: commands that are refused and commands that are not may take turns, which would fill the log. */
    if (clock_mono_ms() - s->refusal_ms >= REFUSED_MS)
        forget_refusal(s);
}

static void on_reply(struct stream *s)
{
    const struct plain_reply *r = &s->reply;
    const char *text = strbuf_text(&r->text);
    struct stream_call *call;

    if (s->calls_count == 0) { /* it says why it ends the connection */
        stream_break(s, text);
        return;
    }
    call = calls_pop(s);
    if (r->kind == STREAM_REPLY_ERROR)
        note_refusal(s, text, r->text.length);
    if (call)
        call->done(call, r->kind, text, r->text.length);
}

/* ---- the greeting ---- */

static void stream_greeted(struct stream *s)
{
    s->up_ms = s->since_ms;
    s->ping_ms = s->since_ms + STREAM_PING_MS;
    metric_add(METRIC_SERVER_REDIS_CONNECTS, 1);
    atomic_store(&s->refused_ms, 0);
    if (s->refused[0])
        forget_refusal(s);
    s->generation++;
    stream_enter(s, STREAM_UP);
    log_info("redis connected", LOG_S("redis", s->label));
}

static void on_step(struct stream_call *call, enum stream_reply reply, const char *text, size_t n)
{
    (void)text;
    (void)n;
    if (reply == STREAM_REPLY_ERROR)
        stream_break((struct stream *)(void *)((char *)call - offsetof(struct stream, step)), REFUSES);
}

static void on_last(struct stream_call *call, enum stream_reply reply, const char *text, size_t n)
{
    struct stream *s = (struct stream *)(void *)((char *)call - offsetof(struct stream, last));

    (void)text;
    (void)n;
    if (reply == STREAM_REPLY_ERROR)
        stream_break(s, REFUSES);
    else if (reply != STREAM_REPLY_LOST && !s->broken)
        stream_greeted(s);
}

static void greet(struct stream *s, const char *const *words, size_t count, struct stream_call *call)
{
    struct strbuf command = STRBUF_INIT;

    resp_add_array(&command, count);
    for (size_t i = 0; i < count; i++)
        resp_add_bulk(&command, words[i], strlen(words[i]));
    stream_append(s, command.data, command.length, call);
    strbuf_deinit(&command);
}

static void send_greeting(struct stream *s)
{
    const struct redis_url *url = s->url;
    char db[24];

    number_format_i64(db, url->db);
    if (url->user[0])
        greet(s, (const char *const[]){"AUTH", url->user, url->password}, 3, &s->step);
    else if (url->password[0])
        greet(s, (const char *const[]){"AUTH", url->password}, 2, &s->step);
    if (url->db)
        greet(s, (const char *const[]){"SELECT", db}, 2, &s->step);
    greet(s, (const char *const[]){"PING"}, 1, &s->last);
}

/* ---- the connection's life ---- */

/* The kernel has connected the socket, or could not. */
static void on_connected(struct stream *s)
{
    int error = 0;
    socklen_t n = sizeof(error);

    if (getsockopt(s->context->fd, SOL_SOCKET, SO_ERROR, &error, &n))
        error = errno;
    if (error) {
        stream_drop(s, strerror(error));
        return;
    }
    if (s->url->host[0])
        redisEnableKeepAlive(s->context);
    stream_enter(s, STREAM_GREETING);
    send_greeting(s);
}

static bool take_reply(struct stream *s)
{
    void *reply = NULL;

    if (redisGetReplyFromReader(s->context, &reply) != REDIS_OK)
        stream_break(s, s->context->errstr);
    return reply != NULL;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct stream *s = arg;

    (void)fd;
    (void)what;
    if (s->state == STREAM_CONNECTING)
        return; /* on_connected sees why */
    if (redisBufferRead(s->context) != REDIS_OK) {
        stream_drop(s, s->context->errstr);
        return;
    }
    s->since_ms = clock_mono_ms();
    while (!s->broken && take_reply(s))
        on_reply(s);
    if (s->broken)
        stream_drop(s, s->broken);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    struct stream *s = arg;

    (void)fd;
    (void)what;
    s->full = false;
    if (s->state == STREAM_CONNECTING)
        on_connected(s);
    else
        write_out(s);
}

/* At the end of the turn. */
static void on_flush(evutil_socket_t fd, short what, void *arg)
{
    struct stream *s = arg;

    (void)fd;
    (void)what;
    if (!s->broken && !s->full)
        write_out(s);
    if (s->broken)
        stream_drop(s, s->broken);
}

static void watch(struct stream *s)
{
    s->readable = event_new(s->base, s->context->fd, EV_READ | EV_PERSIST, on_readable, s);
    s->writable = event_new(s->base, s->context->fd, EV_WRITE, on_writable, s);
    if (!s->readable || !s->writable || event_add(s->readable, NULL) || event_add(s->writable, NULL))
        fatalx("stream: no memory for an event");
}

static void stream_connect(struct stream *s)
{
    const struct redis_url *url = s->url;

    stream_enter(s, STREAM_CONNECTING);
    s->since_ms = clock_mono_ms();
    s->host = s->resolver ? resolver_address(s->resolver) : url->host;
    if (!s->host) {
        stream_drop(s, "the host's address is not known");
        return;
    }
    s->context =
        url->path[0] ? redisConnectUnixNonBlock(url->path) : redisConnectNonBlock(s->host, url->port);
    if (!s->context || s->context->err) {
        stream_drop(s, s->context ? s->context->errstr : "no memory for a connection");
        return;
    }
    plain_reply_init(&s->reply, s->context->reader);
    watch(s);
}

void stream_tick(struct stream *s, int64_t mono_ms)
{
    static const char ping[] = "*1\r\n$4\r\nPING\r\n";

    if (s->state == STREAM_STOPPED)
        return;
    if (s->state == STREAM_DOWN) {
        if (mono_ms >= s->retry_ms)
            stream_connect(s);
        return;
    }
    if (mono_ms - s->since_ms >= STREAM_SILENCE_MS) {
        stream_drop(s, "silent");
        return;
    }
    if (s->state == STREAM_UP && mono_ms >= s->ping_ms) {
        s->ping_ms = mono_ms + STREAM_PING_MS;
        (void)!stream_send(s, ping, sizeof(ping) - 1, NULL);
    }
}

struct stream *stream_new(struct event_base *base, const struct redis_url *url, struct resolver *resolver)
{
    struct stream *s = xcalloc(1, sizeof(*s));

    s->base = base;
    s->url = url;
    s->resolver = resolver;
    s->backoff_ms = BACKOFF_FIRST_MS;
    redis_url_label(url, s->label, sizeof(s->label));
    if (getrandom(&s->random, sizeof(s->random), 0) != (ssize_t)sizeof(s->random) || s->random == 0)
        s->random = (uint64_t)clock_mono_us() | 1;
    s->step.done = on_step;
    s->last.done = on_last;
    s->flush = event_new(base, -1, 0, on_flush, s);
    if (!s->flush)
        fatalx("stream: no memory for an event");
    return s;
}

void stream_stop(struct stream *s)
{
    if (s->state == STREAM_STOPPED)
        return;
    stream_enter(s, STREAM_STOPPED);
    stream_close(s);
}

void stream_free(struct stream *s)
{
    if (!s)
        return;
    stream_stop(s);
    event_free(s->flush);
    free(s->calls);
    free(s);
}

uint64_t stream_generation(const struct stream *s)
{
    return s->generation;
}

bool stream_ready(const struct stream *s)
{
    int64_t refused_ms = atomic_load(&s->refused_ms);

    return atomic_load(&s->up) && (refused_ms == 0 || clock_mono_ms() >= refused_ms);
}
