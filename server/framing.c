/* framing.c - server, part of stage 1: where does this request end? Contract: framing.h. */
#include "server/framing.h"

#include <event2/keyvalq_struct.h>
#include <string.h>
#include <strings.h>

#include "common/number.h"

/* The characters of a token (RFC 9110, 5.6.2), of which names are made. Lenient readers differ on all others. */
static bool of_token(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+.^_`|~", c));
}

/* strspn would do the same, and prepare a table of all characters for each name. */
static bool name_is_token(const char *name)
{
    size_t n = 0;

    while (of_token(name[n]))
        n++;
    return n > 0 && name[n] == '\0';
}

static bool length_is_plain(const char *value)
{
    uint64_t length;

    return number_u64(value, strlen(value), &length);
}

enum framing framing_of(const struct evkeyvalq *headers, bool post, bool chunks)
{
    size_t lengths = 0, codings = 0;

    for (const struct evkeyval *h = headers->tqh_first; h; h = h->next.tqe_next) {
        if (!name_is_token(h->key))
            return FRAMING_AMBIGUOUS;
        if (strcasecmp(h->key, "Content-Length") == 0) {
            lengths++;
            if (!length_is_plain(h->value))
                return FRAMING_AMBIGUOUS;
        } else if (strcasecmp(h->key, "Transfer-Encoding") == 0) {
            codings++;
            if (strcasecmp(h->value, "chunked") != 0)
                return FRAMING_AMBIGUOUS;
        }
    }
    if (lengths + codings > 1 || (codings > 0 && !chunks))
        return FRAMING_AMBIGUOUS;
    /* Of other methods than POST evhttp reads some bodies and leaves others on the connection. */
    return codings > 0 || post != (lengths > 0) ? FRAMING_LAST : FRAMING_SOUND;
}
