/* resolve.c - server: the address of Redis. Contract and reasons: resolve.h. */
#include "server/resolve.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "common/strbuf.h"
#include "common/thread.h"

struct address {
    struct address *older;       /* found before it; kept, because a loop may still read it */
    char text[INET6_ADDRSTRLEN]; /* numeric */
};

struct resolver {
    char *host; /* owned */
    int wake;   /* eventfd: a look-up is wanted */
    atomic_bool stop;
    atomic_bool another; /* the latest did not let us in */
    pthread_t thread;
    struct address *all;              /* owned; the thread's: every address ever found, each once */
    _Atomic(struct address *) latest; /* of all; NULL until one was found */
};

bool resolve_is_numeric(const char *host)
{
    struct in6_addr to;

    return inet_pton(AF_INET, host, &to) == 1 || inet_pton(AF_INET6, host, &to) == 1;
}

static bool numeric(const struct addrinfo *a, char text[INET6_ADDRSTRLEN])
{
    return getnameinfo(a->ai_addr, a->ai_addrlen, text, INET6_ADDRSTRLEN, NULL, 0, NI_NUMERICHOST) == 0;
}

bool resolve_pick(const struct addrinfo *found, const char *latest, bool another, char text[INET6_ADDRSTRLEN])
{
    const struct addrinfo *a = latest ? found : NULL;

    if (!found)
        return false;
    while (a && !(numeric(a, text) && strcmp(text, latest) == 0))
        a = a->ai_next;
    if (a && !another)
        return true;
    return numeric(a && a->ai_next ? a->ai_next : found, text);
}

static void publish(struct resolver *r, const char *text)
{
    struct address *a = r->all;

    while (a && strcmp(a->text, text) != 0)
        a = a->older;
    if (!a) {
        a = xcalloc(1, sizeof(*a));
        memcpy(a->text, text, strnlen(text, sizeof(a->text) - 1));
        a->older = r->all;
        r->all = a;
        log_info("redis address", LOG_S("host", r->host), LOG_S("address", a->text));
    }
    atomic_store(&r->latest, a);
}

static void look_up(struct resolver *r)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *found = NULL;
    char text[INET6_ADDRSTRLEN];
    int rc = getaddrinfo(r->host, NULL, &hints, &found);

    if (rc) {
        log_warn("redis host not found", LOG_S("host", r->host), LOG_S("err", gai_strerror(rc)));
        return;
    }
    if (resolve_pick(found, resolver_address(r), atomic_exchange(&r->another, false), text))
        publish(r, text);
    freeaddrinfo(found);
}

static void *resolver_run(void *arg)
{
    struct resolver *r = arg;
    uint64_t wanted;

    while (!atomic_load(&r->stop)) {
        if (read(r->wake, &wanted, sizeof(wanted)) < 0 && errno != EINTR)
            fatalx("resolve: eventfd cannot be read", LOG_I("errno", errno));
        if (!atomic_load(&r->stop))
            look_up(r);
    }
    return NULL;
}

static void resolver_free(struct resolver *r)
{
    struct address *older;

    for (struct address *a = r->all; a; a = older) {
        older = a->older;
        free(a);
    }
    if (r->wake >= 0)
        close(r->wake);
    free(r->host);
    free(r);
}

struct resolver *resolver_start(const char *host, struct err *err)
{
    struct resolver *r = xcalloc(1, sizeof(*r));

    r->host = xstrndup(host, strlen(host));
    r->wake = eventfd(0, EFD_CLOEXEC);
    if (r->wake < 0) {
        err_errno(err, "eventfd", NULL);
        goto failed;
    }
    look_up(r);
    if (!thread_start(&r->thread, resolver_run, r, err))
        goto failed;
    return r;
failed:
    resolver_free(r);
    return NULL;
}

const char *resolver_address(const struct resolver *r)
{
    const struct address *a = atomic_load(&r->latest);

    return a ? a->text : NULL;
}

void resolver_again(struct resolver *r, const char *failed)
{
    const uint64_t one = 1;

    if (failed && failed == resolver_address(r))
        atomic_store(&r->another, true);
    while (write(r->wake, &one, sizeof(one)) < 0 && errno == EINTR)
        ;
}

void resolver_stop(struct resolver *r)
{
    if (!r)
        return;
    atomic_store(&r->stop, true);
    resolver_again(r, NULL);
    pthread_join(r->thread, NULL);
    resolver_free(r);
}
