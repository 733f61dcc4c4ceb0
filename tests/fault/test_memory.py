#!/usr/bin/python3
"""Redis nearly full, with noeviction: the server journals before Redis has to refuse, the workers finish, trimming frees memory, and
everything that was answered 200 is worked off. No 503, no deadlock, nothing lost.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from load import Load  # noqa: E402
from stack import *  # noqa: E402,F403
from test_journal import Journal, Up, journal, wait_drained  # noqa: E402
from world import World, shared_mongo  # noqa: E402


def used(redis):
    return redis.client.info("memory")["used_memory"]


def high(server):
    return server.metric("shopstream_server_high_water") == 1


def push(server, first, count, note=""):
    c = server.connect()
    for order in range(first, first + count):
        check_equal(server.push(order_event(str(order), note=note), connection=c)[0], 200, "answer")
    c.close()


def case_above_the_mark_events_wait_in_the_journal_until_redis_has_room():
    """Journal, REDIS_HIGH_WATER 85, Redis at 90 %: 200 by the journal, nothing drained above the low mark, all 50 stored
    afterwards."""
    with Redis() as redis, Journal() as j, Up(redis, j.settings()) as server:
        push(server, 0, 10)
        redis.client.config_set("maxmemory", used(redis) * 100 // 90)  # 90 percent
        wait_for("the mark", lambda: high(server))
        check(server.ready(), "it can store")
        push(server, 10, 40)
        check_equal((journal(server, "records"), redis.client.xlen("webhooks:{0}")), (40, 10), "where they are")
        time.sleep(1.2)  # longer than the drain waits between two looks
        check_equal(journal(server, "records"), 40, "not drained meanwhile")
        redis.client.config_set("maxmemory", used(redis) * 100 // 82)
        wait_for("the new figure", lambda: server.metric("shopstream_server_redis_used_percent") < 84)
        check(high(server), "between the marks it stays")
        redis.client.config_set("maxmemory", "1gb")
        wait_for("the end", lambda: not high(server))
        wait_drained(server)
        check_equal(redis.client.xlen("webhooks:{0}"), 50, "all of them")


def case_without_a_journal_it_goes_on_until_redis_refuses():
    """No journal, Redis at 90 %: still 200 by Redis, the log says that there is no journal."""
    with Redis() as redis, Up(redis, {}) as server:
        redis.client.config_set("maxmemory", used(redis) * 100 // 90)
        wait_for("the mark", lambda: high(server))
        push(server, 0, 1)
        check("there is no JOURNAL_DIR" in server.log(), "told")


def case_limit_of_ones_own_where_redis_tells_none():
    """maxmemory 0: warned of at start and by --check; with REDIS_MAX_BYTES the mark works all the same."""
    with Redis("--maxmemory", "0") as redis, Journal() as j:
        with Up(redis, j.settings()) as server:
            server.wait_log("redis has no maxmemory")
            check_equal(server.metric("shopstream_server_redis_used_percent"), -1, "unknown")
        with Server(redis, j.settings(REDIS_MAX_BYTES=used(redis))) as server:
            wait_for("the mark", lambda: high(server))
        checked = Program("shopstream-server", {"REDIS_URL": redis.url}, arguments=["--check"])
        with checked:
            check_equal(checked.wait(), 0, "exit status")
            check("redis has no maxmemory" in checked.log(), "told by --check: %s" % checked.log())


def case_policy_that_throws_events_away_is_warned_of():
    """maxmemory-policy allkeys-lru: warned of at start, by --check, and when it is set while the server runs."""
    told = "redis throws keys away when it is full"
    with Redis("--maxmemory-policy", "allkeys-lru") as redis:
        with Program("shopstream-server", {"REDIS_URL": redis.url}, arguments=["--check"]) as checked:
            check_equal(checked.wait(), 0, "exit status")
            check(told in checked.log(), "told by --check: %s" % checked.log())
        with Up(redis, {}) as server:
            server.wait_log(told)
            redis.client.config_set("maxmemory-policy", "noeviction")
    with Redis() as redis, Up(redis, {}) as server:
        wait_for("a look at Redis' memory", lambda: server.metric("shopstream_server_redis_used_percent") >= 0)
        check(told not in server.log(), "told although nothing is thrown away: %s" % server.log())
        redis.client.config_set("maxmemory-policy", "volatile-lru")
        server.wait_log(told)


def case_maxmemory_reached_under_load_and_workers_make_room():
    """Journal, noeviction, 2.5 MB of room, 4,000 events, 2 workers that join late: only 200s, trimming makes room, 0 lost,
    prove agrees.

    The stream is what fills Redis: without workers the server ends up journaling; with them all is worked off."""
    with Journal() as j, World(shops=2, server=j.settings(DEDUPE_WINDOW_MINUTES=0, REPLAY_SECONDS=1),
                               worker={"STREAM_KEEP_MINUTES": 60, "REPLAY_SECONDS": 1}) as world:
        world.worker("before")  # Redis keeps memory for each command it has ever run; that is not what is to fill it
        world.send(world.sim.burst(shops=2, orders=20, events=20, first_number=1000))
        world.settle()
        world.stop_workers()
        world.redis.client.config_set("maxmemory", used(world.redis) + 2_500_000)
        with Load(world, world.sim.burst(shops=2, orders=600, events=4000), rate=1000) as load:
            wait_for("the mark", lambda: high(world.server), 20)
            world.worker()
            world.worker()
            counts = load.finish(statuses=[200])
            check_equal(set(counts), {200}, "answers")
        wait_drained(world.server)
        world.settle(120)
        check(sum(w.metric("shopstream_worker_entries_trimmed_total") for w in world.workers
                  if w.process.poll() is None) > 0, "nothing was trimmed")
        check_equal(world.server.metric('shopstream_server_requests_total{answer="unavailable"}'), 0, "503s")
        world.ctl("prove")
        world.check(entries=False)


shared_mongo()
run_cases(globals())
