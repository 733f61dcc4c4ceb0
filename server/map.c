/* map.c - server, stage 3 of 5: parses the body, calls the platform's topic table, knows what all platforms share.
 *
 * A push of a few KB costs no allocation: yyjson works in the mapper's pool, the key is written into the mapper's
 * string, the entries stand in the mapper's array. Only a body whose document could outgrow the pool is parsed with
 * malloc. Nothing here is kept: the texts of *out point into the document, so whoever wants to keep something (store)
 * copies it before map_release.
 *
 * A dead letter has the platform, and shop and topic as far as they could be read: enough to find it again. */
#include "server/map.h"

#include <stdlib.h>
#include <string.h>

#include "common/hmac.h"
#include "common/keys.h"
#include "common/log.h"
#include "common/strbuf.h"
#include "server/topics_tiktok.h"

enum {
    POOL_BYTES = 256 * 1024, /* documents up to about 20 KB parse in it */
    KEY_MAX = 256,           /* bytes of a key's variable part */
    ENTRIES_FIRST = 8,       /* room for so many entries to begin with */
};

struct mapper {
    const struct config *config;
    void *pool;            /* POOL_BYTES, scratch of the parser */
    yyjson_doc *doc;       /* of the push being mapped; NULL between pushes */
    struct strbuf key;     /* of the push being mapped */
    struct entry *entries; /* room of them */
    size_t room;
};

static const struct {
    const char *name;
    bool (*map)(struct map_draft *d); /* false: the draft is dead */
} platforms[PLATFORMS] = {
    [PLATFORM_TIKTOK] = {"tiktok", topics_tiktok_map},
};

static struct entry_text text(const char *s)
{
    return (struct entry_text){s, strlen(s)};
}

struct mapper *mapper_new(const struct config *c)
{
    struct mapper *m = xcalloc(1, sizeof(*m));

    m->config = c;
    m->pool = xmalloc(POOL_BYTES);
    m->room = ENTRIES_FIRST;
    m->entries = xcalloc(m->room, sizeof(*m->entries));
    strbuf_init(&m->key);
    return m;
}

void mapper_free(struct mapper *m)
{
    if (!m)
        return;
    map_release(m);
    strbuf_deinit(&m->key);
    free(m->entries);
    free(m->pool);
    free(m);
}

void map_release(struct mapper *m)
{
    yyjson_doc_free(m->doc);
    m->doc = NULL;
}

/* In the pool when the document is sure to fit. NULL: not JSON. */
static yyjson_doc *parse(struct mapper *m, struct entry_text body)
{
    yyjson_alc alc;

    if (yyjson_read_max_memory_usage(body.length, YYJSON_READ_NUMBER_AS_RAW) + 1024 <= POOL_BYTES &&
        yyjson_alc_pool_init(&alc, m->pool, POOL_BYTES))
        return json_parse(body.data, body.length, &alc, NULL);
    return json_parse(body.data, body.length, NULL, NULL);
}

static void begin(struct mapper *m, const struct push *push, struct mapped *out)
{
    *out = (struct mapped){.count = 1, .entries = m->entries};
    m->entries[0] = (struct entry){
        .platform = text(platforms[push->platform].name),
        .shop = text(""),
        .kind = ENTRY_OTHER,
        .id = text(""),
        .recv_ms = push->recv_ms,
        .src = text("webhook"),
        .trace = push->trace,
        .body = push->body,
    };
}

void map_push(struct mapper *m, const struct push *push, struct mapped *out)
{
    struct map_draft d = {.mapper = m, .out = out, .push = push, .app_key = m->config->tiktok_app_key};
    const struct entry *first;

    map_release(m);
    begin(m, push, out);
    m->doc = parse(m, push->body);
    d.root = m->doc ? yyjson_doc_get_root(m->doc) : NULL;
    if (!d.root)
        map_dead(&d, "the body is not JSON");
    else if (!yyjson_is_obj(d.root))
        map_dead(&d, "the body is not a JSON object");
    else
        (void)platforms[push->platform].map(&d);
    first = &out->entries[0];
    out->partition = keys_partition(first->platform.data, first->platform.length, first->shop.data,
                                    first->shop.length, (int)m->config->stream_partitions);
}

bool map_dead(struct map_draft *d, const char *why)
{
    d->out->dead = true;
    d->out->why = why;
    d->out->count = 1;
    return false;
}

static bool same(struct entry_text a, struct entry_text b)
{
    return a.length == b.length && memcmp(a.data, b.data, a.length) == 0;
}

bool map_also(struct map_draft *d, enum entry_kind kind, struct entry_text id)
{
    struct mapper *m = d->mapper;
    struct mapped *out = d->out;

    for (size_t i = 0; i < out->count; i++)
        if (out->entries[i].kind == kind && same(out->entries[i].id, id))
            return true;
    if (out->count == MAP_ENTRIES_MAX)
        return map_dead(d, "too many entities in one push");
    if (d->push->body.length > MAP_BYTES_MAX / (out->count + 1))
        return map_dead(d, "too many entities for a body of this size");
    if (out->count == m->room) {
        m->room *= 2;
        m->entries = xrealloc(m->entries, m->room * sizeof(*m->entries));
        out->entries = m->entries;
    }
    out->entries[out->count] = out->entries[0];
    out->entries[out->count].kind = kind;
    out->entries[out->count].id = id;
    out->count++;
    return true;
}

static struct entry_text key_text(const struct mapper *m)
{
    return (struct entry_text){m->key.data, m->key.length};
}

static void key_begin(struct map_draft *d)
{
    strbuf_reset(&d->mapper->key);
    strbuf_add_text(&d->mapper->key, d->app_key);
}

static struct entry_text key_hashed(struct map_draft *d, const void *bytes, size_t n)
{
    char hex[HMAC_HEX_LENGTH + 1];

    if (!sha256_hex(bytes, n, hex))
        fatalx("map: no memory for a hash");
    key_begin(d);
    strbuf_add_char(&d->mapper->key, ':');
    strbuf_add(&d->mapper->key, hex, HMAC_HEX_LENGTH);
    return key_text(d->mapper);
}

struct entry_text map_key(struct map_draft *d, const struct entry_text *parts, size_t count)
{
    struct strbuf *key = &d->mapper->key;
    size_t head;

    key_begin(d);
    head = key->length;
    for (size_t i = 0; i < count; i++) {
        strbuf_add_char(key, ':');
        strbuf_add(key, parts[i].data, parts[i].length);
    }
    if (key->length - head > KEY_MAX)
        return key_hashed(d, key->data + head, key->length - head);
    return key_text(d->mapper);
}

bool map_hash(yyjson_val *value, char *hex)
{
    size_t n;
    char *bytes = yyjson_val_write(value, 0, &n); /* numbers as they were sent: json_parse keeps their text */
    bool ok = bytes && sha256_hex(bytes, n, hex);

    free(bytes);
    return ok;
}

struct entry_text map_key_of_body(struct map_draft *d)
{
    return key_hashed(d, d->push->body.data, d->push->body.length);
}
