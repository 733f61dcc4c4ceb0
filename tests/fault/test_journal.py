#!/usr/bin/python3
"""The server's journal: Redis away, frozen, full, read-only; the disk full; the server killed, stopped, started again.

What holds in every case: what was answered 200 is in the stream afterwards, nothing is answered 200 that is in neither,
and the journal is empty once Redis is back.
"""

import collections
import os
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from stack import *  # noqa: E402,F403

DEADLINE_MS = 600  # of it the journal has 200
SMALL = {"JOURNAL_SEGMENT_BYTES": 65536, "JOURNAL_MAX_BYTES": 1 << 30}


class Journal:
    """A directory for a journal; Journal(megabytes=n): a disk of its own."""

    def __init__(self, megabytes=None):
        self.top = tempfile.mkdtemp(prefix="shopstream-journal-")
        self.mounted = megabytes is not None
        if self.mounted:
            root = [] if os.geteuid() == 0 else ["sudo", "-n"]
            self.umount = [*root, "umount", self.top]
            subprocess.run([*root, "mount", "-t", "tmpfs", "-o", "size=%dm,mode=0777" % megabytes, "tmpfs", self.top],
                           check=True)
        self.path = os.path.join(self.top, "j")

    def settings(self, **more):
        return dict({"JOURNAL_DIR": self.path, "ANSWER_DEADLINE_MS": DEADLINE_MS, "JOURNAL_BUDGET_MS": 200}, **more)

    def segments(self):
        return sorted(f for f in os.listdir(self.path) if f.endswith(".journal"))

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        if self.mounted:
            subprocess.run(self.umount, check=True)
        shutil.rmtree(self.top, ignore_errors=True)


class Senders:
    """Threads that push one order after another, each once, and keep what was answered. A refused connection or one that
    ends without an answer is no answer."""

    def __init__(self, server, threads=4, note=""):
        self.server, self.note = server, note
        self.stored, self.statuses, self.slowest = set(), collections.Counter(), 0.0
        self.stop, self.lock = threading.Event(), threading.Lock()
        self.threads = [threading.Thread(target=self.run, args=(n,), daemon=True) for n in range(threads)]
        [t.start() for t in self.threads]

    def run(self, sender):
        c, i = None, 0
        while not self.stop.is_set():
            i += 1
            order = "%x-%d-%d" % (id(self), sender, i)
            began = time.monotonic()
            try:
                c = c or self.server.connect()
                status, _ = self.server.push(order_event(order, note=self.note), connection=c)
            except (OSError, http.client.HTTPException):
                status, c = "connection", None
                time.sleep(0.01)
            with self.lock:
                self.statuses[status] += 1
                self.slowest = max(self.slowest, time.monotonic() - began)
                if status == 200:
                    self.stored.add(order)
        if c:
            c.close()

    def finish(self):
        self.stop.set()
        [t.join() for t in self.threads]
        return self.stored


def Up(redis, settings):
    """A server with all its connections to Redis: with a journal it is ready before."""
    server = Server(redis, settings)
    try:
        wait_for("Redis", lambda: server.metric("shopstream_server_redis_up") == int(settings.get("SERVER_THREADS", 2)))
    except BaseException:
        server.close()
        raise
    return server


def journal(server, what):
    return server.metric("shopstream_server_journal_" + what)


def wait_drained(server, seconds=60):
    wait_for("an empty journal", lambda: journal(server, "records") == 0, seconds)


def check_all_there(redis, stored, once=True):
    """Each order that was answered 200 is in the stream, and once."""
    counts = collections.Counter(e["id"] for e in redis.entries())
    lost = set(stored) - set(counts)
    check(stored and not lost, "%d answered 200, lost: %r" % (len(stored), sorted(lost)[:5]))
    if once:
        check_equal([i for i in stored if counts[i] > 1][:5], [], "orders stored twice")


def case_redis_down_means_200_and_what_was_stored_is_drained_in_order():
    """Journal, ring of 1 s, 300 events while Redis is down: all 200; once it is back, 300 entries in order, each once, and
    no file left."""
    with Redis() as redis, Journal() as j, Up(redis, j.settings(REPLAY_SECONDS=1)) as server:
        redis.kill()
        wait_for("it to be noticed", lambda: server.metric("shopstream_server_redis_up") == 0)
        orders = [str(n) for n in range(300)]
        c = server.connect()
        for order in orders:
            check_equal(server.push(order_event(order), connection=c)[0], 200, "answer")
        c.close()
        status, text = server.admin("/readyz")
        check_equal(status, 200, "ready: it can store")
        check("redis: 0 of 2" in text and "journal: can store, 300 records" in text, text)
        wait_for("the gauge", lambda: journal(server, "records") == 300)
        check(journal(server, "oldest_milliseconds") > 0 and journal(server, "bytes") > 100000, "gauges")
        redis.start()
        wait_drained(server)
        check_equal([e["id"] for e in redis.entries()], orders, "entries")
        check_equal(len(redis.client.keys("webhooks:{0}:seen:*")), 300, "marks")
        check_equal(server.push(order_event("direct"))[0], 200, "afterwards")
        wait_for("no file left", lambda: not j.segments())


def case_server_killed_with_events_in_several_segments():
    """Journal in segments of 64 KiB, Redis down, the server killed with -9 under load: after the next start every 200 is in
    the stream once, no byte damaged."""
    with Redis() as redis, Journal() as j:
        redis.kill()
        with Server(redis, j.settings(**SMALL)) as server:
            senders = Senders(server)
            wait_for("several segments", lambda: len(j.segments()) > 5)
            server.signal(signal.SIGKILL)
            server.wait()
            stored = senders.finish()
            check_equal(set(senders.statuses), {200, "connection"}, "answers")
        redis.start()
        with Server(redis, j.settings(**SMALL)) as server:
            wait_drained(server)
            check_all_there(redis, stored)
            check_equal(journal(server, "damaged_bytes_total"), 0, "damaged")


def case_torn_tail_is_cut_at_the_next_start_and_counted():
    """Journal with half a record at its end, as a crash leaves it: the 3 whole records are stored in order, 1 torn tail is
    counted."""
    with Redis() as redis, Journal() as j:
        redis.kill()
        with Server(redis, j.settings()) as server:
            check_equal([server.push(order_event(str(n)))[0] for n in range(3)], [200] * 3, "answers")
            server.signal(signal.SIGKILL)
            server.wait()
        with open(os.path.join(j.path, j.segments()[0]), "ab") as f:
            f.write(b"\xb7JR\x0a\x00\x10\x00\x00half a record")
        redis.start()
        with Server(redis, j.settings()) as server:
            wait_drained(server)
            check_equal(journal(server, "torn_total"), 1, "torn")
            check_equal([e["id"] for e in redis.entries()], ["0", "1", "2"], "entries")


def case_frozen_redis_is_given_its_part_of_the_deadline_and_then_the_journal_answers():
    """Deadline 600 ms, 200 of it for the journal, Redis frozen: the first 200 comes after 0.35 to 0.6 s, 49 more without
    waiting; after the thaw 50 entries in order, 0 twice."""
    with Redis() as redis, Journal() as j, Up(redis, j.settings(SERVER_THREADS=1)) as server:
        redis.freeze()
        began = time.monotonic()
        check_equal(server.push(order_event("0"))[0], 200, "first")
        took = time.monotonic() - began
        check(0.35 < took < DEADLINE_MS / 1000, "answered after %.2f s" % took)
        began = time.monotonic()
        for n in range(1, 50):
            check_equal(server.push(order_event(str(n)))[0], 200, "next")
        check(time.monotonic() - began < 5, "no further one waits for Redis")
        redis.thaw()
        wait_drained(server)
        wait_for("the late reply", lambda: server.metric("shopstream_server_inflight") == 0)
        check_equal([e["id"] for e in redis.entries()], [str(n) for n in range(50)], "each once, in order")


def case_xadd_frozen_half_way_is_found_by_its_mark():
    """Journal, Redis pauses writes for 1.5 s between the look for the mark and XADD: 200 by the journal, 0 lost, 2 copies at
    most.

    Redis answers the GET and stops before the XADD: both it and the journal then have the event."""
    with Redis() as redis, Journal() as j, Up(redis, j.settings(SERVER_THREADS=1)) as server:
        redis.client.client_pause(1500, all=False)  # writes wait, reads are served
        check_equal(server.push(order_event("1"))[0], 200, "answer")
        wait_drained(server)
        wait_for("it in the stream", lambda: redis.client.xlen("webhooks:{0}") > 0, 5)
        check_all_there(redis, {"1"}, once=False)
        check(len(redis.entries()) <= 2, "copies: %d" % len(redis.entries()))


def refusing(redis):
    """(name, begin, end) of the ways a real Redis refuses to store."""
    r = redis.client
    yield "OOM", lambda: r.config_set("maxmemory", 1), lambda: r.config_set("maxmemory", 0)
    yield ("READONLY", lambda: r.execute_command("REPLICAOF", "127.0.0.1", "1"),
           lambda: r.execute_command("REPLICAOF", "NO", "ONE"))
    yield ("WRONGTYPE", lambda: (r.rename("webhooks:{0}", "aside"), r.set("webhooks:{0}", "no stream")),
           lambda: (r.delete("webhooks:{0}"), r.rename("aside", "webhooks:{0}")))
    yield ("NOREPLICAS", lambda: r.config_set("min-replicas-to-write", 1),
           lambda: r.config_set("min-replicas-to-write", 0))
    yield ("NOAUTH", lambda: (r.config_set("requirepass", "s3cret"), r.client_kill_filter(_type="normal", skipme=True)),
           lambda: r.config_set("requirepass", ""))
    yield ("NOPERM", lambda: r.execute_command("ACL", "SETUSER", "default", "-xadd"),
           lambda: r.execute_command("ACL", "SETUSER", "default", "+xadd"))


def case_redis_that_refuses_is_as_good_as_none():
    """Journal, Redis refuses in six ways (OOM, READONLY, WRONGTYPE, NOREPLICAS, NOAUTH, NOPERM), 20 events each: all 200 and
    ready, each stored once afterwards, no password logged."""
    with Redis() as redis, Journal() as j, Up(redis, j.settings()) as server:
        check_equal(server.push(order_event("before"))[0], 200, "before")
        stored = {"before"}
        for name, begin, end in refusing(redis):
            begin()
            for n in range(20):
                check_equal(server.push(order_event("%s-%d" % (name, n)))[0], 200, name)
                stored.add("%s-%d" % (name, n))
            check(server.ready(), "ready during " + name)
            check(journal(server, "records") > 0 or name == "READONLY", "in the journal during " + name)
            end()
            wait_drained(server)
            check_all_there(redis, stored)
        check("s3cret" not in server.log(), "no password in the log")


def case_misconf_after_a_failed_rewrite_of_the_disk_is_journaled():
    """Journal, Redis cannot save and answers MISCONF: 19 events 200 by the journal, all stored once when it can save again.

    MISCONF: Redis cannot save and stops taking writes."""
    with Redis() as redis, Journal() as j, Up(redis, j.settings()) as server:
        redis.client.config_set("save", "1 1")
        os.chmod(os.path.join(redis.directory, "redis"), 0o500)
        blocked = os.path.join(redis.directory, "redis", "dump.rdb")
        os.mkdir(blocked)  # a directory where the file has to go: also root fails
        try:
            server.push(order_event("0"))

            def refuses():
                with contextlib.suppress(redis_client.ResponseError):
                    redis.client.bgsave()
                try:
                    redis.client.set("probe", "x")
                except redis_client.ResponseError as e:
                    return "MISCONF" in str(e)
                return False

            wait_for("MISCONF", refuses, 20)
            check_equal([server.push(order_event(str(n)))[0] for n in range(1, 20)], [200] * 19, "answers")
            check(journal(server, "written_total") >= 19, "in the journal")
        finally:
            os.rmdir(blocked)
            os.chmod(os.path.join(redis.directory, "redis"), 0o700)
        redis.client.config_set("save", "")
        redis.client.config_set("stop-writes-on-bgsave-error", "no")
        wait_drained(server)
        check_all_there(redis, {str(n) for n in range(20)})


def case_full_disk_refuses_with_503_and_takes_again_when_there_is_space():
    """Redis down, the journal's disk of 2 MB full: 503 with the reason, not ready, 0 of the 200s lost, 200 again once there
    is space."""
    with Redis() as redis, Journal(megabytes=2) as j, Up(redis, j.settings(**SMALL)) as server:
        redis.kill()
        stored, full, note = set(), 0, "x" * 20000
        for n in range(200):
            status, text = server.push(order_event(str(n), note=note))
            check(status in (200, 503), "status %d" % status)
            full += status == 503
            if status == 200:
                stored.add(str(n))
            else:
                check(b"neither Redis nor the journal" in text, "reason")
        check(full > 20 and len(stored) > 50, "%d stored, %d refused" % (len(stored), full))
        check(not server.ready(), "not ready: it can store nowhere")
        check(journal(server, "refused_total") >= full, "counted")
        check_equal(server.metric('shopstream_server_unavailable_total{reason="journal"}'), full, "counted by reason")
        check(server.log().count("journal cannot store") <= 2, "not a line a request")
        redis.start()
        wait_drained(server)
        check_equal(server.push(order_event("after"))[0], 200, "after")
        check_all_there(redis, stored)
        redis.kill()
        check_equal(server.push(order_event("again", note=note))[0], 200, "there is space again")


# Flushes of data do not return while the file HANG names exists.
HANGING = r"""
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int fdatasync(int fd)
{
    const struct timespec a_while = {.tv_nsec = 10000000};
    while (access(getenv("HANG"), F_OK) == 0)
        nanosleep(&a_while, NULL);
    return (int)syscall(SYS_fdatasync, fd);
}
"""


@contextlib.contextmanager
def HangingDisk(j):
    """(settings, hang, go on) of a server whose flushes can be made to hang."""
    library, flag = os.path.join(j.top, "hang.so"), os.path.join(j.top, "hang")
    subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", library], input=HANGING.encode(), check=True)
    more = {"LD_PRELOAD": library, "HANG": flag,
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}
    try:
        yield more, lambda: open(flag, "w").close(), lambda: os.unlink(flag)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(flag)


def case_disk_that_hangs_does_not_make_a_redis_that_works_wait():
    """Deadline 600 ms, the journal's fdatasync hangs: while Redis works 50 events get 200 within 5 s, with Redis down 503
    within the deadline, 0 of the 200s lost."""
    with Redis() as redis, Journal() as j, HangingDisk(j) as (more, hang, go_on):
        with Up(redis, j.settings(SERVER_THREADS=1, **more)) as server:
            hang()
            redis.freeze()
            first = server.push(order_event("first"))  # to the journal, which never says anything
            check_equal(first[0], 503, "neither in time")
            redis.thaw()
            wait_for("Redis", lambda: server.metric("shopstream_server_redis_up") == 1)
            check(journal(server, "records") > 0, "the journal still owes its word")
            wait_for("it to be told", lambda: "the disk does not answer" in server.admin("/readyz")[1], 2)
            check(server.ready(), "Redis stores")
            began = time.monotonic()
            for n in range(50):
                check_equal(server.push(order_event(str(n)))[0], 200, "answer")
            check(time.monotonic() - began < 5, "without waiting for the disk")
            redis.kill()
            began = time.monotonic()
            check_equal(server.push(order_event("last"))[0], 503, "neither")
            check(time.monotonic() - began < DEADLINE_MS / 1000 + 0.3, "in time")
            check(not server.ready(), "not ready: neither stores")
            redis.start()
            go_on()
            wait_drained(server)
            # A kill while a flush of the append-only file was slow loses some, which the ring brings back.
            wait_for("all of them", lambda: {str(n) for n in range(50)} <= {e["id"] for e in redis.entries()})


def case_disk_that_begins_to_hang_behind_a_redis_that_works_costs_no_answer():
    """Journal asked first while Redis is frozen, then its disk hangs and Redis wakes up: the next event is 200 by Redis, 0
    lost."""
    with Redis() as redis, Journal() as j, HangingDisk(j) as (more, hang, go_on):
        with Up(redis, j.settings(SERVER_THREADS=1, **more)) as server:
            hang()
            redis.freeze()
            first = threading.Thread(target=server.push, args=(order_event("0"),))
            first.start()
            wait_for("it to be the journal's", lambda: journal(server, "records") == 1)
            redis.thaw()
            check_equal(server.push(order_event("1"))[0], 200, "first the journal was asked, then Redis")
            first.join()
            go_on()
            wait_drained(server)
            check_all_there(redis, {"0", "1"}, once=False)


def case_at_its_bound_the_journal_refuses_and_redis_is_asked_instead():
    """JOURNAL_MAX_BYTES 100,000, Redis down: 200 up to the bound, then 503, never more bytes than the bound; every 200
    stored once when Redis is back."""
    with Redis() as redis, Journal() as j, Up(redis, j.settings(JOURNAL_MAX_BYTES=100000,
                                                                  JOURNAL_SEGMENT_BYTES=16384)) as server:
        redis.kill()
        stored, statuses = set(), []
        while 503 not in statuses and len(statuses) < 1000:
            statuses.append(server.push(order_event(str(len(statuses))))[0])
        check_equal(statuses[-1], 503, "at the bound")
        check(journal(server, "bytes") <= 100000, "bytes")
        stored = {str(n) for n in range(len(statuses) - 1)}
        redis.start()
        wait_for("Redis", lambda: server.metric("shopstream_server_redis_up") == 2)
        check_equal(server.push(order_event("now"))[0], 200, "by Redis or the journal")
        wait_drained(server)
        check_all_there(redis, stored | {"now"})


def case_two_servers_need_two_directories():
    """Two servers, one JOURNAL_DIR: the second one ends at start and names the setting."""
    with Redis() as redis, Journal() as j, Server(redis, j.settings()):
        second = Program("shopstream-server", dict(j.settings(), REDIS_URL=redis.url, LISTEN="127.0.0.1:0",
                                                   ADMIN_LISTEN="off", TIKTOK_APP_KEY=APP_KEY,
                                                   TIKTOK_APP_SECRET=APP_SECRET))
        try:
            check(second.wait(10) != 0, "the second one ends")
            check("JOURNAL_DIR" in second.log() and "in use by another server" in second.log(), second.log())
        finally:
            second.close()


def case_sigterm_with_redis_away_ends_soon_and_the_next_start_drains():
    """Journal with 50 events, Redis down, SIGTERM: ends within 8 s; the next start stores all 50 in order."""
    with Redis() as redis, Journal() as j:
        redis.kill()
        with Server(redis, j.settings()) as server:
            check_equal([server.push(order_event(str(n)))[0] for n in range(50)], [200] * 50, "answers")
            began = time.monotonic()
            server.stop()
            check(time.monotonic() - began < 8, "ended after %.1f s" % (time.monotonic() - began))
        check_equal(len(j.segments()), 1, "segments")
        redis.start()
        with Server(redis, j.settings()) as server:
            wait_drained(server)
            check_equal([e["id"] for e in redis.entries()], [str(n) for n in range(50)], "entries")


def case_sigterm_with_redis_frozen_and_requests_open_answers_them_200_from_the_journal():
    """Journal, DRAIN_MS 500, Redis frozen, 20 requests open, SIGTERM: all 20 get 200, end within 4 s, 0 lost after the next
    start."""
    with Redis() as redis, Journal() as j:
        with Up(redis, j.settings(ANSWER_DEADLINE_MS=2900, DRAIN_MS=500)) as server:
            redis.freeze()
            got = []
            threads = [threading.Thread(target=lambda i=i: got.append(server.push(order_event(str(i)))[0]))
                       for i in range(20)]
            [t.start() for t in threads]
            wait_for("all in flight", lambda: server.metric("shopstream_server_inflight") == 20)
            began = time.monotonic()
            server.stop()
            check(time.monotonic() - began < 4, "ended after %.1f s" % (time.monotonic() - began))
            [t.join() for t in threads]
            check_equal(got, [200] * 20, "answers")
            redis.thaw()
        with Server(redis, j.settings()) as server:
            wait_drained(server)
            check_all_there(redis, {str(n) for n in range(20)}, once=False)


def case_sigterm_empties_the_journal_first_when_redis_takes_it():
    """Journal with 200 events, Redis awake again, SIGTERM: all of them stored before the end. The file stays, because Redis may
    lose them yet; the next life stores none of it twice and then deletes it."""
    with Redis() as redis, Journal() as j, Up(redis, j.settings()) as server:
        redis.freeze()
        server.push(order_event("0"))
        stored = {str(n) for n in range(200)}
        check_equal({server.push(order_event(n))[0] for n in stored}, {200}, "answers")
        redis.thaw()
        server.stop()
        check_all_there(redis, stored, once=False)
        before = len(redis.entries())
        with Up(redis, j.settings(REPLAY_SECONDS=1)):
            wait_for("no file left", lambda: not j.segments())
        check_equal(len(redis.entries()), before, "entries")


def case_always_means_every_event_is_on_disk_before_it_is_answered():
    """JOURNAL_ALWAYS=1, Redis killed and then the server killed with -9 under load: 0 of the 200s lost after the next start."""
    with Redis() as redis, Journal() as j:
        with Server(redis, j.settings(JOURNAL_ALWAYS=1)) as server:
            senders = Senders(server)
            wait_for("answers before the crash", lambda: senders.statuses[200] >= 200, 30)
            redis.kill()
            redis.start()
            before = senders.statuses[200]
            wait_for("answers after it", lambda: senders.statuses[200] >= before + 200, 30)
            server.signal(signal.SIGKILL)
            server.wait()
            stored = senders.finish()
            check_equal(set(senders.statuses), {200, "connection"}, "answers")
        with Server(redis, j.settings(JOURNAL_ALWAYS=1)) as server:
            wait_drained(server)
            check_all_there(redis, stored, once=False)
            before = journal(server, "written_total")
            check_equal(server.push(order_event("1"))[0], 200, "answer")
            check_equal(journal(server, "written_total"), before + 1, "written")


def case_always_needs_a_directory():
    """JOURNAL_ALWAYS=1 without JOURNAL_DIR: refuses to start and says why."""
    with Redis() as redis:
        server = Program("shopstream-server", {"REDIS_URL": redis.url, "JOURNAL_ALWAYS": 1, "LISTEN": "127.0.0.1:0"})
        try:
            check(server.wait(10) != 0 and "JOURNAL_ALWAYS: needs JOURNAL_DIR" in server.log(), server.log())
        finally:
            server.close()


def case_bodies_at_the_cap_pass_through_the_journal_unharmed():
    """Journal in segments of 64 KiB, Redis down, 5 bodies of exactly 1 MiB and signed garbage: stored byte by byte, the
    garbage as a dead letter."""
    with Redis() as redis, Journal() as j, Server(redis, j.settings(**SMALL)) as server:
        redis.kill()
        bodies = []
        for n in range(5):
            body = order_event(str(n), note="")
            bodies.append(order_event(str(n), note=chr(97 + n) * (1048576 - len(body)), notification=str(n + 1)))
            bodies[-1] += b" " * (1048576 - len(bodies[-1]))
            check_equal(server.push(bodies[-1])[0], 200, "answer")
        check_equal(server.push(b"signed garbage")[0], 200, "a dead letter")
        redis.start()
        wait_drained(server)
        check_equal([e["body"] for e in redis.entries()], bodies, "bodies")
        check_equal([e["body"] for e in redis.entries("webhooks:{0}:dead")], [b"signed garbage"], "dead letters")


def case_without_a_directory_503_as_ever():
    """No JOURNAL_DIR, Redis down: 503."""
    with Redis() as redis, Server(redis) as server:
        redis.kill()
        check_equal(server.push(order_event("1"))[0], 503, "answer")
        check("journal" not in server.admin("/readyz")[1], "no word of a journal")


def case_load_during_all_of_it_and_every_200_accounted_for():
    """Journal in segments of 64 KiB, AOF always, Redis frozen, full and killed under load, twice over: only 200s, none later
    than 2 s, 0 lost."""
    with Redis() as redis, Journal() as j, Up(redis, j.settings(**SMALL)) as server:
        redis.client.config_set("appendfsync", "always")
        senders = Senders(server)
        try:
            for _ in range(2):
                time.sleep(0.3)
                redis.freeze()
                time.sleep(1.2)
                redis.thaw()
                time.sleep(0.3)
                redis.client.config_set("maxmemory", 1)
                time.sleep(0.5)
                redis.client.config_set("maxmemory", 0)
                time.sleep(0.2)
                redis.kill()
                time.sleep(0.5)
                redis.start()
                redis.client.config_set("appendfsync", "always")
            wait_for("the end of draining under load", lambda: journal(server, "records") < 20)
        finally:
            stored = senders.finish()
        wait_drained(server)
        check_equal(set(senders.statuses), {200}, "answers")
        check(senders.slowest < 2, "slowest answer %.2f s" % senders.slowest)
        check_all_there(redis, stored, once=False)
        check_equal(journal(server, "damaged_bytes_total"), 0, "damaged")


if __name__ == "__main__":
    run_cases(globals())
