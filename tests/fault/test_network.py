#!/usr/bin/python3
"""The network between our programs and their dependencies: slow, silent, cut, half closed. And clocks that step.

Everywhere: what was answered 200 ends in MongoDB, as the marketplace serves it; no event is charged an attempt (two are all it
has); and prove agrees.
"""

import contextlib
import json
import os
import re
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from load import *  # noqa: E402,F403
from proxy import Proxy  # noqa: E402
from stepping import Stepper  # noqa: E402
from stack import check, check_equal, run_cases, wait_for  # noqa: E402
from world import World  # noqa: E402

EVENTS, ORDERS, RATE = 900, 300, 300


@contextlib.contextmanager
def wired(server=(), worker=(), workers=2, **more):
    """A world whose server and workers talk to Redis, and whose workers talk to MongoDB, through proxies of their own."""
    with World(server=None, worker=dict(TWO_ATTEMPTS, **dict(worker)), **more) as world:
        with Proxy(world.redis.port) as edge, Proxy(world.redis.port) as back, Proxy(port_of(world.mongo.uri)) as mongo:
            def redis_through(proxy):
                return world.redis.url.replace(":%d" % world.redis.port, ":%d" % proxy.port)

            world.start_server(dict({"REDIS_URL": redis_through(edge)}, **dict(server)))
            uri = world.mongo.uri.replace(":%d" % port_of(world.mongo.uri), ":%d" % mongo.port)
            uri += ("&" if "?" in uri else "?" if uri.endswith("/") else "/?") + "socketTimeoutMS=3000&serverSelectionTimeoutMS=2000&connectTimeoutMS=2000"
            for _ in range(workers):
                world.worker(REDIS_URL=redis_through(back), MONGO_URI=uri)
            yield world, edge, back, mongo


def journal_is_empty(world):
    return not re.search(r"^shopstream_server_journal_records [1-9]", world.server.admin("/metrics")[1], re.M)


def ends_well(world, load, statuses=(200, 503)):
    load.finish(statuses=statuses)
    wait_for("the journal to be drained", lambda: journal_is_empty(world), 60)
    world.settle(90)
    check_nobody_blamed(world)
    world.check()


def under_load(weather, statuses=(200, 503), server=(), worker=(), journal=False):
    """weather(edge, back, mongo) is called in the middle of a load, then everything heals."""
    with contextlib.ExitStack() as stack:
        settings = dict(server)
        if journal:
            settings["JOURNAL_DIR"] = stack.enter_context(tempfile.TemporaryDirectory(prefix="shopstream-journal-"))
        world, edge, back, mongo = stack.enter_context(wired(settings, worker))
        with Load(world, world.sim.burst(shops=2, orders=ORDERS, events=EVENTS), rate=RATE) as load:
            wait_documents(world, 50)
            weather(edge, back, mongo)
            for proxy in (edge, back, mongo):
                proxy.heal()
            ends_well(world, load, statuses)


def case_a_slow_redis_makes_the_server_use_its_journal_and_answer_200():
    """Journal, deadline 1 s, Redis slower by 600 ms for 3 s: only 200s, 0 lost, 0 attempts charged."""
    def weather(edge, back, mongo):
        edge.slow(600)
        time.sleep(3)  # the outage itself

    under_load(weather, statuses=(200,), server={"ANSWER_DEADLINE_MS": 1000}, journal=True)


def case_a_slow_redis_without_a_journal_costs_the_sender_a_retry():
    """No journal, deadline 400 ms, Redis slower by 800 ms for 3 s: 200 or 503, 0 of the 200s lost, 0 attempts charged."""
    def weather(edge, back, mongo):
        edge.slow(800)
        time.sleep(3)

    under_load(weather, server={"ANSWER_DEADLINE_MS": 400})


def case_a_partition_between_server_and_redis_is_bridged_by_the_journal():
    """Journal, deadline 1 s, silence between server and Redis for 4 s: only 200s, 0 lost, 0 attempts charged."""
    def weather(edge, back, mongo):
        edge.silence()
        time.sleep(4)

    under_load(weather, statuses=(200,), server={"ANSWER_DEADLINE_MS": 1000}, journal=True)


def case_a_partition_between_workers_and_redis_costs_no_attempt():
    """Silence between workers and Redis for 4 s, leases of 1.5 s: only 200s, 0 lost, 0 attempts charged."""
    def weather(edge, back, mongo):
        back.silence()
        time.sleep(4)  # longer than a lease: REAP_IDLE_MS

    under_load(weather, statuses=(200,))


def case_a_partition_between_workers_and_mongo_costs_no_attempt():
    """Silence between workers and MongoDB for 8 s, socketTimeoutMS 3000: only 200s, 0 lost, 0 attempts charged."""
    def weather(edge, back, mongo):
        mongo.silence()
        time.sleep(8)  # longer than the driver waits

    under_load(weather, statuses=(200,))


def case_connections_to_redis_and_mongo_are_cut_twenty_times():
    """All connections to Redis and MongoDB cut 20 times within 2 s of load: 200 or 503, 0 of the 200s lost, 0 attempts
    charged."""
    def weather(edge, back, mongo):
        for _ in range(20):
            edge.cut()
            back.cut()
            mongo.cut()
            time.sleep(0.1)

    under_load(weather)


def case_half_closed_connections_are_given_up():
    """All connections to Redis and MongoDB half closed three times under load: 200 or 503, 0 of the 200s lost, 0 attempts
    charged."""
    def weather(edge, back, mongo):
        for _ in range(3):
            edge.half_close()
            back.half_close()
            mongo.half_close()
            time.sleep(0.5)

    under_load(weather)


def case_dependencies_that_refuse_connections_for_a_while():
    """Redis and MongoDB refuse connections for 3 s of load: 200 or 503, 0 of the 200s lost, 0 attempts charged."""
    def weather(edge, back, mongo):
        for proxy in (edge, back, mongo):
            proxy.refuse()
        time.sleep(3)

    under_load(weather)


def case_a_slow_mongo_only_costs_time():
    """MongoDB slower by 150 ms for 4 s of load: only 200s, 0 lost, 0 attempts charged."""
    def weather(edge, back, mongo):
        mongo.slow(150)
        time.sleep(4)

    under_load(weather, statuses=(200,))


# ---------------------------------------------------------------- clocks

def worker_clock_steps(by):
    with World(release=True, worker=TWO_ATTEMPTS) as world:
        clock = Clock(world.directory, "worker")
        world.worker("stepped", **clock.settings())
        world.worker("steady")
        with Load(world, world.sim.burst(shops=2, orders=ORDERS, events=EVENTS), rate=RATE) as load:
            wait_documents(world, 50)
            clock.step(by)
            load.finish(statuses=[200])
        world.settle(90)
        check_nobody_blamed(world)
        world.check()


def case_a_worker_s_clock_steps_an_hour_ahead():
    """One of two workers' clocks +1 h under load: 0 attempts charged, 0 dead letters, everything equals the marketplace.

    Its requests are signed with a time the marketplace refuses, so it must not take part, or correct itself; the other worker
    goes on, and nothing is blamed on an event."""
    worker_clock_steps(3600)


def case_a_worker_s_clock_steps_an_hour_back():
    """One of two workers' clocks -1 h under load: 0 attempts charged, 0 dead letters, everything equals the marketplace."""
    worker_clock_steps(-3600)


def case_a_worker_that_could_not_ask_redis_for_its_clock_reads_nothing():
    """A worker whose clock is +20 s, and whose connections break when it first asks Redis for the time: its read of the order stands
    there with Redis' time, or for a while the order would count as read later than events that come after it."""
    with World(release=True) as world, Stepper(world.redis.port) as proxy:
        clock = Clock(world.directory, "worker")
        clock.step(20)
        changed = world.change(0, 1)
        proxy.stop_at(b"\r\nTIME\r\n", count=2)  # the lane's and the sweep's
        world.worker("ahead", REDIS_URL=world.redis.url.replace(":%d" % world.redis.port, ":%d" % proxy.port), **clock.settings())
        check(proxy.reached.wait(20), "nobody asked for the time")
        proxy.cut()
        wait_for("a lane without Redis", lambda: log_count(world, "dependency away"))
        proxy.heal()
        world.settle()
        fetched_ms = wait_for("the order", lambda: world.order(changed))["fetched_ms"]
        ahead_ms = fetched_ms - int(time.time() * 1000)
        check(ahead_ms <= 0, "read %d ms from now" % ahead_ms)
        world.check()


def redis_clock_steps(by):
    """Stream ids, and every time that is compared with them, come from Redis."""
    with World(release=True, server=None, worker=TWO_ATTEMPTS) as world:
        clock = Clock(world.directory, "redis")
        world.redis.stop()
        before = dict(os.environ)
        os.environ.update(clock.settings())
        try:
            world.redis.start()
        finally:
            os.environ.clear()
            os.environ.update(before)
        world.start_server()
        world.worker()
        world.worker()
        with Load(world, world.sim.burst(shops=2, orders=ORDERS, events=EVENTS), rate=RATE) as load:
            wait_documents(world, 50)
            clock.step(by)
            load.finish(statuses=[200, 503])
        seen = world.redis.client.time()[0] - time.time()
        check(abs(seen - by) < 60, "Redis' clock did step: %d s" % seen)
        world.settle(120)
        check_nobody_blamed(world)
        if by > 0:
            world.check()
            return
        # Ids go on from before the step, so nothing can be compared with them for an hour: prove says so, the truth decides.
        world.check(prove=False)
        shown = world.ctl("prove", "--json", status=1).stdout
        check_equal(json.loads(shown)["ends"]["lost"], 0, "lost")
        check(json.loads(shown)["ends"]["future"] > 0, "entries of the future: %s" % shown)


def case_redis_clock_steps_an_hour_ahead():
    """Redis' clock +1 h under load: 200 or 503, 0 of the 200s lost, 0 attempts charged, prove agrees."""
    redis_clock_steps(3600)


def case_redis_clock_steps_an_hour_back():
    """Redis' clock -1 h under load: 200 or 503, 0 of the 200s lost, 0 attempts charged; prove reports entries of the future
    and exits 1."""
    redis_clock_steps(-3600)


if __name__ == "__main__":
    run_cases(globals())
