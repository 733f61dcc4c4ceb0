/* ctl.h - shopstreamctl: what its commands share. Connections are made when a command first asks for them. */
#ifndef SHOPSTREAM_WORKER_CTL_CTL_H
#define SHOPSTREAM_WORKER_CTL_CTL_H

#include <stdbool.h>

#include "common/config.h"
#include "common/err.h"
#include "worker/link.h"
#include "worker/store.h"

/* Exit statuses. */
enum { CTL_DONE = 0, CTL_FINDING = 1, CTL_USAGE = 2, CTL_UNREACHABLE = 3 };

struct ctl {
    const struct config *config; /* borrowed */
    bool                 json;   /* --json was given */
    struct store_pool   *stores; /* owned; NULL until ctl_store */
    struct store        *store;  /* owned; NULL until ctl_store */
    struct link         *link;   /* owned; NULL until ctl_link */
};

/* Each command gets the arguments behind its name and returns an exit status. */
int ctl_init(struct ctl *c, int argc, char **argv);
int ctl_status(struct ctl *c, int argc, char **argv);
int ctl_shop(struct ctl *c, int argc, char **argv);
int ctl_dead(struct ctl *c, int argc, char **argv);

/* One sentence on standard error; returns CTL_USAGE. */
int ctl_usage(const char *sentence);

/* The MongoDB side, borrowed. NULL: err (ERR_CONFIG when MONGO_URI is missing or malformed). Does not ping. */
struct store *ctl_store(struct ctl *c, struct err *err) __attribute__((warn_unused_result));

/* A connected link, borrowed. NULL: err (ERR_CONFIG for a malformed REDIS_URL). */
struct link *ctl_link(struct ctl *c, struct err *err) __attribute__((warn_unused_result));

/* "shopstreamctl: <what>: <err>" on standard error; CTL_USAGE for ERR_CONFIG, else CTL_UNREACHABLE. */
int ctl_failed(const char *what, const struct err *err);

void ctl_close(struct ctl *c); /* closes what was opened */

#endif
