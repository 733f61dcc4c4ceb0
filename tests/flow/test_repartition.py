#!/usr/bin/python3
"""The number of partitions changes while everything runs: no event is lost, none is left stale, nothing is started anew."""

import concurrent.futures
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from load import Load  # noqa: E402
from stack import *  # noqa: E402,F403
from world import *  # noqa: E402,F403

LAYOUT = "webhooks:layout"
SHOPS = 24


def live(partition):
    return "webhooks:{%d}" % partition


def layout(world):
    """(in use, most ever used), or None."""
    found = re.fullmatch(r"in_use=(\d+) most=(\d+)", text(world.redis.client.get(LAYOUT) or b""))
    return found and (int(found.group(1)), int(found.group(2)))


def used(world):
    """Live streams with entries."""
    return [p for p in range(world.partitions()) if world.redis.client.xlen(live(p)) > 0]


def repartition(world, count, *more, status=0):
    done = world.ctl("repartition", str(count), *more, status=status)
    if status == 0:
        for program in [world.server] + world.workers:
            if program.process.poll() is None:
                side = "server" if program is world.server else "worker"
                wait_for("%s to follow" % program.name,
                         lambda: program.metric("shopstream_%s_partitions" % side) == count, 15)
    return done


def burst(world, orders, events):
    return world.sim.burst(shops=SHOPS, orders=orders, events=events, duplicates=0.1, reorder=0.3, same_second=0.1, address=0.05)


def case_grows_and_shrinks_under_load():
    settings = {"STREAM_PARTITIONS": 4}
    with World(shops=SHOPS, server=settings, worker=dict(settings, WORKER_THREADS=2)) as world:
        for name in "abc":
            world.worker(name)
        check_equal(layout(world), (4, 4), "layout at the start")
        with Load(world, burst(world, 400, 4000), rate=200) as load:
            wait_for("the first events", lambda: world.db.orders.count_documents({}) > 20, 60)
            told = repartition(world, 16).stdout
            check("4 in use" in told and "16 in use" in told, "before and after: %s" % told)
            wait_for("events in new partitions", lambda: any(p >= 4 for p in used(world)), 30)
            told = repartition(world, 2).stdout
            check("Partitions 2 to 15" in told, "what becomes of the others: %s" % told)
            check(load.running(), "the load ended before the changes")
            before = {p: world.redis.client.xinfo_stream(live(p))["last-generated-id"] for p in used(world) if p >= 2}
            load.finish(seconds=180)
        after = {p: world.redis.client.xinfo_stream(live(p))["last-generated-id"] for p in before}
        check_equal(layout(world), (2, 16), "layout at the end")
        check(len([p for p in before if p >= 4]) > 3, "partitions used between the two: %s" % sorted(before))
        check_equal(after, before, "last entries of partitions that are out of use")
        world.settle(120)
        world.check()
        check_equal([f for f in json.loads(world.ctl("status", "--json", status=None).stdout)["findings"] if "layout" in f], [],
                    "findings about the layout")


def case_both_kinds_of_program_started_with_another_setting_keep_the_layout_and_say_so():
    with World(shops=SHOPS, server={"STREAM_PARTITIONS": 4}, worker={"STREAM_PARTITIONS": 4}) as world:
        world.worker("a")
        repartition(world, 2)
        world.workers[0].stop(60)
        world.server.stop(60)
        world.start_server({"STREAM_PARTITIONS": 7})
        world.server.wait_log("STREAM_PARTITIONS differs from webhooks:layout.*setting=7 in_use=2")
        worker = world.worker("a", STREAM_PARTITIONS=9)
        worker.wait_log("STREAM_PARTITIONS differs from webhooks:layout.*setting=9 in_use=2")
        world.send(burst(world, 60, 200))
        check_equal(layout(world), (2, 4), "layout")
        check(set(used(world)) <= {0, 1}, "partitions used: %s" % used(world))
        check_equal(worker.metric("shopstream_worker_partitions_most"), 4, "partitions the worker reads")
        shown = world.ctl("status", status=None, settings={"STREAM_PARTITIONS": 7}).stdout
        check("partitions in use: 2, most ever used: 4" in shown and "STREAM_PARTITIONS is 7 here" in shown, "status: %s" % shown)
        world.settle()
        world.check()


def case_a_flushed_redis_gets_the_layout_back_and_no_partition_is_forgotten():
    settings = {"STREAM_PARTITIONS": 2}
    with World(shops=SHOPS, server=settings, worker=settings) as world:
        world.worker("a")
        repartition(world, 12)
        repartition(world, 3)
        world.send(burst(world, 60, 200))
        world.settle()
        world.redis.client.flushall()
        wait_for("the layout to come back", lambda: layout(world) == (3, 12))
        world.send(burst(world, 60, 200))
        world.settle()
        wait_for("the layout to stay", lambda: layout(world) == (3, 12))
        world.check(entries=False, prove=False)


def case_what_the_journal_holds_keeps_its_partition():
    with World(shops=SHOPS, server=None, worker={"STREAM_PARTITIONS": 1}) as world:
        settings = {"STREAM_PARTITIONS": 8, "JOURNAL_DIR": os.path.join(world.directory, "journal")}
        world.start_server(settings)
        world.redis.freeze()
        world.send(burst(world, 40, 120))
        check(world.server.metric("shopstream_server_journal_records") > 0, "nothing in the journal")
        world.server.signal(9)
        world.server.wait()
        world.redis.thaw()
        # Another Redis, as it were: it knows of one partition, and so does everybody who comes.
        world.redis.client.flushall()
        world.worker("a")
        check_equal(layout(world), (1, 1), "layout made by the worker")
        world.start_server(dict(settings, STREAM_PARTITIONS=1))
        wait_for("the journal to be drained", lambda: world.server.metric("shopstream_server_journal_records") == 0, 30)
        wait_for("partitions of old entries to be on record", lambda: layout(world)[1] > 4, 10)
        check_equal(layout(world)[0], 1, "partitions in use")
        check(len(used(world)) > 3, "the entries keep the partitions they were given: %s" % used(world))
        wait_for("the worker to read them", lambda: world.workers[0].metric("shopstream_worker_partitions_most") == world.partitions())
        world.settle()
        world.check()


def case_a_dead_letter_is_replayed_into_the_partition_it_came_from():
    settings = {"STREAM_PARTITIONS": 16}
    with World(shops=SHOPS, server=settings, worker=settings) as world:
        world.worker("a")
        changed = [world.sim.change(shop, 0) for shop in range(8)]
        faults = [world.sim.fault("poison", shop=shop, number=0) for shop in range(8)]
        world.send([c["push"] for c in changed])
        wait_for("dead letters", lambda: len(world.dead()) == len(changed), 60)
        world.settle()
        places = {p: world.redis.client.xlen(live(p) + ":dead") for p in range(16) if world.redis.client.xlen(live(p) + ":dead")}
        check(any(p >= 2 for p in places), "the letters are all in partitions that stay in use: %s" % places)
        repartition(world, 2)
        for fault in faults:
            world.sim.heal(fault)
        check_equal(len(json.loads(world.ctl("dead", "list", "--json", status=1).stdout)), len(changed), "letters listed")
        before = {p: world.redis.client.xinfo_stream(live(p))["entries-added"] for p in places}
        world.ctl("dead", "replay", "--all", "--yes")
        added = {p: world.redis.client.xinfo_stream(live(p))["entries-added"] - before[p] for p in places}
        check_equal(added, places, "entries added by the replay")
        world.settle()
        world.check()


def case_two_people_at_once_and_nonsense():
    with World(shops=2, server={"STREAM_PARTITIONS": 2}, worker={"STREAM_PARTITIONS": 2}) as world:
        world.worker("a")
        counts = list(range(3, 11))
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            told = list(pool.map(lambda n: json.loads(world.ctl("repartition", str(n), "--json").stdout), counts))
        check_equal(layout(world)[1], max(counts), "the most ever used")
        # Each change saw what another had made: from the first to the last they are one chain.
        befores, nows = sorted(t["before"]["in_use"] for t in told), sorted(t["now"]["in_use"] for t in told)
        check_equal(nows, counts, "changes")
        check_equal(befores, sorted({2, *counts} - {layout(world)[0]}), "what they changed")
        was = layout(world)
        for nonsense in ("0", "257", "-1", "4x", "", " 4", "1e2", "99999999999999999999"):
            refused = world.ctl("repartition", nonsense, status=2)
            check("from 1 to 256" in refused.stderr, "refusal of %r: %s" % (nonsense, refused.stderr))
        world.ctl("repartition", "4", "5", status=2)
        check_equal(layout(world), was, "layout after nonsense")
        shown = world.ctl("repartition").stdout
        check("%d in use, %d the most" % was in shown, "shown: %s" % shown)


def case_a_broken_record_stops_nothing_and_everybody_says_so():
    settings = {"STREAM_PARTITIONS": 3}
    with World(shops=8, server=settings, worker=settings) as world:
        worker = world.worker("a")
        for broken in (lambda: world.redis.client.set(LAYOUT, "four"),
                       lambda: (world.redis.client.delete(LAYOUT), world.redis.client.rpush(LAYOUT, "4"))):
            broken()
            wait_for("the server to see it", lambda: world.server.metric("shopstream_server_layout_unreadable") == 1)
            wait_for("the worker to see it", lambda: worker.metric("shopstream_worker_layout_unreadable") == 1)
            refused = world.ctl("repartition", "8", status=2).stderr
            check("nothing was changed: webhooks:layout is not readable" in refused, "repartition: %s" % refused)
            check("webhooks:layout is not readable" in world.ctl("status", status=1).stdout, "status does not tell")
            world.ctl("prove", status=2)
            world.ctl("dead", "list", status=2)
            check_equal(world.server.metric("shopstream_server_partitions"), 3, "partitions in use")
            world.redis.client.delete(LAYOUT)
            wait_for("the record to come back", lambda: layout(world) == (3, 3))
            wait_for("both to have read it", lambda: world.server.metric("shopstream_server_layout_unreadable") == 0
                     and worker.metric("shopstream_worker_layout_unreadable") == 0)
        world.send(world.sim.burst(shops=8, orders=20, events=60))
        world.settle()
        world.check()
        check_equal(world.server.log().count("webhooks:layout is not readable, the partitions stay"), 2, "lines of the server")


if __name__ == "__main__":
    run_cases(globals())
