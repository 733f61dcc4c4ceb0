"""contenders.py - who drains a scene: our worker, the rivals in Python and Node.js, and bare loops that show the limit.

A contender has started(scene), a context whose value tells of what runs in it: pids; check_alive(), a Failure with the log's end
when one has ended; bulks(events), how many update commands it has sent by the time it has finished so many entries.
"""

import contextlib
import json
import os
import shutil
import subprocess

import stack
import world
from consume.mongo_cpu import mongo_readers
from lib.measure import Meter

HERE = os.path.dirname(os.path.abspath(__file__))
CACHE = os.path.join(os.environ.get("SHOPSTREAM_CACHE", os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache"))),
                     "shopstream")
PYTHON = ("/usr/bin/python3", os.path.join(HERE, "rivals", "worker.py"))
NODE = ("node", os.path.join(HERE, "rivals", "node-worker", "worker.mjs"))
NODE_MODULES = os.path.join(CACHE, "bench-node-worker")


class Running:
    """Programs that drain."""

    def __init__(self, programs):
        self.programs = programs
        self.pids = [program.pid for program in programs]

    def check_alive(self):
        for program in self.programs:
            if program.process.poll() is not None:
                program.fail("ended with %s" % program.process.returncode)


class Workers(Running):
    def bulks(self, _):
        return self.programs[0].metric("shopstream_worker_bulks_total")


class Rivals(Running):
    def counts(self):
        """The last of what each has said."""
        return [json.loads(program.log().splitlines()[-1].replace("started", "{}")) for program in self.programs]

    def bulks(self, events):
        """They say it after a turn, which is a moment after its last XACK."""
        stack.wait_for("the counts of %d entries" % events,
                       lambda: sum(one.get("events", 0) for one in self.counts()) == events)
        return sum(one.get("bulks", 0) for one in self.counts())


class BareReads(Running):
    def bulks(self, _):
        return 0


class Shopstream:
    def __init__(self, lanes=1):
        self.lanes = lanes

    @contextlib.contextmanager
    def started(self, scene):
        settings = dict(scene.world.common_settings(), ADMIN_LISTEN="127.0.0.1:0", WORKER_THREADS=self.lanes, WORKER_NAME="bench")
        with world.Worker(settings, build=stack.RELEASE) as worker:
            yield Workers([worker])


class Rival:
    def __init__(self, command, processes=1):
        self.command, self.processes = command, processes

    def settings(self, scene, number):
        return dict(scene.world.common_settings(), SHOPS=scene.shops_file, WORKER_NAME="rival-%d" % number,
                    BENCH_MODULES=NODE_MODULES)

    @contextlib.contextmanager
    def started(self, scene):
        path = shutil.which(self.command[0])
        stack.check(path, "%s is not installed; deploy/install --bench does" % self.command[0])
        with contextlib.ExitStack() as exits:
            programs = [exits.enter_context(stack.Program(
                os.path.basename(path), self.settings(scene, number), build=os.path.dirname(path), arguments=self.command[1:]))
                for number in range(self.processes)]
            for program in programs:
                program.wait_log("^started")
            yield Rivals(programs)


class BareLoop:
    """XREADGROUP, find, XACK."""

    @contextlib.contextmanager
    def started(self, scene):
        arguments = ("reads", "127.0.0.1", str(scene.world.redis.port), scene.world.mongo.uri, scene.world.dbname)
        with stack.Program("bench-bare", {}, build=stack.RELEASE, arguments=arguments) as program:
            program.wait_log("^started")
            yield BareReads([program])


def documents(scene, path):
    """All orders as a worker inserts them, ready: one document after the other, sorted by _id."""
    with open(path, "wb") as f:
        for _id in sorted(scene.versions):
            f.write(scene.documents["after"][_id].raw)


def bare_inserts(scene, path, connections):
    """The inserts of what is in path by nothing but the driver; figures like those of a drain."""
    readers = mongo_readers()
    process = subprocess.Popen([os.path.join(stack.RELEASE, "bench-bare"), "inserts", scene.world.mongo.uri, scene.world.dbname,
                                path, str(connections)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               text=True)
    try:
        ready = process.stdout.readline()
        if ready == "started\n":
            meter = Meter(**readers)
            process.stdin.write("\n")
            process.stdin.flush()
            said = process.stdout.readline()
            used = meter.stop()
        _, complaint = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    stack.check(process.returncode == 0 and ready == "started\n", complaint.strip() or "bench-bare said %r" % ready)
    figures, orders = json.loads(said), len(scene.versions)
    row = {name: used[name] / orders * 1e6 for name in readers}
    row.update(rate=orders / figures["seconds"], contender=figures["cpu"] / orders * 1e6, bulks=figures["bulks"],
               others=used["others_percent"])
    return row
