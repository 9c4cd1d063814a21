"""What users match on while an answer streams (Rig: `rig::streaming::StreamedAssistantContent`)."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from rig_sync._json import JsonObject
from rig_sync.completion import FinishReason, ResponseIds, Usage
from rig_sync.errors import RigError
from rig_sync.message import Reasoning, Text, ToolCall

__all__ = [
    "Delta",
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
    """An event of a type that rig_sync does not know, as it came."""

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
    | StreamFinal
    | Unknown
    | StreamError
)
