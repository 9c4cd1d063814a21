"""Calls that cannot be: what becomes of them without a hook, and what a hook may do about it."""

from __future__ import annotations

import pytest

from rig_sync import (
    Agent,
    CompletionRequest,
    Fail,
    Feedback,
    HookContext,
    HookFailed,
    InvalidToolCall,
    ModelTurnRetried,
    PromptCancelled,
    Repair,
    RequestPatch,
    Skip,
    Stop,
    StreamUserItem,
    Text,
    ToolCallEvent,
    ToolExecutionStarted,
    UnknownToolCall,
    hook,
    tool,
    user,
)
from rig_sync.agent.steps import NOT_RUN, REJECTED
from rig_sync.message import AssistantMessage, ToolCall
from tests.agent.both_ways import TOKENS, WAYS, Ended, Way, calls, results, says
from tests.agent.counting import add, ran
from tests.conftest import ModelFactory, ServerFactory


@tool
def erase() -> str:
    """Erase it all."""
    ran.append((-1, -1))
    return "erased"


@pytest.fixture(autouse=True)
def nothing_ran() -> None:
    """Each test counts for itself."""
    ran.clear()


@hook.on_completion_call
def only_add(context: HookContext, event: CompletionRequest) -> RequestPatch:
    """`erase` is there, but not offered."""
    return RequestPatch(active_tools=("add",))


def recovering(action: Fail | Feedback | Repair | Skip | Stop | None) -> object:
    """Whatever is wrong, this is what to do."""

    @hook.on_invalid_tool_call
    def recover(
        context: HookContext, event: InvalidToolCall
    ) -> Fail | Feedback | Repair | Skip | Stop | None:
        return action

    return recover


WRONG: dict[str, tuple[str, object]] = {
    "unknown": ("subtract", {"a": 1, "b": 2}),
    "not offered": ("erase", {}),
    "malformed": ("add", '{"a": 1, '),
}
"""By reason: the call, which stands between two good ones."""

FIRST, LAST = ("add", {"a": 1, "b": 1}), ("add", {"a": 3, "b": 3})


def run(server: ServerFactory, model: ModelFactory, way: Way, reason: str, *hooks: object) -> Ended:
    """A batch with a wrong call in its middle, then words."""
    served = server(calls(FIRST, WRONG[reason], LAST), says("Done."))
    return way(Agent(model(served), tools=[add, erase], hooks=[only_add, *hooks]))


def made(ended: Ended) -> list[ToolCall]:
    """The calls in the history."""
    return [
        call
        for one in ended.history
        if isinstance(one, AssistantMessage)
        for call in one.tool_calls
    ]


@pytest.mark.parametrize("reason", WRONG)
def test_what_a_hook_is_told(
    server: ServerFactory, model: ModelFactory, way: Way, reason: str
) -> None:
    """The call, what is wrong, what was offered; before any tool runs."""
    told: list[tuple[object, ...]] = []

    @hook.on_invalid_tool_call
    def note(context: HookContext, event: InvalidToolCall) -> Skip:
        told.append((event.call.id, event.call.name, event.reason, event.available, len(ran)))
        return Skip("No.")

    run(server, model, way, reason, note)
    assert told == [("c1", WRONG[reason][0], reason, ("add",), 0)]


DEFAULTS: dict[str, str] = {
    "unknown": "the model called 'subtract'; the agent's tools are: add",
    "not offered": "the model called 'erase', which it was not offered in this turn; "
    "offered are: add",
}


@pytest.mark.parametrize("hooked", [False, True])
@pytest.mark.parametrize("reason", DEFAULTS)
def test_a_wrong_tool_ends_the_run(
    server: ServerFactory, model: ModelFactory, way: Way, reason: str, hooked: bool
) -> None:
    """Without a hook that decides: an error that names the tools, and none of the batch ran."""
    ended = run(server, model, way, reason, *([recovering(None)] if hooked else []))
    assert isinstance(ended.error, UnknownToolCall)
    assert str(ended.error) == DEFAULTS[reason]
    assert ran == []
    assert results(ended.history) == [(f"c{number}", NOT_RUN, True) for number in range(3)]


@pytest.mark.parametrize("hooked", [False, True])
def test_malformed_arguments_are_told_to_the_model(
    server: ServerFactory, model: ModelFactory, way: Way, hooked: bool
) -> None:
    """Without a hook that decides: the good calls run, the wrong one has an error for a result."""
    ended = run(server, model, way, "malformed", *([recovering(None)] if hooked else []))
    assert ended.reply == "Done."
    assert ran == [(1, 1), (3, 3)]
    first, wrong, last = results(ended.history)
    assert (first, last) == (("c0", "2", False), ("c2", "6", False))
    assert (wrong[0], wrong[2]) == ("c1", True)
    assert "JSON" in wrong[1]


@pytest.mark.parametrize("reason", WRONG)
def test_fail(server: ServerFactory, model: ModelFactory, way: Way, reason: str) -> None:
    """`UnknownToolCall`, also for malformed arguments; no tool ran, every call has an answer."""
    ended = run(server, model, way, reason, recovering(Fail()))
    assert isinstance(ended.error, UnknownToolCall)
    assert repr(WRONG[reason][0]) in str(ended.error)
    assert ran == []
    assert [one[:2] for one in results(ended.history)] == [(f"c{n}", NOT_RUN) for n in range(3)]


@pytest.mark.parametrize("reason", WRONG)
def test_feedback(server: ServerFactory, model: ModelFactory, way: Way, reason: str) -> None:
    """The whole answer is rejected and kept, the model reads why, and is asked again."""
    ended = run(server, model, way, reason, recovering(Feedback("Only add.")))
    assert ended.reply == "Done."
    assert ran == []
    assert results(ended.history) == [(f"c{number}", REJECTED, True) for number in range(3)]
    assert ended.history[2].content[-1] == Text("Only add.")
    assert ended.final is not None
    assert ended.final.usage.total_tokens == 2 * TOKENS
    assert not any(isinstance(item, (StreamUserItem, ToolExecutionStarted)) for item in ended.items)
    assert (ModelTurnRetried(1) in ended.items) is way.streamed


@pytest.mark.parametrize("reason", WRONG)
def test_repair(server: ServerFactory, model: ModelFactory, way: Way, reason: str) -> None:
    """The call runs as corrected, in its place, and the history has the correction."""
    repair = recovering(Repair("add", {"a": 2, "b": 2}))
    ended = run(server, model, way, reason, repair)
    assert ended.reply == "Done."
    assert ran == [(1, 1), (2, 2), (3, 3)]
    assert [text for _, text, _ in results(ended.history)] == ["2", "4", "6"]
    assert [(one.id, one.name, one.malformed) for one in made(ended)] == [
        (f"c{number}", "add", None) for number in range(3)
    ]
    assert made(ended)[1].arguments == {"a": 2, "b": 2}
    started = [one.tool_call for one in ended.items if isinstance(one, ToolExecutionStarted)]
    assert [(one.id, one.name) for one in started] == (
        [(f"c{number}", "add") for number in range(3)] if way.streamed else []
    )


def test_repair_of_the_name_alone(server: ServerFactory, model: ModelFactory, way: Way) -> None:
    """The model's own arguments stay."""
    ended = run(server, model, way, "unknown", recovering(Repair("add")))
    assert ran == [(1, 1), (1, 2), (3, 3)]
    assert made(ended)[1].arguments == {"a": 1, "b": 2}


def test_repair_that_leaves_it_malformed(
    server: ServerFactory, model: ModelFactory, way: Way
) -> None:
    """Without arguments nothing is mended: the model is told."""
    ended = run(server, model, way, "malformed", recovering(Repair("add")))
    assert ran == [(1, 1), (3, 3)]
    assert [is_error for _, _, is_error in results(ended.history)] == [False, True, False]


@pytest.mark.parametrize("name", ["multiply", "erase"])
def test_repair_to_what_is_not_offered(
    server: ServerFactory, model: ModelFactory, way: Way, name: str
) -> None:
    """The hook's mistake ends the run, and says what was offered."""
    ended = run(server, model, way, "unknown", recovering(Repair(name)))
    assert isinstance(ended.error, HookFailed)
    assert str(ended.error) == f"a hook repaired 'subtract' to {name!r}; offered are: add"
    assert ran == []
    assert ended.history[0] == user("Go.")


@pytest.mark.parametrize("reason", WRONG)
def test_skip(server: ServerFactory, model: ModelFactory, way: Way, reason: str) -> None:
    """This call alone is answered, the others run; results keep the order of the calls."""
    asked: list[str] = []

    @hook.on_tool_call
    def note(context: HookContext, event: ToolCallEvent) -> None:
        asked.append(event.call.id)

    ended = run(server, model, way, reason, recovering(Skip("Leave it.")), note)
    assert ended.reply == "Done."
    assert ran == [(1, 1), (3, 3)]
    assert [one[:2] for one in results(ended.history)] == [
        ("c0", "2"),
        ("c1", "Leave it."),
        ("c2", "6"),
    ]
    assert asked == ["c0", "c2"]
    shown = [item.content.id for item in ended.items if isinstance(item, StreamUserItem)]
    assert shown == (["c0", "c1", "c2"] if way.streamed else [])


@pytest.mark.parametrize("reason", WRONG)
def test_stop(server: ServerFactory, model: ModelFactory, way: Way, reason: str) -> None:
    """The run ends with the hook's reason; no tool ran."""
    ended = run(server, model, way, reason, recovering(Stop("enough")))
    assert isinstance(ended.error, PromptCancelled)
    assert ended.error.reason == "enough"
    assert ran == []
    assert results(ended.history) == [(f"c{number}", NOT_RUN, True) for number in range(3)]


def test_the_first_decision_wins(server: ServerFactory, model: ModelFactory, way: Way) -> None:
    """A hook that does not decide leaves it to the next."""
    hooks = [recovering(one) for one in (None, Skip("One."), Skip("Two."))]
    ended = run(server, model, way, "unknown", *hooks)
    assert results(ended.history)[1][1] == "One."


def test_all_of_them_wrong(server: ServerFactory, model: ModelFactory, way: Way) -> None:
    """Each is decided by itself, in order; a batch of which nothing runs goes back all the same."""
    told: list[str] = []

    @hook.on_invalid_tool_call
    def decide(context: HookContext, event: InvalidToolCall) -> Skip | Repair | None:
        told.append(event.call.id)
        if event.reason == "malformed":
            return None
        return Skip(event.reason)

    served = server(calls(*WRONG.values()), says("Done."))
    ended = way(Agent(model(served), tools=[add, erase], hooks=[only_add, decide]))
    assert ended.reply == "Done."
    assert ran == []
    texts = [text for _, text, _ in results(ended.history)]
    assert texts[:2] == ["unknown", "not offered"]
    assert told == ["c0", "c1", "c2"]
    assert len(texts) == 3


def test_a_model_that_never_learns(server: ServerFactory, model: ModelFactory, way: Way) -> None:
    """Feedback costs a turn each time, and has an end."""
    served = server(calls(WRONG["unknown"]))
    agent = Agent(model(served), tools=[add], hooks=[recovering(Feedback("Only add."))])
    ended = way(agent, max_turns=3)
    assert "after 3 model calls" in str(ended.error)
    assert len(served.requests) == 3


@pytest.mark.parametrize("reason", WRONG)
@pytest.mark.parametrize(
    "action",
    [None, Fail(), Feedback("Only add."), Repair("add", {"a": 2, "b": 2}), Skip("No."), Stop("x")],
    ids=lambda action: type(action).__name__,
)
def test_both_ways_end_equal(
    server: ServerFactory,
    model: ModelFactory,
    reason: str,
    action: Fail | Feedback | Repair | Skip | Stop | None,
) -> None:
    """Streamed and one-shot: equal histories, answers and errors."""
    ends = [run(server, model, way, reason, recovering(action)) for way in WAYS]
    streamed, whole = [(one.history, one.final, repr(one.error)) for one in ends]
    assert streamed == whole
