/* test_streams.c - the table of streams. */
#include "worker/streams.h"

#include "tests/harness.h"

TEST(an_index_means_the_same_stream_however_many_there_are)
{
    struct streams s = {0};

    CHECK(streams_init(&s, 2));
    CHECK_INT(streams_count(&s), 4);
    for (int most = 2; most <= KEYS_PARTITIONS_MAX; most += 127) {
        streams_follow(&s, &(struct layout){1, most});
        CHECK_INT(streams_count(&s), 2 * most);
        CHECK_INT(streams_in_use(&s), 1);
        CHECK_TEXT(s.items[streams_live(0)].key, "webhooks:{0}");
        CHECK_TEXT(s.items[streams_live(1)].key, "webhooks:{1}");
        CHECK_TEXT(s.items[streams_bulk(1)].key, "webhooks:{1}:bulk");
        CHECK_TEXT(s.items[streams_bulk(1)].dead, "webhooks:{1}:dead");
        CHECK_TEXT(s.items[streams_live(255)].key, "webhooks:{255}");
    }
    CHECK(s.items[streams_bulk(1)].bulk && !s.items[streams_live(1)].bulk);
    for (int i = 0; i < STREAMS_MAX; i++)
        CHECK_INT(s.items[i].partition, streams_partition(i));
    streams_deinit(&s);
    CHECK(s.items == NULL);
    streams_deinit(&s);
}

TEST(all_live_streams_come_before_all_bulk_ones)
{
    const int wanted[] = {0, 2, 4, 1, 3, 5};

    for (size_t i = 0; i < 6; i++)
        CHECK_INT(streams_live_first(6, i), wanted[i]);
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
    return HARNESS_MAIN(argc, argv, CASE(an_index_means_the_same_stream_however_many_there_are),
                        CASE(all_live_streams_come_before_all_bulk_ones),
                        CASE(refuses_numbers_of_partitions_out_of_range));
}
