/* stream.c - server, stage 4 of 5, lower half: one loop's connection to Redis.
 *
 * Four states, changed in one place (stream_enter); the table below is the diagram. AUTH, SELECT and a PING go out as
 * soon as the socket is connected, and only the answer to that PING makes the stream UP: a Redis that is loading its
 * data, or refuses our password, accepts connections too.
 *
 * hiredis is fed by an adapter of our own instead of the one it ships, for two reasons. Commands of one loop turn leave
 * in one write: asking for a write only activates an event, and events activated during a turn run at its end. And its
 * adapter re-adds two one-shot events for every reply. Waiting for writability is done only while connecting and after a
 * short write.
 *
 * Lifetimes (hiredis 0.14.1): a failed connect calls onConnect with an error and never onDisconnect; a lost connection
 * calls onDisconnect; after either hiredis frees the context itself. redisAsyncFree on a connection that never came up
 * calls neither. So stream_lost may be reached from three places and does its work once. The context is never freed
 * inside those two callbacks (a double free), only from the timer or from a reply's callback, where hiredis defers it. */
#include "server/stream.h"

#include <errno.h>
#include <event2/event.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "common/clock.h"
#include "common/entry.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/strbuf.h"
#include "server/resolve.h"

enum {
    BACKOFF_FIRST_MS = 100,
    BACKOFF_LAST_MS = 5000,
    REFUSED_MS =
        10000, /* how long a refusal of our credentials makes us not ready: then traffic may try again */
};

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

    redisAsyncContext *context; /* hiredis owns it; NULL when there is none */
    struct event *readable;     /* persistent; NULL without a context */
    struct event *writable;     /* one-shot; same */
    struct event *flush;        /* not of a descriptor: activated, runs at the end of the loop turn */
    enum stream_state state;
    bool flushing; /* inside the flush: a further wish to write means the socket is full */

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

/* The connection is gone or was given up; its context is hiredis' to free. Does its work once a connection. */
static void stream_lost(struct stream *s, const char *why)
{
    const bool was_up = s->state == STREAM_UP;
    const int64_t now_ms = clock_mono_ms();

    s->context = NULL;
    if (s->state == STREAM_DOWN || s->state == STREAM_STOPPED)
        return;
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
    /* A demoted master keeps its connections: only a new one can find the new master. Deferred by hiredis, because
     * this runs inside a reply's callback. */
    if (first_word(text, n, "READONLY") && s->context)
        redisAsyncFree(s->context);
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

static void on_reply(redisAsyncContext *ac, void *reply, void *arg)
{
    struct stream *s = ac->data;
    struct stream_call *call = arg;
    const redisReply *r = reply;

    if (!r) {
        call->done(call, STREAM_REPLY_LOST, NULL, 0);
        return;
    }
    s->since_ms = clock_mono_ms();
    switch (r->type) {
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
        call->done(call, STREAM_REPLY_TEXT, r->str, r->len);
        break;
    case REDIS_REPLY_NIL:
        call->done(call, STREAM_REPLY_NIL, NULL, 0);
        break;
    case REDIS_REPLY_ERROR:
        note_refusal(s, r->str, r->len);
        call->done(call, STREAM_REPLY_ERROR, r->str, r->len);
        break;
    default:
        call->done(call, STREAM_REPLY_OTHER, NULL, 0);
        break;
    }
}

/* Of a command whose reply nobody waits for. */
static void on_unawaited(redisAsyncContext *ac, void *reply, void *arg)
{
    struct stream *s = ac->data;
    const redisReply *r = reply;

    (void)arg;
    if (!r)
        return;
    s->since_ms = clock_mono_ms();
    if (r->type == REDIS_REPLY_ERROR)
        note_refusal(s, r->str, r->len);
}

/* Of AUTH, SELECT and the first PING; arg is not NULL for the PING, the last of them. */
static void on_greeting(redisAsyncContext *ac, void *reply, void *arg)
{
    struct stream *s = ac->data;
    const redisReply *r = reply;

    if (!r || s->state != STREAM_GREETING)
        return;
    s->since_ms = clock_mono_ms();
    if (r->type == REDIS_REPLY_ERROR) {
        note_refusal(s, r->str, r->len);
        if (s->context)
            redisAsyncFree(ac); /* deferred; onDisconnect follows */
        return;
    }
    if (!arg)
        return;
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

/* ---- our event adapter for hiredis ---- */

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct stream *s = arg;

    (void)fd;
    (void)what;
    if (s->context)
        redisAsyncHandleRead(s->context);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    struct stream *s = arg;

    (void)fd;
    (void)what;
    s->flushing = true;
    if (s->context)
        redisAsyncHandleWrite(s->context);
    s->flushing = false;
}

static void want_read(void *arg)
{
    struct stream *s = arg;

    if (!event_pending(s->readable, EV_READ, NULL))
        event_add(s->readable, NULL);
}

static void want_no_read(void *arg)
{
    event_del(((struct stream *)arg)->readable);
}

static void want_write(void *arg)
{
    struct stream *s = arg;

    if (s->flushing || s->state == STREAM_CONNECTING)
        event_add(s->writable, NULL);
    else
        event_active(s->flush, EV_WRITE, 0);
}

static void want_no_write(void *arg)
{
    event_del(((struct stream *)arg)->writable);
}

static void unwatch(void *arg)
{
    struct stream *s = arg;

    if (s->readable)
        event_free(s->readable);
    if (s->writable)
        event_free(s->writable);
    event_del(s->flush);
    s->readable = NULL;
    s->writable = NULL;
}

static void watch(struct stream *s, redisAsyncContext *ac)
{
    s->readable = event_new(s->base, ac->c.fd, EV_READ | EV_PERSIST, on_readable, s);
    s->writable = event_new(s->base, ac->c.fd, EV_WRITE, on_writable, s);
    if (!s->readable || !s->writable)
        fatalx("stream: no memory for an event");
    ac->ev.data = s;
    ac->ev.addRead = want_read;
    ac->ev.delRead = want_no_read;
    ac->ev.addWrite = want_write;
    ac->ev.delWrite = want_no_write;
    ac->ev.cleanup = unwatch;
}

/* ---- the connection's life ---- */

static void send_greeting(struct stream *s, redisAsyncContext *ac)
{
    int rc = REDIS_OK;

    if (s->url->user[0])
        rc = redisAsyncCommand(ac, on_greeting, NULL, "AUTH %s %s", s->url->user, s->url->password);
    else if (s->url->password[0])
        rc = redisAsyncCommand(ac, on_greeting, NULL, "AUTH %s", s->url->password);
    if (rc == REDIS_OK && s->url->db)
        rc = redisAsyncCommand(ac, on_greeting, NULL, "SELECT %d", s->url->db);
    if (rc == REDIS_OK)
        rc = redisAsyncCommand(ac, on_greeting, s, "PING");
    if (rc != REDIS_OK)
        log_warn("redis greeting not sent", LOG_S("redis", s->label)); /* the silence rule ends it */
}

static void on_connect(const redisAsyncContext *ac, int status)
{
    struct stream *s = ac->data;

    if (status != REDIS_OK) {
        /* ac->err is still 0 here. */
        stream_lost(s, ac->c.errstr[0] ? ac->c.errstr : "connect failed");
        return;
    }
    if (s->state != STREAM_CONNECTING)
        return;
    if (s->url->host[0])
        redisEnableKeepAlive(&s->context->c);
    stream_enter(s, STREAM_GREETING);
    send_greeting(s, s->context);
}

static void on_disconnect(const redisAsyncContext *ac, int status)
{
    struct stream *s = ac->data;

    stream_lost(s, status == REDIS_OK || !ac->errstr ? "closed" : ac->errstr);
}

static void stream_connect(struct stream *s)
{
    const struct redis_url *url = s->url;
    redisAsyncContext *ac = NULL;

    stream_enter(s, STREAM_CONNECTING);
    s->since_ms = clock_mono_ms();
    s->host = s->resolver ? resolver_address(s->resolver) : url->host;
    if (!s->host) {
        stream_lost(s, "the host's address is not known");
        return;
    }
    ac = url->path[0] ? redisAsyncConnectUnix(url->path) : redisAsyncConnect(s->host, url->port);
    if (!ac || ac->err) {
        stream_lost(s, ac && ac->errstr ? ac->errstr : "no memory for a connection");
        if (ac)
            redisAsyncFree(ac);
        return;
    }
    ac->data = s;
    s->context = ac;
    watch(s, ac);
    redisAsyncSetDisconnectCallback(ac, on_disconnect);
    redisAsyncSetConnectCallback(ac, on_connect); /* asks for the first write */
}

/* Ends the connection from outside hiredis' callbacks. */
static void stream_drop(struct stream *s, const char *why)
{
    redisAsyncContext *ac = s->context;

    stream_lost(s, why); /* first: onDisconnect knows no reason, and may not be called at all */
    if (ac)
        redisAsyncFree(ac); /* open commands call back with NULL here */
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
    s->flush = event_new(base, -1, 0, on_writable, s);
    if (!s->flush)
        fatalx("stream: no memory for an event");
    return s;
}

void stream_stop(struct stream *s)
{
    redisAsyncContext *ac = s->context;

    if (s->state == STREAM_STOPPED)
        return;
    stream_enter(s, STREAM_STOPPED); /* first: nothing that calls back now may send */
    if (ac)
        redisAsyncFree(ac);
    s->context = NULL;
}

void stream_free(struct stream *s)
{
    if (!s)
        return;
    stream_stop(s);
    event_free(s->flush);
    free(s);
}

bool stream_send(struct stream *s, const void *command, size_t n, struct stream_call *call)
{
    if (s->state != STREAM_UP)
        return false;
    return redisAsyncFormattedCommand(s->context, call ? on_reply : on_unawaited, call, command, n) ==
           REDIS_OK;
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
