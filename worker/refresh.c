/* refresh.c - worker: the thread that keeps credentials alive, and its schedule.
 *
 * In:      authorizations in MongoDB; what lanes ask for; hints of shop events.
 * Out:     fresh tokens in MongoDB (renew.c), shops revoked and brought back, metrics.
 * Fails:   never; what a round cannot do is said once and done in a later one.
 * Thread:  one a platform, each with its own link, store and HTTP client: a token host that hangs must not hold the other
 *          platform's. Within a platform one refresh at a time: they are due hours before they are needed, and other pods
 *          take those that this one does not come to.
 * Why so:  every pod looks, leases decide. Rounds are spread by a quarter of the interval, so pods that started together do
 *          not ask together. What lanes ask for goes first, because a shop stands still for it. */
#include "worker/refresh.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/strbuf.h"
#include "common/thread.h"
#include "worker/grant_store.h"
#include "worker/hints.h"
#include "worker/http_client.h"
#include "worker/link.h"
#include "worker/renew.h"
#include "worker/token_copy.h"

enum {
    DUE_MOST = 100,     /* authorizations looked up at a time */
    ASKED_MOST = 10000, /* what is asked for beyond it is asked again by its lane */
    LINK_TIMEOUT_MS = 5000,
    PLATFORMS = 2,
};

/* One authorization somebody asked for. */
struct asked {
    struct asked *next;
    char *authorization; /* owned */
    uint64_t print;      /* of the access token that was refused */
};

/* The thread of one platform. */
struct caretaker {
    struct refresher *refresher;
    pthread_t thread;
    bool running;        /* thread is to be joined */
    struct asked *asked; /* owned; guarded by the refresher's lock */
    size_t asked_count;
    bool woken;   /* look now; guarded by the same */
    bool failing; /* the last round failed: said once */
    unsigned random;
    struct renewer renewer;
    struct link *link;        /* owned */
    struct store *store;      /* owned */
    struct http_client *http; /* owned */
    struct limiter *limiter;  /* owned */
};

struct refresher {
    const struct config *config;
    char by[136];         /* host, process and a random number */
    pthread_mutex_t lock; /* guards stopping, and asked and woken of all */
    pthread_cond_t wake;  /* on CLOCK_MONOTONIC */
    bool stopping;
    struct caretaker caretakers[PLATFORMS];
    size_t count; /* platforms that are configured */
};

/* --- what others ask for -------------------------------------------------------------------------------------- */

static bool is_of(const struct caretaker *t, const char *authorization)
{
    const char *name = t->renewer.platform->name;
    size_t n = strlen(name);

    return strncmp(authorization, name, n) == 0 && authorization[n] == ':';
}

static bool is_asked(const struct caretaker *t, const char *authorization)
{
    for (const struct asked *a = t->asked; a; a = a->next)
        if (strcmp(a->authorization, authorization) == 0)
            return true;
    return false;
}

static void add_asked(struct caretaker *t, const char *authorization, uint64_t print)
{
    struct asked *a;

    if (t->asked_count >= ASKED_MOST || is_asked(t, authorization))
        return;
    a = xcalloc(1, sizeof(*a));
    a->authorization = xstrndup(authorization, strlen(authorization));
    a->print = print;
    a->next = t->asked;
    t->asked = a;
    t->asked_count++;
}

void refresher_ask(struct refresher *r, const char *authorization, uint64_t token_print)
{
    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < r->count; i++)
        if (is_of(&r->caretakers[i], authorization))
            add_asked(&r->caretakers[i], authorization, token_print);
    pthread_cond_broadcast(&r->wake);
    pthread_mutex_unlock(&r->lock);
}

void refresher_wake(struct refresher *r)
{
    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < r->count; i++)
        r->caretakers[i].woken = true;
    pthread_cond_broadcast(&r->wake);
    pthread_mutex_unlock(&r->lock);
}

static struct asked *next_asked(struct caretaker *t)
{
    struct asked *a;

    pthread_mutex_lock(&t->refresher->lock);
    a = t->refresher->stopping ? NULL : t->asked;
    if (a) {
        t->asked = a->next;
        t->asked_count--;
    }
    pthread_mutex_unlock(&t->refresher->lock);
    return a;
}

static void asked_free(struct asked *a)
{
    free(a->authorization);
    free(a);
}

/* --- waiting -------------------------------------------------------------------------------------------------- */

static struct timespec mono_at(int64_t ms)
{
    return (struct timespec){.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000 * 1000000)};
}

/* Until the next round, or until somebody asks. False: the refresher is to end. */
static bool wait_for_round(struct caretaker *t)
{
    struct refresher *r = t->refresher;
    int64_t interval = r->config->refresh_interval_ms;
    int64_t spread = interval * 3 / 4 + rand_r(&t->random) % (interval / 2 + 1);
    struct timespec until = mono_at(clock_mono_ms() + spread);
    bool stopping;
    int rc = 0;

    pthread_mutex_lock(&r->lock);
    while (!r->stopping && !t->woken && !t->asked && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&r->wake, &r->lock, &until);
    t->woken = false;
    stopping = r->stopping;
    pthread_mutex_unlock(&r->lock);
    return !stopping;
}

static bool is_stopping(struct refresher *r)
{
    bool stopping;

    pthread_mutex_lock(&r->lock);
    stopping = r->stopping;
    pthread_mutex_unlock(&r->lock);
    return stopping;
}

/* renewer.wait: the whole time also when the refresher is to end, because it paces tries that matter then. */
static bool wait_between_tries(void *context, int64_t ms)
{
    const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000 * 1000000)};

    nanosleep(&pause, NULL);
    return !is_stopping(context);
}

/* --- a round -------------------------------------------------------------------------------------------------- */

static bool serve_asked(struct caretaker *t, struct err *err)
{
    struct asked *a;
    bool ok = true;

    while (ok && (a = next_asked(t)) != NULL) {
        ok = renew(&t->renewer, a->authorization, RENEW_ASKED, a->print, err) != RENEW_AWAY;
        asked_free(a);
    }
    return ok;
}

/* Refreshes a list of due ones. *progress: something became of one of them. */
static bool serve_list(struct caretaker *t, const struct ids *due, bool *progress, struct err *err)
{
    bool ok = true;

    for (size_t i = 0; i < due->count && ok && !is_stopping(t->refresher); i++) {
        enum renew_result result = renew(&t->renewer, due->at[i], RENEW_DUE, 0, err);

        *progress = *progress || result == RENEW_DONE || result == RENEW_REFUSED || result == RENEW_LATER;
        ok = result != RENEW_AWAY && serve_asked(t, err);
    }
    return ok;
}

static bool serve_due(struct caretaker *t, struct err *err)
{
    bool ok = true, full = true, progress = true;

    while (ok && full && progress && !is_stopping(t->refresher)) {
        struct ids due = {0};

        progress = false;
        ok = grants_due(t->store, t->renewer.platform->name, clock_now_ms(), DUE_MOST, &due, err) &&
             serve_list(t, &due, &progress, err);
        full = due.count == DUE_MOST;
        ids_free(&due);
    }
    return ok;
}

/* A refused grant is due no more; but the answer to a call that was thought lost may have come since, and be kept in Redis
 * by one who could not store it. */
static bool serve_refused(struct caretaker *t, struct err *err)
{
    struct ids refused = {0};
    bool ok = grants_refused(t->store, t->renewer.platform->name, &refused, err);

    for (size_t i = 0; i < refused.count && ok && !is_stopping(t->refresher); i++) {
        bool waits = false;

        ok = token_copy_waits(t->link, refused.at[i], &waits, err) &&
             (!waits || renew(&t->renewer, refused.at[i], RENEW_DUE, 0, err) != RENEW_AWAY);
    }
    ids_free(&refused);
    return ok;
}

static bool settle(struct caretaker *t, struct err *err)
{
    int64_t changed = 0;

    if (!grants_settle_refused(t->store, t->renewer.platform->name, clock_now_ms(), &changed, err))
        return false;
    if (changed > 0)
        log_warn("shops revoked: their authorization is refused",
                 LOG_S("platform", t->renewer.platform->name), LOG_I("shops", changed));
    return true;
}

/* Of all platforms, so one thread of a process is enough. */
static bool measure(struct caretaker *t, struct err *err)
{
    int64_t alarmed, shortest;

    if (t != &t->refresher->caretakers[0])
        return true;
    if (!grants_measure(t->store, clock_now_ms(), &alarmed, &shortest, err))
        return false;
    metric_set(METRIC_WORKER_AUTHORIZATIONS_ALARMED, alarmed);
    metric_set(METRIC_WORKER_ACCESS_SHORTEST, shortest < 0 ? -1 : shortest / 1000);
    return true;
}

/* Says once that it fails and once that it works again. */
static void report(struct caretaker *t, bool ok, const struct err *err)
{
    if (!ok && !t->failing)
        log_warn("credentials are not looked after: a dependency is away",
                 LOG_S("platform", t->renewer.platform->name), LOG_S("err", err->text));
    if (ok && t->failing)
        log_info("credentials are looked after again", LOG_S("platform", t->renewer.platform->name));
    t->failing = !ok;
}

static void *caretaker_run(void *arg)
{
    struct caretaker *t = arg;

    do {
        struct err err = {0};
        bool ok = serve_asked(t, &err) && serve_due(t, &err) && serve_refused(t, &err) &&
                  hints_confirm(&t->renewer, &err) && settle(t, &err) && measure(t, &err);

        report(t, ok, &err);
    } while (wait_for_round(t));
    return NULL;
}

/* --- start and stop ------------------------------------------------------------------------------------------- */

static bool caretaker_init(struct caretaker *t, const char *platform, const struct redis_url *redis,
                           struct store_pool *stores, const struct credentials *credentials, struct err *err)
{
    struct refresher *r = t->refresher;

    t->link = link_new(redis, "refresh", LINK_TIMEOUT_MS);
    t->store = store_open(stores, err);
    t->http = http_client_new(r->config, err);
    t->limiter = limiter_new(r->config, t->link);
    t->random = (unsigned)clock_mono_us();
    t->renewer = (struct renewer){
        .config = r->config,
        .platform = platform_find(platform),
        .credentials = credentials,
        .link = t->link,
        .store = t->store,
        .http = t->http,
        .limiter = t->limiter,
        .by = r->by,
        .wait = wait_between_tries,
        .context = r,
    };
    return t->store && t->http && t->renewer.platform;
}

static void caretaker_deinit(struct caretaker *t)
{
    while (t->asked) {
        struct asked *a = t->asked;

        t->asked = a->next;
        asked_free(a);
    }
    limiter_free(t->limiter);
    http_client_free(t->http);
    store_close(t->store);
    link_free(t->link);
}

static bool is_configured(const struct config *c, const char *platform)
{
    return strcmp(platform, "tiktok") == 0 ? *c->tiktok_app_key != '\0' : *c->shopee_partner_id != '\0';
}

static void name_process(struct refresher *r)
{
    char host[64] = "worker";
    uint64_t number = 0;

    if (r->config->worker_name[0] == '\0' && gethostname(host, sizeof(host) - 1) != 0)
        log_warn_errno("no host name; set WORKER_NAME");
    if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
        fatalx("refresher: no random bytes");
    snprintf(r->by, sizeof(r->by), "%.60s pid=%ld %016llx",
             r->config->worker_name[0] ? r->config->worker_name : host, (long)getpid(),
             (unsigned long long)number);
}

static void sync_init(struct refresher *r)
{
    pthread_condattr_t attributes;

    pthread_mutex_init(&r->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&r->wake, &attributes);
    pthread_condattr_destroy(&attributes);
}

struct refresher *refresher_start(const struct config *config, const struct redis_url *redis,
                                  struct store_pool *stores, const struct credentials *credentials,
                                  struct err *err)
{
    static const char *const names[PLATFORMS] = {"tiktok", "shopee"};
    struct refresher *r = xcalloc(1, sizeof(*r));
    bool ok = true;

    r->config = config;
    name_process(r);
    sync_init(r);
    for (size_t i = 0; i < PLATFORMS && ok; i++) {
        if (!is_configured(config, names[i]))
            continue;
        r->caretakers[r->count].refresher = r;
        ok = caretaker_init(&r->caretakers[r->count++], names[i], redis, stores, credentials, err);
    }
    for (size_t i = 0; i < r->count && ok; i++) {
        ok = thread_start(&r->caretakers[i].thread, caretaker_run, &r->caretakers[i], err);
        r->caretakers[i].running = ok;
    }
    if (ok)
        return r;
    refresher_stop(r);
    return NULL;
}

void refresher_drain(struct refresher *r)
{
    if (!r)
        return;
    pthread_mutex_lock(&r->lock);
    r->stopping = true;
    pthread_cond_broadcast(&r->wake);
    pthread_mutex_unlock(&r->lock);
    for (size_t i = 0; i < r->count; i++) {
        if (r->caretakers[i].running)
            pthread_join(r->caretakers[i].thread, NULL);
        r->caretakers[i].running = false;
    }
}

void refresher_stop(struct refresher *r)
{
    if (!r)
        return;
    refresher_drain(r);
    for (size_t i = 0; i < r->count; i++)
        caretaker_deinit(&r->caretakers[i]);
    pthread_cond_destroy(&r->wake);
    pthread_mutex_destroy(&r->lock);
    free(r);
}
