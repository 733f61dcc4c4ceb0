/* test_circuit.c - when a shop is probed, closed off, and called again. */
#include "tests/harness.h"
#include "worker/circuit.h"

TEST(three_failures_in_a_row_ask_for_a_probe)
{
    struct circuit c = {0};

    CHECK(!circuit_failed(&c, 1, false));
    CHECK(!circuit_failed(&c, 2, false));
    CHECK(circuit_failed(&c, 3, false));
    CHECK(!circuit_succeeded(&c, 4));
    CHECK(!circuit_failed(&c, 5, false));
    CHECK(circuit_failed(&c, 6, true)); /* nothing answered at all */
}

TEST(a_good_probe_is_believed_for_a_while)
{
    struct circuit c = {0};

    CHECK(!circuit_probe_good(&c, 1000));
    CHECK(circuit_succeeded_since(&c, 1000));
    CHECK(!circuit_succeeded_since(&c, 1001));
    CHECK(!circuit_failed(&c, 1000 + CIRCUIT_PROBE_GOOD_MS - 1, true));
    CHECK(circuit_failed(&c, 1000 + CIRCUIT_PROBE_GOOD_MS, true));
}

TEST(backs_off_longer_each_time_and_starts_over_after_entities)
{
    struct circuit c = {0};
    int64_t middle = CIRCUIT_FIRST_MS;
    bool opened;

    for (int i = 0; i < 12; i++) {
        for (uint32_t r = 0; r < 3; r++) {
            struct circuit copy = c;
            int64_t ms = circuit_trip(&copy, 0, r * 0x55555555u, &opened);

            CHECK(ms >= middle - middle / 4 && ms <= middle + middle / 4);
            CHECK_INT(copy.half_open_mono_ms, ms);
            CHECK_INT(opened, i == 0);
        }
        circuit_trip(&c, 0, 0, &opened);
        middle = middle * 2 < CIRCUIT_LONGEST_MS ? middle * 2 : CIRCUIT_LONGEST_MS;
    }
    CHECK(circuit_probe_good(&c, 1));
    CHECK(!c.open);
    CHECK(circuit_trip(&c, 0, 0, &opened) > CIRCUIT_FIRST_MS * 2); /* only entities prove that it works */
    CHECK(circuit_succeeded(&c, 2));
    CHECK(circuit_trip(&c, 0, 0, &opened) <= CIRCUIT_FIRST_MS);
}

TEST(limits_double_and_calls_of_one_moment_count_once)
{
    struct circuit c = {0};
    int64_t left = circuit_limit(&c, 0, 0, 0);

    CHECK_INT(left, 1000);
    CHECK_INT(circuit_limit(&c, 10, 0, 0), 990);
    CHECK_INT(circuit_limit_left(&c, 999), 1);
    CHECK_INT(circuit_limit_left(&c, 1000), 0);
    CHECK_INT(circuit_limit(&c, 1000, 0, 500), 2500);
    CHECK_INT(circuit_limit(&c, 4000, 9000, 0), 9000);
    for (int i = 0; i < 20; i++)
        left = circuit_limit(&c, 1000000 * (i + 1), 0, 0);
    CHECK_INT(left, CIRCUIT_LIMIT_LONGEST_MS);
    circuit_succeeded(&c, 1);
    CHECK_INT(circuit_limit(&c, 99000000, 0, 0), 1000);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(three_failures_in_a_row_ask_for_a_probe),
                        CASE(a_good_probe_is_believed_for_a_while),
                        CASE(backs_off_longer_each_time_and_starts_over_after_entities),
                        CASE(limits_double_and_calls_of_one_moment_count_once));
}
