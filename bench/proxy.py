"""A TCP proxy that delays what passes, each way by the same time, without limiting the rate."""

import queue
import socket
import struct
import threading
import time

from parts import Failure

# Kafka's ApiVersions request, version 0: what any client may ask first.
REQUEST = struct.pack(">hhih", 18, 0, 1, -1)
# The proxy's threads wake a little late, and the broker needs a moment. Less than the delay is never right.
SLACK_MS = 3.0


class Proxy:
    """Connections to `port` go to the target, later by the delay."""

    def __init__(self, target: tuple[str, int]):
        self.target, self.delay_s, self.open = target, 0.0, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(self.target)
            self.open += [client, server]
            for each in (client, server):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for source, sink in ((client, server), (server, client)):
                waiting: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
                threading.Thread(target=self._take, args=(source, waiting), daemon=True).start()
                threading.Thread(target=self._give, args=(waiting, sink), daemon=True).start()

    def _take(self, source: socket.socket, waiting: "queue.SimpleQueue[tuple[float, bytes]]") -> None:
        data = b"-"
        while data:
            try:
                data = source.recv(1 << 18)
            except OSError:
                data = b""
            waiting.put((time.monotonic() + self.delay_s, data))

    def _give(self, waiting: "queue.SimpleQueue[tuple[float, bytes]]", sink: socket.socket) -> None:
        while True:
            at, data = waiting.get()
            time.sleep(max(0.0, at - time.monotonic()))
            try:
                if not data:
                    return sink.shutdown(socket.SHUT_RDWR)
                sink.sendall(data)
            except OSError:
                return None

    def cut(self) -> None:
        """Ends all connections."""
        cut, self.open = self.open, []
        for each in cut:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def set_delay(self, ms: float) -> float:
        """Sets the delay each way, proves it by the round trip of one message, and returns that in ms."""
        self.delay_s = ms / 1000
        with socket.create_connection(("127.0.0.1", self.port)) as client:
            # The fastest counts: the first one also waits for the proxy's own connection, others for a busy machine.
            took = float("inf")
            for _ in range(10):
                start = time.monotonic()
                client.sendall(struct.pack(">i", len(REQUEST)) + REQUEST)
                if len(client.recv(4)) != 4:
                    raise Failure("the broker does not answer through the proxy")
                took = min(took, (time.monotonic() - start) * 1000)
                client.recv(1 << 16)
        if not 2 * ms <= took <= 2 * ms + SLACK_MS + ms / 10:
            raise Failure(f"a round trip with {ms} ms each way took {took:.1f} ms")
        return took

    def close(self) -> None:
        """Ends all connections, and takes no more."""
        self.listener.close()
        self.cut()
