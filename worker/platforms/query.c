/* query.c - worker: path and query parameters of a marketplace's request, and the URL they make.
 *
 * In:      keys and decoded values.
 * Out:     a URL.
 * Fails:   more parameters than there is room for.
 * Thread:  any; no state.
 * Why so:  what is signed are the decoded values, what travels are the encoded ones; so encoding is the last step. */
#include "worker/platforms/query.h"

#include <string.h>

#include "common/log.h"

void query_add(struct query *q, const char *key, const char *value)
{
    if (q->count == QUERY_PARAMS_MAX)
        fatalx("query: too many parameters", LOG_S("path", q->path));
    q->params[q->count++] = (struct platform_param){key, value};
}

bool query_add_all(struct query *q, const struct platform_param *params, size_t count, struct err *err)
{
    if (count > PLATFORM_PARAMS_MAX) {
        err_set(err, ERR_DATA, 0, "more than %d parameters in a request", PLATFORM_PARAMS_MAX);
        return false;
    }
    for (size_t i = 0; i < count; i++)
        query_add(q, params[i].key, params[i].value);
    return true;
}

static void url_param(struct strbuf *url, bool first, const char *key, const char *value)
{
    strbuf_add_char(url, first ? '?' : '&');
    strbuf_add_text(url, key);
    strbuf_add_char(url, '=');
    strbuf_add_urlencoded(url, value, strlen(value));
}

void query_url(const struct query *q, const char *base, struct strbuf *url)
{
    size_t n = strlen(base);

    while (n > 0 && base[n - 1] == '/')
        n--;
    strbuf_add(url, base, n);
    strbuf_add_text(url, q->path);
    for (size_t i = 0; i < q->count; i++)
        url_param(url, i == 0, q->params[i].key, q->params[i].value);
    if (q->sign)
        url_param(url, q->count == 0, "sign", q->sign);
}

void query_join(struct strbuf *to, const char *const *ids, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            strbuf_add_char(to, ',');
        strbuf_add_text(to, ids[i]);
    }
}
