/* test_market_clock.c - the marketplace's clock against Redis'. */
#include "tests/harness.h"
#include "worker/market_clock.h"

enum { NOW = 1000000, SKEW = 2000 };

TEST(agrees_within_skew_resolution_and_half_the_round_trip)
{
    struct market_clock m = {0};

    CHECK(!market_clock_measure(&m, NOW + SKEW + 1000, NOW, 0, SKEW));
    CHECK(!market_clock_measure(&m, NOW - SKEW - 1000 - 50, NOW, 100, SKEW));
    CHECK(!m.apart);
    CHECK(market_clock_measure(&m, NOW - SKEW - 1000 - 51, NOW, 100, SKEW));
    CHECK(m.apart);
    CHECK_INT(m.offset_ms, -3051);
}

TEST(doubts_at_once_and_trusts_after_three)
{
    struct market_clock m = {0};

    CHECK(market_clock_measure(&m, NOW + 10000, NOW, 0, SKEW));
    CHECK(!market_clock_measure(&m, NOW + 10000, NOW, 0, SKEW)); /* told once */
    CHECK(!market_clock_measure(&m, NOW, NOW, 0, SKEW));
    CHECK(!market_clock_measure(&m, NOW, NOW, 0, SKEW));
    CHECK(!market_clock_measure(&m, NOW + 10000, NOW, 0, SKEW)); /* starts the count over */
    CHECK(!market_clock_measure(&m, NOW, NOW, 0, SKEW));
    CHECK(!market_clock_measure(&m, NOW, NOW, 0, SKEW));
    CHECK(m.apart);
    CHECK(market_clock_measure(&m, NOW, NOW, 0, SKEW));
    CHECK(!m.apart);
}

TEST(slow_answers_measure_nothing)
{
    struct market_clock m = {0};

    CHECK(!market_clock_measure(&m, NOW + 60000, NOW, MARKET_CLOCK_SLOWEST_MS + 1, SKEW));
    CHECK(!market_clock_measure(&m, NOW + 60000, NOW, -1, SKEW));
    CHECK(!m.apart);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv, CASE(agrees_within_skew_resolution_and_half_the_round_trip),
                        CASE(doubts_at_once_and_trusts_after_three), CASE(slow_answers_measure_nothing));
}
