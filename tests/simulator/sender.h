/* sender.h - webhook-sender: what its four files share.
 *
 * Flow:   options (sender_main.c) → list of finished requests (sender_list.c) → sending (sender_run.c) →
 *         summary and ledger (sender_report.c).
 * Why so: every request is one block of bytes made before the clock starts, so that the sender costs the
 * machine as little as possible while it measures somebody else. */
#ifndef SENDER_H
#define SENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct plan {
    char host[256];
    char port[8];
    const char *file;   /* NULL: standard input */
    const char *ledger; /* NULL: none */
    int64_t connections;
    int64_t rate;    /* per second; 0: closed loop */
    int64_t repeat;  /* times the whole list is sent */
    int64_t retries; /* further tries of an event that was not answered 200 */
    int64_t retry_ms;
    int64_t timeout_ms;
    bool close;   /* a connection for each request */
    bool connect; /* all connections are open before the first one leaves */
    bool hold;    /* wait for a line before the first one leaves */
    bool load;    /* make the list instead of reading it */
    int64_t load_count, load_size, load_shops, load_first;
    const char *load_method, *load_path;
    const char *app_key, *app_secret;
};

/* A complete HTTP request. */
struct request {
    char *bytes; /* owned */
    uint32_t len;
    uint32_t body_at; /* where the body begins */
};

struct list {
    struct request *request; /* owned */
    size_t count;
    size_t cap;
};

/* What an attempt ended with when no status came. */
#define STATUS_CONNECTION 1 /* refused, reset, closed early, not HTTP */
#define STATUS_TIMEOUT    2

/* One event of one repetition. */
struct event_state {
    uint8_t attempts;
    bool accepted;       /* answered 200 */
    uint32_t latency_us; /* of the last attempt */
};

struct outcome {
    struct event_state *event; /* owned, list.count * repeat */
    uint16_t *status;          /* owned, (retries + 1) per event */
    size_t events;
    uint32_t *latency; /* owned: of every answered attempt, µs */
    size_t latencies;
    size_t latency_cap;
    uint64_t sent;
    uint64_t retries;
    double seconds;
};

/* False: a sentence was printed on standard error. */
bool list_read(const struct plan *plan, struct list *list) __attribute__((warn_unused_result));
void list_make(const struct plan *plan, struct list *list);
void list_deinit(struct list *list);

/* Sends everything; false: could not start (a sentence was printed). Stops early on SIGINT and SIGTERM. */
bool run_all(const struct plan *plan, const struct list *list, struct outcome *out)
    __attribute__((warn_unused_result));

/* Prints the summary, writes the ledger; true when every event was finally answered 200. */
bool report_all(const struct plan *plan, const struct list *list, struct outcome *out);
void outcome_deinit(struct outcome *out);

#endif
