/* segment.c - server, journal: the bytes of one segment file. Layout and contract: segment.h. */
#include "server/segment.h"

#include <string.h>
#include <xxhash.h>

enum { HEADER = 64, HEADER_SUM_AT = 56, SUM_AT = 24 };

static const char header_magic[8] = {'S', 'H', 'O', 'P', 'J', 'R', 'N', 'L'};
static const unsigned char record_magic[4] = {0xb7, 0x4a, 0x52, 0x0a}; /* the first is no text in UTF-8 */

static void put(char *to, uint64_t v, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++, v >>= 8)
        to[i] = (char)(v & 0xff);
}

static uint64_t get(const char *from, size_t bytes)
{
    uint64_t v = 0;

    for (size_t i = bytes; i-- > 0;)
        v = v << 8 | (unsigned char)from[i];
    return v;
}

void segment_add_head(struct strbuf *to, uint64_t number, uint64_t seed)
{
    char h[HEADER] = {0};

    memcpy(h, header_magic, sizeof(header_magic));
    put(h + 8, SEGMENT_VERSION, 4);
    put(h + 16, number, 8);
    put(h + 24, seed, 8);
    put(h + HEADER_SUM_AT, XXH3_64bits(h, HEADER_SUM_AT), 8);
    strbuf_add(to, h, HEADER);
    strbuf_add(to, h, HEADER);
}

static bool header_whole(const char *h, size_t n)
{
    return n >= HEADER && memcmp(h, header_magic, sizeof(header_magic)) == 0 &&
           get(h + HEADER_SUM_AT, 8) == XXH3_64bits(h, HEADER_SUM_AT);
}

bool segment_read_head(const char *data, size_t n, uint64_t number, uint64_t *seed, struct err *err)
{
    const char *h = data;

    if (!header_whole(data, n))
        h = n >= SEGMENT_HEAD ? data + HEADER : NULL;
    if (!h || !header_whole(h, HEADER)) {
        err_set(err, ERR_DATA, 0, "the header is damaged");
        return false;
    }
    if (get(h + 8, 4) != SEGMENT_VERSION) {
        err_set(err, ERR_CONFIG, 0, "written by another version: format %u, this program knows %u",
                (unsigned)get(h + 8, 4), (unsigned)SEGMENT_VERSION);
        return false;
    }
    if (get(h + 16, 8) != number) {
        err_set(err, ERR_DATA, 0, "the header is of another segment");
        return false;
    }
    *seed = get(h + 24, 8);
    return true;
}

static uint64_t record_sum(uint64_t seed, int64_t at, const char *head, const char *body, size_t length)
{
    const uint64_t of_head = XXH3_64bits_withSeed(head, SUM_AT, seed + (uint64_t)at);

    return XXH3_64bits_withSeed(body, length, of_head);
}

void segment_add(struct strbuf *to, uint64_t seed, int64_t at, const struct segment_record *r)
{
    char h[SEGMENT_RECORD_HEAD] = {0};

    memcpy(h, record_magic, sizeof(record_magic));
    put(h + 4, r->length, 4);
    put(h + 8, (uint64_t)r->recv_ms, 8);
    put(h + 16, r->mark_length, 4);
    put(h + SUM_AT, record_sum(seed, at, h, r->body, r->length), 8);
    strbuf_add(to, h, sizeof(h));
    strbuf_add(to, r->body, r->length);
}

enum segment_found segment_next(uint64_t seed, int64_t at, const char *data, size_t n,
                                struct segment_record *out)
{
    const size_t seen = n < sizeof(record_magic) ? n : sizeof(record_magic);
    size_t length, mark;

    if (memcmp(data, record_magic, seen) != 0)
        return SEGMENT_DAMAGED;
    if (n < SEGMENT_RECORD_HEAD)
        return SEGMENT_MORE;
    length = get(data + 4, 4);
    mark = get(data + 16, 4);
    if (length > SEGMENT_BODY_MAX || mark > length)
        return SEGMENT_DAMAGED;
    if (n - SEGMENT_RECORD_HEAD < length)
        return SEGMENT_MORE;
    if (get(data + SUM_AT, 8) != record_sum(seed, at, data, data + SEGMENT_RECORD_HEAD, length))
        return SEGMENT_DAMAGED;
    *out = (struct segment_record){data + SEGMENT_RECORD_HEAD, length, mark, (int64_t)get(data + 8, 8)};
    return SEGMENT_RECORD;
}

size_t segment_resync(uint64_t seed, int64_t at, const char *data, size_t n)
{
    struct segment_record r;

    for (size_t i = 1; i < n; i++) {
        const char *found = memmem(data + i, n - i, record_magic, sizeof(record_magic));

        if (!found)
            return n;
        i = (size_t)(found - data);
        if (segment_next(seed, at + (int64_t)i, found, n - i, &r) == SEGMENT_RECORD)
            return i;
    }
    return n;
}
