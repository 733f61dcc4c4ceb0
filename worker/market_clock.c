/* market_clock.c - worker: a marketplace's clock against Redis'.
 *
 * In:      the Date header of an answer, Redis' clock at the same moment, the round trip.
 * Out:     agree or apart; while apart, "settled" is not used by the freshness rule.
 * Fails:   never.
 * Thread:  the lane's. Pure.
 * Why so:  one measure is enough to doubt, several are needed to trust again: doubting costs a few reads, trusting
 *          wrongly would lose a change. A slow answer is no measure, its tolerance would hide any difference. */
#include "worker/market_clock.h"

bool market_clock_measure(struct market_clock *m, int64_t date_ms, int64_t redis_ms, int64_t trip_ms,
                          int64_t skew_ms)
{
    int64_t difference = date_ms - redis_ms;
    bool agree;

    if (trip_ms < 0 || trip_ms > MARKET_CLOCK_SLOWEST_MS)
        return false;
    agree = (difference < 0 ? -difference : difference) <= skew_ms + 1000 + trip_ms / 2;
    m->offset_ms = difference;
    if (!agree) {
        bool changed = !m->apart;

        m->apart = true;
        m->agreeing = 0;
        return changed;
    }
    if (!m->apart || ++m->agreeing < MARKET_CLOCK_AGAIN)
        return false;
    m->apart = false;
    return true;
}
