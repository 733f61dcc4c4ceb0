"""A TCP proxy that stops a program at a chosen message, between a worker and its Redis or MongoDB: one step of what it does.

    with Stepper(port) as proxy:
        proxy.stop_at(b"intent", applied=False)   # the message that holds these bytes is not passed on
        proxy.reached.wait(10)
        proxy.go_on()                             # or proxy.cut(): the connections break, and new ones for a while, too

Bytes are passed on as they come; a message is recognised only when it comes in one piece, as short commands do.
"""

import contextlib
import socket
import threading


class Stepper:
    def __init__(self, port):
        self.target = port
        self.pattern, self.applied, self.left = None, False, 0
        self.reached = threading.Event()  # a message with the pattern has come
        self.free = threading.Event()     # set: messages pass
        self.free.set()
        self.refusing = False
        self.pairs = []
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def stop_at(self, pattern, applied=False, count=1):
        """The next message with these bytes stops its connection: before it is passed on, or (applied) before its answer is.
        count: so many messages, of connections of their own."""
        with self.lock:
            self.reached.clear()
            self.free.clear()
            self.pattern, self.applied, self.left = pattern, applied, count

    def go_on(self):
        with self.lock:
            self.pattern = None
        self.free.set()

    def cut(self):
        """Breaks every connection without passing on what was stopped, and refuses new ones until heal()."""
        with self.lock:
            self.refusing, self.pattern = True, None
            pairs, self.pairs = self.pairs, []
        for pair in pairs:
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
        self.free.set()

    def heal(self):
        self.refusing = False

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                if self.refusing:
                    raise OSError("refused")
                server = socket.create_connection(("127.0.0.1", self.target), timeout=10)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            state = {"held": False}  # an answer is held back on this connection
            with self.lock:
                self.pairs.append((client, server))
            threading.Thread(target=self._requests, args=(client, server, state), daemon=True).start()
            threading.Thread(target=self._answers, args=(client, server, state), daemon=True).start()

    def _requests(self, client, server, state):
        self._pump(client, server, lambda data: self._meets(data, state))

    def _answers(self, client, server, state):
        self._pump(server, client, lambda data: state["held"])

    def _meets(self, data, state):
        """True: the message waits. With applied its answer does."""
        with self.lock:
            if self.pattern is None or self.pattern not in data:
                return False
            if self.applied:
                state["held"] = True
            self.left -= 1
            if self.left == 0:
                self.pattern = None
                self.reached.set()
            return not self.applied

    def _pump(self, source, target, waits):
        with contextlib.suppress(OSError):
            while True:
                data = source.recv(1 << 16)
                if not data:
                    break
                if waits(data):
                    self.free.wait()
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            if end is source:
                end.close()

    def close(self):
        self.listener.close()
        self.cut()

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        self.close()
