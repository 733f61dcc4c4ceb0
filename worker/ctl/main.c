/* main.c - shopstreamctl: the operator's tool. One sub-command a file; each returns the exit status:
 * 0 done, 1 a finding (something is behind, lost or failed), 2 usage or configuration, 3 a dependency is unreachable. */
#include <mongoc/mongoc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/config.h"
#include "common/log.h"
#include "worker/ctl/ctl.h"
#include "worker/driver.h"

extern char **environ;

struct command {
    const char *name;                                 /* first argument */
    int (*run)(struct ctl *c, int argc, char **argv); /* argv[0] is the name itself */
    const char *arguments;                            /* for the usage */
    const char *help;                                 /* one line */
};

static int print_config(struct ctl *c, int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--markdown") == 0)
        config_print_markdown(stdout);
    else if (argc == 2 && strcmp(argv[1], "--env") == 0)
        config_print_env_example(stdout);
    else if (argc == 1)
        config_print_dump(stdout, c->config, CONFIG_CTL);
    else
        return ctl_fail(CTL_USAGE, "config takes --markdown or --env");
    return CTL_DONE;
}

static const struct command commands[] = {
    {"init", ctl_init, "", "create collections and indexes (idempotent)"},
    {"status", ctl_status, "", "one screen: streams, lag, pending, dead letters, workers, dependencies"},
    {"shop", ctl_shop, "put|authorize|rekey|list|show|disable|enable|remove",
     "shops and their grants; put reads JSON from stdin"},
    {"dead", ctl_dead, "list|show|replay|discard ...",
     "dead letters; replay and discard show what they would do until --yes"},
    {"prove", ctl_prove, "[--since TIME] | --deep N [--seed S] | --forget-server NAME",
     "what became of every event the streams still keep; --deep: N documents against the marketplaces"},
    {"fetch", ctl_fetch, "PLATFORM SHOP KIND ID [--apply] [--raw]",
     "one entity from the marketplace now, and what would change; --apply writes it"},
    {"push", ctl_push, "show|register PLATFORM ...",
     "the platform's push configuration: Warning, Suspended, what is switched off"},
    {"verify", ctl_verify, "PLATFORM --signature HEX|--request FILE",
     "which key and URL a saved push was signed with (body on stdin)"},
    {"repartition", ctl_repartition, "[N]",
     "over how many partitions the shops are spread; N changes it while everything runs"},
    {"config", print_config, "[--markdown|--env]", "settings as this tool sees them"},
};

static void usage(FILE *to)
{
    fputs("usage: shopstreamctl [--json] COMMAND [ARGUMENTS]\n\n", to);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        fprintf(to, "  %-11s %-42s %s\n", commands[i].name, commands[i].arguments, commands[i].help);
    fputs("\nEvery listing takes --json. Exit status: 0 done, 1 a finding, 2 usage or configuration,\n"
          "3 a dependency is unreachable. Settings come from the environment:\n\n",
          to);
    config_print_help(to, CONFIG_CTL);
}

/* Takes --json out of the arguments wherever it stands; returns how many are left. */
static int take_json(int argc, char **argv, bool *json)
{
    int kept = 0;

    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            *json = true;
        else
            argv[kept++] = argv[i];
    }
    return kept;
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static int run(const struct command *command, bool json, int argc, char **argv)
{
    struct config config = {0};
    struct ctl c = {.config = &config, .json = json};
    struct err err = {0};
    sigset_t pipe_signal;
    int status;

    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    sigprocmask(SIG_BLOCK, &pipe_signal, NULL);
    log_setup("ctl", LOG_WARN, false);
    if (!config_load(&config, CONFIG_CTL, environ, &err)) {
        fprintf(stderr, "shopstreamctl: %s\n", err.text);
        return CTL_USAGE;
    }
    driver_init();
    status = command->run(&c, argc, argv);
    ctl_deinit(&c);
    mongoc_cleanup();
    config_deinit(&config);
    return status;
}

int main(int argc, char **argv)
{
    const struct command *command;
    bool json = false;
    int count = take_json(argc - 1, argv + 1, &json);

    if (count == 0) {
        usage(stderr);
        return CTL_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        usage(stdout);
        return CTL_DONE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("shopstreamctl " SHOPSTREAM_VERSION);
        return CTL_DONE;
    }
    command = find_command(argv[1]);
    if (!command) {
        fprintf(stderr, "shopstreamctl: no such command: %.60s (see shopstreamctl --help)\n", argv[1]);
        return CTL_USAGE;
    }
    return run(command, json, count, argv + 1);
}
