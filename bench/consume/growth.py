"""growth.py - the growth part of bench/run, its worker's half: more events, lanes, shops, documents; the same cost an event.

A row is one size. The state is built cheaply, by plain inserts: the documents of others are small but have every field that is
indexed. What grows in a row is in its name; the rest is as in the consume part.
"""

from consume.contenders import Shopstream
from consume.scene import scene_of
from lib.cell import Cell, at_most, told
from lib.chart import Lines

OURS = "shopstream-worker"
EVENTS, LANES, GROWN_SHOPS, DOCUMENTS = (10**4, 10**5, 10**6), (1, 2, 4), (1, 100, 1000), (10**4, 10**5, 10**6)
QUICK_EVENTS, QUICK_SHOPS, QUICK_DOCUMENTS = EVENTS[:2], (1, 100), DOCUMENTS[:2]
FLAT = 1.25  # cost of the largest size by that of the smallest
MEMORY_MB = 64


def plain(n):
    return "{:,}".format(n)


def events_name(n):
    return "%s events, all current" % plain(n)


def lanes_name(n, what):
    return "%d lane%s, %s" % (n, "s" if n > 1 else "", what)


def shops_name(n, what):
    return "%s shop%s, %s" % (plain(n), "s" if n > 1 else "", what)


def documents_name(n, what):
    return "among %s documents, %s" % (plain(n), what)


NEW, CURRENT = "all new", "all current"
STATES = {NEW: "nothing", CURRENT: "after"}


# ---------------------------------------------------------------- rounds

def drained(scene, what, lanes=1, repeat=1, filling=0):
    scene.stored(STATES[what], filling)
    scene.waiting("changed", repeat)
    return scene.drain(Shopstream(lanes), scene.fewest_calls() + scene.shops * lanes)


class Sizes:
    """Makes the rounds; sizes of the consume part, so that its scene serves here too."""

    def __init__(self, orders, quick_orders, shops):
        self.orders, self.quick_orders, self.shops = orders, quick_orders, shops

    def scene(self, quick, shops=None):
        return scene_of(self.quick_orders if quick else self.orders, shops or self.shops)

    def events(self, n):
        def run(quick):
            scene = self.scene(quick)
            return drained(scene, CURRENT, repeat=n // scene.orders)
        return run

    def lanes(self, n, what):
        return lambda quick: drained(self.scene(quick), what, lanes=n)

    def of_shops(self, n, what):
        return lambda quick: drained(self.scene(quick, n), what)

    def documents(self, n, what):
        return lambda quick: drained(self.scene(quick), what, filling=n)


def cells(orders, quick_orders, shops, columns):
    sizes, made = Sizes(orders, quick_orders, shops), []

    def add(name, function, quick=True, rounds=3, firm=False, seconds=5, setup=0):
        made.append(Cell(name, "growth", {OURS: function}, columns, rounds, quick, firm, seconds, setup))

    for n in LANES:
        for what in (NEW, CURRENT):
            add(lanes_name(n, what), sizes.lanes(n, what))
    for n in DOCUMENTS:
        for what in (NEW, CURRENT):
            add(documents_name(n, what), sizes.documents(n, what), n in QUICK_DOCUMENTS, setup=n // 8000 if what == NEW else 0)
    for n in EVENTS:
        add(events_name(n), sizes.events(n), n in QUICK_EVENTS, 1 if n == EVENTS[-1] else 3, n == EVENTS[-1], 3 + n // 14000)
    for n in GROWN_SHOPS:
        for what in (NEW, CURRENT):
            add(shops_name(n, what), sizes.of_shops(n, what), n in QUICK_SHOPS, setup=20 if what == NEW else 0)
    return made


# ---------------------------------------------------------------- what is concluded

def growth_of(results, names, key):
    """The largest size that was measured by the smallest; None with fewer than two."""
    values = [value for value in (results.median(name, OURS, key) for name in names) if value is not None]
    return values[-1] / values[0] if len(values) > 1 else None


def targets(results):
    rows = []
    for title, names in (
            ("%s to %s events, all current" % (plain(EVENTS[0]), plain(EVENTS[-1])), [events_name(n) for n in EVENTS]),
            ("1 to %d lanes, all new" % LANES[-1], [lanes_name(n, NEW) for n in LANES]),
            ("1 to %s shops, all current" % plain(GROWN_SHOPS[-1]), [shops_name(n, CURRENT) for n in GROWN_SHOPS]),
            ("among %s to %s documents, all new" % (plain(DOCUMENTS[0]), plain(DOCUMENTS[-1])),
             [documents_name(n, NEW) for n in DOCUMENTS])):
        rows.append(at_most("worker, %s: growth of CPU per event" % title, growth_of(results, names, "contender"), FLAT))
    memory = results.median(events_name(EVENTS[-1]), OURS, "rss")
    rows.append(at_most("worker, %s events: peak RSS MB" % plain(EVENTS[-1]), memory, MEMORY_MB, "%.0f", lambda: told(
        "what a lane holds at once, not how many wait: %.0f MB with 10,000, %.0f with 100,000 events",
        *(results.median(events_name(n), OURS, "rss") for n in EVENTS[:2]))))
    return rows


def panels(results):
    def lines(title, x_title, key, unit, names):
        return Lines(title, x_title, unit, {label: [(n, results.values(name, OURS, key)) for n, name in points]
                                            for label, points in names.items()}, True)

    def both(sizes, name):
        return {what: [(n, name(n, what)) for n in sizes] for what in (NEW, CURRENT)}

    events = {CURRENT: [(n, events_name(n)) for n in EVENTS]}
    return [
        lines("Worker: CPU of an event, by those waiting", "events", "contender", "µs", events),
        lines("Worker: peak resident memory, by those waiting", "events", "rss", "MB", events),
        lines("Worker: CPU of an event, by documents stored", "documents", "contender", "µs", both(DOCUMENTS, documents_name)),
        lines("Worker: CPU of an event, by shops", "shops", "contender", "µs", both(GROWN_SHOPS, shops_name)),
        lines("Worker: CPU of an event, by lanes", "lanes", "contender", "µs", both(LANES, lanes_name)),
    ]
