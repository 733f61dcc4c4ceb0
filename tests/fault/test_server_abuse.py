#!/usr/bin/python3
"""The public port under attack: requests whose end can be read in two ways, floods, odd targets and versions, hostile bodies.

Each request has one exact answer, and whatever was sent, the next good push is answered 200, no memory and no connection
is left behind. What evhttp lets through and could only be seen in the bytes it has already taken (a NUL in a header's
value, bare line feeds) is listed as accepted: the signature is over the body as it was read, so such a push is genuine.
"""

import gzip
import os
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from nginx import Nginx  # noqa: E402
from stack import *  # noqa: E402,F403

CAP = 65536  # MAX_BODY_BYTES of the server below
redis = Redis()
# Without a window: the same push is sent again and again, and each must be seen.
server = Server(redis, {"MAX_BODY_BYTES": CAP, "SERVER_THREADS": 1, "CLIENT_TIMEOUT_MS": 4000, "DEDUPE_WINDOW_MINUTES": 0})
nginx = Nginx(server.port)

FIRST, SECOND = order_event("1"), order_event("2")
LENGTH = b"%d" % len(FIRST)


def head(*lines, target=b"/webhooks/tiktok", version=b"HTTP/1.1", method=b"POST", body=FIRST):
    """A signed request up to and including its empty line."""
    return b"\r\n".join((b"%s %s %s" % (method, target, version), b"Host: x", b"Authorization: " + sign(body).encode(),
                         *lines, b"", b""))


def push(*lines, body=FIRST, **how):
    """A whole signed request with further header lines."""
    return head(*lines, b"Content-Length: %d" % len(body), body=body, **how) + body


def chunks(body=FIRST, size=b"%x", end=b"\r\n", extension=b"", trailer=b""):
    return size % len(body) + extension + end + body + end + b"0" + end + trailer + end


def chunked(*lines, **how):
    return head(b"Transfer-Encoding: chunked", *lines) + chunks(**how)


def sent_and_heard(data, s=None, seconds=1.0):
    """Everything answered, and whether the connection was ended; waits for the end, or for seconds of silence."""
    got = b""
    with s or raw_socket(server.port) as s:
        s.settimeout(seconds)
        try:
            s.sendall(data)
            while True:
                more = s.recv(65536)
                if not more:
                    return got, True
                got += more
        except TimeoutError:
            return got, False
        except OSError:
            return got, True


def statuses(answers):
    return [int(code) for code in re.findall(rb"HTTP/1\.[01] (\d{3}) ", answers)]


LIVE, DEAD = "webhooks:{0}", "webhooks:{0}:dead"
seen = {}  # of each stream the last entry that is of no interest any more; the server would bring flushed ones back


def look_away():
    for stream in (LIVE, DEAD):
        newest = redis.client.xrevrange(stream, count=1)
        seen[stream] = newest[0][0].decode() if newest else "0-0"


def kept(stream):
    """Entries since look_away()."""
    return [{k.decode(): v if k == b"body" else v.decode() for k, v in fields.items()}
            for _, fields in redis.client.xrange(stream, "(" + seen[stream])]


def stored():
    return [e["id"] for e in kept(LIVE)]


def wait_quiet():
    """Everybody gone, nothing in flight."""
    wait_for("no connection", lambda: server.metric("shopstream_server_connections") == 0)
    wait_for("nothing in flight", lambda: server.metric("shopstream_server_inflight") == 0)


def check_well():
    """The server is as it was before."""
    check_equal(server.process.poll(), None, "the server's exit")
    check_equal(server.push(order_event("good"))[0], 200, "the next good push")
    wait_quiet()


OPEN, ENDED = False, True

# What is sent, the statuses that come back, what becomes of the connection, what is stored.
REQUESTS = {
    # Two lengths. SECOND stands behind, or inside, as a request that must never be seen as one.
    "length and chunks": (head(b"Content-Length: " + LENGTH, b"Transfer-Encoding: chunked") + chunks() + push(body=SECOND),
                          [400], ENDED, []),
    "chunks and a short length": (head(b"Transfer-Encoding: chunked", b"Content-Length: 4") + chunks() + push(body=SECOND),
                                  [400], ENDED, []),
    "chunks and length 0": (head(b"Content-Length: 0", b"Transfer-Encoding: chunked") + chunks(), [400], ENDED, []),
    "two lengths": (head(b"Content-Length: " + LENGTH, b"Content-Length: 5") + FIRST + push(body=SECOND), [400], ENDED, []),
    "two lengths, the short one first": (head(b"Content-Length: 5", b"Content-Length: " + LENGTH) + FIRST, [400], ENDED, []),
    "the same length twice": (head(b"Content-Length: " + LENGTH, b"Content-Length: " + LENGTH) + FIRST, [400], ENDED, []),
    "a list of lengths": (head(b"Content-Length: " + LENGTH + b", " + LENGTH) + FIRST, [400], ENDED, []),
    # Lengths that are none.
    "length with a plus": (head(b"Content-Length: +" + LENGTH) + FIRST, [400], ENDED, []),
    "length in hex": (head(b"Content-Length: 0x10") + FIRST, [400], ENDED, []),
    "negative length": (head(b"Content-Length: -1") + FIRST, [400], ENDED, []),
    "empty length": (head(b"Content-Length: ") + FIRST, [400], ENDED, []),
    "length with a tail": (head(b"Content-Length: " + LENGTH + b"x") + FIRST, [400], ENDED, []),
    "length of 2^63 - 1": (head(b"Content-Length: 9223372036854775807") + FIRST, [413], ENDED, []),
    "length beyond 64 bits": (head(b"Content-Length: 99999999999999999999") + FIRST, [413], ENDED, []),
    "no length": (head() + FIRST + push(body=SECOND), [400], ENDED, []),
    # Transfer codings.
    "chunked, misspelt": (head(b"Transfer-Encoding: xchunked") + chunks() + push(body=SECOND), [400], ENDED, []),
    "chunked behind a vertical tab": (head(b"Transfer-Encoding: \x0bchunked") + chunks() + push(body=SECOND), [400], ENDED, []),
    "gzip, chunked": (head(b"Transfer-Encoding: gzip, chunked") + chunks(), [400], ENDED, []),
    "chunked, identity": (head(b"Transfer-Encoding: chunked, identity") + chunks(), [400], ENDED, []),
    "identity and a length": (push(b"Transfer-Encoding: identity"), [400], ENDED, []),
    "two codings": (head(b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity") + chunks(), [400], ENDED, []),
    "two codings, chunked last": (head(b"Transfer-Encoding: identity", b"Transfer-Encoding: chunked") + chunks(), [400],
                                  ENDED, []),
    "chunks in HTTP/1.0": (head(b"Transfer-Encoding: chunked", version=b"HTTP/1.0") + chunks(), [400], ENDED, []),
    # Chunks: sound ones are taken, what looks like a request behind them is not.
    "chunks with a request behind": (chunked() + push(body=SECOND), [200], ENDED, ["1"]),
    "chunk size with 0x": (chunked(size=b"0x%x") + push(body=SECOND), [200], ENDED, ["1"]),
    "chunk size with a plus": (chunked(size=b"+%x") + push(body=SECOND), [200], ENDED, ["1"]),
    "chunk size with a space": (chunked(size=b" %x") + push(body=SECOND), [200], ENDED, ["1"]),
    "chunk lines without CR": (chunked(end=b"\n") + push(body=SECOND), [200], ENDED, ["1"]),
    "chunk extension behind a space": (chunked(extension=b" ;a=b") + push(body=SECOND), [200], ENDED, ["1"]),
    "chunk extension": (chunked(extension=b";a=b") + push(body=SECOND), [413], ENDED, []),
    "chunk size negative": (chunked(size=b"-%x"), [413], ENDED, []),
    "chunk size with a tail": (chunked(size=b"%xzz"), [413], ENDED, []),
    "chunk size empty": (head(b"Transfer-Encoding: chunked") + b"\r\n" + FIRST + b"\r\n", [413], ENDED, []),
    "chunk size of 2^63 - 1": (head(b"Transfer-Encoding: chunked") + b"7fffffffffffffff\r\n" + FIRST, [413], ENDED, []),
    "chunk size of 2^64 - 1": (head(b"Transfer-Encoding: chunked") + b"ffffffffffffffff\r\n" + FIRST, [413], ENDED, []),
    "chunk size beyond 64 bits": (head(b"Transfer-Encoding: chunked") + b"f" * 20 + b"\r\n" + FIRST, [413], ENDED, []),
    "chunk longer than it says": (head(b"Transfer-Encoding: chunked") + b"5\r\n" + FIRST + b"\r\n0\r\n\r\n", [413], ENDED, []),
    "trailers": (chunked(trailer=b"Authorization: x\r\nContent-Length: 5\r\n") + push(body=SECOND), [200], ENDED, ["1"]),
    "trailers without end": (chunked(trailer=b"X: " + b"y" * 40000 + b"\r\n"), [413], ENDED, []),
    # Lines and names.
    "a folded length": (head(b"Content-Length:\r\n " + LENGTH) + FIRST, [400], ENDED, []),
    "a folded coding": (head(b"Transfer-Encoding:\r\n chunked") + chunks(), [400], ENDED, []),
    "a folded first line": (push().replace(b"Host:", b" Host:"), [400], ENDED, []),
    "a folded header of no meaning": (push(b"X: a\r\n b"), [200], OPEN, ["1"]),
    "a space before the length's colon": (head(b"Content-Length : " + LENGTH) + FIRST, [400], ENDED, []),
    "a space before the coding's colon": (push(b"Transfer-Encoding : chunked"), [400], ENDED, []),
    "a tab before the coding's colon": (push(b"Transfer-Encoding\t: chunked"), [400], ENDED, []),
    "a name of no letters": (push(b": x"), [400], ENDED, []),
    "a name with UTF-8": (push(b"X\xc3\xa9: x"), [400], ENDED, []),
    "a line without a colon": (push(b"garbage"), [400], ENDED, []),
    "a bare CR in a value": (push(b"X: a\rContent-Length: 3"), [400], ENDED, []),
    "bare line feeds": (push().replace(b"\r\n", b"\n"), [200], OPEN, ["1"]),
    "a NUL in a name": (push(b"X\0Y: x"), [400], ENDED, []),
    "a NUL in a value": (push(b"X: a\0b"), [200], OPEN, ["1"]),
    "a NUL in the target": (push(target=b"/webhooks/tiktok\0x"), [400], ENDED, []),
    "an empty line first": (b"\r\n" + push(), [400], ENDED, []),
    "two signatures, the wrong one first": (push().replace(b"Host: x", b"Authorization: x"), [401], OPEN, []),
    # Versions.
    "HTTP/0.9": (b"GET /webhooks/tiktok\r\n", [400], ENDED, []),
    "HTTP/0.9 with a body": (b"POST /webhooks/tiktok\r\n\r\n" + FIRST, [400], ENDED, []),
    "HTTP/1.0": (push(version=b"HTTP/1.0"), [200], ENDED, ["1"]),
    "HTTP/0.1": (push(version=b"HTTP/0.1"), [400], ENDED, []),
    "HTTP/1.2": (push(version=b"HTTP/1.2"), [200], OPEN, ["1"]),
    "HTTP/1.1x": (push(version=b"HTTP/1.1x"), [400], ENDED, []),
    "http/1.1": (push(version=b"http/1.1"), [400], ENDED, []),
    "HTTP/2.0": (push(version=b"HTTP/2.0"), [400], ENDED, []),
    "the preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", [400], ENDED, []),
    "an upgrade to HTTP/2": (push(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk"),
                             [200], OPEN, ["1"]),
    # Targets.
    "absolute form": (push(target=b"http://elsewhere/webhooks/tiktok"), [200], ENDED, ["1"]),
    "authority form": (push(target=b"x:443"), [404], OPEN, []),
    "asterisk form": (push(target=b"*"), [404], OPEN, []),
    "two slashes": (push(target=b"//webhooks/tiktok"), [404], OPEN, []),
    "percent-encoded": (push(target=b"/webhooks/%74iktok"), [404], OPEN, []),
    "dots": (push(target=b"/x/../webhooks/tiktok"), [404], OPEN, []),
    "a parameter": (push(target=b"/webhooks/tiktok;x"), [404], OPEN, []),
    "a slash at the end": (push(target=b"/webhooks/tiktok/"), [404], OPEN, []),
    "a space inside": (push(target=b"/webhooks/tiktok x"), [404], OPEN, []),
    "backslashes": (push(target=b"\\webhooks\\tiktok"), [404], OPEN, []),
    "bytes above 127": (push(target=b"/webhooks/tikt\xf6k"), [404], OPEN, []),
    "no target": (push(target=b""), [400], ENDED, []),
    "15 KB of query": (push(target=b"/webhooks/tiktok?" + b"x" * 15000), [200], OPEN, ["1"]),
    "20 KB of query": (push(target=b"/webhooks/tiktok?" + b"x" * 20000), [400], ENDED, []),
    # Methods; a body behind them is never a request.
    "post": (push(method=b"post"), [501], ENDED, []),
    "BREW": (push(method=b"BREW"), [501], ENDED, []),
    "a method of 5 KB": (push(method=b"P" * 5000), [501], ENDED, []),
    "CONNECT": (head(target=b"x:443", method=b"CONNECT") + push(body=SECOND), [404], ENDED, []),
    "CONNECT with a body": (push(target=b"x:443", method=b"CONNECT", body=push(body=SECOND)), [404], ENDED, []),
    "CONNECT in chunks": (head(b"Transfer-Encoding: chunked", method=b"CONNECT") + chunks(push(body=SECOND)), [404], ENDED, []),
    "HEAD with a body": (push(method=b"HEAD", body=push(body=SECOND)), [405], ENDED, []),
    "TRACE with a body": (push(method=b"TRACE", body=push(body=SECOND)), [405], ENDED, []),
    "GET with a body": (push(method=b"GET", body=push(body=SECOND)), [405], ENDED, []),
    "DELETE in chunks": (head(b"Transfer-Encoding: chunked", method=b"DELETE") + chunks(push(body=SECOND)), [405], ENDED, []),
    # Expectations.
    "another expectation": (push(b"Expect: tea"), [417], ENDED, []),
    "100-continue for too much": (head(b"Expect: 100-continue", b"Content-Length: 999999"), [413], ENDED, []),
    "100-continue for an unsigned push": (push(b"Expect: 100-continue").replace(sign(FIRST).encode(), b"0" * 64),
                                          [401], OPEN, []),
    # Encodings: the signature is over the bytes as they come, and nothing is ever unpacked.
    "an encoding that is not one": (push(b"Content-Encoding: gzip"), [200], OPEN, ["1"]),
    "an unsigned compressed body": (push(body=gzip.compress(FIRST)).replace(sign(gzip.compress(FIRST)).encode(), b"0" * 64),
                                    [401], OPEN, []),
    # Many headers, and too many.
    "1,000 headers": (push(*(b"X%d: y" % i for i in range(1000))), [200], OPEN, ["1"]),
    "4,000 longer headers": (push(*(b"X%d: y" % i for i in range(4000))), [400], ENDED, []),
    "a header of 20 KB": (push(b"X: " + b"y" * 20000), [400], ENDED, []),
}


def case_each_odd_request_has_its_answer_and_no_second_request_comes_of_it():
    """About 100 requests that can be read in two ways, over the cap, or no HTTP: each gets its one answer, no hidden request
    is stored, service goes on."""
    wrong = []

    def one(name):
        data, codes, ended, ids = REQUESTS[name]
        look_away()
        answers, end = sent_and_heard(data, seconds=0.4 if not ended else 3)
        actual = ([c for c in statuses(answers) if c != 100], end, stored())
        if actual != (codes, ended, ids):
            wrong.append("%s: %r, expected %r" % (name, actual, (codes, ended, ids)))

    [one(name) for name in REQUESTS]
    check_equal(wrong, [], "wrong answers")
    check_well()


def case_a_line_without_end_is_cut_off_before_it_costs_anything():
    """Chunk lines without end, up to 64 MB: cut off, less than 2 s of CPU each.

    evhttp has no limit for a chunk's size line and searches all of it at every read: the server's own limit ends it."""
    def work():
        with open("/proc/%d/stat" % server.pid) as f:
            ticks = f.read().rsplit(")", 1)[1].split()
        return (int(ticks[11]) + int(ticks[12])) / os.sysconf("SC_CLK_TCK")

    # Sent before the cut is seen: at most what the kernel's buffers hold besides the limit.
    for name, line in (("size", b"0" * 65536), ("extension", b"5;" + b"a" * 65536), ("1-byte chunks", b"1\r\nx\r\n" * 10000)):
        dropped, before, sent = server.metric("shopstream_server_dropped_connections_total"), work(), 0
        with raw_socket(server.port, timeout=2) as s:
            try:
                s.sendall(head(b"Transfer-Encoding: chunked"))
                while sent < 64 << 20:
                    sent += s.send(line)
            except OSError:
                pass
        check(sent < 64 << 20, "%s: cut off" % name)
        wait_for("it counted", lambda: server.metric('shopstream_server_dropped_connections_total') > dropped or
                 name == "1-byte chunks")
        check(work() - before < 2.0, "%s: %.2f s of CPU" % (name, work() - before))
    check_well()


def case_who_sends_on_after_a_refusal_is_not_read_any_more():
    """64 MB sent on after a refusal, three ways: peak memory grows by less than 20 MB."""
    with Server(redis, {"MAX_BODY_BYTES": CAP, "SERVER_THREADS": 1}, build=RELEASE) as other:
        def resident(word):
            with open("/proc/%d/status" % other.pid) as f:
                return int(re.search(word + r":\s+(\d+)", f.read()).group(1))

        start = resident("VmRSS")
        for line in (b"P" * 65536, b" \n" * 32768, b"X: y\r\n" * 10000):
            with raw_socket(other.port, timeout=2) as s:
                sent = 0
                try:
                    while sent < 64 << 20:
                        sent += s.send(line)
                except OSError:
                    pass
        check(resident("VmHWM") - start < 20000, "peak memory above the start: %d KiB" % (resident("VmHWM") - start))


def case_a_flood_of_hostile_clients_delays_nobody_and_leaves_nothing():
    """24 hostile clients for 5 s: good pushes 200 within 1.5 s, no descriptor and no request left.

    Half requests, header floods and byte-wise senders together, while good pushes go on being answered."""
    with Server(redis, {"SERVER_THREADS": 1, "CLIENT_TIMEOUT_MS": 1500}) as other:
        start, stop, hostile = other.descriptors(), threading.Event(), [0]

        def flood(data, piece):
            while not stop.is_set():
                with contextlib.suppress(OSError), raw_socket(other.port, timeout=3) as s:
                    hostile[0] += 1
                    for i in range(0, len(data), piece):
                        s.sendall(data[i:i + piece])
                        if stop.wait(0.01):
                            return
                    s.recv(100)

        threads = [threading.Thread(target=flood, args=how) for how in (
            (push(*(b"X%d: y" % i for i in range(4000))), 4096), (head(b"Content-Length: 1000000"), 1),
            (chunked()[:-3], 50), (b"\0" * 100000, 10000), (head(b"Transfer-Encoding: chunked") + b"0" * 500000, 50000),
            (b"GET / HTTP/1.1\r\n" + b"X-A: b\r\n" * 100000, 20000)) for _ in range(4)]
        [t.start() for t in threads]
        try:
            until, i = time.monotonic() + 5, 0
            while time.monotonic() < until:
                i += 1
                began = time.monotonic()
                check_equal(other.push(order_event("f%d" % i))[0], 200, "a good push meanwhile")
                check(time.monotonic() - began < 1.5, "in time")
        finally:
            stop.set()
            [t.join() for t in threads]
        check(hostile[0] >= 30, "%d hostile connections" % hostile[0])
        wait_for("their descriptors", lambda: other.descriptors() <= start)
        wait_for("nothing in flight", lambda: other.metric("shopstream_server_inflight") == 0)


def case_hostile_bodies_that_are_signed_are_kept_as_dead_letters_or_stored():
    """Signed bodies with depth, width, NUL, no UTF-8: 200, kept once and byte by byte, as a dead letter where they say
    nothing.

    Depth, width, text that is no UTF-8, NUL bytes: 200, the bytes untouched, as a dead letter when they say nothing."""
    valid = json.loads(order_event("7"))
    deep = order_event("7", note=None)[:-len(b"null}")]
    bodies = {  # dead letter?
        b"[" * 60000: True,
        b'{"a":' * 12000: True,
        deep + b"[" * 20000 + b"]" * 20000 + b"}": True,
        json.dumps({**valid, **{"k%d" % i: i for i in range(4000)}}).encode(): False,
        json.dumps({**valid, "wide": [0] * 20000}).encode(): False,
        order_event("7").replace(b'"7"', b'"\xff\xfe"'): True,
        order_event("7") + b"\0": True,
        b"\0" * 1000: True,
        order_event("7").replace(b'"7"', b'"7\\u0000"'): False,
        order_event("7").replace(b'"7"', b'"\\ud800"'): True,
        order_event("7", tts_notification_id="n" * 5000): None,
        gzip.compress(order_event("7")): True,
        b"\xef\xbb\xbf" + order_event("7"): True,
        b"1e999999": True,
        b'{"type":1' + b"0" * 5000 + b"}": True,
    }
    for body, dead in bodies.items():
        look_away()
        check_equal(server.push(body), (200, b""), "answer to %r" % body[:40])
        live, letters = kept(LIVE), kept(DEAD)
        check_equal(len(live) + len(letters), 1, "kept once: %r" % body[:40])
        check_equal((live + letters)[0]["body"], body, "kept byte by byte")
        check(dead is None or bool(letters) == dead, "dead letter %s: %r" % (dead, body[:60]))
    check_well()


def case_compressed_bodies_are_not_unpacked():
    """A signed gzip of 60 KB that unpacks to 60 MB: 200, kept as sent, as a dead letter.

    A bomb of 60 KB that unpacks to 60 MB is 60 KB of a signed body that is not JSON."""
    bomb = gzip.compress(b" " * (60 << 20))
    look_away()
    check(len(bomb) < CAP, "the bomb fits")
    check_equal(server.push(bomb, {"Content-Encoding": "gzip"})[0], 200, "answer")
    check_equal(kept(DEAD)[0]["body"], bomb, "the bytes as sent")
    check_well()


def case_admin_paths_are_404_on_the_public_port_and_webhooks_on_the_admin_port():
    """Two ports: admin paths are 404 on the public one, webhooks 404 on the admin one, which listens on loopback only."""
    for path in ("/metrics", "/healthz", "/readyz", "/", "//metrics", "/webhooks/../metrics", "/webhooks/tiktok/../../metrics"):
        for method in ("GET", "POST"):
            answer, text = server.exchange(method, path, FIRST if method == "POST" else None, signed(FIRST))
            check(answer.status == 404 and b"shopstream_" not in text, "%s %s: %s" % (method, path, answer.status))
    check_equal(server.admin("/webhooks/tiktok")[0], 404, "a webhook on the admin port")
    addresses = {line.split()[1] for name in ("tcp", "tcp6") for line in open("/proc/%d/net/%s" % (server.pid, name))
                 if line.split()[1].endswith(":%04X" % server.admin_port) and line.split()[3] == "0A"}
    check_equal(addresses, {"0100007F:%04X" % server.admin_port}, "the admin port listens on loopback only")


def case_an_old_push_sent_again_changes_nothing():
    """Marks of 10 min, a push of years ago sent three times: 200 three times, 1 entry.

    Neither marketplace signs a time: a captured push verifies for ever. Within the window its mark tells it, after it the
    worker, which asks the marketplace again and writes nothing older."""
    look_away()
    body = order_event("1", update_time=1500000000)
    with Server(redis, {"SERVER_THREADS": 1}) as other:
        check_equal([other.push(body)[0] for _ in range(3)], [200, 200, 200], "answers")
    check_equal(stored(), ["1"], "entries")


def case_files_are_0600_and_directories_0700_whatever_the_umask():
    """Journal, umask 0: directory 0700, files 0600."""
    parent = tempfile.mkdtemp(prefix="shopstream-abuse-")
    try:
        directory = os.path.join(parent, "journal")
        before = os.umask(0)
        try:
            other = Server(redis, {"JOURNAL_DIR": directory, "JOURNAL_ALWAYS": 1})
        finally:
            os.umask(before)
        with other:
            check_equal(other.push(order_event("5"))[0], 200, "answer")
            check_equal(os.stat(directory).st_mode & 0o777, 0o700, "the directory")
            modes = {name: os.stat(os.path.join(directory, name)).st_mode & 0o777 for name in os.listdir(directory)}
            check(len(modes) >= 2, "a lock and a segment: %r" % modes)
            check_equal(set(modes.values()), {0o600}, "files: %r" % modes)
            other.stop()
    finally:
        shutil.rmtree(parent)


def case_no_secret_is_in_log_metrics_command_line_or_dead_letters():
    """LOG_LEVEL debug, good and forged pushes: no secret, password or signature where people look."""
    secret, redis_password = "s3cr3t-of-the-app", "r3dis-p4ss"
    url = redis.url.replace("redis://", "redis://:%s@" % redis_password)
    redis.client.config_set("requirepass", redis_password)
    try:
        with Server(url, {"TIKTOK_APP_SECRET": secret, "LOG_LEVEL": "debug", "SHOPEE_PUSH_KEY": "sh0pee-k3y",
                          "SHOPEE_CALLBACK_URL": "https://a/"}) as other:
            for body in (order_event("1"), b"garbage", b"{}"):
                check_equal(other.push(body, secret=secret)[0], 200, "answer")
                check_equal(other.push(body, secret="wrong")[0], 401, "answer")
            signatures = [sign(b, s) for b in (b"garbage", b"{}") for s in (secret, "wrong")]
            with open("/proc/%d/cmdline" % other.pid) as f:
                line = f.read()
            kept = repr(redis_client.Redis(port=redis.port, password=redis_password).xrange("webhooks:{0}:dead"))
            check(kept.count("garbage") >= 1, "dead letters are there")
            for place, text in (("log", other.log()), ("metrics", other.admin("/metrics")[1] + other.admin("/readyz")[1]),
                                ("command line", line), ("dead letters", kept)):
                for word in (secret, redis_password, "sh0pee-k3y", *signatures):
                    check(word not in text, "%r is in the %s" % (word, place))
    finally:
        redis_client.Redis(port=redis.port, password=redis_password).config_set("requirepass", "")


def requests_seen():
    return sum(int(line.rsplit(" ", 1)[1]) for line in server.admin("/metrics")[1].splitlines()
               if line.startswith("shopstream_server_requests_total{"))


def case_behind_nginx_no_request_is_smuggled_in():
    """nginx before the server, the same odd requests: no more requests than answers, nobody else's answer moves.

    Of each odd request the server sees no more requests than the client gets answers, and nobody else's answer moves."""
    victim = nginx.connect()
    wrong = []
    for name, (data, _, _, _) in REQUESTS.items():
        before = requests_seen()
        answers, _ = sent_and_heard(data, nginx.raw(), 0.3)
        codes = [c for c in statuses(answers) if c != 100]
        if requests_seen() - before > max(len(codes), bool(answers)):  # HTTP/0.9 has no status line
            wrong.append("%s: %d requests, %r" % (name, requests_seen() - before, codes))
        body = order_event("victim-" + name.replace(" ", "-"), note=name)
        look_away()
        answer, _ = server.exchange("POST", "/webhooks/tiktok", body, signed(body), victim)
        if answer.status != 200 or [e["body"] for e in kept(LIVE)] != [body]:
            wrong.append("after %s somebody else got %d" % (name, answer.status))
    victim.close()
    check_equal(wrong, [], "smuggled")


try:
    run_cases(globals())
finally:
    nginx.close()
    server.close()
    redis.close()
