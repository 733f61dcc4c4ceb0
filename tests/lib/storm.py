"""A storm: a whole system under load while faults of every kind strike it (storm_lanes.py), and the account at its end.

    storm = Storm(seed, seconds=60, rate=100)
    storm.run()          # Failure: something is lost, stale, buried, crashed or does not come to rest

Around the lanes there are: the feeder, which has entities changed and pushes sent all the while, each until it was answered 200;
the supervisor, which starts a worker again as soon as it is gone; the person, who renews grants that an alarm says are lost; and
the follower, who writes down each entry of the live stream, because finished ones are trimmed when Redis is full.
"""

import collections
import contextlib
import itertools
import json
import os
import random
import re
import signal
import socket
import threading
import time

import pymongo
import redis as redis_client

import truth
from load import Clock, Load, port_of
from proxy import Proxy
from stack import Failure, check, wait_for
from storm_lanes import ClockLane, EdgeLane, MarketLane, MemoryLane, MongoLane, RedisLane, ServerLane, WireLane, WorkerLane
from world import LIVE, World, content_of, text

SHOPS, SLOTS = 4, 3  # of each marketplace; workers
LEAVE_S = 60         # a worker told to leave is gone by then: DRAIN_MS, and a refresh that is under way
SLICE_S = 4          # of load made at once
LOST_S = 15          # a Redis that is killed loses less than that
# What changes: shares of events, and of kinds. On Shopee an order's own push says nothing about its packages, although they show
# the order's status: there, orders whose packages are looked at change through their packages alone.
KINDS = {"tiktok": [(1, {"order": 0.5, "product": 0.2, "return": 0.1, "cancellation": 0.05, "tracking": 0.15})],
         "shopee": [(0.8, {"order": 0.6, "product": 0.25, "return": 0.15}), (0.2, {"tracking": 1})]}
PACKED = 50000  # first number of those
MIX = {"duplicates": 0.15, "reorder": 0.3, "address": 0.03, "same_second": 0.05}

# An outage must not use up an event's tries: an endpoint that fails for longer than they last would have it buried.
WORKER = {"RETRY_DELAYS": "300,500,500,1000,1000,2000,2000,3000,3000,5000,5000,5000", "RECLAIM_IDLE_MS": 8000, "REQUEST_TIMEOUT": 5,
          "DRAIN_MS": 5000, "SWEEP_INTERVAL_MS": 500, "REFRESH_INTERVAL_MS": 500}
MONGO_OPTIONS = "directConnection=true&socketTimeoutMS=4000&serverSelectionTimeoutMS=2000&connectTimeoutMS=2000"


def free_port():
    """Below the kernel's range for outgoing connections: a server that starts again must find its port free."""
    dice = random.SystemRandom()
    while True:
        with contextlib.suppress(OSError), socket.socket() as s:
            port = dice.randrange(10000, 20000)
            s.bind(("127.0.0.1", port))
            return port


class Slot:
    """The place of a worker: its networks and its clock. Whoever is gone is started again, by its name or by a new one."""

    def __init__(self, storm, number):
        self.storm, self.number, self.generation = storm, number, 0
        self.worker, self.leaving = None, False
        world = storm.world
        self.redis, self.mongo = Proxy(world.redis.port), Proxy(port_of(world.mongo.uri))
        storm.closers.callback(self.redis.close)
        storm.closers.callback(self.mongo.close)
        self.clock = Clock(world.directory, "slot%d" % number)
        self.start()

    def start(self):
        world = self.storm.world
        uri = world.mongo.uri.replace(":%d" % port_of(world.mongo.uri), ":%d" % self.mongo.port).partition("?")[0].rstrip("/")
        url = world.redis.url.replace(":%d" % world.redis.port, ":%d" % self.redis.port)
        self.worker = world.worker("s%dg%d" % (self.number, self.generation), wait=False, REDIS_URL=url,
                                   MONGO_URI="%s/?%s" % (uri, MONGO_OPTIONS), **self.clock.settings())

    def end(self, number):
        """The supervisor starts another one."""
        with self.storm.lock:
            worker = self.worker
            if worker.process.poll() is None and (number == signal.SIGKILL or not hasattr(worker, "ends")):
                worker.ends, worker.told = -number if number == signal.SIGKILL else 0, time.monotonic()
                worker.signal(number)

    def leave_for_good(self):
        self.leaving = True
        self.end(signal.SIGTERM)

    @contextlib.contextmanager
    def frozen(self):
        with self.storm.lock:
            worker = self.worker
            worker.signal(signal.SIGSTOP)
        try:
            yield
        finally:
            worker.signal(signal.SIGCONT)

    def look(self):
        """Takes note of an end, and starts another worker. True: this one was a guest and has left."""
        if self.worker.process.poll() is None:
            if time.monotonic() - getattr(self.worker, "told", time.monotonic()) > LEAVE_S:
                self.worker.fail("was told to leave %d s ago" % LEAVE_S)
            return False
        if not self.in_order(self.worker.process.returncode):
            self.worker.fail("ended with %s" % self.worker.process.returncode)
        if self.leaving:
            return True
        self.generation += self.storm.luck.random() < 0.5
        self.start()
        self.storm.restarts["worker"] += 1
        return False

    def in_order(self, status):
        """The signal that was sent, and nothing else; but one that is told to leave while a dependency is away gives up on it
        after DRAIN_MS (1), and one that has not begun yet may find a dependency away (3), or not know signals."""
        ends, log = getattr(self.worker, "ends", None), self.worker.log()
        return (status == ends or (status == 1 and ends == 0 and "a lane did not end in time" in log)
                or (status == 3 and "msg=started" not in log) or (status == -signal.SIGTERM and ends == 0 and not log))


class Storm:
    def __init__(self, seed, seconds, rate, hurry=True):
        dice = random.Random(seed)
        self.seed, self.seconds, self.rate, self.hurry, self.shops = seed, seconds, rate, hurry, SHOPS
        self.always = dice.random() < 0.5
        self.park_after = dice.choice((2, 5, 120))
        self.luck = random.Random(dice.random())  # of what has no place in the schedule
        edge = [RedisLane(self), ServerLane(self)] if self.always else [EdgeLane(self)]
        self.lanes = edge + [MemoryLane(self), MongoLane(self), WorkerLane(self), WireLane(self), ClockLane(self),
                             MarketLane(self, "tiktok"), MarketLane(self, "shopee")]
        self.schedules = [lane.draw(dice, seconds) for lane in self.lanes]
        self.met, self.restarts = collections.Counter(), collections.Counter()
        self.events, self.began, self.took = 0, None, 0.0
        self.world = None
        self.slots, self.guests, self.numbers, self.lock = [], [], itertools.count(), threading.RLock()
        self.over, self.problem = threading.Event(), None  # over: nobody strikes any more; problem: why it was called off
        self.ended = threading.Event()                     # supervisor, person and follower may go
        self.seen = {}                                     # follower: what an entry is known by -> its newest id
        self.newest = collections.deque(maxlen=100000)     # of those the last ones: (what it is known by, id)
        self.closers = contextlib.ExitStack()

    def schedule_lines(self):
        head = "JOURNAL_ALWAYS=%d PARK_AFTER_SECONDS=%d" % (self.always, self.park_after)
        faults = sorted(fault for schedule in self.schedules for fault in schedule)
        return [head] + ["%7.1f s %-7s %-14s %5.1f s" % fault[:4] for fault in faults]

    def record(self, result):
        names = ", ".join("%s %d" % item for item in sorted(self.met.items()))
        restarts = ", ".join("%s %d" % item for item in sorted(self.restarts.items()))
        return "storm: seed %d, %d faults (%s), %d events, %.0f s, restarts: %s; %s" % (
            self.seed, sum(self.met.values()), names, self.events, self.took, restarts, result)

    # ------------------------------------------------------------ time

    def wait_until(self, second):
        """False: the storm is over before."""
        return not self.over.wait(max(0.0, self.began + second - time.monotonic()))

    def pause(self, seconds):
        """The length of a fault; ends early when the storm was called off."""
        deadline = time.monotonic() + seconds
        while self.problem is None and time.monotonic() < deadline:
            time.sleep(min(0.1, max(0.0, deadline - time.monotonic())))

    def call_off(self, who, problem):
        with self.lock:
            self.problem = self.problem or (who, problem)
        self.over.set()

    def raise_problem(self):
        if self.problem:
            who, problem = self.problem
            if isinstance(problem, Failure):
                raise Failure("%s: %s" % (who, problem))
            raise problem

    # ------------------------------------------------------------ programs

    def start_server(self):
        self.left = self.noted()  # by a server that was killed
        settings = {"LISTEN": "127.0.0.1:%d" % self.port, "SERVER_NAME": "storm", "DRAIN_MS": 3000, "JOURNAL_ALWAYS": int(self.always),
                    "JOURNAL_DIR": os.path.join(self.world.directory, "journal"), "ANSWER_DEADLINE_MS": 1000,
                    "REDIS_URL": self.world.redis.url.replace(":%d" % self.world.redis.port, ":%d" % self.edge.port)}
        self.world.start_server(settings)

    def end_server(self, number):
        server = self.world.server
        server.ends = -number if number == signal.SIGKILL else 0
        server.signal(number)
        if server.wait(60) != server.ends:
            server.fail("ended with %s, expected %s" % (server.process.returncode, server.ends))
        self.restarts["server"] += 1

    def wait_replayed(self):
        """The server has sent again what Redis had lost. That a loop is connected says nothing: it has not asked yet what this
        Redis has. Only when all have asked the one that runs now do gaps that are closed mean that nothing is left to do."""
        deadline = time.monotonic() + 120
        while self.problem is None:
            with contextlib.suppress(OSError, Failure, redis_client.RedisError):
                run = self.world.redis.client.info("server")["run_id"]
                if self.noted() not in (None, self.left) and self.noted()[1] == run and not self.open_gaps(self.world.server):
                    return
            check(time.monotonic() < deadline, "gaps stay open: %s" % self.world.server.admin("/ledger")[1][-2000:])
            time.sleep(0.1)

    def noted(self):
        """(when, run of Redis that every loop of the server has asked), as the server notes it; None: no note."""
        path = os.path.join(self.world.directory, "journal", "redis-run")
        with contextlib.suppress(FileNotFoundError), open(path) as note:
            return os.fstat(note.fileno()).st_mtime_ns, note.read().strip()
        return None

    @staticmethod
    def open_gaps(server):
        states = dict(re.findall(r'"gap":"([^"]+)","state":"(\w+)"', server.admin("/ledger")[1]))
        return [gap for gap, state in states.items() if state != "closed"]

    def add_slot(self):
        """One worker more, until its leave_for_good."""
        with self.lock:
            slot = Slot(self, next(self.numbers))
            self.guests.append(slot)
        return slot

    def supervise(self):
        while not self.ended.wait(0.1):
            with self.lock:
                for slot in self.slots:
                    slot.look()
                self.guests = [slot for slot in self.guests if not slot.look()]
            server = self.world.server
            if server.process.poll() is not None and not hasattr(server, "ends"):
                server.fail("ended with %s" % server.process.returncode)

    # ------------------------------------------------------------ grants

    def renew_grant(self, sim, shop):
        """A seller grants again, and the operator puts it; MongoDB may be away meanwhile."""
        record = sim.grant(shop)
        deadline = time.monotonic() + 180
        while True:
            done = self.world.ctl("shop", "put", stdin=json.dumps(record) + "\n", status=None)
            if done.returncode == 0:
                return
            check(time.monotonic() < deadline, "shop put: exit %d: %s" % (done.returncode, done.stdout + done.stderr))
            time.sleep(0.5)

    def alarmed(self):
        """(platform, shop id) whose grant needs a person."""
        rows = self.world.db.authorizations.find({"alarm": {"$exists": True}}, {"_id": 1})
        return [(shop["platform"], shop["shop_id"]) for row in rows
                for shop in self.world.db.shops.find({"authorization": row["_id"]})]

    def attend(self):
        """The person: looks at the alarms every other second."""
        while not self.ended.wait(2.0):
            with contextlib.suppress(pymongo.errors.PyMongoError):
                for platform, shop_id in self.alarmed():
                    sim = next(sim for sim in self.world.sims if sim.platform == platform)
                    self.renew_grant(sim, shop_id)
                    self.restarts["grant"] += 1

    # ------------------------------------------------------------ load

    def feed(self):
        """Slices of load, some of them at once while the server is away."""
        loads = []
        slices = max(1, round(self.seconds / SLICE_S))
        with contextlib.ExitStack() as stack:
            for number in range(slices):
                if not self.wait_until(number * SLICE_S):
                    break
                lines = [line for sim in self.world.sims for line in self.slice_of(sim, number, slices)]
                self.luck.shuffle(lines)
                loads.append(stack.enter_context(Load(self.world, lines, rate=self.rate, retries=200, retry_ms=1000, connections=8)))
                while sum(load.running() for load in loads) > 8 and self.problem is None:
                    time.sleep(0.2)
                loads = self.finish_loads(loads, only_ended=True)
            self.finish_loads(loads)

    def slice_of(self, sim, number, slices):
        """What happens at a marketplace within a slice. A window of numbers is used twice, and comes back."""
        lines, at = [], {"at": "now"} if number % 3 == 1 else {}
        for n, (share, kinds) in enumerate(KINDS[sim.platform]):
            events = int(self.rate * SLICE_S / 2 * share)
            window, windows = max(SHOPS, events // 8), max(4, slices // 8)
            lines += sim.burst(shops=SHOPS, orders=window, events=events, kinds=kinds, seed=self.seed + number, **MIX, **at,
                               first_number=n * PACKED + number // 2 % windows * (window // SHOPS + 1))
        return lines

    def finish_loads(self, loads, only_ended=False):
        left = []
        for load in loads:
            if only_ended and load.running():
                left.append(load)
            elif self.problem is None:
                load.finish(statuses=(200, 503, "connection", "timeout"), seconds=600)
                self.events += len(load.lines)
        return left

    def follow(self):
        """Remembers what stands in the live stream; Redis may be away, and lose its newest entries."""
        client, last, run = redis_client.Redis.from_url(self.world.redis.url, socket_timeout=5), "0-0", None
        while True:
            done = self.ended.is_set()
            with contextlib.suppress(redis_client.RedisError):
                now = client.info("server")["run_id"]
                if now != run:
                    self.forget_lost(client, last)
                    run = now
                page = client.xrange(LIVE, "(" + last, "+", count=2000)
                for entry_id, fields in page:
                    last = text(entry_id)
                    for name in known_by(text(fields.get(b"key", b"")).rpartition(":")[2], text(fields.get(b"body", b""))):
                        self.seen[name] = last
                        self.newest.append((name, last))
                if page:
                    continue
                if done:
                    return
            self.ended.wait(0.5)

    def forget_lost(self, client, last):
        """What a Redis that was started anew has lost was not seen: trimming would hide that nobody stored it again. Losses are of
        its last seconds; what stands before the first entry is trimmed."""
        since = max(0, order_of(last)[0] - LOST_S * 1000)
        there = [text(entry_id) for entry_id, _ in client.xrange(LIVE, since, last)]
        first, there = order_of(there[0]) if there else (0, 0), set(there)
        for name, entry_id in self.newest:
            if order_of(entry_id) >= max(first, (since, 0)) and entry_id not in there and self.seen.get(name) == entry_id:
                del self.seen[name]

    def check_entries(self):
        """Each accepted event has an entry in the stream, or has had one that was trimmed since, or is a dead letter."""
        first = self.world.redis.client.xrange(LIVE, "-", "+", count=1)
        first = order_of(text(first[0][0])) if first else (1 << 62, 0)
        there = {text(entry_id) for page in self.pages() for entry_id, _ in page}
        lost = [row["body"] for row in self.world.accepted if not any(
            self.seen.get(name) in there or order_of(self.seen.get(name, "9999999999999-0")) < first
            for name in known_by(row["notification_id"], row["body"]))]
        check(not lost, "%d accepted events have no entry, such as %s" % (len(lost), lost[:3]))

    def check_proof(self):
        """prove finds nothing lost, dropped or still open, and nothing that Redis has lost and no server had any more."""
        done, found = wait_for("the gaps of the servers to be closed", self.proof_at_rest, 60)
        shown = "shopstreamctl prove: exit %d: " % done.returncode
        check(found["ends"]["lost"] == 0, shown + "lost" + self.losses(found["losses"]))
        gaps = [gap for server in found["servers"] for gap in server["gaps"]]
        check(found["servers"] and all(server["asked"] for server in found["servers"]), "%snot every server was asked: %s" % (
            shown, [(server.get("name"), server["asked"]) for server in found["servers"]]))
        odd = [stream for stream in found["streams"]
               if stream["no_group"] or stream["trimmed_unread"] or stream["pending_without_body"]]
        check(not odd, "%sstreams: %s" % (shown, odd))
        unhealed = [gap for gap in gaps if gap["dropped"] or gap["older"]]
        check(not unhealed, "%sgaps: %s" % (shown, unhealed))
        check(done.returncode == 0, shown + done.stdout[-6000:])

    def proof_at_rest(self):
        done = self.world.ctl("prove", "--json", "--since", "24h", status=None)
        found = json.loads(done.stdout)
        return None if any(gap["open"] for server in found["servers"] for gap in server["gaps"]) else (done, found)

    def losses(self, losses):
        """What is known of the entries that prove calls lost."""
        told = ""
        for loss in losses:
            kind, _, _id = loss["entity"].partition(" ")
            for _, fields in self.world.redis.client.xrange(loss["stream"], loss["id"], loss["id"]):
                told += "\n%s %s: %s" % (loss["stream"], loss["id"], {text(k): text(v) for k, v in fields.items()})
            if kind in truth.KINDS:
                told += "\nnow: %s" % self.world.db[truth.KINDS[kind][0]].find_one(
                    {"_id": _id}, {name: 1 for name in truth.BOOKKEEPING | {"status", "deleted_at", "update_time"}})
        return told

    def pages(self):
        last = "-"
        while True:
            page = self.world.redis.client.xrange(LIVE, last, "+", count=5000)
            if not page:
                return
            yield page
            last = "(" + text(page[-1][0])

    # ------------------------------------------------------------ from the first fault to the account

    def run(self):
        with World(shops=SHOPS, shopee=SHOPS, release=True, server=None,
                   worker=dict(WORKER, PARK_AFTER_SECONDS=self.park_after)) as world:
            self.world, self.port = world, free_port()
            world.closers.append(self.closers.close)  # networks end after those who use them
            self.edge = self.closers.enter_context(Proxy(world.redis.port))
            self.start_server()
            self.slots = [Slot(self, next(self.numbers)) for _ in range(SLOTS)]
            for slot in self.slots:
                slot.worker.wait_started()
            self.rage()
            for slot in self.slots:
                slot.worker.wait_started()
            self.check_entries()  # first: what was lost is stale, too
            world.check(entries=False, prove=False)
            self.check_proof()

    def rage(self):
        self.began = time.monotonic()
        attendants = [self.thread(what) for what in (self.supervise, self.attend, self.follow)]
        lanes = [threading.Thread(target=lane.run, args=(schedule,), daemon=True) for lane, schedule in zip(self.lanes, self.schedules)]
        try:
            for lane in lanes:
                lane.start()
            feeder = self.thread(self.feed)
            while not self.over.is_set() and (feeder.is_alive() or time.monotonic() < self.began + self.seconds):
                self.over.wait(0.2)
            self.over.set()
            for thread in [*lanes, feeder]:
                thread.join()
            self.raise_problem()
            self.took = time.monotonic() - self.began
            self.come_to_rest()
        finally:
            self.over.set()
            self.ended.set()
            for thread in attendants:
                thread.join()
        self.raise_problem()

    def thread(self, function):
        def run():
            try:
                function()
            except Exception as problem:
                self.call_off(function.__name__, problem)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread

    def come_to_rest(self):
        """Every lane has healed what it broke; now everything is worked off."""
        for sim in self.world.sims:
            sim.heal()
        deadline = time.monotonic() + (240 if self.hurry else 3600)
        while not self.at_rest():
            self.raise_problem()
            check(time.monotonic() < deadline, "no rest: %s" % self.describe())
            time.sleep(0.2)

    def journal_records(self):
        return self.world.server.metric("shopstream_server_journal_records")

    def at_rest(self):
        staying = not self.guests and all(not hasattr(slot.worker, "ends") for slot in self.slots)
        return (staying and self.journal_records() == 0 and self.world.at_rest()
                and not self.alarmed() and self.journal_records() == 0)

    def describe(self):
        return "journal %d; grants %s; %s" % (self.journal_records(), self.alarmed(), self.world.describe())


def order_of(stream_id):
    first, _, second = stream_id.partition("-")
    return int(first), int(second)


def known_by(notification, body):
    """What tells an entry: the notification, or, where the platform gives none, its content."""
    return [name for name in (notification, content_of(body)) if name]
