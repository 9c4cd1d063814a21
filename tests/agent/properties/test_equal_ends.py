"""Streamed or not, by items or folded: a run ends the same."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias, get_args

import msgspec
import pytest
from hypothesis import given

from rig_sync.agent.items import FinalResponse
from rig_sync.agent.options import RunOptions, TypedOptions
from rig_sync.agent.output import OutputMode
from rig_sync.agent.run import AgentRun, RunSuspended
from rig_sync.errors import OutputInvalid, RigError
from rig_sync.message import dump_messages
from tests.agent.properties import examples
from tests.agent.properties.answers import RETRIES, Entry, typed_scripts
from tests.agent.properties.scripts import Script, scripts
from tests.agent.properties.speakers import SPEAKERS
from tests.agent.properties.stage import Stage, Steering, normal, settle, staged

Way: TypeAlias = Literal["items", "folded", "whole"]
"""`stream_prompt`, `prompt(stream=True)`, or `prompt`."""


class Outcome(NamedTuple):
    """All of a run that does not depend on how it was asked for."""

    final: bytes | None
    error: tuple[str, str] | None
    history: bytes
    executions: list[tuple[str, int, int]]
    events: list[tuple[str, int, bytes]]


def outcome(stage: Stage, script: Script, way: Way) -> Outcome:
    """What comes of the script that way; people answer when they are waited for."""
    log = stage.set(script)
    options: RunOptions = {
        "hooks": [Steering(log)],
        "deps": log,
        "max_turns": script.max_turns,
        "live_results": script.live_results,
    }
    final, failure = None, None
    try:
        if way == "items":
            stream = stage.agent.stream_prompt("Go.", **options)
            list(stream)
            while stream.run.pending:
                settle(stream.run)
                stream = stage.agent.stream_resume(stream.run, **options)
                list(stream)
            final = stream.final
        else:
            options["stream"] = way == "folded"
            final = _folded(stage, options)
    except RigError as error:
        failure = error
    history = final.messages if final is not None else getattr(failure, "history", ())
    return Outcome(
        None if final is None else normal(msgspec.json.encode(final)),
        None if failure is None else (type(failure).__name__, str(failure)),
        normal(dump_messages(history)),
        log.executions,
        log.told,
    )


def _folded(stage: Stage, options: RunOptions) -> FinalResponse:
    try:
        return stage.agent.prompt("Go.", **options)
    except RunSuspended as suspended:
        return _resumed(stage, suspended.run, options)


def _resumed(stage: Stage, run: AgentRun, options: RunOptions) -> FinalResponse:
    settle(run)
    try:
        return stage.agent.resume(run, **options)
    except RunSuspended as suspended:
        return _resumed(stage, suspended.run, options)


@pytest.mark.parametrize("wire", SPEAKERS)
def test_streamed_and_one_shot_end_equal(wire: str) -> None:
    """The same response or failure, history, tools with their arguments, and hook events."""
    speaker = SPEAKERS[wire]
    with staged(speaker) as stage:

        @examples(30)
        @given(scripts(malformed=speaker.malformed))
        def hold(script: Script) -> None:
            items, folded, whole = (outcome(stage, script, way) for way in get_args(Way))
            assert items == folded
            assert whole == items

        hold()


@pytest.mark.parametrize("wire", SPEAKERS)
def test_a_stream_that_breaks_off_ends_equal(wire: str) -> None:
    """By items and folded: the same failure, and what was said is in its history."""
    speaker = SPEAKERS[wire]
    with staged(speaker) as stage:

        @examples(15)
        @given(scripts(malformed=speaker.malformed, ends=("truncated",)))
        def hold(script: Script) -> None:
            items, folded = (outcome(stage, script, way) for way in ("items", "folded"))
            assert items == folded

        hold()


def typed_outcome(stage: Stage, script: Script, mode: OutputMode, way: Way) -> Outcome:
    """What comes of a run that has to answer with an `Entry`."""
    log = stage.set(script)
    options: TypedOptions = {"hooks": [Steering(log)], "deps": log}
    options |= {"output_mode": mode, "output_retries": RETRIES}
    entry, failure = None, None
    try:
        if way == "items":
            stream = stage.bare.stream_typed(Entry, "Go.", **options)
            list(stream)
            entry = stream.output
        else:
            options["stream"] = way == "folded"
            entry = stage.bare.prompt_typed(Entry, "Go.", **options)
    except OutputInvalid as error:
        failure = error
    return Outcome(
        repr(entry).encode(),
        None if failure is None else (str(failure), failure.raw),
        normal(dump_messages(() if failure is None else failure.history)),
        log.executions,
        log.told,
    )


@pytest.mark.parametrize("mode", get_args(OutputMode))
@pytest.mark.parametrize("wire", SPEAKERS)
def test_typed_answers_end_equal(wire: str, mode: OutputMode) -> None:
    """The same value after the same retries, or the same failure when there are none left."""
    with staged(SPEAKERS[wire]) as stage:

        @examples(8)
        @given(typed_scripts(mode, spent=True))
        def hold(script: Script) -> None:
            items, folded, whole = (
                typed_outcome(stage, script, mode, way) for way in get_args(Way)
            )
            assert items == folded
            assert whole == items

        hold()
