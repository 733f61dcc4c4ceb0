"""The faults of a storm (storm.py), by lane: what strikes one part of the system, one fault after another.

A lane draws its schedule before anything runs: when, which fault, for how long, and the seed of the fault's own dice. A fault is
a method of that name; it strikes, pauses as long as it lasts and heals what it broke, also when the storm is called off.
"""

import collections
import glob
import os
import random
import signal
import time

import redis as redis_client

from load import signal_mongo, stopped
HOUR = 3600

Fault = collections.namedtuple("Fault", "begin lane name seconds seed")


class Lane:
    name = ""
    faults = {}       # {name: (weight, shortest, longest)}, seconds
    rest = (1.0, 5.0)  # seconds between two faults

    def __init__(self, storm):
        self.storm = storm

    def draw(self, dice, seconds):
        """The schedule of so many seconds."""
        drawn, at = [], dice.uniform(1, 1 + self.rest[1])
        names = sorted(self.faults)
        while at < seconds:
            name = dice.choices(names, [self.faults[n][0] for n in names])[0]
            length = dice.uniform(*self.faults[name][1:])
            drawn.append(Fault(at, self.name, name, length, dice.randrange(1 << 30)))
            at += length + dice.uniform(*self.rest)
        return drawn

    def run(self, schedule):
        """Thread: every fault at its time, or when the one before it is over."""
        try:
            for fault in schedule:
                if not self.storm.wait_until(fault.begin):
                    return
                getattr(self, fault.name)(fault.seconds, random.Random(fault.seed))
                self.storm.met["%s.%s" % (self.name, fault.name)] += 1
                self.after()
        except Exception as problem:
            self.storm.call_off("lane %s" % self.name, problem)

    def after(self):
        """Between two faults."""

    def pause(self, seconds):
        self.storm.pause(seconds)


# ---------------------------------------------------------------- Redis and servers

class RedisLane(Lane):
    name = "redis"
    faults = {"kill": (3, 0.2, 3), "power_cut": (3, 0.2, 2), "restart": (2, 0.2, 2), "freeze": (3, 0.5, 6)}
    rest = (3.0, 8.0)

    def again(self):
        self.storm.world.redis.start()
        self.storm.restarts["redis"] += 1

    def kill(self, seconds, dice):
        self.storm.world.redis.kill()
        self.pause(seconds)
        self.again()

    def power_cut(self, seconds, dice):
        """As kill, and what was written within the last second is gone: with appendfsync everysec no disk had it."""
        redis = self.storm.world.redis
        files = glob.glob(os.path.join(redis.directory, "redis", "appendonlydir", "*.incr.aof"))
        sizes = {path: os.path.getsize(path) for path in files}
        self.pause(1.0)
        redis.kill()
        for path, size in sizes.items():
            if os.path.exists(path):
                os.truncate(path, size)
        self.pause(seconds)
        self.again()

    def restart(self, seconds, dice):
        self.storm.world.redis.stop()
        self.pause(seconds)
        self.again()

    def freeze(self, seconds, dice):
        with stopped(self.storm.world.redis.pid):
            self.pause(seconds)


class ServerLane(Lane):
    """The server, and its network to Redis."""
    name = "server"
    faults = {"kill_server": (3, 0.1, 1), "stop_server": (3, 0.1, 1), "slow": (2, 1, 4), "silence": (2, 1, 5), "cut": (2, 0.1, 1),
              "half_close": (2, 0.5, 2), "refuse": (2, 0.5, 3)}
    rest = (3.0, 8.0)

    def kill_server(self, seconds, dice):
        self.storm.end_server(signal.SIGKILL)
        self.pause(seconds)
        self.storm.start_server()

    def stop_server(self, seconds, dice):
        self.storm.end_server(signal.SIGTERM)
        self.pause(seconds)
        self.storm.start_server()

    def slow(self, seconds, dice):
        bad_network(self, "slow", [self.storm.edge], seconds, dice)

    def silence(self, seconds, dice):
        bad_network(self, "silence", [self.storm.edge], seconds, dice)

    def cut(self, seconds, dice):
        bad_network(self, "cut", [self.storm.edge], seconds, dice)

    def half_close(self, seconds, dice):
        bad_network(self, "half_close", [self.storm.edge], seconds, dice)

    def refuse(self, seconds, dice):
        bad_network(self, "refuse", [self.storm.edge], seconds, dice)


class EdgeLane(RedisLane, ServerLane):
    """Both in one lane: without JOURNAL_ALWAYS a server that dies while Redis forgets takes the only copy along."""
    name = "edge"
    faults = dict(RedisLane.faults, **ServerLane.faults)
    rest = (3.0, 6.0)

    def after(self):
        self.storm.wait_replayed()


def bad_network(lane, how, proxies, seconds, dice):
    try:
        for proxy in proxies:
            if how == "slow":
                proxy.slow(dice.randrange(50, 600))
            else:
                getattr(proxy, how)()
        lane.pause(seconds)
    finally:
        for proxy in proxies:
            proxy.heal()


class MemoryLane(Lane):
    """Redis' memory: near its limit the server journals, at the limit Redis refuses everybody."""
    name = "memory"
    faults = {"nearly_full": (1, 2, 5), "full": (1, 1, 4)}
    rest = (8.0, 20.0)

    def nearly_full(self, seconds, dice):
        self.limit(0.9, seconds)

    def full(self, seconds, dice):
        self.limit(1.05, seconds)

    def limit(self, share, seconds):
        """A Redis that is down meanwhile comes back with its usual limit."""
        before = self.ask(lambda client: client.config_get("maxmemory")["maxmemory"])
        self.ask(lambda client: client.config_set("maxmemory", int(client.info("memory")["used_memory"] / share)))
        try:
            self.pause(seconds)
        finally:
            self.ask(lambda client: client.config_set("maxmemory", before))

    def ask(self, question):
        deadline = time.monotonic() + 120
        while True:
            try:
                return question(self.storm.world.redis.client)
            except redis_client.RedisError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)


# ---------------------------------------------------------------- MongoDB

class MongoLane(Lane):
    name = "mongo"
    faults = {"kill_front": (2, 0.2, 3), "kill_storage": (2, 0.2, 3), "kill_all": (2, 0.2, 3), "restart": (1, 0.2, 2),
              "freeze_front": (2, 0.5, 6), "freeze_storage": (2, 0.5, 6)}
    rest = (4.0, 10.0)

    def again(self):
        self.storm.world.mongo.start()
        self.storm.restarts["mongo"] += 1

    def kill(self, part, seconds):
        signal_mongo(self.storm.world, part, signal.SIGKILL)
        self.pause(seconds)
        self.again()

    def kill_front(self, seconds, dice):
        self.kill("mongo", seconds)

    def kill_storage(self, seconds, dice):
        self.kill("postgres", seconds)

    def kill_all(self, seconds, dice):
        self.storm.world.mongo.kill()
        self.pause(seconds)
        self.again()

    def restart(self, seconds, dice):
        self.storm.world.mongo.stop()
        self.pause(seconds)
        self.again()

    def freeze(self, part, seconds):
        signal_mongo(self.storm.world, part, signal.SIGSTOP)
        try:
            self.pause(seconds)
        finally:
            signal_mongo(self.storm.world, part, signal.SIGCONT)

    def freeze_front(self, seconds, dice):
        self.freeze("mongo", seconds)

    def freeze_storage(self, seconds, dice):
        self.freeze("postgres", seconds)


# ---------------------------------------------------------------- workers

class WorkerLane(Lane):
    name = "worker"
    faults = {"kill": (3, 0, 1), "kill_all": (1, 0, 1), "leave": (3, 0, 1), "freeze": (3, 1, 5), "join": (2, 3, 10)}
    rest = (1.0, 5.0)

    def kill(self, seconds, dice):
        dice.choice(self.storm.slots).end(signal.SIGKILL)
        self.pause(seconds)

    def kill_all(self, seconds, dice):
        for slot in self.storm.slots:
            slot.end(signal.SIGKILL)
        self.pause(seconds)

    def leave(self, seconds, dice):
        dice.choice(self.storm.slots).end(signal.SIGTERM)
        self.pause(seconds)

    def freeze(self, seconds, dice):
        """Past its lease: others take its entries while it still believes it has them."""
        with dice.choice(self.storm.slots).frozen():
            self.pause(seconds)

    def join(self, seconds, dice):
        slot = self.storm.add_slot()
        self.pause(seconds)
        slot.leave_for_good()


class WireLane(Lane):
    """The networks of one worker, or of all: to Redis, or to MongoDB."""
    name = "wire"
    faults = {"slow": (2, 1, 5), "silence": (3, 1, 6), "cut": (3, 0.1, 1), "half_close": (2, 0.5, 2), "refuse": (2, 0.5, 4)}
    rest = (1.0, 5.0)

    def strike(self, how, seconds, dice):
        slots = self.storm.slots if dice.random() < 0.3 else [dice.choice(self.storm.slots)]
        side = dice.choice(("redis", "mongo"))
        bad_network(self, how, [getattr(slot, side) for slot in slots], seconds, dice)

    def slow(self, seconds, dice):
        self.strike("slow", seconds, dice)

    def silence(self, seconds, dice):
        self.strike("silence", seconds, dice)

    def cut(self, seconds, dice):
        self.strike("cut", seconds, dice)

    def half_close(self, seconds, dice):
        self.strike("half_close", seconds, dice)

    def refuse(self, seconds, dice):
        self.strike("refuse", seconds, dice)


class ClockLane(Lane):
    name = "clock"
    faults = {"hour_ahead": (1, 2, 8), "hour_back": (1, 2, 8)}
    rest = (5.0, 15.0)

    def step(self, by, seconds, dice):
        clock = dice.choice(self.storm.slots).clock
        clock.step(by)
        try:
            self.pause(seconds)
        finally:
            clock.step(0)

    def hour_ahead(self, seconds, dice):
        self.step(HOUR, seconds, dice)

    def hour_back(self, seconds, dice):
        self.step(-HOUR, seconds, dice)


# ---------------------------------------------------------------- marketplaces

class MarketLane(Lane):
    """One marketplace, for all of its shops or for one."""
    faults = {"error_500": (3, 1, 6), "down": (2, 1, 4), "flood_429": (3, 1, 5), "garbage": (3, 1, 5), "hang": (2, 1, 5), "half_answers": (2, 1, 5),
              "slow": (2, 1, 5), "token_host": (1, 2, 6), "limits": (1, 3, 8), "short_tokens": (2, 5, 15), "revoke": (2, 1, 6),
              "expired_token": (1, 1, 4)}
    rest = (2.0, 7.0)

    def __init__(self, storm, platform):
        super().__init__(storm)
        self.name = self.platform = platform

    @property
    def sim(self):
        return next(sim for sim in self.storm.world.sims if sim.platform == self.platform)

    def shop(self, dice):
        return dice.randrange(self.storm.shops)

    def strike(self, kind, seconds, dice, **more):
        if dice.random() < 0.5:
            more["shop"] = self.shop(dice)
        ids = [self.sim.fault(kind, probability=dice.choice((1, 1, 0.5, 0.2)), **more)]
        try:
            self.pause(seconds)
        finally:
            for fault in ids:
                self.sim.heal(fault)

    def path(self, dice):
        return dice.choice(("all", "detail", "detail", "return", "product", "package", "tracking", "finance"))

    def error_500(self, seconds, dice):
        self.strike("500", seconds, dice, path=self.path(dice))

    def down(self, seconds, dice):
        self.strike(dice.choice(("503", "close")), seconds, dice)

    def flood_429(self, seconds, dice):
        self.strike("429", seconds, dice, path=self.path(dice), **({"retry_after": 1} if dice.random() < 0.5 else {}))

    def garbage(self, seconds, dice):
        self.strike(dice.choice(("garbage", "null_data")), seconds, dice, path=self.path(dice))

    def half_answers(self, seconds, dice):
        self.strike("truncated", seconds, dice, path=self.path(dice))

    def hang(self, seconds, dice):
        self.strike("hang", seconds, dice, path=self.path(dice), ms=30000)

    def slow(self, seconds, dice):
        self.strike("slow", seconds, dice, path=self.path(dice), ms=dice.randrange(100, 1500))

    def token_host(self, seconds, dice):
        """Nobody gets a new token meanwhile."""
        self.strike("500", seconds, dice, path="token")

    def expired_token(self, seconds, dice):
        self.strike("expired_token", seconds, dice)

    def limits(self, seconds, dice):
        self.sim.switch(shop_limit_per_minute=dice.randrange(30, 120))
        try:
            self.pause(seconds)
        finally:
            self.sim.switch(shop_limit_per_minute=0)

    def short_tokens(self, seconds, dice):
        """Two sellers renew their grants, and what is granted or renewed meanwhile lives for 20 s."""
        self.sim.switch(access_token_seconds=20)
        try:
            for shop in dice.sample(range(self.storm.shops), 2):
                self.storm.renew_grant(self.sim, shop)
            self.pause(seconds)
        finally:
            self.sim.switch(access_token_seconds=7 * 86400)

    def revoke(self, seconds, dice):
        """A seller takes the grant back, and gives a new one later."""
        shop = self.shop(dice)
        self.sim.revoke(shop)
        try:
            self.pause(seconds)
        finally:
            self.storm.renew_grant(self.sim, shop)
