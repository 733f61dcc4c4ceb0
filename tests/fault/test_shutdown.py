#!/usr/bin/python3
"""Programs told to leave in the middle of work, under valgrind and under the thread sanitizer.

SIGTERM hands back what is unfinished, so that a peer goes on at once and no attempt is charged; a second SIGTERM exits at
once, which costs a redelivery. Whatever happens, each 200 ends in MongoDB.
"""

import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from load import *  # noqa: E402,F403
from stack import BUILD, ROOT, Program, check, check_equal, run_cases, wait_for  # noqa: E402
from world import CREDENTIALS_KEY, World  # noqa: E402

TSAN = os.environ.get("SHOPSTREAM_TSAN", os.path.join(ROOT, "build", "tsan"))
# Leases so long that only what is handed back can be in other hands within a case.
LONG_LEASES = dict(TWO_ATTEMPTS, REAP_IDLE_MS=60000, RECLAIM_IDLE_MS=1200000)


# ---------------------------------------------------------------- workers

def case_worker_told_to_leave_under_load_hands_back_without_blame():
    """Leases of 60 s, 5 workers told to leave in turn under load: nothing left in their hands, 0 attempts charged,
    everything equals the marketplace.

    Five leave in turn: an attempt charged for that would bury events that have two."""
    with World(worker=LONG_LEASES) as world:
        world.worker("stays")
        world.sim.fault("slow", ms=200)
        for number in range(5):
            leaver = world.worker("leaves%d" % number)
            with Load(world, world.sim.burst(shops=2, orders=80, events=320), rate=300) as load:
                wait_for("work in its hands", lambda: pending(world, "leaves%d-0" % number))
                leaver.stop(20)
                check_equal(pending(world, "leaves%d-0" % number), [], "entries it did not hand back")
                load.finish(statuses=[200])
        world.settle(20)
        check_equal(log_count(world, "without a heartbeat"), 0, "entries taken over instead of handed back")
        check_nobody_blamed(world)
        world.check()


def case_worker_told_to_leave_while_calls_hang_does_not_wait_for_them():
    """REQUEST_TIMEOUT 120, all calls hanging, SIGTERM: ends within 5 s, everything handed back, 0 attempts charged."""
    with World(shops=2, worker=LONG_LEASES) as world:
        worker = world.worker(REQUEST_TIMEOUT=120)
        world.sim.fault("hang", ms=60000)
        world.send(world.sim.burst(shops=2, orders=50, events=100))
        wait_pending(world, 100)
        wait_for("calls", lambda: world.sim.counters()["detail_calls"] > 0)
        began = time.monotonic()
        worker.stop(20)
        took = time.monotonic() - began
        check(took < 5, "left after %.1f s" % took)
        check_equal({consumer for _, consumer, _ in pending(world)}, {"parked"}, "holders of the unfinished entries")
        world.sim.heal()
        world.worker()
        world.settle(20)
        check_nobody_blamed(world)
        world.check()


def case_second_sigterm_ends_a_worker_at_once():
    """DRAIN_MS 60000, MongoDB frozen, SIGTERM twice: exit 1 within 2 s, everything lands through the next worker, 0 dead
    letters."""
    with World(shops=1) as world:
        worker = world.worker(DRAIN_MS=60000)
        signal_mongo(world, "mongo", signal.SIGSTOP)  # the turn cannot end by itself
        try:
            world.send(world.sim.burst(shops=1, orders=50, events=100))
            wait_for("work in its hands", lambda: pending(world))
            worker.signal(signal.SIGTERM)
            worker.wait_log("msg=stopping")
            check(worker.process.poll() is None, "the first signal ended it in the middle of a turn")
            began = time.monotonic()
            worker.may_die = True
            worker.signal(signal.SIGTERM)
            check_equal(worker.wait(10), 1, "exit status")
            check(time.monotonic() - began < 2, "ended after %.1f s" % (time.monotonic() - began))
        finally:
            signal_mongo(world, "mongo", signal.SIGCONT)
        world.worker("next")
        world.settle(20)
        check_equal(world.dead(), [], "dead letters")
        world.check()


def case_worker_told_to_leave_while_redis_is_frozen_ends_within_its_deadline():
    """DRAIN_MS 3000, Redis frozen, SIGTERM: ends within 12 s, everything lands through the next worker, 0 dead letters."""
    with World(shops=1) as world:
        worker = world.worker(DRAIN_MS=3000)
        world.sim.fault("hold", count=-1)
        world.send(world.sim.burst(shops=1, orders=50, events=100))
        wait_pending(world, 100)
        world.redis.freeze()
        worker.may_die = True
        began = time.monotonic()
        worker.signal(signal.SIGTERM)
        status = worker.wait(30)
        took = time.monotonic() - began
        world.redis.thaw()
        check(status in (0, 1), "exit status %s" % status)
        check(took < 12, "ended after %.1f s" % took)
        world.sim.heal()
        world.sim.release()
        world.worker("next")
        world.settle(20)
        check_equal(world.dead(), [], "dead letters")
        world.check()


def case_worker_told_to_leave_while_mongo_is_away_hands_back():
    """Leases of 60 s, MongoDB away, SIGTERM: exit 0, everything handed back, 0 attempts charged."""
    with World(worker=LONG_LEASES) as world:
        worker = world.worker()
        world.sim.fault("hold", count=-1)
        world.send(world.sim.burst(shops=2, orders=50, events=100))
        wait_for("calls to be held", lambda: world.sim.counters()["held"] >= 2)
        world.mongo.kill()
        world.sim.heal()
        world.sim.release()
        wait_for("the worker to notice", lambda: worker.admin("/readyz")[0] == 503, 30)
        check(pending(world, "w1-0"), "the worker holds nothing")
        worker.stop(25)
        check({consumer for _, consumer, _ in pending(world)} <= {"parked"}, "entries were not handed back")
        world.mongo.start()
        world.worker()
        world.settle(20)
        check_nobody_blamed(world)
        world.check()


def case_worker_told_to_leave_before_mongo_was_ever_there_frees_nothing_in_use():
    """Nobody where MONGO_URI points, SIGTERM while it waits, the thread that passes it on held up for 2 s after it has woken the
    others: exit 0, the address sanitizer finds nothing."""
    slow = {"LD_PRELOAD": os.path.join(BUILD, "tests", "libslowsignal.so"), "ASAN_OPTIONS": "verify_asan_link_order=0"}
    worker = Program("shopstream-worker", dict(
        slow, MONGO_URI="mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=100", REDIS_URL="redis://127.0.0.1:1",
        CREDENTIALS_KEY=CREDENTIALS_KEY, ADMIN_LISTEN="127.0.0.1:0"))
    with worker:
        worker.wait_log("waiting for MongoDB")
        worker.stop()
        check("msg=ended" in worker.log(), "its end")


# ---------------------------------------------------------------- server

def case_server_told_to_leave_under_load_keeps_every_200():
    """SIGTERM under load, a new server on the same port: 0 of the 200s lost, 0 attempts charged.

    Workers go on; a new server takes the marketplace's further tries."""
    with World(worker=TWO_ATTEMPTS) as world:
        world.worker()
        world.worker()
        first = world.server
        with Load(world, world.sim.burst(shops=2, orders=400, events=1200), rate=300, connections=16) as load:
            wait_documents(world, 60)
            first.stop(20)
            second = world.start_server({"LISTEN": "127.0.0.1:%d" % first.port})
            load.finish(statuses=[200, 503, "connection"])
        check_equal(second.port, first.port, "port")
        world.settle()
        check_nobody_blamed(world)
        world.check()


# ---------------------------------------------------------------- memory and threads

def case_worker_shutdown_with_its_dependencies_gone_is_clean_under_valgrind():
    """Under valgrind, 80 entries in work, MongoDB and Redis killed, SIGTERM: exit 0, no invalid access, no leak, everything
    lands through the next worker."""
    with World(release=True, worker=dict(SLOW, DRAIN_MS=60000)) as world:
        worker = world.worker(wait=False, wrapper=VALGRIND)
        worker.wait_started(120)
        world.sim.fault("hold", count=-1)
        world.send(world.sim.burst(shops=2, orders=40, events=80))
        wait_pending(world, 80, seconds=60)
        world.mongo.kill()
        world.redis.kill()
        worker.wait_log("dependency away", 60)
        worker.stop(120)
        check_valgrind(worker)
        world.mongo.start()
        world.redis.start()
        world.sim.heal()
        world.sim.release()
        world.worker()
        world.settle()
        world.check()


def case_server_and_worker_share_nothing_unguarded_through_a_burst_with_mongo_restarted():
    """Thread sanitizer, 4 loops, 2 workers of 3 lanes, MongoDB killed under load: no race, everything equals the
    marketplace."""
    check(os.path.exists(os.path.join(TSAN, "shopstream-worker")), "no build with the thread sanitizer in %s" % TSAN)
    os.environ["TSAN_OPTIONS"] = "halt_on_error=0:exitcode=66:suppressions=" + os.path.join(ROOT, "tests", "tsan.supp")
    with World(server=None, worker={"HEARTBEAT_MS": 1000, "REAP_IDLE_MS": 5000, "KEEPALIVE_MS": 1000, "RECLAIM_IDLE_MS": 10000,
                                    "WORKER_THREADS": 3}) as world:
        world.build = TSAN
        world.start_server({"SERVER_THREADS": 4})
        world.worker()
        world.worker()
        with Load(world, world.sim.burst(shops=2, orders=200, events=500), rate=150) as load:
            wait_documents(world, 40)
            world.mongo.kill()
            for worker in world.workers:
                worker.admin("/metrics")
                worker.admin("/readyz")
            world.mongo.start()
            load.finish(statuses=[200])
        world.settle()
        world.check()
        world.stop_workers()
        world.server.stop()
        for program in (*world.workers, world.server):
            check("ThreadSanitizer" not in program.log(), program.log()[:6000])


run_cases(globals())
