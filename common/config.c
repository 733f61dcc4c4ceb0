/* config.c - common: every setting of every program, in one table.
 *
 * In:      the environment of the process, read once at start.
 * Out:     struct config; the texts of --help, --check, README and deploy/env.example.
 * Fails:   at the first value that is not what its line says, naming the variable. A value is quoted only when its line
 *          is no secret. Unknown names are warned of and not refused: the environment belongs to others too.
 * Thread:  config_load before threads; struct config is read-only afterwards.
 * Why so:  defaults are texts that pass through the same parser as a person's values, so a default out of its own range
 *          cannot exist (a test loads them all). A setting that differs between programs has one line for each. What a
 *          program does not read has its default, so shared code never meets an empty value. */
#include "common/config.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "common/clock.h"
#include "common/number.h"
#include "common/redis_url.h"
#include "common/strbuf.h"

enum config_kind {
    KIND_INT,     /* int64_t */
    KIND_MS,      /* int64_t, milliseconds */
    KIND_SECONDS, /* given in seconds, kept as int64_t milliseconds */
    KIND_TEXT,    /* char *, no control characters */
    KIND_NAME,    /* char *, letters, digits and . _ - */
    KIND_URL,     /* char *, http:// or https://, no slash at the end */
    KIND_REDIS,   /* char *, what redis_url_parse takes */
    KIND_PAIR,    /* char *, "current" or "current,previous", no white space */
    KIND_LIST,    /* char *, parts separated by commas, none empty, no white space */
    KIND_HEX_KEY, /* char *, a pair of 64 hex digits each */
    KIND_LISTEN,  /* struct config_listen; low -1: may be off */
    KIND_LEVEL,   /* enum log_level */
    KIND_FORMAT,  /* bool: JSON */
    KIND_POLICY,  /* enum config_fetch_policy */
    KIND_BATCH,   /* enum config_batch */
    KIND_TRIM,    /* bool: hard */
    KIND_DELAYS,  /* retry_delays_ms and retry_delay_count */
    KIND_OFFSET,  /* int, minutes */
};

enum {
    BOTH = CONFIG_SERVER | CONFIG_WORKER,
    WORKING = CONFIG_WORKER | CONFIG_CTL,
    ALL = CONFIG_SERVER | CONFIG_WORKER | CONFIG_CTL,
    SECRET = 8, /* never printed; may come from NAME_FILE */
};

struct config_key {
    const char *name;      /* environment variable */
    enum config_kind kind; /* how it is read, checked and printed */
    size_t at;             /* offset of the field in struct config */
    const char *fallback;  /* as text, read like a person's; NULL: must be set */
    int64_t low, high;     /* inclusive; most bytes for texts */
    unsigned flags;        /* who reads it, SECRET */
    const char *help;      /* one line, unit included */
};

#define AT(field) offsetof(struct config, field)
#define MIB       (1024 * 1024)
#define DAY_MS    (24 * 3600 * 1000)

/* Sorted by name: also the order of --help, of the dump and of the documented table. */
static const struct config_key config_keys[] = {
    {"ADMIN_LISTEN", KIND_LISTEN, AT(admin_listen), "127.0.0.1:9080", -1, 65535, CONFIG_SERVER,
     "host:port of /healthz, /readyz and /metrics, or off"},
    {"ADMIN_LISTEN", KIND_LISTEN, AT(admin_listen), "127.0.0.1:9081", -1, 65535, CONFIG_WORKER,
     "host:port of /healthz, /readyz and /metrics, or off"},
    {"ANSWER_DEADLINE_MS", KIND_MS, AT(answer_deadline_ms), "1500", 50, 2900, CONFIG_SERVER,
     "longest wait before a webhook is answered, ms"},
    {"BATCH_LINGER_MS", KIND_MS, AT(batch_linger_ms), "50", 0, 10000, CONFIG_WORKER,
     "wait for more entries after the first of a turn, ms"},
    {"BLOCK_MS", KIND_MS, AT(block_ms), "2000", 1, 30000, CONFIG_WORKER,
     "longest wait for entries in one read, ms"},
    {"CA_FILE", KIND_TEXT, AT(ca_file), "", 0, 4096, WORKING,
     "PEM file of further trust anchors for marketplace calls; empty = the system's only"},
    {"CLIENT_TIMEOUT_MS", KIND_MS, AT(client_timeout_ms), "30000", 100, 600000, CONFIG_SERVER,
     "idle or slow clients are closed after it, ms"},
    {"CLOCK_SKEW_MS", KIND_MS, AT(clock_skew_ms), "2000", 0, 600000, ALL,
     "most by which the clocks of two hosts may differ, ms"},
    {"CREDENTIALS_KEY", KIND_HEX_KEY, AT(credentials_key), "", 0, 129, WORKING | SECRET,
     "64 hex digits that encrypt stored tokens; current,previous while changing it"},
    {"DEDUPE_WINDOW_MINUTES", KIND_INT, AT(dedupe_window_minutes), "10", 0, 10080, CONFIG_SERVER,
     "how long a repeat is recognised at the edge, minutes; 0 = off"},
    {"DRAIN_MS", KIND_MS, AT(drain_ms), "20000", 0, 600000, BOTH,
     "longest wait for open work at SIGTERM, ms"},
    {"FETCH_BUDGET_MS", KIND_MS, AT(fetch_budget_ms), "2000", 1, 600000, CONFIG_WORKER,
     "longest a turn waits for marketplace calls, ms"},
    {"FETCH_MAX_CALLS", KIND_INT, AT(fetch_max_calls), "32", 1, 1024, CONFIG_WORKER,
     "concurrent calls of a lane"},
    {"FETCH_MAX_IDS", KIND_INT, AT(fetch_max_ids), "900", 1, 100000, CONFIG_WORKER,
     "most ids asked for in a turn"},
    {"FETCH_POLICY", KIND_POLICY, AT(fetch_policy), "stale", 0, 0, CONFIG_WORKER,
     "when the marketplace is asked: stale, missing or always"},
    {"FETCH_SHOP_CALLS", KIND_INT, AT(fetch_shop_calls), "4", 1, 1024, CONFIG_WORKER,
     "concurrent calls of one shop in a lane"},
    {"HEARTBEAT_MS", KIND_MS, AT(heartbeat_ms), "5000", 10, 600000, CONFIG_WORKER,
     "interval of a worker's heartbeat, ms; its key lives three times as long"},
    {"JOURNAL_ALWAYS", KIND_INT, AT(journal_always), "0", 0, 1, CONFIG_SERVER,
     "1 = every event is flushed to the journal before it is answered; 0 = only those Redis does not take"},
    {"JOURNAL_BUDGET_MS", KIND_MS, AT(journal_budget_ms), "500", 100, 2900, CONFIG_SERVER,
     "part of ANSWER_DEADLINE_MS kept for the journal, ms; at most half of it counts"},
    {"JOURNAL_DIR", KIND_TEXT, AT(journal_dir), "", 0, 4096, CONFIG_SERVER,
     "directory of the journal, one for each server; empty = off: what Redis does not take is answered 503"},
    {"JOURNAL_MAX_BYTES", KIND_INT, AT(journal_max_bytes), "1073741824", 65536, INT64_C(16777216) * MIB,
     CONFIG_SERVER, "most bytes the journal may take, all segments together"},
    {"JOURNAL_SEGMENT_BYTES", KIND_INT, AT(journal_segment_bytes), "16777216", 4096, 256 * MIB, CONFIG_SERVER,
     "bytes after which the journal begins a new file"},
    {"KEEPALIVE_MS", KIND_MS, AT(keep_alive_ms), "20000", 10, 600000, CONFIG_WORKER,
     "how often the idle time of entries in work is refreshed, ms"},
    {"LISTEN", KIND_LISTEN, AT(listen), "127.0.0.1:8080", 0, 65535, CONFIG_SERVER, "host:port for webhooks"},
    {"LOG_FORMAT", KIND_FORMAT, AT(log_json), "logfmt", 0, 0, ALL, "logfmt or json"},
    {"LOG_LEVEL", KIND_LEVEL, AT(log_level), "info", 0, 0, ALL, "error, warn, info or debug"},
    {"MAX_BODY_BYTES", KIND_INT, AT(max_body_bytes), "1048576", 1024, 64 * MIB, CONFIG_SERVER,
     "largest webhook body, bytes"},
    {"MAX_CONNECTIONS", KIND_INT, AT(max_connections), "15000", 1, 1000000, CONFIG_SERVER,
     "client connections of the process"},
    {"MAX_INFLIGHT", KIND_INT, AT(max_inflight), "4096", 1, 1000000, CONFIG_SERVER,
     "requests waiting for Redis, per thread"},
    {"MAX_INFLIGHT_BYTES", KIND_INT, AT(max_inflight_bytes), "16777216", 1024, INT64_C(16384) * MIB,
     CONFIG_SERVER, "bytes of requests waiting for Redis, per thread"},
    {"MAX_STALE_READS", KIND_INT, AT(max_stale_reads), "5", 1, 1000, CONFIG_WORKER,
     "reads older than the event before its entry is given up, and asks before half an answer is left as it "
     "is"},
    {"MONEY_RETRY_MS", KIND_MS, AT(money_retry_ms), "86400000", 0, 7 * DAY_MS, CONFIG_WORKER,
     "wait before a completed order without transactions is asked for them again, ms, doubled each time; 0 = "
     "never"},
    {"MONGO_DBNAME", KIND_NAME, AT(mongo_dbname), "shopstream", 1, 63, WORKING, "database"},
    {"MONGO_URI", KIND_TEXT, AT(mongo_uri), "", 0, 4096, CONFIG_CTL | SECRET,
     "connection string; needed by the commands that use MongoDB"},
    {"MONGO_URI", KIND_TEXT, AT(mongo_uri), NULL, 1, 4096, CONFIG_WORKER | SECRET, "connection string"},
    {"PARK_AFTER_SECONDS", KIND_SECONDS, AT(park_after_ms), "120", 0, 86400, CONFIG_WORKER,
     "needs of a shop that fails longer than this wait in MongoDB instead of the stream, seconds"},
    {"PLATFORM_RATE_LIMIT_SHOPEE", KIND_INT, AT(platform_rate_limit_shopee), "200", 0, 10000000, WORKING,
     "calls to Shopee a minute, all shops and all workers together; 0 = no limit"},
    {"PLATFORM_RATE_LIMIT_TIKTOK", KIND_INT, AT(platform_rate_limit_tiktok), "100", 0, 10000000, WORKING,
     "calls to TikTok Shop a minute, all shops and all workers together; 0 = no limit"},
    {"READ_COUNT", KIND_INT, AT(read_count), "300", 1, 100000, CONFIG_WORKER,
     "entries asked for in a first read"},
    {"READ_MAX_BYTES", KIND_INT, AT(read_max_bytes), "16777216", 1024, INT64_C(16384) * MIB, CONFIG_WORKER,
     "bytes of entries a lane may hold"},
    {"READ_MAX_ENTRIES", KIND_INT, AT(read_max_entries), "10000", 1, 1000000, CONFIG_WORKER,
     "entries a lane may hold"},
    {"REAP_IDLE_MS", KIND_MS, AT(reap_idle_ms), "60000", 100, DAY_MS, CONFIG_WORKER,
     "entries of a worker without heartbeat are taken over after it, ms"},
    {"RECLAIM_IDLE_MS", KIND_MS, AT(reclaim_idle_ms), "1200000", 100, 7 * DAY_MS, WORKING,
     "idle time after which an entry is due again, ms"},
    {"REDIS_HIGH_WATER", KIND_INT, AT(redis_high_water), "85", 1, 100, BOTH,
     "percent of Redis' memory from which on the server journals and background work pauses"},
    {"REDIS_LOW_WATER", KIND_INT, AT(redis_low_water), "80", 1, 100, BOTH,
     "percent of Redis' memory below which that ends"},
    {"REDIS_MAX_BYTES", KIND_INT, AT(redis_max_bytes), "0", 0, INT64_C(16777216) * MIB, BOTH,
     "memory Redis may use, bytes, where it does not tell its maxmemory; 0 = what it tells"},
    {"REDIS_URL", KIND_REDIS, AT(redis_url), "redis://127.0.0.1:6379", 1, 2048, ALL | SECRET,
     "redis://[user:password@]host[:port][/db] or unix:/path[?db=n]"},
    {"REFRESH_INTERVAL_MS", KIND_MS, AT(refresh_interval_ms), "30000", 50, 3600000, CONFIG_WORKER,
     "how often it is looked for access tokens past half of their life, ms"},
    {"REPLAY_MAX_BYTES", KIND_INT, AT(replay_max_bytes), "67108864", 65536, INT64_C(16384) * MIB,
     CONFIG_SERVER, "memory for stored events that are kept to be stored again, bytes, all threads together"},
    {"REPLAY_SECONDS", KIND_SECONDS, AT(replay_ms), "10", 0, 3600, BOTH,
     "how long a stored event is kept in case Redis loses it, seconds; the same in all programs; 0 = not at "
     "all"},
    {"REQUEST_TIMEOUT", KIND_SECONDS, AT(request_timeout_ms), "120", 1, 600, WORKING,
     "longest marketplace call, seconds"},
    {"RETRY_DELAYS", KIND_DELAYS, AT(retry_delays_ms), "5000,15000,60000,300000,900000", 1, 7 * DAY_MS,
     WORKING, "waits before further attempts, ms, separated by commas"},
    {"SERVER_NAME", KIND_NAME, AT(server_name), "", 0, 100, CONFIG_SERVER,
     "under which the server tells the tools where its admin port is; empty = the host's name"},
    {"SERVER_THREADS", KIND_INT, AT(server_threads), "2", 1, 64, CONFIG_SERVER, "event loops"},
    {"SHOPEE_API_URL", KIND_URL, AT(shopee_api_url), "https://partner.shopeemobile.com", 1, 1024, WORKING,
     "Shopee API"},
    {"SHOPEE_CALLBACK_URL", KIND_LIST, AT(shopee_callback_url), "", 0, 4096, ALL,
     "callback URLs exactly as in the console, separated by commas: Shopee signs them; empty = its webhooks "
     "are answered 503"},
    {"SHOPEE_CONSENT_URL", KIND_URL, AT(shopee_consent_url), "https://open.shopee.com/auth", 1, 1024,
     CONFIG_CTL, "page on which a seller authorises the app"},
    {"SHOPEE_ESCROW_BATCH", KIND_BATCH, AT(shopee_escrow_batch), "off", 0, 0, WORKING,
     "escrow details in one call: off (one each), GET or POST (sources disagree on the verb)"},
    {"SHOPEE_ORDER_DETAILS_BATCH_SIZE", KIND_INT, AT(shopee_order_details_batch_size), "50", 1, 50, WORKING,
     "order_sn in one call"},
    {"SHOPEE_PARTNER_ID", KIND_NAME, AT(shopee_partner_id), "", 0, 20, ALL, "partner_id of the app"},
    {"SHOPEE_PARTNER_KEY", KIND_PAIR, AT(shopee_partner_key), "", 0, 1024, ALL | SECRET,
     "partner key; current,previous while it is being replaced"},
    {"SHOPEE_PUSH_KEY", KIND_PAIR, AT(shopee_push_key), "", 0, 1024, ALL | SECRET,
     "push partner key, tried before SHOPEE_PARTNER_KEY; current,previous while it is being replaced"},
    {"SHOPEE_VERIFICATION_PUSH", KIND_INT, AT(shopee_verification_push), "1", 0, 1, CONFIG_SERVER,
     "1 = the console's test message (empty body or code 0) is answered 200 unsigned, and not stored"},
    {"SHOP_RATE_LIMIT_SHOPEE", KIND_INT, AT(shop_rate_limit_shopee), "5", 0, 100000, WORKING,
     "calls a second for one Shopee shop, all workers together; 0 = no limit"},
    {"SHOP_RATE_LIMIT_TIKTOK", KIND_INT, AT(shop_rate_limit_tiktok), "5", 0, 100000, WORKING,
     "calls a second for one TikTok shop, all workers together; 0 = no limit"},
    {"STREAM_KEEP_MINUTES", KIND_INT, AT(stream_keep_minutes), "60", 0, 525600, CONFIG_WORKER,
     "finished entries stay in the stream that long, minutes"},
    {"STREAM_MAXLEN", KIND_INT, AT(stream_maxlen), "1000000", 1, INT64_C(1000000000000), WORKING,
     "entries in a stream above which the worker warns; dropped with STREAM_TRIM=hard only"},
    {"STREAM_PARTITIONS", KIND_INT, AT(stream_partitions), "1", 1, 256, ALL,
     "partitions the shops are spread over at the very first start; afterwards shopstreamctl repartition "
     "decides"},
    {"STREAM_TRIM", KIND_TRIM, AT(stream_trim_hard), "safe", 0, 0, CONFIG_WORKER,
     "safe, or hard: what exceeds STREAM_MAXLEN is dropped although nobody has read it"},
    {"SWEEP_INTERVAL_MS", KIND_MS, AT(sweep_interval_ms), "30000", 50, 3600000, CONFIG_WORKER,
     "how often parked needs are tried again, ms"},
    {"SYNC_BATCH_SIZE_ORDERS", KIND_INT, AT(sync_batch_size_orders), "300", 1, 1000, CONFIG_WORKER,
     "orders in one bulk write"},
    {"SYNC_BATCH_SIZE_PRODUCTS", KIND_INT, AT(sync_batch_size_products), "300", 1, 1000, CONFIG_WORKER,
     "products in one bulk write"},
    {"SYNC_BATCH_SIZE_RETURNS", KIND_INT, AT(sync_batch_size_returns), "300", 1, 1000, CONFIG_WORKER,
     "returns in one bulk write"},
    {"SYNC_BATCH_SIZE_TRACKING", KIND_INT, AT(sync_batch_size_tracking), "300", 1, 1000, CONFIG_WORKER,
     "tracking documents in one bulk write"},
    {"SYNC_BATCH_SIZE_TRANSACTIONS", KIND_INT, AT(sync_batch_size_transactions), "300", 1, 1000,
     CONFIG_WORKER, "transactions in one bulk write"},
    {"SYNC_BULK_MAX", KIND_INT, AT(sync_bulk_max), "50000", 1, 100000000, CONFIG_WORKER,
     "background entries waiting in a partition above which no more are added"},
    {"SYNC_RATE_SHARE", KIND_INT, AT(sync_rate_share), "50", 1, 100, CONFIG_WORKER,
     "most of a rate limit that background work may use while live work runs, percent"},
    {"TIKTOK_API_URL", KIND_URL, AT(tiktok_api_url), "https://open-api.tiktokglobalshop.com", 1, 1024,
     WORKING, "TikTok Shop API"},
    {"TIKTOK_APP_KEY", KIND_NAME, AT(tiktok_app_key), "", 0, 1024, ALL,
     "app key; empty = TikTok webhooks are answered 503"},
    {"TIKTOK_APP_SECRET", KIND_PAIR, AT(tiktok_app_secret), "", 0, 1024, ALL | SECRET,
     "app secret; current,previous while it is being replaced"},
    {"TIKTOK_AUTH_URL", KIND_URL, AT(tiktok_auth_url), "https://auth.tiktok-shops.com", 1, 1024, WORKING,
     "TikTok Shop token service"},
    {"TIKTOK_CONSENT_URL", KIND_URL, AT(tiktok_consent_url), "https://services.tiktokshop.com/open/authorize",
     1, 1024, CONFIG_CTL, "page on which a seller authorises the app"},
    {"TIKTOK_ORDER_DETAILS_BATCH_SIZE", KIND_INT, AT(tiktok_order_details_batch_size), "50", 1, 50, WORKING,
     "order ids in one call"},
    {"TIKTOK_SERVICE_ID", KIND_NAME, AT(tiktok_service_id), "", 0, 64, CONFIG_CTL,
     "service_id of the app, for the authorisation link"},
    {"TIMEZONE_OFFSET", KIND_OFFSET, AT(timezone_offset_minutes), "+07:00", 0, 0, WORKING,
     "offset of the times written to documents, -14:00 to +14:00"},
    {"TRIM_INTERVAL_MS", KIND_MS, AT(trim_interval_ms), "5000", 10, DAY_MS, CONFIG_WORKER,
     "how often finished entries are trimmed, ms"},
    {"WEBHOOK_EVENTS_KEEP_DAYS", KIND_INT, AT(webhook_events_keep_days), "30", 1, 3650, WORKING,
     "raw events are kept that long, days"},
    {"WORKER_NAME", KIND_NAME, AT(worker_name), "", 0, 100, CONFIG_WORKER,
     "stable consumer name; empty = the host's name"},
    {"WORKER_THREADS", KIND_INT, AT(worker_threads), "2", 1, 64, CONFIG_WORKER, "lanes"},
};

enum { CONFIG_KEYS = sizeof config_keys / sizeof config_keys[0] };

/* --- names we know without reading them ----------------------------------------------------------- */

/* pattern: a name, or its beginning followed by a star. */
struct config_word {
    const char *pattern; /* literal */
    const char *instead; /* what does its job now; NULL: nothing yet */
};

/* Names of the system this one replaces, and names kept for a later version: a typing error in neither. */
static const struct config_word config_words[] = {
    {"SYNC_BUFFER_*", "READ_MAX_ENTRIES and BATCH_LINGER_MS (the stream itself is the buffer)"},
    {"SYNC_NON_RETRYABLE_ERRORS", "the error classes of each platform, RETRY_DELAYS and the dead letters"},
    {"CHANGES_KEEP_HOURS", NULL},
    {"CHANGE_FEED", NULL},
    {"LAZADA_*", NULL},
    {"MAX_REQUEST_RETRIES", NULL},
    {"RECONCILE_INTERVAL_HOURS", NULL},
    {"REQUEST_BACKOFF_SECONDS", NULL},
    {"SYNC_CHUNK_DAYS", NULL},
    {"SYNC_CHUNK_TIMEOUT_SECONDS", NULL},
    {"SYNC_MAX_PARALLEL_TASKS", NULL},
    {"TIKTOK_TRACKING_STATUS_BATCH_SIZE", NULL},
};

/* Beginnings nobody else uses: any unknown name with one of them is meant for us. All other beginnings of our names
 * (REDIS_, SERVER_, MAX_ ...) are common, so there only a name close to one of ours is a likely typing error. */
static const char *const config_own_prefixes[] = {"DEDUPE_", "FETCH_",  "JOURNAL_", "SHOPEE_",
                                                  "SYNC_",   "TIKTOK_", "WEBHOOK_"};

enum { CONFIG_NAME_MAX = 64, CONFIG_NEAR = 2, CONFIG_SECRET_FILE_MAX = 8192 };

static bool config_word_matches(const char *pattern, const char *name, size_t n)
{
    size_t length = strlen(pattern);

    if (pattern[length - 1] == '*')
        return n >= length - 1 && memcmp(pattern, name, length - 1) == 0;
    return n == length && memcmp(pattern, name, n) == 0;
}

static bool config_begins(const char *name, size_t n, const char *prefix, size_t prefix_length)
{
    return n >= prefix_length && memcmp(name, prefix, prefix_length) == 0;
}

/* Up to and including the first '_' of a name; 0 without one. */
static size_t config_prefix_length(const char *name)
{
    const char *end = strchr(name, '_');

    return end ? (size_t)(end - name) + 1 : 0;
}

static size_t config_min(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Edit distance (insert, delete, replace) of two names of at most CONFIG_NAME_MAX bytes. */
static size_t config_distance(const char *a, size_t n, const char *b, size_t m)
{
    size_t row[CONFIG_NAME_MAX + 1];

    if (n > CONFIG_NAME_MAX || m > CONFIG_NAME_MAX)
        return CONFIG_NAME_MAX;
    for (size_t j = 0; j <= m; j++)
        row[j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t corner = row[0];

        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t replaced = corner + (a[i - 1] != b[j - 1]);

            corner = row[j];
            row[j] = config_min(replaced, config_min(row[j], row[j - 1]) + 1);
        }
    }
    return row[m];
}

static const struct config_key *config_nearest(const char *name, size_t n, size_t *distance)
{
    const struct config_key *best = &config_keys[0];

    *distance = SIZE_MAX;
    for (size_t i = 0; i < CONFIG_KEYS; i++) {
        const size_t m = strlen(config_keys[i].name), least = n > m ? n - m : m - n;
        const size_t d = least < *distance ? config_distance(name, n, config_keys[i].name, m) : least;

        if (d < *distance) {
            *distance = d;
            best = &config_keys[i];
        }
    }
    return best;
}

/* What a container orchestrator sets for a service that happens to be called like one of our prefixes. */
static bool config_of_a_service(const char *name, size_t n)
{
    return memmem(name, n, "_SERVICE_", 9) || memmem(name, n, "_PORT", 5);
}

static bool config_has_own_prefix(const char *name, size_t n)
{
    for (size_t i = 0; i < sizeof config_own_prefixes / sizeof config_own_prefixes[0]; i++) {
        if (config_begins(name, n, config_own_prefixes[i], strlen(config_own_prefixes[i])))
            return true;
    }
    return false;
}

static bool config_has_known_prefix(const char *name, size_t n)
{
    for (size_t i = 0; i < CONFIG_KEYS; i++) {
        size_t length = config_prefix_length(config_keys[i].name);

        if (length > 0 && config_begins(name, n, config_keys[i].name, length))
            return true;
    }
    return false;
}

static bool config_is_known(const char *name, size_t n)
{
    for (size_t i = 0; i < CONFIG_KEYS; i++) {
        const char *known = config_keys[i].name;
        size_t length = strlen(known);

        if (config_begins(name, n, known, length) &&
            (n == length ||
             ((config_keys[i].flags & SECRET) && n == length + 5 && memcmp(name + length, "_FILE", 5) == 0)))
            return true;
    }
    return false;
}

/* Warns of a variable that looks like a setting and has no effect. */
static void config_check_name(const char *name, size_t n)
{
    const struct config_key *nearest;
    size_t distance;

    if (config_is_known(name, n))
        return;
    for (size_t i = 0; i < sizeof config_words / sizeof config_words[0]; i++) {
        const struct config_word *word = &config_words[i];

        if (!config_word_matches(word->pattern, name, n))
            continue;
        if (word->instead)
            log_warn("setting has no effect any more", LOG_B("name", name, n),
                     LOG_S("instead", word->instead));
        else
            log_warn("setting is not used yet by this version", LOG_B("name", name, n));
        return;
    }
    if (!config_has_known_prefix(name, n))
        return;
    nearest = config_nearest(name, n, &distance);
    if (distance <= CONFIG_NEAR || (config_has_own_prefix(name, n) && !config_of_a_service(name, n)))
        log_warn("unknown setting is ignored", LOG_B("name", name, n), LOG_S("nearest", nearest->name));
}

/* --- values ----------------------------------------------------------------------------------------- */

static void *config_field(const struct config_key *key, struct config *c)
{
    return (char *)c + key->at;
}

static const void *config_field_const(const struct config_key *key, const struct config *c)
{
    return (const char *)c + key->at;
}

static bool config_is_text(enum config_kind kind)
{
    return kind == KIND_TEXT || kind == KIND_NAME || kind == KIND_URL || kind == KIND_REDIS ||
           kind == KIND_PAIR || kind == KIND_LIST || kind == KIND_HEX_KEY;
}

/* Always false, so that a parser can end with it. Quotes the value unless it is a secret. */
static bool config_wrong(const struct config_key *key, const char *value, const char *what, struct err *err)
{
    if (key->flags & SECRET)
        err_set(err, ERR_CONFIG, 0, "%s: %s", key->name, what);
    else
        err_set(err, ERR_CONFIG, 0, "%s: %s, not \"%.80s\"", key->name, what, value);
    return false;
}

static bool config_in_range(const struct config_key *key, const char *s, size_t n, int64_t *v)
{
    return number_i64(s, n, v) && *v >= key->low && *v <= key->high;
}

static bool config_parse_number(const struct config_key *key, const char *value, struct config *c,
                                struct err *err)
{
    char what[96];
    int64_t v;

    if (!config_in_range(key, value, strlen(value), &v)) {
        snprintf(what, sizeof what, "must be a whole number from %lld to %lld", (long long)key->low,
                 (long long)key->high);
        return config_wrong(key, value, what, err);
    }
    *(int64_t *)config_field(key, c) = key->kind == KIND_SECONDS ? v * 1000 : v;
    return true;
}

static bool config_parse_delays(const struct config_key *key, const char *value, struct config *c,
                                struct err *err)
{
    int64_t delays[CONFIG_RETRY_DELAYS_MAX];
    size_t count = 0;
    char what[96];

    for (const char *s = value;; s++) {
        size_t n = strcspn(s, ",");

        if (count == CONFIG_RETRY_DELAYS_MAX || !config_in_range(key, s, n, &delays[count])) {
            snprintf(what, sizeof what,
                     "must be 1 to %d whole numbers from %lld to %lld, separated by commas",
                     CONFIG_RETRY_DELAYS_MAX, (long long)key->low, (long long)key->high);
            return config_wrong(key, value, what, err);
        }
        count++;
        s += n;
        if (*s == '\0')
            break;
    }
    memcpy(c->retry_delays_ms, delays, count * sizeof delays[0]);
    c->retry_delay_count = count;
    return true;
}

static bool config_is_visible(const char *s)
{
    for (; *s; s++) {
        if ((unsigned char)*s <= ' ' || *s == 0x7f)
            return false;
    }
    return true;
}

static bool config_is_printable(const char *s)
{
    for (; *s; s++) {
        if ((unsigned char)*s < ' ' || *s == 0x7f)
            return false;
    }
    return true;
}

/* One or two parts, neither empty. */
static bool config_is_pair(const char *s)
{
    const char *comma = strchr(s, ',');

    return !comma || (comma > s && comma[1] != '\0' && !strchr(comma + 1, ','));
}

static bool config_is_list(const char *s)
{
    return config_is_visible(s) && *s != ',' && !strstr(s, ",,") && s[strlen(s) - 1] != ',';
}

static bool config_is_hex_key(const char *s, size_t n)
{
    return n == 64 && strspn(s, "0123456789abcdefABCDEF") >= 64;
}

static bool config_is_hex_pair(const char *s)
{
    size_t first = strcspn(s, ",");

    return config_is_hex_key(s, first) &&
           (s[first] == '\0' || config_is_hex_key(s + first + 1, strlen(s + first + 1)));
}

static bool config_is_name(const char *s)
{
    return s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")] == '\0';
}

static bool config_is_url(const char *s)
{
    size_t scheme = strncmp(s, "https://", 8) == 0 ? 8 : strncmp(s, "http://", 7) == 0 ? 7 : 0;

    return scheme > 0 && s[scheme] != '\0' && s[strlen(s) - 1] != '/' && config_is_visible(s) &&
           !strpbrk(s, "?#");
}

/* NULL: value is fine; otherwise what it must be. Only for a value that is not empty. */
static const char *config_text_fault(enum config_kind kind, const char *value)
{
    switch (kind) {
    case KIND_NAME:
        return config_is_name(value) ? NULL : "must be made of letters, digits and . _ -";
    case KIND_URL:
        return config_is_url(value) ? NULL
                                    : "must be http:// or https://, a host and no slash, ? or # at the end";
    case KIND_PAIR:
        if (!config_is_visible(value))
            return "must not contain white space";
        return config_is_pair(value) ? NULL : "must be one value or current,previous";
    case KIND_LIST:
        return config_is_list(value) ? NULL : "must be values without white space, separated by commas";
    case KIND_HEX_KEY:
        return config_is_hex_pair(value) ? NULL
                                         : "must be 64 hex digits, or two such keys separated by a comma";
    default:
        return config_is_printable(value) ? NULL : "must not contain control characters";
    }
}

static bool config_parse_text(const struct config_key *key, const char *value, struct config *c,
                              struct err *err)
{
    size_t n = strlen(value);
    const char *fault = n > 0 ? config_text_fault(key->kind, value) : NULL;
    char **field = config_field(key, c);
    struct redis_url url;
    bool ok;

    if (n == 0 && key->low > 0) {
        err_set(err, ERR_CONFIG, 0, "%s: must not be empty", key->name);
        return false;
    }
    if (n > (size_t)key->high) {
        err_set(err, ERR_CONFIG, 0, "%s: longer than %lld bytes", key->name, (long long)key->high);
        return false;
    }
    if (fault)
        return config_wrong(key, value, fault, err);
    if (key->kind == KIND_REDIS) {
        ok = redis_url_parse(value, &url, err);
        explicit_bzero(&url, sizeof url);
        if (!ok) {
            err_prefix(err, "%s", key->name);
            return false;
        }
    }
    free(*field);
    *field = xstrndup(value, n);
    return true;
}

bool config_listen_parse(const char *text, struct config_listen *out, struct err *err)
{
    bool v6 = text[0] == '[';
    const char *host = v6 ? text + 1 : text, *end = v6 ? strchr(text, ']') : strrchr(text, ':');
    const char *port = v6 && end ? end + 1 : end;
    struct config_listen listen = {.port = -1};
    int64_t number;

    if (strcmp(text, "off") == 0) {
        *out = listen;
        return true;
    }
    if (!port || *port != ':' || !number_i64(port + 1, strlen(port + 1), &number) || number < 0 ||
        number > 65535) {
        err_set(err, ERR_CONFIG, 0, "must be host:port with a port from 0 to 65535, or off");
        return false;
    }
    if (end > host && (size_t)(end - host) < sizeof listen.host)
        memcpy(listen.host, host, (size_t)(end - host));
    if (!listen.host[0] || v6 != (strchr(listen.host, ':') != NULL) || strpbrk(listen.host, "[]")) {
        err_set(err, ERR_CONFIG, 0,
                "must have a host before the port; an IPv6 address, and only that, stands in brackets");
        return false;
    }
    if (!config_is_visible(listen.host)) {
        err_set(err, ERR_CONFIG, 0, "the host must not contain white space");
        return false;
    }
    listen.port = (int)number;
    *out = listen;
    return true;
}

static bool config_parse_listen(const struct config_key *key, const char *value, struct config *c,
                                struct err *err)
{
    struct config_listen listen;

    if (!config_listen_parse(value, &listen, err)) {
        err_prefix(err, "%s", key->name);
        return false;
    }
    if (listen.port < key->low)
        return config_wrong(key, value, "must be host:port", err);
    *(struct config_listen *)config_field(key, c) = listen;
    return true;
}

static bool config_parse_policy(const char *value, enum config_fetch_policy *out)
{
    if (strcmp(value, "stale") == 0)
        *out = CONFIG_FETCH_STALE;
    else if (strcmp(value, "missing") == 0)
        *out = CONFIG_FETCH_MISSING;
    else if (strcmp(value, "always") == 0)
        *out = CONFIG_FETCH_ALWAYS;
    else
        return false;
    return true;
}

static bool config_parse_batch(const char *value, enum config_batch *out)
{
    if (strcmp(value, "off") == 0)
        *out = CONFIG_BATCH_OFF;
    else if (strcmp(value, "GET") == 0)
        *out = CONFIG_BATCH_GET;
    else if (strcmp(value, "POST") == 0)
        *out = CONFIG_BATCH_POST;
    else
        return false;
    return true;
}

static bool config_parse_format(const char *value, bool *json)
{
    if (strcmp(value, "json") != 0 && strcmp(value, "logfmt") != 0)
        return false;
    *json = value[0] == 'j';
    return true;
}

static bool config_parse_trim(const char *value, bool *hard)
{
    if (strcmp(value, "safe") != 0 && strcmp(value, "hard") != 0)
        return false;
    *hard = value[0] == 'h';
    return true;
}

static bool config_parse(const struct config_key *key, const char *value, struct config *c, struct err *err)
{
    void *field = config_field(key, c);

    switch (key->kind) {
    case KIND_INT:
    case KIND_MS:
    case KIND_SECONDS:
        return config_parse_number(key, value, c, err);
    case KIND_TEXT:
    case KIND_NAME:
    case KIND_URL:
    case KIND_REDIS:
    case KIND_PAIR:
    case KIND_LIST:
    case KIND_HEX_KEY:
        return config_parse_text(key, value, c, err);
    case KIND_LISTEN:
        return config_parse_listen(key, value, c, err);
    case KIND_LEVEL:
        return log_level_parse(value, field) ||
               config_wrong(key, value, "must be error, warn, info or debug", err);
    case KIND_FORMAT:
        return config_parse_format(value, field) || config_wrong(key, value, "must be logfmt or json", err);
    case KIND_POLICY:
        return config_parse_policy(value, field) ||
               config_wrong(key, value, "must be stale, missing or always", err);
    case KIND_BATCH:
        return config_parse_batch(value, field) || config_wrong(key, value, "must be off, GET or POST", err);
    case KIND_TRIM:
        return config_parse_trim(value, field) || config_wrong(key, value, "must be safe or hard", err);
    case KIND_DELAYS:
        return config_parse_delays(key, value, c, err);
    case KIND_OFFSET:
        return clock_parse_offset(value, field) || config_wrong(key, value, "must look like +07:00", err);
    }
    fatalx("config: a line of the table has no kind", LOG_S("name", key->name));
}

/* --- loading ---------------------------------------------------------------------------------------- */

/* Value of name followed by tail; NULL when it is not in the environment. */
static const char *config_env(char *const *envp, const char *name, const char *tail)
{
    size_t n = strlen(name), t = strlen(tail);

    for (; *envp; envp++) {
        if (strncmp(*envp, name, n) == 0 && strncmp(*envp + n, tail, t) == 0 && (*envp)[n + t] == '=')
            return *envp + n + t + 1;
    }
    return NULL;
}

static void config_wipe(struct strbuf *b)
{
    if (b->data)
        explicit_bzero(b->data, b->capacity);
    strbuf_deinit(b);
}

/* Appends the secret in the file at path, without the newline editors put at the end. */
static bool config_read_secret(const struct config_key *key, const char *path, struct strbuf *to,
                               struct err *err)
{
    struct stat st;

    if (stat(path, &st) != 0) {
        err_errno(err, "stat", path);
        err_prefix(err, "%s_FILE", key->name);
        return false;
    }
    if (!S_ISREG(st.st_mode) || (st.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        err_set(err, ERR_CONFIG, 0, "%s_FILE: %s must be a file only its owner may read (chmod 600)",
                key->name, path);
        return false;
    }
    if (!strbuf_read_file(to, path, CONFIG_SECRET_FILE_MAX, err)) {
        err_prefix(err, "%s_FILE", key->name);
        return false;
    }
    while (to->length > 0 && (to->data[to->length - 1] == '\n' || to->data[to->length - 1] == '\r'))
        to->data[--to->length] = '\0';
    if (to->length != strlen(strbuf_text(to))) {
        err_set(err, ERR_CONFIG, 0, "%s_FILE: %s contains a NUL byte", key->name, path);
        return false;
    }
    return true;
}

static bool config_load_secret_file(const struct config_key *key, const char *path, struct config *c,
                                    struct err *err)
{
    struct strbuf value = STRBUF_INIT;
    bool ok = config_read_secret(key, path, &value, err) && config_parse(key, strbuf_text(&value), c, err);

    config_wipe(&value);
    return ok;
}

static bool config_load_key(const struct config_key *key, char *const *envp, struct config *c,
                            struct err *err)
{
    const char *value = config_env(envp, key->name, "");
    const char *file = key->flags & SECRET ? config_env(envp, key->name, "_FILE") : NULL;

    if (file && !*file)
        file = NULL;
    if (file && value) {
        err_set(err, ERR_CONFIG, 0, "%s: set both directly and by %s_FILE; remove one", key->name, key->name);
        return false;
    }
    if (file)
        return config_load_secret_file(key, file, c, err);
    if (!value)
        value = key->fallback;
    if (!value) {
        err_set(err, ERR_CONFIG, 0, "%s: must be set (%s)", key->name, key->help);
        return false;
    }
    return config_parse(key, value, c, err);
}

/* A default for what program does not read; "" for a text that somebody else must set. */
static bool config_load_default(const struct config_key *key, struct config *c, struct err *err)
{
    char **text = config_field(key, c);

    if (key->fallback)
        return config_parse(key, key->fallback, c, err);
    if (config_is_text(key->kind) && !*text)
        *text = xstrndup("", 0);
    return true;
}

static int64_t config_longest_delay(const struct config *c)
{
    int64_t longest = 0;

    for (size_t i = 0; i < c->retry_delay_count; i++) {
        if (c->retry_delays_ms[i] > longest)
            longest = c->retry_delays_ms[i];
    }
    return longest;
}

/* Settings that are fine alone and break the worker together. */
static bool config_check_worker(const struct config *c, struct err *err)
{
    const char *fault = NULL;

    /* A retry is an idle time set below the claim threshold; with jitter it must still fit under it. */
    if (config_longest_delay(c) * 6 / 5 >= c->reclaim_idle_ms)
        fault = "RETRY_DELAYS: the longest delay and a fifth must be shorter than RECLAIM_IDLE_MS";
    /* Idle time of entries in work reaches KEEPALIVE_MS, twice that when one refresh is late: claiming earlier would
     * take entries from a worker that is alive. */
    else if (c->reap_idle_ms <= 2 * c->keep_alive_ms)
        fault = "REAP_IDLE_MS: must be more than twice KEEPALIVE_MS";
    else if (c->reclaim_idle_ms <= 2 * c->keep_alive_ms)
        fault = "RECLAIM_IDLE_MS: must be more than twice KEEPALIVE_MS";
    else if (c->read_count > c->read_max_entries)
        fault = "READ_COUNT: must not be more than READ_MAX_ENTRIES";
    else if (c->fetch_shop_calls > c->fetch_max_calls)
        fault = "FETCH_SHOP_CALLS: must not be more than FETCH_MAX_CALLS";
    if (fault)
        err_set(err, ERR_CONFIG, 0, "%s", fault);
    return !fault;
}

static bool config_check(const struct config *c, enum config_program program, struct err *err)
{
    /* Half a pair verifies nothing, which would look like forged webhooks. */
    if (!c->tiktok_app_key[0] != !c->tiktok_app_secret[0]) {
        err_set(err, ERR_CONFIG, 0, "%s: must be set, because %s is",
                c->tiktok_app_key[0] ? "TIKTOK_APP_SECRET" : "TIKTOK_APP_KEY",
                c->tiktok_app_key[0] ? "TIKTOK_APP_KEY" : "TIKTOK_APP_SECRET");
        return false;
    }
    if (c->redis_low_water > c->redis_high_water) {
        err_set(err, ERR_CONFIG, 0, "REDIS_LOW_WATER: must not be more than REDIS_HIGH_WATER");
        return false;
    }
    return program != CONFIG_WORKER || config_check_worker(c, err);
}

/* The host's name, with what a key may not hold replaced, where a person has given none. */
static void config_name_host(char **name)
{
    struct utsname host;

    if ((*name)[0] || uname(&host) != 0)
        return;
    for (char *p = host.nodename; *p; p++) {
        if (!config_is_name((const char[]){*p, '\0'}))
            *p = '-';
    }
    free(*name);
    *name = xstrndup(host.nodename, strnlen(host.nodename, 100));
}

bool config_load(struct config *c, enum config_program program, char *const *envp, struct err *err)
{
    memset(c, 0, sizeof *c);
    /* Two rounds, so that a program's own line wins over another program's line of the same name. */
    for (size_t i = 0; i < CONFIG_KEYS; i++) {
        if (!(config_keys[i].flags & program) && !config_load_default(&config_keys[i], c, err))
            goto fail;
    }
    for (size_t i = 0; i < CONFIG_KEYS; i++) {
        if ((config_keys[i].flags & program) && !config_load_key(&config_keys[i], envp, c, err))
            goto fail;
    }
    if (!config_check(c, program, err))
        goto fail;
    if (program == CONFIG_WORKER)
        config_name_host(&c->worker_name);
    if (program == CONFIG_SERVER)
        config_name_host(&c->server_name);
    for (char *const *e = envp; *e; e++)
        config_check_name(*e, strcspn(*e, "="));
    return true;
fail:
    config_deinit(c);
    return false;
}

void config_deinit(struct config *c)
{
    for (size_t i = 0; i < CONFIG_KEYS; i++) {
        char **text = config_field(&config_keys[i], c);

        if (!config_is_text(config_keys[i].kind) || !*text)
            continue;
        explicit_bzero(*text, strlen(*text));
        free(*text);
        *text = NULL;
    }
    memset(c, 0, sizeof *c);
}

/* --- printing --------------------------------------------------------------------------------------- */

static void config_format_listen(const struct config_listen *listen, struct strbuf *to)
{
    bool v6 = strchr(listen->host, ':') != NULL;

    if (listen->port < 0)
        strbuf_add_text(to, "off");
    else
        strbuf_add_format(to, "%s%s%s:%d", v6 ? "[" : "", listen->host, v6 ? "]" : "", listen->port);
}

static void config_format_delays(const struct config *c, struct strbuf *to)
{
    for (size_t i = 0; i < c->retry_delay_count; i++) {
        if (i > 0)
            strbuf_add_char(to, ',');
        strbuf_add_i64(to, c->retry_delays_ms[i]);
    }
}

/* The value as a person would set it. */
static void config_format(const struct config_key *key, const struct config *c, struct strbuf *to)
{
    static const char *const levels[] = {"error", "warn", "info", "debug"};
    static const char *const policies[] = {"stale", "missing", "always"};
    static const char *const batches[] = {"off", "GET", "POST"};
    const void *field = config_field_const(key, c);
    int offset;

    switch (key->kind) {
    case KIND_INT:
    case KIND_MS:
        strbuf_add_i64(to, *(const int64_t *)field);
        break;
    case KIND_SECONDS:
        strbuf_add_i64(to, *(const int64_t *)field / 1000);
        break;
    case KIND_TEXT:
    case KIND_NAME:
    case KIND_URL:
    case KIND_REDIS:
    case KIND_PAIR:
    case KIND_LIST:
    case KIND_HEX_KEY:
        strbuf_add_text(to, *(char *const *)field);
        break;
    case KIND_LISTEN:
        config_format_listen(field, to);
        break;
    case KIND_LEVEL:
        strbuf_add_text(to, levels[*(const enum log_level *)field]);
        break;
    case KIND_FORMAT:
        strbuf_add_text(to, *(const bool *)field ? "json" : "logfmt");
        break;
    case KIND_POLICY:
        strbuf_add_text(to, policies[*(const enum config_fetch_policy *)field]);
        break;
    case KIND_BATCH:
        strbuf_add_text(to, batches[*(const enum config_batch *)field]);
        break;
    case KIND_TRIM:
        strbuf_add_text(to, *(const bool *)field ? "hard" : "safe");
        break;
    case KIND_DELAYS:
        config_format_delays(c, to);
        break;
    case KIND_OFFSET:
        offset = *(const int *)field;
        strbuf_add_format(to, "%c%02d:%02d", offset < 0 ? '-' : '+', abs(offset) / 60, abs(offset) % 60);
        break;
    }
}

/* "1 to 64", or "" where a range says nothing. */
static void config_format_range(const struct config_key *key, struct strbuf *to)
{
    if (key->kind == KIND_INT || key->kind == KIND_MS || key->kind == KIND_SECONDS ||
        key->kind == KIND_DELAYS)
        strbuf_add_format(to, "%lld to %lld", (long long)key->low, (long long)key->high);
}

static const char *config_fallback_text(const struct config_key *key)
{
    return !key->fallback ? "(must be set)" : *key->fallback ? key->fallback : "(empty)";
}

void config_print_help(FILE *to, enum config_program program)
{
    struct strbuf range = STRBUF_INIT;

    for (size_t i = 0; i < CONFIG_KEYS; i++) {
        const struct config_key *key = &config_keys[i];

        if (!(key->flags & program))
            continue;
        strbuf_reset(&range);
        config_format_range(key, &range);
        fprintf(to, "  %-32s %s\n", key->name, key->help);
        fprintf(to, "  %-32s default %s%s%s%s\n", "", config_fallback_text(key), range.length ? ", " : "",
                strbuf_text(&range),
                key->flags & SECRET ? "; secret, may come from a file named by _FILE" : "");
    }
    strbuf_deinit(&range);
}

void config_print_dump(FILE *to, const struct config *c, enum config_program program)
{
    struct strbuf value = STRBUF_INIT;

    for (size_t i = 0; i < CONFIG_KEYS; i++) {
        const struct config_key *key = &config_keys[i];

        if (!(key->flags & program))
            continue;
        strbuf_reset(&value);
        config_format(key, c, &value);
        if (key->flags & SECRET)
            fprintf(to, "%s: %s\n", key->name, value.length > 0 ? "set" : "not set");
        else
            fprintf(to, "%s=%s\n", key->name, strbuf_text(&value));
        if (value.data)
            explicit_bzero(value.data, value.capacity);
    }
    config_wipe(&value);
}

static void config_print_readers(FILE *to, unsigned flags)
{
    const char *comma = "";

    if (flags & CONFIG_SERVER) {
        fputs("server", to);
        comma = ", ";
    }
    if (flags & CONFIG_WORKER) {
        fprintf(to, "%sworker", comma);
        comma = ", ";
    }
    if (flags & CONFIG_CTL)
        fprintf(to, "%sctl", comma);
}

void config_print_markdown(FILE *to)
{
    struct strbuf range = STRBUF_INIT;

    fputs("| Variable | Default | Range | Read by | What |\n|---|---|---|---|---|\n", to);
    for (size_t i = 0; i < CONFIG_KEYS; i++) {
        const struct config_key *key = &config_keys[i];

        strbuf_reset(&range);
        config_format_range(key, &range);
        fprintf(to, "| `%s`%s | ", key->name, key->flags & SECRET ? " (secret)" : "");
        if (key->fallback && *key->fallback)
            fprintf(to, "`%s`", key->fallback);
        else
            fputs(key->fallback ? "" : "must be set", to);
        fprintf(to, " | %s | ", strbuf_text(&range));
        config_print_readers(to, key->flags);
        fprintf(to, " | %s |\n", key->help);
    }
    strbuf_deinit(&range);
}

void config_print_env_example(FILE *to)
{
    for (size_t i = 0; i < CONFIG_KEYS; i++) {
        const struct config_key *key = &config_keys[i];

        fprintf(to, "%s# %s (", i > 0 ? "\n" : "", key->help);
        config_print_readers(to, key->flags);
        fprintf(to, "%s)\n", key->fallback ? "" : "; must be set");
        fprintf(to, "#%s=%s\n", key->name, key->fallback ? key->fallback : "");
    }
}
