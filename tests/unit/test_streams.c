/* test_streams.c - the table of streams. */
#include "worker/streams.h"

#include "tests/harness.h"

TEST(live_streams_come_before_bulk_ones)
{
    struct streams s = {0};

    CHECK(streams_init(&s, 2));
    CHECK_INT(s.count, 4);
    CHECK_TEXT(s.items[0].key, "webhooks:{0}");
    CHECK_TEXT(s.items[1].key, "webhooks:{1}");
    CHECK_TEXT(s.items[2].key, "webhooks:{0}:bulk");
    CHECK_TEXT(s.items[3].key, "webhooks:{1}:bulk");
    CHECK_TEXT(s.items[0].dead, "webhooks:{0}:dead");
    CHECK_TEXT(s.items[3].dead, "webhooks:{1}:dead");
    CHECK_INT(s.items[3].partition, 1);
    CHECK(s.items[3].bulk && !s.items[1].bulk);
    streams_deinit(&s);
    CHECK(s.items == NULL);
    streams_deinit(&s);
}

TEST(refuses_numbers_of_partitions_out_of_range)
{
    struct streams s = {0};

    CHECK(!streams_init(&s, 0));
    CHECK(!streams_init(&s, -1));
    CHECK(!streams_init(&s, KEYS_PARTITIONS_MAX + 1));
    CHECK(streams_init(&s, KEYS_PARTITIONS_MAX));
    streams_deinit(&s);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(live_streams_come_before_bulk_ones),
                        CASE(refuses_numbers_of_partitions_out_of_range));
}
