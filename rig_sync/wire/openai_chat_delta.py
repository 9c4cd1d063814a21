"""What one delta of a chat completion says, in whatever way the server says it."""

from __future__ import annotations

from collections.abc import Iterator

from rig_sync._json import Json, JsonObject, compact
from rig_sync.message import Text
from rig_sync.streaming.items import Unknown
from rig_sync.streaming.raw import (
    CallFragment,
    RawEvent,
    ReasoningDone,
    ReasoningFragment,
    ReasoningKind,
)
from rig_sync.wire.openai_chat_chunk import Call, Custom, Delta, Function
from rig_sync.wire.openai_chat_request import CUSTOM, EXTRA

__all__ = ["DeltaReader"]

_DETAIL_KINDS: tuple[tuple[str, ReasoningKind], ...] = (
    ("text", "text"),
    ("summary", "summary"),
    ("signature", "signature"),
    ("data", "encrypted"),
)


class DeltaReader:
    """Reads the deltas of one stream, or the one message of a whole answer.

    Attributes:
        cut: The model was stopped before it was done: free text of a call is then not whole.
    """

    def __init__(self) -> None:
        self.cut = False
        self._kept: list[_Detail] = []
        self._custom: dict[int | str | None, str | None] = {}  # key -> id of calls with free text

    def read(self, delta: Delta) -> Iterator[RawEvent]:
        """What one delta says, or a whole message, in the order of saying: thoughts first."""
        if delta.reasoning_details:
            yield from self._details(delta)
        elif delta.reasoning_content or delta.reasoning:
            yield ReasoningFragment(delta.reasoning_content or delta.reasoning or "")
        if type(delta.content) is list:
            yield from _content_parts(delta.content)
        elif type(delta.content) is str and delta.content:
            yield Text(delta.content)
        if delta.refusal:
            yield Text(delta.refusal)
        if delta.tool_calls:
            calls = delta.tool_calls
            for call in calls if isinstance(calls, list) else [calls]:
                custom = call.custom
                if custom is not None and (custom.name or custom.input):
                    yield self._free_text(call, custom)
                else:  # some servers send every field there is, empty
                    yield _fragment(call)
        old = delta.function_call
        if old is not None and (old.name or old.arguments):
            yield CallFragment("function_call", None, old.name, _argument_text(old.arguments))

    def _free_text(self, call: Call, custom: Custom) -> CallFragment:
        """A piece of free text, as a piece of the arguments: `{"input": text}`."""
        call_id = _id(call)
        key = call.index if call.index is not None else call_id
        first = key not in self._custom
        self._custom.setdefault(key, call_id)
        text = compact(custom.input or "")[1:-1]
        kept = _extra(call)
        if first:
            text, kept = f'{{"input":"{text}', {"type": CUSTOM, **kept}
        return CallFragment(key, call_id, custom.name, text, None, kept or None)

    def _details(self, delta: Delta) -> Iterator[RawEvent]:
        readable = False
        for piece in delta.reasoning_details or ():
            part = f"{piece.get('type')} {piece.get('index')}"
            for field, kind in _DETAIL_KINDS:
                text = piece.get(field)
                if isinstance(text, str) and text:
                    readable = readable or kind in ("text", "summary")
                    name = piece.get("id")
                    block_id = name if isinstance(name, str) else None
                    yield ReasoningFragment(text, "details", kind, part, block_id)
            self._keep(piece)
        plain = delta.reasoning_content or delta.reasoning
        if plain and not readable:  # the same text twice counts once
            yield ReasoningFragment(plain, "details")

    def end(self) -> Iterator[RawEvent]:
        """What is known only now: that free text is whole, and the details as they go back."""
        for key, call_id in self._custom.items():
            if not self.cut:
                yield CallFragment(key, call_id, arguments='"}')
        if self._kept:
            details: list[Json] = [detail.build() for detail in self._kept]
            yield ReasoningDone("details", provider_data={"reasoning_details": details})

    def _keep(self, piece: JsonObject) -> None:
        """Join a streamed detail to the one it continues: the list goes back as if one-shot."""
        if not self._kept or not self._kept[-1].takes(piece):
            self._kept.append(_Detail(piece))
        self._kept[-1].add(piece)


class _Detail:
    """One entry of `reasoning_details`, out of its pieces."""

    def __init__(self, first: JsonObject) -> None:
        self._fields: JsonObject = {}
        self._texts: dict[str, list[str]] = {}
        self._same = {name: first.get(name) for name in ("type", "index")}

    def takes(self, piece: JsonObject) -> bool:
        """Whether `piece` goes on with this entry."""
        if piece.get("type") == "reasoning.encrypted":
            return False
        return all(piece.get(name) == value for name, value in self._same.items())

    def add(self, piece: JsonObject) -> None:
        for name, value in piece.items():
            if name in ("text", "summary") and isinstance(value, str):
                self._texts.setdefault(name, []).append(value)
            if value is not None or name not in self._fields:
                self._fields[name] = value

    def build(self) -> JsonObject:
        joined = {name: "".join(pieces) for name, pieces in self._texts.items()}
        return {**self._fields, **joined}


def _fragment(call: Call) -> CallFragment:
    function = call.function or Function()
    arguments = _argument_text(function.arguments)
    return CallFragment(call.index, _id(call), function.name, arguments, None, _extra(call) or None)


def _id(call: Call) -> str | None:
    return None if call.id is None or call.id == "" else str(call.id)


def _extra(call: Call) -> JsonObject:
    """What Google wants back with the call."""
    return {EXTRA: call.extra_content} if call.extra_content else {}


def _argument_text(arguments: str | JsonObject | None) -> str:
    if arguments is None:
        return ""
    return arguments if isinstance(arguments, str) else compact(arguments)


def _content_parts(parts: list[object]) -> Iterator[RawEvent]:
    """Mistral's list-shaped content: thinking and text."""
    for part in parts:
        if isinstance(part, str):
            yield Text(part)
        elif isinstance(part, dict) and part.get("type") == "thinking":
            thinking = part.get("thinking")
            for inner in thinking if isinstance(thinking, list) else [thinking]:
                text = inner.get("text") if isinstance(inner, dict) else inner
                if isinstance(text, str) and text:
                    yield ReasoningFragment(text)
        elif isinstance(part, dict) and isinstance(part.get("text"), str):
            if part["text"]:
                yield Text(part["text"])
        elif isinstance(part, dict):
            yield Unknown(str(part.get("type") or "content"), part)
