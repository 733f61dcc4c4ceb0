#!/usr/bin/python3
"""The marketplace fails in every way it knows, for one shop or for all, for a while and under load.

In every case the others' events go on, no event is charged for what its shop or the marketplace did (two attempts are all it
has, see TWO_ATTEMPTS), and everything lands once the trouble is over. Only what an event brings about itself ends among the
dead letters.
"""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from load import *  # noqa: E402,F403
from stack import Failure, check, check_equal, run_cases, wait_for  # noqa: E402
from world import Simulator, World, shared_mongo  # noqa: E402

WORKER = dict(TWO_ATTEMPTS, REQUEST_TIMEOUT=2, FETCH_BUDGET_MS=500)
# Everything a call can meet, as the simulator names it.
FAULTS = [
    ("500", {}), ("503", {}), ("503", {"body": "html"}), ("429", {}), ("429", {"retry_after": 1}), ("slow", {"ms": 800}),
    ("hang", {"ms": 30000}), ("close", {}), ("garbage", {}), ("truncated", {}), ("null_data", {}), ("redirect", {"location": "http://127.0.0.1:1/"}),
    ("code", {"code": 36009007}), ("expired_token", {}),
]


def shop_orders(world, shop):
    return world.db.orders.count_documents({"shop_id": world.sim.shops()[shop]["shop_id"]})



def case_each_shop_fails_in_its_own_way_and_the_healthy_one_goes_on():
    """15 shops, 14 of them failing each in another way, 2 workers, 2 attempts an event: the healthy shop's events land
    within 3 s, nobody is charged an attempt, everything equals the marketplace afterwards.

    One shop for each fault, the last one is well; the load is spread over all."""
    shops = len(FAULTS) + 1
    with World(shops=shops, worker=WORKER) as world:
        world.worker()
        world.worker()
        for shop, (kind, more) in enumerate(FAULTS):
            world.sim.fault(kind, shop=shop, **more)
        healthy = world.sim.shops()[-1]["shop_id"]
        with Load(world, world.sim.burst(shops=shops, orders=20 * shops, events=60 * shops), rate=300) as load:
            load.finish(statuses=[200])
        began = time.monotonic()
        wait_for("the healthy shop's orders", lambda: shop_orders(world, shops - 1) == 20, 10)
        # Its next event passes, too, while all the others are in trouble; delayed by a budget, not by a time-out.
        for number in range(3):
            began = time.monotonic()
            changed = world.change(shops - 1, number)
            wait_for("its change", lambda: (world.order(changed) or {}).get("version") == changed["update_time"] * 1000, 5)
            took = time.monotonic() - began
            check(took < 3, "a healthy shop's event took %.1f s" % took)
        check_nobody_blamed(world)
        check(world.unfinished() > 0, "no shop %s was in trouble" % healthy)
        world.sim.heal()
        world.sim.release()
        # The expired token stays refused until the seller grants again.
        world.sim.refresh_token([kind for kind, _ in FAULTS].index("expired_token"))
        world.put_shops()
        world.settle(90)
        check_nobody_blamed(world)
        world.check()


def all_shops(kind, detail, seconds=3, blamed=0):
    """blamed: attempts that may be counted. None for an outage of everything; where the probe is well, it may condemn a few
    ids of a shop and lane, because nothing else tells a poisonous id from an endpoint that is down."""
    with World(shops=2, worker=WORKER) as world:
        workers = [world.worker(), world.worker()]
        with Load(world, world.sim.burst(shops=2, orders=200, events=600), rate=200) as load:
            wait_documents(world, 30)
            world.sim.fault(kind, **detail)
            until = time.monotonic() + seconds
            calls = world.sim.counters()["detail_calls"]
            load.finish(statuses=[200])
            time.sleep(max(0, until - time.monotonic()))  # the outage itself
            calls = world.sim.counters()["detail_calls"] - calls
        check(calls < 300, "%d detail calls while all of them failed" % calls)
        check_equal([w.ready() for w in workers], [True, True], "ready: the marketplace is not our dependency's health")
        world.sim.heal()
        world.settle(60)
        check(counted_attempts(world) <= blamed, "%d attempts counted" % counted_attempts(world))
        check_equal(world.dead(), [], "dead letters")
        world.check()


def case_every_call_answers_500_for_a_while():
    """All calls 500 for 3 s under load, 2 attempts an event: fewer than 300 calls, 0 attempts charged, 0 dead letters,
    everything equals the marketplace."""
    all_shops("500", {})


CONDEMNED = 3 * 2 * 2 * 2  # ids, kinds that begin with the same call (order, tracking), lanes, shops


def case_every_detail_call_answers_500_while_the_probe_is_well():
    """Detail calls 500 for 3 s, the shop's probe well: at most 24 attempts charged, 0 dead letters, everything equals the
    marketplace."""
    all_shops("500", {"path": "detail"}, blamed=CONDEMNED)


def case_every_call_answers_429_with_retry_after_for_a_while():
    """All calls 429 with Retry-After for 3 s, 2 attempts an event: 0 attempts charged, 0 dead letters, everything equals the
    marketplace."""
    all_shops("429", {"retry_after": 2})


def case_every_call_hangs_for_a_while():
    """All calls hang for 3 s, 2 attempts an event: workers stay ready, 0 attempts charged, 0 dead letters, everything equals
    the marketplace."""
    all_shops("hang", {"ms": 30000})


def case_every_answer_is_garbage_for_a_while():
    """Detail answers are garbage for 3 s, 2 attempts an event: at most 24 attempts charged, 0 dead letters, everything
    equals the marketplace."""
    all_shops("garbage", {"path": "detail"}, blamed=CONDEMNED)


def case_any_call_may_fail_in_any_way():
    """Ten kinds of failure at 4 % each and slow answers at 10 %, 9 attempts an event: 0 dead letters, everything equals the
    marketplace.

    Nine kinds of trouble at once, each for a part of the calls, so that good answers stand between bad ones."""
    with World(shops=3, worker=dict(WORKER, RETRY_DELAYS="200,200,200,200,200,200,200,200")) as world:
        world.worker()
        world.worker()
        for kind, more in FAULTS:
            if kind not in ("hang", "slow", "expired_token", "redirect"):
                world.sim.fault(kind, probability=0.04, path="detail", **more)
        world.sim.fault("slow", probability=0.1, ms=300)
        with Load(world, world.sim.burst(shops=3, orders=300, events=1500), rate=300) as load:
            load.finish(statuses=[200])
        world.sim.heal()
        world.settle(90)
        check_equal(world.dead(), [], "dead letters")
        world.check()


def case_poison_among_good_events_is_the_only_one_that_dies():
    """One order that no call can have among 300 events, 3 attempts: 1 dead letter after 3 tries, everything else equals the
    marketplace."""
    with World(shops=2, worker={"RETRY_DELAYS": "100,100"}) as world:
        world.worker()
        poisoned = world.sim.change(0, 77)
        world.sim.fault("poison", shop=0, number=77)
        pushes = world.sim.burst(shops=2, orders=100, events=300)
        with Load(world, pushes[:150] + [poisoned["push"]] + pushes[150:], rate=300) as load:
            load.finish(statuses=[200])
        world.settle()
        world.expected_dead = [("rejected", poisoned["order_id"])]
        check_equal(world.dead_letters()[0]["_tries"], "3", "attempts of the poisonous one")
        world.check(leave_out=[poisoned["order_id"]])
        check(world.order(poisoned) is None, "the poisonous order was written")


def case_marketplace_killed_and_started_again_under_load():
    """Connections refused under load until a new process serves the same orders: circuits open, 0 attempts charged,
    everything equals the marketplace.

    Connection refused, then a new process with the same orders on the same port."""
    with World(shops=2, worker=WORKER) as world:
        world.worker()
        world.worker()
        base = int(time.time()) - 86400
        world.sim.switch(update_time_base=base)
        with Load(world, world.sim.burst(shops=2, orders=200, events=600), rate=200) as load:
            wait_documents(world, 30)
            served, shops, address = world.sim.orders(), world.sim.shops(), world.sim.url.split("//")[1]
            world.sim.process.kill()
            world.sim.process.wait()
            load.finish(statuses=[200])
            wait_for("open circuits", lambda: total(world, "shopstream_worker_circuits_open") > 0, 20)
        check_nobody_blamed(world)
        world.programs.remove(world.sim)
        world.sim.close()
        world.sim = Simulator("--listen", address, shops=2)
        world.programs.append(world.sim)
        world.sims = [world.sim]
        check_equal([s["access_token"] for s in world.sim.shops()], [s["access_token"] for s in shops], "its tokens")
        world.sim.switch(update_time_base=base)
        world.sim.burst(shops=2, orders=200, events=600)
        check_equal(sorted(world.sim.orders()), sorted(served), "its orders")
        world.settle(60)
        check_nobody_blamed(world)
        world.check()


def case_expired_token_is_renewed_once_and_nobody_is_blamed():
    """One shop's access token expired, 2 workers: exactly 1 refresh, 0 attempts charged, 0 needs parked, everything equals
    the marketplace."""
    with World(shops=2, worker=WORKER) as world:
        workers = [world.worker(), world.worker()]
        world.sim.fault("expired_token", shop=0)
        with Load(world, world.sim.burst(shops=2, orders=80, events=240), rate=200) as load:
            load.finish(statuses=[200])
        check_equal([worker.ready() for worker in workers], [True, True], "ready: one shop's token is not the worker's health")
        world.settle(40)
        check_nobody_blamed(world)
        check_equal(shop_orders(world, 0), 40, "orders of the shop whose token had expired")
        shop = world.sim.shops()[0]["shop_id"]
        refreshes = [row["refreshes"] for row in world.sim.authorizations() if shop in row["shops"]]
        check_equal(refreshes, [1], "refreshes, asked for by every lane")
        check_equal(list(world.db.needs.find({"_id": {"$not": {"$regex": "^transaction:"}}})), [], "needs parked")
        world.check()


def case_needs_of_an_unregistered_shop_are_parked_and_come_back_with_it():
    """One of two shops not put, SWEEP_INTERVAL_MS 500: its needs leave the stream for MongoDB, the other's orders land; once
    it is put all land, 0 attempts charged."""
    with World(shops=2, worker=WORKER, register=False) as world:
        world.put_shops(world.sim.shops()[1:])
        world.worker(SWEEP_INTERVAL_MS=500)
        with Load(world, world.sim.burst(shops=2, orders=80, events=240), rate=400) as load:
            load.finish(statuses=[200])
        wait_for("the registered shop's orders", lambda: shop_orders(world, 1) == 40, 20)
        wait_for("the other one's needs", lambda: world.db.needs.count_documents(
            {"_id": {"$regex": "^order:"}, "reason": "unregistered"}) == 40, 20)
        wait_for("their entries to be acknowledged", lambda: world.unfinished() == 0, 20)
        world.put_shops()
        wait_for("its orders", lambda: shop_orders(world, 0) == 40, 30)
        world.settle(40)
        check_nobody_blamed(world)
        world.check()


shared_mongo()
run_cases(globals(), width=2)
