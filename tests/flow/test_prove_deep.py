#!/usr/bin/python3
"""shopstreamctl prove --deep: a sample of what is stored against the marketplaces. What is falsified is found, what only changes
is not called different."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from stack import check, check_equal, run_cases, wait_for  # noqa: E402
from world import *  # noqa: E402,F403

COLLECTIONS = ("orders", "returns", "products", "transactions", "order_tracking_status")
KINDS = {"order": 0.4, "product": 0.2, "return": 0.2, "tracking": 0.2}


def deep(world, number, *more, status=0, settings=()):
    return json.loads(world.ctl("--json", "prove", "--deep", str(number), *more, status=status, settings=settings).stdout)


def filled(world, orders=25):
    """Documents of both platforms and most kinds, as the workers write them."""
    world.worker()
    for number, sim in enumerate(world.sims):
        world.send(sim.burst(shops=2, orders=orders, events=orders * 3, kinds=KINDS, reorder=0.3, seed=number + 1))
    world.settle()
    return sum(world.db[name].count_documents({}) for name in COLLECTIONS)


def case_every_document_equals_and_a_falsified_one_is_found():
    with World(shops=2, shopee=2) as world:
        stored = filled(world)
        proof = deep(world, 100000)
        check_equal((proof["sample"], proof["documents"]), (stored, stored), "sample")
        check_equal((proof["ends"]["equal"], proof["different"]), (stored, []), "what is equal; ends %s" % proof["ends"])
        text = world.ctl("prove", "--deep", "20", "--seed", "7").stdout
        check("sample of 20 of %d documents, seed 7\n" % stored in text and "equal      20\n" in text, "text: %s" % text)

        victims = {}  # (collection, _id): kind
        for kind, name in (("order", "orders"), ("product", "products"), ("tracking", "order_tracking_status")):
            for platform in ("tiktok", "shopee"):
                document = world.db[name].find_one({"platform": platform})
                victims[name, document["_id"]] = kind
                world.db[name].update_one({"_id": document["_id"]}, {"$set": {"state": "falsified"}})
        proof = deep(world, 100000, "--patience", "1", status=1)
        check_equal({(row["collection"], row["document"]) for row in proof["different"]}, set(victims), "documents that differ")
        for row in proof["different"]:
            check_equal([(c["path"], c["old"]) for c in row["changes"]], [("state", "falsified")], "fields of %s" % row["document"])
        check_equal((proof["ends"]["different"], proof["ends"]["equal"]), (len(victims), stored - len(victims)), "sums")
        text = world.ctl("prove", "--deep", "100000", "--patience", "0", status=1).stdout
        check(all("%s %s" % victim in text for victim in victims) and '"falsified" -> ' in text and "not equal" in text,
              "text: %s" % text)
        # The cure the finding asks for.
        for (_, _id), kind in victims.items():
            platform, shop, entity = _id.split(":")
            world.ctl("fetch", platform, shop, kind, entity, "--apply")
        deep(world, 100000, "--patience", "0")


def case_a_seed_draws_the_same_sample_and_every_document_can_be_drawn():
    with World(shops=2, shopee=2) as world:
        stored = filled(world, orders=12)

        def drawn(seed, number=5):
            for sim in world.sims:
                sim.reset()
            check_equal(deep(world, number, "--seed", str(seed))["sample"], number, "size of the sample")
            return frozenset((sim.platform, call["api"], str(call["ids"])) for sim in world.sims for call in sim.calls())

        check_equal(drawn(1), drawn(1), "the sample of one seed")
        check(len({drawn(seed) for seed in range(8)}) > 3, "samples of other seeds")
        check_equal(deep(world, stored - 1)["sample"], stored - 1, "all but one")


def case_a_burst_raises_no_false_alarm():
    with World(shops=2, shopee=2) as world:
        filled(world)
        lines = [line for number, sim in enumerate(world.sims) for line in sim.burst(
            shops=2, orders=25, events=150, kinds=KINDS, reorder=0.3, duplicates=0.1, seed=number + 11)]
        random.Random(5).shuffle(lines)
        sender = threading.Thread(target=world.send, args=(lines,), kwargs={"rate": 60})
        sender.start()
        try:
            proof = deep(world, 100000, "--patience", "10")
        finally:
            sender.join()
        check_equal((proof["different"], proof["unread"]), ([], []), "found while a burst ran")
        world.settle()
        check_equal(deep(world, 100000, "--patience", "1")["ends"]["different"], 0, "after the burst")


def case_what_an_open_event_will_change_is_not_called_different():
    with World(shops=1) as world:
        worker = world.worker()
        world.change(0, 1)
        world.settle()
        worker.stop()
        changed = world.sim.change(0, 1, revisions=2)
        check_equal(deep(world, 5, "--patience", "0", status=1)["ends"]["different"], 1, "no push has come: different")
        world.send(changed["push"])
        proof = deep(world, 5, "--patience", "0")
        check_equal((proof["ends"]["changing"], proof["ends"]["different"]), (1, 0), "not delivered yet")
        keys = [key for key, _ in world.redis.client.xreadgroup(GROUP, "somebody", {LIVE: ">"})[0][1]]
        check_equal(deep(world, 5, "--patience", "0")["ends"]["changing"], 1, "delivered, not acknowledged")
        world.redis.client.xack(LIVE, GROUP, *keys)
        check_equal(deep(world, 5, "--patience", "0", status=1)["ends"]["different"], 1, "acknowledged and not shown")
        world.db.needs.insert_one({"_id": "order:tiktok:%s:%s" % (changed["shop_id"], changed["id"])})
        check_equal(deep(world, 5, "--patience", "0")["ends"]["changing"], 1, "parked")


def case_what_is_gone_or_cannot_be_read_is_told():
    with World(shops=2) as world:
        world.worker()
        for shop in (0, 1):
            world.change(shop, 1)
            world.change(shop, 3, kind="product")
        world.settle()
        world.db.transactions.insert_one({"_id": "tiktok:1:statement:77", "platform": "tiktok", "shop_id": "1"})
        check_equal(deep(world, 50)["ends"], {"equal": 4, "changing": 0, "different": 0, "unread": 0, "listed": 1}, "ends")
        world.sim.delete("product", 0, 3)
        gone = deep(world, 50, "--patience", "0", status=1)["different"]
        check_equal([(row["collection"], row["result"]) for row in gone], [("products", "gone")], "what is gone")
        _, shop, entity = gone[0]["document"].split(":")
        world.ctl("fetch", "tiktok", shop, "product", entity, "--apply")
        check_equal(deep(world, 50, "--patience", "0")["ends"]["equal"], 4, "a tombstone of what is gone")
        world.sim.revoke(1)
        proof = deep(world, 50, "--patience", "0", status=3)
        check_equal((proof["ends"]["unread"], proof["ends"]["different"]), (2, 0), "a shop that cannot be asked")
        check("shop authorize tiktok" in proof["unread"][0]["error"], "why: %s" % proof["unread"])


def case_it_keeps_to_the_limits_as_background_work():
    with World(shops=1) as world:
        world.worker()
        for number in range(4):
            world.change(0, number)
        world.settle()
        world.sim.reset()
        deep(world, 4, settings={"PLATFORM_RATE_LIMIT_TIKTOK": 60})
        sent = [call["at_ms"] for call in world.sim.calls() if call["ids"]]
        check_equal(len(sent), 4, "detail calls")
        check(sent[3] - sent[0] >= 2000, "four calls at one a second took %d ms" % (sent[3] - sent[0]))


def case_arguments_that_make_no_sense_are_refused():
    with World(shops=1, server=None) as world:
        for arguments in (("--deep",), ("--deep", "0"), ("--deep", "x"), ("--deep", "5", "--seed"), ("--deep", "5", "--seed", "-1"),
                          ("--deep", "5", "--patience", "x"), ("--deep", "5", "--since", "1h"), ("--deep", "5", "6")):
            world.ctl("prove", *arguments, status=2)
        world.ctl("prove", "--deep", "5", status=3, settings={"REDIS_URL": "redis://127.0.0.1:1"})
        check("equal, as far as" in world.ctl("prove", "--deep", "5").stdout, "an empty database")


if __name__ == "__main__":
    run_cases(globals())
