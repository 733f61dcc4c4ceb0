/* harness.h - tests: each case runs in a process of its own with a temporary directory as working directory.
 *
 * A test program lists its cases and calls harness_run:
 *
 *   TEST(gives_up_after_the_limit) { CHECK(x == 1); CHECK_INT(count, 3); CHECK_TEXT(name, "a"); }
 *   int main(int argc, char **argv) { return HARNESS_MAIN(argc, argv, CASE(gives_up_after_the_limit)); }
 *
 * Output: `ok NAME` or `not ok NAME: reason` a case; exit status 1 when one failed. A case that ends by a signal, exits
 * non-zero, makes no check at all, or takes longer than 60 s has failed. Arguments select cases by substring. */
#ifndef SHOPSTREAM_TESTS_HARNESS_H
#define SHOPSTREAM_TESTS_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct harness_case {
    const char *name; /* a sentence in snake_case */
    void (*run)(void);
};

#define TEST(name) static void test_##name(void)
#define CASE(name)                                                                                           \
    {                                                                                                        \
#name, test_##name                                                                                   \
    }
#define HARNESS_MAIN(argc, argv, ...)                                                                        \
    harness_run((argc), (argv), (const struct harness_case[]){__VA_ARGS__},                                  \
                sizeof((const struct harness_case[]){__VA_ARGS__}) / sizeof(struct harness_case))

int harness_run(int argc, char **argv, const struct harness_case *cases, size_t count);

/* Each prints file:line, the expression and both values, and ends the case. */
#define CHECK(condition) harness_check(__FILE__, __LINE__, #condition, (condition))
#define CHECK_INT(actual, expected)                                                                          \
    harness_check_int(__FILE__, __LINE__, #actual, (int64_t)(actual), (int64_t)(expected))
#define CHECK_TEXT(actual, expected) harness_check_text(__FILE__, __LINE__, #actual, (actual), (expected))
#define CHECK_BYTES(actual, n, expected, expected_n)                                                         \
    harness_check_bytes(__FILE__, __LINE__, #actual, (actual), (n), (expected), (expected_n))

void harness_check(const char *file, int line, const char *what, bool ok);
void harness_check_int(const char *file, int line, const char *what, int64_t actual, int64_t expected);
void harness_check_text(const char *file, int line, const char *what, const char *actual,
                        const char *expected);
void harness_check_bytes(const char *file, int line, const char *what, const void *actual, size_t n,
                         const void *expected, size_t expected_n);

/* Whole file of TESTS_DIR/<relative>; aborts the case when it is not readable. free() it. A macro, because TESTS_DIR is
 * defined for the test programs and not for the harness. */
#define harness_read(relative, length) harness_read_under(TESTS_DIR, (relative), (length))
char *harness_read_under(const char *folder, const char *relative, size_t *length);

#endif
