/* document.c - worker, stage 5: content, then bookkeeping, in one BSON document that $set takes as it is.
 *
 * In:      a DTO with its table, what the turn knows about the read behind it.
 * Out:     struct document: set, unset, on_insert.
 * Fails:   when even identity and raw text exceed what MongoDB takes; when the turn's memory is used up.
 * Thread:  any. Pure but for memory.
 * Why so:  the hash covers a prefix. Content is written first, and BSON under construction is a valid document at every
 *          moment, so what is hashed is simply what stands there before the bookkeeping follows: no second copy, and no
 *          list of excluded fields that could fall behind.
 *
 *   set: | platform shop_id channel_id, fields, extra, is_valid, validation_errors, raw | version ... behind |
 *          `------------------------- hashed ------------------------------------------'  */
#include "worker/dto/document.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "common/clock.h"

enum {
    DOCUMENT_BYTES_MAX = 15 * 1024 * 1024, /* set and unset of one op; MongoDB takes 16 MiB with the filter */
    DOCUMENT_AHEAD_MS = 24 * 60 * 60 * 1000, /* an update time further ahead than that is no update time */
};

static const struct field_problems document_too_large = {
    .count = 1,
    .total = 1,
    .items = {{.fault = FIELD_OUT_OF_RANGE, .path = "", .path_length = 0, .text = NULL}},
};

int64_t document_version(int64_t update_ms, int64_t stored_version, int64_t now_ms)
{
    if (update_ms > 0 && update_ms - now_ms <= DOCUMENT_AHEAD_MS)
        return update_ms;
    return stored_version > 0 ? stored_version : 0;
}

void document_free(struct document *d)
{
    if (!d)
        return;
    bson_destroy(d->set);
    bson_destroy(d->unset);
    bson_destroy(d->on_insert);
    d->set = d->unset = d->on_insert = NULL;
}

/* --- parts ----------------------------------------------------------------------------------------- */

/* Absent when empty, or when it came out of a stream entry as something else than UTF-8. */
static bool document_has(const char *text)
{
    return text && *text && bson_utf8_validate(text, strlen(text), false);
}

static bool document_text(bson_t *to, const char *key, const char *text)
{
    return !document_has(text) || bson_append_utf8(to, key, -1, text, -1);
}

/* Absent when it is no plausible instant. */
static bool document_time(bson_t *to, const char *key, int64_t ms, int offset_minutes)
{
    char text[CLOCK_TEXT_MAX];

    if (!clock_plausible_ms(ms))
        return true;
    return bson_append_utf8(to, key, -1, text, (int)clock_format_offset(text, ms, offset_minutes));
}

static bool document_idempotency_key(bson_t *to, const struct document_draft *draft,
                                     const struct dto_context *c, struct arena *arena)
{
    const char *kind = entry_kind_name(draft->kind);
    size_t n =
        strlen(c->platform) + strlen(c->shop) + strlen(c->channel_id) + strlen(kind) + strlen(c->id) + 5;
    char *key = arena_take(arena, n);

    if (!key)
        return false;
    snprintf(key, n, "%s:%s:%s:%s:%s", c->platform, c->shop, c->channel_id, kind, c->id);
    return bson_append_utf8(to, "idempotency_key", -1, key, -1);
}

static void document_hash(const bson_t *content, char hash[CONTENT_HASH_LENGTH + 1])
{
    XXH128_hash_t h = XXH3_128bits(bson_get_data(content), content->len);

    snprintf(hash, CONTENT_HASH_LENGTH + 1, "%016llx%016llx", (unsigned long long)h.high64,
             (unsigned long long)h.low64);
}

/* --- the complete state ---------------------------------------------------------------------------- */

static bool document_content(bson_t *to, const struct document_draft *draft, const struct dto_context *c,
                             unsigned flags, const struct field_problems *problems, const char *raw,
                             size_t raw_length)
{
    bool valid = problems->total == 0;

    return document_text(to, "platform", c->platform) && document_text(to, "shop_id", c->shop) &&
           document_text(to, "channel_id", c->channel_id) &&
           field_write(draft->entity, draft->dto, flags, c->offset_minutes, draft->scratch, to) &&
           bson_append_bool(to, "is_valid", -1, valid) && (valid || field_write_problems(problems, to)) &&
           (!raw || bson_append_utf8(to, "raw", -1, raw, (int)raw_length));
}

static bool document_bookkeeping(bson_t *to, const struct document *d, const struct document_draft *draft,
                                 const struct dto_context *c)
{
    return document_idempotency_key(to, draft, c, draft->scratch) &&
           bson_append_int64(to, "version", -1, d->version) &&
           bson_append_int64(to, "fetched_ms", -1, d->fetched_ms) &&
           bson_append_utf8(to, "content_hash", -1, d->hash, CONTENT_HASH_LENGTH) &&
           document_time(to, "details_fetched_at", c->fetched_ms, c->offset_minutes) &&
           document_time(to, "synced_at", c->now_ms, c->offset_minutes) &&
           document_text(to, "source", c->source) && document_text(to, "trace", c->trace) &&
           (!c->behind || bson_append_bool(to, "behind", -1, true));
}

static bool document_absent(bson_t *to, const char *key, bool absent)
{
    return !absent || bson_append_utf8(to, key, -1, "", 0);
}

/* Names all fields this state lacks, so that none of an older one survives it. */
static bool document_unset(bson_t *to, const struct document_draft *draft, const struct dto_context *c,
                           unsigned flags, bool valid)
{
    return document_absent(to, "channel_id", !document_has(c->channel_id)) &&
           field_write_absent(draft->entity, draft->dto, flags, to) &&
           document_absent(to, "deleted_at", true) && document_absent(to, "missing_at_ms", true) &&
           document_absent(to, "behind", !c->behind) && document_absent(to, "raw", valid) &&
           document_absent(to, "validation_errors", valid) &&
           document_absent(to, "source", !document_has(c->source)) &&
           document_absent(to, "trace", !document_has(c->trace));
}

static void document_clear(struct document *d)
{
    bson_reinit(d->set);
    bson_reinit(d->unset);
    bson_reinit(d->on_insert);
}

/* flags: 0, or FIELD_KEY for the document of last resort. */
static bool document_compose(struct document *d, const struct document_draft *draft,
                             const struct dto_context *c, unsigned flags,
                             const struct field_problems *problems, const char *raw, size_t raw_length)
{
    document_clear(d);
    d->valid = problems->total == 0;
    if (!document_content(d->set, draft, c, flags, problems, raw, raw_length))
        return false;
    document_hash(d->set, d->hash);
    return document_bookkeeping(d->set, d, draft, c) && document_unset(d->unset, draft, c, flags, d->valid) &&
           document_time(d->on_insert, "first_seen", c->now_ms, c->offset_minutes) &&
           (uint64_t)d->set->len + d->unset->len + d->on_insert->len <= DOCUMENT_BYTES_MAX;
}

/* The object as JSON text, numbers as they came. NULL: no memory, or larger than a document (*too_large says which).
 * You own it (free). */
static char *document_raw(yyjson_val *source, size_t *length, bool *too_large)
{
    char *raw = yyjson_val_write(source, YYJSON_WRITE_NOFLAG, length);

    *too_large = raw && *length > DOCUMENT_BYTES_MAX;
    if (*too_large) {
        free(raw);
        return NULL;
    }
    return raw;
}

static bool document_invalid(struct document *d, const struct document_draft *draft,
                             const struct dto_context *c, struct err *err)
{
    size_t length;
    bool too_large, ok;
    char *raw = document_raw(draft->source, &length, &too_large);

    if (!raw) {
        err_set(err, too_large ? ERR_DATA : ERR_SYSTEM, too_large ? 0 : ENOMEM,
                too_large ? "document: its raw text alone is larger than 15 MiB"
                          : "document: no memory for raw text");
        return false;
    }
    ok = draft->complete && draft->problems->total > 0 &&
         document_compose(d, draft, c, 0, draft->problems, raw, length);
    ok = ok || document_compose(d, draft, c, FIELD_KEY, &document_too_large, raw, length);
    if (!ok)
        err_set(err, ERR_DATA, 0, "document: cannot be stored, not even its raw text alone");
    free(raw);
    return ok;
}

/* An empty document without BSON. */
static struct document *document_new(enum document_op op, const char *collection, const struct dto_context *c,
                                     struct arena *arena, struct err *err)
{
    struct document *d = arena_take(arena, sizeof *d);

    if (!d) {
        err_set(err, ERR_SYSTEM, ENOMEM, "document: the memory of this turn is used up");
        return NULL;
    }
    d->op = op;
    d->collection = collection;
    d->doc_id = c->doc_id;
    d->fetched_ms = c->fetched_ms;
    d->set = bson_new();
    return d;
}

struct document *document_full(const struct document_draft *draft, const struct dto_context *context,
                               struct arena *arena, struct err *err)
{
    struct document *d = document_new(DOCUMENT_FULL, draft->collection, context, arena, err);
    bool ok;

    if (!d)
        return NULL;
    d->unset = bson_new();
    d->on_insert = bson_new();
    d->version = draft->version;
    ok = draft->complete && draft->problems->total == 0 &&
         document_compose(d, draft, context, 0, draft->problems, NULL, 0);
    if (!ok && !document_invalid(d, draft, context, err)) {
        document_free(d);
        return NULL;
    }
    return d;
}

/* --- gone, or perhaps gone ------------------------------------------------------------------------- */

static struct document *document_or_none(struct document *d, bool ok, struct err *err)
{
    if (ok)
        return d;
    err_set(err, ERR_SYSTEM, ENOMEM, "document: no memory");
    document_free(d);
    return NULL;
}

struct document *document_missing(const char *collection, const struct dto_context *context,
                                  struct arena *arena, struct err *err)
{
    struct document *d = document_new(DOCUMENT_MISSING, collection, context, arena, err);

    if (!d)
        return NULL;
    d->version = context->stored_version;
    d->valid = true;
    return document_or_none(d, bson_append_int64(d->set, "missing_at_ms", -1, context->fetched_ms), err);
}

struct document *document_tombstone(const char *collection, const struct dto_context *context, bool deleted,
                                    struct arena *arena, struct err *err)
{
    struct document *d = document_new(DOCUMENT_TOMBSTONE, collection, context, arena, err);
    bool ok;

    if (!d)
        return NULL;
    d->version = context->stored_version;
    d->valid = true;
    memcpy(d->hash, "deleted", sizeof "deleted");
    d->unset = bson_new();
    ok = (deleted || document_time(d->set, "deleted_at", context->now_ms, context->offset_minutes)) &&
         bson_append_int64(d->set, "fetched_ms", -1, context->fetched_ms) &&
         bson_append_utf8(d->set, "content_hash", -1, d->hash, -1) &&
         document_time(d->set, "details_fetched_at", context->fetched_ms, context->offset_minutes) &&
         document_time(d->set, "synced_at", context->now_ms, context->offset_minutes) &&
         document_text(d->set, "source", context->source) && document_text(d->set, "trace", context->trace) &&
         document_absent(d->unset, "missing_at_ms", true) && document_absent(d->unset, "behind", true);
    return document_or_none(d, ok, err);
}
