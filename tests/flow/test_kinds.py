#!/usr/bin/python3
"""Every kind of every platform is read from its marketplace and ends as a document: one entry a kind, put into the stream by
hand, so that nothing but the worker's reading is judged."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from stack import Failure, check, check_equal, run_cases, wait_for  # noqa: E402
from world import World, shared_mongo  # noqa: E402

COLLECTIONS = {"order": "orders", "return": "returns", "product": "products", "transaction": "transactions",
               "tracking": "order_tracking_status"}


def add(world, platform, shop, kind, entity, **more):
    """An entry without event_ms: only a read that was sent later reflects it."""
    world.add_entry(v="1", platform=platform, shop=shop, topic="t", kind=kind, id=entity,
                    recv_ms=str(int(time.time() * 1000)), key="%s-%s" % (kind, entity), src="webhook", trace="t", **more)


def documents(world, kind, platform, order=None):
    return list(world.db[COLLECTIONS[kind]].find(dict({"platform": platform}, **({"order_id": order} if order else {}))))


def changed(sim, kind, number, **more):
    return sim.change(0, number, kind=kind, **more)


def completed(sim, number):
    """An order whose money has moved."""
    for _ in range(12):
        made = sim.change(0, number)
        if made["status"] == "COMPLETED":
            return made
        if made["status"] in ("CANCELLED", "CANCEL"):
            return None
    return None


def first_completed(sim, numbers):
    for number in numbers:
        made = completed(sim, number)
        if made:
            return made
    raise AssertionError("no order of the simulator was ever completed")


def packed(sim, count):
    """So many orders with packages; those that were cancelled before are passed over."""
    made, number = [], 100
    while len(made) < count:
        number += 1
        try:
            made.append(changed(sim, "tracking", number))
        except Failure:
            pass
    return made


def read_each_kind(world, sim, platform, cancellation):
    """One entity of each kind, then what stands in the collections."""
    shop = sim.shops()[0]["shop_id"]
    order, product = sim.change(0, 1), changed(sim, "product", 1)
    returned, tracked = changed(sim, "return", 2), packed(sim, 1)[0]
    paid = first_completed(sim, range(10, 40))
    add(world, platform, shop, "order", order["id"])
    add(world, platform, shop, "product", product["id"])
    add(world, platform, shop, "return", returned["id"], **({"return_kind": "return"} if cancellation else {}))
    add(world, platform, shop, "tracking", tracked["id"])
    add(world, platform, shop, "transaction", paid["id"])
    kinds = dict.fromkeys(COLLECTIONS, 1)
    if cancellation:
        withdrawn = changed(sim, "cancellation", 4)
        add(world, platform, shop, "return", withdrawn["id"], return_kind="cancellation")
        kinds["return"] = 2
    world.settle(30)
    check_equal(world.dead(), [], "dead letters")
    for kind, least in kinds.items():
        found = documents(world, kind, platform)
        check(len(found) >= least, "%d documents of kind %s, expected at least %d" % (len(found), kind, least))
        for document in found:
            check(document["is_valid"], "%s: %s" % (document["_id"], document.get("validation_errors")))
    for kind, made in (("order", order), ("product", product), ("return", returned)):
        document = world.db[COLLECTIONS[kind]].find_one({"_id": "%s:%s:%s" % (platform, shop, made["id"])})
        check(document, "no document of %s %s" % (kind, made["id"]))
        check_equal(document["version"], made["update_time"] * 1000, "version of the %s" % kind)
    document = world.db.order_tracking_status.find_one({"_id": "%s:%s:%s" % (platform, shop, tracked["id"])})
    check(document, "no tracking of order %s" % tracked["id"])
    check(document.get("packages"), "tracking without packages: %s" % sorted(document))
    check(documents(world, "transaction", platform, paid["id"]), "no transaction of order %s" % paid["id"])
    world.check_silence()


def case_every_kind_of_tiktok_becomes_a_document():
    with World(shops=1, server=None) as world:
        world.worker()
        read_each_kind(world, world.sim, "tiktok", cancellation=True)
        counters = world.sim.counters()
        check(counters["package_calls"] >= 1 and counters["tracking_calls"] >= 1, "tracking was not read: %s" % counters)


def case_every_kind_of_shopee_becomes_a_document():
    with World(shops=1, shopee=1, server=None) as world:
        world.worker()
        read_each_kind(world, world.shopee, "shopee", cancellation=False)


def case_tracking_of_many_orders_takes_one_detail_call_for_fifty():
    with World(shops=1, server=None) as world:
        shop = world.sim.shops()[0]["shop_id"]
        made = packed(world.sim, 50)
        world.sim.reset()
        for one in made:
            add(world, "tiktok", shop, "tracking", one["id"])
        world.worker()
        wait_for("all trackings", lambda: len(documents(world, "tracking", "tiktok")) == 50, 30)
        world.settle(30)
        counters = world.sim.counters()
        check_equal(counters["detail_calls"], 1, "order detail calls")
        check_equal(counters["tracking_calls"], 50, "tracking calls")


def case_a_deleted_product_becomes_a_tombstone_by_its_code():
    with World(shops=1, server=None) as world:
        shop = world.sim.shops()[0]["shop_id"]
        product = changed(world.sim, "product", 7)
        world.worker()
        add(world, "tiktok", shop, "product", product["id"])
        wait_for("the product", lambda: documents(world, "product", "tiktok"), 20)
        world.sim.delete("product", 0, 7)
        add(world, "tiktok", shop, "product", product["id"])
        wait_for("its tombstone", lambda: documents(world, "product", "tiktok")[0].get("deleted_at"), 20)
        world.settle()
        check_equal(world.dead(), [], "dead letters")


def case_access_tokens_that_end_are_renewed_without_blame_or_loss():
    """Tokens live four seconds: the refresher and the lanes' own reports keep the shop going."""
    with World(shops=1, server=None, simulator=(), worker={"RETRY_DELAYS": "100,100"}) as world:
        world.sim.switch(access_token_seconds=4)
        world.sim.refresh_token(0)
        world.put_shops()
        shop = world.sim.shops()[0]["shop_id"]
        world.worker()
        until, number = time.monotonic() + 14, 0
        while time.monotonic() < until:
            number += 1
            add(world, "tiktok", shop, "order", world.sim.change(0, 1000 + number)["id"])
            time.sleep(0.05)  # the pace of the load
        wait_for("all orders", lambda: len(documents(world, "order", "tiktok")) == number, 30)
        world.settle(30)
        check_equal(world.dead(), [], "dead letters")
        check(world.sim.authorizations()[0]["refreshes"] >= 3, "the token was refreshed %s times"
              % world.sim.authorizations()[0]["refreshes"])


shared_mongo()
run_cases(globals(), width=2)
