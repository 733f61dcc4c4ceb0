/* test_older.c - how much of what nobody keeps any more is lost: nothing when its newest is there, never less than the truth, and
 * not much more. */
#include "server/older.h"

#include "tests/harness.h"

static const struct mark_id none = {0};

static struct mark_id id(uint64_t ms)
{
    return (struct mark_id){ms, 0};
}

/* Entries from..to, one a ms, are let go of. */
static void left(struct older *o, uint64_t from, uint64_t to)
{
    for (uint64_t ms = from; ms <= to; ms++)
        older_left(o, id(ms), 1);
}

TEST(nothing_is_lost_while_the_newest_that_was_let_go_of_is_there)
{
    struct older o = {0};

    CHECK_INT(older_ask(&o).ms, 0);
    CHECK_INT(older_lost(&o, none, 0), 0);
    left(&o, 1, 100000);
    CHECK_INT(o.count, 100000);
    CHECK_INT(older_ask(&o).ms, 100000);
    CHECK_INT(older_lost(&o, id(100000), 0), 0);
    CHECK_INT(o.count, 100000);
}

TEST(all_of_it_is_lost_when_nothing_survived)
{
    struct older o = {0};

    left(&o, 1, 5);
    older_left(&o, none, 1); /* no id: nobody can ask for it */
    CHECK_INT(older_ask(&o).ms, 5);
    CHECK_INT(older_lost(&o, none, 0), 5);
    CHECK_INT(o.count, 0);
}

TEST(few_are_told_one_by_one_and_many_never_too_low_and_at_most_a_little_too_high)
{
    struct older few = {0};

    left(&few, 1, 60);
    (void)older_ask(&few);
    CHECK_INT(older_lost(&few, id(43), 0), 17);
    for (uint64_t survivor = 0; survivor <= 50000; survivor += 777) {
        struct older o = {0};
        int64_t lost;

        left(&o, 1, 50000);
        (void)older_ask(&o);
        lost = older_lost(&o, id(survivor), 0);
        CHECK(lost >= 50000 - (int64_t)survivor && lost <= 50000 - (int64_t)survivor + 50000 / 16);
        CHECK_INT(o.count, 50000 - lost);
    }
}

TEST(a_second_loss_counts_what_the_first_has_not)
{
    struct older o = {0};

    left(&o, 1, 50);
    (void)older_ask(&o);
    CHECK_INT(older_lost(&o, id(40), 0), 10);
    left(&o, 101, 120);
    CHECK_INT(older_ask(&o).ms, 120);
    CHECK_INT(older_lost(&o, id(115), 0), 5);
    CHECK_INT(older_ask(&o).ms, 115);
    CHECK_INT(older_lost(&o, id(35), 0), 20); /* an older copy still: 36 to 40 and 101 to 115 */
}

TEST(what_is_let_go_of_after_the_question_waits_for_the_next_answer)
{
    struct older o = {0};

    left(&o, 1, 10);
    (void)older_ask(&o);
    left(&o, 11, 5000); /* runs are merged, but not across the question */
    CHECK_INT(older_lost(&o, none, 0), 10);
    CHECK_INT(o.count, 4990);
    (void)older_ask(&o);
    CHECK_INT(older_lost(&o, none, 0), 4990);
}

TEST(what_was_worked_off_is_nobodys_concern)
{
    struct older o = {0};

    left(&o, 1, 30);
    (void)older_ask(&o);
    older_seen(&o, id(21), id(35), 35); /* the floor itself is not worked off */
    CHECK_INT(o.count, 10);
    left(&o, 15, 20); /* below the floor as it is known */
    CHECK_INT(o.count, 10);
    left(&o, 31, 33);
    (void)older_ask(&o);
    CHECK_INT(older_lost(&o, none, 0), 13);
}

TEST(what_was_trimmed_meanwhile_is_not_lost)
{
    struct older o = {0};

    left(&o, 1, 30);
    (void)older_ask(&o);
    older_seen(&o, none, id(30), 30);
    older_seen(&o, none, id(50), 50); /* what came after does not count */
    (void)older_ask(&o);
    CHECK_INT(older_lost(&o, none, 30), 0);

    o = (struct older){0};
    left(&o, 1, 30);
    (void)older_ask(&o);
    older_seen(&o, none, id(30), 30);
    (void)older_ask(&o);
    CHECK_INT(older_lost(&o, none, 22), 8);
}

TEST(a_position_stays_known_however_long_it_is_asked_for)
{
    struct older o = {0};

    left(&o, 1, 30);
    for (uint64_t s = 0; s < 1000; s++) {
        (void)older_ask(&o);
        older_seen(&o, none, id(40 + s), 40 + (int64_t)s);
    }
    (void)older_ask(&o);
    CHECK_INT(older_lost(&o, none, 40), 0);
}

TEST(positions_and_floor_of_a_lost_past_say_nothing_about_a_new_one)
{
    struct older o = {0};

    left(&o, 1, 10);
    (void)older_ask(&o);
    older_seen(&o, id(5), id(10), 10);
    (void)older_ask(&o);
    CHECK_INT(older_lost(&o, none, 0), 6);
    left(&o, 1, 4); /* the clock has stepped back */
    (void)older_ask(&o);
    CHECK_INT(older_lost(&o, none, 10), 4);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(nothing_is_lost_while_the_newest_that_was_let_go_of_is_there),
                        CASE(all_of_it_is_lost_when_nothing_survived),
                        CASE(few_are_told_one_by_one_and_many_never_too_low_and_at_most_a_little_too_high),
                        CASE(a_second_loss_counts_what_the_first_has_not),
                        CASE(what_is_let_go_of_after_the_question_waits_for_the_next_answer),
                        CASE(what_was_worked_off_is_nobodys_concern),
                        CASE(what_was_trimmed_meanwhile_is_not_lost),
                        CASE(a_position_stays_known_however_long_it_is_asked_for),
                        CASE(positions_and_floor_of_a_lost_past_say_nothing_about_a_new_one));
}
