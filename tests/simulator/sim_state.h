/* sim_state.h - everything the simulator knows: options, switches, shops, authorizations; entities are in sim_entity.h.
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
#include "sim_entity.h"

struct event_base;
struct faults;
struct counts;
struct http;
struct limits;
struct shopee;
struct webhooks;
struct sim_platform;

#define SIM_SHOPS_MAX  99999u   /* five digits inside ids */
#define SIM_NUMBER_MAX 9999999u /* seven digits inside order ids */

struct shop {
    char id[32];     /* digits, five of them the index */
    char cipher[40]; /* shop_cipher; empty where the platform has none */
    struct store of[KINDS];
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
    bool revoked;             /* POST revoke: nothing of it counts until POST grant or a new code */
    int revoked_code;         /* what an access token of it answers meanwhile; 0: the platform's usual */
    uint64_t refreshes;       /* refresh calls that rotated, also when their answer was lost */
    uint64_t refused_refreshes;
};

struct options {
    const struct sim_platform *platform;
    const char *host;
    uint16_t port; /* 0: any free one */
    const char *app_key;
    const char *app_secret;
    const char *push_url;  /* NULL: the platform's default */
    const char *push_key;  /* NULL: app_secret */
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
    bool tracking_alone;           /* packages do not follow their order, only changes of their own */
    int64_t app_limit_per_minute;  /* calls; 0: no limit */
    int64_t shop_limit_per_minute; /* calls of one shop; 0: no limit */
    int64_t limit_retry_after;     /* seconds, header Retry-After of a refused call; -1: none */
    int64_t old_access_seconds;    /* Shopee: life of an access token after its refresh */
    bool escrow_batch_post;        /* Shopee: get_escrow_detail_batch is a POST, not a GET */
    bool success_dash;             /* Shopee: error and message of a success are "-", as in its samples */
    bool lost_push_post;           /* Shopee: get_lost_push_message is a POST, not a GET */
    bool push_probe_skipped;       /* Shopee: set_app_push_config does not try the callback */
    int64_t token_error_status;    /* HTTP status of 105001, 105002, 105005, 101000 */
    int64_t business_error_status; /* HTTP status of 21008111 and of the token host's errors */
};

struct sim {
    const struct sim_platform *platform; /* the one this process plays */
    struct options opt;
    struct switches sw;
    struct shop *shops;          /* owned, opt.shops of them */
    struct authorization *auths; /* owned */
    uint32_t auth_count;
    uint32_t epoch;      /* raised when a switch changes how entities are rendered */
    size_t cached_bytes; /* sum of entity.json_len */
    uint64_t notifications;
    int64_t started_ms;
    uint64_t dice; /* state of draw_next for probabilities and request ids */
    struct faults *faults;
    struct counts *counts;
    struct http *http;
    struct limits *limits;     /* owned */
    struct webhooks *webhooks; /* owned; NULL while nothing is registered */
    struct shopee *shopee;     /* owned; NULL on other platforms */
    struct event_base *base;   /* borrowed from sim_main.c */
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
