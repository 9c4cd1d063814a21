"""Typed decoding for servers that get types wrong: keep every field that fits, name the others."""

from __future__ import annotations

import types
import typing
from functools import cache
from typing import TypeVar

import msgspec
from msgspec import Struct

from rig_sync._json import Json, JsonObject

__all__ = ["lenient"]

S = TypeVar("S", bound=Struct)


def lenient(value: JsonObject, kind: type[S]) -> tuple[S, list[str]]:
    """`value` as a `kind`, and what was wrong with it.

    A field that does not fit keeps its default; Structs inside, also in lists, are treated alike.
    Every field of `kind` needs a default.

    >>> class Point(Struct):
    ...     x: int = 0
    ...     y: int = 0
    >>> lenient({"x": 1, "y": "up"}, Point)
    (Point(x=1, y=0), ['y: Expected `int`, got `str`'])
    """
    wrong: list[str] = []
    return _object(value, kind, "", wrong), wrong


def _object(value: JsonObject, kind: type[S], at: str, wrong: list[str]) -> S:
    whole = kind()
    for name, hint in _hints(kind).items():
        if name not in value:
            continue
        try:
            fitting = msgspec.convert(value[name], hint)
        except msgspec.ValidationError as error:
            fitting = _inside(value[name], hint, f"{at}{name}", wrong, str(error))
            if fitting is None:
                continue
        setattr(whole, name, fitting)
    return whole


def _inside(value: Json, hint: object, at: str, wrong: list[str], why: str) -> object:
    """What can be kept of a value that does not fit; None for nothing."""
    alone, listed = _structs_in(hint)
    if alone is not None and isinstance(value, dict):
        return _object(value, alone, f"{at}.", wrong)
    if listed is not None and isinstance(value, list):
        objects = [entry for entry in value if isinstance(entry, dict)]
        if len(objects) < len(value):
            wrong.append(f"{at}[]: Expected `object`")
        return [_object(entry, listed, f"{at}[].", wrong) for entry in objects]
    wrong.append(f"{at}: {why.split(' - at')[0]}")
    if listed is not None and isinstance(value, dict):
        return [_object(value, listed, f"{at}.", wrong)]  # one, without the list around it
    return None


@cache
def _hints(kind: type[Struct]) -> dict[str, object]:
    return typing.get_type_hints(kind)


@cache
def _structs_in(hint: object) -> tuple[type[Struct] | None, type[Struct] | None]:
    """The Struct that `hint` allows by itself, and the one that it allows in a list."""
    alone = listed = None
    union = typing.get_origin(hint) in (typing.Union, types.UnionType)
    for member in typing.get_args(hint) if union else (hint,):
        if typing.get_origin(member) is list:
            listed = _as_struct(typing.get_args(member)[0])
        else:
            alone = alone or _as_struct(member)
    return alone, listed


def _as_struct(hint: object) -> type[Struct] | None:
    return hint if isinstance(hint, type) and issubclass(hint, Struct) else None
