/* test_admin.c - the admin port: answers, refusals, on the caller's loop and on its own thread. */
#include "common/admin.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/metrics.h"
#include "tests/harness.h"

static const struct config_listen any_port = {"127.0.0.1", 0};

static bool ready(void *context, struct strbuf *why)
{
    atomic_bool *up = context;
    bool is = atomic_load(up);

    strbuf_add_text(why, is ? "redis: up\n" : "redis: down since 3 s\n");
    return is;
}

static int dial(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct timeval limit = {20, 0};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(fd >= 0);
    CHECK_INT(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    CHECK_INT(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

/* Reads to the end of the connection. */
static void hear(int fd, char *to, size_t size)
{
    size_t length = 0;
    ssize_t n;

    while (length < size - 1 && (n = read(fd, to + length, size - 1 - length)) > 0)
        length += (size_t)n;
    to[length] = '\0';
    close(fd);
}

static char answer[65536];

static void ask(int port, const char *request)
{
    int fd = dial(port);

    CHECK(write(fd, request, strlen(request)) == (ssize_t)strlen(request));
    hear(fd, answer, sizeof answer);
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"

static bool begins(const char *text)
{
    return strncmp(answer, text, strlen(text)) == 0;
}

static bool ends(const char *text)
{
    size_t n = strlen(answer), m = strlen(text);

    return n >= m && strcmp(answer + n - m, text) == 0;
}

static struct admin *start(atomic_bool *up)
{
    struct admin_callbacks callbacks = {ready, up, "worker"};
    struct err err = {0};
    bool off = true;
    struct admin *a = admin_start_thread(&any_port, &callbacks, &off, &err);

    CHECK_TEXT(err.text, "");
    CHECK(a != NULL && !off);
    CHECK(admin_port(a) > 0);
    return a;
}

TEST(answers_probes)
{
    atomic_bool up = true;
    struct admin *a = start(&up);

    ask(admin_port(a), GET("/healthz"));
    CHECK(begins("HTTP/1.1 200 OK\r\n") && ends("\r\n\r\nok\n"));
    CHECK(strstr(answer, "Content-Type: text/plain; charset=utf-8\r\n"));
    ask(admin_port(a), GET("/readyz"));
    CHECK(begins("HTTP/1.1 200 OK\r\n") && ends("\r\n\r\nredis: up\n"));
    atomic_store(&up, false);
    ask(admin_port(a), GET("/readyz?verbose"));
    CHECK(begins("HTTP/1.1 503 ") && ends("\r\n\r\nredis: down since 3 s\n"));
    ask(admin_port(a), GET("/healthz"));
    CHECK(begins("HTTP/1.1 200 "));
    admin_stop(a);
}

TEST(shows_its_program_s_metrics)
{
    atomic_bool up = true;
    struct admin *a = start(&up);

    metric_add(METRIC_WORKER_ACKED, 12);
    ask(admin_port(a), GET("/metrics"));
    CHECK(begins("HTTP/1.1 200 OK\r\n"));
    CHECK(strstr(answer, "Content-Type: text/plain; version=0.0.4"));
    CHECK(strstr(answer, "\nshopstream_worker_entries_acked_total 12\n"));
    CHECK(!strstr(answer, "shopstream_server_"));
    admin_stop(a);
}

TEST(refuses_everything_else_with_a_reason)
{
    atomic_bool up = true;
    struct admin *a = start(&up);

    ask(admin_port(a), GET("/"));
    CHECK(begins("HTTP/1.1 404 ") &&
          ends("\r\n\r\nno such path; there are /healthz, /readyz and /metrics\n"));
    ask(admin_port(a), GET("/healthz/"));
    CHECK(begins("HTTP/1.1 404 "));
    ask(admin_port(a), GET("/metrics2"));
    CHECK(begins("HTTP/1.1 404 "));
    ask(admin_port(a), "POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx");
    CHECK(begins("HTTP/1.1 405 ") && strstr(answer, "Allow: GET, HEAD\r\n") && ends("only GET and HEAD\n"));
    ask(admin_port(a), "DELETE /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(begins("HTTP/1.1 405 "));
    admin_stop(a);
}

TEST(a_head_request_gets_no_body)
{
    atomic_bool up = true;
    struct admin *a = start(&up);

    ask(admin_port(a), "HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(begins("HTTP/1.1 200 OK\r\n") && ends("\r\n\r\n"));
    CHECK(strstr(answer, "Content-Length: 3\r\n"));
    ask(admin_port(a), "HEAD /nothing HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(begins("HTTP/1.1 404 ") && ends("\r\n\r\n"));
    admin_stop(a);
}

TEST(bounds_headers_and_bodies)
{
    atomic_bool up = true;
    struct admin *a = start(&up);
    char request[20000];
    int n = snprintf(request, sizeof request, "GET /healthz HTTP/1.1\r\nHost: x\r\nX: ");

    memset(request + n, 'x', sizeof request - (size_t)n);
    memcpy(request + sizeof request - 5, "\r\n\r\n", 5);
    ask(admin_port(a), request);
    CHECK(!begins("HTTP/1.1 200 "));
    ask(admin_port(a), "GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 2000\r\n\r\n");
    CHECK(!begins("HTTP/1.1 200 "));
    ask(admin_port(a), GET("/healthz"));
    CHECK(begins("HTTP/1.1 200 "));
    admin_stop(a);
}

TEST(closes_a_client_that_says_nothing)
{
    atomic_bool up = true;
    struct admin *a = start(&up);
    int silent = dial(admin_port(a)), half = dial(admin_port(a));

    CHECK(write(half, "GET /heal", 9) == 9);
    hear(silent, answer, sizeof answer); /* returns within the time-out, long before the 20 s of dial */
    CHECK_TEXT(answer, "");
    hear(half, answer, sizeof answer);
    CHECK(!begins("HTTP/1.1 200 "));
    admin_stop(a);
}

TEST(stops_with_clients_connected)
{
    atomic_bool up = true;
    struct admin *a = start(&up);
    int fd = dial(admin_port(a)), port = admin_port(a);

    CHECK(write(fd, "GET /", 5) == 5);
    admin_stop(a);
    hear(fd, answer, sizeof answer);
    CHECK_TEXT(answer, "");
    a = NULL;
    admin_stop(a);
    CHECK(port > 0);
}

TEST(off_is_no_failure)
{
    static const struct config_listen off_listen = {"", -1};
    struct admin_callbacks callbacks = {ready, NULL, "server"};
    struct err err = {0};
    bool off = false;

    CHECK(admin_start_thread(&off_listen, &callbacks, &off, &err) == NULL);
    CHECK(off);
    off = false;
    CHECK(admin_start(NULL, &off_listen, &callbacks, &off, &err) == NULL);
    CHECK(off);
    CHECK_INT(err.domain, ERR_NONE);
}

TEST(says_why_it_cannot_listen)
{
    atomic_bool up = true;
    struct admin *a = start(&up);
    struct config_listen taken = {"127.0.0.1", admin_port(a)};
    struct admin_callbacks callbacks = {ready, &up, "server"};
    char expected[128];
    struct err err = {0};
    bool off = true;

    CHECK(admin_start_thread(&taken, &callbacks, &off, &err) == NULL);
    CHECK(!off);
    snprintf(expected, sizeof expected, "admin: cannot listen on 127.0.0.1 port %d: Address already in use",
             taken.port);
    CHECK_TEXT(err.text, expected);
    admin_stop(a);
}

static atomic_bool asked;

static void *ask_health(void *context)
{
    ask(*(int *)context, GET("/healthz"));
    atomic_store(&asked, true);
    return NULL;
}

static void on_tick(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    if (atomic_load(&asked))
        event_base_loopbreak(context);
}

TEST(runs_on_the_caller_s_loop)
{
    struct event_base *base = event_base_new();
    atomic_bool up = true;
    struct admin_callbacks callbacks = {ready, &up, "server"};
    struct timeval tick = {0, 10000};
    struct err err = {0};
    bool off;
    struct admin *a = admin_start(base, &any_port, &callbacks, &off, &err);
    struct event *timer = event_new(base, -1, EV_PERSIST, on_tick, base);
    pthread_t client;
    int port;

    CHECK(a != NULL && timer != NULL);
    port = admin_port(a);
    CHECK_INT(pthread_create(&client, NULL, ask_health, &port), 0);
    event_add(timer, &tick);
    event_base_dispatch(base);
    pthread_join(client, NULL);
    CHECK(begins("HTTP/1.1 200 OK\r\n") && ends("ok\n"));
    event_free(timer);
    admin_stop(a);
    event_base_free(base);
}

/* A signal of the process must reach a thread that waits for it, not the admin's. */
TEST(its_thread_takes_no_signals)
{
    atomic_bool up = true;
    sigset_t usr1;
    int got = 0;
    struct admin *a = start(&up);

    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    CHECK_INT(pthread_sigmask(SIG_BLOCK, &usr1, NULL), 0);
    CHECK_INT(kill(getpid(), SIGUSR1), 0); /* ends the process when the admin's thread takes it */
    CHECK_INT(sigwait(&usr1, &got), 0);
    CHECK_INT(got, SIGUSR1);
    admin_stop(a);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(answers_probes), CASE(shows_its_program_s_metrics),
                        CASE(refuses_everything_else_with_a_reason), CASE(a_head_request_gets_no_body),
                        CASE(bounds_headers_and_bodies), CASE(closes_a_client_that_says_nothing),
                        CASE(stops_with_clients_connected), CASE(off_is_no_failure),
                        CASE(says_why_it_cannot_listen), CASE(runs_on_the_caller_s_loop),
                        CASE(its_thread_takes_no_signals));
}
