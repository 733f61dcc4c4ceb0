/* test_number.c - strict integers: what is a number, and everything that is almost one. */
#include "common/number.h"

#include <string.h>

#include "tests/harness.h"

static bool i64(const char *s, int64_t *out)
{
    return number_i64(s, strlen(s), out);
}

TEST(reads_the_whole_range)
{
    int64_t v = 0;

    CHECK(i64("0", &v));
    CHECK_INT(v, 0);
    CHECK(i64("-0", &v));
    CHECK_INT(v, 0);
    CHECK(i64("9223372036854775807", &v));
    CHECK_INT(v, INT64_MAX);
    CHECK(i64("-9223372036854775808", &v));
    CHECK_INT(v, INT64_MIN);
    CHECK(i64("580123456789012345", &v));
    CHECK_INT(v, INT64_C(580123456789012345));
    CHECK(i64("007", &v));
    CHECK_INT(v, 7);
}

TEST(refuses_what_is_almost_a_number_and_leaves_the_result_alone)
{
    static const char *const wrong[] = {
        "",
        "-",
        "--1",
        "+1",
        " 1",
        "1 ",
        "1\n",
        "1.0",
        "1e3",
        "0x1",
        "1,0",
        "1_0",
        "\t",
        "١",
        "nan",
        "9223372036854775808",
        "-9223372036854775809",
        "99999999999999999999999999999999999999",
        "-99999999999999999999999999999999",
        "18446744073709551616",
        "1-",
        "1/",
        "1:",
    };
    int64_t v = 42;
    uint64_t u = 42;

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        CHECK(!i64(wrong[i], &v));
        CHECK_INT(v, 42);
    }
    CHECK(!number_u64("-1", 2, &u));
    CHECK(!number_u64("-0", 2, &u));
    CHECK(!number_u64("", 0, &u));
    CHECK(!number_u64("+1", 2, &u));
    CHECK(!number_u64("18446744073709551616", 20, &u));
    CHECK(!number_u64("99999999999999999999", 20, &u));
    CHECK(!number_u64("1e3", 3, &u));
    CHECK_INT(u, 42);
}

TEST(reads_unsigned_numbers_above_the_signed_range)
{
    uint64_t u = 0;

    CHECK(number_u64("18446744073709551615", 20, &u));
    CHECK(u == UINT64_MAX);
    CHECK(number_u64("9223372036854775808", 19, &u));
    CHECK(u == UINT64_C(1) << 63);
}

TEST(stops_at_the_length_and_not_at_a_terminator)
{
    int64_t v = 0;

    CHECK(number_i64("12345", 3, &v));
    CHECK_INT(v, 123);
    CHECK(!number_i64("1\0002", 3, &v));
}

TEST(writes_what_it_reads)
{
    static const int64_t values[] = {0, 1, -1, 9, 10, 99, 100, INT64_MAX, INT64_MIN, INT64_C(1718305585000)};
    char text[21];
    int64_t v = 1;

    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        size_t n = number_format_i64(text, values[i]);

        CHECK_INT(strlen(text), n);
        CHECK(number_i64(text, n, &v));
        CHECK_INT(v, values[i]);
    }
    number_format_i64(text, INT64_MIN);
    CHECK_TEXT(text, "-9223372036854775808");
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(reads_the_whole_range),
                        CASE(refuses_what_is_almost_a_number_and_leaves_the_result_alone),
                        CASE(reads_unsigned_numbers_above_the_signed_range),
                        CASE(stops_at_the_length_and_not_at_a_terminator), CASE(writes_what_it_reads));
}
