"""The written result: machine and versions, a table a part, the table of design targets.

Every figure is the median of its rounds with the lowest and highest behind it, where those differ.
"""

import os
import platform
import re
import statistics
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def output(*command):
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def package(name):
    """Version of an installed Debian package."""
    return output("dpkg-query", "-W", "-f", "${Version}", name)


def first(pattern, text):
    match = re.search(pattern, text, re.M)
    return match.group(1).strip() if match else "?"


def facts():
    """(name, what) of everything that makes a figure what it is."""
    with open("/proc/cpuinfo") as f:
        model = first(r"^model name\s*:\s*(.+)", f.read())
    with open("/proc/meminfo") as f:
        memory = int(first(r"^MemTotal:\s+(\d+)", f.read())) / (1 << 20)
    with open("/etc/os-release") as f:
        system = first(r'^PRETTY_NAME="?([^"\n]+)', f.read())
    libraries = [(name, output("pkg-config", "--modversion", module)) for name, module in (
        ("libevent", "libevent"), ("hiredis", "hiredis"), ("libmongoc", "libmongoc-1.0"), ("libcurl", "libcurl"),
        ("OpenSSL", "libcrypto"), ("yyjson", "yyjson"), ("jemalloc", "jemalloc"))]
    return [
        ("commit", output("git", "-C", ROOT, "describe", "--always", "--dirty") or "?"),
        ("machine", "%d processors, %s, %.0f GiB" % (os.cpu_count(), model if model != "?" else platform.machine(), memory)),
        ("system", "%s, Linux %s, %s" % (system, platform.release(), output("gcc", "--version").partition("\n")[0])),
        ("libraries", ", ".join("%s %s" % (name, version or "none") for name, version in libraries)),
        ("Redis", "%s, appendonly yes, appendfsync everysec, no snapshots, noeviction, on loopback (deploy/stack/redis)" %
         first(r"v=(\S+)", output("redis-server", "--version"))),
    ]


# ---------------------------------------------------------------- tables

# How busy the machine was is told by the median alone: it explains a figure and is none.
CONDITIONS = ("own_core", "driver_core", "others")


def shown(values, form, spread=True):
    """Median, and what it lies between."""
    if not values:
        return "–"
    middle, low, high = (form % v for v in (statistics.median(values), min(values), max(values)))
    return middle if low == high or not spread else "%s (%s–%s)" % (middle, low, high)


def row_of(results, cell, contender):
    error = results.error(cell.name, contender)
    if error and (cell.name, contender) not in results.rounds:
        return ["**failed:** " + error.replace("|", "\\|")] + [""] * (len(cell.columns) - 1)
    return [shown(results.values(cell.name, contender, key), form, key not in CONDITIONS) for key, _, form in cell.columns]


def table_of(results, cells):
    """Cells with the same columns; a cell's name stands in its first row."""
    lines = ["| | contender | " + " | ".join(title for _, title, _ in cells[0].columns) + " |",
             "|---" * (len(cells[0].columns) + 2) + "|"]
    for cell in cells:
        for number, contender in enumerate(cell.contenders):
            name = "**%s**" % cell.name if number == 0 else ""
            lines.append("| " + " | ".join([name, contender] + row_of(results, cell, contender)) + " |")
    return "\n".join(lines)


def tables(results, part):
    """One after another, as long as neighbours have the same columns."""
    found = []
    for cell in results.cells:
        if cell.part != part:
            continue
        if found and found[-1][0].columns == cell.columns:
            found[-1].append(cell)
        else:
            found.append([cell])
    return "\n\n".join(table_of(results, cells) for cells in found)


def verdict(row):
    return {True: "yes", None: "not measured", False: "**no**, by %.1f %%" % row.by}[row.met]


def targets_table(rows):
    """With a sentence of how many are met, and the limit of each that is not."""
    missed, known = [row for row in rows if row.met is False], [row for row in rows if row.met is not None]
    said = "%d of %d met." % (len(known) - len(missed), len(known))
    if missed:
        said = "%d of %d met; the largest miss is %.1f %%." % (len(known) - len(missed), len(known), max(row.by for row in missed))
    return "\n".join([said, "", "| Target | measured | bound | met | what limits it, and what moves it |", "|---|---|---|---|---|"] + [
        "| %s | %s | %s | %s | %s |" % (row.sentence, row.figure, row.bound, verdict(row),
                                       (row.limit or "no experiment") if row.met is False else "") for row in rows])


def failures_list(results):
    """Rounds that failed, and cells there was no time for."""
    lines = ["- %s, %s: %s (%s)" % (cell, contender, sentence, "given up" if results.error(cell, contender) else "tried again")
             for cell, contender, sentence in results.failures]
    if results.left_out:
        lines.append("- no time was left for: " + ", ".join(results.left_out))
    return "\n".join(lines)


def facts_table(rows):
    return "\n".join(["| | |", "|---|---|"] + ["| %s | %s |" % row for row in rows])
