/* test_keys.c - the spelling of keys, and the hash that may never change. */
#include "common/keys.h"

#include <stdint.h>
#include <string.h>

#include "tests/harness.h"

TEST(spells_the_streams)
{
    char key[KEYS_STREAM_MAX];

    CHECK_INT(keys_live(key, 0), strlen("webhooks:{0}"));
    CHECK_TEXT(key, "webhooks:{0}");
    CHECK_INT(keys_bulk(key, 12), strlen("webhooks:{12}:bulk"));
    CHECK_TEXT(key, "webhooks:{12}:bulk");
    CHECK_INT(keys_dead(key, 255), strlen("webhooks:{255}:dead"));
    CHECK_TEXT(key, "webhooks:{255}:dead");
}

TEST(tells_how_long_a_worker_key_would_be)
{
    char key[16];

    CHECK_INT(keys_worker(key, sizeof key, 3, "host-1"), strlen("webhooks:{3}:worker:host-1"));
    CHECK_TEXT(key, "webhooks:{3}:wo");
}

/* Worked out with another implementation of FNV-1a 64; a change would scatter every shop's events. */
TEST(partitions_are_what_they_always_were)
{
    static const struct {
        const char *shop;
        int of_256;
    } rows[] = {{"7495540735365777507", 23}, {"", 73}, {"1", 232}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        CHECK_INT(keys_partition("tiktok", 6, rows[i].shop, strlen(rows[i].shop), 256), rows[i].of_256);
}

TEST(a_single_partition_takes_all)
{
    CHECK_INT(keys_partition("tiktok", 6, "7495540735365777507", 19, 1), 0);
    CHECK_INT(keys_partition("tiktok", 6, "7495540735365777507", 19, 0), 0);
}

TEST(spreads_shops_over_all_partitions)
{
    int count[16] = {0};
    char shop[8];

    for (int i = 0; i < 1600; i++) {
        int p;

        shop[0] = (char)('0' + i / 1000);
        shop[1] = (char)('0' + i / 100 % 10);
        shop[2] = (char)('0' + i / 10 % 10);
        shop[3] = (char)('0' + i % 10);
        p = keys_partition("tiktok", 6, shop, 4, 16);
        CHECK(p >= 0 && p < 16);
        count[p]++;
    }
    for (int p = 0; p < 16; p++)
        CHECK(count[p] > 50 && count[p] < 150);
}

TEST(tells_platform_and_shop_apart)
{
    CHECK(keys_partition("ab", 2, "c", 1, 256) != keys_partition("a", 1, "bc", 2, 256));
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(spells_the_streams), CASE(tells_how_long_a_worker_key_would_be),
                        CASE(partitions_are_what_they_always_were), CASE(a_single_partition_takes_all),
                        CASE(spreads_shops_over_all_partitions), CASE(tells_platform_and_shop_apart));
}
