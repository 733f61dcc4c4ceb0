/* entry.h - common: the stream entry, the one contract between the programs.
 *
 * Layout (field value field value ..., always in this order, absent fields left out; readable with redis-cli XRANGE):
 *
 *   v 1 · platform tiktok · shop 7495540735365777507 · topic 1 · kind order · id 576653688135258178
 *   [event_ms 1718305585000] · recv_ms 1718305585123 · key <idempotency key> · src webhook · trace <id>
 *   [moves 1] · [return_kind cancellation] · [attempts 3] · [body <bytes exactly as received>]
 *
 * `moves` (absent = 0) says that the topic's row promises that this change moves the entity's update time; only with
 * it and event_ms may an entry be called reflected by version (first sort). Stored in the entry and not looked up again
 * in the worker, so that a rule changed by an upgrade never re-judges entries already stored.
 * `return_kind` (kind return only): return or cancellation where a platform keeps them apart; absent where it does not.
 * `attempts`: tries an earlier life of this event has used up (src parked, again); absent = 0.
 * Names starting with '_' belong to dead letters and replays and are kept apart (_replay, _origin).
 * Pure; any thread. */
#ifndef SHOPSTREAM_COMMON_ENTRY_H
#define SHOPSTREAM_COMMON_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/strbuf.h"

enum entry_kind {
    ENTRY_ORDER,
    ENTRY_RETURN,
    ENTRY_PRODUCT,
    ENTRY_TRANSACTION,
    ENTRY_TRACKING,
    ENTRY_SHOP,   /* about the shop itself (deauthorised, authorisation ends) */
    ENTRY_RECORD, /* a row that exists only in a listing; travels in the entry */
    ENTRY_OTHER,  /* signed, but nothing we map: kept raw */
    ENTRY_KINDS
};

enum { ENTRY_ATTEMPTS_MAX = 1000000 };

/* A text that points into somebody else's memory. */
struct entry_text {
    const char *data; /* borrowed; NULL when absent */
    size_t length;    /* bytes, NUL not counted */
};

struct entry {
    struct entry_text platform; /* "tiktok" */
    struct entry_text shop;     /* shop id as text; "" for events that name none */
    struct entry_text topic;    /* the platform's own topic name or number as text */
    enum entry_kind kind;
    struct entry_text id;          /* entity id as text; "" for kinds without an entity */
    int64_t event_ms;              /* the entity's own update time as announced, UTC epoch ms; 0 = absent */
    int64_t recv_ms;               /* when the server received it, UTC epoch ms */
    struct entry_text key;         /* idempotency key of the event */
    struct entry_text src;         /* webhook reconcile backfill replay lost-push parked again */
    struct entry_text trace;       /* request id, carried into logs, dead letters and the document */
    bool moves;                    /* this topic's change moves the entity's update time */
    struct entry_text return_kind; /* "return" or "cancellation"; data NULL when absent */
    int64_t attempts;              /* used up before; 0 = absent */
    struct entry_text body;        /* payload exactly as received; data NULL for sync sources */
};

const char *entry_kind_name(enum entry_kind kind); /* "order"; literal */
bool entry_kind_parse(const char *s, size_t n, enum entry_kind *out) __attribute__((warn_unused_result));

/* Appends the complete RESP command `XADD <stream> * field value ...` for this entry (sent as it is, without formatting
 * by hiredis: 0.07 us against 1 us). */
void entry_add_xadd(struct strbuf *to, const char *stream, size_t stream_length, const struct entry *e);

/* Appends a RESP bulk string / an array head; for other prebuilt commands. */
void resp_add_array(struct strbuf *to, size_t count);
void resp_add_bulk(struct strbuf *to, const void *data, size_t n);

/* Decodes count strings (field, value, field, value ...; lengths given) as delivered by Redis. All texts in *out
 * borrow from values. Unknown field names are ignored (a newer writer), a version other than 1 is refused.
 * False: err names the field ("entry: field shop is missing"); *out untouched. */
bool entry_decode(const struct entry_text *fields, size_t count, struct entry *out, struct err *err)
    __attribute__((warn_unused_result));

#endif
