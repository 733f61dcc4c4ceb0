"""bench/run itself: that it ends in time, that a failing contender costs one row, that what was measured is kept, that tables and
targets say what was measured, and that a round of the server gives every figure. The others' contenders are not installed for tests."""

import argparse
import contextlib
import http.server
import importlib.machinery
import importlib.util
import io
import os
import subprocess
import sys
import tempfile
import threading
import time

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
sys.dont_write_bytecode = True
from stack import Failure, check, check_equal, run_cases, wait_for  # noqa: E402

_loader = importlib.machinery.SourceFileLoader("bench_run", os.path.join(TOP, "bench", "run"))
bench_run = importlib.util.module_from_spec(importlib.util.spec_from_loader("bench_run", _loader))
_loader.exec_module(bench_run)
from consume import cells as consume  # noqa: E402
from ingest import cells, load  # noqa: E402
from ingest.product import Shopstream  # noqa: E402
from lib import measure, report  # noqa: E402
from lib.cell import Cell, Results, at_least, at_most  # noqa: E402
from lib.plan import Plan  # noqa: E402

COLUMNS = (("rate", "req/s", "%.0f"), ("cpu", "CPU µs", "%.1f"))


class Clock:
    """A time that only moves when told."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def run_quietly(cell):
    results = Results()
    plan = Plan([cell], lambda cell: cell.rounds, 60)
    with contextlib.redirect_stderr(io.StringIO()):
        bench_run.run_cell(plan, 0, cell.rounds, argparse.Namespace(quick=False), results)
    return results


def timed_cell(clock, name, seconds, takes, **how):
    """A cell that says it takes so many seconds a round, and takes others."""
    def run(_):
        clock.now += takes
        return {}
    return Cell(name, "ingest", {"A": run}, COLUMNS, seconds=seconds, **how)


def planned_run(cells, clock, minutes):
    """(rounds that each cell had, by name; the results)."""
    results, rounds = Results(), {cell.name: 0 for cell in cells}
    original = bench_run.Plan
    bench_run.Plan = lambda *arguments: Plan(*arguments, clock=clock)
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            bench_run.run_cells(cells, argparse.Namespace(quick=False, rounds=None, budget=minutes), results, lambda: None)
    finally:
        bench_run.Plan = original
    for (name, _), figures in results.rounds.items():
        rounds[name] = len(figures)
    return rounds, results


def case_with_time_for_everything_every_round_is_run():
    clock = Clock()
    cells_ = [timed_cell(clock, name, 10, 10, rounds=3) for name in "xyz"]
    check_equal(planned_run(cells_, clock, 2)[0], {"x": 3, "y": 3, "z": 3}, "rounds")


def case_without_it_those_that_no_target_rests_on_lose_theirs_first():
    clock = Clock()
    cells_ = [timed_cell(clock, "x", 10, 10), timed_cell(clock, "y", 10, 10, firm=True), timed_cell(clock, "z", 10, 10)]
    check_equal(planned_run(cells_, clock, 1)[0], {"x": 1, "y": 3, "z": 2}, "rounds")
    clock = Clock()
    cells_ = [timed_cell(clock, "x", 10, 10), timed_cell(clock, "y", 10, 10, firm=True)]
    rounds, results = planned_run(cells_, clock, 0.3)
    check_equal((rounds, results.left_out), ({"x": 0, "y": 1}, ["x"]), "rounds when there is hardly any time")
    check("no time was left for: x" in report.failures_list(results), "what was left out is not told")


def case_a_machine_slower_than_expected_still_ends_in_time():
    for slower in (2, 5, 20):
        clock = Clock()
        cells_ = [timed_cell(clock, "cell %d" % n, 20, 20 * slower, firm=n % 3 == 0) for n in range(30)]
        planned_run(cells_, clock, 20)
        check(clock.now <= 20 * 60 + 20 * slower, "%d times slower: %.0f s" % (slower, clock.now))
        check(clock.now >= 15 * 60, "%d times slower: only %.0f s were used" % (slower, clock.now))


def case_a_round_that_hangs_is_a_failure():
    plan = Plan([], None, 1)
    check(plan.limit_of(Cell("x", "ingest", {"A": None}, COLUMNS, seconds=1)) <= 150, "a round may take longer than the run")
    try:
        with bench_run.time_limit(1):
            threading.Event().wait(60)
    except bench_run.Hung as error:
        check("1 s" in str(error), str(error))
    else:
        raise Failure("it was let hang")


def case_contenders_take_turns():
    turns = []
    cell = Cell("x", "ingest", {name: lambda quick, name=name: turns.append(name) or {} for name in "ABC"}, COLUMNS, rounds=2)
    run_quietly(cell)
    check_equal("".join(turns), "ABCABC", "turns")


def case_a_contender_that_fails_costs_its_row_and_no_other():
    def broken(quick):
        raise Failure("no | answer\nat all")
    cell = Cell("x", "ingest", {"broken": broken, "good": lambda quick: {"rate": 5, "cpu": 2.0}}, COLUMNS, rounds=2)
    results = run_quietly(cell)
    check_equal(results.values("x", "good", "rate"), [5, 5], "rounds of the good one")
    rows = report.tables(results, "ingest").splitlines()
    check_equal(rows[2], "| **x** | broken | **failed:** no \\| answer at all |  |", "row of the broken one")
    check_equal(rows[3], "|  | good | 5 | 2.0 |", "row of the good one")


def case_a_contender_that_fails_once_is_tried_again():
    turns = iter((Failure("once"), {"rate": 5, "cpu": 2.0}, {"rate": 5, "cpu": 2.0}))

    def shaky(quick):
        turn = next(turns)
        if isinstance(turn, Failure):
            raise turn
        return turn
    results = run_quietly(Cell("x", "ingest", {"shaky": shaky}, COLUMNS, rounds=2))
    check_equal(results.values("x", "shaky", "rate"), [5, 5], "its rounds")
    check_equal(report.tables(results, "ingest").splitlines()[2], "| **x** | shaky | 5 | 2.0 |", "its row")
    check_equal(report.failures_list(results), "- x, shaky: once (tried again)", "what is told of it")


def case_what_was_measured_is_kept_before_the_run_ends():
    results = run_quietly(Cell("x", "ingest", {"A": lambda quick: {"rate": 4711}}, COLUMNS, rounds=1))
    options = argparse.Namespace(print=False, date="2026-01-01", name="machine", parts=["ingest"], quick=False, only=None)
    root = bench_run.ROOT
    with tempfile.TemporaryDirectory() as directory, contextlib.redirect_stderr(io.StringIO()), \
            contextlib.redirect_stdout(io.StringIO()):
        bench_run.ROOT = directory
        try:
            bench_run.keep([], results, options, time.time())
            path = os.path.join(directory, "bench", "results", "2026-01-01-machine-ingest")
            with open(path + "-unfinished.md") as f:
                check("4711" in f.read(), "the figure is not in the file")
            bench_run.write([], results, options, time.time())
            check_equal(sorted(os.listdir(os.path.dirname(path))), ["2026-01-01-machine-ingest.md"], "files after the end")
        finally:
            bench_run.ROOT = root


def case_a_row_tells_the_median_and_the_spread():
    rates = iter((30, 10, 20))
    cell = Cell("x", "ingest", {"A": lambda quick: {"rate": next(rates)}}, COLUMNS, rounds=3)
    check_equal(report.tables(run_quietly(cell), "ingest").splitlines()[2], "| **x** | A | 20 (10–30) | – |", "row")


def case_what_was_not_measured_meets_no_target():
    check_equal(at_most("a", None, 1).met, None, "none measured")
    check_equal([at_most("a", 1.0, 1).met, at_most("a", 1.1, 1).met], [True, False], "at most")
    check_equal([at_least("a", 1.0, 1).met, at_least("a", 0.9, 1).met], [True, False], "at least")
    nothing = [row for row in cells.targets(Results()) if row.met is not None]
    check_equal(nothing, [], "targets of an empty result")


def case_a_target_that_is_missed_tells_by_how_much_and_why():
    rows = [at_most("a", 1.2, 1, limit=lambda: "the disk"), at_least("b", 9, 10), at_most("c", 1, 1, limit=lambda: "nothing")]
    lines = report.targets_table(rows).splitlines()
    check_equal(lines[0], "1 of 3 met; the largest miss is 20.0 %.", "summary")
    check_equal(lines[4:], ["| a | 1.20 | ≤ 1.00 | **no**, by 20.0 % | the disk |", "| b | 9.00 | ≥ 10.00 | **no**, by 10.0 % | no experiment |",
                            "| c | 1.00 | ≤ 1.00 | yes |  |"], "rows")


def case_a_missed_target_has_its_experiment():
    results = Results()
    for cell, contender, figures in (
            (cells.BASE, cells.OURS, {"cpu": 30, "redis": 20}), (cells.BASE, cells.EVHTTP, {"cpu": 15}),
            (cells.BASE, cells.NO_DEDUPE, {"redis": 10}), (cells.HALF, cells.OURS, {"p99": 9}), (cells.JOURNAL, cells.OURS, {"rate": 9})):
        results.rounds[cell, contender] = [figures]
    for cell in (one for one in cells.cells() if one.part == "experiments"):
        for contender in cell.contenders:
            results.rounds[cell.name, contender] = [{"cpu": 10, "redis": 5, "p99": 3, "rate": 7}]
    for cell in consume.cells():
        for contender in cell.contenders:
            results.rounds[cell.name, contender] = [{"contender": 50, "rate": 10, "rss": 70, "postgres": 9}]
    missed = [row for row in cells.targets(results) + consume.targets(results) if row.met is False]
    check_equal(len(missed), 8, "targets that are missed")
    check_equal([row.sentence for row in missed if not row.limit], [], "missed without an experiment")


def case_cells_have_names_of_their_own_and_a_quick_run_has_fewer():
    every = [cell for module in bench_run.parts_modules() for cell in module.cells()]
    check_equal(len({cell.name for cell in every}), len(every), "names")
    for cell in every:
        check(cell.contenders and cell.columns, "%s has no contender or no column" % cell.name)
        check(cell.rounds_of(True) <= cell.rounds_of(False), "%s: more rounds when quick" % cell.name)
    check(0 < sum(cell.quick for cell in every) < len(every), "a quick run leaves nothing out")


def case_only_leaves_a_contender_or_a_cell():
    options = argparse.Namespace(parts=["ingest"], quick=False, only="webdis, pool 1")
    check_equal([(cell.name, list(cell.contenders)) for cell in bench_run.select(cells.cells(), options)],
                [(cells.BASE, [cells.WEBDIS_1])], "by contender")
    options.only = "256 B"
    check_equal([len(cell.contenders) for cell in bench_run.select(cells.cells(), options)], [len(cells.VARIED)], "by cell")


def case_cpu_of_a_process_and_its_children_is_seen():
    spin = "import os, time; os.fork(); t = time.process_time()\nwhile time.process_time() - t < 0.2: pass\ntime.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", spin], stdin=subprocess.DEVNULL)
    children = []
    try:
        wait_for("the CPU of both", lambda: measure.tree_cpu(process.pid) >= 0.4, 60)
        children = measure.children_of(process.pid)
        check(0.2 <= measure.cpu_of(process.pid) < measure.tree_cpu(process.pid), "the process alone has as much as with its child")
    finally:
        process.kill()
        process.wait()
        for child in children:
            os.kill(child, 9)


class Gullible(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *ignored):
        pass


def case_a_contender_that_lets_a_forged_webhook_in_is_refused():
    with http.server.HTTPServer(("127.0.0.1", 0), Gullible) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        target = argparse.Namespace(port=server.server_port, path="/")
        try:
            load.check_verifies(target)
        except Failure as failure:
            check("forged" in str(failure), str(failure))
        else:
            raise Failure("it was let in")
        finally:
            server.shutdown()


def case_a_round_of_the_server_has_every_figure():
    load.length = lambda quick: 0.1
    for rate in (None, 500):
        began = time.monotonic()
        figures = load.round_of(Shopstream, True, rate=rate)
        missing = [key for key, _, _ in cells.COLUMNS if figures.get(key) is None]
        check_equal(missing, [], "figures left out")
        check(0 < figures["cpu"] / 1e6 * 500 < time.monotonic() - began, "CPU of a request: %s µs" % figures["cpu"])
        check(figures["p50"] <= figures["p99"] <= figures["p999"], "quantiles out of order")


if __name__ == "__main__":
    run_cases(globals())
