#!/usr/bin/python3
"""A long outage in fast motion: the times that rule it are seconds instead of minutes, and each entity of what is down gets new
events again and again, as it would for hours.

What waits lies in MongoDB, one small document for each entity, however many events there were: neither Redis' memory, nor the
pending list, nor the stream grows, finished entries go on being trimmed, and whoever is well notices nothing.
"""

import os
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "flow"))
from load import Load, check_nobody_blamed  # noqa: E402
from stack import check, check_equal, json, run_cases, wait_for  # noqa: E402
from test_parking import check_served_once, wait_no_needs, waiting  # noqa: E402
from world import BULK, GROUP, LIVE, World, shared_mongo, text  # noqa: E402
import truth  # noqa: E402

SHOPS, NUMBERS, RATE = 4, 48, 1000  # shops of a platform, numbers of entities of each kind, events a second
SERVER = {"DEDUPE_WINDOW_MINUTES": 0, "REPLAY_SECONDS": 1}
WORKER = {"PARK_AFTER_SECONDS": 1, "SWEEP_INTERVAL_MS": 200, "STREAM_KEEP_MINUTES": 0, "REPLAY_SECONDS": 1, "REQUEST_TIMEOUT": 5}
KEPT_MS = 3 * 1000  # the keep window these settings leave
KINDS = {"order": 0.7, "product": 0.1, "return": 0.1, "tracking": 0.1}
GROWTH = 1.1  # most by which the last third of an outage may exceed the middle one
CURRENT_S = 5  # within this an event of the healthy ones is in MongoDB


class Samples(threading.Thread):
    """What an outage could make grow, five times a second, until the block is left."""

    def __init__(self, world):
        super().__init__(daemon=True)
        self.redis, self.ended, self.rows = world.redis.client, threading.Event(), []

    def run(self):
        while not self.ended.wait(0.2):
            seconds, microseconds = self.redis.time()
            oldest = self.redis.xrange(LIVE, count=1)
            pending = self.redis.xpending(LIVE, GROUP)["pending"]
            if self.redis.exists(BULK):
                pending += self.redis.xpending(BULK, GROUP)["pending"]
            floor = int(text(oldest[0][0]).partition("-")[0]) if oldest else None
            self.rows.append({"memory": self.redis.info("memory")["used_memory"], "pending": pending,
                              "length": self.redis.xlen(LIVE) + self.redis.xlen(BULK), "floor": floor,
                              "age": seconds * 1000 + microseconds // 1000 - floor if floor else 0})

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *ignored):
        self.ended.set()
        self.join()

    def thirds(self, what):
        """Means of the middle and of the last third."""
        values = [row[what] for row in self.rows]
        size = len(values) // 3
        return sum(values[size:2 * size]) / size, sum(values[-size:]) / size

    def check_flat(self):
        check(len(self.rows) > 30, "%d samples" % len(self.rows))
        for what, room in (("memory", 0), ("pending", 500), ("length", 0), ("age", 500)):
            middle, last = self.thirds(what)
            print("# %s: middle third %.0f, last third %.0f" % (what, middle, last), flush=True)
            check(last <= GROWTH * middle + room, "%s grew from %.0f to %.0f: %s" % (what, middle, last, self.shown(what)))
        held = max(row["pending"] for row in self.rows)
        check(held <= 20 * RATE, "%d entries pending" % held)
        floors = [row["floor"] for row in self.rows[len(self.rows) // 3:] if row["floor"]]
        check(floors and floors[-1] - floors[0] > KEPT_MS, "the trim floor moved %s" % (floors and floors[-1] - floors[0]))

    def shown(self, what):
        return [row[what] for row in self.rows][::max(1, len(self.rows) // 30)]


def entities_of(world, platform, shops):
    """(kind, id) that accepted events of these shops name."""
    return {entity for row in world.accepted if row["path"].endswith(platform) and json.loads(row["body"]).get("shop_id") in shops
            for entity in truth.named(platform, row["body"])}


def watch_healthy(world, sim, shop, load):
    """While the load runs, changes in a shop that is well reach MongoDB in time. Returns how many did."""
    landed = 0
    while load.running():
        changed = sim.change(shop, 100000 + landed)
        world.send(changed["push"])
        _id = "%s:%s:%s" % (sim.platform, changed["shop_id"], changed["order_id"])
        wait_for("a healthy shop's order, %s" % _id, lambda: world.db.orders.find_one({"_id": _id}), CURRENT_S)
        landed += 1
    return landed


def outage(events, fault, down, healthy):
    """fault(world) breaks some shops of the first marketplace: down, by number; healthy: a shop of it that is not, or None. The
    load of events goes to its shops, a tenth of it to those of the other marketplace."""
    with World(shops=SHOPS, shopee=SHOPS, release=True, server=SERVER, worker=WORKER) as world:
        world.worker(WORKER_THREADS=2)
        world.worker(WORKER_THREADS=2)
        broken = {world.sim.shops()[shop]["shop_id"] for shop in down}
        burst = {"shops": len(down), "first_shop": down[0], "orders": NUMBERS, "kinds": KINDS}
        lines = world.sim.burst(events=events, **burst)
        other = world.shopee.burst(shops=SHOPS, orders=NUMBERS, events=events // 10, kinds=KINDS)
        for at, line in enumerate(other):
            lines.insert(at * 11, line)
        fault(world)
        with Load(world, lines, rate=RATE) as load, Samples(world) as samples:
            sims = [(world.shopee, 0)] + ([(world.sim, healthy)] if healthy is not None else [])
            landed = [watch_healthy(world, sim, shop, load) for sim, shop in sims[-1:]]
            load.finish(statuses=[200])
        world.settle()
        check(landed[0] > 10, "%s changes of healthy shops" % landed)
        samples.check_flat()
        wanted = entities_of(world, "tiktok", broken)
        check(len(wanted) * 100 < events, "%d entities for %d events" % (len(wanted), events))
        check_equal(waiting(world, platform="tiktok"), wanted, "needs, one for each entity")
        check_equal(waiting(world, platform="shopee"), set(), "needs of the healthy marketplace")
        check_status(world, broken, len(wanted))
        check_nobody_blamed(world)
        world.sim.reset()
        world.sim.heal()
        wait_no_needs(world)
        world.settle()
        check_served_once(world, wanted)
        check_nobody_blamed(world)
        world.check(entries=False)


def check_status(world, broken, count):
    """The screen tells whose needs wait and why."""
    shown = json.loads(world.ctl("status", "--json", status=1).stdout)["needs"]
    rows = [row for row in shown["shops"] if row["reason"] != "transaction"]
    check_equal({(row["platform"], row["shop"]) for row in rows}, {("tiktok", shop) for shop in broken}, "whose needs wait")
    check_equal(sum(row["needs"] for row in rows), count, "needs shown")
    check(all(row["reason"] for row in rows), "reasons: %s" % rows)


def case_a_marketplace_down_for_an_hour_leaves_memory_flat_and_is_read_once_per_entity():
    """Two marketplaces, one answers 503 to everything, PARK_AFTER_SECONDS 1, 40,000 events for 192 entities at 1,000 a second:
    memory, pending and stream within 10 % from the middle to the last third, one need per entity, the other marketplace current
    within 5 s; afterwards each entity read once, 0 attempts charged, everything equals the marketplaces."""
    outage(40000, lambda world: world.sim.fault("503"), range(SHOPS), None)


def case_a_shop_dead_for_a_day_is_parked_and_holds_up_nobody():
    """One shop of eight hangs, REQUEST_TIMEOUT 5, PARK_AFTER_SECONDS 1, 20,000 events for 192 entities at 1,000 a second: memory,
    pending and stream within 10 % from the middle to the last third, one need per entity, another shop of that marketplace
    current within 5 s; afterwards each entity read once, 0 attempts charged, everything equals the marketplaces."""
    outage(20000, lambda world: world.sim.fault("hang", shop=1, ms=60000), [1], 2)


shared_mongo()
run_cases(globals())
