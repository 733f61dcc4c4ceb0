/* sim_http.c - see sim_http.h. */
#include "sim_http.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>

#include "sim_control.h"
#include "sim_count.h"
#include "sim_platform.h"
#include "sim_state.h"

#define PARAMS_MAX 64
#define BODY_MAX   (64 << 20)

/* An answer on its way: late, held, or being cut off. */
struct job {
    TAILQ_ENTRY(job) next;
    struct sim *sim;
    struct evhttp_request *req; /* NULL once evhttp has it back */
    struct event *timer;        /* owned; NULL while held */
    struct answer answer;
    bool cutting; /* the connection is ours and dies at the next timer */
};

struct http {
    struct evhttp *server;
    SSL_CTX *tls; /* NULL: plain */
    TAILQ_HEAD(jobs, job) jobs;
};

const char *call_param(const struct call *call, const char *name)
{
    for (size_t i = 0; i < call->param_count; i++) {
        if (strcmp(call->params[i].name, name) == 0)
            return call->params[i].value;
    }
    return NULL;
}

/* --- delivery --------------------------------------------------------------------------------------- */

static void answer_deinit(struct answer *a)
{
    buf_deinit(&a->body);
    free(a->location);
    a->location = NULL;
}

static void job_free(struct job *job)
{
    TAILQ_REMOVE(&job->sim->http->jobs, job, next);
    if (job->timer)
        event_free(job->timer);
    answer_deinit(&job->answer);
    free(job);
}

static void release_body(const void *data, size_t len, void *arg)
{
    (void)data;
    (void)len;
    free(arg);
}

static void http_date(const struct sim *sim, char out[64])
{
    time_t now = (time_t)sim_now_s(sim);
    struct tm tm;

    gmtime_r(&now, &tm);
    strftime(out, 64, "%a, %d %b %Y %H:%M:%S GMT", &tm); /* the C locale: setlocale is never called */
}

static void answer_headers(const struct sim *sim, const struct answer *a, struct evkeyvalq *headers)
{
    char text[64];

    http_date(sim, text);
    evhttp_add_header(headers, "Date", text);
    evhttp_add_header(headers, "Content-Type", a->media ? a->media : "application/json");
    if (a->retry_after >= 0) {
        snprintf(text, sizeof text, "%lld", (long long)a->retry_after);
        evhttp_add_header(headers, "Retry-After", text);
    }
    if (a->location)
        evhttp_add_header(headers, "Location", a->location);
}

/* Gives the request back to evhttp with its whole answer. */
static void answer_send(struct sim *sim, struct evhttp_request *req, struct answer *a)
{
    struct evbuffer *out = evbuffer_new();

    answer_headers(sim, a, evhttp_request_get_output_headers(req));
    if (a->body.n) {
        evbuffer_add_reference(out, a->body.p, a->body.n, release_body, a->body.p);
        a->body = (struct buf){0};
    }
    evhttp_send_reply(req, a->status, NULL, out);
    evbuffer_free(out);
}

static void job_later(struct job *job, int64_t ms);

static void on_cut_flushed(struct bufferevent *bev, void *arg)
{
    (void)bev;
    job_later(arg, 0);
}

static void on_cut_error(struct bufferevent *bev, short what, void *arg)
{
    (void)bev;
    (void)what;
    job_later(arg, 0);
}

/* Head with the full length, half of the body, then the end of the connection. evhttp gets no event of this
 * connection any more; it is freed from the timer, never from inside one of its own callbacks. */
static void job_cut(struct job *job)
{
    struct evhttp_connection *conn = evhttp_request_get_connection(job->req);
    struct bufferevent *bev = evhttp_connection_get_bufferevent(conn);
    struct evbuffer *out = bufferevent_get_output(bev);
    char date[64];

    job->cutting = true;
    if (job->answer.how == DELIVER_CLOSE) {
        bufferevent_setcb(bev, NULL, NULL, NULL, NULL);
        job_later(job, 0);
        return;
    }
    http_date(job->sim, date);
    evbuffer_add_printf(
        out, "HTTP/1.1 %d OK\r\nDate: %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
        job->answer.status, date, job->answer.body.n);
    evbuffer_add(out, job->answer.body.p, job->answer.body.n / 2);
    bufferevent_setcb(bev, NULL, on_cut_flushed, on_cut_error, job);
    bufferevent_enable(bev, EV_WRITE);
    job_later(job, 5000); /* a peer that does not read gets no more time than this */
}

/* Delivers the answer of a job; the job may be gone afterwards. */
static void job_deliver(struct job *job)
{
    struct answer *a = &job->answer;

    count_end(job->sim, a->number, a->how == DELIVER_CLOSE ? 0 : a->status, a->code, a->error, a->fault);
    if (a->how == DELIVER_CLOSE || a->how == DELIVER_TRUNCATED) {
        job_cut(job);
        return;
    }
    answer_send(job->sim, job->req, a);
    job_free(job);
}

static void on_job_timer(evutil_socket_t fd, short what, void *arg)
{
    struct job *job = arg;

    (void)fd;
    (void)what;
    if (!job->cutting) {
        job_deliver(job);
        return;
    }
    evhttp_connection_free(evhttp_request_get_connection(job->req)); /* frees the request, too */
    job_free(job);
}

static void job_later(struct job *job, int64_t ms)
{
    struct timeval wait = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

    if (!job->timer)
        job->timer = evtimer_new(job->sim->base, on_job_timer, job);
    evtimer_add(job->timer, &wait);
}

static void job_start(struct sim *sim, struct evhttp_request *req, struct answer *a)
{
    struct job *job = buf_alloc(sizeof *job);

    job->sim = sim;
    job->req = req;
    job->answer = *a;
    TAILQ_INSERT_TAIL(&sim->http->jobs, job, next);
    if (a->how == DELIVER_HELD)
        return;
    if (a->delay_ms)
        job_later(job, a->delay_ms);
    else
        job_deliver(job);
}

uint64_t http_release(struct sim *sim, int64_t shop, int64_t number)
{
    uint64_t released = 0;
    struct job *job, *after;

    for (job = TAILQ_FIRST(&sim->http->jobs); job; job = after) {
        after = TAILQ_NEXT(job, next);
        if (job->answer.how != DELIVER_HELD || (shop >= 0 && job->answer.held_shop != shop) ||
            (number >= 0 && job->answer.held_number != number))
            continue;
        job->answer.how = DELIVER_ANSWER;
        job_later(job, 0);
        released++;
    }
    return released;
}

void http_finish(struct sim *sim, uint64_t number, struct answer *instead)
{
    struct job *job;

    TAILQ_FOREACH(job, &sim->http->jobs, next)
    {
        if (job->answer.how == DELIVER_HELD && job->answer.number == number)
            break;
    }
    if (!job)
        return;
    if (instead) {
        struct buf body = job->answer.body;

        job->answer.status = instead->status;
        memcpy(job->answer.error, instead->error, sizeof job->answer.error);
        job->answer.body = instead->body;
        instead->body = body; /* the caller frees it */
    }
    job->answer.how = DELIVER_ANSWER;
    job_later(job, 0);
}

uint64_t http_held(const struct sim *sim)
{
    uint64_t held = 0;
    const struct job *job;

    TAILQ_FOREACH(job, &sim->http->jobs, next)
    held += job->answer.how == DELIVER_HELD;
    return held;
}

/* --- requests ---------------------------------------------------------------------------------------- */

static int hex_value(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Decodes in place; '+' is a space, as query parsers everywhere take it. */
static void percent_decode(char *s)
{
    char *to = s;

    for (; *s; s++) {
        if (*s == '%' && hex_value(s[1]) >= 0 && hex_value(s[2]) >= 0) {
            *to++ = (char)(hex_value(s[1]) * 16 + hex_value(s[2]));
            s += 2;
        } else {
            *to++ = *s == '+' ? ' ' : *s;
        }
    }
    *to = '\0';
}

/* Splits the query text in place. Parameters beyond the limit are dropped, which breaks the signature. */
static size_t query_split(char *query, struct sign_param params[PARAMS_MAX])
{
    size_t n = 0;

    while (query && *query && n < PARAMS_MAX) {
        char *end = strchr(query, '&');
        char *eq;

        if (end)
            *end = '\0';
        eq = strchr(query, '=');
        if (eq)
            *eq = '\0';
        percent_decode(query);
        if (eq)
            percent_decode(eq + 1);
        params[n++] = (struct sign_param){query, eq ? eq + 1 : ""};
        query = end ? end + 1 : NULL;
    }
    return n;
}

static const char *method_name(enum evhttp_cmd_type type)
{
    switch (type) {
    case EVHTTP_REQ_GET:
        return "GET";
    case EVHTTP_REQ_POST:
        return "POST";
    case EVHTTP_REQ_PUT:
        return "PUT";
    case EVHTTP_REQ_DELETE:
        return "DELETE";
    case EVHTTP_REQ_HEAD:
        return "HEAD";
    default:
        return "OTHER";
    }
}

static bool peer_is_local(struct evhttp_request *req)
{
    char *address = NULL;
    uint16_t port = 0;

    evhttp_connection_get_peer(evhttp_request_get_connection(req), &address, &port);
    return address && (strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0 ||
                       strncmp(address, "::ffff:127.", 11) == 0);
}

static void on_request(struct evhttp_request *req, void *arg)
{
    struct sim *sim = arg;
    struct evkeyvalq *head = evhttp_request_get_input_headers(req);
    struct evbuffer *in = evhttp_request_get_input_buffer(req);
    char *uri = buf_strdup(evhttp_request_get_uri(req));
    char *mark = strchr(uri, '?');
    struct sign_param params[PARAMS_MAX];
    struct answer answer = {.status = 200, .retry_after = -1, .held_shop = -1, .held_number = -1};
    struct call call = {
        .method = method_name(evhttp_request_get_command(req)), .path = uri, .params = params};

    if (mark)
        *mark++ = '\0';
    call.param_count = query_split(mark, params);
    call.body_len = evbuffer_get_length(in);
    call.body = call.body_len ? (const char *)evbuffer_pullup(in, -1) : NULL;
    call.token = evhttp_find_header(head, "x-tts-access-token");
    call.media = evhttp_find_header(head, "Content-Type");
    call.local = peer_is_local(req);
    if (strncmp(uri, "/_sim/", 6) == 0) {
        control_answer(sim, &call, &answer);
        answer_send(sim, req, &answer);
        answer_deinit(&answer);
    } else {
        sim->platform->answer(sim, &call, &answer);
        job_start(sim, req, &answer);
    }
    free(uri);
}

static struct bufferevent *on_connection(struct event_base *base, void *arg)
{
    struct sim *sim = arg;

    count_connection(sim);
    if (sim->http->tls)
        return bufferevent_openssl_socket_new(base, -1, SSL_new(sim->http->tls), BUFFEREVENT_SSL_ACCEPTING,
                                              BEV_OPT_CLOSE_ON_FREE);
    return bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
}

/* --- life ---------------------------------------------------------------------------------------------- */

static bool tls_open(struct http *http, const struct options *opt)
{
    http->tls = SSL_CTX_new(TLS_server_method());
    if (!http->tls || SSL_CTX_use_certificate_chain_file(http->tls, opt->tls_cert) != 1 ||
        SSL_CTX_use_PrivateKey_file(http->tls, opt->tls_key, SSL_FILETYPE_PEM) != 1) {
        fprintf(stderr, "simulator: cannot use certificate %s with key %s\n", opt->tls_cert, opt->tls_key);
        return false;
    }
    SSL_CTX_set_min_proto_version(http->tls, TLS1_2_VERSION);
    return true;
}

/* Accepted sockets inherit TCP_NODELAY from the listening one. */
static uint16_t socket_prepare(evutil_socket_t fd)
{
    struct sockaddr_storage at = {0};
    socklen_t len = sizeof at;
    int on = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    getsockname(fd, (struct sockaddr *)&at, &len);
    return ntohs(at.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&at)->sin6_port
                                          : ((struct sockaddr_in *)&at)->sin_port);
}

bool http_open(struct sim *sim, uint16_t *port)
{
    struct http *http = buf_alloc(sizeof *http);
    struct evhttp_bound_socket *bound;

    sim->http = http;
    TAILQ_INIT(&http->jobs);
    if (sim->opt.tls_cert && !tls_open(http, &sim->opt))
        return false;
    http->server = evhttp_new(sim->base);
    if (!http->server) {
        fputs("simulator: no HTTP server\n", stderr);
        return false;
    }
    evhttp_set_max_body_size(http->server, BODY_MAX);
    evhttp_set_max_headers_size(http->server, 64 << 10);
    evhttp_set_allowed_methods(http->server, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_PUT |
                                                 EVHTTP_REQ_DELETE | EVHTTP_REQ_HEAD | EVHTTP_REQ_PATCH);
    evhttp_set_bevcb(http->server, on_connection, sim);
    evhttp_set_gencb(http->server, on_request, sim);
    bound = evhttp_bind_socket_with_handle(http->server, sim->opt.host, sim->opt.port);
    if (!bound) {
        fprintf(stderr, "simulator: cannot listen on %s:%u\n", sim->opt.host, sim->opt.port);
        return false;
    }
    *port = socket_prepare(evhttp_bound_socket_get_fd(bound));
    return true;
}

void http_close(struct sim *sim)
{
    struct http *http = sim->http;

    if (!http)
        return;
    while (!TAILQ_EMPTY(&http->jobs)) {
        struct job *job = TAILQ_FIRST(&http->jobs);

        if (job->cutting)
            bufferevent_setcb(evhttp_connection_get_bufferevent(evhttp_request_get_connection(job->req)),
                              NULL, NULL, NULL, NULL);
        job_free(job);
    }
    if (http->server)
        evhttp_free(http->server);
    SSL_CTX_free(http->tls);
    free(http);
    sim->http = NULL;
}
