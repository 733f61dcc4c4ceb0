#!/usr/bin/python3
"""A worker killed, frozen past its lease, or cut off from MongoDB at every step of a refresh: no authorization is lost, but by
an answer that is lost on the wire, and that one raises the alarm with the remaining life of the access token.

A proxy before Redis and one before MongoDB stop the worker at the message of a step; the marketplace holds its answer for the
call. Where a lease or an intent would have to be waited for, its end is written into Redis and MongoDB instead: the waits
themselves are what test_lease and test_credentials look at.
"""

import contextlib
import datetime
import json
import os
import re
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from load import kill_worker  # noqa: E402
from stack import check, check_equal, run_cases, wait_for  # noqa: E402
from stepping import Stepper  # noqa: E402
from world import World  # noqa: E402

OFTEN = {"REFRESH_INTERVAL_MS": 100, "REQUEST_TIMEOUT": 30}
LIFE = 600

# step: (before which server, bytes of its message, applied)
STEPS = {
    "taking the lease": ("redis", b"lock:{tiktok:", False),
    "the lease taken": ("redis", b"lock:{tiktok:", True),
    "writing the intent": ("mongo", b"intent\0", False),
    "the intent written": ("mongo", b"intent\0", True),
    "the copy kept": ("redis", b"token:{tiktok:", True),
    "storing the pair": ("mongo", b"access_issued_at\0", False),
    "the pair stored": ("mongo", b"access_issued_at\0", True),
}


@contextlib.contextmanager
def stage(life=LIFE):
    """A world with one authorization, and a first worker that sits behind the proxies."""
    with World(shops=1, worker=OFTEN, register=False, server=None) as world:
        world.sim.switch(access_token_seconds=life)
        world.put_shops()
        port = int(re.search(r":(\d+)", world.mongo.uri.rpartition("@")[2]).group(1))
        with Stepper(world.redis.port) as redis, Stepper(port) as mongo:
            world.proxies = {"redis": redis, "mongo": mongo}
            uri = world.mongo.uri.replace(":%d" % port, ":%d" % mongo.port)
            uri += ("&" if "?" in uri else "/?" if uri.count("/") == 2 else "?") + "directConnection=true"
            world.first = world.worker(name="first", REDIS_URL=world.redis.url.replace(":%d" % world.redis.port, ":%d" % redis.port),
                                       MONGO_URI=uri)
            make_due(world)  # one refresh in peace: from then on Redis knows the scripts, and a step is one message
            wait_for("a first refresh", lambda: hashes(world) == 1 and ended(world))
            yield world


def grant(world):
    return world.db.authorizations.find_one()


def hashes(world):
    """How many pairs have been replaced, as stored."""
    return len(grant(world).get("former_refresh_hashes", ()))


def account(world):
    return json.loads(world.sim.lines("GET", "authorizations")[0])


def make_due(world):
    world.db.authorizations.update_many({}, {"$set": {"refresh_at": datetime.datetime(2020, 1, 1)}})


def stop_first_at(world, step):
    where, pattern, applied = STEPS[step]
    proxy = world.proxies[where]
    if pattern.startswith(b"token"):  # the look for a copy comes first
        world.sim.fault("hold", path="token")
        make_due(world)
        wait_for("the call", lambda: world.sim.counters()["held"] == 1)
        proxy.stop_at(pattern, applied)
        world.sim.release()
    else:
        proxy.stop_at(pattern, applied)
        make_due(world)
    check(proxy.reached.wait(20), "%s was never reached" % step)
    if applied:
        wait_for("its effect", lambda: effect(world, step))


def effect(world, step):
    if step == "the lease taken":
        return world.redis.client.keys("lock:*")
    if step == "the copy kept":
        return world.redis.client.keys("token:*")
    if step == "the intent written":
        return "intent" in grant(world)
    return hashes(world) > 1


def time_passes(world):
    """Lease and intent of whoever holds them have ended."""
    for key in world.redis.client.keys("lock:*"):
        world.redis.client.delete(key)
    past = datetime.datetime.utcnow() - datetime.timedelta(seconds=1)
    world.db.authorizations.update_many({"intent": {"$exists": True}}, {"$set": {"intent.until": past}})


def check_alive(world, refused=0):
    """Nothing is left over, and the grant can be refreshed again and again."""
    for _ in range(2):
        generation = account(world)["generation"]
        make_due(world)
        wait_for("another refresh", lambda: account(world)["generation"] > generation and ended(world), 30)
    check_equal(account(world)["refused_refreshes"], refused, "refused refreshes")
    check_equal(world.db.shops.find_one()["state"], "active", "the shop")


def finished(world, step):
    """A new pair is stored. The copy of one that was stored already is cleared away by the next refresh: nobody needs it."""
    return hashes(world) > 1 and (step == "the pair stored" or ended(world))


def ended(world):
    g = grant(world)
    return not {"intent", "alarm", "state"} & set(g) and g["refresh_at"].year > 2020 and not world.redis.client.keys("token:*") \
        and not world.redis.client.keys("lock:*")


# ---------------------------------------------------------------- killed

def killed_at(step):
    with stage() as world:
        before = account(world)["generation"]
        stop_first_at(world, step)
        spent = account(world)["generation"] - before
        kill_worker(world.first)
        time_passes(world)
        world.worker(name="second")
        wait_for("the refresh finished", lambda: finished(world, step), 30)
        check_equal(account(world)["generation"] - before, max(spent, 1), "refreshes: what was spent is not spent again")
        check_alive(world)


def case_killed_while_it_takes_the_lease():
    """A refresh due, the worker killed with -9 before its lease is in Redis: the next worker finishes it with one refresh in
    all, and the grant lives on."""
    killed_at("taking the lease")


def case_killed_with_the_lease():
    """A refresh due, the worker killed with -9 with its lease in Redis: the next worker finishes it with one refresh in all,
    and the grant lives on."""
    killed_at("the lease taken")


def case_killed_while_it_writes_the_intent():
    """A refresh due, the worker killed with -9 before its intent is in MongoDB: the next worker finishes it with one refresh
    in all, and the grant lives on."""
    killed_at("writing the intent")


def case_killed_with_the_intent_written():
    """A refresh due, the worker killed with -9 with its intent in MongoDB: the next worker finishes it with one refresh in
    all, and the grant lives on."""
    killed_at("the intent written")


def case_killed_with_the_copy_kept():
    """A refresh due, the worker killed with -9 with the new pair's copy in Redis: the next worker finishes it with one
    refresh in all, and the grant lives on."""
    killed_at("the copy kept")


def case_killed_while_it_stores_the_pair():
    """A refresh due, the worker killed with -9 before the new pair is in MongoDB: the next worker finishes it with one
    refresh in all, and the grant lives on."""
    killed_at("storing the pair")


def case_killed_with_the_pair_stored():
    """A refresh due, the worker killed with -9 with the new pair in MongoDB and its copy still there: the next worker
    finishes it with one refresh in all, and the grant lives on."""
    killed_at("the pair stored")


def case_killed_while_the_call_is_out_is_an_answer_lost_and_told():
    """Single-use refresh tokens, the worker killed with -9 while the call is out: an alarm with the access token's remaining
    life, the shop stays active."""
    with stage() as world:
        world.sim.fault("hold", path="token")
        make_due(world)
        wait_for("the call", lambda: world.sim.counters()["held"] == 1)
        kill_worker(world.first)
        world.sim.release()
        time_passes(world)
        second = world.worker(name="second")
        left = int(second.wait_log(r"the answer to a refresh was lost.*access_seconds_left=(\d+)").group(1))
        check(LIFE - 60 < left <= LIFE, "remaining life %d s" % left)
        check_equal(grant(world)["alarm"]["reason"], "answer_lost", "the alarm")
        check_equal(world.db.shops.find_one()["state"], "active", "the shop works while its access token lives")


def case_killed_while_the_call_is_out_costs_nothing_where_the_old_token_still_counts():
    """Refresh tokens that stay valid, the worker killed with -9 while the call is out: the next worker refreshes again, no
    alarm is left."""
    with stage() as world:
        world.sim.switch(old_refresh_token="valid")
        world.sim.fault("hold", path="token")
        make_due(world)
        wait_for("the call", lambda: world.sim.counters()["held"] == 1)
        kill_worker(world.first)
        world.sim.release()
        time_passes(world)
        world.worker(name="second")
        wait_for("a refresh", lambda: ended(world), 30)
        check_alive(world)


# ---------------------------------------------------------------- frozen past its lease

def frozen_at(step):
    with stage() as world:
        stop_first_at(world, step)
        world.first.signal(signal.SIGSTOP)
        try:
            time_passes(world)
            world.worker(name="second")
            wait_for("the second one's turn", lambda: finished(world, step), 30)
            second_hash = grant(world)["refresh_hash"]
        finally:
            world.first.signal(signal.SIGCONT)
            for proxy in world.proxies.values():
                proxy.go_on()
        # what the first does now changes nothing that the second has done
        make_due(world)
        wait_for("both", lambda: grant(world)["refresh_hash"] != second_hash and ended(world), 30)
        check_alive(world)


def case_frozen_while_it_takes_the_lease():
    """A refresh due, the worker frozen past its lease before that lease is in Redis: another one finishes it, what the
    sleeper does later harms nothing, and the grant lives on."""
    frozen_at("taking the lease")


def case_frozen_while_it_writes_the_intent():
    """A refresh due, the worker frozen past its lease before its intent is in MongoDB: another one finishes it, what the
    sleeper does later harms nothing, and the grant lives on."""
    frozen_at("writing the intent")


def case_frozen_with_the_copy_kept():
    """A refresh due, the worker frozen past its lease with the new pair's copy in Redis: another one finishes it, what the
    sleeper does later harms nothing, and the grant lives on."""
    frozen_at("the copy kept")


def case_frozen_while_it_stores_the_pair():
    """A refresh due, the worker frozen past its lease before the new pair is in MongoDB: another one finishes it, what the
    sleeper does later harms nothing, and the grant lives on."""
    frozen_at("storing the pair")


def case_frozen_with_the_pair_stored():
    """A refresh due, the worker frozen past its lease with the new pair in MongoDB: another one finishes it, what the
    sleeper does later harms nothing, and the grant lives on."""
    frozen_at("the pair stored")


def case_frozen_with_the_only_valid_answer_it_is_stored_however_late():
    """Single-use refresh tokens, the worker frozen while the call is out and the shop stopped meanwhile: its late answer is
    stored, the shop is active again, 1 refused refresh."""
    with stage() as world:
        world.sim.fault("hold", path="token")
        make_due(world)
        wait_for("the call", lambda: world.sim.counters()["held"] == 1)
        world.first.signal(signal.SIGSTOP)
        try:
            time_passes(world)
            second = world.worker(name="second")
            second.wait_log("a person must authorise again")  # all that the second one can see
            world.db.authorizations.update_many({}, {"$set": {"alarm.reason": "refused"}})  # the worse of the two: shops stop
            wait_for("the stopped shop", lambda: world.db.shops.find_one()["state"] == "revoked")
        finally:
            world.sim.release()
            world.first.signal(signal.SIGCONT)
        wait_for("its answer", lambda: ended(world), 30)
        check_equal(account(world)["refused_refreshes"], 1, "refused refreshes")
        check_alive(world, refused=1)


def case_frozen_with_the_only_valid_answer_and_then_killed_another_stores_it():
    """Single-use refresh tokens, the worker frozen while the call is out, cut off from MongoDB, then killed: another worker
    stores the pair from its copy in Redis.

    The grant is marked refused by then, so it is due no more: its copy is looked for all the same."""
    with stage() as world:
        world.sim.fault("hold", path="token")
        make_due(world)
        wait_for("the call", lambda: world.sim.counters()["held"] == 1)
        world.first.signal(signal.SIGSTOP)
        time_passes(world)
        second = world.worker(name="second")
        second.wait_log("a person must authorise again")
        world.proxies["mongo"].cut()
        world.sim.release()
        world.first.signal(signal.SIGCONT)
        wait_for("its copy, or its end", lambda: world.redis.client.keys("token:*") or ended(world))
        kill_worker(world.first)
        wait_for("its answer", lambda: ended(world), 30)
        check_alive(world, refused=1)


# ---------------------------------------------------------------- cut off from MongoDB

def cut_at(step):
    """MongoDB goes away at that step and comes back: the worker gets through by itself."""
    with stage() as world:
        before = account(world)["generation"]
        stop_first_at(world, step)
        spent = account(world)["generation"] - before
        mongo = world.proxies["mongo"]
        mongo.cut()
        world.first.wait_log("credentials are not looked after", 60)
        mongo.heal()
        wait_for("the refresh finished", lambda: finished(world, step), 60)
        check_equal(account(world)["generation"] - before, max(spent, 1), "refreshes")
        check_alive(world)


def case_cut_off_while_it_writes_the_intent():
    """A refresh due, MongoDB cut off before the intent is in it: the same worker finishes it with one refresh in all once
    MongoDB is back, and the grant lives on."""
    cut_at("writing the intent")


def case_cut_off_with_the_intent_written():
    """A refresh due, MongoDB cut off with the intent in it: the same worker finishes it with one refresh in all once MongoDB
    is back, and the grant lives on."""
    cut_at("the intent written")


def case_cut_off_while_it_stores_the_pair():
    """A refresh due, MongoDB cut off before the new pair is in it: the same worker finishes it with one refresh in all once
    MongoDB is back, and the grant lives on."""
    cut_at("storing the pair")


def case_cut_off_with_the_pair_stored():
    """A refresh due, MongoDB cut off with the new pair in it: the same worker finishes it with one refresh in all once
    MongoDB is back, and the grant lives on."""
    cut_at("the pair stored")


def case_cut_off_while_the_call_is_out():
    """A refresh due, MongoDB cut off while the call is out, the worker then killed: another worker stores the pair from its
    copy in Redis, and the grant lives on."""
    with stage() as world:
        world.sim.fault("hold", path="token")
        make_due(world)
        wait_for("the call", lambda: world.sim.counters()["held"] == 1)
        world.proxies["mongo"].cut()
        world.sim.release()
        wait_for("the copy", lambda: world.redis.client.keys("token:*"))
        world.first.wait_log("credentials are not looked after", 60)
        kill_worker(world.first)  # and it does not live long enough to see MongoDB again
        time_passes(world)
        world.worker(name="second")
        wait_for("the refresh finished", lambda: hashes(world) > 1 and ended(world), 30)
        check_alive(world)


if __name__ == "__main__":
    run_cases(globals())
