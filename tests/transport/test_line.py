"""A connection may be cut from anywhere for as long as it serves its request, and no longer."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator

import pytest
import urllib3

from rig_sync.transport.head import HttpRequest
from rig_sync.transport.http import Http
from rig_sync.transport.line import Line, LineCut
from tests.conftest import ServerFactory
from tests.server import Framing, Stall, chat_chunks, response, sse_response

EVENTS = chat_chunks(*(f"word{number} " for number in range(300)))


@pytest.fixture
def http() -> Iterator[Http]:
    """Closed at the end."""
    made = Http()
    yield made
    made.close()


@pytest.fixture
def trusted(certificate: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """Of a server that every request trusts."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certificate[0])
    return certificate


class _Queue(queue.LifoQueue[object]):
    """What keeps the connections that wait; calls `then` when one is in it, before it says so."""

    def __init__(self, then: Callable[[], None]) -> None:
        super().__init__()
        self._then = then

    def put(self, item: object, block: bool = True, timeout: float | None = None) -> None:
        super().put(item, block, timeout)
        self._then()


def test_who_is_served_next_is_not_cut(server: ServerFactory, http: Http) -> None:
    """A cut that comes while the connection is given back: another thread may have it already."""
    scripted = server(response(body=b"one"), response(body=b"two"))
    request, line = HttpRequest(scripted.url, {}, b"{}"), Line()
    reply = http.send(request, connect=5.0, line=line)
    pool = reply._response.raw._pool
    assert isinstance(pool, urllib3.HTTPConnectionPool)
    pool.pool = _Queue(line.cut)
    with pytest.raises(LineCut):
        list(reply.chunks())
    reply.close()
    assert list(http.send(request, connect=5.0, line=Line()).chunks()) == [b"two"]
    assert scripted.connections == 1


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("framing", ["chunked", "close", "gzip-chunked"])
def test_what_comes_after_a_cut_is_of_the_answer(
    server: ServerFactory, http: Http, trusted: tuple[str, str], framing: Framing, secure: bool
) -> None:
    """Nothing is read as if it were the answer: over TLS what waits is encrypted."""
    answer = sse_response(*EVENTS, Stall(), framing=framing)
    scripted = server(answer, certificate=trusted if secure else None)
    request, line = HttpRequest(scripted.url, {}, b"{}"), Line()
    reply = http.send(request, connect=5.0, line=line)
    chunks = reply.chunks()
    came = [next(chunks)]
    line.cut()
    with pytest.raises(LineCut):
        came.extend(chunks)
    reply.close()
    assert b"".join(EVENTS).startswith(b"".join(came))


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("closing", [False, True])
def test_cut_and_closed_in_any_order(
    server: ServerFactory, http: Http, trusted: tuple[str, str], closing: bool, secure: bool
) -> None:
    """As often as one likes; a server that wants to close the connection does not change it."""
    headers = {"Connection": "close"} if closing else {}
    answer = sse_response(*EVENTS[:3], Stall(), headers=headers)
    scripted = server(answer, certificate=trusted if secure else None)
    request, line = HttpRequest(scripted.url, {}, b"{}"), Line()
    line.cut()
    with pytest.raises(LineCut):
        http.send(request, connect=5.0, line=line)
    line = Line()
    reply = http.send(request, connect=5.0, line=line)
    next(reply.chunks())
    for act in (reply.close, line.cut, reply.close, line.cut):
        act()
    assert scripted.disconnected.wait(5.0)
