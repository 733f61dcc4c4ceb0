/* shop_record.c - worker: what `shopstreamctl shop put` reads.
 *
 * In:      JSON text: one object, or one object a line.
 * Out:     records, all of them or none.
 * Fails:   by a sentence that names line and key, never a value: values are tokens.
 * Thread:  any. Pure.
 * Why so:  keys are one table; unknown, missing and repeated keys are errors. An expiry in milliseconds is refused by its
 *          size instead of being believed for 50,000 years. */
#include "worker/shop_record.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/strbuf.h"
#include "worker/platforms/platform.h"

enum key_kind { KEY_TEXT, KEY_ID, KEY_SECONDS };

enum { KEY_OPTIONAL = 1, KEY_SECRET = 2, SHOP_RECORD_TEXT_MAX = 8192 };

struct key {
    const char *name;
    enum key_kind kind;
    size_t at; /* offsetof the field in struct shop_record */
    int flags;
};

#define AT(field) offsetof(struct shop_record, field)
static const struct key keys[] = {
    {"platform", KEY_TEXT, AT(platform), 0},
    {"shop_id", KEY_ID, AT(shop_id), 0},
    {"channel_id", KEY_ID, AT(channel_id), 0},
    {"region", KEY_TEXT, AT(region), 0},
    {"account", KEY_ID, AT(account), KEY_OPTIONAL},
    {"shop_cipher", KEY_TEXT, AT(shop_cipher), KEY_OPTIONAL},
    {"access_token", KEY_TEXT, AT(access_token), KEY_SECRET},
    {"refresh_token", KEY_TEXT, AT(refresh_token), KEY_SECRET},
    {"access_expires_at", KEY_SECONDS, AT(access_expires_ms), 0},
    {"refresh_expires_at", KEY_SECONDS, AT(refresh_expires_ms), 0},
};
#undef AT
enum { KEYS = sizeof keys / sizeof keys[0] };

static char **text_at(struct shop_record *r, const struct key *key)
{
    return (char **)(void *)((char *)r + key->at);
}

static int64_t *time_at(struct shop_record *r, const struct key *key)
{
    return (int64_t *)(void *)((char *)r + key->at);
}

static void record_deinit(struct shop_record *r)
{
    for (size_t i = 0; i < KEYS; i++) {
        char **text = text_at(r, &keys[i]);

        if (keys[i].kind == KEY_SECONDS)
            continue;
        if (*text && keys[i].flags & KEY_SECRET)
            explicit_bzero(*text, strlen(*text));
        free(*text);
    }
}

void shop_records_deinit(struct shop_records *r)
{
    for (size_t i = 0; i < r->count; i++)
        record_deinit(&r->at[i]);
    free(r->at);
    *r = (struct shop_records){0};
}

static const struct key *key_find(const char *name, size_t n)
{
    for (size_t i = 0; i < KEYS; i++)
        if (strlen(keys[i].name) == n && memcmp(keys[i].name, name, n) == 0)
            return &keys[i];
    return NULL;
}

/* Printable without spaces at the ends; tokens and ids go into headers, URLs and _ids. */
static bool text_is_clean(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)s[i] < ' ' || s[i] == 0x7f)
            return false;
    return n > 0 && n <= SHOP_RECORD_TEXT_MAX && s[0] != ' ' && s[n - 1] != ' ';
}

static const char *read_text(struct shop_record *r, yyjson_val *object, const struct key *key)
{
    struct json_text text = {0};
    enum json_got got =
        key->kind == KEY_ID ? json_get_id(object, key->name, &text) : json_get_text(object, key->name, &text);

    if (got == JSON_ABSENT || (got == JSON_GOT && text.length == 0))
        return key->flags & KEY_OPTIONAL ? NULL : "is missing";
    if (got != JSON_GOT)
        return key->kind == KEY_ID ? "must be a text or an integer" : "must be a text";
    if (!text_is_clean(text.data, text.length))
        return "has control characters, spaces at an end, or is too long";
    *text_at(r, key) = xstrndup(text.data, text.length);
    return NULL;
}

static const char *read_seconds(struct shop_record *r, yyjson_val *object, const struct key *key)
{
    int64_t seconds, ms;

    switch (json_get_i64(object, key->name, &seconds)) {
    case JSON_ABSENT:
        return "is missing";
    case JSON_WRONG:
        return "must be an integer (epoch seconds)";
    case JSON_GOT:
        break;
    }
    if (__builtin_mul_overflow(seconds, 1000, &ms) || !clock_plausible_ms(ms))
        return "is not a plausible time in epoch seconds";
    *time_at(r, key) = ms;
    return NULL;
}

/* Only known keys, each once. NULL: fine; else the sentence in err is complete. */
static bool check_keys(yyjson_val *object, size_t line, struct err *err)
{
    bool seen[KEYS] = {false};
    yyjson_obj_iter it = yyjson_obj_iter_with(object);
    yyjson_val *name;

    while ((name = yyjson_obj_iter_next(&it)) != NULL) {
        const struct key *key = key_find(yyjson_get_str(name), yyjson_get_len(name));

        if (!key || seen[key - keys]) {
            err_set(err, ERR_CONFIG, 0, "line %zu: %s key \"%.60s\"", line, key ? "repeated" : "unknown",
                    yyjson_get_str(name));
            return false;
        }
        seen[key - keys] = true;
    }
    return true;
}

/* What depends on the platform. NULL: fine. */
static const char *check_platform(const struct shop_record *r, const char **key)
{
    bool tiktok;

    *key = "platform";
    if (!platform_find(r->platform))
        return "is not one we know";
    tiktok = strcmp(r->platform, "tiktok") == 0;
    *key = "shop_cipher";
    if (tiktok && !r->shop_cipher)
        return "is missing";
    return !tiktok && r->shop_cipher ? "belongs to tiktok only" : NULL;
}

static bool record_read(yyjson_val *object, size_t line, struct shop_record *r, struct err *err)
{
    const char *problem = NULL, *key = "";

    if (!yyjson_is_obj(object)) {
        err_set(err, ERR_CONFIG, 0, "line %zu: not a JSON object", line);
        return false;
    }
    if (!check_keys(object, line, err))
        return false;
    for (size_t i = 0; i < KEYS && !problem; i++) {
        key = keys[i].name;
        problem =
            keys[i].kind == KEY_SECONDS ? read_seconds(r, object, &keys[i]) : read_text(r, object, &keys[i]);
    }
    if (!problem)
        problem = check_platform(r, &key);
    if (problem)
        err_set(err, ERR_CONFIG, 0, "line %zu: %s %s", line, key, problem);
    r->line = line;
    return !problem;
}

/* Appends one record. False: err; what was appended before stays for shop_records_deinit. */
static bool records_add(struct shop_records *r, yyjson_val *object, size_t line, struct err *err)
{
    r->at = xrealloc(r->at, (r->count + 1) * sizeof *r->at);
    r->at[r->count] = (struct shop_record){0};
    return record_read(object, line, &r->at[r->count++], err);
}

static bool is_blank(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (s[i] != ' ' && s[i] != '\t' && s[i] != '\r' && s[i] != '\n')
            return false;
    return true;
}

static bool read_line(struct shop_records *r, const char *s, size_t n, size_t line, struct err *err)
{
    yyjson_doc *doc = json_parse(s, n, NULL, err);
    bool ok = false;

    if (doc)
        ok = records_add(r, yyjson_doc_get_root(doc), line, err);
    else
        err_prefix(err, "line %zu", line);
    yyjson_doc_free(doc);
    return ok;
}

static bool read_lines(struct shop_records *r, const char *text, size_t n, struct err *err)
{
    size_t line = 1;

    for (size_t at = 0; at < n; line++) {
        const char *end = memchr(text + at, '\n', n - at);
        size_t length = end ? (size_t)(end - text) - at : n - at;

        if (!is_blank(text + at, length) && !read_line(r, text + at, length, line, err))
            return false;
        at += length + 1;
    }
    return true;
}

bool shop_records_parse(const char *text, size_t n, struct shop_records *out, struct err *err)
{
    struct shop_records r = {0};
    yyjson_doc *whole = n > 0 ? json_parse(text, n, NULL, NULL) : NULL; /* one object may span lines */
    bool ok = whole ? records_add(&r, yyjson_doc_get_root(whole), 1, err) : read_lines(&r, text, n, err);

    yyjson_doc_free(whole);
    if (ok && r.count == 0) {
        err_set(err, ERR_CONFIG, 0, "nothing to read on standard input");
        ok = false;
    }
    if (ok)
        *out = r;
    else
        shop_records_deinit(&r);
    return ok;
}
