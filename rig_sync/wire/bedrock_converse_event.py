"""What comes from Bedrock: events and content blocks, as the fields that are read of them."""

from __future__ import annotations

import base64

import msgspec
from msgspec import Struct

from rig_sync._json import Json, JsonObject, compact
from rig_sync.completion import FinishKind, FinishReason, Usage
from rig_sync.message import Image, ProviderBlock
from rig_sync.wire.base import count, object_in, object_in_text

__all__ = [
    "Block",
    "Citations",
    "Delta",
    "Event",
    "ForeignBlock",
    "PlainThought",
    "Start",
    "Thought",
    "ToolUse",
    "argument_text",
    "decode_event",
    "finish_of",
    "is_foreign",
    "joined_blobs",
    "media_of",
    "usage_of",
]

_FINISH_KINDS: dict[str, FinishKind] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "content_filtered": "content_filter",
    "guardrail_intervened": "content_filter",
}


class ToolUse(Struct):
    """A tool call: whole, its beginning, or a piece of its input."""

    toolUseId: str | None = None
    name: str | None = None
    type: str | None = None
    input: str | JsonObject | None = None


class PlainThought(Struct):
    """Thoughts in the open."""

    text: str | None = None
    signature: str | None = None


class Thought(PlainThought):
    """A piece of thinking; a whole block has `reasoningText` around what is in the open."""

    redactedContent: str | None = None
    reasoningText: PlainThought | None = None


class Delta(Struct):
    """A piece of a content block: one of these."""

    text: str | None = None
    toolUse: ToolUse | None = None
    reasoningContent: Thought | None = None
    citation: JsonObject | None = None
    toolResult: list[JsonObject] | None = None
    image: JsonObject | None = None


class Start(Struct):
    """How a content block begins; text and thoughts have no such event."""

    toolUse: ToolUse | None = None
    toolResult: JsonObject | None = None
    image: JsonObject | None = None


class Event(Struct):
    """The fields of all events that are read; each event has some of them."""

    contentBlockIndex: int | None = None
    start: Start | None = None
    delta: Delta | None = None
    stopReason: str | None = None
    usage: JsonObject | None = None


decode_event = msgspec.json.Decoder(Event).decode


class Citations(Struct):
    """Text, and what it is taken from."""

    content: list[JsonObject] | None = None
    citations: list[Json] | None = None


class Block(Struct):
    """A whole content block: one of these."""

    text: str | None = None
    toolUse: ToolUse | None = None
    reasoningContent: Thought | None = None
    citationsContent: Citations | None = None
    image: JsonObject | None = None


class ForeignBlock:
    """A streamed block that is none of ours to read, put together as it would have come whole.

    The calls of tools that run at Amazon, their results, and images.
    """

    def __init__(self, kind: str, fields: JsonObject) -> None:
        self._kind = kind
        self._fields = fields
        self._input: list[str] = []
        self._content: list[Json] = []
        self._words: list[str] = []
        self._blobs: list[str] = []

    def add(self, delta: Delta) -> None:
        """Take a piece in."""
        if delta.toolUse is not None:
            self._input.append(argument_text(delta.toolUse.input))
        for piece in delta.toolResult or ():
            text = piece.get("text")
            if isinstance(text, str):
                self._words.append(text)
            else:
                self._end_text()
                self._content.append(piece)
        if delta.image is not None:
            blob = object_in(delta.image, "source").get("bytes")
            if isinstance(blob, str):
                self._blobs.append(blob)
            else:
                self._fields.update(delta.image)

    def build(self) -> Image | ProviderBlock:
        """The whole."""
        self._end_text()
        fields = dict(self._fields)
        if self._kind == "toolUse":
            fields["input"] = object_in_text("".join(self._input)) or {}
        if self._kind == "toolResult":
            fields["content"] = [*self._content]
        if self._blobs:
            fields["source"] = {"bytes": joined_blobs(self._blobs)}
        return media_of(self._kind, {self._kind: fields})

    def _end_text(self) -> None:
        if self._words:
            self._content.append({"text": "".join(self._words)})
            self._words.clear()


def is_foreign(call: ToolUse) -> bool:
    """Whether the call is of a tool that runs at Amazon."""
    return call.type == "server_tool_use"


def media_of(kind: str, block: JsonObject) -> Image | ProviderBlock:
    """An image that the model made; anything else as it is.

    >>> media_of("image", {"image": {"format": "png", "source": {"bytes": "AAAA"}}})
    Image(image/png, 4 base64 characters)
    """
    if kind == "image":
        data, name = (
            object_in(block, kind, "source").get("bytes"),
            object_in(block, kind).get("format"),
        )
        if isinstance(data, str) and isinstance(name, str):
            return Image(data=data, media_type=f"image/{name}")
    return ProviderBlock(kind, block)


def argument_text(value: str | JsonObject | None) -> str:
    """The input of a call as JSON text.

    >>> argument_text({"x": 1}), argument_text(None)
    ('{"x":1}', '')
    """
    return value if isinstance(value, str) else "" if value is None else compact(value)


def joined_blobs(pieces: list[str]) -> str:
    """Base64 of all that the pieces hold; the pieces side by side if one is no base64.

    >>> joined_blobs(["YQ==", "Yg=="]), joined_blobs(["a"]), joined_blobs(["é", "YQ=="])
    ('YWI=', 'a', 'éYQ==')
    """
    if len(pieces) == 1:
        return pieces[0]
    try:
        whole = b"".join(base64.b64decode(piece, validate=True) for piece in pieces)
    except ValueError:
        return "".join(pieces)
    return base64.b64encode(whole).decode()


def finish_of(word: str) -> FinishReason:
    """Why the model stopped.

    >>> finish_of("guardrail_intervened").kind, finish_of("malformed_tool_use").kind
    ('content_filter', 'other')
    """
    return FinishReason(_FINISH_KINDS.get(word, "other"), word)


def usage_of(fields: JsonObject) -> Usage:
    """Usage as Bedrock reports it; its `inputTokens` leave out what was cached.

    >>> usage_of({"inputTokens": 3, "outputTokens": 1, "cacheReadInputTokens": 4}).input_tokens
    7
    """
    fresh = count(fields, "inputTokens")
    read = count(fields, "cacheReadInputTokens", "cacheReadInputTokenCount")
    written = count(fields, "cacheWriteInputTokens", "cacheWriteInputTokenCount")
    return Usage(
        input_tokens=None if fresh is None else fresh + (read or 0) + (written or 0),
        output_tokens=count(fields, "outputTokens"),
        total_tokens=count(fields, "totalTokens"),
        cached_input_tokens=read,
        cache_creation_input_tokens=written,
    )
