/* platform.h - worker: what a marketplace must be able to do; one file a platform fills this table (platforms/tiktok.c).
 * A new platform is a new table; nothing else changes. Pure: builds requests and judges answers, sends nothing. */
#ifndef SHOPSTREAM_WORKER_PLATFORMS_PLATFORM_H
#define SHOPSTREAM_WORKER_PLATFORMS_PLATFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <yyjson.h>

#include "common/config.h"
#include "common/entry.h"
#include "common/err.h"
#include "common/strbuf.h"
#include "worker/shop.h"

enum { PLATFORM_HEADERS_MAX = 4 };

/* One HTTP request, ready to send. Everything owned; reset by platform_request_deinit. */
struct platform_request {
    const char *method;                          /* "GET" "POST"; literal */
    struct strbuf url;                           /* complete, signed; never logged */
    struct strbuf body;                          /* empty for none */
    struct strbuf headers[PLATFORM_HEADERS_MAX]; /* "name: value"; never logged */
    size_t header_count;
};

void platform_request_deinit(struct platform_request *r); /* wipes; accepts a zeroed one */

/* Fate of a call, from HTTP status, the platform's code and libcurl. */
enum call_class {
    CALL_OK,    /* a good answer; per-id results inside */
    CALL_RETRY, /* 5xx, timeout, reset, unparsable: bisect, or the shop's circuit */
    CALL_LIMIT, /* too many requests: slow this shop down */
    CALL_TOKEN, /* token expired: refresh, then once more */
    CALL_AUTH,  /* grant, scope or address refused: the shop is unavailable */
    CALL_PERM,  /* this request can never succeed (bad ids): split, then the event's own fault */
};

/* What an answer says. */
struct platform_result {
    enum call_class class;
    int64_t code;           /* the platform's code; 0 on success; -1 when there was no parsable body */
    int64_t retry_after_ms; /* from Retry-After; 0 = not given */
    yyjson_val *entities;   /* CALL_OK: array of entities; borrowed from the document */
    char error[200];        /* one sentence, no secrets */
};

struct platform {
    const char *name; /* "tiktok" */

    /* Kinds it can fetch, and how many ids go into one call (from config). 0: cannot fetch this kind. */
    size_t (*batch_size)(const struct config *config, enum entry_kind kind);

    /* Builds the signed detail request for ids of one shop. at_s: UTC seconds to sign with. False: err. */
    bool (*detail_request)(const struct config *config, const struct shop *shop, enum entry_kind kind,
                           const char *const *ids, size_t count, int64_t at_s, struct platform_request *out,
                           struct err *err);

    /* The cheapest call that shows whether the shop's grant works (probe). */
    bool (*probe_request)(const struct config *config, const struct shop *shop, int64_t at_s,
                          struct platform_request *out, struct err *err);

    /* Judges an answer. http_status 0: no answer at all (transport failure, transport_error says which). root: parsed
     * body or NULL when it is not JSON. */
    void (*judge)(enum entry_kind kind, long http_status, yyjson_val *root, const char *transport_error,
                  const char *retry_after, struct platform_result *out);

    /* Id of one entity of the answer's array. False: it has none. */
    bool (*entity_id)(enum entry_kind kind, yyjson_val *entity, struct entry_text *id);
};

extern const struct platform platform_tiktok;

/* By name; NULL when unknown. */
const struct platform *platform_find(const char *name);

#endif
