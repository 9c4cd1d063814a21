"""What a tool returned, as content that a model reads."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig_sync._json import parse, to_json
from rig_sync.errors import ToolError
from rig_sync.message import Document, Image, Text
from rig_sync.tools import to_content


class Colour(enum.Enum):
    RED = "red"


@dataclass
class Point:
    x: int


class Box(msgspec.Struct):
    at: Point


class Dumped:
    """Dumps itself as pydantic's models do."""

    def __init__(self, n: int) -> None:
        self.n = n

    def model_dump(self, *, mode: str) -> dict[str, object]:
        return {"n": self.n, "mode": mode}


IMAGE = Image(url="https://example.com/a.png")
DOCUMENT = Document(url="https://example.com/a.pdf", media_type="application/pdf")


def count() -> Iterator[int]:
    yield 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", (Text(""),)),
        ("plain", (Text("plain"),)),
        (None, (Text("null"),)),
        (3, (Text("3"),)),
        (True, (Text("true"),)),
        (Text("t"), (Text("t"),)),
        (IMAGE, (IMAGE,)),
        ([Text("t"), IMAGE], (Text("t"), IMAGE)),
        ((IMAGE, "caption", {"k": 1}), (IMAGE, Text("caption"), Text('{"k":1}'))),
        ([], (Text("[]"),)),
        (["a", "b"], (Text('["a","b"]'),)),
        ({"k": [1.5, "é"]}, (Text('{"k":[1.5,"é"]}'),)),
        ({"b", "a"}, (Text('["a","b"]'),)),
        (Point(1), (Text('{"x":1}'),)),
        (Box(Point(1)), (Text('{"at":{"x":1}}'),)),
        (Colour.RED, (Text('"red"'),)),
        (dt.date(2024, 2, 29), (Text('"2024-02-29"'),)),
        (DOCUMENT, (DOCUMENT,)),
        ([DOCUMENT, "page 2"], (DOCUMENT, Text("page 2"))),
        (Dumped(2), (Text('{"n":2,"mode":"json"}'),)),
        ({"found": [Dumped(1)]}, (Text('{"found":[{"n":1,"mode":"json"}]}'),)),
        ({"k": b"\x00\xff"}, (Text('{"k":"AP8="}'),)),
        ("half \ud83d", (Text("half ?"),)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_content_of_a_result(value: object, expected: tuple[Text | Image, ...]) -> None:
    """Text and images stay, everything else becomes JSON, and nothing becomes nothing."""
    assert to_content(value) == expected


BYTES = "is bytes, which a model cannot read: return text, or an `Image` or `Document` of them"
ENDLESS: list[object] = []
ENDLESS.append(ENDLESS)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            object(),
            "the tool's result (object) cannot be written as JSON: "
            "Encoding objects of type object is unsupported",
        ),
        (
            [IMAGE, 1j],
            "the tool's result (complex) cannot be written as JSON: "
            "Encoding objects of type complex is unsupported",
        ),
        (
            {"k": "\ud800"},
            "the tool's result (dict) cannot be written as JSON: "
            "'utf-8' codec can't encode character '\\ud800' in position 0: surrogates not allowed",
        ),
        (
            ENDLESS,
            "the tool's result (list) cannot be written as JSON: maximum recursion depth exceeded",
        ),
        (b"raw", f"the tool's result (bytes) {BYTES}"),
        (bytearray(b"raw"), f"the tool's result (bytearray) {BYTES}"),
        (memoryview(b"raw"), f"the tool's result (memoryview) {BYTES}"),
        ([IMAGE, b"raw"], f"the tool's result (bytes) {BYTES}"),
        (
            count(),
            "the tool's result (generator) cannot be written as JSON: a generator is an iterator "
            "and no result yet: return `list(...)` of it",
        ),
        (
            {"k": map(str, [1])},
            "the tool's result (dict) cannot be written as JSON: a map is an iterator and no "
            "result yet: return `list(...)` of it",
        ),
        (
            Dumped,
            "the tool's result (type) cannot be written as JSON: "
            "Encoding objects of type type is unsupported",
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_content_that_json_cannot_carry(value: object, message: str) -> None:
    """The model is told what kind of result failed, and why."""
    with pytest.raises(ToolError) as caught:
        to_content(value)
    assert str(caught.value).startswith(message)  # Python's own words end it


def test_content_of_a_pydantic_model() -> None:
    """A model is dumped as its own JSON mode says, wherever it stands in the result."""
    pydantic = pytest.importorskip("pydantic", reason="pydantic is not installed")
    line = pydantic.create_model("Line", day=(dt.date, ...), note=(str | None, None))(
        day=dt.date(2024, 2, 29)
    )
    assert to_content(line) == (Text('{"day":"2024-02-29","note":null}'),)
    assert to_content([line, 1]) == (Text('[{"day":"2024-02-29","note":null},1]'),)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(JSON_VALUES)
def test_content_reads_back(value: object) -> None:
    """JSON-able results are whole in the content, and the content can be sent."""
    content = to_content(value)
    assert [type(part) for part in content] == [Text]
    assert parse(content[0].text or "") == value  # type: ignore[union-attr]


@given(st.text(st.characters()))
def test_content_of_any_text_can_be_sent(text: str) -> None:
    """Whatever string a tool returns goes into a request."""
    assert to_json(to_content(text))
