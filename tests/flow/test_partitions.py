#!/usr/bin/python3
"""Several partitions and many lanes: every shop's events reach MongoDB whichever stream they are in, and the tools see all."""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from stack import check, check_equal, run_cases, wait_for  # noqa: E402
from world import World  # noqa: E402

PARTITIONS = 4
STREAMS = ["webhooks:{%d}" % p for p in range(PARTITIONS)]
SETTINGS = {"STREAM_PARTITIONS": PARTITIONS}


def finish(world, events, seconds=90):
    wait_for("all partitions to be finished", world.at_rest, seconds)
    orders = sum(entry["kind"] == "order" for stream in STREAMS for entry in world.redis.entries(stream))
    check_equal(orders, events, "orders' entries in all streams")
    world.check()


def case_sixteen_lanes_serve_every_partition():
    with World(shops=12, server=SETTINGS, worker=dict(SETTINGS, WORKER_THREADS=16)) as world:
        world.worker("w")
        world.send(world.sim.burst(shops=12, orders=240, events=600, reorder=0.3))
        used = [stream for stream in STREAMS if world.redis.client.xlen(stream) > 0]
        check(len(used) > 1, "the shops fell into one partition: %s" % used)
        finish(world, 600)
        found = json.loads(world.ctl("status", "--json", settings=SETTINGS).stdout)
        check_equal(sorted(s["stream"] for s in found["streams"] if "dead" not in s["stream"] and "bulk" not in s["stream"]), STREAMS,
                    "streams of status")
        check_equal(len(found["workers"]), 16, "workers of status")
        metrics = world.workers[0].metric
        wait_for("nothing to be held", lambda: metrics("shopstream_worker_entries_held") == 0)


def case_a_killed_worker_is_replaced_in_every_partition():
    with World(shops=12, server=SETTINGS, worker=dict(SETTINGS, WORKER_THREADS=4)) as world:
        killed = world.worker("a")
        world.sim.fault("slow", ms=300)
        world.send(world.sim.burst(shops=12, orders=240, events=600, reorder=0.3))
        wait_for("work in hand", lambda: world.db.orders.count_documents({}) > 0)
        killed.may_die = True
        killed.process.kill()
        world.sim.heal()
        world.worker("b")
        finish(world, 600)


if __name__ == "__main__":
    run_cases(globals())
