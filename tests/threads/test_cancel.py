"""`cancel()` from another thread, wherever the stream is: it ends at once and holds nothing."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from functools import partial

import pytest

from rig_sync.agent.agent import Agent
from rig_sync.agent.items import StreamAssistantItem
from rig_sync.errors import ReadFailed
from rig_sync.streaming.cancel import CancelToken
from rig_sync.streaming.items import Text
from rig_sync.streaming.response import StreamingCompletionResponse
from rig_sync.transport.timeouts import Timeouts
from tests.conftest import ModelFactory, ServerFactory
from tests.server import (
    Drip,
    Flood,
    Request,
    Reset,
    ScriptedServer,
    Stall,
    Step,
    WaitFor,
    chat_chunks,
    spawn,
    sse_response,
)
from tests.threads.watching import settled

ONE = chat_chunks("one ", finish=None, done=False)
BOUND = 2.0  # seconds; some 5 ms on a quiet machine

WHERE: dict[str, list[Step]] = {
    "before the headers": [Stall()],
    "after the headers": sse_response(Stall()),
    "among comments": sse_response(Drip(b": still here\n\n", 0.005)),
    "in silence after text": sse_response(*ONE, Stall()),
    "in a trickle of text": sse_response(*ONE, Drip(b"".join(ONE), 0.005)),
    "in a flood of text": sse_response(*ONE, Flood(b"".join(ONE * 100))),
    "in a body that ends with the connection": sse_response(*ONE, Stall(), framing="close"),
    "in a body with a length": sse_response(*ONE, Stall(), b"x" * 9999, framing="length"),
    "in a compressed body": sse_response(*ONE, Stall(), framing="gzip-chunked"),
}


def _cancelled(
    scripted: ScriptedServer, stream: StreamingCompletionResponse
) -> tuple[float, float]:
    """Cancel once the stream blocks; seconds until the consumer, and until the server, knew."""
    free = threading.Event()

    def read() -> None:
        for _ in stream:
            pass
        free.set()

    reader = spawn(read)
    settled(lambda: len(scripted.requests), to=1)
    assert not free.wait(0.05)
    began = time.monotonic()
    stream.cancel()
    assert free.wait(BOUND)
    took = time.monotonic() - began
    assert scripted.disconnected.wait(BOUND)
    reader.join(1)
    return took, scripted.disconnected_at - began


@pytest.mark.parametrize("where", WHERE)
def test_anywhere(server: ServerFactory, model: ModelFactory, where: str) -> None:
    """The consumer is free and the connection gone at once; it is no error."""
    scripted = server(WHERE[where])
    stream = model(scripted).stream_completion("Hi").stream()
    assert max(_cancelled(scripted, stream)) < BOUND
    assert stream.cancelled
    assert next(stream, None) is None


@pytest.mark.parametrize("where", ["before the headers", "in silence after text"])
def test_over_tls(
    server: ServerFactory,
    model: ModelFactory,
    where: str,
    certificate: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """TLS is no hindrance."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certificate[0])
    scripted = server(WHERE[where], certificate=certificate)
    stream = model(scripted).stream_completion("Hi").stream()
    assert max(_cancelled(scripted, stream)) < BOUND


def test_while_a_large_request_is_sent(model: ModelFactory) -> None:
    """A server that does not take the request is left, too."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        stream = model(url).stream_completion("x" * (1 << 23)).stream()
        reader = spawn(lambda: list(stream))
        accepted, _ = listener.accept()
        with accepted:
            assert not threading.Event().wait(0.1)
            began = time.monotonic()
            stream.cancel()
            reader.join(5)
            stream.close()
            assert time.monotonic() - began < BOUND


def test_while_connecting(model: ModelFactory, nobody_home: str) -> None:
    """The consumer is free at once, and so is the thread that connects."""
    patient = model(nobody_home, timeouts=Timeouts(connect=60))
    stream = patient.stream_completion("Hi").stream()
    consumer = spawn(lambda: list(stream))
    assert not threading.Event().wait(0.05)
    connecting = [t for t in threading.enumerate() if t.name.startswith("rig_sync-reader")]
    stream.cancel()
    consumer.join(5)
    assert not consumer.is_alive()
    for thread in connecting:
        thread.join(5)
    assert [thread.is_alive() for thread in connecting] == [False]


@pytest.mark.parametrize("kind", ["model", "agent"])
def test_from_the_loop_itself(server: ServerFactory, model: ModelFactory, kind: str) -> None:
    """Nothing comes after it, however much was ready."""
    scripted = model(server(sse_response(b"".join(chat_chunks(*"abcdefgh")))))
    texts = []
    if kind == "agent":
        run = Agent(scripted).stream_prompt("Hi")
        for item in run:
            assert isinstance(item, StreamAssistantItem)
            assert isinstance(item.content, Text)
            texts.append(item.content.text)
            if len(texts) == 3:
                run.cancel()
        assert run.messages[-1].text == "abc"  # type: ignore[union-attr]
        assert run.final is None
    else:
        stream = scripted.stream_completion("Hi").stream()
        for text in stream.text_deltas():
            texts.append(text)
            if len(texts) == 3:
                stream.cancel()
        assert stream.message.text == "abc"
    assert texts == ["a", "b", "c"]


def test_before_the_beginning(server: ServerFactory, model: ModelFactory) -> None:
    """A stream cancelled before it began asks nothing."""
    scripted = server(sse_response(*chat_chunks("no")))
    stream = model(scripted).stream_completion("Hi").stream()
    stream.cancel()
    assert list(stream) == []
    run = Agent(model(scripted)).stream_prompt("Hi")
    run.cancel()
    assert list(run) == []
    assert scripted.connections == 0


def test_after_the_end(server: ServerFactory, model: ModelFactory) -> None:
    """It changes nothing of what came."""
    stream = model(server(sse_response(*chat_chunks("Hello")))).stream_completion("Hi").stream()
    list(stream)
    stream.cancel()
    assert stream.message.text == "Hello"


@pytest.mark.parametrize("when", ["before", "while"])
def test_one_token_for_two_streams(server: ServerFactory, model: ModelFactory, when: str) -> None:
    """A token from outside ends every stream it was given to."""
    token = CancelToken()
    scripted = server(sse_response(*ONE, Stall()))
    patient = model(scripted)
    if when == "before":
        token.cancel()
    streams = [patient.stream_completion("Hi").stream(cancel=token) for _ in range(2)]
    run = Agent(patient).stream_prompt("Hi", cancel=token)
    readers = [spawn(partial(list, stream)) for stream in (*streams, run)]
    if when == "while":
        settled(lambda: len(scripted.requests), to=3)
        token.cancel()
    for reader in readers:
        reader.join(1)
        assert not reader.is_alive()
    assert run.cancelled
    assert all(stream.cancelled for stream in streams)
    assert len(scripted.requests) == (3 if when == "while" else 0)


def test_cancelled_is_not_a_failure_that_follows_it(
    server: ServerFactory, model: ModelFactory
) -> None:
    """When the line breaks at the same moment, it is the one or the other, and nothing else."""
    go = threading.Barrier(2)

    def answer(request: Request) -> list[Step]:
        broken = threading.Event()

        def strike() -> None:
            go.wait(5)
            broken.set()

        spawn(strike)
        return [*sse_response(*ONE)[:-1], WaitFor(broken), Reset()]

    patient = model(server(answer))
    for _ in range(30):
        stream = patient.stream_completion("Hi").stream()
        next(stream)

        def strike(cancel: Callable[[], None] = stream.cancel) -> None:
            go.wait(5)
            cancel()

        canceller = spawn(strike)
        with contextlib.suppress(ReadFailed):
            assert list(stream) == []
        canceller.join(5)
        assert stream.message.text == "one "
