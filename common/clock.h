/* clock.h - common: the only place that knows about time. Instants are UTC epoch milliseconds, durations monotonic
 * milliseconds; names end in _ms. Text is made only at the edges. Any thread. */
#ifndef SHOPSTREAM_COMMON_CLOCK_H
#define SHOPSTREAM_COMMON_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int64_t clock_now_ms(void);  /* UTC, wall clock */
int64_t clock_mono_ms(void); /* CLOCK_MONOTONIC; only differences mean something */
int64_t clock_mono_us(void);

/* Plausible instants: 2000-01-01 to 2100-01-01 UTC; anything else (seconds taken for ms, zero) is refused. */
bool clock_plausible_ms(int64_t ms);

enum { CLOCK_TEXT_MAX = 32 };

/* ISO 8601 with the offset, no fraction: "2024-11-29T10:30:00+07:00"; offset_minutes e.g. 420. Sub-second parts are
 * cut (floor). to has CLOCK_TEXT_MAX bytes; returns the length. */
size_t clock_format_offset(char *to, int64_t ms, int offset_minutes);

/* "2024-11-29T03:30:00.123Z" for logs. to has CLOCK_TEXT_MAX bytes; returns the length. */
size_t clock_format_utc(char *to, int64_t ms);

/* "+07:00", "-03:30", "Z" -> minutes east of UTC, -14:00 to +14:00. False: malformed, *minutes untouched. */
bool clock_parse_offset(const char *s, int *minutes) __attribute__((warn_unused_result));

#endif
