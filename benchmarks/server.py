"""A loopback server in its own process that sends one pre-rendered stream per request."""

from __future__ import annotations

import contextlib
import multiprocessing
import socket
import socketserver
from collections.abc import Iterable, Iterator

from benchmarks.feeds import chunked, frames

__all__ = ["body_of", "serving"]

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def body_of(texts: Iterable[str]) -> bytes:
    """A whole stream with those text deltas, each event in an HTTP chunk of its own."""
    return b"".join(map(chunked, frames("chat", iter(texts)))) + b"0\r\n\r\n"


class _Handler(socketserver.BaseRequestHandler):
    body = b""

    def handle(self) -> None:
        with contextlib.suppress(OSError):  # the client leaves: so every measurement ends
            while _read_request(self.request):
                self.request.sendall(HEAD + self.body)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 128


def _read_request(connection: socket.socket) -> bool:
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return False
        data += more
    head, _, rest = data.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    while len(rest) < length:
        rest += connection.recv(65536)
    return True


@contextlib.contextmanager
def serving(texts: Iterable[str]) -> Iterator[str]:
    """The base URL of a server that answers every POST with those text deltas."""
    _Handler.body = body_of(texts)
    with _Server(("127.0.0.1", 0), _Handler) as server:
        process = multiprocessing.get_context("fork").Process(target=server.serve_forever)
        process.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        finally:
            process.terminate()
            process.join()
