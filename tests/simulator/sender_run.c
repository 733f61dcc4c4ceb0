/* sender_run.c - sends the list over kept-alive connections and notes how each attempt ended. See sender.h.
 *
 * In:     finished requests. Out: struct outcome.
 * Fails:  only when nothing can be started; a receiver that refuses, hangs or talks nonsense is an outcome.
 * Thread: one, around epoll.
 * Why so: an own client of two hundred lines instead of a library, because it must cost less than the server
 * it measures. In open loop (a rate) the latency counts from the moment the event was due, not from when a
 * connection was free for it: a server that stalls cannot hide it by slowing the sender down. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "sender.h"
#include "sim_buf.h"
#include "sim_num.h"

#define ANSWER_MAX 16384 /* bytes of an answer that are kept to understand it */

enum conn_state {
    CONN_CLOSED,
    CONN_IDLE,       /* connected, nothing under way */
    CONN_CONNECTING, /* an event waits for the connection */
    CONN_SENDING,
    CONN_READING
};

struct conn {
    int fd; /* -1: none */
    enum conn_state state;
    bool wants_write; /* EPOLLOUT is registered */
    size_t event;     /* under way */
    size_t sent;      /* bytes of its request */
    int64_t due_us;   /* when the event was due */
    int64_t deadline_us;
    size_t have;  /* bytes in answer */
    int64_t skip; /* bytes of the body still to come, -1: head not complete */
    bool close;   /* the peer said it will close, or the end is only told by closing */
    int status;
    char answer[ANSWER_MAX];
};

/* A failed event that waits for its next try; all wait equally long, so a ring is in order. */
struct waiting {
    size_t event;
    int64_t due_us;
};

struct run {
    const struct plan *plan;
    const struct list *list;
    struct outcome *out;
    struct sockaddr_storage addr;
    socklen_t addr_len;
    int epoll;
    struct conn *conn;
    size_t *free; /* stack of connections without an event */
    size_t frees;
    struct waiting *ring;
    size_t ring_at, ring_count;
    size_t next; /* first event not yet begun */
    size_t done; /* events that are over */
    int64_t start_us;
};

static volatile sig_atomic_t stopped; /* set by the raw handler, nothing more */

static void on_stop(int sig)
{
    (void)sig;
    stopped = 1;
}

static int64_t now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* --- attempts ---------------------------------------------------------------------------------------------- */

static void latency_note(struct outcome *out, uint32_t us)
{
    if (out->latencies == out->latency_cap) {
        out->latency_cap = out->latency_cap ? out->latency_cap * 2 : 65536;
        out->latency = buf_grow(out->latency, out->latency_cap * sizeof *out->latency);
    }
    out->latency[out->latencies++] = us;
}

/* The attempt under way on this connection ended with this status. */
static void attempt_end(struct run *r, struct conn *c, int status)
{
    struct event_state *e = &r->out->event[c->event];
    int64_t us = now_us() - c->due_us;

    e->latency_us = us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
    r->out->status[c->event * (size_t)(r->plan->retries + 1) + e->attempts] = (uint16_t)status;
    e->attempts++;
    e->accepted = status == 200;
    if (status >= 100)
        latency_note(r->out, e->latency_us);
    if (e->accepted || e->attempts > r->plan->retries) {
        r->done++;
    } else {
        size_t at = (r->ring_at + r->ring_count++) % r->out->events;

        r->ring[at] = (struct waiting){c->event, now_us() + r->plan->retry_ms * 1000};
        r->out->retries++;
    }
    r->free[r->frees++] = (size_t)(c - r->conn);
}

static void conn_close(struct conn *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    c->state = CONN_CLOSED;
}

static void conn_fail(struct run *r, struct conn *c, int status)
{
    bool busy = c->state != CONN_IDLE && c->state != CONN_CLOSED;

    conn_close(c);
    if (busy)
        attempt_end(r, c, status);
}

static void conn_watch(struct run *r, struct conn *c, bool write, int op)
{
    struct epoll_event ev = {.events = EPOLLIN | EPOLLRDHUP, .data.u64 = (uint64_t)(c - r->conn)};

    if (write)
        ev.events |= EPOLLOUT;
    c->wants_write = write;
    epoll_ctl(r->epoll, op, c->fd, &ev);
}

static void conn_send(struct run *r, struct conn *c)
{
    const struct request *q = &r->list->request[c->event % r->list->count];

    while (c->sent < q->len) {
        ssize_t n = send(c->fd, q->bytes + c->sent, q->len - c->sent, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN) {
            c->state = CONN_SENDING;
            if (!c->wants_write)
                conn_watch(r, c, true, EPOLL_CTL_MOD);
            return;
        }
        if (n < 0) {
            conn_fail(r, c, STATUS_CONNECTION);
            return;
        }
        c->sent += (size_t)n;
    }
    if (c->wants_write)
        conn_watch(r, c, false, EPOLL_CTL_MOD);
    c->state = CONN_READING;
}

static void conn_connect(struct run *r, struct conn *c)
{
    int on = 1;

    c->state = CONN_CONNECTING;
    c->fd = socket(r->addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) {
        conn_fail(r, c, STATUS_CONNECTION);
        return;
    }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(c->fd, (const struct sockaddr *)&r->addr, r->addr_len) != 0 && errno != EINPROGRESS) {
        conn_fail(r, c, STATUS_CONNECTION);
        return;
    }
    conn_watch(r, c, true, EPOLL_CTL_ADD);
}

static void attempt_begin(struct run *r, size_t event, int64_t due_us)
{
    struct conn *c = &r->conn[r->free[--r->frees]];

    c->event = event;
    c->sent = 0;
    c->due_us = due_us;
    c->deadline_us = now_us() + r->plan->timeout_ms * 1000;
    c->have = 0;
    c->skip = -1;
    c->close = false;
    r->out->sent++;
    if (c->state == CONN_IDLE)
        conn_send(r, c);
    else
        conn_connect(r, c);
}

/* --- answers ------------------------------------------------------------------------------------------------ */

/* Value of a header inside the head; NULL when absent. *len is without the line end. */
static const char *head_find(const char *head, size_t n, const char *name, size_t *len)
{
    const char *line = memchr(head, '\n', n), *end = head + n;
    size_t size = strlen(name);

    while (line && ++line < end) {
        const char *stop = memchr(line, '\r', (size_t)(end - line));

        if (!stop)
            return NULL;
        if ((size_t)(stop - line) > size && line[size] == ':' && strncasecmp(line, name, size) == 0) {
            line += size + 1;
            while (line < stop && *line == ' ')
                line++;
            *len = (size_t)(stop - line);
            return line;
        }
        line = memchr(stop, '\n', (size_t)(end - stop));
    }
    return NULL;
}

/* Understands the head once it is complete. False: not HTTP. */
static bool head_read(struct conn *c, size_t head)
{
    size_t len;
    const char *value;
    int64_t status, length = -1;

    if (head < 12 || memcmp(c->answer, "HTTP/1.", 7) != 0 || !num_i64(c->answer + 9, 3, 100, 599, &status))
        return false;
    c->status = (int)status;
    value = head_find(c->answer, head, "Connection", &len);
    c->close = value && len == 5 && strncasecmp(value, "close", 5) == 0;
    value = head_find(c->answer, head, "Content-Length", &len);
    if (value && !num_i64(value, len, 0, INT64_MAX, &length))
        return false;
    if (length < 0 && status == 204)
        length = 0;
    if (length < 0) { /* chunked or until the end: the status is known, the connection is given up */
        c->close = true;
        length = 0;
    }
    c->skip = length - (int64_t)(c->have - head);
    return c->skip >= 0 || c->close;
}

/* True when the answer is complete; false with skip < 0 and status 0: it is none. */
static bool answer_take(struct conn *c, size_t fresh)
{
    const char *end;

    if (c->skip >= 0) {
        c->skip -= (int64_t)fresh;
        return c->skip <= 0;
    }
    end = memmem(c->answer, c->have, "\r\n\r\n", 4);
    if (!end) {
        if (c->have == ANSWER_MAX)
            c->status = 0;
        return false;
    }
    if (!head_read(c, (size_t)(end - c->answer) + 4)) {
        c->status = 0;
        return false;
    }
    return c->skip <= 0;
}

static void conn_read(struct run *r, struct conn *c)
{
    size_t at = c->skip >= 0 ? 0 : c->have;
    ssize_t n = recv(c->fd, c->answer + at, ANSWER_MAX - at, 0);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0 || c->state == CONN_IDLE) {
        conn_fail(r, c, STATUS_CONNECTION);
        return;
    }
    if (c->skip < 0)
        c->have += (size_t)n;
    c->status = c->skip < 0 ? -1 : c->status;
    if (answer_take(c, (size_t)n)) {
        int status = c->status;

        if (c->close || r->plan->close || c->state != CONN_READING)
            conn_close(c);
        else
            c->state = CONN_IDLE;
        attempt_end(r, c, status);
    } else if (c->status == 0) {
        conn_fail(r, c, STATUS_CONNECTION);
    }
}

static void conn_event(struct run *r, struct conn *c, uint32_t events)
{
    if (c->fd < 0)
        return;
    if (c->state == CONN_CONNECTING && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))) {
        int error = 0;
        socklen_t len = sizeof error;

        getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len);
        if (error) {
            conn_fail(r, c, STATUS_CONNECTION);
            return;
        }
        conn_send(r, c);
        return;
    }
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLERR | EPOLLHUP))
        conn_read(r, c);
    if (c->fd >= 0 && c->state == CONN_SENDING && (events & EPOLLOUT))
        conn_send(r, c);
}

/* --- the loop ------------------------------------------------------------------------------------------------- */

/* When the next event is due; INT64_MAX: none is left. */
static int64_t next_due(const struct run *r, bool *retry)
{
    int64_t fresh = INT64_MAX;
    int64_t again = r->ring_count ? r->ring[r->ring_at].due_us : INT64_MAX;

    if (r->next < r->out->events)
        fresh = r->plan->rate ? r->start_us + (int64_t)((double)r->next * 1e6 / (double)r->plan->rate) : 0;
    *retry = again <= fresh || (again != INT64_MAX && again <= now_us());
    return *retry ? again : fresh;
}

/* Begins everything that is due and has a connection. Returns µs until the next is due, at most 20 ms. */
static int64_t begin_due(struct run *r)
{
    while (r->frees) {
        bool retry;
        int64_t due = next_due(r, &retry), now = now_us();

        if (due > now)
            return due - now > 20000 ? 20000 : due - now;
        if (retry) {
            size_t event = r->ring[r->ring_at].event;

            r->ring_at = (r->ring_at + 1) % r->out->events;
            r->ring_count--;
            attempt_begin(r, event, due);
        } else {
            attempt_begin(r, r->next++, r->plan->rate ? due : now);
        }
    }
    return 20000;
}

static void expire(struct run *r, int64_t now)
{
    for (int64_t i = 0; i < r->plan->connections; i++) {
        struct conn *c = &r->conn[i];

        if (c->state > CONN_IDLE && now > c->deadline_us)
            conn_fail(r, c, STATUS_TIMEOUT);
    }
}

static void progress(const struct run *r, int64_t now)
{
    double seconds = (double)(now - r->start_us) / 1e6;

    fprintf(stderr, "\r%zu of %zu events answered, %.0f requests/s, %llu retries ", r->done, r->out->events,
            seconds > 0 ? (double)r->out->sent / seconds : 0, (unsigned long long)r->out->retries);
}

static void loop(struct run *r)
{
    struct epoll_event events[256];
    int64_t checked = r->start_us, shown = r->start_us;
    bool tty = isatty(STDERR_FILENO) == 1;

    while (r->done < r->out->events && !stopped) {
        int64_t wait = begin_due(r), now;
        struct timespec ts = {.tv_nsec = wait * 1000};
        int n = epoll_pwait2(r->epoll, events, 256, &ts, NULL);

        if (n < 0 && errno == ENOSYS)
            n = epoll_wait(r->epoll, events, 256, (int)(wait / 1000) + 1);
        for (int i = 0; i < n; i++)
            conn_event(r, &r->conn[events[i].data.u64], events[i].events);
        now = now_us();
        if (now - checked > 10000) {
            expire(r, now);
            checked = now;
        }
        if (tty && now - shown > 200000) {
            progress(r, now);
            shown = now;
        }
    }
    if (tty && shown != r->start_us) {
        progress(r, now_us());
        fputc('\n', stderr);
    }
}

/* One after another: a burst of them would overflow what the receiver may leave unaccepted. */
static bool connect_all(struct run *r)
{
    for (int64_t i = 0; i < r->plan->connections; i++) {
        struct conn *c = &r->conn[i];
        int on = 1;

        c->fd = socket(r->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (c->fd < 0 || connect(c->fd, (const struct sockaddr *)&r->addr, r->addr_len) != 0 ||
            fcntl(c->fd, F_SETFL, O_NONBLOCK) != 0) {
            perror("webhook-sender: connect");
            return false;
        }
        setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        conn_watch(r, c, false, EPOLL_CTL_ADD);
        c->state = CONN_IDLE;
    }
    return true;
}

/* Whoever measures begins his clock now: making the list and connecting is no part of the load. */
static bool wait_for_go(void)
{
    char line[64];

    fputs("ready\n", stderr);
    return fgets(line, sizeof line, stdin) != NULL;
}

static bool resolve(struct run *r)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int error = getaddrinfo(r->plan->host, r->plan->port, &hints, &found);

    if (error) {
        fprintf(stderr, "webhook-sender: %s: %s\n", r->plan->host, gai_strerror(error));
        return false;
    }
    memcpy(&r->addr, found->ai_addr, found->ai_addrlen);
    r->addr_len = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

bool run_all(const struct plan *plan, const struct list *list, struct outcome *out)
{
    struct run r = {.plan = plan, .list = list, .out = out, .epoll = -1};
    struct sigaction action = {.sa_handler = on_stop};
    size_t n = (size_t)plan->connections;
    bool began;

    if (!resolve(&r))
        return false;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    out->events = list->count * (size_t)plan->repeat;
    out->event = buf_alloc(out->events * sizeof *out->event);
    out->status = buf_alloc(out->events * (size_t)(plan->retries + 1) * sizeof *out->status);
    r.ring = buf_alloc(out->events * sizeof *r.ring);
    r.conn = buf_alloc(n * sizeof *r.conn);
    r.free = buf_alloc(n * sizeof *r.free);
    r.epoll = epoll_create1(EPOLL_CLOEXEC);
    for (size_t i = 0; i < n; i++) {
        r.conn[i].fd = -1;
        r.free[r.frees++] = n - 1 - i;
    }
    began = (!plan->connect || connect_all(&r)) && (!plan->hold || wait_for_go());
    r.start_us = now_us();
    if (began)
        loop(&r);
    out->seconds = (double)(now_us() - r.start_us) / 1e6;
    for (size_t i = 0; i < n; i++)
        conn_close(&r.conn[i]);
    close(r.epoll);
    free(r.free);
    free(r.conn);
    free(r.ring);
    return began;
}
