"""burst.py - the demo's burst: changes of every kind at every marketplace, and the pushes that announce them.

    burst.py URL...     marketplace simulators; prints one push a line, those of all marketplaces mixed

BURST_SHOPS, BURST_ENTITIES and BURST_EVENTS are for each marketplace; BURST_COMPLETED orders of each shop are carried to their
end besides, so that money moves.
"""

import itertools
import json
import os
import sys
import urllib.request

KINDS = {
    "tiktok": {"order": 0.45, "product": 0.15, "return": 0.1, "cancellation": 0.1, "tracking": 0.2},
    "shopee": {"order": 0.5, "product": 0.15, "return": 0.15, "tracking": 0.2},
}
FIRST_COMPLETED = 100000  # numbers of orders, away from those of the burst
STEPS_TO_THE_END = 14     # more than any order has


def post(url, body):
    with urllib.request.urlopen(urllib.request.Request(url, data=json.dumps(body).encode(), method="POST"), timeout=60) as answer:
        return answer.read().decode()


def platform_of(url):
    with urllib.request.urlopen(url + "/_sim/shops", timeout=10) as answer:
        return json.loads(answer.readline())["platform"]


def burst(url, shops, entities, events, completed):
    lines = post(url + "/_sim/burst", {
        "shops": shops, "orders": entities, "events": events, "kinds": KINDS[platform_of(url)], "duplicates": 0.2, "reorder": 0.3,
        "address": 0.05, "same_second": 0.05}).splitlines()
    for shop, number in itertools.product(range(shops), range(FIRST_COMPLETED, FIRST_COMPLETED + completed)):
        made = json.loads(post(url + "/_sim/change", {"shop": shop, "number": number, "revisions": STEPS_TO_THE_END}))
        lines.insert(len(lines) * (number - FIRST_COMPLETED) // completed, json.dumps(made["push"]))
    return lines


def main(urls):
    settings = [int(os.environ["BURST_" + name]) for name in ("SHOPS", "ENTITIES", "EVENTS", "COMPLETED")]
    for lines in itertools.zip_longest(*(burst(url, *settings) for url in urls)):
        for line in lines:
            if line is not None:
                print(line)


if __name__ == "__main__":
    main(sys.argv[1:])
