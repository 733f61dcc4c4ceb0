/* main.c - shopstream-server: takes marketplace webhooks and answers 200 once they are stored.
 *
 *   receive (http.c) -> verify (verify.c) -> map (map.c) -> store (pending.c, stream.c) -> answer (answer.c)
 *
 * Start-up in one place, top to bottom; tear-down in reverse. The main thread has a loop of its own for signals and for
 * the admin port, so that probes and metrics answer while the workers' loops are busy. Signals are events of this loop;
 * the other threads are made with them blocked. The first SIGTERM or SIGINT drains (server.c), the second exits at once.
 *
 * No evthread_use_pthreads: no object of libevent is used by two threads (server.h). */
#include <errno.h>
#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/admin.h"
#include "common/config.h"
#include "common/err.h"
#include "common/log.h"
#include "common/redis_info.h"
#include "common/redis_url.h"
#include "server/ask.h"
#include "server/server.h"

#ifndef SHOPSTREAM_VERSION
#define SHOPSTREAM_VERSION "unknown"
#endif

enum { EXIT_USAGE = 2, EXIT_DEPENDENCY = 3 };

extern char **environ;

/* What the main thread's callbacks share. */
struct process {
    struct event_base *base;
    struct server *server;
    bool draining; /* the first signal has come */
};

static void on_stop_signal(evutil_socket_t number, short what, void *arg)
{
    struct process *p = arg;

    (void)what;
    if (p->draining) {
        log_warn("second signal, exiting at once", LOG_I("signal", number));
        _exit(1);
    }
    p->draining = true;
    log_info("draining", LOG_I("signal", number));
    server_drain(p->server);
}

static void on_loop_ended(evutil_socket_t fd, short what, void *arg)
{
    struct process *p = arg;

    (void)fd;
    (void)what;
    if (server_ended(p->server))
        event_base_loopexit(p->base, NULL);
}

static bool on_ready(void *context, struct strbuf *why)
{
    return server_ready(context, why);
}

static void on_ledger(void *context, struct strbuf *to)
{
    server_ledger(context, to);
}

/* One descriptor a client: as many as the system lets us have. */
static void raise_file_limit(const struct config *c)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit))
        return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit))
        log_warn_errno("limit of open files not raised", LOG_I("wanted", c->max_connections));
}

/* Large buffers come with a burst and go with it. This jemalloc reads where it is linked (CMakeLists.txt): a thread of its
 * own gives back what nobody has needed for the time given. */
extern const char *malloc_conf;
const char *malloc_conf =
    "background_thread:true,max_background_threads:1,dirty_decay_ms:50,muzzy_decay_ms:0";

/* And this is for glibc where it is not. Left alone, that raises the size from which it maps buffers each time one is freed,
 * and then keeps the largest burst ever for good. */
static void give_back_large_buffers(void)
{
    (void)!mallopt(M_MMAP_THRESHOLD, 128 * 1024);
}

static void ignore_sigpipe(void)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};

    sigaction(SIGPIPE, &ignore, NULL); /* a write to a closed socket is an error like others */
}

static void run(struct process *p, const struct admin *admin, const struct config *c)
{
    struct event *term = evsignal_new(p->base, SIGTERM, on_stop_signal, p);
    struct event *interrupt = evsignal_new(p->base, SIGINT, on_stop_signal, p);
    struct event *ended =
        event_new(p->base, server_ended_fd(p->server), EV_READ | EV_PERSIST, on_loop_ended, p);
    struct err err = {0};

    if (!term || !interrupt || !ended || event_add(term, NULL) || event_add(interrupt, NULL) ||
        event_add(ended, NULL))
        fatalx("no memory for an event");
    if (!server_start(p->server, &err))
        fatal(EXIT_DEPENDENCY, "cannot start", LOG_S("err", err.text));
    log_info("listening", LOG_S("address", c->listen.host), LOG_I("port", server_port(p->server)),
             LOG_I("admin_port", admin ? admin_port(admin) : -1), LOG_I("threads", c->server_threads));
    event_base_dispatch(p->base);
    event_free(ended);
    event_free(interrupt);
    event_free(term);
}

static void serve(const struct config *c)
{
    struct process p = {.base = event_base_new()};
    struct err err = {0};
    struct admin *admin;
    bool off = false;

    if (!p.base)
        fatalx("no event loop");
    raise_file_limit(c);
    p.server = server_new(c, &err);
    if (!p.server)
        fatal(EXIT_DEPENDENCY, "cannot start", LOG_S("err", err.text));
    admin = admin_start(
        p.base, &c->admin_listen,
        &(struct admin_callbacks){.ready = on_ready, .context = p.server, .program = "server"}, &off, &err);
    if (!admin && !off)
        fatal(EXIT_DEPENDENCY, "cannot start the admin port", LOG_S("err", err.text));
    if (admin)
        server_announce(p.server, admin_port(admin));
    if (admin)
        admin_add(admin, "/ledger", "application/x-ndjson", on_ledger, p.server);
    run(&p, admin, c);
    admin_stop(admin);
    server_free(p.server);
    event_base_free(p.base);
    log_info("stopped");
}

static int usage(FILE *to, int code)
{
    fprintf(to, "usage: shopstream-server [--check | --help | --version]\n\n"
                "Takes marketplace webhooks and stores them in Redis Streams. Settings are environment "
                "variables:\n\n");
    config_print_help(to, CONFIG_SERVER);
    return code;
}

/* Half a configuration is a mistake; none at all may be meant. */
static void warn_of_platforms(const struct config *c)
{
    const bool shopee_key = c->shopee_push_key[0] || c->shopee_partner_key[0];
    const bool shopee_url = c->shopee_callback_url[0] != '\0';

    if (!c->tiktok_app_key[0] && !(shopee_key && shopee_url))
        log_warn("TIKTOK_APP_KEY is not set: TikTok webhooks will get 503");
    if (shopee_key && !shopee_url)
        log_warn("SHOPEE_CALLBACK_URL is not set: Shopee signs it, its webhooks will get 503");
    if (shopee_url && !shopee_key)
        log_warn("neither SHOPEE_PUSH_KEY nor SHOPEE_PARTNER_KEY is set: Shopee webhooks will get 503");
}

/* A Redis without a limit is ended by the system one day, and takes with it what it has not written. */
static void warn_of_memory(const struct config *c)
{
    struct redis_url url;
    struct err err = {0};
    redisReply *r = NULL;

    if (!redis_url_parse(c->redis_url, &url, &err))
        return;
    r = ask_redis(&url, NULL, 2, (const char *[]){"INFO", "memory"}, &err);
    if (!r || r->type != REDIS_REPLY_STRING)
        log_warn("redis cannot be asked for its maxmemory", LOG_S("err", r && r->str ? r->str : err.text));
    else if (redis_info_used_percent(r->str, r->len, c->redis_max_bytes) < 0)
        log_warn("redis has no maxmemory: set it, or REDIS_MAX_BYTES, or it grows until the system ends it");
    if (r && r->type == REDIS_REPLY_STRING && redis_info_evicts(r->str, r->len))
        log_warn(REDIS_INFO_EVICTS);
    freeReplyObject(r);
    explicit_bzero(&url, sizeof(url));
}

int main(int argc, char **argv)
{
    struct config c = {0};
    struct err err = {0};
    bool only_check = argc == 2 && strcmp(argv[1], "--check") == 0;

    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return usage(stdout, 0);
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        printf("shopstream-server %s\n", SHOPSTREAM_VERSION);
        return 0;
    }
    if (argc > 1 && !only_check) {
        fprintf(stderr, "shopstream-server: unknown argument %s\n", argv[1]);
        return usage(stderr, EXIT_USAGE);
    }
    log_setup("server", LOG_INFO, false);
    if (!config_load(&c, CONFIG_SERVER, environ, &err))
        fatal(EXIT_USAGE, "configuration", LOG_S("err", err.text));
    log_setup("server", c.log_level, c.log_json);
    warn_of_platforms(&c);
    ignore_sigpipe();
    give_back_large_buffers();
    if (only_check)
        warn_of_memory(&c);
    if (only_check)
        config_print_dump(stdout, &c, CONFIG_SERVER);
    else
        serve(&c);
    config_deinit(&c);
    return 0;
}
