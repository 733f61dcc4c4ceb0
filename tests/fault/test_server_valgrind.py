#!/usr/bin/python3
"""The server's shutdown under valgrind, with Redis frozen and requests pending: no invalid access, nothing leaked."""

import os
import shutil
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from stack import *  # noqa: E402,F403

VALGRIND = ["valgrind", "--error-exitcode=99", "--leak-check=full", "--show-leak-kinds=all",
            "--errors-for-leak-kinds=definite,indirect", "-q"]
# jemalloc never joins its thread, whose stack valgrind then takes for a leak.
ALLOCATOR = {"MALLOC_CONF": "background_thread:false"}


def shut_down(freeze, **settings):
    wanted = {"ANSWER_DEADLINE_MS": 2900, "DRAIN_MS": 700, **ALLOCATOR}
    wanted.update(settings)
    with Redis() as redis, Server(redis, wanted, wrapper=VALGRIND, build=RELEASE) as server:
        check_equal([server.push(b, timeout=30)[0] for b in (order_event("1"), b"garbage", order_event("2"))],
                    [200] * 3, "answers")
        check_equal(server.push(b"x" * 2000000, timeout=30)[0], 413, "too large")
        half = raw_socket(server.port)
        half.sendall(b"POST /webhooks/tiktok HTTP/1.1\r\nContent-Le")
        idle = raw_socket(server.port)
        got = []
        if freeze:
            redis.freeze()
        threads = [threading.Thread(target=lambda i=i: got.append(server.push(order_event("p%d" % i), timeout=30)[0]))
                   for i in range(10)]
        [t.start() for t in threads]
        if freeze:
            wait_for("all in flight", lambda: server.metric("shopstream_server_inflight") == 10, 20)
        else:
            [t.join() for t in threads]
        server.stop(60)
        [t.join() for t in threads]
        check_equal(got, [503 if freeze else 200] * 10, "answers at shutdown")
        check("==" not in server.log(), "valgrind said: " + server.log()[-3000:])
        half.close()
        idle.close()


def case_valgrind_is_installed():
    """The machine that runs the tests: valgrind is there."""
    check(shutil.which("valgrind"), "valgrind is missing")


def case_shutdown_with_redis_frozen_and_requests_pending_is_clean():
    """Under valgrind, DRAIN_MS 700, Redis frozen, 10 requests open, SIGTERM: all 503, no invalid access, no leak."""
    shut_down(True)


def case_shutdown_of_an_idle_server_is_clean():
    """Under valgrind, SIGTERM after good, odd and half requests: all answered, no invalid access, no leak."""
    shut_down(False)


def case_shutdown_after_redis_was_lost_is_clean():
    """Under valgrind, Redis frozen and killed with a request open, SIGTERM: no invalid access, no leak."""
    with Redis() as redis, Server(redis, ALLOCATOR, wrapper=VALGRIND, build=RELEASE) as server:
        redis.freeze()
        thread = threading.Thread(target=lambda: server.push(order_event("1"), timeout=30))
        thread.start()
        wait_for("it in flight", lambda: server.metric("shopstream_server_inflight") == 1, 20)
        redis.kill()
        thread.join()
        server.stop(60)
        check("==" not in server.log(), "valgrind said: " + server.log()[-3000:])


run_cases(globals())
