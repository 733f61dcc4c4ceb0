#!/usr/bin/python3
"""The server behind a real nginx with the site file of deploy/nginx: only addresses and certificate are replaced."""

import concurrent.futures
import contextlib
import os
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from nginx import Nginx, free_port  # noqa: E402
from stack import *  # noqa: E402,F403


SHOPEE_URL, SHOPEE_KEY = "https://webhooks.example.com/webhooks/shopee", "push-key"
redis = Redis()
server = Server(redis, {"SHOPEE_CALLBACK_URL": SHOPEE_URL, "SHOPEE_PUSH_KEY": SHOPEE_KEY})
nginx = Nginx(server.port)


def case_pushes_come_through_unchanged_over_kept_alive_connections():
    c = nginx.connect()
    for i in range(50):
        body = order_event("n%d" % i, note="Ảnh  \\u00e9 \n")
        answer, text = server.exchange("POST", "/webhooks/tiktok", body, signed(body), c)
        check_equal((answer.status, text, answer.getheader("Content-Length")), (200, b"", "0"), "answer")
        trace = answer.getheader("X-Request-Id")
        entry = redis.entries()[-1]
        check_equal((entry["body"], entry["trace"]), (body, trace), "entry")
    c.close()
    check(server.metric("shopstream_server_connections") <= 3, "nginx keeps its connection to the server")


def push_until(stop, proxy, sender, answers, stored):
    """A client with one kept-alive connection: what it was answered, and the orders that were answered 200."""
    c = proxy.connect()
    while not stop.is_set():
        order = "r%d-%d" % (sender, len(stored))
        body = order_event(order)
        c.request("POST", "/webhooks/tiktok", body, signed(body))
        answer = c.getresponse()
        answer.read()
        answers.append(answer.status)
        stored.append(order)
    c.close()


def case_two_servers_restarted_in_turn_under_load_answer_nothing_but_200():
    ports = [free_port(), free_port()]

    def start(port):
        """With a journal: the first requests may come before Redis is connected."""
        return Server(redis, {"LISTEN": "127.0.0.1:%d" % port, "JOURNAL_DIR": os.path.join(journals, str(port))})

    with contextlib.ExitStack() as closers:
        journals = closers.enter_context(tempfile.TemporaryDirectory())
        servers = [start(port) for port in ports]
        closers.callback(lambda: [s.close() for s in servers])
        proxy = Nginx(*ports)
        closers.callback(proxy.close)
        stop, answers, stored = threading.Event(), [[] for _ in range(8)], [[] for _ in range(8)]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            senders = [pool.submit(push_until, stop, proxy, n, answers[n], stored[n]) for n in range(8)]
            try:
                for i in [0, 1] * 3:
                    before = sum(map(len, answers))
                    wait_for("requests through both", lambda: sum(map(len, answers)) > before + 100
                             and all(s.metric("shopstream_server_connections") > 0 for s in servers))
                    servers[i].stop()
                    servers[i].close()
                    servers[i] = start(ports[i])
            finally:
                stop.set()
            for sender in senders:
                sender.result()
        check_equal({status for statuses in answers for status in statuses}, {200}, "answers")
        everything = {order for orders in stored for order in orders}
        wait_for("all that was answered 200 in Redis", lambda: everything <= {entry["id"] for entry in redis.entries()}, 20)
        [s.stop() for s in servers]


def case_shopees_pushes_and_test_messages_come_through():
    c = nginx.connect()
    body = b'{"data":{"ordersn":"N1","status":"SHIPPED","update_time":1779091201},"shop_id":7,"code":3,"timestamp":1779091202}'
    for sent, signed_for in ((body, SHOPEE_URL), (b'{"code":0}', "x"), (b"", "x")):
        signature = hmac.new(SHOPEE_KEY.encode(), signed_for.encode() + b"|" + sent, hashlib.sha256).hexdigest()
        answer, text = server.exchange("POST", "/webhooks/shopee", sent, {"Authorization": signature}, c)
        check_equal((answer.status, text, answer.getheader("Content-Length")), (200, b"", "0"), "answer to %r" % sent)
    c.close()
    entry = redis.entries()[-1]
    check_equal((entry["platform"], entry["id"], entry["body"]), ("shopee", "N1", body), "entry")


def case_refusals_come_through_with_their_reason():
    body = order_event("1")
    for headers, path, status in (({"Authorization": None}, "/webhooks/tiktok", 401), ({}, "/webhooks/nowhere", 404),
                                  ({}, "/metrics", 404), ({}, "/readyz", 404)):
        c = nginx.connect()
        check_equal(server.push(body, headers, path, c)[0], status, path)
        c.close()


def case_bodies_around_the_limits():
    for length, status in ((1048576, 200), (1048577, 413), (1200 * 1024, 413)):
        empty = order_event("1", note="")
        body = order_event("1", note="x" * (length - len(empty)), notification=json.loads(empty)["tts_notification_id"])
        c = nginx.connect()
        answer, _ = server.exchange("POST", "/webhooks/tiktok", body, signed(body), c)
        check_equal((len(body), answer.status), (length, status), "answer")
        c.close()


def case_redis_away_is_503_with_retry_after_and_not_tried_twice():
    redis.kill()
    wait_for("not ready", lambda: not server.ready())
    before = server.metric('shopstream_server_requests_total{answer="unavailable"}')
    c = nginx.connect()
    body = order_event("1")
    answer, text = server.exchange("POST", "/webhooks/tiktok", body, signed(body), c)
    c.close()
    check_equal((answer.status, bool(answer.getheader("Retry-After")), bool(text)), (503, True, True), "answer")
    check_equal(server.metric('shopstream_server_requests_total{answer="unavailable"}') - before, 1, "requests")


try:
    run_cases(globals())
finally:
    nginx.close()
    server.close()
    redis.close()
