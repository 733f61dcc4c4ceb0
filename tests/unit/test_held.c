/* test_held.c - the set of stream ids a lane holds. */
#include "worker/held.h"

#include <stdlib.h>

#include "tests/harness.h"
#include "worker/message.h"

static struct held_id numbered(uint64_t n)
{
    return (struct held_id){.ms = UINT64_C(1718305585123) + n / 3, .seq = n % 3, .stream = (int)(n % 5)};
}

TEST(ids_survive_text_and_back)
{
    struct held_id id = {0};
    char text[STREAM_ID_MAX];

    CHECK(held_id_parse(4, "1718305585123-18446744073709551615", &id));
    CHECK_INT(id.stream, 4);
    held_id_format(&id, text);
    CHECK_TEXT(text, "1718305585123-18446744073709551615");
    CHECK(!held_id_parse(4, "", &id));
    CHECK(!held_id_parse(4, "1", &id));
    CHECK(!held_id_parse(4, "1-", &id));
    CHECK(!held_id_parse(4, "-1", &id));
    CHECK(!held_id_parse(4, "1-2-3", &id));
    CHECK(!held_id_parse(4, "18446744073709551616-0", &id));
}

TEST(an_empty_set_has_nothing)
{
    struct held set = {0};
    struct held_id id = numbered(1);

    CHECK(!held_has(&set, &id));
    CHECK(!held_remove(&set, &id));
    CHECK_INT(held_list(&set, NULL), 0);
    held_deinit(&set);
}

TEST(one_id_counts_once_and_a_stream_apart)
{
    struct held set = {0};
    struct held_id id = numbered(1), other = id;

    other.stream++;
    CHECK(held_add(&set, &id));
    CHECK(!held_add(&set, &id));
    CHECK(!held_has(&set, &other));
    CHECK_INT(set.count, 1);
    CHECK(held_remove(&set, &id));
    CHECK(!held_remove(&set, &id));
    held_deinit(&set);
}

/* Against a plain array of flags: enters and removes at random until every slot was used many times over. */
TEST(agrees_with_a_plain_table_over_many_changes)
{
    enum { IDS = 700, CHANGES = 200000 };
    static bool there[IDS];
    struct held set = {0};
    struct held_id listed[IDS];
    size_t count = 0;
    unsigned seed = 7;

    for (int i = 0; i < CHANGES; i++) {
        size_t n = (size_t)rand_r(&seed) % IDS;
        struct held_id id = numbered(n);
        bool changed = there[n] ? held_remove(&set, &id) : held_add(&set, &id);

        if (!changed)
            CHECK(false);
        count += there[n] ? (size_t)-1 : 1;
        there[n] = !there[n];
    }
    CHECK_INT(set.count, count);
    CHECK_INT(held_list(&set, listed), count);
    for (size_t n = 0; n < IDS; n++) {
        struct held_id id = numbered(n);

        if (held_has(&set, &id) != there[n])
            CHECK(false);
    }
    CHECK(set.capacity <= 1024);
    held_deinit(&set);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(ids_survive_text_and_back), CASE(an_empty_set_has_nothing),
                        CASE(one_id_counts_once_and_a_stream_apart),
                        CASE(agrees_with_a_plain_table_over_many_changes));
}
