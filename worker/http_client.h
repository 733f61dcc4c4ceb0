/* http_client.h - worker: libcurl multi for one lane. Kept-alive connections, certificates verified, no redirects
 * followed, only http and https as configured, answers bounded (16 MiB), gzip, an own time-out a call. One thread. */
#ifndef SHOPSTREAM_WORKER_HTTP_CLIENT_H
#define SHOPSTREAM_WORKER_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/config.h"
#include "common/err.h"
#include "common/strbuf.h"
#include "worker/platforms/platform.h"

struct http_client; /* opaque */

/* One answer. Owned by whoever got it; http_answer_deinit. */
struct http_answer {
    long status; /* HTTP status; 0: none arrived */
    struct strbuf body;
    int64_t date_ms;      /* Date header, UTC epoch ms; 0 = none */
    char retry_after[32]; /* header text; "" = none */
    char error[160];      /* transport failure in words (host, no URL, no secrets); "" = none */
    int64_t started_mono_ms;
    int64_t ended_mono_ms;
};

void http_answer_deinit(struct http_answer *a);

struct http_client *http_client_new(const struct config *config, struct err *err)
    __attribute__((warn_unused_result));
void http_client_free(struct http_client *c); /* aborts calls under way; accepts NULL */

/* Starts a call. request is borrowed for the call only (copied). context comes back from http_client_next. */
bool http_client_start(struct http_client *c, const struct platform_request *request, int64_t timeout_ms,
                       void *context, struct err *err) __attribute__((warn_unused_result));

/* Drives transfers until one has ended or wait_ms passed. True: *context and *answer (owned) are set. */
bool http_client_next(struct http_client *c, int64_t wait_ms, void **context, struct http_answer *answer);

/* Drops every call under way; their contexts never come back. */
void http_client_abort(struct http_client *c);

size_t http_client_running(const struct http_client *c);

#endif
