/* saved_request.c - shopstreamctl verify: a request as proxies save it, taken apart. Contract: saved_request.h. */
#include "worker/ctl/saved_request.h"

#include <string.h>
#include <strings.h>

/* Only the first of a name. */
static void take_header(const char *line, size_t n, const char *name, struct strbuf *to)
{
    const size_t length = strlen(name);

    if (to->length > 0 || n <= length || line[length] != ':' || strncasecmp(line, name, length) != 0)
        return;
    line += length + 1;
    n -= length + 1;
    while (n > 0 && (*line == ' ' || *line == '\t')) {
        line++;
        n--;
    }
    strbuf_add(to, line, n);
}

/* "POST /webhooks/shopee HTTP/1.1" -> the target. */
static void take_request_line(const char *line, size_t n, struct strbuf *target)
{
    const char *space = memchr(line, ' ', n), *end;

    if (!space || !memmem(line, n, " HTTP/", 6))
        return;
    space++;
    end = memchr(space, ' ', n - (size_t)(space - line));
    if (end)
        strbuf_add(target, space, (size_t)(end - space));
}

bool saved_request_parse(struct saved_request *r, const char *text, size_t n)
{
    const char *at = text, *end = text + n, *newline;

    while (at < end && (newline = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        size_t length = (size_t)(newline - at);

        length -= length > 0 && at[length - 1] == '\r';
        if (length == 0) {
            r->body = (size_t)(newline + 1 - text);
            return true;
        }
        if (at == text)
            take_request_line(at, length, &r->target);
        take_header(at, length, "Authorization", &r->sent);
        take_header(at, length, "Host", &r->host);
        at = newline + 1;
    }
    return false;
}

void saved_request_deinit(struct saved_request *r)
{
    strbuf_deinit(&r->sent);
    strbuf_deinit(&r->host);
    strbuf_deinit(&r->target);
}
