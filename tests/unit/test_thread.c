/* test_thread.c - a thread is born deaf to signals, its maker hears as before. */
#include "common/thread.h"

#include <signal.h>

#include "tests/harness.h"

static void *read_mask(void *context)
{
    pthread_sigmask(SIG_SETMASK, NULL, context);
    return NULL;
}

TEST(a_thread_is_born_with_all_signals_blocked_and_its_maker_is_not)
{
    struct err err = {0};
    sigset_t theirs, ours;
    pthread_t thread;

    sigemptyset(&theirs);
    CHECK(thread_start(&thread, read_mask, &theirs, &err));
    CHECK_INT(pthread_join(thread, NULL), 0);
    pthread_sigmask(SIG_SETMASK, NULL, &ours);
    CHECK(sigismember(&theirs, SIGTERM) && sigismember(&theirs, SIGINT) && sigismember(&theirs, SIGHUP));
    CHECK(!sigismember(&ours, SIGTERM) && !sigismember(&ours, SIGINT) && !sigismember(&ours, SIGHUP));
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(a_thread_is_born_with_all_signals_blocked_and_its_maker_is_not));
}
