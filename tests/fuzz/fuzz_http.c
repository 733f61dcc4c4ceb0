/* fuzz_http.c - tests: any bytes on a connection to the server, in pieces: evhttp, framing, receive, verify and answer as
 * they are, with a Redis that is not there (a push that should verify would be a 503).
 *
 * Input:   a byte that says in pieces of how many bytes the rest is sent, then the bytes. After them the client is silent.
 * Checks:  no sanitizer report; nothing but answers comes back, none of them 200 or 503, since nobody here can sign;
 *          nothing stays in flight, no connection is left. */
#include <errno.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/redis_url.h"
#include "common/strbuf.h"
#include "server/connections.h"
#include "server/http.h"
#include "server/pending.h"
#include "server/stream.h"

enum { TIMEOUT_MS = 100, TURNS = 3, SWEEPS = 5, ANSWERS_BYTES = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static char app_key[] = "abcdef", secret[] = "123", partner_id[] = "2001887", callback_url[] = "https://a/";
static const struct config config = {.tiktok_app_key = app_key,
                                     .tiktok_app_secret = secret,
                                     .shopee_partner_id = partner_id,
                                     .shopee_partner_key = secret,
                                     .shopee_push_key = app_key + 6,
                                     .shopee_callback_url = callback_url,
                                     .shopee_verification_push = 0,
                                     .stream_partitions = 1,
                                     .answer_deadline_ms = 50,
                                     .max_body_bytes = 4096,
                                     .max_inflight = 16,
                                     .max_inflight_bytes = 1 << 20,
                                     .client_timeout_ms = TIMEOUT_MS};
static struct event_base *base;
static struct http *server;
static int64_t now_ms; /* monotonic, ahead of the clock and always on its way */
static struct connections_limit limit = {.most = 100};
static struct sockaddr_un address = {.sun_family = AF_UNIX}; /* an abstract name: no file, no ports used up */
static socklen_t address_length;

static void demand(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const struct redis_url nowhere = {.path = "/nonexistent/redis.sock"};
    static struct pending_stores stores;
    struct evconnlistener *listener;

    (void)argc;
    (void)argv;
    log_setup("fuzz", LOG_ERROR, false);
    address_length = (socklen_t)offsetof(struct sockaddr_un, sun_path) + 1 +
                     (socklen_t)snprintf(address.sun_path + 1, 64, "shopstream-fuzz-%d", (int)getpid());
    now_ms = clock_mono_ms();
    base = event_base_new();
    listener = evconnlistener_new_bind(base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 16,
                                       (struct sockaddr *)&address, (int)address_length);
    demand(listener != NULL);
    /* nothing gets past verify, so what stands behind the stream is never asked */
    stores.stream = stream_new(base, &nowhere, NULL);
    stores.placement = placement_new(&config);
    server = http_new(base, &config, listener, &stores, &limit);
    return 0;
}

static void turn(void)
{
    for (int i = 0; i < TURNS; i++)
        event_base_loop(base, EVLOOP_NONBLOCK);
}

/* Appends what has come. False: the server has ended the connection. */
static bool hear(int fd, struct strbuf *heard)
{
    ssize_t n;

    do {
        strbuf_reserve(heard, 4096);
        n = recv(fd, heard->data + heard->length, 4096, MSG_DONTWAIT);
        if (n > 0)
            heard->length += (size_t)n;
    } while (n > 0);
    demand(heard->length < ANSWERS_BYTES * 16);
    return n < 0 && errno == EAGAIN;
}

static void talk(int fd, const uint8_t *data, size_t size, size_t piece, struct strbuf *heard)
{
    bool open = true;

    while (size > 0 && open) {
        const size_t wanted = size < piece ? size : piece;
        const ssize_t sent = send(fd, data, wanted, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (sent > 0) {
            data += sent;
            size -= (size_t)sent;
        } else if (errno != EAGAIN) {
            return;
        }
        turn();
        open = hear(fd, heard);
    }
    shutdown(fd, SHUT_WR);
    turn();
    (void)hear(fd, heard);
}

static void check_answers(const struct strbuf *heard)
{
    const char *at = heard->data, *end = at + heard->length;

    demand(heard->length == 0 || (heard->length > 12 && memcmp(at, "HTTP/", 5) == 0));
    while (at && (at = memmem(at, (size_t)(end - at), "HTTP/", 5)) != NULL) {
        const char *space = memchr(at, ' ', (size_t)(end - at));

        /* What the client wrote is in no answer, so this is a status line. */
        demand(space && end - space > 4);
        demand(memcmp(space, " 200", 4) != 0 && memcmp(space, " 503", 4) != 0);
        demand(space[1] == '4' || space[1] == '5' || memcmp(space, " 100", 4) == 0);
        at = space;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct strbuf heard = STRBUF_INIT;
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (size < 2)
        return close(fd), 0;
    demand(fd >= 0 && connect(fd, (struct sockaddr *)&address, address_length) == 0);
    turn();
    talk(fd, data + 1, size - 1, data[0] ? (size_t)data[0] * 8 : 1, &heard);
    close(fd);
    check_answers(&heard);
    for (int i = 0; i < SWEEPS && atomic_load(&limit.open) > 0; i++) {
        turn();
        http_tick(server, now_ms += 1000); /* a sweep is due with each */
    }
    demand(pendings_count(http_pendings(server)) == 0);
    demand(connections_open(http_connections(server)) == 0 && atomic_load(&limit.open) == 0);
    strbuf_deinit(&heard);
    return 0;
}
