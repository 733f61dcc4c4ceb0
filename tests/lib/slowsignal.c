/* slowsignal.c - tests: a thread that has taken a signal, and woken others for it, stands still behind the next lock that it
 * gives back, for two seconds or until it is cancelled; for any program: LD_PRELOAD it. Whoever was woken goes on meanwhile:
 * what the thread may still use must be there when it does. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

static _Thread_local bool has_signal, has_woken;
static atomic_bool cancelled; /* somebody is, and is waited for */

int sigwait(const sigset_t *set, int *number)
{
    int (*real)(const sigset_t *, int *) = (int (*)(const sigset_t *, int *))dlsym(RTLD_NEXT, "sigwait");
    int result = real(set, number);

    has_signal = true;
    return result;
}

int pthread_cond_broadcast(pthread_cond_t *condition)
{
    int (*real)(pthread_cond_t *) =
        (int (*)(pthread_cond_t *))dlvsym(RTLD_NEXT, "pthread_cond_broadcast", "GLIBC_2.3.2");

    has_woken = has_signal;
    return real(condition);
}

int pthread_cancel(pthread_t thread)
{
    int (*real)(pthread_t) = (int (*)(pthread_t))dlsym(RTLD_NEXT, "pthread_cancel");
    int result = real(thread);

    atomic_store(&cancelled, true);
    return result;
}

/* Not to be cancelled there: the wait is of our making, and must not end a thread that would have gone on. */
int pthread_mutex_unlock(pthread_mutex_t *mutex)
{
    int (*real)(pthread_mutex_t *) = (int (*)(pthread_mutex_t *))dlsym(RTLD_NEXT, "pthread_mutex_unlock");
    int result = real(mutex), state;

    if (has_woken) {
        has_woken = false;
        pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
        for (int i = 0; i < 200 && !atomic_load(&cancelled); i++)
            nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
        pthread_setcancelstate(state, &state);
    }
    return result;
}
