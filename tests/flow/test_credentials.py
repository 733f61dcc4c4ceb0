#!/usr/bin/python3
"""Credentials stay alive: access tokens are refreshed from half of their life on, once each, whatever the number of workers;
a refused grant is told once and its shops wait; a new grant brings everything back. Nothing is lost meanwhile.

Tokens live for seconds here. A person's records and the simulator's switch say so; REFRESH_INTERVAL_MS looks often enough.
"""

import datetime
import json
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from stack import Failure, check, check_equal, run_cases, wait_for  # noqa: E402
from world import World  # noqa: E402

OFTEN = {"REFRESH_INTERVAL_MS": 100}


def world_of(shops=2, life=4, **more):
    """A world whose access tokens end in `life` seconds, those of the records and all later ones."""
    world = World(shops=shops, worker=OFTEN, register=False, **more)
    world.sim.switch(access_token_seconds=life)
    put(world, life)
    return world


def put(world, life):
    shops = world.sim.shops()
    for shop in shops:
        shop["access_expires_at"] = int(time.time()) + life
    return world.put_shops(shops)


def make_due(world, **more):
    """All authorizations are to be refreshed now; more: other fields to set."""
    world.db.authorizations.update_many({}, {"$set": dict(more, refresh_at=datetime.datetime(2020, 1, 1))})


def grants(world):
    return {g["_id"]: g for g in world.db.authorizations.find()}


def grant(world):
    """The only one."""
    all_of_them = list(grants(world).values())
    check_equal(len(all_of_them), 1, "authorizations")
    return all_of_them[0]


def refreshes(world):
    """Refreshes per authorization, as stored."""
    return {name: len(g.get("former_refresh_hashes", ())) for name, g in grants(world).items()}


def token_calls(world):
    return [call for call in world.sim.calls() if call["api"] == "token"]


def account(world):
    """What the marketplace counted, one line an authorization."""
    return [json.loads(line) for line in world.sim.lines("GET", "authorizations")]


def logged(world, words):
    return sum(worker.log().count(words) for worker in world.workers)


def states(world):
    return sorted(shop["state"] for shop in world.db.shops.find())


def metric(world, name):
    return sum(worker.metric(name) for worker in world.workers if worker.process.poll() is None)


def seconds_left(g):
    return (g["access_expires_at"] - datetime.datetime.utcnow()).total_seconds()


# ---------------------------------------------------------------- in time

def case_tokens_are_refreshed_from_half_of_their_life_on_and_once_each():
    with world_of(shops=4, life=4) as world:
        for _ in range(3):
            world.worker()
        wait_for("three refreshes of each", lambda: len(refreshes(world)) == 4 and min(refreshes(world).values()) >= 3, 30)
        calls, stored = token_calls(world), sum(refreshes(world).values())
        check_equal(sum(a["refused_refreshes"] for a in account(world)), 0, "refused refreshes")
        check(stored <= sum(a["refreshes"] for a in account(world)) <= sum(refreshes(world).values()) + 4, "refreshes by the marketplace's account")
        by_shop = {}
        for call in calls:
            by_shop.setdefault(call["shop_id"], []).append(call["at_ms"])
        for times in by_shop.values():
            for earlier, later in zip(times, times[1:]):
                check(later - earlier >= 1400, "refreshed again after %d ms of 4 s" % (later - earlier))
        check(all(seconds_left(g) > 1 for g in grants(world).values()), "a token lives for less than a second")
        check(world.workers[0].metric("shopstream_worker_access_token_seconds_left") >= 0, "no remaining life measured")
        check_equal(metric(world, "shopstream_worker_authorizations_alarmed"), 0, "alarms")
        check_equal(world.redis.client.keys("token:*") + world.redis.client.keys("lock:*"), [], "keys left behind")


def case_a_record_without_a_time_of_issue_is_scheduled_by_when_it_was_put():
    with World(shops=1, worker=OFTEN) as world:
        world.db.authorizations.update_many({}, {"$unset": {"refresh_at": "", "access_issued_at": ""}})
        world.worker()
        wait_for("a schedule", lambda: "refresh_at" in grant(world))
        g = grant(world)
        half = g["updated_at"] + (g["access_expires_at"] - g["updated_at"]) / 2
        check(abs((g["refresh_at"] - half).total_seconds()) < 1, "due at %s, half of its life is %s" % (g["refresh_at"], half))
        check_equal(len(token_calls(world)), 0, "token calls")


def case_orders_flow_while_tokens_end_every_few_seconds():
    with world_of(shops=3, life=3) as world:
        world.worker()
        world.worker()
        for _ in range(4):
            world.send(world.sim.burst(shops=3, orders=10, events=30))
            before = sum(refreshes(world).values())
            wait_for("another refresh", lambda: sum(refreshes(world).values()) > before, 15)
        world.settle()
        world.check()
        check_equal(states(world), ["active"] * 3, "states of the shops")


def case_a_token_refused_before_its_time_is_refreshed_at_once_and_once():
    with World(shops=2, worker=OFTEN, simulator=("--shops-per-authorization", "2")) as world:
        world.worker(WORKER_THREADS=2)
        world.worker()
        world.sim.fault("expired_token", shop=0, count=-1)
        world.send(world.sim.burst(shops=2, orders=20, events=40))
        world.settle()
        world.check()
        check_equal(len(token_calls(world)), 1, "refreshes, however many calls were refused")


# ---------------------------------------------------------------- refused

def case_a_withdrawn_grant_is_told_once_and_a_new_one_brings_the_shops_back():
    with world_of(shops=2, life=2, simulator=("--shops-per-authorization", "2")) as world:
        world.sim.fault("revoked", shop=0, count=-1)
        world.worker()
        world.worker()
        wait_for("revoked shops", lambda: states(world) == ["revoked"] * 2, 20)
        g = grant(world)
        check_equal((g["state"], g["alarm"]["reason"]), ("refused", "refused"), "the authorization")
        wait_for("the gauge", lambda: metric(world, "shopstream_worker_authorizations_alarmed") >= 1)
        calls = len(token_calls(world))
        wait_for("some rounds", rounds_of(world, 5))
        check_equal(len(token_calls(world)), calls, "token calls after the refusal")
        check_equal(logged(world, "a person must authorise again"), 1, "alarms in the log")
        check("shopstreamctl shop authorize tiktok" in "".join(w.log() for w in world.workers), "no way out named")
        world.sim.heal()
        world.db.shops.update_one({"shop_id": world.sim.shops()[1]["shop_id"]}, {"$set": {"state": "disabled"}})
        authorize_again(world, 0)
        put(world, 2)
        calls = len(token_calls(world))
        wait_for("a refresh of the new grant", lambda: len(token_calls(world)) > calls, 20)
        # a round that had read the refusal before the put may stop the shop for a moment, and brings it back itself
        wait_for("the states: a person's own stays", lambda: states(world) == ["active", "disabled"])
        check(not {"state", "alarm"} & set(grant(world)), "traces of the refusal: %s" % set(grant(world)))


def case_what_comes_for_a_revoked_shop_waits_and_lands_after_shop_authorize():
    with World(shops=2, worker=dict(OFTEN, PARK_AFTER_SECONDS=1, SWEEP_INTERVAL_MS=200)) as world:
        world.worker()
        world.sim.fault("revoked", shop=0, count=-1)
        hint(world)
        wait_for("the revoked shop", lambda: states(world) == ["active", "revoked"], 20)
        shops = [shop["shop_id"] for shop in world.sim.shops()]
        world.send(world.sim.burst(shops=2, orders=20, events=60))
        wait_for("parked needs", lambda: world.db.needs.count_documents({"shop_id": shops[0]}) > 0, 30)
        wait_for("the other shop's orders", lambda: world.db.orders.count_documents({"shop_id": shops[1]}) == 10, 30)
        check_equal(world.db.orders.count_documents({"shop_id": shops[0]}), 0, "orders of the revoked shop")
        world.settle()
        check_equal(world.dead(), [], "dead letters: nobody is blamed")
        world.sim.heal()
        code = json.loads(world.sim.call("POST", "auth_code", {"shop": 0}))["auth_code"]
        world.secrets.add(code)
        world.ctl("shop", "authorize", "tiktok", "--code", "-", stdin=code + "\n")
        check_equal(states(world), ["active", "active"], "states")
        wait_for("no needs", lambda: world.db.needs.count_documents({}) == 0, 60)
        world.settle()
        world.check()


def rounds_of(world, count):
    """A condition: the workers have looked that many times since."""
    start = {worker.name: time.monotonic() for worker in world.workers}
    return lambda: all(time.monotonic() - at > count * 0.15 for at in start.values())


def authorize_again(world, shop):
    """As the seller does; afterwards the simulator's shops() tell the new tokens."""
    import urllib.parse
    import urllib.request
    from world import APP_KEY, APP_SECRET
    code = json.loads(world.sim.call("POST", "auth_code", {"shop": shop}))["auth_code"]
    query = urllib.parse.urlencode({"app_key": APP_KEY, "app_secret": APP_SECRET, "grant_type": "authorized_code",
                                    "auth_code": code})
    with urllib.request.urlopen(world.sim.url + "/api/v2/token/get?" + query, timeout=10) as answer:
        check_equal(json.load(answer)["code"], 0, "exchange of the code")


def case_transient_errors_are_put_off_with_back_off_and_told_when_they_stay():
    with world_of(shops=1, life=600) as world:
        world.sim.fault("500", path="token", count=-1)
        make_due(world)
        world.worker()
        wait_for("two failures", lambda: grant(world).get("refresh_failures") == 2)
        check_equal(len(token_calls(world)), 4, "calls: one, and one more at once, each time")
        make_due(world, refresh_failures=4)
        wait_for("the alarm", lambda: "alarm" in grant(world))
        g = grant(world)
        check_equal((g["alarm"]["reason"], g.get("state"), g["refresh_failures"]), ("failing", None, 5), "the authorization")
        check((g["refresh_at"] - datetime.datetime.utcnow()).total_seconds() > 10, "no back-off")
        check_equal(logged(world, "refresh keeps failing"), 1, "alarms in the log")
        check_equal(states(world), ["active"], "its shop works on")
        world.sim.heal()
        make_due(world)
        wait_for("a refresh", lambda: "alarm" not in grant(world) and "refresh_failures" not in grant(world))
        check("intent" not in grant(world), "an intent is left open")


def case_an_answer_lost_on_the_wire_raises_the_alarm_with_the_remaining_life():
    with world_of(shops=1, life=40) as world:
        world.sim.fault("truncated", path="token", count=1)  # the tokens have changed, and nobody has read them
        make_due(world)
        worker = world.worker()
        line = worker.wait_log(r"the answer to a refresh was lost.*access_seconds_left=(\d+)")
        check(20 < int(line.group(1)) <= 40, "remaining life: %s s" % line.group(1))
        check_equal(len(token_calls(world)), 2, "calls: the lost one, and one more at once")
        check_equal(grant(world)["alarm"]["reason"], "answer_lost", "reason")
        check_equal(metric(world, 'shopstream_worker_refreshes_total{result="answer_lost"}'), 1, "lost answers")
        check_equal(states(world), ["active"], "its shop works while the access token lives")
        past = datetime.datetime.utcnow() - datetime.timedelta(seconds=1)
        world.db.authorizations.update_many({}, {"$set": {"access_expires_at": past}})
        wait_for("its end", lambda: states(world) == ["revoked"])


def case_a_grant_put_while_a_refresh_is_out_wins():
    with world_of(shops=1, life=600) as world:
        world.sim.fault("hold", path="token")
        make_due(world)
        worker = world.worker()
        wait_for("the call", lambda: world.sim.counters()["held"] == 1)
        check("intent" in grant(world), "no intent is written before the call")
        authorize_again(world, 0)
        put(world, 600)
        put_hash = grant(world)["refresh_hash"]
        world.sim.release()
        worker.wait_log("a refreshed pair dropped, a newer grant is stored")
        check_equal(grant(world)["refresh_hash"], put_hash, "the person's grant")
        check_equal(world.redis.client.keys("token:*"), [], "copies")


def case_a_worker_that_is_to_end_stores_the_answer_of_a_call_that_is_out():
    with world_of(shops=1, life=600) as world:
        world.sim.fault("hold", path="token")
        make_due(world)
        worker = world.worker()
        wait_for("the call", lambda: world.sim.counters()["held"] == 1)
        worker.signal(signal.SIGTERM)
        worker.wait_log("lane ended")
        world.sim.release()
        check_equal(worker.wait(), 0, "exit status")
        check_equal(account(world)[0]["refreshes"], 1, "refreshes")
        check_equal(len(grant(world)["former_refresh_hashes"]), 1, "refreshes stored")
        check_equal(world.redis.client.keys("token:*") + world.redis.client.keys("lock:*"), [], "keys left behind")


# ---------------------------------------------------------------- hints

def hint(world, topic="6"):
    world.db.shops.update_many({}, {"$set": {"hint_topic": topic, "hint_ms": int(time.time() * 1000)}})


def hints_left(world):
    return world.db.shops.count_documents({"hint_ms": {"$exists": True}})


def case_a_hint_that_does_not_come_true_changes_nothing():
    with World(shops=2, worker=OFTEN) as world:
        world.worker()
        hint(world)
        wait_for("the end of the hints", lambda: hints_left(world) == 0)
        check_equal(states(world), ["active"] * 2, "states")
        check_equal(len(token_calls(world)), 0, "refreshes spent on it")


def case_a_hint_that_comes_true_revokes_the_shops():
    with World(shops=2, worker=OFTEN) as world:
        world.sim.fault("revoked", shop=0, count=-1)
        world.worker()
        hint(world)
        wait_for("the end of the hints", lambda: hints_left(world) == 0)
        wait_for("the revoked shop", lambda: states(world) == ["active", "revoked"])
        check_equal(logged(world, "a person must authorise again"), 1, "alarms in the log")


def case_a_push_about_the_end_of_an_authorisation_is_stored_and_warned_of():
    with World(shops=1, worker=OFTEN) as world:
        worker = world.worker()
        end = int(time.time()) + 5 * 86400
        world.send(world.sim.push(type=7, shop=0, data={"message": "ends", "expiration_time": str(end)}))
        worker.wait_log(r"an authorisation ends.*days_left=4", 30)
        wait_for("the end of the hint", lambda: hints_left(world) == 0)
        stored = world.db.shops.find_one()["authorization_expires_at"].replace(tzinfo=datetime.timezone.utc)
        check_equal(int(stored.timestamp()), end, "its end")


def case_a_push_about_a_withdrawn_grant_revokes_the_shop_and_status_tells():
    with World(shops=2, worker=OFTEN) as world:
        world.worker()
        world.sim.fault("revoked", shop=0, count=-1)
        world.send(world.sim.push(type=6, shop=0, data={"message": "withdrawn"}), world.sim.push(type=6, shop=1, data={"message": "late"}))
        wait_for("the revoked shop", lambda: states(world) == ["active", "revoked"], 30)
        wait_for("the end of the hints", lambda: hints_left(world) == 0)
        shown = world.ctl("status", status=1).stdout
        name = next(name for name, g in grants(world).items() if "alarm" in g)
        check("authorization %s: refused" % name in shown and "shopstreamctl shop authorize tiktok" in shown, shown)
        alarms = json.loads(world.ctl("--json", "status", status=1).stdout)["mongo"]["alarms"]
        check_equal([(a["authorization"], a["reason"]) for a in alarms], [(name, "refused")], "alarms")


def case_a_hint_stays_while_the_platform_does_not_tell():
    with World(shops=1, worker=OFTEN) as world:
        fault = world.sim.fault("500", path="shops", count=-1)
        world.worker()
        hint(world)
        wait_for("three questions", lambda: world.sim.counters()["shops_calls"] >= 3)
        check_equal((hints_left(world), states(world)), (1, ["active"]), "the hint and the state")
        world.sim.heal(fault)
        wait_for("the end of the hint", lambda: hints_left(world) == 0)


def case_a_hint_changes_nothing_while_no_token_call_can_tell():
    """The token host is away and the access token refused: a refresh is put off, so nobody knows whether the grant lives."""
    with World(shops=1, worker=OFTEN) as world:
        world.sim.fault("500", path="token", count=-1)
        world.sim.fault("expired_token", path="shops", count=-1)
        later = datetime.datetime.utcnow() + datetime.timedelta(hours=1)
        world.db.authorizations.update_many({}, {"$set": {"refresh_failures": 1, "refresh_at": later}})
        hint(world)
        world.worker()
        wait_for("three questions", lambda: world.sim.counters()["shops_calls"] >= 3)
        check_equal((hints_left(world), states(world)), (1, ["active"]), "the hint and the state")
        world.sim.heal()
        make_due(world)
        wait_for("the end of the hint", lambda: hints_left(world) == 0)
        check_equal(states(world), ["active"], "states")


def case_a_hint_about_a_grant_known_to_be_refused_adds_nothing():
    """Its shops go on until the access token ends, and come back with the grant: both are the refusal's business."""
    with World(shops=1, worker=OFTEN) as world:
        alarm = {"since": datetime.datetime.utcnow(), "reason": "answer_lost", "error": "", "access_until": grant(world)["access_expires_at"]}
        world.db.authorizations.update_many({}, {"$set": {"state": "refused", "alarm": alarm}})
        hint(world)
        world.worker()
        wait_for("the end of the hint", lambda: hints_left(world) == 0)
        check_equal(states(world), ["active"], "states")


def case_a_worker_that_is_to_end_asks_about_no_further_hint():
    with World(shops=6, worker=OFTEN) as world:
        world.sim.fault("hold", path="shops", count=-1)
        worker = world.worker()
        hint(world)
        wait_for("the first question", lambda: world.sim.counters()["held"] == 1)
        worker.signal(signal.SIGTERM)
        worker.wait_log("lane ended")
        world.sim.heal()
        world.sim.release()
        worker.process.wait(30)
        check(hints_left(world) >= 3, "it went on asking: %d hints left" % hints_left(world))


# ---------------------------------------------------------------- copies and late answers

def case_a_copy_nobody_can_read_does_not_hold_up_a_grant_it_does_not_belong_to():
    """What was sealed under a lost key: a new grant has been put since, or no call is open."""
    with World(shops=1, worker=OFTEN) as world:
        world.redis.client.set("token:{%s}" % grant(world)["_id"], "1:00000000:AAAA")
        make_due(world)
        world.worker()
        wait_for("a refresh", lambda: refreshes(world) == {grant(world)["_id"]: 1})
        check_equal(states(world), ["active"], "states")


def case_a_copy_nobody_can_read_is_told_when_it_may_be_the_only_pair():
    with World(shops=1, worker=OFTEN) as world:
        past = datetime.datetime(2020, 1, 1)
        world.redis.client.set("token:{%s}" % grant(world)["_id"], "1:00000000:AAAA")
        make_due(world, intent={"by": "another", "at": past, "until": past, "lost": False})
        world.worker()
        wait_for("the alarm", lambda: "alarm" in grant(world))
        check("CREDENTIALS_KEY" in grant(world)["alarm"]["error"], "the alarm: %r" % grant(world)["alarm"])
        check_equal((len(token_calls(world)), world.redis.client.exists("token:{%s}" % grant(world)["_id"])), (0, 1), "calls, copies")
        check("intent" in grant(world), "the intent is gone")


def case_an_answer_that_came_while_the_worker_was_frozen_is_taken():
    """It lies in the socket: its time-out has passed meanwhile, and it still is the only valid pair."""
    with World(shops=1, worker=dict(OFTEN, REQUEST_TIMEOUT=2)) as world:
        world.sim.fault("hold", path="token", count=1)
        make_due(world)
        worker = world.worker()
        wait_for("the call", lambda: world.sim.counters()["held"] == 1)
        worker.signal(signal.SIGSTOP)
        end = time.monotonic() + 3
        world.sim.release()
        wait_for("its time-out", lambda: time.monotonic() > end)
        worker.signal(signal.SIGCONT)
        wait_for("the pair", lambda: refreshes(world) == {grant(world)["_id"]: 1})
        check_equal((len(token_calls(world)), account(world)[0]["refused_refreshes"]), (1, 0), "calls, refusals")


# ---------------------------------------------------------------- Shopee

def shopee_world(shops=2, life=4):
    world = World(shops=1, worker=OFTEN, shopee=shops, register=False)
    world.shopee.switch(access_token_seconds=life)
    records = world.shopee.shops()
    for record in records:
        record["access_expires_at"] = int(time.time()) + life
    world.put_shops(records)
    return world


def shopee_account(world):
    return [json.loads(line) for line in world.shopee.lines("GET", "authorizations")]


def case_shopees_single_use_tokens_are_refreshed_shop_by_shop():
    with shopee_world(shops=3) as world:
        for _ in range(3):
            world.worker()
        wait_for("three refreshes of each", lambda: min(refreshes(world).values()) >= 3, 30)
        check_equal(sum(a["refused_refreshes"] for a in shopee_account(world)), 0, "tokens used twice")
        check_equal(len(grants(world)), 3, "authorizations")
        check(all(name == "shopee:" + g["shop_id"] for name, g in grants(world).items()), "one a shop: %s" % list(grants(world)))


def case_a_shop_that_shopee_lists_no_longer_is_revoked():
    with shopee_world(shops=2, life=3600) as world:
        world.worker()
        world.shopee.call("POST", "revoke", {"shop": 1})
        hint(world, "2")
        wait_for("the end of the hints", lambda: hints_left(world) == 0)
        wait_for("the revoked shop", lambda: states(world) == ["active", "revoked"])
        check_equal(world.db.shops.find_one({"state": "revoked"})["shop_id"], world.shopee.shops()[1]["shop_id"], "which one")


if __name__ == "__main__":
    run_cases(globals())
