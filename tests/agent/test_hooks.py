"""Hooks: what they are told, when and in which order, and what becomes of one that fails."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rig_sync import (
    Agent,
    CompletionRequest,
    CompletionResponse,
    ConfigError,
    FinalResponse,
    Hook,
    HookContext,
    InvalidToolCall,
    ReasoningDelta,
    RunFinished,
    Stop,
    StreamAssistantItem,
    StreamUserItem,
    Text,
    ToolCallEvent,
    ToolContext,
    ToolExecutionStarted,
    ToolResultEvent,
    hook,
    tool,
)
from rig_sync.agent.hooks import FunctionHook
from rig_sync.agent.stack import HookStack
from tests.agent.both_ways import TOKENS, WAYS, Way, calls, says
from tests.agent.listening import EVENTS, Recorder, hook_on
from tests.conftest import ModelFactory, ServerFactory


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


TURNS = (
    calls(("add", {"a": 1, "b": 2}), ("add", "{broken"), text="Let me see. "),
    says("Three", ".", thinks=["Hm", "…"]),
)


def test_every_event_is_told(server: ServerFactory, model: ModelFactory, way: Way) -> None:
    """All ten, in the order of what happens, each with what it is about."""
    listener = Recorder()
    agent = Agent(model(server(*TURNS)), tools=[add], hooks=[listener])
    ended = way(agent, "1 + 2?")
    assert listener.names == [
        "on_completion_call",
        "on_model_select",
        "on_text_delta",
        "on_tool_call_delta",
        "on_invalid_tool_call",
        "on_model_turn_finished",
        "on_tool_call",
        "on_tool_result",
        "on_completion_call",
        "on_model_select",
        "on_reasoning_delta",
        "on_text_delta",
        "on_model_turn_finished",
        "on_run_finished",
    ]
    request = listener.events("on_completion_call")[1]
    assert isinstance(request, CompletionRequest)
    assert request.messages == ended.history[:3]
    assert [one.name for one in request.tools] == ["add"]
    texts = [one.text for one in listener.events("on_text_delta") if isinstance(one, Text)]
    assert "".join(texts) == "Let me see. Three."
    thoughts = listener.events("on_reasoning_delta")
    assert "".join(one.text for one in thoughts if isinstance(one, ReasoningDelta)) == "Hm…"
    answers = listener.events("on_model_turn_finished")
    assert [one.message for one in answers if isinstance(one, CompletionResponse)] == [
        ended.history[1],
        ended.history[3],
    ]
    (wrong,) = listener.events("on_invalid_tool_call")
    assert isinstance(wrong, InvalidToolCall)
    assert (wrong.call.malformed, wrong.reason, wrong.available) == (
        "{broken",
        "malformed",
        ("add",),
    )
    (asked,), (got,) = listener.events("on_tool_call"), listener.events("on_tool_result")
    assert isinstance(asked, ToolCallEvent)
    assert isinstance(got, ToolResultEvent)
    assert (asked.call.id, asked.call.arguments, asked.approved) == ("c0", {"a": 1, "b": 2}, False)
    assert (got.call, got.result, got.internal_call_id) == (
        asked.call,
        got.raw,
        asked.internal_call_id,
    )
    assert got.result.text == "3"
    assert listener.events("on_run_finished") == [RunFinished(ended.final)]


def test_both_ways_tell_the_same(server: ServerFactory, model: ModelFactory) -> None:
    """Streamed and one-shot: the same events, and equal ends."""
    heard, ends = [], []
    for way in WAYS:
        listener = Recorder()
        agent = Agent(model(server(*TURNS)), tools=[add], hooks=[listener])
        ends.append(way(agent)._replace(items=(), run=None))
        heard.append(listener.names)
    assert heard[0] == heard[1]
    assert ends[0] == ends[1]


def test_the_context_says_where_we_are(
    server: ServerFactory, model: ModelFactory, way: Way
) -> None:
    """Run id and deps as the tools see them, the agent's name, the way, the turn."""
    listener, seen, turns = Recorder(), [], []

    def look(context: ToolContext[str]) -> str:
        """Look."""
        seen.append((context.run_id, context.agent_name, context.deps, context.turn))
        return "seen"

    served = server(calls(("look", {})), says("Done."))
    agent = Agent(model(served), name="Ada", tools=[look], hooks=[listener])
    turned = [hook_on(event, lambda context, _: turns.append(context.turn)) for event in EVENTS]
    way(agent, deps="database", hooks=turned)
    contexts = set(listener.contexts)
    assert len(contexts) == 1
    ((run_id, name, streaming, deps, cancelled),) = contexts
    assert seen == [(run_id, "Ada", "database", 1)]
    assert (name, streaming, deps, cancelled) == ("Ada", way.streamed, "database", False)
    assert run_id
    assert turns == sorted(turns)
    assert set(turns) == {1, 2}


def test_the_scratchpad_is_the_runs(server: ServerFactory, model: ModelFactory, way: Way) -> None:
    """Hooks of one run share it; the next run has an empty one."""
    found: list[object] = []

    @hook.on_completion_call
    def write(context: HookContext, event: CompletionRequest) -> None:
        found.append(dict(context.scratchpad))
        context.scratchpad["note"] = len(found)

    @hook.on_run_finished
    def read(context: HookContext, event: RunFinished) -> None:
        found.append(context.scratchpad["note"])

    agent = Agent(model(server(says("Hi."))), hooks=[write])
    for _ in range(2):
        way(agent, hooks=[read])
    assert found == [{}, 1, {}, 3]


def test_a_hook_is_told_first(server: ServerFactory, model: ModelFactory) -> None:
    """Words are told before the caller sees them, a tool call before the tool starts."""
    log: list[object] = []

    @hook.on_text_delta
    def words(context: HookContext, event: Text) -> None:
        log.append(("told", event.text))

    @hook.on_tool_call
    def calling(context: HookContext, event: ToolCallEvent) -> None:
        log.append(("told", event.call.id))

    @hook.on_tool_result
    def result(context: HookContext, event: ToolResultEvent) -> None:
        log.append(("told", event.result.text))

    served = server(calls(("add", {"a": 1, "b": 2})), says("Thr", "ee."))
    for item in Agent(model(served), tools=[add]).stream_prompt(
        "?", hooks=[words, calling, result]
    ):
        match item:
            case StreamAssistantItem(Text(text)):
                log.append(("seen", text))
            case ToolExecutionStarted(tool_call=call):
                log.append(("seen", call.id))
            case StreamUserItem(content=content):
                log.append(("seen", content.text))
            case _:
                pass
    pieces = ["c0", "3", "Thr", "ee."]
    assert log == [(what, piece) for piece in pieces for what in ("told", "seen")]


def test_order_is_that_of_registration(
    server: ServerFactory, model: ModelFactory, way: Way
) -> None:
    """The agent's before the run's, whatever their kind."""
    log: list[str] = []

    class Several(Hook):
        def on_completion_call(self, _context: HookContext, _event: CompletionRequest) -> None:
            log.append("class")

        def on_run_finished(self, _context: HookContext, _event: RunFinished) -> None:
            log.append("class")

    class Alone:
        def on_completion_call(self, _context: HookContext, _event: CompletionRequest) -> None:
            log.append("alone")

    @hook.on_completion_call
    def function(context: HookContext, event: CompletionRequest) -> None:
        log.append("function")

    @hook.on_completion_call
    def late(context: HookContext, event: CompletionRequest) -> None:
        log.append("late")

    agent = Agent(model(server(says("Hi."))), hooks=[function, Several()])
    way(agent, hooks=[late, Alone()])
    assert log == ["function", "class", "late", "alone", "class"]


def test_a_hook_hears_only_what_it_overwrites() -> None:
    """Nothing is called, not even an empty method, for an event that nobody asked for."""
    assert HookStack()._by_event == {}
    assert HookStack().deltas == {}

    class Words(Hook):
        def on_text_delta(self, context: HookContext, event: Text) -> None:
            """Listen."""

    class More(Words):
        def on_tool_call(self, context: HookContext, event: ToolCallEvent) -> None:
            """Listen."""

    assert list(HookStack((Words(),))._by_event) == ["on_text_delta"]
    assert list(HookStack((More(),))._by_event) == ["on_text_delta", "on_tool_call"]
    assert list(HookStack((Words(),)).deltas) == [Text]


def test_a_function_hook_is_still_the_function() -> None:
    """It can be called, and says what it is."""

    @hook.on_text_delta
    def stop_at_once(context: HookContext, event: Text) -> Stop:
        """End."""
        return Stop(event.text)

    assert isinstance(stop_at_once, FunctionHook)
    assert stop_at_once(HookContext(), Text("x")) == Stop("x")
    assert repr(stop_at_once) == "hook.on_text_delta(stop_at_once)"


async def _later(context: HookContext, event: object) -> None:
    """No event loop would ever run it."""


def _in_steps(context: HookContext, event: object) -> Iterator[Stop]:
    """Nobody would ever take what it yields."""
    yield Stop("never")


NO_HOOKS: dict[str, tuple[object, str]] = {
    "a class": ([Recorder], "Recorder'> is no hook: write `@hook.on_tool_call`"),
    "a plain function": ([print], "is no hook: write"),
    "nothing": ([None], "None is no hook"),
    "a hook that hears of nothing": ([Hook()], "is no hook: write"),
    "one by itself": (
        hook.on_text_delta(lambda _, __: None),
        r"not a list of hooks: write `\[...\]`",
    ),
    "None for all": (None, "None is not a list of hooks"),
    "a coroutine": ([hook_on("on_text_delta", _later)], "_later.: on_text_delta is async"),
    "a generator": (
        [hook_on("on_text_delta", _in_steps)],
        "_in_steps.: on_text_delta is async or a gen",
    ),
}


def test_a_misspelt_event(server: ServerFactory, model: ModelFactory) -> None:
    """A method beside a good one that nobody would ever call is told of at once."""

    class Watcher(Hook):
        def on_tool_call(self, context: HookContext, event: ToolCallEvent) -> None: ...

        def on_tool_results(self, context: HookContext, event: ToolResultEvent) -> None: ...

    with pytest.raises(ConfigError, match="Watcher has on_tool_results, and the events are: on_"):
        Agent(model(server()), hooks=[Watcher()])


@pytest.mark.parametrize("what", NO_HOOKS)
def test_what_is_no_hook(server: ServerFactory, model: ModelFactory, what: str) -> None:
    """It is refused at once, where it is given, and nothing is sent."""
    given, words = NO_HOOKS[what]
    served = server()
    with pytest.raises(ConfigError, match=words):
        Agent(model(served), hooks=given)  # type: ignore[arg-type]  # on purpose
    agent = Agent(model(served))
    for begin in (agent.prompt, agent.stream_prompt):
        with pytest.raises(ConfigError, match=words):
            begin("Hi", hooks=given)  # type: ignore[arg-type]  # on purpose
    with pytest.raises(ConfigError, match=r"takes a function, `def f\(context, event\)`"):
        hook.on_tool_call(5)  # type: ignore[arg-type]  # on purpose
    assert served.requests == []


def test_the_caller_sees_what_the_hooks_saw(
    server: ServerFactory, model: ModelFactory, way: Way
) -> None:
    """The final response that is told is the caller's, with all tokens."""
    seen: list[FinalResponse | None] = []

    @hook.on_run_finished
    def end(context: HookContext, event: RunFinished) -> None:
        seen.append(event.response)

    ended = way(Agent(model(server(*TURNS)), tools=[add], hooks=[end]))
    assert seen == [ended.final]
    assert ended.final is not None
    assert ended.final.usage.total_tokens == 2 * TOKENS
