"""How many rounds each cell gets, so that a run ends in time.

A cell says how long one round of all its contenders takes on a machine with nothing else to do. What has run so far tells how this
one compares. Before each cell the most rounds are taken with which all that is left still fits into the time: first the
cells that no target rests on lose rounds, then the others, down to one; then the first are left out. When the time is over
no further round begins, and the one that runs has a minute and a half more (limit_of).
"""

import time

ENDLESS = 1000  # rounds
# (rounds of a cell that targets rest on, of any other), from what is wished down to nothing.
LEVELS = ((ENDLESS, ENDLESS), (ENDLESS, 2), (ENDLESS, 1), (3, 1), (2, 1), (1, 1), (2, 0), (1, 0))
FASTEST, SLOWEST = 0.7, 4.0  # times the expected that a machine is believed to take
QUICK = 0.5                  # of what a round takes, with --quick
PRIOR = 60.0                 # seconds that count as run at the expected speed, so that the first cells do not decide alone
ROUND_LEAST = 90             # seconds that a round of one contender may take, however short it should be


class Plan:
    """cells in their order; wished: cell -> rounds; minutes: of the whole run; scale: of the seconds that cells expect."""

    def __init__(self, cells, wished, minutes, scale=1.0, clock=time.monotonic):
        self.cells, self.wished, self.scale, self.clock = cells, wished, scale, clock
        self.began, self.budget = clock(), minutes * 60
        self.expected = self.taken = PRIOR

    def left(self):
        return self.budget - (self.clock() - self.began)

    def factor(self):
        return min(SLOWEST, max(FASTEST, self.taken / self.expected))

    def expects(self, cell, rounds):
        """Seconds on a machine as it is expected."""
        return self.scale * (cell.setup + cell.seconds * rounds) if rounds else 0.0

    def rounds_at(self, cell, level):
        return min(self.wished(cell), level[0] if cell.firm else level[1])

    def needed(self, cells, level):
        """Seconds."""
        return self.factor() * sum(self.expects(cell, self.rounds_at(cell, level)) for cell in cells)

    def level(self, at):
        """The best that fits for the cells from at on; None: the time is over."""
        left = self.left()
        return next((level for level in LEVELS if self.needed(self.cells[at:], level) <= left),
                    LEVELS[-1] if left > 0 else None)

    def rounds(self, at):
        """Of the cell at that place: 0 leaves it out."""
        level = self.level(at)
        return self.rounds_at(self.cells[at], level) if level else 0

    def to_go(self, at):
        """Seconds from that cell on, as things stand."""
        level = self.level(at)
        return self.needed(self.cells[at:], level) if level else 0.0

    def another(self, at):
        """May the cell at that place have one more of the rounds it was given? The least of what comes behind it must still fit."""
        return self.factor() * self.expects(self.cells[at], 1) + self.needed(self.cells[at + 1:], LEVELS[-1]) <= self.left()

    def took(self, cell, rounds, seconds):
        self.expected += self.expects(cell, rounds)
        self.taken += seconds

    def limit_of(self, cell):
        """Seconds after which a round of one contender, begun now, is a failure."""
        return int(min(max(ROUND_LEAST, SLOWEST * self.expects(cell, 1)), ROUND_LEAST + max(0.0, self.left())))
