/* prove_servers.h - shopstreamctl prove: what the servers know about losses in Redis.
 *
 * Every registered server is asked for its ledger and its journal. A gap that was healed completely is told and is no
 * finding; one with something left over is. */
#ifndef SHOPSTREAM_WORKER_CTL_PROVE_SERVERS_H
#define SHOPSTREAM_WORKER_CTL_PROVE_SERVERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/config.h"
#include "common/err.h"
#include "common/keys.h"
#include "worker/ctl/prove.h"
#include "worker/link.h"
#include "worker/store.h"

/* One loss that a server has noticed; its ledger's line. */
struct prove_gap {
    char id[80];
    char stream[KEYS_STREAM_MAX]; /* "": not known */
    char reason[16];
    char last_id[48];  /* last id known before */
    int64_t at_ms;     /* the server's clock */
    int64_t before;    /* entries-added; -1: not known */
    int64_t after;     /* the same, when it was noticed */
    int64_t resent;    /* entries sent again */
    int64_t missing;   /* of them those that were not there, and are again */
    int64_t journaled; /* of them those that wait in the journal */
    int64_t dropped;   /* entries that could not be sent again */
    int64_t older;     /* at most so many were lost that nobody had kept; -1: not known */
    bool open;         /* the server has not finished, or died before */
};

struct prove_server {
    char name[128];
    char address[300];
    bool asked;      /* it has answered */
    char why[160];   /* why not; "" */
    int64_t waiting; /* entries in its journal that Redis has not */
    struct prove_gap *gaps;
    size_t gap_count;
};

struct prove_servers {
    struct prove_server *items; /* owned */
    size_t count;
};

/* Asks all of them for gaps from since_ms on (0: since the last proof), and remembers how far it has come. False: Redis or
 * MongoDB cannot be asked, err. A server that cannot be asked is told in the result. */
bool prove_servers_ask(const struct config *config, struct link *l, struct store *store, int64_t since_ms,
                       struct prove_servers *out, struct err *err) __attribute__((warn_unused_result));

void prove_servers_deinit(struct prove_servers *s); /* accepts a zeroed one */

bool prove_gap_healed(const struct prove_gap *g);

bool prove_servers_have_finding(const struct prove_servers *s);
bool prove_servers_all_asked(const struct prove_servers *s);

/* Marks streams that fell back and whose losses all have been sent again. */
void prove_servers_explain(const struct prove_servers *s, const struct streams *streams, struct proof *proof);

#endif
