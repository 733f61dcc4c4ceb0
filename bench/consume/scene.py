"""scene.py - what every contender of the consume part meets: the same orders waiting, the same documents stored.

    scene = scene_of(orders=10000, shops=10)
    scene.waiting("changed")          these entries wait, nobody has read them
    scene.stored("before")            this is what MongoDB holds
    figures = scene.drain(contender)  starts it, hands the entries over, waits until all are acknowledged, checks what came of it

A scene has one Redis, one MongoDB server, one marketplace simulator for all its rounds. Its orders are made once: created
("before": their first state), then changed once ("after": what the marketplace serves from then on); the pushes of the change go
through the real server, and the entries it stored are what waits in every round. The documents of both states are those that
shopstream-worker has made of them, outside of any measurement.

A contender that waits for entries is first given WARMED of them, which are not measured: connections are made, memory is taken,
Node.js has compiled. What that changed is put back. Then it gets all entries at once: they were added to another key with a group,
which a RENAME turns into the live stream. There the clock starts; it stops when lag and pending are 0. Redis rewrites its
append-only file in no round.
"""

import atexit
import json
import os
import threading
import time

import bson
import world
from bson.raw_bson import DEFAULT_RAW_BSON_OPTIONS
from consume.entries import document_id, hand_over, poisoned, stage
from consume.mongo_cpu import mongo_readers
from consume.verdict import check_round
from lib.measure import Meter, cpu_of, memory_of
from stack import check, check_equal

LIVE, DEAD, GROUP = world.LIVE, world.DEAD, world.GROUP
CALL = 50  # ids of a detail call
FILL = 10000  # documents an insert of filling
WARMED = 1000  # entries, at most a third of all


# ---------------------------------------------------------------- the scene

class Scene:
    def __init__(self, orders, shops):
        self.orders, self.shops = orders, shops
        self.world = w = world.World(shops=shops, release=True, server={"DEDUPE_WINDOW_MINUTES": 0})
        try:
            self.redis = w.redis.client
            self.redis.config_set("auto-aof-rewrite-percentage", 0)
            self.documents, self.streams = {}, {}
            self.indexes = [{"key": dict(i["key"]), "name": i["name"]} for i in w.db.orders.list_indexes() if i["name"] != "_id_"]
            self.held, self.filling = None, 0  # state of the orders in MongoDB (None: unknown), documents of others
            self._happen("before", "created")
            self._happen("after", "changed")
            self.streams["poison"] = poisoned(self.streams["changed"])
            self.readable = [document_id(f) for f in self.streams["poison"] if b"id" in f]
            self._end_preparation()
        except BaseException:
            w._end()
            raise

    def _happen(self, state, stream):
        """Every order changes once; its pushes become entries, and our worker the documents of that state. A push that says that
        an order is packed makes an entry for its tracking, too; only those of orders are kept."""
        w = self.world
        last = self.redis.xrevrange(LIVE, count=1)
        w.send(w.sim.burst(shops=self.shops, orders=self.orders, events=self.orders), connections=64)
        entries = self.redis.xrange(LIVE, min=b"(" + last[0][0] if last else "-")
        self.streams[stream] = [fields for _, fields in entries if fields[b"kind"] == b"order"]
        check_equal(len(self.streams[stream]), self.orders, "entries of orders")
        w.worker()
        w.settle(300)
        w.stop_workers()
        self.documents[state] = {d["_id"]: d for d in w.db.get_collection(
            "orders", codec_options=DEFAULT_RAW_BSON_OPTIONS).find()}
        check_equal(len(self.documents[state]), self.orders, "documents")

    def _end_preparation(self):
        w = self.world
        w.server.stop()
        check_equal(w.needs(), 0, "needs")
        self.versions = {_id: bson.decode(d.raw)["version"] for _id, d in self.documents["after"].items()}
        served = {}
        for text in w.sim.orders():  # also renders every answer, so that the marketplace is not what is measured
            row = json.loads(text)
            served["tiktok:%s:%s" % (row["shop_id"], row["order_id"])] = row["order"]["update_time"] * 1000
        check_equal(self.versions == served, True, "our own documents have the versions that are served")
        self.shops_file = os.path.join(w.directory, "shops")
        with open(self.shops_file, "w") as f:
            f.write("".join(json.dumps(shop) + "\n" for shop in w.sim.shops()))

    def close(self):
        self.world.workers = []
        self.world._end()

    # ------------------------------------------------------------ before a round

    def waiting(self, stream, repeat=1):
        """These entries are to wait, so many times over. Nothing else is in Redis."""
        self.redis.flushall()
        self.redis.xgroup_create(LIVE, GROUP, id="0", mkstream=True)
        self.fields, self.repeat = self.streams[stream], repeat
        self.warmed = min(WARMED, self.orders // 3)
        self.events = repeat * self.orders
        self.poison = self.events - repeat * len(self.readable) if stream == "poison" else 0

    def stored(self, state, filling=0):
        """MongoDB holds the orders in this state ("nothing": none), and so many documents of others."""
        if self.filling != filling or (self.held != state and filling == 0):
            self._fill(filling)
        if self.held != state:
            self._put(sorted(self.versions), state, self.held != "nothing")
        self.held = self.state = state

    def _put(self, ids, state, some):
        """These orders, in that state. some: there may be such."""
        orders = self.world.db.orders
        for at in range(0, len(ids), 1000):
            part = ids[at:at + 1000]
            if some:
                orders.delete_many({"_id": {"$in": part}})
            if state != "nothing":
                orders.insert_many([self.documents[state][_id] for _id in part], ordered=False)

    def _fill(self, filling):
        """A new collection; indexes are made when everything is in it, which is faster."""
        w = self.world
        w.db.orders.drop()
        self.held, self.filling = "nothing", None
        if filling:
            w.db.create_collection("orders")
            halves = [threading.Thread(target=fill_part, args=(w.db.orders, filling, half), daemon=True) for half in (0, 1)]
            for half in halves:
                half.start()
            for half in halves:
                half.join()
            check_equal(w.db.orders.count_documents({}), filling, "documents of others")
            # For a million this takes longer than the tool waits.
            w.db.command("createIndexes", "orders", indexes=self.indexes)
        w.ctl("init")
        self.filling = filling

    # ------------------------------------------------------------ a round

    def drain(self, contender, calls=None):
        """calls: how many detail calls it may make (None: the fewest and 2 %)."""
        w, state = self.world, self.state
        self.held = None  # unknown, until this round has ended as it should
        with contender.started(self) as running:
            bulks = self._warm(running)
            stage(self.redis, w.redis.port, self.fields, self.repeat)
            counters = w.sim.counters()
            meter = Meter(contender=lambda: sum(cpu_of(pid) for pid in running.pids), redis=lambda: cpu_of(w.redis.pid),
                          simulator=lambda: cpu_of(w.sim.pid), **mongo_readers())
            hand_over(self.redis)
            self._wait(running, self.events)
            used = meter.stop()
            figures = {name: used[name] / self.events * 1e6 for name in meter.readers}
            figures.update(rate=self.events / meter.seconds, rss=sum(memory_of(pid) for pid in running.pids),
                           others=used["others_percent"], bulks=running.bulks(self.warmed + self.events) - bulks)
        now = w.sim.counters()
        figures.update(calls=now["detail_calls"] - counters["detail_calls"], ids=now["detail_ids"] - counters["detail_ids"])
        check_round(self, figures, 0 if state == "after" else self.events - self.poison, calls)
        self.held = "after" if self.poison == 0 else None
        return figures

    def _warm(self, running):
        """Some entries that do not count, and everything as it was before them. Returns how many bulks they took."""
        stage(self.redis, self.world.redis.port, self.fields[:self.warmed])
        hand_over(self.redis)
        self._wait(running, self.warmed)
        if self.state != "after":
            self._put([document_id(fields) for fields in self.fields[:self.warmed] if b"id" in fields], self.state, True)
        self.redis.delete(DEAD)
        return running.bulks(self.warmed)

    def _wait(self, running, events):
        deadline = time.monotonic() + 60 + events / 500
        while True:
            group = self.redis.xinfo_groups(LIVE)[0]
            if group["lag"] == 0 and group["pending"] == 0:
                return
            running.check_alive()
            check(time.monotonic() < deadline, "not all is acknowledged: lag %s, pending %d" % (group["lag"], group["pending"]))
            time.sleep(0.004)

    def wanted(self):
        """{_id: version} of what must be stored after this round."""
        return {_id: self.versions[_id] for _id in self.readable} if self.poison else self.versions

    def fewest_calls(self):
        per_shop = {}
        for _id in self.wanted():
            shop = _id.split(":")[1]
            per_shop[shop] = per_shop.get(shop, 0) + 1
        return sum(-(-n // CALL) for n in per_shop.values())

def fill_part(orders, count, half):
    """Every second of the documents of others: small, with all fields that are indexed, of 50 shops."""
    for at in range(half * FILL, count, 2 * FILL):
        orders.insert_many([{
            "_id": "tiktok:9%06d:%d" % (i % 50, i), "platform": "tiktok", "shop_id": "9%06d" % (i % 50), "order_id": str(i),
            "status": "DELIVERED", "state": "delivered", "create_time": "2026-11-21T09:28:21+07:00",
            "synced_at": "2026-11-21T09:28:21+07:00", "version": 1795000000000 + i, "fetched_ms": 1795228101000,
            "content_hash": "%032x" % i} for i in range(at, min(at + FILL, count))], ordered=False)


# ---------------------------------------------------------------- one at a time

_scenes = {}


def scene_of(orders, shops):
    """The scene of that size; the one before is closed."""
    key = orders, shops
    if key not in _scenes:
        close_scenes()
        _scenes[key] = Scene(orders, shops)
        # Registered after the MongoDB server's own end, so it comes before it.
        atexit.unregister(close_scenes)
        atexit.register(close_scenes)
    return _scenes[key]


def close_scenes():
    for key in list(_scenes):
        _scenes.pop(key).close()


