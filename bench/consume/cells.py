"""cells.py - the consume part of bench/run: what an event costs on its way from the stream into MongoDB, and the growth of it.

See bench/README.md for what each row means. Sizes: ORDERS of SHOPS shops wait in every row; with --quick fewer.
"""

import json
import os

import world
from consume import growth
from consume.contenders import NODE, PYTHON, BareLoop, Rival, Shopstream, bare_inserts, documents
from consume.scene import scene_of
from lib.cell import Cell, at_least, at_most, told
from lib.chart import Bars
from lib.report import output, package

ORDERS, QUICK_ORDERS, SHOPS = 10000, 2500, 10
LATENCY_MS = 50
OURS, PYTHON_NAME, NODE_NAME = "shopstream-worker", "Python (redis-py, pymongo)", "Node.js (ioredis, mongodb)"
BARE_READS, BARE_INSERTS = "bare loop: XREADGROUP, find, XACK", "bare loop: the same bulks"

COLUMNS = (
    ("rate", "events/s", "%.0f"), ("contender", "CPU µs/event", "%.1f"), ("rss", "peak RSS MB", "%.0f"),
    ("calls", "detail calls", "%.0f"), ("ids", "ids", "%.0f"), ("bulks", "bulks", "%.0f"), ("redis", "Redis µs", "%.1f"),
    ("simulator", "marketplace µs", "%.1f"), ("mongo", "FerretDB µs", "%.0f"), ("postgres", "PostgreSQL µs", "%.0f"),
    ("others", "others' CPU %", "%.0f"))

CURRENT, NEW, NEW_TWO = "all current", "all new", "all new, two at a time"
UPDATES, POISON, LATENCY = "updates", "a tenth is poison", "marketplace answers after %d ms" % LATENCY_MS
THREE_HUNDRED = "300 new orders of one shop"

NOTES = {"consume": (
    "%d orders (with --quick %d) of %d shops wait in the stream, one event each; the same stream, MongoDB server and marketplace for "
    "all, on the same cores. From the moment the entries are handed over until lag and pending are 0. In every round each document, "
    "the dead letters and the calls are checked." % (ORDERS, QUICK_ORDERS, SHOPS)),
    "growth": "The worker: what an event costs with more lanes, among more documents, with more of them waiting, of more shops."}


# ---------------------------------------------------------------- rounds

def round_of(contender, state, stream="changed", calls=None, latency_ms=0):
    """A function that runs one round. calls: more than the fewest, for several readers."""
    def run(quick):
        scene = scene_of(QUICK_ORDERS if quick else ORDERS, SHOPS)
        scene.stored(state)
        scene.waiting(stream)
        fault = scene.world.sim.fault("slow", ms=latency_ms, path="detail", count=-1) if latency_ms else None
        try:
            return scene.drain(contender, calls and scene.fewest_calls() + calls)
        finally:
            if fault is not None:
                scene.world.sim.heal(fault)
    return run


def bare_round(connections):
    def run(quick):
        scene = scene_of(QUICK_ORDERS if quick else ORDERS, SHOPS)
        scene.stored("nothing")
        path = os.path.join(scene.world.directory, "documents")
        if not os.path.exists(path):
            documents(scene, path)
        figures = bare_inserts(scene, path, connections)
        scene.held = None
        return figures
    return run


def workers(state, stream="changed", at_a_time=1, latency_ms=0):
    """Our worker and the rivals. Two that read the same stream may each be left with a part of a call of every shop."""
    calls = SHOPS * at_a_time if at_a_time > 1 else None
    made = ((OURS, Shopstream(at_a_time)), (PYTHON_NAME, Rival(PYTHON, at_a_time)), (NODE_NAME, Rival(NODE, at_a_time)))
    return {name: round_of(contender, state, stream, calls, latency_ms) for name, contender in made}


def three_hundred(_):
    scene = scene_of(300, 1)
    scene.stored("nothing")
    scene.waiting("changed")
    return scene.drain(Shopstream())


def cells():
    """A scene is made when its size is new: the small one first, growth goes on with the large one; then come other sizes."""
    return [
        Cell(THREE_HUNDRED, "consume", {OURS: three_hundred}, COLUMNS, firm=True, seconds=2, setup=20),
        Cell(CURRENT, "consume", {**workers("after"), BARE_READS: round_of(BareLoop(), "after")}, COLUMNS, firm=True, seconds=8,
             setup=20),
        Cell(NEW, "consume", {**workers("nothing"), BARE_INSERTS: bare_round(1)}, COLUMNS, firm=True, seconds=34),
        Cell(NEW_TWO, "consume", {**workers("nothing", at_a_time=2), BARE_INSERTS: bare_round(2)}, COLUMNS, seconds=37),
        Cell(UPDATES, "consume", workers("before"), COLUMNS, seconds=31),
        Cell(POISON, "consume", workers("nothing", "poison"), COLUMNS, seconds=31),
        Cell(LATENCY, "consume", workers("nothing", latency_ms=LATENCY_MS), COLUMNS, seconds=31),
        *growth.cells(ORDERS, QUICK_ORDERS, SHOPS, COLUMNS),
    ]


# ---------------------------------------------------------------- what is concluded

def by_calls(results):
    """Calls of the rival that differs most, by ours."""
    ratios = [results.ratio(name, rival, OURS, "calls") for name in (NEW, UPDATES, POISON, LATENCY)
              for rival in (PYTHON_NAME, NODE_NAME)]
    return max((abs(ratio - 1) * 100 for ratio in ratios if ratio is not None), default=None)


def limit_of_cpu(results):
    """What an order costs is what is done to its bytes: the same without them, and with other calls."""
    def limit():
        return told("reading, typing and writing the order's bytes: the same entries without a call or a write take %.1f of the %.1f µs. All of "
                    "one shop (fewer, fuller calls) %.1f, of 1,000 shops (five times the calls) %.1f",
                    *(results.median(name, OURS, "contender") for name in (
                        CURRENT, NEW, growth.shops_name(1, NEW), growth.shops_name(1000, NEW))))
    return limit


def limit_of_rate(results):
    """The database's time for a bulk: with no worker at all, and with more connections."""
    def limit():
        return told("the database, %.0f µs of PostgreSQL an order: the bare loop of the same bulks makes %.0f, with two connections %.0f, "
                    "the worker %.0f, with two lanes %.0f orders a second", results.median(NEW, BARE_INSERTS, "postgres"),
                    results.median(NEW, BARE_INSERTS, "rate"), results.median(NEW_TWO, BARE_INSERTS, "rate"),
                    results.median(NEW, OURS, "rate"), results.median(NEW_TWO, OURS, "rate"))
    return limit


def limit_of_reading(results):
    def limit():
        return told("judging what was found, which the bare loop does not: %.1f against %.1f µs; of one shop (one group) %.1f, of 1,000 %.1f",
                    results.median(CURRENT, OURS, "contender"), results.median(CURRENT, BARE_READS, "contender"),
                    *(results.median(growth.shops_name(n, CURRENT), OURS, "contender") for n in (1, 1000)))
    return limit


def targets(results):
    rows = [
        at_most("worker, all current: CPU per event, by a bare loop of XREADGROUP, find, XACK",
                results.ratio(CURRENT, OURS, BARE_READS, "contender"), 2, limit=limit_of_reading(results)),
        at_least("worker, all new, one lane: rate, by a bare loop of the same bulks on one connection",
                 results.ratio(NEW, OURS, BARE_INSERTS, "rate"), 0.9, limit=limit_of_rate(results)),
        at_most("worker, all new: CPU µs per order", results.median(NEW, OURS, "contender"), 40, "%.1f",
                limit=limit_of_cpu(results)),
        at_most("worker, all new: CPU per order, by the Python worker", results.ratio(NEW, OURS, PYTHON_NAME, "contender"), 0.1,
                limit=limit_of_cpu(results)),
        at_least("worker, all new: rate, by the Python worker", results.ratio(NEW, OURS, PYTHON_NAME, "rate"), 3,
                 limit=limit_of_rate(results)),
        at_most("rivals' detail calls beside the worker's, the largest difference in percent", by_calls(results), 2, "%.1f"),
        at_most("300 new orders: detail calls", results.median(THREE_HUNDRED, OURS, "calls"), 6, "%.0f"),
        at_most("300 new orders: bulk commands", results.median(THREE_HUNDRED, OURS, "bulks"), 1, "%.0f"),
    ]
    return rows + growth.targets(results)


def bars(results, title, unit, name, key, form, contenders):
    return Bars(title, unit, [(one, results.values(name, one, key)) for one in contenders], form)


def panels(results):
    names = (OURS, PYTHON_NAME, NODE_NAME)
    return {
        "consume": [
            bars(results, "CPU of a new order", "µs", NEW, "contender", "%.0f", names + (BARE_INSERTS,)),
            bars(results, "New orders a second, one at a time", "orders/s", NEW, "rate", "%.0f", names + (BARE_INSERTS,)),
            bars(results, "New orders a second, two at a time", "orders/s", NEW_TWO, "rate", "%.0f", names + (BARE_INSERTS,)),
            bars(results, "CPU of an event that is reflected already", "µs", CURRENT, "contender", "%.1f", names + (BARE_READS,)),
            bars(results, "Peak resident memory, new orders", "MB", NEW, "rss", "%.0f", names),
        ],
        "growth": growth.panels(results),
    }


def mongo_version():
    info = world.shared_mongo().client.admin.command("buildInfo")
    if "ferretdb" in info:
        return "FerretDB %s, speaking as MongoDB %s; every write is flushed to disk" % (
            info["ferretdb"].get("version", "").strip(), info["version"])
    return "MongoDB %s" % info["version"]


def node_versions():
    with open(os.path.join(os.path.dirname(NODE[1]), "package.json")) as f:
        return "Node.js %s, %s" % (output("node", "--version"), ", ".join(
            "%s %s" % one for one in json.load(f)["dependencies"].items()))


def versions():
    return [
        ("MongoDB server", mongo_version()),
        ("Python worker", ", ".join("%s %s" % (name[8:], package(name)) for name in (
            "python3-redis", "python3-hiredis", "python3-pymongo", "python3-bson-ext", "python3-urllib3"))),
        ("Node.js worker", node_versions()),
    ]
