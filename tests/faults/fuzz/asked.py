"""What a model says to code: arguments of tools, answers of a type, JSON in prose and in pieces."""

from __future__ import annotations

import dataclasses
import enum
import json
import math
import random
import uuid
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple, TypedDict

import msgspec
import pydantic

from rig_sync._json import Json, parse
from rig_sync.errors import LimitExceeded, ToolError
from rig_sync.message import ToolCall
from rig_sync.output.misfit import Misfit
from rig_sync.output.partial import PartialJson
from rig_sync.output.prompted import find_json
from rig_sync.output.types import OutputType, output_type
from rig_sync.streaming.calls import parse_arguments
from rig_sync.tools.context import ToolContext
from rig_sync.tools.function import FunctionTool, tool
from rig_sync.tools.running import check_call, run_tool
from rig_sync.wire.gemini_generate_arguments import Arguments
from tests.faults.fuzz.holds import an_error, guarded
from tests.faults.fuzz.mutate import mutated_json, mutated_text
from tests.faults.fuzz.targets import Target, target
from tests.faults.fuzz.values import HOSTILE_WORDS

__all__ = ["asked_targets"]


# the types of it all ------------------------------------------------------------------------------


class Colour(enum.Enum):
    """One of a few."""

    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    """One of a few numbers."""

    LOW = 1
    HIGH = 2


@dataclasses.dataclass
class City:
    """A place with people."""

    name: str
    people: int = 0
    twins: list[str] = dataclasses.field(default_factory=list)


class Trip(msgspec.Struct):
    """From one city to others."""

    start: City
    stops: tuple[City, ...] = ()
    cost: float | None = None
    colour: Colour = Colour.RED


class Point(NamedTuple):
    """Where something is."""

    x: float
    y: float = 0.0


class Row(TypedDict, total=False):
    """A row of a table."""

    key: str
    cells: dict[str, int | str]


class Model(pydantic.BaseModel):
    """What pydantic checks."""

    name: str
    when: datetime | None = None
    parts: list[City] = []
    amount: Decimal = Decimal(0)


class Node(msgspec.Struct):
    """Inside each other as often as one likes."""

    value: int
    inner: list[Node] = []


HINTS: tuple[Any, ...] = (
    *(
        str,
        int,
        float,
        bool,
        bytes,
        object,
        None,
        uuid.UUID,
        Decimal,
        date,
        datetime,
        time,
        timedelta,
    ),
    *(Colour, Level, City, Trip, Row, Node, Literal["a", 1, None], list[int], set[str]),
    *(dict[str, float], dict[int, str], tuple[int, str], frozenset[int], list[list[int]]),
    *(int | None, int | str | None, list[City] | None, dict[str, City], float | str),
    Annotated[int, msgspec.Meta(ge=0, lt=10)],
    Annotated[str, msgspec.Meta(pattern="^a+$", max_length=5)],
    Annotated[float, msgspec.Meta(multiple_of=0.1)],
    Annotated[list[int], msgspec.Meta(min_length=1, max_length=3)],
)
OUTPUTS: tuple[Any, ...] = (*HINTS[5:6], *HINTS[:4], *HINTS[7:], Point, Model, list[Model])


def _tool(hint: Any, number: int) -> FunctionTool[..., Any]:
    def run(value: Any, other: int = 1) -> str:
        """Does it."""
        return "ran"

    run.__annotations__ = {"value": hint, "other": int, "return": str}
    return tool(name=f"run_{number}")(run)


TOOLS = [_tool(hint, number) for number, hint in enumerate(HINTS)]
TYPES: list[OutputType[Any]] = [output_type(hint) for hint in OUTPUTS]

_GOOD = (
    *("null", "true", "1", "-0.5", '"a"', '"red"', "[]", "[1,2]", "{}", '"2024-01-02T03:04:05Z"'),
    *('"1.5"', '"P1D"', '"AAAA"', '"12:00:00"', '"2024"', "1e20", '{"a":1}', '{"1":"a"}'),
    '{"name":"Ulm","people":126000,"twins":["a"]}',
    '{"start":{"name":"Ulm"},"stops":[{"name":"b"}],"cost":1.5,"colour":"blue"}',
    '{"key":"k","cells":{"a":1,"b":"x"}}',
    '{"value":1,"inner":[{"value":2,"inner":[{"value":3}]}]}',
    '{"name":"n","when":"2024-01-02T03:04:05","parts":[{"name":"b"}],"amount":"1.5"}',
    '{"x":1,"y":2}',
    '"01234567-89ab-cdef-0123-456789abcdef"',
)


# targets ------------------------------------------------------------------------------------------


def asked_targets() -> Iterator[Target]:
    """Tools, types, JSON in prose and in pieces, and Gemini's arguments by path."""
    yield target("tools", _arguments, _calls)
    yield target("types", _answer, _fits)
    yield target("find_json", _prose, _finds)
    yield target("partial", _pieces, _grows)
    yield target("gemini.paths", _partials, _placed)


def _value(chance: random.Random) -> str:
    text = chance.choice(_GOOD)
    return mutated_json(text, chance, _GOOD) if chance.random() < 0.8 else text


def _arguments(chance: random.Random) -> tuple[int, str]:
    whole = f'{{"value":{_value(chance)},"other":1}}'
    if chance.random() < 0.3:
        whole = mutated_json(whole, chance, _GOOD)
    return chance.randrange(len(TOOLS)), _encodable(whole)


def _calls(case: tuple[int, str]) -> None:
    """Either the arguments fit, or the model is told why not, in a text it can read."""
    number, text = case
    given = TOOLS[number]
    arguments = _guarded_arguments(text)
    if arguments is None:
        return
    call = ToolCall("c", given.definition.name, arguments)
    told = run_tool(given, call, ToolContext())
    asked = check_call(given, call)
    assert (asked is None) == (not told.is_error) == (told.text == "ran")
    refused: ToolError | None = None
    try:
        given.check(arguments)
    except ToolError as error:
        refused = error
    assert told.is_error == (refused is not None)
    if refused is not None:
        an_error(refused)
        assert str(refused) == told.text
    assert len(told.text) < 20_000
    told.text.encode()


def _guarded_arguments(text: str) -> dict[str, Json] | None:
    try:
        guarded(text)
    except LimitExceeded:  # it would never have come so far
        return None
    return parse_arguments(text)


def _answer(chance: random.Random) -> tuple[int, str]:
    text = _value(chance)
    if chance.random() < 0.4:
        text = f'{{"value":{text}}}'
    return chance.randrange(len(TYPES)), _encodable(text)


def _fits(case: tuple[int, str]) -> None:
    """Either the answer fits, or the model is told why not; never is the type itself at fault."""
    number, text = case
    words = ""
    try:
        guarded(text)
        assert repr(TYPES[number].parse(text))
    except Misfit as misfit:
        words = str(misfit)
    except LimitExceeded:
        return
    assert len(words) < 20_000
    words.encode()


def _prose(chance: random.Random) -> str:
    parts = (
        *("Sure! ", "```json\n", "```\n", "\n```", "{", "}", '{"', " ", "\n", '"', "\\", "[", "{}"),
        *('{"a": 1}', '{"a": "}"}', "{x}", '{"a"', "```", "`", "<think>{}</think>"),
    )
    text = "".join(
        chance.choice((*parts, _value(chance))) for _ in range(chance.choice((1, 4, 12)))
    )
    return _encodable(text * chance.choice((1, 1, 1, 20)))


def _finds(text: str) -> None:
    found = "{}"
    words = ""
    try:
        found = find_json(text)
        assert found in text
    except Misfit as misfit:
        words = str(misfit)
    assert len(words) < 500
    json.loads(found)


def _pieces(chance: random.Random) -> tuple[bool, list[str]]:
    text = _value(chance)
    if chance.random() < 0.3:
        text = f"Sure: {text} there"
    if chance.random() < 0.3:
        text = mutated_text(text, chance)
    places = sorted(chance.randrange(len(text) + 1) for _ in range(chance.choice((0, 1, 5, 30))))
    ends = [*places, len(text)]
    return chance.random() < 0.4, [text[a:b] for a, b in zip([0, *places], ends, strict=True)]


def _grows(case: tuple[bool, list[str]]) -> None:
    """It never raises; what is whole is what a parser of the whole makes of it."""
    find, pieces = case
    reader = PartialJson(find=find)
    last: Json = None
    for piece in [*pieces, None]:
        partial = reader.finish() if piece is None else reader.feed(piece)
        if partial is not None:
            last = partial.value
            assert repr(partial.path) + repr(partial.pieces) + partial.delta is not None
    assert reader.complete or reader.broken is not None
    if reader.complete and reader.broken is None and not find:
        whole = _read("".join(pieces))
        assert whole is _NONE or _same(whole, last), (whole, last)


_NONE: Any = object()


def _read(text: str) -> Any:
    """What the standard library reads; `_NONE` where a key comes twice."""

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({name for name, _ in pairs}) < len(pairs):
            raise KeyError
        return dict(pairs)

    try:
        return json.loads(text, object_pairs_hook=members)
    except KeyError:
        return _NONE


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        names = [_halves(name) for name in one]
        return len(set(names)) < len(one) or (
            names == list(other)
            and all(_same(a, b) for a, b in zip(one.values(), other.values(), strict=True))
        )
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, str) and isinstance(other, str):
        return _halves(one) == other
    return type(one) is type(other) and (one == other or math.isnan(one))


def _halves(text: str) -> str:
    """`text` with U+FFFD for each half of a pair."""
    return "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in text)


def _partials(chance: random.Random) -> str:
    def one() -> dict[str, Any]:
        path = chance.choice(("$.a", "$.a.b", "$.a[0]", "$['x y']", "$.b[1].c", "$", "a", "$..a"))
        if chance.random() < 0.3:
            path = chance.choice(HOSTILE_WORDS)
        kind = chance.choice(("stringValue", "numberValue", "boolValue", "nullValue", "x"))
        value: Any = chance.choice(("x", 1.0, 1e308, True, None, "\u2028", [], {}, 10**30))
        return {"jsonPath": path, kind: value, "willContinue": chance.random() < 0.3}

    text = json.dumps([one() for _ in range(chance.choice((1, 3, 10)))])
    return _encodable(mutated_json(text, chance) if chance.random() < 0.3 else text)


def _placed(text: str) -> None:
    """Whatever the paths, the text is JSON in the end."""
    try:
        guarded(text)
        entries = parse(text)
    except (ValueError, LimitExceeded):
        return
    arguments = Arguments()
    told = "{"
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict):
            told += arguments.add(entry)
    told += arguments.end()
    told.encode()
    whole = arguments.text()
    assert isinstance(parse(whole), dict | list)


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
