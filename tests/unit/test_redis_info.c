/* test_redis_info.c - numbers in the text of INFO. */
#include "common/redis_info.h"

#include <string.h>

#include "tests/harness.h"

static const char info[] =
    "# Memory\r\nused_memory:850\r\nused_memory_human:850B\r\nmaxmemory:1000\r\nmaxmemory_policy:x\r\n";

TEST(a_number_is_read_by_its_whole_name)
{
    int64_t n = -7;

    CHECK(redis_info_number(info, strlen(info), "maxmemory", &n) && n == 1000);
    CHECK(redis_info_number(info, strlen(info), "used_memory", &n) && n == 850);
    CHECK(!redis_info_number(info, strlen(info), "used_memory_human", &n));
    CHECK(!redis_info_number(info, strlen(info), "memory", &n) && !redis_info_number("", 0, "a", &n));
    CHECK(redis_info_number("a:5", 3, "a", &n) && n == 5);
}

TEST(the_percentage_is_of_the_limit_that_counts)
{
    static const char none[] = "used_memory:850\r\nmaxmemory:0\r\n";

    CHECK_INT(redis_info_used_percent(info, strlen(info), 0), 85);
    CHECK_INT(redis_info_used_percent(info, strlen(info), 2000), 42);
    CHECK_INT(redis_info_used_percent(info, strlen(info), 1), 100);
    CHECK_INT(redis_info_used_percent(none, strlen(none), 0), -1);
    CHECK_INT(redis_info_used_percent(none, strlen(none), 1700), 50);
    CHECK_INT(redis_info_used_percent("maxmemory:5\r\n", 13, 0), -1);
}

TEST(only_one_policy_throws_nothing_away)
{
    static const char good[] = "maxmemory:1000\r\nmaxmemory_policy:noeviction\r\nx:1\r\n";

    CHECK(!redis_info_evicts(good, strlen(good)) && !redis_info_evicts("a:1\n", 4));
    CHECK(redis_info_evicts("maxmemory_policy:allkeys-lru\r\n", 30));
    CHECK(redis_info_evicts("maxmemory_policy:volatile-ttl", 29) &&
          redis_info_evicts("maxmemory_policy:no", 19));
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(a_number_is_read_by_its_whole_name),
                        CASE(the_percentage_is_of_the_limit_that_counts),
                        CASE(only_one_policy_throws_nothing_away));
}
