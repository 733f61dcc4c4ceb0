/* fuzz_journal.c - tests: the reader of a journal's segment on any bytes.
 *
 * Input:   a byte that says how the rest is meant, then the rest. 0: a whole file, as it is. Otherwise a recipe: a file is
 *          written from it, records of the lengths its bytes give, then damaged at places its bytes give (a mutation does
 *          not guess sums).
 * Checks:  no sanitizer report; nothing outside of the input is read; the reader always gets on and ends; a record found in
 *          a damaged file is one that was written, at its place. */
#include <stdlib.h>
#include <string.h>

#include "server/segment.h"

enum { RECORDS = 16, NUMBER = 1 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct written {
    size_t at, length, mark; /* of each record */
};

static void check_record(const struct segment_record *r, const char *data, size_t n, size_t at)
{
    if (r->mark_length > r->length || r->body != data + at + SEGMENT_RECORD_HEAD ||
        r->length > n - at - SEGMENT_RECORD_HEAD)
        abort();
}

/* Reads as the drain does; written NULL: nothing is known of what is there. */
static void read_all(const char *data, size_t n, uint64_t seed, const struct written *written, size_t count)
{
    struct segment_record r;
    size_t at = SEGMENT_HEAD, step;

    while (at < n) {
        if (segment_next(seed, (int64_t)at, data + at, n - at, &r) == SEGMENT_RECORD) {
            size_t i = 0;

            check_record(&r, data, n, at);
            while (i < count &&
                   (written[i].at != at || written[i].length != r.length || written[i].mark != r.mark_length))
                i++;
            if (written && i == count)
                abort();
            step = SEGMENT_RECORD_HEAD + r.length;
        } else {
            step = segment_resync(seed, (int64_t)at, data + at, n - at);
        }
        if (step == 0 || step > n - at)
            abort();
        at += step;
    }
}

static void as_it_is(const uint8_t *data, size_t size)
{
    char *exact = malloc(size ? size : 1);
    struct err err = {0};
    uint64_t seed = 0;

    if (!exact)
        abort();
    memcpy(exact, data, size);
    if (!segment_read_head(exact, size, NUMBER, &seed, &err) && !err.text[0])
        abort();
    read_all(exact, size, seed, NULL, 0);
    free(exact);
}

static uint8_t take(const uint8_t **data, size_t *size)
{
    if (*size == 0)
        return 0;
    (*size)--;
    return *(*data)++;
}

static void by_recipe(const uint8_t *data, size_t size)
{
    struct written written[RECORDS];
    struct strbuf b = STRBUF_INIT;
    const size_t count = take(&data, &size) % RECORDS;
    const uint64_t seed = take(&data, &size);

    segment_add_head(&b, NUMBER, seed);
    for (size_t i = 0; i < count; i++) {
        const size_t wanted = take(&data, &size), length = wanted < size ? wanted : size;
        const size_t mark = length ? take(&data, &size) % length : 0, body = length ? length - 1 : 0;

        written[i] = (struct written){b.length, body, mark > body ? body : mark};
        segment_add(
            &b, seed, (int64_t)b.length,
            &(struct segment_record){length ? (const char *)data : "", body, written[i].mark, (int64_t)i});
        data += body;
        size -= body;
    }
    read_all(b.data, b.length, seed, written, count);
    while (size >= 3) { /* damage: two bytes of place, one to change it by */
        const size_t at = (size_t)take(&data, &size) << 8 | take(&data, &size);

        b.data[at % b.length] ^= (char)take(&data, &size);
    }
    read_all(b.data, b.length, seed, written, count);
    strbuf_deinit(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] == 0)
        as_it_is(data + 1, size - 1);
    else
        by_recipe(data + 1, size - 1);
    return 0;
}
