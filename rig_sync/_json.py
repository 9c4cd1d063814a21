"""JSON in and out: the one place that imports msgspec's codec for text of unknown shape."""

from __future__ import annotations

import re
import typing
from typing import TYPE_CHECKING, TypeAlias

import msgspec

if TYPE_CHECKING:
    Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
    JsonObject: TypeAlias = "dict[str, Json]"
else:  # msgspec reads annotations at run time and knows no recursive alias
    Json = typing.Any
    JsonObject = dict[str, Json]

__all__ = ["Json", "JsonObject", "compact", "merged", "parse", "parse_object", "to_json"]


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
    r"""The JSON value in `text`; half a surrogate pair in it becomes U+FFFD.

    Raises:
        ValueError: `text` is not one whole JSON value, or nested too deeply.

    >>> parse(r'["\ud83d", 1]')
    ['\ufffd', 1]
    """
    try:
        value: Json = _decoder.decode(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except msgspec.DecodeError:
        mended = _mended(text if isinstance(text, str) else text.decode("utf-8", "replace"))
        if mended == text:
            raise
        value = _decoder.decode(mended)
    return value


_ESCAPES = re.compile(
    r"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)


def _mended(text: str) -> str:
    """`text` with the escape of U+FFFD for every half of a pair that stands alone."""
    return _ESCAPES.sub(lambda found: r"\ufffd" if len(found[0]) == 6 else found[0], text)


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
