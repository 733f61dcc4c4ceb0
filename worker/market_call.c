/* market_call.c - worker: one call to a marketplace from start to end.
 *
 * In:      a request ready to send.
 * Out:     the answer as platforms judge it; no answer at all is one, too.
 * Fails:   only when the request could not be handed to libcurl.
 * Thread:  one.
 * Why so:  answers of token calls hold secrets, so what was parsed and what was received is wiped here and nowhere else. */
#include "worker/market_call.h"

#include <string.h>

#include "common/clock.h"
#include "common/json.h"

enum { GRACE_MS = 5000 }; /* beyond libcurl's own time-out, which always ends a call */

bool market_call(struct http_client *c, const struct platform_request *request, int64_t timeout_ms,
                 struct market_call *call, struct err *err)
{
    int64_t until = clock_mono_ms() + timeout_ms + GRACE_MS;
    struct http_answer http = {0};
    void *context = NULL;
    bool ended = false;

    if (!http_client_start(c, request, timeout_ms, c, err))
        return false;
    while (!ended && clock_mono_ms() < until)
        ended = http_client_next(c, until - clock_mono_ms(), &context, &http);
    if (!ended)
        http_client_abort(c);
    *call = (struct market_call){.http = http};
    if (http.body.length > 0)
        call->document = json_parse(http.body.data, http.body.length, NULL, NULL);
    call->answer = (struct platform_answer){
        .http_status = http.status,
        .root = yyjson_doc_get_root(call->document),
        .transport_error = ended ? call->http.error : "no answer",
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
