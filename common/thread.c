/* thread.c - common: starting a thread. Contract: thread.h. */
#include "common/thread.h"

#include <errno.h>
#include <signal.h>

bool thread_start(pthread_t *thread, void *(*run)(void *), void *context, struct err *err)
{
    sigset_t all, before;
    int rc;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(thread, NULL, run, context);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0) {
        errno = rc;
        err_errno(err, "pthread_create", NULL);
    }
    return rc == 0;
}
