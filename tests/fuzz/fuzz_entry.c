/* fuzz_entry.c - tests: entry_decode on any strings; what it accepts must survive writing and reading again.
 *
 * Input:   either a RESP command as entry_add_xadd writes it (begins with '*'; the golden file is a seed), or strings
 *          separated by NUL bytes, which a mutation cannot break as easily as lengths.
 * Checks:  no sanitizer report; decode(encode(decode(x))) equals decode(x); err is set when refused. */
#include <stdlib.h>
#include <string.h>

#include "common/entry.h"
#include "common/number.h"

enum { FUZZ_STRINGS = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads the number between *p's first byte and a line end. False: there is none. */
static bool fuzz_head(const char **p, const char *end, char kind, size_t *out)
{
    const char *line = *p < end ? memchr(*p, '\r', (size_t)(end - *p)) : NULL;
    uint64_t n;

    if (!line || line + 1 >= end || line[1] != '\n' || **p != kind)
        return false;
    if (!number_u64(*p + 1, (size_t)(line - *p - 1), &n) || n > SIZE_MAX / 2)
        return false;
    *p = line + 2;
    *out = (size_t)n;
    return true;
}

/* The strings of one RESP command; 0 when it is malformed. */
static size_t fuzz_resp(const char *p, const char *end, struct entry_text to[FUZZ_STRINGS])
{
    size_t count, n;

    if (!fuzz_head(&p, end, '*', &count) || count > FUZZ_STRINGS)
        return 0;
    for (size_t i = 0; i < count; i++) {
        if (!fuzz_head(&p, end, '$', &n) || n + 2 > (size_t)(end - p))
            return 0;
        to[i] = (struct entry_text){p, n};
        p += n + 2;
    }
    return count;
}

static size_t fuzz_split(const char *p, const char *end, struct entry_text to[FUZZ_STRINGS])
{
    size_t count = 0;

    while (p < end && count < FUZZ_STRINGS) {
        const char *stop = memchr(p, '\0', (size_t)(end - p));

        if (!stop)
            stop = end;
        to[count++] = (struct entry_text){p, (size_t)(stop - p)};
        p = stop + 1;
    }
    return count;
}

static bool fuzz_same_text(struct entry_text a, struct entry_text b)
{
    return a.length == b.length && (a.data == NULL) == (b.data == NULL) &&
           (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

static bool fuzz_same(const struct entry *a, const struct entry *b)
{
    return fuzz_same_text(a->platform, b->platform) && fuzz_same_text(a->shop, b->shop) &&
           fuzz_same_text(a->topic, b->topic) && a->kind == b->kind && fuzz_same_text(a->id, b->id) &&
           a->event_ms == b->event_ms && a->recv_ms == b->recv_ms && fuzz_same_text(a->key, b->key) &&
           fuzz_same_text(a->src, b->src) && fuzz_same_text(a->trace, b->trace) && a->moves == b->moves &&
           fuzz_same_text(a->body, b->body);
}

static void fuzz_round_trip(const struct entry *e)
{
    struct strbuf command = STRBUF_INIT;
    struct entry_text strings[FUZZ_STRINGS];
    struct err err = {0};
    struct entry again;
    size_t count;

    entry_add_xadd(&command, "webhooks:{0}", 12, e);
    count = fuzz_resp(command.data, command.data + command.length, strings);
    if (count < 3 || !entry_decode(strings + 3, count - 3, &again, &err) || !fuzz_same(e, &again))
        abort();
    strbuf_deinit(&command);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *p = (const char *)data, *end = p + size;
    struct entry_text strings[FUZZ_STRINGS];
    size_t skip = 0, count;
    struct err err = {0};
    struct entry e;

    if (size > 0 && *p == '*') {
        count = fuzz_resp(p, end, strings);
        skip = count < 3 ? count : 3; /* XADD, the stream, the id */
    } else {
        count = fuzz_split(p, end, strings);
    }
    if (entry_decode(strings + skip, count - skip, &e, &err))
        fuzz_round_trip(&e);
    else if (err.domain != ERR_DATA || !err.text[0])
        abort();
    return 0;
}
