"""One row group of the benchmark, and what its rounds found. bench/run runs the cells; bench/ingest and bench/consume make them.

A part is a module bench/<name>/cells.py with

    cells() -> list of Cell
    targets(results) -> list of (sentence, figure, bound, met)    optional: the table of design targets
    panels(results) -> part -> list of chart.Bars, chart.Lines    optional: what the charts show
    NOTES = {part: text}                                          optional: what stands under the part's heading
    versions() -> list of (name, version)                         optional: programs that only this part uses

A figure that a round did not measure is left out of its dictionary, and stands as a dash in the table.
"""

import statistics

PARTS = ("ingest", "consume", "growth")


class Cell:
    """name: the row's title. contenders: dictionary name -> function(quick) -> dictionary of figures, one round of it.
    columns: (key, title, format) of each figure. quick: whether --quick has it."""

    def __init__(self, name, part, contenders, columns, rounds=3, quick=True):
        if part not in PARTS:
            raise ValueError("%s: no part %s" % (name, part))
        self.name, self.part, self.contenders, self.columns = name, part, dict(contenders), tuple(columns)
        self.rounds, self.quick = rounds, quick

    def rounds_of(self, quick, wanted=None):
        """How often each contender runs: as wanted by --rounds, else fewer with --quick."""
        return wanted or (max(1, self.rounds // 2) if quick else self.rounds)


class Results:
    """Every round's figures, and the sentence of the error that ended a contender's rounds."""

    def __init__(self):
        self.cells, self.rounds, self.errors = [], {}, {}

    def begin(self, cell):
        self.cells.append(cell)

    def add(self, cell, contender, figures):
        self.rounds.setdefault((cell.name, contender), []).append(figures)

    def fail(self, cell, contender, sentence):
        self.errors[cell.name, contender] = sentence

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


def at_most(sentence, figure, bound, form="%.2f"):
    """A row of the table of targets; a figure of None was not measured, and is no target met."""
    return sentence, "–" if figure is None else form % figure, "≤ " + form % bound, None if figure is None else figure <= bound


def at_least(sentence, figure, bound, form="%.2f"):
    return sentence, "–" if figure is None else form % figure, "≥ " + form % bound, None if figure is None else figure >= bound
