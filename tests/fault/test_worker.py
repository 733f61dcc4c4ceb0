#!/usr/bin/python3
"""Workers killed, frozen, told to leave; entries that are malformed, vanish while pending, or come back.

What holds in every case: nothing accepted is lost, nothing is doubled, no older state wins, and what cannot be done ends in
the dead letters with its class.
"""

import concurrent.futures
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from load import *  # noqa: E402,F403
from stack import BUILD, Failure, check, check_equal, run_cases, wait_for  # noqa: E402
from world import BULK, DEAD, GROUP, LIVE, World, shared_mongo, text  # noqa: E402

# The timers a worker has when nothing is set.
DEFAULT_TIMERS = {"RECLAIM_IDLE_MS": 1200000, "RETRY_DELAYS": "5000,15000,60000,300000,900000", "HEARTBEAT_MS": 5000,
                  "REAP_IDLE_MS": 60000, "KEEPALIVE_MS": 20000, "BLOCK_MS": 2000, "BATCH_LINGER_MS": 50}


class Background(threading.Thread):
    """A case that mostly waits, run beside the others; join() raises what it raised."""

    def __init__(self, function):
        super().__init__(daemon=True)
        self.function, self.problem = function, None
        self.start()

    def run(self):
        try:
            self.function()
        except BaseException as problem:  # carried over to the thread that joins
            self.problem = problem

    def finish(self):
        self.join()
        if self.problem:
            raise self.problem


def consumers(world, stream=LIVE):
    return {text(c["name"]): c["pending"] for c in world.redis.client.xinfo_consumers(stream, GROUP)}


# ---------------------------------------------------------------- killed

def stop_with_work(world, worker, consumer):
    """SIGSTOP at a moment when it holds entries: what it holds now is what it can die with."""
    def caught():
        os.kill(worker.pid, signal.SIGSTOP)
        # An ack it has sent may not have been read yet: Redis reads it before the second question.
        if pending(world, consumer) and pending(world, consumer):
            return True
        os.kill(worker.pid, signal.SIGCONT)
        return False

    wait_for("work in the hands of %s" % consumer, caught)


def die_with_work(world, worker, consumer):
    stop_with_work(world, worker, consumer)
    kill_worker(worker)


def take_over(world):
    """Both workers killed in the middle; two with new names finish within 90 s; one of those killed: the other finishes."""
    first = [world.worker("old1"), world.worker("old2")]
    with Load(world, world.sim.burst(shops=2, orders=600, events=2000, duplicates=0.2, reorder=0.3), rate=500) as load:
        wait_documents(world, 100)
        die_with_work(world, first[0], "old1-0")
        die_with_work(world, first[1], "old2-0")
        load.finish(statuses=[200])
    began = time.monotonic()
    new = [world.worker("new1"), world.worker("new2")]
    world.settle(90)
    took = time.monotonic() - began
    check(took <= 90, "finished after %.1f s" % took)
    world.check()
    with Load(world, world.sim.burst(shops=2, orders=600, events=1200, seed=2), rate=400) as load:
        die_with_work(world, new[1], "new2-0")
        load.finish(statuses=[200])
    world.settle(90)
    world.check()


def both_killed():
    with World(worker=DEFAULT_TIMERS) as world:
        take_over(world)


# Leases of 60 s pass while the other cases run; the result is taken at the end of this file.
TAKEOVER = "both_workers_killed_and_two_new_ones_finish_within_90_s_then_one_finishes_alone"
shared_mongo()
takeover = Background(both_killed) if not sys.argv[1:] or any(a in TAKEOVER for a in sys.argv[1:]) else None


def case_worker_killed_in_mid_batch_and_the_other_finishes():
    """2 workers, leases of 1.5 s, one killed with -9 under load: its entries are taken over, 0 lost, everything equals the
    marketplace."""
    with World() as world:
        victim = world.worker()
        world.worker()
        with Load(world, world.sim.burst(shops=2, orders=400, events=1200), rate=400) as load:
            wait_documents(world, 50)
            die_with_work(world, victim, "w1-0")
            load.finish(statuses=[200])
        world.settle()
        check(log_count(world, "without a heartbeat") > 0, "nothing was taken over")
        world.check()


def case_worker_killed_under_its_name_takes_its_own_entries_again():
    """Leases of 60 s, a worker killed with -9 with 200 entries and started again under its name: finished within 20 s, 0
    lost."""
    with World(worker={"REAP_IDLE_MS": 60000}) as world:
        victim = world.worker("same")
        world.sim.fault("hold", count=-1)
        world.send(world.sim.burst(shops=2, orders=100, events=200))
        wait_pending(world, 200)
        kill_worker(victim)
        world.sim.heal()
        world.sim.release()
        world.worker("same")  # waits for the name to become free
        world.settle(20)
        world.check()


def case_workers_killed_at_any_moment_while_entries_are_retried_lose_and_double_none():
    """8 workers killed with -9 at growing delays while entries are retried, 13 attempts: 0 lost, 0 entries added for a
    retry.

    Reclaim and retry rewrite the pending list and never the stream: no copy is added, so none can be left over."""
    with World(shops=2, worker={"RETRY_DELAYS": "100,100,100,100,100,100,100,100,100,100,100,100"}) as world:
        world.send(world.sim.burst(shops=2, orders=200, events=400))
        for number in range(0, 100, 10):
            world.sim.fault("poison", shop=0, number=number)
        added = world.redis.client.info("commandstats")["cmdstat_xadd"]["calls"]
        for round_number in range(8):
            worker = world.worker("k%d" % round_number)
            wait_for("it to hold something", lambda: pending(world, "k%d-0" % round_number), 20)
            time.sleep(0.05 * round_number)  # a different step each time
            kill_worker(worker)
        world.sim.heal()
        world.worker("last")
        world.settle()
        # What the sweep adds is the money of completed orders, in the bulk stream.
        money = world.redis.client.xinfo_stream(BULK)["entries-added"]
        check_equal(world.redis.client.info("commandstats")["cmdstat_xadd"]["calls"], added + money, "entries added by workers")
        check_equal({entry["kind"] for entry in world.redis.entries(BULK)}, {"transaction"}, "kinds in the bulk stream")
        world.check()


def case_worker_that_dies_with_what_it_took_over_is_taken_over_itself():
    """Leases of 1.5 s, two workers killed in turn with the same 100 entries: the third finishes within 20 s, 0 lost.

    No lock stands in the way of the third."""
    with World() as world:
        world.sim.fault("hold", count=-1)
        world.send(world.sim.burst(shops=2, orders=50, events=100))
        first = world.worker("first")
        wait_pending(world, 100, "first-0")
        kill_worker(first)
        second = world.worker("second")
        wait_pending(world, 100, "second-0")
        kill_worker(second)
        world.sim.heal()
        world.sim.release()
        world.worker("third")
        world.settle(20)
        world.check()


# ---------------------------------------------------------------- frozen

def case_worker_frozen_past_its_lease_writes_no_older_state_when_it_wakes():
    """Leases of 1.5 s, a worker frozen with an older answer on its way: the newer state stays, 0 dead letters."""
    with World(shops=1) as world:
        sleeper = world.worker("sleeper")
        old = world.change(0, 1)
        world.settle()
        world.sim.fault("hold", count=1)
        old = world.change(0, 1)
        wait_for("its call", lambda: world.sim.counters()["held"] == 1)
        with stopped(sleeper.pid):
            new = world.change(0, 1)
            other = world.worker("other")
            wait_for("the newer state", lambda: (world.order(old) or {}).get("version", 0) == new["update_time"] * 1000, 20)
            wait_for("everything taken over", lambda: world.unfinished() == 0)
            world.sim.release()
        world.settle()
        sleeper.wait_ready()
        wait_for("the late answer", lambda: sleeper.metric("shopstream_worker_entries_held") == 0)
        check(other.metric("shopstream_worker_entries_reclaimed_total") >= 1, "nothing was taken over")
        check_equal(world.dead(), [], "dead letters")
        world.check()


def case_workers_frozen_in_turn_under_load_lose_nothing():
    """Leases of 1.5 s, 2 workers frozen in turn for 2.2 s under load: 0 lost, everything equals the marketplace."""
    with World() as world:
        workers = [world.worker(), world.worker()]
        with Load(world, world.sim.burst(shops=2, orders=400, events=1600), rate=300) as load:
            for worker in workers:
                with stopped(worker.pid):
                    time.sleep(2.2)  # the fault itself: past its heartbeat and its lease
            load.finish(statuses=[200])
        world.settle()
        for worker in workers:
            worker.wait_ready()
        world.check()


# ---------------------------------------------------------------- entries gone

def hold_and_kill(world, orders):
    """A dead worker's pending entries, whose events are in nobody's hands. Returns their ids."""
    world.sim.fault("hold", count=-1)
    world.send(world.sim.burst(shops=1, orders=orders, events=orders))
    worker = world.worker("gone")
    wait_pending(world, orders, "gone-0")
    kill_worker(worker)
    world.sim.heal()
    world.sim.release()
    return [id for id, _, _ in pending(world, "gone-0")]


def case_entries_trimmed_while_pending_are_reported_lost_and_do_not_stay():
    """7 of a dead worker's 40 entries trimmed or deleted: 7 counted and named as lost, none stays pending; sent again they
    land."""
    with World(shops=1) as world:
        ids = hold_and_kill(world, 40)
        bodies = {text(id): fields for id, fields in world.redis.client.xrange(LIVE)}
        world.redis.client.xdel(LIVE, ids[20], ids[21])
        world.redis.client.xtrim(LIVE, minid=ids[5], approximate=False)
        lost = ids[:5] + ids[20:22]
        worker = world.worker()
        world.settle(20)
        check_equal(worker.metric("shopstream_worker_entries_lost_total"), len(lost), "entries counted as lost")
        for id in lost:
            check("msg=\"entry lost" in worker.log() and id in worker.log(), "%s is not reported" % id)
        check_equal(world.dead(), [], "dead letters")
        # The lost ones are known by their ids; sent again by the marketplace (or a sync) they land.
        for id in lost:
            world.redis.client.xadd(LIVE, bodies[id])
        world.settle()
        world.check()


def case_entries_trimmed_while_they_wait_for_their_retry_are_reported_lost():
    """Retries of 1 s, no ring, 2 entries deleted while they wait: 2 counted as lost, none stays pending.

    With a ring the server would bring them back, sooner or later."""
    with World(shops=1, server={"REPLAY_SECONDS": 0}, worker={"RETRY_DELAYS": "1000,1000,1000,1000"}) as world:
        changes = [world.sim.change(0, number) for number in range(4)]
        world.sim.fault("missing", shop=0, number=1)
        world.sim.fault("missing", shop=0, number=2)
        worker = world.worker()
        world.send([c["push"] for c in changes])
        wait_for("both deferred", lambda: len(world.deferred()) == 2)
        ids = [text(row["message_id"]) for row in world.deferred()]
        world.redis.client.xdel(LIVE, *ids)
        world.settle(20)
        check_equal(worker.metric("shopstream_worker_entries_lost_total"), 2, "entries counted as lost")
        world.sim.heal()
        for number in (1, 2):
            world.change(0, number)
        world.settle()
        forgotten = {c["order_id"] for c in changes[1:3]}
        world.accepted = [row for row in world.accepted if row["order_id"] not in forgotten]
        world.check()


def case_entry_deleted_while_a_worker_has_it_in_hand_is_still_written():
    """10 entries deleted while their call is out: all 10 orders are written, 0 dead letters."""
    with World(shops=1) as world:
        world.worker()
        world.sim.fault("hold", count=-1)
        world.send(world.sim.burst(shops=1, orders=10, events=10))
        wait_pending(world, 10)
        wait_for("its call", lambda: world.sim.counters()["held"] > 0)
        world.redis.client.xdel(LIVE, *[id for id, _, _ in pending(world)])
        world.sim.heal()
        world.sim.release()
        world.settle(20)
        check_equal(world.dead(), [], "dead letters")
        world.check(entries=False)


# ---------------------------------------------------------------- malformed

MALFORMED = [
    {"v": "1"},
    {"nonsense": "1"},
    {"v": "2", "platform": "tiktok", "shop": "1", "topic": "1", "kind": "order", "id": "1"},
    {"v": "1", "platform": "tiktok", "shop": "1", "topic": "1", "kind": "nonesuch", "id": "2", "key": "k", "recv_ms": "1",
     "src": "webhook", "trace": "t"},
    {"v": "1", "platform": "tiktok", "shop": "1", "topic": "1", "kind": "order", "id": "3", "key": "k", "recv_ms": "soon",
     "src": "webhook", "trace": "t"},
    {b"v": b"1", b"platform": b"\xff\xfe\x00tok", b"shop": b"\x00", b"kind": b"order", b"id": b"\x80\x00\r\n"},
    {b"\x00\x01": b"\xff" * 3000, b"v": b"1"},
    {"": ""},
]


def send_with_malformed(world):
    """Good events with malformed entries in front, between and behind; both streams."""
    pushes = world.sim.burst(shops=1, orders=60, events=60)
    for part in range(3):
        for fields in MALFORMED[part::3]:
            world.redis.client.xadd(LIVE, fields)
            world.redis.client.xadd(BULK, fields)
        world.send(pushes[part * 20:part * 20 + 20])


def check_malformed(world, worker):
    dead = world.dead()
    check_equal(len(dead), 2 * len(MALFORMED), "dead letters: %s" % dead)
    world.expected_dead = dead
    world.check()
    check(worker.process.poll() is None, "the worker ended")
    listed = world.ctl("dead", "list", status=1).stdout  # 1: a finding
    check("bad_payload" in listed, "dead list: %s" % listed[:500])


def case_malformed_entries_reach_the_dead_letters_alone():
    """8 malformed entries in each stream among 60 good ones: 16 dead letters, 0 attempts charged to the others, all good
    ones land."""
    with World(shops=1) as world:
        worker = world.worker()
        send_with_malformed(world)
        world.settle()
        check_equal(counted_attempts(world), 0, "attempts counted for their neighbours")
        check_malformed(world, worker)


def case_malformed_entries_of_a_dead_worker_do_not_break_the_take_over():
    """8 malformed entries in each stream among 60 good ones in a dead worker's hands: 16 dead letters, all good ones land
    within 20 s."""
    with World(shops=1) as world:
        send_with_malformed(world)
        everything = len(world.redis.client.xrange(LIVE))
        for stream in (LIVE, BULK):
            world.redis.client.xgroup_create(stream, GROUP, "0")
            world.redis.client.xreadgroup(GROUP, "vanished-0", {stream: ">"}, count=1000)
        check_equal(len(pending(world)), everything, "pending entries of the worker that vanished")
        worker = world.worker()
        world.settle(20)
        check_malformed(world, worker)


# ---------------------------------------------------------------- scaling down

def case_consumer_is_removed_only_when_it_owns_nothing():
    """REAP_IDLE_MS 400, a dead worker with 30 entries: its consumer is removed, and only after all 30 are in other hands."""
    with World(shops=1, worker={"HEARTBEAT_MS": 100, "KEEPALIVE_MS": 100, "REAP_IDLE_MS": 400}) as world:
        ids = hold_and_kill(world, 30)
        world.worker("stays")
        seen = []

        def gone():
            seen.append(consumers(world).get("gone-0"))
            return seen[-1] is None

        wait_for("the dead consumer's removal", gone, 20)
        check([n for n in seen if n is not None][-1] == 0, "it owned entries when it was removed: %s" % seen[-5:])
        check_equal(world.group()[1], 0, "pending entries")
        check_equal(len(ids), 30, "entries it had owned")
        world.settle()
        world.check()


# ---------------------------------------------------------------- memory

def case_worker_start_work_and_shutdown_is_clean_under_valgrind():
    """Under valgrind, 2 lanes, good, poisonous and malformed events, hanging calls, SIGTERM: no invalid access, no leak,
    everything lands."""
    check(shutil.which("valgrind"), "valgrind is missing")
    with World(release=True, worker=SLOW) as world:
        worker = world.worker(wait=False, wrapper=VALGRIND, WORKER_THREADS=2)
        worker.wait_started(120)
        poisoned = world.sim.change(0, 99)
        world.sim.fault("poison", shop=0, number=99)
        world.send(world.sim.burst(shops=2, orders=60, events=150), poisoned["push"])
        for stream in (LIVE, BULK):
            world.add_entry(stream, v="1", kind="order", id="7")
        world.send(world.sim.push(type=36, shop=0, data={"order_id": "1"}))
        world.settle(90)
        world.sim.fault("hang", ms=60000)
        world.send(world.sim.burst(shops=2, orders=20, events=40, seed=2))
        wait_for("work in its hands", lambda: len(pending(world)) >= 40, 60)
        worker.stop(90)
        check_valgrind(worker)
        world.sim.heal()
        world.worker()
        world.settle()
        world.expected_dead = [("bad_payload", "7"), ("bad_payload", "7"), ("rejected", poisoned["order_id"])]
        world.check(leave_out=[poisoned["order_id"]])


def case_commands_of_shopstreamctl_are_clean_under_valgrind():
    """Under valgrind, twelve commands, good and bad: the right exit status, no invalid access, no leak."""
    with World(release=True) as world:
        world.worker()
        world.send(world.sim.burst(shops=2, orders=10, events=20))
        world.add_entry(v="1", kind="order", id="7")
        world.settle()
        shop = world.sim.shops()[0]["shop_id"]
        letter = text(world.redis.client.xrange(DEAD)[0][0])
        put = "".join(line + "\n" for line in world.sim.lines("GET", "shops"))

        def run(command):
            arguments, stdin = command
            done = world.ctl(*arguments, stdin=stdin, status=None, wrapper=VALGRIND)
            check(done.returncode != 99 and not re.search(r"^==\d+==", done.stderr, re.M),
                  "shopstreamctl %s: %s" % (" ".join(arguments), done.stderr[-4000:]))
            return done.returncode

        # Two at a time: nearly all of it is valgrind's own work.
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            statuses = list(pool.map(run, [
                (["init"], ""), (["status"], ""), (["status", "--json"], ""), (["shop", "put"], put), (["shop", "put"], "{not json\n"),
                (["shop", "list", "--json"], ""), (["shop", "show", "tiktok", shop], ""), (["dead", "list"], ""),
                (["dead", "show", letter], ""), (["nonsense"], "")]))
        check_equal(statuses, [0, 1, 1, 0, 2, 0, 0, 1, 0, 2], "exit statuses")
        check_equal([run((["shop", verb, "tiktok", shop], "")) for verb in ("disable", "remove")], [0, 0], "exit statuses")
        world.expected_dead = [("bad_payload", "7")]
        world.check()


def data_kib(worker):
    with open("/proc/%d/status" % worker.pid) as f:
        return int(re.search(r"^VmData:\s+(\d+)", f.read(), re.M).group(1))


def needed_kib(world):
    """What a worker's data takes when it has done a little ordinary work."""
    worker = world.worker("measured")
    world.send(world.sim.burst(shops=2, orders=20, events=40, first_number=100000))
    world.settle()
    needed = data_kib(worker)
    worker.stop()
    return needed


def restart_until_done(world, limit_kib, most):
    """Workers with so much memory and one name, each started when the one before has ended. Returns how many ended: each by want
    of memory, and said so. Stops at most of them, or when nothing is left to do."""
    for ended in range(most):
        worker = world.worker("small", wait=False, wrapper=["prlimit", "--data=%d" % (limit_kib << 10)])
        worker.may_die = True
        wait_for("the end of a worker or of its work", lambda: worker.process.poll() is not None or world.finished(), 120)
        if worker.process.poll() is None:
            worker.stop()
            return ended
        check(re.search("out of memory|allocate memory", worker.log()), "it ended with %s and did not say why: %s" % (
            worker.process.returncode, worker.log()[-2000:]))
    return most


def case_worker_without_memory_for_a_batch_says_so_and_takes_no_event_along():
    """prlimit --data 1 and 2 MiB above what little work needs, 400 orders at once, restarted under its name up to six times: ends
    saying that memory ran out, at whatever it was doing; a worker without the limit finishes, 0 lost, 0 dead letters, everything
    equals the marketplace.

    What was in work at four ends is then worked on one by one."""
    with World(release=True) as world:
        needed = needed_kib(world)
        world.send(world.sim.burst(shops=2, orders=400, events=400))
        ended = [restart_until_done(world, needed + (room << 10), 3) for room in (1, 2)]
        check(sum(ended) > 0, "every worker had memory enough")
        world.worker("ample")
        world.settle(120)
        world.check()


def case_worker_without_memory_for_large_entries_gets_through_one_by_one():
    """prlimit --data 12 MiB above what little work needs, 80 raw events of 700 KB and 600 orders at once, restarted under its name
    up to 12 times, then a worker without the limit: ends saying that memory ran out, 0 lost, 0 dead letters, everything equals
    the marketplace."""
    with World(release=True) as world:
        limit = needed_kib(world) + (12 << 10)
        large = [world.sim.push(type=36, shop=0, data={"order_id": "1", "note": "%d" % n + "x" * 700000}) for n in range(80)]
        pushes = world.sim.burst(shops=2, orders=600, events=600)
        world.send([line for pair in itertools.zip_longest(pushes, large) for line in pair if line])
        check(restart_until_done(world, limit, 12) > 0, "the worker had memory enough")
        world.worker("ample")
        world.settle(120)
        world.check()


def case_event_too_large_for_every_worker_ends_alone_as_a_dead_letter():
    """prlimit --data 4 MiB above what little work needs, a raw event of 6 MiB among 100 orders, restarted under its name up to 20
    times: the event ends as a dead letter with its body, the orders land, all by workers with too little memory."""
    with World(release=True, server={"MAX_BODY_BYTES": 8 << 20}) as world:
        limit = needed_kib(world) + (4 << 10)
        pushes = world.sim.burst(shops=2, orders=100, events=100)
        large = world.sim.push(type=36, shop=0, data={"order_id": "1", "note": "x" * (6 << 20)})
        world.send(pushes[:50] + [large] + pushes[50:])
        ended = restart_until_done(world, limit, 20)
        check(0 < ended < 20, "%d workers ended" % ended)
        check_equal(world.dead_letters()[0]["body"], json.loads(large)["body"].encode(), "the body")
        world.expected_dead = [("crash", "")]
        world.worker("ample")
        world.settle()
        world.check()


# ---------------------------------------------------------------- settings

def case_settings_that_would_do_work_twice_or_lose_delays_are_refused_at_start():
    """16 settings that are wrong or contradict each other: exit 2 at start and by --check, naming the setting."""
    good = {"MONGO_URI": "mongodb://127.0.0.1:1/", "REDIS_URL": "redis://127.0.0.1:1", "CREDENTIALS_KEY": "0" * 64}
    refused = [
        ({"REAP_IDLE_MS": 30000, "KEEPALIVE_MS": 20000}, "REAP_IDLE_MS"),
        ({"REAP_IDLE_MS": 40000, "KEEPALIVE_MS": 20000}, "REAP_IDLE_MS"),
        ({"RECLAIM_IDLE_MS": 30000, "RETRY_DELAYS": 1000}, "RECLAIM_IDLE_MS"),
        ({"RECLAIM_IDLE_MS": 1200000, "RETRY_DELAYS": "5000,1000000"}, "RETRY_DELAYS"),
        ({"RETRY_DELAYS": "5000,,1000"}, "RETRY_DELAYS"),
        ({"RETRY_DELAYS": "soon"}, "RETRY_DELAYS"),
        ({"REAP_IDLE_MS": -1}, "REAP_IDLE_MS"),
        ({"KEEPALIVE_MS": "20s"}, "KEEPALIVE_MS"),
        ({"HEARTBEAT_MS": 0}, "HEARTBEAT_MS"),
        ({"READ_COUNT": 20000}, "READ_COUNT"),
        ({"FETCH_SHOP_CALLS": 33}, "FETCH_SHOP_CALLS"),
        ({"WORKER_THREADS": 0}, "WORKER_THREADS"),
        ({"WORKER_NAME": "a b"}, "WORKER_NAME"),
        ({"CREDENTIALS_KEY": "short"}, "CREDENTIALS_KEY"),
        ({"MONGO_URI": None}, "MONGO_URI"),
        ({"REDIS_URL": "http://127.0.0.1/"}, "REDIS_URL"),
    ]

    def run(settings, *arguments):
        environment = {k: str(v) for k, v in dict(good, **settings).items() if v is not None}
        environment.update({k: v for k, v in os.environ.items() if k == "PATH" or k.endswith("SAN_OPTIONS")})
        return subprocess.run([os.path.join(BUILD, "shopstream-worker"), *arguments], env=environment, text=True, timeout=20,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)

    done = run({}, "--check")
    check_equal(done.returncode, 0, "good settings: %s" % done.stdout)
    for settings, name in refused:
        for arguments in (["--check"], []):
            done = run(settings, *arguments)
            check_equal(done.returncode, 2, "exit status with %s: %s" % (settings, done.stdout))
            check(name in done.stdout, "%s is not named: %s" % (name, done.stdout))


def case_second_worker_under_a_living_name_refuses_to_start():
    """Two workers, one WORKER_NAME: the second ends with exit 3, the first goes on."""
    with World(shops=1) as world:
        world.worker("name")
        second = world.worker("name", wait=False)
        check_equal(second.wait(20), 3, "exit status")
        check("is in use" in second.log(), second.log()[-500:])
        world.workers.remove(second)
        world.send(world.sim.burst(shops=1, orders=10, events=20))
        world.settle()
        world.check()


# ---------------------------------------------------------------- last

def case_both_workers_killed_and_two_new_ones_finish_within_90_s_then_one_finishes_alone():
    """Default timers (leases of 60 s), both workers killed with -9 under load: two new ones finish within 90 s; one of those
    killed, the other does."""
    takeover.finish()


run_cases(globals())
