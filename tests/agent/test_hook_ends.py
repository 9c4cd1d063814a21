"""Hooks that fail, and what hooks are told of the end of a run."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest

from rig_sync import (
    Agent,
    CancelToken,
    CompletionRequest,
    ConfigError,
    HookContext,
    HookFailed,
    PromptCancelled,
    PromptError,
    RequestPatch,
    RetryPolicy,
    RunFinished,
    RunPending,
    ServerError,
    Stop,
    Text,
    assistant,
    hook,
    tool,
    user,
)
from rig_sync.agent.stack import ALLOWED
from tests.agent.both_ways import Ended, Way, calls, says
from tests.agent.listening import EVENTS, Recorder, hook_on
from tests.conftest import ModelFactory, ServerFactory
from tests.server import Stall, chat_chunk, error_response, spawn, sse_response


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@tool(approval=True)
def pay(amount: int) -> str:
    """Pay."""
    return f"paid {amount}"


SCRIPTS = {
    "on_retry": (error_response(503), says("Hi.")),
    "on_reasoning_delta": (says("Hi.", thinks=["Hm"]),),
    "on_tool_call_delta": (calls(("add", {"a": 1, "b": 2})), says("Hi.")),
    "on_tool_call": (calls(("add", {"a": 1, "b": 2})), says("Hi.")),
    "on_tool_result": (calls(("add", {"a": 1, "b": 2})), says("Hi.")),
    "on_invalid_tool_call": (calls(("subtract", {})), says("Hi.")),
}
"""What makes an event happen; words for all others."""

AGAIN = RetryPolicy(attempts=2, initial=0)


@pytest.mark.parametrize("event", EVENTS)
def test_a_hook_that_raises_ends_the_run(
    server: ServerFactory, model: ModelFactory, way: Way, event: str
) -> None:
    """`HookFailed` names hook, event and error, with the cause and a history; the end is told."""

    def clumsy(context: HookContext, value: object) -> None:
        raise ZeroDivisionError("oops")

    listener = Recorder()
    agent = Agent(model(server(*SCRIPTS.get(event, (says("Hi."),))), retries=AGAIN), tools=[add])
    ended = way(agent, hooks=[listener, hook_on(event, clumsy)])
    assert isinstance(ended.error, HookFailed)
    assert str(ended.error) == f"hook.{event}(clumsy) raised ZeroDivisionError in {event}: oops"
    assert isinstance(ended.error.__cause__, ZeroDivisionError)
    assert ended.history[0] == user("Go.")
    if event == "on_run_finished":
        assert isinstance(listener.heard[-1][1], RunFinished)
    else:
        assert listener.heard[-1] == ("on_run_finished", RunFinished(error=ended.error))


@pytest.mark.parametrize("event", EVENTS)
def test_a_hook_that_answers_something_else(
    server: ServerFactory, model: ModelFactory, way: Way, event: str
) -> None:
    """`HookFailed` says what it answered, and what it may."""

    class Odd:
        def __repr__(self) -> str:
            return "odd()"

    agent = Agent(model(server(*SCRIPTS.get(event, (says("Hi."),))), retries=AGAIN), tools=[add])
    one = type("Wrong", (), {event: lambda *_: Odd()})()
    ended = way(agent, hooks=[one])
    allowed = " | ".join([*(kind.__name__ for kind in ALLOWED[event]), "None"])
    assert isinstance(ended.error, HookFailed)
    assert str(ended.error) == f"Wrong answered {event} with odd(): return {allowed}"


def test_the_end_is_told_to_all(server: ServerFactory, model: ModelFactory, way: Way) -> None:
    """One hook that fails at the end does not keep the news from the others; it cannot stop."""
    listener = Recorder()
    stops = hook_on("on_run_finished", lambda *_: Stop("late"))
    agent = Agent(model(server(says("Hi."))), hooks=[stops, listener])
    ended = way(agent)
    assert isinstance(ended.error, HookFailed)
    assert "answered on_run_finished with Stop" in str(ended.error)
    assert listener.names[-1] == "on_run_finished"
    assert ended.history == (user("Go."), assistant("Hi."))


@pytest.mark.parametrize("event", EVENTS)
def test_ctrl_c_in_a_hook(server: ServerFactory, model: ModelFactory, way: Way, event: str) -> None:
    """`KeyboardInterrupt` is nobody's business but the caller's."""

    def interrupted(context: HookContext, value: object) -> None:
        raise KeyboardInterrupt

    agent = Agent(model(server(*SCRIPTS.get(event, (says("Hi."),))), retries=AGAIN), tools=[add])
    with pytest.raises(KeyboardInterrupt):
        way(agent, hooks=[hook_on(event, interrupted)])


@pytest.fixture
def no_collector() -> Iterator[None]:
    """What is freed here is freed by counting references."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("stops", [True, False])
def test_a_failure_keeps_nothing(server: ServerFactory, model: ModelFactory, stops: bool) -> None:
    """The connection goes at once, and the stream with its last reference, error held or not."""

    def ends(context: HookContext, event: object) -> Stop:
        if stops:
            return Stop("enough")
        raise ZeroDivisionError("oops")

    served = server(sse_response(chat_chunk({"content": "one"}), Stall()))
    stream = Agent(model(served)).stream_prompt("Hi", hooks=[hook_on("on_text_delta", ends)])
    gone = weakref.ref(stream)
    try:
        next(stream)
    except (HookFailed, PromptCancelled) as error:
        held = error.with_traceback(None)
    assert served.disconnected.wait(1)
    del stream
    assert gone() is None
    assert held.history[0] == user("Hi")


# the end -------------------------------------------------------------------------------------


def finished(listener: Recorder) -> RunFinished:
    """What was told at the end, once."""
    (event,) = listener.events("on_run_finished")
    assert isinstance(event, RunFinished)
    return event


def test_the_end_of_a_failure(server: ServerFactory, model: ModelFactory, way: Way) -> None:
    """The error that the caller gets."""
    listener = Recorder()
    ended = way(Agent(model(server(error_response(500))), hooks=[listener]))
    assert isinstance(ended.error, ServerError)
    assert finished(listener) == RunFinished(error=ended.error)


def test_the_end_of_a_suspended_run(server: ServerFactory, model: ModelFactory, way: Way) -> None:
    """Neither answer nor error; the resumed run has an end of its own."""
    first, second = Recorder(), Recorder()
    agent = Agent(model(server(calls(("pay", {"amount": 5})), says("Done."))), tools=[pay])
    waiting = way(agent, hooks=[first])
    assert finished(first) == RunFinished()
    if way.streamed:
        assert isinstance(waiting.items[-1], RunPending)
    assert waiting.run is not None
    waiting.run.approve("c0")
    ended = way(agent, waiting.run, hooks=[second])
    assert ended.reply == "Done."
    assert finished(second) == RunFinished(ended.final)
    assert {one[0] for one in first.contexts} == {one[0] for one in second.contexts}


@pytest.mark.parametrize("where", ["between items", "from another thread", "in a hook"])
def test_the_end_of_a_cancelled_run(server: ServerFactory, model: ModelFactory, where: str) -> None:
    """Neither, wherever it was; told once, also to hooks that see `cancelled`."""
    token, told = CancelToken(), []

    @hook.on_run_finished
    def end(context: HookContext, event: RunFinished) -> None:
        told.append((event, context.cancelled))

    @hook.on_text_delta
    def cancels(context: HookContext, event: Text) -> None:
        if where == "in a hook":
            token.cancel()

    served = server(sse_response(chat_chunk({"content": "one"}), Stall()))
    stream = Agent(model(served)).stream_prompt("Hi", hooks=[cancels, end], cancel=token)
    for _ in stream:
        if where == "between items":
            token.cancel()
        elif where == "from another thread":
            spawn(token.cancel)
    stream.close()
    assert told == [(RunFinished(), True)]
    assert stream.messages == (user("Hi"), assistant("one"))


def test_the_end_of_a_one_shot_call_that_is_cancelled(
    server: ServerFactory, model: ModelFactory, way: Way
) -> None:
    """A tool cancels the run: one end, and no more model calls."""
    token, listener = CancelToken(), Recorder()

    def cancel() -> str:
        """Cancel."""
        token.cancel()
        return "cancelled"

    served = server(calls(("cancel", {})), says("Never."))
    ended: Ended = way(Agent(model(served), tools=[cancel], hooks=[listener]), cancel=token)
    assert ended.final is None
    assert way.streamed or isinstance(ended.error, PromptCancelled)
    assert finished(listener) == RunFinished()
    assert len(served.requests) == 1


@pytest.mark.parametrize("leave", ["break", "close"])
def test_who_walks_away(server: ServerFactory, model: ModelFactory, leave: str) -> None:
    """The hooks hear that it is over, once, without answer or error."""
    listener = Recorder()
    served = server(sse_response(chat_chunk({"content": "one"}), Stall()))
    stream = Agent(model(served), hooks=[listener]).stream_prompt("Hi")
    for _ in stream:
        break
    assert listener.events("on_run_finished") == []
    if leave == "close":
        stream.close()
    del stream
    assert finished(listener) == RunFinished()


def test_a_stream_that_was_never_read(server: ServerFactory, model: ModelFactory) -> None:
    """Nothing began, so nothing is over."""
    listener = Recorder()
    unread = Agent(model(server()), hooks=[listener]).stream_prompt("Hi")
    unread.cancel()
    unread.close()
    assert listener.events("on_run_finished") == []


def test_a_patch_that_cannot_be(server: ServerFactory, model: ModelFactory, way: Way) -> None:
    """An action is checked where it is made: the mistake is the hook's, and is named."""

    @hook.on_completion_call
    def wrong(context: HookContext, event: CompletionRequest) -> RequestPatch:
        return RequestPatch(active_tools="add")  # type: ignore[arg-type]  # on purpose

    ended = way(Agent(model(server(says("Hi."))), tools=[add], hooks=[wrong]))
    assert isinstance(ended.error, HookFailed)
    assert isinstance(ended.error.__cause__, ConfigError)
    assert "RequestPatch(active_tools='add'): give a list" in str(ended.error)


WRONG_PARTS: dict[str, tuple[Sequence[object], str]] = {
    "messages": (["Hi"], r"'Hi' in it: give messages, as user\(...\)"),
    "extra_context": (["a note"], r"give documents, as Document\(text=...\)"),
    "active_tools": ([add], "give names of tools"),
    "stop": ([5], "give words"),
}


@pytest.mark.parametrize("name", WRONG_PARTS)
def test_what_is_in_the_lists_of_a_patch(name: str) -> None:
    """Refused where the patch is made, by field, and not deep in an encoder."""
    given, words = WRONG_PARTS[name]
    with pytest.raises(ConfigError, match=rf"RequestPatch\({name}=...\) has .*{words}"):
        RequestPatch(**{name: given})  # type: ignore[arg-type]  # on purpose


def test_a_type_of_the_users_that_fails(server: ServerFactory, model: ModelFactory) -> None:
    """Its own exception comes out as one of ours, with the history; the hooks are told."""

    @dataclass
    class Picky:
        size: int

        def __post_init__(self) -> None:
            raise ZeroDivisionError("no size will do")

    listener = Recorder()
    agent = Agent(model(server(says('{"size": 1}'))), hooks=[listener])
    with pytest.raises(PromptError, match="ZeroDivisionError: no size will do") as caught:
        agent.prompt_typed(Picky, "How large?")
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert caught.value.history[0] == user("How large?")
    assert finished(listener).error is caught.value
