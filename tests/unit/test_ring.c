/* test_ring.c - records come back as they were put in, in order, and take no more than they may. */
#include "server/ring.h"

#include <stdio.h>
#include <string.h>

#include "tests/harness.h"

static void fill(char *to, size_t n, uint64_t seed)
{
    for (size_t i = 0; i < n; i++)
        to[i] = (char)(seed * 31 + i * 7);
}

static size_t length_of(uint64_t serial)
{
    return 1 + serial * 37 % 3000;
}

static bool put(struct ring *r, uint64_t serial)
{
    char body[3100];
    struct ring_record *record;

    fill(body, length_of(serial), serial);
    record = ring_add(r, body, length_of(serial));
    if (!record)
        return false;
    record->id.ms = serial;
    record->stored_ms = (int64_t)serial * 10;
    return true;
}

static bool is_whole(const struct ring_record *record)
{
    char body[3100];

    fill(body, length_of(record->serial), record->serial);
    return record->length == length_of(record->serial) && record->id.ms == record->serial &&
           record->stored_ms == (int64_t)record->serial * 10 && record->state == RING_STORED &&
           memcmp(record->body, body, record->length) == 0;
}

TEST(records_come_back_in_order_and_whole_while_the_ring_turns)
{
    struct ring *r = ring_new(256 * 1024);
    uint64_t first = 0;

    for (uint64_t serial = 0; serial < 5000; serial++) {
        while (!put(r, serial)) {
            CHECK_INT(ring_front(r)->serial, first);
            CHECK(!ring_has(r, first - 1) && ring_has(r, first) && !ring_has(r, serial));
            ring_pop(r);
            first++;
        }
        CHECK(ring_bytes(r) <= 256 * 1024);
    }
    CHECK(ring_count(r) == 5000 - first && ring_count(r) > 100);
    for (const struct ring_record *f = ring_front(r); f; f = ring_next(r, f)) {
        if (f->serial != first++ || !is_whole(f))
            CHECK_INT(f->serial, first - 1);
    }
    CHECK_INT(first, 5000);
    ring_free(r);
}

TEST(emptied_chunks_are_used_again_and_given_back_when_nobody_needed_them)
{
    struct ring *r = ring_new(1 << 20);
    uint64_t serial = 0;
    size_t filled;

    CHECK(!ring_front(r) && ring_count(r) == 0 && !ring_has(r, 0));
    while (serial < 300)
        CHECK(put(r, serial++));
    filled = ring_bytes(r);
    while (ring_front(r))
        ring_pop(r);
    CHECK_INT(ring_bytes(r), filled);
    ring_trim(r); /* they were all needed */
    CHECK_INT(ring_bytes(r), filled);
    while (serial < 330)
        CHECK(put(r, serial++));
    CHECK_INT(ring_front(r)->serial, 300);
    CHECK_INT(ring_bytes(r), filled);
    ring_trim(r);
    CHECK(ring_bytes(r) < filled / 2 && ring_bytes(r) > 0);
    while (ring_front(r))
        ring_pop(r);
    ring_trim(r);
    ring_trim(r);
    CHECK_INT(ring_bytes(r), 0);
    CHECK(put(r, serial));
    ring_free(r);
}

TEST(emptied_chunks_make_room_for_a_large_record)
{
    static char large[200 * 1024];
    struct ring *r = ring_new(256 * 1024);

    for (uint64_t serial = 0; ring_bytes(r) < 200 * 1024; serial++)
        CHECK(put(r, serial));
    while (ring_front(r))
        ring_pop(r);
    CHECK(ring_add(r, large, sizeof(large)) != NULL);
    CHECK(ring_bytes(r) <= 256 * 1024);
    ring_trim(r);
    ring_trim(r);
    CHECK(ring_count(r) == 1 && ring_bytes(r) >= sizeof(large) && ring_bytes(r) < 220 * 1024);
    ring_free(r);
}

TEST(a_large_record_has_a_chunk_of_its_own_and_one_larger_than_the_ring_is_not_kept)
{
    static char large[200 * 1024];
    struct ring *r = ring_new(256 * 1024);

    CHECK(put(r, 0));
    CHECK(ring_add(r, large, sizeof(large)) != NULL);
    CHECK(ring_add(r, large, sizeof(large)) == NULL);
    ring_pop(r);
    ring_pop(r);
    CHECK(ring_add(r, large, sizeof(large)) != NULL);
    CHECK(ring_bytes(r) <= 256 * 1024);
    ring_pop(r);
    CHECK(ring_add(r, large, 256 * 1024) == NULL);
    ring_free(r);
    ring_free(NULL);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(records_come_back_in_order_and_whole_while_the_ring_turns),
                        CASE(emptied_chunks_are_used_again_and_given_back_when_nobody_needed_them),
                        CASE(emptied_chunks_make_room_for_a_large_record),
                        CASE(a_large_record_has_a_chunk_of_its_own_and_one_larger_than_the_ring_is_not_kept));
}
