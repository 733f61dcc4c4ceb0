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

#include "common/clock.h"
#include "common/hmac.h"
#include "common/keys.h"
#include "common/log.h"
#include "common/strbuf.h"
#include "server/topics_shopee.h"
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
    yyjson_doc *inner;     /* of a text inside it; same */
    struct sha256 *sha256; /* owned */
    struct strbuf key;     /* of the push being mapped; several with keep */
    size_t keep;           /* bytes of key that the next one must leave alone */
    bool many;             /* each key is kept: map_keys made room */
    struct entry *entries; /* room of them */
    int *partitions;       /* same */
    size_t room;
};

static const struct {
    const char *name;
    bool (*map)(struct map_draft *d); /* false: the draft is dead */
} platforms[PLATFORMS] = {
    [PLATFORM_TIKTOK] = {"tiktok", topics_tiktok_map},
    [PLATFORM_SHOPEE] = {"shopee", topics_shopee_map},
};

/* Keys of two platforms, or of two apps of one, must not meet. Shopee verifies pushes without a partner id. */
static const char *scope_of(const struct config *c, enum platform platform)
{
    if (platform == PLATFORM_TIKTOK)
        return c->tiktok_app_key;
    return c->shopee_partner_id && *c->shopee_partner_id ? c->shopee_partner_id : "shopee";
}

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
    m->partitions = xcalloc(m->room, sizeof(*m->partitions));
    strbuf_init(&m->key);
    m->sha256 = sha256_new();
    return m;
}

void mapper_free(struct mapper *m)
{
    if (!m)
        return;
    map_release(m);
    strbuf_deinit(&m->key);
    sha256_free(m->sha256);
    free(m->entries);
    free(m->partitions);
    free(m->pool);
    free(m);
}

void map_release(struct mapper *m)
{
    yyjson_doc_free(m->doc);
    yyjson_doc_free(m->inner);
    m->doc = m->inner = NULL;
    m->keep = 0;
    m->many = false;
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
    *out = (struct mapped){.count = 1, .entries = m->entries, .partitions = m->partitions};
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

static bool same(struct entry_text a, struct entry_text b)
{
    return a.length == b.length && memcmp(a.data, b.data, a.length) == 0;
}

/* Entries of one shop mostly stand together. */
static void find_partitions(const struct push *push, const struct mapped *out)
{
    for (size_t i = 0; i < out->count; i++) {
        const struct entry *e = &out->entries[i];

        out->partitions[i] = i > 0 && same(e->shop, e[-1].shop)
                                 ? out->partitions[i - 1]
                                 : keys_partition(e->platform.data, e->platform.length, e->shop.data,
                                                  e->shop.length, push->partitions);
    }
}

void map_push(struct mapper *m, const struct push *push, struct mapped *out)
{
    struct map_draft d = {
        .mapper = m, .out = out, .push = push, .scope = scope_of(m->config, push->platform)};

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
    find_partitions(push, out);
}

yyjson_val *map_parse_inner(struct map_draft *d, const char *json, size_t n)
{
    struct mapper *m = d->mapper;

    if (!m->inner)
        m->inner = json_parse(json, n, NULL, NULL);
    return m->inner ? yyjson_doc_get_root(m->inner) : NULL;
}

bool map_dead(struct map_draft *d, const char *why)
{
    d->out->dead = true;
    d->out->why = why;
    d->out->count = 1;
    return false;
}

static void make_room(struct mapper *m, struct mapped *out)
{
    m->room *= 2;
    m->entries = xrealloc(m->entries, m->room * sizeof(*m->entries));
    m->partitions = xrealloc(m->partitions, m->room * sizeof(*m->partitions));
    out->entries = m->entries;
    out->partitions = m->partitions;
}

struct entry *map_also(struct map_draft *d, struct entry_text shop, enum entry_kind kind,
                       struct entry_text id)
{
    struct mapped *out = d->out;
    struct entry *e;

    for (size_t i = 0; i < out->count; i++) {
        e = &out->entries[i];
        if (e->kind == kind && same(e->id, id) && same(e->shop, shop))
            return e;
    }
    if (out->count == MAP_ENTRIES_MAX) {
        (void)map_dead(d, "too many entities in one push");
        return NULL;
    }
    if (d->push->body.length > MAP_BYTES_MAX / (out->count + 1)) {
        (void)map_dead(d, "too many entities for a body of this size");
        return NULL;
    }
    if (out->count == d->mapper->room)
        make_room(d->mapper, out);
    e = &out->entries[out->count++];
    *e = out->entries[0];
    e->shop = shop;
    e->kind = kind;
    e->id = id;
    e->event_ms = 0;
    e->moves = false;
    e->return_kind = (struct entry_text){NULL, 0};
    return e;
}

/* What a key cannot be longer than, so that room made for several is enough. */
static size_t key_bound(const struct map_draft *d)
{
    return strlen(d->scope) + KEY_MAX + 1;
}

void map_keys(struct map_draft *d, size_t count)
{
    strbuf_reset(&d->mapper->key);
    strbuf_reserve(&d->mapper->key, (count + 1) * key_bound(d));
    d->mapper->keep = 0;
    d->mapper->many = true;
}

static void key_begin(struct map_draft *d)
{
    struct strbuf *key = &d->mapper->key;

    if (d->mapper->many && key->capacity - key->length <= key_bound(d))
        fatalx("map: more keys than room was made for");
    if (!d->mapper->many)
        strbuf_reset(key);
    d->mapper->keep = key->length;
    strbuf_add_text(key, d->scope);
}

static struct entry_text key_end(const struct mapper *m)
{
    return (struct entry_text){m->key.data + m->keep, m->key.length - m->keep};
}

static struct entry_text key_hashed(struct map_draft *d, const void *bytes, size_t n)
{
    char hex[HMAC_HEX_LENGTH + 1];

    if (!sha256_run(d->mapper->sha256, bytes, n, hex))
        fatalx("map: no memory for a hash");
    key_begin(d);
    strbuf_add_char(&d->mapper->key, ':');
    strbuf_add(&d->mapper->key, hex, HMAC_HEX_LENGTH);
    return key_end(d->mapper);
}

static void add_parts(struct strbuf *to, const struct entry_text *parts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        strbuf_add_char(to, ':');
        strbuf_add(to, parts[i].data, parts[i].length);
    }
}

struct entry_text map_key(struct map_draft *d, const struct entry_text *parts, size_t count)
{
    struct strbuf joined = STRBUF_INIT;
    struct entry_text key;
    size_t length = 0;

    for (size_t i = 0; i < count; i++)
        length += 1 + parts[i].length;
    if (length <= KEY_MAX) {
        key_begin(d);
        add_parts(&d->mapper->key, parts, count);
        return key_end(d->mapper);
    }
    add_parts(&joined, parts, count);
    key = key_hashed(d, joined.data, joined.length);
    strbuf_deinit(&joined);
    return key;
}

bool map_hash(struct map_draft *d, yyjson_val *value, char *hex)
{
    size_t n;
    char *bytes = yyjson_val_write(value, 0, &n); /* numbers as they were sent: json_parse keeps their text */
    bool ok = bytes && sha256_run(d->mapper->sha256, bytes, n, hex);

    free(bytes);
    return ok;
}

struct entry_text map_key_of_body(struct map_draft *d)
{
    return key_hashed(d, d->push->body.data, d->push->body.length);
}

static struct entry_text borrowed(struct json_text t)
{
    return (struct entry_text){t.data, t.length};
}

bool map_get_id(yyjson_val *object, const char *key, struct entry_text *out)
{
    struct json_text t;

    if (json_get_id(object, key, &t) != JSON_GOT || t.length > MAP_ID_MAX)
        return false;
    *out = borrowed(t);
    return true;
}

/* A real number has lost digits and is no id. */
bool map_element_id(yyjson_val *value, struct entry_text *out)
{
    struct json_text t;

    if (!json_scalar_text(value, &t) || t.length == 0 || t.length > MAP_ID_MAX)
        return false;
    if (yyjson_is_raw(value) &&
        (memchr(t.data, '.', t.length) || memchr(t.data, 'e', t.length) || memchr(t.data, 'E', t.length)))
        return false;
    *out = borrowed(t);
    return true;
}

struct entry_text map_scalar(yyjson_val *object, const char *key)
{
    struct json_text t;
    yyjson_val *v = yyjson_obj_get(object, key);

    if (!v || !json_scalar_text(v, &t))
        return (struct entry_text){"", 0};
    return borrowed(t);
}

int64_t map_seconds_as_ms(yyjson_val *object, const char *key)
{
    int64_t s, ms;

    if (json_get_i64(object, key, &s) != JSON_GOT || __builtin_mul_overflow(s, 1000, &ms) ||
        !clock_plausible_ms(ms))
        return 0;
    return ms;
}
