"""Redis alone, by redis-benchmark: the entry the product stores, and what its mark costs. Before anybody adds to it."""

import subprocess

import stack
from ingest import load
from lib import measure

ENTRY = ("v", "1", "platform", "tiktok", "shop", "7496000011234567890", "topic", "1", "kind", "order", "id", "570000000000000001",
         "event_ms", "1767704400000", "recv_ms", "1767704407000", "key", "7380066284010030890", "src", "webhook",
         "trace", "4f1d8c02b7e94a664f1d8c02b7e94a66", "body", "x" * 1024)


MARK = "webhooks:{0}:seen:7380066284__rand_int__:order:570000000000000001"  # as long as a real one; redis-benchmark fills it in
ID = "1767704407000-0"
XADD = ("XADD", "s", "*", *ENTRY)
XADD_BODY = ("XADD", "s", "*", "body", "x" * 1024)
GET, SET, SET_FOREVER = ("GET", MARK), ("SET", MARK, ID, "PX", "600000"), ("SET", MARK, ID)
KEYS = 1000000000  # of redis-benchmark: what it fills in hardly repeats


def plain_round(quick, connections, pipeline, command=XADD):
    """One command of Redis, again and again; rate and CPU are of one of them."""
    count = int(40000 * load.length(quick))
    with load.driver_redis() as redis:
        arguments = [*measure.pinned(measure.CONTENDER_CORE), "redis-benchmark", "-p", str(redis.port), "-c", str(connections), "-P",
                     str(pipeline), "-r", str(KEYS), "-n", str(count), "-q", *command]
        meter = measure.Meter(redis=lambda: measure.cpu_of(redis.pid))
        done = subprocess.run(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False)
        used = meter.stop()
        stack.check(done.returncode == 0, "redis-benchmark: %s" % done.stdout[-300:])
        calls = redis.client.info("commandstats")["cmdstat_" + command[0].lower()]["calls"]
        stack.check(calls >= count, "%d commands done of %d" % (calls, count))
        return {"rate": calls / meter.seconds, "redis": used["redis"] / calls * 1e6, "own_core": used["contender_core"],
                "driver_core": used["driver_core"], "others": used["others_percent"]}
