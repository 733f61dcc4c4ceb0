/* log.c - common: one line an event on standard error.
 *
 * In:      level, a literal message, typed fields.
 * Out:     one logfmt or JSON line of at most 4 KB, handed to the kernel in one write(2), so lines of several threads
 *          never mix.
 * Fails:   never: a line that cannot be written is dropped, because no log is worth stopping for. errno is kept.
 * Thread:  any; the line is built on the caller's stack. log_setup comes before the first thread.
 * Why so:  a field is written whole or not at all. That keeps a JSON line valid when it reaches the cap, and a cut
 *          value is never mistaken for a short one: `cut=1` says that fields are missing. Bytes that are not printable
 *          UTF-8 are escaped in both forms, C1 control characters too: a terminal that shows the log obeys them. */
#include "common/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/number.h"

enum {
    LOG_LINE_MAX = 4096, /* bytes of a line, with its newline */
    LOG_VALUE_MAX = 300, /* bytes of a value before escaping */
    LOG_TAIL = 16,       /* kept free for the mark of a cut line and the closing brace */
};

/* One of the two globals the house allows: written once by log_setup, before threads. */
static struct {
    const char *program;
    enum log_level level;
    bool json;
} log_settings = {"shopstream", LOG_INFO, false};

static const char *const log_level_names[] = {
    [LOG_ERROR] = "error",
    [LOG_WARN] = "warn",
    [LOG_INFO] = "info",
    [LOG_DEBUG] = "debug",
};

struct log_line {
    char text[LOG_LINE_MAX]; /* not NUL-terminated */
    size_t length;           /* bytes in use */
    size_t room;             /* bytes that may be used now */
    bool full;               /* something did not fit since the last mark */
};

void log_setup(const char *program, enum log_level level, bool json)
{
    log_settings.program = program;
    log_settings.level = level;
    log_settings.json = json;
}

bool log_level_parse(const char *word, enum log_level *level)
{
    for (size_t i = 0; i < sizeof log_level_names / sizeof log_level_names[0]; i++) {
        if (strcmp(word, log_level_names[i]) == 0) {
            *level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

bool log_enabled(enum log_level level)
{
    return level <= log_settings.level;
}

static void line_add(struct log_line *line, const char *bytes, size_t n)
{
    if (n > line->room - line->length) {
        line->full = true;
        return;
    }
    memcpy(line->text + line->length, bytes, n);
    line->length += n;
}

static void line_add_text(struct log_line *line, const char *text)
{
    line_add(line, text, strlen(text));
}

/* Length of the printable UTF-8 sequence at s, 0 when there is none: malformed, overlong, surrogate or C1 control. */
static size_t log_utf8(const unsigned char *s, size_t n)
{
    size_t length = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;

    if (s[0] < 0xc2 || s[0] > 0xf4 || length > n)
        return 0;
    for (size_t i = 1; i < length; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    }
    if ((s[0] == 0xc2 && s[1] < 0xa0) || (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    return length;
}

/* A byte that must not stand in a line as it is. JSON knows no \x, so there it becomes an escaped backslash. */
static void line_add_escape(struct log_line *line, unsigned char c, bool json)
{
    static const char hex[] = "0123456789abcdef";
    char control[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
    char byte[5] = {'\\', '\\', 'x', hex[c >> 4], hex[c & 15]};

    if (c == '"' || c == '\\')
        line_add(line, (const char[]){'\\', (char)c}, 2);
    else if (c == '\n')
        line_add_text(line, "\\n");
    else if (c == '\r')
        line_add_text(line, "\\r");
    else if (c == '\t')
        line_add_text(line, "\\t");
    else if (json && c < 0x80)
        line_add(line, control, sizeof control);
    else
        line_add(line, json ? byte : byte + 1, json ? sizeof byte : sizeof byte - 1);
}

static void line_add_quoted(struct log_line *line, const char *text, size_t n, bool json)
{
    const unsigned char *s = (const unsigned char *)text;

    line_add_text(line, "\"");
    for (size_t i = 0; i < n;) {
        size_t plain = s[i] < 0x80 ? s[i] >= 0x20 && s[i] != 0x7f && s[i] != '"' && s[i] != '\\'
                                   : log_utf8(s + i, n - i);

        if (plain > 0)
            line_add(line, text + i, plain);
        else
            line_add_escape(line, s[i], json);
        i += plain > 0 ? plain : 1;
    }
    line_add_text(line, "\"");
}

/* Words a logfmt reader takes without quotes. */
static bool log_bare(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (text[i] <= ' ' || text[i] >= 0x7f || text[i] == '"' || text[i] == '=' || text[i] == '\\')
            return false;
    }
    return n > 0;
}

/* Cuts at the cap, but not inside a UTF-8 sequence. */
static size_t log_capped(const char *text, size_t n)
{
    if (n <= LOG_VALUE_MAX)
        return n;
    n = LOG_VALUE_MAX;
    for (size_t back = 0; back < 4 && n > 0; back++, n--) {
        if (((unsigned char)text[n] & 0xc0) != 0x80)
            return n;
    }
    return LOG_VALUE_MAX;
}

static void line_add_name(struct log_line *line, const char *name)
{
    if (line->length > 0)
        line_add_text(line, log_settings.json ? "," : " ");
    if (log_settings.json)
        line_add_text(line, line->length > 0 ? "\"" : "{\"");
    line_add_text(line, name);
    line_add_text(line, log_settings.json ? "\":" : "=");
}

static void line_add_value(struct log_line *line, const char *text, size_t n)
{
    if (!text) {
        line_add_text(line, log_settings.json ? "null" : "-");
        return;
    }
    n = log_capped(text, n);
    if (!log_settings.json && log_bare(text, n))
        line_add(line, text, n);
    else
        line_add_quoted(line, text, n, log_settings.json);
}

static void line_add_field(struct log_line *line, struct log_field field)
{
    size_t mark = line->length;
    char number[24];

    if (field.kind == LOG_KIND_SKIP || line->full)
        return;
    line_add_name(line, field.name);
    if (field.kind == LOG_KIND_INT)
        line_add(line, number, number_format_i64(number, field.number));
    else
        line_add_value(line, field.text, field.length);
    if (line->full)
        line->length = mark;
}

static void line_end(struct log_line *line)
{
    bool cut = line->full;

    line->full = false;
    line->room = sizeof line->text;
    if (cut)
        line_add_field(line, LOG_I("cut", 1));
    line_add_text(line, log_settings.json ? "}\n" : "\n");
}

static void log_compose(struct log_line *line, enum log_level level, int error_number, const char *message,
                        const struct log_field *fields, size_t count)
{
    char time[CLOCK_TEXT_MAX], reason[128];
    size_t time_length = clock_format_utc(time, clock_now_ms());

    line->length = 0;
    line->room = sizeof line->text - LOG_TAIL;
    line->full = false;
    line_add_field(line, LOG_B("time", time, time_length));
    line_add_field(line, LOG_S("level", log_level_names[level]));
    line_add_field(line, LOG_S("prog", log_settings.program));
    line_add_field(line, LOG_S("msg", message));
    for (size_t i = 0; i < count; i++)
        line_add_field(line, fields[i]);
    if (error_number != 0)
        line_add_field(line, LOG_S("err", strerror_r(error_number, reason, sizeof reason)));
    line_end(line);
}

void log_write(enum log_level level, int error_number, const char *message, const struct log_field *fields,
               size_t count)
{
    int kept = errno;
    struct log_line line;

    if (!log_enabled(level))
        return;
    log_compose(&line, level, error_number, message, fields, count);
    while (write(STDERR_FILENO, line.text, line.length) < 0 && errno == EINTR)
        ;
    errno = kept;
}

void log_fatal(int exit_code, const char *message, const struct log_field *fields, size_t count)
{
    log_write(LOG_ERROR, 0, message, fields, count);
    if (exit_code >= 0)
        exit(exit_code);
    abort();
}
