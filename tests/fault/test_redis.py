#!/usr/bin/python3
"""Redis restarted, frozen, emptied, full, its connections cut: under load, with workers at work.

Everywhere a 200 means that the event ends in MongoDB, a 4xx is never the answer to our own trouble, workers come back by
themselves, and no event is charged an attempt for what Redis did (two attempts are all it has, see TWO_ATTEMPTS). Only where
the stream itself is thrown away, events stored before are lost; that is reported, and what is stored afterwards is not.
"""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from load import *  # noqa: E402,F403
from stack import Failure, check, check_equal, run_cases, wait_for  # noqa: E402
from world import BULK, GROUP, LIVE, World, shared_mongo  # noqa: E402

GROUP_GONE = "consumer group was gone"
SERVER = {"ANSWER_DEADLINE_MS": 400}


def restarted_under_load(stop):
    """Redis ends by stop(redis) and starts again with its append-only file, twice."""
    with World(server=SERVER, worker=TWO_ATTEMPTS) as world:
        world.worker()
        world.worker()
        with Load(world, world.sim.burst(shops=2, orders=400, events=1200), rate=300) as load:
            for count in (60, 250):
                wait_documents(world, count)
                stop(world.redis)
                world.redis.start()
            # "connection" would be a webhook dropped without an answer.
            counts = load.finish(statuses=[200, 503])
            check_equal(counts[200], 1200, "accepted once each")
        world.settle()
        check_nobody_blamed(world)
        world.check()


def case_redis_killed_under_load_and_started_again():
    """AOF everysec, Redis killed with -9 twice under load, no journal: 200 or 503, 1,200 events accepted once each, 0 lost,
    0 attempts charged.

    Everything acknowledged was written to the file before; a killed process loses nothing the kernel has."""
    restarted_under_load(lambda redis: redis.kill())


def case_redis_stopped_under_load_and_started_again():
    """AOF everysec, Redis stopped twice under load, no journal: 200 or 503, 1,200 events accepted once each, 0 lost, 0
    attempts charged."""
    restarted_under_load(lambda redis: redis.stop())


def frozen_under_load(seconds):
    with World(server=SERVER, worker=TWO_ATTEMPTS) as world:
        workers = [world.worker(), world.worker()]
        with Load(world, world.sim.burst(shops=2, orders=400, events=1200), rate=300) as load:
            wait_documents(world, 60)
            world.redis.freeze()
            try:
                time.sleep(seconds)  # the outage itself
            finally:
                world.redis.thaw()
            load.finish(statuses=[200, 503])
        world.settle()
        for worker in workers:
            wait_for("readiness", worker.ready, 20)
        check_equal(log_count(world, "without a heartbeat"), 0, "times a living worker was taken for dead")
        check_nobody_blamed(world)
        world.check()


def case_redis_frozen_shorter_than_any_time_out_is_waited_out():
    """Redis frozen for 2 s under load, deadline 400 ms: 200 or 503, 0 of the 200s lost, no living worker taken for dead, 0
    attempts charged."""
    frozen_under_load(2)


def case_redis_frozen_until_every_link_gives_up_costs_no_attempt():
    """Redis frozen for 7 s under load, deadline 400 ms, leases of 1.5 s: 200 or 503, 0 of the 200s lost, no living worker
    taken for dead, 0 attempts charged.

    Beyond the reply time-out of 5 s; by then heartbeats have expired and all entries are idle for longer than a lease."""
    frozen_under_load(7)


def case_redis_away_for_longer_than_a_lease_moves_no_entry_between_living_workers():
    """3 workers hold 300 entries, Redis away for 2.5 s, leases of 1.5 s: each entry delivered once, 0 attempts charged,
    everything equals the marketplace.

    All that workers hold is idle for longer than a lease and no heartbeat is left, yet everybody lives."""
    with World(server=SERVER, worker=TWO_ATTEMPTS) as world:
        workers = [world.worker() for _ in range(3)]
        world.sim.fault("hold", count=-1)
        pushes = world.sim.burst(shops=2, orders=300, events=300)
        for part in range(0, 300, 10):
            world.send(pushes[part:part + 10])
        wait_pending(world, 300)
        check(len({consumer for _, consumer, _ in pending(world)}) > 1, "one worker holds everything")
        world.redis.kill()
        time.sleep(2.5)  # the outage itself
        world.redis.start()
        for worker in workers:
            wait_for("readiness", worker.ready, 20)
        beats = ["webhooks:{0}:worker:w%d-0" % number for number in (1, 2, 3)]
        wait_for("their heartbeats", lambda: world.redis.client.exists(*beats) == 3)
        check_equal({deliveries for _, _, deliveries in pending(world)}, {1}, "deliveries of what living workers hold")
        check_equal(log_count(world, "without a heartbeat"), 0, "times a living worker was taken for dead")
        world.sim.heal()
        world.sim.release()
        world.settle()
        check_nobody_blamed(world)
        world.check()


def case_workers_cut_off_between_write_and_ack_remember_the_ack():
    """Links cut when 20 orders are in MongoDB and not yet acked: acked later without a second read, 0 attempts charged.

    The answer is held until Redis takes no writes; the worker writes to MongoDB, its XACK waits, its links are cut."""
    with World(shops=1, worker=TWO_ATTEMPTS) as world:
        world.worker()
        world.sim.fault("hold", count=-1)
        pushes = world.sim.burst(orders=20, events=20)
        world.send(pushes)
        wait_pending(world, 20)
        wait_for("a held answer", lambda: world.sim.counters()["held"] > 0)
        world.redis.client.client_pause(1500, all=False)
        world.sim.heal()
        world.sim.release()
        wait_documents(world, 20)
        check_equal(len(pending(world)), 20, "acked entries")
        world.redis.client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        world.settle()
        check_equal(world.sim.counters()["detail_ids"], 20, "ids read; what was written must not be read again")
        check_nobody_blamed(world)
        world.check()


def case_connections_cut_every_tenth_of_a_second_under_load():
    """All connections to Redis cut 25 times at 100 ms under load: 200 or 503, 0 of the 200s lost, 0 attempts charged."""
    with World(server=SERVER, worker=TWO_ATTEMPTS) as world:
        world.worker()
        world.worker()
        with Load(world, world.sim.burst(shops=2, orders=400, events=1200), rate=300) as load:
            for _ in range(25):
                world.redis.client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
                time.sleep(0.1)  # the fault's own rhythm
            load.finish(statuses=[200, 503])
        world.settle()
        check_nobody_blamed(world)
        world.check()


def forget_stored(world):
    """What was stored before Redis was emptied is lost with it; only later events count."""
    world.accepted = []


def case_flushall_in_mid_work_is_reported_and_healed_without_a_restart():
    """FLUSHALL with entries in work: the lost group is told in 1 to 6 log lines and made anew; every order that changes
    afterwards lands, 0 attempts charged."""
    with World(worker=TWO_ATTEMPTS) as world:
        world.worker()
        world.worker()
        world.send(world.sim.burst(shops=2, orders=100, events=200))
        world.settle()
        world.check()
        world.sim.fault("hold", count=-1)
        world.send(world.sim.burst(shops=2, orders=100, events=200, seed=2))
        wait_pending(world, 20)
        forget_stored(world)
        world.redis.client.flushall()
        world.sim.heal()
        world.sim.release()
        # Every order changes once more, so these events alone must bring MongoDB level.
        with Load(world, [world.sim.change(shop, number)["push"] for shop in (0, 1) for number in range(50)], rate=100) as load:
            load.finish()
        wait_for("the group", lambda: world.group()[0] is not None)
        world.settle()
        check(log_count(world, GROUP_GONE) >= 1, "no log line about the lost group")
        check(log_count(world, GROUP_GONE) <= 6, "%d log lines about the lost group" % log_count(world, GROUP_GONE))
        check_nobody_blamed(world)
        world.check()


def case_group_destroyed_by_hand_is_made_again_from_the_first_entry():
    """XGROUP DESTROY under load: the group is made anew from entry 0, 0 skipped, 0 attempts charged, everything equals the
    marketplace.

    Made again at the end it would skip the backlog; at 0 it reads everything once more, which changes nothing."""
    with World(worker=TWO_ATTEMPTS) as world:
        world.worker()
        with Load(world, world.sim.burst(shops=2, orders=200, events=600), rate=300) as load:
            wait_documents(world, 50)
            world.redis.client.xgroup_destroy(LIVE, GROUP)
            load.finish(statuses=[200])
        wait_for("the group", lambda: world.group()[0] is not None)
        world.settle()
        check(log_count(world, GROUP_GONE) >= 1, "no log line about the lost group")
        check_nobody_blamed(world)
        world.check()


def case_stream_deleted_again_and_again_is_no_hot_loop():
    """DEL of the stream 50 times a second for 3 s: 20 log lines and 6,000 commands at most; events afterwards land."""
    with World(worker=TWO_ATTEMPTS) as world:
        world.worker()
        world.redis.client.config_resetstat()
        until = time.monotonic() + 3
        while time.monotonic() < until:
            world.redis.client.delete(LIVE)
            time.sleep(0.02)  # the fault's own rhythm: fifty times a second
        lines, commands = log_count(world, GROUP_GONE), world.redis.client.info("stats")["total_commands_processed"]
        check(1 <= lines <= 20, "%d log lines in 3 s" % lines)
        check(commands < 6000, "%d commands in 3 s" % commands)
        forget_stored(world)
        world.send(world.sim.burst(shops=2, orders=20, events=40))
        wait_for("the group", lambda: world.group()[0] is not None)
        world.settle()
        check_nobody_blamed(world)
        world.check()


def case_scripts_flushed_under_load_are_loaded_again():
    """SCRIPT FLUSH 50 times a second under load: only 200s, 0 attempts charged, the one malformed entry becomes a dead
    letter."""
    with World(worker=TWO_ATTEMPTS) as world:
        world.worker()
        with Load(world, world.sim.burst(shops=2, orders=200, events=600), rate=300) as load:
            while load.running():
                world.redis.client.script_flush()
                time.sleep(0.02)  # the fault's own rhythm
            load.finish(statuses=[200])
        world.redis.client.script_flush()
        world.add_entry(v="1", kind="order", id="7")
        world.settle()
        check_equal(counted_attempts(world), 0, "attempts counted")
        world.expected_dead = [("bad_payload", "7")]
        world.check()


def fill(world, room):
    """Leaves Redis so much memory beyond what it uses now."""
    world.redis.client.config_set("maxmemory", world.redis.client.info("memory")["used_memory"] + room)


def case_redis_full_means_503_and_the_workers_make_room_again():
    """No journal, noeviction, 600 KB of room, nothing kept: 503 while full, workers that join trim, 0 of the 200s lost.

    Trimming what is done frees memory: with nothing kept, a full Redis is emptied by starting the workers, also when no
    worker was there before and the group is still to be made."""
    # Without marks: they stay for minutes, and here the stream is what is to fill Redis.
    with World(server=dict(SERVER, DEDUPE_WINDOW_MINUTES=0, REPLAY_SECONDS=0),
               worker=dict(TWO_ATTEMPTS, STREAM_KEEP_MINUTES=0, REPLAY_SECONDS=0)) as world:
        # Redis keeps 25 KB of statistics for each command it has ever run; that is not what is to fill it.
        world.worker("before")
        world.send(world.sim.burst(shops=2, orders=20, events=20, first_number=1000))
        world.settle()
        world.stop_workers()
        world.redis.client.delete(LIVE, BULK)
        fill(world, 600_000)
        with Load(world, world.sim.burst(shops=2, orders=600, events=2400), rate=2000) as load:
            wait_for("503s", lambda: world.server.metric('shopstream_server_unavailable_total{reason="redis_error"}') > 0, 20)
            world.worker()
            world.worker()
            counts = load.finish(statuses=[200, 503])
            check(counts.get(503, 0) > 0, "Redis was not full: %s" % counts)
        # What was parked meanwhile waits for Redis to fall below its low mark, and so little memory is mostly its own.
        wait_for("every entry finished", lambda: sum(world.group()) == 0, 60)
        world.redis.client.config_set("maxmemory", "1gb")
        world.settle()
        check(total(world, "shopstream_worker_entries_trimmed_total") > 0, "nothing was trimmed")
        check_nobody_blamed(world)
        world.check(entries=False)


def case_redis_full_lets_workers_drain_and_goes_on_when_memory_is_raised():
    """No journal, noeviction, no room at all, nothing trimmed: workers start and finish, a refused dead letter waits and
    arrives once memory is raised, 0 lost.

    Also a dead letter that Redis refuses for lack of memory is not lost: its entry waits."""
    with World(server=SERVER, worker=dict(TWO_ATTEMPTS, STREAM_KEEP_MINUTES=60)) as world:
        world.worker()
        world.send(world.sim.burst(shops=2, orders=50, events=100))
        world.settle()
        world.add_entry(v="1", kind="order", id="7", padding="x" * 20000)
        wait_for("its dead letter", lambda: len(world.dead()) == 1)
        world.stop_workers()
        world.send(world.sim.burst(shops=2, orders=300, events=300, seed=2))
        world.add_entry(v="1", kind="order", id="8", padding="x" * 20000)
        fill(world, 0)
        with Load(world, world.sim.burst(shops=2, orders=300, events=600, seed=3), rate=2000) as load:
            wait_for("503s", lambda: world.server.metric('shopstream_server_unavailable_total{reason="redis_error"}') > 0, 20)
            late = world.worker()  # its heartbeat cannot be set: it has to start all the same
            wait_for("only the refused dead letter", lambda: world.group()[0] == 0 and len(pending(world)) == 1, 30)
            check_equal(world.dead(), [("bad_payload", "7")], "dead letters while Redis is full")
            check(late.ready(), "a worker is ready while Redis is full")
            world.redis.client.config_set("maxmemory", "1gb")
            counts = load.finish(statuses=[200, 503])
            check(counts.get(503, 0) > 0, "Redis was not full: %s" % counts)
        world.settle()
        check_equal(counted_attempts(world), 0, "attempts counted")
        world.expected_dead = [("bad_payload", "7"), ("bad_payload", "8")]
        world.check()


shared_mongo()
run_cases(globals(), width=2)
