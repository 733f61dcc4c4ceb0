/* test_clock.c - instants as text, offsets, plausible times. */
#include "common/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/harness.h"

static void check_utc(int64_t ms, const char *expected)
{
    char text[CLOCK_TEXT_MAX];
    size_t n = clock_format_utc(text, ms);

    CHECK_TEXT(text, expected);
    CHECK_INT(n, strlen(expected));
}

static void check_offset(int64_t ms, int minutes, const char *expected)
{
    char text[CLOCK_TEXT_MAX];
    size_t n = clock_format_offset(text, ms, minutes);

    CHECK_TEXT(text, expected);
    CHECK_INT(n, strlen(expected));
}

TEST(writes_utc_with_milliseconds)
{
    check_utc(0, "1970-01-01T00:00:00.000Z");
    check_utc(INT64_C(1732851000123), "2024-11-29T03:30:00.123Z");
    check_utc(INT64_C(1709251199999), "2024-02-29T23:59:59.999Z");
    check_utc(INT64_C(951782400000), "2000-02-29T00:00:00.000Z");
}

TEST(crosses_year_boundaries)
{
    check_utc(INT64_C(1735689599999), "2024-12-31T23:59:59.999Z");
    check_utc(INT64_C(1735689600000), "2025-01-01T00:00:00.000Z");
    check_offset(INT64_C(1735664400000), 420, "2025-01-01T00:00:00+07:00");
    check_offset(INT64_C(1735664399999), 420, "2024-12-31T23:59:59+07:00");
    check_offset(INT64_C(1735689600000), -210, "2024-12-31T20:30:00-03:30");
}

TEST(goes_beyond_2038)
{
    check_utc(INT64_C(2147483647000), "2038-01-19T03:14:07.000Z");
    check_utc(INT64_C(2147483648000), "2038-01-19T03:14:08.000Z");
    check_utc(INT64_C(4102444800000), "2100-01-01T00:00:00.000Z");
    check_utc(INT64_C(4107542400000), "2100-03-01T00:00:00.000Z"); /* 2100 has no 29 February */
}

TEST(cuts_downwards_before_1970)
{
    check_utc(-1, "1969-12-31T23:59:59.999Z");
    check_offset(-1, 0, "1969-12-31T23:59:59+00:00");
    check_offset(-1000, 0, "1969-12-31T23:59:59+00:00");
    check_offset(-1001, 0, "1969-12-31T23:59:58+00:00");
}

TEST(writes_the_offset_of_the_installation)
{
    check_offset(INT64_C(1732851000123), 420, "2024-11-29T10:30:00+07:00");
    check_offset(INT64_C(1732851000999), 0, "2024-11-29T03:30:00+00:00");
    check_offset(INT64_C(1732851000000), -30, "2024-11-29T03:00:00-00:30");
    check_offset(INT64_C(1732851000000), 840, "2024-11-29T17:30:00+14:00");
}

TEST(says_so_when_an_instant_has_no_text)
{
    check_utc(INT64_MAX, "-");
    check_utc(INT64_MIN, "-");
    check_offset(INT64_MAX, 840, "-");
    check_offset(INT64_MIN, -840, "-");
    check_utc(INT64_C(253402300799999), "9999-12-31T23:59:59.999Z");
    check_utc(INT64_C(253402300800000), "-");
}

TEST(does_not_care_about_the_host_s_zone)
{
    CHECK_INT(setenv("TZ", "America/New_York", 1), 0);
    check_utc(INT64_C(1732851000123), "2024-11-29T03:30:00.123Z");
    check_offset(INT64_C(1732851000123), 420, "2024-11-29T10:30:00+07:00");
}

TEST(refuses_seconds_taken_for_milliseconds)
{
    CHECK(!clock_plausible_ms(0));
    CHECK(!clock_plausible_ms(-1));
    CHECK(!clock_plausible_ms(1718305585));
    CHECK(!clock_plausible_ms(INT64_C(946684799999)));
    CHECK(clock_plausible_ms(INT64_C(946684800000)));
    CHECK(clock_plausible_ms(INT64_C(1718305585000)));
    CHECK(clock_plausible_ms(INT64_C(4102444799999)));
    CHECK(!clock_plausible_ms(INT64_C(4102444800000)));
    CHECK(!clock_plausible_ms(INT64_C(1718305585000000)));
}

TEST(reads_offsets)
{
    int minutes = 1;

    CHECK(clock_parse_offset("+07:00", &minutes));
    CHECK_INT(minutes, 420);
    CHECK(clock_parse_offset("-03:30", &minutes));
    CHECK_INT(minutes, -210);
    CHECK(clock_parse_offset("Z", &minutes));
    CHECK_INT(minutes, 0);
    CHECK(clock_parse_offset("+14:00", &minutes));
    CHECK_INT(minutes, 840);
    CHECK(clock_parse_offset("-14:00", &minutes));
    CHECK_INT(minutes, -840);
    CHECK(clock_parse_offset("-00:00", &minutes));
    CHECK_INT(minutes, 0);
}

TEST(refuses_malformed_offsets)
{
    static const char *const wrong[] = {"",       "7",      "07:00",  "+7:00",  "+07",     "+0700",
                                        "+07:60", "+14:01", "-14:01", "+99:00", "+07:00 ", " +07:0",
                                        "+07-00", "z",      "+0a:00", "+07:0x", "Z0",      "++7:00"};
    int minutes = 77;

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        CHECK(!clock_parse_offset(wrong[i], &minutes));
        CHECK_INT(minutes, 77);
    }
}

/* Our calendar against the C library's: every day of years 0 to 9999 would do, a step of 5 days and 7 h 11 min meets each
 * of them often enough, leap days and ends of centuries included. */
TEST(agrees_with_the_c_library_from_year_0_to_9999)
{
    for (int64_t s = -62167219200; s <= 253402300799; s += 5 * 86400 + 25860) {
        char ours[CLOCK_TEXT_MAX], theirs[64];
        time_t t = (time_t)s;
        struct tm tm;

        CHECK(gmtime_r(&t, &tm) != NULL);
        snprintf(theirs, sizeof theirs, "%04d-%02d-%02dT%02d:%02d:%02d.000Z", tm.tm_year + 1900,
                 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
        clock_format_utc(ours, s * 1000);
        CHECK_TEXT(ours, theirs);
    }
}

TEST(clocks_run)
{
    int64_t mono = clock_mono_ms(), us = clock_mono_us();

    CHECK(clock_plausible_ms(clock_now_ms()));
    CHECK(clock_mono_ms() >= mono);
    CHECK(clock_mono_us() >= us);
    CHECK(us / 1000 >= mono);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(
        argc, argv, CASE(writes_utc_with_milliseconds), CASE(crosses_year_boundaries), CASE(goes_beyond_2038),
        CASE(cuts_downwards_before_1970), CASE(writes_the_offset_of_the_installation),
        CASE(says_so_when_an_instant_has_no_text), CASE(does_not_care_about_the_host_s_zone),
        CASE(refuses_seconds_taken_for_milliseconds), CASE(reads_offsets), CASE(refuses_malformed_offsets),
        CASE(agrees_with_the_c_library_from_year_0_to_9999), CASE(clocks_run));
}
