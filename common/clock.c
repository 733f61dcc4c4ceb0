/* clock.c - common: the only file that asks what time it is or turns instants into text.
 *
 * In:      the kernel's clocks; epoch milliseconds; "+07:00".
 * Out:     milliseconds, or ISO 8601 text for logs (UTC) and documents (the installation's offset).
 * Fails:   clock_parse_offset on malformed text. The clocks themselves cannot fail with the ids used here.
 * Thread:  any. gmtime_r only: no time zone database, no TZ, no local time, so a host's settings change nothing.
 * Why so:  the offset is added to the instant before it is broken into fields, which makes every zone a plain UTC
 *          computation. Zones with summer time are not supported on purpose: the documents carry one fixed offset. */
#include "common/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t clock_read_us(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t clock_now_ms(void)
{
    return clock_read_us(CLOCK_REALTIME) / 1000;
}

int64_t clock_mono_ms(void)
{
    return clock_read_us(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_mono_us(void)
{
    return clock_read_us(CLOCK_MONOTONIC);
}

bool clock_plausible_ms(int64_t ms)
{
    const int64_t year_2000 = INT64_C(946684800000), year_2100 = INT64_C(4102444800000);

    return ms >= year_2000 && ms < year_2100;
}

/* Fields of ms moved by offset_minutes. False: a year that does not have four digits. */
static bool clock_split(int64_t ms, int offset_minutes, struct tm *tm, int *millis)
{
    int64_t local, seconds;
    time_t t;

    if (__builtin_add_overflow(ms, (int64_t)offset_minutes * 60000, &local))
        return false;
    seconds = local / 1000 - (local % 1000 < 0); /* floor, also before 1970 */
    *millis = (int)((local % 1000 + 1000) % 1000);
    t = (time_t)seconds;
    return gmtime_r(&t, tm) && tm->tm_year >= -1900 && tm->tm_year <= 8099;
}

/* Instants outside the years 0 to 9999 have no ISO text; a dash is visible and never mistaken for one. */
static size_t clock_no_text(char *to)
{
    memcpy(to, "-", 2);
    return 1;
}

static size_t clock_printed(int n)
{
    return n > 0 && n < CLOCK_TEXT_MAX ? (size_t)n : CLOCK_TEXT_MAX - 1;
}

size_t clock_format_offset(char *to, int64_t ms, int offset_minutes)
{
    int distance = offset_minutes < 0 ? -offset_minutes : offset_minutes;
    struct tm tm;
    int millis;

    if (!clock_split(ms, offset_minutes, &tm, &millis))
        return clock_no_text(to);
    return clock_printed(snprintf(to, CLOCK_TEXT_MAX, "%04d-%02d-%02dT%02d:%02d:%02d%c%02d:%02d",
                                  tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
                                  tm.tm_sec, offset_minutes < 0 ? '-' : '+', distance / 60, distance % 60));
}

size_t clock_format_utc(char *to, int64_t ms)
{
    struct tm tm;
    int millis;

    if (!clock_split(ms, 0, &tm, &millis))
        return clock_no_text(to);
    return clock_printed(snprintf(to, CLOCK_TEXT_MAX, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                                  tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
                                  tm.tm_sec, millis));
}

static bool clock_two_digits(const char *s, int *out)
{
    if (s[0] < '0' || s[0] > '9' || s[1] < '0' || s[1] > '9')
        return false;
    *out = (s[0] - '0') * 10 + (s[1] - '0');
    return true;
}

bool clock_parse_offset(const char *s, int *minutes)
{
    int h, m, total;

    if (strcmp(s, "Z") == 0) {
        *minutes = 0;
        return true;
    }
    if (strlen(s) != 6 || (s[0] != '+' && s[0] != '-') || s[3] != ':')
        return false;
    if (!clock_two_digits(s + 1, &h) || !clock_two_digits(s + 4, &m) || m > 59)
        return false;
    total = h * 60 + m;
    if (total > 14 * 60)
        return false;
    *minutes = s[0] == '-' ? -total : total;
    return true;
}
