/* ctl_init.c - shopstreamctl init: collections and named indexes, and the self-check of the server. Idempotent; every
 * worker does the same at start. */
#include <stdio.h>

#include "worker/ctl/ctl.h"
#include "worker/store.h"

int ctl_init(struct ctl *c, int argc, char **argv)
{
    struct err err = {0};
    struct store *s;

    (void)argv;
    if (argc > 1)
        return ctl_fail(CTL_USAGE, "init takes no arguments");
    s = ctl_store(c, &err);
    if (!s || !store_ping(s, &err))
        return ctl_fail(err.domain == ERR_CONFIG ? CTL_USAGE : CTL_UNREACHABLE, "%s", err.text);
    if (!store_prepare(s, c->config, &err) || !store_self_check(s, &err)) {
        fprintf(stderr, "shopstreamctl: %s\n", err.text);
        return CTL_FINDING;
    }
    if (c->json)
        puts("{\"ok\":true}");
    else
        printf("collections and indexes of database %s are in place\n", c->config->mongo_dbname);
    return CTL_DONE;
}
