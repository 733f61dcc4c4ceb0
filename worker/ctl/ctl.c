/* ctl.c - shopstreamctl: connections, made when first asked for. A tool waits seconds, not minutes, for a dependency. */
#include "worker/ctl/ctl.h"

#include <stdio.h>

enum { REPLY_TIMEOUT_MS = 5000 };

struct store *ctl_store(struct ctl *c, struct err *err)
{
    if (c->store)
        return c->store;
    if (c->config->mongo_uri[0] == '\0') {
        err_set(err, ERR_CONFIG, 0, "MONGO_URI is not set");
        return NULL;
    }
    if (!c->stores)
        c->stores = store_pool_new(c->config, "shopstreamctl", err);
    if (c->stores)
        c->store = store_open(c->stores, err);
    return c->store;
}

struct link *ctl_link(struct ctl *c, struct err *err)
{
    struct redis_url url;

    if (!c->link) {
        if (!redis_url_parse(c->config->redis_url, &url, err))
            return NULL;
        c->link = link_new(&url, "ctl", REPLY_TIMEOUT_MS);
    }
    return link_open(c->link, err) ? c->link : NULL;
}

int ctl_failed(const char *what, const struct err *err)
{
    fprintf(stderr, "shopstreamctl: %s: %s\n", what, err->text);
    return err->domain == ERR_CONFIG ? CTL_USAGE : CTL_UNREACHABLE;
}

void ctl_close(struct ctl *c)
{
    link_free(c->link);
    store_close(c->store);
    store_pool_free(c->stores);
}
