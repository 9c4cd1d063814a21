"""What every wire is: the contract between the pure decoders and whoever feeds them."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Iterator
from typing import Literal, Protocol, TypeAlias

import msgspec

from rig_sync._json import Json, JsonObject, is_deeper, merged, parse, parse_object
from rig_sync.completion import CompletionRequest
from rig_sync.errors import ProviderError, ResponseDecodeError, StreamTruncated
from rig_sync.limits import Limits
from rig_sync.streaming.raw import Defect, RawEvent
from rig_sync.wire.errors import error_from_payload

__all__ = [
    "UNREADABLE",
    "Adapt",
    "Answer",
    "Frame",
    "FramingName",
    "Wire",
    "adapted",
    "bad_frame",
    "count",
    "misfits",
    "natural",
    "object_in",
    "object_in_text",
    "objects_in",
    "whole_body",
    "word_in",
]

DEPTH = Limits().json_depth

UNREADABLE = (msgspec.DecodeError, RecursionError)
"""What a decoder raises for JSON that is broken, does not fit, or is nested too deeply."""


FramingName: TypeAlias = Literal["sse", "ndjson", "aws"]
"""How a wire's streams are cut: server-sent events, a JSON object a line, AWS event streams."""

Adapt: TypeAlias = Callable[[CompletionRequest, JsonObject], JsonObject]
"""What a provider does its own way: makes of an encoded body the one that it takes."""


class Frame(Protocol):
    """One frame of a stream: the name the server gave it, and its data."""

    event: str
    data: str


class Answer(Protocol):
    """One format of whole answers. Pure: no I/O, no clock, no thread."""

    @property
    def name(self) -> str:
        """As `openai_chat`."""

    def decode_body(self, body: bytes) -> Iterator[RawEvent]:
        """Raw events out of a whole body; the same that its stream would have given."""

    def decode_error(self, body: str, status: int | None) -> ProviderError:
        """The error in a response whose status says that it is one."""


class Wire(Answer, Protocol):
    """One format of requests, and of answers streamed or whole."""

    @property
    def framing(self) -> FramingName:
        """How its streams are cut into frames."""

    def path(self, request: CompletionRequest, *, stream: bool) -> str:
        """What follows the base URL."""

    def encode(self, request: CompletionRequest, *, stream: bool) -> JsonObject:
        """The body of the request.

        Raises:
            ConfigError: the wire cannot carry something in `request`; says what.
        """

    def decode_stream(self, frames: Iterable[Frame]) -> Iterator[RawEvent]:
        """Raw events out of a stream; returns at the terminal frame, without reading on.

        It ends without `End` when `frames` does so before the provider was done.
        """


def adapted(body: JsonObject, request: CompletionRequest, adapt: Adapt | None) -> JsonObject:
    """`body` as the server wants it, with the `additional_params` of `request` on top."""
    if adapt is not None:
        body = adapt(request, body)
    return merged(body, request.additional_params)


def bad_frame(data: str, why: str) -> Defect:
    """A frame that could not be understood; the stream goes on."""
    text = f"a frame of the stream could not be read ({why}): {data[:80]!r}"
    return Defect(ResponseDecodeError(text, body=data[:4096]))


def misfits(wrong: Iterable[str], data: str) -> Iterator[Defect]:
    """The defects of an otherwise good frame: fields of the wrong type."""
    for what in wrong:
        text = f"a field of the answer has the wrong type ({what}): what does not fit is left out"
        yield Defect(ResponseDecodeError(text, body=data[:4096]))


def object_in(value: Json, *path: str) -> JsonObject:
    """The object at `path` inside `value`; an empty one when there is none.

    >>> object_in({"a": {"b": {"c": 1}}}, "a", "b"), object_in(None, "a")
    ({'c': 1}, {})
    """
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def object_in_text(text: str) -> JsonObject | None:
    """The object in JSON text that came as a string, in pieces perhaps; None when there is none.

    None also where it is nested deeper than any answer may be.

    >>> object_in_text('{"a": 1}'), object_in_text('{"a"')
    ({'a': 1}, None)
    """
    return None if is_deeper(text, DEPTH) else parse_object(text)


def objects_in(value: Json) -> list[JsonObject]:
    """The objects in a list; none when it is no list.

    >>> objects_in([{"a": 1}, 2]), objects_in(None)
    ([{'a': 1}], [])
    """
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def word_in(value: Json, name: str) -> str | None:
    """The text of a field of `value`; None when there is none, or it is of another type.

    >>> word_in({"a": "b"}, "a"), word_in({"a": ""}, "a"), word_in({"a": 1}, "a"), word_in(1, "a")
    ('b', None, None, None)
    """
    word = object_in(value).get(name)
    return word if isinstance(word, str) and word else None


def count(fields: JsonObject, *names: str) -> int | None:
    """The first of `names` that is a count in `fields`.

    >>> count({"a": None, "b": 3}, "a", "b"), count({}, "a")
    (3, None)
    """
    found = (natural(fields.get(name)) for name in names)
    return next((value for value in found if value is not None), None)


def natural(value: Json) -> int | None:
    """`value` as a count; None where it is no number, below 0 or beyond what 64 bits hold.

    >>> natural(3), natural(9.0), natural(-1), natural(10**400), natural(True), natural("3")
    (3, 9, None, None, None, None)
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 2**63:
        return int(value)
    return None


def whole_body(body: bytes, *fields: str) -> JsonObject:
    """The JSON object that a whole body has to be.

    Args:
        body: As it came.
        fields: One of them makes it an answer; what has an `error` goes through too, for the wire
            to read it; without any fields, every object will do.

    Raises:
        ProviderError: it looks like an error, of a proxy's perhaps.
        ResponseDecodeError: it is something else, so that nothing passes for an empty answer;
            `.body` has the beginning.
        StreamTruncated: it breaks off, or there is none.
    """
    text = body[:4096].decode("utf-8", "replace")
    try:
        value = parse(body.removeprefix(BOM_UTF8))
    except ValueError as error:
        if "truncated" in str(error):  # as msgspec says of JSON that does not end, or is not there
            came = f"after {text[:80]!r}" if text.strip() else "nothing came"
            raise StreamTruncated(f"the body ended before the answer did: {came}") from None
        value = None
    if isinstance(value, list) and value and object_in(value[0]).get("error"):
        raise error_from_payload(object_in(value[0]), 200)  # Google wraps the object in an array
    what = "no JSON object"
    if isinstance(value, dict):
        told = {name for name, one in value.items() if not isinstance(one, str)}
        told |= value.keys() - {*_ERROR_FIELDS}  # the `message` of an answer is no text
        if not fields or value.get("error") or told & {*fields}:
            return value
        if any(value.get(name) for name in _ERROR_FIELDS):
            raise error_from_payload(value, 200)
        what = f"none: it has no {fields[0]!r}"
    raise ResponseDecodeError(f"the answer is {what}: {text[:80]!r}", recoverable=False, body=text)


_ERROR_FIELDS = ("errors", "message", "Message", "detail", "code")
