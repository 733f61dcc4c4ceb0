"""The chart of a part as SVG and PNG: panels of horizontal bars (who costs how much) and of lines (does it stay flat).

Bars stand at the median and carry its figure; a thin line goes from the lowest to the highest round. Needs python3-matplotlib.
"""

import statistics
from collections import namedtuple

OURS, THEIRS, RANGE, TEXT = "#1f6f8b", "#b9bfc6", "#40464d", "#22262b"
LINES = ("#1f6f8b", "#c8553d", "#7a8a3c", "#6b5b95", "#8d8d8d")

# rows: (label, values of the rounds); form: of the figure behind a bar. Labels that begin with "shopstream" are ours.
Bars = namedtuple("Bars", "title unit rows form")
# lines: label -> list of (x, values of the rounds); the y axis begins at 0, so that flat looks flat.
Lines = namedtuple("Lines", "title x_title y_title lines log_x")


def draw_bars(axes, panel):
    rows = [row for row in panel.rows if row[1]]
    high = max((max(values) for _, values in rows), default=1)
    for at, (label, values) in enumerate(rows):
        middle = statistics.median(values)
        axes.barh(at, middle, height=0.62, color=OURS if label.startswith("shopstream") else THEIRS)
        if len(values) > 1:
            axes.plot([min(values), max(values)], [at, at], color=RANGE, linewidth=1)
        axes.text(max(values) + high * 0.015, at, panel.form % middle, va="center", fontsize=8, color=TEXT)
    axes.set_yticks(range(len(rows)), [label for label, _ in rows], fontsize=8)
    axes.invert_yaxis()
    axes.set_xlim(0, high * 1.14)
    axes.set_xlabel(panel.unit, fontsize=8)


def draw_lines(axes, panel):
    top = 0
    for number, (label, points) in enumerate(panel.lines.items()):
        points = [(x, values) for x, values in points if values]
        if not points:
            continue
        xs, middles = [x for x, _ in points], [statistics.median(values) for _, values in points]
        color = LINES[number % len(LINES)]
        axes.plot(xs, middles, marker="o", markersize=4, color=color, label=label)
        axes.vlines(xs, [min(v) for _, v in points], [max(v) for _, v in points], color=color, linewidth=1)
        top = max([top] + [max(v) for _, v in points])
    if panel.log_x:
        axes.set_xscale("log")
    # The measured points, and no others: nothing is known between them.
    xs = sorted({x for points in panel.lines.values() for x, values in points if values})
    axes.set_xticks(xs, ["{:,}".format(x) for x in xs])
    axes.set_xticks([], minor=True)
    axes.set_ylim(0, top * 1.2 or 1)
    axes.set_xlabel(panel.x_title, fontsize=8)
    axes.set_ylabel(panel.y_title, fontsize=8)
    if len(panel.lines) > 1:
        axes.legend(fontsize=8, frameon=False)


def height_of(panel):
    return 2.6 if isinstance(panel, Lines) else 0.9 + 0.26 * sum(1 for _, values in panel.rows if values)


def has_figures(panel):
    return any(values for _, values in panel.rows) if isinstance(panel, Bars) else any(
        values for points in panel.lines.values() for _, values in points)


def draw(panels, title, path):
    """Writes PATH.svg and PATH.png; returns their paths. Panels without a figure are left out; none left: nothing is written."""
    panels = [panel for panel in panels if has_figures(panel)]
    if not panels:
        return []
    import matplotlib
    matplotlib.use("Agg")
    matplotlib.rcParams.update({"svg.hashsalt": "shopstream",  # the same figures give the same file
                                "svg.fonttype": "none"})
    from matplotlib import pyplot
    heights = [height_of(panel) for panel in panels]
    figure, axes = pyplot.subplots(len(panels), 1, figsize=(7.5, sum(heights) + 0.5), squeeze=False, layout="constrained",
                                   gridspec_kw={"height_ratios": heights})
    figure.suptitle(title, fontsize=10, x=0.01, ha="left", color=TEXT)
    for at, panel in zip(axes[:, 0], panels):
        (draw_bars if isinstance(panel, Bars) else draw_lines)(at, panel)
        at.set_title(panel.title, fontsize=9, loc="left", color=TEXT)
        at.tick_params(labelsize=8, length=2)
        for side in ("top", "right"):
            at.spines[side].set_visible(False)
    written = [path + ".svg", path + ".png"]
    figure.savefig(written[0], metadata={"Date": None})
    figure.savefig(written[1], dpi=150)
    pyplot.close(figure)
    return written
