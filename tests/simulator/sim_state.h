/* sim_state.h - everything the simulator knows: options, switches, shops, authorizations, orders.
 *
 * In:     options from the command line.
 * Out:    struct sim, passed to every other file; nothing is global.
 * Thread: one. The whole simulator runs in one event loop and never blocks.
 * Why so: a shop, its cipher and its ids are computed from (seed, number), so the test side can rebuild them,
 * and a thousand shops cost nothing until they are used. */
#ifndef SIM_STATE_H
#define SIM_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim_draw.h"

struct event_base;
struct faults;
struct counts;
struct http;

#define SIM_SHOPS_MAX  99999u   /* five digits inside ids */
#define SIM_NUMBER_MAX 9999999u /* seven digits inside order ids */

enum order_status {
    ORDER_UNPAID,
    ORDER_ON_HOLD,
    ORDER_AWAITING_SHIPMENT,
    ORDER_AWAITING_COLLECTION,
    ORDER_IN_TRANSIT,
    ORDER_DELIVERED,
    ORDER_COMPLETED,
    ORDER_CANCELLED,
    ORDER_STATUSES
};

/* One state of an order; revision r of an order is revs[r - 1]. */
struct rev {
    int64_t update_time; /* seconds; may equal the previous one */
    uint8_t status;      /* enum order_status */
    uint16_t address;    /* how often the address was changed so far */
    uint16_t note;       /* how often only the note was changed so far */
};

struct order {
    uint32_t shop;      /* index */
    uint32_t number;    /* within the shop */
    uint32_t revisions; /* used entries of revs; at least 1 */
    uint32_t cap;       /* allocated entries of revs */
    struct rev *revs;   /* owned */
    char *json;         /* owned rendering of the newest revision, NULL when not cached */
    size_t json_len;
    uint32_t json_epoch; /* value of sim.epoch it was rendered under */
    uint64_t reads;      /* times served by detail or search */
    struct draw draw;    /* digest of seed, shop and number */
    char id[20];         /* 18 digits */
};

struct shop {
    char id[32];           /* 19 digits */
    char cipher[40];       /* shop_cipher */
    struct order **orders; /* owned, by number; NULL where none exists yet */
    uint32_t slots;        /* allocated entries of orders */
    uint32_t count;        /* existing orders */
    uint64_t detail_calls;
    uint64_t detail_ids;
};

/* One seller's consent; owns --shops-per-authorization consecutive shops. */
struct authorization {
    uint32_t generation;      /* of the newest access token, from 1 */
    uint32_t cap;             /* allocated entries of expires */
    int64_t *expires;         /* owned; second at which generation g ends: expires[g - 1] */
    uint32_t dead_generation; /* tokens up to this one answer 105002 (fault expired_token) */
    uint32_t codes;           /* consent codes handed out */
    uint32_t codes_used;      /* codes up to this one are used */
    int64_t code_time;        /* when the newest code was handed out, seconds */
};

struct options {
    const char *host;
    uint16_t port; /* 0: any free one */
    const char *app_key;
    const char *app_secret;
    const char *port_file; /* NULL: none */
    const char *tls_cert;  /* NULL: plain HTTP */
    const char *tls_key;
    uint32_t shops;
    uint32_t shops_per_authorization;
    uint64_t seed;
};

/* Changed at run time by POST /_sim/switch. */
struct switches {
    bool foreign_ids_refused;     /* 21008111 for the whole call instead of leaving ids out */
    bool old_refresh_token_valid; /* after a rotation */
    bool page_token_strict;       /* a page token is refused with other filters */
    bool last_page_token_missing; /* instead of "" */
    bool odd_numbers;             /* some amounts and ids as JSON numbers */
    int64_t access_token_seconds;
    int64_t refresh_token_seconds;
    int64_t clock_skew_ms;         /* added to the simulator's clock */
    int64_t timestamp_past_s;      /* accepted age of a signed call */
    int64_t timestamp_future_s;    /* accepted lead of a signed call */
    int64_t update_time_base;      /* second around which first changes lie */
    int64_t token_error_status;    /* HTTP status of 105001, 105002, 105005, 101000 */
    int64_t business_error_status; /* HTTP status of 21008111 and of the token host's errors */
};

struct sim {
    struct options opt;
    struct switches sw;
    struct shop *shops;          /* owned, opt.shops of them */
    struct authorization *auths; /* owned */
    uint32_t auth_count;
    uint32_t epoch;      /* raised when a switch changes how orders are rendered */
    size_t cached_bytes; /* sum of order.json_len */
    uint64_t notifications;
    int64_t started_ms;
    uint64_t dice; /* state of draw_next for probabilities and request ids */
    struct faults *faults;
    struct counts *counts;
    struct http *http;
    struct event_base *base; /* borrowed from sim_main.c */
};

void sim_init(struct sim *sim, const struct options *opt);
void sim_deinit(struct sim *sim);
int64_t sim_now_ms(const struct sim *sim); /* UTC, clock skew included */
int64_t sim_now_s(const struct sim *sim);

/* NULL when unknown. */
struct shop *sim_shop_by_cipher(struct sim *sim, const char *cipher);
struct shop *sim_shop_by_id(struct sim *sim, const char *id);
uint32_t sim_shop_index(const struct sim *sim, const struct shop *shop);
uint32_t sim_auth_index(const struct sim *sim, uint32_t shop);

#endif
