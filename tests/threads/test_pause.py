"""Pausing: `next()` blocks, the socket is left alone, the clock stands, and cancelling still ends.

Handshakes by the server's counters tell what was read; nothing is waited for by luck.
"""

from __future__ import annotations

import threading
import time

import pytest

from rig_sync.agent.agent import Agent
from rig_sync.agent.items import FinalResponse
from rig_sync.streaming.items import Text
from rig_sync.streaming.pause import Gate, PauseControl
from rig_sync.transport.timeouts import Timeouts
from tests.conftest import ModelFactory, ServerFactory
from tests.server import Drip, Flood, Stall, Tell, WaitFor, chat_chunks, spawn, sse_response
from tests.threads.watching import settled

ONE = chat_chunks("one ", finish=None, done=False)
SOON = 0.1


def test_gate() -> None:
    """A gate follows its control until it is released, and tells of every change once."""
    told: list[bool] = []
    pause = PauseControl()
    gate = Gate(pause, lambda: told.append(gate.shut))
    assert gate.wait(0)
    pause.pause()
    pause.pause()
    assert repr(pause) == "PauseControl(is_paused=True)"
    assert not gate.wait(0.01)
    pause.resume()
    assert gate.wait()
    pause.pause()
    gate.release()
    assert not gate.shut
    pause.resume()
    pause.pause()
    assert gate.wait(0)
    assert told == [True, False, True, False]


def test_gate_of_a_paused_control() -> None:
    """It is shut from the beginning."""
    pause = PauseControl()
    pause.pause()
    assert Gate(pause).shut
    assert not Gate(None).shut


def test_gate_changed_from_within() -> None:
    """A signal handler that resumes in the middle of `pause` wins: the gate is open."""

    class Resuming(PauseControl):
        @property
        def is_paused(self) -> bool:
            was = super().is_paused
            if was:
                self.resume()
            return was

    pause = Resuming()
    gate = Gate(pause)
    pause.pause()
    assert not gate.shut


def test_gates_go_with_their_streams() -> None:
    """A control that outlives its streams does not collect them."""
    pause = PauseControl()
    for _ in range(3):
        Gate(pause)
    assert len(pause._gates) == 0


def test_many_threads_at_one_gate() -> None:
    """However pauses and resumes race, the gate ends as the control does."""
    for round_ in range(30):
        pause = PauseControl()
        gate = Gate(pause)
        calls = [pause.pause, pause.resume] * 4
        for thread in [spawn(call) for call in calls]:
            thread.join(5)
        (pause.resume if round_ % 2 else pause.pause)()
        assert gate.shut is pause.is_paused
        assert gate.wait(0) is not pause.is_paused


@pytest.mark.parametrize("kind", ["model", "agent"])
def test_holds_what_is_ready(server: ServerFactory, model: ModelFactory, kind: str) -> None:
    """Items that have come already are held too."""
    pause = PauseControl()
    scripted = model(server(sse_response(b"".join(chat_chunks("a", "b", "c")))))
    stream = (
        Agent(scripted).stream_prompt("Hi", pause=pause).text_deltas()
        if kind == "agent"
        else scripted.stream_completion("Hi").stream(pause=pause).text_deltas()
    )
    assert next(stream) == "a"
    pause.pause()
    got: list[str] = []
    reader = spawn(lambda: got.extend(stream))
    assert not threading.Event().wait(SOON)
    assert got == []
    pause.resume()
    reader.join(5)
    assert got == ["b", "c"]


def test_nothing_is_read(server: ServerFactory, model: ModelFactory) -> None:
    """While paused the client reads at most what one read under way brings."""
    pause = PauseControl()
    scripted = server(sse_response(*ONE, Flood(b"".join(ONE * 50))))
    stream = model(scripted).stream_completion("Hi").stream(pause=pause)
    for _ in range(500):
        next(stream)
    flow = stream._core._reader.flow  # type: ignore[union-attr]
    pause.pause()
    before = flow.bytes_read
    settled(lambda: scripted.bytes_written)
    assert flow.bytes_read - before <= 65536
    stays = flow.bytes_read
    assert not threading.Event().wait(SOON)
    assert flow.bytes_read == stays
    pause.resume()
    for _ in range(2000):
        next(stream)
    assert flow.bytes_read > stays
    stream.close()


def test_not_even_asked(server: ServerFactory, model: ModelFactory) -> None:
    """A stream that begins paused sends no request."""
    pause = PauseControl()
    pause.pause()
    scripted = server(sse_response(*chat_chunks("Hello")))
    stream = model(scripted).stream_completion("Hi").stream(pause=pause)
    got: list[object] = []
    reader = spawn(lambda: got.extend(stream))
    assert not threading.Event().wait(SOON)
    assert scripted.connections == 0
    pause.resume()
    reader.join(5)
    assert got[0] == Text("Hello")


def test_the_clock_stands(server: ServerFactory, model: ModelFactory) -> None:
    """No deadline runs while paused, whichever side of the first content."""
    pause = PauseControl()
    seen, asked = threading.Event(), threading.Event()
    script = sse_response(
        b": hi\n\n", Tell(asked), WaitFor(seen), *ONE, WaitFor(seen), *chat_chunks("two")
    )
    short = Timeouts(first_event=1.0, idle=1.0, total=1.2)
    stream = model(server(script), timeouts=short).stream_completion("Hi").stream(pause=pause)
    held: list[float] = []

    def hold() -> None:
        assert asked.wait(5)
        pause.pause()
        began = time.monotonic()
        assert not threading.Event().wait(1.5)
        held.append(time.monotonic() - began)
        seen.set()
        pause.resume()

    holder = spawn(hold)
    assert "".join(stream.text_deltas()) == "one two"
    holder.join(5)
    assert held[0] >= 1.5


def test_cancel_a_paused_stream(server: ServerFactory, model: ModelFactory) -> None:
    """It ends, and what it held goes."""
    pause = PauseControl()
    scripted = server(sse_response(*ONE, Stall()))
    stream = model(scripted).stream_completion("Hi").stream(pause=pause)
    assert next(stream) == Text("one ")
    pause.pause()
    got: list[object] = []
    reader = spawn(lambda: got.extend(stream))
    assert not threading.Event().wait(SOON)
    began = time.monotonic()
    stream.cancel()
    reader.join(5)
    assert got == []
    assert scripted.disconnected.wait(2)
    assert scripted.disconnected_at - began < 2
    assert pause.is_paused
    assert stream.message.text == "one "


def test_cancel_a_paused_agent(server: ServerFactory, model: ModelFactory) -> None:
    """An agent's stream likewise."""
    pause = PauseControl()
    scripted = server(sse_response(*ONE, Stall()))
    stream = Agent(model(scripted)).stream_prompt("Hi", pause=pause)
    next(stream)
    pause.pause()
    reader = spawn(lambda: list(stream))
    assert not threading.Event().wait(SOON)
    stream.cancel()
    reader.join(5)
    assert scripted.disconnected.wait(2)
    assert [message.text for message in stream.messages if hasattr(message, "text")][-1] == "one "


@pytest.mark.parametrize("way", ["close", "del"])
def test_leave_a_paused_stream(server: ServerFactory, model: ModelFactory, way: str) -> None:
    """Closed or dropped while paused, it goes at once."""
    pause = PauseControl()
    scripted = server(sse_response(*ONE, Flood(b"".join(ONE * 50))))
    stream = model(scripted).stream_completion("Hi").stream(pause=pause)
    next(stream)
    pause.pause()
    if way == "close":
        stream.close()
    del stream
    assert scripted.disconnected.wait(2)


def test_one_control_for_two_streams(server: ServerFactory, model: ModelFactory) -> None:
    """Both stand, both go on."""
    pause = PauseControl()
    scripted = model(server(sse_response(*ONE, Drip(b"".join(ONE), 0.005))))
    streams = [scripted.stream_completion("Hi").stream(pause=pause) for _ in range(2)]
    counts = [0, 0]

    def read(number: int) -> None:
        for _ in streams[number]:
            counts[number] += 1

    readers = [spawn(lambda: read(0)), spawn(lambda: read(1))]
    settled(lambda: min(counts) > 3, to=True)
    pause.pause()
    stays = settled(lambda: tuple(counts))
    assert not threading.Event().wait(SOON)
    assert tuple(counts) == stays
    pause.resume()
    settled(lambda: all(now > then for now, then in zip(counts, stays, strict=True)), to=True)
    for stream in streams:
        stream.cancel()
    for reader in readers:
        reader.join(5)


def test_pause_between_turns(server: ServerFactory, model: ModelFactory) -> None:
    """An agent that is paused by its own consumer goes on where it was."""
    pause = PauseControl()
    stream = Agent(model(server(sse_response(*chat_chunks("a", "b"))))).stream_prompt(
        "Hi", pause=pause
    )
    items = []
    for item in stream:
        items.append(item)
        pause.pause()
        spawn(pause.resume)
    assert isinstance(items[-1], FinalResponse)
    assert items[-1].output == "ab"
