/* test_layout_ask.c - the layout's record, on a real server. */
#include "worker/layout_ask.h"

#include "tests/unit/redis_server.h"

static struct layout shared(struct redis_server *s, int in_use, int most)
{
    struct layout out = {0};
    struct err err = {0};

    if (!layout_ask_shared(s->ask, &(struct layout){in_use, most}, &out, &err))
        CHECK_TEXT(err.text, "no error");
    return out;
}

static struct layout change(struct redis_server *s, int in_use, struct layout *before)
{
    struct layout out = {0};
    struct err err = {0};

    if (!layout_ask_change(s->ask, in_use, &(struct layout){in_use, 0}, before, &out, &err))
        CHECK_TEXT(err.text, "no error");
    return out;
}

/* Static storage; "" = there is none. */
static const char *record(struct redis_server *s)
{
    static char text[80];
    redisReply *r = redis_ask(s, "GET webhooks:layout");

    snprintf(text, sizeof(text), "%s", r->type == REDIS_REPLY_NIL ? "" : r->str);
    freeReplyObject(r);
    return text;
}

TEST(the_first_to_ask_makes_it_and_it_wins_over_everybody_after)
{
    struct redis_server s;
    struct layout got;

    redis_server_start(&s);
    got = shared(&s, 4, 0);
    CHECK(got.in_use == 4 && got.most == 4);
    CHECK_TEXT(record(&s), "in_use=4 most=4");
    got = shared(&s, 64, 0);
    CHECK(got.in_use == 4 && got.most == 4);
    CHECK_TEXT(record(&s), "in_use=4 most=4");
    redis_server_stop(&s);
}

TEST(what_a_program_has_used_raises_the_most_and_nothing_lowers_it)
{
    struct redis_server s;
    struct layout got;

    redis_server_start(&s);
    (void)shared(&s, 4, 0);
    got = shared(&s, 4, 9);
    CHECK(got.in_use == 4 && got.most == 9);
    got = shared(&s, 4, 5);
    CHECK(got.in_use == 4 && got.most == 9);
    CHECK_TEXT(record(&s), "in_use=4 most=9");
    redis_server_stop(&s);
}

TEST(a_record_that_was_lost_comes_back_from_what_programs_know)
{
    struct redis_server s;
    struct layout got;

    redis_server_start(&s);
    (void)change(&s, 16, NULL);
    REDIS_DO(&s, "FLUSHALL");
    got = shared(&s, 1, 0); /* a new program was first */
    CHECK(got.in_use == 1 && got.most == 1);
    got = shared(&s, 2, 16); /* one that has seen more */
    CHECK(got.in_use == 1 && got.most == 16);
    REDIS_DO(&s, "FLUSHALL");
    got = shared(&s, 2, 16);
    CHECK(got.in_use == 2 && got.most == 16);
    redis_server_stop(&s);
}

TEST(a_change_tells_what_was_and_keeps_the_most)
{
    struct redis_server s;
    struct layout before, got;

    redis_server_start(&s);
    got = change(&s, 4, &before);
    CHECK(before.in_use == 0 && got.in_use == 4 && got.most == 4);
    got = change(&s, 16, &before);
    CHECK(before.in_use == 4 && before.most == 4 && got.in_use == 16 && got.most == 16);
    got = change(&s, 2, &before);
    CHECK(before.in_use == 16 && got.in_use == 2 && got.most == 16);
    CHECK_TEXT(record(&s), "in_use=2 most=16");
    redis_server_stop(&s);
}

/* One record of somebody else's: nobody believes it and nobody writes over it. */
static void refused(struct redis_server *s)
{
    struct layout out = {7, 8}, before = {5, 6};
    const struct layout known = {4, 4};
    struct err err = {0};
    char was[80];
    bool there;

    snprintf(was, sizeof(was), "%s", record(s));
    CHECK(!layout_ask_shared(s->ask, &known, &out, &err) && err.domain == ERR_CONFIG);
    CHECK(strstr(err.text, "webhooks:layout is not readable") != NULL);
    err = (struct err){0};
    CHECK(!layout_ask_change(s->ask, 16, &known, &before, &out, &err) && err.domain == ERR_CONFIG);
    err = (struct err){0};
    CHECK(!layout_ask_look(s->ask, &known, &out, &there, &err) && err.domain == ERR_CONFIG);
    CHECK(strstr(err.text, "webhooks:layout is not readable") != NULL);
    CHECK(out.in_use == 7 && out.most == 8 && before.in_use == 5);
    CHECK_TEXT(record(s), was);
}

TEST(a_record_of_somebody_else_is_neither_believed_nor_written_over)
{
    static const char *const bad[] = {
        "x", "4", "in_use=4", "in_use=0\tmost=4", "in_use=4\nmost=4", "in_use=257\tmost=4", "{\"in_use\":4}"};
    struct redis_server s;

    redis_server_start(&s);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        REDIS_DO(&s, "SET webhooks:layout %s", bad[i]);
        refused(&s);
    }
    for (int i = 0; i < 3; i++) { /* a space cannot be written by redis_ask */
        static const char *const texts[] = {"in_use=4 most=257", "in_use=04 most=4", "in_use=4 most=0"};
        struct err err = {0};

        freeReplyObject(
            link_call(s.ask, 3, (const char *[]){"SET", "webhooks:layout", texts[i]}, NULL, &err));
        CHECK_TEXT(record(&s), texts[i]);
        refused(&s);
    }
    REDIS_DO(&s, "DEL webhooks:layout");
    REDIS_DO(&s, "RPUSH webhooks:layout 4 4");
    refused(&s);
    CHECK_INT(REDIS_INT(&s, "LLEN webhooks:layout"), 2);
    redis_server_stop(&s);
}

TEST(what_redis_refuses_to_tell_is_a_refusal_and_no_broken_record)
{
    struct redis_server s;
    struct layout out;
    struct err err = {0};

    redis_server_start(&s);
    (void)shared(&s, 4, 0);
    REDIS_DO(&s, "ACL SETUSER default -get");
    CHECK(!layout_ask_shared(s.ask, &(struct layout){4, 4}, &out, &err) && err.domain == ERR_REDIS);
    CHECK(!layout_ask_look(s.ask, &(struct layout){4, 4}, &out, NULL, &err) && err.domain == ERR_REDIS);
    redis_server_stop(&s);
}

TEST(who_only_looks_writes_nothing)
{
    struct redis_server s;
    struct layout out;
    struct err err = {0};
    bool there = true;

    redis_server_start(&s);
    CHECK(layout_ask_look(s.ask, &(struct layout){4, 5}, &out, &there, &err));
    CHECK(!there && out.in_use == 4 && out.most == 5);
    CHECK_INT(REDIS_INT(&s, "DBSIZE"), 0);
    (void)change(&s, 16, NULL);
    CHECK(layout_ask_look(s.ask, &(struct layout){4, 5}, &out, &there, &err));
    CHECK(there && out.in_use == 16 && out.most == 16);
    redis_server_stop(&s);
}

TEST(a_full_redis_is_read_and_refuses_a_change)
{
    struct redis_server s;
    struct layout out, before;
    struct err err = {0};

    redis_server_start(&s);
    (void)shared(&s, 4, 0);
    REDIS_DO(&s, "CONFIG SET maxmemory 1");
    out = shared(&s, 4, 9); /* what it could not raise it goes on knowing */
    CHECK(out.in_use == 4 && out.most == 9);
    CHECK(!layout_ask_change(s.ask, 8, &(struct layout){8, 0}, &before, &out, &err) &&
          err.domain == ERR_REDIS);
    REDIS_DO(&s, "CONFIG SET maxmemory 0");
    CHECK_TEXT(record(&s), "in_use=4 most=4");
    redis_server_stop(&s);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(the_first_to_ask_makes_it_and_it_wins_over_everybody_after),
                        CASE(what_a_program_has_used_raises_the_most_and_nothing_lowers_it),
                        CASE(a_record_that_was_lost_comes_back_from_what_programs_know),
                        CASE(a_change_tells_what_was_and_keeps_the_most),
                        CASE(a_record_of_somebody_else_is_neither_believed_nor_written_over),
                        CASE(what_redis_refuses_to_tell_is_a_refusal_and_no_broken_record),
                        CASE(who_only_looks_writes_nothing), CASE(a_full_redis_is_read_and_refuses_a_change));
}
