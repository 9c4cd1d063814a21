"""`Timeouts.max_pause`: off by default; when it is over, the stream ends in the documented way."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple, TypeAlias

import pytest

from rig_sync import (
    ConfigError,
    FinalResponse,
    PauseControl,
    StreamError,
    StreamMisuse,
    Text,
    Timeouts,
    ToolCall,
)
from rig_sync.agent.agent import Agent
from rig_sync.errors import PauseTimeout
from rig_sync.transport.retry import RetryPolicy
from tests.conftest import ModelFactory, ServerFactory
from tests.server import (
    Drip,
    Script,
    Stall,
    Tell,
    WaitFor,
    call_chunks,
    chat_chunks,
    error_response,
    spawn,
    sse_response,
)
from tests.threads.watching import threads_gone

LATE = 5.0
MOST = 0.3
SHORT = Timeouts(max_pause=MOST)
ONE = chat_chunks("one ", finish=None, done=False)
SAYS = rf"paused for more than {MOST:g} s \(max_pause\)"
RaiseErrors: TypeAlias = Literal["terminal", "all", "none"]
MODES: tuple[RaiseErrors, ...] = ("terminal", "all", "none")


def ended(stream: Iterator[Any], mode: RaiseErrors) -> tuple[list[Any], PauseTimeout]:
    """What came until the pause was too long, and the error; it takes that long and no less."""
    began = time.monotonic()
    items: list[Any] = []
    if mode == "none":
        items = list(stream)
        last = items.pop()
        assert isinstance(last, StreamError)
        error: Any = last.error
    else:
        with pytest.raises(PauseTimeout, match=SAYS) as caught:
            items.extend(stream)
        error = caught.value
    assert time.monotonic() - began < MOST + LATE
    assert type(error) is PauseTimeout
    assert not error.recoverable
    return items, error


# one model call ------------------------------------------------------------------------------


class Moment(NamedTuple):
    """When a stream is paused, and what it leaves.

    Attributes:
        script: What the server says; None: it is not asked at all.
        taken: Items taken ahead of the pause.
        text: What the answer says then.
        calls: Names of the tool calls that come all the same, for they are whole.
    """

    script: Script | None
    taken: int
    text: str = ""
    calls: tuple[str, ...] = ()


TWO_CALLS = b"".join(call_chunks(("add", {"a": 1}), ("sub", {"a": 2}), done=False))
MOMENTS = {
    "before the request": Moment(None, 0),
    "between two pieces": Moment(sse_response(*ONE, Stall()), 1, "one "),
    "with more of it ready": Moment(sse_response(b"".join(ONE * 5), Stall()), 1, "one "),
    "while it comes": Moment(sse_response(*ONE, Drip(b"".join(ONE), 0.01)), 3, "one " * 3),
    "after whole calls": Moment(sse_response(TWO_CALLS, Stall()), 4, calls=("add", "sub")),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", MOMENTS)
def test_one_call(server: ServerFactory, model: ModelFactory, name: str, mode: RaiseErrors) -> None:
    """The error names itself and has what came; the connection goes, and nothing is asked again."""
    moment = MOMENTS[name]
    served = server([Stall()] if moment.script is None else moment.script)
    pause = PauseControl()
    patient = model(served, timeouts=SHORT, retries=RetryPolicy())
    stream = patient.stream_completion("Hi").stream(pause=pause, raise_errors=mode)
    for _ in range(moment.taken):
        next(stream)
    pause.pause()
    began = time.monotonic()
    items, error = ended(stream, mode)
    assert time.monotonic() - began >= MOST - 0.05
    assert error.partial is not None
    assert error.partial.text == stream.message.text == moment.text
    came = tuple(item.name for item in items if isinstance(item, ToolCall))
    assert came == moment.calls
    assert tuple(call.name for call in error.partial.message.tool_calls) == moment.calls
    assert not stream.cancelled
    assert pause.is_paused
    with pytest.raises(StreamMisuse, match="read to its end"):
        iter(stream)
    assert len(served.requests) == (0 if moment.script is None else 1)
    if moment.script is not None:
        assert served.disconnected.wait(LATE)
    assert threads_gone()


@pytest.mark.parametrize("mode", MODES)
def test_while_it_waits(server: ServerFactory, model: ModelFactory, mode: RaiseErrors) -> None:
    """Paused by another thread while `next()` waits for the provider."""
    asked = threading.Event()
    served = server([Tell(asked), Stall()])
    pause = PauseControl()

    def hold() -> None:
        assert asked.wait(LATE)
        pause.pause()

    holder = spawn(hold)
    stream = (
        model(served, timeouts=SHORT).stream_completion("Hi").stream(pause=pause, raise_errors=mode)
    )
    items, error = ended(stream, mode)
    holder.join()
    assert items == []
    assert error.partial is not None
    assert served.disconnected.wait(LATE)
    assert threads_gone()


def test_off_by_default(server: ServerFactory, model: ModelFactory) -> None:
    """A pause may last as long as it likes."""
    pause = PauseControl()
    stream = (
        model(server(sse_response(*chat_chunks("Hello"))))
        .stream_completion("Hi")
        .stream(pause=pause)
    )
    pause.pause()
    threading.Timer(2 * MOST, pause.resume).start()
    assert "".join(stream.text_deltas()) == "Hello"
    assert Timeouts().max_pause is None


def test_lifted_in_time(server: ServerFactory, model: ModelFactory) -> None:
    """Several pauses each count anew, however short the time between them."""
    go = threading.Event()
    served = server(sse_response(*ONE, WaitFor(go), *chat_chunks("two")))
    pause = PauseControl()
    stream = (
        model(served, timeouts=Timeouts(max_pause=1.0)).stream_completion("Hi").stream(pause=pause)
    )
    assert next(stream) == Text("one ")
    pause.pause()

    def again() -> None:
        for _ in range(6):
            threading.Event().wait(0.4)
            pause.resume()
            pause.pause()
        go.set()
        pause.resume()

    holder = spawn(again)
    assert "".join(stream.text_deltas()) == "two"
    holder.join()


def test_what_next_does_not_see(server: ServerFactory, model: ModelFactory) -> None:
    """A pause that is over when the caller comes back does nothing, nor one before the stream."""
    pause = PauseControl()
    pause.pause()
    threading.Event().wait(2 * MOST)  # of another stream's time
    served = model(server(sse_response(*ONE, *chat_chunks("two"))), timeouts=SHORT)
    stream = served.stream_completion("Hi").stream(pause=pause)
    threading.Timer(MOST / 3, pause.resume).start()
    assert next(stream) == Text("one ")
    pause.pause()
    threading.Event().wait(2 * MOST)
    pause.resume()
    assert "".join(stream.text_deltas()) == "two"


def test_cancelled_meanwhile(server: ServerFactory, model: ModelFactory) -> None:
    """Who cancels a paused stream gets its end, not an error."""
    pause = PauseControl()
    stream = model(server(sse_response(*ONE, Stall())), timeouts=Timeouts(max_pause=LATE))
    reading = stream.stream_completion("Hi").stream(pause=pause)
    next(reading)
    pause.pause()
    threading.Timer(0.1, reading.cancel).start()
    assert list(reading) == []
    assert reading.cancelled


def test_after_the_last_item(server: ServerFactory, model: ModelFactory) -> None:
    """An answer that was told to its end is whole, whatever happens then."""
    pause = PauseControl()
    patient = model(server(sse_response(*chat_chunks("Hello"))), timeouts=SHORT)
    stream = patient.stream_completion("Hi").stream(pause=pause)
    assert next(stream) == Text("Hello")
    next(stream)
    pause.pause()
    assert list(stream) == []
    run = Agent(patient).stream_prompt("Hi", pause=pause)
    pause.resume()
    for item in run:
        if isinstance(item, FinalResponse):
            pause.pause()
    assert run.response.output == "Hello"


def test_in_the_wait_for_the_next_try(server: ServerFactory, model: ModelFactory) -> None:
    """What was tried is on the error; nothing is tried any more."""
    served = server(error_response(503, headers={"Retry-After": "0.1"}))
    pause = PauseControl()
    policy = RetryPolicy(on_retry=lambda _: pause.pause())
    stream = (
        model(served, timeouts=SHORT, retries=policy).stream_completion("Hi").stream(pause=pause)
    )
    _, error = ended(stream, "terminal")
    assert [tried.status for tried in error.attempts] == [503]
    assert threads_gone()
    assert len(served.requests) == 1


@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_impossible(value: float) -> None:
    """Refused where it is written."""
    with pytest.raises(ConfigError, match="max_pause"):
        Timeouts(max_pause=value)


@pytest.mark.parametrize("kind", ["model", "agent", "typed"])
@pytest.mark.parametrize("mode", MODES)
def test_no_cycle(server: ServerFactory, model: ModelFactory, kind: str, mode: RaiseErrors) -> None:
    """The stream and its error go with their names, without the collector."""
    served = server(sse_response(*ONE, Stall()))
    pause = PauseControl()
    patient = model(served, timeouts=SHORT)
    gc.collect()
    gc.disable()
    try:
        stream: Any
        if kind == "model":
            stream = patient.stream_completion("Hi").stream(pause=pause, raise_errors=mode)
        elif kind == "agent":
            stream = Agent(patient).stream_prompt("Hi", pause=pause, raise_errors=mode)
        else:
            stream = Agent(patient).stream_typed(int, "Hi", pause=pause, raise_errors=mode)
        next(stream)
        pause.pause()
        failed = _failure(stream, mode)
        watched = weakref.ref(stream), weakref.ref(failed)
        del stream, failed
        assert [one() for one in watched] == [None, None]
    finally:
        gc.enable()
    assert threads_gone()


def _failure(stream: Iterator[Any], mode: RaiseErrors) -> PauseTimeout:
    try:
        for item in stream:
            if isinstance(item, StreamError):
                assert isinstance(item.error, PauseTimeout)
                return item.error
    except PauseTimeout as error:
        return error.with_traceback(None)
    raise AssertionError("no error came")
