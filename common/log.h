/* log.h - common: one line an event on standard error, logfmt (or JSON), UTC.
 *
 * In:      a fixed message and named fields; values are escaped and capped here, so outside text cannot forge a line.
 * Out:     `time=2026-01-06T10:30:00.123Z level=warn prog=worker msg="mongo away" shop=749 err="..."`.
 * Fails:   never; a line that cannot be written is dropped.
 * Thread:  any; one write(2) a line.
 * Why so:  fields are typed values rather than a printf string, because one call then serves logfmt and JSON and the
 *          escaping cannot be forgotten. Never log bodies, secrets, tokens or signatures.
 *
 * Level means action: error = a person must act, warn = look when convenient, info = life cycle, debug = tracing. */
#ifndef SHOPSTREAM_COMMON_LOG_H
#define SHOPSTREAM_COMMON_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

enum log_kind { LOG_KIND_SKIP, LOG_KIND_TEXT, LOG_KIND_INT };

/* One named value of a line. Made by the LOG_* macros below only. */
struct log_field {
    const char *name;   /* a literal, [a-z_]+ */
    enum log_kind kind; /* which of the members below counts */
    const char *text;   /* LOG_KIND_TEXT: borrowed bytes, may be NULL ("-" is printed) */
    size_t length;      /* LOG_KIND_TEXT: bytes at text; capped at 300 when printed */
    int64_t number;     /* LOG_KIND_INT */
};

/* A function, because a macro testing s for NULL would not compile where s is an array or a literal. */
static inline struct log_field log_text_field(const char *name, const char *text)
{
    return (struct log_field){name, LOG_KIND_TEXT, text, text ? strlen(text) : 0, 0};
}

#define LOG_S(field, s)     log_text_field((field), (s))
#define LOG_B(field, s, n)  ((struct log_field){(field), LOG_KIND_TEXT, (s), (n), 0})
#define LOG_I(field, value) ((struct log_field){(field), LOG_KIND_INT, NULL, 0, (int64_t)(value)})

#define LOG_FIELDS(...)                                                                                      \
    ((const struct log_field[]){{"", LOG_KIND_SKIP, NULL, 0, 0}, ##__VA_ARGS__}),                            \
        (sizeof((const struct log_field[]){{"", LOG_KIND_SKIP, NULL, 0, 0}, ##__VA_ARGS__}) /                \
         sizeof(struct log_field))

/* log_x(message, LOG_S("shop", shop), LOG_I("count", n), ...): message is a literal. _errno adds err=<strerror>. */
#define log_error(message, ...)      log_write(LOG_ERROR, 0, (message), LOG_FIELDS(__VA_ARGS__))
#define log_warn(message, ...)       log_write(LOG_WARN, 0, (message), LOG_FIELDS(__VA_ARGS__))
#define log_info(message, ...)       log_write(LOG_INFO, 0, (message), LOG_FIELDS(__VA_ARGS__))
#define log_debug(message, ...)      log_write(LOG_DEBUG, 0, (message), LOG_FIELDS(__VA_ARGS__))
#define log_warn_errno(message, ...) log_write(LOG_WARN, errno, (message), LOG_FIELDS(__VA_ARGS__))

/* Start-up failures (exit 2: usage or configuration, 3: a dependency) and broken invariants of ours (abort). */
#define fatal(exit_code, message, ...) log_fatal((exit_code), (message), LOG_FIELDS(__VA_ARGS__))
#define fatalx(message, ...)           log_fatal(-1, (message), LOG_FIELDS(__VA_ARGS__))

/* Sets program name (a literal kept), level and format once, before threads start. */
void log_setup(const char *program, enum log_level level, bool json);

/* "error" "warn" "info" "debug" -> *level. False: unknown word, *level untouched. */
bool log_level_parse(const char *word, enum log_level *level) __attribute__((warn_unused_result));

/* True when a line of that level would be written: for callers whose fields cost something to make. */
bool log_enabled(enum log_level level);

void log_write(enum log_level level, int error_number, const char *message, const struct log_field *fields,
               size_t count);
void log_fatal(int exit_code, const char *message, const struct log_field *fields, size_t count)
    __attribute__((noreturn));

#endif
