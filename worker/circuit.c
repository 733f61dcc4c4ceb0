/* circuit.c - worker: the health of one shop, so that its trouble is neither an event's fault nor another shop's.
 *
 * In:      what became of its calls, and when.
 * Out:     whether it may be called, must be probed, or waits.
 * Fails:   never.
 * Thread:  the lane's; each lane finds out by itself. Pure.
 * Why so:  one failing call says nothing (an id may be poisonous), so the shop is asked by its cheapest call before
 *          anybody is blamed. Lanes do not share circuits: a shop costs each of them a few calls per back-off. */
#include "worker/circuit.h"

/* first x 2^n, at most longest. */
static int64_t back_off(int64_t first, int n, int64_t longest)
{
    int64_t ms = first;

    while (n-- > 0 && ms < longest)
        ms *= 2;
    return ms < longest ? ms : longest;
}

static bool circuit_close(struct circuit *c)
{
    bool was_open = c->open;

    c->open = false;
    c->failures = 0;
    c->half_open_mono_ms = 0;
    return was_open;
}

bool circuit_succeeded(struct circuit *c, int64_t now)
{
    c->ok_mono_ms = now;
    c->trips = 0;
    c->limits = 0;
    return circuit_close(c);
}

bool circuit_probe_good(struct circuit *c, int64_t now)
{
    c->probe_ok_mono_ms = now;
    c->limits = 0;
    return circuit_close(c); /* trips stay: only entities prove that the shop's calls work again */
}

bool circuit_failed(struct circuit *c, int64_t now, bool at_once)
{
    c->failures++;
    if (c->open || (c->probe_ok_mono_ms != 0 && now - c->probe_ok_mono_ms < CIRCUIT_PROBE_GOOD_MS))
        return false;
    return at_once || c->failures >= CIRCUIT_FAILURES;
}

int64_t circuit_trip(struct circuit *c, int64_t now, uint32_t random, bool *opened)
{
    int64_t ms = back_off(CIRCUIT_FIRST_MS, c->trips, CIRCUIT_LONGEST_MS);
    int64_t spread = ms / 4;

    ms += (int64_t)(random % (uint32_t)(2 * spread + 1)) - spread;
    *opened = !c->open;
    c->open = true;
    c->trips++;
    c->half_open_mono_ms = now + ms;
    return ms;
}

int64_t circuit_limit(struct circuit *c, int64_t now, int64_t retry_after_ms, uint32_t random)
{
    int64_t until;

    if (now < c->limit_mono_ms && retry_after_ms == 0)
        return c->limit_mono_ms - now;
    if (retry_after_ms > 0)
        until = now + retry_after_ms;
    else
        until = now + back_off(CIRCUIT_LIMIT_FIRST_MS, c->limits, CIRCUIT_LIMIT_LONGEST_MS) +
                (int64_t)(random % 501);
    if (now >= c->limit_mono_ms)
        c->limits++;
    if (until > c->limit_mono_ms)
        c->limit_mono_ms = until;
    return c->limit_mono_ms - now;
}

int64_t circuit_limit_left(const struct circuit *c, int64_t now)
{
    return now < c->limit_mono_ms ? c->limit_mono_ms - now : 0;
}

bool circuit_succeeded_since(const struct circuit *c, int64_t since_mono_ms)
{
    return c->ok_mono_ms >= since_mono_ms || c->probe_ok_mono_ms >= since_mono_ms;
}
