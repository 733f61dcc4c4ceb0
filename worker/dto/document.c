/* document.c - worker, stage 5: content, then bookkeeping, in one BSON document that $set takes as it is.
 *
 * In:      a DTO with its table, what the turn knows about the read behind it.
 * Out:     struct document: set, unset, on_insert.
 * Fails:   when even identity and raw text exceed what MongoDB takes; when the turn's memory is used up.
 * Thread:  any. Pure but for memory.
 * Why so:  the hash covers a prefix. Content is written first, and BSON under construction can be closed at any
 *          moment, so what is hashed is simply what stands there before the bookkeeping follows: no second copy, and no
 *          list of excluded fields that could fall behind.
 *
 *   set: | platform shop_id channel_id, fields, extra, is_valid, validation_errors, raw | version ... behind |
 *          `------------------------- hashed ------------------------------------------'  */
#include "worker/dto/document.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "common/clock.h"
#include "common/strbuf.h"
#include "worker/dto/encode.h"

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

const char *document_entity_id(const struct dto_context *context)
{
    return context->doc_id + strlen(context->platform) + 1 + strlen(context->shop) + 1;
}

/* --- parts ----------------------------------------------------------------------------------------- */

/* What one document is made with. */
struct document_maker {
    struct encode to;               /* the part under construction */
    const struct dto_context *c;    /* of the entity */
    const struct document_draft *d; /* of the complete state; NULL for the others */
};

/* Words are ASCII nearly always, and then need no closer look. */
static bool document_is_utf8(const char *text)
{
    const char *at = text;

    while ((signed char)*at > 0)
        at++;
    return *at == '\0' || bson_utf8_validate(text, strlen(text), false);
}

/* False when empty, or when it came out of a stream entry as something else than UTF-8: then the field is absent. */
static bool document_has(const char *text)
{
    return text && *text && document_is_utf8(text);
}

static void document_text(struct document_maker *m, const char *key, const char *text)
{
    if (document_has(text))
        encode_text(&m->to, key, strlen(key), text, strlen(text));
}

/* Absent when it is no plausible instant. */
static void document_time(struct document_maker *m, const char *key, int64_t ms)
{
    char text[CLOCK_TEXT_MAX];

    if (clock_plausible_ms(ms))
        encode_text(&m->to, key, strlen(key), text, clock_format_offset(text, ms, m->c->offset_minutes));
}

static void document_absent(struct document_maker *m, const char *key, bool absent)
{
    if (absent)
        encode_text(&m->to, key, strlen(key), "", 0);
}

/* Ends one part of the document and begins the next. NULL: too large. */
static bson_t *document_part(struct document_maker *m)
{
    bson_t *part = encode_document(&m->to);

    encode_reset(&m->to);
    return part;
}

static void document_idempotency_key(struct document_maker *m)
{
    const char *parts[] = {m->c->platform, m->c->shop, m->c->channel_id, entry_kind_name(m->d->kind),
                           document_entity_id(m->c)};
    struct strbuf key = STRBUF_INIT;

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (i > 0)
            strbuf_add_char(&key, ':');
        strbuf_add_text(&key, parts[i]);
    }
    encode_text(&m->to, "idempotency_key", 15, key.data, key.length);
    strbuf_deinit(&key);
}

static void document_hex(char *to, uint64_t v)
{
    for (int i = 0; i < 16; i++)
        to[i] = "0123456789abcdef"[v >> (60 - 4 * i) & 15];
}

/* Of what stands there; "" when that failed. */
static void document_hash(struct encode *content, char hash[CONTENT_HASH_LENGTH + 1])
{
    size_t n = encode_seal(content);
    XXH128_hash_t h;

    hash[0] = '\0';
    if (n == 0)
        return;
    h = XXH3_128bits(content->data, n);
    document_hex(hash, h.high64);
    document_hex(hash + 16, h.low64);
    hash[CONTENT_HASH_LENGTH] = '\0';
}

/* --- the complete state ---------------------------------------------------------------------------- */

/* JSON text of the source; data NULL when the document is valid and needs none. */
struct document_raw {
    char *data;    /* owned (free) */
    size_t length; /* bytes */
};

static void document_content(struct document_maker *m, unsigned flags, const struct field_problems *problems,
                             const struct document_raw *raw)
{
    document_text(m, "platform", m->c->platform);
    document_text(m, "shop_id", m->c->shop);
    document_text(m, "channel_id", m->c->channel_id);
    field_write(m->d->mapping->entity, m->d->dto, flags, m->c->offset_minutes, m->d->scratch, &m->to);
    encode_bool(&m->to, "is_valid", 8, problems->total == 0);
    if (problems->total > 0)
        field_write_problems(problems, &m->to);
    if (raw->data)
        encode_text(&m->to, "raw", 3, raw->data, raw->length);
}

static void document_bookkeeping(struct document_maker *m, const struct document *d)
{
    document_idempotency_key(m);
    encode_i64(&m->to, "version", 7, d->version);
    encode_i64(&m->to, "fetched_ms", 10, d->fetched_ms);
    encode_text(&m->to, "content_hash", 12, d->hash, strlen(d->hash));
    document_time(m, "details_fetched_at", m->c->fetched_ms);
    document_time(m, "synced_at", m->c->now_ms);
    document_text(m, "source", m->c->source);
    document_text(m, "trace", m->c->trace);
    if (m->c->behind)
        encode_bool(&m->to, "behind", 6, true);
}

/* Names all fields this state lacks and an older one may have had, so that none of them survives it. What other stages
 * note on a document (transactions_fetched_ms) is no field of its entity, and stays. */
static void document_unset(struct document_maker *m, unsigned flags, bool valid)
{
    document_absent(m, "channel_id", !document_has(m->c->channel_id));
    field_write_absent(m->d->mapping, m->d->dto, flags, &m->to);
    document_absent(m, "deleted_at", true);
    document_absent(m, "missing_at_ms", true);
    document_absent(m, "behind", !m->c->behind);
    document_absent(m, "raw", valid);
    document_absent(m, "validation_errors", valid);
    document_absent(m, "source", !document_has(m->c->source));
    document_absent(m, "trace", !document_has(m->c->trace));
}

void document_free(struct document *d)
{
    if (!d)
        return;
    bson_destroy(d->set);
    bson_destroy(d->unset);
    bson_destroy(d->on_insert);
    bson_destroy(d->max);
    bson_destroy(d->min);
    d->set = d->unset = d->on_insert = d->max = d->min = NULL;
    document_free(d->before);
    document_free(d->after);
    d->before = d->after = NULL;
}

/* flags: 0, or FIELD_KEY for the document of last resort. False: too large; d has no BSON then. */
static bool document_compose(struct document *d, struct document_maker *m, unsigned flags,
                             const struct field_problems *problems, const struct document_raw *raw)
{
    d->valid = problems->total == 0;
    encode_reset(&m->to);
    document_content(m, flags, problems, raw);
    document_hash(&m->to, d->hash);
    document_bookkeeping(m, d);
    d->set = document_part(m);
    document_unset(m, flags, d->valid);
    d->unset = document_part(m);
    document_time(m, "first_seen", m->c->now_ms);
    d->on_insert = document_part(m);
    if (d->set && d->unset && d->on_insert)
        return true;
    document_free(d);
    return false;
}

/* The object as JSON text, numbers as they came. False: err says that it is larger than any document, or that there is
 * no memory for it. */
static bool document_raw_make(yyjson_val *source, struct document_raw *raw, struct err *err)
{
    raw->data = yyjson_val_write(source, YYJSON_WRITE_NOFLAG, &raw->length);
    if (!raw->data)
        err_set(err, ERR_SYSTEM, ENOMEM, "document: no memory for the raw text");
    else if (raw->length > DOCUMENT_BYTES_MAX)
        err_set(err, ERR_DATA, 0, "document: its raw text alone has %zu bytes", raw->length);
    return raw->data && raw->length <= DOCUMENT_BYTES_MAX;
}

static bool document_invalid(struct document *d, struct document_maker *m, struct err *err)
{
    struct document_raw raw = {NULL, 0};
    bool ok = false;

    if (!document_raw_make(m->d->source, &raw, err))
        goto out;
    if (m->d->complete && m->d->problems->total > 0)
        ok = document_compose(d, m, 0, m->d->problems, &raw);
    ok = ok || document_compose(d, m, FIELD_KEY, &document_too_large, &raw);
    if (!ok)
        err_set(err, ERR_DATA, 0, "document: too large, even with nothing but its raw text");
out:
    free(raw.data);
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
    d->version = c->stored_version;
    d->valid = true;
    return d;
}

struct document *document_full(const struct document_draft *draft, const struct dto_context *context,
                               struct arena *arena, struct err *err)
{
    struct document *d = document_new(DOCUMENT_FULL, draft->collection, context, arena, err);
    struct document_maker m = {.c = context, .d = draft};
    const struct document_raw none = {NULL, 0};
    bool ok;

    if (!d)
        return NULL;
    d->version = draft->version;
    encode_init(&m.to, DOCUMENT_BYTES_MAX);
    ok = draft->complete && draft->problems->total == 0 && document_compose(d, &m, 0, draft->problems, &none);
    ok = ok || document_invalid(d, &m, err);
    encode_deinit(&m.to);
    return ok ? d : NULL;
}

/* --- gone, or perhaps gone ------------------------------------------------------------------------- */

struct document *document_missing(const char *collection, const struct dto_context *context,
                                  struct arena *arena, struct err *err)
{
    struct document *d = document_new(DOCUMENT_MISSING, collection, context, arena, err);
    struct document_maker m = {.c = context};

    if (!d)
        return NULL;
    encode_init(&m.to, DOCUMENT_BYTES_MAX);
    encode_i64(&m.to, "missing_at_ms", 13, context->fetched_ms);
    d->set = document_part(&m);
    encode_deinit(&m.to);
    return d;
}

struct document *document_tombstone(const char *collection, const struct dto_context *context,
                                    struct arena *arena, struct err *err)
{
    struct document *d = document_new(DOCUMENT_TOMBSTONE, collection, context, arena, err);
    struct document_maker m = {.c = context};

    if (!d)
        return NULL;
    memcpy(d->hash, "deleted", sizeof "deleted");
    encode_init(&m.to, DOCUMENT_BYTES_MAX);
    document_time(&m, "deleted_at", context->now_ms);
    encode_i64(&m.to, "fetched_ms", 10, context->fetched_ms);
    document_text(&m, "content_hash", d->hash);
    document_time(&m, "details_fetched_at", context->fetched_ms);
    document_time(&m, "synced_at", context->now_ms);
    document_text(&m, "source", context->source);
    document_text(&m, "trace", context->trace);
    d->set = document_part(&m);
    document_absent(&m, "missing_at_ms", true);
    document_absent(&m, "behind", true);
    d->unset = document_part(&m);
    encode_deinit(&m.to);
    return d;
}
