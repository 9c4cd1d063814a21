"""One server on 127.0.0.1 that gives prepared answers, each at a base URL of its own."""

from __future__ import annotations

import contextlib
import itertools
import random
import socketserver
import threading
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import cast

from msgspec import Struct

__all__ = ["Answer", "Loopback", "byte_sizes", "random_sizes"]


class Answer(Struct, frozen=True):
    """What the server says to a request.

    Attributes:
        sizes: The bytes of each piece of the body, as far as they go; the rest is one piece.
    """

    body: bytes
    status: int = 200
    content_type: str = "text/event-stream"
    headers: dict[str, str] = {}  # msgspec copies an empty default for every instance
    sizes: tuple[int, ...] = ()

    def to_bytes(self) -> bytes:
        """The whole answer. Each piece is a chunk: a client reads at most one at a time."""
        lines = [f"HTTP/1.1 {self.status} Recorded", "Connection: close"]
        lines.append("Transfer-Encoding: chunked")
        lines += [f"Content-Type: {self.content_type}"] if self.content_type else []
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        head = "\r\n".join(lines).encode("latin-1", "replace")
        chunks = [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in self._pieces()]
        return b"".join([head, b"\r\n\r\n", *chunks, b"0\r\n\r\n"])

    def _pieces(self) -> Iterator[bytes]:
        start = 0
        for size in (*self.sizes, len(self.body)):
            if start < len(self.body):
                yield self.body[start : start + size]
            start += size


def random_sizes(length: int, chance: random.Random, pieces: int = 400) -> tuple[int, ...]:
    """Sizes of random pieces for a body of that length: small, but not many more than `pieces`."""
    largest = max(chance.choice((3, 16, 80)), 2 * length // pieces)
    cuts = (chance.randint(1, largest) for _ in itertools.count())
    sizes: list[int] = []
    left = length
    while left > 0:
        sizes.append(next(cuts))
        left -= sizes[-1]
    return tuple(sizes)


def byte_sizes(length: int, most: int) -> tuple[int, ...]:
    """Sizes that cut every byte from the next; above `most` bytes those in the middle stay one.

    >>> byte_sizes(3, 4), byte_sizes(7, 4)
    ((1, 1, 1), (1, 1, 3, 1, 1))
    """
    if length <= most:
        return (1,) * length
    end = (1,) * (most // 2)
    return (*end, length - 2 * len(end), *end)


class Loopback:
    """The server, in a `with`. It serves one connection at a time, each for one request.

    Attributes:
        requests: The bodies of the requests so far.
    """

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self._answers: dict[str, bytes] = {}
        self._numbers = itertools.count()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.loopback = self
        self._thread = threading.Thread(  # noqa: TID251 - a server is no part of rig_sync
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, name="loopback"
        )

    def __enter__(self) -> Loopback:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def add(self, answer: Answer) -> str:
        """The base URL under which every request, whatever its path, gets `answer` from now on."""
        name = f"{next(self._numbers)}"
        self._answers[name] = answer.to_bytes()
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}/{name}"

    def drop(self, base_url: str) -> None:
        """Forget the answer at `base_url`."""
        del self._answers[base_url.rpartition("/")[2]]

    def respond(self, path: str, body: bytes) -> bytes:
        """The answer to one request."""
        self.requests.append(body)
        return self._answers[path.split("/")[1]]


class _Server(socketserver.TCPServer):
    allow_reuse_address = True
    request_queue_size = 32
    loopback: Loopback

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that leaves before the end of the body is expected here."""


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        path = self.rfile.readline().split(b" ")[1].decode()
        length = 0
        for line in _lines(iter(self.rfile.readline, b"")):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        body = self.rfile.read(length)
        answer = cast("_Server", self.server).loopback.respond(path, body)
        with contextlib.suppress(OSError):
            self.wfile.write(answer)


def _lines(lines: Iterable[bytes]) -> Iterator[bytes]:
    return itertools.takewhile(lambda line: line.strip(), lines)
