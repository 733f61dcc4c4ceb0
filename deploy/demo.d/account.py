"""account.py - the demo's eyes: live progress, then the proof that every event is accounted for.

    account.py account          everything comes from the environment, deploy/demo sets it
    account.py drop NAME        removes the demo's database from MONGO_URI, a server that is not the demo's

It asks only what stands outside the product: Redis, MongoDB, the marketplace's own counters and state, the ledger of the
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

STREAM, GROUP, DEAD = "webhooks:{0}", "workers", "webhooks:{0}:dead"
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
        self.marketplace = environment["DEMO_MARKETPLACE"]
        self.server_admin = environment["DEMO_SERVER_ADMIN"]
        self.worker_admins = environment["DEMO_WORKER_ADMINS"].split()
        self.events, self.orders = int(environment["DEMO_EVENTS"]), int(environment["DEMO_ORDERS"])
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

    def group(self):
        """The group's row of XINFO GROUPS; zeroes before it is made."""
        try:
            rows = {row["name"]: row for row in self.redis.xinfo_groups(STREAM)}
        except redis.ResponseError:
            rows = {}
        return rows.get(GROUP.encode(), {"pending": 0, "lag": None, "entries-read": 0})

    def now(self):
        """What stands where at this moment."""
        answers = metrics(self.server_admin)
        group = self.group()
        return {
            "sent": sum(n for name, n in answers.items() if name.startswith("shopstream_server_requests_total{")),
            "stored": self.redis.xlen(STREAM),
            "lag": group["lag"],
            "pending": group["pending"],
            "dead": self.redis.xlen(DEAD),
            "documents": self.db.orders.count_documents({}),
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
            settled = summary is not None and state["lag"] == 0 and state["pending"] == 0
            if state != before:
                before, changed = state, time.monotonic()
            still = time.monotonic() - changed > STANDSTILL_S
            shown = self.show(state, shown, settled or still)
            if settled:
                return None
            if still:
                return "nothing has changed for %d s, and not everything is finished" % STANDSTILL_S
            time.sleep(0.05)  # the rate at which a person is shown news, not a wait for anything

    # ------------------------------------------------------------ accounting

    def check(self, holds, what):
        print("    %s  %s" % (" ok " if holds else "FAIL", what))
        if not holds:
            self.problems.append(what)

    def account_sender(self):
        """Sent = 200s. Returns (bodies sent, answers with 200)."""
        with open(self.directory + "/burst.ndjson") as burst:
            bodies = [json.loads(line)["body"].encode() for line in burst]
        summary = self.sender_summary() or {}
        answers = summary.get("by_status", {})
        latency = summary.get("latency_us", {})
        print("  webhooks: %d sent in %s s (%d distinct, %d duplicates); answers: %s; latency p50 %.1f ms, p99 %.1f ms" % (
            len(bodies), summary.get("duration_s"), len(set(bodies)), len(bodies) - len(set(bodies)),
            ", ".join("%s × %s" % (n, status) for status, n in sorted(answers.items())) or "none",
            latency.get("p50", 0) / 1000, latency.get("p99", 0) / 1000))
        self.check(summary.get("accepted") == len(bodies) == self.events,
                   "%s of %d events were answered 200" % (summary.get("accepted"), self.events))
        return bodies, answers.get("200", 0)

    def account_stream(self, bodies, answers_200):
        """Each distinct event has an entry for every entity it changes; everything was read and finished."""
        server, group = metrics(self.server_admin), self.group()
        rows = [fields for _, fields in self.redis.xrange(STREAM)]
        entries = [fields[b"body"] for fields in rows]
        entities = collections.Counter(body for body, _, _ in {(f[b"body"], f[b"kind"], f[b"id"]) for f in rows})
        named = sum(entities[body] for body in bodies)
        stored = server["shopstream_server_entries_stored_total"]
        duplicates = server["shopstream_server_entries_duplicate_total"]
        print("  stream: %d entries; %d duplicates were recognised at the door, %d stored for the workers to fold" % (
            len(entries), duplicates, len(entries) - sum(entities.values())))
        self.check(stored + duplicates == named, "stored %d + duplicates %d = %d entities of %d answers with 200" % (
            stored, duplicates, named, answers_200))
        self.check(set(entries) == set(bodies), "the stream holds each of the %d distinct events, byte for byte, and no other"
                   % len(set(bodies)))
        self.check(len(entries) == stored, "%d entries in the stream = %d stored" % (len(entries), stored))
        self.check(group["entries-read"] == len(entries) and group["lag"] == 0, "delivered %s of %d, lag %s" % (
            group["entries-read"], len(entries), group["lag"]))
        pending = self.redis.xpending(STREAM, GROUP)
        self.check(pending["pending"] == 0, "the pending list is empty: XPENDING says %d" % pending["pending"])
        self.check(self.redis.xlen(DEAD) == 0, "dead letters: %d" % self.redis.xlen(DEAD))
        return len(entries)

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

    def account_marketplace(self):
        counters = json.loads(get(self.marketplace + "/_sim/counters"))
        print("  marketplace: %d detail calls for %d ids (%.1f per call), %d refused" % (
            counters["detail_calls"], counters["detail_ids"], counters["detail_ids"] / max(1, counters["detail_calls"]),
            sum(counters["errors_by_code"].values())))
        self.check(counters["sign_failures"] == 0 and not counters["errors_by_code"], "every call was signed and allowed")
        self.check(counters["detail_ids"] >= self.orders, "at least one read for each of %d orders" % self.orders)

    def account_documents(self, bodies):
        served = get(self.marketplace + "/_sim/orders").splitlines()
        with open(self.directory + "/shops.ndjson") as shops:
            channels = {shop["shop_id"]: shop["channel_id"] for shop in map(json.loads, shops)}
        options = bson.codec_options.CodecOptions(document_class=dict)
        orders = {row["_id"]: row for row in self.db.get_collection("orders", options).find()}
        announced = {"tiktok:%s:%s" % (push["shop_id"], push["data"]["order_id"]) for push in map(json.loads, set(bodies))}
        print("  documents: %d in collection orders" % len(orders))
        self.check(set(orders) == announced and len(orders) == self.orders,
                   "a document for each of the %d orders announced, and no other" % len(announced))
        found = truth.compare(orders, served, channels)
        self.check(not found, "%d documents compared with the marketplace, field by field: %s" % (
            len(served), "%d differences" % len(found) if found else "equal"))
        for sentence in found[:10]:
            print("          " + sentence)
        return orders

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
        bodies, answers_200 = self.account_sender()
        entries = self.account_stream(bodies, answers_200)
        if not reason:
            self.account_workers(entries)
        self.account_marketplace()
        orders = self.account_documents(bodies)
        self.check(not self.dead_programs(), "server, workers and simulator run")
        if orders:
            pushes = collections.Counter(json.loads(body)["data"]["order_id"] for body in bodies)
            document = max(orders.values(), key=lambda row: (pushes[row.get("order_id")], row["_id"]))
            print("\nThe order with the most events (%d), as MongoDB holds it:" % pushes[document.get("order_id")])
            print(pretty(document))
        if self.problems:
            return self.verdict(self.problems)
        print("\nALL ACCOUNTED FOR: %d webhooks, %d entries, %d documents; nothing lost, nothing pending, nothing dead." % (
            len(bodies), entries, len(orders)))
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
