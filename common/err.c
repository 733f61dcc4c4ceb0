/* err.c - common: the sentence that says why something failed.
 *
 * In:      a domain, a code and a printf-style sentence.
 * Out:     struct err, filled. Nothing is allocated and nothing is printed: the caller decides whether a failure is
 *          worth a line (logged once, where the decision is made).
 * Fails:   never; a sentence that is too long is cut.
 * Thread:  any; a struct err belongs to one thread.
 * Why so:  sentences quote outside text now and then, so control characters are replaced here, in one place: an err
 *          text never breaks a line, wherever it ends up. */
#include "common/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void err_clean(struct err *err)
{
    for (char *p = err->text; *p; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = ' ';
    }
}

void err_set(struct err *err, enum err_domain domain, int code, const char *format, ...)
{
    char text[sizeof err->text];
    va_list args;

    if (!err)
        return;
    /* Through a copy, because an argument may be the text recorded before. */
    va_start(args, format);
    if (vsnprintf(text, sizeof text, format, args) < 0)
        text[0] = '\0';
    va_end(args);
    err->domain = domain;
    err->code = code;
    memcpy(err->text, text, sizeof text);
    err_clean(err);
}

void err_errno(struct err *err, const char *what, const char *object)
{
    int number = errno;
    char reason[128];

    if (!err)
        return;
    /* The GNU variant: returns the text, which is not always in the buffer. */
    err_set(err, ERR_SYSTEM, number, "%s%s%s: %s", what, object ? " " : "", object ? object : "",
            strerror_r(number, reason, sizeof reason));
    errno = number;
}

void err_prefix(struct err *err, const char *format, ...)
{
    char text[sizeof err->text];
    size_t length, rest;
    va_list args;
    int n;

    if (!err)
        return;
    va_start(args, format);
    n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n < 0)
        return;
    length = strlen(text);
    if (length > sizeof text - 3)
        length = sizeof text - 3;
    text[length++] = ':';
    text[length++] = ' ';
    rest = strlen(err->text);
    if (rest > sizeof text - 1 - length)
        rest = sizeof text - 1 - length;
    memcpy(text + length, err->text, rest);
    text[length + rest] = '\0';
    memcpy(err->text, text, length + rest + 1);
    err_clean(err);
}
