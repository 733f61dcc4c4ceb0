#!/usr/bin/python3
"""MongoDB killed, frozen, away: the server goes on answering 200, no event is charged an attempt, everything lands afterwards.

Two attempts are all an event has here (RETRY_DELAYS of one step), so an attempt that is wrongly counted ends among the dead
letters, which every case expects to be empty.
"""

import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from load import *  # noqa: E402,F403
from stack import Failure, check, check_equal, run_cases, wait_for  # noqa: E402
from world import World  # noqa: E402

OUTAGE_S = 60 if LONG else 20


def away(worker):
    return worker.admin("/readyz")[0] == 503


def killed_in_the_middle(part):
    with World(worker=TWO_ATTEMPTS) as world:
        workers = [world.worker(), world.worker()]
        with Load(world, world.sim.burst(shops=2, orders=300, events=900), rate=300) as load:
            wait_documents(world, 60)
            signal_mongo(world, part, signal.SIGKILL)
            wait_for("a worker that says so", lambda: any(away(w) for w in workers))
            world.mongo.start()
            load.finish(statuses=[200])
        world.settle()
        check_nobody_blamed(world)
        world.check()


def case_the_mongo_server_killed_in_mid_batch_and_started_again():
    """MongoDB killed with -9 under load, 2 workers, 2 attempts an event: only 200s, 0 attempts charged, everything equals
    the marketplace."""
    killed_in_the_middle("mongo")


def case_the_storage_behind_it_killed_in_mid_batch_and_started_again():
    """The storage behind the MongoDB server killed with -9 under load, 2 attempts an event: only 200s, 0 attempts charged,
    everything equals the marketplace."""
    killed_in_the_middle("postgres")


def case_mongo_killed_three_times_under_load():
    """MongoDB killed with -9 three times under load, 2 attempts an event: only 200s, 0 attempts charged, everything equals
    the marketplace."""
    with World(worker=TWO_ATTEMPTS) as world:
        world.worker()
        world.worker()
        with Load(world, world.sim.burst(shops=2, orders=400, events=1200), rate=200) as load:
            for time_number in (1, 2, 3):
                wait_documents(world, 60 * time_number)
                world.mongo.kill()
                world.mongo.start()
            load.finish(statuses=[200])
        world.settle()
        check_nobody_blamed(world)
        world.check()


def case_mongo_away_for_long_under_load_costs_delay_and_nothing_else():
    """MongoDB away for 20 s of load (60 s with --long), 2 attempts an event: only 200s, workers alive and not ready, 0
    entries moved, 0 attempts charged, everything equals the marketplace."""
    rate = 100
    with World(worker=TWO_ATTEMPTS) as world:
        workers = [world.worker(), world.worker()]
        with Load(world, world.sim.burst(shops=2, orders=OUTAGE_S * rate // 3, events=OUTAGE_S * rate), rate=rate) as load:
            wait_documents(world, 20)
            world.mongo.kill()
            began, stored = time.monotonic(), world.redis.client.xlen("webhooks:{0}")
            for worker in workers:
                wait_for("readiness to go", lambda: away(worker))
            check(world.server.ready(), "the server needs no MongoDB to be ready")
            check_equal([worker.admin("/healthz")[0] for worker in workers], [200, 200], "alive")
            counts = load.finish(statuses=[200])
            # The outage is as long as the load: what was accepted meanwhile was accepted without MongoDB.
            took = time.monotonic() - began
            check(took > OUTAGE_S * 0.6, "the outage lasted %.1f s only" % took)
            check(world.redis.client.xlen("webhooks:{0}") > stored + rate, "nothing was stored during the outage")
            check_equal(set(counts), {200}, "answers")
        check_equal({deliveries for _, _, deliveries in pending(world)}, {1}, "deliveries of what the workers hold")
        check_equal(total(world, "shopstream_worker_entries_reclaimed_total"), 0, "entries taken from a living worker")
        world.mongo.start()
        world.settle()
        check_nobody_blamed(world)
        for worker in workers:
            wait_for("readiness", worker.ready, 20)
        world.check()


def case_mongo_away_at_worker_start_is_waited_for():
    """MongoDB away when the workers start: they wait, alive and not ready, read nothing and leave when told; everything
    lands once it is there."""
    with World(worker=TWO_ATTEMPTS) as world:
        world.send(world.sim.burst(shops=2, orders=40, events=120))
        world.mongo.kill()
        worker, leaver = world.worker(wait=False), world.worker(wait=False)
        for w in (worker, leaver):
            w.admin_port = int(w.wait_log(r"msg=\"?admin listening\"?.*\bport=(\d+)").group(1))
            w.wait_log(r"waiting for MongoDB")
            check_equal((w.admin("/healthz")[0], w.admin("/readyz")[0]), (200, 503), "alive and not ready")
        leaver.stop(15)
        check_equal(world.group()[1], 0, "entries read without MongoDB")
        world.mongo.start()
        worker.wait_started()
        world.settle()
        wait_for("readiness", worker.ready)
        check_nobody_blamed(world)
        world.check()


def case_mongo_frozen_for_longer_than_a_lease_moves_no_entry_to_another_worker():
    """MongoDB frozen for 3.5 s under load, leases of 1.5 s: 0 entries taken from a living worker, 0 attempts charged,
    everything equals the marketplace.

    A bulk may block far longer than REAP_IDLE_MS; the keeper refreshes what the lane holds all the while."""
    with World(worker=TWO_ATTEMPTS) as world:
        world.worker()
        world.worker()
        with Load(world, world.sim.burst(shops=2, orders=300, events=900), rate=400) as load:
            wait_documents(world, 60)
            signal_mongo(world, "mongo", signal.SIGSTOP)
            try:
                load.finish(statuses=[200])
                wait_pending(world, 2)
                held = {id for id, _, _ in pending(world)}
                time.sleep(3.5)  # the outage itself: more than two leases
                left = [row for row in pending(world) if row[0] in held]
            finally:
                signal_mongo(world, "mongo", signal.SIGCONT)
            check_equal({deliveries for _, _, deliveries in left}, {1}, "deliveries of what the workers hold")
        world.settle()
        check_equal(total(world, "shopstream_worker_entries_reclaimed_total"), 0, "entries taken from a living worker")
        check_nobody_blamed(world)
        world.check()


def case_mongo_frozen_beyond_the_socket_time_out_leaves_an_unknown_outcome_that_is_redone():
    """MongoDB frozen under load beyond socketTimeoutMS 1000, 2 attempts an event: 0 attempts charged, everything equals the
    marketplace."""
    with World() as world:
        uri = world.mongo.uri + ("&" if "?" in world.mongo.uri else "?") + "socketTimeoutMS=1000&serverSelectionTimeoutMS=1000"
        worker = world.worker(MONGO_URI=uri, **TWO_ATTEMPTS)
        with Load(world, world.sim.burst(shops=2, orders=300, events=900), rate=400) as load:
            wait_documents(world, 60)
            signal_mongo(world, "mongo", signal.SIGSTOP)
            try:
                wait_for("the worker to notice", lambda: away(worker), 20)
            finally:
                signal_mongo(world, "mongo", signal.SIGCONT)
            load.finish(statuses=[200])
        world.settle()
        check_nobody_blamed(world)
        world.check()


run_cases(globals())
