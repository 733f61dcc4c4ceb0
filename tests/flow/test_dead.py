#!/usr/bin/python3
"""Dead letters: found by filter, counted by sort, replayed with all attempts new, given up on the record."""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from stack import check, check_equal, run_cases, wait_for
from world import LIVE, World

DEAD = LIVE + ":dead"
DISCARDED = LIVE + ":discarded"


def from_json(done):
    return json.loads(done.stdout)


def bury(world, count, **fields):
    """Entries no version can read: dead letters of class bad_payload."""
    before = len(world.dead_letters())
    for number in range(count):
        world.add_entry(v="1", platform="tiktok", topic="1", kind="order", id=str(number), **{"shop": "7", **fields})
    wait_for("%d more dead letters" % count, lambda: len(world.dead_letters()) == before + count)


def poisoned(world):
    """A document the marketplace refuses to serve until the fault is healed: class rejected."""
    changed = world.change(0, 0, send=False)
    other = world.change(0, 1, send=False)
    fault = world.sim.fault("poison", shop=0, number=0)
    world.send(changed["push"], other["push"])
    wait_for("the dead letter", lambda: world.dead_letters())
    return changed, fault


def case_a_letter_is_replayed_with_all_attempts_new_and_becomes_its_document():
    with World(shops=1) as world:
        world.worker("w")
        changed, fault = poisoned(world)
        first = world.redis.client.xrange(DEAD)[0]
        done = from_json(world.ctl("dead", "replay", "--all", "--json", status=1))
        check_equal((done["dry_run"], done["matched"], done["done"]), (True, 1, 0), "a dry run by default")
        check_equal(len(world.dead_letters()), 1, "and nothing has moved")
        world.ctl("dead", "replay", "--class", "rejected", "--yes")
        wait_for("the letter to come back", lambda: [i for i, _ in world.redis.client.xrange(DEAD) if i != first[0]])
        again = world.redis.client.xrange(DEAD)[0][1]
        text = {k.decode(): v.decode() for k, v in again.items()}
        check_equal((text["_replay"], text["_origin"]), ("1", first[1][b"_id"].decode()), "lives and first id")
        check_equal(text["_tries"], first[1][b"_tries"].decode(), "a replayed event has all its attempts")
        world.sim.heal(fault)
        world.ctl("dead", "replay", "--shop", changed["shop_id"], "--since", "1h", "--yes")
        world.settle()
        check(world.order(changed) is not None, "the document")
        check_equal(world.dead_letters(), [], "no letter is left")
        world.check()


def case_letters_are_filtered_counted_by_sort_and_nothing_is_done_without_a_condition():
    with World(shops=1) as world:
        world.worker("w")
        bury(world, 3, shop="7")
        bury(world, 2, shop="8")
        check_equal(len(from_json(world.ctl("dead", "list", "--shop", "8", "--json", status=1))), 2, "of one shop")
        groups = from_json(world.ctl("dead", "list", "--group", "--json", status=1))
        check_equal(sorted((g["class"], g["platform"], g["shop"], g["count"]) for g in groups),
                    [("bad_payload", "tiktok", "7", 3), ("bad_payload", "tiktok", "8", 2)], "sorts")
        check("5 dead letter(s)" in world.ctl("dead", "list", "--group", status=1).stdout, "the table's sum")
        check_equal(from_json(world.ctl("dead", "list", "--until", "1h", "--json")), [], "none is an hour old")
        check_equal(from_json(world.ctl("dead", "list", "--class", "crash", "--json")), [], "another class")
        for verb in ("replay", "discard"):
            for arguments in ((), ("--yes",), ("--shop",), ("--shop", ""), ("--since", "yesterday"), ("--sohp", "7"),
                              ("--all", "--rate", "0"), ("--all", "--reason", "")):
                done = world.ctl("dead", verb, *arguments, status=2)
                check(done.stderr.startswith("shopstreamctl: "), "%s %s: %r" % (verb, arguments, done.stderr))
        check("--reason" in world.ctl("dead", "discard", "--all", "--yes", status=2).stderr, "discard wants a reason")
        check_equal(len(world.dead_letters()), 5, "nothing has moved")


def case_what_is_discarded_stays_on_record_with_the_reason():
    with World(shops=1) as world:
        world.worker("w")
        bury(world, 3)
        letters = world.redis.client.xrange(DEAD)
        world.ctl("dead", "discard", letters[0][0].decode(), "--reason", "a test shop", "--yes")
        check_equal([i for i, _ in world.redis.client.xrange(DEAD)], [i for i, _ in letters[1:]], "one is gone")
        (_, kept), = world.redis.client.xrange(DISCARDED)
        for name, value in letters[0][1].items():
            check_equal(kept[name], value, "field %s is kept" % name)
        check_equal(kept[b"_reason"], b"a test shop", "the reason")
        check(b"@" in kept[b"_discarded_by"] and int(kept[b"_discarded_at"]) > 0, "who and when")
        done = from_json(world.ctl("dead", "discard", "--all", "--reason", "clearing", "--yes", "--json"))
        check_equal((done["matched"], done["done"]), (2, 2), "the others")
        check_equal(len(world.redis.client.xrange(DISCARDED)), 3, "all on record")


def case_a_full_redis_refuses_a_replay_and_the_letter_stays():
    with World(shops=1) as world:
        world.worker("w")
        bury(world, 2)
        world.stop_workers()
        world.redis.client.config_set("maxmemory-policy", "noeviction")
        world.redis.client.config_set("maxmemory", 1)
        done = world.ctl("dead", "replay", "--all", "--yes", status=3)
        check("OOM" in done.stderr, "the reason: %r" % done.stderr)
        world.redis.client.config_set("maxmemory", 0)
        check_equal(len(world.dead_letters()), 2, "both stay")
        world.ctl("dead", "replay", "--all", "--yes")
        check_equal(len(world.dead_letters()), 0, "both replayed once there is room")
        world.worker("w")
        wait_for("them to be buried again", lambda: len(world.dead_letters()) == 2)


def case_replay_keeps_its_pace():
    with World(shops=1) as world:
        world.worker("w")
        bury(world, 20)
        world.stop_workers()
        world.ctl("dead", "replay", "--all", "--yes", "--rate", "40")
        times = [int(i.split(b"-")[0]) for i, _ in world.redis.client.xrange(LIVE)[-20:]]
        check(times[-1] - times[0] >= 19 * 1000 // 40 - 30, "20 letters at 40 a second took %d ms" % (times[-1] - times[0]))


if __name__ == "__main__":
    run_cases(globals())
