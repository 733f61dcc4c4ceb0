#!/usr/bin/python3
"""The whole path with real servers, under load: signed webhook, Redis Stream, worker, MongoDB. Built without sanitizers,
because what counts here are amounts: events, marketplace calls, bulk commands."""

import math
import os
import random
import sys

import bson
from bson.raw_bson import DEFAULT_RAW_BSON_OPTIONS

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from stack import *  # noqa: E402,F403
from world import *  # noqa: E402,F403

BURST = {"shops": 2, "orders": 600, "events": 2000, "duplicates": 0.2, "reorder": 0.3, "address": 0.05, "same_second": 0.05}


class Nginx:
    """nginx with the site file we ship, on a free port in front of the world's server."""

    def __init__(self, world):
        self.directory = tempfile.mkdtemp(prefix="shopstream-nginx-")
        self.process = None
        with open(os.path.join(ROOT, "deploy", "nginx", "shopstream.conf")) as f:
            site = f.read()
        for attempt in range(10):
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self.port = probe.getsockname()[1]
            self._write(site, world.server.port)
            self._start()
            if self._serves():
                return
        raise Failure("nginx does not start: %s" % self.log())

    def _write(self, site, upstream):
        """The file as shipped, but for the ports it listens on and passes to, and certificates nobody has here."""
        site = re.sub(r"127\.0\.0\.1:8080", "127.0.0.1:%d" % upstream, site)
        site = re.sub(r"(?m)^(\s*)listen 443 ssl;", r"\1listen 127.0.0.1:%d;" % self.port, site)
        site = re.sub(r"(?m)^(\s*)listen 80;", r"\1listen 127.0.0.1:%d;" % self.port, site)  # the first server is the default
        site = re.sub(r"(?m)^\s*listen \[::\]:[^;]*;", "", site)
        site = re.sub(r"(?m)^\s*(ssl_\w+|http2)\s[^;]*;", "", site)
        check("127.0.0.1:%d" % upstream in site and "listen 127.0.0.1:%d;" % self.port in site,
              "the site file names neither 127.0.0.1:8080 nor a listener on 443 any more")
        with open(os.path.join(self.directory, "nginx.conf"), "w") as f:
            f.write("daemon off;\npid %(d)s/pid;\nerror_log %(d)s/error.log warn;\nworker_processes 1;\n"
                    "events { worker_connections 512; }\n"
                    "http {\naccess_log off;\nclient_body_temp_path %(d)s/body;\nproxy_temp_path %(d)s/proxy;\n"
                    "fastcgi_temp_path %(d)s/fastcgi;\nuwsgi_temp_path %(d)s/uwsgi;\nscgi_temp_path %(d)s/scgi;\n"
                    "%(site)s\n}\n" % {"d": self.directory, "site": site})

    def _start(self):
        with open(os.path.join(self.directory, "output"), "ab") as output:
            self.process = subprocess.Popen(
                ["nginx", "-p", self.directory, "-e", os.path.join(self.directory, "error.log"),
                 "-c", os.path.join(self.directory, "nginx.conf")],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output)

    def _serves(self):
        """False: it ended at once, its port was taken."""
        def answered():
            if self.process.poll() is not None:
                return True
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return True
        wait_for("nginx", answered, 20)
        return self.process.poll() is None

    def log(self):
        shown = ""
        for name in ("output", "error.log"):
            with contextlib.suppress(OSError), open(os.path.join(self.directory, name), errors="replace") as f:
                shown += f.read()
        return shown[-2000:]

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


def case_a_burst_for_600_orders_in_2_shops_makes_mongodb_equal_to_the_marketplace():
    with World(release=True) as world:
        world.worker(WORKER_THREADS=2)
        world.worker(WORKER_THREADS=2)
        rows = world.send(world.sim.burst(**BURST))
        check_equal([row["statuses"] for row in rows if row["statuses"] != [200]], [], "answers other than a first 200")
        world.settle()
        world.check()


def case_the_same_through_a_real_nginx():
    with World(release=True) as world, Nginx(world) as nginx:
        world.worker(WORKER_THREADS=2)
        world.worker(WORKER_THREADS=2)
        world.send(world.sim.burst(**BURST), url="http://127.0.0.1:%d" % nginx.port)
        check_equal(world.server.metric('shopstream_server_requests_total{answer="unauthorized"}'), 0, "bodies nginx changed")
        world.settle()
        world.check()


def case_amounts_and_ids_sent_as_numbers_arrive_exactly():
    with World(release=True) as world:
        world.sim.switch(odd_numbers=True)
        lines = world.sim.burst(shops=2, orders=300, events=300)
        served = "".join(world.sim.orders())
        check(re.search(r'"total_amount":\d', served) and re.search(r'"product_id":\d', served), "no numbers in odd places")
        world.worker()
        world.send(lines)
        world.settle()
        world.check()


def work_off_300_new_orders():
    """False: a call took so long that its turn went on without it, and what it brought had a bulk of its own."""
    with World(shops=1, release=True) as world:
        idle = world.worker()
        start = idle.metric("shopstream_worker_bulks_total")  # the self-check of every start writes, too
        idle.stop()
        world.send(world.sim.burst(shops=1, orders=300, events=300))
        worker = world.worker()
        world.settle()
        counters = world.sim.counters()
        check_equal((counters["detail_calls"], counters["detail_ids"]), (6, 300), "detail calls and ids")
        check_equal(worker.metric("shopstream_worker_fetch_calls_total"), 6, "calls the worker counted")
        bulks, carried = (worker.metric("shopstream_worker_%s_total" % name) for name in ("bulks", "fetch_carried"))
        world.check()
        check(bulks - start <= 1 + carried, "%d bulk commands, %d calls carried" % (bulks - start, carried))
        return carried == 0


def case_300_new_orders_of_one_shop_take_6_detail_calls_and_1_bulk_command():
    check(any(work_off_300_new_orders() for _ in range(5)), "the marketplace was slow five times")


def fields_of(raw):
    """Each field as its bytes."""
    return sorted((key, bson.encode({key: value})) for key, value in bson.decode(raw).items())


def case_an_inserted_order_is_what_the_guarded_upsert_would_have_made():
    """Field by field with types: a MongoDB server orders the fields of a $set as it likes."""
    with World(shops=1, release=True) as world:
        world.worker(WORKER_THREADS=1)
        world.send(world.sim.burst(shops=1, orders=20, events=20))
        world.settle()
        raw = {d["_id"]: d.raw for d in world.db.get_collection("orders", codec_options=DEFAULT_RAW_BSON_OPTIONS).find()}
        check_equal(len(raw), 20, "documents")
        upserted = world.db.get_collection("upserted", codec_options=DEFAULT_RAW_BSON_OPTIONS)
        for _id, data in raw.items():
            fields = bson.decode(data)
            first_seen = {"first_seen": fields.pop("first_seen")}
            del fields["_id"]
            guard = {"_id": _id, "deleted_at": {"$exists": False}, "version": {"$not": {"$gt": fields["version"]}},
                     "$nor": [{"version": fields["version"], "fetched_ms": {"$gte": fields["fetched_ms"]}}]}
            upserted.update_one(guard, {"$set": fields, "$unset": {"behind": ""}, "$setOnInsert": first_seen}, upsert=True)
            check_equal(fields_of(data), fields_of(upserted.find_one({"_id": _id}).raw), "the document of an upsert")


def case_30000_waiting_events_over_1000_shops_keep_the_calls_full():
    with World(shops=1000, release=True) as world:
        lines = world.sim.burst(shops=1000, orders=10000, events=30000, reorder=1)
        world.send(lines, connections=64)
        world.worker(WORKER_THREADS=2)
        world.settle(120)
        asked = world.sim.counters()
        check_equal(len(asked["by_shop"]), 1000, "shops asked for")
        full = 1000 * math.ceil(10 / 50)  # 10 orders a shop, 50 ids a call
        check(asked["detail_calls"] <= 4 * full, "%d detail calls, allowed are 4 times %d" % (asked["detail_calls"], full))
        world.check(sample=500)


def order_entries(world):
    """A push about a parcel on its way has an entry for the tracking beside the order's."""
    return sum(entry["kind"] == "order" for entry in world.redis.entries(LIVE))


def snapshot(world):
    return {d["_id"]: {k: v for k, v in d.items() if k not in truth.PASS_FIELDS} for d in world.db.orders.find()}


def case_the_same_2000_events_three_times_leave_identical_documents_and_settled_orders_unread():
    with World(release=True, server={"DEDUPE_WINDOW_MINUTES": 0}) as world:
        for _ in range(2):
            world.worker(WORKER_THREADS=2)
        lines = world.sim.burst(**BURST)
        world.send(lines)
        world.settle()
        world.check()
        first, reads = snapshot(world), world.sim.counters(reads=True)["reads"]
        # An address push does not say which state it means: its order is read each time; so is, with its order, the tracking
        # of a parcel that moves. All others are settled, because their last change was long ago.
        unsettled = {entry["id"] for entry in world.redis.entries(LIVE) if entry["kind"] == "tracking" or entry["topic"] == "3"}
        check(0 < len(unsettled) < len(first), "%d of %d orders with such a push" % (len(unsettled), len(first)))
        for round_number in (2, 3):
            random.Random(round_number).shuffle(lines)
            world.send(lines)
            world.settle()
        check_equal(order_entries(world), 3 * len(lines), "orders' entries in the stream")
        again = world.sim.counters(reads=True)["reads"]
        more = [order for order in again if again[order] != reads[order] and order not in unsettled]
        check(not more, "%d settled orders were read again, such as %s" % (len(more), more[:3]))
        second = snapshot(world)
        changed = [key for key in first if first[key] != second[key]]
        check(not changed and len(first) == len(second), "%d documents changed, such as %s and %s" % (
            len(changed), first.get((changed or [""])[0]), second.get((changed or [""])[0])))
        world.check()


def case_with_dedupe_on_only_the_first_round_reaches_the_stream():
    with World(release=True, register=False) as world:
        lines = world.sim.burst(**BURST)
        different = {json.loads(json.loads(line)["body"])["tts_notification_id"] for line in lines}
        check(len(different) < len(lines), "the burst has duplicates")
        # The first connection to see an event stores it; its copy may be on its way already, so the first round is sent
        # by one connection.
        world.send(lines, connections=1)
        for round_number in (2, 3):
            random.Random(round_number).shuffle(lines)
            world.send(lines)
        check_equal(order_entries(world), len(different), "orders' entries in the stream")
        world.check_entries()


if __name__ == "__main__":
    run_cases(globals())
