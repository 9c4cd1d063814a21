"""The parts of a Gemini answer as raw events: text, thoughts, calls, images, and all others."""

from __future__ import annotations

from collections.abc import Iterator

from rig_sync._json import Json, JsonObject, compact
from rig_sync.message import Image, ProviderBlock, Text
from rig_sync.streaming.raw import (
    CallDone,
    CallFragment,
    RawEvent,
    ReasoningFragment,
    TextDone,
    Whole,
)
from rig_sync.wire.base import misfits, object_in, word_in
from rig_sync.wire.gemini_generate_arguments import Arguments

__all__ = ["PartReader"]

_ATTACHED = frozenset(
    {"mediaResolution", "partMetadata", "thought", "thoughtSignature", "videoMetadata"}
)
"""Keys of a part that say something of it, and not what it is."""


_KINDS: dict[str, type] = {"functionCall": dict, "inlineData": dict, "text": str}


class _OpenCall:
    """A call that is still being told."""

    def __init__(self, key: int, call_id: str | None, name: str | None) -> None:
        self.key = key
        self.id = call_id
        self.name = name
        self.signature: str | None = None
        self.arguments: Arguments | None = None


class PartReader:
    """Reads the parts of one answer, in order."""

    def __init__(self) -> None:
        self._calls = 0
        self._open: _OpenCall | None = None

    def read(self, part: JsonObject) -> Iterator[RawEvent]:
        """What one part says. A signature stays with its part: neighbours are not joined to it."""
        kind = next((k for k, v in part.items() if k not in _ATTACHED and v is not None), None)
        signature = word_in(part, "thoughtSignature")
        thought = part.get("thought") is True
        value = part[kind] if kind else ""
        if not isinstance(value, _KINDS.get(kind or "", object)):
            yield from misfits([f"parts[].{kind}"], compact(part))
        elif isinstance(value, str) and kind in ("text", None):
            yield from _thought(value, signature) if thought else _text(value, signature)
        elif kind == "functionCall" and isinstance(value, dict):
            yield from self._call(value, signature)
        elif _is_image(value) and kind == "inlineData" and not thought:
            kept: JsonObject | None = {"thoughtSignature": signature} if signature else None
            data, media_type = word_in(value, "data"), word_in(value, "mimeType")
            yield Whole(Image(data=data, media_type=media_type, provider_data=kept))
        else:
            yield Whole(ProviderBlock(str(kind), part))

    def _call(self, call: JsonObject, signature: str | None) -> Iterator[RawEvent]:
        """A call, or a piece of one: `willContinue` promises another, `{}` is the last."""
        name, call_id = word_in(call, "name"), word_in(call, "id")
        if self._open is not None and name not in (None, self._open.name):
            yield from self._close(self._open)
        if self._open is None:
            if not call:
                return
            self._open = _OpenCall(self._calls, call_id, name)
            self._calls += 1
            yield CallFragment(self._open.key, call_id, name)
        opened = self._open
        opened.signature = opened.signature or signature
        partials = call.get("partialArgs")
        goes_on = call.get("willContinue") is True
        if opened.arguments is None and (goes_on or partials):
            opened.arguments = Arguments()
            yield CallFragment(opened.key, arguments="{")
        for partial in partials if isinstance(partials, list) else ():
            if isinstance(partial, dict) and opened.arguments is not None:
                yield CallFragment(opened.key, arguments=opened.arguments.add(partial))
        if not goes_on:
            yield from self._close(opened, call.get("args"))

    def _close(self, call: _OpenCall, args: Json = None) -> Iterator[RawEvent]:
        self._open = None
        text = args if isinstance(args, str) else compact({} if args is None else args)
        if call.arguments is not None and not args:
            yield CallFragment(call.key, arguments=call.arguments.end())
            text = call.arguments.text()
        kept: JsonObject | None = {"functionCall": {"id": call.id}} if call.id else None
        yield CallDone(
            call.key, call.id, call.name, text, signature=call.signature, provider_data=kept
        )


def _thought(text: str, signature: str | None) -> Iterator[RawEvent]:
    if text:
        yield ReasoningFragment(text)
    if signature:
        yield ReasoningFragment(signature, kind="signature")


def _text(text: str, signature: str | None) -> Iterator[RawEvent]:
    if signature:
        yield TextDone()
    if text:
        yield Text(text)
    if signature:
        yield TextDone({"thoughtSignature": signature})


def _is_image(value: Json) -> bool:
    media_type = object_in(value).get("mimeType")
    return isinstance(media_type, str) and media_type.startswith("image/")
