#!/usr/bin/python3
"""deploy/demo shows both marketplaces and every kind, accounts for everything, and leaves nothing behind, however it ends."""

import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from stack import *  # noqa: E402,F403

DEMO = os.path.join(ROOT, "deploy", "demo")
KINDS = ("order", "return", "product", "tracking", "transaction")


class Demo:
    """One run, in a directory of its own."""

    def __init__(self, *arguments):
        self.directory = tempfile.mkdtemp(prefix="shopstream-test-demo-")
        self.log = os.path.join(self.directory, "log")
        environment = dict(os.environ, TMPDIR=self.directory, SHOPSTREAM_BUILD_DIR=RELEASE)
        environment.pop("MONGO_URI", None)
        with open(self.log, "w") as log:
            self.process = subprocess.Popen([DEMO, *arguments], env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def text(self):
        with open(self.log) as log:
            return log.read()

    def end(self, seconds=240):
        self.process.wait(seconds)
        return self.process.returncode

    def left(self):
        """Directories and processes of this run that are still there."""
        found = [name for name in os.listdir(self.directory) if name.startswith("shopstream-demo")]
        for process in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open("/proc/%s/environ" % process, "rb") as environ:
                    if ("SHOPSTREAM_DEMO=%s/" % self.directory).encode() in environ.read():
                        found.append(process)
            except OSError:
                pass
        return found

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)
        shutil.rmtree(self.directory, ignore_errors=True)


def case_it_accounts_for_everything_of_both_marketplaces_and_stops_what_it_started():
    with Demo() as demo:
        code, text = demo.end(), demo.text()
        check_equal(code, 0, "exit status: %s" % text[-3000:])
        check("ALL ACCOUNTED FOR: " in text and "\n    FAIL  " not in text, "the account: %s" % text[-3000:])
        for kind in KINDS:
            for platform in ("tiktok", "shopee"):
                check("\n%s of %s, as MongoDB holds it:\n{\n  _id: \"%s:" % (kind, platform, platform) in text,
                      "no document of %s %s" % (platform, kind))
        for words in ("shopstreamctl status:", "proven: every event has an end", "equal, as far as the sample tells"):
            check(words in text, "%r is not shown" % words)
        check_equal(demo.left(), [], "left behind")


def case_a_signal_in_the_middle_leaves_nothing_behind():
    with Demo() as demo:
        wait_for("the burst", lambda: "the first webhook was answered" in demo.text() or demo.process.poll() is not None, 200)
        demo.process.send_signal(signal.SIGTERM)
        check_equal(demo.end(), 128 + signal.SIGTERM, "exit status: %s" % demo.text()[-2000:])
        check_equal(demo.left(), [], "left behind")


def case_what_is_kept_is_stopped_by_its_directory_and_no_other():
    with Demo("--keep") as demo:
        check_equal(demo.end(), 0, "exit status: %s" % demo.text()[-2000:])
        check(len(demo.left()) > 5, "kept: %s" % demo.left())
        refused = subprocess.run([DEMO, "--stop", "/etc"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        check(refused.returncode != 0, "--stop of another directory")
        kept = demo.text().split("--stop ")[-1].strip()
        subprocess.run([DEMO, "--stop", kept], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        check_equal(demo.left(), [], "left behind")


if __name__ == "__main__":
    run_cases(globals())
