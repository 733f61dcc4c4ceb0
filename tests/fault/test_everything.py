#!/usr/bin/python3
"""Every kind of fault at once, under load: servers, workers, Redis, MongoDB, the networks between them, clocks, marketplaces and
credentials. When the weather clears, nothing that was answered 200 is lost and nothing is stale: shopstreamctl prove says so, and
every collection equals what the marketplaces serve.

The whole schedule is drawn from one seed before the first fault. Faults of one lane follow one another, lanes run side by side.
A failure prints seed and schedule; SHOPSTREAM_STORM_SEED=N draws the same schedule again (what else happens between two
instants is not drawn, so a rare failure may take several runs).

    usual                           a minute of faults
    SHOPSTREAM_LONG=1               ten minutes, at least 200 faults and 150,000 events
    SHOPSTREAM_STORM_EVENTS=N       as long as N events take at 250 a second, such as 1000000; nothing is in a hurry
    SHOPSTREAM_STORM_RATE=N         so many events a second instead, both marketplaces together

The last line names the seed, the faults by kind, events, restarts and the result; SHOPSTREAM_STORM_RECORD=FILE appends it there.

What is kept out, because nothing can heal it yet (listing again is what would): marketplaces that serve old answers, or that
lose the answer to a refresh. A refresh whose answer dies with a killed worker happens, and a person renews the grant, as its
alarm asks for.
"""

import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from stack import Failure, check, run_cases  # noqa: E402
from storm import Storm  # noqa: E402
from world import shared_mongo  # noqa: E402

LONG = os.environ.get("SHOPSTREAM_LONG") == "1"
EVENTS = int(os.environ.get("SHOPSTREAM_STORM_EVENTS", "0"))
RATE = int(os.environ.get("SHOPSTREAM_STORM_RATE", "0")) or (250 if LONG or EVENTS else 100)
SECONDS = -(-EVENTS // RATE) + 4 if EVENTS else 610 if LONG else 60
LEAST_EVENTS, LEAST_FAULTS = EVENTS or RATE * (600 if LONG else 50), 200 if LONG else 20


def keep(record):
    print("# " + record, flush=True)
    if os.environ.get("SHOPSTREAM_STORM_RECORD"):
        with open(os.environ["SHOPSTREAM_STORM_RECORD"], "a") as f:
            f.write(record + "\n")


def case_a_storm_of_all_faults_loses_nothing_and_leaves_nothing_stale():
    """At least 20 faults of every sort within a minute of 100 events a second, drawn from a new seed each time (200 in ten minutes
    with --long): 0 of the 200s lost, nothing stale, prove agrees."""
    seed = int(os.environ.get("SHOPSTREAM_STORM_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)
    print("# seed %d" % seed, flush=True)
    storm = Storm(seed, SECONDS, RATE, hurry=not EVENTS)
    try:
        storm.run()
        check(storm.events >= LEAST_EVENTS, "only %d events" % storm.events)
        check(sum(storm.met.values()) >= LEAST_FAULTS, "only %d faults" % sum(storm.met.values()))
    except Exception as problem:
        print("\n".join("# " + line for line in storm.schedule_lines()), flush=True)
        keep(storm.record("FAILED"))
        if isinstance(problem, Failure):
            raise Failure("seed %d: %s" % (seed, problem)) from None
        raise
    keep(storm.record("0 lost, 0 stale"))


if __name__ == "__main__":
    shared_mongo()
    run_cases(globals())
