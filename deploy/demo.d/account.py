"""account.py - the demo's eyes: live progress, then the proof that every event is accounted for.

    account.py account          everything comes from the environment, deploy/demo sets it
    account.py drop NAME        removes the demo's database from MONGO_URI, a server that is not the demo's

It asks only what stands outside the product: Redis, MongoDB, the marketplaces' own counters and state, the ledger of the
sender; the programs' metrics are shown and must agree. The expected documents come from tests/lib/truth.py, which shares
nothing with the product.

Exit status: 0 all accounted for, 1 not.
"""

import collections
import glob
import json
import os
import sys
import time
import urllib.request

import bson
import pymongo
import pymongo.errors
import redis

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
import truth  # noqa: E402

STREAM, BULK, GROUP, DEAD = "webhooks:{0}", "webhooks:{0}:bulk", "workers", "webhooks:{0}:dead"
TRANSACTION_IDS = {"tiktok": "order", "shopee": "escrow"}  # what stands in the _id of an order's transactions
STANDSTILL_S = 90  # nothing changed for so long: it never will


def get(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


def metrics(port):
    """{name with labels: value} of an admin port."""
    rows = (line.rsplit(" ", 1) for line in get("http://127.0.0.1:%s/metrics" % port).splitlines() if line and line[0] != "#")
    return collections.Counter({name: int(float(value)) for name, value in rows})


def process_runs(directory, name):
    """Whether the process that deploy/demo noted still runs: pid and start time both fit."""
    try:
        with open("%s/%s.pid" % (directory, name)) as pid, open("%s/%s.born" % (directory, name)) as born:
            wanted = born.read().strip()
            with open("/proc/%d/stat" % int(pid.read())) as stat:
                fields = stat.read().rsplit(") ", 1)[1].split()
    except (OSError, ValueError, IndexError):
        return False
    return fields[0] not in "ZX" and fields[19] == wanted


class Demo:
    def __init__(self, environment):
        self.directory = environment["DEMO_DIR"]
        self.began = float(environment["DEMO_BEGAN"])
        self.marketplaces = environment["DEMO_MARKETPLACES"].split()
        self.server_admin = environment["DEMO_SERVER_ADMIN"]
        self.worker_admins = environment["DEMO_WORKER_ADMINS"].split()
        self.events = int(environment["DEMO_EVENTS"])
        self.redis = redis.Redis.from_url(environment["REDIS_URL"], socket_timeout=10)
        self.db = pymongo.MongoClient(environment["MONGO_URI"], serverSelectionTimeoutMS=10000)[environment["MONGO_DBNAME"]]
        self.programs = [os.path.basename(path)[:-4] for path in glob.glob(self.directory + "/*.pid")]
        self.programs.remove("sender")
        self.problems = []

    def elapsed(self):
        return time.time() - self.began

    # ------------------------------------------------------------ progress

    def sender_summary(self):
        """The sender's last words; None while it runs."""
        if process_runs(self.directory, "sender"):
            return None
        with open(self.directory + "/sender.log") as log:
            lines = [line for line in log if line.startswith("{")]
        return json.loads(lines[-1]) if lines else {}

    def dead_programs(self):
        return [name for name in self.programs if not process_runs(self.directory, name)]

    def group(self, stream):
        """The group's row of XINFO GROUPS; zeroes before it is made."""
        try:
            rows = {row["name"]: row for row in self.redis.xinfo_groups(stream)}
        except redis.ResponseError:
            rows = {}
        return rows.get(GROUP.encode(), {"pending": 0, "lag": 0 if stream == BULK else None, "entries-read": 0})

    def now(self):
        """What stands where at this moment."""
        answers = metrics(self.server_admin)
        groups = [self.group(stream) for stream in (STREAM, BULK)]
        return {
            "sent": sum(n for name, n in answers.items() if name.startswith("shopstream_server_requests_total{")),
            "stored": self.redis.xlen(STREAM) + self.redis.xlen(BULK),
            "lag": None if any(group["lag"] is None for group in groups) else sum(group["lag"] for group in groups),
            "pending": sum(group["pending"] for group in groups),
            "needs": self.db.needs.count_documents({}),
            "dead": self.redis.xlen(DEAD),
            "documents": sum(self.db[collection].count_documents({}) for collection, _ in truth.KINDS.values()),
        }

    def show(self, state, last, final):
        line = "%6.1f s  %s" % (self.elapsed(), "   ".join("%s %4s" % (k, "?" if v is None else v) for k, v in state.items()))
        if sys.stdout.isatty():
            print("\r\033[K" + line, end="\n" if final else "", flush=True)
        elif final or self.elapsed() >= last + 1:
            print(line, flush=True)
        else:
            return last
        return self.elapsed()

    def watch(self):
        """Shows progress until everything has settled. The reason when it does not."""
        before, changed, shown, first = None, time.monotonic(), 0, False
        while True:
            summary, dead = self.sender_summary(), self.dead_programs()
            if dead:
                print("\n" if sys.stdout.isatty() else "", end="")
                return "%s ended, and should not have" % " and ".join(sorted(dead))
            state = self.now()
            if state["sent"] and not first:
                first = True
                print("%6.1f s  the first webhook was answered" % self.elapsed(), flush=True)
            # An order that was paid becomes a need, and that an entry: only twice the same is the end.
            settled = summary is not None and state == before and state["lag"] == state["pending"] == state["needs"] == 0
            if state != before:
                before, changed = state, time.monotonic()
            still = time.monotonic() - changed > STANDSTILL_S
            shown = self.show(state, shown, settled or still)
            if settled:
                return None
            if still:
                return "nothing has changed for %d s, and not everything is finished" % STANDSTILL_S
            time.sleep(0.1)  # the rate at which a person is shown news, not a wait for anything

    # ------------------------------------------------------------ accounting

    def check(self, holds, what):
        print("    %s  %s" % (" ok " if holds else "FAIL", what))
        if not holds:
            self.problems.append(what)

    def account_sender(self):
        """Sent = 200s. Returns the pushes sent: (platform, body)."""
        with open(self.directory + "/burst.ndjson") as burst:
            lines = [json.loads(line) for line in burst]
        pushes = [(line["path"].rpartition("/")[2], line["body"]) for line in lines]
        summary = self.sender_summary() or {}
        answers = summary.get("by_status", {})
        latency = summary.get("latency_us", {})
        print("  webhooks: %s, sent in %s s (%d distinct, %d duplicates); answers: %s; latency p50 %.1f ms, p99 %.1f ms" % (
            " and ".join("%d of %s" % (n, platform) for platform, n in collections.Counter(p for p, _ in pushes).items()),
            summary.get("duration_s"), len(set(pushes)), len(pushes) - len(set(pushes)),
            ", ".join("%s × %s" % (n, status) for status, n in sorted(answers.items())) or "none",
            latency.get("p50", 0) / 1000, latency.get("p99", 0) / 1000))
        self.check(summary.get("accepted") == len(pushes) == self.events,
                   "%s of %d events were answered 200" % (summary.get("accepted"), self.events))
        return pushes

    def account_stream(self, pushes):
        """Each distinct event has an entry for every entity it changes; everything was read and finished. Returns the number of
        entries, those of needs included."""
        server = metrics(self.server_admin)
        bodies = {body for _, body in pushes}
        entries = [fields[b"body"].decode() for _, fields in self.redis.xrange(STREAM)]
        parked = self.redis.xlen(BULK)
        named = sum(len(truth.named(*push)) for push in pushes)
        stored = server["shopstream_server_entries_stored_total"]
        duplicates = server["shopstream_server_entries_duplicate_total"]
        print("  streams: %d entries of webhooks, %d duplicates were recognised at the door; %d entries of needs (orders whose"
              " money moved)" % (len(entries), duplicates, parked))
        self.check(stored + duplicates == named, "stored %d + duplicates %d = %d changes of entities that %d events name" % (
            stored, duplicates, named, len(pushes)))
        self.check(set(entries) == bodies, "the stream holds each of the %d distinct events, byte for byte, and no other"
                   % len(bodies))
        self.check(len(entries) == stored, "%d entries in the stream = %d stored" % (len(entries), stored))
        for stream, held in ((STREAM, len(entries)), (BULK, parked)):
            group = self.group(stream)
            self.check(group["entries-read"] == held and group["lag"] == 0 and group["pending"] == 0,
                       "%s: delivered %s of %d, lag %s, pending %d" % (stream, group["entries-read"], held, group["lag"],
                                                                      group["pending"]))
        needs = self.db.needs.count_documents({})
        self.check(needs == 0, "needs waiting in MongoDB: %d" % needs)
        self.check(self.redis.xlen(DEAD) == 0, "dead letters: %d" % self.redis.xlen(DEAD))
        return len(entries) + parked

    def account_workers(self, entries):
        name, deadline = "shopstream_worker_", time.monotonic() + 5
        while True:  # Redis knows of an acknowledgement a moment before the worker has counted it
            rows = [metrics(port) for port in self.worker_admins]
            total = sum(rows, collections.Counter())
            if total[name + "entries_acked_total"] == entries or time.monotonic() > deadline:
                break
            time.sleep(0.05)
        print("  workers: %s entries; %d joined another's read, %d were reflected already; %d bulk commands" % (
            " + ".join(str(row[name + "entries_acked_total"]) for row in rows), total[name + "entries_folded_total"],
            total[name + "entries_reflected_total"], total[name + "bulks_total"]))
        acked = total[name + "entries_acked_total"]
        self.check(acked == entries, "acknowledged %d of %d entries" % (acked, entries))

    def account_marketplaces(self, platforms):
        for platform, url in platforms.items():
            counters = json.loads(get(url + "/_sim/counters"))
            limits = json.loads(get(url + "/_sim/limits"))
            print("  %s: %d calls, of which %d asked for %d orders (%.1f a call)" % (
                platform, limits["app_calls"], counters["detail_calls"], counters["detail_ids"],
                counters["detail_ids"] / max(1, counters["detail_calls"])))
            self.check(counters["sign_failures"] == 0 and not counters["errors_by_code"],
                       "%s: every call was signed and allowed" % platform)

    def served(self, platforms):
        """{kind: {_id: (document, version)}} of all that the marketplaces serve now. Orders that were never packed have an empty
        tracking, which stands in MongoDB when somebody asked for it: under "unpacked"."""
        with open(self.directory + "/shops.ndjson") as shops:
            channels = {shop["shop_id"]: shop["channel_id"] for shop in map(json.loads, shops)}
        found = {kind: {} for kind in (*truth.KINDS, "unpacked")}

        def add(kind, rows):
            made = filter(None, (truth.expected(row, channels) for row in rows))
            found[kind].update((document["_id"], (document, version)) for document, version in made)

        for platform, url in platforms.items():
            for kind, (_, names) in truth.KINDS.items():
                for name in names:
                    if (platform, name) == ("shopee", "cancellation"):
                        continue
                    rows = [truth.load(line) for line in get("%s/_sim/truth?kind=%s" % (url, name)).splitlines()]
                    add(kind, rows)
                    if kind == "order":
                        add("unpacked", (dict(row, kind="tracking", body={"order": row["body"], "packages": [], "tracking": []})
                                         for row in rows))
        return found

    @staticmethod
    def paid(served, returns):
        """_ids of transactions there must be: of orders that are completed, and of returns that are."""
        done = [document for document, _ in served["order"].values() if document["state"] == "completed"]
        done += [served["return"][_id][0] for _id in returns if served["return"].get(_id, ({"state": ""},))[0]["state"] == "completed"]
        wanted = {"%s:%s:%s:%s" % (d["platform"], d["shop_id"], TRANSACTION_IDS[d["platform"]], d["order_id"]) for d in done}
        return wanted & set(served["transaction"])

    def account_documents(self, pushes, platforms):
        """All collections against what the marketplaces serve, field by field. Returns the documents by kind."""
        served = self.served(platforms)
        unpacked = served.pop("unpacked")
        named = {kind: set() for kind in truth.KINDS}
        for platform, body in set(pushes):
            for kind, entity in truth.named(platform, body):
                named[kind].add("%s:%s:%s" % (platform, json.loads(body)["shop_id"], entity))
        named["transaction"] = self.paid(served, named["return"])
        options = bson.codec_options.CodecOptions(document_class=dict)
        held = {kind: {row["_id"]: row for row in self.db.get_collection(collection, options).find()}
                for kind, (collection, _) in truth.KINDS.items()}
        asked = named["tracking"] | set(held["tracking"])
        served["tracking"].update((_id, unpacked[_id]) for _id in asked & set(unpacked) - set(served["tracking"]))
        print("  documents:")
        for kind, (collection, _) in truth.KINDS.items():
            found = truth.compare(kind, held[kind], served[kind], named[kind])
            self.check(not found, "%s: %d documents, compared with the marketplaces field by field: %s" % (
                collection, len(held[kind]), "%d differences" % len(found) if found else "equal"))
            for sentence in found[:10]:
                print("          " + sentence)
            for platform in platforms:
                self.check(any(_id.startswith(platform + ":") for _id in held[kind]), "%s of %s are among them" % (
                    collection, platform))
        return held

    def show_documents(self, held, platforms):
        """One of each kind and platform: the shortest that has a list, to be read rather than scrolled past."""
        for kind, documents in held.items():
            for platform in platforms:
                rows = [row for row in documents.values() if row.get("platform") == platform and "deleted_at" not in row]
                full = [row for row in rows if any(isinstance(value, list) and value for value in row.values())]
                if rows:
                    print("\n%s of %s, as MongoDB holds it:" % (kind, platform))
                    print(min(map(pretty, full or rows), key=len))

    def run(self):
        """Exit status. A program that does not answer is told from one that died, which is the better news."""
        try:
            return self.watch_and_account()
        except (OSError, redis.RedisError, pymongo.errors.PyMongoError) as error:
            self.problems += ["%s ended, and should not have" % name for name in self.dead_programs()]
            return self.verdict(self.problems or ["cannot ask: %s" % error])

    @staticmethod
    def verdict(problems):
        print("\nNOT ACCOUNTED FOR:\n  " + "\n  ".join(problems), flush=True)
        return 1

    def watch_and_account(self):
        reason = self.watch()
        if self.dead_programs():
            return self.verdict([reason or "a program ended, and should not have"])
        print("\nWhat happened, and whether it adds up:")
        if reason:
            self.check(False, reason)
        platforms = {json.loads(get(url + "/_sim/shops").splitlines()[0])["platform"]: url for url in self.marketplaces}
        pushes = self.account_sender()
        entries = self.account_stream(pushes)
        if not reason:
            self.account_workers(entries)
        self.account_marketplaces(platforms)
        held = self.account_documents(pushes, platforms)
        self.check(not self.dead_programs(), "server, workers and simulators run")
        self.show_documents(held, platforms)
        if self.problems:
            return self.verdict(self.problems)
        print("\nALL ACCOUNTED FOR: %d webhooks, %d entries, %d documents; nothing lost, nothing pending, nothing dead." % (
            len(pushes), entries, sum(map(len, held.values()))))
        return 0


# ---------------------------------------------------------------- one document, as a MongoDB shell prints it

WIDTH = 118


def scalar(value):
    if isinstance(value, bson.decimal128.Decimal128):
        return "Decimal128('%s')" % value
    if isinstance(value, bson.int64.Int64):
        return "Long('%d')" % value
    return json.dumps(value, ensure_ascii=False, default=str)


def pretty(value, indent=2):
    """Containers on one line where they fit."""
    if isinstance(value, dict):
        parts, marks = ["%s: %s" % (key, pretty(item, indent + 2)) for key, item in value.items()], "{}"
    elif isinstance(value, list):
        parts, marks = [pretty(item, indent + 2) for item in value], "[]"
    else:
        return scalar(value)
    line = marks[0] + " " + ", ".join(parts) + " " + marks[1]
    if len(line) + indent <= WIDTH and "\n" not in line:
        return line
    rows, row = [], ""
    for part in parts:
        if row and ("\n" in part or "\n" in row or len(row) + len(part) + indent > WIDTH):
            rows.append(row)
            row = ""
        row += (" " if row else "") + part + ","
    rows.append(row)
    pad = "\n" + " " * indent
    return marks[0] + pad + pad.join(rows).rstrip(",") + "\n" + " " * (indent - 2) + marks[1]


def main(arguments):
    if arguments == ["account"]:
        return Demo(os.environ).run()
    if len(arguments) == 2 and arguments[0] == "drop":
        pymongo.MongoClient(os.environ["MONGO_URI"], serverSelectionTimeoutMS=5000).drop_database(arguments[1])
        return 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
