"""The events of Cohere's chat streams, as the fields that are read of them."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from rig_sync._json import JsonObject
from rig_sync.completion import FinishKind, Usage
from rig_sync.wire.base import count, object_in

__all__ = [
    "FINISH_KINDS",
    "Call",
    "Content",
    "Delta",
    "Event",
    "Function",
    "Message",
    "decode_event",
    "usage_of",
    "words_alone",
]

FINISH_KINDS: dict[str, FinishKind] = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
}


class Function(Struct):
    """The name and the arguments of a call, whole or a piece of them."""

    name: str | None = None
    arguments: str | JsonObject | None = None


class Call(Struct):
    """A tool call, whole or a piece of it."""

    id: str | None = None
    function: Function | None = None


class Content(Struct):
    """A piece of text or of thinking; what it is a piece of comes with the first."""

    type: str | None = None
    text: str | None = None
    thinking: str | None = None


class Message(Struct):
    """What an event adds to the message; lists are empty ones, in the first event."""

    content: Content | list[object] | None = None
    tool_plan: str | None = None
    tool_calls: Call | list[Call] | None = None
    citations: JsonObject | list[JsonObject] | None = None


class Delta(Struct):
    """What is new with an event."""

    message: Message | None = None
    finish_reason: str | None = None
    usage: JsonObject | None = None
    error: str | JsonObject | None = None


class Event(Struct):
    """The fields of all events that are read; each event has some of them."""

    type: str = ""
    id: str | None = None
    index: int | None = None
    delta: Delta | None = None


decode_event = msgspec.json.Decoder(Event).decode


def words_alone(event: Event) -> str | None:
    """The text of an event that has nothing else, as nearly all: the short way past the rest."""
    if event.type != "content-delta" or event.delta is None:
        return None
    message = event.delta.message
    if message is None or not isinstance(message.content, Content) or message.content.thinking:
        return None
    return message.content.text or None


def usage_of(fields: JsonObject) -> Usage:
    """Usage as Cohere counts it; `billed_units` is another measure, without what was cached.

    >>> usage_of({"tokens": {"input_tokens": 9.0}, "cached_tokens": 4}).cached_input_tokens
    4
    """
    tokens = object_in(fields, "tokens")
    return Usage(
        input_tokens=count(tokens, "input_tokens"),
        output_tokens=count(tokens, "output_tokens"),
        cached_input_tokens=count(fields, "cached_tokens"),
        reasoning_tokens=count(tokens, "reasoning_tokens"),
    )
