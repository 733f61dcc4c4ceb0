/* sender_main.c - webhook-sender: options, then list, run, report. See sender.h.
 *
 * In:   NDJSON lines as the simulator's /_sim/burst makes them, or --load. Out: one JSON summary.
 * Exit: 0 every event was finally answered 200, 1 not, 2 usage or unreadable input, 3 could not begin. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sender.h"
#include "sim_num.h"

static const char help[] =
    "webhook-sender: posts signed webhooks and says how they were answered\n"
    "\n"
    "  --url URL          where to: http://HOST:PORT (needed)\n"
    "  --file FILE        NDJSON lines {\"signature\",\"path\",\"body\"}; standard input when absent\n"
    "  --connections C    kept-alive connections (16)\n"
    "  --rate R           events per second, latency counted from when each was due; absent: as fast as "
    "answered\n"
    "  --repeat N         send the whole list N times (1)\n"
    "  --retries N        further tries of what was not answered 200 (0)\n"
    "  --retry-ms M       pause before such a try (1000)\n"
    "  --timeout-ms M     longest wait for an answer (3000)\n"
    "  --close            a connection for each request\n"
    "  --connect          opens all connections before it begins\n"
    "  --hold             says \"ready\" on standard error when it could begin, and begins on a line of "
    "standard "
    "input\n"
    "  --ledger FILE      NDJSON: ids, statuses and latency of every event\n"
    "  --load             make the list: unique signed order pushes\n"
    "    --count N        how many (10000)\n"
    "    --size BYTES     length of each body (1024; at least about 250)\n"
    "    --shops N        spread over so many shops (10)\n"
    "    --first N        number of the first: with the second of the start it makes the ids unique (0)\n"
    "    --method M       (POST)\n"
    "    --path P         (/webhooks/tiktok)\n"
    "    --app-key K --app-secret S\n"
    "  --help\n"
    "\n"
    "Exit code: 0 when every event was finally answered 200, 1 otherwise.\n";

enum {
    OPT_URL = 256,
    OPT_FILE,
    OPT_CONNECTIONS,
    OPT_RATE,
    OPT_REPEAT,
    OPT_RETRIES,
    OPT_RETRY_MS,
    OPT_TIMEOUT_MS,
    OPT_LEDGER,
    OPT_CLOSE,
    OPT_CONNECT,
    OPT_HOLD,
    OPT_LOAD,
    OPT_COUNT,
    OPT_SIZE,
    OPT_SHOPS,
    OPT_FIRST,
    OPT_METHOD,
    OPT_PATH,
    OPT_KEY,
    OPT_SECRET,
    OPT_HELP
};

static const struct option options[] = {
    {"url", required_argument, NULL, OPT_URL},
    {"file", required_argument, NULL, OPT_FILE},
    {"connections", required_argument, NULL, OPT_CONNECTIONS},
    {"rate", required_argument, NULL, OPT_RATE},
    {"repeat", required_argument, NULL, OPT_REPEAT},
    {"retries", required_argument, NULL, OPT_RETRIES},
    {"retry-ms", required_argument, NULL, OPT_RETRY_MS},
    {"timeout-ms", required_argument, NULL, OPT_TIMEOUT_MS},
    {"ledger", required_argument, NULL, OPT_LEDGER},
    {"close", no_argument, NULL, OPT_CLOSE},
    {"connect", no_argument, NULL, OPT_CONNECT},
    {"hold", no_argument, NULL, OPT_HOLD},
    {"load", no_argument, NULL, OPT_LOAD},
    {"count", required_argument, NULL, OPT_COUNT},
    {"size", required_argument, NULL, OPT_SIZE},
    {"shops", required_argument, NULL, OPT_SHOPS},
    {"first", required_argument, NULL, OPT_FIRST},
    {"method", required_argument, NULL, OPT_METHOD},
    {"path", required_argument, NULL, OPT_PATH},
    {"app-key", required_argument, NULL, OPT_KEY},
    {"app-secret", required_argument, NULL, OPT_SECRET},
    {"help", no_argument, NULL, OPT_HELP},
    {0},
};

static int usage(const char *why)
{
    fprintf(stderr, "webhook-sender: %s (see --help)\n", why);
    return 2;
}

/* http://HOST[:PORT][/] */
static bool take_url(struct plan *plan, const char *url)
{
    const char *host = url + 7, *colon;
    size_t n, len;
    int64_t port = 80;

    if (strncmp(url, "http://", 7) != 0)
        return false;
    n = strcspn(host, "/");
    colon = memrchr(host, ':', n);
    len = colon ? (size_t)(colon - host) : n;
    if (strcmp(host + n, "") != 0 && strcmp(host + n, "/") != 0)
        return false;
    if (colon && !num_i64(colon + 1, n - len - 1, 1, 65535, &port))
        return false;
    if (len == 0 || len >= sizeof plan->host)
        return false;
    snprintf(plan->host, sizeof plan->host, "%.*s", (int)len, host);
    snprintf(plan->port, sizeof plan->port, "%d", (int)port);
    return true;
}

static bool take_number(const char *text, int64_t low, int64_t high, int64_t *out)
{
    return num_i64(text, strlen(text), low, high, out);
}

static bool take_option(struct plan *plan, int which, const char *value)
{
    switch (which) {
    case OPT_URL:
        return take_url(plan, value);
    case OPT_FILE:
        plan->file = value;
        return true;
    case OPT_CONNECTIONS:
        return take_number(value, 1, 60000, &plan->connections);
    case OPT_RATE:
        return take_number(value, 1, 10000000, &plan->rate);
    case OPT_REPEAT:
        return take_number(value, 1, 1000000, &plan->repeat);
    case OPT_RETRIES:
        return take_number(value, 0, 200, &plan->retries);
    case OPT_RETRY_MS:
        return take_number(value, 0, 86400000, &plan->retry_ms);
    case OPT_TIMEOUT_MS:
        return take_number(value, 1, 86400000, &plan->timeout_ms);
    case OPT_LEDGER:
        plan->ledger = value;
        return true;
    case OPT_CLOSE:
        plan->close = true;
        return true;
    case OPT_CONNECT:
        plan->connect = true;
        return true;
    case OPT_HOLD:
        plan->hold = true;
        return true;
    case OPT_LOAD:
        plan->load = true;
        return true;
    case OPT_COUNT:
        return take_number(value, 1, 100000000, &plan->load_count);
    case OPT_SIZE:
        return take_number(value, 1, 16 << 20, &plan->load_size);
    case OPT_SHOPS:
        return take_number(value, 1, 99999, &plan->load_shops);
    case OPT_FIRST:
        return take_number(value, 0, 900000000, &plan->load_first);
    case OPT_METHOD:
        plan->load_method = value;
        return true;
    case OPT_PATH:
        plan->load_path = value;
        return value[0] == '/';
    case OPT_KEY:
        plan->app_key = value;
        return true;
    case OPT_SECRET:
        plan->app_secret = value;
        return true;
    default:
        return false;
    }
}

static int send_all(const struct plan *plan)
{
    struct list list = {0};
    struct outcome outcome = {0};
    int result = 2;

    if (plan->load)
        list_make(plan, &list);
    else if (!list_read(plan, &list))
        goto out;
    if (list.count == 0) {
        usage("nothing to send");
        goto out;
    }
    result = 3;
    if (run_all(plan, &list, &outcome))
        result = report_all(plan, &list, &outcome) ? 0 : 1;
out:
    outcome_deinit(&outcome);
    list_deinit(&list);
    return result;
}

int main(int argc, char **argv)
{
    struct plan plan = {.connections = 16,
                        .repeat = 1,
                        .retry_ms = 1000,
                        .timeout_ms = 3000,
                        .load_count = 10000,
                        .load_size = 1024,
                        .load_shops = 10,
                        .load_method = "POST",
                        .load_path = "/webhooks/tiktok",
                        .app_key = "simkey",
                        .app_secret = "simsecret"};
    int which;

    while ((which = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (which == OPT_HELP) {
            fputs(help, stdout);
            return 0;
        }
        if (!take_option(&plan, which, optarg))
            return usage("bad option or value");
    }
    if (optind < argc || !plan.port[0])
        return usage(optind < argc ? "unexpected argument" : "--url is needed");
    return send_all(&plan);
}
