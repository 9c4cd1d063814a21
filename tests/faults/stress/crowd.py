"""A server for hundreds of streams at once: a thread for each connection, none of which polls."""

from __future__ import annotations

import contextlib
import json
import socket
import socketserver
import threading
from collections import Counter
from collections.abc import Iterator

from rig_sync._closing import Closing
from tests.server import DONE, chat_chunk, chunk, spawn

__all__ = ["Crowd", "answer_to", "pieces_for"]

BOUND = 20.0
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def pieces_for(prompt: str) -> list[str]:
    """The words of the answer to `prompt`, which no other prompt gets.

    >>> "".join(pieces_for("Hi"))
    'Hi: 0 1 2 3 4 of Hi'
    """
    return [f"{prompt}: ", *(f"{number} " for number in range(5)), f"of {prompt}"]


def answer_to(prompt: str) -> str:
    """The whole answer."""
    return "".join(pieces_for(prompt))


class Crowd(Closing):
    """Answers every prompt with `answer_to` it; the first piece comes at once, the rest together.

    Args:
        together: All answers go on once so many of them have begun.

    Attributes:
        url: Where it is.
        prompts: How often each was asked.
        connections: Connections so far.
        most: Answers that were under way at the same time, at most.
    """

    def __init__(self, together: int = 1) -> None:
        self.prompts: Counter[str] = Counter()
        self.connections = self.most = 0
        self._together = together
        self._under_way = 0
        self._changed = threading.Condition()
        self._sockets: set[socket.socket] = set()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.crowd = self
        self._thread = spawn(lambda: self._server.serve_forever(poll_interval=0.02))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def open_connections(self) -> int:
        """Those that neither end has closed."""
        return len(self._sockets)

    def close(self) -> None:
        """Stop; what is still open is cut."""
        self._server.shutdown()
        self._thread.join(BOUND)
        with self._changed:
            for one in self._sockets:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
        self._server.server_close()

    def wait_closed(self) -> bool:
        """Wait until no connection is open; whether that came to be."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._sockets, BOUND)

    @contextlib.contextmanager
    def connected(self, one: socket.socket) -> Iterator[None]:
        """A connection, from its beginning to its end."""
        with self._changed:
            self.connections += 1
            self._sockets.add(one)
        try:
            yield
        finally:
            with self._changed:
                self._sockets.discard(one)
                self._changed.notify_all()

    @contextlib.contextmanager
    def answering(self, prompt: str) -> Iterator[None]:
        """An answer, from its first piece to its last."""
        with self._changed:
            self.prompts[prompt] += 1
            self._under_way += 1
            self.most = max(self.most, self._under_way)
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._under_way -= 1

    def wait_together(self) -> None:
        """Wait until so many answers have begun."""
        with self._changed:
            self._changed.wait_for(lambda: self.most >= self._together, BOUND)


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 512
    crowd: Crowd

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that leaves is expected here."""


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, _Server)
        crowd = self.server.crowd
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with crowd.connected(self.connection):
            while (prompt := self._prompt()) is not None:
                first, *rest = pieces_for(prompt)
                with crowd.answering(prompt):
                    self.wfile.write(HEAD + chunk(chat_chunk({"content": first})))
                    crowd.wait_together()
                    for piece in rest:
                        self.wfile.write(chunk(chat_chunk({"content": piece})))
                self.wfile.write(chunk(chat_chunk(finish="stop") + DONE) + b"0\r\n\r\n")

    def _prompt(self) -> str | None:
        """The last words of the user in the next request; None when the client has gone."""
        if not self.rfile.readline():
            return None
        size = 0
        while (line := self.rfile.readline()) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                size = int(value)
        body = json.loads(self.rfile.read(size))
        content = body["messages"][-1]["content"]
        return content if isinstance(content, str) else str(content[0]["text"])
