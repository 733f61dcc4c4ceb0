"""The ingest half of the part experiments: for each target that may be missed, a cell in which its limit is lifted.

A target's row that is missed names its limit and gives these figures (limit_*). What is fixed here is what the base case has."""

import os
import tempfile

from ingest import load, plain
from ingest.contenders import Evhttp, EvhttpRedis, Webdis
from ingest.journal import journal_round
from ingest.product import Shopstream
from lib.cell import Cell, told

HALF_DISK, PIECES, COMMANDS, JOURNAL_DISK = (
    "the same rate as its half of the maximum", "piece by piece", "a command of Redis alone", "journal, where it lies")
EVERYSEC, NO_AOF, MEMORY_AOF, NO_REDIS = (
    "shopstream, AOF everysec", "shopstream, AOF off", "shopstream, AOF in memory (tmpfs)", "bare evhttp, no Redis")
BARE, WEBDIS, WEBDIS_1, LIBRARIES, LIBRARIES_MARKS, NO_MARKS, NO_RING, WHOLE = (
    "evhttp alone", "webdis as packaged", "webdis with one connection to Redis", "evhttp + hiredis: XADD",
    "evhttp + hiredis: GET, XADD, SET", "shopstream, dedupe off, no ring", "shopstream, no ring", "shopstream as it is")
XADD, XADD_BODY, GET, SET, SET_FOREVER = (
    "XADD, twelve fields", "XADD, the body alone", "GET, no such key", "SET with an expiry", "SET without")
ON_DISK, IN_MEMORY = "on disk", "in memory (tmpfs)"
MEMORY = "/dev/shm"
PIECE_MAKERS = {
    BARE: Evhttp,
    WEBDIS: Webdis,
    WEBDIS_1: lambda redis: Webdis(redis, pool=1),
    LIBRARIES: EvhttpRedis,
    LIBRARIES_MARKS: lambda redis: EvhttpRedis(redis, marks=True),
    NO_MARKS: lambda redis: Shopstream(redis, {"DEDUPE_WINDOW_MINUTES": 0, "REPLAY_SECONDS": 0}),
    NO_RING: lambda redis: Shopstream(redis, {"REPLAY_SECONDS": 0}),
    WHOLE: Shopstream,
}


def in_memory(run):
    """run(directory), with a directory in memory that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="shopstream-bench-", dir=MEMORY) as directory:
        return run(directory)


def half_cell(rate_of, columns):
    """rate_of(quick): half of the product's maximum; all contenders get that, so that only what is lifted differs."""
    def at(make, *arguments):
        return lambda quick: load.round_of(make, quick, redis_arguments=arguments, rate=rate_of(quick))

    def aof_in_memory(quick):
        return in_memory(lambda directory: at(Shopstream, "--dir", directory)(quick))

    return Cell(HALF_DISK, "experiments", {
        EVERYSEC: at(Shopstream), NO_AOF: at(Shopstream, "--appendonly", "no"),
        **({MEMORY_AOF: aof_in_memory} if os.path.isdir(MEMORY) else {}), NO_REDIS: at(Evhttp)}, columns, firm=True)


def pieces_cell(columns):
    return Cell(PIECES, "experiments", {
        name: lambda quick, make=make: load.round_of(make, quick) for name, make in PIECE_MAKERS.items()}, columns, firm=True)


def commands_cell(columns):
    commands = {XADD: plain.XADD, XADD_BODY: plain.XADD_BODY, GET: plain.GET, SET: plain.SET, SET_FOREVER: plain.SET_FOREVER}
    return Cell(COMMANDS, "experiments", {
        name: lambda quick, command=command: plain.plain_round(quick, connections=4, pipeline=16, command=command)
        for name, command in commands.items()}, columns, firm=True, seconds=3 * len(commands))


def journal_cell(columns):
    return Cell(JOURNAL_DISK, "experiments", {
        ON_DISK: journal_round,
        **({IN_MEMORY: lambda quick: in_memory(lambda directory: journal_round(quick, directory))} if os.path.isdir(MEMORY) else {}),
    }, columns, rounds=2, quick=False, firm=True, seconds=16)


# ---------------------------------------------------------------- what limits a target that is missed

def limit_of_libraries(results, other):
    """CPU by that of another contender of the same cell: the libraries' calls alone, by the same."""
    def limit():
        by, whole, one, bare, ours = (results.median(PIECES, name, "cpu") for name in (
            other, LIBRARIES_MARKS, LIBRARIES, NO_MARKS, WHOLE))
        if None in (by, whole, one, bare, ours):
            return None
        return told("libevent and hiredis alone: with the same three commands, verifying, parsing and limiting nothing, they are at %.2f, "
                    "with XADD alone at %.2f; shopstream in the same cell at %.2f, without marks and ring at %.2f",
                    *(figure / by for figure in (whole, one, ours, bare)))
    return limit


def limit_of_marks(results):
    def limit():
        xadd, get, put, forever = (results.median(COMMANDS, one, "redis") for one in (XADD, GET, SET, SET_FOREVER))
        if None in (xadd, get, put, forever):
            return None
        return told("a mark is two more commands of Redis: by redis-benchmark GET %.1f and SET %.1f (without expiry %.1f) beside XADD "
                    "%.1f µs, so %.2f; without expiry %.2f, without marks 1", get, put, forever, xadd,
                    (xadd + get + put) / xadd, (xadd + get + forever) / xadd)
    return limit


def limit_of_half(results):
    def limit():
        figures = [results.median(HALF_DISK, one, "p99") for one in (EVERYSEC, NO_AOF, NO_REDIS)]
        sentence = told("Redis' append-only file and the core that Redis shares with the sender: at the same rate everysec %.2f, no file "
                        "%.2f, no Redis at all %.2f ms", *figures)
        memory = results.median(HALF_DISK, MEMORY_AOF, "p99")
        return sentence and sentence + ("" if memory is None else "; the file in memory %.2f" % memory)
    return limit


def limit_of_journal(results):
    def limit():
        return told("the disk's flush: %.0f on disk, %.0f in memory", results.median(JOURNAL_DISK, ON_DISK, "rate"),
                    results.median(JOURNAL_DISK, IN_MEMORY, "rate"))
    return limit
