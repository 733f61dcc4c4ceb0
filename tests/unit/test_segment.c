/* test_segment.c - what is cut off anywhere, or has one bit turned, is no record; everything else still is. */
#include "server/segment.h"

#include <stdlib.h>
#include <string.h>

#include "tests/harness.h"

enum { NUMBER = 7, SEED = 12345 };

static void add(struct strbuf *to, const char *mark, const char *xadd, int64_t recv_ms)
{
    char body[200];
    size_t m = strlen(mark), n = strlen(xadd);

    memcpy(body, mark, m);
    memcpy(body + m, xadd, n);
    segment_add(to, SEED, (int64_t)to->length, &(struct segment_record){body, m + n, m, recv_ms});
}

/* Head and three records; at[i] is where record i begins, at[3] the end. */
static struct strbuf sample(size_t at[4])
{
    struct strbuf b = STRBUF_INIT;

    segment_add_head(&b, NUMBER, SEED);
    at[0] = b.length;
    add(&b, "mark1", "XADD one", 1000);
    at[1] = b.length;
    add(&b, "", "", 2000);
    at[2] = b.length;
    add(&b, "mark3", "XADD three", 3000);
    at[3] = b.length;
    return b;
}

/* How many records a reader finds that goes on past damage. */
static int found_in(const char *data, size_t n, size_t at)
{
    struct segment_record r;
    int found = 0;

    while (at < n) {
        if (segment_next(SEED, (int64_t)at, data + at, n - at, &r) == SEGMENT_RECORD) {
            at += SEGMENT_RECORD_HEAD + r.length;
            found++;
        } else {
            at += segment_resync(SEED, (int64_t)at, data + at, n - at);
        }
    }
    return found;
}

TEST(what_was_written_is_read_again)
{
    size_t at[4];
    struct strbuf b = sample(at);
    struct segment_record r;
    struct err err = {0};
    uint64_t seed = 0;

    CHECK(segment_read_head(b.data, b.length, NUMBER, &seed, &err));
    CHECK_INT(seed, SEED);
    CHECK_INT(at[0], SEGMENT_HEAD);
    CHECK_INT(segment_next(SEED, (int64_t)at[0], b.data + at[0], b.length - at[0], &r), SEGMENT_RECORD);
    CHECK_BYTES(r.body, r.length, "mark1XADD one", 13);
    CHECK_INT(r.mark_length, 5);
    CHECK_INT(r.recv_ms, 1000);
    CHECK_INT(segment_next(SEED, (int64_t)at[1], b.data + at[1], b.length - at[1], &r), SEGMENT_RECORD);
    CHECK_INT(r.length, 0);
    CHECK_INT(found_in(b.data, b.length, SEGMENT_HEAD), 3);
    strbuf_deinit(&b);
}

TEST(cut_off_at_any_byte_the_records_before_are_whole_and_the_rest_is_none)
{
    size_t at[4];
    struct strbuf b = sample(at);

    for (size_t n = at[0]; n <= at[3]; n++) {
        char *exact = malloc(n); /* so that a read too far is seen */
        const int whole = (n >= at[1]) + (n >= at[2]) + (n >= at[3]);
        size_t last = n >= at[2] ? at[2] : n >= at[1] ? at[1] : at[0];
        struct segment_record r;

        memcpy(exact, b.data, n);
        CHECK_INT(found_in(exact, n, SEGMENT_HEAD), whole);
        if (n > last && n < at[3])
            CHECK_INT(segment_next(SEED, (int64_t)last, exact + last, n - last, &r), SEGMENT_MORE);
        free(exact);
    }
    strbuf_deinit(&b);
}

TEST(one_turned_bit_costs_at_most_the_record_it_is_in)
{
    size_t at[4];
    struct strbuf b = sample(at);
    struct err err = {0};
    uint64_t seed;

    for (size_t i = 0; i < b.length; i++)
        for (int bit = 0; bit < 8; bit++) {
            b.data[i] = (char)(b.data[i] ^ (1 << bit));
            CHECK(segment_read_head(b.data, b.length, NUMBER, &seed, &err) && seed == SEED);
            CHECK_INT(found_in(b.data, b.length, SEGMENT_HEAD), i < at[0] ? 3 : 2);
            b.data[i] = (char)(b.data[i] ^ (1 << bit));
        }
    strbuf_deinit(&b);
}

TEST(a_record_is_none_at_another_place_or_in_another_segment)
{
    size_t at[4];
    struct strbuf b = sample(at);
    struct segment_record r;

    CHECK_INT(segment_next(SEED, (int64_t)at[0] + 1, b.data + at[0], b.length - at[0], &r), SEGMENT_DAMAGED);
    CHECK_INT(segment_next(SEED + 1, (int64_t)at[0], b.data + at[0], b.length - at[0], &r), SEGMENT_DAMAGED);
    strbuf_deinit(&b);
}

TEST(a_record_in_the_body_of_a_damaged_one_is_not_taken_for_one)
{
    struct strbuf inner = STRBUF_INIT, b = STRBUF_INIT;

    segment_add(&inner, 0, SEGMENT_HEAD + SEGMENT_RECORD_HEAD,
                &(struct segment_record){"XADD forged", 11, 0, 1});
    segment_add_head(&b, NUMBER, SEED);
    segment_add(&b, SEED, SEGMENT_HEAD, &(struct segment_record){inner.data, inner.length, 0, 1});
    b.data[SEGMENT_HEAD + 9] ^= 1;
    CHECK_INT(found_in(b.data, b.length, SEGMENT_HEAD), 0);
    strbuf_deinit(&inner);
    strbuf_deinit(&b);
}

TEST(heads_of_other_versions_other_segments_and_no_heads_are_refused_with_the_reason)
{
    struct strbuf b = STRBUF_INIT;
    struct err err = {0};
    uint64_t seed = 1;

    segment_add_head(&b, NUMBER, SEED);
    CHECK(!segment_read_head(b.data, b.length, NUMBER + 1, &seed, &err));
    CHECK_TEXT(err.text, "the header is of another segment");
    for (size_t n = 0; n < 64; n++)
        CHECK(!segment_read_head(b.data, n, NUMBER, &seed, &err));
    CHECK_INT(err.domain, ERR_DATA);
    CHECK(segment_read_head(b.data, 64, NUMBER, &seed, &err));
    b.data[0] ^= 1;
    b.data[64] ^= 1;
    CHECK(!segment_read_head(b.data, b.length, NUMBER, &seed, &err));
    CHECK_TEXT(err.text, "the header is damaged");
    strbuf_deinit(&b);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(
        argc, argv, CASE(what_was_written_is_read_again),
        CASE(cut_off_at_any_byte_the_records_before_are_whole_and_the_rest_is_none),
        CASE(one_turned_bit_costs_at_most_the_record_it_is_in),
        CASE(a_record_is_none_at_another_place_or_in_another_segment),
        CASE(a_record_in_the_body_of_a_damaged_one_is_not_taken_for_one),
        CASE(heads_of_other_versions_other_segments_and_no_heads_are_refused_with_the_reason));
}
