"""The steps of one interaction, as they are told: started, continued and stopped."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from rig_sync._json import Json, JsonObject, compact
from rig_sync.message import Image, ProviderBlock, Text
from rig_sync.streaming.raw import (
    CallDone,
    CallFragment,
    RawEvent,
    ReasoningDone,
    ReasoningFragment,
    TextDone,
    Whole,
)
from rig_sync.wire.base import object_in_text, objects_in, word_in

__all__ = ["ANNOTATIONS", "SAID", "Delta", "Steps"]

ANNOTATIONS = "interaction_annotations"
"""Where a text keeps its annotations, in `provider_data`."""

SAID = "model_output/"
"""Begins the kind of a block that is an item of what the model said, and no step of its own."""


class Delta(Struct):
    """The fields of all deltas that are read; each has some of them."""

    type: str = ""
    text: str | None = None
    signature: str | None = None
    arguments: str | JsonObject | None = None
    content: JsonObject | None = None
    annotations: list[JsonObject] | None = None


class _Step:
    """One step that goes on.

    Attributes:
        start: As it was announced; what nobody here understands is put together on it.
        told: Something of its content has come.
    """

    def __init__(self, start: JsonObject) -> None:
        self.kind = str(start.get("type") or "")
        self.start = start
        self.told = False
        self.signature: str | None = None
        self.pieces: list[str] = []
        self.annotations: list[Json] = []


class Steps:
    """Puts the steps of one interaction together; a whole step is one that starts and stops."""

    def __init__(self) -> None:
        self._open: dict[int, _Step] = {}
        self._started = 0
        self._items = 0

    def speaks(self, index: int | None) -> bool:
        """Whether text at `index` is what the model says."""
        step = self._open.get(self._index(index))
        return step is None or step.kind == "model_output"

    def start(self, index: int | None, start: JsonObject) -> Iterator[RawEvent]:
        """A step begins; a whole one has all its content here already."""
        index = self._started if index is None else index
        self._started += 1
        yield from self.stop(index)  # should its end not have been told
        step = self._open[index] = _Step(start)
        if step.kind == "function_call":
            name, call_id = word_in(start, "name"), word_in(start, "id")
            step.signature = word_in(start, "signature")
            yield CallFragment(index, call_id, name)
        elif step.kind == "thought":
            for number, part in enumerate(objects_in(start.get("summary"))):
                yield from self._thought(index, step, word_in(part, "text"), number)
            yield from self._sign(index, step, word_in(start, "signature"))
        elif step.kind == "model_output":
            for part in objects_in(start.get("content")):
                yield from self._content(step, part)

    def delta(self, index: int | None, delta: Delta, payload: JsonObject) -> Iterator[RawEvent]:
        """A step goes on; what it is a piece of is what was started, or what its type implies."""
        index = self._index(index)
        step = self._open.setdefault(index, _Step({"type": _IMPLIED.get(delta.type, "")}))
        if step.kind not in ("thought", "function_call", "model_output", ""):
            _extend(step, payload)
        elif delta.type == "thought_summary":
            yield from self._thought(index, step, word_in(delta.content or {}, "text"), 0)
        elif delta.type == "thought_signature":
            yield from self._sign(index, step, delta.signature)
        elif delta.type == "arguments_delta":
            step.told = True
            arguments = delta.arguments
            text = arguments if isinstance(arguments, str) else compact(arguments or {})
            yield CallFragment(index, arguments=text)
        elif delta.type == "function_call" and step.kind == delta.type:
            _merge(step.start, payload)
            yield CallFragment(index, word_in(payload, "id"), word_in(payload, "name"))
        elif delta.type in ("text", "") or delta.annotations:
            if delta.text:
                yield Text(delta.text)
            step.annotations += delta.annotations or []
        else:
            yield from self._content(step, payload)

    def stop(self, index: int | None) -> Iterator[RawEvent]:
        """A step is whole."""
        index = self._index(index)
        step = self._open.pop(index, None)
        if step is None:
            return
        if step.kind == "function_call":
            arguments = step.start.get("arguments")
            text = compact(arguments) if arguments and not step.told else None
            yield CallDone(index, arguments=text, signature=step.signature)
        elif step.kind == "thought":
            if step.told:
                yield ReasoningDone(_block(index))
        elif step.kind in ("model_output", ""):
            yield from self._end_text(step)
        elif step.kind != "user_input":
            yield Whole(ProviderBlock(step.kind, _built(step)))

    def stop_all(self) -> Iterator[RawEvent]:
        """The interaction is over: so is every step whose end was not told."""
        for index in list(self._open):
            yield from self.stop(index)

    def _index(self, index: int | None) -> int:
        """The number of a step; where it is not told, that of the last that goes on."""
        return next(reversed(self._open), 0) if index is None else index

    def _thought(self, index: int, step: _Step, text: str | None, part: int) -> Iterator[RawEvent]:
        if text:
            step.told = True
            yield ReasoningFragment(text, _block(index), "summary", part)

    def _sign(self, index: int, step: _Step, signature: str | None) -> Iterator[RawEvent]:
        if not signature:
            return
        if step.kind == "function_call":
            step.signature = signature
        else:
            step.told = True
            yield ReasoningFragment(signature, _block(index), "signature")

    def _content(self, step: _Step, part: JsonObject) -> Iterator[RawEvent]:
        """A whole item of what the model says."""
        kind, text = part.get("type"), part.get("text")
        if step.told or step.annotations:
            yield from self._end_text(step)
        step.told = True
        if kind == "text":
            if isinstance(text, str) and text:
                yield Text(text)
            step.annotations += objects_in(part.get("annotations"))
        elif kind == "image":
            data, url = word_in(part, "data"), word_in(part, "uri")
            yield Whole(Image(data=data, url=url, media_type=word_in(part, "mime_type")))
        elif kind == "function_call":
            self._items += 1
            key, arguments = f"item {self._items}", part.get("arguments")
            yield CallFragment(key, word_in(part, "id"), word_in(part, "name"))
            whole = compact(arguments) if arguments else None
            yield CallDone(key, arguments=whole, signature=word_in(part, "signature"))
        else:
            yield Whole(ProviderBlock(f"{SAID}{kind}", part))

    def _end_text(self, step: _Step) -> Iterator[RawEvent]:
        annotations, step.annotations = step.annotations, []
        yield TextDone({ANNOTATIONS: annotations} if annotations else None)


_IMPLIED = {
    "text": "model_output",
    "thought_summary": "thought",
    "thought_signature": "thought",
    "arguments_delta": "function_call",
    "function_call": "function_call",
}


def _extend(step: _Step, payload: JsonObject) -> None:
    """Add a delta to a step that only the provider understands: lists grow, the rest is merged."""
    if payload.get("type") == "arguments_delta" and isinstance(payload.get("arguments"), str):
        step.pieces.append(str(payload["arguments"]))
        return
    for name, value in payload.items():
        under = step.start.get(name)
        if isinstance(under, list) and isinstance(value, list):
            under += value
        elif name != "type":
            _merge(step.start, {name: value})


def _merge(whole: JsonObject, more: JsonObject) -> None:
    """Add `more` to `whole`, in place: a copy for each delta would be quadratic."""
    for name, value in more.items():
        under = whole.get(name)
        if isinstance(under, dict) and isinstance(value, dict):
            _merge(under, value)
        else:
            whole[name] = value


def _built(step: _Step) -> JsonObject:
    arguments = object_in_text("".join(step.pieces)) if step.pieces else None
    return step.start if arguments is None else {**step.start, "arguments": arguments}


def _block(index: int) -> str:
    return f"step {index}"
