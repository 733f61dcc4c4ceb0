/* test_scripts.c - the Lua scripts, each with its replies, on a real server. */
#include "worker/scripts.h"

#include "tests/unit/redis_server.h"

static redisReply *run(struct redis_server *s, enum script script, int keys, int argc, const char **argv)
{
    struct err err = {0};
    redisReply *r = script_run(s->ask, script, keys, argc, argv, NULL, &err);

    if (!r)
        CHECK_TEXT(err.text, "a reply");
    return r;
}

#define RUN(s, script, keys, ...)                                                                            \
    run((s), (script), (keys), (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(const char *)),          \
        (const char *[]){__VA_ARGS__})

TEST(runs_also_when_the_script_cache_is_empty)
{
    struct redis_server s;
    redisReply *r;

    redis_server_start(&s);
    for (int i = 0; i < 3; i++) {
        REDIS_DO(&s, "SCRIPT FLUSH");
        r = RUN(&s, SCRIPT_SAFE_TRIM, 2, "none", "none:trimmed", "100", "");
        CHECK(r->type == REDIS_REPLY_ARRAY && r->element[0]->integer == -2);
        freeReplyObject(r);
    }
    /* now it is cached: EVAL is not needed, and not allowed */
    REDIS_DO(&s, "ACL SETUSER default -eval");
    r = RUN(&s, SCRIPT_SAFE_TRIM, 2, "none", "none:trimmed", "100", "");
    CHECK_INT(r->type, REDIS_REPLY_ARRAY);
    freeReplyObject(r);
    redis_server_stop(&s);
}

TEST(an_error_inside_a_script_keeps_its_first_word)
{
    struct redis_server s;
    redisReply *r;

    redis_server_start(&s);
    r = RUN(&s, SCRIPT_CLAIM, 1, "none", "workers", "a", "0", "0-0", "10", "4", "6", "0", "65536");
    CHECK(link_error_is(r, "NOGROUP"));
    freeReplyObject(r);
    REDIS_DO(&s, "SET text x");
    r = RUN(&s, SCRIPT_SAFE_TRIM, 2, "text", "text:trimmed", "10", "");
    CHECK(link_error_is(r, "WRONGTYPE"));
    freeReplyObject(r);
    redis_server_stop(&s);
}

TEST(trims_nothing_when_no_group_is_known)
{
    struct redis_server s;
    redisReply *r;

    redis_server_start(&s);
    REDIS_DO(&s, "XADD s 1-1 a b");
    r = RUN(&s, SCRIPT_SAFE_TRIM, 2, "s", "s:trimmed", "100", "");
    CHECK_INT(r->element[0]->integer, -1);
    CHECK_INT(REDIS_INT(&s, "XLEN s"), 1);
    freeReplyObject(r);
    redis_server_stop(&s);
}

static void check_text(struct redis_server *s, const char *key, const char *expected)
{
    redisReply *r = redis_ask(s, "GET %s", key);

    CHECK_INT(r->type, REDIS_REPLY_STRING);
    CHECK_TEXT(r->str, expected);
    freeReplyObject(r);
}

TEST(counts_what_it_has_trimmed_also_when_redis_is_full)
{
    struct redis_server s;
    redisReply *r;

    redis_server_start(&s);
    REDIS_DO(&s, "CONFIG SET stream-node-max-entries 1");
    for (int i = 0; i < 10; i++)
        REDIS_DO(&s, "XADD s * a b");
    REDIS_DO(&s, "XGROUP CREATE s workers 0");
    REDIS_DO(&s, "XREADGROUP GROUP workers me COUNT 4 NOACK STREAMS s >");
    r = RUN(&s, SCRIPT_SAFE_TRIM, 2, "s", "s:trimmed", "100", "");
    CHECK_INT(r->element[0]->integer, 3);
    freeReplyObject(r);
    check_text(&s, "s:trimmed", "3 10");
    REDIS_DO(&s, "XREADGROUP GROUP workers me COUNT 2 NOACK STREAMS s >");
    REDIS_DO(&s, "CONFIG SET maxmemory 1");
    r = RUN(&s, SCRIPT_SAFE_TRIM, 2, "s", "s:trimmed", "100", "");
    CHECK_INT(r->element[0]->integer, 2);
    freeReplyObject(r);
    REDIS_DO(&s, "CONFIG SET maxmemory 0");
    check_text(&s, "s:trimmed", "5 10");
    REDIS_DO(&s, "DEL s"); /* made anew: what was counted belonged to another one */
    REDIS_DO(&s, "XADD s * a b");
    REDIS_DO(&s, "XADD s * a b");
    REDIS_DO(&s, "XGROUP CREATE s workers $");
    r = RUN(&s, SCRIPT_SAFE_TRIM, 2, "s", "s:trimmed", "100", "");
    freeReplyObject(r);
    check_text(&s, "s:trimmed", "1 2");
    redis_server_stop(&s);
}

TEST(a_consumer_that_owns_entries_is_not_deleted)
{
    struct redis_server s;
    redisReply *r;

    redis_server_start(&s);
    REDIS_DO(&s, "XADD s 1-1 a b");
    REDIS_DO(&s, "XGROUP CREATE s workers 0");
    REDIS_DO(&s, "XREADGROUP GROUP workers dead COUNT 1 STREAMS s >");
    r = RUN(&s, SCRIPT_DELETE_CONSUMER, 1, "s", "workers", "dead");
    CHECK_INT(r->integer, -1);
    freeReplyObject(r);
    REDIS_DO(&s, "XACK s workers 1-1");
    r = RUN(&s, SCRIPT_DELETE_CONSUMER, 1, "s", "workers", "dead");
    CHECK_INT(r->integer, 0);
    freeReplyObject(r);
    redis_server_stop(&s);
}

TEST(claims_with_the_number_of_the_attempt)
{
    struct redis_server s;
    redisReply *r;

    redis_server_start(&s);
    REDIS_DO(&s, "XADD s 1-1 a b");
    REDIS_DO(&s, "XADD s 1-2 a b");
    REDIS_DO(&s, "XGROUP CREATE s workers 0");
    REDIS_DO(&s, "XREADGROUP GROUP workers other STREAMS s >");
    REDIS_DO(&s, "XCLAIM s workers parked 0 1-1 IDLE 100000 RETRYCOUNT 3 JUSTID");
    r = RUN(&s, SCRIPT_CLAIM, 1, "s", "workers", "me", "50000", "0-0", "10", "4", "6", "0", "65536");
    CHECK_TEXT(r->element[0]->str, "0-0");
    CHECK_INT(r->element[1]->elements, 1);
    CHECK_TEXT(r->element[1]->element[0]->element[0]->str, "1-1");
    CHECK_INT(r->element[1]->element[0]->element[2]->integer, 4);
    CHECK_INT(r->element[2]->elements, 0);
    freeReplyObject(r);
    REDIS_DO(&s, "XDEL s 1-2");
    r = RUN(&s, SCRIPT_CLAIM, 1, "s", "workers", "me", "0", "0-0", "10", "4", "6", "0", "65536");
    CHECK_INT(r->element[2]->elements, 1);
    CHECK_TEXT(r->element[2]->element[0]->str, "1-2");
    freeReplyObject(r);
    redis_server_stop(&s);
}

/* One that may have ended its workers is not claimed together with others; one that is parked has ended nobody. */
TEST(claims_a_suspect_alone_and_one_beyond_the_limit_unread)
{
    struct redis_server s;
    redisReply *r;

    redis_server_start(&s);
    for (int i = 1; i <= 4; i++)
        REDIS_DO(&s, "XADD s 1-%d a b", i);
    REDIS_DO(&s, "XGROUP CREATE s workers 0");
    REDIS_DO(&s, "XREADGROUP GROUP workers gone STREAMS s >");
    REDIS_DO(&s, "XCLAIM s workers gone 0 1-1 RETRYCOUNT 4 JUSTID");
    REDIS_DO(&s, "XCLAIM s workers gone 0 1-2 RETRYCOUNT 6 JUSTID");
    REDIS_DO(&s, "XCLAIM s workers parked 0 1-3 RETRYCOUNT 5 JUSTID");
    r = RUN(&s, SCRIPT_CLAIM, 1, "s", "workers", "me", "0", "0-0", "10", "4", "6", "0", "65536");
    CHECK_INT(r->element[1]->elements, 2);
    CHECK_TEXT(r->element[1]->element[0]->element[0]->str, "1-3");
    CHECK_TEXT(r->element[1]->element[1]->element[0]->str, "1-4");
    CHECK_INT(r->element[1]->element[1]->element[2]->integer, 2);
    CHECK_TEXT(r->element[3]->str, "1-1"); /* passed over */
    CHECK_INT(r->element[4]->integer,
              65536 - 16); /* that of 1-4, three deliveries short; who is parked has none */
    CHECK_INT(r->element[5]->integer, 0);
    freeReplyObject(r);
    REDIS_DO(&s, "XACK s workers 1-3 1-4");
    r = RUN(&s, SCRIPT_CLAIM, 1, "s", "workers", "me", "0", "1-1", "10", "4", "6", "1", "65536");
    CHECK_INT(r->element[1]->elements, 1);
    CHECK_TEXT(r->element[1]->element[0]->element[0]->str, "1-1");
    CHECK_INT(r->element[1]->element[0]->element[1]->elements, 2);
    CHECK_INT(r->element[1]->element[0]->element[2]->integer, 5);
    CHECK_TEXT(r->element[0]->str, "(1-1");
    freeReplyObject(r);
    r = RUN(&s, SCRIPT_CLAIM, 1, "s", "workers", "me", "0", "(1-1", "10", "4", "6", "1", "65536");
    CHECK_INT(r->element[1]->elements, 1);
    CHECK_TEXT(r->element[1]->element[0]->element[0]->str, "1-2");
    CHECK_TEXT(r->element[1]->element[0]->element[1]->str, "");
    CHECK_INT(r->element[1]->element[0]->element[2]->integer, 7);
    freeReplyObject(r);
    r = RUN(&s, SCRIPT_CLAIM, 1, "s", "workers", "me", "0", "(1-2", "10", "4", "6", "1", "65536");
    CHECK_INT(r->element[1]->elements, 0);
    CHECK_TEXT(r->element[0]->str, "0-0");
    freeReplyObject(r);
    redis_server_stop(&s);
}

TEST(claims_no_more_danger_than_a_step_may_take)
{
    struct redis_server s;
    redisReply *r;

    redis_server_start(&s);
    for (int i = 1; i <= 3; i++)
        REDIS_DO(&s, "XADD s 1-%d a b", i);
    REDIS_DO(&s, "XGROUP CREATE s workers 0");
    REDIS_DO(&s, "XREADGROUP GROUP workers gone STREAMS s >");
    REDIS_DO(&s, "XCLAIM s workers gone 0 1-2 1-3 RETRYCOUNT 3 JUSTID");
    r = RUN(&s, SCRIPT_CLAIM, 1, "s", "workers", "me", "0", "0-0", "10", "4", "6", "0", "5000");
    CHECK_INT(r->element[1]->elements, 2);
    CHECK_INT(r->element[4]->integer, 5000 - 16 - 4096);
    CHECK_INT(r->element[5]->integer, 1);
    CHECK_TEXT(r->element[0]->str, "(1-2");
    freeReplyObject(r);
    r = RUN(&s, SCRIPT_CLAIM, 1, "s", "workers", "you", "0", "0-0", "10", "4", "6", "0", "0");
    CHECK_INT(r->element[1]->elements, 0);
    CHECK_TEXT(r->element[0]->str, "-"); /* not at the end */
    freeReplyObject(r);
    redis_server_stop(&s);
}

TEST(a_dead_letter_takes_the_whole_entry_along)
{
    struct redis_server s;
    redisReply *r, *d;

    redis_server_start(&s);
    REDIS_DO(&s, "XADD s 1-1 a b");
    REDIS_DO(&s, "XGROUP CREATE s workers 0");
    r = RUN(&s, SCRIPT_DEAD_LETTER, 2, "s", "d", "workers", "me", "1-1", "_class", "crash");
    CHECK_INT(r->element[0]->integer, 0);
    freeReplyObject(r);
    REDIS_DO(&s, "XREADGROUP GROUP workers me STREAMS s >");
    r = RUN(&s, SCRIPT_DEAD_LETTER, 2, "s", "d", "workers", "me", "1-1", "_class", "crash");
    CHECK_INT(r->element[0]->integer, 1);
    freeReplyObject(r);
    d = redis_ask(&s, "XRANGE d - +");
    CHECK_INT(d->elements, 1);
    CHECK_INT(d->element[0]->element[1]->elements, 2 + 12 + 2);
    freeReplyObject(d);
    CHECK_INT(REDIS_INT(&s, "XACK s workers 1-1"), 0);
    redis_server_stop(&s);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(
        argc, argv, CASE(runs_also_when_the_script_cache_is_empty),
        CASE(an_error_inside_a_script_keeps_its_first_word), CASE(trims_nothing_when_no_group_is_known),
        CASE(counts_what_it_has_trimmed_also_when_redis_is_full),
        CASE(a_consumer_that_owns_entries_is_not_deleted), CASE(claims_with_the_number_of_the_attempt),
        CASE(claims_a_suspect_alone_and_one_beyond_the_limit_unread),
        CASE(claims_no_more_danger_than_a_step_may_take), CASE(a_dead_letter_takes_the_whole_entry_along));
}
