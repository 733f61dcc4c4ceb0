/* test_watch.c - what a real Redis' answers mean: all there, gone, fallen back. */
#include "server/watch.h"

#include <string.h>

#include "common/strbuf.h"
#include "tests/harness.h"
#include "tests/unit/redis_server.h"

/* Asks a server as a loop does; the command is in wire form, so a connection of its own reads the answer. */
static enum watch_verdict judge_left(struct redis_server *s, struct watch_slot *w, uint16_t slot,
                                     uint64_t left)
{
    struct strbuf command = STRBUF_INIT;
    redisContext *c = redisConnectUnix(s->url.path);
    enum watch_verdict verdict;
    void *reply = NULL;
    redisReply *r;

    CHECK(c && !c->err);
    watch_add_question(w, slot, (struct mark_id){left, left > 0}, &command);
    CHECK(redisAppendFormattedCommand(c, command.data, command.length) == REDIS_OK);
    CHECK(redisGetReply(c, &reply) == REDIS_OK);
    r = reply;
    CHECK_INT(r->type, REDIS_REPLY_STRING);
    verdict = watch_judge(w, slot, r->str, (size_t)r->len);
    freeReplyObject(r);
    redisFree(c);
    strbuf_deinit(&command);
    return verdict;
}

static enum watch_verdict judge(struct redis_server *s, struct watch_slot *w, uint16_t slot)
{
    return judge_left(s, w, slot, 0);
}

/* XADD with an id of our own. */
static void add(struct redis_server *s, struct watch_slot *w, const char *stream, uint64_t ms)
{
    REDIS_DO(s, "XADD %s %llu-1 n 1", stream, (unsigned long long)ms);
    watch_note(w, (struct mark_id){ms, 1});
}

TEST(nothing_lost_is_fine_and_the_counters_are_known)
{
    struct watch_slot w = {0};
    struct redis_server s;

    redis_server_start(&s);
    CHECK_INT(judge(&s, &w, 0), WATCH_FINE);
    add(&s, &w, "webhooks:{0}", 10);
    add(&s, &w, "webhooks:{0}", 20);
    CHECK_INT(judge(&s, &w, 0), WATCH_FINE);
    CHECK(w.known && w.added == 2 && w.length == 2 && w.last.ms == 20 && w.probe.ms == 20);
    REDIS_DO(&s, "XTRIM webhooks:{0} MINID 15");
    CHECK_INT(judge(&s, &w, 0), WATCH_FINE);
    CHECK(w.added == 2 && w.length == 1);
    redis_server_stop(&s);
}

TEST(a_flush_is_seen_behind_entries_that_came_after_it)
{
    struct watch_slot w = {0};
    struct redis_server s;

    redis_server_start(&s);
    add(&s, &w, "webhooks:{3}", 10);
    REDIS_DO(&s, "FLUSHALL");
    add(&s, &w, "webhooks:{3}", 20);
    CHECK_INT(judge(&s, &w, watch_slot_of(3, false)), WATCH_GONE); /* the very first question */
    watch_forget(&w);
    add(&s, &w, "webhooks:{3}", 30);
    CHECK_INT(judge(&s, &w, watch_slot_of(3, false)), WATCH_FINE);
    REDIS_DO(&s, "DEL webhooks:{3}");
    for (uint64_t ms = 40; ms < 60; ms++)
        add(&s, &w, "webhooks:{3}", ms);
    CHECK_INT(judge(&s, &w, watch_slot_of(3, false)), WATCH_GONE);
    redis_server_stop(&s);
}

/* The answer is about what was asked for, and the newcomer stays to be asked for next. */
TEST(an_entry_stored_while_a_question_without_one_is_out_is_not_gone)
{
    struct watch_slot w = {0};
    struct strbuf question = STRBUF_INIT;

    watch_add_question(&w, 0, (struct mark_id){0}, &question);
    watch_note(&w, (struct mark_id){5, 1});
    CHECK_INT(watch_judge(&w, 0, "0 5-1 1 1 0-0 0-0", 17), WATCH_FINE);
    watch_add_question(&w, 0, (struct mark_id){0}, &question);
    CHECK_INT(watch_judge(&w, 0, "0 5-1 1 0 0-0 0-0", 17), WATCH_GONE);
    strbuf_deinit(&question);
}

TEST(without_an_entry_to_ask_for_the_counter_tells)
{
    struct watch_slot w = {0};
    struct redis_server s;

    redis_server_start(&s);
    for (uint64_t ms = 10; ms < 20; ms++)
        add(&s, &w, "webhooks:{0}", ms);
    CHECK_INT(judge(&s, &w, 0), WATCH_FINE);
    watch_forget(&w); /* all have left the ring */
    REDIS_DO(&s, "FLUSHALL");
    add(&s, &w, "webhooks:{0}", 20);
    CHECK_INT(judge(&s, &w, 0), WATCH_FELL);
    CHECK_INT(w.added, 1);
    redis_server_stop(&s);
}

TEST(a_letter_that_was_taken_out_is_no_loss)
{
    const uint16_t slot = watch_slot_of(0, true);
    struct watch_slot w = {0};
    struct redis_server s;

    redis_server_start(&s);
    add(&s, &w, "webhooks:{0}:dead", 10);
    REDIS_DO(&s, "XDEL webhooks:{0}:dead 10-1");
    CHECK_INT(judge(&s, &w, slot), WATCH_FINE);
    REDIS_DO(&s, "DEL webhooks:{0}:dead");
    CHECK_INT(judge(&s, &w, slot), WATCH_GONE);
    redis_server_stop(&s);
}

TEST(the_newest_survivor_is_told_up_to_what_had_left)
{
    struct watch_slot w = {0};
    struct redis_server s;

    redis_server_start(&s);
    for (uint64_t ms = 10; ms < 20; ms++)
        add(&s, &w, "webhooks:{0}", ms);
    CHECK_INT(judge_left(&s, &w, 0, 15), WATCH_FINE);
    CHECK_INT(w.survivor.ms, 15);
    REDIS_DO(&s, "XDEL webhooks:{0} 14-1 15-1 16-1"); /* as a loss would, but for the counter */
    CHECK_INT(judge_left(&s, &w, 0, 15), WATCH_FINE);
    CHECK_INT(w.survivor.ms, 13);
    CHECK_INT(watch_safe(&w, 0), 3);
    REDIS_DO(&s, "XTRIM webhooks:{0} MINID 17");
    CHECK_INT(judge_left(&s, &w, 0, 15), WATCH_FINE);
    CHECK_INT(w.survivor.ms, 0);
    CHECK_INT(watch_safe(&w, 0), 7);
    REDIS_DO(&s, "FLUSHALL");
    add(&s, &w, "webhooks:{0}", 21);
    CHECK_INT(judge_left(&s, &w, 0, 15), WATCH_GONE);
    CHECK_INT(w.survivor.ms, 0);
    CHECK_INT(watch_safe(&w, 0), 0);
    redis_server_stop(&s);
}

TEST(the_floor_is_before_what_any_group_has_not_acknowledged)
{
    struct watch_slot w = {0};
    struct redis_server s;

    redis_server_start(&s);
    for (uint64_t ms = 10; ms < 20; ms++)
        add(&s, &w, "webhooks:{0}", ms);
    CHECK_INT(judge(&s, &w, 0), WATCH_FINE);
    CHECK_INT(w.floor.ms, 0); /* no group: nobody has acknowledged anything */
    REDIS_DO(&s, "XGROUP CREATE webhooks:{0} workers 0");
    CHECK_INT(judge(&s, &w, 0), WATCH_FINE);
    CHECK(w.floor.ms == 0 && w.floor.sequence == 1);
    REDIS_DO(&s, "XREADGROUP GROUP workers c COUNT 5 STREAMS webhooks:{0} >");
    REDIS_DO(&s, "XACK webhooks:{0} workers 10-1 11-1 13-1");
    CHECK_INT(judge(&s, &w, 0), WATCH_FINE);
    CHECK(w.floor.ms == 12 && w.floor.sequence == 1); /* pending */
    REDIS_DO(&s, "XACK webhooks:{0} workers 12-1 14-1");
    CHECK_INT(judge(&s, &w, 0), WATCH_FINE);
    CHECK(w.floor.ms == 14 && w.floor.sequence == 2); /* that one too */
    REDIS_DO(&s, "XGROUP CREATE webhooks:{0} others 12-1");
    CHECK_INT(judge(&s, &w, 0), WATCH_FINE);
    CHECK(w.floor.ms == 12 && w.floor.sequence == 2); /* the slowest counts */
    redis_server_stop(&s);
}

TEST(what_a_narrow_acl_refuses_is_not_known_and_no_loss)
{
    struct watch_slot w = {0};
    struct redis_server s;

    redis_server_start(&s);
    add(&s, &w, "webhooks:{0}", 10);
    add(&s, &w, "webhooks:{0}", 20);
    REDIS_DO(&s, "XGROUP CREATE webhooks:{0} workers $");
    REDIS_DO(&s, "ACL SETUSER default -xrevrange -xpending -xinfo|groups");
    CHECK_INT(judge_left(&s, &w, 0, 20), WATCH_FINE);
    CHECK(w.survivor.ms == 20 && w.floor.ms == 0);
    CHECK_INT(judge_left(&s, &w, 0, 30), WATCH_FINE);
    CHECK(w.survivor.ms == 0 && w.floor.ms == 0);
    redis_server_stop(&s);
}

TEST(what_is_no_answer_counts_as_a_loss)
{
    static const char *const none[] = {"",
                                       "1",
                                       "1 1-1",
                                       "1 1-1 5",
                                       "1 x 5 5 0-0 0-0",
                                       "1 1-1 a 5 0-0 0-0",
                                       "1 1-1 5 ",
                                       "1 1-1 5 5 0-0",
                                       "1 1-1 5 5 0-0 x",
                                       "1 1-1 5 5 0-0 0-0 1"};

    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        struct watch_slot w = {.known = true, .added = 3, .survivor = {7, 7}};

        CHECK_INT(watch_judge(&w, 0, none[i], strlen(none[i])), WATCH_GONE);
        CHECK(w.added == 3 && w.survivor.ms == 0); /* nothing is known to have survived */
    }
}

TEST(a_run_id_is_read_from_info)
{
    static const char info[] = "# Server\r\nredis_version:7.0.15\r\nrun_id:8b0f3c\r\ntcp_port:0\r\n";
    char run[WATCH_RUN_MAX];

    watch_read_run(info, strlen(info), run);
    CHECK_TEXT(run, "8b0f3c");
    watch_read_run("run_id:abc", 10, run);
    CHECK_TEXT(run, "abc");
    watch_read_run("x", 1, run);
    CHECK_TEXT(run, "");
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(nothing_lost_is_fine_and_the_counters_are_known),
                        CASE(a_flush_is_seen_behind_entries_that_came_after_it),
                        CASE(an_entry_stored_while_a_question_without_one_is_out_is_not_gone),
                        CASE(without_an_entry_to_ask_for_the_counter_tells),
                        CASE(a_letter_that_was_taken_out_is_no_loss),
                        CASE(the_newest_survivor_is_told_up_to_what_had_left),
                        CASE(the_floor_is_before_what_any_group_has_not_acknowledged),
                        CASE(what_a_narrow_acl_refuses_is_not_known_and_no_loss),
                        CASE(what_is_no_answer_counts_as_a_loss), CASE(a_run_id_is_read_from_info));
}
