"""A real nginx with the site file of deploy/nginx in front of a server: only addresses and certificate are replaced."""

import http.client
import os
import re
import shutil
import socket
import ssl
import subprocess
import tempfile

from stack import ROOT, check, raw_socket, wait_for


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Nginx:
    """nginx in the foreground, everything in a temporary directory, stopped by pid."""

    def __init__(self, server_port, *others):
        """others: ports of further servers; the site file has one line for each."""
        self.directory = tempfile.mkdtemp(prefix="shopstream-nginx-")
        self.port = free_port()
        path = lambda name: os.path.join(self.directory, name)  # noqa: E731
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                        "/CN=webhooks.example.com", "-keyout", path("privkey.pem"), "-out", path("fullchain.pem")],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with open(os.path.join(ROOT, "deploy", "nginx", "shopstream.conf")) as f:
            site = f.read()
        line = re.search(r"^ *server (127\.0\.0\.1:8080) [^;]*;", site, re.M)
        further = "".join("\n" + line.group().replace(line.group(1), "127.0.0.1:%d" % port) for port in others)
        site = site[:line.end()] + further + site[line.end():]
        for was, becomes in (("127.0.0.1:8080", "127.0.0.1:%d" % server_port), ("listen 443 ssl", "listen 127.0.0.1:%d ssl" % self.port),
                             ("listen [::]:443 ssl;", ""), ("listen 80;", "listen unix:%s;" % path("plain.sock")),
                             ("listen [::]:80;", ""), ("/etc/ssl/shopstream", self.directory)):
            check(was in site, "%r stands in the site file" % was)
            site = site.replace(was, becomes)
        temporary = "".join("%s_temp_path %s; " % (k, path(k)) for k in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        with open(path("nginx.conf"), "w") as f:
            f.write("daemon off; master_process off; pid %s; error_log %s; events { worker_connections 1000; }\n"
                    "http { access_log off; %s\n%s\n}\n" % (path("pid"), path("log"), temporary, site))
        self.process = subprocess.Popen(["nginx", "-p", self.directory, "-c", path("nginx.conf")],
                                        stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for("nginx", self.answers)

    def answers(self):
        check(self.process.poll() is None, "nginx ended")
        try:
            raw_socket(self.port).close()
            return True
        except OSError:
            return False

    def connect(self):
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=10, context=ssl._create_unverified_context())

    def raw(self, timeout=10):
        """A connection through TLS, for requests http.client would not send."""
        return ssl._create_unverified_context().wrap_socket(raw_socket(self.port, timeout=timeout))

    def close(self):
        self.process.terminate()
        self.process.wait(10)
        shutil.rmtree(self.directory, ignore_errors=True)
