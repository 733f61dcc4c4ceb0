"""The journal: Redis is gone, every webhook is flushed to disk before its answer. Afterwards Redis has to get each of them."""

import tempfile

import stack
from ingest import load
from ingest.product import Shopstream

DRAIN_SECONDS = 120


def on_disk(redis):
    """A Redis killed next must come back with all it has answered."""
    info = redis.client.info("persistence")
    return info["aof_buffer_length"] == 0 and info["aof_pending_bio_fsync"] == 0


def journal_round(quick, directory=None):
    """directory: where it lies; TMPDIR unless told."""
    with load.driver_redis() as redis, tempfile.TemporaryDirectory(prefix="shopstream-journal-", dir=directory) as journal:
        with Shopstream(redis, {"JOURNAL_DIR": journal}) as server:
            load.warm_up(server)
            stack.wait_for("the append-only file", lambda: on_disk(redis))
            stored = redis.client.xlen(server.stream)
            redis.kill()
            stack.wait_for("its end", lambda: server.metric("shopstream_server_redis_up") == 0)
            expected = load.warm_up(server, first=load.WARM_UP)
            count = load.count_for(expected, load.length(quick), 1024, 64)
            figures = load.send(server, None, count, first=load.FIRST)
            redis.start()
            stack.wait_for("draining", lambda: server.metric("shopstream_server_journal_records") == 0, DRAIN_SECONDS)
            stack.check_equal(redis.client.xlen(server.stream) - stored, load.WARM_UP + count, "entries stored")
            return figures
