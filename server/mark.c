/* mark.c - server, stage 4 of 5: the commands around a dedupe mark. Contract: mark.h. */
#include "server/mark.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/entry.h"
#include "common/number.h"

void mark_add_get(struct strbuf *to, const char *key, size_t key_length)
{
    resp_add_array(to, 2);
    resp_add_bulk(to, "GET", 3);
    resp_add_bulk(to, key, key_length);
}

void mark_add_set(struct strbuf *to, const char *key, size_t key_length, const char *id, size_t id_length,
                  int64_t life_ms)
{
    char ttl[24];

    resp_add_array(to, 5);
    resp_add_bulk(to, "SET", 3);
    resp_add_bulk(to, key, key_length);
    resp_add_bulk(to, id, id_length);
    resp_add_bulk(to, "PX", 2);
    resp_add_bulk(to, ttl, number_format_i64(ttl, life_ms));
}

bool mark_read_id(const char *text, size_t n, struct mark_id *out)
{
    const char *dash = memchr(text, '-', n);
    const size_t head = dash ? (size_t)(dash - text) : 0;
    struct mark_id id;

    if (!dash || !number_u64(text, head, &id.ms) || !number_u64(dash + 1, n - head - 1, &id.sequence))
        return false;
    *out = id;
    return true;
}

bool mark_is_id(const char *text, size_t n)
{
    struct mark_id id;

    return mark_read_id(text, n, &id);
}

size_t mark_write_id(char to[MARK_ID_MAX], struct mark_id id)
{
    return (size_t)snprintf(to, MARK_ID_MAX, "%" PRIu64 "-%" PRIu64, id.ms, id.sequence);
}

bool mark_later(struct mark_id a, struct mark_id b)
{
    return a.ms != b.ms ? a.ms > b.ms : a.sequence > b.sequence;
}

/* A number after its sign at *at, with its line's end. */
static bool take_number(const char **at, const char *end, char sign, size_t *out)
{
    const char *line = memchr(*at, '\r', (size_t)(end - *at));
    uint64_t value;

    if (!line || end - line < 2 || line[1] != '\n' || **at != sign ||
        !number_u64(*at + 1, (size_t)(line - *at - 1), &value) || value > UINT32_MAX)
        return false;
    *at = line + 2;
    *out = (size_t)value;
    return true;
}

static bool take_bulk(const char **at, const char *end, const char **text, size_t *n)
{
    if (*at >= end || !take_number(at, end, '$', n) || (size_t)(end - *at) < *n + 2)
        return false;
    *text = *at;
    *at += *n + 2;
    return true;
}

bool mark_read_xadd(const char *command, size_t n, struct mark_xadd *out)
{
    const char *at = command, *end = command + n, *word, *id;
    struct mark_xadd x;
    size_t count, length;

    if (n == 0 || !take_number(&at, end, '*', &count) || count < 5 || !take_bulk(&at, end, &word, &length) ||
        length != 4 || memcmp(word, "XADD", 4) != 0 || !take_bulk(&at, end, &x.stream, &x.stream_length) ||
        !take_bulk(&at, end, &id, &length) || length != 1 || *id != '*')
        return false;
    x.fields = at;
    x.fields_length = (size_t)(end - at);
    x.field_count = count - 3;
    *out = x;
    return true;
}
