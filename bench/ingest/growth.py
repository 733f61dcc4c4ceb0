"""Does a webhook cost the same when much is stored already, or when it is large?"""

from ingest import load
from lib import measure

EVENTS = (10000, 100000, 1000000)
WINDOW = 30000  # events whose cost is measured after each of EVENTS
CHUNK = 150000  # events a sender has in memory at once
SMALL = 256     # bytes, so that a million fit into the memory of a small machine
BODIES = {"256 B": 256, "1 KiB": 1024, "4 KiB": 4096, "16 KiB": 16384, "64 KiB": 65536}


def fill(target, redis, at, until):
    """Stores events until there are so many; returns how many there are."""
    while at < until:
        count = min(CHUNK, until - at)
        load.send(target, redis, count, size=SMALL, first=load.FIRST + at)
        at += count
    return at


def events_round(make, quick):
    """One server and one Redis all along. --quick ends a power of ten earlier."""
    found, at = {}, 0
    with load.driver_redis() as redis, make(redis) as target:
        load.warm_up(target, SMALL)
        for events in EVENTS[:-1] if quick else EVENTS:
            at = fill(target, redis, at, events)
            figures = load.send(target, redis, WINDOW, size=SMALL, first=load.FIRST + at)
            at += WINDOW
            found.update({"cpu_%d" % events: figures["cpu"], "redis_%d" % events: figures["redis"],
                          "rss_%d" % events: measure.resident(target.pid)})
    return found


def body_round(make, quick, size):
    figures = load.round_of(make, quick, size=size)
    figures["cpu_kib"] = figures["cpu"] / (size / 1024)
    return figures
