/* test_xinfo.c - how much of a stream our group has not read, on a real Redis whose own figure is wrong or missing. */
#include "worker/xinfo.h"

#include "tests/unit/redis_server.h"

static void add(struct redis_server *s, int n)
{
    for (int i = 0; i < n; i++)
        REDIS_DO(s, "XADD s * a b");
}

static void check(struct redis_server *s, int64_t unread, int64_t pending)
{
    struct xinfo_group g;
    struct err err = {0};

    if (!xinfo_group(s->ask, "s", &g, &err))
        CHECK_TEXT(err.text, "an answer");
    CHECK(g.there);
    CHECK_INT(g.unread, unread);
    CHECK_INT(g.pending, pending);
}

/* As Redis 7.0 does by itself when it starts again: it has forgotten how many were read. */
static void forget_reads(struct redis_server *s, const char *read)
{
    redisReply *r = redis_ask(s, "XINFO GROUPS s");
    const char *place = xinfo_member(xinfo_our_group(r), "last-delivered-id")->str;

    REDIS_DO(s, "XGROUP SETID s workers %s ENTRIESREAD %s", place, read);
    freeReplyObject(r);
}

TEST(nothing_is_unread_whatever_redis_says_of_it)
{
    struct redis_server s;

    redis_server_start(&s);
    add(&s, 50);
    REDIS_DO(&s, "XGROUP CREATE s workers 0");
    check(&s, 50, 0);
    REDIS_DO(&s, "XREADGROUP GROUP workers a STREAMS s >");
    check(&s, 0, 50);
    forget_reads(&s, "1");
    check(&s, 0, 50);
    add(&s, 2);
    check(&s, 2, 50);
    redis_server_stop(&s);
}

TEST(what_redis_cannot_tell_is_counted_while_it_is_little)
{
    struct redis_server s;
    redisReply *r;

    redis_server_start(&s);
    add(&s, XINFO_COUNTED + 1);
    REDIS_DO(&s, "XGROUP CREATE s workers 0");
    r = redis_ask(&s, "XRANGE s - + COUNT 2");
    REDIS_DO(&s, "XDEL s %s", r->element[1]->element[0]->str);
    freeReplyObject(r);
    REDIS_DO(&s, "XREADGROUP GROUP workers a COUNT 1 STREAMS s >");
    check(&s, XINFO_COUNTED - 1, 1);
    add(&s, 1);
    check(&s, -1, 1); /* more than is counted, and Redis cannot tell */
    redis_server_stop(&s);
}

TEST(of_much_the_figure_of_redis_is_taken)
{
    struct redis_server s;

    redis_server_start(&s);
    add(&s, XINFO_COUNTED + 20);
    REDIS_DO(&s, "XGROUP CREATE s workers 0");
    check(&s, XINFO_COUNTED + 20, 0);
    redis_server_stop(&s);
}

TEST(a_stream_or_a_group_that_is_not_there_is_an_answer)
{
    struct redis_server s;
    struct xinfo_group g = {.there = true};
    struct err err = {0};

    redis_server_start(&s);
    CHECK(xinfo_group(s.ask, "s", &g, &err));
    CHECK(!g.there);
    add(&s, 1);
    REDIS_DO(&s, "XGROUP CREATE s others 0");
    CHECK(xinfo_group(s.ask, "s", &g, &err));
    CHECK(!g.there);
    REDIS_DO(&s, "SET text x");
    CHECK(!xinfo_group(s.ask, "text", &g, &err));
    redis_server_stop(&s);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(nothing_is_unread_whatever_redis_says_of_it),
                        CASE(what_redis_cannot_tell_is_counted_while_it_is_little),
                        CASE(of_much_the_figure_of_redis_is_taken),
                        CASE(a_stream_or_a_group_that_is_not_there_is_an_answer));
}
