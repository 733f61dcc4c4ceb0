/* clock.c - common: the only file that asks what time it is or turns instants into text.
 *
 * In:      the kernel's clocks; epoch milliseconds; "+07:00".
 * Out:     milliseconds, or ISO 8601 text for logs (UTC) and documents (the installation's offset).
 * Fails:   clock_parse_offset on malformed text. The clocks themselves cannot fail with the ids used here.
 * Thread:  any. Own calendar: no time zone database, no TZ, no local time, so a host's settings change nothing.
 * Why so:  the offset is added to the instant before it is broken into fields, which makes every zone a plain UTC
 *          computation. Zones with summer time are not supported on purpose: the documents carry one fixed offset.
 *          An order has up to 20 times; gmtime_r and snprintf take 400 ns for one, the arithmetic here 15. */
#include "common/clock.h"

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

/* An instant broken into fields. */
struct clock_fields {
    int64_t year; /* 0 to 9999 */
    int month;    /* 1 to 12 */
    int day;      /* 1 to 31 */
    int second;   /* of the day */
    int millis;   /* 0 to 999 */
};

/* Days since 1970-01-01 -> the date. The year is taken to begin in March, so that the leap day is its last, and counted
 * in eras of 400 years, which all have 146,097 days. Day 0 of era 0 is 0000-03-01. */
static void clock_date(int64_t days, struct clock_fields *f)
{
    int64_t since = days + 719468, era = (since >= 0 ? since : since - 146096) / 146097;
    int64_t of_era = since - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int of_year = (int)(of_era - (365 * year + year / 4 - year / 100)), month = (5 * of_year + 2) / 153;

    f->day = of_year - (153 * month + 2) / 5 + 1;
    f->month = month < 10 ? month + 3 : month - 9;
    f->year = era * 400 + year + (f->month <= 2);
}

/* Fields of ms moved by offset_minutes. False: a year that does not have four digits. */
static bool clock_split(int64_t ms, int offset_minutes, struct clock_fields *f)
{
    const int64_t day = 24 * 60 * 60 * 1000;
    int64_t local, of_day;

    if (__builtin_add_overflow(ms, (int64_t)offset_minutes * 60000, &local))
        return false;
    of_day = local % day;
    clock_date(local / day - (of_day < 0), f); /* floor, also before 1970 */
    of_day += of_day < 0 ? day : 0;
    f->second = (int)(of_day / 1000);
    f->millis = (int)(of_day % 1000);
    return f->year >= 0 && f->year <= 9999;
}

/* Instants outside the years 0 to 9999 have no ISO text; a dash is visible and never mistaken for one. */
static size_t clock_no_text(char *to)
{
    memcpy(to, "-", 2);
    return 1;
}

/* Two digits and the character that follows. */
static char *clock_put(char *to, unsigned value, char end)
{
    to[0] = (char)('0' + value / 10);
    to[1] = (char)('0' + value % 10);
    to[2] = end;
    return to + 3;
}

/* "2024-11-29T10:30:00" and the character that follows. */
static char *clock_put_fields(char *to, const struct clock_fields *f, char end)
{
    unsigned year = (unsigned)f->year, minute = (unsigned)f->second / 60;

    to = clock_put(to, year / 100, '\0') - 1;
    to = clock_put(to, year % 100, '-');
    to = clock_put(to, (unsigned)f->month, '-');
    to = clock_put(to, (unsigned)f->day, 'T');
    to = clock_put(to, minute / 60, ':');
    to = clock_put(to, minute % 60, ':');
    return clock_put(to, (unsigned)f->second % 60, end);
}

size_t clock_format_offset(char *to, int64_t ms, int offset_minutes)
{
    unsigned distance = (unsigned)(offset_minutes < 0 ? -offset_minutes : offset_minutes);
    struct clock_fields f;
    char *end;

    if (!clock_split(ms, offset_minutes, &f))
        return clock_no_text(to);
    end = clock_put_fields(to, &f, offset_minutes < 0 ? '-' : '+');
    end = clock_put(end, distance / 60, ':');
    end = clock_put(end, distance % 60, '\0');
    return (size_t)(end - to - 1);
}

size_t clock_format_utc(char *to, int64_t ms)
{
    struct clock_fields f;
    char *end;

    if (!clock_split(ms, 0, &f))
        return clock_no_text(to);
    end = clock_put_fields(to, &f, '.');
    *end++ = (char)('0' + f.millis / 100);
    end = clock_put(end, (unsigned)f.millis % 100, 'Z');
    *end = '\0';
    return (size_t)(end - to);
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
