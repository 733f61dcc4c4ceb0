"""One row group of the benchmark, and what its rounds found. bench/run runs the cells; bench/ingest and bench/consume make them.

A part is a module bench/<name>/cells.py with

    cells() -> list of Cell
    targets(results) -> list of Target                            optional: the table of design targets
    panels(results) -> part -> list of chart.Bars, chart.Lines    optional: what the charts show
    NOTES = {part: text}                                          optional: what stands under the part's heading
    versions() -> list of (name, version)                         optional: programs that only this part uses

A figure that a round did not measure is left out of its dictionary, and stands as a dash in the table.
"""

import statistics
from collections import namedtuple

PARTS = ("ingest", "consume", "experiments", "growth")
CONTENDER_SECONDS = 4.2  # one round of one contender, start and warm-up included, unless a cell says otherwise


class Cell:
    """name: the row's title. contenders: dictionary name -> function(quick) -> dictionary of figures, one round of it.
    columns: (key, title, format) of each figure. quick: whether --quick has it. firm: a target rests on it, so it loses rounds last.
    seconds: that one round of all contenders takes when nothing else runs; setup: that come to the first (plan.py)."""

    def __init__(self, name, part, contenders, columns, rounds=3, quick=True, firm=False, seconds=None, setup=0):
        if part not in PARTS:
            raise ValueError("%s: no part %s" % (name, part))
        self.name, self.part, self.contenders, self.columns = name, part, dict(contenders), tuple(columns)
        self.rounds, self.quick, self.firm = rounds, quick, firm
        self.seconds, self.setup = seconds or CONTENDER_SECONDS * len(self.contenders), setup

    def with_only(self, contenders):
        """The same with these of its contenders."""
        return Cell(self.name, self.part, contenders, self.columns, self.rounds, self.quick, self.firm,
                    self.seconds * len(contenders) / len(self.contenders), self.setup)

    def rounds_of(self, quick, wanted=None):
        """How often each contender runs: as wanted by --rounds, else fewer with --quick."""
        return wanted or (max(1, self.rounds // 2) if quick else self.rounds)


class Results:
    """Every round's figures, the sentence of each round that failed, and of the error that ended a contender's rounds."""

    def __init__(self):
        self.cells, self.rounds, self.errors = [], {}, {}
        self.failures = []  # (cell name, contender, sentence), also of what went well when it was tried again
        self.left_out = []  # names of cells there was no time for

    def begin(self, cell):
        self.cells.append(cell)

    def add(self, cell, contender, figures):
        self.rounds.setdefault((cell.name, contender), []).append(figures)

    def fail(self, cell, contender, sentence):
        """True: the first time; it may try again."""
        again = not any(failure[:2] == (cell.name, contender) for failure in self.failures)
        self.failures.append((cell.name, contender, sentence))
        if not again:
            self.errors[cell.name, contender] = sentence
        return again

    def error(self, cell_name, contender):
        return self.errors.get((cell_name, contender))

    def values(self, cell_name, contender, key):
        """The figure of each round that has it."""
        return [f[key] for f in self.rounds.get((cell_name, contender), ()) if f.get(key) is not None]

    def median(self, cell_name, contender, key):
        """None when no round has it."""
        values = self.values(cell_name, contender, key)
        return statistics.median(values) if values else None

    def ratio(self, cell_name, contender, other, key):
        """Median of one contender by that of another; None when one is missing."""
        ours, theirs = self.median(cell_name, contender, key), self.median(cell_name, other, key)
        return ours / theirs if ours is not None and theirs else None


# figure, bound: as text; met: None when it was not measured; by: percent by which the bound is missed, else 0;
# limit: when it is missed, what limits it, and what moves it (experiments), or None.
Target = namedtuple("Target", "sentence figure bound met by limit")


def told(form, *figures):
    """A sentence of what limits a target; None when one of its figures was not measured."""
    return None if any(figure is None for figure in figures) else form % figures


def target(sentence, figure, bound, form, sign, limit):
    """limit: function that gives the sentence, asked only when the bound is missed."""
    if figure is None:
        return Target(sentence, "–", sign + " " + form % bound, None, 0, None)
    met = figure <= bound if sign == "≤" else figure >= bound
    by = 0 if met else abs(figure / bound - 1) * 100
    return Target(sentence, form % figure, sign + " " + form % bound, met, by, limit() if limit and not met else None)


def at_most(sentence, figure, bound, form="%.2f", limit=None):
    """A row of the table of targets; a figure of None was not measured, and is no target met."""
    return target(sentence, figure, bound, form, "≤", limit)


def at_least(sentence, figure, bound, form="%.2f", limit=None):
    return target(sentence, figure, bound, form, "≥", limit)
