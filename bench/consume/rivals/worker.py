#!/usr/bin/python3
"""worker.py - the worker in Python, as a good developer writes it today: redis-py, pymongo, urllib3. A contender of bench/run.

It does what shopstream-worker does for orders of TikTok Shop, in the same sizes:

    XREADGROUP of 300; a full one reads on in slices of 1,000 until 10,000 are held
    one need an order; one `find` of the stored states for a thousand of them
    signed detail calls of 50 ids, 32 at a time, in threads, over kept-alive connections
    typed documents, guarded upserts (the filter of worker/guard.c), unordered bulks of 300, XACK after each
    an entry that cannot be read goes to the dead letters and is acknowledged, in one transaction a batch

and no more: no reclaiming, no retry, no parking, no rate limits, no tokens to refresh, no content hash, no second pass after a
write conflict, no check of its input beyond what conversion needs. An entry whose work failed stays pending.

Settings from the environment as the worker's; SHOPS is a file with a shop a line. Says "started" when it waits for entries, and
after each turn what it has done so far, as JSON. SIGTERM ends it after its turn.
"""

import collections
import concurrent.futures
import datetime
import functools
import hashlib
import hmac
import json
import os
import signal
import time
import urllib.parse

import pymongo
import redis
import urllib3
from bson.decimal128 import Decimal128
from bson.int64 import Int64

LIVE, DEAD, GROUP = "webhooks:{0}", "webhooks:{0}:dead", "workers"
FIRST, SLICE, HELD = 300, 1000, 10000  # entries: of a read, of each further one, at most
CALL, CALLS, BULK = 50, 32, 300  # ids a call, calls at a time, writes a bulk
SKEW_MS = 2000
ORDERS = "/order/202507/orders"
ZONE = datetime.timezone(datetime.timedelta(hours=7))

STATES = {
    "UNPAID": "unpaid", "ON_HOLD": "on_hold", "AWAITING_SHIPMENT": "ready_to_ship", "PARTIALLY_SHIPPING": "ready_to_ship",
    "AWAITING_COLLECTION": "awaiting_collection", "IN_TRANSIT": "shipped", "DELIVERED": "delivered", "COMPLETED": "completed",
    "CANCELLED": "cancelled", "CANCEL": "cancelled"}
TIMES = frozenset((
    "create_time", "update_time", "paid_time", "rts_time", "collection_time", "delivery_time", "cancel_time",
    "request_cancel_time", "release_date", "rts_sla_time", "tts_sla_time", "cancel_order_sla_time", "delivery_sla_time",
    "shipping_due_time", "collection_due_time", "delivery_due_time", "delivery_option_required_delivery_time",
    "pick_up_cut_off_time", "fast_dispatch_sla_time", "recommended_shipping_time"))
MONEY = frozenset((
    "original_price", "sale_price", "seller_discount", "platform_discount", "gift_retail_price", "buyer_service_fee",
    "tax_amount", "tax_rate"))
ZERO_IS_NONE = frozenset((
    "warehouse_id", "package_id", "replaced_order_id", "exchange_source_order_id", "shipping_provider_id",
    "delivery_option_id"))
OPTIONAL = sorted(TIMES - {"update_time"} | {
    "user_id", "buyer_email", "buyer_message", "seller_note", "cancel_reason", "cancellation_initiator", "order_type",
    "commerce_platform", "shipping_type", "shipping_provider", "shipping_provider_id", "tracking_number", "delivery_type",
    "delivery_option_id", "delivery_option_name", "fulfillment_type", "warehouse_id", "split_or_combine_tag",
    "payment_method_name", "replaced_order_id", "exchange_source_order_id", "is_cod", "is_sample_order", "is_on_hold_order",
    "is_buyer_request_cancel", "is_replacement_order", "is_exchange_order", "has_updated_recipient_address",
    "is_subscription_order", "fulfillment_priority_level", "handling_duration", "packages", "payment", "recipient_address",
    "line_items", "extra", "channel_id", "deleted_at", "missing_at_ms", "behind", "raw", "validation_errors"})

money = functools.lru_cache(65536)(Decimal128)  # most amounts of a shop come again and again


@functools.lru_cache(65536)
def instant(seconds):
    return datetime.datetime.fromtimestamp(seconds, ZONE).isoformat()


# ---------------------------------------------------------------- documents

# What says nothing is left out: null, empty text, empty list. A number of 0 and a false flag say something, hence `or value == 0`.

def line(source):
    made = {}
    for key, value in source.items():
        if not (value or value == 0) or (value == "0" and key in ZERO_IS_NONE):
            continue
        if key in MONEY:
            made[key] = money(value)
        elif key == "id":
            made["line_item_id"] = value
        elif key == "handling_duration_days":
            made[key] = Int64(value)
        elif key == "rts_time":
            if value:
                made[key] = instant(value)
        elif key in ("item_tax", "sub_item_info"):
            made[key] = [line(part) for part in value]
        else:
            made[key] = value
    return made


def payment(source):
    return {key: value if key == "currency" else money(value) for key, value in source.items() if value or value == 0}


def address(source):
    return {key: value for key, value in source.items() if value or value == 0}


def handling(source):
    return {key: Int64(value) if key == "days" else value for key, value in source.items() if value or value == 0}


def packages(source):
    return [{"package_id" if key == "id" else key: value for key, value in one.items() if value or value == 0} for one in source]


PARTS = {"payment": payment, "recipient_address": address, "handling_duration": handling, "packages": packages,
         "line_items": lambda lines: [line(one) for one in lines]}


def content(order):
    """An order of the marketplace as its document's fields."""
    made = {}
    for key, value in order.items():
        if not (value or value == 0) or (value == "0" and key in ZERO_IS_NONE):
            continue
        if key in TIMES:
            if value:
                made[key] = instant(value)
        elif key in PARTS:
            made[key] = PARTS[key](value)
        elif key == "id":
            made["order_id"] = value
        elif key == "fulfillment_priority_level":
            made[key] = Int64(value)
        else:
            made[key] = value
    made["state"] = STATES.get(made.get("status"), "unknown")
    return made


def guarded(key, made, version, fetched_ms, horizon_ms, now):
    """The upsert of a document's fields: an older state never overwrites a newer one."""
    return pymongo.UpdateOne(
        {"_id": key, "deleted_at": {"$exists": False}, "version": {"$not": {"$gt": version}},
         "$nor": [{"version": version, "fetched_ms": {"$gte": fetched_ms, "$lte": horizon_ms}}]},
        {"$set": made, "$unset": {name: "" for name in OPTIONAL if name not in made}, "$setOnInsert": {"first_seen": now}},
        upsert=True)


# ---------------------------------------------------------------- the worker

class Need:
    """One order, and the entries that speak of it."""

    __slots__ = ("key", "shop", "order_id", "entries", "event_ms", "entry_ms", "source", "trace")

    def __init__(self, key, shop, order_id):
        self.key, self.shop, self.order_id = key, shop, order_id
        self.entries, self.event_ms, self.entry_ms, self.source, self.trace = [], 0, 0, "", ""


class Worker:
    def __init__(self, settings):
        self.settings = settings
        self.redis = redis.Redis.from_url(settings["REDIS_URL"], decode_responses=True, socket_timeout=30)
        self.orders = pymongo.MongoClient(settings["MONGO_URI"], w="majority", retryWrites=True)[settings["MONGO_DBNAME"]].orders
        self.http = urllib3.connection_from_url(settings["TIKTOK_API_URL"], maxsize=CALLS, block=True, timeout=30, retries=False)
        self.threads = concurrent.futures.ThreadPoolExecutor(CALLS)
        with open(settings["SHOPS"], encoding="utf-8") as f:
            self.shops = {shop["shop_id"]: shop for shop in map(json.loads, f)}
        self.secret = settings["TIKTOK_APP_SECRET"].encode()
        self.counts = {"events": 0, "calls": 0, "bulks": 0}
        self.stopping = False

    def run(self):
        try:
            self.redis.xgroup_create(LIVE, GROUP, id="0", mkstream=True)
        except redis.ResponseError:
            pass  # it is there
        self.orders.find_one({"_id": ""})
        print("started", flush=True)
        while not self.stopping:
            entries = self.read(FIRST, 500)
            if len(entries) == FIRST:
                while len(entries) < HELD:
                    more = self.read(min(SLICE, HELD - len(entries)))
                    entries += more
                    if not more:
                        break
            if entries:
                self.turn(entries)
                self.counts["events"] += len(entries)
                print(json.dumps(self.counts), flush=True)

    def read(self, count, block=None):
        answer = self.redis.xreadgroup(GROUP, self.settings["WORKER_NAME"], {LIVE: ">"}, count=count, block=block)
        return answer[0][1] if answer else []

    def turn(self, entries):
        needs, dead = self.group(entries)
        if dead:
            self.bury(dead)
        seconds, micros = self.redis.time()
        self.offset_ms = seconds * 1000 + micros // 1000 - int(time.monotonic() * 1000)
        stale = self.lookup(list(needs.values()))
        self.write_fetched(stale)

    def now_ms(self):
        """Redis' clock."""
        return self.offset_ms + int(time.monotonic() * 1000)

    def group(self, entries):
        needs, dead = {}, []
        for entry_id, fields in entries:
            if fields.get("v") != "1" or fields.get("kind") != "order" or not fields.get("id") or not fields.get("shop"):
                dead.append((entry_id, fields))
                continue
            key = "%s:%s:%s" % (fields["platform"], fields["shop"], fields["id"])
            need = needs.get(key)
            if need is None:
                need = needs[key] = Need(key, fields["shop"], fields["id"])
            need.entries.append(entry_id)
            need.event_ms = max(need.event_ms, int(fields.get("event_ms", 0)))
            need.entry_ms = max(need.entry_ms, int(entry_id.partition("-")[0]))
            need.source, need.trace = fields["src"], fields["trace"]
        return needs, dead

    def bury(self, dead):
        with self.redis.pipeline(transaction=True) as pipe:
            for entry_id, fields in dead:
                pipe.xadd(DEAD, dict(fields, _id=entry_id, _class="bad_payload", _err="entry: a field is missing"))
            pipe.xack(LIVE, GROUP, *(entry_id for entry_id, _ in dead))
            pipe.execute()

    # ------------------------------------------------------------ lookup

    def lookup(self, needs):
        """Those that MongoDB does not reflect; the others are acknowledged."""
        stale, done = [], []
        for at in range(0, len(needs), SLICE):
            part = needs[at:at + SLICE]
            stored = {row["_id"]: row for row in self.orders.find(
                {"_id": {"$in": [need.key for need in part]}}, {"version": 1, "fetched_ms": 1, "deleted_at": 1},
                batch_size=SLICE + 1)}
            for need in part:
                if self.reflects(stored.get(need.key), need):
                    done += need.entries
                else:
                    stale.append(need)
        if done:
            self.redis.xack(LIVE, GROUP, *done)
        return stale

    def reflects(self, row, need):
        if row is None:
            return False
        version, fetched = row.get("version", 0), row.get("fetched_ms", 0)
        later = fetched > need.entry_ms
        if not need.event_ms:
            return later
        return (version > need.event_ms or (version == need.event_ms and fetched >= version + 1000 + SKEW_MS)
                or (version >= need.event_ms and later))

    # ------------------------------------------------------------ fetch

    def calls(self, needs):
        """Up to 50 orders of one shop each, shops by turns."""
        shops = collections.defaultdict(list)
        for need in needs:
            shops[need.shop].append(need)
        queues = [[part[at:at + CALL] for at in range(0, len(part), CALL)] for part in shops.values()]
        return [queue[turn] for turn in range(max(map(len, queues), default=0)) for queue in queues if turn < len(queue)]

    def fetch(self, needs):
        """One detail call; (need, order, when it was asked for) of each."""
        shop = self.shops[needs[0].shop]
        query = {"app_key": self.settings["TIKTOK_APP_KEY"], "ids": ",".join(need.order_id for need in needs),
                 "shop_cipher": shop["shop_cipher"], "timestamp": str(int(time.time()))}
        text = ORDERS + "".join(key + query[key] for key in sorted(query))
        query["sign"] = hmac.digest(self.secret, self.secret + text.encode() + self.secret, hashlib.sha256).hex()
        fetched_ms = self.now_ms()
        answer = self.http.request("GET", ORDERS + "?" + urllib.parse.urlencode(query), headers={
            "x-tts-access-token": shop["access_token"], "content-type": "application/json"})
        body = json.loads(answer.data)
        if body["code"] != 0:
            raise RuntimeError("the marketplace answers %s: %s" % (body["code"], body.get("message")))
        found = {order["id"]: order for order in body["data"]["orders"]}
        self.counts["calls"] += 1
        return [(need, found[need.order_id], fetched_ms) for need in needs]

    def write_fetched(self, needs):
        """Calls run ahead of the writes, but never more than are under way at a time."""
        waiting = collections.deque(self.calls(needs))
        running = {self.threads.submit(self.fetch, waiting.popleft()) for _ in range(min(CALLS, len(waiting)))}
        answered = []
        while running:
            done, running = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
            for call in done:
                answered += call.result()
                if waiting:
                    running.add(self.threads.submit(self.fetch, waiting.popleft()))
            while len(answered) >= BULK or (answered and not running):
                self.write(answered[:BULK])
                del answered[:BULK]

    # ------------------------------------------------------------ write

    def document(self, need, order, fetched_ms, now_ms):
        shop = self.shops[need.shop]
        version = order["update_time"] * 1000
        made = {"platform": "tiktok", "shop_id": need.shop, "channel_id": shop["channel_id"], **content(order),
                "is_valid": True,
                "idempotency_key": "tiktok:%s:%s:order:%s" % (need.shop, shop["channel_id"], need.order_id),
                "version": Int64(version), "fetched_ms": Int64(fetched_ms), "details_fetched_at": instant(fetched_ms // 1000),
                "synced_at": instant(now_ms // 1000), "source": need.source, "trace": need.trace}
        return guarded(need.key, made, made["version"], made["fetched_ms"], Int64(now_ms + SKEW_MS), made["synced_at"])

    def write(self, answered):
        """One bulk. Sorted by _id: servers that run a bulk as one transaction deadlock otherwise."""
        now_ms = self.now_ms()
        answered.sort(key=lambda one: one[0].key)
        self.orders.bulk_write([self.document(*one, now_ms) for one in answered], ordered=False)
        self.redis.xack(LIVE, GROUP, *(entry for need, _, _ in answered for entry in need.entries))
        self.counts["bulks"] += 1

    def stop(self, *_):
        self.stopping = True


def main():
    worker = Worker(os.environ)
    signal.signal(signal.SIGTERM, worker.stop)
    worker.run()
    worker.threads.shutdown()


if __name__ == "__main__":
    main()
