"""verdict.py - did a contender do the work? Asked after every round; a rate of work that was not done is none."""

import bson
import world
from stack import check, check_equal

# What two workers that read the same order at two moments may say differently, or that only ours writes.
OWN_FIELDS = frozenset(("fetched_ms", "content_hash", "details_fetched_at", "synced_at", "first_seen", "trace"))
SAMPLE = 50  # documents that are compared field by field


def check_round(scene, figures, needed, calls):
    """What came of it: every document at the version that is served, nothing left, no call too many."""
    w = scene.world
    figures["fewest_calls"] = scene.fewest_calls() if needed else 0
    check_equal(figures["ids"], needed, "ids asked for")
    most = figures["fewest_calls"] * 1.02 if calls is None else calls
    check(figures["calls"] <= most, "%d detail calls, more than %d" % (figures["calls"], most))
    check_equal(w.sim.counters()["sign_failures"], 0, "refused signatures")
    check_equal(scene.redis.xlen(world.DEAD), scene.poison, "dead letters")
    check_equal(w.needs(), 0, "needs")
    wanted, stored = scene.wanted(), {}
    ids = sorted(wanted)
    for at in range(0, len(ids), 1000):
        stored.update((d["_id"], d["version"]) for d in w.db.orders.find({"_id": {"$in": ids[at:at + 1000]}}, {"version": 1}))
    check(stored == wanted, "%d of %d documents at the version that is served" % (
        sum(stored.get(_id) == version for _id, version in wanted.items()), len(wanted)))
    check_equal(w.db.orders.count_documents({}), len(wanted) + scene.filling, "documents")
    compare(scene, ids[::max(1, len(ids) // SAMPLE)])


def compare(scene, ids):
    """Field by field with what our worker makes of the same orders."""
    for found in scene.world.db.orders.find({"_id": {"$in": ids}}):
        ours = bson.decode(scene.documents["after"][found["_id"]].raw)
        for part in (found, ours):
            for key in OWN_FIELDS & set(part):
                del part[key]
        path = difference(found, ours)
        check(path is None, "%s: %s is not what our worker has stored" % (found["_id"], path))


def difference(theirs, ours, path=""):
    """Where two values differ, or None. What ours keeps in `extra`, because no table knows it, theirs has beside the rest, and
    may have typed."""
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        found = (difference(a, b, "%s[%d]" % (path, i)) for i, (a, b) in enumerate(zip(theirs, ours)))
        return next((one for one in found if one is not None), None)
    if not (isinstance(ours, dict) and isinstance(theirs, dict)):
        return None if theirs == ours else path
    extra = ours.get("extra", {})
    for key in sorted((set(ours) | set(theirs)) - {"extra"}):
        if key in extra and key in theirs and (str(theirs[key]) == str(extra[key]) or isinstance(extra[key], (dict, list))):
            continue
        one = difference(theirs.get(key), ours.get(key), path + "." + key)
        if one is not None:
            return one
    return None
