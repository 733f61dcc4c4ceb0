/* test_watch.c - what a real Redis' answers mean: all there, gone, fallen back. */
#include "server/watch.h"

#include <string.h>

#include "common/strbuf.h"
#include "tests/harness.h"
#include "tests/unit/redis_server.h"

/* Asks a server as a loop does; the command is in wire form, so a connection of its own reads the answer. */
static enum watch_verdict judge(struct redis_server *s, struct watch_slot *w, uint16_t slot)
{
    struct strbuf command = STRBUF_INIT;
    redisContext *c = redisConnectUnix(s->url.path);
    enum watch_verdict verdict;
    void *reply = NULL;
    redisReply *r;

    CHECK(c && !c->err);
    watch_add_question(w, slot, &command);
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

TEST(what_is_no_answer_counts_as_a_loss)
{
    static const char *const none[] = {"", "1", "1 1-1", "1 1-1 5", "1 x 5 5", "1 1-1 a 5", "1 1-1 5 "};

    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        struct watch_slot w = {.known = true};

        CHECK_INT(watch_judge(&w, 0, none[i], strlen(none[i])), WATCH_GONE);
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
                        CASE(without_an_entry_to_ask_for_the_counter_tells),
                        CASE(a_letter_that_was_taken_out_is_no_loss),
                        CASE(what_is_no_answer_counts_as_a_loss), CASE(a_run_id_is_read_from_info));
}
