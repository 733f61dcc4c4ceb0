/* redis_url.c - common: REDIS_URL taken apart, once, at start.
 *
 *   redis:// [user ":" password "@"] host [":" port] ["/" db]      unix:/path ["?db=" n]
 *
 * In:      the text of the setting.
 * Out:     struct redis_url, fixed-size, with user and password decoded.
 * Fails:   with a sentence that names the part that is wrong and never quotes anything: any part of a mistyped address
 *          may be the password.
 * Thread:  any. Pure.
 * Why so:  the last '@' of the authority ends the credentials, so a password with a bare '@' still works; any other
 *          special character in it must be percent-encoded. Parts that are not understood (a query, a longer path) are
 *          refused rather than ignored: they would have meant something to whoever wrote them. */
#include "common/redis_url.h"

#include <stdio.h>
#include <string.h>

#include "common/number.h"

static bool redis_url_wrong(struct err *err, const char *what)
{
    err_set(err, ERR_CONFIG, 0, "redis address: %s", what);
    return false;
}

static int redis_url_hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Percent-decodes n bytes into to (size bytes with the NUL). False: a bad escape, a NUL, or too long. */
static bool redis_url_decode(const char *s, size_t n, char *to, size_t size)
{
    size_t length = 0;

    for (size_t i = 0; i < n; i++) {
        char c = s[i];

        if (c == '%') {
            int high = i + 2 < n ? redis_url_hex(s[i + 1]) : -1,
                low = high >= 0 ? redis_url_hex(s[i + 2]) : -1;

            if (low < 0)
                return false;
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (c == '\0' || length + 1 >= size)
            return false;
        to[length++] = c;
    }
    to[length] = '\0';
    return true;
}

static bool redis_url_copy(const char *s, size_t n, char *to, size_t size)
{
    if (n == 0 || n >= size)
        return false;
    memcpy(to, s, n);
    to[n] = '\0';
    return true;
}

static bool redis_url_db(const char *s, size_t n, struct redis_url *out, struct err *err)
{
    int64_t db;

    if (!number_i64(s, n, &db) || db < 0 || db > 65535)
        return redis_url_wrong(err, "the database is not a number from 0 to 65535");
    out->db = (int)db;
    return true;
}

static bool redis_url_credentials(const char *s, size_t n, struct redis_url *out, struct err *err)
{
    const char *colon = memchr(s, ':', n);
    size_t user = colon ? (size_t)(colon - s) : 0;

    if (!colon)
        return redis_url_wrong(err, "credentials must be user:password@ or :password@");
    if (!redis_url_decode(s, user, out->user, sizeof out->user))
        return redis_url_wrong(err, "the user is too long or has a bad percent escape");
    if (!redis_url_decode(colon + 1, n - user - 1, out->password, sizeof out->password))
        return redis_url_wrong(err, "the password is too long or has a bad percent escape");
    if (out->user[0] && !out->password[0])
        return redis_url_wrong(err, "a user needs a password");
    return true;
}

static bool redis_url_host(const char *s, size_t n, struct redis_url *out, struct err *err)
{
    const char *bracket = n > 0 && s[0] == '[' ? memchr(s, ']', n) : NULL;
    const char *host = bracket ? s + 1 : s, *end = s + n;
    const char *colon = bracket ? (bracket + 1 < end ? bracket + 1 : NULL) : memchr(s, ':', n);
    size_t length = (size_t)((bracket ? bracket : colon ? colon : end) - host);
    int64_t port = 6379;

    if (colon && *colon != ':')
        return redis_url_wrong(err, "something stands between the host and the port");
    if (!redis_url_copy(host, length, out->host, sizeof out->host))
        return redis_url_wrong(err, "the host is missing or too long");
    if (strpbrk(out->host, " \t\r\n[]@?#%"))
        return redis_url_wrong(err, "the host has a character no host has");
    if (colon && (!number_i64(colon + 1, (size_t)(end - colon - 1), &port) || port < 1 || port > 65535))
        return redis_url_wrong(err, "the port is not a number from 1 to 65535");
    out->port = (int)port;
    return true;
}

static bool redis_url_tcp(const char *s, struct redis_url *out, struct err *err)
{
    size_t n = strcspn(s, "/?#");
    const char *rest = s + n, *at = memrchr(s, '@', n);

    if (at) {
        if (!redis_url_credentials(s, (size_t)(at - s), out, err))
            return false;
        n -= (size_t)(at - s) + 1;
        s = at + 1;
    }
    if (!redis_url_host(s, n, out, err))
        return false;
    if (*rest == '/' && rest[1] != '\0')
        return redis_url_db(rest + 1, strlen(rest + 1), out, err);
    if (*rest != '\0' && *rest != '/')
        return redis_url_wrong(err, "only /db may follow the host");
    return true;
}

static bool redis_url_unix(const char *s, struct redis_url *out, struct err *err)
{
    size_t n = strcspn(s, "?");

    if (strncmp(s, "///", 3) == 0) { /* unix:///path, as other clients write it */
        s += 2;
        n -= 2;
    }
    if (s[0] != '/' || s[1] == '/' || n < 2)
        return redis_url_wrong(err, "unix: needs an absolute path");
    if (!redis_url_copy(s, n, out->path, sizeof out->path))
        return redis_url_wrong(err, "the socket path is longer than 107 bytes");
    if (s[n] == '\0')
        return true;
    if (strncmp(s + n, "?db=", 4) != 0)
        return redis_url_wrong(err, "only ?db= may follow the socket path");
    return redis_url_db(s + n + 4, strlen(s + n + 4), out, err);
}

bool redis_url_parse(const char *text, struct redis_url *out, struct err *err)
{
    struct redis_url url = {.host = ""};
    bool ok;

    if (strncmp(text, "redis://", 8) == 0)
        ok = redis_url_tcp(text + 8, &url, err);
    else if (strncmp(text, "unix:", 5) == 0)
        ok = redis_url_unix(text + 5, &url, err);
    else if (strncmp(text, "rediss://", 9) == 0)
        ok =
            redis_url_wrong(err, "rediss:// needs TLS, which hiredis before 1.0 cannot do; use a TLS tunnel");
    else
        ok = redis_url_wrong(err, "must begin with redis:// or unix:");
    if (ok)
        *out = url;
    explicit_bzero(&url, sizeof url);
    return ok;
}

const char *redis_url_label(const struct redis_url *url, char *to, int size)
{
    bool v6 = strchr(url->host, ':') != NULL;

    if (size <= 0)
        return "";
    if (url->path[0] && url->db == 0)
        snprintf(to, (size_t)size, "%s", url->path);
    else if (url->path[0])
        snprintf(to, (size_t)size, "%s?db=%d", url->path, url->db);
    else
        snprintf(to, (size_t)size, "%s%s%s:%d/%d", v6 ? "[" : "", url->host, v6 ? "]" : "", url->port,
                 url->db);
    return to;
}
