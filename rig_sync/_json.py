"""JSON in and out: the one place that imports msgspec's codec for text of unknown shape."""

from __future__ import annotations

import itertools
import re
import typing
from array import array
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import msgspec

if TYPE_CHECKING:
    Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
    JsonObject: TypeAlias = "dict[str, Json]"
else:  # msgspec reads annotations at run time and knows no recursive alias
    Json = typing.Any
    JsonObject = dict[str, Json]

__all__ = [
    "Json",
    "JsonObject",
    "compact",
    "is_deeper",
    "loaded",
    "merged",
    "parse",
    "parse_object",
    "to_json",
]


T = TypeVar("T")

SAVED_DEPTH = 500
"""Objects and lists inside each other in what was saved: twice what an answer may have."""

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder()


def to_json(value: object) -> bytes:
    """`value` as compact JSON; Structs with their tags.

    >>> to_json({"a": [1, None]})
    b'{"a":[1,null]}'
    """
    return _encoder.encode(value)


def compact(value: object) -> str:
    """Like `to_json`, as text.

    >>> compact({"a": "é"})
    '{"a":"é"}'
    """
    return _encoder.encode(value).decode()


def merged(body: JsonObject, extra: JsonObject) -> JsonObject:
    """`body` with `extra` on top: objects are merged key by key, all else is replaced.

    >>> merged({"a": {"b": 1, "c": 2}, "d": [1]}, {"a": {"c": 3}, "d": []})
    {'a': {'b': 1, 'c': 3}, 'd': []}
    """
    whole = dict(body)
    for name, value in extra.items():
        under = whole.get(name)
        if isinstance(under, dict) and isinstance(value, dict):
            whole[name] = merged(under, value)
        else:
            whole[name] = value
    return whole


def parse(text: str | bytes) -> Json:
    r"""The JSON value in `text`; half a surrogate pair in it, and what is no UTF-8, become U+FFFD.

    Raises:
        ValueError: `text` is not one whole JSON value, or nested too deeply.

    >>> parse(r'["\ud83d", 1]')
    ['\ufffd', 1]
    """
    try:
        return _parsed(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        mended = _mended(text)
        if mended is None:
            raise
    return _parsed(mended)


def _parsed(text: str | bytes) -> Json:
    try:
        value: Json = _decoder.decode(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return value


_HALF = re.compile(rb"\\u[dD]([89a-fA-F])[0-9a-fA-F]{2}")


def _mended(text: str | bytes) -> bytes | None:
    """`text` with the escape of U+FFFD for every half of a pair that stands alone.

    None when there is nothing to mend.
    """
    whole = text.encode() if isinstance(text, str) else text.decode("utf-8", "replace").encode()
    mended = bytearray(whole)  # the escapes are equally long
    waiting: int | None = None  # where a first half is that may find its other half
    for found in _HALF.finditer(whole):
        at = found.start()
        if _is_escaped(whole, at):
            continue
        if found[1] in b"89abAB":
            if waiting is not None:
                mended[waiting : waiting + 6] = _REPLACEMENT
            waiting = at
        elif waiting == at - 6:
            waiting = None
        else:
            mended[at : at + 6] = _REPLACEMENT
    if waiting is not None:
        mended[waiting : waiting + 6] = _REPLACEMENT
    return None if mended == (text.encode() if isinstance(text, str) else text) else bytes(mended)


def _is_escaped(text: bytes, at: int) -> bool:
    """Whether the backslash at `at` is itself escaped by the one before."""
    start = at
    while start > 0 and text[start - 1] == _BACKSLASH:
        start -= 1
    return (at - start) % 2 == 1


_BACKSLASH = 0x5C
_REPLACEMENT = rb"\ufffd"


def loaded(decoder: msgspec.json.Decoder[T], data: str | bytes) -> T:
    """What was saved as `data`, which anybody may have written since.

    Raises:
        msgspec.DecodeError: it is no JSON, or does not fit.

    >>> loaded(msgspec.json.Decoder(int), b"3")
    3
    """
    if is_deeper(data, SAVED_DEPTH):
        raise msgspec.DecodeError(f"nested too deeply: {SAVED_DEPTH} levels are the most")
    try:
        return decoder.decode(data)
    except UnicodeError as error:
        raise msgspec.DecodeError(f"the text is no UTF-8: {error}") from None


def is_deeper(text: str | bytes, depth: int) -> bool:
    r"""Whether more than `depth` objects and lists are inside each other in a JSON text.

    Quick where there are few brackets at all; else linear in time, and in little memory.

    >>> is_deeper('[[{"a": 1}]]', 3), is_deeper('[[{"a": 1}]]', 2), is_deeper(r'"\"[[["', 2)
    (False, True, False)
    """
    if len(text) <= depth:
        return False
    whole = text.encode("utf-8", "replace") if isinstance(text, str) else text
    if whole.count(b"{") + whole.count(b"[") <= depth:
        return False
    if b"\\" in whole:
        whole = whole.replace(b"\\\\", b"").replace(b'\\"', b"")  # every quote left is an end
    marks = whole.translate(_STEPS, _NO_MARKS).replace(b'""', b"")
    inside = in_string = 0
    for start in range(0, len(marks), _BLOCK):
        pieces = marks[start : start + _BLOCK].split(b'"')
        steps = array("b", b"".join(pieces[in_string::2]))
        in_string ^= (len(pieces) - 1) & 1
        levels = list(itertools.accumulate(steps, initial=inside))
        inside = levels[-1]
        if max(levels) > depth:
            return True
    return False


_STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")  # in and out, as signed numbers
_NO_MARKS = bytes({*range(256)} - {*b'[]{}"'})
_BLOCK = 1 << 16


def parse_object(text: str | bytes) -> JsonObject | None:
    """The JSON object in `text`, or None when it is anything else.

    >>> parse_object('{"a": 1}'), parse_object("[]"), parse_object('{"a"')
    ({'a': 1}, None, None)
    """
    try:
        value = parse(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
