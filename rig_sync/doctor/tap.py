"""What really came over the wire: every request of a client, noted while rig_sync reads it.

The bytes are noted where the transport hands them on, so what a server sent and what rig_sync made
of it come from one and the same exchange.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from msgspec import structs

from rig_sync.transport.endpoint import Endpoint
from rig_sync.transport.head import HttpRequest
from rig_sync.transport.http import Http, Reply
from rig_sync.transport.line import Line

__all__ = ["HELD_SECONDS", "Exchange", "Piece", "TappedHttp"]

HELD_SECONDS = 2.0
"""How long the end of a body is waited for, once the answer in it is over."""

KEPT_BYTES = 4 << 20


class Piece(NamedTuple):
    """What one read of a body gave, and when, by `time.monotonic`."""

    at: float
    data: bytes


class Exchange:
    """One request and its answer. Written by the thread that reads; whole once `over` is set.

    Attributes:
        method: As `POST`.
        path: Of the URL, without keys.
        sent: The body of the request.
        with_key: A key of ours went along.
        fresh: A connection was made for it; False: one that had been kept was used again.
        began: When it was sent; all times are by `time.monotonic`.
        answered: When its headers had come.
        satisfied: When rig_sync needed no more of the body.
        ended: When the body ended; None as long as it did not.
        left: When nobody read on; the body may not have ended.
        status: Of the answer; None if there was none.
        headers: Of the answer, by names in small letters.
        pieces: The body as it was read, the first 4 MiB of it.
        size: Bytes of the body.
        whole: The body ended where its framing says.
        failure: Why there was no answer.
    """

    def __init__(self, request: HttpRequest, endpoint: Endpoint) -> None:
        self.method = request.method
        self.path = endpoint.redact(urlsplit(request.url).path)
        self.sent = request.body or b""
        self.with_key = False
        self.fresh = True
        self.began = time.monotonic()
        self.answered: float | None = None
        self.satisfied: float | None = None
        self.ended: float | None = None
        self.status: int | None = None
        self.headers: dict[str, str] = {}
        self.left: float | None = None
        self.pieces: list[Piece] = []
        self.size = 0
        self.whole = False
        self.failure = ""
        self.over = threading.Event()

    @property
    def body(self) -> bytes:
        """What was kept of the body."""
        return b"".join(piece.data for piece in self.pieces)

    @property
    def content_type(self) -> str:
        """The media type alone, in small letters; empty when there is none."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def seconds_to_answer(self) -> float | None:
        """From the request to the headers."""
        return None if self.answered is None else self.answered - self.began

    def answer(self, status: int, headers: Mapping[str, str]) -> None:
        """The head of the answer has come."""
        self.answered = time.monotonic()
        self.status = status
        self.headers = {name.lower(): value for name, value in headers.items()}

    def read(self, data: bytes) -> None:
        """A piece of the body has come."""
        if self.size < KEPT_BYTES:
            self.pieces.append(Piece(time.monotonic(), data))
        self.size += len(data)

    def come_to_end(self, *, whole: bool) -> None:
        """The body ended; not `whole`: before its framing says so."""
        self.whole = whole
        if self.ended is None:
            self.ended = time.monotonic()

    def close(self) -> None:
        """Nothing more will be noted."""
        if self.left is None:
            self.left = time.monotonic()
        self.over.set()


class _TappedReply(Reply):
    """A reply that notes what is read of it."""

    exchange: Exchange

    def chunks(self) -> Iterator[bytes]:
        """As `Reply.chunks`."""
        for data in super().chunks():
            self.exchange.read(data)
            yield data
        self.exchange.come_to_end(whole=self.whole)

    def finish(self) -> None:
        """As `Reply.finish`; the consumer has gone on already."""
        self.exchange.satisfied = time.monotonic()
        super().finish()

    def close(self) -> None:
        """As `Reply.close`."""
        super().close()
        self.exchange.close()


class TappedHttp(Http):
    """Connections of its own to `endpoint`, whose exchanges are noted.

    Attributes:
        exchanges: All of them, in order.
        wrong_key: Send something else in the place of every key.
        to_the_end: Wait for the end of bodies even when the answer in them is over.
    """

    reply_type = _TappedReply

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__()
        self.exchanges: list[Exchange] = []
        self.wrong_key = False
        self.to_the_end = False
        self._endpoint = endpoint

    def send(self, request: HttpRequest, *, connect: float | None, line: Line) -> Reply:
        """As `Http.send`."""
        exchange = Exchange(request, self._endpoint)
        others = {name: self._endpoint.redact(value) for name, value in request.headers.items()}
        exchange.with_key = others != request.headers
        if self.wrong_key:
            request = structs.replace(request, headers=others)
        self.exchanges.append(exchange)
        try:
            reply = super().send(request, connect=connect, line=line)
        except BaseException as error:
            exchange.failure = type(error).__name__
            exchange.close()
            raise
        finally:
            exchange.fresh = line.fresh
        exchange.answer(reply.status, reply.headers)
        assert isinstance(reply, _TappedReply)
        reply.exchange = exchange
        if self.to_the_end:
            reply.drain_seconds = HELD_SECONDS
        return reply
