"""Redis alone: the entry the product stores, by redis-benchmark. What an XADD costs before anybody adds to it."""

import subprocess

import stack
from ingest import load
from lib import measure

ENTRY = ("v", "1", "platform", "tiktok", "shop", "7496000011234567890", "topic", "1", "kind", "order", "id", "570000000000000001",
         "event_ms", "1767704400000", "recv_ms", "1767704407000", "key", "7380066284010030890", "src", "webhook",
         "trace", "4f1d8c02b7e94a664f1d8c02b7e94a66", "body", "x" * 1024)


def plain_round(quick, connections, pipeline):
    count = int(40000 * load.length(quick))
    with load.driver_redis() as redis:
        command = [*measure.pinned(measure.CONTENDER_CORE), "redis-benchmark", "-p", str(redis.port), "-c", str(connections), "-P",
                   str(pipeline), "-n", str(count), "-q", "XADD", "s", "*", *ENTRY]
        meter = measure.Meter(redis=lambda: measure.cpu_of(redis.pid))
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False)
        used = meter.stop()
        stack.check(done.returncode == 0, "redis-benchmark: %s" % done.stdout[-300:])
        stored = redis.client.xlen("s")
        stack.check(stored >= count, "%d entries stored of %d" % (stored, count))
        return {"rate": stored / meter.seconds, "redis": used["redis"] / stored * 1e6, "own_core": used["contender_core"],
                "driver_core": used["driver_core"], "others": used["others_percent"]}
