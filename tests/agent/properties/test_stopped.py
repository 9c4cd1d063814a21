"""Wherever a run is stopped, and however: its history can be gone on with, over every wire."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Literal, TypeAlias, cast, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig_sync._json import JsonObject, parse_object, to_json
from rig_sync.agent.actions import Stop
from rig_sync.agent.events import HookContext
from rig_sync.agent.hooks import hook
from rig_sync.completion import CompletionRequest
from rig_sync.errors import RigError
from rig_sync.message import (
    AssistantMessage,
    Message,
    ToolResult,
    UserMessage,
    dump_messages,
    load_messages,
    user,
)
from tests.agent.properties import examples
from tests.agent.properties.scripts import Script, Turn, scripts
from tests.agent.properties.speakers import SPEAKERS
from tests.agent.properties.stage import Place, Stage, Steering, places, read, staged
from tests.wire.conformance.scenarios import suite, wires

How: TypeAlias = Literal["cancel", "close", "stop", "delta", "interrupt"]
"""By the consumer: `cancel`, `close`; by a hook: at an event, at a delta; by Ctrl-C in a tool."""

ALTERNATING = {
    "anthropic_messages": "messages",
    "bedrock_converse": "messages",
    "gemini_generate": "contents",
}
"""Wires whose providers want the roles in turn, and where in the request they stand."""

WIRES = {name: suite(name).WIRE for name in wires()}


def impatient(stop_at: int) -> list[object]:
    """Hooks that stop the run at the delta of that number."""
    numbers = itertools.count()

    def count(_context: HookContext, _event: object) -> Stop | None:
        return Stop("enough") if next(numbers) == stop_at else None

    return [
        hook.on_text_delta(count),
        hook.on_reasoning_delta(count),
        hook.on_tool_call_delta(count),
    ]


def stopped(
    stage: Stage, script: Script, how: How, place: Place, concurrency: int
) -> tuple[Message, ...]:
    """The history of a run that is stopped there; or at the hook's event, the tool of a number."""
    log = stage.set(script)
    log.interrupt_at = place.number if how == "interrupt" else None
    steering = Steering(log, stop_at=place.number * 3 if how == "stop" else None)
    stream = stage.agent.stream_prompt(
        "Go.",
        hooks=[steering, *(impatient(place.number * 3) if how == "delta" else ())],
        deps=log,
        max_turns=script.max_turns,
        live_results=script.live_results,
        tool_concurrency=concurrency,
    )
    failure: RigError | None = None
    try:
        if read(stream, place if how in ("cancel", "close") else None):
            (stream.cancel if how == "cancel" else stream.close)()
            assert how == "close" or list(stream) == []
    except KeyboardInterrupt:
        stream.close()
    except RigError as error:
        failure = error
    assert failure is None or failure.history == stream.messages
    assert stream.response.messages == stream.messages
    return stream.messages


def check_history(history: Sequence[Message]) -> None:
    """Every call has one result, right behind it, in order; the roles take turns."""
    assert isinstance(history[0], UserMessage)
    results: list[str] = []
    for message, following in zip(history, (*history[1:], user("Go on.")), strict=True):
        if isinstance(message, AssistantMessage):
            assert message.content
            assert isinstance(following, UserMessage)
            results = [part.id for part in following.content if isinstance(part, ToolResult)]
            assert results == [call.id for call in message.tool_calls]
        elif isinstance(message, UserMessage):
            found = [part.id for part in message.content if isinstance(part, ToolResult)]
            assert found == results
            assert message.content
            results = []


def check_encoders(history: Sequence[Message]) -> None:
    """Every wire can say it, and its roles take turns where they have to."""
    request = CompletionRequest("m-1", (*history, user("Go on.")), max_tokens=100)
    for name, wire in WIRES.items():
        body = parse_object(to_json(wire.encode(request, stream=True)))
        assert body
        if name in ALTERNATING:
            entries = cast("list[JsonObject]", body[ALTERNATING[name]])
            roles = [entry["role"] for entry in entries]
            assert all(one != other for one, other in itertools.pairwise(roles)), name
            assert all(entry.get("content") or entry.get("parts") for entry in entries)


@pytest.mark.parametrize("wire", SPEAKERS)
def test_a_stopped_run_leaves_a_history_to_go_on_with(wire: str) -> None:
    """Every encoder takes it, every call has its result, it goes to JSON, and the model answers."""
    speaker = SPEAKERS[wire]
    with staged(speaker) as stage:

        @examples(40)
        @given(
            scripts(malformed=speaker.malformed, ends=("stop", "length", "status", "truncated")),
            st.sampled_from(get_args(How)),
            places,
            st.sampled_from((1, 1, 3)),
        )
        def hold(script: Script, how: How, place: Place, concurrency: int) -> None:
            history = stopped(stage, script, how, place, concurrency)
            check_history(history)
            check_encoders(history)
            assert load_messages(dump_messages(history)) == list(history)
            stage.set(Script((Turn(words=("Fine.",)),)))
            assert stage.agent.chat("Go on.", history).output == "Fine."

        hold()
