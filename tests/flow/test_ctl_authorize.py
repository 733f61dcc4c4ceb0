#!/usr/bin/python3
"""shopstreamctl shop authorize: the link, the exchange of a code, and what is stored; shop rekey: changing CREDENTIALS_KEY.

No case may print a token, a code or a secret: World.ctl looks for every secret it knows in what the tool prints.
"""

import datetime
import json
import os
import sys
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from stack import check, check_equal, run_cases, wait_for  # noqa: E402
from world import CREDENTIALS_KEY, PARTNER_ID, World  # noqa: E402

NEW_KEY = "0f" * 32


def link_of(done):
    url = urllib.parse.urlsplit(done.stdout.split("\n")[0])
    return url, dict(urllib.parse.parse_qsl(url.query))


def code_for(sim, shop):
    return json.loads(sim.call("POST", "auth_code", {"shop": shop}))["auth_code"]


def case_the_link_of_tiktok_names_the_service_and_a_state_nobody_can_guess():
    with World(shops=1, server=None, register=False) as world:
        first, second = (world.ctl("shop", "authorize", "tiktok", settings={"TIKTOK_SERVICE_ID": "7100"}) for _ in "ab")
        url, query = link_of(first)
        check_equal((url.scheme, url.netloc, url.path), ("https", "services.tiktokshop.com", "/open/authorize"), "the page")
        check_equal(query["service_id"], "7100", "service_id")
        check(len(query["state"]) == 32 and query["state"] != link_of(second)[1]["state"], "state: %s" % query["state"])
        shown = world.ctl("--json", "shop", "authorize", "tiktok", settings={"TIKTOK_SERVICE_ID": "7100"})
        check("service_id=7100" in json.loads(shown.stdout)["link"], "--json: %s" % shown.stdout)
        check("TIKTOK_SERVICE_ID" in world.ctl("shop", "authorize", "tiktok", status=2).stderr, "the missing setting is not named")


def case_the_link_of_shopee_carries_the_redirect():
    with World(shops=1, server=None, register=False, shopee=1) as world:
        url, query = link_of(world.ctl("shop", "authorize", "shopee", "--redirect", "https://a.example.test/b?c=d&e"))
        check_equal((url.scheme, url.netloc, url.path), ("https", "open.shopee.com", "/auth"), "the page")
        check(len(query.pop("state")) == 32, "state")
        check_equal(query, {"partner_id": PARTNER_ID, "auth_type": "seller", "response_type": "code",
                            "redirect_uri": "https://a.example.test/b?c=d&e"}, "parameters")
        check("--redirect" in world.ctl("shop", "authorize", "shopee", status=2).stderr, "the missing option is not named")


def case_a_code_of_tiktok_stores_every_shop_it_opens():
    with World(shops=3, server=None, register=False, simulator=("--shops-per-authorization", "3")) as world:
        shops = world.sim.shops()
        world.put_shops(shops[:1])
        code = code_for(world.sim, 0)
        world.secrets.add(code)
        done = world.ctl("shop", "authorize", "tiktok", "--code", "-", stdin=code + "\n")
        world.secrets |= {s["access_token"] for s in world.sim.shops()} | {s["refresh_token"] for s in world.sim.shops()}
        world.check_no_secret(done.stdout + done.stderr, "what the tool printed")
        stored = {s["shop_id"]: s for s in world.db.shops.find()}
        check_equal(set(stored), {s["shop_id"] for s in shops}, "shops")
        for shop in shops:
            row = stored[shop["shop_id"]]
            check_equal((row["shop_cipher"], row["region"], row["state"]), (shop["shop_cipher"], shop["region"], "active"), "a shop")
            wanted = shops[0]["channel_id"] if shop is shops[0] else shop["shop_id"]
            check_equal(row["channel_id"], wanted, "channel: kept, else the shop's own id")
        check_equal(world.db.authorizations.count_documents({}), 1, "authorizations: the grant is one")
        check("refresh_at" in world.db.authorizations.find_one(), "no refresh is scheduled")
        again = world.ctl("shop", "authorize", "tiktok", "--code", code, status=1)
        check("36004004" in again.stderr, "a code is good once: %s" % again.stderr)


def case_a_code_of_shopee_belongs_to_the_shop_named_beside_it():
    with World(shops=1, server=None, register=False, shopee=2) as world:
        world.ctl("init")
        shop = world.shopee.shops()[1]
        code = code_for(world.shopee, 1)
        world.secrets.add(code)
        world.ctl("shop", "authorize", "shopee", "--code", code, status=2)
        world.ctl("shop", "authorize", "shopee", "--code", "-", "--shop-id", shop["shop_id"], "--channel", "c9", stdin=code)
        row = world.db.shops.find_one()
        check_equal((row["_id"], row["channel_id"], row["region"], row["state"]),
                    ("shopee:" + shop["shop_id"], "c9", shop["region"], "active"), "the shop")
        check_equal(world.db.authorizations.find_one()["shop_id"], shop["shop_id"], "whom its token calls name")
        world.ctl("shop", "authorize", "shopee", "--code", code, "--shop-id", shop["shop_id"], status=1)


def case_what_cannot_be_meant_is_refused_before_a_code_is_spent():
    with World(shops=1, server=None, register=False) as world:
        code = code_for(world.sim, 0)
        world.secrets.add(code)
        for wrong in (["lazada"], ["tiktok", "--code"], ["tiktok", "--what", "x"], ["tiktok", "--code", code, "--shop-id", "1"],
                      ["tiktok", "--code", "with space"], ["shopee", "--code", code]):
            world.ctl("shop", "authorize", *wrong, status=2)
        world.ctl("shop", "authorize", "tiktok", "--code", code, status=3, settings={"MONGO_URI": "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=200"})
        check_equal(world.sim.counters()["token_calls"], 0, "token calls")


def case_a_platform_that_is_down_is_told_so():
    with World(shops=1, server=None, register=False) as world:
        world.ctl("init")
        world.sim.fault("500", path="token", count=1)
        world.ctl("shop", "authorize", "tiktok", "--code", code_for(world.sim, 0), status=3)
        check_equal(world.db.shops.count_documents({}), 0, "shops")


def sealed_under(world):
    """Key ids of all stored tokens."""
    return {g[field].split(":")[1] for g in world.db.authorizations.find() for field in ("access_token", "refresh_token")}


def case_tokens_move_to_a_new_key_and_work_on():
    with World(shops=3, server=None) as world:
        world.secrets.add(NEW_KEY)
        old = sealed_under(world)
        both = {"CREDENTIALS_KEY": NEW_KEY + "," + CREDENTIALS_KEY}
        check("0 sealed anew, 3 were current" in world.ctl("shop", "rekey").stdout, "nothing is to be done")
        check_equal(json.loads(world.ctl("--json", "shop", "rekey", settings=both).stdout),
                    {"sealed": 3, "current": 0, "refreshed": 0, "unreadable": 0}, "counts")
        check_equal(len(sealed_under(world) & old), 0, "tokens under the previous key")
        check("3 were current" in world.ctl("shop", "rekey", settings={"CREDENTIALS_KEY": NEW_KEY}).stdout, "done")
        check_equal(json.loads(world.ctl("--json", "shop", "rekey", status=1).stdout)["unreadable"], 3, "unreadable under the old key")
        world.db.authorizations.update_many({}, {"$set": {"refresh_at": datetime.datetime(2020, 1, 1)}})
        world.worker(CREDENTIALS_KEY=NEW_KEY, REFRESH_INTERVAL_MS=100)
        wait_for("a refresh of each", lambda: all(g.get("former_refresh_hashes") for g in world.db.authorizations.find()))


if __name__ == "__main__":
    run_cases(globals())
