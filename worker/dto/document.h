/* document.h - worker, stage 5: a DTO and its bookkeeping become one write. The same for every entity and platform. */
#ifndef SHOPSTREAM_WORKER_DTO_DOCUMENT_H
#define SHOPSTREAM_WORKER_DTO_DOCUMENT_H

#include <stdint.h>
#include <yyjson.h>

#include "common/entry.h"
#include "worker/dto.h"
#include "worker/dto/field.h"

/* What a platform's reader hands over. Borrows everything. */
struct document_draft {
    const char *collection;        /* literal */
    enum entry_kind kind;          /* of the entity: stands in the idempotency key */
    const struct mapping *mapping; /* dto was read with */
    const void *dto;               /* filled */
    bool complete;                 /* false: dto could not be filled to the end, store the raw text only */
    const struct field_problems *problems; /* of dto */
    yyjson_val *source;                    /* the object it was read from, for `raw` */
    int64_t version;                       /* V */
    struct arena *scratch;                 /* for what only the building needs */
};

/* The version a source's update time stands for: it, or stored_version when it is unusable. update_ms 0: absent. */
int64_t document_version(int64_t update_ms, int64_t stored_version, int64_t now_ms);

/* What stands in the _id after "<platform>:<shop>:": unlike context->id it tells apart what shares an id, as an order
 * and its transactions do. Borrowed. */
const char *document_entity_id(const struct dto_context *context);

/* The complete state: $set, $unset, $setOnInsert. NULL: not even the raw text can be stored (err ERR_DATA), or there is
 * no memory in this turn (err ERR_SYSTEM). The struct lies in the arena; free its BSON with document_free. */
struct document *document_full(const struct document_draft *draft, const struct dto_context *context,
                               struct arena *arena, struct err *err) __attribute__((warn_unused_result));

/* The entity was left out of an answer: the stored document gets missing_at_ms. NULL: no memory in this turn. */
struct document *document_missing(const char *collection, const struct dto_context *context,
                                  struct arena *arena, struct err *err) __attribute__((warn_unused_result));

/* The entity is gone. NULL as above. */
struct document *document_tombstone(const char *collection, const struct dto_context *context,
                                    struct arena *arena, struct err *err) __attribute__((warn_unused_result));

#endif
