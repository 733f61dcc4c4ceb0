"""The contenders of the ingest part as processes: started on a free port and pinned, ready when they answer, stopped by pid.

Each is a block: with Fastify(redis) as program: program.port, program.method, program.path, program.cpu(), program.memory().
What they are, and in which versions, stands in rivals/ and in bench/README.md. Those that verify, verify what the product
verifies: HMAC-SHA256 over app key and body, compared in constant time."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import tempfile

import stack
from lib import measure
from lib.report import output, package

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "rivals")
CACHE = os.path.join(os.environ.get("SHOPSTREAM_CACHE") or os.environ.get("XDG_CACHE_HOME") or
                     os.path.expanduser("~/.cache"), "shopstream")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Rival(stack.Program):
    """command: [path of the program, arguments...], with {port} and {dir} to be filled in."""

    method, path, stream = "POST", "/webhooks/tiktok", "s"
    stores, verifies = True, True
    compiles = 0  # requests until a compiler at run time has seen enough

    def __init__(self, command, redis, settings=None, core=measure.CONTENDER_CORE, port=None):
        self.port = port or free_port()
        wanted = {"PORT": self.port, "REDIS_PORT": redis.port, "APP_KEY": stack.APP_KEY, "APP_SECRET": stack.APP_SECRET}
        wanted.update(settings or {})
        program = shutil.which(command[0]) or shutil.which(command[0], path="/usr/sbin")
        stack.check(program, "%s is not installed (deploy/install --bench)" % command[0])
        super().__init__(os.path.basename(program), wanted, measure.pinned(core), os.path.dirname(program), command[1:])
        try:
            stack.wait_for("%s to listen" % self.name, self.listens, 20)
        except BaseException:
            self.close()
            raise

    def listens(self):
        if self.process.poll() is not None:
            self.fail("ended with %s" % self.process.returncode)
        with contextlib.suppress(OSError):
            stack.raw_socket(self.port).close()
            return True
        return False

    def stop(self, seconds=5.0):
        """Others have exit statuses of their own; what counts is that they are gone, their children with them."""
        children = measure.children_of(self.pid) if self.process.poll() is None else []
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
        self.close()
        for child in children:
            stack.wait_for("the end of a process of %s" % self.name, lambda pid=child: not os.path.exists("/proc/%d" % pid), 10)

    def cpu(self):
        return measure.tree_cpu(self.pid)

    def memory(self):
        return measure.tree_memory(self.pid)


class Evhttp(Rival):
    """Tells its port itself."""

    stores, verifies = False, False

    def __init__(self, redis):
        super().__init__([os.path.join(stack.RELEASE, "bench-evhttp")], redis)

    def listens(self):
        self.port = int(self.wait_log(r"port=(\d+)").group(1))
        return True


class EvhttpRedis(Evhttp):
    """The same with hiredis behind it; marks: with GET and SET around the XADD, as the product."""

    stores = True

    def __init__(self, redis, marks=False):
        Rival.__init__(self, [os.path.join(stack.RELEASE, "bench-evhttp-redis"), str(redis.port), "marks" if marks else "xadd"], redis)


class Webdis(Rival):
    """As packaged but for ports, files and one thread, because one core is what everybody gets. Verifies nothing. The body of a
    PUT is the last argument of the command in the path."""

    method, path, verifies = "PUT", "/XADD/s/*/body", False

    def __init__(self, redis, pool=None):
        port = free_port()
        self.settings = tempfile.mkdtemp(prefix="shopstream-webdis-")
        with open("/etc/webdis/webdis.json") as f:
            config = json.load(f)
        config.update(redis_port=redis.port, http_port=port, threads=1, daemonize=False,
                      logfile=os.path.join(self.settings, "log"), pidfile=os.path.join(self.settings, "pid"))
        if pool:
            config["pool_size"] = pool
        with open(os.path.join(self.settings, "webdis.json"), "w") as f:
            json.dump(config, f)
        super().__init__(["webdis", f.name], redis, port=port)

    def close(self):
        super().close()
        shutil.rmtree(self.settings, ignore_errors=True)


class NginxLua(Rival):
    def __init__(self, redis):
        port = free_port()
        self.settings = tempfile.mkdtemp(prefix="shopstream-nginx-lua-")
        with open(os.path.join(HERE, "nginx", "nginx.conf")) as f:
            text = f.read()
        for mark, value in (("@DIR@", self.settings), ("@HERE@", os.path.join(HERE, "nginx")), ("@PORT@", str(port))):
            text = text.replace(mark, value)
        with open(os.path.join(self.settings, "nginx.conf"), "w") as f:
            f.write(text)
        super().__init__(["nginx", "-p", self.settings, "-c", f.name], redis, port=port)

    def close(self):
        super().close()
        shutil.rmtree(self.settings, ignore_errors=True)


class Fastify(Rival):
    compiles = 12000

    def __init__(self, redis, workers=1):
        super().__init__(["node", os.path.join(HERE, "fastify", "server.js")], redis,
                         {"NODE_PATH": os.path.join(CACHE, "bench-fastify", "node_modules"), "NODE_ENV": "production",
                          "WORKERS": workers}, measure.CONTENDER_CORE if workers == 1 else measure.ALL_CORES)


class Aiohttp(Rival):
    def __init__(self, redis):
        super().__init__([os.path.join(CACHE, "bench-aiohttp", "bin", "python"), "-B", os.path.join(HERE, "aiohttp", "server.py")],
                         redis)


def npm_version(name):
    with open(os.path.join(CACHE, "bench-fastify", "node_modules", name, "package.json")) as f:
        return json.load(f)["version"]


def pinned_versions(*names):
    """Of requirements.txt: what is installed is that."""
    with open(os.path.join(HERE, "aiohttp", "requirements.txt")) as f:
        lines = dict(line.strip().split("==") for line in f if "==" in line)
    return ", ".join("%s %s" % (name, lines[name]) for name in names)


def versions():
    return [
        ("webdis", package("webdis")),
        ("nginx + Lua", "nginx %s, lua-nginx-module %s, lua-resty-redis %s" % tuple(
            package(name) for name in ("nginx", "libnginx-mod-http-lua", "lua-nginx-redis"))),
        ("fastify + ioredis", "Node.js %s, fastify %s, ioredis %s" % (
            output("node", "--version"), npm_version("fastify"), npm_version("ioredis"))),
        ("aiohttp + redis-py", "%s, %s" % (output("/usr/bin/python3", "--version"),
                                           pinned_versions("aiohttp", "redis", "hiredis", "uvloop"))),
    ]
