"""Tools of an agent's run: beside each other, late, interrupted, cancelled."""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Iterator

import pytest

from rig_sync.agent.agent import Agent
from rig_sync.agent.items import (
    FinalResponse,
    MultiTurnStreamItem,
    StreamAssistantItem,
    StreamUserItem,
    ToolExecutionCommitted,
    ToolExecutionStarted,
)
from rig_sync.message import AssistantMessage, Message, ToolResult, UserMessage, unanswered_calls
from rig_sync.tools import ToolContext
from rig_sync.transport.timeouts import Timeouts
from tests.conftest import ModelFactory, ServerFactory
from tests.server import (
    ScriptedServer,
    Stall,
    call_chunks,
    chat_chunks,
    spawn,
    sse_response,
)
from tests.threads.watching import settled, threads_gone

ANSWER = sse_response(*chat_chunks("Done."))


def _results(messages: tuple[Message, ...]) -> list[str]:
    """The texts of the tool results in a history that answers every call."""
    assert unanswered_calls(messages) == []
    parts = [part for m in messages if isinstance(m, UserMessage) for part in m.content]
    return [part.text for part in parts if isinstance(part, ToolResult)]


def _calls(count: int, name: str = "work") -> list[bytes]:
    return call_chunks(*[(name, {"number": number}) for number in range(count)])


def test_beside_each_other_in_order(server: ServerFactory, model: ModelFactory) -> None:
    """As many as allowed run at a time; results come in the order of the calls."""
    here = threading.Barrier(3)
    most = [0, 0]
    lock = threading.Lock()

    def work(number: int) -> str:
        """Work."""
        with lock:
            most[0] += 1
            most[1] = max(most)
        here.wait(5)  # all three have to be here at once
        threading.Event().wait(0.02 * (3 - number % 3))  # the first is the last to be done
        with lock:
            most[0] -= 1
        return f"result {number}"

    agent = Agent(model(server(sse_response(*_calls(6)), ANSWER)), tools=[work])
    items = list(agent.stream_prompt("Hi", tool_concurrency=3))
    results = [item.content.text for item in items if isinstance(item, StreamUserItem)]
    assert results == [f"result {number}" for number in range(6)]
    assert most[1] == 3
    started = [item.tool_call.id for item in items if isinstance(item, ToolExecutionStarted)]
    committed = [item.tool_call.id for item in items if isinstance(item, ToolExecutionCommitted)]
    assert started == committed == [f"c{number}" for number in range(6)]
    first = next(at for at, item in enumerate(items) if isinstance(item, ToolExecutionCommitted))
    assert all(not isinstance(item, ToolExecutionStarted) for item in items[first:])


@pytest.mark.parametrize("concurrency", [1, 2])
def test_started_is_told_live(server: ServerFactory, model: ModelFactory, concurrency: int) -> None:
    """`ToolExecutionStarted` comes before the tool is done: the tool waits for its news."""
    told = threading.Event()

    def work(number: int) -> str:
        """Work."""
        return "in time" if told.wait(5) else "too late"

    agent = Agent(model(server(sse_response(*_calls(1)), ANSWER)), tools=[work])
    results = []
    for item in agent.stream_prompt("Hi", tool_concurrency=concurrency):
        if isinstance(item, ToolExecutionStarted):
            told.set()
        elif isinstance(item, StreamUserItem):
            results.append(item.content.text)
    assert results == ["in time"]


@pytest.mark.parametrize("concurrency", [1, 2])
def test_context_variables(server: ServerFactory, model: ModelFactory, concurrency: int) -> None:
    """A tool sees the caller's context, and what a worker changes stays with it."""
    name = contextvars.ContextVar("name", default="nobody")

    def work(number: int) -> str:
        """Work."""
        seen = name.get()
        if concurrency > 1:
            name.set(f"tool {number}")
        return seen

    agent = Agent(model(server(sse_response(*_calls(2)), ANSWER)), tools=[work])
    name.set("caller")
    final = agent.prompt("Hi", stream=True, tool_concurrency=concurrency)
    assert _results(final.messages) == ["caller", "caller"]
    assert name.get() == "caller"


def test_threads(server: ServerFactory, model: ModelFactory) -> None:
    """One at a time runs in the caller's thread; several run on ours."""
    names: list[str] = []

    def work(number: int) -> str:
        """Work."""
        names.append(threading.current_thread().name)
        return "ok"

    for concurrency in (1, 2):
        agent = Agent(model(server(sse_response(*_calls(1)), ANSWER)), tools=[work])
        agent.prompt("Hi", stream=True, tool_concurrency=concurrency)
    assert names[0] == threading.current_thread().name
    assert names[1].startswith("rig_sync-tool-")


@pytest.fixture
def hanging() -> Iterator[threading.Event]:
    """Set at the end of the test, for tools that hang."""
    event = threading.Event()
    yield event
    event.set()
    assert threads_gone()


def test_a_late_tool_is_abandoned(
    server: ServerFactory, model: ModelFactory, hanging: threading.Event
) -> None:
    """The model is told, the others keep their results, and the late one's is not taken."""

    def work(number: int) -> str:
        """Work."""
        if number == 1:
            hanging.wait(30)
        return f"result {number}"

    scripted = server(sse_response(*_calls(3)), ANSWER)
    agent = Agent(model(scripted, timeouts=Timeouts(tool=1.0)), tools=[work])
    began = time.monotonic()
    final = agent.prompt("Hi", stream=True, tool_concurrency=3)
    assert 1.0 <= time.monotonic() - began < 10
    first, late, last = _results(final.messages)
    assert (first, last) == ("result 0", "result 2")
    assert "work took longer than 1 s and was abandoned" in late


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("concurrency", [1, 2])
def test_interrupted(
    server: ServerFactory,
    model: ModelFactory,
    concurrency: int,
    interrupt: type[BaseException],
) -> None:
    """Ctrl-C in a tool is no result: it ends the run, and the history says what is unknown."""

    def work(number: int) -> str:
        """Work."""
        if number == 1:
            raise interrupt
        return "ok"

    agent = Agent(model(server(sse_response(*_calls(3)), ANSWER)), tools=[work])
    stream = agent.stream_prompt("Hi", tool_concurrency=concurrency)
    items: list[MultiTurnStreamItem] = []
    with pytest.raises(interrupt):
        items.extend(stream)
    assert not any(isinstance(item, StreamUserItem | FinalResponse) for item in items)
    first, second, third = _results(stream.messages)
    assert first == "ok" or (concurrency > 1 and "may have run" in first)
    assert "may have run" in second
    assert ("not run" in third) or (concurrency > 1 and "may have run" in third)


@pytest.mark.parametrize("concurrency", [1, 2])
def test_cancelled(
    server: ServerFactory,
    model: ModelFactory,
    concurrency: int,
    hanging: threading.Event,
) -> None:
    """The tool sees it; the run ends without its result; the history is one to go on from."""
    running = threading.Event()
    saw: list[bool] = []

    def work(number: int, context: ToolContext) -> str:
        """Work."""
        running.set()
        while not context.cancelled and not hanging.wait(0.005):
            pass
        saw.append(context.cancelled)
        return "too late"

    scripted = server(sse_response(*_calls(3)), ANSWER)
    stream = Agent(model(scripted), tools=[work]).stream_prompt("Hi", tool_concurrency=concurrency)

    def cancel() -> None:
        running.wait(5)
        stream.cancel()

    canceller = spawn(cancel)
    items = list(stream)
    canceller.join(5)
    assert stream.cancelled
    assert not any(isinstance(item, StreamUserItem | FinalResponse) for item in items)
    settled(lambda: bool(saw), to=True)
    results = _results(stream.messages)
    assert ("too late" if concurrency == 1 else "may have run") in results[0]
    assert "not run" in results[2] or concurrency > 2
    assert len(scripted.requests) == 1


def test_a_stuck_tool_does_not_hold_a_cancelled_run(
    server: ServerFactory, model: ModelFactory, hanging: threading.Event
) -> None:
    """On a worker thread, a tool that does not look is left behind at once."""
    running = threading.Event()

    def work(number: int) -> str:
        """Work."""
        running.set()
        hanging.wait(30)
        return "never"

    agent = Agent(model(server(sse_response(*_calls(1)))), tools=[work])
    stream = agent.stream_prompt("Hi", tool_concurrency=2)
    reader = spawn(lambda: list(stream))
    assert running.wait(5)
    began = time.monotonic()
    stream.cancel()
    reader.join(5)
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("way", ["break", "close", "cancel"])
def test_left_in_the_middle_of_the_text(
    server: ServerFactory, model: ModelFactory, way: str
) -> None:
    """What was said so far is in the history."""
    said = chat_chunks("Once ", "upon ", finish=None, done=False)
    stream = Agent(model(server(sse_response(*said, Stall())))).stream_prompt("Hi")
    for number, item in enumerate(stream):
        assert isinstance(item, StreamAssistantItem)
        if number == 1:
            if way == "cancel":
                stream.cancel()
            elif way == "close":
                stream.close()
                break
            else:
                break
    if way == "break":
        assert _texts(stream.messages) == ["Hi", "Once upon "]  # also while it is still held
    del item
    stream.close()
    assert _texts(stream.messages) == ["Hi", "Once upon "]


def _texts(messages: tuple[Message, ...]) -> list[str]:
    return [m.text for m in messages if isinstance(m, UserMessage | AssistantMessage)]


def test_left_at_a_call(server: ServerFactory, model: ModelFactory) -> None:
    """A call that was complete is answered in the history: it never ran."""
    ran: list[int] = []

    def work(number: int) -> str:
        """Work."""
        ran.append(number)
        return "ok"

    agent = Agent(model(server(sse_response(*_calls(2)))), tools=[work])
    stream = agent.stream_prompt("Hi")
    for item in stream:
        if isinstance(item, ToolExecutionStarted):
            break
    stream.close()
    first, second = _results(stream.messages)
    assert "may have run" in first
    assert "not run" in second
    assert ran == []


def test_broken_in_the_second_turn(server: ServerFactory, model: ModelFactory) -> None:
    """The first turn's results are kept, and the words of the second."""

    def work(number: int) -> str:
        """Work."""
        return "ok"

    said = chat_chunks("So ", finish=None, done=False)
    scripted: ScriptedServer = server(sse_response(*_calls(1)), sse_response(*said, Stall()))
    stream = Agent(model(scripted), tools=[work]).stream_prompt("Hi")
    texts = stream.text_deltas()
    assert next(texts) == "So "
    stream.cancel()
    assert list(texts) == []
    assert _results(stream.messages) == ["ok"]
    assert _texts(stream.messages)[-1] == "So "
