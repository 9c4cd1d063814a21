"""The schema that the model reads, and the check of what it sends."""

from __future__ import annotations

import datetime as dt
import enum
import functools
import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import (
    Annotated,
    Any,
    Generic,
    Literal,
    NamedTuple,
    Optional,
    TypedDict,
    TypeVar,
    Union,
)

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig_sync._json import JsonObject
from rig_sync.errors import ConfigError, ToolError
from rig_sync.tools import FunctionTool, ToolContext, tool
from rig_sync.tools.docstring import argument_descriptions, first_paragraph
from rig_sync.tools.schema import ToolSignature, read_signature


class Colour(enum.Enum):
    """A colour."""

    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


@dataclass
class Point:
    """Where it is."""

    x: int
    title: str = ""


@dataclass
class Line:
    start: Point
    end: Point | None = None


class Movie(TypedDict):
    title: str
    year: int


class Pair(NamedTuple):
    left: int
    right: str


class Node(msgspec.Struct):
    value: Annotated[int, msgspec.Meta(description="what it holds")]
    children: list[Node] = []


T = TypeVar("T")


class Crate(msgspec.Struct, Generic[T]):
    held: T


POINT = {
    "description": "Where it is.",
    "type": "object",
    "properties": {"x": {"type": "integer"}, "title": {"type": "string", "default": ""}},
    "required": ["x"],
}
NODE = {
    "type": "object",
    "properties": {
        "value": {"type": "integer", "description": "what it holds"},
        "children": {"type": "array", "items": {"$ref": "#/$defs/Node"}, "default": []},
    },
    "required": ["value"],
}


def taking(hint: object, *default: object) -> ToolSignature:
    """The signature of a tool with one parameter `a` of this hint."""

    def probe(a: object) -> None: ...

    probe.__annotations__ = {"a": hint}
    probe.__defaults__ = default or None
    return read_signature(probe, "probe")


def bind_one(signature: ToolSignature, value: Any) -> object:
    return signature.bind({"a": value}, ToolContext())["a"]


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        (int, {"type": "integer"}),
        (float, {"type": "number"}),
        (bool, {"type": "boolean"}),
        (str, {"type": "string"}),
        (None, {"type": "null"}),
        (Any, {}),
        (object, {"description": "any JSON value"}),
        (list, {"type": "array"}),
        (dict, {"type": "object"}),
        (list[int], {"type": "array", "items": {"type": "integer"}}),
        (Sequence[str], {"type": "array", "items": {"type": "string"}}),
        (set[int], {"type": "array", "items": {"type": "integer"}, "uniqueItems": True}),
        (tuple[int, ...], {"type": "array", "items": {"type": "integer"}}),
        (
            tuple[int, str],
            {
                "type": "array",
                "prefixItems": [{"type": "integer"}, {"type": "string"}],
                "items": False,
                "minItems": 2,
                "maxItems": 2,
            },
        ),
        (dict[str, int], {"type": "object", "additionalProperties": {"type": "integer"}}),
        (Mapping[str, int], {"type": "object", "additionalProperties": {"type": "integer"}}),
        (JsonObject, {"type": "object"}),
        (Literal["a", "b"], {"enum": ["a", "b"]}),
        (int | None, {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        (Optional[int], {"anyOf": [{"type": "integer"}, {"type": "null"}]}),  # noqa: UP045
        (Union[int, str], {"anyOf": [{"type": "integer"}, {"type": "string"}]}),  # noqa: UP007
        (dt.datetime, {"type": "string", "format": "date-time"}),
        (
            dt.datetime | None,
            {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]},
        ),
        (dt.date, {"type": "string", "format": "date"}),
        (uuid.UUID, {"type": "string", "format": "uuid"}),
        (Decimal, {"type": "string", "format": "decimal"}),
        (bytes, {"type": "string", "contentEncoding": "base64"}),
        (Annotated[int, "how many"], {"type": "integer", "description": "how many"}),
        (
            Annotated[int, msgspec.Meta(description="how many", ge=0)],
            {"type": "integer", "minimum": 0, "description": "how many"},
        ),
    ],
    ids=str,
)
def test_schema_of_a_hint(hint: object, expected: object) -> None:
    """Every hint has its JSON Schema, without definitions where none are shared."""
    assert taking(hint).schema == {
        "type": "object",
        "properties": {"a": expected},
        "required": ["a"],
        "additionalProperties": False,
    }


@pytest.mark.parametrize(
    ("hint", "expected", "definitions"),
    [
        (
            Colour,
            {"$ref": "#/$defs/Colour"},
            {"Colour": {"description": "A colour.", "enum": ["blue", "red"]}},
        ),
        (Point, {"$ref": "#/$defs/Point"}, {"Point": POINT}),
        (Annotated[Point, "p"], {"$ref": "#/$defs/Point", "description": "p"}, {"Point": POINT}),
        (list[Point], {"type": "array", "items": {"$ref": "#/$defs/Point"}}, {"Point": POINT}),
        (
            Line,
            {"$ref": "#/$defs/Line"},
            {
                "Line": {
                    "type": "object",
                    "properties": {
                        "start": {"$ref": "#/$defs/Point"},
                        "end": {
                            "anyOf": [{"$ref": "#/$defs/Point"}, {"type": "null"}],
                            "default": None,
                        },
                    },
                    "required": ["start"],
                },
                "Point": POINT,
            },
        ),
        (Node, {"$ref": "#/$defs/Node"}, {"Node": NODE}),
        (
            Movie,
            {"$ref": "#/$defs/Movie"},
            {
                "Movie": {
                    "type": "object",
                    "properties": {"title": {"type": "string"}, "year": {"type": "integer"}},
                    "required": ["title", "year"],
                }
            },
        ),
    ],
    ids=str,
)
def test_schema_of_a_shared_type(hint: object, expected: object, definitions: object) -> None:
    """Named types are in `$defs`, without titles; a field called `title` stays."""
    schema = taking(hint).schema
    assert schema["properties"] == {"a": expected}
    assert schema["$defs"] == definitions


@pytest.mark.parametrize(
    ("default", "expected"),
    [
        (3, {"default": 3}),
        ([1, 2], {"default": [1, 2]}),
        ({"b", "a"}, {"default": ["a", "b"]}),
        (Colour.RED, {"default": "red"}),
        (None, {}),
        (object(), {}),
    ],
    ids=str,
)
def test_schema_of_a_default(default: object, expected: object) -> None:
    """A default is told where JSON can carry it, and its parameter is never required."""
    schema = taking(Any, default).schema
    assert schema["properties"] == {"a": expected}
    assert schema["required"] == []


def test_schema_without_parameters() -> None:
    """A function that takes nothing has an empty object, closed."""

    def now() -> None: ...

    schema = read_signature(now, "now").schema
    assert schema["properties"] == {}
    assert schema["additionalProperties"] is False


def test_two_types_of_one_name_stay_apart() -> None:
    """Classes that share a name have a definition each."""
    other = msgspec.defstruct("Point", [("z", int)], module="elsewhere")

    def place(a: Any, b: Any) -> None: ...

    place.__annotations__ = {"a": Point, "b": other}
    definitions = read_signature(place, "place").schema["$defs"]
    assert isinstance(definitions, dict)
    assert len(definitions) == 2


def test_descriptions_come_from_annotated_meta_or_docstring() -> None:
    """What stands closest to the parameter wins; the docstring fills in the rest."""

    def find(  # noqa: D417 - e is left out on purpose
        a: Annotated[int, "from the hint"],
        b: Annotated[int, msgspec.Meta(description="from meta")],
        c: int,
        d: Annotated[int, "inside"] | None = None,
        *,
        e: int = 1,
    ) -> None:
        """Find.

        Args:
            a: not this
            b: not this
            c (int, optional): from the docstring: with a colon,
                and a second line
            d: not this

        Returns:
            e: not this either
        """

    properties = read_signature(find, "find").schema["properties"]
    assert isinstance(properties, dict)
    found = {
        name: schema.get("description")
        for name, schema in properties.items()
        if isinstance(schema, dict)
    }
    assert found == {
        "a": "from the hint",
        "b": "from meta",
        "c": "from the docstring: with a colon, and a second line",
        "d": "inside",
        "e": None,
    }


@pytest.mark.parametrize(
    ("docstring", "summary", "arguments"),
    [
        (None, "", {}),
        ("", "", {}),
        ("One.", "One.", {}),
        ("One\ntwo.\n\nThree.", "One two.", {}),
        ("\nArgs:\n    a: x", "", {"a": "x"}),
        ("One.\nArgs:\n    a: x", "One.", {"a": "x"}),
        ("One.\n\nArgs:\n    *a: x\n    b:\n        y\n\n    c:", "One.", {"a": "x", "b": "y"}),
        ("One.\n\nArgs:\n    no colon here\n", "One.", {}),
        ("One.\n\nArguments:\n\ta: x\n", "One.", {"a": "x"}),
    ],
)
def test_docstring(docstring: str | None, summary: str, arguments: dict[str, str]) -> None:
    """Google style docstrings are read, and odd ones do no harm."""
    assert first_paragraph(docstring) == summary
    assert argument_descriptions(docstring) == arguments


def test_context_is_injected_wherever_it_stands() -> None:
    """Parameters annotated `ToolContext` are not in the schema and get the run's context."""

    def where(first: ToolContext, a: int, *, last: ToolContext | None = None) -> None: ...

    signature = read_signature(where, "where")
    context = ToolContext(run_id="r")
    assert list(signature.schema["properties"]) == ["a"]  # type: ignore[arg-type]
    assert signature.bind({"a": 1}, context) == {"first": context, "a": 1, "last": context}
    with pytest.raises(ToolError, match="unknown argument `last`"):
        signature.bind({"a": 1, "last": {}}, context)


def test_context_imported_for_type_checking_only() -> None:
    """The hint `ToolContext` is understood though its module did not import it at run time."""
    namespace: dict[str, Any] = {}
    code = "from __future__ import annotations\ndef f(a: int, c: ToolContext) -> Missing: ..."
    exec(code, namespace)
    assert read_signature(namespace["f"], "f").injected == ("c",)


class Shop:
    """What a context carries; no JSON."""


class ShopContext(ToolContext[Shop]):
    """A context of one's own."""


@pytest.mark.parametrize(
    "hint",
    [
        ToolContext,
        ToolContext[Shop],
        ToolContext[Shop] | None,
        Optional[ToolContext[Shop]],  # noqa: UP045
        Annotated[ToolContext[Shop], "the run"],
        Annotated[ToolContext[list[Shop]] | None, "the run"],
        ShopContext,
        "ToolContext",
        "ToolContext[Shop]",
        "ToolContext[Shop] | None",
        "ToolContext[Elsewhere]",
        "Annotated[ToolContext[Mapping[Elsewhere, Nowhere]] | None, 'the run']",
    ],
    ids=str,
)
def test_context_is_seen_through_its_dependencies(hint: object) -> None:
    """`ToolContext[...]` is filled in, in any wrapping, also when nobody can tell of what."""
    signature = taking(hint)
    context = ToolContext(deps=Shop())
    assert signature.schema["properties"] == {}
    assert signature.bind({}, context) == {"a": context}


@pytest.mark.parametrize("hint", ["Elsewhere", "list[Elsewhere]", "ToolContext | missing.Shop"])
def test_other_unknown_names_stay_unknown(hint: str) -> None:
    """Only what a context depends on may be missing; the message names what is."""
    with pytest.raises(ConfigError, match=r"cannot be resolved \(name '(Elsewhere|missing)'"):
        taking(hint)


@pytest.mark.parametrize(
    ("hint", "sent", "expected"),
    [
        (int, "3", 3),
        (int, 3.0, 3),
        (float, "3.5", 3.5),
        (float, 3, 3.0),
        (bool, "false", False),
        (bool, "True", True),
        (bool, 0, False),
        (int | None, "null", None),
        (int | None, None, None),
        (str | None, "null", "null"),
        (int | str, "3", "3"),
        (list[int], ["1", 2], [1, 2]),
        (dict[str, list[bool]], {"k": ["true"]}, {"k": [True]}),
        (tuple[int, ...], ["1"], (1,)),
        (Literal[1, 2], "2", 2),
        (Level, "2", Level.HIGH),
        (Annotated[int, msgspec.Meta(ge=0)], "3", 3),
        (dict[int, str], {"1": "x"}, {1: "x"}),
        (set[int], [1, 1], {1}),
        (Colour, "red", Colour.RED),
        (Line, {"start": {"x": 1}}, Line(Point(1))),
        (Pair, [1, "x"], Pair(1, "x")),
        (Movie, {"title": "M", "year": 1931}, {"title": "M", "year": 1931}),
        (dt.date, "2024-02-29", dt.date(2024, 2, 29)),
        (object, {"any": [1]}, {"any": [1]}),
    ],
    ids=str,
)
def test_what_fits(hint: object, sent: object, expected: object) -> None:
    """Strict values are converted; numbers and booleans sent as strings are forgiven."""
    got = bind_one(taking(hint), sent)
    assert got == expected
    assert type(got) is type(expected)


@pytest.mark.parametrize(
    ("hint", "sent", "message"),
    [
        (int, "three", "Expected `int`, got `str` - at `$.a`"),
        (int, "3.5", "Expected `int`, got `str` - at `$.a`"),
        (int, True, "Expected `int`, got `bool` - at `$.a`"),
        (int, None, "Expected `int`, got `null` - at `$.a`"),
        (bool, "no", "Expected `bool`, got `str` - at `$.a`"),
        (bool, 2, "Expected `bool`, got `int` - at `$.a`"),
        (str, 3, "Expected `str`, got `int` - at `$.a`"),
        (list[int], [1, "x"], "Expected `int`, got `str` - at `$.a[1]`"),
        (Point, {"x": "1"}, "Expected `int`, got `str` - at `$.a.x`"),
        (Point, {}, "Object missing required field `x` - at `$.a`"),
        (Crate[int], {"held": "1"}, "Expected `int`, got `str` - at `$.a.held`"),
        (Colour, "green", "Invalid enum value 'green' - at `$.a`"),
        (dict[str, int], {"k": []}, "Expected `int`, got `array` - at `$.a[...]`"),
        (dt.datetime, "2024", "Invalid RFC3339 encoded datetime - at `$.a`"),
        (dt.datetime, 5, "Expected `datetime`, got `int` - at `$.a`"),
        (dt.datetime | None, "5", "Invalid RFC3339 encoded datetime - at `$.a`"),
        (list[dt.datetime], ["5"], "Invalid RFC3339 encoded datetime - at `$.a[0]`"),
        (Annotated[int, msgspec.Meta(ge=0)], -1, "Expected `int` >= 0 - at `$.a`"),
    ],
    ids=str,
)
def test_what_does_not_fit(hint: object, sent: object, message: str) -> None:
    """The model is told where and what was expected; nothing surprising is let through."""
    with pytest.raises(ToolError) as caught:
        bind_one(taking(hint), sent)
    assert str(caught.value) == f"arguments of probe do not fit: {message}"


def test_all_problems_are_told_at_once() -> None:
    """Unknown, missing and ill-typed arguments come in one message."""

    def add(a: int, b: int, c: int = 0) -> None: ...

    with pytest.raises(ToolError) as caught:
        read_signature(add, "add").bind({"a": "x", "c": [], "d": 1}, ToolContext())
    assert str(caught.value) == (
        "arguments of add do not fit: unknown argument `d`; Expected `int`, got `str` - at `$.a`; "
        "missing required argument `b`; Expected `int`, got `array` - at `$.c`"
    )


def test_null_for_a_default_counts_as_not_given() -> None:
    """Models send null for what they leave out; a parameter that takes null gets it."""
    assert taking(int, 5).bind({"a": None}, ToolContext()) == {}
    assert taking(int | None, 5).bind({"a": None}, ToolContext()) == {"a": None}


def refused_positional_only(a: int, /) -> None: ...
def refused_args(*a: int) -> None: ...
def refused_kwargs(**a: int) -> None: ...
def refused_no_hint(a) -> None: ...  # type: ignore[no-untyped-def]  # noqa: ANN001
def refused_self(self) -> None: ...  # type: ignore[no-untyped-def]  # noqa: ANN001
def refused_unknown(a: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821
def refused_complex(a: complex) -> None: ...
def refused_callable(a: Callable[[], int]) -> None: ...
def refused_union(a: Point | Line) -> None: ...
def refused_unreadable(a: int) -> None: ...


vars(refused_unreadable)["__signature__"] = "no signature"


@pytest.mark.parametrize(
    ("function", "parts"),
    [
        (refused_positional_only, ["`a`", "positional-only", "take the `/` out"]),
        (refused_args, ["`a`", "`a: list[str]`", "instead of `*a`"]),
        (refused_kwargs, ["`a`", "`a: dict[str, str]`", "instead of `**a`"]),
        (refused_no_hint, ["`a`", "no type hint", "write `a: str`"]),
        (refused_self, ["`self`", "`as_tool(instance.method)`"]),
        (refused_unknown, ["`a`", "'Nowhere'", "top of the module"]),
        (refused_complex, ["`a`", "'complex'", "take str, int"]),
        (refused_callable, ["`a`", "Callable", "take str, int"]),
        (refused_union, ["`a`", "more than one dataclass", "take str, int"]),
        (refused_unreadable, ["cannot be read", "wrap it in a function"]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_refused_signatures(function: Callable[..., object], parts: list[str]) -> None:
    """A signature that no model can fill is refused at once, with what to write instead."""
    with pytest.raises(ConfigError) as caught:
        read_signature(function, "probe")
    for part in ["`probe`", *parts]:
        assert part in str(caught.value)


def test_wrapped_functions_are_read_through() -> None:
    """A decorator that uses `functools.wraps` hides no hint."""

    def plain(a: Point) -> None: ...

    @functools.wraps(plain)
    def wrapper(*args: object, **kwargs: object) -> None: ...

    assert read_signature(wrapper, "w").schema == read_signature(plain, "w").schema


# every type once, beside the strategy of its values
VALUES: dict[str, tuple[object, st.SearchStrategy[Any]]] = {
    "integer": (int, st.integers()),
    "number": (float, st.floats(allow_nan=False, allow_infinity=False)),
    "text": (str, st.text()),
    "flag": (bool, st.booleans()),
    "maybe": (int | str | None, st.none() | st.integers() | st.text()),
    "items": (list[int], st.lists(st.integers())),
    "bag": (set[str], st.sets(st.text())),
    "table": (dict[int, bool], st.dictionaries(st.integers(), st.booleans())),
    "pair": (tuple[int, str], st.tuples(st.integers(), st.text())),
    "choice": (Literal["x", "y"], st.sampled_from(["x", "y"])),
    "colour": (Colour, st.sampled_from(Colour)),
    "line": (
        Line,
        st.builds(Line, st.builds(Point, st.integers(), st.text()), st.none() | st.just(Point(1))),
    ),
    "movie": (Movie, st.fixed_dictionaries({"title": st.text(), "year": st.integers()})),
    "node": (
        Node,
        st.recursive(
            st.builds(Node, st.integers()),
            lambda inner: st.builds(Node, st.integers(), st.lists(inner, max_size=2)),
            max_leaves=4,
        ),
    ),
    "moment": (dt.datetime, st.datetimes(timezones=st.just(dt.timezone.utc))),
    "day": (dt.date, st.dates()),
    "key": (uuid.UUID, st.uuids()),
    "raw": (bytes, st.binary()),
}


def everything_tool() -> FunctionTool[..., dict[str, object]]:
    """A tool with a parameter for each of VALUES, all optional."""
    parameters = ", ".join(f"{name}: HINTS['{name}'][0] = None" for name in VALUES)
    namespace: dict[str, Any] = {"HINTS": VALUES}
    exec(f"def take({parameters}):\n    'Take all.'\n    return locals()", namespace)
    return tool(namespace["take"])


EVERYTHING = everything_tool()


@given(st.fixed_dictionaries({}, optional={name: values for name, (_, values) in VALUES.items()}))
def test_arguments_arrive_equal(arguments: dict[str, object]) -> None:
    """What goes into the arguments' JSON comes out equal at the function."""
    sent = json.loads(msgspec.json.encode(arguments))
    got = EVERYTHING.call(sent)
    for name in VALUES:
        assert got[name] == arguments.get(name)
        assert type(got[name]) is type(arguments.get(name))


@given(
    st.dictionaries(
        st.text(),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=8,
        ),
        max_size=4,
    )
    | st.fixed_dictionaries({}, optional=dict.fromkeys(VALUES, st.text() | st.integers()))
)
def test_any_arguments_run_or_speak_to_the_model(arguments: dict[str, Any]) -> None:
    """No JSON object does more than raise a ToolError that says why."""
    try:
        EVERYTHING.call(arguments)
    except ToolError as refused:
        message = str(refused)
    else:
        return
    assert message.startswith("arguments of take do not fit: ")
