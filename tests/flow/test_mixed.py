#!/usr/bin/python3
"""Everything both platforms send, at once: 20,000 events about five kinds of entities in 40 shops, repeated and out of order,
four workers, access tokens that live 20 s, and marketplaces that now and then answer that it is too much."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from stack import *  # noqa: E402,F403
from world import *  # noqa: E402,F403

SHOPS, EVENTS, TOKEN_SECONDS = 20, 10000, 20  # of each platform
BURST = {"shops": SHOPS, "events": EVENTS, "duplicates": 0.2, "reorder": 0.3, "address": 0.03, "same_second": 0.05}
# Numbers are of orders, whatever a kind makes of them; the money of those that complete is the fifth kind, which nothing announces.
KINDS = {"tiktok": {"order": 0.45, "product": 0.25, "return": 0.1, "cancellation": 0.05, "tracking": 0.15},
         "shopee": {"order": 0.45, "product": 0.25, "return": 0.15, "tracking": 0.15}}
PATHS = ("detail", "return", "product", "package", "tracking", "finance")


def shorten_tokens(world):
    """From now on every access token ends soon; the shops get such a one."""
    for sim in world.sims:
        sim.switch(access_token_seconds=TOKEN_SECONDS)
        world.put_shops([sim.grant(shop) for shop in range(SHOPS)])
        sim.reset()


def check_refreshes(world, seconds):
    """Once an authorization and expiry: tokens are renewed from half of their life on, and nobody asks with a used one."""
    least, most = int(seconds / TOKEN_SECONDS), int(seconds / (TOKEN_SECONDS / 2)) + 1
    for sim in world.sims:
        authorizations = sim.authorizations()
        check_equal(len(authorizations), SHOPS, "authorizations of %s" % sim.platform)
        check_equal([a for a in authorizations if a["refused_refreshes"] or a["revoked"]], [], "refused refreshes")
        wrong = [a for a in authorizations if not least <= a["refreshes"] <= most]
        check(not wrong, "refreshes in %.0f s, allowed are %d to %d: %s" % (seconds, least, most, wrong[:3]))
        check(all(shop["access_token"].startswith(tuple(TOKENS)) for shop in sim.shops()), "tokens as check_silence knows them")


def check_nothing_plain(world):
    """What is stored of the grants is sealed."""
    for name in world.db.list_collection_names():
        if name in ("shops", "authorizations", "needs", "webhook_events"):
            for document in world.db[name].find():
                world.check_no_secret(repr(document), "a document of %s" % name)
    for key in world.redis.client.scan_iter():
        if world.redis.client.type(key) == b"string":
            world.check_no_secret(text(world.redis.client.get(key) or b""), "Redis' key %s" % text(key))


def case_20000_mixed_events_of_two_platforms_with_tokens_that_expire_and_limits_that_refuse():
    with World(shops=SHOPS, shopee=SHOPS, release=True, register=False, worker={"REFRESH_INTERVAL_MS": 500}) as world:
        shorten_tokens(world)
        began = time.monotonic()
        for number in range(4):
            world.worker("mixed%d" % number, LOG_LEVEL="debug" if number == 0 else "info")
        for sim in world.sims:
            for path in PATHS:
                sim.fault("429", probability=0.01, path=path, retry_after=1)
        lines = [line for sim in world.sims for line in sim.burst(orders=EVENTS // 8, kinds=KINDS[sim.platform], **BURST)]
        random.Random(5).shuffle(lines)
        world.send(lines, connections=32, rate=800)
        for sim in world.sims:
            refused = sim.counters()["errors_by_code"]
            check(any("36009002" in code or "rate_limit" in code for code in refused), "no 429 came: %s" % refused)
        world.settle(90)
        seconds = time.monotonic() - began
        check(seconds > 1.2 * TOKEN_SECONDS, "it took %.0f s: no token has expired" % seconds)
        check_refreshes(world, seconds)
        wait_for("no need", lambda: world.needs() == 0, 30)
        for sim in world.sims:
            sim.heal()
        world.check()
        check_nothing_plain(world)
        for collection, _ in truth.KINDS.values():
            found = world.db[collection].distinct("platform")
            check_equal(sorted(found), ["shopee", "tiktok"], "platforms in %s" % collection)


if __name__ == "__main__":
    run_cases(globals())
