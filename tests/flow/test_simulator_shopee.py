#!/usr/bin/python3
"""The simulator's Shopee side, asked by a client of its own: it signs as the vendor's description says, so that neither the
simulator nor the product can be wrong alike without being found out here."""

import hashlib
import hmac
import http.client
import json
import os
import re
import sys
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from stack import *  # noqa: E402,F403
from world import Simulator  # noqa: E402

PARTNER, KEY, PUSH_KEY = 2004417, "partner-key-0123456789", "push-key-9876543210"
CALLBACK = "https://hooks.example.test/webhooks/shopee"
DAY = 86400


def hmac_hex(key, text):
    return hmac.new(key.encode(), text.encode() if isinstance(text, str) else text, hashlib.sha256).hexdigest()


class Shopee(Simulator):
    """A simulator that plays Shopee, and a client of it."""

    def __init__(self, *arguments, shops=2):
        super().__init__("--partner-id", str(PARTNER), "--partner-key", KEY, "--push-key", PUSH_KEY, "--callback-url", CALLBACK,
                         *arguments, shops=shops, platform="shopee")
        self.shop = self.shops()

    def ask(self, path, query=None, shop=0, body=None, method=None, raw=False, **override):
        """One call; shop None: public level. Returns the parsed body, or (status, text, headers) when raw."""
        path = "/api/v2/" + path
        stamp = override.get("timestamp", str(int(time.time())))
        system = {"partner_id": str(PARTNER), "timestamp": stamp}
        base = str(PARTNER) + path + stamp
        if shop is not None:
            system["access_token"] = self.shop[shop]["access_token"]
            system["shop_id"] = self.shop[shop]["shop_id"]
            system.update({k: v for k, v in override.items() if k in system})
            base += system["access_token"] + system["shop_id"]
        system["sign"] = hmac_hex(KEY, base)
        system.update(override)
        pairs = [(k, v) for k, v in system.items() if v is not None]
        for key, value in (query or {}).items():
            pairs += [(key, str(v)) for v in (value if isinstance(value, list) else [value])]
        connection = http.client.HTTPConnection(urllib.parse.urlsplit(self.url).netloc, timeout=20)
        try:
            connection.request(method or ("GET" if body is None else "POST"), path + "?" + urllib.parse.urlencode(pairs),
                               None if body is None else json.dumps(body), {} if body is None else
                               {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        return (answer.status, text, answer.headers) if raw else json.loads(text)

    def good(self, path, query=None, **more):
        answer = self.ask(path, query, **more)
        check_equal(answer["error"], "", "error of %s (%s)" % (path, answer.get("message")))
        return answer

    def bad(self, error, path, query=None, **more):
        answer = self.ask(path, query, **more)
        check_equal(answer["error"], error, "error of %s (%s)" % (path, answer.get("message")))
        return answer

    def truth(self, kind, **query):
        return [json.loads(line) for line in self.lines("GET", "truth?" + urllib.parse.urlencode(dict(query, kind=kind)))]

    def refresh(self, shop, token=None, **more):
        return self.ask("auth/access_token/get", shop=None, body={
            "refresh_token": token or self.shop[shop]["refresh_token"], "partner_id": PARTNER,
            "shop_id": int(self.shop[shop]["shop_id"])}, **more)

    def completed(self, shop=0, first=0):
        """Number of an order that has been moved to COMPLETED."""
        for number in range(first, first + 20):
            changed = self.change(shop, number, revisions=12)
            if changed["status"] == "COMPLETED":
                return number, changed
        raise Failure("no order completes")


OPTIONAL = ("buyer_user_id,buyer_username,estimated_shipping_fee,recipient_address,actual_shipping_fee,goods_to_declare,note,"
            "note_update_time,item_list,pay_time,dropshipper,dropshipper_phone,split_up,buyer_cancel_reason,cancel_by,"
            "cancel_reason,actual_shipping_fee_confirmed,buyer_cpf_id,fulfillment_flag,pickup_done_time,package_list,"
            "shipping_carrier,payment_method,total_amount,invoice_data,order_chargeable_weight_gram,return_request_due_date,"
            "edt,payment_info,international_label")


def detail(sim, *sns, **more):
    return sim.good("order/get_order_detail", {"order_sn_list": ",".join(sns), "response_optional_fields": OPTIONAL,
                                               "request_order_status_pending": "true"}, **more)["response"]["order_list"]


# ---------------------------------------------------------------- signatures and gateway

def case_the_vectors_of_push_and_call_signatures_hold_here_and_in_the_self_test():
    body = ('{"data":{"items":[],"ordersn":"220810QSK8S7BX","status":"PROCESSED","completed_scenario":"",'
            '"update_time":1660123127},"shop_id":727720655,"code":3,"timestamp":1660123127}')
    check_equal(hmac_hex("test_push_key_0123456789abcdef", "https://hooks.example.test/shopee|" + body),
                "463c1a1a2d83a9e0a3f56c8ac6f0ae930438368e412a5dfa4d33ec33502d1184", "push")
    check_equal(hmac_hex("test_partner_key_0123456789abcdef", "2001887/api/v2/public/get_shops_by_partner1655714431"),
                "8d0b8105220f3a6129ce1147cf82f1a00c6fe57966b2f04e7426734fb219e01a", "call")
    done = subprocess.run([os.path.join(BUILD, "simulator"), "--self-test"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=300)
    check_equal(done.returncode, 0, done.stdout)


def case_the_gateway_checks_partner_time_sign_token_and_shop_in_this_order():
    with Shopee() as sim:
        path, query = "order/get_order_detail", {"order_sn_list": "260101AAAAAAAA"}
        old = str(int(time.time()) - 301)
        check_equal(sim.bad("error_auth", path, query, partner_id="1", timestamp=old, sign="x")["message"],
                    "partner_id is invalid", "message")
        sim.bad("error_param", path, query, partner_id="4294967296")
        sim.bad("error_param", path, query, partner_id=None)
        check_equal(sim.bad("error_param", path, query, timestamp=old, sign="x")["message"], "Timestamp is expired.", "message")
        check_equal(sim.bad("error_sign", path, query, sign="0" * 64, access_token="x")["message"], "Wrong sign.", "message")
        sim.bad("error_param", path, query, sign=None)
        sim.bad("invalid_acceess_token", path, query, access_token="made-up", shop_id="1")
        sim.bad("error_auth", path, query, shop_id=sim.shop[1]["shop_id"])
        sim.bad("error_auth", path, query, shop_id="1")
        sim.bad("error_param", path, dict(query, order_sn="1"))
        check_equal(sim.bad("error_param", "order/get_orders", query)["message"], "Wrong path.", "message")
        check_equal(sim.bad("error_param", path, query, method="POST")["message"], "Wrong method.", "message")
        sim.bad("error_not_found", path, query)
        check_equal(sim.counters()["errors_by_code"]["error_sign"], 1, "counted errors")
        sim.switch(business_error_status=400, token_error_status=401)
        check_equal(sim.ask(path, query, raw=True, sign="0" * 64)[0], 400, "HTTP status of an error")
        check_equal(sim.ask(path, query, raw=True, access_token="x")[0], 401, "HTTP status of a refused token")
        sim.switch(success_word="dash")
        check_equal(sim.ask(path, {"order_sn_list": sim.change(0, 0)["id"]})["error"], "-", "success in the samples' spelling")
        check_equal(sim.counters()["sign_failures"], 2, "sign failures")


def case_business_parameters_and_bodies_are_not_signed_but_tokens_and_shops_are():
    with Shopee() as sim:
        changed = sim.change(0, 0)
        check_equal(detail(sim, changed["id"])[0]["order_sn"], changed["id"], "order")
        public = hmac_hex(KEY, str(PARTNER) + "/api/v2/order/get_order_detail" + str(int(time.time())))
        sim.bad("error_sign", "order/get_order_detail", {"order_sn_list": changed["id"]}, sign=public)


# ---------------------------------------------------------------- orders

def case_an_order_shows_only_the_fields_asked_for_and_the_truth_is_all_of_them():
    with Shopee(shops=4) as sim:
        for shop in range(4):
            for number in range(30):
                sim.change(shop, number, revisions=1 + number % 9)
            truth = {t["id"]: t["body"] for t in sim.truth("order", shop=shop)}
            check_equal(len(truth), 30, "orders")
            served = {o["order_sn"]: o for o in detail(sim, *truth, shop=shop)}
            check_equal(served, truth, "orders of shop %d" % shop)
        sn = next(iter(truth))
        bare = sim.good("order/get_order_detail", {"order_sn_list": sn}, shop=3)["response"]["order_list"][0]
        for name in ("item_list", "package_list", "total_amount", "recipient_address", "note"):
            check(name not in bare, "%s was not asked for" % name)
        some = sim.good("order/get_order_detail", {"order_sn_list": sn, "response_optional_fields": "item_list,note"},
                        shop=3)["response"]["order_list"][0]
        check("item_list" in some and "note" in some and "package_list" not in some, "two fields")
        sim.bad("error_param", "order/get_order_detail", {"order_sn_list": sn, "response_optional_fields": "items"}, shop=3)


def case_an_unknown_order_fails_the_batch_or_is_left_out():
    with Shopee() as sim:
        mine, other = sim.change(0, 0)["id"], sim.change(1, 0)["id"]
        both = {"order_sn_list": mine + "," + other}
        sim.bad("error_not_found", "order/get_order_detail", both)
        sim.switch(foreign_ids="left_out")
        answer = sim.good("order/get_order_detail", both)
        check_equal([o["order_sn"] for o in answer["response"]["order_list"]], [mine], "orders")
        check(isinstance(answer["warning"], list) and answer["warning"], "a warning")
        sim.bad("error_not_found", "order/get_order_detail", {"order_sn_list": other})
        sim.call("POST", "delete", {"kind": "order", "shop": 0, "number": 0})
        sim.bad("error_not_found", "order/get_order_detail", {"order_sn_list": mine})
        check_equal(sim.truth("order", shop=0), [], "truth")
        sim.bad("error_param", "order/get_order_detail", {"order_sn_list": ",".join([mine] * 51)})


def case_order_lists_keep_to_fifteen_days_and_page_by_cursor():
    with Shopee() as sim:
        for number in range(25):
            sim.change(0, number, revisions=2)
        now = int(time.time())
        query = {"time_range_field": "update_time", "time_from": now - 15 * DAY, "time_to": now, "page_size": 10}
        seen, cursor, pages = [], "", 0
        while True:
            page = sim.good("order/get_order_list", dict(query, cursor=cursor))["response"]
            seen += [row["order_sn"] for row in page["order_list"]]
            cursor, pages = page["next_cursor"], pages + 1
            check_equal(bool(cursor), page["more"], "cursor of page %d" % pages)
            if not page["more"]:
                break
        check_equal((pages, len(seen), set(seen)), (3, 25, {t["id"] for t in sim.truth("order")}), "pages and orders")
        times = {t["id"]: t["body"]["update_time"] for t in sim.truth("order")}
        check_equal([times[sn] for sn in seen], sorted(times.values()), "order of the list")
        sim.bad("order.order_list_invalid_time", "order/get_order_list", dict(query, time_from=now - 15 * DAY - 1))
        sim.bad("order.order_list_invalid_time", "order/get_order_list", dict(query, time_from=now + 1))
        sim.bad("error_param", "order/get_order_list", dict(query, page_size=101))
        sim.bad("error_param", "order/get_order_list", dict(query, cursor="x"))
        rows = sim.good("order/get_order_list", dict(query, page_size=100, response_optional_fields="order_status",
                                                     request_order_status_pending="true"))["response"]["order_list"]
        status = {t["id"]: t["body"]["order_status"] for t in sim.truth("order")}
        check_equal({r["order_sn"]: r["order_status"] for r in rows}, status, "statuses")


def case_the_status_pending_is_told_only_to_those_who_ask():
    with Shopee() as sim:
        pending = next(c["id"] for c in (sim.change(0, n) for n in range(100)) if c["status"] == "PENDING")
        blind = sim.good("order/get_order_detail", {"order_sn_list": pending})["response"]["order_list"][0]
        check_equal((blind["order_status"], "pending_terms" in blind), ("READY_TO_SHIP", False), "without the flag")
        seen = detail(sim, pending)[0]
        check_equal(seen["order_status"], "PENDING", "with it")
        check("SYSTEM_PENDING" in seen["pending_terms"], "pending_terms")


# ---------------------------------------------------------------- tokens

def case_a_refresh_rotates_the_pair_once_and_the_old_access_token_goes_on_for_a_while():
    with Shopee() as sim:
        old, sn = dict(sim.shop[0]), sim.change(0, 0)["id"]
        sim.switch(access_token_seconds=1000)
        answer = sim.refresh(0)
        check_equal((answer["error"], answer["shop_id"], answer["partner_id"]), ("", int(old["shop_id"]), PARTNER), "refresh")
        check_equal(answer["expire_in"], 1000, "expire_in")
        check_equal(sim.refresh(0)["error"], "error_shop_refresh_token", "second use")
        check_equal(sim.refresh(0, "made-up")["error"], "error_auth", "made-up token")
        sim.good("order/get_order_detail", {"order_sn_list": sn})  # still the old access token
        sim.shop = sim.shops()
        check_equal(sim.shop[0]["access_token"], answer["access_token"], "access token of GET shops")
        sim.good("order/get_order_detail", {"order_sn_list": sn})
        sim.switch(clock_skew_ms=301000)
        skewed = str(int(time.time()) + 301)
        sim.bad("invalid_acceess_token", "order/get_order_detail", {"order_sn_list": sn}, timestamp=skewed,
                access_token=old["access_token"])
        sim.good("order/get_order_detail", {"order_sn_list": sn}, timestamp=skewed)


def case_an_answer_to_a_refresh_may_be_lost_after_it_rotated():
    with Shopee() as sim:
        sim.fault("lost", path="token", count=1)
        try:
            sim.refresh(0)
            raise Failure("an answer arrived")
        except (http.client.HTTPException, ConnectionError):
            pass
        check_equal(sim.refresh(0)["error"], "error_shop_refresh_token", "the token that was used")
        renewed = sim.shops()[0]
        check(renewed["refresh_token"] != sim.shop[0]["refresh_token"], "rotated")
        check_equal(sim.refresh(0, renewed["refresh_token"])["error"], "", "the pair that was lost")


def case_a_code_opens_its_shop_once_within_ten_minutes():
    with Shopee() as sim:
        def get(code, shop=0):
            return sim.ask("auth/token/get", shop=None, body={"code": code, "partner_id": PARTNER,
                                                              "shop_id": int(sim.shop[shop]["shop_id"])})

        def new_code():
            return json.loads(sim.call("POST", "auth_code", {"shop": 0}))["auth_code"]

        code = new_code()
        check_equal(get(code, 1)["error"], "invalid_code", "another shop")
        answer = get(new_code())
        check_equal((answer["error"], "shop_id" in answer), ("", False), "pair")
        check_equal(sim.shops()[0]["refresh_token"], answer["refresh_token"], "refresh token")
        used = new_code()
        check_equal(get(used)["error"], "", "first use")
        check_equal(get(used)["error"], "invalid_code", "second use")


def case_shops_are_handed_over_as_records_without_a_cipher():
    with Shopee(shops=3) as sim:
        for record in sim.shop:
            check_equal(set(record), {"platform", "shop_id", "channel_id", "region", "access_token", "refresh_token",
                                      "access_expires_at", "refresh_expires_at"}, "members")
            check(record["platform"] == "shopee" and re.fullmatch(r"\d{9}", record["shop_id"]), "platform and shop")
        page = sim.good("public/get_shops_by_partner", {"page_size": 2, "page_no": 1}, shop=None)
        check_equal(([str(s["shop_id"]) for s in page["authed_shop_list"]], page["more"]),
                    ([s["shop_id"] for s in sim.shop[:2]], True), "page 1")
        page = sim.good("public/get_shops_by_partner", {"page_size": 2, "page_no": 2}, shop=None)
        check_equal((len(page["authed_shop_list"]), page["more"]), (1, False), "page 2")


# ---------------------------------------------------------------- pushes

def check_push(push, codes):
    """The envelope of a push that is signed rightly."""
    body = push["body"]
    check_equal(push["path"], "/webhooks/shopee", "path")
    check_equal(push["signature"], hmac_hex(PUSH_KEY, CALLBACK + "|" + body), "signature")
    envelope = json.loads(body)
    check(envelope["code"] in codes, "code %r of %r" % (envelope["code"], codes))
    return envelope


def case_every_kind_of_change_is_announced_by_its_codes():
    with Shopee() as sim:
        scenarios = set()
        for number in range(20):
            changed = sim.change(0, number, revisions=1 + number % 8)
            envelope = check_push(changed["push"], {3})
            check_equal((envelope["data"]["ordersn"], envelope["data"]["status"], envelope["data"]["update_time"]),
                        (changed["id"], changed["status"], changed["update_time"]), "data")
            check_equal(str(envelope["shop_id"]), sim.shop[0]["shop_id"], "shop")
            scenarios.add(envelope["data"]["completed_scenario"])
        check({None, ""} <= scenarios, "completed_scenario null and empty: %r" % scenarios)
        for kind, codes in (("tracking", [4, 30, 47, 4, 30, 47]), ("product", [16, 22, 7, 8, 16]), ("return", [29] * 6)):
            for code in codes:
                changed = sim.change(0, 30, kind=kind)
                envelope = check_push(changed["push"], {code})
                check(changed["id"] in changed["push"]["body"], "%s: id" % kind)
        number, _ = sim.completed(1)
        check_equal(sim.change(1, number, kind="transaction")["push"], None, "push of a transaction")


def case_a_burst_mixes_kinds_and_any_push_can_be_made():
    with Shopee() as sim:
        lines = [json.loads(line) for line in sim.burst(
            shops=2, orders=100, events=300, duplicates=0.2, reorder=0.3,
            kinds={"order": 0.4, "return": 0.2, "product": 0.2, "tracking": 0.2})]
        codes = {check_push(line, {3, 4, 7, 8, 16, 22, 29, 30, 47})["code"] for line in lines}
        check_equal(len(lines), 300, "lines")
        check({3, 29} <= codes and len(codes) >= 6, "codes %r" % codes)
        made = json.loads(sim.push(type=15, shop=1, data={"order_sn": "X", "package_number": "Y", "status": "READY"}))
        envelope = check_push(made, {15})
        check_equal((str(envelope["shop_id"]), envelope["data"]["status"]), (sim.shop[1]["shop_id"], "READY"), "envelope")
        made = json.loads(sim.push(type=12, data={"shop_expire_soon": []}))
        check("shop_id" not in check_push(made, {12}), "no shop")
        raw = '{"code": 0,  "data": {"verify_info": "ü"}}'
        made = json.loads(sim.push(body=raw))
        check_equal((made["body"], made["signature"]), (raw, hmac_hex(PUSH_KEY, CALLBACK + "|" + raw)), "raw body")


# ---------------------------------------------------------------- the other kinds

def walk(sim, path, query, members, first=0, page="page_no"):
    """All rows of a list that counts its pages."""
    rows, number = [], first
    while True:
        answer = sim.good(path, dict(query, **{page: number}))["response"]
        rows += answer[members]
        if not answer["more"]:
            return rows
        number += 1


def case_returns_are_listed_by_time_and_served_as_the_truth_says():
    with Shopee() as sim:
        for number in range(23):
            sim.change(0, number, kind="return", revisions=1 + number % 7)
        truth = {t["id"]: t["body"] for t in sim.truth("return")}
        now = int(time.time())
        query = {"page_size": 10, "update_time_from": now - 14 * DAY, "update_time_to": now}
        rows = walk(sim, "returns/get_return_list", query, "return")
        check_equal({r["return_sn"]: r["update_time"] for r in rows}, {k: v["update_time"] for k, v in truth.items()}, "rows")
        check_equal(rows[0]["negotiation_status"], truth[rows[0]["return_sn"]]["negotiation"]["negotiation_status"], "row")
        for sn, body in truth.items():
            check_equal(sim.good("returns/get_return_detail", {"return_sn": sn})["response"], body, "return")
            check_equal(detail(sim, body["order_sn"])[0]["order_sn"], body["order_sn"], "its order")
        accepted = walk(sim, "returns/get_return_list", dict(query, status="ACCEPTED"), "return")
        check_equal({r["return_sn"] for r in accepted}, {k for k, v in truth.items() if v["status"] == "ACCEPTED"}, "filter")
        sim.bad("error_param", "returns/get_return_list", dict(query, page_no=0, update_time_from=now - 15 * DAY - 1))
        sim.bad("error_param", "returns/get_return_list", dict(query, page_no=0, create_time_from=1))
        sim.bad("error_data", "returns/get_return_detail", {"return_sn": "2601010AAAAAAAA"})
        sim.bad("error_permission", "returns/get_return_detail", {"return_sn": next(iter(truth))}, shop=1)


def case_items_are_listed_by_status_and_models_come_apart():
    with Shopee() as sim:
        for number in range(30):
            sim.change(0, number, kind="product", revisions=1 + number % 6)
        truth = {t["id"]: t["body"] for t in sim.truth("product")}
        every = ["NORMAL", "BANNED", "UNLIST", "REVIEWING", "SELLER_DELETE", "SHOPEE_DELETE"]
        found, offset = {}, 0
        while True:
            page = sim.good("product/get_item_list", {"offset": offset, "page_size": 8, "item_status": every})["response"]
            check_equal(page["total_count"], 30, "total")
            found.update((str(row["item_id"]), row["item_status"]) for row in page["item"])
            if not page["has_next_page"]:
                break
            offset = page["next_offset"]
        check_equal(found, {k: v["base"]["item_status"] for k, v in truth.items()}, "list")
        normal = sim.good("product/get_item_list", {"offset": 0, "page_size": 100, "item_status": ["NORMAL"]})["response"]
        check_equal(len(normal["item"]), sum(v == "NORMAL" for v in found.values()), "NORMAL ones")
        ids = {"item_id_list": ",".join(truth)}
        items = sim.good("product/get_item_base_info", ids)["response"]["item_list"]
        check_equal({str(i["item_id"]): i for i in items}, {k: v["base"] for k, v in truth.items()}, "base")
        more = sim.good("product/get_item_base_info", dict(ids, need_tax_info="true"))["response"]["item_list"]
        check_equal([dict(i, tax_info=m["tax_info"]) for i, m in zip(items, more)], more, "with tax_info")
        kinds = set()
        for item, body in truth.items():
            kinds.add(body["models"] is not None)
            check_equal(body["base"]["has_model"], body["models"] is not None, "has_model")
            check_equal("price_info" in body["base"], body["models"] is None, "price_info")
            if body["models"]:
                check_equal(sim.good("product/get_model_list", {"item_id": item})["response"], body["models"], "models")
        check_equal(kinds, {True, False}, "with and without models")
        sim.bad("error_param_item_status", "product/get_item_list", {"offset": 0, "page_size": 8, "item_status": "NORMAL,BANNED"})
        sim.bad("error_param", "product/get_item_list", {"offset": 5001, "page_size": 8, "item_status": "NORMAL"})
        sim.bad("error_item_not_found", "product/get_item_base_info", {"item_id_list": "20000000000000"})
        sim.bad("error_param", "product/get_item_base_info", {"item_id_list": ",".join(["20000000000000"] * 51)})


def case_packages_and_their_tracking_are_served_as_the_truth_says():
    with Shopee() as sim:
        for number in range(25):
            sim.change(0, number, kind="tracking", revisions=1 + number % 6)
        split = set()
        for truth in sim.truth("tracking"):
            body, numbers = truth["body"], [p["package_number"] for p in truth["body"]["packages"]]
            split.add(len(numbers))
            check_equal(detail(sim, truth["id"])[0], body["order"], "order")
            served = sim.good("order/get_package_detail", {"package_number_list": ",".join(numbers)})["response"]["package_list"]
            check_equal(served, body["packages"], "packages")
            check_equal([p["logistics_status"] for p in body["order"]["package_list"]],
                        [p["fulfillment_status"] for p in body["packages"]], "statuses")
            for number in numbers:
                query = {"order_sn": truth["id"], "package_number": number}
                check_equal(sim.good("logistics/get_tracking_info", query)["response"], body["tracking"][number], "tracking")
                one = sim.good("logistics/get_tracking_number", query)["response"]["tracking_number"]
                check_equal(one, next(p for p in body["packages"] if p["package_number"] == number)["tracking_number"], "number")
            if len(numbers) > 1:
                sim.bad("logistics.package_number_not_exist", "logistics/get_tracking_info", {"order_sn": truth["id"]})
            mass = sim.good("logistics/get_mass_tracking_number", body={
                "package_list": [{"package_number": n} for n in numbers + ["OFG000000000000000"]]})["response"]
            check_equal([r["package_number"] for r in mass["success_list"]], numbers, "success_list")
            check_equal([r["package_number"] for r in mass["fail_list"]], ["OFG000000000000000"], "fail_list")
        check(split >= {1, 2}, "orders with one and with several packages: %r" % split)
        sim.bad("logistics.package_not_exist", "order/get_package_detail", {"package_number_list": "OFG000000000000000"})
        sim.bad("logistics.invalid_error", "logistics/get_tracking_info", {"order_sn": "260101AAAAAAAA"})
        unpaid = next(c["id"] for c in (sim.change(1, n) for n in range(30)) if c["status"] == "UNPAID")
        sim.bad("logistics.error_param", "logistics/get_tracking_info", {"order_sn": unpaid}, shop=1)


def case_tracking_may_move_without_its_order_s_update_time():
    with Shopee() as sim:
        first = sim.change(0, 0, kind="tracking", revisions=2)
        before = sim.truth("tracking")[0]["body"]
        second = sim.change(0, 0, kind="tracking", keep_update_time=True)
        after = sim.truth("tracking")[0]["body"]
        check_equal(after["order"]["update_time"], before["order"]["update_time"], "order's update time")
        check(after["packages"][0]["update_time"] > before["packages"][0]["update_time"], "packages' update time")
        check_equal(second["update_time"], after["packages"][0]["update_time"], "announced time")
        check(first["update_time"] < second["update_time"], "times")


def case_money_moves_for_completed_orders_only():
    with Shopee() as sim:
        for number in range(20):
            sim.change(0, number, revisions=12)
        for number in range(0, 20, 2):
            status = sim.change(0, number)["status"]
            if status == "COMPLETED":
                check_equal(sim.change(0, number, kind="transaction")["push"], None, "push")
        truth = {t["id"]: t["body"] for t in sim.truth("transaction")}
        orders = {t["id"]: t["body"]["order_status"] for t in sim.truth("order")}
        check_equal(set(truth), {sn for sn, status in orders.items() if status == "COMPLETED"}, "settled orders")
        check(any(b["order_income"]["order_adjustment"] for b in truth.values()), "adjustments")
        for sn, body in truth.items():
            check_equal(sim.good("payment/get_escrow_detail", {"order_sn": sn})["response"], body, "escrow")
        sim.bad("order_not_found", "payment/get_escrow_detail",
                {"order_sn": next(sn for sn, status in orders.items() if status != "COMPLETED")})
        now = int(time.time()) + 60
        rows = walk(sim, "payment/get_escrow_list", {"release_time_from": 0, "release_time_to": now, "page_size": 5},
                    "escrow_list", first=1)
        check_equal({r["order_sn"]: r["payout_amount"] for r in rows},
                    {sn: b["order_income"]["escrow_amount_after_adjustment"] for sn, b in truth.items()}, "escrow list")
        answer = sim.good("payment/get_escrow_detail_batch", {"order_sn_list": ",".join(orders)})
        check_equal({r["escrow_detail"]["order_sn"]: r["escrow_detail"] for r in answer["response"]}, truth, "batch")
        check_equal({r["escrow_detail"]["order_sn"] for r in answer["escrow_detail_list"]}, set(orders) - set(truth), "failures")
        sim.switch(escrow_batch="post")
        sim.bad("error_param", "payment/get_escrow_detail_batch", {"order_sn_list": ",".join(truth)})
        answer = sim.good("payment/get_escrow_detail_batch", body={"order_sn_list": list(truth)})
        check_equal(len(answer["response"]), len(truth), "batch by POST")
        sim.bad("exceed_max_limit", "payment/get_escrow_detail_batch", body={"order_sn_list": ["X"] * 51})


def case_the_wallet_and_the_income_list_what_was_settled():
    with Shopee() as sim:
        for number in range(30):
            if sim.change(0, number, revisions=12)["status"] == "COMPLETED" and number % 3 == 0:
                sim.change(0, number, kind="transaction", revisions=2)
        now = int(time.time())
        query = {"page_size": 7, "create_time_from": now - 14 * DAY, "create_time_to": now + 60}
        rows = walk(sim, "payment/get_wallet_transaction_list", query, "transaction_list")
        truth = {t["id"]: t["body"]["order_income"] for t in sim.truth("transaction")}
        paid = {r["order_sn"]: r["amount"] for r in rows if r["transaction_type"] == "ESCROW_VERIFIED_ADD"}
        check_equal(paid, {sn: b["escrow_amount"] for sn, b in truth.items()}, "settlements")
        keys = {(r["create_time"], r["transaction_type"], r["order_sn"], r["refund_sn"], r["withdrawal_id"], r["amount"],
                 r["current_balance"]) for r in rows}
        check_equal(len(keys), len(rows), "keys of rows")
        check({"WITHDRAWAL_CREATED", "ADJUSTMENT_ADD", "ADJUSTMENT_MINUS"} <= {r["transaction_type"] for r in rows}, "types")
        out = walk(sim, "payment/get_wallet_transaction_list", dict(query, money_flow="MONEY_OUT"), "transaction_list")
        check_equal(len(out), sum(r["money_flow"] == "MONEY_OUT" for r in rows), "MONEY_OUT")
        sim.bad("time_period_too_large", "payment/get_wallet_transaction_list",
                dict(query, page_no=0, create_time_from=now - 16 * DAY))
        sim.bad("time_invalid", "payment/get_wallet_transaction_list", dict(query, page_no=0, create_time_from=now + 99))
        day = time.strftime("%Y-%m-%d", time.gmtime(now - 3 * DAY))
        income, cursor = {}, ""
        while True:
            page = sim.good("payment/get_income_detail", {
                "date_from": day, "date_to": time.strftime("%Y-%m-%d", time.gmtime(now + DAY)), "income_status": 1,
                "page_size": 4, "cursor": cursor})["income_detail_list"]
            income.update((r["order_sn"], r["released_amount"]) for r in page["list"])
            cursor = page["next_page"]["cursor"]
            if not cursor:
                break
        check_equal(income, {sn: b["escrow_amount_after_adjustment"] for sn, b in truth.items()}, "income")
        sim.bad("error_param", "payment/get_income_detail", {"date_from": "2026-01-01", "date_to": "2026-01-16", "page_size": 4})


# ---------------------------------------------------------------- push configuration and lost pushes

class Callback:
    """A receiver of verification pushes on a free port; answers with a fixed status."""

    def __init__(self, status):
        import http.server
        import threading
        self.got = got = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                got.append((self.path, self.headers["Authorization"],
                            self.rfile.read(int(self.headers["Content-Length"])).decode()))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *ignored):
                pass

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d/hook" % self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        self.server.shutdown()
        self.server.server_close()


def case_a_new_callback_is_tried_with_a_message_whose_signature_does_not_hold():
    with Shopee() as sim, Callback(200) as good, Callback(500) as broken:
        check_equal(sim.good("push/get_app_push_config", shop=None)["response"]["callback_url"], CALLBACK, "callback")
        answer = sim.good("push/set_app_push_config", shop=None, body={
            "callback_url": good.url, "set_push_config_on": [3, 10], "set_push_config_off": [7], "blocked_shop_id_list": [5]})
        check_equal(answer["response"]["result"], "success", "result")
        path, signature, body = good.got[0]
        check_equal((path, json.loads(body)["code"]), ("/hook", 0), "verification push")
        check(re.fullmatch(r"[0-9a-f]{64}", signature) and signature != hmac_hex(PUSH_KEY, good.url + "|" + body), "signature")
        config = sim.good("push/get_app_push_config", shop=None)["response"]
        check_equal((config["callback_url"], config["blocked_shop_id"], config["live_push_status"]), (good.url, [5], "Normal"),
                    "configuration")
        check(10 in config["push_config_on_list"] and 7 in config["push_config_off_list"], "codes")
        push = json.loads(sim.push(type=3, shop=0, data={}))
        check_equal(push["signature"], hmac_hex(PUSH_KEY, good.url + "|" + push["body"]), "signature over the new URL")
        sim.bad("error_param", "push/set_app_push_config", shop=None, body={"callback_url": broken.url})
        sim.bad("error_param", "push/set_app_push_config", shop=None, body={"callback_url": ""})
        sim.bad("error_param", "push/set_app_push_config", shop=None, body={"set_push_config_on": [47]})
        sim.switch(push_probe="skipped")
        sim.good("push/set_app_push_config", shop=None, body={"callback_url": broken.url})
        check_equal(len(broken.got), 1, "messages to the second callback")
        sim.call("POST", "push_status", {"status": "Suspended"})
        config = sim.good("push/get_app_push_config", shop=None)["response"]
        check_equal((config["live_push_status"], config["suspended_time"] > 0), ("Suspended", True), "suspension")


def case_lost_pushes_wait_for_a_confirmation_and_come_a_hundred_at_a_time():
    with Shopee() as sim:
        bodies = [sim.change(0, number)["push"]["body"] for number in range(130)]
        sim.call("POST", "lost", {"bodies": bodies[:10], "age": 4 * DAY})
        check_equal(json.loads(sim.call("GET", "lost")), {"queued": 0}, "older than three days")
        sim.call("POST", "lost", {"bodies": bodies[:60]})
        sim.call("POST", "lost", {"bodies": bodies[60:], "form": "object"})

        def get(**more):
            return sim.good("push/get_lost_push_message", shop=None, **more)["response"]

        first = get()
        check_equal((len(first["push_message_list"]), first["has_next_page"]), (100, True), "first page")
        check_equal(get(), first, "the same page again")
        check_equal([m["data"] for m in first["push_message_list"][:60]], bodies[:60], "envelopes as text")
        check_equal([m["data"] for m in first["push_message_list"][60:]], [json.loads(b) for b in bodies[60:100]], "as objects")
        for _ in range(2):
            sim.good("push/confirm_consumed_lost_push_message", shop=None, body={"last_message_id": first["last_message_id"]})
        second = get()
        check_equal((len(second["push_message_list"]), second["has_next_page"]), (30, False), "second page")
        sim.good("push/confirm_consumed_lost_push_message", shop=None, body={"last_message_id": second["last_message_id"]})
        check_equal(get()["push_message_list"], [], "afterwards")
        sim.bad("error_param", "push/confirm_consumed_lost_push_message", shop=None,
                body={"last_message_id": second["last_message_id"] + 1})
        sim.switch(lost_push="post")
        sim.bad("error_param", "push/get_lost_push_message", shop=None)
        get(body={})


# ---------------------------------------------------------------- faults and limits

def case_faults_look_as_the_platform_s_own():
    with Shopee() as sim:
        sn = sim.change(0, 0, revisions=3)["id"]
        path, query = "order/get_order_detail", {"order_sn_list": sn}

        def once(kind, **more):
            sim.fault(kind, count=1, **more)
            return sim.ask(path, query, raw=True)

        status, text, _ = once("500")
        check_equal((status, json.loads(text)["error"]), (500, "error_server"), "500")
        status, text, headers = once("429", retry_after=7)
        check_equal((status, json.loads(text)["error"], headers["Retry-After"]), (429, "error_rate_limit", "7"), "429")
        check_equal(once("503")[:2], (503, ""), "503")
        status, text, _ = once("code", error="error_limit", message="Core server error.", status=403)
        check_equal((status, json.loads(text)["error"], json.loads(text)["message"]), (403, "error_limit", "Core server error."),
                    "code")
        check(once("garbage")[1].startswith("<!DOCTYPE"), "garbage")
        for kind in ("close", "truncated"):
            try:
                once(kind)
                raise Failure("%s: an answer arrived" % kind)
            except (http.client.HTTPException, ConnectionError):
                pass
        sim.fault("stale", shop=0, number=0, count=1, back=2)
        check(detail(sim, sn)[0]["update_time"] < detail(sim, sn)[0]["update_time"], "stale")
        sim.fault("missing", shop=0, number=0, count=1)
        sim.bad("error_not_found", path, query)
        sim.fault("poison", shop=0, number=0)
        sim.bad("error_server", path, query)
        sim.heal()
        sim.fault("expired_token", shop=0)
        sim.bad("invalid_acceess_token", path, query)
        check_equal(sim.refresh(0)["error"], "", "refresh of a dead token")
        sim.shop = sim.shops()
        sim.good(path, query)
        sim.heal()
        sim.fault("revoked", shop=0)
        sim.bad("shop_no_linked", path, query)
        check_equal(sim.refresh(0)["error"], "shop_no_linked", "refresh of a revoked shop")


def case_a_shop_may_be_revoked_and_granted_again():
    with Shopee() as sim:
        sn = sim.change(0, 0)["id"]
        sim.call("POST", "revoke", {"shop": 0})
        sim.bad("shop_no_linked", "order/get_order_detail", {"order_sn_list": sn})
        listed = sim.good("public/get_shops_by_partner", {"page_size": 100, "page_no": 1}, shop=None)["authed_shop_list"]
        check_equal([str(s["shop_id"]) for s in listed], [sim.shop[1]["shop_id"]], "shops of the partner")
        check_equal(sim.refresh(0)["error"], "shop_no_linked", "refresh")
        sim.call("POST", "grant", {"shop": 0})
        sim.shop = sim.shops()
        sim.good("order/get_order_detail", {"order_sn_list": sn})
        check_equal(sim.refresh(0)["error"], "", "refresh after the grant")
        told = [json.loads(line) for line in sim.lines("GET", "authorizations")]
        check_equal([(a["refreshes"], a["refused_refreshes"]) for a in told], [(1, 1), (0, 0)], "authorizations")


def case_calls_beyond_a_limit_are_refused_with_429():
    with Shopee() as sim:
        sn = [sim.change(shop, 0)["id"] for shop in range(2)]
        sim.switch(shop_limit_per_minute=50)

        def asked(shop):
            status, text, _ = sim.ask("order/get_order_detail", {"order_sn_list": sn[shop]}, shop=shop, raw=True)
            return status, json.loads(text)["error"]

        answers = [asked(0) for _ in range(60)]
        check_equal(answers.count((200, "")), 51, "calls within the limit and its tolerance")
        check_equal(answers.count((429, "error_rate_limit")), 9, "refused calls")
        check_equal(asked(1), (200, ""), "another shop")
        told = json.loads(sim.call("GET", "limits"))
        of_shop = told["shops"][sim.shop[0]["shop_id"]]
        check_equal((of_shop["max_60s"], of_shop["refused"], told["app_max_60s"]), (60, 9, 61), "limits")


if __name__ == "__main__":
    run_cases(globals())
