"""entries.py - entries of the stream as they were stored once, made to wait again in every round."""

import itertools
import subprocess

import world
from stack import check, check_equal

LIVE, GROUP, STAGED = world.LIVE, world.GROUP, world.LIVE + ":staged"
POISON = 10  # every so many-th entry of a shop can never be read


def command(*words):
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        word = word if isinstance(word, bytes) else word.encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(word), word))
    return b"".join(parts)


def xadd(fields):
    return command("XADD", STAGED, "*", *itertools.chain.from_iterable(fields.items()))


def document_id(fields):
    return "tiktok:%s:%s" % (fields[b"shop"].decode(), fields[b"id"].decode())


def poisoned(entries):
    """The same with every POISON-th entry of each shop without its id."""
    seen, made = {}, []
    for fields in entries:
        number = seen[fields[b"shop"]] = seen.get(fields[b"shop"], 0) + 1
        made.append({k: v for k, v in fields.items() if k != b"id"} if number % POISON == 0 else fields)
    return made


def stage(redis, port, entries, repeat=1):
    """Adds them, so many times over, to a stream beside the live one; its group has read nothing of it."""
    redis.xgroup_create(STAGED, GROUP, id="0", mkstream=True)
    pipe = subprocess.Popen(["redis-cli", "-p", str(port), "--pipe"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT)
    block = b"".join(map(xadd, entries))
    for _ in range(repeat):
        pipe.stdin.write(block)
    said = pipe.communicate()[0].decode()
    check(pipe.returncode == 0 and "errors: 0" in said, "redis-cli --pipe: " + said)
    check_equal(redis.xlen(STAGED), len(entries) * repeat, "entries waiting")


def hand_over(redis):
    """All of them wait in the live stream from now on."""
    redis.rename(STAGED, LIVE)
