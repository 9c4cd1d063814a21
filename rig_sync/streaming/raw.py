"""What a wire's decoder yields: pieces, before `parts` has put them together.

A decoder also yields the public items that need no assembling: `Text` deltas and `Unknown`.
These values live for one hand-over between two threads and are never serialised.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

from msgspec import Struct

from rig_sync._json import JsonObject
from rig_sync.completion import FinishReason, Usage
from rig_sync.errors import Attempt, RigError
from rig_sync.message import Image, ProviderBlock, Reasoning, Text
from rig_sync.streaming.items import Unknown

__all__ = [
    "CallDone",
    "CallFragment",
    "Defect",
    "End",
    "Failed",
    "Finish",
    "Key",
    "Meta",
    "RawEvent",
    "ReasoningDone",
    "ReasoningFragment",
    "ReasoningKind",
    "Retrying",
    "TextDone",
    "UsageReport",
    "Whole",
]

Key: TypeAlias = int | str
"""What holds the pieces of one part together: an index or an item id."""

ReasoningKind: TypeAlias = Literal["text", "summary", "signature", "encrypted", "redacted"]


class CallFragment(Struct):
    """A piece of a tool call; anything but the piece itself may be missing, or wrong.

    What pieces have as `provider_data` adds up.
    """

    key: Key | None = None
    id: str | None = None
    name: str | None = None
    arguments: str = ""
    item_id: str | None = None
    provider_data: JsonObject | None = None


class CallDone(Struct):
    """The wire says that the call is whole; `arguments`, when given, replaces the pieces."""

    key: Key
    id: str | None = None
    name: str | None = None
    arguments: str | None = None
    item_id: str | None = None
    signature: str | None = None
    provider_data: JsonObject | None = None


class ReasoningFragment(Struct):
    """A piece of thinking; `part` tells the paragraphs of one block apart."""

    text: str
    key: Key = ""
    kind: ReasoningKind = "text"
    part: Key = 0
    id: str | None = None


class ReasoningDone(Struct):
    """The block is whole; `block`, when given, is the wire's own and replaces the pieces."""

    key: Key = ""
    block: Reasoning | None = None
    provider_data: JsonObject | None = None


class TextDone(Struct):
    """The text part is whole; what the provider attaches to it."""

    provider_data: JsonObject | None = None


class Whole(Struct):
    """A part of the message that came whole; it keeps its place among the others."""

    part: Image | ProviderBlock


class Meta(Struct):
    """What the provider calls this response; the first of each counts."""

    response_id: str | None = None
    message_id: str | None = None
    model: str | None = None
    request_id: str | None = None


class UsageReport(Struct):
    """Token counts so far; the last one counts.

    Attributes:
        told: They, or what the wire has: of a wire that tells them with every word, few are read.
        read: What makes them of it.
    """

    told: Any
    read: Callable[[Any], Usage | None] | None = None

    @property
    def usage(self) -> Usage:
        """The counts."""
        usage: Usage | None = self.told if self.read is None else self.read(self.told)
        return usage or Usage()


class Finish(Struct):
    """Why the model stopped; usage may still follow."""

    reason: FinishReason


class End(Struct):
    """The terminal proof: the provider was done."""

    raw: JsonObject | None = None


class Retrying(Struct):
    """The request failed and is made again after a wait; None: now. The clock starts anew."""

    attempt: Attempt | None


class Defect(Struct):
    """One frame was bad; the stream goes on."""

    error: RigError


class Failed(Struct):
    """The provider reported an error; the stream is over."""

    error: RigError


RawEvent: TypeAlias = (
    Text
    | CallFragment
    | CallDone
    | ReasoningFragment
    | ReasoningDone
    | TextDone
    | Whole
    | Meta
    | UsageReport
    | Finish
    | End
    | Unknown
    | Retrying
    | Defect
    | Failed
)
