#!/usr/bin/python3
"""Shopee's route with a real Redis: signatures over URL and body, rotation, test messages, pushes about several shops."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from stack import *  # noqa: E402,F403

PATH = "/webhooks/shopee"
URLS = ("https://hooks.example.test/shopee", "https://hooks2.example.test/s/?app=1")
KEYS = {"push_current": "push-new", "push_previous": "push-old", "partner_current": "partner-new", "partner_previous": "partner-old"}
SETTINGS = {"TIKTOK_APP_KEY": "", "TIKTOK_APP_SECRET": "", "SHOPEE_PARTNER_ID": "2001887",
            "SHOPEE_PUSH_KEY": "push-new,push-old", "SHOPEE_PARTNER_KEY": "partner-new,partner-old",
            "SHOPEE_CALLBACK_URL": ",".join(URLS), "STREAM_PARTITIONS": 8, "LOG_LEVEL": "debug",
            "REPLAY_SECONDS": 0}  # cases begin with FLUSHALL, which it would heal
TEST = b'{"code":0,"data":{"verify_info":"This is a verification message."}}'

redis = Redis()
server = Server(redis, SETTINGS)


def signature(body, key="push-new", url=URLS[0], bar="|"):
    return hmac.new(key.encode(), url.encode() + bar.encode() + body, hashlib.sha256).hexdigest()


def push(body, sent=None, to=None):
    """(status, body, Content-Length) of the answer."""
    headers = {"Content-Type": "application/json", "Authorization": signature(body) if sent is None else sent}
    answer, text = (to or server).exchange("POST", PATH, body, {k: v for k, v in headers.items() if v != ""})
    return answer.status, text, answer.getheader("Content-Length")


def code(number, data, shop=412887301, **more):
    envelope = {"data": data, "code": number, "timestamp": 1779091202}
    if shop:
        envelope["shop_id"] = shop
    envelope.update(more)
    return json.dumps(envelope, separators=(",", ":")).encode()


def order_push(order, status="READY_TO_SHIP", **more):
    return code(3, {"items": [], "ordersn": order, "status": status, "completed_scenario": "", "update_time": 1779091201}, **more)


def all_entries():
    """Entries of all partitions: (partition, entry)."""
    return [(int(k[10:-1]), e) for k in sorted(redis.client.keys("webhooks:{?}")) for e in redis.entries(k)]


def counted(name, of=None):
    return (of or server).metric("shopstream_server_" + name)


ACCEPTED = (200, b"", "0")


def case_a_push_is_answered_200_empty_and_lies_in_the_stream():
    redis.client.flushall()
    body = order_push("260518A7K2M9QX")
    check_equal(push(body), ACCEPTED, "answer")
    (_, entry), = all_entries()
    key = "2001887:412887301:3:260518A7K2M9QX:1779091201:"
    check(re.fullmatch(re.escape(key) + "[0-9a-f]{64}", entry.pop("key")), "key")
    entry.pop("recv_ms"), entry.pop("trace")
    check_equal(entry, {"v": "1", "platform": "shopee", "shop": "412887301", "topic": "3", "kind": "order", "id": "260518A7K2M9QX",
                        "event_ms": "1779091201000", "moves": "1", "src": "webhook", "body": body}, "entry")


def case_the_documented_vector_is_accepted():
    body = (b'{"data":{"items":[],"ordersn":"220810QSK8S7BX","status":"PROCESSED","completed_scenario":"","update_time":1660123127},'
            b'"shop_id":727720655,"code":3,"timestamp":1660123127}')
    sent = "463c1a1a2d83a9e0a3f56c8ac6f0ae930438368e412a5dfa4d33ec33502d1184"
    with Server(redis, {**SETTINGS, "SHOPEE_PUSH_KEY": "test_push_key_0123456789abcdef", "SHOPEE_PARTNER_KEY": ""}) as other:
        check_equal(push(body, sent, other), ACCEPTED, "answer")
        spaced = json.dumps(json.loads(body)).encode()
        check_equal(push(spaced, sent, other)[0], 401, "the same, written anew")


def case_every_key_and_every_url_of_the_settings_is_accepted_and_counted():
    redis.client.flushall()
    number = 0
    for name, key in KEYS.items():
        metric = 'verified_total{platform="shopee",key="%s"}' % name
        before = counted(metric)
        for url in URLS:
            number += 1
            body = order_push("A%d" % number)
            check_equal(push(body, signature(body, key, url)), ACCEPTED, "signed with %s for %s" % (name, url))
        check_equal(counted(metric) - before, 2, metric)
    check_equal(len(all_entries()), 8, "entries")
    check(re.search(r"setting=SHOPEE_PARTNER_KEY key=2 address=2", server.log()), "the pair in the log")
    check(not any(key in server.log() for key in KEYS.values()), "no key in the log")


def case_a_wrong_signature_is_401_stored_nowhere_and_counted():
    redis.client.flushall()
    body = order_push("B1")
    good = signature(body)
    for sent, reason in (("", "missing"), ("Bearer " + good, "malformed"), (good[:63], "malformed"), ("0" * 64, "mismatch"),
                         (signature(body, "push-older"), "mismatch"), (signature(body, url="http" + URLS[0][5:]), "mismatch"),
                         (signature(body, url=URLS[0] + "/"), "mismatch"), (signature(body, url="", bar=""), "mismatch"),
                         (signature(body, url=URLS[0], bar=""), "mismatch"), (signature(body + b"\n"), "mismatch")):
        name = 'unauthorized_total{platform="shopee",reason="%s"}' % reason
        tiktok = counted('unauthorized_total{platform="tiktok",reason="%s"}' % reason)
        before = counted(name), counted('requests_total{answer="unauthorized"}')
        check_equal(push(body, sent), (401, b"", "0"), "answer to %r" % sent)
        check_equal((counted(name) - before[0], counted('requests_total{answer="unauthorized"}') - before[1]), (1, 1), "counted %s" % sent)
        check_equal(counted('unauthorized_total{platform="tiktok",reason="%s"}' % reason), tiktok, "the other platform's counter")
    check_equal(redis.client.keys("*"), [], "keys in Redis")
    check(good not in server.log(), "no signature in the log")


def case_a_test_message_is_answered_200_whatever_its_signature_and_not_stored():
    redis.client.flushall()
    before = counted('requests_total{answer="push_check"}')
    for body in (TEST, b"", b'{"code":0}'):
        for sent in ("", "0" * 64, "x", signature(body)):
            check_equal(push(body, sent), ACCEPTED, "answer to %r signed %r" % (body, sent))
    check_equal(counted('requests_total{answer="push_check"}') - before, 12, "counted")
    check_equal(redis.client.keys("*"), [], "keys in Redis")
    for body in (b"{}", b"0", b"[]", b'{"code":3}', b'{"code":null}', b'{"code":0,"x":"' + b"x" * 4096 + b'"}'):
        check_equal(push(body, "0" * 64)[0], 401, "unsigned %r" % body[:20])


def case_a_test_message_is_a_push_like_any_other_when_the_setting_is_off():
    redis.client.flushall()
    with Server(redis, {**SETTINGS, "SHOPEE_VERIFICATION_PUSH": 0}) as other:
        check_equal(push(TEST, "0" * 64, other)[0], 401, "unsigned")
        check_equal(push(b"", "0" * 64, other)[0], 400, "empty")
        check_equal(push(TEST, None, other), ACCEPTED, "signed")
    check_equal([(e["kind"], e["topic"]) for _, e in all_entries()], [("other", "0")], "entries")


def case_without_keys_or_urls_the_answer_is_503():
    for settings in ({"SHOPEE_PUSH_KEY": "", "SHOPEE_PARTNER_KEY": ""}, {"SHOPEE_CALLBACK_URL": ""}):
        with Server(redis, {**SETTINGS, **settings}) as other:
            for body in (order_push("C1"), TEST, b""):
                answer, _ = other.exchange("POST", PATH, body, {"Authorization": signature(body)})
                check_equal((answer.status, bool(answer.getheader("Retry-After"))), (503, True), "answer to %r" % body)
            check("Shopee webhooks will get 503" in other.log() or "its webhooks will get 503" in other.log(), "told at start")
    with Server(redis, {"SHOPEE_CALLBACK_URL": URLS[0], "SHOPEE_PARTNER_KEY": "partner-new"}) as other:
        body = order_push("C2")
        check_equal(push(body, signature(body, "partner-new"), other), ACCEPTED, "partner key, no partner id")


def case_a_repeat_with_another_envelope_is_not_stored_again():
    redis.client.flushall()
    for more in ({}, {"timestamp": 1779091502}, {"msg_id": "5d0c9e6a41f74c2bb0a7c5e9f1d2a384"}):
        check_equal(push(order_push("D1", **more)), ACCEPTED, "answer")
    check_equal(len(all_entries()), 1, "entries")
    check_equal(push(order_push("D1", "CANCELLED")), ACCEPTED, "another state of the same second")
    check_equal(len(all_entries()), 2, "entries")


def case_several_entities_are_several_entries():
    redis.client.flushall()
    push(code(30, {"ordersn": "E1", "package_number": "P", "fulfillment_status": "X", "update_time": 1779091201}))
    push(code(29, {"order_sn": "E1", "return_sn": "R1", "updated_values": [{"update_field": "return_status", "update_time": 1779091200}]}))
    check_equal([(e["kind"], e["id"], e.get("event_ms"), "moves" in e, "return_kind" in e) for _, e in all_entries()],
                [("order", "E1", None, False, False), ("tracking", "E1", "1779091201000", False, False),
                 ("return", "R1", "1779091200000", False, False), ("order", "E1", None, False, False)], "entries")


def case_several_shops_of_one_push_go_to_their_own_partitions():
    redis.client.flushall()
    shops = list(range(1001, 1031))
    stock = code(36, {"list": [{"mt_sku_id": "1_2", "shop_id": s, "whs_sellable_qty": n} for s in shops for n in range(2)]})
    ends = code(12, {"shop_expire_soon": shops + shops, "expire_before": 1780000000}, shop=None)
    check_equal([push(body) for body in (stock, stock, ends, ends)], [ACCEPTED] * 4, "answers")
    entries = all_entries()
    found = {}
    for partition, e in entries:
        found.setdefault((e["topic"], e["shop"]), []).append(partition)
        check_equal(e["body"], stock if e["topic"] == "36" else ends, "body")
        check_equal((e["kind"], e["id"]), ("other", "") if e["topic"] == "36" else ("shop", e["shop"]), "kind and id")
    check_equal(sorted(found), sorted((t, str(s)) for s in shops for t in ("36", "12")), "one entry a shop and push")
    check(all(len(p) == 1 for p in found.values()), "stored once each")
    check(all(found[("36", str(s))] == found[("12", str(s))] for s in shops), "a shop lives in one partition")
    check(len({p for p, _ in entries}) > 3, "several partitions")
    wait_for("the marks", lambda: len(redis.client.keys("webhooks:{?}:seen:*")) == 60, 2)
    for mark in redis.client.keys("webhooks:{?}:seen:*"):
        partition = mark[:12].decode()
        check(redis.client.xrange(partition, redis.client.get(mark), redis.client.get(mark)), "a mark beside its entry")


def case_several_shops_of_one_push_survive_an_outage_of_redis_in_the_journal():
    redis.client.flushall()
    with tempfile.TemporaryDirectory() as directory, Server(redis, {**SETTINGS, "JOURNAL_DIR": directory}) as other:
        body = code(36, {"list": [{"shop_id": s} for s in range(2001, 2021)]})
        redis.kill()
        try:
            check_equal(push(body, None, other), ACCEPTED, "answer while Redis is away")
        finally:
            redis.start()
        wait_for("the drained entries", lambda: len(all_entries()) == 20, 30)
    check_equal(sorted(int(e["shop"]) for _, e in all_entries()), list(range(2001, 2021)), "shops")
    with Server(redis, {**SETTINGS, "DEDUPE_WINDOW_MINUTES": 0}) as other:
        for partition, e in all_entries():
            single = code(10, {}, shop=int(e["shop"]))
            push(single, None, other)
            check_equal([p for p, x in all_entries() if x["topic"] == "10" and x["shop"] == e["shop"]], [partition], "partition")


def case_signed_garbage_is_a_dead_letter():
    for body, why in ((b"x", "not JSON"), (code(3, {}), "ordersn"), (order_push("F1", shop=None), "shop_id"), (b"{}", "code")):
        redis.client.flushall()
        check_equal(push(body), ACCEPTED, "answer to %r" % body)
        dead = [e for k in redis.client.keys("webhooks:{?}:dead") for e in redis.entries(k)]
        check_equal([(e["platform"], e["body"], e["_class"]) for e in dead], [("shopee", body, "bad_payload")], "dead letter")
        check(why in dead[0]["_err"], "reason %r names %r" % (dead[0]["_err"], why))
        check_equal(redis.client.keys("webhooks:{?}"), [], "live streams")


def case_an_unknown_code_is_kept_and_counted():
    redis.client.flushall()
    before = counted("topics_unknown_total")
    check_equal([push(code(n, {"x": 1})) for n in (17, 4711, 10)], [ACCEPTED] * 3, "answers")
    check_equal(sorted((e["topic"], e["kind"]) for _, e in all_entries()), [("10", "other"), ("17", "other"), ("4711", "other")], "entries")
    check_equal(counted("topics_unknown_total") - before, 2, "counted")


def case_other_methods_are_405():
    for method in ("GET", "PUT", "HEAD"):
        check_equal(server.exchange(method, PATH, None, {})[0].status, 405, method)


try:
    run_cases(globals())
finally:
    server.close()
    redis.close()
