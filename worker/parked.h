/* parked.h - worker: a need as a document of `needs`, and back: the one place that knows its fields.
 *
 *   _id         "<kind>:" and the entity's _id: one document an entity, however many events
 *   platform shop_id kind entity_id [return_kind] [topic] [trace]   texts; topic and trace are the newest event's
 *   reason      why: one word (need_park), or one of those below
 *   [event_ms]  $max; newest update time announced by an event of the first sort
 *   entry_ms    $max; when the newest event was stored, or, where there is none, when the answer that raised it was asked for
 *   attempts    $max; tries its events have used up
 *   rev         $inc; whoever deletes the document names the rev and the since it has read, so a need changed meanwhile, or
 *               made anew, stays
 *   since       date, $min; it waits from then on: later than now for what is asked for again only after a while
 *   updated_at  date
 *
 * In:      stage 5: a need, an order that was paid, or half an answer. The sweep: a document.
 * Out:     stage 5: a DOCUMENT_NEED. The sweep: the entry that brings it back, `src parked` or `again`.
 * Fails:   only when the turn's memory is used up.
 * Thread:  any. Pure. */
#ifndef SHOPSTREAM_WORKER_PARKED_H
#define SHOPSTREAM_WORKER_PARKED_H

#include <bson/bson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/entry.h"
#include "common/err.h"
#include "worker/dto.h"
#include "worker/need.h"

#define PARKED_COLLECTION "needs"
/* Reasons of needs that wait for no shop, only for their turn. */
#define PARKED_TRANSACTION "transaction" /* money has moved */
#define PARKED_INCOMPLETE  "incomplete"  /* a part was left out of an otherwise good answer */
#define PARKED_UNSETTLED   "unsettled"   /* a completed order has no transactions yet */

/* The document of a need that is to be parked (park_reason set). NULL: no memory left in this turn. */
struct document *parked_build(const struct need *n, int64_t now_ms, struct arena *arena, struct err *err)
    __attribute__((warn_unused_result));

/* The order whose transactions must be read when this complete state is written: money has moved. "" when it has not, or
 * when the platform shows no transactions. Borrowed from full. */
const char *parked_paid_order(const struct need *n, const struct document *full);

/* The need for the transactions of that order, raised by n, whose answer was asked for at n->answer.fetched_ms. NULL: no
 * memory left in this turn. */
struct document *parked_transaction(const struct need *n, const char *order_id, int64_t now_ms,
                                    struct arena *arena, struct err *err) __attribute__((warn_unused_result));

/* Does this order say that money has moved? */
bool parked_is_paid(const bson_t *row);

/* The need that has n's entity read again in delay_ms, because its answer was only half of one. NULL: no memory left in
 * this turn. */
struct document *parked_again(const struct need *n, const char *reason, int64_t now_ms, int64_t delay_ms,
                              struct arena *arena, struct err *err) __attribute__((warn_unused_result));

/* Number of the ask that n was answered to, 1..: the highest of its messages'. */
int64_t parked_attempt(const struct need *n);

/* Filters over `needs`: those whose time has come; those that wait for their shop, or only for their turn. */
void parked_add_due(bson_t *filter, int64_t now_ms);
void parked_add_waiting(bson_t *filter, bool for_shop);
bool parked_waits_for_shop(const char *reason);

/* A document of `needs` as read. Texts are borrowed from the row, "" when absent. */
struct parked {
    const char *id; /* _id */
    const char *platform;
    const char *shop;
    enum entry_kind kind;
    const char *entity_id;
    const char *return_kind;
    const char *topic;
    const char *trace;
    const char *reason;
    int64_t event_ms; /* 0 = none */
    int64_t attempts;
    int64_t rev;
    int64_t since_ms;   /* UTC epoch ms; 0 = not there */
    int64_t updated_ms; /* the same: when it was parked last */
};

/* False: no need of ours (somebody else's document, a kind this version does not know); *out says what could be read. */
bool parked_read(const bson_t *row, struct parked *out) __attribute__((warn_unused_result));

/* The entry that brings it back: src parked, or again where half an answer is asked for again. Borrows from p. recv_ms: Redis' clock now. */
struct entry parked_entry(const struct parked *p, int64_t recv_ms);

#endif
