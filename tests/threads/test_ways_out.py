"""Every way out of a stream frees its thread and its connection, without the collector's help."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from rig_sync.agent.agent import Agent
from rig_sync.agent.stream import AgentStream
from rig_sync.errors import RigError, StreamMisuse
from rig_sync.model import CompletionModel
from rig_sync.streaming.response import StreamingCompletionResponse
from rig_sync.transport.timeouts import Timeouts
from tests.conftest import ModelFactory, ServerFactory
from tests.server import (
    Flood,
    Reset,
    Stall,
    Step,
    call_chunks,
    chat_chunks,
    error_response,
    sse,
    sse_response,
)
from tests.threads.watching import threads_gone

ONE = chat_chunks("one ", finish=None, done=False)
OPEN = sse_response(*ONE, Stall())
GONE = 0.3  # seconds; some 5 ms on a quiet machine

Stream = StreamingCompletionResponse | AgentStream


@pytest.fixture(autouse=True)
def no_collector() -> Iterator[None]:
    """What is freed here is freed by counting references."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def _open(kind: str, model: CompletionModel) -> Stream:
    if kind == "agent":
        return Agent(model).stream_prompt("Hi")
    return model.stream_completion("Hi").stream()


@pytest.fixture(params=["model", "agent"])
def kind(request: pytest.FixtureRequest) -> str:
    """Which of the two streams."""
    return str(request.param)


def test_break(server: ServerFactory, model: ModelFactory, kind: str) -> None:
    """Leaving the loop of a stream that nobody holds."""
    scripted = server(OPEN)
    for _ in _open(kind, model(scripted)):
        break
    assert scripted.disconnected.wait(GONE)


def test_break_out_of_the_words(server: ServerFactory, model: ModelFactory, kind: str) -> None:
    """The same by way of `text_deltas`."""
    scripted = server(OPEN)
    for _ in _open(kind, model(scripted)).text_deltas():
        break
    assert scripted.disconnected.wait(GONE)


def test_break_in_a_flood(server: ServerFactory, model: ModelFactory, kind: str) -> None:
    """The reader may be waiting for room in the pipe just then."""
    scripted = server(sse_response(*ONE, Flood(b"".join(ONE * 100))))
    stream = _open(kind, model(scripted))
    for number, _ in enumerate(stream):
        if number == 3000:
            break
    del stream
    assert scripted.disconnected.wait(GONE)


def test_drop(server: ServerFactory, model: ModelFactory, kind: str) -> None:
    """Letting go of the object."""
    scripted = server(OPEN)
    stream = _open(kind, model(scripted))
    next(stream)
    del stream
    assert scripted.disconnected.wait(GONE)


def test_never_started(server: ServerFactory, model: ModelFactory, kind: str) -> None:
    """A stream that was never read asks nothing and costs nothing."""
    scripted = server(OPEN)
    stream = _open(kind, model(scripted))
    assert "not started" in repr(stream)
    gone = weakref.ref(stream)
    del stream
    assert gone() is None
    with _open(kind, model(scripted)):
        pass
    assert scripted.connections == 0


def test_exception_in_the_loop(server: ServerFactory, model: ModelFactory, kind: str) -> None:
    """An error of the caller's own."""
    scripted = server(OPEN)
    try:
        for _ in _open(kind, model(scripted)):
            raise ZeroDivisionError
    except ZeroDivisionError:
        pass
    assert scripted.disconnected.wait(GONE)


def test_with(server: ServerFactory, model: ModelFactory, kind: str) -> None:
    """At the end of the block the reader is gone already."""
    scripted = server(OPEN)
    with _open(kind, model(scripted)) as stream:
        next(stream)
    assert scripted.disconnected.wait(GONE)
    with pytest.raises(StreamMisuse, match="closed"):
        next(stream)
    with pytest.raises(StreamMisuse, match="closed"):
        iter(stream)


def test_close(server: ServerFactory, model: ModelFactory, kind: str) -> None:
    """What came stays; closing twice is nothing."""
    scripted = server(OPEN)
    stream = _open(kind, model(scripted))
    next(stream)
    stream.close()
    stream.close()
    assert scripted.disconnected.wait(GONE)
    if isinstance(stream, AgentStream):
        assert [message.text for message in stream.messages] == ["Hi", "one "]  # type: ignore[union-attr]
    else:
        assert stream.message.text == "one "


def test_generator_exit(server: ServerFactory, model: ModelFactory, kind: str) -> None:
    """A web server that closes the response's generator."""
    scripted = server(OPEN)

    def view() -> Iterator[str]:
        yield from _open(kind, model(scripted)).text_deltas()

    body = view()
    assert next(body) == "one "
    body.close()  # type: ignore[attr-defined]
    assert scripted.disconnected.wait(GONE)


@pytest.mark.parametrize("idle", [0.5, None])
def test_finished_but_held_open(
    server: ServerFactory, model: ModelFactory, kind: str, idle: float | None
) -> None:
    """A server that ends neither its stream nor its connection after the finish reason."""
    scripted = server(sse_response(*chat_chunks("Hello", done=False), Stall()))
    times = Timeouts(idle=idle) if idle else Timeouts(total=1.0)
    stream = _open(kind, model(scripted, timeouts=times))
    if idle is None:
        with pytest.raises(RigError):
            list(stream)
    else:
        list(stream)
    assert scripted.disconnected.wait(GONE)


ENDINGS: dict[str, tuple[list[Step], int | None]] = {
    "the end": (sse_response(*chat_chunks("Hello")), None),
    "a refusal": (error_response(400), None),
    "a broken line": ([*sse_response(*ONE)[:-1], Reset()], None),
    "no headers": ([Reset()], None),
    "a cut answer": (sse_response(*ONE), None),
    "an error event": (sse_response(*ONE, sse({"error": {"message": "no"}})), None),
    "a bad frame": (sse_response(*ONE, b"data: {\n\n", *chat_chunks()), None),
    "a break": (OPEN, 1),
    "never begun": (OPEN, 0),
    "calls": (sse_response(*call_chunks(("add", {"a": 1}))), None),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_no_cycles(server: ServerFactory, model: ModelFactory, kind: str, ending: str) -> None:
    """Nothing of ours is left for the collector, whatever the end."""
    script, items = ENDINGS[ending]
    patient = model(server(script))

    def run() -> None:
        stream = _open(kind, patient)
        try:
            for number in range(items if items is not None else 1000):
                if next(stream, None) is None:
                    return
                del number
        except RigError:
            pass

    run()  # once before: what is made at the first request stays
    gc.collect()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        run()
        assert threads_gone()
        gc.collect()
        ours = [one for one in gc.garbage if type(one).__module__.startswith("rig_sync")]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
    assert [type(one).__name__ for one in ours] == []
