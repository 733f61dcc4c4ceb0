#!/usr/bin/python3
"""The marketplace the other tests compare with, itself under test: every route of TikTok with right and wrong calls, and the
control API. Signatures are computed here, from the platform's description and not from the product's code."""

import collections
import http.client
import os
import sys
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from stack import *  # noqa: E402,F403
from world import *  # noqa: E402,F403

DAY = 86400
# Every signed route: method, path ({order} and the like are filled in), query, body.
ROUTES = [
    ("GET", "/order/202507/orders", {"ids": "{order}"}, None),
    ("GET", "/order/202309/orders", {"ids": "{order}"}, None),
    ("POST", "/order/202309/orders/search", {"page_size": 100, "sort_field": "update_time", "sort_order": "ASC"}, {}),
    ("POST", "/return_refund/202602/returns/search", {"page_size": 10}, {"return_ids": ["{return}"]}),
    ("POST", "/return_refund/202309/returns/search", {}, {"order_ids": ["{order}"]}),
    ("POST", "/return_refund/202602/cancellations/search", {"page_size": 1}, {"cancel_ids": ["{cancellation}"]}),
    ("POST", "/return_refund/202309/cancellations/search", {"sort_field": "update_time"}, {"order_ids": ["{order}"]}),
    ("POST", "/fulfillment/202309/packages/search", {"page_size": 50}, {"package_status": "COMPLETED"}),
    ("GET", "/fulfillment/202309/packages/{package}", {}, None),
    ("GET", "/fulfillment/202309/orders/{order}/tracking", {}, None),
    ("POST", "/product/202502/products/search", {"page_size": 100}, {"status": "ALL"}),
    ("POST", "/product/202309/products/search", {"page_size": 1}, {"sku_ids": ["{sku}"]}),
    ("GET", "/product/202309/products/{product}", {"locale": "vi-VN"}, None),
    ("POST", "/product/202309/inventory/search", {}, {"product_ids": ["{product}"]}),
    ("GET", "/finance/202501/orders/{order}/statement_transactions", {}, None),
    ("GET", "/finance/202309/statements", {"sort_field": "statement_time", "page_size": 100}, None),
    ("GET", "/finance/202501/statements/{statement}/statement_transactions", {"sort_field": "order_create_time"}, None),
    ("GET", "/finance/202309/payments", {"sort_field": "create_time"}, None),
    ("GET", "/event/202309/webhooks", {}, None),
    ("PUT", "/event/202309/webhooks", {}, {"event_type": "PACKAGE_UPDATE", "address": "https://hooks.example.test/4"}),
    ("DELETE", "/event/202309/webhooks", {}, {"event_type": "PACKAGE_UPDATE"}),
]
KINDS = ("order", "product", "return", "cancellation", "tracking", "transaction")


class Caller:
    """Calls the marketplace as a client of one shop would."""

    def __init__(self, sim, shop=0):
        self.sim = sim
        self.shop = shop
        self.renew()

    def renew(self):
        self.record = self.sim.shops()[self.shop]
        self.token = self.record["access_token"]

    def sign(self, path, query, body):
        message = APP_SECRET + path + "".join(k + str(query[k]) for k in sorted(query) if k != "sign")
        return hmac.new(APP_SECRET.encode(), message.encode() + body + APP_SECRET.encode(), hashlib.sha256).hexdigest()

    def raw(self, method, path, query=None, body=None, leave_out=(), headers=None, **override):
        """(status, headers, text); override replaces signed parameters afterwards, leave_out removes them before."""
        data = b"" if body is None else json.dumps(body).encode()
        query = dict({"app_key": APP_KEY, "timestamp": int(time.time()), "shop_cipher": self.record["shop_cipher"]},
                     **(query or {}))
        query = {k: v for k, v in query.items() if k not in leave_out}
        query["sign"] = self.sign(path, query, data)
        query.update(override)
        sent = {"content-type": "application/json", "x-tts-access-token": self.token}
        sent.update(headers or {})
        request = urllib.request.Request(self.sim.url + path + "?" + urllib.parse.urlencode(query), method=method, data=data or None,
                                         headers={k: v for k, v in sent.items() if v is not None})
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read().decode()

    def code(self, *arguments, **more):
        """(status, code of the envelope)"""
        status, _, text = self.raw(*arguments, **more)
        return status, json.loads(text)["code"]

    def data(self, method, path, query=None, body=None):
        status, _, text = self.raw(method, path, query, body)
        envelope = json.loads(text)
        check_equal((status, envelope["code"], envelope["message"]), (200, 0, "Success"), "%s %s" % (method, path))
        return envelope["data"]

    def pages(self, method, path, array, query, body=None):
        """All elements of all pages; pages never overlap."""
        found, token = [], ""
        while True:
            data = self.data(method, path, dict(query, page_token=token) if token else query, body)
            check(len(data[array]) <= query["page_size"], "a page is longer than page_size")
            found += data[array]
            token = data.get("next_page_token", "")
            if not token:
                return found
            check(set("/+=") <= set(token), "page token %r without / + =" % token)


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


def truth_lines(sim, **query):
    return sim.lines("GET", "truth?" + urllib.parse.urlencode(query))


def truths(sim, **query):
    return [json.loads(line) for line in truth_lines(sim, **query)]


def body_text(line):
    """The bytes of the member "body" of a truth line."""
    return line[line.index('"body":') + 7:-1]


def pushed(line):
    return json.loads(json.loads(line)["body"])


def pushed_body(change):
    return json.loads(change["push"]["body"])


def filled(sim, orders=40, days=5, shops=2, **more):
    """Orders, products, returns, cancellations and tracking of two shops, begun some days ago."""
    sim.switch(update_time_base=int(time.time()) - days * DAY)
    kinds = {"order": 0.6, "product": 0.1, "return": 0.1, "cancellation": 0.05, "tracking": 0.15}
    return sim.burst(shops=shops, orders=orders * shops, events=orders * shops * 16, kinds=kinds, **more)


def names_of(sim, shop=0):
    """Ids of a shop that fill in the routes: of an order that has everything."""
    shop_id = sim.shops()[shop]["shop_id"]
    found = collections.defaultdict(dict)
    for t in truths(sim, shop=shop):
        check_equal((t["platform"], t["shop_id"]), ("tiktok", shop_id), "truth of shop %d" % shop)
        found[t["number"]][t["kind"]] = t
    number = next(n for n, kinds in sorted(found.items()) if set(kinds) == set(KINDS))
    kinds = found[number]
    return {
        "order": kinds["order"]["id"], "product": kinds["product"]["id"], "return": kinds["return"]["id"],
        "cancellation": kinds["cancellation"]["id"], "package": kinds["tracking"]["body"]["packages"][0]["package_id"],
        "sku": kinds["product"]["body"]["skus"][0]["id"],
        "statement": kinds["transaction"]["body"]["sku_transactions"][0]["statement_id"], "number": number,
    }


def fill(value, names):
    if isinstance(value, str):
        return re.sub(r"\{(\w+)\}", lambda m: str(names[m.group(1)]), value)
    if isinstance(value, dict):
        return {k: fill(v, names) for k, v in value.items()}
    return [fill(v, names) for v in value] if isinstance(value, list) else value


def routes_of(names):
    return [(method, fill(path, names), fill(query, names), fill(body, names)) for method, path, query, body in ROUTES]


# ---------------------------------------------------------------- calls

def case_answers_every_route_and_refuses_what_is_wrong_about_a_call():
    with Simulator(shops=3) as sim:
        filled(sim)
        caller, stranger = Caller(sim), Caller(sim, 1)
        before = sim.counters()["sign_failures"]
        for method, path, query, body in routes_of(names_of(sim)):
            what = "%s %s" % (method, path)

            def refused(expected, reason, **more):
                check_equal(caller.code(method, path, query, body, **more), expected, "%s: %s" % (what, reason))

            refused((200, 0), "right")
            refused((401, 106001), "wrong signature", sign="0" * 64)
            refused((401, 106001), "upper case signature", sign=caller.sign(path, dict(query), b"").upper())
            refused((401, 106001), "changed after signing", timestamp=int(time.time()) - 1)
            refused((400, 36009004), "wrong app", app_key="other")
            refused((400, 36009004), "old", timestamp=int(time.time()) - 301)
            refused((400, 106013), "no shop_cipher", leave_out=("shop_cipher",))
            refused((400, 36009004), "no token", headers={"x-tts-access-token": None})
            refused((401, 105001), "made-up token", headers={"x-tts-access-token": "ROW_nobody"})
            refused((401, 101000), "token of another shop", headers={"x-tts-access-token": stranger.token})
            refused((400, 36009004), "wrong media type", headers={"content-type": "text/plain"})
            check_equal(caller.code(method, path, dict(query, surprise="1"), body), (400, 36009004), what + ": unknown parameter")
            check_equal(caller.code("PATCH", path, query, body), (404, 36009010), what + ": other method")
            if body is not None:
                check_equal(caller.code(method, path, query, dict(body, surprise=1)), (400, 36009004), what + ": unknown member")
        check_equal(sim.counters()["sign_failures"] - before, 3 * len(ROUTES), "signature failures counted")
        check_equal(caller.code("GET", "/order/202309/nothing"), (404, 36009009), "unknown path")
        check_equal(caller.code("DELETE", "/order/202507/orders"), (404, 36009010), "unknown method")
        check_equal(caller.code("GET", "/product/202309/products/"), (404, 36009009), "a path without its id")


def case_page_sizes_sorts_and_numbers_of_ids_are_bound():
    with Simulator(shops=1) as sim:
        filled(sim, orders=3, shops=1)
        caller = Caller(sim)
        bad = [
            ("POST", "/return_refund/202602/returns/search", {"page_size": 9}, {}, 36009004),
            ("POST", "/return_refund/202602/returns/search", {"page_size": 51}, {}, 36009004),
            ("POST", "/return_refund/202602/returns/search", {"sort_field": "order_pay_time"}, {}, 36009004),
            ("POST", "/return_refund/202602/returns/search", {"sort_order": "UP"}, {}, 36009004),
            ("POST", "/return_refund/202602/returns/search", {}, {"return_ids": ["1"] * 51}, 36009004),
            ("POST", "/return_refund/202602/returns/search", {}, {"return_ids": "1"}, 36009004),
            ("POST", "/return_refund/202602/returns/search", {"page_token": "bm9uc2Vuc2U="}, {}, 36009004),
            ("POST", "/return_refund/202602/cancellations/search", {"page_size": 0}, {}, 36009004),
            ("POST", "/return_refund/202602/cancellations/search", {"page_size": 51}, {}, 36009004),
            ("POST", "/fulfillment/202309/packages/search", {}, {}, 36009004),
            ("POST", "/fulfillment/202309/packages/search", {"page_size": 51}, {}, 36009004),
            ("POST", "/product/202502/products/search", {}, {}, 12019109),
            ("POST", "/product/202502/products/search", {"page_size": 101}, {}, 12019109),
            ("POST", "/product/202502/products/search", {"page_size": 9, "sort_field": "create_time"}, {}, 36009004),
            ("POST", "/product/202502/products/search", {"page_size": 9}, {"seller_skus": ["a"] * 11}, 12019027),
            ("POST", "/product/202502/products/search", {"page_size": 9}, {"sku_ids": ["1"] * 11}, 12019087),
            ("POST", "/product/202502/products/search", {"page_size": 9}, {"update_time_lt": 1}, 36009004),
            ("POST", "/product/202502/products/search", {"page_size": 9}, {"update_time_le": "1"}, 12019119),
            ("POST", "/product/202502/products/search", {"page_size": 9}, {"status": "LIVE"}, 36009004),
            ("POST", "/product/202309/inventory/search", {}, {}, 36009004),
            ("POST", "/product/202309/inventory/search", {}, {"product_ids": ["1"] * 101}, 12019120),
            ("POST", "/product/202309/inventory/search", {}, {"sku_ids": ["1"] * 601}, 12019015),
            ("GET", "/finance/202309/statements", {}, None, 36009004),
            ("GET", "/finance/202309/statements", {"sort_field": "create_time"}, None, 36009004),
            ("GET", "/finance/202309/statements", {"sort_field": "statement_time", "page_size": 101}, None, 36009004),
            ("GET", "/finance/202309/statements", {"sort_field": "statement_time", "statement_time_ge": "x"}, None, 36009004),
            ("GET", "/finance/202309/payments", {"sort_field": "statement_time"}, None, 36009004),
            ("GET", "/order/202507/orders", {"ids": ",".join(["1"] * 51)}, None, 36009004),
            ("GET", "/order/202507/orders", {}, None, 36009004),
            ("PUT", "/event/202309/webhooks", {}, {"event_type": "PACKAGE_UPDATE", "address": "http://a.example.test/"}, 36009004),
            ("PUT", "/event/202309/webhooks", {}, {"event_type": "PACKAGE_UPDATE", "address": "https://a.example.test:8443/"}, 36009004),
            ("PUT", "/event/202309/webhooks", {}, {"event_type": "PACKAGE_UPDATE", "address": "https://127.0.0.1/"}, 36009004),
            ("PUT", "/event/202309/webhooks", {}, {"event_type": "NO_SUCH_TOPIC", "address": "https://a.example.test/"}, 36009004),
        ]
        for method, path, query, body, code in bad:
            check_equal(caller.code(method, path, query, body), (400, code), "%s %s %s %s" % (method, path, query, str(body)[:60]))


def case_serves_the_truth_byte_for_byte():
    with Simulator(shops=1) as sim:
        filled(sim, orders=30, shops=1)
        caller = Caller(sim)
        seen = collections.Counter()
        for line in truth_lines(sim):
            record, body = json.loads(line), body_text(line)
            kind, id_ = record["kind"], record["id"]
            seen[kind] += 1
            if kind == "order":
                answers = [caller.raw("GET", "/order/202507/orders", {"ids": id_})]
            elif kind == "product":
                answers = [caller.raw("GET", "/product/202309/products/" + id_)]
            elif kind == "return":
                answers = [caller.raw("POST", "/return_refund/202602/returns/search", {}, {"return_ids": [id_]})]
            elif kind == "cancellation":
                answers = [caller.raw("POST", "/return_refund/202602/cancellations/search", {}, {"cancel_ids": [id_]})]
            elif kind == "transaction":
                answers = [caller.raw("GET", "/finance/202501/orders/%s/statement_transactions" % id_)]
            else:
                packages = [caller.raw("GET", "/fulfillment/202309/packages/" + p["id"]) for p in record["body"]["order"]["packages"]]
                check_equal([json.loads(text)["data"] for _, _, text in packages], record["body"]["packages"], "packages of " + id_)
                events = caller.data("GET", "/fulfillment/202309/orders/%s/tracking" % id_)
                check_equal(events["tracking"], record["body"]["tracking"], "tracking of " + id_)
                continue
            check(body in answers[0][2], "%s %s: what is served is not the truth" % (kind, id_))
        check_equal(set(seen), set(KINDS), "kinds of the truth")
        check_equal(seen["order"], 30, "orders")
        check_equal([json.loads(line)["order"] for line in sim.orders()], [t["body"] for t in truths(sim, kind="order")],
                    "the two lists of orders")


def case_pages_hold_every_entity_once_and_filters_leave_out_the_rest():
    with Simulator(shops=2) as sim:
        filled(sim, orders=60)
        caller = Caller(sim)
        known = collections.defaultdict(dict)
        for t in truths(sim, shop=0):
            known[t["kind"]][t["id"]] = t["body"]
        searches = [
            ("/order/202309/orders/search", "orders", "id", "order", 7),
            ("/return_refund/202602/returns/search", "return_orders", "return_id", "return", 10),
            ("/return_refund/202602/cancellations/search", "cancellations", "cancel_id", "cancellation", 3),
            ("/product/202502/products/search", "products", "id", "product", 7),
        ]
        for path, array, key, kind, size in searches:
            found = caller.pages("POST", path, array, {"page_size": size}, {})
            check_equal(sorted(e[key] for e in found), sorted(known[kind]), "all of %s" % path)
            times = sorted(e["update_time"] for e in found)
            middle = times[len(times) // 2]
            low = caller.pages("POST", path, array, {"page_size": size},
                               {"update_time_le": middle - 1} if kind == "product" else {"update_time_lt": middle})
            high = caller.pages("POST", path, array, {"page_size": size}, {"update_time_ge": middle})
            check_equal(len(low) + len(high), len(found), "the two halves of %s" % path)
            check(all(e["update_time"] >= middle for e in high), "%s: a bound was ignored" % path)
        packages = caller.pages("POST", "/fulfillment/202309/packages/search", "packages", {"page_size": 9, "sort_order": "ASC"}, {})
        check_equal(sorted(p["id"] for p in packages),
                    sorted(p["package_id"] for t in known["tracking"].values() for p in t["packages"]), "all packages")
        check_equal([p["create_time"] for p in packages], sorted(p["create_time"] for p in packages), "sorted by creation")
        check(any(len(t["packages"]) > 1 for t in known["tracking"].values()), "no order with several packages")
        found = caller.pages("POST", "/return_refund/202602/returns/search", "return_orders", {"page_size": 10},
                             {"return_status": ["RETURN_OR_REFUND_REQUEST_COMPLETE"]})
        check_equal(sorted(r["return_id"] for r in found),
                    sorted(i for i, r in known["return"].items() if r["return_status"] == "RETURN_OR_REFUND_REQUEST_COMPLETE"),
                    "returns of one status")
        either = [caller.pages("POST", "/return_refund/202309/cancellations/search", "cancellations", {"page_size": 50},
                               {"cancel_status": [status]}) for status in ("CANCELLATION_REQUEST_CANCEL", "CANCELLATION_REQUEST_CANCELLED")]
        check(either[0] and either[0] == either[1], "both spellings of a withdrawn cancellation")
        stock = caller.data("POST", "/product/202309/inventory/search", {}, {"product_ids": sorted(known["product"])})["inventory"]
        check_equal(sum(s["total_available_quantity"] for p in stock for s in p["skus"]),
                    sum(i["quantity"] for p in known["product"].values() for s in p["skus"] for i in s["inventory"]), "stock")


def case_ids_of_others_are_refused_or_left_out():
    with Simulator(shops=2) as sim:
        filled(sim)
        caller = Caller(sim)
        mine, theirs = names_of(sim, 0), names_of(sim, 1)
        for path, code in (("/product/202309/products/" + theirs["product"], 12052048),
                           ("/product/202309/products/1729999999999999999", 12052032),
                           ("/fulfillment/202309/packages/" + theirs["package"], 21011028),
                           ("/fulfillment/202309/packages/" + mine["package"][:-1] + "x", 21011028),
                           ("/fulfillment/202309/orders/%s/tracking" % theirs["order"], 21011028),
                           ("/finance/202501/orders/%s/statement_transactions" % theirs["order"], 21011028)):
            check_equal(caller.code("GET", path)[1], code, path)
        search = ("POST", "/return_refund/202602/returns/search", {}, {"return_ids": [mine["return"], theirs["return"]]})
        check_equal([r["return_id"] for r in caller.data(*search)["return_orders"]], [mine["return"]], "foreign return left out")
        sim.switch(foreign_ids="21008111")
        check_equal(caller.code(*search)[1], 25020005, "foreign return refused")


# ---------------------------------------------------------------- entities

def case_changes_push_the_topic_of_their_kind():
    topics = {"order": {1}, "product": {5, 15, 16, 27, 37}, "return": {12}, "cancellation": {11}, "tracking": {4}}
    with Simulator(shops=2) as sim:
        for kind, types in topics.items():
            seen = set()
            for revision in range(1, 10):
                change = sim.change(1, 3, kind=kind, at="now")
                push = change["push"]
                check_equal((change["kind"], change["revision"] >= revision), (kind, True), "change of " + kind)
                check_equal(push["signature"],
                            hmac.new(APP_SECRET.encode(), (APP_KEY + push["body"]).encode(), hashlib.sha256).hexdigest(), "signature")
                body = json.loads(push["body"])
                seen.add(body["type"])
                text = json.dumps(body["data"])
                check(change["id"] in text, "%s: the push does not name %s: %s" % (kind, change["id"], text))
            check_equal(seen, types, "topics of " + kind)
        while sim.change(1, 3, revisions=1)["status"] not in ("COMPLETED", "CANCELLED"):
            pass
        check_equal(sim.change(1, 3, kind="transaction")["push"], None, "push of a transaction")
        shapes = {type(pushed_body(sim.change(0, n, kind="product"))["data"]["product_id"]) for n in range(4) for _ in range(5)}
        check_equal(shapes, {int, str}, "product ids as number and as text")


def case_a_burst_mixes_kinds_in_the_shares_asked_for():
    with Simulator(shops=4) as sim:
        events = sim.burst(shops=4, orders=400, events=4000, duplicates=0.2, reorder=0.5, seed=7,
                           kinds={"order": 0.6, "product": 0.1, "return": 0.1, "cancellation": 0.05, "tracking": 0.15})
        check_equal(len(events), 4000, "lines")
        types = collections.Counter(pushed(line)["type"] for line in set(events))
        share = {k: sum(types[t] for t in ts) / sum(types.values())
                 for k, ts in {"order": (1, 3), "product": (5, 15, 16, 27, 37), "return": (12,), "cancellation": (11,), "tracking": (4,)}.items()}
        for kind, wanted in (("order", 0.6), ("product", 0.1), ("return", 0.1), ("cancellation", 0.05), ("tracking", 0.15)):
            check(abs(share[kind] - wanted) < 0.05, "%s: share %.3f instead of %.2f" % (kind, share[kind], wanted))
        named = set(re.findall(r"\d{18,21}", "".join(events)))
        for t in truths(sim):
            if t["kind"] in ("order", "product", "return", "cancellation"):
                check(t["id"] in named, "%s %s was never announced" % (t["kind"], t["id"]))


def case_deleted_entities_are_gone():
    with Simulator(shops=1) as sim:
        filled(sim, shops=1)
        caller, names = Caller(sim), names_of(sim)
        for kind in ("product", "return", "cancellation", "order"):
            sim.call("POST", "delete", {"kind": kind, "shop": 0, "number": names["number"]})
            check_equal(truths(sim, kind=kind, number=names["number"]), [], "truth of a deleted " + kind)
        check_equal(caller.code("GET", "/product/202309/products/" + names["product"])[1], 12052032, "product")
        check_equal(caller.data("POST", "/return_refund/202602/returns/search", {}, {"return_ids": [names["return"]]})["return_orders"], [],
                    "return")
        check_equal(caller.data("GET", "/order/202507/orders", {"ids": names["order"]})["orders"], [], "order")
        check_equal(caller.code("GET", "/fulfillment/202309/orders/%s/tracking" % names["order"])[1], 21011028, "tracking")
        check_equal(truths(sim, kind="tracking", number=names["number"]), [], "truth of its tracking")


def case_packages_may_go_their_own_way():
    with Simulator(shops=1) as sim:
        sim.switch(tracking_alone=True)
        change = sim.change(0, 1, kind="tracking")
        before = truths(sim, kind="tracking")[0]["body"]
        while sim.change(0, 1)["status"] not in ("DELIVERED", "CANCELLED"):
            pass
        after = truths(sim, kind="tracking")[0]["body"]
        check_equal((after["packages"], after["tracking"]), (before["packages"], before["tracking"]), "after changes of the order only")
        sim.change(0, 1, kind="tracking", revisions=6)
        final = truths(sim, kind="tracking")[0]["body"]
        check_equal({p["package_status"] for p in final["packages"]}, {"COMPLETED"}, "after its own changes")
        check_equal(len(final["tracking"]), len(before["tracking"]) + 6, "events")
        check_equal(change["order_id"], final["order"]["id"], "order")


def case_money_appears_with_completion_and_adds_up():
    with Simulator(shops=1) as sim:
        sim.switch(update_time_base=int(time.time()) - 6 * DAY)
        caller = Caller(sim)
        check("not completed" in call_error(sim, "change", {"kind": "transaction", "shop": 0, "number": 0}), "a correction of nothing")
        check_equal(truths(sim), [], "entities after a refused change")
        order = sim.change(0, 0)
        path = "/finance/202501/orders/%s/statement_transactions" % order["order_id"]
        check_equal(caller.data("GET", path)["sku_transactions"], [], "rows of a new order")
        check("not completed" in call_error(sim, "change", {"kind": "transaction", "shop": 0, "number": 0}), "a correction too early")
        for number in range(60):
            sim.change(0, number, revisions=9)
        rows = {}
        for t in truths(sim, kind="transaction"):
            rows[t["id"]] = t["body"]
            check_equal(sum(int(s["quantity"]) for s in t["body"]["sku_transactions"]),
                        len(truths(sim, kind="order", number=t["number"])[0]["body"]["line_items"]), "units of " + t["id"])
            check_equal(len({s["sku_id"] for s in t["body"]["sku_transactions"]}), t["body"]["total_count"], "rows of " + t["id"])
        check(rows, "no completed order")
        statements = caller.pages("GET", "/finance/202309/statements", "statements", {"page_size": 2, "sort_field": "statement_time"})
        listed = {}
        for statement in statements:
            check_equal(statement["statement_time"] % DAY, 0, "cut at midnight")
            own = caller.pages("GET", "/finance/202501/statements/%s/statement_transactions" % statement["id"], "transactions",
                               {"page_size": 5, "sort_field": "order_create_time"})
            listed.update({r["order_id"]: (r["settlement_amount"], statement["id"]) for r in own if r["type"] == "ORDER"})
        check_equal(listed, {i: (b["settlement_amount"], b["sku_transactions"][0]["statement_id"]) for i, b in rows.items()},
                    "the rows of all statements")
        payments = caller.pages("GET", "/finance/202309/payments", "payments", {"page_size": 3, "sort_field": "create_time"})
        check_equal(len(payments), len(statements), "payments")
        id_ = next(iter(rows))
        number = next(t["number"] for t in truths(sim, kind="transaction") if t["id"] == id_)
        sim.change(0, number, kind="transaction")
        after = caller.data("GET", "/finance/202501/orders/%s/statement_transactions" % id_)
        check(after["revenue_amount"] != rows[id_]["revenue_amount"], "a correction changes nothing")


def call_error(sim, path, body):
    try:
        sim.call("POST", path, body)
    except Failure as failure:
        return str(failure)
    raise Failure("%s %s was not refused" % (path, body))


def case_the_control_api_refuses_what_it_does_not_know():
    with Simulator(shops=1) as sim:
        for path, body in (("change", {"shop": 0, "number": 0, "kind": "parcel"}), ("change", {"shop": 0, "number": 0, "kinds": {}}),
                           ("change", {"shop": 0, "number": 0, "kind": "product", "address": True}), ("burst", {"kinds": {"parcel": 1}}),
                           ("burst", {"kinds": {"transaction": 1}}), ("burst", {"kinds": {"order": 0}}), ("delete", {"shop": 0, "number": 0}),
                           ("revoke", {}), ("grant", {}), ("fault", {"kind": "lost", "path": "nothing"}), ("switch", {"app_limit": 1})):
            check('"error"' in call_error(sim, path, body), path)


# ---------------------------------------------------------------- faults, limits, tokens

def case_faults_meet_the_calls_of_their_path():
    paths = {"detail": 0, "search": 2, "return": 3, "cancellation": 5, "package": 8, "tracking": 9, "product": 12, "finance": 14, "events": 18}
    with Simulator(shops=1) as sim:
        filled(sim, shops=1)
        caller, names = Caller(sim), names_of(sim)
        routes = routes_of(names)
        for path, index in paths.items():
            sim.fault("500", path=path)
            for other, at in paths.items():
                check_equal(caller.code(*routes[at])[0], 500 if other == path else 200, "500 on %s met by %s" % (path, other))
            sim.heal()
            if path not in ("search", "events"):
                sim.fault("poison", path=path, shop=0, number=names["number"])
                check_equal(caller.code(*routes[index]), (500, 36009003), "poison on " + path)
                sim.heal()
            sim.fault("429", path=path, count=1, retry_after=7)
            status, headers, _ = caller.raw(*routes[index])
            check_equal((status, headers["Retry-After"]), (429, "7"), "429 on " + path)
            sim.fault("lost", path=path, count=1)
            try:
                caller.raw(*routes[index])
                raise Failure("%s: an answer that was to be lost arrived" % path)
            except (urllib.error.URLError, http.client.HTTPException, ConnectionError):
                pass
        before = caller.data("GET", "/product/202309/products/" + names["product"])
        sim.change(0, names["number"], kind="product")
        sim.fault("stale", path="product", shop=0, number=names["number"], count=1)
        check_equal(caller.data("GET", "/product/202309/products/" + names["product"]), before, "a stale product")
        sim.fault("missing", path="product", shop=0, number=names["number"], count=1)
        check_equal(caller.code("GET", "/product/202309/products/" + names["product"])[1], 12052032, "a missing product")
        sim.fault("scope", path="finance")
        check_equal(caller.code(*routes[15]), (401, 105005), "finance without its scope")
        check_equal(caller.code(*routes[0]), (200, 0), "orders with theirs")


def case_limits_of_app_and_shop_are_counted_and_enforced():
    with Simulator(shops=3) as sim:
        one, two = Caller(sim), Caller(sim, 1)
        for _ in range(5):
            one.code("GET", "/event/202309/webhooks")
        one.code("GET", "/event/202309/webhooks", sign="0" * 64)
        limits = json.loads(sim.call("GET", "limits"))
        check_equal((limits["app_max_60s"], limits["app_calls"]), (5, 5), "calls with a right signature")
        sim.reset()
        check_equal(json.loads(sim.call("GET", "limits"))["app_calls"], 0, "after a reset")
        sim.switch(shop_limit_per_minute=50, limit_retry_after=3)
        codes = collections.Counter(one.code("GET", "/event/202309/webhooks") for _ in range(60))
        check_equal(codes, {(200, 0): 51, (429, 36009002): 9}, "a limit of 50 with 2 % tolerance")
        check_equal(one.raw("GET", "/event/202309/webhooks")[1]["Retry-After"], "3", "Retry-After")
        check_equal(two.code("GET", "/event/202309/webhooks"), (200, 0), "another shop")
        sim.switch(app_limit_per_minute=52)
        check_equal([two.code("GET", "/event/202309/webhooks")[0] for _ in range(2)], [200, 429], "the app's limit")
        limits = json.loads(sim.call("GET", "limits"))
        check_equal((limits["shops"][one.record["shop_id"]]["max_60s"], limits["shops"][two.record["shop_id"]]["calls"]), (61, 3), "counted")


def token_call(sim, what, **query):
    grant = {"refresh": "refresh_token", "get": "authorized_code"}[what]
    query = dict({"app_key": APP_KEY, "app_secret": APP_SECRET, "grant_type": grant}, **query)
    with urllib.request.urlopen(sim.url + "/api/v2/token/%s?%s" % (what, urllib.parse.urlencode(query)), timeout=20) as answer:
        return json.load(answer)


def authorizations(sim):
    return lines(sim.call("GET", "authorizations"))


def case_tokens_rotate_are_lost_revoked_and_granted_again():
    with Simulator("--shops-per-authorization", "2", shops=4) as sim:
        caller, sibling, stranger = Caller(sim), Caller(sim, 1), Caller(sim, 2)
        first = caller.record["refresh_token"]
        check_equal(sibling.record["refresh_token"], first, "one token for two shops")
        check_equal([len(a["shops"]) for a in authorizations(sim)], [2, 2], "shops of the authorizations")
        second = token_call(sim, "refresh", refresh_token=first)["data"]
        check(second["refresh_token"] != first and "seller.finance.info" in second["granted_scopes"], "a new refresh token")
        check_equal(token_call(sim, "refresh", refresh_token=first)["code"], 36004004, "a used refresh token")
        check_equal(token_call(sim, "refresh", refresh_token="ROW_made_up")["code"], 36004004, "a made-up refresh token")
        sim.fault("lost", path="token", count=1)
        try:
            token_call(sim, "refresh", refresh_token=second["refresh_token"])
            raise Failure("the answer was to be lost")
        except (urllib.error.URLError, http.client.HTTPException, ConnectionError):
            pass
        check_equal(token_call(sim, "refresh", refresh_token=second["refresh_token"])["code"], 36004004, "rotated although nobody heard")
        counted = authorizations(sim)
        check_equal([(a["generation"], a["refreshes"], a["refused_refreshes"]) for a in counted], [(3, 2, 2), (1, 0, 0)], "counted")
        caller.renew()
        sim.call("POST", "revoke", {"shop": 1, "code": 105002})
        check_equal(caller.code("GET", "/event/202309/webhooks"), (401, 105002), "revoked, with the code asked for")
        sim.call("POST", "revoke", {"shop": 1})
        check_equal(caller.code("GET", "/event/202309/webhooks"), (401, 105001), "revoked")
        check_equal(token_call(sim, "refresh", refresh_token=caller.record["refresh_token"])["code"], 36004004, "refresh of a revoked one")
        check_equal(stranger.code("GET", "/event/202309/webhooks"), (200, 0), "another authorization")
        old, record = caller.token, json.loads(sim.call("POST", "grant", {"shop": 0}))
        check_equal(record, sim.shops()[0], "the new record")
        caller.renew()
        check_equal(caller.code("GET", "/event/202309/webhooks"), (200, 0), "after the grant")
        check_equal(caller.code("GET", "/event/202309/webhooks", headers={"x-tts-access-token": old}), (401, 105002), "the old token")
        sim.call("POST", "revoke", {"shop": 0})
        code = json.loads(sim.call("POST", "auth_code", {"shop": 0}))["auth_code"]
        granted = token_call(sim, "get", auth_code=code)
        check_equal(granted["code"], 0, "consent")
        check_equal(token_call(sim, "get", auth_code=code)["code"], 36004004, "a code twice")
        caller.token = granted["data"]["access_token"]
        shops = caller.raw("GET", "/authorization/202309/shops", leave_out=("shop_cipher",))[2]
        check_equal([s["id"] for s in json.loads(shops)["data"]["shops"]], [r["shop_id"] for r in sim.shops()[:2]], "shops of the token")


def case_access_tokens_may_live_a_second():
    with Simulator(shops=1) as sim:
        sim.switch(access_token_seconds=1)
        sim.refresh_token(0)
        caller = Caller(sim)
        wait_for("the access token to expire", lambda: caller.code("GET", "/event/202309/webhooks") == (401, 105002), 5)
        sim.switch(access_token_seconds=1000)
        sim.refresh_token(0)
        caller.renew()
        check_equal(caller.code("GET", "/event/202309/webhooks"), (200, 0), "after a refresh")


def case_push_addresses_are_registered_per_shop_and_topic():
    with Simulator(shops=2) as sim:
        caller, other = Caller(sim), Caller(sim, 1)
        for topic, address in (("ORDER_STATUS_CHANGE", "https://a.example.test/1"), ("PACKAGE_UPDATE", "https://a.example.test/4"),
                               ("ORDER_STATUS_CHANGE", "https://b.example.test/1")):
            check_equal(caller.data("PUT", "/event/202309/webhooks", {}, {"event_type": topic, "address": address}), {}, "PUT")
        listed = caller.data("GET", "/event/202309/webhooks")
        check_equal((listed["total_count"], {w["event_type"]: w["address"] for w in listed["webhooks"]}),
                    (2, {"ORDER_STATUS_CHANGE": "https://b.example.test/1", "PACKAGE_UPDATE": "https://a.example.test/4"}), "registered")
        check_equal(other.data("GET", "/event/202309/webhooks")["webhooks"], [], "another shop's")
        caller.data("DELETE", "/event/202309/webhooks", {}, {"event_type": "ORDER_STATUS_CHANGE"})
        check_equal([w["event_type"] for w in caller.data("GET", "/event/202309/webhooks")["webhooks"]], ["PACKAGE_UPDATE"], "after DELETE")


def case_proves_its_own_signatures_and_documents():
    done = subprocess.run([os.path.join(RELEASE, "simulator"), "--self-test"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    check_equal((done.returncode, done.stderr), (0, ""), "self-test")


if __name__ == "__main__":
    run_cases(globals())
