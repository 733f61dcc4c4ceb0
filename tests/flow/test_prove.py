#!/usr/bin/python3
"""prove: every event has an end, and what has none is found."""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from stack import check, check_equal, run_cases, wait_for
from world import BULK, GROUP, LIVE, World, text


def proof(world, status=0, *arguments):
    return json.loads(world.ctl("prove", "--json", *arguments, status=status).stdout)


def ends(found):
    return {name: count for name, count in found["ends"].items() if count}


def live(found):
    return next(s for s in found["streams"] if s["stream"] == LIVE)


def settled_world(world, orders=5):
    world.worker("w")
    for number in range(orders):
        world.change(0, number)
    world.settle()


def case_a_burst_is_proven_and_agrees_with_the_truth():
    with World(shops=3) as world:
        world.worker("w")
        world.worker("x")
        world.send(*world.sim.burst(shops=3, orders=200, events=1000, duplicates=0.2, reorder=0.5))
        world.send(world.sim.push(type=13, shop=0, data={"a": 1}))  # kept raw
        world.settle()
        found = proof(world)
        check_equal(found["ends"]["lost"], 0, "lost")
        check_equal(set(ends(found)), {"reflected", "raw"}, "ends")
        entries = world.redis.client.xlen(LIVE) + world.redis.client.xlen(BULK)
        check_equal(sum(found["ends"].values()), entries, "every entry has one")
        check("proven: every event has an end" in world.ctl("prove").stdout, "the screen")
        world.check()


def case_a_deleted_document_is_found():
    with World(shops=1) as world:
        settled_world(world)
        gone = world.db.orders.find_one({})
        world.db.orders.delete_one({"_id": gone["_id"]})
        found = proof(world, 1)
        check_equal((found["ends"]["lost"], found["proven"]), (1, False), "one is lost")
        check(gone["_id"] in found["losses"][0]["entity"], "it is named: %r" % found["losses"])
        check("LOST" in world.ctl("prove", status=1).stdout, "on the screen too")


def case_an_event_acknowledged_without_being_written_is_found():
    with World(shops=1) as world:
        settled_world(world)
        world.stop_workers()
        world.change(0, 99)
        (_, entries), = world.redis.client.xreadgroup(GROUP, "thief", {LIVE: ">"})
        world.redis.client.xack(LIVE, GROUP, entries[0][0])
        found = proof(world, 1)
        check_equal([loss["id"] for loss in found["losses"]], [text(entries[0][0])], "the one that was acknowledged")


def case_a_letter_hides_no_loss_of_its_entity_that_came_later():
    with World(shops=1) as world:
        world.worker("w")
        fault = world.sim.fault("poison", shop=0, number=0)
        world.send(*[world.sim.change(0, number)["push"] for number in (0, 1)])  # the second one shows that its shop is well
        wait_for("a dead letter", lambda: len(world.dead_letters()) == 1)
        world.settle()
        check_equal(ends(proof(world)), {"reflected": 1, "dead": 1}, "before")
        world.sim.heal(fault)
        world.stop_workers()
        world.change(0, 0)
        (_, entries), = world.redis.client.xreadgroup(GROUP, "thief", {LIVE: ">"})
        stolen = [text(id) for id, _ in entries]
        world.redis.client.xack(LIVE, GROUP, *stolen)
        found = proof(world, 1)
        check_equal([loss["id"] for loss in found["losses"]], stolen, "those acknowledged behind a dead letter")
        check_equal(ends(found), {"reflected": 1, "dead": 1, "lost": len(stolen)}, "ends")
        world.ctl("dead", "discard", "--all", "--reason", "a test", "--yes")
        check_equal(ends(proof(world, 1)), {"reflected": 1, "discarded": 1, "lost": len(stolen)}, "behind a discarded one")


def case_what_waits_for_its_shop_is_parked_also_when_its_letter_is_all_that_is_left():
    with World(shops=1, register=False) as world:
        world.worker("w")
        world.change(0, 0)
        wait_for("a need", lambda: world.needs() == 1)
        world.settle()
        check_equal(ends(proof(world)), {"parked": 1}, "while it waits")
        world.sim.fault("poison", shop=0, number=0)
        world.put_shops()
        wait_for("its letter", lambda: len(world.dead_letters()) == 1)
        world.settle()
        check_equal(ends(proof(world)), {"dead": 2}, "the event, and the entry that came back for it")
        world.ctl("dead", "discard", "--all", "--reason", "a test", "--yes")
        check_equal(ends(proof(world)), {"discarded": 2}, "given up")


def case_entries_trimmed_before_they_were_read_are_found():
    with World(shops=1) as world:
        settled_world(world)
        world.stop_workers()
        for number in range(10, 14):
            world.change(0, number)
        world.redis.client.xtrim(LIVE, maxlen=1, approximate=False)
        found = proof(world, 1)
        check_equal(live(found)["trimmed_unread"], 3, "three were cut off unread")
        check_equal(ends(found), {"pending": 1}, "one is left")


def case_a_group_that_counts_wrongly_makes_nothing_look_trimmed_unread():
    """Crashes leave Redis with a wrong count of what a group has read; what the workers have trimmed is counted beside it."""
    with World(shops=1, server={"REPLAY_SECONDS": 0}, worker={"STREAM_KEEP_MINUTES": 0, "REPLAY_SECONDS": 0}) as world:
        world.redis.client.config_set("stream-node-max-entries", 2)
        settled_world(world, orders=30)
        wait_for("trimming", lambda: world.redis.client.xlen(LIVE) < 10, 30)
        world.stop_workers()
        group = world.redis.client.xinfo_groups(LIVE)[0]
        world.redis.client.execute_command("XGROUP", "SETID", LIVE, GROUP, group["last-delivered-id"], "ENTRIESREAD", 1)
        check_equal(live(proof(world))["trimmed_unread"], 0, "the workers trimmed what they had finished")
        for number in range(10, 14):
            world.change(0, number)
        world.redis.client.xtrim(LIVE, maxlen=1, approximate=False)
        check(live(proof(world, 1))["trimmed_unread"] >= 3, "what was cut off by hand is found all the same")


def case_a_flushed_stream_is_found():
    with World(shops=1, server={"REPLAY_SECONDS": 0}) as world:  # its ring would put back what is taken away here
        settled_world(world, orders=5)
        proof(world)
        world.stop_workers()
        world.redis.client.flushall()
        world.change(0, 50)
        found = proof(world, 1)
        check_equal((live(found)["fell"], live(found)["fell_by"], live(found)["no_group"]), (True, 4, True), "it fell")
        world.worker("w")
        world.settle()
        check_equal(ends(proof(world)), {"reflected": 1}, "told once, then proven from there on")


def case_pending_dead_discarded_and_replayed_are_ends():
    with World(shops=1) as world:
        settled_world(world, orders=2)
        for number in range(3):
            world.add_entry(v="1", platform="tiktok", shop="7", topic="1", kind="order", id=str(number))
        wait_for("dead letters", lambda: len(world.dead_letters()) == 3)
        first, second, third = [text(i) for i, _ in world.redis.client.xrange(LIVE + ":dead")]
        world.ctl("dead", "discard", first, "--reason", "a test", "--yes")
        world.ctl("dead", "replay", second, "--yes")  # dies again, as itself
        wait_for("the replayed one to be buried again", lambda: len(world.dead_letters()) == 2)
        world.settle()
        world.stop_workers()
        world.change(0, 60)  # nobody reads it
        check_equal(ends(proof(world)), {"reflected": 2, "dead": 2, "discarded": 1, "replayed": 1, "pending": 1}, "ends")


def case_pending_entries_without_a_body_are_found():
    with World(shops=1) as world:
        settled_world(world)
        world.stop_workers()
        world.change(0, 70)
        (_, entries), = world.redis.client.xreadgroup(GROUP, "w-0", {LIVE: ">"})
        world.redis.client.xdel(LIVE, entries[0][0])
        check_equal(live(proof(world, 1))["pending_without_body"], 1, "delivered, not acknowledged, and gone")


def case_a_tombstone_is_an_end_and_a_time_limits_the_walk():
    with World(shops=1) as world:
        settled_world(world)
        world.db.orders.update_many({}, {"$set": {"deleted_at": "2026-01-01T00:00:00+07:00"}})
        check_equal(ends(proof(world)), {"gone": 5}, "gone")
        check_equal(proof(world, 0, "--since", "1h")["ends"]["gone"], 5, "within the hour")
        for arguments in (("--since",), ("--since", "soon"), ("all",)):
            world.ctl("prove", *arguments, status=2)


def case_nothing_is_proven_without_redis_or_mongo():
    with World(shops=1) as world:
        settled_world(world)
        world.ctl("prove", status=3, settings={"MONGO_URI": "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=300"})
        done = world.ctl("prove", status=3, settings={"REDIS_URL": "redis://127.0.0.1:1"})
        check("nothing is proven" in done.stderr, "the reason: %r" % done.stderr)


if __name__ == "__main__":
    run_cases(globals())
