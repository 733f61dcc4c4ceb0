/* test_decimal.c - amounts as text: what is taken, what is refused, and that both ways give the library's bytes. */
#include "worker/dto/decimal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tests/harness.h"

static void check_value(const char *text, const char *expected)
{
    bson_decimal128_t value;
    char shown[BSON_DECIMAL128_STRING];

    CHECK_INT(decimal_parse(text, strlen(text), &value), DECIMAL_GOT);
    bson_decimal128_to_string(&value, shown);
    CHECK_TEXT(shown, expected);
}

static void check_refused(const char *text, enum decimal_got expected)
{
    bson_decimal128_t value = {1, 2};

    printf("# \"%s\"\n", text);
    CHECK_INT(decimal_parse(text, strlen(text), &value), expected);
    CHECK_INT(value.low, ((bson_decimal128_t){1, 2}).low);
}

static void check_like_library(const char *text)
{
    bson_decimal128_t ours = {0, 0}, theirs = {0, 0};

    if (decimal_parse(text, strlen(text), &ours) != DECIMAL_GOT ||
        !bson_decimal128_from_string(text, &theirs) || memcmp(&ours, &theirs, sizeof ours) != 0)
        CHECK_TEXT(text, "(the library's bytes)");
}

/* The next number of a fixed sequence. */
static uint64_t draw(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

TEST(keeps_value_and_scale)
{
    check_value("0", "0");
    check_value("0.00", "0.00");
    check_value("-30", "-30");
    check_value("35.97", "35.97");
    check_value("0.10", "0.10");
    check_value("-0", "-0");
    check_value("007", "7");
    check_value("9007199254740993", "9007199254740993");
    check_value("9223372036854775808", "9223372036854775808");
    check_value("12345678901234567.89", "12345678901234567.89");
    check_value("1234567890123456789012345678901234", "1234567890123456789012345678901234");
    check_value("0.1234567890123456789012345678901234", "0.1234567890123456789012345678901234");
}

TEST(takes_exponents)
{
    check_value("1e3", "1E+3");
    check_value("1E+3", "1E+3");
    check_value("12.5e-2", "0.125");
    check_value("1e6144", "1.000000000000000000000000000000000E+6144");
    check_value("1e-6176", "1E-6176");
}

TEST(refuses_what_is_no_number)
{
    static const char *const texts[] = {
        "",    " ",    "-",   "+1",       "+",    ".",     ".5",    "5.",   "-.5",  "1,5",  "1 ",
        " 1",  "--1",  "1-",  "1.2.3",    "1e",   "e3",    "1e+",   "1e-",  "1e3x", "0x10", "NaN",
        "nan", "-NaN", "inf", "Infinity", "-Inf", "1_000", "1e1e1", "1.e3", "١٢",   "12\n",
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        check_refused(texts[i], DECIMAL_NOT_A_NUMBER);
}

TEST(refuses_instead_of_rounding)
{
    check_refused("12345678901234567890123456789012345", DECIMAL_OUT_OF_RANGE);
    check_refused("0.12345678901234567890123456789012345", DECIMAL_OUT_OF_RANGE);
    check_refused("1e6145", DECIMAL_OUT_OF_RANGE);
    check_refused("1e-6177", DECIMAL_OUT_OF_RANGE);
    check_refused("1e99999", DECIMAL_OUT_OF_RANGE);
    check_refused("1e999999", DECIMAL_OUT_OF_RANGE);
    check_refused("1e-99999999999999999999", DECIMAL_OUT_OF_RANGE);
}

TEST(refuses_texts_longer_than_any_amount)
{
    char text[4096];

    memset(text, '0', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    check_refused(text, DECIMAL_OUT_OF_RANGE);
    memset(text, '9', sizeof text - 1);
    check_refused(text, DECIMAL_OUT_OF_RANGE);
}

TEST(reads_no_byte_behind_the_text)
{
    bson_decimal128_t value;
    char shown[BSON_DECIMAL128_STRING];

    CHECK_INT(decimal_parse("12e5", 2, &value), DECIMAL_GOT);
    bson_decimal128_to_string(&value, shown);
    CHECK_TEXT(shown, "12");
    CHECK_INT(decimal_parse("12345678901234567890123456789012345", 34, &value), DECIMAL_GOT);
    CHECK_INT(decimal_parse("1\0002", 3, &value), DECIMAL_NOT_A_NUMBER);
}

/* Every count of digits and place of the point around the border between the two ways. */
TEST(gives_the_librarys_bytes_at_every_length)
{
    char digits[40], text[48];

    for (size_t n = 1; n <= 34; n++) {
        for (size_t i = 0; i < n; i++)
            digits[i] = (char)('0' + (i * 7 + n) % 10);
        digits[n] = '\0';
        check_like_library(digits);
        for (size_t point = 1; point < n; point++) {
            snprintf(text, sizeof text, "-%.*s.%s", (int)point, digits, digits + point);
            check_like_library(text);
            check_like_library(text + 1);
        }
    }
    CHECK(true);
}

TEST(gives_the_librarys_bytes_for_many_amounts)
{
    uint64_t state = 88172645463325252u;
    char text[64];

    for (int i = 0; i < 200000; i++) {
        uint64_t a = draw(&state) >> (draw(&state) % 64), b = draw(&state);
        const char *minus = b & 1 ? "-" : "";

        if (b & 2)
            snprintf(text, sizeof text, "%s%" PRIu64, minus, a);
        else
            snprintf(text, sizeof text, "%s%" PRIu64 ".%0*" PRIu64, minus, a, (int)(b >> 8 & 7) + 1,
                     (b >> 16) % 10);
        if (b & 4 && strlen(text) < 30)
            snprintf(text + strlen(text), 8, "e%d", (int)(b >> 32 & 63) - 32);
        check_like_library(text);
    }
    CHECK(true);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(keeps_value_and_scale), CASE(takes_exponents),
                        CASE(refuses_what_is_no_number), CASE(refuses_instead_of_rounding),
                        CASE(refuses_texts_longer_than_any_amount), CASE(reads_no_byte_behind_the_text),
                        CASE(gives_the_librarys_bytes_at_every_length),
                        CASE(gives_the_librarys_bytes_for_many_amounts));
}
