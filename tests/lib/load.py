"""What the fault tests add to a World: events sent at a rate while something breaks, and things that break it.

    with Load(world, world.sim.burst(orders=300, events=900), rate=300) as load:
        world.mongo.kill()
        ...
        load.finish()

A Load sends in the background and tries again, as a marketplace does, until every event was answered 200; finish() hands the
accepted ones to the World, whose check() then looks for each of them.
"""

import contextlib
import itertools
import json
import os
import re
import signal
import struct
import subprocess

from stack import RELEASE, Failure, check, check_equal, wait_for
from world import GROUP, LIVE, text

LONG = os.environ.get("SHOPSTREAM_LONG") == "1"

# One try for an event, and one more: the first attempt that is wrongly counted is followed by a dead letter soon.
TWO_ATTEMPTS = {"RETRY_DELAYS": "200"}

VALGRIND = ["valgrind", "--error-exitcode=99", "--leak-check=full", "--show-leak-kinds=definite,indirect",
            "--errors-for-leak-kinds=definite,indirect", "-q"]
# Timers for programs that run many times slower under it.
SLOW = {"HEARTBEAT_MS": 2000, "REAP_IDLE_MS": 8000, "KEEPALIVE_MS": 2000, "RECLAIM_IDLE_MS": 15000}

_loads = itertools.count(1)


class Load:
    """webhook-sender in the background."""

    def __init__(self, world, lines, rate=300, retries=200, retry_ms=200, connections=8, timeout_ms=5000):
        base = os.path.join(world.directory, "load%d" % next(_loads))
        self.world, self.lines, self.ledger = world, list(lines), base + ".ledger"
        with open(base, "w") as f:
            f.write("\n".join(json.dumps(line) if isinstance(line, dict) else line for line in self.lines) + "\n")
        self.process = subprocess.Popen(
            [os.path.join(RELEASE, "webhook-sender"), "--url", "http://127.0.0.1:%d" % world.server.port, "--file", base,
             "--connections", str(connections), "--rate", str(rate), "--retries", str(retries), "--retry-ms", str(retry_ms),
             "--timeout-ms", str(timeout_ms), "--ledger", self.ledger],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def running(self):
        return self.process.poll() is None

    def finish(self, statuses=(200, 503), all_accepted=True, seconds=120):
        """Waits for the end and takes account. statuses: the only answers allowed ("connection" and "timeout" are none).
        Returns how often each came."""
        try:
            output, _ = self.process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise Failure("the sender still runs after %d s" % seconds) from None
        check(self.process.returncode in (0, 1), "webhook-sender: exit %d: %s" % (self.process.returncode, output))
        with open(self.ledger) as f:
            rows = [json.loads(line) for line in f]
        check_equal(len(rows), len(self.lines), "events in the ledger")
        self.world.remember([json.dumps(line) if isinstance(line, dict) else line for line in self.lines], rows)
        counts = {}
        for row in rows:
            for status in row["statuses"]:
                counts[status] = counts.get(status, 0) + 1
        check(set(counts) <= set(statuses), "answers %s, allowed are %s" % (counts, statuses))
        refused = [row for row in rows if not row["accepted"]]
        check(not (all_accepted and refused), "%d events never accepted, such as %s" % (len(refused), refused[:1]))
        return counts

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        if self.running():
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()


# ---------------------------------------------------------------- looking

def documents(world):
    return world.db.orders.count_documents({})


def wait_documents(world, count, seconds=60):
    """Waits until so many orders are in MongoDB: the workers are in the middle of it."""
    wait_for("%d orders in MongoDB" % count, lambda: documents(world) >= count, seconds)


def wait_pending(world, count, consumer=None, seconds=30):
    """Waits until workers (or one) hold so many entries."""
    wait_for("%d pending entries" % count, lambda: len(pending(world, consumer)) >= count, seconds)


def pending(world, consumer=None):
    """[(id, consumer, deliveries)] of the live stream; none while the group is missing."""
    if world.group()[0] is None or not world.redis.client.exists(LIVE):
        return []
    rows = world.redis.client.xpending_range(LIVE, GROUP, "-", "+", 100000, consumername=consumer)
    return [(text(r["message_id"]), text(r["consumer"]), r["times_delivered"]) for r in rows]


def total(world, metric):
    """A metric over all workers that live."""
    return sum(worker.metric(metric) for worker in world.workers if worker.process.poll() is None)


def counted_attempts(world):
    return total(world, 'shopstream_worker_entries_deferred_total{attempt="counted"}')


def check_nobody_blamed(world):
    """No event was charged an attempt for what a dependency did."""
    check_equal(counted_attempts(world), 0, "attempts counted")
    check_equal(world.dead(), [], "dead letters")


def check_valgrind(program):
    check("==%d==" % program.pid not in program.log(), "valgrind said: " + program.log()[-4000:])


def log_count(world, words):
    return sum(worker.log().count(words) for worker in world.workers)


# ---------------------------------------------------------------- breaking

def kill_worker(worker):
    """SIGKILL, as a machine that vanishes."""
    worker.may_die = True
    worker.process.kill()
    worker.process.wait()


@contextlib.contextmanager
def stopped(pid):
    """SIGSTOP for the length of a block."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def mongo_pid(world, part):
    """part: "mongo" (what clients talk to) or "postgres" (what stores behind FerretDB); None when there is no such part."""
    try:
        with open(os.path.join(world.mongo.directory, part + ".pid")) as f:
            return int(f.read())
    except FileNotFoundError:
        return None


def signal_mongo(world, part, number):
    """PostgreSQL runs as a user of its own. Without that part (a real mongod) the server itself is meant."""
    pid = mongo_pid(world, part) or mongo_pid(world, "mongo")
    command = ["kill", "-%d" % number, str(pid)]
    done = subprocess.run(command if os.geteuid() == 0 else ["sudo", "-n", *command], stderr=subprocess.PIPE, text=True)
    check(done.returncode == 0, "kill: %s" % done.stderr)
    if number == signal.SIGKILL:
        wait_for("the end of %s" % part, lambda: not os.path.exists("/proc/%d" % pid) or zombie(pid))


def zombie(pid):
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rpartition(") ")[2].startswith("Z")
    except (FileNotFoundError, ProcessLookupError):
        return True


class Clock:
    """A wall clock for one process that can be stepped (tests/lib/fakeclock.c)."""

    def __init__(self, directory, name):
        self.path = os.path.join(directory, name + ".clock")
        self.step(0)

    def step(self, seconds):
        """In place: the process has mapped the file."""
        with open(self.path, "r+b" if os.path.exists(self.path) else "wb") as f:
            f.write(struct.pack("=q", seconds))

    def settings(self):
        return {"LD_PRELOAD": os.path.join(RELEASE, "tests", "libfakeclock.so"), "FAKECLOCK_FILE": self.path}


def port_of(uri):
    return int(re.search(r":(\d+)(/|$)", uri.split("@")[-1]).group(1))
