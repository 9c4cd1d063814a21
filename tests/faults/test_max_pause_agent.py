"""`Timeouts.max_pause` in a run: in an answer, between turns, while tools run; its history."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from msgspec import Struct

from rig_sync import (
    Message,
    PauseControl,
    Timeouts,
    ToolExecutionStarted,
    user,
)
from rig_sync.agent.agent import Agent
from rig_sync.errors import PauseTimeout
from rig_sync.transport.retry import RetryPolicy
from tests.conftest import ModelFactory, ServerFactory
from tests.faults.test_max_pause import LATE, MODES, MOST, SHORT, RaiseErrors, ended
from tests.server import (
    Stall,
    call_chunks,
    chat_chunk,
    chat_chunks,
    spawn,
    sse_response,
)
from tests.threads.watching import threads_gone

# a whole run ---------------------------------------------------------------------------------


class Place(Struct):
    """What a typed run is asked for."""

    name: str


def roles(messages: tuple[Message, ...]) -> list[str]:
    return [type(message).__name__.removesuffix("Message") for message in messages]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("typed", [False, True], ids=["plain", "typed"])
def test_agent_in_an_answer(
    server: ServerFactory, model: ModelFactory, typed: bool, mode: RaiseErrors
) -> None:
    """What was said is in the history; no other model is asked, nor the same again."""
    text = '{"name": "Rome' if typed else "one "
    served = server(sse_response(chat_chunk({"content": text}), Stall()))
    other = server(sse_response(*chat_chunks("never")))
    pause = PauseControl()
    agent = Agent(model(served, timeouts=SHORT, retries=RetryPolicy()), fallbacks=[model(other)])
    stream: Any
    if typed:
        stream = agent.stream_typed(Place, "Hi", pause=pause, raise_errors=mode)
    else:
        stream = agent.stream_prompt("Hi", pause=pause, raise_errors=mode)
    next(stream)
    pause.pause()
    _, error = ended(stream, mode)
    assert error.partial is not None
    assert error.partial.text == text
    assert error.history == stream.messages
    assert [getattr(message, "text", "") for message in error.history] == ["Hi", text]
    assert served.disconnected.wait(LATE)
    assert (len(served.requests), len(other.requests)) == (1, 0)
    assert threads_gone()


@pytest.mark.parametrize("mode", MODES)
def test_agent_between_turns(server: ServerFactory, model: ModelFactory, mode: RaiseErrors) -> None:
    """After a tool and ahead of the next request: that is not made."""
    served = server(sse_response(*call_chunks(("go", {}))), sse_response(*chat_chunks("never")))
    pause = PauseControl()

    def go() -> str:
        """Go."""
        pause.pause()
        return "gone"

    agent = Agent(model(served, timeouts=SHORT), tools=[go])
    stream = agent.stream_prompt("Hi", pause=pause, raise_errors=mode)
    _, error = ended(stream, mode)
    assert roles(error.history) == ["User", "Assistant", "User"]
    assert "gone" in str(error.history[-1])
    assert error.history == stream.messages
    assert len(served.requests) == 1
    assert threads_gone()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("concurrency", [1, 2])
def test_agent_while_tools_run(
    server: ServerFactory, model: ModelFactory, mode: RaiseErrors, concurrency: int
) -> None:
    """Tools on threads of their own are left, and their calls answered for the history."""
    served = server(sse_response(*call_chunks(("hang", {}), ("hang", {}))))
    pause = PauseControl()
    over, began = threading.Event(), threading.Event()

    def hang() -> str:
        """Hang."""
        began.set()
        over.wait(LATE)
        return "done"

    limits = Timeouts(max_pause=MOST, tool=2 * LATE)
    agent = Agent(model(served, timeouts=limits), tools=[hang])
    stream = agent.stream_prompt("Hi", pause=pause, raise_errors=mode, tool_concurrency=concurrency)

    def hold() -> None:
        assert began.wait(LATE)
        pause.pause()

    holder = spawn(hold)
    _, error = ended(stream, mode)
    over.set()
    holder.join()
    assert roles(error.history) == ["User", "Assistant", "User"]
    answers = error.history[-1]
    assert [part.id for part in getattr(answers, "content", ())] == ["c0", "c1"]
    assert len(served.requests) == 1
    assert threads_gone(LATE)


def test_agent_paused_by_its_consumer(server: ServerFactory, model: ModelFactory) -> None:
    """While a batch of tools is told of; the error's history can be gone on from."""
    served = server(
        sse_response(*call_chunks(("go", {}))),
        sse_response(*chat_chunks("Fine.")),
    )
    pause = PauseControl()

    def go() -> str:
        """Go."""
        return "gone"

    agent = Agent(model(served, timeouts=SHORT), tools=[go])
    stream = agent.stream_prompt("Hi", pause=pause)

    def read() -> None:
        for item in stream:
            if isinstance(item, ToolExecutionStarted):
                pause.pause()

    with pytest.raises(PauseTimeout) as caught:
        read()
    assert roles(caught.value.history) == ["User", "Assistant", "User"]
    pause.resume()
    final = agent.chat("Go on.", caught.value.history, stream=True)
    assert final.output == "Fine."
    sent: Any = served.requests[-1].json
    assert [message["role"] for message in sent["messages"]][-3:] != ["user", "user", "user"]
    assert user("Go on.") in final.messages
