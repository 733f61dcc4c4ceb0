/* config.h - common: every setting, from the environment, described by one table (config.c).
 *
 * One line of the table gives name, type, default, range, who reads it and help; parsing, --help, --check, the redacted
 * dump, deploy/env.example and the README table come from that line. A bad value is fatal at start with the variable's
 * name; an unknown variable with one of our prefixes gets a warning naming the nearest known one; NAME_FILE reads the
 * value of a secret from a file (refused when group or others can read it). Read-only after config_load; any thread. */
#ifndef SHOPSTREAM_COMMON_CONFIG_H
#define SHOPSTREAM_COMMON_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/err.h"
#include "common/log.h"

enum config_program {
    CONFIG_SERVER = 1, /* shopstream-server */
    CONFIG_WORKER = 2, /* shopstream-worker */
    CONFIG_CTL = 4,    /* shopstreamctl */
};

enum { CONFIG_RETRY_DELAYS_MAX = 12 };

/* host:port of a listener, a numeric address or name; port 0 = any free one (tests). */
struct config_listen {
    char host[256];
    int port; /* 0..65535; -1 = listener off */
};

enum config_fetch_policy { CONFIG_FETCH_STALE, CONFIG_FETCH_MISSING, CONFIG_FETCH_ALWAYS };
enum config_batch { CONFIG_BATCH_OFF, CONFIG_BATCH_GET, CONFIG_BATCH_POST };

/* All texts are NUL-terminated, owned by the struct; "" = not set. Milliseconds end in _ms. */
struct config {
    /* both programs */
    char *redis_url;                   /* REDIS_URL */
    int64_t stream_partitions;         /* STREAM_PARTITIONS */
    struct config_listen admin_listen; /* ADMIN_LISTEN */
    enum log_level log_level;          /* LOG_LEVEL */
    bool log_json;                     /* LOG_FORMAT=json */
    int64_t clock_skew_ms;             /* CLOCK_SKEW_MS */
    int64_t replay_ms;                 /* REPLAY_SECONDS, given in seconds; 0 = no ring (both programs) */
    int64_t redis_high_water;          /* REDIS_HIGH_WATER, percent (both programs) */
    int64_t redis_low_water;           /* REDIS_LOW_WATER, percent, never above the former */
    int64_t redis_max_bytes;           /* REDIS_MAX_BYTES; 0 = Redis' own maxmemory */

    /* server */
    struct config_listen listen;   /* LISTEN */
    int64_t server_threads;        /* SERVER_THREADS: event loops */
    int64_t answer_deadline_ms;    /* ANSWER_DEADLINE_MS */
    int64_t max_body_bytes;        /* MAX_BODY_BYTES */
    int64_t max_inflight;          /* MAX_INFLIGHT: requests waiting for Redis, per loop */
    int64_t max_inflight_bytes;    /* MAX_INFLIGHT_BYTES: their bytes, per loop */
    int64_t max_connections;       /* MAX_CONNECTIONS: client connections of the process */
    int64_t client_timeout_ms;     /* CLIENT_TIMEOUT_MS: idle or slow clients are closed after it */
    int64_t drain_ms;              /* DRAIN_MS: longest wait for open work at SIGTERM (both programs) */
    int64_t dedupe_window_minutes; /* DEDUPE_WINDOW_MINUTES; 0 = edge dedupe off */
    char *journal_dir;             /* JOURNAL_DIR; "" = no journal */
    int64_t journal_max_bytes;     /* JOURNAL_MAX_BYTES: of all segments */
    int64_t journal_segment_bytes; /* JOURNAL_SEGMENT_BYTES: of one */
    int64_t journal_budget_ms;     /* JOURNAL_BUDGET_MS: of the answer deadline, kept for the journal */
    int64_t journal_always;        /* JOURNAL_ALWAYS: 1 = every event goes to the journal first */
    int64_t replay_max_bytes;      /* REPLAY_MAX_BYTES: of the rings of all loops */
    char *server_name;             /* SERVER_NAME: under which it registers; default <hostname> */
    char *tiktok_app_key;          /* TIKTOK_APP_KEY */
    char *tiktok_app_secret;       /* TIKTOK_APP_SECRET: "current" or "current,previous" */

    char *shopee_partner_id;   /* SHOPEE_PARTNER_ID */
    char *shopee_partner_key;  /* SHOPEE_PARTNER_KEY: "current" or "current,previous" */
    char *shopee_push_key;     /* SHOPEE_PUSH_KEY: the same; "" = the partner key signs pushes */
    char *shopee_callback_url; /* SHOPEE_CALLBACK_URL: one or more, separated by commas */
    int64_t
        shopee_verification_push; /* SHOPEE_VERIFICATION_PUSH: 1 = unsigned test messages are answered 200 */

    /* worker and tool */
    char *tiktok_consent_url;                /* TIKTOK_CONSENT_URL */
    char *tiktok_service_id;                 /* TIKTOK_SERVICE_ID */
    char *shopee_api_url;                    /* SHOPEE_API_URL */
    char *shopee_consent_url;                /* SHOPEE_CONSENT_URL */
    int64_t shopee_order_details_batch_size; /* SHOPEE_ORDER_DETAILS_BATCH_SIZE: ids per call, 1..50 */
    enum config_batch shopee_escrow_batch;   /* SHOPEE_ESCROW_BATCH */
    int64_t platform_rate_limit_tiktok;      /* PLATFORM_RATE_LIMIT_TIKTOK: calls a minute; 0 = no limit */
    int64_t platform_rate_limit_shopee;      /* PLATFORM_RATE_LIMIT_SHOPEE: the same */
    int64_t shop_rate_limit_tiktok;       /* SHOP_RATE_LIMIT_TIKTOK: calls a second and shop; 0 = no limit */
    int64_t shop_rate_limit_shopee;       /* SHOP_RATE_LIMIT_SHOPEE: the same */
    int64_t sync_rate_share;              /* SYNC_RATE_SHARE: percent of a limit for background work */
    int64_t sync_bulk_max;                /* SYNC_BULK_MAX: background entries waiting in a partition */
    int64_t sync_batch_size_returns;      /* SYNC_BATCH_SIZE_RETURNS: ops per bulk */
    int64_t sync_batch_size_products;     /* SYNC_BATCH_SIZE_PRODUCTS: the same */
    int64_t sync_batch_size_transactions; /* SYNC_BATCH_SIZE_TRANSACTIONS: the same */
    int64_t sync_batch_size_tracking;     /* SYNC_BATCH_SIZE_TRACKING: the same */
    int64_t park_after_ms;                /* PARK_AFTER_SECONDS, given in seconds */
    int64_t sweep_interval_ms;            /* SWEEP_INTERVAL_MS */
    int64_t refresh_interval_ms;          /* REFRESH_INTERVAL_MS */

    /* worker */
    char *mongo_uri;        /* MONGO_URI */
    char *mongo_dbname;     /* MONGO_DBNAME */
    int64_t worker_threads; /* WORKER_THREADS: lanes */
    char *worker_name;      /* WORKER_NAME: stable consumer name; default <hostname>; lanes add -<n> */
    char *credentials_key;  /* CREDENTIALS_KEY: 64 hex digits, or current,previous */
    char *tiktok_api_url;   /* TIKTOK_API_URL */
    char *tiktok_auth_url;  /* TIKTOK_AUTH_URL */
    char *ca_file;          /* CA_FILE: extra trust anchors for marketplace calls; "" = the system's */
    int64_t tiktok_order_details_batch_size; /* TIKTOK_ORDER_DETAILS_BATCH_SIZE: ids per call, 1..50 */
    int64_t sync_batch_size_orders;          /* SYNC_BATCH_SIZE_ORDERS: ops per bulk, 1..1000 */
    enum config_fetch_policy fetch_policy;   /* FETCH_POLICY */
    int64_t fetch_budget_ms;                 /* FETCH_BUDGET_MS: longest a turn waits for calls */
    int64_t fetch_max_ids;                   /* FETCH_MAX_IDS: most ids asked for in a turn */
    int64_t fetch_shop_calls;                /* FETCH_SHOP_CALLS: concurrent calls of one shop in a lane */
    int64_t fetch_max_calls;                 /* FETCH_MAX_CALLS: concurrent calls of a lane */
    int64_t request_timeout_ms;              /* REQUEST_TIMEOUT, given in seconds */
    int64_t read_count;                      /* READ_COUNT: XREADGROUP COUNT of the first read */
    int64_t read_max_entries;                /* READ_MAX_ENTRIES: entries a lane may hold */
    int64_t read_max_bytes;                  /* READ_MAX_BYTES: their bytes */
    int64_t block_ms;                        /* BLOCK_MS: XREADGROUP BLOCK */
    int64_t batch_linger_ms;                 /* BATCH_LINGER_MS */
    int64_t reclaim_idle_ms; /* RECLAIM_IDLE_MS: T, the claim threshold retries are encoded against */
    int64_t reap_idle_ms;    /* REAP_IDLE_MS: entries of a worker without heartbeat are taken after it */
    int64_t heartbeat_ms;    /* HEARTBEAT_MS: interval; the key lives three times as long */
    int64_t keep_alive_ms;   /* KEEPALIVE_MS: how often idle time of entries in work is refreshed */
    int64_t retry_delays_ms[CONFIG_RETRY_DELAYS_MAX]; /* RETRY_DELAYS, comma separated */
    size_t retry_delay_count;                         /* entries in use; attempts allowed = this + 1 */
    int64_t money_retry_ms;                           /* MONEY_RETRY_MS */
    int64_t max_stale_reads;                          /* MAX_STALE_READS */
    int64_t stream_keep_minutes;      /* STREAM_KEEP_MINUTES: finished entries stay that long */
    int64_t trim_interval_ms;         /* TRIM_INTERVAL_MS */
    int64_t stream_maxlen;            /* STREAM_MAXLEN: alarm threshold, entries */
    bool stream_trim_hard;            /* STREAM_TRIM=hard: it is a limit */
    int64_t webhook_events_keep_days; /* WEBHOOK_EVENTS_KEEP_DAYS */
    int timezone_offset_minutes;      /* TIMEZONE_OFFSET, "+07:00" */
};

/* Reads the environment (envp: NULL-terminated NAME=value, normally `environ`) for program. False: err names the
 * variable and what is wrong; c is deinitialised. Warnings (unknown names, replaced ones) go to the log. */
bool config_load(struct config *c, enum config_program program, char *const *envp, struct err *err)
    __attribute__((warn_unused_result));

void config_deinit(struct config *c); /* wipes secrets; accepts a zeroed one */

/* --help: name, default, range and help of each setting program reads. */
void config_print_help(FILE *to, enum config_program program);

/* One line a setting, secrets as "set" / "not set". */
void config_print_dump(FILE *to, const struct config *c, enum config_program program);

/* The table of README.md, in Markdown: a test compares the two. */
void config_print_markdown(FILE *to);

/* deploy/env.example: every setting as a commented assignment. */
void config_print_env_example(FILE *to);

/* "host:port" -> *out. Port 0..65535; "off" -> port -1. False: err says what is wrong. */
bool config_listen_parse(const char *text, struct config_listen *out, struct err *err)
    __attribute__((warn_unused_result));

#endif
