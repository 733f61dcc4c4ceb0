"""The cells of the parts ingest, experiments and growth: one factor at a time around a base case.

Base: signed bodies of 1 KiB, each unique, over 64 kept-alive connections, closed loop, Redis with AOF everysec. The contender has a
core for itself; Redis and the sender share the other."""

import statistics

from ingest import experiments, load
from ingest.growth import BODIES, EVENTS, body_round, events_round
from ingest.journal import journal_round
from ingest.plain import plain_round
from ingest.product import BehindNginx, Shopstream
from ingest.contenders import Aiohttp, Evhttp, Fastify, NginxLua, Webdis, versions  # noqa: F401 - versions is asked for by bench/run
from lib.cell import Cell, at_least, at_most
from lib.chart import Bars, Lines

OURS, NO_DEDUPE, EVHTTP, WEBDIS, WEBDIS_1, LUA, FASTIFY, CLUSTER, AIOHTTP = (
    "shopstream", "shopstream, dedupe off", "bare evhttp, 200 at once", "webdis", "webdis, pool 1", "nginx + Lua",
    "fastify + ioredis", "fastify + ioredis, 2 processes", "aiohttp + redis-py")
MAKERS = {
    OURS: Shopstream,
    NO_DEDUPE: lambda redis: Shopstream(redis, {"DEDUPE_WINDOW_MINUTES": 0}),
    EVHTTP: Evhttp,
    WEBDIS: Webdis,
    WEBDIS_1: lambda redis: Webdis(redis, pool=1),
    LUA: NginxLua,
    FASTIFY: Fastify,
    CLUSTER: lambda redis: Fastify(redis, workers=2),
    AIOHTTP: Aiohttp,
}
NO_RING = "shopstream, no replay ring"
NO_RING_SETTINGS = {"REPLAY_SECONDS": 0}
# By default 4,096 requests may wait for Redis, and 1.5 s; with so many connections at once the others would be told 503.
THRONG_SETTINGS = {"MAX_INFLIGHT": 20000, "MAX_INFLIGHT_BYTES": 64 << 20, "ANSWER_DEADLINE_MS": 2900}
# nginx + Lua takes a connection to Redis for each request under way.
THRONG_REDIS = ("--maxclients", "12000")
VARIED = (OURS, WEBDIS, LUA, FASTIFY)
OPEN = (OURS, EVHTTP, WEBDIS, LUA, FASTIFY, AIOHTTP)

CPU = ("cpu", "CPU µs/request", "%.1f")
REDIS = ("redis", "Redis CPU µs/request", "%.1f")
MACHINE = (("own_core", "its core %", "%.0f"), ("driver_core", "driver's core %", "%.0f"), ("others", "others' CPU %", "%.0f"))
COLUMNS = (CPU, ("per_core", "req/s per core", "%.0f"), ("rate", "req/s", "%.0f"), ("p50", "p50 ms", "%.2f"),
           ("p99", "p99 ms", "%.2f"), ("p999", "p99.9 ms", "%.2f"), ("rss", "peak RSS MB", "%.1f"), REDIS, *MACHINE)
PLAIN_COLUMNS = (("rate", "XADD/s", "%.0f"), REDIS, *MACHINE)
EVENTS_COLUMNS = tuple(("%s_%d" % (key, n), "%s after %s" % (title, "{:,}".format(n)), form) for key, title, form in (
    ("cpu", "CPU µs", "%.1f"), ("redis", "Redis CPU µs", "%.1f"), ("rss", "RSS MB", "%.1f")) for n in EVENTS)
BODY_COLUMNS = (CPU, ("cpu_kib", "CPU µs/KiB", "%.2f"), ("rate", "req/s", "%.0f"), ("p99", "p99 ms", "%.2f"),
                ("rss", "peak RSS MB", "%.1f"), REDIS, *MACHINE)

BASE, PLAIN, JOURNAL, CROWD = "base", "Redis alone", "journal, Redis stopped", "1,000 connections"
HALF = "open loop, 50 % of its maximum"
GROW_EVENTS, GROW_BODY = "events stored (256 B each)", "length of the body"
_maxima = {}  # contender -> requests/s of each round of the base case


def base_round(name):
    def run(quick):
        figures = load.round_of(MAKERS[name], quick)
        _maxima.setdefault(name, []).append(figures["rate"])
        return figures
    return run


def share_of(name, share, quick):
    """Requests a second: a share of the contender's own maximum; that is measured first when the base case was left out."""
    if name not in _maxima:
        base_round(name)(quick)
    return max(1, int(statistics.median(_maxima[name]) * share / 100))


def open_round(name, share):
    return lambda quick: load.round_of(MAKERS[name], quick, rate=share_of(name, share, quick))


def varied(contenders, settings=None, **how):
    """The base case with one thing changed; settings: of the product, further ones."""
    def one(name):
        make = (lambda redis: Shopstream(redis, settings)) if settings and name == OURS else MAKERS[name]
        return lambda quick: load.round_of(make, quick, **how)
    return {name: one(name) for name in contenders}


def crowd():
    lean = {NO_RING: lambda quick: load.round_of(lambda redis: Shopstream(redis, NO_RING_SETTINGS), quick, connections=1000)}
    return {**varied((OURS,), connections=1000), **lean, **varied((EVHTTP,) + VARIED[1:], connections=1000)}


def ingest_cells():
    yield Cell(BASE, "ingest", {name: base_round(name) for name in MAKERS}, COLUMNS, rounds=5, firm=True, seconds=42)
    for share in (25, 50, 75):
        yield Cell("open loop, %d %% of its maximum" % share, "ingest", {name: open_round(name, share) for name in OPEN}, COLUMNS,
                   quick=share == 50, firm=share == 50, seconds=27)
    yield Cell("AOF off", "ingest", varied(VARIED, redis_arguments=("--appendonly", "no")), COLUMNS)
    yield Cell("AOF always", "ingest", varied(VARIED, redis_arguments=("--appendfsync", "always")), COLUMNS)
    yield Cell("256 B", "ingest", varied(VARIED, size=256), COLUMNS)
    yield Cell("16 KiB", "ingest", varied(VARIED, size=16384), COLUMNS)
    yield Cell("1 connection", "ingest", varied(VARIED, connections=1), COLUMNS)
    yield Cell(CROWD, "ingest", crowd(), COLUMNS, firm=True, seconds=27)
    yield Cell("10,000 connections", "ingest", varied(
        VARIED, THRONG_SETTINGS, connections=10000, redis_arguments=THRONG_REDIS), COLUMNS, seconds=28)
    yield Cell("a connection each", "ingest", varied(VARIED + (EVHTTP,), keep_alive=False), COLUMNS)
    yield Cell("behind nginx", "ingest", {OURS: lambda quick: load.round_of(BehindNginx, quick)}, COLUMNS)
    yield Cell(JOURNAL, "ingest", {OURS: journal_round}, COLUMNS, firm=True, seconds=8)
    yield Cell(PLAIN, "ingest", {
        "redis-benchmark, 64 connections": lambda quick: plain_round(quick, connections=64, pipeline=1),
        "redis-benchmark, 4 connections, pipeline of 16": lambda quick: plain_round(quick, connections=4, pipeline=16),
    }, PLAIN_COLUMNS, seconds=8)


def experiment_cells():
    yield experiments.pieces_cell(COLUMNS)
    yield experiments.half_cell(lambda quick: share_of(OURS, 50, quick), COLUMNS)
    yield experiments.journal_cell(COLUMNS)
    yield experiments.commands_cell(PLAIN_COLUMNS)


def growth_cells():
    yield Cell(GROW_EVENTS, "growth", {
        OURS: lambda quick: events_round(Shopstream, quick),
        NO_RING: lambda quick: events_round(lambda redis: Shopstream(redis, NO_RING_SETTINGS), quick),
    }, EVENTS_COLUMNS, rounds=2, firm=True, seconds=100)
    yield Cell(GROW_BODY, "growth", {title: lambda quick, size=size: body_round(Shopstream, quick, size)
                                     for title, size in BODIES.items()}, BODY_COLUMNS, seconds=24)


def cells():
    return [*ingest_cells(), *experiment_cells(), *growth_cells()]


NOTES = {
    "ingest": "Base: signed bodies of 1 KiB, each unique, over 64 kept-alive connections, closed loop, Redis with AOF everysec; the "
              "other rows change one thing. The contender has one core (two processes: both), Redis and the sender the other: where "
              "*driver's core* is at 100 %, req/s is what they allow and *req/s per core* (a second by the CPU of a request) is the "
              "contender's own. webdis and bare evhttp verify nothing; shopstream always does.",
    "experiments": "What the targets of ingest rest on: the base case with one limit lifted at a time.",
    "growth": "What an event costs when so many are stored already (30,000 events each time), and by the length of its body.",
}


# ---------------------------------------------------------------- what is concluded

def cpu_target(results, other, bound, cell=BASE, piece=None):
    """piece: the same contender in the experiment that lifts the limit."""
    return at_most("CPU per request ÷ %s%s" % (other, "" if cell == BASE else ", " + cell),
                   results.ratio(cell, OURS, other, "cpu"), bound, limit=piece and experiments.limit_of_libraries(results, piece))


def quotient(results, cell, contender, key, by):
    low, high = results.median(cell, contender, by), results.median(cell, contender, key)
    return high / low if high is not None and low else None


def targets(results):
    last = EVENTS[-1] if results.median(GROW_EVENTS, OURS, "cpu_%d" % EVENTS[-1]) is not None else EVENTS[-2]
    return [
        cpu_target(results, WEBDIS, 1.0, piece=experiments.WEBDIS),
        cpu_target(results, WEBDIS_1, 1.15, piece=experiments.WEBDIS_1),
        cpu_target(results, LUA, 0.5),
        cpu_target(results, FASTIFY, 0.45),
        cpu_target(results, EVHTTP, 1.35, piece=experiments.BARE),
        cpu_target(results, WEBDIS, 1.15, CROWD),
        at_most("Redis CPU per request ÷ a plain XADD (dedupe off)", results.ratio(BASE, OURS, NO_DEDUPE, "redis"), 1.5,
                limit=experiments.limit_of_marks(results)),
        at_most("RSS without the replay ring at 1,000 connections, MB", results.median(CROWD, NO_RING, "rss"), 15, "%.1f"),
        at_most("p99 from arrival to stored at half of the maximum, ms", results.median(HALF, OURS, "p99"), 5,
                limit=experiments.limit_of_half(results)),
        at_least("events/s with Redis stopped, by the journal", results.median(JOURNAL, OURS, "rate"), 20000, "%.0f",
                 limit=experiments.limit_of_journal(results)),
        at_most("CPU per event after {:,} stored ÷ after {:,}".format(last, EVENTS[0]),
                quotient(results, GROW_EVENTS, OURS, "cpu_%d" % last, "cpu_%d" % EVENTS[0]), 1.1),
        at_most("RSS after {:,} stored ÷ after {:,}, no replay ring".format(last, EVENTS[0]),
                quotient(results, GROW_EVENTS, NO_RING, "rss_%d" % last, "rss_%d" % EVENTS[0]), 1.1),
    ]


def bars(results, title, unit, cell, key, form, contenders):
    return Bars(title, unit, [(name, results.values(cell, name, key)) for name in contenders], form)


def panels(results):
    return {
        "ingest": [
            bars(results, "CPU of one webhook: 1 KiB, 64 connections", "µs", BASE, "cpu", "%.1f", MAKERS),
            bars(results, "Redis' CPU of one webhook", "µs", BASE, "redis", "%.1f", [n for n in MAKERS if n != EVHTTP]),
            bars(results, "p99 at half of each one's maximum, from the moment a webhook was due", "ms", HALF, "p99", "%.2f", OPEN),
            bars(results, "Peak resident memory at 1,000 connections", "MB", CROWD, "rss", "%.1f", crowd()),
        ],
        "experiments": [
            bars(results, "CPU of one webhook, piece by piece", "µs", experiments.PIECES, "cpu", "%.1f", experiments.PIECE_MAKERS),
        ],
        "growth": [
            Lines("Ingest: CPU of an event, by the number already stored", "events stored", "µs", {
                who: [(n, results.values(GROW_EVENTS, OURS, "%s_%d" % (key, n))) for n in EVENTS]
                for who, key in (("server", "cpu"), ("Redis", "redis"))}, True),
            Lines("Ingest: resident memory, by the number already stored", "events stored", "MB", {
                name: [(n, results.values(GROW_EVENTS, name, "rss_%d" % n)) for n in EVENTS] for name in (OURS, NO_RING)}, True),
            Lines("Ingest: CPU of an event, by the length of its body", "bytes", "µs", {
                who: [(size, results.values(GROW_BODY, title, key)) for title, size in BODIES.items()]
                for who, key in (("server", "cpu"), ("Redis", "redis"))}, True),
        ],
    }
