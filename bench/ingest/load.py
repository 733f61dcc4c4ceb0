"""One round of a contender: its own Redis, a warm-up, the load, and what that cost.

The warm-up connects, fills caches and allocators, lets a compiler compile, and tells how many webhooks make a round of the wished
length. Ids never repeat, so nothing of it has to be forgotten."""

import http.client
import os

import stack
from ingest.sender import Sender
from lib import measure

# The limit only: what is not used is not taken. With the packaged 1 GiB the server would begin to spare Redis at large bodies.
os.environ.setdefault("SHOPSTREAM_REDIS_MAXMEMORY", "6gb")
# A rewrite of the file would fall into some rounds and not into others.
REDIS = ("--auto-aof-rewrite-percentage", "0")
WARM_UP = 3000  # requests
FIRST = 1000000  # number of the first measured webhook
LIST_BYTES = 400 << 20  # memory the sender may take for its list


def length(quick):
    """Seconds of a round."""
    return 1.0 if quick else 2.5


def driver_redis(*arguments):
    """A Redis on the driver's core."""
    redis = stack.Redis(*REDIS, *arguments)
    try:
        measure.pin(redis.pid, measure.DRIVER_CORE)
    except BaseException:
        redis.close()
        raise
    return redis


def count_for(rate, seconds, size, connections):
    wished = int(rate * seconds)
    return max(2 * connections, 500, min(wished, LIST_BYTES // (size + 300)))


def figures_of(count, summary, used, memory):
    """Times in ms, CPU in µs a request. redis is left out where none was asked."""
    latency = summary["latency_us"]
    cpu = used["contender"] / count * 1e6
    found = {
        "cpu": cpu, "per_core": 1e6 / cpu if cpu else None, "rate": summary["requests_per_s"], "rss": memory,
        "p50": latency["p50"] / 1000, "p99": latency["p99"] / 1000, "p999": latency["p99.9"] / 1000,
        "own_core": used["contender_core"], "driver_core": used["driver_core"], "others": used["others_percent"],
    }
    if "redis" in used:
        found["redis"] = used["redis"] / count * 1e6
    return found


def send(target, redis, count, **how):
    """Sends and measures; redis: None while there is none."""
    with Sender(target, count, **how) as sender:
        readers = {"contender": target.cpu}
        if redis and target.stores:
            readers["redis"] = lambda: measure.cpu_of(redis.pid)
        meter = measure.Meter(**readers)
        listing = sender.cpu()
        summary = sender.run()
        used = meter.stop(listing)
        return figures_of(count, summary, used, target.memory())


def warm_up(target, size=1024, connections=64, keep_alive=True, first=0):
    """Requests a second, roughly."""
    if target.compiles:
        with Sender(target, target.compiles, first=first + WARM_UP) as sender:
            sender.run()
    with Sender(target, WARM_UP, size=size, connections=connections, keep_alive=keep_alive, first=first) as sender:
        return sender.run()["requests_per_s"]


def check_verifies(target):
    """A contender that lets a forged webhook in would be compared for less work than it claims."""
    c = http.client.HTTPConnection("127.0.0.1", target.port, timeout=10)
    try:
        c.request("POST", target.path, b'{"forged":true}', {"Content-Type": "application/json", "Authorization": "0" * 64})
        stack.check_equal(c.getresponse().status, 401, "answer to a forged webhook")
    finally:
        c.close()


def round_of(make, quick, redis_arguments=(), size=1024, connections=64, keep_alive=True, rate=None):
    """make(redis) is the contender. Closed loop, or open loop at rate."""
    with driver_redis(*redis_arguments) as redis, make(redis) as target:
        if target.verifies:
            check_verifies(target)
        expected = warm_up(target, size, connections, keep_alive)
        stored = redis.client.xlen(target.stream)
        count = count_for(rate or expected, length(quick), size, connections)
        figures = send(target, redis, count, size=size, connections=connections, keep_alive=keep_alive, rate=rate, first=FIRST)
        if target.stores:
            stack.check_equal(redis.client.xlen(target.stream) - stored, count, "entries stored")
        return figures
