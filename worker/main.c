/* main.c - shopstream-worker: settings, signals, and the life of the process.
 *
 * Signals are blocked before the first thread exists, so every thread is born with them blocked; this thread alone waits
 * for them. The first SIGTERM or SIGINT lets every lane end its turn and hand back what it holds; the second exits at
 * once, which costs nothing but a redelivery. */
#include <curl/curl.h>
#include <getopt.h>
#include <mongoc/mongoc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/admin.h"
#include "common/config.h"
#include "common/log.h"
#include "worker/driver.h"
#include "worker/worker.h"

enum { EXIT_USAGE = 2, EXIT_DEPENDENCY = 3 };

extern char **environ;

static void usage(FILE *to)
{
    fprintf(to, "usage: shopstream-worker [--check] [--help] [--version]\n\n"
                "Reads the stream in a consumer group, fetches what is missing, keeps MongoDB equal to the\n"
                "marketplaces. Settings come from the environment; --check validates them and exits.\n\n");
    config_print_help(to, CONFIG_WORKER);
}

/* -1: go on; else the exit status. *check: --check was given. */
static int parse_arguments(int argc, char **argv, bool *check)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'},
                                            {"version", no_argument, NULL, 'v'},
                                            {"check", no_argument, NULL, 'c'},
                                            {NULL, 0, NULL, 0}};
    int c;

    while ((c = getopt_long(argc, argv, "hv", options, NULL)) != -1) {
        switch (c) {
        case 'h':
            usage(stdout);
            return 0;
        case 'v':
            puts("shopstream-worker " SHOPSTREAM_VERSION);
            return 0;
        case 'c':
            *check = true;
            break;
        default:
            return EXIT_USAGE;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "shopstream-worker: unexpected argument %s\n", argv[optind]);
        return EXIT_USAGE;
    }
    return -1;
}

static void block_signals(sigset_t *ours)
{
    sigset_t ignored;

    sigemptyset(ours);
    sigaddset(ours, SIGTERM);
    sigaddset(ours, SIGINT);
    sigemptyset(&ignored);
    sigaddset(&ignored,
              SIGPIPE); /* blocked, never fetched: a write to a closed socket just fails with EPIPE */
    pthread_sigmask(SIG_BLOCK, ours, NULL);
    pthread_sigmask(SIG_BLOCK, &ignored, NULL);
}

/* Waits for the two signals of a life: the first stops, the second exits. */
struct signal_thread {
    pthread_t thread;
    sigset_t signals;
    struct worker *worker;
    atomic_bool asked; /* the first signal has come */
    pthread_mutex_t lock;
    pthread_cond_t came;
};

static void *wait_for_signals(void *arg)
{
    struct signal_thread *s = arg;
    int number;

    sigwait(&s->signals, &number);
    log_info("stopping", LOG_I("signal", number));
    worker_stop(s->worker);
    pthread_mutex_lock(&s->lock);
    atomic_store(&s->asked, true);
    pthread_cond_signal(&s->came);
    pthread_mutex_unlock(&s->lock);
    sigwait(&s->signals, &number);
    log_warn("second signal, exiting at once", LOG_I("signal", number));
    _exit(1);
}

static void signals_start(struct signal_thread *s, struct worker *w)
{
    s->worker = w;
    atomic_init(&s->asked, false);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->came, NULL);
    if (pthread_create(&s->thread, NULL, wait_for_signals, s) != 0)
        fatal(EXIT_DEPENDENCY, "cannot start a thread");
}

static void signals_wait(struct signal_thread *s)
{
    pthread_mutex_lock(&s->lock);
    while (!atomic_load(&s->asked))
        pthread_cond_wait(&s->came, &s->lock);
    pthread_mutex_unlock(&s->lock);
}

static void signals_end(struct signal_thread *s)
{
    pthread_cancel(s->thread); /* it waits in sigwait, a cancellation point; nothing is held there */
    pthread_join(s->thread, NULL);
    pthread_cond_destroy(&s->came);
    pthread_mutex_destroy(&s->lock);
}

static struct admin *start_admin(const struct config *c, struct worker *w)
{
    struct admin_callbacks callbacks = {.ready = worker_ready, .context = w, .program = "worker"};
    struct err err = {0};
    bool off = false;
    struct admin *a = admin_start_thread(&c->admin_listen, &callbacks, &off, &err);

    if (!a && !off)
        fatal(EXIT_DEPENDENCY, "admin port", LOG_S("err", err.text));
    if (a)
        log_info("admin listening", LOG_S("address", c->admin_listen.host), LOG_I("port", admin_port(a)));
    return a;
}

/* Start to end of the working life. Returns the exit status. */
static int run(const struct config *c, sigset_t signals)
{
    struct signal_thread s = {.signals = signals};
    struct err err = {0};
    struct worker *w = worker_new(c, &err);
    struct admin *admin;
    int status = 0;

    if (!w) {
        log_error("cannot start", LOG_S("err", err.text));
        return EXIT_USAGE;
    }
    signals_start(&s, w);
    admin = start_admin(c, w);
    if (worker_start(w, &err)) {
        log_info("started", LOG_I("lanes", c->worker_threads), LOG_S("version", SHOPSTREAM_VERSION));
        signals_wait(&s);
    } else if (err.domain != ERR_NONE) {
        log_error("cannot start", LOG_S("err", err.text));
        status = EXIT_DEPENDENCY;
        worker_stop(w);
    } else {
        signals_wait(&s); /* stopped while it waited, by a thread that may not be done with w */
    }
    if (!worker_join(w, c->drain_ms)) {
        log_error("a lane did not end in time; others take its entries over", LOG_I("drain_ms", c->drain_ms));
        _exit(1);
    }
    admin_stop(admin); /* answers while the lanes drain: not ready, and what they do */
    worker_free(w);
    signals_end(&s);
    log_info("ended");
    return status;
}

int main(int argc, char **argv)
{
    struct config c = {0};
    struct err err = {0};
    sigset_t signals;
    bool check = false;
    int status = parse_arguments(argc, argv, &check);

    if (status >= 0)
        return status;
    log_setup("worker", LOG_INFO, false);
    if (!config_load(&c, CONFIG_WORKER, environ, &err)) {
        log_error("configuration", LOG_S("err", err.text));
        return EXIT_USAGE;
    }
    log_setup("worker", c.log_level, c.log_json);
    if (check) {
        config_print_dump(stdout, &c, CONFIG_WORKER);
        config_deinit(&c);
        return 0;
    }
    block_signals(&signals);
    driver_init();
    curl_global_init(CURL_GLOBAL_DEFAULT);
    status = run(&c, signals);
    curl_global_cleanup();
    mongoc_cleanup();
    config_deinit(&c);
    return status;
}
