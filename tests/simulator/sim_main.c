/* sim_main.c - the marketplace simulator: options, start, stop.
 *
 * In:   the command line (--help). Out: one line "listening http://127.0.0.1:PORT" on standard output, then
 *       answers until SIGTERM, SIGINT or /_sim/quit.
 * Exit: 0 stopped or self-test passed, 1 self-test failed, 2 usage, 3 cannot listen.
 * Why so: everything is freed at the end, so that leak checkers have something to say. */
#include <event2/event.h>
#include <getopt.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_buf.h"
#include "sim_count.h"
#include "sim_fault.h"
#include "sim_http.h"
#include "sim_num.h"
#include "sim_platform.h"
#include "sim_state.h"

static const char help[] =
    "simulator: a marketplace for tests: its API, its tokens, its signed pushes\n"
    "\n"
    "  --platform NAME               which marketplace to play: tiktok or shopee (tiktok)\n"
    "  --listen HOST:PORT            where to listen (127.0.0.1:0; port 0: any free one)\n"
    "  --port-file FILE              write the port there once listening\n"
    "  --app-key K --app-secret S    the app all shops belong to (simkey, simsecret)\n"
    "  --partner-id N --partner-key S  the same with Shopee's words (2001887, simsecret)\n"
    "  --callback-url URL            Shopee: where pushes are said to go, which is signed, too\n"
    "                                (https://hooks.example.test/webhooks/shopee)\n"
    "  --push-key K                  Shopee: key of push signatures (the partner key)\n"
    "  --shops N                     how many shops exist (2)\n"
    "  --shops-per-authorization N   consecutive shops that share one token (1)\n"
    "  --seed N                      another seed, other shops and orders (1)\n"
    "  --tls-cert F --tls-key F      serve HTTPS with this PEM certificate and key\n"
    "  --self-test                   check every platform's signatures and documents, then exit\n"
    "  --help\n"
    "\n"
    "The control API under /_sim/ is described in tests/simulator/README.md.\n";

enum {
    OPT_PLATFORM = 256,
    OPT_LISTEN,
    OPT_PORT_FILE,
    OPT_KEY,
    OPT_SECRET,
    OPT_PUSH_URL,
    OPT_PUSH_KEY,
    OPT_SHOPS,
    OPT_PER,
    OPT_SEED,
    OPT_CERT,
    OPT_TLS_KEY,
    OPT_SELF,
    OPT_HELP
};

static const struct option options[] = {
    {"platform", required_argument, NULL, OPT_PLATFORM},
    {"listen", required_argument, NULL, OPT_LISTEN},
    {"port-file", required_argument, NULL, OPT_PORT_FILE},
    {"app-key", required_argument, NULL, OPT_KEY},
    {"app-secret", required_argument, NULL, OPT_SECRET},
    {"partner-id", required_argument, NULL, OPT_KEY},
    {"partner-key", required_argument, NULL, OPT_SECRET},
    {"callback-url", required_argument, NULL, OPT_PUSH_URL},
    {"push-url", required_argument, NULL, OPT_PUSH_URL},
    {"push-key", required_argument, NULL, OPT_PUSH_KEY},
    {"shops", required_argument, NULL, OPT_SHOPS},
    {"shops-per-authorization", required_argument, NULL, OPT_PER},
    {"seed", required_argument, NULL, OPT_SEED},
    {"tls-cert", required_argument, NULL, OPT_CERT},
    {"tls-key", required_argument, NULL, OPT_TLS_KEY},
    {"self-test", no_argument, NULL, OPT_SELF},
    {"help", no_argument, NULL, OPT_HELP},
    {0},
};

static int usage(const char *why)
{
    fprintf(stderr, "simulator: %s (see --help)\n", why);
    return 2;
}

/* Splits HOST:PORT in place; [::1]:80 works, too. */
static bool take_listen(struct options *opt, char *text)
{
    char *colon = strrchr(text, ':');
    size_t len;
    int64_t port;

    if (!colon || !num_i64(colon + 1, strlen(colon + 1), 0, 65535, &port))
        return false;
    *colon = '\0';
    len = strlen(text);
    if (len > 2 && text[0] == '[' && text[len - 1] == ']') {
        text[len - 1] = '\0';
        text++;
    }
    opt->host = text;
    opt->port = (uint16_t)port;
    return *text != '\0';
}

static bool take_number(const char *text, int64_t low, int64_t high, int64_t *out)
{
    return num_i64(text, strlen(text), low, high, out);
}

/* One option; false: its value is no good. */
static bool take_option(struct options *opt, int which, char *value)
{
    int64_t n = 0;
    bool ok = true;

    switch (which) {
    case OPT_PLATFORM:
        opt->platform = platform_by_name(value);
        return opt->platform != NULL;
    case OPT_LISTEN:
        return take_listen(opt, value);
    case OPT_PORT_FILE:
        opt->port_file = value;
        break;
    case OPT_KEY:
        opt->app_key = value;
        break;
    case OPT_SECRET:
        opt->app_secret = value;
        break;
    case OPT_PUSH_URL:
        opt->push_url = value;
        break;
    case OPT_PUSH_KEY:
        opt->push_key = value;
        break;
    case OPT_SHOPS:
        ok = take_number(value, 1, SIM_SHOPS_MAX, &n);
        opt->shops = (uint32_t)n;
        break;
    case OPT_PER:
        ok = take_number(value, 1, SIM_SHOPS_MAX, &n);
        opt->shops_per_authorization = (uint32_t)n;
        break;
    case OPT_SEED:
        ok = take_number(value, 0, INT64_MAX, &n);
        opt->seed = (uint64_t)n;
        break;
    case OPT_CERT:
        opt->tls_cert = value;
        break;
    case OPT_TLS_KEY:
        opt->tls_key = value;
        break;
    default:
        return false;
    }
    return ok;
}

static bool announce(const struct options *opt, uint16_t port)
{
    FILE *f;

    printf("listening %s://%s:%u\n", opt->tls_cert ? "https" : "http", opt->host, port);
    fflush(stdout);
    if (!opt->port_file)
        return true;
    f = fopen(opt->port_file, "we");
    if (!f || fprintf(f, "%u\n", port) < 0 || fclose(f) != 0) {
        perror(opt->port_file);
        return false;
    }
    return true;
}

static void on_signal(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    event_base_loopbreak(arg);
}

static int run(const struct options *opt)
{
    struct sim sim;
    struct event *term, *interrupt;
    uint16_t port = 0;
    int result = 3;
    struct sigaction ignore = {.sa_handler = SIG_IGN};

    sigaction(SIGPIPE, &ignore, NULL);
    sim_init(&sim, opt);
    if (opt->platform->init)
        opt->platform->init(&sim);
    sim.faults = fault_table_new();
    sim.counts = count_new();
    sim.base = event_base_new();
    term = evsignal_new(sim.base, SIGTERM, on_signal, sim.base);
    interrupt = evsignal_new(sim.base, SIGINT, on_signal, sim.base);
    event_add(term, NULL);
    event_add(interrupt, NULL);
    if (http_open(&sim, &port) && announce(opt, port)) {
        event_base_dispatch(sim.base);
        result = 0;
    }
    http_close(&sim);
    if (opt->platform->deinit)
        opt->platform->deinit(&sim);
    event_free(term);
    event_free(interrupt);
    event_base_free(sim.base);
    count_free(sim.counts);
    fault_table_free(sim.faults);
    sim_deinit(&sim);
    return result;
}

/* Every platform's, so that a failure of one does not hide another's. */
static bool selftests(void)
{
    const struct sim_platform *p;
    bool ok = true;

    for (size_t i = 0; (p = platform_at(i)); i++) {
        printf("self-test: %s\n", p->name);
        ok = p->selftest() && ok;
    }
    return ok;
}

int main(int argc, char **argv)
{
    struct options opt = {.platform = &platform_tiktok,
                          .host = "127.0.0.1",
                          .app_secret = "simsecret",
                          .shops = 2,
                          .shops_per_authorization = 1,
                          .seed = 1};
    int which, result;

    while ((which = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (which == OPT_HELP) {
            fputs(help, stdout);
            return 0;
        }
        if (which == OPT_SELF)
            return selftests() ? 0 : 1;
        if (!take_option(&opt, which, optarg))
            return usage("bad option or value");
    }
    if (optind < argc || !opt.tls_cert != !opt.tls_key)
        return usage(optind < argc ? "unexpected argument" : "--tls-cert and --tls-key belong together");
    if (!opt.app_key)
        opt.app_key = opt.platform == &platform_shopee ? "2001887" : "simkey";
    if (opt.platform == &platform_shopee && opt.shops_per_authorization != 1)
        return usage("Shopee: every shop has an authorization of its own");
    result = run(&opt);
    libevent_global_shutdown();
    return result;
}
