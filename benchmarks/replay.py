"""A server in a process of its own, which sends what it has rendered before.

`python -m benchmarks.replay` prints its port, and serves until its stdin ends; with `--tls` it
has a certificate. `GET /sent` tells how many bytes went into its last endless stream.
"""

from __future__ import annotations

import argparse
import contextlib
import socket
import socketserver
import ssl
import sys
import threading
import time
from itertools import islice, repeat

from benchmarks.feeds import Feed, body, chunked, frames, words

__all__ = ["main"]

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
NOW = b"NOW"
PLAIN = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s"


class _Handler(socketserver.BaseRequestHandler):
    sent = 0
    """Bytes of the last endless stream; a figure, not a state."""

    def setup(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def handle(self) -> None:
        with contextlib.suppress(OSError):  # the client leaves: so every measurement ends
            if isinstance(self.request, ssl.SSLSocket):
                self.request.do_handshake()
            while path := _asked(self.request):
                self._answer(path.lstrip("/").partition("/")[0])

    def _answer(self, segment: str) -> None:
        if segment == "sent":
            told = b"%d" % _Handler.sent
            self.request.sendall(PLAIN % (len(told), told))
            return
        feed = Feed.parse(segment)
        self.request.sendall(HEAD)
        if feed.kind == "paced":
            self._pace(feed)
        elif feed.kind == "endless":
            self._pour(feed)
        else:
            for block in body(feed):
                self.request.sendall(block)

    def _pace(self, feed: Feed) -> None:
        """At its rate; every text is the time at which it is sent, which `worker` reads."""
        began = time.monotonic()
        for number, frame in enumerate(frames(feed.wire, repeat(f"{NOW.decode()} ", feed.pieces))):
            time.sleep(max(0.0, began + number / feed.rate - time.monotonic()))
            self.request.sendall(chunked(frame.replace(NOW, b"%.6f" % time.monotonic())))
        self.request.sendall(b"0\r\n\r\n")

    def _pour(self, feed: Feed) -> None:
        _Handler.sent = 0
        events = islice(frames(feed.wire, words(2000)), 1, 1001)
        block = b"".join(map(chunked, events))
        while True:
            self.request.sendall(block)
            _Handler.sent += len(block)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 2048

    def __init__(self, context: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self._context = context

    def get_request(self) -> tuple[socket.socket, object]:
        connection, address = super().get_request()
        if self._context is None:
            return connection, address
        wrapped = self._context.wrap_socket(
            connection, server_side=True, do_handshake_on_connect=False
        )
        return wrapped, address


def _asked(connection: socket.socket) -> str:
    """The path of the next request, whose body is read; none if there is no other."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return ""
        data += more
    head, _, rest = data.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    while len(rest) < length:
        rest += connection.recv(65536)
    return head.split(b" ", 2)[1].decode()


def main() -> None:
    """Serve until stdin ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tls", nargs=2, metavar=("CERTIFICATE", "KEY"))
    tls = parser.parse_args().tls
    context = None
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*tls)
    threading.stack_size(256 * 1024)
    with _Server(context) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(server.server_address[1], flush=True)
        sys.stdin.read()
        server.shutdown()


if __name__ == "__main__":
    main()
