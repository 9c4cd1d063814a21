"""JSON in and out: the one place that imports msgspec's codec for text of unknown shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import msgspec

if TYPE_CHECKING:
    Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
    JsonObject: TypeAlias = "dict[str, Json]"
else:  # msgspec reads annotations at run time, knows no recursive alias, and takes this as any
    Json = object
    JsonObject = dict[str, object]

__all__ = ["Json", "JsonObject", "compact", "parse", "parse_object", "to_json"]

DecodeError = msgspec.DecodeError
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


def parse(text: str | bytes) -> Json:
    """The JSON value in `text`.

    Raises:
        ValueError: `text` is not one whole JSON value (msgspec.DecodeError is one).
    """
    value: Json = _decoder.decode(text)
    return value


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
