"""Type hints, as those who make JSON Schemas of them and read JSON by them see them."""

from __future__ import annotations

import enum
import types
from collections.abc import Collection
from typing import Annotated, Literal, Union, get_args, get_origin

__all__ = ["UNIONS", "any_value", "is_lenient"]

UNIONS = (Union, types.UnionType)
"""What `get_origin` says of a union."""

_PLAIN = (int, float, bool, str, type(None), list, dict, set, frozenset, tuple)


def is_lenient(hint: object) -> bool:
    """Whether lax conversion of `hint` holds no surprise: scalars and collections of them.

    Never dates and times: msgspec's lax mode would read "2024" as seconds since 1970.

    >>> from datetime import date
    >>> is_lenient(list[int]), is_lenient(date)
    (True, False)
    """
    origin = get_origin(hint)
    if origin is Annotated:
        return is_lenient(get_args(hint)[0])
    if origin is None:
        is_enum = isinstance(hint, type) and issubclass(hint, enum.Enum)
        return is_enum or any(hint is kind for kind in _PLAIN)
    if origin is Literal:
        return True
    if origin in UNIONS or (isinstance(origin, type) and issubclass(origin, Collection)):
        return all(arg is Ellipsis or is_lenient(arg) for arg in get_args(hint))
    return False


def any_value(hint: object) -> dict[str, str]:
    """The schema of `object`, for msgspec, which has none.

    Raises:
        NotImplementedError: it is another type; msgspec turns that into its own refusal.

    >>> any_value(object)
    {'description': 'any JSON value'}
    """
    if hint is object:
        return {"description": "any JSON value"}  # msgspec takes no empty one
    raise NotImplementedError
