#!/usr/bin/python3
"""Rate limits as the marketplace counts them: several workers share one limit, pass it by no more than 2 %, and leave hardly
any of it unused while there is work. A shop at its own limit delays nobody else.

The marketplace enforces the same limits here, with its 2 % of tolerance: one call too many would be answered 429 and counted.
"""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from stack import check, check_equal, run_cases  # noqa: E402
from world import World  # noqa: E402

SINGLY = {"TIKTOK_ORDER_DETAILS_BATCH_SIZE": 1, "WORKER_THREADS": 2}  # many calls for few orders


def limits(sim):
    return json.loads(sim.call("GET", "limits"))


def calls(sim, shop=None):
    """When signed calls came, in order, ms."""
    return sorted(call["at_ms"] for call in sim.calls() if call["api"] not in ("token", "other")
                  and (shop is None or call["shop_id"] == shop))


def check_use(times, per_minute, share=0.9):
    """The pace between first and last call, and no stretch of time above 102 %."""
    span = times[-1] - times[0]
    allowed = per_minute * span / 60000
    check(len(times) - 1 >= share * allowed, "%d calls in %d ms, %d were allowed" % (len(times), span, allowed))
    for i in range(len(times)):
        for j in range(i, len(times)):
            most = per_minute * (times[j] - times[i] + 250) / 60000 + per_minute * 0.02 + 1
            check(j - i + 1 <= most, "%d calls within %d ms" % (j - i + 1, times[j] - times[i]))


def case_workers_share_the_limit_of_the_app_and_use_it():
    per_minute = 1200
    with World(shops=4, worker=SINGLY) as world:
        world.sim.switch(app_limit_per_minute=per_minute)
        for _ in range(3):
            world.worker(PLATFORM_RATE_LIMIT_TIKTOK=per_minute)
        world.send(world.sim.burst(shops=4, orders=150, events=300))
        world.settle(120)
        world.check()
        counted = limits(world.sim)
        check_equal(counted["app_refused"], 0, "calls refused with 429")
        check(len(calls(world.sim)) >= 200, "the limit did not bind: %d calls" % len(calls(world.sim)))
        check_use(calls(world.sim), per_minute)
        check_equal(world.redis.client.ttl("limit:{tiktok}:app") > 0, True, "the bucket ends by itself")


def case_a_shop_at_its_limit_delays_no_other():
    with World(shops=3, worker=SINGLY) as world:
        world.sim.switch(shop_limit_per_minute=120)
        for _ in range(2):
            world.worker(SHOP_RATE_LIMIT_TIKTOK=2)
        world.send(world.sim.burst(shops=1, orders=30, events=30))
        world.send(world.sim.burst(shops=1, first_shop=1, orders=2, events=2))
        world.settle(120)
        world.check()
        check_equal(limits(world.sim)["app_refused"] + sum(s["refused"] for s in limits(world.sim)["shops"].values()), 0, "429s")
        first, second = (shop["shop_id"] for shop in world.sim.shops()[:2])
        busy, other = calls(world.sim, first), calls(world.sim, second)
        check_use(busy, 120)
        check(other[-1] - busy[0] < (busy[-1] - busy[0]) / 2, "the other shop waited %d of %d ms" % (other[-1] - busy[0], busy[-1] - busy[0]))


# ---------------------------------------------------------------- over more than a minute

def any_minute(counted, per_minute):
    """No 60 seconds, wherever they begin, have seen more than 102 %; nothing was refused."""
    check_equal(counted["refused"], 0, "calls refused with 429")
    check(counted["max_60s"] <= per_minute * 1.02, "%d calls within 60 s, allowed are %d" % (counted["max_60s"], per_minute))


def case_the_app_s_limit_binds_for_more_than_a_minute_and_is_used():
    per_minute = 300
    with World(shops=4, release=True, worker=SINGLY) as world:
        world.sim.switch(app_limit_per_minute=per_minute)
        for _ in range(3):
            world.worker(PLATFORM_RATE_LIMIT_TIKTOK=per_minute)
        world.send(world.sim.burst(shops=4, orders=340, events=340))
        world.settle(120)
        counted, times = world.sim.limits(), calls(world.sim)
        check(times[-1] - times[0] > 62000, "it bound for %d ms only" % (times[-1] - times[0]))
        any_minute({"max_60s": counted["app_max_60s"], "refused": counted["app_refused"]}, per_minute)
        check_use(times, per_minute)
        world.check()


def case_a_shop_s_limit_binds_for_more_than_a_minute_and_is_used_and_delays_nobody_else():
    with World(shops=3, release=True, worker=SINGLY) as world:
        world.sim.switch(shop_limit_per_minute=120)
        for _ in range(3):
            world.worker(SHOP_RATE_LIMIT_TIKTOK=2)
        world.send(world.sim.burst(shops=1, orders=136, events=136))
        world.send(world.sim.burst(shops=2, first_shop=1, orders=8, events=8))
        world.settle(120)
        shops = [shop["shop_id"] for shop in world.sim.shops()]
        busy = calls(world.sim, shops[0])
        check(busy[-1] - busy[0] > 62000, "it bound for %d ms only" % (busy[-1] - busy[0]))
        for counted in world.sim.limits()["shops"].values():
            any_minute(counted, 120)
        check_use(busy, 120)
        for other in shops[1:]:
            last = calls(world.sim, other)[-1] - busy[0]
            check(last < 10000, "a shop with four orders had its last call after %d ms" % last)
        world.check()


if __name__ == "__main__":
    run_cases(globals(), width=2)
