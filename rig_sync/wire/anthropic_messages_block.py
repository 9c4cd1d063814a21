"""The content blocks of a Messages answer: what each tells when it starts, grows and stops.

A whole answer gives its blocks at once, a stream in pieces; both go through these.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from rig_sync._json import Json, JsonObject, compact, parse_object
from rig_sync.message import ProviderBlock, Text
from rig_sync.streaming.items import Unknown
from rig_sync.streaming.raw import (
    CallDone,
    CallFragment,
    RawEvent,
    ReasoningDone,
    ReasoningFragment,
    TextDone,
    Whole,
)
from rig_sync.wire.anthropic_messages_event import Delta
from rig_sync.wire.base import object_in, object_in_text

__all__ = ["Block", "TextBlock", "begin", "begin_for"]


class Block:
    """A block that has no kind of its own here: kept as it comes, for whoever knows it.

    Hosted tools, their results, compactions, fallbacks, and whatever is new.

    Attributes:
        deltas: The kinds of delta that belong to it; None: all of them.
        waits: It may still grow while another block is told.
    """

    deltas: ClassVar[frozenset[str] | None] = None
    waits: ClassVar[bool] = False

    def __init__(self, payload: JsonObject, key: int) -> None:
        self._payload = payload
        self._key = key
        self._pieces: dict[str, list[str]] = {}

    def start(self) -> Iterator[RawEvent]:
        """What the block says as it begins."""
        return iter(())

    def add(self, delta: Delta, data: str) -> Iterator[RawEvent]:
        """What one delta, in the event `data`, adds."""
        fields: JsonObject = {"input": delta.partial_json}
        if delta.type != "input_json_delta":
            fields = object_in(parse_object(data), "delta")
        for name, value in fields.items():
            if name == "type" or value is None:
                continue
            if isinstance(value, str):
                self._pieces.setdefault(name, []).append(value)
            else:
                self._payload[name] = value
        return iter(())

    def stop(self) -> Iterator[RawEvent]:
        """The block, whole; one whose input was cut off could not go back and is only told."""
        kind = str(self._payload.get("type"))
        whole = True
        for name, pieces in self._pieces.items():
            before, text = self._payload.get(name), "".join(pieces)
            if name != "input":
                self._payload[name] = before + text if isinstance(before, str) else text
            elif text.strip():
                arguments = object_in_text(text)
                whole = arguments is not None
                self._payload[name] = text if arguments is None else arguments
        yield Whole(ProviderBlock(kind, self._payload)) if whole else Unknown(kind, self._payload)


class TextBlock(Block):
    """Text, with the citations that it stands on."""

    deltas = frozenset({"text_delta", "citations_delta"})

    def __init__(self, payload: JsonObject, key: int) -> None:
        super().__init__(payload, key)
        cited = payload.get("citations")
        self._citations: list[Json] = list(cited) if isinstance(cited, list) else []

    def start(self) -> Iterator[RawEvent]:
        """Mostly nothing: a one-shot answer has all of it here."""
        text = self._payload.get("text")
        if isinstance(text, str) and text:
            yield Text(text)

    def add(self, delta: Delta, data: str) -> Iterator[RawEvent]:
        """More text, or a citation."""
        del data
        if delta.citation is not None:
            self._citations.append(delta.citation)
        if delta.text:
            yield Text(delta.text)

    def stop(self) -> Iterator[RawEvent]:
        """The end of this text: what follows is another part."""
        yield TextDone({"citations": self._citations} if self._citations else None)


class _ThinkingBlock(Block):
    """Thoughts and their signature; either may come without the other."""

    deltas = frozenset({"thinking_delta", "signature_delta"})

    def __init__(self, payload: JsonObject, key: int) -> None:
        super().__init__(payload, key)
        self._signed = False

    def start(self) -> Iterator[RawEvent]:
        """Mostly nothing; in a one-shot answer the thoughts."""
        thinking = self._payload.get("thinking")
        yield ReasoningFragment(thinking if isinstance(thinking, str) else "", self._key)

    def add(self, delta: Delta, data: str) -> Iterator[RawEvent]:
        """More thoughts, or the signature."""
        del data
        if delta.thinking:
            yield ReasoningFragment(delta.thinking, self._key)
        if delta.signature:
            self._signed = True
            yield ReasoningFragment(delta.signature, self._key, "signature")

    def stop(self) -> Iterator[RawEvent]:
        """The signature that the block began with, if no other came."""
        signature = self._payload.get("signature")
        if not self._signed and isinstance(signature, str) and signature:
            yield ReasoningFragment(signature, self._key, "signature")
        yield ReasoningDone(self._key)


class _RedactedBlock(Block):
    """Thoughts that only the provider can read."""

    deltas = frozenset[str]()

    def start(self) -> Iterator[RawEvent]:
        """All of it."""
        data = self._payload.get("data")
        yield ReasoningFragment(data if isinstance(data, str) else "", self._key, "redacted")

    def stop(self) -> Iterator[RawEvent]:
        """Nothing is to follow."""
        yield ReasoningDone(self._key)


class _CallBlock(Block):
    """A call of one of the caller's tools."""

    deltas = frozenset({"input_json_delta"})
    waits = True

    def start(self) -> Iterator[RawEvent]:
        """Its id and its name."""
        call_id, name = self._payload.get("id"), self._payload.get("name")
        yield CallFragment(
            self._key,
            call_id if isinstance(call_id, str) else None,
            name if isinstance(name, str) else None,
        )

    def add(self, delta: Delta, data: str) -> Iterator[RawEvent]:
        """A piece of its arguments."""
        del data
        if delta.partial_json:
            self._pieces.setdefault("input", []).append(delta.partial_json)
            yield CallFragment(self._key, arguments=delta.partial_json)

    def stop(self) -> Iterator[RawEvent]:
        """The arguments that it began with, unless others came; and what has to go back with it."""
        given, arguments = self._payload.get("input"), None
        if given and not "".join(self._pieces.get("input", ())).strip():
            arguments = given if isinstance(given, str) else compact(given)
        caller = object_in(self._payload, "caller")
        hosted = caller.get("type") not in (None, "direct")  # by code that the provider runs
        kept: JsonObject | None = {"caller": caller} if hosted else None
        yield CallDone(self._key, arguments=arguments, provider_data=kept)


_KINDS: dict[str, type[Block]] = {
    "text": TextBlock,
    "thinking": _ThinkingBlock,
    "redacted_thinking": _RedactedBlock,
    "tool_use": _CallBlock,
}
_KINDS_BY_DELTA: dict[str, type[Block]] = {
    delta: kind for kind in _KINDS.values() for delta in kind.deltas or ()
}


def begin(payload: JsonObject, key: int) -> Block:
    """The block that begins with `payload`; `key` is its own among the blocks of the answer."""
    return _KINDS.get(str(payload.get("type")), Block)(payload, key)


def begin_for(delta: str, key: int) -> Block | None:
    """The block that a delta belongs to whose own never began; None for an unknown delta."""
    kind = _KINDS_BY_DELTA.get(delta)
    return None if kind is None else kind({}, key)
