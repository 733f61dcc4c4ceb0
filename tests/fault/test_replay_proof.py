#!/usr/bin/python3
"""Redis loses what it has acknowledged, with workers and MongoDB behind it: prove and the truth agree on what became of it.

What the server's ring had is there again and worked off; what was older is told with its size; a server that cannot be asked
means "not known" and never "proven".
"""

import json
import os
import signal
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from load import Load, kill_worker  # noqa: E402
from stack import *  # noqa: E402,F403
from world import LIVE, World, shared_mongo, text  # noqa: E402

FORGETFUL = ("--appendonly", "no")
REGISTERED = "webhooks:server:s"


def proof(world, status, *arguments):
    return json.loads(world.ctl("prove", "--json", *arguments, status=status).stdout)


def gaps(found):
    return [gap for server in found["servers"] for gap in server["gaps"]]


def wait_replayed(world):
    def all_closed():
        states = {}
        for line in world.server.admin("/ledger")[1].splitlines():
            line = json.loads(line)
            states[line["gap"]] = line["state"]
        return states and set(states.values()) == {"closed"}

    wait_for("closed gaps", all_closed, 30)


def case_everything_lost_under_load_is_worked_off_and_told():
    """No AOF, ring of 10 s, Redis killed with -9 under load with a worker at work: prove finds 0 lost and tells the gaps,
    everything equals the marketplace.

    Marks are lost too, so the sender's own repeats are no help; the group is made again from the first entry."""
    with World(shops=2, redis=FORGETFUL, server={"SERVER_NAME": "s"}) as world:
        world.worker()
        with Load(world, world.sim.burst(shops=2, orders=200, events=800), rate=200) as load:
            wait_for("events", lambda: world.redis.client.xlen(LIVE) > 200)
            world.redis.kill()
            world.redis.start()
            load.finish()
        wait_replayed(world)
        world.settle()
        wait_for("the registration", lambda: world.redis.client.get(REGISTERED))
        found = proof(world, None)
        check_equal(found["ends"]["lost"], 0, "lost")
        check(sum(gap["missing"] for gap in gaps(found)) > 100, "told: %r" % gaps(found))
        check_equal(sum(gap["dropped"] for gap in gaps(found)), 0, "dropped")
        world.check(entries=False)


def case_flushall_of_what_the_ring_has_is_healed_and_proven():
    """Ring of 10 s, FLUSHALL after 5 events: all 5 are back, prove exits 0 and tells the gap once."""
    with World(shops=1, server={"SERVER_NAME": "s", "SERVER_THREADS": 1}) as world:
        world.worker()
        for number in range(5):
            world.change(0, number)
        world.settle()
        proof(world, 0)
        world.redis.client.flushall()
        wait_replayed(world)
        world.settle()
        wait_for("the registration", lambda: world.redis.client.get(REGISTERED), 15)
        found = proof(world, 0)
        check_equal([(g["resent"], g["missing"], g["healed"]) for g in gaps(found)], [(5, 5, True)], "healed")
        check_equal(found["ends"]["lost"], 0, "lost")
        check_equal(gaps(proof(world, 0)), [], "told once")
        check_equal(len(gaps(proof(world, 0, "--since", "1h"))), 1, "unless asked for")
        world.check()


def case_what_was_older_than_the_ring_is_a_finding_with_its_size():
    """REPLAY_SECONDS 1, FLUSHALL when the ring has forgotten 5 events: prove exits 1 and says that at most 5 are lost."""
    with World(shops=1, server={"SERVER_NAME": "s", "SERVER_THREADS": 1, "REPLAY_SECONDS": 1}) as world:
        for number in range(5):
            world.change(0, number)
        wait_for("events in the ring", lambda: world.server.metric("shopstream_server_ring_records") > 0)
        wait_for("an empty ring", lambda: world.server.metric("shopstream_server_ring_records") == 0)
        world.redis.client.flushall()
        world.change(0, 5)
        wait_replayed(world)
        world.worker()
        world.settle()
        wait_for("the registration", lambda: world.redis.client.get(REGISTERED), 15)
        found = proof(world, 1)
        check_equal([(g["older"], g["healed"]) for g in gaps(found)], [(5, False)], "told")
        check("at most 5 more are lost: older" in world.ctl("prove", "--since", "1h", status=1).stdout, "on the screen")


def case_what_was_worked_off_is_not_lost_with_the_stream():
    """REPLAY_SECONDS 2, FLUSHALL when 5 events are worked off and forgotten by the ring and a sixth is unread: of the six only that
    one may be told as older, or else is back, and then prove exits 0."""
    with World(shops=1, server={"SERVER_NAME": "s", "SERVER_THREADS": 1, "REPLAY_SECONDS": 2}) as world:
        worker = world.worker()
        for number in range(5):
            world.change(0, number)
        wait_for("events in the ring", lambda: world.server.metric("shopstream_server_ring_records") > 0)
        world.settle()
        wait_for("an empty ring", lambda: world.server.metric("shopstream_server_ring_records") == 0)
        worker.stop()
        world.change(0, 5)
        asked = questions(world)
        wait_for("a question after it", lambda: questions(world) > asked + 1)
        world.redis.client.flushall()
        wait_replayed(world)
        world.worker()
        world.settle()
        wait_for("the registration", lambda: world.redis.client.get(REGISTERED), 15)
        found = proof(world, None)
        check_equal([(g["older"], g["healed"]) for g in gaps(found)],
                    [(1 - g["missing"], g["missing"] == 1) for g in gaps(found)], "told")
        check_equal((len(gaps(found)), found["proven"]), (1, gaps(found)[0]["missing"] == 1), "proven")


def questions(world):
    return world.redis.client.info("commandstats")["cmdstat_eval"]["calls"]


def case_power_cut_of_less_than_the_ring_holds_is_healed_and_proven():
    """REPLAY_MAX_BYTES 65,536, Redis killed with -9, its append-only file without the last 20 of 170 events: the 20 are back, prove
    exits 0, the gap tells 0 older although the ring had let go of most."""
    settings = {"SERVER_NAME": "s", "SERVER_THREADS": 1, "REPLAY_SECONDS": 60, "REPLAY_MAX_BYTES": 65536}
    with World(shops=1, server=settings) as world:
        for number in range(150):
            world.change(0, number)
        wait_for("entries", lambda: world.redis.client.xlen(LIVE) == 150)
        tail = world.redis.tail()
        for number in range(150, 170):
            world.change(0, number)
        wait_for("more", lambda: world.redis.client.xlen(LIVE) == 170)
        world.redis.kill_without(tail)
        world.redis.start()
        wait_replayed(world)
        world.worker()
        world.settle()
        wait_for("the registration", lambda: world.redis.client.get(REGISTERED), 15)
        found = proof(world, 0)
        check_equal([(g["reason"], g["missing"], g["older"], g["healed"]) for g in gaps(found)], [("run_id", 20, 0, True)], "told")
        check(gaps(found)[0]["resent"] < 120, "the ring had all")
        world.check()


def case_needs_that_went_back_to_a_stream_which_redis_then_lost_come_back_once_more():
    """No AOF, ring of 1 s, 5 parked needs come back, their worker and Redis killed with -9: all 5 are needs again and their orders
    land, 0 lost.

    Their events were acknowledged long ago: no server has them any more."""
    with World(shops=1, redis=FORGETFUL, register=False, server={"REPLAY_SECONDS": 1}) as world:
        worker = world.worker()
        for number in range(5):
            world.change(0, number)
        wait_for("parked needs", lambda: world.needs(reason="unregistered") >= 5 and world.unfinished() == 0)
        wait_for("an empty ring", lambda: world.server.metric("shopstream_server_ring_records") == 0)
        world.sim.fault("hold", count=-1, path="detail")
        world.put_shops()
        wait_for("entries", lambda: world.db.swept.count_documents({}) >= 5 and world.needs() == 0)
        kill_worker(worker)
        world.redis.kill()
        world.redis.start()
        world.sim.heal()
        world.sim.release()
        world.worker()
        wait_for("the orders", lambda: world.db.orders.count_documents({}) == 5, 20)
        world.settle()
        world.check(entries=False, prove=False)


def case_what_was_swept_leaves_when_redis_has_kept_it_long_enough():
    """REPLAY_SECONDS 1, 5 parked needs that come back: once Redis has kept their entries, nothing of them is left to look after."""
    with World(shops=1, register=False, worker={"REPLAY_SECONDS": 1}) as world:
        world.worker()
        for number in range(5):
            world.change(0, number)
        wait_for("parked needs", lambda: world.needs(reason="unregistered") >= 5)
        world.put_shops()
        wait_for("swept needs", lambda: world.db.swept.count_documents({}) > 0)
        world.settle()
        wait_for("their end", lambda: world.db.swept.count_documents({}) == 0)
        check_equal(world.needs(), 0, "needs that came back without cause")
        world.check()


def case_server_that_cannot_be_asked_means_not_known():
    """A registered server killed with -9: prove exits 3 until it is forgotten by hand; a clean end leaves no registration."""
    with World(shops=1, server={"SERVER_NAME": "s"}) as world:
        world.worker()
        world.change(0, 1)
        world.settle()
        wait_for("the registration", lambda: world.redis.client.get(REGISTERED))
        check_equal(text(world.redis.client.get(REGISTERED)), "127.0.0.1:%d" % world.server.admin_port, "address")
        check_equal([(s["server"], s["asked"]) for s in proof(world, 0)["servers"]], [("s", True)], "asked")
        world.server.signal(signal.SIGKILL)
        world.server.wait()
        found = proof(world, 3)
        check_equal((found["proven"], found["servers"][0]["asked"]), (False, False), "not known")
        check("server s at" in world.ctl("prove", status=3).stdout, "named")
        world.ctl("prove", "--forget-server", "s")
        world.ctl("prove", "--forget-server", "s", status=1)
        proof(world, 0)
        world.start_server({"SERVER_NAME": "t"})
        check(world.redis.client.get("webhooks:server:t"), "registered before it takes anything")
        world.server.stop()
        check_equal(world.redis.client.keys("webhooks:server:*"), [], "a clean end leaves none")


def case_registration_that_redis_has_lost_is_there_again_within_seconds():
    """The registration deleted while the server is connected: there again within 3 s, with the same address."""
    with World(shops=1, server={"SERVER_NAME": "s"}) as world:
        address = world.redis.client.get(REGISTERED)
        check_equal(text(address), "127.0.0.1:%d" % world.server.admin_port, "address")
        world.redis.client.delete(REGISTERED)
        wait_for("the registration", lambda: world.redis.client.get(REGISTERED) == address, 3)


def case_ledger_cut_off_by_a_power_failure_is_told_once():
    """Journal, server killed with -9, half a line at the end of its ledger: the next prove tells of it and exits 1, the one after
    it exits 0."""
    with tempfile.TemporaryDirectory() as journal:
        settings = {"SERVER_NAME": "s", "JOURNAL_DIR": journal}
        with World(shops=1, server=settings) as world:
            world.worker()
            world.change(0, 1)
            world.settle()
            world.server.signal(signal.SIGKILL)
            world.server.wait()
            with open(os.path.join(journal, "ledger"), "ab") as ledger:
                ledger.write(b'{"gap":"1767704400123-0-0","state":"open","at":"2026')
            world.start_server(settings)
            wait_for("its address", lambda: text(world.redis.client.get(REGISTERED)).endswith(
                ":%d" % world.server.admin_port))
            found = proof(world, 1)
            check_equal([(g["reason"], g["open"], g["healed"], g["older"]) for g in gaps(found)],
                        [("torn", False, False, -1)], "told")
            check_equal(gaps(proof(world, 0)), [], "and then past")
            check("a line of its ledger was cut off" in world.ctl("prove", "--since", "1d", status=1).stdout, "on the screen")


def stored_run(world, journal):
    """The note of the run of Redis that has what the server's rings have; "" before there is one."""
    path = os.path.join(journal, "redis-run")
    if not os.path.exists(path):
        return ""
    with open(path) as note:
        return note.read().strip()


def wait_noted(world, journal):
    wait_for("the note", lambda: stored_run(world, journal) == world.redis.client.info("server")["run_id"])


def case_server_that_died_before_it_asked_a_redis_started_anew_is_told_once():
    """No AOF, 5 events answered 200, then Redis and its server killed with -9 and both started: nobody has them any more, prove
    says so and exits 1, the one after it exits 0."""
    with tempfile.TemporaryDirectory() as journal:
        settings = {"SERVER_NAME": "s", "JOURNAL_DIR": journal}
        with World(shops=1, redis=FORGETFUL, server=settings) as world:
            world.worker()
            wait_noted(world, journal)
            for number in range(5):
                world.change(0, number)
            world.settle()
            world.redis.kill()
            world.server.signal(signal.SIGKILL)
            world.server.wait()
            world.redis.start()
            world.start_server(settings)
            wait_noted(world, journal)
            found = proof(world, 1)
            check_equal([(g["reason"], g["open"], g["healed"], g["older"]) for g in gaps(found)],
                        [("died", False, False, -1)], "told")
            check_equal(gaps(proof(world, 0)), [], "and then past")
            check("died before it" in world.ctl("prove", "--since", "1d", status=1).stdout, "on the screen")


def case_server_that_died_while_redis_went_on_has_lost_nothing():
    """Server killed with -9, Redis as it was; then a clean end, Redis restarted, and a start: prove exits 0 both times, with no gap."""
    with tempfile.TemporaryDirectory() as journal:
        settings = {"SERVER_NAME": "s", "JOURNAL_DIR": journal}
        with World(shops=1, server=settings) as world:
            world.worker()
            wait_noted(world, journal)
            world.change(0, 1)
            world.server.signal(signal.SIGKILL)
            world.server.wait()
            world.start_server(settings)
            wait_noted(world, journal)
            world.settle()
            check_equal(gaps(proof(world, 0, "--since", "1d")), [], "after the kill")
            world.server.stop()
            check_equal(stored_run(world, journal), "", "note after a clean end")
            world.redis.kill()
            world.redis.start()
            world.start_server(settings)
            wait_noted(world, journal)
            check_equal(gaps(proof(world, 0, "--since", "1d")), [], "after the clean end")
            world.settle()
            world.check()


def case_journal_that_has_every_event_needs_no_note():
    """JOURNAL_ALWAYS, Redis without AOF and server killed with -9: no gap is told, the 5 events are drained once more."""
    with tempfile.TemporaryDirectory() as journal:
        settings = {"SERVER_NAME": "s", "JOURNAL_DIR": journal, "JOURNAL_ALWAYS": 1}
        with World(shops=1, redis=FORGETFUL, server=settings) as world:
            for number in range(5):
                world.change(0, number)
            wait_for("the entries", lambda: world.redis.client.xlen(LIVE) == 5)
            check_equal(stored_run(world, journal), "", "note")
            world.redis.kill()
            world.server.signal(signal.SIGKILL)
            world.server.wait()
            world.redis.start()
            world.start_server(settings)
            world.worker()
            wait_for("the entries", lambda: world.redis.client.xlen(LIVE) == 5)
            world.settle()
            check_equal(gaps(proof(world, 0, "--since", "1d")), [], "told")
            world.check()


shared_mongo()
run_cases(globals())
