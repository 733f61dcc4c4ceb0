"""webhook-sender of the tests as the load generator: it makes and signs its list, connects, waits for our word, then sends."""

import json
import os
import subprocess

import stack
from lib import measure


class Sender:
    """A list of unique signed webhooks for one receiver; run() sends it and gives the sender's summary.

    rate: open loop, latency counts from when a webhook was due. first: keeps the ids of several senders apart."""

    def __init__(self, target, count, size=1024, connections=64, rate=None, first=0, keep_alive=True):
        command = [*measure.pinned(measure.DRIVER_CORE), os.path.join(stack.RELEASE, "webhook-sender"),
                   "--url", "http://127.0.0.1:%d" % target.port, "--load", "--hold", "--count", str(count), "--size", str(size),
                   "--first", str(first), "--connections", str(connections), "--method", target.method, "--path", target.path,
                   "--timeout-ms", "30000", "--app-key", stack.APP_KEY, "--app-secret", stack.APP_SECRET]
        if rate:
            command += ["--rate", str(rate)]
        command += ["--connect" if keep_alive else "--close"]
        self.count = count
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.process.stderr.readline()
        if line != "ready\n":
            self.close()
            raise stack.Failure("webhook-sender: %s" % (line + self.process.stderr.read()).strip())

    def run(self):
        out, error = self.process.communicate("go\n")
        stack.check(out.startswith("{"), "webhook-sender: %s" % error.strip())
        summary = json.loads(out)
        stack.check(summary["by_status"] == {"200": self.count}, "not every webhook was answered 200: %s, %s" % (
            summary["by_status"], summary["failures"]))
        return summary

    def cpu(self):
        return measure.cpu_of(self.process.pid)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            stream.close()

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        self.close()
