"""The type that an answer is asked in: what the model is told of it, and its answer as a value."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Hashable
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Generic,
    NamedTuple,
    TypeVar,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec

from rig_sync._json import Json, JsonObject, parse
from rig_sync.completion import OutputSchema
from rig_sync.errors import ConfigError, OutputInvalid
from rig_sync.output import native
from rig_sync.output.misfit import Misfit
from rig_sync.output.pydantic import Model, contains_model, is_model, validate
from rig_sync.output.schema import tidied

if TYPE_CHECKING:
    from typing_extensions import TypeForm

__all__ = ["Misfit", "OutputType", "output_type"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}").fullmatch
_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9_-]+")


class OutputType(Generic[T_co]):
    """What an answer has to be; made by `output_type`.

    Attributes:
        name: What providers call it: 1 to 64 letters, digits, `_` and `-`.
        description: What it is, in words; empty when nothing says so.
        schema: Its JSON Schema, always of an object. `strict` is set when strict modes can carry
            it: no free-form dicts, tuples or `Any`. Fields with defaults are then required and
            nullable, where null stands for the default: so strictness is never lost to a default,
            and the model is never forced to make a value up.
        wrapped: `T` is no object in JSON: the model gives it as `{"value": ...}`.
    """

    __slots__ = ("_read", "description", "name", "schema", "wrapped")

    def __init__(
        self,
        schema: OutputSchema,
        description: str,
        wrapped: bool,
        read: Callable[[Json, str], T_co],
    ) -> None:
        self.name = schema.name
        self.description = description
        self.schema = schema
        self.wrapped = wrapped
        self._read = read

    def parse(self, text: str) -> T_co:
        """The value in `text`, which is JSON and nothing else.

        Raises:
            Misfit: `text` is no JSON, or does not fit.
            OutputInvalid: the type itself failed: see `__cause__`.

        >>> output_type(int | None).parse('{"value": "3"}')
        3
        """
        try:
            value = parse(text)
        except ValueError as error:
            raise Misfit([f"the answer is not one whole JSON value: {error}"]) from None
        return self._convert(value)

    def convert(self, value: JsonObject) -> T_co:
        """The value in `value`, which was JSON.

        Scalars sent as strings are taken where that is unambiguous, and null for a field with a
        default counts as not given.

        Raises:
            Misfit: It does not fit; lists everything that does not.

        >>> output_type(list[int]).convert({"value": [1, "x", True]})
        Traceback (most recent call last):
        ...
        rig_sync.output.misfit.Misfit: Expected `int`, got `str` - at `$.value[1]`; \
Expected `int`, got `bool` - at `$.value[2]`
        """
        return self._convert(value)

    def _convert(self, value: Json) -> T_co:
        try:
            return self._unwrapped(value)
        except Misfit:
            raise
        except Exception as error:  # a fault of the type, which no other answer would mend
            raise OutputInvalid(f"{self.name} raised {type(error).__name__}: {error}") from error

    def _unwrapped(self, value: Json) -> T_co:
        if not self.wrapped:
            return self._read(value, "$")
        if isinstance(value, dict) and value.keys() == {"value"}:
            return self._read(value["value"], "$.value")
        try:
            return self._read(value, "$")  # given bare, as models without a native mode do
        except Misfit as misfit:
            hint = 'the answer must be an object with the one key `value`, `{"value": ...}`'
            raise Misfit([hint, *misfit.problems]) from None

    def unwrap(self, partial: Json) -> Json:
        """What of `T` there is in a partial answer; None while there is nothing of it.

        >>> output_type(list[int]).unwrap({"value": [1]}), output_type(list[int]).unwrap({})
        ([1], None)
        """
        if self.wrapped and isinstance(partial, dict):
            return partial.get("value")
        return partial

    def __repr__(self) -> str:
        return f"OutputType({self.name!r}, strict={self.schema.strict})"


def output_type(
    kind: TypeForm[T], *, name: str | None = None, description: str | None = None
) -> OutputType[T]:
    """The output type for `kind`.

    Args:
        kind: A dataclass, TypedDict, msgspec.Struct, NamedTuple, pydantic model, a list of such
            models, an Enum, Literal or scalar, or lists, dicts and unions of these.
        name: What providers call it; else the name of `kind`.
        description: What it is; else the first paragraph of its docstring.

    Raises:
        ConfigError: JSON cannot carry `kind`, or `name` is none that providers take.

    >>> from dataclasses import dataclass
    >>> @dataclass
    ... class City:
    ...     "A place with people."
    ...     name: str
    ...     people: int
    >>> city = output_type(City)
    >>> city.name, city.description, city.schema.schema["required"]
    ('City', 'A place with people.', ['name', 'people'])
    >>> city.parse('{"name": "Ulm", "people": 126000}')
    City(name='Ulm', people=126000)
    """
    try:
        hash(kind)
    except TypeError:
        return _made(kind, name, description)
    made: OutputType[T] = _cached(cast("Hashable", kind), name, description)
    return made


class _Codec(NamedTuple):
    schema: JsonObject
    read: Callable[[Json, str], Any]


def _made(kind: object, name: str | None, description: str | None) -> OutputType[Any]:
    if name is not None and not _NAME(name):
        raise ConfigError(f"name={name!r}: write 1 to 64 letters, digits, `_` or `-`")
    codec = _codec(kind)
    root = _inlined(codec.schema)
    wrapped = root.get("type") != "object"
    if description is None:
        text = root.get("description")
        description = _first_paragraph(text) if isinstance(text, str) else ""
    schema, strict = tidied(_in_object(root) if wrapped else root)
    named = OutputSchema(name or _name_of(kind), schema, strict)
    return OutputType(named, description, wrapped, codec.read)


_cached = functools.lru_cache(maxsize=128, typed=True)(_made)


def _codec(kind: object) -> _Codec:
    if is_model(kind):
        return _Codec(_model_schema(kind), functools.partial(_read_model, kind))
    if get_origin(kind) is list and is_model(model := get_args(kind)[0]):
        inner = dict(_model_schema(model))
        shared: JsonObject = {"$defs": inner.pop("$defs")} if "$defs" in inner else {}
        listed: JsonObject = {"type": "array", "items": inner, **shared}
        return _Codec(listed, functools.partial(_read_models, model))
    if contains_model(kind):
        raise ConfigError(
            f"{kind!r} mixes a pydantic model with other types: ask for the model, for a list of "
            "it, or for a pydantic model that has this as a field"
        )
    if isinstance(kind, type) and issubclass(kind, tuple) and hasattr(kind, "_fields"):
        return _named_tuple(kind)
    schema = native.schema_of(kind)
    return _Codec(schema, lambda value, path: native.convert(value, kind, path))


def _model_schema(model: Model) -> JsonObject:
    try:
        return model.model_json_schema()
    except (TypeError, ValueError, NameError, AttributeError) as error:
        raise ConfigError(
            f"pydantic makes no JSON Schema of {model!r} ({error}): give its fields types that "
            "JSON can carry"
        ) from error


def _read_model(model: Model, value: Json, path: str) -> Any:  # noqa: ANN401 - a model
    return validate(value, model, path)


def _read_models(model: Model, value: Json, path: str) -> list[Any]:
    if not isinstance(value, list):
        raise Misfit([f"Expected `array` - at `{path}`"])
    problems: list[str] = []
    read = [_tried(model, item, f"{path}[{at}]", problems) for at, item in enumerate(value)]
    if problems:
        raise Misfit(problems)
    return read


def _tried(model: Model, value: Json, path: str, problems: list[str]) -> Any:  # noqa: ANN401
    try:
        return validate(value, model, path)
    except Misfit as misfit:
        problems += misfit.problems
        return None


def _named_tuple(kind: type[tuple[Any, ...]]) -> _Codec:
    """A NamedTuple as an object, for its names say more to a model than positions."""
    native.schema_of(kind)
    hints = get_type_hints(kind, include_extras=True)
    defaults: dict[str, object] = getattr(kind, "_field_defaults", {})
    names: tuple[str, ...] = getattr(kind, "_fields", ())
    fields: list[Any] = [
        (name, hints.get(name, Any), defaults[name])
        if name in defaults
        else (name, hints.get(name, Any))
        for name in names
    ]
    struct = msgspec.defstruct(kind.__name__, fields, kw_only=True)
    schema = native.schema_of(struct)

    def read(value: Json, path: str) -> tuple[Any, ...]:
        return kind(*msgspec.structs.astuple(native.convert(value, struct, path)))

    return _Codec(_described(schema, kind.__name__, _own_words(kind)), read)


def _own_words(kind: type[tuple[Any, ...]]) -> str:
    text = kind.__doc__ or ""
    return "" if text.startswith(f"{kind.__name__}(") else inspect.cleandoc(text)


def _described(schema: JsonObject, name: str, text: str) -> JsonObject:
    definitions = schema.get("$defs")
    inner = definitions.get(name) if isinstance(definitions, dict) else None
    if isinstance(inner, dict) and text:
        inner["description"] = text
    return schema


def _inlined(schema: JsonObject) -> JsonObject:
    """`schema` with its root in place, not behind a `$ref`."""
    definitions = schema.get("$defs")
    reference = schema.get("$ref")
    if not isinstance(definitions, dict) or not isinstance(reference, str):
        return schema
    name = reference.removeprefix("#/$defs/")
    root = definitions.get(name)
    if not isinstance(root, dict):
        return schema
    above = {key: value for key, value in schema.items() if key not in ("$ref", "$defs")}
    if not _refers(list(definitions.values()), reference):
        definitions = {key: value for key, value in definitions.items() if key != name}
    whole = {**root, **above}
    return {**whole, "$defs": definitions} if definitions else whole


def _refers(value: Json, reference: str) -> bool:
    if isinstance(value, list):
        return any(_refers(inner, reference) for inner in value)
    if isinstance(value, dict):
        return value.get("$ref") == reference or _refers(list(value.values()), reference)
    return False


def _in_object(root: JsonObject) -> JsonObject:
    """An object with `root` as its one property."""
    inner = {key: value for key, value in root.items() if key != "$defs"}
    whole: JsonObject = {"type": "object", "properties": {"value": inner}, "required": ["value"]}
    return {**whole, "$defs": root["$defs"]} if "$defs" in root else whole


def _name_of(kind: object) -> str:
    """A name made of those of `kind` and its arguments.

    >>> _name_of(list[int]), _name_of(int | None)
    ('list_int', 'int_or_None')
    """
    return _NOT_IN_NAMES.sub("_", _words(kind)).strip("_")[:64] or "answer"


def _words(kind: object) -> str:
    origin, args = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _words(args[0])
    if origin is None:
        return str(getattr(kind, "__name__", kind)).replace("NoneType", "None")
    if not isinstance(origin, type) or origin.__name__ in ("UnionType", "Union"):
        return "_or_".join(map(_words, args))
    return "_".join(map(_words, (origin, *args)))


def _first_paragraph(text: str) -> str:
    return " ".join(inspect.cleandoc(text).partition("\n\n")[0].split())
