#!/usr/bin/python3
"""shopstreamctl as a person and as a script use it: what it prints, its exit status, and that no token is ever shown."""

import datetime
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from stack import *  # noqa: E402,F403
from world import *  # noqa: E402,F403


def from_json(done):
    """Standard output as one JSON value."""
    try:
        return json.loads(done.stdout)
    except ValueError:
        raise Failure("not one JSON value: %r" % done.stdout[:500]) from None


def case_init_makes_collections_and_indexes_and_may_be_repeated():
    with World(shops=1, register=False, server=None) as world:
        world.ctl("init")
        first = {name: set(world.db[name].index_information()) for name in world.db.list_collection_names()}
        for name in ("orders", "webhook_events", "shops", "authorizations"):
            check(name in first, "collection %s: there are %s" % (name, sorted(first)))
        check(len(first["orders"]) > 2, "indexes of orders: %s" % first["orders"])
        expiry = [i for i in world.db.webhook_events.index_information().values() if "expireAfterSeconds" in i]
        check_equal([(i["key"], i["expireAfterSeconds"]) for i in expiry], [([("expires_at", 1)], 0)], "TTL index")
        check_equal(from_json(world.ctl("init", "--json")), {"ok": True}, "init --json")
        again = {name: set(world.db[name].index_information()) for name in world.db.list_collection_names()}
        check_equal(again, first, "after the second init")


def case_exit_statuses():
    with World(shops=1, server=None) as world:
        nobody = "127.0.0.1:1"
        world.ctl(status=2)
        world.ctl("--help")
        check("shopstreamctl" in world.ctl("--version").stdout, "--version")
        for arguments in (("dance",), ("init", "twice"), ("status", "now"), ("shop",), ("shop", "dance"), ("shop", "show"),
                          ("shop", "show", "tiktok"), ("shop", "disable", "tiktok"), ("shop", "remove"),
                          ("dead",), ("dead", "show"), ("dead", "show", "no-id"), ("dead", "list", "--limit", "0"),
                          ("config", "--yaml")):
            done = world.ctl(*arguments, status=2)
            check(done.stderr.splitlines()[-1].startswith("shopstreamctl: ") and not done.stdout, "%s says why: %r" % (arguments, done))
        done = world.ctl("status", status=2, settings={"REDIS_URL": "http://x"})
        check("REDIS_URL" in done.stderr, "the bad setting is named: %r" % done.stderr)
        done = world.ctl("init", status=2, settings={"MONGO_URI": "nonsense://"})
        check("MONGO_URI" in done.stderr, "the bad setting is named: %r" % done.stderr)
        world.ctl("shop", "list", status=2, settings={"CREDENTIALS_KEY": "12"})
        gone = {"MONGO_URI": "mongodb://%s/?serverSelectionTimeoutMS=300" % nobody}
        for arguments in (("init",), ("shop", "list"), ("status",)):
            world.ctl(*arguments, status=3, settings=gone)
        for arguments in (("dead", "list"), ("status",)):
            world.ctl(*arguments, status=3, settings={"REDIS_URL": "redis://" + nobody})
        world.ctl("dead", "list")  # needs no MongoDB
        world.ctl("shop", "list")  # needs no Redis
        world.ctl("shop", "show", "tiktok", "404", status=1)
        world.ctl("shop", "disable", "tiktok", "404", status=1)
        world.ctl("shop", "remove", "tiktok", "404", status=1)
        world.ctl("dead", "show", "1-1", status=1)


def case_shop_put_tells_what_changed_and_keeps_tokens_sealed():
    with World(shops=2, register=False, server=None) as world:
        shops = world.sim.shops()
        first = world.put_shops()
        for shop in shops:
            check(shop["shop_id"] in first.stdout, "the answer names shop %s: %r" % (shop["shop_id"], first.stdout))
        stored = repr(list(world.db.authorizations.find())) + repr(list(world.db.shops.find()))
        for secret in world.secrets:
            check(secret not in stored, "a token lies in MongoDB as it is")
        before = {d["_id"]: d for d in world.db.authorizations.find()}
        check_equal(len(before), 2, "authorizations")
        world.put_shops()
        check_equal({d["_id"]: d["refresh_hash"] for d in world.db.authorizations.find()},
                    {k: d["refresh_hash"] for k, d in before.items()}, "authorizations after putting the same again")
        world.sim.refresh_token(0)
        world.put_shops()
        after = {d["_id"]: d for d in world.db.authorizations.find()}
        moved = [k for k in before if after[k]["refresh_hash"] != before[k]["refresh_hash"]]
        check_equal(len(moved), 1, "authorizations that changed")
        check_equal(world.db.shops.count_documents({}), 2, "shops")


def case_shops_are_listed_shown_disabled_enabled_and_removed():
    with World(shops=2, server=None) as world:
        ids = sorted(shop["shop_id"] for shop in world.sim.shops())
        rows = from_json(world.ctl("shop", "list", "--json"))
        check_equal(sorted(row["shop_id"] for row in rows), ids, "shops listed")
        for row in rows:
            check_equal((row["platform"], row["state"], row["channel_id"]), ("tiktok", "active", world.channels[row["shop_id"]]), "row")
        listed = world.ctl("shop", "list").stdout
        check(all(shop_id in listed for shop_id in ids), "the table: %r" % listed)
        shown = from_json(world.ctl("shop", "show", "tiktok", ids[0], "--json"))
        check_equal((shown["platform"], shown["shop_id"], shown["state"]), ("tiktok", ids[0], "active"), "shown")
        world.ctl("shop", "disable", "tiktok", ids[0])
        check_equal(from_json(world.ctl("shop", "show", "tiktok", ids[0], "--json"))["state"], "disabled", "state")
        check_equal(from_json(world.ctl("shop", "show", "tiktok", ids[1], "--json"))["state"], "active", "the other's state")
        world.ctl("shop", "enable", "tiktok", ids[0])
        check_equal(from_json(world.ctl("shop", "show", "tiktok", ids[0], "--json"))["state"], "active", "state")
        world.ctl("shop", "remove", "tiktok", ids[0])
        world.ctl("shop", "show", "tiktok", ids[0], status=1)
        check_equal([row["shop_id"] for row in from_json(world.ctl("shop", "list", "--json"))], [ids[1]], "shops left")


def case_a_repeated_shop_put_ends_what_an_earlier_one_began():
    """Its tokens are stored, and it died before the shops: those that the refusal had revoked work again."""
    with World(shops=1, register=False, server=None) as world:
        # One record for all of them: the simulator tells lifetimes anew each second, and that would be a newer grant.
        record = world.sim.shops()
        world.put_shops(record)
        now = datetime.datetime.utcnow()
        world.db.shops.update_many({}, {"$set": {"state": "revoked", "revoked_at": now}})
        world.put_shops(record)
        shop = world.db.shops.find_one()
        check_equal((shop["state"], "revoked_at" in shop), ("active", False), "state, mark")
        # a grant known to be refused is not brought back by the tokens that were refused, nor is its mark lost
        world.db.authorizations.update_many({}, {"$set": {"state": "refused"}})
        world.db.shops.update_many({}, {"$set": {"state": "revoked", "revoked_at": now, "region": "ID"}})
        world.put_shops(record)
        shop = world.db.shops.find_one()
        check_equal((shop["state"], "revoked_at" in shop, shop["region"] == "ID"), ("revoked", True, False), "state, mark, old region")


def case_what_stands_in_the_registry_does_not_drive_the_terminal():
    with World(shops=1, server=None) as world:
        world.db.shops.update_one({}, {"$set": {"region": "\x1b[31mTH", "channel_id": "a\u009bb"}})
        shop_id = world.sim.shops()[0]["shop_id"]
        for shown in (world.ctl("shop", "list").stdout, world.ctl("shop", "show", "tiktok", shop_id).stdout):
            check("\x1b" not in shown and "\u009b" not in shown, "raw controls: %r" % shown)
            check("\\x1b[31mTH" in shown, "the region, escaped: %r" % shown)


def case_wrong_input_of_shop_put_is_refused_with_line_and_field():
    with World(shops=2, register=False, server=None) as world:
        good, other = world.sim.shops()
        world.secrets |= {s[k] for s in (good, other) for k in ("access_token", "refresh_token")}
        world.ctl("init")

        def without(*names, **more):
            return dict({k: v for k, v in other.items() if k not in names}, **more)

        for record, field in ((without("shop_id"), "shop_id"), (without("platform"), "platform"),
                              (without("access_token"), "access_token"), (without(platform="bazaar"), "platform"),
                              (without(shop_id=[17]), "shop_id"), (without(shop_id=""), "shop_id"),
                              (without(access_token=""), "access_token"), (without(access_expires_at="soon"), "access_expires_at"),
                              (without(access_expires_at=-1), "access_expires_at"), (without(shop_cypher="x"), "shop_cypher"),
                              (without(region=None), "region"), (without(channel_id="a\u0000b"), "channel_id")):
            done = world.ctl("shop", "put", stdin=json.dumps(good) + "\n" + json.dumps(record) + "\n", status=2)
            check(re.search(r"line 2\b", done.stderr) and field in done.stderr, "%s: line and field: %r" % (field, done.stderr))
        for line in ("{", "[]", "17", '{"platform":"tiktok"} trailing', '{"platform":"tiktok","platform":"tiktok"}'):
            done = world.ctl("shop", "put", stdin=json.dumps(good) + "\n" + line + "\n", status=2)
            check(re.search(r"line 2\b", done.stderr), "%r: the line: %r" % (line, done.stderr))
        world.ctl("shop", "put", stdin="", status=2)


def case_status_tells_streams_workers_dependencies_and_findings():
    with World(shops=1) as world:
        done = world.ctl("status", "--json", status=1)
        found = from_json(done)
        check(any("no worker" in f for f in found["findings"]), "findings: %s" % found["findings"])
        world.change(0, 0)
        found = from_json(world.ctl("status", "--json", status=1))
        check_equal([s["lag"] for s in found["streams"] if s["stream"] == LIVE], [1], "lag before any worker")
        world.worker("w")
        world.settle()
        found = from_json(world.ctl("status", "--json"))
        check_equal(sorted(found), ["findings", "layout", "mongo", "needs", "redis", "streams", "workers"], "members")
        check_equal(found["findings"], [], "findings")
        check_equal(found["redis"]["up"] and found["mongo"]["up"], True, "dependencies")
        check_equal([w["name"] for w in found["workers"]], ["w-0"], "workers")
        live = next(s for s in found["streams"] if s["stream"] == LIVE)
        check_equal((live["length"], live["lag"], live["pending"], live["waiting_for_next_try"]), (1, 0, 0, 0), "live stream")
        screen = world.ctl("status").stdout
        for word in (LIVE, "worker lanes alive: 1", "redis: up", "mongo: up"):
            check(word in screen, "%r in %r" % (word, screen))
        world.add_entry(foo="bar")
        wait_for("the dead letter", world.dead)
        found = from_json(world.ctl("status", "--json", status=1))
        check(any("dead" in f for f in found["findings"]), "findings: %s" % found["findings"])
        shop = world.sim.shops()[0]["shop_id"]
        world.ctl("shop", "disable", "tiktok", shop)
        found = from_json(world.ctl("status", "--json", status=1))
        check(any("disabled" in f for f in found["findings"]), "findings: %s" % found["findings"])
        check_equal(found["mongo"]["shops"], {"disabled": 1}, "shops by state")


def case_dead_letters_are_listed_and_shown():
    with World(shops=1) as world:
        check_equal(from_json(world.ctl("dead", "list", "--json")), [], "no letters")
        body = world.sim.push(body="not JSON \u001b[31m")
        world.send(body)  # the server's own dead letter, with the raw bytes
        world.add_entry(v="1", platform="tiktok", shop="1", topic="1", kind="order", id="42")  # recv_ms and more are missing
        world.worker("w")
        world.settle()
        rows = from_json(world.ctl("dead", "list", "--json", status=1))
        check_equal([row["class"] for row in rows], ["bad_payload", "bad_payload"], "classes")
        check_equal([row["by"] for row in rows], ["w-0", "server"], "newest first, and by whom")
        check_equal((rows[0]["shop"], rows[0]["id"], rows[0]["kind"]), ("1", "42", "order"), "what it was")
        check(re.fullmatch(r"\d+-\d+", rows[0]["origin"]) and rows[0]["err"], "origin and error: %r" % rows[0])
        check("body" not in rows[1], "a listing shows no payload")
        check_equal(len(from_json(world.ctl("dead", "list", "--limit", "1", "--json", status=1))), 1, "--limit 1")
        shown = from_json(world.ctl("dead", "show", rows[1]["dead_id"], "--json"))
        check_equal(shown["body"], "not JSON \u001b[31m", "the body")
        printed = world.ctl("dead", "show", rows[1]["dead_id"]).stdout
        check("\u001b" not in printed and "not JSON" in printed, "a payload must not drive the terminal: %r" % printed)
        check("\u001b" not in world.ctl("dead", "list", status=1).stdout, "nor in the list")


if __name__ == "__main__":
    run_cases(globals())
