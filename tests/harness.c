/* harness.c - tests: runs each case in a process of its own.
 *
 * In:      a table of cases; arguments that select by substring.
 * Out:     a line a case, the output of failed ones, exit status.
 * Fails:   a case fails by a check, a signal, an exit status (sanitizers use theirs), the time limit, or by checking
 *          nothing: a case that silently does nothing is worse than a red one.
 * Thread:  one here; cases may start their own.
 * Why so:  a fresh process, process group and working directory a case, so that neither memory, children nor files of
 *          one reach the next. The output goes to a file and not a pipe, because a child the case left behind would
 *          hold a pipe open. A case that passes ends with exit(), so that leaks are reported. */
#include "tests/harness.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { HARNESS_SECONDS = 60 };

/* Shared with the case's process: how many checks it made. */
static _Atomic long *harness_checks;

/* --- checks, in the case's process ------------------------------------------------------------------ */

static void harness_fail(void) __attribute__((noreturn));

/* No exit(): what the case holds now is not a leak. */
static void harness_fail(void)
{
    fflush(NULL);
    _exit(1);
}

static void harness_count(void)
{
    if (harness_checks)
        atomic_fetch_add(harness_checks, 1);
}

void harness_check(const char *file, int line, const char *what, bool ok)
{
    harness_count();
    if (ok)
        return;
    printf("%s:%d: %s is false\n", file, line, what);
    harness_fail();
}

void harness_check_int(const char *file, int line, const char *what, int64_t actual, int64_t expected)
{
    harness_count();
    if (actual == expected)
        return;
    printf("%s:%d: %s is %lld, expected %lld\n", file, line, what, (long long)actual, (long long)expected);
    harness_fail();
}

void harness_check_text(const char *file, int line, const char *what, const char *actual,
                        const char *expected)
{
    harness_count();
    if (actual && expected ? strcmp(actual, expected) == 0 : actual == expected)
        return;
    printf("%s:%d: %s is\n  %s\nexpected\n  %s\n", file, line, what, actual ? actual : "(NULL)",
           expected ? expected : "(NULL)");
    harness_fail();
}

static void harness_print_bytes(const char *label, const unsigned char *bytes, size_t n)
{
    printf("  %s (%zu bytes): ", label, n);
    for (size_t i = 0; i < n && i < 4096; i++) {
        if (bytes[i] >= 0x20 && bytes[i] < 0x7f && bytes[i] != '\\')
            putchar(bytes[i]);
        else
            printf("\\x%02x", bytes[i]);
    }
    putchar('\n');
}

void harness_check_bytes(const char *file, int line, const char *what, const void *actual, size_t n,
                         const void *expected, size_t expected_n)
{
    const unsigned char *a = actual, *b = expected;
    size_t same = 0;

    harness_count();
    if (n == expected_n && (n == 0 || memcmp(a, b, n) == 0))
        return;
    while (same < n && same < expected_n && a[same] == b[same])
        same++;
    printf("%s:%d: %s differs at byte %zu\n", file, line, what, same);
    harness_print_bytes("actual", a, n);
    harness_print_bytes("expected", b, expected_n);
    harness_fail();
}

char *harness_read_under(const char *folder, const char *relative, size_t *length)
{
    char path[4096], *data = NULL;
    FILE *f = NULL;
    long size;

    snprintf(path, sizeof path, "%s/%s", folder, relative);
    f = fopen(path, "rbe");
    if (!f || fseek(f, 0, SEEK_END) != 0 || (size = ftell(f)) < 0 || fseek(f, 0, SEEK_SET) != 0)
        goto fail;
    data = malloc((size_t)size + 1);
    if (!data || fread(data, 1, (size_t)size, f) != (size_t)size)
        goto fail;
    data[size] = '\0';
    *length = (size_t)size;
    fclose(f);
    return data;
fail:
    printf("%s: %s\n", path, strerror(errno));
    harness_fail();
}

/* --- running cases, in the parent ------------------------------------------------------------------- */

struct harness_run {
    char folder[4096]; /* the case's working directory, removed afterwards */
    int output;        /* file that takes its standard output and error */
    pid_t pid;         /* its process and process group */
};

static int harness_remove_one(const char *path, const struct stat *st, int what, struct FTW *at)
{
    (void)st;
    (void)what;
    (void)at;
    return remove(path);
}

static void harness_remove(const char *folder)
{
    if (nftw(folder, harness_remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0)
        fprintf(stderr, "cannot remove %s: %s\n", folder, strerror(errno));
}

static bool harness_prepare(struct harness_run *run)
{
    const char *base = getenv("TMPDIR");

    snprintf(run->folder, sizeof run->folder, "%s/harness-XXXXXX", base && *base ? base : "/tmp");
    run->output = memfd_create("output", MFD_CLOEXEC);
    return run->output >= 0 && mkdtemp(run->folder);
}

/* The case's process, from fork to end. */
static void harness_child(const struct harness_run *run, const struct harness_case *c, pid_t parent,
                          const sigset_t *mask)
{
    setpgid(0, 0);
    /* A cancelled run leaves nothing behind. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    sigprocmask(SIG_SETMASK, mask, NULL);
    if (dup2(run->output, STDOUT_FILENO) < 0 || dup2(run->output, STDERR_FILENO) < 0 ||
        chdir(run->folder) != 0)
        _exit(1);
    setvbuf(stdout, NULL, _IOLBF, 0); /* in order with standard error, and kept when a signal ends the case */
    c->run();
    exit(0);
}

/* Waits until the case has ended, without reaping it: its process id must not be given away before its group is
 * killed. False: the time is over. SIGCHLD is blocked, so it waits for us in sigtimedwait. */
static bool harness_wait(pid_t pid)
{
    struct timespec start, now, rest;
    siginfo_t info;
    sigset_t child;

    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (;;) {
        info.si_pid = 0;
        if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid)
            return true;
        clock_gettime(CLOCK_MONOTONIC, &now);
        rest = (struct timespec){start.tv_sec + HARNESS_SECONDS - now.tv_sec, 0};
        if (rest.tv_sec <= 0)
            return false;
        sigtimedwait(&child, NULL, &rest);
    }
}

/* "" when the case passed. */
static void harness_judge(bool in_time, int status, char *reason, size_t size)
{
    reason[0] = '\0';
    if (!in_time)
        snprintf(reason, size, "not done after %d s", HARNESS_SECONDS);
    else if (WIFSIGNALED(status))
        snprintf(reason, size, "ended by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
    else if (WEXITSTATUS(status) != 0)
        snprintf(reason, size, "exit status %d", WEXITSTATUS(status));
    else if (atomic_load(harness_checks) == 0)
        snprintf(reason, size, "checked nothing");
}

static void harness_show(int output)
{
    char block[4096];
    ssize_t n;

    if (lseek(output, 0, SEEK_SET) < 0)
        return;
    while ((n = read(output, block, sizeof block)) > 0)
        fwrite(block, 1, (size_t)n, stdout);
}

static bool harness_case(const struct harness_case *c, const sigset_t *mask)
{
    struct harness_run run;
    pid_t parent = getpid();
    char reason[128];
    bool in_time;
    int status = 0;

    if (!harness_prepare(&run)) {
        printf("not ok %s: cannot prepare: %s\n", c->name, strerror(errno));
        return false;
    }
    atomic_store(harness_checks, 0);
    fflush(NULL);
    run.pid = fork();
    if (run.pid == 0)
        harness_child(&run, c, parent, mask);
    if (run.pid < 0) {
        printf("not ok %s: cannot fork: %s\n", c->name, strerror(errno));
        harness_remove(run.folder);
        close(run.output);
        return false;
    }
    setpgid(run.pid, run.pid); /* on both sides: whoever comes first */
    in_time = harness_wait(run.pid);
    kill(-run.pid, SIGKILL);
    waitpid(run.pid, &status, 0);
    harness_judge(in_time, status, reason, sizeof reason);
    if (reason[0]) {
        harness_show(run.output);
        printf("not ok %s: %s\n", c->name, reason);
    } else {
        printf("ok %s\n", c->name);
    }
    fflush(stdout);
    close(run.output);
    harness_remove(run.folder);
    return !reason[0];
}

static bool harness_selected(const char *name, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strstr(name, argv[i]))
            return true;
    }
    return argc <= 1;
}

int harness_run(int argc, char **argv, const struct harness_case *cases, size_t count)
{
    size_t ran = 0, failed = 0;
    sigset_t child, before;

    harness_checks =
        mmap(NULL, sizeof *harness_checks, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (harness_checks == MAP_FAILED) {
        perror("mmap");
        return 1;
    }
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, &before);
    for (size_t i = 0; i < count; i++) {
        if (!harness_selected(cases[i].name, argc, argv))
            continue;
        ran++;
        failed += !harness_case(&cases[i], &before);
    }
    if (ran == 0)
        printf("not ok: no case has such a name\n");
    return ran == 0 || failed > 0;
}
