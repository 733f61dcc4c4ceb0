/* admin.c - common: the port for probes and metrics, apart from the public one.
 *
 *   GET /healthz   200 "ok": this process turns its loop
 *   GET /readyz    200 or 503 with a line per dependency, worked out for each request
 *   GET /metrics   Prometheus text
 *   and a page of the program's own, where it has one (admin_add)
 *
 * In:      HTTP from probes and collectors; small GET and HEAD requests only.
 * Out:     their answers. Nothing here changes anything.
 * Fails:   at start, when the address cannot be bound. A slow or silent client is closed by the time-out.
 * Thread:  the caller's event_base (server), or a thread and event_base of its own (worker, whose threads block). It
 *          reads atomics only.
 * Why so:  every answer closes its connection and time-outs are short, so a client that hangs or a flood of them holds
 *          a descriptor for seconds. The thread is stopped by an eventfd and not by a call into its loop, which would
 *          need locks in every event_base of the process. */
#include "common/admin.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/metrics.h"
#include "common/number.h"
#include "common/thread.h"

enum { ADMIN_TIMEOUT_S = 5, ADMIN_HEADERS_MAX = 8192, ADMIN_BODY_MAX = 1024 };

struct admin {
    struct admin_callbacks callbacks; /* copied; context borrowed */
    const char *page, *page_type;     /* path and type of the program's own page; NULL: none */
    void (*page_render)(void *context, struct strbuf *to);
    void *page_context;          /* borrowed, given back to page_render */
    struct evhttp *http;         /* owned; listens */
    int port;                    /* bound port */
    struct event_base *own_base; /* owned by admin_start_thread; NULL on the caller's base */
    struct event *wake;          /* owned with own_base: wake_fd became readable */
    int wake_fd;                 /* owned eventfd, -1 without own_base */
    pthread_t thread;            /* valid when running */
    bool running;                /* the thread has been created and not joined */
};

static void admin_answer(struct evhttp_request *request, int status, const char *type,
                         const struct strbuf *body)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    char length[24];

    number_format_i64(length, (int64_t)body->length);
    evhttp_add_header(headers, "Content-Type", type);
    evhttp_add_header(headers, "Content-Length", length);
    evhttp_add_header(headers, "Cache-Control", "no-store");
    evhttp_add_header(headers, "Connection", "close");
    /* evhttp would send a body with the answer to HEAD too. */
    if (evhttp_request_get_command(request) != EVHTTP_REQ_HEAD)
        evbuffer_add(evhttp_request_get_output_buffer(request), strbuf_text(body), body->length);
    /* NULL: the standard reason phrase of the status. */
    evhttp_send_reply(request, status, NULL, NULL);
}

/* Appends the body and returns the status. */
static int admin_respond(struct admin *a, enum evhttp_cmd_type method, const char *path, struct strbuf *body)
{
    if (method != EVHTTP_REQ_GET && method != EVHTTP_REQ_HEAD) {
        strbuf_add_text(body, "only GET and HEAD\n");
        return 405;
    }
    if (strcmp(path, "/healthz") == 0) {
        strbuf_add_text(body, "ok\n");
        return 200;
    }
    if (strcmp(path, "/readyz") == 0)
        return a->callbacks.ready(a->callbacks.context, body) ? 200 : 503;
    if (strcmp(path, "/metrics") == 0) {
        metrics_render(body, a->callbacks.program);
        return 200;
    }
    if (a->page && strcmp(path, a->page) == 0) {
        a->page_render(a->page_context, body);
        return 200;
    }
    strbuf_add_text(body, "no such path; there are /healthz, /readyz and /metrics\n");
    return 404;
}

static void admin_on_request(struct evhttp_request *request, void *context)
{
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
    const char *given = uri ? evhttp_uri_get_path(uri) : NULL, *path = given ? given : "";
    struct admin *a = context;
    struct strbuf body = STRBUF_INIT;
    int status = admin_respond(a, evhttp_request_get_command(request), path, &body);
    bool metrics = status == 200 && strcmp(path, "/metrics") == 0,
         page = status == 200 && a->page && strcmp(path, a->page) == 0;

    if (status == 405)
        evhttp_add_header(evhttp_request_get_output_headers(request), "Allow", "GET, HEAD");
    admin_answer(request, status,
                 metrics ? "text/plain; version=0.0.4; charset=utf-8"
                 : page  ? a->page_type
                         : "text/plain; charset=utf-8",
                 &body);
    strbuf_deinit(&body);
}

static int admin_bound_port(evutil_socket_t fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address;
    socklen_t length = sizeof(address);

    memset(&address, 0, sizeof(address));
    if (getsockname(fd, &address.any, &length) != 0)
        return 0;
    return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

static bool admin_bind(struct admin *a, const struct config_listen *where, struct err *err)
{
    struct evhttp_bound_socket *socket;

    errno = 0;
    socket = evhttp_bind_socket_with_handle(a->http, where->host, (uint16_t)where->port);
    if (!socket) {
        err_set(err, ERR_SYSTEM, errno, "admin: cannot listen on %s port %d: %s", where->host, where->port,
                errno ? strerror(errno) : "no such address");
        return false;
    }
    a->port = admin_bound_port(evhttp_bound_socket_get_fd(socket));
    return true;
}

/* True when admin_start has something to do. */
static bool admin_wanted(const struct config_listen *where, bool *off)
{
    *off = where->port < 0;
    return !*off;
}

static bool admin_listen(struct admin *a, struct event_base *base, const struct config_listen *where,
                         struct err *err)
{
    a->http = evhttp_new(base);
    if (!a->http) {
        err_set(err, ERR_SYSTEM, 0, "admin: out of memory");
        return false;
    }
    evhttp_set_timeout(a->http, ADMIN_TIMEOUT_S);
    evhttp_set_max_headers_size(a->http, ADMIN_HEADERS_MAX);
    evhttp_set_max_body_size(a->http, ADMIN_BODY_MAX);
    /* All methods reach the callback: it says which are allowed, where evhttp would only say 501. */
    evhttp_set_allowed_methods(a->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST | EVHTTP_REQ_PUT |
                                            EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS | EVHTTP_REQ_PATCH);
    evhttp_set_gencb(a->http, admin_on_request, a);
    return admin_bind(a, where, err);
}

static struct admin *admin_new(const struct admin_callbacks *callbacks)
{
    struct admin *a = xcalloc(1, sizeof *a);

    a->callbacks = *callbacks;
    a->wake_fd = -1;
    return a;
}

struct admin *admin_start(struct event_base *base, const struct config_listen *where,
                          const struct admin_callbacks *callbacks, bool *off, struct err *err)
{
    struct admin *a;

    if (!admin_wanted(where, off))
        return NULL;
    a = admin_new(callbacks);
    if (!admin_listen(a, base, where, err)) {
        admin_stop(a);
        return NULL;
    }
    return a;
}

static void admin_on_wake(evutil_socket_t fd, short what, void *context)
{
    struct admin *a = context;

    (void)fd;
    (void)what;
    event_base_loopbreak(a->own_base);
}

static void *admin_run(void *context)
{
    struct admin *a = context;

    event_base_dispatch(a->own_base);
    return NULL;
}

static bool admin_prepare_thread(struct admin *a, struct err *err)
{
    a->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (a->wake_fd < 0) {
        err_errno(err, "eventfd", NULL);
        return false;
    }
    a->own_base = event_base_new();
    if (a->own_base)
        a->wake = event_new(a->own_base, a->wake_fd, EV_READ, admin_on_wake, a);
    if (!a->wake || event_add(a->wake, NULL) != 0) {
        err_set(err, ERR_SYSTEM, 0, "admin: cannot make an event loop");
        return false;
    }
    return true;
}

struct admin *admin_start_thread(const struct config_listen *where, const struct admin_callbacks *callbacks,
                                 bool *off, struct err *err)
{
    struct admin *a;

    if (!admin_wanted(where, off))
        return NULL;
    a = admin_new(callbacks);
    if (!admin_prepare_thread(a, err) || !admin_listen(a, a->own_base, where, err) ||
        !thread_start(&a->thread, admin_run, a, err)) {
        admin_stop(a);
        return NULL;
    }
    a->running = true;
    return a;
}

void admin_add(struct admin *a, const char *path, const char *type,
               void (*render)(void *context, struct strbuf *to), void *context)
{
    a->page = path;
    a->page_type = type;
    a->page_render = render;
    a->page_context = context;
}

int admin_port(const struct admin *a)
{
    return a->port;
}

static void admin_join(struct admin *a)
{
    if (!a->running)
        return;
    /* Fails only when the counter is full, and then the loop is awake anyway. */
    if (eventfd_write(a->wake_fd, 1) != 0 && errno != EAGAIN)
        fatalx("admin: its thread cannot be woken", LOG_I("errno", errno));
    pthread_join(a->thread, NULL);
    a->running = false;
}

void admin_stop(struct admin *a)
{
    if (!a)
        return;
    admin_join(a);
    if (a->http)
        evhttp_free(a->http);
    if (a->wake)
        event_free(a->wake);
    if (a->own_base)
        event_base_free(a->own_base);
    if (a->wake_fd >= 0)
        close(a->wake_fd);
    free(a);
}
