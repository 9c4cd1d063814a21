"""Pydantic models, known by what they can do; pydantic itself is never imported here."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, TypeGuard, get_args

from rig_sync._json import Json, JsonObject, compact
from rig_sync.output.misfit import Misfit

__all__ = ["Model", "contains_model", "is_model", "validate"]


class Model(Protocol):
    """What a pydantic model class can do."""

    def model_json_schema(self) -> JsonObject:
        """Its JSON Schema."""
        ...

    def model_validate_json(self, text: str) -> Any:  # noqa: ANN401 - one of its own
        """An instance."""
        ...


def is_model(kind: object) -> TypeGuard[Model]:
    """Whether `kind` is a pydantic model (of pydantic 2).

    >>> is_model(int)
    False
    """
    names = ("model_json_schema", "model_validate_json")
    return isinstance(kind, type) and all(callable(getattr(kind, name, None)) for name in names)


def contains_model(hint: object) -> bool:
    """Whether `hint` is a model or has one among its arguments."""
    return is_model(hint) or any(map(contains_model, get_args(hint)))


def validate(value: Json, kind: Model, path: str) -> Any:  # noqa: ANN401 - a `kind`
    """An instance of `kind`; null for a field with a default counts as not given.

    Raises:
        Misfit: `value` does not fit; problems are in pydantic's words.
    """
    try:
        return kind.model_validate_json(compact(value))
    except ValueError as error:
        problems = _problems(error)
    without = value
    for problem in problems:
        without = _without_null(without, problem.loc)
    if without != value:
        with contextlib.suppress(ValueError):  # told is what is wrong with the value as it came
            return kind.model_validate_json(compact(without))
    raise Misfit(f"{problem.message} - at `{_path(path, problem.loc)}`" for problem in problems)


class _Problem(NamedTuple):
    message: str
    loc: tuple[str | int, ...]


def _problems(error: ValueError) -> list[_Problem]:
    details = getattr(error, "errors", None)
    if not callable(details):
        return [_Problem(str(error), ())]
    return [_Problem(str(detail["msg"]), tuple(detail["loc"])) for detail in details()]


def _without_null(value: Json, loc: Sequence[str | int]) -> Json:
    """`value` without the key at `loc`, if null is what it has."""
    if not loc:
        return value
    step, rest = loc[0], loc[1:]
    if isinstance(value, dict) and isinstance(step, str) and step in value:
        if not rest and value[step] is None:
            return {key: inner for key, inner in value.items() if key != step}
        return {**value, step: _without_null(value[step], rest)}
    if isinstance(value, list) and isinstance(step, int) and step < len(value):
        return [*value[:step], _without_null(value[step], rest), *value[step + 1 :]]
    return value


def _path(path: str, loc: Sequence[str | int]) -> str:
    """As msgspec writes paths.

    >>> _path("$", ("tags", 0, "name"))
    '$.tags[0].name'
    """
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in loc)
    return path + "".join(steps)
