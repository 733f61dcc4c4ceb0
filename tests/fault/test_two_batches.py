#!/usr/bin/python3
"""A lane with two batches in hand: one in the database, the next one read and fetched behind it.

Whatever ends the worker or the database there, nothing is lost, no attempt is counted, and what the lane holds has its bound.
"""

import contextlib
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from load import *  # noqa: E402,F403
from stack import check, check_equal, run_cases, wait_for  # noqa: E402
from world import World  # noqa: E402

ORDERS, BATCH, ROOM = 800, 40, 400
# Many small batches out of a full pool, and no second chance for an attempt that is wrongly counted.
SMALL = dict(TWO_ATTEMPTS, FETCH_MAX_IDS=BATCH, READ_COUNT=100, READ_MAX_ENTRIES=ROOM, WORKER_THREADS=1)
LONG_LEASES = dict(SMALL, REAP_IDLE_MS=60000, RECLAIM_IDLE_MS=1200000)


def in_hand(world, worker):
    """Orders that were asked for and are not acked yet; each has one event."""
    return world.sim.counters()["detail_ids"] - worker.metric("shopstream_worker_entries_acked_total")


def caught(world, worker):
    """Freezes the database. True: in a bulk, and the lane has fetched the batch behind it; else it runs on."""
    signal_mongo(world, "mongo", signal.SIGSTOP)
    deadline = time.monotonic() + 1
    since = None  # the reply may have been on its way already: it must stay so for a while
    while since is None or time.monotonic() < since + 0.3:
        if in_hand(world, worker) < 2 * BATCH:
            since = None
        elif since is None:
            since = time.monotonic()
        if time.monotonic() > deadline:  # it was in a lookup
            signal_mongo(world, "mongo", signal.SIGCONT)
            return False
    return True


@contextlib.contextmanager
def two_batches(world, name="w1"):
    """A worker in the middle of a backlog, the database frozen with a batch in it and the next one fetched."""
    world.send(world.sim.burst(shops=2, orders=ORDERS, events=ORDERS))
    worker = world.worker(name)
    wait_documents(world, BATCH)
    wait_for("two batches", lambda: caught(world, worker), 60)
    try:
        yield worker
    finally:
        signal_mongo(world, "mongo", signal.SIGCONT)


def case_worker_told_to_leave_with_two_batches_in_hand_writes_both_and_hands_back_the_rest():
    """Two batches of 40 in hand, DRAIN_MS 60000, leases of 60 s, SIGTERM: exit 0, both are written, the rest is handed back, 0 attempts
    charged."""
    with World(worker=dict(LONG_LEASES, DRAIN_MS=60000)) as world:
        with two_batches(world) as worker:
            began = time.monotonic()
            worker.signal(signal.SIGTERM)
            worker.wait_log("msg=stopping")
        check_equal(worker.wait(30), 0, "exit status")
        check(time.monotonic() - began < 20, "ended after %.1f s" % (time.monotonic() - began))
        check_equal({consumer for _, consumer, _ in pending(world)} - {"parked"}, set(), "holders of what is left")
        check_equal(ORDERS - sum(world.group()), documents(world), "orders stored, but not acked")
        check_equal(documents(world) % BATCH, 0, "orders of a batch that was cut")
        world.worker("next")
        world.settle()
        check_equal(world.sim.counters()["detail_ids"], ORDERS, "orders asked for")
        check_nobody_blamed(world)
        world.check()


def case_worker_killed_with_two_batches_in_hand_loses_neither():
    """Two batches of 40 in hand, the worker killed with -9: the next one finishes, 0 lost, everything equals the marketplace."""
    with World(worker=SMALL) as world:
        with two_batches(world) as worker:
            held = len(pending(world, "w1-0"))
            check(held >= 2 * BATCH, "it held %d entries" % held)
            kill_worker(worker)
        world.worker("next")
        world.settle()
        check(log_count(world, "without a heartbeat") > 0, "nothing was taken over")
        check_equal(world.dead(), [], "dead letters")
        world.check()


def case_two_batches_wait_for_mongo_and_no_third_is_read_or_fetched():
    """Two batches of 40 in hand, MongoDB frozen and then killed, READ_MAX_ENTRIES 400: no third batch is read or fetched,
    0 attempts charged, everything equals the marketplace afterwards."""
    with World(worker=LONG_LEASES) as world:
        with two_batches(world) as worker:
            check_equal(in_hand(world, worker), 2 * BATCH, "orders in hand")
            read = worker.metric("shopstream_worker_entries_read_total")
            asked = world.sim.counters()["detail_ids"]
            check(len(pending(world, "w1-0")) <= ROOM, "it holds more than READ_MAX_ENTRIES")
            world.mongo.kill()
            wait_for("pauses", lambda: worker.metric('shopstream_worker_pauses_total{dependency="mongo"}') >= 3, 60)
            check_equal(worker.admin("/readyz")[0], 503, "readiness")
            check(len(pending(world, "w1-0")) <= ROOM, "it holds more than READ_MAX_ENTRIES")
            check_equal(worker.metric("shopstream_worker_entries_read_total"), read, "entries read while MongoDB is away")
            check_equal(world.sim.counters()["detail_ids"], asked, "orders asked for while MongoDB is away")
            world.mongo.start()
        world.settle()
        check_nobody_blamed(world)
        world.check()


def case_events_of_one_order_in_batch_after_batch_end_in_its_newest_state():
    """Batches of 5 orders, 1,500 repeated and reordered events for 60 orders: only 200s, 0 attempts charged, everything equals the
    marketplace."""
    with World(worker=dict(SMALL, FETCH_MAX_IDS=5, READ_COUNT=20, READ_MAX_ENTRIES=100)) as world:
        world.worker()
        with Load(world, world.sim.burst(shops=2, orders=60, events=1500, duplicates=0.2, reorder=0.3), rate=500) as load:
            load.finish(statuses=[200])
        world.settle()
        check_nobody_blamed(world)
        world.check()


run_cases(globals())
