/* http_client.c - worker: the marketplaces' HTTP, libcurl's multi interface for one lane.
 *
 * In:      requests ready to send, each with a context and a time-out of its own.
 * Out:     answers in the order they end, each with its context.
 * Fails:   a call that ends without a complete answer has status 0 and a sentence in error.
 * Thread:  one; blocks only in http_client_next, as long as the caller says.
 * Why so:  handles are reused (a free list), because setting one up costs more than a call's own work; connections are
 *          kept by the multi handle. Sentences come from libcurl's fixed table and name the host only: its error buffer
 *          may quote the URL, and URLs carry signatures. Proxies of the environment apply to https alone: plain http is
 *          for simulators on this machine. */
#include "worker/http_client.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/number.h"

enum {
    HTTP_BODY_MAX = 16 * 1024 * 1024, /* bytes of a decoded answer */
    HTTP_CONNECT_MS = 10000,          /* longest wait for a connection */
    HTTP_TRUST_MAX = 8 * 1024 * 1024, /* bytes of certificates read */
    HTTP_HOST_MAX = 96,               /* of a host name in a sentence */
    HTTP_IDLE_CONNECTIONS = 64,       /* kept open at least, beyond FETCH_MAX_CALLS */
    HTTP_READ_MAX = 64 * 1024,        /* bytes of one read: an answer of fifty orders has 200 KB */
};

/* One call, or a handle waiting for its next one. */
struct http_call {
    struct http_call *next; /* list of running or free ones */
    struct http_client *client;
    CURL *easy;                 /* owned; set up once, reused */
    struct curl_slist *headers; /* owned; of the present call */
    void *context;              /* the caller's */
    struct http_answer answer;
    char host[HTTP_HOST_MAX]; /* of the present call, for sentences */
    bool too_large;           /* the body passed HTTP_BODY_MAX */
};

struct http_client {
    CURLM *multi;
    struct http_call *running; /* owned */
    struct http_call *idle;    /* owned; set up, without a call */
    size_t running_count;
    struct strbuf
        trust; /* certificates when CA_FILE is set: the system's and its own; empty = libcurl's default */
};

/* --- what an answer is made of -------------------------------------------------------------------------------- */

void http_answer_deinit(struct http_answer *a)
{
    strbuf_deinit(&a->body);
}

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
    struct http_call *call = arg;
    size_t n = size * count;

    if (n > HTTP_BODY_MAX - call->answer.body.length) {
        call->too_large = true;
        return 0; /* libcurl ends the transfer */
    }
    strbuf_add(&call->answer.body, data, n);
    return n;
}

/* The value of a header line when it is the one called name; copied into to, cut when longer. */
static bool header_value(const char *line, size_t n, const char *name, char *to, size_t size)
{
    size_t at = strlen(name);

    if (n <= at || line[at] != ':' || strncasecmp(line, name, at) != 0)
        return false;
    at++;
    while (at < n && (line[at] == ' ' || line[at] == '\t'))
        at++;
    while (n > at && (line[n - 1] == '\r' || line[n - 1] == '\n' || line[n - 1] == ' '))
        n--;
    n = n - at < size ? n - at : size - 1;
    memcpy(to, line + at, n);
    to[n] = '\0';
    return true;
}

/* Room for the whole body at once, where its length is announced: growing step by step would copy it several times. Of a
 * packed body it is too little, which costs what it cost without. */
static void expect_body(struct http_call *call, const char *length)
{
    uint64_t n;

    if (number_u64(length, strlen(length), &n) && n <= HTTP_BODY_MAX)
        strbuf_reserve(&call->answer.body, (size_t)n + JSON_ROOM);
}

static size_t on_header(char *data, size_t size, size_t count, void *arg)
{
    struct http_call *call = arg;
    size_t n = size * count;
    char date[64], length[24];

    if (n >= 5 &&
        strncasecmp(data, "HTTP/", 5) == 0) { /* a later head (after 100 Continue) replaces an earlier one */
        call->answer.date_ms = 0;
        call->answer.retry_after[0] = '\0';
    } else if (header_value(data, n, "date", date, sizeof date)) {
        time_t at = curl_getdate(date, NULL);

        call->answer.date_ms = at > 0 ? (int64_t)at * 1000 : 0;
    } else if (header_value(data, n, "content-length", length, sizeof length)) {
        expect_body(call, length);
    } else {
        (void)header_value(data, n, "retry-after", call->answer.retry_after, sizeof call->answer.retry_after);
    }
    return n;
}

/* --- set-up --------------------------------------------------------------------------------------------------- */

static void curl_start(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* CA_FILE adds to the system's trust, libcurl's CAINFO would replace it: so both are handed over as one text. */
static bool trust_read(struct http_client *c, const char *ca_file, struct err *err)
{
    const char *system_file = curl_version_info(CURLVERSION_NOW)->cainfo;

    if (!ca_file || !*ca_file)
        return true;
    if (!strbuf_read_file(&c->trust, ca_file, HTTP_TRUST_MAX, err)) {
        err_prefix(err, "CA_FILE");
        return false;
    }
    if (!strstr(strbuf_text(&c->trust), "-----BEGIN CERTIFICATE-----")) {
        err_set(err, ERR_CONFIG, 0, "CA_FILE: %s holds no PEM certificate", ca_file);
        return false;
    }
    strbuf_add_char(&c->trust, '\n');
    if (system_file && !strbuf_read_file(&c->trust, system_file, HTTP_TRUST_MAX, NULL)) {
        err_set(err, ERR_CONFIG, 0, "CA_FILE: the system's certificates cannot be read beside it");
        return false;
    }
    return true;
}

struct http_client *http_client_new(const struct config *config, struct err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct http_client *c;

    pthread_once(&once, curl_start);
    c = xcalloc(1, sizeof *c);
    c->multi = curl_multi_init();
    if (!c->multi) {
        err_set(err, ERR_HTTP, 0, "libcurl cannot start");
        http_client_free(c);
        return NULL;
    }
    if (!trust_read(c, config->ca_file, err)) {
        http_client_free(c);
        return NULL;
    }
    curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, (long)config->fetch_max_calls + HTTP_IDLE_CONNECTIONS);
    return c;
}

/* One of them is the access token. */
static void headers_free(struct http_call *call)
{
    for (struct curl_slist *h = call->headers; h; h = h->next)
        explicit_bzero(h->data, strlen(h->data));
    curl_slist_free_all(call->headers);
    call->headers = NULL;
}

static void call_free(struct http_call *call)
{
    if (call->easy)
        curl_easy_cleanup(call->easy);
    headers_free(call);
    http_answer_deinit(&call->answer);
    free(call);
}

void http_client_abort(struct http_client *c)
{
    while (c->running) {
        struct http_call *call = c->running;

        c->running = call->next;
        curl_multi_remove_handle(c->multi, call->easy);
        call_free(call);
    }
    c->running_count = 0;
}

void http_client_free(struct http_client *c)
{
    if (!c)
        return;
    http_client_abort(c);
    while (c->idle) {
        struct http_call *call = c->idle;

        c->idle = call->next;
        call_free(call);
    }
    if (c->multi)
        curl_multi_cleanup(c->multi);
    strbuf_deinit(&c->trust);
    free(c);
}

/* Options that are the same for every call of a handle. */
static bool easy_set_up(struct http_call *call)
{
    CURL *e = call->easy;
    struct strbuf *trust = &call->client->trust;
    bool ok = curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
              curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
              curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
              curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
              curl_easy_setopt(e, CURLOPT_ACCEPT_ENCODING, "gzip") == CURLE_OK &&
              curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)HTTP_CONNECT_MS) == CURLE_OK &&
              curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L) == CURLE_OK &&
              curl_easy_setopt(e, CURLOPT_BUFFERSIZE, (long)HTTP_READ_MAX) == CURLE_OK &&
              curl_easy_setopt(e, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)HTTP_BODY_MAX) == CURLE_OK &&
              curl_easy_setopt(e, CURLOPT_USERAGENT, "shopstream/" SHOPSTREAM_VERSION) == CURLE_OK &&
              curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
              curl_easy_setopt(e, CURLOPT_WRITEDATA, call) == CURLE_OK &&
              curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK &&
              curl_easy_setopt(e, CURLOPT_HEADERDATA, call) == CURLE_OK &&
              curl_easy_setopt(e, CURLOPT_PRIVATE, call) == CURLE_OK;

    if (ok && trust->length > 0) {
        struct curl_blob blob = {trust->data, trust->length, CURL_BLOB_NOCOPY};

        ok = curl_easy_setopt(e, CURLOPT_CAINFO_BLOB, &blob) == CURLE_OK;
    }
    return ok;
}

static struct http_call *call_take(struct http_client *c)
{
    struct http_call *call = c->idle;

    if (call) {
        c->idle = call->next;
        call->next = NULL;
        return call;
    }
    call = xcalloc(1, sizeof *call);
    call->client = c;
    call->easy = curl_easy_init();
    if (call->easy && easy_set_up(call))
        return call;
    call_free(call);
    return NULL;
}

/* Back onto the free list, without anything of the call it carried. */
static void call_rest(struct http_call *call)
{
    struct http_client *c = call->client;

    curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, NULL);
    headers_free(call);
    http_answer_deinit(&call->answer);
    memset(&call->answer, 0, sizeof call->answer);
    call->context = NULL;
    call->too_large = false;
    call->next = c->idle;
    c->idle = call;
}

/* --- one call ------------------------------------------------------------------------------------------------- */

/* Host of a URL without user, port or path. */
static void host_of(const char *url, char *to, size_t size)
{
    const char *at = strstr(url, "://");
    size_t n;

    at = at ? at + 3 : url;
    n = strcspn(at, "/?#");
    if (memchr(at, '@', n)) {
        const char *user_end = memchr(at, '@', n);

        n -= (size_t)(user_end + 1 - at);
        at = user_end + 1;
    }
    n = n < size ? n : size - 1;
    memcpy(to, at, n);
    to[n] = '\0';
}

static bool headers_set(struct http_call *call, const struct platform_request *request)
{
    for (size_t i = 0; i < request->header_count; i++) {
        struct curl_slist *more = curl_slist_append(call->headers, strbuf_text(&request->headers[i]));

        if (!more)
            return false;
        call->headers = more;
    }
    return curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers) == CURLE_OK;
}

static bool body_set(CURL *e, const struct platform_request *request)
{
    if (strcmp(request->method, "GET") == 0)
        return curl_easy_setopt(e, CURLOPT_HTTPGET, 1L) == CURLE_OK &&
               curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, NULL) == CURLE_OK;
    return curl_easy_setopt(e, CURLOPT_POST, 1L) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, request->method) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.length) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_COPYPOSTFIELDS, strbuf_text(&request->body)) == CURLE_OK;
}

/* Nothing in it that a line of HTTP could end at. */
static bool is_one_word(const char *text)
{
    while (*text > ' ' && *text < 0x7f)
        text++;
    return *text == '\0';
}

/* libcurl takes a URL apart and puts it together several times, a byte at a time, and fifty ids make a long one. So the
 * query goes past that: the URL names host and path, the target is what stands in the request. */
static bool url_set(CURL *e, const char *url)
{
    const char *authority = strstr(url, "://"), *path = authority ? strchr(authority + 3, '/') : NULL;
    const char *query = strchr(url, '?');
    bool apart = path && query && path < query && is_one_word(path);
    struct strbuf short_url = STRBUF_INIT;
    bool ok;

    strbuf_add(&short_url, url, apart ? (size_t)(query - url) : strlen(url));
    ok = curl_easy_setopt(e, CURLOPT_URL, strbuf_text(&short_url)) == CURLE_OK &&
         curl_easy_setopt(e, CURLOPT_REQUEST_TARGET, apart ? path : NULL) == CURLE_OK;
    strbuf_deinit(&short_url);
    return ok;
}

static bool call_set(struct http_call *call, const struct platform_request *request, int64_t timeout_ms)
{
    const char *url = strbuf_text(&request->url);
    bool tls = strncasecmp(url, "https:", 6) == 0;
    CURL *e = call->easy;

    host_of(url, call->host, sizeof call->host);
    return url_set(e, url) &&
           curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, tls ? "https" : "http") == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_PROXY, tls ? NULL : "") == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)timeout_ms) == CURLE_OK && body_set(e, request) &&
           headers_set(call, request);
}

bool http_client_start(struct http_client *c, const struct platform_request *request, int64_t timeout_ms,
                       void *context, struct err *err)
{
    struct http_call *call = call_take(c);

    if (!call) {
        err_set(err, ERR_HTTP, 0, "libcurl cannot make a handle");
        return false;
    }
    call->context = context;
    call->answer.started_mono_ms = clock_mono_ms();
    if (!call_set(call, request, timeout_ms) || curl_multi_add_handle(c->multi, call->easy) != CURLM_OK) {
        err_set(err, ERR_HTTP, 0, "%s: libcurl refuses the request", call->host);
        call_rest(call);
        return false;
    }
    call->next = c->running;
    c->running = call;
    c->running_count++;
    return true;
}

/* --- ends ----------------------------------------------------------------------------------------------------- */

static void running_remove(struct http_client *c, struct http_call *call)
{
    struct http_call **at = &c->running;

    while (*at != call)
        at = &(*at)->next;
    *at = call->next;
    c->running_count--;
}

static void call_end(struct http_call *call, CURLcode code)
{
    struct http_answer *a = &call->answer;

    a->ended_mono_ms = clock_mono_ms();
    if (code == CURLE_OK) {
        curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &a->status);
        return;
    }
    if (code == CURLE_OUT_OF_MEMORY)
        fatalx("out of memory"); /* ours, not the marketplace's: no shop and no event is judged by it */
    a->status = 0;
    strbuf_reset(&a->body);
    if (call->too_large || code == CURLE_FILESIZE_EXCEEDED)
        snprintf(a->error, sizeof a->error, "%s: the answer is larger than %d MiB", call->host,
                 HTTP_BODY_MAX / 1024 / 1024);
    else
        snprintf(a->error, sizeof a->error, "%s: %s", call->host, curl_easy_strerror(code));
}

/* Takes one ended call out. False: none has ended. */
static bool take_ended(struct http_client *c, void **context, struct http_answer *answer)
{
    struct http_call *call = NULL;
    CURLMsg *message;
    CURLcode code;
    int left;

    do {
        message = curl_multi_info_read(c->multi, &left);
    } while (message && message->msg != CURLMSG_DONE);
    if (!message)
        return false;
    code = message->data.result; /* the message dies with the removal below */
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&call);
    curl_multi_remove_handle(c->multi, call->easy);
    running_remove(c, call);
    call_end(call, code);
    *context = call->context;
    *answer = call->answer;
    call->answer.body = STRBUF_INIT; /* it went with the answer */
    call_rest(call);
    return true;
}

bool http_client_next(struct http_client *c, int64_t wait_ms, void **context, struct http_answer *answer)
{
    int64_t end = clock_mono_ms() + wait_ms;

    while (!take_ended(c, context, answer)) {
        int running = 0;
        int64_t left;

        curl_multi_perform(c->multi, &running);
        if (take_ended(c, context, answer))
            return true;
        left = end - clock_mono_ms();
        if (running == 0 || left <= 0)
            return false;
        curl_multi_poll(c->multi, NULL, 0, left > 1000 ? 1000 : (int)left, NULL);
    }
    return true;
}

size_t http_client_running(const struct http_client *c)
{
    return c->running_count;
}
