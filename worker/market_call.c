/* market_call.c - worker: one call to a marketplace from start to end.
 *
 * In:      a request ready to send.
 * Out:     the answer as platforms judge it; no answer at all is one, too.
 * Fails:   only when the request could not be handed to libcurl.
 * Thread:  one.
 * Why so:  1. Answers of token calls hold secrets, so what was parsed and what was received is wiped here and nowhere else.
 *          2. libcurl looks at its clock before it looks at the socket: a process that was frozen past the time-out would
 *          throw away an answer that has long come, and that of a refresh is the only valid one. So the time is kept here,
 *          and an answer that lies there is taken however late it is. */
#include "worker/market_call.h"

#include <string.h>

#include "common/clock.h"
#include "common/json.h"

enum { FROZEN_MS = 24 * 3600 * 1000 }; /* libcurl's own time-out lies that much behind ours */

bool market_call(struct http_client *c, const struct platform_request *request, int64_t timeout_ms,
                 struct market_call *call, struct err *err)
{
    int64_t left_ms = timeout_ms, until = clock_mono_ms() + timeout_ms;
    struct http_answer http = {0};
    void *context = NULL;
    bool ended = false;

    if (!http_client_start(c, request, timeout_ms + FROZEN_MS, c, err))
        return false;
    while (!ended && left_ms > 0) {
        ended = http_client_next(c, left_ms, &context, &http);
        left_ms = until - clock_mono_ms();
    }
    if (!ended) /* frozen in between: it may have come */
        ended = http_client_next(c, 0, &context, &http);
    if (!ended)
        http_client_abort(c);
    *call = (struct market_call){.http = http};
    if (http.body.length > 0)
        call->document = json_parse(http.body.data, http.body.length, NULL, NULL);
    call->answer = (struct platform_answer){
        .http_status = http.status,
        .root = yyjson_doc_get_root(call->document),
        .transport_error = ended ? call->http.error : "no answer in time",
        .retry_after = call->http.retry_after,
        .now_ms = clock_now_ms(),
    };
    return true;
}

/* yyjson keeps the texts of a document in one block that it does not tell; strings are wiped one by one. */
static void wipe_document(yyjson_doc *document)
{
    yyjson_val *value = yyjson_doc_get_root(document);

    for (size_t n = yyjson_doc_get_val_count(document); value && n > 0; n--, value++)
        if (yyjson_is_str(value) || yyjson_is_raw(value))
            explicit_bzero((void *)(uintptr_t)value->uni.str, yyjson_get_len(value));
}

void market_call_deinit(struct market_call *call)
{
    wipe_document(call->document);
    yyjson_doc_free(call->document);
    if (call->http.body.data)
        explicit_bzero(call->http.body.data, call->http.body.capacity);
    http_answer_deinit(&call->http);
    *call = (struct market_call){0};
}
