#!/usr/bin/python3
"""What ends in the database when changes, announcements and reads interleave: the rules that decide which state is newer,
whether an event is reflected already, and when an order is gone. Each case is an interleaving that a simpler rule gets wrong."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from stack import *  # noqa: E402,F403
from world import *  # noqa: E402,F403


def status_push(world, changed, update_time=None):
    """A status push for the state of an earlier change, under a notification id of its own: late, not a duplicate."""
    return world.sim.push(type=1, shop=0, data={
        "is_on_hold_order": False, "order_id": changed["order_id"], "order_status": changed["status"],
        "update_time": changed["update_time"] if update_time is None else update_time})


def case_a_second_change_in_the_same_second_announced_after_the_first_was_read_ends_in_the_database():
    with World(shops=1) as world:
        world.worker()
        first = world.change(0, 0, at="now")
        world.settle()
        check_equal(world.order(first)["version"], first["update_time"] * 1000, "version after the first")
        second = world.change(0, 0, same_second=True)
        check_equal(second["update_time"], first["update_time"], "update time of the second")
        world.settle()
        world.check()


def overlapping_reads(**second_change):
    """The read of worker a is sent first and answered last."""
    with World(shops=1, worker={"RECLAIM_IDLE_MS": 60000, "REAP_IDLE_MS": 60000, "REQUEST_TIMEOUT": 60}) as world:
        a = world.worker("a")
        world.sim.fault("hold", shop=0, number=0)
        world.change(0, 0)
        wait_for("a's read to be held", lambda: world.sim.counters()["held"] == 1)
        a.signal(signal.SIGSTOP)
        try:
            second = world.change(0, 0, **second_change)
            world.worker("b")
            wait_for("b's read in the database", lambda: world.order(second), 20)
            newer = world.order(second)
        finally:
            a.signal(signal.SIGCONT)
        world.sim.release()
        world.settle()
        check_equal(world.order(second), newer, "the document after the older answer came")
        check_equal(world.sim.counters()["detail_calls"], 2, "detail calls")
        world.check()


def case_the_newer_of_two_overlapping_reads_wins_when_the_older_answer_arrives_last():
    overlapping_reads()


def case_it_wins_too_when_both_states_have_the_same_update_time():
    overlapping_reads(same_second=True)


def case_a_change_announced_while_an_older_read_is_under_way_is_read_again():
    with World(shops=1, worker={"RECLAIM_IDLE_MS": 60000}) as world:
        worker = world.worker()
        world.sim.fault("hold", shop=0, number=0)
        first = world.change(0, 0, at="now")
        wait_for("the first read to be held", lambda: world.sim.counters()["held"] == 1)
        world.change(0, 0, same_second=True)
        read = "shopstream_worker_entries_read_total"
        wait_for("all entries to be read", lambda: worker.metric(read) == world.redis.client.xlen(LIVE))
        check_equal(world.order(first), None, "document before any answer")
        world.sim.release()
        world.settle()
        # The held answer arrived after the second event but had been asked for before it.
        check_equal(world.sim.counters()["detail_calls"], 2, "detail calls")
        world.check()


def case_two_workers_that_insert_the_same_orders_at_once_leave_the_newer_states():
    with World(shops=1, worker={"RECLAIM_IDLE_MS": 60000, "REAP_IDLE_MS": 60000, "REQUEST_TIMEOUT": 60}) as world:
        a = world.worker("a")
        world.sim.fault("hold", shop=0, count=2)
        world.send([world.sim.change(0, n)["push"] for n in range(50)])
        wait_for("a's reads to be held", lambda: world.sim.counters()["detail_ids"] == 50)
        a.signal(signal.SIGSTOP)
        try:
            world.sim.heal()
            world.sim.fault("hold", shop=0, count=50)
            world.send([world.sim.change(0, n)["push"] for n in range(50)])
            world.worker("b")
            wait_for("b's reads to be held", lambda: world.sim.counters()["detail_ids"] == 100)
        finally:
            a.signal(signal.SIGCONT)
        world.sim.heal()
        world.sim.release()
        world.settle()
        world.check()


def address_folded_with_a_late_status(address_first):
    with World(shops=1) as world:
        worker = world.worker()
        first = world.change(0, 0)
        world.change(0, 0)
        world.settle()
        worker.stop()
        address = world.change(0, 0, send=False, address=True, keep_update_time=True)
        pushes = [address["push"], status_push(world, first)]
        world.send(pushes if address_first else pushes[::-1], connections=1)
        world.sim.reset()
        world.worker()
        world.settle()
        check_equal(world.sim.counters()["detail_calls"], 1, "detail calls for both events")
        world.check()


def case_an_address_change_with_an_unmoved_update_time_folded_with_a_late_older_status_event_ends_in_the_database():
    address_folded_with_a_late_status(address_first=True)


def case_it_does_so_too_when_the_status_event_comes_first():
    address_folded_with_a_late_status(address_first=False)


def case_a_late_older_status_event_is_reflected_already_and_costs_no_read():
    with World(shops=1) as world:
        worker = world.worker()
        first = world.change(0, 0)
        world.change(0, 0)
        world.settle()
        calls = world.sim.counters()["detail_calls"]
        world.send(status_push(world, first))
        world.settle()
        check_equal(world.sim.counters()["detail_calls"], calls, "detail calls")
        check(worker.metric("shopstream_worker_entries_reflected_total") >= 1, "no entry was counted as reflected")
        world.check()


def case_events_of_one_order_that_wait_together_cost_one_read():
    with World(shops=1) as world:
        pushes = [world.change(0, 0, send=False)["push"] for _ in range(10)]
        world.send(pushes)
        worker = world.worker()
        world.settle()
        check_equal(world.sim.counters()["detail_calls"], 1, "detail calls")
        entries = world.redis.entries(LIVE)  # of the order, and of the tracking of its parcel
        entities = {(entry["kind"], entry["id"]) for entry in entries}
        check_equal(worker.metric("shopstream_worker_entries_folded_total"), len(entries) - len(entities), "folded entries")
        world.check()


def case_an_order_announced_before_it_is_served_is_read_again_until_it_is():
    with World(shops=1) as world:
        worker = world.worker()
        world.change(0, 0)
        world.settle()
        world.sim.fault("stale", shop=0, number=0, count=2)
        second = world.change(0, 0)
        world.settle()
        check_equal(worker.metric("shopstream_worker_fetch_stale_total"), 2, "stale answers")
        check_equal(world.sim.counters()["detail_calls"], 4, "detail calls")
        check_equal(world.order(second)["version"], second["update_time"] * 1000, "version")
        # The tracking was read from the first stale answer; nothing can tell that, and its next event heals it.
        world.change(0, 0)
        world.settle()
        world.check()


def case_an_order_never_served_as_announced_is_marked_behind_and_healed_by_the_next_event():
    with World(shops=1, worker={"MAX_STALE_READS": 3}) as world:
        world.worker()
        first = world.change(0, 0)
        world.settle()
        world.sim.fault("stale", shop=0, number=0)
        world.change(0, 0)
        world.settle()
        document = world.order(first)
        check_equal(document.get("behind"), True, "behind")
        check_equal(document["version"], first["update_time"] * 1000, "version")
        check_equal(world.sim.counters()["detail_calls"], 1 + 3, "detail calls")
        world.check(leave_out=[first["order_id"]])
        world.sim.heal()
        world.change(0, 0)
        world.settle()
        world.check()


def case_an_order_that_is_never_shown_ends_as_not_found_and_the_others_land():
    with World(shops=1) as world:
        world.worker()
        world.sim.fault("missing", shop=0, number=1)
        changed = [world.sim.change(0, n) for n in range(3)]
        world.send([c["push"] for c in changed])
        world.settle()
        hidden = changed[1]["order_id"]
        world.expected_dead = [("not_found", hidden)]
        world.check(leave_out=[hidden])
        letter = world.dead_letters()[0]
        check_equal(letter["_tries"], "6", "attempts: five delays")
        check(letter["_err"] and letter["_stream"] == LIVE and re.fullmatch(r"\d+-\d+", letter["_id"]), "origin: %r" % letter)
        check_equal(world.order(changed[1]), None, "document of the hidden order")


def case_an_order_shown_late_lands_after_retries():
    with World(shops=1) as world:
        worker = world.worker()
        world.sim.fault("missing", shop=0, number=0, count=2)
        world.change(0, 0)
        world.settle()
        check_equal(worker.metric("shopstream_worker_fetch_missing_total"), 2, "answers without it")
        world.check()


def left_out_once(world):
    """A stored order that the next read leaves out; returns its change after the note is in the database."""
    world.change(0, 0)
    world.settle()
    world.sim.fault("missing", shop=0, number=0)
    changed = world.change(0, 0)
    wait_for("the note on the document", lambda: "missing_at_ms" in world.order(changed), 20)
    check("deleted_at" not in world.order(changed), "a tombstone after one read")
    return changed


def case_left_out_once_is_no_deletion():
    with World(shops=1) as world:
        world.worker()
        left_out_once(world)
        world.sim.heal()
        world.settle()
        world.check()


def case_left_out_twice_a_minute_apart_is_a_tombstone_and_a_later_read_revives_it():
    with World(shops=1) as world:
        world.worker()
        changed = left_out_once(world)
        # The minute: the first read is made older instead of waited for.
        world.db.orders.update_one({"_id": world.order(changed)["_id"]}, {"$inc": {"missing_at_ms": -61000}})
        world.settle()
        document = world.order(changed)
        check(re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\+07:00", document.get("deleted_at", "")),
              "deleted_at: %r" % document.get("deleted_at"))
        check_equal(world.sim.calls(1)[0]["ids"], 1, "ids of the call that decided")
        # The tracking of its parcel was announced too, and never served before.
        tracked = any(entry["kind"] == "tracking" for entry in world.redis.entries(LIVE))
        world.expected_dead = [("not_found", changed["order_id"])] * tracked
        world.check(leave_out=[changed["order_id"]])
        world.sim.heal()
        world.change(0, 0)
        world.settle()
        check("deleted_at" not in world.order(changed), "still a tombstone")
        world.check()


def case_fetch_policy_missing_reads_only_what_is_not_stored():
    with World(shops=1) as world:
        worker = world.worker(FETCH_POLICY="missing")
        first = world.change(0, 0)
        world.settle()
        world.change(0, 0)
        world.change(0, 1)
        world.settle()
        entities = {(entry["kind"], entry["id"]) for entry in world.redis.entries(LIVE)}
        check_equal(world.sim.counters()["detail_ids"], len(entities), "ids asked for: each entity once")
        check_equal(world.order(first)["version"], first["update_time"] * 1000, "version of the stored one")
        world.check(leave_out=[first["order_id"]], prove=False)  # under this policy an update may go unread
        worker.stop()
        world.worker()
        world.change(0, 0)
        world.settle()
        world.check()


def case_fetch_policy_always_reads_for_every_event():
    with World(shops=1) as world:
        world.worker(FETCH_POLICY="always")
        changed = world.change(0, 0)
        world.settle()
        for _ in range(2):
            world.send(status_push(world, changed))
            world.settle()
        check_equal(world.sim.counters()["detail_calls"], 3, "detail calls")
        world.check()


if __name__ == "__main__":
    run_cases(globals())
