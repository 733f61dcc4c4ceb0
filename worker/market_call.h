/* market_call.h - worker: one call to a marketplace from start to end, for those who make few: token calls, the tool. Blocks
 * for at most the time-out. Lanes use http_client.h directly, because theirs overlap. */
#ifndef SHOPSTREAM_WORKER_MARKET_CALL_H
#define SHOPSTREAM_WORKER_MARKET_CALL_H

#include <stdbool.h>
#include <stdint.h>
#include <yyjson.h>

#include "common/err.h"
#include "worker/http_client.h"
#include "worker/platforms/platform.h"

/* How a call has ended. */
struct market_call {
    struct platform_answer answer; /* for the platform's judge; borrows from the two below */
    struct http_answer http;       /* owned */
    yyjson_doc *document;          /* owned; NULL: the body is not JSON */
};

/* Sends request and waits for its end. No other call may be under way on c. False: it could not be sent, err; call is
 * untouched. */
bool market_call(struct http_client *c, const struct platform_request *request, int64_t timeout_ms,
                 struct market_call *call, struct err *err) __attribute__((warn_unused_result));

void market_call_deinit(struct market_call *call); /* wipes the body; accepts a zeroed one */

#endif
