#!/usr/bin/python3
"""shopstreamctl push and verify: what the platforms say about their pushes to us, setting it, and judging a saved push as the
server does."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from stack import *  # noqa: E402,F403
from world import *  # noqa: E402,F403

PARTNER_ID, PARTNER_KEY = "2001887", "partner-key-5e0b1c92d84f"
PUSH_KEYS = ("push-key-71c3aa04e6", "push-key-before-90d2")
URL = "https://hooks.example.test/shopee"
SAVED = (b'{"data":{"items":[],"ordersn":"220810QSK8S7BX","status":"PROCESSED","completed_scenario":"","update_time":1660123127},'
         b'"shop_id":727720655,"code":3,"timestamp":1660123127}')


def ctl(*arguments, stdin=b"", status=0, **settings):
    """shopstreamctl without any server; its output must show no secret."""
    environment = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME") or k.endswith("SAN_OPTIONS")}
    environment.update(settings)
    done = subprocess.run([os.path.join(BUILD, "shopstreamctl"), *arguments], input=stdin, timeout=60, env=environment,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    shown = (done.stdout + done.stderr).decode()
    check_equal(done.returncode, status, "exit of %s: %s" % (" ".join(arguments), shown))
    check(not any(secret in shown for secret in (PARTNER_KEY, *PUSH_KEYS)), "no secret in the output")
    return done.stdout.decode(), done.stderr.decode()


def sign_push(body, key=PUSH_KEYS[0], head=URL + "|"):
    return hmac.new(key.encode(), head.encode() + body, hashlib.sha256).hexdigest()


VERIFY = {"SHOPEE_PUSH_KEY": ",".join(PUSH_KEYS), "SHOPEE_PARTNER_KEY": PARTNER_KEY,
          "SHOPEE_CALLBACK_URL": URL + ",https://hooks2.example.test/"}


def case_verify_names_the_key_and_the_url_a_push_was_signed_with():
    for key, setting, position, of in ((PUSH_KEYS[0], "SHOPEE_PUSH_KEY", 1, 2), (PUSH_KEYS[1], "SHOPEE_PUSH_KEY", 2, 2),
                                       (PARTNER_KEY, "SHOPEE_PARTNER_KEY", 1, 1)):
        for url in VERIFY["SHOPEE_CALLBACK_URL"].split(","):
            signature = sign_push(SAVED, key, url + "|")
            out, _ = ctl("verify", "shopee", "--signature", signature, stdin=SAVED, **VERIFY)
            check(setting in out and url in out and ("1st" if position == 1 else "2nd") in out, "text: %s" % out)
            out, _ = ctl("--json", "verify", "shopee", "--signature", signature.upper(), stdin=SAVED, **VERIFY)
            check_equal(json.loads(out), {"platform": "shopee", "match": True, "configured": True, "url": url, "hints": [],
                                          "key": {"setting": setting, "position": position, "of": of}}, "json")
    body = order_event("1")
    out, _ = ctl("verify", "tiktok", "--signature", sign(body), stdin=body, TIKTOK_APP_KEY="abcdef", TIKTOK_APP_SECRET="new,123")
    check("TIKTOK_APP_SECRET, 2nd of 2" in out, "tiktok: %s" % out)


def case_verify_explains_what_the_server_refuses():
    for signed_as, saved, hint in (
            (("http" + URL[5:] + "|", SAVED), SAVED, "http:// and https://"), ((URL + "/|", SAVED), SAVED, "slash"),
            (("", SAVED), SAVED, "body alone"), ((URL, SAVED), SAVED, "bar"), ((URL + "|", SAVED), SAVED + b"\n", "line break"),
            ((URL + "|", SAVED), json.dumps(json.loads(SAVED)).encode(), "compact JSON"),
            ((URL + "|", json.dumps(json.loads(SAVED)).encode()), SAVED, "space after each comma")):
        signature = sign_push(signed_as[1], head=signed_as[0])
        out, _ = ctl("verify", "shopee", "--signature", signature, stdin=saved, status=1, **VERIFY)
        check(hint in out and "SHOPEE_PUSH_KEY, 1st of 2" in out, "hint %r: %s" % (hint, out))
        out, _ = ctl("--json", "verify", "shopee", "--signature", signature, stdin=saved, status=1, **VERIFY)
        check(json.loads(out)["match"] is False and hint in json.loads(out)["hints"][0], "json: %s" % out)
    out, _ = ctl("verify", "shopee", "--signature", "0" * 64, stdin=SAVED, status=1, **VERIFY)
    check("no configured key fits" in out, out)


def case_verify_reads_a_saved_request_and_judges_as_the_server_does():
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "request")

        def verify(head, body=SAVED, status=0, arguments=(), **settings):
            with open(path, "wb") as f:
                f.write(head + body)
            return ctl("verify", "shopee", "--request", path, *arguments, status=status, **{**VERIFY, **settings})[0]

        good = sign_push(SAVED).encode()
        for end in (b"\r\n", b"\n"):
            verify(end.join((b"POST /shopee HTTP/1.1", b"Host: hooks.example.test", b"authorization:  " + good, b"", b"")))
            verify(end.join((b"Authorization: " + good, b"X: y", b"", b"")))
        named = b"POST /other?a=1 HTTP/1.1\r\nHost: h.example\r\nAuthorization: %s\r\n\r\n" % sign_push(SAVED, head="https://h.example/other?a=1|").encode()
        check("URL the request names" in verify(named, status=1), "the URL of the request")
        check("stands in no setting" in verify(named, arguments=("--url", "https://h.example/other?a=1")), "a URL given by hand")
        check("Authorization" in verify(b"POST / HTTP/1.1\r\n\r\n", status=1), "no signature")
        check("64 hex digits" in verify(b"Authorization: Bearer " + good + b"\r\n\r\n", status=1), "a prefix")
        verify(b"Authorization: " + good, b"", status=2)  # no empty line
        with Redis() as redis, Server(redis, VERIFY) as server:
            for body, signature in ((SAVED, good.decode()), (SAVED + b" ", good.decode()), (SAVED, sign_push(SAVED, "x")),
                                    (SAVED, "Bearer " + good.decode())):
                answer, _ = server.exchange("POST", "/webhooks/shopee", body, {"Authorization": signature})
                verify(b"Authorization: " + signature.encode() + b"\r\n\r\n", body, status=0 if answer.status == 200 else 1)


def case_verify_usage():
    for arguments in ((), ("shopee",), ("shopee", "--signature"), ("shopee", "--signature", "12"), ("nobody", "--signature", "0" * 64),
                      ("shopee", "--request", "/nowhere/at/all"), ("shopee", "--signature", "0" * 64, "--what", "x")):
        _, err = ctl("verify", *arguments, status=2, **VERIFY)
        check(err.startswith("shopstreamctl: "), "says why: %r" % err)
    for missing in ({"SHOPEE_PUSH_KEY": "", "SHOPEE_PARTNER_KEY": ""}, {"SHOPEE_CALLBACK_URL": ""}):
        _, err = ctl("verify", "shopee", "--signature", "0" * 64, status=2, **{**VERIFY, **missing})
        check("SHOPEE_" in err, "names the setting: %r" % err)
    out, _ = ctl("verify", "shopee", "--signature", sign_push(SAVED), "--url", URL, stdin=SAVED, **{**VERIFY, "SHOPEE_CALLBACK_URL": ""})
    check("stands in no setting" in out, out)


# ---------------------------------------------------------------- push, Shopee

class Shopee:
    """The simulated Shopee, and the server whose callback URL it may try."""

    def __enter__(self):
        self.redis = Redis()
        self.sim = Simulator("--platform", "shopee", "--app-key", PARTNER_ID, "--app-secret", PARTNER_KEY, "--callback-url", URL)
        self.settings = {"SHOPEE_PARTNER_ID": PARTNER_ID, "SHOPEE_PARTNER_KEY": PARTNER_KEY, "SHOPEE_API_URL": self.sim.url,
                         "SHOPEE_CALLBACK_URL": URL}
        return self

    def __exit__(self, *ignored):
        self.sim.close()
        self.redis.close()

    def ctl(self, *arguments, **more):
        return ctl(*arguments, **{**self.settings, **more})

    def show(self, status=0, **more):
        return json.loads(self.ctl("--json", "push", "show", "shopee", status=status, **more)[0])[0]


def case_shopees_state_and_what_needs_somebody_are_shown():
    with Shopee() as shopee:
        shown = shopee.show()
        check_equal((shown["callback_url"], shown["live_push_status"], shown["suspended_time"], shown["findings"], shown["off"]),
                    (URL, "Normal", None, [], [10]), "a quiet day")
        check(3 in shown["on"] and 47 in shown["on"], "codes that are on: %s" % shown["on"])
        for state in ("Warning", "Suspended"):
            shopee.sim.call("POST", "push_status", {"status": state})
            out, _ = shopee.ctl("push", "show", "shopee", status=1)
            check(out.startswith("!!! " + state.upper()), "loud: %s" % out)
            shown = shopee.show(status=1)
            check_equal((shown["live_push_status"], shown["suspended_time"] is not None), (state, state == "Suspended"), "json")
        shopee.sim.call("POST", "push_status", {"status": "Normal"})
        out, _ = shopee.ctl("push", "show", "shopee", status=1, SHOPEE_CALLBACK_URL="https://elsewhere.example/")
        check("does not stand in SHOPEE_CALLBACK_URL" in out, out)
        check_equal(shopee.ctl("push", "show", "shopee", "--shop", "1", status=2)[0], "", "one shop")
        shopee.ctl("push", "show", "shopee", status=1, SHOPEE_PARTNER_KEY="wrong")
        shopee.ctl("push", "show", "shopee", status=3, SHOPEE_API_URL="http://127.0.0.1:1")


def case_shopees_url_is_registered_and_tried():
    with Shopee() as shopee, Server(shopee.redis, {**shopee.settings, "SHOPEE_CALLBACK_URL": URL}) as server:
        new = "http://127.0.0.1:%d/webhooks/shopee" % server.port
        body = json.loads(shopee.ctl("--json", "push", "register", "shopee", "--url", new, "--dry-run")[0])[0]
        check_equal((body["done"], body["request"]["callback_url"]), (False, new), "a dry run")
        check_equal(shopee.show()["callback_url"], URL, "unchanged by a dry run")
        _, err = shopee.ctl("push", "register", "shopee", "--url", new)
        check("refuses its pushes with 401" in err, "a URL of no setting: %s" % err)
        check_equal(server.metric('shopstream_server_requests_total{answer="push_check"}'), 1, "the console's test message")
        check_equal(shopee.show(SHOPEE_CALLBACK_URL=new)["callback_url"], new, "registered")
        _, err = shopee.ctl("push", "register", "shopee", "--url", "http://127.0.0.1:%d/nowhere" % server.port, status=1)
        check("2xx" in err, "the platform's own words: %s" % err)
        shopee.ctl("push", "register", "shopee", status=2)


# ---------------------------------------------------------------- push, TikTok Shop

def case_tiktoks_topics_of_each_shop_are_shown_and_registered():
    url = "https://hooks.example.test/webhooks/tiktok"
    with World(shops=2, server=None) as world:
        shown = json.loads(world.ctl("--json", "push", "show", "tiktok", status=1).stdout)
        check_equal([(len(s["webhooks"]), len(s["missing"])) for s in shown], [(0, 12)] * 2, "nothing is registered")
        first = shown[0]["shop"]
        check("would set" in world.ctl("push", "register", "tiktok", "--url", url, "--dry-run").stdout, "a dry run")
        world.ctl("push", "show", "tiktok", status=1)
        world.ctl("push", "register", "tiktok", "--shop", first, "--url", url)
        shown = json.loads(world.ctl("--json", "push", "show", "tiktok", status=1).stdout)
        check_equal([len(s["missing"]) for s in shown], [0, 12], "one shop is registered")
        check_equal(set(shown[0]["webhooks"].values()), {url}, "addresses")
        world.ctl("push", "register", "tiktok", "--url", url)
        check_equal([s["missing"] for s in json.loads(world.ctl("--json", "push", "show", "tiktok").stdout)], [[], []], "both")
        again = json.loads(world.ctl("--json", "push", "register", "tiktok", "--url", url).stdout)
        check_equal([s["set"] for s in again], [0, 0], "nothing is set twice")
        moved = json.loads(world.ctl("--json", "push", "register", "tiktok", "--shop", first, "--url", url + "2").stdout)
        check_equal([s["set"] for s in moved], [12], "another address")
        for bad in ("http://hooks.example.test/", "https://hooks.example.test:8443/", "https://hooks.example.test/?a", "https:///x",
                    "https://hooks.example.test/" + "x" * 255):
            check("--url" in world.ctl("push", "register", "tiktok", "--url", bad, status=2).stderr, bad)
        world.ctl("push", "show", "tiktok", "--shop", "404", status=1)
        world.ctl("shop", "disable", "tiktok", first)
        check("disabled" in world.ctl("push", "show", "tiktok", "--shop", first, status=1).stderr, "a disabled shop")
        for arguments in ((), ("show",), ("show", "nobody"), ("register", "tiktok"), ("show", "tiktok", "--url", "x"), ("dance", "tiktok")):
            world.ctl("push", *arguments, status=2)


run_cases(globals())
