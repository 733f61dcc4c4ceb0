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
        super().__init__("--platform", "shopee", "--partner-id", str(PARTNER), "--partner-key", KEY, "--push-key", PUSH_KEY,
                         "--callback-url", CALLBACK, *arguments, shops=shops)
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
        check_equal(sim.counters()["sign_failures"], 1, "sign failures")


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


if __name__ == "__main__":
    run_cases(globals())
