"""Gemini's interactions: a request and an answer as lists of steps.

Source: https://ai.google.dev/api/interactions-api. What only Google understands (searches, code
that it ran) is kept whole as a `ProviderBlock`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar

import msgspec
from msgspec import Struct

from rig_sync._json import Json, JsonObject, parse_object
from rig_sync.completion import CompletionRequest, FinishKind, FinishReason, Usage
from rig_sync.errors import ProviderError
from rig_sync.message import Text
from rig_sync.streaming.items import Unknown
from rig_sync.streaming.raw import Defect, End, Failed, Finish, Meta, RawEvent, UsageReport
from rig_sync.wire.base import (
    UNREADABLE,
    Adapt,
    Frame,
    FramingName,
    adapted,
    count,
    object_in,
    whole_body,
    word_in,
)
from rig_sync.wire.errors import error_from_body, error_from_payload
from rig_sync.wire.gemini_interactions_request import NAME, encode_request
from rig_sync.wire.gemini_interactions_step import Delta, Steps
from rig_sync.wire.reading import is_plain_error, salvaged_or_silent

__all__ = ["GeminiInteractions", "usage_of"]

_OVER: dict[str, FinishKind] = {
    "completed": "stop",
    "requires_action": "tool_calls",
    "incomplete": "length",  # of which the token limit is the documented case
    "budget_exceeded": "length",
    "cancelled": "other",
    "failed": "other",
}
"""The statuses of an interaction that does not go on."""


class _Event(Struct):
    """The fields of all events that are read; each event has some of them."""

    event_type: str = ""
    index: int | None = None
    step: JsonObject | None = None
    delta: Delta | None = None
    interaction: JsonObject | None = None
    metadata: JsonObject | None = None
    error: object = None


_decode_event = msgspec.json.Decoder(_Event).decode


class GeminiInteractions(Struct, frozen=True):
    """The interactions wire.

    Every request carries the whole history. To go on from what the server stored instead, give
    the new messages alone and `{"previous_interaction_id": response.ids.response}` as
    `additional_params`.

    Attributes:
        route: What follows the base URL.
        adapt: What else the server wants otherwise in a request.
    """

    framing: ClassVar[FramingName] = "sse"

    route: str = "/v1beta/interactions"
    adapt: Adapt | None = None

    @property
    def name(self) -> str:
        """The module's name."""
        return NAME

    def path(self, request: CompletionRequest, *, stream: bool) -> str:
        """The same for every model; a stream is asked for as server-sent events."""
        del request
        return f"{self.route}?alt=sse" if stream else self.route

    def encode(self, request: CompletionRequest, *, stream: bool) -> JsonObject:
        """The body of the request; `additional_params` win."""
        body = encode_request(request)
        body["stream"] = stream
        return adapted(body, request, self.adapt)

    def decode_stream(self, frames: Iterable[Frame]) -> Iterator[RawEvent]:
        """Raw events of a stream; over when the interaction is, or at `[DONE]`."""
        event: _Event | None
        state = _Decoding()
        for frame in frames:
            data = frame.data
            defects: Sequence[Defect] = ()
            try:
                event = _decode_event(data)
            except UNREADABLE as error:
                if data.strip() == "[DONE]":
                    yield from state.done()
                    return
                if is_plain_error(frame):
                    yield Failed(error_from_body(data, 200))
                    return
                event, defects = salvaged_or_silent(data, _Event, error)
                yield from defects
                if event is None:
                    continue
            words = _words_alone(event)
            if words is not None and state.steps.speaks(event.index):
                yield Text(words)
                continue
            yield from state.handle(event, data, frame.event, sound=not defects)
            if state.over:
                return

    def decode_body(self, body: bytes) -> Iterator[RawEvent]:
        """Raw events of a whole answer."""
        payload = whole_body(body, "steps", "outputs", "status", "usage")
        state = _Decoding()
        if payload.get("error") and not payload.get("status"):
            yield Failed(error_from_payload(payload, 200))
            return
        steps = payload.get("steps")
        for index, step in enumerate(steps if isinstance(steps, list) else []):
            if isinstance(step, dict):
                yield from state.steps.start(index, step)
                yield from state.steps.stop(index)
        yield from state.end(payload)

    def decode_error(self, body: str, status: int | None) -> ProviderError:
        """Google's `{"error": {"code", "message", "status"}}`."""
        return error_from_body(body, status)


class _Decoding:
    """What has to be remembered from event to event.

    Attributes:
        over: The interaction has come to its end, or an error has come.
    """

    def __init__(self) -> None:
        self.over = False
        self.steps = Steps()

    def handle(self, event: _Event, data: str, name: str, *, sound: bool) -> Iterator[RawEvent]:
        """One event that is no piece of text; one that is not `sound` has been told already."""
        kind = event.event_type
        yield from self.report(event.metadata)
        if kind == "step.start":
            yield from self.steps.start(event.index, event.step or {})
        elif kind == "step.delta":
            if event.delta is not None:
                payload = object_in(parse_object(data), "delta")
                yield from self.steps.delta(event.index, event.delta, payload)
        elif kind == "step.stop":
            yield from self.steps.stop(event.index)
        elif event.error or "error" in (kind, name):
            self.over = True
            yield Failed(error_from_payload(parse_object(data) or {}, 200))
        elif event.interaction is not None:
            if word_in(event.interaction, "status") in _OVER:
                yield from self.end(event.interaction)
            else:
                yield _meta(event.interaction)
        elif sound and kind not in ("interaction.status_update", "done"):
            unknown = parse_object(data)
            if unknown:
                yield Unknown(kind or "unknown", unknown)

    def report(self, metadata: JsonObject | None) -> Iterator[RawEvent]:
        """The usage so far, where an event tells it."""
        usage = usage_of(object_in(metadata, "usage"))
        if usage:
            yield UsageReport(usage)

    def done(self) -> Iterator[RawEvent]:
        """The stream ends in order, though the interaction's own end was not told."""
        yield from self.steps.stop_all()
        yield End()

    def end(self, interaction: JsonObject) -> Iterator[RawEvent]:
        """The whole object: a one-shot answer, or the end of a stream."""
        self.over = True
        yield from self.steps.stop_all()
        yield _meta(interaction)
        usage = usage_of(object_in(interaction, "usage"))
        if usage:
            yield UsageReport(usage)
        status = interaction.get("status")
        if isinstance(status, str):
            yield Finish(FinishReason(_OVER.get(status, "other"), status))
        if status == "failed":
            error = interaction.get("error")
            yield Failed(error_from_payload({"error": error} if error else interaction, 200))
        else:
            yield End(interaction)


def _words_alone(event: _Event) -> str | None:
    """The text of an event that has nothing else, as nearly all: the short way past the rest."""
    delta = event.delta
    if delta is None or delta.type != "text" or event.event_type != "step.delta":
        return None
    if delta.annotations or event.metadata:
        return None
    return delta.text or None


def usage_of(fields: JsonObject) -> Usage:
    """Usage as Gemini counts it; its output is without the thoughts, ours is with them.

    >>> usage_of({"total_output_tokens": 2, "total_thought_tokens": 40}).output_tokens
    42
    """
    output = count(fields, "total_output_tokens")
    thought = count(fields, "total_thought_tokens")
    return Usage(
        input_tokens=count(fields, "total_input_tokens"),
        output_tokens=None
        if output is None and thought is None
        else (output or 0) + (thought or 0),
        total_tokens=count(fields, "total_tokens"),
        cached_input_tokens=count(fields, "total_cached_tokens"),
        reasoning_tokens=thought,
    )


def _meta(interaction: JsonObject) -> Meta:
    def word(value: Json) -> str | None:
        return value if isinstance(value, str) else None

    return Meta(response_id=word(interaction.get("id")), model=word(interaction.get("model")))
