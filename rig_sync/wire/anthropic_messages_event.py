"""The events of a Messages stream, as the fields that are read of them."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from rig_sync._json import JsonObject
from rig_sync.completion import FinishKind, FinishReason, Usage
from rig_sync.wire.base import count, object_in

__all__ = ["Delta", "Event", "Message", "decode_event", "finish_of", "usage_of"]

FINISH_KINDS: dict[str, FinishKind] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


class Delta(Struct):
    """What a block grows by, or how the message ended: the fields of both."""

    type: str = ""
    text: str | None = None
    partial_json: str | None = None
    thinking: str | None = None
    signature: str | None = None
    citation: JsonObject | None = None
    stop_reason: str | None = None


class Message(Struct):
    """The message at its beginning, or the whole body of a one-shot answer."""

    id: str | None = None
    model: str | None = None
    content: list[JsonObject] | None = None
    stop_reason: str | None = None
    usage: JsonObject | None = None


class Event(Struct):
    """The fields of all events; each event has some of them."""

    type: str = ""
    index: int | None = None
    delta: Delta | None = None
    content_block: JsonObject | None = None
    message: Message | None = None
    usage: JsonObject | None = None
    error: object = None


decode_event = msgspec.json.Decoder(Event).decode


def finish_of(word: str) -> FinishReason:
    """Why the model stopped; a turn that it only paused is none of our kinds.

    >>> finish_of("end_turn").kind, finish_of("pause_turn").unfinished
    ('stop', True)
    """
    return FinishReason(FINISH_KINDS.get(word, "other"), word, unfinished=word == "pause_turn")


def usage_of(fields: JsonObject) -> Usage:
    """Usage as the Messages API reports it, which counts what the cache saved beside the input.

    >>> usage_of({"input_tokens": 4, "cache_read_input_tokens": 10}).input_tokens
    14
    """
    fresh = count(fields, "input_tokens")
    read = count(fields, "cache_read_input_tokens")
    written = count(fields, "cache_creation_input_tokens")
    return Usage(
        input_tokens=None if fresh is None else fresh + (read or 0) + (written or 0),
        output_tokens=count(fields, "output_tokens"),
        cached_input_tokens=read,
        cache_creation_input_tokens=written,
        reasoning_tokens=count(object_in(fields, "output_tokens_details"), "thinking_tokens"),
    )
