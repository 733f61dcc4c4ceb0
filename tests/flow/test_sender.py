"""webhook-sender as the load generator of bench/run: what it sends, when it begins, and to whom."""

import hashlib
import hmac
import http.server
import json
import os
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from stack import APP_KEY, APP_SECRET, RELEASE, check, check_equal, run_cases, wait_for


class Receiver(http.server.ThreadingHTTPServer):
    """Answers 200 and keeps (client, method, path, signature, body) of every request."""

    def __init__(self):
        receiver = self
        self.requests, self.accepted = [], 0

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def take(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.requests.append((self.client_address, self.command, self.path, self.headers["Authorization"], body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_POST = do_PUT = take

            def log_message(self, *ignored):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.daemon_threads = True
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def process_request(self, request, client_address):
        self.accepted += 1
        super().process_request(request, client_address)

    def __exit__(self, *ignored):
        self.shutdown()
        self.server_close()


def sender(receiver, *arguments):
    return subprocess.Popen(
        [os.path.join(RELEASE, "webhook-sender"), "--url", "http://127.0.0.1:%d" % receiver.server_port, "--load", "--count", "20",
         "--connections", "2", "--app-key", APP_KEY, "--app-secret", APP_SECRET, *arguments],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def send(receiver, *arguments):
    done = sender(receiver, *arguments)
    out, error = done.communicate(timeout=30)
    check_equal((done.returncode, error), (0, ""), "exit code and complaints")
    return json.loads(out)


def notification(request):
    return int(json.loads(request[4])["tts_notification_id"])


def case_a_load_is_signed_unique_and_as_long_as_wished():
    with Receiver() as receiver:
        check_equal(send(receiver, "--size", "700")["by_status"], {"200": 20}, "answers")
        for _, method, path, signature, body in receiver.requests:
            check_equal((method, path, len(body)), ("POST", "/webhooks/tiktok", 700), "request")
            check_equal(signature, hmac.new(APP_SECRET.encode(), APP_KEY.encode() + body, hashlib.sha256).hexdigest(), "signature")
        check_equal(len({notification(r) for r in receiver.requests}), 20, "ids")
        check(len({r[0] for r in receiver.requests}) <= 2, "more connections than wished")


def case_first_keeps_the_ids_of_two_senders_apart():
    with Receiver() as receiver:
        send(receiver)
        send(receiver, "--first", "20")
        check_equal(len({notification(r) % 1000000000 for r in receiver.requests}), 40, "numbers")


def case_close_takes_a_connection_for_each_request():
    with Receiver() as receiver:
        send(receiver, "--close")
        check_equal(len({r[0] for r in receiver.requests}), 20, "connections")


def case_connect_opens_all_connections_before_it_begins():
    with Receiver() as receiver:
        held = sender(receiver, "--connect", "--hold")
        check_equal(held.stderr.readline(), "ready\n", "what it says")
        wait_for("both connections", lambda: receiver.accepted == 2)
        out, _ = held.communicate("go\n", timeout=30)
        check_equal((json.loads(out)["accepted"], receiver.accepted), (20, 2), "accepted webhooks and connections")


def case_connect_says_when_nobody_listens():
    with Receiver() as receiver:
        pass
    nobody = sender(receiver, "--connect")
    _, error = nobody.communicate(timeout=30)
    check_equal(nobody.returncode, 3, "exit code")
    check("refused" in error, error)


def case_method_and_path_are_the_receivers():
    with Receiver() as receiver:
        send(receiver, "--method", "PUT", "--path", "/XADD/s/*/body")
        check_equal({r[1:3] for r in receiver.requests}, {("PUT", "/XADD/s/*/body")}, "request line")


def case_hold_sends_nothing_before_it_is_told():
    with Receiver() as receiver:
        held = sender(receiver, "--hold")
        check_equal(held.stderr.readline(), "ready\n", "what it says")
        check_equal(receiver.requests, [], "sent already")
        out, _ = held.communicate("go\n", timeout=30)
        check_equal((held.returncode, json.loads(out)["accepted"]), (0, 20), "exit code and accepted")


def case_hold_ends_when_nobody_is_left_to_tell_it():
    with Receiver() as receiver:
        held = sender(receiver, "--hold")
        held.stdin.close()
        check_equal(held.wait(30), 3, "exit code")
        for stream in (held.stdout, held.stderr):
            stream.close()
        check_equal(receiver.requests, [], "sent")


if __name__ == "__main__":
    run_cases(globals())
