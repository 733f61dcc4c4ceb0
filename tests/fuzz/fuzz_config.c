/* fuzz_config.c - tests: any environment, for each program.
 *
 * Input:   a byte that picks the program, then lines NAME=value. A line that would read a file is left out: what a file
 *          holds passes through the same parser.
 * Checks:  no sanitizer report; a refusal has a sentence; what is accepted, printed and read again prints the same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/config.h"
#include "common/strbuf.h"

enum { LINES_MAX = 12, DUMP_MAX = 128 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    log_setup("fuzz", LOG_ERROR, false); /* unknown names are warned of */
    return 0;
}

static void demand(bool holds)
{
    if (!holds)
        abort();
}

static bool reads_file(const char *line)
{
    const size_t n = strcspn(line, "=");

    return n >= 5 && memcmp(line + n - 5, "_FILE", 5) == 0;
}

/* Splits text at its line feeds into to, NULL behind the last. */
static void split(char *text, char *to[LINES_MAX + 1])
{
    size_t count = 0;

    for (char *rest = text, *line; (line = strsep(&rest, "\n")) != NULL && count < LINES_MAX;)
        if (!reads_file(line))
            to[count++] = line;
    to[count] = NULL;
}

static char *dump(const struct config *c, enum config_program program)
{
    char *text = NULL;
    size_t n = 0;
    FILE *to = open_memstream(&text, &n);

    demand(to != NULL);
    config_print_dump(to, c, program);
    fclose(to);
    return text;
}

/* Secrets are dumped as "NAME: set", so they come from the environment again. */
static void check_again(const char *dumped, char *const *environment, enum config_program program)
{
    char *copy = xstrndup(dumped, strlen(dumped)), *lines[DUMP_MAX + LINES_MAX + 1];
    struct err err = {0};
    struct config again;
    size_t count = 0;
    char *second;

    for (char *rest = copy, *line; (line = strsep(&rest, "\n")) != NULL && count < DUMP_MAX;)
        if (*line && strcspn(line, "=") < strcspn(line, ":"))
            lines[count++] = line;
    for (; *environment; environment++) /* behind: of two of a name the first counts */
        lines[count++] = *environment;
    lines[count] = NULL;
    demand(config_load(&again, program, lines, &err));
    second = dump(&again, program);
    demand(strcmp(dumped, second) == 0);
    free(second);
    free(copy);
    config_deinit(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum config_program programs[] = {CONFIG_SERVER, CONFIG_WORKER, CONFIG_CTL};
    const enum config_program program = programs[size ? data[0] % 3 : 0];
    char *text = size ? xstrndup((const char *)data + 1, size - 1) : xstrndup("", 0);
    char *environment[LINES_MAX + 1];
    struct err err = {0};
    struct config c;
    char *dumped;

    split(text, environment);
    if (config_load(&c, program, environment, &err)) {
        dumped = dump(&c, program);
        check_again(dumped, environment, program);
        free(dumped);
        config_deinit(&c);
    } else {
        demand(err.domain == ERR_CONFIG && err.text[0]);
    }
    free(text);
    return 0;
}
