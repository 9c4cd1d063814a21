"""What users match on while an answer streams (Rig: `rig::streaming::StreamedAssistantContent`)."""

from __future__ import annotations

from typing import TypeAlias

import msgspec
from msgspec import Struct

from rig_sync._json import JsonObject, loaded
from rig_sync.completion import FinishReason, ResponseIds, Usage
from rig_sync.errors import RigError, error_fields, error_from_fields
from rig_sync.message import Image, Reasoning, Text, ToolCall

__all__ = [
    "Delta",
    "Image",
    "Name",
    "Reasoning",
    "ReasoningDelta",
    "StreamError",
    "StreamFinal",
    "StreamedAssistantContent",
    "Text",
    "ToolCall",
    "ToolCallDelta",
    "Unknown",
    "decode_item",
    "encode_item",
]


class Name(Struct, frozen=True, tag="name"):
    """The name of the tool that is being called."""

    name: str


class Delta(Struct, frozen=True, tag="delta"):
    """A further piece of the JSON text of the arguments."""

    arguments: str


class ToolCallDelta(Struct, frozen=True, tag="tool_call_delta"):
    """A piece of a tool call that is not complete: show it, never run it."""

    internal_call_id: str
    content: Name | Delta


class ReasoningDelta(Struct, frozen=True, tag="reasoning_delta", omit_defaults=True):
    """A further piece of thinking; `id` is the block's, where the provider names it."""

    text: str
    id: str | None = None


class StreamFinal(Struct, frozen=True, tag="final", omit_defaults=True):
    """The terminal record of one model call: it comes only when the provider was done."""

    usage: Usage = Usage()
    finish_reason: FinishReason | None = None
    ids: ResponseIds = ResponseIds()
    model: str | None = None
    raw: JsonObject | None = None

    def __repr__(self) -> str:
        return f"StreamFinal({self.usage!r}, {self.finish_reason!r}, model={self.model!r})"


class Unknown(Struct, frozen=True, tag="unknown"):
    """An event of a type that rig_sync does not know, or a provider's own block, as it came."""

    kind: str
    payload: JsonObject

    def __repr__(self) -> str:
        return f"Unknown({self.kind!r})"


class StreamError(Struct, frozen=True, tag="error"):
    """An error handed over as an item: `raise_errors` decides which are."""

    error: RigError


StreamedAssistantContent: TypeAlias = (
    Text
    | ToolCallDelta
    | ToolCall
    | ReasoningDelta
    | Reasoning
    | Image
    | StreamFinal
    | Unknown
    | StreamError
)


def encode_item(item: object) -> bytes:
    """Any item of a stream as one line of JSON, with its tag; of an error, what can be told.

    >>> encode_item(Name("add"))
    b'{"type":"name","name":"add"}'
    """
    return msgspec.json.encode(item, enc_hook=_encode_error)


def decode_item(data: bytes | str, kind: object) -> object:
    """The item that `encode_item` wrote; `kind` is the union that it belongs to.

    Raises:
        msgspec.DecodeError: `data` is no JSON, or no such item; the message says where.

    >>> decode_item(b'{"type":"name","name":"add"}', Name | Delta)
    Name(name='add')
    """
    decoder: msgspec.json.Decoder[object] = msgspec.json.Decoder(kind, dec_hook=_decode_error)
    return loaded(decoder, data)


def _encode_error(value: object) -> object:
    if isinstance(value, RigError):
        return error_fields(value)
    raise TypeError(f"{type(value).__name__} does not go to JSON")


def _decode_error(kind: type, value: object) -> object:
    if issubclass(kind, RigError) and isinstance(value, dict):
        return error_from_fields(value)
    raise TypeError(f"{kind.__name__} does not come from JSON")
