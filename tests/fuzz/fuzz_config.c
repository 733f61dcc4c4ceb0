/* fuzz_config.c - tests: any environment, for each program.
 *
 * Input:   a byte that picks the program, then lines NAME=value. A line that would read a file is left out: what a file
 *          holds passes through the same parser. A name that is no setting's costs as much as hundreds of others, as it
 *          is compared with each letter by letter: only one byte in sixteen (- . /) lets such a line in.
 * Checks:  no sanitizer report; a refusal has a sentence; what is accepted, printed and read again prints the same. What is
 *          printed as by default is read again once, at the start. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/config.h"
#include "common/strbuf.h"

enum { LINES_MAX = 12, DUMP_MAX = 128, NAMES_MAX = 256, PROGRAMS = 3 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static const enum config_program programs[PROGRAMS] = {CONFIG_SERVER, CONFIG_WORKER, CONFIG_CTL};
static char *names[NAMES_MAX + 1];    /* of all settings; NULL behind the last */
static char *default_dumps[PROGRAMS]; /* printed when nothing is set that need not be */

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

static bool is_setting(const char *line)
{
    const size_t n = strcspn(line, "=");

    for (char **name = names; *name; name++)
        if (strlen(*name) == n && memcmp(*name, line, n) == 0)
            return true;
    return false;
}

/* Splits text at its line feeds into to, NULL behind the last; strange: one of them may name no setting. */
static void split(char *text, char *to[LINES_MAX + 1], bool strange)
{
    size_t count = 0;

    for (char *rest = text, *line; (line = strsep(&rest, "\n")) != NULL && count < LINES_MAX;)
        if (is_setting(line)) {
            to[count++] = line;
        } else if (strange && !reads_file(line)) {
            to[count++] = line;
            strange = false;
        }
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

/* Secrets are dumped as "NAME: set", so they come from the environment again. So do, by being absent, the lines that stand
 * alike in `known` (NULL: none), a dump of the same program. */
static void check_again(const char *dumped, const char *known, char *const *environment,
                        enum config_program program)
{
    char *copy = xstrndup(dumped, strlen(dumped)), *lines[DUMP_MAX + LINES_MAX + 1];
    struct err err = {0};
    struct config again;
    size_t count = 0;
    char *second;

    for (char *rest = copy, *line; (line = strsep(&rest, "\n")) != NULL && count < DUMP_MAX;) {
        const size_t n = strlen(line), same = known ? strcspn(known, "\n") : 0;

        if (n > 0 && strcspn(line, "=") < strcspn(line, ":") && (n != same || memcmp(line, known, n) != 0))
            lines[count++] = line;
        if (known)
            known += same + (known[same] == '\n');
    }
    for (; *environment; environment++) /* behind: of two of a name the first counts */
        if (is_setting(*environment))
            lines[count++] = *environment;
    lines[count] = NULL;
    demand(config_load(&again, program, lines, &err));
    second = dump(&again, program);
    demand(strcmp(dumped, second) == 0);
    free(second);
    free(copy);
    config_deinit(&again);
}

/* "#NAME=value" are the lines of deploy/env.example that are no comment. */
static void read_names(void)
{
    char *text = NULL;
    size_t n = 0, count = 0;
    FILE *to = open_memstream(&text, &n);

    demand(to != NULL);
    config_print_env_example(to);
    fclose(to);
    for (char *rest = text, *line; (line = strsep(&rest, "\n")) != NULL;) {
        if (line[0] != '#' || line[1] == ' ' || !strchr(line, '='))
            continue;
        demand(count < NAMES_MAX);
        names[count++] = xstrndup(line + 1, strcspn(line + 1, "="));
    }
    demand(count > 0);
    free(text);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    char needed[] = "MONGO_URI=mongodb://a/", *environment[] = {needed, NULL};
    struct err err = {0};
    struct config c;

    (void)argc;
    (void)argv;
    log_setup("fuzz", LOG_ERROR, false); /* unknown names are warned of */
    read_names();
    for (size_t i = 0; i < PROGRAMS; i++) {
        demand(config_load(&c, programs[i], environment, &err));
        default_dumps[i] = dump(&c, programs[i]);
        check_again(default_dumps[i], NULL, environment, programs[i]);
        config_deinit(&c);
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const size_t first = size ? data[0] : 0, i = first % PROGRAMS;
    char *text = size ? xstrndup((const char *)data + 1, size - 1) : xstrndup("", 0);
    char *environment[LINES_MAX + 1];
    struct err err = {0};
    struct config c;
    char *dumped;

    split(text, environment, first / PROGRAMS % 16 == 15);
    if (config_load(&c, programs[i], environment, &err)) {
        dumped = dump(&c, programs[i]);
        check_again(dumped, default_dumps[i], environment, programs[i]);
        free(dumped);
        config_deinit(&c);
    } else {
        demand(err.domain == ERR_CONFIG && err.text[0]);
    }
    free(text);
    return 0;
}
