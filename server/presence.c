/* presence.c - server: tells the tools where this server's admin port is. Contract: presence.h. */
#include "server/presence.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "common/entry.h"
#include "common/keys.h"
#include "common/log.h"
#include "common/strbuf.h"
#include "server/ask.h"

struct presence {
    struct strbuf key;
    struct strbuf command; /* complete */
    int64_t due_ms;        /* monotonic: next time */
    uint64_t generation;   /* of the connection it was set on last */
    bool set;              /* at least once */
};

/* Where others reach it: an address that means "all of them" is the host's name. */
static void add_address(struct strbuf *to, const struct config_listen *listen, int port)
{
    const bool any = strcmp(listen->host, "0.0.0.0") == 0 || strcmp(listen->host, "::") == 0;
    const bool v6 = !any && strchr(listen->host, ':') != NULL;
    struct utsname host;

    if (any && uname(&host) == 0)
        strbuf_add_text(to, host.nodename);
    else
        strbuf_add_format(to, "%s%s%s", v6 ? "[" : "", listen->host, v6 ? "]" : "");
    strbuf_add_format(to, ":%d", port);
}

struct presence *presence_new(const struct config *c, int port)
{
    struct presence *p = xcalloc(1, sizeof(*p));
    struct strbuf address = STRBUF_INIT;

    strbuf_add_format(&p->key, KEYS_SERVER "%s", c->server_name);
    add_address(&address, &c->admin_listen, port);
    resp_add_array(&p->command, 3);
    resp_add_bulk(&p->command, "SET", 3);
    resp_add_bulk(&p->command, p->key.data, p->key.length);
    resp_add_bulk(&p->command, address.data, address.length);
    strbuf_deinit(&address);
    return p;
}

void presence_free(struct presence *p)
{
    if (!p)
        return;
    strbuf_deinit(&p->key);
    strbuf_deinit(&p->command);
    free(p);
}

void presence_tick(struct presence *p, struct stream *s, int64_t mono_ms)
{
    const uint64_t generation = stream_generation(s);

    if (mono_ms < p->due_ms && generation == p->generation)
        return;
    if (!stream_send(s, p->command.data, p->command.length, NULL))
        return;
    p->generation = generation;
    p->due_ms = mono_ms + PRESENCE_MS;
    p->set = true;
}

void presence_remove(struct presence *p, const struct redis_url *url, const char *host)
{
    const char *argv[] = {"DEL", strbuf_text(&p->key)};
    struct err err = {0};
    redisReply *r;

    if (!p->set)
        return;
    r = ask_redis(url, host, 2, argv, &err);
    if (!r || r->type == REDIS_REPLY_ERROR)
        log_warn("registration stays, shopstreamctl prove --forget-server takes it away",
                 LOG_S("key", argv[1]), LOG_S("err", r ? r->str : err.text));
    freeReplyObject(r);
}
