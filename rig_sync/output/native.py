"""Types that msgspec knows: their schema, and answers converted to them.

An answer is taken strictly first. What does not fit is mended where that is unambiguous, at any
depth: scalars sent as strings, as the tools take them (`"3"` for 3, never for dates), and null for
a field that has a default. The rest is listed, all of it, with paths.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Collection, Iterator, Mapping
from typing import (
    Annotated,
    Any,
    NamedTuple,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

import msgspec

from rig_sync._hints import UNIONS, any_value, is_lenient
from rig_sync._json import Json, JsonObject
from rig_sync.errors import ConfigError
from rig_sync.output.misfit import Misfit, at

__all__ = ["convert", "schema_of"]

_REMEDY = (
    "ask for a dataclass, a TypedDict, a msgspec.Struct, a NamedTuple, an Enum, a Literal, str, "
    "int, float, bool, or a list, dict or union of these; a pydantic model stands alone or in a "
    "list, and what it is a part of has to be a pydantic model too"
)


def schema_of(hint: object) -> JsonObject:
    """The JSON Schema of `hint`; shared types are in `$defs`.

    Raises:
        ConfigError: JSON cannot carry it; the message says what to ask for.

    >>> schema_of(list[int])
    {'type': 'array', 'items': {'type': 'integer'}}
    """
    try:
        (schema,), components = msgspec.json.schema_components([hint], schema_hook=any_value)
        msgspec.json.Decoder(hint)
        _fields(hint)
    except (TypeError, NameError, AttributeError) as error:
        reason = str(error).strip().splitlines()[-1]
        raise ConfigError(f"{hint!r} cannot be asked for ({reason}): {_REMEDY}") from error
    return {**schema, "$defs": dict(components)} if components else schema


def convert(value: Json, hint: object, path: str) -> Any:  # noqa: ANN401 - what `hint` says
    """`value` as `hint` says; `path` is where it stands in the answer.

    Raises:
        Misfit: It does not fit.

    >>> convert(["1", 2], list[int], "$")
    [1, 2]
    """
    try:
        return _strictly(value, hint)
    except (msgspec.ValidationError, RecursionError):
        problems: list[str] = []
        mended = _mended(value, hint, path, problems)
    if problems:
        raise Misfit(problems)
    return _strictly(mended, hint)


def _strictly(value: Json, hint: object) -> Any:  # noqa: ANN401 - as above
    try:
        return msgspec.convert(value, hint, str_keys=True)
    except AssertionError as error:  # of a `__post_init__`; pydantic takes those for checks too
        raise msgspec.ValidationError(str(error) or "an assertion of the type failed") from error


class _Field(NamedTuple):
    hint: object
    required: bool


def _mended(value: Json, hint: object, path: str, problems: list[str]) -> Json:
    """`value` so that it fits; what cannot be mended is added to `problems`."""
    try:
        _strictly(value, hint)
    except msgspec.ValidationError as error:
        message = at(str(error), path)
    else:
        return value
    if is_lenient(hint):
        with contextlib.suppress(msgspec.ValidationError):
            lax = msgspec.convert(value, hint, strict=False, str_keys=True)
            return _as_json(lax)
    found: list[str] = []
    inside = _mended_inside(value, hint, path, found)
    if not found:
        try:
            _strictly(inside, hint)
        except msgspec.ValidationError:
            found.append(message)
    problems += found
    return inside


def _as_json(value: object) -> Json:
    plain: Json = msgspec.to_builtins(value, str_keys=True)
    return plain


def _mended_inside(value: Json, hint: object, path: str, problems: list[str]) -> Json:
    origin = get_origin(hint)
    if origin is Annotated:
        return _mended_inside(value, get_args(hint)[0], path, problems)
    if origin in UNIONS:
        return _mended_option(value, get_args(hint), path, problems)
    if isinstance(value, list) and (items := _item_hint(hint)) is not None:
        return [
            _mended(item, items, f"{path}[{number}]", problems) for number, item in enumerate(value)
        ]
    if isinstance(value, dict):
        if origin is dict or (isinstance(origin, type) and issubclass(origin, Mapping)):
            inner = get_args(hint)[1]
            return {
                key: _mended(each, inner, f"{path}.{key}", problems) for key, each in value.items()
            }
        return _mended_fields(value, _fields(hint), path, problems)
    return value


def _mended_option(
    value: Json, options: tuple[object, ...], path: str, problems: list[str]
) -> Json:
    """The first option of a union that `value` can be mended for."""
    tried = [option for option in options if option is not type(None)]
    found: list[str] = []
    for option in tried:
        found = []
        mended = _mended(value, option, path, found)
        if not found:
            return mended
    if len(tried) == 1:
        problems += found
    return value


def _mended_fields(
    value: JsonObject, fields: Mapping[str, _Field], path: str, problems: list[str]
) -> JsonObject:
    mended = dict(value)
    for name, field in fields.items():
        if name not in value:
            if field.required:
                problems.append(f"the key `{name}` is missing - at `{path}`")
            continue
        found: list[str] = []
        mended[name] = _mended(value[name], field.hint, f"{path}.{name}", found)
        if found and value[name] is None and not field.required:
            del mended[name]
        else:
            problems += found
    return mended


def _item_hint(hint: object) -> object | None:
    origin = get_origin(hint)
    args: tuple[object, ...] = get_args(hint)
    if not isinstance(origin, type) or not issubclass(origin, Collection):
        return None
    if len(args) == 1 or (len(args) == 2 and args[1] is Ellipsis):
        return args[0]
    return None


def _fields(hint: object) -> dict[str, _Field]:
    """The fields of a class by their names in JSON; none of one that has none."""
    if not isinstance(hint, type) or get_origin(hint) is not None:
        return {}
    return dict(_named(hint))


def _named(kind: type) -> Iterator[tuple[str, _Field]]:
    if issubclass(kind, msgspec.Struct):
        if not kind.__struct_config__.array_like:
            for field in msgspec.structs.fields(kind):
                yield field.encode_name, _Field(field.type, field.required)
    elif dataclasses.is_dataclass(kind):
        hints = get_type_hints(kind, include_extras=True)
        for each in dataclasses.fields(kind):
            bare = each.default is each.default_factory is dataclasses.MISSING
            if each.init:
                yield each.name, _Field(hints[each.name], bare)
    elif is_typeddict(kind):
        required: frozenset[str] = getattr(kind, "__required_keys__", frozenset())
        for name, hint in get_type_hints(kind, include_extras=True).items():
            yield name, _Field(_without_marks(hint), name in required)


def _without_marks(hint: object) -> object:
    """`hint` without `Required` and `NotRequired`, which are in `typing` from 3.11 on."""
    mark = getattr(get_origin(hint), "_name", None)
    return get_args(hint)[0] if mark in ("Required", "NotRequired") else hint
