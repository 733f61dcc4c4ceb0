#!/usr/bin/python3
"""shopstreamctl fetch: one entity from its marketplace, what would change in MongoDB, and --apply, which writes it."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from stack import Failure, check, check_equal, run_cases  # noqa: E402
from world import *  # noqa: E402,F403

COLLECTIONS = {"order": "orders", "return": "returns", "product": "products", "transaction": "transactions",
               "tracking": "order_tracking_status"}


def made(sim, kind, numbers=range(50, 80)):
    """A changed entity of that kind; the first number whose order allows it. Transactions: by their order's id."""
    for number in numbers:
        try:
            if kind == "transaction":
                for _ in range(14):
                    one = dict(sim.change(0, number), number=number)
                    if one["status"] == "COMPLETED":
                        return one
            else:
                return dict(sim.change(0, number, kind=kind), number=number)
        except Failure:
            pass
    raise Failure("the simulator allows no %s" % kind)


def fetch(world, platform, kind, entity, *more, status=0):
    sim = world.sim if platform == "tiktok" else world.shopee
    return world.ctl("fetch", platform, sim.shops()[0]["shop_id"], kind, entity, *more, status=status).stdout


def fetched(world, platform, kind, entity, *more, status=0):
    return json.loads(fetch(world, platform, kind, entity, "--json", *more, status=status))


def truth_of(world, sim, kind, row_kind, number):
    """(document, version) the marketplace stands for now."""
    rows = sim.truth(kind=row_kind, shop=0, number=number)
    check_equal(len(rows), 1, "entities of kind %s with number %s" % (row_kind, number))
    return truth.expected(rows[0], world.channels)


def check_stored(world, sim, kind, row_kind, number):
    """The document equals the truth, field by field. Returns it."""
    wanted, version = truth_of(world, sim, kind, row_kind, number)
    stored = world.db[COLLECTIONS[kind]].find_one({"_id": wanted["_id"]})
    check(stored, "%s is not stored" % wanted["_id"])
    check_equal(truth.differences(truth.content(stored), wanted), [], "differences of %s" % wanted["_id"])
    check_equal(stored["source"], "fetch", "source")
    if kind in ("order", "return", "product"):
        check_equal(stored["version"], version, "version of %s" % wanted["_id"])
    return stored


def one_kind(world, platform, kind, row_kind=None):
    """Not stored, created, equal, falsified, repaired, changed at the marketplace, written."""
    sim = world.sim if platform == "tiktok" else world.shopee
    row_kind = row_kind or kind
    one = made(sim, row_kind)
    more = ("--return-kind", "cancellation") if row_kind == "cancellation" else ()
    collection = world.db[COLLECTIONS[kind]]

    seen = fetched(world, platform, kind, one["id"], *more, status=1)
    check_equal(seen["result"], "absent", "of what is not stored")
    check({"shop_id", "is_valid"} <= {c["path"] for c in seen["changes"]} and not any("old" in c for c in seen["changes"]),
          "changes: %s" % seen["changes"])
    check_equal(collection.count_documents({}), 0, "documents after a look")
    check("would be created" in fetch(world, platform, kind, one["id"], *more, status=1), "text of what is not stored")

    created = fetched(world, platform, kind, one["id"], "--apply", *more)
    check(created["applied"], "created: %s" % created)
    stored = check_stored(world, sim, kind, row_kind, one["number"])
    check_equal(created["document"], stored["_id"], "the document told")
    equal = fetched(world, platform, kind, one["id"], *more)
    check_equal((equal["result"], equal["changes"]), ("equal", []), "after --apply")
    check(fetch(world, platform, kind, one["id"], *more).strip().endswith(": equal"), "text of what is equal")

    lists = [(key, value) for key, value in stored.items() if isinstance(value, list) and value and isinstance(value[0], dict)]
    nested = "%s.0.bogus" % lists[0][0] if lists else "bogus.deep"
    unset = {} if lists else {"bogus": ""}
    collection.update_one({"_id": stored["_id"]}, {"$set": {"shop_id": "falsified", **({nested: 1} if lists else {})},
                                                   "$unset": {"idempotency_key": "", **unset}})
    seen = fetched(world, platform, kind, one["id"], *more, status=1)
    check_equal(seen["result"], "differs", "of a falsified document")
    changes = {c["path"]: c for c in seen["changes"]}
    wanted = {"shop_id", "idempotency_key"} | ({"%s[0].bogus" % lists[0][0]} if lists else set())
    check_equal(set(changes), wanted, "fields that differ")
    check_equal((changes["shop_id"]["old"], changes["shop_id"]["new"]), ("falsified", stored["shop_id"]), "old and new")
    check("old" not in changes["idempotency_key"], "what is new")
    text = fetch(world, platform, kind, one["id"], *more, status=1)
    check('"falsified" -> "%s"' % stored["shop_id"] in text and "(absent) -> " in text, "text: %s" % text)
    check("written" in fetch(world, platform, kind, one["id"], "--apply", *more), "--apply of what differs")
    check_stored(world, sim, kind, row_kind, one["number"])
    check_equal(fetched(world, platform, kind, one["id"], *more)["result"], "equal", "after the repair")
    return sim, one


def every_kind(platform, kinds):
    with World(shops=1, shopee=1, server=None) as world:
        for kind in kinds:
            one_kind(world, platform, kind)
            world.db[COLLECTIONS[kind]].delete_many({})
        world.check_silence()


def case_every_kind_of_tiktok_is_compared_created_and_repaired():
    every_kind("tiktok", ("order", "return", "product", "tracking", "transaction"))


def case_every_kind_of_shopee_is_compared_created_and_repaired():
    every_kind("shopee", ("order", "return", "product", "tracking", "transaction"))


def case_a_cancellation_of_tiktok_is_asked_for_as_one():
    with World(shops=1, server=None) as world:
        one_kind(world, "tiktok", "return", row_kind="cancellation")


def case_a_change_at_the_marketplace_is_shown_and_written():
    with World(shops=1, server=None) as world:
        one = world.sim.change(0, 1)
        fetch(world, "tiktok", "order", one["id"], "--apply")
        changed = world.sim.change(0, 1, revisions=2)
        seen = fetched(world, "tiktok", "order", one["id"], status=1)
        check_equal(seen["result"], "differs", "after a change")
        check(seen["served_version"] == changed["update_time"] * 1000 > seen["stored_version"], "versions: %s" % seen)
        fetch(world, "tiktok", "order", one["id"], "--apply")
        check_stored(world, world.sim, "order", "order", 1)


def case_an_order_whose_money_moved_raises_the_need_for_its_transactions():
    with World(shops=1, server=None) as world:
        one = made(world.sim, "transaction")
        fetch(world, "tiktok", "order", one["id"], "--apply")
        need = world.db.needs.find_one()
        check(need and need["kind"] == "transaction" and need["entity_id"] == one["id"], "need: %s" % need)


def case_an_older_answer_never_overwrites_a_newer_document():
    with World(shops=1, server=None) as world:
        world.sim.change(0, 1)
        one = world.sim.change(0, 1, revisions=2)
        fetch(world, "tiktok", "order", one["id"], "--apply")
        before = world.db.orders.find_one()
        world.sim.fault("stale", shop=0, number=1, back=2)
        seen = fetched(world, "tiktok", "order", one["id"], "--apply", status=1)
        check_equal((seen["result"], seen["applied"]), ("newer", False), "of an older answer")
        check_equal(world.db.orders.find_one(), before, "the document")


def case_what_is_gone_becomes_a_tombstone_and_is_equal_then():
    for platform in ("tiktok", "shopee"):
        with World(shops=1, shopee=1, server=None) as world:
            sim = world.sim if platform == "tiktok" else world.shopee
            one = made(sim, "product")
            fetch(world, platform, "product", one["id"], "--apply")
            sim.delete("product", 0, one["number"])
            check("is gone at the marketplace" in fetch(world, platform, "product", one["id"], status=1), "text of what is gone")
            check("deleted_at" not in world.db.products.find_one(), "nothing is written without --apply")
            check_equal(fetched(world, platform, "product", one["id"], "--apply")["result"], "gone", "with --apply")
            check("deleted_at" in world.db.products.find_one(), "the tombstone")
            check_equal(fetched(world, platform, "product", one["id"])["result"], "equal", "a tombstone of what is gone")
            check_equal(fetched(world, platform, "order", "123", status=1)["result"], "nowhere", "of what never was")


def case_what_an_answer_leaves_out_is_gone_only_a_minute_later():
    with World(shops=1, server=None) as world:
        one = world.sim.change(0, 1)
        fetch(world, "tiktok", "order", one["id"], "--apply")
        world.sim.fault("missing", shop=0, number=1)
        check_equal(fetched(world, "tiktok", "order", one["id"], status=1)["result"], "missing", "left out")
        check("missing_at_ms" not in world.db.orders.find_one(), "nothing is noted without --apply")
        fetched(world, "tiktok", "order", one["id"], "--apply", status=1)
        noted = world.db.orders.find_one()["missing_at_ms"]
        fetched(world, "tiktok", "order", one["id"], "--apply", status=1)
        check_equal(world.db.orders.find_one()["missing_at_ms"], noted, "the first note")
        world.db.orders.update_one({}, {"$inc": {"missing_at_ms": -61000}})
        check_equal(fetched(world, "tiktok", "order", one["id"], "--apply")["result"], "gone", "a minute later")
        check("deleted_at" in world.db.orders.find_one(), "the tombstone")


def case_raw_prints_what_the_platform_answered():
    with World(shops=1, shopee=1, server=None) as world:
        one = made(world.shopee, "tracking")
        raw = fetched(world, "shopee", "tracking", one["id"], "--raw", status=1)["raw"]
        check(raw["order_sn"] == one["id"] and raw["package_list"], "composed: %s" % sorted(raw))
        order = world.sim.change(0, 1)
        served = json.loads(world.sim.orders()[0])["order"]
        check_equal(fetched(world, "tiktok", "order", order["id"], "--raw", status=1)["raw"], served, "of an order")
        text = fetch(world, "tiktok", "order", order["id"], "--raw", status=1)
        check_equal(json.loads(text[:text.index("\norders tiktok:")]), served, "as text")


def case_shops_that_cannot_be_asked_say_what_to_do():
    with World(shops=4, shopee=1, server=None) as world:
        shops = [shop["shop_id"] for shop in world.sim.shops()]
        ids = [world.sim.change(n, 1)["id"] for n in range(4)]

        def refused(shop, *words, entity="1", platform="tiktok", status=1):
            done = world.ctl("fetch", platform, shop, "order", entity, status=status)
            check(all(word in done.stderr for word in words), "%s: %s" % (shop, done.stderr))

        refused("7490000000000000000", "not registered", "shop put")
        refused("7490000000000000000", "not registered", platform="shopee")
        world.sim.revoke(0)
        refused(shops[0], "105001", "shop authorize tiktok", entity=ids[0])
        world.db.shops.update_one({"shop_id": shops[1]}, {"$set": {"state": "revoked"}})
        refused(shops[1], "took the grant back", "shop authorize tiktok", entity=ids[1])
        world.ctl("shop", "disable", "tiktok", shops[2])
        refused(shops[2], "switched off", "shop enable", entity=ids[2])
        world.sim.fault("expired_token", shop=3)
        refused(shops[3], "105002", "refreshes the token", entity=ids[3])
        world.shopee.revoke(0)
        refused(world.shopee.shops()[0]["shop_id"], "shop_no_linked", "shop authorize shopee", platform="shopee")
        check_equal(world.db.orders.count_documents({}), 0, "documents")
        # Another seller's order, asked for with this shop's token.
        world.sim.grant(0)
        world.ctl("shop", "put", stdin=json.dumps(world.sim.shops()[0]) + "\n")
        world.sim.switch(foreign_ids="21008111")
        refused(shops[0], "21008111", entity=ids[3])


def case_arguments_that_make_no_sense_are_refused():
    with World(shops=1, server=None) as world:
        shop = world.sim.shops()[0]["shop_id"]
        for arguments in ((), ("tiktok", shop, "order"), ("lazada", shop, "order", "1"), ("tiktok", shop, "shop", "1"),
                          ("tiktok", shop, "record", "1"), ("tiktok", shop, "nonsense", "1"), ("tiktok", shop, "order", ""),
                          ("tiktok", shop, "order", "1,2"), ("tiktok", shop, "order", "../1"), ("tiktok", shop, "order", "1 "),
                          ("tiktok", shop, "order", "1\n"), ("tiktok", shop, "order", "1" * 65), ("tiktok", "a:b", "order", "1"),
                          ("tiktok", shop, "order", "1", "--return-kind", "cancellation"),
                          ("tiktok", shop, "return", "1", "--return-kind", "refund"), ("tiktok", shop, "order", "1", "--force")):
            world.ctl("fetch", *arguments, status=2)
        check_equal(world.sim.counters()["detail_calls"], 0, "calls")
        one = world.sim.change(0, 1)
        world.ctl("fetch", "tiktok", shop, "order", one["id"], status=2, settings={"TIKTOK_APP_KEY": ""})


def case_dependencies_that_are_away_are_told():
    with World(shops=1, server=None) as world:
        shop, one = world.sim.shops()[0]["shop_id"], world.sim.change(0, 1)
        for settings in ({"REDIS_URL": "redis://127.0.0.1:1"}, {"TIKTOK_API_URL": "http://127.0.0.1:1"},
                         {"MONGO_URI": "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=200"}):
            done = world.ctl("fetch", "tiktok", shop, "order", one["id"], "--apply", status=3, settings=settings)
            check(done.stderr, "a reason")
        world.sim.fault("500")
        world.ctl("fetch", "tiktok", shop, "order", one["id"], status=3)
        world.sim.heal()
        world.sim.fault("500", count=1)
        world.ctl("fetch", "tiktok", shop, "order", one["id"], "--apply")


def case_calls_take_their_right_from_the_shared_limits():
    """Sixty calls a minute for the app, whoever makes them: four runs of the tool are a second apart."""
    with World(shops=1, server=None) as world:
        one = world.sim.change(0, 1)
        world.sim.reset()
        for _ in range(4):
            world.ctl("fetch", "tiktok", world.sim.shops()[0]["shop_id"], "order", one["id"], "--apply",
                      settings={"PLATFORM_RATE_LIMIT_TIKTOK": 60})
        sent = [call["at_ms"] for call in world.sim.calls() if call["ids"]]
        check_equal(len(sent), 4, "detail calls")
        check(sent[3] - sent[0] >= 2000, "four calls at one a second took %d ms" % (sent[3] - sent[0]))


if __name__ == "__main__":
    run_cases(globals())
