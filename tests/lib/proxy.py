"""A TCP proxy that can be a bad network: slow, silent, refusing, half closed, or gone.

    proxy = Proxy(world.redis.port)
    world.start_server({"REDIS_URL": "redis://127.0.0.1:%d" % proxy.port})
    proxy.silence()      # a partition: connections stay open and nothing passes
    ...
    proxy.heal()

What was under way when the network went silent passes once it heals, as packets that are sent again do.
"""

import contextlib
import selectors
import socket
import threading
import time

CHUNK = 65536


class Pipe(threading.Thread):
    """One direction of one connection."""

    def __init__(self, proxy, source, sink):
        super().__init__(daemon=True)
        self.proxy, self.source, self.sink = proxy, source, sink
        self.start()

    def run(self):
        with contextlib.suppress(OSError, ValueError):
            while True:
                data = self.source.recv(CHUNK)
                if not data:
                    break
                if self.proxy.delay_s:
                    time.sleep(self.proxy.delay_s)
                self.proxy.open.wait()
                self.sink.sendall(data)
        with contextlib.suppress(OSError):
            self.sink.shutdown(socket.SHUT_WR)


class Proxy:
    def __init__(self, port, host="127.0.0.1"):
        self.target = (host, port)
        self.delay_s = 0.0
        self.open = threading.Event()
        self.open.set()
        self.refusing = self.ending = False
        self.pairs, self.lock = [], threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def _accept(self):
        with selectors.DefaultSelector() as selector:
            selector.register(self.listener, selectors.EVENT_READ)
            while not self.ending:
                if selector.select(0.1) and not self.ending:
                    client, _ = self.listener.accept()
                    self._serve(client)

    def _serve(self, client):
        if self.refusing:
            client.close()
            return
        try:
            upstream = socket.create_connection(self.target, timeout=5)
        except OSError:
            client.close()
            return
        for s in (client, upstream):
            s.settimeout(None)
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self.lock:
            self.pairs.append((client, upstream))
        Pipe(self, client, upstream)
        Pipe(self, upstream, client)

    # ------------------------------------------------------------ weather

    def slow(self, ms):
        """Everything takes that much longer, each way."""
        self.delay_s = ms / 1000

    def silence(self):
        """A partition: nothing passes, nothing is closed, new connections come about and stay silent."""
        self.open.clear()

    def refuse(self):
        """New connections are closed at once; those there are, are cut."""
        self.refusing = True
        self.cut()

    def cut(self):
        """Every connection is reset."""
        with self.lock:
            pairs, self.pairs = self.pairs, []
        for pair in pairs:
            for s in pair:
                with contextlib.suppress(OSError):
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
                with contextlib.suppress(OSError):
                    s.shutdown(socket.SHUT_RDWR)
                with contextlib.suppress(OSError):
                    s.close()

    def half_close(self):
        """Towards the client every connection ends; what the client still sends passes on."""
        with self.lock:
            for client, _ in self.pairs:
                with contextlib.suppress(OSError):
                    client.shutdown(socket.SHUT_WR)

    def heal(self):
        self.delay_s, self.refusing = 0.0, False
        self.open.set()

    def connections(self):
        with self.lock:
            return len(self.pairs)

    def close(self):
        self.ending = True
        self.heal()
        self.cut()
        self.thread.join()
        self.listener.close()

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        self.close()
