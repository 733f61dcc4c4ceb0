/* read_entity.h - shopstreamctl: one entity from its marketplace, now.
 *
 * In:      which entity. The token comes from the store; every call takes its right from the shared rate limits.
 * Out:     the entity as the platform serves it, compound ones composed of all their answers; or why there is none.
 * Fails:   by its end: READ_REFUSED needs a person, READ_AWAY another moment.
 * Thread:  the tool's; blocks for as long as the limits and the calls take. */
#ifndef SHOPSTREAM_WORKER_CTL_READ_ENTITY_H
#define SHOPSTREAM_WORKER_CTL_READ_ENTITY_H

#include <stdbool.h>
#include <stdint.h>
#include <yyjson.h>

#include "common/config.h"
#include "common/entry.h"
#include "common/err.h"
#include "worker/link.h"
#include "worker/platforms/platform.h"
#include "worker/shop.h"

/* Names one entity. Everything borrowed; texts NUL-terminated. */
struct entity_name {
    const struct platform *platform;
    const char *shop;
    enum entry_kind kind;
    const char
        *return_kind; /* kind return: "return" or "cancellation"; "" = whatever the platform takes for one */
    const char *id;
};

enum read_end {
    READ_FOUND,
    READ_MISSING, /* left out of a good answer, or not to be seen */
    READ_GONE,    /* the platform says by code that it no longer exists */
    READ_REFUSED, /* the shop, its grant, this id or our settings (err ERR_CONFIG): a person must act */
    READ_AWAY,    /* Redis, MongoDB or the marketplace does not answer */
};

struct entity_read {
    yyjson_doc *json;   /* FOUND: owned (yyjson_doc_free); else NULL */
    int64_t fetched_ms; /* Redis' clock when the first request was sent */
    int64_t calls;      /* requests sent */
};

struct entity_reader; /* opaque: http client, limiter */

/* Borrows all. background: its calls use SYNC_RATE_SHARE of the limits, and none while live work waits. NULL: err. */
struct entity_reader *entity_reader_new(const struct config *config, struct link *link,
                                        struct shop_cache *shops, bool background, struct err *err)
    __attribute__((warn_unused_result));
void entity_reader_free(struct entity_reader *r); /* accepts NULL */

/* err: set for READ_REFUSED and READ_AWAY, one sentence without secrets that says what to do where something can be done. */
enum read_end entity_read(struct entity_reader *r, const struct entity_name *name, struct entity_read *out,
                          struct err *err) __attribute__((warn_unused_result));

#endif
