#!/usr/bin/python3
"""The server with a real Redis: every row of the answer table, and what ends up in the stream."""

import hashlib
import os
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from stack import *  # noqa: E402,F403

CAP = 4096  # MAX_BODY_BYTES of the server below
redis = Redis()
server = Server(redis, {"MAX_BODY_BYTES": CAP, "REPLAY_SECONDS": 0})  # cases begin with FLUSHALL, which it would heal


def counted(name):
    return server.metric("shopstream_server_" + name)


def fresh():
    """An empty Redis for a case."""
    redis.client.flushall()


def padded(length, number):
    """A valid push of exactly that many bytes."""
    empty = order_event(number, note="")
    return order_event(number, note="x" * (length - len(empty)), notification=json.loads(empty)["tts_notification_id"])


def case_stored_push_is_answered_200_empty_and_lies_in_the_stream():
    fresh()
    body = order_event("576653688135258178", update_time=1718305585, notification="7380066284010030000")
    answer, text = server.exchange("POST", "/webhooks/tiktok", body, signed(body, {"X-Request-Id": "req-1.a:b_C"}))
    check_equal((answer.status, text), (200, b""), "answer")
    check_equal(answer.getheader("Content-Length"), "0", "Content-Length")
    check_equal(answer.getheader("Content-Type"), None, "Content-Type")
    entry = redis.entries()[0]
    received = entry.pop("recv_ms")
    check(abs(int(received) - time.time() * 1000) < 60000, "recv_ms is now")
    check_equal(entry, {
        "v": "1", "platform": "tiktok", "shop": "7495540735365777507", "topic": "1", "kind": "order",
        "id": "576653688135258178", "event_ms": "1718305585000", "key": "abcdef:7380066284010030000",
        "src": "webhook", "trace": "req-1.a:b_C", "moves": "1", "body": body}, "entry")
    mark = "webhooks:{0}:seen:abcdef:7380066284010030000:order:576653688135258178"
    wait_for("the mark", lambda: redis.client.get(mark), 2)
    check(0 < redis.client.pttl(mark) <= 600000, "the mark's life")


def case_published_signature_example_is_accepted():
    fresh()
    body = (b'{"type":1,"tts_notification_id":"7380066284010030890","shop_id":"7495540735365777507",'
            b'"timestamp":1718305585,"data":{"is_on_hold_order":true,"order_id":"576653688135258178",'
            b'"order_status":"UNPAID","update_time":1718305585}}')
    signature = "5dec0f11ec2f6783b8deee53c9ffbf8d024302f7c7e7fa55a35d17629031ac05"
    for sent in (signature, signature.upper(), " " + signature + " "):
        check_equal(server.push(body, {"Authorization": sent}), (200, b""), "answer to %r" % sent)


def case_duplicate_is_answered_200_and_not_stored_again():
    fresh()
    body = order_event("576653688135258179")
    before = counted('requests_total{answer="duplicate"}')
    check_equal([server.push(body)[0] for _ in range(3)], [200, 200, 200], "answers")
    check_equal(len(redis.entries()), 1, "entries")
    check_equal(counted('requests_total{answer="duplicate"}') - before, 2, "counted duplicates")


def case_without_a_window_every_copy_is_stored():
    fresh()
    body = order_event("576653688135258179")
    with Server(redis, {"DEDUPE_WINDOW_MINUTES": 0}) as other:
        check_equal([other.push(body)[0] for _ in range(3)], [200, 200, 200], "answers")
    check_equal(len(redis.entries()), 3, "entries")
    check_equal(redis.client.keys("*seen*"), [], "marks")


def case_unsigned_is_401_stored_nowhere_and_counted():
    fresh()
    body = order_event("1")
    good = sign(body)
    for sent, reason in ((None, "missing"), ("", "malformed"), ("Bearer " + good, "malformed"), (good[:63], "malformed"),
                         (good[:63] + "g", "malformed"), ("0" * 64, "mismatch"), (sign(body + b" "), "mismatch"),
                         (sign(body, app_key=""), "mismatch"), (sign(body, secret="124"), "mismatch")):
        name = 'unauthorized_total{platform="tiktok",reason="%s"}' % reason
        before = counted(name)
        check_equal(server.push(body, {"Authorization": sent}), (401, b""), "answer to %r" % sent)
        check_equal(counted(name) - before, 1, "counted %s for %r" % (reason, sent))
    check_equal(redis.client.keys("webhooks:{*"), [], "keys in Redis")  # not: who and where the server is


def case_a_header_whose_name_only_begins_alike_is_no_signature():
    body = order_event("1")
    for name in ("A", "Auth", "Authorizatio", "Authorization2", "X-Authorization"):
        check_equal(server.push(body, {"Authorization": None, name: sign(body)})[0], 401, name)
    check_equal(server.push(body, {"Authorization": None, "aUTHORIZATION": sign(body)})[0], 200, "other case")


def case_signed_garbage_is_200_and_a_dead_letter():
    for body, why in ((b"not json", "not JSON"), (b"[1]", "not a JSON object"), (b"{}", "type"),
                      (b"[" * 3000, "not JSON"), (event(1, {}), "order_id"), (event(1, {"order_id": ""}), "order_id"),
                      (event(5, {"product_id": 5.76e17}), "product_id"), (event(4, {"package_list": []}), "no order"),
                      (order_event("1", shop=None), "shop_id")):
        fresh()
        check_equal(server.push(body, {"X-Request-Id": "t-1"}), (200, b""), "answer to %r" % body[:40])
        check_equal(redis.client.exists("webhooks:{0}"), 0, "live stream")
        entry = redis.entries("webhooks:{0}:dead")[0]
        check_equal((entry["body"], entry["platform"], entry["_class"], entry["_by"], entry["_body"], entry["trace"]),
                    (body, "tiktok", "bad_payload", "server", "1", "t-1"), "dead letter")
        check(why in entry["_err"], "reason %r names %r" % (entry["_err"], why))
        check(entry["_at"] == entry["_first"] == entry["recv_ms"] and entry["_ver"], "times and version")
    check_equal("shop" in entry, False, "shop of a push that names none")


def case_topic_we_do_not_map_is_kept_as_other():
    fresh()
    before = counted("topics_unknown_total")
    check_equal(server.push(event(4711, {"x": 1}))[0], 200, "unknown topic")
    check_equal(server.push(event(13, {"x": 1}))[0], 200, "known, not mapped")
    check_equal(server.push(event(21, {"x": 1}, shop=None, seller_open_id="s"))[0], 200, "seller topic")
    check_equal([(e["topic"], e["kind"], e["id"], e["shop"]) for e in redis.entries()],
                [("4711", "other", "", "7495540735365777507"), ("13", "other", "", "7495540735365777507"),
                 ("21", "other", "", "")], "entries")
    check_equal(counted("topics_unknown_total") - before, 1, "counted unknown topics")


def case_several_entities_are_several_entries_and_one_answer():
    fresh()
    packages = [{"package_id": "1", "order_id_list": ["11", "12"]}, {"package_id": "2", "order_id_list": ["12", "13"]}]
    body = event(4, {"sc_type": "COMBINE", "package_list": packages, "update_time": 1767690300})
    check_equal([server.push(body)[0] for _ in range(2)], [200, 200], "answers")
    entries = redis.entries()
    check_equal([(e["kind"], e["id"], e.get("event_ms"), "moves" in e) for e in entries],
                [(kind, i, time_of, False) for i in ("11", "12", "13")
                 for kind, time_of in (("order", None), ("tracking", "1767690300000"))], "entries of a package update")
    check(all(e["body"] == body for e in entries), "each has the whole body")
    fresh()
    server.push(event(12, {"order_id": "21", "return_id": "22", "return_status": "X", "update_time": 1767690300}))
    check_equal([(e["kind"], e["id"], e.get("event_ms"), e.get("return_kind")) for e in redis.entries()],
                [("order", "21", None, None), ("return", "22", "1767690300000", "return")], "return")
    fresh()
    server.push(order_event("23", "IN_TRANSIT"))
    check_equal([(e["kind"], e["id"], "moves" in e) for e in redis.entries()],
                [("order", "23", True), ("tracking", "23", False)], "a parcel on its way")


def case_many_entities_in_one_push():
    fresh()
    orders = ["5766%014d" % i for i in range(130)]
    body = event(4, {"package_list": [{"package_id": "1", "order_id_list": orders}]})
    check(len(body) < CAP, "fits")
    check_equal(server.push(body)[0], 200, "answer")
    check_equal([(e["kind"], e["id"]) for e in redis.entries()],
                [(kind, i) for i in orders for kind in ("order", "tracking")], "entries")


def case_event_without_an_id_is_known_again():
    fresh()
    body = order_event("31", notification="")
    check_equal([server.push(body)[0] for _ in range(2)], [200, 200], "answers")
    server.push(order_event("31", status="PAID", notification=""))
    keys = [e["key"] for e in redis.entries()]
    check(len(set(keys)) == 2 and all(re.fullmatch("abcdef:1:7495540735365777507:31:1767704400:[0-9a-f]{64}", k) for k in keys),
          "keys: %r" % keys)
    fresh()
    body = event(13, {"x": 1}, notification="")
    check_equal([server.push(body)[0] for _ in range(2)], [200, 200], "answers")
    check_equal([e["key"] for e in redis.entries()], ["abcdef:" + hashlib.sha256(body).hexdigest()], "keys")


def case_both_secrets_of_a_rotation_are_accepted():
    fresh()
    with Server(redis, {"TIKTOK_APP_SECRET": "new,old"}) as other:
        got = [other.push(order_event(str(i)), secret=s)[0] for i, s in enumerate(("new", "old", "older", ""))]
        counts = [other.metric('shopstream_server_verified_total{platform="tiktok",key="%s"}' % key)
                  for key in ("current", "previous")]
    check_equal(got, [200, 200, 401, 401], "answers")
    check_equal(counts, [1, 1], "pushes by key")
    check_equal(len(redis.entries()), 2, "entries")


def case_without_a_secret_the_answer_is_503():
    with Server(redis, {"TIKTOK_APP_KEY": "", "TIKTOK_APP_SECRET": ""}) as other:
        answer, _ = other.exchange("POST", "/webhooks/tiktok", b"{}", signed(b"{}"))
    check_equal((answer.status, bool(answer.getheader("Retry-After"))), (503, True), "answer")


def case_no_such_path_wrong_method_no_body():
    body = order_event("41")
    for path in ("/", "/webhooks", "/webhooks/tiktok/", "/webhooks/tiktokx", "/metrics", "/readyz", "/%77ebhooks/tiktok"):
        status, text = server.push(body, path=path)
        check(status == 404 and text, "404 with a reason for %s: %s" % (path, status))
    for method in ("GET", "PUT", "DELETE", "PATCH", "OPTIONS"):
        answer, text = server.exchange(method, "/webhooks/tiktok", body if method != "GET" else None, signed(body))
        check(answer.status == 405 and text and answer.getheader("Allow") == "POST", "405 for %s" % method)
    check_equal(server.exchange("HEAD", "/webhooks/tiktok", None, {})[0].status, 405, "HEAD")
    status, text = server.push(b"")
    check(status == 400 and text, "400 with a reason without a body")
    check_equal(server.push(body, path="/webhooks/tiktok?x=1")[0], 200, "a query is no other path")


def case_an_answer_without_a_body_is_followed_by_the_next_answer():
    """A body after the answer to HEAD would be read as the beginning of the next answer on the connection."""
    body = order_event("42")
    push = (b"POST /webhooks/tiktok HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\nContent-Length: %d\r\n\r\n"
            % (sign(body).encode(), len(body))) + body
    for path, status in ((b"/webhooks/tiktok", b"405"), (b"/nowhere", b"404")):
        with raw_socket(server.port) as s:
            s.sendall(b"HEAD " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n" + push)
            got = b""
            while b" 200 OK" not in got:
                got += s.recv(1000)
        first, _, rest = got.partition(b"\r\n\r\n")
        check_equal((first.split()[1], rest.split()[:2]), (status, [b"HTTP/1.1", b"200"]), "answers")


def case_bodies_around_the_limit_with_length_and_chunked():
    fresh()
    too_large = counted('requests_total{answer="too_large"}')
    for chunked in (False, True):
        for length, status in ((CAP - 1, 200), (CAP, 200), (CAP + 1, 413), (CAP * 40, 413)):
            body = padded(length, "5%d%d" % (chunked, length))
            check_equal(len(body), length, "length")
            if chunked:
                pieces = (body[i:i + 1000] for i in range(0, len(body), 1000))
                headers = signed(body, {"Transfer-Encoding": "chunked"})
                answer, text = server.exchange("POST", "/webhooks/tiktok", pieces, headers, chunked=True)
            else:
                answer, text = server.exchange("POST", "/webhooks/tiktok", body, signed(body))
            check_equal(answer.status, status, "%d bytes, chunked %s" % (length, chunked))
            check(status == 200 or b"Too Large" in text, "the reason in the body")
    check_equal(sorted(len(e["body"]) for e in redis.entries()), [CAP - 1, CAP - 1, CAP, CAP], "stored bodies")
    check_equal(counted('requests_total{answer="too_large"}') - too_large, 4, "counted")


def case_who_still_sends_when_refused_can_read_why():
    refused = server.metric('shopstream_server_requests_total{answer="too_large"}')
    with raw_socket(server.port) as s:
        s.sendall(b"POST /webhooks/tiktok HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (CAP * 2))
        wait_for("the refusal", lambda: server.metric('shopstream_server_requests_total{answer="too_large"}') > refused)
        open_now = server.metric("shopstream_server_connections")
        for _ in range(60):  # more than half a second: the server looks at its connections four times a second
            s.sendall(b"x" * 1000)
            time.sleep(0.01)
        check_equal(s.recv(1000).split()[1], b"413", "answer after sending on")
        wait_for("its end", lambda: server.metric("shopstream_server_connections") < open_now)


def case_headers_too_large_and_garbage_are_refused():
    with raw_socket(server.port) as s:
        s.sendall(b"POST /webhooks/tiktok HTTP/1.1\r\nX: " + b"x" * 20000 + b"\r\n")
        check(s.recv(100).split()[1] in (b"413", b"400"), "long headers")
    with raw_socket(server.port) as s:
        s.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n")
        check(s.recv(100).split()[1:2] in ([], [b"400"]), "a TLS greeting")
    with raw_socket(server.port) as s:
        s.sendall(b"POST /webhooks/tiktok HTTP/1.1\r\nContent-Length: -5\r\n\r\n")
        check(s.recv(100).split()[1:2] == [b"400"], "a negative length")


def case_kept_alive_connections_serve_many_requests_also_pipelined():
    fresh()
    c = server.connect()
    check_equal([server.push(order_event("6%d" % i), connection=c)[0] for i in range(20)], [200] * 20, "answers")
    c.close()
    body = order_event("700")
    request = (b"POST /webhooks/tiktok HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\nContent-Length: %d\r\n\r\n"
               % (sign(body).encode(), len(body))) + body
    with raw_socket(server.port) as s:
        s.sendall(request * 5)
        got = b""
        while got.count(b"HTTP/1.1 200") < 5:
            more = s.recv(4096)
            check(more, "five answers, got %r" % got)
            got += more
    check_equal(len(redis.entries()), 21, "entries")


def answers_of(s, count):
    """Statuses of that many answers, read one after the other."""
    got = b""
    while got.count(b"\r\n\r\n") < count:
        more = s.recv(65536)
        check(more, "%d answers, got %r" % (count, got))
        got += more
    return [int(answer.split()[1]) for answer in got.split(b"HTTP/1.1")[1:] for answer in [b"HTTP/1.1" + answer]]


def wire(body):
    """A signed push as it goes over the connection."""
    return (b"POST /webhooks/tiktok HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\nContent-Length: %d\r\n\r\n"
            % (sign(body).encode(), len(body))) + body


def with_redis_frozen(lone, act):
    """A connection whose push waits for Redis while act(connection) is done and the loop has turned. A slow machine may let
    the deadline pass: then that push is a 503."""
    s = raw_socket(lone.port)
    redis.freeze()
    try:
        s.sendall(wire(order_event("7000")))
        wait_for("a push in flight", lambda: lone.metric("shopstream_server_inflight") > 0 or counted_answers(lone) > 0)
        act(s)
        check_equal(lone.exchange("POST", "/nowhere", b"x", {})[0].status, 404, "an answer meanwhile")
    finally:
        redis.thaw()
    return s


def counted_answers(lone):
    return lone.metric('shopstream_server_unavailable_total{reason="deadline"}')


def case_what_comes_while_a_push_waits_is_answered_in_its_turn():
    """One push waits for a frozen Redis, 200 more and half of another come behind it on the same connection: 202 answers."""
    fresh()
    with Server(redis, {"SERVER_THREADS": 1, "ANSWER_DEADLINE_MS": 2900, "REPLAY_SECONDS": 0}) as lone:
        more = b"".join(wire(order_event("71%03d" % i, note="x" * 700)) for i in range(200))
        last = wire(order_event("7200"))
        with with_redis_frozen(lone, lambda s: s.sendall(more + last[:70])) as s:
            statuses = answers_of(s, 201)
            s.sendall(last[70:])
            statuses += answers_of(s, 1)
    check_equal(len(statuses), 202, "answers")
    check_equal(set(statuses) - {200, 503}, set(), "statuses")
    check(len(redis.entries()) >= statuses.count(200), "every 200 is stored")


def case_a_client_that_says_no_more_while_its_push_waits_gets_its_answer():
    fresh()
    with Server(redis, {"SERVER_THREADS": 1, "ANSWER_DEADLINE_MS": 2900, "REPLAY_SECONDS": 0}) as lone:
        with with_redis_frozen(lone, lambda s: s.shutdown(socket.SHUT_WR)) as s:
            check(answers_of(s, 1)[0] in (200, 503), "an answer")
            check_equal(s.recv(100), b"", "behind it")
        with with_redis_frozen(lone, lambda s: s.close()):
            pass
        wait_for("nothing in flight", lambda: lone.metric("shopstream_server_inflight") == 0)
        wait_for("no connection left", lambda: lone.metric("shopstream_server_connections") == 0)


def case_expect_100_continue():
    body = order_event("71")
    with raw_socket(server.port) as s:
        s.sendall(b"POST /webhooks/tiktok HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nAuthorization: %s\r\n"
                  b"Content-Length: %d\r\n\r\n" % (sign(body).encode(), len(body)))
        check(s.recv(100).startswith(b"HTTP/1.1 100"), "100 Continue")
        s.sendall(body)
        check(s.recv(100).startswith(b"HTTP/1.1 200"), "200")


def case_a_strange_request_id_is_replaced():
    fresh()
    for sent in ("a b", "x" * 65, "a\tb", "\xe9", "a=b"):
        server.push(order_event("8"), {"X-Request-Id": sent.encode("latin-1")})
    traces = [e["trace"] for e in redis.entries()]
    check(len(set(traces)) == 5 and all(re.fullmatch("[0-9a-f]{32}", t) for t in traces), "made here: %r" % traces)


def case_partitions_follow_the_shop():
    with Redis() as own, Server(own, {"STREAM_PARTITIONS": 8}) as other:
        for shop in range(40):
            for order in range(2):
                check_equal(other.push(order_event("%d" % order, shop=str(shop)))[0], 200, "answer")
        check_equal(other.push(b"{")[0], 200, "garbage")
        streams = [k.decode() for k in own.client.keys("webhooks:{?}")]
        check(len(streams) > 4, "several partitions: %r" % streams)
        shops = [{e["shop"] for e in own.entries(k)} for k in streams]
        check_equal(sum(map(len, shops)), 40, "each shop in one partition")
        check_equal(sum(own.client.xlen(k) for k in streams), 80, "entries")
        check_equal(len(own.client.keys("webhooks:{?}:dead")), 1, "dead streams")


def case_admin_port_tells_health_readiness_and_metrics():
    check_equal(server.admin("/healthz")[0], 200, "healthz")
    check(server.ready(), "readyz")
    check("# TYPE shopstream_server_requests_total counter" in server.admin("/metrics")[1], "metrics")
    check_equal(server.push(b"{}", path="/healthz")[0], 404, "admin paths on the public port")


def case_arguments_and_bad_settings():
    program = os.path.join(BUILD, "shopstream-server")

    def run(*arguments, **settings):
        done = subprocess.run([program, *arguments], env={"PATH": os.environ["PATH"], **settings}, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20)
        return done.returncode, done.stdout

    check("ANSWER_DEADLINE_MS" in run("--help")[1], "--help")
    check_equal(run("--version")[1].split()[0], "shopstream-server", "--version")
    code, text = run("--check", REDIS_URL=redis.url, TIKTOK_APP_KEY="abcdef", TIKTOK_APP_SECRET="hush-hush")
    check(code == 0 and "hush-hush" not in text, "--check: %s %s" % (code, text))
    for settings in ({"REDIS_URL": "rediss://x:1"}, {"SERVER_THREADS": "0"}, {"MAX_BODY_BYTES": "12x"},
                     {"TIKTOK_APP_KEY": "only"}):
        code, text = run("--check", **settings)
        check(code == 2 and list(settings)[0] in text, "%r: %s %s" % (settings, code, text))
    check_equal(run("--nonsense")[0], 2, "unknown argument")
    code, text = run(REDIS_URL=redis.url, LISTEN="127.0.0.1:%d" % server.port)
    check(code == 3 and "in use" in text, "a port that is taken: %s %s" % (code, text))


def case_a_redis_on_a_unix_socket_and_by_name_and_with_a_database():
    by_name = redis.url.replace("127.0.0.1", "localhost")
    path = os.path.join(redis.directory, "other.sock")
    with Redis("--unixsocket", path) as other:
        with Server("unix:" + path) as one:
            check_equal(one.push(order_event("91"))[0], 200, "answer by socket")
        check_equal(len(other.entries()), 1, "entries by socket")
    with Server(by_name + "/3") as one:
        check_equal(one.push(order_event("92"))[0], 200, "answer by name")
    check_equal([e["id"] for e in Database(3).entries()], ["92"], "entries of database 3")


class Database(Redis):
    """Another database of the same server."""

    def __init__(self, number):  # nothing is started
        self.client = redis_client.Redis(port=redis.port, db=number)


def case_concurrent_senders_all_get_their_own_answer():
    fresh()
    wrong = []

    def send(sender):
        c = server.connect()
        for i in range(100):
            good = (sender + i) % 3 != 0
            body = order_event("9%02d%03d" % (sender, i))
            status, _ = server.push(body, None if good else {"Authorization": "0" * 64}, connection=c)
            if status != (200 if good else 401):
                wrong.append(status)
        c.close()

    threads = [threading.Thread(target=send, args=(n,)) for n in range(8)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    check_equal(wrong, [], "wrong answers")
    check_equal(len(redis.entries()), sum((s + i) % 3 != 0 for s in range(8) for i in range(100)), "entries")


def case_sigterm_ends_with_0():
    server.stop()


try:
    run_cases(globals())
finally:
    server.close()
    redis.close()
