/* test_link.c - one connection to Redis: what is a reply, what is a failure, and that it comes back. */
#include "worker/link.h"

#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/arena.h"
#include "common/clock.h"
#include "tests/unit/redis_server.h"

TEST(an_error_is_known_by_its_first_word)
{
    redisReply r = {.type = REDIS_REPLY_ERROR, .str = (char *)"NOGROUP No such key", .len = 19};

    CHECK(link_error_is(&r, "NOGROUP"));
    CHECK(!link_error_is(&r, "NOGROU"));
    CHECK(!link_error_is(&r, "NOGROUP No such key, ever"));
    r.len = 7;
    CHECK(link_error_is(&r, "NOGROUP"));
    r.type = REDIS_REPLY_STRING;
    CHECK(!link_error_is(&r, "NOGROUP"));
}

TEST(a_server_that_is_not_there_is_a_sentence)
{
    struct redis_url url = {.path = "./nobody.sock"};
    struct link *l = link_new(&url, "lane 0 read", 1000);
    struct err err = {0};

    CHECK(!link_open(l, &err));
    CHECK_INT(err.domain, ERR_REDIS);
    CHECK(strstr(err.text, "lane 0 read") != NULL && strstr(err.text, "No such file") != NULL);
    CHECK(link_call(l, 1, (const char *[]){"PING"}, NULL, &err) == NULL);
    CHECK(!link_is_open(l));
    CHECK_INT(link_generation(l), 0);
    link_free(l);
    link_free(NULL);
}

TEST(a_frozen_server_is_given_up_after_the_timeout)
{
    struct redis_server s;
    struct link *l;
    struct err err = {0};
    int64_t begin;

    redis_server_start(&s);
    l = link_new(&s.url, "test", 200);
    CHECK(link_open(l, &err));
    CHECK_INT(link_generation(l), 1);
    kill(s.pid, SIGSTOP);
    begin = clock_mono_ms();
    CHECK(link_call(l, 1, (const char *[]){"PING"}, NULL, &err) == NULL);
    CHECK(clock_mono_ms() - begin >= 190 && clock_mono_ms() - begin < 5000);
    CHECK(strstr(err.text, "no reply within 200 ms") != NULL);
    CHECK(!link_is_open(l));
    kill(s.pid, SIGCONT);
    CHECK(link_open(l, &err));
    CHECK_INT(link_generation(l), 2);
    link_free(l);
    redis_server_stop(&s);
}

TEST(password_user_and_database_are_sent_with_each_connection)
{
    struct redis_server s;
    struct redis_url url;
    struct err err = {0};
    struct link *l;
    redisReply *r;

    redis_server_start(&s);
    REDIS_DO(&s, "ACL SETUSER worker on >secret ~* +@all");
    REDIS_DO(&s, "SET where zero");
    url = s.url;
    snprintf(url.user, sizeof(url.user), "worker");
    snprintf(url.password, sizeof(url.password), "wrong");
    l = link_new(&url, "test", 1000);
    CHECK(!link_open(l, &err));
    CHECK(strstr(err.text, "AUTH") != NULL && strstr(err.text, "WRONGPASS") != NULL);
    CHECK(strstr(err.text, "wrong\"") == NULL);
    link_free(l);
    snprintf(url.password, sizeof(url.password), "secret");
    url.db = 3;
    l = link_new(&url, "test", 1000);
    r = link_call(l, 2, (const char *[]){"GET", "where"}, NULL, &err);
    CHECK(r && r->type == REDIS_REPLY_NIL);
    freeReplyObject(r);
    link_free(l);
    redis_server_stop(&s);
}

TEST(pipelined_replies_come_in_order_and_bytes_stay_bytes)
{
    static const char *const set[] = {"SET", "k", "a\0b\r\n"};
    const size_t lengths[] = {3, 1, 5};
    struct redis_server s;
    struct err err = {0};
    redisReply *r;

    redis_server_start(&s);
    CHECK(link_send(s.ask, 3, (const char **)(uintptr_t)set, lengths, &err));
    CHECK(link_send(s.ask, 2, (const char *[]){"STRLEN", "k"}, NULL, &err));
    CHECK(link_send(s.ask, 2, (const char *[]){"LPUSH", "k"}, NULL, &err));
    r = link_receive(s.ask, &err);
    CHECK(r && r->type == REDIS_REPLY_STATUS);
    freeReplyObject(r);
    r = link_receive(s.ask, &err);
    CHECK(r && r->integer == 5);
    freeReplyObject(r);
    r = link_receive(s.ask, &err);
    CHECK(r && link_error_is(r, "ERR"));
    freeReplyObject(r);
    link_close(s.ask);
    CHECK(link_receive(s.ask, &err) == NULL);
    redis_server_stop(&s);
}

TEST(a_reply_in_an_arena_outlives_other_replies_and_its_connection)
{
    struct redis_server s;
    struct err err = {0};
    struct arena *arena = arena_new(64, 1 << 20);
    const redisReply *range;
    redisReply *r;

    redis_server_start(&s);
    REDIS_DO(&s, "RPUSH l a b");
    range = link_call_in(s.ask, arena, 4, (const char *[]){"LRANGE", "l", "0", "-1"}, &err);
    CHECK(range && range->type == REDIS_REPLY_ARRAY && range->elements == 2);
    r = redis_ask(&s, "LLEN l"); /* hiredis' own again */
    CHECK(r && r->integer == 2);
    freeReplyObject(r);
    link_close(s.ask);
    CHECK_TEXT(range->element[1]->str, "b");
    arena_reset(arena);
    range = link_call_in(s.ask, arena, 1, (const char *[]){"LRANGE"}, &err);
    CHECK(range && link_error_is(range, "ERR"));
    redis_server_stop(&s);
    arena_free(arena);
}

TEST(half_a_reply_in_an_arena_is_a_lost_connection)
{
    static const char half[] = "*2\r\n*2\r\n$1\r\na\r\n";
    struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = "./half.sock"};
    struct redis_url url = {.path = "./half.sock"};
    struct link *l = link_new(&url, "test", 1000);
    struct arena *arena = arena_new(64, 1 << 20);
    int listener = socket(AF_UNIX, SOCK_STREAM, 0), peer;
    struct err err = {0};

    CHECK(bind(listener, (const struct sockaddr *)&at, sizeof(at)) == 0 && listen(listener, 1) == 0);
    CHECK(link_open(l, &err));
    peer = accept(listener, NULL, NULL);
    CHECK_INT(write(peer, half, sizeof(half) - 1), sizeof(half) - 1);
    CHECK_INT(shutdown(peer, SHUT_WR), 0);
    CHECK(link_call_in(l, arena, 1, (const char *[]){"PING"}, &err) == NULL);
    CHECK_INT(err.domain, ERR_REDIS);
    CHECK(!link_is_open(l));
    CHECK(arena_used(arena) > 0);
    link_free(l);
    arena_free(arena);
    close(peer);
    close(listener);
}

TEST(a_reply_that_says_wrong_server_drops_the_connection)
{
    struct redis_server s;
    struct err err = {0};
    redisReply *r;

    redis_server_start(&s);
    REDIS_DO(&s, "REPLICAOF 127.0.0.1 1");
    r = redis_ask(&s, "SET a b");
    CHECK(link_error_is(r, "READONLY"));
    link_refused(s.ask, r, "SET", &err);
    CHECK(!link_is_open(s.ask));
    CHECK(strstr(err.text, "SET: READONLY") != NULL);
    freeReplyObject(r);
    r = redis_ask(&s, "GET");
    link_refused(s.ask, r, "GET", &err);
    CHECK(link_is_open(s.ask));
    freeReplyObject(r);
    redis_server_stop(&s);
}

TEST(the_clock_of_redis_is_asked_once_and_carried_on)
{
    struct redis_server s;
    struct redis_time t = {0};
    struct err err = {0};
    int64_t first;

    CHECK(llabs(redis_time_now_ms(&t) - clock_now_ms()) < 1000);
    redis_server_start(&s);
    CHECK(redis_time_sync(&t, s.ask, &err));
    first = redis_time_now_ms(&t);
    CHECK(llabs(first - clock_now_ms()) < 2000);
    wait_ms(30);
    CHECK(redis_time_now_ms(&t) - first >= 29);
    redis_server_stop(&s);
}

/* Answers TIME twice: the first answer takes 700 ms to arrive. */
static void *answer_late_once(void *arg)
{
    int fd = accept(*(int *)arg, NULL, NULL);

    for (int i = 0; i < 2; i++) {
        char command[64], reply[96], seconds[24], micros[8];
        int64_t now_ms;

        if (recv(fd, command, sizeof(command), 0) <= 0)
            break;
        now_ms = clock_now_ms();
        snprintf(seconds, sizeof(seconds), "%lld", (long long)(now_ms / 1000));
        snprintf(micros, sizeof(micros), "%03d000", (int)(now_ms % 1000));
        snprintf(reply, sizeof(reply), "*2\r\n$%zu\r\n%s\r\n$6\r\n%s\r\n", strlen(seconds), seconds, micros);
        if (i == 0)
            poll(NULL, 0, 700);
        (void)!send(fd, reply, strlen(reply), MSG_NOSIGNAL);
    }
    close(fd);
    return NULL;
}

TEST(a_clock_that_was_long_on_its_way_is_asked_for_again)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = "late.sock"};
    struct redis_url url = {.path = "./late.sock"};
    struct link *l = link_new(&url, "test", 5000);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct redis_time t = {0};
    struct err err = {0};
    pthread_t server;

    CHECK(bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 && listen(fd, 1) == 0);
    CHECK(pthread_create(&server, NULL, answer_late_once, &fd) == 0);
    CHECK(redis_time_sync(&t, l, &err));
    CHECK(llabs(redis_time_now_ms(&t) - clock_now_ms()) < 400);
    link_free(l);
    pthread_join(server, NULL);
    close(fd);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(an_error_is_known_by_its_first_word),
                        CASE(a_server_that_is_not_there_is_a_sentence),
                        CASE(a_frozen_server_is_given_up_after_the_timeout),
                        CASE(password_user_and_database_are_sent_with_each_connection),
                        CASE(pipelined_replies_come_in_order_and_bytes_stay_bytes),
                        CASE(a_reply_in_an_arena_outlives_other_replies_and_its_connection),
                        CASE(half_a_reply_in_an_arena_is_a_lost_connection),
                        CASE(a_reply_that_says_wrong_server_drops_the_connection),
                        CASE(a_clock_that_was_long_on_its_way_is_asked_for_again),
                        CASE(the_clock_of_redis_is_asked_once_and_carried_on));
}
