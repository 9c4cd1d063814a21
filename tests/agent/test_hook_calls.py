"""What hooks may do about calls and results; and all of it together."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest

from rig_sync import (
    Agent,
    CompletionRequest,
    CompletionResponse,
    Defer,
    Feedback,
    Hook,
    HookContext,
    Image,
    InvalidToolCall,
    Repeat,
    Replace,
    RequestPatch,
    Rewrite,
    Skip,
    Stop,
    StreamUserItem,
    Text,
    ToolCallEvent,
    ToolExecutionCommitted,
    ToolExecutionStarted,
    ToolResult,
    ToolResultEvent,
    hook,
)
from rig_sync.agent.steps import NOT_RUN
from rig_sync.message import ToolCall
from tests.agent.both_ways import WAYS, Way, body, calls, results, says
from tests.agent.counting import add, double, ran
from tests.conftest import ModelFactory, ServerFactory
from tests.server import call_chunks, chat_chunk, sse, sse_response


@pytest.fixture(autouse=True)
def nothing_ran() -> None:
    """Each test counts for itself."""
    ran.clear()


ADD = calls(("add", {"a": 1, "b": 2}))
TWO = calls(("add", {"a": 1, "b": 2}), ("double", {"n": 2}), text="Let me see.")

# calls ---------------------------------------------------------------------------------------


def on_call(action: Callable[[ToolCallEvent], Rewrite | Skip | Defer | Stop | None]) -> object:
    """A hook that looks at the event alone."""

    @hook.on_tool_call
    def act(context: HookContext, event: ToolCallEvent) -> Rewrite | Skip | Defer | Stop | None:
        return action(event)

    return act


def test_rewrites_chain(server: ServerFactory, model: ModelFactory, way: Way) -> None:
    """Each hook sees the arguments of the one before; the items tell them, the history does not."""

    def more(event: ToolCallEvent) -> Rewrite:
        return Rewrite({**event.call.arguments, "b": 10 * int(str(event.call.arguments["b"]))})

    seen: list[object] = []
    watch = on_call(lambda event: seen.append(event.call.arguments))
    served = server(ADD, says("Done."))
    ended = way(Agent(model(served), tools=[add], hooks=[on_call(more), on_call(more), watch]))
    assert ran == [(1, 200)]
    assert seen == [{"a": 1, "b": 200}]
    assert results(ended.history) == [("c0", "201", False)]
    told = [
        item.tool_call.arguments
        for item in ended.items
        if isinstance(item, (ToolExecutionStarted, ToolExecutionCommitted))
    ]
    assert told == [{"a": 1, "b": 200}] * (2 if way.streamed else 0)
    calls_made = ended.history[1].content
    assert calls_made == (ToolCall("c0", "add", {"a": 1, "b": 2}),)


def test_a_rewrite_that_does_not_fit(server: ServerFactory, model: ModelFactory, way: Way) -> None:
    """The arguments are checked like the model's own."""
    served = server(ADD, says("Done."))
    ended = way(Agent(model(served), tools=[add], hooks=[on_call(lambda _: Rewrite({"a": "x"}))]))
    assert ran == []
    ((_, text, is_error),) = results(ended.history)
    assert is_error
    assert "arguments of add do not fit" in text


def test_skip(server: ServerFactory, model: ModelFactory, way: Way) -> None:
    """The tool does not run, the model reads why; the other call runs, the order stays."""
    told: list[str] = []

    @hook.on_tool_result
    def result(context: HookContext, event: ToolResultEvent) -> None:
        told.append(event.result.text)

    skip = on_call(lambda event: Skip("Not today.") if event.call.name == "add" else None)
    later = on_call(lambda event: Stop("asked") if event.call.name == "add" else None)
    served = server(TWO, says("Done."))
    ended = way(Agent(model(served), tools=[add, double], hooks=[skip, later, result]))
    assert ran == [(2, 2)]
    assert results(ended.history) == [("c0", "Not today.", False), ("c1", "4", False)]
    assert told == ["Not today.", "4"]
    started = [one.tool_call.id for one in ended.items if isinstance(one, ToolExecutionStarted)]
    shown = [one.content.id for one in ended.items if isinstance(one, StreamUserItem)]
    assert (started, shown) == ((["c1"], ["c0", "c1"]) if way.streamed else ([], []))


@pytest.mark.parametrize("agrees", [True, False])
def test_defer(server: ServerFactory, model: ModelFactory, way: Way, agrees: bool) -> None:
    """The call waits, the others run; once a person agrees, `Defer` does no more."""
    asked: list[tuple[str, bool]] = []

    def careful(event: ToolCallEvent) -> Defer | None:
        asked.append((event.call.id, event.approved))
        return Defer() if event.call.name == "add" else None

    served = server(TWO, says("Done."))
    agent = Agent(model(served), tools=[add, double], hooks=[on_call(careful)])
    waiting = way(agent)
    assert ran == [(2, 2)]
    assert waiting.run is not None
    assert [one.call.id for one in waiting.run.pending] == ["c0"]
    assert results(waiting.history) == [("c0", NOT_RUN, True), ("c1", "4", False)]
    if agrees:
        waiting.run.approve("c0")
    else:
        waiting.run.deny("c0", "No.")
    ended = way(agent, waiting.run)
    first = ("c0", "3", False) if agrees else ("c0", "No.", True)
    assert results(ended.history) == [first, ("c1", "4", False)]
    assert asked == [("c0", False), ("c1", False), *([("c0", True)] if agrees else [])]
    assert ran == [(2, 2), *([(1, 2)] if agrees else [])]


# results -------------------------------------------------------------------------------------

PNG = base64.b64encode(b"\x89PNG").decode()
REPLACED: dict[str, tuple[object, tuple[object, ...]]] = {
    "text": ("short", (Text("short"),)),
    "JSON": ({"sum": 3}, (Text('{"sum":3}'),)),
    "an image": (
        Image(data=PNG, media_type="image/png"),
        (Image(data=PNG, media_type="image/png"),),
    ),
}


@pytest.mark.parametrize("kind", REPLACED)
def test_replace(server: ServerFactory, model: ModelFactory, way: Way, kind: str) -> None:
    """The model reads the replacement, whatever a tool may return."""
    given, content = REPLACED[kind]

    @hook.on_tool_result
    def change(context: HookContext, event: ToolResultEvent) -> Replace:
        return Replace(given)

    ended = way(Agent(model(server(ADD, says("Done."))), tools=[add], hooks=[change]))
    answered = ended.history[2].content
    assert answered == (ToolResult("c0", content, "add"),)  # type: ignore[arg-type]  # likewise


def test_replacements_chain(server: ServerFactory, model: ModelFactory, way: Way) -> None:
    """Each hook sees the result of the one before, and the tool's own; errors stay errors."""
    seen: list[tuple[str, str]] = []

    @hook.on_tool_result
    def longer(context: HookContext, event: ToolResultEvent) -> Replace:
        seen.append((event.result.text, event.raw.text))
        return Replace(event.result.text + "!")

    served = server(calls(("add", {"a": 1, "b": 2}), ("add", {"a": 1})), says("Done."))
    ended = way(Agent(model(served), tools=[add], hooks=[longer, longer]))
    wrong = seen[2][0]
    assert "do not fit" in wrong
    assert seen == [("3", "3"), ("3!", "3"), (wrong, wrong), (f"{wrong}!", wrong)]
    assert results(ended.history) == [("c0", "3!!", False), ("c1", f"{wrong}!!", True)]


# all of it -----------------------------------------------------------------------------------


class Busy(Hook):
    """Does a little of everything."""

    def on_completion_call(self, context: HookContext, _event: CompletionRequest) -> RequestPatch:
        return RequestPatch(seed=context.turn)

    def on_model_turn_finished(
        self, context: HookContext, _event: CompletionResponse
    ) -> Repeat | Feedback | None:
        verdicts: dict[int, Repeat | Feedback] = {1: Repeat(), 3: Feedback("More.")}
        return verdicts.get(context.turn)

    def on_invalid_tool_call(self, _context: HookContext, _event: InvalidToolCall) -> Skip:
        return Skip("There is none.")

    def on_tool_call(self, _context: HookContext, _event: ToolCallEvent) -> Rewrite:
        return Rewrite({"a": 5, "b": 6})

    def on_tool_result(self, _context: HookContext, event: ToolResultEvent) -> Replace:
        return Replace({"result": event.result.text})


def test_both_ways_end_equal(server: ServerFactory, model: ModelFactory) -> None:
    """A run that is steered at every step: equal ends, equal requests."""
    ends, asked = [], []
    for way in WAYS:
        several = calls(("add", {"a": 1, "b": 2}), ("subtract", {}), text="Hm.")
        served = server(says("No."), several, says("Little."), says("Much."))
        ended = way(Agent(model(served), tools=[add], hooks=[Busy()]))
        ends.append((ended.history, ended.final))
        sent = [body(one) for one in served.requests]
        plain = [{k: v for k, v in one.items() if not k.startswith("stream")} for one in sent]
        asked.append(plain)
    assert ends[0] == ends[1]
    assert asked[0] == asked[1]
    assert results(ends[0][0]) == [("c0", '{"result":"11"}', False), ("c1", "There is none.", True)]
    assert [one["seed"] for one in asked[0]] == [1, 2, 3, 4]


@pytest.mark.parametrize("concurrency", [1, 2])
def test_stop_in_the_middle_of_a_batch(
    server: ServerFactory, model: ModelFactory, concurrency: int
) -> None:
    """What ran is in the history with its result, what did not says so; no item shows either."""
    stop = on_call(lambda event: Stop("enough") if event.call.id == "c1" else None)
    served = server(sse_response(*call_chunks(*[("add", {"a": 1, "b": n}) for n in range(3)])))
    stream = Agent(model(served), tools=[add], hooks=[stop]).stream_prompt(
        "Hi", tool_concurrency=concurrency, raise_errors="none"
    )
    assert not any(isinstance(item, StreamUserItem) for item in stream)
    texts = [text for _, text, _ in results(stream.messages)]
    assert texts[1:] == [NOT_RUN, NOT_RUN]
    assert texts[0] == "1" if concurrency == 1 else texts[0]


def test_a_bad_frame_is_no_delta(server: ServerFactory, model: ModelFactory) -> None:
    """Hooks of deltas hear of content alone, not of what could not be read."""
    heard: list[str] = []

    @hook.on_text_delta
    def words(context: HookContext, event: Text) -> None:
        heard.append(event.text)

    served = server(
        sse_response(
            chat_chunk({"content": "a"}),
            b"data: {broken\n\n",
            sse({"choices": []}),
            chat_chunk({"content": "b"}, finish="stop"),
            b"data: [DONE]\n\n",
        )
    )
    final = Agent(model(served), hooks=[words]).prompt("Hi", stream=True)
    assert heard == ["a", "b"]
    assert len(final.defects) == 1
