/* saved_request.h - shopstreamctl verify: a request as proxies save it, taken apart.
 *
 * In:      request line, headers, an empty line, the body; lines end in LF or CR LF.
 * Out:     what a signature may depend on. The first header of a name counts, as for the server.
 * Fails:   without an empty line there is no telling where the body begins.
 * Thread:  any. Pure.
 * Why so:  lenient: it is read to find out what went wrong, and nothing is decided by it. */
#ifndef SHOPSTREAM_WORKER_CTL_SAVED_REQUEST_H
#define SHOPSTREAM_WORKER_CTL_SAVED_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "common/strbuf.h"

struct saved_request {
    struct strbuf sent;   /* header Authorization; owned; empty = none */
    struct strbuf host;   /* header Host; same */
    struct strbuf target; /* of the request line; same */
    size_t body;          /* where the body begins */
};

/* Fills a zeroed *r from n bytes. False: there is no empty line. saved_request_deinit in any case. */
bool saved_request_parse(struct saved_request *r, const char *text, size_t n)
    __attribute__((warn_unused_result));
void saved_request_deinit(struct saved_request *r); /* accepts a zeroed one */

#endif
