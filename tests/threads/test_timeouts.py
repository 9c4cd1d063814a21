"""Each deadline fires as its own class, at its time, and only for the provider's silence.

The one place where time is measured. The lower bounds are exact; the upper ones leave room for a
busy machine.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from rig_sync.agent.agent import Agent
from rig_sync.errors import (
    ConfigError,
    ConnectTimeout,
    FirstEventTimeout,
    IdleTimeout,
    StreamTimeout,
    TotalTimeout,
)
from rig_sync.streaming.items import Text
from rig_sync.transport.timeouts import Timeouts
from tests.conftest import ModelFactory, ServerFactory
from tests.server import (
    Drip,
    Script,
    Stall,
    WaitFor,
    call_chunks,
    chat_chunk,
    chat_chunks,
    sse,
    sse_response,
)

LATE = 5.0  # seconds; some ms on a quiet machine
ONE = chat_chunks("one ", finish=None, done=False)
NOTES = Drip(sse({"object": "chat.note"}), 0.01)
COMMENTS = Drip(b": still here\n\n", 0.01)
EMPTY = Drip(sse({"choices": [{"delta": {"tool_calls": [{"index": 0, "function": {}}]}}]}), 0.01)
NAMED = {"index": 0, "id": "c", "function": {"name": "add", "arguments": ""}}
AGAIN = Drip(sse({"choices": [{"delta": {"tool_calls": [NAMED]}}]}), 0.01)
USAGE = Drip(sse({"choices": [], "usage": {"prompt_tokens": 1}}), 0.02)


@contextmanager
def fires(kind: type[StreamTimeout], after: float, says: str) -> Iterator[None]:
    """That deadline passes inside, after so many seconds."""
    began = time.monotonic()
    with pytest.raises(kind, match=says) as caught:
        yield
    took = time.monotonic() - began
    assert type(caught.value) is kind
    assert after <= took < after + LATE


SILENCES: dict[str, tuple[Timeouts, Script, type[StreamTimeout], str]] = {
    "no headers": (
        Timeouts(first_event=0.25),
        [Stall()],
        FirstEventTimeout,
        r"no content for 0.25 s \(first_event\); no byte came",
    ),
    "no event": (
        Timeouts(first_event=0.25),
        sse_response(Stall()),
        FirstEventTimeout,
        "no byte came",
    ),
    "comments only": (
        Timeouts(first_event=0.25),
        sse_response(COMMENTS),
        FirstEventTimeout,
        r"first_event\); \d+ bytes came in all, so the connection is alive",
    ),
    "usage only": (
        Timeouts(first_event=0.25, idle=0.05),
        sse_response(USAGE),
        FirstEventTimeout,
        "alive",
    ),
    "bare bytes only": (
        Timeouts(first_event=0.25),
        sse_response(Drip(b"data: .", 0.01)),
        FirstEventTimeout,
        "alive",
    ),
    "unknown events only": (
        Timeouts(first_event=0.25, idle=0.05),
        sse_response(NOTES),
        FirstEventTimeout,
        "alive",
    ),
    "unknown events after text": (
        Timeouts(first_event=5, idle=0.25),
        sse_response(*ONE, NOTES),
        IdleTimeout,
        "alive",
    ),
    "silence after text": (
        Timeouts(first_event=5, idle=0.25),
        sse_response(*ONE, Stall()),
        IdleTimeout,
        r"no content for 0.25 s \(idle\)",
    ),
    "comments after text": (
        Timeouts(first_event=5, idle=0.25),
        sse_response(*ONE, COMMENTS),
        IdleTimeout,
        "alive",
    ),
    "empty pieces of a call": (
        Timeouts(first_event=0.25, idle=0.05),
        sse_response(EMPTY),
        FirstEventTimeout,
        "alive",
    ),
    "the name of a call, again and again": (
        Timeouts(first_event=5, idle=0.25),
        sse_response(AGAIN),
        IdleTimeout,
        "alive",
    ),
    "text without end": (
        Timeouts(idle=5, total=0.25),
        sse_response(*ONE, Drip(b"".join(ONE), 0.01)),
        TotalTimeout,
        r"longer than 0.25 s \(total\)",
    ),
    "total before the first": (
        Timeouts(total=0.25),
        [Stall()],
        TotalTimeout,
        "total",
    ),
}


@pytest.mark.parametrize("silence", SILENCES)
def test_fires(server: ServerFactory, model: ModelFactory, silence: str) -> None:
    """At its time, as its own class, with what was on the wire; and the connection goes."""
    timeouts, script, kind, says = SILENCES[silence]
    scripted = server(script)
    stream = model(scripted, timeouts=timeouts).stream_completion("Hi").stream()
    after = timeouts.total or (timeouts.idle if kind is IdleTimeout else timeouts.first_event)
    assert after is not None
    with fires(kind, after, says):
        list(stream)
    assert scripted.disconnected.wait(LATE)


def test_unary(server: ServerFactory, model: ModelFactory) -> None:
    """A one-shot answer has `first_event` to come."""
    scripted = server([Stall()])
    short = model(scripted, timeouts=Timeouts(first_event=0.25))
    with fires(FirstEventTimeout, 0.25, "first_event"):
        short.completion("Hi").send()
    assert scripted.disconnected.wait(LATE)


def test_what_came_stays(server: ServerFactory, model: ModelFactory) -> None:
    """A deadline that passes takes nothing of what came before."""
    short = model(server(sse_response(*ONE, Stall())), timeouts=Timeouts(idle=0.1))
    with pytest.raises(IdleTimeout) as caught:
        list(short.stream_completion("Hi").stream())
    assert caught.value.partial is not None
    assert caught.value.partial.text == "one "


def test_idle_begins_anew(server: ServerFactory, model: ModelFactory) -> None:
    """It measures one gap, not the answer: of text, thoughts or pieces of a call."""
    thought = chat_chunk({"reasoning_content": "hm"})
    piece = chat_chunk({"tool_calls": [{"index": 0, "id": "c", "function": {"name": "add"}}]})
    gaps = [_Gap(0.5) for _ in range(3)]
    script = sse_response(
        *ONE, gaps[0].step, thought, gaps[1].step, piece, gaps[2].step, *ONE, *chat_chunks()
    )
    patient = model(server(script), timeouts=Timeouts(first_event=5, idle=1.2))
    stream = patient.stream_completion("Hi").stream()
    for number, _ in enumerate(stream):
        if number < 3:
            gaps[number].begin()
    assert stream.message.text == "one one "


class _Gap:
    """A silence of the server that begins when it is told."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.over = threading.Event()
        self.step = WaitFor(self.over)

    def begin(self) -> None:
        threading.Timer(self.seconds, self.over.set).start()


@pytest.mark.parametrize("ready", [True, False], ids=["while more is ready", "while none is"])
def test_the_consumers_own_time(server: ServerFactory, model: ModelFactory, ready: bool) -> None:
    """While the consumer holds an item no clock runs."""
    gap = _Gap(0.02)
    rest = chat_chunks("two")
    script = sse_response(*ONE, *rest) if ready else sse_response(*ONE, gap.step, *rest)
    short = Timeouts(first_event=1.0, idle=1.0, total=1.2)
    texts = []
    for text in (
        model(server(script), timeouts=short).stream_completion("Hi").stream().text_deltas()
    ):
        texts.append(text)
        assert not threading.Event().wait(1.4)
        gap.begin()
    assert texts == ["one ", "two"]


def test_total_is_of_the_whole_run(server: ServerFactory, model: ModelFactory) -> None:
    """The turns of a run share it, and the tools in between count."""
    calls = sse_response(*call_chunks(("nap", {})))
    short = model(server(calls), timeouts=Timeouts(total=0.25))

    def nap() -> str:
        """Sleep."""
        threading.Event().wait(0.1)
        return "slept"

    with fires(TotalTimeout, 0.25, "total"):
        list(Agent(short, tools=[nap]).stream_prompt("Hi"))


@pytest.mark.parametrize("concurrency", [1, 2])
def test_total_over_a_tool(server: ServerFactory, model: ModelFactory, concurrency: int) -> None:
    """A tool on a worker thread is given up when `total` is over; in ours it cannot be."""
    done = threading.Event()
    calls = sse_response(*call_chunks(("hang", {})))
    short = model(server(calls, sse_response(Stall())), timeouts=Timeouts(total=0.25))

    def hang() -> str:
        """Hang."""
        done.wait(0.8 if concurrency == 1 else 30)
        return "done"

    agent = Agent(short, tools=[hang])
    with fires(TotalTimeout, 0.25 if concurrency == 2 else 0.8, "total"):
        list(agent.stream_prompt("Hi", tool_concurrency=concurrency))
    done.set()


def test_connect(model: ModelFactory, nobody_home: str) -> None:
    """A server that does not even answer the knock."""
    with fires(ConnectTimeout, 0.25, "no connection in time"):
        list(model(nobody_home, timeouts=Timeouts(connect=0.25)).stream_completion("Hi").stream())


def test_none_waits_for_ever(server: ServerFactory, model: ModelFactory) -> None:
    """Without deadlines only the end counts."""
    gap = _Gap(0.3)
    patient = Timeouts(connect=None, first_event=None, idle=None)
    stream = model(server(sse_response(*ONE, gap.step, *chat_chunks("two"))), timeouts=patient)
    texts = []
    for item in stream.stream_completion("Hi").stream():
        gap.begin()
        texts.append(item)
    assert texts[:2] == [Text("one "), Text("two")]


def test_for_one_call(server: ServerFactory, model: ModelFactory) -> None:
    """A call's own deadlines take the place of the client's."""
    short = Timeouts(first_event=0.25)
    with fires(FirstEventTimeout, 0.25, "first_event"):
        list(model(server([Stall()])).stream_completion("Hi").stream(timeouts=short))


@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_impossible_values(value: float) -> None:
    """A deadline that could never be kept is refused."""
    with pytest.raises(ConfigError, match="idle"):
        Timeouts(idle=value)
