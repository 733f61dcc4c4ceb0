/* http.c - server, stage 1 of 5: receive; and the one function through which every answer leaves.
 *
 * on_request is the whole pipe in reading order: receive -> verify -> map -> store -> answer. Everything before the
 * store is pure and immediate; the store answers later, through http_answer, which is why that function gets only the
 * request and the verdict. The cap on what waits for Redis is looked at before mapping: at the cap a request must cost
 * nothing more.
 *
 * Limits: evhttp itself ends headers and bodies that are too large (chunked ones too) with 413 and its own page, and
 * silent connections by its time-out; connections.c ends the slow ones, and those that send on without ever completing a
 * request. Which requests are the last of their connection says framing.c. */
#include "server/http.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_struct.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/strbuf.h"
#include "server/framing.h"
#include "server/map.h"
#include "server/pending.h"
#include "server/placement.h"
#include "server/verify.h"
#include "server/verify_shopee.h"

enum {
    HEADERS_MAX = 16 * 1024, /* bytes of a request's first line and headers */
    TRACE_MAX = 64,          /* bytes of an X-Request-Id we take over */
    TRACE_MADE = 32,         /* hex digits of one we make: 16 of the loop, 16 counted */
    CHUNKS_MAX = 64 * 1024,  /* bytes a small body in small chunks may need besides twice its own */
    SWEEP_MS = 250,          /* between looks at the connections */
    DATE_MAX = 32,           /* bytes of a Date, its NUL included */
    EMPTY_MAX = 96,          /* bytes of an empty answer, its NUL included */
};

#define RETRY_AFTER_S "5"

struct http {
    const struct config *config;
    struct evhttp *evhttp;
    struct evhttp_bound_socket *bound; /* NULL once we stopped listening */
    struct connections *connections;
    struct verifier *verifier;
    enum metric verified[PLATFORMS][PUSH_SIGN_KEYS_MAX]; /* counter of each key of the verifier */
    struct mapper *mapper;
    struct placement *placement; /* borrowed */
    struct pendings *pendings;
    enum http_mode mode;
    int64_t swept_ms;       /* monotonic: last sweep */
    uint64_t traces;        /* made so far */
    char trace[TRACE_MADE]; /* the latest made; its first half is the loop's */
    int64_t date_s;         /* UTC epoch seconds: of date */
    char date[DATE_MAX];    /* the header's value */
    char empty[EMPTY_MAX];  /* a whole answer: 200 without a body, with that date */
    size_t empty_length;
};

static const struct {
    const char *path;
    enum platform platform;
} routes[] = {
    {"/webhooks/tiktok", PLATFORM_TIKTOK},
    {"/webhooks/shopee", PLATFORM_SHOPEE},
};

/* ---- stage 5: answer ---- */

/* A bufferevent asks the kernel whether it may write before it does. It nearly always may; so its event runs in this turn of
 * the loop, where it cancels the question: a system call and a turn less. What does not fit is asked for as ever. */
static void write_soon(struct evhttp_connection *connection)
{
    if (connection)
        event_active(&evhttp_connection_get_bufferevent(connection)->ev_write, EV_WRITE, 0);
}

static struct entry_text header(const struct evkeyvalq *headers, const char *name)
{
    /* evhttp_find_header calls a function for each letter. */
    for (const struct evkeyval *h = headers->tqh_first; h; h = h->next.tqe_next)
        if (strcasecmp(h->key, name) == 0)
            return (struct entry_text){h->value, strlen(h->value)};
    return (struct entry_text){NULL, 0};
}

/* evhttp would format it anew for each answer. */
static const char *date_now(struct http *h)
{
    const int64_t now_s = clock_now_ms() / 1000;

    if (now_s == h->date_s)
        return h->date;
    h->date_s = now_s;
    evutil_date_rfc1123(h->date, sizeof(h->date), NULL);
    h->empty_length = (size_t)snprintf(h->empty, sizeof(h->empty),
                                       "HTTP/1.1 200 OK\r\nDate: %s\r\nContent-Length: 0\r\n\r\n", h->date);
    return h->date;
}

/* A client that said nothing about its connection, and is told nothing about it. */
static bool stays(const struct http *h, const struct evhttp_request *request)
{
    return h->mode == HTTP_SERVING && request->minor == 1 && !request->output_headers->tqh_first &&
           !header(request->input_headers, "Connection").data;
}

/* What nearly every request gets: as evhttp would write it, which takes 6 allocations and 4 printfs for it. evhttp is told
 * that its request was answered as if it had been in pieces. False: not now. */
static bool answer_empty(struct http *h, struct evhttp_request *request, struct evhttp_connection *connection)
{
    struct bufferevent *bev = connection ? evhttp_connection_get_bufferevent(connection) : NULL;

    if (!bev || !stays(h, request) || !connections_let_go(h->connections, bev))
        return false;
    (void)date_now(h);
    evbuffer_add(bufferevent_get_output(bev), h->empty, h->empty_length);
    bufferevent_enable(bev, EV_WRITE);
    evhttp_send_reply_end(request);
    return true;
}

static void answer_by_evhttp(struct http *h, struct evhttp_request *request, enum answer answer)
{
    const struct answer_row *row = answer_row(answer);
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    struct evbuffer *out = evhttp_request_get_output_buffer(request);

    evhttp_add_header(headers, "Date", date_now(h));
    if (row->retry_after)
        evhttp_add_header(headers, "Retry-After", RETRY_AFTER_S);
    if (answer == ANSWER_NO_METHOD)
        evhttp_add_header(headers, "Allow", "POST");
    if ((h->mode != HTTP_SERVING || answer == ANSWER_CROWDED || answer == ANSWER_AMBIGUOUS) &&
        !evhttp_find_header(headers, "Connection"))
        evhttp_add_header(headers, "Connection", "close");
    if (!row->reason)
        evhttp_add_header(headers, "Content-Length", "0"); /* evhttp would format it */
    /* evhttp would send a body with the answer to HEAD too, which the client takes for the next answer's beginning. */
    if (row->reason && evhttp_request_get_command(request) != EVHTTP_REQ_HEAD) {
        evhttp_add_header(headers, "Content-Type", "text/plain");
        evbuffer_add_reference(out, row->reason, strlen(row->reason), NULL, NULL);
    }
    evhttp_send_reply(request, row->status, row->phrase, NULL); /* NULL: the request's own output buffer */
}

static void http_answer(void *context, struct evhttp_request *request, enum answer answer)
{
    struct http *h = context;
    struct evhttp_connection *connection =
        evhttp_request_get_connection(request); /* NULL: the client has gone */

    if (answer == ANSWER_REDIS_DOWN && h->mode == HTTP_REFUSING)
        answer = ANSWER_DRAINING; /* it is us who let go of Redis */
    answer_count(answer);
    connections_answering(h->connections, true);
    if (answer_row(answer)->status != 200 || !answer_empty(h, request, connection))
        answer_by_evhttp(h, request, answer);
    connections_answering(h->connections, false);
    write_soon(connection);
}

/* ---- stage 1: receive ---- */

static void write_hex(char *to, uint64_t v, int digits)
{
    for (int i = digits - 1; i >= 0; i--, v >>= 4)
        to[i] = "0123456789abcdef"[v & 15];
}

static bool trace_sane(const char *s, size_t n)
{
    if (n == 0 || n > TRACE_MAX)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!((s[i] >= '0' && s[i] <= '9') || (s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z') ||
              s[i] == '-' || s[i] == '_' || s[i] == '.' || s[i] == ':'))
            return false;
    return true;
}

static struct entry_text trace_of(struct http *h, const struct evkeyvalq *headers)
{
    struct entry_text t = header(headers, "X-Request-Id");

    if (t.data && trace_sane(t.data, t.length))
        return t;
    write_hex(h->trace + TRACE_MADE / 2, ++h->traces, TRACE_MADE / 2);
    return (struct entry_text){h->trace, TRACE_MADE};
}

/* Shopee's test message may have no body. */
static bool may_be_empty(const struct http *h, enum platform platform)
{
    return platform == PLATFORM_SHOPEE && h->config->shopee_verification_push;
}

/* False: *answer says what is wrong with it. */
static bool receive(struct http *h, struct evhttp_request *request, struct push *push, enum answer *answer)
{
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
    const char *path = uri ? evhttp_uri_get_path(uri) : NULL;
    const struct evkeyvalq *headers = evhttp_request_get_input_headers(request);
    struct evbuffer *in = evhttp_request_get_input_buffer(request);
    size_t i = 0;

    while (i < sizeof(routes) / sizeof(routes[0]) && (!path || strcmp(routes[i].path, path) != 0))
        i++;
    *answer = ANSWER_NO_PATH;
    if (i == sizeof(routes) / sizeof(routes[0]))
        return false;
    *answer = ANSWER_NO_METHOD;
    if (evhttp_request_get_command(request) != EVHTTP_REQ_POST)
        return false;
    *answer = ANSWER_NO_BODY;
    push->body.length = evbuffer_get_length(in);
    if (push->body.length == 0 && !may_be_empty(h, routes[i].platform))
        return false;
    push->body.data = push->body.length > 0 ? (const char *)evbuffer_pullup(in, -1) : "";
    if (!push->body.data)
        fatalx("http: no memory for a body");
    push->platform = routes[i].platform;
    push->authorization = header(headers, "Authorization");
    push->trace = trace_of(h, headers);
    push->recv_ms = clock_now_ms();
    return true;
}

/* False: answered. */
static bool framed(struct http *h, struct evhttp_request *request)
{
    enum framing framing = framing_of(evhttp_request_get_input_headers(request),
                                      evhttp_request_get_command(request) == EVHTTP_REQ_POST,
                                      request->major == 1 && request->minor >= 1);

    /* evhttp would answer in any version it was asked in. */
    if (request->major != 1)
        framing = FRAMING_AMBIGUOUS;
    request->minor = request->major == 1 && request->minor == 0 ? 0 : 1;
    request->major = 1;
    /* evhttp ends no connection after a CONNECT, whatever the answer says. */
    if (evhttp_request_get_command(request) == EVHTTP_REQ_CONNECT) {
        request->type = EVHTTP_REQ_OPTIONS;
        framing = framing == FRAMING_SOUND ? FRAMING_LAST : framing;
    }
    if (framing == FRAMING_LAST)
        evhttp_add_header(evhttp_request_get_output_headers(request), "Connection", "close");
    if (framing == FRAMING_AMBIGUOUS)
        http_answer(h, request, ANSWER_AMBIGUOUS);
    return framing != FRAMING_AMBIGUOUS;
}

/* ---- around stage 2: verify ---- */

static const struct {
    enum metric missing, malformed, mismatch;
} unsigned_pushes[PLATFORMS] = {
    [PLATFORM_TIKTOK] = {METRIC_SERVER_UNSIGNED_TIKTOK_MISSING, METRIC_SERVER_UNSIGNED_TIKTOK_MALFORMED,
                         METRIC_SERVER_UNSIGNED_TIKTOK_MISMATCH},
    [PLATFORM_SHOPEE] = {METRIC_SERVER_UNSIGNED_SHOPEE_MISSING, METRIC_SERVER_UNSIGNED_SHOPEE_MALFORMED,
                         METRIC_SERVER_UNSIGNED_SHOPEE_MISMATCH},
};

/* By setting: counters of its current and of its previous key. */
static const struct {
    const char *setting;
    enum metric current, previous;
} verified_pushes[] = {
    {"TIKTOK_APP_SECRET", METRIC_SERVER_VERIFIED_TIKTOK_CURRENT, METRIC_SERVER_VERIFIED_TIKTOK_PREVIOUS},
    {"SHOPEE_PUSH_KEY", METRIC_SERVER_VERIFIED_SHOPEE_PUSH_CURRENT,
     METRIC_SERVER_VERIFIED_SHOPEE_PUSH_PREVIOUS},
    {"SHOPEE_PARTNER_KEY", METRIC_SERVER_VERIFIED_SHOPEE_PARTNER_CURRENT,
     METRIC_SERVER_VERIFIED_SHOPEE_PARTNER_PREVIOUS},
};

static enum metric counter_of(const struct push_sign_key *key)
{
    for (size_t i = 0; i < sizeof(verified_pushes) / sizeof(verified_pushes[0]); i++)
        if (strcmp(verified_pushes[i].setting, key->setting) == 0)
            return key->position == 1 ? verified_pushes[i].current : verified_pushes[i].previous;
    fatalx("http: no counter for a key", LOG_S("setting", key->setting));
}

/* Once, so that a push does not look its counter up. */
static void set_counters(struct http *h)
{
    for (size_t p = 0; p < PLATFORMS; p++)
        for (size_t k = 0; k < verify_keys(h->verifier, (enum platform)p); k++)
            h->verified[p][k] = counter_of(verify_key(h->verifier, (enum platform)p, k));
}

static bool is_test(const struct http *h, const struct push *push)
{
    return push->platform == PLATFORM_SHOPEE && h->config->shopee_verification_push &&
           verify_shopee_is_test(push->body);
}

/* Keys and addresses by their places in the settings: neither is a secret, but the places say enough. */
static void on_genuine(const struct http *h, const struct push *push, const struct push_sign_match *match)
{
    const struct push_sign_key *key = verify_key(h->verifier, push->platform, match->key);

    metric_add(h->verified[push->platform][match->key], 1);
    log_debug("push verified", LOG_S("setting", key->setting), LOG_I("key", key->position),
              LOG_I("address", match->head + 1), LOG_B("trace", push->trace.data, push->trace.length));
}

static enum answer refusal_of(enum platform platform, enum verdict verdict)
{
    switch (verdict) {
    case VERDICT_MISSING:
        metric_add(unsigned_pushes[platform].missing, 1);
        return ANSWER_MISSING;
    case VERDICT_MALFORMED:
        metric_add(unsigned_pushes[platform].malformed, 1);
        return ANSWER_MALFORMED;
    case VERDICT_MISMATCH:
        metric_add(unsigned_pushes[platform].mismatch, 1);
        return ANSWER_MISMATCH;
    case VERDICT_GENUINE:
    case VERDICT_UNABLE:
        break;
    }
    return ANSWER_UNCONFIGURED;
}

/* False: answered. A test message is one whatever its signature, but where nothing is configured the truth is that pushes
 * would not be taken. */
static bool verified(struct http *h, struct evhttp_request *request, const struct push *push)
{
    struct push_sign_match match = {0};
    const enum verdict verdict = verify_push(h->verifier, push, &match);

    if (verdict != VERDICT_UNABLE && is_test(h, push)) {
        http_answer(h, request, ANSWER_PUSH_CHECK);
        return false;
    }
    if (verdict != VERDICT_GENUINE) {
        http_answer(h, request, refusal_of(push->platform, verdict));
        return false;
    }
    on_genuine(h, push, &match);
    return true;
}

/* The pipe. */
static void on_request(struct evhttp_request *request, void *arg)
{
    struct http *h = arg;
    struct push push;
    struct mapped mapped;
    enum answer answer;

    if (!connections_request(h->connections, evhttp_request_get_connection(request))) {
        http_answer(h, request, ANSWER_CROWDED);
        return;
    }
    if (!framed(h, request)) /* 1 receive */
        return;
    if (!receive(h, request, &push, &answer)) {
        http_answer(h, request, answer);
        return;
    }
    if (!verified(h, request, &push)) /* 2 verify */
        return;
    if (h->mode == HTTP_REFUSING || pendings_full(h->pendings)) {
        http_answer(h, request, h->mode == HTTP_REFUSING ? ANSWER_DRAINING : ANSWER_INFLIGHT);
        return;
    }
    push.partitions = placement_partitions(h->placement);
    map_push(h->mapper, &push, &mapped); /* 3 map */
    if (mapped.unknown)
        metric_add(METRIC_SERVER_TOPIC_UNKNOWN, 1);
    if (mapped.dead)
        log_warn("dead letter", LOG_S("why", mapped.why),
                 LOG_B("platform", mapped.entries[0].platform.data, mapped.entries[0].platform.length),
                 LOG_B("shop", mapped.entries[0].shop.data, mapped.entries[0].shop.length),
                 LOG_B("trace", push.trace.data, push.trace.length));
    if (pendings_start(h->pendings, request, &mapped)) { /* 4 store; then 5 answer, by http_answer */
        evbuffer_drain(evhttp_request_get_input_buffer(request), push.body.length); /* the store has a copy */
        connections_hold(h->connections);
    }
    map_release(h->mapper);
}

/* ---- life ---- */

struct http *http_new(struct event_base *base, const struct config *c, struct evconnlistener *listener,
                      const struct pending_stores *stores, struct connections_limit *limit)
{
    struct http *h = xcalloc(1, sizeof(*h));
    struct timeval idle = {.tv_sec = c->client_timeout_ms / 1000,
                           .tv_usec = c->client_timeout_ms % 1000 * 1000};
    uint64_t seed;

    h->config = c;
    h->evhttp = evhttp_new(base);
    if (!h->evhttp)
        fatalx("http: no memory");
    /* Of all these evhttp would only say 501. */
    evhttp_set_allowed_methods(h->evhttp, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD |
                                              EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS |
                                              EVHTTP_REQ_TRACE | EVHTTP_REQ_CONNECT | EVHTTP_REQ_PATCH);
    evhttp_set_default_content_type(h->evhttp, NULL);
    evhttp_set_max_headers_size(h->evhttp, HEADERS_MAX);
    evhttp_set_max_body_size(h->evhttp, (ev_ssize_t)c->max_body_bytes);
    evhttp_set_timeout_tv(h->evhttp, &idle);
    evhttp_set_gencb(h->evhttp, on_request, h);
    h->connections = connections_new(h->evhttp, listener, limit, c->client_timeout_ms,
                                     HEADERS_MAX + 2 * (size_t)c->max_body_bytes + CHUNKS_MAX);
    h->verifier = verify_new(c);
    set_counters(h);
    h->mapper = mapper_new(c);
    h->placement = stores->placement;
    h->pendings = pendings_new(c, stores, http_answer, h);
    if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
        seed = (uint64_t)clock_mono_us();
    write_hex(h->trace, seed, TRACE_MADE / 2);
    h->bound = evhttp_bind_listener(h->evhttp, listener);
    if (!h->bound)
        fatalx("http: no memory for a listener");
    return h;
}

void http_free(struct http *h)
{
    if (!h)
        return;
    pendings_free(h->pendings); /* first: it insists that nothing is pending */
    evhttp_free(h->evhttp);
    connections_free(h->connections);
    mapper_free(h->mapper);
    verify_free(h->verifier);
    free(h);
}

void http_stop_listening(struct http *h)
{
    if (!h->bound)
        return;
    connections_forget_listener(h->connections);
    evhttp_del_accept_socket(h->evhttp, h->bound);
    h->bound = NULL;
}

void http_set_mode(struct http *h, enum http_mode mode)
{
    h->mode = mode;
}

void http_tick(struct http *h, int64_t mono_ms)
{
    pendings_tick(h->pendings, mono_ms);
    if (mono_ms - h->swept_ms >= SWEEP_MS || h->mode != HTTP_SERVING) {
        h->swept_ms = mono_ms;
        connections_sweep(h->connections, mono_ms);
    }
}

const struct pendings *http_pendings(const struct http *h)
{
    return h->pendings;
}

const struct connections *http_connections(const struct http *h)
{
    return h->connections;
}
