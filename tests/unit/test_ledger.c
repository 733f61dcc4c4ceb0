/* test_ledger.c - gaps stand in the file twice, and those of a server that died are ended by the next; it tells, too, of a Redis
 * that was started anew and that the dead one had not asked. */
#include "server/ledger.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/number.h"
#include "tests/harness.h"

static struct ledger *opened(void)
{
    struct err err = {0};
    struct ledger *l = ledger_open(".", 2, &err);

    CHECK_TEXT(err.text, "");
    CHECK(l);
    return l;
}

static struct ledger_gap gap(int64_t at_ms, bool closed)
{
    return (struct ledger_gap){.at_ms = at_ms,
                               .teller = closed ? 0 : -1,
                               .reason = "run_id",
                               .last = {1767704400001, 0},
                               .before = 100,
                               .after = 97,
                               .closed = closed};
}

/* How often the ledger's text has this. */
static size_t count(struct ledger *l, const char *wanted)
{
    struct strbuf text = STRBUF_INIT;
    size_t n = 0;

    ledger_render(l, &text);
    for (const char *at = strbuf_text(&text); (at = strstr(at, wanted)) != NULL; at++)
        n++;
    strbuf_deinit(&text);
    return n;
}

TEST(lines_are_there_again_after_a_restart)
{
    struct ledger *l = opened();
    struct ledger_gap g = gap(1767704400123, true);

    g.missing = 3;
    ledger_write(l, &g);
    CHECK_INT(count(l, "\"gap\":\"1767704400123-0-0\",\"state\":\"closed\""), 1);
    ledger_close(l);
    l = opened();
    CHECK_INT(count(l, "\n"), 1);
    CHECK_INT(count(l, "\"missing\":3"), 1);
    ledger_close(l);
}

TEST(a_gap_left_open_is_ended_by_the_next_server_with_what_died)
{
    struct ledger *l = opened();
    struct ledger_gap g = gap(1767704400123, false), other = gap(1767704400124, false);

    g.due = 20;
    ledger_write(l, &g);
    ledger_write(l, &other);
    other.closed = true;
    other.older = 7;
    ledger_write(l, &other);
    ledger_close(l);

    l = opened();
    CHECK_INT(count(l, "\n"), 4);
    CHECK_INT(count(l, "\"gap\":\"1767704400123--1-0\",\"state\":\"closed\""), 1);
    CHECK_INT(count(l, "\"dropped\":20,\"older\":0,\"due\":0}"), 1);
    CHECK_INT(count(l, "\"gap\":\"1767704400124--1-0\",\"state\":\"closed\""), 1);
    ledger_close(l);

    l = opened();
    CHECK_INT(count(l, "\n"), 4);
    ledger_close(l);
}

TEST(a_gap_opened_twice_is_ended_once_with_what_was_told_last)
{
    struct ledger *l = opened();
    struct ledger_gap g = gap(1767704400123, false);

    g.due = 20;
    ledger_write(l, &g);
    g.due = 30;
    ledger_write(l, &g);
    ledger_close(l);

    l = opened();
    CHECK_INT(count(l, "\n"), 3);
    CHECK_INT(count(l, "\"state\":\"closed\""), 1);
    CHECK_INT(count(l, "\"dropped\":30,\"older\":0,\"due\":0}"), 1);
    ledger_close(l);
}

/* The file as a crash of the machine leaves it. */
static void leave(const char *text, size_t n)
{
    FILE *f = fopen("ledger", "w");

    CHECK(f);
    CHECK_INT(fwrite(text, 1, n, f), n);
    CHECK_INT(fclose(f), 0);
}

#define LINE(at, state, due)                                                                                 \
    "{\"gap\":\"" at "-0-0\",\"state\":\"" state "\",\"dropped\":0,\"older\":0,\"due\":" due "}\n"

TEST(a_line_that_was_cut_off_becomes_a_gap_of_its_own_that_is_over)
{
    static const char whole[] = LINE("1767704400122", "closed", "0");
    static const char torn[] =
        LINE("1767704400122", "closed", "0") "{\"gap\":\"1767704400123-0-0\",\"state\":\"op";
    int64_t before_ms = clock_now_ms(), at_ms = 0;
    struct strbuf text = STRBUF_INIT;
    const char *at;
    struct ledger *l;

    leave(torn, sizeof(torn) - 1);
    l = opened();
    CHECK_INT(count(l, "\n"), 2);
    CHECK_INT(count(l, "1767704400123"), 0);
    CHECK_INT(count(l, "-torn\",\"state\":\"closed\""), 1);
    CHECK_INT(count(l, "\"older\":-1"), 1);
    ledger_render(l, &text);
    CHECK(strncmp(strbuf_text(&text), whole, sizeof(whole) - 1) == 0); /* untouched */
    at = strstr(strbuf_text(&text), "\"at_ms\":");
    CHECK(at && number_i64(at + 8, strspn(at + 8, "0123456789"), &at_ms));
    CHECK(at_ms >= before_ms && at_ms <= clock_now_ms());
    ledger_close(l);

    l = opened(); /* told once */
    CHECK_INT(count(l, "\n"), 2);
    CHECK_INT(count(l, "-torn"), 1);
    ledger_close(l);
    strbuf_deinit(&text);
}

TEST(zeros_and_halves_that_stand_before_whole_lines_go_too)
{
    static const char text[] = "{\"gap\":\"17677\n" LINE(
        "1767704400123", "open", "4") "{\"gap\":\"17677" LINE("1767704400124", "closed", "0") "\0\0\0";
    struct ledger *l;

    leave(text, sizeof(text) - 1);
    l = opened();
    CHECK_INT(count(l, "\n"), 3);
    CHECK_INT(count(l, "-torn"), 1);
    CHECK_INT(count(l, "\"dropped\":4"), 1); /* an open gap is ended as ever */
    ledger_close(l);
}

TEST(a_last_line_without_its_end_is_whole)
{
    static const char text[] = LINE("1767704400123", "closed", "0");
    struct ledger *l;

    leave(text, sizeof(text) - 2);
    l = opened();
    CHECK_INT(count(l, "\n"), 1);
    CHECK_INT(count(l, "-torn"), 0);
    ledger_close(l);
}

/* What redis-run says; "" when it is not there. */
static const char *note(void)
{
    static char text[64];
    FILE *f = fopen("redis-run", "r");

    text[0] = '\0';
    if (f && !fgets(text, sizeof(text), f))
        text[0] = '\0';
    if (f)
        CHECK_INT(fclose(f), 0);
    return text;
}

/* As a server that died leaves it. */
static void leave_note(const char *text)
{
    FILE *f = fopen("redis-run", "w");

    CHECK(f);
    CHECK(fputs(text, f) >= 0);
    CHECK_INT(fclose(f), 0);
}

/* The writer has done what it was told. */
static void wait_note(const char *wanted)
{
    const int64_t until_ms = clock_mono_ms() + 10000;

    while (strcmp(note(), wanted) != 0 && clock_mono_ms() < until_ms)
        sched_yield();
    CHECK_TEXT(note(), wanted);
}

TEST(a_run_is_noted_when_every_loop_is_connected_to_it_and_forgotten_by_a_clean_end)
{
    struct ledger *l = opened();

    ledger_run(l, 0, "aaaa", false);
    ledger_run(l, 1, "bbbb", false); /* connected to the one before */
    ledger_run(l, 0, "", false);     /* one that does not tell */
    ledger_run(l, 1, "", false);
    CHECK_TEXT(note(), "");
    ledger_run(l, 0, "aaaa", false);
    ledger_run(l, 1, "aaaa", false);
    wait_note("aaaa\n");
    ledger_run(l, 0, "cccc", false);
    ledger_run(l, 1, "cccc", false);
    wait_note("cccc\n");
    CHECK_INT(count(l, "\n"), 0);
    ledger_close(l);
    CHECK_TEXT(note(), "");
}

TEST(a_note_of_another_run_is_a_gap_of_unknown_size_told_once)
{
    struct ledger *l;

    leave_note("aaaa\n");
    l = opened();
    CHECK_INT(count(l, "\n"), 0);
    ledger_run(l, 1, "bbbb", false);
    ledger_run(l, 0, "bbbb", false);
    CHECK_INT(count(l, "-died\",\"state\":\"closed\""), 1);
    CHECK_INT(count(l, "\"reason\":\"died\""), 1);
    CHECK_INT(count(l, "\"older\":-1"), 1);
    CHECK_INT(count(l, "\n"), 1);
    wait_note("bbbb\n");
    ledger_close(l);

    l = opened(); /* it is a whole line of the file */
    CHECK_INT(count(l, "-died"), 1);
    CHECK_INT(count(l, "\n"), 1);
    ledger_close(l);
}

TEST(a_note_that_a_crash_has_emptied_is_of_no_run_there_is)
{
    struct ledger *l;

    leave_note("");
    l = opened();
    ledger_run(l, 0, "aaaa", false);
    CHECK_INT(count(l, "\"reason\":\"died\""), 1);
    ledger_close(l);
}

TEST(a_note_of_the_same_run_says_that_nothing_is_lost)
{
    struct ledger *l;

    leave_note("aaaa\n");
    l = opened();
    ledger_run(l, 0, "aaaa", false);
    ledger_run(l, 0, "bbbb", false); /* while we live the rings tell */
    CHECK_INT(count(l, "\n"), 0);
    ledger_close(l);
}

TEST(a_server_that_met_no_redis_leaves_the_note_to_the_next)
{
    struct ledger *l;

    leave_note("aaaa\n");
    l = opened();
    ledger_close(l);
    CHECK_TEXT(note(), "aaaa\n");
}

TEST(a_journal_that_has_every_event_needs_no_note)
{
    struct ledger *l;

    leave_note("aaaa\n");
    l = opened();
    ledger_run(l, 0, "aaaa", true);
    ledger_run(l, 1, "aaaa", true);
    wait_note("");
    CHECK_INT(count(l, "\n"), 0);
    ledger_close(l);
}

TEST(without_a_directory_the_text_is_in_memory_alone)
{
    struct err err = {0};
    struct ledger *l = ledger_open("", 2, &err);
    struct ledger_gap g = gap(1767704400123, false);

    CHECK(l);
    ledger_write(l, &g);
    CHECK_INT(count(l, "\"state\":\"open\""), 1);
    ledger_run(l, 0, "aaaa", false);
    ledger_run(l, 1, "aaaa", false);
    ledger_close(l);
    CHECK_TEXT(note(), "");
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(lines_are_there_again_after_a_restart),
                        CASE(a_gap_left_open_is_ended_by_the_next_server_with_what_died),
                        CASE(a_gap_opened_twice_is_ended_once_with_what_was_told_last),
                        CASE(a_line_that_was_cut_off_becomes_a_gap_of_its_own_that_is_over),
                        CASE(zeros_and_halves_that_stand_before_whole_lines_go_too),
                        CASE(a_last_line_without_its_end_is_whole),
                        CASE(a_run_is_noted_when_every_loop_is_connected_to_it_and_forgotten_by_a_clean_end),
                        CASE(a_note_of_another_run_is_a_gap_of_unknown_size_told_once),
                        CASE(a_note_that_a_crash_has_emptied_is_of_no_run_there_is),
                        CASE(a_note_of_the_same_run_says_that_nothing_is_lost),
                        CASE(a_server_that_met_no_redis_leaves_the_note_to_the_next),
                        CASE(a_journal_that_has_every_event_needs_no_note),
                        CASE(without_a_directory_the_text_is_in_memory_alone));
}
