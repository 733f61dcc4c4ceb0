/* admin.h - common: the admin port both programs have: /healthz, /readyz, /metrics. Own listener, never the public
 * one. Runs on the caller's event_base (server: its main loop) or on a thread of its own (worker). */
#ifndef SHOPSTREAM_COMMON_ADMIN_H
#define SHOPSTREAM_COMMON_ADMIN_H

#include <stdbool.h>
#include <stddef.h>

#include "common/config.h"
#include "common/err.h"
#include "common/strbuf.h"

struct admin;      /* opaque */
struct event_base; /* libevent's */

struct admin_callbacks {
    /* True: can do its work now. Appends one line per dependency to why ("redis: down since 3 s\n") either way. Called
     * on the admin's thread; must only read atomics. */
    bool (*ready)(void *context, struct strbuf *why);
    void *context;       /* borrowed, given back to ready */
    const char *program; /* "server" or "worker": which metrics; literal */
};

/* Listens on where (port -1: returns NULL with err untouched and *off true). NULL otherwise: err says why. You own it. */
struct admin *admin_start(struct event_base *base, const struct config_listen *where,
                          const struct admin_callbacks *callbacks, bool *off, struct err *err)
    __attribute__((warn_unused_result));

/* Starts it on a thread and event_base of its own. Same results. */
struct admin *admin_start_thread(const struct config_listen *where, const struct admin_callbacks *callbacks,
                                 bool *off, struct err *err) __attribute__((warn_unused_result));

/* One more page. path and type: literals; render on the admin's thread, must not wait. Before its loop runs. */
void admin_add(struct admin *a, const char *path, const char *type,
               void (*render)(void *context, struct strbuf *to), void *context);

int admin_port(const struct admin *a); /* the port it listens on (after binding to 0) */
void admin_stop(struct admin *a);      /* closes, joins its thread if any, frees; accepts NULL */

#endif
