"""Servers under test, for the flow and fault tests: start, wait until ready, stop by pid.

    with Redis() as redis, Server(redis) as server:
        status, body = server.push(order_event("576653688135258178"))

Everything lives in a temporary directory and listens on free loopback ports. Nothing is waited for by sleeping: readiness
is polled, and a wait that runs out is an error with the program's log in it.

A test program lists its cases and calls run_cases(globals()); each prints `ok NAME` or `not ok NAME: reason`, and the
exit status is 1 when one failed. Arguments select cases by substring.
"""

import concurrent.futures
import contextlib
import glob
import hashlib
import hmac
import http.client
import itertools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

import redis as redis_client

import matrix

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("SHOPSTREAM_BUILD", os.path.join(ROOT, "build"))
RELEASE = os.environ.get("SHOPSTREAM_RELEASE", BUILD)  # without sanitizers: for valgrind and for load

APP_KEY = "abcdef"
APP_SECRET = "123"


class Failure(Exception):
    """A check of a case did not hold."""


def check(condition, what):
    if not condition:
        raise Failure(what)


def check_equal(actual, expected, what):
    if actual != expected:
        raise Failure("%s: %r, expected %r" % (what, actual, expected))


def wait_for(what, condition, seconds=10.0):
    """Polls until condition() is true and returns its value."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failure("waited %g s for %s" % (seconds, what))
        time.sleep(0.01)


class Redis:
    """A Redis of its own (deploy/stack/redis), restartable with its data."""

    def __init__(self, *arguments):
        self.arguments = arguments
        self.directory = tempfile.mkdtemp(prefix="shopstream-redis-")
        self.url = None
        self.client = None
        self.start()

    def _stack(self, verb, *arguments):
        script = os.path.join(ROOT, "deploy", "stack", "redis")
        done = subprocess.run([script, verb, self.directory, *arguments], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        if done.returncode != 0:
            raise Failure("deploy/stack/redis %s: %s" % (verb, done.stderr.strip()))

    def start(self):
        self._stack("start", *self.arguments)
        with open(os.path.join(self.directory, "env")) as env:
            self.url = re.search(r"^REDIS_URL=['\"]?([^'\"\n]+)", env.read(), re.M).group(1)
        self.client = redis_client.Redis.from_url(self.url, socket_timeout=10)

    def stop(self):
        self._stack("stop")

    def kill(self):
        self._stack("kill")

    def tail(self):
        """Where what is written from now on begins, for kill_without(). With everysec a slow flush puts off writes as well."""
        self.client.config_set("appendfsync", "always")
        files = glob.glob(os.path.join(self.directory, "redis", "appendonlydir", "*.incr.aof"))
        return {path: os.path.getsize(path) for path in files}

    def kill_without(self, tail):
        """As a power cut: with appendfsync everysec no disk had the tail."""
        self.kill()
        for path, size in tail.items():
            if os.path.exists(path):
                os.truncate(path, size)

    @property
    def port(self):
        return int(re.search(r":(\d+)(/|$)", self.url).group(1))

    @property
    def pid(self):
        with open(os.path.join(self.directory, "redis.pid")) as f:
            return int(f.read())

    def freeze(self):
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self):
        os.kill(self.pid, signal.SIGCONT)

    def entries(self, stream="webhooks:{0}"):
        """All entries of a stream, as dictionaries of text (body: bytes)."""
        return [{k.decode(): v if k == b"body" else v.decode() for k, v in fields.items()}
                for _, fields in self.client.xrange(stream)]

    def close(self):
        with contextlib.suppress(Exception):
            self.thaw()
        self._stack("kill")
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        self.close()


class Program:
    """A program of ours: settings by environment, log on standard error, stopped by pid."""

    def __init__(self, name, settings, wrapper=(), build=BUILD, arguments=()):
        self.name = name
        self.directory = tempfile.mkdtemp(prefix="shopstream-%s-" % name)
        self.log_path = os.path.join(self.directory, "log")
        # Only what a test sets and what a sanitizer reads: a developer's settings must not change a test.
        environment = {k: v for k, v in os.environ.items()
                       if k in ("PATH", "HOME", "TMPDIR", "SHOPSTREAM_RUN") or k.endswith("SAN_OPTIONS")}
        environment.update({k: str(v) for k, v in settings.items()})
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen([*wrapper, os.path.join(build, name), *arguments], env=environment,
                                            stderr=log, stdout=log, stdin=subprocess.DEVNULL)

    @property
    def pid(self):
        return self.process.pid

    def log(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()

    def fail(self, what):
        raise Failure("%s: %s; its log ends:\n%s" % (self.name, what, self.log()[-3000:]))

    def wait_log(self, pattern, seconds=20.0):
        """Waits for a log line that matches; returns the match."""
        deadline = time.monotonic() + seconds
        while True:
            match = re.search(pattern, self.log())
            if match:
                return match
            if self.process.poll() is not None:
                self.fail("ended with %s before %r" % (self.process.returncode, pattern))
            if time.monotonic() > deadline:
                self.fail("no %r in its log for %g s" % (pattern, seconds))
            time.sleep(0.01)

    def descriptors(self):
        return len(os.listdir("/proc/%d/fd" % self.pid))

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, seconds=30.0):
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.fail("still runs after %g s" % seconds)

    def stop(self, seconds=30.0):
        """SIGTERM; the exit status must be 0 and the log free of sanitizer output."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        status = self.wait(seconds)
        if status != 0:
            self.fail("exit status %s" % status)
        for word in ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "WARNING: ThreadSanitizer", "runtime error:",
                     "[warn]", "[err]"):
            if word in self.log():
                self.fail("%r in its log" % word)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, *ignored):
        try:
            if kind is None and self.process.poll() is None:
                self.stop()
        finally:
            self.close()


class Server(Program):
    """shopstream-server, ready when the constructor returns (ready=False: listening)."""

    def __init__(self, redis, settings=None, ready=True, wrapper=(), build=BUILD):
        wanted = {"REDIS_URL": redis if isinstance(redis, str) else redis.url, "LISTEN": "127.0.0.1:0",
                  "ADMIN_LISTEN": "127.0.0.1:0", "TIKTOK_APP_KEY": APP_KEY, "TIKTOK_APP_SECRET": APP_SECRET}
        wanted.update(settings or {})
        super().__init__("shopstream-server", wanted, wrapper, build)
        try:
            match = self.wait_log(r"msg=listening .*\bport=(\d+) admin_port=(-?\d+)", 60)
            self.port, self.admin_port = int(match.group(1)), int(match.group(2))
            if ready:
                self.wait_ready()
        except BaseException:
            self.close()
            raise

    def admin(self, path):
        """(status, text) of the admin port."""
        c = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=10)
        try:
            c.request("GET", path)
            answer = c.getresponse()
            return answer.status, answer.read().decode()
        finally:
            c.close()

    def ready(self):
        return self.admin("/readyz")[0] == 200

    def wait_ready(self, seconds=60.0):
        wait_for("readiness", self.ready, seconds)

    def metric(self, name):
        """The value of a metric, labels included in name."""
        for line in self.admin("/metrics")[1].splitlines():
            if line.startswith(name + " "):
                return int(float(line[len(name):]))
        raise Failure("no metric %s" % name)

    def connect(self, timeout=10):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def push(self, body, headers=None, path="/webhooks/tiktok", connection=None, secret=APP_SECRET, timeout=10):
        """Sends one signed push; (status, answer body)."""
        answer, text = self.exchange("POST", path, body, signed(body, headers, secret), connection, timeout)
        return answer.status, text

    def exchange(self, method, path, body, headers, connection=None, timeout=10, chunked=False):
        c = connection or self.connect(timeout)
        try:
            c.request(method, path, body=body, headers=headers, encode_chunked=chunked)
            answer = c.getresponse()
            return answer, answer.read()
        finally:
            if not connection:
                c.close()


# ---------------------------------------------------------------- webhooks

_notifications = itertools.count(7380066284010030890)


def sign(body, secret=APP_SECRET, app_key=APP_KEY):
    return hmac.new(secret.encode(), app_key.encode() + body, hashlib.sha256).hexdigest()


def signed(body, headers=None, secret=APP_SECRET):
    """Headers of a signed push; a header given as None is left out."""
    wanted = {"Content-Type": "application/json", "Authorization": sign(body, secret)}
    wanted.update(headers or {})
    return {k: v for k, v in wanted.items() if v is not None}


def event(kind, data, shop="7495540735365777507", notification=None, **more):
    """A TikTok push as bytes; notification: None = a new id, "" = none at all."""
    push = {"type": kind, "timestamp": 1767704407, "data": data}
    if notification != "":
        push["tts_notification_id"] = notification or str(next(_notifications))
    if shop is not None:
        push["shop_id"] = shop
    push.update(more)
    return json.dumps(push, separators=(",", ":"), ensure_ascii=False).encode()


def order_event(order_id, status="UNPAID", update_time=1767704400, **more):
    return event(1, {"order_id": order_id, "order_status": status, "is_on_hold_order": False,
                     "update_time": update_time}, **more)


def raw_socket(port, timeout=10, source=None):
    return socket.create_connection(("127.0.0.1", port), timeout=timeout,
                                    source_address=(source, 0) if source else None)


# ---------------------------------------------------------------- cases

def run_case(name, function):
    """Runs one case and prints its line; False: it failed. Where a table of cases is wanted, it is told what became of it."""
    started = time.monotonic()
    table, told = os.environ.get("SHOPSTREAM_MATRIX"), None
    try:
        if table:
            told = matrix.row(os.path.basename(sys.argv[0]), name, function.__doc__)
        function()
        line = "ok %s (%.1f s)" % (name, time.monotonic() - started)
    except Failure as failure:
        line = "not ok %s: %s" % (name, failure)
    except Exception:  # anything else is a failure too, with its place
        line = "not ok %s: %s" % (name, traceback.format_exc().strip().replace("\n", " | "))
    if told:
        matrix.record(table, told, line.startswith("ok "))
    print(line + "\n", end="", flush=True)
    return line.startswith("ok ")


def run_cases(namespace, width=1):
    """Runs every function named case_*, in the order of the file; exits. width: so many at a time, for cases that mostly wait
    and share nothing."""
    cases = [(name[5:], function) for name, function in namespace.items() if name.startswith("case_")
             and (len(sys.argv) == 1 or any(wanted in name for wanted in sys.argv[1:]))]
    if width == 1:
        passed = [run_case(*case) for case in cases]
    else:
        with concurrent.futures.ThreadPoolExecutor(width) as pool:
            passed = list(pool.map(lambda case: run_case(*case), cases))
    sys.exit(0 if all(passed) else 1)
