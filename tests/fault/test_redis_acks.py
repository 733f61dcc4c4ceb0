#!/usr/bin/python3
"""Redis lets a worker read and refuses its acks, as when connections run out: what is owed must stay bounded."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from stack import check, run_cases, wait_for  # noqa: E402
from world import GROUP, LIVE, World  # noqa: E402

BOUND = 100


def case_nothing_new_is_read_while_acks_are_owed():
    """READ_MAX_ENTRIES 100, XACK refused for 4 s, 600 events: never more than 100 entries held; everything acked and equal
    to the marketplace afterwards."""
    with World(shops=1, worker={"READ_MAX_ENTRIES": BOUND, "READ_COUNT": 50, "WORKER_THREADS": 1}) as world:
        world.redis.client.execute_command("ACL", "SETUSER", "default", "-xack")
        try:
            world.worker()
            world.send(world.sim.burst(shops=1, orders=600, events=600))
            wait_for("the first documents", lambda: world.db.orders.count_documents({}) > 0)
            time.sleep(4)  # several pauses: each turn used to read more
            pending = world.redis.client.xpending(LIVE, GROUP)["pending"]
            check(pending <= BOUND, f"{pending} entries are held, the bound is {BOUND}")
        finally:
            world.redis.client.execute_command("ACL", "SETUSER", "default", "+xack")
        world.settle()
        world.check()


if __name__ == "__main__":
    run_cases(globals())
