#!/usr/bin/python3
"""Parking: what waits for a shop lies in MongoDB, not in the stream, and comes back by itself, each entity once.

The first cases put needs into MongoDB by hand and look at the sweep alone; the others play outages from the outside."""

import datetime
import os
import random
import signal
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from stack import *  # noqa: E402,F403
from world import *  # noqa: E402,F403

SWEPT = {"SWEEP_INTERVAL_MS": 200, "PARK_AFTER_SECONDS": 1}


def need_of(changed, reason="revoked", **more):
    """A document as stage 6 leaves it."""
    now = datetime.datetime.now(datetime.timezone.utc)
    entity = "tiktok:%s:%s" % (changed["shop_id"], changed["order_id"])
    need = {"_id": "order:" + entity, "platform": "tiktok", "shop_id": changed["shop_id"], "kind": "order",
            "entity_id": changed["order_id"], "topic": "1", "trace": "t-%s" % changed["order_id"], "reason": reason,
            "entry_ms": 1767704407123, "attempts": 0, "rev": 1, "since": now, "updated_at": now}
    need.update(more)
    return {k: v for k, v in need.items() if v is not None}


def needs(world, **query):
    return world.db.needs.count_documents(query)


def wait_needs(world, count, seconds=30, **query):
    return wait_for("%d needs" % count, lambda: needs(world, **query) == count, seconds)


def wait_no_needs(world, seconds=60):
    """Until nothing waits, neither here nor there: what came back may be parked once more, or need something else."""
    wait_for("needs to come back", lambda: world.unfinished() == 0 and needs(world) == 0 and world.unfinished() == 0
             and needs(world) == 0, seconds)


def bulk_entries(world):
    return [{text(k): text(v) for k, v in fields.items()} for _, fields in world.redis.client.xrange(BULK)]


def reads(world):
    """How often each order was served by a detail call: {order id: count}."""
    return world.sim.counters(reads=True).get("reads", {})


# ---------------------------------------------------------------- the sweep alone

def case_needs_of_a_good_shop_come_back_once_and_as_entries_that_carry_everything():
    with World(shops=2, worker=SWEPT) as world:
        changed = [world.change(shop, n, send=False) for shop in (0, 1) for n in range(60)]
        world.db.needs.insert_many([need_of(c, event_ms=1767704400000 if i % 2 else None, attempts=i % 3)
                                    for i, c in enumerate(changed)])
        worker = world.worker()
        wait_no_needs(world)
        world.settle()
        world.check()
        entries = bulk_entries(world)
        check_equal(sorted(e["id"] for e in entries), sorted(c["order_id"] for c in changed), "entries")
        for e in entries:
            i = [c["order_id"] for c in changed].index(e["id"])
            check_equal((e["src"], e["kind"], e["trace"], e.get("attempts", "0")), ("parked", "order", "t-" + e["id"], str(i % 3)), "entry")
            check_equal((e.get("event_ms"), e.get("moves")), ("1767704400000", "1") if i % 2 else (None, None), "sort")
        check_equal(worker.metric("shopstream_worker_needs_swept_total"), 120, "swept")
        check(1 <= worker.metric("shopstream_worker_sweep_probes_total") <= 6, "probes")


def case_oldest_needs_come_back_first():
    with World(shops=1, worker=SWEPT) as world:
        changed = [world.change(0, n, send=False) for n in range(20)]
        now = datetime.datetime.now(datetime.timezone.utc)
        world.db.needs.insert_many([need_of(c, since=now - datetime.timedelta(seconds=(i * 7) % 20)) for i, c in enumerate(changed)])
        wanted = [d["entity_id"] for d in world.db.needs.find().sort("since", 1)]
        world.worker()
        wait_no_needs(world)
        check_equal([e["id"] for e in bulk_entries(world)], wanted, "order")
        world.settle()


def case_a_shop_that_is_not_there_or_does_not_answer_keeps_its_needs():
    with World(shops=3, register=False, worker=SWEPT) as world:
        shops = world.sim.shops()
        world.put_shops(shops[1:])
        world.sim.fault("500", shop=1)
        changed = [world.change(shop, n, send=False) for shop in range(3) for n in range(5)]
        world.db.needs.insert_many([need_of(c) for c in changed])
        worker = world.worker()
        wait_needs(world, 10)
        wait_for("more probes", lambda: worker.metric("shopstream_worker_sweep_probes_total") >= 6)
        check_equal({d["shop_id"] for d in world.db.needs.find()}, {shops[0]["shop_id"], shops[1]["shop_id"]}, "who waits")
        check_equal(len(bulk_entries(world)), 5, "entries")
        wait_for("the gauge", lambda: worker.metric("shopstream_worker_needs") == 10)
        check(worker.metric("shopstream_worker_needs_oldest_milliseconds") > 0, "age of the oldest")
        world.sim.heal()
        wait_needs(world, 5)
        world.put_shops(shops[:1])
        wait_no_needs(world)
        world.settle()
        world.check()
        wait_for("the gauge", lambda: worker.metric("shopstream_worker_needs") == 0)


def case_what_is_no_need_of_ours_hides_nobody():
    with World(shops=1, worker=SWEPT) as world:
        changed = world.change(0, 0, send=False)
        world.db.needs.insert_many([need_of(changed), {"_id": "x", "platform": "bazaar", "shop_id": 7},
                                    {"_id": "y", "platform": "aaa"}, {"_id": "z"},
                                    need_of(dict(changed, order_id="9"), kind="voucher", _id="voucher:9")])
        world.worker()
        wait_needs(world, 4)
        world.settle()
        check_equal({d["_id"] for d in world.db.needs.find()}, {"x", "y", "z", "voucher:9"}, "what is left")
        world.check(needs=4)


def case_a_full_bulk_stream_takes_no_more_needs():
    with World(shops=1, worker=dict(SWEPT, SYNC_BULK_MAX=10)) as world:
        changed = [world.change(0, n, send=False) for n in range(45)]
        world.db.needs.insert_many([need_of(c) for c in changed])
        world.sim.fault("500", shop=0, path="detail")  # its entries stay unfinished
        world.worker()
        wait_needs(world, 35)
        longest = 0
        for _ in range(3):
            longest = max(longest, sum(world.group(BULK)))
            threading.Event().wait(0.1)
        check(longest <= 10, "%d entries in the bulk stream" % longest)
        world.sim.heal()
        wait_no_needs(world)
        world.settle()
        world.check()


def case_a_need_that_changed_while_it_was_read_stays():
    """The document is deleted only as it was read; here by a revision nobody can have read."""
    with World(shops=1, worker=SWEPT) as world:
        changed = world.change(0, 0, send=False)
        world.db.needs.insert_one(need_of(changed, rev=None))
        world.worker()
        wait_for("an entry", lambda: len(bulk_entries(world)) >= 2)  # it comes back again and again
        check_equal(needs(world), 1, "needs")
        world.db.needs.update_one({}, {"$inc": {"rev": 1}})
        wait_no_needs(world)
        world.settle()
        check_equal(max(reads(world).values()), world.sim.counters()["detail_calls"], "reads")
        world.check()


def case_workers_side_by_side_bring_each_need_back_once():
    with World(shops=6, worker=SWEPT) as world:
        changed = [world.change(shop, n, send=False) for shop in range(6) for n in range(50)]
        world.db.needs.insert_many([need_of(c) for c in changed])
        workers = [world.worker() for _ in range(3)]
        wait_no_needs(world)
        world.settle()
        world.check()
        check_equal(len(bulk_entries(world)), 300, "entries")
        check_equal(sum(w.metric("shopstream_worker_needs_swept_total") for w in workers), 300, "swept")


def case_status_tells_whose_needs_wait_and_why():
    with World(shops=2, register=False) as world:
        shops = world.sim.shops()
        changed = [world.change(shop, n, send=False) for shop in (0, 1) for n in range(3)]
        old = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
        world.ctl("init")
        world.db.needs.insert_many(
            [need_of(c, reason="unregistered" if i % 2 else "revoked", since=old if i == 1 else None or datetime.datetime.now(datetime.timezone.utc))
             for i, c in enumerate(changed)] +
            [need_of(changed[0], kind="transaction", _id="transaction:1", reason="transaction")])
        shown = json.loads(world.ctl("status", "--json", status=1).stdout)["needs"]
        check_equal((shown["parked"], shown["transactions"]), (6, 1), "totals")
        rows = {(r["platform"], r["shop"], r["reason"]): r["needs"] for r in shown["shops"]}
        check_equal(rows, {("tiktok", shops[0]["shop_id"], "revoked"): 2, ("tiktok", shops[0]["shop_id"], "unregistered"): 1,
                           ("tiktok", shops[1]["shop_id"], "revoked"): 1, ("tiktok", shops[1]["shop_id"], "unregistered"): 2}, "rows")
        oldest = next(r for r in shown["shops"] if r["shop"] == shops[0]["shop_id"] and r["reason"] == "unregistered")
        check_equal(oldest["since"], "2026-01-02T10:04:05+07:00", "since")
        plain = world.ctl("status", status=1).stdout
        check(re.search(r"parked needs: 6, oldest since 2026-01-02T10:04:05\+07:00", plain), plain)
        check(re.search(r"tiktok\s+%s\s+revoked\s+2" % shops[0]["shop_id"], plain), plain)
        world.db.needs.delete_many({})


# ---------------------------------------------------------------- outages, from the outside

def entities(world, shop=None):
    """(kind, id) of what the stored events of a shop speak of."""
    seen = set()
    for _, fields in world.redis.client.xrange(LIVE):
        fields = {text(k): text(v) for k, v in fields.items() if k != b"body"}
        if shop in (None, fields["shop"]) and fields["kind"] in ("order", "return", "product", "tracking"):
            seen.add((fields["kind"], fields["id"]))
    return seen


def waiting(world, **query):
    return {(d["kind"], d["entity_id"]) for d in world.db.needs.find(dict(query, reason={"$ne": "transaction"}))}


def check_served_once(world, wanted):
    """Each of these (kind, id) was read once since the counters were reset: an order in one detail call, and at most in one
    more where its packages are asked for by it."""
    expected = {}
    for kind, i in wanted:
        if kind in ("order", "tracking"):
            expected[i] = expected.get(i, 0) + 1
    served = reads(world)
    check_equal({i: (served.get(i, 0), n) for i, n in expected.items() if not 1 <= served.get(i, 0) <= n}, {}, "reads (made, wanted)")


def case_a_shop_nobody_knows_at_full_push_rate_leaves_the_stream_flat_and_is_read_once_when_it_is_put():
    with World(shops=2, register=False, worker=SWEPT, release=True) as world:
        shops = world.sim.shops()
        world.put_shops(shops[:1])
        worker = world.worker()
        landed = world.change(0, 0)
        for burst in range(4):
            world.send(world.sim.burst(shops=1, first_shop=1, orders=400, events=1500, duplicates=0.1, reorder=0.5, seed=burst))
            world.settle()  # whatever is pushed, nothing is left unfinished
        wait_for("the other shop's order", lambda: world.order(landed))
        wanted = entities(world, shops[1]["shop_id"])
        check_equal(waiting(world), wanted, "needs")
        check_equal(world.db.orders.count_documents({"shop_id": shops[1]["shop_id"]}), 0, "orders of the unknown shop")
        check(worker.metric("shopstream_worker_entries_parked_total") >= 6000 * 0.9, "parked entries")
        check_equal(worker.metric('shopstream_worker_entries_deferred_total{attempt="counted"}'), 0, "counted retries")
        check_equal({d["attempts"] for d in world.db.needs.find()}, {0}, "attempts")
        check_equal({d["reason"] for d in world.db.needs.find()}, {"unregistered"}, "reasons")
        world.sim.reset()
        world.put_shops(shops[1:])
        wait_no_needs(world)
        world.settle()
        check_served_once(world, wanted)
        world.check()


def case_a_revoked_shop_is_parked_and_a_new_grant_brings_it_back():
    with World(shops=2, worker=SWEPT) as world:
        shops = world.sim.shops()
        fault = world.sim.fault("revoked", shop=1)
        worker = world.worker()
        changed = [world.change(shop, n) for n in range(30) for shop in (0, 1)]
        world.settle()
        wanted = entities(world, shops[1]["shop_id"])
        wait_for("its needs", lambda: waiting(world) == wanted)
        check(all(world.order(c) for c in changed if c["shop_id"] == shops[0]["shop_id"]), "orders of the other shop")
        check_equal(worker.metric('shopstream_worker_entries_deferred_total{attempt="counted"}'), 0, "counted retries")
        world.sim.heal(fault)
        world.sim.reset()
        world.sim.refresh_token(1)
        world.put_shops()
        wait_no_needs(world)
        world.settle()
        check_served_once(world, wanted)
        world.check()


def case_a_marketplace_that_is_down_for_longer_is_parked_and_resumed():
    with World(shops=4, worker=SWEPT, release=True) as world:
        fault = world.sim.fault("500")
        worker = world.worker()
        world.send(world.sim.burst(shops=4, orders=400, events=1000))
        wanted = entities(world)
        wait_for("all of it parked", lambda: waiting(world) == wanted, 60)
        world.settle()
        check_equal(world.dead(), [], "dead letters")
        world.sim.heal(fault)
        wait_no_needs(world)
        world.settle()
        world.check()
        check_equal({f.get("attempts", "0") for f in bulk_entries(world)}, {"0"}, "an outage cost attempts")
        check(worker.metric("shopstream_worker_needs_swept_total") >= len(wanted), "swept")


def case_a_poisonous_order_parked_in_company_still_ends_as_a_dead_letter():
    with World(shops=1, worker=SWEPT) as world:
        poison = world.sim.fault("poison", shop=0, number=3)
        changed = [world.change(0, n) for n in range(10)]
        world.worker()
        wait_for("its first attempts", lambda: max([r["times_delivered"] for r in world.deferred()], default=0) >= 3)
        fault = world.sim.fault("500", shop=0)
        used = wait_for("its need", lambda: world.db.needs.find_one({"kind": "order"}))
        check_equal(used["entity_id"], changed[3]["order_id"], "who waits")
        check(1 <= used["attempts"] <= 5, "attempts used: %r" % used)
        world.sim.heal(fault)
        wait_for("a dead letter", lambda: world.dead(), 60)
        world.settle()
        world.expected_dead = [("rejected", changed[3]["order_id"])]
        letter = world.dead_letters()[0]
        check_equal(int(letter["_tries"]) + int(letter.get("attempts", 0)), 6, "attempts of both lives: %r" % letter)
        world.check(leave_out=[changed[3]["order_id"]])
        world.sim.heal(poison)


def case_workers_killed_while_they_park_and_sweep_lose_nothing():
    with World(shops=3, register=False, worker=SWEPT, release=True) as world:
        shops = world.sim.shops()
        world.put_shops(shops[:1])
        chance = random.Random(7)
        world.send(world.sim.burst(shops=3, orders=150, events=1500, duplicates=0.1, reorder=0.3))
        for _ in range(2):  # few enough that no entry counts as what kills them
            worker = world.worker()
            worker.may_die = True
            threading.Event().wait(chance.uniform(0.02, 0.4))
            worker.signal(signal.SIGKILL)
            worker.process.wait()
        world.worker()
        world.settle(120)
        world.stop_workers()
        world.put_shops(shops[1:])
        for _ in range(3):
            worker = world.worker()
            worker.may_die = True
            threading.Event().wait(chance.uniform(0.05, 0.5))
            worker.signal(signal.SIGKILL)
            worker.process.wait()
        world.worker()
        wait_no_needs(world, 120)
        world.settle(120)
        world.check()


# ---------------------------------------------------------------- money

def completed(world, shop, number):
    """Changes an order until its money has moved."""
    for _ in range(12):
        changed = world.change(shop, number)
        if changed["status"] == "COMPLETED":
            return changed
        if changed["status"] == "CANCELLED":
            return None
    raise Failure("order %d of shop %d never completed" % (number, shop))


def case_a_completed_order_has_its_transactions_read_once():
    raised = "shopstream_worker_transactions_raised_total"
    with World(shops=1, worker=SWEPT) as world:
        worker = world.worker()
        done = [c for c in (completed(world, 0, n) for n in range(12)) if c]
        check(len(done) >= 5, "completed orders")
        ids = sorted(c["order_id"] for c in done)
        world.settle()
        wait_for("all orders", lambda: all((world.order(c) or {}).get("state") == "completed" for c in done))
        wait_no_needs(world)
        world.settle()
        world.check()
        for c in done:
            check(world.order(c).get("transactions_fetched_ms", 0) >= world.order(c)["fetched_ms"], "order %r" % world.order(c))
        check_equal(sorted(d["order_id"] for d in world.db.transactions.find()), ids, "transactions")
        check_equal(worker.metric(raised), len(done), "raised")
        check_equal(world.sim.counters()["finance_calls"], len(done), "calls for transactions")
        world.send([row for c in done for row in [c["push"]]])  # replayed: nothing has changed
        world.settle()
        check_equal((worker.metric(raised), needs(world)), (len(done), 0), "raised again")


if __name__ == "__main__":
    run_cases(globals())
