/* query.h - worker: path and query parameters of a marketplace's request, and the URL they make. Pure. */
#ifndef SHOPSTREAM_WORKER_PLATFORMS_QUERY_H
#define SHOPSTREAM_WORKER_PLATFORMS_QUERY_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "common/strbuf.h"
#include "worker/platforms/platform.h"

enum { QUERY_PARAMS_MAX = PLATFORM_PARAMS_MAX + 6 }; /* with those for signing */

/* A request being built. All texts borrowed. */
struct query {
    const char *path;                               /* leading '/', no trailing one */
    struct platform_param params[QUERY_PARAMS_MAX]; /* in use: count */
    size_t count;                                   /* parameters */
    const char *sign;                               /* last parameter, itself not signed; NULL = none */
};

void query_add(struct query *q, const char *key, const char *value);

/* False: more than PLATFORM_PARAMS_MAX, err. */
bool query_add_all(struct query *q, const struct platform_param *params, size_t count, struct err *err)
    __attribute__((warn_unused_result));

/* base (its trailing slashes cut), path, '?', the parameters in their order, values percent-encoded, sign. */
void query_url(const struct query *q, const char *base, struct strbuf *url);

/* ids joined with commas. */
void query_join(struct strbuf *to, const char *const *ids, size_t count);

#endif
