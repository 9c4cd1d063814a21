"""From a function's signature: the JSON Schema that a model reads, and the check of what it sends.

Both come from the type hints through msgspec, so what the schema promises is what the check
takes. A value is checked strictly first. Where that fails, two things models often do are
forgiven:

* numbers, booleans and null sent as a string (`"3"` for 3, `"false"` for False), and the like
  that msgspec's lax mode knows: for scalars and for lists, dicts, sets and tuples of them. Not
  inside dataclasses and Structs, and never for dates and times, where lax mode would read "2024"
  as seconds since 1970.
* `null` for a parameter that has a default and takes no null: it counts as not given.

Everything else goes back to the model, all of it at once.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, NamedTuple, Union, get_args, get_origin, get_type_hints

import msgspec

from rig_sync._hints import UNIONS, any_value, is_lenient
from rig_sync._json import Json, JsonObject, parse
from rig_sync.errors import ConfigError, ToolError
from rig_sync.output import listed
from rig_sync.tools.context import ToolContext
from rig_sync.tools.docstring import argument_descriptions

__all__ = ["Parameter", "ToolSignature", "read_signature"]

_REFUSED: dict[object, str] = {
    inspect.Parameter.POSITIONAL_ONLY: "is positional-only, but a model names its arguments: "
    "take the `/` out",
    inspect.Parameter.VAR_POSITIONAL: "takes any number of arguments: write "
    "`{name}: list[str]` (or the type you expect) instead of `*{name}`",
    inspect.Parameter.VAR_KEYWORD: "takes any argument: write `{name}: dict[str, str]` (or the "
    "type you expect) instead of `**{name}`",
}


class Parameter(NamedTuple):
    """One argument that the model can give; `default` is `inspect.Parameter.empty` without one."""

    name: str
    hint: object
    default: object

    @property
    def required(self) -> bool:
        """Whether a call needs it."""
        return self.default is inspect.Parameter.empty

    def convert(self, value: Json) -> object:
        """`value` as the hint says: strictly, else leniently where the hint allows it.

        Raises:
            msgspec.ValidationError: It fits neither way; the message is that of the strict one.
        """
        try:
            return msgspec.convert(value, self.hint, str_keys=True)
        except msgspec.ValidationError:
            if not is_lenient(self.hint):
                raise
            with contextlib.suppress(msgspec.ValidationError):
                return msgspec.convert(value, self.hint, strict=False, str_keys=True)
            raise


class ToolSignature(NamedTuple):
    """What a function takes: `schema` for the model, `bind` for its answer.

    Attributes:
        name: The tool's name, for messages.
        schema: A self-contained JSON Schema of type object; shared types are in its `$defs`.
        parameters: Those in `schema`, in order.
        injected: Parameters that are given the `ToolContext`.
    """

    name: str
    schema: JsonObject
    parameters: tuple[Parameter, ...]
    injected: tuple[str, ...]

    def bind(self, arguments: Mapping[str, Json], context: ToolContext) -> dict[str, object]:
        """The keyword arguments to call the function with; what is left out keeps its default.

        Raises:
            ToolError: `arguments` do not fit `schema`; the message lists what does not, with
                paths, for the model to correct itself: all of it, or the first 20.
        """
        bound: dict[str, object] = {}
        problems = [f"unknown argument `{name}`" for name in self._unknown(arguments)]
        for parameter in self.parameters:
            if parameter.name not in arguments:
                if parameter.required:
                    problems.append(f"missing required argument `{parameter.name}`")
                continue
            value = arguments[parameter.name]
            try:
                bound[parameter.name] = parameter.convert(value)
            except msgspec.ValidationError as error:
                if value is not None or parameter.required:
                    problems.append(_with_path(str(error), parameter.name))
        if problems:
            raise ToolError(f"arguments of {self.name} do not fit: {listed(problems)}")
        return bound | dict.fromkeys(self.injected, context)

    def _unknown(self, arguments: Mapping[str, Json]) -> list[str]:
        known = {parameter.name for parameter in self.parameters}
        return [name for name in arguments if name not in known]


def read_signature(function: Callable[..., object], name: str) -> ToolSignature:
    """The schema and the check for `function`, called `name` as a tool.

    Parameters annotated `ToolContext`, or `ToolContext[...]`, are left out of the schema. A
    parameter's description is `Annotated[int, "this string"]`, `msgspec.Meta(description=...)`, or
    its entry in the docstring's `Args:` section, whichever comes first.

    Raises:
        ConfigError: A parameter has no hint, a hint that JSON cannot carry, or is positional-only
            or variadic; the message names it and says what to write.

    >>> def add(a: int, b: Annotated[int, "the second"] = 1) -> int: ...
    >>> signature = read_signature(add, "add")
    >>> signature.schema["properties"]
    {'a': {'type': 'integer'}, 'b': {'type': 'integer', 'default': 1, 'description': 'the second'}}
    >>> signature.schema["required"], signature.bind({"a": "3"}, ToolContext())
    (['a'], {'a': 3})
    """
    declared = [_parameter(parameter, function, name) for parameter in _declared(function, name)]
    injected = tuple(parameter.name for parameter in declared if _is_context(parameter.hint))
    parameters = tuple(parameter for parameter in declared if parameter.name not in injected)
    schema = _object_schema(parameters, argument_descriptions(function.__doc__), name)
    return ToolSignature(name, schema, parameters, injected)


def _declared(function: Callable[..., object], name: str) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError, NameError) as error:
        raise ConfigError(
            f"the signature of tool `{name}` cannot be read ({error}): wrap it in a function with "
            "type hints, `def f(a: int) -> str`"
        ) from error


def _parameter(
    declared: inspect.Parameter, function: Callable[..., object], name: str
) -> Parameter:
    where = f"parameter `{declared.name}` of tool `{name}`"
    refusal = _REFUSED.get(declared.kind)
    if refusal is not None:
        raise ConfigError(f"{where} {refusal.format(name=declared.name)}")
    if declared.annotation is inspect.Parameter.empty:
        remedy = f"write `{declared.name}: str`, or the type you expect"
        if declared.name in ("self", "cls"):
            remedy = "give the method of an instance, as in `as_tool(instance.method)`"
        raise ConfigError(f"{where} has no type hint: {remedy}")
    hint = _resolve(declared.annotation, function, where)
    return Parameter(declared.name, _with_date_format(hint), declared.default)


def _resolve(annotation: object, function: Callable[..., object], where: str) -> object:
    """The hint that `annotation` stands for, be it a string or hold one."""

    def holder() -> None: ...

    # one parameter at a time: names the one that fails, and never looks at the return hint
    holder.__annotations__ = {"hint": annotation}
    module = getattr(inspect.unwrap(function), "__globals__", {})
    names = {"ToolContext": ToolContext} | module  # often imported under TYPE_CHECKING alone
    try:
        return _evaluated(holder, names)
    except (NameError, AttributeError, TypeError, SyntaxError) as error:
        raise ConfigError(
            f"the hint {annotation!r} of {where} cannot be resolved ({error}): define or import "
            "its names at the top of the module, outside functions and `if TYPE_CHECKING:`"
        ) from error


def _evaluated(holder: Callable[[], None], names: dict[str, object]) -> object:
    try:
        return get_type_hints(holder, globalns=names, include_extras=True)["hint"]
    except NameError as error:
        # the Shop of `ToolContext[Shop]` may be missing at run time: nothing is made of it
        if error.name is not None and error.name not in names:
            with contextlib.suppress(NameError, AttributeError, TypeError):
                hint = _evaluated(holder, {**names, error.name: object})
                if _is_context(hint):
                    return hint
        raise


def _is_context(hint: object) -> bool:
    origin = get_origin(hint)
    if origin in (Annotated, *UNIONS):
        return any(map(_is_context, get_args(hint)))
    kind = origin or hint  # that of `ToolContext[Shop]` is `ToolContext`
    return isinstance(kind, type) and issubclass(kind, ToolContext)


def _with_date_format(hint: object) -> object:
    """`hint` with `format: date-time`, which msgspec leaves out where the zone is free."""
    if hint is datetime:
        return Annotated[datetime, msgspec.Meta(extra_json_schema={"format": "date-time"})]
    if get_origin(hint) in UNIONS:
        return Union[tuple(map(_with_date_format, get_args(hint)))]  # noqa: UP007 - of a tuple
    return hint


def _object_schema(
    parameters: tuple[Parameter, ...], texts: Mapping[str, str], name: str
) -> JsonObject:
    for parameter in parameters:
        _check_hint(parameter, name)
    hints = [parameter.hint for parameter in parameters]
    schemas, components = msgspec.json.schema_components(hints, schema_hook=any_value)
    properties: dict[str, Json] = {}
    for parameter, schema in zip(parameters, schemas, strict=True):
        default = _as_json(parameter.default)
        if default is not None:
            schema["default"] = default
        text = _description(parameter.hint) or texts.get(parameter.name)
        if text:
            schema["description"] = text
        properties[parameter.name] = schema
    whole: JsonObject = {
        "type": "object",
        "properties": properties,
        "required": [parameter.name for parameter in parameters if parameter.required],
        "additionalProperties": False,
    }
    for component in components.values():
        component.pop("title", None)  # its name is in the $ref already
    if components:
        whole["$defs"] = dict(components)
    return whole


def _check_hint(parameter: Parameter, name: str) -> None:
    try:
        msgspec.json.schema_components([parameter.hint], schema_hook=any_value)
        msgspec.json.Decoder(parameter.hint)
    except (TypeError, NameError, AttributeError) as error:
        reason = str(error).strip().splitlines()[-1]
        raise ConfigError(
            f"parameter `{parameter.name}` of tool `{name}` has a type that JSON cannot carry "
            f"({reason}): take str, int, float, bool, list, dict, Literal, an Enum, a dataclass, a "
            "TypedDict or a msgspec.Struct, and convert in the function"
        ) from error


def _description(hint: object) -> str | None:
    if get_origin(hint) is Annotated:
        for note in get_args(hint)[1:]:
            text = note.description if isinstance(note, msgspec.Meta) else note
            if isinstance(text, str):
                return text
    if get_origin(hint) in UNIONS:
        return next(filter(None, map(_description, get_args(hint))), None)
    return None


def _as_json(default: object) -> Json:
    """The default as JSON; None when there is none, it is None, or JSON cannot carry it."""
    try:
        return parse(msgspec.json.encode(default, order="deterministic"))
    except (TypeError, ValueError, OverflowError, RecursionError):
        return None


def _with_path(message: str, name: str) -> str:
    """The message of msgspec for one argument, its path starting at the arguments.

    >>> _with_path("Expected `int`, got `str` - at `$[0]`", "a")
    'Expected `int`, got `str` - at `$.a[0]`'
    """
    head, found, path = message.rpartition(" - at ")
    return (
        f"{head} - at {path.replace('$', f'$.{name}', 1)}" if found else f"{path} - at `$.{name}`"
    )
