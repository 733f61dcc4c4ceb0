#!/usr/bin/python3
"""Redis loses what it has acknowledged: killed, flushed, a stream deleted, an older copy, a replica without the tail.

What holds in every case: as long as the server lives, what was answered 200 is in the stream again, without anybody sending it
again; the ledger has the gap with its size.
"""

import asyncio
import contextlib
import json
import os
import pathlib
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from stack import *  # noqa: E402,F403
from stepping import Stepper  # noqa: E402
from test_journal import Journal, Senders, Up, journal, wait_drained  # noqa: E402

FORGETFUL = ("--appendonly", "no")
STREAM = "webhooks:{0}"


def ring(server, what):
    return server.metric("shopstream_server_ring_" + what)


def gaps(server):
    """The last line of each gap."""
    last = {}
    for line in server.admin("/ledger")[1].splitlines():
        gap = json.loads(line)
        last[gap["gap"]] = gap
    return list(last.values())


def wait_replayed(server):
    """A gap was noticed and closed."""
    try:
        wait_for("closed gaps", lambda: gaps(server) and all(g["state"] == "closed" for g in gaps(server)), 30)
    except Failure as failure:
        raise Failure("%s: %r; %s" % (failure, gaps(server), server.log()[-1500:])) from None
    wait_for("nothing due", lambda: server.metric("shopstream_server_replay_due") == 0)


def total(server, what):
    return sum(g[what] for g in gaps(server))


def there(redis, stored):
    """Orders answered 200 that are not in the stream."""
    return set(stored) - {e["id"] for e in redis.entries()}


def push(server, *orders):
    c = server.connect()
    for order in orders:
        check_equal(server.push(order_event(order), connection=c)[0], 200, "answer")
    c.close()


def load(server, events=300):
    senders = Senders(server)
    wait_for("events", lambda: len(senders.stored) > events)
    return senders


def case_everything_lost_under_load_is_there_again():
    """No AOF, journal, ring of 10 s, Redis killed with -9 under load: 0 of the 200s lost, more than 300 brought back, the
    ledger has the gaps."""
    with Redis(*FORGETFUL) as redis, Journal() as j, Up(redis, j.settings()) as server:
        senders = load(server)
        redis.kill()
        redis.start()
        wait_replayed(server)
        wait_for("events after it", lambda: ring(server, "records") > 0 and redis.client.exists(STREAM))
        stored = senders.finish()
        wait_drained(server)
        check_equal(there(redis, stored), set(), "lost")
        check(total(server, "missing") > 300, "gaps: %r" % gaps(server))
        check_equal({g["reason"] for g in gaps(server)}, {"run_id"}, "reasons")
        check_equal(total(server, "dropped"), 0, "dropped")


def case_everything_lost_without_a_journal():
    """No AOF, no journal, ring of 10 s, Redis killed with -9 after 200 events: 0 lost, 200 brought back and told in the log."""
    with Redis(*FORGETFUL) as redis, Up(redis, {}) as server:
        push(server, *map(str, range(200)))
        redis.kill()
        redis.start()
        wait_replayed(server)
        check_equal(there(redis, map(str, range(200))), set(), "lost")
        check_equal((total(server, "resent"), total(server, "missing")), (200, 200), "told")
        check("redis has lost entries" in server.log(), "log")


def case_killed_redis_with_its_append_only_file_gets_nothing_twice():
    """AOF everysec, ring of 10 s, Redis killed with -9 after 200 events: 200 entries in order, 0 lost, 0 twice."""
    with Redis() as redis, Up(redis, {}) as server:
        push(server, *map(str, range(200)))
        redis.kill()
        redis.start()
        wait_replayed(server)
        check_equal([e["id"] for e in redis.entries()], list(map(str, range(200))), "each once, in order")
        check_equal((total(server, "resent"), total(server, "missing"), total(server, "older")), (200, 0, 0), "told")


def case_flushall_under_load():
    """Journal, ring of 10 s, FLUSHALL twice under load: 0 of the 200s lost, two gaps told."""
    with Redis() as redis, Journal() as j, Up(redis, j.settings(SERVER_THREADS=1)) as server:
        senders = load(server)
        redis.client.flushall()
        wait_replayed(server)
        redis.client.flushall()
        wait_for("the second", lambda: len(gaps(server)) == 2)
        wait_replayed(server)
        stored = senders.finish()
        wait_drained(server)
        check_equal(there(redis, stored), set(), "lost")
        check(total(server, "missing") >= 300, "gaps: %r" % gaps(server))


def case_deleted_stream_keeps_its_marks_and_is_filled_again():
    """Ring of 10 s, marks of 10 min, DEL of the stream after 50 events: 0 lost, 0 twice, the gap told as gone."""
    with Redis() as redis, Up(redis, {}) as server:
        push(server, *map(str, range(50)))
        redis.client.delete(STREAM)
        wait_replayed(server)
        check_equal(there(redis, map(str, range(50))), set(), "lost")
        check_equal({g["reason"] for g in gaps(server)}, {"gone"}, "reasons")
        check_equal(len(redis.entries()), 50, "each once")


def case_ring_at_its_bound_tells_how_much_is_older():
    """REPLAY_MAX_BYTES 65,536, FLUSHALL after 500 events: what the ring held is back, the ledger has the size of the rest,
    the alarm is on."""
    settings = {"SERVER_THREADS": 1, "REPLAY_MAX_BYTES": 65536}
    with Redis() as redis, Up(redis, settings) as server:
        push(server, *map(str, range(500)))
        wait_for("a question after the last event", lambda: redis.client.info("commandstats")["cmdstat_eval"]["calls"] > 1)
        asked = redis.client.info("commandstats")["cmdstat_eval"]["calls"]
        wait_for("another", lambda: redis.client.info("commandstats")["cmdstat_eval"]["calls"] > asked)
        kept = ring(server, "records")
        check(0 < kept < 200 and ring(server, "bytes") <= 65536, "kept: %d" % kept)
        check_equal((ring(server, "early_total"), ring(server, "short")), (500 - kept, 1), "early, alarm")
        redis.client.flushall()
        wait_replayed(server)
        check_equal(len(redis.entries()), kept, "what was kept is there again")
        check_equal((total(server, "missing"), total(server, "older")), (kept, 500 - kept), "told: %r" % gaps(server))


def case_power_cut_within_the_ring_loses_nothing_older():
    """REPLAY_MAX_BYTES 65,536, 300 events, Redis killed with -9 and its append-only file without the last 40: the 40 are back, none
    twice, 0 older although the ring had let go of most."""
    with Redis() as redis, Up(redis, {"SERVER_THREADS": 1, "REPLAY_MAX_BYTES": 65536}) as server:
        push(server, *map(str, range(260)))
        tail = redis.tail()
        push(server, *map(str, range(260, 300)))
        redis.kill_without(tail)
        redis.start()
        wait_replayed(server)
        check_equal(sorted(int(e["id"]) for e in redis.entries()), list(range(300)), "each once")
        check_equal((total(server, "missing"), total(server, "older")), (40, 0), "told: %r" % gaps(server))
        check(total(server, "resent") < 150, "the ring had all: %r" % gaps(server))


def case_power_cut_beyond_the_ring_tells_how_much_is_older():
    """REPLAY_MAX_BYTES 65,536, 1,300 events, Redis killed with -9 and its append-only file without the last 500: what the ring held is
    back, the rest of the 500 is told, never too low and at most 6 % of all too high."""
    with Redis() as redis, Up(redis, {"SERVER_THREADS": 1, "REPLAY_MAX_BYTES": 65536}) as server:
        push(server, *map(str, range(800)))
        tail = redis.tail()
        push(server, *map(str, range(800, 1300)))
        redis.kill_without(tail)
        redis.start()
        wait_replayed(server)
        kept, lost = total(server, "missing"), 1300 - len(redis.entries())
        check(0 < kept < 200 and kept + lost == 500, "brought back, lost: %d, %d" % (kept, lost))
        check(lost <= total(server, "older") <= lost + 1300 * 6 // 100, "%d lost: %r" % (lost, gaps(server)))


def case_second_loss_in_an_open_gap_adds_what_was_older():
    """No journal, REPLAY_MAX_BYTES 65,536, Redis full: a power cut takes the last 500 of 800 events, FLUSHALL the others while the
    first loss is being made good: one gap, and all that the ring had let go of is older, the 300 included."""
    with Redis() as redis, Stepper(redis.port) as proxy:
        url = redis.url.replace(":%d" % redis.port, ":%d" % proxy.port)
        with Up(url, {"SERVER_THREADS": 1, "REPLAY_MAX_BYTES": 65536}) as server:
            push(server, *map(str, range(300)))
            tail = redis.tail()
            push(server, *map(str, range(300, 800)))
            proxy.cut()
            redis.kill_without(tail)
            redis.start()
            redis.client.config_set("maxmemory", 1)
            proxy.heal()
            wait_for("the first loss", lambda: total(server, "older") > 0, 30)
            first = total(server, "older")
            check(300 < first < 600, "older at the first loss: %d" % first)
            redis.client.flushall()
            wait_for("the second", lambda: total(server, "older") > first, 30)
            check_equal([g["state"] for g in gaps(server)], ["open"], "gaps")
            redis.client.config_set("maxmemory", 0)
            wait_replayed(server)
            kept = len(redis.entries())
            check_equal((len(gaps(server)), total(server, "missing"), total(server, "older")), (1, kept, 800 - kept), "told")


def case_ring_forgets_what_redis_has_kept_long_enough():
    """REPLAY_SECONDS 3, Redis frozen for 4.5 s: nothing ages while Redis is silent; afterwards the ring empties, 0 gaps."""
    with Redis() as redis, Up(redis, {"REPLAY_SECONDS": 3}) as server:
        push(server, "1", "2")
        wait_for("two kept", lambda: ring(server, "records") == 2, 2)
        redis.freeze()
        time.sleep(4.5)  # less than makes it drop the connection
        check_equal(ring(server, "records"), 2, "a silent Redis ages nothing")
        redis.thaw()
        wait_for("none kept", lambda: ring(server, "records") == 0)
        check_equal(gaps(server), [], "gaps")


def case_what_a_full_redis_refuses_goes_to_the_journal():
    """Journal, FLUSHALL after 100 events and Redis full: all 100 go to the journal and are stored after a restart of the
    server, 0 lost."""
    with Redis() as redis, Journal() as j, Up(redis, j.settings()) as server:
        push(server, *map(str, range(100)))
        redis.client.flushall()
        redis.client.config_set("maxmemory", 1)
        wait_for("the journal", lambda: server.metric('shopstream_server_replayed_total{result="journaled"}') == 100)
        wait_replayed(server)
        check_equal(total(server, "journaled"), 100, "told")
        server.signal(signal.SIGTERM)  # and the server is started anew in between
        server.wait()
        redis.client.config_set("maxmemory", 0)
        with Up(redis, j.settings()) as second:
            wait_drained(second)
            check_equal(there(redis, map(str, range(100))), set(), "lost")
            check_equal(total(second, "journaled"), 100, "the ledger outlives the server")


def case_without_a_journal_what_is_refused_is_tried_again():
    """No journal, FLUSHALL after 100 events and Redis full: all 100 are tried again until there is room, 0 lost."""
    with Redis() as redis, Up(redis, {}) as server:
        push(server, *map(str, range(100)))
        redis.client.flushall()
        redis.client.config_set("maxmemory", 1)
        wait_for("refusals", lambda: server.metric("shopstream_server_replay_due") == 100)
        redis.client.config_set("maxmemory", 0)
        wait_replayed(server)
        check_equal(there(redis, map(str, range(100))), set(), "lost")


def case_server_stopped_while_redis_is_away_leaves_its_ring_to_the_journal():
    """No AOF, journal, Redis killed after 100 events and the server stopped: the next start stores the 100, 0 lost."""
    with Redis(*FORGETFUL) as redis, Journal() as j:
        with Up(redis, j.settings()) as server:
            push(server, *map(str, range(100)))
            redis.kill()
            wait_for("it to be noticed", lambda: server.metric("shopstream_server_redis_up") == 0)
            server.stop()
        redis.start()
        with Up(redis, j.settings()) as server:
            wait_drained(server)
            check_equal(there(redis, map(str, range(100))), set(), "lost")


def case_server_killed_while_it_sends_again_leaves_a_gap_that_its_next_life_ends():
    """JOURNAL_ALWAYS=1, FLUSHALL after 100 events and Redis full, the server killed with -9 while it sends them again: the next
    server ends the gap, 0 dropped, 0 lost.

    Without the end nobody could ever prove anything again."""
    settings = {"JOURNAL_ALWAYS": 1}
    with Redis(*FORGETFUL) as redis, Journal() as j:
        with Up(redis, j.settings(**settings)) as server:
            push(server, *map(str, range(100)))
            wait_for("them in Redis", lambda: len(redis.entries()) == 100)
            redis.client.config_set("maxmemory", 1)
            redis.client.flushall()
            wait_for("an open gap", lambda: [g for g in gaps(server) if g["state"] == "open"])
            server.process.kill()
            server.wait()
        redis.client.config_set("maxmemory", 0)
        with Up(redis, j.settings(**settings)) as server:
            wait_drained(server)
            check_equal({g["state"] for g in gaps(server)}, {"closed"}, "states")
            check_equal(there(redis, map(str, range(100))), set(), "lost")
            check_equal(total(server, "dropped"), 0, "dropped")


def case_server_stopped_leaves_its_newest_events_in_files_until_redis_has_shown_to_keep_them():
    """JOURNAL_ALWAYS=1, no AOF, SIGTERM after 100 events and then Redis killed: the next start stores the 100, 0 lost, and the
    files go when Redis has kept them.

    A Redis that loses its last second may do so just after the server has left in good order."""
    settings = {"JOURNAL_ALWAYS": 1}
    with Redis(*FORGETFUL) as redis, Journal() as j:
        with Up(redis, j.settings(**settings)) as server:
            push(server, *map(str, range(100)))
            wait_for("them in Redis", lambda: len(redis.entries()) == 100)
            server.stop()
        redis.kill()
        redis.start()
        with Up(redis, j.settings(REPLAY_SECONDS=1, **settings)) as server:
            wait_for("what Redis has lost", lambda: len(redis.entries()) == 100)
            check_equal(there(redis, map(str, range(100))), set(), "lost")
            wait_for("no file left", lambda: not j.segments())


def case_server_killed_with_what_only_its_ring_had_tells_how_much_that_was():
    """No AOF, journal, Redis killed after 100 events and the server killed with -9 while it sends them again: the next server's
    ledger tells 100 dropped, and takes events again."""
    with Redis(*FORGETFUL) as redis, Journal() as j, Stepper(redis.port) as proxy:
        url = redis.url.replace(":%d" % redis.port, ":%d" % proxy.port)
        with Up(url, j.settings(SERVER_THREADS=1)) as server:
            push(server, *map(str, range(100)))
            proxy.cut()
            redis.kill()
            redis.start()
            proxy.stop_at(b"EVALSHA")
            proxy.heal()
            wait_for("an open gap", lambda: [g for g in gaps(server) if g["state"] == "open"])
            server.process.kill()
            server.wait()
        proxy.go_on()
        with Up(url, j.settings(SERVER_THREADS=1)) as server:
            check_equal([(g["state"], g["dropped"]) for g in gaps(server)], [("closed", 100)], "told")
            push(server, "after")
            check_equal(there(redis, ["after"]), set(), "lost")


def case_second_loss_while_a_gap_is_open_counts_when_the_server_dies():
    """No AOF, journal, FLUSHALL after 10 events and again after 90 more, the server killed with -9 while it sends all of them
    again: the next server's ledger tells 100 dropped."""
    with Redis(*FORGETFUL) as redis, Journal() as j, Stepper(redis.port) as proxy:
        url = redis.url.replace(":%d" % redis.port, ":%d" % proxy.port)
        with Up(url, j.settings(SERVER_THREADS=1)) as server:
            push(server, *map(str, range(10)))
            redis.client.flushall()
            wait_for("the first 10", lambda: len(redis.entries()) == 10)
            push(server, *map(str, range(10, 100)))
            proxy.stop_at(b"EVALSHA")
            redis.client.flushall()
            check(proxy.reached.wait(10), "the second loss was not noticed")
            wait_for("its line", lambda: '"due":100}' in pathlib.Path(j.path, "ledger").read_text(encoding="ascii"))
            server.process.kill()
            server.wait()
        proxy.go_on()
        with Up(url, j.settings(SERVER_THREADS=1)) as server:
            check_equal(total(server, "dropped"), 100, "told")


def case_replica_promoted_without_the_tail():
    """Ring of 10 s, the master replaced by a replica that lacks 70 of 120 events: 0 lost, 0 twice, 70 told as missing.

    The master is replaced, at the same address, by a replica that was cut off some events ago."""
    with Redis() as redis, Redis("--replica-read-only", "no") as replica, Up(redis, {}) as server:
        push(server, *map(str, range(50)))
        replica.client.execute_command("REPLICAOF", "127.0.0.1", redis.port)
        wait_for("replication", lambda: replica.client.xlen(STREAM) == 50)
        replica.client.execute_command("REPLICAOF", "NO", "ONE")
        push(server, *map(str, range(50, 120)))
        port = redis.port
        redis.kill()
        with relay(port, replica.port):
            wait_replayed(server)
            check_equal(there(replica, map(str, range(120))), set(), "lost")
            check_equal(total(server, "missing"), 70, "told: %r" % gaps(server))
            check_equal(len(replica.entries()), 120, "each once")


@contextlib.contextmanager
def relay(port, to):
    """Forwards a port, as an address does that moves to another host."""
    loop, started = asyncio.new_event_loop(), threading.Event()

    async def copy(reader, writer):
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def serve(reader, writer):
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", to)
        await asyncio.gather(copy(reader, far_writer), copy(far_reader, writer))

    async def end():
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        [task.cancel() for task in others]
        await asyncio.gather(*others, return_exceptions=True)

    def run():
        asyncio.set_event_loop(loop)
        loop.run_until_complete(asyncio.start_server(serve, "127.0.0.1", port))
        started.set()
        loop.run_forever()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    started.wait(10)
    try:
        yield
    finally:
        asyncio.run_coroutine_threadsafe(end(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def case_restored_older_copy():
    """Ring of 10 s, Redis back with a copy that lacks 60 of 100 events: 0 lost, 60 told as missing."""
    with Redis("--save", "", "--appendonly", "no") as redis, Up(redis, {}) as server:
        push(server, *map(str, range(40)))
        redis.client.save()
        push(server, *map(str, range(40, 100)))
        redis.kill()
        redis.start()
        wait_replayed(server)
        check_equal(there(redis, map(str, range(100))), set(), "lost")
        check_equal((total(server, "resent"), total(server, "missing")), (100, 60), "told: %r" % gaps(server))


def case_always_through_the_journal_and_everything_lost():
    """JOURNAL_ALWAYS=1, no AOF, Redis killed with -9 under load: 0 of the 200s lost, more than 200 brought back."""
    settings = {"JOURNAL_ALWAYS": 1, "JOURNAL_SEGMENT_BYTES": 65536}
    with Redis(*FORGETFUL) as redis, Journal() as j, Up(redis, j.settings(**settings)) as server:
        senders = load(server)
        wait_for("them in Redis", lambda: len(redis.entries()) > 200)
        check(journal(server, "kept_records") > 0, "kept in files")
        redis.kill()
        redis.start()
        wait_for("a gap", lambda: gaps(server))
        stored = senders.finish()
        wait_replayed(server)
        wait_drained(server)
        check_equal(there(redis, stored), set(), "lost")
        check(total(server, "missing") > 200, "told: %r" % gaps(server))


def case_what_the_journal_brought_is_watched_too():
    """No AOF, journal, ring of 3 s, DEL of the stream after 300 drained events: 0 lost, the gap told, files go when all is
    safe."""
    with Redis(*FORGETFUL) as redis, Journal() as j, Up(redis, j.settings(REPLAY_SECONDS=3)) as server:
        redis.kill()
        wait_for("it to be noticed", lambda: server.metric("shopstream_server_redis_up") == 0)
        push(server, *map(str, range(300)))
        redis.start()
        wait_drained(server)
        redis.client.delete(STREAM)  # the marks stay
        wait_for("a gap", lambda: gaps(server))
        wait_drained(server)
        wait_replayed(server)
        check_equal(there(redis, map(str, range(300))), set(), "lost")
        check_equal((total(server, "missing"), {g["reason"] for g in gaps(server)}), (300, {"gone"}), "told")
        wait_for("no file left", lambda: not j.segments())


def case_dead_letters_are_kept_too():
    """Ring of 10 s, FLUSHALL after a signed body that is not JSON: its dead letter is back."""
    with Redis() as redis, Up(redis, {"SERVER_THREADS": 1}) as server:
        check_equal(server.push(b"no json")[0], 200, "answer")
        redis.client.flushall()
        wait_replayed(server)
        check_equal([e["_class"] for e in redis.entries(STREAM + ":dead")], ["bad_payload"], "letters")


if __name__ == "__main__":
    run_cases(globals())
