/* redis_url.h - common: REDIS_URL taken apart. redis://[user:password@]host:port[/db] or unix:/path[?db=n];
 * rediss:// is refused with the reason, because hiredis 0.14 has no TLS. Percent-encoding in user and password is
 * decoded. Pure. */
#ifndef SHOPSTREAM_COMMON_REDIS_URL_H
#define SHOPSTREAM_COMMON_REDIS_URL_H

#include <stdbool.h>

#include "common/err.h"

struct redis_url {
    char host[256];     /* "" for a Unix socket */
    int port;           /* 1..65535; 0 for a Unix socket */
    char path[108];     /* Unix socket path, "" otherwise */
    char user[128];     /* "" = default user */
    char password[512]; /* "" = no AUTH */
    int db;             /* SELECT when not 0 */
};

/* False: err names what is wrong (never the password), *out is untouched. */
bool redis_url_parse(const char *text, struct redis_url *out, struct err *err)
    __attribute__((warn_unused_result));

/* "host:port/db" or the path, without credentials, for logs; borrowed from to (at least 300 bytes). */
const char *redis_url_label(const struct redis_url *url, char *to, int size);

#endif
