"""What a fault case says of itself, and the record a run keeps of it; tests/fault/matrix makes a table of both.

A case's name is its scenario. The first paragraph of its docstring is "settings: expected result", in one sentence of two parts;
further paragraphs say why. Where SHOPSTREAM_MATRIX names a file, each case that has run adds a line of JSON to it.
"""

import collections
import fcntl
import json
import os
import re

# How words of a name are written in a sentence; all others stand as they are.
SPELLINGS = {"redis": "Redis", "mongo": "MongoDB", "mongodb": "MongoDB", "sigterm": "SIGTERM", "flushall": "FLUSHALL", "xadd": "XADD",
             "misconf": "MISCONF", "acl": "ACL", "tiktok": "TikTok", "shopee": "Shopee", "retry_after": "Retry-After",
             "drain_ms": "DRAIN_MS"}

Row = collections.namedtuple("Row", "file case scenario settings expected")


def sentence(name):
    """redis_killed -> Redis killed; a_worker_s_clock -> A worker's clock."""
    for word, spelling in SPELLINGS.items():
        name = re.sub(r"(?<![^_])%s(?![^_])" % word, spelling.replace("_", "\0"), name)
    text = re.sub(r" s\b", "'s", name.replace("_", " ")).replace("\0", "_")
    return text[0].upper() + text[1:]


def row(file, case, docstring):
    """ValueError: the docstring does not tell settings and expected result."""
    first = " ".join((docstring or "").split("\n\n")[0].split())
    settings, colon, expected = first.partition(": ")
    if not (settings and colon and expected):
        raise ValueError("%s: %s: the docstring does not begin with \"settings: expected result\"" % (file, case))
    return Row(file, case, sentence(case), settings, expected)


def record(path, told, ok):
    """Appends what became of a case; several programs may do so at once."""
    line = json.dumps(dict(told._asdict(), result="ok" if ok else "failed"), ensure_ascii=False)
    with open(path, "a") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        f.write(line + "\n")


def recorded(path):
    """{Row: result} of a file of such lines; the last one of a case counts."""
    results = {}
    if os.path.exists(path):
        with open(path) as f:
            for line in f:
                told = json.loads(line)
                results[Row(*(told[field] for field in Row._fields))] = told["result"]
    return results
