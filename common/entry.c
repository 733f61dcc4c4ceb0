/* entry.c - common: the stream entry written and read; the one contract between the programs.
 *
 * In:      struct entry (server, sync), or the strings Redis delivers (worker, tools).
 * Out:     a complete RESP command, or struct entry borrowing from those strings.
 * Fails:   only decoding, by naming the field. What comes from Redis is outside input: another version of ours, or a
 *          person with redis-cli, may have written it.
 * Thread:  any. Pure.
 * Why so:  the command is laid down byte by byte after one reservation, because this runs once per webhook and a
 *          printf-like formatter costs ten times as much. Decoding walks a table of fields, so the names, whether they
 *          must be there and how they are read stand in one place; a name the table lacks belongs to a newer writer and
 *          is ignored, a field given twice is refused, because nobody could say which one was meant. */
#include "common/entry.h"

#include <string.h>

#include "common/clock.h"
#include "common/number.h"

static const char *const entry_kind_names[ENTRY_KINDS] = {
    [ENTRY_ORDER] = "order",       [ENTRY_RETURN] = "return",
    [ENTRY_PRODUCT] = "product",   [ENTRY_TRANSACTION] = "transaction",
    [ENTRY_TRACKING] = "tracking", [ENTRY_SHOP] = "shop",
    [ENTRY_RECORD] = "record",     [ENTRY_OTHER] = "other",
};

const char *entry_kind_name(enum entry_kind kind)
{
    return (unsigned)kind < ENTRY_KINDS ? entry_kind_names[kind] : "unknown";
}

static bool entry_is(const char *s, size_t n, const char *word)
{
    return n == strlen(word) && memcmp(s, word, n) == 0;
}

bool entry_kind_parse(const char *s, size_t n, enum entry_kind *out)
{
    for (int i = 0; n > 0 && i < ENTRY_KINDS; i++) {
        if (entry_is(s, n, entry_kind_names[i])) {
            *out = (enum entry_kind)i;
            return true;
        }
    }
    return false;
}

/* --- writing ------------------------------------------------------------------------------------ */

enum { RESP_OVERHEAD = 1 + 20 + 2 + 2 }; /* '$', the longest length, and two line ends */

/* The number of digits is small, so this beats a general formatter and a copy. */
static char *resp_put_head(char *p, char kind, size_t n)
{
    char digits[20];
    size_t at = sizeof digits;

    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    *p++ = kind;
    memcpy(p, digits + at, sizeof digits - at);
    p += sizeof digits - at;
    *p++ = '\r';
    *p++ = '\n';
    return p;
}

static char *resp_put_bulk(char *p, const void *data, size_t n)
{
    p = resp_put_head(p, '$', n);
    if (n > 0)
        memcpy(p, data, n);
    p += n;
    *p++ = '\r';
    *p++ = '\n';
    return p;
}

static void resp_end(struct strbuf *to, char *end)
{
    *end = '\0';
    to->length = (size_t)(end - to->data);
}

void resp_add_array(struct strbuf *to, size_t count)
{
    strbuf_reserve(to, RESP_OVERHEAD);
    resp_end(to, resp_put_head(to->data + to->length, '*', count));
}

void resp_add_bulk(struct strbuf *to, const void *data, size_t n)
{
    strbuf_reserve(to, n + RESP_OVERHEAD);
    resp_end(to, resp_put_bulk(to->data + to->length, data, n));
}

/* Name and value as two bulk strings; the name's head and text are literal. */
#define PUT_NAME(p, head_and_name)                                                                           \
    (memcpy((p), (head_and_name), sizeof(head_and_name) - 1), (p) + sizeof(head_and_name) - 1)

static char *entry_put_number(char *p, int64_t v)
{
    char digits[24];
    size_t n = number_format_i64(digits, v);

    return resp_put_bulk(p, digits, n);
}

static char *entry_put_text(char *p, struct entry_text text)
{
    return resp_put_bulk(p, text.data, text.length);
}

/* Most bytes the command can take: the texts, and for each of at most 33 strings its frame and a name or number. */
static size_t entry_bound(size_t stream_length, const struct entry *e)
{
    return stream_length + e->platform.length + e->shop.length + e->topic.length + e->id.length +
           e->key.length + e->src.length + e->trace.length + e->return_kind.length + e->body.length +
           33 * (RESP_OVERHEAD + 24);
}

void entry_add_xadd(struct strbuf *to, const char *stream, size_t stream_length, const struct entry *e)
{
    const char *kind = entry_kind_name(e->kind);
    size_t fields = 10 + (size_t)(e->event_ms != 0) + (size_t)e->moves +
                    (size_t)(e->return_kind.data != NULL) + (size_t)(e->attempts != 0) +
                    (size_t)(e->body.data != NULL);
    char *p;

    strbuf_reserve(to, entry_bound(stream_length, e));
    p = resp_put_head(to->data + to->length, '*', 3 + 2 * fields);
    p = PUT_NAME(p, "$4\r\nXADD\r\n");
    p = resp_put_bulk(p, stream, stream_length);
    p = PUT_NAME(p, "$1\r\n*\r\n$1\r\nv\r\n$1\r\n1\r\n");
    p = entry_put_text(PUT_NAME(p, "$8\r\nplatform\r\n"), e->platform);
    p = entry_put_text(PUT_NAME(p, "$4\r\nshop\r\n"), e->shop);
    p = entry_put_text(PUT_NAME(p, "$5\r\ntopic\r\n"), e->topic);
    p = resp_put_bulk(PUT_NAME(p, "$4\r\nkind\r\n"), kind, strlen(kind));
    p = entry_put_text(PUT_NAME(p, "$2\r\nid\r\n"), e->id);
    if (e->event_ms != 0)
        p = entry_put_number(PUT_NAME(p, "$8\r\nevent_ms\r\n"), e->event_ms);
    p = entry_put_number(PUT_NAME(p, "$7\r\nrecv_ms\r\n"), e->recv_ms);
    p = entry_put_text(PUT_NAME(p, "$3\r\nkey\r\n"), e->key);
    p = entry_put_text(PUT_NAME(p, "$3\r\nsrc\r\n"), e->src);
    p = entry_put_text(PUT_NAME(p, "$5\r\ntrace\r\n"), e->trace);
    if (e->moves)
        p = PUT_NAME(p, "$5\r\nmoves\r\n$1\r\n1\r\n");
    if (e->return_kind.data)
        p = entry_put_text(PUT_NAME(p, "$11\r\nreturn_kind\r\n"), e->return_kind);
    if (e->attempts != 0)
        p = entry_put_number(PUT_NAME(p, "$8\r\nattempts\r\n"), e->attempts);
    if (e->body.data)
        p = entry_put_text(PUT_NAME(p, "$4\r\nbody\r\n"), e->body);
    resp_end(to, p);
}

/* --- reading ------------------------------------------------------------------------------------ */

enum entry_field_kind {
    FIELD_VERSION,
    FIELD_TEXT,
    FIELD_KIND,
    FIELD_EVENT_MS,
    FIELD_RECV_MS,
    FIELD_FLAG,
    FIELD_ATTEMPTS
};

static const struct entry_field {
    const char *name;           /* as in the stream */
    enum entry_field_kind kind; /* how the value is read */
    bool required;              /* refused without it */
    size_t at;                  /* FIELD_TEXT: offset in struct entry */
} entry_fields[] = {
    {"v", FIELD_VERSION, true, 0},
    {"platform", FIELD_TEXT, true, offsetof(struct entry, platform)},
    {"shop", FIELD_TEXT, true, offsetof(struct entry, shop)},
    {"topic", FIELD_TEXT, true, offsetof(struct entry, topic)},
    {"kind", FIELD_KIND, true, 0},
    {"id", FIELD_TEXT, true, offsetof(struct entry, id)},
    {"event_ms", FIELD_EVENT_MS, false, 0},
    {"recv_ms", FIELD_RECV_MS, true, 0},
    {"key", FIELD_TEXT, true, offsetof(struct entry, key)},
    {"src", FIELD_TEXT, true, offsetof(struct entry, src)},
    {"trace", FIELD_TEXT, true, offsetof(struct entry, trace)},
    {"moves", FIELD_FLAG, false, 0},
    {"return_kind", FIELD_TEXT, false, offsetof(struct entry, return_kind)},
    {"attempts", FIELD_ATTEMPTS, false, 0},
    {"body", FIELD_TEXT, false, offsetof(struct entry, body)},
};

enum { ENTRY_FIELDS = sizeof entry_fields / sizeof entry_fields[0] };

static bool entry_wrong(struct err *err, const char *field, const char *what)
{
    err_set(err, ERR_DATA, 0, "entry: field %s %s", field, what);
    return false;
}

/* Index of the field called name; ENTRY_FIELDS when we do not know it. expected: where it stands in our own order. */
static size_t entry_field_index(struct entry_text name, size_t expected)
{
    if (expected < ENTRY_FIELDS && entry_is(name.data, name.length, entry_fields[expected].name))
        return expected;
    for (size_t i = 0; i < ENTRY_FIELDS; i++) {
        if (entry_is(name.data, name.length, entry_fields[i].name))
            return i;
    }
    return ENTRY_FIELDS;
}

/* Fills *out's member for field from value. False: what says what is wrong with it. */
static bool entry_read_field(const struct entry_field *field, struct entry_text value, struct entry *out,
                             const char **what)
{
    switch (field->kind) {
    case FIELD_VERSION:
        *what = "is not 1: written by a version this one cannot read";
        return entry_is(value.data, value.length, "1");
    case FIELD_TEXT:
        memcpy((char *)out + field->at, &value, sizeof value);
        return true;
    case FIELD_KIND:
        *what = "is no kind this version knows";
        return entry_kind_parse(value.data, value.length, &out->kind);
    case FIELD_EVENT_MS:
        /* Decides between states of an entity, so a value in seconds must not get through. */
        *what = "is no time in milliseconds";
        return number_i64(value.data, value.length, &out->event_ms) && clock_plausible_ms(out->event_ms);
    case FIELD_RECV_MS:
        /* Only ages are computed from it: an event is not lost because a host's clock was wrong. */
        *what = "is no time in milliseconds";
        return number_i64(value.data, value.length, &out->recv_ms) && out->recv_ms > 0;
    case FIELD_FLAG:
        *what = "is neither 0 nor 1";
        out->moves = entry_is(value.data, value.length, "1");
        return out->moves || entry_is(value.data, value.length, "0");
    case FIELD_ATTEMPTS:
        *what = "is no number of attempts";
        return number_i64(value.data, value.length, &out->attempts) && out->attempts >= 0 &&
               out->attempts <= ENTRY_ATTEMPTS_MAX;
    }
    *what = "cannot be read";
    return false;
}

static bool entry_all_there(const bool seen[ENTRY_FIELDS], struct err *err)
{
    for (size_t i = 0; i < ENTRY_FIELDS; i++) {
        if (entry_fields[i].required && !seen[i])
            return entry_wrong(err, entry_fields[i].name, "is missing");
    }
    return true;
}

bool entry_decode(const struct entry_text *fields, size_t count, struct entry *out, struct err *err)
{
    bool seen[ENTRY_FIELDS] = {false};
    struct entry e = {.recv_ms = 0};
    size_t next = 0;

    if (count % 2 != 0) {
        err_set(err, ERR_DATA, 0, "entry: %zu strings are no pairs of name and value", count);
        return false;
    }
    for (size_t i = 0; i < count; i += 2) {
        struct entry_text value = fields[i + 1];
        size_t at = fields[i].data ? entry_field_index(fields[i], next) : ENTRY_FIELDS;
        const char *what = "";

        if (at == ENTRY_FIELDS)
            continue;
        if (seen[at])
            return entry_wrong(err, entry_fields[at].name, "is given twice");
        if (!value.data)
            value = (struct entry_text){"", 0}; /* present but empty; NULL means absent */
        if (!entry_read_field(&entry_fields[at], value, &e, &what))
            return entry_wrong(err, entry_fields[at].name, what);
        seen[at] = true;
        next = at + 1;
    }
    if (!entry_all_there(seen, err))
        return false;
    if (e.platform.length == 0)
        return entry_wrong(err, "platform", "is empty");
    *out = e;
    return true;
}
