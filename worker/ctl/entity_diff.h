/* entity_diff.h - shopstreamctl: what a write would change in a stored document, field by field. Pure.
 *
 * Compared is what the document says of the entity; when and how it was written (fetched_ms, synced_at, trace ...) is not. */
#ifndef SHOPSTREAM_WORKER_CTL_ENTITY_DIFF_H
#define SHOPSTREAM_WORKER_CTL_ENTITY_DIFF_H

#include <bson/bson.h>
#include <jansson.h>

#include "common/strbuf.h"

/* An array of {"path": "line_items[0].price", "old": value, "new": value}, `old` or `new` absent where there is none. stored:
 * NULL = no document. set, unset: of the write; a stored field that neither names stays and is no change. Values are relaxed
 * extended JSON. You own it. */
json_t *entity_diff(const bson_t *stored, const bson_t *set, const bson_t *unset);

/* One side of a change as a person reads it, "(absent)" for NULL; cut when long. Appends. */
void entity_diff_text(struct strbuf *to, const json_t *value);

#endif
