/* test_stream.c - replies find who waits for them, and a connection that ends tells everybody who still does. Redis is this
 * program's other end of a Unix socket. */
#include "server/stream.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/strbuf.h"
#include "tests/harness.h"

#define PING "*1\r\n$4\r\nPING\r\n"

enum { CALLS_MAX = 6000, BIG = 4096 };

/* Who waits, and what came of it. */
struct asked {
    struct stream_call call; /* first */
    enum stream_reply reply;
    char text[64];
    size_t order; /* of all that were told; 0: not yet */
};

struct scene {
    struct event_base *base;
    struct redis_url url;
    struct stream *stream;
    int listener, peer;
    struct strbuf heard; /* what Redis got */
};

static struct asked asked[CALLS_MAX];
static size_t told;
static struct scene *reviving; /* its stream is asked to send from within a callback */
static bool revived;

static void on_told(struct stream_call *call, enum stream_reply reply, const char *text, size_t n)
{
    struct asked *a = (struct asked *)call;

    CHECK(a->order == 0);
    a->order = ++told;
    a->reply = reply;
    snprintf(a->text, sizeof(a->text), "%.*s", (int)n, n > 0 ? text : "");
    if (reviving)
        revived = revived || stream_send(reviving->stream, PING, sizeof(PING) - 1, NULL);
}

static void turn(struct scene *s)
{
    event_base_loop(s->base, EVLOOP_NONBLOCK);
}

static void hear(struct scene *s)
{
    ssize_t n;

    do {
        strbuf_reserve(&s->heard, 1 << 16);
        n = recv(s->peer, s->heard.data + s->heard.length, 1 << 16, MSG_DONTWAIT);
        s->heard.length += n > 0 ? (size_t)n : 0;
    } while (n > 0);
}

static void say(struct scene *s, const char *bytes)
{
    CHECK(send(s->peer, bytes, strlen(bytes), MSG_NOSIGNAL) == (ssize_t)strlen(bytes));
    turn(s);
}

static void open_scene(struct scene *s)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    log_setup("test", LOG_ERROR, false);
    *s = (struct scene){.base = event_base_new(), .url = {.path = "./r.sock"}, .heard = STRBUF_INIT};
    memcpy(address.sun_path, s->url.path, sizeof("./r.sock"));
    s->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(s->listener, (struct sockaddr *)&address, sizeof(address)) == 0);
    CHECK(listen(s->listener, 4) == 0);
    s->stream = stream_new(s->base, &s->url, NULL);
}

static void accept_it(struct scene *s)
{
    stream_tick(s->stream, clock_mono_ms() + 10000);
    s->peer = accept(s->listener, NULL, NULL);
    CHECK(s->peer >= 0);
    turn(s);
    turn(s);
    strbuf_reset(&s->heard);
    hear(s);
}

static void begin(struct scene *s)
{
    open_scene(s);
    accept_it(s);
    CHECK_BYTES(s->heard.data, s->heard.length, PING, sizeof(PING) - 1);
    say(s, "+PONG\r\n");
    CHECK(stream_ready(s->stream));
    strbuf_reset(&s->heard);
}

static void end(struct scene *s)
{
    stream_free(s->stream);
    event_base_free(s->base);
    strbuf_deinit(&s->heard);
    close(s->peer);
    close(s->listener);
}

static void send_one(struct scene *s, size_t i, const char *command)
{
    asked[i].call.done = on_told;
    CHECK(stream_send(s->stream, command, strlen(command), &asked[i].call));
}

static void check_told(size_t i, enum stream_reply reply, const char *text, size_t order)
{
    CHECK_INT(asked[i].reply, reply);
    CHECK_TEXT(asked[i].text, text);
    CHECK_INT(asked[i].order, order);
}

TEST(replies_of_every_kind_reach_who_asked_in_order)
{
    struct scene s;

    begin(&s);
    for (size_t i = 0; i < 8; i++)
        send_one(&s, i, PING);
    CHECK(stream_send(s.stream, PING, sizeof(PING) - 1, NULL)); /* nobody waits for its reply */
    send_one(&s, 8, PING);
    turn(&s);
    say(&s, "+OK\r\n$5\r\n1");
    CHECK_INT(told, 1);
    say(&s, "2-34\r\n$-1\r\n-ERR "
            "no\r\n:7\r\n*2\r\n$1\r\na\r\n*1\r\n:1\r\n$0\r\n\r\n*-1\r\n+nobody's\r\n+last\r\n");
    check_told(0, STREAM_REPLY_TEXT, "OK", 1);
    check_told(1, STREAM_REPLY_TEXT, "12-34", 2);
    check_told(2, STREAM_REPLY_NIL, "", 3);
    check_told(3, STREAM_REPLY_ERROR, "ERR no", 4);
    check_told(4, STREAM_REPLY_OTHER, "", 5);
    check_told(5, STREAM_REPLY_OTHER, "", 6);
    check_told(6, STREAM_REPLY_TEXT, "", 7);
    check_told(7, STREAM_REPLY_NIL, "", 8);
    check_told(8, STREAM_REPLY_TEXT, "last", 9);
    end(&s);
}

TEST(commands_of_a_turn_leave_together_at_its_end_and_many_at_once)
{
    static char big[BIG];
    struct scene s;
    size_t i = 0;

    begin(&s);
    send_one(&s, i++, PING);
    send_one(&s, i++, PING);
    hear(&s);
    CHECK_INT(s.heard.length, 0);
    turn(&s);
    hear(&s);
    CHECK_BYTES(s.heard.data, s.heard.length, PING PING, 2 * (sizeof(PING) - 1));
    strbuf_reset(&s.heard);
    memset(big, 'x', sizeof(big) - 1);
    while (s.heard.length == 0 && i < 100) {
        send_one(&s, i++, big);
        hear(&s);
    }
    CHECK(i < 100);
    end(&s);
}

/* 8 MB are more than a socket takes. */
TEST(what_a_full_socket_does_not_take_leaves_later_in_order)
{
    static char big[BIG];
    struct scene s;
    char last[32];

    begin(&s);
    memset(big, '.', sizeof(big) - 1);
    for (size_t i = 0; i < 2000; i++) {
        snprintf(last, sizeof(last), "%06zu", i);
        memcpy(big, last, 6);
        send_one(&s, i, big);
    }
    for (int i = 0; i < 10000 && s.heard.length < 2000 * (BIG - 1); i++) {
        turn(&s);
        hear(&s);
    }
    CHECK_INT(s.heard.length, 2000 * (BIG - 1));
    for (size_t i = 0; i < 2000; i++) {
        snprintf(last, sizeof(last), "%06zu", i);
        if (memcmp(s.heard.data + i * (BIG - 1), last, 6) != 0)
            CHECK_INT(-1, (int64_t)i);
    }
    end(&s);
}

TEST(who_waits_on_a_connection_that_ends_is_told_once_in_order_and_cannot_send)
{
    struct scene s;

    begin(&s);
    reviving = &s;
    for (size_t i = 0; i < CALLS_MAX; i++)
        send_one(&s, i, PING);
    turn(&s);
    shutdown(s.peer, SHUT_RDWR);
    turn(&s);
    CHECK_INT(told, CALLS_MAX);
    check_told(0, STREAM_REPLY_LOST, "", 1);
    check_told(CALLS_MAX - 1, STREAM_REPLY_LOST, "", CALLS_MAX);
    CHECK(!revived && !stream_ready(s.stream));
    CHECK(!stream_send(s.stream, PING, sizeof(PING) - 1, &asked[0].call));
    reviving = NULL;
    close(s.peer);
    accept_it(&s);
    say(&s, "+PONG\r\n");
    CHECK(stream_ready(s.stream));
    CHECK_INT(stream_generation(s.stream), 2);
    end(&s);
}

TEST(stopping_tells_everybody_and_is_for_good)
{
    struct scene s;

    begin(&s);
    send_one(&s, 0, PING);
    stream_stop(s.stream);
    check_told(0, STREAM_REPLY_LOST, "", 1);
    stream_tick(s.stream, clock_mono_ms() + 100000);
    turn(&s);
    CHECK(!stream_ready(s.stream));
    end(&s);
}

static void check_ends(const char *bytes)
{
    struct scene s;

    told = 0;
    asked[0].order = asked[1].order = 0;
    unlink("./r.sock");
    begin(&s);
    send_one(&s, 0, PING);
    turn(&s);
    say(&s, bytes);
    turn(&s);
    CHECK_INT(told, 1);
    CHECK(!stream_ready(s.stream));
    end(&s);
}

TEST(a_reply_that_cannot_be_and_a_server_that_is_no_master_end_the_connection)
{
    check_ends("+OK\r\n+nobody asked\r\n");
    check_ends("what?\r\n");
    check_ends("-READONLY You can't write against a read only replica.\r\n");
    CHECK_TEXT(asked[0].text, "READONLY You can't write against a read only replica.");
}

TEST(a_refused_greeting_ends_the_connection_and_is_tried_again)
{
    struct scene s;

    open_scene(&s);
    snprintf(s.url.password, sizeof(s.url.password), "p");
    s.url.db = 3;
    accept_it(&s);
    CHECK_TEXT(s.heard.data, "*2\r\n$4\r\nAUTH\r\n$1\r\np\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n" PING);
    say(&s, "-WRONGPASS no\r\n-NOAUTH no\r\n-NOAUTH no\r\n");
    CHECK(!stream_ready(s.stream));
    hear(&s);
    close(s.peer);
    accept_it(&s);
    say(&s, "+OK\r\n+OK\r\n+PONG\r\n");
    CHECK(stream_ready(s.stream));
    end(&s);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(replies_of_every_kind_reach_who_asked_in_order),
                        CASE(commands_of_a_turn_leave_together_at_its_end_and_many_at_once),
                        CASE(what_a_full_socket_does_not_take_leaves_later_in_order),
                        CASE(who_waits_on_a_connection_that_ends_is_told_once_in_order_and_cannot_send),
                        CASE(stopping_tells_everybody_and_is_for_good),
                        CASE(a_reply_that_cannot_be_and_a_server_that_is_no_master_end_the_connection),
                        CASE(a_refused_greeting_ends_the_connection_and_is_tried_again));
}
