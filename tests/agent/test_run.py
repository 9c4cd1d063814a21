"""The run as data: what it asks for at each step, and that it survives JSON there."""

from __future__ import annotations

import msgspec
import pytest

from rig_sync import (
    AgentRun,
    AssistantMessage,
    CompletionResponse,
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
    user,
)
from rig_sync.agent.run import CallModel, CallTools, Done

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
    run.started += started
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
