/* test_guard.c - the filters, word by word. What they do to documents: test_upsert.c. */
#include "worker/guard.h"

#include "tests/harness.h"

static void check_filter(enum guard g, const char *hash, const char *expected_json)
{
    bson_t filter = BSON_INITIALIZER;
    bson_t *expected = bson_new_from_json((const uint8_t *)expected_json, -1, NULL);

    CHECK(expected != NULL);
    CHECK(guard_filter(&filter, g, "tiktok:749:1", 30, 40, 50, hash));
    CHECK_BYTES(bson_get_data(&filter), filter.len, bson_get_data(expected), expected->len);
    bson_destroy(&filter);
    bson_destroy(expected);
}

#define V "{\"$numberLong\":\"30\"}"
#define NOR                                                                                                  \
    "\"$nor\":[{\"version\":" V                                                                              \
    ",\"fetched_ms\":{\"$gte\":{\"$numberLong\":\"40\"},\"$lte\":{\"$numberLong\":\"50\"}}}]"
#define NOR_FETCHED                                                                                          \
    "\"$nor\":[{\"fetched_ms\":{\"$gte\":{\"$numberLong\":\"40\"},\"$lte\":{\"$numberLong\":\"50\"}}}]"

TEST(ordinary_refuses_tombstones_newer_versions_and_later_reads)
{
    check_filter(
        GUARD_ORDINARY, NULL,
        "{\"_id\":\"tiktok:749:1\",\"deleted_at\":{\"$exists\":false},\"version\":{\"$not\":{\"$gt\":" V
        "}}," NOR "}");
}

TEST(version_only_also_wants_the_same_content)
{
    check_filter(
        GUARD_VERSION_ONLY, "h",
        "{\"_id\":\"tiktok:749:1\",\"content_hash\":\"h\",\"deleted_at\":{\"$exists\":false},\"version\":"
        "{\"$not\":{\"$gt\":" V "}}," NOR "}");
}

TEST(revive_wants_a_tombstone_and_knows_only_the_time_of_the_read)
{
    check_filter(GUARD_REVIVE, NULL,
                 "{\"_id\":\"tiktok:749:1\",\"deleted_at\":{\"$exists\":true}," NOR_FETCHED "}");
}

TEST(tombstone_knows_only_the_time_of_the_read)
{
    check_filter(GUARD_TOMBSTONE, NULL, "{\"_id\":\"tiktok:749:1\"," NOR_FETCHED "}");
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(ordinary_refuses_tombstones_newer_versions_and_later_reads),
                        CASE(version_only_also_wants_the_same_content),
                        CASE(revive_wants_a_tombstone_and_knows_only_the_time_of_the_read),
                        CASE(tombstone_knows_only_the_time_of_the_read));
}
