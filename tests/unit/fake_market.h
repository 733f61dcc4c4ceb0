/* fake_market.h - tests: a marketplace on a thread of the test, that does what the test says, shop by shop.
 *
 * Shops are named by their cipher. Signatures are not looked at: the simulator does that. */
#ifndef SHOPSTREAM_TESTS_FAKE_MARKET_H
#define SHOPSTREAM_TESTS_FAKE_MARKET_H

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/thread.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "tests/harness.h"

enum fake_mode {
    FAKE_GOOD,
    FAKE_500,
    FAKE_HANG,     /* never answers */
    FAKE_LIMIT,    /* 429, Retry-After as set */
    FAKE_GARBAGE,  /* 200, not JSON */
    FAKE_REDIRECT, /* 302 to a good answer of this server */
    FAKE_BIG,      /* 200, one byte more than a client takes */
    FAKE_TOKEN,    /* 105002 unless the token is "new" */
    FAKE_NULL,     /* code 0, data null */
};

enum { FAKE_SHOPS = 8, FAKE_BIG_BYTES = 16 * 1024 * 1024 + 1 };

struct fake_shop {
    char cipher[32];
    enum fake_mode detail; /* what detail calls get */
    char poison[32];       /* a call with this id gets code 36009004 */
    char denied[32];       /* a call with this id gets code 21008111 */
    char missing[32];      /* this id is left out */
    int detail_calls;      /* made so far */
    int ids;               /* asked for in them */
    int most_ids;          /* in one of them */
    int package_calls;     /* package details asked for */
    int package_ids;       /* ids in them */
    int tracking_calls;    /* tracking asked for */
};

struct fake_market {
    pthread_mutex_t lock; /* guards everything below */
    struct fake_shop shops[FAKE_SHOPS];
    enum fake_mode probe; /* what probes get, FAKE_GOOD and so on */
    int probes;           /* made so far */
    int followed;         /* requests at the redirect's target */
    char fault_path[64];  /* a path with this in it gets the code; "" = none */
    char fault_code[40];  /* digits: TikTok's; else Shopee's word */
    int others;           /* requests of other paths */
    char retry_after[40]; /* "" = none */
    long date_offset_s;   /* added to the Date header; 0 = evhttp's own */
    pthread_t thread;
    struct event_base *base;
    struct evhttp *http;
    int port;
};

static struct fake_shop *fake_shop(struct fake_market *m, const char *cipher)
{
    for (size_t i = 0; i < FAKE_SHOPS; i++) {
        if (!*m->shops[i].cipher)
            snprintf(m->shops[i].cipher, sizeof m->shops[i].cipher, "%s", cipher);
        if (strcmp(m->shops[i].cipher, cipher) == 0)
            return &m->shops[i];
    }
    abort();
}

static void fake_send(struct fake_market *m, struct evhttp_request *r, int status, struct evbuffer *body)
{
    if (m->date_offset_s != 0) {
        time_t at = time(NULL) + m->date_offset_s;
        struct tm tm;
        char text[64];

        gmtime_r(&at, &tm);
        strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
        evhttp_add_header(evhttp_request_get_output_headers(r), "Date", text);
    }
    evhttp_send_reply(r, status, "x", body);
}

static void fake_code(struct fake_market *m, struct evhttp_request *r, int status, const char *text)
{
    struct evbuffer *body = evbuffer_new();

    evbuffer_add(body, text, strlen(text));
    fake_send(m, r, status, body);
    evbuffer_free(body);
}

/* True: answered, or never will be. */
static bool fake_trouble(struct fake_market *m, struct evhttp_request *r, enum fake_mode mode)
{
    const char *token = evhttp_find_header(evhttp_request_get_input_headers(r), "x-tts-access-token");

    switch (mode) {
    case FAKE_GOOD:
        return false;
    case FAKE_500:
        fake_code(m, r, 500, "oops");
        return true;
    case FAKE_HANG:
        return true;
    case FAKE_LIMIT:
        if (*m->retry_after)
            evhttp_add_header(evhttp_request_get_output_headers(r), "Retry-After", m->retry_after);
        fake_code(m, r, 429, "{\"code\":36009002,\"data\":null}");
        return true;
    case FAKE_GARBAGE:
        fake_code(m, r, 200, "<html>");
        return true;
    case FAKE_REDIRECT:
        evhttp_add_header(evhttp_request_get_output_headers(r), "Location", "/followed");
        fake_code(m, r, 302, "");
        return true;
    case FAKE_BIG: {
        struct evbuffer *body = evbuffer_new();
        char *bytes = calloc(1, FAKE_BIG_BYTES);

        evbuffer_add(body, bytes, FAKE_BIG_BYTES);
        free(bytes);
        fake_send(m, r, 200, body);
        evbuffer_free(body);
        return true;
    }
    case FAKE_TOKEN:
        if (token && strcmp(token, "new") == 0)
            return false;
        fake_code(m, r, 200, "{\"code\":105002,\"data\":null}");
        return true;
    case FAKE_NULL:
        fake_code(m, r, 200, "{\"code\":0,\"data\":null}");
        return true;
    }
    return false;
}

static void fake_orders(struct fake_market *m, struct fake_shop *shop, struct evhttp_request *r, char *ids)
{
    struct evbuffer *body = evbuffer_new();
    char *save = NULL, *comma = "";
    bool poisoned = false, denied = false;
    int n = 0;

    evbuffer_add_printf(body, "{\"code\":0,\"data\":{\"orders\":[");
    for (char *id = strtok_r(ids, ",", &save); id; id = strtok_r(NULL, ",", &save), n++) {
        poisoned = poisoned || strcmp(id, shop->poison) == 0;
        denied = denied || strcmp(id, shop->denied) == 0;
        if (strcmp(id, shop->missing) == 0)
            continue;
        evbuffer_add_printf(body, "%s{\"id\":\"%s\"", comma, id);
        if (*id == 'P') /* two packages */
            evbuffer_add_printf(
                body,
                ",\"status\":\"IN_TRANSIT\",\"update_time\":5,\"packages\":[{\"id\":\"%s-1\"},"
                "{\"id\":\"%s-2\"}]",
                id, id);
        evbuffer_add_printf(body, "}");
        comma = ",";
    }
    evbuffer_add_printf(body, "]}}");
    shop->ids += n;
    shop->most_ids = n > shop->most_ids ? n : shop->most_ids;
    if (poisoned)
        fake_code(m, r, 400, "{\"code\":36009004,\"data\":null}");
    else if (denied)
        fake_code(m, r, 400, "{\"code\":21008111,\"data\":null}");
    else if (!fake_trouble(m, r, shop->detail))
        fake_send(m, r, 200, body);
    evbuffer_free(body);
}

static void fake_detail(struct fake_market *m, struct evhttp_request *r)
{
    struct evkeyvalq query;
    const char *cipher, *ids;

    evhttp_parse_query_str(evhttp_uri_get_query(evhttp_request_get_evhttp_uri(r)), &query);
    cipher = evhttp_find_header(&query, "shop_cipher");
    ids = evhttp_find_header(&query, "ids");
    if (cipher && ids) {
        struct fake_shop *shop = fake_shop(m, cipher);
        char *copy = strdup(ids);

        shop->detail_calls++;
        fake_orders(m, shop, r, copy);
        free(copy);
    }
    evhttp_clear_headers(&query);
}

/* Package detail, tracking and product of TikTok: one subject, in the path. */
static void fake_single(struct fake_market *m, struct evhttp_request *r, const char *path)
{
    struct evbuffer *body = evbuffer_new();
    struct evkeyvalq query;
    const char *cipher, *id = strrchr(path, '/') + 1;
    struct fake_shop *shop;

    evhttp_parse_query_str(evhttp_uri_get_query(evhttp_request_get_evhttp_uri(r)), &query);
    cipher = evhttp_find_header(&query, "shop_cipher");
    shop = fake_shop(m, cipher ? cipher : "?");
    if (strcmp(id, "tracking") == 0) {
        shop->tracking_calls++;
        evbuffer_add_printf(body, "{\"code\":0,\"data\":{\"tracking\":[{\"description\":\"d\"}]}}");
    } else if (strstr(path, "/packages/")) {
        shop->package_calls++;
        shop->package_ids++;
        evbuffer_add_printf(body, "{\"code\":0,\"data\":{\"package_id\":\"%s\",\"package_status\":\"X\"}}",
                            id);
    } else {
        shop->detail_calls++;
        evbuffer_add_printf(body, "{\"code\":0,\"data\":{\"id\":\"%s\",\"title\":\"t\"}}", id);
    }
    fake_send(m, r, 200, body);
    evhttp_clear_headers(&query);
    evbuffer_free(body);
}

/* Order detail, package detail and tracking of Shopee. Each order has one package, "<order_sn>-1". */
static void fake_shopee(struct fake_market *m, struct evhttp_request *r, const char *path)
{
    struct evbuffer *body = evbuffer_new();
    struct evkeyvalq query;
    bool orders = strstr(path, "get_order_detail"), packages = strstr(path, "get_package_detail");
    const char *ids, *comma = "";
    struct fake_shop *shop;
    char *copy, *save = NULL;

    evhttp_parse_query_str(evhttp_uri_get_query(evhttp_request_get_evhttp_uri(r)), &query);
    shop = fake_shop(m, evhttp_find_header(&query, "shop_id"));
    ids = evhttp_find_header(&query, orders     ? "order_sn_list"
                                     : packages ? "package_number_list"
                                                : "package_number");
    copy = strdup(ids ? ids : "");
    shop->detail_calls += orders;
    shop->package_calls += packages;
    shop->tracking_calls += !orders && !packages;
    evbuffer_add_printf(body, "{\"error\":\"\",\"response\":{\"%s\":[",
                        orders     ? "order_list"
                        : packages ? "package_list"
                                   : "tracking_info");
    for (char *id = strtok_r(copy, ",", &save); id && (orders || packages); id = strtok_r(NULL, ",", &save)) {
        shop->package_ids += packages;
        if (strcmp(id, shop->missing) == 0)
            continue;
        if (orders)
            evbuffer_add_printf(body,
                                "%s{\"order_sn\":\"%s\",\"order_status\":\"SHIPPED\",\"update_time\":5,"
                                "\"package_list\":[{\"package_number\":\"%s-1\"}]}",
                                comma, id, id);
        else
            evbuffer_add_printf(body, "%s{\"package_number\":\"%s\",\"tracking_number\":\"T\"}", comma, id);
        comma = ",";
    }
    evbuffer_add_printf(body, "]%s}}", orders || packages ? "" : ",\"logistics_status\":\"L\"");
    fake_send(m, r, 200, body);
    free(copy);
    evhttp_clear_headers(&query);
    evbuffer_free(body);
}

/* True: the path is one that fails, and the code was sent. */
static bool fake_fault(struct fake_market *m, struct evhttp_request *r, const char *path)
{
    char body[128];
    bool number = m->fault_code[0] >= '0' && m->fault_code[0] <= '9';

    if (!*m->fault_path || !strstr(path, m->fault_path))
        return false;
    snprintf(body, sizeof body,
             number ? "{\"code\":%s,\"data\":null}" : "{\"error\":\"%s\",\"message\":\"\"}", m->fault_code);
    fake_code(m, r, 200, body);
    return true;
}

static void fake_on_request(struct evhttp_request *r, void *arg)
{
    struct fake_market *m = arg;
    const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(r));

    pthread_mutex_lock(&m->lock);
    if (fake_fault(m, r, path)) {
        m->others++;
    } else if (strcmp(path, "/order/202507/orders") == 0) {
        fake_detail(m, r);
    } else if (strncmp(path, "/fulfillment/", 13) == 0 || strncmp(path, "/product/", 9) == 0) {
        fake_single(m, r, path);
    } else if (strncmp(path, "/api/v2/", 8) == 0) {
        fake_shopee(m, r, path);
    } else if (strcmp(path, "/followed") == 0) {
        m->followed++;
        fake_code(m, r, 200, "{\"code\":0,\"data\":{\"orders\":[]}}");
    } else {
        m->probes++;
        if (!fake_trouble(m, r, m->probe))
            fake_code(m, r, 200, "{\"code\":0,\"data\":{\"shops\":[]}}");
    }
    pthread_mutex_unlock(&m->lock);
}

static void *fake_run(void *arg)
{
    struct fake_market *m = arg;

    event_base_loop(m->base, EVLOOP_NO_EXIT_ON_EMPTY);
    return NULL;
}

static void fake_start(struct fake_market *m)
{
    struct evhttp_bound_socket *bound;
    struct sockaddr_in address;
    socklen_t length = sizeof address;

    memset(m, 0, sizeof *m);
    pthread_mutex_init(&m->lock, NULL);
    evthread_use_pthreads();
    m->base = event_base_new();
    m->http = evhttp_new(m->base);
    evhttp_set_gencb(m->http, fake_on_request, m);
    bound = evhttp_bind_socket_with_handle(m->http, "127.0.0.1", 0);
    CHECK(bound != NULL);
    CHECK(getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&address, &length) == 0);
    m->port = ntohs(address.sin_port);
    CHECK(pthread_create(&m->thread, NULL, fake_run, m) == 0);
}

static void fake_break(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    event_base_loopbreak(arg);
}

static void fake_stop(struct fake_market *m)
{
    /* from within the loop: a break before its start would be forgotten */
    event_base_once(m->base, -1, EV_TIMEOUT, fake_break, m->base, &(struct timeval){0, 0});
    pthread_join(m->thread, NULL);
    evhttp_free(m->http);
    event_base_free(m->base);
    libevent_global_shutdown();
    pthread_mutex_destroy(&m->lock);
}

/* A setting of a shop, changed while the server may run. */
#define FAKE_SET(m, cipher, field, value)                                                                    \
    do {                                                                                                     \
        pthread_mutex_lock(&(m)->lock);                                                                      \
        fake_shop((m), (cipher))->field = (value);                                                           \
        pthread_mutex_unlock(&(m)->lock);                                                                    \
    } while (0)

static inline int fake_calls(struct fake_market *m, const char *cipher)
{
    int n;

    pthread_mutex_lock(&m->lock);
    n = fake_shop(m, cipher)->detail_calls;
    pthread_mutex_unlock(&m->lock);
    return n;
}

static inline int fake_probes(struct fake_market *m)
{
    int n;

    pthread_mutex_lock(&m->lock);
    n = m->probes;
    pthread_mutex_unlock(&m->lock);
    return n;
}

#endif
