/* test_layout.c - reading the layout and deciding what to believe. */
#include "common/layout.h"

#include <string.h>

#include "tests/harness.h"

static bool reads(const char *answer, struct layout *now, struct layout *before)
{
    return layout_read(answer, strlen(answer), now, before);
}

TEST(an_answer_tells_what_is_and_what_was)
{
    struct layout now, before;

    CHECK(reads("16 32 4 8", &now, &before));
    CHECK(now.in_use == 16 && now.most == 32 && before.in_use == 4 && before.most == 8);
    CHECK(reads("1 256 0 0", &now, NULL));
    CHECK(now.in_use == 1 && now.most == 256);
}

TEST(an_answer_that_is_none_changes_nothing)
{
    static const char *const answers[] = {"",
                                          "4",
                                          "4 4",
                                          "4 4 4",
                                          "4 4 4 4 ",
                                          "4 4 4 4 4",
                                          " 4 4 4 4",
                                          "4  4 4 4",
                                          "0 4 4 4",
                                          "-1 4 4 4",
                                          "5 4 4 4",
                                          "257 257 4 4",
                                          "4 257 4 4",
                                          "4 4 257 4",
                                          "4 4 4 -1",
                                          "+4 4 4 4",
                                          "4 4 4 x",
                                          "unreadable: x",
                                          "99999999999999999999 4 4 4"};
    struct layout now = {7, 8}, before = {5, 6};

    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
        CHECK(!reads(answers[i], &now, &before));
    CHECK(now.in_use == 7 && now.most == 8 && before.in_use == 5 && before.most == 6);
}

static bool record(const char *text, struct layout *out)
{
    return layout_read_record(text, strlen(text), out);
}

TEST(a_record_is_two_numbers_in_range_or_nothing)
{
    static const char *const bad[] = {"",
                                      "4 16",
                                      "in_use=4",
                                      "in_use=4 most=",
                                      "in_use= most=4",
                                      "in_use=0 most=4",
                                      "in_use=4x most=4",
                                      "in_use=4 most=4 ",
                                      "in_use=4 most=4 x=1",
                                      "in_use=4  most=4",
                                      "in_use=4 most=257",
                                      "in_use=300 most=4",
                                      "in_use=-1 most=4",
                                      "in_use=04 most=4",
                                      "most=4 in_use=4",
                                      "In_use=4 most=4"};
    struct layout out = {7, 8};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CHECK(!record(bad[i], &out));
    CHECK(out.in_use == 7 && out.most == 8);
    CHECK(record("in_use=4 most=16", &out));
    CHECK(out.in_use == 4 && out.most == 16);
    CHECK(record("in_use=16 most=4", &out)); /* by hand: what is used has been used */
    CHECK(out.in_use == 16 && out.most == 16);
}

TEST(the_most_ever_used_never_falls)
{
    struct layout known = {4, 0};

    CHECK(layout_follow(&known, &(struct layout){16, 16}));
    CHECK(!layout_follow(&known, &(struct layout){16, 16}));
    CHECK(layout_follow(&known, &(struct layout){2, 16}));
    CHECK(known.in_use == 2 && known.most == 16);
    CHECK(!layout_follow(&known, &(struct layout){2, 2})); /* made anew by somebody who knew less */
    CHECK(known.in_use == 2 && known.most == 16);
}

TEST(what_is_wrong_with_a_record_is_a_clause)
{
    CHECK_TEXT(layout_why("unreadable: it is no text"), "it is no text");
    CHECK_TEXT(layout_why("4 4 4"), LAYOUT_SHAPE);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(an_answer_tells_what_is_and_what_was),
                        CASE(an_answer_that_is_none_changes_nothing),
                        CASE(a_record_is_two_numbers_in_range_or_nothing),
                        CASE(the_most_ever_used_never_falls), CASE(what_is_wrong_with_a_record_is_a_clause));
}
