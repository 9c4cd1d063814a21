"""A run that is saved and loaded on the way ends as if it had not been."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rig_sync.agent.items import CompletionCall, FinalResponse
from rig_sync.agent.options import RunOptions
from rig_sync.agent.output import OutputMode
from rig_sync.agent.run import AgentRun, dump_run, load_run
from rig_sync.agent.steps import CallModel, CallTools, Done, failed
from rig_sync.completion import CompletionResponse, Usage
from rig_sync.errors import MaxTurnsExceeded, PromptError, RigError
from rig_sync.message import AssistantMessage, Text, ToolCall, ToolResult, user
from tests.agent.properties import examples
from tests.agent.properties.answers import RETRIES, Entry, typed_scripts
from tests.agent.properties.scripts import HELD, Call, Script, Turn, scripts
from tests.agent.properties.speakers import SPEAKERS
from tests.agent.properties.stage import (
    Log,
    Place,
    Stage,
    Steering,
    normal,
    places,
    read,
    settle,
    staged,
)

Keep = Callable[[AgentRun], AgentRun]

SKIPPED = Script((Turn(calls=(Call("gone", "{}"),)), Turn(words=("Done.",))))
"""A hook answers the call before its turn is over."""


# over the wire -------------------------------------------------------------------------------


class Ending(msgspec.Struct):
    """How a run went on, over all its streams.

    Attributes:
        interrupted: A tool had begun when the run was left.
    """

    log: Log
    final: FinalResponse | None = None
    error: str = ""
    interrupted: bool = False

    @property
    def said(self) -> tuple[bytes, str]:
        """The response and the failure."""
        return normal(msgspec.json.encode(self.final)), self.error


def driven(stage: Stage, script: Script, leave_at: list[Place], concurrency: int) -> Ending:
    """The end of the run, which at those places is left, saved, loaded and gone on with."""
    log = stage.set(script)
    ending = Ending(log)
    options: RunOptions = {
        "hooks": [Steering(log)],
        "deps": log,
        "max_turns": script.max_turns,
        "live_results": script.live_results,
        "tool_concurrency": concurrency,
    }
    stream, left = stage.agent.stream_prompt("Go.", **options), list(leave_at)
    try:
        while read(stream, left.pop(0) if left else None) or stream.run.pending:
            stream.close()
            ending.interrupted |= any(one.state == "started" for one in stream.run.batch)
            settle(stream.run)
            run = load_run(dump_run(stream.run))
            assert run == stream.run
            stage.at = run.turn
            stream = stage.agent.stream_resume(run, **options)
    except RigError as error:
        ending.error = f"{type(error).__name__}: {error}"
    ending.final = stream.final
    return ending


@pytest.mark.parametrize("wire", SPEAKERS)
def test_a_run_that_is_saved_at_any_item_ends_equal(wire: str) -> None:
    """The same end, unless a tool had begun: that one does not run again, the model is told."""
    speaker = SPEAKERS[wire]
    with staged(speaker) as stage:

        @examples(30)
        @given(
            scripts(malformed=speaker.malformed, without=("ghost",)),
            st.lists(places, min_size=1, max_size=3),
            st.sampled_from((1, 1, 3)),
        )
        @example(SKIPPED, [Place(CompletionCall, 0)], 1)
        def hold(script: Script, leave_at: list[Place], concurrency: int) -> None:
            left = driven(stage, script, leave_at, concurrency)
            calls = [(turn, call_id) for _, turn, call_id, _ in left.log.ran]
            assert len(set(calls)) == len(calls)
            if not left.interrupted:
                whole = driven(stage, script, [], concurrency)
                assert left.said == whole.said
                assert sorted(left.log.executions) == sorted(whole.log.executions)

        hold()


@pytest.mark.parametrize("mode", get_args(OutputMode))
def test_a_typed_run_that_is_saved_at_any_item_ends_equal(mode: OutputMode) -> None:
    """It has the retries that were left, and the same answer."""
    with staged(SPEAKERS["openai_chat"]) as stage:

        def answered(script: Script, leave_at: list[Place]) -> bytes:
            stage.set(script)
            prompt: str | AgentRun = "Go."
            for place in (*leave_at, None):
                stream = stage.bare.stream_typed(
                    Entry, prompt, output_mode=mode, output_retries=RETRIES
                )
                if not read(stream, place):
                    break
                stream.close()
                prompt = load_run(dump_run(stream.run))
                stage.at = prompt.turn
            return normal(msgspec.json.encode(stream.final))

        @examples(15)
        @given(typed_scripts(mode), st.lists(places, min_size=1, max_size=3))
        def hold(script: Script, leave_at: list[Place]) -> None:
            final = answered(script, leave_at)
            assert final != b"null"
            assert final == answered(script, [])

        hold()


# by hand -------------------------------------------------------------------------------------


def by_hand(script: Script, keep: Keep) -> tuple[AgentRun, str]:
    """The run after the script, told step by step, and kept after everything it is told."""
    run = AgentRun([user("Go.")], script.max_turns, output_retries=1)
    try:
        while True:
            run = keep(run)
            match run.next_step():
                case CallModel():
                    answer(run, script.turns[run.turn])
                case CallTools(calls=(), waiting=waiting) if waiting:
                    settle(run)
                case CallTools(calls=calls):
                    run = tools_run(run, calls, keep)
                case Done():
                    return keep(run), ""
    except (MaxTurnsExceeded, PromptError) as error:
        return keep(run), str(error)


def answer(run: AgentRun, turn: Turn) -> None:
    """Tell the run what the model says, and what a hook would have made of it."""
    calls = tuple(
        ToolCall(id or f"made_{run.turn}_{number}", call.name, call.value)
        for number, (id, call) in enumerate(turn.named_calls)
    )
    message = AssistantMessage((*map(Text, turn.words), *calls))
    response = CompletionResponse(message, Usage(3, 2))
    if turn.text.startswith("REPEAT"):
        run.retry_turn(response)
    elif turn.text.startswith("FEEDBACK"):
        run.retry_turn(response, "Say it better.")
    elif calls and calls[0].name == "lost" and run.output_retries:
        run.retry_answer(response, "Too small.", calls[0].id)
    elif calls and calls[0].name == "ghost":
        run.finish(response, '{"n": 1}', calls[0].id)
    else:
        run.model_turn(response)


def tools_run(run: AgentRun, calls: tuple[ToolCall, ...], keep: Keep) -> AgentRun:
    """Hold the calls of some tools, run the others; some of them fail."""
    waiting = {one.call.id for one in run.batch if one.state == "ready"}
    for call in calls:
        if call.name in HELD and call.id in waiting:
            run.hold(call, "deferred" if call.name == "deferred" else "approval")
        else:
            run.tool_started(call)
            run = keep(run)
            good = ToolResult(call.id, (Text("done"),), call.name)
            run.tool_result(failed(call, "no") if call.name in ("broken", "limited") else good)
        run = keep(run)
    run.tool_results(())
    return run


def through_json(run: AgentRun) -> AgentRun:
    """The run, saved and loaded."""
    loaded = load_run(dump_run(run))
    assert loaded == run
    assert loaded.interrupted() == run.interrupted()
    return loaded


@examples(60)
@given(scripts())
def test_a_run_goes_to_json_and_back_after_whatever_it_was_told(script: Script) -> None:
    """Driven by hand, with and without the round trips, it ends equal."""
    assert by_hand(script, through_json) == by_hand(script, lambda run: run)
