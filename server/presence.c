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
    struct strbuf key, address;
    struct strbuf command; /* complete: sets the key */
    struct strbuf missing; /* the same when it is not there */
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

static void add_command(struct strbuf *to, const struct presence *p, bool missing)
{
    resp_add_array(to, missing ? 4 : 3);
    resp_add_bulk(to, "SET", 3);
    resp_add_bulk(to, p->key.data, p->key.length);
    resp_add_bulk(to, p->address.data, p->address.length);
    if (missing)
        resp_add_bulk(to, "NX", 2);
}

struct presence *presence_new(const struct config *c, int port)
{
    struct presence *p = xcalloc(1, sizeof(*p));

    strbuf_add_format(&p->key, KEYS_SERVER "%s", c->server_name);
    add_address(&p->address, &c->admin_listen, port);
    add_command(&p->command, p, false);
    add_command(&p->missing, p, true);
    return p;
}

void presence_free(struct presence *p)
{
    if (!p)
        return;
    strbuf_deinit(&p->key);
    strbuf_deinit(&p->address);
    strbuf_deinit(&p->command);
    strbuf_deinit(&p->missing);
    free(p);
}

void presence_start(struct presence *p, const struct redis_url *url, const char *host)
{
    const char *argv[] = {"SET", strbuf_text(&p->key), strbuf_text(&p->address)};
    struct err err = {0};
    redisReply *r = ask_redis(url, host, 3, argv, &err);

    p->set = r && r->type == REDIS_REPLY_STATUS;
    freeReplyObject(r);
}

void presence_tick(struct presence *p, struct stream *s, int64_t mono_ms)
{
    const uint64_t generation = stream_generation(s);
    const struct strbuf *command = generation == p->generation ? &p->missing : &p->command;

    if (mono_ms < p->due_ms && generation == p->generation)
        return;
    if (!stream_send(s, command->data, command->length, NULL))
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
