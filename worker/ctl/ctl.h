/* ctl.h - shopstreamctl: what its commands share.
 *
 * main.c reads the configuration, takes --json out of the arguments, picks the command by the first word and hands it a
 * struct ctl. Connections are made when a command asks for them, so that `--help` needs no MongoDB. One thread. */
#ifndef SHOPSTREAM_WORKER_CTL_CTL_H
#define SHOPSTREAM_WORKER_CTL_CTL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/config.h"
#include "common/err.h"
#include "common/layout.h"
#include "common/strbuf.h"
#include "worker/link.h"
#include "worker/store.h"
#include "worker/streams.h"

/* Exit codes of every command. */
enum ctl_exit {
    CTL_DONE = 0,        /* done */
    CTL_FINDING = 1,     /* something is behind, lost, failed or not there */
    CTL_USAGE = 2,       /* arguments, input or configuration */
    CTL_UNREACHABLE = 3, /* a dependency does not answer */
};

/* One run of the tool. Zeroed apart from config and json by main; ctl_deinit at the end. */
struct ctl {
    const struct config *config; /* borrowed */
    struct store_pool *stores;   /* made by ctl_store(); owned; NULL until then */
    struct store *store;         /* made by ctl_store(); owned; NULL until then */
    struct link *link;           /* made by ctl_link(); owned; NULL until then */
    bool json;                   /* --json: one JSON value on standard output instead of text */
};

/* The tool's MongoDB client, made at the first call (the driver connects at the first command). Borrowed. NULL: err. */
struct store *ctl_store(struct ctl *c, struct err *err) __attribute__((warn_unused_result));

/* The tool's connection to Redis, connected at the first call. Borrowed. NULL: err. */
struct link *ctl_link(struct ctl *c, struct err *err) __attribute__((warn_unused_result));

/* The layout that holds; STREAM_PARTITIONS where none is recorded (*there, may be NULL). False: err (ERR_CONFIG: what is
 * recorded is not readable). */
bool ctl_layout(struct ctl *c, struct link *l, struct layout *out, bool *there, struct err *err)
    __attribute__((warn_unused_result));

/* The streams of every partition ever used; streams_deinit is yours, also after false. */
bool ctl_streams(struct ctl *c, struct link *l, struct streams *out, struct err *err)
    __attribute__((warn_unused_result));

void ctl_deinit(struct ctl *c); /* closes what was opened; accepts a zeroed one */

/* Prints "shopstreamctl: <text>" to standard error and returns code, so that a command can end with it. */
int ctl_fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Outside text as a terminal may see it: control characters, and bytes that are no UTF-8, as \xNN. What was in to before is
 * gone; the result is borrowed from it. */
const char *ctl_plain(struct strbuf *to, const char *text, size_t length);

/* A moment as a person gives it: "2024-11-29T10:30:00Z", "2024-11-29", or an age before now_ms: "90m", "6h", "2d". *out: UTC
 * epoch ms. False: it is none of these. */
bool ctl_parse_time(const char *text, int64_t now_ms, int64_t *out) __attribute__((warn_unused_result));

/* Commands. argv[0] is the command's own word ("shop"), argv[1] the first thing after it. Each returns an enum ctl_exit. */
int ctl_init(struct ctl *c, int argc, char **argv);
int ctl_status(struct ctl *c, int argc, char **argv);
int ctl_shop(struct ctl *c, int argc, char **argv);
int ctl_dead(struct ctl *c, int argc, char **argv);
int ctl_prove(struct ctl *c, int argc, char **argv);
int ctl_verify(struct ctl *c, int argc, char **argv);
int ctl_push(struct ctl *c, int argc, char **argv);
int ctl_fetch(struct ctl *c, int argc, char **argv);
int ctl_repartition(struct ctl *c, int argc, char **argv);

#endif
