/* err.h - common: the reason of a failure, as a sentence a person will read.
 *
 * A function that can fail and whose reason somebody reads takes `struct err *err` last. The caller owns it (usually
 * on its stack); passing NULL is allowed and drops the reason. No allocation, no I/O, any thread. */
#ifndef SHOPSTREAM_COMMON_ERR_H
#define SHOPSTREAM_COMMON_ERR_H

#include <stdarg.h>
#include <stdbool.h>

/* Where a failure comes from. */
enum err_domain {
    ERR_NONE,   /* no failure recorded */
    ERR_SYSTEM, /* a system call; code is the errno */
    ERR_CONFIG, /* a setting, an argument or input of a person */
    ERR_REDIS,  /* Redis refused or went away */
    ERR_MONGO,  /* MongoDB refused or went away; code is the server's or the driver's */
    ERR_HTTP,   /* an HTTP peer; code is the status or libcurl's code */
    ERR_DATA,   /* bytes that are not what they should be */
};

struct err {
    enum err_domain domain; /* ERR_NONE until set */
    int code;               /* meaning depends on domain; 0 when there is none */
    char text[320];         /* NUL-terminated sentence without a newline, cut when longer */
};

/* Records a failure with a printf-style sentence. err may be NULL. Later calls overwrite earlier ones. */
void err_set(struct err *err, enum err_domain domain, int code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Records the current errno as "<what> <object>: <strerror>"; object may be NULL. err may be NULL. */
void err_errno(struct err *err, const char *what, const char *object);

/* Puts "<context>: " before the sentence recorded, so that it names where. err may be NULL. */
void err_prefix(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
