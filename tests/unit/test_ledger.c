/* test_ledger.c - gaps stand in the file twice, and those of a server that died are ended by the next. */
#include "server/ledger.h"

#include <stdio.h>
#include <string.h>

#include "tests/harness.h"

static struct ledger *opened(void)
{
    struct err err = {0};
    struct ledger *l = ledger_open(".", &err);

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

TEST(a_line_that_was_cut_off_is_left_as_it_is)
{
    struct ledger *l;
    FILE *f = fopen("ledger", "w");

    CHECK(f);
    fputs("{\"gap\":\"1767704400123-0-0\",\"state\":\"open\",\"at\":\"2026", f);
    fclose(f);
    l = opened();
    CHECK_INT(count(l, "\n"), 1);
    CHECK_INT(count(l, "closed"), 0);
    ledger_close(l);
}

TEST(without_a_directory_the_text_is_in_memory_alone)
{
    struct err err = {0};
    struct ledger *l = ledger_open("", &err);
    struct ledger_gap g = gap(1767704400123, false);

    CHECK(l);
    ledger_write(l, &g);
    CHECK_INT(count(l, "\"state\":\"open\""), 1);
    ledger_close(l);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(lines_are_there_again_after_a_restart),
                        CASE(a_gap_left_open_is_ended_by_the_next_server_with_what_died),
                        CASE(a_line_that_was_cut_off_is_left_as_it_is),
                        CASE(without_a_directory_the_text_is_in_memory_alone));
}
