#!/usr/bin/python3
"""Whose fault is it? Events that can never succeed, shops that do not answer, grants that ended: what becomes of the events,
and that nobody else's wait."""

import os
import socketserver
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from stack import *  # noqa: E402,F403
from world import *  # noqa: E402,F403


def attempts(world):
    """Attempts counted so far for the entries that wait."""
    return [r["times_delivered"] for r in world.deferred()]


def wait_deferred(world, count=1, seconds=30):
    return wait_for("%d entries put back for later" % count, lambda: len(world.deferred()) >= count, seconds)


def entry_fields(shop, order_id, **more):
    fields = {"v": "1", "platform": "tiktok", "shop": shop, "topic": "1", "kind": "order", "id": order_id,
              "recv_ms": "1767704407123", "key": "k:%s" % order_id, "src": "webhook", "trace": "t-%s" % order_id}
    fields.update(more)
    return {k: v for k, v in fields.items() if v is not None}


# ---------------------------------------------------------------- events

def case_kinds_not_handled_are_kept_raw_and_acked():
    with World(shops=1, server={"DEDUPE_WINDOW_MINUTES": 0}) as world:
        shop = world.sim.shops()[0]["shop_id"]
        pushes = [world.sim.push(type=6, shop=0, data={"message": "deauthorised"}),
                  world.sim.push(type=13, shop=0, data={"content": "Xin chào “bạn”"}),
                  world.sim.push(type=4711, shop=0, data={"new": [1, {"deep": None}]})]
        world.worker()
        world.send(pushes)
        world.settle()
        world.send(pushes)  # a second copy changes nothing
        world.settle()
        kept = list(world.db.webhook_events.find())
        check_equal(sorted(d["topic"] for d in kept), ["13", "4711", "6"], "topics")
        for document in kept:
            sent = next(json.loads(p)["body"] for p in pushes if json.loads(json.loads(p)["body"])["type"] == int(document["topic"]))
            check_equal(document["body"], sent, "body as received")
            check_equal((document["platform"], document["shop_id"]), ("tiktok", shop), "shop")
            check(document["_id"].startswith("tiktok:%s:%s:%s:%s" % (
                shop, document["event_key"], document["kind"], document.get("entity_id", ""))), "_id %s" % document["_id"])
            check(document["trace"] and document["source"] == "webhook" and document["stream_id"], "origin of %r" % document)
            days = (document["expires_at"].timestamp() - document["recv_ms"] / 1000) / 86400
            check(29.9 < days < 30.1, "expires after %g days" % days)
        check_equal({d["topic"]: d["kind"] for d in kept}, {"6": "shop", "13": "other", "4711": "other"}, "kinds")
        check_equal(world.sim.counters()["detail_calls"], 0, "detail calls")
        world.check()


def case_malformed_entries_reach_the_dead_letters_alone():
    with World(shops=1) as world:
        shop = world.sim.shops()[0]["shop_id"]
        good = [world.sim.change(0, n) for n in range(10)]
        world.send([c["push"] for c in good[:5]])
        bad = [{"foo": "bar"}, entry_fields(shop, "1", v="2"), entry_fields(shop, "2", v=None), entry_fields(shop, None),
               entry_fields(None, "3"), entry_fields(shop, "4", kind="nonsense"), entry_fields(shop, "5", recv_ms="soon"),
               entry_fields(shop, "6", event_ms="99999999999999999999"), entry_fields(shop, "", kind="order"),
               entry_fields("", "7")]
        ids = [world.add_entry(**fields) for fields in bad]
        world.send([c["push"] for c in good[5:]])
        world.worker()
        world.settle()
        letters = world.dead_letters()
        check_equal(sorted(letter["_id"] for letter in letters), sorted(ids), "origins")
        check_equal({letter["_class"] for letter in letters}, {"bad_payload"}, "classes")
        check(all(letter["_err"] for letter in letters), "a dead letter without a reason")
        for letter, fields in ((letter, bad[ids.index(letter["_id"])]) for letter in letters):
            for name, value in fields.items():
                check_equal(letter.get(name), value, "field %s of %r" % (name, letter))
        world.expected_dead = world.dead()
        world.check()


def case_an_event_for_an_unknown_platform_is_kept_raw():
    with World(shops=1) as world:
        world.add_entry(**entry_fields("9", "1", platform="bazaar", body="{}"))
        world.worker()
        world.settle()
        check_equal([d["platform"] for d in world.db.webhook_events.find()], ["bazaar"], "kept")
        world.check()


def case_a_poisonous_order_in_a_batch_of_50_is_rejected_alone_and_the_others_land():
    with World(shops=1) as world:
        world.sim.fault("poison", shop=0, number=17)
        changed = [world.sim.change(0, n) for n in range(50)]
        world.send([c["push"] for c in changed])
        poison = changed[17]["order_id"]
        worker = world.worker()
        world.settle()
        world.expected_dead = [("rejected", poison)]
        world.check(leave_out=[poison])
        letter = world.dead_letters()[0]
        check_equal(letter["_tries"], "6", "attempts")
        check("500" in letter["_err"] and re.fullmatch(r"\d+-\d+", letter["_id"]) and letter["_stream"] == LIVE,
              "origin and error: %r" % letter)
        # Halving 50 ids down to one takes at most 12 calls beside the first, then each attempt is one, with its share of
        # probes for the shop itself.
        calls = world.sim.counters()["detail_calls"]
        check(calls <= 13 + 6, "%d detail calls" % calls)
        wait_for("the count of dead letters", lambda: worker.metric("shopstream_worker_entries_dead_total") == 1)


# ---------------------------------------------------------------- shops

# Parked needs are tried again every 200 ms.
IMPATIENT = {"SWEEP_INTERVAL_MS": 200, "PARK_AFTER_SECONDS": 1}


def resumes(world, repair):
    """The need that waits costs its entry no attempt, and lands after the repair without a new event."""
    wait_for("a parked need", lambda: world.db.needs.count_documents({}) >= 1, 30)
    worker = world.workers[-1]
    world.settle()  # its entry is acked, whatever the shop does
    check_equal(worker.metric('shopstream_worker_entries_deferred_total{attempt="counted"}'), 0, "counted retries")
    check_equal({n["attempts"] for n in world.db.needs.find()}, {0}, "attempts")
    repair()
    wait_for("needs to come back", lambda: world.db.needs.count_documents({}) == 0, 30)
    world.settle()
    world.check()


def case_events_of_an_unknown_shop_are_parked_without_attempts_until_it_is_put():
    with World(shops=2, register=False, worker=IMPATIENT) as world:
        shops = world.sim.shops()
        world.put_shops(shops[:1])
        world.worker()
        world.change(1, 0)
        landed = world.change(0, 0)
        wait_for("the other shop's order", lambda: world.order(landed))
        resumes(world, lambda: world.put_shops(shops[1:]))


def case_events_of_a_disabled_shop_are_parked_without_attempts_until_it_is_enabled():
    with World(shops=1, worker=IMPATIENT) as world:
        shop = world.sim.shops()[0]
        world.ctl("shop", "disable", "tiktok", shop["shop_id"])
        world.worker()
        world.change(0, 0)
        calls = world.sim.counters()["detail_calls"]
        resumes(world, lambda: world.ctl("shop", "enable", "tiktok", shop["shop_id"]))
        check_equal(calls, 0, "detail calls for a disabled shop")


def case_events_of_an_expired_token_wait_without_attempts_until_it_is_refreshed():
    with World(shops=1, worker=IMPATIENT) as world:
        world.sim.fault("expired_token", shop=0)
        worker = world.worker()
        world.change(0, 0)
        world.settle()
        check_equal(worker.metric('shopstream_worker_entries_deferred_total{attempt="counted"}'), 0, "counted retries")
        calls = world.sim.counters()
        check(calls["errors_by_code"].get("105002", 0) >= 1, "the old token was tried: %s" % calls["errors_by_code"])
        wait_for("needs to come back", lambda: world.db.needs.count_documents({}) == 0, 30)
        world.check()


def case_events_of_a_shop_whose_grant_was_taken_back_are_parked_without_attempts():
    with World(shops=2, worker=IMPATIENT) as world:
        world.sim.fault("revoked", shop=1)
        world.worker()
        world.change(1, 0)
        landed = world.change(0, 0)
        wait_for("the other shop's order", lambda: world.order(landed))

        def restore():
            world.sim.heal()
            world.sim.refresh_token(1)
            world.put_shops()
        resumes(world, restore)


def case_one_shop_hangs_and_one_answers_only_500_and_the_others_go_on():
    budget = 1000
    with World(shops=4, worker={"FETCH_BUDGET_MS": budget, "REQUEST_TIMEOUT": 30}) as world:
        # Answers of the first shop come when they are released, at the end: within this case it hangs.
        world.sim.fault("hold", shop=0, count=-1, path="detail")
        world.sim.fault("500", shop=1)
        worker = world.worker()
        sick = [world.sim.change(shop, n) for shop in (0, 1) for n in range(60)]
        world.send([c["push"] for c in sick])
        wait_for("calls of both sick shops", lambda: {"0", "1"} <= {
            str([s["shop_id"] for s in world.sim.shops()].index(c["shop_id"])) for c in world.sim.calls() if c.get("shop_id")})
        longest, began = 0.0, time.monotonic()
        for n in range(20):
            sent = time.monotonic()
            changed = [world.change(shop, n) for shop in (2, 3)]
            wait_for("orders of the good shops", lambda: all(world.order(c) for c in changed), 10)
            longest = max(longest, time.monotonic() - sent)
        whole = time.monotonic() - began
        # A turn may spend its budget once on the calls it starts for a sick shop; a good shop's event may have to wait for
        # the end of one such turn and then takes its own.
        check(longest < 2 * budget / 1000 + 1.5, "an event of a good shop took %.1f s" % longest)
        check(whole < 20 * budget / 1000, "20 rounds took %.1f s: the sick shops cost a budget each turn" % whole)
        check_equal([d for d in world.dead()], [], "dead letters")
        check_equal(world.db.orders.count_documents({}), 40, "documents of the good shops")
        check(max(attempts(world), default=0) <= 1, "a sick shop's events lost attempts: %s" % sorted(set(attempts(world))))
        check(worker.metric("shopstream_worker_fetch_carried_total") >= 1, "no call was carried")
        world.sim.heal()
        world.sim.release()
        world.settle(90)
        world.check()


def case_a_retry_behind_1500_entries_that_wait_longer_is_found():
    # A claim looks at 1,000 entries; it has to go on where it stopped.
    with World(shops=2, worker={"RECLAIM_IDLE_MS": 1200000, "RETRY_DELAYS": "300,300"}) as world:
        world.send(world.sim.burst(shops=1, first_shop=1, orders=1500, events=1500))
        world.redis.client.xgroup_create(LIVE, GROUP, "0")
        world.redis.client.xreadgroup(GROUP, "parked", {LIVE: ">"}, count=2000)  # due again after RECLAIM_IDLE_MS
        wait_deferred(world, 1500)
        world.worker()
        world.sim.fault("missing", shop=0, number=0, count=1)
        changed = world.change(0, 0)
        wait_for("the retried order", lambda: world.order(changed), 10)
        check_equal(len(world.deferred()), 1500, "entries that wait longer")


def case_too_many_requests_slow_a_shop_down_without_costing_attempts():
    with World(shops=1) as world:
        world.sim.fault("429", shop=0, count=3, retry_after=1)
        worker = world.worker()
        world.send(world.sim.burst(shops=1, orders=20, events=20))
        world.settle()
        check_equal(worker.metric('shopstream_worker_entries_deferred_total{attempt="counted"}'), 0, "counted retries")
        check(world.sim.counters()["detail_calls"] <= 8, "%d detail calls" % world.sim.counters()["detail_calls"])
        world.check()


# ---------------------------------------------------------------- the wire

def certificate(directory, name):
    """A self-signed certificate; returns (certificate, key)."""
    paths = os.path.join(directory, "cert.pem"), os.path.join(directory, "key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", "/CN=marketplace", "-addext", "subjectAltName=" + name, "-out", paths[0], "-keyout", paths[1]],
                   check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return paths


def refused_by_certificate(name, ca):
    """A worker that trusts ca (or nobody) meets a marketplace whose certificate names something; it must not talk to it."""
    with tempfile.TemporaryDirectory(prefix="shopstream-tls-") as directory:
        cert, key = certificate(directory, name)
        with World(shops=1, simulator=("--tls-cert", cert, "--tls-key", key)) as world:
            worker = world.worker(**({"CA_FILE": cert} if ca else {}))
            world.change(0, 0)
            wait_for("a failed call", lambda: worker.metric('shopstream_worker_fetch_results_total{result="retry"}') >= 1, 20)
            wait_deferred(world)
            check(max(attempts(world), default=0) <= 1, "attempts were counted: %s" % attempts(world))
            check_equal(world.sim.counters()["detail_calls"], 0, "calls that came through")
            check(re.search(r"(?i)certificate|SSL|TLS", worker.log()), "the log does not name the reason:\n" + worker.log()[-2000:])
            if not ca:
                worker.stop()
                world.worker(CA_FILE=cert)
                world.settle()
                world.check()


def case_a_marketplace_with_a_certificate_nobody_vouches_for_is_refused_until_its_ca_is_trusted():
    refused_by_certificate("IP:127.0.0.1", ca=False)


def case_a_certificate_for_another_host_is_refused():
    refused_by_certificate("DNS:elsewhere.example", ca=True)


def case_redirects_are_not_followed():
    came = []

    class Elsewhere(socketserver.BaseRequestHandler):
        def handle(self):
            came.append(self.client_address)

    with socketserver.TCPServer(("127.0.0.1", 0), Elsewhere) as elsewhere:
        thread = threading.Thread(target=elsewhere.serve_forever, daemon=True)
        thread.start()
        try:
            with World(shops=1) as world:
                fault = world.sim.fault("redirect", shop=0, location="http://127.0.0.1:%d/order" % elsewhere.server_address[1])
                worker = world.worker()
                world.change(0, 0)
                wait_for("a redirected call", lambda: worker.metric('shopstream_worker_fetch_results_total{result="ok"}') == 0
                         and world.sim.counters()["detail_calls"] >= 1, 20)
                wait_deferred(world)
                check_equal(came, [], "connections to the other host")
                world.sim.heal(fault)
                world.settle()
                world.check()
        finally:
            elsewhere.shutdown()
            thread.join()


if __name__ == "__main__":
    run_cases(globals())
