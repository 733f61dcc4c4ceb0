#!/usr/bin/python3
"""What operators do, and what happens to workers meanwhile: stops, restarts, names, an emptied Redis, metrics, readiness,
secrets."""

import os
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from stack import *  # noqa: E402,F403
from world import *  # noqa: E402,F403

# As in production: what was handed back must be due at once, not because a short timer ran out.
LONG_TIMERS = {"RECLAIM_IDLE_MS": 1200000, "RETRY_DELAYS": "5000,15000,60000", "REAP_IDLE_MS": 60000}


# ---------------------------------------------------------------- stopping

def case_a_stopped_worker_hands_back_what_it_holds_and_another_goes_on_at_once():
    with World(shops=1, worker=LONG_TIMERS) as world:
        a = world.worker("a")
        world.sim.fault("hold", shop=0)
        world.send(world.sim.burst(shops=1, orders=30, events=60))
        wait_for("a's call to be held", lambda: world.sim.counters()["held"] == 1)
        a.stop()
        rows = world.redis.client.xpending_range(LIVE, GROUP, "-", "+", 100)
        check(rows, "nothing was held")
        check_equal({r["times_delivered"] for r in rows}, {0}, "attempts of what was handed back")
        check_equal({text(r["consumer"]) for r in rows}, {"parked"}, "owner of what was handed back")
        world.sim.release()
        world.worker("b")
        world.settle(15)
        world.check()


def case_a_worker_under_load_stops_in_order_and_nothing_is_lost():
    with World(shops=2, worker=LONG_TIMERS) as world:
        first = world.worker("a", WORKER_THREADS=2)
        world.send(world.sim.burst(shops=2, orders=200, events=600, reorder=0.3))
        wait_for("some documents", lambda: world.db.orders.count_documents({}) > 20)
        first.stop()
        check(re.search(r"msg=ended\b", first.log()), "no last line")
        world.worker("b", WORKER_THREADS=2)
        world.settle(30)
        world.check()


def case_a_second_sigterm_exits_at_once_and_the_entries_come_back():
    with World(shops=1, worker={"FETCH_BUDGET_MS": 60000, "REQUEST_TIMEOUT": 60}) as world:
        a = world.worker("a")
        world.sim.fault("hold", shop=0)
        world.change(0, 0)
        wait_for("a's call to be held", lambda: world.sim.counters()["held"] == 1)
        a.signal(signal.SIGTERM)
        a.wait_log(r"msg=stopping\b")
        check_equal(a.process.poll(), None, "exit status: the turn still runs")
        status, page = a.admin("/readyz")
        check(status == 503 and "stopping: yes" in page, "while it drains it says so: %s %r" % (status, page))
        began = time.monotonic()
        a.signal(signal.SIGTERM)
        a.may_die = True
        check_equal(a.wait(10), 1, "exit status")
        check(time.monotonic() - began < 5, "took %.1f s" % (time.monotonic() - began))
        world.sim.release()
        world.worker("b")
        world.settle()
        world.check()


def case_a_killed_worker_loses_nothing():
    with World(shops=1) as world:
        a = world.worker("a")
        world.sim.fault("hold", shop=0)
        world.send(world.sim.burst(shops=1, orders=30, events=60))
        wait_for("a's call to be held", lambda: world.sim.counters()["held"] == 1)
        a.process.kill()
        a.wait()
        a.may_die = True
        check(not os.path.exists("/dev/shm/mongoc-%d" % a.pid), "it left memory behind")
        world.sim.release()
        world.worker("b")
        world.settle()
        world.check()


def case_two_processes_under_one_name_are_refused():
    with World(shops=1) as world:
        world.worker("same")
        second = world.worker("same", wait=False)
        check_equal(second.wait(20), 3, "exit status")
        check("same-0" in second.log(), "the log names it: %s" % second.log()[-1000:])
        second.may_die = True
        world.change(0, 0)
        world.settle()
        world.check()


def case_a_worker_restarted_under_its_name_takes_its_own_entries_again():
    with World(shops=1, worker=LONG_TIMERS) as world:
        a = world.worker("a")
        world.sim.fault("hold", shop=0)
        world.send(world.sim.burst(shops=1, orders=5, events=5))
        wait_for("a's call to be held", lambda: world.sim.counters()["held"] == 1)
        a.process.kill()
        a.wait()
        a.may_die = True
        world.sim.release()
        world.worker("a")
        world.settle(20)
        world.check()


# ---------------------------------------------------------------- an emptied Redis

class Rain:
    """Changes of one order after the other, sent until stopped."""

    def __init__(self, world, shops=2, orders=50):
        self.world, self.shops, self.orders = world, shops, orders
        self.problem, self.sent = None, 0
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        try:
            while not self.stopped.is_set():
                pushes = [self.world.sim.change(self.sent % self.shops, n)["push"] for n in range(self.orders)]
                self.world.send(pushes, retries=50)
                self.sent += 1
        except Exception as error:
            self.problem = error

    def __enter__(self):
        self.thread.start()
        wait_for("the first round", lambda: self.sent or self.problem, 30)
        return self

    def more(self, rounds=2):
        there = self.sent + rounds
        wait_for("further rounds", lambda: self.sent >= there or self.problem, 30)

    def __exit__(self, *ignored):
        self.stopped.set()
        self.thread.join()
        if self.problem:
            raise self.problem


def emptied(world, deed, loses):
    """Does the deed to Redis under load; afterwards the same workers go on."""
    workers = [world.worker(), world.worker()]
    with Rain(world) as rain:
        for _ in range(2):
            deed(world.redis.client)
            rain.more()
    if loses:
        # What Redis was told to forget is gone; every order is announced once more and must arrive.
        world.accepted.clear()
        world.send([world.sim.change(shop, n)["push"] for shop in range(2) for n in range(50)])
    world.settle()
    check_equal([worker.process.poll() for worker in workers], [None, None], "exit statuses")
    world.check()
    for worker in workers:
        wait_for("readiness", worker.ready)


def case_flushall_under_load_heals_without_a_restart():
    with World() as world:
        emptied(world, lambda redis: redis.flushall(), loses=True)


def case_a_deleted_stream_under_load_heals_without_a_restart():
    with World() as world:
        emptied(world, lambda redis: redis.delete(LIVE, BULK), loses=True)


def case_a_destroyed_group_under_load_is_made_again_from_the_beginning():
    with World() as world:
        emptied(world, lambda redis: redis.xgroup_destroy(LIVE, GROUP), loses=False)


# ---------------------------------------------------------------- streams

def case_finished_entries_are_trimmed_but_never_from_an_unfinished_one_on():
    with World(shops=2, server={"REPLAY_SECONDS": 0}, worker={"STREAM_KEEP_MINUTES": 0, "REPLAY_SECONDS": 0}) as world:
        worker = world.worker()
        world.sim.fault("hold", shop=0)
        world.change(0, 0)
        wait_for("the first entry's call to be held", lambda: world.sim.counters()["held"] == 1)
        oldest = world.redis.client.xrange(LIVE, count=1)[0][0]
        world.send(world.sim.burst(shops=1, first_shop=1, orders=100, events=600))
        wait_for("all others to be finished", lambda: world.unfinished() == 1, 30)
        trimmed = "shopstream_worker_entries_trimmed_total"
        # The trim runs every 200 ms; the gauge it sets with each run tells that one came after the last entry.
        length = world.redis.client.xlen(LIVE)
        check_equal(length, len(world.entries()), "entries of 601 events")
        # Gauge and counter are of both streams; the money of completed orders has been through the bulk one.
        money = world.added()[1]
        wait_for("a trim", lambda: worker.metric("shopstream_worker_stream_length") + worker.metric(trimmed) == length + money)
        check(worker.metric(trimmed) <= money, "%d entries were trimmed" % worker.metric(trimmed))
        check_equal((world.redis.client.xlen(LIVE), world.redis.client.xrange(LIVE, count=1)[0][0]), (length, oldest), "live stream")
        world.sim.release()
        world.settle()
        # In whole nodes of the stream: up to 100 finished entries stay.
        wait_for("the trim", lambda: world.redis.client.xlen(LIVE) <= 100 and worker.metric(trimmed) >= length - 100)
        world.accepted.clear()  # their entries are gone for good
        world.check()


def case_the_bulk_stream_is_served_like_the_live_one():
    with World(shops=1) as world:
        changed = [world.sim.change(0, n) for n in range(5)]
        for c in changed:
            # As a sync lists orders: the listed update time, no body.
            world.add_entry(BULK, v="1", platform="tiktok", shop=c["shop_id"], topic="sync", kind="order", id=c["order_id"],
                            event_ms=c["update_time"] * 1000, recv_ms="1767704407123", key="sync:" + c["order_id"],
                            src="reconcile", trace="t-" + c["order_id"], moves="1")
        world.worker()
        world.settle()
        check_equal({world.order(c)["source"] for c in changed}, {"reconcile"}, "sources")
        world.check()


# ---------------------------------------------------------------- looking in

def calls_of_the_worker(sim):
    """Calls for entities, of every endpoint."""
    counters = sim.counters()
    return sum(counters[path + "_calls"] for path in ("detail", "package", "tracking", "finance"))


def case_metrics_are_prometheus_text_and_move():
    with World(shops=1) as world:
        worker = world.worker()
        before = {p: metrics_of(p.admin("/metrics")[1]) for p in (world.server, worker)}
        world.send(world.sim.burst(shops=1, orders=20, events=50, duplicates=0.2), connections=1)
        world.settle()
        # Redis knows of an ack before the worker counts it.
        entries = world.redis.client.xlen(LIVE) + world.redis.client.xlen(BULK)
        check_equal(world.redis.client.xlen(LIVE), len(world.entries()), "entries of the live stream")
        wait_for("the acks to be counted", lambda: worker.metric("shopstream_worker_entries_acked_total") == entries
                 and worker.metric("shopstream_worker_entries_held") == 0)
        after = {p: metrics_of(p.admin("/metrics")[1]) for p in (world.server, worker)}

        def moved(program, name):
            return after[program][name] - before[program][name]

        stored = moved(world.server, 'shopstream_server_requests_total{answer="stored"}')
        check_equal(stored + moved(world.server, 'shopstream_server_requests_total{answer="duplicate"}'), 50, "requests")
        for name, amount in (("entries_read_total", entries), ("entries_acked_total", entries), ("entries_held", 0),
                             ("fetch_calls_total", calls_of_the_worker(world.sim))):
            check_equal(moved(worker, "shopstream_worker_" + name), amount, name)
        check(moved(worker, 'shopstream_worker_documents_total{result="written"}') >= 20, "documents written")
        for page in before[worker], after[worker]:
            check(all(name.startswith("shopstream_") for name in page), "foreign names")
        check_equal(worker.admin("/healthz")[0], 200, "/healthz")
        wait_for("the gauges", lambda: worker.metric("shopstream_worker_stream_length") == entries
                 and worker.metric("shopstream_worker_lag") == 0)
        world.check()


def case_secrets_stay_out_of_logs_metrics_process_lists_and_dead_letters():
    password = "redis-password-8d1f0a"
    with World(shops=2, redis=("--requirepass", password), server={"LOG_LEVEL": "debug"},
               worker={"LOG_LEVEL": "debug"}) as world:
        world.secrets.add(password)
        world.sim.fault("500", shop=0, count=2)
        world.sim.fault("poison", shop=0, number=3)
        world.sim.fault("expired_token", shop=1)
        world.worker()
        pushes = [world.sim.change(0, n) for n in range(5)] + [world.sim.change(1, 0)]
        world.send([c["push"] for c in pushes])
        world.add_entry(foo="bar")
        wait_for("both dead letters", lambda: len(world.dead()) == 2, 60)
        check_equal(sorted(world.dead()), [("bad_payload", ""), ("rejected", pushes[3]["order_id"])], "dead letters")
        world.check_silence()
        for command in (("status",), ("status", "--json"), ("shop", "list"), ("shop", "list", "--json"), ("dead", "list"),
                        ("dead", "list", "--json"), ("config",)):
            world.ctl(*command, status=None)  # looks for secrets in what is printed
        for shop in world.sim.shops():
            world.ctl("shop", "show", "tiktok", shop["shop_id"], status=None)


def case_a_worker_is_not_ready_while_mongodb_is_away_and_goes_on_afterwards():
    with World(shops=1) as world:
        worker = world.worker()
        world.change(0, 0)
        world.settle()
        check_equal(worker.admin("/readyz")[0], 200, "/readyz")
        world.mongo.stop()
        try:
            wait_for("/readyz of an idle worker to say no", lambda: worker.admin("/readyz")[0] == 503, 30)
            world.change(0, 1)
            check("mongo: away" in worker.admin("/readyz")[1], "the reason: %r" % worker.admin("/readyz")[1])
            check_equal(worker.admin("/healthz")[0], 200, "/healthz")
            world.ctl("status", status=3)
        finally:
            world.mongo.start()
        world.settle()
        wait_for("/readyz to say yes", worker.ready, 30)
        check_equal(worker.metric('shopstream_worker_entries_deferred_total{attempt="counted"}'), 0, "counted retries")
        world.check()


if __name__ == "__main__":
    run_cases(globals())
