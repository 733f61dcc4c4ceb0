/* micro_main.c - bench: runs every stage and tells which counts belong to it.
 *
 *   bench-micro [NAME...]      only stages whose name begins with one of these
 *   bench-micro --versions     what its counts depend on, in one line
 *
 * Callgrind collects inside micro_counted and writes a part of its file whenever micro_stage_ended returns: so the n-th part
 * belongs to the n-th line "stage<TAB>events<TAB>bytes" printed here. By functions and not by valgrind's requests, so that
 * no header of valgrind is needed to build. */
#include <bson/bson.h>
#include <event2/event.h>
#include <gnu/libc-version.h>
#include <hiredis/hiredis.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include <yyjson.h>

#include "bench/micro/micro.h"
#include "common/log.h"

enum {
    WARM_RUNS = 1, /* not counted: buffers grow, what is made once is made */
    COUNTED_RUNS = 2,
};

void micro_counted(const struct micro_stage *stage, void *context) __attribute__((noinline));
void micro_stage_ended(void) __attribute__((noinline));

void micro_check(const char *file, int line, const char *what, bool ok)
{
    if (ok)
        return;
    fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
    exit(1);
}

void micro_counted(const struct micro_stage *stage, void *context)
{
    stage->run(context);
    __asm__ volatile(""); /* no tail call: collecting would not end */
}

void micro_stage_ended(void)
{
    __asm__ volatile("");
}

static void run_once(const struct micro_stage *stage, void *context, bool counted)
{
    const size_t steps = stage->steps;

    for (size_t i = 0; i < steps; i++) {
        if (stage->prepare)
            stage->prepare(context);
        if (counted)
            micro_counted(stage, context);
        else
            stage->run(context);
    }
    stage->check(context);
}

static void run_stage(const struct micro_stage *stage)
{
    size_t bytes = 0;
    void *context = stage->open(stage, &bytes);

    for (int i = 0; i < WARM_RUNS + COUNTED_RUNS; i++)
        run_once(stage, context, i >= WARM_RUNS);
    micro_stage_ended();
    if (stage->close)
        stage->close(context);
    printf("%s\t%zu\t%zu\n", stage->name, COUNTED_RUNS * stage->events, COUNTED_RUNS * bytes);
}

static bool wanted(const char *name, int count, char **words)
{
    for (int i = 0; i < count; i++) {
        if (strncmp(name, words[i], strlen(words[i])) == 0)
            return true;
    }
    return count == 0;
}

/* Patches of the compiler and of OpenSSL come without a new Debian: only the first two numbers count. */
static void print_versions(void)
{
    unsigned xxhash = XXH_versionNumber(), yyjson = yyjson_version();

#ifdef __clang__
    printf("clang %d.%d", __clang_major__, __clang_minor__);
#else
    printf("gcc %d.%d", __GNUC__, __GNUC_MINOR__);
#endif
#if !defined(__OPTIMIZE__) || defined(__SANITIZE_ADDRESS__)
    printf(" not optimised");
#endif
    printf(", glibc %s, openssl %d.%d, yyjson %u.%u, xxhash %u.%u, hiredis %d.%d, libevent %s, libbson %s\n",
           gnu_get_libc_version(), OPENSSL_VERSION_MAJOR, OPENSSL_VERSION_MINOR, yyjson >> 16,
           yyjson >> 8 & 0xff, xxhash / 10000, xxhash / 100 % 100, HIREDIS_MAJOR, HIREDIS_MINOR,
           event_get_version(), bson_get_version());
}

int main(int argc, char **argv)
{
    static const struct micro_stage *const groups[] = {
        micro_server_stages,   micro_request_stages, micro_event_stages, micro_answer_stages,
        micro_document_stages, micro_mongo_stages,   micro_ack_stages};

    if (argc == 2 && strcmp(argv[1], "--versions") == 0) {
        print_versions();
        return 0;
    }
    log_setup("bench-micro", LOG_ERROR, false);
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
        for (const struct micro_stage *stage = groups[i]; stage->name; stage++) {
            if (wanted(stage->name, argc - 1, argv + 1))
                run_stage(stage);
        }
    }
    return 0;
}
