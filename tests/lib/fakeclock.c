/* fakeclock.c - tests: a wall clock that can be stepped, for any program: LD_PRELOAD it, name a file of eight bytes in
 * FAKECLOCK_FILE, and write into it by how many seconds (int64_t) the clock is to be wrong. Monotonic clocks go right.
 * Asks the kernel itself, so that it works in programs whose allocator asks for the time before main.
 *
 * A wait until a moment of the wall clock lasts as long as the program meant when it began. (Of a real clock that is set back
 * meanwhile it would last longer by the step: so do those of the MongoDB driver, which nobody here can change.) */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *step; /* mapped; NULL: the right time */

__attribute__((constructor)) static void map_file(void)
{
    const char *path = getenv("FAKECLOCK_FILE");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *at = fd >= 0 ? mmap(NULL, sizeof *step, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;

    if (at != MAP_FAILED)
        step = at;
    if (fd >= 0)
        close(fd);
}

int clock_gettime(clockid_t id, struct timespec *to)
{
    int rc = (int)syscall(SYS_clock_gettime, id, to);

    if (rc == 0 && step && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
        to->tv_sec += *step;
    return rc;
}

int gettimeofday(struct timeval *restrict to, void *restrict zone)
{
    struct timespec now;

    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    to->tv_sec = now.tv_sec;
    to->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *to)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    if (to)
        *to = now.tv_sec;
    return now.tv_sec;
}

/* Which clock a condition goes by is not told; monotonic time is never as late as the year 2001. */
int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict until)
{
    const bool wall = until->tv_sec > 1000000000;
    const struct timespec real = {.tv_sec = until->tv_sec - (wall && step ? *step : 0),
                                  .tv_nsec = until->tv_nsec};

    return pthread_cond_clockwait(condition, mutex, wall ? CLOCK_REALTIME : CLOCK_MONOTONIC, &real);
}
