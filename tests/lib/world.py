"""The whole system for one case: Redis, MongoDB, the marketplace simulator, the server and workers.

    with World(shops=2) as world:
        world.worker()
        world.send(world.sim.burst(shops=2, orders=20, events=60))
        world.settle()
        world.check()

check() is the end of every case: each accepted event has its entry, the group has nothing unfinished, no need waits, the dead
letters are exactly the expected ones, all collections equal what the marketplaces serve now (truth.py), `shopstreamctl prove`
agrees, and no log, metric, dead letter or process list shows a secret. Leaving the block stops every program with SIGTERM and
looks at its exit status and at sanitizer output; after a failure the logs' ends are printed.

Timers are short: a retry comes after some 200 ms and a dead worker's entries move after 1.5 s. One MongoDB server serves all
cases of a test program, each with a database of its own.
"""

import atexit
import itertools
import json
import os
import random
import re
import shutil
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import pymongo

import truth
from stack import BUILD, RELEASE, ROOT, Failure, Program, Redis, Server, check, check_equal, wait_for

APP_KEY = "flowappkey"
APP_SECRET = "flow-secret-4f1d8c02b7e94a66"
PARTNER_ID, PARTNER_KEY, PUSH_KEY = "2001887", "flow-partner-key-5e0c7b41d2f39a86", "flow-push-key-71c24f9e08ab3d65"
CALLBACK_URL = "https://hooks.example.test/webhooks/shopee"
CREDENTIALS_KEY = "9b4e1f77c2a05d3866f0e1d2c3b4a5968778695a4b3c2d1e0f112233445566fe"
LIVE, BULK, DEAD = "webhooks:{0}", "webhooks:{0}:bulk", "webhooks:{0}:dead"
GROUP = "workers"

# The claim threshold bounds every retry delay, so it stays well above them.
WORKER_TIMERS = {
    "RECLAIM_IDLE_MS": 2000, "RETRY_DELAYS": "150,200,250,300,300", "HEARTBEAT_MS": 300, "REAP_IDLE_MS": 1500,
    "KEEPALIVE_MS": 300, "BLOCK_MS": 100, "BATCH_LINGER_MS": 20, "TRIM_INTERVAL_MS": 200, "REQUEST_TIMEOUT": 20,
    "SWEEP_INTERVAL_MS": 200, "MONEY_RETRY_MS": 200,
}
# Reasons of needs that wait for no shop, only for their turn.
TURN_ONLY = ["transaction", "incomplete", "unsettled"]
# A worker that says one of these has met what its author thought impossible.
NEVER_LOGGED = ("cannot happen", "ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "WARNING: ThreadSanitizer",
                "runtime error:", "assertion")
# Every token and code a simulator makes begins with one of these: those a refresh has brought are looked for, too.
TOKENS = {"ROW_sim-access-", "ROW_sim-refresh-", "ROW_sim-code-"}


def text(value):
    return value.decode(errors="replace") if isinstance(value, bytes) else value


class Mongo:
    """The MongoDB server of deploy/stack/mongo; restartable with its data."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="shopstream-mongo-")
        self.uri = None
        self.client = None
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    def _stack(self, verb):
        script = os.path.join(ROOT, "deploy", "stack", "mongo")
        done = subprocess.run([script, verb, self.directory], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              stdin=subprocess.DEVNULL, text=True)
        if done.returncode != 0:
            raise Failure("deploy/stack/mongo %s: %s" % (verb, done.stderr.strip()))

    def start(self):
        self._stack("start")
        with open(os.path.join(self.directory, "env")) as env:
            self.uri = re.search(r"^MONGO_URI=['\"]?([^'\"\n]+)", env.read(), re.M).group(1)
        if self.client is None:
            self.client = pymongo.MongoClient(self.uri, serverSelectionTimeoutMS=20000)

    def stop(self):
        self._stack("stop")

    def kill(self):
        self._stack("kill")

    def close(self):
        if self.client is not None:
            self.client.close()
        self._stack("kill")
        # The database's files belong to its own user.
        if subprocess.run(["rm", "-rf", self.directory], stderr=subprocess.DEVNULL).returncode != 0:
            subprocess.run(["sudo", "-n", "rm", "-rf", self.directory], stderr=subprocess.DEVNULL)


_shared_mongo = None
_shared_mongo_lock = threading.Lock()  # cases may run side by side


def shared_mongo():
    """The server all cases of this program share."""
    global _shared_mongo
    with _shared_mongo_lock:
        if _shared_mongo is None:
            _shared_mongo = Mongo()
            atexit.register(_shared_mongo.close)
        return _shared_mongo


class Simulator(Program):
    """One marketplace; its control API as methods (tests/simulator/README.md)."""

    def __init__(self, *arguments, shops=2, platform="tiktok"):
        self.tls, self.platform = "--tls-cert" in arguments, platform
        app = {"tiktok": ("--app-key", APP_KEY, "--app-secret", APP_SECRET),
               "shopee": ("--partner-id", PARTNER_ID, "--partner-key", PARTNER_KEY, "--push-key", PUSH_KEY,
                          "--callback-url", CALLBACK_URL)}[platform]
        super().__init__("simulator", {}, build=RELEASE, arguments=(
            "--platform", platform, "--listen", "127.0.0.1:0", "--shops", str(shops), *app, *arguments))
        try:
            self.url = self.wait_log(r"listening (https?://\S+)").group(1)
        except BaseException:
            self.close()
            raise

    def call(self, method, path, body=None):
        context = None
        if self.tls:
            import ssl
            context = ssl._create_unverified_context()
        request = urllib.request.Request(self.url + "/_sim/" + path, method=method,
                                         data=None if body is None else json.dumps(body).encode())
        try:
            with urllib.request.urlopen(request, timeout=60, context=context) as answer:
                return answer.read().decode()
        except urllib.error.HTTPError as error:
            raise Failure("simulator: %s %s: %s" % (method, path, error.read().decode())) from None

    def lines(self, method, path, body=None):
        return self.call(method, path, body).splitlines()

    def change(self, shop, number, **more):
        """A change of one order; its "push" is a line for World.send."""
        return json.loads(self.call("POST", "change", dict(more, shop=shop, number=number)))

    def burst(self, **more):
        return self.lines("POST", "burst", more)

    def push(self, **more):
        return self.call("POST", "push", more).strip()

    def fault(self, kind, **more):
        return json.loads(self.call("POST", "fault", dict(more, kind=kind)))["id"]

    def heal(self, fault=None):
        self.call("DELETE", "faults" if fault is None else "fault?id=%d" % fault)

    def release(self, **more):
        return json.loads(self.call("POST", "release", more))["released"]

    def switch(self, **more):
        self.call("POST", "switch", more)

    def counters(self, reads=False):
        return json.loads(self.call("GET", "counters" + ("?reads=1" if reads else "")))

    def reset(self):
        self.call("POST", "counters/reset", {})

    def calls(self, last=8192):
        return [json.loads(line) for line in self.lines("GET", "calls?last=%d" % last)]

    def shops(self):
        return [json.loads(line) for line in self.lines("GET", "shops")]

    def orders(self, shop=None):
        return self.lines("GET", "orders" + ("" if shop is None else "?shop=%s" % shop))

    def truth(self, **which):
        """What the marketplace serves now, one object an entity: platform kind shop_id id number revision body. Numbers keep
        their text (truth.Number)."""
        query = urllib.parse.urlencode(which)
        return [truth.load(line) for line in self.lines("GET", "truth" + ("?" + query if query else ""))]

    def limits(self):
        return json.loads(self.call("GET", "limits"))

    def authorizations(self):
        return [json.loads(line) for line in self.lines("GET", "authorizations")]

    def delete(self, kind, shop, number):
        self.call("POST", "delete", {"kind": kind, "shop": shop, "number": number})

    def revoke(self, shop):
        self.call("POST", "revoke", {"shop": shop})

    def grant(self, shop):
        return json.loads(self.call("POST", "grant", {"shop": shop}))

    def refresh_token(self, shop):
        """As a seller who renews the grant: afterwards shops() tells the new tokens."""
        before = self.shops()[shop]
        query = urllib.parse.urlencode({"app_key": APP_KEY, "app_secret": APP_SECRET, "grant_type": "refresh_token",
                                        "refresh_token": before["refresh_token"]})
        with urllib.request.urlopen(self.url + "/api/v2/token/refresh?" + query, timeout=10) as answer:
            reply = json.load(answer)
        check_equal(reply["code"], 0, "token refresh")


class Worker(Program):
    """shopstream-worker; started when the constructor returns, unless wait=False."""

    admin, metric, ready, wait_ready = Server.admin, Server.metric, Server.ready, Server.wait_ready

    def __init__(self, settings, build=BUILD, wait=True, wrapper=()):
        super().__init__("shopstream-worker", settings, wrapper, build)
        try:
            if wait:
                self.wait_started()
        except BaseException:
            self.close()
            raise

    def wait_started(self, seconds=60):
        self.admin_port = int(self.wait_log(r"msg=\"?admin listening\"?.*\bport=(\d+)", seconds).group(1))
        self.wait_log(r"msg=started\b", seconds)


def content_of(body):
    """What a push of Shopee says, without what tells when it was sent: as text, "" for other bodies."""
    try:
        push = json.loads(body)
        return json.dumps([push["code"], push.get("shop_id"), push.get("data")], sort_keys=True)
    except (ValueError, KeyError, TypeError):
        return ""


def entity_of(_id):
    """The entity's id at the end of an _id; an order's in one of a tracking or of money."""
    return _id.rpartition(":")[2]


def paid(served, returns):
    """_ids of transactions of orders that are completed, or have one of these returns completed; see World.served."""
    orders = [document for document, _ in served["order"].values() if document["state"] == "completed"]
    orders += [served["return"][_id][0] for _id in returns
               if _id in served["return"] and served["return"][_id][0]["state"] == "completed"]
    kinds = {"tiktok": "order", "shopee": "escrow"}
    wanted = {"%s:%s:%s:%s" % (d["platform"], d["shop_id"], kinds[d["platform"]], d["order_id"]) for d in orders}
    return wanted & set(served["transaction"])


def metrics_of(page):
    """A Prometheus page as {name with labels: value}; Failure when a line is not of the text format."""
    values, typed = {}, set()
    for line in page.splitlines():
        if line.startswith("# "):
            match = re.fullmatch(r"# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)", line)
            check(match, "not a comment of the metrics format: %r" % line)
            if match.group(1) == "TYPE":
                check(match.group(3) in ("counter", "gauge"), "type of %s" % match.group(2))
                check(match.group(2) not in typed, "%s has two types" % match.group(2))
                typed.add(match.group(2))
            continue
        match = re.fullmatch(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(\{[a-z_]+="[^"\\]*"(?:,[a-z_]+="[^"\\]*")*\})? (-?[0-9.eE+-]+)', line)
        check(match, "not a sample of the metrics format: %r" % line)
        name = match.group(1) + (match.group(2) or "")
        check(match.group(1) in typed, "%s has no type" % name)
        check(name not in values, "%s stands there twice" % name)
        values[name] = float(match.group(3))
    check(values, "an empty page of metrics")
    return values


class World:
    """See the head of this file.

    release: programs without sanitizers, for cases that measure or carry load. server: settings of the server, None for no
    server. worker: settings of every worker. simulator, redis: arguments of those. register: put all shops of the simulator
    at the start. shopee: shops of a second marketplace, world.shopee; 0: there is none.
    """

    _numbers = itertools.count(1)

    def __init__(self, shops=2, release=False, server=(), worker=(), simulator=(), redis=(), register=True, shopee=0):
        self.directory = tempfile.mkdtemp(prefix="shopstream-world-")
        self.build = RELEASE if release else BUILD
        self.worker_settings = dict(worker)
        self.workers, self.programs, self.closers = [], [], []
        self.accepted, self.channels = [], {}
        self.secrets = {APP_SECRET, CREDENTIALS_KEY, PARTNER_KEY, PUSH_KEY} | TOKENS
        self.expected_dead = []  # (class, entity id or "") of each dead letter check() has to find
        self.redis = self.server = None
        try:
            self.redis = Redis(*redis)
            self.closers.append(self.redis.close)
            self.mongo = shared_mongo()
            self.dbname = "flow_%d_%d" % (os.getpid(), next(World._numbers))
            self.db = self.mongo.client[self.dbname]
            self.closers.append(lambda: self.mongo.client.drop_database(self.dbname))
            self.sim = Simulator(*simulator, shops=shops)
            self.sims = [self.sim]
            self.programs.append(self.sim)
            self.shopee = None
            if shopee:
                self.shopee = Simulator(*simulator, shops=shopee, platform="shopee")
                self.sims.append(self.shopee)
                self.programs.append(self.shopee)
            if register:
                self.put_shops()
            if server is not None:
                self.start_server(server)
        except BaseException:
            self._end()
            raise

    # ------------------------------------------------------------ programs

    def start_server(self, settings=()):
        wanted = {"TIKTOK_APP_KEY": APP_KEY, "TIKTOK_APP_SECRET": APP_SECRET}
        if self.shopee:
            wanted.update({"SHOPEE_PARTNER_ID": PARTNER_ID, "SHOPEE_PARTNER_KEY": PARTNER_KEY, "SHOPEE_PUSH_KEY": PUSH_KEY,
                           "SHOPEE_CALLBACK_URL": CALLBACK_URL})
        wanted.update(settings)
        self.server = Server(self.redis, wanted, build=self.build)
        self.programs.append(self.server)
        return self.server

    def common_settings(self):
        settings = {"REDIS_URL": self.redis.url, "MONGO_URI": self.mongo.uri, "MONGO_DBNAME": self.dbname,
                    "CREDENTIALS_KEY": CREDENTIALS_KEY, "TIKTOK_APP_KEY": APP_KEY, "TIKTOK_APP_SECRET": APP_SECRET,
                    "TIKTOK_API_URL": self.sim.url, "TIKTOK_AUTH_URL": self.sim.url}
        # A case about limits sets its own.
        settings.update({"PLATFORM_RATE_LIMIT_TIKTOK": 0, "PLATFORM_RATE_LIMIT_SHOPEE": 0, "SHOP_RATE_LIMIT_TIKTOK": 0,
                         "SHOP_RATE_LIMIT_SHOPEE": 0})
        if self.shopee:
            settings.update({"SHOPEE_PARTNER_ID": PARTNER_ID, "SHOPEE_PARTNER_KEY": PARTNER_KEY, "SHOPEE_PUSH_KEY": PUSH_KEY,
                             "SHOPEE_CALLBACK_URL": CALLBACK_URL, "SHOPEE_API_URL": self.shopee.url})
        return settings

    def worker(self, name=None, wait=True, wrapper=(), **settings):
        """Starts a worker; one lane unless WORKER_THREADS says otherwise. wrapper: a command to run it under."""
        wanted = dict(self.common_settings(), **WORKER_TIMERS)
        wanted.update({"ADMIN_LISTEN": "127.0.0.1:0", "WORKER_THREADS": 1,
                       "WORKER_NAME": name or "w%d" % (len(self.workers) + 1)})
        wanted.update(self.worker_settings)
        wanted.update(settings)
        worker = Worker(wanted, build=self.build, wait=wait, wrapper=wrapper)
        self.workers.append(worker)
        self.programs.append(worker)
        return worker

    def stop_workers(self):
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.stop()

    def ctl(self, *arguments, stdin="", status=0, settings=(), wrapper=()):
        """Runs shopstreamctl; status: the exit status it must have (None: any). Returns the finished process."""
        environment = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME") or k.endswith("SAN_OPTIONS")}
        environment.update(self.common_settings())
        environment.update(WORKER_TIMERS)
        environment.update(settings)
        done = subprocess.run([*wrapper, os.path.join(self.build, "shopstreamctl"), *arguments], input=stdin, text=True, timeout=120,
                              env={k: str(v) for k, v in environment.items()}, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        shown = done.stdout + done.stderr
        check(status is None or done.returncode == status, "shopstreamctl %s: exit %d, expected %s: %s" % (
            " ".join(arguments), done.returncode, status, shown[-2000:]))
        for word in NEVER_LOGGED:
            check(word not in shown, "shopstreamctl %s: %r: %s" % (" ".join(arguments), word, shown[-3000:]))
        self.check_no_secret(shown, "shopstreamctl %s" % " ".join(arguments))
        return done

    def put_shops(self, shops=None):
        """shop put of the given records (default: all the simulator knows)."""
        shops = [shop for sim in self.sims for shop in sim.shops()] if shops is None else shops
        for shop in shops:
            for token in (shop["access_token"], shop["refresh_token"]):
                check(token.startswith(tuple(TOKENS)), "a token that check_silence would not know: %s" % token)
            self.channels[shop["shop_id"]] = shop.get("channel_id", "")
        self.ctl("init")
        return self.ctl("shop", "put", stdin="".join(json.dumps(shop) + "\n" for shop in shops))

    # ------------------------------------------------------------ events

    def send(self, *lines, url=None, connections=16, retries=4, rate=None, allow_refused=False, repeat=1):
        """Sends pushes (lines of the simulator, or its "push" objects) and remembers the accepted ones. Returns the ledger."""
        flat = []
        for line in lines:
            flat += [line] if isinstance(line, (str, dict)) else list(line)
        flat = [json.dumps(line) if isinstance(line, dict) else line for line in flat]
        listing, ledger = os.path.join(self.directory, "pushes"), os.path.join(self.directory, "ledger")
        with open(listing, "w") as f:
            f.write("\n".join(flat) + "\n")
        command = [os.path.join(RELEASE, "webhook-sender"), "--url", url or "http://127.0.0.1:%d" % self.server.port,
                   "--file", listing, "--connections", str(connections), "--retries", str(retries), "--retry-ms", "200",
                   "--ledger", ledger, "--repeat", str(repeat)]
        if rate:
            command += ["--rate", str(rate)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=600)
        check(done.returncode == 0 or (allow_refused and done.returncode == 1),
              "webhook-sender: exit %d: %s%s" % (done.returncode, done.stdout, done.stderr))
        with open(ledger) as f:
            rows = [json.loads(line) for line in f]
        self.remember(flat, rows)
        return rows

    def remember(self, lines, rows):
        """Pushes as they were sent, and the sender's ledger of them: what was accepted must be accounted for in the end."""
        for i, row in enumerate(rows):
            if row["accepted"]:
                line = json.loads(lines[i % len(lines)])
                self.accepted.append(dict(row, path=line["path"], body=line["body"]))

    def change(self, shop, number, send=True, sim=None, **more):
        """A change at the marketplace (sim: another than the first) and, unless send=False, its push."""
        changed = (sim or self.sim).change(shop, number, **more)
        if send:
            self.send(changed["push"])
        return changed

    def add_entry(self, stream=LIVE, **fields):
        """Adds an entry by hand, past the server."""
        return text(self.redis.client.xadd(stream, fields))

    # ------------------------------------------------------------ waiting

    def group(self, stream=LIVE):
        """(lag, pending) of the group on a stream; lag is counted where Redis does not know it, and 0 where nothing is unread,
        because its counter may be wrong for good after a crash; None: no group."""
        if not self.redis.client.exists(stream):
            return 0, 0
        for group in self.redis.client.xinfo_groups(stream):
            if text(group["name"]) == GROUP:
                lag, unread = group["lag"], "(" + text(group["last-delivered-id"])
                if lag is None:
                    lag = len(self.redis.client.xrange(stream, unread, "+", count=10000))
                elif lag > 0 and not self.redis.client.xrange(stream, unread, "+", count=1):
                    lag = 0
                return lag, group["pending"]
        return (None if self.redis.client.xlen(stream) else 0), 0

    def partitions(self):
        """How many there have ever been (webhooks:layout)."""
        found = re.search(r"most=(\d+)", text(self.redis.client.get("webhooks:layout") or b""))
        return int(found.group(1)) if found else 1

    def streams(self):
        return [name % p for p in range(self.partitions()) for name in ("webhooks:{%d}", "webhooks:{%d}:bulk")]

    def dead_streams(self):
        return ["webhooks:{%d}:dead" % p for p in range(self.partitions())]

    def unfinished(self):
        """Entries not delivered plus entries not acked, of all streams; None while a group is missing."""
        groups = [self.group(stream) for stream in self.streams()]
        return None if any(lag is None for lag, _ in groups) else sum(lag + pending for lag, pending in groups)

    def needs(self, **query):
        return self.db.needs.count_documents(query)

    def added(self):
        return [self.redis.client.xinfo_stream(s)["entries-added"] for s in self.streams() if self.redis.client.exists(s)]

    def finished(self):
        """No entry is open, and no need that only waits for its turn. The sweep turns needs into entries, so both are only
        known to be gone when no entry was added while they were counted. Entries that Redis has lost are needs again soon."""
        added = self.added()
        return (self.unfinished() == 0 and not self.swept_lost() and self.needs(reason={"$in": TURN_ONLY}) == 0
                and self.unfinished() == 0 and self.added() == added)

    def at_rest(self):
        """Finished, and no need at all. A need may become an entry between the two questions, and an entry a need: twice."""
        return all(self.needs() == 0 and self.finished() for _ in range(2))

    def swept_lost(self):
        """Needs that went back to the stream, whose entries are not there any more."""
        return [row["_id"] for row in self.db.swept.find() if not self.redis.client.xrange(row["stream"], row["entry"], row["entry"])]

    def settle(self, seconds=60):
        """Waits until the group has read and finished everything. Needs that wait for their shop may stay."""
        deadline = time.monotonic() + seconds
        while not self.finished():
            for worker in self.workers:
                if worker.process.poll() is not None and worker.process.returncode != 0 and not getattr(worker, "may_die", False):
                    worker.fail("ended with %s" % worker.process.returncode)
            if time.monotonic() > deadline:
                raise Failure("not settled after %g s: %s" % (seconds, self.describe()))
            time.sleep(0.02)

    def describe(self):
        """What is open, for a failure."""
        parts = ["%s lag and pending %s" % (stream, self.group(stream)) for stream in self.streams()
                 if self.redis.client.exists(stream)]
        if self.redis.client.exists(LIVE) and self.group()[1]:
            rows = self.redis.client.xpending_range(LIVE, GROUP, "-", "+", 5)
            parts += ["%s by %s idle %d tries %d" % (text(r["message_id"]), text(r["consumer"]), r["time_since_delivered"],
                                                     r["times_delivered"]) for r in rows]
        parts += ["need %s: %s" % (n["_id"], n.get("reason")) for n in self.db.needs.find().limit(3)]
        parts.append("dead %s" % self.dead())
        return "; ".join(parts)

    def deferred(self):
        """Entries waiting for their next try."""
        if self.group()[0] is None or not self.redis.client.exists(LIVE):
            return []
        return [r for r in self.redis.client.xpending_range(LIVE, GROUP, "-", "+", 10000, consumername="parked")]

    # ------------------------------------------------------------ looking

    def order(self, changed):
        """The document of an order, by what change() answered; None when there is none."""
        return self.db.orders.find_one({"_id": "tiktok:%s:%s" % (changed["shop_id"], changed["order_id"])})

    def dead(self):
        return [(text(f.get(b"_class", b"?")), text(f.get(b"id", b""))) for stream in self.dead_streams()
                for _, f in self.redis.client.xrange(stream)]

    def dead_letters(self):
        return [{text(k): text(v) if k != b"body" else v for k, v in f.items()} for _, f in self.redis.client.xrange(DEAD)]

    def bulks(self):
        return sum(worker.metric("shopstream_worker_bulks_total") for worker in self.workers if worker.process.poll() is None)

    # ------------------------------------------------------------ the account

    def check(self, leave_out=(), sample=None, entries=True, needs=0, prove=True):
        """Every accepted event is accounted for. leave_out: ids of entities (an order's counts for its tracking and its money,
        too) whose documents the case judges by itself. sample: compare the content of only so many orders (all are checked to
        be there with the right version). entries: False where finished ones are trimmed at once. needs: how many still wait.
        prove: False where Redis has forgotten, or a server was lost for good, which the command must report."""
        check_equal(self.unfinished(), 0, "unfinished entries")
        check_equal(sorted(self.dead()), sorted(self.expected_dead), "dead letters")
        check_equal(self.needs(), needs, "needs")
        if entries:
            self.check_entries()
        self.check_documents(set(leave_out), sample)
        self.check_silence()
        if prove:
            self.check_proof()

    def check_proof(self):
        """prove says so too. A server that has found Redis restarted or emptied tells of it for some seconds, until all of
        its loops have sent again what was missing: that is waited for."""
        def ended():
            done = self.ctl("prove", status=None)
            return None if "has not ended" in done.stdout else done

        done = wait_for("the gaps of the servers to be closed", ended, 30)
        check(done.returncode == 0, "shopstreamctl prove: exit %d: %s" % (done.returncode, (done.stdout + done.stderr)[-2000:]))

    def check_entries(self):
        """Each accepted event has an entry in the stream or in the dead letters: under its notification id, or, where the
        platform gives none, with its content."""
        stored = set()
        for stream in self.streams() + self.dead_streams():
            for _, fields in self.redis.client.xrange(stream):
                stored.add(text(fields.get(b"key", b"")).rpartition(":")[2])
                stored.add(content_of(text(fields.get(b"body", b""))))
        lost = [row["body"] for row in self.accepted if (row["notification_id"] or content_of(row["body"])) not in stored]
        check(not lost, "%d accepted events have no entry, such as %s" % (len(lost), lost[:3]))

    def entries(self):
        """(notification, kind, entity id) of each entry that the accepted events make: repeats of a notification make none."""
        return {(row["notification_id"] or content_of(row["body"]), *entity) for row in self.accepted
                for entity in truth.named(row["path"].rpartition("/")[2], row["body"])}

    def named(self):
        """{kind: ids of documents} that accepted events name."""
        found = {kind: set() for kind in truth.KINDS}
        for row in self.accepted:
            platform = row["path"].rpartition("/")[2]
            shop_id = json.loads(row["body"]).get("shop_id")
            for kind, entity_id in truth.named(platform, row["body"]):
                found[kind].add("%s:%s:%s" % (platform, shop_id, entity_id))
        return found

    def check_documents(self, leave_out, sample):
        """All collections equal what the marketplaces serve now. Required are all their orders, what accepted events have
        named, and the money of orders and returns that say it has moved."""
        if sample is not None:
            self.check_sample(leave_out, sample)
            return
        named, (served, unpacked) = self.named(), self.served(leave_out)
        # An order without packages has a tracking, too, when somebody has asked for it.
        asked = named["tracking"] | set(self.db.order_tracking_status.distinct("_id"))
        served["tracking"].update({_id: unpacked[_id] for _id in asked & set(unpacked) - set(served["tracking"])})
        required = dict(named, order=named["order"] | set(served["order"]), transaction=paid(served, named["return"]))
        buried = {entity_id for _, entity_id in self.dead()}
        problems = []
        for kind, (collection, _) in truth.KINDS.items():
            documents = {d["_id"]: d for d in self.db[collection].find() if entity_of(d["_id"]) not in leave_out}
            if kind == "tracking":
                self.forget_times(documents, served[kind])
            # What is not served any more, or never was, is a tombstone or a dead letter.
            wanted = {_id for _id in required[kind] if entity_of(_id) not in (leave_out if _id in served[kind] else leave_out | buried)}
            problems += truth.compare(kind, documents, served[kind], wanted)
        check(not problems, "%d differences to the marketplace: %s" % (len(problems), "; ".join(problems[:5])))

    def forget_times(self, *trackings):
        """Trackings of orders whose address has changed: their times may be those of before."""
        moved = {truth.renamed_address(row["path"].rpartition("/")[2], row["body"]) for row in self.accepted}
        for entries in trackings:
            entries.update({_id: truth.untimed(entries[_id]) for _id in moved & set(entries)})

    def served(self, leave_out=()):
        """({kind: {_id: (document, version)}} of all the marketplaces serve now, the same of trackings of orders as if nothing
        was packed)."""
        found, unpacked = {kind: {} for kind in truth.KINDS}, {}
        for sim in self.sims:
            for kind, (_, sim_kinds) in truth.KINDS.items():
                for sim_kind in sim_kinds:
                    if (sim.platform, sim_kind) != ("shopee", "cancellation"):
                        rows = [row for row in sim.truth(kind=sim_kind) if row["id"] not in leave_out]
                        found[kind].update(self.expected(rows))
                        if kind == "order":
                            bare = (dict(row, kind="tracking", body={"order": row["body"], "packages": [], "tracking": []})
                                    for row in rows)
                            unpacked.update(self.expected(bare))
        return found, unpacked

    def expected(self, rows):
        made = (truth.expected(row, self.channels) for row in rows)
        return {document["_id"]: (document, version) for document, version in filter(None, made)}

    def check_sample(self, leave_out, sample):
        """The first marketplace's orders only: all are there with the right version, some are compared."""
        served = {}
        for line in self.sim.orders():
            row = json.loads(line)
            if row["order_id"] not in leave_out:
                served["tiktok:%s:%s" % (row["shop_id"], row["order_id"])] = (int(row["order"]["update_time"]) * 1000, line)
        wanted = {"order_id": {"$nin": sorted(leave_out)}}
        stored = {d["_id"]: d.get("version") for d in self.db.orders.find(wanted, {"version": 1})}
        check_equal(set(stored) ^ set(served), set(), "orders on one side only")
        wrong = [key for key in served if stored[key] != served[key][0]]
        check(not wrong, "%d orders with another version, such as %s" % (len(wrong), wrong[:3]))
        rows = [truth.load(served[key][1]) for key in random.Random(1).sample(sorted(served), min(sample, len(served)))]
        expected = self.expected(dict(row, platform="tiktok", kind="order", body=row["order"]) for row in rows)
        documents = {d["_id"]: d for d in self.db.orders.find({"_id": {"$in": sorted(expected)}})}
        problems = truth.compare("order", documents, expected, expected)
        check(not problems, "%d differences to the marketplace: %s" % (len(problems), "; ".join(problems[:5])))

    def check_silence(self):
        """No secret, and nothing that cannot happen, where people look."""
        for program in self.programs:
            log = program.log()
            for word in NEVER_LOGGED:
                check(word not in log, "%s logged %r: %s" % (program.name, word, log[-3000:]))
            self.check_no_secret(log, "the log of %s" % program.name)
            if program not in self.sims and program.process.poll() is None:
                with open("/proc/%d/cmdline" % program.pid) as f:
                    self.check_no_secret(f.read(), "the command line of %s" % program.name)
                if getattr(program, "admin_port", None):
                    self.check_no_secret(program.admin("/metrics")[1], "the metrics of %s" % program.name)
        for letter in self.dead_letters():
            self.check_no_secret(repr(letter), "a dead letter")

    def check_no_secret(self, shown, where):
        for secret in self.secrets:
            check(secret not in shown, "%s shows a secret" % where)

    # ------------------------------------------------------------ the end

    def __enter__(self):
        return self

    def __exit__(self, kind, *ignored):
        try:
            if kind is None:
                for worker in self.workers:
                    if worker.process.poll() is None:
                        worker.stop(60)
                if self.server is not None and self.server.process.poll() is None:
                    self.server.stop(60)
                self.check_silence()
            else:
                self.print_logs()
        finally:
            self._end()

    def print_logs(self):
        for program in self.programs:
            if program not in self.sims:
                lines = program.log().splitlines()
                for line in lines[-25:]:
                    print("# %s %d: %s" % (program.name, program.pid, line[:400]), flush=True)

    def _end(self):
        for program in reversed(self.programs):
            program.close()
        for closer in reversed(self.closers):
            try:
                closer()
            except Exception as error:  # the others must end all the same
                print("# closing: %s" % error, flush=True)
        shutil.rmtree(self.directory, ignore_errors=True)
