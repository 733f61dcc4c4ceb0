#!/usr/bin/python3
"""The server with a crowd at its door: 10,000 idle connections, 500 that send a byte a second, 500 half-open ones.

While they are held, 20,000 webhooks must all get 200 within the deadline. Afterwards, with the crowd still there and doing
the same, the server must have ended all of it by itself and hold no descriptor more than at the start.
"""

import os
import resource
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from stack import *  # noqa: E402,F403

IDLE, SLOW, HALF = 10000, 500, 500
WEBHOOKS = 20000
DEADLINE_MS = 1500
CLIENT_TIMEOUT_MS = 20000
REQUEST = b"POST /webhooks/tiktok HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100


def raise_file_limit():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    check(hard >= IDLE + SLOW + HALF + 200, "the limit of open files, %d, is too low for this test" % hard)


def dawdle(sockets, stop):
    """A byte a second on each, until the server has had enough."""
    for at in range(len(REQUEST)):
        for s in sockets:
            try:
                s.send(REQUEST[at:at + 1])
            except OSError:
                pass
        if stop.wait(1):
            return


def send_webhooks(server):
    done = subprocess.run(
        [os.path.join(BUILD, "webhook-sender"), "--url", "http://127.0.0.1:%d" % server.port, "--app-key", APP_KEY,
         "--app-secret", APP_SECRET, "--load", "--count", str(WEBHOOKS), "--connections", "64", "--timeout-ms", "3000"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120)
    check(done.returncode == 0, "webhook-sender: %s %s" % (done.stdout[-500:], done.stderr[-500:]))
    return json.loads(done.stdout.strip().splitlines()[-1])


def case_a_crowd_holds_up_nobody_and_leaves_nothing_behind():
    """11,000 idle, slow and half-open connections, deadline 1500 ms: 20,000 webhooks all 200 within it; the crowd ended, no
    descriptor left."""
    raise_file_limit()
    with Redis() as redis, Server(redis, {"CLIENT_TIMEOUT_MS": CLIENT_TIMEOUT_MS, "ANSWER_DEADLINE_MS": DEADLINE_MS,
                                          "MAX_CONNECTIONS": 15000}) as server:
        start = server.descriptors()
        # Several addresses, or their ports could run out.
        crowd = [raw_socket(server.port, source="127.0.0.%d" % (2 + i % 5)) for i in range(IDLE + SLOW + HALF)]
        slow, half = crowd[IDLE:IDLE + SLOW], crowd[IDLE + SLOW:]
        stop = threading.Event()
        thread = threading.Thread(target=dawdle, args=(slow, stop))
        thread.start()
        try:
            for s in half:
                s.sendall(REQUEST[:50])
            wait_for("the crowd", lambda: server.metric("shopstream_server_connections") >= len(crowd), 15)
            summary = send_webhooks(server)
            check_equal(summary["by_status"], {"200": WEBHOOKS}, "answers")
            check(summary["latency_us"]["max"] < DEADLINE_MS * 1000, "slowest answer: %s us" % summary["latency_us"])
            check_equal(redis.client.xlen("webhooks:{0}"), WEBHOOKS, "entries")
            check(server.metric("shopstream_server_connections") >= len(crowd), "the crowd was held all the time")
            print("# latency, us: %s" % summary["latency_us"], flush=True)
            wait_for("the descriptors of the start", lambda: server.descriptors() <= start, CLIENT_TIMEOUT_MS / 1000 + 15)
            check(server.metric("shopstream_server_slow_clients_total") >= SLOW, "slow clients counted")
            check_equal(server.push(order_event("afterwards"))[0], 200, "afterwards")
        finally:
            stop.set()
            thread.join()
            for s in crowd:
                s.close()


run_cases(globals())
