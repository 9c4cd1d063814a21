"""Who may read a stream: one thread at a time, any thread, once."""

from __future__ import annotations

import asyncio  # noqa: TID251 - to see that it is no hindrance
import contextvars
import threading

import pytest

from rig_sync.agent.agent import Agent
from rig_sync.errors import StreamMisuse
from rig_sync.streaming.items import StreamFinal, Text
from tests.conftest import ModelFactory, ServerFactory
from tests.server import Drip, Stall, chat_chunks, spawn, sse_response
from tests.threads.watching import settled

ONE = chat_chunks("one ", finish=None, done=False)


def test_read_again(server: ServerFactory, model: ModelFactory) -> None:
    """A stream that was read to its end is over; what came is on it."""
    stream = model(server(sse_response(*chat_chunks("Hello")))).stream_completion("Hi").stream()
    assert len(list(stream)) == 2
    assert next(stream, None) is None
    with pytest.raises(StreamMisuse, match="read to its end"):
        list(stream)
    with pytest.raises(StreamMisuse, match="read to its end"):
        list(stream.text_deltas())
    assert stream.message.text == "Hello"


def test_go_on_after_a_break(server: ServerFactory, model: ModelFactory) -> None:
    """A stream that is held can be left and read on."""
    stream = model(server(sse_response(*chat_chunks("a", "b")))).stream_completion("Hi").stream()
    for item in stream:
        assert item == Text("a")
        break
    assert [type(item) for item in stream] == [Text, StreamFinal]


def test_after_close(server: ServerFactory, model: ModelFactory) -> None:
    """A stream that was closed says so, read or unread."""
    with model(server(sse_response(*chat_chunks("a")))).stream_completion("Hi").stream() as stream:
        list(stream)
    for use in (iter, next, list):
        with pytest.raises(StreamMisuse, match="closed"):
            use(stream)


@pytest.mark.parametrize("kind", ["model", "agent"])
def test_two_threads(server: ServerFactory, model: ModelFactory, kind: str) -> None:
    """The second is told, the first is not disturbed."""
    scripted = server(sse_response(*ONE, Stall()))
    patient = model(scripted)
    stream = (
        Agent(patient).stream_prompt("Hi")
        if kind == "agent"
        else patient.stream_completion("Hi").stream()
    )
    got: list[object] = []

    def read() -> None:
        got.extend(stream)

    first = spawn(read)
    settled(lambda: len(scripted.requests), to=1)
    settled(lambda: scripted.bytes_written)
    with pytest.raises(StreamMisuse, match="another thread"):
        next(stream)
    assert first.is_alive()
    stream.cancel()
    first.join(1)
    assert len(got) <= 1  # `extend` keeps what came; the first thread was never interrupted


def test_two_threads_under_stress(server: ServerFactory, model: ModelFactory) -> None:
    """However they collide, nothing but `StreamMisuse` comes of it, and no item is lost."""
    words = [f"{number} " for number in range(4000)]
    pieces = chat_chunks(*words)
    body = [b"".join(pieces[at : at + 50]) for at in range(0, len(pieces), 50)]
    stream = model(server(sse_response(*body))).stream_completion("Hi").stream()
    got: list[str] = []
    strange: list[BaseException] = []

    def read() -> None:
        while True:
            try:
                item = next(stream)
            except StopIteration:
                return
            except StreamMisuse:
                continue
            except BaseException as error:  # noqa: BLE001 - it is what the test is about
                strange.append(error)
                return
            if isinstance(item, Text):
                got.append(item.text)

    readers = [spawn(read) for _ in range(3)]
    for reader in readers:
        reader.join(20)
    assert strange == []
    assert sorted(got, key=int) == words
    assert stream.message.text == "".join(words)


def test_made_here_read_there(server: ServerFactory, model: ModelFactory) -> None:
    """A stream may change hands, also in the middle."""
    stream = model(server(sse_response(*chat_chunks("a", "b")))).stream_completion("Hi").stream()
    got: list[object] = []
    for _ in range(3):
        spawn(lambda: got.append(next(stream))).join(5)
    assert [type(item) for item in got] == [Text, Text, StreamFinal]
    assert next(stream, None) is None


def test_dropped_in_another_thread(server: ServerFactory, model: ModelFactory) -> None:
    """The last reference may go anywhere."""
    scripted = server(sse_response(*ONE, Stall()))
    held = [model(scripted).stream_completion("Hi").stream()]
    next(held[0])
    spawn(held.clear).join(5)
    assert scripted.disconnected.wait(2)


def test_inside_a_running_loop(server: ServerFactory, model: ModelFactory) -> None:
    """No event loop is needed, and a running one is no hindrance."""
    patient = model(server(sse_response(*chat_chunks("Hello"))))

    async def main() -> str:
        text = "".join(patient.stream_completion("Hi").stream().text_deltas())
        return text + await asyncio.to_thread(
            lambda: Agent(patient).prompt("Hi", stream=True).output
        )

    assert asyncio.run(main()) == "HelloHello"


def test_context_variables_are_the_consumers(server: ServerFactory, model: ModelFactory) -> None:
    """Nothing of ours changes the caller's context between two items."""
    name = contextvars.ContextVar("name", default="nobody")
    stream = model(server(sse_response(*chat_chunks("a", "b")))).stream_completion("Hi").stream()
    seen = []
    for number, _ in enumerate(stream):
        seen.append(name.get())
        name.set(str(number))
    assert seen == ["nobody", "0", "1"]


def test_many_at_once(server: ServerFactory, model: ModelFactory) -> None:
    """Forty streams in forty threads, each with a thread of ours, all let go together."""
    scripted = server(sse_response(*ONE, Drip(b"".join(ONE), 0.01)))
    patient = model(scripted)
    streams = [patient.stream_completion("Hi").stream() for _ in range(40)]
    counts = [0] * 40

    def read(number: int) -> None:
        for _ in streams[number]:
            counts[number] += 1

    readers = [spawn(lambda n=number: read(n)) for number in range(40)]  # type: ignore[misc]
    settled(lambda: min(counts) >= 2, to=True)
    for stream in streams:
        stream.cancel()
    for reader in readers:
        reader.join(5)
        assert not reader.is_alive()
    assert not any(isinstance(reader, threading.Timer) for reader in readers)
