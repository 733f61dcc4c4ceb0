/* resolve.c - server: the address of Redis. Contract and reasons: resolve.h. */
#include "server/resolve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
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

struct address {
    struct address *older;       /* kept: a loop may still read it */
    char text[INET6_ADDRSTRLEN]; /* numeric */
};

struct resolver {
    char *host; /* owned */
    int wake;   /* eventfd: a look-up is wanted */
    atomic_bool stop;
    pthread_t thread;
    _Atomic(struct address *) latest; /* NULL until one was found */
};

bool resolve_is_numeric(const char *host)
{
    struct in6_addr to;

    return inet_pton(AF_INET, host, &to) == 1 || inet_pton(AF_INET6, host, &to) == 1;
}

static void publish(struct resolver *r, const char *text)
{
    struct address *old = atomic_load(&r->latest), *a;

    if (old && strcmp(old->text, text) == 0)
        return;
    a = xcalloc(1, sizeof(*a));
    memcpy(a->text, text, strnlen(text, sizeof(a->text) - 1));
    a->older = old;
    atomic_store(&r->latest, a);
    log_info("redis address", LOG_S("host", r->host), LOG_S("address", a->text));
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
    if (getnameinfo(found->ai_addr, found->ai_addrlen, text, sizeof(text), NULL, 0, NI_NUMERICHOST) == 0)
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

struct resolver *resolver_start(const char *host, struct err *err)
{
    struct resolver *r = xcalloc(1, sizeof(*r));
    int rc;

    r->host = xstrndup(host, strlen(host));
    r->wake = eventfd(0, EFD_CLOEXEC);
    if (r->wake < 0) {
        err_errno(err, "eventfd", NULL);
        goto failed;
    }
    look_up(r);
    rc = pthread_create(&r->thread, NULL, resolver_run, r);
    if (rc) {
        err_set(err, ERR_SYSTEM, rc, "pthread_create: %s", strerror(rc));
        goto failed;
    }
    return r;
failed:
    if (r->wake >= 0)
        close(r->wake);
    free(atomic_load(&r->latest));
    free(r->host);
    free(r);
    return NULL;
}

const char *resolver_address(const struct resolver *r)
{
    const struct address *a = atomic_load(&r->latest);

    return a ? a->text : NULL;
}

void resolver_again(struct resolver *r)
{
    const uint64_t one = 1;

    while (write(r->wake, &one, sizeof(one)) < 0 && errno == EINTR)
        ;
}

void resolver_stop(struct resolver *r)
{
    struct address *a, *older;

    if (!r)
        return;
    atomic_store(&r->stop, true);
    resolver_again(r);
    pthread_join(r->thread, NULL);
    for (a = atomic_load(&r->latest); a; a = older) {
        older = a->older;
        free(a);
    }
    close(r->wake);
    free(r->host);
    free(r);
}
