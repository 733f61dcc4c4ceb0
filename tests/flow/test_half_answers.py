#!/usr/bin/python3
"""An answer that is good but lacks something: a package whose detail is left out, a completed order without transactions. What
there is, is stored at once and its event ends; the rest is asked for again, a few times and ever more rarely, and the document
becomes equal to the marketplace without another event."""

import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from stack import Failure, check, check_equal, run_cases, wait_for  # noqa: E402
from world import World  # noqa: E402

TRACKINGS, MONEY = "order_tracking_status", "transactions"
AGAIN, LOST = "shopstream_worker_asked_again_total", 'shopstream_worker_given_up_total{left_out="%s"}'

# Long enough to look at what was stored meanwhile, before the last of the five asks.
SLOW = {"RETRY_DELAYS": "1000,1000,1000,1000,1000", "MONEY_RETRY_MS": 1000}


def both(**settings):
    return World(shops=1, shopee=1, worker=settings)


def packed(sim, first=100):
    """(number, change) of an order with packages; those that were cancelled before are passed over."""
    for number in range(first, first + 20):
        try:
            return number, sim.change(0, number, kind="tracking")
        except Failure:
            continue
    raise Failure("no order of the simulator could be packed")


def ended(world, sim, last="COMPLETED"):
    """(number, change) of the first order that ends so; those that end otherwise are announced."""
    for number in range(10, 70):
        for _ in range(12):
            made = sim.change(0, number)
            if made["status"] in ("COMPLETED", "CANCELLED", "CANCEL"):
                break
        if made["status"] == last:
            return number, made
        world.send(made["push"])
    raise Failure("no order of the simulator became %s" % last)


def document(world, collection, sim, made):
    """Of that order; None when there is none."""
    return world.db[collection].find_one({"platform": sim.platform, "order_id": made["id"]})


def add(world, sim, kind, made):
    """An entry of a kind, past the server: only a read that was sent later reflects it."""
    world.add_entry(v="1", platform=sim.platform, shop=made["shop_id"], topic="t", kind=kind, id=made["id"],
                    recv_ms=str(int(time.time() * 1000)), key="%s-%s" % (kind, made["id"]), src="webhook", trace="t")


def waits(world, sim, reason):
    """The one need that half an answer has left."""
    return world.db.needs.find_one({"platform": sim.platform, "reason": reason})


def case_a_package_that_is_left_out_is_stored_without_its_detail_and_completed_later():
    for path in ("package", "tracking"):
        with both(**SLOW) as world:
            world.worker()
            made = {}
            for sim in world.sims:
                number, made[sim] = packed(sim)
                sim.fault("missing", shop=0, number=number, path=path)
                world.send(made[sim]["push"])
            for sim in world.sims:
                need = wait_for("a need of %s" % sim.platform, lambda: waits(world, sim, "incomplete"), 20)
                check_equal((need["kind"], need["entity_id"]), ("tracking", made[sim]["id"]), "need")
                wait_for("what there is of it", lambda: document(world, TRACKINGS, sim, made[sim]), 20)
            wait_for("the events to end", lambda: world.group() == (0, 0), 20)
            check_equal(world.ctl("prove", status=0).returncode, 0, "prove, while it waits")
            for sim in world.sims:
                sim.heal()
            world.settle()
            world.check()


def case_a_completed_order_without_transactions_is_asked_for_them_until_they_are_there():
    with both(**SLOW) as world:
        world.worker()
        made = {}
        for sim in world.sims:
            number, made[sim] = ended(world, sim)
            sim.fault("missing", shop=0, number=number, path="finance")
            world.send(made[sim]["push"])
        for sim in world.sims:
            need = wait_for("a need of %s" % sim.platform, lambda: waits(world, sim, "unsettled"), 20)
            check_equal((need["kind"], need["entity_id"]), ("transaction", made[sim]["id"]), "need")
            wait_for("that they were read", lambda: "transactions_fetched_ms" in document(world, "orders", sim, made[sim]), 20)
            check_equal(document(world, MONEY, sim, made[sim]), None, "transactions")
        for sim in world.sims:
            sim.heal()
        world.settle()
        for sim in world.sims:
            check(document(world, MONEY, sim, made[sim]), "no transactions of %s" % sim.platform)
        world.check()


def case_what_never_comes_is_asked_for_as_often_as_the_limit_says_and_then_left():
    with both() as world:
        worker = world.worker()
        made, calls = {}, {}
        for sim in world.sims:
            number, made[sim] = packed(sim)
            sim.fault("missing", shop=0, number=number, path="package")
            paid, made[sim, "paid"] = ended(world, sim)
            sim.fault("missing", shop=0, number=paid, path="finance")
            world.send(made[sim]["push"], made[sim, "paid"]["push"])
        wait_for("the last ask", lambda: worker.metric(LOST % "part") == worker.metric(LOST % "transactions") == 2, 60)
        world.settle()
        check_equal(worker.metric(AGAIN), 2 * 4 + 2 * 4, "asks but for the first")
        check_equal((world.dead(), world.needs()), ([], 0), "dead letters and needs")
        for sim in world.sims:
            check_equal(sim.counters()["finance_calls"], 5, "calls for transactions of %s" % sim.platform)
            check(document(world, TRACKINGS, sim, made[sim]), "no tracking of %s" % sim.platform)
            sim.heal()
        check_equal(world.ctl("prove", status=0).returncode, 0, "prove")
        for sim in world.sims:  # the next event brings it
            world.send(packed(sim)[1]["push"])
            add(world, sim, "transaction", made[sim, "paid"])
        world.settle()
        world.check()


def case_what_is_rightly_empty_is_asked_for_once():
    with both() as world:
        worker = world.worker()
        for sim in world.sims:
            cancelled = ended(world, sim, "CANCELLED")[1]
            young = sim.change(0, 1)
            for kind, made in (("tracking", young), ("transaction", cancelled), ("transaction", young)):
                world.send(made["push"])
                world.settle()  # the order is there, and says that no money has moved
                add(world, sim, kind, made)
        world.settle()
        check_equal((worker.metric(AGAIN), world.needs()), (0, 0), "asked for again")
        world.check()


def case_status_tells_what_is_asked_for_again_and_is_not_alarmed():
    with World(shops=1, worker=dict(SLOW, MONEY_RETRY_MS=3600000)) as world:
        worker = world.worker()
        number, made = ended(world, world.sim)
        world.sim.fault("missing", shop=0, number=number, path="finance")
        world.send(made["push"])
        wait_for("the need", lambda: waits(world, world.sim, "unsettled"), 20)
        wait_for("the others to go", lambda: world.needs() == 1 and world.unfinished() == 0, 20)
        shown = json.loads(world.ctl("status", "--json", status=0).stdout)["needs"]
        check_equal((shown["parked"], shown["transactions"], shown["asked_again"], shown["shops"]), (0, 0, 1, []), "totals")
        check(shown["asked_again_next"], "when it is asked for")
        plain = world.ctl("status", status=0).stdout
        check("half answers to be asked for again: 1, next at %s" % shown["asked_again_next"] in plain, plain)
        rounds = worker.metric("shopstream_worker_sweep_rounds_total")
        wait_for("the sweep to look", lambda: worker.metric("shopstream_worker_sweep_rounds_total") > rounds + 2, 20)
        check_equal((worker.metric("shopstream_worker_sweep_probes_total"), world.needs()), (0, 1), "before its time")
        check_equal(world.sim.counters()["finance_calls"], 1, "calls for transactions")
        world.db.needs.delete_many({})


if __name__ == "__main__":
    run_cases(globals())
