/* test_encode.c - BSON written by ourselves equals libbson's, byte for byte, and never outgrows its limit. */
#include "worker/dto/encode.h"

#include <stdlib.h>
#include <string.h>

#include "tests/harness.h"

static const bson_decimal128_t decimal = {UINT64_C(0x1122334455667788), UINT64_C(0x3040000000000000)};

static void write_ours(struct encode *e)
{
    size_t object, array;

    encode_text(e, "t", 1, "a\0b", 3);
    encode_text(e, "", 0, "", 0);
    encode_i64(e, "i", 1, INT64_MIN);
    encode_bool(e, "yes", 3, true);
    encode_bool(e, "no", 2, false);
    encode_null(e, "nothing", 7);
    encode_decimal(e, "d", 1, &decimal);
    object = encode_open_object(e, "o", 1);
    array = encode_open_array(e, "a", 1);
    encode_i64(e, "0", 1, 7);
    encode_close(e, encode_open_object(e, "1", 1));
    encode_close(e, array);
    encode_close(e, object);
    encode_text(e, "end", 3, "é", 2);
}

static bson_t *write_theirs(void)
{
    bson_t *b = bson_new(), object, array, empty;

    bson_append_utf8(b, "t", 1, "a\0b", 3);
    bson_append_utf8(b, "", 0, "", 0);
    bson_append_int64(b, "i", 1, INT64_MIN);
    bson_append_bool(b, "yes", 3, true);
    bson_append_bool(b, "no", 2, false);
    bson_append_null(b, "nothing", 7);
    bson_append_decimal128(b, "d", 1, &decimal);
    bson_append_document_begin(b, "o", 1, &object);
    bson_append_array_begin(&object, "a", 1, &array);
    bson_append_int64(&array, "0", 1, 7);
    bson_append_document_begin(&array, "1", 1, &empty);
    bson_append_document_end(&array, &empty);
    bson_append_array_end(&object, &array);
    bson_append_document_end(b, &object);
    bson_append_utf8(b, "end", 3, "é", 2);
    return b;
}

TEST(writes_the_librarys_bytes)
{
    struct encode e;
    bson_t *ours, *theirs = write_theirs();

    encode_init(&e, 1 << 20);
    write_ours(&e);
    ours = encode_document(&e);
    CHECK(ours != NULL);
    CHECK_BYTES(bson_get_data(ours), ours->len, bson_get_data(theirs), theirs->len);
    bson_destroy(ours);
    bson_destroy(theirs);
    encode_deinit(&e);
}

TEST(starts_afresh_after_reset)
{
    struct encode e;
    bson_t *b;

    encode_init(&e, 1 << 20);
    write_ours(&e);
    encode_reset(&e);
    b = encode_document(&e);
    CHECK(b && bson_empty(b));
    bson_destroy(b);
    encode_deinit(&e);
}

TEST(can_be_sealed_and_go_on)
{
    struct encode e;
    bson_t prefix, *b;

    encode_init(&e, 1 << 20);
    encode_i64(&e, "a", 1, 1);
    CHECK(bson_init_static(&prefix, e.data, encode_seal(&e)));
    CHECK_INT(bson_count_keys(&prefix), 1);
    encode_i64(&e, "b", 1, 2);
    b = encode_document(&e);
    CHECK_INT(bson_count_keys(b), 2);
    bson_destroy(b);
    encode_deinit(&e);
}

TEST(refuses_a_key_with_a_nul)
{
    struct encode e;

    encode_init(&e, 1 << 20);
    encode_key(&e, "a\0b", 3);
    CHECK(e.failed);
    encode_i64(&e, "a", 1, 1);
    CHECK(e.failed);
    CHECK(!encode_document(&e));
    encode_reset(&e);
    encode_i64(&e, "ab", 2, 1);
    CHECK(!e.failed);
    encode_deinit(&e);
}

/* Every limit up to the size needed: the last byte must be enough, one less must not. */
TEST(fails_exactly_beyond_the_limit)
{
    bson_t *theirs = write_theirs();

    for (size_t limit = 5; limit < theirs->len + 3; limit++) {
        struct encode e;

        encode_init(&e, limit);
        write_ours(&e);
        CHECK_INT(encode_seal(&e) > 0, limit >= theirs->len);
        CHECK(e.length <= limit);
        encode_deinit(&e);
    }
    bson_destroy(theirs);
}

/* {"n": {"n": ... }} of that many levels in the document. */
static bool can_nest(size_t levels)
{
    struct encode e;
    size_t opened[ENCODE_DEPTH_MAX + 1];
    bool ok;

    encode_init(&e, 1 << 20);
    for (size_t i = 0; i < levels; i++)
        opened[i] = encode_open_object(&e, "n", 1);
    for (size_t i = levels; i-- > 0;)
        encode_close(&e, opened[i]);
    ok = encode_seal(&e) > 0;
    encode_reset(&e);
    CHECK(encode_seal(&e) > 0); /* and the next one is none the worse */
    encode_deinit(&e);
    return ok;
}

TEST(fails_exactly_beyond_the_depth_the_server_takes)
{
    CHECK(can_nest(0));
    CHECK(can_nest(ENCODE_DEPTH_MAX));
    CHECK(!can_nest(ENCODE_DEPTH_MAX + 1));
    CHECK(ENCODE_DEPTH_MAX + 2 <= 90); /* in an operator, in an update; the server stops at 100 */
}

TEST(counts_only_containers_that_are_open)
{
    struct encode e;

    encode_init(&e, 1 << 20);
    for (int i = 0; i < 2 * ENCODE_DEPTH_MAX; i++)
        encode_close(&e, encode_open_array(&e, "n", 1));
    CHECK(encode_seal(&e) > 0);
    encode_deinit(&e);
}

TEST(grows_over_many_elements)
{
    struct encode e;
    char text[1000];
    size_t array;
    bson_t *b;

    memset(text, 'x', sizeof text);
    encode_init(&e, 1 << 22);
    array = encode_open_array(&e, "a", 1);
    for (size_t i = 0; i < 2000; i++) {
        char key[ENCODE_INDEX_MAX];

        encode_text(&e, key, encode_index(key, i), text, i % sizeof text);
    }
    encode_close(&e, array);
    b = encode_document(&e);
    CHECK(b && bson_validate(b, BSON_VALIDATE_UTF8, NULL));
    bson_destroy(b);
    encode_deinit(&e);
}

TEST(keeps_a_hostile_text_out)
{
    struct encode e;
    size_t n = 1 << 21;
    char *text = calloc(1, n);

    encode_init(&e, 1 << 20);
    encode_text(&e, "t", 1, text, n);
    CHECK(e.failed);
    CHECK(e.capacity < n);
    encode_deinit(&e);
    free(text);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(
        argc, argv, CASE(writes_the_librarys_bytes), CASE(starts_afresh_after_reset),
        CASE(can_be_sealed_and_go_on), CASE(refuses_a_key_with_a_nul), CASE(fails_exactly_beyond_the_limit),
        CASE(fails_exactly_beyond_the_depth_the_server_takes), CASE(counts_only_containers_that_are_open),
        CASE(grows_over_many_elements), CASE(keeps_a_hostile_text_out));
}
