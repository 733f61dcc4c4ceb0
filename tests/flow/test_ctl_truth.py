#!/usr/bin/python3
"""shopstreamctl says only what it knows: what Redis refuses is no zero, partitions are one list, a terminal sees plain text."""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from stack import check, check_equal, run_cases  # noqa: E402
from world import World  # noqa: E402

DEAD = ("webhooks:{0}:dead", "webhooks:{1}:dead")
TWO = {"STREAM_PARTITIONS": 2}


def bury(world, partition, ms, **fields):
    dead_id = "%d-0" % ms
    world.redis.client.xadd(DEAD[partition], {"_class": "rejected", "_err": "no", **fields}, id=dead_id)
    return dead_id


def refused(world, command, *arguments):
    world.redis.client.execute_command("ACL", "SETUSER", "default", "-" + command)
    try:
        done = world.ctl(*arguments, status=3)
        check("NOPERM" in done.stderr, "%s: the reason: %r" % (command, done.stderr))
        return done
    finally:
        world.redis.client.execute_command("ACL", "SETUSER", "default", "+" + command)


def case_dead_letters_of_all_partitions_are_one_list_newest_first():
    with World(shops=1, server=None) as world:
        ids = [bury(world, at % 2, 1000 + at, id=str(at)) for at in range(6)]
        rows = json.loads(world.ctl("dead", "list", "--json", settings=TWO, status=1).stdout)
        check_equal([row["dead_id"] for row in rows], ids[::-1], "newest first")
        rows = json.loads(world.ctl("dead", "list", "--limit", "3", "--json", settings=TWO, status=1).stdout)
        check_equal([row["dead_id"] for row in rows], ids[:2:-1], "the newest three of both")
        check_equal(json.loads(world.ctl("dead", "show", ids[1], "--json", settings=TWO).stdout)["id"], "1", "shown")


def case_what_redis_refuses_is_unreachable_and_not_nothing():
    with World(shops=1) as world:
        world.change(0, 0)
        dead_id = bury(world, 0, 1000)
        refused(world, "xrevrange", "dead", "list")
        refused(world, "xrange", "dead", "show", dead_id)
        world.ctl("dead", "show", "nonsense", status=2)
        for command in ("xlen", "xinfo", "xpending", "scan"):
            done = refused(world, command, "status", "--json")
            found = json.loads(done.stdout)
            check_equal((found["redis"]["up"], found["findings"].count("no worker is alive")), (False, 0), command)
        check("worker lanes alive: unknown" in refused(world, "xlen", "status").stdout, "nobody counted the workers")


def case_outside_text_does_not_drive_the_terminal():
    with World(shops=1, server=None) as world:
        dead_id = bury(world, 0, 1000, **{"shop": "\x1b[31m", "id": "\u009b31m", "topic": "\x9b".encode("latin-1"),
                                         "\x1b]0;x\x07": "1", "kind": "Türe"})
        world.redis.client.set("webhooks:{0}:worker:\x1b[2J", "pid=1 \x1b[2J")
        for printed in (world.ctl("dead", "list", status=1).stdout, world.ctl("dead", "show", dead_id).stdout,
                        world.ctl("status", status=1).stdout):
            check(not any(c in printed for c in "\x1b\x07\u009b"), "controls: %r" % printed)
        check("Türe" in world.ctl("dead", "show", dead_id).stdout, "text stays text")


if __name__ == "__main__":
    run_cases(globals())
