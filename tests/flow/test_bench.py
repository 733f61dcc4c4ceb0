"""bench/run itself: that a failing contender costs one row, that tables and targets say what was measured, and that a round of
the server gives every figure. The others' contenders are not installed for tests."""

import argparse
import contextlib
import http.server
import importlib.machinery
import importlib.util
import io
import os
import subprocess
import sys
import threading
import time

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
sys.dont_write_bytecode = True
from stack import Failure, check, check_equal, run_cases, wait_for  # noqa: E402

_loader = importlib.machinery.SourceFileLoader("bench_run", os.path.join(TOP, "bench", "run"))
bench_run = importlib.util.module_from_spec(importlib.util.spec_from_loader("bench_run", _loader))
_loader.exec_module(bench_run)
from ingest import cells, load  # noqa: E402
from ingest.product import Shopstream  # noqa: E402
from lib import measure, report  # noqa: E402
from lib.cell import Cell, Results, at_least, at_most  # noqa: E402

COLUMNS = (("rate", "req/s", "%.0f"), ("cpu", "CPU µs", "%.1f"))


def run_quietly(cell, **options):
    results = Results()
    wanted = dict(quick=False, rounds=None)
    wanted.update(options)
    with contextlib.redirect_stderr(io.StringIO()):
        bench_run.run_cell(cell, argparse.Namespace(**wanted), results)
    return results


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


def case_a_row_tells_the_median_and_the_spread():
    rates = iter((30, 10, 20))
    cell = Cell("x", "ingest", {"A": lambda quick: {"rate": next(rates)}}, COLUMNS, rounds=3)
    check_equal(report.tables(run_quietly(cell), "ingest").splitlines()[2], "| **x** | A | 20 (10–30) | – |", "row")


def case_what_was_not_measured_meets_no_target():
    check_equal(at_most("a", None, 1)[3], None, "none measured")
    check_equal([at_most("a", 1.0, 1)[3], at_most("a", 1.1, 1)[3]], [True, False], "at most")
    check_equal([at_least("a", 1.0, 1)[3], at_least("a", 0.9, 1)[3]], [True, False], "at least")
    nothing = [row for row in cells.targets(Results()) if row[3] is not None]
    check_equal(nothing, [], "targets of an empty result")


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
