/* raw_event.c - worker: a webhook that is no entity (yet), as a document of webhook_events.
 *
 * In:      a raw need and its one message.
 * Out:     everything under $setOnInsert: what was received never changes, so a second delivery finds its document and
 *          changes nothing, and no guard is needed.
 * Fails:   when `_id` would not be text.
 * Thread:  any. Pure.
 * Why so:  the strings of an entry may have been written by a person with redis-cli, so each is checked before it
 *          becomes BSON text. A body that is no UTF-8 is kept as binary: it was signed, so it is evidence. */
#include "worker/raw_event.h"

#include <string.h>

#include "common/clock.h"

enum { DAY_MS = 24 * 60 * 60 * 1000, ID_PARTS = 5 };

static bool is_text(const struct entry_text *t)
{
    return bson_utf8_validate(t->data ? t->data : "", t->length, true);
}

const char *raw_event_id(const struct entry *e, struct arena *arena, struct err *err)
{
    const char *kind = entry_kind_name(e->kind);
    const struct entry_text kind_text = {kind, strlen(kind)};
    const struct entry_text *parts[ID_PARTS] = {&e->platform, &e->shop, &e->key, &kind_text, &e->id};
    size_t length = 0, at = 0;
    char *id;

    for (size_t i = 0; i < ID_PARTS; i++)
        length += parts[i]->length + 1;
    id = arena_take(arena, length);
    if (!id) {
        err_set(err, ERR_SYSTEM, 0, "raw event: the turn's memory is used up");
        return NULL;
    }
    for (size_t i = 0; i < ID_PARTS; i++) {
        if (parts[i]->length > 0)
            memcpy(id + at, parts[i]->data, parts[i]->length);
        at += parts[i]->length;
        id[at++] = ':';
    }
    id[length - 1] = '\0';
    if (!bson_utf8_validate(id, length - 1, false)) {
        err_set(err, ERR_DATA, 0, "raw event: shop, key or id is not text");
        return NULL;
    }
    return id;
}

/* Absent when empty; binary when it is no UTF-8. */
static bool add_bytes(bson_t *to, const char *key, const struct entry_text *t)
{
    if (!t->data || t->length == 0)
        return true;
    if (is_text(t))
        return bson_append_utf8(to, key, -1, t->data, (int)t->length);
    return bson_append_binary(to, key, -1, BSON_SUBTYPE_BINARY, (const uint8_t *)t->data,
                              (uint32_t)t->length);
}

static bool add_time(bson_t *to, const char *key, int64_t ms, int offset_minutes)
{
    char text[CLOCK_TEXT_MAX];
    size_t n = clock_format_offset(text, ms, offset_minutes);

    return bson_append_utf8(to, key, -1, text, (int)n);
}

static bool add_times(bson_t *to, const struct entry *e, const struct config *config, int64_t now_ms)
{
    int64_t received = clock_plausible_ms(e->recv_ms) ? e->recv_ms : now_ms;

    return BSON_APPEND_INT64(to, "recv_ms", received) &&
           add_time(to, "received_at", received, config->timezone_offset_minutes) &&
           BSON_APPEND_DATE_TIME(to, "expires_at", received + config->webhook_events_keep_days * DAY_MS);
}

static bool add_fields(bson_t *to, const struct message *m, const struct config *config, int64_t now_ms)
{
    const struct entry *e = &m->entry;

    return add_bytes(to, "platform", &e->platform) && add_bytes(to, "shop_id", &e->shop) &&
           add_bytes(to, "topic", &e->topic) && BSON_APPEND_UTF8(to, "kind", entry_kind_name(e->kind)) &&
           add_bytes(to, "entity_id", &e->id) && add_times(to, e, config, now_ms) &&
           add_bytes(to, "event_key", &e->key) && add_bytes(to, "source", &e->src) &&
           add_bytes(to, "trace", &e->trace) && BSON_APPEND_UTF8(to, "stream_id", m->stream_id) &&
           add_bytes(to, "body", &e->body);
}

struct document *raw_event_build(const struct need *n, const struct config *config, int64_t now_ms,
                                 struct arena *arena, struct err *err)
{
    const struct message *m = n->messages.first;
    const char *id = raw_event_id(&m->entry, arena, err);
    struct document *d = id ? arena_take(arena, sizeof(*d)) : NULL;

    if (!d) {
        if (id)
            err_set(err, ERR_SYSTEM, 0, "raw event: the turn's memory is used up");
        return NULL;
    }
    d->op = DOCUMENT_RAW;
    d->collection = "webhook_events";
    d->doc_id = id;
    d->valid = true;
    d->on_insert = bson_new();
    if (add_fields(d->on_insert, m, config, now_ms))
        return d;
    bson_destroy(d->on_insert);
    d->on_insert = NULL;
    err_set(err, ERR_DATA, 0, "raw event: does not fit into a document");
    return NULL;
}
