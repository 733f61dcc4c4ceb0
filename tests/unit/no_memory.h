/* no_memory.h - tests: a process that runs out of memory, and what it says at its end. One allocation too large for it is
 * refused in every build: the sanitizers' allocators refuse by their own bound, the C library's by the limit of its data. */
#ifndef SHOPSTREAM_TESTS_NO_MEMORY_H
#define SHOPSTREAM_TESTS_NO_MEMORY_H

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/harness.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define OWN_ALLOCATOR /* gcc tells so, clang by __has_feature */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define OWN_ALLOCATOR
#endif
#endif

enum { NO_MEMORY_MB = 64 }; /* more at once is refused */

const char *__asan_default_options(void);
const char *__tsan_default_options(void);

const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1:max_allocation_size_mb=64";
}

const char *__tsan_default_options(void)
{
    return __asan_default_options();
}

/* From here on this process gets no more memory at once than it has. */
static inline void no_memory_from_here(void)
{
#ifndef OWN_ALLOCATOR
    setrlimit(RLIMIT_DATA, &(struct rlimit){0, 0});
#endif
}

/* Runs run(arg) in a process of its own; said gets what it wrote to standard error. Returns what waitpid says of it. */
static inline int no_memory_run(void (*run)(void *arg), void *arg, char *said, size_t size)
{
    pid_t child;
    FILE *log;
    int status;

    fflush(stdout);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        if (!freopen("said.log", "w", stderr))
            _exit(99);
        run(arg);
        fflush(stderr);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child);
    log = fopen("said.log", "r");
    CHECK(log);
    said[fread(said, 1, size - 1, log)] = '\0';
    fclose(log);
    return status;
}

/* As one who has ended itself for want of memory ends. */
static inline bool no_memory_ended(int status, const char *said)
{
    return WIFSIGNALED(status) && strstr(said, "out of memory");
}

#endif
