"""The product as a contender: one loop on one core, every other setting at its default unless told."""

import os
import re
import shutil
import tempfile

import stack
from ingest.contenders import Rival, free_port
from lib import measure


class Shopstream(stack.Server):
    method, path, stream = "POST", "/webhooks/tiktok", "webhooks:{0}"
    stores, verifies, compiles = True, True, 0

    def __init__(self, redis, settings=None):
        super().__init__(redis, dict({"SERVER_THREADS": 1}, **(settings or {})), build=stack.RELEASE,
                         wrapper=measure.pinned(measure.CONTENDER_CORE))

    def cpu(self):
        return measure.cpu_of(self.pid)

    def memory(self):
        return measure.memory_of(self.pid)


class SiteNginx(Rival):
    """nginx with the site file of deploy/nginx in front of a server; without TLS, which the sender does not speak."""

    def __init__(self, redis, server_port):
        port = free_port()
        self.settings = tempfile.mkdtemp(prefix="shopstream-nginx-")
        with open(os.path.join(stack.ROOT, "deploy", "nginx", "shopstream.conf")) as f:
            site = f.read()
        site = re.sub(r"^\s*(ssl_\w+|listen \[::\]:\d+.*|listen 80).*;\n", "", site, flags=re.M)
        for was, becomes in (("127.0.0.1:8080", "127.0.0.1:%d" % server_port), ("listen 443 ssl", "listen 127.0.0.1:%d" % port)):
            stack.check(was in site, "%r stands in the site file" % was)
            site = site.replace(was, becomes)
        # The last server of the file refuses plain HTTP, which is what arrives here.
        site = site[:site.rindex("# Plain HTTP")]
        temporary = "".join("%s_temp_path %s; " % (kind, os.path.join(self.settings, kind))
                            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        path = os.path.join(self.settings, "nginx.conf")
        with open(path, "w") as f:
            f.write("daemon off; master_process off; pid %s/pid; error_log %s/log; events { worker_connections 32768; }\n"
                    "http { access_log off; %s\n%s\n}\n" % (self.settings, self.settings, temporary, site))
        super().__init__(["nginx", "-p", self.settings, "-c", path], redis, port=port)

    def close(self):
        super().close()
        shutil.rmtree(self.settings, ignore_errors=True)


class BehindNginx:
    """Both on the one core; both count."""

    method, path, stream = Shopstream.method, Shopstream.path, Shopstream.stream
    stores, verifies, compiles = True, True, 0

    def __init__(self, redis):
        self.server = Shopstream(redis)
        try:
            self.nginx = SiteNginx(redis, self.server.port)
        except BaseException:
            self.server.close()
            raise
        self.port = self.nginx.port

    def cpu(self):
        return self.server.cpu() + self.nginx.cpu()

    def memory(self):
        return self.server.memory() + self.nginx.memory()

    def __enter__(self):
        return self

    def __exit__(self, kind, *ignored):
        try:
            self.nginx.__exit__(kind, *ignored)
        finally:
            self.server.__exit__(kind, *ignored)
