"""The run as data: what it asks for at each step, and that it survives JSON there."""

from __future__ import annotations

import operator
import pickle
import re
from collections.abc import Callable

import msgspec
import pytest

from rig_sync import (
    AgentRun,
    AssistantMessage,
    CallModel,
    CallTools,
    CompletionResponse,
    ConfigError,
    Done,
    FinishReason,
    MaxTurnsExceeded,
    Message,
    PromptError,
    Text,
    ToolCall,
    ToolResult,
    Usage,
    UserMessage,
    assistant,
    dump_run,
    load_run,
    user,
)
from rig_sync.agent.steps import INTERRUPTED, Step

CALL = ToolCall("c1", "add", {"a": 1})
OTHER = ToolCall("c2", "sub", {"a": 2})
RESULT = ToolResult("c1", (Text("2"),), "add")


def again(run: AgentRun) -> AgentRun:
    """The same run, by way of JSON."""
    return msgspec.json.decode(msgspec.json.encode(run), type=AgentRun)


def said(*content: Text | ToolCall, finish: str = "stop", tokens: int = 1) -> CompletionResponse:
    reason = FinishReason("length" if finish == "length" else "stop", finish)
    return CompletionResponse(AssistantMessage(content), Usage(output_tokens=tokens), reason)


def test_a_run_with_a_tool_goes_through_its_steps() -> None:
    """Model, tools, model, done; equal after JSON at every step."""
    run = AgentRun([user("What is 1 + 1?")], max_turns=3)
    assert run.next_step() == CallModel(1, (user("What is 1 + 1?"),))
    run = again(run)
    run.model_turn(said(Text("Let me see."), CALL, tokens=5))
    assert again(run).next_step() == run.next_step() == CallTools(1, (CALL,))
    run = again(run)
    run.tool_results([RESULT])
    step = run.next_step()
    assert isinstance(step, CallModel)
    assert (step.turn, step.messages[-1]) == (2, UserMessage((RESULT,)))
    run = again(run)
    run.model_turn(said(Text("Two."), tokens=2))
    done = run.next_step()
    assert isinstance(done, Done)
    assert done.response.output == "Two."
    assert done.response.usage == Usage(output_tokens=7)
    assert [call.turn for call in done.response.completion_calls] == [1, 2]
    assert done.response.messages == tuple(run.messages)


def test_max_turns_counts_model_calls() -> None:
    """One call is made; the next is one too many, and the message says what to raise."""
    run = AgentRun([user("Hi")], max_turns=1)
    run.model_turn(said(CALL))
    run.tool_results([RESULT])
    with pytest.raises(MaxTurnsExceeded, match=r"no answer after 1 model calls.*max_turns=1"):
        run.next_step()


def test_tokens_used_up_before_a_word() -> None:
    """A length finish without words and calls is no answer."""
    run = AgentRun([user("Hi")], max_turns=1)
    with pytest.raises(PromptError, match="raise max_tokens"):
        run.model_turn(said(finish="length"))


@pytest.mark.parametrize(
    ("started", "texts"),
    [
        ([], ["not run", "not run"]),
        (["c1"], ["may have run", "not run"]),
        (["c1", "c2"], ["may have run", "may have run"]),
    ],
)
def test_an_interrupted_batch_is_answered(started: list[str], texts: list[str]) -> None:
    """Every call that nobody answered gets a result that says whether it may have run."""
    run = AgentRun([user("Hi")], max_turns=3)
    run.model_turn(said(CALL, OTHER))
    for call in (CALL, OTHER):
        if call.id in started:
            run.tool_started(call)
    last = run.interrupted()[-1]
    assert isinstance(last, UserMessage)
    results = [part for part in last.content if isinstance(part, ToolResult)]
    assert [result.id for result in results] == ["c1", "c2"]
    assert all(text in result.text for text, result in zip(texts, results, strict=True))
    assert all(result.is_error for result in results)


@pytest.mark.parametrize(
    ("partial", "after"),
    [
        (None, ()),
        (AssistantMessage(), ()),
        (assistant("Once upon"), (assistant("Once upon"),)),
    ],
)
def test_an_interrupted_turn_keeps_what_was_said(
    partial: AssistantMessage | None, after: tuple[Message, ...]
) -> None:
    """The partial message is in the history, unless it says nothing."""
    run = AgentRun([user("Hi")], max_turns=3)
    assert run.interrupted(partial) == (user("Hi"), *after)


# every step, by way of JSON ------------------------------------------------------------------

THIRD = ToolCall("c3", "pay", {"a": 3})
Told = Callable[[AgentRun], object]


def tells(name: str, *args: object, **options: object) -> Told:
    """What calls the run's method of that name."""

    def tell(run: AgentRun) -> object:
        return operator.methodcaller(name, *args, **options)(run)

    return tell


def result(call: ToolCall, text: str = "ok", *, is_error: bool = False) -> ToolResult:
    return ToolResult(call.id, (Text(text),), call.name, is_error)


START = tells("model_turn", said(CALL, OTHER))
STEPS: dict[str, tuple[list[Told], Step | type[Step]]] = {
    "a new run": ([], CallModel(1, (user("Hi"),))),
    "answered": ([tells("model_turn", said(Text("Yes.")))], Done),
    "calls": ([START], CallTools(1, (CALL, OTHER))),
    "one has started": ([START, tells("tool_started", CALL)], CallTools(1, (OTHER,))),
    "one has its result": ([START, tells("tool_results", [RESULT])], CallTools(1, (OTHER,))),
    "one told, not committed": (
        [START, tells("tool_result", RESULT), tells("tool_result", result(OTHER))],
        CallTools(1),
    ),
    "both, backwards": (
        [START, tells("tool_results", [result(OTHER)]), tells("tool_results", [RESULT])],
        CallModel(
            2, (user("Hi"), assistant(CALL, OTHER), UserMessage((RESULT, result(OTHER, "ok"))))
        ),
    ),
    "one is held": ([START, tells("hold", CALL, "approval")], CallTools(1, (OTHER,), (CALL,))),
    "both are held": (
        [START, tells("hold", CALL, "approval"), tells("hold", OTHER, "deferred")],
        CallTools(1, (), (CALL, OTHER)),
    ),
    "approved": (
        [START, tells("hold", OTHER, "approval"), tells("approve", "c2")],
        CallTools(1, (CALL, OTHER)),
    ),
    "approved, but otherwise": (
        [START, tells("hold", CALL, "approval"), tells("approve", "c1", {"a": 9})],
        CallTools(1, (ToolCall("c1", "add", {"a": 9}), OTHER)),
    ),
    "denied": (
        [START, tells("hold", CALL, "approval"), tells("deny", "c1", "No.")],
        CallTools(1, (OTHER,)),
    ),
    "answered from elsewhere": (
        [START, tells("hold", CALL, "deferred"), tells("answer_call", "c1", {"sum": 2})],
        CallTools(1, (OTHER,)),
    ),
    "to be tried again": (
        [tells("retry_turn", said(Text("Eh.")))],
        CallModel(2, (user("Hi"),)),
    ),
    "to be tried again, with words": (
        [tells("retry_turn", said(Text("Eh.")), "Speak up.")],
        CallModel(2, (user("Hi"), assistant("Eh."), user("Speak up."))),
    ),
    "a typed answer": ([tells("finish", said(Text("{}")), "{}")], Done),
    "a typed answer by a tool": ([tells("finish", said(CALL), "{}", "c1")], Done),
    "a typed answer that does not fit": (
        [tells("retry_answer", said(Text("{}")), "No.")],
        CallModel(2, (user("Hi"), assistant("{}"), user("No."))),
    ),
    "such a one by a tool, beside a call": (
        [tells("retry_answer", said(CALL, OTHER), "No.", "c1")],
        CallTools(1, (OTHER,)),
    ),
}


def carried(run: AgentRun, way: str) -> AgentRun:
    """The same run, by one of the ways that it can be kept."""
    copy: AgentRun = load_run(dump_run(run)) if way == "json" else pickle.loads(pickle.dumps(run))
    assert copy == run
    return copy


@pytest.mark.parametrize("way", ["json", "pickle"])
@pytest.mark.parametrize("name", STEPS)
def test_every_step_is_kept(name: str, way: str) -> None:
    """After each thing told, the run is carried away; it asks for the same, however often."""
    told, expected = STEPS[name]
    here = AgentRun([user("Hi")], 5, id="r1", output_retries=1)
    there = carried(here, way)
    for tell in told:
        tell(here)
        tell(there)
        there = carried(there, way)
        assert there == here
    step = there.next_step()
    assert step == there.next_step() == here.next_step()
    assert step == expected if not isinstance(expected, type) else isinstance(step, expected)


def held() -> AgentRun:
    """A run with a call to approve, a deferred one, and one that has started."""
    run = AgentRun([user("Hi")], 5)
    run.model_turn(said(CALL, OTHER, THIRD))
    run.hold(CALL, "approval")
    run.hold(OTHER, "deferred")
    run.tool_started(THIRD)
    return run


CALLS_OF_HELD = re.escape("'c1' (approval), 'c2' (deferred), 'c3' (started)")


@pytest.mark.parametrize(
    "tell",
    [
        tells("approve", "c9"),
        tells("approve", "c2"),
        tells("approve", "c3"),
        tells("deny", "c9"),
        tells("deny", "c2", "No."),
        tells("answer_call", "c9", "2"),
        tells("answer_call", "c3", "2"),
        tells("tool_started", OTHER),
        tells("tool_result", ToolResult("c9", ())),
        tells("hold", CALL, "deferred"),
    ],
)
def test_what_cannot_be_told(tell: Told) -> None:
    """The error names the calls there are with their states, and the run stays as it was."""
    run = held()
    with pytest.raises(ConfigError, match=CALLS_OF_HELD):
        tell(run)
    assert run == held()


@pytest.mark.parametrize(
    ("once", "late"),
    [
        (tells("approve", "c1"), tells("approve", "c1")),
        (tells("approve", "c1"), tells("deny", "c1")),
        (tells("deny", "c1"), tells("approve", "c1")),
        (tells("deny", "c1"), tells("answer_call", "c1", "2")),
        (tells("answer_call", "c2", "2"), tells("answer_call", "c2", "4")),
    ],
)
def test_nothing_is_decided_twice(once: Told, late: Told) -> None:
    """The second word comes too late."""
    run = held()
    once(run)
    with pytest.raises(ConfigError, match="the calls of its turn are"):
        late(run)


def test_a_run_without_calls_says_so() -> None:
    """There is nothing to approve."""
    with pytest.raises(ConfigError, match="the calls of its turn are: none"):
        AgentRun([user("Hi")], 5).approve("c1")


def test_a_run_without_messages() -> None:
    """It asks for the model, which refuses to be asked nothing; there is no answer yet."""
    run = AgentRun([], 5)
    assert run.next_step() == CallModel(1, ())
    assert run.response().output == ""


def test_arguments_to_approve_are_an_object() -> None:
    """Anything else is refused before the tool could see it."""
    run = held()
    with pytest.raises(ConfigError, match="a dict"):
        run.approve("c1", "all of it")  # type: ignore[arg-type] # the fault
    assert run == held()


def test_what_has_started_is_given_up_once() -> None:
    """Its result is unknown, that of the others is not touched; it counts as no failure."""
    run = held()
    run.give_up_started()
    run.give_up_started()
    states = {one.call.id: one.state for one in run.batch}
    assert states == {"c1": "approval", "c2": "deferred", "c3": "answered"}
    assert run.batch[2].settled.text == INTERRUPTED
    run.approve("c1")
    run.tool_started(CALL)
    run.tool_result(RESULT)
    run.answer_call("c2", "4")
    assert run.tool_results(())
    assert run.failures == {}
    last = run.messages[-1]
    assert isinstance(last, UserMessage)
    assert [part.id for part in last.content if isinstance(part, ToolResult)] == ["c1", "c2", "c3"]


@pytest.mark.parametrize(
    ("turns", "failures"),
    [
        (["x"], {"add": 1}),
        (["x", "x"], {"add": 2}),
        (["xx"], {"add": 1}),
        (["x", "."], {}),
        (["x", ".", "x"], {"add": 1}),
        (["x", "x."], {}),
        (["x", ".x"], {}),
        (["x", "-"], {"add": 1}),
    ],
)
@pytest.mark.parametrize("backwards", [False, True])
def test_failures_are_counted_by_turn(
    turns: list[str], failures: dict[str, int], backwards: bool
) -> None:
    """The model can mend a call in the next turn alone; what did not run (-) says nothing."""
    run = AgentRun([user("Hi")], 9)
    for turn in turns:
        calls = [ToolCall(f"c{number}", "add") for number in range(len(turn))]
        run.model_turn(said(*calls))
        pairs = list(zip(calls, turn, strict=True))
        for call, kind in pairs:
            if kind != "-":
                run.tool_started(call)
        for call, kind in pairs[::-1] if backwards else pairs:
            run.tool_result(result(call, is_error=kind != "."))
        run.tool_results(())
    assert run.failures == failures
