/* guard.c - worker: the filters that keep an older state from overwriting a newer one.
 *
 * In:      which guard, the `_id`, the state (V, F) about to be written, and the horizon (now + skew).
 * Out:     a filter document.
 * Fails:   only when BSON's size limit is hit.
 * Thread:  any. Pure.
 * Why so:  `version: {$not: {$gt: V}}` and never `{$lte: V}`: the first also matches a document without a version or
 *          with one of another type, which the second would lock out for ever. A stored fetched_ms beyond the horizon
 *          comes from a clock that has stepped; `$lte: horizon` makes it count as nothing, as in freshness.c.
 *          Tombstones compare fetched_ms alone: a slow read with a higher version, sent before the deletion, must not
 *          bring the document back. */
#include "worker/guard.h"

/* {<operator>: {$exists: exists}} under key deleted_at. */
static bool add_exists(bson_t *to, bool exists)
{
    bson_t term;

    return BSON_APPEND_DOCUMENT_BEGIN(to, "deleted_at", &term) &&
           BSON_APPEND_BOOL(&term, "$exists", exists) && bson_append_document_end(to, &term);
}

/* version: {$not: {$gt: V}} */
static bool add_not_newer(bson_t *to, int64_t version)
{
    bson_t term, inner;

    return BSON_APPEND_DOCUMENT_BEGIN(to, "version", &term) &&
           BSON_APPEND_DOCUMENT_BEGIN(&term, "$not", &inner) && BSON_APPEND_INT64(&inner, "$gt", version) &&
           bson_append_document_end(&term, &inner) && bson_append_document_end(to, &term);
}

/* $nor: [{version: V, fetched_ms: {$gte: F, $lte: horizon}}]; version NULL: without it. The array is written as a
 * document with index keys, which is what an array is, because its builder differs between driver versions. */
static bool add_nor_read_later(bson_t *to, const int64_t *version, int64_t fetched_ms, int64_t horizon_ms)
{
    bson_t elements = BSON_INITIALIZER, element, range;
    bool ok;

    ok = BSON_APPEND_DOCUMENT_BEGIN(&elements, "0", &element) &&
         (!version || BSON_APPEND_INT64(&element, "version", *version)) &&
         BSON_APPEND_DOCUMENT_BEGIN(&element, "fetched_ms", &range) &&
         BSON_APPEND_INT64(&range, "$gte", fetched_ms) && BSON_APPEND_INT64(&range, "$lte", horizon_ms) &&
         bson_append_document_end(&element, &range) && bson_append_document_end(&elements, &element) &&
         BSON_APPEND_ARRAY(to, "$nor", &elements);
    bson_destroy(&elements);
    return ok;
}

static bool add_ordinary(bson_t *to, int64_t version, int64_t fetched_ms, int64_t horizon_ms)
{
    return add_exists(to, false) && add_not_newer(to, version) &&
           add_nor_read_later(to, &version, fetched_ms, horizon_ms);
}

bool guard_filter(bson_t *to, enum guard g, const char *doc_id, int64_t version, int64_t fetched_ms,
                  int64_t horizon_ms, const char *hash)
{
    if (!BSON_APPEND_UTF8(to, "_id", doc_id))
        return false;
    switch (g) {
    case GUARD_ORDINARY:
        return add_ordinary(to, version, fetched_ms, horizon_ms);
    case GUARD_VERSION_ONLY:
        return BSON_APPEND_UTF8(to, "content_hash", hash) &&
               add_ordinary(to, version, fetched_ms, horizon_ms);
    case GUARD_REVIVE:
        return add_exists(to, true) && add_nor_read_later(to, NULL, fetched_ms, horizon_ms);
    case GUARD_TOMBSTONE:
        return add_nor_read_later(to, NULL, fetched_ms, horizon_ms);
    }
    return false;
}
