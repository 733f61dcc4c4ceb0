/* thread.h - common: starting a thread.
 *
 * Signals are events of one loop (or one thread that waits for them), so every other thread is born with all of them
 * blocked: a handler never runs where nobody expects it, and no call of theirs is interrupted. */
#ifndef SHOPSTREAM_COMMON_THREAD_H
#define SHOPSTREAM_COMMON_THREAD_H

#include <pthread.h>
#include <stdbool.h>

#include "common/err.h"

/* Runs run(context) on a new thread, to be joined. False: err says why, *thread is not set. */
bool thread_start(pthread_t *thread, void *(*run)(void *), void *context, struct err *err)
    __attribute__((warn_unused_result));

#endif
