"""The types an answer can be asked in: the schema the model gets, and how its answer is taken."""

from __future__ import annotations

import enum
import typing
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any, Generic, Literal, NamedTuple, TypedDict, TypeVar

import msgspec
import pytest

from rig_sync._json import Json, JsonObject, compact
from rig_sync.errors import ConfigError
from rig_sync.output import Misfit, OutputType, output_type

X = TypeVar("X")


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Point:
    """Where it is.

    On the plane.
    """

    x: int
    label: str = "here"
    tags: list[str] = field(default_factory=list)
    colour: Colour | None = Colour.RED


class Movie(TypedDict, total=False):
    title: typing.Annotated[str, msgspec.Meta(min_length=1, description="as on the poster")]


class Pair(NamedTuple):
    """Two things."""

    left: int
    right: str = "none"


class Bare(NamedTuple):
    only: Point


class Cat(msgspec.Struct, tag="cat"):
    lives: Annotated[int, msgspec.Meta(ge=1, le=9)]


class Dog(msgspec.Struct, tag="dog", rename="camel"):
    good_boy: bool
    born: date | None = None


class Tree(msgspec.Struct):
    value: int
    children: list[Tree] = []


@dataclass
class Box(Generic[X]):
    inside: X


class Plain:
    def __init__(self, x: int) -> None:
        self.x = x


@dataclass
class Unresolved:
    x: Nowhere  # type: ignore[name-defined]  # noqa: F821 - what a user may forget to import


SPECIAL = {"$defs", "description", "required", "additionalProperties", "type"}


def properties(kind: Any) -> JsonObject:
    found = output_type(kind).schema.schema["properties"]
    assert isinstance(found, dict)
    return found


SCHEMAS: list[tuple[Any, JsonObject]] = [
    (int, {"value": {"type": "integer"}}),
    (list[str], {"value": {"type": "array", "items": {"type": "string"}}}),
    (Literal["a", "b"], {"value": {"enum": ["a", "b"], "type": "string"}}),
    (Literal["a", 1], {"value": {"enum": [1, "a"], "type": ["integer", "string"]}}),
    (Colour, {"value": {"enum": ["blue", "red"], "type": "string"}}),
    (int | str, {"value": {"anyOf": [{"type": "integer"}, {"type": "string"}]}}),
    (Cat | Dog, {"value": {"anyOf": [{"$ref": "#/$defs/Cat"}, {"$ref": "#/$defs/Dog"}]}}),
    (
        Point,
        {
            "x": {"type": "integer"},
            "label": {"type": ["string", "null"], "description": 'null: the default, "here"'},
            "tags": {
                "type": ["array", "null"],
                "items": {"type": "string"},
                "description": "null: not given",
            },
            "colour": {"anyOf": [{"$ref": "#/$defs/Colour"}, {"type": "null"}]},
        },
    ),
    (
        Movie,
        {
            "title": {
                "type": ["string", "null"],
                "description": 'as on the poster {"minLength":1} (null: not given)',
            }
        },
    ),
    (
        Pair,
        {
            "left": {"type": "integer"},
            "right": {"type": ["string", "null"], "description": 'null: the default, "none"'},
        },
    ),
    (
        Dog,
        {
            "type": {"enum": ["dog"], "type": "string"},
            "goodBoy": {"type": "boolean"},
            "born": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
        },
    ),
    (Box[int], {"inside": {"type": "integer"}}),
]


@pytest.mark.parametrize(("kind", "expected"), SCHEMAS)
def test_strict_schemas(kind: Any, expected: JsonObject) -> None:
    """A strict schema is an object whose properties are all required, and no others allowed."""
    wanted = output_type(kind).schema
    assert wanted.strict
    assert properties(kind) == expected
    assert wanted.schema.keys() - SPECIAL == {"properties"}
    held(wanted.schema)


def held(schema: Json) -> None:
    """What OpenAI's strict mode asks of every schema, inside and out."""
    if isinstance(schema, list):
        for inner in schema:
            held(inner)
    if not isinstance(schema, dict):
        return
    assert not schema.keys() & {"default", "title", "oneOf", "allOf", "discriminator", "minLength"}
    if "$ref" in schema:
        assert schema.keys() == {"$ref"}
    if schema.get("type") == "object":
        names = schema["properties"]
        assert isinstance(names, dict)
        assert schema["required"] == [*names]
        assert schema["additionalProperties"] is False
        held([*names.values()])
    for name in ("items", "anyOf"):
        held(schema.get(name))
    definitions = schema.get("$defs")
    held([*definitions.values()] if isinstance(definitions, dict) else None)


@pytest.mark.parametrize("kind", [dict[str, int], tuple[int, str], Any, list[dict[str, str]]])
def test_schemas_that_are_not_strict(kind: Any) -> None:
    """Free-form objects, tuples and anything cannot be said in strict modes."""
    wanted = output_type(kind).schema
    assert not wanted.strict
    assert wanted.schema["type"] == "object"


def test_recursion_keeps_its_definition() -> None:
    """The root stands in place, and what refers to it finds it."""
    schema = output_type(Tree).schema.schema
    assert schema["type"] == "object"
    definitions = schema["$defs"]
    assert isinstance(definitions, dict)
    assert definitions.keys() == {"Tree"}
    assert "$defs" not in output_type(Movie).schema.schema


NAMES: list[tuple[Any, str, str]] = [
    (Point, "Point", "Where it is."),
    (Pair, "Pair", "Two things."),
    (Bare, "Bare", ""),
    (Cat, "Cat", ""),
    (list[Point], "list_Point", ""),
    (Cat | Dog, "Cat_or_Dog", ""),
    (int | None, "int_or_None", ""),
    (Box[int], "Box_int", ""),
    (Literal["ä"], "answer", ""),
    (Annotated[int, msgspec.Meta(description="How many.")], "int", "How many."),
    (Literal["x" * 100], "x" * 64, ""),
]


@pytest.mark.parametrize(("kind", "name", "description"), NAMES)
def test_names(kind: Any, name: str, description: str) -> None:
    """The name is made of the type's, as providers take it; the description is its docstring's."""
    made = output_type(kind)
    assert (made.name, made.description) == (name, description)
    assert made.schema.name == name


def test_given_names() -> None:
    """Name and description can be given; a name that providers refuse is refused here."""
    made = output_type(int, name="age", description="In years.")
    assert (made.name, made.description, repr(made)) == (
        "age",
        "In years.",
        "OutputType('age', strict=True)",
    )
    with pytest.raises(ConfigError, match="1 to 64 letters"):
        output_type(int, name="how old?")


def test_the_same_type_is_made_once() -> None:
    """The schema of a type is built once; types that cannot be hashed work as well."""
    assert output_type(Point) is output_type(Point)
    odd = Annotated[int, {}]
    assert output_type(odd).parse('{"value": 1}') == 1


TAKEN: list[tuple[Any, str, object]] = [
    (Point, '{"x": 1}', Point(1)),
    (Point, '{"x": "1", "label": null, "tags": null, "colour": null}', Point(1, colour=None)),
    (Point, '{"x": 1, "colour": "blue", "more": 1}', Point(1, colour=Colour.BLUE)),
    (Movie, '{"title": null}', {}),
    (Pair, '{"left": "3", "right": null}', Pair(3)),
    (Bare, '{"only": {"x": "4"}}', Bare(Point(4))),
    (Cat, '{"type": "cat", "lives": "9"}', Cat(9)),
    (Cat | Dog, '{"value": {"type": "dog", "goodBoy": "true"}}', Dog(True)),
    (Cat | Dog, '{"type": "dog", "goodBoy": true}', Dog(True)),
    (Point | None, '{"value": {"x": "1"}}', Point(1)),
    (Point | None, '{"value": null}', None),
    (Tree, '{"value": 1, "children": [{"value": "2"}]}', Tree(1, [Tree(2)])),
    (list[Point], '{"value": [{"x": "1"}]}', [Point(1)]),
    (list[int], '["1", 2]', [1, 2]),
    (dict[str, Point], '{"a": {"x": "1"}}', {"a": Point(1)}),
    (tuple[int, ...], '{"value": ["1"]}', (1,)),
    (bool, '{"value": "false"}', False),
    (int | str, '{"value": "3"}', "3"),
    (Colour, '{"value": "red"}', Colour.RED),
    (Box[int], '{"inside": 1}', Box(1)),
]


@pytest.mark.parametrize(("kind", "text", "value"), TAKEN)
def test_answers_that_are_taken(kind: Any, text: str, value: object) -> None:
    """Scalars as strings, null for a default, and bare values of wrapped types are forgiven."""
    assert output_type(kind).parse(text) == value


REFUSED: list[tuple[Any, str, list[str]]] = [
    (
        Point,
        '{"label": 1, "tags": ["a", 2, 3], "colour": "green"}',
        [
            "the key `x` is missing - at `$`",
            "Expected `str`, got `int` - at `$.label`",
            "Expected `str`, got `int` - at `$.tags[1]`",
            "Expected `str`, got `int` - at `$.tags[2]`",
            "Invalid enum value 'green' - at `$.colour`",
        ],
    ),
    (Cat, '{"type": "cat", "lives": 10}', ["Expected `int` <= 9 - at `$.lives`"]),
    (Cat | Dog, '{"value": {"type": "cow"}}', ["Invalid value 'cow' - at `$.value.type`"]),
    (Dog, '{"type": "dog", "goodBoy": true, "born": "2024"}', ["Invalid RFC3339 encoded date"]),
    (Tree, '{"value": 1, "children": [{}]}', ["the key `value` is missing - at `$.children[0]`"]),
    (dict[str, Pair], '{"a": 1}', ["Expected `array`, got `int` - at `$.a`"]),
    (list[int], '{"value": [true]}', ["Expected `int`, got `bool` - at `$.value[0]`"]),
    (int, "{}", ["the answer must be an object with the one key `value`"]),
    (int, '{"value": 1', ["the answer is not one whole JSON value"]),
    (Point, "[]", ["Expected `object`, got `array` - at `$`"]),
]


@pytest.mark.parametrize(("kind", "text", "problems"), REFUSED)
def test_answers_that_do_not_fit(kind: Any, text: str, problems: list[str]) -> None:
    """Everything that does not fit is listed, with where it stands."""
    with pytest.raises(Misfit) as caught:
        output_type(kind).parse(text)
    listed = caught.value.problems
    assert all(map(str.startswith, listed, problems)), listed
    assert str(caught.value) == "; ".join(listed)


UNUSABLE: list[tuple[Any, str]] = [
    (Plain, "ask for a dataclass"),
    (list[Plain], "ask for a dataclass"),
    (Unresolved, "Nowhere"),
    (list["Nowhere"], "Nowhere"),  # type: ignore[name-defined]  # noqa: F821 - as above
    (3, "ask for a dataclass"),
    ({"x": int}, "ask for a dataclass"),
]


@pytest.mark.parametrize(("kind", "words"), UNUSABLE)
def test_types_that_cannot_be_asked_for(kind: Any, words: str) -> None:
    """A type that JSON cannot carry is refused before anything is sent, with what to ask for."""
    with pytest.raises(ConfigError, match=words):
        output_type(kind)


UNWRAPPED: list[tuple[OutputType[Any], Json, Json]] = [
    (output_type(list[int]), {"value": [1]}, [1]),
    (output_type(list[int]), {}, None),
    (output_type(list[int]), [1], [1]),
    (output_type(Point), {"x": 1}, {"x": 1}),
    (output_type(dict[str, int]), {"value": 1}, {"value": 1}),
]


@pytest.mark.parametrize(("kind", "partial", "value"), UNWRAPPED)
def test_unwrap(kind: OutputType[Any], partial: Json, value: Json) -> None:
    """A partial answer is that of the type, not of the object around it."""
    assert kind.unwrap(partial) == value


@pytest.mark.parametrize("kind", [Point, Pair, Tree, Cat | Dog, list[Point], Colour])
def test_convert_takes_what_parse_takes(kind: Any) -> None:
    """The arguments of a tool call are converted as the text of an answer is."""
    value: dict[Any, JsonObject] = {
        Point: {"x": "1"},
        Pair: {"left": 1},
        Tree: {"value": 1},
        Cat | Dog: {"value": {"type": "cat", "lives": 1}},
        list[Point]: {"value": [{"x": 1}]},
        Colour: {"value": "red"},
    }
    given = value[kind]
    made = output_type(kind)
    assert made.convert(given) == made.parse(compact(given))


@dataclass
class Even:
    number: int

    def __post_init__(self) -> None:
        if self.number % 2:  # as `assert` does, whose words pytest rewrites
            raise AssertionError(f"{self.number} is odd")


ASSERTED: list[tuple[object, Json, str]] = [
    (Even, {"number": 1}, "1 is odd - at `$`"),
    (list[Even], {"value": [{"number": 2}, {"number": 3}]}, "3 is odd - at `$.value[1]`"),
]


@pytest.mark.parametrize(("kind", "value", "problem"), ASSERTED)
def test_an_assertion_of_a_type_is_a_check(kind: Any, value: JsonObject, problem: str) -> None:
    """What a dataclass asserts of itself is told to the model, as what it raises ValueError for."""
    with pytest.raises(Misfit) as caught:
        output_type(kind).convert(value)
    assert str(caught.value) == problem
