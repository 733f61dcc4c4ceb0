/* sim_http.h - the listener: takes requests apart, delivers answers now, later, never or in pieces.
 *
 * In:     requests of any kind. Out: struct call for the platform or for sim_control.h, whose struct answer is
 *         delivered the way it says.
 * Thread: the one loop. Delays are timers; nothing here blocks.
 * Why so: an answer is always computed completely when its request arrives; being late, cut or held is only a
 * matter of delivery. A late answer therefore shows an old state, which is what a slow platform does. */
#ifndef SIM_HTTP_H
#define SIM_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim_buf.h"
#include "sim_sign.h"

struct sim;

/* One request, borrowed from evhttp and valid during the handler. */
struct call {
    const char *method;
    const char *path;          /* raw, without the query */
    struct sign_param *params; /* decoded; may be sorted in place */
    size_t param_count;
    const char *body; /* NULL when empty */
    size_t body_len;
    const char *token; /* header x-tts-access-token, NULL when absent */
    const char *media; /* header content-type, NULL when absent */
    bool local;        /* the peer is this machine */
    uint64_t number;   /* of count_begin */
};

enum delivery { DELIVER_ANSWER, DELIVER_CLOSE, DELIVER_TRUNCATED, DELIVER_HELD };

struct answer {
    int status;
    int code;            /* of the envelope, for counting */
    char error[48];      /* the same where the platform has words; "": none */
    const char *media;   /* static; NULL: application/json */
    struct buf body;     /* owned until delivered */
    int64_t retry_after; /* seconds, -1: no such header */
    char *location;      /* owned, NULL: none */
    enum delivery how;
    int64_t delay_ms;
    const char *fault;   /* static name of the fault that shaped it, NULL: none */
    int64_t held_shop;   /* index; which release lets it go */
    int64_t held_number; /* order number, -1: of the whole shop */
    uint64_t number;     /* of count_begin; 0 on the control API */
};

/* Value of a decoded query parameter, NULL when absent. The first one counts. */
const char *call_param(const struct call *call, const char *name);

/* Binds and listens; false: a sentence was printed on standard error. *port is the bound port. */
bool http_open(struct sim *sim, uint16_t *port) __attribute__((warn_unused_result));
/* Drops every late answer first, then the listener with all its connections. NULL is accepted. */
void http_close(struct sim *sim);

/* Sends what is held for this shop and number (-1: any); returns how many answers went. */
uint64_t http_release(struct sim *sim, int64_t shop, int64_t number);
/* Sends the held answer of this call (number of count_begin), with status, error and body of another instead of its
 * own unless that is NULL. Nothing happens when it has gone already. */
void http_finish(struct sim *sim, uint64_t number, struct answer *instead);
uint64_t http_held(const struct sim *sim);

#endif
