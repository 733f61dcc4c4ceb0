/* push.h - server: one webhook as it arrived, on its way through the stages.
 *
 *   receive (http.c) -> verify -> map -> store (pending.c, stream.c) -> answer (answer.c)
 *
 * Made by receive, read by verify and map, changed by nobody. All texts borrow from the HTTP request (or from the
 * receiver's own buffer, for a trace made here) and are good until the request's handler returns. */
#ifndef SHOPSTREAM_SERVER_PUSH_H
#define SHOPSTREAM_SERVER_PUSH_H

#include <stdint.h>

#include "common/entry.h"

enum platform { PLATFORM_TIKTOK, PLATFORM_SHOPEE, PLATFORMS };

struct push {
    enum platform platform;          /* told by the path alone */
    struct entry_text authorization; /* header Authorization; data NULL when the request has none */
    struct entry_text body;          /* exactly as received; empty only in Shopee's test message */
    struct entry_text trace;         /* X-Request-Id when sane, else made here */
    int64_t recv_ms;                 /* when it was complete, UTC epoch ms */
    int partitions;                  /* 1..: over how many the shops are spread; set before map */
};

#endif
