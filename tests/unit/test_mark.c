/* test_mark.c - the commands around a mark, and what counts as an id. */
#include "server/mark.h"

#include <string.h>

#include "tests/harness.h"

TEST(commands_are_complete)
{
    static const char get[] = "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n";
    static const char set[] = "*5\r\n$3\r\nSET\r\n$1\r\nk\r\n$3\r\n1-0\r\n$2\r\nPX\r\n$6\r\n600000\r\n";
    struct strbuf b = STRBUF_INIT;

    mark_add_get(&b, "k", 1);
    CHECK_BYTES(b.data, b.length, get, strlen(get));
    strbuf_reset(&b);
    mark_add_set(&b, "k", 1, "1-0", 3, 600000);
    CHECK_BYTES(b.data, b.length, set, strlen(set));
    strbuf_deinit(&b);
}

TEST(only_two_numbers_around_a_dash_are_an_id)
{
    static const char *const none[] = {"", "-", "1", "1-", "-1", "1-2-3", "OK", "QUEUED", "1 -2", "1-x"};

    CHECK(mark_is_id("1767704400123-0", 15));
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        CHECK(!mark_is_id(none[i], strlen(none[i])));
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(commands_are_complete),
                        CASE(only_two_numbers_around_a_dash_are_an_id));
}
